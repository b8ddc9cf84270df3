//! Miners that nobody can read: what sizes and times alone find, in the clear as well once payloads are hidden, and what
//! they must not find.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[path = "../pcaps/generate/kit.rs"]
mod kit;
mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kit::capture::{Capture, Family};
use kit::carriage::Carriage;
use kit::dialogue::{SECOND, Side};
use kit::tls::{self, Answer};
use kit::{heard, tcp};
use serde_json::Value;
use support::output::{Output, accuses, ends};
use support::run::{minewatch, replay_json};
use support::{Failures, corpus, parallel, pcaps};

/// Tests in here that need the captures.
const TESTS: usize = 2;

fn replayed(file: &Path, options: &[&str]) -> Output {
    Output::parse(&replay_json(&[file], options).stdout).unwrap()
}

fn codes(flow: &Value) -> Vec<&str> {
    flow["evidence"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect()
}

/// Codes that only sizes and times make.
fn is_heard(flow: &Value) -> bool {
    codes(flow).iter().any(|c| {
        [
            "steady-exchange",
            "steady-pushes",
            "known-sizes",
            "noise-sizes",
            "chance-requests",
            "job-timer",
            "block-clock",
        ]
        .contains(c)
    })
}

fn seconds(from: &Value, to: &Value) -> f64 {
    let at = |v: &Value| v.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_nanosecond();
    (at(to) - at(from)) as f64 / 1e9
}

#[test]
fn who_may_not_look_at_payloads_names_and_ports_finds_the_miner_all_the_same() {
    let output = replayed(&pcaps().join("heard-in-tls.pcap"), &["--payload-blind"]);
    let flows: Vec<_> = output.of("miner_flow").filter(|f| accuses(f)).collect();
    let [flow] = flows.as_slice() else { panic!("{flows:#?}") };
    assert_eq!(flow["dialect"], "encrypted");
    assert!(is_heard(flow));
    assert!(flow.get("tls").is_none() && flow.get("names").is_none(), "{flow:#}");
    assert!(!codes(flow).contains(&"miner-tls"), "{flow:#}");
    assert_eq!(output.of("contact").count(), 0);
}

#[test]
fn a_miner_in_the_clear_is_no_more_than_heard_of_without_its_payload() {
    for file in corpus::files(&pcaps()).iter().filter(|f| !f.to_string_lossy().ends_with(".json")) {
        let run = replay_json(&[file], &["--payload-blind"]);
        let Ok(output) = Output::parse(&run.stdout) else { continue };
        for flow in output.of("miner_flow") {
            assert_eq!(flow["dialect"], "encrypted", "{}: {flow:#}", file.display());
            assert_ne!(flow["verdict"], "confirmed", "{}: {flow:#}", file.display());
        }
    }
}

#[test]
fn nothing_that_was_only_heard_is_blocked_unless_the_operator_asks_for_less() {
    let file = pcaps().join("heard-in-tls.pcap");
    let lists = |least: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list.txt");
        let mut options = vec!["--blocklist", list.to_str().unwrap(), "--format", "plain", "--scope", "address"];
        options.push("--allow-documentation-ranges");
        options.extend(least);
        replay_json(&[&file], &options);
        std::fs::read_to_string(&list).unwrap().lines().filter(|l| !l.starts_with('#')).count()
    };
    assert_eq!(lists(&[]), 0);
    assert_eq!(lists(&["--least", "probable"]), 1, "somebody who asks for it gets it");
}

/// A miner without shares, mid-stream, in TLS, and when the blocks came that its pool told it of.
fn jobs_and_blocks(folder: &Path) -> (PathBuf, Vec<u64>) {
    let mut c = Capture::new(300, "blocks", "");
    let talk = c.line(Family::V4, 11, 443);
    let mut blocks = Vec::new();
    let said = heard::mining_of(3_600.0, 60.0, 0.0, &mut c.rng, &mut blocks);
    let opening = tls::conversation(&tls::openssl(None), &Answer::Tls13, 0, &mut c.rng);
    let dialogue = heard::in_tls(opening, &said, &mut c.rng);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    c.put(&talk, &segments, &Carriage::Plain);
    let product = c.finish().swap_remove(0);
    let file = folder.join(product.name);
    std::fs::write(&file, product.bytes).unwrap();
    (file, blocks.into_iter().map(|b| talk.start + b).collect())
}

#[test]
fn a_block_feed_makes_a_suspicion_probable_and_one_of_other_times_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (file, blocks) = jobs_and_blocks(folder.path());
    let verdict = |name: &str, shift: u64| {
        let mut csv = "time\n".to_owned();
        for at in &blocks {
            writeln!(csv, "{}.{:03}", (at + shift) / SECOND, (at + shift) / 1_000_000 % 1000).unwrap();
        }
        let path = folder.path().join(name);
        std::fs::write(&path, csv).unwrap();
        let output = replayed(&file, &["--block-feed", &format!("XMR={}", path.display())]);
        let flow = output.of("miner_flow").find(|f| accuses(f)).unwrap().clone();
        (codes(&flow).contains(&"block-phase"), flow)
    };
    let (phase, flow) = verdict("blocks.csv", 0);
    assert!(phase, "{flow:#}");
    assert_eq!(flow["verdict"], "probable");
    assert_eq!((flow["coin"].as_str(), flow["coin_basis"].as_str()), (Some("XMR"), Some("timing")));
    let (phase, flow) = verdict("others.csv", 31 * SECOND);
    assert!(!phase, "{flow:#}");
}

#[test]
fn a_feed_is_hidden_with_the_payload_and_one_without_blocks_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("feed");
    std::fs::write(&feed, "nothing of the kind\n").unwrap();
    let (feed, file) = (feed.to_str().unwrap(), pcaps().join("heard-in-tls.pcap"));
    let file = file.to_str().unwrap();
    let both = minewatch(["replay", "--payload-blind", "--block-feed", feed, file]);
    assert_eq!(both.code, Some(2), "{}", both.stderr);
    let bad = minewatch(["replay", "--block-feed", feed, file]);
    assert!(bad.code == Some(2) && bad.stderr.contains("no block"), "{}", bad.stderr);
}

#[test]
fn workers_change_nothing_in_what_is_heard() {
    for name in ["heard-in-tls.pcap", "heard-in-wireguard.pcap", "heard-jobs-only.pcap"] {
        for blind in [&[][..], &["--payload-blind"]] {
            let out = |workers| {
                let options = [blind, &["--workers", workers]].concat();
                let run = replay_json(&[pcaps().join(name)], &options);
                run.text().to_owned()
            };
            assert_eq!(out("1"), out("4"), "{name} {blind:?}");
        }
    }
}

#[test]
fn real_miners_are_found_without_their_payload_within_minutes() {
    let Some(root) = corpus::folder(TESTS) else { return };
    let mut delays = Vec::new();
    let mut confirmed = 0;
    for run in parallel(&corpus::files(&root.join("mining")), |f| replayed(f, &["--payload-blind"])) {
        for flow in run.of("miner_flow").filter(|f| accuses(f)) {
            confirmed += usize::from(flow["verdict"] == "confirmed");
            let same = |a: &&Value| ["src_ip", "src_port", "dest_ip"].iter().all(|k| a[*k] == flow[*k]);
            let told = run.of("miner_alert").filter(same).map(|a| seconds(&flow["first_seen"], &a["timestamp"]));
            let first = told.fold(f64::MAX, f64::min);
            if seconds(&flow["first_seen"], &flow["last_seen"]) >= 600.0 {
                delays.push(first);
            }
        }
    }
    let found = delays.len();
    // A host's second connection to its pool is no news.
    delays.retain(|d| *d < f64::MAX);
    delays.sort_by(f64::total_cmp);
    corpus::say(&format!(
        "{found} flows of ten minutes or more; of {} that were news the median is {:.0} s",
        delays.len(),
        delays[delays.len() / 2]
    ));
    assert_eq!(confirmed, 0);
    // Of 60 that there are.
    assert!(found >= 57 && delays.len() >= 30, "{found}, {}", delays.len());
    assert!(delays[delays.len() / 2] <= 480.0);
}

#[test]
fn nothing_else_sounds_like_a_miner_with_payload_or_without() {
    let Some(root) = corpus::folder(TESTS) else { return };
    let files: Vec<_> = ["node", "benign"].iter().flat_map(|d| corpus::files(&root.join(d))).collect();
    let mut failures = Failures::default();
    for found in parallel(&files, |file| {
        let mut failures = Failures::default();
        for options in [&[][..], &["--payload-blind"]] {
            let Ok(output) = Output::parse(&replay_json(&[file], options).stdout) else { continue };
            for flow in output.of("miner_flow").filter(|f| accuses(f) && is_heard(f)) {
                failures.add(file.display(), format!("{options:?}: {:?} {:?}", ends(flow), codes(flow)));
            }
        }
        failures
    }) {
        failures.extend(found);
    }
    failures.report();
}

#[test]
fn who_asks_why_not_is_told_what_was_heard_and_nothing_that_is_not_known() {
    let file = pcaps().join("heard-others.pcap");
    let file = file.to_str().unwrap();
    let report = minewatch(["replay", file]);
    assert!(report.text().contains("Listened to 4 connections that last and cannot be read, and heard nothing"));
    let blind = minewatch(["replay", pcaps().join("heard-in-wireguard.pcap").to_str().unwrap()]);
    assert!(blind.text().contains("what sounds like mining in 1 of them"), "{}", blind.text());
    // Neither shares, which would be zero in the clear, nor a stage.
    assert!(blind.text().contains(" -       ?"), "{}", blind.text());
    let heard = minewatch(["explain", "--json", "172.16.48.31", file]);
    let output = Output::parse(&heard.stdout).unwrap();
    let flow = output.of("miner_flow").next().expect("somebody was listened to");
    assert_eq!(flow["verdict"], "noted", "{flow:#}");
    for unknown in ["stage", "category", "shares", "jobs"] {
        assert!(flow.get(unknown).is_none(), "{unknown} in {flow:#}");
    }
    let text = minewatch(["explain", "172.16.48.31", file]);
    assert!(text.text().contains("noted  encrypted, listened to, frames"), "{}", text.text());
}

#[test]
fn a_tunnel_counts_from_its_first_packet() {
    let output = replayed(&pcaps().join("heard-in-wireguard.pcap"), &[]);
    let flow = output.of("miner_flow").find(|f| accuses(f)).unwrap();
    assert_eq!((&flow["first_frame"], &flow["mid_stream"]), (&1.into(), &false.into()), "{flow:#}");
    assert!(codes(flow).contains(&"known-sizes"), "{flow:#}");
}

/// How a connection ended is seen, and that nothing was said since.
#[test]
fn the_last_packet_of_one_that_ended_is_its_last_while_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [tcp::flag::FIN | tcp::flag::ACK, tcp::flag::RST] {
        let mut c = Capture::new(303, "ended", "");
        let play = |c: &mut Capture, host: u8, later: u64| {
            let mut talk = c.line(Family::V4, host, 443);
            talk.start += later;
            let said = heard::mining(1_200.0, 60.0, 15.0, &mut c.rng);
            let opening = tls::conversation(&tls::openssl(None), &Answer::Tls13, 0, &mut c.rng);
            let segments = tcp::play(&talk, &heard::in_tls(opening, &said, &mut c.rng), &mut c.rng);
            (talk, segments)
        };
        let (talk, mut segments) = play(&mut c, 11, 0);
        let own = segments.iter().rfind(|s| s.side == Side::Client).unwrap();
        let end = tcp::Segment {
            at: segments.last().unwrap().at + 5 * SECOND,
            side: Side::Client,
            seq: own.seq + own.payload.len() as u32,
            flags,
            payload: Vec::new(),
            options: Vec::new(),
            ..*own
        };
        let lasted = (end.at - talk.start) as f64 / SECOND as f64;
        segments.push(end);
        c.put(&talk, &segments, &Carriage::Plain);
        let (others, segments) = play(&mut c, 12, 7_200 * SECOND);
        c.put(&others, &segments, &Carriage::Plain);
        let file = folder.path().join("ended.pcap");
        std::fs::write(&file, c.finish().swap_remove(0).bytes).unwrap();
        let output = replayed(&file, &[]);
        let of_it = |f: &&Value| ends(f).0.ip() == talk.client.ip();
        let flow = output.of("miner_flow").find(of_it).unwrap();
        let seen = seconds(&flow["first_seen"], &flow["last_seen"]);
        assert!((seen - lasted).abs() < 0.001, "{flags:#x}: {seen} s of {lasted} s");
    }
}

/// Records of a classic pcap file, with their headers.
fn records(pcap: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut out) = (&pcap[24..], Vec::new());
    while let Some(len) = rest.get(8..12) {
        let (record, after) = rest.split_at(16 + u32::from_le_bytes(len.try_into().unwrap()) as usize);
        out.push(record);
        rest = after;
    }
    out
}

/// Anybody can send what looks like jobs to any address, whether somebody is there or not.
#[test]
fn who_is_only_sent_something_is_not_blamed() {
    let all = std::fs::read(pcaps().join("heard-in-tls.pcap")).unwrap();
    let from_miner = |r: &&[u8]| r[16 + 26..16 + 30] == [10, 21, 45, 11];
    let miners = records(&all).into_iter().filter(from_miner).count();
    assert!(miners > 100, "{miners}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sent.pcap");
    let alone: Vec<u8> = records(&all).into_iter().filter(|r| !from_miner(r)).flatten().copied().collect();
    std::fs::write(&file, [&all[..24], &alone].concat()).unwrap();
    for options in [&[][..], &["--payload-blind"]] {
        let output = replayed(&file, options);
        assert_eq!(output.of("miner_flow").filter(|f| accuses(f)).count(), 0, "{options:?}");
    }
}

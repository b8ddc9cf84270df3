//! The same frames give the same findings: byte for byte, whatever the number of workers, the batch size, the
//! compression, the pipe or the day.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::output::{Output, forget_names};
use support::run::{Run, Running, minewatch, program, replay_json, with_input};
use support::{Failures, corpus, parallel, pcaps};

/// Captures of the project, damaged ones of nobody.
fn own() -> Vec<PathBuf> {
    let files = corpus::files(&pcaps());
    let captures = files.into_iter().filter(|f| {
        let name = f.file_name().unwrap().to_string_lossy();
        [".pcap", ".pcapng", ".gz"].iter().any(|end| name.ends_with(end))
    });
    captures.collect()
}

/// What the captures of invented pools need to be known; it changes nothing for the others.
const FEEDS: [&str; 2] = ["--feeds", "pcaps/feed.toml"];

/// Those, and real mining captures where they are.
fn captures() -> Vec<PathBuf> {
    let mut all = own();
    assert!(all.len() > 100, "only {} captures in {}", all.len(), pcaps().display());
    all.extend(corpus::folder(1).iter().flat_map(|root| corpus::files(&root.join("mining"))));
    all
}

/// Where two outputs begin to differ.
fn difference(a: &[u8], b: &[u8]) -> Option<String> {
    if a == b {
        return None;
    }
    let (a, b) = (String::from_utf8_lossy(a), String::from_utf8_lossy(b));
    let (mut left, mut right) = (a.lines(), b.lines());
    loop {
        match (left.next(), right.next()) {
            (Some(l), Some(r)) if l == r => {}
            (l, r) => {
                let (l, r) = (l.unwrap_or("nothing"), r.unwrap_or("nothing"));
                let common = l.char_indices().zip(r.chars()).find(|((_, a), b)| a != b).map_or(0, |((i, _), _)| i);
                let from = l.char_indices().map(|(i, _)| i).rfind(|i| *i + 80 <= common).unwrap_or(0);
                let cut = |t: &str| t.get(from..).unwrap_or(t).chars().take(200).collect::<String>();
                return Some(format!("…{}\n    instead of …{}", cut(r), cut(l)));
            }
        }
    }
}

#[test]
fn workers_batches_and_repetition_change_no_byte() {
    let captures = captures();
    let mut failures = Failures::default();
    for found in parallel(&captures, |file| {
        let mut failures = Failures::default();
        let once = replay_json(&[file], &FEEDS);
        let mut compare = |how: &str, again: &Run| {
            if again.code != once.code {
                failures.differ(file.display(), how, format!("{:?}", again.code), format!("{:?}", once.code));
            }
            if let Some(d) = difference(&once.stdout, &again.stdout) {
                failures.add(file.display(), format!("{how}: {d}"));
            }
        };
        compare("again", &replay_json(&[file], &FEEDS));
        for workers in ["1", "2", "4"] {
            for batch in ["1", "7", "512"] {
                let how = format!("--workers {workers} --batch {batch}");
                let options = [&FEEDS[..], &["--workers", workers, "--batch", batch]].concat();
                compare(&how, &replay_json(&[file], &options));
            }
        }
        failures
    }) {
        failures.extend(found);
    }
    failures.report();
}

#[test]
fn the_whole_folder_is_as_deterministic_as_its_files() {
    let folder = pcaps();
    let mut failures = Failures::default();
    let [feeds, feed] = FEEDS;
    for arguments in [&["--json", feeds, feed][..], &[], &["--tenant", "vlan", "--json", feeds, feed]] {
        let run = |more: &[&str]| {
            let mut command = vec!["replay", folder.to_str().unwrap()];
            command.extend(arguments);
            command.extend(more);
            minewatch(command)
        };
        let once = run(&[]);
        assert_eq!(once.code, Some(1), "{}", once.stderr);
        for workers in ["1", "2", "3", "4", "13"] {
            for batch in ["1", "7", "512", "65536"] {
                if let Some(d) = difference(&once.stdout, &run(&["--workers", workers, "--batch", batch]).stdout) {
                    failures.add(format!("{arguments:?} --workers {workers} --batch {batch}"), d);
                }
            }
        }
    }
    failures.report();
}

/// The content of a capture, uncompressed.
fn content(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).unwrap();
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return bytes;
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
    plain
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Output without the names of inputs; sentences about an input are compared without its name.
fn nameless(run: &Run, name: &str) -> Result<Vec<Value>, String> {
    let text = run.text().replace(name, "INPUT");
    let mut output = Output::parse(text.as_bytes())?;
    output.lines.iter_mut().for_each(forget_names);
    Ok(output.lines)
}

#[test]
fn compression_and_the_pipe_change_nothing() {
    let captures = captures();
    let folder = tempfile::tempdir().unwrap();
    let mut failures = Failures::default();
    for found in parallel(&captures, |file| {
        let mut failures = Failures::default();
        let plain = content(file);
        let once = replay_json(&[file], &[]);
        let wanted = nameless(&once, file.to_str().unwrap());
        let mut compare = |how: &str, name: &str, run: &Run| {
            let got = nameless(run, name);
            if run.code != once.code {
                failures.differ(file.display(), how, format!("{:?}", run.code), format!("{:?}", once.code));
            }
            match (&got, &wanted) {
                (Ok(got), Ok(wanted)) if got.len() == wanted.len() => {
                    for (got, wanted) in got.iter().zip(wanted).filter(|(g, w)| g != w) {
                        failures.differ(file.display(), how, got, wanted);
                    }
                }
                (got, wanted) => failures.differ(file.display(), how, format!("{got:?}"), format!("{wanted:?}")),
            }
        };
        let gz = gzip(&plain);
        let zst = zstd::bulk::compress(&plain, 1).unwrap();
        // Names that promise nothing: content decides.
        let stem = file.file_name().unwrap().to_string_lossy().replace('.', "_");
        for (how, bytes) in [("plain", &plain), ("gzip", &gz), ("zstd", &zst)] {
            let path = folder.path().join(format!("{stem}_{how}.dump"));
            fs::write(&path, bytes).unwrap();
            compare(how, path.to_str().unwrap(), &replay_json(&[&path], &[]));
            compare(&format!("{how} in a pipe"), "standard input", &with_input(["replay", "--json", "-"], bytes));
            fs::remove_file(path).unwrap();
        }
        failures
    }) {
        failures.extend(found);
    }
    failures.report();
}

/// CF03: `tcpdump -w - | minewatch replay -`, which goes on for weeks, is no reason to wait for its end.
#[test]
fn cf03_an_alert_comes_before_the_end_of_the_pipe() {
    let bytes = fs::read(pcaps().join("cryptonote-xmrig-v4.pcap")).unwrap();
    // A pipe is cut anywhere, in the middle of a packet too.
    let (now, later) = bytes.split_at(bytes.len() * 3 / 4 + 5);
    for (arguments, alert) in
        [(&["replay", "-", "--json"][..], "\"event_type\":\"miner_alert\""), (&["replay", "-"], "confirmed")]
    {
        for workers in ["1", "4"] {
            let (mut running, mut stdin) = Running::start(program().args(arguments).args(["--workers", workers]));
            stdin.write_all(now).unwrap();
            stdin.flush().unwrap();
            loop {
                let line = running.line();
                let line = line.unwrap_or_else(|| panic!("{arguments:?}: no alert while the pipe is open"));
                assert!(!line.contains("\"miner_flow\""), "a report before the end: {line}");
                if line.contains(alert) && line.contains("192.168.1.11") {
                    break;
                }
            }
            stdin.write_all(later).unwrap();
            drop(stdin);
            let run = running.finish();
            assert_eq!((run.code, run.hung, run.stderr.as_str()), (Some(1), false, ""), "{arguments:?}");
        }
    }
}

/// What a pipe gives in one piece, it gives in dribs and drabs.
#[test]
fn a_pipe_that_drips_gives_the_same_bytes() {
    let bytes = fs::read(pcaps().join("ethproxy-spellings.pcap")).unwrap();
    let whole = with_input(["replay", "--json", "-"], &bytes);
    assert_eq!(whole.code, Some(1), "{}", whole.stderr);
    for piece in [1, 7, 4096] {
        let (running, mut stdin) = Running::start(program().args(["replay", "--json", "-"]));
        for part in bytes.chunks(piece) {
            stdin.write_all(part).unwrap();
        }
        drop(stdin);
        let run = running.finish();
        assert_eq!(difference(&whole.stdout, &run.stdout), None, "in pieces of {piece}");
    }
}

/// A classic capture with packets whose stamps, in seconds, are moved by `moved`, behind the `nth` of its own.
fn with_strays(capture: &[u8], strays: &[&[u8]], nth: usize, moved: i64) -> Vec<u8> {
    let record = |from: &[u8]| 16 + u32::from_le_bytes(from[8..12].try_into().unwrap()) as usize;
    let (mut at, mut now) = (24, &capture[24..28]);
    for _ in 0..nth.min(count(capture)) {
        now = &capture[at..at + 4];
        at += record(&capture[at..]);
    }
    let now = u32::from_le_bytes(now.try_into().unwrap());
    let mut out = capture[..at].to_vec();
    for stray in strays {
        let first = &stray[24..][..record(&stray[24..])];
        out.extend(u32::try_from(i64::from(now) + moved).unwrap().to_le_bytes());
        out.extend(&first[4..]);
    }
    out.extend(&capture[at..]);
    out
}

/// Frames of a classic capture.
fn count(mut capture: &[u8]) -> usize {
    capture = &capture[24..];
    let mut frames = 0;
    while let Some(len) = capture.get(8..12) {
        capture = &capture[16 + u32::from_le_bytes(len.try_into().unwrap()) as usize..];
        frames += 1;
    }
    frames
}

/// What is found in a capture: its mining flows, whose endpoints are blocked, and until when it went.
fn found(bytes: &[u8], workers: &str) -> (Vec<[Value; 5]>, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("strays.pcap");
    fs::write(&file, bytes).unwrap();
    let list = dir.path().join("list.txt");
    let options = ["--workers", workers, "--allow-documentation-ranges", "--blocklist", list.to_str().unwrap()];
    let run = replay_json(&[file], &options);
    let output = Output::parse(&run.stdout).unwrap();
    let flow = |f: &Value| ["verdict", "shares", "first_seen", "last_seen", "mid_stream"].map(|name| f[name].clone());
    assert_eq!(output.of("blocked").count(), 1);
    let list = fs::read_to_string(list).unwrap();
    let until = list.lines().find(|l| l.starts_with("# captured until: ")).unwrap();
    (output.of("miner_flow").map(flow).collect(), until.to_owned())
}

/// A mining session of 24 minutes; and somebody else's packet, who says nothing of mining.
fn mining_and_other() -> (Vec<u8>, Vec<u8>) {
    let read = |name: &str| fs::read(pcaps().join(name)).unwrap();
    (read("cryptonote-xmrig-v4.pcap"), read("heard-in-tls.pcap"))
}

#[test]
fn a_stamp_from_days_ahead_or_behind_changes_nothing_of_others() {
    let (mining, other) = mining_and_other();
    let plain = found(&mining, "1");
    assert_eq!(plain.0.len(), 1, "{plain:?}");
    for days in [-3, 3, 400] {
        for strays in [1, 5] {
            let capture = with_strays(&mining, &vec![&other[..]; strays], 40, days * 86_400);
            for workers in ["1", "2", "4"] {
                assert_eq!(found(&capture, workers), plain, "{strays} stamps {days} days away, {workers} workers");
            }
        }
    }
}

/// One host of several whose clock is wrong, and which has much to say.
#[test]
fn a_host_with_a_wrong_clock_changes_nothing_of_others_however_much_it_sends() {
    let (mining, other) = mining_and_other();
    let plain = found(&mining, "1");
    for minutes in [-3 * 60, 20, 3 * 60, 30 * 24 * 60] {
        let mut capture = mining.clone();
        // At the end first, so that the places of the others stay.
        for nth in [usize::MAX, 120, 80, 40] {
            capture = with_strays(&capture, &vec![&other[..]; 300], nth, minutes * 60);
        }
        for workers in ["1", "2", "4"] {
            assert_eq!(found(&capture, workers), plain, "{minutes} minutes away, {workers} workers");
        }
    }
}

/// A few stamps from far ahead behind all others: what was found is blocked for as long as without them.
#[test]
fn the_last_packets_alone_do_not_say_when_a_capture_ends() {
    let (mining, other) = mining_and_other();
    let plain = found(&mining, "1");
    for strays in [1, 3, 63, 300] {
        for days in [1, 400] {
            let capture = with_strays(&mining, &vec![&other[..]; strays], usize::MAX, days * 86_400);
            assert_eq!(found(&capture, "2"), plain, "{strays} stamps {days} days away");
        }
    }
}

/// Captures one behind the other, months apart and in any order: what is in each of them is found.
#[test]
fn captures_behind_one_another_are_read_as_they_are() {
    let (mining, _) = mining_and_other();
    let plain = found(&mining, "1");
    for days in [-60, -1, 1, 60] {
        let mut moved = mining.clone();
        let mut at = 24;
        while at < moved.len() {
            let seconds = u32::from_le_bytes(moved[at..at + 4].try_into().unwrap());
            let seconds = u32::try_from(i64::from(seconds) + days * 86_400).unwrap();
            moved[at..at + 4].copy_from_slice(&seconds.to_le_bytes());
            at += 16 + u32::from_le_bytes(moved[at + 8..at + 12].try_into().unwrap()) as usize;
        }
        let both = [&mining[..], &moved[24..]].concat();
        let one = found(&both, "1");
        // Of two ends, the later is that of the capture.
        assert_eq!(one.1, found(&moved, "1").1.max(plain.1.clone()), "{days} days later");
        for workers in ["2", "4"] {
            assert_eq!(found(&both, workers), one, "{days} days later, {workers} workers");
        }
    }
}

//! What the command line promises: exit statuses, sentences about what went wrong, help, block list options.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[path = "cli/contract.rs"]
mod contract;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/policy.rs"]
mod policy;
#[path = "cli/readme.rs"]
mod readme;
#[path = "cli/told.rs"]
mod told;

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::output::{Output, accuses};
use support::run::{Run, impatient, minewatch, replay_json, with_input};
use support::{lists, pcaps};

/// A miner at 198.51.100.81:3333.
const MINER: &str = "ppp.pcap";
/// Nothing that mines.
const BENIGN: &str = "benign-redis.pcap";
/// Who does nothing there.
const BENIGN_HOST: &str = "192.168.137.11";

fn pcap(name: &str) -> String {
    pcaps().join(name).to_str().unwrap().to_owned()
}

/// Asserts the exit status, with everything else in the message.
#[track_caller]
fn exits(run: &Run, code: i32) {
    assert!(run.code == Some(code) && !run.hung, "wanted exit status {code}: {run:#?}");
}

/// Asserts an error: status 2, nothing on standard output, and a sentence that holds `says`.
#[track_caller]
fn refused(arguments: &[&str], says: &str) {
    let run = minewatch(arguments);
    exits(&run, 2);
    assert!(run.stdout.is_empty(), "{arguments:?} printed {:?}", run.text());
    assert!(run.stderr.contains(says), "{arguments:?} says {:?}, and not {says:?}", run.stderr);
}

#[test]
fn exit_status_0_where_nothing_is_found() {
    for arguments in [&["replay"][..], &["replay", "--json"], &["explain", BENIGN_HOST]] {
        let run = minewatch(arguments.iter().map(|a| (*a).to_owned()).chain([pcap(BENIGN)]));
        exits(&run, 0);
        assert_eq!(run.stderr, "");
        assert!(!run.stdout.is_empty());
    }
}

#[test]
fn exit_status_1_where_miners_are_found() {
    for arguments in
        [&["replay"][..], &["replay", "--json"], &["explain", "192.168.81.11"], &["explain", "198.51.100.81"]]
    {
        let run = minewatch(arguments.iter().map(|a| (*a).to_owned()).chain([pcap(MINER)]));
        exits(&run, 1);
        assert_eq!(run.stderr, "");
        assert!(run.text().contains("192.168.81.11"));
    }
}

#[test]
fn explain_is_about_the_host_that_was_asked_for() {
    let run = minewatch(["explain".to_owned(), "10.20.102.12".to_owned(), pcap("hostile-strings.pcap")]);
    exits(&run, 1);
    assert!(run.text().contains("10.20.102.12") && run.text().contains("share-accepted"), "{}", run.text());
    assert!(!run.text().contains("10.20.102.11"), "another host: {}", run.text());
}

/// Who was mistyped must not look like somebody who does nothing wrong.
#[test]
fn explain_tells_who_was_never_met_from_who_does_nothing_and_suggests_who_was_meant() {
    for (slip, meant) in [
        ("192.168.81.12", ": did you mean 192.168.81.11?"),
        ("198.51.100.81:3334", ": did you mean 198.51.100.81:3333?"),
        ("192.0.2.77", ""),
        ("2001:db8::77", ""),
        ("pool.example", ""),
    ] {
        for more in [&[][..], &["--json"]] {
            let run = minewatch([&["explain", slip, &pcap(MINER)][..], more].concat());
            exits(&run, 2);
            let words = format!("{slip} occurs in none of the packets read{meant}\n");
            assert!(run.stderr.ends_with(&words), "{}", run.stderr);
        }
    }
}

#[test]
fn the_report_shows_the_writing_style_and_the_hints() {
    let run = minewatch(["replay".to_owned(), pcap("cryptonote-donation-v4.pcap")]);
    exits(&run, 1);
    let shown = |name: &str, value: &str| run.text().lines().any(|l| l.split_whitespace().eq([name, value]));
    let hint = run.text().lines().any(|l| l.split_whitespace().take(2).eq(["hints", "donation"]));
    assert!(shown("style", "XMRig") && hint, "{}", run.text());

    let run = replay_json(&[pcap("cryptonote-unnamed-v4.pcap")], &[]);
    let output = Output::parse(&run.stdout).unwrap();
    let flow = output.of("miner_flow").next().unwrap();
    assert_eq!((&flow["style"], &flow["agent"]), (&"XMRig".into(), &serde_json::Value::Null));
    assert!(run.text().contains("the client names no program, but writes as XMRig does"), "{}", run.text());
}

#[test]
fn a_host_that_may_mine_is_reported_and_is_no_finding() {
    let run = minewatch(["replay", "--json", "--allow-miner", "192.168.81.11", &pcap(MINER)]);
    exits(&run, 0);
    let output = Output::parse(&run.stdout).unwrap();
    assert!(output.of("miner_flow").all(|f| f["allowed"] == true) && output.of("miner_flow").count() == 1);
}

#[test]
fn exit_status_2_for_arguments_that_are_wrong() {
    let file = &pcap(MINER);
    refused(&[], "Usage:");
    refused(&["mine"], "mine");
    refused(&["apply"], "--check");
    refused(&["apply", "--check", "--remove"], "cannot be used with");
    refused(&["replay"], "INPUT");
    refused(&["replay", "--colour", file], "--colour");
    refused(&["replay", "--tenant", "customer", file], "customer");
    refused(&["replay", "--workers", "0", file], "--workers");
    refused(&["explain", "some body", file], "some body");
}

#[test]
fn exit_status_2_for_inputs_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("empty.pcap"), "").unwrap();
    fs::write(path("letter.pcap"), "Dear Sir or Madam, this is no capture at all.").unwrap();
    for name in ["missing.pcap", "empty.pcap", "letter.pcap"] {
        refused(&["replay", &path(name)], &path(name));
        refused(&["replay", "--json", &path(name)], &path(name));
        refused(&["explain", "192.0.2.1", &path(name)], &path(name));
    }
    fs::create_dir(path("folder")).unwrap();
    refused(&["replay", &path("folder")], "folder");
    let run = with_input(["replay", "-"], b"");
    exits(&run, 2);
    assert!(run.stderr.contains("standard input"), "{}", run.stderr);

    // One that cannot be read does not hide what another shows.
    let run = replay_json(&[pcap(MINER), path("missing.pcap")], &[]);
    exits(&run, 2);
    assert!(run.stderr.contains(&path("missing.pcap")), "{}", run.stderr);
    assert_eq!(Output::parse(&run.stdout).unwrap().of("miner_flow").filter(|f| accuses(f)).count(), 1);
}

#[test]
#[cfg(feature = "live")]
fn exit_status_2_for_an_interface_that_is_not_there() {
    refused(&["watch", "--interface", "no-such-if0"], "no-such-if0");
}

#[test]
fn a_capture_without_packets_is_no_error() {
    let header = &fs::read(pcaps().join(MINER)).unwrap()[..24];
    for arguments in [&["replay", "-"][..], &["replay", "--json", "-"]] {
        let run = with_input(arguments, header);
        exits(&run, 0);
        assert_eq!(run.stderr, "");
    }
}

/// Offsets of the packets of a little-endian pcap file.
fn packets(bytes: &[u8]) -> Vec<usize> {
    assert_eq!(bytes[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
    let mut all = Vec::new();
    let mut at = 24;
    while let Some(header) = bytes.get(at..at + 16) {
        all.push(at);
        at += 16 + u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
    }
    all
}

/// Findings up to the damage, status 2, and a sentence with file and offset.
#[track_caller]
fn is_damaged(file: &Path, bytes: &[u8], offset: usize) {
    fs::write(file, bytes).unwrap();
    let name = file.to_str().unwrap();
    let run = replay_json(&[file], &[]);
    exits(&run, 2);
    assert!(run.stderr.contains(name), "no file name: {}", run.stderr);
    assert!(run.stderr.contains(&format!("byte {offset}")), "no offset {offset}: {}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    let output = Output::parse(&run.stdout).unwrap();
    assert_eq!(output.of("miner_flow").filter(|f| accuses(f)).count(), 1);
    let problems = output.health()["problems"].as_array().unwrap();
    assert!(run.stderr.contains(problems[0].as_str().unwrap()), "{problems:?} and {}", run.stderr);
    let text = minewatch(["replay", name]);
    exits(&text, 2);
    assert!(text.text().contains("confirmed") && text.stderr == run.stderr, "{text:#?}");
}

#[test]
fn a_damaged_capture_gives_all_up_to_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(pcaps().join(MINER)).unwrap();
    let packets = packets(&whole);
    let last = *packets.last().unwrap();

    is_damaged(&folder.path().join("cut in data.pcap"), &whole[..last + 20], last);
    is_damaged(&folder.path().join("cut in header.pcap"), &whole[..last + 7], last);
    let mut wild = whole.clone();
    let hit = packets[packets.len() - 3];
    wild[hit + 8..hit + 16].fill(0xff);
    is_damaged(&folder.path().join("wild length.pcap"), &wild, hit);

    // A file name cannot speak for the program either.
    let evil = folder.path().join("a\n\u{1b}[2Jminewatch: all is well");
    fs::write(&evil, &whole[..last + 20]).unwrap();
    let run = replay_json(&[&evil], &[]);
    exits(&run, 2);
    assert!(!run.stderr.trim_end().contains(['\n', '\u{1b}']), "{:?}", run.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = pcaps().to_str().unwrap().to_owned();
    for arguments in [&["replay", &folder, "--json"][..], &["replay", &folder], &["explain", "192.168.1.11", &folder]] {
        for lines in [0, 1] {
            let run = impatient(arguments, lines);
            assert!(!run.hung && matches!(run.code, Some(0 | 1)), "{arguments:?} for {lines} lines: {run:?}");
            assert_eq!(run.stderr, "", "{arguments:?} for {lines} lines");
        }
    }
}

#[test]
fn block_list_options_that_do_not_go_together() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let list = list.to_str().unwrap();
    let file = &pcap(MINER);
    refused(&["replay", file, "--format", "nft"], "--blocklist");
    refused(&["replay", file, "--blocklist", list, "--format", "abacus"], "abacus");
    for format in ["pf", "edl", "mikrotik", "crowdsec"] {
        refused(&["replay", file, "--blocklist", list, "--format", format], "--scope address");
    }
    for format in ["plain", "stix", "misp", "zeek", "suricata-dataset", "dnsmasq", "unbound", "rpz", "hosts", "domains"]
    {
        let pairs = ["--scope", "host-pair", "--format", format];
        refused(&[&["replay", file, "--blocklist", list][..], &pairs].concat(), "use --scope endpoint if that is what");
    }
    refused(&["replay", file, "--blocklist", list, "--blocklist", "b", "--format", "nft"], "--format");
    refused(&["replay", file, "--blocklist", "-", "--format", "nft", "--format", "plain"], "--format");
    for (option, value) in [
        ("--ttl", "0s"),
        ("--ttl", "1 fortnight"),
        ("--max-entries", "0"),
        ("--max-entries", "many"),
        ("--never-block", "192.0.2.0/33"),
        ("--never-block-name", "shop example"),
        ("--never-block-name", "192.0.2.1"),
        ("--trust-resolver", "dns.example"),
        ("--allow-miner", "the-boss"),
        ("--least", "noted"),
        ("--scope", "internet"),
    ] {
        refused(&["replay", file, "--blocklist", list, option, value], value.split(' ').next().unwrap());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a refused command wrote something");
}

/// Replays the miner with a block list in a folder of its own; the folder and the output.
fn with_list(file: &str, name: &str, more: &[&str]) -> (tempfile::TempDir, PathBuf, Output) {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join(name);
    let mut arguments = vec!["--blocklist", list.to_str().unwrap()];
    arguments.extend(more);
    let run = replay_json(&[pcap(file)], &arguments);
    assert_eq!(run.stderr, "");
    let output = Output::parse(&run.stdout).unwrap();
    (folder, list, output)
}

/// The reasons for which something was not blocked.
fn reasons(output: &Output) -> Vec<&str> {
    output.of("block_refused").map(|l| l["reason"].as_str().unwrap()).collect()
}

#[test]
fn the_format_follows_the_name_unless_it_is_given() {
    let docs = "--allow-documentation-ranges";
    let wanted = ["198.51.100.81:3333".to_owned()].into();
    let (_folder, list, _) = with_list(MINER, "list.nft", &[docs]);
    assert_eq!(lists::nft(&fs::read_to_string(list).unwrap()), Ok(wanted));
    let (_folder, list, _) = with_list(MINER, "list.ipset", &[docs]);
    assert_eq!(lists::ipset(&fs::read_to_string(list).unwrap()).unwrap().len(), 1);
    let (_folder, list, _) = with_list(MINER, "list.txt", &[docs]);
    assert_eq!(lists::plain(&fs::read_to_string(list).unwrap()).unwrap().len(), 1);
    let (_folder, list, _) = with_list(MINER, "list", &[docs]);
    assert_eq!(lists::nft(&fs::read_to_string(list).unwrap()).unwrap().len(), 1);
    let (_folder, list, _) = with_list(MINER, "list.nft", &[docs, "--format", "plain"]);
    assert_eq!(lists::plain(&fs::read_to_string(list).unwrap()).unwrap().len(), 1);
}

#[test]
fn every_format_is_written_by_its_name_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let ends = [
        "dnsmasq.conf",
        "unbound.conf",
        "rpz",
        "hosts",
        "domains",
        "exabgp.conf",
        "pf",
        "rsc",
        "cisco",
        "edl",
        "rules",
        "dataset",
        "intel",
        "crowdsec.json",
        "stix.json",
        "misp.json",
        "csv",
        "json",
    ];
    let mut arguments = vec!["--allow-documentation-ranges".to_owned(), "--scope".to_owned(), "address".to_owned()];
    for end in ends {
        arguments.extend(["--blocklist".to_owned(), folder.path().join(format!("list.{end}")).display().to_string()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let lists = || ends.map(|end| fs::read_to_string(folder.path().join(format!("list.{end}"))).unwrap());
    for _ in 0..2 {
        let run = replay_json(&[pcap(MINER)], &arguments);
        assert_eq!(run.stderr, "");
    }
    let first = lists();
    for (end, text) in ends.iter().zip(&first) {
        let says_address = !["dnsmasq.conf", "unbound.conf", "rpz", "hosts", "domains"].contains(end);
        assert_eq!(text.contains("198.51.100.81"), says_address, "{end}: {text}");
        if end.ends_with("json") {
            serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|e| panic!("{end}: {e}"));
        }
    }
    replay_json(&[pcap(MINER)], &arguments);
    assert_eq!(lists(), first, "the same capture, the same bytes");
}

#[test]
fn what_must_not_be_blocked_is_told() {
    let (_folder, list, output) = with_list(MINER, "list.nft", &[]);
    assert_eq!(reasons(&output), ["documentation"]);
    assert_eq!(lists::nft(&fs::read_to_string(list).unwrap()).unwrap().len(), 0);
    let docs = "--allow-documentation-ranges";
    for (option, value, reason) in
        [("--never-block", "198.51.100.80/31", "never-block-list"), ("--allow-miner", "192.168.81.11", "allow-listed")]
    {
        let (_folder, list, output) = with_list(MINER, "list.nft", &[docs, option, value]);
        assert_eq!(reasons(&output), [reason], "{option}");
        assert_eq!(lists::nft(&fs::read_to_string(list).unwrap()).unwrap().len(), 0, "{option}");
    }
}

#[test]
fn a_list_of_nothing_is_a_list() {
    let (_folder, list, output) = with_list(BENIGN, "list.nft", &[]);
    assert_eq!(output.of("blocked").count() + output.of("block_refused").count(), 0);
    assert_eq!(lists::nft(&fs::read_to_string(list).unwrap()).unwrap().len(), 0);
}

#[test]
fn a_list_that_cannot_be_written_is_told_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("missing/list.nft");
    let run = replay_json(&[pcap(MINER)], &["--blocklist", list.to_str().unwrap()]);
    exits(&run, 2);
    assert!(run.stderr.contains(list.to_str().unwrap()), "{}", run.stderr);
    assert_eq!(run.text(), "");
}

/// `minewatch replay FILE --blocklist - | nft -f -`: nothing but the list may come out there.
#[test]
fn a_list_on_standard_output_is_alone_there() {
    for more in [&[][..], &["--json"]] {
        let capture = pcap(MINER);
        let arguments = ["replay", &capture, "--blocklist", "-", "--allow-documentation-ranges"];
        let run = minewatch(arguments.iter().chain(more));
        exits(&run, 1);
        assert_eq!(lists::nft(run.text()), Ok(["198.51.100.81:3333".to_owned()].into()));
        assert!(run.stderr.contains("198.51.100.81"), "the report goes beside it");
    }
}

#[test]
fn help_and_version_are_no_error() {
    for arguments in [&["--help"][..], &["--version"], &["help"], &["replay", "--help"], &["replay", "-h"]] {
        let run = minewatch(arguments);
        exits(&run, 0);
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{run:#?}");
    }
}

fn help(arguments: &[&str]) -> String {
    let run = minewatch(arguments);
    exits(&run, 0);
    run.text().to_owned()
}

#[test]
fn help_of_replay() {
    insta::assert_snapshot!("help-replay", help(&["replay", "--help"]));
}

#[test]
fn help_of_explain() {
    insta::assert_snapshot!("help-explain", help(&["explain", "--help"]));
}

#[test]
#[cfg(all(feature = "live", feature = "state"))]
fn help_of_check() {
    insta::assert_snapshot!("help-check", help(&["check", "--help"]));
}

#[test]
fn help_of_apply() {
    insta::assert_snapshot!("help-apply", help(&["apply", "--help"]));
}

#[test]
#[cfg(feature = "serve")]
fn help_of_watch() {
    insta::assert_snapshot!("help-watch", help(&["watch", "--help"]));
}

#[test]
#[cfg(feature = "state")]
fn help_of_what_is_remembered() {
    for command in ["entries", "block", "isolate", "release", "blocklist", "incidents"] {
        insta::assert_snapshot!(format!("help-{command}"), help(&[command, "--help"]));
    }
}

#[test]
#[cfg(all(feature = "live", feature = "state"))]
fn help_of_status() {
    insta::assert_snapshot!("help-status", help(&["status", "--help"]));
}

#[test]
#[cfg(all(feature = "live", feature = "state"))]
fn help_of_the_program() {
    insta::assert_snapshot!("help", help(&["--help"]));
}

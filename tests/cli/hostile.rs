//! Strings that peers chose, meant for whoever reads the report: SE01, SE03, SE05.

use std::fs;
use std::process::Command;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{exits, pcap};
use crate::support::output::Output;
use crate::support::run::{finish, minewatch, program, replay_json};
use crate::support::{corpus, pcaps};

/// Characters that a terminal obeys, that reorder a line, or that nobody sees; the line feed is ours.
fn is_control(c: char) -> bool {
    c != '\n' && c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[track_caller]
fn is_harmless(text: &str) {
    let found = text.char_indices().find(|(_, c)| is_control(*c));
    assert!(found.is_none(), "{found:?} in {:?}", text.lines().find(|l| l.contains(is_control)));
}

#[test]
fn se01_no_control_character_reaches_text_or_json() {
    let file = pcap("hostile-strings.pcap");
    let hosts = ["10.20.102.11", "10.20.102.12", "10.20.102.13", "10.20.102.14", "198.51.100.102"];
    let mut commands = vec![vec!["replay", &file], vec!["replay", "--json", &file]];
    commands.extend(hosts.iter().map(|h| vec!["explain", h, &file]));
    for command in commands {
        let run = minewatch(&command);
        exits(&run, 1);
        is_harmless(run.text());
        assert_eq!(run.stderr, "", "{command:?}");
        // A line feed of a peer would begin a line of its own.
        assert!(!run.text().lines().any(|l| l.starts_with("ALERT") || l.starts_with("delete")), "{}", run.text());
    }
    // Everything else as well, piped alerts included.
    let run = minewatch(["replay", pcaps().to_str().unwrap()]);
    exits(&run, 1);
    is_harmless(run.text());
    let run = crate::support::run::with_input(["replay", "-"], &fs::read(&file).unwrap());
    exits(&run, 1);
    is_harmless(run.text());
}

#[test]
fn se01_json_gives_back_exactly_what_was_sent() {
    let run = replay_json(&[pcap("hostile-strings.pcap")], &[]);
    let output = Output::parse(&run.stdout).unwrap();
    let text = fs::read_to_string(pcaps().join("hostile-strings.expect.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let strings = |flows: Vec<&Value>, port: &str| -> Vec<(u64, String, String)> {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let mut all: Vec<_> =
            flows.iter().map(|f| (f[port].as_u64().unwrap(), text(&f["login"]), text(&f["agent"]))).collect();
        all.sort();
        all
    };
    let sent = strings(expected["flows"].as_array().unwrap().iter().collect(), "miner_port");
    assert!(sent.iter().any(|(_, _, agent)| agent.contains('\u{1b}')), "the capture is no longer hostile");
    assert_eq!(strings(output.of("miner_flow").collect(), "src_port"), sent);
}

#[test]
fn se03_no_string_of_a_peer_enters_a_firewall_file() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let formats = ["nft", "ipset", "iptables", "plain"].into_iter().flat_map(|f| ["--format", f]);
    let options = ["--allow-documentation-ranges", "--blocklist", list.to_str().unwrap()];
    let arguments: Vec<&str> = options.into_iter().chain(formats).collect();
    exits(&replay_json(&[pcap("hostile-strings.pcap")], &arguments), 1);
    let files = corpus::files(folder.path());
    assert_eq!(files.len(), 5, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)), "{text:?}");
        for word in ["pwn", "victim", "delete", "192.0.2.1", "cmd", "calc", "script", "rig1", "45VJmR1ktRs2"] {
            let found = text.lines().find(|l| !l.starts_with('#') && l.contains(word));
            assert_eq!(found, None, "{}", file.display());
            let comment = text.lines().find(|l| l.contains(word) && !l.contains("nft delete table inet minewatch"));
            assert_eq!(comment, None, "{}", file.display());
        }
    }
}

#[test]
fn colour_is_for_terminals_only() {
    for variable in [None, Some(("NO_COLOR", "1")), Some(("TERM", "xterm-256color"))] {
        for arguments in [["replay", &pcap("attempts.pcap")], ["replay", "--help"], ["replay", "--bogus"]] {
            let run = finish(program().args(arguments).envs(variable));
            assert!(!run.stdout.contains(&0x1b) && !run.stderr.contains('\u{1b}'), "{variable:?} {run:#?}");
        }
    }
}

/// Runs the program on a terminal of 72 columns; `None` where there is no tool to make one.
fn on_a_terminal(environment: &[(&str, &str)]) -> Option<String> {
    let shell = format!(
        "stty cols 72 rows 24 && '{}' replay '{}' 2>/dev/null",
        env!("CARGO_BIN_EXE_minewatch"),
        pcap("hostile-strings.pcap")
    );
    let mut script = Command::new("script");
    script
        .args(["-qec", &shell, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .envs(environment.iter().copied());
    let out = script.stdin(std::process::Stdio::null()).output();
    if out.as_ref().is_err() {
        corpus::say("skipped 1 test on a terminal: script(1) is not here");
    }
    let text = String::from_utf8(out.ok()?.stdout).unwrap();
    Some(text.replace("\r\n", "\n"))
}

/// Text without colours; whatever else begins with an escape is left in.
fn without_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('m') {
            Some((code, rest)) if code.bytes().all(|b| b.is_ascii_digit() || b == b';') => plain.push_str(rest),
            _ => plain.extend(["\u{1b}[", part]),
        }
    }
    plain
}

#[test]
fn a_terminal_gets_colours_that_fit_and_nothing_else() {
    let Some(coloured) = on_a_terminal(&[]) else { return };
    assert!(coloured.contains("\u{1b}["), "no colour: {coloured:?}");
    let plain = without_colour(&coloured);
    is_harmless(&plain);
    assert!(plain.contains("10.20.102.14") && plain.contains("confirmed"), "{plain}");
    for line in plain.lines() {
        assert!(line.width() <= 72, "{} columns: {line}", line.width());
    }
    for environment in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert_eq!(on_a_terminal(&[environment]), Some(plain.clone()), "{environment:?}");
    }
    // An empty value is no wish (no-color.org).
    assert_eq!(on_a_terminal(&[("NO_COLOR", "")]), Some(coloured));
}

//! What README shows as printed by the program is what the program prints.

use std::fs;

use super::{pcap, pcaps};
use crate::support::run::minewatch;

/// Fenced blocks of README, as lines.
fn blocks() -> Vec<Vec<String>> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let parts = text.split("\n```").skip(1).step_by(2);
    parts.map(|b| b.lines().skip(1).map(str::to_owned).collect()).collect()
}

/// Without the file behind a frame's number, and with single blanks.
fn bare(line: &str) -> String {
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.split_once(" of pcaps/") {
        Some((before, behind)) if behind.contains(',') => {
            format!("{before},{}", behind.split_once(',').unwrap().1)
        }
        _ => words,
    }
}

/// Whether README's line is the beginning of the program's; `…` stands for anything.
fn shows(readme: &str, printed: &str) -> bool {
    let mut rest = printed;
    for (i, piece) in readme.split('…').enumerate() {
        match rest.find(piece) {
            Some(at) if i > 0 || at == 0 => rest = &rest[at + piece.len()..],
            _ => return false,
        }
    }
    true
}

#[track_caller]
fn all_shown<'a>(readme: impl Iterator<Item = &'a String>, printed: &str) {
    let printed: Vec<String> = printed.lines().map(bare).collect();
    for line in readme.map(|l| bare(l)) {
        assert!(printed.iter().any(|p| shows(&line, p)), "README shows what is not printed: {line}");
    }
}

#[test]
fn the_first_report_in_readme_is_printed() {
    let all = blocks();
    let report = all.iter().find(|b| b.first().is_some_and(|l| l.contains(" miners found: "))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (list, feed) = (folder.path().join("list.nft"), pcaps().join("feed.toml"));
    let [list, feed] = [list, feed].map(|p| p.to_str().unwrap().to_owned());
    let folder = pcaps().to_str().unwrap().to_owned();
    let run = minewatch(["replay", &folder, "--feeds", &feed, "--blocklist", &list, "--allow-documentation-ranges"]);
    all_shown(report.iter(), &run.text().replace(&format!(" of {folder}/"), " of pcaps/"));
}

#[test]
fn explanations_in_readme_are_printed() {
    let all = blocks();
    let asked = all.iter().filter_map(|b| Some((b.first()?.strip_prefix("$ minewatch explain ")?, &b[1..])));
    let mut shown = 0;
    for (arguments, lines) in asked {
        let mut words = arguments.split_whitespace();
        let (host, file) = (words.next().unwrap(), words.next().unwrap());
        let run = minewatch(["explain", host, &pcap(file.strip_prefix("pcaps/").unwrap())]);
        all_shown(lines.iter(), run.text());
        shown += 1;
    }
    assert!(shown >= 2, "README explains nothing");
}

#[test]
fn the_damaged_capture_in_readme_is_told_so() {
    let all = blocks();
    let block = all.iter().find(|b| b.first().is_some_and(|l| l.starts_with("$ head -c 3000 pcaps/"))).unwrap();
    let name = block[0].split_whitespace().find_map(|w| w.strip_prefix("pcaps/")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.pcap");
    fs::write(&cut, &fs::read(pcap(name)).unwrap()[..3_000]).unwrap();
    let run = minewatch(["replay", cut.to_str().unwrap()]);
    let printed = run.stderr.replace(&format!("{}/", folder.path().display()), "");
    all_shown(block[1..].iter(), &printed);
}

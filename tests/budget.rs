//! How many instructions minewatch needs for short captures: what a slower packet path cannot hide behind a busy machine.
//!
//! The captures come from the project's generator; `valgrind --tool=callgrind` counts; `budget.txt` says what was needed
//! when it was last renewed. More than [`HEAD_ROOM`] above that fails.
//!
//! `cargo test` counts the program as it is built for tests, because nothing else is there: other instructions than in
//! what is shipped, but an allocation, a copy or a second look at the same bytes shows in both. `./dev bench --budget`
//! builds what is shipped and holds it to the other column; with `--renew` it writes both.
//!
//! Environment: `MINEWATCH_BUDGET_PROGRAM`, a program built in release mode; `MINEWATCH_BUDGET=renew`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of a test, which clippy does not see

#[path = "../pcaps/generate/kit.rs"]
mod kit;
#[path = "../pcaps/generate/workload/mod.rs"]
mod workload;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use workload::{Kind, Size};

/// Part of a budget that may come on top: standard libraries, compilers and processors differ a little.
const HEAD_ROOM: f64 = 0.10;
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/budget.txt");
/// What stands above the numbers.
const HEAD: usize = 4;

/// Name, kind and size of each capture; [`START`] is one packet.
const START: &str = "start";
const CAPTURES: [(&str, Kind, Size); 5] = [
    ("mix", Kind::Mix, Size::packets(12_000)),
    ("stratum", Kind::Stratum, Size { bytes: 2_500_000, flows: 300, ..Size::UNBOUNDED }),
    ("json", Kind::Json, Size::packets(12_000)),
    ("tiny", Kind::Tiny, Size { flows: 4000, ..Size::UNBOUNDED }),
    ("out-of-order", Kind::OutOfOrder, Size::packets(6000)),
];

/// A line of the file: name, and instructions as built for tests and in release mode, where they were ever counted.
type Line = (String, [Option<u64>; 2]);

fn read() -> Vec<Line> {
    let text = std::fs::read_to_string(FILE).unwrap();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    let line = |l: &str| {
        let mut words = l.split_whitespace();
        let name = words.next()?.to_owned();
        let mut number = || words.next().and_then(|w| w.replace('_', "").parse().ok());
        Some((name, [number(), number()]))
    };
    lines.filter_map(line).collect()
}

fn write(lines: &[Line]) {
    let old = std::fs::read_to_string(FILE).unwrap();
    let mut text: String = old.lines().take(HEAD).flat_map(|l| [l, "\n"]).collect();
    for (name, [tests, release]) in lines {
        let say = |n: &Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        writeln!(text, "{name:<14} {:>14} {:>16}", say(tests), say(release)).unwrap();
    }
    std::fs::write(FILE, text).unwrap();
}

/// Whether callgrind can be had; says so if not.
fn valgrind() -> bool {
    let there = Command::new("valgrind").arg("--version").output().is_ok_and(|o| o.status.success());
    if !there {
        // Past the capture of the test's output, so that `./dev test` can count it.
        let said = "budget tests skipped so far: 1 (valgrind is not installed: apt-get install valgrind)";
        let _ = writeln!(std::io::stderr(), "{said}");
    }
    there
}

/// Instructions for reading `capture` with one worker.
fn count(program: &Path, capture: &Path) -> u64 {
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["replay", "--json", "--workers", "1"])
        .arg(capture)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    // 1: miners were found.
    assert!(matches!(out.status.code(), Some(0 | 1)), "{}: {said}", out.status);
    let collected = said.lines().find_map(|l| l.split_once("Collected : ")).map(|(_, n)| n.trim().parse());
    collected.unwrap_or_else(|| panic!("callgrind counted nothing: {said}")).unwrap()
}

#[test]
fn no_capture_takes_more_instructions_than_its_budget() {
    if !valgrind() {
        return;
    }
    let release = std::env::var_os("MINEWATCH_BUDGET_PROGRAM");
    let column = usize::from(release.is_some());
    let program = release.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_minewatch")), PathBuf::from);
    let renew = std::env::var_os("MINEWATCH_BUDGET").is_some_and(|v| v == "renew");
    let folder = tempfile::tempdir().unwrap();
    let counted = |name: &str, kind: Kind, size: Size| {
        let path = folder.path().join(format!("{name}.pcap"));
        workload::write(kind, &path, size, 1).unwrap();
        count(&program, &path)
    };
    let start = counted(START, Kind::Mix, Size::packets(1));
    let mut now = vec![(START, start)];
    now.extend(CAPTURES.map(|(name, kind, size)| (name, counted(name, kind, size).saturating_sub(start))));

    let mut lines = read();
    let mut over = String::new();
    for (name, instructions) in now {
        let place = lines.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
            lines.push((name.to_owned(), [None; 2]));
            lines.len() - 1
        });
        let budget = &mut lines[place].1[column];
        let change = budget.map_or(0.0, |b| instructions as f64 / b as f64 - 1.0);
        println!("{name:<14} {instructions:>14} {:>+7.1} %", change * 100.0);
        if renew {
            *budget = Some(instructions);
        } else if budget.is_none() {
            writeln!(over, "{name} has no budget").unwrap();
        } else if change > HEAD_ROOM {
            writeln!(over, "{name}: {instructions} instructions, {:.1} % over its budget", change * 100.0).unwrap();
        }
    }
    if renew {
        write(&lines);
    }
    assert!(over.is_empty(), "{over}If that is what it is worth: ./dev bench --budget --renew");
}

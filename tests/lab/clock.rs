//! Clocks that are set while it watches.
//!
//! The clock of a namespace cannot be set, so the watch is told another time by the library of the Debian package
//! `faketime`; the kernel's times of frames stay right. Frames whose times jump are replayed instead.

use std::io::Write;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::forged::session;
use crate::netns::world::ip;
use crate::raw::Way;
use crate::watch::{Lab, MINEWATCH, Watch, held, lab, mines_until_cut};

const DAY: u64 = 86_400;

/// The library that tells another time.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = folders.map(|f| f.path().join("faketime/libfaketime.so.1")).find(|p| p.exists());
    if found.is_none() {
        // Past the capture of the test runner.
        let _ = writeln!(std::io::stderr(), "a test of the clock is skipped: the package faketime is not there");
    }
    found
}

fn watch_by(lab: &Lab, library: &Path, clock: &Path) -> Watch {
    let mut command = lab.world.gateway.command("env");
    for (name, value) in [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", clock),
        ("FAKETIME_NO_CACHE", Path::new("1")),
        // The clock that nobody sets is left alone; older versions of the library know the second name.
        ("FAKETIME_DONT_FAKE_MONOTONIC", Path::new("1")),
        ("DONT_FAKE_MONOTONIC", Path::new("1")),
    ] {
        command.arg(format!("{name}={}", value.display()));
    }
    command.args([MINEWATCH, "watch", "-i", "in0", "--apply", "--look-every", "1s", "--allow-documentation-ranges"]);
    Watch::spawn(command.arg("--state").arg(lab.state()))
}

/// Seconds for which the kernel was told to hold the entries.
fn lives(lab: &Lab) -> Vec<u64> {
    let json: serde_json::Value =
        serde_json::from_str(&lab.world.gateway.run("nft -j list table inet minewatch_live")).unwrap();
    let objects = json["nftables"].as_array().unwrap();
    let elements = objects.iter().filter_map(|o| o["set"]["elem"].as_array()).flatten();
    elements.filter_map(|e| e["elem"]["timeout"].as_u64()).collect()
}

#[test]
fn a_clock_that_is_set_forward_and_back_ends_no_entry_and_makes_none_eternal() {
    let Some(lab) = lab() else { return };
    let Some(library) = faketime() else { return };
    // In the folder of the state, which the watch may read.
    let clock = lab.state().join("clock");
    let set = |by: &str| std::fs::write(&clock, by).unwrap();
    set("+0");
    let mut watch = watch_by(&lab, &library, &clock);
    let mut before: Vec<SocketAddr> = Vec::new();
    for (n, by) in (20_u8..).zip(["+0", "+3h", "-3h", "+1h", "+0"]) {
        set(by);
        let addr = format!("198.51.100.{n}");
        lab.world.outside.address("eth0", ip(&addr));
        let (_pool, at) = lab.pool(&addr);
        let mut miner = lab.mines(at);
        watch.says(&format!("cut off {at}/tcp"));
        mines_until_cut(&mut miner);
        before.push(at);
        for at in &before {
            assert!(held(&lab.world.gateway, *at), "{at} after {by}");
        }
        let lives = lives(&lab);
        assert_eq!(lives.len(), before.len(), "after {by}");
        assert!(lives.iter().all(|l| (DAY - 7 * 3_600..=DAY).contains(l)), "{lives:?} after {by}");
    }
    let said = watch.ends();
    assert!(!said.contains("no longer cut off"), "{said}");
    assert!(!said.contains("panic"), "{said}");
    assert_eq!(lab.entries().len(), before.len());
}

#[test]
fn miners_are_found_in_a_capture_whose_clock_was_set_forward_and_back() {
    const HOUR: u32 = 3_600;
    const AT: u32 = 1_780_000_000;
    let mut capture = Vec::new();
    // pcap: magic number, version, zone, accuracy, length at the most, Ethernet.
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1_u32] {
        capture.extend(word.to_le_bytes());
    }
    let jumps = [AT, AT + 30 * HOUR, AT + 60, AT - 5 * HOUR, AT + 120];
    for (n, secs) in (1_u8..).zip(jumps) {
        let ends =
            (SocketAddrV4::new([192, 0, 2, n].into(), 50_000), SocketAddrV4::new([198, 51, 100, n].into(), 3333));
        let macs = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let miner = Way { macs, from: ends.0, to: ends.1 };
        let pool = Way { macs: (macs.1, macs.0), from: ends.1, to: ends.0 };
        for (micros, (_, frame)) in (0_u32..).step_by(1_000).zip(session(miner, pool, true)) {
            let len = u32::try_from(frame.len()).unwrap();
            for word in [secs, micros, len, len] {
                capture.extend(word.to_le_bytes());
            }
            capture.extend(frame);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jumps.pcap");
    std::fs::write(&file, capture).unwrap();
    for workers in ["1", "2", "4"] {
        let out = Command::new(MINEWATCH).args(["replay", "--json", "--workers", workers]).arg(&file).output().unwrap();
        let said = String::from_utf8(out.stdout).unwrap();
        let told = said.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
        let flows = told.filter(|l| {
            l["event_type"] == "miner_flow" && l["verdict"] == "confirmed" && l["handshake_verified"] == true
        });
        assert_eq!(flows.count(), jumps.len(), "{workers} workers: {said}");
    }
}

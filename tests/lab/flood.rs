//! A flood of connections that never open.
//!
//! `MINEWATCH_FLOOD_SECS=10 cargo test --test lab flood -- --nocapture` makes it last longer and prints figures.

use std::io::IoSlice;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};

use crate::netns::say;
use crate::netns::world::POOLS;
use crate::raw::{Mac, Way, Wire};
use crate::soak::field;
use crate::watch::{held, lab, mines_until_cut, share};

/// Frames handed to the kernel at a time.
const BATCH: usize = 64;
/// What is sent before the owner is told that it floods.
const FLOODS: u64 = 50_000;
/// One flood at a time.
static TURN: Mutex<()> = Mutex::new(());
/// By how much a watch may grow: 65,536 half-open connections, what is on its way between threads, and slack.
const BOUND: u64 = 32 << 20;

/// A role: sends SYN segments of made-up addresses out of a device as fast as it can, for some seconds at least and until
/// it hears a line; then says how many. `DEVICE SECONDS`.
pub(crate) fn flood(rest: &str) -> String {
    let (device, secs) = rest.split_once(' ').unwrap();
    let wire = Wire::open(device).taking("ether proto 0x1234");
    // Nobody's: it passes by everybody.
    let nobody: Mac = [2, 0, 0, 0, 0, 9];
    let syn = Way {
        macs: ([2, 0, 0, 0, 0, 8], nobody),
        from: "192.0.2.9:40000".parse().unwrap(),
        to: "198.51.100.10:80".parse().unwrap(),
    };
    let mut frames = vec![syn.tcp("S", (0, 0), b""); BATCH];
    let (begun, until) = (Instant::now(), Duration::from_secs(secs.parse().unwrap()));
    let (mut sent, mut random) = (0_u64, 0x9e37_79b9_7f4a_7c15_u64);
    let heard = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&heard);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        flag.store(true, Ordering::Relaxed);
    });
    while begun.elapsed() < until || !heard.load(Ordering::Relaxed) {
        for frame in &mut frames {
            // xorshift64.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            make_up(frame, random);
        }
        let slices: Vec<_> = frames.iter().map(|f| [IoSlice::new(f)]).collect();
        let mut controls: Vec<_> = frames.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let mut messages: Vec<_> = slices.iter().zip(&mut controls).map(|(s, c)| MMsgHdr::new(s, c)).collect();
        let before = sent;
        sent += sendmmsg(wire.as_fd(), &mut messages, SendFlags::empty()).unwrap() as u64;
        if before < FLOODS && sent >= FLOODS {
            say("FLOODS");
        }
    }
    format!("{sent} {}", begun.elapsed().as_millis())
}

/// Another source address, port and number, with checksums that are right.
fn make_up(frame: &mut [u8], random: u64) {
    let bytes = random.to_be_bytes();
    frame[26..30].copy_from_slice(&bytes[..4]);
    frame[34..36].copy_from_slice(&bytes[4..6]);
    frame[38..40].copy_from_slice(&bytes[6..8]);
    checksum(&mut frame[14..34], 10, 0);
    // The pseudo header of RFC 9293 §3.1: addresses, protocol, length.
    let addresses = sum(&frame[26..34]) + 6 + 20;
    checksum(&mut frame[34..54], 16, addresses);
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks_exact(2).map(|b| u32::from(u16::from_be_bytes([b[0], b[1]]))).sum()
}

/// RFC 1071, into the field at `at`.
fn checksum(bytes: &mut [u8], at: usize, mut more: u32) {
    bytes[at..at + 2].fill(0);
    more += sum(bytes);
    more = (more & 0xffff) + (more >> 16);
    more = (more & 0xffff) + (more >> 16);
    bytes[at..at + 2].copy_from_slice(&(!more as u16).to_be_bytes());
}

#[test]
fn who_begins_to_mine_in_a_flood_of_half_open_connections_is_cut_off() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(lab) = lab() else { return };
    let secs: u64 = std::env::var("MINEWATCH_FLOOD_SECS").map_or(3, |s| s.parse().unwrap());
    let mut watch = lab.watch(&["--apply", "--json"]);
    let (_pool, at) = lab.pool(POOLS[0].0);
    let before = field(watch.pid(), "VmHWM:");
    let mut flood = lab.world.inside.role(&format!("flood eth0 {secs}"));
    assert_eq!(flood.hear(), "FLOODS");
    // A miner that is not cut off goes on; one whose first packets were lost on the way to the watch connects anew, as
    // they all do now and then.
    let since = Instant::now();
    let mut connections = 0;
    let took = loop {
        connections += 1;
        let mut miner = lab.world.inside.role(&format!("mine {at}"));
        if miner.hear().starts_with("CUT") || (0..2_000).any(|_| share(&mut miner).starts_with("CUT")) {
            break since.elapsed();
        }
    };
    assert!(held(&lab.world.gateway, at));
    flood.go_on();
    let told = flood.hear();
    let (sent, ms) = told.split_once(' ').unwrap();
    let (sent, ms): (u64, u64) = (sent.parse().unwrap(), ms.parse().unwrap());
    // Whatever came before this one has been read when it is told.
    let (_last, end) = lab.pool(POOLS[1].0);
    let _miner = lab.mines(end);
    watch.says(&format!("cut off {end}/tcp"));
    let peak = field(watch.pid(), "VmHWM:");
    let said = watch.ends();
    let health: serde_json::Value = said
        .lines()
        .filter_map(|l| serde_json::from_str(l).ok())
        .find(|l: &serde_json::Value| l["event_type"] == "health")
        .unwrap();
    let dropped = health["kernel_drops"].as_u64().unwrap();
    println!(
        "{sent} half-open connections in {ms} ms, {} a second; {dropped} frames dropped; the miner was cut off {} ms after \
         it began, at connection {connections}; the watch takes {} MiB at the most, {} MiB before",
        sent * 1000 / ms,
        took.as_millis(),
        peak >> 20,
        before >> 20
    );
    assert!(peak < before + BOUND, "{before} bytes before, {peak} at the most");
    let seen = health["frames"].as_u64().unwrap();
    assert!(seen + dropped >= sent, "frames are read or told as dropped: {seen} and {dropped} of {sent}");
}

#[test]
fn what_the_kernel_drops_in_a_flood_is_told_and_the_watch_goes_on() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(lab) = lab() else { return };
    let mut watch = lab.watch(&["--apply", "--buffer", "1"]);
    // Who reads too slowly, at its worst.
    watch.signal("-STOP");
    let mut flood = lab.world.inside.role("flood eth0 0");
    assert_eq!(flood.hear(), "FLOODS");
    flood.go_on();
    flood.hear();
    watch.signal("-CONT");
    watch.says("the kernel drops");
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut miner = lab.mines(at);
    watch.says(&format!("cut off {at}/tcp"));
    mines_until_cut(&mut miner);
}

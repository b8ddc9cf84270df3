//! What look-ups cost with ten million names and ten million blocks.
//!
//! `cargo test --release --lib intel::bench -- --ignored --nocapture`

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::names::NameTable;
use super::net::Net;
use super::ranges::{RangeBuilder, RangeTable};

const N: u64 = 10_000_000;
const LOOKUPS: u64 = 2_000_000;

/// splitmix64: the same numbers on every run.
fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn name(i: u64) -> String {
    format!("{:010x}.pool{}.example", mix(i) & 0xff_ffff_ffff, i % 100_000)
}

/// Time that this thread has had on a processor: other work on the machine does not count (Linux, proc(5)).
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

fn per<T>(what: &str, n: u64, run: impl FnOnce() -> T) -> T {
    let start = cpu();
    let out = run();
    println!("{what}: {:.1} ns each", cpu().saturating_sub(start).as_nanos() as f64 / n as f64);
    out
}

#[test]
#[ignore = "takes gigabytes and half a minute; run it alone, with --release"]
fn ten_million_names() {
    let mut t = NameTable::default();
    let start = cpu();
    let mut text = 0;
    for i in 0..N {
        let n = name(i);
        text += n.len();
        t.upsert(&n, |_| i as u32);
    }
    t.finish();
    println!(
        "names: {} in {:.1} s, {:.1} bytes each, {:.1} of them text",
        t.len(),
        cpu().saturating_sub(start).as_secs_f64(),
        t.bytes() as f64 / t.len() as f64,
        text as f64 / N as f64
    );
    let hits: Vec<String> = (0..LOOKUPS).map(|i| format!("eu.{}", name(mix(i) % N))).collect();
    let misses: Vec<String> = (0..LOOKUPS).map(|i| format!("www.{:x}.cdn.example", mix(i))).collect();
    let count = |names: &[String]| names.iter().filter(|n| black_box(t.above(n).count()) > 0).count();
    let first = |names: &[String]| names.iter().filter(|n| black_box(t.above(n).next()).is_some()).count();
    assert_eq!(per("look-up, the longest name above", LOOKUPS, || first(&hits)), hits.len());
    assert_eq!(per("look-up, all names above", LOOKUPS, || count(&hits)), hits.len());
    assert_eq!(per("look-up, not found", LOOKUPS, || count(&misses)), 0);
}

fn blocks(what: &str, addr: impl Fn(u64) -> Net) {
    let mut builder = RangeBuilder::default();
    for i in 0..N {
        builder.add(addr(i), i as u32 % 1000);
    }
    let start = cpu();
    let t = RangeTable::new(&mut builder, |a, _| a);
    println!(
        "{what}: {N} in {:.1} s, {:.1} bytes each",
        cpu().saturating_sub(start).as_secs_f64(),
        t.bytes() as f64 / N as f64
    );
    let hits: Vec<IpAddr> = (0..LOOKUPS).map(|i| addr(mix(i) % N).last()).collect();
    let found =
        per("look-up, the closest block", LOOKUPS, || hits.iter().filter(|a| black_box(t.get(**a)).is_some()).count());
    let all = per("look-up, all blocks", LOOKUPS, || hits.iter().filter(|a| black_box(t.all(**a).count()) > 0).count());
    assert_eq!((found, all), (hits.len(), hits.len()));
    let others: Vec<IpAddr> = (0..LOOKUPS).map(|i| addr(mix(i) | 1 << 63).first()).collect();
    per("look-up, mostly not found", LOOKUPS, || others.iter().filter(|a| black_box(t.get(**a)).is_some()).count());
}

#[test]
#[ignore = "takes gigabytes and half a minute; run it alone, with --release"]
fn ten_million_blocks() {
    let len = |i: u64| if i.is_multiple_of(10) { 24 + (i % 7) as u8 } else { 32 };
    blocks("IPv4", |i| Net::around(Ipv4Addr::from(mix(i) as u32).into(), len(i)));
    blocks("IPv6", |i| {
        let bits = (0x2000_u128 << 112) | u128::from(mix(i)) << 48 | u128::from(mix(!i) >> 16);
        Net::around(Ipv6Addr::from(bits).into(), if i.is_multiple_of(10) { 48 } else { 128 })
    });
}

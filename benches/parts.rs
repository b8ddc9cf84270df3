//! Parts of the packet path, each by itself, through what the library shows to everybody.
//!
//! In: a few megabytes of the generator's traffic. Out: criterion's estimates, with elements or bytes per second.
//!
//! `./dev bench --parts [FILTER]`, or `cargo bench --bench parts`

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)] // a program over its own input

#[path = "../pcaps/generate/kit.rs"]
mod kit;
#[path = "../pcaps/generate/workload/mod.rs"]
mod workload;

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use minewatch::capture::{Frame, Inputs, Options, Step};
use minewatch::decode::{DecodeOptions, Decoder, Packet};
use minewatch::dialect::json::Parser;
use minewatch::flow::{Budget, Context, FlowHasher, FlowTable, Item, Limits, Reassembler, Segment};
use minewatch::health::Health;
use minewatch::intel::Intel;
use minewatch::time::PacketTime;

use kit::dialogue::Side;
use workload::{Kind, Size};

const PACKETS: u64 = 10_000;

fn capture(kind: Kind) -> Vec<u8> {
    workload::bytes(kind, Size::packets(PACKETS), 1).0
}

/// Frames with their own bytes.
struct Frames {
    bytes: Vec<u8>,
    /// What is fixed of each frame, and where its bytes are.
    heads: Vec<(Frame<'static>, std::ops::Range<usize>)>,
}

impl Frames {
    fn of(kind: Kind) -> Self {
        let mut frames = Self { bytes: Vec::new(), heads: Vec::new() };
        let mut inputs = Inputs::from_reader("frames", Cursor::new(capture(kind)), Options::default()).unwrap();
        while let Step::Frame(frame) = inputs.next() {
            let from = frames.bytes.len();
            frames.bytes.extend_from_slice(frame.data);
            let Frame { at, time, link, wire_len, .. } = frame;
            frames.heads.push((Frame { at, time, link, wire_len, data: &[] }, from..frames.bytes.len()));
        }
        frames
    }

    fn each(&self) -> impl Iterator<Item = Frame<'_>> {
        self.heads.iter().map(|(head, place)| Frame { data: &self.bytes[place.clone()], ..*head })
    }
}

/// Packets that borrow from the frames alone.
fn packets(frames: &Frames) -> Vec<Packet<'_>> {
    let mut decoder = Decoder::new(DecodeOptions::default());
    let mut out = Vec::new();
    for frame in frames.each() {
        let Some(p) = decoder.decode(&frame) else { continue };
        let from = p.payload.as_ptr().addr() - frame.data.as_ptr().addr();
        let payload = &frame.data[from..from + p.payload.len()];
        out.push(p.with_payload(payload));
    }
    out
}

fn reader(c: &mut Criterion) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let mut group = c.benchmark_group("reader");
    for kind in [Kind::Mix, Kind::PcapNg, Kind::Gz] {
        let path = [folder.join(format!("parts.{}", kind.suffix()))];
        let capture = capture(kind);
        std::fs::write(&path[0], &capture).unwrap();
        group.throughput(Throughput::Elements(PACKETS));
        group.bench_function(kind.name(), |b| {
            b.iter(|| {
                let mut inputs = Inputs::open(&path, Options::default()).unwrap();
                let mut bytes = 0;
                while let Step::Frame(frame) = inputs.next() {
                    bytes += frame.data.len();
                }
                bytes
            });
        });
    }
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for (name, kind, verify_checksums) in [
        ("mix", Kind::Mix, true),
        ("mix-without-checksums", Kind::Mix, false),
        ("tiny", Kind::Tiny, true),
        ("vxlan", Kind::Vxlan, true),
    ] {
        let frames = Frames::of(kind);
        group.throughput(Throughput::Elements(frames.heads.len() as u64));
        group.bench_function(name, |b| {
            let mut decoder = Decoder::new(DecodeOptions { verify_checksums, ..DecodeOptions::default() });
            b.iter(|| frames.each().filter(|f| decoder.decode(f).is_some()).count());
        });
    }
}

fn flow(c: &mut Criterion) {
    let mut group = c.benchmark_group("flow");
    for kind in [Kind::Mix, Kind::Stratum, Kind::Tiny, Kind::SynFlood, Kind::OutOfOrder] {
        let frames = Frames::of(kind);
        let packets = packets(&frames);
        group.throughput(Throughput::Elements(packets.len() as u64));
        group.bench_function(kind.name(), |b| {
            b.iter_batched(
                || (FlowTable::<u64>::new(Limits::default(), FlowHasher::new()), Health::default()),
                |(mut table, mut health)| {
                    for packet in &packets {
                        if let Some(mut touched) = table.packet(packet, &mut health) {
                            touched.feed(packet, &mut health, |seen, _, _, item| {
                                if let Item::Data(data) = item {
                                    *seen += data.len() as u64;
                                }
                            });
                        }
                        while table.next_ended().is_some() {}
                    }
                    table
                },
                BatchSize::LargeInput,
            );
        });
    }
}

fn reassembly(c: &mut Criterion) {
    const SEGMENT: usize = 1428;
    let data = vec![0x5a; SEGMENT * 512];
    let numbers: Vec<usize> = (0..512).collect();
    let swapped: Vec<usize> = numbers.chunks(2).flat_map(|pair| pair.iter().rev().copied()).collect();
    let backwards: Vec<usize> = numbers.chunks(32).flat_map(|run| run.iter().rev().copied()).collect();
    let mut group = c.benchmark_group("reassembly");
    group.throughput(Throughput::Bytes(data.len() as u64));
    for (name, order) in [("in-order", numbers), ("pairs-swapped", swapped), ("runs-of-32-backwards", backwards)] {
        group.bench_function(name, |b| {
            let (mut budget, mut health) = (Budget::new(64 << 20), Health::default());
            b.iter(|| {
                let mut stream = Reassembler::default();
                stream.start(0);
                let mut bytes = 0;
                for n in &order {
                    let payload = &data[n * SEGMENT..(n + 1) * SEGMENT];
                    let seq = (n * SEGMENT) as u32;
                    let segment = Segment { seq, payload, wire_len: SEGMENT as u32, fin: false };
                    let now = PacketTime::from_nanos(1);
                    let mut cx = Context { now, one_way: false, budget: &mut budget, health: &mut health };
                    stream.segment(segment, &mut cx, |item| {
                        if let Item::Data(data) = item {
                            bytes += data.len();
                        }
                    });
                }
                assert_eq!(bytes, data.len());
            });
        });
    }
}

fn json(c: &mut Criterion) {
    let mut group = c.benchmark_group("json");
    let mining: Vec<Vec<u8>> = ["cryptonote-xmrig", "bitcoin-cgminer", "ethproxy-polling", "kawpow-ravencoin"]
        .into_iter()
        .flat_map(|name| {
            let (.., dialogue) = kit::dialogues::all(1).into_iter().find(|(n, ..)| *n == name).unwrap();
            lines(&dialogue)
        })
        .collect();
    let others: Vec<Vec<u8>> = ["electrum", "rpc-over-tcp", "log-shipping", "container-log"]
        .into_iter()
        .flat_map(|name| {
            let (.., dialogue) = kit::benign::all(1).into_iter().find(|(n, ..)| *n == name).unwrap();
            lines(&dialogue)
        })
        .collect();
    for (name, lines) in [("stratum", mining), ("other", others)] {
        group.throughput(Throughput::Bytes(lines.iter().map(|l| l.len() as u64).sum()));
        group.bench_function(name, |b| {
            let mut parser = Parser::new(1 << 20);
            b.iter(|| {
                let mut is_call = |line: &&Vec<u8>| parser.parse(line).is_ok_and(|d| black_box(d.rpc()).is_some());
                lines.iter().filter(|l| is_call(l)).count()
            });
        });
    }
}

fn lines(dialogue: &kit::dialogue::Dialogue) -> Vec<Vec<u8>> {
    [Side::Client, Side::Server]
        .into_iter()
        .flat_map(|side| dialogue.stream(side).split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
        .filter(|line| !line.is_empty())
        .collect()
}

fn feeds(c: &mut Criterion) {
    const N: u32 = 10_000;
    let mut text =
        String::from("version = 1\ndate = \"2026-02-20\"\nstale_after_days = 365\n\n[[pool]]\nname = \"Deep\"\n");
    text.push_str("coins = [\"XMR\"]\nsource = \"benches\"\nentries = [\n");
    for n in 0..N {
        let ip = Ipv4Addr::from(0xc612_0000 + n * 3);
        writeln!(
            text,
            "    {{ names = [\"p{n}.deep{}.example\"], addresses = [\"{ip}\"], plain = [3333], last_seen = \"2026-02-01\" }},",
            n % 997
        )
        .unwrap();
    }
    text.push_str("]\n");
    let (intel, problems) = Intel::from_text("deep.toml", &text).unwrap();
    assert_eq!((intel.names(), problems.len()), (N as usize, 0), "{problems:?}");
    let known: Vec<String> = (0..1000).map(|i| i * 7).map(|n| format!("eu.p{n}.deep{}.example", n % 997)).collect();
    let others: Vec<String> = (0..1000).map(|n| format!("www.site{n}.example")).collect();
    let at = |n: u32| IpAddr::from(Ipv4Addr::from(0xc612_0000 + n));
    let listed: Vec<IpAddr> = (0..1000).map(|n| at(n * 21)).collect();
    let unlisted: Vec<IpAddr> = (0..1000).map(|n| at(n * 21 + 1)).collect();
    assert!(known.iter().all(|n| intel.name(n, None).is_some()));
    assert!(!others.iter().any(|n| intel.name(n, None).is_some()));
    assert!(listed.iter().all(|a| intel.address(*a, None).is_some()));
    assert!(!unlisted.iter().any(|a| intel.address(*a, None).is_some()));

    let mut group = c.benchmark_group("feeds");
    group.throughput(Throughput::Elements(1000));
    for (what, names) in [("name-known", known), ("name-unknown", others)] {
        group.bench_function(what, |b| {
            b.iter(|| names.iter().filter(|n| black_box(intel.name(n, Some(3333))).is_some()).count());
        });
    }
    for (what, addresses) in [("address-known", listed), ("address-unknown", unlisted)] {
        group.bench_function(what, |b| {
            b.iter(|| addresses.iter().filter(|a| black_box(intel.address(**a, Some(3333))).is_some()).count());
        });
    }
}

criterion_group!(parts, reader, decode, flow, reassembly, json, feeds);
criterion_main!(parts);

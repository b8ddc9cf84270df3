//! Seeds for the fuzz targets, made of the project's own captures (`pcaps/`) and of a few lines written here.
//!
//! In: `pcaps/`. Out: (target, name, bytes), the same on every run.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use minewatch::capture::{Inputs, Options, Step};
use minewatch::carrier::http::Http;
use minewatch::carrier::lines::Lines;
use minewatch::carrier::{First, first_bytes};
use minewatch::decode::{DecodeOptions, Decoder, Transport};
use minewatch::dialect::json::Parser;
use minewatch::flow::{Direction, FlowHasher, FlowTable, Item, Limits};
use minewatch::health::Health;

use super::targets::decode::LINKS;

type Seed = (&'static str, String, Vec<u8>);

/// Every seed, none of them twice.
pub(crate) fn all() -> Vec<Seed> {
    let mut seeds = written();
    let mut shapes = BTreeSet::new();
    for path in captures() {
        let name = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
        files(&path, &name, &mut seeds);
        packets(&path, &name, &mut seeds);
        conversations(&path, &name, &mut shapes, &mut seeds);
        beside(&path, &name, &mut seeds);
    }
    let mut seen = BTreeSet::new();
    seeds.retain(|(target, _, bytes)| seen.insert((*target, bytes.clone())));
    seeds
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps");
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.retain(|p| p.to_str().is_some_and(|p| [".pcap", ".pcapng", ".gz"].iter().any(|end| p.ends_with(end))));
    all.sort();
    all
}

/// Frames of a capture, as (link type, nanoseconds, bytes).
fn frames(path: &Path) -> Vec<(u16, i64, Vec<u8>)> {
    let mut inputs = Inputs::open(&[path.to_path_buf()], Options::default()).unwrap();
    let mut out = Vec::new();
    while let Step::Frame(f) = inputs.next() {
        out.push((f.link.0, f.time.as_nanos(), f.data.to_vec()));
    }
    out
}

/// Beginnings of files of every format.
fn files(path: &Path, name: &str, seeds: &mut Vec<Seed>) {
    let bytes = std::fs::read(path).unwrap();
    let formats = ["pcap", "linux", "raw-ip", "ppp", "wifi", "snaplen", "rotated-0", "forged", "split-one", "bsd"];
    if !formats.iter().any(|f| name.starts_with(f)) {
        return;
    }
    seeds.push(("reader", name.to_owned(), bytes[..bytes.len().min(1400)].to_vec()));
    if name == "rotated-0" {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(&bytes).unwrap();
        seeds.push(("reader", "gzip".to_owned(), gz.finish().unwrap()));
        seeds.push(("reader", "zstd".to_owned(), zstd::encode_all(&bytes[..], 3).unwrap()));
        seeds.push(("reader", "joined".to_owned(), [&bytes[..], &bytes[..]].concat()));
    }
}

/// Frames for `decode`, where something carries them, and for `worker`, where mining or its like is in them.
fn packets(path: &Path, name: &str, seeds: &mut Vec<Seed>) {
    let all = frames(path);
    let link = all[0].0;
    let Some(kind) = LINKS.iter().position(|l| *l == link) else { return };
    let pack = |budget: usize| {
        let mut out = vec![kind as u8];
        let mut last = all[0].1;
        for (_, at, data) in all.iter().filter(|f| f.0 == link) {
            if out.len() + data.len() > budget {
                break;
            }
            // The pause is squared, in milliseconds.
            let pause = ((at - last).max(0) as f64 / 1e6).sqrt().min(255.0) as u8;
            last = *at;
            out.push(pause);
            out.extend_from_slice(&(data.len() as u16).to_be_bytes());
            out.extend_from_slice(data);
        }
        out
    };
    if link != 1 || seeds_decode(name) {
        seeds.push(("decode", name.to_owned(), pack(1600)));
    }
    // The second address family says the same once more.
    let there = |n: &str| ["pcap", "pcap.gz"].iter().any(|end| path.with_file_name(format!("{n}-v4.{end}")).exists());
    let twin = name.strip_suffix("-v6").is_some_and(there);
    // What is silent speaks to the dialects alone.
    if (!twin || name.starts_with("ethereum")) && !name.starts_with("benign-") {
        let budget = match name {
            // Its first job alone is 11 kB.
            "alephium-v4" => 13_000,
            // Under Noise it takes minutes of small frames until anything is told.
            "stratum-v2-noise-v4" => 9_000,
            _ => 2600,
        };
        seeds.push(("worker", name.to_owned(), pack(budget)));
    }
}

/// Payloads for `dns` and `node`: each size of them once.
fn beside(path: &Path, name: &str, seeds: &mut Vec<Seed>) {
    if !["names-any", "names-chain", "names-local", "names-over-tcp", "names-truncated", "nodes-beside-a-miner"]
        .contains(&name)
    {
        return;
    }
    let mut decoder = Decoder::new(DecodeOptions::default());
    let mut inputs = Inputs::open(&[path.to_path_buf()], Options::default()).unwrap();
    let mut sizes = BTreeSet::new();
    while let Step::Frame(frame) = inputs.next() {
        let Some(packet) = decoder.decode(&frame) else { continue };
        let (ports, udp) = match packet.transport {
            Transport::Udp { src_port, dst_port } => ([src_port, dst_port], true),
            Transport::Tcp { src_port, dst_port, .. } => ([src_port, dst_port], false),
        };
        let own = match packet.src {
            std::net::IpAddr::V4(a) => a.octets(),
            std::net::IpAddr::V6(_) => [192, 0, 2, 1],
        };
        let is = |port: u16| ports.contains(&port);
        let (target, head): (_, Vec<u8>) = match udp {
            true if is(53) => ("dns", vec![0]),
            true if is(5353) => ("dns", [&[1][..], &own].concat()),
            true if is(5355) => ("dns", [&[2][..], &own].concat()),
            false if is(53) => ("dns", vec![3, 7]),
            _ if name == "nodes-beside-a-miner" => ("node", vec![0]),
            _ => continue,
        };
        let payload = packet.payload;
        if !payload.is_empty() && payload.len() <= 400 && sizes.insert((head.clone(), payload.len())) {
            seeds.push((target, format!("{name}-{}", mark(payload)), [&head[..], payload].concat()));
        }
    }
}

/// Captures with something between Ethernet and TCP.
fn seeds_decode(name: &str) -> bool {
    let carried = [
        "fragments",
        "gre",
        "vxlan",
        "geneve",
        "erspan",
        "6in4",
        "ip-in-ip",
        "gtp",
        "mpls",
        "qinq",
        "pppoe",
        "vlan",
        "tenants",
        "icmp",
        "tso",
        "zero",
        "plain-padded",
        "snaplen",
    ];
    carried.iter().any(|c| name.starts_with(c))
}

/// Streams for `lines` and `http`, messages for `dialects` and `json`, logins for `wallet`.
fn conversations(path: &Path, name: &str, shapes: &mut BTreeSet<String>, seeds: &mut Vec<Seed>) {
    let mut streams: Vec<(Direction, Vec<u8>)> = Vec::new();
    let mut opener = None;
    let (mut decoder, mut health) = (Decoder::new(DecodeOptions::default()), Health::default());
    let mut table: FlowTable<()> = FlowTable::new(Limits::default(), FlowHasher::new());
    let mut only = None;
    let mut inputs = Inputs::open(&[path.to_path_buf()], Options::default()).unwrap();
    while let Step::Frame(frame) = inputs.next() {
        let Some(packet) = decoder.decode(&frame) else { continue };
        let Some(mut flow) = table.packet(&packet, &mut health) else { continue };
        // The first conversation of a capture is enough.
        if *only.get_or_insert(*flow.key()) != *flow.key() {
            continue;
        }
        opener = flow.info().handshake.client;
        flow.feed(&packet, &mut health, |(), _, way, item| {
            if let Item::Data(data) = item {
                streams.push((way, data.to_vec()));
            }
        });
    }
    let Some(first) = streams.first().map(|(_, d)| first_bytes(d)) else { return };
    if first != First::Lines && first != First::Http {
        return;
    }
    let carrier = if first == First::Http { "http" } else { "lines" };
    for (way, letter) in [(Direction::LoToHi, 'a'), (Direction::HiToLo, 'b')] {
        let mut bytes = vec![if letter == 'a' { 0 } else { 9 }, 0];
        bytes.extend(streams.iter().filter(|s| s.0 == way).flat_map(|s| s.1.iter().copied()).take(700));
        if bytes.len() > 2 && !name.ends_with("-v6") {
            seeds.push((carrier, format!("{name}-{letter}"), bytes));
        }
    }
    let arrow = |way: Option<Direction>| match way {
        Some(Direction::LoToHi) => b'>',
        Some(Direction::HiToLo) => b'<',
        None => b'?',
    };
    let mut talk = vec![carrier.as_bytes()[0], arrow(opener)];
    for (way, bits, message) in messages(first, &streams) {
        if talk.len() + message.len() > 2500 {
            break;
        }
        talk.extend([b'\n', arrow(Some(way))]);
        talk.extend(bits);
        talk.extend(message.iter().map(|b| if *b == b'\n' { b' ' } else { *b }));
        json(name, &message, shapes, seeds);
    }
    if !name.ends_with("-v6") {
        seeds.push(("dialects", name.to_owned(), talk));
    }
}

/// Messages in order: direction, the byte of HTTP context, JSON.
fn messages(carrier: First, streams: &[(Direction, Vec<u8>)]) -> Vec<(Direction, Option<u8>, Vec<u8>)> {
    let mut out = Vec::new();
    let (mut lines, mut http) = ([Lines::default(), Lines::default()], [Http::default(), Http::default()]);
    for (way, data) in streams {
        let side = usize::from(*way == Direction::HiToLo);
        if carrier == First::Lines {
            lines[side].data(data, |line| out.push((*way, None, line.to_vec())));
        } else {
            http[side].data(data, |meta, body| {
                let bits = 64
                    + u8::from(meta.response) * 32
                    + u8::from(meta.mining_header.is_some())
                    + u8::from(meta.user_agent.is_some()) * 2
                    + u8::from(meta.user.is_some()) * 4;
                out.push((*way, Some(bits), body.to_vec()));
            });
        }
    }
    out
}

/// A message of each method and shape, and the strings in it that may be logins.
fn json(name: &str, message: &[u8], shapes: &mut BTreeSet<String>, seeds: &mut Vec<Seed>) {
    let mut parser = Parser::new(1 << 20);
    let Some(rpc) = parser.parse(message).ok().and_then(minewatch::dialect::json::Doc::rpc) else { return };
    let keys = rpc.root.keys().collect::<Vec<_>>().join(" ");
    let params = rpc.params.map_or(0, minewatch::dialect::json::Value::len);
    if message.len() <= 900 && shapes.insert(format!("{:?} {params} {keys}", rpc.method)) {
        seeds.push(("json", format!("{name}-{}", mark(message)), message.to_vec()));
    }
    let logins = rpc.params.into_iter().flat_map(|p| [p.index(0), p.get("login"), p.get("user")]);
    for login in logins.flatten().filter_map(minewatch::dialect::json::Value::as_str) {
        if login.len() > 20 && shapes.insert(format!("login {}", login.get(..3).unwrap_or_default())) {
            seeds.push(("wallet", format!("{name}-{}", mark(login.as_bytes())), login.into_owned().into_bytes()));
        }
    }
}

/// A name that stays when others come and go: FNV-1a.
fn mark(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

/// Seeds that no capture has.
fn written() -> Vec<Seed> {
    let mut seeds: Vec<Seed> = Vec::new();
    let mut add = |target, name: &str, bytes: &[u8]| seeds.push((target, name.to_owned(), bytes.to_vec()));

    add(
        "json",
        "escapes",
        br#"{"id":-1.5e3,"m\u0065thod":"a","params":["\ud83d\ude00\u00e9",[true,false,null],{"a":{}}]}"#,
    );
    add("json", "padding", b"\xEF\xBB\xBF\0 {\"id\":1,\"id\":2}\r\n\0");
    add("json", "deep", &[vec![b'['; 128], vec![b']'; 128]].concat());

    add("feeds", "feed", b"\xffversion = 1\n[[pool]]\nname = \"P\"\nentries = [\n    { names = [\"pool.example\"], plain = [3333] },\n    { hosts = [\"www.pool.example\"], role = \"web\" },\n    { addresses = [\"198.51.100.0/24\", \"010.0.0.1\"] },\n]\n[[shared]]\nname = \"F\"\nsource = \"f\"\nprefixes = [\"203.0.113.0/24\"]\n");
    for (n, list) in [
        "0.0.0.0 a.example b.example # x\n::1 localhost\n",
        "*.a.example\nstratum+tcp://b.example:3333\nb\u{fc}cher.example\n",
        "198.51.100.0/24 ; SBL1\n198.51.100.1 - 198.51.100.9\n[2001:db8::7]:3333\n04.27.157.60\n",
        "pool,coin,domain,ports\n\"P, \"\"q\"\"\",XMR,a.example,3333;4444\n",
        r#"{"Event":{"Attribute":[{"type":"domain|ip","value":"a.example|198.51.100.7"},{"type":"ip-dst|port","value":"198.51.100.8|3333"}]}}"#,
        r#"{"objects":[{"type":"indicator","pattern":"[domain-name:value = 'a.example' OR ipv4-addr:value IN ('198.51.100.7','198.51.100.8')]"}]}"#,
        "cG9vbC5leGFtcGxl,3\n198.51.100.7\n",
        "||a.example^$third-party\n0.0.0.0 b.example\nc.example\n",
    ]
    .iter()
    .enumerate()
    {
        add("feeds", &format!("list-{n}"), &[&[n as u8], list.as_bytes()].concat());
    }

    add("lines", "unended", b"\x03\x00{\"a\":[{},{}]}{\"b\":\"}\\\"\"}\r\n\r\n \n{\"c\":1}");
    add("lines", "hole", b"\x05\x03{\"id\":1}\n{\"id\":2,\"params\":[1,2,3]}\n{\"id\":3}\n{\"id\":4}\n");
    add("http", "chunked", b"\x04\x00HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Stratum: stratum+tcp://pool.example:3333\r\n\r\n5\r\n{\"id\"\r\n3;x=y\r\n:0}\r\n0\r\nT: u\r\n\r\nHTTP/1.1 204 No\r\n\r\n");
    add("http", "until-close", b"\x00\x00HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00");
    add("http", "hole", b"\x08\x04POST / HTTP/1.1\r\nAuthorization: Basic cmlnMTp4\r\nContent-Length: 90\r\n\r\n{\"id\":0,\"method\":\"getwork\",\"params\":[]}                                                  GET /lp HTTP/1.1\r\nHost: pool.example\r\n\r\n");

    for (i, text) in
        ["\u{202e}\u{1b}[2Jrig\n\t\0", "Grüße 東京 🚀", "=cmd|' /C calc'!A0", "say \"hi\", you", "\u{200b}\u{e0041}x"]
            .iter()
            .enumerate()
    {
        add("printable", &i.to_string(), &[&[40], text.as_bytes()].concat());
    }
    add("printable", "broken", b"\x20ok\xff\xc3(\xe2\x80");

    for (i, login) in [
        "x{41d7ke5VQnR2}+50000.rig1/someone@mail.example",
        "DOGE:D59T4ioHyHdJ6SDzpE8mdz7ssh3atQqjiG.rig1#abcd-1234",
        "solo:kaspa:qqqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50p7u4jhsajr.r",
        "cfx:type.user:acc7uawf5ubtnmezvhu9dhc6sghea0403y2dgpyfjp~rx/0",
        "0x00112233445566778899AABbCCdDeeFf00112233.rig.2@50000",
        "NQ07 0000 0000 0000 0000 0000 0000 0000 0000",
        "bc1qqqgjyv6y24n80zye42aueh0wluqpzg3ndy2ehs.w|a@b",
        "account.worker",
        "a.b@mail.example/rig1",
        "b88d0600",
        "0x0000000112e0be826d694b2e62d01511f12a6061fbaec8bc02",
        "28948022309329048855892746252171976963209391069768726095651290785379540373584",
        "1e308",
        "0.001",
    ]
    .iter()
    .enumerate()
    {
        add("wallet", &format!("written-{i}"), login.as_bytes());
    }

    add("dialects", "one-way", b"l>\n>{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.10\"]}\n>{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"a.b\",\"x\"]}\n>{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"a.b\",\"1\",\"00000001\",\"6650f00a\",\"9f3300c7\"]}");

    super::encrypted::seeds(&mut add);
    streams(&mut add);
    flows(&mut add);
    formats(&mut add);
    seeds
}

/// Capture files of rarer kinds.
fn formats(add: &mut impl FnMut(&'static str, &str, &[u8])) {
    let words = |big: bool, words: &[u32]| -> Vec<u8> {
        words.iter().flat_map(|w| if big { w.to_be_bytes() } else { w.to_le_bytes() }).collect()
    };
    let frame = b"\x45\0\0\x14\0\0\0\0\x40\x06\0\0\xc0\0\x02\x01\xc6\x33\x64\x07";
    let at = 1_700_000_000;
    for (name, big, magic, extra, trailer) in
        [("modified", false, 0xa1b2_cd34, &[][..], &[0, 2048][..]), ("ixia", true, 0x1c00_01ac, &[36][..], &[][..])]
    {
        let header = words(big, &[magic, if big { 0x0002_0004 } else { 0x0004_0002 }, 0, 0, 65_535, 101]);
        let record = words(big, &[at, 7, 20, 20]);
        add("reader", name, &[header, words(big, extra), record, words(big, trailer), frame.to_vec()].concat());
    }
    for big in [false, true] {
        let block = |kind: u32, body: &[u8]| {
            let len = 12 + body.len() as u32;
            [words(big, &[kind, len]), body.to_vec(), words(big, &[len])].concat()
        };
        let version = if big { 0x0001_0000 } else { 1 };
        let link = if big { 101 << 16 } else { 101 };
        // if_tsresol (code 9): nanoseconds, or 2^-10 s.
        let (option, value) = if big { (0x0009_0001, 0x8a00_0000) } else { (0x0001_0009, 0x0000_0009) };
        let file = [
            block(0x0a0d_0d0a, &words(big, &[0x1a2b_3c4d, version, u32::MAX, u32::MAX])),
            block(1, &words(big, &[link, 0, option, value, 0])),
            block(6, &[words(big, &[0, 0x0017_9700, 7, 20, 20]), frame.to_vec()].concat()),
            block(0x0bad, b"????"),
            block(3, &[words(big, &[20]), frame.to_vec()].concat()),
            block(2, &[words(big, &[0, 0x0017_9700, 9, 20, 20]), frame.to_vec()].concat()),
            block(5, &words(big, &[0, 0, 0])),
        ];
        add("reader", if big { "pcapng-big" } else { "pcapng-little" }, &file.concat());
    }
}

/// Operations for `reassembly`.
fn streams(add: &mut impl FnMut(&'static str, &str, &[u8])) {
    let data = |op: u8, at: u16, payload: &[u8]| {
        let [a, b] = at.to_be_bytes();
        [&[op, a, b, payload.len() as u8][..], payload].concat()
    };
    let ack = |at: u16| data(1, at, b"");
    let text = b"abcdefghijklmnopqrstuvwxyz";
    add(
        "reassembly",
        "in-order",
        &[vec![0xff], data(0, 0, text), ack(26), data(0, 26, text), data(2, 52, b""), ack(53)].concat(),
    );
    add(
        "reassembly",
        "overlap",
        &[vec![0xfe], data(0, 10, text), data(0, 5, &text[..9]), data(0, 0, &text[..20]), data(0, 0, text)].concat(),
    );
    add(
        "reassembly",
        "hole",
        &[vec![0xfe], data(0, 0, text), data(0, 60, text), ack(90), data(0, 86, text), ack(112)].concat(),
    );
    add("reassembly", "wait", &[vec![0xff], data(0, 40, text), data(0o70, 80, text), data(0o70, 120, text)].concat());
    add(
        "reassembly",
        "jump",
        &[vec![0xff], data(0, 0, text), data(64, 0x40, text), data(0o300, 0x40, text), data(64, 0x40, text)].concat(),
    );
    add(
        "reassembly",
        "cut",
        &[vec![0xfe], data(4, 0, text), data(4, 50, text), data(0, 26, text), data(4, 39, text)].concat(),
    );
    add(
        "reassembly",
        "budget",
        &[vec![0x06], data(0, 40, text), data(0, 80, text), data(0, 120, text), data(0, 200, text)].concat(),
    );
    add(
        "reassembly",
        "wrap",
        &[
            vec![0xfe],
            data(0, 690, text),
            data(0, 660, &[7; 30]),
            data(0, 0, &[8; 255]),
            data(0, 255, &[9; 255]),
            data(0, 500, &[9; 160]),
        ]
        .concat(),
    );
}

/// Operations for `flows`.
fn flows(add: &mut impl FnMut(&'static str, &str, &[u8])) {
    let (syn, acks, fin, rst) = (1u8, 2u8, 4u8, 8u8);
    let packet = |who: u8, bits: u8, pause: u8, seq: u16, ack: u16, payload: &[u8]| {
        let ([s0, s1], [a0, a1]) = (seq.to_be_bytes(), ack.to_be_bytes());
        [&[who, bits, pause, s0, s1, a0, a1, payload.len() as u8][..], payload].concat()
    };
    let open = |who: u8| {
        [
            packet(who, syn, 1, 0, 0, b""),
            packet(who | 1, syn | acks, 1, 0, 1, b""),
            packet(who, acks, 1, 1, 1, b""),
            packet(who, acks, 1, 1, 1, b"{\"id\":1}\n"),
            packet(who | 1, acks, 1, 1, 10, b"{\"id\":1,\"result\":1}\n"),
        ]
        .concat()
    };
    let close = |who: u8| {
        [
            packet(who, acks | fin, 1, 10, 21, b""),
            packet(who | 1, acks | fin, 1, 21, 11, b""),
            packet(who, acks, 1, 11, 22, b""),
        ]
        .concat()
    };
    add("flows", "whole", &[open(0), close(0), open(0)].concat());
    add("flows", "many", &[open(0), open(2), open(4), open(6), open(16), open(18), open(8)].concat());
    add("flows", "idle", &[open(0), packet(2, acks, 255, 1, 1, b"{}"), packet(0, acks, 1, 10, 21, b"{}")].concat());
    add(
        "flows",
        "reset",
        &[
            open(0),
            packet(1, rst, 1, 21, 0, b""),
            packet(0, acks, 1, 10, 21, b"more"),
            packet(0, acks, 200, 14, 21, b"more"),
        ]
        .concat(),
    );
    add(
        "flows",
        "udp",
        &[packet(32, 0, 1, 0, 0, b"{udp"), packet(33, 0, 1, 0, 0, b"back"), packet(34, 0, 1, 0, 0, b"none")].concat(),
    );
    add(
        "flows",
        "kept",
        &[
            open(0),
            packet(0, acks | 0x20, 1, 10, 21, b"keep"),
            packet(2, acks | 0x80, 1, 1, 1, b"release"),
            packet(4, acks | 0x60, 1, 1, 1, b"stop"),
            packet(0, acks, 255, 14, 21, b"late"),
        ]
        .concat(),
    );
    add("flows", "mirrored", &[open(0), open(0), open(128)].concat());
    add(
        "flows",
        "ahead",
        &[
            open(0),
            packet(0, acks, 1, 30, 21, b"later"),
            packet(64, acks, 1, 10, 21, b"first"),
            packet(0, acks, 1, 0x9000, 21, b"wild"),
        ]
        .concat(),
    );
}

//! Names and certificates that a peer writes to frame somebody, or to hide behind.

use minewatch::evidence::{Code, Verdict};
use minewatch::health::Counter;
use minewatch::intel::{Geo, Intel};
use minewatch::ledger::{FlowFinding, Knowledge};

use crate::build::{Hello, certificates, record, records, self_signed, server_hello};
use crate::framing::{SUBSCRIBE, job};
use crate::kit::dialogue::{Dialogue, MILLI, SECOND};
use crate::kit::tcp::Conversation;
use crate::support2::{Bench, Run, line, segments};

/// `line` talks to 198.51.100.2.
const FEED: &str = r#"
version = 1
date = "2026-02-01"

[[pool]]
name = "Example Pool"
entries = [
    { names = ["pool.example"], coins = ["XMR"], plain = [3333], tls = [3334], source = "a test" },
    { addresses = ["198.51.100.2"], tls = [5555], source = "a test" },
]
"#;

fn intel() -> Intel {
    Intel::from_text("own.toml", FEED).unwrap().0
}

fn run_on(talk: &Conversation, dialogue: &Dialogue) -> Run {
    let mut bench = Bench::knowing(&intel());
    bench.all(talk, &segments(talk, dialogue));
    bench.end("names")
}

fn run(port: u16, dialogue: &Dialogue) -> Run {
    run_on(&line(0, port), dialogue)
}

/// What a user reads of it.
fn told(found: &FlowFinding) -> FlowFinding {
    let mut f = found.clone();
    Knowledge::new(intel(), Geo::default()).enrich(&mut f);
    f
}

/// A hello that offers no protocols, as miners' do.
fn hello(name: &str) -> Vec<u8> {
    records(&Hello::bare().name(name.as_bytes()).message(), 16_000)
}

/// A server's answer in TLS 1.3: nothing behind it can be read.
fn answer() -> Vec<u8> {
    records(&server_hello(0x0303, 0x1301, &[(43, vec![3, 4])]), 16_000)
}

/// A server's answer in TLS 1.2, with a certificate for pool.example.
fn shown() -> Vec<u8> {
    let mut said = server_hello(0x0303, 0xc02f, &[]);
    said.extend(certificates(&[&self_signed()]));
    records(&said, 16_000)
}

fn sealed(d: &mut Dialogue, n: u64) {
    for k in 0..n {
        d.client(20 * MILLI + k * SECOND, record(23, &[0xa7; 120]));
        d.server(30 * MILLI + k * SECOND, record(23, &[0xc3; 300]));
    }
}

#[test]
fn a_hello_before_stratum_hides_nothing() {
    for name in ["eu.pool.example", "www.shop.example"] {
        for both in [false, true] {
            for begin in ["", "\n", "  "] {
                let mut d = Dialogue::default();
                d.client(MILLI, hello(name));
                if both {
                    d.server(2 * MILLI, answer());
                    sealed(&mut d, 3);
                }
                let at = 10 * SECOND;
                d.client(at, [begin, SUBSCRIBE].concat());
                for n in 0..6 {
                    let id = 10 + n;
                    d.server(
                        at + (2 * n + 1) * SECOND,
                        [begin, &job().replace("\"bf\"", &format!("\"b{n}\""))].concat(),
                    );
                    let share = format!(
                        "{{\"id\":{id},\"method\":\"mining.submit\",\"params\":[\"u.w\",\"b{n}\",\"00000001\",\"504e86ed\",\"b2957c0{n}\"]}}\n"
                    );
                    d.client(at + (2 * n + 1) * SECOND + MILLI, share);
                    d.server(at + (2 * n + 2) * SECOND, format!("{{\"id\":{id},\"result\":true,\"error\":null}}\n"));
                }
                let run = run(3334, &d.done());
                let best = run.findings.iter().max_by_key(|f| f.verdict);
                let best = best.map(|f| (f.dialect, f.verdict));
                assert_eq!(best, Some(("bitcoin-v1", Verdict::Confirmed)), "{name} {both} {begin:?}");
            }
        }
    }
}

#[test]
fn tls_to_a_pool_is_suspected_and_counted_to_its_end() {
    let mut d = Dialogue::default();
    d.client(MILLI, hello("eu.pool.example"));
    d.server(2 * MILLI, answer());
    sealed(&mut d, 200);
    let d = d.done();
    let talk = line(0, 3334);
    let packets = segments(&talk, &d);
    let (last, count) = (packets.iter().map(|s| s.at).max().unwrap(), packets.len());
    let run = run_on(&talk, &d);
    let f = run.one("TLS to a pool");
    assert_eq!((f.dialect, f.verdict, told(f).verdict), ("encrypted", Verdict::Suspected, Verdict::Suspected));
    assert_eq!((f.packets, f.last.time.as_nanos() as u64), (count as u64, last));
    assert_eq!(f.sent.iter().map(|s| &**s).collect::<Vec<_>>(), ["eu.pool.example"]);
}

/// A page may show a picture from there, and what it is served from is its owner's choice.
#[test]
fn a_certificate_that_anybody_can_make_accuses_nobody() {
    for port in [3333, 3334, 4444, 443] {
        let mut d = Dialogue::default();
        d.client(MILLI, hello("images.shop.example"));
        d.server(2 * MILLI, shown());
        sealed(&mut d, 5);
        let run = run(port, &d.done());
        assert!(run.level().is_none_or(|v| v == Verdict::Noted), "{port}: {:?}", run.level());
        assert!(run.sightings.iter().any(|s| s.code == Code::PoolCertificate), "{port}");
    }
    // At an address that is listed, it is the pool.
    let mut d = Dialogue::default();
    d.client(MILLI, hello("images.shop.example"));
    d.server(2 * MILLI, shown());
    sealed(&mut d, 5);
    let run = run(5555, &d.done());
    assert_eq!((run.level(), told(run.one("listed")).verdict), (Some(Verdict::Noted), Verdict::Suspected));
}

#[test]
fn a_name_on_a_port_of_nobody_is_noted_only() {
    for (name, port) in [("eu.pool.example", 8443), ("eu.pool.example", 443), ("www.pool.example", 443)] {
        let mut d = Dialogue::default();
        d.client(MILLI, hello(name));
        d.server(2 * MILLI, shown());
        sealed(&mut d, 5);
        let run = run(port, &d.done());
        assert!(run.level().is_none_or(|v| v == Verdict::Noted), "{name}:{port}");
        assert!(!run.sightings.is_empty(), "{name}:{port}");
    }
}

#[test]
fn in_a_tunnel_the_port_is_the_targets() {
    let connect = |target: &str| {
        let mut d = Dialogue::default();
        d.client(MILLI, format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"));
        d.server(2 * MILLI, "HTTP/1.1 200 OK\r\n\r\n");
        d.client(3 * MILLI, hello("eu.pool.example"));
        d.server(4 * MILLI, answer());
        sealed(&mut d, 5);
        d.done()
    };
    let run_3334 = run(3128, &connect("eu.pool.example:3334"));
    let f = run_3334.one("CONNECT");
    assert_eq!((f.dialect, f.verdict), ("encrypted", Verdict::Suspected));
    assert_eq!(f.pool_name().as_deref(), Some("eu.pool.example:3334"));
    // The port of the proxy is one of miners, that of the page is not.
    let web = run(3334, &connect("eu.pool.example:443"));
    assert!(web.level().is_none_or(|v| v == Verdict::Noted), "{:?}", web.level());
}

#[test]
fn names_from_the_wire_are_safe_to_print() {
    let hosts: [&[u8]; 6] = [
        b"\xc2\x9b31m.eu.pool.example",
        b"\xe2\x80\xae.eu.pool.example",
        b"\x9b31m.pool.example",
        b"a\tb.pool.example",
        b"<script>.pool.example",
        b"\"x\".pool.example",
    ];
    for host in hosts {
        let mut d = Dialogue::default();
        d.client(MILLI, [b"POST / HTTP/1.1\r\nHost: ", host, b"\r\nContent-Length: 68\r\n\r\n"].concat());
        d.client(2 * MILLI, b"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"eth_getWork\",\"params\":[],\"pad\":\"\"}");
        d.server(3 * MILLI, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        d.client(4 * MILLI, [b"GET /xmrig.tar.gz HTTP/1.1\r\nHost: ", host, b"\r\n\r\n"].concat());
        let run = run(3333, &d.done());
        let mut all: Vec<String> = run.sightings.iter().map(|s| s.text.clone()).collect();
        all.extend(run.sightings.iter().filter_map(|s| s.name.as_deref()).map(str::to_owned));
        for f in run.findings.iter().map(told) {
            all.extend(f.sent.iter().chain(&f.names).map(ToString::to_string));
            all.extend(f.evidence.iter().map(|e| e.text.clone()));
        }
        let bad = |c: char| c.is_control() || ('\u{200e}'..='\u{202e}').contains(&c);
        assert!(all.iter().all(|t| !t.contains(bad)), "{all:?}");
    }
    for name in [&b"\x1b[31m.pool.example"[..], b"a b.pool.example", b"x\0.pool.example", b"\xc2\x9b.pool.example"] {
        let mut d = Dialogue::default();
        d.client(MILLI, records(&Hello::bare().name(name).message(), 16_000));
        d.server(2 * MILLI, shown());
        let run = run(3334, &d.done());
        assert!(run.sightings.iter().all(|s| !s.text.contains(char::is_control)), "{name:?}");
    }
}

/// Each holds what a flow may hold while it is small; together they must not hold more than there is for all.
#[test]
fn halves_of_hellos_are_within_the_budget() {
    let limits = minewatch::flow::Limits { buffered: 1 << 20, ..Default::default() };
    let mut bench = Bench::with(limits);
    let long = Hello::bare().with(0x1234, &vec![0; 20_000]).message();
    let all = records(&long, 16_000);
    for n in 0..2000 {
        let mut talk = line(n, 443);
        talk.start += u64::from(n) * MILLI;
        let mut d = Dialogue::default();
        // Rarely more than what is spared.
        for (k, part) in (0..).zip(all[..9_000].chunks(1400)) {
            d.client(k * MILLI, part);
        }
        for s in segments(&talk, &d.done()).iter().filter(|s| !s.payload.is_empty() || s.flags & 2 != 0) {
            bench.segment(&talk, s);
        }
        assert!(bench.held() <= 2 * (1 << 20) + 32 * 1024, "{} bytes after {n}", bench.held());
    }
    assert!(bench.health().get(Counter::ReassemblyCapped) > 0);
}

#[test]
fn many_names_in_a_certificate_are_not_kept() {
    let mut d = Dialogue::default();
    d.client(MILLI, hello("eu.pool.example"));
    d.server(2 * MILLI, shown());
    sealed(&mut d, 2);
    let run = run(3334, &d.done());
    assert!(run.one("certificate").tls.as_ref().unwrap().sans.len() <= 8);
}

/// The page of a pool at an address that takes miners, too, asked for by a program that offers no protocols.
#[test]
fn a_visit_to_a_pools_page_is_noted_wherever_it_is() {
    let mut d = Dialogue::default();
    d.client(MILLI, hello("www.pool.example"));
    d.server(2 * MILLI, answer());
    sealed(&mut d, 5);
    let run = run(5555, &d.done());
    let f = told(run.one("a page"));
    assert_eq!(f.verdict, Verdict::Noted, "{:?}", f.evidence);
}

/// Whoever asks a rig has an address that may stand on a list: the rig is no miner for that.
#[test]
fn what_an_asker_is_known_for_accuses_no_rig() {
    let feed = FEED.replace("198.51.100.2", "192.0.2.1").replace("tls = [5555]", "plain = [3333]");
    let knowledge = Knowledge::new(Intel::from_text("own.toml", &feed).unwrap().0, Geo::default());
    let mut d = Dialogue::default();
    d.client(MILLI, "{\"command\":\"summary\"}");
    let run = run(4028, &d.done());
    let mut f = run.one("a rig").clone();
    let before = (f.verdict, f.evidence.len());
    knowledge.enrich(&mut f);
    assert!(f.is_inventory() && f.known.is_none());
    assert_eq!((f.verdict, f.evidence.len()), before);
}

/// One direction only: the other is not waited for.
#[test]
fn tls_of_one_direction_is_let_go() {
    let mut d = Dialogue::default();
    d.client(MILLI, hello("www.shop.example"));
    sealed(&mut d, 100);
    let talk = line(0, 443);
    let mut bench = Bench::knowing(&intel());
    let all = segments(&talk, &d.done());
    for s in all.iter().filter(|s| s.side == crate::kit::dialogue::Side::Client) {
        bench.segment(&talk, s);
    }
    assert!(bench.end("one direction").findings.is_empty());
}

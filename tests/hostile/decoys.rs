//! A few bytes that are something else, before or around mining: they hide nothing, and cost no time.

use minewatch::carrier::peel::{Peel, Piece};
use minewatch::evidence::Verdict;
use minewatch::health::Counter;

use crate::framing::{SUBSCRIBE, job, turns};
use crate::kit::dialogue::{Dialogue, MILLI};
use crate::support2::whole;

const AUTHORIZE: &str = "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"u.w\",\"x\"]}\n";
const TRUE: &str = "{\"id\":2,\"result\":true,\"error\":null}\n";

#[test]
fn what_a_miner_says_first_does_not_hide_the_rest() {
    let zkwork = b"\x14\0\0\0\x80\x01\x01\x01\x01\x01\x01abbbbbbbbbbbb";
    let p2pool = [&[0; 17][..], &[1], &[0; 40], &[2, 1, 1, 0, 0], &[6; 3]].concat();
    let decoys: [&[u8]; 24] = [
        b"hello\n",
        b"\x01\n",
        b"x",
        b",",
        b"]",
        b"}}\n",
        b"\"\n",
        b"GET / HTTP/1.0\n",
        b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nX: y\r\n",
        b"HTTP/1.1 200 OK\n",
        b"\x16\x03\x01\0\x05",
        b"PROXY TCP4 x\r\n",
        b"PROXY ",
        b"\r\n\r\n\0\r\nQUIT\n",
        b"\x05\x01\0",
        b"\x04\x01\n",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        b"JOB,\n",
        b"\x7f\n",
        zkwork,
        &p2pool,
        b"{\"command\":\"version\"}\n",
    ];
    for decoy in decoys {
        let name = String::from_utf8_lossy(decoy).into_owned();
        let mut d = Dialogue::default();
        d.client(MILLI, decoy);
        d.client(2 * MILLI, SUBSCRIBE);
        d.server(3 * MILLI, job());
        d.client(4 * MILLI, AUTHORIZE);
        d.server(5 * MILLI, TRUE);
        d.server(6 * MILLI, job().replace("\"bf\"", "\"c0\""));
        let run = whole(&name, &d.done());
        let f = run.one(&name);
        assert_eq!((f.dialect, f.verdict), ("bitcoin-v1", Verdict::Confirmed), "{name:?}");
        assert!(f.proxy_target().is_none(), "{name:?}: no proxy was asked");
    }
}

#[test]
fn a_pool_with_a_banner_is_heard() {
    let job = job();
    let d = turns(&[('>', SUBSCRIBE), ('<', "Welcome!\n"), ('>', AUTHORIZE), ('<', &job), ('<', TRUE)]);
    assert_eq!(whole("banner", &d).one("banner").verdict, Verdict::Confirmed);
}

/// Nine wrappings, a hole, and the beginning of a tenth: read for ever once.
#[test]
fn wrappings_too_deep_end() {
    let mut peel = Peel::new(false, Some(true));
    let mut raw = 0;
    for n in 1..=9 {
        peel.data(format!("PROXY TCP4 192.0.2.1 192.0.2.2 {n} 2\r\n").as_bytes(), &mut |_| {});
    }
    peel.gap(100);
    peel.data(b"\x05\x01\0\x01\x01\x02\x03\x04\0\x50{}\n", &mut |piece| {
        raw += usize::from(matches!(piece, Piece::Raw(_)));
    });
    assert_eq!(raw, 1);
}

/// Each took a pass over all before it, in each of twenty dialects.
#[test]
fn thousands_of_parameters_are_read_once() {
    let strings = vec!["\"x\""; 8000].join(",");
    let line = format!("{{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[{strings}]}}\n");
    let mut d = Dialogue::default();
    for n in 0..400 {
        for part in line.as_bytes().chunks(1400) {
            d.client(n * MILLI, part);
        }
    }
    let run = whole("parameters", &d.done());
    assert_eq!(run.health.get(Counter::JsonInvalid), 0);
}

#[test]
fn upgrades_and_users_written_in_odd_ways_are_read() {
    let head = |upgrade: &str| format!("GET /ws HTTP/1.1\r\nHost: h.example\r\nUpgrade: {upgrade}\r\n\r\n");
    let frame = |text: &str| {
        let mut f = vec![0x81, 126];
        f.extend((text.len() as u16).to_be_bytes());
        f.extend(text.as_bytes());
        f
    };
    for (ask, answer) in
        [("foo, WebSocket", "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n"), ("websocket", "HTTP/1.1 101 x\r\n\r\n")]
    {
        let mut d = Dialogue::default();
        d.client(MILLI, ["\r\n\r\n", &head(ask)].concat());
        d.server(2 * MILLI, answer);
        d.client(3 * MILLI, frame(SUBSCRIBE));
        d.server(4 * MILLI, frame(&job()));
        assert_eq!(whole(ask, &d.done()).one(ask).verdict, Verdict::Confirmed, "{ask:?}, {answer:?}");
    }
    let mut d = Dialogue::default();
    d.client(MILLI, b"\x04\x01\x0d\x05\x01\x02\x03\x04\xfcser\0");
    d.server(2 * MILLI, b"\0\x5a\0\0\0\0\0\0");
    d.client(3 * MILLI, SUBSCRIBE);
    d.server(4 * MILLI, job());
    let run = whole("SOCKS4", &d.done());
    assert_eq!(
        (run.one("SOCKS4").verdict, run.one("SOCKS4").pool_name()),
        (Verdict::Confirmed, Some("1.2.3.4:3333".to_owned()))
    );
}

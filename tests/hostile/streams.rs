//! One flow says the worst it can: it costs no panic, no neighbour, and no memory that grows.

use std::fmt::Write;

use minewatch::carrier::lines::MAX_LINE;
use minewatch::evidence::{Code, Verdict};
use minewatch::health::Counter;

use crate::kit::dialogue::{Dialogue, MILLI, SECOND};
use crate::kit::rng::Rng;
use crate::kit::wallet;
use crate::support2::{Bench, line, segments, whole};
use crate::{Neighbour, is_small, talk};

#[test]
fn se07_hostile_streams_cost_no_panic_and_no_neighbour() {
    let brackets = "[".repeat(100_000) + "\n";
    let objects = "{\"method\":".repeat(10_000) + "\n";
    let deep =
        format!("{{\"id\":1,\"method\":\"mining.subscribe\",\"params\":{}{}}}\n", "[".repeat(9000), "]".repeat(9000));
    let mut wide = String::from("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[0");
    wide.extend((0..9000).map(|n| format!(",{n}")));
    wide += "]}\n";
    let keys = (0..2000).fold(String::from("{\"method\":\"x\""), |s, n| s + &format!(",\"k{n}\":\"\"")) + "}\n";
    let soup = Rng::new(1).bytes(300_000);
    let invalid: Vec<u8> =
        br#"{"id":1,"method":"login","params":{"login":"#.iter().copied().chain([b'"'; 1]).chain([0xff; 40]).collect();
    let invalid = [&invalid[..], b"\",\"pass\":\"\xc3\x28\",\"agent\":\"XMRig/\xf0\x28\x8c\x28\"}}\n"].concat();
    let streams: Vec<(&str, Vec<u8>)> = vec![
        ("brackets", brackets.into()),
        ("objects", objects.into()),
        ("deep parameters", deep.repeat(20).into()),
        ("wide parameters", wide.repeat(5).into()),
        ("many keys", keys.repeat(30).into()),
        ("10 MB without a line end", [&b"{\"a\":\""[..], &vec![b'x'; 10 << 20]].concat()),
        ("byte soup", soup.clone()),
        ("byte soup after a bracket", [&b"{"[..], &soup].concat()),
        ("NUL", vec![0; 200_000]),
        ("white space", vec![b' '; 200_000]),
        ("byte order marks", b"\xef\xbb\xbf".repeat(60_000)),
        ("line ends", vec![b'\n'; 200_000]),
        ("a PROXY line without end", [&b"PROXY "[..], &vec![b'9'; 200_000]].concat()),
        ("PROXY lines", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n".repeat(5000)),
        ("surrogates", b"{\"method\":\"\\ud800\\ud800\\udc00\\uffff\",\"params\":[\"\\u0000\"]}\n".repeat(2000)),
        (
            "numbers",
            b"{\"id\":1e999999999999,\"method\":\"mining.set_difficulty\",\"params\":[-0.0e-999999]}\n".repeat(2000),
        ),
        ("no UTF-8", invalid.repeat(200)),
        ("HTTP headers without end", [&b"POST / HTTP/1.1\r\n"[..], &b"A: b\r\n".repeat(40_000)].concat()),
    ];
    let mut neighbour = Neighbour::new();
    let mut bench = Bench::new();
    let count = streams.len();
    for (n, (_, stream)) in streams.iter().enumerate() {
        neighbour.speak(&mut bench, n, count);
        for (k, d) in
            [talk(stream, b"{\"id\":1,\"result\":true}\n"), talk(b"{\"id\":1}\n", stream), talk(stream, stream)]
                .iter()
                .enumerate()
        {
            let mut talk = line(100 + n as u16 * 3 + k as u16, 3333);
            talk.start = neighbour.now();
            let all = segments(&talk, d);
            bench.all(&talk, &all);
        }
    }
    neighbour.speak(&mut bench, 1, 1);
    let run = bench.end("hostile streams");
    neighbour.is_found(&run.findings);
    run.findings.iter().for_each(is_small);
    assert!(run.findings.iter().all(|f| f.verdict < Verdict::Confirmed || f.miner == neighbour.talk.client));
    assert!(run.health.get(Counter::LinesTooLong) >= 3, "{}", run.health.get(Counter::LinesTooLong));
    assert!(run.health.get(Counter::JsonInvalid) > 0);
}

/// A CryptoNote session around `middle`.
fn session(middle: impl FnOnce(&mut Dialogue)) -> Dialogue {
    let mut d = Dialogue::default();
    let login = wallet::xmr(1);
    d.client(
        MILLI,
        format!(r#"{{"id":1,"method":"login","params":{{"login":"{login}","pass":"x","agent":"XMRig/6.22.2"}}}}"#)
            + "\n",
    );
    let blob = "10".repeat(76);
    d.server(
        2 * MILLI,
        format!(
            r#"{{"id":1,"result":{{"id":"s","job":{{"blob":"{blob}","job_id":"j","target":"b88d0600"}},"status":"OK"}}}}"#
        ) + "\n",
    );
    middle(&mut d);
    d.done()
}

fn share(id: u64) -> String {
    let hash = "ab".repeat(32);
    format!(
        r#"{{"id":{id},"method":"submit","params":{{"id":"s","job_id":"j","nonce":"00000000","result":"{hash}"}}}}"#
    ) + "\n"
}

fn accept(id: u64) -> String {
    format!(r#"{{"id":{id},"result":{{"status":"OK"}}}}"#) + "\n"
}

#[test]
fn a_hundred_thousand_shares_are_counted_and_not_kept() {
    let d = session(|d| {
        for n in 0..1000_u64 {
            let ids = n * 100 + 2..n * 100 + 102;
            d.client(n * 50 * MILLI + 10 * MILLI, ids.clone().map(share).collect::<String>());
            d.server(n * 50 * MILLI + 35 * MILLI, ids.map(accept).collect::<String>());
        }
    });
    let run = whole("100,000 shares", &d);
    let f = run.one("100,000 shares");
    is_small(f);
    assert_eq!((f.shares.submitted, f.shares.accepted, f.verdict), (100_000, 100_000, Verdict::Confirmed));
    assert_eq!(f.evidence.iter().find(|e| e.code == Code::ShareAccepted).unwrap().count, 100_000);
    assert!(run.alerts.len() <= 3, "{} alerts", run.alerts.len());
}

#[test]
fn requests_that_are_never_answered_are_forgotten_oldest_first() {
    let d = session(|d| {
        for n in 0..10_000_u64 {
            d.client(n * MILLI + 10 * MILLI, share(n + 2));
        }
        for n in 0..10_000_u64 {
            d.server(20 * SECOND + n * MILLI, accept(n + 2));
        }
    });
    let run = whole("10,000 open requests", &d);
    let f = run.one("10,000 open requests");
    is_small(f);
    assert_eq!(f.shares.submitted, 10_000);
    // The last 128 are remembered.
    assert_eq!(f.shares.accepted, 128);
}

#[test]
fn what_a_peer_can_pile_up_is_capped() {
    let d = session(|d| {
        let blob = "10".repeat(76);
        for n in 0..5000_u64 {
            d.server(
                n * MILLI + 10 * MILLI,
                format!(
                    r#"{{"method":"job","params":{{"blob":"{blob}","job_id":"job{n}","target":"b88d0600","algo":"algo/{n}","height":{n}}}}}"#
                ) + "\n",
            );
        }
    });
    let run = whole("5,000 jobs", &d);
    let f = run.one("5,000 jobs");
    is_small(f);
    assert_eq!((f.jobs, f.height), (5001, Some(4999)));

    let algorithms = (0..3000).fold(String::new(), |mut s, n| {
        write!(s, "\"a{n}\",").unwrap();
        s
    });
    let long = "w".repeat(28_000);
    for (name, login, agent, algo) in [
        ("long login", long.as_str(), "XMRig/6.22.2", "\"rx/0\""),
        ("long agent", "w", &format!("XMRig/{long}"), "\"rx/0\""),
        ("many algorithms", "w", "XMRig/6.22.2", algorithms.trim_end_matches(',')),
    ] {
        let mut d = Dialogue::default();
        d.client(
            MILLI,
            format!(
                r#"{{"id":1,"method":"login","params":{{"login":"{login}","pass":"{login}=1,","agent":"{agent}","rigid":"{login}","algo":[{algo}]}}}}"#
            ) + "\n",
        );
        d.server(9 * MILLI, format!("{{\"id\":1,\"error\":{{\"code\":-1,\"message\":\"{long}\"}}}}\n"));
        let run = whole(name, &d);
        if login.len() + login.len() + login.len() + agent.len() < MAX_LINE {
            let f = run.one(name);
            is_small(f);
            assert_eq!(f.dialect, "cryptonote", "{name}");
            assert!(f.verdict >= Verdict::Suspected, "{name}: {}", f.verdict);
        } else {
            assert_eq!(run.health.get(Counter::LinesTooLong), 1, "{name}");
        }
    }
}

#[test]
fn strings_that_are_no_text_are_read_and_made_printable() {
    let mut d = Dialogue::default();
    let login = b"{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"\xff\xfe\\u001b[2J\\u0007\\u202e\",\"pass\":\"\x80\",\"agent\":\"XMRig/6 \xc0\\n\\u009b\",\"algo\":[\"\xf5\"]}}\n";
    d.client(MILLI, login.to_vec());
    d.server(9 * MILLI, b"{\"id\":1,\"error\":{\"code\":-1,\"message\":\"\xff\\r\\n\\u001b]0;x\\u0007\"}}\n".to_vec());
    let run = whole("no text", &d);
    let f = run.one("no text");
    is_small(f);
    assert_eq!((f.dialect, f.verdict, f.program), ("cryptonote", Verdict::Probable, Some("XMRig")));
    assert!(f.evidence.iter().any(|e| e.code == Code::PoolReply));
}

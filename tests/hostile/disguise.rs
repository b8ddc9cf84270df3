//! A miner that begins with something else, so that he is taken for it.

use minewatch::evidence::Verdict;

use crate::kit::dialogue::{Dialogue, MILLI, SECOND};
use crate::kit::dialogues;
use crate::kit::rng::Rng;
use crate::support2::{may_be, whole};
use crate::talk;

/// Another protocol before the first word of mining.
fn overtures() -> Vec<(&'static str, Dialogue)> {
    let json = |lines: u64| {
        let mut d = Dialogue::default();
        for n in 0..lines {
            d.client(
                n * MILLI * 10,
                format!("{{\"jsonrpc\":\"2.0\",\"id\":{n},\"method\":\"state.get\",\"params\":[{n}]}}\n"),
            );
            d.server(
                n * MILLI * 10 + MILLI,
                format!("{{\"jsonrpc\":\"2.0\",\"id\":{n},\"result\":{{\"value\":{n}}}}}\n"),
            );
        }
        d
    };
    let text =
        |bytes: usize| talk(&b"All work and no play makes Jack a dull boy.\n".repeat(bytes / 44), b"so it is said\n");
    let mut decoys = Dialogue::default();
    for method in
        ["login", "mining.notify", "mining.submit", "eth_blockNumber", "job", "submit", "mining.set", "mining.hello"]
    {
        decoys.client(decoys.length() + MILLI, format!("{{\"id\":1,\"method\":\"{method}\",\"params\":[]}}\n"));
    }
    vec![
        ("3 JSON lines", json(3)),
        ("20 JSON lines", json(20)),
        ("200 JSON lines", json(200)),
        ("one line of text", talk(b"hello\n", b"hello yourself\n")),
        ("1 MB of text", text(1 << 20)),
        ("1 MB of bytes", talk(&Rng::new(3).bytes(1 << 20), b"ok\n")),
        ("decoys of every dialect", decoys),
    ]
}

#[test]
fn a_miner_that_begins_with_something_else_is_heard_when_he_talks_on() {
    let mut late = Vec::new();
    for (overture, before) in overtures() {
        for (name, _, d) in dialogues::all(21) {
            // The oddities end their lines in ways of their own, and there must be something to hear.
            let lines = d.turns.iter().filter(|t| t.bytes.starts_with(b"{")).count();
            if lines < 40 || name == "oddities" {
                continue;
            }
            let mut all = before.clone();
            let from = before.length() + SECOND;
            all.turns.extend(d.turns.iter().cloned().map(|mut t| {
                t.at += from;
                t
            }));
            let run = whole(name, &all);
            let f = run.only(name);
            if !f.is_some_and(|f| f.verdict >= Verdict::Probable && may_be(&d, f.dialect)) {
                late.push(format!("{overture}, then {name} ({lines} lines): {:?}", f.map(|f| (f.dialect, f.verdict))));
            }
        }
    }
    assert!(late.is_empty(), "\n{}", late.join("\n"));
}

//! No dialect is certain of another one's words.

use minewatch::carrier::{First, first_bytes};
use minewatch::dialect::json::{Doc, Parser};
use minewatch::dialect::{DIALECTS, Message, Probe, Role};
use minewatch::evidence::Stamp;
use minewatch::flow::Direction;

use crate::kit::dialogue::{Dialogue, Side};
use crate::kit::{benign, dialogues};
use crate::support2::messages::{Said, of};
use crate::support2::{is_dialect, lookalikes};

/// Messages that two dialects share to the last byte: who is certain, of whose, and why both are right.
const SHARED: &[(&str, &str, &str)] =
    &[("kawpow", "cryptonote", "XMRig speaks KawPow's messages behind a CryptoNote login; the login settles it")];

/// Every dialect that is certain of a message, and the side it takes for the miner.
fn certain(said: &Said) -> Vec<(&'static str, Side)> {
    let mut parser = Parser::new(1 << 20);
    let Some(rpc) = parser.parse(&said.json).ok().and_then(Doc::rpc) else { return Vec::new() };
    let m = Message {
        from: Direction::LoToHi,
        stamp: Stamp::default(),
        rpc: &rpc,
        carrier: said.carrier,
        http: said.http.as_ref(),
    };
    // What carries the words is a part of the dialect: the arbiter asks those of the carrier only.
    let asked = DIALECTS.iter().filter(|x| x.carried_by(said.carrier));
    asked
        .filter_map(|x| match x.probe(&m) {
            Probe::Certain(role) => Some((x.id(), if role == Role::Miner { said.side } else { said.side.other() })),
            _ => None,
        })
        .collect()
}

#[test]
fn no_dialect_is_certain_of_anothers_words() {
    let mut sure = std::collections::BTreeSet::new();
    for seed in 1..4 {
        for (name, _, d) in dialogues::all(seed) {
            for said in of(&d) {
                for (who, miner) in certain(&said) {
                    let shared = SHARED.iter().any(|(a, b, _)| *a == who && *b == d.truth.dialect);
                    let text = String::from_utf8_lossy(&said.json).into_owned();
                    assert!(is_dialect(&d, who) || shared, "{who} is certain of {name}: {text}");
                    assert_eq!(miner, Side::Client, "{who} takes the pool for the miner in {name}: {text}");
                    sure.insert(who);
                }
            }
        }
    }
    // Each knows at least one of its own: otherwise all of the above says nothing.
    // Qubic's messages are known too little for certainty; interfaces of rigs are no mining dialogues.
    let without: Vec<_> = DIALECTS.iter().map(|d| d.id()).filter(|id| !sure.contains(id)).collect();
    assert_eq!(without, ["claymore-api", "qubic", "rig-http", "xmrig-api"], "certain of their own: {sure:?}");
}

#[test]
fn no_dialect_is_certain_of_a_look_alikes_words() {
    let kit = benign::all(1).into_iter().map(|(name, _, d)| (name, d));
    let json = |d: &Dialogue| matches!(first_bytes(&d.stream(Side::Client)), First::Lines | First::Http);
    for (name, d) in kit.chain(lookalikes::all(1)).filter(|(_, d)| json(d)) {
        for said in of(&d) {
            let sure = certain(&said);
            assert!(sure.is_empty(), "{sure:?} of {name}: {}", String::from_utf8_lossy(&said.json));
        }
    }
}

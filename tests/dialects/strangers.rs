//! No dialect is certain of another one's words.

use std::collections::BTreeSet;

use minewatch::carrier::{First, first_bytes};
use minewatch::dialect::json::{Doc, Parser};
use minewatch::dialect::{
    Conversation, DIALECTS, Message, Probe, Role, STREAM_DIALECTS, Start, StreamDialect, StreamSession,
};
use minewatch::evidence::Stamp;
use minewatch::flow::Direction;

use crate::kit::dialogue::{Dialogue, Side};
use crate::kit::{benign, dialogues};
use crate::support2::messages::{Said, of};
use crate::support2::{is_dialect, lookalikes};

/// Messages that two dialects share to the last byte: who is certain, of whose, and why both are right.
const SHARED: &[(&str, &str, &str)] = &[
    ("kawpow", "cryptonote", "XMRig speaks KawPow's messages behind a CryptoNote login; the login settles it"),
    (
        "bitcoin-v1",
        "btcagent",
        "BTCAgent opens and gets its jobs in Bitcoin stratum; its frames and its name settle it",
    ),
];

/// Every dialogue there is, with its name; and whether it is about a rig, which is asked and does not ask.
fn every_dialogue(seed: u64) -> impl Iterator<Item = (&'static str, Dialogue, bool)> {
    let mining = dialogues::all(seed).into_iter().chain(dialogues::streams(seed)).map(|(name, _, d)| (name, d, false));
    mining.chain(dialogues::managed(seed).into_iter().map(|(name, _, d)| (name, d, true)))
}

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
    let mut sure = BTreeSet::new();
    for seed in 1..4 {
        for (name, d, rig) in every_dialogue(seed) {
            for said in of(&d) {
                for (who, miner) in certain(&said) {
                    let shared = SHARED.iter().any(|(a, b, _)| *a == who && *b == d.truth.dialect);
                    let text = String::from_utf8_lossy(&said.json).into_owned();
                    assert!(is_dialect(&d, who) || shared, "{who} is certain of {name}: {text}");
                    let wanted = if rig { Side::Server } else { Side::Client };
                    assert_eq!(miner, wanted, "{who} takes the wrong end for the miner in {name}: {text}");
                    sure.insert(who);
                }
            }
        }
    }
    // Each knows at least one of its own: otherwise all of the above says nothing.
    // Qubic's messages are known too little for certainty.
    let without: Vec<_> = DIALECTS.iter().map(|d| d.id()).filter(|id| !sure.contains(id)).collect();
    assert_eq!(without, ["qubic"], "certain of their own: {sure:?}");
}

#[test]
fn every_dialect_has_a_dialogue() {
    let spoken: Vec<_> = every_dialogue(1).map(|(_, d, _)| d).collect();
    let known = DIALECTS.iter().map(|d| d.id()).chain(STREAM_DIALECTS.iter().map(|d| d.id()));
    let mute: Vec<_> = known.filter(|id| !spoken.iter().any(|d| is_dialect(d, id))).collect();
    assert!(mute.is_empty(), "{mute:?}");
}

/// Whether a stream dialect, alone with a dialogue from its `from`-th turn on, is ever certain of it.
fn takes(x: &dyn StreamDialect, d: &Dialogue, from: usize) -> bool {
    let turns = d.turns.get(from..).unwrap_or_default();
    let mid_stream = from > 0;
    let mut session: Option<Box<dyn StreamSession>> = None;
    let mut begun = [false; 2];
    let mut c = Conversation::default();
    for turn in turns {
        let way = if turn.side == Side::Client { Direction::LoToHi } else { Direction::HiToLo };
        let opener = (!mid_stream).then_some(turn.side == Side::Client);
        let start = Start { bytes: &turn.bytes, opener, mid_stream };
        if !std::mem::replace(&mut begun[turn.side.index()], true) && session.is_none() && x.starts(start) {
            session = Some(x.open_at(start));
        }
        match session.as_mut().map(|s| s.data(way, &turn.bytes, Stamp::default(), &mut c)) {
            Some(Probe::Certain(_)) => return true,
            Some(Probe::NotForUs) => session = None,
            _ => {}
        }
    }
    false
}

#[test]
fn no_stream_dialect_takes_anothers_dialogue() {
    let mut own = BTreeSet::new();
    for seed in 1..4 {
        let benign = benign::all(seed).into_iter().map(|(name, _, d)| (name, d));
        let strangers = benign.chain(lookalikes::all(seed)).filter(|(name, _)| *name != "miner-management");
        let known = every_dialogue(seed).map(|(name, d, _)| (name, d));
        for (name, d) in known.chain(strangers) {
            for x in STREAM_DIALECTS {
                // From its beginning, and picked up anywhere.
                for from in 0..d.turns.len().min(40) {
                    let taken = takes(*x, &d, from);
                    assert!(!taken || d.truth.dialect == x.id(), "{} takes {name} from turn {from}", x.id());
                    if taken && from == 0 {
                        own.insert(x.id());
                    }
                }
            }
        }
    }
    let without: Vec<_> = STREAM_DIALECTS.iter().map(|d| d.id()).filter(|id| !own.contains(id)).collect();
    assert!(without.is_empty(), "{without:?} take not even their own");
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

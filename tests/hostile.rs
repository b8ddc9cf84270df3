//! What a peer sends to hurt the detector, or to hide from it: memory stays bounded, nothing panics, and the miner next
//! door is still found.
//!
//! SE07 and worse. Time is not measured: every test gives more input than a quadratic algorithm could read in the time
//! of the whole suite, and sizes are asked from the parts that hold them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // allowed in tests; the helpers are one

#[path = "../pcaps/generate/kit.rs"]
mod kit;

mod support2;

#[path = "hostile/carriers.rs"]
mod carriers;
#[path = "hostile/decoys.rs"]
mod decoys;
#[path = "hostile/disguise.rs"]
mod disguise;
#[path = "hostile/floods.rs"]
mod floods;
#[path = "hostile/framing.rs"]
mod framing;
#[path = "hostile/names.rs"]
mod names;
#[path = "hostile/streams.rs"]
mod streams;

use minewatch::evidence::{Code, Verdict};
use minewatch::ledger::FlowFinding;

use kit::build;
use kit::dialogue::{Dialogue, MILLI};
use kit::dialogues;
use kit::tcp::{Conversation, Segment};
use support2::{Bench, line, segments};

/// The text of a finding is as bounded as its numbers.
fn is_small(f: &FlowFinding) {
    let texts = [&f.login, &f.wallet, &f.worker, &f.agent];
    assert!(
        texts.iter().all(|t| t.as_ref().is_none_or(|t| t.len() <= 512)),
        "{:?}",
        texts.map(|t| t.as_ref().map(String::len))
    );
    assert!(
        f.algorithms.len() <= 32 && f.algorithms.iter().all(|a| a.len() <= 64),
        "{} algorithms",
        f.algorithms.len()
    );
    assert!(f.evidence.len() <= Code::ALL.len());
    for e in &f.evidence {
        assert!(e.text.len() <= 400, "{} bytes of evidence: {}", e.text.len(), e.text);
        assert!(e.text.chars().all(|c| !c.is_control()), "{:?}", e.text);
    }
}

/// A client that says all of this, in segments of 1,400 bytes, and a server that says that.
fn talk(client: &[u8], server: &[u8]) -> Dialogue {
    let mut d = Dialogue::default();
    for (n, chunk) in (0..).zip(client.chunks(1400)) {
        d.client(n * MILLI, chunk);
    }
    for (n, chunk) in (0..).zip(server.chunks(1400)) {
        d.server(n * MILLI + MILLI / 2, chunk);
    }
    d.done()
}

/// A miner that talks all the while.
struct Neighbour {
    talk: Conversation,
    segments: Vec<Segment>,
    dialogue: Dialogue,
    at: usize,
}

impl Neighbour {
    fn new() -> Self {
        let dialogue = dialogues::all(1).into_iter().find(|(name, ..)| *name == "bitcoin-cgminer").unwrap().2;
        let talk = line(9, 3333);
        Self { segments: segments(&talk, &dialogue), talk, dialogue, at: 0 }
    }

    /// His share of the next packet, `part` of `whole` done.
    fn speak(&mut self, bench: &mut Bench, part: usize, whole: usize) {
        let until = self.segments.len() * part / whole;
        while self.at < until {
            bench.segment(&self.talk, &self.segments[self.at]);
            self.at += 1;
        }
    }

    /// Time of what he says last.
    fn now(&self) -> u64 {
        self.segments[self.at.min(self.segments.len() - 1)].at
    }

    fn is_found(&self, found: &[FlowFinding]) {
        let f = found.iter().find(|f| f.miner == self.talk.client).expect("the neighbour is found");
        let t = &self.dialogue.truth;
        assert_eq!((f.verdict, f.dialect), (Verdict::Confirmed, "bitcoin-v1"));
        assert_eq!((f.shares.submitted, f.shares.accepted), (t.submitted, t.accepted));
        assert!(f.handshake_verified);
    }
}

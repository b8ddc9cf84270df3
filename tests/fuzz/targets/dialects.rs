//! Messages to the arbiter and every dialect. First line: `l` or `h` for lines or HTTP, then `>`, `<` or `?` for who
//! opened the connection. Each further line is a message: `>` or `<`, over HTTP one more byte of context, then JSON.
//!
//! Promises: a conviction needs both ends; the miner is who opened the connection; facts are bounded, finite and
//! printable.

use std::time::Duration;

use minewatch::capture::{FrameRef, SourceId, Stamp};
use minewatch::dialect::{Arbiter, Carrier, Conversation, DIALECTS, Dialect, HttpMeta, Interest, Origin, Scratch};
use minewatch::evidence::{Verdict, judge};
use minewatch::flow::Direction;
use minewatch::time::PacketTime;

use super::is_hostile;

/// Reads the messages, then those of each direction alone.
pub fn run(data: &[u8]) {
    let mut lines = data.split(|b| *b == b'\n');
    let Some(head) = lines.next() else { return };
    let carrier = if head.first() == Some(&b'h') { Carrier::Http } else { Carrier::Lines };
    let opener = head.get(1).copied().and_then(way);
    let messages: Vec<_> =
        lines.filter_map(|line| line.split_first().and_then(|(w, raw)| Some((way(*w)?, raw)))).collect();
    let mut scratch = Scratch::default();
    converse(carrier, opener, &messages, &mut scratch);
    for only in Direction::BOTH {
        let half: Vec<_> = messages.iter().filter(|(w, _)| *w == only).copied().collect();
        if half.len() < messages.len() {
            converse(carrier, opener, &half, &mut scratch);
        }
    }
}

fn way(byte: u8) -> Option<Direction> {
    match byte {
        b'>' => Some(Direction::LoToHi),
        b'<' => Some(Direction::HiToLo),
        _ => None,
    }
}

fn converse(carrier: Carrier, opener: Option<Direction>, messages: &[(Direction, &[u8])], scratch: &mut Scratch) {
    let mut arbiter = Arbiter::new(opener, 24);
    let mut spoke = [false; 2];
    for (i, (from, raw)) in messages.iter().enumerate() {
        let number = i as u64 + 1;
        let time = PacketTime::from_parts(1_700_000_000, 0).plus(Duration::from_secs(number));
        let stamp = Stamp { time, frame: FrameRef { source: SourceId(0), number } };
        let (meta, raw) = match (carrier, raw.split_first()) {
            (Carrier::Http, Some((bits, raw))) => (Some(context(*bits)), raw),
            _ => (None, *raw),
        };
        spoke[usize::from(*from == Direction::HiToLo)] = true;
        let interest = arbiter.message(raw, Origin { from: *from, stamp, carrier, http: meta.as_ref() }, scratch);
        check(&arbiter, opener, spoke, number);
        if interest == Ok(Interest::GiveUp) {
            return;
        }
    }
}

/// HTTP context by the bits of one byte: letters and `@` are requests, `` ` `` and small letters responses.
fn context(bits: u8) -> HttpMeta {
    let response = bits & 32 != 0;
    HttpMeta {
        answers: None,
        proxied: false,
        target: None,
        websocket: bits & 8 != 0,
        path: (!response).then(|| "/".to_owned()),
        host: None,
        response,
        status: if response { [200, 401, 500, 204][usize::from(bits >> 3 & 3)] } else { 0 },
        mining_header: (bits & 1 != 0).then_some(if response { "X-Stratum" } else { "X-Mining-Extensions" }),
        user_agent: (bits & 2 != 0 && !response).then(|| "cgminer/4.10.0".to_owned()),
        user: (bits & 4 != 0 && !response).then(|| "account.rig1".to_owned()),
    }
}

fn check(arbiter: &Arbiter, opener: Option<Direction>, spoke: [bool; 2], messages: u64) {
    let (Some(c), Some(miner), Some(id)) =
        (arbiter.conversation(), arbiter.miner(), arbiter.dialect().map(Dialect::id))
    else {
        assert!(
            arbiter.conversation().is_none()
                && arbiter.miner().is_none()
                && arbiter.dialect().map(Dialect::id).is_none()
        );
        return;
    };
    let dialect = DIALECTS.iter().find(|d| d.id() == id).expect("a dialect of the list");
    let right = |o: Direction| (o == miner) == dialect.miner_opens();
    assert!(opener.is_none_or(right), "{id}: the wrong end opened the connection");
    if let Some(judgement) = judge(&c.evidence) {
        let convicted = judgement.verdict == Verdict::Confirmed;
        assert!(!convicted || spoke == [true, true], "{id}: convicted by one direction: {:?}", c.evidence);
        assert_eq!(judgement.missing.is_none(), convicted);
    }
    facts(c, messages);
}

fn facts(c: &Conversation, messages: u64) {
    assert!(c.shares.submitted <= messages && c.jobs <= messages);
    assert!(c.shares.accepted + c.shares.rejected <= messages);
    for text in [&c.login, &c.worker, &c.agent].into_iter().flatten().chain(&c.algorithms) {
        assert!(text.len() <= 512, "{} bytes kept", text.len());
    }
    assert!(c.algorithms.len() <= 32);
    assert!(c.work.is_finite() && c.work >= 0.0, "work {}", c.work);
    assert!(c.difficulty.is_none_or(|d| d.is_finite() && d > 0.0), "difficulty {:?}", c.difficulty);
    assert!(c.reported_hashrate.is_none_or(|r| r.is_finite() && r >= 0.0), "hashrate {:?}", c.reported_hashrate);
    let mut codes = Vec::new();
    for e in c.evidence.lines() {
        assert!(!codes.contains(&e.code), "a kind of evidence twice");
        codes.push(e.code);
        assert!(e.text.len() <= 1024 && !e.text.is_empty() && !e.text.chars().any(is_hostile), "{:?}", e.text);
        assert!(e.count <= messages * 8);
    }
}

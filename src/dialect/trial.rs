//! For tests: what dialects make of messages, alone and against each other.

#![allow(clippy::unwrap_used)] // test support, which clippy does not see

use super::{Arbiter, Carrier, Dialect, HttpMeta, Message, Origin, Probe, Scratch, json};
use crate::evidence::{Stamp, Verdict, judge};
use crate::flow::Direction;

/// The miner's direction in trials.
pub(super) const MINER: Direction = Direction::LoToHi;
/// The pool's direction in trials.
pub(super) const POOL: Direction = Direction::HiToLo;

/// What one dialect says of one message.
pub(super) fn probe_over(dialect: &dyn Dialect, carrier: Carrier, http: Option<&HttpMeta>, text: &str) -> Probe {
    let mut parser = json::Parser::new(1 << 16);
    let rpc = parser.parse(text.as_bytes()).unwrap().rpc().unwrap();
    dialect.probe(&Message { from: MINER, stamp: Stamp::default(), rpc: &rpc, carrier, http })
}

/// What one dialect says of one line.
pub(super) fn probe(dialect: &dyn Dialect, text: &str) -> Probe {
    probe_over(dialect, Carrier::Lines, None, text)
}

/// An HTTP request, or the upgrade of a WebSocket.
pub(super) fn request(host: &str, path: &str) -> HttpMeta {
    HttpMeta { host: Some(host.to_owned()), path: Some(path.to_owned()), ..HttpMeta::default() }
}

/// Lets all dialects hear a conversation that begins with these messages, the miner having opened it.
pub(super) fn hear(carrier: Carrier, http: Option<&HttpMeta>, messages: &[(Direction, &str)]) -> Arbiter {
    let mut arbiter = Arbiter::new(Some(MINER), 24);
    hear_more(&mut arbiter, carrier, http, messages);
    arbiter
}

/// Goes on with it.
pub(super) fn hear_more(
    arbiter: &mut Arbiter,
    carrier: Carrier,
    http: Option<&HttpMeta>,
    messages: &[(Direction, &str)],
) {
    let mut scratch = Scratch::default();
    for &(from, text) in messages {
        let origin = Origin { from, stamp: Stamp::default(), carrier, http };
        arbiter.message(text.as_bytes(), origin, &mut scratch).unwrap();
    }
}

/// The dialect that a conversation was taken for, and the verdict on it.
pub(super) fn outcome(arbiter: &Arbiter) -> (Option<&'static str>, Option<Verdict>) {
    let verdict = arbiter.conversation().and_then(|c| judge(&c.evidence)).map(|j| j.verdict);
    (arbiter.dialect().map(Dialect::id), verdict)
}

/// The same for lines.
pub(super) fn lines(messages: &[(Direction, &str)]) -> (Option<&'static str>, Option<Verdict>) {
    outcome(&hear(Carrier::Lines, None, messages))
}

//! Pieces that many dialects of the `mining.*` family share: how far an opening speaks for one of them, targets and
//! difficulties set by the pool.
//!
//! In: messages. Out: weights for probes, facts in a conversation. What makes a job or a share stays with the dialect.

use std::borrow::Cow;

use super::json::Value;
use super::shape::{is_hex, text};
use super::{Conversation, Message, Probe, Role};
use crate::wallet::difficulty::{Measure, target_256};
use crate::wallet::{self, Checksum, Coin};

/// The protocol that a subscription names, as `EthereumStratum/1.0.0`.
pub(super) fn named_protocol<'a>(m: &Message<'a>) -> Option<Cow<'a, str>> {
    m.texts().find(|s| s.contains("Stratum/"))
}

/// A subscription as anybody may send it, of this weight; not one that names another protocol or has other parameters
/// than an array. Without an id nobody can answer it: it is a record about one.
pub(super) fn subscribe(m: &Message<'_>, weight: u8) -> Probe {
    if m.rpc.params.is_some_and(Value::is_object) || m.rpc.root.get("body").is_some() || named_protocol(m).is_some() {
        Probe::NotForUs
    } else if m.rpc.id.is_none() {
        Probe::Neutral
    } else {
        Probe::Unsure(Role::Miner, weight)
    }
}

/// `[agent, session or null, host, port]`, which Equihash, `ProgPow`, Eaglesong and Aeternity share.
pub(super) fn names_its_host(m: &Message<'_>) -> bool {
    m.params() >= 4 && m.param(1).is_some_and(|s| s.is_null() || s.as_str().is_some()) && text(m.param(2)).is_some()
}

/// An authorization: an address of a coin that only this dialect mines speaks for it. It does not prove it, as some
/// pools pay in other coins than the mined one.
pub(super) fn authorize(m: &Message<'_>, coins: &[Coin]) -> Probe {
    match text(m.param(0)) {
        Some(login) => Probe::Unsure(Role::Miner, payee(&login, coins)),
        None => Probe::NotForUs,
    }
}

/// Whether a login pays to one of these coins and to no other.
pub(super) fn pays_only(login: Option<Value<'_>>, coins: &[Coin]) -> bool {
    text(login).is_some_and(|login| payee(&login, coins) == 4)
}

/// Whether a login pays to one of these coins, or to another with the same addresses.
pub(super) fn pays(login: Option<Value<'_>>, coins: &[Coin]) -> bool {
    text(login).is_some_and(|login| payee(&login, coins) >= 2)
}

fn payee(login: &str, coins: &[Coin]) -> u8 {
    match wallet::recognise(login).wallet {
        Some(w) if w.checksum == Checksum::Invalid || w.coins.is_empty() => 1,
        Some(w) if w.coins.iter().all(|c| coins.contains(c)) => 4,
        Some(w) if w.coins.iter().any(|c| coins.contains(c)) => 2,
        _ => 1,
    }
}

/// `mining.set_target` with 256 bits in hexadecimal.
pub(super) fn is_target(m: &Message<'_>) -> bool {
    is_hex(m.param(0), 64)
}

/// Reads `mining.set_target`: a share takes 2^256 / target hashes.
pub(super) fn set_target(m: &Message<'_>, c: &mut Conversation) {
    if let Some(work) = text(m.param(0)).and_then(|t| target_256(&t)) {
        c.replied(m.stamp, "set a target");
        c.difficulty(m.stamp, work.round(), work);
    }
}

/// Reads `mining.set_difficulty` in the dialect's measure.
pub(super) fn set_difficulty(m: &Message<'_>, measure: Measure, c: &mut Conversation) {
    if let Some(d) = m.param(0).and_then(Value::as_f64) {
        c.replied(m.stamp, "set a difficulty");
        c.difficulty(m.stamp, d, measure.work(d).unwrap_or(0.0));
    }
}

/// `[first, nonce prefix, size]` as the answer to a subscription; the digits of the prefix, and the size.
pub(super) fn nonce_prefix(result: Value<'_>) -> Option<(usize, u64)> {
    // An empty prefix leaves the whole nonce to the miner.
    let digits = text(result.index(1)).filter(|s| s.bytes().all(|b| b.is_ascii_hexdigit()))?.len();
    Some((digits, result.index(2)?.as_u64()?))
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::{Carrier, Dialect, Message, Probe, json};
    use crate::evidence::Stamp;
    use crate::flow::Direction;

    /// What a dialect makes of a line.
    pub(crate) fn probe(dialect: &dyn Dialect, line: &str) -> Probe {
        let mut parser = json::Parser::new(1 << 16);
        let rpc = parser.parse(line.as_bytes()).unwrap().rpc().unwrap();
        dialect.probe(&Message {
            from: Direction::LoToHi,
            stamp: Stamp::default(),
            rpc: &rpc,
            carrier: Carrier::Lines,
            http: None,
        })
    }

    /// The names of all dialects that are certain of a line.
    pub(crate) fn certain(line: &str) -> Vec<&'static str> {
        let sure = |d: &&&dyn Dialect| matches!(probe(**d, line), Probe::Certain(_));
        super::super::DIALECTS.iter().filter(sure).map(|d| d.id()).collect()
    }
}

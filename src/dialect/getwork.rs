//! getwork over HTTP: the oldest Bitcoin work protocol, still asked for by cgminer, bfgminer and cpuminer.
//!
//! Source of the protocol facts: cpuminer, cgminer and bfgminer `util.c` and `miner.c` (request and response headers),
//! node software removed the method years ago, so only miners ask. In: HTTP messages. Out: facts and evidence.

use super::http::Work;
use super::json::Value;
use super::shape::{hex_len, is_hex, text};
use super::{Carrier, Category, Conversation, Dialect, Message, Probe, Role, Session, What};
use crate::wallet::{Coin, difficulty};

/// The dialect.
pub(super) struct GetWork;

impl Dialect for GetWork {
    fn id(&self) -> &'static str {
        "getwork"
    }

    fn carried_by(&self, carrier: Carrier) -> bool {
        carrier == Carrier::Http
    }

    fn category(&self) -> Category {
        Category::Solo
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Btc, Coin::Bch, Coin::Ltc, Coin::Doge, Coin::Dgb, Coin::Dash, Coin::Vtc]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        match m.method() {
            Some("getwork") if is_miner(m) => Probe::Certain(Role::Miner),
            Some("getwork") if m.rpc.params.is_none_or(|p| p.is_array() || p.is_null()) => {
                Probe::Unsure(Role::Miner, 3)
            }
            Some("getwork") => Probe::NotForUs,
            Some(_) => Probe::Neutral,
            None if m.rpc.result.is_some_and(is_work) => Probe::Certain(Role::Pool),
            // A long poll is a GET with the miner's headers and no body.
            None if m.http.is_some_and(|h| !h.response && h.mining_header.is_some()) => Probe::Unsure(Role::Miner, 2),
            None => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// A miner's headers or program, or a share.
fn is_miner(m: &Message<'_>) -> bool {
    Work::is_miner(m) || hex_len(m.param(0)).is_some_and(|n| n >= 256)
}

/// `{"data": 256 digits, "target": 64 digits, …}`.
fn is_work(r: Value<'_>) -> bool {
    hex_len(r.get("data")).is_some_and(|n| n >= 256) && is_hex(r.get("target"), 64)
}

#[derive(Default)]
struct State {
    work: Work,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        // A GET without a miner's headers is no long poll.
        if role == Role::Miner && m.method().is_none() && !Work::is_miner(m) {
            return;
        }
        let at = m.stamp;
        Work::headers(m, c);
        if role == Role::Miner {
            if m.method() == Some("getwork") {
                if is_miner(m) {
                    c.asked(at, "getwork over HTTP");
                } else {
                    c.polled(at, "getwork over HTTP");
                }
                let share = hex_len(m.param(0)).is_some_and(|n| n >= 256);
                let what = if share { What::Submit { work: c.submitted(at, None) } } else { What::GetWork };
                self.work.sent(m, what);
            } else if m.method().is_none() {
                c.asked(at, "a long poll for work");
                self.work.sent(m, What::GetWork);
            }
            return;
        }
        let answered = self.work.answered(m);
        match m.rpc.result.filter(|r| is_work(*r)) {
            Some(work) => {
                c.replied(at, "answered with work");
                if let Some(hashes) = text(work.get("target")).and_then(|t| little_endian_target(&t)) {
                    c.difficulty(at, hashes / 4_294_967_296.0, hashes);
                }
                c.job(at, None, None, "getwork work");
            }
            None => Work::reply(answered, m, c),
        }
    }
}

/// getwork gives the 256-bit target least significant byte first.
fn little_endian_target(hex: &str) -> Option<f64> {
    let pairs: Option<String> = (0..hex.len()).step_by(2).rev().map(|i| hex.get(i..i + 2)).collect();
    difficulty::target_256(&pairs?)
}

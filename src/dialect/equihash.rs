//! Equihash stratum (Zcash and relatives): eight-element `mining.notify`, `mining.set_target`, submits of up to 2.9 kB.
//!
//! Source of the protocol facts: ZIP 301; NiceHash's Equihash specification for the appended parameter names. In: JSON
//! lines. Out: facts and evidence.

use super::json::{Rpc, Value};
use super::shape::{hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::{Coin, difficulty};

/// The dialect.
pub(super) struct Equihash;

impl Dialect for Equihash {
    fn id(&self) -> &'static str {
        "equihash"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Zec, Coin::Flux, Coin::Zen, Coin::Btg, Coin::Kmd, Coin::Vrsc]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            // [agent, session, host, port]
            "mining.subscribe" => {
                let n = m.params();
                if m.texts().any(|s| s.contains("Stratum/")) {
                    Probe::NotForUs
                } else {
                    Probe::Unsure(Role::Miner, if n >= 4 { 3 } else { 1 })
                }
            }
            "mining.authorize" if text(m.param(0)).is_some() => Probe::Unsure(Role::Miner, 1),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => Probe::Certain(Role::Miner),
            "mining.set_target" if is_hex(m.param(0), 64) => Probe::Unsure(Role::Pool, 3),
            "mining.suggest_target" | "mining.extranonce.subscribe" => Probe::Unsure(Role::Miner, 1),
            "mining.notify" | "mining.submit" | "mining.configure" | "mining.set" | "mining.hello" | "login" => {
                Probe::NotForUs
            }
            _ if method.starts_with("eth_") => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// `[session or null, nonce 1]`.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r)
            if r.len() == 2
                && r.index(0).is_some_and(|s| s.is_null() || s.as_str().is_some())
                && hex_len(r.index(1)).is_some() =>
        {
            Probe::Unsure(Role::Pool, 3)
        }
        _ => Probe::Neutral,
    }
}

/// `[job, version, previous hash, merkle root, reserved, time, bits, clean]`; Verus and NiceHash append members.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() >= 8
        && m.param(0).is_some_and(|id| id.as_str().is_some())
        && is_hex(m.param(1), 8)
        && (2..=4).all(|i| is_hex(m.param(i), 64))
        && is_hex(m.param(5), 8)
        && is_hex(m.param(6), 8)
}

/// `[user, job, time, nonce 2, solution]`: the solution is hundreds of digits long.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 5
        && text(m.param(0)).is_some()
        && is_hex(m.param(2), 8)
        && hex_len(m.param(3)).is_some()
        && hex_len(m.param(4)).is_some_and(|n| n >= 100)
}

/// Equihash parameters by the digits of a solution with its length prefix (ZIP 301, NiceHash's specification).
fn parameters(digits: usize) -> Option<&'static str> {
    match digits {
        2694 => Some("equihash/200,9"),
        806 => Some("equihash/192,7"),
        202 => Some("equihash/144,5"),
        106 => Some("equihash/125,4"),
        _ => None,
    }
}

#[derive(Default)]
struct State {
    stratum: Stratum,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (role, m.method()) {
            (Role::Miner, Some("mining.submit")) if is_submit(m) => {
                if let Some(name) = hex_len(m.param(4)).and_then(parameters) {
                    c.algorithm(name);
                }
                self.stratum.submit(m, c);
            }
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                let id = text(m.param(0));
                c.replied(at, "pushed an Equihash job");
                c.job(at, id.as_deref(), None, "an Equihash job");
            }
            (Role::Pool, Some("mining.set_target")) => {
                if let Some(work) = text(m.param(0)).and_then(|t| difficulty::target_256(&t)) {
                    c.replied(at, "set a target");
                    // Difficulty 1 of the reference pools (powLimit 0007ffff…) is 2^13 solutions.
                    c.difficulty(at, work / 8192.0, work);
                }
            }
            (Role::Pool, Some("mining.set_difficulty")) => {
                if let Some(d) = m.param(0).and_then(Value::as_f64) {
                    c.replied(at, "set a difficulty");
                    c.difficulty(at, d, difficulty::Measure::Equihash.work(d).unwrap_or(0.0));
                }
            }
            (Role::Pool, Some(_)) => Stratum::push(m, c),
            (Role::Pool, None) => self.stratum.reply(m, c),
        }
    }
}

//! Plain Ethash stratum (ethminer's `stratum1+tcp`): five-element `mining.notify` with `0x` hashes and a target.
//!
//! Source of the protocol facts: ethminer `EthStratumClient.cpp`. In: JSON lines. Out: facts and evidence.

use super::shape::{hex_number, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::difficulty;

/// The dialect.
pub(super) struct EthereumStratum;

impl Dialect for EthereumStratum {
    fn id(&self) -> &'static str {
        "ethereum-stratum"
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return Probe::Neutral };
        match method {
            "mining.subscribe" => {
                if m.texts().any(|s| s.contains("Stratum/")) {
                    Probe::NotForUs
                } else {
                    Probe::Unsure(Role::Miner, 1)
                }
            }
            "mining.authorize" if text(m.param(0)).is_some() => Probe::Unsure(Role::Miner, 1),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => Probe::Unsure(Role::Miner, 4),
            "mining.notify" | "mining.submit" | "mining.configure" | "mining.set" | "mining.set_target"
            | "mining.hello" | "login" => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// `[job, header hash, seed hash, target, clean]`.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() == 5
        && (1..=3).all(|i| is_hex(m.param(i), 64))
        && m.param(4).is_some_and(|clean| clean.as_bool().is_some())
}

/// `[user, job, nonce, header hash, mix digest]`.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 5
        && text(m.param(0)).is_some()
        && is_hex(m.param(2), 16)
        && is_hex(m.param(3), 64)
        && is_hex(m.param(4), 64)
}

#[derive(Default)]
struct State {
    stratum: Stratum,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (role, m.method()) {
            (Role::Miner, Some("mining.submit")) if is_submit(m) => self.stratum.submit(m, c),
            (Role::Miner, Some("eth_submitHashrate")) => {
                c.reported_hashrate = text(m.param(0)).and_then(|h| hex_number(&h)).or(c.reported_hashrate);
            }
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                if let Some(work) = text(m.param(3)).and_then(|t| difficulty::target_256(&t)) {
                    c.difficulty(at, work.round(), work);
                }
                let id = text(m.param(0));
                c.replied(at, "pushed an Ethash job");
                c.job(at, id.as_deref(), None, "an Ethash job");
            }
            (Role::Pool, Some(_)) => Stratum::push(m, c),
            (Role::Pool, None) => self.stratum.reply(m, c),
        }
    }
}

//! EthereumStratum/1.0.0 (NiceHash): stratum with an extranonce, four-element `mining.notify`, three-element submit.
//!
//! Source of the protocol facts: NiceHash's `EthereumStratum_NiceHash_v1.0.0.txt`, ethminer `EthStratumClient.cpp`.
//! In: JSON lines. Out: facts and evidence.

use super::json::{Rpc, Value};
use super::shape::{has_0x, hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::difficulty;

const NAME: &str = "EthereumStratum/1.0.0";

/// The dialect.
pub(super) struct EthereumStratum1;

impl Dialect for EthereumStratum1 {
    fn id(&self) -> &'static str {
        "ethereum-stratum-1"
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" => {
                let named = m.texts().find(|s| s.contains("Stratum/"));
                match named {
                    // Miners of Kaspa and its kin give the same name for another protocol.
                    Some(name) if name == NAME => Probe::Unsure(Role::Miner, 4),
                    Some(_) => Probe::NotForUs,
                    None => Probe::Unsure(Role::Miner, 1),
                }
            }
            "mining.authorize" if text(m.param(0)).is_some() => Probe::Unsure(Role::Miner, 1),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            // The nonce is written without; others with these three write it so.
            "mining.submit" if is_submit(m) => Probe::Unsure(Role::Miner, if has_0x(m.param(2)) { 1 } else { 4 }),
            "mining.set_difficulty" => Probe::Unsure(Role::Pool, 1),
            "mining.set_extranonce" | "mining.extranonce.subscribe" => Probe::Neutral,
            "mining.notify" | "mining.submit" | "mining.configure" | "mining.set" | "mining.set_target"
            | "mining.hello" | "login" => Probe::NotForUs,
            _ if method.starts_with("eth_") && method != "eth_submitHashrate" => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// `[["mining.notify", id, "EthereumStratum/1.0.0"], extranonce]`.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    let named =
        rpc.result.and_then(|r| r.index(0)).and_then(Value::as_array).is_some_and(|mut s| s.any(|v| v.is_str(NAME)));
    if named { Probe::Certain(Role::Pool) } else { Probe::Neutral }
}

/// `[job, seed hash, header hash, clean]`, no `0x`.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() == 4
        && m.param(0).is_some_and(|id| id.as_str().is_some())
        && is_hex(m.param(1), 64)
        && is_hex(m.param(2), 64)
        && m.param(3).is_some_and(|clean| clean.as_bool().is_some())
}

/// `[user, job, nonce without the extranonce]`.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 3
        && text(m.param(0)).is_some()
        && text(m.param(1)).is_some()
        && hex_len(m.param(2)).is_some_and(|n| n <= 16)
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
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                let id = text(m.param(0));
                c.replied(at, "pushed an Ethash job");
                c.job(at, id.as_deref(), None, "an Ethash job");
            }
            (Role::Pool, Some("mining.set_difficulty")) => {
                if let Some(d) = m.param(0).and_then(Value::as_f64) {
                    c.replied(at, "set a difficulty");
                    c.difficulty(at, d, difficulty::Measure::Bitcoin.work(d).unwrap_or(0.0));
                }
            }
            (Role::Pool, Some(_)) => Stratum::push(m, c),
            (Role::Pool, None) => self.stratum.reply(m, c),
        }
    }
}

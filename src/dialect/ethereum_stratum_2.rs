//! EthereumStratum/2.0.0: `mining.hello`, `mining.set`, hex numbers without `0x`, worker tokens.
//!
//! Source of the protocol facts: EIP-1571. In: JSON lines. Out: facts and evidence. When `encoding` gzip is agreed the
//! rest is compressed and only the hello is read.

use super::json::Rpc;
use super::shape::{hex_len, hex_number, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::difficulty;

const NAME: &str = "EthereumStratum/2";

/// The dialect.
pub(super) struct EthereumStratum2;

impl Dialect for EthereumStratum2 {
    fn id(&self) -> &'static str {
        "ethereum-stratum-2"
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.hello" if text(m.named("proto")).is_some_and(|p| p.starts_with(NAME)) => {
                Probe::Certain(Role::Miner)
            }
            "mining.set" if m.named("target").is_some() || m.named("extranonce").is_some() => {
                Probe::Certain(Role::Pool)
            }
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => Probe::Unsure(Role::Miner, 4),
            "mining.hashrate" if hex_len(m.param(0)).is_some() => Probe::Unsure(Role::Miner, 4),
            "mining.subscribe" if m.params() == 0 => Probe::Unsure(Role::Miner, 1),
            "mining.authorize" if text(m.param(0)).is_some() => Probe::Unsure(Role::Miner, 1),
            "mining.noop" | "mining.bye" => Probe::Neutral,
            "mining.subscribe"
            | "mining.configure"
            | "mining.set_difficulty"
            | "mining.set_target"
            | "mining.notify"
            | "mining.submit"
            | "login" => Probe::NotForUs,
            _ if method.starts_with("eth_") => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r) if text(r.get("proto")).is_some_and(|p| p.starts_with(NAME)) => Probe::Certain(Role::Pool),
        _ => Probe::Neutral,
    }
}

/// `[job, height, header hash, clean as "0" or "1"]`.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() == 4
        && hex_len(m.param(1)).is_some_and(|n| n <= 16)
        && is_hex(m.param(2), 64)
        && text(m.param(3)).is_some_and(|clean| clean == "0" || clean == "1")
}

/// `[job, nonce, worker token]`.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 3
        && hex_len(m.param(0)).is_some()
        && hex_len(m.param(1)).is_some()
        && text(m.param(2)).is_some_and(|w| w.starts_with("w-"))
}

#[derive(Default)]
struct State {
    stratum: Stratum,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (role, m.method()) {
            (Role::Miner, Some("mining.hello")) => {
                if let Some(agent) = text(m.named("agent")) {
                    c.agent(at, &agent);
                }
                self.stratum.request(m, c);
            }
            (Role::Miner, Some("mining.hashrate")) => {
                c.reported_hashrate = text(m.param(0)).and_then(|h| hex_number(&h)).or(c.reported_hashrate);
            }
            // Noop and its answer pass as requests and replies of their own.
            (Role::Miner, Some("mining.submit")) if is_submit(m) => {
                let job = text(m.param(0));
                self.stratum.share(m, job.as_deref(), c);
            }
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.set")) => {
                c.replied(at, "set the session's parameters");
                if let Some(work) = text(m.named("target")).and_then(|t| difficulty::target_256(&t)) {
                    c.difficulty(at, work.round(), work);
                }
                if let Some(algo) = text(m.named("algo")) {
                    c.algorithm(&algo);
                }
            }
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                let id = text(m.param(0));
                let height = text(m.param(1)).and_then(|h| hex_number(&h)).map(|h| h as u64);
                c.replied(at, "pushed an Ethash job");
                c.job(at, id.as_deref(), height, "an Ethash job");
            }
            (Role::Pool, Some(_)) => Stratum::push(m, c),
            (Role::Pool, None) => self.stratum.reply(m, c),
        }
    }
}

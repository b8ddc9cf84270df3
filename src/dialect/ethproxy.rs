//! EthProxy: `eth_submitLogin`, `eth_getWork`, `eth_submitWork` as JSON lines, without HTTP.
//!
//! Source of the protocol facts: ethminer `EthStratumClient.cpp`, open-ethereum-pool `docs/STRATUM.md`. In: JSON lines.
//! Out: facts and evidence. Clones for other coins put their own prefix in front of `_submitLogin`.

use super::json::{Rpc, Value};
use super::shape::{error_text, has_0x, hex_len, hex_number, is_hex, text};
use super::{Conversation, Dialect, Message, Probe, Requests, Role, Session, What};
use crate::wallet::difficulty;

/// The dialect.
pub(super) struct EthProxy;

impl Dialect for EthProxy {
    fn id(&self) -> &'static str {
        "ethproxy"
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match verb(method) {
            Some("submitLogin") if text(m.param(0)).is_some() => Probe::Certain(Role::Miner),
            Some("submitWork") if is_submit(m) => Probe::Certain(Role::Miner),
            Some("submitHashrate") if hex_len(m.param(0)).is_some() => Probe::Unsure(Role::Miner, 4),
            Some("getWork") => Probe::Unsure(Role::Miner, 3),
            // Node RPC on a bare socket: a miner asks for nothing else.
            None if method.starts_with("eth_") || method.starts_with("net_") || method.starts_with("web3_") => {
                Probe::NotForUs
            }
            None if method.starts_with("mining.") || method == "login" => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// The part after the coin prefix.
fn verb(method: &str) -> Option<&str> {
    let (coin, verb) = method.split_once('_')?;
    let known = matches!(verb, "submitLogin" | "submitWork" | "submitHashrate" | "getWork");
    (known && coin.len() <= 8 && coin.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(verb)
}

fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r) if is_work(r) => Probe::Certain(Role::Pool),
        _ => Probe::Neutral,
    }
}

/// `[header hash, seed hash, target]`, some pools append the height.
fn is_work(r: Value<'_>) -> bool {
    r.is_array()
        && matches!(r.len(), 3..=6)
        && is_hex(r.index(0), 64)
        && is_hex(r.index(1), 64)
        && has_0x(r.index(0))
        && hex_len(r.index(2)).is_some_and(|n| n <= 64)
        && has_0x(r.index(2))
}

/// `[nonce, header hash, mix digest]`.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() >= 3 && hex_len(m.param(0)).is_some_and(|n| n <= 16) && is_hex(m.param(1), 64) && is_hex(m.param(2), 64)
}

#[derive(Default)]
struct State {
    requests: Requests,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        match role {
            Role::Miner => self.miner(m, c),
            Role::Pool => self.pool(m, c),
        }
    }
}

impl State {
    fn miner(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        if let Some(worker) = text(m.rpc.root.get("worker")) {
            c.worker(&worker);
        }
        let what = match m.method().and_then(verb) {
            Some("submitLogin") => {
                c.asked(at, "eth_submitLogin");
                if let Some(login) = text(m.param(0)) {
                    c.login(at, &login);
                }
                if let Some(pass) = text(m.param(1)) {
                    c.password(&pass);
                }
                What::Login
            }
            Some("getWork") => {
                c.asked(at, "eth_getWork");
                What::GetWork
            }
            Some("submitWork") if is_submit(m) => {
                c.asked(at, "eth_submitWork");
                let header = text(m.param(1));
                What::Submit { work: c.submitted(at, header.as_deref()) }
            }
            Some("submitHashrate") => {
                c.asked(at, "eth_submitHashrate");
                c.reported_hashrate = text(m.param(0)).and_then(|h| hex_number(&h)).or(c.reported_hashrate);
                What::Other
            }
            _ => return,
        };
        self.requests.sent(m.rpc.id, what);
    }

    fn pool(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        let answered = self.requests.answered(m.rpc.id);
        if m.rpc.failure().is_some() {
            match answered {
                Some(What::Submit { .. }) => c.rejected(at, &error_text(m.rpc.error)),
                Some(_) => c.replied(at, &format!("refused the request ({})", error_text(m.rpc.error))),
                None => {}
            }
            return;
        }
        let Some(result) = m.rpc.result else { return };
        if is_work(result) {
            c.replied(at, "delivered Ethash work");
            if let Some(work) = text(result.index(2)).and_then(|t| difficulty::target_256(&t)) {
                c.difficulty(at, work.round(), work);
            }
            let header = text(result.index(0));
            let height = text(result.index(3)).and_then(|h| hex_number(&h)).map(|h| h as u64);
            c.job(at, header.as_deref(), height, "Ethash work");
            return;
        }
        match answered {
            Some(What::Submit { .. }) if result.as_bool() == Some(false) => c.rejected(at, ""),
            Some(What::Submit { work }) => c.accepted(at, work),
            Some(_) => c.replied(at, "answered the request"),
            None => {}
        }
    }
}

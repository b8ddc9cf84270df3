//! EthProxy: `eth_submitLogin`, `eth_getWork`, `eth_submitWork` as JSON lines, without HTTP.
//!
//! Source of the protocol facts: ethminer `EthStratumClient.cpp`, open-ethereum-pool `docs/STRATUM.md`. In: JSON lines.
//! Out: facts and evidence. Clones for other coins put their own prefix in front of `_submitLogin`.

use super::json::{Rpc, Value};
use super::shape::{error_text, has_0x, hex_len, hex_number, is_hex, says_yes, text};
use super::{Conversation, Dialect, Message, Probe, Requests, Role, Session, What};
use crate::evidence::Code;
use crate::wallet::{self, difficulty};

/// Requests for work, or answers to them, that make a miner of someone who has not logged in: a node's console asks once.
const POLLS: u32 = 3;

/// The dialect.
pub(super) struct EthProxy;

impl Dialect for EthProxy {
    fn id(&self) -> &'static str {
        "ethproxy"
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match verb(method) {
            Some("submitLogin") if is_login(m) => Probe::Certain(Role::Miner),
            Some("submitLogin") if text(m.param(0)).is_some() => Probe::Unsure(Role::Miner, 3),
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

/// A login under Ethereum's own name, or with a wallet.
fn is_login(m: &Message<'_>) -> bool {
    let ethereum = m.method().is_some_and(|n| n.starts_with("eth_"));
    text(m.param(0)).is_some_and(|login| ethereum || wallet::recognise(&login).wallet.is_some())
}

fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        // A node answers the same to its console.
        Some(r) if is_work(r) => Probe::Unsure(Role::Pool, 4),
        _ => Probe::Neutral,
    }
}

/// `[header hash, seed hash, target]`, some pools append the height. Nodes answer lists of hashes too: a target begins
/// with zeros.
fn is_work(r: Value<'_>) -> bool {
    let target = text(r.index(2)).unwrap_or_default();
    is_bare_work(r)
        && has_0x(r.index(0))
        && target.strip_prefix("0x").is_some_and(|t| t.len() < 64 || t.starts_with("0000"))
}

/// The same with any target, and where the pool leaves out `0x`: enough as the answer to a request for work.
fn is_bare_work(r: Value<'_>) -> bool {
    r.is_array()
        && matches!(r.len(), 3..=6)
        && is_hex(r.index(0), 64)
        && is_hex(r.index(1), 64)
        && hex_len(r.index(2)).is_some_and(|n| n <= 64)
}

/// `[nonce, header hash, mix digest]`.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() >= 3 && hex_len(m.param(0)).is_some_and(|n| n <= 16) && is_hex(m.param(1), 64) && is_hex(m.param(2), 64)
}

#[derive(Default)]
struct State {
    requests: Requests,
    /// The pool answered a request for work without `0x`.
    bare: bool,
    /// A miner for certain, and no one at a node's console.
    miner: bool,
    /// A login that could be anyone's.
    login: bool,
    polls: u32,
    works: u32,
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
    /// Only miners send this, whatever else was called before, as a decoy perhaps.
    fn proven(&mut self, m: &Message<'_>, what: &str, c: &mut Conversation) {
        self.miner = true;
        c.asked(m.stamp, what);
        c.evidence.withdraw(Code::NodeRpc);
    }

    fn miner(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        if let Some(worker) = text(m.rpc.root.get("worker")) {
            c.worker(&worker);
        }
        let what = match m.method().and_then(verb) {
            Some("submitLogin") => {
                if is_login(m) {
                    self.proven(m, "eth_submitLogin", c);
                } else {
                    self.login = true;
                    c.polled(at, "a login by EthProxy's verb");
                }
                if let Some(login) = text(m.param(0)) {
                    c.login(at, &login);
                }
                if let Some(pass) = text(m.param(1)) {
                    c.password(&pass);
                }
                What::Login
            }
            Some("getWork") => {
                let ethereum = m.method().is_some_and(|n| n.starts_with("eth_"));
                self.polls = self.polls.saturating_add(1);
                self.miner |= ethereum && self.polls >= POLLS && !c.evidence.has(Code::NodeRpc);
                if self.miner {
                    c.asked(at, "eth_getWork");
                } else {
                    c.polled(at, "eth_getWork");
                }
                What::GetWork
            }
            Some("submitWork") if is_submit(m) => {
                self.proven(m, "eth_submitWork", c);
                let header = text(m.param(1));
                What::Submit { work: c.submitted(at, header.as_deref()) }
            }
            Some("submitHashrate") if hex_len(m.param(0)).is_some() => {
                self.proven(m, "eth_submitHashrate", c);
                c.reported_hashrate = text(m.param(0)).and_then(|h| hex_number(&h)).or(c.reported_hashrate);
                What::Other
            }
            _ => {
                if let Some(other) = m.method().filter(|n| !self.miner && n.contains('_')) {
                    let name = crate::text::printable(other, 40);
                    c.evidence.note(Code::NodeRpc, at, || format!("the client also calls {name}"));
                }
                What::Foreign
            }
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
        self.bare |= answered == Some(What::GetWork) && is_bare_work(result);
        if is_work(result) || (self.bare && is_bare_work(result)) {
            self.works = self.works.saturating_add(1);
            self.miner |= (self.login || self.works >= POLLS) && !c.evidence.has(Code::NodeRpc);
            if !self.miner {
                return;
            }
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
            Some(What::Submit { work }) if says_yes(result) => c.accepted(at, work),
            Some(What::Submit { .. } | What::Foreign) | None => {}
            Some(_) => c.replied(at, "answered the request"),
        }
    }
}

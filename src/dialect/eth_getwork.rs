//! Ethereum getwork over HTTP: `eth_getWork` polled twice a second, `eth_submitWork`.
//!
//! Source of the protocol facts: ethminer `EthGetworkClient.cpp`. The methods are part of every Ethereum node's RPC, so
//! a single poll, or polls among other node methods, is `noted`; a poller or a submit is a miner. In: HTTP messages.
//! Out: facts and evidence.

use std::time::Duration;

use super::http::Work;
use super::shape::{has_0x, hex_len, hex_number, is_hex, text};
use super::{Carrier, Conversation, Dialect, Message, Probe, Role, Session, What};
use crate::evidence::{Code, Stamp};
use crate::wallet::difficulty;

/// Polls in a row that make a poller: a monitoring script asks once a visit, or once a minute.
const POLLS: u32 = 3;
/// The longest pause between two of them. Miners ask every half second.
const PAUSE: Duration = Duration::from_secs(20);

/// The dialect.
pub(super) struct EthGetWork;

impl Dialect for EthGetWork {
    fn id(&self) -> &'static str {
        "eth-getwork"
    }

    fn carried_by(&self, carrier: Carrier) -> bool {
        carrier == Carrier::Http
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        match m.method() {
            Some("eth_submitWork") if is_submit(m) => Probe::Certain(Role::Miner),
            Some("eth_getWork") => Probe::Unsure(Role::Miner, 3),
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// `[nonce, header hash, mix digest]`.
fn is_submit(m: &Message<'_>) -> bool {
    hex_len(m.param(0)).is_some_and(|n| n <= 16) && is_hex(m.param(1), 64) && is_hex(m.param(2), 64)
}

#[derive(Default)]
struct State {
    work: Work,
    polls: u32,
    polled: Option<Stamp>,
    miner: bool,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        Work::headers(m, c);
        if role == Role::Miner {
            match m.method() {
                Some("eth_getWork") => {
                    if self.polled.replace(at).is_some_and(|last| at.time.since(last.time) > PAUSE) {
                        self.polls = 0;
                    }
                    self.polls = self.polls.saturating_add(1);
                    self.miner |= self.polls >= POLLS && !c.evidence.has(Code::NodeRpc);
                    if self.miner {
                        c.asked(at, "eth_getWork again and again");
                    } else {
                        c.polled(at, "eth_getWork");
                    }
                    self.work.sent(m, What::GetWork);
                }
                Some("eth_submitWork") if is_submit(m) => {
                    self.miner = true;
                    c.asked(at, "eth_submitWork");
                    // Whatever else was called, a decoy perhaps: this is a miner.
                    c.evidence.withdraw(Code::NodeRpc);
                    let header = text(m.param(1));
                    let work = c.submitted(at, header.as_deref());
                    self.work.sent(m, What::Submit { work });
                }
                Some("eth_submitHashrate") => {
                    c.reported_hashrate = text(m.param(0)).and_then(|h| hex_number(&h)).or(c.reported_hashrate);
                    self.work.sent(m, What::Other);
                }
                Some(other) => {
                    if !self.miner {
                        c.evidence.note(Code::NodeRpc, at, || {
                            format!("the client also calls {}", crate::text::printable(other, 40))
                        });
                    }
                    self.work.sent(m, What::Other);
                }
                None => {}
            }
            return;
        }
        let answered = self.work.answered(m);
        if !self.miner {
            return;
        }
        let result = m.rpc.result.filter(|r| r.len() >= 3 && is_hex(r.index(0), 64) && has_0x(r.index(2)));
        match result {
            Some(r) => {
                c.replied(at, "answered with work");
                if let Some(work) = text(r.index(2)).and_then(|t| difficulty::target_256(&t)) {
                    c.difficulty(at, work.round(), work);
                }
                let header = text(r.index(0));
                c.job(at, header.as_deref(), None, "Ethash work");
            }
            None => Work::reply(answered, m, c),
        }
    }
}

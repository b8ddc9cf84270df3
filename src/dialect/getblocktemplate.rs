//! getblocktemplate over HTTP, asked for by a miner.
//!
//! Source of the protocol facts: BIP 22 and 23; request headers from cgminer, bfgminer and cpuminer `util.c`. Nodes,
//! wallets, explorers and pool back ends ask for templates too: without a miner's headers or user agent it stays
//! `noted`. In: HTTP messages. Out: facts and evidence.

use super::http::Work;
use super::json::Value;
use super::shape::{is_hex, text};
use super::{Carrier, Conversation, Dialect, Message, Probe, Role, Session, What};

/// The dialect.
pub(super) struct GetBlockTemplate;

impl Dialect for GetBlockTemplate {
    fn id(&self) -> &'static str {
        "getblocktemplate"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Http
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        match m.method() {
            // Monero's daemon has a method of the same name, with a wallet address.
            Some("getblocktemplate") if m.named("wallet_address").is_some() => Probe::NotForUs,
            Some("getblocktemplate") if Work::is_miner(m) => Probe::Certain(Role::Miner),
            Some("getblocktemplate") => Probe::Unsure(Role::Miner, 3),
            Some("getwork" | "eth_getWork") => Probe::NotForUs,
            Some(_) => Probe::Neutral,
            None if m.rpc.result.is_some_and(is_template) => Probe::Unsure(Role::Pool, 3),
            None => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

fn is_template(r: Value<'_>) -> bool {
    is_hex(r.get("previousblockhash"), 64) && r.get("bits").is_some() && r.get("height").is_some()
}

#[derive(Default)]
struct State {
    work: Work,
    miner: bool,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        self.work.headers(m, c);
        self.miner |= Work::is_miner(m);
        if role == Role::Miner {
            match m.method() {
                Some("getblocktemplate") if self.miner => {
                    c.asked(at, "getblocktemplate with a miner's headers");
                    self.work.sent(What::GetWork);
                }
                Some("getblocktemplate") => {
                    c.polled(at, "getblocktemplate");
                    self.work.sent(What::Other);
                }
                Some("submitblock") if self.miner => {
                    let work = c.submitted(at, None);
                    self.work.sent(What::Submit { work });
                }
                Some(_) => self.work.sent(What::Other),
                None => {}
            }
            return;
        }
        if !self.miner {
            return;
        }
        match m.rpc.result.filter(|r| is_template(*r)) {
            Some(template) => {
                self.work.answered();
                c.replied(at, "answered with a block template");
                let id = text(template.get("workid"));
                c.job(at, id.as_deref(), template.get("height").and_then(Value::as_u64), "a block template");
            }
            None => self.work.reply(m, c),
        }
    }
}

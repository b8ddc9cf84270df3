//! Block templates over HTTP, asked for by a miner: Bitcoin's getblocktemplate, and Monero's method of the same name.
//!
//! Source of the protocol facts: BIP 22 and 23; request headers from cgminer, bfgminer and cpuminer `util.c`; xmrig
//! `DaemonClient.cpp` and monero `core_rpc_server.h` for the daemon form with a wallet address. Nodes,
//! wallets, explorers and pool back ends ask for templates too: without a miner's headers or user agent it stays
//! `noted`. In: HTTP messages. Out: facts and evidence.

use super::http::Work;
use super::json::Value;
use super::shape::{hex_len, is_hex, text};
use super::{Carrier, Category, Conversation, Dialect, Message, Probe, Role, Session, What};
use crate::wallet::Coin;

/// The dialect.
pub(super) struct GetBlockTemplate;

impl Dialect for GetBlockTemplate {
    fn id(&self) -> &'static str {
        "getblocktemplate"
    }

    fn carried_by(&self, carrier: Carrier) -> bool {
        carrier == Carrier::Http
    }

    fn category(&self) -> Category {
        Category::Solo
    }

    fn coins(&self) -> &'static [Coin] {
        &[
            Coin::Btc,
            Coin::Bch,
            Coin::Ltc,
            Coin::Doge,
            Coin::Dgb,
            Coin::Dash,
            Coin::Vtc,
            Coin::Xmr,
            Coin::Sal,
            Coin::Zeph,
            Coin::Sumo,
            Coin::Arq,
            Coin::Wow,
            Coin::Grft,
        ]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        match m.method() {
            Some(method) if is_poll(method) && Work::is_miner(m) => Probe::Certain(Role::Miner),
            Some(method) if is_poll(method) => Probe::Unsure(Role::Miner, 3),
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

fn is_poll(method: &str) -> bool {
    matches!(method, "getblocktemplate" | "get_block_template")
}

fn is_template(r: Value<'_>) -> bool {
    let bitcoin = is_hex(r.get("previousblockhash"), 64) && r.get("bits").is_some();
    let monero = hex_len(r.get("blocktemplate_blob")).is_some() && r.get("difficulty").is_some();
    (bitcoin || monero) && r.get("height").is_some()
}

#[derive(Default)]
struct State {
    work: Work,
    miner: bool,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        Work::headers(m, c);
        self.miner |= Work::is_miner(m);
        if role == Role::Miner {
            match m.method() {
                Some(method) if is_poll(method) && self.miner => {
                    c.asked(at, "a block template request with a miner's headers");
                    if let Some(wallet) = text(m.named("wallet_address")) {
                        c.login(at, &wallet);
                    }
                    self.work.sent(m, What::GetWork);
                }
                Some(method) if is_poll(method) => {
                    c.polled(at, "a block template request");
                    self.work.sent(m, What::Other);
                }
                Some("submitblock" | "submit_block") if self.miner => {
                    let work = c.submitted(at, None);
                    self.work.sent(m, What::Submit { work });
                }
                Some(_) => self.work.sent(m, What::Other),
                None => {}
            }
            return;
        }
        let answered = self.work.answered(m);
        if !self.miner {
            return;
        }
        match m.rpc.result.filter(|r| is_template(*r)) {
            Some(template) => {
                c.replied(at, "answered with a block template");
                if let Some(d) = template.get("difficulty").and_then(Value::as_f64) {
                    c.difficulty(at, d, d);
                }
                let id = text(template.get("workid"));
                c.job(at, id.as_deref(), template.get("height").and_then(Value::as_u64), "a block template");
            }
            None => Work::reply(answered, m, c),
        }
    }
}

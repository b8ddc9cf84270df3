//! The management interface of Claymore's miner, which ethminer, nanominer and others took over.
//!
//! Source of the protocol facts: ethminer `docs/API_DOCUMENTATION.md`. In: JSON lines. Out: inventory evidence: somebody
//! asked (`noted`), a rig answered (`suspected`). It lives on pools' favourite port, 3333: methods tell them apart.

use super::json::Value;
use super::shape::text;
use super::{Carrier, Category, Conversation, Dialect, Message, Probe, Requests, Role, Session, What};
use crate::evidence::Code;
use crate::text::printable;

/// Methods of the interface. A node's RPC has others of this beginning (`miner_start`, `miner_setEtherbase`).
const METHODS: [&str; 14] = [
    "miner_getstat1",
    "miner_getstat2",
    "miner_getstatdetail",
    "miner_getstathr",
    "miner_ping",
    "miner_restart",
    "miner_reboot",
    "miner_shuffle",
    "miner_getconnections",
    "miner_addconnection",
    "miner_setactiveconnection",
    "miner_pausegpu",
    "miner_setverbosity",
    // UNVERIFIED, of Claymore's own.
    "miner_file",
];

/// The dialect.
pub(super) struct ClaymoreApi;

impl Dialect for ClaymoreApi {
    fn id(&self) -> &'static str {
        "claymore-api"
    }

    fn carried_by(&self, carrier: Carrier) -> bool {
        carrier == Carrier::Lines
    }

    fn category(&self) -> Category {
        Category::Inventory
    }

    fn miner_opens(&self) -> bool {
        false
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        match m.method() {
            Some(method) if METHODS.contains(&method) => Probe::Certain(Role::Pool),
            Some(_) => Probe::NotForUs,
            None if m.rpc.result.is_some_and(is_stat) => Probe::Unsure(Role::Miner, 4),
            None => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// `["1.2 - ETH", minutes, "rate;shares;rejected", "rate;…", …]`, all strings.
fn is_stat(result: Value<'_>) -> bool {
    result.is_array()
        && result.len() >= 7
        && text(result.index(1)).is_some_and(|m| m.parse::<u64>().is_ok())
        && text(result.index(2)).is_some_and(|t| is_triple(&t))
        && text(result.index(3)).is_some()
}

fn is_triple(text: &str) -> bool {
    text.split(';').count() == 3 && text.split(';').all(|n| n.parse::<u64>().is_ok())
}

#[derive(Default)]
struct State {
    requests: Requests,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        if role == Role::Pool {
            if let Some(method) = m.method().filter(|name| METHODS.contains(name)) {
                c.evidence.note(Code::RigAsked, at, || format!("somebody called {method} of a mining program"));
                self.requests.sent(m.rpc.id, What::Other);
            }
            return;
        }
        let answered = self.requests.answered(m.rpc.id).is_some();
        let Some(result) = m.rpc.result else { return };
        if is_stat(result) {
            let version = text(result.index(0)).unwrap_or_default().into_owned();
            c.evidence.note(Code::RigAnswered, at, || {
                format!("a mining program answered with its statistics ({})", printable(&version, 40))
            });
            if let Some(pool) = text(result.index(7)).and_then(|list| list.split(';').next().map(str::to_owned)) {
                c.reported_pool(&pool);
            }
            // In thousands of hashes per second.
            let rate = text(result.index(2)).and_then(|t| t.split(';').next()?.parse::<f64>().ok());
            c.reported_hashrate = rate.map(|r| r * 1000.0).filter(|r| *r > 0.0).or(c.reported_hashrate);
        } else if answered && result.get("connection").is_some() && result.get("mining").is_some() {
            // The answer of miner_getstatdetail.
            c.evidence.note(Code::RigAnswered, at, || "a mining program answered with its details".to_owned());
        }
    }
}

#[cfg(test)]
mod tests;

//! Iron Fish stratum: `mining.*` methods whose members stand in `body`, answered by messages, not by replies.
//!
//! Source of the protocol facts: `iron-fish/ironfish` stratum messages; the public description of its version 2 with
//! extranonces. In: JSON lines. Out: facts and evidence.

use super::json::Value;
use super::requests::InOrder;
use super::shape::{hex_len, is_hex, text, word};
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::{Coin, difficulty};

/// The dialect.
pub(super) struct IronFish;

impl Dialect for IronFish {
    fn id(&self) -> &'static str {
        "ironfish"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Iron]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return Probe::Neutral };
        if !method.starts_with("mining.") {
            return Probe::NotForUs;
        }
        match method {
            "mining.subscribe" if is_hex(body(m, "publicAddress"), 64) => Probe::Certain(Role::Miner),
            "mining.submit" if is_submit(m) => Probe::Certain(Role::Miner),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.set_target" if is_hex(body(m, "target"), 64) => Probe::Certain(Role::Pool),
            "mining.submitted" if verdict(m).is_some() => Probe::Certain(Role::Pool),
            "mining.subscribed" if body(m, "clientId").is_some() => Probe::Unsure(Role::Pool, 4),
            "mining.get_status" if m.rpc.params.is_none() => Probe::Unsure(Role::Miner, 2),
            "mining.status" | "mining.wait_for_work" | "mining.disconnect" if m.rpc.params.is_none() => {
                Probe::Unsure(Role::Pool, 2)
            }
            _ => Probe::NotForUs,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

fn body<'a>(m: &Message<'a>, key: &str) -> Option<Value<'a>> {
    m.rpc.root.get("body")?.get(key)
}

/// A header of some 180 bytes under a request number.
fn is_notify(m: &Message<'_>) -> bool {
    word(body(m, "miningRequestId")).is_some() && hex_len(body(m, "header")).is_some_and(|n| n >= 128)
}

fn is_submit(m: &Message<'_>) -> bool {
    word(body(m, "miningRequestId")).is_some() && is_hex(body(m, "randomness"), 16)
}

/// Whether a share was taken.
fn verdict(m: &Message<'_>) -> Option<bool> {
    word(body(m, "id"))?;
    body(m, "result")?.as_bool()
}

#[derive(Default)]
struct State {
    shares: InOrder,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (role, m.method()) {
            (Role::Miner, Some("mining.subscribe")) => {
                c.asked(at, "an Iron Fish subscription");
                if let Some(address) = text(body(m, "publicAddress")) {
                    c.login(at, &address);
                }
                if let Some(name) = text(body(m, "name")) {
                    c.worker(&name);
                }
                if let Some(agent) = text(body(m, "agent")) {
                    c.agent(at, &agent);
                }
            }
            (Role::Miner, Some("mining.submit")) if is_submit(m) => {
                let job = word(body(m, "miningRequestId"));
                let work = c.submitted(at, job.as_deref());
                c.asked(at, "an Iron Fish share");
                self.shares.sent(work);
            }
            (Role::Miner, Some("mining.get_status")) => c.polled(at, "mining.get_status"),
            (Role::Pool, Some("mining.set_target")) => {
                if let Some(work) = text(body(m, "target")).and_then(|t| difficulty::target_256(&t)) {
                    c.replied(at, "set a target");
                    c.difficulty(at, work.round(), work);
                }
            }
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                let id = word(body(m, "miningRequestId"));
                c.replied(at, "pushed an Iron Fish job");
                c.job(at, id.as_deref(), None, "an Iron Fish job");
            }
            (Role::Pool, Some("mining.submitted")) => {
                let Some(taken) = verdict(m) else { return };
                match self.shares.answered() {
                    Some(work) if taken => c.accepted(at, work),
                    Some(_) => {
                        let why = text(body(m, "message")).unwrap_or_default();
                        c.rejected(at, &crate::text::printable(&*why, 80));
                    }
                    None => c.replied(at, "answered an Iron Fish share"),
                }
            }
            (Role::Pool, Some("mining.subscribed")) => c.replied(at, "answered the subscription"),
            (Role::Pool, Some("mining.wait_for_work" | "mining.status" | "mining.disconnect")) => {
                c.replied(at, "pushed an Iron Fish message");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{MINER, POOL, lines, probe};
    use super::*;
    use crate::evidence::Verdict;

    #[test]
    fn a_subscription_leads_and_work_confirms() {
        let subscribe = format!(
            r#"{{"id":0,"method":"mining.subscribe","body":{{"version":3,"agent":"x","publicAddress":"{}"}}}}"#,
            "ab".repeat(32)
        );
        let notify = format!(
            r#"{{"id":2,"method":"mining.notify","body":{{"miningRequestId":5,"header":"{}"}}}}"#,
            "00".repeat(180)
        );
        assert_eq!(lines(&[(MINER, &subscribe)]), (Some("ironfish"), Some(Verdict::Suspected)));
        let heard = lines(&[(MINER, &subscribe), (POOL, &notify)]);
        assert_eq!(heard, (Some("ironfish"), Some(Verdict::Confirmed)));
    }

    #[test]
    fn parameters_in_params_are_somebody_elses() {
        for text in [
            r#"{"id":1,"method":"mining.subscribe","params":["x"]}"#,
            r#"{"id":1,"method":"mining.submit","params":["a","b","c","d","e"]}"#,
            r#"{"id":1,"method":"mining.subscribe","body":{"publicAddress":"short"}}"#,
            r#"{"id":1,"method":"eth_submitLogin","params":["0x"]}"#,
        ] {
            assert_eq!(probe(&IronFish, text), Probe::NotForUs, "{text}");
        }
    }
}

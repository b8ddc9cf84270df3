//! Chia pool protocol over HTTP: `/pool_info`, `/farmer`, `/partial`. Farming proves space, so there is no hash rate.
//!
//! Source of the protocol facts: `Chia-Network/pool-reference` SPECIFICATION. Farmers must use HTTPS; in the clear it is
//! seen between a pool's front and its servers, or where TLS is taken off. In: HTTP messages. Out: facts and evidence.

use super::http::Work;
use super::json::Value;
use super::shape::{is_hex, text, word};
use super::{Carrier, Conversation, Dialect, Message, Probe, Role, Session, What};
use crate::wallet::Coin;

/// The dialect.
pub(super) struct Chia;

impl Dialect for Chia {
    fn id(&self) -> &'static str {
        "chia"
    }

    fn carried_by(&self, carrier: Carrier) -> bool {
        carrier == Carrier::Http
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Xch]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        if m.rpc.method.is_some() {
            return Probe::NotForUs;
        }
        match ask(m) {
            Some(Ask::Partial | Ask::Registration) => Probe::Certain(Role::Miner),
            Some(Ask::Farmer) => Probe::Unsure(Role::Miner, 4),
            Some(Ask::PoolInfo) => Probe::Unsure(Role::Miner, 2),
            None if is_pool_info(m) || is_farmer(m) => Probe::Unsure(Role::Pool, 4),
            None => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// What a request asks.
#[derive(Clone, Copy, PartialEq)]
enum Ask {
    /// A proof of space handed in.
    Partial,
    /// A farmer makes itself known, or changes what is known of it.
    Registration,
    /// A farmer asks for its own record.
    Farmer,
    /// Anybody asks what the pool is.
    PoolInfo,
}

fn ask(m: &Message<'_>) -> Option<Ask> {
    let path = m.http.filter(|h| !h.response)?.path.as_deref()?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let payload = m.rpc.root.get("payload");
    let farmer = payload.is_some_and(|p| is_hex(p.get("launcher_id"), 64));
    match path.rsplit('/').next()? {
        "partial" if farmer && payload.is_some_and(|p| p.get("proof_of_space").is_some_and(Value::is_object)) => {
            Some(Ask::Partial)
        }
        "farmer" if farmer && m.rpc.root.get("signature").is_some() => Some(Ask::Registration),
        "farmer" if launcher(query).is_some() && query.contains("authentication_token=") => Some(Ask::Farmer),
        "pool_info" => Some(Ask::PoolInfo),
        _ => None,
    }
}

/// The farmer that a query names.
fn launcher(query: &str) -> Option<&str> {
    let id = query.split('&').find_map(|pair| pair.strip_prefix("launcher_id="))?;
    let digits = id.strip_prefix("0x").unwrap_or(id);
    (digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
}

fn is_pool_info(m: &Message<'_>) -> bool {
    let r = m.rpc.root;
    is_hex(r.get("target_puzzle_hash"), 64)
        && r.get("minimum_difficulty").is_some_and(|d| d.as_u64().is_some())
        && r.get("relative_lock_height").is_some()
}

fn is_farmer(m: &Message<'_>) -> bool {
    let r = m.rpc.root;
    is_hex(r.get("authentication_public_key"), 96)
        && r.get("current_difficulty").is_some_and(|d| d.as_u64().is_some())
        && r.get("current_points").is_some()
}

#[derive(Default)]
struct State {
    work: Work,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        match role {
            Role::Miner => self.farmer(m, c),
            Role::Pool => self.pool(m, c),
        }
    }
}

impl State {
    fn farmer(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        let Some(ask) = ask(m) else {
            self.work.sent(m, What::Other);
            return;
        };
        if let Some(agent) = m.http.and_then(|h| h.user_agent.as_deref()) {
            c.agent(at, agent);
        }
        let what = match ask {
            Ask::Partial => {
                let work = c.submitted(at, None);
                c.asked(at, "a proof of space");
                What::Submit { work }
            }
            Ask::Registration => {
                c.asked(at, "a farmer's registration");
                What::Login
            }
            Ask::Farmer => {
                c.asked(at, "a farmer's request for its own record");
                What::Login
            }
            Ask::PoolInfo => {
                c.polled(at, "a request for pool information");
                What::Other
            }
        };
        self.work.sent(m, what);
        let query = m.http.and_then(|h| h.path.as_deref()?.split_once('?')).map_or("", |(_, query)| query);
        let payload = m.rpc.root.get("payload");
        if let Some(id) = payload.and_then(|p| text(p.get("launcher_id"))) {
            c.login(at, &id);
        } else if let Some(id) = launcher(query) {
            c.login(at, id);
        }
    }

    fn pool(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        let answered = self.work.answered(m);
        let r = m.rpc.root;
        if r.is_empty() {
            return;
        }
        if let Some(d) = ["new_difficulty", "current_difficulty"].iter().find_map(|key| r.get(key)?.as_f64()) {
            c.difficulty_alone(at, d);
        }
        let failed = word(r.get("error_code"));
        let why = text(r.get("error_message")).unwrap_or_default();
        let why = crate::text::printable(&*why, 80).to_string();
        match (answered, failed) {
            (Some(What::Submit { .. }), Some(_)) => c.rejected(at, &why),
            (Some(What::Submit { work }), None) if r.get("new_difficulty").is_some() => c.accepted(at, work),
            (Some(What::Login), Some(_)) => c.replied(at, &format!("refused the request ({why})")),
            (Some(What::Login), None) => c.replied(at, "answered the farmer"),
            _ if is_farmer(m) => c.replied(at, "told a farmer its record"),
            _ if is_pool_info(m) => c.replied_too(at, "told what pool it is"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::HttpMeta;
    use super::super::trial::{MINER, POOL, hear, hear_more, outcome, probe_over, request};
    use super::*;
    use crate::evidence::Verdict;

    fn answer() -> HttpMeta {
        HttpMeta { response: true, status: 200, ..HttpMeta::default() }
    }

    #[test]
    fn a_partial_that_is_taken_is_farming() {
        let partial = format!(
            r#"{{"payload":{{"launcher_id":"0x{}","proof_of_space":{{"size":32}}}},"aggregate_signature":"ab"}}"#,
            "0a".repeat(32)
        );
        let mut arbiter = hear(Carrier::Http, Some(&request("p.example", "/partial")), &[(MINER, &partial)]);
        assert_eq!(outcome(&arbiter), (Some("chia"), Some(Verdict::Probable)));
        hear_more(&mut arbiter, Carrier::Http, Some(&answer()), &[(POOL, r#"{"new_difficulty":10}"#)]);
        assert_eq!(outcome(&arbiter), (Some("chia"), Some(Verdict::Confirmed)));
        let c = arbiter.conversation().unwrap();
        assert_eq!((c.shares.accepted, c.difficulty, c.weighed), (1, Some(10.0), 0));
    }

    #[test]
    fn whoever_asks_what_the_pool_is_farms_not() {
        let info = format!(
            r#"{{"name":"p","minimum_difficulty":1,"relative_lock_height":32,"target_puzzle_hash":"0x{}"}}"#,
            "0b".repeat(32)
        );
        let mut arbiter = hear(Carrier::Http, Some(&request("p.example", "/pool_info")), &[(MINER, "{}")]);
        hear_more(&mut arbiter, Carrier::Http, Some(&answer()), &[(POOL, &info)]);
        assert_eq!(outcome(&arbiter), (Some("chia"), Some(Verdict::Noted)));
    }

    #[test]
    fn other_farmers_are_not_it() {
        for path in ["/farmer", "/farmer?launcher_id=5&authentication_token=1", "/partial", "/farmers/market"] {
            let http = request("shop.example", path);
            assert_eq!(probe_over(&Chia, Carrier::Http, Some(&http), r#"{"payload":{}}"#), Probe::Neutral, "{path}");
        }
    }
}

//! Web miners after webminerpool (and `WebRandomX`): messages told apart by `identifier`.
//!
//! Source of the protocol facts: `notgiven688/webminerpool` server and script. In: WebSocket messages, or lines. Out:
//! facts and evidence.

use super::json::Value;
use super::requests::InOrder;
use super::shape::{hex_len, is_hex, text, word};
use super::{Category, Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::{Coin, difficulty};

/// The dialect.
pub(super) struct WebMinerPool;

impl Dialect for WebMinerPool {
    fn id(&self) -> &'static str {
        "webminerpool"
    }

    fn category(&self) -> Category {
        Category::Web
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Xmr, Coin::Sumo, Coin::Grft, Coin::Arq, Coin::Wow]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        if m.rpc.method.is_some() {
            return Probe::NotForUs;
        }
        let Some(identifier) = text(m.rpc.root.get("identifier")) else { return Probe::Neutral };
        match identifier.as_ref() {
            "handshake" if is_handshake(m) => Probe::Certain(Role::Miner),
            "solved" if is_solved(m) => Probe::Certain(Role::Miner),
            "job" if is_job(m) => Probe::Certain(Role::Pool),
            "hashsolved" => Probe::Unsure(Role::Pool, 4),
            "error" | "poolinfo" | "userstats" => Probe::Neutral,
            _ => Probe::NotForUs,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

fn member<'a>(m: &Message<'a>, key: &str) -> Option<Value<'a>> {
    m.rpc.root.get(key)
}

/// A login for a pool (or for the web address of one), with a version number.
fn is_handshake(m: &Message<'_>) -> bool {
    text(member(m, "login")).is_some()
        && text(member(m, "password")).is_some()
        && text(member(m, "pool")).is_some()
        && member(m, "version").is_some_and(|v| v.as_u64().is_some())
}

fn is_job(m: &Message<'_>) -> bool {
    word(member(m, "job_id")).is_some()
        && hex_len(member(m, "blob")).is_some_and(|n| n >= 146)
        && hex_len(member(m, "target")).is_some_and(|n| matches!(n, 8 | 16))
}

fn is_solved(m: &Message<'_>) -> bool {
    word(member(m, "job_id")).is_some()
        && hex_len(member(m, "nonce")).is_some_and(|n| matches!(n, 8 | 16))
        && is_hex(member(m, "result"), 64)
}

#[derive(Default)]
struct State {
    shares: InOrder,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        let identifier = text(member(m, "identifier")).unwrap_or_default();
        match (role, identifier.as_ref()) {
            (Role::Miner, "handshake") if is_handshake(m) => {
                c.asked(at, "a web miner's handshake for a pool");
                if let Some(login) = text(member(m, "login")) {
                    c.login(at, &login);
                }
                if let Some(pass) = text(member(m, "password")) {
                    c.password(&pass);
                }
                if let Some(user) = text(member(m, "userid")) {
                    c.worker(&user);
                }
            }
            (Role::Miner, "solved") if is_solved(m) => {
                let job = word(member(m, "job_id"));
                let work = c.submitted(at, job.as_deref());
                c.asked(at, "a web miner's share");
                self.shares.sent(work);
            }
            (Role::Pool, "job") if is_job(m) => {
                if let Some(work) = text(member(m, "target")).and_then(|t| difficulty::cryptonote_target(&t)) {
                    c.difficulty(at, work.round(), work);
                }
                if let Some(algo) = text(member(m, "algo")) {
                    c.algorithm(&algo);
                }
                let id = word(member(m, "job_id"));
                c.replied(at, "pushed a web miner's job");
                c.job(at, id.as_deref(), member(m, "height").and_then(Value::as_u64), "a web miner's job");
            }
            (Role::Pool, "hashsolved") => match self.shares.answered() {
                Some(work) => c.accepted(at, work),
                None => c.replied_too(at, "answered a share"),
            },
            (Role::Pool, "error") => {
                let why = text(member(m, "param")).unwrap_or_default();
                c.replied_too(at, &format!("refused the request ({})", crate::text::printable(&*why, 80)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Carrier;
    use super::super::trial::{MINER, POOL, hear, outcome, probe};
    use super::*;
    use crate::evidence::Verdict;

    #[test]
    fn a_handshake_and_a_job_are_a_web_miner() {
        let hello =
            r#"{"identifier":"handshake","pool":"p.example","login":"w","password":"x","userid":"","version":8}"#;
        let job = format!(
            r#"{{"identifier":"job","job_id":"1","blob":"{}","target":"ffffff00","algo":"cn","height":0}}"#,
            "0c".repeat(76)
        );
        let ws = |messages: &[_]| outcome(&hear(Carrier::WebSocket, None, messages));
        assert_eq!(ws(&[(MINER, hello)]), (Some("webminerpool"), Some(Verdict::Suspected)));
        assert_eq!(ws(&[(MINER, hello), (POOL, &job)]), (Some("webminerpool"), Some(Verdict::Confirmed)));
    }

    #[test]
    fn other_identifiers_are_not_it() {
        let solved = r#"{"identifier":"hashsolved"}"#;
        assert_eq!(outcome(&hear(Carrier::WebSocket, None, &[(POOL, solved)])).1, None);
        // A Rails ActionCable message, and a handshake of something else.
        for text in [
            r#"{"identifier":"{\"channel\":\"Chat\"}","command":"subscribe"}"#,
            r#"{"identifier":"handshake","version":8}"#,
            r#"{"identifier":"job","job_id":1,"state":"done"}"#,
        ] {
            assert_eq!(probe(&WebMinerPool, text), Probe::NotForUs, "{text}");
        }
    }
}

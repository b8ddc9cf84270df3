//! Web miners after Coinhive (`CoinIMP`, deepMiner and other relatives): `type` and `params`, a site key for a login.
//!
//! Source of the protocol facts: `cazala/coin-hive-stratum` and `deepwn/deepMiner` servers, captures described by the
//! public studies of such miners. Bridges turn it into CryptoNote stratum. In: WebSocket messages, or lines where a bridge
//! uses them. Out: facts and evidence.

use super::json::Value;
use super::requests::InOrder;
use super::shape::{error_text, hex_len, is_hex, text, word};
use super::{Category, Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::{Coin, difficulty};

/// The dialect.
pub(super) struct CoinHive;

impl Dialect for CoinHive {
    fn id(&self) -> &'static str {
        "coinhive"
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
        let Some(kind) = text(m.rpc.root.get("type")) else { return Probe::Neutral };
        match kind.as_ref() {
            "auth" if is_auth(m) => Probe::Certain(Role::Miner),
            "auth" if text(m.named("site_key")).is_some() => Probe::Unsure(Role::Miner, 2),
            "submit" if is_submit(m) => Probe::Certain(Role::Miner),
            "job" if is_job(m.rpc.params) => Probe::Certain(Role::Pool),
            "authed" if hashes(m).is_some() => Probe::Unsure(Role::Pool, 3),
            "hash_accepted" if hashes(m).is_some() => Probe::Unsure(Role::Pool, 4),
            "error" | "banned" | "authed" | "verify" => Probe::Neutral,
            _ => Probe::NotForUs,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// A site key, and what kind of visitor mines for it.
fn is_auth(m: &Message<'_>) -> bool {
    text(m.named("site_key")).is_some_and(|key| !key.is_empty())
        && text(m.named("type")).is_some_and(|t| matches!(t.as_ref(), "anonymous" | "user" | "token"))
}

/// As `CryptoNote`: a hashing blob of 76 bytes and more.
fn is_job(v: Option<Value<'_>>) -> bool {
    v.is_some_and(|job| {
        word(job.get("job_id")).is_some()
            && hex_len(job.get("blob")).is_some_and(|n| n >= 146)
            && hex_len(job.get("target")).is_some_and(|n| matches!(n, 8 | 16))
    })
}

fn is_submit(m: &Message<'_>) -> bool {
    word(m.named("job_id")).is_some()
        && hex_len(m.named("nonce")).is_some_and(|n| matches!(n, 8 | 16))
        && is_hex(m.named("result"), 64)
}

/// Hashes credited so far.
fn hashes(m: &Message<'_>) -> Option<u64> {
    m.named("hashes")?.as_u64()
}

#[derive(Default)]
struct State {
    shares: InOrder,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        let kind = text(m.rpc.root.get("type")).unwrap_or_default();
        match (role, kind.as_ref()) {
            (Role::Miner, "auth") => {
                if is_auth(m) {
                    c.asked(at, "a web miner's authentication with a site key");
                } else {
                    c.polled(at, "an authentication with a site key");
                }
                if let Some(key) = text(m.named("site_key")) {
                    c.login(at, &key);
                }
                if let Some(user) = text(m.named("user")) {
                    c.worker(&user);
                }
            }
            (Role::Miner, "submit") if is_submit(m) => {
                let job = word(m.named("job_id"));
                let work = c.submitted(at, job.as_deref());
                c.asked(at, "a web miner's share");
                self.shares.sent(work);
            }
            (Role::Pool, "job") => {
                let Some(job) = m.rpc.params.filter(|v| is_job(Some(*v))) else { return };
                if let Some(work) = text(job.get("target")).and_then(|t| difficulty::cryptonote_target(&t)) {
                    c.difficulty(at, work.round(), work);
                }
                if let Some(algo) = text(job.get("algo")) {
                    c.algorithm(&algo);
                }
                let id = word(job.get("job_id"));
                c.replied(at, "pushed a web miner's job");
                c.job(at, id.as_deref(), job.get("height").and_then(Value::as_u64), "a web miner's job");
            }
            (Role::Pool, "authed") => c.replied_too(at, "answered the authentication"),
            (Role::Pool, "hash_accepted") => match self.shares.answered() {
                Some(work) => c.accepted(at, work),
                None => c.replied_too(at, "answered a share"),
            },
            (Role::Pool, "error" | "banned") => {
                let why = m.named("error").and_then(Value::as_str).unwrap_or_default();
                let why = crate::text::printable(&*why, 80).to_string();
                // Nothing says what an error answers; a share is by far the likeliest.
                if self.shares.answered().is_some() {
                    c.rejected(at, &why);
                } else if why.contains("site_key") {
                    // Sockets of all kinds answer with an error of that form.
                    c.replied_too(at, &format!("refused the request ({why}{})", error_text(m.rpc.error)));
                }
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

    const AUTH: &str = r#"{"type":"auth","params":{"site_key":"k","type":"anonymous"}}"#;

    fn job() -> String {
        format!(r#"{{"type":"job","params":{{"job_id":"1","blob":"{}","target":"ffffff00"}}}}"#, "0c".repeat(76))
    }

    #[test]
    fn a_site_key_and_a_job_are_a_web_miner() {
        let ws = |messages: &[_]| outcome(&hear(Carrier::WebSocket, None, messages));
        assert_eq!(ws(&[(MINER, AUTH)]), (Some("coinhive"), Some(Verdict::Suspected)));
        assert_eq!(ws(&[(MINER, AUTH), (POOL, &job())]), (Some("coinhive"), Some(Verdict::Confirmed)));
        let arbiter = hear(Carrier::Lines, None, &[(MINER, AUTH), (POOL, &job())]);
        assert_eq!(arbiter.dialect().unwrap().category(), Category::Web);
        assert_eq!(arbiter.conversation().unwrap().difficulty, Some(256.0));
    }

    #[test]
    fn other_sockets_with_a_type_are_not_it() {
        for text in [
            r#"{"type":"auth","params":{"token":"x"}}"#,
            r#"{"type":"job","params":{"job_id":"1","blob":"00ff","target":"ffffff00"}}"#,
            r#"{"type":"submit","params":{"form":1}}"#,
            r#"{"type":"message","text":"hi"}"#,
            r#"{"type":"auth","method":"x"}"#,
        ] {
            assert_eq!(probe(&CoinHive, text), Probe::NotForUs, "{text}");
        }
        let accepted = r#"{"type":"hash_accepted","params":{"hashes":1}}"#;
        assert_eq!(outcome(&hear(Carrier::WebSocket, None, &[(POOL, accepted)])).1, None);
        let captcha = r#"{"type":"auth","params":{"site_key":"6Lc","action":"login"}}"#;
        let authed = r#"{"type":"authed","params":{"token":"","hashes":0}}"#;
        let heard = outcome(&hear(Carrier::WebSocket, None, &[(MINER, captcha), (POOL, authed)]));
        assert_eq!(heard.1, Some(Verdict::Noted));
    }
}

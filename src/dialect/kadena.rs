//! Kadena stratum: jobs of one 286-byte header, shares of the rest of an eight-byte nonce.
//!
//! Source of the protocol facts: chainweb-mining-client `Worker/POW/Stratum/Protocol.hs`, NiceHash's Kadena
//! specification. In: JSON lines. Out: facts and evidence. Miners log in with a public key.

use super::family::{authorize, is_target, nonce_prefix, set_target, subscribe};
use super::json::{Rpc, Value};
use super::shape::{has_0x, hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::Coin;

const COINS: &[Coin] = &[Coin::Kda];
/// Bytes of a nonce, prefix included.
const NONCE: u64 = 8;
/// Digits of a header.
const HEADER: usize = 572;

/// The dialect.
pub(super) struct Kadena;

impl Dialect for Kadena {
    fn id(&self) -> &'static str {
        "kadena"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" => subscribe(m, 1),
            "mining.authorize" if is_key(m.param(0)) => Probe::Unsure(Role::Miner, 4),
            "mining.authorize" => authorize(m, COINS),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => Probe::Unsure(Role::Miner, if is_key(m.param(0)) { 5 } else { 2 }),
            "mining.set_target" if is_target(m) => Probe::Unsure(Role::Pool, 3),
            "mining.notify"
            | "mining.submit"
            | "mining.set_target"
            | "mining.set_difficulty"
            | "mining.configure"
            | "mining.set"
            | "mining.hello"
            | "login" => Probe::NotForUs,
            _ if method.starts_with("eth_") => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// A public key, with or without `k:`, and perhaps a worker.
fn is_key(login: Option<Value<'_>>) -> bool {
    text(login).is_some_and(|login| {
        let key = login.split('.').next().unwrap_or_default();
        let key = key.strip_prefix("k:").unwrap_or(key);
        key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// `[null, nonce 1, bytes of nonce 2]`, eight together.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r)
            if r.len() == 3
                && r.index(0).is_some_and(Value::is_null)
                && nonce_prefix(r).is_some_and(|(digits, n)| digits as u64 / 2 + n == NONCE) =>
        {
            Probe::Unsure(Role::Pool, 4)
        }
        _ => Probe::Neutral,
    }
}

/// `[job, header, clean]`.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() == 3
        && text(m.param(0)).is_some()
        && is_hex(m.param(1), HEADER)
        && m.param(2).is_some_and(|clean| clean.as_bool().is_some())
}

/// `[user, job, nonce 2]`.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 3
        && text(m.param(0)).is_some()
        && text(m.param(1)).is_some()
        && !has_0x(m.param(2))
        && hex_len(m.param(2)).is_some_and(|n| n <= 16)
}

#[derive(Default)]
struct State {
    stratum: Stratum,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        match (role, m.method()) {
            (Role::Miner, Some("mining.submit")) if is_submit(m) => self.stratum.submit(m, c),
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                let id = text(m.param(0));
                c.replied(m.stamp, "pushed a Kadena job");
                c.job(m.stamp, id.as_deref(), None, "a Kadena job");
            }
            (Role::Pool, Some("mining.set_target")) => set_target(m, c),
            (Role::Pool, Some(_)) => Stratum::push(m, c),
            (Role::Pool, None) => self.stratum.reply(m, c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::family::testing::{certain, probe};
    use super::*;

    const KEY: &str = "900703b6dd2493696068af72957a94129e54e85f269becc665672bf4730fc6a3";

    #[test]
    fn a_job_is_one_header() {
        let job =
            |n: usize| format!(r#"{{"id":null,"method":"mining.notify","params":["12f4","{}",true]}}"#, "0a".repeat(n));
        assert_eq!(certain(&job(286)), ["kadena"]);
        assert_eq!(probe(&Kadena, &job(80)), Probe::NotForUs);
        assert_eq!(certain(&job(80)), [""; 0]);
    }

    #[test]
    fn a_key_as_login_speaks_for_it() {
        let share =
            |user: &str| format!(r#"{{"id":2,"method":"mining.submit","params":["{user}","12f4","6789abcdef"]}}"#);
        for (user, weight) in [(KEY, 5), (&*format!("k:{KEY}.rig"), 5), ("account.rig", 2)] {
            assert_eq!(probe(&Kadena, &share(user)), Probe::Unsure(Role::Miner, weight), "{user}");
        }
        let reply = r#"{"id":1,"result":[null,"012345",5],"error":null}"#;
        assert_eq!(probe(&Kadena, reply), Probe::Unsure(Role::Pool, 4));
    }
}

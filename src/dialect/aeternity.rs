//! Aeternity stratum: jobs of one header hash, shares with a Cuckoo cycle of 42 numbers.
//!
//! Source of the protocol facts: aeternity/protocol `STRATUM.md`, which allows a block version in the job and leaves it
//! out in its example; both are read. In: JSON lines. Out: facts and evidence. Opening and target are Zcash's.

use super::family::{authorize, is_target, names_its_host, set_target, subscribe};
use super::json::{Rpc, Value};
use super::shape::{hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::Coin;

const COINS: &[Coin] = &[Coin::Ae];
/// Numbers in a cycle.
const CYCLE: usize = 42;

/// The dialect.
pub(super) struct Aeternity;

impl Dialect for Aeternity {
    fn id(&self) -> &'static str {
        "aeternity"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" => subscribe(m, if names_its_host(m) { 2 } else { 1 }),
            // No checksum of Æternity's addresses is known here: their prefix has to do.
            "mining.authorize" if text(m.param(0)).is_some_and(|l| l.starts_with("ak_")) => {
                Probe::Unsure(Role::Miner, 4)
            }
            "mining.authorize" => authorize(m, COINS),
            "mining.notify" if is_notify(m) && m.params() == 4 => Probe::Certain(Role::Pool),
            "mining.notify" if is_notify(m) => Probe::Unsure(Role::Pool, 4),
            "mining.submit" if is_submit(m) => Probe::Certain(Role::Miner),
            "mining.set_target" if is_target(m) => Probe::Unsure(Role::Pool, 3),
            "mining.notify"
            | "mining.submit"
            | "mining.set_target"
            | "mining.set_difficulty"
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

/// `[session or null, extranonce]` of less than the nonce's eight bytes.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r)
            if r.len() == 2
                && r.index(0).is_some_and(|s| s.is_null() || s.as_str().is_some())
                && hex_len(r.index(1)).is_some_and(|n| n < 16) =>
        {
            Probe::Unsure(Role::Pool, 2)
        }
        _ => Probe::Neutral,
    }
}

/// `[job, header hash, clean]`, or with the block version as second.
fn is_notify(m: &Message<'_>) -> bool {
    let (hash, clean) = match m.params() {
        4 if m.param(1).is_some_and(|version| version.as_u64().is_some()) => (2, 3),
        3 => (1, 2),
        _ => return false,
    };
    text(m.param(0)).is_some()
        && is_hex(m.param(hash), 64)
        && m.param(clean).is_some_and(|clean| clean.as_bool().is_some())
}

/// `[user, job, nonce, cycle]`.
fn is_submit(m: &Message<'_>) -> bool {
    let edge = |v: Value<'_>| v.as_u64().is_some() || hex_len(Some(v)).is_some_and(|n| n <= 16);
    m.params() == 4
        && text(m.param(0)).is_some()
        && text(m.param(1)).is_some()
        && hex_len(m.param(2)).is_some_and(|n| n <= 16)
        && m.param(3)
            .is_some_and(|cycle| cycle.len() == CYCLE && cycle.as_array().is_some_and(|mut edges| edges.all(edge)))
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
                c.replied(m.stamp, "pushed an Aeternity job");
                c.job(m.stamp, id.as_deref(), None, "an Aeternity job");
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

    const HASH: &str = "abad8f99f3918bf903c6a909d9bbc0fdfa5a2f4b9cb1196175ec825c6610126c";

    fn share(cycle: &[String]) -> String {
        format!(
            r#"{{"id":4,"method":"mining.submit","params":["u.rig","d70fd222","98b6ac44d2",[{}]]}}"#,
            cycle.join(",")
        )
    }

    #[test]
    fn a_cycle_has_42_edges() {
        let numbers: Vec<String> = (0..42u32).map(|n| (n * 7919).to_string()).collect();
        let digits: Vec<String> = (0..42u32).map(|n| format!("\"{:x}\"", n * 7919)).collect();
        assert_eq!(certain(&share(&numbers)), ["aeternity"]);
        assert_eq!(certain(&share(&digits)), ["aeternity"]);
        assert_eq!(probe(&Aeternity, &share(numbers.get(1..).unwrap())), Probe::NotForUs);
        let names: Vec<String> = vec!["\"edge\"".to_owned(); 42];
        assert_eq!(probe(&Aeternity, &share(&names)), Probe::NotForUs);
    }

    #[test]
    fn a_job_is_certain_only_with_its_version() {
        let job = |params: &str| format!(r#"{{"id":null,"method":"mining.notify","params":{params}}}"#);
        assert_eq!(certain(&job(&format!(r#"["d70fd222",5,"{HASH}",true]"#))), ["aeternity"]);
        assert_eq!(probe(&Aeternity, &job(&format!(r#"["d70fd222","{HASH}",true]"#))), Probe::Unsure(Role::Pool, 4));
        assert_eq!(probe(&Aeternity, &job(&format!(r#"["d70fd222","{HASH}"]"#))), Probe::NotForUs);
    }
}

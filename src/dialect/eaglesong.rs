//! Eaglesong stratum (Nervos CKB): five-element `mining.notify` with an integer height, shares of twelve-byte nonces.
//!
//! Source of the protocol facts: ckb-gominer-demo's README, NiceHash. In: JSON lines. Out: facts and evidence.

use super::family::{
    authorize, is_target, names_its_host, nonce_prefix, pays_only, set_difficulty, set_target, subscribe,
};
use super::json::{Rpc, Value};
use super::shape::{has_0x, hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::Coin;
use crate::wallet::difficulty::Measure;

const COINS: &[Coin] = &[Coin::Ckb];
/// Bytes of a nonce, prefix included.
const NONCE: u64 = 16;

/// The dialect.
pub(super) struct Eaglesong;

impl Dialect for Eaglesong {
    fn id(&self) -> &'static str {
        "eaglesong"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" => subscribe(m, if names_its_host(m) { 2 } else { 1 }),
            "mining.authorize" => authorize(m, COINS),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => {
                if pays_only(m.param(0), COINS) {
                    Probe::Certain(Role::Miner)
                } else {
                    Probe::Unsure(Role::Miner, 4)
                }
            }
            "mining.set_target" if is_target(m) => Probe::Unsure(Role::Pool, 3),
            "mining.set_difficulty" => Probe::Unsure(Role::Pool, 1),
            "mining.notify" | "mining.submit" | "mining.set_target" | "mining.configure" | "mining.set"
            | "mining.hello" | "login" => Probe::NotForUs,
            _ if method.starts_with("eth_") => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// `[null, nonce 1, bytes of nonce 2]`, sixteen together.
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

/// `[job, hash, height, parent hash, clean]`.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() == 5
        && text(m.param(0)).is_some()
        && is_hex(m.param(1), 64)
        && m.param(2).is_some_and(|height| height.as_u64().is_some())
        && is_hex(m.param(3), 64)
        && m.param(4).is_some_and(|clean| clean.as_bool().is_some())
}

/// `[user, job, nonce 2]`: longer than the whole nonce of the others.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 3
        && text(m.param(0)).is_some()
        && text(m.param(1)).is_some()
        && !has_0x(m.param(2))
        && hex_len(m.param(2)).is_some_and(|n| (22..=32).contains(&n))
}

#[derive(Default)]
struct State {
    stratum: Stratum,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (role, m.method()) {
            (Role::Miner, Some("mining.submit")) if is_submit(m) => self.stratum.submit(m, c),
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                let id = text(m.param(0));
                c.replied(at, "pushed an Eaglesong job");
                c.job(at, id.as_deref(), m.param(2).and_then(Value::as_u64), "an Eaglesong job");
            }
            (Role::Pool, Some("mining.set_target")) => set_target(m, c),
            (Role::Pool, Some("mining.set_difficulty")) => set_difficulty(m, Measure::Bitcoin, c),
            (Role::Pool, Some(_)) => Stratum::push(m, c),
            (Role::Pool, None) => self.stratum.reply(m, c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::family::testing::{certain, probe};
    use super::*;

    const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn a_job_has_its_height_in_the_middle() {
        let job = |height: &str| {
            format!(r#"{{"id":null,"method":"mining.notify","params":["1611","{HASH}",{height},"{HASH}",true]}}"#)
        };
        assert_eq!(certain(&job("9876543")), ["eaglesong"]);
        assert_eq!(certain(&job(&format!("\"{HASH}\""))), ["ethereum-stratum"]);
        assert_eq!(certain(&job("\"9876543\"")), [""; 0]);
    }

    #[test]
    fn the_sizes_of_the_nonce_tell_it_from_kadena() {
        let reply = |prefix: &str, n: u8| format!(r#"{{"id":1,"result":[null,"{prefix}",{n}],"error":null}}"#);
        assert_eq!(probe(&Eaglesong, &reply("00c904bd", 12)), Probe::Unsure(Role::Pool, 4));
        assert_eq!(probe(&Eaglesong, &reply("a331", 6)), Probe::Neutral);
        let share = |nonce: &str| format!(r#"{{"id":2,"method":"mining.submit","params":["a.rig","1611","{nonce}"]}}"#);
        assert_eq!(probe(&Eaglesong, &share("000000000000000000114026")), Probe::Unsure(Role::Miner, 4));
        assert_eq!(probe(&Eaglesong, &share("0x0000000000114026")), Probe::NotForUs);
    }
}

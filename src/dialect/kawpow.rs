//! `KawPow` and its kin (`ProgPow`, `FiroPow`, `MeowPow`): seven-element `mining.notify` with target and height.
//!
//! Source of the protocol facts: kawpowminer (an ethminer), xmrig `EthStratumClient.cpp`, NiceHash's KawPow
//! specification. In: JSON lines. Out: facts and evidence. The five-element submit is plain Ethash stratum's to the
//! last byte: without a job or an address of one of these coins they cannot be told apart.

use super::family::{authorize, is_target, names_its_host, pays, set_difficulty, set_target, subscribe};
use super::json::{Rpc, Value};
use super::shape::{hex_len, hex_number, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::Coin;
use crate::wallet::difficulty::{Measure, target_256};

const COINS: &[Coin] =
    &[Coin::Rvn, Coin::Neox, Coin::Clore, Coin::Xna, Coin::Aipg, Coin::Mewc, Coin::Evr, Coin::Firo, Coin::Quai];

/// Those whose addresses are not Ethereum's.
const TELLING: &[Coin] =
    &[Coin::Rvn, Coin::Neox, Coin::Clore, Coin::Xna, Coin::Aipg, Coin::Mewc, Coin::Evr, Coin::Firo];

/// The dialect.
pub(super) struct KawPow;

impl Dialect for KawPow {
    fn id(&self) -> &'static str {
        "kawpow"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" => {
                let named = text(m.param(0)).is_some_and(|agent| agent.starts_with("kawpowminer"));
                subscribe(m, if named { 4 } else { 1 + 2 * u8::from(names_its_host(m)) })
            }
            "mining.authorize" => authorize(m, TELLING),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            // Plain Ethash stratum says the same; where the login does not tell, the opening does.
            "mining.submit" if is_submit(m) => {
                Probe::Unsure(Role::Miner, if pays(m.param(0), TELLING) { 5 } else { 4 })
            }
            "mining.set_target" if is_target(m) => Probe::Unsure(Role::Pool, 3),
            "mining.set_difficulty" => Probe::Unsure(Role::Pool, 1),
            "mining.notify" | "mining.submit" | "mining.set_target" | "mining.configure" | "mining.set"
            | "mining.hello" | "login" => Probe::NotForUs,
            _ if method.starts_with("eth_") && method != "eth_submitHashrate" => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// `[null, extranonce]` of two or three bytes.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r)
            if r.len() == 2
                && r.index(0).is_some_and(Value::is_null)
                && hex_len(r.index(1)).is_some_and(|n| n <= 6) =>
        {
            Probe::Unsure(Role::Pool, 3)
        }
        _ => Probe::Neutral,
    }
}

/// `[job, header hash, seed hash, target, clean, height, bits]`; xmrig asks for six.
fn is_notify(m: &Message<'_>) -> bool {
    matches!(m.params(), 6 | 7)
        && text(m.param(0)).is_some()
        && (1..=3).all(|i| is_hex(m.param(i), 64))
        && m.param(4).is_some_and(|clean| clean.as_bool().is_some())
        && m.param(5).is_some_and(|height| height.as_u64().is_some())
}

/// `[user, job, nonce, header hash, mix hash]`.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 5
        && text(m.param(0)).is_some()
        && is_hex(m.param(2), 16)
        && is_hex(m.param(3), 64)
        && is_hex(m.param(4), 64)
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
            (Role::Miner, Some("eth_submitHashrate")) => {
                c.reported_hashrate = text(m.param(0)).and_then(|h| hex_number(&h)).or(c.reported_hashrate);
            }
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                if let Some(work) = text(m.param(3)).and_then(|t| target_256(&t)) {
                    c.difficulty(at, work.round(), work);
                }
                let id = text(m.param(0));
                c.replied(at, "pushed a ProgPow job");
                c.job(at, id.as_deref(), m.param(5).and_then(Value::as_u64), "a ProgPow job");
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
    fn a_job_with_a_height_is_nobody_elses() {
        let job = |tail: &str| {
            format!(r#"{{"id":null,"method":"mining.notify","params":["1d","{HASH}","{HASH}","{HASH}",true{tail}]}}"#)
        };
        assert_eq!(certain(&job(r#",2345678,"1b00d3a5""#)), ["kawpow"]);
        assert_eq!(certain(&job(",2345678")), ["kawpow"]);
        assert_eq!(certain(&job("")), ["ethereum-stratum"]);
        assert_eq!(certain(&job(r#","2345678","1b00d3a5""#)), [""; 0]);
    }

    #[test]
    fn a_share_is_claimed_from_ethash_only_by_its_login() {
        let share = |user: &str| {
            format!(
                r#"{{"id":5,"method":"mining.submit","params":["{user}","1d","0x0011223344556677","0x{HASH}","0x{HASH}"]}}"#
            )
        };
        let eth = format!("0x{}.rig", "0a".repeat(20));
        for (user, weight) in [("account.rig", 4), ("R9HYbyjwGhXadSQbYp8LBkHUkpmtDr4vo3.rig", 5), (&*eth, 4)] {
            assert_eq!(probe(&KawPow, &share(user)), Probe::Unsure(Role::Miner, weight), "{user}");
        }
    }

    #[test]
    fn what_others_open_with_is_not_for_us() {
        for line in [
            r#"{"id":1,"method":"mining.subscribe","params":["x","EthereumStratum/1.0.0"]}"#,
            r#"{"id":1,"method":"mining.subscribe","body":{"version":3}}"#,
            r#"{"id":1,"method":"eth_getWork","params":[]}"#,
            r#"{"id":1,"method":"mining.submit","params":["u","1","00000001","6650f00a","9f3300c7"]}"#,
        ] {
            assert_eq!(probe(&KawPow, line), Probe::NotForUs, "{line}");
        }
        assert_eq!(probe(&KawPow, r#"{"method":"mining.subscribe","params":["x"]}"#), Probe::Neutral);
    }
}

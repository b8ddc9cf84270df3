//! Kaspa and its kin: jobs of four 64-bit numbers and a time, or of 80 hexadecimal digits.
//!
//! Source of the protocol facts: kaspa-stratum-bridge (`gostratum`, `kaspastratum`), miningcore-dev, NiceHash's
//! `KHeavyHash` specification. In: JSON lines. Out: facts and evidence. The server calls the protocol
//! `EthereumStratum/1.0.0` in its answer, and some miners in their subscription, though it is another one.

use super::family::{authorize, named_protocol, pays_only, set_difficulty, subscribe};
use super::json::{Rpc, Value};
use super::shape::{has_0x, hex_len, hex_number, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::evidence::Code;
use crate::wallet::Coin;
use crate::wallet::difficulty::Measure;

const COINS: &[Coin] = &[Coin::Kas, Coin::Kls, Coin::Pyi, Coin::Spr, Coin::Htn, Coin::Nxl];
const NAME: &str = "EthereumStratum/1.0.0";

/// The dialect.
pub(super) struct Kaspa;

impl Dialect for Kaspa {
    fn id(&self) -> &'static str {
        "kaspa"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" => match named_protocol(m) {
                Some(name) if name == NAME => Probe::Unsure(Role::Miner, 3),
                _ => subscribe(m, 1),
            },
            "mining.authorize" => authorize(m, COINS),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => match (has_0x(m.param(2)), pays_only(m.param(0), COINS)) {
                (true, true) => Probe::Certain(Role::Miner),
                (false, true) => Probe::Unsure(Role::Miner, 5),
                (true, false) => Probe::Unsure(Role::Miner, 4),
                (false, false) => Probe::Unsure(Role::Miner, 2),
            },
            // Without the usual prefix: the bridge's slip, kept by everybody since.
            "set_extranonce" if hex_len(m.param(0)).is_some_and(|n| n <= 8) => Probe::Unsure(Role::Pool, 4),
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

/// `[true, "EthereumStratum/1.0.0"]`: in the protocol of that name an array stands in the place of `true`.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r)
            if r.index(0).is_some_and(|ok| ok.as_bool() == Some(true))
                && r.index(1).is_some_and(|n| n.is_str(NAME)) =>
        {
            Probe::Certain(Role::Pool)
        }
        _ => Probe::Neutral,
    }
}

/// `[job, [u64; 4], milliseconds]`, or `[job, header hash and time in 80 digits]` for `BzMiner` and some ASICs.
fn is_notify(m: &Message<'_>) -> bool {
    let id = m.param(0).is_some_and(|id| id.as_str().is_some() || id.as_u64().is_some());
    let numbers = |v: Value<'_>| v.len() == 4 && v.as_array().is_some_and(|mut a| a.all(|n| n.as_u64().is_some()));
    id && match m.params() {
        3 => m.param(1).is_some_and(numbers) && m.param(2).is_some_and(|t| t.as_u64().is_some()),
        2 => is_hex(m.param(1), 80),
        _ => false,
    }
}

/// `[user, job, nonce of eight bytes]`.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 3
        && text(m.param(0)).is_some()
        && m.param(1).is_some()
        && hex_len(m.param(2)).is_some_and(|n| if has_0x(m.param(2)) { n <= 16 } else { n == 16 })
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
            (Role::Miner, Some("mining.submit_hashrate")) => {
                c.reported_hashrate = text(m.param(0)).and_then(|h| hex_number(&h)).or(c.reported_hashrate);
            }
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                let id = text(m.param(0));
                c.replied(at, "pushed a Kaspa job");
                c.job(at, id.as_deref(), None, "a Kaspa job");
            }
            (Role::Pool, Some("mining.set_difficulty")) => set_difficulty(m, Measure::Bitcoin, c),
            // On its own it could be anybody's. Some send it as the answer to a subscription, with its id.
            (Role::Pool, Some("set_extranonce")) => {
                if c.evidence.has(Code::ClientRequest) || c.evidence.has(Code::JobDelivered) {
                    c.replied(at, "set an extranonce");
                }
            }
            (Role::Pool, Some(_)) => Stratum::push(m, c),
            (Role::Pool, None) => {
                self.stratum.reply(m, c);
                if probe_reply(m.rpc) == Probe::Certain(Role::Pool) {
                    c.replied(at, "answered a subscription");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::family::testing::{certain, probe};
    use super::*;

    const WALLET: &str = "kaspa:qqqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50p7u4jhsajr";

    #[test]
    fn both_forms_of_job_are_kaspas_own() {
        let job = |params: &str| format!(r#"{{"id":17,"jsonrpc":"2.0","method":"mining.notify","params":{params}}}"#);
        for own in [
            r#"["17",[7581372481393876448,16082693024256892755,12921235528852832060,12942364641311238],1760000000000]"#
                .to_owned(),
            format!(r#"["17","{}"]"#, "0a".repeat(40)),
        ] {
            assert_eq!(certain(&job(&own)), ["kaspa"]);
        }
        for other in [r#"["17",[1,2,3],1760000000000]"#, r#"["17",[1,2,3,-4],5]"#, r#"["17","0a0b"]"#, r#"["17"]"#] {
            assert_eq!(probe(&Kaspa, &job(other)), Probe::NotForUs, "{other}");
        }
    }

    #[test]
    fn the_name_in_the_answer_is_not_ethashs() {
        assert_eq!(certain(r#"{"id":1,"result":[true,"EthereumStratum/1.0.0"],"error":null}"#), ["kaspa"]);
        assert_eq!(
            certain(r#"{"id":1,"result":[["mining.notify","9d02","EthereumStratum/1.0.0"],"3a17"],"error":null}"#),
            ["ethereum-stratum-1"]
        );
        // Both subscribe under that name: nobody knows yet.
        let subscribe = r#"{"id":1,"method":"mining.subscribe","params":["BzMiner/v12.1.1","EthereumStratum/1.0.0"]}"#;
        assert_eq!(certain(subscribe), [""; 0]);
    }

    #[test]
    fn a_share_to_a_kaspa_address_is_certain() {
        let share = |user: &str, nonce: &str| {
            format!(r#"{{"id":4,"method":"mining.submit","params":["{user}","17","{nonce}"]}}"#)
        };
        assert_eq!(certain(&share(&format!("{WALLET}.rig"), "0x0011223344556677")), ["kaspa"]);
        assert_eq!(probe(&Kaspa, &share("account.rig", "0x0011223344556677")), Probe::Unsure(Role::Miner, 4));
        assert_eq!(probe(&Kaspa, &share("account.rig", "41c27705d9ae")), Probe::NotForUs, "without its extranonce");
    }
}

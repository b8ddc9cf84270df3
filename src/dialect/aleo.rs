//! Aleo stratum: `AleoStratum/1.0.0`, jobs of tree hashes or an epoch challenge, shares with a proof.
//!
//! Source of the protocol facts: HarukaMa/aleo-pool-server `stratum/spec.md`, versions 1 (testnet 2) and 2 (testnet 3).
//! In: JSON lines. Out: facts and evidence. Whether main-network pools kept to it is not known.

use super::family::{authorize, named_protocol, subscribe};
use super::json::{Rpc, Value};
use super::shape::{hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::Coin;

const COINS: &[Coin] = &[Coin::Aleo];
const NAME: &str = "AleoStratum/";
/// 2^64.
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

/// The dialect.
pub(super) struct Aleo;

impl Dialect for Aleo {
    fn id(&self) -> &'static str {
        "aleo"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" => match named_protocol(m) {
                Some(name) if name.starts_with(NAME) => Probe::Certain(Role::Miner),
                _ => subscribe(m, 1),
            },
            "mining.authorize" => authorize(m, COINS),
            "mining.notify" if is_tree(m) || is_challenge(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => Probe::Certain(Role::Miner),
            // A number, where others write digits.
            "mining.set_target" if m.param(0).is_some_and(|t| t.as_u64().is_some()) => Probe::Unsure(Role::Pool, 4),
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

fn is_address(v: Option<Value<'_>>) -> bool {
    text(v).is_some_and(|a| a.len() == 63 && a.starts_with("aleo1"))
}

/// `[session, server nonce, pool's address]`; version 1 leaves out the address.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r) if r.len() == 3 && is_address(r.index(2)) => Probe::Certain(Role::Pool),
        _ => Probe::Neutral,
    }
}

/// Version 1: `[job, header root, four hashed leaves, clean]`.
fn is_tree(m: &Message<'_>) -> bool {
    m.params() == 7
        && text(m.param(0)).is_some()
        && (1..=5).all(|i| is_hex(m.param(i), 64))
        && m.param(6).is_some_and(|clean| clean.as_bool().is_some())
}

/// Version 2: `[job, epoch challenge, pool's address, clean]`.
fn is_challenge(m: &Message<'_>) -> bool {
    m.params() == 4
        && text(m.param(0)).is_some()
        && hex_len(m.param(1)).is_some_and(|n| n >= 32)
        && is_address(m.param(2))
        && m.param(3).is_some_and(|clean| clean.as_bool().is_some())
}

/// `[user, job, nonce, proof]`, in version 2 with a commitment of 48 bytes before the proof.
fn is_submit(m: &Message<'_>) -> bool {
    let nonce = text(m.param(0)).is_some() && text(m.param(1)).is_some() && hex_len(m.param(2)).is_some();
    nonce
        && match m.params() {
            4 => hex_len(m.param(3)).is_some_and(|n| n >= 200),
            5 => is_hex(m.param(3), 96) && hex_len(m.param(4)).is_some_and(|n| n >= 96),
            _ => false,
        }
}

#[derive(Default)]
struct State {
    stratum: Stratum,
    /// The protocol's first version, in which a target is a bound and no count of proofs.
    bound: bool,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (role, m.method()) {
            (Role::Miner, Some("mining.submit")) if is_submit(m) => self.stratum.submit(m, c),
            (Role::Miner, method) => {
                if method == Some("mining.subscribe") {
                    self.bound = named_protocol(m).is_some_and(|name| name.starts_with("AleoStratum/1."));
                }
                self.stratum.request(m, c);
            }
            (Role::Pool, Some("mining.notify")) if is_tree(m) || is_challenge(m) => {
                let id = text(m.param(0));
                c.replied(at, "pushed an Aleo job");
                c.job(at, id.as_deref(), None, "an Aleo job");
            }
            (Role::Pool, Some("mining.set_target")) => {
                if let Some(target) = m.param(0).and_then(Value::as_u64) {
                    c.replied(at, "set a target");
                    let proofs = if self.bound { TWO_64 / target as f64 } else { target as f64 };
                    c.difficulty(at, target as f64, proofs);
                }
            }
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
    const POOL: &str = "aleo1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0sxkq3ur";

    #[test]
    fn the_name_is_certain_and_keeps_others_out() {
        let line = r#"{"id":1,"method":"mining.subscribe","params":["prover/1.0","AleoStratum/2.0.0",null]}"#;
        assert_eq!(certain(line), ["aleo"]);
    }

    #[test]
    fn jobs_of_both_versions() {
        let job = |params: &str| format!(r#"{{"id":null,"method":"mining.notify","params":{params}}}"#);
        let tree = format!(r#"["1","{HASH}","{HASH}","{HASH}","{HASH}","{HASH}",true]"#);
        assert_eq!(certain(&job(&tree)), ["aleo"]);
        assert_eq!(certain(&job(&format!(r#"["1","{HASH}","{POOL}",true]"#))), ["aleo"]);
        assert_eq!(probe(&Aleo, &job(&format!(r#"["1","{HASH}",null,true]"#))), Probe::NotForUs);
        assert_eq!(certain(&job(&format!(r#"["1","{HASH}","{HASH}",true]"#))), ["ethereum-stratum-1"]);
    }

    #[test]
    fn shares_carry_a_proof() {
        let share = |rest: &str| {
            format!(r#"{{"id":3,"method":"mining.submit","params":["aleo1x.rig","1","0011223344556677",{rest}]}}"#)
        };
        let (commitment, proof) = ("0a".repeat(48), "0b".repeat(81));
        assert_eq!(certain(&share(&format!(r#""{commitment}","{proof}""#))), ["aleo"]);
        assert_eq!(certain(&share(&format!(r#""{}""#, "0c".repeat(771)))), ["aleo"]);
        assert_eq!(probe(&Aleo, &share(&format!(r#""{HASH}","{HASH}""#))), Probe::NotForUs, "Ethash's");
    }
}

//! Xelis stratum: jobs that name their algorithm, an extranonce of 32 bytes, the pool's public key in its answer.
//!
//! Source of the protocol facts: the Xelis stratum protocol (docs.xelis.io, vipor-net/xelis-stratum-protocol),
//! xelpool's `slave` for the job, NiceHash's `XelisHashV2` specification for the answer with a public key. In: JSON
//! lines. Out: facts and evidence. The unit of the difficulty is taken to be hashes, as it is in the node.

use super::family::{authorize, nonce_prefix, pays_only, set_difficulty, subscribe};
use super::json::{Rpc, Value};
use super::shape::{has_0x, hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::evidence::Code;
use crate::wallet::Coin;
use crate::wallet::difficulty::Measure;

const COINS: &[Coin] = &[Coin::Xel];
const ALGORITHM: &str = "xel/";

/// The dialect.
pub(super) struct Xelis;

impl Dialect for Xelis {
    fn id(&self) -> &'static str {
        "xelis"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" if m.rpc.id.is_some() && algorithms(m).next().is_some() => Probe::Certain(Role::Miner),
            "mining.subscribe" => subscribe(m, 1),
            "mining.authorize" => authorize(m, COINS),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => {
                if pays_only(m.param(0), COINS) {
                    Probe::Certain(Role::Miner)
                } else {
                    Probe::Unsure(Role::Miner, 2)
                }
            }
            "mining.print" if m.param(0).is_some_and(|level| level.as_u64().is_some_and(|n| n < 8)) => {
                Probe::Unsure(Role::Pool, 3)
            }
            "mining.ping" => Probe::Unsure(Role::Pool, 1),
            "mining.pong" => Probe::Unsure(Role::Miner, 1),
            "mining.set_difficulty" => Probe::Unsure(Role::Pool, 1),
            "mining.set_extranonce" if is_hex(m.param(0), 64) => Probe::Unsure(Role::Pool, 4),
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

/// The algorithms that a subscription lists after the agent.
fn algorithms<'a>(m: &Message<'a>) -> impl Iterator<Item = std::borrow::Cow<'a, str>> {
    let list = m.param(1).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).filter(|a| a.starts_with(ALGORITHM))
}

/// `[session, extranonce, its size]` and mostly the pool's public key: an extranonce of up to 32 bytes.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    let Some(r) = rpc.result.filter(|r| r.index(0).is_some_and(|s| s.as_str().is_some())) else {
        return Probe::Neutral;
    };
    let whole = nonce_prefix(r).is_some_and(|(digits, n)| digits as u64 == 2 * n && (16..=32).contains(&n));
    match r.len() {
        4 if whole && is_hex(r.index(3), 64) => Probe::Certain(Role::Pool),
        3 if whole => Probe::Unsure(Role::Pool, 4),
        _ => Probe::Neutral,
    }
}

/// `[job, time, work hash, algorithm, clean]`.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() == 5
        && text(m.param(0)).is_some()
        && hex_len(m.param(1)).is_some_and(|n| n <= 16)
        && is_hex(m.param(2), 64)
        && text(m.param(3)).is_some_and(|a| a.starts_with(ALGORITHM))
        && m.param(4).is_some_and(|clean| clean.as_bool().is_some())
}

/// `[user or worker, job, nonce]`: eight bytes, and what a pool's prefix leaves to a proxy.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 3
        && text(m.param(0)).is_some()
        && text(m.param(1)).is_some()
        && !has_0x(m.param(2))
        && hex_len(m.param(2)).is_some_and(|n| (16..=24).contains(&n))
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
            (Role::Miner, Some(method)) => {
                if method == "mining.authorize" && m.params() >= 3 {
                    // [address, worker, password], where others have [login, password].
                    if let (Some(worker), Some(pass)) = (text(m.param(1)), text(m.param(2))) {
                        c.worker(&worker);
                        c.password(&pass);
                    }
                }
                if method == "mining.subscribe" {
                    algorithms(m).for_each(|a| c.algorithm(&a));
                }
                self.stratum.request(m, c);
            }
            (Role::Miner, None) => {}
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                if let Some(algorithm) = text(m.param(3)) {
                    c.algorithm(&algorithm);
                }
                let id = text(m.param(0));
                c.replied(at, "pushed a Xelis job");
                c.job(at, id.as_deref(), None, "a Xelis job");
            }
            (Role::Pool, Some("mining.set_difficulty")) => set_difficulty(m, Measure::Hashes, c),
            (Role::Pool, Some("mining.print" | "mining.ping")) => {
                if c.evidence.has(Code::ClientRequest) || c.evidence.has(Code::JobDelivered) {
                    c.replied(at, "pushed a stratum message");
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

    const HASH: &str = "a8eba492f6bfd72ee3bd0587161aff6a5f05b83b8f4fcb715cb0976f55673a03";

    #[test]
    fn a_job_names_its_algorithm() {
        let job = |algorithm: &str| {
            format!(
                r#"{{"id":null,"method":"mining.notify","params":["0000ec3f","192f2b3c4d5","{HASH}","{algorithm}",true]}}"#
            )
        };
        assert_eq!(certain(&job("xel/2")), ["xelis"]);
        assert_eq!(probe(&Xelis, &job("rx/0")), Probe::NotForUs);
        assert_eq!(certain(r#"{"id":1,"method":"mining.subscribe","params":["tnn-miner/0.4",["xel/v3"]]}"#), ["xelis"]);
    }

    #[test]
    fn the_answer_carries_the_pools_key() {
        assert_eq!(certain(&format!(r#"{{"id":0,"error":null,"result":["47de","{HASH}",32,"{HASH}"]}}"#)), ["xelis"]);
        assert_eq!(
            probe(&Xelis, &format!(r#"{{"id":0,"result":["47de","{HASH}",32]}}"#)),
            Probe::Unsure(Role::Pool, 4)
        );
        assert_eq!(probe(&Xelis, &format!(r#"{{"id":0,"result":["47de","{HASH}",8]}}"#)), Probe::Neutral);
        let bitcoin = r#"{"id":2,"result":[[["mining.notify","ab12"]],"5ec0de01",4],"error":null}"#;
        assert_eq!(probe(&Xelis, bitcoin), Probe::Neutral);
    }
}

//! Alephium stratum: jobs are arrays of objects with blobs, one a chain; shares are objects.
//!
//! Source of the protocol facts: alephium/mining-pool `lib/stratum.js` (no subscription at all, difficulty and jobs
//! pushed on accept, shares answered by a method), miningcore-dev `Blockchain/Alephium`, alephium/docs
//! `alephium-stratum.md` (the proposal after EIP-1571, of which the opening is read). In: JSON lines. Out: facts and
//! evidence.

use std::collections::VecDeque;

use super::family::{authorize, set_difficulty, subscribe};
use super::json::{Rpc, Value};
use super::shape::{error_text, hex_len, hex_number, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session, What};
use crate::wallet::Coin;
use crate::wallet::difficulty::Measure;

const COINS: &[Coin] = &[Coin::Alph];
const NAME: &str = "AlephiumStratum/";
/// The nonce has 24 bytes; a pool's prefix may be left out.
const NONCE_DIGITS: usize = 48;
/// Shares waiting for an answer; a pool answers within seconds.
const MAX_SHARES: usize = 128;

/// The dialect.
pub(super) struct Alephium;

impl Dialect for Alephium {
    fn id(&self) -> &'static str {
        "alephium"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.hello" if text(m.param(1)).is_some_and(|name| name.starts_with(NAME)) => {
                Probe::Certain(Role::Miner)
            }
            "mining.subscribe" => subscribe(m, 1),
            "mining.authorize" => authorize(m, COINS),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => Probe::Certain(Role::Miner),
            "mining.submit_result" if m.rpc.result.is_some() => Probe::Unsure(Role::Pool, 3),
            "alph_submitHashrate" if hex_len(m.param(0)).is_some() => Probe::Certain(Role::Miner),
            "mining.set_difficulty" => Probe::Unsure(Role::Pool, 1),
            "mining.set_extranonce" if m.params() == 1 && hex_len(m.param(0)).is_some() => Probe::Unsure(Role::Pool, 1),
            "mining.notify" | "mining.submit" | "mining.configure" | "mining.set" | "mining.hello" | "login" => {
                Probe::NotForUs
            }
            _ if method.starts_with("eth_") => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// The placeholder that miningcore-dev answers a subscription with, or the proposal's greeting.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r) if r.is_str("result") => Probe::Unsure(Role::Pool, 1),
        Some(r) if text(r.index(0)).is_some_and(|name| name.starts_with(NAME)) => Probe::Certain(Role::Pool),
        _ => Probe::Neutral,
    }
}

/// One object a chain, of which there are sixteen.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() > 0 && m.param(0).is_some_and(is_template)
}

fn is_template(v: Value<'_>) -> bool {
    v.get("jobId").is_some()
        && ["headerBlob", "txsBlob", "targetBlob"].iter().all(|k| hex_len(v.get(k)).is_some())
        && is_chain(v.get("fromGroup"))
        && is_chain(v.get("toGroup"))
}

/// Groups are numbered from 0 to 3.
fn is_chain(v: Option<Value<'_>>) -> bool {
    v.is_some_and(|g| g.as_u64().is_some_and(|n| n < 256))
}

fn is_submit(m: &Message<'_>) -> bool {
    m.named("jobId").is_some()
        && is_chain(m.named("fromGroup"))
        && is_chain(m.named("toGroup"))
        && hex_len(m.named("nonce")).is_some_and(|n| (16..=NONCE_DIGITS).contains(&n))
}

/// A job id, which some write as a number.
fn job_id(v: Option<Value<'_>>) -> Option<String> {
    let v = v?;
    v.as_str().map(std::borrow::Cow::into_owned).or_else(|| v.as_number_text().map(str::to_owned))
}

#[derive(Default)]
struct State {
    stratum: Stratum,
    /// Work of the shares that `mining.submit_result` answers: in order, as its id is not to be relied on.
    shares: VecDeque<f64>,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (role, m.method()) {
            (Role::Miner, Some("mining.submit")) if is_submit(m) => {
                if let Some(worker) = text(m.named("worker")) {
                    c.login(at, &worker);
                }
                let work = c.submitted(at, job_id(m.named("jobId")).as_deref());
                c.asked(at, "mining.submit");
                self.stratum.sent(m, What::Submit { work });
                if self.shares.len() >= MAX_SHARES {
                    self.shares.pop_front();
                }
                self.shares.push_back(work);
            }
            (Role::Miner, Some("mining.hello")) => {
                c.asked(at, "a stratum request");
                if let Some(agent) = text(m.param(0)) {
                    c.agent(at, &agent);
                }
                self.stratum.sent(m, What::Subscribe);
            }
            (Role::Miner, Some("alph_submitHashrate")) => {
                c.asked(at, "its hashrate to an Alephium pool");
                c.reported_hashrate = text(m.param(0)).and_then(|h| hex_number(&h)).or(c.reported_hashrate);
                self.stratum.sent(m, What::Other);
            }
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                c.replied(at, "pushed jobs for Alephium's chains");
                // Counted once: a message hands out the same work for all chains.
                let first = job_id(m.param(0).and_then(|t| t.get("jobId")));
                c.job(at, first.as_deref(), None, "an Alephium job");
            }
            (Role::Pool, Some("mining.set_difficulty")) => set_difficulty(m, Measure::Alephium, c),
            (Role::Pool, Some("mining.submit_result")) => {
                let refused = m.rpc.failure().is_some() || m.rpc.result.is_none_or(|r| r.as_bool() != Some(true));
                match self.shares.pop_front() {
                    Some(_) if refused => c.rejected(at, &error_text(m.rpc.error)),
                    Some(work) => c.accepted(at, work),
                    None => {}
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

    #[test]
    fn jobs_and_shares_are_objects() {
        let job = |keys: &str| format!(r#"{{"id":null,"method":"mining.notify","params":[{{{keys}}}]}}"#);
        let keys = r#""jobId":"1","fromGroup":0,"toGroup":3,"headerBlob":"00","txsBlob":"01","targetBlob":"02""#;
        assert_eq!(certain(&job(keys)), ["alephium"]);
        assert_eq!(probe(&Alephium, &job(r#""jobId":"1","headerBlob":"00""#)), Probe::NotForUs);
        assert_eq!(probe(&Alephium, &job("")), Probe::NotForUs);
        let share = |nonce: &str| {
            format!(
                r#"{{"id":7,"method":"mining.submit","params":{{"jobId":"1","fromGroup":0,"toGroup":3,"nonce":"{nonce}","worker":"w"}}}}"#
            )
        };
        assert_eq!(certain(&share(&"0a".repeat(24))), ["alephium"]);
        assert_eq!(probe(&Alephium, &share("zz")), Probe::NotForUs);
    }

    #[test]
    fn its_own_names_are_certain() {
        assert_eq!(
            certain(r#"{"id":"0","method":"mining.hello","params":["gpu-miner/1.0","AlephiumStratum/1.0.0"]}"#),
            ["alephium"]
        );
        assert_eq!(certain(r#"{"id":3,"method":"alph_submitHashrate","params":["0x3b9aca00","0x01"]}"#), ["alephium"]);
        assert_eq!(
            probe(&Alephium, r#"{"id":1,"result":"result"}"#),
            Probe::Unsure(Role::Pool, 1),
            "too common a word"
        );
    }
}

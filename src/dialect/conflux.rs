//! Conflux stratum (Octopus): the subscription is the login, jobs carry a boundary.
//!
//! Source of the protocol facts: conflux-rust `blockgen/src/miner/stratum.rs`, Conflux's `stratum.md`, NiceHash's
//! Octopus specification (top-level `xn`). In: JSON lines. Out: facts and evidence.

use super::family::{authorize, named_protocol, pays_only, subscribe};
use super::json::Value;
use super::shape::{has_0x, hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session, What};
use crate::wallet::Coin;
use crate::wallet::difficulty::target_256;

const COINS: &[Coin] = &[Coin::Cfx];

/// The dialect.
pub(super) struct Conflux;

impl Dialect for Conflux {
    fn id(&self) -> &'static str {
        "conflux"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return Probe::Neutral };
        match method {
            "mining.subscribe" if is_login(m) => subscribe(m, if pays_only(m.param(0), COINS) { 5 } else { 4 }),
            "mining.subscribe" => subscribe(m, 1),
            "mining.authorize" => authorize(m, COINS),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => Probe::Certain(Role::Miner),
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

/// `[worker, password]`, the password mostly empty, where others put program and session.
fn is_login(m: &Message<'_>) -> bool {
    m.params() == 2
        && named_protocol(m).is_none()
        && text(m.param(0)).is_some_and(|worker| !worker.is_empty() && super::program::name(&worker).is_none())
        && text(m.param(1)).is_some_and(|pass| pass.is_empty() || pays_only(m.param(0), COINS))
}

/// `[job, height in decimal, hash, boundary]`: hash and boundary with `0x`, the boundary without leading zeros.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() == 4
        && text(m.param(0)).is_some()
        && height(m).is_some()
        && has_0x(m.param(2))
        && is_hex(m.param(2), 64)
        && has_0x(m.param(3))
        && hex_len(m.param(3)).is_some_and(|n| (16..=64).contains(&n))
}

fn height(m: &Message<'_>) -> Option<u64> {
    text(m.param(1)).filter(|h| h.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// `[worker, job, nonce, hash]`.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 4
        && text(m.param(0)).is_some()
        && text(m.param(1)).is_some()
        && has_0x(m.param(2))
        && hex_len(m.param(2)).is_some_and(|n| n <= 64)
        && has_0x(m.param(3))
        && is_hex(m.param(3), 64)
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
            (Role::Miner, Some("mining.subscribe")) if is_login(m) && Stratum::is_request(m) => {
                c.asked(at, "mining.subscribe");
                if let Some(worker) = text(m.param(0)) {
                    c.login(at, &worker);
                }
                if let Some(pass) = text(m.param(1)) {
                    c.password(&pass);
                }
                self.stratum.sent(m, What::Login);
            }
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) => {
                if let Some(work) = text(m.param(3)).and_then(|b| target_256(&b)) {
                    c.difficulty(at, work.round(), work);
                }
                let id = text(m.param(0));
                c.replied(at, "pushed a Conflux job");
                c.job(at, id.as_deref(), height(m), "a Conflux job");
            }
            (Role::Pool, Some(_)) => Stratum::push(m, c),
            (Role::Pool, None) => {
                // `[true]`, or `[false, "reason"]`.
                let said = m.rpc.result.map(|r| r.index(0).unwrap_or(r));
                self.stratum.answer(m, said.and_then(Value::as_bool) != Some(true), c);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::family::testing::{certain, probe};
    use super::*;

    const HASH: &str = "b314e92a1730c832ad4bb85283e6792f3a8ee9fd596e3bcfe38ec426cf3d3ff2";

    #[test]
    fn a_job_has_a_height_in_decimal_and_a_boundary() {
        let job = |height: &str, boundary: &str| {
            format!(
                r#"{{"id":9,"jsonrpc":"2.0","method":"mining.notify","params":["2a1730c8","{height}","0x{HASH}","{boundary}"]}}"#
            )
        };
        assert_eq!(
            certain(&job("1641369", "0x044b82fa09b5a52cb98b405447c4a98187eebb22f008d5d64f9c394ae9")),
            ["conflux"]
        );
        for (height, boundary) in [("1641369", "1"), ("3a91f0", "0x044b82fa09b5a52cb9"), ("", "0x044b82fa09b5a52cb9")] {
            assert_eq!(probe(&Conflux, &job(height, boundary)), Probe::NotForUs, "{height} {boundary}");
        }
    }

    #[test]
    fn a_share_repeats_the_hash() {
        let share = |hash: &str| {
            format!(r#"{{"id":2,"method":"mining.submit","params":["rig1","2a1730c8","0x1f2e3d4c5b6a7988","{hash}"]}}"#)
        };
        assert_eq!(certain(&share(&format!("0x{HASH}"))), ["conflux"]);
        assert_eq!(probe(&Conflux, &share(HASH)), Probe::NotForUs);
    }

    #[test]
    fn the_login_is_told_from_a_program_and_its_session() {
        let subscribe = |params: &str| format!(r#"{{"id":1,"method":"mining.subscribe","params":{params}}}"#);
        assert_eq!(probe(&Conflux, &subscribe(r#"["rig1",""]"#)), Probe::Unsure(Role::Miner, 4));
        for other in [r#"["cgminer/4.12.1",""]"#, r#"["rig1","5ec0de01"]"#, r#"["rig1"]"#] {
            assert_eq!(probe(&Conflux, &subscribe(other)), Probe::Unsure(Role::Miner, 1), "{other}");
        }
        assert_eq!(probe(&Conflux, &subscribe(r#"["x","EthereumStratum/1.0.0"]"#)), Probe::NotForUs);
    }
}

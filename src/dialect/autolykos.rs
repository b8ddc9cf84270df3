//! Autolykos stratum (Ergo): `mining.notify` with a decimal target between empty strings.
//!
//! Source of the protocol facts: miningcore `Blockchain/Ergo`; erg-gominer-demo's README for the older four-element job
//! with `mining.set_target`. In: JSON lines. Out: facts and evidence. Subscription and its answer are Bitcoin's.

use super::family::{authorize, is_target, pays_only, set_target, subscribe};
use super::json::{Rpc, Value};
use super::shape::{hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::Coin;
use crate::wallet::difficulty::target_decimal;

const COINS: &[Coin] = &[Coin::Erg];

/// The dialect.
pub(super) struct Autolykos;

impl Dialect for Autolykos {
    fn id(&self) -> &'static str {
        "autolykos"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" => subscribe(m, 1),
            "mining.authorize" => authorize(m, COINS),
            "mining.notify" if is_notify(m) || is_short_notify(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) => {
                if pays_only(m.param(0), COINS) {
                    Probe::Certain(Role::Miner)
                } else {
                    Probe::Unsure(Role::Miner, 4)
                }
            }
            "mining.submit" if is_short_submit(m) => {
                Probe::Unsure(Role::Miner, if pays_only(m.param(0), COINS) { 5 } else { 1 })
            }
            // The target of the job rules; the difficulty mostly stays at 1.
            "mining.set_difficulty" => Probe::Unsure(Role::Pool, 1),
            "mining.set_target" if is_target(m) => Probe::Unsure(Role::Pool, 2),
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

/// `[[…subscriptions…], extranonce 1, extranonce 2 size]`: Bitcoin's, which has the better claim.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r) if r.len() == 3 && r.index(0).is_some_and(Value::is_array) && hex_len(r.index(1)).is_some() => {
            Probe::Unsure(Role::Pool, 1)
        }
        _ => Probe::Neutral,
    }
}

/// `[job, height, message, "", "", block version, decimal target, "", clean]`.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() >= 7
        && text(m.param(0)).is_some()
        && m.param(1).is_some_and(|height| height.as_u64().is_some())
        && is_hex(m.param(2), 64)
        && decimal_target(m.param(6)).is_some()
}

/// `[job, message, height, clean]`.
fn is_short_notify(m: &Message<'_>) -> bool {
    m.params() == 4
        && text(m.param(0)).is_some()
        && is_hex(m.param(1), 64)
        && m.param(2).is_some_and(|height| height.as_u64().is_some())
        && m.param(3).is_some_and(|clean| clean.as_bool().is_some())
}

/// A target of 256 bits has up to 78 digits in decimal; a share's is hardly below 40.
fn decimal_target(v: Option<Value<'_>>) -> Option<f64> {
    text(v).filter(|t| t.len() >= 40).and_then(|t| target_decimal(&t))
}

/// `[user, job, extranonce 2, time or nothing, nonce]`: the nonce is twice as long as Bitcoin's.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 5
        && text(m.param(0)).is_some()
        && text(m.param(2)).is_some_and(|s| s.len() <= 32 && s.bytes().all(|b| b.is_ascii_hexdigit()))
        && text(m.param(3)).is_some_and(|s| matches!(s.len(), 0..=8) && s.bytes().all(|b| b.is_ascii_hexdigit()))
        && is_hex(m.param(4), 16)
}

/// `[user, job, nonce 2]`.
fn is_short_submit(m: &Message<'_>) -> bool {
    m.params() == 3
        && text(m.param(0)).is_some()
        && text(m.param(1)).is_some()
        && hex_len(m.param(2)).is_some_and(|n| n < 16)
}

#[derive(Default)]
struct State {
    stratum: Stratum,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (role, m.method()) {
            (Role::Miner, Some("mining.submit")) if is_submit(m) || is_short_submit(m) => self.stratum.submit(m, c),
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) || is_short_notify(m) => {
                if let Some(work) = decimal_target(m.param(6)) {
                    c.difficulty(at, work.round(), work);
                }
                let id = text(m.param(0));
                let height = m.param(1).and_then(Value::as_u64).or_else(|| m.param(2)?.as_u64());
                c.replied(at, "pushed an Autolykos job");
                c.job(at, id.as_deref(), height, "an Autolykos job");
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

    const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const TARGET: &str = "28948022309329048855892746252171976963317496166410141009864396001";

    #[test]
    fn a_job_is_told_by_its_decimal_target() {
        let job = |target: &str| {
            format!(
                r#"{{"id":null,"method":"mining.notify","params":["2d",1203344,"{HASH}","","",2,"{target}","",true]}}"#
            )
        };
        assert_eq!(certain(&job(TARGET)), ["autolykos"]);
        assert_eq!(certain(&job("")), [""; 0]);
        assert_eq!(certain(&job("1203344")), [""; 0]);
        assert_eq!(certain(&job(HASH)), [""; 0], "hexadecimal");
        let short = format!(r#"{{"id":null,"method":"mining.notify","params":["2d","{HASH}",1203344,true]}}"#);
        assert_eq!(certain(&short), ["autolykos"]);
    }

    #[test]
    fn a_share_is_told_by_the_length_of_its_nonce() {
        let share = |user: &str, nonce: &str| {
            format!(r#"{{"id":4,"method":"mining.submit","params":["{user}","2d","0a0b0c0d","6650f00a","{nonce}"]}}"#)
        };
        let wallet = "9eX4cf6VN7qi3cyv7BUa1DLmsTKMyXvLiCeqwwMCgcN3U8ayM61.rig";
        assert_eq!(certain(&share(wallet, "0011223344556677")), ["autolykos"]);
        assert_eq!(probe(&Autolykos, &share("account.rig", "0011223344556677")), Probe::Unsure(Role::Miner, 4));
        assert_eq!(probe(&Autolykos, &share(wallet, "00112233")), Probe::NotForUs, "Bitcoin's");
        assert_eq!(certain(&share(wallet, "00112233")), ["bitcoin-v1"]);
    }
}

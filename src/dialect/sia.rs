//! Sia stratum: Bitcoin's jobs with times and nonces of eight bytes, or a whole header to be ground.
//!
//! Source of the protocol facts: siamining.com/stratum as read by gominer and xim (`siastratum`); BTC.com's pool
//! `src/sia/StratumSessionSia.cc` and `StratumMinerSia.cc` for the form with a header. In: JSON lines. Out: facts and
//! evidence.

use super::family::{authorize, set_difficulty, subscribe};
use super::json::{Rpc, Value};
use super::shape::{has_0x, hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::Coin;
use crate::wallet::difficulty::{Measure, target_256};

const COINS: &[Coin] = &[Coin::Sc];
/// Digits of a header of 80 bytes.
const HEADER: usize = 160;

/// The dialect.
pub(super) struct Sia;

impl Dialect for Sia {
    fn id(&self) -> &'static str {
        "sia"
    }

    fn coins(&self) -> &'static [Coin] {
        COINS
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" => subscribe(m, 1),
            // An address is 38 bytes in hexadecimal, checksum included.
            "mining.authorize" if is_hex_login(m) => Probe::Unsure(Role::Miner, 4),
            "mining.authorize" => authorize(m, COINS),
            "mining.notify" if is_notify(m) || is_header(m) => Probe::Certain(Role::Pool),
            "mining.submit" if is_submit(m) || is_header_submit(m) => Probe::Certain(Role::Miner),
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

fn is_hex_login(m: &Message<'_>) -> bool {
    text(m.param(0)).is_some_and(|login| {
        let address = login.split('.').next().unwrap_or_default();
        address.len() == 76 && address.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// Bitcoin's answer, which has the better claim.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r) if r.len() == 3 && r.index(0).is_some_and(Value::is_array) && hex_len(r.index(1)).is_some() => {
            Probe::Unsure(Role::Pool, 1)
        }
        _ => Probe::Neutral,
    }
}

/// `[job, parent, coinbase 1, coinbase 2, [branch], "", bits, time, clean]`: the time has eight bytes.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() == 9
        && text(m.param(0)).is_some()
        && is_hex(m.param(1), 64)
        && hex_len(m.param(2)).is_some()
        && m.param(4).is_some_and(Value::is_array)
        && is_hex(m.param(6), 8)
        && is_hex(m.param(7), 16)
        && m.param(8).is_some_and(|clean| clean.as_bool().is_some())
}

/// `[job, header, target]`.
fn is_header(m: &Message<'_>) -> bool {
    m.params() == 3
        && text(m.param(0)).is_some()
        && is_hex(m.param(1), HEADER)
        && has_0x(m.param(2))
        && is_hex(m.param(2), 64)
}

/// `[user, job, extranonce 2, time, nonce]`: time and nonce of eight bytes.
fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 5
        && text(m.param(0)).is_some()
        && text(m.param(1)).is_some()
        && hex_len(m.param(2)).is_some_and(|n| n <= 32)
        && is_hex(m.param(3), 16)
        && is_hex(m.param(4), 16)
}

/// `[user, job, header]`.
fn is_header_submit(m: &Message<'_>) -> bool {
    m.params() == 3 && text(m.param(0)).is_some() && text(m.param(1)).is_some() && is_hex(m.param(2), HEADER)
}

#[derive(Default)]
struct State {
    stratum: Stratum,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (role, m.method()) {
            (Role::Miner, Some("mining.submit")) if is_submit(m) || is_header_submit(m) => self.stratum.submit(m, c),
            (Role::Miner, _) => self.stratum.request(m, c),
            (Role::Pool, Some("mining.notify")) if is_notify(m) || is_header(m) => {
                if is_header(m)
                    && let Some(work) = text(m.param(2)).and_then(|t| target_256(&t))
                {
                    c.difficulty(at, work.round(), work);
                }
                let id = text(m.param(0));
                c.replied(at, "pushed a Sia job");
                c.job(at, id.as_deref(), None, "a Sia job");
            }
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

    const HASH: &str = "0000000000000bb91fa9f4a0bd0a4b1dbc3e0d6e7a1a0f9a3b6b5a1c2d3e4f50";

    #[test]
    fn times_of_eight_bytes_tell_it_from_bitcoin() {
        let job = |version: &str, time: &str| {
            format!(
                r#"{{"id":null,"method":"mining.notify","params":["1732","{HASH}","0001","0000",["{HASH}"],"{version}","1a08645a","{time}",true]}}"#
            )
        };
        assert_eq!(certain(&job("", "58258e5700000000")), ["sia"]);
        assert_eq!(certain(&job("20000000", "58258e57")), ["bitcoin-v1"]);
        let share = |time: &str, nonce: &str| {
            format!(r#"{{"id":4,"method":"mining.submit","params":["u.rig","1732","00000001","{time}","{nonce}"]}}"#)
        };
        assert_eq!(certain(&share("58258e5700000000", "0011223344556677")), ["sia"]);
        assert_eq!(certain(&share("58258e57", "00112233")), ["bitcoin-v1"]);
        assert_eq!(probe(&Sia, &share("58258e57", "0011223344556677")), Probe::NotForUs, "Ergo's");
    }

    #[test]
    fn a_whole_header() {
        let header = "0a".repeat(80);
        assert_eq!(
            certain(&format!(
                r#"{{"id":6,"jsonrpc":"2.0","params":["49","0x{header}","0x{HASH}"],"method":"mining.notify"}}"#
            )),
            ["sia"]
        );
        assert_eq!(
            certain(&format!(r#"{{"id":4,"method":"mining.submit","params":["u","49","0x{header}"]}}"#)),
            ["sia"]
        );
    }
}

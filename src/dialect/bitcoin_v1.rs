//! Bitcoin Stratum V1: `mining.subscribe`, `mining.authorize`, nine-element `mining.notify`, `mining.submit`.
//!
//! Source of the protocol facts: cgminer and bfgminer `util.c`, cpuminer `util.c`, node-stratum-pool `lib/stratum.js`,
//! BIP 310 (`mining.configure`). In: JSON lines. Out: facts and evidence.

use super::json::{Rpc, Value};
use super::shape::{hex_len, is_hex, text};
use super::stratum::Stratum;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::{Coin, difficulty};

/// The dialect.
pub(super) struct BitcoinV1;

impl Dialect for BitcoinV1 {
    fn id(&self) -> &'static str {
        "bitcoin-v1"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Btc, Coin::Bch, Coin::Ltc, Coin::Doge, Coin::Dgb, Coin::Dash, Coin::Vtc, Coin::Firo]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "mining.subscribe" => probe_subscribe(m),
            "mining.authorize" | "mining.auth" if text(m.param(0)).is_some() => Probe::Unsure(Role::Miner, 2),
            "mining.configure" if m.param(0).is_some_and(Value::is_array) => Probe::Certain(Role::Miner),
            "mining.submit" if is_submit(m) => Probe::Certain(Role::Miner),
            "mining.notify" if is_notify(m) => Probe::Certain(Role::Pool),
            "mining.set_version_mask" => Probe::Certain(Role::Pool),
            "mining.set_difficulty" if m.param(0).is_some_and(|d| d.as_f64().is_some()) => Probe::Unsure(Role::Pool, 2),
            "mining.set_extranonce" if hex_len(m.param(0)).is_some() => Probe::Unsure(Role::Pool, 2),
            "mining.get_transactions" | "mining.suggest_target" | "mining.capabilities" | "mining.multi_version" => {
                Probe::Unsure(Role::Miner, 3)
            }
            "mining.suggest_difficulty" | "mining.extranonce.subscribe" => Probe::Unsure(Role::Miner, 2),
            "mining.ping" | "client.ping" | "client.get_version" | "client.show_message" | "client.reconnect" => {
                Probe::Unsure(Role::Pool, 1)
            }
            "mining.submit" | "mining.notify" | "mining.set_target" | "mining.set" | "mining.hello" | "login" => {
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

/// `[agent]`, `[agent, session]` or `[agent, session, host, port]`; the last form is also Equihash's and ProgPow's.
fn probe_subscribe(m: &Message<'_>) -> Probe {
    if m.rpc.params.is_some_and(Value::is_object) || m.rpc.root.get("body").is_some() {
        return Probe::NotForUs;
    }
    if m.rpc.id.is_none() {
        return Probe::Neutral;
    }
    let n = m.params();
    if m.texts().any(|s| s.contains("Stratum/")) {
        return Probe::NotForUs;
    }
    Probe::Unsure(Role::Miner, if n >= 4 { 2 } else { 3 })
}

/// `[[…subscriptions…], extranonce1, extranonce2 size]`.
fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    match rpc.result {
        Some(r) if is_subscription(r) => Probe::Unsure(Role::Pool, 4),
        _ => Probe::Neutral,
    }
}

fn is_subscription(r: Value<'_>) -> bool {
    r.len() == 3
        && r.index(0).is_some_and(Value::is_array)
        && hex_len(r.index(1)).is_some()
        && r.index(2).is_some_and(|n| n.as_u64().is_some_and(|n| n <= 64))
        && r.index(0).is_some_and(names_a_push)
}

/// `["mining.notify", id]`, or a list of these.
fn names_a_push(v: Value<'_>) -> bool {
    let is_name = |v: Value<'_>| v.as_str().is_some_and(|s| s.starts_with("mining."));
    v.as_array().is_some_and(|mut all| all.any(|v| is_name(v) || v.index(0).is_some_and(is_name)))
}

/// `[job, previous hash, coinbase 1, coinbase 2, [branch], version, bits, time, clean]`. Some merge-mining pools append
/// members.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() >= 9
        && m.param(0).is_some_and(|id| id.as_str().is_some() || id.as_u64().is_some())
        && is_hex(m.param(1), 64)
        && hex_len(m.param(2)).is_some()
        && m.param(4).is_some_and(Value::is_array)
        && is_hex(m.param(5), 8)
        && is_hex(m.param(6), 8)
        && is_hex(m.param(7), 8)
}

/// `[user, job, extranonce2, time, nonce]`, and the version bits of BIP 310 as a sixth.
fn is_submit(m: &Message<'_>) -> bool {
    matches!(m.params(), 5 | 6)
        && text(m.param(0)).is_some()
        && m.param(1).is_some()
        && text(m.param(2)).is_some_and(|s| s.len() <= 64 && s.bytes().all(|b| b.is_ascii_hexdigit()))
        && is_hex(m.param(3), 8)
        && is_hex(m.param(4), 8)
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
                let height = text(m.param(2)).and_then(|cb| coinbase_height(&cb));
                c.replied(at, "pushed a Bitcoin job");
                c.job(at, id.as_deref(), height, "a Bitcoin job");
            }
            (Role::Pool, Some("mining.set_difficulty")) => {
                if let Some(d) = m.param(0).and_then(Value::as_f64) {
                    c.replied(at, "set a difficulty");
                    c.difficulty(at, d, difficulty::Measure::Bitcoin.work(d).unwrap_or(0.0));
                }
            }
            (Role::Pool, Some(_)) => Stratum::push(m, c),
            (Role::Pool, None) => {
                self.stratum.reply(m, c);
                if m.rpc.result.is_some_and(is_subscription) {
                    c.replied(at, "answered a subscription");
                }
            }
        }
    }
}

/// BIP 34: the coinbase script begins with the block height as a little-endian push. The first half of the coinbase
/// ends within that script: version (4), input count (1), null outpoint (36), script length (1), then the push.
fn coinbase_height(coinb1: &str) -> Option<u64> {
    let byte = |i: usize| u8::from_str_radix(coinb1.get(i * 2..i * 2 + 2)?, 16).ok();
    // A segregated-witness coinbase carries marker and flag after the version.
    let start = if byte(4)? == 0 { 44 } else { 42 };
    let n = usize::from(byte(start)?);
    if !(1..=4).contains(&n) {
        return None;
    }
    let mut height = 0u64;
    for i in (1..=n).rev() {
        height = (height << 8) | u64::from(byte(start + i)?);
    }
    (height > 0).then_some(height)
}

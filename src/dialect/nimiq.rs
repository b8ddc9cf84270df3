//! Nimiq pool mining (its proof-of-work years): WebSocket messages told apart by `message`.
//!
//! Source of the protocol facts: `nimiq/core-js` pool miners and `nimiq/mining-pool`. Accepted shares are not answered,
//! so that no rate can be told. In: WebSocket messages, or lines. Out: facts and evidence.

use super::json::Value;
use super::shape::text;
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::{self, Coin};

/// The dialect.
pub(super) struct Nimiq;

impl Dialect for Nimiq {
    fn id(&self) -> &'static str {
        "nimiq"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Nim]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        if m.rpc.method.is_some() {
            return Probe::NotForUs;
        }
        let Some(message) = text(member(m, "message")) else { return Probe::Neutral };
        match message.as_ref() {
            "register" if is_register(m) => Probe::Certain(Role::Miner),
            "share" if is_whole_share(m) => Probe::Unsure(Role::Miner, 3),
            "share" if has_numbers(m, &["nonce"]) => Probe::Unsure(Role::Miner, 1),
            "settings" if is_settings(m) => Probe::Certain(Role::Pool),
            "new-block" if is_new_block(m) => Probe::Certain(Role::Pool),
            "balance" if has_numbers(m, &["balance", "confirmedBalance"]) => Probe::Unsure(Role::Pool, 2),
            "registered" => Probe::Unsure(Role::Pool, 1),
            "error" | "invalid-share" | "payout" | "share" => Probe::Neutral,
            _ => Probe::NotForUs,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

fn member<'a>(m: &Message<'a>, key: &str) -> Option<Value<'a>> {
    m.rpc.root.get(key)
}

fn has_numbers(m: &Message<'_>, keys: &[&str]) -> bool {
    keys.iter().all(|key| member(m, key).is_some_and(|v| v.as_number_text().is_some()))
}

fn has_texts(m: &Message<'_>, keys: &[&str]) -> bool {
    keys.iter().all(|key| text(member(m, key)).is_some())
}

fn is_address(m: &Message<'_>) -> bool {
    text(member(m, "address")).is_some_and(|a| wallet::recognise(&a).wallet.is_some_and(|w| w.coins == [Coin::Nim]))
}

fn is_register(m: &Message<'_>) -> bool {
    is_address(m) && (member(m, "deviceId").is_some() || has_texts(m, &["genesisHash"]))
}

fn is_settings(m: &Message<'_>) -> bool {
    let target = has_numbers(m, &["target"]) || has_numbers(m, &["targetCompact"]);
    is_address(m) && has_texts(m, &["extraData"]) && target
}

fn is_new_block(m: &Message<'_>) -> bool {
    has_texts(m, &["bodyHash", "accountsHash", "previousBlock"])
}

/// A header with its proofs. Nano clients send a nonce alone, which others may as well.
fn is_whole_share(m: &Message<'_>) -> bool {
    has_texts(m, &["blockHeader", "minerAddrProof", "extraDataProof"])
}

/// Expected hashes behind a target: given as a number, or packed as Bitcoin packs it.
fn work(m: &Message<'_>) -> Option<f64> {
    let target = match member(m, "targetCompact").and_then(Value::as_u64) {
        Some(compact) => {
            let compact = u32::try_from(compact).ok()?;
            let exponent = i32::try_from(compact >> 24).ok()?;
            f64::from(compact & 0x00ff_ffff) * 2f64.powi(8 * (exponent - 3))
        }
        None => member(m, "target").and_then(Value::as_f64)?,
    };
    let work = 2f64.powi(256) / target;
    (work.is_finite() && work >= 1.0).then_some(work)
}

#[derive(Default)]
struct State {
    nano: bool,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        let message = text(member(m, "message")).unwrap_or_default();
        match (role, message.as_ref()) {
            (Role::Miner, "register") if is_register(m) => {
                c.asked(at, "a Nimiq registration");
                self.nano = text(member(m, "mode")).is_some_and(|mode| mode != "smart");
                if let Some(address) = text(member(m, "address")) {
                    c.login(at, &address);
                }
                if let Some(name) = text(member(m, "deviceName")) {
                    c.worker(&name);
                }
                if let Some(version) = text(member(m, "minerVersion")) {
                    c.agent(at, &version);
                }
            }
            (Role::Miner, "share") if is_whole_share(m) || (has_numbers(m, &["nonce"]) && c.is_known()) => {
                c.submitted(at, None);
                c.asked(at, "a Nimiq share");
            }
            (Role::Pool, "settings") if is_settings(m) => {
                c.replied(at, "sent the settings to mine with");
                if let Some(work) = work(m) {
                    c.difficulty(at, work.round(), work);
                }
                // Smart clients build their blocks with them; nano clients wait for a header.
                if !self.nano {
                    c.job(at, None, None, "Nimiq settings to build blocks with");
                }
            }
            (Role::Pool, "new-block") if is_new_block(m) => {
                c.replied(at, "pushed a Nimiq block to mine on");
                let height = member(m, "height").and_then(Value::as_u64);
                c.job(at, None, height, "a Nimiq block to mine on");
            }
            (Role::Pool, "invalid-share") if c.shares.rejected < c.shares.submitted => {
                let why = text(member(m, "reason")).unwrap_or_default();
                c.rejected(at, &crate::text::printable(&*why, 80));
            }
            (Role::Pool, "registered" | "balance" | "error" | "payout") => {
                c.replied_too(at, "answered in the protocol");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Carrier;
    use super::super::trial::{MINER, POOL, hear, outcome, probe};
    use super::*;
    use crate::evidence::Verdict;

    const REGISTER: &str = r#"{"message":"register","mode":"nano","address":"NQ07 0000 0000 0000 0000 0000 0000 0000 0000","deviceId":7,"genesisHash":"x"}"#;
    const SETTINGS: &str = r#"{"message":"settings","address":"NQ07 0000 0000 0000 0000 0000 0000 0000 0000","extraData":"AA==","targetCompact":520159232,"nonce":1}"#;
    const BLOCK: &str = r#"{"message":"new-block","bodyHash":"a","accountsHash":"b","previousBlock":"c","height":5}"#;

    #[test]
    fn a_nano_client_needs_a_block_a_smart_one_settings() {
        let ws = |messages: &[_]| outcome(&hear(Carrier::WebSocket, None, messages)).1;
        assert_eq!(ws(&[(MINER, REGISTER)]), Some(Verdict::Probable));
        assert_eq!(ws(&[(MINER, REGISTER), (POOL, SETTINGS)]), Some(Verdict::Probable));
        assert_eq!(ws(&[(MINER, REGISTER), (POOL, SETTINGS), (POOL, BLOCK)]), Some(Verdict::Confirmed));
        let smart = REGISTER.replace("nano", "smart");
        let arbiter = hear(Carrier::WebSocket, None, &[(MINER, &smart), (POOL, SETTINGS)]);
        assert_eq!(outcome(&arbiter), (Some("nimiq"), Some(Verdict::Confirmed)));
        // 0x1f010000 is 2^16 · 2^(8·28).
        assert_eq!(arbiter.conversation().unwrap().difficulty, Some(65_536.0));
    }

    #[test]
    fn chats_and_logs_with_a_message_are_not_it() {
        for text in [
            r#"{"message":"register","name":"bob"}"#,
            r#"{"message":"settings","theme":"dark"}"#,
            r#"{"message":"hello"}"#,
            r#"{"message":"register","address":"1 Main Street","deviceId":4}"#,
        ] {
            assert_eq!(probe(&Nimiq, text), Probe::NotForUs, "{text}");
        }
        assert_eq!(probe(&Nimiq, r#"{"message":"share","url":"x"}"#), Probe::Neutral);
        let share = r#"{"message":"share","nonce":5}"#;
        let balance = r#"{"message":"balance","balance":5,"confirmedBalance":5}"#;
        let bank = [(MINER, share), (POOL, balance), (MINER, share), (POOL, balance)];
        assert_eq!(outcome(&hear(Carrier::WebSocket, None, &bank)).1, None);
    }
}

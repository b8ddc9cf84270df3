//! XMRig's kawpow and ghostrider mining: a CryptoNote login, then `mining.*` messages on the same connection.
//!
//! Source of the protocol facts: xmrig `AutoClient.cpp`, `EthStratumClient.cpp`; `MoneroOcean`'s nodejs-pool. In: messages of
//! a session whose login was CryptoNote's. Out: facts and evidence.

use std::borrow::Cow;

use super::super::json::Value;
use super::super::shape::{hex_len, is_hex, text, word};
use super::super::{Conversation, Message};
use crate::evidence::Code;
use crate::wallet::difficulty;

/// Whether the answer to a login agrees to go on so: an algorithm and the pool's part of the nonce, but no job.
pub(super) fn is_login(result: Value<'_>) -> bool {
    result.get("job").is_none() && text(result.get("algo")).is_some() && text(result.get("extra_nonce")).is_some()
}

/// A share: `[user, job, nonce, header, mix]`, or Bitcoin's `[user, job, nonce 2, time, nonce]`.
pub(super) fn is_submit(m: &Message<'_>) -> bool {
    m.params() == 5 && text(m.param(2)).is_some() && (3..5).all(|i| hex_len(m.param(i)).is_some_and(|n| n >= 8))
}

/// The state of such a session.
#[derive(Default)]
pub(super) struct Auto {
    agreed: bool,
}

impl Auto {
    /// The pool agreed.
    pub(super) fn agreed(&mut self, result: Value<'_>, c: &mut Conversation) {
        self.agreed = true;
        if let Some(algo) = text(result.get("algo")) {
            c.algorithm(&algo);
        }
    }

    /// The job of a share. Where the pool's half is not seen, the login has to do.
    pub(super) fn submit<'a>(&self, m: &Message<'a>, c: &Conversation) -> Option<Cow<'a, str>> {
        let agreed = self.agreed || (c.login.is_some() && !c.evidence.has(Code::PoolReply));
        word(m.param(1)).filter(|_| agreed && is_submit(m))
    }

    /// A push of the pool.
    pub(super) fn push(&self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        if !self.agreed {
            return;
        }
        match m.method() {
            Some("mining.set_target") => {
                if let Some(work) = text(m.param(0)).and_then(|t| difficulty::target_256(&t)) {
                    c.replied(at, "set a target");
                    c.difficulty(at, work.round(), work);
                }
            }
            Some("mining.set_difficulty") => {
                // Ghostrider pools count in 2^16 hashes.
                if let Some(d) = m.param(0).and_then(Value::as_f64)
                    && let Some(work) = difficulty::Measure::Scrypt.work(d)
                {
                    c.replied(at, "set a difficulty");
                    c.difficulty(at, d, work);
                }
            }
            Some("mining.notify") => {
                let kawpow = m.params() >= 7 && is_hex(m.param(1), 64) && is_hex(m.param(2), 64);
                let bitcoin = m.params() >= 9 && is_hex(m.param(1), 64) && m.param(4).is_some_and(Value::is_array);
                if let Some(id) = word(m.param(0)).filter(|_| kawpow || bitcoin) {
                    c.other_algorithm = true;
                    let height = m.param(5).filter(|_| kawpow).and_then(Value::as_u64);
                    c.replied(at, "pushed a job");
                    c.job(at, Some(&id), height, "a kawpow or ghostrider job after a CryptoNote login");
                }
            }
            _ => {}
        }
    }
}

//! CryptoNote / Monero stratum: `login`, `job`, `submit`, `keepalived`, and what programs and pools made of it.
//!
//! Variants: algorithm negotiation, `NiceHash`, self-select (`block_template`), `XMRig`'s donation and its kawpow and
//! ghostrider jobs (`mining.*` after a CryptoNote login), `MoneroOcean`'s benchmark (`algo-perf`), Tari's numeric ids,
//! proxies that speak for many rigs, p2pool's local port.
//!
//! Source of the protocol facts: xmrig `src/base/net/stratum/` (Client, `AutoClient`, `SelfSelectClient`,
//! `DonateStrategy`), xmrig-proxy `doc/STRATUM.md` and `doc/STRATUM_EXT.md`, nodejs-pool `lib/pool.js`, monero-pool
//! (self-select), `tari-project/tari`. In: JSON lines. Out: facts and evidence.

mod auto;
mod login;
#[cfg(test)]
mod tests;

use auto::Auto;
use login::{is_miners_login, probe_login, read_login};

use super::json::{Rpc, Value};
use super::shape::{error_text, hex_len, is_hex, says_yes, text, word};
use super::{Conversation, Dialect, Message, Probe, Requests, Role, Session, What};
use crate::evidence::Code;
use crate::wallet::{Coin, difficulty};

/// The dialect.
pub(super) struct CryptoNote;

impl Dialect for CryptoNote {
    fn id(&self) -> &'static str {
        "cryptonote"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Xmr, Coin::Sal, Coin::Zeph, Coin::Sumo, Coin::Arq, Coin::Wow, Coin::Grft, Coin::Zano]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return probe_reply(m.rpc) };
        match method {
            "login" => probe_login(m),
            "job" if is_job(m.rpc.params) || is_open_job(m.rpc.params) => Probe::Certain(Role::Pool),
            "job" if is_tari_job(m.rpc.params) => Probe::Unsure(Role::Pool, 4),
            "submit" if is_submit(m) => Probe::Certain(Role::Miner),
            "block_template" if is_template(m) => Probe::Certain(Role::Miner),
            "keepalived" if text(m.named("id")).is_some() => Probe::Unsure(Role::Miner, 2),
            "keepalive" if text(m.named("id")).is_some() => Probe::Unsure(Role::Miner, 1),
            "getjob" if text(m.named("id")).is_some() => Probe::Unsure(Role::Miner, 2),
            "job" | "submit" => Probe::NotForUs,
            // Behind such a login it is XMRig's share of another algorithm.
            "mining.submit" if auto::is_submit(m) => Probe::Neutral,
            _ if method.starts_with("mining.") || method.contains('_') => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    let Some(result) = rpc.result else { return Probe::Neutral };
    let job = result.get("job");
    if is_job(job) || is_open_job(job) {
        return Probe::Certain(Role::Pool);
    }
    if is_tari_job(job) || auto::is_login(result) {
        return Probe::Unsure(Role::Pool, 4);
    }
    match text(result.get("status")).as_deref() {
        Some("OK" | "KEEPALIVED") => Probe::Unsure(Role::Pool, 1),
        _ => Probe::Neutral,
    }
}

/// A job: hashing blob (76 bytes and more; a SHA-512 has 64), job id, target of 4 or 8 bytes.
fn is_job(v: Option<Value<'_>>) -> bool {
    v.is_some_and(|job| {
        hex_len(job.get("blob")).is_some_and(|n| n >= 146)
            && word(job.get("job_id")).is_some()
            && hex_len(job.get("target")).is_some_and(|n| n <= 64)
    })
}

/// A self-select job: the pool names its wallet and the miner's nonce space, the miner makes the block.
fn is_open_job(v: Option<Value<'_>>) -> bool {
    v.is_some_and(|job| {
        text(job.get("pool_wallet")).is_some()
            && hex_len(job.get("extra_nonce")).is_some()
            && word(job.get("job_id")).is_some()
            && hex_len(job.get("target")).is_some()
    })
}

/// Tari hands out the hash of a header under a number.
fn is_tari_job(v: Option<Value<'_>>) -> bool {
    v.is_some_and(|job| {
        is_hex(job.get("blob"), 64)
            && job.get("job_id").is_some_and(|id| id.as_u64().is_some())
            && is_hex(job.get("target"), 16)
            && job.get("height").is_some_and(|h| h.as_u64().is_some())
    })
}

/// A share: session, job, nonce of 4 or 8 bytes (Tari: a number), hash.
fn is_submit(m: &Message<'_>) -> bool {
    let nonce = m.named("nonce");
    m.named("id").is_some()
        && m.named("job_id").is_some()
        && (hex_len(nonce).is_some_and(|n| matches!(n, 8 | 16)) || nonce.is_some_and(|n| n.as_u64().is_some()))
        && (is_hex(m.named("result"), 64) || is_hex(m.named("hash"), 64))
}

/// The block that a miner made for a self-select job.
fn is_template(m: &Message<'_>) -> bool {
    word(m.named("job_id")).is_some()
        && hex_len(m.named("blob")).is_some_and(|n| n >= 146)
        && m.named("height").is_some_and(|h| h.as_u64().is_some())
        && is_hex(m.named("prev_hash"), 64)
}

#[derive(Default)]
struct State {
    requests: Requests,
    /// Hashes a second by algorithm, as the miner measured them itself.
    benchmark: Vec<(String, f64)>,
    auto: Auto,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        match role {
            Role::Miner => self.miner(m, c),
            Role::Pool => self.pool(m, c),
        }
    }
}

impl State {
    fn miner(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match m.method() {
            Some("login") => {
                self.requests.sent(m.rpc.id, What::Login);
                // Without a wallet, algorithms or a mining program it is like any service's.
                if is_miners_login(m) {
                    c.asked(at, "a CryptoNote login");
                } else {
                    c.polled(at, "a CryptoNote login");
                }
                read_login(m, &mut self.benchmark, c);
            }
            Some("submit") if is_submit(m) => {
                let job = word(m.named("job_id"));
                let work = c.submitted(at, job.as_deref());
                self.requests.sent(m.rpc.id, What::Submit { work });
                c.asked(at, "a CryptoNote share");
                if m.named("workerNonce").is_some() || m.named("poolNonce").is_some() {
                    c.evidence.note(Code::WritingStyle, at, || {
                        "its shares carry a proxy's nonces: one flow for many rigs".to_owned()
                    });
                }
            }
            Some("mining.submit") => {
                if let Some(job) = self.auto.submit(m, c) {
                    let work = c.submitted(at, Some(&job));
                    self.requests.sent(m.rpc.id, What::Submit { work });
                    c.asked(at, "mining.submit after a CryptoNote login");
                }
            }
            Some("block_template") if is_template(m) => {
                c.asked(at, "a block template of its own (self-select)");
                self.requests.sent(m.rpc.id, What::Other);
            }
            Some("getjob" | "getjobtemplate") => {
                c.polled(at, "a CryptoNote job request");
                self.requests.sent(m.rpc.id, What::GetWork);
            }
            Some("keepalived" | "keepalive") => {
                c.polled(at, "a CryptoNote keepalive");
                self.requests.sent(m.rpc.id, What::Other);
            }
            Some(_) => self.requests.sent(m.rpc.id, What::Foreign),
            None => {}
        }
    }

    fn pool(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        if let Some(method) = m.method() {
            if method == "job" {
                if let Some(job) = m.rpc.params.filter(|job| is_any_job(*job)) {
                    c.replied(at, "pushed a CryptoNote job");
                    self.read_job(job, m, c);
                }
            } else {
                self.auto.push(m, c);
            }
            return;
        }
        let answered = self.requests.answered(m.rpc.id);
        if m.rpc.failure().is_some() {
            match answered {
                Some(What::Submit { .. }) => c.rejected(at, &error_text(m.rpc.error)),
                Some(_) => c.replied(at, &format!("refused the request ({})", error_text(m.rpc.error))),
                None => {}
            }
            return;
        }
        let Some(result) = m.rpc.result else { return };
        let status = text(result.get("status"));
        if let Some(job) = result.get("job").filter(|job| is_any_job(*job)) {
            c.replied(at, "answered the login with a job");
            self.read_job(job, m, c);
        } else if answered == Some(What::GetWork) && is_any_job(result) {
            c.replied(at, "answered with a job");
            self.read_job(result, m, c);
        } else if let Some(What::Submit { work }) = answered {
            match (result.as_bool(), status) {
                (Some(false), _) => c.rejected(at, ""),
                (_, Some(s)) if !s.eq_ignore_ascii_case("ok") => c.replied(at, "answered the request"),
                _ if says_yes(result) => c.accepted(at, work),
                _ => {}
            }
        } else if answered.is_some() {
            if status.is_some_and(|s| s == "KEEPALIVED") {
                c.asked(at, "a CryptoNote keepalive, which was answered as one");
            }
            if answered == Some(What::Login) && auto::is_login(result) {
                self.auto.agreed(result, c);
            }
            c.replied(at, "answered the request");
        }
    }

    fn read_job(&self, job: Value<'_>, m: &Message<'_>, c: &mut Conversation) {
        let algo = text(job.get("algo"));
        let big_endian = algo.as_deref() == Some("rx/yada");
        let work = text(job.get("target")).and_then(|t| {
            if big_endian { difficulty::cryptonote_target_big_endian(&t) } else { difficulty::cryptonote_target(&t) }
        });
        if let Some(work) = work {
            c.difficulty(m.stamp, work.round(), work);
        }
        if let Some(algo) = algo {
            c.algorithm(&algo);
            c.other_algorithm = !is_cryptonight(&algo);
            if let Some(coin) = coin_of(&algo) {
                c.coin = Some((coin, "algorithm"));
            }
            if let Some((_, rate)) = self.benchmark.iter().find(|(name, _)| *name == algo) {
                c.reported_hashrate = Some(*rate);
            }
        }
        let id = word(job.get("job_id"));
        let what = if is_open_job(Some(job)) { "a job to make a block for (self-select)" } else { "a CryptoNote job" };
        c.job(m.stamp, id.as_deref(), job.get("height").and_then(Value::as_u64), what);
    }
}

fn is_any_job(job: Value<'_>) -> bool {
    is_job(Some(job)) || is_open_job(Some(job)) || is_tari_job(Some(job))
}

/// Whether coins of CryptoNote wallets are mined with it. Pools that switch between algorithms pay in one coin whatever
/// is mined (xmrig `doc/ALGORITHMS.md` tells which is whose).
fn is_cryptonight(algo: &str) -> bool {
    let variant = algo.strip_prefix("cn/").is_some_and(|v| !matches!(v, "gpu" | "upx2"));
    variant || matches!(algo, "cn" | "cryptonight" | "rx/0" | "progpowz") || coin_of(algo).is_some()
}

/// Algorithms that only one coin uses (xmrig `doc/ALGORITHMS.md`). `rx/0` is Monero's, and several smaller coins'.
fn coin_of(algo: &str) -> Option<Coin> {
    match algo {
        "rx/wow" => Some(Coin::Wow),
        "rx/arq" => Some(Coin::Arq),
        "rx/graft" => Some(Coin::Grft),
        _ => None,
    }
}

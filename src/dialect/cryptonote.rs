//! CryptoNote / Monero stratum: `login`, `job`, `submit`, `keepalived`.
//!
//! Source of the protocol facts: xmrig `src/base/net/stratum/Client.cpp`, xmrig-proxy `doc/STRATUM.md` and
//! `doc/STRATUM_EXT.md`, nodejs-pool `lib/pool.js`. In: JSON lines. Out: facts and evidence.

use super::json::{Rpc, Value};
use super::shape::{error_text, hex_len, is_hex, text};
use super::{Conversation, Dialect, Message, Probe, Requests, Role, Session, What};
use crate::wallet::{self, Coin, LoginKind, difficulty};

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
            "job" if is_job(m.rpc.params) => Probe::Certain(Role::Pool),
            "submit" if is_submit(m) => Probe::Certain(Role::Miner),
            "keepalived" if text(m.named("id")).is_some() => Probe::Unsure(Role::Miner, 2),
            "getjob" if text(m.named("id")).is_some() => Probe::Unsure(Role::Miner, 2),
            "job" | "submit" => Probe::NotForUs,
            _ if method.starts_with("mining.") || method.contains('_') => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// `login` with `login` and `pass` by these names. Look-alikes use other names (FreeSWITCH Verto: `passwd`) or other
/// shapes (Meteor DDP: `params` is an array).
fn probe_login(m: &Message<'_>) -> Probe {
    let Some(login) = text(m.named("login")) else { return Probe::NotForUs };
    let pass = text(m.named("pass")).is_some();
    let agent = text(m.named("agent"));
    let algo = m.named("algo").is_some_and(Value::is_array);
    let wallet = wallet::recognise(&login).wallet.is_some();
    let miner = agent.as_deref().is_some_and(super::program::mines);
    match (pass, wallet || algo || miner, agent.is_some()) {
        (true, true, _) => Probe::Certain(Role::Miner),
        (true, false, true) => Probe::Unsure(Role::Miner, 4),
        (true, false, false) | (false, true, _) => Probe::Unsure(Role::Miner, 3),
        (false, false, _) => Probe::NotForUs,
    }
}

fn probe_reply(rpc: &Rpc<'_>) -> Probe {
    let Some(result) = rpc.result else { return Probe::Neutral };
    if is_job(result.get("job")) {
        return Probe::Certain(Role::Pool);
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
            && job.get("job_id").is_some_and(|id| id.as_str().is_some() || id.as_u64().is_some())
            && hex_len(job.get("target")).is_some_and(|n| n <= 64)
    })
}

/// A share: session, job, nonce of 4 or 8 bytes, hash.
fn is_submit(m: &Message<'_>) -> bool {
    m.named("id").is_some()
        && m.named("job_id").is_some()
        && hex_len(m.named("nonce")).is_some_and(|n| matches!(n, 8 | 16))
        && (is_hex(m.named("result"), 64) || is_hex(m.named("hash"), 64))
}

#[derive(Default)]
struct State {
    requests: Requests,
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
                let login = text(m.named("login")).unwrap_or_default();
                // Without a wallet, algorithms or a mining program it is like any service's.
                if probe_login(m) == Probe::Certain(Role::Miner) {
                    c.asked(at, "a CryptoNote login");
                } else {
                    c.polled(at, "a CryptoNote login");
                }
                c.login(at, &login);
                if wallet::recognise(&login).kind == LoginKind::Hex64 {
                    c.donation(at, "64 hexadecimal digits, as XMRig's donation login is");
                }
                if let Some(pass) = text(m.named("pass")) {
                    c.password(&pass);
                }
                if let Some(agent) = text(m.named("agent")) {
                    c.agent(at, &agent);
                }
                if let Some(rig) = text(m.named("rigid")).or_else(|| text(m.named("rig-id"))) {
                    c.worker(&rig);
                }
                for name in m.named("algo").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
                    c.algorithm(&name);
                }
            }
            Some("submit") if is_submit(m) => {
                let job = text(m.named("job_id"));
                let work = c.submitted(at, job.as_deref());
                self.requests.sent(m.rpc.id, What::Submit { work });
                c.asked(at, "a CryptoNote share");
            }
            Some("getjob") => {
                c.polled(at, "a CryptoNote job request");
                self.requests.sent(m.rpc.id, What::GetWork);
            }
            Some("keepalived") => {
                c.polled(at, "a CryptoNote keepalive");
                self.requests.sent(m.rpc.id, What::Other);
            }
            _ => {}
        }
    }

    fn pool(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        if m.method() == Some("job") {
            if let Some(job) = m.rpc.params.filter(|_| is_job(m.rpc.params)) {
                c.replied(at, "pushed a CryptoNote job");
                read_job(job, m, c);
            }
            return;
        }
        if m.rpc.method.is_some() {
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
        if let Some(job) = result.get("job").filter(|_| is_job(result.get("job"))) {
            c.replied(at, "answered the login with a job");
            read_job(job, m, c);
        } else if answered == Some(What::GetWork) && is_job(Some(result)) {
            c.replied(at, "answered with a job");
            read_job(result, m, c);
        } else if let Some(What::Submit { work }) = answered
            && text(result.get("status")).is_none_or(|s| s.eq_ignore_ascii_case("ok"))
        {
            c.accepted(at, work);
        } else if answered.is_some() {
            if text(result.get("status")).is_some_and(|s| s == "KEEPALIVED") {
                c.asked(at, "a CryptoNote keepalive, which was answered as one");
            }
            c.replied(at, "answered the request");
        }
    }
}

fn read_job(job: Value<'_>, m: &Message<'_>, c: &mut Conversation) {
    if let Some(work) = text(job.get("target")).and_then(|t| difficulty::cryptonote_target(&t)) {
        c.difficulty(m.stamp, work.round(), work);
    }
    if let Some(algo) = text(job.get("algo")) {
        c.algorithm(&algo);
        if let Some(coin) = coin_of(&algo) {
            c.coin = Some((coin, "algorithm"));
        }
    }
    let id = text(job.get("job_id"));
    c.job(m.stamp, id.as_deref(), job.get("height").and_then(Value::as_u64), "a CryptoNote job");
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

//! The `login` of a CryptoNote miner: telling it from other services' logins, and what it says of who mines.
//!
//! In: login messages. Out: a probe's answer; facts and evidence.

use super::super::json::Value;
use super::super::shape::text;
use super::super::{Conversation, Message, Probe, Role, program};
use crate::evidence::Code;
use crate::text::printable;
use crate::wallet::{self, LoginKind};

/// Algorithms of a benchmark that are remembered.
const MAX_BENCHMARK: usize = 32;

/// `login` with `login` and `pass` by these names. Look-alikes use other names (FreeSWITCH Verto: `passwd`) or other
/// shapes (Meteor DDP: `params` is an array). Grin miners send the same, with a string for an id; so does Tari.
pub(super) fn probe_login(m: &Message<'_>) -> Probe {
    if text(m.named("login")).is_none() {
        return Probe::NotForUs;
    }
    let pass = text(m.named("pass")).is_some();
    let agent = text(m.named("agent")).is_some();
    let shared = text(m.rpc.id).is_some() && m.named("algo").is_none();
    match (pass, is_miners(m), agent) {
        (true, true, _) if shared => Probe::Unsure(Role::Miner, 4),
        (true, true, _) => Probe::Certain(Role::Miner),
        (true, false, true) => Probe::Unsure(Role::Miner, 4 - u8::from(shared)),
        (true, false, false) | (false, true, _) => Probe::Unsure(Role::Miner, 3),
        (false, false, _) => Probe::NotForUs,
    }
}

/// Whether nobody but a miner logs in so.
pub(super) fn is_miners_login(m: &Message<'_>) -> bool {
    text(m.named("pass")).is_some() && is_miners(m)
}

fn is_miners(m: &Message<'_>) -> bool {
    let algo = m.named("algo").is_some_and(Value::is_array);
    algo || text(m.named("login")).is_some_and(|login| wallet::recognise(&login).wallet.is_some())
        || text(m.named("agent")).is_some_and(|a| program::mines(&a))
}

/// Reads everything that a login says.
pub(super) fn read_login(m: &Message<'_>, benchmark: &mut Vec<(String, f64)>, c: &mut Conversation) {
    let at = m.stamp;
    let login = text(m.named("login")).unwrap_or_default();
    c.login(at, &login);
    if let Some(pass) = text(m.named("pass")) {
        c.password(&pass);
    }
    if let Some(agent) = text(m.named("agent")) {
        c.agent(at, &agent);
        if ["xmrig-proxy", "xmr-node-proxy"].iter().any(|name| agent.starts_with(name)) {
            c.evidence.note(Code::WritingStyle, at, || "the client is a proxy: one flow for many rigs".to_owned());
        }
    }
    if let Some(rig) = text(m.named("rigid")).or_else(|| text(m.named("rig-id"))) {
        c.worker(&rig);
    }
    for name in m.named("algo").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        c.algorithm(&name);
    }
    for (name, rate) in m.named("algo-perf").into_iter().flat_map(Value::members).take(MAX_BENCHMARK) {
        if let (Some(name), Some(rate)) = (name.as_str().filter(|n| n.len() <= 64), rate.as_f64().filter(|r| *r > 0.0))
        {
            benchmark.push((name.into_owned(), rate));
        }
    }
    benchmark.truncate(MAX_BENCHMARK);
    if is_donation(m, &login) {
        c.evidence.note(Code::DonationLogin, at, || match text(m.named("url")) {
            Some(url) => {
                format!("the login is XMRig's donation (64 hexadecimal digits), for the pool {}", printable(&*url, 80))
            }
            None => "the login is XMRig's donation (64 hexadecimal digits)".to_owned(),
        });
    }
}

/// 64 hexadecimal digits, with what only a miner adds: its algorithms, its name, or the job that it works on.
fn is_donation(m: &Message<'_>, login: &str) -> bool {
    let job = ["diff", "height"].iter().all(|key| m.named(key).is_some_and(|v| v.as_number_text().is_some()));
    wallet::recognise(login).kind == LoginKind::Hex64
        && (job
            || m.named("algo").is_some_and(Value::is_array)
            || text(m.named("agent")).is_some_and(|a| program::name(&a) == Some("XMRig")))
}

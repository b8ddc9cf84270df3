//! `XMRig`'s management interface over HTTP.
//!
//! Source of the protocol facts: xmrig `doc/API.md`. In: HTTP messages. Out: inventory evidence: somebody asked
//! (`noted`), a rig answered (`suspected`). The paths are short and may be anybody's; the keys of the answer are not, but
//! any web server may hand out a configuration, or an example of one: where it was seen what was asked for, it must have
//! been a page of the interface.

use super::json::Value;
use super::shape::text;
use super::{Carrier, Category, Conversation, Dialect, Message, Probe, Role, Session};
use crate::evidence::Code;
use crate::text::printable;

/// The dialect.
pub(super) struct XmrigApi;

impl Dialect for XmrigApi {
    fn id(&self) -> &'static str {
        "xmrig-api"
    }

    fn carried_by(&self, carrier: Carrier) -> bool {
        carrier == Carrier::Http
    }

    fn category(&self) -> Category {
        Category::Inventory
    }

    fn miner_opens(&self) -> bool {
        false
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        if let Some(http) = m.http.filter(|h| h.response) {
            let asked = http.answers.as_deref().map_or(Some(Page::Settings), Page::of);
            return match asked.and(answer(m.rpc.root)) {
                Some(_) => Probe::Certain(Role::Miner),
                None => Probe::Neutral,
            };
        }
        match path(m).and_then(Page::of) {
            Some(Page::Rig) => Probe::Unsure(Role::Pool, 3),
            Some(Page::Settings) => Probe::Unsure(Role::Pool, 1),
            None => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::new(State)
    }
}

/// A page of the interface.
#[derive(Clone, Copy)]
enum Page {
    /// Nobody else has one of that name.
    Rig,
    /// Others may.
    Settings,
}

impl Page {
    fn of(path: &str) -> Option<Self> {
        match path.split('?').next()? {
            "/1/summary" | "/2/summary" | "/2/backends" | "/1/threads" => Some(Self::Rig),
            "/1/config" | "/2/config" => Some(Self::Settings),
            _ => None,
        }
    }
}

/// Path of a request.
fn path<'a>(m: &Message<'a>) -> Option<&'a str> {
    m.http?.path.as_deref()
}

/// What kind of answer it is, by its keys.
fn answer(root: Value<'_>) -> Option<&'static str> {
    let has = |keys: &[&str]| keys.iter().all(|k| root.get(k).is_some());
    if has(&["worker_id", "hashrate", "connection"])
        && root.get("hashrate").is_some_and(|h| h.get("total").is_some_and(Value::is_array))
        && root.get("connection").is_some_and(|c| c.get("pool").is_some())
    {
        Some("summary")
    } else if has(&["donate-level", "pools"])
        && (has(&["randomx"]) || has(&["autosave", "cpu"]))
        && root.get("pools").is_some_and(Value::is_array)
    {
        Some("configuration")
    } else {
        None
    }
}

struct State;

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        if role == Role::Pool {
            if let Some(path) = path(m).filter(|p| p.starts_with("/1/") || p.starts_with("/2/")) {
                c.evidence.note(Code::RigAsked, at, || {
                    format!("somebody asked for {}, a page of XMRig's interface", printable(path, 40))
                });
            }
            return;
        }
        let root = m.rpc.root;
        let Some(kind) = answer(root) else { return };
        let first = || root.get("pools").and_then(|pools| text(pools.index(0)?.get("url")));
        let pool = root.get("connection").and_then(|v| text(v.get("pool"))).or_else(first);
        c.evidence.note(Code::RigAnswered, at, || {
            let pool = pool.as_deref().map(|p| format!(" (pool {})", printable(p, 60))).unwrap_or_default();
            format!("XMRig answered with its {kind}{pool}")
        });
        if let Some(pool) = pool {
            c.reported_pool(&pool);
        }
        if let Some(agent) = text(root.get("ua")) {
            c.agent(at, &agent);
        }
        if let Some(worker) = text(root.get("worker_id")) {
            c.worker(&worker);
        }
        if let Some(algorithm) = text(root.get("algo")) {
            c.algorithm(&algorithm);
        }
        let rate = root.get("hashrate").and_then(|h| h.get("total")?.index(0)?.as_f64());
        c.reported_hashrate = rate.filter(|r| *r > 0.0).or(c.reported_hashrate);
    }
}

#[cfg(test)]
mod tests;

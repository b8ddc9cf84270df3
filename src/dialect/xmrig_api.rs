//! `XMRig`'s management interface over HTTP.
//!
//! Source of the protocol facts: xmrig `doc/API.md`. In: HTTP messages. Out: inventory evidence: somebody asked
//! (`noted`), a rig answered (`suspected`). The paths are short and may be anybody's; the keys of the answer are not, but
//! any web server may hand out a configuration, or an example of one. So one answer alone says nothing: the page must
//! have been asked for by its path, or answers come again and again.

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
        if is_response(m) {
            return if answer(m.rpc.root).is_some() { Probe::Unsure(Role::Miner, 1) } else { Probe::Neutral };
        }
        match path(m) {
            Some("/1/summary" | "/2/summary" | "/2/backends" | "/1/threads") => Probe::Unsure(Role::Pool, 3),
            Some("/1/config" | "/2/config") => Probe::Unsure(Role::Pool, 1),
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::new(State)
    }
}

fn is_response(m: &Message<'_>) -> bool {
    m.http.is_some_and(|h| h.response)
}

/// Path of a request without its query.
fn path<'a>(m: &Message<'a>) -> Option<&'a str> {
    m.http?.path.as_deref()?.split('?').next()
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

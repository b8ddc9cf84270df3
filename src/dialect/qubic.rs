//! Qubic's qli client: known by the host and path of its WebSocket, and by an identity or token in its messages.
//!
//! Source of the protocol facts: the client's public documentation (host, path, token or payout identity). The messages
//! are not documented, so nothing here goes beyond `probable`. In: the upgrade request and WebSocket messages. Out: facts
//! and evidence.

use super::json::Value;
use super::shape::text;
use super::{Carrier, Conversation, Dialect, HttpMeta, Message, Probe, Role, Session};
use crate::wallet::{self, Coin};

/// The dialect.
pub(super) struct Qubic;

/// The pool's host for clients.
const HOST: &str = "wps.qubic.li";
/// Members of a message looked at.
const MAX_MEMBERS: usize = 32;

impl Dialect for Qubic {
    fn id(&self) -> &'static str {
        "qubic"
    }

    fn carried_by(&self, carrier: Carrier) -> bool {
        carrier != Carrier::Lines
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Qubic]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        if m.carrier == Carrier::Http && m.http.is_some_and(is_endpoint) {
            Probe::Unsure(Role::Miner, 2)
        } else {
            Probe::Neutral
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

fn is_endpoint(http: &HttpMeta) -> bool {
    let host = http.host.as_deref().and_then(|h| h.split(':').next()).unwrap_or_default();
    let path = http.path.as_deref().and_then(|p| p.split('?').next()).unwrap_or_default();
    !http.response
        && host.eq_ignore_ascii_case(HOST)
        && path.strip_prefix("/ws").is_some_and(|r| r.is_empty() || r.starts_with('/'))
}

/// A payout identity or a token that stands in the message, one level deep at the most.
fn credential(root: Value<'_>) -> Option<String> {
    let mut texts = root.members().take(MAX_MEMBERS).flat_map(|(_, v)| {
        let inner = v.members().take(MAX_MEMBERS).filter_map(|(_, v)| v.as_str());
        v.as_str().into_iter().chain(inner)
    });
    texts
        .find(|t| is_identity(t) || t.starts_with("eyJ"))
        .map(|t| if is_identity(&t) { t.into_owned() } else { String::new() })
}

fn is_identity(text: &str) -> bool {
    wallet::address(text).is_some_and(|w| w.coins == [Coin::Qubic])
}

#[derive(Default)]
struct State {
    asked: bool,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (m.carrier, role) {
            (Carrier::Http, Role::Miner) if m.http.is_some_and(is_endpoint) => {
                c.polled(at, "a WebSocket request to the Qubic pool's host");
                if let Some(agent) = m.http.and_then(|h| h.user_agent.as_deref()) {
                    c.agent(at, agent);
                }
            }
            (Carrier::WebSocket, Role::Miner) => {
                if let Some(identity) = credential(m.rpc.root) {
                    self.asked = true;
                    c.asked(at, "a Qubic identity or token");
                    c.login(at, &identity);
                    if let Some(alias) = text(m.rpc.root.get("alias")) {
                        c.worker(&alias);
                    }
                }
            }
            (Carrier::WebSocket, Role::Pool) if self.asked => c.replied(at, "answered a Qubic client"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{MINER, POOL, hear, hear_more, outcome, request};
    use super::*;
    use crate::evidence::Verdict;

    #[test]
    fn host_and_path_are_noted_an_identity_raises_it() {
        let upgrade = request(HOST, "/ws");
        let mut arbiter = hear(Carrier::Http, Some(&upgrade), &[(MINER, "{}")]);
        assert_eq!(outcome(&arbiter), (Some("qubic"), Some(Verdict::Noted)));
        let hello = format!(r#"{{"alias":"rig","qubicAddress":"{}"}}"#, "ABCDEF".repeat(10));
        hear_more(&mut arbiter, Carrier::WebSocket, Some(&upgrade), &[(MINER, &hello)]);
        assert_eq!(outcome(&arbiter).1, Some(Verdict::Suspected));
        hear_more(&mut arbiter, Carrier::WebSocket, Some(&upgrade), &[(POOL, "{}")]);
        assert_eq!(outcome(&arbiter).1, Some(Verdict::Probable));
    }

    #[test]
    fn the_same_words_elsewhere_are_nothing() {
        for (host, path) in [("qubic.li", "/ws"), (HOST, "/wsx"), (HOST, "/"), ("evilwps.qubic.li", "/ws")] {
            let upgrade = request(host, path);
            let mut arbiter = hear(Carrier::Http, Some(&upgrade), &[(MINER, "{}")]);
            let hello = format!(r#"{{"qubicAddress":"{}"}}"#, "ABCDEF".repeat(10));
            hear_more(&mut arbiter, Carrier::WebSocket, Some(&upgrade), &[(MINER, &hello), (POOL, "{}")]);
            assert_eq!(outcome(&arbiter), (None, None), "{host}{path}");
        }
    }
}

//! The part of a session that the HTTP work protocols share: headers, and which response answers which request.
//!
//! In: HTTP messages of a flow whose dialect is known. Out: facts and evidence. HTTP/1 answers in order, so requests
//! queue; the JSON id finds the place again after a loss (cgminer sends 0 for all, then order alone has to do).

use std::collections::VecDeque;

use super::json::Value;
use super::requests::key_of;
use super::shape::{error_text, is_unknown_method, says_yes};
use super::{Conversation, Message, What};
use crate::evidence::Code;

/// Requests in flight of an HTTP work session.
#[derive(Default)]
pub(super) struct Work {
    open: VecDeque<(Option<u64>, What)>,
}

impl Work {
    /// Pipelined requests kept; miners send one, or one and a long poll.
    const CAP: usize = 32;

    /// A miner's headers or user agent, or its server's headers with work.
    pub(super) fn is_miner(m: &Message<'_>) -> bool {
        let work = ["previousblockhash", "blocktemplate_blob", "data"];
        m.http.is_some_and(|h| {
            let known = h.user_agent.as_deref().is_some_and(super::program::mines);
            // Other servers have fields of these names too; with work they are a pool's.
            let marked = !h.response || work.iter().any(|key| m.rpc.result.is_some_and(|r| r.get(key).is_some()));
            known || (h.mining_header.is_some() && marked)
        })
    }

    /// What the headers tell.
    pub(super) fn headers(m: &Message<'_>, c: &mut Conversation) {
        let Some(h) = m.http else { return };
        // A server's fields mean something in answer to a miner only.
        if let Some(name) = h.mining_header.filter(|_| !h.response || c.evidence.has(Code::ClientRequest)) {
            let who = if h.response { "response" } else { "request" };
            c.evidence.note(Code::MiningHeaders, m.stamp, || format!("the HTTP {who} carries {name}"));
        }
        if let Some(user) = &h.user {
            c.login(m.stamp, user);
        }
        if let Some(ua) = &h.user_agent {
            c.agent(m.stamp, ua);
        }
    }

    /// A request was sent.
    pub(super) fn sent(&mut self, m: &Message<'_>, what: What) {
        if self.open.len() >= Self::CAP {
            self.open.pop_front();
        }
        self.open.push_back((key(m), what));
    }

    /// A response arrived: what it answers. Call it for every response, or the queue gets out of step.
    pub(super) fn answered(&mut self, m: &Message<'_>) -> Option<What> {
        let id = key(m);
        // A request whose response was lost stays behind: whoever answers a later one has answered it.
        let at = id.and_then(|_| self.open.iter().position(|(k, _)| *k == id)).unwrap_or(0);
        self.open.drain(..at.min(self.open.len()));
        self.open.pop_front().map(|(_, what)| what)
    }

    /// A response that is no work.
    pub(super) fn reply(answered: Option<What>, m: &Message<'_>, c: &mut Conversation) {
        // A response without JSON (an error page, a login form) is no answer in the protocol.
        if m.rpc.result.is_none() && m.rpc.error.is_none() {
            return;
        }
        let refused = m.rpc.failure().is_some() || m.rpc.result.is_some_and(|r| r.as_bool() == Some(false));
        // submitblock answers null, or the reason for the refusal (BIP 22).
        let reason = m.rpc.result.and_then(Value::as_str);
        match answered {
            Some(What::Submit { .. }) if let Some(reason) = &reason => {
                c.rejected(m.stamp, crate::text::printable(reason.as_ref(), 80).as_ref());
            }
            Some(What::Submit { .. }) if refused && (is_rpc_error(m) || m.rpc.failure().is_none()) => {
                c.rejected(m.stamp, &error_text(m.rpc.error));
            }
            // Any interface over HTTP answers in JSON; these answer as node software does.
            Some(What::Submit { work }) if m.rpc.result.is_some_and(|r| says_yes(r) || r.is_null()) => {
                c.accepted(m.stamp, work);
            }
            Some(_) if refused && is_rpc_error(m) => {
                c.replied(m.stamp, &format!("refused the request ({})", error_text(m.rpc.error)));
            }
            Some(What::Other) if m.rpc.result.is_some_and(|r| r.as_bool().is_some()) => {
                c.replied(m.stamp, "answered the request");
            }
            Some(_) | None => {}
        }
    }
}

/// An error as JSON-RPC writes it, with a code, and not one about an unknown method.
fn is_rpc_error(m: &Message<'_>) -> bool {
    let coded = |e: Value<'_>| e.get("code").or_else(|| e.index(0)).is_some_and(|code| code.as_i64().is_some());
    m.rpc.error.is_some_and(coded) && !is_unknown_method(m.rpc.error)
}

fn key(m: &Message<'_>) -> Option<u64> {
    m.rpc.id.and_then(key_of)
}

//! The part of a session that all `mining.*` dialects share: subscribe, authorize, and who answers what.
//!
//! In: messages of a flow whose dialect is known. Out: facts and evidence. What makes a job, a share or a difficulty
//! stays with the dialect.

use super::shape::{error_text, is_unknown_method, says_yes, text};
use super::{Conversation, Message, Requests, What};
use crate::evidence::Code;

/// Requests in flight of a `mining.*` session.
#[derive(Default)]
pub(super) struct Stratum {
    requests: Requests,
}

impl Stratum {
    /// A request has an id, or nobody could answer it: without, it is a record about one. Named parameters are those of
    /// EIP-1571's hello only.
    pub(super) fn is_request(m: &Message<'_>) -> bool {
        m.rpc.id.is_some() && (m.method() == Some("mining.hello") || m.rpc.params.is_none_or(|p| !p.is_object()))
    }

    /// A request of the miner other than a share.
    pub(super) fn request(&mut self, m: &Message<'_>, c: &mut Conversation) {
        if !Self::is_request(m) {
            return;
        }
        let at = m.stamp;
        let Some(method) = m.method().filter(|n| n.starts_with("mining.")) else {
            self.requests.sent(m.rpc.id, What::Foreign);
            return;
        };
        if method == "mining.submit" {
            return;
        }
        c.asked(at, name(method));
        let what = match method {
            "mining.subscribe" => {
                if let Some(agent) = text(m.param(0)) {
                    c.agent(at, &agent);
                }
                What::Subscribe
            }
            "mining.authorize" | "mining.auth" => {
                if let Some(user) = text(m.param(0)) {
                    c.login(at, &user);
                }
                if let Some(pass) = text(m.param(1)) {
                    c.password(&pass);
                }
                What::Login
            }
            "mining.configure" => {
                if let Some(v) = m.param(1).and_then(|o| text(o.get("info.sw-version"))) {
                    c.agent(at, &v);
                }
                What::Subscribe
            }
            _ => What::Other,
        };
        self.requests.sent(m.rpc.id, what);
    }

    /// A request that the dialect has read itself.
    pub(super) fn sent(&mut self, m: &Message<'_>, what: What) {
        self.requests.sent(m.rpc.id, what);
    }

    /// A share: user first, then the job it is for.
    pub(super) fn submit(&mut self, m: &Message<'_>, c: &mut Conversation) {
        if let Some(user) = text(m.param(0)) {
            c.login(m.stamp, &user);
        }
        let job = text(m.param(1));
        self.share(m, job.as_deref(), c);
    }

    /// A share for a job.
    pub(super) fn share(&mut self, m: &Message<'_>, job: Option<&str>, c: &mut Conversation) {
        let work = c.submitted(m.stamp, job);
        c.asked(m.stamp, "mining.submit");
        self.requests.sent(m.rpc.id, What::Submit { work });
    }

    /// A push of the pool that is neither job nor difficulty.
    pub(super) fn push(m: &Message<'_>, c: &mut Conversation) {
        // Any server may have a namespace for its clients.
        let known = c.evidence.has(Code::ClientRequest) || c.evidence.has(Code::JobDelivered);
        if m.method().is_some_and(|n| n.starts_with("mining.set") || (known && n.starts_with("client."))) {
            c.replied(m.stamp, "pushed a stratum message");
        }
    }

    /// A reply of the pool.
    pub(super) fn reply(&mut self, m: &Message<'_>, c: &mut Conversation) {
        self.answer(m, m.rpc.result.is_none_or(|r| r.as_bool() == Some(false)), c);
    }

    /// A reply of the pool, where the dialect knows what a refusal without an error looks like.
    pub(super) fn answer(&mut self, m: &Message<'_>, refused: bool, c: &mut Conversation) {
        let at = m.stamp;
        let refused = refused || m.rpc.failure().is_some();
        let answered = self.requests.answered(m.rpc.id);
        if is_unknown_method(m.rpc.error) {
            return;
        }
        match answered {
            Some(What::Submit { .. }) if refused => c.rejected(at, &error_text(m.rpc.error)),
            // A server of something else answers with something else.
            Some(What::Submit { work }) if m.rpc.result.is_some_and(|r| says_yes(r.index(0).unwrap_or(r))) => {
                c.accepted(at, work);
            }
            Some(What::Submit { .. } | What::Foreign) => {}
            Some(_) if refused => {
                c.replied(at, &format!("refused the request ({})", error_text(m.rpc.error)));
            }
            Some(_) => c.replied(at, "answered the request"),
            None => {}
        }
    }
}

fn name(method: &str) -> &str {
    match method {
        "mining.subscribe" | "mining.authorize" | "mining.configure" => method,
        _ => "a stratum request",
    }
}

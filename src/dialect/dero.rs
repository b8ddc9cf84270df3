//! DERO getwork over WebSocket: the wallet stands in the path, the node pushes jobs twice a second, answers are counters
//! in the jobs.
//!
//! Source of the protocol facts: `deroproject/derohe` `GetBlockTemplate_Result`, `SubmitBlock_Params` and miner. In: the
//! upgrade request and WebSocket messages. Out: facts and evidence.

use super::json::Value;
use super::requests::InOrder;
use super::shape::{is_hex, text, word};
use super::{Carrier, Conversation, Dialect, HttpMeta, Message, Probe, Role, Session};
use crate::wallet::{self, Checksum, Coin};

/// The dialect.
pub(super) struct Dero;

/// Digits of a miniblock: 48 bytes.
const MINIBLOCK: usize = 96;
/// Shares that one push may answer. Two pushes a second leave little to answer; a node that lies is not believed.
const MAX_ANSWERED: u64 = 32;

impl Dialect for Dero {
    fn id(&self) -> &'static str {
        "dero"
    }

    fn carried_by(&self, carrier: Carrier) -> bool {
        carrier != Carrier::Lines
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Dero]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        if m.carrier == Carrier::Http {
            return match m.http.and_then(login) {
                Some((_, Checksum::Valid)) => Probe::Unsure(Role::Miner, 4),
                Some(_) => Probe::Unsure(Role::Miner, 2),
                None => Probe::Neutral,
            };
        }
        if m.rpc.method.is_some() {
            return Probe::NotForUs;
        }
        if is_job(m) {
            Probe::Certain(Role::Pool)
        } else if is_share(m) {
            Probe::Certain(Role::Miner)
        } else {
            Probe::Neutral
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

/// The wallet (with what follows it) of `/ws/WALLET`.
fn login(http: &HttpMeta) -> Option<(&str, Checksum)> {
    let rest = http.path.as_deref()?.strip_prefix("/ws/")?;
    let login = rest.split(['?', '/']).next()?;
    let wallet = wallet::recognise(login).wallet.filter(|w| w.coins == [Coin::Dero])?;
    Some((login, wallet.checksum))
}

fn member<'a>(m: &Message<'a>, key: &str) -> Option<Value<'a>> {
    m.rpc.root.get(key)
}

fn is_job(m: &Message<'_>) -> bool {
    text(member(m, "jobid")).is_some() && is_hex(member(m, "blockhashing_blob"), MINIBLOCK) && difficulty(m).is_some()
}

fn is_share(m: &Message<'_>) -> bool {
    text(member(m, "jobid")).is_some() && is_hex(member(m, "mbl_blob"), MINIBLOCK)
}

/// A number, and the same as text for readers that cannot hold it.
fn difficulty(m: &Message<'_>) -> Option<f64> {
    let number = member(m, "difficultyuint64").and_then(Value::as_f64);
    number.or_else(|| word(member(m, "difficulty"))?.parse().ok()).filter(|d: &f64| d.is_finite() && *d > 0.0)
}

#[derive(Default)]
struct State {
    shares: InOrder,
    /// Accepted and rejected so far, as the last push said.
    told: Option<(u64, u64)>,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        // The path is the miner's, whoever sends what over the socket that it opened.
        if let Some((login, checksum)) = m.http.filter(|h| !h.response).and_then(login)
            && c.login.is_none()
        {
            if checksum == Checksum::Valid {
                c.asked(at, "a WebSocket request with a wallet for its path");
            } else {
                c.polled(at, "a WebSocket request with a wallet for its path");
            }
            c.login(at, login);
        }
        match role {
            Role::Miner if is_share(m) => {
                let job = text(member(m, "jobid"));
                let work = c.submitted(at, job.as_deref());
                c.asked(at, "a DERO miniblock");
                self.shares.sent(work);
            }
            Role::Pool if is_job(m) => self.job(m, c),
            _ => {}
        }
    }
}

impl State {
    fn job(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        c.replied(at, "pushed a DERO job");
        self.counted(m, c);
        if let Some(d) = difficulty(m) {
            c.difficulty(at, d, d);
        }
        let id = text(member(m, "jobid"));
        c.job(at, id.as_deref(), member(m, "height").and_then(Value::as_u64), "a DERO job");
    }

    /// What became of the shares since the last push.
    fn counted(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let count = |key| member(m, key).and_then(Value::as_u64).unwrap_or(0);
        let now = (count("blocks").saturating_add(count("miniblocks")), count("rejected"));
        let Some((accepted, rejected)) = self.told.replace(now) else { return };
        for _ in 0..now.0.saturating_sub(accepted).min(MAX_ANSWERED) {
            // The counters may be another connection's as well: only what was sent here is answered here.
            let Some(work) = self.shares.answered() else { return };
            c.accepted(m.stamp, work);
        }
        for _ in 0..now.1.saturating_sub(rejected).min(MAX_ANSWERED) {
            if self.shares.answered().is_none() {
                return;
            }
            let why = text(member(m, "lasterror")).unwrap_or_default();
            c.rejected(m.stamp, &crate::text::printable(&*why, 80));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{MINER, POOL, hear, hear_more, outcome, probe_over, request};
    use super::*;
    use crate::evidence::Verdict;

    /// A counted-up payload with its checksum.
    fn wallet() -> String {
        let payload: Vec<u8> = (0..34).collect();
        bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("dero").unwrap(), &payload).unwrap()
    }

    fn push(miniblocks: u32) -> String {
        format!(
            r#"{{"jobid":"1.0.0","blockhashing_blob":"{}","difficulty":"9","difficultyuint64":9000,"height":4,"blocks":0,"miniblocks":{miniblocks},"rejected":0,"lasterror":""}}"#,
            "0d".repeat(48)
        )
    }

    #[test]
    fn the_path_names_the_miner_and_pushes_answer_shares() {
        let upgrade = request("n.example:10100", &format!("/ws/{}", wallet()));
        let mut arbiter = hear(Carrier::Http, Some(&upgrade), &[(MINER, "{}")]);
        assert_eq!(outcome(&arbiter), (Some("dero"), Some(Verdict::Probable)));
        let share = format!(r#"{{"jobid":"1.0.0","mbl_blob":"{}"}}"#, "0e".repeat(48));
        let talk = [(POOL, &*push(0)), (MINER, &share), (MINER, &share), (POOL, &push(2))];
        hear_more(&mut arbiter, Carrier::WebSocket, Some(&upgrade), &talk);
        assert_eq!(outcome(&arbiter), (Some("dero"), Some(Verdict::Confirmed)));
        let c = arbiter.conversation().unwrap();
        assert_eq!((c.login.clone(), c.shares.accepted, c.work), (Some(wallet()), 2, 18_000.0));
    }

    #[test]
    fn other_paths_and_messages_are_not_it() {
        for path in ["/ws", "/ws/room-5", "/ws/dero1", "/wallet"] {
            let http = request("h.example", path);
            assert_eq!(probe_over(&Dero, Carrier::Http, Some(&http), "{}"), Probe::Neutral, "{path}");
        }
        let text = r#"{"jobid":"5","blockhashing_blob":"00","difficulty":"1"}"#;
        assert_eq!(probe_over(&Dero, Carrier::WebSocket, None, text), Probe::Neutral);
    }
}

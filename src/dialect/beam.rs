//! Beam stratum: all members at the top level, no `params`; `login` with an API key, `job` with `input`, `solution`.
//!
//! Source of the protocol facts: `BeamMW/beam` `stratum.h` and `difficulty.h`; miningcore's Beam classes. In: JSON lines
//! (usually inside TLS). Out: facts and evidence.

use super::json::Value;
use super::requests::InOrder;
use super::shape::{is_hex, text, word};
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::Coin;

/// The dialect.
pub(super) struct Beam;

impl Dialect for Beam {
    fn id(&self) -> &'static str {
        "beam"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Beam]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else { return Probe::Neutral };
        if m.rpc.params.is_some() || m.rpc.result.is_some() {
            return Probe::NotForUs;
        }
        match method {
            "login" if text(member(m, "api_key")).is_some() => {
                Probe::Unsure(Role::Miner, if text(m.rpc.id).as_deref() == Some("login") { 4 } else { 2 })
            }
            "job" if is_job(m) => Probe::Certain(Role::Pool),
            "solution" if is_solution(m) => Probe::Certain(Role::Miner),
            "result" if code(m).is_some() && text(member(m, "description")).is_some() => {
                Probe::Unsure(Role::Pool, if member(m, "nonceprefix").is_some() { 4 } else { 2 })
            }
            "cancel" if text(m.rpc.id).is_some() => Probe::Unsure(Role::Pool, 1),
            _ => Probe::NotForUs,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

fn member<'a>(m: &Message<'a>, key: &str) -> Option<Value<'a>> {
    m.rpc.root.get(key)
}

fn code(m: &Message<'_>) -> Option<i64> {
    member(m, "code")?.as_i64()
}

/// A hash to work on and a packed difficulty; for a number or, where a relay takes that away, of a height.
fn is_job(m: &Message<'_>) -> bool {
    is_hex(member(m, "input"), 64)
        && member(m, "difficulty").is_some_and(|d| d.as_u64().is_some())
        && (word(m.rpc.id).is_some() || member(m, "height").is_some_and(|h| h.as_u64().is_some()))
}

/// A nonce of 8 bytes and a `BeamHash` solution of 104.
fn is_solution(m: &Message<'_>) -> bool {
    is_hex(member(m, "nonce"), 16) && is_hex(member(m, "output"), 208)
}

/// A share difficulty as it is packed: an exponent of 8 bits and a mantissa of 24 with its first bit left out.
fn unpack(packed: u64) -> Option<f64> {
    let packed = u32::try_from(packed).ok()?;
    let exponent = i32::try_from(packed >> 24).ok()?;
    let mantissa = f64::from((packed & 0x00ff_ffff) | 0x0100_0000);
    Some(mantissa * 2f64.powi(exponent - 24))
}

/// An address: base 58 or hexadecimal, some 60 characters. A pool's API key is shorter.
fn is_address(key: &str) -> bool {
    let address = key.split(['.', '/']).next().unwrap_or_default();
    address.len() >= 60 && address.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[derive(Default)]
struct State {
    /// Answers name the job, not the share.
    shares: InOrder,
}

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        match (role, m.method()) {
            (Role::Miner, Some("login")) => {
                let Some(key) = text(member(m, "api_key")) else { return };
                if is_address(&key) {
                    c.asked(at, "a Beam login");
                } else {
                    c.polled(at, "a Beam login");
                }
                let (login, worker) = key.split_once('.').unwrap_or((&key, ""));
                c.login(at, login);
                c.worker(worker);
                if let Some(agent) = text(member(m, "agent")) {
                    c.agent(at, &agent);
                }
            }
            (Role::Miner, Some("solution")) if is_solution(m) => {
                let job = word(m.rpc.id);
                let work = c.submitted(at, job.as_deref());
                c.asked(at, "a Beam solution");
                self.shares.sent(work);
            }
            (Role::Pool, Some("job")) if is_job(m) => {
                if let Some(d) = member(m, "difficulty").and_then(Value::as_u64).and_then(unpack) {
                    c.difficulty(at, d, d);
                }
                let id = word(m.rpc.id);
                c.replied(at, "pushed a Beam job");
                c.job(at, id.as_deref(), member(m, "height").and_then(Value::as_u64), "a Beam job");
            }
            (Role::Pool, Some("result")) => self.result(m, c),
            _ => {}
        }
    }
}

impl State {
    /// 0: logged in; 1: accepted; 2 and 3: rejected, too late; -32003: login refused.
    fn result(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        let Some(code) = code(m) else { return };
        let description = text(member(m, "description")).unwrap_or_default();
        let description = crate::text::printable(&*description, 80);
        match code {
            0 => c.replied_too(at, &format!("answered the login ({description})")),
            1..=3 => match self.shares.answered() {
                Some(work) if code == 1 => c.accepted(at, work),
                Some(_) => c.rejected(at, &description),
                None => c.replied_too(at, &format!("answered a solution ({description})")),
            },
            _ => c.replied_too(at, &format!("refused the request ({description})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{MINER, POOL, lines, probe};
    use super::*;
    use crate::evidence::Verdict;

    #[test]
    fn packed_difficulty_is_a_float() {
        assert!((unpack(0x0100_0000).unwrap() - 2.0).abs() < 1e-9);
        assert!((unpack(0x0940_0000).unwrap() - 640.0).abs() < 1e-9);
        assert_eq!(unpack(u64::MAX), None);
    }

    #[test]
    fn a_key_of_any_service_becomes_a_miners_when_work_comes() {
        let login = r#"{"method":"login","api_key":"k-0815","id":"login","jsonrpc":"2.0"}"#;
        let answer = r#"{"method":"result","id":"login","code":0,"description":"ok"}"#;
        let job = format!(r#"{{"method":"job","id":"42","input":"{}","difficulty":155232350}}"#, "ab".repeat(32));
        assert_eq!(lines(&[(MINER, login), (POOL, answer)]), (Some("beam"), Some(Verdict::Noted)));
        let heard = lines(&[(MINER, login), (POOL, answer), (POOL, &job)]);
        assert_eq!(heard, (Some("beam"), Some(Verdict::Confirmed)));
    }

    #[test]
    fn jobs_and_answers_without_a_number_are_read_in_order() {
        use super::super::Carrier;
        use super::super::trial::hear;
        let login = r#"{"method":"login","api_key":"k","jsonrpc":"2.0"}"#;
        let job = format!(r#"{{"method":"job","input":"{}","difficulty":155232350,"height":7}}"#, "ab".repeat(32));
        let share = format!(r#"{{"method":"solution","nonce":"{}","output":"{}"}}"#, "0a".repeat(8), "0b".repeat(104));
        let taken = r#"{"method":"result","code":1,"description":"accepted"}"#;
        let late = r#"{"method":"result","code":3,"description":"expired"}"#;
        let talk = [(MINER, login), (POOL, &*job), (MINER, &*share), (MINER, &*share), (POOL, taken), (POOL, late)];
        let arbiter = hear(Carrier::Lines, None, &[&talk[..], &[(POOL, taken)]].concat());
        let c = arbiter.conversation().unwrap();
        assert_eq!((c.jobs, c.shares.submitted, c.shares.accepted, c.shares.rejected), (1, 2, 1, 1));
    }

    #[test]
    fn a_result_alone_is_anybodys() {
        for code in [0, 1, 2] {
            let text = format!(r#"{{"method":"result","id":"4","code":{code},"description":"done"}}"#);
            assert_eq!(lines(&[(POOL, &text), (POOL, &text)]).1, None);
        }
    }

    #[test]
    fn shapes_are_those_of_beam() {
        let share = |n| {
            format!(r#"{{"method":"solution","id":"4","nonce":"{}","output":"{}"}}"#, "0a".repeat(8), "0b".repeat(n))
        };
        assert_eq!(probe(&Beam, &share(104)), Probe::Certain(Role::Miner));
        assert_eq!(probe(&Beam, &share(100)), Probe::NotForUs);
        assert_eq!(probe(&Beam, r#"{"method":"job","id":1,"params":{"input":"x"}}"#), Probe::NotForUs);
        assert_eq!(probe(&Beam, r#"{"method":"login","params":["x"]}"#), Probe::NotForUs);
    }
}

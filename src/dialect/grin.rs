//! Grin and Epic stratum: `login`, `getjobtemplate`, `job` with `pre_pow`, `submit` with a proof of integers.
//!
//! Source of the protocol facts: `mimblewimble/grin` stratum RPC document and `stratumserver.rs`; `EpicCash/epic`
//! `doc/stratum.md`. `CryptoNote` says `login`, `job` and `submit` as well; what tells them apart are string ids, replies
//! that repeat the method, and the shapes of job and share. In: JSON lines. Out: facts and evidence.

use super::json::{Rpc, Value};
use super::requests::InOrder;
use super::shape::{error_text, hex_len, text, word};
use super::{Conversation, Dialect, Message, Probe, Role, Session};
use crate::wallet::Coin;

/// The dialect.
pub(super) struct Grin;

impl Dialect for Grin {
    fn id(&self) -> &'static str {
        "grin"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Grin, Coin::Epic]
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        let Some(method) = m.method() else {
            return match m.rpc.result {
                Some(r) if is_job(Some(r)) => Probe::Certain(Role::Pool),
                _ => Probe::Neutral,
            };
        };
        if is_reply(m.rpc) {
            return probe_reply(method, m.rpc);
        }
        match method {
            "login" => probe_login(m),
            "job" if is_job(m.rpc.params) => Probe::Certain(Role::Pool),
            "submit" if is_submit(m) => Probe::Certain(Role::Miner),
            "getjobtemplate" if no_params(m) => Probe::Unsure(Role::Miner, 4),
            "keepalive" | "status" if no_params(m) && has_string_id(m) => Probe::Unsure(Role::Miner, 1),
            "job" | "submit" | "keepalived" | "getjob" => Probe::NotForUs,
            _ if method.starts_with("mining.") || method.contains('_') => Probe::NotForUs,
            _ => Probe::Neutral,
        }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::<State>::default()
    }
}

fn has_string_id(m: &Message<'_>) -> bool {
    text(m.rpc.id).is_some()
}

fn no_params(m: &Message<'_>) -> bool {
    m.rpc.params.is_none_or(|p| p.is_null() || p.is_empty())
}

/// Replies carry the method of their request.
fn is_reply(rpc: &Rpc<'_>) -> bool {
    rpc.params.is_none() && (rpc.result.is_some() || rpc.failure().is_some())
}

/// All three members, and an id that is a string. The agent decides, where it names such a miner.
fn probe_login(m: &Message<'_>) -> Probe {
    let whole = ["login", "pass"].iter().all(|key| text(m.named(key)).is_some());
    match (whole && has_string_id(m), is_cuckoo_agent(m)) {
        (true, true) => Probe::Unsure(Role::Miner, 5),
        (true, false) => Probe::Unsure(Role::Miner, 3),
        (false, _) => Probe::NotForUs,
    }
}

fn is_cuckoo_agent(m: &Message<'_>) -> bool {
    text(m.named("agent")).is_some_and(|a| {
        let a = a.to_ascii_lowercase();
        ["grin", "epic-miner", "epicminer"].iter().any(|name| a.contains(name))
    })
}

fn probe_reply(method: &str, rpc: &Rpc<'_>) -> Probe {
    if is_job(rpc.result) {
        return Probe::Certain(Role::Pool);
    }
    let known = matches!(method, "login" | "getjobtemplate" | "submit" | "keepalive" | "status");
    let fits = match text(rpc.result) {
        Some(result) => result == "ok" || result.starts_with("blockfound - "),
        None => rpc.failure().and_then(|e| e.get("code")).and_then(Value::as_i64).is_some_and(is_code),
    };
    match (known, fits) {
        (true, true) => Probe::Unsure(Role::Pool, 4),
        (true, false) => Probe::Neutral,
        (false, _) => Probe::NotForUs,
    }
}

/// Login first, low difficulty, bad proof, too late, syncing (also the documented but unused -32701).
fn is_code(code: i64) -> bool {
    matches!(code, -32_503..=-32_500 | -32_000 | -32_701)
}

/// A header without its proof (some 230 bytes), with number and height.
fn is_job(v: Option<Value<'_>>) -> bool {
    v.is_some_and(|job| {
        hex_len(job.get("pre_pow")).is_some_and(|n| n >= 200)
            && word(job.get("job_id")).is_some()
            && job.get("height").is_some_and(|h| h.as_u64().is_some())
    })
}

/// A cycle of 32 or 42 edges in Grin, an object by algorithm in Epic.
fn is_submit(m: &Message<'_>) -> bool {
    let pow = m.named("pow");
    let cycle = pow.and_then(Value::as_array).is_some_and(|edges| {
        let mut n = 0;
        edges.inspect(|_| n += 1).all(|e| e.as_u64().is_some()) && matches!(n, 32 | 42)
    });
    let other = pow.is_some_and(|p| p.is_object() && !p.is_empty());
    let edge_bits = m.named("edge_bits").and_then(Value::as_u64).is_some_and(|bits| (19..=40).contains(&bits));
    ((cycle && edge_bits) || other)
        && m.named("nonce").is_some_and(|n| n.as_number_text().is_some())
        && word(m.named("job_id")).is_some()
        && m.named("height").is_some_and(|h| h.as_u64().is_some())
}

#[derive(Default)]
struct State {
    shares: InOrder,
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
                if is_cuckoo_agent(m) {
                    c.asked(at, "a Grin login");
                } else {
                    c.polled(at, "a Grin login");
                }
                if let Some(login) = text(m.named("login")) {
                    c.login(at, &login);
                }
                if let Some(pass) = text(m.named("pass")) {
                    c.password(&pass);
                }
                if let Some(agent) = text(m.named("agent")) {
                    c.agent(at, &agent);
                }
            }
            // Schedulers have templates of jobs as well.
            Some("getjobtemplate") => c.polled(at, "getjobtemplate"),
            Some("submit") if is_submit(m) => {
                if let Some(bits) = m.named("edge_bits").and_then(Value::as_u64) {
                    c.algorithm(&format!("cuckoo/{bits}"));
                    // Grin's only size since its last fork; relatives of it use 31.
                    if bits == 32 {
                        c.coin = Some((Coin::Grin, "algorithm"));
                    }
                }
                for name in m.named("pow").into_iter().flat_map(Value::keys).take(1) {
                    c.algorithm(&name.to_ascii_lowercase());
                    c.coin = Some((Coin::Epic, "algorithm"));
                }
                let job = word(m.named("job_id"));
                let work = c.submitted(at, job.as_deref());
                c.asked(at, "a share with a proof by cycle or hash");
                self.shares.sent(work);
            }
            Some("keepalive" | "status") => c.polled(at, "a Grin keepalive or status request"),
            _ => {}
        }
    }

    fn pool(&mut self, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        if let Some(job) = [m.rpc.params, m.rpc.result].into_iter().flatten().find(|v| is_job(Some(*v))) {
            c.replied(at, "delivered a Grin job");
            read_job(job, m, c);
            return;
        }
        if !is_reply(m.rpc) {
            return;
        }
        let submit = m.method() == Some("submit");
        // An answer to a share that was not seen counts none: any server may say so.
        let share = if submit { self.shares.answered() } else { None };
        match (submit, share, m.rpc.failure()) {
            (true, None, _) => {}
            (true, Some(_), Some(_)) => c.rejected(at, &error_text(m.rpc.error)),
            (true, Some(work), None) => c.accepted(at, work),
            (false, _, Some(_)) => c.replied_too(at, &format!("refused the request ({})", error_text(m.rpc.error))),
            (false, _, None) => c.replied_too(at, "answered the request, repeating its method"),
        }
    }
}

fn read_job(job: Value<'_>, m: &Message<'_>, c: &mut Conversation) {
    // What a difficulty stands for depends on the size of the graph, which the job does not say.
    if let Some(d) = job.get("difficulty").and_then(Value::as_f64) {
        c.difficulty_alone(m.stamp, d);
    }
    if let Some(algorithm) = text(job.get("algorithm")) {
        c.algorithm(&algorithm);
        c.coin = Some((Coin::Epic, "algorithm"));
    }
    let id = word(job.get("job_id"));
    c.job(m.stamp, id.as_deref(), job.get("height").and_then(Value::as_u64), "a Grin job");
}

#[cfg(test)]
mod tests {
    use super::super::trial::{MINER, POOL, lines, probe};
    use super::*;
    use crate::evidence::Verdict;

    const LOGIN: &str =
        r#"{"id":"0","jsonrpc":"2.0","method":"login","params":{"login":"a","pass":"b","agent":"grin-miner"}}"#;
    const OK: &str = r#"{"id":"0","jsonrpc":"2.0","method":"login","result":"ok","error":null}"#;

    fn job() -> String {
        format!(
            r#"{{"id":"Stratum","jsonrpc":"2.0","method":"job","params":{{"difficulty":4,"height":9,"job_id":0,"pre_pow":"{}"}}}}"#,
            "0a".repeat(230)
        )
    }

    #[test]
    fn a_session_is_grin_not_cryptonote() {
        let ask = r#"{"id":"1","jsonrpc":"2.0","method":"getjobtemplate","params":null}"#;
        assert_eq!(lines(&[(MINER, LOGIN)]), (Some("grin"), Some(Verdict::Probable)));
        let heard = lines(&[(MINER, LOGIN), (POOL, OK), (MINER, ask), (POOL, &job())]);
        assert_eq!(heard, (Some("grin"), Some(Verdict::Confirmed)));
        assert_eq!(lines(&[(POOL, &job())]), (Some("grin"), Some(Verdict::Probable)));
    }

    #[test]
    fn an_unknown_agent_is_decided_by_the_reply() {
        let login = LOGIN.replace("grin-miner", "rig");
        let heard = lines(&[(MINER, &login), (POOL, OK), (POOL, &job())]);
        assert_eq!(heard, (Some("grin"), Some(Verdict::Confirmed)));
    }

    #[test]
    fn shares_have_a_proof_of_known_length() {
        let share = |pow: &str| {
            format!(
                r#"{{"id":"0","method":"submit","params":{{"edge_bits":32,"height":1,"job_id":3,"nonce":18446744073709551615,"pow":{pow}}}}}"#
            )
        };
        let cycle = format!("[{}]", ["7"; 42].join(","));
        assert_eq!(probe(&Grin, &share(&cycle)), Probe::Certain(Role::Miner));
        assert_eq!(probe(&Grin, &share("[1,2,3]")), Probe::NotForUs);
        assert_eq!(probe(&Grin, &share(r#"{"RandomX":{"hash":[1]}}"#)), Probe::Certain(Role::Miner));
    }

    #[test]
    fn an_answer_to_no_share_counts_none() {
        use super::super::Carrier;
        use super::super::trial::hear;
        let ok = r#"{"id":"0","jsonrpc":"2.0","method":"submit","result":"ok","error":null}"#;
        let arbiter = hear(Carrier::Lines, None, &[(MINER, LOGIN), (POOL, OK), (POOL, &job()), (POOL, ok), (POOL, ok)]);
        assert_eq!(arbiter.conversation().unwrap().shares.accepted, 0);
    }

    #[test]
    fn services_with_a_login_are_not_accused() {
        let login = r#"{"id":"7","method":"login","params":{"login":"bob","pass":"secret"}}"#;
        let ok = r#"{"id":"7","method":"login","result":"ok"}"#;
        assert!(lines(&[(MINER, login), (POOL, ok)]).1 <= Some(Verdict::Noted));
        let submit = r#"{"id":"7","method":"submit","result":"ok"}"#;
        assert_eq!(lines(&[(POOL, ok), (POOL, submit), (POOL, submit)]).1, None);
        let template = r#"{"id":"7","method":"getjobtemplate","params":null}"#;
        assert_eq!(lines(&[(MINER, template), (POOL, ok)]).1, Some(Verdict::Noted));
        assert_eq!(probe(&Grin, r#"{"id":"7","method":"status","result":{"cpu":1}}"#), Probe::Neutral);
    }
}

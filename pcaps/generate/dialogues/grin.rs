//! Grin and Epic: string ids, replies that repeat the method, shares with a cycle of 42 edges.
//!
//! Message forms after the project's protocol notes, section 9 (D18).

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Truth, events, reply};
use super::super::rng::Rng;

const PACE: Pace = Pace { seconds: 1500, block: 60.0, refresh: None, share: 75.0, refuse: 7 };

/// grin-miner on an account: login, job asked for, jobs pushed, shares of 42 edges, status and keepalive.
pub fn grin(rng: &mut Rng, _: u8) -> Dialogue {
    let truth = Truth {
        dialect: "grin",
        coin: Some("GRIN"),
        login: Some("carol.rig3".to_owned()),
        agent: Some("grin-miner".to_owned()),
        ..Truth::default()
    };
    mine(rng, truth, false)
}

/// epic-miner: the job names its algorithm, the share has an object by algorithm.
pub fn epic(rng: &mut Rng, _: u8) -> Dialogue {
    let truth = Truth {
        dialect: "grin",
        coin: Some("EPIC"),
        login: Some("dave#cpu".to_owned()),
        agent: Some("epic-miner".to_owned()),
        ..Truth::default()
    };
    mine(rng, truth, true)
}

fn job(rng: &mut Rng, epic: bool, id: u64, height: u64) -> String {
    let pre_pow = rng.hex(238);
    if epic {
        format!(
            r#"{{"algorithm":"randomx","difficulty":[["cuckoo",1],["randomx",4000],["progpow",90000]],"epochs":[],"height":{height},"job_id":{id},"pre_pow":"{pre_pow}"}}"#
        )
    } else {
        format!(r#"{{"difficulty":4,"height":{height},"job_id":{id},"pre_pow":"{pre_pow}"}}"#)
    }
}

fn proof(rng: &mut Rng, epic: bool) -> String {
    if epic {
        let hash: Vec<String> = rng.bytes(32).iter().map(u8::to_string).collect();
        return format!(r#""pow":{{"RandomX":{{"hash":[{}]}}}}"#, hash.join(","));
    }
    let mut edges: Vec<u64> = (0..42).map(|_| rng.range(0, 1 << 32)).collect();
    edges.sort_unstable();
    let edges: Vec<String> = edges.iter().map(u64::to_string).collect();
    format!(r#""edge_bits":32,"pow":[{}]"#, edges.join(","))
}

fn mine(rng: &mut Rng, truth: Truth, epic: bool) -> Dialogue {
    let (login, agent) = (truth.login().to_owned(), truth.agent.clone().unwrap_or_default());
    let mut d = Dialogue::new(truth);
    let (mut id, mut height) = (0, 2_931_004);
    d.client(
        MILLI,
        format!(
            r#"{{"id":"0","jsonrpc":"2.0","method":"login","params":{{"login":"{login}","pass":"x","agent":"{agent}"}}}}"#
        ) + "\n",
    );
    let at = MILLI + reply(rng);
    d.server(at, "{\"id\":\"0\",\"jsonrpc\":\"2.0\",\"method\":\"login\",\"result\":\"ok\",\"error\":null}\n");
    d.client(at + 20 * MILLI, "{\"id\":\"0\",\"jsonrpc\":\"2.0\",\"method\":\"getjobtemplate\",\"params\":null}\n");
    let body = job(rng, epic, id, height);
    d.server(
        at + 20 * MILLI + reply(rng),
        format!(r#"{{"id":"0","jsonrpc":"2.0","method":"getjobtemplate","result":{body},"error":null}}"#) + "\n",
    );
    d.job();
    for (n, (at, event)) in events(rng, PACE).into_iter().enumerate() {
        if n % 9 == 4 {
            d.client(at - 350 * MILLI, "{\"id\":\"0\",\"jsonrpc\":\"2.0\",\"method\":\"status\",\"params\":null}\n");
            let (a, r) = (d.truth.accepted, d.truth.rejected);
            d.server(
                at - 250 * MILLI,
                format!(
                    r#"{{"id":"0","jsonrpc":"2.0","method":"status","result":{{"id":"0","height":{height},"difficulty":4,"accepted":{a},"rejected":{r},"stale":0}},"error":null}}"#
                ) + "\n",
            );
        }
        match event {
            Event::Job { clean } => {
                height += u64::from(clean);
                id = if clean { 0 } else { id + 1 };
                let body = job(rng, epic, id, height);
                d.server(at, format!(r#"{{"id":"Stratum","jsonrpc":"2.0","method":"job","params":{body}}}"#) + "\n");
                d.job();
            }
            Event::Share { ok } => {
                let (nonce, proof) = (rng.bits(), proof(rng, epic));
                d.client(
                    at,
                    format!(
                        r#"{{"id":"0","jsonrpc":"2.0","method":"submit","params":{{"height":{height},"job_id":{id},"nonce":{nonce},{proof}}}}}"#
                    ) + "\n",
                );
                let answer = if ok {
                    r#""result":"ok","error":null"#
                } else {
                    r#""error":{"code":-32503,"message":"Solution submitted too late"}"#
                };
                d.server(at + reply(rng), format!(r#"{{"id":"0","jsonrpc":"2.0","method":"submit",{answer}}}"#) + "\n");
                // What a share is worth depends on the graph: no rate is told.
                d.share(ok, 0.0);
            }
        }
    }
    let end = PACE.seconds * SECOND + 5 * SECOND;
    d.client(end, "{\"id\":\"0\",\"jsonrpc\":\"2.0\",\"method\":\"keepalive\",\"params\":null}\n");
    d.server(
        end + reply(rng),
        "{\"id\":\"0\",\"jsonrpc\":\"2.0\",\"method\":\"keepalive\",\"result\":\"ok\",\"error\":null}\n",
    );
    d.done()
}

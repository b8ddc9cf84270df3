//! What a user must get of a capture, leg by leg, and nothing else.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::stub::{CGMINER, USER, WALLET, XMRIG};
use crate::support::output::{Output, brief, ends};
use crate::support::{Failures, lists};
use crate::world::{Replay, at};

/// A connection that carried a session.
pub(crate) struct Leg {
    /// Who mines, as far as this leg shows. Port 0 stands for any.
    pub(crate) from: SocketAddr,
    /// The other end.
    pub(crate) to: SocketAddr,
    /// What the session was inside of, as the output has it.
    pub(crate) wrapped: Value,
    /// Members of the flow's line and their values.
    pub(crate) told: Value,
}

/// A leg without wrapping from a machine in the middle to the pool.
pub(crate) fn plain(dialect: &str, from: &str, to: SocketAddr) -> Leg {
    Leg { from: at(from, 0), to, wrapped: json!([]), told: session(dialect) }
}

/// What the stub miner of a dialect says of itself, and what became of its shares.
pub(crate) fn session(dialect: &str) -> Value {
    let (login, agent) = match dialect {
        "cryptonote" => (json!(WALLET), json!(XMRIG)),
        // Who it is, is under its encryption.
        "stratum-v2" => (Value::Null, Value::Null),
        _ => (json!(USER), json!(CGMINER)),
    };
    // Under encryption three shares are too few to convict: jobs that nobody asked for take minutes to come.
    let (verdict, shares) = match dialect {
        "stratum-v2" => ("probable", json!({"submitted": 0, "accepted": 0, "rejected": 0})),
        _ => ("confirmed", json!({"submitted": 3, "accepted": 2, "rejected": 1})),
    };
    json!({
        "dialect": dialect, "login": login, "agent": agent, "verdict": verdict, "handshake_verified": true,
        "shares": shares,
    })
}

/// Asserts that exactly these legs are reported, each as told, and exactly these endpoints blocked.
pub(crate) fn assert_told(replay: &Replay, legs: &[Leg], blocked: &[SocketAddr]) {
    let run = &replay.run;
    assert!(!run.hung, "{}", run.stderr);
    assert_eq!(run.code, Some(i32::from(!legs.is_empty())), "{}", run.stderr);
    let out = Output::parse(&run.stdout).unwrap();
    let mut wrong = Failures::default();
    for counter in ["reassembly_gaps", "frames_truncated", "malformed"] {
        if out.health()[counter] != 0 {
            wrong.differ("the capture", counter, &out.health()[counter], 0);
        }
    }
    let mut flows: Vec<&Value> = out.of("miner_flow").collect();
    for leg in legs {
        let name = format!("{} -> {}", leg.from, leg.to);
        // Of several sessions with one proxy the wrapping tells which.
        let found = flows.iter().position(|f| is_leg(leg, ends(f)) && wrapped(f) == leg.wrapped);
        let Some(i) = found.or_else(|| flows.iter().position(|f| is_leg(leg, ends(f)))) else {
            wrong.add(&name, "not found");
            continue;
        };
        let flow = flows.remove(i);
        let wrapped = wrapped(flow);
        if wrapped != leg.wrapped {
            wrong.differ(&name, "wrapped", wrapped, &leg.wrapped);
        }
        for (member, value) in leg.told.as_object().unwrap() {
            if flow[member] != *value {
                wrong.differ(&name, member, &flow[member], value);
            }
        }
        check_host(&name, &out, flow, &mut wrong);
    }
    for flow in flows {
        wrong.add(brief(flow), "nobody mined here");
    }
    let wanted: BTreeSet<String> = blocked.iter().map(ToString::to_string).collect();
    for (what, got) in
        [("said to be blocked", out.endpoints("blocked")), ("in the list", lists::nft(&replay.list).unwrap())]
    {
        if got != wanted {
            wrong.differ("endpoints", what, format!("{got:?}"), format!("{wanted:?}"));
        }
    }
    wrong.report();
}

/// The host of a flow is told as sure as the flow, with the pool by the name that was asked for.
fn check_host(name: &str, out: &Output, flow: &Value, wrong: &mut Failures) {
    let Some(host) = out.of("miner_host").find(|h| h["ip"] == flow["src_ip"]) else {
        return wrong.add(name, "its host is not reported");
    };
    if host["verdict"] != flow["verdict"] {
        wrong.differ(name, "verdict of its host", &host["verdict"], &flow["verdict"]);
    }
    let wraps = wrapped(flow);
    // The last proxy asked is the one that knows the pool.
    let asked = wraps.as_array().unwrap().iter().rev().find_map(|w| w["target"].as_str().map(str::to_owned));
    let pool = asked.unwrap_or_else(|| ends(flow).1.to_string());
    if !host["pools"].as_array().unwrap().iter().any(|p| *p == pool) {
        wrong.differ(name, "pools of its host", &host["pools"], pool);
    }
}

/// What a flow was inside of; an empty list for nothing.
pub(crate) fn wrapped(flow: &Value) -> Value {
    flow.get("wrapped").cloned().unwrap_or_else(|| json!([]))
}

fn is_leg(leg: &Leg, (from, to): (SocketAddr, SocketAddr)) -> bool {
    let port = leg.from.port() == 0 || leg.from.port() == from.port();
    from.ip() == leg.from.ip() && port && to == leg.to
}

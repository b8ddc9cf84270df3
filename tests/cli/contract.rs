//! The contract of the JSON lines: which members there are, and of which kind.

use serde_json::Value;

use super::exits;
use crate::support::output::{Output, VERDICTS};
use crate::support::run::replay_json;
use crate::support::{Failures, corpus, pcaps};

/// Kinds of members.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    OneOf(&'static [&'static str]),
    Number,
    Count,
    Flag,
    Time,
    Address,
    List,
    Object(&'static [Member]),
    Objects(&'static [Member]),
}
use Kind::{Address, Count, Flag, List, Number, Object, Objects, OneOf, Text, Time};

/// Name, kind, and whether it is always there.
type Member = (&'static str, Kind, bool);

const DIALECTS: &[&str] = &[
    "aeternity",
    "aleo",
    "aleo-zkwork",
    "alephium",
    "autolykos",
    "beam",
    "bitcoin-v1",
    "btcagent",
    "cgminer-api",
    "chia",
    "claymore-api",
    "coinhive",
    "conflux",
    "cryptonote",
    "datum",
    "dero",
    "duino-coin",
    "encrypted",
    "eaglesong",
    "equihash",
    "eth-getwork",
    "ethereum-stratum",
    "ethereum-stratum-1",
    "ethereum-stratum-2",
    "ethproxy",
    "getblocktemplate",
    "getwork",
    "grin",
    "ironfish",
    "kadena",
    "kaspa",
    "kawpow",
    "nimiq",
    "p2pool",
    "qubic",
    "rig-http",
    "sia",
    "stratum-v2",
    "webminerpool",
    "xelis",
    "xmrig-api",
];

const CATEGORIES: &[&str] = &["pool", "solo", "web", "peer-to-peer", "inventory"];

const SHARES: &[Member] = &[("submitted", Count, true), ("accepted", Count, true), ("rejected", Count, true)];
const RATE: &[Member] = &[("low", Number, true), ("estimate", Number, true), ("high", Number, true)];
const PASSWORD: &[Member] = &[("kind", OneOf(&["options", "email", "algorithm"]), true), ("options", Text, false)];
const EVIDENCE: &[Member] = &[
    ("code", Text, true),
    ("frame", Count, true),
    ("file", Text, false),
    ("timestamp", Time, true),
    ("weight", Number, true),
    ("count", Count, true),
    ("text", Text, true),
];

const CANDIDATE: &[Member] = &[("coin", Text, true), ("likelihood", Number, true)];

const WRAPPED: &[Member] = &[
    ("kind", OneOf(&["socks", "connect", "http-proxy", "proxy-protocol", "websocket", "gzip"]), true),
    ("target", Text, false),
    ("source", Text, false),
];

const ROLES: &[&str] = &["stratum", "proxy", "web-miner", "p2p", "download", "api", "web"];
const KNOWN: &[Member] = &[
    ("name", Text, true),
    ("role", OneOf(ROLES), true),
    ("coins", List, false),
    ("list", Text, true),
    ("why", Text, true),
];
const TLS: &[Member] = &[
    ("sni", Text, false),
    ("ja4", Text, false),
    ("alpn", List, false),
    ("ech", Flag, false),
    ("version", Text, false),
    ("subject", Text, false),
    ("sans", List, false),
    ("issuer", Text, false),
    ("fingerprint", Text, false),
    ("self_signed", Flag, false),
];

const CONTACT: &[Member] = &[
    ("timestamp", Time, true),
    ("ip", Address, true),
    ("mac", Text, false),
    ("tenant", Text, false),
    ("kind", OneOf(&["pool", "web-miner", "download", "inventory", "peer-to-peer", "web-site", "node"]), true),
    ("verdict", OneOf(&["noted"]), true),
    ("pool", Text, true),
    ("coins", List, false),
    ("names", List, false),
    ("endpoints", List, false),
    ("first_seen", Time, true),
    ("last_seen", Time, true),
    ("evidence", Objects(EVIDENCE), true),
];

const FLOW: &[Member] = &[
    ("timestamp", Time, true),
    ("flow_id", Count, true),
    ("community_id", Text, true),
    ("tenant", Text, false),
    ("vlans", List, false),
    ("proto", OneOf(&["tcp", "udp"]), true),
    ("src_ip", Address, true),
    ("src_port", Count, true),
    ("src_mac", Text, false),
    ("dest_ip", Address, true),
    ("dest_port", Count, true),
    ("dialect", OneOf(DIALECTS), true),
    ("category", OneOf(CATEGORIES), true),
    ("wrapped", Objects(WRAPPED), false),
    ("coin", Text, false),
    ("coin_basis", OneOf(&["wallet", "algorithm", "dialect", "timing"]), false),
    ("coin_candidates", Objects(CANDIDATE), false),
    ("stage", OneOf(&["attempt", "session", "accepted"]), false),
    ("verdict", OneOf(&VERDICTS), true),
    ("allowed", Flag, false),
    ("missing", Text, false),
    ("login", Text, false),
    ("wallet", Text, false),
    ("worker", Text, false),
    ("password", Object(PASSWORD), false),
    ("agent", Text, false),
    ("program", Text, false),
    ("style", Text, false),
    ("hints", List, false),
    ("algorithms", List, false),
    ("difficulty", Number, false),
    ("shares", Object(SHARES), false),
    ("jobs", Count, false),
    ("height", Count, false),
    ("hashrate", Object(RATE), false),
    ("reported_hashrate", Number, false),
    ("reported_pool", Text, false),
    ("names", List, false),
    ("known", Object(KNOWN), false),
    ("country", Text, false),
    ("asn", Count, false),
    ("network", Text, false),
    ("shared_front", Text, false),
    ("tls", Object(TLS), false),
    ("one_way", Flag, true),
    ("mid_stream", Flag, true),
    ("handshake_verified", Flag, true),
    ("first_frame", Count, true),
    ("last_frame", Count, true),
    ("file", Text, false),
    ("first_seen", Time, true),
    ("last_seen", Time, true),
    ("bytes", Count, true),
    ("packets", Count, true),
    ("evidence", Objects(EVIDENCE), true),
];

const HOST: &[Member] = &[
    ("timestamp", Time, true),
    ("ip", Address, true),
    ("hostname", Text, false),
    ("hostname_by", OneOf(&["mdns", "llmnr"]), false),
    ("mac", Text, false),
    ("tenant", Text, false),
    ("verdict", OneOf(&VERDICTS), true),
    ("allowed", Flag, false),
    ("coins", List, true),
    ("pools", List, true),
    ("names", List, false),
    ("wallets", List, true),
    ("flows", Count, true),
    ("first_seen", Time, true),
    ("last_seen", Time, true),
    ("shares", Object(SHARES), false),
    ("hashrate", Object(RATE), false),
    ("evidence_flow", Count, false),
    ("evidence", Objects(EVIDENCE), true),
];

const ALERT: &[Member] = &[
    ("timestamp", Time, true),
    ("tenant", Text, false),
    ("src_ip", Address, true),
    ("src_port", Count, true),
    ("dest_ip", Address, true),
    ("dest_port", Count, true),
    ("dialect", OneOf(DIALECTS), true),
    ("category", OneOf(CATEGORIES), true),
    ("wrapped", Objects(WRAPPED), false),
    ("name", Text, false),
    ("verdict", OneOf(&VERDICTS), true),
    ("frame", Count, true),
    ("file", Text, false),
    ("text", Text, true),
];

const RELAY: &[Member] = &[
    ("ip", Address, true),
    ("port", Count, true),
    ("tenant", Text, false),
    ("miners", Count, true),
    ("outside", Count, true),
    ("mines", Flag, true),
    ("proxy", Flag, false),
];

const BLOCKED: &[Member] = &[
    ("timestamp", Time, true),
    ("ip", Address, true),
    ("proto", OneOf(&["tcp", "udp"]), false),
    ("port", Count, false),
    ("ttl", Count, true),
    ("verdict", OneOf(&VERDICTS), true),
    ("miners", List, true),
];

const REFUSED: &[Member] = &[
    ("timestamp", Time, true),
    ("ip", Address, true),
    ("proto", OneOf(&["tcp", "udp"]), false),
    ("port", Count, false),
    ("reason", Text, true),
    ("text", Text, true),
    ("names", List, false),
    ("verdict", OneOf(&VERDICTS), true),
    ("miners", List, true),
];

const NAME_BLOCKED: &[Member] = &[
    ("timestamp", Time, true),
    ("name", Text, true),
    ("ttl", Count, true),
    ("verdict", OneOf(&VERDICTS), true),
    ("miners", List, true),
];

const NAME_REFUSED: &[Member] = &[
    ("timestamp", Time, true),
    ("name", Text, true),
    ("reason", Text, true),
    ("text", Text, true),
    ("verdict", OneOf(&VERDICTS), true),
    ("miners", List, true),
];

fn members(event_type: &str) -> Option<&'static [Member]> {
    Some(match event_type {
        "miner_flow" => FLOW,
        "miner_host" => HOST,
        "miner_alert" => ALERT,
        "pool_contact" => CONTACT,
        "relay" => RELAY,
        "blocked" => BLOCKED,
        "block_refused" => REFUSED,
        "name_blocked" => NAME_BLOCKED,
        "name_refused" => NAME_REFUSED,
        _ => return None,
    })
}

/// What is wrong with an object.
fn wrong(of: &str, value: &Value, members: &[Member], failures: &mut Failures) {
    let Some(map) = value.as_object() else { return failures.add(of, format!("no object: {value}")) };
    for name in map.keys().filter(|n| *n != "event_type") {
        if !members.iter().any(|(known, ..)| known == name) {
            failures.add(of, format!("a member that nobody documented: {name}"));
        }
    }
    for (name, kind, always) in members {
        let of = format!("{of}.{name}");
        match (map.get(*name), kind) {
            (None, _) if *always => failures.add(of, "missing"),
            (None, _) => {}
            (Some(v), Object(members)) => wrong(&of, v, members, failures),
            (Some(v), Objects(members)) => match v.as_array() {
                Some(list) => list.iter().for_each(|v| wrong(&of, v, members, failures)),
                None => failures.add(of, format!("no list: {v}")),
            },
            (Some(v), kind) => {
                if !is_a(v, *kind) {
                    failures.add(of, format!("of another kind: {v}"));
                }
            }
        }
    }
}

fn is_a(v: &Value, kind: Kind) -> bool {
    match kind {
        Text => v.as_str().is_some_and(|t| !t.is_empty()),
        OneOf(words) => v.as_str().is_some_and(|t| words.contains(&t)),
        Number => v.as_f64().is_some_and(f64::is_finite),
        Count => v.is_u64(),
        Flag => v.is_boolean(),
        Time => v.as_str().is_some_and(|t| t.ends_with('Z') && t.parse::<jiff::Timestamp>().is_ok()),
        Address => v.as_str().is_some_and(|t| t.parse::<std::net::IpAddr>().is_ok()),
        List => v.as_array().is_some_and(|l| l.iter().all(|v| v.is_string() || v.is_u64())),
        Object(_) | Objects(_) => false,
    }
}

fn everything() -> Output {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.nft");
    let run = replay_json(&[pcaps()], &["--blocklist", list.to_str().unwrap(), "--allow-documentation-ranges"]);
    exits(&run, 1);
    Output::parse(&run.stdout).unwrap()
}

#[test]
fn json_lines_hold_the_documented_members() {
    let output = everything();
    let mut failures = Failures::default();
    for kind in ["miner_flow", "miner_host", "miner_alert", "relay", "blocked", "block_refused"] {
        assert!(output.of(kind).next().is_some(), "no {kind} in the project's captures");
    }
    for line in &output.lines {
        let kind = line["event_type"].as_str().unwrap();
        match members(kind) {
            Some(members) => wrong(kind, line, members, &mut failures),
            None if kind == "health" => {}
            None => failures.add(kind, "a kind of line that nobody documented"),
        }
    }
    failures.report();
}

#[test]
fn evidence_is_in_time_order_and_within_its_flow() {
    let mut failures = Failures::default();
    for flow in everything().of("miner_flow") {
        let of = flow["community_id"].as_str().unwrap();
        let evidence = flow["evidence"].as_array().unwrap();
        let times: Vec<&str> = evidence.iter().map(|e| e["timestamp"].as_str().unwrap()).collect();
        if times.is_empty() || !times.is_sorted() {
            failures.add(of, format!("evidence at {times:?}"));
        }
        let [first, last] = ["first_seen", "last_seen"].map(|m| flow[m].as_str().unwrap());
        // Look-ups are made before, and resolvers asked at any time.
        let own = |e: &&Value| e["code"] != "name-in-dns" && e["code"] != "encrypted-dns";
        let own: Vec<&str> = evidence.iter().filter(own).map(|e| e["timestamp"].as_str().unwrap()).collect();
        if own.iter().any(|t| *t < first || *t > last) || first > last {
            failures.add(of, format!("evidence at {times:?} of a flow from {first} to {last}"));
        }
    }
    failures.report();
}

#[test]
fn health_tells_where_every_frame_went() {
    let output = everything();
    let health = output.health();
    let links: u64 = health["link_types"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(health["frames"], links);
    let captures = corpus::files(&pcaps()).into_iter().filter(|f| {
        let name = f.file_name().unwrap().to_string_lossy();
        name.contains(".pcap")
    });
    assert_eq!(health["inputs"].as_array().map(Vec::len), Some(captures.count()), "{}", health["inputs"]);
    for name in ["problems", "notes", "warnings"] {
        assert!(health[name].is_array(), "{name}");
    }
}

#[test]
fn every_counter_is_in_the_readme() {
    let readme = include_str!("../../README.md");
    let missing: Vec<_> = minewatch::health::Counter::ALL
        .iter()
        .map(|c| c.name())
        .filter(|name| !readme.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "not in README.md: {missing:?}");
}

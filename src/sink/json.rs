//! JSON lines, in the manner of Suricata's EVE: one object a line, a contract documented in the README.
//!
//! In: alerts as they come, the report at the end. Out: lines that are ASCII where it matters: control characters,
//! C1, bidirectional controls and line separators of peers are `\u` escapes, so that a line can be shown on a terminal.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use crate::capture::FrameRef;
use crate::carrier::Wrap;
use crate::decode::{MacAddr, Tenant};
use crate::dialect::{Category, Password, Shares, Stage};
use crate::evidence::{Code, Evidence, Verdict};
use crate::firewall::Decision;
use crate::health::Counter;
use crate::ledger::{Alert, FlowFinding, HostFinding, Work};
use crate::time::PacketTime;

/// Escapes on top of what JSON needs.
struct Careful;

impl serde_json::ser::Formatter for Careful {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, w: &mut W, fragment: &str) -> io::Result<()> {
        let mut from = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| crate::text::is_unsafe(*c)) {
            w.write_all(fragment.get(from..at).unwrap_or_default().as_bytes())?;
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(w, "\\u{unit:04x}")?;
            }
            from = at + c.len_utf8();
        }
        w.write_all(fragment.get(from..).unwrap_or_default().as_bytes())
    }
}

/// Writes one object and its newline.
pub fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut ser = serde_json::Serializer::with_formatter(&mut *out, Careful);
    value.serialize(&mut ser).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

fn tenant(t: Tenant) -> Option<String> {
    (t != Tenant::None).then(|| t.to_string())
}

fn mac(m: Option<MacAddr>) -> Option<String> {
    m.map(|m| m.to_string())
}

#[derive(Serialize)]
struct EvidenceLine<'a> {
    code: Code,
    frame: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    timestamp: PacketTime,
    weight: f32,
    count: u64,
    text: &'a str,
}

fn evidence<'a>(list: &'a [Evidence], report: &'a Report) -> Vec<EvidenceLine<'a>> {
    list.iter()
        .map(|e| EvidenceLine {
            code: e.code,
            frame: e.at.frame.number,
            file: report.source_of(e.at.frame),
            timestamp: e.at.time,
            weight: e.code.weight(),
            count: e.count,
            text: &e.text,
        })
        .collect()
}

/// Hash rate in hashes per second (solutions for Equihash) with its 95 % interval.
#[derive(Serialize)]
struct Rate {
    low: f64,
    estimate: f64,
    high: f64,
}

fn rate(w: Work) -> Option<Rate> {
    w.hashrate().map(|e| Rate { low: round(e.low), estimate: round(e.estimate), high: round(e.high) })
}

/// Three significant digits: the interval is never narrower.
fn round(x: f64) -> f64 {
    if x <= 0.0 || !x.is_finite() {
        return 0.0;
    }
    let scale = 10f64.powi(2 - x.log10().floor() as i32);
    (x * scale).round() / scale
}

#[derive(Serialize)]
#[allow(clippy::struct_excessive_bools)] // fields of the output's contract
struct MinerFlow<'a> {
    event_type: &'static str,
    timestamp: PacketTime,
    flow_id: u64,
    community_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    vlans: &'a [u16],
    proto: &'static str,
    src_ip: std::net::IpAddr,
    src_port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_mac: Option<String>,
    dest_ip: std::net::IpAddr,
    dest_port: u16,
    dialect: &'static str,
    category: Category,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wrapped: Vec<Wrapped>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coin: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coin_basis: Option<&'static str>,
    stage: Stage,
    verdict: Verdict,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wallet: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<PasswordKind<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    style: Option<&'static str>,
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    hints: &'a [&'static str],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    algorithms: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    difficulty: Option<f64>,
    shares: Shares,
    jobs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashrate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reported_hashrate: Option<f64>,
    one_way: bool,
    mid_stream: bool,
    handshake_verified: bool,
    first_frame: u64,
    last_frame: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    first_seen: PacketTime,
    last_seen: PacketTime,
    bytes: u64,
    packets: u64,
    evidence: Vec<EvidenceLine<'a>>,
}

/// What the conversation was unwrapped from: `kind`, and the `target` that the client asked a proxy for, or the `source`
/// that a load balancer named.
#[derive(Serialize)]
struct Wrapped {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl Wrapped {
    fn of(wrap: &Wrap) -> Self {
        let (target, source) = match wrap {
            Wrap::Socks(t) | Wrap::Connect(t) | Wrap::Http(t) => (t.as_ref().map(ToString::to_string), None),
            Wrap::Proxy(s) => (None, s.map(|s| s.to_string())),
            Wrap::WebSocket | Wrap::Gzip => (None, None),
        };
        Self { kind: wrap.kind(), target, source }
    }
}

#[derive(Serialize)]
struct PasswordKind<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<&'a str>,
}

fn password(p: &Password) -> Option<PasswordKind<'_>> {
    match p {
        Password::Plain => None,
        Password::Options(o) => Some(PasswordKind { kind: "options", options: Some(o) }),
        Password::Email => Some(PasswordKind { kind: "email", options: None }),
        Password::Algorithm(a) => Some(PasswordKind { kind: "algorithm", options: Some(a) }),
    }
}

fn flow(out: &mut impl Write, f: &FlowFinding, allowed: bool, report: &Report) -> io::Result<()> {
    line(
        out,
        &MinerFlow {
            event_type: "miner_flow",
            timestamp: f.first.time,
            flow_id: f.flow_id,
            community_id: &f.community_id,
            tenant: tenant(f.tenant),
            vlans: &f.vlans,
            proto: "tcp",
            src_ip: f.miner.ip(),
            src_port: f.miner.port(),
            src_mac: mac(f.miner_mac),
            dest_ip: f.pool.ip(),
            dest_port: f.pool.port(),
            dialect: f.dialect,
            category: f.category,
            wrapped: f.wraps.iter().map(Wrapped::of).collect(),
            coin: f.coin.map(|(c, _)| c.ticker()),
            coin_basis: f.coin.map(|(_, basis)| basis),
            stage: f.stage,
            verdict: f.verdict,
            allowed,
            missing: f.missing,
            login: f.login.as_deref(),
            wallet: f.wallet.as_deref(),
            worker: f.worker.as_deref(),
            password: f.password.as_ref().and_then(password),
            agent: f.agent.as_deref(),
            program: f.program,
            style: f.style,
            hints: &f.hints,
            algorithms: &f.algorithms,
            difficulty: f.difficulty,
            shares: f.shares,
            jobs: f.jobs,
            height: f.height,
            hashrate: rate(f.work),
            reported_hashrate: f.reported_hashrate,
            one_way: f.one_way,
            mid_stream: f.mid_stream,
            handshake_verified: f.handshake_verified,
            first_frame: f.first.frame.number,
            last_frame: f.last.frame.number,
            file: report.source_of(f.first.frame),
            first_seen: f.first.time,
            last_seen: f.last.time,
            bytes: f.bytes,
            packets: f.packets,
            evidence: evidence(&f.evidence, report),
        },
    )
}

#[derive(Serialize)]
struct MinerHost<'a> {
    event_type: &'static str,
    timestamp: PacketTime,
    ip: std::net::IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    verdict: Verdict,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allowed: bool,
    coins: Vec<&'static str>,
    pools: Vec<String>,
    wallets: Vec<&'a str>,
    flows: usize,
    first_seen: PacketTime,
    last_seen: PacketTime,
    shares: Shares,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashrate: Option<Rate>,
    evidence: Vec<EvidenceLine<'a>>,
}

/// Distinct values in order of appearance.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut out = Vec::new();
    for v in values {
        if !out.contains(&v) {
            out.push(v);
        }
    }
    out
}

fn host(out: &mut impl Write, h: &HostFinding, report: &Report) -> io::Result<()> {
    let mut pools: Vec<_> = h.flows.iter().map(|f| (f.pool, f.pool_name())).collect();
    pools.sort_unstable();
    pools.dedup();
    let strongest = h.strongest();
    line(
        out,
        &MinerHost {
            event_type: "miner_host",
            timestamp: h.last.time,
            ip: h.key.ip,
            mac: mac(h.mac),
            tenant: tenant(h.key.tenant),
            verdict: h.verdict,
            allowed: h.allowed,
            coins: distinct(h.flows.iter().filter_map(|f| f.coin.map(|(c, _)| c.ticker()))),
            pools: pools.into_iter().map(|(_, name)| name).collect(),
            wallets: distinct(h.flows.iter().filter_map(|f| f.wallet.as_deref())),
            flows: h.flows.len(),
            first_seen: h.first.time,
            last_seen: h.last.time,
            shares: h.shares,
            hashrate: rate(h.work),
            evidence: strongest.map(|f| evidence(&f.evidence, report)).unwrap_or_default(),
        },
    )
}

/// An alert as it comes.
pub fn alert(out: &mut impl Write, a: &Alert, sources: &[String]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        event_type: &'static str,
        timestamp: PacketTime,
        #[serde(skip_serializing_if = "Option::is_none")]
        tenant: Option<String>,
        src_ip: std::net::IpAddr,
        src_port: u16,
        dest_ip: std::net::IpAddr,
        dest_port: u16,
        dialect: &'static str,
        verdict: Verdict,
        frame: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<&'a str>,
        text: &'a str,
    }
    line(
        out,
        &Line {
            event_type: "miner_alert",
            timestamp: a.at.time,
            tenant: tenant(a.tenant),
            src_ip: a.miner.ip(),
            src_port: a.miner.port(),
            dest_ip: a.pool.ip(),
            dest_port: a.pool.port(),
            dialect: a.dialect,
            verdict: a.verdict,
            frame: a.at.frame.number,
            file: source(sources, a.at.frame),
            text: &a.reason,
        },
    )
}

fn source(sources: &[String], at: FrameRef) -> Option<&str> {
    (sources.len() > 1).then(|| sources.get(at.source.0 as usize).map(String::as_str)).flatten()
}

/// The report: flows and their host, host by host; relays; block decisions; health last.
pub fn report(out: &mut impl Write, r: &Report) -> io::Result<()> {
    for h in &r.hosts {
        for f in &h.flows {
            flow(out, f, h.allowed, r)?;
        }
        host(out, h, r)?;
    }
    for relay in &r.relays {
        #[derive(Serialize)]
        struct Line {
            event_type: &'static str,
            ip: std::net::IpAddr,
            port: u16,
            #[serde(skip_serializing_if = "Option::is_none")]
            tenant: Option<String>,
            miners: usize,
            mines: bool,
        }
        line(
            out,
            &Line {
                event_type: "relay",
                ip: relay.pool.ip(),
                port: relay.pool.port(),
                tenant: tenant(relay.tenant),
                miners: relay.miners,
                mines: relay.mines,
            },
        )?;
    }
    if let Some(blocks) = &r.blocks {
        block_lines(out, blocks)?;
    }
    health(out, r)
}

fn block_lines(out: &mut impl Write, d: &Decision) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line {
        event_type: &'static str,
        timestamp: PacketTime,
        ip: std::net::IpAddr,
        #[serde(skip_serializing_if = "Option::is_none")]
        proto: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ttl: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        verdict: Verdict,
        miners: Vec<String>,
    }
    let miners = |list: &[crate::firewall::Who]| list.iter().map(|w| w.miner.to_string()).collect::<Vec<_>>();
    for e in d.list.entries() {
        line(
            out,
            &Line {
                event_type: "blocked",
                timestamp: e.last_seen,
                ip: e.target.addr,
                proto: e.target.service.map(|(p, _)| p.name()),
                port: e.target.service.map(|(_, port)| port),
                ttl: Some(e.ttl_secs),
                reason: None,
                text: None,
                verdict: e.verdict,
                miners: miners(&e.miners),
            },
        )?;
    }
    for r in &d.refusals {
        line(
            out,
            &Line {
                event_type: "block_refused",
                timestamp: r.last_seen,
                ip: r.target.addr,
                proto: r.target.service.map(|(p, _)| p.name()),
                port: r.target.service.map(|(_, port)| port),
                ttl: None,
                reason: Some(r.reason.code()),
                text: Some(r.reason.to_string()),
                verdict: r.verdict,
                miners: miners(&r.miners),
            },
        )?;
    }
    Ok(())
}

fn health(out: &mut impl Write, r: &Report) -> io::Result<()> {
    let mut map = serde_json::Map::new();
    map.insert("event_type".to_owned(), "health".into());
    for &c in Counter::ALL {
        map.insert(c.name().to_owned(), r.health.get(c).into());
    }
    map.insert("findings_dropped".to_owned(), r.dropped.into());
    map.insert("link_types".to_owned(), serde_json::json!(r.health.link_types));
    map.insert("skipped".to_owned(), serde_json::json!(r.health.skipped));
    map.insert("inputs".to_owned(), serde_json::json!(r.sources));
    map.insert("problems".to_owned(), serde_json::json!(r.problems));
    map.insert("notes".to_owned(), serde_json::json!(r.notes));
    map.insert("warnings".to_owned(), serde_json::json!(super::warnings(r)));
    line(out, &map)
}

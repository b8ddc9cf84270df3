//! JSON lines, in the manner of Suricata's EVE: one object a line, a contract documented in the README.
//!
//! In: alerts as they come, the report at the end. Out: lines that are ASCII where it matters: control characters,
//! C1, bidirectional controls and line separators of peers are `\u` escapes, so that a line can be shown on a terminal.

mod blocks;
mod flow;

use std::io::{self, Write};

pub use flow::flow;
use flow::{Rate, Wrapped, rate};
use serde::Serialize;

use super::Report;
use crate::capture::FrameRef;
use crate::decode::{MacAddr, Tenant};
use crate::dialect::{Category, Shares};
use crate::evidence::{Code, Evidence, Verdict};
use crate::health::Counter;
use crate::ledger::{Alert, HostFinding, Identity};
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

/// The machine that had an address, by DHCP.
#[derive(Serialize)]
pub(super) struct Machine<'a> {
    mac: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl<'a> From<&'a Identity> for Machine<'a> {
    fn from(i: &'a Identity) -> Self {
        Self { mac: i.mac.to_string(), name: i.hostname.as_deref() }
    }
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

fn evidence<'a>(list: &'a [Evidence], sources: &'a [String]) -> Vec<EvidenceLine<'a>> {
    list.iter()
        .map(|e| EvidenceLine {
            code: e.code,
            frame: e.at.frame.number,
            file: source(sources, e.at.frame),
            timestamp: e.at.time,
            weight: e.code.weight(),
            count: e.count,
            text: &e.text,
        })
        .collect()
}

#[derive(Serialize)]
struct MinerHost<'a> {
    event_type: &'static str,
    timestamp: PacketTime,
    ip: std::net::IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<Machine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname_by: Option<&'static str>,
    verdict: Verdict,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allowed: bool,
    coins: Vec<&'static str>,
    pools: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<&'a str>,
    wallets: Vec<&'a str>,
    flows: usize,
    first_seen: PacketTime,
    last_seen: PacketTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<Shares>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashrate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_flow: Option<u64>,
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
    let mut pools: Vec<_> = h.flows.iter().filter_map(|f| Some((f.pool, f.pool_name()?))).collect();
    pools.sort_unstable();
    pools.dedup();
    // The ports of who asks a rig would bring the same name again and again.
    let pools = distinct(pools.into_iter().map(|(_, name)| name));
    let strongest = h.strongest();
    line(
        out,
        &MinerHost {
            event_type: "miner_host",
            timestamp: h.last.time,
            ip: h.key.ip,
            mac: mac(h.mac),
            machine: h.identity.as_ref().map(Into::into),
            tenant: tenant(h.key.tenant),
            hostname: h.own_name.as_ref().map(|n| &*n.name),
            hostname_by: h.own_name.as_ref().map(|n| n.by),
            verdict: h.verdict,
            allowed: h.allowed,
            coins: distinct(h.flows.iter().filter_map(|f| f.coin.map(|(c, _)| c.ticker()))),
            pools,
            names: distinct(h.flows.iter().flat_map(|f| f.names.iter().map(|n| &**n))),
            wallets: distinct(h.flows.iter().filter_map(|f| f.wallet.as_deref())),
            flows: h.flows.len(),
            first_seen: h.first.time,
            last_seen: h.last.time,
            shares: h.flows.iter().any(|f| !f.is_unread()).then_some(h.shares),
            hashrate: rate(h.work),
            evidence_flow: strongest.map(|f| f.flow_id),
            evidence: strongest.map(|f| evidence(&f.evidence, &report.sources)).unwrap_or_default(),
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
        #[serde(skip_serializing_if = "Option::is_none")]
        machine: Option<Machine<'a>>,
        dest_ip: std::net::IpAddr,
        dest_port: u16,
        dialect: &'static str,
        category: Category,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        wrapped: Vec<Wrapped>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
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
            machine: a.identity.as_ref().map(Into::into),
            dest_ip: a.pool.ip(),
            dest_port: a.pool.port(),
            dialect: a.dialect,
            category: a.category,
            wrapped: a.wraps.iter().map(Wrapped::of).collect(),
            name: a.name.as_deref(),
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

/// The report: flows and their host, host by host; relays; block decisions; health last. Without flows where they were
/// told as they ended.
pub fn report(out: &mut impl Write, r: &Report, flows: bool) -> io::Result<()> {
    for h in &r.hosts {
        for f in h.flows.iter().filter(|_| flows) {
            flow::flow(out, f, &r.sources)?;
        }
        host(out, h, r)?;
    }
    super::contacts::json(out, r)?;
    for relay in &r.relays {
        #[derive(Serialize)]
        struct Line {
            event_type: &'static str,
            ip: std::net::IpAddr,
            port: u16,
            #[serde(skip_serializing_if = "Option::is_none")]
            tenant: Option<String>,
            miners: usize,
            outside: usize,
            mines: bool,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            proxy: bool,
        }
        line(
            out,
            &Line {
                event_type: "relay",
                ip: relay.pool.ip(),
                port: relay.pool.port(),
                tenant: tenant(relay.tenant),
                miners: relay.miners,
                outside: relay.outside,
                mines: relay.mines,
                proxy: relay.proxy,
            },
        )?;
    }
    if let Some(blocks) = &r.blocks {
        blocks::decision(out, blocks)?;
    }
    health(out, r)
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

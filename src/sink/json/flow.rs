//! The `miner_flow` line.

use std::io::{self, Write};

use serde::Serialize;

use super::{EvidenceLine, Machine, evidence, line, mac, source, tenant};
use crate::carrier::Wrap;
use crate::dialect::{Category, Password, Shares, Stage};
use crate::evidence::Verdict;
use crate::intel::Place;
use crate::ledger::{FlowFinding, KnownPool, LikelyCoin, TlsSeen, Work};
use crate::time::PacketTime;

/// Hash rate in hashes per second (solutions for Equihash) with its 95 % interval.
#[derive(Serialize)]
pub(super) struct Rate {
    low: f64,
    estimate: f64,
    high: f64,
}

/// The hash rate behind work.
pub(super) fn rate(w: Work) -> Option<Rate> {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<Machine<'a>>,
    dest_ip: std::net::IpAddr,
    dest_port: u16,
    dialect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<Category>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wrapped: Vec<Wrapped>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coin: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coin_basis: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    coin_candidates: Vec<Candidate<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<Shares>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashrate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reported_hashrate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reported_pool: Option<String>,
    #[serde(skip_serializing_if = "<[Box<str>]>::is_empty")]
    names: &'a [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<&'a KnownPool>,
    #[serde(flatten)]
    place: &'a Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_front: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'a TlsSeen>,
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

/// A coin that fits what was overheard, and its likelihood among those that were tried.
#[derive(Serialize)]
struct Candidate<'a> {
    coin: &'a str,
    likelihood: f64,
}

impl<'a> Candidate<'a> {
    fn of(c: &'a LikelyCoin) -> Self {
        Self { coin: &c.coin, likelihood: (f64::from(c.likelihood) * 1000.0).round() / 1000.0 }
    }
}

/// What the conversation was unwrapped from: `kind`, and the `target` that the client asked a proxy for, or the `source`
/// that a load balancer named.
#[derive(Serialize)]
pub(super) struct Wrapped {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl Wrapped {
    pub(super) fn of(wrap: &Wrap) -> Self {
        Self {
            kind: wrap.kind(),
            target: wrap.proxy().flatten().map(ToString::to_string),
            source: wrap.source().map(|s| s.to_string()),
        }
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

/// One line for a flow.
pub fn flow(out: &mut impl Write, f: &FlowFinding, sources: &[String]) -> io::Result<()> {
    line(
        out,
        &MinerFlow {
            event_type: "miner_flow",
            timestamp: f.first.time,
            flow_id: f.flow_id,
            community_id: &f.community_id,
            tenant: tenant(f.tenant),
            vlans: &f.vlans,
            proto: if f.udp { "udp" } else { "tcp" },
            src_ip: f.miner.ip(),
            src_port: f.miner.port(),
            src_mac: mac(f.miner_mac),
            machine: f.identity.as_ref().map(Into::into),
            dest_ip: f.pool.ip(),
            dest_port: f.pool.port(),
            dialect: f.dialect,
            category: (!f.is_harmless()).then_some(f.category),
            wrapped: f.wraps.iter().map(Wrapped::of).collect(),
            coin: f.coin.map(|(c, _)| c.ticker()),
            coin_basis: f.coin.map(|(_, basis)| basis),
            coin_candidates: f.coins.iter().map(Candidate::of).collect(),
            stage: (!f.is_harmless()).then_some(f.stage),
            verdict: f.verdict,
            allowed: f.allowed,
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
            shares: (!f.is_unread()).then_some(f.shares),
            jobs: (!f.is_unread()).then_some(f.jobs),
            height: f.height,
            hashrate: rate(f.work),
            reported_hashrate: f.reported_hashrate,
            reported_pool: f.reported_pool.as_ref().map(ToString::to_string),
            names: &f.names,
            known: f.known.as_ref(),
            place: &f.place,
            shared_front: f.shared_front.as_deref().or(f.crowd.as_deref()),
            tls: f.tls.as_deref(),
            one_way: f.one_way,
            mid_stream: f.mid_stream,
            handshake_verified: f.handshake_verified,
            first_frame: f.first.frame.number,
            last_frame: f.last.frame.number,
            file: source(sources, f.first.frame),
            first_seen: f.first.time,
            last_seen: f.last.time,
            bytes: f.bytes,
            packets: f.packets,
            evidence: evidence(&f.evidence, sources),
        },
    )
}

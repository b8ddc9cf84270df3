//! The `blocked`, `block_refused`, `name_blocked` and `name_refused` lines.

use std::io::{self, Write};

use serde::Serialize;

use super::line;
use crate::evidence::Verdict;
use crate::firewall::{Decision, DomainName, Who};
use crate::time::PacketTime;

/// What was let into the list, and what was not.
pub(super) fn decision(out: &mut impl Write, d: &Decision) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        event_type: &'static str,
        timestamp: PacketTime,
        ip: std::net::IpAddr,
        #[serde(skip_serializing_if = "Option::is_none")]
        proto: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<std::net::IpAddr>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ttl: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        names: &'a [DomainName],
        #[serde(skip_serializing_if = "Option::is_none")]
        verdict: Option<Verdict>,
        miners: Vec<String>,
    }
    for e in d.list.entries() {
        line(
            out,
            &Line {
                event_type: "blocked",
                timestamp: e.last_seen,
                ip: e.target.addr,
                proto: e.target.service.map(|(p, _)| p.name()),
                port: e.target.service.map(|(_, port)| port),
                from: e.target.from,
                ttl: Some(e.ttl_secs),
                reason: None,
                text: None,
                names: &[],
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
                from: r.target.from,
                ttl: None,
                reason: Some(r.reason.code()),
                text: Some(r.text()),
                names: &r.names,
                verdict: Some(r.verdict),
                miners: miners(&r.miners),
            },
        )?;
    }
    names(out, d)
}

/// The same for names.
fn names(out: &mut impl Write, d: &Decision) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        event_type: &'static str,
        timestamp: PacketTime,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        ttl: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        verdict: Option<Verdict>,
        miners: Vec<String>,
    }
    for n in d.list.names() {
        let line_of = Line {
            event_type: "name_blocked",
            timestamp: n.last_seen,
            name: n.name.as_str(),
            ttl: Some(n.ttl_secs),
            reason: None,
            text: None,
            verdict: n.verdict,
            miners: miners(&n.miners),
        };
        line(out, &line_of)?;
    }
    for r in &d.name_refusals {
        let line_of = Line {
            event_type: "name_refused",
            timestamp: r.last_seen,
            name: &r.name,
            ttl: None,
            reason: Some(r.reason.code()),
            text: Some(r.reason.to_string()),
            verdict: Some(r.verdict),
            miners: miners(&r.miners),
        };
        line(out, &line_of)?;
    }
    Ok(())
}

fn miners(list: &[Who]) -> Vec<String> {
    list.iter().map(|w| w.miner.to_string()).collect()
}

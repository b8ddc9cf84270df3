//! What hosts have to do with known pools without a mining conversation: noted, never an alarm.
//!
//! In: the contacts of a [`Report`]. Out: lines for people, few of them, and JSON lines with all evidence.

use std::collections::HashSet;
use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::table::{Style, seconds};
use crate::evidence::{Code, Verdict};
use crate::ledger::{Contact, ContactKind, HostKey};
use crate::text::printable;
use crate::time::PacketTime;

/// Contacts shown; the JSON output has all.
const MAX_SHOWN: usize = 12;

/// Lines under the table: one a contact, mining first, web sites last; not what the table says already.
pub(super) fn table(out: &mut impl Write, r: &Report, style: Style) -> io::Result<()> {
    // What a host is found out for needs no second line.
    let found: HashSet<(HostKey, &str)> = r
        .hosts
        .iter()
        .filter(|h| h.verdict > Verdict::Noted)
        .flat_map(|h| h.flows.iter().filter_map(|f| Some((h.key, &*f.known.as_ref()?.name))))
        .collect();
    let mut shown: Vec<&Contact> = r.contacts.iter().filter(|c| !found.contains(&(c.host, &*c.pool))).collect();
    if shown.is_empty() {
        return Ok(());
    }
    shown.sort_by_key(|c| c.kind);
    writeln!(out, "\n{}", style.bold(&format!("Noted beside, no alarm: {}", shown.len())))?;
    for c in shown.iter().take(MAX_SHOWN) {
        writeln!(out, "{}", style.fit(&format!("  {}  {}", host(c), said(c))))?;
    }
    if shown.len() > MAX_SHOWN {
        writeln!(out, "  … and {} more (--json lists all)", shown.len() - MAX_SHOWN)?;
    }
    Ok(())
}

/// All evidence of one contact.
pub fn explain(out: &mut impl Write, c: &Contact, r: &Report, style: Style) -> io::Result<()> {
    writeln!(out, "{} met {} ({}): noted", style.bold(&host(c)), printable(&*c.pool, 128), c.kind.name())?;
    for e in c.evidence() {
        let file = r.source_of(e.at.frame).map_or(String::new(), |s| format!(" of {}", printable(s, 64)));
        let times = if e.count > 1 { format!(" ({} times)", e.count) } else { String::new() };
        let line = format!(
            "  {:<18} frame {}{file}, {}: {}{times}",
            e.code.name(),
            e.at.frame.number,
            seconds(&e.at.time.to_string()),
            e.text
        );
        writeln!(out, "{}", style.fit(&line))?;
    }
    Ok(())
}

fn host(c: &Contact) -> String {
    match c.host.tenant {
        crate::decode::Tenant::None => c.host.ip.to_string(),
        t => format!("{} ({t})", c.host.ip),
    }
}

/// The weightiest sentence, with how often in all it was seen.
fn said(c: &Contact) -> String {
    let evidence = c.evidence();
    let best = evidence.iter().rev().max_by(|a, b| a.code.weight().total_cmp(&b.code.weight()));
    let count: u64 = evidence.iter().map(|e| e.count).sum();
    let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
    best.map_or(String::new(), |e| format!("{}{times}", e.text))
}

#[derive(Serialize)]
struct Line<'a> {
    event_type: &'static str,
    timestamp: PacketTime,
    ip: std::net::IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<super::json::Machine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    kind: ContactKind,
    verdict: Verdict,
    pool: &'a str,
    #[serde(skip_serializing_if = "<[Box<str>]>::is_empty")]
    coins: &'a [Box<str>],
    #[serde(skip_serializing_if = "<[Box<str>]>::is_empty")]
    names: &'a [Box<str>],
    #[serde(skip_serializing_if = "<[std::net::SocketAddr]>::is_empty")]
    endpoints: &'a [std::net::SocketAddr],
    first_seen: PacketTime,
    last_seen: PacketTime,
    evidence: Vec<EvidenceLine<'a>>,
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
    text: String,
}

/// One JSON line a contact.
pub(super) fn json(out: &mut impl Write, r: &Report) -> io::Result<()> {
    for c in &r.contacts {
        let evidence = c.evidence().into_iter().map(|e| EvidenceLine {
            code: e.code,
            frame: e.at.frame.number,
            file: r.source_of(e.at.frame),
            timestamp: e.at.time,
            weight: e.code.weight(),
            count: e.count,
            text: e.text,
        });
        let line = Line {
            event_type: "pool_contact",
            timestamp: c.last.time,
            ip: c.host.ip,
            mac: c.mac.map(|m| m.to_string()),
            machine: c.identity.as_ref().map(Into::into),
            tenant: (c.host.tenant != crate::decode::Tenant::None).then(|| c.host.tenant.to_string()),
            kind: c.kind,
            verdict: Verdict::Noted,
            pool: &c.pool,
            coins: &c.coins,
            names: &c.names,
            endpoints: &c.endpoints,
            first_seen: c.first.time,
            last_seen: c.last.time,
            evidence: evidence.collect(),
        };
        super::json::line(out, &line)?;
    }
    Ok(())
}

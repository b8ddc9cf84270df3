//! `minewatch entries`: what is blocked now, and why.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use clap::Args as ClapArgs;
use serde::Serialize;

use super::remembered::{LastGate, StateDir, now, or_dash, second, some, table, until};
use super::{Failure, Outcome};
use crate::evidence::Verdict;
use crate::firewall::{Book, Decision, DomainName, Item, Origin, Policy, Reason, Record};
use crate::sink::json;
use crate::time::PacketTime;

/// Miners shown of one entry.
const MOST: usize = 4;

/// Arguments of `entries`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    dir: StateDir,
    /// Print JSON lines instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gate: LastGate,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let (policy, never) = args.gate.resolve()?;
    let now = now();
    let (_, book) = args.dir.book(&policy, now)?;
    let decision = book.list(&policy, &never, now);
    #[cfg(feature = "live")]
    args.dir.tell_what_differs(decision.list.len())?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        lines(&mut out, &book, &decision, &policy, now)
    } else {
        text(&mut out, &book, &decision, &policy, now)
    }?;
    out.flush()?;
    Ok(Outcome::Clean)
}

/// Why the last gate would not let things into a list.
fn refusals(d: &Decision) -> BTreeMap<Item, &Reason> {
    let endpoints = d.refusals.iter().map(|r| (Item::Endpoint(r.target), &r.reason));
    let names = d.name_refusals.iter().filter_map(|r| Some((Item::Name(DomainName::parse(&r.name).ok()?), &r.reason)));
    let hosts = d.host_refusals.iter().map(|r| (Item::Host(r.host), &r.reason));
    endpoints.chain(names).chain(hosts).collect()
}

fn miners(r: &Record) -> Vec<String> {
    // A host that is isolated is itself the miner.
    let others = r.miners.iter().filter(|_| !matches!(r.key, Item::Host(_)));
    others.map(|w| w.miner.to_string()).collect()
}

fn endpoints(r: &Record) -> Vec<String> {
    r.endpoints.iter().map(ToString::to_string).collect()
}

fn shown(item: &Item) -> String {
    match item {
        Item::Host(host) => format!("{host} (isolated)"),
        Item::Endpoint(_) | Item::Name(_) => item.to_string(),
    }
}

fn text(out: &mut impl Write, book: &Book, d: &Decision, policy: &Policy, now: PacketTime) -> io::Result<()> {
    let refusals = refusals(d);
    let rows: Vec<_> = book
        .entries(policy, now)
        .map(|r| {
            let who = match r.origin {
                Origin::Seen if matches!(r.key, Item::Host(_)) => format!("mined at {}", some(&endpoints(&r), MOST)),
                Origin::Seen => some(&miners(&r), MOST),
                Origin::Manual if r.reason.is_empty() => or_dash(&r.by).into_owned(),
                Origin::Manual => format!("{}: {}", or_dash(&r.by), crate::text::printable(&r.reason, 256)),
            };
            let refused = refusals.get(&r.key).map_or(String::new(), |why| format!(" (in no list: {why})"));
            [
                shown(&r.key),
                if r.origin == Origin::Seen { r.verdict.to_string() } else { "-".to_owned() },
                second(r.first),
                until(r.expires, now),
                r.times.to_string(),
                r.origin.to_string(),
                format!("{who}{refused}"),
            ]
        })
        .collect();
    if rows.is_empty() {
        writeln!(out, "Nothing is blocked.")?;
    } else {
        table(out, ["BLOCKED", "VERDICT", "FIRST", "ENDS IN", "TIMES", "ORIGIN", "BY"], &rows)?;
    }
    let released: Vec<_> = book
        .releases(now)
        .map(|r| [r.item.to_string(), second(r.at), until(r.until, now), or_dash(&r.by).into_owned()])
        .collect();
    if !released.is_empty() {
        writeln!(out)?;
        table(out, ["RELEASED", "SINCE", "ENDS IN", "BY"], &released)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Line<'a> {
    event_type: &'static str,
    timestamp: PacketTime,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<std::net::IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a DomainName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proto: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<std::net::IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<PacketTime>,
    expires: PacketTime,
    ttl: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    miners: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    endpoints: Vec<String>,
}

impl<'a> Line<'a> {
    fn of(item: &'a Item, timestamp: PacketTime, expires: PacketTime, now: PacketTime) -> Self {
        let (kind, ip, name, service) = match item {
            Item::Endpoint(t) if t.from.is_some() => ("pair", Some(t.addr), None, t.service),
            Item::Endpoint(t) if t.service.is_none() => ("address", Some(t.addr), None, None),
            Item::Endpoint(t) => ("endpoint", Some(t.addr), None, t.service),
            Item::Name(name) => ("name", None, Some(name), None),
            Item::Host(host) => ("host", Some(*host), None, None),
        };
        Self {
            event_type: "block_entry",
            timestamp,
            kind,
            ip,
            name,
            proto: service.map(|(p, _)| p.name()),
            port: service.map(|(_, port)| port),
            from: item.endpoint().and_then(|t| t.from),
            origin: None,
            verdict: None,
            first_seen: None,
            expires,
            ttl: expires.since(now).as_secs(),
            times: None,
            reason: "",
            by: "",
            refused: None,
            miners: Vec::new(),
            endpoints: Vec::new(),
        }
    }
}

fn lines(out: &mut impl Write, book: &Book, d: &Decision, policy: &Policy, now: PacketTime) -> io::Result<()> {
    let refusals = refusals(d);
    for r in book.entries(policy, now) {
        let l = Line {
            origin: Some(r.origin),
            verdict: (r.origin == Origin::Seen).then_some(r.verdict),
            first_seen: Some(r.first),
            times: Some(r.times),
            reason: &r.reason,
            by: &r.by,
            refused: refusals.get(&r.key).map(|why| why.code()),
            miners: miners(&r),
            endpoints: endpoints(&r),
            ..Line::of(&r.key, r.last_seen, r.expires, now)
        };
        json::line(out, &l)?;
    }
    for r in book.releases(now) {
        json::line(out, &Line { event_type: "released", by: &r.by, ..Line::of(&r.item, r.at, r.until, now) })?;
    }
    Ok(())
}

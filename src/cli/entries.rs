//! `minewatch entries`: what is blocked now, and why.

use std::io::{self, BufWriter, Write};

use clap::Args as ClapArgs;
use serde::Serialize;

use super::remembered::{LastGate, StateDir, now, or_dash, second, some, table, until};
use super::{Failure, Outcome};
use crate::evidence::Verdict;
use crate::firewall::{Book, Decision, Origin, Policy, Record, Target};
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
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        lines(&mut out, &book, &decision, &policy, now)
    } else {
        text(&mut out, &book, &decision, &policy, now)
    }?;
    out.flush()?;
    Ok(Outcome::Clean)
}

/// Why the last gate would not let it into a list.
fn refusal(d: &Decision, target: Target) -> Option<&crate::firewall::Reason> {
    d.refusals.iter().find(|r| r.target == target).map(|r| &r.reason)
}

fn miners(r: &Record<Target>) -> Vec<String> {
    r.miners.iter().map(|w| w.miner.to_string()).collect()
}

fn text(out: &mut impl Write, book: &Book, d: &Decision, policy: &Policy, now: PacketTime) -> io::Result<()> {
    let rows: Vec<_> = book
        .entries(policy, now)
        .map(|r| {
            let who = match r.origin {
                Origin::Seen => some(&miners(&r), MOST),
                Origin::Manual if r.reason.is_empty() => or_dash(&r.by).into_owned(),
                Origin::Manual => format!("{}: {}", or_dash(&r.by), crate::text::printable(&r.reason, 256)),
            };
            let refused = refusal(d, r.key).map_or(String::new(), |why| format!(" (in no list: {why})"));
            [
                r.key.to_string(),
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
        .map(|r| [r.target.to_string(), second(r.at), until(r.until, now), or_dash(&r.by).into_owned()])
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
    ip: std::net::IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    proto: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
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
}

fn lines(out: &mut impl Write, book: &Book, d: &Decision, policy: &Policy, now: PacketTime) -> io::Result<()> {
    let line = |target: Target, timestamp, expires: PacketTime| Line {
        event_type: "block_entry",
        timestamp,
        ip: target.addr,
        proto: target.service.map(|(p, _)| p.name()),
        port: target.service.map(|(_, port)| port),
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
    };
    for r in book.entries(policy, now) {
        let l = Line {
            origin: Some(r.origin),
            verdict: (r.origin == Origin::Seen).then_some(r.verdict),
            first_seen: Some(r.first),
            times: Some(r.times),
            reason: &r.reason,
            by: &r.by,
            refused: refusal(d, r.key).map(crate::firewall::Reason::code),
            miners: miners(&r),
            ..line(r.key, r.last_seen, r.expires)
        };
        json::line(out, &l)?;
    }
    for r in book.releases(now) {
        json::line(out, &Line { event_type: "released", by: &r.by, ..line(r.target, r.at, r.until) })?;
    }
    Ok(())
}

//! `minewatch incidents`: which host mined where, from when to when, and what became of it.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::remembered::{StateDir, now, or_dash, second, some, table};
use super::{Failure, Outcome};
use crate::dialect::Shares;
use crate::evidence::Verdict;
use crate::ledger::{HostKey, Incident, Incidents, State};
use crate::sink::json;
use crate::state::HostRow;
use crate::text::counted;
use crate::time::PacketTime;

/// Arguments of `incidents`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// Only those of this host
    #[arg(value_name = "ADDR")]
    host: Option<IpAddr>,
    #[command(flatten)]
    dir: StateDir,
    /// Print JSON lines instead of text
    #[arg(long)]
    json: bool,
}

/// Names of machines by host, the one that was seen last.
type Machines = BTreeMap<HostKey, HostRow>;

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let (_, loaded) = args.dir.read()?;
    let mut machines = Machines::new();
    for h in loaded.hosts {
        let known = machines.get(&h.key.host).is_some_and(|k| k.last_seen > h.last_seen);
        if !known {
            machines.insert(h.key.host, h);
        }
    }
    let mut all = Incidents::default();
    all.load(loaded.incidents);
    // What was silent since it was saved.
    all.tick(now());
    let wanted = args.host.map(|ip| ip.to_canonical());
    let mut chosen: Vec<_> = all.iter().filter(|i| wanted.is_none_or(|ip| i.key.host.ip == ip)).collect();
    chosen.sort_by_key(|i| (i.state, std::cmp::Reverse(i.last_seen), i.key));
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json { lines(&mut out, &chosen, &machines) } else { text(&mut out, &chosen, &machines, args.host) }?;
    out.flush()?;
    let found = chosen.iter().any(|i| i.state != State::Closed);
    Ok(if found { Outcome::Found } else { Outcome::Clean })
}

fn text(out: &mut impl Write, all: &[&Incident], machines: &Machines, host: Option<IpAddr>) -> io::Result<()> {
    if all.is_empty() {
        let of = host.map_or(String::new(), |h| format!(" of {h}"));
        return writeln!(out, "No incident{of} is remembered.");
    }
    let rows: Vec<_> = all
        .iter()
        .map(|i| {
            let host = &i.key.host;
            let name = machines.get(host).and_then(|h| h.name.as_deref()).map_or(String::new(), |n| format!(" ({n})"));
            let tenant =
                if host.tenant == crate::decode::Tenant::None { String::new() } else { format!(" {}", host.tenant) };
            let pool = if i.key.pool.port() == 0 { i.key.pool.ip().to_string() } else { i.key.pool.to_string() };
            let mut facts = vec![i.dialect.clone()];
            facts.extend(i.coin.clone());
            if i.shares.submitted > 0 {
                facts.push(format!(
                    "{} of {} accepted",
                    i.shares.accepted,
                    counted(i.shares.submitted, "share", "shares")
                ));
            }
            if let Some(at) = i.contained.filter(|at| i.reopened == 0 && *at >= i.opened) {
                facts.push(format!("cut off {:.1} s after its first packet", at.since(i.opened).as_secs_f64()));
            }
            facts.extend((i.reopened > 0).then(|| format!("came back {}", times(i.reopened))));
            facts.extend((!i.names.is_empty()).then(|| some(&i.names, 2)));
            facts.extend(i.wallet.as_ref().map(|w| format!("wallet {}", or_dash(w))));
            [
                i.state.to_string(),
                format!("{}{tenant}{name}", host.ip),
                pool,
                i.verdict.to_string(),
                second(i.opened),
                second(i.last_seen),
                facts.join("; "),
            ]
        })
        .collect();
    table(out, ["STATE", "HOST", "POOL", "VERDICT", "OPENED", "LAST SEEN", "WHAT"], &rows)
}

fn times(n: u32) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

#[derive(Serialize)]
struct Line<'a> {
    event_type: &'static str,
    timestamp: PacketTime,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    host: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    pool_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool_port: Option<u16>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    names: &'a [String],
    verdict: Verdict,
    dialect: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    coin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wallet: Option<&'a str>,
    shares: Shares,
    first_seen: PacketTime,
    last_seen: PacketTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    contained: Option<PacketTime>,
    reopened: u32,
}

fn lines(out: &mut impl Write, all: &[&Incident], machines: &Machines) -> io::Result<()> {
    for i in all {
        let host = i.key.host;
        let machine = machines.get(&host);
        let line = Line {
            event_type: "incident",
            timestamp: i.last_seen,
            state: i.state,
            tenant: (host.tenant != crate::decode::Tenant::None).then(|| host.tenant.to_string()),
            host: host.ip,
            mac: machine.and_then(|m| m.key.mac).map(|m| m.to_string()),
            hostname: machine.and_then(|m| m.name.as_deref()),
            pool_ip: i.key.pool.ip(),
            pool_port: Some(i.key.pool.port()).filter(|p| *p != 0),
            names: &i.names,
            verdict: i.verdict,
            dialect: &i.dialect,
            coin: i.coin.as_deref(),
            wallet: i.wallet.as_deref(),
            shares: i.shares,
            first_seen: i.opened,
            last_seen: i.last_seen,
            contained: i.contained,
            reopened: i.reopened,
        };
        json::line(out, &line)?;
    }
    Ok(())
}

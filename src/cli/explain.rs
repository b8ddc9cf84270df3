//! `minewatch explain`: all evidence about one host, flow by flow, in time order, and what the next level would take.
//!
//! In: captures, and a miner or a pool by whatever it is known by. Out: the flows that it takes part in.

mod met;
mod subject;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::bail;
use clap::Args as ClapArgs;
use met::Met;
use subject::Subject;

use super::block_feed::BlockFeeds;
use super::options::{Knowing, Least, Reading};
use super::replay::{complain, name_inputs, open, outcome, style};
use super::session::{self, Listener, World};
use super::{Failure, Outcome};
use crate::evidence::Verdict;
use crate::firewall::Policy;
use crate::ledger::{Alert, FlowFinding};
use crate::sink::{Report, contacts, json, table};
use crate::text::{nearest, printable};

/// Arguments of `explain`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// A miner or a pool: address, address:port, MAC address, or a name that a proxy was asked for
    host: Subject,
    /// Captures, as for replay
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Only flows of this verdict or a stronger one
    #[arg(long, value_name = "LEVEL")]
    verdict: Option<Least>,
    /// Print JSON lines, as replay does, instead of text
    #[arg(long)]
    json: bool,
    /// Hide payloads, names, feeds and ports from every detector: only sizes, directions and times of messages are left,
    /// as if all were encrypted. Shows what would be found then; nothing is ever confirmed
    #[arg(long, conflicts_with = "block_feed", help_heading = "What cannot be read")]
    payload_blind: bool,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    knowing: Knowing,
    #[command(flatten)]
    block_feeds: BlockFeeds,
}

struct Silent;

impl Listener for Silent {
    fn alert(&mut self, _: &Alert) -> Result<(), Failure> {
        Ok(())
    }

    fn progress(&mut self, _: u64) {}
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let known = args.knowing.read()?;
    complain(&known.warnings)?;
    let mut world = World::still(known.geo);
    world.overhearing.tell_all();
    let loaded = args.block_feeds.load(world.overhearing.detect_mut())?;
    complain(&loaded.said)?;
    let finished = session::run(
        Met::new(open(&args.inputs)?, &args.host),
        &args.reading.resolve_blind(args.payload_blind, known.intel),
        world,
        &Policy::default(),
        None,
        &mut Silent,
    )?;
    complain(&loaded.of_other_times(finished.listened))?;
    let mut report = finished.report;
    name_inputs(&mut report, &finished.source.inner);
    let known = names(&report);
    let least = args.verdict.map_or(Verdict::Noted, Least::verdict);
    for h in &mut report.hosts {
        h.retain(|f| f.verdict >= least && args.host.takes_part_in(f));
    }
    report.hosts.retain(|h| !h.flows.is_empty());
    report.relays.retain(|r| args.host.is_at(r.pool));
    report.contacts.retain(|c| least == Verdict::Noted && args.host.takes_part_in_contact(c));
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        json::report(&mut out, &report, true)?;
    } else if report.hosts.is_empty() && report.contacts.is_empty() && finished.source.met() {
        let level = args.verdict.map_or(String::new(), |_| format!(", {least} or more,"));
        writeln!(out, "Nothing was seen that makes {}{level} a miner or a pool.", args.host)?;
    } else {
        for (i, h) in report.hosts.iter().enumerate() {
            if i > 0 {
                writeln!(out)?;
            }
            table::explain(&mut out, h, &report, style())?;
        }
        for c in &report.contacts {
            contacts::explain(&mut out, c, &report, style())?;
        }
    }
    out.flush()?;
    complain(&report.problems)?;
    if report.hosts.is_empty() && report.contacts.is_empty() && !finished.source.met() {
        bail!("{}", never_met(&args.host, known));
    }
    Ok(outcome(&report))
}

/// Whatever was found, as one would ask for it.
fn names(report: &Report) -> Vec<String> {
    let flows = report.hosts.iter().flat_map(|h| &h.flows);
    let of_flow = |f: &FlowFinding| {
        let ends = [f.miner.ip().to_string(), f.pool.ip().to_string(), f.pool.to_string()];
        let targets = f.wraps.iter().filter_map(|w| w.proxy().flatten()).map(ToString::to_string);
        let mac = f.miner_mac.map(|m| m.to_string());
        ends.into_iter().chain(targets).chain(mac).chain(f.names.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    let contacts =
        report.contacts.iter().flat_map(|c| c.names.iter().map(ToString::to_string).chain([c.host.ip.to_string()]));
    flows.flat_map(of_flow).chain(contacts).collect()
}

/// That somebody does not occur, and who may have been meant.
fn never_met(host: &Subject, known: Vec<String>) -> String {
    let meant = nearest(&host.to_string(), known)
        .map_or(String::new(), |near| format!(": did you mean {}?", printable(&near, 256)));
    format!("{host} occurs in none of the packets read{meant}")
}

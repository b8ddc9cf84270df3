//! `minewatch explain`: all evidence about one host, flow by flow, in time order, and what the next level would take.

use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::options::{Knowing, Reading};
use super::replay::{complain, name_inputs, open, outcome, style};
use super::session::{self, Listener};
use super::{Failure, Outcome};
use crate::firewall::Policy;
use crate::ledger::Alert;
use crate::sink::table;

/// Arguments of `explain`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// The host: a miner, or a pool
    host: IpAddr,
    /// Captures, as for replay
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    knowing: Knowing,
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
    let finished = session::run(
        open(&args.inputs)?,
        &args.reading.resolve(known.intel),
        known.geo,
        &Policy::default(),
        &mut Silent,
    )?;
    let mut report = finished.report;
    name_inputs(&mut report, &finished.source);
    for h in &mut report.hosts {
        if h.key.ip != args.host {
            h.flows.retain(|f| f.pool.ip() == args.host);
        }
    }
    report.hosts.retain(|h| !h.flows.is_empty());
    let mut out = BufWriter::new(io::stdout().lock());
    if report.hosts.is_empty() {
        writeln!(out, "Nothing was seen that makes {} a miner or a pool.", args.host)?;
    }
    for h in &report.hosts {
        table::explain(&mut out, h, &report, style())?;
    }
    out.flush()?;
    complain(&report.problems)?;
    Ok(outcome(&report))
}

//! `minewatch watch`: an interface until interrupted.

use std::io::Write;

use clap::Args as ClapArgs;

use super::options::{Blocking, Reading};
use super::replay::{Printer, complain, outcome};
use super::{Failure, Outcome, session};
use crate::capture::live::Live;

/// Arguments of `watch`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// Interface: the mirror port, or the gateway's inside
    #[arg(short, long, value_name = "NAME")]
    interface: String,
    /// Capture filter in pcap-filter(7) syntax
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// Print JSON lines instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    blocking: Blocking,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let plan = args.blocking.resolve()?;
    let live = Live::open(&args.interface, args.filter.as_deref())?;
    let mut printer = Printer::live(args.json, args.interface.clone(), plan.uses_stdout());
    // A quiet interface looks like a program that hangs.
    writeln!(std::io::stderr(), "minewatch: watching {}; Ctrl-C ends it with a report", args.interface)?;
    let mut finished = session::run(live, &args.reading.resolve(), &plan.policy, &mut printer)?;
    let mut report = finished.report;
    report.sources.push(args.interface.clone());
    finished.source.drops(&mut report.health);
    if let Some(why) = finished.source.over() {
        report.problems.push(format!("{}: capture ended: {}", args.interface, crate::text::printable(why, 256)));
    }
    let blocked = session::block(&mut report, &plan, finished.until);
    if let Ok(warnings) = &blocked {
        report.notes.extend(warnings.iter().cloned());
    }
    printer.report(&report)?;
    complain(&report.problems)?;
    blocked?;
    Ok(outcome(&report))
}

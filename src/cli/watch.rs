//! `minewatch watch`: an interface until interrupted, or for a while.

use std::io::Write;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::options::{Blocking, Knowing, Reading};
use super::replay::{Printer, complain, outcome};
use super::session::{self, World};
use super::{Failure, Outcome};
use crate::capture::live::Live;
use crate::firewall::Ttl;

/// Arguments of `watch`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// Interface: the mirror port, or the gateway's inside
    #[arg(short, long, value_name = "NAME")]
    interface: String,
    /// Capture filter in pcap-filter(7) syntax
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// End with a report after this long: 90s, 30m, 24h, 7d [default: when interrupted]
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    most: Option<Duration>,
    /// Print JSON lines instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    knowing: Knowing,
    #[command(flatten)]
    blocking: Blocking,
}

/// A number of seconds, minutes, hours or days.
fn span(text: &str) -> Result<Duration, String> {
    let ttl: Ttl = text.parse().map_err(|_| "write 1s to 3650d, as in 90s, 30m, 24h or 7d".to_owned())?;
    Ok(ttl.duration())
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut plan = args.blocking.resolve()?;
    let (known, reload) = args.knowing.read_and_follow()?;
    let live = Live::open(&args.interface, args.filter.as_deref())?;
    let mut printer = Printer::live(args.json, args.interface.clone(), plan.uses_stdout());
    // A quiet interface looks like a program that hangs.
    let end = args.most.map_or(String::new(), |_| ", or the time given,".to_owned());
    writeln!(std::io::stderr(), "minewatch: watching {}; Ctrl-C{end} ends it with a report", args.interface)?;
    let reading = args.reading.resolve(known.intel);
    let world = World { geo: known.geo, news: Some(session::follow(reload)?) };
    let mut finished = session::run(live, &reading, world, &plan.policy, args.most, &mut printer)?;
    finished.spare(&mut plan);
    let mut report = finished.report;
    report.sources.push(args.interface.clone());
    finished.source.drops(&mut report.health);
    if let Some(why) = finished.source.over() {
        report.problems.push(format!("{}: capture ended: {}", args.interface, crate::text::printable(why, 256)));
    }
    report.notes.extend(known.warnings);
    let blocked = session::block(&mut report, &plan, finished.until);
    if let Ok(warnings) = &blocked {
        report.notes.extend(warnings.iter().cloned());
    }
    printer.report(&report)?;
    complain(&report.problems)?;
    blocked?;
    Ok(outcome(&report))
}

//! `minewatch watch`: interfaces until interrupted, or for a while.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::options::{Blocking, Knowing, Reading};
use super::replay::{Printer, complain, outcome};
use super::session::{self, World};
use super::vigil::{Vigil, Vigilant};
use super::{Failure, Outcome};
use crate::capture::live::{Live, LiveOptions};
use crate::firewall::Ttl;
use crate::health::Gauges;

/// Arguments of `watch`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// Interface: the mirror port, or the gateway's inside. May be given several times
    #[arg(short, long = "interface", value_name = "NAME", required = true)]
    interfaces: Vec<String>,
    /// Capture filter in pcap-filter(7) syntax
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// Bytes captured of each frame, at the most; what is cut off is not looked at
    #[arg(long, value_name = "BYTES", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(256..=262_144))]
    snaplen: u32,
    /// Memory for frames that wait in the kernel, in MiB for each interface; more of it drops less in bursts
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=2047))]
    buffer: u32,
    /// End with a report after this long: 90s, 30m, 24h, 7d [default: when interrupted]
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    most: Option<Duration>,
    /// Print JSON lines instead of text
    #[arg(long)]
    json: bool,
    /// Remember hosts, incidents and block entries in this folder, over restarts
    #[cfg(feature = "state")]
    #[arg(long, value_name = "DIR")]
    state: Option<std::path::PathBuf>,
    /// Cut miners off at once, in this machine's firewall: nftables, else ipset and iptables
    #[cfg(feature = "state")]
    #[arg(long)]
    apply: bool,
    /// How often it is looked whether the firewall still holds what it should [default: 30s]
    #[cfg(feature = "state")]
    #[arg(long, value_name = "TIME", value_parser = span, requires = "apply")]
    look_every: Option<Duration>,
    /// Only say what --apply would cut off
    #[cfg(feature = "state")]
    #[arg(long, conflicts_with = "apply")]
    dry_run: bool,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    knowing: Knowing,
    #[command(flatten)]
    blocking: Blocking,
}

impl Args {
    /// Each interface once.
    fn interfaces(&self) -> Vec<String> {
        let mut once: Vec<String> = Vec::new();
        for name in &self.interfaces {
            if !once.contains(name) {
                once.push(name.clone());
            }
        }
        once
    }

    fn capturing(&self, readers: usize) -> LiveOptions {
        LiveOptions { filter: self.filter.clone(), snaplen: self.snaplen, buffer: self.buffer << 20, readers }
    }
}

/// A number of seconds, minutes, hours or days.
fn span(text: &str) -> Result<Duration, String> {
    let ttl: Ttl = text.parse().map_err(|_| "write 1s to 3650d, as in 90s, 30m, 24h or 7d".to_owned())?;
    Ok(ttl.duration())
}

/// Runs the subcommand.
#[cfg_attr(not(feature = "state"), allow(unused_mut))] // nobody acts meanwhile
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut plan = if args.acts() { args.blocking.resolve_for_kernel()? } else { args.blocking.resolve()? };
    let (known, reload) = args.knowing.read_and_follow()?;
    plan.check(&known)?;
    let interfaces = args.interfaces();
    let mut reading = args.reading.resolve(known.intel);
    let live = Live::open(&interfaces, args.capturing(reading.workers))?;
    let mut printer = Printer::live(args.json, interfaces.clone(), plan.uses_stdout());
    let gauges = Arc::<Gauges>::default();
    reading.gauges = Some(Arc::clone(&gauges));
    #[cfg(feature = "state")]
    let mut living = args.living(&plan)?;
    let mut world = World { geo: known.geo, news: Some(session::follow(reload)?), companion: None };
    #[cfg(feature = "state")]
    if let Some(living) = &mut living {
        reading.claims = true;
        world.companion = Some(living);
    }
    // A quiet interface looks like a program that hangs.
    let end = args.most.map_or(String::new(), |_| ", or the time given,".to_owned());
    writeln!(std::io::stderr(), "minewatch: watching {}; Ctrl-C{end} ends it with a report", interfaces.join(", "))?;
    let mut listener = Vigilant { vigil: Vigil::new(live.status(), gauges), listener: &mut printer };
    let mut finished = session::run(live, &reading, world, &plan.policy, args.most, &mut listener)?;
    complain(&listener.vigil.look())?;
    #[cfg(feature = "state")]
    if let Some(living) = living {
        complain(&living.end())?;
    }
    finished.spare(&mut plan);
    let mut report = finished.report;
    report.sources = interfaces;
    finished.source.drops(&mut report.health);
    report.problems.extend(finished.source.missing());
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

impl Args {
    /// Whether something is done while it goes on.
    fn acts(&self) -> bool {
        #[cfg(feature = "state")]
        return self.apply || self.dry_run || self.state.is_some();
        #[cfg(not(feature = "state"))]
        return false;
    }

    /// Who does it.
    #[cfg(feature = "state")]
    fn living(&self, plan: &super::options::BlockPlan) -> Result<Option<super::living::Living>, Failure> {
        use super::living::How;
        if !self.acts() {
            return Ok(None);
        }
        let how = match (self.apply, self.dry_run) {
            (true, _) => How::Apply { look_every: self.look_every },
            (_, true) => How::Say,
            _ => How::Remember,
        };
        let (living, said) = super::living::Living::start(plan, self.state.as_deref(), how)?;
        complain(&said)?;
        Ok(Some(living))
    }
}

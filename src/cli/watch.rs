//! `minewatch watch`: interfaces until interrupted, or for a while.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::{Args as ClapArgs, ValueEnum};

use super::block_feed::{BlockFeeds, Tails};
use super::lists;
#[cfg(feature = "state")]
use super::living::Opened;
use super::options::{BlockPlan, Blocking, Knowing, Reading};
use super::replay::{Printer, complain, outcome};
use super::session::{self, World};
use super::vigil::{Vigil, Vigilant};
use super::{Failure, Outcome};
use crate::capture::live::{Live, LiveOptions};
use crate::firewall::Ttl;
use crate::health::Gauges;
use crate::notify::Notifier;
use crate::sandbox::{self, Plan, User, confine};

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
    state: Option<PathBuf>,
    /// Cut miners off at once, in this machine's firewall: nftables, else ipset and iptables
    #[cfg(feature = "state")]
    #[arg(long)]
    apply: bool,
    /// How often it is looked whether the firewall still holds what it should [default: 30s]
    #[cfg(feature = "state")]
    #[arg(long, value_name = "TIME", value_parser = span, requires = "apply")]
    look_every: Option<Duration>,
    /// Become this user once everything is open; needs root to start with
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Giving up rights that are no longer needed, file access (landlock) and system calls (seccomp): as far as the
    /// kernel can, or not at all, or refuse to run with less
    #[arg(long, value_name = "HOW", default_value = "auto")]
    sandbox: Insistence,
    #[cfg(feature = "serve")]
    #[command(flatten)]
    serving: super::telling::Serving,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    knowing: Knowing,
    #[command(flatten)]
    block_feeds: BlockFeeds,
    #[command(flatten)]
    blocking: Blocking,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Insistence {
    Auto,
    Required,
    Off,
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
    // Everything is opened first, then rights are given up, then threads start: they inherit what is left.
    let mut plan = if args.acts() { args.blocking.resolve_for_kernel()? } else { args.blocking.resolve()? };
    let (known, reload) = args.knowing.read_and_follow()?;
    plan.learn(&known)?;
    let feeds = args.block_feeds.and(&plan.block_feeds).follow()?;
    let interfaces = args.interfaces();
    let mut reading = args.reading.resolve(known.intel);
    let live = Live::open(&interfaces, args.capturing(reading.workers))?;
    #[cfg(feature = "state")]
    let mut telling = args.telling()?;
    #[cfg(feature = "state")]
    let opened = args.open_state(&plan, telling.board())?;
    let manager = Notifier::from_env();
    let confined = args.confine(&plan, &feeds)?;
    #[cfg(feature = "state")]
    telling.board().confined(confined.lines(), confined.missing());
    #[cfg(not(feature = "state"))]
    drop(confined);
    let mut printer = Printer::live(args.json, interfaces.clone(), plan.uses_stdout());
    let gauges = Arc::<Gauges>::default();
    reading.gauges = Some(Arc::clone(&gauges));
    let reload = reload.with_policy(&mut plan, &args.blocking);
    let mut world = World {
        geo: known.geo,
        news: Some(session::follow(reload)?),
        companion: None,
        overhearing: crate::ledger::Overhearing::default(),
        feeds,
    };
    complain(&world.feeds.tick(world.overhearing.detect_mut()))?;
    complain(&world.feeds.state())?;
    complain(&world.feeds.oddities())?;
    #[cfg(feature = "state")]
    world.feeds.show_on(telling.board());
    #[cfg(feature = "state")]
    let mut living = match opened.map(Opened::begin).transpose()? {
        Some((living, said)) => {
            complain(&said)?;
            Some(living)
        }
        None => None,
    };
    #[cfg(feature = "state")]
    if let Some(living) = &mut living {
        reading.claims = true;
        world.companion = Some(living);
    }
    // A quiet interface looks like a program that hangs.
    let end = args.most.map_or(String::new(), |_| ", or the time given,".to_owned());
    let greeting = format!("watching {}; Ctrl-C{end} ends it with a report", interfaces.join(", "));
    let vigil = Vigil::new(live.status(), gauges, manager);
    #[cfg(feature = "state")]
    let vigil = {
        telling.start()?;
        vigil.shown_on(telling.board(), &reading.intel)
    };
    let mut listener = Vigilant { vigil, listener: &mut printer, greeting };
    let mut finished = session::run(live, &reading, world, &plan.policy, args.most, &mut listener)?;
    // A terminal that is gone hears nothing, and must not take the report with it.
    drop(complain(&listener.vigil.end()));
    finished.spare(&mut plan);
    let mut report = finished.report;
    #[cfg(feature = "state")]
    let held = living.and_then(|living| {
        let (said, held) = living.end(&report);
        drop(complain(&said));
        held
    });
    #[cfg(not(feature = "state"))]
    let held = None;
    report.sources = interfaces;
    finished.source.drops(&mut report.health);
    report.problems.extend(finished.source.missing());
    report.notes.extend(known.warnings);
    report.notes.extend(lists::behind_us(&report, &plan));
    let blocked = lists::block(&mut report, &plan, finished.until, held);
    if let Ok(warnings) = &blocked {
        report.notes.extend(warnings.iter().cloned());
    }
    printer.report(&report)?;
    drop(complain(&report.problems));
    blocked?;
    Ok(outcome(&report))
}

impl Args {
    /// Whether something is done while it goes on.
    fn acts(&self) -> bool {
        #[cfg(feature = "state")]
        return self.apply || self.blocking.is_dry() || self.state.is_some() || self.serves();
        #[cfg(not(feature = "state"))]
        return false;
    }

    /// Whether lists are served, which must hold what is found on the way.
    #[cfg(feature = "state")]
    const fn serves(&self) -> bool {
        #[cfg(feature = "serve")]
        return self.serving.is_wanted();
        #[cfg(not(feature = "serve"))]
        return false;
    }

    /// Who tells others. What it opens is opened now, and answered when it is started.
    #[cfg(feature = "state")]
    fn telling(&self) -> Result<super::telling::Telling, Failure> {
        let mut telling = super::telling::Telling::default();
        if let Some(dir) = &self.state {
            complain(telling.open(dir)?.as_slice())?;
        }
        #[cfg(feature = "serve")]
        complain(&telling.serve(&self.serving)?)?;
        Ok(telling)
    }

    /// Gives up every right that the rest does not need. What is in force, or why not, is told.
    fn confine(&self, plan: &BlockPlan, feeds: &Tails) -> Result<sandbox::Report, Failure> {
        if self.sandbox == Insistence::Off {
            complain(&["sandbox: off, as asked for".to_owned()])?;
            return Ok(sandbox::Report::off());
        }
        let mut writable: Vec<PathBuf> = plan.lists.iter().filter_map(|l| l.to.path().map(Path::to_owned)).collect();
        writable.retain(|p| !p.as_os_str().is_empty());
        let own = self.state().map(Path::to_owned).into_iter().collect();
        let readable =
            self.knowing.files().chain(self.blocking.files()).chain(feeds.files()).map(Path::to_owned).collect();
        let user = self.user.as_deref().map(User::named).transpose()?;
        let report = confine(&Plan { user, keep_net_raw: true, readable, writable, own });
        let missing: Vec<_> = report.missing().collect();
        if self.sandbox == Insistence::Required && !missing.is_empty() {
            bail!("--sandbox required, but not all of it is in force: {}", missing.join("; "));
        }
        complain(&[format!("sandbox: {}", report.lines().collect::<Vec<_>>().join("; "))])?;
        Ok(report)
    }

    fn state(&self) -> Option<&Path> {
        #[cfg(feature = "state")]
        return self.state.as_deref();
        #[cfg(not(feature = "state"))]
        return None;
    }

    /// Opens what acts meanwhile.
    #[cfg(feature = "state")]
    fn open_state(&self, plan: &BlockPlan, board: crate::serve::Board) -> Result<Option<Opened>, Failure> {
        use super::living::{How, Living};
        if !self.acts() && !plan.limits.dry_run {
            return Ok(None);
        }
        let how = match (plan.limits.dry_run, self.apply) {
            (true, _) => How::Say,
            (_, true) => How::Apply {
                backend: plan.applying.backend,
                look_every: self.look_every.unwrap_or(plan.applying.check_every),
                feeds: self.knowing.feeds().for_another(),
            },
            _ => How::Remember,
        };
        Ok(Some(Living::open(plan, self.state.as_deref(), how, board)?))
    }
}

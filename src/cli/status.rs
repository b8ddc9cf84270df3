//! `minewatch status`: how a running watch is.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::Args as ClapArgs;

use super::remembered::{StateDir, spent, table};
use super::{Failure, Outcome};
use crate::serve::{Firewall, Interface, Standing, ask};
use crate::text::counted;

/// Longest text of a watch that is shown.
const LONGEST: usize = 1_024;

/// Arguments of `status`.
#[derive(ClapArgs, Debug)]
#[command(
    after_help = "Exit status: 0 all is well; 1 it runs, and something is wrong; 2 none runs, or it cannot be asked."
)]
pub(super) struct Args {
    #[command(flatten)]
    dir: StateDir,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let (standing, bytes) = ask(args.dir.path())?;
    let mut out = io::stdout().lock();
    if args.json {
        // As it was answered: a newer watch may tell more than is known here.
        let whole: serde_json::Value = serde_json::from_slice(&bytes)?;
        writeln!(out, "{whole}")?;
    } else {
        out.write_all(&text(&standing)?)?;
    }
    Ok(if standing.well { Outcome::Clean } else { Outcome::Found })
}

fn shown(text: &str) -> String {
    crate::text::printable(text, LONGEST).into_owned()
}

fn text(s: &Standing) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let since = shown(&s.since);
    let since = since.split_once('.').map_or(since.clone(), |(whole, _)| format!("{whole}Z"));
    let (version, pid) = (shown(&s.version), s.pid);
    writeln!(out, "minewatch {version} runs since {since} ({}), process {pid}", spent(s.uptime_secs))?;
    if s.dry_run {
        writeln!(out, "Dry run: nothing is cut off, isolated, blocked or saved.")?;
    }
    if s.well {
        writeln!(out, "All is well.")?;
    }
    for line in &s.wrong {
        writeln!(out, "WRONG: {}", shown(line))?;
    }
    for line in &s.notes {
        writeln!(out, "note: {}", shown(line))?;
    }
    writeln!(out)?;
    let row = |i: &Interface| {
        let [frames, kernel, own] = [i.frames, i.kernel_drops, i.interface_drops].map(|n| n.to_string());
        [shown(&i.name), shown(&i.state), frames, kernel, own]
    };
    let rows: Vec<_> = s.interfaces.iter().map(row).collect();
    table(&mut out, ["INTERFACE", "STATE", "FRAMES", "DROPPED BY KERNEL", "BY INTERFACE"], &rows)?;
    writeln!(out)?;
    for (title, says) in facts(s) {
        writeln!(out, "{title:<11}{says}")?;
    }
    Ok(out)
}

fn facts(s: &Standing) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    match &s.firewall {
        Some(f) => facts.extend(firewall(s, f)),
        None if s.dry_run => facts.push(("firewall", "nothing is cut off: this is a dry run".to_owned())),
        None => facts.push(("firewall", "nothing is cut off (watch --apply does)".to_owned())),
    }
    let i = s.incidents;
    let would = if s.dry_run { "would hold " } else { "" };
    facts.push((
        "list",
        format!("{would}{}, {}", counted(s.entries, "entry", "entries"), counted(s.names, "name", "names")),
    ));
    let incidents = format!("{} open, {} contained, {} quiet, {} closed", i.open, i.contained, i.quiet, i.closed);
    facts.push(("incidents", format!("{incidents}; {} remembered", counted(s.hosts, "host", "hosts"))));
    let state = match &s.state {
        Some(state) => match (&state.dir, state.saved) {
            (None, _) => "not saved: no --state".to_owned(),
            (Some(dir), _) if s.dry_run => format!("read from {}, and not saved: this is a dry run", shown(dir)),
            (Some(dir), true) => format!("saved in {}", shown(dir)),
            (Some(dir), false) => {
                let since = state.since.as_deref().map_or(String::new(), |t| format!(" since {}", shown(t)));
                format!("NOT saved in {}{since}; {} waiting, {} lost", shown(dir), state.unsaved, state.lost)
            }
        },
        None => "nothing is remembered".to_owned(),
    };
    facts.push(("state", state));
    for feed in &s.feeds {
        let entries = counted(feed.entries, "entry", "entries");
        let age = match (&feed.date, feed.age_days) {
            (Some(date), Some(days)) => format!("of {} ({} old)", shown(date), counted(days, "day", "days")),
            _ => "without a date".to_owned(),
        };
        facts.push((
            "feed",
            format!("{} {age}, {entries}{}", shown(&feed.name), if feed.stale { ", stale" } else { "" }),
        ));
    }
    for feed in &s.block_feeds {
        let newest = feed.age_secs.map_or(String::new(), |age| format!(", the newest {} ago", spent(age)));
        let coins =
            if feed.coins.is_empty() { String::new() } else { format!(" of {}", shown(&feed.coins.join(", "))) };
        let old = if feed.stale { ", stale" } else { "" };
        let blocks = counted(feed.blocks as usize, "block", "blocks");
        facts.push(("blocks", format!("{} {blocks}{coins}{newest}{old}", shown(&feed.name))));
    }
    if let Some(serving) = &s.serving {
        let mut says =
            format!("http://{}/, {}", shown(&serving.address), counted(serving.requests, "request", "requests"));
        if serving.strangers + serving.crowded > 0 {
            let _ = write!(
                says,
                "; refused: {}, {} too many",
                counted(serving.strangers, "stranger", "strangers"),
                serving.crowded
            );
        }
        facts.push(("serving", says));
    }
    if s.sandbox.lines.is_empty() {
        facts.push(("sandbox", "nothing is known of it".to_owned()));
    }
    facts.extend(s.sandbox.lines.iter().map(|line| ("sandbox", shown(line))));
    facts
}

fn firewall(s: &Standing, f: &Firewall) -> Vec<(&'static str, String)> {
    let mut told = match (&f.backend, f.applied_secs_ago) {
        (Some(backend), Some(ago)) => {
            format!("{} holds {}, told {} ago", shown(backend), counted(f.entries, "entry", "entries"), spent(ago))
        }
        _ => "not told yet".to_owned(),
    };
    if f.drift_repaired > 0 {
        let last = f.last_drift.as_deref().map_or(String::new(), |d| format!(" (last: {})", shown(d)));
        let _ = write!(told, "; changed by others and repaired: {}{last}", f.drift_repaired);
    }
    if f.errors > 0 {
        let _ = write!(told, "; {}", counted(f.errors as usize, "failure", "failures"));
    }
    if f.refused > 0 {
        let _ = write!(told, "; {} refused by the last gate", f.refused);
    }
    let mut all = vec![("firewall", told)];
    let isolated = if f.hits_isolated > 0 { format!(", {} of isolated hosts", f.hits_isolated) } else { String::new() };
    all.push(("rejected", format!("{}{isolated}", counted(f.hits_blocked, "packet", "packets"))));
    if let Some(median) = s.cut.median_secs {
        let times = counted(s.cut.count as usize, "endpoint", "endpoints");
        all.push(("cut off", format!("{times}, median {median:.2} s after the first packet of the connection")));
    }
    all
}

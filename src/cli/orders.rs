//! `minewatch block` and `minewatch release`: orders of an operator, left in the store for whoever watches.

use std::io::{self, Write};

use anyhow::bail;
use clap::Args as ClapArgs;

use super::remembered::{LastGate, StateDir, as_saved, not_done, now, second, target, user};
use super::{Failure, Outcome};
use crate::firewall::{Book, Target, Ttl};
use crate::state::{Batch, Store};
use crate::time::PacketTime;

/// Arguments of `block`.
#[derive(ClapArgs, Debug)]
pub(super) struct BlockArgs {
    /// What: ADDR (all of it), ADDR:PORT or ADDR:PORT/udp
    #[arg(value_name = "ADDR[:PORT]", value_parser = target)]
    target: Target,
    /// How long: 90s, 30m, 24h, 7d
    #[arg(long = "for", value_name = "TIME")]
    life: Ttl,
    /// Why, for whoever reads it later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    dir: StateDir,
    #[command(flatten)]
    gate: LastGate,
}

/// Arguments of `release`.
#[derive(ClapArgs, Debug)]
pub(super) struct ReleaseArgs {
    /// What: ADDR (all that is blocked of it), ADDR:PORT or ADDR:PORT/udp
    #[arg(value_name = "ADDR[:PORT]", value_parser = target)]
    target: Target,
    /// How long it is not blocked again, whatever is seen: 90s, 30m, 24h, 7d
    #[arg(long = "for", value_name = "TIME", default_value_t = Ttl::DAY)]
    life: Ttl,
    #[command(flatten)]
    dir: StateDir,
}

/// Runs `block`.
pub(super) fn block(args: &BlockArgs) -> Result<Outcome, Failure> {
    let (policy, never) = args.gate.resolve()?;
    let now = now();
    let (mut store, mut book) = args.dir.book(&policy, now)?;
    if args.reason.trim().is_empty() {
        bail!("--reason is empty: say why, for whoever reads it later");
    }
    let reason = crate::text::printable(&args.reason, 256);
    let until = match book.block(args.target, args.life, (&reason, &user()), (&policy, &never), now) {
        Ok(until) => until,
        Err(reason) => bail!("{} is not blocked: {reason}", args.target),
    };
    save(&mut store, &mut book, args.target, now)?;
    writeln!(io::stdout(), "{} is blocked until {} ({})", args.target, second(until), args.life)?;
    Ok(Outcome::Clean)
}

/// Runs `release`.
pub(super) fn release(args: &ReleaseArgs) -> Result<Outcome, Failure> {
    let policy = as_saved();
    let now = now();
    let (mut store, mut book) = args.dir.book(&policy, now)?;
    let until = now.plus(args.life.duration());
    let gone = book.release(args.target, until, &user(), now);
    save(&mut store, &mut book, args.target, now)?;
    let mut out = io::stdout();
    if gone.is_empty() {
        writeln!(out, "{} was not blocked", args.target)?;
    }
    for target in &gone {
        writeln!(out, "{target} is not blocked any more")?;
    }
    // A wider entry is another order.
    let whole = Target { service: None, ..args.target };
    if args.target != whole && book.entries(&policy, now).any(|r| r.key == whole) {
        writeln!(out, "but the whole address is blocked: minewatch release {whole}")?;
    }
    writeln!(out, "nothing that is seen blocks {} again before {}", args.target, second(until))?;
    Ok(Outcome::Clean)
}

fn save(store: &mut Store, book: &mut Book, target: Target, now: PacketTime) -> Result<(), Failure> {
    let mut batch = Batch::default();
    batch.entries(book.take_touched());
    batch.releases(book.releases(now).filter(|r| r.target == target).cloned());
    store.save(batch, now).map_err(not_done)
}

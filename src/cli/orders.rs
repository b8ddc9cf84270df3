//! `minewatch block`, `isolate` and `release`: orders of an operator, left in the store for whoever watches.

use std::io::{self, Write};
use std::net::IpAddr;

use anyhow::bail;
use clap::Args as ClapArgs;

use super::remembered::{LastGate, StateDir, as_saved, not_done, now, second, user};
use super::{Failure, Outcome};
use crate::firewall::{Book, Item, Reason, Ttl, instead_of};
use crate::state::{Batch, Store};
use crate::time::PacketTime;

/// Arguments of `block`.
#[derive(ClapArgs, Debug)]
pub(super) struct BlockArgs {
    /// What: ADDR (all of it; no prefix), ADDR:PORT, ADDR:PORT/udp, HOST@ADDR:PORT (for that host only), or a name, with
    /// all below it
    #[arg(value_name = "[HOST@]ADDR[:PORT]|NAME")]
    item: Item,
    #[command(flatten)]
    order: Order,
}

/// Arguments of `isolate`.
#[derive(ClapArgs, Debug)]
pub(super) struct IsolateArgs {
    /// Which host inside
    #[arg(value_name = "ADDR")]
    host: IpAddr,
    #[command(flatten)]
    order: Order,
}

#[derive(ClapArgs, Debug)]
struct Order {
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
    /// What: ADDR (all that is blocked of it or for it, or the isolated host), ADDR:PORT, ADDR:PORT/udp, HOST@ADDR:PORT
    /// (for that host only), or a name, with all below it
    #[arg(value_name = "[HOST@]ADDR[:PORT]|NAME")]
    item: Item,
    /// How long it is not blocked again, whatever is seen: 90s, 30m, 24h, 7d
    #[arg(long = "for", value_name = "TIME", default_value_t = Ttl::DAY)]
    life: Ttl,
    #[command(flatten)]
    dir: StateDir,
}

/// Runs `block`.
pub(super) fn block(args: &BlockArgs) -> Result<Outcome, Failure> {
    args.order.give(&args.item)
}

/// Runs `isolate`.
pub(super) fn isolate(args: &IsolateArgs) -> Result<Outcome, Failure> {
    args.order.give(&Item::Host(args.host.to_canonical()))
}

/// What is done to an item.
const fn done_to(item: &Item) -> &'static str {
    if matches!(item, Item::Host(_)) { "isolated" } else { "blocked" }
}

impl Order {
    fn give(&self, item: &Item) -> Result<Outcome, Failure> {
        let (policy, never) = self.gate.resolve()?;
        let now = now();
        let (mut store, mut book) = self.dir.book(&policy, now)?;
        if self.reason.trim().is_empty() {
            bail!("--reason is empty: say why, for whoever reads it later");
        }
        let reason = crate::text::printable(&self.reason, 256);
        let done = done_to(item);
        let until = match book.block(item.clone(), self.life, (&reason, &user()), (&policy, &never), now) {
            Ok(until) => until,
            Err(reason @ Reason::SharedFront(_)) => {
                let more = item.endpoint().map_or(String::new(), |t| format!(": {}", instead_of(t, &[])));
                bail!("{item} is not {done}: {reason}{more}")
            }
            Err(reason) => bail!("{item} is not {done}: {reason}"),
        };
        save(&mut store, &mut book, item, now)?;
        writeln!(io::stdout(), "{item} is {done} until {} ({})", second(until), self.life)?;
        self.dir.tell_who_carries_it_out()?;
        Ok(Outcome::Clean)
    }
}

/// Runs `release`.
pub(super) fn release(args: &ReleaseArgs) -> Result<Outcome, Failure> {
    let policy = as_saved();
    let now = now();
    let (mut store, mut book) = args.dir.book(&policy, now)?;
    let until = now.plus(args.life.duration());
    let gone = book.release(args.item.clone(), until, &user(), now);
    save(&mut store, &mut book, &args.item, now)?;
    let mut out = io::stdout();
    if gone.is_empty() {
        writeln!(out, "{} was not blocked", args.item)?;
    }
    for item in &gone {
        writeln!(out, "{item} is not {} any more", done_to(item))?;
    }
    // A wider entry is another order.
    for wider in args.item.wider().into_iter().filter(|w| book.entries(&policy, now).any(|r| r.key == *w)) {
        let what = match &wider {
            Item::Name(_) => "a name above it",
            Item::Endpoint(t) if t.service.is_some() => "the endpoint, for everybody,",
            Item::Endpoint(_) | Item::Host(_) => "the whole address",
        };
        writeln!(out, "but {what} is blocked: minewatch release {wider}")?;
    }
    writeln!(out, "nothing that is seen blocks {} again before {}", args.item, second(until))?;
    Ok(Outcome::Clean)
}

fn save(store: &mut Store, book: &mut Book, item: &Item, now: PacketTime) -> Result<(), Failure> {
    let mut batch = Batch::default();
    batch.entries(book.take_touched());
    batch.releases(book.releases(now).filter(|r| r.item == *item).cloned());
    store.save(batch, now).map_err(not_done)
}

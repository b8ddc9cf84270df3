//! `minewatch block`, `isolate` and `release`: orders of an operator, left in the store for whoever watches.

use std::io::{self, Write};
use std::net::IpAddr;

use anyhow::bail;
use clap::Args as ClapArgs;

use super::remembered::{LastGate, StateDir, as_saved, not_done, now, second, user};
use super::{Failure, Outcome};
use crate::firewall::{Book, Item, Policy, Reason, Ttl, instead_of};
use crate::state::{Batch, Store};
use crate::text::nearest;
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
    /// How long it is not blocked again, whatever is seen: 90s, 30m, 24h, 7d [default: 24h]. What is not blocked is
    /// released beforehand if this is said
    #[arg(long = "for", value_name = "TIME")]
    life: Option<Ttl>,
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
        self.dir.tell_who_carries_it_out(item)?;
        Ok(Outcome::Clean)
    }
}

/// Runs `release`.
pub(super) fn release(args: &ReleaseArgs) -> Result<Outcome, Failure> {
    let policy = as_saved();
    let now = now();
    let (mut store, mut book) = args.dir.book(&policy, now)?;
    let until = now.plus(args.life.unwrap_or(Ttl::DAY).duration());
    // Of a slip nothing is kept: what was meant is blocked as before, and what was named might be blocked tomorrow.
    let is_meant = args.life.is_some()
        || book.entries(&policy, now).any(|r| args.item.covers(&r.key))
        || book.releases(now).any(|r| r.item.covers(&args.item));
    if !is_meant {
        bail!("{}", not_blocked(&args.item, &book, &policy, now));
    }
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
    for wider in wider(&args.item, &book, &policy, now) {
        writeln!(out, "but {wider}")?;
    }
    writeln!(out, "nothing that is seen blocks {} again before {}", args.item, second(until))?;
    Ok(Outcome::Clean)
}

/// What blocks something besides, with how to take it back.
fn wider(item: &Item, book: &Book, policy: &Policy, now: PacketTime) -> Vec<String> {
    let there = item.wider().into_iter().filter(|w| book.entries(policy, now).any(|r| r.key == *w));
    let say = |wider: Item| {
        let what = match &wider {
            Item::Name(_) => "a name above it",
            Item::Endpoint(t) if t.service.is_some() => "the endpoint, for everybody,",
            Item::Endpoint(_) | Item::Host(_) => "the whole address",
        };
        format!("{what} is blocked: minewatch release {wider}")
    };
    there.map(say).collect()
}

/// That something is not blocked, and what may have been meant.
fn not_blocked(item: &Item, book: &Book, policy: &Policy, now: PacketTime) -> String {
    let mut said = format!("{item} is neither blocked nor isolated, and nothing was changed");
    let wider = wider(item, book, policy, now);
    let all: Vec<String> = book.entries(policy, now).map(|r| r.key.to_string()).collect();
    if !wider.is_empty() {
        said = format!("{item} is not blocked by itself, and nothing was changed; {}", wider.join("; "));
    } else if let Some(near) = nearest(&item.to_string(), all) {
        said = format!("{said}: did you mean {near}?");
    }
    let end = if said.ends_with('?') { " " } else { "; " };
    format!("{said}{end}minewatch entries shows what is blocked, --for TIME keeps {item} out beforehand")
}

fn save(store: &mut Store, book: &mut Book, item: &Item, now: PacketTime) -> Result<(), Failure> {
    let mut batch = Batch::default();
    batch.entries(book.take_touched());
    batch.releases(book.releases(now).filter(|r| r.item == *item).cloned());
    store.save(batch, now).map_err(not_done)
}

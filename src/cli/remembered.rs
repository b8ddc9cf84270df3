//! What the commands on a store share: where it is, what time it is, columns.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use unicode_width::UnicodeWidthStr;

use super::Failure;
use super::feeds::FeedArgs;
use super::options::lines;
use super::replay::complain;
use crate::evidence::Verdict;
use crate::firewall::{
    AllowedMiner, Book, Isolation, Item, MaxEntries, NeverBlock, Policy, Prefix, ProtectedName, Ttl,
};
use crate::state::{DEFAULT_DIR, Loaded, StateError, Store};
use crate::text::counted;
use crate::time::PacketTime;

/// Where the state is.
#[derive(Args, Debug)]
pub(super) struct StateDir {
    /// Folder of the state that minewatch watch keeps
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DIR)]
    state: PathBuf,
}

impl StateDir {
    /// The folder.
    #[cfg(feature = "live")]
    pub(super) fn path(&self) -> &std::path::Path {
        &self.state
    }

    /// Who carries out an order that was left here, where that is not the firewall of a watch that runs.
    #[cfg(feature = "live")]
    pub(super) fn tell_who_carries_it_out(&self, item: &Item) -> Result<(), Failure> {
        let sentence = match crate::serve::ask(&self.state) {
            Ok((standing, _)) => who_carries_out(item, Some(&standing)),
            Err(crate::serve::AskError::NotRunning { .. }) => who_carries_out(item, None),
            // Who cannot be asked may do it all the same.
            Err(_) => None,
        };
        complain(sentence.as_slice())?;
        Ok(())
    }

    /// The same in a program that cannot watch.
    #[cfg(not(feature = "live"))]
    pub(super) fn tell_who_carries_it_out(&self, item: &Item) -> Result<(), Failure> {
        let sentence = match item {
            Item::Name(_) => {
                "no firewall holds a name: resolvers do, with a list of minewatch blocklist --format unbound"
            }
            Item::Endpoint(_) => {
                "it is carried out by a minewatch watch --apply with this state, and by who loads the list"
            }
            Item::Host(_) => "it is carried out by a minewatch watch --apply with this state: no list holds hosts",
        };
        complain(&[sentence.to_owned()])?;
        Ok(())
    }

    /// Says when the watch that runs lists something else than what is shown here.
    #[cfg(feature = "live")]
    pub(super) fn tell_what_differs(&self, entries: usize) -> Result<(), Failure> {
        if let Ok((standing, _)) = crate::serve::ask(&self.state)
            && standing.entries != entries
        {
            complain(&[format!(
                "the watch that runs lists {}, and this is {entries}: {}",
                counted(standing.entries, "endpoint", "endpoints"),
                if standing.dry_run {
                    "it is a dry run, and saves nothing"
                } else {
                    "it may be about to take up an order, or have a policy and options of its own, which --policy and the \
                     like name"
                }
            )])?;
        }
        Ok(())
    }

    /// Opens it and reads everything. Rows that are no values are told of.
    pub(super) fn read(&self) -> Result<(Store, Loaded), Failure> {
        let mut store = Store::open_existing(&self.state)?;
        let loaded = store.load()?;
        if loaded.dropped > 0 {
            let path = store.path().display();
            let rows = counted(loaded.dropped, "row is not what it", "rows are not what they");
            complain(&[format!("{path}: {rows} should be, and left out")])?;
        }
        Ok((store, loaded))
    }

    /// The store with its book.
    pub(super) fn book(&self, policy: &Policy, now: PacketTime) -> Result<(Store, Book), Failure> {
        let (store, loaded) = self.read()?;
        let mut book = Book::default();
        book.load(loaded.book, policy, now);
        Ok((store, book))
    }
}

/// Who carries out an order, if it is not done by the watch that runs.
#[cfg(feature = "live")]
fn who_carries_out(item: &Item, watch: Option<&crate::serve::Standing>) -> Option<String> {
    let applies = watch.is_some_and(|w| w.firewall.is_some());
    let is = match watch {
        _ if applies => "",
        None => "no watch runs with this state: ",
        Some(w) if w.dry_run => "the watch that runs is a dry run, and carries out nothing: ",
        Some(_) => "the watch that runs tells no firewall (it was started without --apply): ",
    };
    let serves = watch.and_then(|w| w.serving.as_ref()).filter(|_| watch.is_some_and(|w| !w.dry_run));
    Some(match (item, serves) {
        // The kernel knows no names, whoever tells it.
        (Item::Name(_), Some(serving)) => format!(
            "no firewall holds a name: resolvers that load http://{}/lists/unbound or another list of names do not answer \
             it any more",
            serving.address
        ),
        (Item::Name(_), None) => {
            "no firewall holds a name, with or without --apply: it is blocked where a resolver loads the \
                                  list of names (minewatch blocklist --format unbound, dnsmasq, rpz …)"
                .to_owned()
        }
        (Item::Endpoint(_) | Item::Host(_), _) if applies => return None,
        (Item::Endpoint(_), Some(_)) => format!("{is}the order is in the lists that it serves only"),
        (Item::Endpoint(_), None) => {
            format!(
                "{is}nothing is cut off by it before a watch with --apply runs, or somebody loads the list (minewatch blocklist)"
            )
        }
        (Item::Host(_), _) => {
            format!("{is}the host is NOT cut off before a watch with --apply runs, and no list holds hosts")
        }
    })
}

/// What never gets into a list.
#[derive(Args, Debug)]
#[command(next_help_heading = "Never block")]
pub(super) struct LastGate {
    /// The policy file of whoever watches: what it never blocks and what it allows
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Never block this address or prefix. May be given several times
    #[arg(long, value_name = "PREFIX")]
    never_block: Vec<Prefix>,
    /// The same for every line of a file; # begins a comment
    #[arg(long, value_name = "FILE")]
    never_block_file: Vec<PathBuf>,
    /// Never block this name, nor any below it. May be given several times
    #[arg(long, value_name = "NAME")]
    never_block_name: Vec<ProtectedName>,
    /// Your own network: nothing in it is blocked. May be given several times
    #[arg(long, value_name = "PREFIX")]
    home_net: Vec<Prefix>,
    // An attribute, because a doc comment would need marks around the addresses.
    #[arg(
        long,
        help = "Let the documentation ranges (192.0.2.0/24, 2001:db8::/32 …) into the list: for tests and examples"
    )]
    allow_documentation_ranges: bool,
    // Last, since it has a heading of its own.
    #[command(flatten)]
    feeds: FeedArgs,
}

impl LastGate {
    /// As a policy that takes saved entries as they are, and the gate.
    pub(super) fn resolve(&self) -> Result<(Policy, NeverBlock), Failure> {
        let mut policy = match &self.policy {
            Some(path) => {
                let said = crate::config::read(path)?;
                let warnings: Vec<_> = said.warnings.iter().map(|w| w.at(path)).collect();
                complain(&warnings)?;
                said.policy
            }
            None => as_saved(),
        };
        let as_saved = as_saved();
        (policy.ttl, policy.least) = (as_saved.ttl, as_saved.least);
        (policy.isolation.ttl, policy.isolation.least) = (as_saved.isolation.ttl, as_saved.isolation.least);
        policy.allow_documentation = self.allow_documentation_ranges;
        policy.never_block.extend(&self.never_block);
        for file in &self.never_block_file {
            policy.never_block.extend(lines::<Prefix>(file)?);
        }
        policy.never_block_names.extend(self.never_block_name.iter().cloned());
        policy.home.extend(&self.home_net);
        let (intel, problems) = self.feeds.load()?;
        complain(&super::feeds::told(&problems))?;
        Ok((policy, NeverBlock::new().with_local_machine().with_fronts(intel.fronts())))
    }
}

/// A policy that takes entries as they are: how long they live, and from which verdict on, was decided by who saved them.
pub(super) fn as_saved() -> Policy {
    let isolation = Isolation { enabled: true, ttl: Ttl::MAX, least: Verdict::Noted, ..Isolation::default() };
    Policy { ttl: Ttl::MAX, least: Verdict::Noted, isolation, ..Policy::default() }
}

/// Which entries of many get into a list.
#[derive(Args, Debug)]
pub(super) struct Choice {
    /// This host may mine, address or prefix: what it mines at is not in the list
    #[arg(long, value_name = "HOST")]
    allow_miner: Vec<AllowedMiner>,
    /// The same for every line of a file; # begins a comment
    #[arg(long, value_name = "FILE")]
    allow_miner_file: Vec<PathBuf>,
    /// Most entries in the list [default: 10000]
    #[arg(long, value_name = "N")]
    max_entries: Option<usize>,
}

impl Choice {
    /// Adds it to a policy.
    pub(super) fn refine(&self, policy: &mut Policy) -> Result<(), Failure> {
        policy.allow_miner.extend(&self.allow_miner);
        for file in &self.allow_miner_file {
            policy.allow_miner.extend(lines::<AllowedMiner>(file)?);
        }
        if let Some(n) = self.max_entries {
            policy.max_entries = MaxEntries::new(n)?;
        }
        Ok(())
    }
}

/// The time on the wall: what was saved lives by it.
pub(super) fn now() -> PacketTime {
    let ns = jiff::Timestamp::now().as_nanosecond();
    PacketTime::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX))
}

/// Whoever runs this, by the name that the system gives.
pub(super) fn user() -> String {
    let named = ["SUDO_USER", "LOGNAME", "USER"].iter().filter_map(|v| std::env::var(v).ok()).find(|n| !n.is_empty());
    let name = named.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    crate::text::printable(&name, 64).into_owned()
}

/// A time to the second.
pub(super) fn second(t: PacketTime) -> String {
    let text = t.to_string();
    match text.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => text,
    }
}

/// Time from now to then, in its two largest units.
pub(super) fn until(then: PacketTime, now: PacketTime) -> String {
    spent(then.since(now).as_secs())
}

/// Seconds in their two largest units.
pub(super) fn spent(s: u64) -> String {
    let parts = [(s / 86_400, "d"), (s % 86_400 / 3_600, "h"), (s % 3_600 / 60, "m"), (s % 60, "s")];
    let shown: Vec<_> = parts.iter().skip_while(|(n, _)| *n == 0).take(2).filter(|(n, _)| *n > 0).collect();
    if shown.is_empty() {
        return "0s".to_owned();
    }
    shown.iter().map(|(n, unit)| format!("{n}{unit}")).collect::<Vec<_>>().join(" ")
}

/// The first of many, and how many more there are.
pub(super) fn some(all: &[String], most: usize) -> String {
    let shown = all.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Rows in columns as wide as their widest cell; the last column is as long as it is.
pub(super) fn table<const N: usize>(out: &mut impl Write, titles: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let mut widths = titles.map(UnicodeWidthStr::width);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let mut print = |cells: [&str; N]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let gap = width.saturating_sub(cell.width()) + 2;
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', gap));
        }
        writeln!(out, "{}", line.trim_end())
    };
    print(titles)?;
    rows.iter().try_for_each(|row| print(row.each_ref().map(String::as_str)))
}

/// A cell that has nothing in it.
pub(super) fn or_dash(text: &str) -> Cow<'_, str> {
    if text.is_empty() { Cow::Borrowed("-") } else { crate::text::printable(text, 64) }
}

/// A failure to save, when an order was given: it was not carried out.
pub(super) fn not_done(e: StateError) -> Failure {
    Failure::from(e).context("the order was not saved")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "live")]
    #[test]
    fn an_order_says_who_carries_it_out_and_promises_nothing_that_nobody_does() {
        use crate::serve::{Firewall, Serving, Standing};

        let [endpoint, name] = ["198.51.100.7:3333", "pool.example"].map(|i| i.parse::<Item>().unwrap());
        let host = Item::Host([10, 0, 0, 5].into());
        let plain = Standing::default();
        let applies = Standing { firewall: Some(Firewall::default()), ..Standing::default() };
        let serving = Serving { address: "127.0.0.1:9464".to_owned(), ..Serving::default() };
        let serves = Standing { serving: Some(serving), ..Standing::default() };
        let dry = Standing { dry_run: true, ..serves.clone() };
        for item in [&endpoint, &host] {
            assert_eq!(who_carries_out(item, Some(&applies)), None);
            for watch in [None, Some(&plain), Some(&dry)] {
                let said = who_carries_out(item, watch).unwrap();
                assert!(said.contains("with --apply runs"), "{said}");
            }
        }
        // No kernel is ever told of a name.
        for watch in [None, Some(&plain), Some(&applies), Some(&dry)] {
            let said = who_carries_out(&name, watch).unwrap();
            assert!(said.starts_with("no firewall holds a name") && said.contains("minewatch blocklist"), "{said}");
        }
        assert!(who_carries_out(&name, Some(&serves)).unwrap().contains("http://127.0.0.1:9464/lists/unbound"));
        assert!(who_carries_out(&endpoint, Some(&serves)).unwrap().ends_with("in the lists that it serves only"));
        assert!(who_carries_out(&host, Some(&serves)).unwrap().contains("NOT cut off"));
        assert!(who_carries_out(&host, Some(&dry)).unwrap().contains("is a dry run"));
    }

    #[test]
    fn times_left_are_told_in_two_units() {
        let at = |s| PacketTime::from_parts(s, 0);
        for (secs, shown) in
            [(0, "0s"), (59, "59s"), (3_600, "1h"), (3_660, "1h 1m"), (90_061, "1d 1h"), (86_401, "1d")]
        {
            assert_eq!(until(at(secs), at(0)), shown);
        }
        assert_eq!(until(at(0), at(5)), "0s");
        assert_eq!(second(at(1_795_636_800)), "2026-11-25T20:00:00Z");
    }
}

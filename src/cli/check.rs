//! `minewatch check`: whether what is to be started would start, without starting it.
//!
//! Nothing is moved or left behind: whether state can be kept is tried, and taken back. A line each: `ok`, `warning` (it would start) or `error` (it would not, or not as
//! it was asked to).

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use super::block_feed::{BlockFeeds, Look};
use super::options::Knowing;
use super::{Failure, Outcome, apply, feeds};
use crate::config::{self, Resolved};
use crate::enforce::{Check, Choice, check_all};
use crate::firewall::Scope;
use crate::intel::{Day, Geo};
use crate::text::{counted, printable};
use crate::time::PacketTime;

/// Arguments of `check`.
#[derive(ClapArgs, Debug)]
#[command(after_help = "Exit status: 0 all of it can be used, 2 some of it cannot.")]
pub(super) struct Args {
    /// Policy file
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Interface that is to be watched: whether it is there and may be captured from. May be given several times
    #[cfg(feature = "live")]
    #[arg(short, long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,
    /// Folder of the state that is to be kept: whether it can be
    #[cfg(feature = "state")]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Whether the firewall of this machine can be told what to cut off
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    knowing: Knowing,
    #[command(flatten)]
    block_feeds: BlockFeeds,
}

/// What was found, in order.
#[derive(Default)]
struct Found {
    lines: Vec<String>,
    failed: bool,
}

impl Found {
    fn ok(&mut self, what: &str) {
        self.lines.push(format!("ok: {what}"));
    }

    fn warn(&mut self, what: &str) {
        self.lines.push(format!("warning: {what}"));
    }

    fn fail(&mut self, what: &str) {
        self.failed = true;
        self.lines.push(format!("error: {what}"));
    }
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut found = Found::default();
    let policy = policy(args.policy.as_deref(), &mut found);
    if !policy.policy.never_block_in.is_empty() && args.knowing.geo().is_empty() {
        found.warn("`block.never.in` spares nothing without databases of countries and networks: add --geo FILE");
    }
    knowledge(&args.knowing, &mut found);
    for look in
        args.block_feeds.and(&policy.block_feeds).look(PacketTime::from_parts(jiff::Timestamp::now().as_second(), 0))
    {
        match look {
            Look::Good(what) => found.ok(&what),
            Look::Odd(what) => found.warn(&what),
            Look::Bad(what) => found.fail(&what),
        }
    }
    #[cfg(feature = "state")]
    if let Some(dir) = &args.state {
        state(dir, &mut found);
    }
    #[cfg(feature = "live")]
    for name in &args.interfaces {
        use crate::capture::live::{Live, LiveOptions};

        match Live::open(std::slice::from_ref(name), LiveOptions::default()) {
            Ok(_) => found.ok(&format!("interface {name}: can be captured from")),
            Err(e) => found.fail(&super::sentence(&e.into())),
        }
    }
    if args.apply {
        firewall(policy.applying.backend, &check_all(), &mut found);
    }
    let mut out = stdout().lock();
    for line in &found.lines {
        writeln!(out, "{}", printable(line, 2048))?;
    }
    Ok(if found.failed { Outcome::Failed } else { Outcome::Clean })
}

fn policy(path: Option<&Path>, found: &mut Found) -> Resolved {
    let Some(path) = path else {
        found.ok("policy: none is given, so the defaults hold");
        return Resolved::default();
    };
    match config::read(path) {
        Ok(resolved) => {
            found.ok(&format!("policy {}: {}", path.display(), summary(&resolved)));
            for w in &resolved.warnings {
                found.warn(&w.at(path));
            }
            resolved
        }
        Err(e) => {
            for sentence in e.sentences() {
                found.fail(&sentence);
            }
            // What depends on it is judged by the defaults.
            Resolved::default()
        }
    }
}

/// What it comes to, so that a reader sees whether he wrote what he meant.
fn summary(r: &Resolved) -> String {
    let p = &r.policy;
    let what = match p.scope {
        Scope::Endpoint => "endpoints",
        Scope::Address => "whole addresses",
        Scope::HostPair => "endpoints, each for the host that mines there,",
    };
    let mut says = vec![format!("blocks {what} from {} on, for {} up to {}", p.least, p.ttl, p.max_ttl)];
    let never = p.never_block.len() + p.never_block_names.len() + p.never_block_in.len() + p.home.len();
    let allowed = p.allow_miner.len() + p.allow_wallet.len() + p.allow_pool.len();
    if never > 0 {
        says.push(format!("{} for what is never blocked", counted(never, "entry", "entries")));
    }
    if allowed > 0 {
        says.push(format!("{} for who may mine", counted(allowed, "entry", "entries")));
    }
    if !r.limits.quiet.is_empty() {
        says.push(format!("nothing new at {} UTC", r.limits.quiet));
    }
    if r.policy.isolation.enabled {
        let i = &r.policy.isolation;
        says.push(format!("isolates hosts from {} on, for {}", i.least, i.ttl));
        // Who keeps the network that he sits in isolates nobody in it.
        let spared: Vec<_> = i.keep.iter().chain(&i.never).map(ToString::to_string).collect();
        if !spared.is_empty() {
            says.push(format!("never isolates hosts in {}", spared.join(", ")));
        }
    }
    if !r.block_feeds.is_empty() {
        says.push(counted(r.block_feeds.len(), "block feed", "block feeds"));
    }
    if r.limits.dry_run {
        says.push("dry run: nothing is written or changed".to_owned());
    }
    says.join("; ")
}

fn knowledge(knowing: &Knowing, found: &mut Found) {
    match knowing.feeds().load() {
        Ok((intel, problems)) => {
            let lists = intel.lists();
            let entries: usize = lists.iter().map(crate::intel::ListInfo::entries).sum();
            found.ok(&format!(
                "feeds: {} in {}",
                counted(entries, "entry", "entries"),
                counted(lists.len(), "list", "lists")
            ));
            for sentence in feeds::told(&problems) {
                found.warn(&sentence);
            }
            let today = Day::of(PacketTime::from_parts(jiff::Timestamp::now().as_second(), 0));
            for list in lists.iter().filter(|l| l.is_stale(today)) {
                found.warn(&format!("{} is stale: minewatch feeds update, or a newer file", list.name));
            }
        }
        Err(e) => found.fail(&super::sentence(&e)),
    }
    for path in knowing.geo() {
        match Geo::open(std::slice::from_ref(path)).1.as_slice() {
            [] => found.ok(&format!("database {}: can be read", path.display())),
            wrong => wrong.iter().for_each(|w| found.fail(w)),
        }
    }
}

#[cfg(feature = "state")]
fn state(dir: &Path, found: &mut Found) {
    use crate::state::{StateError, Store};

    let read = match Store::open_existing(dir).and_then(|mut store| store.load()) {
        Ok(loaded) if loaded.dropped > 0 => {
            let rows = counted(loaded.dropped, "row is not what it", "rows are not what they");
            found.warn(&format!("state {}: {rows} should be", dir.display()));
            "can be read"
        }
        Ok(_) => "can be read and saved",
        Err(StateError::NotThere(_)) => "nothing is remembered yet, and can be",
        Err(e) => return found.fail(&super::sentence(&e.into())),
    };
    // The folder itself, or the nearest that it would be made in. Rights alone say little: root has them all, also where
    // nothing can be kept.
    let there = dir.ancestors().map(|d| if d.as_os_str().is_empty() { Path::new(".") } else { d });
    let Some(there) = there.into_iter().find(|d| d.exists()) else { return };
    if !there.is_dir() {
        return found.fail(&format!("state {}: {} is no folder", dir.display(), there.display()));
    }
    match try_to_keep(there, there == dir) {
        Ok(()) => found.ok(&format!("state {}: {read}", dir.display())),
        Err(e) => found.fail(&format!(
            "state {}: nothing can be saved, as {} cannot be written to by this user ({e}): make the folder, give it to the \
             user that watches, or name another",
            dir.display(),
            there.display()
        )),
    }
}

/// Makes what a watch would make in a folder, and takes it away again.
#[cfg(feature = "state")]
fn try_to_keep(folder: &Path, is_state: bool) -> std::io::Result<()> {
    let probe = folder.join(format!(".minewatch-check-{}", std::process::id()));
    if !is_state {
        std::fs::create_dir(&probe)?;
        return std::fs::remove_dir(&probe);
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&probe)?;
    let written = file.write_all(b"minewatch check\n").and_then(|()| file.sync_all());
    std::fs::remove_file(&probe).and(written)
}

fn firewall(choice: Choice, all: &[Check], found: &mut Found) {
    let wanted: Vec<_> = all.iter().filter(|c| choice == Choice::Auto || choice.name() == c.backend).collect();
    if let Some(used) = wanted.iter().find(|c| c.missing.is_empty()) {
        return found.ok(&format!("firewall: {} is used", used.backend));
    }
    for check in wanted {
        found.fail(&format!("firewall: {} cannot be used: {}", check.backend, apply::why(check)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforce::EnforceError;

    #[test]
    fn the_firewall_that_the_policy_names_must_be_there_and_of_auto_any() {
        let no = vec![EnforceError::NoProgram { program: "nft".into(), package: "nftables".into() }];
        let all = [Check { backend: "nftables", missing: no }, Check { backend: "ipset", missing: Vec::new() }];
        let said = |choice| {
            let mut found = Found::default();
            firewall(choice, &all, &mut found);
            (found.lines.join("\n"), found.failed)
        };
        assert_eq!(said(Choice::Auto), ("ok: firewall: ipset is used".to_owned(), false));
        let missing = "error: firewall: nftables cannot be used: nft is not installed: install the package nftables";
        assert_eq!(said(Choice::Nftables), (missing.to_owned(), true));
    }
}

//! How a watch is, as the document that others get.
//!
//! In: what is on the board. Out: a [`Standing`]. Fields are added, never taken away; who reads one of another version
//! finds defaults for what it does not have.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::board::{Blocks, Facts, Kept};
use crate::capture::live::LinkState;
use crate::enforce::Status as Kernel;
use crate::health::Counter;
use crate::intel::Day;
use crate::text::counted;
use crate::time::PacketTime;

/// An interface without a frame for this long is not merely quiet.
const SLEEPS: Duration = Duration::from_mins(15);
/// A watch that is not heard of for so long hangs: it tells about itself every second.
const HANGS: Duration = Duration::from_secs(15);

/// How a watch is. Texts are not escaped.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Of the program.
    pub version: String,
    /// Of the process.
    pub pid: u32,
    /// Since when it runs, RFC 3339.
    pub since: String,
    /// The same in seconds.
    pub uptime_secs: u64,
    /// Nothing is wrong.
    pub well: bool,
    /// What is wrong, as sentences with what to do.
    pub wrong: Vec<String>,
    /// A dry run: nothing is cut off, blocked or saved, whatever the rest says.
    pub dry_run: bool,
    /// What should be known, and is not wrong.
    pub notes: Vec<String>,
    /// The interfaces.
    pub interfaces: Vec<Interface>,
    /// What the watch finds wrong with what it sees.
    pub troubles: Vec<Trouble>,
    /// What is in force of the sandbox, and what not.
    pub sandbox: Fold,
    /// The kernel's firewall; nothing where nothing is cut off.
    pub firewall: Option<Firewall>,
    /// How fast it was cut off.
    pub cut: Cuts,
    /// Entries in the list that holds now, names not among them.
    pub entries: usize,
    /// Names in it.
    pub names: usize,
    /// What is saved; nothing where nothing is remembered.
    pub state: Option<State>,
    /// Hosts that were ever found to mine, and are remembered.
    pub hosts: usize,
    /// Incidents.
    pub incidents: Incidents,
    /// The feeds in use.
    pub feeds: Vec<Feed>,
    /// The block feeds in use.
    pub block_feeds: Vec<BlockFeed>,
    /// Who is served over HTTP.
    pub serving: Option<Serving>,
    /// Every counter that is not 0.
    pub counters: std::collections::BTreeMap<String, u64>,
}

/// An interface.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    /// As the operator named it.
    pub name: String,
    /// `watched`, `down` or `gone`.
    pub state: String,
    /// Frames read.
    pub frames: u64,
    /// Frames that the kernel dropped.
    pub kernel_drops: u64,
    /// Frames that the interface dropped.
    pub interface_drops: u64,
}

/// Something that is wrong with what is seen.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trouble {
    /// Its name.
    pub trouble: String,
    /// The interface, where it is one interface's.
    pub interface: Option<String>,
    /// For how long it has been so.
    pub for_secs: u64,
    /// What is wrong and what to do about it.
    pub says: String,
    /// Miners may be missed or not be blocked because of it.
    pub blinds: bool,
}

/// What is in force of the sandbox.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Fold {
    /// A line for each part.
    pub lines: Vec<String>,
    /// Those that say that something is not in force.
    pub lacking: Vec<String>,
}

/// The kernel's firewall.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Firewall {
    /// Which was told last; nothing before the first time.
    pub backend: Option<String>,
    /// Entries and isolated hosts that it was told last.
    pub entries: usize,
    /// When it was told last.
    pub applied_secs_ago: Option<u64>,
    /// How often it was told.
    pub applied: u64,
    /// Packets to or from what is blocked that were rejected.
    pub hits_blocked: u64,
    /// Packets from or to isolated hosts that were rejected.
    pub hits_isolated: u64,
    /// How often it held something else, and was told again.
    pub drift_repaired: u64,
    /// The last such difference.
    pub last_drift: Option<String>,
    /// Entries that its last gate refused.
    pub refused: u64,
    /// How often it could not be told or asked.
    pub errors: u64,
    /// Why, if that is so now.
    pub last_error: Option<String>,
}

/// How long it took from the first packet of a connection to its entry in the kernel.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Cuts {
    /// How many.
    pub count: u64,
    /// The median of the latest 1,024.
    pub median_secs: Option<f64>,
    /// All of them together.
    pub sum_secs: f64,
}

/// Whether what is remembered is saved.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Where.
    pub dir: Option<String>,
    /// It is, or nobody asked for it.
    pub saved: bool,
    /// Things that wait for the disk.
    pub unsaved: usize,
    /// Things that are lost to it.
    pub lost: u64,
    /// Since when nothing could be saved.
    pub since: Option<String>,
    /// Why.
    pub why: Option<String>,
}

/// Incidents by what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Incidents {
    /// It mines.
    pub open: usize,
    /// Its pool was cut off, and nothing was seen since.
    pub contained: usize,
    /// Nothing was seen for a while.
    pub quiet: usize,
    /// Nothing was seen for long.
    pub closed: usize,
}

impl Incidents {
    /// One more.
    pub const fn add(&mut self, state: crate::ledger::State) {
        use crate::ledger::State;
        match state {
            State::Open => self.open += 1,
            State::Contained => self.contained += 1,
            State::Quiet => self.quiet += 1,
            State::Closed => self.closed += 1,
        }
    }
}

/// A feed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Feed {
    /// File name, or path as it was given.
    pub name: String,
    /// Names, addresses and blocks in it.
    pub entries: usize,
    /// What it says its date is.
    pub date: Option<String>,
    /// How old that is.
    pub age_days: Option<i64>,
    /// It is older than it vouches for.
    pub stale: bool,
}

/// A block feed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockFeed {
    /// Name of the file.
    pub name: String,
    /// The coins whose blocks it tells of.
    pub coins: Vec<String>,
    /// How many blocks it told of.
    pub blocks: u64,
    /// When the newest was found, RFC 3339.
    pub newest: Option<String>,
    /// How long ago that is.
    pub age_secs: Option<u64>,
    /// It told of none for so long that its node hangs, or is no more.
    pub stale: bool,
}

/// Who is served over HTTP.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Serving {
    /// Where.
    pub address: String,
    /// Requests answered.
    pub requests: u64,
    /// Connections of addresses that are not served.
    pub strangers: u64,
    /// Connections closed because there were too many.
    pub crowded: u64,
}

/// At `now`.
pub(super) fn of(facts: &Facts, now: PacketTime) -> Standing {
    let mut s = Standing {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        since: facts.since.to_string(),
        uptime_secs: facts.begun.elapsed().as_secs(),
        interfaces: facts.interfaces.iter().map(interface).collect(),
        troubles: facts.troubles.iter().map(trouble).collect(),
        sandbox: Fold { lines: facts.sandbox.clone(), lacking: facts.lacking.clone() },
        firewall: facts.kernel.as_ref().map(firewall),
        cut: facts.cuts.cuts(),
        state: facts.kept.as_ref().map(state),
        hosts: facts.kept.as_ref().map_or(0, |k| k.hosts),
        incidents: facts.kept.as_ref().map(|k| k.incidents).unwrap_or_default(),
        feeds: facts.feeds.iter().map(|f| feed(f, Day::of(now))).collect(),
        block_feeds: facts.block_feeds.iter().map(|f| block_feed(f, now)).collect(),
        serving: facts.serving.clone(),
        dry_run: facts.dry_run,
        ..Standing::default()
    };
    if let Some(lists) = &facts.lists {
        let list = &lists.fresh.decision.list;
        (s.entries, s.names) = (list.len(), list.names().len());
    }
    let counted = Counter::ALL.iter().map(|c| (c.name().to_owned(), facts.health.get(*c)));
    s.counters = counted.filter(|(_, n)| *n > 0).collect();
    s.wrong = wrong(facts, &s);
    s.notes = notes(&s);
    s.well = s.wrong.is_empty();
    s
}

fn interface(i: &crate::capture::live::Interface) -> Interface {
    Interface {
        name: i.name.clone(),
        state: i.state.name().to_owned(),
        frames: i.frames,
        kernel_drops: i.kernel_drops,
        interface_drops: i.interface_drops,
    }
}

impl Trouble {
    /// A small network may sleep for a while; a cable that is out does so for long.
    fn is_wrong(&self) -> bool {
        self.blinds && (self.trouble != crate::health::Trouble::Idle.name() || self.for_secs >= SLEEPS.as_secs())
    }
}

fn trouble((state, since): &(crate::health::State, Instant)) -> Trouble {
    Trouble {
        trouble: state.trouble.name().to_owned(),
        interface: state.interface.clone(),
        for_secs: since.elapsed().as_secs(),
        says: state.to_string(),
        blinds: state.trouble.blinds(),
    }
}

fn firewall(k: &Kernel) -> Firewall {
    Firewall {
        backend: k.backend.clone(),
        entries: k.entries,
        applied_secs_ago: k.last_applied.map(|at| at.elapsed().as_secs()),
        applied: k.applied,
        hits_blocked: k.hits.blocked,
        hits_isolated: k.hits.isolated,
        drift_repaired: k.drift_repaired,
        last_drift: k.last_drift.map(|d| d.to_string()),
        refused: k.refused,
        errors: k.errors,
        last_error: k.last_error.as_ref().map(ToString::to_string),
    }
}

fn state(k: &Kept) -> State {
    State {
        dir: k.dir.as_ref().map(|d| d.display().to_string()),
        saved: k.dir.is_none() || (k.health.why.is_none() && k.health.since.is_none()),
        unsaved: if k.dir.is_none() { 0 } else { k.health.unsaved },
        lost: k.health.lost,
        since: k.health.since.map(|t| t.to_string()),
        why: k.health.why.as_ref().map(ToString::to_string),
    }
}

fn feed(f: &crate::intel::ListInfo, today: Day) -> Feed {
    Feed {
        name: f.name.clone(),
        entries: f.entries(),
        date: f.date.map(|d| d.to_string()),
        age_days: f.date.map(|d| today.days_since(d)),
        stale: f.is_stale(today),
    }
}

fn block_feed(f: &Blocks, now: PacketTime) -> BlockFeed {
    let age = f.newest.map(|newest| now.since(newest));
    BlockFeed {
        name: f.name.clone(),
        coins: f.coins.clone(),
        blocks: f.blocks,
        newest: f.newest.map(|t| t.to_string()),
        age_secs: age.map(|a| a.as_secs()),
        stale: age.is_some_and(|a| a > f.patience),
    }
}

fn wrong(facts: &Facts, s: &Standing) -> Vec<String> {
    let mut wrong = Vec::new();
    let silent = facts.heard.elapsed();
    if silent >= HANGS {
        wrong
            .push(format!("the watch has told nothing of itself for {} s: it hangs; start it again", silent.as_secs()));
    }
    for i in &facts.interfaces {
        match i.state {
            LinkState::Watched => {}
            LinkState::Down => wrong.push(format!("{} is down: nothing is seen of it", i.name)),
            LinkState::Gone => wrong.push(format!("{} is gone: it is looked for every second", i.name)),
        }
    }
    wrong.extend(s.troubles.iter().filter(|t| t.is_wrong()).map(|t| t.says.clone()));
    wrong.extend(facts.refused.iter().cloned());
    if let Some(state) = s.state.as_ref().filter(|s| !s.saved) {
        let why = state.why.as_deref().unwrap_or("the disk is not there");
        wrong.push(format!("state is NOT saved: {why}; {}", counted(state.unsaved, "thing waits", "things wait")));
    }
    if let Some(why) = s.firewall.as_ref().and_then(|f| f.last_error.as_ref()) {
        wrong.push(format!("NOT cut off: {why}; it is tried again"));
    }
    wrong
}

fn notes(s: &Standing) -> Vec<String> {
    let mut notes: Vec<_> = s.troubles.iter().filter(|t| !t.is_wrong()).map(|t| t.says.clone()).collect();
    notes.extend(s.feeds.iter().filter(|f| f.stale).map(|f| {
        let date = f.date.as_deref().unwrap_or_default();
        format!("{} is of {date} and stale: minewatch feeds update, or a newer file", f.name)
    }));
    notes.extend(s.block_feeds.iter().filter(|f| f.stale).map(|f| {
        let age = f.age_secs.unwrap_or_default() / 60;
        format!("{} told of no block for {age} min: is its node running, and is its log written?", f.name)
    }));
    notes.extend(s.sandbox.lacking.iter().map(|l| format!("sandbox: {l}")));
    notes
}

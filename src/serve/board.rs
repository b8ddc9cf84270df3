//! Where a watch puts what others may know, and where they find it.
//!
//! In: facts, each replacing the one before. Out: a [`Standing`], and the [`Lists`] that hold now. The lock is held for a
//! copy and never while something is written to anybody.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::standing::{self, Cuts, Incidents, Serving, Standing};
use crate::capture::live::Interface;
use crate::enforce::Status as Kernel;
use crate::firewall::{BlockList, Decision, Entry, Meta, NameEntry, Scope};
use crate::health::{Health, State};
use crate::intel::ListInfo;
use crate::state::Health as Saving;
use crate::time::PacketTime;

/// Of so many cuts the time that they took is remembered.
const CUTS: usize = 1_024;
/// A list that says how long entries still live is made anew after this long.
pub(super) const FRESH: Duration = Duration::from_mins(1);

/// The board. Copies of it are the same board.
#[derive(Clone, Debug)]
pub struct Board(Arc<Mutex<Facts>>);

#[derive(Debug)]
pub(super) struct Facts {
    /// When the watch began, on the wall and by a clock that is never set.
    pub(super) since: PacketTime,
    pub(super) begun: Instant,
    /// When the watch was heard of last.
    pub(super) heard: Instant,
    pub(super) sandbox: Vec<String>,
    pub(super) lacking: Vec<String>,
    /// Files that changed and were not taken.
    pub(super) refused: Vec<String>,
    pub(super) interfaces: Vec<Interface>,
    pub(super) health: Health,
    /// What is wrong, with when it was noticed.
    pub(super) troubles: Vec<(State, Instant)>,
    pub(super) feeds: Vec<ListInfo>,
    pub(super) block_feeds: Vec<Blocks>,
    pub(super) kept: Option<Kept>,
    pub(super) kernel: Option<Kernel>,
    pub(super) cuts: Times,
    pub(super) lists: Option<Lists>,
    pub(super) serving: Option<Serving>,
    pub(super) dry_run: bool,
}

/// What a block feed told so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Blocks {
    /// Name of the file.
    pub name: String,
    /// The coins whose blocks it tells of.
    pub coins: Vec<String>,
    /// How many blocks.
    pub blocks: u64,
    /// The time of the newest.
    pub newest: Option<PacketTime>,
    /// After this long without one it is stale.
    pub patience: Duration,
}

/// What is remembered.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Where, if it is saved at all.
    pub dir: Option<PathBuf>,
    /// Whether it is saved.
    pub health: Saving,
    /// Hosts that were ever found to mine.
    pub hosts: usize,
    /// Incidents by what became of them.
    pub incidents: Incidents,
}

/// A list as it was decided at one moment.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The list.
    pub decision: Arc<Decision>,
    /// When it was decided: lives count from then.
    pub at: PacketTime,
    /// Another one has another number.
    pub number: u64,
}

/// The list that holds now, twice.
#[derive(Clone, Debug)]
pub struct Lists {
    /// As it was when something in it changed last: for formats that do not say how long entries still live, whose bytes
    /// must stay the same for as long as what they say.
    pub still: Listed,
    /// As it was a minute ago at the most.
    pub fresh: Listed,
    /// How much of a pool is blocked.
    pub scope: Scope,
}

/// How long it took from the first packet of a connection to its entry in the kernel.
#[derive(Debug, Default)]
pub(super) struct Times {
    latest: VecDeque<Duration>,
    count: u64,
    sum: Duration,
}

impl Times {
    fn add(&mut self, took: Duration) {
        if self.latest.len() >= CUTS {
            self.latest.pop_front();
        }
        self.latest.push_back(took);
        self.count += 1;
        self.sum = self.sum.saturating_add(took);
    }

    pub(super) fn cuts(&self) -> Cuts {
        let mut sorted: Vec<_> = self.latest.iter().copied().collect();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).map(Duration::as_secs_f64);
        Cuts { count: self.count, median_secs: median, sum_secs: self.sum.as_secs_f64() }
    }
}

impl Board {
    /// Of a watch that begins now, which is `since` on the wall.
    pub fn new(since: PacketTime) -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Facts {
            since,
            begun: now,
            heard: now,
            sandbox: Vec::new(),
            lacking: Vec::new(),
            refused: Vec::new(),
            interfaces: Vec::new(),
            health: Health::default(),
            troubles: Vec::new(),
            feeds: Vec::new(),
            block_feeds: Vec::new(),
            kept: None,
            kernel: None,
            cuts: Times::default(),
            lists: None,
            serving: None,
            dry_run: false,
        })))
    }

    /// What changed and was not taken, so that something older is in use than the operator believes.
    pub fn refused(&self, sentences: &[String]) {
        self.lock().refused = sentences.to_vec();
    }

    /// What is in force of the sandbox, and which of it is not and should be.
    pub fn confined(&self, lines: impl Iterator<Item = String>, lacking: impl Iterator<Item = String>) {
        let (sandbox, lacking) = (lines.collect(), lacking.collect());
        let mut facts = self.lock();
        (facts.sandbox, facts.lacking) = (sandbox, lacking);
    }

    /// What was counted so far, and what is wrong; `at` is the moment on the clock of [`State::since`]. To be called about
    /// once a second by what would hang if something hung.
    pub fn watched(&self, interfaces: Vec<Interface>, health: Health, troubles: Vec<State>, at: Duration) {
        let now = Instant::now();
        let ago = |s: &State| now.checked_sub(at.saturating_sub(s.since)).unwrap_or(now);
        let troubles = troubles.into_iter().map(|s| (ago(&s), s)).map(|(since, s)| (s, since)).collect();
        let mut facts = self.lock();
        (facts.interfaces, facts.health, facts.troubles, facts.heard) = (interfaces, health, troubles, now);
    }

    /// Whether it is only told what would be done.
    pub fn dry_run(&self, dry: bool) {
        self.lock().dry_run = dry;
    }

    #[cfg_attr(not(feature = "serve"), allow(dead_code))] // nobody serves
    pub(super) fn is_dry_run(&self) -> bool {
        self.lock().dry_run
    }

    /// The feeds that are in use.
    pub fn knows(&self, feeds: &[ListInfo]) {
        self.lock().feeds = feeds.to_vec();
    }

    /// What block feeds told.
    pub fn blocks(&self, feeds: Vec<Blocks>) {
        self.lock().block_feeds = feeds;
    }

    /// What is remembered.
    pub fn kept(&self, kept: Kept) {
        self.lock().kept = Some(kept);
    }

    /// How it stands with the kernel's firewall.
    pub fn kernel(&self, status: &Kernel) {
        self.lock().kernel = Some(status.clone());
    }

    /// Something was cut off so long after the first packet of its connection.
    pub fn cut(&self, took: Duration) {
        self.lock().cuts.add(took);
    }

    /// The list that holds now, as it was decided `at` this time.
    pub fn list(&self, decision: Decision, at: PacketTime, scope: Scope) {
        let mut facts = self.lock();
        let number = facts.lists.as_ref().map_or(1, |l| l.fresh.number + 1);
        let fresh = Listed { decision: Arc::new(decision), at, number };
        let still = match &facts.lists {
            Some(l) if says_the_same(&l.still, &fresh) => l.still.clone(),
            _ => fresh.clone(),
        };
        facts.lists = Some(Lists { still, fresh, scope });
    }

    /// Whether the list should be put here again, though nothing changed: life times have moved on.
    pub fn wants_a_list(&self, now: PacketTime) -> bool {
        let facts = self.lock();
        // A clock that was set back must not make it look fresh.
        let old = |l: &Lists| now < l.fresh.at || now.since(l.fresh.at) >= FRESH;
        facts.serving.is_some() && facts.lists.as_ref().is_none_or(old)
    }

    /// Whether lists are served.
    pub fn is_serving(&self) -> bool {
        self.lock().serving.is_some()
    }

    /// The list that holds now; nothing before there was one.
    pub fn lists(&self) -> Option<Lists> {
        self.lock().lists.clone()
    }

    /// How everything stands at `now`, on the wall.
    pub fn standing(&self, now: PacketTime) -> Standing {
        standing::of(&self.lock(), now)
    }

    /// What was counted so far.
    pub fn health(&self) -> Health {
        self.lock().health.clone()
    }

    /// It is served at this address from now on.
    #[cfg_attr(not(feature = "serve"), allow(dead_code))] // nobody serves
    pub(super) fn serves(&self, at: SocketAddr) {
        self.lock().serving = Some(Serving { address: at.to_string(), ..Serving::default() });
    }

    /// Counts what was served.
    #[cfg_attr(not(feature = "serve"), allow(dead_code))]
    pub(super) fn served(&self, count: impl FnOnce(&mut Serving)) {
        if let Some(serving) = &mut self.lock().serving {
            count(serving);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        // What is inside is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether two lists differ in nothing but the time that passed between them.
fn says_the_same(a: &Listed, b: &Listed) -> bool {
    let (one, other): (&BlockList, &BlockList) = (&a.decision.list, &b.decision.list);
    let same = |e: &Entry, f: &Entry| {
        (e.target, e.expires, e.verdict, e.last_seen, &e.miners)
            == (f.target, f.expires, f.verdict, f.last_seen, &f.miners)
    };
    let meta = |l: &Listed| Meta { captured_until: PacketTime::ZERO, ..Meta::of(&l.decision, l.at) };
    let named =
        |l: &BlockList| -> Vec<_> { l.names().iter().map(|n| NameEntry { ttl_secs: 0, ..n.clone() }).collect() };
    one.len() == other.len()
        && one.entries().iter().zip(other.entries()).all(|(e, f)| same(e, f))
        && meta(a) == meta(b)
        && named(one) == named(other)
}

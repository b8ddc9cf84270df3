//! Keeps the kernel at what is wanted: tells it once for many changes, looks at intervals whether it still holds, and
//! repairs it.
//!
//! In: the wanted set, and the time, by which everything here goes. Out: [`Status`]. It does nothing by itself: call
//! [`Keeper::tick`] about once a second.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::applier::{Applied, Refused};
use super::held::{Drift, Held, Hits};
use super::problem::EnforceError;
use super::wanted::{Block, Isolated, Wanted};
use crate::firewall::{Prefix, Target};

/// Whoever tells the kernel: an [`super::Enforcer`], or a stand-in in a test.
pub trait Kernel {
    /// Makes the kernel hold `wanted` and nothing else of ours.
    fn apply(&mut self, wanted: &Wanted) -> Result<Applied, EnforceError>;
    /// Asks the kernel what it holds.
    fn read_back(&mut self) -> Result<Held, EnforceError>;
    /// Takes everything of ours away; whether anything was there.
    fn remove(&mut self) -> Result<bool, EnforceError>;
}

/// How things stand.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Status {
    /// Backend that was told last.
    pub backend: Option<String>,
    /// Entries and hosts that the kernel was told last.
    pub entries: usize,
    /// When it was told last.
    pub last_applied: Option<Instant>,
    /// How often it was told.
    pub applied: u64,
    /// How often it differed from what is wanted and was repaired.
    pub drift_repaired: u64,
    /// The last difference.
    pub last_drift: Option<Drift>,
    /// How often it could not be told or asked.
    pub errors: u64,
    /// Why not, if the last attempt failed.
    pub last_error: Option<EnforceError>,
    /// Packets rejected so far, when it was last asked.
    pub hits: Hits,
    /// What the last gate refused so far.
    pub refused: u64,
}

/// What a tick did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tick {
    /// Nothing was to be done, or all was in order.
    Idle,
    /// The kernel was told.
    Applied(Applied),
    /// The kernel differed, and was told again.
    Repaired(Drift, Applied),
    /// It did not work; it is tried again.
    Failed(EnforceError),
}

/// A life that ends within this long of the one in the kernel is the same.
const SAME: Duration = Duration::from_secs(2);
/// How long after a failure the next attempt is.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps the kernel at what is wanted.
pub struct Keeper<K> {
    kernel: K,
    every: Duration,
    blocks: BTreeMap<Target, Instant>,
    hosts: BTreeMap<IpAddr, (Instant, Vec<Prefix>)>,
    /// What the last gate did not let pass the last time, and so is not missed.
    refused: (BTreeSet<Target>, BTreeSet<IpAddr>),
    changed: bool,
    /// When to look next, or not to try before.
    next: Option<Instant>,
    status: Status,
}

impl<K: Kernel> Keeper<K> {
    /// Looks whether the kernel still holds what it should `every` so often. Nothing is wanted at first, and the first
    /// tick says so to the kernel: what an earlier run left there is not what is wanted now.
    pub fn new(kernel: K, every: Duration) -> Self {
        Self {
            kernel,
            every,
            blocks: BTreeMap::new(),
            hosts: BTreeMap::new(),
            refused: (BTreeSet::new(), BTreeSet::new()),
            changed: true,
            next: None,
            status: Status::default(),
        }
    }

    /// Replaces what is wanted; lives count from `now`. Cheap: the kernel is told by the next tick, however often this
    /// is called before.
    pub fn want(&mut self, wanted: &Wanted, now: Instant) {
        let until = |secs: u64| now + Duration::from_secs(secs.min(MANY_YEARS));
        let wanted = wanted.in_order();
        let blocks: BTreeMap<_, _> = wanted.block.iter().map(|b| (b.target, until(b.ttl_secs))).collect();
        let hosts: BTreeMap<_, _> = wanted.isolate.into_iter().map(|i| (i.host, (until(i.ttl_secs), i.keep))).collect();
        let same = |a: &Instant, b: &Instant| a.max(b).duration_since(*a.min(b)) <= SAME;
        let same_blocks = blocks.len() == self.blocks.len()
            && blocks.iter().zip(&self.blocks).all(|((t, a), (u, b))| t == u && same(a, b));
        let same_hosts = hosts.len() == self.hosts.len()
            && hosts.iter().zip(&self.hosts).all(|((h, (a, k)), (i, (b, l)))| h == i && k == l && same(a, b));
        if !same_blocks || !same_hosts {
            (self.blocks, self.hosts) = (blocks, hosts);
            self.changed = true;
        }
    }

    /// Does what is due: tells the kernel of a change, or looks whether it still holds.
    pub fn tick(&mut self, now: Instant) -> Tick {
        // The kernel ends them by itself.
        self.blocks.retain(|_, until| *until > now);
        self.hosts.retain(|_, (until, _)| *until > now);
        let waiting = self.next.is_some_and(|next| now < next);
        let failed = self.status.last_error.is_some();
        let done = match (self.changed, waiting) {
            (true, true) if failed => return Tick::Idle,
            (true, _) => self.tell(now).map(Tick::Applied),
            (false, true) => return Tick::Idle,
            (false, false) => self.look(now),
        };
        match done {
            Ok(tick) => {
                self.next = Some(now + self.every);
                self.status.last_error = None;
                tick
            }
            Err(why) => {
                self.changed = true;
                self.next = Some(now + RETRY);
                self.status.errors += 1;
                self.status.last_error = Some(why.clone());
                Tick::Failed(why)
            }
        }
    }

    fn tell(&mut self, now: Instant) -> Result<Applied, EnforceError> {
        let applied = self.kernel.apply(&self.wanted(now))?;
        self.changed = false;
        self.refused = (BTreeSet::new(), BTreeSet::new());
        for refused in &applied.refused {
            match refused {
                Refused::Block { target, .. } => self.refused.0.insert(*target),
                Refused::Isolate { host, .. } => self.refused.1.insert(*host),
            };
        }
        self.status.refused += applied.refused.len() as u64;
        self.status.backend = Some(applied.backend.clone());
        self.status.entries = applied.blocked + applied.isolated;
        self.status.last_applied = Some(now);
        self.status.applied += 1;
        Ok(applied)
    }

    fn look(&mut self, now: Instant) -> Result<Tick, EnforceError> {
        let held = self.kernel.read_back()?;
        self.status.hits = held.hits;
        let mut due = self.wanted(now);
        due.block.retain(|b| !self.refused.0.contains(&b.target));
        due.isolate.retain(|i| !self.refused.1.contains(&i.host));
        let Some(drift) = held.drift(&due) else { return Ok(Tick::Idle) };
        let applied = self.tell(now)?;
        self.status.drift_repaired += 1;
        self.status.last_drift = Some(drift);
        Ok(Tick::Repaired(drift, applied))
    }

    /// What is wanted, with lives that count from `now`.
    pub fn wanted(&self, now: Instant) -> Wanted {
        // Never zero, which is for ever.
        let left = |until: &Instant| until.saturating_duration_since(now).as_secs().max(1);
        Wanted {
            block: self.blocks.iter().map(|(t, until)| Block { target: *t, ttl_secs: left(until) }).collect(),
            isolate: self
                .hosts
                .iter()
                .map(|(host, (until, keep))| Isolated { host: *host, ttl_secs: left(until), keep: keep.clone() })
                .collect(),
        }
    }

    /// How things stand.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Whoever tells the kernel.
    pub fn kernel(&mut self) -> &mut K {
        &mut self.kernel
    }

    /// Takes everything of ours away; whether anything was there.
    pub fn remove(&mut self) -> Result<bool, EnforceError> {
        self.blocks.clear();
        self.hosts.clear();
        self.status.entries = 0;
        self.kernel.remove()
    }
}

/// Further ahead than any life that is given, and near enough for every clock.
const MANY_YEARS: u64 = 100 * 365 * 86_400;

#[cfg(test)]
mod tests;

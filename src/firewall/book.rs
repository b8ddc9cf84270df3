//! The block book: what is blocked over time.
//!
//! In: lists as the gate makes them, again and again, and an operator's blocks and releases; each with the time. Out:
//! the entries that hold now, which pass the never-block gate once more whenever they are asked for, and what changed.
//! No clock and no disk: what is saved comes in by [`Book::load`] and goes out by [`Book::take_touched`].
//!
//! An entry is renewed by traffic, never by being offered again. One that comes back after its end lives twice as long
//! as the last time. Many new ones at once wait for the next minute, the most certain first.

mod shelf;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

pub use shelf::Record;
use shelf::{Budget, Offer, Shelf};

use crate::evidence::Verdict;
use crate::firewall::candidate::Target;
use crate::firewall::gate::{Decision, Refusal, admit};
use crate::firewall::guard::NeverBlock;
use crate::firewall::list::{BlockList, Entry};
use crate::firewall::policy::{MaxEntries, Policy, Ttl};
use crate::firewall::reason::Reason;
use crate::time::PacketTime;

/// Releases held at a time; of more, those that end first are forgotten.
const MAX_RELEASES: usize = 10_000;

/// Who wants something blocked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Mining was seen.
    Seen,
    /// An operator.
    Manual,
}

impl Origin {
    /// Name in outputs and on the disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An operator's word that something is not to be blocked for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release {
    /// What; an address stands for all its ports.
    pub target: Target,
    /// Until when.
    pub until: PacketTime,
    /// When it was said.
    pub at: PacketTime,
    /// Who said it.
    pub by: String,
}

/// How fast the book may fill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// New entries a minute. More are a flood, by accident or by intent, and wait.
    pub per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_minute: 100 }
    }
}

/// What a call changed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Changes {
    /// Entries that were not there before.
    pub added: Vec<Target>,
    /// Entries that live longer now.
    pub renewed: Vec<Target>,
    /// Entries whose life is over.
    pub ended: Vec<Target>,
    /// New entries that wait for the next minute, or for room. Above zero it calls for an alarm.
    pub waiting: usize,
}

impl Changes {
    /// Whether a firewall has to be told.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.renewed.is_empty() && self.ended.is_empty()
    }

    /// What to tell an operator of a flood, if there is one.
    pub fn alarm(&self) -> Option<String> {
        (self.waiting > 0).then(|| {
            format!(
                "{} new block entries wait, as there are more of them than a minute or the list takes: either the \
                 network is overrun, or someone fills the list",
                self.waiting
            )
        })
    }
}

/// A record that was touched since it was last saved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Touched {
    /// Which.
    pub target: Target,
    /// Whose.
    pub origin: Origin,
    /// What it says now; `None` when it is forgotten.
    pub record: Option<Record<Target>>,
}

/// What is saved of a book.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Saved {
    /// Records, ended ones as well.
    pub records: Vec<Record<Target>>,
    /// Releases.
    pub releases: Vec<Release>,
}

/// What is blocked over time.
#[derive(Clone, Default, Debug)]
pub struct Book {
    seen: Shelf<Target>,
    manual: BTreeMap<Target, Record<Target>>,
    releases: BTreeMap<Target, Release>,
    budget: Budget,
    limits: Limits,
    touched: BTreeSet<(Target, Origin)>,
}

impl Book {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Goes on with other limits.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes a list as the gate made it. Entries that are known and had no traffic since change nothing, so that it may
    /// be called as often as one likes.
    pub fn offer(&mut self, list: &BlockList, policy: &Policy, now: PacketTime) -> Changes {
        let mut changes = Changes::default();
        self.end(policy, now, &mut changes);
        for e in list.entries() {
            if self.released_until(e.target, now).is_some() {
                continue;
            }
            let offer = Offer {
                verdict: e.certainty(),
                last_seen: e.last_seen,
                // Until when it would live the first time; what a repeat offender gets on top is the shelf's to know.
                expires: e.expires.min(now.plus(policy.ttl.duration())),
                miners: e.miners.clone(),
            };
            if self.seen.offer(e.target, offer, Lives::of(policy), now) {
                changes.renewed.push(e.target);
            }
        }
        self.let_in(policy, now, &mut changes);
        changes
    }

    /// Ends what is over, and lets in what waited. To be called about once a second.
    pub fn expire(&mut self, policy: &Policy, now: PacketTime) -> Changes {
        let mut changes = Changes::default();
        self.end(policy, now, &mut changes);
        self.let_in(policy, now, &mut changes);
        changes
    }

    /// Blocks by an operator's order. `reason` and `by` are kept as they are given.
    pub fn block(
        &mut self,
        target: Target,
        ttl: Ttl,
        (reason, by): (&str, &str),
        (policy, never): (&Policy, &NeverBlock),
        now: PacketTime,
    ) -> Result<PacketTime, Reason> {
        let target = canonical(target);
        if matches!(target.service, Some((_, 0))) {
            return Err(Reason::UnspecifiedPort);
        }
        if let Some(reason) = never.check(target.addr, policy) {
            return Err(reason);
        }
        let max = policy.max_entries.get();
        let known = self.manual.get(&target).filter(|r| r.expires > now);
        if known.is_none() && self.manual.len() >= max {
            return Err(Reason::CapReached { max });
        }
        let (first, times) = known.map_or((now, 1), |r| (r.first, r.times.saturating_add(1)));
        let expires = now.plus(ttl.duration());
        let record = Record {
            key: target,
            origin: Origin::Manual,
            // A person is sure.
            verdict: Verdict::Confirmed,
            first,
            last_seen: now,
            expires,
            times,
            reason: reason.to_owned(),
            by: by.to_owned(),
            miners: Vec::new(),
        };
        self.manual.insert(target, record);
        self.touched.insert((target, Origin::Manual));
        Ok(expires)
    }

    /// Takes entries away by an operator's order, and no traffic brings them back before `until`. An address stands for
    /// all its ports. What was taken away.
    pub fn release(&mut self, target: Target, until: PacketTime, by: &str, now: PacketTime) -> Vec<Target> {
        let release = Release { target: canonical(target), until, at: now, by: by.to_owned() };
        let gone = self.take_away(&release, now);
        self.keep_release(release);
        gone
    }

    /// Takes what was saved. What is here already and what was saved are put together.
    pub fn load(&mut self, saved: Saved, policy: &Policy, now: PacketTime) {
        for mut r in saved.records {
            r.key = canonical(r.key);
            match r.origin {
                Origin::Seen => self.seen.load(r, Lives::of(policy), now),
                Origin::Manual if self.manual.len() < MaxEntries::CEILING => {
                    let newer = self.manual.get(&r.key).is_none_or(|known| known.last_seen < r.last_seen);
                    if newer && manual_until(&r, now) > now {
                        self.manual.insert(r.key, r);
                    }
                }
                Origin::Manual => {}
            }
        }
        for r in saved.releases {
            self.obey(r, now);
        }
    }

    /// Takes an operator's orders as another program wrote them down: these manual entries and releases, and no others.
    pub fn obey_orders(&mut self, saved: Saved, now: PacketTime) -> Changes {
        let mut changes = Changes::default();
        let manual = saved.records.into_iter().filter(|r| r.origin == Origin::Manual && manual_until(r, now) > now);
        let manual: BTreeMap<_, _> = manual.take(MaxEntries::CEILING).map(|r| (canonical(r.key), r)).collect();
        let before = std::mem::take(&mut self.manual);
        for (target, r) in &manual {
            match before.get(target) {
                None => changes.added.push(*target),
                Some(old) if old.expires != r.expires => changes.renewed.push(*target),
                Some(_) => {}
            }
        }
        changes.ended.extend(before.into_keys().filter(|t| !manual.contains_key(t)));
        self.manual = manual;
        self.touched.retain(|(_, origin)| *origin != Origin::Manual);
        self.releases.retain(|target, _| saved.releases.iter().any(|r| r.target == *target));
        for r in saved.releases {
            changes.ended.extend(self.obey(r, now));
        }
        changes.ended.sort_unstable();
        changes.ended.dedup();
        changes
    }

    /// The entries that hold now, passed through the never-block gate again, with what was refused.
    pub fn list(&self, policy: &Policy, never: &NeverBlock, now: PacketTime) -> Decision {
        let mut held: Vec<_> = self.entries(policy, now).collect();
        // Those first that a person wants, then the most certain, then those that were there before: what fills the
        // list pushes nothing out.
        held.sort_by_key(|r| (Reverse(r.origin), Reverse(r.verdict), r.first, r.key));
        let mut refusals = Vec::new();
        let mut keep = BTreeMap::new();
        let max = policy.max_entries.get();
        for r in held {
            let entry = entry(&r);
            if let Some(reason) = allowed(&r, policy) {
                refusals.push(refusal(entry, reason));
            } else if let Some(reason) = never.check(entry.target.addr, policy) {
                refusals.push(refusal(entry, reason));
            } else if keep.len() < max || keep.contains_key(&entry.target) {
                keep.entry(entry.target).or_insert_with(Vec::new).push(entry);
            } else {
                refusals.push(refusal(entry, Reason::CapReached { max }));
            }
        }
        // The gate cuts every life to the policy's, but here repeat offenders and orders live longer, within bounds that
        // were applied already.
        let long = Policy { ttl: Ttl::MAX, ..policy.clone() };
        let mut d = admit(keep.into_values().flatten().collect(), &long, never, now);
        d.refusals.extend(refusals);
        d.refusals.sort_by(|a, b| (a.target, &a.reason).cmp(&(b.target, &b.reason)));
        d
    }

    /// The records that hold now, by target, an operator's behind what was seen. They have passed no gate: what is told
    /// to a firewall comes from [`Book::list`].
    pub fn entries(&self, policy: &Policy, now: PacketTime) -> impl Iterator<Item = Record<Target>> {
        let seen = self.seen.live(Lives::of(policy), now).filter(move |r| self.released_until(r.key, now).is_none());
        let manual = self.manual.values().map(move |r| Record { expires: manual_until(r, now), ..r.clone() });
        let mut all: Vec<_> = seen.chain(manual.filter(move |r| r.expires > now)).collect();
        all.sort_by_key(|r| (r.key, r.origin));
        all.into_iter()
    }

    /// Releases that hold now, by target.
    pub fn releases(&self, now: PacketTime) -> impl Iterator<Item = &Release> {
        self.releases.values().filter(move |r| r.until > now)
    }

    /// How many records there are, with those that ended and are remembered.
    pub fn len(&self) -> usize {
        self.seen.len() + self.manual.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was touched since this was last called, for saving.
    pub fn take_touched(&mut self) -> Vec<Touched> {
        self.touched.extend(self.seen.take_touched().into_iter().map(|t| (t, Origin::Seen)));
        let touched = std::mem::take(&mut self.touched).into_iter();
        touched
            .map(|(target, origin)| Touched {
                target,
                origin,
                record: match origin {
                    Origin::Seen => self.seen.get(&target).cloned(),
                    Origin::Manual => self.manual.get(&target).cloned(),
                },
            })
            .collect()
    }

    /// Marks all as touched, for a disk that has none of them.
    pub fn touch_all(&mut self) {
        self.touched.extend(self.seen.keys().map(|k| (*k, Origin::Seen)));
        self.touched.extend(self.manual.keys().map(|k| (*k, Origin::Manual)));
    }

    /// Until when `target` is released, if it is.
    pub fn released_until(&self, target: Target, now: PacketTime) -> Option<PacketTime> {
        let whole = Target { service: None, ..target };
        let of = |t: &Target| self.releases.get(t).map(|r| r.until).filter(|until| *until > now);
        of(&target).max(of(&whole))
    }

    fn end(&mut self, policy: &Policy, now: PacketTime, changes: &mut Changes) {
        changes.ended = self.seen.end(Lives::of(policy), now);
        let over: Vec<_> = self.manual.values().filter(|r| manual_until(r, now) <= now).map(|r| r.key).collect();
        for target in over {
            // Not touched: another program may have given the order anew meanwhile.
            self.manual.remove(&target);
            changes.ended.push(target);
        }
        changes.ended.sort_unstable();
        changes.ended.dedup();
        self.releases.retain(|_, r| r.until > now);
    }

    fn let_in(&mut self, policy: &Policy, now: PacketTime, changes: &mut Changes) {
        let room = self.budget.room(self.limits.per_minute, now);
        let (added, waiting) = self.seen.let_in(room, Lives::of(policy), now);
        self.budget.spend(added.len());
        changes.added = added;
        changes.waiting = waiting;
    }

    /// A release that was written down; known ones are not carried out twice, so that an order that came later stands.
    fn obey(&mut self, mut r: Release, now: PacketTime) -> Vec<Target> {
        r.target = canonical(r.target);
        let known = self.releases.get(&r.target);
        if r.until <= now || known.is_some_and(|k| k.at >= r.at) {
            return Vec::new();
        }
        let gone = self.seen.release(|t| covers(r.target, *t), now);
        self.keep_release(r);
        gone
    }

    fn take_away(&mut self, r: &Release, now: PacketTime) -> Vec<Target> {
        let mut gone: BTreeSet<Target> = self.seen.release(|t| covers(r.target, *t), now).into_iter().collect();
        let manual: Vec<_> = self.manual.keys().copied().filter(|t| covers(r.target, *t)).collect();
        for target in manual {
            self.manual.remove(&target);
            self.touched.insert((target, Origin::Manual));
            gone.insert(target);
        }
        gone.into_iter().collect()
    }

    fn keep_release(&mut self, r: Release) {
        if self.releases.len() >= MAX_RELEASES
            && !self.releases.contains_key(&r.target)
            && let Some(first) = self.releases.values().min_by_key(|r| (r.until, r.target)).map(|r| r.target)
        {
            self.releases.remove(&first);
        }
        self.releases.insert(r.target, r);
    }
}

/// When an order ends: never later than it would if it were given now, whatever clock it was given by.
fn manual_until(r: &Record<Target>, now: PacketTime) -> PacketTime {
    let span = r.expires.since(r.last_seen).min(Ttl::MAX.duration());
    r.expires.min(now.plus(span))
}

/// Whether a release of `release` is one of `target`, too.
fn covers(release: Target, target: Target) -> bool {
    release.addr == target.addr && (release.service.is_none() || release.service == target.service)
}

fn canonical(t: Target) -> Target {
    Target { addr: t.addr.to_canonical(), ..t }
}

/// Why an entry is not wanted any more by a policy that changed since it was made.
fn allowed(r: &Record<Target>, policy: &Policy) -> Option<Reason> {
    if r.origin == Origin::Manual {
        return None;
    }
    let allowed = r.miners.iter().filter(|w| policy.allows_host(w.miner, None)).count();
    match allowed {
        0 if r.verdict < policy.least => Some(Reason::BelowLevel { verdict: r.verdict, least: policy.least }),
        0 => None,
        n if n == r.miners.len() => Some(Reason::AllowListed),
        _ => Some(Reason::UsedByAllowedMiner),
    }
}

fn entry(r: &Record<Target>) -> Entry {
    Entry {
        target: r.key,
        ttl_secs: 0,
        expires: r.expires,
        verdict: (r.origin == Origin::Seen).then_some(r.verdict),
        last_seen: r.last_seen,
        miners: r.miners.clone(),
    }
}

fn refusal(e: Entry, reason: Reason) -> Refusal {
    Refusal {
        target: e.target,
        reason,
        verdict: e.certainty(),
        last_seen: e.last_seen,
        miners: e.miners,
        names: Vec::new(),
    }
}

/// How long entries live.
#[derive(Clone, Copy)]
struct Lives {
    /// The first time.
    first: Ttl,
    /// At the most, however often they come back.
    longest: Ttl,
}

impl Lives {
    fn of(policy: &Policy) -> Self {
        Self { first: policy.ttl, longest: policy.max_ttl.max(policy.ttl) }
    }
}

/// The life of an entry that is made for the `times`-th time.
fn life(ttl: Lives, times: u32) -> Duration {
    let doubled = ttl.first.duration().saturating_mul(1 << times.saturating_sub(1).min(30));
    doubled.min(ttl.longest.duration())
}

#[cfg(test)]
mod tests;

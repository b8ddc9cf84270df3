//! The block book: what is blocked over time: endpoints, names, and hosts that are isolated.
//!
//! In: decisions as the gate makes them, again and again, and an operator's blocks and releases; each with the time. Out:
//! the entries that hold now, which pass the never-block gate once more whenever they are asked for, and what changed.
//! No clock and no disk: what is saved comes in by [`Book::load`] and goes out by [`Book::take_touched`].
//!
//! An entry is renewed by traffic, never by being offered again. One that comes back after its end lives twice as long
//! as the last time. Many new ones at once wait for the next minute, the most certain first. In quiet hours nothing new
//! that was seen comes in.

mod changes;
mod last;
mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::mem::discriminant;
use std::time::Duration;

pub use changes::{Changes, Limits, Quiet};
pub use shelf::Record;
use shelf::{Offer, Shelf};

use crate::decode::Tenant;
use crate::evidence::Verdict;
use crate::firewall::candidate::Who;
use crate::firewall::gate::Decision;
use crate::firewall::guard::NeverBlock;
use crate::firewall::item::Item;
use crate::firewall::list::certainty;
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
    /// What; an address stands for all its ports and for the host that has it, a name for all below it.
    pub item: Item,
    /// Until when.
    pub until: PacketTime,
    /// When it was said.
    pub at: PacketTime,
    /// Who said it.
    pub by: String,
}

/// A record that was touched since it was last saved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Touched {
    /// Which.
    pub item: Item,
    /// Whose.
    pub origin: Origin,
    /// What it says now; `None` when it is forgotten.
    pub record: Option<Record>,
}

/// What is saved of a book.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Saved {
    /// Records, ended ones as well.
    pub records: Vec<Record>,
    /// Releases.
    pub releases: Vec<Release>,
}

/// What is blocked over time.
#[derive(Clone, Debug)]
pub struct Book {
    endpoints: Shelf,
    names: Shelf,
    hosts: Shelf,
    manual: BTreeMap<Item, Record>,
    releases: BTreeMap<Item, Release>,
    limits: Limits,
    /// Quiet hours held something back, and are not over.
    held_back: bool,
    touched: BTreeSet<(Item, Origin)>,
}

impl Default for Book {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Book {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self {
            endpoints: Shelf::default(),
            names: Shelf::default(),
            hosts: Shelf::of_hosts(),
            manual: BTreeMap::new(),
            releases: BTreeMap::new(),
            limits,
            held_back: false,
            touched: BTreeSet::new(),
        }
    }

    /// Other limits from now on.
    pub fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes a decision as the gate made it. Entries that are known and had no traffic since change nothing, so that it
    /// may be called as often as one likes.
    pub fn offer(&mut self, d: &Decision, policy: &Policy, now: PacketTime) -> Changes {
        let mut changes = Changes::default();
        self.end(policy, now, &mut changes);
        for (item, offer) in offers(d, policy, now) {
            if self.released_until(&item, now).is_none() && self.shelf_mut(&item).offer(&item, offer, policy, now) {
                changes.renewed.push(item);
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

    /// Blocks, or isolates, by an operator's order. `reason` and `by` are kept as they are given.
    pub fn block(
        &mut self,
        item: Item,
        ttl: Ttl,
        (reason, by): (&str, &str),
        (policy, never): (&Policy, &NeverBlock),
        now: PacketTime,
    ) -> Result<PacketTime, Reason> {
        let item = item.canonical();
        if let Some(reason) = last::bars(&item, policy, never) {
            return Err(reason);
        }
        let max = last::most(&item, policy);
        let known = self.manual.get(&item).filter(|r| r.expires > now);
        let alike = || self.manual.keys().filter(|k| discriminant(*k) == discriminant(&item)).count();
        if known.is_none() && alike() >= max {
            return Err(Reason::CapReached { max });
        }
        let (first, times) = known.map_or((now, 1), |r| (r.first, r.times.saturating_add(1)));
        let expires = now.plus(ttl.duration());
        let record = Record {
            key: item.clone(),
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
            endpoints: Vec::new(),
        };
        self.manual.insert(item.clone(), record);
        self.touched.insert((item, Origin::Manual));
        Ok(expires)
    }

    /// Takes entries away by an operator's order, and no traffic brings them back before `until`. An address stands for
    /// all its ports and for the host that has it, an endpoint for what each host has with it, a name for all below it. What was taken away.
    pub fn release(&mut self, item: Item, until: PacketTime, by: &str, now: PacketTime) -> Vec<Item> {
        let release = Release { item: item.canonical(), until, at: now, by: by.to_owned() };
        let gone = self.take_away(&release, now);
        self.keep_release(release);
        gone
    }

    /// Takes what was saved. What is here already and what was saved are put together.
    pub fn load(&mut self, saved: Saved, policy: &Policy, now: PacketTime) {
        for mut r in saved.records {
            r.key = r.key.canonical();
            match r.origin {
                Origin::Seen => self.shelf_mut(&r.key).load(r, policy, now),
                Origin::Manual if self.manual.len() < MaxEntries::CEILING => {
                    let newer = self.manual.get(&r.key).is_none_or(|known| known.last_seen < r.last_seen);
                    if newer && manual_until(&r, now) > now {
                        self.manual.insert(r.key.clone(), r);
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
        let manual: BTreeMap<_, _> = manual
            .take(MaxEntries::CEILING)
            .map(|r| {
                let key = r.key.canonical();
                (key.clone(), Record { key, ..r })
            })
            .collect();
        let before = std::mem::take(&mut self.manual);
        for (item, r) in &manual {
            match before.get(item) {
                None => changes.added.push(item.clone()),
                Some(old) if old.expires != r.expires => changes.renewed.push(item.clone()),
                Some(_) => {}
            }
        }
        changes.ended.extend(before.into_keys().filter(|t| !manual.contains_key(t)));
        self.manual = manual;
        self.touched.retain(|(_, origin)| *origin != Origin::Manual);
        let left: BTreeSet<_> = saved.releases.iter().map(|r| &r.item).collect();
        self.releases.retain(|item, _| left.contains(item));
        for r in saved.releases {
            changes.ended.extend(self.obey(r, now));
        }
        changes.ended.sort_unstable();
        changes.ended.dedup();
        changes
    }

    /// The entries that hold now, passed through the never-block gate again, with what was refused.
    pub fn list(&self, policy: &Policy, never: &NeverBlock, now: PacketTime) -> Decision {
        last::list(self.entries(policy, now).collect(), policy, never, now)
    }

    /// The records that hold now, by item, an operator's behind what was seen. They have passed no gate: what is told
    /// to a firewall comes from [`Book::list`].
    pub fn entries(&self, policy: &Policy, now: PacketTime) -> impl Iterator<Item = Record> {
        let seen = self.shelves().into_iter().flat_map(move |shelf| shelf.live(policy, now));
        let seen = seen.filter(move |r| self.released_until(&r.key, now).is_none());
        let manual = self.manual.values().map(move |r| Record { expires: manual_until(r, now), ..r.clone() });
        let mut all: Vec<_> = seen.chain(manual.filter(move |r| r.expires > now)).collect();
        all.sort_by(|a, b| (&a.key, a.origin).cmp(&(&b.key, b.origin)));
        all.into_iter()
    }

    /// What is known of an item, whether it still holds or not: an operator's order, else what was seen.
    pub fn record(&self, item: &Item) -> Option<&Record> {
        self.manual.get(item).or_else(|| self.shelf(item).get(item))
    }

    /// Releases that hold now, by item.
    pub fn releases(&self, now: PacketTime) -> impl Iterator<Item = &Release> {
        self.releases.values().filter(move |r| r.until > now)
    }

    /// How many records there are, with those that ended and are remembered.
    pub fn len(&self) -> usize {
        self.shelves().iter().map(|shelf| shelf.len()).sum::<usize>() + self.manual.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was touched since this was last called, for saving.
    pub fn take_touched(&mut self) -> Vec<Touched> {
        let mut touched = std::mem::take(&mut self.touched);
        for shelf in self.shelves_mut() {
            touched.extend(shelf.take_touched().into_iter().map(|item| (item, Origin::Seen)));
        }
        let record = |item: &Item, origin| match origin {
            Origin::Seen => self.shelf(item).get(item).cloned(),
            Origin::Manual => self.manual.get(item).cloned(),
        };
        touched.into_iter().map(|(item, origin)| Touched { record: record(&item, origin), item, origin }).collect()
    }

    /// Marks all as touched, for a disk that has none of them.
    pub fn touch_all(&mut self) {
        let seen = [&self.endpoints, &self.names, &self.hosts].into_iter().flat_map(Shelf::keys);
        self.touched.extend(seen.map(|k| (k.clone(), Origin::Seen)));
        self.touched.extend(self.manual.keys().map(|k| (k.clone(), Origin::Manual)));
    }

    /// Until when an item is released, if it is.
    pub fn released_until(&self, item: &Item, now: PacketTime) -> Option<PacketTime> {
        if self.releases.is_empty() {
            return None;
        }
        let of = |item: &Item| self.releases.get(item).map(|r| r.until).filter(|until| *until > now);
        of(item).max(item.wider().iter().filter_map(of).max())
    }

    const fn shelves(&self) -> [&Shelf; 3] {
        [&self.endpoints, &self.names, &self.hosts]
    }

    const fn shelves_mut(&mut self) -> [&mut Shelf; 3] {
        [&mut self.endpoints, &mut self.names, &mut self.hosts]
    }

    const fn shelf(&self, item: &Item) -> &Shelf {
        match item {
            Item::Endpoint(_) => &self.endpoints,
            Item::Name(_) => &self.names,
            Item::Host(_) => &self.hosts,
        }
    }

    const fn shelf_mut(&mut self, item: &Item) -> &mut Shelf {
        match item {
            Item::Endpoint(_) => &mut self.endpoints,
            Item::Name(_) => &mut self.names,
            Item::Host(_) => &mut self.hosts,
        }
    }

    fn end(&mut self, policy: &Policy, now: PacketTime, changes: &mut Changes) {
        for shelf in self.shelves_mut() {
            changes.ended.extend(shelf.end(policy, now));
        }
        let over: Vec<_> =
            self.manual.values().filter(|r| manual_until(r, now) <= now).map(|r| r.key.clone()).collect();
        for item in over {
            // Not touched: another program may have given the order anew meanwhile.
            self.manual.remove(&item);
            changes.ended.push(item);
        }
        changes.ended.sort_unstable();
        changes.ended.dedup();
        self.releases.retain(|_, r| r.until > now);
    }

    fn let_in(&mut self, policy: &Policy, now: PacketTime, changes: &mut Changes) {
        if self.limits.quiet.is_quiet(now) {
            // Sent away, not kept waiting: who has stopped by then is not blocked for it in the morning.
            let held_back: usize = self.shelves_mut().into_iter().map(Shelf::send_away).sum();
            if held_back > 0 && !std::mem::replace(&mut self.held_back, true) {
                changes.quiet = Some(Quiet::HoldsBack);
            }
            return;
        }
        if std::mem::take(&mut self.held_back) {
            changes.quiet = Some(Quiet::Over);
        }
        let per_minute = self.limits.per_minute;
        for shelf in [&mut self.endpoints, &mut self.names] {
            let (added, waiting) = shelf.let_in(per_minute, policy, now);
            changes.added.extend(added);
            changes.waiting += waiting;
        }
        let (added, waiting) = self.hosts.let_in(per_minute, policy, now);
        changes.added.extend(added);
        changes.hosts_waiting = waiting;
    }

    /// A release that was written down; known ones are not carried out twice, so that an order that came later stands.
    fn obey(&mut self, mut r: Release, now: PacketTime) -> Vec<Item> {
        r.item = r.item.canonical();
        let known = self.releases.get(&r.item);
        if r.until <= now || known.is_some_and(|k| k.at >= r.at) {
            return Vec::new();
        }
        let gone = self.take_away_seen(&r.item, now);
        self.keep_release(r);
        gone
    }

    fn take_away_seen(&mut self, item: &Item, now: PacketTime) -> Vec<Item> {
        self.shelves_mut().into_iter().flat_map(|shelf| shelf.release(|other| item.covers(other), now)).collect()
    }

    fn take_away(&mut self, r: &Release, now: PacketTime) -> Vec<Item> {
        let mut gone: BTreeSet<Item> = self.take_away_seen(&r.item, now).into_iter().collect();
        let manual: Vec<_> = self.manual.keys().filter(|other| r.item.covers(other)).cloned().collect();
        for item in manual {
            self.manual.remove(&item);
            self.touched.insert((item.clone(), Origin::Manual));
            gone.insert(item);
        }
        gone.into_iter().collect()
    }

    fn keep_release(&mut self, r: Release) {
        if self.releases.len() >= MAX_RELEASES
            && !self.releases.contains_key(&r.item)
            && let Some(first) = self.releases.values().min_by_key(|r| (r.until, &r.item)).map(|r| r.item.clone())
        {
            self.releases.remove(&first);
        }
        self.releases.insert(r.item.clone(), r);
    }
}

/// What a decision offers.
fn offers(d: &Decision, policy: &Policy, now: PacketTime) -> impl Iterator<Item = (Item, Offer)> {
    // Until when it would live the first time; what a repeat offender gets on top is the shelf's to know.
    let first = now.plus(policy.ttl.duration());
    let endpoints = d.list.entries().iter().map(move |e| {
        let offer = Offer {
            verdict: certainty(e.verdict),
            last_seen: e.last_seen,
            expires: e.expires.min(first),
            miners: e.miners.clone(),
            endpoints: Vec::new(),
        };
        (Item::Endpoint(e.target), offer)
    });
    let names = d.list.names().iter().map(move |n| {
        let offer = Offer {
            verdict: certainty(n.verdict),
            last_seen: n.last_seen,
            expires: n.expires.min(first),
            miners: n.miners.clone(),
            endpoints: n.endpoints.clone(),
        };
        (Item::Name(n.name.clone()), offer)
    });
    let first = now.plus(policy.isolation.ttl.duration());
    let hosts = d.hosts.iter().map(move |h| {
        let offer = Offer {
            verdict: certainty(h.verdict),
            last_seen: h.last_seen,
            expires: h.expires.min(first),
            miners: vec![Who { tenant: Tenant::None, miner: h.host }],
            endpoints: h.pools.clone(),
        };
        (Item::Host(h.host), offer)
    });
    endpoints.chain(names).chain(hosts)
}

/// When an order ends: never later than it would if it were given now, whatever clock it was given by.
fn manual_until(r: &Record, now: PacketTime) -> PacketTime {
    let span = r.expires.since(r.last_seen).min(Ttl::MAX.duration());
    r.expires.min(now.plus(span))
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
    fn of(policy: &Policy, hosts: bool) -> Self {
        let first = if hosts { policy.isolation.ttl } else { policy.ttl };
        Self { first, longest: policy.max_ttl.max(first) }
    }
}

/// The life of an entry that is made for the `times`-th time.
fn life(ttl: Lives, times: u32) -> Duration {
    let doubled = ttl.first.duration().saturating_mul(1 << times.saturating_sub(1).min(30));
    doubled.min(ttl.longest.duration())
}

#[cfg(test)]
mod tests;

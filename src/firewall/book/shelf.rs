//! Records of one kind: those that hold, those that ended and are remembered, those that wait.
//!
//! In: offers with the time. Out: what was let in, renewed and ended. Deterministic: the order of offers within one
//! moment changes nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Lives, Origin, life};
use crate::evidence::Verdict;
use crate::firewall::candidate::{Target, Who};
use crate::firewall::isolate::{MAX_HOSTS, MAX_POOLS, PER_MINUTE};
use crate::firewall::item::Item;
use crate::firewall::policy::{MaxEntries, Policy};
use crate::time::PacketTime;

/// How long an entry is remembered after its end, so that it is known when it comes back.
const MEMORY: Duration = Duration::from_hours(90 * 24);
/// Ended records remembered; of more, those that ended first are forgotten.
const MAX_ENDED: usize = MaxEntries::CEILING;
/// Offers that wait.
const MAX_WAITING: usize = MaxEntries::CEILING;
/// Miners kept of one entry.
const MAX_MINERS: usize = 256;

/// Something that is or was blocked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// What.
    pub key: Item,
    /// Who wants it.
    pub origin: Origin,
    /// How sure the best conversation made us.
    pub verdict: Verdict,
    /// When it was blocked first.
    pub first: PacketTime,
    /// Last packet of any conversation with it; of an order, when it was given.
    pub last_seen: PacketTime,
    /// When its life ends, or ended.
    pub expires: PacketTime,
    /// How often it was blocked: its life doubles each time. 0 after a release.
    pub times: u32,
    /// Why, in an operator's words.
    pub reason: String,
    /// Which operator.
    pub by: String,
    /// Who mined there, sorted.
    pub miners: Vec<Who>,
    /// What a name led to, or where a host mined, sorted.
    pub endpoints: Vec<Target>,
}

/// Something to be blocked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Offer {
    pub(super) verdict: Verdict,
    pub(super) last_seen: PacketTime,
    /// When a first life would end.
    pub(super) expires: PacketTime,
    pub(super) miners: Vec<Who>,
    pub(super) endpoints: Vec<Target>,
}

/// How many new ones may still come this minute.
#[derive(Clone, Copy, Default, Debug)]
struct Budget {
    minute: i64,
    spent: usize,
}

impl Budget {
    fn room(&mut self, per_minute: u32, now: PacketTime) -> usize {
        let minute = now.as_nanos().div_euclid(60_000_000_000);
        if minute != self.minute {
            *self = Self { minute, spent: 0 };
        }
        (per_minute as usize).saturating_sub(self.spent)
    }

    fn spend(&mut self, n: usize) {
        self.spent += n;
    }
}

#[derive(Clone, Debug)]
struct Slot {
    record: Record,
    live: bool,
}

/// Records of one kind.
#[derive(Clone, Default, Debug)]
pub(super) struct Shelf {
    /// They are hosts to be isolated: few, and with lives of their own.
    hosts: bool,
    slots: BTreeMap<Item, Slot>,
    live: usize,
    waiting: BTreeMap<Item, Offer>,
    touched: BTreeSet<Item>,
    budget: Budget,
}

/// When a record ends: never later than a life from now, whatever a clock or a file said.
fn until(r: &Record, ttl: Lives, now: PacketTime) -> PacketTime {
    r.expires.min(now.plus(life(ttl, r.times)))
}

impl Shelf {
    /// For hosts that are isolated.
    pub(super) fn of_hosts() -> Self {
        Self { hosts: true, ..Self::default() }
    }

    fn lives(&self, policy: &Policy) -> Lives {
        Lives::of(policy, self.hosts)
    }

    /// Entries that hold at the most.
    const fn most(&self) -> usize {
        if self.hosts { MAX_HOSTS } else { MaxEntries::CEILING }
    }

    /// Takes an offer. Whether an entry lives longer by it.
    pub(super) fn offer(&mut self, key: &Item, offer: Offer, policy: &Policy, now: PacketTime) -> bool {
        let ttl = self.lives(policy);
        match self.slots.get_mut(key) {
            Some(Slot { record, live: true }) => {
                let grown = [
                    add(&mut record.miners, &offer.miners, MAX_MINERS),
                    add(&mut record.endpoints, &offer.endpoints, MAX_POOLS),
                    offer.verdict > record.verdict,
                ];
                record.verdict = record.verdict.max(offer.verdict);
                let mut renewed = false;
                if offer.last_seen > record.last_seen {
                    record.last_seen = offer.last_seen;
                    let life = life(ttl, record.times);
                    let expires = longer(offer.expires, ttl, record.times).min(now.plus(life));
                    // Every packet renews, but not every packet is worth a write.
                    renewed = expires.since(record.expires) > (life / 32).min(Duration::from_mins(1));
                    if renewed {
                        record.expires = expires;
                    }
                }
                if renewed || grown.contains(&true) {
                    self.touched.insert(key.clone());
                }
                renewed
            }
            Some(Slot { record, live: false }) if offer.last_seen <= record.last_seen => false,
            _ => {
                if self.waiting.len() < MAX_WAITING || self.waiting.contains_key(key) {
                    self.waiting.insert(key.clone(), offer);
                }
                false
            }
        }
    }

    /// Lets in those that wait, the most certain first, up to what a minute takes. Which, and how many still wait.
    pub(super) fn let_in(&mut self, per_minute: u32, policy: &Policy, now: PacketTime) -> (Vec<Item>, usize) {
        self.waiting.retain(|_, offer| offer.expires > now);
        let per_minute = if self.hosts { per_minute.min(PER_MINUTE) } else { per_minute };
        let room = self.budget.room(per_minute, now).min(self.most().saturating_sub(self.live));
        let mut order: Vec<_> =
            self.waiting.iter().map(|(k, o)| (Reverse(o.verdict), Reverse(o.last_seen), k)).collect();
        order.sort_unstable();
        let mut added: Vec<Item> = order.into_iter().take(room).map(|(_, _, k)| k.clone()).collect();
        for key in &added {
            if let Some(offer) = self.waiting.remove(key) {
                self.add(key, &offer, self.lives(policy), now);
            }
        }
        self.budget.spend(added.len());
        added.sort_unstable();
        (added, self.waiting.len())
    }

    /// Sends away those that wait. How many there were.
    pub(super) fn send_away(&mut self) -> usize {
        std::mem::take(&mut self.waiting).len()
    }

    fn add(&mut self, key: &Item, offer: &Offer, ttl: Lives, now: PacketTime) {
        let past = self.slots.get(key).map(|s| &s.record);
        let times = past.map_or(0, |r| r.times).saturating_add(1);
        let mut miners = past.map(|r| r.miners.clone()).unwrap_or_default();
        add(&mut miners, &offer.miners, MAX_MINERS);
        let mut endpoints = past.map(|r| r.endpoints.clone()).unwrap_or_default();
        add(&mut endpoints, &offer.endpoints, MAX_POOLS);
        let record = Record {
            key: key.clone(),
            origin: Origin::Seen,
            verdict: offer.verdict,
            first: past.map_or(now, |r| r.first),
            last_seen: offer.last_seen,
            expires: longer(offer.expires, ttl, times).min(now.plus(life(ttl, times))),
            times,
            reason: String::new(),
            by: String::new(),
            miners,
            endpoints,
        };
        self.slots.insert(key.clone(), Slot { record, live: true });
        self.live += 1;
        self.touched.insert(key.clone());
    }

    /// Ends what is over, and forgets what ended long ago. What ended.
    pub(super) fn end(&mut self, policy: &Policy, now: PacketTime) -> Vec<Item> {
        let ttl = self.lives(policy);
        let mut ended = Vec::new();
        let mut forgotten = Vec::new();
        for (key, slot) in &mut self.slots {
            slot.record.expires = until(&slot.record, ttl, now);
            // A clock that was set back: else no traffic would count until it is as late again.
            slot.record.last_seen = slot.record.last_seen.min(now);
            if slot.live && slot.record.expires <= now {
                slot.live = false;
                ended.push(key.clone());
            }
            if !slot.live && now.since(slot.record.expires) > MEMORY {
                forgotten.push(key.clone());
            }
        }
        self.live -= ended.len();
        self.forget(forgotten);
        let past = self.slots.len() - self.live;
        if past > MAX_ENDED {
            let mut all: Vec<_> =
                self.slots.iter().filter(|(_, s)| !s.live).map(|(k, s)| (s.record.expires, k.clone())).collect();
            all.sort_unstable();
            self.forget(all.into_iter().take(past - MAX_ENDED).map(|(_, k)| k));
        }
        ended
    }

    fn forget(&mut self, keys: impl IntoIterator<Item = Item>) {
        for key in keys {
            self.slots.remove(&key);
            self.touched.insert(key);
        }
    }

    /// Ends, by an operator's order, what `which` names. An order is no offence: the count begins anew.
    pub(super) fn release(&mut self, which: impl Fn(&Item) -> bool, now: PacketTime) -> Vec<Item> {
        self.waiting.retain(|k, _| !which(k));
        let mut gone = Vec::new();
        for (key, slot) in self.slots.iter_mut().filter(|(k, _)| which(k)) {
            if slot.live {
                slot.live = false;
                slot.record.expires = now;
                gone.push(key.clone());
            }
            slot.record.times = 0;
            self.touched.insert(key.clone());
        }
        self.live -= gone.len();
        gone
    }

    /// Takes a saved record, put together with what is there.
    pub(super) fn load(&mut self, mut r: Record, policy: &Policy, now: PacketTime) {
        let (ttl, most) = (self.lives(policy), self.most());
        tidy(&mut r.miners, MAX_MINERS);
        tidy(&mut r.endpoints, MAX_POOLS);
        r.expires = until(&r, ttl, now);
        let live = r.expires > now;
        if live {
            self.waiting.remove(&r.key);
        }
        match self.slots.get_mut(&r.key) {
            Some(slot) => {
                let here = &mut slot.record;
                here.verdict = here.verdict.max(r.verdict);
                here.first = here.first.min(r.first);
                here.last_seen = here.last_seen.max(r.last_seen);
                here.times = here.times.max(r.times);
                here.expires = here.expires.max(r.expires);
                add(&mut here.miners, &r.miners, MAX_MINERS);
                add(&mut here.endpoints, &r.endpoints, MAX_POOLS);
                if live && !slot.live {
                    slot.live = true;
                    self.live += 1;
                }
                self.touched.insert(r.key);
            }
            None if !live || self.live < most => {
                self.live += usize::from(live);
                self.slots.insert(r.key.clone(), Slot { record: r, live });
            }
            None => {}
        }
    }

    /// Records that hold, with the end that counts now.
    pub(super) fn live(&self, policy: &Policy, now: PacketTime) -> impl Iterator<Item = Record> {
        let ttl = self.lives(policy);
        let live = self.slots.values().filter(|s| s.live);
        let records = live.map(move |s| Record { expires: until(&s.record, ttl, now), ..s.record.clone() });
        records.filter(move |r| r.expires > now)
    }

    pub(super) fn get(&self, key: &Item) -> Option<&Record> {
        self.slots.get(key).map(|s| &s.record)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Item> {
        self.slots.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn take_touched(&mut self) -> BTreeSet<Item> {
        std::mem::take(&mut self.touched)
    }
}

/// The end of a first life, moved out by what a repeat offender gets on top.
fn longer(first_life: PacketTime, ttl: Lives, times: u32) -> PacketTime {
    first_life.plus(life(ttl, times).saturating_sub(ttl.first.duration()))
}

/// Sorted, each once, within the cap.
fn tidy<T: Ord>(all: &mut Vec<T>, most: usize) {
    all.sort_unstable();
    all.dedup();
    all.truncate(most);
}

/// Adds to what is sorted, each once, within the cap; whether there were new ones.
fn add<T: Ord + Copy>(into: &mut Vec<T>, more: &[T], most: usize) -> bool {
    let before = into.len();
    for w in more {
        if into.len() >= most {
            break;
        }
        if let Err(at) = into.binary_search(w) {
            into.insert(at, *w);
        }
    }
    into.len() > before
}

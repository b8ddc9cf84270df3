//! Records of one kind by key: those that hold, those that ended and are remembered, those that wait.
//!
//! In: offers with the time. Out: what was let in, renewed and ended. Deterministic: the order of offers within one
//! moment changes nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Lives, Origin, life};
use crate::evidence::Verdict;
use crate::firewall::candidate::Who;
use crate::firewall::policy::MaxEntries;
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
pub struct Record<K> {
    /// What.
    pub key: K,
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
}

/// Something to be blocked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Offer {
    pub(super) verdict: Verdict,
    pub(super) last_seen: PacketTime,
    /// When a first life would end.
    pub(super) expires: PacketTime,
    pub(super) miners: Vec<Who>,
}

/// How many new ones may still come this minute.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Budget {
    minute: i64,
    spent: usize,
}

impl Budget {
    pub(super) fn room(&mut self, per_minute: u32, now: PacketTime) -> usize {
        let minute = now.as_nanos().div_euclid(60_000_000_000);
        if minute != self.minute {
            *self = Self { minute, spent: 0 };
        }
        (per_minute as usize).saturating_sub(self.spent)
    }

    pub(super) fn spend(&mut self, n: usize) {
        self.spent += n;
    }
}

#[derive(Clone, Debug)]
struct Slot<K> {
    record: Record<K>,
    live: bool,
}

/// Records by key.
#[derive(Clone, Debug)]
pub(super) struct Shelf<K> {
    slots: BTreeMap<K, Slot<K>>,
    live: usize,
    waiting: BTreeMap<K, Offer>,
    touched: BTreeSet<K>,
}

impl<K> Default for Shelf<K> {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), live: 0, waiting: BTreeMap::new(), touched: BTreeSet::new() }
    }
}

/// When a record ends: never later than a life from now, whatever a clock or a file said.
fn until<K>(r: &Record<K>, ttl: Lives, now: PacketTime) -> PacketTime {
    r.expires.min(now.plus(life(ttl, r.times)))
}

impl<K: Ord + Copy> Shelf<K> {
    /// Takes an offer. Whether an entry lives longer by it.
    pub(super) fn offer(&mut self, key: K, offer: Offer, ttl: Lives, now: PacketTime) -> bool {
        match self.slots.get_mut(&key) {
            Some(Slot { record, live: true }) => {
                let grown = add(&mut record.miners, &offer.miners) || offer.verdict > record.verdict;
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
                if grown || renewed {
                    self.touched.insert(key);
                }
                renewed
            }
            Some(Slot { record, live: false }) if offer.last_seen <= record.last_seen => false,
            _ => {
                if self.waiting.len() < MAX_WAITING || self.waiting.contains_key(&key) {
                    self.waiting.insert(key, offer);
                }
                false
            }
        }
    }

    /// Lets in up to `room` that wait, the most certain first. Which, and how many still wait.
    pub(super) fn let_in(&mut self, room: usize, ttl: Lives, now: PacketTime) -> (Vec<K>, usize) {
        self.waiting.retain(|_, offer| offer.expires > now);
        let room = room.min(MaxEntries::CEILING.saturating_sub(self.live));
        let mut order: Vec<_> =
            self.waiting.iter().map(|(k, o)| (Reverse(o.verdict), Reverse(o.last_seen), *k)).collect();
        order.sort_unstable();
        let mut added: Vec<K> = order.into_iter().take(room).map(|(_, _, k)| k).collect();
        for key in &added {
            if let Some(offer) = self.waiting.remove(key) {
                self.add(*key, &offer, ttl, now);
            }
        }
        added.sort_unstable();
        (added, self.waiting.len())
    }

    fn add(&mut self, key: K, offer: &Offer, ttl: Lives, now: PacketTime) {
        let past = self.slots.get(&key).map(|s| &s.record);
        let times = past.map_or(0, |r| r.times).saturating_add(1);
        let mut miners = past.map(|r| r.miners.clone()).unwrap_or_default();
        add(&mut miners, &offer.miners);
        let record = Record {
            key,
            origin: Origin::Seen,
            verdict: offer.verdict,
            first: past.map_or(now, |r| r.first),
            last_seen: offer.last_seen,
            expires: longer(offer.expires, ttl, times).min(now.plus(life(ttl, times))),
            times,
            reason: String::new(),
            by: String::new(),
            miners,
        };
        self.slots.insert(key, Slot { record, live: true });
        self.live += 1;
        self.touched.insert(key);
    }

    /// Ends what is over, and forgets what ended long ago. What ended.
    pub(super) fn end(&mut self, ttl: Lives, now: PacketTime) -> Vec<K> {
        let mut ended = Vec::new();
        let mut forgotten = Vec::new();
        for (key, slot) in &mut self.slots {
            slot.record.expires = until(&slot.record, ttl, now);
            // A clock that was set back: else no traffic would count until it is as late again.
            slot.record.last_seen = slot.record.last_seen.min(now);
            if slot.live && slot.record.expires <= now {
                slot.live = false;
                ended.push(*key);
            }
            if !slot.live && now.since(slot.record.expires) > MEMORY {
                forgotten.push(*key);
            }
        }
        self.live -= ended.len();
        self.forget(forgotten);
        let past = self.slots.len() - self.live;
        if past > MAX_ENDED {
            let mut all: Vec<_> =
                self.slots.iter().filter(|(_, s)| !s.live).map(|(k, s)| (s.record.expires, *k)).collect();
            all.sort_unstable();
            self.forget(all.into_iter().take(past - MAX_ENDED).map(|(_, k)| k));
        }
        ended
    }

    fn forget(&mut self, keys: impl IntoIterator<Item = K>) {
        for key in keys {
            self.slots.remove(&key);
            self.touched.insert(key);
        }
    }

    /// Ends, by an operator's order, what `which` names. An order is no offence: the count begins anew.
    pub(super) fn release(&mut self, which: impl Fn(&K) -> bool, now: PacketTime) -> Vec<K> {
        self.waiting.retain(|k, _| !which(k));
        let mut gone = Vec::new();
        for (key, slot) in self.slots.iter_mut().filter(|(k, _)| which(k)) {
            if slot.live {
                slot.live = false;
                slot.record.expires = now;
                gone.push(*key);
            }
            slot.record.times = 0;
            self.touched.insert(*key);
        }
        self.live -= gone.len();
        gone
    }

    /// Takes a saved record, put together with what is there.
    pub(super) fn load(&mut self, mut r: Record<K>, ttl: Lives, now: PacketTime) {
        r.miners.sort_unstable();
        r.miners.dedup();
        r.miners.truncate(MAX_MINERS);
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
                add(&mut here.miners, &r.miners);
                if live && !slot.live {
                    slot.live = true;
                    self.live += 1;
                }
                self.touched.insert(r.key);
            }
            None if !live || self.live < MaxEntries::CEILING => {
                self.live += usize::from(live);
                self.slots.insert(r.key, Slot { record: r, live });
            }
            None => {}
        }
    }

    /// Records that hold, with the end that counts now.
    pub(super) fn live(&self, ttl: Lives, now: PacketTime) -> impl Iterator<Item = Record<K>> {
        let live = self.slots.values().filter(|s| s.live);
        let records = live.map(move |s| Record { expires: until(&s.record, ttl, now), ..s.record.clone() });
        records.filter(move |r| r.expires > now)
    }

    pub(super) fn get(&self, key: &K) -> Option<&Record<K>> {
        self.slots.get(key).map(|s| &s.record)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.slots.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn take_touched(&mut self) -> BTreeSet<K> {
        std::mem::take(&mut self.touched)
    }
}

/// The end of a first life, moved out by what a repeat offender gets on top.
fn longer(first_life: PacketTime, ttl: Lives, times: u32) -> PacketTime {
    first_life.plus(life(ttl, times).saturating_sub(ttl.first.duration()))
}

/// Adds miners, sorted, each once, within the cap; whether there were new ones.
fn add(into: &mut Vec<Who>, more: &[Who]) -> bool {
    let before = into.len();
    for w in more {
        if into.len() >= MAX_MINERS {
            break;
        }
        if let Err(at) = into.binary_search(w) {
            into.insert(at, *w);
        }
    }
    into.len() > before
}

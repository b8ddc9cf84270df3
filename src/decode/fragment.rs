//! Datagrams put together from IP fragments, within fixed bounds.
//!
//! In: [`Fragment`]s. Out: whole datagrams; counters for what was given up. An attacker decides what comes in, so
//! every dimension has a cap, the idle go first, and one source can only push out its own.
//!
//! Overlaps: IPv4 keeps what came first and counts a conflict; IPv6 gives the datagram up (RFC 5722), exact
//! duplicates aside (RFC 8200 §4.5).

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::quality::RandomState;

use super::Tenant;
use super::ip::{Head, Part};
use super::walk::{Context, Walk};
use crate::health::{Counter, Health};
use crate::time::PacketTime;

/// Datagrams in progress.
const MAX_DATAGRAMS: usize = 1024;
/// Datagrams in progress of one source address in a tenant.
const MAX_PER_SOURCE: usize = 64;
/// Fragment bytes held, bookkeeping included.
const MAX_HELD: usize = 8 << 20;
/// Pieces of one datagram: a 64 KiB one in fragments of 64 bytes.
const MAX_PIECES: usize = 1024;
/// What IP can number.
const MAX_DATAGRAM: usize = 0xffff;
/// How long hosts wait from the first fragment on: Linux's default for IPv4, RFC 8200 §4.5 for IPv6. Giving up sooner
/// than the host would be a way to hide.
const TIMEOUT_V4: Duration = Duration::from_secs(30);
const TIMEOUT_V6: Duration = Duration::from_mins(1);
/// A mirror's second copy follows this fast.
const COPY: Duration = Duration::from_millis(50);
/// Fragments remembered that completed a datagram.
const MAX_LAST: usize = 32;
/// What a datagram and a piece cost besides their bytes, for the cap.
const DATAGRAM_COST: usize = 256;
const PIECE_COST: usize = 16;

/// One fragment of an IP packet.
#[derive(Debug)]
pub(super) struct Fragment<'d> {
    head: Head,
    pub(super) ctx: Context,
    key: Key,
    offset: usize,
    more: bool,
    data: &'d [u8],
    /// Not cut by a snaplen.
    complete: bool,
}

impl<'d> Fragment<'d> {
    /// The rest of the walk is that part of a datagram.
    pub(super) fn new(w: &Walk<'d, '_>, part: Part) -> Self {
        let head = w.head;
        // IPv6 identifies without the protocol, which only the first fragment knows for sure (RFC 8200 §4.5).
        let protocol = if head.dst.is_ipv6() { 0 } else { head.protocol };
        let key = Key { tenant: w.ctx.tenant(w.options.tenant), src: head.src, dst: head.dst, id: part.id, protocol };
        let complete = w.data.len() == w.wire;
        Self { head, ctx: w.ctx, key, offset: usize::from(part.offset) * 8, more: part.more, data: w.data, complete }
    }

    fn usable(&self) -> bool {
        self.complete
            && !self.data.is_empty()
            && (!self.more || self.data.len().is_multiple_of(8))
            && self.offset + self.data.len() <= MAX_DATAGRAM
    }
}

/// A datagram whose last missing fragment came.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) head: Head,
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    tenant: Tenant,
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    protocol: u8,
}

/// Bytes `start..end` of a datagram, kept at `at` in its store.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: usize,
    end: usize,
    at: usize,
}

#[derive(Debug)]
struct Pending {
    /// By position, never overlapping.
    pieces: Vec<Piece>,
    store: Vec<u8>,
    covered: usize,
    total: Option<usize>,
    /// Of the first fragment, and the length of its IP headers.
    head: Option<(Head, u32)>,
    started: PacketTime,
    touched: PacketTime,
    /// Place in the order of last use.
    stamp: u64,
    fragments: u64,
    /// Given up and already counted; kept so that its rest does not start afresh.
    given_up: bool,
}

enum Added {
    Fits,
    Conflicts,
    /// The fragments contradict each other.
    Hopeless,
}

/// The datagrams in progress.
#[derive(Debug, Default)]
pub(super) struct Table {
    pending: HashMap<Key, Pending, RandomState>,
    /// Keys by last use, the idlest first. Never the map's own order: that would differ from run to run.
    order: BTreeMap<u64, Key>,
    sources: HashMap<(Tenant, IpAddr), BTreeSet<u64>, RandomState>,
    /// Those that completed a datagram lately, latest last: a copy of one is the beginning of nothing.
    last: VecDeque<(PacketTime, u64)>,
    seed: RandomState,
    held: usize,
    clock: u64,
}

impl Table {
    /// Takes a fragment in; gives the datagram that it completes.
    pub(super) fn insert(&mut self, f: &Fragment<'_>, health: &mut Health) -> Option<Whole> {
        health.add(Counter::Fragments);
        let now = f.ctx.time;
        self.expire(now, health);
        if !f.usable() {
            health.add(Counter::FragmentsDropped);
            return None;
        }
        let late = self.pending.get(&f.key).is_some_and(|p| now.since(p.started) > f.key.timeout());
        if late {
            self.give_up(&f.key, health);
        }
        if !self.pending.contains_key(&f.key) && self.is_copy(f) {
            health.add(Counter::Duplicates);
            return None;
        }
        self.touch(f, health);
        let pending = self.pending.get_mut(&f.key)?;
        pending.fragments += 1;
        if pending.given_up {
            health.add(Counter::FragmentsDropped);
            return None;
        }
        let before = pending.cost();
        match pending.add(f) {
            Added::Fits => {}
            Added::Conflicts => health.add(Counter::OverlapConflicts),
            Added::Hopeless => {
                health.add_n(Counter::FragmentsDropped, pending.fragments);
                pending.given_up = true;
                (pending.pieces, pending.store) = (Vec::new(), Vec::new());
            }
        }
        self.held = (self.held + pending.cost()).saturating_sub(before);
        if pending.total == Some(pending.covered) && !pending.given_up {
            let done = self.remove(&f.key)?;
            health.add(Counter::FragmentsReassembled);
            if self.last.len() == MAX_LAST {
                self.last.pop_front();
            }
            self.last.push_back((now, self.print(f)));
            return done.assemble();
        }
        while self.held > MAX_HELD {
            let Some((_, key)) = self.order.first_key_value() else { break };
            let key = *key;
            self.give_up(&key, health);
        }
        None
    }

    /// Whether it is the fragment again that completed a datagram a moment ago.
    fn is_copy(&self, f: &Fragment<'_>) -> bool {
        let Some((latest, _)) = self.last.back() else { return false };
        let now = f.ctx.time;
        now.since(*latest) <= COPY && {
            let print = self.print(f);
            self.last.iter().any(|(at, p)| *p == print && now.since(*at) <= COPY)
        }
    }

    fn print(&self, f: &Fragment<'_>) -> u64 {
        self.seed.hash_one((&f.key, f.offset, f.more, f.data))
    }

    /// Counts everything unfinished as lost.
    pub(super) fn finish(&mut self, health: &mut Health) {
        while let Some((_, key)) = self.order.first_key_value() {
            let key = *key;
            self.give_up(&key, health);
        }
    }

    /// Makes the fragment's datagram the most recently used one, starting it if need be.
    fn touch(&mut self, f: &Fragment<'_>, health: &mut Health) {
        if !self.pending.contains_key(&f.key) {
            self.make_room(&f.key, health);
        }
        self.clock += 1;
        let (stamp, now) = (self.clock, f.ctx.time);
        let mut fresh = false;
        let pending = self.pending.entry(f.key).or_insert_with(|| {
            fresh = true;
            Pending::new(now)
        });
        if fresh {
            self.held += pending.cost();
        }
        let old = std::mem::replace(&mut pending.stamp, stamp);
        pending.touched = now;
        self.order.remove(&old);
        self.order.insert(stamp, f.key);
        let of_source = self.sources.entry(f.key.source()).or_default();
        of_source.remove(&old);
        of_source.insert(stamp);
    }

    fn make_room(&mut self, key: &Key, health: &mut Health) {
        let own = self.sources.get(&key.source()).filter(|s| s.len() >= MAX_PER_SOURCE);
        let stamp = match own.and_then(BTreeSet::first) {
            Some(stamp) => Some(*stamp),
            None if self.pending.len() >= MAX_DATAGRAMS => self.order.first_key_value().map(|(stamp, _)| *stamp),
            None => None,
        };
        if let Some(victim) = stamp.and_then(|s| self.order.get(&s)).copied() {
            self.give_up(&victim, health);
        }
    }

    fn expire(&mut self, now: PacketTime, health: &mut Health) {
        while let Some((_, key)) = self.order.first_key_value() {
            let key = *key;
            if self.pending.get(&key).is_some_and(|p| now.since(p.touched) <= key.timeout()) {
                break;
            }
            self.give_up(&key, health);
        }
    }

    fn give_up(&mut self, key: &Key, health: &mut Health) {
        if let Some(p) = self.remove(key)
            && !p.given_up
        {
            health.add_n(Counter::FragmentsDropped, p.fragments);
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Pending> {
        let pending = self.pending.remove(key)?;
        self.order.remove(&pending.stamp);
        if let Some(of_source) = self.sources.get_mut(&key.source()) {
            of_source.remove(&pending.stamp);
            if of_source.is_empty() {
                self.sources.remove(&key.source());
            }
        }
        self.held = self.held.saturating_sub(pending.cost());
        Some(pending)
    }

    #[cfg(test)]
    pub(super) fn usage(&self) -> (usize, usize) {
        let held: usize = self.pending.values().map(Pending::cost).sum();
        assert_eq!(held, self.held, "the running total is the sum");
        assert_eq!(self.order.len(), self.pending.len());
        assert_eq!(self.sources.values().map(BTreeSet::len).sum::<usize>(), self.pending.len());
        (self.pending.len(), held)
    }
}

impl Key {
    fn source(&self) -> (Tenant, IpAddr) {
        (self.tenant, self.src)
    }

    fn timeout(&self) -> Duration {
        if self.src.is_ipv4() { TIMEOUT_V4 } else { TIMEOUT_V6 }
    }
}

impl Pending {
    fn new(now: PacketTime) -> Self {
        Self {
            pieces: Vec::new(),
            store: Vec::new(),
            covered: 0,
            total: None,
            head: None,
            started: now,
            touched: now,
            stamp: 0,
            fragments: 0,
            given_up: false,
        }
    }

    fn cost(&self) -> usize {
        DATAGRAM_COST + self.store.len() + self.pieces.len() * PIECE_COST
    }

    fn add(&mut self, f: &Fragment<'_>) -> Added {
        let (start, end) = (f.offset, f.offset + f.data.len());
        let beyond = self.pieces.last().is_some_and(|p| p.end > end);
        match self.total {
            Some(total) if end > total || (!f.more && end != total) => return Added::Hopeless,
            None if !f.more && beyond => return Added::Hopeless,
            _ => {}
        }
        if !f.more {
            self.total = Some(end);
        }
        if start == 0 && self.head.is_none() {
            let length = u32::try_from(f.data.len()).unwrap_or(u32::MAX);
            self.head = Some((f.head, f.head.ip_len.saturating_sub(length)));
        }
        self.cover(start, end, f.data, f.head.dst.is_ipv6())
    }

    /// Keeps the bytes of `start..end` that are not there yet.
    fn cover(&mut self, start: usize, end: usize, data: &[u8], strict: bool) -> Added {
        let mut next = self.pieces.partition_point(|p| p.end <= start);
        if strict && let Some(p) = self.pieces.get(next).filter(|p| p.start < end) {
            let same = (p.start, p.end) == (start, end) && self.store.get(p.at..p.at + data.len()) == Some(data);
            return if same { Added::Fits } else { Added::Hopeless };
        }
        let mut conflict = false;
        let mut at = start;
        while at < end {
            match self.pieces.get(next).copied() {
                Some(p) if p.start <= at => {
                    let stop = p.end.min(end);
                    let held = self.store.get(p.at + at - p.start..p.at + stop - p.start);
                    conflict |= held != data.get(at - start..stop - start);
                    at = stop;
                }
                following => {
                    if self.pieces.len() >= MAX_PIECES {
                        return Added::Hopeless;
                    }
                    let stop = following.map_or(end, |p| p.start.min(end));
                    self.pieces.insert(next, Piece { start: at, end: stop, at: self.store.len() });
                    self.store.extend_from_slice(data.get(at - start..stop - start).unwrap_or_default());
                    self.covered += stop - at;
                    at = stop;
                }
            }
            next += 1;
        }
        if conflict { Added::Conflicts } else { Added::Fits }
    }

    fn assemble(self) -> Option<Whole> {
        let (mut head, headers) = self.head?;
        let mut bytes = Vec::with_capacity(self.covered);
        for p in &self.pieces {
            bytes.extend_from_slice(self.store.get(p.at..p.at + (p.end - p.start))?);
        }
        head.ip_len = headers.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        // The sum would be right to check, but one more pass over a rare packet tells nobody anything.
        head.checkable = false;
        Some(Whole { head, bytes })
    }
}

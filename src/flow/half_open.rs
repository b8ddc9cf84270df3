//! Connections that have not carried payload yet: a fixed budget of small entries.
//!
//! In: SYN, SYN-ACK and ACK headers. Out: what a flow inherits when its first payload comes. A SYN flood overwrites
//! the oldest unanswered entries here and costs nothing else; completed handshakes are overwritten last.
//!
//! Entries are found by the seeded 64-bit hash of the flow. Which one is overwritten depends on age alone, so the
//! seed changes no result.

use std::time::Duration;

use super::handshake::{Header, Proven};
use super::index::Index;
use super::info::Counts;
use super::key::{BothWays, Direction};
use super::list::{Linked, Links, List};
use super::seq::at_or_soon_after;
use crate::capture::Stamp;
use crate::decode::Packet;
use crate::health::{Counter, Health};
use crate::prefetch::fetch;

/// An unanswered SYN of this age is no longer missed when overwritten; and a completed handshake of this age no
/// longer outweighs a new SYN. Linux gives up connecting after 127 s, most programs far earlier.
const STALE: Duration = Duration::from_mins(1);
/// Copies of one handshake packet this close are one packet seen twice, in units of 2^20 ns.
const COPY: u16 = 48;

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts, kept small
struct Entry {
    hash: u64,
    first: Stamp,
    links: Links,
    client_isn: u32,
    server_isn: u32,
    bytes: BothWays<u16>,
    packets: BothWays<u8>,
    /// Time of the last packet of each direction, in units of 2^20 ns.
    times: BothWays<u16>,
    client: Direction,
    syn: bool,
    syn_ack: bool,
    verified: bool,
    closed: bool,
}

impl Linked<0> for Entry {
    fn links(&self) -> Links {
        self.links
    }
    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

impl Entry {
    /// Counts a packet of the handshake unless it repeats the last one of its direction and follows at once.
    fn count(&mut self, way: Direction, packet: &Packet<'_>, repeat: bool, health: &mut Health) {
        let now = (packet.time.as_nanos() >> 20) as u16;
        let last = self.times.get_mut(way);
        if repeat && now.wrapping_sub(*last) <= COPY {
            health.add(Counter::Duplicates);
            return;
        }
        *last = now;
        let packets = self.packets.get_mut(way);
        *packets = packets.saturating_add(1);
        let bytes = self.bytes.get_mut(way);
        *bytes = bytes.saturating_add(u16::try_from(packet.wire_ip_len).unwrap_or(u16::MAX));
    }

    /// Whether data of this direction at `seq` continues the handshake.
    fn fits(&self, way: Direction, seq: u32, ack: Option<u32>) -> bool {
        let client_next = self.client_isn.wrapping_add(1);
        if way == self.client {
            let acks = ack.is_some_and(|ack| at_or_soon_after(ack, self.server_isn.wrapping_add(1)));
            if self.syn { at_or_soon_after(seq, client_next) } else { acks }
        } else if self.syn_ack {
            at_or_soon_after(seq, self.server_isn.wrapping_add(1))
        } else {
            ack.is_some_and(|ack| at_or_soon_after(ack, client_next))
        }
    }
}

/// What a flow inherits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) first: Stamp,
    pub(super) counts: BothWays<Counts>,
    pub(super) proven: Proven,
}

/// The table of connections without payload.
#[derive(Debug)]
pub struct HalfOpen {
    entries: Vec<Entry>,
    free: Vec<u32>,
    index: Index,
    young: List<0>,
    proven: List<0>,
    cap: usize,
}

impl HalfOpen {
    /// A table of at most `cap` entries.
    pub(super) fn new(cap: usize) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            index: Index::new(),
            young: List::default(),
            proven: List::default(),
            cap: cap.max(4),
        }
    }

    /// Connections held.
    pub const fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is held.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes allocated.
    pub const fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.free.capacity() * size_of::<u32>() + self.index.bytes()
    }

    /// Takes a packet without payload. True if it belongs to a connection held here (now).
    pub(super) fn packet(
        &mut self,
        hash: u64,
        way: Direction,
        header: &Header,
        packet: &Packet<'_>,
        health: &mut Health,
    ) -> bool {
        let found = self.find(hash);
        let flags = header.flags;
        if flags.rst {
            return found.is_some_and(|slot| self.reset(slot, way, header));
        }
        match (flags.syn, header.ack) {
            (true, None) => self.syn(hash, found, way, header, packet, health),
            (true, Some(ack)) => self.syn_ack(hash, found, way, header, ack, packet, health),
            (false, Some(ack)) => found.is_some_and(|slot| self.ack(slot, way, header, ack, packet, health)),
            (false, None) => false,
        }
    }

    /// Whether data belongs to a connection held here. With `both`, only if the handshake was answered.
    pub(super) fn fits(&self, hash: u64, way: Direction, header: &Header, both: bool) -> bool {
        self.find(hash)
            .and_then(|slot| self.entries.get(slot as usize))
            .is_some_and(|e| (!both || (e.syn && e.syn_ack)) && e.fits(way, header.data_seq(), header.ack))
    }

    /// Hands over the connection to which this data belongs.
    pub(super) fn take(&mut self, hash: u64, way: Direction, header: &Header) -> Option<Opening> {
        let slot = self.find(hash)?;
        let e = self.entries.get(slot as usize).filter(|e| e.fits(way, header.data_seq(), header.ack))?;
        let counts =
            |way| Counts { packets: u64::from(*e.packets.get(way)), bytes: u64::from(*e.bytes.get(way)), payload: 0 };
        let opening = Opening {
            first: e.first,
            counts: BothWays { lo_to_hi: counts(Direction::LoToHi), hi_to_lo: counts(Direction::HiToLo) },
            proven: Proven {
                client: e.client,
                client_isn: e.syn.then_some(e.client_isn),
                server_isn: e.syn_ack.then_some(e.server_isn),
                verified: e.verified,
            },
        };
        self.remove(slot);
        Some(opening)
    }

    /// Whether a connection with this hash is held.
    pub(super) fn holds(&self, hash: u64) -> bool {
        self.find(hash).is_some()
    }

    /// Forgets a connection.
    pub(super) fn forget(&mut self, hash: u64) {
        if let Some(slot) = self.find(hash) {
            self.remove(slot);
        }
    }

    /// Fetches where the search for a connection begins.
    pub(super) fn fetch(&self, hash: u64) {
        self.index.fetch(hash);
    }

    /// Fetches a connection, if it may be held.
    pub(super) fn fetch_entry(&self, hash: u64) {
        if let Some(entry) = self.index.candidate(hash).and_then(|slot| self.entries.get(slot as usize)) {
            fetch(entry);
        }
    }

    fn find(&self, hash: u64) -> Option<u32> {
        self.index.find(hash, |slot| self.entries.get(slot as usize).is_some_and(|e| e.hash == hash))
    }

    fn syn(
        &mut self,
        hash: u64,
        found: Option<u32>,
        way: Direction,
        header: &Header,
        packet: &Packet<'_>,
        health: &mut Health,
    ) -> bool {
        if let Some(slot) = found
            && let Some(e) = self.entries.get_mut(slot as usize)
        {
            if e.client == way && e.syn && e.client_isn == header.seq {
                e.count(way, packet, true, health);
                return true;
            }
            // Captured after its answer.
            if e.client == way && !e.syn && e.client_isn == header.seq {
                e.syn = true;
                e.count(way, packet, false, health);
                return true;
            }
            if e.verified && !e.closed && packet.time.since(e.first.time) <= STALE {
                return false;
            }
            self.remove(slot);
        }
        self.insert(hash, way, packet, health, |e| {
            e.syn = true;
            e.client_isn = header.seq;
        });
        self.counted(hash, way, packet, health)
    }

    #[allow(clippy::too_many_arguments)] // one packet, seen from several sides
    fn syn_ack(
        &mut self,
        hash: u64,
        found: Option<u32>,
        way: Direction,
        header: &Header,
        ack: u32,
        packet: &Packet<'_>,
        health: &mut Health,
    ) -> bool {
        let client_isn = ack.wrapping_sub(1);
        if let Some(slot) = found
            && let Some(e) = self.entries.get_mut(slot as usize)
        {
            let answers = e.client == way.reverse() && client_isn == e.client_isn;
            if answers && !e.syn_ack {
                e.syn_ack = true;
                e.server_isn = header.seq;
                e.count(way, packet, false, health);
                return true;
            }
            if answers && e.server_isn == header.seq {
                e.count(way, packet, true, health);
                return true;
            }
            // A number that answers nothing: forged, or of a connection whose SYN was not captured.
            if e.syn || answers {
                return false;
            }
            self.remove(slot);
        }
        self.insert(hash, way.reverse(), packet, health, |e| {
            e.syn_ack = true;
            e.client_isn = client_isn;
            e.server_isn = header.seq;
        });
        self.counted(hash, way, packet, health)
    }

    fn ack(
        &mut self,
        slot: u32,
        way: Direction,
        header: &Header,
        ack: u32,
        packet: &Packet<'_>,
        health: &mut Health,
    ) -> bool {
        let Some(e) = self.entries.get_mut(slot as usize) else { return false };
        if !e.fits(way, header.seq, Some(ack)) {
            return false;
        }
        let repeat = way != e.client || e.verified;
        e.count(way, packet, repeat, health);
        e.closed |= header.flags.fin;
        let completes = way == e.client
            && e.syn
            && e.syn_ack
            && header.seq == e.client_isn.wrapping_add(1)
            && ack == e.server_isn.wrapping_add(1);
        if completes && !e.verified {
            e.verified = true;
            self.young.remove(&mut self.entries, slot);
            self.proven.push_back(&mut self.entries, slot);
        }
        true
    }

    /// A refusal with matching numbers ends the matter.
    fn reset(&mut self, slot: u32, way: Direction, header: &Header) -> bool {
        let Some(e) = self.entries.get(slot as usize) else { return false };
        let client_next = e.client_isn.wrapping_add(1);
        let ours = if way == e.client { header.seq == client_next } else { header.ack == Some(client_next) };
        if ours {
            self.remove(slot);
        }
        ours
    }

    fn counted(&mut self, hash: u64, way: Direction, packet: &Packet<'_>, health: &mut Health) -> bool {
        let slot = self.find(hash);
        if let Some(e) = slot.and_then(|slot| self.entries.get_mut(slot as usize)) {
            e.count(way, packet, false, health);
        }
        true
    }

    fn insert(
        &mut self,
        hash: u64,
        client: Direction,
        packet: &Packet<'_>,
        health: &mut Health,
        set: impl FnOnce(&mut Entry),
    ) {
        if self.index.len() >= self.cap {
            self.make_room(packet, health);
        }
        let mut entry = Entry {
            hash,
            first: packet.stamp(),
            links: Links::LOOSE,
            client_isn: 0,
            server_isn: 0,
            bytes: BothWays::default(),
            packets: BothWays::default(),
            times: BothWays::default(),
            client,
            syn: false,
            syn_ack: false,
            verified: false,
            closed: false,
        };
        set(&mut entry);
        let slot = if let Some(slot) = self.free.pop() {
            if let Some(place) = self.entries.get_mut(slot as usize) {
                *place = entry;
            }
            slot
        } else {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        };
        self.young.push_back(&mut self.entries, slot);
        self.index.insert(hash, slot);
    }

    /// Unanswered entries go first, but a quarter of the table is theirs, so that a table full of silent connections
    /// still lets new ones complete.
    fn make_room(&mut self, packet: &Packet<'_>, health: &mut Health) {
        let young_first = self.young.len() * 4 >= self.cap;
        let victim = if young_first { self.young.front() } else { self.proven.front().or(self.young.front()) };
        let Some(slot) = victim else { return };
        let fresh = self
            .entries
            .get(slot as usize)
            .is_some_and(|e| !e.closed && (e.verified || packet.time.since(e.first.time) <= STALE));
        if fresh {
            health.add(Counter::HalfOpenEvicted);
        }
        self.remove(slot);
    }

    fn remove(&mut self, slot: u32) {
        let Some(e) = self.entries.get(slot as usize) else { return };
        let (hash, verified) = (e.hash, e.verified);
        let list = if verified { &mut self.proven } else { &mut self.young };
        list.remove(&mut self.entries, slot);
        self.index.remove(hash, slot);
        self.free.push(slot);
    }
}

#[cfg(test)]
mod tests;

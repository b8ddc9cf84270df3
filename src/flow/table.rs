//! The flow table of one worker: one look-up per packet, state only where payload flows, everything capped.
//!
//! In: [`Packet`]s in capture order. Out: [`Touched`] for the packets of flows under inspection, [`Ended`] flows.
//! What is a new flow depends on the flow's own packets alone, never on which other flows share the table, as long
//! as no cap is reached: so it does not matter how many workers there are.

use std::collections::VecDeque;

use super::foresight::Sight;
use super::half_open::HalfOpen;
use super::handshake::Header;
use super::index::Index;
use super::info::FlowInfo;
use super::key::{BothWays, Direction, FlowHasher, FlowKey};
use super::lasting::Tempo;
use super::limits::Limits;
use super::list::{Links, List};
use super::pending::Budget;
use super::slot::{BY_AGE, Class, Cold, Looked, Slot};
use super::sources::Sources;
use super::touched::{EndReason, Ended, Touched, Wish};
use crate::capture::FrameRef;
use crate::decode::Packet;
use crate::health::{Counter, Health};
use crate::time::{Elapsed, PacketTime};
pub use pass::Pass;

/// Flows of one worker, each with a caller's state `S`.
#[derive(Debug)]
pub struct FlowTable<S> {
    limits: Limits,
    hasher: FlowHasher,
    index: Index,
    slots: Vec<Slot<S>>,
    free: Vec<u32>,
    closed: List<BY_AGE>,
    plain: List<BY_AGE>,
    unanswered: List<BY_AGE>,
    kept: List<BY_AGE>,
    sources: Sources,
    half_open: HalfOpen,
    budget: Budget,
    ended: VecDeque<Ended<S>>,
    wish: Wish,
    /// How much time has passed by everybody's packets, and whether there is more to look for that is over since then.
    now: Elapsed,
    unswept: bool,
    /// The slot of the flow that the last packet was of, and its direction, if it lasts.
    lasts: Option<(u32, Direction)>,
    silent: VecDeque<u32>,
}

/// What a packet that matches a slot means for it.
enum Fate {
    Same,
    Over(EndReason),
    /// Part of another connection's handshake.
    Foreign,
}

impl<S: Default> FlowTable<S> {
    /// An empty table.
    pub fn new(limits: Limits, hasher: FlowHasher) -> Self {
        Self {
            limits,
            index: Index::new(),
            slots: Vec::new(),
            free: Vec::new(),
            closed: List::default(),
            plain: List::default(),
            unanswered: List::default(),
            kept: List::default(),
            sources: Sources::new(hasher.state()),
            half_open: HalfOpen::new(limits.half_open),
            budget: Budget::new(limits.buffered),
            ended: VecDeque::new(),
            wish: Wish::default(),
            now: Elapsed::ZERO,
            unswept: false,
            lasts: None,
            silent: VecDeque::new(),
            hasher,
        }
    }

    /// Takes a packet. `None` when there is nothing to look at: no payload yet, a flow that was let go, or one that
    /// got no state. Look at [`next_ended`](Self::next_ended) after each call.
    pub fn packet(&mut self, packet: &Packet<'_>, health: &mut Health) -> Option<Touched<'_, S>> {
        let sight = self.sight(packet);
        match self.pass(packet, &sight, health) {
            Pass::Done => None,
            Pass::Look(found) => self.packet_found(packet, &sight, found, health),
        }
    }

    /// Which flow a packet is of.
    pub fn sight(&self, packet: &Packet<'_>) -> Sight {
        Sight::of(packet, &self.hasher)
    }

    /// The same for a packet that [`pass`](Self::pass) did not let pass, with the slot that it found.
    pub fn packet_found(
        &mut self,
        packet: &Packet<'_>,
        sight: &Sight,
        mut found: Option<u32>,
        health: &mut Health,
    ) -> Option<Touched<'_, S>> {
        let Sight { key, way, hash } = *sight;
        let header = Header::of(packet);
        if let Some(slot) = found {
            match self.fate(slot, way, packet, header.as_ref(), health) {
                Fate::Same => {}
                Fate::Over(reason) => {
                    self.end(slot, reason, health);
                    found = None;
                }
                Fate::Foreign => return None,
            }
        }
        let slot = match found {
            Some(slot) => slot,
            None => self.open(key, hash, way, packet, header.as_ref(), health)?,
        };
        self.touch(slot, way, packet, header.as_ref());
        self.listen(slot, way, packet, header.as_ref());
        if self.slots.get(slot as usize).is_some_and(|s| s.cold.is_none()) && !self.look_again(slot, packet, health) {
            return None;
        }
        let place = self.slots.get_mut(slot as usize)?;
        self.wish = Wish { slot, ..Wish::default() };
        let mut touched = Touched {
            key,
            way,
            new: found.is_none(),
            duplicate: false,
            cold: place.cold.as_deref_mut()?,
            budget: &mut self.budget,
            wish: &mut self.wish,
        };
        touched.note(packet, header.as_ref(), health);
        Some(touched)
    }

    /// Makes a flow if the packet deserves one. Apart, as what it builds would take room on the stack for every packet.
    #[inline(never)]
    fn open(
        &mut self,
        key: FlowKey,
        hash: u64,
        way: Direction,
        packet: &Packet<'_>,
        header: Option<&Header>,
        health: &mut Health,
    ) -> Option<u32> {
        let mut info = FlowInfo { first: packet.stamp(), last: packet.stamp(), ..FlowInfo::default() };
        let mut isn = BothWays::default();
        let mut origin = way;
        let mut syn_pending = false;
        if let Some(h) = header {
            if h.len == 0 {
                self.half_open.packet(hash, way, h, packet, health);
                return None;
            }
            if h.flags.rst {
                return None;
            }
            if h.flags.syn {
                self.half_open.forget(hash);
                *isn.get_mut(way) = Some(h.seq);
            } else if let Some(opening) = self.half_open.take(hash, way, h) {
                info.first = opening.first;
                info.counts = opening.counts;
                info.handshake.open(&opening.proven);
                for w in Direction::BOTH {
                    *isn.get_mut(w) = info.handshake.isn(w);
                }
                origin = opening.proven.client;
            } else if h.len == 1 && !h.flags.psh {
                // A keep-alive probe's garbage byte is no start.
                return None;
            } else {
                info.mid_stream = true;
                // Data that does not fit the handshake seen: forged, or that was another connection's. Where data
                // follows that does fit, it is a new flow.
                syn_pending = self.half_open.holds(hash);
            }
        } else if !(self.limits.udp)(packet) {
            return None;
        }

        let source = (key.tenant(), key.source(origin).ip());
        if !self.make_room(source, health) {
            return None;
        }
        health.add(Counter::Flows);
        if info.mid_stream {
            health.add(Counter::MidStreamFlows);
        }
        let mut seen = BothWays::default();
        for w in Direction::BOTH {
            *seen.get_mut(w) = info.counts.get(w).packets > 0;
        }
        let cold = Cold {
            info,
            recent: BothWays::default(),
            mirrored: false,
            streams: header.map(|_| BothWays::default()),
            state: S::default(),
        };
        let slot = Slot {
            key,
            hash,
            last: packet.time,
            heard: self.now,
            queued: self.now,
            cold: Some(Box::new(cold)),
            by_age: Links::LOOSE,
            by_source: Links::LOOSE,
            isn,
            fin: BothWays::default(),
            seen,
            class: Class::Plain,
            keep: false,
            origin,
            touched: false,
            syn_pending,
            proven: None,
            glances: 0,
            looked: Looked::not_at(packet.time),
            tempo: Tempo::default(),
        };
        let number = self.place(slot);
        self.index.insert(hash, number);
        self.plain.push_back(&mut self.slots, number);
        self.sources.add(source, &mut self.slots, number);
        Some(number)
    }
}

impl<S> FlowTable<S> {
    /// The next flow that is over. Drain after each [`packet`](Self::packet).
    pub fn next_ended(&mut self) -> Option<Ended<S>> {
        self.ended.pop_front()
    }

    /// Ends every flow, in the order of their first frames. The table is empty afterwards and can be used again.
    pub fn drain(&mut self, health: &mut Health) -> impl Iterator<Item = Ended<S>> {
        for number in self.by_first_frame() {
            self.flush(number, health);
        }
        std::mem::take(&mut self.ended).into_iter()
    }

    /// The numbers of all flows, in the order of their first frames: to [flush](Self::flush) one after the other, so
    /// that no more than one has to be kept at a time.
    pub fn by_first_frame(&mut self) -> Vec<u32> {
        self.grant();
        let mut live: Vec<(FrameRef, PacketTime, u32)> = Vec::with_capacity(self.index.len());
        for class in Class::ALL {
            let mut at = self.list(class).front();
            while let Some(number) = at {
                if let Some(slot) = self.slots.get(number as usize) {
                    let first = slot.cold.as_deref().map(|c| c.info.first).unwrap_or_default();
                    live.push((first.frame, first.time, number));
                }
                at = List::<BY_AGE>::after(&self.slots, number);
            }
        }
        live.sort_unstable();
        live.into_iter().map(|(.., number)| number).collect()
    }

    /// Ends a flow, of which [`next_ended`](Self::next_ended) tells. The number must be that of a flow that goes on.
    pub fn flush(&mut self, number: u32, health: &mut Health) {
        self.end(number, EndReason::Flushed, health);
    }

    /// Flows held.
    pub const fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no flow is held.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) const fn hasher(&self) -> &FlowHasher {
        &self.hasher
    }

    pub(super) const fn index(&self) -> &Index {
        &self.index
    }

    pub(super) fn slot(&self, number: u32) -> Option<&Slot<S>> {
        self.slots.get(number as usize)
    }

    /// The connections without payload.
    pub const fn half_open(&self) -> &HalfOpen {
        &self.half_open
    }

    /// Bytes that streams hold out of order.
    pub const fn buffered(&self) -> usize {
        self.budget.used()
    }

    /// Does what the caller asked for while it held a flow.
    fn grant(&mut self) {
        let Wish { slot: number, keep, release, forget, reopen } = std::mem::take(&mut self.wish);
        if keep.is_none() && !release && !reopen {
            return;
        }
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        if let Some(keep) = keep {
            slot.keep = keep;
        }
        if release {
            slot.keep = false;
            if let Some(cold) = slot.cold.take() {
                slot.proven = cold.info.handshake.client.filter(|_| cold.info.handshake.verified && !forget);
                cold.give_back(&mut self.budget);
            }
        }
        if slot.class != Class::Closed {
            let class = slot.open_class();
            self.reclass(number, class);
        } else if reopen {
            self.reopen(number);
        }
    }

    fn reopen(&mut self, number: u32) {
        if let Some(slot) = self.slots.get(number as usize)
            && !(slot.fin.lo_to_hi && slot.fin.hi_to_lo)
        {
            let class = slot.open_class();
            self.reclass(number, class);
        }
    }

    /// What this packet means for the flow in that slot.
    fn fate(
        &mut self,
        number: u32,
        way: Direction,
        packet: &Packet<'_>,
        header: Option<&Header>,
        health: &mut Health,
    ) -> Fate {
        let Some(slot) = self.slots.get_mut(number as usize) else { return Fate::Same };
        let silence = packet.time.since(slot.last);
        if silence > self.limits.idle_of(slot.class) {
            let reason = if slot.class == Class::Closed { EndReason::Closed } else { EndReason::Idle };
            return Fate::Over(reason);
        }
        let Some(h) = header else { return Fate::Same };
        if h.flags.syn {
            if *slot.isn.get(way) == Some(h.seq) {
                return Fate::Same;
            }
            if let (Some(ack), Some(isn), None) = (h.ack, *slot.isn.get(way.reverse()), *slot.isn.get(way))
                && super::seq::at_or_soon_after(ack, isn.wrapping_add(1))
            {
                *slot.isn.get_mut(way) = Some(h.seq);
                return Fate::Same;
            }
            if slot.class == Class::Closed && h.ack.is_none() {
                return Fate::Over(EndReason::Replaced);
            }
            // Perhaps a new connection, perhaps forged to make us forget this one: the next data will tell.
            slot.syn_pending = true;
            self.half_open.packet(slot.hash, way, h, packet, health);
            return Fate::Foreign;
        }
        if slot.syn_pending {
            let both = slot.seen.lo_to_hi && slot.seen.hi_to_lo;
            if h.len > 0 {
                if self.half_open.fits(slot.hash, way, h, both) {
                    return Fate::Over(EndReason::Replaced);
                }
            } else if self.half_open.packet(slot.hash, way, h, packet, health) {
                return Fate::Foreign;
            }
        }
        Fate::Same
    }

    /// Notes that the flow had a packet.
    fn touch(&mut self, number: u32, way: Direction, packet: &Packet<'_>, header: Option<&Header>) {
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        (slot.last, slot.heard) = (packet.time, self.now);
        slot.touched = true;
        let first = !std::mem::replace(slot.seen.get_mut(way), true);
        if first && slot.class == Class::Unanswered {
            self.reclass(number, Class::Kept);
        }
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        let Some(h) = header else { return };
        if slot.tempo.listener().is_some() {
            // Its numbers are not followed, so anybody who knows the ports could end it. It ends when it is silent.
            return;
        }
        if h.flags.fin {
            *slot.fin.get_mut(way) = true;
        }
        let reset = h.flags.rst && slot.cold.as_deref().is_none_or(|c| c.info.handshake.is_plausible(way, h.seq));
        if (reset || (slot.fin.lo_to_hi && slot.fin.hi_to_lo)) && slot.class != Class::Closed {
            self.reclass(number, Class::Closed);
        } else if slot.class == Class::Closed && slot.cold.is_none() && h.len > 0 && !h.flags.rst {
            self.reopen(number);
        }
    }

    fn list(&mut self, class: Class) -> &mut List<BY_AGE> {
        match class {
            Class::Closed => &mut self.closed,
            Class::Plain => &mut self.plain,
            Class::Unanswered => &mut self.unanswered,
            Class::Kept => &mut self.kept,
        }
    }

    fn requeue(&mut self, number: u32, class: Class) {
        let mut list = *self.list(class);
        list.move_to_back(&mut self.slots, number);
        *self.list(class) = list;
    }

    fn reclass(&mut self, number: u32, class: Class) {
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        let old = std::mem::replace(&mut slot.class, class);
        if old == class {
            return;
        }
        slot.queued = slot.heard;
        let mut from = *self.list(old);
        from.remove(&mut self.slots, number);
        *self.list(old) = from;
        let mut to = *self.list(class);
        to.push_back(&mut self.slots, number);
        *self.list(class) = to;
    }

    fn place(&mut self, slot: Slot<S>) -> u32 {
        if let Some(number) = self.free.pop() {
            if let Some(place) = self.slots.get_mut(number as usize) {
                *place = slot;
            }
            return number;
        }
        self.slots.push(slot);
        self.slots.len() as u32 - 1
    }

    /// Takes a flow out and queues it for the caller, unless it was let go.
    fn end(&mut self, number: u32, reason: EndReason, health: &mut Health) {
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        let (key, hash, class, source, seen) = (slot.key, slot.hash, slot.class, slot.source(), slot.seen);
        let listener = std::mem::take(&mut slot.tempo).listener();
        let cold = slot.cold.take();
        let mut list = *self.list(class);
        list.remove(&mut self.slots, number);
        *self.list(class) = list;
        self.sources.remove(source, &mut self.slots, number);
        self.index.remove(hash, number);
        self.free.push(number);
        if key.is_tcp() && seen.lo_to_hi != seen.hi_to_lo {
            health.add(Counter::OneWayFlows);
        }
        if let Some(cold) = cold {
            cold.give_back(&mut self.budget);
            self.ended.push_back(Ended::new(key, reason, listener, *cold));
        } else {
            self.silent.extend(listener);
        }
    }
}

mod again;
mod listen;
mod pass;
mod room;
#[cfg(test)]
mod tests;

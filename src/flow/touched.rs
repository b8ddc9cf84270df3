//! What a caller sees of a flow: [`Touched`] while a packet of it is at hand, [`Ended`] when it is over.

use super::dedup::is_telling;
use super::handshake::Header;
use super::info::FlowInfo;
use super::key::{BothWays, Direction, FlowKey};
use super::pending::Budget;
use super::slot::Cold;
use super::stream::{Context, Item, Reassembler, Segment};
use crate::decode::Packet;
use crate::health::{Counter, Health};

/// A flow under inspection, with one packet of it at hand.
///
/// Dropped while a panic unwinds, it lets the flow go: the panic costs that flow and no other.
#[derive(Debug)]
pub struct Touched<'t, S> {
    pub(super) key: FlowKey,
    pub(super) way: Direction,
    pub(super) new: bool,
    pub(super) duplicate: bool,
    pub(super) cold: &'t mut Cold<S>,
    pub(super) budget: &'t mut Budget,
    pub(super) wish: &'t mut Wish,
}

/// What a caller asked for while it held the flow; the table does it before the next packet.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Wish {
    pub(super) slot: u32,
    pub(super) keep: Option<bool>,
    pub(super) release: bool,
    pub(super) forget: bool,
    /// The flow talks on after it was closed.
    pub(super) reopen: bool,
}

impl<S> Touched<'_, S> {
    pub(super) fn note(&mut self, packet: &Packet<'_>, header: Option<&Header>, health: &mut Health) {
        let (repeats, telling) = (self.cold.recent.get_mut(self.way).repeats(packet), is_telling(packet));
        self.cold.mirrored |= repeats && telling;
        self.duplicate = repeats && (telling || self.cold.mirrored);
        if self.duplicate {
            health.add(Counter::Duplicates);
        } else {
            self.cold.info.count(self.way, packet);
        }
        if let Some(header) = header {
            self.cold.info.handshake.packet(self.way, header);
        }
    }

    /// The flow's key.
    pub const fn key(&self) -> &FlowKey {
        &self.key
    }

    /// Direction of the packet at hand.
    pub const fn direction(&self) -> Direction {
        self.way
    }

    /// Whether this packet made the flow.
    pub const fn is_new(&self) -> bool {
        self.new
    }

    /// Whether the packet at hand is a mirror's second copy. Streams take each byte once anyway; who counts datagrams
    /// should skip it.
    pub const fn is_duplicate(&self) -> bool {
        self.duplicate
    }

    /// What is known of the flow, this packet included.
    pub const fn info(&self) -> &FlowInfo {
        &self.cold.info
    }

    /// Both at once.
    pub const fn parts(&mut self) -> (&FlowInfo, &mut S) {
        (&self.cold.info, &mut self.cold.state)
    }

    /// The caller's state.
    pub const fn state(&mut self) -> &mut S {
        &mut self.cold.state
    }

    /// Hands the packet's payload and acknowledgement to the streams. `each` gets what came in order by it, in
    /// stream order, with the caller's state and the direction the bytes were sent in. Nothing happens for UDP, or
    /// after [`stop_streams`](Self::stop_streams).
    pub fn feed(
        &mut self,
        packet: &Packet<'_>,
        health: &mut Health,
        mut each: impl FnMut(&mut S, &FlowInfo, Direction, Item<'_>),
    ) {
        let Some(header) = Header::of(packet) else { return };
        let Cold { info, streams: Some(streams), state, .. } = &mut *self.cold else { return };
        if header.flags.rst {
            // A reset carries no stream bytes. It ends nothing here either: if it was forged, data goes on.
            return;
        }
        let mut cx = Context { now: packet.time, one_way: info.one_way().is_some(), budget: self.budget, health };
        let (way, back) = (self.way, self.way.reverse());
        for w in Direction::BOTH {
            if let Some(isn) = info.handshake.isn(w) {
                streams.get_mut(w).start(isn.wrapping_add(1));
            }
        }
        streams.get_mut(back).acked(header.ack, &mut cx, |item| each(state, info, back, item));
        let stream = streams.get_mut(way);
        let before = stream.position();
        if header.len > 0 || header.flags.fin {
            let segment = Segment {
                seq: header.data_seq(),
                payload: packet.payload,
                wire_len: header.len,
                fin: header.flags.fin,
            };
            match urgent(&header, packet.payload) {
                None => stream.segment(segment, &mut cx, |item| each(state, info, way, item)),
                Some((before, byte, after)) => {
                    let mut part = Segment { payload: before, wire_len: before.len() as u32, fin: false, ..segment };
                    stream.segment(part, &mut cx, |item| each(state, info, way, item));
                    part =
                        Segment { seq: part.seq.wrapping_add(part.wire_len), payload: byte, wire_len: 1, fin: false };
                    let mut passed = false;
                    stream.segment(part, &mut cx, |item| match item {
                        Item::Data([_, rest @ ..]) if !std::mem::replace(&mut passed, true) => {
                            if !rest.is_empty() {
                                each(state, info, way, Item::Data(rest));
                            }
                        }
                        item => each(state, info, way, item),
                    });
                    let seq = part.seq.wrapping_add(1);
                    part = Segment { seq, payload: after, wire_len: after.len() as u32, fin: segment.fin };
                    stream.segment(part, &mut cx, |item| each(state, info, way, item));
                }
            }
        } else if stream.is_waiting() {
            stream.acked(None, &mut cx, |item| each(state, info, way, item));
        }
        if stream.position() != before {
            // Whoever talks on is not closed, whatever a RST said.
            self.wish.reopen = true;
        }
    }

    /// How many stream bytes of a direction the peer has acknowledged, counted like the bytes given out by
    /// [`feed`](Self::feed), gaps included.
    pub fn acknowledged(&self, way: Direction) -> u64 {
        self.cold.streams.as_ref().map_or(0, |s| s.get(way).acknowledged())
    }

    /// Whether both ends said that they are done, and all they sent before was given out.
    pub fn is_over(&self) -> bool {
        self.cold.streams.as_ref().is_some_and(|s| s.lo_to_hi.ended() && s.hi_to_lo.ended())
    }

    /// Marks the flow as bearing evidence (or no longer): it idles out later and is evicted last.
    pub const fn keep(&mut self, keep: bool) {
        self.wish.keep = Some(keep);
    }

    /// Nobody wants the bytes any more: no reassembly from now on, but counts, handshake and state stay.
    pub fn stop_streams(&mut self) {
        self.cold.give_back(self.budget);
        self.cold.streams = None;
    }

    /// Lets the flow go: its state is dropped, no more is counted, it is not handed back when it ends, and each
    /// further packet costs one look-up.
    pub fn release(self) {
        self.wish.release = true;
    }

    /// The same, and the proof of its handshake is forgotten: should it be met again, nothing about it is proven.
    pub fn release_unproven(self) {
        self.wish.release = true;
        self.wish.forget = true;
    }
}

/// The payload around the urgent byte, if there is one in it. Programs do not read that byte with the others unless they
/// ask for it (tcp(7), `SO_OOBINLINE`), so who sends some in between says something else to a reader of packets than to
/// his peer. Which byte it is, Linux takes from RFC 793 by the letter (`tcp_stdurg`): the one before the pointer.
fn urgent<'p>(header: &Header, payload: &'p [u8]) -> Option<(&'p [u8], &'p [u8], &'p [u8])> {
    let at = usize::from(header.flags.urgent).checked_sub(1)?;
    if header.len as usize != payload.len() {
        return None;
    }
    let (before, rest) = payload.split_at_checked(at)?;
    let (byte, after) = rest.split_at_checked(1)?;
    Some((before, byte, after))
}

impl<S> Drop for Touched<'_, S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.wish.release = true;
        }
    }
}

/// Why a flow is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndReason {
    /// FIN both ways or RST, and silence since.
    Closed,
    /// Nothing for too long.
    Idle,
    /// A new connection with the same 5-tuple.
    Replaced,
    /// A cap was reached.
    Evicted,
    /// The input ended.
    Flushed,
}

/// A flow that is over, with its state.
#[derive(Debug)]
pub struct Ended<S> {
    /// Its key.
    pub key: FlowKey,
    /// Why.
    pub reason: EndReason,
    /// What is known of it.
    pub info: FlowInfo,
    /// The caller's state.
    pub state: S,
    /// Who listened to it.
    pub listener: Option<u32>,
    streams: Option<BothWays<Reassembler>>,
}

impl<S> Ended<S> {
    pub(super) fn new(key: FlowKey, reason: EndReason, listener: Option<u32>, cold: Cold<S>) -> Self {
        Self { key, reason, info: cold.info, state: cold.state, listener, streams: cold.streams }
    }

    /// Gives out what the streams still hold: buffered bytes with the gaps before them, and `End`. Once.
    pub fn finish(&mut self, health: &mut Health, mut each: impl FnMut(&mut S, &FlowInfo, Direction, Item<'_>)) {
        let Some(mut streams) = self.streams.take() else { return };
        // The table's budget got these bytes back when the flow ended.
        let mut budget = Budget::new(0);
        let mut cx =
            Context { now: self.info.last.time, one_way: self.info.one_way().is_some(), budget: &mut budget, health };
        for way in Direction::BOTH {
            streams.get_mut(way).finish(&mut cx, |item| each(&mut self.state, &self.info, way, item));
        }
    }
}

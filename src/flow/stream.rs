//! The bytes of one direction of a TCP connection, in order, once.
//!
//! In: [`Segment`]s as they come and the peer's acknowledgements. Out: [`Item`]s: `Data` borrowed from the packet when
//! it is in order (no copy), `Gap` where bytes are missing for good, `End` once.
//!
//! A hole is given up when the peer has acknowledged it and more data arrives (the peer got what the capture did
//! not), when it has waited too long, when a cap is reached, or at the end of the flow. First-seen bytes win. A
//! segment far outside the window is ignored and counted; the stream moves there only when the peer's
//! acknowledgements agree, or, one direction only, when several segments follow each other there.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use foldhash::fast::FixedState;

use super::pending::{Budget, Pending};
use super::seq::{PLAUSIBLE, at_or_soon_after, distance, near};
use crate::health::{Counter, Health};
use crate::time::PacketTime;

/// Longest wait for a hole when both directions are seen: a retransmission after a first timeout of 1 s (RFC 6298)
/// still arrives in time.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same when only this direction is seen and no acknowledgement can tell.
const PATIENCE_ONE_WAY: Duration = Duration::from_millis(500);
/// Segments in a row at an implausible place before the stream moves there, when the peer acknowledges near it.
const RESYNC_CORROBORATED: u8 = 2;
/// The same when only this direction is seen.
const RESYNC_ONE_WAY: u8 = 3;

/// What a stream consists of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item<'a> {
    /// The next bytes.
    Data(&'a [u8]),
    /// This many bytes are missing for good; 0 when the number cannot be known.
    Gap(u64),
    /// Nothing follows.
    End,
}

/// One TCP segment of this direction.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Sequence number of the first payload byte (one more than the header says when SYN is set).
    pub seq: u32,
    /// Captured payload.
    pub payload: &'a [u8],
    /// Payload length on the wire, in bytes; more than `payload` when a snaplen cut it.
    pub wire_len: u32,
    /// FIN.
    pub fin: bool,
}

/// What a stream needs to know of the world around it.
#[derive(Debug)]
pub struct Context<'a> {
    /// Time of the packet at hand.
    pub now: PacketTime,
    /// Whether the other direction was never seen.
    pub one_way: bool,
    /// Bytes the table may still buffer.
    pub budget: &'a mut Budget,
    /// Counters.
    pub health: &'a mut Health,
}

/// A fingerprint of a delivered segment, to tell a true retransmission from a forged one.
#[derive(Clone, Copy, Default, Debug)]
struct Delivered {
    seq: u32,
    len: u32,
    hash: u32,
}

/// Reassembles one direction.
#[derive(Default, Debug)]
pub struct Reassembler {
    next: u32,
    position: u64,
    started: bool,
    ended: bool,
    peer_ack: Option<u32>,
    /// Sequence number after the last byte, once FIN was seen.
    fin: Option<u32>,
    wild_next: u32,
    wild_run: u8,
    recent_at: u8,
    recent: [Delivered; 3],
    waiting_since: PacketTime,
    pending: Pending,
}

impl Reassembler {
    /// Tells where the stream starts, from the SYN. Without it the first segment is the start.
    pub fn start(&mut self, first_byte: u32) {
        if !self.started {
            self.started = true;
            self.next = first_byte;
        }
    }

    /// Bytes delivered and missing so far: the offset of the next byte in the stream.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// How many of those bytes the peer has acknowledged.
    pub const fn acknowledged(&self) -> u64 {
        match self.peer_ack {
            Some(ack) if near(ack, self.next) => {
                let open = distance(self.next, ack);
                self.position.saturating_sub(if open > 0 { open as u64 } else { 0 })
            }
            _ => 0,
        }
    }

    /// Whether `End` was given out.
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// Whether segments wait for a hole to fill.
    pub fn is_waiting(&self) -> bool {
        self.pending.first().is_some()
    }

    /// Takes a segment. `out` gets what is in order now.
    pub fn segment(&mut self, segment: Segment<'_>, cx: &mut Context<'_>, mut out: impl FnMut(Item<'_>)) {
        if self.ended {
            return;
        }
        let out = &mut out;
        let len = segment.wire_len.max(segment.payload.len() as u32);
        if !self.started {
            // A lone byte without company is how keep-alive probes look (RFC 9293 section 3.8.4): garbage before the
            // next byte, no place to start from.
            if len <= 1 && !segment.fin {
                return;
            }
            self.start(segment.seq);
        }
        let segment = Segment { wire_len: len, ..segment };
        let end = segment.seq.wrapping_add(len);
        if near(segment.seq, self.next) || near(end, self.next) {
            if segment.fin {
                self.fin = Some(end);
            }
            if len > 0 {
                self.place(segment, cx, out);
            }
        } else if len > 0 {
            self.wild(segment, cx, out);
        }
        self.settle(len > 0, cx, out);
        self.end_if_closed(cx, out);
    }

    /// Takes an acknowledgement of the peer, and lets time pass.
    pub fn acked(&mut self, ack: Option<u32>, cx: &mut Context<'_>, mut out: impl FnMut(Item<'_>)) {
        if self.ended {
            return;
        }
        if let Some(ack) = ack {
            // An old acknowledgement, reordered, must not take back what was acknowledged.
            match self.peer_ack {
                Some(had) if near(ack, had) && distance(ack, had) < 0 => {}
                _ => self.peer_ack = Some(ack),
            }
        }
        self.settle(false, cx, &mut out);
        self.end_if_closed(cx, &mut out);
    }

    /// Gives out everything left, holes as gaps, and the end.
    pub fn finish(&mut self, cx: &mut Context<'_>, mut out: impl FnMut(Item<'_>)) {
        self.flush(cx, &mut out);
        if !self.ended {
            self.ended = true;
            if self.started {
                out(Item::End);
            }
        }
    }

    /// Frees in the table's budget what is buffered here; [`finish`](Self::finish) or a drop follows.
    pub(super) fn give_back(&self, budget: &mut Budget) {
        budget.give(self.pending.bytes());
    }

    /// Puts a believable segment where it belongs.
    fn place(&mut self, segment: Segment<'_>, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        let mut capped = false;
        loop {
            let ahead = distance(segment.seq, self.next);
            if ahead <= 0 {
                self.in_order(segment, ahead.unsigned_abs(), cx, out);
                return;
            }
            let missing = segment.wire_len.saturating_sub(segment.payload.len() as u32);
            let empty = self.pending.first().is_none();
            match self.pending.insert(segment.seq, segment.payload, missing, cx.now, cx.budget) {
                Ok(conflict) => {
                    if conflict {
                        cx.health.add(Counter::OverlapConflicts);
                    }
                    if empty {
                        self.waiting_since = cx.now;
                    }
                    return;
                }
                Err(_) if !capped => {
                    capped = true;
                    cx.health.add(Counter::ReassemblyCapped);
                }
                Err(_) => {}
            }
            // No room to wait: give up the first hole. With nothing pending the hole ends at this segment.
            match self.pending.first() {
                Some(piece) if distance(piece.seq, segment.seq) < 0 => self.give_up_hole(cx, out),
                _ => self.gap(ahead.unsigned_abs(), cx, out),
            }
        }
    }

    /// A segment that starts at or before the next byte; `old` of its bytes were given out before.
    fn in_order(&mut self, segment: Segment<'_>, old: u32, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        self.wild_run = 0;
        let hash = fingerprint(segment.payload);
        if old >= segment.wire_len {
            self.compare(segment, hash, cx);
            return;
        }
        let entry = Delivered { seq: segment.seq, len: segment.payload.len() as u32, hash };
        if let Some(place) = self.recent.get_mut(self.recent_at as usize) {
            *place = entry;
        }
        self.recent_at = (self.recent_at + 1) % self.recent.len() as u8;
        if let Some(fin) = self.fin
            && distance(segment.seq.wrapping_add(segment.wire_len), fin) > 0
        {
            // The sender talks on: that FIN was not his.
            self.fin = None;
        }

        let mut fresh = segment.payload.get(old as usize..).unwrap_or(&[]);
        let mut left = segment.wire_len - old;
        let mut conflict = false;
        // Pieces that came earlier win over the part of this segment that covers them.
        while let Some(lead) = self.pending.first().map(|p| distance(p.seq, self.next).unsigned_abs()) {
            if lead >= left {
                break;
            }
            fresh = self.emit(fresh, lead, cx, out);
            left -= lead;
            let Some(piece) = self.pending.pop(cx.budget) else { break };
            let shared = piece.data.len().min(fresh.len());
            conflict |= piece.data.get(..shared) != fresh.get(..shared);
            self.deliver(&piece.data, out);
            let covered = (piece.data.len() as u32).min(left);
            fresh = fresh.get(covered as usize..).unwrap_or(&[]);
            left -= covered;
            if left == 0 {
                self.tail(piece.missing, cx, out);
            }
        }
        if conflict {
            cx.health.add(Counter::OverlapConflicts);
        }
        self.emit(fresh, left, cx, out);
        self.contiguous(cx, out);
    }

    /// A whole retransmission: nothing new, but it should be the same bytes.
    fn compare(&self, segment: Segment<'_>, hash: u32, cx: &mut Context<'_>) {
        let probe = segment.wire_len <= 1;
        let len = segment.payload.len() as u32;
        let differs = self.recent.iter().any(|d| d.seq == segment.seq && d.len == len && d.hash != hash);
        if differs && !probe {
            cx.health.add(Counter::OverlapConflicts);
        }
    }

    /// A segment at an implausible place.
    fn wild(&mut self, segment: Segment<'_>, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        cx.health.add(Counter::WildSegments);
        let follows = self.wild_run > 0 && at_or_soon_after(segment.seq, self.wild_next);
        self.wild_run = if follows { self.wild_run.saturating_add(1) } else { 1 };
        self.wild_next = segment.seq.wrapping_add(segment.wire_len);
        let needed = if cx.one_way {
            RESYNC_ONE_WAY
        } else if self.peer_ack.is_some_and(|ack| near(ack, segment.seq)) {
            RESYNC_CORROBORATED
        } else {
            u8::MAX
        };
        if self.wild_run < needed || self.wild_run == u8::MAX {
            return;
        }
        self.flush(cx, out);
        // Forwards the distance is what was lost; backwards it says nothing.
        let lost = u64::try_from(distance(segment.seq, self.next)).unwrap_or(0);
        self.next = segment.seq;
        self.note_gap(lost, cx, out);
        self.fin = None;
        self.in_order(segment, 0, cx, out);
    }

    /// Gives up holes that will not be filled any more.
    fn settle(&mut self, more_data: bool, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        while let Some(piece) = self.pending.first() {
            let received = self.peer_ack.is_some_and(|ack| {
                let beyond = distance(ack, piece.seq);
                (0..=PLAUSIBLE).contains(&beyond)
            });
            let patience = if cx.one_way { PATIENCE_ONE_WAY } else { PATIENCE };
            if !(received && more_data) && cx.now.since(self.waiting_since) <= patience {
                break;
            }
            self.give_up_hole(cx, out);
        }
    }

    fn end_if_closed(&mut self, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        // Only with the peer's consent: a forged FIN must not silence the stream.
        if let Some(fin) = self.fin
            && self.next == fin
            && self.peer_ack.is_some_and(|ack| distance(ack, fin) == 1)
        {
            // What claims to follow the end was never sent by the one who ended.
            while self.pending.pop(cx.budget).is_some() {}
            self.ended = true;
            out(Item::End);
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        while self.pending.first().is_some() {
            self.give_up_hole(cx, out);
        }
    }

    /// Declares the bytes before the first piece missing and gives out what follows them.
    fn give_up_hole(&mut self, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        if let Some(hole) = self.pending.first().map(|p| distance(p.seq, self.next)) {
            self.gap(hole.max(0).unsigned_abs(), cx, out);
        }
    }

    /// Skips `len` bytes and gives out the pieces that follow at once.
    fn gap(&mut self, len: u32, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        self.skip(len, cx, out);
        self.contiguous(cx, out);
    }

    /// Gives out pieces whose turn has come.
    fn contiguous(&mut self, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        while self.pending.first().is_some_and(|p| distance(p.seq, self.next) <= 0) {
            let Some(piece) = self.pending.pop(cx.budget) else { break };
            let old = distance(self.next, piece.seq).max(0) as usize;
            self.deliver(piece.data.get(old..).unwrap_or(&[]), out);
            self.tail(piece.missing, cx, out);
        }
        if let Some(piece) = self.pending.first() {
            self.waiting_since = piece.since;
        }
    }

    /// What a snaplen cut off the end of a piece, as far as no later piece covers it.
    fn tail(&mut self, missing: u32, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        let room = self.pending.first().map_or(u32::MAX, |p| distance(p.seq, self.next).max(0).unsigned_abs());
        self.skip(missing.min(room), cx, out);
    }

    /// Gives out `len` bytes of `data`; what is not there was cut off and is a gap. Returns the rest of `data`.
    fn emit<'d>(&mut self, data: &'d [u8], len: u32, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) -> &'d [u8] {
        let (now, later) = data.split_at_checked(len as usize).unwrap_or((data, &[]));
        self.deliver(now, out);
        self.skip(len - now.len() as u32, cx, out);
        later
    }

    fn deliver(&mut self, data: &[u8], out: &mut impl FnMut(Item<'_>)) {
        if !data.is_empty() {
            self.next = self.next.wrapping_add(data.len() as u32);
            self.position += data.len() as u64;
            out(Item::Data(data));
        }
    }

    fn skip(&mut self, len: u32, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        if len > 0 {
            self.next = self.next.wrapping_add(len);
            self.note_gap(u64::from(len), cx, out);
        }
    }

    fn note_gap(&mut self, len: u64, cx: &mut Context<'_>, out: &mut impl FnMut(Item<'_>)) {
        self.position += len;
        cx.health.add(Counter::ReassemblyGaps);
        cx.health.add_n(Counter::ReassemblyGapBytes, len);
        out(Item::Gap(len));
    }
}

/// Not seeded: two runs must count the same conflicts.
fn fingerprint(payload: &[u8]) -> u32 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(payload);
    hasher.finish() as u32
}

#[cfg(test)]
mod tests;

//! Application messages of a flow that nobody can read: where each one begins and ends, and how long it is.
//!
//! In: the packets of a flow, in capture order. Out: [`Sent`]. Cut by the headers of TLS records where there are any
//! (RFC 8446 §5.1), else where the sender pushed (RFC 9293 §3.9.1.2), where the other end begins to speak, and after a
//! pause. Of tunnels, each datagram that carries more than an acknowledgement is one. Nothing is kept but a few numbers:
//! what is lost costs the message that it was part of.

use std::time::Duration;

use super::handshake::Header;
use super::key::{BothWays, Direction};
use super::seq::{distance, near};
use super::tunnel::{Inside, in_tcp};
use crate::decode::Packet;
use crate::time::PacketTime;

/// A message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// When its first byte was seen; never before an earlier message of the flow.
    pub at: PacketTime,
    /// Who sent it.
    pub way: Direction,
    /// Bytes: a TLS record with its header, a run of segments, a datagram's payload, or what a tunnel's datagram carries of
    /// TCP.
    pub size: u32,
}

/// Segments of one message follow each other faster than this.
const PAUSE: Duration = Duration::from_millis(250);
/// Length of a TLS record's header.
const HEAD: usize = 5;
/// Records are finished sooner, or never.
const STALL: Duration = Duration::from_secs(2);
/// Handshakes are over by then.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// The longest TLS record (RFC 5246 §6.2.3: 2^14 + 2048).
const LONGEST: u32 = (1 << 14) + 2048;
/// TLS content type of application data.
const APPLICATION_DATA: u8 = 23;
/// Segments far from where the stream was, after which that place is believed.
const STRAYS: u8 = 3;

/// Cuts the messages of a flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Cutter {
    ways: BothWays<Side>,
    inside: Inside,
    lines: bool,
    begun: Option<PacketTime>,
    last: PacketTime,
}

/// One direction.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    /// One past the highest byte seen.
    next: Option<u32>,
    strays: u8,
    record: Record,
    /// When the last bytes of an unfinished record came.
    unfinished: Option<PacketTime>,
    /// A record was never finished: what looks like headers here are none.
    lies: bool,
    run: Option<Run>,
}

/// Bytes that no record header explains, not yet pushed.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: PacketTime,
    last: PacketTime,
    size: u32,
    /// It began as a line of JSON.
    line: bool,
}

/// Where a direction is in its TLS records.
#[derive(Clone, Copy, Debug, Default)]
enum Record {
    /// Unknown, or this is no TLS.
    #[default]
    Lost,
    /// In a header, of which so many bytes were seen.
    Head { bytes: [u8; HEAD], seen: u8, since: PacketTime },
    /// In a record, of which so many bytes are to come; what was heard of it last.
    Body { left: u32, size: u32, told: bool, since: PacketTime },
}

impl Record {
    const fn next(at: PacketTime) -> Self {
        Self::Head { bytes: [0; HEAD], seen: 0, since: at }
    }
}

/// The length behind a record's header and whether it holds application data; `None` if it is no header.
fn header(bytes: [u8; HEAD]) -> Option<(u32, bool)> {
    let [kind, major, minor, high, low] = bytes;
    let len = u32::from(u16::from_be_bytes([high, low]));
    let fits = matches!(kind, 20..=24) && major == 3 && minor <= 4 && (1..=LONGEST).contains(&len);
    fits.then_some((len, kind == APPLICATION_DATA))
}

impl Cutter {
    /// One that cuts plain lines of JSON, too: each would be a record of its own, were it sent in TLS.
    #[must_use]
    pub(super) fn with_lines(lines: bool) -> Self {
        Self { lines, ..Self::default() }
    }

    /// Takes a packet of the flow. Copies and retransmissions give nothing.
    pub(super) fn packet(
        &mut self,
        packet: &Packet<'_>,
        tcp: Option<&Header>,
        way: Direction,
        out: &mut impl FnMut(Sent),
    ) {
        let Some(tcp) = tcp else {
            if packet.wire_payload_len > 0 {
                self.datagram(packet.time, way, packet.payload, packet.wire_payload_len, out);
            }
            return;
        };
        if tcp.flags.rst {
            return;
        }
        self.begun.get_or_insert(packet.time);
        if tcp.len > 0
            && let Some((skip, missing)) = self.ways.get_mut(way).fresh(tcp)
        {
            self.end_run(way.reverse(), out);
            if missing > 0 {
                self.gap(way, missing, out);
            }
            let fresh = packet.payload.get(skip as usize..).unwrap_or_default();
            // What was not captured cannot be looked at, but was sent.
            let beyond = (tcp.len - skip).saturating_sub(fresh.len() as u32);
            self.bytes(way, packet.time, fresh, beyond, tcp.flags.psh, out);
        }
        if tcp.flags.fin {
            self.end_run(way, out);
        }
    }

    /// What is left when the flow is over.
    pub(super) fn finish(&mut self, mut out: impl FnMut(Sent)) {
        for way in Direction::BOTH {
            self.end_run(way, &mut out);
        }
    }

    fn tell(&mut self, sent: Sent, out: &mut impl FnMut(Sent)) {
        self.last = self.last.max(sent.at);
        out(Sent { at: self.last, ..sent });
    }

    fn datagram(&mut self, at: PacketTime, way: Direction, payload: &[u8], len: u32, out: &mut impl FnMut(Sent)) {
        if let Some(size) = self.inside.carries(payload, len) {
            self.tell(Sent { at, way, size }, out);
        }
    }

    fn end_run(&mut self, way: Direction, out: &mut impl FnMut(Sent)) {
        if let Some(run) = self.ways.get_mut(way).run.take() {
            self.tell(Sent { at: run.first, way, size: run.size }, out);
        }
    }

    /// Bytes are missing.
    fn gap(&mut self, way: Direction, missing: u32, out: &mut impl FnMut(Sent)) {
        self.end_run(way, out);
        let side = self.ways.get_mut(way);
        side.record = match side.record {
            Record::Body { left, size, told, since } if left > missing => {
                Record::Body { left: left - missing, size, told, since }
            }
            _ => Record::Lost,
        };
    }

    fn bytes(
        &mut self,
        way: Direction,
        at: PacketTime,
        mut bytes: &[u8],
        beyond: u32,
        push: bool,
        out: &mut impl FnMut(Sent),
    ) {
        self.doubt(way, at, out);
        let Side { mut record, lies, .. } = *self.ways.get(way);
        if matches!(record, Record::Lost) && !lies && bytes.first_chunk().is_some_and(|head| header(*head).is_some()) {
            self.end_run(way, out);
            record = Record::next(at);
        }
        while !bytes.is_empty() {
            match record {
                Record::Lost => break,
                Record::Head { bytes: mut head, seen, since } => {
                    let since = if seen == 0 { at } else { since };
                    let (mut now, mut rest) = (seen, bytes);
                    while let Some(place) = head.get_mut(usize::from(now))
                        && let Some((byte, more)) = rest.split_first()
                    {
                        (*place, rest) = (*byte, more);
                        now += 1;
                    }
                    record = match header(head) {
                        _ if usize::from(now) < HEAD => Record::Head { bytes: head, seen: now, since },
                        // Handshakes are no messages. Long after the first, nobody shakes hands.
                        Some((len, data)) => {
                            let told = data || since.since(self.begun.unwrap_or(since)) > HANDSHAKE;
                            Record::Body { left: len, size: len + HEAD as u32, told, since }
                        }
                        None => Record::Lost,
                    };
                    if !matches!(record, Record::Lost) {
                        bytes = rest;
                    }
                }
                Record::Body { left, size, told, since } => {
                    let here = left.min(bytes.len() as u32);
                    bytes = bytes.get(here as usize..).unwrap_or_default();
                    record = if left > here {
                        Record::Body { left: left - here, size, told, since }
                    } else {
                        if told {
                            self.tell(Sent { at: since, way, size }, out);
                        }
                        Record::next(at)
                    };
                }
            }
        }
        if matches!(record, Record::Lost) {
            self.ways.get_mut(way).record = record;
            self.run(way, at, bytes, beyond, push, out);
            return;
        }
        if beyond > 0 {
            record = match record {
                Record::Body { left, size, told, since } if left > beyond => {
                    Record::Body { left: left - beyond, size, told, since }
                }
                Record::Body { left, size, told, since } => {
                    if told {
                        self.tell(Sent { at: since, way, size }, out);
                    }
                    // Records behind the end of what was captured cannot be told apart.
                    if left == beyond { Record::next(at) } else { Record::Lost }
                }
                _ => Record::Lost,
            };
        }
        let side = self.ways.get_mut(way);
        side.unfinished = matches!(record, Record::Body { .. }).then_some(at);
        side.record = record;
    }

    /// A record of which nothing more came for a while was said to be longer than it is: what came of it is a message, and
    /// no header is believed any more.
    fn doubt(&mut self, way: Direction, at: PacketTime, out: &mut impl FnMut(Sent)) {
        let side = self.ways.get_mut(way);
        let stalled = side.unfinished.is_some_and(|last| at.since(last) > STALL);
        if let Record::Body { left, size, since, .. } = side.record
            && stalled
        {
            (side.record, side.unfinished, side.lies) = (Record::Lost, None, true);
            self.tell(Sent { at: since, way, size: size - left }, out);
        }
    }

    /// Adds to the bytes of a direction that only a push ends.
    fn run(
        &mut self,
        way: Direction,
        at: PacketTime,
        mut bytes: &[u8],
        beyond: u32,
        push: bool,
        out: &mut impl FnMut(Sent),
    ) {
        let late = |run: &Run| at.since(run.last) > PAUSE;
        if self.ways.get(way).run.as_ref().is_some_and(late) {
            self.end_run(way, out);
        }
        while self.ways.get(way).run.is_none()
            && let Some((frame, rest)) = in_tcp(bytes).and_then(|len| bytes.split_at_checked(len))
        {
            let datagram = frame.get(2..).unwrap_or_default();
            self.datagram(at, way, datagram, datagram.len() as u32, out);
            bytes = rest;
        }
        let line = self.lines && self.ways.get(way).run.map_or(bytes.first() == Some(&b'{'), |run| run.line);
        if line {
            while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
                let (whole, rest) = bytes.split_at(end + 1);
                self.add(way, at, whole.len() as u32, line);
                self.end_run(way, out);
                bytes = rest;
            }
        }
        let size = (bytes.len() as u32).saturating_add(beyond);
        if size > 0 {
            self.add(way, at, size, line);
            if push {
                self.end_run(way, out);
            }
        }
    }

    fn add(&mut self, way: Direction, at: PacketTime, size: u32, line: bool) {
        let run = self.ways.get_mut(way).run.get_or_insert(Run { first: at, last: at, size: 0, line });
        run.size = run.size.saturating_add(size);
        run.last = at;
    }
}

impl Side {
    /// How many bytes of a segment were seen before, and how many before it were not; `None` if it has nothing new.
    fn fresh(&mut self, tcp: &Header) -> Option<(u32, u32)> {
        let (seq, end) = (tcp.data_seq(), tcp.data_seq().wrapping_add(tcp.len));
        let Some(next) = self.next else {
            self.next = Some(end);
            return Some((0, 0));
        };
        let ahead = distance(seq, next);
        if !near(seq, next) {
            self.strays += 1;
            if self.strays < STRAYS {
                return None;
            }
        }
        self.strays = 0;
        if distance(end, next) <= 0 && near(seq, next) {
            return None;
        }
        self.next = Some(end);
        Some(if near(seq, next) { (ahead.min(0).unsigned_abs(), ahead.max(0).unsigned_abs()) } else { (0, u32::MAX) })
    }
}

#[cfg(test)]
mod tests;

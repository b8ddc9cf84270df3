//! Flows that last and are slow: the only ones of which messages are taken apart when nobody can read them.
//!
//! In: packets of flows, let go or not. Out: [`Lasts`] for each packet of a flow that has lasted at a slow pace, so that
//! the caller may keep a [`Listener`] for it. What is needed to know that are four bytes in the flow's slot: a short or
//! fast flow costs an addition and a comparison there, and nothing else.

use std::time::Duration;

use super::handshake::Header;
use super::info::FlowInfo;
use super::key::{Direction, FlowKey};
use super::messages::{Cutter, Sent};
use crate::address::is_private;
use crate::capture::Stamp;
use crate::decode::Packet;
use crate::time::PacketTime;

/// What makes a flow worth listening to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// In ticks.
    after: u32,
    most: u32,
}

impl Pace {
    /// Miners send a few messages a minute. What has twenty packets a second is a download, a call or a game.
    pub const SLOW: Self = Self::of(Duration::from_secs(30), 600);
    /// Whatever flow it is, from its first payload on.
    pub const ANY: Self = Self::of(Duration::ZERO, u32::MAX);

    /// Lasts so long, to about a second and up to a day, with at most so many packets with payload in that time, of which
    /// no more than 2,046 are told apart from any number.
    pub const fn of(after: Duration, most: u32) -> Self {
        let ticks = after.as_nanos() >> TICK;
        let after = if ticks < DAY { ticks as u32 } else { DAY as u32 };
        Self { after, most: if most < COUNT_MASK { most } else { COUNT_MASK - 1 } }
    }
}

/// Time is counted in units of 2^30 ns, 1.07 s: a division for every packet would cost more than everything else here.
const TICK: u32 = 30;
const COUNT_BITS: u32 = 11;
const COUNT_MASK: u32 = (1 << COUNT_BITS) - 1;
const TIME_BITS: u32 = 20;
/// A day in ticks, far below where they come round.
const DAY: u128 = Duration::from_hours(24).as_nanos() >> TICK;
const TIME_MASK: u32 = (1 << TIME_BITS) - 1;
const TAKEN: u32 = 1 << 31;

/// How fast a flow is, or who listens to it: the number of a listener, or packets counted and since which second.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tempo(u32);

const _: () = assert!(COUNT_BITS + TIME_BITS == 31);

impl Tempo {
    /// Who listens.
    pub(super) const fn listener(self) -> Option<u32> {
        if self.0 & TAKEN == 0 { None } else { Some(self.0 & !TAKEN) }
    }

    pub(super) const fn taken_by(number: u32) -> Self {
        Self(number | TAKEN)
    }

    /// A packet with payload came. Whether the flow lasts, and is slow.
    #[inline]
    fn beat(&mut self, at: PacketTime, pace: Pace) -> bool {
        if self.0 & TAKEN != 0 {
            return true;
        }
        let now = ((at.as_nanos() >> TICK) as u32) & TIME_MASK;
        let count = self.0 & COUNT_MASK;
        let since = if count == 0 { now } else { self.0 >> COUNT_BITS };
        let passed = now.wrapping_sub(since) & TIME_MASK;
        if passed > TIME_MASK / 2 {
            // Time stepped back.
            self.0 = now << COUNT_BITS | 1;
            return false;
        }
        let over = passed >= pace.after;
        if over && count <= pace.most {
            // Asked again in a while, should nobody listen.
            self.0 = now << COUNT_BITS | 1;
            return true;
        }
        self.0 = if over { now << COUNT_BITS | 1 } else { since << COUNT_BITS | (count + 1).min(COUNT_MASK) };
        false
    }

    /// Takes the packet into account, if it counts.
    #[inline]
    pub(super) fn packet(&mut self, packet: &Packet<'_>, tcp: Option<&Header>, pace: Pace) -> bool {
        let counts = match tcp {
            Some(h) => h.len > 0 || (self.0 & TAKEN != 0 && (h.flags.fin || h.flags.rst || h.ack.is_some())),
            None => packet.wire_payload_len > 0,
        };
        counts && self.beat(packet.time, pace)
    }
}

/// The packet at hand is of a flow that lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lasts {
    /// The flow's place in the table.
    pub slot: u32,
    /// Who listens to it, by the caller's number.
    pub listener: Option<u32>,
    /// The flow.
    pub key: FlowKey,
    /// Direction of the packet.
    pub way: Direction,
    /// Who opened it, if that was seen.
    pub opener: Option<Direction>,
    /// Packets went both ways.
    pub both: bool,
    /// Handshake, SYN to ACK, was seen with matching numbers.
    pub verified: bool,
}

/// What is kept of a flow that is listened to: its messages, and what is to be reported of it.
#[derive(Clone, Debug)]
pub struct Listener {
    info: FlowInfo,
    cutter: Cutter,
}

impl Listener {
    /// From this packet on, which is to be [taken](Self::packet) next; the flow's `first` was another, if that is known.
    /// With `lines`, plain lines are messages, too.
    pub fn new(packet: &Packet<'_>, first: Option<Stamp>, lasts: &Lasts, lines: bool) -> Self {
        let stamp = packet.stamp();
        // Datagrams have no beginning that could be missed.
        let mid_stream = lasts.key.is_tcp() && lasts.opener.is_none();
        let mut info = FlowInfo { first: first.unwrap_or(stamp), last: stamp, mid_stream, ..FlowInfo::default() };
        info.handshake.client = lasts.opener;
        if let Some(client) = lasts.opener.filter(|_| lasts.verified) {
            info.handshake.resume(client);
        }
        Self { info, cutter: Cutter::with_lines(lines) }
    }

    /// Takes a packet of the flow.
    pub fn packet(&mut self, packet: &Packet<'_>, way: Direction, mut each: impl FnMut(Sent)) {
        let header = Header::of(packet);
        self.info.count(way, packet);
        if let Some(header) = &header {
            self.info.handshake.packet(way, header);
        }
        self.cutter.packet(packet, header.as_ref(), way, &mut each);
    }

    /// The flow is over: what was not pushed is a message all the same.
    pub fn finish(&mut self, each: impl FnMut(Sent)) {
        self.cutter.finish(each);
    }

    /// What is known of the flow: counts are from the packet on that made the listener.
    pub const fn info(&self) -> &FlowInfo {
        &self.info
    }
}

/// The end that is likelier to have opened a flow whose beginning nobody saw: the private one before the public one, then
/// the one with the port that systems give out by themselves, then the one with the higher port.
pub fn likely_opener(key: &FlowKey) -> Direction {
    let way = Direction::LoToHi;
    let (a, b) = (key.source(way), key.destination(way));
    // RFC 6056 §3.2 and what Linux gives out by default.
    let given = |port: u16| port >= 32_768;
    let a_opens = if is_private(a.ip()) != is_private(b.ip()) {
        is_private(a.ip())
    } else if given(a.port()) != given(b.port()) {
        given(a.port())
    } else {
        a.port() > b.port()
    };
    if a_opens { way } else { way.reverse() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tempo(pace: Pace, times: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut t = Tempo::default();
        times.into_iter().filter(|at| t.beat(PacketTime::from_parts(1_700_000_000 + at, 0), pace)).collect()
    }

    #[test]
    fn a_flow_that_lasts_and_is_slow_is_told_and_a_short_or_fast_one_is_not() {
        assert_eq!(tempo(Pace::SLOW, (0..100).step_by(10)), [30, 60, 90]);
        assert_eq!(tempo(Pace::SLOW, [0, 1, 2, 28]), [0_i64; 0]);
        assert_eq!(tempo(Pace::SLOW, (0..100_000).map(|n| n / 1000)), [0_i64; 0]);
        assert_eq!(tempo(Pace::ANY, [0, 1]), [0, 1]);
        // Fast first, then slow.
        let download = (0..50_000).map(|n| n / 1000);
        assert_eq!(tempo(Pace::SLOW, download.chain((60..150).step_by(20))), [100, 140]);
    }

    #[test]
    fn time_that_goes_backwards_or_comes_round_does_no_harm() {
        assert_eq!(tempo(Pace::SLOW, [1_000_000, 999_990]), [0_i64; 0]);
        let round = (1_i64 << (TIME_BITS + TICK)) / 1_000_000_000;
        assert_eq!(tempo(Pace::SLOW, [0, round, round + 31]), [round + 31]);
    }

    #[test]
    fn a_number_is_remembered() {
        for n in [0, 1, 65_535, u32::MAX >> 1] {
            assert_eq!(Tempo::taken_by(n).listener(), Some(n));
        }
        assert_eq!(Tempo::default().listener(), None);
    }
}

//! Until when a capture goes, as its packets agree: what is blocked lives on from there.
//!
//! In: stamps of frames in their order, and whose they are. Out: the latest that is believed. A stamp that is far off may be
//! anybody's who has a wrong clock, and nobody may say when everybody's entries end. So it takes the hosts that were heard
//! before, or several who have nothing to do with each other, or nobody else for long.

use std::net::IpAddr;
use std::time::Duration;

use crate::decode::{Packet, Tenant};
use crate::time::PacketTime;

/// A stamp that is no further off needs nobody else's word.
const NEAR: Duration = Duration::from_mins(10);
/// Stamps in a row that are about one time differ by no more than that.
const TOGETHER: Duration = Duration::from_hours(24);
/// Frames that a time needs to be more than a stray's.
const FEW: u32 = 3;
/// Frames in a row, or time that they take, that make a jump.
const MANY: u32 = 64;
const LONG: Duration = Duration::from_mins(1);
/// Time after which it does not matter any more who it is that is alone.
const ALONE: Duration = Duration::from_mins(10);
/// Pairs of hosts of which none is in two.
const SEVERAL: usize = 3;

/// Believes stamps.
#[derive(Clone, Default, Debug)]
pub(super) struct End {
    at: Option<PacketTime>,
    /// Frames near there, up to [`FEW`], and pairs of hosts.
    near: u32,
    here: Pairs,
    /// The latest that enough frames stood for.
    vouched: Option<PacketTime>,
    odd: Odd,
}

/// Frames in a row, all far from there.
#[derive(Clone, Default, Debug)]
struct Odd {
    count: u32,
    first: PacketTime,
    last: PacketTime,
    pairs: Pairs,
}

impl End {
    /// Takes the stamp of the next frame, with the packet in it, if there is one.
    #[inline]
    pub(super) fn see(&mut self, stamp: PacketTime, packet: Option<&Packet<'_>>) {
        let at = *self.at.get_or_insert(stamp);
        if stamp.since(at) > NEAR || at.since(stamp) > NEAR {
            return self.odd(stamp, packet);
        }
        if stamp > at {
            self.at = Some(stamp);
        }
        self.odd.count = 0;
        self.near = self.near.saturating_add(1).min(FEW);
        if !self.here.is_full() {
            self.here.add(packet);
        }
    }

    #[inline(never)]
    fn odd(&mut self, stamp: PacketTime, packet: Option<&Packet<'_>>) {
        let odd = &mut self.odd;
        if odd.count == 0 || stamp.since(odd.last) > TOGETHER || odd.first.since(stamp) > NEAR {
            *odd = Odd { count: 0, first: stamp, last: stamp, pairs: Pairs::default() };
        }
        odd.count = odd.count.saturating_add(1);
        odd.last = odd.last.max(stamp);
        odd.pairs.add(packet);
        let span = odd.last.since(odd.first);
        let many = odd.count >= FEW && (odd.count >= MANY || span >= LONG);
        // What is there was a stray itself.
        let instead = self.near < FEW && odd.count >= FEW;
        if instead || many && (span >= ALONE || odd.pairs.is_full() || odd.pairs.has_all(&self.here)) {
            if self.near >= FEW {
                self.vouched = self.vouched.max(self.at);
            }
            let odd = std::mem::take(&mut self.odd);
            (self.at, self.near, self.here) = (Some(odd.last), FEW, odd.pairs);
        }
    }

    /// The latest stamp that was believed.
    pub(super) fn latest(&self) -> PacketTime {
        let last = self.at.filter(|_| self.near >= FEW || self.vouched.is_none());
        self.vouched.max(last).unwrap_or_default()
    }
}

/// Pairs of hosts, none of which is in two of them.
#[derive(Clone, Copy, Default, Debug)]
struct Pairs([Option<(Tenant, IpAddr, IpAddr)>; SEVERAL]);

impl Pairs {
    fn is_full(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// Unless one of its hosts is there already.
    fn add(&mut self, packet: Option<&Packet<'_>>) {
        let Some(packet) = packet else { return };
        let pair = (packet.tenant, packet.src, packet.dst);
        for place in &mut self.0 {
            match place {
                Some(other) if meet(*other, pair) => return,
                Some(_) => {}
                None => {
                    *place = Some(pair);
                    return;
                }
            }
        }
    }

    /// Whether a host of each of the others is there.
    fn has_all(&self, others: &Self) -> bool {
        others.0.iter().flatten().all(|o| self.0.iter().flatten().any(|p| meet(*p, *o)))
    }
}

fn meet(a: (Tenant, IpAddr, IpAddr), b: (Tenant, IpAddr, IpAddr)) -> bool {
    a.0 == b.0 && (a.1 == b.1 || a.1 == b.2 || a.2 == b.1 || a.2 == b.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameRef;
    use crate::decode::Transport;

    const MINUTE: i64 = 60;
    const HOUR: i64 = 3_600;
    const DAY: i64 = 86_400;

    fn stamp(seconds: i64) -> PacketTime {
        PacketTime::from_parts(1_700_000_000 + seconds, 0)
    }

    /// A packet between two hosts.
    fn packet(a: u8, b: u8) -> Packet<'static> {
        Packet {
            at: FrameRef::default(),
            time: PacketTime::ZERO,
            tenant: Tenant::None,
            outer: None,
            vlan: None,
            src_mac: None,
            dst_mac: None,
            src: [192, 0, 2, a].into(),
            dst: [192, 0, 2, b].into(),
            ip_id: 0,
            transport: Transport::Udp { src_port: 1, dst_port: 2 },
            payload: &[],
            wire_payload_len: 0,
            wire_ip_len: 0,
        }
    }

    /// The end of a capture of such packets, by their hosts and seconds.
    fn latest(frames: impl IntoIterator<Item = ((u8, u8), i64)>) -> i64 {
        let mut end = End::default();
        for ((a, b), seconds) in frames {
            end.see(stamp(seconds), Some(&packet(a, b)));
        }
        (end.latest().as_nanos() - stamp(0).as_nanos()) / 1_000_000_000
    }

    /// That host all the time.
    fn alone(stamps: impl IntoIterator<Item = i64>) -> Vec<((u8, u8), i64)> {
        stamps.into_iter().map(|s| ((1, 9), s)).collect()
    }

    /// Several hosts, in turns.
    fn several(stamps: impl IntoIterator<Item = i64>) -> Vec<((u8, u8), i64)> {
        let pairs = [(1, 9), (2, 9), (3, 8), (4, 7)].into_iter().cycle();
        pairs.zip(stamps).collect()
    }

    #[test]
    fn it_is_the_last_stamp() {
        assert_eq!(latest(alone([5])), 5);
        assert_eq!(latest(alone([0, 5, 3])), 5);
        assert_eq!(latest(several(0..100)), 99);
        assert_eq!(latest([]), -1_700_000_000);
        let mut end = End::default();
        for s in 0..100 {
            end.see(stamp(s), None);
        }
        assert_eq!(end.latest(), stamp(99));
    }

    #[test]
    fn one_host_with_a_wrong_clock_says_nothing_for_all() {
        for off in [-400 * DAY, -3 * HOUR, 20 * MINUTE, 3 * HOUR, 400 * DAY] {
            for bulk in [1, 3, 5_000] {
                // It talks to many, at the end, in the middle, and at the beginning.
                let wrong = |from: i64| (0..bulk).map(move |n| ((66, 100 + (n % 100) as u8), from + off + n / 1_000));
                let at_the_end = several(0..100).into_iter().chain(wrong(100));
                assert_eq!(latest(at_the_end), 99, "{bulk} at the end, {off} s off");
                let within = several(0..100).into_iter().chain(wrong(100)).chain(several(100..200));
                assert_eq!(latest(within), 199, "{bulk} in the middle, {off} s off");
                // Against a single other one, too.
                assert_eq!(latest(alone(0..100).into_iter().chain(wrong(100))), 99, "{bulk} of two, {off} s off");
            }
            for bulk in [1, 2] {
                let first = alone((0..bulk).map(|n| n + off)).into_iter().chain(alone(0..100));
                assert_eq!(latest(first), 99, "{bulk} at the beginning, {off} s off");
            }
        }
    }

    #[test]
    fn several_hosts_are_believed_and_so_are_those_that_were_there_and_those_that_are_alone_for_long() {
        let night = |after: Vec<_>| latest(several(0..100).into_iter().chain(after));
        assert_eq!(night(several(DAY..DAY + 100)), DAY + 99);
        assert_eq!(night(several((DAY..DAY + 100).step_by(20))), DAY + 80);
        // The first of them are hardly anybody.
        assert_eq!(night(several(DAY..DAY + 5)), 99);
        assert_eq!(night(alone(DAY..DAY + 9 * MINUTE)), 99);
        assert_eq!(night(alone(DAY..DAY + 11 * MINUTE)), DAY + 11 * MINUTE - 1);
        let single = |after: Vec<_>| latest(alone(0..100).into_iter().chain(after));
        assert_eq!(single(alone(DAY..DAY + 100)), DAY + 99);
        assert_eq!(single(alone((0..20).map(|n| DAY + 30 * n))), DAY + 570);
        assert_eq!(single(alone(DAY..DAY + 5)), 99);
    }

    #[test]
    fn of_files_one_behind_the_other_the_latest_counts() {
        let files = |offs: [i64; 3]| offs.into_iter().flat_map(|f| several(f..f + 100)).collect::<Vec<_>>();
        assert_eq!(latest(files([0, 30 * DAY, 60 * DAY])), 60 * DAY + 99);
        assert_eq!(latest(files([60 * DAY, 0, 30 * DAY])), 60 * DAY + 99);
        // Packets days apart are all there is.
        assert_eq!(latest(alone((0..10).map(|n| n * 5 * HOUR))), 45 * HOUR);
    }
}

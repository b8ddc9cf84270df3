//! Packet time: the only clock left of the sinks.
//!
//! In: capture timestamps. Out: ages, intervals and RFC 3339 text. Nothing here reads the wall clock, so that a
//! replay gives the same findings on any day.

use std::fmt;
use std::time::Duration;

/// Nanoseconds since the Unix epoch, as the capture says. May be anything a file claims, including the far past or
/// future; arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct PacketTime(i64);

impl PacketTime {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds and nanoseconds, saturating.
    pub const fn from_parts(seconds: i64, nanos: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Time passed since `earlier`; zero if `earlier` is later (captures do step backwards).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This time plus `d`, saturating.
    #[must_use]
    pub fn plus(self, d: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)))
    }
}

/// A jump of packet time that is not believed before others confirm it.
const JUMP: Duration = Duration::from_hours(1);

/// Packet time, as packets in their order agree on it: one with a stamp of days ahead, or behind, moves nothing.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    at: Option<PacketTime>,
    /// Packets in a row, far from there, that make it jump; and how many there were.
    jump: u8,
    odd: u8,
    /// Packets near there, up to `jump`, and the latest time that so many stood for.
    near: u8,
    vouched: Option<PacketTime>,
}

impl Default for Steady {
    /// Many must agree: for who ends what is idle, which is in no hurry.
    fn default() -> Self {
        Self::after(64)
    }
}

impl Steady {
    /// Time jumps by more than an hour when so many packets in a row say so.
    pub const fn after(jump: u8) -> Self {
        Self { at: None, jump, odd: 0, near: 0, vouched: None }
    }

    /// Takes the time of the next packet. Whether it is believed.
    pub fn see(&mut self, now: PacketTime) -> bool {
        let at = *self.at.get_or_insert(now);
        if now.since(at) <= JUMP && at.since(now) <= JUMP {
            self.odd = 0;
            self.near = self.near.saturating_add(1).min(self.jump);
            self.at = Some(at.max(now));
        } else {
            self.odd += 1;
            if self.odd < self.jump {
                return false;
            }
            (self.at, self.near, self.odd) = (Some(now), self.jump, 0);
        }
        if self.near >= self.jump {
            self.vouched = self.vouched.max(self.at);
        }
        true
    }

    /// The latest time that was believed.
    pub fn latest(&self) -> PacketTime {
        self.vouched.or(self.at).unwrap_or_default()
    }
}

impl fmt::Display for PacketTime {
    /// RFC 3339 in UTC with microseconds: `2026-11-25T20:50:00.123456Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(t) => write!(f, "{t:.6}"),
            Err(_) => write!(f, "@{}ns", self.0),
        }
    }
}

impl serde::Serialize for PacketTime {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_utc_microseconds() {
        assert_eq!(PacketTime::from_parts(1_574_720_899, 123_456_789).to_string(), "2019-11-25T22:28:19.123456Z");
        assert_eq!(PacketTime::from_parts(0, 0).to_string(), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn a_stamp_from_days_ahead_or_behind_moves_nothing_and_many_do() {
        const DAY: i64 = 86_400;
        let at = |seconds: i64| PacketTime::from_parts(1_700_000_000 + seconds, 0);
        let latest = |times: &[i64]| {
            let mut time = Steady::after(3);
            for t in times {
                time.see(at(*t));
            }
            (time.latest().as_nanos() - at(0).as_nanos()) / 1_000_000_000
        };
        assert_eq!(latest(&[0, 1, 2, 3 * DAY, 3, 4]), 4);
        assert_eq!(latest(&[0, 1, 2, -3 * DAY, 3, 4]), 4);
        // The very first; the very last; all there are.
        assert_eq!(latest(&[3 * DAY, 0, 1, 2]), 2);
        assert_eq!(latest(&[0, 1, 2, 3 * DAY]), 2);
        assert_eq!(latest(&[5]), 5);
        // The night was silent; files one behind the other.
        assert_eq!(latest(&[0, 1, 2, DAY, DAY + 1, DAY + 2, DAY + 3]), DAY + 3);
        assert_eq!(latest(&[DAY, DAY + 1, DAY + 2, 0, 1, 2, 3]), DAY + 2);
        let mut time = Steady::after(3);
        assert!(time.see(at(0)) && !time.see(at(DAY)) && time.see(at(1)) && time.see(at(3_000)));
    }

    #[test]
    fn a_step_backwards_is_no_time_at_all() {
        let (a, b) = (PacketTime::from_parts(10, 0), PacketTime::from_parts(5, 0));
        assert_eq!(b.since(a), Duration::ZERO);
        assert_eq!(a.since(b), Duration::from_secs(5));
        assert_eq!(
            PacketTime::from_nanos(i64::MAX).since(PacketTime::from_nanos(i64::MIN)).as_nanos(),
            i64::MAX as u128
        );
    }
}

//! Packet time: the only clock left of the sinks.
//!
//! In: capture timestamps. Out: ages, intervals and RFC 3339 text, and how much time has passed whatever they say
//! ([`Clock`]). Nothing here reads the wall clock, so that a replay gives the same findings on any day.

mod passed;

use std::fmt;
use std::time::Duration;

pub use passed::{Clock, Elapsed};

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

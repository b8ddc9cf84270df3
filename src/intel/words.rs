//! Words of the feeds: roles, confidence, dates, how a port fits.
//!
//! In: nothing. Out: small copyable values that travel with a match.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::PacketTime;

/// What a host is there for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Takes miners.
    #[default]
    Stratum,
    /// Takes miners for somebody else: hashrate markets, hired proxies.
    Proxy,
    /// Serves scripts that mine in a browser, or takes their shares.
    WebMiner,
    /// A node of a pool without a middle.
    P2p,
    /// Hands out mining programs.
    Download,
    /// Answers questions about a pool.
    Api,
    /// A web site.
    Web,
}

impl Role {
    /// The word in a feed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stratum => "stratum",
            Self::Proxy => "proxy",
            Self::WebMiner => "web-miner",
            Self::P2p => "p2p",
            Self::Download => "download",
            Self::Api => "api",
            Self::Web => "web",
        }
    }

    /// Whether miners connect to such a host, so that a connection may be mining.
    pub fn takes_work(self) -> bool {
        matches!(self, Self::Stratum | Self::Proxy | Self::WebMiner | Self::P2p)
    }

    /// Whether it is there for mining programs, which speak to it directly.
    pub fn takes_miners(self) -> bool {
        matches!(self, Self::Stratum | Self::Proxy)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How sure a source is, from least to most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Was so once; the source has removed it.
    Historical,
    /// Found by a machine, looked at by nobody.
    Candidate,
    /// A list says so.
    #[default]
    Reported,
    /// The operator or its program says so, or the source has tried it.
    Confirmed,
}

impl Confidence {
    /// The word in a feed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Historical => "historical",
            Self::Candidate => "candidate",
            Self::Reported => "reported",
            Self::Confirmed => "confirmed",
        }
    }
}

/// How a port fits what a feed lists for the host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortFit {
    /// No port was given.
    NotAsked,
    /// Listed as plain text.
    Plain,
    /// Listed as TLS.
    Tls,
    /// Listed as both.
    PlainOrTls,
    /// The feed lists ports for this host, and this is none of them.
    Unlisted,
    /// The feed lists no port for this host.
    NoneListed,
}

impl PortFit {
    /// Whether the feed names this very port.
    pub fn is_listed(self) -> bool {
        matches!(self, Self::Plain | Self::Tls | Self::PlainOrTls)
    }

    /// Whether the feed names this very port for TLS.
    pub fn fits_tls(self) -> bool {
        matches!(self, Self::Tls | Self::PlainOrTls)
    }
}

/// Whether what a feed says can still be believed on a given day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// As good as the day it was written.
    Current,
    /// Last seen longer ago than its list allows.
    Stale,
    /// Past the day it was said to end.
    Expired,
    /// Known not to mine any more: worth a counter, no alert.
    Retired,
}

/// A calendar day in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(i32);

const NANOS_A_DAY: i64 = 86_400_000_000_000;

impl Day {
    /// The day of a packet.
    pub fn of(time: PacketTime) -> Self {
        Self(i32::try_from(time.as_nanos().div_euclid(NANOS_A_DAY)).unwrap_or(i32::MAX))
    }

    /// Days from `earlier` to this one; negative when it is later.
    pub fn days_since(self, earlier: Self) -> i64 {
        i64::from(self.0) - i64::from(earlier.0)
    }

    /// So many days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add_unsigned(days))
    }

    fn date(self) -> Option<jiff::civil::Date> {
        let seconds = i64::from(self.0).checked_mul(86_400)?;
        Some(jiff::Timestamp::from_second(seconds).ok()?.to_zoned(jiff::tz::TimeZone::UTC).date())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date() {
            Some(date) => write!(f, "{date}"),
            None => write!(f, "day {}", self.0),
        }
    }
}

/// A text that is no day.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no date: write it as \"2026-11-25\"")]
pub struct DayError(String);

impl FromStr for Day {
    type Err = DayError;

    /// `2026-11-25`, and nothing else.
    fn from_str(s: &str) -> Result<Self, DayError> {
        let wrong = || DayError(s.chars().take(40).collect());
        // jiff reads more forms than a reviewer should have to know.
        if s.len() != 10 || !s.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Err(wrong());
        }
        let date: jiff::civil::Date = s.parse().map_err(|_| wrong())?;
        let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
        i32::try_from(zoned.timestamp().as_second().div_euclid(86_400)).map(Self).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_printed_and_taken_from_packets() {
        for text in ["1970-01-01", "2026-11-25", "2024-02-29", "1969-12-31"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        let late = PacketTime::from_parts(1_574_720_899, 999_999_999);
        assert_eq!(Day::of(late).to_string(), "2019-11-25");
        assert_eq!(Day::of(PacketTime::from_parts(-1, 0)).to_string(), "1969-12-31");
        for bad in ["", "2026-13-01", "2026-02-30", "25.11.2026", "2026-1-1", "20261125", "2026-11-25T00:00:00Z"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    #[test]
    fn days_count() {
        let (a, b): (Day, Day) = ("2026-11-25".parse().unwrap(), "2026-12-01".parse().unwrap());
        assert_eq!((b.days_since(a), a.days_since(b)), (6, -6));
        assert_eq!(a.plus_days(6), b);
    }
}

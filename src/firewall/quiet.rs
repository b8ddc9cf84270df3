//! Quiet hours: times of day at which nothing new is blocked.
//!
//! In UTC, so that an hour is quiet every day exactly once: a wall clock that is put forward and back twice a year would
//! leave one out, and have one twice.

use std::fmt;
use std::str::FromStr;

use crate::time::PacketTime;

const DAY: u16 = 24 * 60;
const NANOS_A_MINUTE: i64 = 60 * 1_000_000_000;

/// Times of day, in UTC.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct QuietHours(Vec<QuietSpan>);

/// Minutes since midnight: from, and before. The end may be on the next day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuietSpan {
    from: u16,
    to: u16,
}

/// Not a time of day.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} are no quiet hours: write two different times in UTC, as in 22:00-06:00; all day is `dry_run = true`")]
pub struct QuietHoursError(String);

impl QuietHours {
    /// All of these.
    pub const fn new(spans: Vec<QuietSpan>) -> Self {
        Self(spans)
    }

    /// Whether that time is in one of them: from the first minute named, up to and without the second.
    pub fn is_quiet(&self, at: PacketTime) -> bool {
        let minute = at.as_nanos().div_euclid(NANOS_A_MINUTE).rem_euclid(i64::from(DAY)) as u16;
        self.0
            .iter()
            .any(|s| if s.from < s.to { (s.from..s.to).contains(&minute) } else { minute >= s.from || minute < s.to })
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, s) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{:02}:{:02}-{:02}:{:02}", s.from / 60, s.from % 60, s.to / 60, s.to % 60)?;
        }
        Ok(())
    }
}

impl FromStr for QuietSpan {
    type Err = QuietHoursError;

    /// `22:00-06:00`.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let span = s.split_once('-').and_then(|(from, to)| Some(Self { from: minute(from)?, to: minute(to)? }));
        span.filter(|s| s.from != s.to && s.from != DAY && (s.from, s.to) != (0, DAY))
            .ok_or_else(|| QuietHoursError(s.to_owned()))
    }
}

/// `HH:MM` up to 24:00.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |t: &str| t.parse::<u16>().ok().filter(|_| t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit()));
    let at = number(hour)?.checked_mul(60)?.checked_add(number(minute).filter(|m| *m < 60)?)?;
    (at <= DAY).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64, minute: i64) -> PacketTime {
        // 2026-11-25T00:00:00Z.
        PacketTime::from_parts(1_795_564_800 + hour * 3600 + minute * 60, 999_999_999)
    }

    fn quiet(spans: &[&str]) -> QuietHours {
        QuietHours::new(spans.iter().map(|s| s.parse().unwrap()).collect())
    }

    #[test]
    fn a_night_goes_past_midnight_and_ends_before_its_last_minute() {
        let night = quiet(&["22:00-06:00"]);
        for (hour, minute, is) in
            [(21, 59, false), (22, 0, true), (23, 59, true), (0, 0, true), (5, 59, true), (6, 0, false), (12, 0, false)]
        {
            assert_eq!(night.is_quiet(at(hour, minute)), is, "{hour}:{minute}");
        }
        let two = quiet(&["00:00-01:00", "23:00-24:00"]);
        assert_eq!([0, 1, 22, 23].map(|h| two.is_quiet(at(h, 30))), [true, false, false, true]);
        assert_eq!(two.to_string(), "00:00-01:00, 23:00-24:00");
        assert!(!QuietHours::default().is_quiet(at(3, 0)));
        assert!(night.is_quiet(PacketTime::from_parts(-3600, 0)), "23:00 before the epoch");
    }

    #[test]
    fn what_is_no_time_of_day_is_refused() {
        for bad in
            ["", "22:00", "22:00-", "22-06", "25:00-06:00", "22:60-06:00", "8:00-9:00", "06:00-06:00", "00:00-24:00"]
        {
            assert!(bad.parse::<QuietSpan>().is_err(), "{bad}");
        }
    }
}

//! When a capture was made, as its frames say.
//!
//! In: the times of frames, with their packets. Out: [`Times`]. A few frames with a stamp of years ahead, in a row or not,
//! do not make all of it be of that year.

use super::end::End;
use crate::decode::Packet;
use crate::time::PacketTime;

/// Times kept, at the most, evenly over all frames.
const KEPT: usize = 512;

/// Times of a run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Times {
    /// The latest that frames agree on.
    pub until: PacketTime,
    /// A tenth of the frames are later, and one is if there are several: what is said of the whole is said of then.
    pub usual: PacketTime,
}

impl Times {
    /// Of two readers, side by side.
    pub(super) fn or(self, other: Self) -> Self {
        Self { until: self.until.max(other.until), usual: self.usual.max(other.usual) }
    }
}

/// Learns them.
pub(super) struct Span {
    until: End,
    kept: Vec<PacketTime>,
    seen: u64,
    /// Every so many frames one is kept; a power of two.
    step: u64,
}

impl Span {
    pub(super) fn new() -> Self {
        Self { until: End::default(), kept: Vec::with_capacity(KEPT), seen: 0, step: 1 }
    }

    /// Takes the time of the next frame, with the packet in it, if there is one.
    pub(super) fn see(&mut self, time: PacketTime, packet: Option<&Packet<'_>>) {
        self.until.see(time, packet);
        if self.seen & (self.step - 1) == 0 {
            if self.kept.len() >= KEPT {
                let mut keep = false;
                self.kept.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.step *= 2;
            }
            self.kept.push(time);
        }
        self.seen += 1;
    }

    /// What was learned.
    pub(super) fn times(mut self) -> Times {
        self.kept.sort_unstable();
        let n = self.kept.len();
        let usual = self.kept.get((n * 9 / 10).min(n.saturating_sub(2))).copied().unwrap_or_default();
        let until = self.until.latest();
        // One host alone may have sent more than a tenth of them.
        Times { until, usual: usual.min(until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> PacketTime {
        PacketTime::from_parts(1_700_000_000 + seconds, 0)
    }

    fn usual(times: impl IntoIterator<Item = i64>) -> i64 {
        let mut span = Span::new();
        for t in times {
            span.see(at(t), None);
        }
        assert!(span.kept.len() <= KEPT);
        (span.times().usual.as_nanos() - at(0).as_nanos()) / 1_000_000_000
    }

    #[test]
    fn a_few_frames_of_another_year_do_not_say_when_a_capture_was_made() {
        const YEARS: i64 = 10 * 365 * 86_400;
        assert_eq!(usual([5]), 5);
        assert_eq!(usual([YEARS, 0, 1]), 1);
        assert_eq!(usual([0, YEARS]), 0);
        for odd in [0..1, 500..503, 99_997..100_000] {
            let all = usual((0..100_000).map(|i| if odd.contains(&i) { YEARS } else { i }));
            assert!((89_000..=91_000).contains(&all), "{odd:?}: {all}");
        }
        // Nor do many of one host.
        assert_eq!(usual((0..100).map(|i| if i < 50 { i } else { YEARS })), 49);
        assert_eq!(Span::new().times(), Times::default());
    }
}

//! The pushes of one flow as trains of times: how much of the time lies near one, and which of them nobody could
//! have foreseen from the others.
//!
//! In: times of pushes. Out: [`Pulse::chance`], the probability that a moment picked at random has a push near it,
//! and whether a push was unforeseen. 700 bytes a flow.

use std::time::Duration;

use crate::time::PacketTime;

/// Pushes kept.
const KEPT: usize = 64;

/// Pushes that foresight looks at.
const LOOKED_AT: usize = 16;

/// The same delay again, give or take so much, is a timer's. Pools' and push services' timers keep time to a tenth of
/// a second, networks add to it.
const SAME: i64 = 300_000_000;

/// Gaps that differ by less than this part of them are alike.
const LIKE: i64 = 33;

/// What comes closer than this behind its forerunner belongs to it.
const BURST: Duration = Duration::from_millis(1_500);

/// Time without a push, beyond which nothing is known of the flow: neither the time nor what falls into it counts.
pub const QUIET: Duration = Duration::from_mins(10);

/// Time around a moment in which pushes tell how busy the flow was then.
const NEAR: Duration = Duration::from_mins(4);

/// Seconds of the clock grids that are looked for. 4, 5 and 6 divide every grid in use that is no multiple of them
/// away: 10, 12, 15, 20, 30, 60, 300 ...
const GRIDS: [f32; 3] = [4.0, 5.0, 6.0];

/// Pushes of one flow.
#[derive(Clone, Debug)]
pub struct Pulse {
    times: [PacketTime; KEPT],
    /// Pushes ever; the last is at `count - 1`, modulo [`KEPT`].
    count: u64,
    first: PacketTime,
    /// Time near a push, for [`BURST`] as width, and time in all.
    covered: Duration,
    counted: Duration,
    /// How unforeseen events lie on clock grids.
    grids: Grids,
}

/// What a push was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Push {
    /// Right behind another, or before it: no event of its own.
    Same,
    /// Where a timer or a clock would have put it.
    Foreseen,
    /// Where a sloppy timer may have put it.
    Doubtful,
    /// Neither.
    Unforeseen,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            times: [PacketTime::ZERO; KEPT],
            count: 0,
            first: PacketTime::ZERO,
            covered: Duration::ZERO,
            counted: Duration::ZERO,
            grids: Grids::default(),
        }
    }
}

impl Pulse {
    /// Takes the next push. One that is earlier than the last is taken as simultaneous.
    pub fn push(&mut self, at: PacketTime) -> Push {
        let Some(last) = self.last() else {
            self.first = at;
            self.remember(at);
            return Push::Foreseen;
        };
        let gap = at.since(last);
        self.covered = self.covered.saturating_add(gap.min(BURST));
        self.counted = self.counted.saturating_add(gap.min(QUIET));
        if gap < BURST {
            // Its forerunner stays the event; only what is later moves the end of the burst.
            self.remember(at.max(last));
            return Push::Same;
        }
        let push = self.by_timer(at);
        self.remember(at);
        if push == Push::Foreseen {
            return push;
        }
        self.grids.add(at);
        if self.grids.are_kept(4.0, 0.3) { Push::Foreseen } else { push }
    }

    fn remember(&mut self, at: PacketTime) {
        let slot = (self.count % KEPT as u64) as usize;
        if let Some(place) = self.times.get_mut(slot) {
            *place = at;
        }
        self.count += 1;
    }

    /// The first push.
    pub fn first(&self) -> PacketTime {
        self.first
    }

    /// Pushes ever.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The last push.
    pub fn last(&self) -> Option<PacketTime> {
        self.latest().next()
    }

    /// Pushes that are kept, latest first.
    pub fn latest(&self) -> impl Iterator<Item = PacketTime> + '_ {
        let kept = self.count.min(KEPT as u64);
        (1..=kept).filter_map(move |back| self.times.get(((self.count - back) % KEPT as u64) as usize).copied())
    }

    /// Pushes that are kept with their numbers, latest first.
    pub fn numbered(&self) -> impl Iterator<Item = (u64, PacketTime)> + '_ {
        (0..self.count).rev().zip(self.latest())
    }

    /// Whether there was a push within `most` of a moment that is not long ago.
    pub fn is_near(&self, at: PacketTime, most: Duration) -> bool {
        self.latest().take_while(|t| at.since(*t) <= most).any(|t| t.since(at) <= most)
    }

    /// Whether pushes from `at` on are all kept.
    pub fn reaches_back_to(&self, at: PacketTime) -> bool {
        self.count <= KEPT as u64 || self.latest().last().is_some_and(|oldest| oldest <= at)
    }

    /// At most so probable is it that a moment picked at random, around `at` or at any time of the flow's life, finds
    /// a push within a window of `width`. Exact for every push train (union of the windows over the time), not only
    /// for a Poisson process; busy and idle hours of one flow make the larger of the two figures the bound.
    pub fn chance(&self, at: PacketTime, width: Duration) -> f32 {
        let width = width.as_secs_f32();
        let scale = (width / BURST.as_secs_f32()).max(1.0);
        let covered = (self.covered.as_secs_f32() * scale).min(self.count as f32 * width);
        // One push and half a minute more than were seen, so that a young flow is not thought rare.
        let life = (covered + width) / (self.counted.as_secs_f32() + 30.0);
        let from = PacketTime::from_nanos(at.as_nanos().saturating_sub(NEAR.as_nanos() as i64)).max(self.first);
        let to = at.plus(NEAR).min(self.last().unwrap_or(at));
        let mut near = 0.0;
        let mut later: Option<PacketTime> = None;
        for t in self.latest() {
            if t < from {
                break;
            }
            if t <= to {
                near += later.map_or(width, |l| l.since(t).as_secs_f32().min(width));
            }
            later = Some(t);
        }
        let span = to.since(from).as_secs_f32();
        life.max(near / span.max(60.0)).min(1.0)
    }

    /// The last events, latest first: of a burst the first push.
    fn events(&self) -> ([i64; LOOKED_AT], usize) {
        let (mut events, mut kept) = ([0i64; LOOKED_AT], 0usize);
        let mut later: Option<PacketTime> = None;
        for t in self.latest() {
            if later.is_none_or(|l| l.since(t) >= BURST) {
                if kept == LOOKED_AT {
                    break;
                }
                kept += 1;
            }
            if let Some(place) = events.get_mut(kept.saturating_sub(1)) {
                *place = t.as_nanos();
            }
            later = Some(t);
        }
        (events, kept)
    }

    /// What timers have to do with a push. The delay from some earlier one occurred before, twice or more, between
    /// others: a timer, perhaps one of several, or a multiple of it. It comes later than a timer that was always kept:
    /// something held it up, such as a line that stalled for everybody, and news does not come late. Or else the gap
    /// before it is like two others, less strictly: some pools' timers run two minutes give or take five seconds.
    fn by_timer(&self, at: PacketTime) -> Push {
        let (events, kept) = self.events();
        let events = events.get(..kept).unwrap_or_default();
        let between = || {
            events
                .iter()
                .enumerate()
                .flat_map(|(i, later)| events.iter().skip(i + 1).map(move |earlier| later.saturating_sub(*earlier)))
        };
        let repeated = events.iter().any(|t| {
            let delay = at.as_nanos().saturating_sub(*t);
            between().filter(|d| d.saturating_sub(delay).saturating_abs() <= SAME).take(2).count() == 2
        });
        if repeated {
            return Push::Foreseen;
        }
        let gaps = || events.iter().zip(events.iter().skip(1)).map(|(later, earlier)| later.saturating_sub(*earlier));
        let like = |a: i64, b: i64| a.saturating_sub(b).saturating_abs() <= SAME.max(a / LIKE);
        let gap = events.first().map_or(0, |last| at.as_nanos().saturating_sub(*last));
        if gaps().filter(|g| like(gap, *g)).take(2).count() == 2 {
            return Push::Doubtful;
        }
        // Each is like itself.
        let timer = gaps().filter(|g| gaps().filter(|other| like(*g, *other)).count() >= 3).max();
        let late = timer.is_some_and(|timer| gap > timer.saturating_add(SAME));
        if late { Push::Foreseen } else { Push::Unforeseen }
    }
}

/// How moments lie on clock grids: for each a vector sum, old ones fading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grids {
    sums: [(f32, f32); GRIDS.len()],
    weight: f32,
}

impl Grids {
    /// Lays a moment on them.
    pub fn add(&mut self, at: PacketTime) {
        const FADE: f32 = 0.97;
        self.weight = self.weight * FADE + 1.0;
        for (grid, sum) in GRIDS.iter().zip(&mut self.sums) {
            let nanos = (grid * 1e9) as i64;
            let angle = (at.as_nanos().rem_euclid(nanos) as f32 / nanos as f32) * std::f32::consts::TAU;
            sum.0 = sum.0 * FADE + angle.cos();
            sum.1 = sum.1 * FADE + angle.sin();
        }
    }

    /// Rayleigh's test: moments picked at random leave short sums. `n` times the squared mean length exceeds `x` with
    /// probability exp(-x); that square itself is 1 when all keep to the second, and 0.6 when they fill 40 % of a grid.
    pub fn are_kept(&self, x: f32, square: f32) -> bool {
        self.sums.iter().any(|(a, b)| {
            let length = a * a + b * b;
            length > x * self.weight && length > square * self.weight * self.weight
        })
    }
}

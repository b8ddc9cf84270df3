//! Is there a timer that pushes jobs, and does something restart it?
//!
//! A pool sends a new job with every block and, when none comes for a time T, the old one refreshed: then the timer
//! starts again. So gaps between jobs are exponential below T (rate: blocks), pile up at T, and hardly ever exceed it.
//! That is weighed against everything else that pushes: a plain heartbeat (all at T); a heartbeat among bursts;
//! two timers; a heartbeat that other pushes do *not* restart (then a push in between is followed by what is left of
//! T, never by a whole T); and gaps of any smooth kind, gamma or log-normal.

use super::ring::List;
use super::stat::{LOG10_E, ln_gamma, ln_sum};

/// No pool renews its jobs more often than that without a cause, seconds.
pub(super) const OFTEN: f32 = 8.0;
/// Gaps looked at.
pub(super) const MOST: usize = 96;
/// Fewer say nothing.
const LEAST: usize = 7;
/// Decimal logarithm of the likelihood ratio below which nothing is said.
const LEAST_WEIGHT: f64 = 0.9;
/// Timers that are tried, seconds.
const PERIODS: std::ops::Range<f32> = 0.8..1000.0;
/// Gaps of no known origin: lost packets, reconnects, a change of difficulty. Spread over the logarithm.
const STRAY: f64 = 0.04;
/// How much rarer than other stray gaps are those that cut a heartbeat short and begin it anew.
const RESTARTED: f64 = 0.4;
/// Natural logarithm of the range that stray gaps come from, 0.02 to 2000 s.
const STRAY_RANGE: f64 = 11.5;

/// A timer that fits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct JobTimer {
    /// Seconds.
    pub period: f32,
    /// From here on a gap counts as whole, seconds.
    pub whole: f32,
    /// Gaps that are.
    pub full: u32,
    /// Gaps below.
    pub early: u32,
    /// Seconds in which something could have restarted it and be seen to.
    pub exposure: f32,
    /// Decimal logarithm of the likelihood ratio.
    pub weight: f32,
}

impl JobTimer {
    /// Restarts a second. Half an event more keeps a flow without blocks away from certainty.
    fn rate(&self) -> f64 {
        (f64::from(self.early) + 0.5) / (f64::from(self.exposure) + 0.5 * f64::from(self.whole))
    }
}

/// Where full gaps lie: refreshes come a little late (measured: T to 1.08 T on a public pool, T +- 1 % on others).
#[derive(Clone, Copy)]
struct Pile {
    from: f32,
    to: f32,
}

impl Pile {
    fn holds(self, gap: f32) -> bool {
        (self.from..=self.to).contains(&gap)
    }

    /// Logarithm of the density of a full gap.
    fn density(self) -> f64 {
        -f64::from(self.to - self.from).ln()
    }
}

fn stray(gap: f32) -> f64 {
    1.0 / (f64::from(gap.max(0.02)) * STRAY_RANGE)
}

/// Judges gaps in seconds, in order; none where the weight is below [`LEAST_WEIGHT`].
pub(super) fn judge(gaps: &[f32]) -> Option<JobTimer> {
    let gaps = merge(gaps);
    let gaps = gaps.as_slice();
    if gaps.len() < LEAST {
        return None;
    }
    let mut sorted = List::<MOST>::new();
    for &gap in gaps {
        sorted.push(gap);
    }
    sorted.as_mut_slice().sort_by(f32::total_cmp);
    // The best of each hypothesis, wherever its pile is. One without a pile did not pick it among some two or four
    // times as many as there are gaps.
    let found = piles(sorted.as_slice()).map(|p| p.map(|pile| (pile, restarted(gaps, pile))));
    let (mut timer, restarted) = found.iter().flatten().map(|f| f.1).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let enough = restarted - LEAST_WEIGHT / LOG10_E;
    let mut others = (smooth(gaps) + (4.0 * gaps.len() as f64).ln()).max(interleaved(gaps));
    for (pile, (timer, _)) in found.iter().flatten() {
        if others > enough {
            return None;
        }
        others = others.max(otherwise(gaps, *pile, timer, enough));
    }
    timer.weight = ((restarted - others) * LOG10_E) as f32;
    Some(timer)
}

/// Gaps that are not those of a heartbeat, of which one may go missing or be taken for an answer; none where there is no
/// heartbeat: where less than nine in ten are.
pub(super) fn off_beat(gaps: &[f32]) -> Option<usize> {
    let mut sorted = List::<MOST>::new();
    for &gap in gaps {
        sorted.push(gap);
    }
    sorted.as_mut_slice().sort_by(f32::total_cmp);
    let &median = sorted.as_slice().get(sorted.as_slice().len() / 2)?;
    let off = |g: f32| (g - median * (g / median).round().clamp(1.0, 3.0)).abs();
    let others = gaps.iter().filter(|g| off(**g) > 0.03 * median + 0.05).count();
    (gaps.len() >= 2 && others * 10 <= gaps.len()).then_some(others)
}

/// The most gaps that lie within a fifth of each other.
pub(super) fn largest_pile(gaps: &[f32]) -> usize {
    let mut sorted = List::<MOST>::new();
    for &gap in gaps {
        sorted.push(gap);
    }
    sorted.as_mut_slice().sort_by(f32::total_cmp);
    let sorted = sorted.as_slice();
    let from = |at: usize, least: f32| {
        let rest = sorted.get(at..).unwrap_or_default();
        rest.iter().take_while(|g| **g <= least * 1.2 + 0.05).count()
    };
    sorted.iter().enumerate().map(|(at, &least)| from(at, least)).max().unwrap_or(0)
}

/// Two pushes in a moment are one event, of which the gap after counts from the first.
fn merge(gaps: &[f32]) -> List<MOST> {
    let mean = gaps.iter().sum::<f32>() / gaps.len().max(1) as f32;
    let mut merged = List::new();
    let mut carried = 0.0;
    for &gap in gaps {
        if gap < 0.01 * mean {
            carried += gap;
        } else {
            merged.push(gap + carried);
            carried = 0.0;
        }
    }
    merged
}

/// The two heaviest piles of each width, apart from each other.
fn piles(sorted: &[f32]) -> [Option<Pile>; 4] {
    let mut found = [None; 4];
    for (pair, width) in found.chunks_mut(2).zip([0.025, 0.1]) {
        let first = heaviest(sorted, width, None);
        let second = first.and_then(|f| heaviest(sorted, width, Some(f)));
        pair.iter_mut().zip([first, second]).for_each(|(slot, pile)| *slot = pile);
    }
    found
}

/// The heaviest pile of a width that does not overlap with another.
fn heaviest(sorted: &[f32], width: f32, but: Option<Pile>) -> Option<Pile> {
    let mut best: Option<(f32, Pile)> = None;
    for (at, &least) in sorted.iter().enumerate().filter(|(_, g)| PERIODS.contains(g)) {
        let pile = Pile { from: least - 0.02, to: least * (1.0 + width) + 0.05 };
        let rest = sorted.get(at..).unwrap_or_default();
        let full = rest.iter().take_while(|&&g| g <= pile.to).count();
        if full < 2 || but.is_some_and(|b| pile.from <= b.to && b.from <= pile.to) {
            continue;
        }
        // Above it there should be nothing.
        let beyond = rest.len() - full;
        let score = full as f32 * (1.0 / width).ln() - 2.0 * beyond as f32;
        if best.is_none_or(|(b, _)| score > b) {
            best = Some((score, pile));
        }
    }
    best.map(|(_, pile)| pile)
}

/// The best of smooth renewal processes: gamma of some shapes with the mean that is seen, log-normal as seen (less
/// what two free numbers are worth).
fn smooth(gaps: &[f32]) -> f64 {
    let n = gaps.len() as f64;
    let mean = gaps.iter().map(|g| f64::from(*g)).sum::<f64>() / n;
    let logs: f64 = gaps.iter().map(|g| f64::from(g.max(0.001)).ln()).sum();
    let gamma = [0.2, 0.4, 0.7, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 100.0, 400.0].map(|k: f64| {
        let scale = mean / k;
        (k - 1.0) * logs - n * mean / scale - n * (ln_gamma(k) + k * scale.ln())
    });
    let mid = logs / n;
    let variance = (gaps.iter().map(|g| (f64::from(g.max(0.001)).ln() - mid).powi(2)).sum::<f64>() / n).max(1e-6);
    let normal = -0.5 * n * (1.0 + (std::f64::consts::TAU * variance).ln()) - logs - n.ln();
    gamma.into_iter().fold(normal, f64::max)
}

/// The timer that a pile makes, and the likelihood that it is restarted.
fn restarted(gaps: &[f32], pile: Pile) -> (JobTimer, f64) {
    let (mut early, mut full, mut exposure) = (0_u32, 0_u32, 0.0_f64);
    let mut sum = 0.0_f64;
    for &gap in gaps {
        exposure += f64::from(gap.min(pile.from));
        if gap < pile.from {
            early += 1;
        } else if pile.holds(gap) {
            full += 1;
            sum += f64::from(gap);
        }
    }
    let period = if full == 0 { pile.from } else { (sum / f64::from(full)) as f32 };
    let timer = JobTimer { period, whole: pile.from, full, early, exposure: exposure as f32, weight: 0.0 };
    let rate = timer.rate();
    let survive = -rate * f64::from(pile.from);
    let in_pile = (survive + pile.density()).exp();
    let gap = |&g: &f32| {
        let main = if g < pile.from {
            rate * (-rate * f64::from(g)).exp()
        } else if pile.holds(g) {
            in_pile
        } else {
            0.0
        };
        ((1.0 - STRAY) * main + STRAY * stray(g)).ln()
    };
    (timer, gaps.iter().map(gap).sum())
}

/// The likelihood that it is something else; what is above `enough` need not be exact.
fn otherwise(gaps: &[f32], pile: Pile, timer: &JobTimer, enough: f64) -> f64 {
    // What goes missing makes gaps longer; that something of the same size restarts a heartbeat is rare.
    let strays = |gap: f32| stray(gap) * if gap < pile.from { RESTARTED } else { 1.0 };
    let mut early = List::<MOST>::new();
    gaps.iter().filter(|g| **g < pile.from).for_each(|g| early.push(*g));
    let hypotheses: [&dyn Fn() -> f64; 6] = [
        &|| clocked(gaps, pile, timer.full, timer.early),
        &|| beats(gaps, pile, 0.8, strays),
        &|| beats(gaps, pile, 0.5, strays),
        &|| beats(gaps, pile, 0.97, strays),
        // The pile among anything smooth below it.
        &|| two_timers(gaps, pile, early),
        &|| unrestarted(gaps, pile, timer.period, timer.rate()),
    ];
    let mut others = [f64::NEG_INFINITY; 6];
    // They are hardly ever true together.
    let several = 3.0_f64.ln();
    for (slot, hypothesis) in others.iter_mut().zip(hypotheses) {
        *slot = hypothesis() - several;
        if *slot > enough {
            return *slot;
        }
    }
    ln_sum(&others)
}

/// A heartbeat with a share of `full` of all gaps; the others come from `else_`.
fn beats(gaps: &[f32], pile: Pile, full: f64, else_: impl Fn(f32) -> f64) -> f64 {
    let in_pile = pile.density().exp();
    gaps.iter().map(|&g| (if pile.holds(g) { full * in_pile } else { 0.0 } + (1.0 - full) * else_(g)).ln()).sum()
}

/// Two timers, the second where most of the early gaps lie close together.
fn two_timers(gaps: &[f32], pile: Pile, mut early: List<MOST>) -> f64 {
    early.as_mut_slice().sort_by(f32::total_cmp);
    let sorted = early.as_slice();
    let mut second: Option<(usize, f32)> = None;
    for (at, &least) in sorted.iter().enumerate() {
        let count = sorted.get(at..).unwrap_or_default().iter().take_while(|&&g| g <= least * 1.05 + 0.05).count();
        if count >= 2 && second.is_none_or(|(most, _)| count > most) {
            second = Some((count, least));
        }
    }
    let Some((_, least)) = second else { return f64::NEG_INFINITY };
    let other = Pile { from: least - 0.02, to: least * 1.05 + 0.05 };
    let dense = other.density().exp();
    beats(gaps, pile, 0.4, |g| 2.0 / 3.0 * if other.holds(g) { dense } else { 0.0 } + stray(g) / 3.0)
}

/// A heartbeat and, independent of it, pushes of any kind: a push in between is followed by what is left of the beat's
/// time, so hardly ever by a whole one. A restarted timer does not remember.
fn clocked(gaps: &[f32], pile: Pile, full: u32, early: u32) -> f64 {
    let in_pile = pile.density().exp();
    let share = (f64::from(full) + 0.5) / (f64::from(full + early) + 1.0);
    let below = 1.0 / f64::from(pile.from.max(0.1));
    let mut was_full = true;
    gaps.iter()
        .map(|&g| {
            let share = if was_full { share } else { 0.015 };
            was_full = pile.holds(g);
            let main = if was_full {
                share * in_pile
            } else if g < pile.from {
                (1.0 - share) * below
            } else {
                0.0
            };
            ((1.0 - STRAY) * main + STRAY * stray(g)).ln()
        })
        .sum()
}

/// Several heartbeats of one period, each in its own time, which makes as many gaps add up to the period, wherever one
/// begins to count.
fn interleaved(gaps: &[f32]) -> f64 {
    let several = [2, 3, 4].map(|beats| {
        let mut sums = List::<MOST>::new();
        gaps.windows(beats).for_each(|w| sums.push(w.iter().sum()));
        sums.as_mut_slice().sort_by(f32::total_cmp);
        let Some(period) = heaviest(sums.as_slice(), 0.025, None) else { return f64::NEG_INFINITY };
        let density = BEATEN * period.density().exp();
        let free = (1.0 - BEATEN) / f64::from(period.to);
        let fits = |w: &[f32]| (if period.holds(w.iter().sum()) { density } else { 0.0 } + free).ln();
        // The first ones may be anything.
        let first = (beats - 1).min(gaps.len()) as f64 * -f64::from(period.to).ln();
        first + gaps.windows(beats).map(fits).sum::<f64>()
    });
    ln_sum(&several) - (3.0 * gaps.len() as f64).ln()
}

/// A heartbeat and, independent of it, pushes by chance.
fn unrestarted(gaps: &[f32], pile: Pile, period: f32, rate: f64) -> f64 {
    // Any of the first pushes may have been a beat.
    let starts = gaps.iter().take(6).scan(0.0, |sum, gap| {
        let before = *sum;
        *sum += gap;
        Some(-before)
    });
    let phases = starts.map(|s| s.rem_euclid(period)).map(|s| phase(gaps, pile, period, rate, s));
    phases.fold(f64::NEG_INFINITY, f64::max) - 6.0_f64.ln()
}

/// Pushes that are heartbeats where several of them are all there is.
const BEATEN: f64 = 0.8;

/// Beats of a heartbeat that are as exact as most.
const BEATS: f64 = 0.97;

/// The same, when the last beat was `since_beat` seconds before the first push.
fn phase(gaps: &[f32], pile: Pile, period: f32, rate: f64, mut since_beat: f32) -> f64 {
    let in_pile = pile.density().exp();
    let loose = 0.03 * period + 0.1;
    let mut total = 0.0;
    for (at, &gap) in gaps.iter().enumerate() {
        let left = period - since_beat;
        let alive = (-rate * f64::from(gap)).exp();
        let off = gap - left;
        // A push just before a beat is none.
        let next = gaps.get(at + 1).copied().unwrap_or(period);
        let sooner = off < 0.0 && (off + next).abs() < off.abs();
        let main = if pile.holds(period + off) && !sooner {
            since_beat = 0.0;
            BEATS * alive * in_pile
        } else if off.abs() < loose && !sooner {
            since_beat = 0.0;
            (1.0 - BEATS) * alive / (2.0 * f64::from(loose))
        } else if gap < left {
            since_beat += gap;
            rate * alive
        } else {
            // A beat went missing, or was one of another kind.
            let behind = (since_beat + gap).rem_euclid(period);
            since_beat = if pile.holds(gap) || period - behind < loose { 0.0 } else { behind };
            0.0
        };
        total += ((1.0 - STRAY) * main + STRAY * stray(gap)).ln();
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gaps between beats of a period, each in its own time.
    fn heartbeats(period: f32, phases: &[f32], times: usize) -> Vec<f32> {
        let beats = |n: usize| phases.iter().map(move |phase| n as f32 * period + phase + 0.004 * (n % 5) as f32);
        let at: Vec<f32> = (0..times).flat_map(beats).collect();
        at.windows(2).map(|w| w[1] - w[0]).collect()
    }

    #[test]
    fn several_heartbeats_of_one_period_are_not_restarted() {
        // They begin and end with the watches that they belong to.
        let mut gaps = heartbeats(60.0, &[0.0, 43.0], 12);
        gaps.push(17.0);
        gaps.extend(heartbeats(60.0, &[0.0, 2.5], 12));
        assert_eq!(judge(&gaps), None);
        let mut three = heartbeats(60.0, &[0.0, 11.0, 31.0], 8);
        three.push(29.0);
        three.extend(heartbeats(60.0, &[0.0, 3.0], 8));
        assert_eq!(judge(&three), None);
    }

    #[test]
    fn a_push_just_before_a_beat_restarts_nothing() {
        let mut gaps = vec![10.0; 30];
        for at in [4, 11, 20, 27] {
            gaps[at] = 9.8;
            gaps.insert(at + 1, 0.2);
        }
        assert_eq!(judge(&gaps), None);
        // The same pushes, had they begun the time anew.
        let restarted: Vec<f32> = gaps.iter().map(|g| if *g < 1.0 { 10.0 } else { *g }).collect();
        let early: Vec<f32> =
            restarted.iter().enumerate().map(|(n, g)| if n % 4 == 3 { 1.3 + (n % 7) as f32 } else { *g }).collect();
        assert!(judge(&early).is_some_and(|t| t.full > t.early && t.early >= 4), "{:?}", judge(&early));
    }
}

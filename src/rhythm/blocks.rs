//! What restarts the job timer are blocks: how far apart are they, and which chain has such blocks?

use std::time::Duration;

use super::shape::{self, Class};
use super::stat::ln_sum;
use super::timer::{JobTimer, OFTEN};
use super::witness::{Coin, CoinFit, Coins, Fact, Witness};

/// Chains that are mined in pools, with the time between blocks that their rules aim at (protocol constants) and how
/// often each is met in hidden mining: nearly all of that is Monero, because it needs no graphics card. The second
/// number is a prior weight, largest first, not a measurement, and matters only between chains with like intervals.
const CHAINS: &[(&str, u32, f64)] = &[
    ("XMR", 120, 0.50),
    ("BTC", 600, 0.10),
    ("ETC", 13, 0.08),
    ("RVN", 60, 0.08),
    ("ZEC", 75, 0.07),
    ("LTC", 150, 0.05),
    ("ERG", 120, 0.04),
    ("DOGE", 60, 0.005),
    ("DASH", 150, 0.02),
    ("BCH", 600, 0.02),
    ("FIRO", 300, 0.01),
    ("BEAM", 60, 0.01),
];

/// How far apart blocks of a coin should be, by the rules of its chain.
pub fn usual_interval(coin: &str) -> Option<Duration> {
    CHAINS.iter().find(|(symbol, ..)| *symbol == coin).map(|&(_, seconds, _)| Duration::from_secs(seconds.into()))
}

/// Estimate of the time between blocks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct BlockClock {
    /// Restarts seen.
    pub blocks: u32,
    /// Seconds between blocks.
    pub interval: f32,
    /// Lower end of the 90 % confidence interval.
    pub low: f32,
    /// Upper end.
    pub high: f32,
}

impl BlockClock {
    pub(super) fn witness(&self, weight: f32) -> Witness {
        let &Self { blocks, interval, low, high } = self;
        Witness { fact: Fact::BlockClock { blocks, interval, low, high }, weight }
    }
}

/// Relative error that no count removes. Blocks that are not seen, and chains that run slower than they aim at, make
/// the interval too long, a little (recall 0.955 on 38 public traces).
const TOO_LONG: f64 = 0.10;
/// Other restarts make it too short: changes of difficulty that come with a job, templates renewed for their fees
/// (precision 0.917 on those traces, worse on pools that adjust often).
const TOO_SHORT: f64 = 0.30;

/// From the timer's restarts; nothing below four.
pub(super) fn clock(timer: &JobTimer) -> Option<BlockClock> {
    if timer.early < 4 {
        return None;
    }
    let n = f64::from(timer.early);
    let interval = f64::from(timer.exposure) / n;
    // Chi-square interval of a Poisson count by Wilson and Hilferty, widened by what is systematic.
    let bound = |n: f64, z: f64| n * (1.0 - 1.0 / (9.0 * n) + z / (3.0 * n.sqrt())).powi(3);
    Some(BlockClock {
        blocks: timer.early,
        interval: interval as f32,
        low: (f64::from(timer.exposure) / bound(n + 1.0, 1.645) / (1.645 * TOO_LONG).exp()) as f32,
        high: (f64::from(timer.exposure) / bound(n, -1.645) * (1.645 * TOO_SHORT).exp()) as f32,
    })
}

/// Standard deviations that a time between blocks is off, and the logarithm of its likelihood: two halves of a
/// log-normal, each with the count's variance and what is systematic on its side.
fn likelihood(timer: &JobTimer, interval: f64) -> (f64, f64) {
    let n = f64::from(timer.early);
    let off = (f64::from(timer.exposure) / n / interval).ln();
    let (long, short) = ((1.0 / n + TOO_LONG * TOO_LONG).sqrt(), (1.0 / n + TOO_SHORT * TOO_SHORT).sqrt());
    let z = off / if off > 0.0 { long } else { short };
    (z.abs(), -0.5 * z * z - (0.5 * (long + short)).ln())
}

/// How much likelier a coin is when the sizes of messages are those of its dialect.
const SPOKEN: f64 = 100.0;

/// A coin is named when it, and others with the same time between blocks, are as likely as that.
const NAMED: f64 = 0.7;

/// Coins of a dialect, by how often each is met.
pub(super) fn spoken(symbols: &[&str]) -> Coins {
    let mut coins = Coins::default();
    let weight = |symbol: &str, prior: f64| if symbols.contains(&symbol) { prior * SPOKEN } else { prior };
    let all: f64 = CHAINS.iter().map(|&(symbol, _, prior)| weight(symbol, prior)).sum();
    for &(symbol, interval, prior) in CHAINS.iter().filter(|c| symbols.contains(&c.0)) {
        coins.push(CoinFit { coin: Coin { symbol, interval }, likelihood: (weight(symbol, prior) / all) as f32 });
    }
    coins
}

/// Coins that fit, likeliest first, and how much better a chain explains the restarts than events of any rate do
/// (decimal logarithm; negative where no chain fits, and little where sizes do not name the coin as well). Coins of the
/// dialect that is `spoken`, if sizes tell, are [`SPOKEN`] times as likely as they would be.
pub(super) fn coins(timer: &JobTimer, spoken: &[&str], push: Option<Class>) -> (Coins, f32) {
    // Logarithm of likelihood and prior, that of the likelihood alone, deviations, name, seconds.
    let mut fits: [(f64, f64, f64, &str, u32); CHAINS.len()] = [(f64::NEG_INFINITY, 0.0, 0.0, "", 0); CHAINS.len()];
    for (fit, &(symbol, interval, prior)) in fits.iter_mut().zip(CHAINS) {
        let (off, alone) = likelihood(timer, f64::from(interval));
        let spoken = if spoken.contains(&symbol) { SPOKEN.ln() } else { 0.0 };
        let may = if push.is_none_or(|p| shape::may_push(symbol, &p)) { 0.0 } else { -SPOKEN.ln() };
        *fit = (alone + prior.ln() + spoken + may, alone, off, symbol, interval);
    }
    fits.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all = ln_sum(&fits.map(|f| f.0));
    let chain = ln_sum(&fits.map(|f| f.1)) - (CHAINS.len() as f64).ln();
    let mut coins = Coins::default();
    let (_, _, _, _, first) = fits[0];
    let same: f64 = fits.iter().filter(|f| f.4 == first).map(|f| (f.0 - all).exp()).sum();
    // Nothing is named that is hardly likelier than all others together.
    for (joint, _, off, symbol, interval) in fits.into_iter().filter(|_| same >= NAMED) {
        let share = (joint - all).exp();
        if share >= 0.02 && off < 2.5 {
            coins.push(CoinFit { coin: Coin { symbol, interval }, likelihood: share as f32 });
        }
    }
    let weight = ((chain - any()) * super::stat::LOG10_E) as f32;
    // Chains are many: one of them fits any rate about every other time. That the one fits that the sizes name is
    // another matter.
    let named = |f: &(f64, f64, f64, &str, u32)| spoken.contains(&f.3) && f.2 < 1.7;
    let weight = if fits.iter().any(named) && timer.early >= 8 { weight.min(0.9) + 0.5 } else { weight.min(0.4) };
    (coins, weight)
}

/// Events of any rate: 5 s to 2000 s, evenly in the logarithm; natural logarithm of their likelihood.
fn any() -> f64 {
    std::f64::consts::TAU.sqrt().ln() - 400.0_f64.ln().ln()
}

/// How much better the coins that sizes speak of explain how often pushes come than any rate does, decimal logarithm.
pub(super) fn of_spoken(pace: &JobTimer, spoken: &[&str]) -> f32 {
    let (mut sum, mut all) = (0.0, 0.0);
    for (_, interval, prior) in CHAINS.iter().filter(|c| spoken.contains(&c.0)) {
        sum += prior * likelihood(pace, f64::from(*interval)).1.exp();
        all += prior;
    }
    (((sum / all).ln() - any()) * super::stat::LOG10_E) as f32
}

/// What gaps between pushes (seconds) say against the coins that sizes speak of, decimal logarithm, zero at most. A pool
/// sends a job with every block: so there are as many pushes at least, beside those of a heartbeat, of which
/// `off_beat` are none.
pub(super) fn refuted(gaps: &[f32], off_beat: Option<usize>, spoken: &[&str]) -> f32 {
    let spoken = |c: &&(&str, u32, f64)| spoken.is_empty() || spoken.contains(&c.0);
    let seconds: f64 = gaps.iter().map(|g| f64::from(*g)).sum();
    let most = off_beat.unwrap_or(gaps.len());
    // The tail of a Poisson count.
    let chance = |interval: u32| {
        let blocks = seconds / f64::from(interval);
        let terms = (1..=most).scan(1.0, |term, n| {
            *term *= blocks / n as f64;
            Some(*term)
        });
        if most as f64 >= blocks { 1.0 } else { (1.0 + terms.sum::<f64>()) * (-blocks).exp() }
    };
    let likely = CHAINS.iter().filter(spoken).map(|c| chance(c.1)).fold(0.0, f64::max);
    // A tail is one in two on average where nothing is wrong, a heartbeat is hardly ever without flaw, and nobody sees all
    // blocks.
    let usual = if off_beat == Some(0) { 1.2 } else { 4.0 };
    ((usual * likely + 0.01).log10() as f32).min(0.0)
}

/// What pushes that come more often than blocks, and not on a timer, say against the coins that sizes speak of, decimal
/// logarithm, zero at most. Where a block comes each `b` seconds and a push each `g`, all but `g / b` of the gaps are those
/// of the pool's timer and pile up at its length; `pile` is the most of them that lie together.
pub(super) fn hurried(gaps: &[f32], pile: usize, spoken: &[&str]) -> f32 {
    let spoken = |c: &&(&str, u32, f64)| spoken.is_empty() || spoken.contains(&c.0);
    let count = gaps.len();
    if count < 3 {
        return 0.0;
    }
    let mean = gaps.iter().map(|g| f64::from(*g)).sum::<f64>() / count as f64;
    // No pool's timer is as short.
    if count >= 4 && mean < f64::from(OFTEN) && CHAINS.iter().filter(spoken).all(|c| f64::from(c.1) > 4.0 * mean) {
        return -1.0;
    }
    // The lower tail of a binomial count. One in four of those that should be there is not: other pushes come between.
    let chance = |interval: u32| {
        let whole = (0.75 * (1.0 - mean / f64::from(interval))).max(0.0);
        let odds = whole / (1.0 - whole);
        let first = (1.0 - whole).powf(count as f64);
        let terms = (1..=pile.min(count)).scan(first, |term, k| {
            *term *= odds * (count + 1 - k) as f64 / k as f64;
            Some(*term)
        });
        (first + terms.sum::<f64>()).min(1.0)
    };
    let likely = CHAINS.iter().filter(spoken).map(|c| chance(c.1)).fold(0.0, f64::max);
    ((2.0 * likely + 0.01).log10() as f32).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_more_often_than_blocks_need_a_timer() {
        // Each twenty seconds by chance is no Monero; on a timer it may be, and each two minutes it may be, too.
        let by_chance = [4.0, 31.0, 12.0, 22.0, 40.0, 9.0, 18.0, 27.0];
        assert!(hurried(&by_chance, 2, &["XMR"]) < -1.0);
        assert!(hurried(&[22.0; 8], 8, &["XMR"]) > -0.1);
        assert!(hurried(&by_chance.map(|g| 6.0 * g), 2, &["XMR"]) > -0.1);
        assert!(hurried(&by_chance, 2, &["ETC"]) > -0.1);
        // No pool renews its jobs each four seconds.
        assert!(hurried(&[4.0; 8], 8, &["XMR"]) <= -1.0);
        assert!(hurried(&by_chance[..2], 1, &["XMR"]).abs() < 1e-6);
    }
}

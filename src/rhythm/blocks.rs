//! What restarts the job timer are blocks: how far apart are they, and which chain has such blocks?

use super::stat::ln_sum;
use super::timer::JobTimer;
use super::witness::{Coin, CoinFit, Coins};

/// Chains that are mined in pools, with the time between blocks that their rules aim at (protocol constants) and how
/// often each is met in hidden mining: nearly all of that is Monero, because it needs no graphics card. The second
/// number is a prior weight, not a measurement, and matters only between chains with like intervals.
const CHAINS: &[(&str, u32, f64)] = &[
    ("XMR", 120, 0.50),
    ("ETC", 13, 0.08),
    ("RVN", 60, 0.08),
    ("ZEC", 75, 0.07),
    ("LTC", 150, 0.05),
    ("BTC", 600, 0.10),
    ("ERG", 120, 0.04),
    ("DOGE", 60, 0.02),
    ("DASH", 150, 0.02),
    ("BCH", 600, 0.02),
    ("FIRO", 300, 0.01),
    ("BEAM", 60, 0.01),
];

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

/// Relative error that no count removes: a restart in 12 is no block, and one block in 22 is not seen (precision 0.917
/// and recall 0.955 on 38 public traces), and chains run faster or slower than they aim at.
const SYSTEMATIC: f64 = 0.10;

/// From the timer's restarts; nothing below four.
pub(super) fn clock(timer: &JobTimer) -> Option<BlockClock> {
    if timer.early < 4 {
        return None;
    }
    let n = f64::from(timer.early);
    let interval = f64::from(timer.exposure) / n;
    // Chi-square interval of a Poisson count by Wilson and Hilferty, widened by what is systematic.
    let bound = |n: f64, z: f64| n * (1.0 - 1.0 / (9.0 * n) + z / (3.0 * n.sqrt())).powi(3);
    let wide = (1.645 * SYSTEMATIC).exp();
    Some(BlockClock {
        blocks: timer.early,
        interval: interval as f32,
        low: (f64::from(timer.exposure) / bound(n + 1.0, 1.645) / wide) as f32,
        high: (f64::from(timer.exposure) / bound(n, -1.645) * wide) as f32,
    })
}

/// Logarithm of the likelihood of a time between blocks.
fn likelihood(timer: &JobTimer, interval: f64) -> f64 {
    let n = f64::from(timer.early);
    let seen = f64::from(timer.exposure) / n;
    // Log-normal with the count's and the systematic variance: the count is four or more.
    let variance = 1.0 / n + SYSTEMATIC * SYSTEMATIC;
    -0.5 * (seen / interval).ln().powi(2) / variance - 0.5 * variance.ln()
}

/// Coins that fit, likeliest first, and how much better a chain explains the restarts than events of any rate do
/// (decimal logarithm; negative where no chain fits). Coins of the dialect that is `spoken`, if sizes tell, are twenty times
/// as likely as they would be.
pub(super) fn coins(timer: &JobTimer, spoken: &[&str]) -> (Coins, f32) {
    let mut fits: [(f64, f64, &str, u32); CHAINS.len()] = [(f64::NEG_INFINITY, 0.0, "", 0); CHAINS.len()];
    for (fit, &(symbol, interval, prior)) in fits.iter_mut().zip(CHAINS) {
        let alone = likelihood(timer, f64::from(interval));
        let spoken = if spoken.contains(&symbol) { 20.0_f64.ln() } else { 0.0 };
        *fit = (alone + prior.ln() + spoken, alone, symbol, interval);
    }
    fits.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all = ln_sum(&fits.map(|f| f.0));
    let chain = ln_sum(&fits.map(|f| f.1)) - (CHAINS.len() as f64).ln();
    // Events of any rate: 5 s to 2000 s, evenly in the logarithm.
    let any = std::f64::consts::TAU.sqrt().ln() - 400.0_f64.ln().ln();
    let mut coins = Coins::default();
    for (joint, alone, symbol, interval) in fits {
        let share = (joint - all).exp();
        let n = f64::from(timer.early);
        let worst = -0.5 * 4.0 - 0.5 * (1.0 / n + SYSTEMATIC * SYSTEMATIC).ln();
        if share >= 0.02 && alone > worst {
            coins.push(CoinFit { coin: Coin { symbol, interval }, likelihood: share as f32 });
        }
    }
    (coins, ((chain - any) * super::stat::LOG10_E) as f32)
}

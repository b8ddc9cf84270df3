//! Counts, bounds and delays.

/// Minutes at which recall is told.
pub(crate) const MINUTES: [f64; 5] = [5.0, 10.0, 15.0, 30.0, 60.0];

/// Times from a flow's first message to its alarm, one for each flow; none where there was no alarm.
#[derive(Clone, Default, Debug)]
pub(crate) struct Delays(Vec<Option<f64>>);

impl Delays {
    pub(crate) fn push(&mut self, delay: Option<f64>) {
        self.0.push(delay);
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    pub(crate) fn flows(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn found_by(&self, seconds: f64) -> usize {
        self.0.iter().flatten().filter(|d| **d <= seconds).count()
    }

    pub(crate) fn recall_by(&self, seconds: f64) -> f64 {
        self.found_by(seconds) as f64 / self.flows().max(1) as f64
    }

    /// Seconds by which so many of those that were found at all were found.
    pub(crate) fn quantile(&self, part: f64) -> Option<f64> {
        let mut found: Vec<f64> = self.0.iter().flatten().copied().collect();
        found.sort_by(f64::total_cmp);
        found.get((found.len().saturating_sub(1) as f64 * part).round() as usize).copied()
    }
}

/// Logarithm of `n` over `k`.
fn ln_choose(n: u64, k: u64) -> f64 {
    // Sums of logarithms are exact enough, and there are only some ten thousand of them.
    (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln()).sum()
}

/// Chance of at most `k` of `n` at probability `p`.
fn at_most(n: u64, k: u64, p: f64) -> f64 {
    (0..=k).map(|i| (ln_choose(n, i) + i as f64 * p.ln() + (n - i) as f64 * (-p).ln_1p()).exp()).sum()
}

/// The one-sided upper bound by Clopper and Pearson at 95 %: rates above would show more than `k` of `n` in 19 of 20
/// trials.
pub(crate) fn upper_bound(n: u64, k: u64) -> f64 {
    if k >= n {
        return 1.0;
    }
    let (mut low, mut high) = (k as f64 / n as f64, 1.0 - 1e-12);
    low = low.max(1e-12);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(n, k, middle) > 0.05 { low = middle } else { high = middle }
    }
    high
}

/// The one-sided lower bound at 95 % for `k` of `n`.
pub(crate) fn lower_bound(n: u64, k: u64) -> f64 {
    1.0 - upper_bound(n, n - k)
}

/// As a percentage.
pub(crate) fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// As minutes.
pub(crate) fn minutes(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |s| format!("{:.1} min", s / 60.0))
}

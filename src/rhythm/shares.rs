//! Do requests arrive like a Poisson process whose rate somebody adjusts now and then?
//!
//! A share is found by luck: gaps between shares are exponential, and vardiff changes the rate in steps. Within a
//! window of [`WINDOW`] gaps the rate is nearly constant, and then the gaps divided by their sum do not depend on it:
//! for exponential gaps they are spread as Dirichlet(1, 1, ...), for gamma gaps of shape k as Dirichlet(k, k, ...).
//! A timer is k of 20 and more, polling with jitter 2 to 20, human bursts and queues below 0.6. So one number, k, is
//! tested, free of any rate.

use std::sync::LazyLock;

use super::stat::{LOG10_E, ln_gamma, ln_sum};

/// Gaps in a window. Of `w` gaps `w - 1` count; a step of the rate spoils one window.
const WINDOW: usize = 4;
/// Fewer gaps say nothing.
const LEAST: usize = 6;

/// Shapes that things other than luck may have, evenly in the logarithm from 0.05 to 200: knowing nothing of them.
const SHAPES: [f64; 19] =
    [0.05, 0.08, 0.126, 0.2, 0.316, 0.4, 0.5, 0.63, 0.8, 1.26, 1.6, 2.0, 3.16, 5.0, 8.0, 12.6, 20.0, 50.0, 200.0];
/// Prior mass of the shapes above, by the width of the logarithm that each stands for.
const MASSES: [f64; 19] =
    [1.0, 2.0, 2.0, 2.0, 1.5, 1.0, 1.0, 1.0, 1.5, 1.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0, 3.0, 5.0, 4.0];

/// Shapes that count as luck: vardiff inside a window, a delayed reply and a relay of several workers bend it a little
/// (median over public traces 0.93).
const LUCK: [f64; 3] = [0.85, 1.0, 1.15];

/// Logarithms of the constants of Dirichlet densities: for each shape, by the number of gaps in a window.
static NORMS: LazyLock<Vec<[f64; WINDOW + 1]>> = LazyLock::new(|| {
    let norm = |k: f64, len: usize| ln_gamma(len as f64 * k) - len as f64 * ln_gamma(k);
    let of = |k: f64| std::array::from_fn(|len| if len < 2 { 0.0 } else { norm(k, len) });
    SHAPES.into_iter().chain(LUCK).map(of).collect()
});

/// What the gaps say.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Arrivals {
    /// Gaps tested.
    pub gaps: u32,
    /// Their mean in seconds.
    pub mean: f32,
    /// Decimal logarithm of the likelihood ratio, luck against everything else.
    pub weight: f32,
}

/// Judges gaps in seconds, in order.
pub(super) fn judge(gaps: &[f32]) -> Option<Arrivals> {
    // Windows of WINDOW gaps and what is left of them at the end: their number, and the logarithms of their parts.
    let (mut windows, mut logs) = ([0.0_f64; WINDOW + 1], 0.0_f64);
    let mut equal = 0_u32;
    for window in gaps.chunks(WINDOW).filter(|w| w.len() > 1) {
        let sum: f64 = window.iter().map(|g| f64::from(g.max(1e-3))).sum();
        logs += window.iter().map(|g| (f64::from(g.max(1e-3)) / sum).ln()).sum::<f64>();
        if let Some(count) = windows.get_mut(window.len()) {
            *count += 1.0;
        }
    }
    for pair in gaps.windows(2) {
        if let [a, b] = pair
            && (a - b).abs() < 0.02 * a.max(*b)
        {
            equal += 1;
        }
    }
    if gaps.len() < LEAST {
        return None;
    }
    let likelihood = |at: usize, k: f64| {
        let mut sum = (k - 1.0) * logs;
        for (count, norm) in windows.iter().zip(NORMS.get(at).into_iter().flatten()) {
            sum += count * norm;
        }
        sum
    };
    let mut luck = LUCK;
    luck.iter_mut().enumerate().for_each(|(at, k)| *k = likelihood(SHAPES.len() + at, *k));
    let luck = ln_sum(&luck) - (LUCK.len() as f64).ln();
    let total: f64 = MASSES.iter().sum();
    let mut other = SHAPES;
    for (at, (k, mass)) in other.iter_mut().zip(MASSES).enumerate() {
        *k = likelihood(at, *k) + (mass / total).ln();
    }
    // A timer among other things: a gap like the one before in a third of all cases, where luck gives one in a hundred.
    let (same, pairs) = (f64::from(equal), (gaps.len() - 1) as f64);
    let timer = luck + same * (0.33_f64 / 0.01).ln() + (pairs - same) * (0.67_f64 / 0.99).ln();
    let against = ln_sum(&[ln_sum(&other), timer]) - 2.0_f64.ln();
    let sum: f32 = gaps.iter().sum();
    Some(Arrivals {
        gaps: gaps.len() as u32,
        mean: sum / gaps.len() as f32,
        weight: ((luck - against) * LOG10_E) as f32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between 0 and 1 by the golden ratio: spread evenly, in no order.
    fn even(count: usize) -> impl Iterator<Item = f32> {
        (1..=count).map(|n| (n as f32 * 0.618_034).fract())
    }

    fn weight(gaps: &[f32]) -> f32 {
        judge(gaps).map_or(0.0, |a| a.weight)
    }

    /// By luck, `mean` seconds apart.
    fn luck(mean: f32, count: usize) -> Vec<f32> {
        // Two sequences, so that neighbours have nothing to do with each other.
        let other = (1..=count).map(|n| ((n * n) as f32 * 0.414_213_5).fract());
        even(count).zip(other).map(|(a, b)| -mean * (1.0 - (a + b).fract()).ln()).collect()
    }

    #[test]
    fn luck_is_known_through_changes_of_difficulty() {
        assert!(weight(&luck(10.0, 72)) > 0.8, "{}", weight(&luck(10.0, 72)));
        let steps: Vec<f32> = [3.0, 40.0, 12.0].into_iter().flat_map(|mean| luck(mean, 24)).collect();
        assert!(weight(&steps) > 0.6, "{}", weight(&steps));
    }

    #[test]
    fn timers_polling_and_people_are_not_lucky() {
        let timer: Vec<f32> = even(48).map(|u| 30.0 + 0.1 * u).collect();
        let polling: Vec<f32> = even(48).map(|u| 20.0 + 20.0 * u).collect();
        // Quick, quick, quick, and then long nothing.
        let people: Vec<f32> = even(48).enumerate().map(|(n, u)| if n % 5 == 4 { 60.0 } else { 0.3 + u }).collect();
        for gaps in [timer, polling, people] {
            assert!(weight(&gaps) < -1.0, "{} for {gaps:?}", weight(&gaps));
        }
    }

    #[test]
    fn few_gaps_say_nothing() {
        assert_eq!(judge(&luck(10.0, 5)), None);
        assert_eq!(judge(&[]), None);
    }
}

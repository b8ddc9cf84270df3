//! Betting against chance: evidence that may be looked at as often as one likes.
//!
//! Each trial (a block, an unforeseen push) either hits or does not, and chance hits with at most `p`. We stake on
//! hits as if mining hit a share `q` of them: capital is multiplied by `q / p` on a hit and by `(1 - q) / (1 - p)` on a
//! miss. If chance rules, capital is not expected to grow, so the chance that it *ever* reaches `1 / a` is at most
//! `a` (Ville's inequality), whenever and however often one looks. A mixture of such bets with shares that sum to one
//! is such a bet again: that is how searches pay.
//!
//! All capital is kept as decimal logarithm.

/// Chance is never taken to be less: no push train is known that well.
pub const FLOOR: f32 = 0.01;

/// What a hit wins and a miss loses if mining hits a share `q` of all trials and chance at most `p` of them. Where that
/// is nearly the same, a trial is no use, won or lost.
pub fn stakes(q: f32, p: f32) -> (f32, f32) {
    if p.is_nan() || p >= 0.75 * q {
        return (0.0, 0.0);
    }
    let p = p.max(FLOOR);
    ((q / p).log10(), ((1.0 - q) / (1.0 - p)).log10())
}

/// Capital of several bets held together: log10 of the sum of `10^x`.
pub fn sum(logs: impl IntoIterator<Item = f32> + Clone) -> f32 {
    let most = logs.clone().into_iter().fold(f32::NEG_INFINITY, f32::max);
    if !most.is_finite() {
        return most;
    }
    most + logs.into_iter().map(|x| 10f32.powf(x - most)).sum::<f32>().log10()
}

/// Capital that was ever reached, which is what may be quoted.
#[derive(Clone, Copy, Debug)]
pub struct Peak(f32);

impl Default for Peak {
    fn default() -> Self {
        Self(0.0)
    }
}

impl Peak {
    /// Capital is now this much.
    pub fn see(&mut self, log: f32) {
        self.0 = self.0.max(log);
    }

    /// Bound on the probability that chance alone got that far, as log10; never above zero.
    pub fn bound(self) -> f32 {
        -self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The one property that everything rests on: a fair or unfavourable game wins nothing on average.
        #[test]
        fn chance_wins_nothing(q in 0.3f32..0.95, p in 0.0f32..1.0, truth in 0.0f32..1.0) {
            prop_assume!(truth <= p);
            let (hit, miss) = stakes(q, p);
            let expected = truth * 10f32.powf(hit) + (1.0 - truth) * 10f32.powf(miss);
            prop_assert!(expected <= 1.0 + 1e-4, "{expected}");
        }

        #[test]
        fn a_sum_is_at_least_its_largest_part(logs in proptest::collection::vec(-30f32..30.0, 1..60)) {
            let s = sum(logs.iter().copied());
            let most = logs.iter().copied().fold(f32::MIN, f32::max);
            prop_assert!(s >= most - 1e-4 && s <= most + (logs.len() as f32).log10() + 1e-4);
        }
    }

    #[test]
    fn what_is_no_number_stakes_nothing() {
        assert_eq!(stakes(0.8, f32::NAN), (0.0, 0.0));
        assert_eq!(stakes(0.8, f32::INFINITY), (0.0, 0.0));
        assert!(stakes(0.8, -1.0).0.is_finite());
    }
}

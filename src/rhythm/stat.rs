//! The little mathematics that the witnesses share. Natural logarithms unless a name says otherwise.

/// Natural to decimal.
pub(super) const LOG10_E: f64 = std::f64::consts::LOG10_E;

/// Logarithm of the gamma function for `x > 0` (Stirling's series after shifting the argument up; error < 1e-8).
pub(super) fn ln_gamma(x: f64) -> f64 {
    let mut x = x.max(1e-9);
    let mut shift = 0.0;
    while x < 8.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inv = 1.0 / x;
    let inv2 = inv * inv;
    let series = inv * (1.0 / 12.0 - inv2 * (1.0 / 360.0 - inv2 * (1.0 / 1260.0 - inv2 / 1680.0)));
    (x - 0.5) * x.ln() - x + 0.918_938_533_204_672_8 + series - shift
}

/// Logarithm of a sum of exponentials.
pub(super) fn ln_sum(terms: &[f64]) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return top;
    }
    top + terms.iter().map(|t| (t - top).exp()).sum::<f64>().ln()
}

/// A straight line from (x0, y0) to (x1, y1), flat outside.
pub(super) fn ramp(x: f32, (x0, y0): (f32, f32), (x1, y1): (f32, f32)) -> f32 {
    y0 + (y1 - y0) * ((x - x0) / (x1 - x0)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_is_the_factorial() {
        for (x, want) in
            [(1.0, 1.0_f64), (2.0, 1.0), (5.0, 24.0), (10.0, 362_880.0), (0.5, std::f64::consts::PI.sqrt())]
        {
            assert!((ln_gamma(x) - want.ln()).abs() < 1e-8, "{x}");
        }
    }

    #[test]
    fn a_sum_of_exponentials_does_not_overflow() {
        assert!((ln_sum(&[1000.0, 1000.0]) - 1000.0 - 2.0_f64.ln()).abs() < 1e-9);
        assert!(ln_sum(&[]).is_infinite());
    }
}

//! Difficulties and targets to work, work to hashrate.
//!
//! In: what a pool says in its jobs (little-endian CryptoNote targets, 256-bit targets in hexadecimal or decimal,
//! difficulties in each dialect's own measure) and how many shares it accepted. Out: expected hashes per share, and a
//! hashrate with its 95 % interval.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

/// 2^32, the hashes behind Bitcoin's difficulty 1.
const TWO_32: f64 = 4_294_967_296.0;
/// 2^64.
const TWO_64: f64 = TWO_32 * TWO_32;
/// 2^256. A double holds it exactly.
const TWO_256: f64 = TWO_64 * TWO_64 * TWO_64 * TWO_64;

/// What one unit of a dialect's difficulty stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// Hashes: CryptoNote and DERO difficulties.
    Hashes,
    /// 2^32 hashes: SHA-256d and most Bitcoin-like pools, EthereumStratum/1.0.0, Kaspa bridges.
    Bitcoin,
    /// 2^16 hashes: the convention of scrypt, `NeoScrypt` and `GhostRider` pools.
    Scrypt,
    /// 2^13 solutions: Equihash pools that set a difficulty against the limit `0007ffff…`.
    Equihash,
    /// 2^34 hashes: Alephium, 16 chains of 2^30.
    Alephium,
}

impl Measure {
    /// Expected hashes (solutions for Equihash) to find a share of this difficulty; `None` for what is no difficulty.
    pub fn work(self, difficulty: f64) -> Option<f64> {
        let unit = match self {
            Self::Hashes => 1.0,
            Self::Bitcoin => TWO_32,
            Self::Scrypt => 65_536.0,
            Self::Equihash => 8_192.0,
            Self::Alephium => 4.0 * TWO_32,
        };
        sane(difficulty * unit)
    }
}

/// Expected hashes per share of a CryptoNote job `target`: 8 or 16 hexadecimal digits, least significant byte first
/// (`xmrig/xmrig` Job.cpp). `b88d0600` is a difficulty of about 10,000.
pub fn cryptonote_target(hex: &str) -> Option<f64> {
    let value = u64::from_str_radix(digits(hex)?, 16).ok()?;
    match hex.len() {
        8 => sane(TWO_32 / f64::from((value as u32).swap_bytes())),
        16 => sane(TWO_64 / value.swap_bytes() as f64),
        _ => None,
    }
}

/// As [`cryptonote_target`], most significant byte first: the `rx/yada` algorithm.
pub fn cryptonote_target_big_endian(hex: &str) -> Option<f64> {
    let value = u64::from_str_radix(digits(hex)?, 16).ok()?;
    match hex.len() {
        8 => sane(TWO_32 / value as f64),
        16 => sane(TWO_64 / value as f64),
        _ => None,
    }
}

/// Expected hashes per share of a 256-bit target: up to 64 hexadecimal digits, most significant first, with or
/// without `0x`. Used by EthProxy, KawPow, Conflux (boundary) and, as solutions, Equihash `mining.set_target`.
pub fn target_256(hex: &str) -> Option<f64> {
    let hex = digits(hex.strip_prefix("0x").or_else(|| hex.strip_prefix("0X")).unwrap_or(hex))?;
    if hex.len() > 64 {
        return None;
    }
    let significant = hex.trim_start_matches('0');
    let head = significant.get(..significant.len().min(16))?;
    let shift = 4 * (significant.len() - head.len());
    let value = u64::from_str_radix(head, 16).ok()? as f64 * f64::powi(2.0, i32::try_from(shift).ok()?);
    sane(TWO_256 / value)
}

/// Expected hashes per share of a target written in decimal, as Ergo's `mining.notify` does (about 70 digits).
pub fn target_decimal(text: &str) -> Option<f64> {
    if text.is_empty() || text.len() > 78 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    sane(TWO_256 / text.parse::<f64>().ok()?).filter(|w| *w >= 1.0)
}

fn digits(hex: &str) -> Option<&str> {
    (!hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit())).then_some(hex)
}

/// Work that a share may have: some, and no more than a 256-bit target can ask for.
fn sane(work: f64) -> Option<f64> {
    (work > 0.0 && work <= TWO_256).then_some(work)
}

/// A hashrate in hashes (or solutions) per second with its 95 % interval.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Estimate {
    /// Lower end of the interval.
    pub low: f64,
    /// Work done per second.
    pub estimate: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The hashrate behind `shares` accepted shares whose expected work sums up to `work`, found in `time`.
///
/// Shares arrive as a Poisson process, so the estimate is `work / time` and its interval is that of a Poisson mean
/// after `n = shares` events, scaled: `low = estimate · L(n)/n`, `high = estimate · U(n)/n`, where `L` solves
/// `P(X ≥ n | L) = 0.025` and `U` solves `P(X ≤ n | U) = 0.025` (Garwood 1936). One share thus means a factor of 40
/// down and 5.6 up; 100 shares about ±20 %. Shares of unequal work make the true interval somewhat wider.
///
/// `None` without a share, work or time.
pub fn hashrate(shares: u64, work: f64, time: Duration) -> Option<Estimate> {
    let seconds = time.as_secs_f64();
    if shares == 0 || seconds <= 0.0 || !work.is_finite() || work <= 0.0 {
        return None;
    }
    let estimate = work / seconds;
    let n = shares as f64;
    let (low, high) = interval(shares);
    Some(Estimate { low: estimate * low / n, estimate, high: estimate * high / n })
}

/// [`poisson_interval`], worked out once for the small numbers that most flows have.
fn interval(n: u64) -> (f64, f64) {
    static KNOWN: [OnceLock<(f64, f64)>; 101] = [const { OnceLock::new() }; 101];
    match KNOWN.get(n as usize) {
        Some(known) => *known.get_or_init(|| poisson_interval(n)),
        None => poisson_interval(n),
    }
}

/// The 95 % interval of a Poisson mean after `n ≥ 1` events: exact up to 100, beyond by Wilson and Hilferty's
/// approximation of the chi-square quantile, which is then within 0.01 %.
fn poisson_interval(n: u64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let x = n as f64;
    if n <= 100 {
        let high_end = x + 10.0 + 4.0 * x.sqrt();
        return (
            bisect(high_end, |mean| at_most(n - 1, mean) > 0.975),
            bisect(high_end, |mean| at_most(n, mean) > 0.025),
        );
    }
    let quantile = |k: f64, z: f64| k * (1.0 - 1.0 / (9.0 * k) + z / (3.0 * k.sqrt())).powi(3);
    (quantile(x, -Z), quantile(x + 1.0, Z))
}

/// Where `holds` stops to hold between 0 and `end`; it holds at 0 and is monotone.
fn bisect(end: f64, holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, end);
    for _ in 0..48 {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// `P(X ≤ n)` for a Poisson variable.
fn at_most(n: u64, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut sum = term;
    for k in 1..=n {
        term *= mean / k as f64;
        sum += term;
    }
    sum
}

/// What a rate counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Unit {
    /// Hashes, `H/s`.
    #[default]
    Hashes,
    /// Solutions of Equihash, `Sol/s`.
    Solutions,
}

/// A rate for people: three significant digits and a decimal prefix, as `12.3 kH/s`.
#[derive(Clone, Copy, Debug)]
pub struct Rate(pub f64, pub Unit);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PREFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
        let mut value = self.0.max(0.0);
        let mut prefixes = PREFIXES.iter();
        let mut prefix = prefixes.next().copied().unwrap_or_default();
        // 999.5 would print as 1000.
        while value >= 999.5 {
            let Some(next) = prefixes.next() else { break };
            value /= 1000.0;
            prefix = next;
        }
        let decimals = if value >= 99.95 {
            0
        } else if value >= 9.995 {
            1
        } else {
            2
        };
        let unit = match self.1 {
            Unit::Hashes => "H/s",
            Unit::Solutions => "Sol/s",
        };
        write!(f, "{value:.decimals$} {prefix}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(got: Option<f64>, want: f64) {
        let got = got.unwrap();
        assert!((got / want - 1.0).abs() < 1e-6, "{got} is not {want}");
    }

    #[test]
    fn cryptonote_targets_are_little_endian() {
        near(cryptonote_target("b88d0600"), 10_000.016_987);
        near(cryptonote_target("ffffffff"), 1.0);
        near(cryptonote_target("e4a63d00"), 4_294_967_296.0 / 4_040_420.0);
        near(cryptonote_target("B88D0600"), 10_000.016_987);
        near(cryptonote_target("00000000b88d0600"), 10_000.016_987);
        near(cryptonote_target("0100000000000000"), 18_446_744_073_709_551_616.0);
        near(cryptonote_target_big_endian("00068db8"), 10_000.016_987);
        for bad in
            ["", "b88d06", "b88d060", "b88d06000", "00000000", "0000000000000000", "zzzzzzzz", "+88d0600", "0x8d0600"]
        {
            assert_eq!(cryptonote_target(bad), None, "{bad}");
        }
    }

    #[test]
    fn targets_of_256_bits_are_big_endian() {
        near(target_256("00000000ffff0000000000000000000000000000000000000000000000000000"), 4_295_032_833.0);
        near(target_256("0x0000000112e0be826d694b2e62d01511f12a6061fbaec8bc02357593e70e52ba"), 4e9);
        near(target_256("0007fff800000000000000000000000000000000000000000000000000000000"), 8192.125);
        near(target_256("1"), TWO_256);
        near(target_256(&"f".repeat(64)), 1.0);
        for bad in ["", "0x", "0", "xyz", &"0".repeat(64), &"f".repeat(65), "0x0x1", "+1"] {
            assert_eq!(target_256(bad), None, "{bad}");
        }
    }

    #[test]
    fn ergo_targets_are_decimal() {
        near(target_decimal("28948022309329048855892746252171976963209391069768726095651290785379540373584"), 4.0);
        near(target_decimal("1"), TWO_256);
        for bad in ["", "0", "-1", "1.5", "1e5", &"9".repeat(78), &"1".repeat(79)] {
            assert_eq!(target_decimal(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_measure_has_its_unit() {
        near(Measure::Bitcoin.work(8192.0), 8192.0 * TWO_32);
        near(Measure::Bitcoin.work(0.5), TWO_32 / 2.0);
        near(Measure::Scrypt.work(2.0), 131_072.0);
        near(Measure::Equihash.work(1.0), 8192.0);
        near(Measure::Alephium.work(1.0), 17_179_869_184.0);
        near(Measure::Hashes.work(10_000.0), 10_000.0);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Measure::Bitcoin.work(bad), None);
        }
    }

    #[test]
    fn interval_is_that_of_published_tables() {
        for (n, low, high) in [
            (1, 0.0253, 5.572),
            (2, 0.2422, 7.225),
            (3, 0.6187, 8.767),
            (5, 1.623, 11.67),
            (10, 4.795, 18.39),
            (20, 12.22, 30.89),
            (50, 37.11, 65.92),
            (100, 81.36, 121.63),
            (1000, 938.97, 1063.94),
        ] {
            let (l, h) = poisson_interval(n);
            assert!((l / low - 1.0).abs() < 2e-3 && (h / high - 1.0).abs() < 1e-3, "{n}: {l} {h}");
        }
        let (exact, approximate) = (poisson_interval(100), poisson_interval(101));
        assert!(approximate.0 - exact.0 > 0.5 && approximate.0 - exact.0 < 1.5);
        assert!(approximate.1 - exact.1 > 0.5 && approximate.1 - exact.1 < 1.5);
    }

    #[test]
    fn hashrate_of_a_cpu_miner() {
        let e = hashrate(10, 10.0 * 120_000.0, Duration::from_mins(10)).unwrap();
        near(Some(e.estimate), 2000.0);
        assert!((e.low - 959.0).abs() < 1.0 && (e.high - 3678.0).abs() < 1.0, "{e:?}");
        assert_eq!(hashrate(0, 1.0, Duration::from_secs(1)), None);
        assert_eq!(hashrate(1, 1.0, Duration::ZERO), None);
        assert_eq!(hashrate(1, f64::NAN, Duration::from_secs(1)), None);
    }

    #[test]
    fn rates_are_readable() {
        for (rate, text) in [
            (0.0, "0.00 H/s"),
            (0.05, "0.05 H/s"),
            (7.0, "7.00 H/s"),
            (12_345.0, "12.3 kH/s"),
            (999.4, "999 H/s"),
            (999.6, "1.00 kH/s"),
            (9_995_000.0, "10.0 MH/s"),
            (99_960.0, "100 kH/s"),
            (234e12, "234 TH/s"),
            (1.5e18, "1.50 EH/s"),
            (2.5e22, "25000 EH/s"),
        ] {
            assert_eq!(Rate(rate, Unit::Hashes).to_string(), text);
        }
        assert_eq!(Rate(45.6, Unit::Solutions).to_string(), "45.6 Sol/s");
    }

    proptest! {
        #[test]
        fn any_text_is_no_panic_and_work_is_finite(text: String) {
            for f in [cryptonote_target, cryptonote_target_big_endian, target_256, target_decimal] {
                prop_assert!(f(&text).is_none_or(|w| w.is_finite() && w > 0.0));
            }
        }

        #[test]
        fn smaller_targets_are_more_work(a in 1u64.., b in 1u64..) {
            let (a, b) = (a.min(b), a.max(b));
            let work = |t: u64| target_256(&format!("{t:064x}")).unwrap();
            prop_assert!(work(a) >= work(b));
            let work = |t: u64| cryptonote_target(&format!("{:016x}", t.swap_bytes())).unwrap();
            prop_assert!(work(a) >= work(b));
        }

        #[test]
        fn interval_holds_the_estimate_and_narrows(n in 1u64..100_000, work in 1.0f64..1e20, seconds in 1u64..10_000_000) {
            let e = hashrate(n, work, Duration::from_secs(seconds)).unwrap();
            prop_assert!(e.low < e.estimate && e.estimate < e.high);
            let more = hashrate(n + 1, work, Duration::from_secs(seconds)).unwrap();
            prop_assert!(more.high / more.low < e.high / e.low);
        }
    }
}

//! A small random generator that never changes.
//!
//! In: a seed. Out: the same numbers on every machine, for ever, which is what makes the captures reproducible. The
//! algorithm is `SplitMix64` (Steele, Lea, Flood 2014); a crate's generator may change its output between versions.

/// `SplitMix64` with the few draws that the captures need.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// From a number.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From a name: FNV-1a of its bytes.
    pub fn named(name: &str) -> Self {
        let hash =
            name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        Self(hash)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `low..high`. The bias of the modulo is of no account here.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.bits() % (high - low).max(1)
    }

    /// Uniform in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// An exponential waiting time with this mean: the arrivals of shares and blocks.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * ln(1.0 - self.unit())
    }

    /// `n` random bytes.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| (self.bits() >> 56) as u8).collect()
    }

    /// `n` random bytes as `2n` lower-case hex digits.
    pub fn hex(&mut self, n: usize) -> String {
        hex(&self.bytes(n))
    }

    /// An independent generator for a part, so that a change in one part leaves the others as they were.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.bits())
    }
}

/// Natural logarithm by series, because the last bit of a platform's `ln` is not the same everywhere.
fn ln(x: f64) -> f64 {
    let bits = x.max(f64::MIN_POSITIVE).to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as f64 - 1023.0;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let (mut sum, mut power) = (0.0, t);
    for k in 0..24 {
        sum += power / f64::from(2 * k + 1);
        power *= square;
    }
    exponent * std::f64::consts::LN_2 + 2.0 * sum
}

/// Lower-case hex of bytes.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)] as char, DIGITS[usize::from(b & 15)] as char]).collect()
}

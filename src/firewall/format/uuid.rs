//! UUIDs of version 5 (RFC 9562 §5.5): the same name, the same number, on any machine and day.

use sha1::{Digest, Sha1};

/// What our numbers are made in: a number that was drawn once.
const SPACE: [u8; 16] =
    [0x6f, 0x1c, 0x9d, 0x52, 0x0b, 0x7e, 0x4a, 0x35, 0x9e, 0x43, 0xd8, 0x27, 0xc5, 0x60, 0xf1, 0x8b];

/// The number of `name`.
pub(super) fn v5(name: &str) -> String {
    v5_in(&SPACE, name)
}

fn v5_in(space: &[u8; 16], name: &str) -> String {
    let digest = Sha1::new().chain_update(space).chain_update(name.as_bytes()).finalize();
    let bytes: [u8; 20] = digest.into();
    let mut n = 0u128;
    for b in bytes.iter().take(16) {
        n = n << 8 | u128::from(*b);
    }
    // Version 5, variant 10.
    let n = n & !(0xf << 76) & !(0b11 << 62) | 5 << 76 | 0b10 << 62;
    let hex = format!("{n:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9562 appendix A.4.
    #[test]
    fn the_example_of_the_standard() {
        let dns = 0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8_u128.to_be_bytes();
        assert_eq!(v5_in(&dns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }
}

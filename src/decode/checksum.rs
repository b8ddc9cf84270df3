//! The internet checksum (RFC 1071), in wide steps: the sum is the same in any word size and byte order.
//!
//! In: bytes. Out: partial sums that add up, and whether a whole one holds.

/// The sum of the bytes as 32-bit words of the machine's order, the last one zero-padded. Each addend is below 2^32,
/// so a captured frame cannot overflow it.
pub(super) fn sum(data: &[u8]) -> u64 {
    let (words, rest) = data.as_chunks::<4>();
    let mut total: u64 = words.iter().map(|w| u64::from(u32::from_ne_bytes(*w))).sum();
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    total += u64::from(u32::from_ne_bytes(last));
    total
}

/// A number as it stands in a pseudo-header.
pub(super) fn number(n: u32) -> u64 {
    u64::from(u32::from_ne_bytes(n.to_be_bytes()))
}

/// Whether data that includes its checksum sums to all ones.
pub(super) fn holds(mut total: u64) -> bool {
    while total > 0xffff {
        total = (total >> 16) + (total & 0xffff);
    }
    total == 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_example_of_rfc_1071() {
        // 00 01 f2 03 f4 f5 f6 f7 sum to ddf2, so their checksum is 220d.
        let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert!(holds(sum(&data) + sum(&[0x22, 0x0d])));
        assert!(!holds(sum(&data) + sum(&[0x22, 0x0e])));
    }

    #[test]
    fn an_odd_tail_is_padded_with_zero() {
        assert_eq!(sum(&[1, 2, 3, 4, 5]), sum(&[1, 2, 3, 4]) + sum(&[5, 0, 0, 0]));
    }
}

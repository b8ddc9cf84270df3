//! TCP sequence arithmetic modulo 2^32 (RFC 9293 section 3.4).

/// How far a segment may lie ahead of or behind the next expected byte and still be believed, in bytes. Larger than
/// the windows of ordinary hosts, and 1/2048 of the sequence space each way, so that a blind forgery rarely fits.
pub(super) const PLAUSIBLE: i32 = 1 << 20;

/// Signed distance from `b` to `a`: positive when `a` is later.
pub(super) const fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

/// Whether `a` is within [`PLAUSIBLE`] of `b`, before or after.
pub(super) const fn near(a: u32, b: u32) -> bool {
    let d = distance(a, b);
    d <= PLAUSIBLE && d >= -PLAUSIBLE
}

/// Whether `a` is `b` or at most [`PLAUSIBLE`] later.
pub(super) const fn at_or_soon_after(a: u32, b: u32) -> bool {
    let d = distance(a, b);
    d >= 0 && d <= PLAUSIBLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_crosses_zero() {
        assert_eq!(distance(5, u32::MAX - 4), 10);
        assert_eq!(distance(u32::MAX - 4, 5), -10);
        assert!(near(5, u32::MAX) && near(u32::MAX, 5));
        assert!(!near(0, 1 << 31));
        assert!(at_or_soon_after(7, 7) && !at_or_soon_after(6, 7));
    }
}

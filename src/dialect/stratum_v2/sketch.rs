//! How random bytes look, without keeping them.

/// Bytes seen, as far as they tell whether they are random.
#[derive(Clone, Copy, Default)]
pub(super) struct Sketch {
    values: [u64; 4],
    printable: u32,
    len: u32,
}

pub(super) const fn printable(b: u8) -> bool {
    matches!(b, 0x20..=0x7e | b'\t' | b'\r' | b'\n')
}

impl Sketch {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        // More than this tells nothing new.
        let room = 512_usize.saturating_sub(self.len as usize);
        for &b in bytes.iter().take(room) {
            if let Some(word) = self.values.get_mut(usize::from(b >> 6)) {
                *word |= 1 << (b & 63);
            }
            self.printable += u32::from(printable(b));
            self.len += 1;
        }
    }

    /// Within six and a half standard deviations of uniform bytes in the number of different values, and in that of
    /// printable ones. One handshake in ten thousand million would be missed.
    pub(super) fn is_random(&self) -> bool {
        let n = f64::from(self.len);
        let unseen = (-n / 256.0).exp();
        let spread = (256.0 * unseen * (1.0 - (1.0 + n / 256.0) * unseen)).max(0.25).sqrt();
        let values: u32 = self.values.iter().map(|w| w.count_ones()).sum();
        let share = 98.0 / 256.0;
        let text = n * share + 6.5 * (n * share * (1.0 - share)).sqrt();
        f64::from(values) >= 256.0 * (1.0 - unseen) - 6.5 * spread - 1.0 && f64::from(self.printable) <= text + 1.0
    }
}

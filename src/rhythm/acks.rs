//! Acknowledgements of packets inside a tunnel, which would pass for messages.

use super::{Message, Way};

/// Small messages of one size both ways: what acknowledges packets inside a tunnel that carries each by itself, and
/// says nothing itself.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Acks {
    up: u16,
    down: u16,
    /// Theirs, zero where there are none.
    pub size: u16,
    /// Size and how often it was seen up and down.
    sizes: [(u8, u16, u16); 4],
}

impl Acks {
    /// No acknowledgement in a tunnel is larger: 52 bytes of IPv4 and TCP with a time stamp, filled up to 64, in
    /// `WireGuard`'s 32; a little more in others'.
    const LARGEST: u32 = 116;
    /// Smaller ones are pings of some protocol, and no tunnel is around.
    const SMALLEST: u32 = 64;

    /// Counts a message, and tells whether it is an acknowledgement.
    pub(super) fn is_one(&mut self, m: Message) -> bool {
        if self.up.max(self.down) >= 2000 {
            (self.up, self.down) = (self.up / 2, self.down / 2);
            self.sizes.iter_mut().for_each(|s| (s.1, s.2) = (s.1 / 2, s.2 / 2));
        }
        let (ups, downs) = if m.way == Way::Up { (1, 0) } else { (0, 1) };
        self.up += ups;
        self.down += downs;
        if m.size > Self::LARGEST {
            return false;
        }
        let size = m.size as u8;
        // The rarest gives way to a new one.
        let found = self.sizes.iter().position(|s| s.0 == size);
        let rarest = self.sizes.iter().enumerate().min_by_key(|(_, s)| s.1 + s.2).map(|(at, _)| at);
        let Some(slot) = found.or(rarest).and_then(|at| self.sizes.get_mut(at)) else { return false };
        if slot.0 != size {
            *slot = (size, 0, 0);
        }
        slot.1 += ups;
        slot.2 += downs;
        // One in six messages of either way, and eight of each.
        let is_one = slot.1 >= 8 && slot.2 >= 8 && slot.1 * 6 >= self.up && slot.2 * 6 >= self.down;
        if is_one && m.size >= Self::SMALLEST {
            self.size = m.size as u16;
        }
        is_one
    }
}

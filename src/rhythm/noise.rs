//! Stratum V2 over Noise: frames are not padded, so their sizes give them away.
//!
//! Handshake: 64 bytes up (act 1), 234 down (64 + 80 + 90, act 2). Then a frame is 6 bytes of header and 16 of its
//! tag, and the payload with another 16 (Stratum V2 specification, "Protocol Security" and "Mining Protocol").

use super::{Message, Way};

/// A share on a standard channel: 24 bytes of payload.
const SUBMIT_STANDARD: u32 = 62;
/// A share on an extended channel ends in an extranonce of up to 32 bytes.
const SUBMIT_EXTENDED: std::ops::RangeInclusive<u32> = 63..=95;
/// `SubmitShares.Success`: 20 bytes of payload.
const SUCCESS: u32 = 58;
/// `NewMiningJob` with and without a time, `SetNewPrevHash`, `SetTarget`, and the job with its block in one push.
const DOWN: [u32; 8] = [58, 74, 83, 87, 86, 83 + 86, 87 + 86, 58 * 2];

/// Counts of fitting sizes.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Noise {
    messages: u16,
    up: u16,
    up_fits: u16,
    down: u16,
    down_fits: u16,
    /// Shares acknowledged, jobs: both kinds must be there.
    success: u16,
    jobs: u16,
    /// Acts of the handshake seen in their place.
    acts: u8,
    /// Size of a share on an extended channel; zero before the first.
    extended: u8,
}

/// What the sizes say.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Sizes {
    pub fitting: u32,
    pub messages: u32,
    pub weight: f32,
}

impl Noise {
    pub(super) fn message(&mut self, m: Message) {
        if self.messages > 4000 {
            // What is old weighs less: a flow that changes is seen to.
            for count in [
                &mut self.messages,
                &mut self.up,
                &mut self.up_fits,
                &mut self.down,
                &mut self.down_fits,
                &mut self.success,
                &mut self.jobs,
            ] {
                *count /= 2;
            }
        }
        self.messages += 1;
        match (self.messages, m.way, m.size) {
            (1, Way::Up, 64) => self.acts = 1,
            (2, Way::Down, 234) if self.acts == 1 => self.acts = 2,
            _ => {}
        }
        match m.way {
            Way::Up => {
                self.up += 1;
                let extended = self.extended != 0 && m.size == u32::from(self.extended);
                if SUBMIT_EXTENDED.contains(&m.size) && self.extended == 0 {
                    self.extended = m.size as u8;
                }
                self.up_fits += u16::from(m.size == SUBMIT_STANDARD || extended);
            }
            Way::Down => {
                self.down += 1;
                self.down_fits += u16::from(DOWN.contains(&m.size));
                self.success += u16::from(m.size == SUCCESS);
                self.jobs += u16::from(m.size > 80 && DOWN.contains(&m.size));
            }
        }
    }

    /// A size that fits by chance is one in twenty or so among small messages, but sizes of a benign flow come again:
    /// so each *kind* of frame counts once, and the handshake once. 62 up, 58 down and 83/87/86 down are three
    /// independent coincidences of about 1/25 each (share of small-message benign flows that have a dominant size
    /// within a band of that width); the handshake's pair, 64 and then 234 as the very first
    /// messages, is one in 10,000 at least, of which 2.5 are taken.
    pub(super) fn judge(&self) -> Option<Sizes> {
        let handshake = self.acts == 2;
        let most = |fits: u16, of: u16| fits >= 3 && u32::from(fits) * 10 >= u32::from(of) * 7;
        let ups = most(self.up_fits, self.up.saturating_sub(3));
        let downs = most(self.down_fits, self.down.saturating_sub(3));
        if !(downs && (ups || (handshake && self.jobs >= 3))) || self.jobs < 2 {
            return None;
        }
        let mut weight = 1.0;
        weight += if ups && self.success >= 2 { 1.4 } else { 0.0 };
        weight += if handshake { 2.5 } else { 0.0 };
        Some(Sizes {
            fitting: u32::from(self.up_fits) + u32::from(self.down_fits),
            messages: u32::from(self.up) + u32::from(self.down),
            weight,
        })
    }
}

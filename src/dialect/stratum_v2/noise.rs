//! Stratum V2 under `Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256`, as far as the first frame: only sizes are to be
//! seen.
//!
//! In: bytes of both directions. Out: evidence by the handshake (64 bytes, then 234 or 170) and the connection request
//! that must follow it; what comes then is read by `sizes`. Turns count, not segments: a turn is what one side says until
//! the other speaks, since the handshake and the opening of a connection are strictly question and answer.

use super::super::{Conversation, Probe, Role, Start};
use super::sizes::Sizes;
use super::sketch::{Sketch, printable};
use crate::evidence::Stamp;
use crate::flow::Direction;

/// Act 1: the initiator's ElligatorSwift-encoded key.
const ACT_1: u32 = 64;
/// Act 2 as `noise_sv2` sends it: 64 of key, 80 of static key, 90 of certificate.
const ACT_2: u32 = 234;
/// Act 2 in the text of the specification until August 2026: the keys of an older encoding of 32 bytes, with which act 1
/// had 32 as well (sv2-spec issue 215). Behind 64 bytes no implementation sends it, so it convicts nobody.
const ACT_2_OLD: u32 = 170;
/// `SetupConnection` with all strings empty, and with two of its five as long as they can be; seen are 60 to 130.
const SETUP: std::ops::RangeInclusive<u32> = 54..=564;
/// `SetupConnection.Success`.
const SETUP_SUCCESS: u32 = 44;

/// Whether a flow may begin so: whoever connected sends a key, of which the first segment is a part.
pub(super) fn starts(start: Start<'_>) -> bool {
    // Text is never this long in random bytes (0.37 to the power of 24).
    let text = start.bytes.len() >= 24 && start.bytes.iter().all(|b| printable(*b));
    start.opener != Some(false) && !start.mid_stream && start.bytes.len() <= ACT_1 as usize && !text
}

/// What the turn at hand is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Act1,
    Act2,
    Setup,
    SetupAnswer,
}

/// The session.
#[derive(Default)]
pub(super) struct Noise {
    phase: Phase,
    client: Option<Direction>,
    speaker: Option<Role>,
    len: u32,
    sketch: Sketch,
    act_2: u16,
    setup: (u16, Stamp),
    open: Option<Box<Sizes>>,
}

impl Noise {
    pub(super) fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        let role = if *self.client.get_or_insert(from) == from { Role::Miner } else { Role::Pool };
        if self.open.is_none() && self.speaker.is_some_and(|s| s != role) && !self.turn_is_over(role, at, c) {
            return Probe::NotForUs;
        }
        if let Some(open) = &mut self.open {
            open.data(role, bytes, at, c);
            return Probe::Certain(role);
        }
        self.speaker = Some(role);
        self.len = self.len.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.sketch.push(bytes);
        let most = match self.phase {
            Phase::Act1 => ACT_1,
            Phase::Act2 => ACT_2,
            Phase::Setup => {
                if self.setup.0 == 0 {
                    self.setup.1 = at;
                }
                self.setup.0 = u16::try_from(self.len).unwrap_or(u16::MAX);
                *SETUP.end()
            }
            Phase::SetupAnswer => SETUP_SUCCESS,
        };
        if self.len > most { Probe::NotForUs } else { Probe::Unsure(role, 1) }
    }

    pub(super) fn gap(&mut self, from: Direction, _missing: u64) -> Probe {
        let role = if self.client == Some(from) { Role::Miner } else { Role::Pool };
        let Some(open) = &mut self.open else { return Probe::NotForUs };
        open.gap(role);
        Probe::Certain(role)
    }

    pub(super) fn end(&mut self, from: Direction, at: Stamp, c: &mut Conversation) {
        let role = if self.client == Some(from) { Role::Miner } else { Role::Pool };
        if let Some(open) = &mut self.open {
            open.tell_apart(role, at, c);
        }
    }

    /// The other side begins to speak; whether the turn had the size that it must have.
    fn turn_is_over(&mut self, next: Role, at: Stamp, c: &mut Conversation) -> bool {
        if !self.sketch.is_random() {
            return false;
        }
        self.phase = match self.phase {
            Phase::Act1 if self.len == ACT_1 => Phase::Act2,
            Phase::Act2 if self.len == ACT_2 || self.len == ACT_2_OLD => {
                self.act_2 = self.len as u16;
                Phase::Setup
            }
            Phase::Setup if SETUP.contains(&self.len) => Phase::SetupAnswer,
            Phase::SetupAnswer if self.len == SETUP_SUCCESS && next == Role::Miner => {
                let (act_2, (setup, when)) = (self.act_2, self.setup);
                c.spoke(when);
                c.asked(
                    when,
                    &format!(
                        "64 random bytes, was answered with {act_2}, and sent a Stratum V2 connection request by its size \
                         ({setup}), answered with exactly {SETUP_SUCCESS}"
                    ),
                );
                c.spoke(at);
                self.open = Some(Box::new(Sizes::new(u32::from(act_2) == ACT_2)));
                return true;
            }
            _ => return false,
        };
        self.len = 0;
        self.sketch = Sketch::default();
        true
    }
}

//! Stratum V2 under `Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256`: only sizes are to be seen.
//!
//! In: bytes of both directions. Out: evidence by the handshake (64 bytes, then 234 or 170), the frames that must follow
//! it, and counts of what is unambiguous. Turns count, not segments: a turn is what one side says until the other
//! speaks, since the handshake and the opening of a connection are strictly question and answer.
//!
//! A frame is 22 bytes of header and payload with 16 of tag (sv2-spec 04.6.1): 38 more than its message.

use std::time::Duration;

use super::super::frames::Ends;
use super::super::{Conversation, Probe, Role, Start};
use crate::evidence::Stamp;
use crate::flow::Direction;

/// Act 1: the initiator's ElligatorSwift-encoded key.
const ACT_1: usize = 64;
/// Act 2 as `noise_sv2` sends it: 64 of key, 80 of static key, 90 of certificate.
const ACT_2: usize = 234;
/// Act 2 in the prose of older specifications. UNVERIFIED on the wire.
const ACT_2_OLD: usize = 170;
/// `SetupConnection` with all strings empty, and with two of its five as long as they can be; seen are 60 to 130.
const SETUP: std::ops::RangeInclusive<usize> = 54..=564;
/// `SetupConnection.Success`.
const SETUP_SUCCESS: usize = 44;
/// The smallest request to open a channel (no user identity), and room for eight of the largest.
const OPEN: std::ops::RangeInclusive<u64> = 79..=8 * 336;
/// Smallest answer with work: a channel, a job and a previous hash, at least 83 + 83 + 86.
const OPENED: u64 = 252;
/// `SubmitSharesStandard`.
const SHARE: u64 = 62;
/// `SubmitSharesExtended` with 0 to 32 bytes of extranonce.
const SHARE_EXTENDED: std::ops::RangeInclusive<u64> = 63..=95;
/// `UpdateChannel`.
const UPDATE_CHANNEL: u64 = 78;
/// `SubmitShares.Success`. The error `stale-share` has the same size: a stale share counts as accepted.
const SHARES_SUCCESS: u64 = 58;
/// `SubmitShares.Error` with the error codes of the specification (13 to 26 letters).
const SHARES_ERROR: std::ops::RangeInclusive<u64> = 59..=73;
/// `NewMiningJob`, for the next block and for this one.
const JOBS: [u64; 2] = [83, 87];
/// `SetNewPrevHash` and `SetTarget`.
const PREV_HASH: u64 = 86;
const SET_TARGET: u64 = 74;
/// Anything of this size holds a `NewExtendedMiningJob`.
const EXTENDED_JOB: u64 = 150;
/// Silence that ends a message when its sender goes on speaking.
const PAUSE: Duration = Duration::from_millis(500);
/// Bytes of one direction that could not be told apart, before they are let go.
const UNTOLD: u64 = 8 * 1024;
/// Shares waiting for an answer, remembered.
const OUTSTANDING: u64 = 4096;

/// Whether a flow may begin so: whoever connected sends a key, of which the first segment is a part.
pub(super) fn starts(start: Start<'_>) -> bool {
    // Text is never this long in random bytes (0.37 to the power of 24).
    let text = start.bytes.len() >= 24 && start.bytes.iter().all(|b| printable(*b));
    start.opener != Some(false) && !start.mid_stream && start.bytes.len() <= ACT_1 && !text
}

const fn printable(b: u8) -> bool {
    matches!(b, 0x20..=0x7e | b'\t' | b'\r' | b'\n')
}

/// How random bytes look.
#[derive(Clone, Copy, Default)]
struct Sketch {
    values: [u64; 4],
    printable: u32,
    len: u32,
}

impl Sketch {
    fn push(&mut self, bytes: &[u8]) {
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
    fn is_random(&self) -> bool {
        let n = f64::from(self.len);
        let unseen = (-n / 256.0).exp();
        let spread = (256.0 * unseen * (1.0 - (1.0 + n / 256.0) * unseen)).max(0.25).sqrt();
        let values: u32 = self.values.iter().map(|w| w.count_ones()).sum();
        let share = 98.0 / 256.0;
        let text = n * share + 6.5 * (n * share * (1.0 - share)).sqrt();
        f64::from(values) >= 256.0 * (1.0 - unseen) - 6.5 * spread - 1.0 && f64::from(self.printable) <= text + 1.0
    }
}

/// What the turn at hand is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Act1,
    Act2,
    Setup,
    SetupAnswer,
    Connected,
}

/// Bytes of one direction after the opening.
#[derive(Clone, Copy, Default)]
struct Flow {
    /// Not told apart yet.
    rest: u64,
    /// A part of it is missing.
    torn: bool,
    last: Option<Stamp>,
}

/// The session.
#[derive(Default)]
pub(super) struct Noise {
    phase: Phase,
    client: Option<Direction>,
    speaker: Option<Role>,
    len: usize,
    sketch: Sketch,
    act_2: usize,
    setup: (usize, Stamp),
    answer: Stamp,
    flows: Ends<Flow>,
    /// A channel was asked for, and this much came since.
    opening: Option<u64>,
    mining: bool,
    /// The rest of the first answer is that job's still.
    first_answer: bool,
    /// Size of this connection's shares; a candidate and how often it was seen.
    share: Option<u64>,
    candidate: (u64, u64),
    outstanding: u64,
}

impl Noise {
    pub(super) fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        let role = if *self.client.get_or_insert(from) == from { Role::Miner } else { Role::Pool };
        if self.phase == Phase::Connected {
            self.connected(role, bytes.len() as u64, at, c);
            return Probe::Certain(role);
        }
        if self.speaker.is_some_and(|s| s != role) {
            if !self.turn_is_over(role, at, c) {
                return Probe::NotForUs;
            }
            if self.phase == Phase::Connected {
                self.connected(role, bytes.len() as u64, at, c);
                return Probe::Certain(role);
            }
        }
        self.speaker = Some(role);
        self.len = self.len.saturating_add(bytes.len());
        self.sketch.push(bytes);
        let most = match self.phase {
            Phase::Act1 => ACT_1,
            Phase::Act2 => ACT_2,
            Phase::Setup => {
                if self.setup.0 == 0 {
                    self.setup.1 = at;
                }
                self.setup.0 = self.len;
                *SETUP.end()
            }
            Phase::SetupAnswer => {
                self.answer = at;
                SETUP_SUCCESS
            }
            Phase::Connected => usize::MAX,
        };
        if self.len > most { Probe::NotForUs } else { Probe::Unsure(role, 1) }
    }

    pub(super) fn gap(&mut self, from: Direction, _missing: u64) -> Probe {
        if self.phase != Phase::Connected {
            return Probe::NotForUs;
        }
        // What is left of the turn has any size.
        let role = if self.client == Some(from) { Role::Miner } else { Role::Pool };
        let flow = self.flows.get_mut(role);
        (flow.rest, flow.torn) = (0, true);
        Probe::Certain(role)
    }

    pub(super) fn end(&mut self, from: Direction, at: Stamp, c: &mut Conversation) {
        let role = if self.client == Some(from) { Role::Miner } else { Role::Pool };
        self.tell_apart(role, at, c);
    }

    /// The other side begins to speak; whether the turn had the size that it must have.
    fn turn_is_over(&mut self, next: Role, at: Stamp, c: &mut Conversation) -> bool {
        let random = self.sketch.is_random();
        let phase = match self.phase {
            Phase::Act1 if self.len == ACT_1 => Phase::Act2,
            Phase::Act2 if self.len == ACT_2 || self.len == ACT_2_OLD => {
                self.act_2 = self.len;
                Phase::Setup
            }
            Phase::Setup if SETUP.contains(&self.len) => Phase::SetupAnswer,
            Phase::SetupAnswer if self.len == SETUP_SUCCESS && next == Role::Miner => Phase::Connected,
            _ => return false,
        };
        if !random {
            return false;
        }
        self.phase = phase;
        self.len = 0;
        self.sketch = Sketch::default();
        if phase == Phase::Connected {
            let (setup, when) = self.setup;
            c.spoke(when);
            c.asked(when, &format!("64 random bytes and, answered, a Stratum V2 connection request ({setup} bytes)"));
            let act_2 = self.act_2;
            c.replied(self.answer, &format!("answered with {act_2} random bytes and a frame of exactly 44"));
            c.spoke(at);
        }
        true
    }

    /// Bytes of an open connection.
    fn connected(&mut self, role: Role, len: u64, at: Stamp, c: &mut Conversation) {
        c.spoke(at);
        let paused = self.flows.get(role).last.is_some_and(|l| at.time.since(l.time) >= PAUSE);
        if self.speaker != Some(role) {
            self.tell_apart(role.other(), at, c);
            self.speaker = Some(role);
        } else if paused && self.mining {
            self.tell_apart(role, at, c);
        }
        let flow = self.flows.get_mut(role);
        flow.rest = flow.rest.saturating_add(len);
        flow.last = Some(at);
        if flow.rest > UNTOLD && role == Role::Miner {
            flow.rest = 0;
        }
        if role == Role::Pool
            && let Some(came) = &mut self.opening
        {
            *came = came.saturating_add(len);
            if *came >= OPENED && !self.mining {
                (self.mining, self.first_answer) = (true, true);
                c.job(at, None, None, "a job by the size of its frames, after a channel was opened");
            }
        }
    }

    /// Tells the frames in what a side said apart, as far as only one reading is possible.
    fn tell_apart(&mut self, role: Role, now: Stamp, c: &mut Conversation) {
        let Flow { rest, last, torn } = *self.flows.get(role);
        let at = last.unwrap_or(now);
        if rest == 0 {
            return;
        }
        if torn {
            let flow = self.flows.get_mut(role);
            (flow.rest, flow.torn) = (0, false);
            return;
        }
        let told = match role {
            Role::Miner if !self.mining => {
                // What is no request to open a channel is one for extensions, or of another of the protocols.
                if OPEN.contains(&rest) {
                    self.opening = Some(0);
                }
                true
            }
            Role::Miner => self.requests(rest, at, c),
            Role::Pool if std::mem::take(&mut self.first_answer) => true,
            Role::Pool => self.pushes(rest, at, c),
        };
        let flow = self.flows.get_mut(role);
        if told || flow.rest > UNTOLD {
            flow.rest = 0;
        }
    }

    /// Frames of the miner; whether all of them are known now.
    fn requests(&mut self, rest: u64, at: Stamp, c: &mut Conversation) -> bool {
        let shares = match self.share {
            Some(size) => (0..=2).find_map(|updates| {
                let shares = rest.checked_sub(updates * UPDATE_CHANNEL)?;
                (shares % size == 0).then_some(shares / size)
            }),
            // Below the smallest request for a channel nothing else has these sizes.
            None if rest == SHARE || (SHARE_EXTENDED.contains(&rest) && rest < UPDATE_CHANNEL) => {
                self.share = Some(rest);
                Some(1)
            }
            None if SHARE_EXTENDED.contains(&rest) => {
                let (size, times) = self.candidate;
                self.candidate = if size == rest { (rest, times + 1) } else { (rest, 1) };
                if self.candidate.1 == 3 {
                    self.share = Some(rest);
                    Some(3)
                } else {
                    Some(0)
                }
            }
            None => None,
        };
        for _ in 0..shares.unwrap_or(0) {
            c.submitted(at, None);
        }
        self.outstanding = self.outstanding.saturating_add(shares.unwrap_or(0)).min(OUTSTANDING);
        shares.is_some()
    }

    /// Frames of the pool; whether all of them are known now.
    fn pushes(&mut self, rest: u64, at: Stamp, c: &mut Conversation) -> bool {
        let answers = rest / SHARES_SUCCESS;
        if self.outstanding > 0 && rest.is_multiple_of(SHARES_SUCCESS) && (1..=self.outstanding).contains(&answers) {
            // An answer is for all shares up to it.
            for _ in 0..self.outstanding {
                c.accepted(at, 0.0);
            }
            self.outstanding = 0;
            return true;
        }
        if self.outstanding > 0 && SHARES_ERROR.contains(&rest) {
            c.rejected(at, "a frame of the size of an error");
            self.outstanding -= 1;
            return true;
        }
        if !self.mining {
            return true;
        }
        // An answer to a share that was not seen must not become a part of what comes next.
        if rest < EXTENDED_JOB && rest.is_multiple_of(SHARES_SUCCESS) {
            return true;
        }
        let job = JOBS.iter().any(|j| [0, PREV_HASH, SET_TARGET].iter().any(|more| rest == j + more));
        if job || rest >= EXTENDED_JOB {
            c.job(at, None, None, "a job by the size of its frame");
            return true;
        }
        rest == PREV_HASH || rest == SET_TARGET
    }
}

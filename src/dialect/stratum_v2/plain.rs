//! Stratum V2 in the clear: 6-byte headers, messages as the specification has them.
//!
//! In: bytes of both directions. Out: facts and evidence. Not used on the Internet, but between the parts of a mining
//! farm, and inside tunnels.

use std::collections::VecDeque;

use super::super::frames::{Cut, Ends, Frames, View, u16_at, u24_at, u32_at};
use super::super::{Conversation, Probe, Role, Start};
use crate::evidence::Stamp;
use crate::flow::Direction;
use crate::text::printable;

/// Header of a frame: extension (u16, its top bit for messages of a channel), type, length (u24).
const HEADER: usize = 6;
/// Bytes kept of a frame. Jobs with long coinbases are longer; what is needed of them comes first.
const KEPT: usize = 2048;
/// The longest payload taken for one: the longest in mining are jobs of some kilobytes.
const LONGEST: u32 = 256 * 1024;
/// Shares waiting for an answer.
const OUTSTANDING: usize = 1024;
/// Top bit of the extension.
const CHANNEL: u16 = 0x8000;

/// Whether a flow may begin so.
pub(super) fn starts(start: Start<'_>) -> bool {
    let first = View { bytes: start.bytes, seen: 0, count: 0 };
    if start.mid_stream {
        return start.bytes.len() >= HEADER && matches!(cut(first, true), Cut::Frame(_));
    }
    let setup = start.bytes.iter().zip([0, 0, 0]).all(|(a, b)| *a == b);
    start.opener != Some(false) && setup && cut(first, false) != Cut::Bad
}

/// Smallest and largest payload of a message type, and whether it belongs to a channel.
fn known(kind: u8) -> Option<(u32, u32, bool)> {
    Some(match kind {
        0x00 => (16, 1291, false),
        0x01 => (6, 6, false),
        0x02 => (5, 260, false),
        0x03 => (4, 4, true),
        0x04 => (3, 258, false),
        0x10 => (41, 296, false),
        0x11 => (45, 77, false),
        0x12 => (5, 260, false),
        0x13 => (43, 298, false),
        0x14 => (47, 79, false),
        0x15 => (45, 49, true),
        0x16 => (40, 40, true),
        0x17 | 0x18 => (5, 260, true),
        0x19 => (5, 37, true),
        0x1a => (24, 24, true),
        0x1b => (25, 57, true),
        0x1c => (20, 20, true),
        0x1d => (9, 264, true),
        0x1f => (19, LONGEST, true),
        0x20 => (48, 48, true),
        0x21 => (36, 36, true),
        0x22..=0x24 => (5, LONGEST, false),
        0x25 => (6, LONGEST, false),
        // Job declaration and template distribution.
        0x50..=0x60 | 0x70..=0x76 => (1, LONGEST, false),
        _ => return None,
    })
}

fn cut(v: View<'_>, middle: bool) -> Cut {
    let (Some(extension), Some(&kind), Some(len)) = (u16_at(v.bytes, 0), v.bytes.get(2), u24_at(v.bytes, 3)) else {
        return Cut::More;
    };
    let Some((least, most, channel)) = known(kind) else { return Cut::Bad };
    // Implementations disagree about the bit of some types: their own extension is what matters.
    let plausible = extension & !CHANNEL == 0 && (channel || extension == 0 || kind >= 0x10);
    let first = v.count > 0 || middle || kind == 0 || kind == 1 || kind == 2;
    if plausible && first && (least..=most).contains(&len) { Cut::Frame(HEADER + len as usize) } else { Cut::Bad }
}

/// A string with a byte of length, and what is behind it.
fn string(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*len))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// `SetupConnection`: protocol, versions, flags, host, port, vendor, hardware, firmware, device.
fn setup(payload: &[u8]) -> Option<(u8, String)> {
    let protocol = *payload.first().filter(|p| **p <= 2)?;
    let (low, high) = (u16_at(payload, 1)?, u16_at(payload, 3)?);
    let (_host, rest) = string(payload.get(9..)?)?;
    let (vendor, rest) = string(rest.get(2..)?)?;
    let (hardware, rest) = string(rest)?;
    let (firmware, rest) = string(rest)?;
    let (_device, rest) = string(rest)?;
    let fits = rest.is_empty() && (2..=16).contains(&low) && (low..=16).contains(&high);
    let agent = [vendor, hardware, firmware].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" ");
    fits.then_some((protocol, agent))
}

/// Expected hashes per share of a 32-byte target, least significant byte first.
fn work(target: &[u8]) -> Option<f64> {
    let value = target.get(..32)?.iter().rev().fold(0.0, |n, b| n * 256.0 + f64::from(*b));
    (value > 0.0).then(|| f64::powi(2.0, 256) / value)
}

/// The session.
pub(super) struct Plain {
    ends: Ends<Option<Frames>>,
    /// Direction in which the miner sends.
    miner: Option<Direction>,
    state: Reading,
}

#[derive(Default)]
struct Reading {
    certain: bool,
    /// Frames of a flow picked up in the middle.
    in_a_row: u8,
    outstanding: VecDeque<f64>,
}

impl Default for Plain {
    fn default() -> Self {
        Self { ends: Ends { miner: None, pool: None }, miner: None, state: Reading::default() }
    }
}

impl Plain {
    pub(super) fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        // Who opens sends SetupConnection; in the middle of a stream the types tell.
        let kind = bytes.get(2).copied().filter(|_| bytes.len() >= HEADER);
        let pool = kind.is_some_and(|k| matches!(k, 0x01 | 0x02 | 0x11 | 0x12 | 0x14 | 0x15 | 0x1c..=0x21));
        let miner = *self.miner.get_or_insert(if pool { from.reverse() } else { from });
        let role = if miner == from { Role::Miner } else { Role::Pool };
        let middle = kind.is_some_and(|k| k > 2);
        let Self { ends, state, .. } = self;
        let frames = ends.get_mut(role).get_or_insert_with(|| Frames::new(KEPT));
        let open = state.certain || middle || state.in_a_row > 0;
        frames.feed(bytes, |v| cut(v, open), |frame, _| state.frame(role, frame, at, c));
        let bad = frames.is_bad();
        if state.certain {
            Probe::Certain(role)
        } else if bad {
            Probe::NotForUs
        } else {
            Probe::Unsure(role, 1)
        }
    }

    pub(super) fn gap(&mut self, from: Direction, _missing: u64) -> Probe {
        let role = if self.miner == Some(from) { Role::Miner } else { Role::Pool };
        if let Some(frames) = self.ends.get_mut(role) {
            frames.give_up();
        }
        if self.state.certain { Probe::Certain(role) } else { Probe::NotForUs }
    }
}

impl Reading {
    fn frame(&mut self, role: Role, frame: &[u8], at: Stamp, c: &mut Conversation) {
        let (Some(&kind), Some(p)) = (frame.get(2), frame.get(HEADER..)) else { return };
        if !self.certain {
            match kind {
                0x00 if setup(p).is_some() => self.certain = true,
                0x00 => return,
                _ => {
                    // One header may be chance: 6 bytes of which 5 are given; two are none.
                    self.in_a_row = self.in_a_row.saturating_add(1);
                    self.certain = self.in_a_row >= 2;
                }
            }
        }
        c.spoke(at);
        match role {
            Role::Miner => self.miner(kind, p, at, c),
            Role::Pool => self.pool(kind, p, at, c),
        }
    }

    fn miner(&mut self, kind: u8, p: &[u8], at: Stamp, c: &mut Conversation) {
        match kind {
            0x00 => {
                if let Some((protocol, agent)) = setup(p) {
                    let what = ["mining", "job declaration", "template distribution"];
                    let what = what.get(usize::from(protocol)).copied().unwrap_or("mining");
                    c.asked(at, &format!("a Stratum V2 SetupConnection for {what}"));
                    c.agent(at, &agent);
                }
            }
            0x10 | 0x13 => {
                c.asked(at, "a Stratum V2 request for a channel");
                if let Some((user, rest)) = p.get(4..).and_then(string) {
                    c.login(at, user);
                    let rate = rest.first_chunk().map(|b| f64::from(f32::from_le_bytes(*b)));
                    c.reported_hashrate = rate.filter(|r| r.is_finite() && *r > 0.0).or(c.reported_hashrate);
                }
            }
            0x1a | 0x1b => {
                c.asked(at, "a Stratum V2 share");
                let job = u32_at(p, 8).map(|id| id.to_string());
                let work = c.submitted(at, job.as_deref());
                if self.outstanding.len() >= OUTSTANDING {
                    self.outstanding.pop_front();
                }
                self.outstanding.push_back(work);
            }
            _ => {}
        }
    }

    fn pool(&mut self, kind: u8, p: &[u8], at: Stamp, c: &mut Conversation) {
        match kind {
            0x01 => c.replied(at, "accepted the Stratum V2 connection"),
            0x02 | 0x12 => {
                let reason = p.get(4..).and_then(string).map_or("", |(s, _)| s);
                c.replied(at, &format!("refused the request ({})", printable(reason, 80)));
            }
            0x11 | 0x14 => {
                c.replied(at, "opened a Stratum V2 channel");
                Self::target(p.get(8..), at, c);
            }
            0x21 => Self::target(p.get(4..), at, c),
            0x15 | 0x1f => {
                c.replied(at, "pushed a Stratum V2 job");
                let job = u32_at(p, 4).map(|id| id.to_string());
                c.job(at, job.as_deref(), None, "a Stratum V2 job");
            }
            0x1c => {
                // The count is of new shares; the peer's number is not trusted beyond what was sent.
                let count = u32_at(p, 8).unwrap_or(0) as usize;
                for _ in 0..count.min(self.outstanding.len()) {
                    c.accepted(at, self.outstanding.pop_front().unwrap_or(0.0));
                }
            }
            0x1d => {
                let reason = p.get(8..).and_then(string).map_or("", |(s, _)| s);
                match self.outstanding.pop_front() {
                    Some(_) => c.rejected(at, printable(reason, 80).as_ref()),
                    None => c.replied(at, "refused a Stratum V2 share"),
                }
            }
            _ => {}
        }
    }

    fn target(bytes: Option<&[u8]>, at: Stamp, c: &mut Conversation) {
        if let Some(work) = bytes.and_then(work) {
            c.difficulty(at, work / 4_294_967_296.0, work);
        }
    }
}

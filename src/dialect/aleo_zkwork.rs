//! Aleo as zk.work's own programs speak it: length-prefixed binary messages.
//!
//! Source of the protocol facts: `zkwork_aleo_protocol`'s `src/message/poolmessage.rs`. In: bytes of both directions. Out:
//! facts and evidence. Little-endian length (u32, at most 512), type, body. From the miner: 128 connect, 129 submit, 130
//! disconnect, 131 ping; from the pool: 0 acknowledge, 1 job, 2 shut down, 3 pong. Shares are not answered.

use super::frames::{Cut, Ends, Frames, View, u32_at, u64_at};
use super::{Conversation, Probe, Role, Start, StreamDialect, StreamSession};
use crate::evidence::Stamp;
use crate::flow::Direction;
use crate::wallet::Coin;

/// Longest message, without its length.
const LONGEST: u32 = 512;

/// The dialect.
pub(super) struct AleoZkWork;

impl StreamDialect for AleoZkWork {
    fn id(&self) -> &'static str {
        "aleo-zkwork"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Aleo]
    }

    fn starts(&self, start: Start<'_>) -> bool {
        start.opener != Some(false)
            && !start.mid_stream
            && cut(View { bytes: start.bytes, seen: 0, count: 0 }, Role::Miner) != Cut::Bad
    }

    fn open(&self) -> Box<dyn StreamSession> {
        Box::new(State::default())
    }
}

fn cut(v: View<'_>, role: Role) -> Cut {
    let length = match (u32_at(v.bytes, 0), v.bytes) {
        (Some(n), _) => n,
        // The upper bytes are zero: more is not needed to send most others away.
        (None, [_, b, ..]) if *b > 2 => return Cut::Bad,
        (None, [_, _, c, ..]) if *c > 0 => return Cut::Bad,
        (None, _) => return Cut::More,
    };
    let Some(kind) = v.bytes.get(4) else {
        return if (1..=LONGEST).contains(&length) { Cut::More } else { Cut::Bad };
    };
    let fits = match (role, kind) {
        // Two types, version, a name with its length, an address.
        (Role::Miner, 128) => v.count == 0 && (10..=LONGEST).contains(&length),
        (Role::Miner, 129) => v.count > 0 && (20..=LONGEST).contains(&length),
        (Role::Miner, 130) => v.count > 0 && length == 5,
        (Role::Miner, 131) => v.count > 0 && length == 1,
        (Role::Pool, 0) => (34..=LONGEST).contains(&length),
        (Role::Pool, 1) => length == 49,
        (Role::Pool, 2 | 3) => length == 1,
        _ => false,
    };
    if fits { Cut::Frame(4 + length as usize) } else { Cut::Bad }
}

/// `Connect`: worker type, address type, version, name, address.
fn connect(body: &[u8]) -> Option<(&str, &str, [u8; 3])> {
    let version = [*body.get(2)?, *body.get(3)?, *body.get(4)?];
    let name = usize::from(*body.get(5)?);
    let (name, address) = std::str::from_utf8(body.get(6..)?).ok()?.split_at_checked(name)?;
    let graphic = |s: &str| s.bytes().all(|b| b.is_ascii_graphic());
    (graphic(name) && graphic(address) && address.len() >= 4).then_some((name, address, version))
}

struct State {
    ends: Ends<Frames>,
    miner: Option<Direction>,
    certain: bool,
    foreign: bool,
}

impl Default for State {
    fn default() -> Self {
        let frames = || Frames::new(4 + LONGEST as usize);
        Self { ends: Ends { miner: frames(), pool: frames() }, miner: None, certain: false, foreign: false }
    }
}

impl StreamSession for State {
    fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        let role = if *self.miner.get_or_insert(from) == from { Role::Miner } else { Role::Pool };
        let Self { ends, certain, foreign, .. } = self;
        let frames = ends.get_mut(role);
        c.spoke(at);
        frames.feed(
            bytes,
            |v| cut(v, role),
            |frame, _| {
                let body = frame.get(5..).unwrap_or_default();
                match frame.get(4) {
                    Some(128) => match connect(body) {
                        Some((name, address, [major, minor, patch])) => {
                            *certain = true;
                            c.asked(
                                at,
                                &format!("an Aleo connect of zk.work's program, version {major}.{minor}.{patch}"),
                            );
                            c.login(at, address);
                            c.worker(name);
                        }
                        None => *foreign = true,
                    },
                    Some(129) => {
                        let job = u64_at(body, 4).map(|id| id.to_string());
                        c.asked(at, "an Aleo solution");
                        c.submitted(at, job.as_deref());
                    }
                    Some(130 | 131) => c.asked(at, "an Aleo ping"),
                    Some(0) if body.first() == Some(&1) => c.replied(at, "acknowledged the connect"),
                    Some(0) => c.replied(at, "refused the connect"),
                    Some(1) => {
                        let job = u64_at(body, 0).map(|id| id.to_string());
                        c.replied(at, "pushed an Aleo job");
                        c.job(at, job.as_deref(), None, "an Aleo job");
                    }
                    _ => c.replied(at, "answered in the protocol"),
                }
            },
        );
        let bad = frames.is_bad();
        match (self.certain, self.foreign || bad) {
            (true, _) => Probe::Certain(role),
            (false, true) => Probe::NotForUs,
            (false, false) => Probe::Unsure(role, 1),
        }
    }

    fn gap(&mut self, from: Direction, _missing: u64) -> Probe {
        let role = if self.miner == Some(from) { Role::Miner } else { Role::Pool };
        self.ends.get_mut(role).give_up();
        if self.certain { Probe::Certain(role) } else { Probe::NotForUs }
    }
}

#[cfg(test)]
mod tests;

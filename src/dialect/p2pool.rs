//! The side chain of Monero's p2pool: binary messages between peers that all mine.
//!
//! Source of the protocol facts: p2pool `src/p2p_server.h` and `p2p_server.cpp`. In: bytes of both directions. Out:
//! facts and evidence. Both ends send `HANDSHAKE_CHALLENGE` at once and answer the other's with `HANDSHAKE_SOLUTION`; who
//! connected owes a proof of work in its solution, which is checked here.
//!
//! Both ends run a pool node, and mine or serve miners. One of them has to be called the miner: it is who opened the
//! connection, and where that was not seen, who speaks first in the capture. Levels: `probable` for the handshake of
//! both, `confirmed` when the peer sends side-chain blocks, `suspected` when only one end was captured.

use super::frames::{Cut, Ends, Frames, View, u32_at, u64_at};
use super::{Category, Conversation, Probe, Role, Start, StreamDialect, StreamSession};
use crate::evidence::Stamp;
use crate::flow::Direction;
use crate::wallet::Coin;

/// Longest message: a block of 128 KiB with its header.
const LONGEST: u32 = 128 * 1024;
/// Bytes kept of a message.
const KEPT: usize = 64;
/// Difficulty of the proof of work.
const DIFFICULTY: u64 = 10_000;
/// Messages of one end that make up for the other one not being there.
const ENOUGH: u64 = 4;

/// The dialect.
pub(super) struct P2Pool;

impl StreamDialect for P2Pool {
    fn id(&self) -> &'static str {
        "p2pool"
    }

    fn category(&self) -> Category {
        Category::PeerToPeer
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Xmr]
    }

    fn starts(&self, start: Start<'_>) -> bool {
        // The challenge, and nothing behind it until the other's has come; a retransmission may join the solution.
        let joined = start.bytes.get(17).is_none_or(|id| *id == 1);
        !start.mid_stream && start.bytes.first() == Some(&0) && start.bytes.len() <= 17 + 41 + 5 + 33 && joined
    }

    fn open(&self) -> Box<dyn StreamSession> {
        Box::new(State::default())
    }

    fn open_at(&self, start: Start<'_>) -> Box<dyn StreamSession> {
        Box::new(State {
            answers: start.opener == Some(false),
            opener_seen: start.opener.is_some(),
            ..State::default()
        })
    }
}

fn cut(v: View<'_>) -> Cut {
    let Some(&id) = v.bytes.first() else { return Cut::More };
    match (v.count, id) {
        (0, 0) => Cut::Frame(17),
        (1, 1) => Cut::Frame(41),
        (0 | 1, _) => Cut::Bad,
        (_, 2) => match u32_at(v.bytes, 1) {
            Some(port) if (1..=65_535).contains(&port) => Cut::Frame(5),
            Some(_) => Cut::Bad,
            None => Cut::More,
        },
        // Of 10 and 11 the form is UNVERIFIED.
        (_, 4 | 5 | 8 | 10 | 11) => match u32_at(v.bytes, 1) {
            Some(len) if len <= LONGEST => Cut::Frame(5 + len as usize),
            Some(_) => Cut::Bad,
            None => Cut::More,
        },
        (_, 3 | 9) => Cut::Frame(33),
        (_, 6) => Cut::Frame(1),
        (_, 7) => match v.bytes.get(1) {
            Some(&peers) if peers <= 16 => Cut::Frame(2 + usize::from(peers) * 19),
            Some(_) => Cut::Bad,
            None => Cut::More,
        },
        _ => Cut::Bad,
    }
}

/// Whether a solution's hash is small enough (its top 64 bits times the difficulty do not overflow).
fn has_work(solution: &[u8]) -> bool {
    u64_at(solution, 25).is_some_and(|top| top.checked_mul(DIFFICULTY).is_some())
}

struct Peer {
    frames: Frames,
    solved: bool,
    work: bool,
    /// What it asked the other to solve: drawn at random by each.
    challenge: Vec<u8>,
}

impl Default for Peer {
    fn default() -> Self {
        Self { frames: Frames::new(KEPT), solved: false, work: false, challenge: Vec::new() }
    }
}

#[derive(Default)]
struct State {
    peers: Ends<Peer>,
    miner: Option<Direction>,
    /// The first who speaks is the one who was called.
    answers: bool,
    opener_seen: bool,
    certain: bool,
}

impl StreamSession for State {
    fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        let miner = *self.miner.get_or_insert(if self.answers { from.reverse() } else { from });
        let role = if miner == from { Role::Miner } else { Role::Pool };
        let Peer { frames, solved, work, challenge } = self.peers.get_mut(role);
        c.spoke(at);
        frames.feed(bytes, cut, |frame, number| match (number, frame.first()) {
            (0, _) => *challenge = frame.to_vec(),
            (1, _) => {
                (*solved, *work) = (true, has_work(frame));
                match role {
                    Role::Miner => c.asked(at, "a p2pool handshake: challenge and solution"),
                    Role::Pool => c.replied(at, "answered with a p2pool handshake of its own"),
                }
            }
            (2.., Some(4 | 5 | 8)) if role == Role::Pool && u32_at(frame, 1).is_some_and(|len| len > 100) => {
                c.job(at, None, None, "a block of the p2pool side chain");
            }
            _ => {}
        });
        if self.certain {
            return Probe::Certain(role);
        }
        let (m, p) = (&self.peers.miner, &self.peers.pool);
        let echoed = !m.challenge.is_empty() && m.challenge == p.challenge;
        if m.frames.is_bad() || p.frames.is_bad() || echoed {
            return Probe::NotForUs;
        }
        let paid = m.work || (!self.opener_seen && p.work);
        let both = m.solved && p.solved;
        let alone = |peer: &Peer, least: u64| peer.solved && peer.frames.count() >= least;
        self.certain = both && paid
            || (m.work && alone(m, ENOUGH - 1))
            || (!self.opener_seen && alone(m, ENOUGH))
            || alone(p, ENOUGH);
        if self.certain {
            Probe::Certain(role)
        } else if both && self.opener_seen {
            // Who connected owes the work.
            Probe::NotForUs
        } else {
            Probe::Unsure(role, 1)
        }
    }

    fn gap(&mut self, from: Direction, _missing: u64) -> Probe {
        let role = if self.miner == Some(from) { Role::Miner } else { Role::Pool };
        self.peers.get_mut(role).frames.give_up();
        if self.certain { Probe::Certain(role) } else { Probe::NotForUs }
    }
}

#[cfg(test)]
mod tests;

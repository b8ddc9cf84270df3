//! Flows without readable payload: what sizes, directions and times alone say of mining.
//!
//! In: the application messages of one long-lived, slow flow ([`Message`]), in packet time. Out: [`Beat`]s for the
//! detectors that look at several flows, and on request a [`Reading`]: witnesses, each a likelihood ratio with the
//! sentence that a person can check, their fused score, the standing it allows, and which coins fit.
//!
//! Nothing is trained. A witness that cannot judge says nothing and weighs nothing.

mod acks;
mod alive;
mod blocks;
pub mod fusion;
mod kinds;
mod mingle;
mod noise;
mod record;
mod ring;
mod shape;
mod shares;
mod stat;
mod testimony;
#[cfg(test)]
mod tests;
mod timer;
mod witness;

pub use blocks::usual_interval;
pub use fusion::{Standing, fuse};
pub use witness::{Coin, CoinFit, Coins, Fact, Witness, WitnessKind, Witnesses};

use crate::time::PacketTime;
use noise::Noise;
use record::Record;

/// Nothing is said of flows younger than this, seconds.
const YOUNGEST: u64 = 60;

/// Which way a message went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Way {
    /// Towards the presumed pool.
    Up,
    /// From the presumed pool.
    Down,
}

/// One application message: a TLS record (its length field), a datagram's payload, or a run of segments that the
/// sender pushed at once. Retransmissions and empty acknowledgements are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// When its first byte was seen.
    pub at: PacketTime,
    /// Which way it went.
    pub way: Way,
    /// Bytes. What framing adds (TLS: 22 or 29) may be in or not, so long as it is the same in one flow.
    pub size: u32,
}

/// What one message of a flow looks like to detectors of several flows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beat {
    /// When.
    pub at: PacketTime,
    /// As what.
    pub kind: BeatKind,
}

/// See [`Beat`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BeatKind {
    /// An unsolicited message from the pool's side, of a size that comes again: like a job.
    Push {
        /// Bytes.
        size: u32,
    },
    /// A request of a size that comes again: like a share.
    Share {
        /// Bytes.
        size: u32,
    },
    /// A job-like push well before the job timer was due: like a new block.
    Block {
        /// Bytes.
        size: u32,
    },
}

/// What the witnesses say of a flow, together.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Those that could judge, each for itself.
    pub witnesses: Witnesses,
    /// Decimal logarithm of the posterior odds against the prior ones, after the caps.
    pub score: f32,
    /// What that allows to be said.
    pub level: Standing,
    /// Which coins fit the block clock; empty where there is none.
    pub coins: Coins,
}

/// All that is kept of one long-lived flow: at most 2 KiB, no heap.
#[derive(Clone, Debug)]
pub struct Rhythm {
    first: PacketTime,
    record: Record,
    noise: Noise,
    messages: u32,
    judged: u32,
    standing: Standing,
}

/// The promise of the flow table's budget.
const _: () = assert!(size_of::<Rhythm>() <= 2048);

impl Rhythm {
    /// For a flow whose first message is at `first`; may be in the middle of its life.
    pub fn new(first: PacketTime) -> Self {
        Self {
            first,
            record: Record::new(),
            noise: Noise::default(),
            messages: 0,
            judged: 0,
            standing: Standing::Silent,
        }
    }

    /// Takes a message; tells what detectors of several flows want to know.
    pub fn message(&mut self, m: Message) -> Option<Beat> {
        self.messages = self.messages.saturating_add(1);
        self.noise.message(m);
        self.record.message(self.millis(m.at), m)
    }

    /// Since the first message; wraps after 49 days, which differences do not mind.
    fn millis(&self, at: PacketTime) -> u32 {
        at.since(self.first).as_millis() as u32
    }

    /// True when enough came in since the last [`judge`](Self::judge) that it may say something else.
    pub fn is_due(&self) -> bool {
        let new = self.messages.wrapping_sub(self.judged);
        // Each message of a young flow counts; an old one waits, but never so long that what is kept is overwritten.
        new >= (self.messages / 8).clamp(2, 48)
    }

    /// What the witnesses say at `now`.
    pub fn judge(&mut self, now: PacketTime) -> Reading {
        self.judged = self.messages;
        let mut reading = Reading::default();
        let age = now.since(self.first).as_secs();
        if age < YOUNGEST {
            return reading;
        }
        let said = self.record.testify();
        self.record.learn(said.reply, said.push, said.whole);
        (reading.witnesses, reading.coins) = (said.witnesses, said.coins);
        if let Some(s) = self.noise.judge() {
            reading.witnesses.push(Witness {
                fact: Fact::NoiseSizes { fitting: s.fitting, messages: s.messages },
                weight: s.weight,
            });
        }
        let (score, level) = fuse(reading.witnesses.iter());
        reading.score = score;
        // What was once said is taken back only when it is well refuted.
        reading.level = if level == Standing::Silent && self.standing != Standing::Silent && score >= fusion::KEEP {
            Standing::Suspected
        } else {
            level
        };
        self.standing = reading.level;
        reading
    }
}

//! Stratum V2: under Noise, told by the sizes of its handshake and frames, and in the clear.
//!
//! Sources of the protocol facts: sv2-spec 03 to 08 (framing, mining protocol, message types), `noise_sv2` and
//! `codec_sv2` (sizes as they are on the wire); sv2-spec issue 215 on the answer of 170 bytes; the reference pool's
//! `share_batch_size` of 10 and six shares a minute. In: bytes of both directions. Out: facts and evidence.
//!
//! In the clear its messages decide, as with any dialect. Under Noise there are sizes and times alone, and what is
//! `confirmed` may be blocked. So each level takes what the one below leaves open:
//!
//! | level | seen | why it is not more |
//! |---|---|---|
//! | nothing | 64 random bytes, 234 (or 170) in answer | keys are 64 bytes elsewhere too; no word after them is known |
//! | `suspected` | then 54 to 564 bytes, and exactly 44 in answer | one exact size: one in 1,400 by chance, always where answers are of 44 |
//! | `probable` | a request for a channel, at least 252 bytes in answer, a share (62 to 95 bytes), exactly 58 in answer | calls of fixed sizes can be so by design: 62 up and 58 down is any small message under the same encryption |
//! | `confirmed` | all of the rule below | |
//!
//! The rule: the handshake's answer had 234 bytes; eight shares of one size, two answers of exactly 58 alone, no more
//! refusals than answers; jobs that *nobody asked for* (half a second of silence on both sides before them), three of
//! the six sizes that they have on a standard channel, or six that differ by whole hashes (32 bytes) on an extended one;
//! four turns told apart for each that was not, of all and of the unasked ones; times between the shares that vary (the
//! deviation is at least 0.3 of the mean), over twenty seconds; random bytes throughout. Mining is what makes both halves
//! true at once: finding a share is chance, and work comes when the chain or the pool's clock wants it. A call answers
//! who asks, whatever its sizes: without unasked jobs of the right sizes it is never more than `probable`, on a clock or
//! not. A session of the reference pool is `confirmed` within two or three minutes; one cut off before is `probable`.
//!
//! Measured (`tests/measure.rs`; conversations of random bytes, what comes behind the part they are given is another
//! protocol's; eight kinds: any sizes in turns and in bursts, chats, texts padded to 160, calls of one to four fixed
//! sizes, wide and in frames of 38 more, with and without unasked words of the server):
//!
//! | given | played | `suspected` | `probable` | `confirmed` |
//! |---|---|---|---|---|
//! | 64, 234 | 8,000,000 | 31,760 | 768 | 0 |
//! | 64, 234, 100, 44 | 2,000,000 | 1,589,505 | 35,001 | 59 |
//! | all up to the job | 2,000,000 | 1,937,209 | 62,632 | 159 |
//! | all up to the job, then 62 or 71 up and 58 down for ever, by clock or chance, with unasked words or without | 300,000 | 0 | 300,000 | 0 |
//!
//! Of the 218, 191 are calls of one size in frames with Stratum V2's own overhead whose answers happen to have 58 bytes
//! and whose server says one size of 180 or more unasked, by chance; the rest are such calls in wider frames. That is
//! the limit of the method: a protocol that has every size of it, an irregular caller and unasked words of a job's size
//! cannot be told from it by sizes, and no such protocol is known. In the 148,141 frames (2,935 flows) of the project's
//! benign captures no flow begins with 64 random bytes at all, so none gets as far as the answer.

mod noise;
mod plain;
mod sizes;
mod sketch;

use noise::Noise;
use plain::Plain;

use super::{Conversation, Probe, Start, StreamDialect, StreamSession};
use crate::evidence::Stamp;
use crate::flow::Direction;
use crate::wallet::Coin;

/// The dialect.
pub(super) struct StratumV2;

impl StreamDialect for StratumV2 {
    fn id(&self) -> &'static str {
        "stratum-v2"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Btc]
    }

    fn starts(&self, start: Start<'_>) -> bool {
        noise::starts(start) || plain::starts(start)
    }

    fn open(&self) -> Box<dyn StreamSession> {
        Box::new(State::Open(Noise::default(), Plain::default()))
    }

    fn open_at(&self, start: Start<'_>) -> Box<dyn StreamSession> {
        Box::new(match (noise::starts(start), plain::starts(start)) {
            // What is kept of so many flows that send random bytes is small.
            (true, false) => return Box::new(Noise::default()),
            (false, true) => State::Plain(Plain::default()),
            // A key may begin with any bytes, also with those of a plain header.
            _ => State::Open(Noise::default(), Plain::default()),
        })
    }
}

#[allow(clippy::large_enum_variant)] // one a flow, boxed
enum State {
    Open(Noise, Plain),
    Noise(Noise),
    Plain(Plain),
}

impl StreamSession for Noise {
    fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        Noise::data(self, from, bytes, at, c)
    }

    fn gap(&mut self, from: Direction, missing: u64) -> Probe {
        Noise::gap(self, from, missing)
    }

    fn end(&mut self, from: Direction, at: Stamp, c: &mut Conversation) {
        Noise::end(self, from, at, c);
    }
}

impl StreamSession for State {
    fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        match self {
            Self::Noise(n) => n.data(from, bytes, at, c),
            Self::Plain(p) => p.data(from, bytes, at, c),
            Self::Open(n, p) => {
                // Neither records anything before it is certain.
                let (clear, hidden) = (p.data(from, bytes, at, c), n.data(from, bytes, at, c));
                match (clear, hidden) {
                    (Probe::NotForUs, _) => *self = Self::Noise(std::mem::take(n)),
                    (Probe::Certain(_), _) | (_, Probe::NotForUs) => *self = Self::Plain(std::mem::take(p)),
                    _ => {}
                }
                if clear == Probe::NotForUs { hidden } else { clear }
            }
        }
    }

    fn gap(&mut self, from: Direction, missing: u64) -> Probe {
        match self {
            Self::Noise(n) => n.gap(from, missing),
            Self::Plain(p) => p.gap(from, missing),
            Self::Open(..) => Probe::NotForUs,
        }
    }

    fn end(&mut self, from: Direction, at: Stamp, c: &mut Conversation) {
        if let Self::Noise(n) = self {
            n.end(from, at, c);
        }
    }
}

#[cfg(test)]
mod tests;

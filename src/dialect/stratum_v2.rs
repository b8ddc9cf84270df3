//! Stratum V2: under Noise, told by the sizes of its handshake and frames, and in the clear.
//!
//! Sources of the protocol facts: sv2-spec 03 to 08 (framing, mining protocol, message types), `noise_sv2` and
//! `codec_sv2` (sizes as they are on the wire). In: bytes of both directions. Out: facts and evidence.
//!
//! Levels. Under Noise: nothing after the handshake alone (64 bytes, then 234 or 170), since chance can do that;
//! `probable` when an encrypted `SetupConnection` was answered by exactly the 44 bytes of its success; `confirmed` when
//! a channel was opened and bytes for a job followed. In the clear: by its messages, as any dialect.

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
            (true, false) => State::Noise(Noise::default()),
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
mod measure;
#[cfg(test)]
mod tests;

//! A stream dialect on the bench: what it makes of a conversation, cut as one likes.

use super::{STREAM_DIALECTS, Start, StreamDialect};
use crate::dialect::{Conversation, Probe, Role};
use crate::evidence::{Stamp, Verdict, judge};
use crate::flow::Direction;

/// Says something as the one who opened the connection.
pub(in crate::dialect) const OPENER: Direction = Direction::LoToHi;
/// Says something as the other one.
pub(in crate::dialect) const CALLED: Direction = Direction::HiToLo;

/// What is known of the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::dialect) enum Seen {
    Handshake,
    MidStream,
}

/// What came out.
pub(in crate::dialect) struct Outcome {
    /// The miner's direction, once the dialect is certain.
    pub(in crate::dialect) miner: Option<Direction>,
    /// Whether it still reads, or would.
    pub(in crate::dialect) alive: bool,
    pub(in crate::dialect) conversation: Conversation,
}

impl Outcome {
    /// The level, if it is certain at all.
    pub(in crate::dialect) fn verdict(&self) -> Option<Verdict> {
        self.miner.and_then(|_| judge(&self.conversation.evidence)).map(|j| j.verdict)
    }
}

/// Plays turns in pieces of `step` bytes, as the pipeline does.
pub(in crate::dialect) fn converse(
    dialect: &dyn StreamDialect,
    turns: &[(Direction, &[u8])],
    step: usize,
    seen: Seen,
) -> Outcome {
    let mut out = Outcome { miner: None, alive: true, conversation: Conversation::default() };
    let (mut session, mut begun) = (None, Vec::new());
    for (from, bytes) in turns {
        for piece in bytes.chunks(step.max(1)) {
            if !begun.contains(from) && session.is_none() {
                begun.push(*from);
                let opener = (seen == Seen::Handshake).then_some(*from == OPENER);
                let start = Start { bytes: piece, opener, mid_stream: seen == Seen::MidStream };
                if dialect.starts(start) {
                    session = Some(dialect.open_at(start));
                }
            }
            let Some(s) = &mut session else { continue };
            let probe = s.data(*from, piece, Stamp::default(), &mut out.conversation);
            let miner = |role| if role == Role::Miner { *from } else { from.reverse() };
            match probe {
                Probe::Certain(role) => out.miner = out.miner.or(Some(miner(role))),
                Probe::NotForUs if out.miner.is_none() => {
                    out.alive = false;
                    return out;
                }
                _ => {}
            }
        }
    }
    if let Some(s) = &mut session {
        for from in [OPENER, CALLED] {
            s.end(from, Stamp::default(), &mut out.conversation);
        }
    }
    out.alive = session.is_some();
    out
}

mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever comes, in whatever pieces and with holes: no panic, and no conviction by chance.
        #[test]
        fn noise_is_no_mining(
            turns in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..400)), 1..12),
            step in 1_usize..500,
            middle in any::<bool>(),
        ) {
            let side = |b: bool| if b { OPENER } else { CALLED };
            let turns: Vec<_> = turns.iter().map(|(b, t)| (side(*b), t.as_slice())).collect();
            let seen = if middle { Seen::MidStream } else { Seen::Handshake };
            for dialect in STREAM_DIALECTS {
                let out = converse(*dialect, &turns, step, seen);
                prop_assert_eq!(out.miner, None, "{}", dialect.id());
            }
        }
    }
}

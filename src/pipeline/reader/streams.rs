//! Dialects that are no messages: who may read the bytes of a stream, and who does.
//!
//! In: the bytes of both directions, as they are or out of a tunnel. Out: the one stream dialect that is certain; what it
//! records is in its conversation.

use super::{Reader, Stream};
use crate::dialect::{Probe, Role, STREAM_DIALECTS, Start};
use crate::evidence::{Verdict, judge};
use crate::flow::{Direction, FlowInfo};
use crate::health::{Counter, Health};
use crate::pipeline::inspection::Tools;

impl Reader {
    /// Lets the stream dialects see the bytes.
    pub(in crate::pipeline) fn stream_data(
        &mut self,
        info: &FlowInfo,
        way: Direction,
        bytes: &[u8],
        tools: &mut Tools<'_>,
        health: &mut Health,
    ) {
        let opener = info.handshake.client;
        if !std::mem::replace(self.begun.get_mut(way), true) && !self.settled {
            let mid_stream = info.mid_stream || *self.late.get(way);
            let start = Start { bytes, opener: opener.map(|o| o == way), mid_stream };
            for &dialect in STREAM_DIALECTS {
                if !self.streams.iter().any(|s| s.dialect.id() == dialect.id()) && dialect.starts(start) {
                    let session = dialect.open_at(start);
                    // Hardly ever a second one, and of its own accord the list would make room for four.
                    self.streams.reserve_exact(1);
                    self.streams.push(Stream { dialect, session, conversation: None, miner: None });
                }
            }
        }
        let mut winner = None;
        let settled = self.settled;
        let mut at = 0;
        self.streams.retain_mut(|s| {
            let Stream { session, conversation, .. } = s;
            let stamp = tools.stamp;
            let probe = tools.scratch.lend(conversation, |c| session.data(way, bytes, stamp, c));
            let keep = match probe {
                Probe::NotForUs => settled,
                Probe::Certain(role) | Probe::Unsure(role, _) => {
                    let miner = if role == Role::Miner { way } else { way.reverse() };
                    if opener.is_some_and(|o| (o == miner) != s.dialect.miner_opens()) {
                        settled
                    } else {
                        s.miner.get_or_insert(miner);
                        if matches!(probe, Probe::Certain(_)) {
                            winner.get_or_insert(at);
                        }
                        true
                    }
                }
                Probe::Neutral => true,
            };
            at += usize::from(keep);
            keep
        });
        if settled {
            health.add(Counter::MiningMessages);
        } else if let Some(at) = winner {
            self.streams.swap(0, at);
            self.streams.truncate(1);
            self.settled = true;
            if let Some(s) = self.streams.first_mut() {
                s.conversation.get_or_insert_default();
            }
        }
        let known = |s: &Stream| s.conversation.as_deref().and_then(|c| judge(&c.evidence));
        let sure = |s: &Stream| known(s).is_some_and(|j| j.verdict == Verdict::Confirmed);
        if self.settled && !self.convinced && self.streams.first().is_some_and(sure) {
            // What it reads may still come out of a tunnel.
            self.convinced = true;
            self.arbiter = None;
        }
    }
}

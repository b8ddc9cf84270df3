//! What would be cut off and must not be: said once.
//!
//! In: decisions of the gate, again and again. Out: the refusals that the operator has not heard of. Whoever reads that
//! a host mines and sees nothing cut off wants to know why.

use std::collections::BTreeSet;

use crate::firewall::{Decision, Reason, Refusal, Target};

/// Endpoints and reasons remembered; of more nothing is said.
const MOST: usize = 4_096;

/// What was said.
#[derive(Default)]
pub(super) struct Spared(BTreeSet<(Target, &'static str)>);

impl Spared {
    /// Those refusals that are new, and stand however the conversation goes on.
    pub(super) fn news<'a>(&mut self, d: &'a Decision) -> Vec<&'a Refusal> {
        let stand =
            |r: &&Refusal| r.reason.is_never_block() || matches!(r.reason, Reason::Proxy | Reason::SparedRegion(_));
        let new = |r: &&Refusal| self.0.len() < MOST && self.0.insert((r.target, r.reason.code()));
        d.refusals.iter().filter(stand).filter(new).collect()
    }
}

//! What would be cut off and is not: said once.
//!
//! In: decisions of the gate, again and again, and a clock. Out: the refusals that the operator has not heard of. Whoever
//! reads that a host mines and sees nothing cut off wants to know why: at once where the answer stands, and after a while
//! where the conversation might still have proven itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::firewall::{Decision, Reason, Refusal, Target};

/// Endpoints and reasons remembered; of more nothing is said.
const MOST: usize = 4_096;
/// The same of conversations that do not prove themselves: anybody may forge any number of them.
const MOST_LATE: usize = 64;
/// How long they have for it. Flows that go on are told of again every minute.
const LATE: Duration = Duration::from_secs(45);

/// An endpoint, and the code of the reason.
type Key = (Target, &'static str);

/// What was said.
#[derive(Default)]
pub(super) struct Spared {
    said: BTreeSet<Key>,
    late: BTreeMap<Key, Instant>,
    said_late: BTreeSet<Key>,
}

impl Spared {
    /// Those refusals that are new.
    pub(super) fn news<'a>(&mut self, d: &'a Decision, now: Instant) -> Vec<&'a Refusal> {
        let Self { said, late, said_late } = self;
        late.retain(|key, _| d.refusals.iter().any(|r| (r.target, r.reason.code()) == *key));
        let is_new = |r: &&Refusal| {
            let key = (r.target, r.reason.code());
            if r.reason.is_never_block() || matches!(r.reason, Reason::Proxy | Reason::SparedRegion(_)) {
                return said.len() < MOST && said.insert(key);
            }
            let is_unproven = matches!(
                r.reason,
                Reason::OneWay
                    | Reason::NoHandshake
                    | Reason::Datagrams
                    | Reason::DataNotAcknowledged
                    | Reason::NoPeerReply
                    | Reason::Tunnelled
            );
            if !is_unproven || late.len() >= MOST {
                return false;
            }
            let since = *late.entry(key).or_insert(now);
            now.duration_since(since) >= LATE && said_late.len() < MOST_LATE && said_late.insert(key)
        };
        d.refusals.iter().filter(is_new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Verdict;
    use crate::firewall::Proto;
    use crate::time::PacketTime;

    #[test]
    fn what_does_not_prove_itself_is_told_after_a_while_and_once() {
        let target = Target { addr: "203.0.113.9".parse().unwrap(), service: Some((Proto::Tcp, 3333)), from: None };
        let refusal = Refusal {
            target,
            reason: Reason::NoHandshake,
            verdict: Verdict::Confirmed,
            last_seen: PacketTime::ZERO,
            miners: Vec::new(),
            names: Vec::new(),
        };
        let d = Decision { refusals: vec![refusal], ..Decision::default() };
        let (mut spared, begun) = (Spared::default(), Instant::now());
        assert!(spared.news(&d, begun).is_empty());
        assert_eq!(spared.news(&d, begun + LATE).len(), 1);
        assert!(spared.news(&d, begun + LATE * 2).is_empty());
        // Who proved himself meanwhile has his time anew.
        let mut other = Spared::default();
        assert!(other.news(&d, begun).is_empty());
        assert!(other.news(&Decision::default(), begun + LATE).is_empty());
        assert!(other.news(&d, begun + LATE).is_empty());
    }
}

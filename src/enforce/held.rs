//! What the kernel held when it was asked, and how that differs from what should be there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use super::wanted::{LONGEST_SECS, Wanted};
use crate::firewall::{Prefix, Target};

/// What the kernel holds of ours.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Held {
    /// What is cut off, with the seconds left.
    pub blocked: BTreeMap<Target, u64>,
    /// Isolated hosts, with the seconds left.
    pub isolated: BTreeMap<IpAddr, u64>,
    /// What isolated hosts may still talk to.
    pub kept: BTreeSet<(IpAddr, Prefix)>,
    /// Whether sets are looked at by the rules that should.
    pub rules: Rules,
    /// Packets that were rejected.
    pub hits: Hits,
}

/// State of the chains and rules that reject what is in the sets.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rules {
    /// Nothing of ours is there.
    #[default]
    Absent,
    /// Something is there, and not what we put there, or not where it works.
    Changed,
    /// All there, where they should be.
    Intact,
}

/// Packets rejected, since our rules were first put there.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hits {
    /// To or from a blocked endpoint or address.
    pub blocked: u64,
    /// From or to an isolated host.
    pub isolated: u64,
}

/// How the kernel differs from what is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drift {
    /// Entries that should be there and are not.
    pub missing: usize,
    /// Entries that should not be there.
    pub foreign: usize,
    /// Entries whose life ends at another time.
    pub retimed: usize,
    /// State of the rules.
    pub rules: Rules,
}

/// An entry this close to its end may be there or not, in seconds.
const ENDING: u64 = 3;
/// Lives are told in whole seconds, and loading a hundred thousand entries takes some.
const TOLERANCE: u64 = 20;

impl Held {
    /// How this differs from `wanted`, whose lives count from now; nothing if it does not.
    pub fn drift(&self, wanted: &Wanted) -> Option<Drift> {
        let wanted = wanted.in_order();
        if wanted.is_empty() && self.blocked.is_empty() && self.isolated.is_empty() {
            // Rules that look at empty sets change nothing, there or not.
            return None;
        }
        let blocks = wanted.block.iter().map(|b| (b.target, b.ttl_secs)).collect();
        let hosts = wanted.isolate.iter().map(|i| (i.host, i.ttl_secs)).collect();
        let keeps = wanted.isolate.iter().filter(|i| i.ttl_secs > ENDING);
        let keeps: BTreeSet<_> = keeps.flat_map(|i| i.keep.iter().map(|p| (i.host, *p))).collect();
        let living = |(host, _): &&(IpAddr, Prefix)| self.isolated.get(host).is_some_and(|left| *left > ENDING);
        let mut drift = Drift { missing: 0, foreign: 0, retimed: 0, rules: self.rules };
        compare(&blocks, &self.blocked, &mut drift);
        compare(&hosts, &self.isolated, &mut drift);
        drift.missing += keeps.difference(&self.kept).count();
        drift.foreign += self.kept.difference(&keeps).filter(living).count();
        let same = drift.missing + drift.foreign + drift.retimed == 0 && self.rules == Rules::Intact;
        (!same).then_some(drift)
    }
}

fn compare<K: Ord>(wanted: &BTreeMap<K, u64>, held: &BTreeMap<K, u64>, drift: &mut Drift) {
    for (key, life) in wanted {
        match held.get(key) {
            None if *life > ENDING => drift.missing += 1,
            Some(left) if left.abs_diff((*life).min(LONGEST_SECS)) > TOLERANCE => drift.retimed += 1,
            _ => {}
        }
    }
    drift.foreign += held.iter().filter(|(key, left)| **left > ENDING && !wanted.contains_key(key)).count();
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = match self.rules {
            Rules::Intact => "in place",
            Rules::Changed => "changed",
            Rules::Absent => "gone",
        };
        let Self { missing, foreign, retimed, .. } = self;
        write!(f, "rules {rules}, entries: {missing} missing, {foreign} foreign, {retimed} with another life time")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforce::wanted::{Block, Isolated};
    use crate::firewall::Proto;

    fn target(port: u16) -> Target {
        Target { addr: [198, 51, 100, 1].into(), service: Some((Proto::Tcp, port)), from: None }
    }

    fn wanted() -> Wanted {
        Wanted {
            block: vec![
                Block { target: target(1), ttl_secs: 3600 },
                Block { target: target(2), ttl_secs: 10 * LONGEST_SECS },
                Block { target: target(3), ttl_secs: 2 },
            ],
            isolate: vec![Isolated {
                host: [10, 0, 0, 5].into(),
                ttl_secs: 600,
                keep: vec!["10.9.0.0/16".parse().unwrap()],
            }],
        }
    }

    fn held() -> Held {
        Held {
            blocked: [(target(1), 3601), (target(2), LONGEST_SECS - 1)].into(),
            isolated: [([10, 0, 0, 5].into(), 599)].into(),
            kept: [([10, 0, 0, 5].into(), "10.9.0.0/16".parse().unwrap())].into(),
            rules: Rules::Intact,
            hits: Hits::default(),
        }
    }

    #[test]
    fn what_was_put_there_is_no_drift_even_when_an_entry_is_about_to_end() {
        assert_eq!(held().drift(&wanted()), None);
        let mut ending = held();
        ending.blocked.insert(target(3), 1);
        assert_eq!(ending.drift(&wanted()), None);
    }

    #[test]
    fn every_way_to_differ_is_noticed() {
        type Change = fn(&mut Held);
        let ways: [(Change, Drift); 6] = [
            (
                |h| h.blocked.retain(|t, _| *t != target(1)),
                Drift { missing: 1, foreign: 0, retimed: 0, rules: Rules::Intact },
            ),
            (
                |h| h.blocked.extend([(target(9), 60)]),
                Drift { missing: 0, foreign: 1, retimed: 0, rules: Rules::Intact },
            ),
            (
                |h| h.blocked.extend([(target(1), 60)]),
                Drift { missing: 0, foreign: 0, retimed: 1, rules: Rules::Intact },
            ),
            (|h| h.rules = Rules::Changed, Drift { missing: 0, foreign: 0, retimed: 0, rules: Rules::Changed }),
            (|h| h.kept.clear(), Drift { missing: 1, foreign: 0, retimed: 0, rules: Rules::Intact }),
            (|h| *h = Held::default(), Drift { missing: 4, foreign: 0, retimed: 0, rules: Rules::Absent }),
        ];
        for (change, drift) in ways {
            let mut held = held();
            change(&mut held);
            assert_eq!(held.drift(&wanted()), Some(drift));
        }
    }

    #[test]
    fn nothing_wanted_and_nothing_there_needs_no_rules() {
        assert_eq!(Held::default().drift(&Wanted::default()), None);
        assert!(held().drift(&Wanted::default()).is_some());
    }
}

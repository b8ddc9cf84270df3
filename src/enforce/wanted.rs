//! What the kernel should hold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::firewall::{Prefix, Target};

/// Longest life time of an entry in the kernel, in seconds: ipset takes no longer one, and what should live longer is
/// put there again when it is missed.
pub const LONGEST_SECS: u64 = 2_147_483;

/// The whole set. Applying it replaces whatever was there before.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wanted {
    /// Endpoints and addresses nobody, or one host, may talk to.
    pub block: Vec<Block>,
    /// Inside hosts that are cut off.
    pub isolate: Vec<Isolated>,
}

/// An endpoint, or an address, that is cut off, for everybody or for one host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// What.
    pub target: Target,
    /// For how long from now, in seconds.
    pub ttl_secs: u64,
}

/// An infected inside host: it keeps DNS, DHCP and `keep`, in both directions, and loses everything else that passes
/// or reaches this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Isolated {
    /// Which host.
    pub host: IpAddr,
    /// For how long from now, in seconds.
    pub ttl_secs: u64,
    /// Networks it may still talk to, such as those it is managed from.
    pub keep: Vec<Prefix>,
}

impl Wanted {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.block.is_empty() && self.isolate.is_empty()
    }

    /// The same in numeric order, each target and host once with its longest life, and no prefix within another: two
    /// equal elements in one command are an error for a firewall.
    #[must_use]
    pub fn in_order(&self) -> Self {
        let mut block: BTreeMap<Target, u64> = BTreeMap::new();
        for b in &self.block {
            let ttl = block.entry(b.target).or_default();
            *ttl = b.ttl_secs.max(*ttl);
        }
        let mut isolate: BTreeMap<IpAddr, (u64, Vec<Prefix>)> = BTreeMap::new();
        for i in &self.isolate {
            let (ttl, keep) = isolate.entry(i.host).or_default();
            *ttl = i.ttl_secs.max(*ttl);
            keep.extend(i.keep.iter().filter(|p| p.addr().is_ipv4() == i.host.is_ipv4()));
        }
        Self {
            block: block.into_iter().map(|(target, ttl_secs)| Block { target, ttl_secs }).collect(),
            isolate: isolate
                .into_iter()
                .map(|(host, (ttl_secs, keep))| Isolated { host, ttl_secs, keep: outermost(keep) })
                .collect(),
        }
    }
}

/// The prefixes that lie in no other one.
fn outermost(mut all: Vec<Prefix>) -> Vec<Prefix> {
    // The wider of two with the same first address comes first.
    all.sort_unstable();
    let mut kept: Vec<Prefix> = Vec::with_capacity(all.len());
    for p in all {
        if !kept.iter().any(|k| k.contains(p.addr())) {
            kept.push(p);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::Proto;

    #[test]
    fn each_thing_is_there_once_with_its_longest_life_and_prefixes_do_not_overlap() {
        let target = |port| Target { addr: [198, 51, 100, 1].into(), service: Some((Proto::Tcp, port)), from: None };
        let host: IpAddr = [10, 0, 0, 5].into();
        let keep = |all: &[&str]| all.iter().map(|p| p.parse().unwrap()).collect::<Vec<Prefix>>();
        let wanted = Wanted {
            block: vec![
                Block { target: target(2), ttl_secs: 5 },
                Block { target: target(1), ttl_secs: 60 },
                Block { target: target(1), ttl_secs: 30 },
            ],
            isolate: vec![
                Isolated { host, ttl_secs: 10, keep: keep(&["192.168.9.0/24", "10.9.0.0/16", "10.9.7.0/24"]) },
                Isolated { host, ttl_secs: 20, keep: keep(&["10.9.0.0/16", "2001:db8::/32", "192.168.9.7"]) },
            ],
        };
        let tidy = wanted.in_order();
        assert_eq!(tidy.block, [Block { target: target(1), ttl_secs: 60 }, Block { target: target(2), ttl_secs: 5 }]);
        assert_eq!(tidy.isolate, [Isolated { host, ttl_secs: 20, keep: keep(&["10.9.0.0/16", "192.168.9.0/24"]) }]);
        assert_eq!(tidy.in_order(), tidy);
    }
}

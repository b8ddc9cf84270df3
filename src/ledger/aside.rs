//! What is known of hosts beside mining, and is worth a line only where a host is found out for mining: its own name, and
//! that it hides its look-ups.
//!
//! In: [`Aside`]s in packet order. Out: the same on [`HostFinding`]s. Never a finding or a contact by itself, and it
//! weighs nothing.

use std::collections::{HashMap, VecDeque};

use super::{HostFinding, HostKey};
use crate::evidence::{Code, EvidenceLog, Stamp, Verdict};

/// Hosts of which something is known, at most: the first known goes first.
const MAX_HOSTS: usize = 65_536;

/// One thing that was seen of a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aside {
    /// When and where.
    pub at: Stamp,
    /// Whom it is about.
    pub host: HostKey,
    /// What.
    pub what: Beside,
}

/// Kinds of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Beside {
    /// It says its own name.
    Name(OwnName),
    /// It asked an encrypted resolver: a sentence.
    EncryptedDns(Box<str>),
}

/// What a host calls itself: its own word, which anybody can forge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnName {
    /// The name, ASCII: `printer.local`.
    pub name: Box<str>,
    /// How it was said: `mdns`, `llmnr`.
    pub by: &'static str,
}

#[derive(Default)]
struct Known {
    name: Option<OwnName>,
    encrypted: Option<(Stamp, Box<str>)>,
}

/// What is known of all hosts.
#[derive(Default)]
pub(super) struct Asides {
    hosts: HashMap<HostKey, Known, foldhash::quality::RandomState>,
    order: VecDeque<HostKey>,
    forgotten: u64,
}

impl Asides {
    /// Takes one. Of names the last counts, of resolvers the first.
    pub(super) fn take(&mut self, a: Aside) {
        if !self.hosts.contains_key(&a.host) {
            while self.hosts.len() >= MAX_HOSTS
                && let Some(oldest) = self.order.pop_front()
            {
                self.hosts.remove(&oldest);
                self.forgotten += 1;
            }
            self.order.push_back(a.host);
        }
        let known = self.hosts.entry(a.host).or_default();
        match a.what {
            Beside::Name(name) => known.name = Some(name),
            Beside::EncryptedDns(text) => drop(known.encrypted.get_or_insert((a.at, text))),
        }
    }

    /// Adds what is known to a host that was found.
    pub(super) fn tell(&self, h: &mut HostFinding) {
        let Some(known) = self.hosts.get(&h.key) else { return };
        h.own_name.clone_from(&known.name);
        let Some((at, text)) = &known.encrypted else { return };
        for f in h.flows.iter_mut().filter(|f| f.verdict > Verdict::Noted && !f.is_inventory()) {
            let mut log = EvidenceLog::from_vec(std::mem::take(&mut f.evidence));
            log.note(Code::EncryptedDns, *at, || text.to_string());
            log.sort();
            f.evidence = log.to_vec();
        }
    }

    /// Hosts that were forgotten.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Tenant;

    fn host(n: u32) -> HostKey {
        HostKey { tenant: Tenant::None, ip: std::net::Ipv4Addr::from(n).into() }
    }

    fn name(n: u32, name: &str) -> Aside {
        let what = Beside::Name(OwnName { name: name.into(), by: "mdns" });
        Aside { at: Stamp::default(), host: host(n), what }
    }

    #[test]
    fn the_last_name_counts() {
        let mut a = Asides::default();
        a.take(name(1, "a.local"));
        a.take(name(1, "b.local"));
        assert_eq!(a.hosts[&host(1)].name.as_ref().map(|n| &*n.name), Some("b.local"));
    }

    #[test]
    fn a_flood_of_names_costs_a_bounded_number() {
        let mut a = Asides::default();
        for n in 0..MAX_HOSTS as u32 + 1000 {
            a.take(name(n, "x.local"));
        }
        assert_eq!((a.hosts.len(), a.order.len(), a.forgotten()), (MAX_HOSTS, MAX_HOSTS, 1000));
        assert!(!a.hosts.contains_key(&host(999)) && a.hosts.contains_key(&host(1000)));
    }
}

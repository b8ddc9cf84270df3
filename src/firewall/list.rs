//! The block list: entries that passed the gate, in order, each once.

use crate::evidence::Verdict;
use crate::firewall::candidate::{Target, Who};
use crate::firewall::name::DomainName;
use crate::time::PacketTime;

/// One thing that a firewall is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What is rejected.
    pub target: Target,
    /// Life time left when the list was made, in whole seconds, at least 1.
    pub ttl_secs: u64,
    /// When its life ends, in packet time.
    pub expires: PacketTime,
    /// How sure the best conversation made us; `None` when an operator ordered it, and nothing was seen.
    pub verdict: Option<Verdict>,
    /// Last packet of any conversation with it.
    pub last_seen: PacketTime,
    /// Who mined there, sorted.
    pub miners: Vec<Who>,
}

/// One name that a resolver is told not to answer. It stands for all below it where DNS has its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameEntry {
    /// The name.
    pub name: DomainName,
    /// Life time left when the list was made, in whole seconds, at least 1.
    pub ttl_secs: u64,
    /// When its life ends, in packet time.
    pub expires: PacketTime,
    /// How sure the best conversation made us; `None` when an operator ordered it, and nothing was seen.
    pub verdict: Option<Verdict>,
    /// Last packet of any conversation with it.
    pub last_seen: PacketTime,
    /// Who mined there, sorted.
    pub miners: Vec<Who>,
    /// What it led to, sorted. Empty where a proxy did the looking up.
    pub endpoints: Vec<Target>,
}

/// What an entry is, for those who read of it elsewhere.
pub(super) fn known_as(verdict: Option<Verdict>) -> String {
    verdict.map_or_else(|| "blocked by order".to_owned(), |v| format!("mining pool, {v}"))
}

/// How sure whoever wanted an entry was: a person is.
pub(super) fn certainty(verdict: Option<Verdict>) -> Verdict {
    verdict.unwrap_or(Verdict::Confirmed)
}

/// A list that passed every gate. Only the gate makes one.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct BlockList {
    entries: Vec<Entry>,
    names: Vec<NameEntry>,
}

impl BlockList {
    /// From the gate only: `entries` and `names` are checked, unique and within the cap.
    pub(super) fn from_gate(mut entries: Vec<Entry>, mut names: Vec<NameEntry>) -> Self {
        entries.sort_unstable_by_key(|e| e.target);
        names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Self { entries, names }
    }

    /// The entries, numerically by address (IPv4 first), protocol and port.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The names, in the order of their text.
    pub fn names(&self) -> &[NameEntry] {
        &self.names
    }

    /// How many entries, names not among them.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no address is blocked. Names may be.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether something is blocked for one host only.
    pub fn has_pairs(&self) -> bool {
        self.entries.iter().any(|e| e.target.from.is_some())
    }

    /// Without what is blocked for one host only.
    #[must_use]
    pub(super) fn without_pairs(&self) -> Self {
        let entries = self.entries.iter().filter(|e| e.target.from.is_none()).cloned().collect();
        Self { entries, names: self.names.clone() }
    }

    /// Names without which something would not be blocked: no entry covers all that they led to.
    pub(super) fn indispensable_names(&self) -> usize {
        let covered = |t: &Target| self.entries.binary_search_by_key(t, |e| e.target).is_ok();
        self.names.iter().filter(|n| n.endpoints.is_empty() || !n.endpoints.iter().all(covered)).count()
    }

    /// Entries that are not `said` and without which something would not be blocked: no name in the list leads there.
    pub(super) fn nameless_entries(&self, said: impl Fn(&Target) -> bool) -> usize {
        let named: std::collections::BTreeSet<&Target> = self.names.iter().flat_map(|n| &n.endpoints).collect();
        self.entries.iter().filter(|e| !said(&e.target) && !named.contains(&e.target)).count()
    }

    /// IPv4 entries.
    pub(super) fn v4(&self) -> &[Entry] {
        self.families().0
    }

    /// IPv6 entries.
    pub(super) fn v6(&self) -> &[Entry] {
        self.families().1
    }

    fn families(&self) -> (&[Entry], &[Entry]) {
        self.entries.split_at(self.entries.partition_point(|e| e.target.addr.is_ipv4()))
    }
}

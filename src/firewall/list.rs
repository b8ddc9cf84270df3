//! The block list: entries that passed the gate, in numeric order, each once.

use crate::evidence::Verdict;
use crate::firewall::candidate::{Target, Who};
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
    /// How sure the best conversation made us.
    pub verdict: Verdict,
    /// Last packet of any conversation with it.
    pub last_seen: PacketTime,
    /// Who mined there, sorted.
    pub miners: Vec<Who>,
}

/// A list that passed every gate. Only the gate makes one.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct BlockList {
    entries: Vec<Entry>,
}

impl BlockList {
    /// From the gate only: `entries` are checked, unique and within the cap.
    pub(super) fn from_gate(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by_key(|e| e.target);
        Self { entries }
    }

    /// The entries, numerically by address (IPv4 first), protocol and port.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is blocked.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
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

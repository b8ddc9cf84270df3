//! What a book may do in a minute, and what it did in a call.

use crate::firewall::isolate::{MAX_HOSTS, PER_MINUTE};
use crate::firewall::item::Item;
use crate::firewall::quiet::QuietHours;
use crate::text::counted;

/// How fast the book may fill, and when not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// New entries a minute, endpoints and names each; of hosts never more than ten. More are a flood, by accident or by
    /// intent, and wait.
    pub per_minute: u32,
    /// When nothing comes in that was seen. What is there stays and is renewed, and an operator's orders are carried out.
    pub quiet: QuietHours,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_minute: 100, quiet: QuietHours::default() }
    }
}

/// What quiet hours did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quiet {
    /// They hold something back for the first time.
    HoldsBack,
    /// They are over, after they held something back.
    Over,
}

/// What a call changed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Changes {
    /// Entries that were not there before.
    pub added: Vec<Item>,
    /// Entries that live longer now.
    pub renewed: Vec<Item>,
    /// Entries whose life is over.
    pub ended: Vec<Item>,
    /// New endpoints and names that wait for the next minute, or for room. Above zero it calls for an alarm.
    pub waiting: usize,
    /// The same for hosts.
    pub hosts_waiting: usize,
    /// What quiet hours did.
    pub quiet: Option<Quiet>,
}

impl Changes {
    /// Whether a firewall has to be told.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.renewed.is_empty() && self.ended.is_empty()
    }

    /// What to tell an operator of a flood, if there is one.
    pub fn alarm(&self) -> Option<String> {
        let entries = (self.waiting > 0).then(|| {
            format!(
                "{}, as there are more of them than a minute or the list takes: either the network is overrun, or someone \
                 fills the list",
                counted(self.waiting, "new block entry waits", "new block entries wait")
            )
        });
        let hosts = (self.hosts_waiting > 0).then(|| {
            format!(
                "{} to be isolated, as no more than {PER_MINUTE} a minute and {MAX_HOSTS} at a time are: either many are \
                 infected, or someone makes them up",
                counted(self.hosts_waiting, "host waits", "hosts wait")
            )
        });
        match (entries, hosts) {
            (Some(entries), Some(hosts)) => Some(format!("{entries}; {hosts}")),
            (entries, hosts) => entries.or(hosts),
        }
    }
}

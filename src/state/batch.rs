//! What is to be saved, each thing once with its latest value.

use std::collections::BTreeMap;

use super::store::{HostKeyRow, HostRow};
use crate::firewall::{Item, Origin, Record, Release, Touched};
use crate::ledger::{Incident, IncidentKey};

/// Things that wait for the disk at the most; what comes on top is lost to it, and counted.
const MAX_UNSAVED: usize = 524_288;

/// What is to be saved. `None` is to be deleted.
#[derive(Clone, Default, Debug)]
pub struct Batch {
    pub(super) entries: BTreeMap<(Item, Origin), Option<Record>>,
    pub(super) releases: BTreeMap<Item, Release>,
    pub(super) hosts: BTreeMap<HostKeyRow, HostRow>,
    pub(super) incidents: BTreeMap<IncidentKey, Option<Incident>>,
}

impl Batch {
    /// Adds records of a book.
    pub fn entries(&mut self, touched: impl IntoIterator<Item = Touched>) {
        self.entries.extend(touched.into_iter().map(|t| ((t.item, t.origin), t.record)));
    }

    /// Adds releases.
    pub fn releases(&mut self, releases: impl IntoIterator<Item = Release>) {
        self.releases.extend(releases.into_iter().map(|r| (r.item.clone(), r)));
    }

    /// Adds hosts.
    pub fn hosts(&mut self, hosts: impl IntoIterator<Item = HostRow>) {
        self.hosts.extend(hosts.into_iter().map(|h| (h.key, h)));
    }

    /// Adds incidents.
    pub fn incidents(&mut self, touched: impl IntoIterator<Item = (IncidentKey, Option<Incident>)>) {
        self.incidents.extend(touched);
    }

    /// How many things.
    pub fn len(&self) -> usize {
        self.entries.len() + self.releases.len() + self.hosts.len() + self.incidents.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what is newer. How much did not fit.
    pub(super) fn take(&mut self, newer: Self) -> usize {
        let mut lost = 0;
        let mut room = MAX_UNSAVED.saturating_sub(self.len());
        lost += merge(&mut self.entries, newer.entries, &mut room);
        lost += merge(&mut self.releases, newer.releases, &mut room);
        lost += merge(&mut self.incidents, newer.incidents, &mut room);
        lost + merge(&mut self.hosts, newer.hosts, &mut room)
    }
}

fn merge<K: Ord, V>(into: &mut BTreeMap<K, V>, newer: BTreeMap<K, V>, room: &mut usize) -> usize {
    let mut lost = 0;
    for (key, value) in newer {
        if let Some(known) = into.get_mut(&key) {
            *known = value;
        } else if *room > 0 {
            into.insert(key, value);
            *room -= 1;
        } else {
            lost += 1;
        }
    }
    lost
}

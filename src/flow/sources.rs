//! How many flows each source has: a quota, so that one flooder cannot evict the rest.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::quality::RandomState;

use super::list::List;
use super::slot::{BY_SOURCE, Slot};
use crate::decode::Tenant;

/// Who is charged for a flow: the end that opened it, else the one that was heard first.
pub(super) type Source = (Tenant, IpAddr);

/// Flows by source, oldest first. Holds an entry only for sources that have flows, so the cap on flows bounds it.
#[derive(Debug)]
pub(super) struct Sources {
    lists: HashMap<Source, List<BY_SOURCE>, RandomState>,
}

impl Sources {
    pub(super) fn new(state: RandomState) -> Self {
        Self { lists: HashMap::with_hasher(state) }
    }

    /// Sources that have flows.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lists.len()
    }

    /// Flows of one source.
    pub(super) fn count(&self, source: Source) -> usize {
        self.lists.get(&source).map_or(0, List::len)
    }

    pub(super) fn add<S>(&mut self, source: Source, slots: &mut [Slot<S>], slot: u32) {
        self.lists.entry(source).or_default().push_back(slots, slot);
    }

    pub(super) fn remove<S>(&mut self, source: Source, slots: &mut [Slot<S>], slot: u32) {
        if let Some(list) = self.lists.get_mut(&source) {
            list.remove(slots, slot);
            if list.len() == 0 {
                self.lists.remove(&source);
            }
        }
    }

    /// The oldest of the source's flows for which `may` says yes, among the first `look`.
    pub(super) fn oldest<S>(
        &self,
        source: Source,
        slots: &[Slot<S>],
        look: usize,
        may: impl Fn(&Slot<S>) -> bool,
    ) -> Option<u32> {
        let mut at = self.lists.get(&source)?.front();
        for _ in 0..look {
            let slot = at?;
            if slots.get(slot as usize).is_some_and(&may) {
                return Some(slot);
            }
            at = List::<BY_SOURCE>::after(slots, slot);
        }
        None
    }
}

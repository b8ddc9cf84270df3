//! From a flow's hash to the number of its slot: an open-addressed index of 8 bytes an entry.
//!
//! A look-up costs one cache line here and one at the slot. Keys live in the slots; the caller compares them.

use crate::prefetch::fetch;

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: u32,
    slot: u32,
}

const EMPTY: Entry = Entry { tag: 0, slot: NONE };

/// Linear probing with backward-shift deletion, so that no tombstones pile up under constant turnover.
#[derive(Debug)]
pub(super) struct Index {
    entries: Vec<Entry>,
    len: usize,
}

impl Index {
    /// An empty index; grows by doubling.
    pub(super) fn new() -> Self {
        Self { entries: vec![EMPTY; 64], len: 0 }
    }

    /// Slots held.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes allocated.
    pub(super) const fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// Fetches the place where the search for a hash begins.
    pub(super) fn fetch(&self, hash: u64) {
        if let Some(entry) = self.entries.get(self.home(tag(hash))) {
            fetch(entry);
        }
    }

    /// The first slot that may be the one with this hash. Not whether it is.
    pub(super) fn candidate(&self, hash: u64) -> Option<u32> {
        self.find(hash, |_| true)
    }

    /// The slot with this hash for which `is` says yes.
    pub(super) fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(tag(hash));
        while let Some(&entry) = self.entries.get(at) {
            if entry.slot == NONE {
                return None;
            }
            if entry.tag == tag(hash) && is(entry.slot) {
                return Some(entry.slot);
            }
            at = self.after(at);
        }
        None
    }

    /// Adds a slot that is not in the index yet.
    pub(super) fn insert(&mut self, hash: u64, slot: u32) {
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            self.grow();
        }
        self.place(Entry { tag: tag(hash), slot });
        self.len += 1;
    }

    /// Removes a slot, if it is there.
    pub(super) fn remove(&mut self, hash: u64, slot: u32) {
        let mut hole = self.home(tag(hash));
        loop {
            match self.entries.get(hole) {
                Some(entry) if entry.slot == slot => break,
                Some(entry) if entry.slot != NONE => hole = self.after(hole),
                _ => return,
            }
        }
        self.len -= 1;
        let mut at = hole;
        loop {
            at = self.after(at);
            let entry = self.entries.get(at).copied().unwrap_or(EMPTY);
            if entry.slot == NONE {
                break;
            }
            // An entry may move back only if the hole still lies on its way from home.
            let travelled = at.wrapping_sub(self.home(entry.tag)) & self.mask();
            let back = at.wrapping_sub(hole) & self.mask();
            if travelled >= back {
                self.set(hole, entry);
                hole = at;
            }
        }
        self.set(hole, EMPTY);
    }

    const fn mask(&self) -> usize {
        self.entries.len() - 1
    }

    const fn home(&self, tag: u32) -> usize {
        tag as usize & self.mask()
    }

    const fn after(&self, at: usize) -> usize {
        (at + 1) & self.mask()
    }

    fn set(&mut self, at: usize, entry: Entry) {
        if let Some(place) = self.entries.get_mut(at) {
            *place = entry;
        }
    }

    fn place(&mut self, entry: Entry) {
        let mut at = self.home(entry.tag);
        while self.entries.get(at).is_some_and(|e| e.slot != NONE) {
            at = self.after(at);
        }
        self.set(at, entry);
    }

    fn grow(&mut self) {
        let doubled = vec![EMPTY; self.entries.len() * 2];
        for entry in std::mem::replace(&mut self.entries, doubled) {
            if entry.slot != NONE {
                self.place(entry);
            }
        }
    }
}

/// The hash is of good quality in all its bits, so 32 of them do.
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32 ^ hash as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_map(ops in prop::collection::vec((any::<bool>(), 0_u64..40), 0..400)) {
            let mut index = Index::new();
            let mut model: BTreeMap<u64, u32> = BTreeMap::new();
            // Few distinct hashes near the end of the array: long clusters that wrap around.
            let hash = |key: u64| (key % 8) + 58;
            let mut keys = Vec::new();
            for (add, key) in ops {
                let h = hash(key);
                if add && !model.contains_key(&key) {
                    let slot = keys.len() as u32;
                    keys.push(key);
                    index.insert(h, slot);
                    model.insert(key, slot);
                } else if !add && let Some(slot) = model.remove(&key) {
                    index.remove(h, slot);
                }
                prop_assert_eq!(index.len(), model.len());
                for key in 0..40 {
                    let found = index.find(hash(key), |slot| keys[slot as usize] == key);
                    prop_assert_eq!(found, model.get(&key).copied());
                }
            }
        }
    }

    #[test]
    fn grows_and_still_finds_everything() {
        let mut index = Index::new();
        for i in 0..10_000_u32 {
            index.insert(u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15), i);
        }
        for i in 0..10_000_u32 {
            assert_eq!(index.find(u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15), |s| s == i), Some(i));
        }
    }
}

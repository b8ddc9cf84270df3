//! Host names by hash: which of millions of listed names is this one, or stands above it.
//!
//! In: names with a number each. Out: the number of the longest listed name that is the given one or a parent of it.
//! A name costs its text, five bytes beside it and about ten in the table; a look-up costs one probe a label.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;

/// Slots for each hundred names when the table is finished.
const SLOTS_PER_HUNDRED: usize = 125;
/// Bits of a slot that say where the text is. The rest is a part of the hash.
const PLACE_BITS: u32 = 40;

/// The table. Texts lie in one arena: length, number, bytes.
#[derive(Debug, Default)]
pub(super) struct NameTable {
    /// 0 is empty; else part of the hash and place in the arena + 1.
    slots: Vec<u64>,
    arena: Vec<u8>,
    names: usize,
    /// Bit n: some name has n labels.
    depths: u128,
}

const HEAD: usize = 5;

fn hash(name: &[u8]) -> u64 {
    FixedState::default().hash_one(name)
}

fn labels(name: &str) -> u32 {
    memchr::memchr_iter(b'.', name.as_bytes()).count() as u32 + 1
}

impl NameTable {
    pub(super) fn len(&self) -> usize {
        self.names
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * 8 + self.arena.capacity()
    }

    /// Where a hash begins to look.
    fn start(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
    }

    /// The part of the hash that a slot keeps: bits that do not choose the slot.
    fn mark(hash: u64) -> u64 {
        hash << PLACE_BITS
    }

    /// The slot that holds `name`, or the empty one where it would go.
    fn slot(&self, name: &[u8]) -> Option<usize> {
        let hash = hash(name);
        let (mark, mut at) = (Self::mark(hash), self.start(hash));
        for _ in 0..self.slots.len() {
            let slot = *self.slots.get(at)?;
            if slot == 0 {
                return Some(at);
            }
            if slot >> PLACE_BITS == mark >> PLACE_BITS && self.text(slot) == Some(name) {
                return Some(at);
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        None
    }

    fn place(slot: u64) -> usize {
        (slot & ((1 << PLACE_BITS) - 1)) as usize - 1
    }

    fn text(&self, slot: u64) -> Option<&[u8]> {
        let place = Self::place(slot);
        let len = usize::from(*self.arena.get(place)?);
        self.arena.get(place + HEAD..place + HEAD + len)
    }

    fn number(&self, slot: u64) -> Option<u32> {
        let place = Self::place(slot) + 1;
        Some(u32::from_le_bytes(*self.arena.get(place..)?.first_chunk()?))
    }

    /// Changes the number of `name` from what it is; `None` is given for a new one.
    pub(super) fn upsert(&mut self, name: &str, change: impl FnOnce(Option<u32>) -> u32) {
        let Ok(len) = u8::try_from(name.len()) else { return };
        if self.slots.len() * 3 <= self.names * 4 {
            self.rehash((self.names * 2).max(64));
        }
        let Some(at) = self.slot(name.as_bytes()) else { return };
        let Some(slot) = self.slots.get(at).copied() else { return };
        if slot != 0 {
            let number = change(self.number(slot));
            let place = Self::place(slot) + 1;
            if let Some(bytes) = self.arena.get_mut(place..place + 4) {
                bytes.copy_from_slice(&number.to_le_bytes());
            }
            return;
        }
        let place = self.arena.len() as u64 + 1;
        if place >> PLACE_BITS != 0 {
            return;
        }
        self.arena.push(len);
        self.arena.extend_from_slice(&change(None).to_le_bytes());
        self.arena.extend_from_slice(name.as_bytes());
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Self::mark(hash(name.as_bytes())) | place;
        }
        self.names += 1;
        self.depths |= 1u128.checked_shl(labels(name)).unwrap_or(0);
    }

    fn rehash(&mut self, slots: usize) {
        self.slots = vec![0; slots.max(1)];
        let mut place = 0;
        while let Some(len) = self.arena.get(place).copied().map(usize::from) {
            let Some(name) = self.arena.get(place + HEAD..place + HEAD + len) else { break };
            let hash = hash(name);
            let mut at = self.start(hash);
            while self.slots.get(at).is_some_and(|s| *s != 0) {
                at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = Self::mark(hash) | (place as u64 + 1);
            }
            place += HEAD + len;
        }
    }

    /// Gives back the room that growing took.
    pub(super) fn finish(&mut self) {
        self.rehash(self.names * SLOTS_PER_HUNDRED / 100 + 1);
        self.arena.shrink_to_fit();
    }

    /// The listed names that are `name` or stand above it, longest first, each with its number.
    pub(super) fn above<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, u32)> {
        let mut rest = if self.names == 0 { None } else { Some(name) };
        let mut depth = labels(name);
        std::iter::from_fn(move || {
            while let Some(candidate) = rest {
                rest = candidate.split_once('.').map(|(_, parent)| parent);
                let listed = self.depths.checked_shr(depth).unwrap_or(0) & 1 == 1;
                depth = depth.saturating_sub(1);
                if !listed {
                    continue;
                }
                let slot = self.slot(candidate.as_bytes()).and_then(|at| self.slots.get(at).copied()).unwrap_or(0);
                if slot != 0 {
                    return Some((std::str::from_utf8(self.text(slot)?).ok()?, self.number(slot)?));
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn table(names: &[(&str, u32)]) -> NameTable {
        let mut t = NameTable::default();
        for (name, number) in names {
            t.upsert(name, |_| *number);
        }
        t.finish();
        t
    }

    #[test]
    fn a_name_matches_at_label_boundaries_only() {
        let t = table(&[("nanopool.org", 1), ("eu.nanopool.org", 2)]);
        let above = |n| t.above(n).collect::<Vec<_>>();
        assert_eq!(above("nanopool.org"), [("nanopool.org", 1)]);
        assert_eq!(above("xmr.eu.nanopool.org"), [("eu.nanopool.org", 2), ("nanopool.org", 1)]);
        for other in ["evilnanopool.org", "nanopool.org.evil.example", "org", "", ".", "nanopool", "..nanopool.orgx"] {
            assert_eq!(above(other), [], "{other}");
        }
    }

    #[test]
    fn a_name_given_twice_is_one_name() {
        let mut t = NameTable::default();
        for (name, number) in [("a.example", 1), ("a.example", 2), ("b.example", 3)] {
            t.upsert(name, |before| before.unwrap_or(0) + number);
        }
        assert_eq!(t.len(), 2);
        assert_eq!(t.above("a.example").next(), Some(("a.example", 3)));
    }

    #[test]
    fn an_empty_table_knows_nothing() {
        assert_eq!(NameTable::default().above("a.example").count(), 0);
        let mut t = NameTable::default();
        t.finish();
        assert_eq!(t.above("a.example").count(), 0);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_map(
            names in prop::collection::vec("[ab]{1,2}(\\.[ab]{1,2}){0,3}", 0..200),
            asked in prop::collection::vec("[ab]{1,2}(\\.[ab]{1,2}){0,5}", 0..50),
        ) {
            let mut map = HashMap::new();
            let mut t = NameTable::default();
            for (i, name) in names.iter().enumerate() {
                map.insert(name.clone(), i as u32);
                t.upsert(name, |_| i as u32);
            }
            prop_assert_eq!(t.len(), map.len());
            t.finish();
            for name in names.iter().chain(&asked) {
                let mut want = Vec::new();
                let mut rest = Some(name.as_str());
                while let Some(n) = rest {
                    if let Some(number) = map.get(n) {
                        want.push((n, *number));
                    }
                    rest = n.split_once('.').map(|(_, p)| p);
                }
                prop_assert_eq!(t.above(name).collect::<Vec<_>>(), want);
            }
        }
    }
}

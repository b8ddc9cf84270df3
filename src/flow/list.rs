//! Doubly linked lists threaded through a slab, by slot number: oldest first, everything in constant time.

use super::index::NONE;

/// Neighbours in one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    prev: u32,
    next: u32,
}

impl Links {
    /// In no list.
    pub(super) const LOOSE: Self = Self { prev: NONE, next: NONE };
}

/// Something that can be in list number `L`.
pub(super) trait Linked<const L: u8> {
    fn links(&self) -> Links;
    fn links_mut(&mut self) -> &mut Links;
}

/// Head, tail and length of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List<const L: u8> {
    head: u32,
    tail: u32,
    len: u32,
}

impl<const L: u8> Default for List<L> {
    fn default() -> Self {
        Self { head: NONE, tail: NONE, len: 0 }
    }
}

impl<const L: u8> List<L> {
    /// The oldest.
    pub(super) const fn front(&self) -> Option<u32> {
        if self.head == NONE { None } else { Some(self.head) }
    }

    /// How many.
    pub(super) const fn len(&self) -> usize {
        self.len as usize
    }

    /// The one after `slot`.
    pub(super) fn after<N: Linked<L>>(nodes: &[N], slot: u32) -> Option<u32> {
        nodes.get(slot as usize).map(|n| n.links().next).filter(|&next| next != NONE)
    }

    /// Adds as the youngest. The slot must be in no list `L`.
    pub(super) fn push_back<N: Linked<L>>(&mut self, nodes: &mut [N], slot: u32) {
        let Some(node) = nodes.get_mut(slot as usize) else { return };
        *node.links_mut() = Links { prev: self.tail, next: NONE };
        if let Some(tail) = nodes.get_mut(self.tail as usize) {
            tail.links_mut().next = slot;
        } else {
            self.head = slot;
        }
        self.tail = slot;
        self.len += 1;
    }

    /// Takes out. The slot must be in this very list.
    pub(super) fn remove<N: Linked<L>>(&mut self, nodes: &mut [N], slot: u32) {
        let Some(node) = nodes.get_mut(slot as usize) else { return };
        let Links { prev, next } = std::mem::replace(node.links_mut(), Links::LOOSE);
        match nodes.get_mut(prev as usize) {
            Some(p) => p.links_mut().next = next,
            None => self.head = next,
        }
        match nodes.get_mut(next as usize) {
            Some(n) => n.links_mut().prev = prev,
            None => self.tail = prev,
        }
        self.len -= 1;
    }

    /// Makes the slot the youngest.
    pub(super) fn move_to_back<N: Linked<L>>(&mut self, nodes: &mut [N], slot: u32) {
        if self.tail != slot {
            self.remove(nodes, slot);
            self.push_back(nodes, slot);
        }
    }
}

//! The last few of something, in place.

/// The last `N` values; older ones are overwritten.
#[derive(Clone, Debug)]
pub(super) struct Ring<T, const N: usize> {
    items: [T; N],
    next: u16,
    len: u16,
}

impl<T: Copy + Default, const N: usize> Ring<T, N> {
    pub(super) fn new() -> Self {
        Self { items: [T::default(); N], next: 0, len: 0 }
    }

    pub(super) fn push(&mut self, item: T) {
        let at = usize::from(self.next);
        if let Some(slot) = self.items.get_mut(at) {
            *slot = item;
        }
        self.next = ((at + 1) % N) as u16;
        self.len = (self.len + 1).min(N as u16);
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        let (newer, older) = self.items.split_at(usize::from(self.next).min(N));
        let older = if self.len() < N { &[] } else { older };
        older.iter().chain(newer.iter())
    }

    /// Newest first.
    pub(super) fn recent_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let full = self.len() == N;
        let (newer, older) = self.items.split_at_mut(usize::from(self.next).min(N));
        let older = if full { older } else { &mut [] };
        newer.iter_mut().rev().chain(older.iter_mut().rev())
    }
}

/// A list on the stack of at most `N` numbers: what one judgement works on.
#[derive(Clone, Copy)]
pub(super) struct List<const N: usize> {
    items: [f32; N],
    len: usize,
}

impl<const N: usize> List<N> {
    pub(super) fn new() -> Self {
        Self { items: [0.0; N], len: 0 }
    }

    /// One more; dropped when full.
    pub(super) fn push(&mut self, item: f32) {
        if let Some(slot) = self.items.get_mut(self.len) {
            *slot = item;
            self.len += 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[f32] {
        self.items.get(..self.len).unwrap_or_default()
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        self.items.get_mut(..self.len).unwrap_or_default()
    }
}

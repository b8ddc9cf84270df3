//! The reused buffer between a byte stream and the parsers.
//!
//! In: one `read()` at a time, as large as there is room for. Out: the bytes not consumed yet, contiguous. Only the
//! start of a record that straddles two reads is ever moved.

use std::io::{self, Read};

use super::bytes::MAX_RECORD;

/// Buffer of one open input.
pub(super) struct Window {
    buf: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the stream of the first byte of `buf`.
    base: u64,
}

/// Consumes bytes of a window while they are borrowed: they stay where they are until the next read.
pub(super) struct Lease<'w> {
    start: &'w mut usize,
    end: usize,
}

impl Lease<'_> {
    /// Drops up to `n` bytes from the front.
    pub(super) fn consume(self, n: usize) {
        *self.start += n.min(self.end - *self.start);
    }
}

impl Window {
    /// A window that reads up to `capacity` bytes at once and grows to [`MAX_RECORD`] where a record needs it.
    pub(super) fn new(capacity: usize) -> Self {
        Self { buf: vec![0; capacity.clamp(64, MAX_RECORD)], start: 0, end: 0, base: 0 }
    }

    /// What is read and not consumed.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or_default()
    }

    /// Offset in the stream of the first of [`bytes`](Self::bytes).
    pub(super) fn offset(&self) -> u64 {
        self.base.saturating_add(self.start as u64)
    }

    /// The same, and how many of them are consumed: to be set to as many as the bytes that are done with.
    pub(super) fn lend(&mut self) -> (&[u8], Lease<'_>) {
        let Self { buf, start, end, .. } = self;
        let bytes = buf.get(*start..*end).unwrap_or_default();
        (bytes, Lease { start, end: *end })
    }

    /// Drops up to `n` bytes from the front; returns how many there were.
    #[inline]
    pub(super) fn consume(&mut self, n: usize) -> usize {
        let n = n.min(self.end - self.start);
        self.start += n;
        n
    }

    /// Reads once, making room for at least `need` bytes in all. False at the end of the stream.
    ///
    /// One `read()` and no more: a pipe that has given a complete record must not be waited on for the next.
    pub(super) fn fill(&mut self, source: &mut impl Read, need: usize) -> io::Result<bool> {
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.base = self.base.saturating_add(self.start as u64);
            self.end -= self.start;
            self.start = 0;
        }
        let need = need.min(MAX_RECORD);
        if need > self.buf.len() {
            self.buf.resize(need.next_power_of_two().min(MAX_RECORD), 0);
        }
        let Some(room) = self.buf.get_mut(self.end..) else { return Ok(false) };
        loop {
            match source.read(room) {
                Ok(n) => {
                    let n = n.min(room.len());
                    self.end += n;
                    return Ok(n > 0);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

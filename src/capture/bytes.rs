//! Fixed-width integers out of a byte slice in either byte order, for the two file formats.
//!
//! In: a slice whose length the caller has checked. Out: integers; a read past the end gives 0 and never panics.

/// A slice and the byte order of the integers in it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) buf: &'a [u8],
    pub(super) big: bool,
}

impl Fields<'_> {
    #[inline]
    fn chunk<const N: usize>(&self, at: usize) -> [u8; N] {
        self.buf.get(at..).and_then(|b| b.first_chunk::<N>()).copied().unwrap_or([0; N])
    }

    #[inline]
    pub(super) fn u16(&self, at: usize) -> u16 {
        let b = self.chunk::<2>(at);
        if self.big { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }
    }

    #[inline]
    pub(super) fn u32(&self, at: usize) -> u32 {
        let b = self.chunk::<4>(at);
        if self.big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
    }

    #[inline]
    pub(super) fn u64(&self, at: usize) -> u64 {
        self.i64(at).cast_unsigned()
    }

    #[inline]
    pub(super) fn i64(&self, at: usize) -> i64 {
        let b = self.chunk::<8>(at);
        if self.big { i64::from_be_bytes(b) } else { i64::from_le_bytes(b) }
    }
}

/// A frame found at the start of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawFrame {
    pub(super) time: crate::time::PacketTime,
    pub(super) link: super::LinkType,
    pub(super) wire_len: u32,
    /// Where the captured bytes start, from the start of the window.
    pub(super) data_at: usize,
    /// How many captured bytes there are; all are in the window.
    pub(super) data_len: usize,
    /// Length of the whole record, header and padding included.
    pub(super) total: usize,
}

/// What a parser makes of the start of the window. Parsers change their own state only together with `Frame`,
/// `Pass` and `Flaw`, never with `More`, so that asking again with more bytes is always right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A frame.
    Frame(RawFrame),
    /// The next so many bytes (which need not all be in the window) hold no frame.
    Pass(u64),
    /// As `Pass`, and something is to be said about them.
    Flaw(u64, Flaw),
    /// Nothing can be said with fewer than so many bytes in the window. Never more than [`MAX_RECORD`].
    More(usize),
    /// Nothing after this place can be trusted.
    Bad(super::What),
}

/// Something wrong or notable that does not end the reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flaw {
    /// A packet of an interface that the section does not describe.
    UnknownInterface,
    /// A packet whose captured length does not fit its block.
    PacketOutsideBlock,
    /// A packet longer than [`MAX_FRAME`](super::MAX_FRAME), in an intact block.
    PacketTooLong,
    /// Another file header where a record should be: captures that were joined with `cat`.
    Joined,
}

/// Most bytes that a parser ever needs at once: a longest frame with its header, padding and some options.
pub(super) const MAX_RECORD: usize = 512 * 1024;

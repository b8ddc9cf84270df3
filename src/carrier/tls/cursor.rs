//! Reading numbers and length-prefixed vectors off the front of a slice, as TLS and QUIC write them.

/// What is left of a message. Every read gives `None`, and takes nothing, where there is too little.
#[derive(Clone, Copy, Debug)]
pub(in crate::carrier) struct Cursor<'a>(pub(in crate::carrier) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(in crate::carrier) fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    pub(in crate::carrier) fn u16(&mut self) -> Option<u16> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*first))
    }

    pub(in crate::carrier) fn u24(&mut self) -> Option<usize> {
        let (&[a, b, c], rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes([0, a, b, c]) as usize)
    }

    pub(in crate::carrier) fn u32(&mut self) -> Option<u32> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*first))
    }

    /// A number of 1, 2, 4 or 8 bytes (RFC 9000 §16).
    pub(in crate::carrier) fn varint(&mut self) -> Option<u64> {
        let first = *self.0.first()?;
        let bytes = self.take(1 << (first >> 6))?;
        let value = bytes.iter().fold(0, |v, b| v << 8 | u64::from(*b));
        Some(value & (u64::MAX >> (66 - 8 * bytes.len())))
    }

    pub(in crate::carrier) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    /// A vector behind its length in one byte.
    pub(in crate::carrier) fn vec8(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let n = ahead.u8()?;
        let taken = ahead.take(n.into())?;
        *self = ahead;
        Some(taken)
    }

    /// A vector behind its length in two bytes.
    pub(in crate::carrier) fn vec16(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let n = ahead.u16()?;
        let taken = ahead.take(n.into())?;
        *self = ahead;
        Some(taken)
    }

    pub(in crate::carrier) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// Two-byte numbers one after the other; an odd byte at the end is left out.
pub(super) fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair))
}

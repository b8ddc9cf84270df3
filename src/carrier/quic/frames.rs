//! Frames of Initial packets, and the handshake message that their CRYPTO frames hold in any order (RFC 9000 §19).

use crate::carrier::tls::{Cursor, MAX_HELLO};

/// Bytes of CRYPTO frames kept: a hello and its header.
const MAX_HELD: usize = MAX_HELLO + 4;
/// Frames kept. Browsers cut a hello into a dozen at most.
const MAX_PIECES: usize = 128;

/// Pieces of the handshake stream as they came.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Position in the stream.
    at: usize,
    /// Place in `bytes`.
    from: usize,
    len: usize,
}

/// What there is of the first message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Partial,
    TooLong,
    /// Its type and body.
    Whole(u8, Vec<u8>),
}

impl Pieces {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn held(&self) -> usize {
        self.bytes.capacity() + self.pieces.capacity() * size_of::<Piece>()
    }

    /// Keeps a piece, if there is room and it is none that is there already (a repetition).
    fn add(&mut self, at: usize, data: &[u8]) {
        let known = self.pieces.iter().any(|p| p.at <= at && at + data.len() <= p.at + p.len);
        if known || self.pieces.len() >= MAX_PIECES || self.bytes.len() + data.len() > MAX_HELD {
            return;
        }
        self.pieces.push(Piece { at, from: self.bytes.len(), len: data.len() });
        self.bytes.extend_from_slice(data);
    }

    /// The first message, if it is whole, shorter than `max`.
    pub(super) fn message(&mut self, max: usize) -> Message {
        self.pieces.sort_unstable_by_key(|p| (p.at, p.from));
        let there = self.pieces.iter().fold(0, |end, p| if p.at <= end { end.max(p.at + p.len) } else { end });
        let mut stream = self.in_order();
        let (Some(kind), Some(a), Some(b), Some(c)) = (stream.next(), stream.next(), stream.next(), stream.next())
        else {
            return Message::Partial;
        };
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if length > max {
            return Message::TooLong;
        }
        if there < 4 + length {
            return Message::Partial;
        }
        Message::Whole(kind, stream.take(length).collect())
    }

    /// The bytes up to the first hole; of what overlaps, the piece that begins first counts.
    fn in_order(&self) -> impl Iterator<Item = u8> {
        let mut end = 0_usize;
        let pieces = self.pieces.iter().map_while(move |p| {
            let known = end.checked_sub(p.at)?;
            end = end.max(p.at + p.len);
            Some(self.bytes.get(p.from + known.min(p.len)..p.from + p.len).unwrap_or_default())
        });
        pieces.flatten().copied()
    }
}

/// Reads the frames of a decrypted Initial packet; `false` if there is one that may not be there.
pub(super) fn read(frames: &[u8], pieces: &mut Pieces) -> bool {
    let mut c = Cursor(frames);
    while let Some(kind) = c.u8() {
        let read = match kind {
            // PADDING, PING
            0 | 1 => Some(()),
            // ACK, and with ECN counts
            2 | 3 => acknowledgement(&mut c, kind == 3),
            6 => crypto(&mut c, pieces),
            // CONNECTION_CLOSE: nothing follows that is of use.
            0x1c => return true,
            _ => None,
        };
        if read.is_none() {
            return false;
        }
    }
    true
}

fn acknowledgement(c: &mut Cursor<'_>, ecn: bool) -> Option<()> {
    let (_largest, _delay, ranges, _first) = (c.varint()?, c.varint()?, c.varint()?, c.varint()?);
    // Each is at least two bytes, so that a false number ends with the data.
    for _ in 0..ranges {
        let (_gap, _length) = (c.varint()?, c.varint()?);
    }
    if ecn {
        let (_ect0, _ect1, _ce) = (c.varint()?, c.varint()?, c.varint()?);
    }
    Some(())
}

fn crypto(c: &mut Cursor<'_>, pieces: &mut Pieces) -> Option<()> {
    let at = c.varint()?;
    let length = c.varint()?;
    let data = c.take(length.try_into().ok()?)?;
    // What lies beyond the longest hello is none of it.
    if let Ok(at) = usize::try_from(at)
        && at < MAX_HELD
        && !data.is_empty()
    {
        pieces.add(at, data);
    }
    Some(())
}

//! A gzip stream of one direction, as EthereumStratum/2.0.0 uses after an agreed `"encoding":"gzip"`.
//!
//! In: stream data and gaps. Out: the plain bytes as far as they can be told. Members per message (RFC 1952 §2.2) and
//! one long member with flushes between messages are read alike. Output is bounded by what came in, so that a bomb is
//! dropped instead of opened.

use flate2::{Decompress, FlushDecompress, Status};

use super::look::Look;

/// Plain bytes that every packed byte pays for. Deflate ends near 1032, JSON far below 100.
const RATIO: usize = 128;
/// What a stream may give before it has paid for it.
const FIRST_CREDIT: usize = 64 * 1024;
/// Plain bytes that one call may give at the most.
const MAX_CREDIT: usize = 1024 * 1024;
/// Name, comment and extra field of a member skipped at the most.
const MAX_FIELDS: usize = 1024;
/// The fixed part of a member's header.
const FIXED: usize = 10;
/// What a decompressor holds: a window of 32 KiB and Huffman tables.
pub(super) const DECOMPRESSOR: usize = 44 * 1024;

const FHCRC: u8 = 0x02;
const FEXTRA: u8 = 0x04;
const FNAME: u8 = 0x08;
const FCOMMENT: u8 = 0x10;

/// Whether the first bytes of a segment begin a gzip member.
pub fn starts(data: &[u8]) -> Look {
    let fits = data.iter().take(FIXED).enumerate().all(|(at, &b)| match at {
        0 => b == 0x1f,
        1 => b == 0x8b,
        // Deflate, and no reserved flag (RFC 1952 §2.3.1).
        2 => b == 8,
        3 => b & 0xe0 == 0,
        8 => matches!(b, 0 | 2 | 4),
        // Operating system; zlib writes up to 19.
        9 => matches!(b, 0..=19 | 255),
        _ => true,
    });
    match (fits, data.len() >= FIXED) {
        (false, _) => Look::No,
        (true, true) => Look::Yes,
        (true, false) => Look::Short,
    }
}

/// The reader of one direction.
#[derive(Debug)]
pub struct Inflate {
    state: State,
    /// Bytes of the fixed header, the extra field's length or the trailer, as many as came.
    piece: Vec<u8>,
    flags: u8,
    /// Optional header bytes that may still come.
    fields: usize,
    stream: Option<Decompress>,
    credit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fixed,
    ExtraLength,
    Extra(usize),
    Name,
    Comment,
    Check(usize),
    Body,
    Trailer,
    /// Damaged, or bytes are missing: wait for a segment that begins a member.
    Lost,
}

impl Default for Inflate {
    fn default() -> Self {
        Self { state: State::Fixed, piece: Vec::new(), flags: 0, fields: 0, stream: None, credit: FIRST_CREDIT }
    }
}

impl Inflate {
    /// Stream data in order. `out` gets the plain bytes in pieces that mean nothing.
    pub fn data(&mut self, mut data: &[u8], mut out: impl FnMut(&[u8])) {
        if self.state == State::Lost {
            if starts(data) != Look::Yes {
                return;
            }
            self.state = State::Fixed;
        }
        self.credit = self.credit.saturating_add(data.len().saturating_mul(RATIO)).min(MAX_CREDIT);
        while !data.is_empty() && self.state != State::Lost {
            data = if self.state == State::Body { self.body(data, &mut out) } else { self.framing(data) };
        }
    }

    /// Bytes are missing. Nothing after them can be told until a member begins at the start of a segment.
    pub fn gap(&mut self) {
        self.lose();
    }

    /// Whether nothing is read until a member begins.
    pub fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.piece.capacity() + self.stream.as_ref().map_or(0, |_| DECOMPRESSOR)
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        self.piece = Vec::new();
        self.stream = None;
    }

    /// Reads one byte of header or trailer.
    fn framing<'d>(&mut self, data: &'d [u8]) -> &'d [u8] {
        let Some((&b, rest)) = data.split_first() else { return &[] };
        match self.state {
            // Between members some senders put line ends, and tapes put NULs.
            State::Fixed if self.piece.is_empty() && matches!(b, b'\n' | b'\r' | 0) => return rest,
            State::Fixed | State::ExtraLength | State::Trailer => self.piece.push(b),
            State::Extra(_) | State::Name | State::Comment | State::Check(_) => {
                self.fields = self.fields.saturating_sub(1);
                if self.fields == 0 {
                    self.lose();
                    return &[];
                }
            }
            State::Body | State::Lost => {}
        }
        match self.state {
            State::Fixed => match starts(&self.piece) {
                Look::No => self.lose(),
                Look::Short => {}
                Look::Yes => {
                    self.flags = self.piece.get(3).copied().unwrap_or(0);
                    self.fields = MAX_FIELDS;
                    self.after_fields();
                }
            },
            State::ExtraLength => {
                if let [low, high] = *self.piece {
                    match usize::from(u16::from_le_bytes([low, high])) {
                        0 => self.after_fields(),
                        n => self.state = State::Extra(n),
                    }
                }
            }
            State::Extra(1) | State::Check(1) => self.after_fields(),
            State::Extra(n) => self.state = State::Extra(n - 1),
            State::Check(n) => self.state = State::Check(n - 1),
            State::Name | State::Comment if b == 0 => self.after_fields(),
            State::Trailer => self.trailer(),
            _ => {}
        }
        rest
    }

    /// Goes on to the next optional field that the flags name, in the order of RFC 1952 §2.3, or to the body.
    fn after_fields(&mut self) {
        self.piece.clear();
        for (flag, state) in
            [(FEXTRA, State::ExtraLength), (FNAME, State::Name), (FCOMMENT, State::Comment), (FHCRC, State::Check(2))]
        {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                self.state = state;
                return;
            }
        }
        self.state = State::Body;
        match &mut self.stream {
            Some(stream) => stream.reset(false),
            None => self.stream = Some(Decompress::new(false)),
        }
    }

    fn body<'d>(&mut self, mut data: &'d [u8], out: &mut impl FnMut(&[u8])) -> &'d [u8] {
        let Some(stream) = &mut self.stream else { return &[] };
        let mut plain = [0; 4096];
        while let Some((used, given, end)) = step(stream, data, &mut plain) {
            data = data.get(used..).unwrap_or_default();
            let given = plain.get(..given).unwrap_or_default();
            let Some(credit) = self.credit.checked_sub(given.len()) else { break };
            self.credit = credit;
            if !given.is_empty() {
                out(given);
            }
            if end {
                self.state = State::Trailer;
                return data;
            }
            if data.is_empty() && given.len() < plain.len() {
                return data;
            }
            if used == 0 && given.is_empty() {
                break;
            }
        }
        self.lose();
        &[]
    }

    /// The size of the plain data tells whether it was read whole (RFC 1952 §2.3.1); damage that keeps it shows in the
    /// messages.
    fn trailer(&mut self) {
        let Some(size) = self.piece.get(4..8).and_then(|b| <[u8; 4]>::try_from(b).ok()) else { return };
        let total = self.stream.as_ref().map_or(0, Decompress::total_out);
        if u32::from_le_bytes(size) == total as u32 {
            self.piece.clear();
            self.state = State::Fixed;
        } else {
            self.lose();
        }
    }
}

/// One call of the decompressor: bytes used, bytes given, whether the stream ended. `None` on damage.
pub(super) fn step(stream: &mut Decompress, data: &[u8], plain: &mut [u8]) -> Option<(usize, usize, bool)> {
    let (used, given) = (stream.total_in(), stream.total_out());
    let status = stream.decompress(data, plain, FlushDecompress::Sync).ok()?;
    let used = usize::try_from(stream.total_in() - used).ok()?;
    let given = usize::try_from(stream.total_out() - given).ok()?;
    Some((used, given, status == Status::StreamEnd))
}

#[cfg(test)]
mod tests;

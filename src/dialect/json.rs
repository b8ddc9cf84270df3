//! One JSON message, read without copying it.
//!
//! In: the bytes of one line (or one HTTP body, one WebSocket text). Out: a [`Doc`] of cursors ([`Value`]) into those
//! bytes, and [`Rpc`], the five members that every mining dialect has. The bytes are untrusted: nothing recurses on
//! them, every dimension has a cap, duplicate keys are kept and can be asked for, and a [`Parser`] is reused so that a
//! usual message allocates nothing.
//!
//! Grammar: RFC 8259, strict, with what pools and miners are seen or feared to send around it: a UTF-8 byte order
//! mark, white space and NUL before or after the message. Two leniencies inside strings, since they hide nothing:
//! invalid UTF-8 and unpaired `\u` surrogates decode to U+FFFD and are flagged by [`Value::is_lossy`].

mod scan;
#[cfg(test)]
mod tests;
mod value;

pub use value::{Elements, Members, Rpc, Value};

/// Containers inside containers beyond this are refused. Mining messages nest 4 deep; an evader may nest more in a
/// member that the pool ignores.
pub const MAX_DEPTH: usize = 128;

/// Values and keys of one message beyond this are refused. A Grin share, the richest known message, has about 60.
pub const MAX_NODES: usize = 8192;

/// Why the bytes are no JSON message. Offsets count bytes from the start of the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JsonError {
    /// Nothing but white space.
    #[error("empty message")]
    Empty,
    /// More bytes than the caller allows.
    #[error("message longer than {max} bytes")]
    TooLong {
        /// The caller's cap in bytes.
        max: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} at byte {at}")]
    TooDeep {
        /// Offset of the container that is one too many.
        at: usize,
    },
    /// More than [`MAX_NODES`] values and keys.
    #[error("more than {MAX_NODES} values")]
    TooManyValues,
    /// A valid beginning of a message that ends too early.
    #[error("message ends early")]
    Truncated,
    /// Not JSON.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Offset of the first byte that does not fit.
        at: usize,
    },
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// Any number, kept as text.
    Number,
    /// A string.
    String,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

/// One entry of the tape: a value or a key, in the order of the text.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// First byte of the text; of a string, the first after the quote.
    start: u32,
    /// One past the last byte; of a string, the closing quote.
    end: u32,
    /// Tape index just after this value and everything in it: the skip link.
    next: u32,
    /// Elements of an array, members of an object.
    count: u32,
    /// Of an object.
    keys: Keys,
    kind: Kind,
    /// The string holds escapes.
    escaped: bool,
    /// The string holds bytes outside ASCII.
    wide: bool,
}

/// Which keys an object may have: a bit for each, shared by others. Most look-ups are for members that are not there,
/// and end here.
#[derive(Clone, Copy, Debug)]
struct Keys(u32);

impl Keys {
    const NONE: Self = Self(0);
    /// Anything: a key that is spelled with escapes.
    const ALL: Self = Self(u32::MAX);

    fn of(key: &[u8]) -> Self {
        let (first, last) = (key.first().copied().unwrap_or(0), key.last().copied().unwrap_or(0));
        let mixed = (key.len() as u32).wrapping_mul(7) ^ u32::from(first).wrapping_mul(3) ^ u32::from(last);
        Self(1 << (mixed % u32::BITS))
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    #[inline]
    fn may_hold(self, key: &[u8]) -> bool {
        self.0 & Self::of(key).0 != 0
    }
}

/// Reads messages one after the other into the same tape. One per worker is enough.
#[derive(Debug)]
pub struct Parser {
    tape: Vec<Node>,
    max_bytes: usize,
}

impl Parser {
    /// A parser that refuses messages of more than `max_bytes` bytes.
    pub fn new(max_bytes: usize) -> Self {
        Self { tape: Vec::with_capacity(64), max_bytes: max_bytes.min(u32::MAX as usize - 1) }
    }

    /// Reads one message. The whole of `bytes` must be it.
    pub fn parse<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Doc<'a>, JsonError> {
        if bytes.len() > self.max_bytes {
            return Err(JsonError::TooLong { max: self.max_bytes });
        }
        self.tape.clear();
        scan::scan(bytes, &mut self.tape)?;
        Ok(Doc { tape: &self.tape, src: bytes })
    }
}

/// A message that was read.
#[derive(Clone, Copy, Debug)]
pub struct Doc<'a> {
    tape: &'a [Node],
    src: &'a [u8],
}

impl<'a> Doc<'a> {
    /// The outermost value.
    pub fn root(self) -> Value<'a> {
        Value::new(self.tape, self.src, 0)
    }

    /// The JSON-RPC view, if the outermost value is an object.
    pub fn rpc(self) -> Option<Rpc<'a>> {
        Rpc::new(self.root())
    }
}

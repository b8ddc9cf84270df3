//! The header of one WebSocket frame (RFC 6455 §5.2).
//!
//! In: bytes that begin a frame. Out: what the header says, and whether bytes are frames and nothing else.

/// The longest header: a 64-bit length and a masking key.
pub(super) const MAX_HEADER: usize = 14;

/// What kinds of frame are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Continuation,
    Text,
    Binary,
    /// Close, ping, pong.
    Control,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Length of the header.
    pub(super) header: usize,
    /// Length of the payload.
    pub(super) payload: u64,
    pub(super) kind: Kind,
    pub(super) fin: bool,
    /// RSV1, which permessage-deflate uses (RFC 7692 §7.2.3).
    pub(super) packed: bool,
    pub(super) mask: Option<[u8; 4]>,
    /// The length is in the shortest form. Senders must, receivers rarely look.
    pub(super) minimal: bool,
}

pub(super) enum Parsed {
    Short,
    Bad,
    Frame(Frame),
}

/// Reads the header that `data` begins with, as soon as it can be judged.
pub(super) fn parse(data: &[u8]) -> Parsed {
    let Some(&first) = data.first() else { return Parsed::Short };
    let (fin, packed) = (first & 0x80 != 0, first & 0x40 != 0);
    let kind = match first & 0x0f {
        0 => Kind::Continuation,
        1 => Kind::Text,
        2 => Kind::Binary,
        8..=10 => Kind::Control,
        _ => return Parsed::Bad,
    };
    let begins = matches!(kind, Kind::Text | Kind::Binary);
    if first & 0x30 != 0 || (packed && !begins) || (kind == Kind::Control && !fin) {
        return Parsed::Bad;
    }
    let Some(&second) = data.get(1) else { return Parsed::Short };
    let (length, minimal, at) = match second & 0x7f {
        126 | 127 if kind == Kind::Control => return Parsed::Bad,
        126 => {
            let Some(raw) = data.get(2..).and_then(<[u8]>::first_chunk) else { return Parsed::Short };
            let length = u64::from(u16::from_be_bytes(*raw));
            (length, length > 125, 4)
        }
        127 => {
            let Some(raw) = data.get(2..).and_then(<[u8]>::first_chunk) else { return Parsed::Short };
            let length = u64::from_be_bytes(*raw);
            if length >> 63 != 0 {
                return Parsed::Bad;
            }
            (length, length > 0xffff, 10)
        }
        short => (u64::from(short), true, 2),
    };
    let (mask, header) = if second & 0x80 == 0 {
        (None, at)
    } else {
        let Some(mask) = data.get(at..).and_then(<[u8]>::first_chunk) else { return Parsed::Short };
        (Some(*mask), at + 4)
    };
    Parsed::Frame(Frame { header, payload: length, kind, fin, packed, mask, minimal })
}

/// Whether `data` is whole frames to its end, all masked or none, each accepted by `each` with its payload as sent.
/// `masked`: what is known of the direction.
pub(super) fn fill(mut data: &[u8], mut masked: Option<bool>, mut each: impl FnMut(&Frame, &[u8]) -> bool) -> bool {
    while !data.is_empty() {
        let Parsed::Frame(f) = parse(data) else { return false };
        let Ok(length) = usize::try_from(f.payload) else { return false };
        let Some(end) = f.header.checked_add(length) else { return false };
        let Some(payload) = data.get(f.header..end) else { return false };
        let alike = *masked.get_or_insert(f.mask.is_some()) == f.mask.is_some();
        if !(alike && f.minimal && each(&f, payload)) {
            return false;
        }
        data = data.get(end..).unwrap_or_default();
    }
    true
}

/// Takes the mask from `data`, or puts it on (RFC 6455 §5.3).
pub(super) fn unmask(data: &mut [u8], mask: [u8; 4]) {
    if mask == [0; 4] {
        return;
    }
    for quad in data.chunks_mut(4) {
        for (b, key) in quad.iter_mut().zip(mask) {
            *b ^= key;
        }
    }
}

/// Text that may be a JSON object or array.
#[derive(Default)]
pub(super) struct Json {
    first: u8,
    last: u8,
}

impl Json {
    /// More of it, masked; whether it still may be one.
    pub(super) fn push(&mut self, payload: &[u8], mask: [u8; 4]) -> bool {
        for b in payload.iter().zip(mask.into_iter().cycle()).map(|(b, key)| b ^ key) {
            match b {
                b'\t' | b'\n' | b'\r' | b' ' => continue,
                0..0x20 | 0x7f => return false,
                _ => {}
            }
            if self.first == 0 {
                self.first = b;
                if !matches!(b, b'{' | b'[') {
                    return false;
                }
            }
            self.last = b;
        }
        true
    }

    /// Whether nothing but white space came.
    pub(super) fn is_empty(&self) -> bool {
        self.first == 0
    }

    /// Whether it begins and ends like an object or array.
    pub(super) fn is_whole(&self) -> bool {
        matches!((self.first, self.last), (b'{', b'}') | (b'[', b']'))
    }
}

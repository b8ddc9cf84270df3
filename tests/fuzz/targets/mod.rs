//! What the fuzz targets do with an input, shared by libFuzzer (`tests/fuzz/bins`) and the ordinary test run
//! (`tests/fuzz_corpus.rs`).
//!
//! In: any bytes. Out: nothing, or a panic that names the promise that was broken. Every target asserts what its room
//! promises, not only that it survives: see each file's first lines.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc)] // a panic is how a target fails

pub mod blocks;
pub mod decode;
pub mod dialects;
pub mod dns;
pub mod feeds;
pub mod flows;
pub mod http;
pub mod json;
pub mod lines;
pub mod node;
pub mod printable;
pub mod quic;
pub mod reader;
pub mod reassembly;
pub mod rhythm;
pub mod tls;
pub mod wallet;
pub mod worker;

/// A target: its name, which is that of its corpus folder and of its binary, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: &[Target] = &[
    ("blocks", blocks::run),
    ("decode", decode::run),
    ("dialects", dialects::run),
    ("dns", dns::run),
    ("feeds", feeds::run),
    ("flows", flows::run),
    ("http", http::run),
    ("json", json::run),
    ("lines", lines::run),
    ("node", node::run),
    ("printable", printable::run),
    ("quic", quic::run),
    ("reader", reader::run),
    ("reassembly", reassembly::run),
    ("rhythm", rhythm::run),
    ("tls", tls::run),
    ("wallet", wallet::run),
    ("worker", worker::run),
];

/// Takes numbers and runs of bytes off the front of an input; what is missing at its end is given short.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next two bytes, big-endian.
    pub fn u16(&mut self) -> Option<u16> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*first))
    }

    /// At most `n` bytes.
    pub fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// Cuts `data` into pieces whose sizes follow from `seed`: 0 gives one piece, 1 single bytes.
pub fn pieces(data: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    let mut state = u32::from(seed);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let n = match seed {
            0 => rest.len(),
            1 => 1,
            _ => 1 + (state >> 16) as usize % (2 * usize::from(seed)),
        };
        let (piece, tail) = rest.split_at(n.min(rest.len()));
        rest = tail;
        Some(piece)
    })
}

/// Whether a terminal obeys the character, or nobody sees that it changes what is seen.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{feff}')
}

//! Deterministic damage to inputs: what a fuzzer without coverage would try.

use std::hash::BuildHasher;

/// Inputs do not grow beyond this, in bytes.
const MAX_LEN: usize = 64 * 1024;

/// Bytes that mean something to one of the targets.
const TOKENS: &[&[u8]] = &[
    b"\0",
    b"\xff\xff\xff\xff",
    b"\n",
    b"\r\n\r\n",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\u0000",
    b",",
    b"null",
    b"1e308",
    b"-1",
    b"18446744073709551615",
    b"\"method\":\"mining.submit\"",
    b"\"result\":true",
    b"\"id\":1",
    b"\"job\"",
    b"\"params\":[]",
    b">",
    b"<",
    b"0x",
    b"ffffffff",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"POST / HTTP/1.1\r\n",
    b"\x08\x00",
    b"\x86\xdd",
    b"\x81\x00",
    b"\x45",
    b"\x60",
    b"\x1f\x8b",
    b"\x0a\x0d\x0d\x0a",
    b"\x06\x00\x00\x00",
    b"\x7f\xff",
    b"\x80\x00",
    b"\xe2\x80\xae",
    b"\x1b[2J",
];

/// A seeded source of numbers.
pub(crate) struct Dice(u64);

impl Dice {
    /// Seeded by what is mutated and which mutation it is.
    pub(crate) fn new(what: &[&[u8]], n: u64) -> Self {
        let seed = foldhash::quality::FixedState::with_seed(7).hash_one(what);
        Self(seed ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `sides`, or 0.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides.max(1) as u64) as usize
    }

    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let from = self.roll(len + 1);
        let most = if self.roll(2) == 0 { 8 } else { len };
        from..(from + self.roll(most + 1)).min(len)
    }
}

/// `input` with one to four things done to it, some with pieces of `other`.
pub(crate) fn mutated(input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut out = input.to_vec();
    for _ in 0..=dice.roll(4) {
        let len = out.len();
        let at = dice.roll(len + 1);
        match dice.roll(10) {
            0 if at < len => out[at] ^= 1 << dice.roll(8),
            1 if at < len => out[at] = dice.roll(256) as u8,
            2 if at < len => out[at] = out[at].wrapping_add(dice.roll(9) as u8).wrapping_sub(4),
            3 => out.truncate(at),
            4 => drop(out.drain(dice.range(len))),
            5 => {
                let copy = out[dice.range(len)].to_vec();
                drop(out.splice(at..at, copy));
            }
            6 => {
                let piece = other[dice.range(other.len())].to_vec();
                drop(out.splice(at..at, piece));
            }
            7 => {
                let tail = other[dice.roll(other.len() + 1)..].to_vec();
                drop(out.splice(at.., tail));
            }
            8 => {
                let token = TOKENS[dice.roll(TOKENS.len())];
                let over = if dice.roll(2) == 0 { at..at } else { at..(at + token.len()).min(len) };
                drop(out.splice(over, token.iter().copied()));
            }
            _ if len >= 2 => {
                let (a, b) = (dice.roll(len), dice.roll(len));
                out.swap(a, b);
            }
            _ => out.push(dice.roll(256) as u8),
        }
        out.truncate(MAX_LEN);
    }
    out
}

//! Deflate that never changes, for payloads that must be the same bytes for ever.
//!
//! In: plain bytes. Out: RFC 1951 blocks with fixed codes, as messages of permessage-deflate (RFC 7692) or gzip members
//! (RFC 1952). A crate's compressor may write other bytes in its next version.

use std::collections::HashMap;

/// Extra bits and first length of the length codes 257 to 285 (RFC 1951 §3.2.5).
const LENGTHS: [(u8, u16); 29] = [
    (0, 3),
    (0, 4),
    (0, 5),
    (0, 6),
    (0, 7),
    (0, 8),
    (0, 9),
    (0, 10),
    (1, 11),
    (1, 13),
    (1, 15),
    (1, 17),
    (2, 19),
    (2, 23),
    (2, 27),
    (2, 31),
    (3, 35),
    (3, 43),
    (3, 51),
    (3, 59),
    (4, 67),
    (4, 83),
    (4, 99),
    (4, 115),
    (5, 131),
    (5, 163),
    (5, 195),
    (5, 227),
    (0, 258),
];
/// How far back a match may begin.
const WINDOW: usize = 32 * 1024;

/// Bits, the first one lowest.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    free: u8,
}

impl Bits {
    /// The lowest `count` bits of `value`, lowest first.
    fn put(&mut self, value: u16, count: u8) {
        for i in 0..count {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let bit = (value >> i & 1) as u8;
            *self.bytes.last_mut().unwrap() |= bit << (8 - self.free);
            self.free -= 1;
        }
    }

    /// A Huffman code: its highest bit comes first.
    fn code(&mut self, value: u16, count: u8) {
        for i in (0..count).rev() {
            self.put(value >> i & 1, 1);
        }
    }

    /// A literal or length symbol in the fixed code (RFC 1951 §3.2.6).
    fn symbol(&mut self, symbol: u16) {
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    fn reference(&mut self, length: usize, distance: usize) {
        let length = length as u16;
        let at = LENGTHS.iter().rposition(|(_, first)| *first <= length).unwrap();
        self.symbol(257 + at as u16);
        self.put(length - LENGTHS[at].1, LENGTHS[at].0);
        let (mut code, mut first, mut extra) = (0_u16, 1_usize, 0_u8);
        loop {
            let reach = 1_usize << extra;
            if distance < first + reach {
                break;
            }
            first += reach;
            code += 1;
            extra = if code < 4 { 0 } else { (code / 2 - 1) as u8 };
        }
        self.code(code, 5);
        self.put((distance - first) as u16, extra);
    }
}

/// One direction's compressor.
#[derive(Default)]
pub struct Deflate {
    /// Everything so far, that matches may refer to.
    past: Vec<u8>,
    /// Where three bytes stood last.
    seen: HashMap<[u8; 3], usize>,
}

impl Deflate {
    fn block(&mut self, plain: &[u8], last: bool, bits: &mut Bits) {
        bits.put(u16::from(last), 1);
        bits.put(1, 2);
        let start = self.past.len();
        self.past.extend_from_slice(plain);
        let mut at = start;
        while at < self.past.len() {
            let key: Option<[u8; 3]> = self.past.get(at..at + 3).map(|k| k.try_into().unwrap());
            let from = key.and_then(|k| self.seen.get(&k).copied()).filter(|from| at - from <= WINDOW);
            let mut length = 1;
            if let Some(from) = from {
                length =
                    (0..258).take_while(|i| self.past.get(at + i).is_some_and(|b| *b == self.past[from + i])).count();
                bits.reference(length, at - from);
            } else {
                bits.symbol(self.past[at].into());
            }
            for i in at..at + length {
                if let Some(k) = self.past.get(i..i + 3) {
                    self.seen.insert(k.try_into().unwrap(), i);
                }
            }
            at += length;
        }
        bits.symbol(256);
    }

    /// A message of permessage-deflate: a block, and an empty one of which the last four bytes are left off
    /// (RFC 7692 §7.2.1). Without `takeover` nothing refers to earlier messages.
    pub fn message(&mut self, plain: &[u8], takeover: bool) -> Vec<u8> {
        if !takeover {
            *self = Self::default();
        }
        let mut bits = Bits::default();
        self.block(plain, false, &mut bits);
        bits.put(0, 3);
        bits.bytes
    }
}

/// A gzip member.
pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    Deflate::default().block(plain, true, &mut bits);
    let mut crc = flate2::Crc::new();
    crc.update(plain);
    [
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..],
        &bits.bytes,
        &crc.sum().to_le_bytes(),
        &(plain.len() as u32).to_le_bytes(),
    ]
    .concat()
}

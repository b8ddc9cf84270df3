//! What bulk is made of: noise as encryption leaves it, and text as web servers send it.
//!
//! In: a random generator. Out: two reservoirs, of which conversations send pieces, so that a gigabyte costs no more
//! memory than a megabyte.

use crate::kit::rng::Rng;

/// Bytes of each reservoir. A prime: pieces of equal size do not fall on equal places.
const SIZE: usize = 4_194_301;
/// Longest piece.
pub const LONGEST: usize = 64_000;

const WORDS: [&str; 48] = [
    "account",
    "answer",
    "article",
    "autumn",
    "balance",
    "basket",
    "bridge",
    "button",
    "catalogue",
    "chapter",
    "city",
    "comment",
    "container",
    "content",
    "delivery",
    "drawing",
    "engine",
    "evening",
    "footer",
    "garden",
    "harbour",
    "height",
    "history",
    "invoice",
    "island",
    "journey",
    "kitchen",
    "ladder",
    "letter",
    "market",
    "message",
    "morning",
    "number",
    "orchard",
    "payment",
    "picture",
    "price",
    "question",
    "recipe",
    "result",
    "season",
    "section",
    "station",
    "street",
    "summary",
    "timetable",
    "weather",
    "window",
];

/// The reservoirs.
pub struct Stuff {
    noise: Vec<u8>,
    text: Vec<u8>,
}

/// A piece of a reservoir.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    text: bool,
    from: usize,
    /// Bytes.
    pub len: usize,
}

impl Piece {
    /// Of noise.
    pub fn noise(rng: &mut Rng, len: u64) -> Self {
        Self::of(false, rng, len)
    }

    /// Of text.
    pub fn text(rng: &mut Rng, len: u64) -> Self {
        Self::of(true, rng, len)
    }

    fn of(text: bool, rng: &mut Rng, len: u64) -> Self {
        assert!(len as usize <= LONGEST, "a piece of {len} bytes");
        Self { text, from: rng.range(0, (SIZE - LONGEST) as u64) as usize, len: len as usize }
    }
}

impl Stuff {
    /// Fills them.
    pub fn new(rng: &mut Rng) -> Self {
        let mut noise = Vec::with_capacity(SIZE + 8);
        while noise.len() < SIZE {
            noise.extend_from_slice(&rng.bits().to_le_bytes());
        }
        let mut text = Vec::with_capacity(SIZE + 256);
        while text.len() < SIZE {
            let word = WORDS[rng.range(0, WORDS.len() as u64) as usize];
            match rng.range(0, 24) {
                0 => text.extend_from_slice(format!("</p>\n<p class=\"{word}\">").as_bytes()),
                1 => text.extend_from_slice(format!("{{\"{word}\":{},\"id\":", rng.range(1, 9999)).as_bytes()),
                2 => text.extend_from_slice(format!("\"{word}\":\"{}\"}},\n", rng.hex(8)).as_bytes()),
                3 => text.extend_from_slice(format!("<a href=\"/{word}/{}\">", rng.range(1, 9999)).as_bytes()),
                _ => {
                    text.extend_from_slice(word.as_bytes());
                    text.push(b' ');
                }
            }
        }
        Self { noise, text }
    }

    /// The bytes of a piece.
    pub fn bytes(&self, piece: Piece) -> &[u8] {
        let of = if piece.text { &self.text } else { &self.noise };
        &of[piece.from..piece.from + piece.len]
    }
}

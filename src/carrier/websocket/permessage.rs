//! Messages packed by permessage-deflate (RFC 7692 §7).
//!
//! In: the packed messages of one direction. Out: the plain ones. A message may refer to the 32 KiB of plain text before
//! it, so after a loss that text is unknown, and a fresh decompressor has NULs in its place. Deflate only copies them:
//! a message that comes out without any refers to nothing unknown and is right, and JSON never has one of its own
//! (RFC 8259 §7). When 32 KiB came out without, everything is known again. A sender whose messages are all alike copies
//! its key names from one to the next for ever, though: then nothing more is read.

use flate2::Decompress;

use super::MAX_MESSAGE;
use crate::carrier::inflate::{DECOMPRESSOR, step};

/// What a fresh decompressor has for text that it did not see.
const UNKNOWN: u8 = 0;
/// How far back deflate refers (RFC 1951 §2).
const WINDOW: usize = 32 * 1024;
/// What a sender leaves off each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Plain bytes allowed to any message.
const BASE: usize = 4096;
/// Plain bytes that each packed byte allows on top. Deflate ends near 1032, JSON far below 100.
const RATIO: usize = 128;
/// Messages that did not open, or only as bombs, before packed messages of this direction are left alone: each costs a
/// fresh decompressor.
const MAX_FAILURES: u8 = 64;

/// The unpacker of one direction.
#[derive(Debug)]
pub(super) struct Permessage {
    stream: Option<Decompress>,
    /// The text before the next message may be unknown in part.
    unknown: bool,
    /// Plain bytes since the last [`UNKNOWN`].
    clean: usize,
    failures: u8,
}

impl Permessage {
    /// A direction from its first message on.
    pub(super) fn new() -> Self {
        Self { stream: None, unknown: false, clean: 0, failures: 0 }
    }

    /// A packed message was not seen, or not whole.
    pub(super) fn lose(&mut self) {
        self.stream = None;
        self.unknown = true;
        self.clean = 0;
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.stream.as_ref().map_or(0, |_| DECOMPRESSOR)
    }

    /// Unpacks a whole message. `out` is called at most once, and not when the message cannot be told.
    pub(super) fn message(&mut self, packed: &[u8], out: impl FnOnce(&[u8])) {
        if self.failures >= MAX_FAILURES {
            return;
        }
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        let most = MAX_MESSAGE.min(BASE + RATIO * packed.len());
        let mut plain = Vec::new();
        let Some(ended) = unpack(stream, packed, most, &mut plain) else {
            self.failures += 1;
            self.lose();
            return;
        };
        if self.unknown {
            if let Some(after) = plain.iter().rev().position(|b| *b == UNKNOWN) {
                self.clean = after;
            } else {
                self.clean += plain.len();
                out(&plain);
            }
            self.unknown = self.clean < WINDOW;
        } else {
            out(&plain);
        }
        if ended {
            // A last block ends the deflate stream (RFC 7692 §7.2.3.4); what the next one refers to is left open.
            if let Some(stream) = &mut self.stream {
                stream.reset(false);
            }
            self.unknown = true;
            self.clean = 0;
        }
    }
}

/// Appends a message's plain text; whether the deflate stream ended with it. `None` for damage and for more than `most`.
fn unpack(stream: &mut Decompress, packed: &[u8], most: usize, plain: &mut Vec<u8>) -> Option<bool> {
    let mut piece = [0; 4096];
    for mut input in [packed, &TAIL] {
        loop {
            let (used, given, ended) = step(stream, input, &mut piece)?;
            input = input.get(used..).unwrap_or_default();
            if plain.len() + given > most {
                return None;
            }
            plain.extend_from_slice(piece.get(..given).unwrap_or_default());
            if ended {
                return Some(true);
            }
            if input.is_empty() && given < piece.len() {
                break;
            }
            if used == 0 && given == 0 {
                return None;
            }
        }
    }
    Some(false)
}

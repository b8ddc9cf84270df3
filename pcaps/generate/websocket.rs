//! WebSocket around a dialogue: the HTTP upgrade, masked frames of the client, fragments, permessage-deflate.
//!
//! In: a dialogue of JSON lines. Out: the same dialogue as a browser or a miner would hold it over RFC 6455 (and RFC 7692).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, FlushCompress};
use sha1::{Digest, Sha1};

use super::dialogue::{Dialogue, MILLI, Side, Turn};
use super::rng::Rng;

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// The request that opens a WebSocket, and its answer (RFC 6455 section 1.3).
pub fn upgrade(path: &str, host: &str, key: &str) -> (Vec<u8>, Vec<u8>) {
    upgrade_with(path, host, key, "", "")
}

/// The same with more header fields in request and answer, each with its line end.
pub fn upgrade_with(path: &str, host: &str, key: &str, asks: &str, answers: &str) -> (Vec<u8>, Vec<u8>) {
    let accept = STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{asks}\r\n"
    );
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{answers}\r\n"
    );
    (request.into_bytes(), answer.into_bytes())
}

/// A text message in one frame.
pub fn frame(text: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    raw_frame(0x81, text, mask)
}

/// A text message in frames of at most `most` bytes.
pub fn fragments(text: &[u8], mask: Option<[u8; 4]>, most: usize) -> Vec<u8> {
    let last = text.len().div_ceil(most).max(1) - 1;
    let parts = text.chunks(most).enumerate();
    parts.flat_map(|(i, part)| raw_frame(u8::from(i == 0) | if i == last { 0x80 } else { 0 }, part, mask)).collect()
}

/// A frame with this first byte: FIN 0x80, packed 0x40, and the opcode (0 goes on, 1 text, 9 ping, 10 pong).
pub fn raw_frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut out = vec![first];
    match payload.len() {
        n @ 0..=125 => out.push(masked | n as u8),
        n @ 126..=0xffff => {
            out.push(masked | 0x7e);
            out.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            out.push(masked | 0x7f);
            out.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    let key = mask.unwrap_or_default();
    out.extend_from_slice(mask.as_ref().map_or(&[][..], |m| m));
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
    out
}

/// How messages are framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// One frame a message.
    Plain,
    /// Every third message in frames of 100 bytes, and a ping now and then.
    Fragments,
    /// permessage-deflate agreed and used by both.
    Deflate,
}

/// The dialogue, every line a message, behind an upgrade. Times move back by 120 ms to make room for it.
#[must_use]
pub fn wrap(dialogue: &Dialogue, rng: &mut Rng, path: &str, host: &str, framing: Framing) -> Dialogue {
    wrap_with(dialogue, rng, path, host, framing, "")
}

/// The same with more header fields in the request.
#[must_use]
pub fn wrap_with(
    dialogue: &Dialogue,
    rng: &mut Rng,
    path: &str,
    host: &str,
    framing: Framing,
    headers: &str,
) -> Dialogue {
    let key = STANDARD.encode(rng.bytes(16));
    let extension = if framing == Framing::Deflate { DEFLATE } else { "" };
    let (request, answer) = upgrade_with(path, host, &key, &format!("{headers}{extension}"), extension);
    let mut out = Dialogue::new(dialogue.truth.clone());
    out.client(MILLI, request);
    out.server(60 * MILLI, answer);
    let mut packers = [(); 2].map(|()| Compress::new(Compression::default(), false));
    let mut n = 0;
    for turn in &dialogue.turns {
        let mut bytes = Vec::new();
        for line in turn.bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            let mask = (turn.side == Side::Client).then(|| std::array::from_fn(|_| rng.bits() as u8));
            bytes.extend(match framing {
                Framing::Plain => frame(line, mask),
                Framing::Fragments if n % 3 == 1 => fragments(line, mask, 100),
                Framing::Fragments if n % 7 == 5 => [raw_frame(0x89, b"hi", mask), frame(line, mask)].concat(),
                Framing::Fragments => frame(line, mask),
                Framing::Deflate => raw_frame(0xc1, &pack(&mut packers[turn.side.index()], line), mask),
            });
            n += 1;
        }
        out.turns.push(Turn { at: turn.at + 120 * MILLI, side: turn.side, bytes });
    }
    out.done()
}

/// A message packed as RFC 7692 section 7.2.1 wants it: flushed, without the last four bytes.
fn pack(packer: &mut Compress, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 64);
    packer.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
    out.truncate(out.len() - 4);
    out
}

//! One direction of HTTP/1, cut into messages with JSON bodies.
//!
//! In: stream data, gaps and the end. Out: messages: what the headers say ([`HttpMeta`]), and the body when it may be JSON.
//! RFC 9112 framing (Content-Length, chunked, until close), keep-alive and pipelining; gzip and deflate bodies within
//! a cap. Everything else about HTTP is left alone.

mod head;

use std::io::Read;

use head::{Encoding, Head, cut_short, is_start_line, mentions_http};
use memchr::memchr;

pub use head::HttpMeta;

use super::target::Target;

/// Header block kept at the most.
const MAX_HEAD: usize = 16 * 1024;
/// Body kept at the most. Block templates of a full mempool are larger; their beginning is not JSON on its own, so such
/// a response counts as answered without content.
const MAX_BODY: usize = 512 * 1024;
/// Bytes of a chunk-size line or a trailer field kept.
const MAX_LINE: usize = 256;

/// What a connection turns into behind a header block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// RFC 6455 frames.
    WebSocket {
        /// permessage-deflate was offered or agreed (RFC 7692).
        deflate: bool,
        /// Bytes are missing between the header block and the data.
        torn: bool,
    },
    /// Lines after all: what looked like HTTP was a decoy, or the peers changed to something else.
    Lines,
    /// Anything: a proxy's CONNECT. The destination, in the direction that names it.
    Tunnel(Option<Target>),
}

/// The cutter of one direction.
#[derive(Default, Debug)]
#[allow(clippy::struct_excessive_bools)] // what was seen so far, each on its own
pub struct Http {
    state: State,
    head: Vec<u8>,
    meta: HttpMeta,
    encoding: Encoding,
    body: Vec<u8>,
    overflow: bool,
    /// The start line of the header block is complete.
    started: bool,
    /// It only began like HTTP.
    decoy: bool,
    /// Something was lost or cannot be HTTP: where messages begin is a guess from here on.
    broken: bool,
    /// Bytes were missing somewhere.
    torn: bool,
    /// All messages so far were GET requests without a body.
    bodiless: bool,
    /// Messages that began.
    messages: u32,
    /// What follows the header block just read, if no HTTP.
    next: Option<Next>,
    /// Whether the other direction speaks HTTP, where that is known.
    other: Option<bool>,
    /// The other direction asked for a tunnel, and has none yet.
    asked: bool,
    /// The last message was a response that may have granted a tunnel, whatever it said of its length.
    granted: bool,
}

#[derive(Default, Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between messages or inside a header block.
    #[default]
    Head,
    /// Body of known length; the bytes still to come.
    Length(u64),
    /// Before or inside a chunk-size line.
    ChunkSize,
    /// Inside a chunk.
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    /// Trailer fields after the last chunk.
    Trailer,
    /// A response body that ends with the connection.
    UntilClose,
    /// Not HTTP (any more): wait for something that looks like a start line.
    Lost,
}

impl Http {
    /// Stream data in order. When the connection turns into something else, what that is and the data behind the header
    /// block; this object is spent then.
    pub fn data<'d>(&mut self, mut data: &'d [u8], mut out: impl FnMut(&HttpMeta, &[u8])) -> Option<(Next, &'d [u8])> {
        if let Some(next) = self.next.take() {
            return Some((next, data));
        }
        while !data.is_empty() {
            // No HTTP message begins with an object. After damage, or where bodies are objects, it may be a body's.
            let boundary = self.state == State::Head && self.head.is_empty() && self.bodiless && !self.broken;
            if (boundary || self.decoy) && super::first_bytes(data) == super::First::Lines {
                return Some((Next::Lines, data));
            }
            if self.is_tunnel(data) {
                // Only a hole can hide that a tunnel was asked for.
                let decoy = self.state == State::Lost && !self.torn;
                return Some((if decoy { Next::Lines } else { Next::Tunnel(None) }, data));
            }
            data = match self.state {
                State::Head => self.read_head(data, &mut out),
                State::Length(left) => self.read_length(data, left, &mut out),
                State::ChunkSize => self.read_chunk_size(data),
                State::Chunk(left) => self.read_chunk(data, left),
                State::ChunkEnd => match data.split_first() {
                    Some((b'\n', rest)) => {
                        self.state = State::ChunkSize;
                        rest
                    }
                    Some((_, rest)) => rest,
                    None => &[],
                },
                State::Trailer => self.read_trailer(data, &mut out),
                State::UntilClose => {
                    self.collect(data);
                    &[]
                }
                State::Lost => {
                    if super::first_bytes(data) != super::First::Http {
                        return None;
                    }
                    self.restart();
                    data
                }
            };
            if let Some(next) = self.next.take() {
                return Some((next, data));
            }
        }
        None
    }

    /// What is known of the other direction: whether it speaks HTTP, so that what answers it is no tunnel, and whether it
    /// asked for a tunnel that was not granted yet.
    pub fn beside(&mut self, speaks_http: Option<bool>, asked: bool) {
        self.other = speaks_http;
        self.asked = asked;
    }

    /// JSON between messages, where no HTTP can be, behind an answer that grants a tunnel (with a length, which RFC 9110
    /// §9.3.6 tells clients to ignore) or behind a hole, beside a direction that speaks no HTTP (any more).
    fn is_tunnel(&self, data: &[u8]) -> bool {
        let between = match self.state {
            State::Head => self.head.is_empty() && self.granted && self.other != Some(true),
            State::Lost => self.other == Some(false),
            _ => false,
        };
        between && super::first_bytes(data) == super::First::Lines
    }

    /// Bytes are missing.
    pub fn gap(&mut self, missing: u64) {
        (self.broken, self.torn) = (true, true);
        // What was seen of a header block may say enough.
        self.next = match self.state {
            State::Head => cut_short(&self.head),
            _ => None,
        };
        match self.state {
            // The hole lies within a body: its length is still right, its content is not.
            State::Length(left) if missing < left => {
                self.state = State::Length(left - missing);
                self.overflow = true;
            }
            State::UntilClose => self.overflow = true,
            _ => {
                self.restart();
                self.state = State::Lost;
            }
        }
    }

    /// The stream ended.
    pub fn end(&mut self, mut out: impl FnMut(&HttpMeta, &[u8])) {
        if self.state == State::UntilClose {
            self.finish(&mut out);
        }
        self.restart();
    }

    /// How many messages began.
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Whether what comes is no HTTP that could be read.
    pub fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.head.capacity() + self.body.capacity()
    }

    fn restart(&mut self) {
        self.state = State::Head;
        self.started = false;
        self.head = Vec::new();
        self.body = Vec::new();
        self.overflow = false;
    }

    fn read_head<'d>(&mut self, data: &'d [u8], out: &mut impl FnMut(&HttpMeta, &[u8])) -> &'d [u8] {
        if self.head.is_empty() {
            // Line ends between messages are tolerated (RFC 9112 §2.2).
            let start = data.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(data.len());
            let Some(rest) = data.get(start..).filter(|r| !r.is_empty()) else { return &[] };
            if start > 0 {
                return self.read_head(rest, out);
            }
        }
        let mut rest = data;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            if self.head.len() + line.len() > MAX_HEAD {
                self.restart();
                self.state = State::Lost;
                return &[];
            }
            self.head.extend_from_slice(line);
            rest = behind;
            if !line.ends_with(b"\n") {
                break;
            }
            if !self.started {
                self.started = true;
                if !is_start_line(&self.head) {
                    self.decoy = self.messages == 0 && !mentions_http(&self.head);
                    self.restart();
                    self.broken = true;
                    self.state = State::Lost;
                    return rest;
                }
            }
            if self.head.ends_with(b"\r\n\r\n") || self.head.ends_with(b"\n\n") {
                self.start_body(out);
                return rest;
            }
        }
        &[]
    }

    /// The header block is complete: reads it and decides how the body is framed.
    fn start_body(&mut self, out: &mut impl FnMut(&HttpMeta, &[u8])) {
        let raw = std::mem::take(&mut self.head);
        let Some(head) = Head::read(&raw) else {
            self.messages = self.messages.saturating_add(1);
            self.broken = true;
            self.state = State::Lost;
            return;
        };
        let Head { mut meta, length, chunked, .. } = head;
        if meta.response && meta.status / 100 == 1 && meta.status != 101 {
            // The answer proper comes later (RFC 9110 §15.2).
            return self.restart();
        }
        self.messages = self.messages.saturating_add(1);
        self.encoding = head.encoding;
        // A proxy says so, or says nothing at all; whoever was asked for a tunnel and agrees has granted it, whatever its
        // fields say of a body (RFC 9110 §9.3.6). Any other answer without a length is a body until the end.
        let bare = (head.established || head.bare) && self.other != Some(true);
        let answers_connect = meta.response && meta.status / 100 == 2 && (bare || (self.asked && !head.json));
        self.next = if head.connect {
            Some(Next::Tunnel(head.destination))
        } else if (head.upgrade && (meta.status == 101 || !meta.response)) || (meta.status == 101 && !head.named) {
            Some(Next::WebSocket { deflate: head.deflate, torn: false })
        } else if answers_connect && meta.status != 204 {
            // No sign of a body: what follows is the other end of a tunnel.
            Some(Next::Tunnel(None))
        } else {
            None
        };
        let plain = head.get && length.is_none() && !chunked;
        self.bodiless = plain && (self.bodiless || self.messages == 1);
        self.granted = meta.response && meta.status / 100 == 2 && length.unwrap_or(0) == 0 && !chunked;
        meta.websocket = matches!(self.next, Some(Next::WebSocket { .. }));
        let bodiless = meta.response && matches!(meta.status, 101 | 204 | 304);
        self.state = match (chunked, length) {
            _ if bodiless => State::Length(0),
            (true, _) => State::ChunkSize,
            (false, Some(n)) => State::Length(n),
            (false, None) if meta.response && self.next.is_none() => State::UntilClose,
            (false, None) => State::Length(0),
        };
        self.meta = meta;
        if matches!(self.next, Some(Next::Tunnel(_))) {
            // Between client and proxy: nothing for whoever reads what is inside.
            self.restart();
        } else if self.state == State::Length(0) {
            self.finish(out);
        }
    }

    fn read_length<'d>(&mut self, data: &'d [u8], left: u64, out: &mut impl FnMut(&HttpMeta, &[u8])) -> &'d [u8] {
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
        let (body, rest) = data.split_at_checked(n).unwrap_or((data, &[]));
        self.collect(body);
        let left = left - body.len() as u64;
        self.state = State::Length(left);
        if left == 0 {
            self.finish(out);
        }
        rest
    }

    fn read_chunk_size<'d>(&mut self, data: &'d [u8]) -> &'d [u8] {
        for (i, &b) in data.iter().enumerate() {
            if b == b'\n' {
                let line = std::mem::take(&mut self.head);
                let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).copied().collect::<Vec<_>>();
                let size = std::str::from_utf8(&digits).ok().and_then(|d| u64::from_str_radix(d, 16).ok());
                self.state = match size {
                    Some(0) => State::Trailer,
                    Some(n) => State::Chunk(n),
                    None => State::Lost,
                };
                return data.get(i + 1..).unwrap_or_default();
            }
            if self.head.len() >= MAX_LINE {
                self.state = State::Lost;
                self.head = Vec::new();
                return &[];
            }
            self.head.push(b);
        }
        &[]
    }

    fn read_chunk<'d>(&mut self, data: &'d [u8], left: u64) -> &'d [u8] {
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
        let (body, rest) = data.split_at_checked(n).unwrap_or((data, &[]));
        self.collect(body);
        let left = left - body.len() as u64;
        self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
        rest
    }

    fn read_trailer<'d>(&mut self, data: &'d [u8], out: &mut impl FnMut(&HttpMeta, &[u8])) -> &'d [u8] {
        for (i, &b) in data.iter().enumerate() {
            if b == b'\n' {
                let blank = self.head.iter().all(|b| *b == b'\r');
                self.head.clear();
                if blank {
                    self.finish(out);
                    return data.get(i + 1..).unwrap_or_default();
                }
            } else if self.head.len() < MAX_LINE {
                self.head.push(b);
            }
        }
        &[]
    }

    fn collect(&mut self, data: &[u8]) {
        if self.overflow || self.body.len().saturating_add(data.len()) > MAX_BODY {
            self.overflow = true;
            self.body = Vec::new();
        } else if self.encoding != Encoding::Identity
            || !self.body.is_empty()
            || matches!(super::first_bytes(data), super::First::Lines | super::First::Short)
        {
            self.body.extend_from_slice(data);
        } else {
            // No JSON: a web page, an image. Only its length matters.
            self.overflow = true;
        }
    }

    fn finish(&mut self, out: &mut impl FnMut(&HttpMeta, &[u8])) {
        let body = std::mem::take(&mut self.body);
        let meta = std::mem::take(&mut self.meta);
        let overflow = self.overflow;
        self.restart();
        if overflow || self.encoding == Encoding::Other {
            return out(&meta, &[]);
        }
        match self.encoding {
            Encoding::Gzip => out(&meta, &inflate(flate2::read::GzDecoder::new(body.as_slice()))),
            Encoding::Deflate => out(&meta, &inflate(flate2::read::ZlibDecoder::new(body.as_slice()))),
            Encoding::Identity | Encoding::Other => out(&meta, &body),
        }
    }
}

/// As much as fits the cap; nothing when it does not.
fn inflate(from: impl Read) -> Vec<u8> {
    let mut plain = Vec::new();
    match from.take(MAX_BODY as u64 + 1).read_to_end(&mut plain) {
        Ok(n) if n <= MAX_BODY => plain,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;

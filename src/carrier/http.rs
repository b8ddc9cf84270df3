//! One direction of HTTP/1, cut into messages with JSON bodies.
//!
//! In: stream data, gaps and the end. Out: messages: what the headers say ([`HttpMeta`]), and the body when it may be JSON.
//! RFC 9112 framing (Content-Length, chunked, until close), keep-alive and pipelining; gzip and deflate bodies within
//! a cap. Everything else about HTTP is left alone.

use std::io::Read;

use base64::Engine;
use memchr::memchr;

use super::target::Target;

/// Header block kept at the most.
const MAX_HEAD: usize = 16 * 1024;
/// Body kept at the most. Block templates of a full mempool are larger; their beginning is not JSON on its own, so such
/// a response counts as answered without content.
const MAX_BODY: usize = 512 * 1024;
/// Header fields looked at.
const MAX_FIELDS: usize = 64;
/// Header values kept to this many bytes.
const MAX_VALUE: usize = 256;

/// Fields that only getwork miners send (cgminer, bfgminer and cpuminer `util.c`), as they are named in evidence.
const MINER_FIELDS: [&str; 3] = ["X-Mining-Extensions", "X-Mining-Hashrate", "X-Minimum-Wait"];
/// Fields that their servers send.
const SERVER_FIELDS: [&str; 4] = ["X-Stratum", "X-Long-Polling", "X-Roll-NTime", "X-Reject-Reason"];

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

/// What an HTTP message says around its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpMeta {
    /// A response (else a request).
    pub response: bool,
    /// Status code of a response.
    pub status: u16,
    /// The mining header field that it carries, if one.
    pub mining_header: Option<&'static str>,
    /// User-Agent of a request, capped.
    pub user_agent: Option<String>,
    /// Path of a request, with its query, capped.
    pub path: Option<String>,
    /// Host of a request, capped.
    pub host: Option<String>,
    /// User name of HTTP Basic authentication, capped.
    pub user: Option<String>,
    /// The request asks for a WebSocket, or the response agrees to one.
    pub websocket: bool,
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

#[derive(Default, Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    #[default]
    Identity,
    Gzip,
    Deflate,
    /// One that is not opened.
    Other,
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
        self.messages = self.messages.saturating_add(1);
        let head = std::mem::take(&mut self.head);
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut meta = HttpMeta::default();
        let mut connect = None;
        let (mut established, mut get, mut json) = (false, false, false);
        let fields: &[httparse::Header<'_>] = if head.starts_with(b"HTTP/1.") {
            let mut r = httparse::Response::new(&mut fields);
            if !r.parse(&head).is_ok_and(|s| s.is_complete()) {
                self.broken = true;
                self.state = State::Lost;
                return;
            }
            meta.response = true;
            meta.status = r.code.unwrap_or(0);
            established = r.reason.is_some_and(|reason| reason.to_ascii_lowercase().contains("connect"));
            r.headers
        } else {
            let mut r = httparse::Request::new(&mut fields);
            if !r.parse(&head).is_ok_and(|s| s.is_complete()) {
                self.broken = true;
                self.state = State::Lost;
                return;
            }
            if r.method == Some("CONNECT") {
                connect = Some(r.path.and_then(Target::parse_authority));
            }
            get = r.method == Some("GET");
            meta.path = r.path.map(|p| value(p.as_bytes()));
            r.headers
        };
        let mining: &[&'static str] = if meta.response { &SERVER_FIELDS } else { &MINER_FIELDS };
        let mut length = None;
        let mut chunked = false;
        let (mut upgrade, mut named, mut deflate) = (false, false, false);
        self.encoding = Encoding::Identity;
        for f in fields {
            let name = f.name;
            if name.eq_ignore_ascii_case("content-length") {
                length = std::str::from_utf8(f.value).ok().and_then(|v| v.trim().parse::<u64>().ok());
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = f.value.to_ascii_lowercase().ends_with(b"chunked");
            } else if name.eq_ignore_ascii_case("content-encoding") {
                self.encoding = match f.value.to_ascii_lowercase().as_slice() {
                    b"gzip" | b"x-gzip" => Encoding::Gzip,
                    b"deflate" => Encoding::Deflate,
                    b"identity" => Encoding::Identity,
                    _ => Encoding::Other,
                };
            } else if name.eq_ignore_ascii_case("content-type") {
                // No proxy grants a tunnel in JSON: the grant itself was lost.
                json = mentions(f.value, b"json");
            } else if name.eq_ignore_ascii_case("upgrade") {
                // A list, of which the server takes what it knows (RFC 9110 §7.8).
                upgrade = f.value.split(|b| *b == b',').any(|p| p.trim_ascii().eq_ignore_ascii_case(b"websocket"));
                named = true;
            } else if name.eq_ignore_ascii_case("sec-websocket-extensions") {
                // Offers are a list, and may be spread over fields (RFC 6455 §9.1).
                deflate |= mentions(f.value, b"permessage-deflate");
            } else if name.eq_ignore_ascii_case("host") {
                meta.host = Some(value(f.value));
            } else if name.eq_ignore_ascii_case("user-agent") {
                meta.user_agent = Some(value(f.value));
            } else if name.eq_ignore_ascii_case("authorization") {
                meta.user = basic_user(f.value);
            } else if let Some(field) = mining.iter().find(|m| m.eq_ignore_ascii_case(name)) {
                meta.mining_header.get_or_insert(field);
            }
        }
        // A proxy says so, or says nothing at all; whoever was asked for a tunnel and agrees has granted it, whatever its
        // fields say of a body (RFC 9110 §9.3.6). Any other answer without a length is a body until the end.
        let bare = (established || fields.is_empty()) && self.other != Some(true);
        let answers_connect = meta.response && meta.status / 100 == 2 && (bare || (self.asked && !json));
        self.next = if let Some(target) = connect {
            Some(Next::Tunnel(target))
        } else if (upgrade && (meta.status == 101 || !meta.response)) || (meta.status == 101 && !named) {
            Some(Next::WebSocket { deflate, torn: false })
        } else if answers_connect && meta.status != 204 {
            // No sign of a body: what follows is the other end of a tunnel.
            Some(Next::Tunnel(None))
        } else {
            None
        };
        let plain = get && length.is_none() && !chunked;
        self.bodiless = plain && (self.bodiless || self.messages == 1);
        self.granted = meta.response && meta.status / 100 == 2 && length.unwrap_or(0) == 0 && !chunked;
        meta.websocket = matches!(self.next, Some(Next::WebSocket { .. }));
        let bodiless = meta.response && (matches!(meta.status, 204 | 304) || meta.status / 100 == 1);
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
            if self.head.len() >= MAX_VALUE {
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
            } else if self.head.len() < MAX_VALUE {
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

/// `METHOD target HTTP/1.x` or `HTTP/1.x status …` (RFC 9112 §3, §4).
fn is_start_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let version = line.len().checked_sub(8).and_then(|at| line.get(at..));
    line.starts_with(b"HTTP/1.") || version.is_some_and(|v| v.starts_with(b"HTTP/1."))
}

fn mentions_http(line: &[u8]) -> bool {
    line.windows(3).any(|w| [&b"HTT"[..], b"TTP", b"/1."].iter().any(|part| w.eq_ignore_ascii_case(part)))
}

/// Whether a field's value holds `word`, in any case.
fn mentions(value: &[u8], word: &[u8]) -> bool {
    value.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word))
}

/// What a connection turns into behind a header block the rest of which was not seen.
fn cut_short(head: &[u8]) -> Option<Next> {
    if let Some(rest) = head.strip_prefix(b"CONNECT ") {
        let authority = rest.split(|b| *b == b' ').next().filter(|a| a.len() < rest.len());
        return Some(Next::Tunnel(authority.and_then(|a| Target::parse_authority(std::str::from_utf8(a).ok()?))));
    }
    let agreed = head.starts_with(b"HTTP/1.1 101") || mentions(head, b"\r\nupgrade: websocket\r\n");
    agreed.then_some(Next::WebSocket { deflate: true, torn: true })
}

/// As much as fits the cap; nothing when it does not.
fn inflate(from: impl Read) -> Vec<u8> {
    let mut plain = Vec::new();
    match from.take(MAX_BODY as u64 + 1).read_to_end(&mut plain) {
        Ok(n) if n <= MAX_BODY => plain,
        _ => Vec::new(),
    }
}

fn value(raw: &[u8]) -> String {
    let raw = raw.get(..MAX_VALUE).unwrap_or(raw);
    String::from_utf8_lossy(raw).trim().to_owned()
}

/// `Basic base64(user:password)` (RFC 7617); the password is not kept.
fn basic_user(raw: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(raw).ok()?.trim();
    let (scheme, code) = text.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case("basic ") || code.len() > 2 * MAX_VALUE {
        return None;
    }
    let plain = base64::engine::general_purpose::STANDARD.decode(code.trim()).ok()?;
    let user = plain.split(|b| *b == b':').next()?;
    (!user.is_empty()).then(|| value(user))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use proptest::prelude::*;

    fn cut(chunks: &[&[u8]]) -> Vec<(HttpMeta, String)> {
        let mut h = Http::default();
        let mut out = Vec::new();
        for c in chunks {
            h.data(c, |m, b| out.push((m.clone(), String::from_utf8_lossy(b).into_owned())));
        }
        h.end(|m, b| out.push((m.clone(), String::from_utf8_lossy(b).into_owned())));
        out
    }

    const POST: &[u8] = b"POST / HTTP/1.1\r\nAuthorization: Basic cmlnMTp4\r\nX-Mining-Extensions: midstate\r\n\
        User-Agent: cgminer 3.7.2\r\nContent-Length: 8\r\n\r\n{\"id\":0}";

    #[test]
    fn a_miners_request() {
        let got = cut(&[POST]);
        assert_eq!(got.len(), 1);
        let (m, body) = &got[0];
        assert_eq!(body, "{\"id\":0}");
        assert_eq!(m.mining_header, Some("X-Mining-Extensions"));
        assert_eq!(m.user.as_deref(), Some("rig1"));
        assert_eq!(m.user_agent.as_deref(), Some("cgminer 3.7.2"));
        assert!(!m.response);
    }

    #[test]
    fn keep_alive_pipelining_and_chunks() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n3;x=y\r\n:0}\r\n0\r\n\r\n";
        let until_close = b"HTTP/1.0 200 OK\r\nX-Stratum: stratum+tcp://pool.example:3333\r\n\r\n{\"id\":1}";
        let all = [&chunked[..], &chunked[..], &until_close[..]].concat();
        let got = cut(&[&all]);
        assert_eq!(got.iter().map(|(_, b)| b.as_str()).collect::<Vec<_>>(), ["{\"id\":0}", "{\"id\":0}", "{\"id\":1}"]);
        assert_eq!(got[2].0.mining_header, Some("X-Stratum"));
        assert_eq!(got[0].0.status, 200);
    }

    #[test]
    fn gzip_bodies_are_opened_within_the_cap() {
        let pack = |plain: &[u8]| {
            let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            e.write_all(plain).unwrap();
            let z = e.finish().unwrap();
            let mut m = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", z.len())
                .into_bytes();
            m.extend_from_slice(&z);
            m
        };
        assert_eq!(cut(&[&pack(b"{\"id\":7}")])[0].1, "{\"id\":7}");
        assert_eq!(cut(&[&pack(&vec![b' '; MAX_BODY * 8])])[0].1, "", "a bomb gives nothing");
    }

    #[test]
    fn a_page_is_not_collected_and_a_hole_in_a_body_is_survived() {
        let mut h = Http::default();
        let mut n = 0;
        h.data(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n<html>", |_, _| n += 1);
        assert!(h.held() < 64 * 1024);
        h.gap(999_993);
        h.data(b">HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", |_, b| {
            n += 1;
            assert!(b.is_empty() || b == b"{}");
        });
        assert_eq!(n, 2);
    }

    #[test]
    fn endless_headers_are_bounded() {
        let mut h = Http::default();
        for _ in 0..1000 {
            h.data(&[b'a'; 1000], |_, _| unreachable!());
        }
        assert!(h.held() <= 4 * MAX_HEAD);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(cuts in prop::collection::vec(0usize..600, 0..12)) {
            let whole = [POST, POST].concat();
            let mut cuts = cuts.into_iter().map(|c| c % whole.len()).collect::<Vec<_>>();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for c in cuts {
                chunks.push(&whole[from..c]);
                from = c;
            }
            chunks.push(&whole[from..]);
            prop_assert_eq!(cut(&chunks), cut(&[&whole]));
        }

        #[test]
        fn byte_soup_never_panics(data in prop::collection::vec(any::<u8>(), 0..2048), head in "(POST / HTTP/1.1\r\n|HTTP/1.1 200 OK\r\n)[a-zA-Z-]{0,20}: [0-9a-f]{0,9}\r\n\r\n") {
            let mut h = Http::default();
            h.data(head.as_bytes(), |_, _| {});
            h.data(&data, |_, _| {});
            h.gap(17);
            h.data(&data, |_, _| {});
            h.end(|_, _| {});
        }
    }
}

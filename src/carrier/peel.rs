//! One direction of a flow, unwrapped layer by layer until something that can carry mining messages remains.
//!
//! In: stream data, gaps and the end. Out: [`Piece`]s: lines, HTTP messages, WebSocket messages, what was unwrapped, and
//! raw bytes of what is none of these. Each direction decides for itself, so one-way captures work; each layer hands the
//! bytes behind it to the next. Depth is bounded.

mod choose;

use memchr::{memchr, memchr_iter};

use super::http::{Http, HttpMeta, Next};
use super::inflate::{self, Inflate};
use super::lines::Lines;
use super::look::Look;
use super::proxy::{self, Proxy};
use super::socks::{self, Socks};
use super::websocket::{Opcode, WebSocket};
use super::wrap::Wrap;
use super::{First, first_bytes};
use crate::prefetch::fetch;

/// Wrappings around the messages, at most. Clients use one or two; an authentication in three steps asks for the same
/// tunnel three times.
const MAX_DEPTH: u8 = 8;

/// What came out of the layers.
#[derive(Debug)]
pub enum Piece<'a> {
    /// A line, without its end. Not necessarily JSON.
    Line(&'a [u8]),
    /// An HTTP message with its body, empty when the body cannot be JSON.
    Http(&'a HttpMeta, &'a [u8]),
    /// A WebSocket message.
    Message(&'a [u8]),
    /// A layer was taken off.
    Wrapped(Wrap),
    /// Bytes that are none of these, as they come.
    Raw(&'a [u8]),
    /// Bytes inside a proxy's tunnel, before they are looked at: what is read as a stream is read from these.
    Inside(&'a [u8]),
    /// TLS: only its hellos can be read.
    Tls(&'a [u8]),
}

#[derive(Debug)]
enum Layer {
    /// The first bytes are not all there.
    Unknown(Vec<u8>),
    Lines(Lines),
    Http(Box<Http>),
    /// The lines are for bridges that put a TCP stream into messages as it comes.
    WebSocket(Box<WebSocket>, Box<Lines>),
    Socks(Box<Socks>),
    Proxy(Box<Proxy>),
    Gzip(Box<Inflate>, Box<Lines>),
    Raw,
    Tls,
}

impl Default for Layer {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

/// What one direction tells the other.
#[derive(Clone, Copy, Default, Debug)]
#[allow(clippy::struct_excessive_bools)] // facts that do not depend on each other
pub struct Beside {
    /// It speaks, or spoke, to a SOCKS proxy.
    pub socks: bool,
    /// It speaks HTTP at present, and not to a proxy that was asked for a tunnel.
    pub http: bool,
    /// It speaks WebSocket at present.
    pub websocket: bool,
    /// It is inside a tunnel.
    pub tunnel: bool,
    /// It asked an HTTP proxy for a tunnel, or was granted one.
    pub connect: bool,
    /// It speaks in lines.
    pub lines: bool,
}

/// One direction's layers.
#[derive(Default, Debug)]
#[allow(clippy::struct_excessive_bools)] // facts that do not depend on each other
pub struct Peel {
    layer: Layer,
    /// Wrappings taken off.
    depth: u8,
    /// The beginning of the layer was not captured: it may be met in its middle.
    middle: bool,
    /// The layer follows lines: gzip may have been agreed in them.
    lined: bool,
    beside: Option<Beside>,
    saw_socks: bool,
    saw_connect: bool,
    /// The sender opened the connection, if that was seen.
    opener: Option<bool>,
    /// What is inside a tunnel is shown as it comes.
    tunnel: bool,
    /// A wrapping whose handshake has a hole, to be told with the next data.
    owed: Option<Box<Wrap>>,
    expected: bool,
    too_long: u64,
}

impl Peel {
    /// For a direction whose beginning was captured or not, and whose sender opened the connection or not, if known.
    pub fn new(middle: bool, opener: Option<bool>) -> Self {
        Self { middle, opener, ..Self::default() }
    }

    /// What the other direction may know of this one.
    pub fn beside(&self) -> Beside {
        Beside {
            socks: self.saw_socks || matches!(self.layer, Layer::Socks(_)),
            http: matches!(self.layer, Layer::Http(_)) && !self.saw_connect,
            websocket: matches!(self.layer, Layer::WebSocket(..)),
            tunnel: self.tunnel,
            connect: self.saw_connect,
            lines: matches!(self.layer, Layer::Lines(_)),
        }
    }

    /// Fetches what is a pointer away.
    pub fn foresee(&self) {
        match &self.layer {
            Layer::Http(http) => fetch(&**http),
            Layer::WebSocket(ws, lines) => {
                fetch(&**ws);
                fetch(&**lines);
            }
            _ => {}
        }
    }

    /// The other direction is known to talk in lines that matter: a line of JSON is one of this direction's, whatever it
    /// began with.
    pub fn set_expected(&mut self, expected: bool) {
        self.expected = expected;
    }

    /// What the other direction is, once it was seen: two bytes that look like a SOCKS proxy's answer are none where
    /// nobody asked one.
    pub fn set_beside(&mut self, beside: Option<Beside>) {
        self.beside = beside;
        self.tell_http();
    }

    fn tell_http(&mut self) {
        if let Layer::Http(http) = &mut self.layer {
            let asked = self.beside.is_some_and(|b| b.connect) && !self.saw_connect;
            http.beside(self.beside.map(|b| b.http), asked);
        }
    }

    /// Stream data in order.
    pub fn data(&mut self, data: &[u8], out: &mut dyn FnMut(Piece<'_>)) {
        let mut rest = data;
        if self.tunnel && !rest.is_empty() {
            out(Piece::Inside(rest));
        }
        if self.expected && self.is_stuck() && self.beside.is_some_and(|b| b.lines) && self.depth <= MAX_DEPTH {
            // A banner, a decoy, a handshake that leads nowhere: others read on behind it.
            if let Some(line) = json_line(data) {
                rest = self.enter(Layer::Lines(Lines::default()), None, line, out);
            }
        }
        if matches!(self.layer, Layer::Tls) && is_plain(rest) && self.depth <= MAX_DEPTH {
            // The hellos of both sides were a decoy.
            rest = self.enter(Layer::default(), None, rest, out);
        }
        while !rest.is_empty() {
            rest = self.step(rest, out);
        }
    }

    /// Bytes are missing.
    pub fn gap(&mut self, missing: u64) {
        self.middle = true;
        match &mut self.layer {
            Layer::Unknown(head) => head.clear(),
            Layer::Lines(lines) => lines.gap(),
            Layer::Http(http) => http.gap(missing),
            Layer::WebSocket(ws, lines) => {
                ws.gap(missing);
                lines.gap();
            }
            Layer::Gzip(inflate, lines) => {
                inflate.gap();
                lines.gap();
            }
            // A handshake with a hole: what follows may be anything.
            Layer::Socks(_) => {
                self.saw_socks = true;
                self.owed = Some(Box::new(Wrap::Socks(None)));
                self.layer = Layer::default();
            }
            Layer::Proxy(_) => {
                self.owed = Some(Box::new(Wrap::Proxy(None)));
                self.layer = Layer::default();
            }
            Layer::Raw | Layer::Tls => {}
        }
    }

    /// The stream ended.
    pub fn end(&mut self, out: &mut dyn FnMut(Piece<'_>)) {
        match &mut self.layer {
            Layer::Unknown(head) => {
                let head = std::mem::take(head);
                if !head.is_empty() {
                    out(Piece::Raw(&head));
                }
            }
            Layer::Lines(lines) => lines.end(|line| out(Piece::Line(line))),
            Layer::Gzip(_, lines) => lines.end(|line| out(Piece::Line(line))),
            Layer::Http(http) => http.end(|meta, body| message(meta, body, out)),
            Layer::WebSocket(..) | Layer::Socks(_) | Layer::Proxy(_) | Layer::Raw | Layer::Tls => {}
        }
    }

    /// Lines and messages skipped for their length since the last call.
    pub fn take_too_long(&mut self) -> u64 {
        let layer = match &mut self.layer {
            Layer::Lines(lines) => lines.take_too_long(),
            Layer::Gzip(_, lines) => lines.take_too_long(),
            Layer::WebSocket(ws, lines) => ws.take_too_long() + lines.take_too_long(),
            _ => 0,
        };
        layer + std::mem::take(&mut self.too_long)
    }

    /// Bytes held by the layers.
    pub fn held(&self) -> usize {
        match &self.layer {
            Layer::Unknown(head) => head.capacity(),
            Layer::Lines(lines) => lines.held(),
            Layer::Http(http) => http.held(),
            Layer::WebSocket(ws, lines) => ws.held() + lines.held(),
            Layer::Socks(socks) => socks.held(),
            Layer::Proxy(proxy) => proxy.held(),
            Layer::Gzip(inflate, lines) => inflate.held() + lines.held(),
            Layer::Raw | Layer::Tls => 0,
        }
    }

    /// Whether what began as messages cannot be read as such any more.
    pub fn is_lost(&self) -> bool {
        match &self.layer {
            Layer::Http(http) => http.is_lost(),
            Layer::WebSocket(ws, _) => ws.is_lost(),
            Layer::Gzip(inflate, _) => inflate.is_lost(),
            _ => false,
        }
    }

    /// Whether the layer gives out no messages as things stand.
    fn is_stuck(&self) -> bool {
        match &self.layer {
            // Nobody who answers HTTP talks in lines.
            Layer::Raw | Layer::Tls | Layer::Socks(_) | Layer::Proxy(_) | Layer::Http(_) => true,
            Layer::Unknown(head) => !head.is_empty(),
            Layer::Lines(_) | Layer::WebSocket(..) | Layer::Gzip(..) => false,
        }
    }

    /// HTTP messages that began, for giving up on web traffic.
    pub fn http_messages(&self) -> u32 {
        if let Layer::Http(http) = &self.layer { http.messages() } else { 0 }
    }

    /// Consumes some of the data; what is left belongs to the next layer.
    fn step<'d>(&mut self, data: &'d [u8], out: &mut dyn FnMut(Piece<'_>)) -> &'d [u8] {
        match &mut self.layer {
            Layer::Unknown(head) => {
                if head.is_empty() {
                    // The usual case: nothing held, nothing copied.
                    return self.choose(data, out);
                }
                let mut whole = std::mem::take(head);
                whole.extend_from_slice(data);
                let mut rest: &[u8] = &whole;
                while !rest.is_empty() {
                    rest = self.step(rest, out);
                }
                &[]
            }
            Layer::Lines(_) => self.lines(data, out),
            Layer::Gzip(inflate, lines) => {
                inflate.data(data, |plain| lines.data(plain, |line| out(Piece::Line(line))));
                &[]
            }
            Layer::WebSocket(ws, lines) => {
                // No frame begins so: the upgrade was refused, and asked for again.
                if ws.is_lost() && matches!(data, [b'G', b'E', b'T', b' ', ..] | [b'H', b'T', b'T', b'P', b'/', ..]) {
                    return self.enter(Layer::default(), None, data, out);
                }
                ws.data(data, |opcode, message| {
                    if matches!(opcode, Opcode::Text | Opcode::Binary) {
                        unbox(lines, message, out);
                    }
                });
                &[]
            }
            Layer::Http(http) => match http.data(data, |meta, body| message(meta, body, out)) {
                None => &[],
                Some((Next::WebSocket { deflate, torn }, rest)) => {
                    let ws = if torn { WebSocket::picked_up() } else { WebSocket::new(deflate) };
                    self.enter(Layer::WebSocket(Box::new(ws), Box::default()), Some(Wrap::WebSocket), rest, out)
                }
                Some((Next::Lines, rest)) => self.enter(Layer::Lines(Lines::default()), None, rest, out),
                Some((Next::Tunnel(target), rest)) => {
                    let torn = self.middle;
                    let rest = self.enter(Layer::default(), Some(Wrap::Connect(target)), rest, out);
                    self.middle = torn;
                    rest
                }
            },
            Layer::Socks(socks) => match socks.data(data) {
                socks::Step::More => &[],
                socks::Step::Lost => self.enter(Layer::Raw, None, &[], out),
                socks::Step::Done { target, rest } => {
                    self.enter(Layer::default(), Some(Wrap::Socks(target)), rest, out)
                }
            },
            Layer::Proxy(proxy) => match proxy.data(data) {
                proxy::Step::More => &[],
                proxy::Step::Lost => self.enter(Layer::Raw, None, &[], out),
                proxy::Step::Done { source, rest, .. } => {
                    self.enter(Layer::default(), Some(Wrap::Proxy(source)), rest, out)
                }
            },
            // Too deep for anything: whatever would be entered from here would be this again.
            Layer::Raw if self.depth > MAX_DEPTH => {
                out(Piece::Raw(data));
                &[]
            }
            Layer::Raw => {
                if let Some(socks) = self.late_socks(data) {
                    return self.enter(Layer::Socks(Box::new(socks)), None, data, out);
                }
                if self.middle {
                    // The first frames may have been control frames, or the rest of a message.
                    if self.is_websocket(data) {
                        let ws = Layer::WebSocket(Box::new(WebSocket::picked_up()), Box::default());
                        return self.enter(ws, Some(Wrap::WebSocket), data, out);
                    }
                    // The rest of a body, and then the next message.
                    if first_bytes(data) == First::Http {
                        return self.enter(Layer::Http(Box::default()), None, data, out);
                    }
                    if let Some(line) = next_line(data) {
                        return self.enter(Layer::Lines(Lines::default()), None, line, out);
                    }
                }
                out(Piece::Raw(data));
                &[]
            }
            Layer::Tls => {
                out(Piece::Tls(data));
                &[]
            }
        }
    }

    fn enter<'d>(
        &mut self,
        layer: Layer,
        wrap: Option<Wrap>,
        rest: &'d [u8],
        out: &mut dyn FnMut(Piece<'_>),
    ) -> &'d [u8] {
        self.too_long = self.take_too_long();
        self.saw_socks |= matches!(layer, Layer::Socks(_));
        self.saw_connect |= matches!(wrap, Some(Wrap::Connect(_)));
        self.lined = false;
        if wrap.is_some() {
            self.depth = self.depth.saturating_add(1);
        }
        self.layer = if self.depth > MAX_DEPTH { Layer::Raw } else { layer };
        self.tell_http();
        if let Some(wrap) = wrap {
            // What is inside began inside: its beginning is here.
            self.middle = false;
            self.tunnel = wrap.is_tunnel();
            out(Piece::Wrapped(wrap));
            if self.tunnel && !rest.is_empty() {
                out(Piece::Inside(rest));
            }
        }
        rest
    }

    /// Lines, and where they turn into gzip: at the beginning of a line, by a byte that JSON has not (RFC 8259 §7).
    fn lines<'d>(&mut self, data: &'d [u8], out: &mut dyn FnMut(Piece<'_>)) -> &'d [u8] {
        let Layer::Lines(lines) = &mut self.layer else { return data };
        let mut rest = data;
        for at in memchr_iter(0x1f, data) {
            let packed = data.get(at..).unwrap_or_default();
            let look = inflate::starts(packed);
            if look == Look::No {
                continue;
            }
            let (before, _) = rest.split_at_checked(rest.len() - packed.len()).unwrap_or((rest, &[]));
            lines.data(before, |line| out(Piece::Line(line)));
            rest = packed;
            if !lines.is_empty() {
                continue;
            }
            if look == Look::Yes {
                return self.enter(Layer::Gzip(Box::default(), Box::default()), Some(Wrap::Gzip), packed, out);
            }
            self.too_long = self.take_too_long();
            self.lined = true;
            self.layer = Layer::Unknown(packed.to_vec());
            return &[];
        }
        lines.data(rest, |line| out(Piece::Line(line)));
        &[]
    }
}

/// Gives out an HTTP message, and what it says of a proxy.
fn message(meta: &HttpMeta, body: &[u8], out: &mut dyn FnMut(Piece<'_>)) {
    if meta.proxied {
        out(Piece::Wrapped(Wrap::Http(meta.target.clone())));
    }
    out(Piece::Http(meta, body));
}

/// Gives out a WebSocket message: JSON as it is, or the lines that a bridge from TCP put into messages as they came.
fn unbox(lines: &mut Lines, message: &[u8], out: &mut dyn FnMut(Piece<'_>)) {
    let text = message.trim_ascii_end();
    let whole = memchr(b'\n', text).is_none() && matches!(text.last(), Some(b'}' | b']'));
    let begins = first_bytes(message) == First::Lines;
    if begins {
        // A message that is cut off must not swallow the next one.
        lines.gap();
    }
    if lines.is_empty() && (whole || !begins) {
        out(Piece::Message(message));
    } else {
        lines.data(message, |line| out(Piece::Message(line)));
    }
}

/// The first line that begins with an object, in data in which lines of JSON are expected.
fn json_line(data: &[u8]) -> Option<&[u8]> {
    if first_bytes(data) == First::Lines {
        return Some(data);
    }
    let at = memchr_iter(b'\n', data).find(|at| data.get(at + 1) == Some(&b'{'))?;
    data.get(at + 1..)
}

/// Bytes that must all be text before a stream of TLS is taken for what it is not: chance writes so one
/// segment in 2^28.
const PLAIN: usize = 16;

/// Whether data in the middle of TLS begins a message in plain text.
fn is_plain(data: &[u8]) -> bool {
    let text = |b: &u8| matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    // Ciphertext seldom passes the first byte.
    data.first().is_some_and(text)
        && data.get(..PLAIN).is_some_and(|head| head.iter().all(text))
        && matches!(first_bytes(data), First::Lines | First::Http)
}

/// What follows the rest of an object at the beginning of `data`: where a stream of objects that was picked up in the
/// middle makes sense again. Text that quotes objects between other lines does not look like that.
fn next_line(data: &[u8]) -> Option<&[u8]> {
    let (rest, next) = data.split_at_checked(memchr(b'\n', data)? + 1)?;
    let ends = rest.iter().rfind(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0)) == Some(&b'}');
    let is_object = |line: &[u8]| matches!(first_bytes(line), First::Lines | First::Short);
    (ends && first_bytes(next) == First::Lines && next.split(|b| *b == b'\n').all(is_object)).then_some(next)
}

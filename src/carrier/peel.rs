//! One direction of a flow, unwrapped layer by layer until something that can carry mining messages remains.
//!
//! In: stream data, gaps and the end. Out: [`Piece`]s: lines, HTTP messages, WebSocket messages, what was unwrapped, and
//! raw bytes of what is none of these. Each direction decides for itself, so one-way captures work; each layer hands the
//! bytes behind it to the next. Depth is bounded.

use memchr::memchr_iter;

use super::http::{Http, HttpMeta, Next};
use super::inflate::{self, Inflate};
use super::lines::Lines;
use super::look::Look;
use super::proxy::{self, Proxy};
use super::socks::{self, Socks};
use super::target::{Host, Target};
use super::websocket::{self, Opcode, WebSocket};
use super::{First, first_bytes};

/// Layers around the messages, at most: a tunnel in a tunnel is one too many for any client there is.
const MAX_DEPTH: u8 = 6;
/// First bytes kept while they are too few to tell.
const HEAD: usize = 600;

/// What mining was found inside of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wrap {
    /// A SOCKS proxy; the client asked for this destination.
    Socks(Option<Target>),
    /// An HTTP proxy's CONNECT.
    Connect(Option<Target>),
    /// A PROXY protocol header: the address of the real client.
    Proxy(Option<std::net::SocketAddr>),
    /// WebSocket.
    WebSocket,
    /// A gzip stream.
    Gzip,
}

impl Wrap {
    /// Name in outputs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Socks(_) => "socks",
            Self::Connect(_) => "connect",
            Self::Proxy(_) => "proxy-protocol",
            Self::WebSocket => "websocket",
            Self::Gzip => "gzip",
        }
    }

    /// The name of the host that a proxy was asked for.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Socks(Some(Target { host: Host::Name(name), .. }))
            | Self::Connect(Some(Target { host: Host::Name(name), .. })) => Some(name),
            _ => None,
        }
    }
}

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
    /// TLS begins here: nothing further can be read.
    Tls,
}

#[derive(Debug)]
enum Layer {
    /// The first bytes are not all there.
    Unknown(Vec<u8>),
    Lines(Lines),
    Http(Box<Http>),
    WebSocket(Box<WebSocket>),
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

/// One direction's layers.
#[derive(Default, Debug)]
pub struct Peel {
    layer: Layer,
    depth: u8,
    /// The beginning of the direction was not captured: a layer may be met in its middle.
    middle: bool,
    /// The other direction is no SOCKS client, so this one is no SOCKS server.
    no_socks_reply: bool,
    saw_socks: bool,
    too_long: u64,
}

impl Peel {
    /// For a direction whose beginning was captured or not.
    pub fn new(middle: bool) -> Self {
        Self { middle, ..Self::default() }
    }

    /// Whether this direction speaks to a SOCKS proxy, as far as can be seen.
    pub fn is_socks(&self) -> bool {
        self.saw_socks || matches!(self.layer, Layer::Socks(_))
    }

    /// The other direction was seen and asks no SOCKS proxy: two bytes that look like its answer are none.
    pub fn expect_no_socks_reply(&mut self) {
        self.no_socks_reply = true;
    }

    /// Stream data in order.
    pub fn data(&mut self, data: &[u8], out: &mut dyn FnMut(Piece<'_>)) {
        let mut rest = data;
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
            Layer::WebSocket(ws) => ws.gap(missing),
            Layer::Gzip(inflate, lines) => {
                inflate.gap();
                lines.gap();
            }
            // A handshake with a hole: what follows may be anything.
            Layer::Socks(_) | Layer::Proxy(_) => self.layer = Layer::default(),
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
            Layer::Http(http) => http.end(|meta, body| out(Piece::Http(meta, body))),
            Layer::WebSocket(_) | Layer::Socks(_) | Layer::Proxy(_) | Layer::Raw | Layer::Tls => {}
        }
    }

    /// Lines and messages skipped for their length since the last call.
    pub fn take_too_long(&mut self) -> u64 {
        let layer = match &mut self.layer {
            Layer::Lines(lines) => lines.take_too_long(),
            Layer::Gzip(_, lines) => lines.take_too_long(),
            Layer::WebSocket(ws) => ws.take_too_long(),
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
            Layer::WebSocket(ws) => ws.held(),
            Layer::Socks(socks) => socks.held(),
            Layer::Proxy(proxy) => proxy.held(),
            Layer::Gzip(inflate, lines) => inflate.held() + lines.held(),
            Layer::Raw | Layer::Tls => 0,
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
            Layer::Lines(lines) => {
                if lines.is_empty() && inflate::starts(data) == Look::Yes {
                    return self.enter(Layer::Gzip(Box::default(), Box::default()), Some(Wrap::Gzip), data, out);
                }
                lines.data(data, |line| out(Piece::Line(line)));
                &[]
            }
            Layer::Gzip(inflate, lines) => {
                inflate.data(data, |plain| lines.data(plain, |line| out(Piece::Line(line))));
                &[]
            }
            Layer::WebSocket(ws) => {
                ws.data(data, |opcode, message| {
                    if matches!(opcode, Opcode::Text | Opcode::Binary) {
                        out(Piece::Message(message));
                    }
                });
                &[]
            }
            Layer::Http(http) => {
                let next = http.data(data, |meta, body| out(Piece::Http(meta, body)));
                match next {
                    None => &[],
                    Some((Next::WebSocket { deflate }, rest)) => {
                        let ws = Layer::WebSocket(Box::new(WebSocket::new(deflate)));
                        self.enter(ws, Some(Wrap::WebSocket), rest, out)
                    }
                    Some((Next::Tunnel(target), rest)) => {
                        self.enter(Layer::default(), Some(Wrap::Connect(target)), rest, out)
                    }
                }
            }
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
            Layer::Raw => {
                if self.middle
                    && let Some(line) = next_line(data)
                {
                    return self.enter(Layer::Lines(Lines::default()), None, line, out);
                }
                out(Piece::Raw(data));
                &[]
            }
            Layer::Tls => &[],
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
        self.depth = self.depth.saturating_add(1);
        self.layer = if self.depth > MAX_DEPTH { Layer::Raw } else { layer };
        if let Some(wrap) = wrap {
            // What is inside began inside: its beginning is here.
            self.middle = false;
            out(Piece::Wrapped(wrap));
        }
        rest
    }

    /// The first bytes of a layer decide what it is.
    fn choose<'d>(&mut self, data: &'d [u8], out: &mut dyn FnMut(Piece<'_>)) -> &'d [u8] {
        let mut short = false;
        match proxy::starts(data) {
            Look::Yes => return self.enter(Layer::Proxy(Box::default()), None, data, out),
            Look::Short => short = true,
            Look::No => {}
        }
        match socks::client_hello(data) {
            Look::Yes => return self.enter(Layer::Socks(Box::new(Socks::client())), None, data, out),
            Look::Short => short = true,
            Look::No => {}
        }
        let reply = if self.no_socks_reply { Look::No } else { socks::server_hello(data) };
        match reply {
            Look::Yes => return self.enter(Layer::Socks(Box::new(Socks::server())), None, data, out),
            Look::Short => short = true,
            Look::No => {}
        }
        match first_bytes(data) {
            First::Lines => self.enter(Layer::Lines(Lines::default()), None, data, out),
            First::Http => self.enter(Layer::Http(Box::default()), None, data, out),
            First::Tls => {
                self.layer = Layer::Tls;
                out(Piece::Tls);
                &[]
            }
            First::Short => self.hold(data, out),
            First::Other if short => self.hold(data, out),
            First::Other => {
                if self.middle && websocket::looks_like(data) {
                    let ws = Layer::WebSocket(Box::new(WebSocket::picked_up()));
                    return self.enter(ws, Some(Wrap::WebSocket), data, out);
                }
                self.layer = Layer::Raw;
                self.step(data, out)
            }
        }
    }

    fn hold<'d>(&mut self, data: &'d [u8], out: &mut dyn FnMut(Piece<'_>)) -> &'d [u8] {
        if data.len() > HEAD {
            self.layer = Layer::Raw;
            out(Piece::Raw(data));
        } else {
            self.layer = Layer::Unknown(data.to_vec());
        }
        &[]
    }
}

/// The first line in `data` that begins with an object: where a stream picked up in the middle makes sense again.
fn next_line(data: &[u8]) -> Option<&[u8]> {
    memchr_iter(b'\n', data).take(16).filter_map(|at| data.get(at + 1..)).find(|rest| rest.starts_with(b"{\""))
}

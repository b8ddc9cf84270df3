//! Every wrapping, and the chains of them.

use std::net::SocketAddr;

use crate::kit::dialogue::{Dialogue, Side};
use crate::kit::rng::Rng;
use crate::kit::wrappings::{
    Answer, Packing, WebSocket, Words, arrays, at_once, behind, connect, gzip_agreed, proxy_v1, proxy_v2, socks4,
    socks4a, socks5, websocket,
};

/// What can be put into a wrapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Inner {
    /// Any bytes.
    Any,
    /// Lines of JSON.
    Lines,
    /// A dialogue that can agree on gzip.
    Gzip,
}

/// A wrapping, or a chain of them.
pub(crate) struct Wrapping {
    pub(crate) name: &'static str,
    pub(crate) takes: Inner,
    /// As in a finding: kinds with targets and sources.
    pub(crate) wraps: &'static [&'static str],
    /// Turns before the inner dialogue's own.
    pub(crate) handshake: usize,
    /// A loss makes what follows unreadable: messages refer to those before.
    pub(crate) refers_back: bool,
    make: fn(&Dialogue) -> Dialogue,
}

impl Wrapping {
    /// The dialogue in it.
    pub(crate) fn of(&self, inner: &Dialogue) -> Dialogue {
        (self.make)(inner)
    }

    /// Whether the dialogue fits.
    pub(crate) fn fits(&self, inner: &Dialogue) -> bool {
        let opening = inner.turns.iter().find(|t| t.side == Side::Client).map_or(&b""[..], |t| &t.bytes);
        let lines = inner.turns.iter().all(|t| {
            let trimmed = t.bytes.trim_ascii_start();
            let bare = trimmed.strip_prefix(b"\xef\xbb\xbf").unwrap_or(trimmed);
            matches!(bare.first(), Some(b'{' | b'['))
        });
        match self.takes {
            Inner::Any => true,
            Inner::Lines => lines,
            Inner::Gzip => opening.windows(12).any(|w| w == b"mining.hello"),
        }
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn socket(inner: &Dialogue, how: WebSocket) -> Dialogue {
    websocket(inner, how, &mut Rng::new(77))
}

const BUSY: WebSocket =
    WebSocket { binary: true, fragments: true, pings: true, packing: Packing::Plain, ..WebSocket::USUAL };

fn by_name(password: bool) -> Words {
    socks5("pool.example", 3333, password)
}

macro_rules! list {
    ($($name:literal, $takes:ident, $handshake:literal, $back:literal, [$($wrap:literal),*], $make:expr;)+) => {
        /// All of them.
        pub(crate) const ALL: &[Wrapping] = &[$(Wrapping {
            name: $name,
            takes: Inner::$takes,
            wraps: &[$($wrap),*],
            handshake: $handshake,
            refers_back: $back,
            make: $make,
        },)+];
    };
}

list! {
    "connect", Any, 2, false, ["connect pool.example:3333"],
        |d| behind(&connect("pool.example:3333", Answer::Usual), d);
    "connect, HTTP/1.0", Any, 2, false, ["connect 192.0.2.9:3333"],
        |d| behind(&connect("192.0.2.9:3333", Answer::Old), d);
    "connect, authentication", Any, 4, false, ["connect pool.example:3333"],
        |d| behind(&connect("pool.example:3333", Answer::AuthenticationFirst), d);
    "connect, length zero", Any, 2, false, ["connect pool.example:3333"],
        |d| behind(&connect("pool.example:3333", Answer::ZeroLength), d);
    "connect, IPv6", Any, 2, false, ["connect [2001:db8::9]:3333"],
        |d| behind(&connect("[2001:db8::9]:3333", Answer::Usual), d);
    "connect, at once", Any, 2, false, ["connect pool.example:3333"],
        |d| at_once(&connect("pool.example:3333", Answer::Usual), d);
    "socks4", Any, 2, false, ["socks 192.0.2.9:3333"], |d| behind(&socks4([192, 0, 2, 9].into(), 3333), d);
    "socks4a", Any, 2, false, ["socks pool.example:3333"], |d| behind(&socks4a("pool.example", 3333), d);
    "socks4a, at once", Any, 2, false, ["socks pool.example:3333"], |d| at_once(&socks4a("pool.example", 3333), d);
    "socks5", Any, 4, false, ["socks pool.example:3333"], |d| behind(&by_name(false), d);
    "socks5, password", Any, 6, false, ["socks pool.example:3333"], |d| behind(&by_name(true), d);
    "socks5, IPv4", Any, 4, false, ["socks 192.0.2.9:3333"], |d| behind(&socks5("192.0.2.9", 3333, false), d);
    "socks5, IPv6", Any, 4, false, ["socks [2001:db8::9]:3333"], |d| behind(&socks5("2001:db8::9", 3333, false), d);
    "socks5, at once", Any, 2, false, ["socks pool.example:3333"], |d| at_once(&by_name(false), d);
    "socks5, password, at once", Any, 2, false, ["socks pool.example:3333"], |d| at_once(&by_name(true), d);
    "proxy 1", Any, 1, false, ["proxy-protocol 192.0.2.7:50123"],
        |d| behind(&proxy_v1(address("192.0.2.7:50123"), address("192.0.2.8:3333")), d);
    "proxy 1, IPv6, at once", Any, 1, false, ["proxy-protocol [2001:db8::7]:50123"],
        |d| at_once(&proxy_v1(address("[2001:db8::7]:50123"), address("[2001:db8::8]:3333")), d);
    "proxy 2", Any, 1, false, ["proxy-protocol 192.0.2.7:50123"],
        |d| behind(&proxy_v2(address("192.0.2.7:50123"), address("192.0.2.8:3333")), d);
    "proxy 2, IPv6, at once", Any, 1, false, ["proxy-protocol [2001:db8::7]:50123"],
        |d| at_once(&proxy_v2(address("[2001:db8::7]:50123"), address("[2001:db8::8]:3333")), d);
    "websocket", Lines, 2, false, ["websocket"], |d| socket(d, WebSocket::USUAL);
    "websocket, busy", Lines, 2, false, ["websocket"], |d| socket(d, BUSY);
    "websocket, bridge", Lines, 2, false, ["websocket"], |d| socket(d, WebSocket { bridge: true, binary: true, ..WebSocket::USUAL });
    "websocket, packed", Lines, 2, true, ["websocket"], |d| socket(d, WebSocket { packing: Packing::Takeover, ..BUSY });
    "websocket, packed alone", Lines, 2, false, ["websocket"],
        |d| socket(d, WebSocket { packing: Packing::NoTakeover, ..WebSocket::USUAL });
    "arrays", Lines, 0, false, [], arrays;
    "gzip", Gzip, 0, false, ["gzip"], gzip_agreed;
    "connect, websocket", Lines, 6, false, ["connect ws.pool.example:80", "websocket"],
        |d| behind(&connect("ws.pool.example:80", Answer::AuthenticationFirst), &socket(d, BUSY));
    "socks5, connect", Any, 6, false, ["socks proxy.example:3128", "connect pool.example:3333"],
        |d| behind(&socks5("proxy.example", 3128, false), &behind(&connect("pool.example:3333", Answer::Usual), d));
    "connect, socks5", Any, 6, false, ["connect proxy.example:1080", "socks pool.example:3333"],
        |d| behind(&connect("proxy.example:1080", Answer::Old), &behind(&by_name(false), d));
    "connect, connect", Any, 4, false, ["connect proxy.example:3128", "connect pool.example:3333"],
        |d| behind(&connect("proxy.example:3128", Answer::Usual), &behind(&connect("pool.example:3333", Answer::Usual), d));
    "proxy 2, socks5, websocket", Lines, 7, true,
        ["proxy-protocol 192.0.2.7:50123", "socks ws.pool.example:80", "websocket"],
        |d| behind(
            &proxy_v2(address("192.0.2.7:50123"), address("192.0.2.8:1080")),
            &behind(&socks5("ws.pool.example", 80, false), &socket(d, WebSocket { packing: Packing::Takeover, ..BUSY })),
        );
    "socks5, gzip", Gzip, 4, false, ["socks pool.example:3333", "gzip"], |d| behind(&by_name(false), &gzip_agreed(d));
}

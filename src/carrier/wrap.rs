//! What mining is wrapped in, as a finding tells it.
//!
//! In: what the layers of a direction saw. Out: [`Wrap`], one for each wrapping.

use std::net::SocketAddr;

use super::target::{Host, Target};

/// What mining was found inside of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wrap {
    /// A SOCKS proxy; the client asked for this destination.
    Socks(Option<Target>),
    /// An HTTP proxy's CONNECT.
    Connect(Option<Target>),
    /// An HTTP proxy that passes on requests: the host that the request is for.
    Http(Option<Target>),
    /// A PROXY protocol header: the address of the real client.
    Proxy(Option<SocketAddr>),
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
            Self::Http(_) => "http-proxy",
            Self::Proxy(_) => "proxy-protocol",
            Self::WebSocket => "websocket",
            Self::Gzip => "gzip",
        }
    }

    /// Whether the peer is a proxy, and where it was asked to go: the inner `None` when that was not seen.
    #[allow(clippy::option_option)] // no proxy, a proxy that was asked for something unknown, a proxy
    pub const fn proxy(&self) -> Option<Option<&Target>> {
        match self {
            Self::Socks(target) | Self::Connect(target) | Self::Http(target) => Some(target.as_ref()),
            Self::Proxy(_) | Self::WebSocket | Self::Gzip => None,
        }
    }

    /// The client that a PROXY header names.
    pub const fn source(&self) -> Option<SocketAddr> {
        match self {
            Self::Proxy(source) => *source,
            _ => None,
        }
    }

    /// The name of the host that a proxy was asked for.
    pub fn host(&self) -> Option<&str> {
        match self.proxy() {
            Some(Some(Target { host: Host::Name(name), .. })) => Some(name),
            _ => None,
        }
    }

    /// Whether it says no more than that it is there: an address that the other direction names fits in.
    pub const fn is_blank(&self) -> bool {
        matches!(self, Self::Socks(None) | Self::Connect(None) | Self::Http(None) | Self::Proxy(None))
    }

    /// Whether what is inside is a stream of its own.
    pub const fn is_tunnel(&self) -> bool {
        matches!(self, Self::Socks(_) | Self::Connect(_) | Self::Proxy(_))
    }
}

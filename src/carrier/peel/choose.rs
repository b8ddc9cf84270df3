//! Which layer a direction enters: decided by its first bytes, and by what the other direction is known to be.
//!
//! In: the first bytes behind the layer before. Out: the layer, entered, and the bytes that are left.

use super::{Layer, Peel, Piece};
use crate::carrier::lines::Lines;
use crate::carrier::look::Look;
use crate::carrier::socks::{self, Socks};
use crate::carrier::wrap::Wrap;
use crate::carrier::{First, first_bytes, inflate, proxy, websocket};

/// First bytes kept while they are too few to tell.
const HEAD: usize = 600;

impl Peel {
    /// A SOCKS handshake the beginning of which was not seen.
    pub(super) fn late_socks(&self, data: &[u8]) -> Option<Socks> {
        let asked = self.beside.is_some_and(|b| b.socks) && (!self.saw_socks || self.owed.is_some());
        if self.opener != Some(false) && self.middle && socks::is_request(data) {
            return Some(Socks::client_late());
        }
        (self.opener != Some(true) && asked && socks::is_reply(data)).then(Socks::server_late)
    }

    /// Whether a stream met in its middle goes on with WebSocket: by itself, or as the other direction says.
    pub(super) fn is_websocket(&self, data: &[u8]) -> bool {
        self.beside.is_some_and(|b| b.websocket) || websocket::looks_like(data)
    }

    /// The first bytes of a layer decide what it is. White space before them says nothing and is not kept.
    pub(super) fn choose<'d>(&mut self, data: &'d [u8], out: &mut dyn FnMut(Piece<'_>)) -> &'d [u8] {
        if self.lined {
            return match inflate::starts(data) {
                Look::Yes => self.enter(Layer::Gzip(Box::default(), Box::default()), Some(Wrap::Gzip), data, out),
                Look::Short => self.hold(data, out),
                Look::No => self.enter(Layer::Lines(Lines::default()), None, data, out),
            };
        }
        if data.iter().all(u8::is_ascii_whitespace) && proxy::starts(data) == Look::No {
            return &[];
        }
        if let Some(socks) = self.late_socks(data) {
            self.owed = None;
            return self.enter(Layer::Socks(Box::new(socks)), None, data, out);
        }
        let mut short = false;
        match proxy::starts(data) {
            Look::Yes => return self.enter(Layer::Proxy(Box::default()), None, data, out),
            Look::Short => short = true,
            Look::No => {}
        }
        // The beginnings of both sides are alike: `05 01` is an answer, or half a question.
        let asks = if self.opener == Some(false) { Look::No } else { socks::client_hello(data) };
        match asks {
            Look::Yes => return self.enter(Layer::Socks(Box::new(Socks::client())), None, data, out),
            Look::Short => short = true,
            Look::No => {}
        }
        let no_answer = self.opener == Some(true) || self.beside.is_some_and(|b| !b.socks);
        let reply = if no_answer { Look::No } else { socks::server_hello(data) };
        match reply {
            Look::Yes => return self.enter(Layer::Socks(Box::new(Socks::server())), None, data, out),
            Look::Short => short = true,
            Look::No => {}
        }
        let first = first_bytes(data);
        if !(short || first == First::Short)
            && let Some(wrap) = self.owed.take()
        {
            // What is inside goes on behind the hole.
            self.tunnel = true;
            out(Piece::Wrapped(*wrap));
            out(Piece::Inside(data));
        }
        let waits = first == First::Http || first == First::Short || (first == First::Other && short);
        if !waits && !self.tunnel && self.beside.is_some_and(|b| b.tunnel) {
            // The handshake of this direction was not seen, or has no words of its own.
            self.tunnel = true;
            out(Piece::Inside(data));
        }
        match first {
            First::Lines => self.enter(Layer::Lines(Lines::default()), None, data, out),
            First::Http => self.enter(Layer::Http(Box::default()), None, data, out),
            First::Tls => {
                self.layer = Layer::Tls;
                out(Piece::Tls(data));
                &[]
            }
            First::Short => self.hold(data, out),
            First::Other if short => self.hold(data, out),
            First::Other => {
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

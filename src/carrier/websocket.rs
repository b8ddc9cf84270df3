//! One direction of a WebSocket, cut into messages.
//!
//! In: stream data after the upgrade, gaps and the end. Out: whole messages, text or binary, unmasked, joined from their
//! fragments and inflated (RFC 6455 §5, RFC 7692). Control frames are skipped. A message that lies within one segment in
//! one plain frame is borrowed from it. Where the frame boundaries are lost they are looked for at the start of each
//! segment.

mod frame;
mod permessage;

use frame::{Frame, Kind, MAX_HEADER, Parsed};
use permessage::Permessage;

/// The longest message kept, packed and unpacked. The longest mining messages are below 3 kB (see
/// [`super::lines::MAX_LINE`]).
pub const MAX_MESSAGE: usize = 64 * 1024;

/// What a message says it is (RFC 6455 §5.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opcode {
    /// UTF-8 text; not checked here.
    Text,
    /// Anything. Some miners send their JSON so.
    Binary,
}

/// The cutter of one direction.
#[derive(Debug)]
pub struct WebSocket {
    state: State,
    head: [u8; MAX_HEADER],
    have: usize,
    message: Option<Message>,
    body: Vec<u8>,
    permessage: Option<Permessage>,
    /// Whether this direction's frames are masked, once one was seen.
    masked: Option<bool>,
    /// Picked up in the middle: the first frames may continue a message whose beginning was not seen.
    late: bool,
    too_long: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    Payload(Payload),
    /// Wait for a segment that begins with a frame.
    Lost,
}

/// What is left of a frame's payload.
#[derive(Debug, Clone, Copy)]
struct Payload {
    left: u64,
    /// The masking key, turned so that it begins with the next byte's; zero for none.
    mask: [u8; 4],
    control: bool,
    fin: bool,
}

/// The message under way.
#[derive(Debug, Clone, Copy)]
struct Message {
    opcode: Opcode,
    packed: bool,
    /// Too long, or bytes of it are missing: skipped to its end.
    spoiled: bool,
}

/// Whether a segment that was picked up in the middle of a stream is WebSocket: whole frames fill it exactly, and the
/// first message is JSON, not packed, and whole. Strict enough to try on any stream.
pub fn looks_like(data: &[u8]) -> bool {
    let (mut text, mut whole) = (frame::Json::default(), false);
    let fills = frame::fill(data, None, |f, payload| {
        if f.kind == Kind::Control || whole {
            return !f.packed;
        }
        whole = f.fin;
        let begins = matches!(f.kind, Kind::Text | Kind::Binary);
        begins == text.is_empty() && !f.packed && text.push(payload, f.mask.unwrap_or_default())
    });
    fills && whole && text.is_whole()
}

impl WebSocket {
    /// A direction read from its first frame on. `deflate`: permessage-deflate was agreed in the upgrade.
    pub fn new(deflate: bool) -> Self {
        Self {
            state: State::Header,
            head: [0; MAX_HEADER],
            have: 0,
            message: None,
            body: Vec::new(),
            permessage: deflate.then(Permessage::new),
            masked: None,
            late: false,
            too_long: 0,
        }
    }

    /// A direction whose beginning was not seen: frames are looked for at segment starts, packed messages are read once
    /// what they refer to is known.
    pub fn picked_up() -> Self {
        let mut fresh = Self::new(true);
        fresh.lose();
        fresh
    }

    /// Stream data in order.
    pub fn data(&mut self, mut data: &[u8], mut out: impl FnMut(Opcode, &[u8])) {
        if matches!(self.state, State::Lost) {
            let deflate = self.permessage.is_some();
            if data.is_empty() || !frame::fill(data, self.masked, |f, _| deflate || !f.packed) {
                return;
            }
            self.state = State::Header;
        }
        while !data.is_empty() {
            data = match self.state {
                State::Header => self.read_header(data, &mut out),
                State::Payload(payload) => self.read_payload(data, payload, &mut out),
                State::Lost => return,
            };
        }
    }

    /// Bytes are missing.
    pub fn gap(&mut self, missing: u64) {
        match &mut self.state {
            _ if missing == 0 => {}
            // The hole lies within a frame: its end is still known.
            State::Payload(payload) if missing <= payload.left => {
                payload.left -= missing;
                payload.mask.rotate_left((missing % 4) as usize);
                let payload = *payload;
                if !payload.control {
                    self.spoil();
                }
                if payload.left == 0 {
                    // Nothing to give out: a control frame, or a spoiled message.
                    self.end_frame(payload, &mut |_, _| {});
                }
            }
            _ => self.lose(),
        }
    }

    /// The stream ended: an unfinished message is none.
    pub fn end(&mut self) {
        self.lose();
        self.permessage = None;
    }

    /// Messages skipped for their length since the last call.
    pub fn take_too_long(&mut self) -> u64 {
        std::mem::take(&mut self.too_long)
    }

    /// Whether the frame boundaries are lost.
    pub fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost)
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.body.capacity() + self.permessage.as_ref().map_or(0, Permessage::held)
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        self.have = 0;
        self.message = None;
        self.body = Vec::new();
        self.late = true;
        if let Some(p) = &mut self.permessage {
            p.lose();
        }
    }

    fn read_header<'d>(&mut self, mut data: &'d [u8], out: &mut impl FnMut(Opcode, &[u8])) -> &'d [u8] {
        while let Some((&b, rest)) = data.split_first() {
            data = rest;
            if let Some(slot) = self.head.get_mut(self.have) {
                *slot = b;
            }
            self.have += 1;
            match frame::parse(self.head.get(..self.have).unwrap_or(&self.head)) {
                Parsed::Short => {}
                Parsed::Frame(f) if self.begin(&f) => {
                    self.have = 0;
                    let mask = f.mask.unwrap_or_default();
                    let payload = Payload { left: f.payload, mask, control: f.kind == Kind::Control, fin: f.fin };
                    self.state = State::Payload(payload);
                    if payload.left == 0 {
                        self.end_frame(payload, out);
                    }
                    return data;
                }
                Parsed::Frame(_) | Parsed::Bad => {
                    self.lose();
                    return &[];
                }
            }
        }
        data
    }

    /// Whether the frame may come here.
    fn begin(&mut self, f: &Frame) -> bool {
        let opcode = match f.kind {
            Kind::Control => return true,
            Kind::Continuation => None,
            Kind::Text => Some(Opcode::Text),
            Kind::Binary => Some(Opcode::Binary),
        };
        self.masked = Some(f.mask.is_some());
        match (opcode, self.message) {
            (None, Some(_)) => {}
            (None, None) if self.late => {
                self.message = Some(Message { opcode: Opcode::Binary, packed: false, spoiled: true });
            }
            (Some(opcode), None) if !f.packed || self.permessage.is_some() => {
                self.message = Some(Message { opcode, packed: f.packed, spoiled: false });
            }
            _ => return false,
        }
        self.late = false;
        let spoiled = self.message.is_none_or(|m| m.spoiled);
        if !spoiled && f.payload > MAX_MESSAGE.saturating_sub(self.body.len()) as u64 {
            self.too_long = self.too_long.saturating_add(1);
            self.spoil();
        }
        true
    }

    fn spoil(&mut self) {
        self.body = Vec::new();
        let Some(message) = &mut self.message else { return };
        message.spoiled = true;
        if let (true, Some(p)) = (message.packed, &mut self.permessage) {
            p.lose();
        }
    }

    fn read_payload<'d>(
        &mut self,
        data: &'d [u8],
        mut payload: Payload,
        out: &mut impl FnMut(Opcode, &[u8]),
    ) -> &'d [u8] {
        let n = usize::try_from(payload.left).unwrap_or(usize::MAX).min(data.len());
        let (part, rest) = data.split_at_checked(n).unwrap_or((data, &[]));
        payload.left -= part.len() as u64;
        match self.message {
            Some(m) if !payload.control && !m.spoiled => {
                let whole = payload.left == 0 && payload.fin && self.body.is_empty();
                if whole && payload.mask == [0; 4] && !m.packed {
                    self.message = None;
                    self.state = State::Header;
                    out(m.opcode, part);
                    return rest;
                }
                let from = self.body.len();
                self.body.extend_from_slice(part);
                frame::unmask(self.body.get_mut(from..).unwrap_or_default(), payload.mask);
            }
            _ => {}
        }
        payload.mask.rotate_left(part.len() % 4);
        self.state = State::Payload(payload);
        if payload.left == 0 {
            self.end_frame(payload, out);
        }
        rest
    }

    fn end_frame(&mut self, payload: Payload, out: &mut impl FnMut(Opcode, &[u8])) {
        self.state = State::Header;
        if payload.control || !payload.fin {
            return;
        }
        if let Some(m) = self.message.take().filter(|m| !m.spoiled) {
            match &mut self.permessage {
                Some(p) if m.packed => p.message(&self.body, |plain| out(m.opcode, plain)),
                _ => out(m.opcode, &self.body),
            }
        }
        if self.body.capacity() > 4096 {
            self.body = Vec::new();
        } else {
            self.body.clear();
        }
    }
}

#[cfg(test)]
mod tests;

//! What a flow says on the wire, as a detector sees it: times, directions and sizes.

use crate::random::Random;

/// One application message: seconds since the world began, direction, octets.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Event {
    pub(crate) at: f64,
    pub(crate) up: bool,
    pub(crate) size: u32,
}

/// A flow being written down. Messages may be added in any order.
#[derive(Default)]
pub(crate) struct Tape {
    events: Vec<Event>,
}

impl Tape {
    pub(crate) fn up(&mut self, at: f64, size: u32) {
        self.events.push(Event { at, up: true, size });
    }

    pub(crate) fn down(&mut self, at: f64, size: u32) {
        self.events.push(Event { at, up: false, size });
    }

    pub(crate) fn say(&mut self, at: f64, up: bool, size: u32) {
        self.events.push(Event { at, up, size });
    }

    /// A request and its answer; tells when the answer came.
    pub(crate) fn ask(&mut self, at: f64, request: u32, delay: f64, answer: u32) -> f64 {
        self.up(at, request);
        self.down(at + delay, answer);
        at + delay
    }

    /// In the order of time, without what comes after `end`.
    pub(crate) fn finish(mut self, end: f64) -> Vec<Event> {
        self.events.retain(|e| e.at < end);
        sort(&mut self.events);
        self.events
    }
}

pub(crate) fn sort(events: &mut [Event]) {
    events.sort_by(|a, b| a.at.total_cmp(&b.at));
}

/// How messages are wrapped: what is added to each size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Framing {
    Plain,
    /// AES-GCM in TLS 1.2: header 5, explicit nonce 8, tag 16 (RFC 5246, 5288).
    Tls12,
    /// AES-CBC with SHA-1 in TLS 1.2: everything in blocks of 16 (RFC 5246 section 6.2.3.2).
    Tls12Cbc,
    /// Header 5, inner type 1, tag 16 (RFC 8446 section 5.2).
    Tls13,
    /// A web socket (RFC 6455: client frames carry a mask of 4) inside TLS 1.3.
    WebSocketTls13,
}

impl Framing {
    pub(crate) const ALL: [Self; 5] = [Self::Plain, Self::Tls12, Self::Tls12Cbc, Self::Tls13, Self::WebSocketTls13];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls12 => "TLS 1.2 GCM",
            Self::Tls12Cbc => "TLS 1.2 CBC",
            Self::Tls13 => "TLS 1.3",
            Self::WebSocketTls13 => "WebSocket, TLS 1.3",
        }
    }

    /// Octets on the wire for one message.
    pub(crate) fn wrap(self, up: bool, size: u32) -> u32 {
        match self {
            Self::Plain => size,
            Self::Tls12 => size + 29,
            Self::Tls12Cbc => 5 + 16 + (size + 20 + 1).div_ceil(16) * 16,
            Self::Tls13 => size + 22,
            Self::WebSocketTls13 => size + 22 + if size < 126 { 2 } else { 4 } + if up { 4 } else { 0 },
        }
    }

    /// What goes before the first application message.
    pub(crate) fn greet(self, random: &mut Random, at: f64, rtt: f64) -> Vec<Event> {
        let mut tape = Tape::default();
        match self {
            Self::Plain => {}
            Self::Tls12 | Self::Tls12Cbc => {
                let at = tape.ask(at, random.int(180, 520), rtt, random.int(2200, 5200));
                tape.ask(at + 0.002, random.int(93, 158), rtt, random.pick(&[51, 75, 242, 258]));
            }
            Self::Tls13 | Self::WebSocketTls13 => {
                let at = tape.ask(at, random.int(190, 600), rtt, random.int(1900, 5000));
                let at = tape.ask(at + 0.002, random.pick(&[64, 74, 80]), rtt, random.pick(&[255, 497, 510, 570]));
                if self == Self::WebSocketTls13 {
                    tape.ask(at + 0.001, random.int(250, 650), rtt, random.int(150, 330));
                }
            }
        }
        tape.finish(f64::INFINITY)
    }

    /// `events` of application data in this framing.
    pub(crate) fn over(self, events: &mut [Event]) {
        for e in events {
            e.size = self.wrap(e.up, e.size);
        }
    }
}

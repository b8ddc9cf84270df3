//! One direction of a stream cut into records, and these into handshake messages (RFC 8446 §5.1, §4).

use super::certificate::Certificate;
use super::cursor::Cursor;
use super::hello::{ClientHello, ServerSide, Transport};
use super::{CLIENT_HELLO, MAX_CERTIFICATE, MAX_HELLO, SERVER_HELLO, Step, Version};

/// Bytes of a stream after which nothing of use is expected, whatever they are.
const MAX_STREAM: usize = 2 * (MAX_HELLO + MAX_CERTIFICATE);
/// The longest record: 2^14 bytes and what old ciphers add (RFC 5246 §6.2.3).
const MAX_RECORD: u16 = (1 << 14) + 2048;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const HEARTBEAT: u8 = 24;

const HELLO_REQUEST: u8 = 0;
const CERTIFICATE: u8 = 11;
/// May stand before a certificate (RFC 4680 §2).
const SUPPLEMENTAL_DATA: u8 = 23;
/// Type and length of a handshake message.
const MESSAGE_HEADER: usize = 4;
/// That, the length of the list of certificates, and the length of the first.
const CERTIFICATE_HEADER: usize = MESSAGE_HEADER + 6;

/// The reader of one direction, from its first byte on.
#[derive(Debug, Default)]
pub struct TlsReader {
    /// The record header under way.
    head: [u8; 5],
    have: usize,
    /// What is left of the record, and its content type.
    left: usize,
    kind: u8,
    /// The handshake message under way, from its type on; empty while messages lie in one piece.
    message: Vec<u8>,
    /// What is left of a message that is not wanted.
    skip: usize,
    /// Bytes seen.
    seen: usize,
    server: Option<Box<ServerSide>>,
    done: bool,
    malformed: bool,
}

/// What to do with a message, by its beginning.
enum Want {
    /// This many bytes of it, its header included.
    Bytes(usize),
    /// This many bytes after its header are of no use.
    Skip(usize),
    /// It says that nothing of use comes any more.
    Stop,
}

impl TlsReader {
    /// A direction that begins with its next byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stream data in order.
    pub fn push(&mut self, mut data: &[u8]) -> Step {
        if self.done {
            return Step::Enough;
        }
        self.seen = self.seen.saturating_add(data.len());
        while !data.is_empty() {
            if self.left == 0 {
                let Some(rest) = self.header(data) else { return self.refuse() };
                data = rest;
                continue;
            }
            let (part, rest) = data.split_at(self.left.min(data.len()));
            let starts = self.left == usize::from(self.length());
            self.left -= part.len();
            data = rest;
            let step = match self.kind {
                HANDSHAKE => self.handshake(part),
                // A warning, such as that the name is not known, does not end the handshake (RFC 5246 §7.2).
                ALERT if starts && part.first() == Some(&1) => None,
                ALERT if !starts => None,
                HEARTBEAT => None,
                // From here on everything is encrypted.
                _ => Some(self.end()),
            };
            if let Some(step) = step {
                return step;
            }
        }
        if self.seen > MAX_STREAM { self.end() } else { Step::More }
    }

    /// Bytes are missing: what comes after them cannot be read.
    pub fn gap(&mut self) -> Step {
        self.end()
    }

    /// The stream ended, or nobody wants to wait any longer: gives what is known.
    pub fn end(&mut self) -> Step {
        self.done = true;
        self.message = Vec::new();
        self.server.take().map_or(Step::Enough, Step::Server)
    }

    /// Whether it was TLS with a hello or certificate that contradicts itself.
    pub fn malformed(&self) -> bool {
        self.malformed
    }

    /// Bytes kept at the moment.
    pub fn held(&self) -> usize {
        self.message.capacity()
    }

    /// Collects a record's header; gives the rest of the data, or `None` if that is no header.
    fn header<'a>(&mut self, data: &'a [u8]) -> Option<&'a [u8]> {
        let (part, rest) = data.split_at(data.len().min(self.head.len() - self.have));
        for (to, from) in self.head.iter_mut().skip(self.have).zip(part) {
            *to = *from;
        }
        self.have += part.len();
        // Each byte is judged as soon as it is there, so that what is not TLS is let go early.
        let [kind, major, minor, ..] = self.head;
        let plausible = (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind)
            && (self.have < 2 || major == 3)
            && (self.have < 3 || minor <= 4)
            && (self.have < 5 || self.length() <= MAX_RECORD);
        if !plausible {
            return None;
        }
        if self.have == self.head.len() {
            self.have = 0;
            self.kind = kind;
            self.left = self.length().into();
        }
        Some(rest)
    }

    /// The length in the last header.
    fn length(&self) -> u16 {
        let [_, _, _, a, b] = self.head;
        u16::from_be_bytes([a, b])
    }

    /// The content of handshake records.
    fn handshake(&mut self, mut part: &[u8]) -> Option<Step> {
        loop {
            if self.skip > 0 {
                let n = self.skip.min(part.len());
                part = part.get(n..).unwrap_or_default();
                self.skip -= n;
            }
            let collected = !self.message.is_empty();
            if !collected && part.is_empty() {
                return None;
            }
            let wanted = match self.want(if collected { &self.message } else { part }) {
                Want::Bytes(n) => n,
                Want::Skip(n) => {
                    self.skip = n;
                    self.message.clear();
                    if !collected {
                        part = part.get(MESSAGE_HEADER..).unwrap_or_default();
                    }
                    continue;
                }
                Want::Stop => return Some(self.end()),
            };
            if !collected && let Some((message, rest)) = part.split_at_checked(wanted) {
                part = rest;
                if let Some(step) = self.take(message) {
                    return Some(step);
                }
            } else if self.message.len() >= wanted {
                let message = std::mem::take(&mut self.message);
                if let Some(step) = self.take(&message) {
                    return Some(step);
                }
            } else if part.is_empty() {
                return None;
            } else {
                let (more, rest) = part.split_at(part.len().min(wanted - self.message.len()));
                self.message.extend_from_slice(more);
                part = rest;
            }
        }
    }

    /// What to do with a message of which this is the beginning.
    fn want(&self, message: &[u8]) -> Want {
        let mut c = Cursor(message);
        let (Some(kind), Some(length)) = (c.u8(), c.u24()) else { return Want::Bytes(MESSAGE_HEADER) };
        match (kind, &self.server) {
            (CLIENT_HELLO | SERVER_HELLO, None) if length <= MAX_HELLO => Want::Bytes(MESSAGE_HEADER + length),
            (CERTIFICATE, Some(_)) if length <= MAX_CERTIFICATE => {
                // Only the first is the server's own.
                let (Some(_), Some(first)) = (c.u24(), c.u24()) else {
                    return Want::Bytes(CERTIFICATE_HEADER.min(MESSAGE_HEADER + length));
                };
                Want::Bytes((CERTIFICATE_HEADER + first).min(MESSAGE_HEADER + length))
            }
            (HELLO_REQUEST | SUPPLEMENTAL_DATA, _) => Want::Skip(length),
            _ => Want::Stop,
        }
    }

    /// A message that is wanted, from its type on.
    fn take(&mut self, message: &[u8]) -> Option<Step> {
        let mut c = Cursor(message);
        let (kind, body) = (c.u8()?, Cursor(c.0.get(3..)?));
        if kind == CERTIFICATE {
            self.certificate(body);
            return Some(self.end());
        }
        if kind == CLIENT_HELLO {
            let Some(hello) = ClientHello::parse(body.0, Transport::Tcp) else { return Some(self.refuse()) };
            self.end();
            return Some(Step::Client(Box::new(hello)));
        }
        let Some(hello) = ServerSide::parse(body.0) else { return Some(self.refuse()) };
        let encrypted = hello.version >= Version::TLS_1_3;
        self.server = Some(Box::new(hello));
        encrypted.then(|| self.end())
    }

    /// The body of a certificate message, of which only the first certificate need be there (RFC 5246 §7.4.2).
    fn certificate(&mut self, mut body: Cursor<'_>) {
        let Some(server) = &mut self.server else { return };
        let first = body.u24().and_then(|_| body.u24()).and_then(|n| body.take(n));
        server.certificate = first.and_then(Certificate::parse);
        server.certificate_malformed = server.certificate.is_none();
        self.malformed |= server.certificate_malformed;
    }

    /// Gives up on what cannot be read, but not on what was read before.
    fn refuse(&mut self) -> Step {
        self.malformed |= self.kind == HANDSHAKE;
        match self.end() {
            Step::Enough => Step::NotTls,
            known => known,
        }
    }
}

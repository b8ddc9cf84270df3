//! The hello inside QUIC: its first packets are encrypted with keys that everybody can compute.
//!
//! In: the datagrams of one client, in any order. Out: one [`ClientHello`], then
//! [`Step::Enough`]. Read are Initial packets of version 1 (RFC 9000, RFC 9001), version 2 (RFC 9369) and the last drafts
//! with version 1's wire image; version negotiation, Retry, 0-RTT and everything later are passed over.

mod frames;
mod keys;
mod packet;

use super::tls::{CLIENT_HELLO, ClientHello, MAX_HELLO, Step, Transport};
use frames::Pieces;
use keys::Keys;
use packet::{Initial, Long, Version};

/// Datagrams looked at. A hello fits into one or two; more are repetitions.
pub const MAX_DATAGRAMS: u32 = 16;
/// Datagrams with Initial packets that could not be decrypted, after which no more are tried: each costs three hashes.
const MAX_REFUSED: u32 = 4;

/// Whether a datagram begins with an Initial packet of a version that is read. Cheap enough for every datagram.
pub fn looks_initial(payload: &[u8]) -> bool {
    let &[first, a, b, c, d, dcid, ..] = payload else { return false };
    let version = Version::from_wire(u32::from_be_bytes([a, b, c, d]));
    version.is_some_and(|v| v.is_initial(first)) && usize::from(dcid) <= packet::MAX_CONNECTION_ID
}

/// The reader of one client's datagrams.
#[derive(Default)]
pub struct QuicReader {
    keys: Option<Box<Keys>>,
    /// The largest packet number under these keys.
    largest: Option<u64>,
    pieces: Pieces,
    /// A packet being decrypted.
    scratch: Vec<u8>,
    datagrams: u32,
    refused: u32,
    done: bool,
    malformed: bool,
}

impl QuicReader {
    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// One datagram of the client. A mirror's second copy does no harm; to leave copies out could: Initial packets with the
    /// same long token begin alike.
    pub fn datagram(&mut self, payload: &[u8]) -> Step {
        if self.done {
            return Step::Enough;
        }
        self.datagrams += 1;
        let mut rest = payload;
        let mut opened = false;
        let mut refused = false;
        while let Some(long) = Long::split(&mut rest) {
            let Long::Initial(initial) = long else { continue };
            if self.open(&initial) {
                opened = true;
            } else {
                refused = true;
                // What follows in the datagram is for the same connection (RFC 9000 §12.2).
                break;
            }
        }
        if opened && let Some(step) = self.complete() {
            return step;
        }
        self.refused += u32::from(refused && !opened);
        if self.datagrams == 1 && !opened && !refused && !packet::is_long(payload) {
            self.finish();
            return Step::NotTls;
        }
        if self.datagrams >= MAX_DATAGRAMS || self.refused >= MAX_REFUSED || self.malformed {
            return self.finish();
        }
        Step::More
    }

    /// Datagrams whose Initial packet could not be decrypted: the server's, damaged, or of a connection that began
    /// before they were looked at.
    pub fn refused(&self) -> u32 {
        self.refused
    }

    /// Whether what was decrypted contradicts itself.
    pub fn malformed(&self) -> bool {
        self.malformed
    }

    /// Bytes kept at the moment.
    pub fn held(&self) -> usize {
        self.scratch.capacity() + self.pieces.held()
    }

    /// Decrypts a packet and keeps what it has of the hello; `false` if it does not fit any key.
    fn open(&mut self, initial: &Initial<'_>) -> bool {
        // The keys follow from the first connection id that the client makes up, or that a Retry gives it; a server may
        // name another one later, which changes no keys (RFC 9001 §5.2).
        let known = self.keys.as_ref().is_some_and(|keys| {
            keys.version() == initial.version && {
                let opened = packet::open(initial, keys, self.largest, &mut self.scratch);
                opened.is_some_and(|number| {
                    self.largest = self.largest.max(Some(number));
                    true
                })
            }
        });
        if !known {
            if self.keys.as_ref().is_some_and(|keys| keys.made_from(initial.version, initial.dcid)) {
                return false;
            }
            let keys = Keys::of_client(initial.version, initial.dcid);
            let Some(number) = packet::open(initial, &keys, None, &mut self.scratch) else { return false };
            self.keys = Some(Box::new(keys));
            self.largest = Some(number);
            self.pieces.clear();
        }
        self.malformed |= !frames::read(&self.scratch, &mut self.pieces);
        true
    }

    /// The hello, once all of it is there.
    fn complete(&mut self) -> Option<Step> {
        let message = match self.pieces.message(MAX_HELLO) {
            frames::Message::Partial => return None,
            frames::Message::TooLong => return Some(self.finish()),
            frames::Message::Whole(kind, body) => {
                (kind == CLIENT_HELLO).then(|| ClientHello::parse(&body, Transport::Quic))
            }
        };
        self.finish();
        self.malformed |= message == Some(None);
        Some(match message {
            Some(Some(hello)) => Step::Client(Box::new(hello)),
            Some(None) => Step::NotTls,
            None => Step::Enough,
        })
    }

    fn finish(&mut self) -> Step {
        self.done = true;
        self.keys = None;
        self.pieces.clear();
        self.scratch = Vec::new();
        Step::Enough
    }
}

impl std::fmt::Debug for QuicReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut s = f.debug_struct("QuicReader");
        s.field("datagrams", &self.datagrams).field("refused", &self.refused).field("done", &self.done);
        s.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

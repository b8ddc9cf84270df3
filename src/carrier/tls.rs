//! What can be read of TLS without a key: the names and the fingerprint of a client's hello, and the certificate that a
//! server shows up to TLS 1.2.
//!
//! In: one direction of a stream, in order, cut anywhere, with holes. Out: one [`ClientHello`] or one [`ServerSide`],
//! then [`Step::Enough`]. A message that lies in one segment is read where it is; only what is cut is collected, up to
//! [`MAX_HELLO`] and [`MAX_CERTIFICATE`].

mod certificate;
mod cursor;
mod hello;
mod ja4;
mod name;
mod reader;

pub use certificate::{Certificate, MAX_SANS};
pub(super) use cursor::Cursor;
pub use hello::{ClientHello, MAX_ALPN, ServerSide, Transport};
pub use ja4::Ja4;
pub use reader::TlsReader;

use std::fmt;

/// The longest hello that is read, in bytes of its body. Post-quantum key shares make hellos of 2 kB.
pub const MAX_HELLO: usize = 32 * 1024;

/// The longest certificate message that is read, in bytes of its body.
pub const MAX_CERTIFICATE: usize = 64 * 1024;

/// Type of a client's hello among handshake messages (RFC 8446 §4).
pub(super) const CLIENT_HELLO: u8 = 1;
/// Type of a server's.
const SERVER_HELLO: u8 = 2;

/// What a reader says after some bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Nothing yet.
    More,
    /// The client's hello. Nothing follows.
    Client(Box<ClientHello>),
    /// The server's hello, with its certificate if that can be read. Nothing follows.
    Server(Box<ServerSide>),
    /// This is not TLS (for QUIC: no version that is known), or too damaged to be read. Nothing follows.
    NotTls,
    /// Nothing of use can come any more: picked up too late, refused by an alert, too long, or all was said before.
    Enough,
}

/// A protocol version as it is written in messages (RFC 8446 §4.2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(pub u16);

impl Version {
    /// TLS 1.3, from which on certificates are encrypted.
    pub const TLS_1_3: Self = Self(0x0304);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x0300 => f.write_str("SSL 3.0"),
            0x0301 => f.write_str("TLS 1.0"),
            0x0302 => f.write_str("TLS 1.1"),
            0x0303 => f.write_str("TLS 1.2"),
            0x0304 => f.write_str("TLS 1.3"),
            other => write!(f, "0x{other:04x}"),
        }
    }
}

/// Whether a value is one of those that mean nothing and are sent to keep servers tolerant (RFC 8701 §2).
fn is_grease(value: u16) -> bool {
    let [a, b] = value.to_be_bytes();
    a == b && a & 0x0f == 0x0a
}

#[cfg(test)]
#[path = "../../tests/tls/build.rs"]
pub(super) mod build;
#[cfg(test)]
mod tests;

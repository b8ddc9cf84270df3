//! What mining hides in, knowing nothing of mining: lines, HTTP, WebSocket, SOCKS, CONNECT, the PROXY protocol, gzip; and
//! what can be read of what is encrypted: names and fingerprints of TLS and QUIC.
//!
//! In: stream data, gaps and ends of one direction. Out: the messages inside. Every buffer is capped; what is longer is
//! skipped and counted, never collected.

pub mod dhcp;
pub mod dns;
pub mod http;
pub mod inflate;
pub mod lines;
pub mod look;
pub mod node;
pub mod peel;
pub mod proxy;
pub mod quic;
pub mod socks;
pub mod target;
pub mod tls;
pub mod websocket;
mod wrap;

pub use target::{Host, Target};
pub use wrap::Wrap;

/// What a stream's first bytes say it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum First {
    /// JSON, white space or a byte order mark before it.
    Lines,
    /// An HTTP/1 request or response.
    Http,
    /// TLS.
    Tls,
    /// Something else for certain: SSH, binary.
    Other,
    /// Too short to tell.
    Short,
}

/// Requests that can carry a JSON body or a long poll, and HTTP/1 responses.
const HTTP: [&[u8]; 5] = [b"POST ", b"GET ", b"PUT ", b"HTTP/1.", b"CONNECT "];

/// Looks at the first bytes of one direction.
pub fn first_bytes(data: &[u8]) -> First {
    // NUL and BOM before JSON are accepted by real pools' parsers; a miner may hide behind them.
    let json = data.iter().find(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0xef | 0xbb | 0xbf));
    match json {
        Some(b'{' | b'[') => return First::Lines,
        None => return First::Short,
        Some(_) => {}
    }
    // A handshake record of any version (RFC 8446 §5.1); the type of the message in it may not be there yet.
    if let [0x16, 3, 0..=4, ..] = data {
        return First::Tls;
    }
    if let [0x16] | [0x16, 3] = data {
        return First::Short;
    }
    // Servers ignore line ends before a request (RFC 9112 §2.2).
    let start = data.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(0);
    let data = data.get(start..).unwrap_or_default();
    for word in HTTP {
        if data.starts_with(word) {
            return First::Http;
        }
        if data.len() < word.len() && word.starts_with(data) {
            return First::Short;
        }
    }
    First::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide() {
        assert_eq!(first_bytes(b"{\"id\":1"), First::Lines);
        assert_eq!(first_bytes(b"\r\n {\"id\":1"), First::Lines);
        assert_eq!(first_bytes(b"\xef\xbb\xbf{"), First::Lines);
        assert_eq!(first_bytes(b"POST / HTTP/1.1\r\n"), First::Http);
        assert_eq!(first_bytes(b"HTTP/1.1 200 OK"), First::Http);
        assert_eq!(first_bytes(b"\r\n\r\nPOST / HTTP/1.1\r\n"), First::Http);
        assert_eq!(first_bytes(b"PO"), First::Short);
        assert_eq!(first_bytes(b"  "), First::Short);
        assert_eq!(first_bytes(b""), First::Short);
        assert_eq!(first_bytes(b"\x16\x03\x01\x02\x00\x01"), First::Tls);
        assert_eq!(first_bytes(b"\x16\x03"), First::Short);
        assert_eq!(first_bytes(b"SSH-2.0-x"), First::Other);
    }
}

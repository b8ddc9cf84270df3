//! What mining hides in, knowing nothing of mining: lines and HTTP.
//!
//! In: stream data, gaps and ends of one direction. Out: the messages inside. Every buffer is capped; what is longer is
//! skipped and counted, never collected.

pub mod http;
pub mod inflate;
pub mod lines;
pub mod look;
pub mod proxy;
pub mod socks;
pub mod target;
pub mod websocket;

/// What a stream's first bytes say it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum First {
    /// JSON, or white space, a byte order mark or a PROXY line before it.
    Lines,
    /// An HTTP/1 request or response.
    Http,
    /// Something else for certain: TLS, SSH, binary.
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
    if data.starts_with(b"PROXY ") {
        return First::Lines;
    }
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
        assert_eq!(first_bytes(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), First::Lines);
        assert_eq!(first_bytes(b"POST / HTTP/1.1\r\n"), First::Http);
        assert_eq!(first_bytes(b"HTTP/1.1 200 OK"), First::Http);
        assert_eq!(first_bytes(b"PO"), First::Short);
        assert_eq!(first_bytes(b"  "), First::Short);
        assert_eq!(first_bytes(b""), First::Short);
        assert_eq!(first_bytes(b"\x16\x03\x01\x02\x00\x01"), First::Other);
        assert_eq!(first_bytes(b"SSH-2.0-x"), First::Other);
    }
}

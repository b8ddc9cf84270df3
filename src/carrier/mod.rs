//! What mining hides in, knowing nothing of mining: lines and HTTP.
//!
//! In: stream data, gaps and ends of one direction. Out: the messages inside. Every buffer is capped; what is longer is
//! skipped and counted, never collected.

pub mod http;
pub mod lines;

/// What a stream's first bytes say it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum First {
    /// JSON, white space or a byte order mark before it.
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

/// Looks at the first bytes of one direction; a load balancer's PROXY line before them does not count.
pub fn first_bytes(data: &[u8]) -> First {
    // NUL and BOM before JSON are accepted by real pools' parsers; a miner may hide behind them.
    let json = data.iter().find(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0xef | 0xbb | 0xbf));
    match json {
        Some(b'{' | b'[') => return First::Lines,
        None => return First::Short,
        Some(_) => {}
    }
    match proxy_line(data) {
        Proxy::Line(rest) => return first_bytes(rest),
        Proxy::Short => return First::Short,
        Proxy::No => {}
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

/// The longest line of the PROXY protocol, version 1, with its line end.
pub const MAX_PROXY: usize = 107;

enum Proxy<'d> {
    /// A whole line, and what follows it.
    Line(&'d [u8]),
    /// Part of a line.
    Short,
    No,
}

fn proxy_line(data: &[u8]) -> Proxy<'_> {
    const WORD: &[u8] = b"PROXY ";
    if !data.starts_with(WORD) {
        return if !data.is_empty() && WORD.starts_with(data) { Proxy::Short } else { Proxy::No };
    }
    let head = data.get(..MAX_PROXY).unwrap_or(data);
    match head.iter().position(|b| *b == b'\n') {
        Some(at) => Proxy::Line(data.get(at + 1..).unwrap_or_default()),
        None if data.len() < MAX_PROXY => Proxy::Short,
        None => Proxy::No,
    }
}

/// What follows a load balancer's PROXY line (`HAProxy`'s `proxy-protocol.txt`, version 1), or all of it.
pub fn after_proxy_line(data: &[u8]) -> &[u8] {
    match proxy_line(data) {
        Proxy::Line(rest) => rest,
        Proxy::Short | Proxy::No => data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide() {
        assert_eq!(first_bytes(b"{\"id\":1"), First::Lines);
        assert_eq!(first_bytes(b"\r\n {\"id\":1"), First::Lines);
        assert_eq!(first_bytes(b"\xef\xbb\xbf{"), First::Lines);
        assert_eq!(first_bytes(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n{"), First::Lines);
        assert_eq!(first_bytes(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nPOST /"), First::Http);
        assert_eq!(first_bytes(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n\x16\x03"), First::Other);
        assert_eq!(first_bytes(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), First::Short);
        assert_eq!(first_bytes(b"PROXY TCP4 192.0"), First::Short);
        assert_eq!(first_bytes(b"PROX"), First::Short);
        assert_eq!(first_bytes(&[&b"PROXY "[..], &[b'x'; 200], b"\n{"].concat()), First::Other);
        assert_eq!(after_proxy_line(b"PROXY UNKNOWN\r\n{}"), b"{}");
        assert_eq!(after_proxy_line(b"{}"), b"{}");
        assert_eq!(first_bytes(b"POST / HTTP/1.1\r\n"), First::Http);
        assert_eq!(first_bytes(b"HTTP/1.1 200 OK"), First::Http);
        assert_eq!(first_bytes(b"PO"), First::Short);
        assert_eq!(first_bytes(b"  "), First::Short);
        assert_eq!(first_bytes(b""), First::Short);
        assert_eq!(first_bytes(b"\x16\x03\x01\x02\x00\x01"), First::Other);
        assert_eq!(first_bytes(b"SSH-2.0-x"), First::Other);
    }
}

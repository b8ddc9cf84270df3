//! Where a client asks a proxy to connect it to.
//!
//! In: the address fields of a SOCKS request or the authority of an HTTP request. Out: [`Target`], safe to print.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The longest host name: SOCKS5 counts it in one byte (RFC 1928 §5), DNS allows 253 (RFC 1035 §2.3.4).
pub const MAX_NAME: usize = 255;

/// The host a proxy is asked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Host {
    /// A name, of ASCII letters, digits, `-`, `_` and `.`, as it was sent.
    Name(String),
    /// An address, or a name that is the text of one.
    Ip(IpAddr),
}

impl Host {
    /// Reads a name or the text of an address. `None` for whatever is neither: it could not be resolved, and must not
    /// reach a report.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        if raw.is_empty() || raw.len() > MAX_NAME {
            return None;
        }
        let text = std::str::from_utf8(raw).ok()?;
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(Self::Ip(ip));
        }
        let plain = raw.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        let named = plain && raw.iter().any(u8::is_ascii_alphanumeric);
        named.then(|| Self::Name(text.to_owned()))
    }
}

/// Host and port that a proxy is asked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Target {
    /// The host.
    pub host: Host,
    /// The TCP port; never 0.
    pub port: u16,
}

impl Target {
    /// Reads the authority of an HTTP CONNECT: `host:port` or `[v6]:port` (RFC 9110 §9.3.6). The port is required.
    pub fn parse_authority(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = decimal_port(port).filter(|p| *p != 0)?;
        let host = if let Some(inner) = host.strip_prefix('[') {
            let ip = inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?;
            Host::Ip(IpAddr::V6(ip))
        } else {
            // A bare IPv6 address would leave open which colon begins the port.
            Host::parse(host.as_bytes()).filter(|h| !matches!(h, Host::Ip(IpAddr::V6(_))))?
        };
        Some(Self { host, port })
    }

    /// Reads the authority of a URI, or a Host field (RFC 9110 §7.2): the port may be left out.
    pub fn parse_origin(text: &str, port: u16) -> Option<Self> {
        let bare = !text.ends_with(']') && text.contains(':');
        if bare { Self::parse_authority(text) } else { Self::parse_authority(&format!("{text}:{port}")) }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => write!(f, "{name}:{}", self.port),
            Host::Ip(IpAddr::V4(ip)) => write!(f, "{ip}:{}", self.port),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

/// A port in decimal without sign or leading zeros; 0 is read as 0.
pub(super) fn decimal_port(text: &str) -> Option<u16> {
    let strict = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if strict { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn authorities_read_and_print_alike() {
        for text in ["pool.example:3333", "192.0.2.7:443", "[2001:db8::7]:4444", "a_b-c.example.:1"] {
            assert_eq!(Target::parse_authority(text).map(|t| t.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        let long = format!("{}:1", "a".repeat(MAX_NAME + 1));
        for text in [
            "",
            ":",
            ":80",
            "pool.example",
            "pool.example:",
            "pool.example:0",
            "pool.example:080",
            "pool.example:+80",
            "pool.example:65536",
            "pool example:80",
            "user@pool.example:80",
            "http://pool.example:80",
            "2001:db8::7:80",
            "[2001:db8::7]80",
            "[192.0.2.1]:80",
            "[2001:db8::7:80",
            "...:80",
            "p\u{f6}ol.example:80",
            "pool.example\r\n:80",
            &long,
        ] {
            assert_eq!(Target::parse_authority(text), None, "{text:?}");
        }
        assert!(Target::parse_authority(&format!("{}:1", "a".repeat(MAX_NAME))).is_some());
    }

    #[test]
    fn the_port_of_an_origin_may_be_left_out() {
        let origin = |text| Target::parse_origin(text, 80).map(|t| t.to_string());
        for (text, want) in [
            ("pool.example", "pool.example:80"),
            ("pool.example:8332", "pool.example:8332"),
            ("192.0.2.7", "192.0.2.7:80"),
            ("[2001:db8::7]", "[2001:db8::7]:80"),
            ("[2001:db8::7]:81", "[2001:db8::7]:81"),
        ] {
            assert_eq!(origin(text).as_deref(), Some(want));
        }
        for text in ["", "pool.example:", "pool example", "2001:db8::7", "[2001:db8::7"] {
            assert_eq!(origin(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_name_that_is_an_address_is_one() {
        assert_eq!(Host::parse(b"192.0.2.1"), Some(Host::Ip("192.0.2.1".parse().unwrap())));
        assert_eq!(Host::parse(b"2001:db8::1"), Some(Host::Ip("2001:db8::1".parse().unwrap())));
        assert_eq!(Host::parse(b"\xff\xfe"), None);
    }

    proptest! {
        #[test]
        fn what_is_read_prints_to_what_reads_the_same(text in "[\\[\\]a-f0-9:.]{0,40}") {
            if let Some(t) = Target::parse_authority(&text) {
                prop_assert_eq!(Target::parse_authority(&t.to_string()), Some(t));
            }
        }
    }
}

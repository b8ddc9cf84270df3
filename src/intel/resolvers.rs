//! Public resolvers that are asked inside TLS or QUIC, from `pool-feeds/resolvers.toml`.
//!
//! In: the name of a hello, or the address it went to. Out: the operator. Context: who asks one hides his look-ups, as
//! browsers do.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use serde::Deserialize;

const SHIPPED: &str = include_str!("../../pool-feeds/resolvers.toml");

#[derive(Deserialize)]
struct Feed {
    resolver: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    operator: Box<str>,
    names: Vec<Box<str>>,
    addresses: Vec<IpAddr>,
}

#[derive(Default)]
struct Known {
    names: HashMap<Box<str>, Box<str>>,
    addresses: HashMap<IpAddr, Box<str>>,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let mut known = Known::default();
        // What is part of the program was read by its tests.
        for row in toml::from_str::<Feed>(SHIPPED).map(|f| f.resolver).unwrap_or_default() {
            known.names.extend(row.names.into_iter().map(|n| (n, row.operator.clone())));
            known.addresses.extend(row.addresses.into_iter().map(|a| (a, row.operator.clone())));
        }
        known
    })
}

/// Whose resolver has that name, or one above it. The name is in lower case, without a final dot, as hellos are read.
pub fn by_name(name: &str) -> Option<&'static str> {
    let names = &known().names;
    let mut rest = name;
    loop {
        if let Some(operator) = names.get(rest) {
            return Some(operator);
        }
        rest = rest.split_once('.')?.1;
    }
}

/// Whose resolver has that address.
pub fn by_address(addr: IpAddr) -> Option<&'static str> {
    known().addresses.get(&addr.to_canonical()).map(|o| &**o)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_by_whole_labels() {
        assert_eq!(by_name("dns.google"), Some("Google"));
        assert_eq!(by_name("mozilla.cloudflare-dns.com"), Some("Cloudflare"));
        assert_eq!(by_name("abc123.dns.nextdns.io"), Some("NextDNS"));
        for other in ["google", "evildns.google", "www.google.com", "quad9.net", "nextdns.io", "com", "", "."] {
            assert_eq!(by_name(other), None, "{other}");
        }
        assert_eq!(by_address("::ffff:9.9.9.9".parse().unwrap()), Some("Quad9"));
        assert_eq!(by_address("192.0.2.1".parse().unwrap()), None);
    }

    #[test]
    fn every_row_is_read_and_none_is_doubled() {
        let rows = toml::from_str::<Feed>(SHIPPED).unwrap().resolver;
        let (names, addresses) = rows.iter().fold((0, 0), |(n, a), r| (n + r.names.len(), a + r.addresses.len()));
        assert!(rows.len() >= 12 && rows.iter().all(|r| !r.names.is_empty()));
        assert_eq!((known().names.len(), known().addresses.len()), (names, addresses));
        assert!(rows.iter().flat_map(|r| &r.names).all(|n| **n == n.to_ascii_lowercase() && n.contains('.')));
    }
}

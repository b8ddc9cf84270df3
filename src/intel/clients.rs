//! Fingerprints of TLS clients as mining programs build them, from `pool-feeds/tls.toml`.
//!
//! In: a JA4 fingerprint. Out: the library that sends such hellos by its own defaults. Every program that leaves the
//! defaults alone shares them: that is supporting evidence at a pool, and none elsewhere.

use std::sync::OnceLock;

use serde::Deserialize;

const SHIPPED: &str = include_str!("../../pool-feeds/tls.toml");

#[derive(Deserialize)]
struct Feed {
    fingerprint: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    ja4: String,
    library: String,
}

/// The library with whose defaults the hello was built; `None` when it is not known.
pub fn library(ja4: &str) -> Option<&'static str> {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    // What is part of the program was read by its tests.
    let rows = ROWS.get_or_init(|| toml::from_str::<Feed>(SHIPPED).map(|f| f.fingerprint).unwrap_or_default());
    rows.iter().find(|r| r.ja4 == ja4).map(|r| r.library.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_openssl_are_known_and_browsers_are_not() {
        assert_eq!(library("t13i310900_e8f1e7e78f70_1f22a2ca17c4"), Some("OpenSSL 3.0"));
        assert_eq!(library("t13d1516h2_8daaf6152771_e5627efa2ab1"), None);
    }

    #[test]
    fn every_fingerprint_offers_no_protocol_inside() {
        for row in toml::from_str::<Feed>(SHIPPED).unwrap().fingerprint {
            // The two characters before the first underscore are of the ALPN list: none.
            assert_eq!(row.ja4.split('_').next().map(|a| &a[a.len() - 2..]), Some("00"), "{}", row.ja4);
        }
    }
}

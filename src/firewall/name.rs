//! Names as block lists hold them, and names that no list may ever hold.
//!
//! A DNS block of a name covers all below it, so a name is refused as soon as something below it must stay reachable.

use std::fmt;
use std::str::FromStr;

use crate::firewall::policy::Policy;
use crate::firewall::reason::Reason;

/// Longest name and label (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A host name: lower-case ASCII labels of letters, digits, hyphens and underscores (RFC 1035 §2.3.1; RFC 8552 for the
/// underscore), names in other scripts as A-labels (RFC 5890), without a final dot. Nothing else can be in one, so it is
/// printed into any file as it is. Orders by its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DomainName(Box<str>);

/// Why a text is no name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NameError(&'static str);

impl NameError {
    /// The rule that is broken.
    pub const fn rule(self) -> &'static str {
        self.0
    }
}

impl DomainName {
    /// A name of at least two labels, as a list may hold it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = Self::parse_suffix(text)?;
        if name.0.contains('.') { Ok(name) } else { Err(NameError("one label alone is too little")) }
    }

    /// A name of one label or more.
    fn parse_suffix(text: &str) -> Result<Self, NameError> {
        let bare = text.strip_suffix('.').unwrap_or(text);
        let ascii = if bare.is_ascii() {
            bare.to_ascii_lowercase()
        } else {
            // Bounded before it is looked at: a peer may send anything.
            bare.get(..bare.len().min(4 * MAX_NAME))
                .and_then(|b| idna::domain_to_ascii(b).ok())
                .ok_or(NameError("IDNA (RFC 5891) refuses its characters"))?
        };
        if ascii.is_empty() {
            return Err(NameError("the root holds every name"));
        }
        if ascii.len() > MAX_NAME {
            return Err(NameError("a name has at most 253 characters"));
        }
        for label in ascii.split('.') {
            if let Some(rule) = broken(label) {
                return Err(NameError(rule));
            }
        }
        if ascii.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit())) {
            return Err(NameError("it ends in a number, as addresses do"));
        }
        Ok(Self(ascii.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `other` or lies below it, on label boundaries.
    pub fn is_or_is_below(&self, other: &Self) -> bool {
        self.is_below(&other.0)
    }

    /// The names that it lies below, but for top-level domains, the nearest first.
    pub(super) fn above(&self) -> impl Iterator<Item = Self> {
        let dots = self.0.match_indices('.').map(|(at, _)| at + 1);
        let above = dots.filter_map(|at| self.0.get(at..)).filter(|above| above.contains('.'));
        above.map(|above| Self(above.into()))
    }

    fn is_below(&self, zone: &str) -> bool {
        self.0.strip_suffix(zone).is_some_and(|own| own.is_empty() || own.ends_with('.'))
    }
}

/// The rule that a label breaks.
fn broken(label: &str) -> Option<&'static str> {
    Some(if label.is_empty() {
        "two dots follow each other"
    } else if label.len() > MAX_LABEL {
        "a label has at most 63 characters"
    } else if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        "letters, digits, hyphens, underscores and dots only"
    } else if label.starts_with('-') || label.ends_with('-') {
        "a label neither begins nor ends with a hyphen"
    } else if label.starts_with("xn--") && idna::domain_to_unicode(label).1.is_err() {
        "a label that begins with xn-- is no valid punycode (RFC 5891)"
    } else {
        return None;
    })
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for DomainName {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

/// A name that an operator protects, with all below it. May be a single label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ProtectedName(DomainName);

/// Not a name that could be protected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text:?} is no host name: {source}")]
pub struct ProtectedNameError {
    /// As written.
    text: String,
    source: NameError,
}

impl FromStr for ProtectedName {
    type Err = ProtectedNameError;

    /// `shop.example`, also written `*.shop.example` or `.shop.example`.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let bare = s.strip_prefix("*.").or_else(|| s.strip_prefix('.')).unwrap_or(s);
        DomainName::parse_suffix(bare).map(Self).map_err(|source| ProtectedNameError { text: s.to_owned(), source })
    }
}

/// Zones that are no part of the public name space, or that hold it up: the special-use registry (RFC 6761, 6762, 7686,
/// 9476), `.internal` (ICANN board resolution of 2024-07-29), reverse zones (RFC 1035 §3.5, RFC 3596), and the names
/// that private networks use in practice (RFC 6762, appendix G).
const SPECIAL: &[&str] =
    &["localhost", "local", "arpa", "invalid", "onion", "alt", "internal", "localdomain", "home", "corp", "lan"];

/// Zones for tests and examples (RFC 6761 §6.2, §6.5).
const DOCUMENTATION: &[&str] = &["example", "test", "example.com", "example.net", "example.org"];

/// Why a name must not be blocked, if it must not.
pub(super) fn never_block(name: &DomainName, policy: &Policy) -> Option<Reason> {
    if let Some(zone) = SPECIAL.iter().find(|z| name.is_below(z)) {
        return Some(Reason::SpecialName(zone));
    }
    // Before the public suffixes, which know nothing of these zones. The zones themselves are nobody's name.
    if let Some(zone) = DOCUMENTATION.iter().find(|z| name.is_below(z))
        && !policy.allow_documentation
    {
        return Some(Reason::DocumentationName(zone));
    }
    if psl::suffix(name.0.as_bytes()).is_some_and(|s| s.as_bytes().len() == name.0.len()) {
        return Some(Reason::PublicSuffix);
    }
    for protected in &policy.never_block_names {
        if name.is_or_is_below(&protected.0) {
            return Some(Reason::NeverBlockName(protected.0.clone()));
        }
        if protected.0.is_or_is_below(name) {
            return Some(Reason::CoversNeverBlock(protected.0.clone()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(text: &str) -> String {
        DomainName::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn names_have_one_spelling() {
        for (text, name) in [
            ("XMR-eu1.Pool.Example.", "xmr-eu1.pool.example"),
            ("_stratum._tcp.pool.example", "_stratum._tcp.pool.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("1pool.example", "1pool.example"),
        ] {
            assert_eq!(DomainName::parse(text).unwrap().as_str(), name);
        }
        assert!(DomainName::parse(&format!("{}.example", "a".repeat(63))).is_ok());
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_rule() {
        for (text, says) in [
            ("", "the root"),
            (".", "the root"),
            ("com", "one label"),
            ("pool..example", "two dots"),
            (".pool.example", "two dots"),
            ("po ol.example", "letters, digits"),
            ("pool.example\n", "letters, digits"),
            ("pool.example/\nserver=8.8.8.8", "letters, digits"),
            ("*.pool.example", "letters, digits"),
            ("pool\\032.example", "letters, digits"),
            ("\"pool.example", "letters, digits"),
            ("-pool.example", "hyphen"),
            ("=cmd.example", "letters, digits"),
            ("xn--a.example", "punycode"),
            ("192.0.2.1", "number"),
            ("010.0.0.1", "number"),
            (&format!("{}.example", "a".repeat(64)), "63"),
            (&["a"; 128].join("."), "253"),
        ] {
            assert!(rule(text).contains(says), "{text:?}: {}", rule(text));
        }
    }

    fn reason(text: &str, policy: &Policy) -> Option<&'static str> {
        never_block(&DomainName::parse(text).unwrap(), policy).map(|r| r.code())
    }

    #[test]
    fn eo07_suffixes_special_zones_and_reverse_zones_are_never_blocked() {
        let policy = Policy { allow_documentation: true, ..Policy::default() };
        for (name, code) in [
            ("co.uk", "public-suffix"),
            ("github.io", "public-suffix"),
            ("duckdns.org", "public-suffix"),
            ("foo.ck", "public-suffix"),
            ("pool.localhost", "special-name"),
            ("printer.local", "special-name"),
            ("1.2.0.192.in-addr.arpa", "special-name"),
            ("home.arpa", "special-name"),
            ("abc.onion", "special-name"),
            ("srv.internal", "special-name"),
        ] {
            assert_eq!(reason(name, &policy), Some(code), "{name}");
        }
        for name in ["pool.example", "pool.test", "pool.co.uk", "mine.github.io", "www.ck", "pool.example.com"] {
            assert_eq!(reason(name, &policy), None, "{name}");
        }
        for name in ["pool.example", "pool.test", "www.example.com"] {
            assert_eq!(reason(name, &Policy::default()), Some("documentation"), "{name}");
        }
        assert_eq!(reason("nanopool.org", &Policy::default()), None);
    }

    #[test]
    fn the_operators_names_protect_what_is_below_and_what_is_above() {
        let names = ["shop.example.net", "*.corp-tools.io", "dev"].map(|n| n.parse().unwrap());
        let policy = Policy { never_block_names: names.to_vec(), allow_documentation: true, ..Policy::default() };
        for (name, code) in [
            ("shop.example.net", Some("never-block-list")),
            ("eu.shop.example.net", Some("never-block-list")),
            ("corp-tools.io", Some("never-block-list")),
            ("pool.dev", Some("never-block-list")),
            ("example.net", Some("covers-never-block")),
            ("workshop.example.net", None),
            ("my-corp-tools.io", None),
        ] {
            assert_eq!(reason(name, &policy), code, "{name}");
        }
        for bad in ["", "*", "a b", "192.0.2.1"] {
            assert!(bad.parse::<ProtectedName>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_is_plain_text_that_parses_to_itself(text in "\\PC{0,80}|[a-zA-Z0-9_.*\\-]{0,80}") {
            if let Ok(name) = DomainName::parse(&text) {
                let s = name.as_str();
                prop_assert!(s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b)));
                prop_assert!(!s.starts_with(['-', '.']) && s.len() <= 253 && s.contains('.'));
                prop_assert_eq!(DomainName::parse(s), Ok(name.clone()));
            }
        }
    }
}

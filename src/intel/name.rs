//! Host names: one spelling for look-ups, a strict one for feeds.
//!
//! In: text, from the wire or from a feed. Out: lower-case ASCII without a final dot (RFC 1035 §2.3, RFC 5890 for
//! names in other scripts, which become `xn--` labels).

/// Longest name (RFC 1035 §2.3.4).
pub(super) const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Why a text is no name that a feed may hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum NameError {
    /// Nothing there.
    #[error("a host name is empty")]
    Empty,
    /// A URL, or a name with a port.
    #[error("{0:?} is more than a host name: leave out scheme, port and path, ports go to `plain` and `tls`")]
    NotOnlyAName(String),
    /// `*.pool.example` or `.pool.example`.
    #[error("{0:?}: names match all below them anyway, write {1:?}")]
    Wildcard(String, String),
    /// Characters or lengths that no host name has.
    #[error("{0:?} is no host name: {1}")]
    Label(String, &'static str),
    /// An address.
    #[error("{0:?} is an address: it goes to `addresses`")]
    Address(String),
    /// A name under which anybody can register.
    #[error("{0:?} is a public suffix: it would match everybody below it")]
    PublicSuffix(String),
}

/// A name as the wire gives it, made comparable in `buf`. `None` for what can be no host name.
pub(super) fn canonical<'b>(name: &str, buf: &'b mut [u8; MAX_NAME]) -> Option<&'b str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let owned;
    let name = if name.is_ascii() {
        name
    } else {
        // Bounded before it is looked at: a peer may send anything.
        owned = idna::domain_to_ascii(name.get(..name.len().min(4 * MAX_NAME))?).ok()?;
        owned.as_str()
    };
    if name.is_empty() {
        return None;
    }
    let to = buf.get_mut(..name.len())?;
    to.copy_from_slice(name.as_bytes());
    to.make_ascii_lowercase();
    std::str::from_utf8(to).ok()
}

/// A name as a feed may hold it.
pub(super) fn strict(text: &str) -> Result<String, NameError> {
    let short = || text.chars().take(80).collect::<String>();
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    let bare = text.strip_suffix('.').unwrap_or(text);
    if let Some(rest) = bare.strip_prefix("*.").or_else(|| bare.strip_prefix('.')) {
        return Err(NameError::Wildcard(short(), rest.chars().take(80).collect()));
    }
    if bare.parse::<std::net::IpAddr>().is_ok() || bare.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(NameError::Address(short()));
    }
    if bare.contains(['/', ':', '@', '?']) {
        return Err(NameError::NotOnlyAName(short()));
    }
    let ascii = if bare.is_ascii() {
        bare.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(bare).map_err(|_| NameError::Label(short(), "IDNA (RFC 5891) refuses its characters"))?
    };
    if ascii.len() > MAX_NAME {
        return Err(NameError::Label(short(), "a name has at most 253 characters"));
    }
    for label in ascii.split('.') {
        let wrong = if label.is_empty() {
            "two dots follow each other"
        } else if label.len() > MAX_LABEL {
            "a label has at most 63 characters"
        } else if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            "letters, digits, hyphens and dots only"
        } else if label.starts_with('-') || label.ends_with('-') {
            "a label neither begins nor ends with a hyphen"
        } else if label.starts_with("xn--") && idna::domain_to_unicode(label).1.is_err() {
            "a label that begins with xn-- is no valid punycode (RFC 5891)"
        } else {
            continue;
        };
        return Err(NameError::Label(short(), wrong));
    }
    if !ascii.contains('.') {
        return Err(NameError::Label(short(), "one label alone is too little"));
    }
    Ok(ascii)
}

/// A strict name that may stand for all below it.
pub(super) fn suffix(text: &str) -> Result<String, NameError> {
    let name = strict(text)?;
    if is_public_suffix(&name) { Err(NameError::PublicSuffix(name)) } else { Ok(name) }
}

/// Whether anybody can register below it (publicsuffix.org).
fn is_public_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_some_and(|s| s.is_known() && s.as_bytes().len() == name.len())
}

/// Whether the name is what its owner registered, with nothing in front.
pub(super) fn is_registrable(name: &str) -> bool {
    psl::domain(name.as_bytes()).is_some_and(|d| d.as_bytes().len() == name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str) -> Option<String> {
        canonical(name, &mut [0; MAX_NAME]).map(str::to_owned)
    }

    #[test]
    fn a_name_of_the_wire_has_one_spelling() {
        assert_eq!(seen("XMR-EU1.Pool.Example."), Some("xmr-eu1.pool.example".to_owned()));
        assert_eq!(seen("bücher.example"), Some("xn--bcher-kva.example".to_owned()));
        assert_eq!(seen(&"a".repeat(253)).map(|n| n.len()), Some(253));
        for bad in ["", ".", &"a".repeat(254), &"ü".repeat(2000)] {
            assert_eq!(seen(bad), None, "{bad:.20}");
        }
    }

    #[test]
    fn a_feed_holds_clean_names_only_and_says_what_to_do() {
        assert_eq!(suffix("Bücher.Example").unwrap(), "xn--bcher-kva.example");
        assert_eq!(suffix("pool.example.").unwrap(), "pool.example");
        for (bad, says) in [
            ("", "empty"),
            ("stratum+tcp://pool.example:3333", "leave out scheme"),
            ("pool.example:3333", "leave out scheme"),
            ("*.pool.example", "write \"pool.example\""),
            (".pool.example", "write \"pool.example\""),
            ("pool", "one label"),
            ("pool..example", "two dots"),
            ("pool_.exa mple", "letters, digits"),
            ("-pool.example", "hyphen"),
            ("xn--a.example", "punycode"),
            ("192.0.2.1", "addresses"),
            ("010.1.2.3", "addresses"),
            ("co.uk", "public suffix"),
            ("github.io", "public suffix"),
        ] {
            let e = suffix(bad).unwrap_err().to_string();
            assert!(e.contains(says), "{bad}: {e}");
        }
        assert!(strict("github.io").is_ok(), "as a host of its own");
    }

    #[test]
    fn what_was_registered_is_known() {
        assert!(is_registrable("pool.example") && is_registrable("pool.co.uk") && is_registrable("mine.github.io"));
        assert!(!is_registrable("eu.pool.example") && !is_registrable("co.uk"));
    }
}

//! Host names out of hellos and certificates, made comparable.

use std::net::IpAddr;

/// `raw` as a DNS name in lower case without the dot at its end: labels of 1 to 63 letters, digits, `-` and `_`, 253 bytes
/// in all (RFC 1035 §2.3.4). `None` for anything else, addresses included: RFC 6066 §3 does not allow those.
pub(super) fn host(raw: &[u8]) -> Option<Box<str>> {
    let raw = raw.strip_suffix(b".").unwrap_or(raw);
    if raw.is_empty() || raw.len() > 253 {
        return None;
    }
    let label =
        |l: &[u8]| matches!(l.len(), 1..=63) && l.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !raw.split(|b| *b == b'.').all(label) {
        return None;
    }
    let text = std::str::from_utf8(raw).ok()?;
    if text.parse::<IpAddr>().is_ok() {
        return None;
    }
    Some(text.to_ascii_lowercase().into_boxed_str())
}

/// The same for names of certificates, of which the first label may be `*` (RFC 9525 §6.3).
pub(super) fn pattern(raw: &[u8]) -> Option<Box<str>> {
    match raw.strip_prefix(b"*.") {
        Some(rest) => host(rest).map(|name| format!("*.{name}").into_boxed_str()),
        None => host(raw),
    }
}

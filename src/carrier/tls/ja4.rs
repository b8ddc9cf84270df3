//! JA4: a fingerprint of the program that sent a hello.
//!
//! As `FoxIO` defines it (github.com/FoxIO-LLC/ja4, `technical_details/JA4.md`; BSD licence). Of the family only this one is
//! free to use; the others are left out.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::hello::Transport;
use super::{Version, is_grease};

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

/// A fingerprint: transport, version, name or none, numbers of ciphers and extensions, ALPN, and two hashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ja4([u8; 36]);

/// What goes into it, in the order it was sent.
pub(super) struct Parts<'a> {
    pub(super) transport: Transport,
    pub(super) version: Version,
    pub(super) ciphers: Vec<u16>,
    pub(super) extensions: Vec<u16>,
    pub(super) signatures: Vec<u16>,
    /// The first protocol offered by ALPN, raw.
    pub(super) alpn: Option<&'a [u8]>,
}

impl Ja4 {
    pub(super) fn new(mut parts: Parts<'_>) -> Self {
        for list in [&mut parts.ciphers, &mut parts.extensions, &mut parts.signatures] {
            list.retain(|v| !is_grease(*v));
        }
        let transport = match parts.transport {
            Transport::Tcp => 't',
            Transport::Quic => 'q',
        };
        let version = match parts.version.0 {
            0x0002 => "s2",
            0x0300 => "s3",
            0x0301 => "10",
            0x0302 => "11",
            0x0303 => "12",
            0x0304 => "13",
            _ => "00",
        };
        let name = if parts.extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
        let (ciphers, extensions) = (parts.ciphers.len().min(99), parts.extensions.len().min(99));
        let alpn = ends(parts.alpn.unwrap_or_default());

        parts.ciphers.sort_unstable();
        parts.extensions.retain(|e| !matches!(*e, SERVER_NAME | ALPN));
        parts.extensions.sort_unstable();
        let mut text =
            String::with_capacity(5 * parts.ciphers.len().max(parts.extensions.len() + parts.signatures.len()));
        list(&mut text, &parts.ciphers);
        let first = hash(&text);
        text.clear();
        list(&mut text, &parts.extensions);
        if !parts.signatures.is_empty() {
            text.push('_');
            list(&mut text, &parts.signatures);
        }
        let second = hash(&text);

        text.clear();
        let [a, b] = alpn;
        // Writing to a String does not fail.
        let _ = write!(text, "{transport}{version}{name}{ciphers:02}{extensions:02}{a}{b}_{first}_{second}");
        let mut out = [b'0'; 36];
        for (to, from) in out.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        Self(out)
    }

    /// The 36 characters.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever put in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The hello named no server: usual where a program was given an address, or asks for none, as many miners do.
    pub fn has_no_sni(&self) -> bool {
        matches!(self.0, [_, _, _, b'i', ..])
    }

    /// The hello offered no protocol by ALPN: no web browser.
    pub fn has_no_alpn(&self) -> bool {
        matches!(self.0, [_, _, _, _, _, _, _, _, b'0', b'0', ..])
    }
}

impl fmt::Display for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// First and last character of a protocol's name, or of its hexadecimal form if either is neither letter nor digit.
fn ends(alpn: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (alpn.first(), alpn.last()) else { return ['0', '0'] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [first.into(), last.into()];
    }
    let digit = |n: u8| char::from_digit(n.into(), 16).unwrap_or('0');
    [digit(first >> 4), digit(last & 0x0f)]
}

/// Appends values in hexadecimal with commas between them.
fn list(text: &mut String, values: &[u16]) {
    for (i, value) in values.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{value:04x}");
    }
}

/// The first twelve digits of the SHA-256, or zeros for nothing.
fn hash(text: &str) -> String {
    let mut out = String::with_capacity(12);
    if text.is_empty() {
        out.push_str("000000000000");
    } else {
        for b in Sha256::digest(text).iter().take(6) {
            let _ = write!(out, "{b:02x}");
        }
    }
    out
}

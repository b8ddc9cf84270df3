//! Hellos as others read them, in one form: what tls-parser and tshark are brought into to be compared.

use std::fmt::Write;

use minewatch::carrier::tls::ClientHello;
use sha2::{Digest, Sha256};

/// What is compared of a client's hello.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Said {
    /// As it was sent, in lower case.
    pub(crate) sni: Option<String>,
    pub(crate) alpn: Vec<String>,
    pub(crate) ja4: String,
    pub(crate) version: u16,
}

/// The lists of a hello.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    pub(crate) quic: bool,
    pub(crate) legacy: u16,
    pub(crate) versions: Vec<u16>,
    pub(crate) ciphers: Vec<u16>,
    pub(crate) extensions: Vec<u16>,
    pub(crate) signatures: Vec<u16>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) sni: Option<Vec<u8>>,
}

fn grease(v: u16) -> bool {
    v & 0x0f0f == 0x0a0a && v >> 8 == v & 0xff
}

fn hex(values: &[u16]) -> String {
    values.iter().map(|v| format!("{v:04x}")).collect::<Vec<_>>().join(",")
}

fn short(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    Sha256::digest(text)[..6].iter().fold(String::new(), |mut s, b| {
        write!(s, "{b:02x}").unwrap();
        s
    })
}

impl Lists {
    fn version(&self) -> u16 {
        self.versions.iter().copied().filter(|v| !grease(*v)).max().unwrap_or(self.legacy)
    }

    /// Written from the description, not from the code that it checks.
    fn ja4(&self) -> String {
        let without = |list: &[u16]| list.iter().copied().filter(|v| !grease(*v)).collect::<Vec<_>>();
        let (mut ciphers, mut extensions, signatures) =
            (without(&self.ciphers), without(&self.extensions), without(&self.signatures));
        let version = match self.version() {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            _ => "00",
        };
        let alpn = match self.alpn.first().map(Vec::as_slice) {
            None | Some([]) => "00".to_owned(),
            Some(name) => {
                let (a, b) = (name[0], name[name.len() - 1]);
                if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() {
                    format!("{}{}", a as char, b as char)
                } else {
                    format!("{:x}{:x}", a >> 4, b & 15)
                }
            }
        };
        let head = format!(
            "{}{version}{}{:02}{:02}{alpn}",
            if self.quic { 'q' } else { 't' },
            if extensions.contains(&0) { 'd' } else { 'i' },
            ciphers.len().min(99),
            extensions.len().min(99)
        );
        ciphers.sort_unstable();
        extensions.sort_unstable();
        extensions.retain(|e| *e != 0 && *e != 16);
        let mut tail = hex(&extensions);
        if !signatures.is_empty() {
            tail = format!("{tail}_{}", hex(&signatures));
        }
        format!("{head}_{}_{}", short(&hex(&ciphers)), short(&tail))
    }

    pub(crate) fn said(&self) -> Said {
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        Said {
            sni: self.sni.as_deref().map(|n| text(n).to_ascii_lowercase()),
            alpn: self.alpn.iter().map(|a| text(a)).collect(),
            ja4: self.ja4(),
            version: self.version(),
        }
    }
}

/// Extensions of which tshark lists the signature algorithms with those of the hello itself.
pub(crate) const MORE_SIGNATURES: [u16; 2] = [34, 50];

/// What differs between a reading of ours and another's; empty if nothing does.
pub(crate) fn differences(ours: &ClientHello, theirs: &Said) -> Vec<String> {
    let mut all = Vec::new();
    let mut differ = |what: &str, a: String, b: String| {
        if a != b {
            all.push(format!("{what}: {a}, but {b} elsewhere"));
        }
    };
    // What is no name is told as such, not shown.
    let sni = ours.sni.as_deref().map(str::to_owned);
    let wanted = theirs.sni.as_deref().map(|n| n.strip_suffix('.').unwrap_or(n).to_owned());
    if ours.sni_invalid {
        differ("name", format!("{:?}", wanted.is_some()), "true".to_owned());
    } else {
        differ("name", format!("{sni:?}"), format!("{wanted:?}"));
    }
    let kept: Vec<_> = theirs.alpn.iter().take(8).cloned().collect();
    let alpn: Vec<String> = ours.alpn.iter().map(ToString::to_string).collect();
    differ("protocols", format!("{alpn:?}"), format!("{kept:?}"));
    differ("fingerprint", ours.ja4.to_string(), theirs.ja4.clone());
    differ("version", format!("{:04x}", ours.version.0), format!("{:04x}", theirs.version));
    all
}

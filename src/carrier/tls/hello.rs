//! The two hellos, read out of whole handshake messages (RFC 8446 §4.1, RFC 5246 §7.4.1).

use super::certificate::Certificate;
use super::cursor::{Cursor, numbers};
use super::ja4::{Ja4, Parts};
use super::{Version, is_grease, name};
use crate::text::printable;

/// Protocols kept of a hello's ALPN list.
pub const MAX_ALPN: usize = 8;
/// Bytes kept of the name of one.
const MAX_PROTOCOL: usize = 32;

// Extension types (IANA, TLS ExtensionType Values).
const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;
/// RFC 9849 §5.
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// Its forerunner, draft-ietf-tls-esni-06 and before.
const ENCRYPTED_SERVER_NAME: u16 = 0xffce;

/// What carried a hello.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
}

/// What a client says of itself. All text is safe to print.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientHello {
    /// The server's name (RFC 6066 §3) in lower case. Whoever looks on is told it: a client can write anything here.
    pub sni: Option<Box<str>>,
    /// A server name was sent that is no DNS name: an address, or bytes that could not be resolved.
    pub sni_invalid: bool,
    /// Protocols offered for what is inside (RFC 7301), at most [`MAX_ALPN`], without GREASE.
    pub alpn: Vec<Box<str>>,
    /// The fingerprint of the program.
    pub ja4: Ja4,
    /// The real name may be encrypted, and [`ClientHello::sni`] that of a front. Browsers send this as well where there is
    /// nothing to hide (RFC 9849 §6.2).
    pub ech: bool,
    /// The highest version offered.
    pub version: Version,
    /// An earlier session is to be resumed, by id, ticket or pre-shared key: no certificate will be shown.
    pub resumption: bool,
}

/// What a server says of itself. All text is safe to print.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerSide {
    /// The version chosen.
    pub version: Version,
    /// The cipher suite chosen (IANA, TLS Cipher Suites).
    pub cipher: u16,
    /// The protocol chosen for what is inside. Encrypted from TLS 1.3 on.
    pub alpn: Option<Box<str>>,
    /// The server's own certificate. `None` from TLS 1.3 on, where a session is resumed, and where it cannot be read.
    pub certificate: Option<Certificate>,
    /// There was a certificate, but it cannot be read.
    pub certificate_malformed: bool,
}

impl ClientHello {
    /// Reads the body of a `client_hello` message; `None` if it contradicts itself.
    pub(in crate::carrier) fn parse(body: &[u8], transport: Transport) -> Option<Self> {
        let mut c = Cursor(body);
        let legacy = Version(c.u16()?);
        let _random = c.take(32)?;
        let session_id = c.vec8()?;
        let ciphers = c.vec16()?;
        let compressions = c.vec8()?;
        if session_id.len() > 32 || ciphers.is_empty() || ciphers.len() % 2 != 0 || compressions.is_empty() {
            return None;
        }

        let (mut sni, mut sni_invalid, mut ech, mut resumption) = (None, false, false, false);
        let (mut alpn, mut versions): (&[u8], _) = (&[], None);
        let mut extensions = Vec::new();
        let mut signatures = Vec::new();
        // Hellos of SSL 3.0 and TLS 1.0 may end before the extensions.
        let mut list = Cursor(if c.is_empty() { &[] } else { c.vec16()? });
        while !list.is_empty() {
            let kind = list.u16()?;
            let mut data = Cursor(list.vec16()?);
            extensions.push(kind);
            match kind {
                SERVER_NAME if sni.is_none() => {
                    let name = server_name(data);
                    sni = name.and_then(name::host);
                    sni_invalid = sni.is_none() && (name.is_some() || !data.is_empty());
                }
                SIGNATURE_ALGORITHMS => signatures.extend(numbers(data.vec16().unwrap_or_default())),
                ALPN => alpn = data.vec16().unwrap_or_default(),
                SUPPORTED_VERSIONS => {
                    versions = numbers(data.vec8().unwrap_or_default()).filter(|v| !is_grease(*v)).max().map(Version);
                }
                SESSION_TICKET => resumption |= !data.is_empty(),
                PRE_SHARED_KEY => resumption = true,
                ENCRYPTED_CLIENT_HELLO | ENCRYPTED_SERVER_NAME => ech = true,
                _ => {}
            }
        }
        let version = versions.unwrap_or(legacy);
        // From 1.3 on the id is for middleboxes only (RFC 8446 §4.1.2).
        resumption |= version < Version::TLS_1_3 && !session_id.is_empty();
        let first = protocols(alpn).next();
        let ciphers = numbers(ciphers).collect();
        let ja4 = Ja4::new(Parts { transport, version, ciphers, extensions, signatures, alpn: first });
        let alpn = protocols(alpn).filter(|p| !grease_protocol(p)).take(MAX_ALPN).map(protocol).collect();
        Some(Self { sni, sni_invalid, alpn, ja4, ech, version, resumption })
    }
}

impl ServerSide {
    /// Reads the body of a `server_hello` message; `None` if it contradicts itself.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut c = Cursor(body);
        let mut version = Version(c.u16()?);
        let _random = c.take(32)?;
        let session_id = c.vec8()?;
        let cipher = c.u16()?;
        let _compression = c.u8()?;
        if session_id.len() > 32 {
            return None;
        }
        let mut alpn = None;
        let mut list = Cursor(if c.is_empty() { &[] } else { c.vec16()? });
        while !list.is_empty() {
            let kind = list.u16()?;
            let mut data = Cursor(list.vec16()?);
            match kind {
                ALPN => alpn = data.vec16().and_then(|l| protocols(l).next()).map(protocol),
                SUPPORTED_VERSIONS => version = data.u16().map_or(version, Version),
                _ => {}
            }
        }
        Some(Self { version, cipher, alpn, certificate: None, certificate_malformed: false })
    }
}

/// The first host name of a `server_name` extension (RFC 6066 §3).
fn server_name(mut data: Cursor<'_>) -> Option<&[u8]> {
    let mut list = Cursor(data.vec16()?);
    loop {
        let kind = list.u8()?;
        let name = list.vec16()?;
        if kind == 0 {
            return Some(name);
        }
    }
}

/// The names in an ALPN list.
fn protocols(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut c = Cursor(list);
    std::iter::from_fn(move || c.vec8())
}

/// GREASE among protocols is two bytes, as among ciphers (RFC 8701 §2).
fn grease_protocol(name: &[u8]) -> bool {
    matches!(name, [a, b] if is_grease(u16::from_be_bytes([*a, *b])))
}

fn protocol(name: &[u8]) -> Box<str> {
    printable(name, MAX_PROTOCOL).into()
}

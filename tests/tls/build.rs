//! TLS and QUIC as a peer would write it: hellos, records, certificates, sealed Initial packets. Independent of what
//! reads them.

// Every test program takes a part of this.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc)]

use aes_gcm::aead::AeadInPlace;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockEncrypt;
use aes_gcm::{Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

/// Bytes behind their length in two bytes.
pub(crate) fn vec16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn vec8(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

fn numbers(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

/// A handshake message.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (body.len() as u32).to_be_bytes();
    [&[kind, a, b, c], body].concat()
}

/// A record of a content type.
pub(crate) fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &vec16(content)].concat()
}

/// Handshake bytes in records of at most `size` bytes.
pub(crate) fn records(handshake: &[u8], size: usize) -> Vec<u8> {
    handshake.chunks(size).flat_map(|c| record(22, c)).collect()
}

/// A client's hello to be.
#[derive(Clone)]
pub(crate) struct Hello {
    pub(crate) legacy: u16,
    pub(crate) session_id: Vec<u8>,
    pub(crate) ciphers: Vec<u16>,
    /// `None`: the hello ends before them.
    pub(crate) extensions: Option<Vec<(u16, Vec<u8>)>>,
}

impl Hello {
    /// TLS 1.2 with nothing in it.
    pub(crate) fn bare() -> Self {
        Self { legacy: 0x0303, session_id: Vec::new(), ciphers: vec![0xc02f], extensions: Some(Vec::new()) }
    }

    /// As a browser says it.
    pub(crate) fn browser(name: &str) -> Self {
        let mut hello = Self::bare();
        hello.session_id = vec![7; 32];
        hello.ciphers = vec![0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f];
        hello
            .with(0x8a8a, &[])
            .name(name.as_bytes())
            .with(0x0017, &[])
            .with(0xff01, &[0])
            .with(0x000a, &vec16(&numbers(&[0x2a2a, 0x001d, 0x0017])))
            .with(0x000d, &vec16(&numbers(&[0x0403, 0x0804, 0x0401])))
            .alpn(&[b"h2", b"http/1.1"])
            .with(0x002b, &vec8(&numbers(&[0x4a4a, 0x0304, 0x0303])))
            .with(0x0a0a, &[0])
    }

    pub(crate) fn with(mut self, kind: u16, data: &[u8]) -> Self {
        self.extensions.get_or_insert_default().push((kind, data.to_vec()));
        self
    }

    pub(crate) fn name(self, name: &[u8]) -> Self {
        self.with(0, &vec16(&[&[0][..], &vec16(name)].concat()))
    }

    pub(crate) fn alpn(self, names: &[&[u8]]) -> Self {
        let list: Vec<u8> = names.iter().flat_map(|n| vec8(n)).collect();
        self.with(16, &vec16(&list))
    }

    /// The handshake message.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut body = numbers(&[self.legacy]);
        body.extend([9; 32]);
        body.extend(vec8(&self.session_id));
        body.extend(vec16(&numbers(&self.ciphers)));
        body.extend([1, 0]);
        if let Some(extensions) = &self.extensions {
            let list: Vec<u8> = extensions.iter().flat_map(|(k, d)| [numbers(&[*k]), vec16(d)].concat()).collect();
            body.extend(vec16(&list));
        }
        message(1, &body)
    }
}

/// A server's hello.
pub(crate) fn server_hello(legacy: u16, cipher: u16, extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = numbers(&[legacy]);
    body.extend([8; 32]);
    body.push(0);
    body.extend(numbers(&[cipher]));
    body.push(0);
    let list: Vec<u8> = extensions.iter().flat_map(|(k, d)| [numbers(&[*k]), vec16(d)].concat()).collect();
    body.extend(vec16(&list));
    message(2, &body)
}

/// A certificate message.
pub(crate) fn certificates(chain: &[&[u8]]) -> Vec<u8> {
    let vec24 = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
    let list: Vec<u8> = chain.iter().flat_map(|der| vec24(der)).collect();
    message(11, &vec24(&list))
}

/// Bytes out of their hexadecimal digits; white space is left out.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.as_chunks().0.iter().map(|[a, b]| (a << 4 | b) as u8).collect()
}

/// A certificate that signed itself: pool.example, organisation Rig Example, a hundred years from November 2026.
pub(crate) fn self_signed() -> Vec<u8> {
    unhex(include_str!("self-signed.hex"))
}

/// What a version of QUIC writes and mixes into its keys.
#[derive(Clone, Copy)]
pub(crate) struct Quic {
    pub(crate) version: u32,
    initial: u8,
    salt: &'static str,
    prefix: &'static str,
}

/// RFC 9001.
pub(crate) const V1: Quic =
    Quic { version: 1, initial: 0xc0, salt: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a", prefix: "quic" };
/// RFC 9369.
pub(crate) const V2: Quic =
    Quic { version: 0x6b33_43cf, initial: 0xd0, salt: "0dede3def700a6db819381be6e269dcbf9bd2ed9", prefix: "quicv2" };

fn expand(secret: &Hkdf<Sha256>, label: &str, out: &mut [u8]) {
    let label = format!("tls13 {label}");
    let info = [&[0, out.len() as u8, label.len() as u8], label.as_bytes(), &[0]].concat();
    secret.expand(&info, out).unwrap();
}

/// A number of one, two or four bytes.
pub(crate) fn varint(n: usize) -> Vec<u8> {
    match n {
        0..=63 => vec![n as u8],
        64..=16_383 => (n as u16 | 0x4000).to_be_bytes().to_vec(),
        _ => (n as u32 | 0x8000_0000).to_be_bytes().to_vec(),
    }
}

/// A CRYPTO frame.
pub(crate) fn crypto(at: usize, data: &[u8]) -> Vec<u8> {
    [&[6][..], &varint(at), &varint(data.len()), data].concat()
}

/// A client's Initial packet: `key_id` is the connection id that the keys follow from.
pub(crate) struct Packet<'a> {
    pub(crate) quic: Quic,
    pub(crate) key_id: &'a [u8],
    pub(crate) dcid: &'a [u8],
    pub(crate) token: &'a [u8],
    pub(crate) number: u32,
    /// Bytes of the number that are written.
    pub(crate) number_len: usize,
    pub(crate) frames: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(crate) fn new(quic: Quic, dcid: &'a [u8], number: u32, frames: &'a [u8]) -> Self {
        Self { quic, key_id: dcid, dcid, token: b"", number, number_len: 4, frames }
    }

    pub(crate) fn seal(&self) -> Vec<u8> {
        let (_, secret) = Hkdf::<Sha256>::extract(Some(&unhex(self.quic.salt)), self.key_id);
        let mut client = [0; 32];
        expand(&secret, "client in", &mut client);
        let client = Hkdf::<Sha256>::from_prk(&client).unwrap();
        let (mut key, mut iv, mut hp) = ([0; 16], [0; 12], [0; 16]);
        for (name, out) in [("key", &mut key[..]), ("iv", &mut iv[..]), ("hp", &mut hp[..])] {
            expand(&client, &format!("{} {name}", self.quic.prefix), out);
        }
        let mut header = vec![self.quic.initial | (self.number_len as u8 - 1)];
        header.extend(self.quic.version.to_be_bytes());
        header.extend(vec8(self.dcid));
        header.push(0);
        header.extend(varint(self.token.len()));
        header.extend(self.token);
        let length = self.number_len + self.frames.len() + 16;
        header.extend((length as u16 | 0x4000).to_be_bytes());
        let number_at = header.len();
        header.extend(&self.number.to_be_bytes()[4 - self.number_len..]);
        for (n, b) in iv[8..].iter_mut().zip(self.number.to_be_bytes()) {
            *n ^= b;
        }
        let mut payload = self.frames.to_vec();
        let aead = Aes128Gcm::new(&key.into());
        let tag = aead.encrypt_in_place_detached(&iv.into(), &header, &mut payload).unwrap();
        let mut packet = [&header[..], &payload, &tag].concat();
        let mut mask = aes_gcm::aes::Block::clone_from_slice(&packet[number_at + 4..number_at + 20]);
        Aes128::new(&hp.into()).encrypt_block(&mut mask);
        packet[0] ^= mask[0] & 0x0f;
        for (b, m) in packet[number_at..number_at + self.number_len].iter_mut().zip(&mask[1..]) {
            *b ^= m;
        }
        packet
    }
}

/// Frames filled up with padding to what a datagram must have (RFC 9000 §14.1).
pub(crate) fn padded(frames: &[u8]) -> Vec<u8> {
    let mut frames = frames.to_vec();
    frames.resize(frames.len().max(1162), 0);
    frames
}

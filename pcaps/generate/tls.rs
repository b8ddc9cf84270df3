//! TLS and QUIC around what cannot be read: hellos of browsers and of mining programs, certificates, records.
//!
//! In: names. Out: [`Dialogue`]s and datagrams. The bytes of hellos, records and sealed packets come from the builder
//! of the TLS tests (`tests/tls/build.rs`); what is inside the records is random.

use super::build::{Hello, Packet, Quic, certificates, crypto, message, padded, record, records, server_hello, vec16};
use super::dialogue::{Dialogue, MILLI};
use super::rng::Rng;

/// What programs linked with OpenSSL 3 offer if they leave its defaults alone, as XMRig does (xmrig
/// `src/base/net/stratum/Tls.cpp`, OpenSSL `ssl/ssl_ciph.c`).
const OPENSSL_CIPHERS: [u16; 31] = [
    0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc02b, 0xc02f, 0x009e, 0xc024, 0xc028,
    0x006b, 0xc023, 0xc027, 0x0067, 0xc00a, 0xc014, 0x0039, 0xc009, 0xc013, 0x0033, 0x009d, 0x009c, 0x003d, 0x003c,
    0x0035, 0x002f, 0x00ff,
];

fn numbers(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

/// A hello of OpenSSL's defaults: no protocol inside is named.
pub fn openssl(name: Option<&str>) -> Vec<u8> {
    let mut hello = Hello::bare();
    hello.session_id = vec![7; 32];
    hello.ciphers = OPENSSL_CIPHERS.to_vec();
    if let Some(name) = name {
        hello = hello.name(name.as_bytes());
    }
    let algorithms = [
        0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
        0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
    ];
    let share = [&[0, 0x1d][..], &vec16(&[5; 32])].concat();
    hello
        .with(11, &[3, 0, 1, 2])
        .with(10, &vec16(&numbers(&[0x001d, 0x0017, 0x001e, 0x0019, 0x0018])))
        .with(35, &[])
        .with(22, &[])
        .with(23, &[])
        .with(13, &vec16(&numbers(&algorithms)))
        .with(43, &[4, 3, 4, 3, 3])
        .with(45, &[1, 1])
        .with(51, &vec16(&share))
        .message()
}

/// A browser's hello.
pub fn browser(name: &str) -> Vec<u8> {
    Hello::browser(name).message()
}

/// What the server answers in the clear.
pub enum Answer {
    /// TLS 1.3: its hello, and nothing more.
    Tls13,
    /// TLS 1.2, with its certificate.
    Tls12(Vec<u8>),
}

/// A conversation of `rounds` requests and answers of the sizes of shares and jobs.
pub fn conversation(hello: &[u8], answer: &Answer, rounds: u64, rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let sealed = |rng: &mut Rng, len: u64| record(23, &rng.bytes(len as usize));
    d.client(MILLI, records(hello, 16_000));
    match answer {
        Answer::Tls13 => {
            let hello =
                server_hello(0x0303, 0x1302, &[(43, vec![3, 4]), (51, [&[0, 0x1d][..], &vec16(&[6; 32])].concat())]);
            d.server(40 * MILLI, [records(&hello, 16_000), record(20, &[1]), sealed(rng, 1180)].concat());
            d.client(60 * MILLI, [record(20, &[1]), sealed(rng, 69)].concat());
        }
        Answer::Tls12(der) => {
            let exchange = [&[3, 0, 0x1d, 32][..], &[6; 32], &[4, 3, 0, 71], &rng.bytes(71)].concat();
            let flight =
                [server_hello(0x0303, 0xc02b, &[]), certificates(&[der]), message(12, &exchange), message(14, &[])]
                    .concat();
            d.server(40 * MILLI, records(&flight, 16_000));
            let key = message(16, &[&[32][..], &[5; 32]].concat());
            d.client(60 * MILLI, [records(&key, 16_000), record(20, &[1]), record(22, &rng.bytes(40))].concat());
            d.server(100 * MILLI, [record(20, &[1]), record(22, &rng.bytes(40))].concat());
        }
    }
    let mut at = 120 * MILLI;
    for _ in 0..rounds {
        let (up, down) = (rng.range(180, 260), rng.range(60, 400));
        d.client(at, sealed(rng, up));
        d.server(at + 35 * MILLI, sealed(rng, down));
        at += rng.range(500, 9000) * MILLI;
    }
    d
}

/// An element of DER (X.690).
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = vec![tag];
    match body.len() {
        n @ 0..=127 => out.push(n as u8),
        n @ 128..=255 => out.extend_from_slice(&[0x81, n as u8]),
        n => out.extend_from_slice(&[0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend_from_slice(&body);
    out
}

fn common_name(name: &str) -> Vec<u8> {
    let attribute = der(0x30, &[&[6, 3, 0x55, 4, 3], &der(12, &[name.as_bytes()])]);
    der(0x30, &[&der(0x31, &[&attribute])])
}

/// A certificate (RFC 5280) for `names`, the first of which is its subject, issued by `issuer`. Key and signature are
/// random: nobody checks them.
pub fn certificate(names: &[&str], issuer: &str, rng: &mut Rng) -> Vec<u8> {
    let ecdsa_with_sha256 = der(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let p256 =
        [&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1][..], &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]].concat();
    let key = der(0x30, &[&der(0x30, &[&p256]), &der(3, &[&[0, 4], &rng.bytes(64)])]);
    let validity = der(0x30, &[&der(0x17, &[b"260101000000Z"]), &der(0x17, &[b"270101000000Z"])]);
    let list: Vec<u8> = names.iter().flat_map(|n| der(0x82, &[n.as_bytes()])).collect();
    let alternative = der(0x30, &[&[6, 3, 0x55, 0x1d, 0x11], &der(4, &[&der(0x30, &[&list])])]);
    let signed = der(
        0x30,
        &[
            &[0xa0, 3, 2, 1, 2],
            &der(2, &[&[0x11], &rng.bytes(7)]),
            &ecdsa_with_sha256,
            &common_name(issuer),
            &validity,
            &common_name(names[0]),
            &key,
            &der(0xa3, &[&der(0x30, &[&alternative])]),
        ],
    );
    let half = |rng: &mut Rng| der(2, &[&[0x22], &rng.bytes(31)]);
    let signature = der(0x30, &[&half(rng), &half(rng)]);
    der(0x30, &[&signed, &ecdsa_with_sha256, &der(3, &[&[0], &signature])])
}

/// A browser's hello in two sealed Initial packets, a datagram each: the second half of it comes first.
pub fn initials(version: Quic, name: &str, rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut hello = Hello::browser(name);
    // RFC 9001 §8.2: a client's transport parameters are in its hello.
    hello.session_id = Vec::new();
    let hello = hello.with(57, &[4, 4, 0x80, 0x10, 0, 0]).message();
    let id = rng.bytes(8);
    let (first, second) = hello.split_at(hello.len() / 2);
    [(0, crypto(first.len(), second)), (1, crypto(0, first))]
        .into_iter()
        .map(|(number, frames)| Packet::new(version, &id, number, &padded(&frames)).seal())
        .collect()
}

//! Seeds for the fuzz targets `tls` and `quic`.

use super::targets::quic::build::{
    Hello, Packet, V1, certificates, crypto, message, record, records, self_signed, server_hello,
};

/// Hellos and certificates over TCP and in QUIC.
pub(crate) fn seeds(add: &mut impl FnMut(&'static str, &str, &[u8])) {
    let hello = Hello::browser("pool.example").message();
    let certificate = certificates(&[&self_signed()]);
    let server = |version, extensions: &[(u16, Vec<u8>)]| server_hello(version, 0xc02b, extensions);
    let stream = |head: &[u8; 2], parts: &[Vec<u8>]| [&head[..], &parts.concat()].concat();
    add("tls", "browser", &stream(b"\x00\x00", &[records(&hello, 16_000)]));
    add("tls", "fragments", &stream(b"\x07\x00", &[records(&hello, 40)]));
    add("tls", "hole", &stream(b"\x20\x03", &[records(&hello, 16_000)]));
    let bare = Hello { extensions: None, legacy: 0x0300, ..Hello::bare() };
    add("tls", "bare", &stream(b"\x00\x00", &[records(&bare.message(), 16_000)]));
    let odd = Hello::bare().name(b"192.0.2.1").alpn(&[b"\x1b[2J", b"\xff"]).with(0xfe0d, b"\0").with(35, b"ticket");
    add("tls", "odd", &stream(b"\x00\x00", &[records(&odd.message(), 16_000)]));
    let chain = [server(0x0303, &[(16, b"\0\x03\x02h2".to_vec())]), certificate, message(14, b"")].concat();
    add("tls", "certificate", &stream(b"\x00\x00", &[records(&chain, 16_000)]));
    add("tls", "certificate-cut", &stream(b"\x40\x00", &[record(21, &[1, 112]), records(&chain, 200)]));
    add(
        "tls",
        "encrypted",
        &stream(b"\x00\x00", &[records(&server(0x0303, &[(43, vec![3, 4])]), 99), record(20, b"\x01")]),
    );
    add("tls", "resumed", &stream(b"\x00\x00", &[records(&server(0x0301, &[]), 99), record(20, b"\x01")]));

    let datagram = |flag: u16, bytes: &[u8]| [&(bytes.len() as u16 | flag).to_be_bytes(), bytes].concat();
    let (a, b) = hello.split_at(90);
    let tail = crypto(90, b);
    add("quic", "sealed", &datagram(0x8000, &crypto(0, &hello)));
    add("quic", "sealed-v2", &datagram(0xc000, &crypto(0, &hello)));
    add(
        "quic",
        "scattered",
        &[datagram(0x8000, &[&tail[..], &[0, 0, 1]].concat()), datagram(0x8000, &crypto(0, a))].concat(),
    );
    let acknowledged =
        [&b"\x02\x05\x00\x01\x00\x00\x00\x03\x01\x00\x00\x01\x01\x01\x01"[..], &crypto(0, &hello)].concat();
    add("quic", "acknowledged", &datagram(0x8000, &acknowledged));
    let frames = crypto(0, &hello);
    let whole = Packet { token: b"token", ..Packet::new(V1, b"12345678", 0, &frames) };
    add("quic", "packet", &datagram(0, &whole.seal()));
    let (first, second) = (crypto(0, a), crypto(90, b));
    let two =
        [Packet::new(V1, b"12345678", 0, &first).seal(), Packet::new(V1, b"12345678", 1, &second).seal()].concat();
    add("quic", "coalesced", &datagram(0, &two));
    add("quic", "negotiation", &datagram(0, b"\x80\0\0\0\0\x00\x01\x07\0\0\0\x01"));
}

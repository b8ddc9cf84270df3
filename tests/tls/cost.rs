//! What reading a hello costs. Not a test: `cargo test --release --test tls -- --ignored --nocapture costs`.

use std::hint::black_box;
use std::time::Instant;

use minewatch::carrier::quic::{QuicReader, looks_initial};
use minewatch::carrier::tls::{Step, TlsReader};

use super::build::{Hello, Packet, V1, certificates, crypto, padded, records, self_signed, server_hello};

const ROUNDS: u32 = 20_000;

fn time(what: &str, mut each: impl FnMut()) {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        each();
    }
    println!("{:>7} ns {what}", start.elapsed().as_nanos() / u128::from(ROUNDS));
}

#[test]
#[ignore = "a measurement"]
fn costs() {
    let hello = Hello::browser("pool.example").with(51, &[0; 1200]).message();
    let stream = records(&hello, 16_000);
    let read = |cut: usize| {
        let mut reader = TlsReader::new();
        let mut pieces = stream.chunks(cut);
        assert!(matches!(pieces.by_ref().map(|p| reader.push(p)).find(|s| *s != Step::More), Some(Step::Client(_))));
    };
    time("a client's hello of 1.4 kB in one segment", || read(usize::MAX));
    time("in two segments", || read(1000));
    time("in single bytes", || read(1));
    let server = records(&[server_hello(0x0303, 1, &[]), certificates(&[&self_signed()])].concat(), 16_000);
    time("a server's hello and certificate", || {
        assert!(matches!(TlsReader::new().push(&server), Step::Server(_)));
    });
    let datagram = Packet::new(V1, b"12345678", 0, &padded(&crypto(0, &hello[..1100]))).seal();
    let rest = Packet::new(V1, b"12345678", 1, &padded(&crypto(1100, &hello[1100..]))).seal();
    time("a QUIC client's hello in two datagrams", || {
        let mut reader = QuicReader::new();
        assert_eq!(reader.datagram(&datagram), Step::More);
        assert!(matches!(reader.datagram(&rest), Step::Client(_)));
    });
    let other = Packet::new(V1, b"12345678", 0, &padded(b"")).seal();
    let server = Packet { key_id: b"87654321", ..Packet::new(V1, b"12345678", 0, &other[..1150]) }.seal();
    time("an Initial packet that no key fits", || assert_eq!(QuicReader::new().datagram(&server), Step::More));
    time("the look at any other datagram", || assert!(!looks_initial(black_box(b"{\"id\":1,\"method\":\"login\"}"))));
    time("other data than TLS", || assert_eq!(TlsReader::new().push(b"{\"id\":1}\n"), Step::NotTls));
}

//! Datagrams read as a QUIC client's: each behind its length in two bytes. A length with its highest bit set is that of
//! CRYPTO and other frames, which are sealed into an Initial packet first.
//!
//! Promises: what is held is bounded, and nothing once all is said; the hello promises what it does over TCP.

use minewatch::carrier::quic::{MAX_DATAGRAMS, QuicReader, looks_initial};
use minewatch::carrier::tls::{MAX_HELLO, Step};

use super::{Bytes, tls};

#[path = "../../tls/build.rs"]
pub(crate) mod build;

/// Twice the caps of pieces and their list, and a datagram.
const MAX_HELD: usize = 2 * (MAX_HELLO + 128 * 32) + 2 * 0x8000;

/// Reads the datagrams.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut reader = QuicReader::new();
    let mut said = Step::More;
    let mut datagrams = 0;
    while let Some(length) = bytes.u16() {
        let part = bytes.take(usize::from(length & 0x7fff));
        let quic = if length & 0x4000 == 0 { build::V1 } else { build::V2 };
        let sealed = length & 0x8000 != 0 && (16..0x3000).contains(&part.len());
        let datagram =
            if sealed { build::Packet::new(quic, b"\x01\x02\x03\x04", datagrams, part).seal() } else { part.to_vec() };
        assert!(!sealed || looks_initial(&datagram));
        let step = reader.datagram(&datagram);
        datagrams += 1;
        assert!(reader.held() <= MAX_HELD, "{} bytes held", reader.held());
        if said != Step::More {
            assert_eq!(step, Step::Enough, "something after the end");
        } else if step != Step::More {
            assert_eq!(reader.held(), 0, "held after the end");
            if let Step::Client(hello) = &step {
                tls::client(hello);
                assert!(hello.ja4.as_str().starts_with('q'));
            }
            assert!(!matches!(step, Step::Server(_)));
            said = step;
        }
    }
    assert!(said != Step::More || datagrams < MAX_DATAGRAMS);
}

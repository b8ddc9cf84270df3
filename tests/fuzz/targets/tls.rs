//! A stream read as TLS. First byte: how it is cut into segments; second: where a hole is; then the stream.
//!
//! Promises: what is held is bounded, and nothing once all is said; segments make no difference; every text is one
//! harmless line within its cap; a name is a DNS name.

use minewatch::carrier::tls::{
    Certificate, ClientHello, MAX_ALPN, MAX_CERTIFICATE, MAX_HELLO, MAX_SANS, Step, TlsReader,
};

use super::{Bytes, is_hostile, pieces};

/// Twice the larger cap, since vectors double.
const MAX_HELD: usize = 2 * if MAX_HELLO > MAX_CERTIFICATE { MAX_HELLO } else { MAX_CERTIFICATE } + 64;

/// Reads the stream.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (Some(cuts), Some(hole)) = (bytes.u8(), bytes.u8()) else { return };
    let stream = bytes.0;
    read(stream, cuts, hole);
    assert_eq!(read(stream, 0, 0), read(stream, 1, 0), "segments change what is read");
}

fn read(stream: &[u8], cuts: u8, hole: u8) -> (Step, bool) {
    let mut reader = TlsReader::new();
    let mut said = Step::More;
    for (i, piece) in pieces(stream, cuts).enumerate() {
        let lost = hole != 0 && i % usize::from(hole) == usize::from(hole) - 1;
        let step = if lost { reader.gap() } else { reader.push(piece) };
        assert!(reader.held() <= MAX_HELD, "{} bytes held", reader.held());
        if said != Step::More {
            assert_eq!(step, Step::Enough, "something after the end");
        } else if step != Step::More {
            assert_eq!(reader.held(), 0, "held after the end");
            said = step;
        }
    }
    let end = reader.end();
    if said == Step::More {
        said = end;
    } else {
        assert_eq!(end, Step::Enough);
    }
    match &said {
        Step::Client(hello) => client(hello),
        Step::Server(side) => {
            side.alpn.iter().for_each(|p| harmless(p, 32));
            side.certificate.iter().for_each(certificate);
            assert!(side.certificate.is_none() || !side.certificate_malformed);
        }
        _ => {}
    }
    (said, reader.malformed())
}

/// What a client's hello promises.
pub fn client(hello: &ClientHello) {
    assert!(hello.sni.is_none() || !hello.sni_invalid);
    hello.sni.iter().for_each(|n| name(n));
    assert!(hello.alpn.len() <= MAX_ALPN);
    hello.alpn.iter().for_each(|p| harmless(p, 32));
    let ja4 = hello.ja4.as_str();
    assert!(ja4.len() == 36 && ja4.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{ja4}");
    assert_eq!(ja4.split('_').map(str::len).collect::<Vec<_>>(), [10, 12, 12]);
    assert!(!hello.ja4.has_no_sni() || hello.sni.is_none());
}

fn certificate(c: &Certificate) {
    assert!(c.sans.len() <= MAX_SANS);
    c.sans.iter().for_each(|n| name(n.strip_prefix("*.").unwrap_or(n)));
    c.subject_cn.iter().for_each(|n| harmless(n, 256));
    harmless(&c.issuer, 256);
}

fn name(text: &str) {
    assert!(!text.is_empty() && text.len() <= 253, "{text}");
    assert!(text.split('.').all(|l| !l.is_empty() && l.len() <= 63), "{text}");
    assert!(text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')), "{text}");
}

fn harmless(text: &str, max: usize) {
    assert!(text.len() <= max && !text.contains(is_hostile), "{text:?}");
}

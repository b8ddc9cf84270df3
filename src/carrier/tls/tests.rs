use proptest::prelude::*;

use super::*;
use build::{Hello, certificates, message, record, records, self_signed, server_hello, vec16};

/// Reads a stream in pieces of some size.
fn read(stream: &[u8], size: usize) -> (Step, TlsReader) {
    let mut reader = TlsReader::new();
    for piece in stream.chunks(size) {
        let step = reader.push(piece);
        if step != Step::More {
            assert_eq!(reader.push(piece), Step::Enough, "everything is said once");
            assert_eq!(reader.held(), 0);
            return (step, reader);
        }
    }
    (Step::More, reader)
}

fn client(stream: &[u8]) -> ClientHello {
    match read(stream, usize::MAX).0 {
        Step::Client(hello) => *hello,
        other => panic!("{other:?}"),
    }
}

fn server(stream: &[u8]) -> ServerSide {
    match read(stream, usize::MAX).0 {
        Step::Server(side) => *side,
        other => panic!("{other:?}"),
    }
}

fn said(hello: &Hello) -> ClientHello {
    client(&records(&hello.message(), 16_000))
}

#[test]
fn a_browser_is_read_in_every_segmentation_and_fragmentation() {
    let message = Hello::browser("Pool.Example.").message();
    let whole = client(&records(&message, 16_000));
    assert_eq!(whole.sni.as_deref(), Some("pool.example"));
    assert!(!whole.sni_invalid && !whole.ech && !whole.resumption);
    assert_eq!(whole.alpn, ["h2".into(), "http/1.1".into()]);
    assert_eq!(whole.version, Version::TLS_1_3);
    assert!(whole.ja4.to_string().starts_with("t13d0507h2_"), "{}", whole.ja4);
    for fragment in [1, 2, 3, 4, 5, 7, 50, 99, 16_000] {
        let stream = records(&message, fragment);
        for size in [1, 2, 3, 5, 9, 10, 64, 1460] {
            assert_eq!(read(&stream, size).0, Step::Client(Box::new(whole.clone())), "{fragment} {size}");
        }
    }
}

#[test]
fn a_hello_in_one_segment_is_not_copied() {
    let stream = records(&Hello::browser("pool.example").message(), 16_000);
    let mut reader = TlsReader::new();
    assert_eq!(reader.push(&stream[..5]), Step::More);
    assert_eq!(reader.held(), 0);
    assert!(matches!(reader.push(&stream[5..]), Step::Client(_)));
}

/// The fingerprint that `FoxIO` publishes for Chrome, from the lists that it publishes with it.
#[test]
fn the_published_fingerprint_comes_out() {
    let mut hello = Hello::bare();
    hello.ciphers = vec![
        0x6a6a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
        0x002f, 0x0035,
    ];
    let hello = hello.with(0x1a1a, &[]).name(b"pool.example").alpn(&[b"h2", b"http/1.1"]);
    let signatures = b"\x00\x10\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05\x05\x01\x08\x06\x06\x01";
    let hello = [0x17, 0xff01, 0x0a, 0x0b, 0x23, 0x05, 0x12, 0x33, 0x2d, 0x1b, 0x4469, 0x15]
        .iter()
        .fold(hello, |h, kind| h.with(*kind, &[]))
        .with(13, signatures)
        .with(43, b"\x06\x3a\x3a\x03\x04\x03\x03")
        .with(0x2a2a, &[0]);
    let ja4 = said(&hello).ja4;
    assert_eq!(ja4.as_str(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    assert!(!ja4.has_no_sni() && !ja4.has_no_alpn());
}

#[test]
fn the_fingerprint_of_little_is_zeros() {
    let mut hello = Hello::bare();
    hello.ciphers = vec![0x0a0a];
    let ja4 = said(&hello).ja4;
    assert_eq!(ja4.as_str(), "t12i000000_000000000000_000000000000");
    assert!(ja4.has_no_sni() && ja4.has_no_alpn());
    hello.extensions = None;
    hello.legacy = 0x0300;
    assert!(said(&hello).ja4.as_str().starts_with("ts3i000000_"));
    hello.legacy = 0x7f1c;
    assert!(said(&hello).ja4.as_str().starts_with("t00i"));
    hello.ciphers = vec![5; 120];
    assert!(said(&hello).ja4.as_str().starts_with("t00i99"));
}

/// The examples in `FoxIO`'s description.
#[test]
fn the_ends_of_the_first_protocol_are_in_the_fingerprint() {
    for (protocol, wanted) in [
        (&b"h2"[..], "h2"),
        (b"x", "xx"),
        (b"http/1.1", "h1"),
        (b"\xab", "ab"),
        (b"\xab\xcd", "ad"),
        (b"\x30\xab", "3b"),
        (b"\x30\x31\xab\xcd", "3d"),
        (b"\x30\xab\xcd\x31", "01"),
        (b"\x0a\x0a", "0a"),
    ] {
        let hello = said(&Hello::bare().alpn(&[protocol, b"h2"]));
        assert_eq!(&hello.ja4.as_str()[8..10], wanted, "{protocol:x?}");
        assert!(!hello.ja4.has_no_alpn());
    }
}

#[test]
fn only_names_that_could_be_resolved_are_names() {
    for (raw, wanted) in [
        (&b"XMR.Pool.Example"[..], Some("xmr.pool.example")),
        (b"pool.example.", Some("pool.example")),
        (b"_stratum._tcp.example", Some("_stratum._tcp.example")),
        (b"localhost", Some("localhost")),
        (b"xn--bcher-kva.example", Some("xn--bcher-kva.example")),
        (b"192.0.2.1", None),
        (b"2001:db8::1", None),
        (b"pool..example", None),
        (b".example", None),
        (b"..", None),
        (b"", None),
        (b"*.example", None),
        (b"pool.example/", None),
        (b"pool\n.example", None),
        (b"b\xc3\xbccher.example", None),
        (&[b'a'; 64], None),
        (&[b"a.".repeat(127).as_slice(), b"a"].concat(), None),
    ] {
        let hello = said(&Hello::bare().name(raw));
        assert_eq!(hello.sni.as_deref(), wanted, "{raw:?}");
        assert_eq!(hello.sni_invalid, wanted.is_none(), "{raw:?}");
        assert!(!hello.ja4.has_no_sni(), "an extension is one, whatever is in it");
    }
    let none = said(&Hello::bare());
    assert!(none.sni.is_none() && !none.sni_invalid && none.ja4.has_no_sni());
}

#[test]
fn protocols_are_few_and_printable() {
    let names: Vec<&[u8]> = std::iter::repeat_n(&b"\x1b[2J\xff"[..], 50).collect();
    let hello = said(&Hello::bare().alpn(&[&[&b"\x1a\x1a"[..]], &names[..]].concat()));
    assert_eq!(hello.alpn.len(), MAX_ALPN);
    assert!(hello.alpn.iter().all(|p| &**p == "\\x1b[2J\\xff"), "{:?}", hello.alpn);
}

#[test]
fn resumption_and_encrypted_hellos_are_noted() {
    let bare = Hello::bare();
    assert!(!said(&bare.clone().with(35, &[])).resumption, "an empty ticket asks for one");
    assert!(said(&bare.clone().with(35, &[1])).resumption);
    assert!(said(&bare.clone().with(41, &[])).resumption);
    let mut by_id = bare.clone();
    by_id.session_id = vec![1; 32];
    assert!(said(&by_id).resumption);
    assert!(!said(&by_id.with(43, &[2, 3, 4])).resumption, "TLS 1.3 sends an id for nothing");
    assert!(said(&bare.clone().with(0xfe0d, &[0])).ech);
    assert!(!said(&bare).ech);
}

#[test]
fn a_server_shows_its_certificate_up_to_tls_1_2() {
    let der = self_signed();
    let alpn = (16, vec16(b"\x02h2"));
    let hello = server_hello(0x0303, 0xc02b, &[(0xff01, vec![0]), alpn]);
    let handshake = [hello, certificates(&[&der, b"not a certificate"]), message(14, b"")].concat();
    let side = server(&records(&handshake, 16_000));
    assert_eq!((side.version, side.cipher, side.alpn.as_deref()), (Version(0x0303), 0xc02b, Some("h2")));
    let certificate = side.certificate.clone().unwrap();
    assert_eq!(certificate.subject_cn.as_deref(), Some("pool.example"));
    assert_eq!(certificate.sans, ["pool.example".into(), "*.pool.example".into()]);
    assert_eq!(&*certificate.issuer, "pool.example");
    assert!(certificate.self_signed);
    assert_eq!((certificate.not_before, certificate.not_after), (1_795_651_773, 4_949_251_773));
    let fingerprint = "29f16251e443e784bee8594461bfd29efc2fd23bde90d104334bb3832289b9ef";
    assert_eq!(certificate.fingerprint.to_vec(), build::unhex(fingerprint));
    for fragment in [1, 3, 9, 100, 16_000] {
        for size in [1, 2, 7, 1460] {
            let stream = records(&handshake, fragment);
            assert_eq!(read(&stream, size).0, Step::Server(Box::new(side.clone())), "{fragment} {size}");
        }
    }
    // The first certificate is enough: the rest of the chain need not have been captured.
    let cut = handshake.len() - 4 - 17;
    assert_eq!(read(&records(&handshake[..cut], 16_000), 1460).0, Step::Server(Box::new(side)));
}

#[test]
fn a_server_without_certificate_is_told_all_the_same() {
    let hello = server_hello(0x0303, 0xc02b, &[]);
    let without = |rest: &[u8]| server(&[records(&hello, 16_000), rest.to_vec()].concat());
    // Resumed: the session's ticket, or at once encrypted.
    for rest in [records(&message(4, &[0; 20]), 100), record(20, &[1]), record(23, &[0; 40]), record(21, &[2, 40])] {
        let side = without(&rest);
        assert!(side.certificate.is_none() && !side.certificate_malformed);
    }
    let broken = without(&records(&certificates(&[b"\x30\x03\x02\x01\x01"]), 100));
    assert!(broken.certificate.is_none() && broken.certificate_malformed);
    let huge = without(&records(&message(11, &vec![0; MAX_CERTIFICATE + 1]), 16_000));
    assert!(huge.certificate.is_none());
    let tls13 = server(&records(&server_hello(0x0303, 0x1301, &[(43, vec![3, 4])]), 16_000));
    assert_eq!(tls13.version, Version::TLS_1_3);

    for end in [TlsReader::gap, TlsReader::end] {
        let mut reader = TlsReader::new();
        assert_eq!(reader.push(&records(&hello, 16_000)), Step::More);
        assert!(matches!(end(&mut reader), Step::Server(_)));
        assert_eq!(end(&mut reader), Step::Enough);
    }
}

#[test]
fn warnings_before_the_hello_do_not_end_it() {
    let hello = records(&server_hello(0x0303, 0x1301, &[(43, vec![3, 4])]), 16_000);
    let stream = [record(21, &[1, 112]), record(24, &[1, 0, 0]), records(&message(0, b""), 9), hello].concat();
    for size in [1, 3, 1460] {
        assert!(matches!(read(&stream, size).0, Step::Server(_)));
    }
    assert_eq!(read(&record(21, &[2, 40]), 7).0, Step::Enough);
}

#[test]
fn other_things_are_not_tls() {
    for (stream, wanted) in [
        // SSL 2.0's hello, also as TLS 1.0 clients wrote it.
        (&b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10"[..], Step::NotTls),
        (b"SSH-2.0-x\r\n", Step::NotTls),
        (b"{\"id\":1}\n", Step::NotTls),
        (b"\x16\x03\x05", Step::NotTls),
        (b"\x16\x02", Step::NotTls),
        (b"\x16\x03\x01\xff\xff", Step::NotTls),
        (b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", Step::NotTls),
        // Picked up in the middle.
        (b"\x17\x03\x03\x00\x05abcde", Step::Enough),
        (b"\x14\x03\x03\x00\x01\x01", Step::Enough),
        (b"\x16\x03\x03\x00\x04\x10\x00\x00\x20", Step::Enough),
        (b"\x16\x03", Step::More),
        (b"\x16\x03\x01\x00\x00", Step::More),
    ] {
        for size in [1, 2, 100] {
            assert_eq!(read(stream, size).0, wanted, "{stream:x?}");
        }
    }
}

#[test]
fn length_is_bounded() {
    let fits = Hello::bare().with(21, &vec![0; 30_000]);
    assert!(matches!(read(&records(&fits.message(), 500), 1460).0, Step::Client(_)));
    let long = Hello::bare().with(21, &vec![0; 20_000]).with(22, &vec![0; 20_000]);
    assert_eq!(read(&records(&long.message(), 500), 1460).0, Step::Enough);
    // Nothing in it, for ever.
    let endless: Vec<u8> = record(22, b"").repeat(100_000);
    assert_eq!(read(&endless, 1460).0, Step::Enough);
    let requests: Vec<u8> = records(&message(0, &[0; 9000]), 4000).repeat(100);
    assert_eq!(read(&requests, 1460).0, Step::Enough);
}

proptest! {
    #[test]
    fn the_cuts_change_nothing(
        stream in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..400),
            proptest::collection::vec(any::<u8>(), 0..400).prop_map(|b| records(&message(1, &b), 90)),
            // A record's header damaged.
            (0..5usize, any::<u8>()).prop_map(|(at, bits)| {
                let mut stream = records(&message(0, b""), 16_000).repeat(2);
                stream[9 + at] ^= bits;
                stream
            }),
            (any::<prop::sample::Index>(), any::<u8>(), 1..40usize).prop_map(|(at, bits, size)| {
                let mut m = Hello::browser("pool.example").message();
                let at = at.index(m.len());
                m[at] ^= bits;
                records(&m, size)
            }),
            (any::<prop::sample::Index>(), any::<u8>(), 1..200usize).prop_map(|(at, bits, size)| {
                let der = self_signed();
                let mut m = [server_hello(0x0303, 1, &[]), certificates(&[&der])].concat();
                let at = at.index(m.len());
                m[at] ^= bits;
                records(&m, size)
            }),
        ],
        size in 1..60usize,
        cut in any::<prop::sample::Index>(),
    ) {
        let stream = &stream[..cut.index(stream.len() + 1)];
        let (whole, mut a) = read(stream, usize::MAX);
        let (pieces, mut b) = read(stream, size);
        prop_assert_eq!(whole, pieces);
        prop_assert_eq!(a.malformed(), b.malformed());
        prop_assert_eq!(a.end(), b.end());
    }
}

use proptest::prelude::*;

use super::*;
use crate::carrier::tls::build::{Hello, Packet, Quic, V1, V2, crypto, padded, unhex};

const DCID: &[u8] = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08";

/// The hello in the examples of RFC 9001 §A.2 and RFC 9369 §A.2, in its CRYPTO frame.
const FRAME: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c
    00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e
    000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400
    0d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801
    100104800075300901100f088394c8f03e51570806048000ffff";

fn client(step: Step) -> ClientHello {
    match step {
        Step::Client(hello) => *hello,
        other => panic!("{other:?}"),
    }
}

/// The hello of some frames, one datagram each, numbered upwards.
fn say(quic: Quic, datagrams: &[Vec<u8>]) -> Step {
    let mut reader = QuicReader::new();
    for (i, frames) in datagrams.iter().enumerate() {
        let datagram = Packet::new(quic, DCID, i as u32, &padded(frames)).seal();
        assert!(looks_initial(&datagram));
        let step = reader.datagram(&datagram);
        if step != Step::More {
            assert_eq!(reader.datagram(&datagram), Step::Enough);
            assert_eq!(reader.held(), 0);
            return step;
        }
    }
    Step::More
}

#[test]
fn the_examples_of_the_standards_are_read() {
    for (quic, begin, end) in [
        (
            V1,
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c",
            "e221af44860018ab0856972e194cd934",
        ),
        (
            V2,
            "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071bf03dceebfa162e75d6c",
            "a18b2faa745b6fe189cf772a9f84cbfc",
        ),
    ] {
        // The sealed packet is the standard's: its beginning and its tag say so for all of it.
        let datagram = Packet::new(quic, DCID, 2, &padded(&unhex(FRAME))).seal();
        assert!(datagram.starts_with(&unhex(begin)) && datagram.ends_with(&unhex(end)));
        assert_eq!(datagram.len(), 1200);
        let hello = client(QuicReader::new().datagram(&datagram));
        assert_eq!(hello.sni.as_deref(), Some("example.com"));
        assert_eq!(hello.alpn, ["alpn".into()]);
        assert!(hello.ja4.as_str().starts_with("q13d0211an_"), "{}", hello.ja4);
    }
}

/// RFC 9001 §A.3: what a server sends is not taken for a client's.
#[test]
fn a_servers_packet_is_refused() {
    let packet = unhex(
        "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf7
        3c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f
        58891850abbdca3d20398c276456cbc42158407dd074ee",
    );
    let mut reader = QuicReader::new();
    for _ in 1..MAX_REFUSED {
        assert_eq!(reader.datagram(&packet), Step::More);
    }
    assert_eq!(reader.datagram(&packet), Step::Enough);
    assert_eq!(reader.refused(), MAX_REFUSED);
}

#[test]
fn pieces_in_any_order_over_several_datagrams_make_the_hello() {
    let message = Hello::browser("pool.example").with(51, &[0; 1200]).message();
    let whole = client(say(V1, &[crypto(0, &message)]));
    assert_eq!(whole.sni.as_deref(), Some("pool.example"));
    assert!(whole.ja4.as_str().starts_with("q13d0508h2_"), "{}", whole.ja4);
    let cut = |from: usize, to: usize| crypto(from, &message[from..to.min(message.len())]);
    let end = message.len();
    let acknowledgement = b"\x02\x05\x00\x01\x00\x00\x00\x03\x01\x00\x00\x01\x01\x01\x01";
    for datagrams in [
        vec![cut(0, 700), cut(700, end)],
        vec![cut(700, end), cut(0, 700)],
        // As Chrome scatters it, with pings and padding between.
        vec![
            [&[1, 0, 0][..], &cut(900, end), &[0; 9], &cut(40, 300), &[1]].concat(),
            [cut(300, 900), vec![0; 5], cut(0, 40)].concat(),
        ],
        // Overlapping, repeated.
        vec![cut(0, 700), cut(0, 700), cut(100, 800), cut(600, end), cut(0, end)],
        vec![[&acknowledgement[..], &cut(0, 2)].concat(), cut(3, end), cut(1, 4)],
    ] {
        for quic in [V1, V2] {
            assert_eq!(client(say(quic, &datagrams)), whole);
        }
    }
    assert_eq!(say(V1, &[cut(0, 700), cut(701, end)]), Step::More);
}

#[test]
fn any_connection_id_token_and_number_is_read() {
    let frames = padded(&crypto(0, &Hello::browser("pool.example").message()));
    for id in 0..=20 {
        for number_len in 1..=4 {
            let dcid = [7; 20];
            let token = vec![3; id * 20];
            let packet = Packet { token: &token, number_len, ..Packet::new(V1, &dcid[..id], 5, &frames) };
            client(QuicReader::new().datagram(&packet.seal()));
        }
    }
}

#[test]
fn packets_of_one_datagram_are_read_one_after_the_other() {
    let message = Hello::browser("pool.example").message();
    let (a, b) = message.split_at(50);
    let first = Packet::new(V1, DCID, 0, &crypto(0, a)).seal();
    let second = Packet::new(V1, DCID, 1, &crypto(50, b)).seal();
    // 0-RTT, Handshake: as Initial without a token.
    let other = |first: u8| [&[first, 0, 0, 0, 1, 8], DCID, &[0, 0x40, 30], &[5; 30]].concat();
    client(QuicReader::new().datagram(&[&first[..], &second].concat()));
    client(QuicReader::new().datagram(&[&other(0xd0)[..], &first, &other(0xe0), &second].concat()));
    client(QuicReader::new().datagram(&[&first[..], &second, &[0x40; 100]].concat()));
}

#[test]
fn keys_stay_when_the_server_names_its_id_and_change_with_a_retry() {
    let message = Hello::browser("pool.example").message();
    let (a, b) = message.split_at(100);
    let mut reader = QuicReader::new();
    assert_eq!(reader.datagram(&Packet::new(V1, DCID, 0, &padded(&crypto(0, a))).seal()), Step::More);
    let frames = padded(&crypto(100, b));
    let renamed = Packet { key_id: DCID, ..Packet::new(V1, b"server", 1, &frames) };
    client(reader.datagram(&renamed.seal()));

    let mut reader = QuicReader::new();
    assert_eq!(reader.datagram(&Packet::new(V1, DCID, 0, &padded(&crypto(0, a))).seal()), Step::More);
    let retried = Packet { token: b"token", ..Packet::new(V1, b"retry", 1, &frames) };
    assert_eq!(reader.datagram(&retried.seal()), Step::More, "it begins anew");
    let frames = padded(&crypto(0, a));
    client(reader.datagram(&Packet::new(V1, b"retry", 2, &frames).seal()));
}

#[test]
fn other_things_are_not_quic() {
    for (datagram, initial) in [
        (&b""[..], false),
        (b"\x17\xfe\xfd\x00\x01", false),
        (b"\x40\x01\x02\x03\x04\x05\x06\x07", false),
        (b"{\"id\":1,\"method\":\"login\"}", false),
        // Google's own versions, and one that nobody knows.
        (b"\xc3Q046\x50\x01\x02\x03\x04\x05\x06\x07\x08", false),
        (b"\xc3\x1a\x2a\x3a\x4a\x08", false),
        (b"\xc3\x00\x00\x00\x01\x15", true),
    ] {
        let step = QuicReader::new().datagram(datagram);
        assert_eq!(step == Step::NotTls, !initial, "{datagram:x?}");
        assert!(!looks_initial(datagram), "{datagram:x?}");
    }
    // Version negotiation and Retry are QUIC, but say nothing.
    assert_eq!(QuicReader::new().datagram(b"\x80\0\0\0\0\x00\x01\x07\0\0\0\x01"), Step::More);
    assert_eq!(QuicReader::new().datagram(b"\xf0\0\0\0\x01\x00\x01\x07tokenxxxxxxxxxxxxxxxx"), Step::More);
}

#[test]
fn nonsense_inside_is_counted() {
    let mut reader = QuicReader::new();
    assert_eq!(reader.datagram(&Packet::new(V1, DCID, 0, &padded(b"\x08\x00stream")).seal()), Step::Enough);
    assert!(reader.malformed());
    let mut reader = QuicReader::new();
    let hello = crypto(0, b"\x01\x00\x00\x03\x03\x03\x00");
    assert_eq!(reader.datagram(&Packet::new(V1, DCID, 0, &padded(&hello)).seal()), Step::NotTls);
    assert!(reader.malformed());
    // Another message than a hello.
    assert_eq!(say(V1, &[crypto(0, b"\x02\x00\x00\x01\x00")]), Step::Enough);
    assert_eq!(say(V1, &[crypto(0, b"\x01\xff\xff\xff")]), Step::Enough);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut reader = QuicReader::new();
    let mut datagrams = 0;
    for number in 0.. {
        // Two-byte pieces with holes between them.
        let frames: Vec<u8> = (0..8000).flat_map(|i| crypto(1 + number as usize + i * 4, b"ab")).collect();
        datagrams += 1;
        if reader.datagram(&Packet::new(V1, DCID, number, &frames[..12_000]).seal()) != Step::More {
            break;
        }
        assert!(reader.held() < 2 * (12_100 + MAX_HELLO + 128 * 24), "{}", reader.held());
    }
    assert!(datagrams <= MAX_DATAGRAMS);
}

proptest! {
    #[test]
    fn anything_is_survived(
        datagrams in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..120),
                // Random frames, well sealed.
                proptest::collection::vec(any::<u8>(), 4..80).prop_map(|f| Packet::new(V1, DCID, 1, &f).seal()),
                (0..400usize, proptest::collection::vec(any::<u8>(), 4..80))
                    .prop_map(|(at, d)| Packet::new(V1, DCID, 1, &crypto(at, &d)).seal()),
                (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, bits)| {
                    let mut packet = Packet::new(V2, DCID, 1, &crypto(0, &Hello::browser("a.example").message())).seal();
                    let at = at.index(packet.len());
                    packet[at] ^= bits;
                    packet
                }),
                any::<prop::sample::Index>().prop_map(|at| {
                    let packet = Packet::new(V1, DCID, 1, &crypto(0, &Hello::browser("a.example").message())).seal();
                    packet[..at.index(packet.len())].to_vec()
                }),
            ],
            0..20,
        )
    ) {
        let mut reader = QuicReader::new();
        for datagram in &datagrams {
            let step = reader.datagram(datagram);
            if step != Step::More {
                prop_assert_eq!(reader.held(), 0);
                prop_assert_eq!(reader.datagram(datagram), Step::Enough);
            }
        }
    }

    #[test]
    fn a_hello_in_pieces_is_the_whole_one(cuts in proptest::collection::vec(1..300usize, 1..12), turn in 0..12usize) {
        let message = Hello::browser("pool.example").message();
        let mut frames = Vec::new();
        let mut at = 0;
        for cut in cuts {
            let end = (at + cut).min(message.len());
            if at < end {
                frames.push(crypto(at, &message[at..end]));
            }
            at = end;
        }
        if at < message.len() {
            frames.push(crypto(at, &message[at..]));
        }
        let turn = turn % frames.len();
        frames.rotate_left(turn);
        let hello = client(say(V1, &frames));
        prop_assert_eq!(hello.sni.as_deref(), Some("pool.example"));
    }
}

use super::*;
use crate::carrier::inflate::DECOMPRESSOR;
use crate::carrier::look::strangers::{STRANGERS, random, split};
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const JOB: &[u8] = b"{\"type\":\"job\",\"params\":{\"job_id\":\"1\",\"blob\":\"0e0e\",\"target\":\"ffffff00\"}}";
/// A message's cap on packed and on plain text, and the decompressor.
const MOST_HELD: usize = 2 * MAX_MESSAGE + DECOMPRESSOR;

type Got = Vec<(Opcode, Vec<u8>)>;

fn feed(w: &mut WebSocket, chunks: &[impl AsRef<[u8]>]) -> Got {
    let mut got = Vec::new();
    for c in chunks {
        w.data(c.as_ref(), |op, m| got.push((op, m.to_vec())));
        assert!(w.held() <= MOST_HELD, "{}", w.held());
    }
    got
}

fn texts(got: Got) -> Vec<String> {
    got.into_iter().map(|(_, m)| String::from_utf8(m).unwrap()).collect()
}

/// The texts in one segment.
fn read(deflate: bool, bytes: &[u8]) -> Vec<String> {
    texts(feed(&mut WebSocket::new(deflate), &[bytes]))
}

/// A frame whose first byte is `first`, with the shortest length.
fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut all = vec![first];
    match payload.len() {
        n @ 0..=125 => all.push(bit | n as u8),
        n @ 126..=0xffff => {
            all.push(bit | 0x7e);
            all.extend((n as u16).to_be_bytes());
        }
        n => {
            all.push(bit | 0x7f);
            all.extend((n as u64).to_be_bytes());
        }
    }
    all.extend(mask.iter().flatten());
    let from = all.len();
    all.extend(payload);
    super::frame::unmask(&mut all[from..], mask.unwrap_or_default());
    all
}

/// Packs messages one after the other, with context takeover.
struct Packer(Compress);

impl Packer {
    fn new() -> Self {
        Self(Compress::new(Compression::default(), false))
    }

    fn pack(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(plain.len() * 2 + 64);
        self.0.compress_vec(plain, &mut packed, FlushCompress::Sync).unwrap();
        packed.truncate(packed.len() - 4);
        packed
    }
}

#[test]
fn the_examples_of_rfc_6455() {
    assert_eq!(read(false, b"\x81\x05Hello"), ["Hello"]);
    assert_eq!(read(false, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), ["Hello"]);
    assert_eq!(read(false, b"\x01\x03Hel\x80\x02lo"), ["Hello"]);
    let ping_between = b"\x01\x03Hel\x89\x05Hello\x80\x02lo\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81\x01!";
    assert_eq!(read(false, ping_between), ["Hello", "!"]);
    for n in [0, 125, 126, 256, 0xffff, MAX_MESSAGE] {
        let got = feed(&mut WebSocket::new(false), &[frame(0x82, None, &vec![7; n])]);
        assert_eq!(got, [(Opcode::Binary, vec![7; n])]);
    }
}

#[test]
fn the_examples_of_rfc_7692() {
    assert_eq!(read(true, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"), ["Hello"]);
    assert_eq!(read(true, b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"), ["Hello"]);
    let shared = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
    assert_eq!(read(true, shared), ["Hello", "Hello"], "the second refers to the first");
    assert_eq!(read(true, b"\xc1\x0b\x00\x05\x00\xfa\xffHello\x00"), ["Hello"], "a stored block");
    let last = b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    assert_eq!(read(true, &[&last[..], last].concat()), ["Hello", "Hello"], "blocks that end the deflate stream");
    assert_eq!(read(true, b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), ["Hello"], "two blocks");
    assert_eq!(read(true, b"\x81\x05Hello"), ["Hello"], "agreed to, but not used");
    assert_eq!(read(true, b"\xc1\x01\x00"), [""], "empty");
}

#[test]
fn a_message_in_one_plain_frame_is_not_copied() {
    let mut w = WebSocket::new(true);
    assert_eq!(feed(&mut w, &[frame(0x81, None, JOB)]).len(), 1);
    assert_eq!(w.held(), 0);
}

#[test]
fn what_breaks_the_rules_is_not_read_on() {
    for bytes in [
        &b"\x91\x01a"[..], // RSV3
        b"\xa1\x01a",      // RSV2
        b"\xc1\x01a",      // RSV1, not agreed
        b"\x83\x01a",      // reserved opcode
        b"\x8b\x01a",      // reserved control opcode
        b"\x09\x01a",      // fragmented ping
        b"\x89\x7e\x00\x7e",
        b"\x80\x01a",          // nothing to continue
        b"\x01\x01a\x81\x01a", // a message within a message
        b"\x82\x7f\x80\0\0\0\0\0\0\0",
    ] {
        let mut w = WebSocket::new(false);
        assert_eq!(feed(&mut w, &[bytes]), [], "{bytes:?}");
        assert!(w.is_lost(), "{bytes:?}");
    }
    let mut w = WebSocket::new(true);
    feed(&mut w, &[b"\xc9\x00"]);
    assert!(w.is_lost(), "a packed ping");
}

#[test]
fn long_lengths_of_short_messages_are_read() {
    assert_eq!(read(false, b"\x81\x7e\x00\x02{}"), ["{}"]);
    assert_eq!(read(false, b"\x81\x7f\0\0\0\0\0\0\0\x02{}"), ["{}"]);
}

#[test]
fn a_long_message_is_skipped_and_the_next_one_read() {
    let mut w = WebSocket::new(false);
    let long = frame(0x82, Some(MASK), &vec![0; MAX_MESSAGE + 1]);
    for c in long.chunks(1400) {
        assert_eq!(feed(&mut w, &[c]), []);
        assert_eq!(w.held(), 0);
    }
    assert_eq!(texts(feed(&mut w, &[frame(0x81, Some(MASK), b"{}")])), ["{}"]);
    assert_eq!((w.take_too_long(), w.take_too_long()), (1, 0));
}

#[test]
fn a_length_of_63_bits_costs_nothing() {
    let mut w = WebSocket::new(true);
    feed(&mut w, &[b"\xc2\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"]);
    for _ in 0..100 {
        assert_eq!(feed(&mut w, &[[b'x'; 1400]]), []);
        assert_eq!(w.held(), 0);
    }
    assert_eq!(w.take_too_long(), 1);
}

#[test]
fn endless_fragments_are_bounded() {
    let mut w = WebSocket::new(false);
    feed(&mut w, &[frame(0x01, None, b"{")]);
    for _ in 0..1000 {
        assert_eq!(feed(&mut w, &[frame(0x00, None, &[b'x'; 1000])]), []);
        assert!(w.held() <= 2 * MAX_MESSAGE);
    }
    assert_eq!(texts(feed(&mut w, &[frame(0x80, None, b"}"), frame(0x81, None, b"{}")])), ["{}"]);
    assert_eq!(w.take_too_long(), 1);
}

#[test]
fn a_bomb_is_dropped_and_many_end_it() {
    let bomb = frame(0xc1, None, &Packer::new().pack(&vec![b' '; MAX_MESSAGE + 1]));
    let mut p = Packer::new();
    let mut w = WebSocket::new(true);
    assert_eq!(texts(feed(&mut w, &[frame(0xc1, None, &p.pack(JOB))])).len(), 1);
    assert_eq!(feed(&mut w, &[&bomb]), []);
    assert_eq!(texts(feed(&mut w, &[frame(0xc1, None, &Packer::new().pack(JOB))])).len(), 1);
    for _ in 0..70 {
        assert_eq!(feed(&mut w, &[&bomb]), []);
    }
    assert_eq!(feed(&mut w, &[frame(0xc1, None, &Packer::new().pack(JOB))]), []);
    assert_eq!(texts(feed(&mut w, &[frame(0x81, None, b"{}")])), ["{}"], "plain ones are still read");
    assert!(!w.is_lost());
}

#[test]
fn a_hole_in_a_message_costs_that_message() {
    let mut w = WebSocket::new(false);
    let one = frame(0x81, Some(MASK), &[b'a'; 1000]);
    assert_eq!(feed(&mut w, &[&one[..400]]), []);
    w.gap(301);
    let rest = [&one[701..], &frame(0x81, Some(MASK), b"{}")].concat();
    assert_eq!(texts(feed(&mut w, &[rest])), ["{}"]);
    feed(&mut w, &[&one[..400]]);
    w.gap(one.len() as u64 - 400);
    assert_eq!(texts(feed(&mut w, &[frame(0x81, Some(MASK), b"{}")])), ["{}"], "up to its very end");
    feed(&mut w, &[&frame(0x01, None, b"He")[..], &frame(0x89, None, b"ping")[..4]]);
    w.gap(2);
    assert_eq!(texts(feed(&mut w, &[frame(0x80, None, b"llo")])), ["Hello"], "a hole in a ping costs nothing");
}

#[test]
fn after_a_hole_frames_are_found_at_a_segment_start() {
    let mut w = WebSocket::new(false);
    feed(&mut w, &[frame(0x81, None, b"{}")]);
    w.gap(100);
    assert!(w.is_lost());
    assert_eq!(
        feed(&mut w, &[&b"\x22:1}"[..], b"rest of a message", &frame(0x81, Some(MASK), b"{}"), b"\x81\x05{}"]),
        []
    );
    assert!(w.is_lost(), "others' masking, lengths that do not fit");
    let chain = [frame(0x80, None, b"tail}"), frame(0x8a, None, b""), frame(0x81, None, JOB)].concat();
    assert_eq!(feed(&mut w, &[chain]), [(Opcode::Text, JOB.to_vec())], "the unseen beginning is not made up");
}

/// What a direction gives after its packed messages 10 to 19 were lost, and what it should have given.
fn after_a_loss(line: impl Fn(&[u8]) -> String) -> (Vec<String>, Vec<String>) {
    use base64::Engine;
    let noise = random(400).map(|n| n.repeat(1 + 255 / n.len())).collect::<Vec<_>>();
    let lines = noise.iter().map(|n| line(base64::engine::general_purpose::STANDARD.encode(&n[..255]).as_bytes()));
    let mut p = Packer::new();
    let (lines, packed): (Vec<_>, Vec<_>) =
        lines.map(|l| (l.clone(), frame(0xc1, None, &p.pack(l.as_bytes())))).unzip();
    let mut w = WebSocket::new(true);
    assert_eq!(texts(feed(&mut w, &packed[..10])), lines[..10]);
    w.gap(packed[10..20].iter().map(|p| p.len() as u64).sum());
    let got = texts(feed(&mut w, &packed[20..]));
    assert!(got.iter().all(|g| lines.contains(g)), "nothing wrong is given out");
    let late = texts(feed(&mut WebSocket::picked_up(), &packed[20..]));
    assert_eq!(late, got, "as when picked up in the middle");
    (got, lines)
}

#[test]
fn packed_messages_are_read_again_when_what_they_refer_to_is_known() {
    let (got, lines) = after_a_loss(|noise| format!("[\"{}\"]", String::from_utf8_lossy(noise)));
    assert!(got.ends_with(&lines[380..]));
    let alone = frame(0xc1, None, &Packer::new().pack(JOB));
    assert_eq!(feed(&mut WebSocket::picked_up(), &[alone]).len(), 1, "no context takeover");
}

#[test]
fn what_is_copied_from_lost_messages_is_not_made_up() {
    let (got, _) = after_a_loss(|noise| format!("{{\"job_id\":\"{}\"}}", String::from_utf8_lossy(noise)));
    assert_eq!(got, [""; 0]);
}

#[test]
fn the_end_frees_everything() {
    let mut w = WebSocket::new(true);
    feed(&mut w, &[frame(0xc1, None, &Packer::new().pack(JOB)), frame(0x01, None, b"half")]);
    assert!(w.held() > 0);
    w.end();
    assert_eq!(w.held(), 0);
}

#[test]
fn json_messages_look_like_a_websocket() {
    for first in [0x81, 0x82] {
        for mask in [None, Some(MASK)] {
            assert!(looks_like(&frame(first, mask, JOB)));
            assert!(looks_like(
                &[frame(0x89, mask, b""), frame(first, mask, b"[1]\n"), frame(first, mask, b"hi")].concat()
            ));
            assert!(looks_like(&frame(first, mask, &[b"{", &[b' '; 300][..], b"}"].concat())));
        }
    }
    let whole = frame(0x81, Some(MASK), JOB);
    for n in 0..whole.len() {
        assert!(!looks_like(&whole[..n]), "cut at {n}");
    }
    assert!(!looks_like(&[&whole[..], b"\n"].concat()), "more than frames");
    assert!(!looks_like(&frame(0x81, None, b"hello")), "no JSON");
    assert!(!looks_like(&frame(0x81, None, b"{1]")), "no JSON");
    assert!(!looks_like(&frame(0x81, None, b"{\x01}")), "no text");
    assert!(!looks_like(&frame(0x01, None, b"{}")), "a fragment");
    assert!(!looks_like(&frame(0x89, None, b"{}")), "a ping");
    assert!(!looks_like(&frame(0xc1, None, b"{}")), "packed");
    assert!(!looks_like(b"\x81\x7e\x00\x02{}"), "a length in a long form");
    assert!(!looks_like(&[frame(0x81, None, b"{}"), frame(0x81, Some(MASK), b"{}")].concat()), "half masked");
}

#[test]
fn strangers_do_not() {
    for (name, bytes) in STRANGERS {
        assert!(!looks_like(bytes), "{name}");
        assert!(feed(&mut WebSocket::picked_up(), &[bytes]).iter().all(|(_, m)| !m.starts_with(b"{")), "{name}");
    }
    assert_eq!(random(10_000).filter(|b| looks_like(b)).count(), 0);
    // Behind a lost boundary much less is asked; still it is rare.
    let found = random(10_000).filter(|b| !feed(&mut WebSocket::picked_up(), &[b]).is_empty()).count();
    assert!(found <= 2, "{found}");
}

fn dialogue(masked: bool) -> (Vec<u8>, Got) {
    let mask = masked.then_some(MASK);
    let mut p = Packer::new();
    let packed = p.pack(JOB);
    let (a, b) = packed.split_at(packed.len() / 2);
    let whole = [
        frame(0x81, mask, JOB),
        frame(0x01, mask, &JOB[..7]),
        frame(0x89, mask, b"ping"),
        frame(0x00, mask, b""),
        frame(0x80, mask, &JOB[7..]),
        frame(0x41, mask, a),
        frame(0x80, mask, b),
        frame(0x82, mask, &[0xfe; 300]),
        frame(0xc2, mask, &p.pack(JOB)),
        frame(0x88, mask, &1000u16.to_be_bytes()),
    ];
    let text = (Opcode::Text, JOB.to_vec());
    let binary = (Opcode::Binary, vec![0xfe; 300]);
    (whole.concat(), vec![text.clone(), text.clone(), text, binary, (Opcode::Binary, JOB.to_vec())])
}

proptest! {
    #[test]
    fn any_split_gives_the_same_messages(cuts in prop::collection::vec(any::<usize>(), 0..24), masked in any::<bool>()) {
        let (whole, wanted) = dialogue(masked);
        prop_assert_eq!(feed(&mut WebSocket::new(true), &split(&whole, &cuts)), wanted);
    }

    #[test]
    fn a_hole_anywhere_gives_only_messages_that_were_sent(from in 0usize..900, missing in 1usize..300, masked in any::<bool>()) {
        let (whole, wanted) = dialogue(masked);
        let (from, to) = (from.min(whole.len()), (from + missing).min(whole.len()));
        let mut w = WebSocket::new(true);
        let mut got = feed(&mut w, &[&whole[..from]]);
        w.gap((to - from) as u64);
        // Whatever comes after a hole of unknown depth begins a segment.
        got.extend(feed(&mut w, &[&whole[to..]]));
        let mut left = wanted.iter();
        prop_assert!(got.iter().all(|g| left.any(|w| w == g)), "{:?}", got);
    }

    #[test]
    fn byte_soup_is_bounded(head in prop::sample::select(vec![&b"\xc1\x7e\x04\x00"[..], b"\x01\x05{", b"\x81\xfe", b""]),
                            soup in prop::collection::vec(any::<u8>(), 0..3000), missing in 0u64..3000,
                            cuts in prop::collection::vec(any::<usize>(), 0..8)) {
        let whole = [head, &soup].concat();
        for mut w in [WebSocket::new(true), WebSocket::new(false), WebSocket::picked_up()] {
            feed(&mut w, &split(&whole, &cuts));
            w.gap(missing);
            feed(&mut w, &split(&whole, &cuts));
            w.end();
            prop_assert_eq!(w.held(), 0);
        }
        let _ = looks_like(&whole);
    }
}

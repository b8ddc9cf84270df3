use std::io::Write;

use super::*;
use crate::carrier::look::strangers::{STRANGERS, random, split};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use proptest::prelude::*;

const LINE: &[u8] = b"{\"id\":2,\"method\":\"mining.subscribe\",\"params\":[]}\n";

fn pack(plain: &[u8]) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), Compression::best());
    e.write_all(plain).unwrap();
    e.finish().unwrap()
}

fn open(inflate: &mut Inflate, chunks: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut plain = Vec::new();
    for c in chunks {
        inflate.data(c.as_ref(), |p| plain.extend_from_slice(p));
        assert!(inflate.held() <= DECOMPRESSOR + 64);
    }
    plain
}

#[test]
fn a_member_per_message() {
    let whole = [pack(LINE), pack(LINE), b"\n".to_vec(), pack(b"{}")].concat();
    assert_eq!(open(&mut Inflate::default(), &[whole]), [LINE, LINE, b"{}"].concat());
}

#[test]
fn one_long_member_gives_each_message_when_it_comes() {
    let mut e = GzEncoder::new(Vec::new(), Compression::default());
    let mut i = Inflate::default();
    for n in 0..20 {
        let line = format!("{{\"id\":{n},\"result\":true}}\n");
        e.write_all(line.as_bytes()).unwrap();
        e.flush().unwrap();
        let sent = std::mem::take(e.get_mut());
        assert_eq!(open(&mut i, &[sent]), line.as_bytes());
    }
}

#[test]
fn optional_header_fields_are_skipped() {
    let mut e = GzBuilder::new()
        .filename("job.json")
        .comment("none")
        .extra(vec![1, 2, 3])
        .write(Vec::new(), Compression::fast());
    e.write_all(LINE).unwrap();
    let whole = e.finish().unwrap();
    assert_eq!(starts(&whole), Look::Yes);
    assert_eq!(open(&mut Inflate::default(), &[&whole]), LINE);
    let mut checked = pack(LINE);
    checked[3] |= FHCRC;
    checked.splice(10..10, [0x12, 0x34]);
    assert_eq!(open(&mut Inflate::default(), &[&checked]), LINE);
    let endless = [&[0x1f, 0x8b, 8, FNAME, 0, 0, 0, 0, 0, 3][..], &[b'x'; MAX_FIELDS + 1]].concat();
    let mut i = Inflate::default();
    assert_eq!(open(&mut i, &[endless]), b"");
    assert!(i.is_lost());
}

#[test]
fn a_bomb_is_dropped() {
    let bomb = pack(&vec![b' '; 64 << 20]);
    let mut i = Inflate::default();
    let plain = open(&mut i, &[&bomb]);
    assert!(plain.len() <= MAX_CREDIT, "{}", plain.len());
    assert!(i.is_lost());
    let mut i = Inflate::default();
    let plain = open(&mut i, &bomb.chunks(100).collect::<Vec<_>>());
    assert!(plain.len() <= FIRST_CREDIT + bomb.len() * RATIO && i.is_lost());
    assert_eq!(i.held(), 0);
}

#[test]
fn damage_and_gaps_end_it_until_a_member_begins() {
    let mut damaged = pack(LINE);
    let at = damaged.len() - 1;
    damaged[at] ^= 1;
    let mut i = Inflate::default();
    open(&mut i, &[&damaged]);
    assert!(i.is_lost(), "the size is wrong");
    assert_eq!(open(&mut i, &[&b"{\"id\":1}\n"[..], &pack(b"{}")[3..]]), b"");
    assert_eq!(open(&mut i, &[pack(LINE)]), LINE);
    i.gap();
    assert_eq!(i.held(), 0);
    assert_eq!(open(&mut i, &[&pack(LINE)[12..]]), b"");
    assert_eq!(open(&mut i, &[pack(LINE)]), LINE);
    assert_eq!(open(&mut Inflate::default(), &[LINE]), b"", "plain text is no gzip");
}

#[test]
fn strangers_are_told_apart() {
    for (name, bytes) in STRANGERS {
        assert_eq!(starts(bytes), Look::No, "{name}");
    }
    assert_eq!(random(10_000).filter(|b| b.len() > 2 && starts(b) != Look::No).count(), 0);
    let whole = pack(LINE);
    for n in 0..whole.len() {
        assert_eq!(starts(&whole[..n]), if n < FIXED { Look::Short } else { Look::Yes });
    }
    assert_eq!(starts(b"\x1f\x8b\x08\xe0"), Look::No);
}

proptest! {
    #[test]
    fn any_split_gives_the_same(lines in prop::collection::vec("[ -~]{0,80}", 1..6), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        let whole = lines.iter().flat_map(|l| pack(l.as_bytes())).collect::<Vec<_>>();
        prop_assert_eq!(open(&mut Inflate::default(), &split(&whole, &cuts)), lines.concat().into_bytes());
    }

    #[test]
    fn byte_soup_is_bounded(soup in prop::collection::vec(any::<u8>(), 0..2048), flags in 0u8..32, cuts in prop::collection::vec(any::<usize>(), 0..8)) {
        let whole = [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3][..], &soup].concat();
        let mut i = Inflate::default();
        let plain = open(&mut i, &split(&whole, &cuts));
        prop_assert!(plain.len() <= FIRST_CREDIT + whole.len() * RATIO);
        i.gap();
        open(&mut i, &[&soup]);
    }
}

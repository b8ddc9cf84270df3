//! What holds for any bytes and any way they arrive.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::capture::{MAX_FRAME, What};

/// A valid file and the offsets at which each frame is complete (the file header's end first).
fn file() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    let frames = vec((0u32..2_000_000_000, 0u32..1_000_000, vec(any::<u8>(), 1..200)), 0..12);
    (any::<bool>(), any::<bool>(), frames).prop_map(|(ng, big, frames)| {
        let out = Out::new(big);
        let mut out = if ng {
            out.section().interface(LinkType::ETHERNET, 0, &[(9, &[9])])
        } else {
            out.header(MICROS, (2, 4), 1)
        };
        let mut ends = vec![out.bytes.len()];
        for (sec, ticks, data) in frames {
            out = if ng {
                out.enhanced(0, u64::from(sec) << 30 | u64::from(ticks), &data)
            } else {
                out.record(sec, ticks, &data)
            };
            ends.push(out.bytes.len());
        }
        (out.bytes, ends)
    })
}

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let magics = prop::sample::select(vec![
        &b""[..],
        b"\xd4\xc3\xb2\xa1\x02\0\x04\0",
        b"\xa1\xb2\x3c\x4d\0\x02\0\x04",
        b"\x34\xcd\xb2\xa1\x02\0\x03\0",
        b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\0\0\0\0\0\0\0\0\x1c\0\0\0",
        b"\x1f\x8b\x08\0",
        b"\x28\xb5\x2f\xfd",
    ]);
    (magics, vec(prop_oneof![3 => Just(0u8), 1 => any::<u8>(), 1 => 0u8..16], 0..600))
        .prop_map(|(magic, rest)| [magic, &rest].concat())
}

fn sane(bytes: Vec<u8>) {
    let len = bytes.len();
    let (frames, _) = read(bytes);
    assert!(frames.len() <= len / 16, "a frame takes 16 bytes at least");
    assert!(frames.iter().all(|f| f.data.len() <= MAX_FRAME && f.wire as usize >= f.data.len()));
    assert!(frames.iter().map(|f| f.number).eq(1..=frames.len() as u64));
}

proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(bytes in soup()) {
        sane(bytes);
    }

    #[test]
    fn a_file_with_flipped_bytes_ends_without_a_panic(
        (mut bytes, _) in file(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (at, v) in flips {
            let at = at.index(bytes.len());
            bytes[at] = v;
        }
        sane(bytes);
    }

    #[test]
    fn every_prefix_gives_the_frames_that_are_whole_within_it((bytes, ends) in file()) {
        let (all, problems) = read(bytes.clone());
        prop_assert_eq!(problems, vec![]);
        prop_assert_eq!(all.len() + 1, ends.len());
        for cut in 4..bytes.len() {
            let (got, problems) = read(&bytes[..cut]);
            let whole = ends.iter().skip(1).filter(|e| **e <= cut).count();
            prop_assert_eq!(&got[..], &all[..whole]);
            let between_blocks = ends.contains(&cut) || (bytes[0] == 0x0a && cut == 28);
            let is_cut = matches!(problems.first().map(|p| &p.what), Some(What::Cut { .. }));
            prop_assert_eq!(is_cut, !between_blocks, "cut at {}", cut);
        }
    }

    #[test]
    fn the_way_bytes_arrive_changes_nothing((bytes, _) in file(), chunk in 1usize..100) {
        let want = read(bytes.clone());
        prop_assert_eq!(&read_from(Drip(io::Cursor::new(bytes.clone()), chunk)), &want);
        prop_assert_eq!(&read_from(Drip(io::Cursor::new(gzip(&bytes)), chunk)), &want);
        prop_assert_eq!(&read_from(Drip(io::Cursor::new(zstd(&bytes)), chunk)), &want);
        let f = Folder::new();
        let mut inputs = Inputs::open(&[f.put("x", &bytes)], Options::default()).unwrap();
        prop_assert_eq!(drain(&mut inputs), want.0);
    }

    #[test]
    fn a_long_file_is_the_same_through_any_refill(
        sizes in vec(1usize..60_000, 1..60),
        chunk in 1000usize..300_000,
    ) {
        let frames: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(i, n)| vec![i as u8; *n]).collect();
        let bytes = classic(7, &frames.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let (got, problems) = read_from(Drip(io::Cursor::new(bytes), chunk));
        prop_assert_eq!(problems, vec![]);
        prop_assert!(got.iter().map(|f| &f.data).eq(&frames));
    }
}

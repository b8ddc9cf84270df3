//! What a damaged input still gives, and what is said about it.

use super::*;
use crate::capture::What;

fn lengths(frames: &[Got]) -> Vec<usize> {
    frames.iter().map(|f| f.data.len()).collect()
}

#[track_caller]
fn check(bytes: Vec<u8>, frames: &[usize], problem: &str) {
    let (got, problems) = read(bytes);
    assert_eq!(lengths(&got), frames);
    assert_eq!(sentences(&problems), [problem]);
}

#[test]
fn a_cut_packet() {
    let mut bytes = classic(1, &[b"abc", b"defgh"]);
    bytes.truncate(bytes.len() - 2);
    check(
        bytes,
        &[3],
        "error: x: cut off inside a packet that starts at byte 43 (19 of 21 bytes are there): the capture was stopped \
         hard or is still being written; the 1 packet before it was read",
    );
}

#[test]
fn a_cut_file_header() {
    check(
        classic(1, &[])[..20].to_vec(),
        &[],
        "error: x: cut off inside the file header that starts at byte 0 (20 of 24 bytes are there): the capture was \
         stopped hard or is still being written; no packet before it",
    );
}

#[test]
fn a_length_no_packet_has() {
    let out = Out::new(false).header(MICROS, (2, 4), 1).record(1, 0, b"abc").u32(1).u32(0).u32(0x7fff_ffff).u32(60);
    check(
        out.raw(&[0; 4000]).bytes,
        &[3],
        "error: x: damaged at byte 43: a packet header claims 2147483647 bytes, so nothing after it can be trusted; \
         the 1 packet before it was read",
    );
}

#[test]
fn zeros_at_the_end_are_not_a_million_packets() {
    let mut bytes = classic(1, &[b"abc"]);
    bytes.resize(bytes.len() + 1_000_000, 0);
    check(
        bytes,
        &[3],
        "error: x: nothing but zeros at byte 43: the disk was full, or the file was allocated ahead; the 1 packet \
         before it was read",
    );
}

#[test]
fn a_version_from_the_future() {
    check(
        Out::new(false).header(MICROS, (3, 0), 1).bytes,
        &[],
        "error: x: the file header at byte 0 is of version 3.0, which is not known; no packet before it",
    );
}

#[test]
fn pcapng_lengths_that_disagree() {
    let mut bytes = Out::new(false).section().interface(LinkType::ETHERNET, 0, &[]).enhanced(0, 1, b"abc").bytes;
    let whole = bytes.clone();
    let last = bytes.len() - 4;
    bytes[last] ^= 4;
    bytes.extend(whole);
    check(
        bytes,
        &[],
        "error: x: damaged at byte 52: a block cannot be read because its two length fields disagree; no packet \
         before it",
    );
}

#[test]
fn pcapng_packets_of_nowhere_cost_only_themselves() {
    let out = Out::new(false).section().enhanced(0, 1, b"early").interface(LinkType::ETHERNET, 0, &[]);
    check(
        out.enhanced(7, 1, b"abc").enhanced(0, 1, b"x").bytes,
        &[1],
        "error: x: 2 packets of no described interface left out, the first at byte 28",
    );
    let out = Out::new(false).section().interface(LinkType::ETHERNET, 0, &[]);
    let body = out.body().u32(0).u32(0).u32(1).u32(99).u32(99).raw(b"abcd").bytes;
    check(
        out.block(6, &body).enhanced(0, 1, b"x").bytes,
        &[1],
        "error: x: 1 packet longer than the block around it left out, the first at byte 52",
    );
}

#[test]
fn nothing_and_other_things() {
    check(vec![], &[], "error: x: is empty: not even a file header was written");
    check(gzip(&[]), &[], "error: x: is empty: not even a file header was written");
    let plain = "error: x: is not a capture (pcap or pcapng, plain or in gzip or zstd)";
    check(b"hello, world".to_vec(), &[], plain);
    check(zstd(b"hello, world"), &[], plain);
    check(b"\xd4".to_vec(), &[], plain);
    check(
        b"\xfd7zXZ\0\0\0".to_vec(),
        &[],
        "error: x: is not a capture but an xz archive: pipe it in with xz -dc FILE | minewatch replay -",
    );
    check(
        gzip(&gzip(&classic(1, &[b"abc"]))),
        &[],
        "error: x: is not a capture but gzip inside another compression: unpack it once and try again",
    );
}

/// Frames that do not compress, so that a cut in the packed bytes is a cut in the frames.
fn noise(frames: usize) -> Vec<u8> {
    let mut x = 1u32;
    let mut next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 24) as u8
    };
    let frames: Vec<Vec<u8>> = (0..frames).map(|_| (0..1000).map(|_| next()).collect()).collect();
    classic(1, &frames.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[test]
fn cut_compressed_streams_give_all_that_unpacks() {
    let plain = noise(600);
    for (name, packed) in [("gzip", gzip(&plain)), ("zstd", zstd(&plain))] {
        let (got, problems) = read(&packed[..packed.len() / 2]);
        // A zstd block of 128 KiB comes out whole or not at all.
        assert!((150..=300).contains(&got.len()), "{name} {}", got.len());
        assert_eq!(got, read(plain.clone()).0[..got.len()], "{name}");
        let at = 24 + 1016 * got.len();
        assert_eq!(
            sentences(&problems),
            [format!(
                "error: x: the {name} stream ends early at byte {at} of the unpacked data: the copy is incomplete; \
                 the {} packets before it were read",
                got.len()
            )]
        );
    }
}

#[test]
fn a_flipped_bit_in_a_compressed_stream_is_never_passed_over() {
    let plain = noise(300);
    let all = read(plain.clone()).0;
    let mut checked = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    checked.include_checksum(true).unwrap();
    checked.write_all(&plain).unwrap();
    for packed in [gzip(&plain), checked.finish().unwrap()] {
        for at in [packed.len() / 2, packed.len() - 6, packed.len() - 1] {
            let mut bad = packed.clone();
            bad[at] ^= 0x10;
            let (got, problems) = read(bad);
            assert!(problems.iter().any(|p| p.severity == Severity::Error), "byte {at}");
            let same = got.iter().zip(&all).take_while(|(a, b)| a == b).count();
            assert!(same >= 120, "{same} frames of 150 or more before byte {at}");
        }
    }
}

#[test]
fn compressed_members_one_after_another_are_one_stream() {
    let plain = noise(20);
    let want = read(plain.clone()).0;
    for split in [1, 3, 24, 30, 5000, plain.len() - 1] {
        let (a, b) = plain.split_at(split);
        assert_eq!(read([gzip(a), gzip(b)].concat()), (want.clone(), vec![]), "gzip at {split}");
        // Tapes fill up their last block.
        let padded = [gzip(a), gzip(b), vec![0; 40_000]].concat();
        assert_eq!(read(padded.clone()), (want.clone(), vec![]), "padded gzip at {split}");
        let (frames, problems) = read([padded, b"x".to_vec()].concat());
        assert!(frames == want && problems.len() == 1, "no padding at {split}: {problems:?}");
        // A skippable frame in front and between (RFC 8878, 3.1.2).
        let skip = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        let zst = [skip.clone(), zstd(a), skip, zstd(b)].concat();
        assert_eq!(read(zst), (want.clone(), vec![]), "zstd at {split}");
    }
}

#[test]
fn a_bomb_is_stopped() {
    // A block of another kind, all zeros but for the lengths.
    let bomb = Out::new(false).section().block(99, &vec![0; 8 << 20]).bytes;
    for packed in [gzip(&bomb), zstd(&bomb)] {
        let options = Options { unpack_free: 1 << 20, unpack_ratio: 100, ..Options::default() };
        let error = {
            let mut inputs = Inputs::from_reader("x", io::Cursor::new(packed.clone()), options).unwrap();
            assert_eq!(drain(&mut inputs), []);
            sentences(inputs.problems())
        };
        assert_eq!(error.len(), 1);
        assert!(error[0].contains("grows to more than 100 times its size"), "{}", error[0]);
        // The same is fine where it is allowed.
        let (frames, problems) = read(packed);
        assert_eq!((frames, sentences(&problems)), (vec![], vec![]));
    }
}

#[test]
fn a_failing_disk() {
    struct Fails(io::Cursor<Vec<u8>>);
    impl Read for Fails {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buf)? {
                0 => Err(io::Error::from_raw_os_error(5)),
                n => Ok(n),
            }
        }
    }
    let plain = classic(1, &[b"abc"]);
    let cases = [(plain.clone(), "at byte 24 ("), (gzip(&plain), "at byte 43 of the unpacked data (")];
    for (bytes, place) in cases {
        let (_, problems) = read_from(Fails(io::Cursor::new(bytes[..bytes.len() - 1].to_vec())));
        let [problem] = sentences(&problems).try_into().unwrap();
        assert!(problem.starts_with(&format!("error: x: reading failed {place}Input/output error")), "{problem}");
    }
}

#[test]
fn a_flood_of_notes_does_not_hide_an_error() {
    use crate::capture::problem::Problems;
    let mut problems = Problems::default();
    for _ in 0..2000 {
        problems.push(InputProblem::of(&"x".into(), Severity::Note, What::Untimed));
    }
    problems.push(InputProblem::of(&"x".into(), Severity::Error, What::Missing));
    assert_eq!(problems.list().last().map(|p| &p.what), Some(&What::Missing));
    assert_eq!((problems.errors(), problems.omitted()), (1, 2000 - Problems::MAX as u64 / 2));
}

//! What each file format is read as.

use super::*;

const AT: i64 = 1_700_000_000_000_000_000;
const SEC: u32 = 1_700_000_000;

fn only(bytes: Vec<u8>) -> Got {
    let (frames, problems) = read(bytes);
    assert_eq!(sentences(&problems), [""; 0]);
    assert_eq!(frames.len(), 1);
    frames[0].clone()
}

#[test]
fn classic_files_of_every_byte_order_and_resolution() {
    for big in [false, true] {
        for (magic, nanos) in [(MICROS, 7000), (0xa1b2_3c4d, 7)] {
            let got = only(Out::new(big).header(magic, (2, 4), 1).record(SEC, 7, b"abc").bytes);
            let want = Got { source: 0, number: 1, nanos: AT + nanos, link: 1, data: b"abc".to_vec(), wire: 3 };
            assert_eq!(got, want, "{magic:x} big-endian {big}");
        }
    }
}

#[test]
fn modified_classic_files() {
    for big in [false, true] {
        // Kuznetzov's patch: interface index, protocol, packet type.
        let out = Out::new(big).header(0xa1b2_cd34, (2, 4), 1);
        let out = out.u32(SEC).u32(7).u32(3).u32(9).u32(2).u16(0x0800).u16(0).raw(b"abc").bytes;
        let got = only(out);
        assert_eq!((got.nanos, got.data.as_slice(), got.wire), (AT + 7000, b"abc".as_slice(), 9));
        // Ixia: the size of all records behind the file header.
        for magic in [0x1c00_01ac, 0x1c00_01ab] {
            let got = only(Out::new(big).header(magic, (2, 4), 1).u32(19).record(SEC, 7, b"abc").bytes);
            assert_eq!((got.nanos, got.data.as_slice()), (AT + 7000, b"abc".as_slice()));
        }
    }
}

#[test]
fn old_versions_swap_the_two_lengths() {
    for minor in [2, 3] {
        let out = Out::new(false).header(MICROS, (2, minor), 1).u32(SEC).u32(0).u32(60).u32(3).raw(b"abc").bytes;
        let got = only(out);
        assert_eq!((got.data.as_slice(), got.wire), (b"abc".as_slice(), 60), "version 2.{minor}");
    }
    let upright = Out::new(false).header(MICROS, (2, 3), 1).u32(SEC).u32(0).u32(3).u32(60).raw(b"abc").bytes;
    assert_eq!(only(upright).wire, 60);
}

#[test]
fn aix_files_have_interface_types_and_nanoseconds() {
    let got = only(Out::new(true).header(MICROS, (2, 2), 6).record(SEC, 7, b"abc").bytes);
    assert_eq!((got.link, got.nanos), (1, AT + 7));
}

#[test]
fn checksum_length_bits_are_no_part_of_the_link_type() {
    assert_eq!(only(Out::new(false).header(MICROS, (2, 4), 0x2400_0071).record(SEC, 0, b"abc").bytes).link, 113);
}

#[test]
fn more_captured_than_on_the_wire_is_put_up_with() {
    let got = only(Out::new(false).header(MICROS, (2, 4), 1).u32(SEC).u32(0).u32(3).u32(1).raw(b"abc").bytes);
    assert_eq!((got.data.len(), got.wire), (3, 3));
}

#[test]
fn header_only_files_are_silent() {
    for bytes in [classic(0, &[]), Out::new(true).section().bytes, gzip(&classic(0, &[]))] {
        assert_eq!(read(bytes), (vec![], vec![]));
    }
}

#[test]
fn captures_joined_with_cat_are_read_on() {
    let mut all = classic(SEC, &[b"a"]);
    all.extend(Out::new(true).header(0xa1b2_3c4d, (2, 4), 113).record(SEC, 7, b"bb").bytes);
    let (frames, problems) = read(all);
    let brief: Vec<_> = frames.iter().map(|f| (f.link, f.nanos - AT, f.data.len())).collect();
    assert_eq!(brief, [(1, 0, 1), (113, 7, 2)]);
    assert_eq!(sentences(&problems), ["note: x: 1 more capture appended to it, the first at byte 41, read as well"]);
}

type Options<'a> = &'a [(u16, &'a [u8])];

#[test]
fn pcapng_clocks() {
    let cases: &[(Options<'_>, u64, i64)] = &[
        (&[], 1_700_000_000_000_007, AT + 7000),
        (&[(9, &[9])], 1_700_000_000_000_000_007, AT + 7),
        (&[(9, &[3])], 1_700_000_000_007, AT + 7_000_000),
        (&[(9, &[0])], 1_700_000_000, AT),
        (&[(9, &[12])], 7_000, 7),
        (&[(9, &[127])], u64::MAX, 0),
        (&[(9, &[0x8a])], (1_700_000_000 << 10) | 512, AT + 500_000_000),
        (&[(9, &[0xff])], u64::MAX, 0),
        (&[(14, &1_700_000_000i64.to_le_bytes()), (9, &[9])], 7, AT + 7),
        (&[(14, &(-1i64).to_le_bytes())], 1_000_007, 7000),
        (&[(1, b"a comment"), (9, &[9])], 7, 7),
        (&[], u64::MAX, i64::MAX),
    ];
    for (options, ticks, want) in cases {
        let out = Out::new(false).section().interface(LinkType::ETHERNET, 0, options).enhanced(0, *ticks, b"abc");
        assert_eq!(only(out.bytes).nanos, *want, "{options:?} {ticks}");
    }
}

#[test]
fn pcapng_sections_have_their_own_byte_order_and_interfaces() {
    let out = Out::new(false)
        .section()
        .interface(LinkType::ETHERNET, 0, &[])
        .interface(LinkType::LINUX_SLL, 0, &[(9, &[9])])
        .block(0x0bad, &[7; 13])
        .enhanced(1, 5, b"one")
        .enhanced(0, 5, b"four")
        .block(5, &[0; 24]);
    let mut out = Out { big: true, ..out }.section().interface(LinkType::RAW, 0, &[]).enhanced(0, 6, b"-");
    out.big = false;
    let (frames, problems) = read(out.bytes);
    assert_eq!(sentences(&problems), [""; 0]);
    let brief: Vec<_> = frames.iter().map(|f| (f.number, f.link, f.nanos, f.data.len())).collect();
    assert_eq!(brief, [(1, 113, 5, 3), (2, 1, 5000, 4), (3, 101, 6000, 1)]);
}

#[test]
fn pcapng_packets_without_a_time_take_the_last_one() {
    let simple = |out: Out, wire: u32, data: &[u8]| {
        let body = out.body().u32(wire).raw(data).bytes;
        out.block(3, &body)
    };
    let out = Out::new(true).section().interface(LinkType::ETHERNET, 6, &[]).enhanced(0, 9, b"timed!");
    let (frames, problems) = read(simple(simple(out, 5, b"abcde"), 100, b"abcdef").bytes);
    let brief: Vec<_> = frames.iter().map(|f| (f.nanos, f.data.len(), f.wire)).collect();
    assert_eq!(brief, [(9000, 6, 6), (9000, 5, 5), (9000, 6, 100)]);
    assert_eq!(
        sentences(&problems),
        ["note: x: some packets carry no time; they got the time of the packet before them"]
    );
}

#[test]
fn pcapng_obsolete_packet_blocks() {
    let out = Out::new(true).section().interface(LinkType::ETHERNET, 0, &[]).interface(LinkType::RAW, 0, &[]);
    // Interface 1, 42 drops.
    let body = out.body().u16(1).u16(42).u32(0).u32(9).u32(3).u32(60).raw(b"abc").bytes;
    let got = only(out.block(2, &body).bytes);
    assert_eq!((got.link, got.nanos, got.data.as_slice(), got.wire), (101, 9000, b"abc".as_slice(), 60));
}

#[test]
fn pcapng_blocks_larger_than_any_buffer_are_passed_over() {
    let out = Out::new(false).section().interface(LinkType::ETHERNET, 0, &[]).block(10, &vec![9; 3 << 20]);
    assert_eq!(only(out.enhanced(0, 1, b"abc").bytes).data, b"abc");
}

#[test]
fn the_longest_frame_passes_and_a_longer_one_costs_only_itself() {
    let longest = vec![5; super::super::MAX_FRAME];
    let longer = vec![5; super::super::MAX_FRAME + 1];
    let out = Out::new(false).section().interface(LinkType::ETHERNET, 0, &[]);
    let out =
        out.enhanced(0, 1, &longest).enhanced(0, 2, &longer).enhanced(0, 3, &vec![5; 1 << 20]).enhanced(0, 4, b"x");
    let (frames, problems) = read(out.bytes);
    assert_eq!(frames.iter().map(|f| f.data.len()).collect::<Vec<_>>(), [longest.len(), 1]);
    assert_eq!(
        sentences(&problems),
        ["error: x: 2 packets longer than 266240 bytes left out, the first at byte 266324"]
    );
    assert_eq!(read(classic(0, &[&longest, b"x"])).0.len(), 2);
}

#[test]
fn link_types_have_names_and_unknown_ones_a_number() {
    assert_eq!(LinkType(276).name(), "Linux cooked v2");
    assert_eq!(LinkType(147).name(), "link type 147");
    assert_eq!(LinkType(147).to_string(), "link type 147");
}

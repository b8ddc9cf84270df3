use std::time::Duration;

use super::*;

/// The line as one datagram in pieces of `size` bytes, first to last.
fn pieces4(id: u16, size: usize) -> Vec<Vec<u8>> {
    let whole = &line4()[20..];
    let count = whole.len().div_ceil(size);
    let chunks = whole.chunks(size).enumerate();
    chunks.map(|(i, part)| piece4(id, i * size, i + 1 < count, part)).collect()
}

fn piece4(id: u16, offset: usize, more: bool, part: &[u8]) -> Vec<u8> {
    let field = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
    eth(0x0800, &v4_with("10.0.0.5", "198.51.100.5", id, field, 6, part))
}

fn piece6(id: u32, offset: usize, more: bool, part: &[u8]) -> Vec<u8> {
    let field = offset as u16 | u16::from(more);
    let body = cat(&[&[6, 0], &field.to_be_bytes(), &id.to_be_bytes(), part]);
    eth(0x86dd, &v6_between("2001:db8::5", "2001:db8:ffff::5", 44, &body))
}

fn pieces6(id: u32, size: usize) -> Vec<Vec<u8>> {
    let whole = &line6()[40..];
    let count = whole.len().div_ceil(size);
    whole.chunks(size).enumerate().map(|(i, part)| piece6(id, i * size, i + 1 < count, part)).collect()
}

/// What comes out after each frame; only the last may give something.
#[track_caller]
fn last_of(rig: &mut Rig, frames: &[Vec<u8>]) -> Option<Seen> {
    let (last, before) = frames.split_last().unwrap();
    for f in before {
        assert!(rig.feed(ETHERNET, f).is_none());
    }
    rig.feed(ETHERNET, last)
}

#[test]
fn both_ip_versions_in_any_order_and_down_to_eight_bytes() {
    for size in [8, 16, 48] {
        for frames in [pieces4(1, size), pieces6(1, size)] {
            for reversed in [false, true] {
                let mut frames = frames.clone();
                if reversed {
                    frames.reverse();
                }
                let mut rig = Rig::default();
                let seen = last_of(&mut rig, &frames);
                assert_line(seen.as_ref());
                let seen = seen.unwrap();
                assert_eq!(seen.number, frames.len() as u64, "it stands at the fragment that completed it");
                assert_eq!(seen.src_mac, Some(MacAddr(CLIENT_MAC)));
                assert_eq!(rig.count(Counter::Fragments), frames.len() as u64);
                assert_eq!((rig.count(Counter::FragmentsReassembled), rig.count(Counter::FragmentsDropped)), (1, 0));
                assert_eq!(rig.decoder.fragment_usage(), (0, 0));
            }
        }
    }
}

#[test]
fn the_byte_count_is_that_of_the_whole_packet() {
    let seen = last_of(&mut Rig::default(), &pieces4(1, 24)).unwrap();
    assert_eq!(seen.wire_ip_len as usize, line4().len());
}

#[test]
fn duplicates_are_harmless() {
    for frames in [pieces4(1, 24), pieces6(1, 24)] {
        let mut rig = Rig::default();
        assert!(rig.feed(ETHERNET, &frames[0]).is_none());
        assert_line(last_of(&mut rig, &frames).as_ref());
        assert_eq!(rig.count(Counter::OverlapConflicts), 0);
    }
}

#[test]
fn a_lone_first_fragment_and_a_whole_packet_with_a_fragment_header() {
    let mut rig = Rig::default();
    assert!(rig.feed(ETHERNET, &pieces4(1, 48)[0]).is_none());
    assert_eq!(rig.count(Counter::TcpPackets), 0);
    assert_eq!(rig.decoder.finish().get(Counter::FragmentsDropped), 1);
    assert_line(decode(ETHERNET, &piece6(1, 0, false, &line6()[40..])).as_ref());
}

#[test]
fn ipv4_overlap_keeps_the_first_bytes_and_counts_the_conflict() {
    let whole = &line4()[20..];
    let forged = [b'X'; 24];
    let frames = [
        piece4(1, 0, true, &whole[..24]),
        // Rewrites bytes 16..24 and brings 24..40 too early.
        piece4(1, 16, true, &cat(&[&forged[..8], &whole[24..40]])),
        piece4(1, 24, false, &whole[24..]),
    ];
    let mut rig = Rig::default();
    assert_line(last_of(&mut rig, &frames).as_ref());
    assert_eq!(rig.count(Counter::OverlapConflicts), 1);
    // An overlap that says the same is none.
    let frames = [piece4(2, 16, false, &whole[16..]), piece4(2, 0, true, &whole[..32])];
    assert_line(last_of(&mut rig, &frames).as_ref());
    assert_eq!(rig.count(Counter::OverlapConflicts), 1);
}

#[test]
fn ipv6_overlap_gives_the_datagram_up() {
    let whole = &line6()[40..];
    let frames =
        [piece6(1, 0, true, &whole[..24]), piece6(1, 16, true, &whole[16..40]), piece6(1, 24, false, &whole[24..])];
    let mut rig = Rig::default();
    assert!(last_of(&mut rig, &frames).is_none());
    assert_eq!((rig.count(Counter::FragmentsDropped), rig.count(Counter::FragmentsReassembled)), (3, 0));
}

#[test]
fn fragments_that_contradict_each_other_give_nothing() {
    let part = [1u8; 16];
    let two_ends = [piece4(1, 16, false, &part), piece4(1, 32, false, &part), piece4(1, 0, true, &part)];
    let beyond_the_end = [piece4(2, 32, true, &part), piece4(2, 8, false, &part), piece4(2, 0, true, &part)];
    let ping_of_death = [piece4(3, 65_528, false, &part)];
    let odd = [piece4(4, 0, true, &part[..15])];
    let empty = [piece4(5, 8, false, &[])];
    for frames in [&two_ends[..], &beyond_the_end, &ping_of_death, &odd, &empty] {
        let mut rig = Rig::default();
        assert!(last_of(&mut rig, frames).is_none());
        let health = rig.decoder.finish();
        assert_eq!(health.get(Counter::FragmentsDropped), frames.len() as u64);
    }
}

#[test]
fn a_fragment_that_the_snaplen_cut_cannot_be_used() {
    let frames = pieces4(1, 48);
    let mut rig = Rig::default();
    assert!(rig.feed_cut(ETHERNET, &frames[0], frames[0].len() - 1).is_none());
    assert!(rig.feed(ETHERNET, &frames[1]).is_none());
    assert_eq!(rig.count(Counter::FragmentsDropped), 1);
}

#[test]
fn a_datagram_waits_as_long_as_a_host_would_and_then_the_id_is_free_again() {
    for (frames, seconds) in [(pieces4(1, 48), 30), (pieces6(1, 48), 60)] {
        let mut rig = Rig::default();
        rig.feed(ETHERNET, &frames[0]);
        rig.time = rig.time.plus(Duration::from_secs(seconds));
        assert_line(rig.feed(ETHERNET, &frames[1]).as_ref());
        rig.feed(ETHERNET, &frames[0]);
        rig.time = rig.time.plus(Duration::from_secs(seconds + 1));
        assert!(rig.feed(ETHERNET, &frames[1]).is_none());
        assert_eq!(rig.count(Counter::FragmentsDropped), 1);
        assert_line(rig.feed(ETHERNET, &frames[0]).as_ref());
    }
}

#[test]
fn equal_ids_of_other_peers_protocols_and_tenants_do_not_mix() {
    let frames = pieces4(1, 48);
    let other = eth(0x0800, &v4_with("10.0.0.6", "198.51.100.5", 1, 6, 6, &[0; 24]));
    let protocol = eth(0x0800, &v4_with("10.0.0.5", "198.51.100.5", 1, 6, 17, &[0; 24]));
    let tenant =
        |frame: &[u8]| outer_eth(0x0800, &outer4(17, &udp(5, 4789, &cat(&[&[8, 0, 0, 0, 0, 0, 9, 0], frame]))));
    let mut rig = Rig::default();
    for f in [&frames[0], &other, &protocol, &tenant(&frames[1])] {
        assert!(rig.feed(ETHERNET, f).is_none());
    }
    assert_line(rig.feed(ETHERNET, &frames[1]).as_ref());
    let seen = rig.feed(ETHERNET, &tenant(&frames[0]));
    assert_eq!(seen.unwrap().tenant, Tenant::Vxlan(9));
}

#[test]
fn a_fragmented_tunnel_is_opened_and_fragments_inside_it_too() {
    let outer = |payload: &[u8], id: u16| {
        let cut = 48;
        [(0x2000, &payload[..cut]), (cut as u16 / 8, &payload[cut..])]
            .map(|(field, part)| eth(0x0800, &v4_with("10.9.0.1", "10.9.0.2", id, field, 47, part)))
    };
    let gre = |frame: &[u8]| cat(&[&[0, 0, 0x65, 0x58], frame]);
    let mut rig = Rig::default();
    assert_line(last_of(&mut rig, &outer(&gre(&eth(0x0800, &line4())), 1)).as_ref());
    let inner = pieces4(1, 48);
    assert!(last_of(&mut rig, &outer(&gre(&inner[0]), 2)).is_none());
    assert_line(last_of(&mut rig, &outer(&gre(&inner[1]), 3)).as_ref());
    assert_eq!(rig.count(Counter::FragmentsReassembled), 4);
    assert_eq!(rig.decoder.fragment_usage(), (0, 0));
}

#[test]
fn a_flood_stays_within_bounds_and_pushes_out_only_its_own() {
    let mut rig = Rig::default();
    let frames = pieces4(1, 48);
    rig.feed(ETHERNET, &frames[0]);
    for id in 0..5000u16 {
        let junk = v4_with("203.0.113.66", "198.51.100.5", id, 0x2000, 17, &[0; 1400]);
        rig.feed(ETHERNET, &eth(0x0800, &junk));
    }
    assert_eq!(rig.decoder.fragment_usage().0, 65, "64 of the flooder, one of the client");
    assert_line(rig.feed(ETHERNET, &frames[1]).as_ref());
}

#[test]
fn a_flood_from_everywhere_evicts_the_idlest_and_counts_it() {
    let mut rig = Rig::default();
    for i in 0..3000u32 {
        let source = Ipv4Addr::from(0xcb00_7100 + i).to_string();
        for offset in 0..8 {
            let junk = v4_with(&source, "198.51.100.5", 1, 0x2000 | (offset * 1024), 17, &[0; 8192]);
            rig.feed(ETHERNET, &eth(0x0800, &junk));
        }
        let (count, held) = rig.decoder.fragment_usage();
        assert!(count <= 1024 && held <= 8 << 20, "{count} datagrams, {held} bytes");
    }
    let frames = pieces4(1, 48);
    assert_line(last_of(&mut rig, &frames).as_ref());
    let (pending, dropped) = (rig.decoder.fragment_usage().0 as u64, rig.count(Counter::FragmentsDropped));
    assert!(pending > 100);
    assert_eq!(rig.decoder.finish().get(Counter::FragmentsDropped), 24_000);
    assert!(dropped < 24_000 && dropped > 0);
}

#[test]
fn a_datagram_of_crumbs_is_given_up() {
    let mut rig = Rig::default();
    for i in 0..1100u16 {
        // Every other eight bytes, so that nothing joins up.
        let crumb = v4_with("203.0.113.66", "198.51.100.5", 1, 0x2000 | (i * 2), 17, &[0; 8]);
        rig.feed(ETHERNET, &eth(0x0800, &crumb));
    }
    assert_eq!(rig.count(Counter::FragmentsDropped), 1100);
    assert_eq!(rig.decoder.fragment_usage().0, 1);
}

/// A mirror hands over each frame twice: the copy of the last fragment begins no datagram that lacks the others.
#[test]
fn a_copy_of_every_fragment_leaves_nothing_unfinished() {
    for frames in [pieces4(1, 16), pieces6(1, 16)] {
        let mut rig = Rig::default();
        let mut whole = 0;
        for f in &frames {
            for _ in 0..2 {
                whole += usize::from(rig.feed(ETHERNET, f).is_some());
            }
        }
        let health = rig.decoder.finish();
        assert_eq!((whole, health.get(Counter::FragmentsDropped)), (1, 0));
        assert_eq!((health.get(Counter::FragmentsReassembled), health.get(Counter::Duplicates)), (1, 1));
    }
    // What only has the same place is no copy.
    let mut rig = Rig::default();
    for f in pieces4(1, 16) {
        rig.feed(ETHERNET, &f);
    }
    let last = pieces4(1, 16).len() - 1;
    rig.feed(ETHERNET, &piece4(1, last * 16, false, b"other"));
    assert_eq!(rig.decoder.finish().get(Counter::FragmentsDropped), 1);
}

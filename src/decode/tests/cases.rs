//! The decapsulation cases that users of such tools reported, by their id.

use super::*;

#[test]
fn cd01_each_direction_with_its_own_vlan_is_one_tenant() {
    let tagged = |id: u8, ip: &[u8]| eth(0x8100, &cat(&[&[0, id, 8, 0], ip]));
    let mut rig = Rig::default();
    let to = rig.feed(ETHERNET, &tagged(100, &line4())).unwrap();
    let from = v4_between("198.51.100.5", "10.0.0.5", 6, &tcp(LINE));
    let from = rig.feed(ETHERNET, &tagged(200, &from)).unwrap();
    assert_eq!((to.tenant, from.tenant), (Tenant::None, Tenant::None));
    assert_eq!((to.vlan, from.vlan), (Some(100), Some(200)));
}

#[test]
fn cd03_cloud_mirror_in_vxlan_shows_the_inner_addresses() {
    let mirrored = udp(65432, 4789, &cat(&[&[8, 0, 0, 0, 0, 0, 42, 0], &eth(0x0800, &line4())]));
    let mut rig = Rig::default();
    let seen = rig.feed(ETHERNET, &outer_eth(0x0800, &outer4(17, &mirrored)));
    assert_line(seen.as_ref());
    assert_eq!(seen.unwrap().tenant, Tenant::Vxlan(42));
    assert_eq!(rig.count(Counter::UdpPackets), 0, "the outside is nobody's packet");
}

#[test]
fn cd05_erspan_with_and_without_sequence_number_in_both_directions() {
    let back = v4_between("198.51.100.5", "10.0.0.5", 6, &tcp(LINE));
    let header = [0x10, 1, 0, 5, 0, 0, 0, 0];
    let mut rig = Rig::default();
    for ip in [line4(), back] {
        for gre in [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0, 0, 0x88, 0xbe]] {
            let frame = outer_eth(0x0800, &outer4(47, &cat(&[gre, &header, &eth(0x0800, &ip)])));
            assert_eq!(rig.feed(ETHERNET, &frame).unwrap().tenant, Tenant::Erspan(5));
        }
    }
    assert_eq!(rig.count(Counter::TcpPackets), 4);
}

#[test]
fn cd07_total_length_zero_means_the_captured_length() {
    let mut ip = line4();
    ip[2..4].copy_from_slice(&[0, 0]);
    let mut rig = Rig::default();
    assert_line(rig.feed(ETHERNET, &eth(0x0800, &ip)).as_ref());
    assert_eq!((rig.count(Counter::LengthZero), rig.count(Counter::Malformed)), (1, 0));
    // With a snaplen, the wire length tells how much is missing.
    let frame = eth(0x0800, &ip);
    let seen = rig.feed_cut(ETHERNET, &frame, frame.len() - 20).unwrap();
    assert_eq!((seen.payload.len() + 20, seen.wire_payload_len as usize), (LINE.len(), LINE.len()));
}

#[test]
fn cd09_a_short_snaplen_still_counts_the_packet() {
    let frame = eth(0x0800, &v4_between("10.0.0.5", "198.51.100.5", 6, &tcp(&LINE.repeat(5))));
    let mut rig = Rig::default();
    let seen = rig.feed_cut(ETHERNET, &frame, 96).unwrap();
    assert_eq!(seen.payload, &LINE[..42]);
    assert_eq!(seen.wire_payload_len as usize, LINE.len() * 5);
    assert_eq!(rig.count(Counter::FramesTruncated), 1);
}

#[test]
fn cd11_a_subscribe_in_two_fragments_is_seen() {
    let segment = line4()[20..].to_vec();
    let part = |field, part: &[u8]| eth(0x0800, &v4_with("10.0.0.5", "198.51.100.5", 9, field, 6, part));
    let mut rig = Rig::default();
    assert!(rig.feed(ETHERNET, &part(0x2000, &segment[..48])).is_none());
    assert_line(rig.feed(ETHERNET, &part(48 / 8, &segment[48..])).as_ref());
    assert_eq!(rig.count(Counter::Fragments), 2);
}

#[test]
fn cd13_an_offloaded_checksum_is_counted_and_used() {
    let mut rig = Rig::default();
    for _ in 0..3 {
        let zero_sum = v4_with("10.0.0.5", "198.51.100.5", 1, 0, 6, &tcp(LINE));
        assert_line(rig.feed(ETHERNET, &eth(0x0800, &zero_sum)).as_ref());
    }
    assert_eq!((rig.count(Counter::BadChecksum), rig.count(Counter::TcpPackets)), (3, 3));
}

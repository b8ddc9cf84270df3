//! Arbitrary bytes, and well-formed frames cut and flipped: no panic, and every frame has its count.

use etherparse::{LaxSlicedPacket, TransportSlice};
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::plain;
use super::super::tally::Tally;
use super::super::walk::{Context, End, Layer, Walk};
use super::*;
use crate::capture::FrameRef;

const LINKS: [u16; 27] = [
    0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 117, 119, 127, 147, 163, 166, 192, 204, 228, 229, 239, 258, 276,
    7, 0xffff,
];

fn accounted(h: &Health) -> u64 {
    use Counter as C;
    let ends = [
        C::TcpPackets,
        C::UdpPackets,
        C::IcmpPackets,
        C::OtherPackets,
        C::NotIp,
        C::Malformed,
        C::LinkTypeUnknown,
        C::TunnelTooDeep,
        C::Fragments,
    ];
    ends.iter().map(|c| h.get(*c)).sum::<u64>() - h.get(C::FragmentsReassembled)
}

fn check(rig: &mut Rig, link: u16, data: &[u8], kept: usize) -> Result<(), TestCaseError> {
    if let Some(seen) = rig.feed_cut(link, data, kept) {
        prop_assert!(seen.payload.len() as u64 <= u64::from(seen.wire_payload_len));
        prop_assert!(seen.wire_payload_len < seen.wire_ip_len);
    }
    let health = rig.decoder.health();
    prop_assert_eq!(accounted(&health), health.get(Counter::Frames));
    Ok(())
}

/// One frame of each layer that can hold another, around the stratum line.
fn wrap(kind: u8, inner: &[u8]) -> Vec<u8> {
    match kind % 10 {
        0 => outer4(47, &cat(&[&[0, 0, 0x65, 0x58], inner])),
        1 => outer6(47, &cat(&[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 5, 0, 0, 0, 0], inner])),
        2 => outer4(17, &udp(9, 4789, &cat(&[&[8, 0, 0, 0, 0, 0, 1, 0], inner]))),
        3 => outer6(17, &udp(9, 6081, &cat(&[&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], inner]))),
        4 => outer6(43, &cat(&[&[143, 0, 0, 0, 0, 0, 0, 0], inner])),
        5 => outer4(97, &cat(&[&[0x30, 0], inner])),
        6 => outer4(17, &udp(9, 37008, &cat(&[&[1, 0, 0, 1, 1], inner]))),
        7 => outer6(44, &cat(&[&[143, 0, 0, 0, 0, 0, 0, 1], inner])),
        8 => v4_with("10.9.0.1", "10.9.0.2", 5, 0x2000, 47, &inner[..inner.len() / 8 * 8]),
        _ => v4_with("10.9.0.1", "10.9.0.2", 5, 1, 17, inner),
    }
}

fn framed(ip: &[u8]) -> Vec<u8> {
    if ip[0] >> 4 == 4 { eth(0x0800, ip) } else { eth(0x86dd, ip) }
}

proptest! {
    #[test]
    fn byte_soup_of_every_link_type(frames in vec((0..LINKS.len(), vec(any::<u8>(), 0..200)), 1..40)) {
        let mut rig = Rig::default();
        for (link, data) in &frames {
            check(&mut rig, LINKS[*link], data, data.len())?;
        }
    }

    #[test]
    fn nested_frames_with_flipped_bytes_and_cut_tails(
        kinds in vec(any::<u8>(), 0..7),
        six in any::<bool>(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut frame = framed(&if six { line6() } else { line4() });
        for kind in kinds {
            frame = framed(&wrap(kind, &frame));
        }
        let mut rig = Rig::with(TenantMode::Vlan);
        check(&mut rig, ETHERNET, &frame, cut.index(frame.len() + 1))?;
        for (at, value) in flips {
            let at = at.index(frame.len());
            frame[at] = value;
            check(&mut rig, ETHERNET, &frame, frame.len())?;
        }
    }

    #[test]
    fn fragments_of_any_shape_stay_within_bounds(
        pieces in vec((0u16..4, 0u16..40, any::<bool>(), 0usize..80, any::<u8>(), any::<bool>()), 1..120),
    ) {
        let mut rig = Rig::default();
        for (id, offset, more, length, fill, six) in pieces {
            let part = vec![fill; length];
            let data = if six {
                let field = offset << 3 | u16::from(more);
                let id = [0, 0, 0, id as u8];
                v6_between("2001:db8::5", "2001:db8::6", 44, &cat(&[&[6, 0], &field.to_be_bytes(), &id, &part]))
            } else {
                v4_with("10.0.0.5", "10.0.0.6", id, offset | if more { 0x2000 } else { 0 }, 6, &part)
            };
            check(&mut rig, RAW, &data, data.len())?;
            rig.decoder.fragment_usage();
        }
        let fragments = rig.count(Counter::Fragments);
        let health = rig.decoder.finish();
        prop_assert!(health.get(Counter::FragmentsDropped) <= fragments);
        prop_assert_eq!(rig.decoder.fragment_usage(), (0, 0));
    }

    #[test]
    fn what_is_read_in_one_step_is_read_as_the_walk_reads_it(
        payload in vec(any::<u8>(), 0..60),
        six in any::<bool>(),
        tag in prop::option::of(any::<u16>()),
        port in prop::option::of(prop::sample::select(vec![9u16, 53, 1701, 2152, 4789, 37008])),
        flips in vec((0usize..90, any::<u8>()), 0..3),
        cut in 0usize..160,
        tenant in prop::sample::select(vec![TenantMode::Tunnel, TenantMode::Vlan, TenantMode::None]),
    ) {
        let (protocol, segment) = match port {
            Some(port) => (17, udp(port, 9, &payload)),
            None => (6, tcp(&payload)),
        };
        let ip = if six {
            v6_between("2001:db8::5", "2001:db8:ffff::5", protocol, &segment)
        } else {
            v4_between("10.0.0.5", "198.51.100.5", protocol, &segment)
        };
        let kind: u16 = if six { 0x86dd } else { 0x0800 };
        let mut data = match tag {
            Some(tag) => eth(0x8100, &cat(&[&tag.to_be_bytes(), &kind.to_be_bytes(), &ip])),
            None => eth(kind, &ip),
        };
        let wire_len = data.len() as u32;
        for (at, value) in flips {
            if let Some(byte) = data.get_mut(at) {
                *byte = value;
            }
        }
        data.truncate(cut);
        let frame =
            Frame { at: FrameRef::default(), time: PacketTime::ZERO, link: LinkType::ETHERNET, wire_len, data: &data };
        let options = DecodeOptions { tenant, ..DecodeOptions::default() };
        let (mut once, mut walked) = (Tally::default(), Tally::default());
        if let Some(packet) = plain::packet(&frame, options, &mut once) {
            let ctx = Context::new(frame.at, frame.time);
            let mut walk = Walk::new(&data, wire_len as usize, ctx, options, &mut walked);
            let Ok(End::Packet(transport)) = walk.run(Layer::Link(ETHERNET)) else {
                return Err(TestCaseError::fail(format!("the walk finds no packet where {packet:?} is")));
            };
            prop_assert_eq!(format!("{packet:?}"), format!("{:?}", walk.packet(transport)));
            for counter in [Counter::TcpPackets, Counter::UdpPackets, Counter::BadChecksum] {
                prop_assert_eq!(once.health.get(counter), walked.health.get(counter));
            }
        } else {
            prop_assert_eq!(once.health.get(Counter::TcpPackets) + once.health.get(Counter::UdpPackets), 0);
        }
    }

    #[test]
    fn plain_ethernet_is_read_as_etherparse_reads_it(
        payload in vec(any::<u8>(), 0..100),
        six in any::<bool>(),
        tag in any::<bool>(),
        cut in 54usize..200,
        padding in 0usize..8,
    ) {
        let ip = if six {
            v6_between("2001:db8::5", "2001:db8:ffff::5", 6, &tcp(&payload))
        } else {
            v4_between("10.0.0.5", "198.51.100.5", 6, &tcp(&payload))
        };
        let kind = [8u8, 0, 0x86, 0xdd];
        let kind = if six { &kind[2..] } else { &kind[..2] };
        let frame = if tag { eth(0x8100, &cat(&[&[0, 9], kind, &ip])) } else { framed(&ip) };
        let frame = cat(&[&frame, &vec![0; padding]]);
        let kept = cut.min(frame.len());
        let ours = Rig::default().feed_cut(ETHERNET, &frame, kept);
        let theirs = LaxSlicedPacket::from_ethernet(&frame[..kept]).unwrap();
        match theirs.transport {
            Some(TransportSlice::Tcp(t)) => {
                let ours = ours.unwrap();
                prop_assert_eq!(&ours.payload[..], t.payload());
                prop_assert_eq!(ours.ports(), (t.source_port(), t.destination_port()));
                prop_assert_eq!(ours.wire_payload_len as usize, payload.len());
            }
            _ => prop_assert!(ours.is_none()),
        }
    }

    #[test]
    fn what_is_read_in_one_step_is_what_the_walk_reads(
        payload in vec(any::<u8>(), 0..60),
        flips in vec((0usize..40, any::<u8>()), 0..3),
        padding in 0usize..8,
        cut in 0usize..120,
    ) {
        let mut ip = v4_between("10.0.0.5", "198.51.100.5", 6, &tcp(&payload));
        for (at, bits) in flips {
            ip[at] ^= bits;
        }
        // Behind raw IP there is no shorter way. The first byte of the ethertype's payload must say the same.
        prop_assume!(ip[0] >> 4 == 4);
        ip.extend(vec![0; padding]);
        let kept = ip.len().saturating_sub(cut);
        let (mut short, mut long) = (Rig::default(), Rig::default());
        let a = short.feed_cut(ETHERNET, &framed(&ip), kept + 14);
        let b = long.feed_cut(RAW, &ip, kept);
        let facts = |s: Seen| (s.src, s.dst, s.transport, s.payload, s.wire_payload_len, s.wire_ip_len, s.tenant, s.vlan);
        prop_assert_eq!(a.map(facts), b.map(facts));
        for c in Counter::ALL.iter().filter(|c| **c != Counter::Bytes) {
            prop_assert_eq!(short.count(*c), long.count(*c), "{:?}", c);
        }
        prop_assert_eq!(short.decoder.health().snaplen.saturating_sub(14), long.decoder.health().snaplen);
    }
}

/// The sample stands for all: a thousand wrong ones among many count as about a thousand.
#[test]
fn of_many_checksums_a_sample_is_looked_at() {
    let mut rig = Rig::default();
    let good = framed(&v4_between("10.0.0.5", "198.51.100.5", 6, &tcp(b"x")));
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    for n in 0..40_000 {
        rig.feed(ETHERNET, if n % 3 == 0 { &bad } else { &good });
    }
    let counted = rig.count(Counter::BadChecksum);
    assert!((13_300..13_400).contains(&counted), "{counted} of 13334");
}

use super::*;

#[test]
fn ethernet_padding_is_no_payload() {
    let short = eth(0x0800, &v4_between("10.0.0.5", "198.51.100.5", 6, &tcp(b"")));
    let seen = decode(ETHERNET, &cat(&[&short, &[0; 6]])).unwrap();
    assert_eq!((seen.payload.len(), seen.wire_payload_len, seen.wire_ip_len), (0, 0, 40));
    // A trailing FCS neither.
    assert_line(decode(ETHERNET, &cat(&[&eth(0x86dd, &line6()), &[1, 2, 3, 4]])).as_ref());
}

#[test]
fn a_cut_payload_keeps_its_true_length() {
    for frame in [eth(0x0800, &line4()), eth(0x86dd, &line6())] {
        let mut rig = Rig::default();
        let seen = rig.feed_cut(ETHERNET, &frame, frame.len() - 30).unwrap();
        assert_eq!(seen.payload, &LINE[..LINE.len() - 30]);
        assert_eq!(seen.wire_payload_len as usize, LINE.len());
        assert_eq!(seen.wire_ip_len as usize, frame.len() - 14);
        assert_eq!((rig.count(Counter::FramesTruncated), rig.count(Counter::BadChecksum)), (1, 0));
    }
    // The file need not admit the cut.
    let frame = eth(0x0800, &line4());
    let seen = decode(ETHERNET, &frame[..frame.len() - 9]).unwrap();
    assert_eq!(seen.wire_payload_len as usize - seen.payload.len(), 9);
}

#[test]
fn a_cut_in_the_tcp_options_still_counts_the_packet() {
    let mut segment = tcp(&[]);
    segment[12] = 8 << 4;
    segment.extend_from_slice(&[1; 12]);
    segment.extend_from_slice(LINE);
    let frame = eth(0x0800, &v4_between("10.0.0.5", "198.51.100.5", 6, &segment));
    let seen = Rig::default().feed_cut(ETHERNET, &frame, 54).unwrap();
    assert_eq!((seen.payload.len(), seen.wire_payload_len as usize), (0, LINE.len()));
    let (health, name) = reason(ETHERNET, &frame[..50]);
    assert_eq!((name.as_str(), health.get(Counter::Malformed)), ("cut short: TCP header", 1));
}

#[test]
fn a_length_below_the_header_is_dropped_as_a_host_would() {
    let mut ip = line4();
    ip[2..4].copy_from_slice(&10u16.to_be_bytes());
    assert_eq!(reason(RAW, &ip).1, "malformed: IPv4 total length");
    let mut ip = line4();
    ip[2..4].copy_from_slice(&30u16.to_be_bytes());
    assert_eq!(reason(RAW, &ip).1, "cut short: TCP header");
    let mut ip = line4();
    ip[20 + 12] = 4 << 4;
    assert_eq!(reason(RAW, &ip).1, "malformed: TCP data offset");
    let mut ip = line4();
    ip[0] = 0x44;
    assert_eq!(reason(RAW, &ip).1, "malformed: IPv4 header");
    let ip = v4_with("192.0.2.1", "192.0.2.2", 1, 0, 17, &[0, 1, 0, 2, 0, 7, 0, 0, 9]);
    assert_eq!(reason(RAW, &ip).1, "malformed: UDP length");
}

#[test]
fn udp_length_wins_over_a_longer_packet_and_zero_means_all() {
    let packet = |length: u16| {
        let mut datagram = udp(5, 53, b"12345678");
        datagram[4..6].copy_from_slice(&length.to_be_bytes());
        decode(RAW, &v4_with("192.0.2.1", "192.0.2.2", 1, 0, 17, &datagram)).unwrap()
    };
    assert_eq!(packet(12).payload, b"1234");
    assert_eq!(packet(0).payload, b"12345678");
    assert_eq!(packet(999).payload, b"12345678");
}

#[test]
fn big_tcp_in_ipv6_with_and_without_its_option() {
    let mut ip = line6();
    ip[4..6].copy_from_slice(&[0, 0]);
    let mut rig = Rig::default();
    assert_line(rig.feed(RAW, &ip).as_ref());
    assert_eq!(rig.count(Counter::LengthZero), 1);
    let body = tcp(&vec![b'x'; 70_000]);
    let length = (body.len() as u32 + 8).to_be_bytes();
    let hop = cat(&[&[6, 0, 0xc2, 4], &length, &body]);
    let mut jumbo = v6_between("2001:db8::5", "2001:db8:ffff::5", 0, &[]);
    jumbo.extend_from_slice(&hop);
    let seen = decode(RAW, &cat(&[&jumbo, b"trailer"])).unwrap();
    assert_eq!((seen.payload.len(), seen.wire_payload_len), (70_000, 70_000));
}

#[test]
fn ipv6_extension_headers_are_passed_and_bounded() {
    let chain = cat(&[
        &[60, 0, 1, 4, 0, 0, 0, 0],
        &[43, 0, 1, 4, 0, 0, 0, 0],
        &[51, 0, 0, 0, 0, 0, 0, 0],
        &[6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &tcp(LINE),
    ]);
    assert_line(decode(RAW, &v6_between("2001:db8::5", "2001:db8:ffff::5", 0, &chain)).as_ref());
    let endless = cat(&[&[60u8, 0, 1, 4, 0, 0, 0, 0].repeat(11), &tcp(LINE)]);
    let name = reason(RAW, &v6_between("2001:db8::5", "2001:db8:ffff::5", 60, &endless)).1;
    assert_eq!(name, "malformed: more than 10 IPv6 extension headers");
}

#[test]
fn a_routing_header_names_the_real_destination() {
    let last: Ipv6Addr = "2001:db8:ffff::5".parse().unwrap();
    let via: Ipv6Addr = "2001:db8:7::7".parse().unwrap();
    let type_zero = cat(&[&[6, 4, 0, 1, 0, 0, 0, 0], &via.octets(), &last.octets(), &tcp(LINE)]);
    let segments = cat(&[&[6, 4, 4, 1, 1, 0, 0, 0], &last.octets(), &via.octets(), &tcp(LINE)]);
    for routed in [type_zero, segments] {
        assert_line(decode(RAW, &v6_between("2001:db8::5", "2001:db8:7::8", 43, &routed)).as_ref());
    }
}

#[test]
fn an_ipv4_mapped_address_is_given_as_ipv4() {
    let seen = decode(RAW, &v6_between("::ffff:10.0.0.5", "::ffff:198.51.100.5", 6, &tcp(LINE)));
    assert_line(seen.as_ref());
    assert_eq!(seen.unwrap().src, addr("10.0.0.5"));
}

#[test]
fn wrong_checksums_are_counted_and_never_matter() {
    for (good, at) in [(line4(), 20 + 16), (line6(), 40 + 16)] {
        let mut rig = Rig::default();
        rig.feed(RAW, &good);
        assert_eq!(rig.count(Counter::BadChecksum), 0);
        let mut bad = good;
        bad[at] ^= 0x55;
        assert_line(rig.feed(RAW, &bad).as_ref());
        assert_eq!(rig.count(Counter::BadChecksum), 1);
        let mut careless = Decoder::new(DecodeOptions { verify_checksums: false, ..DecodeOptions::default() });
        let (at, time) = (FrameRef::default(), PacketTime::ZERO);
        let wire_len = bad.len() as u32;
        assert!(careless.decode(&Frame { at, time, link: LinkType(RAW), data: &bad, wire_len }).is_some());
        assert_eq!(careless.health().get(Counter::BadChecksum), 0);
    }
    // UDP without a checksum has none to be wrong.
    let mut rig = Rig::default();
    rig.feed(RAW, &v4_with("192.0.2.1", "192.0.2.2", 1, 0, 17, &udp(1, 2, b"abc")));
    assert_eq!((rig.count(Counter::UdpPackets), rig.count(Counter::BadChecksum)), (1, 0));
    rig.feed(RAW, &v4_between("192.0.2.1", "192.0.2.2", 17, &udp(1, 2, b"abc")));
    assert_eq!((rig.count(Counter::UdpPackets), rig.count(Counter::BadChecksum)), (2, 0));
}

use super::*;

#[track_caller]
fn carries(link: u16, header: &[u8], payload: &[u8]) -> Seen {
    let mut rig = Rig::default();
    let seen = rig.feed(link, &cat(&[header, payload]));
    assert_line(seen.as_ref());
    assert_eq!(rig.count(Counter::BadChecksum), 0);
    seen.unwrap()
}

#[test]
fn ethernet_in_both_ip_versions_with_addresses_of_the_frame() {
    for frame in [eth(0x0800, &line4()), eth(0x86dd, &line6())] {
        let seen = carries(ETHERNET, &[], &frame);
        assert_eq!(seen.src_mac, Some(MacAddr(CLIENT_MAC)));
        assert_eq!(seen.dst_mac, Some(MacAddr(SERVER_MAC)));
        assert_eq!((seen.tenant, seen.vlan), (Tenant::None, None));
        let Transport::Tcp { seq, ack, window, flags, .. } = seen.transport else { panic!("TCP") };
        assert_eq!((seq, ack, window), (1000, 2000, 512));
        assert_eq!(flags, TcpFlags { ack: true, psh: true, ..TcpFlags::default() });
    }
}

#[test]
fn raw_ip_by_its_version_nibble() {
    for link in [12, 14, 101] {
        carries(link, &[], &line4());
        carries(link, &[], &line6());
    }
    carries(228, &[], &line4());
    carries(229, &[], &line6());
}

#[test]
fn loopback_of_either_byte_order_and_every_system() {
    carries(0, &[2, 0, 0, 0], &line4());
    carries(0, &[0, 0, 0, 2], &line4());
    carries(0, &[15, 0, 8, 0], &line4());
    for family in [10, 23, 24, 28, 30] {
        carries(0, &[family, 0, 0, 0], &line6());
        carries(108, &[0, 0, 0, family], &line6());
    }
    assert_eq!(reason(0, &[7, 0, 0, 0, 1, 2, 3]).1, "address family 7");
}

#[test]
fn linux_cooked_with_the_sender_address() {
    let v1 = cat(&[&[0, 0, 0, 1, 0, 6], &CLIENT_MAC, &[0, 0]]);
    let seen = carries(113, &cat(&[&v1, &[8, 0]]), &line4());
    assert_eq!((seen.src_mac, seen.dst_mac), (Some(MacAddr(CLIENT_MAC)), None));
    carries(113, &cat(&[&v1, &[0x86, 0xdd]]), &line6());
    let v2 = cat(&[&[0, 0, 0, 0, 0, 2, 0, 1, 0, 6], &CLIENT_MAC, &[0, 0]]);
    let seen = carries(276, &cat(&[&[8, 0], &v2]), &line4());
    assert_eq!(seen.src_mac, Some(MacAddr(CLIENT_MAC)));
    let seen = carries(276, &cat(&[&[0x81, 0], &v2, &[0, 44, 0x86, 0xdd]]), &line6());
    assert_eq!(seen.vlan, Some(44));
}

#[test]
fn ppp_in_all_its_framings() {
    for (header, payload) in [(&[0xff, 3, 0, 0x21][..], line4()), (&[0, 0x57], line6()), (&[0x21], line4())] {
        carries(9, header, &payload);
        carries(50, header, &payload);
    }
    carries(50, &[0x0f, 0, 8, 0], &line4());
    carries(104, &[0x8f, 0, 0x86, 0xdd], &line6());
    let session = |ppp: Vec<u8>| cat(&[&[0x11, 0, 0, 9], &(ppp.len() as u16).to_be_bytes(), &ppp, &[0; 9]]);
    carries(ETHERNET, &[], &eth(0x8864, &session(cat(&[&[0, 0x21], &line4()]))));
    carries(51, &[], &session(cat(&[&[0, 0x57], &line6()])));
    assert_eq!(reason(9, &[0xff, 3, 0xc0, 0x21, 1]).1, "PPP protocol 0xc021 LCP");
}

#[test]
fn vlan_tags_of_every_kind_and_the_outermost_is_recorded() {
    for kind in [0x8100u16, 0x88a8, 0x9100, 0x9200] {
        let seen = carries(ETHERNET, &[], &eth(kind, &cat(&[&[0x20, 100, 8, 0], &line4()])));
        assert_eq!((seen.vlan, seen.tenant), (Some(100), Tenant::None));
    }
    let four = cat(&[&[0, 1, 0x88, 0xa8, 0, 2, 0x81, 0, 0, 3, 0x81, 0, 0, 4, 0x86, 0xdd], &line6()]);
    assert_eq!(carries(ETHERNET, &[], &eth(0x88a8, &four)).vlan, Some(1));
    let more = |n: usize| cat(&[&[0, 9, 0x81, 0].repeat(n), &four]);
    assert_eq!(carries(ETHERNET, &[], &eth(0x8100, &more(28))).vlan, Some(9));
    assert_eq!(reason(ETHERNET, &eth(0x8100, &more(29))).1, "tunnels or tags nested too deep");
    let priority_only = eth(0x8100, &cat(&[&[0xe0, 0, 8, 0], &line4()]));
    assert_eq!(carries(ETHERNET, &[], &priority_only).vlan, None);
}

#[test]
fn a_vlan_is_the_tenant_only_where_asked_for() {
    let frame = eth(0x8100, &cat(&[&[0, 100, 8, 0], &line4()]));
    let tenant = |mode| Rig::with(mode).feed(ETHERNET, &frame).unwrap().tenant;
    assert_eq!(tenant(TenantMode::Tunnel), Tenant::None);
    assert_eq!(tenant(TenantMode::Vlan), Tenant::Vlan(100));
    assert_eq!(tenant(TenantMode::None), Tenant::None);
}

#[test]
fn mpls_labels_and_pseudowires() {
    carries(ETHERNET, &[], &eth(0x8847, &cat(&[&[0, 1, 0, 64, 0, 2, 1, 64], &line4()])));
    carries(ETHERNET, &[], &eth(0x8848, &cat(&[&[0, 1, 1, 64], &line6()])));
    let with_control_word = cat(&[&[0, 1, 1, 64, 0, 0, 0, 0], &eth(0x0800, &line4())]);
    assert_eq!(carries(ETHERNET, &[], &outer_eth(0x8847, &with_control_word)).src_mac, Some(MacAddr(CLIENT_MAC)));
    let without = cat(&[&[0, 1, 1, 64], &eth(0x86dd, &line6())]);
    assert_eq!(carries(ETHERNET, &[], &outer_eth(0x8847, &without)).src_mac, Some(MacAddr(CLIENT_MAC)));
    // A MAC address that starts like an IPv4 header does not fool it.
    let mut like_v4 = eth(0x0800, &line4());
    like_v4[0] = 0x42;
    carries(ETHERNET, &[], &outer_eth(0x8847, &cat(&[&[0, 1, 1, 64], &like_v4])));
    let endless = [0u8, 1, 0, 64].repeat(9);
    assert_eq!(reason(ETHERNET, &eth(0x8847, &endless)).1, "malformed: more than 8 MPLS labels");
}

#[test]
fn llc_snap_and_tags_that_switches_add() {
    let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &line4()]);
    carries(ETHERNET, &[], &eth(snap.len() as u16, &cat(&[&snap, &[0; 6]])));
    assert_eq!(carries(10, &cat(&[&[0x50], &SERVER_MAC, &CLIENT_MAC]), &snap).src_mac, Some(MacAddr(CLIENT_MAC)));
    carries(ETHERNET, &[], &eth(0x893f, &cat(&[&[0, 1, 0, 2, 0, 0, 8, 0], &line4()])));
    carries(ETHERNET, &[], &eth(0x8926, &cat(&[&[0, 1, 0, 2, 8, 0], &line4()])));
    carries(ETHERNET, &[], &eth(0x8909, &cat(&[&[1, 1, 0, 1, 0, 5, 8, 0], &line4()])));
    let backbone = outer_eth(0x88e7, &cat(&[&[0, 0, 0, 9], &eth(0x8100, &cat(&[&[0, 12, 8, 0], &line4()]))]));
    let seen = carries(ETHERNET, &[], &backbone);
    assert_eq!((seen.src_mac, seen.vlan), (Some(MacAddr(CLIENT_MAC)), Some(12)));
    let in_the_clear = cat(&[&[0x20, 0, 0, 0, 0, 1], &[7; 8], &[8, 0], &line4(), &[9; 16]]);
    carries(ETHERNET, &[], &eth(0x88e5, &in_the_clear));
    assert_eq!(reason(ETHERNET, &eth(0x88e5, &[0x2c, 0, 0, 0, 0, 1, 7, 7])).1, "MACsec encrypted");
}

fn wlan(control: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
    // To the distribution system: BSSID, source, destination.
    cat(&[&[control, flags, 0, 0], &[2, 9, 9, 9, 9, 9], &CLIENT_MAC, &SERVER_MAC, &[0x10, 0], rest])
}

fn snap(kind: u16, ip: &[u8]) -> Vec<u8> {
    cat(&[&[0xaa, 0xaa, 3, 0, 0, 0], &kind.to_be_bytes(), ip])
}

#[test]
fn wlan_data_frames_with_the_station_addresses() {
    let frames = [
        wlan(0x08, 0x01, &snap(0x0800, &line4())),
        wlan(0x88, 0x01, &cat(&[&[0, 0], &snap(0x86dd, &line6())])),
        wlan(0x88, 0x81, &cat(&[&[0, 0, 1, 2, 3, 4], &snap(0x0800, &line4())])),
        wlan(0x08, 0x41, &snap(0x0800, &line4())),
    ];
    for frame in frames {
        let seen = carries(105, &[], &frame);
        assert_eq!((seen.src_mac, seen.dst_mac), (Some(MacAddr(CLIENT_MAC)), Some(MacAddr(SERVER_MAC))));
    }
    let four_addresses =
        cat(&[&[0x08, 0x03, 0, 0], &[1; 6], &[2; 6], &SERVER_MAC, &[0, 0], &CLIENT_MAC, &snap(0x0800, &line4())]);
    assert_eq!(carries(105, &[], &four_addresses).src_mac, Some(MacAddr(CLIENT_MAC)));
}

#[test]
fn wlan_capture_headers() {
    let frame = wlan(0x88, 0x01, &cat(&[&[0, 0], &snap(0x0800, &line4())]));
    // Time stamp, flags (FCS at the end), and a second word of presence bits.
    let radiotap = cat(&[&[0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0], &[0; 8], &[0x10]]);
    carries(127, &radiotap, &cat(&[&frame, &[1, 2, 3, 4]]));
    let padded = cat(&[&frame[..26], &[0, 0], &frame[26..]]);
    carries(127, &[0, 0, 9, 0, 2, 0, 0, 0, 0x20], &padded);
    let bad_fcs = cat(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x50], &frame, &[0; 4]]);
    assert_eq!(reason(127, &bad_fcs).1, "802.11 frame with a bad FCS");
    carries(119, &cat(&[&[0x44, 0, 0, 0, 144, 0, 0, 0], &[0; 136]]), &frame);
    carries(119, &cat(&[&[0, 0, 0, 0x44, 0, 0, 0, 144], &[0; 136]]), &frame);
    carries(163, &cat(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56]]), &frame);
    carries(119, &cat(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56]]), &frame);
    carries(192, &[0, 0, 12, 0, 105, 0, 0, 0, 1, 2, 3, 4], &frame);
    carries(192, &[0, 0, 8, 0, 1, 0, 0, 0], &eth(0x0800, &line4()));
}

#[test]
fn an_aggregate_gives_its_first_subframe_and_names_the_rest() {
    let inner = snap(0x0800, &line4());
    let length = (inner.len() as u16).to_be_bytes();
    let sub = cat(&[&[7; 6], &CLIENT_MAC, &length, &inner]);
    let padding = vec![0; sub.len().next_multiple_of(4) - sub.len()];
    let frame = wlan(0x88, 0x01, &cat(&[&[0x80, 0], &sub, &padding, &sub]));
    let mut rig = Rig::default();
    let seen = rig.feed(105, &frame);
    assert_line(seen.as_ref());
    assert_eq!(seen.unwrap().dst_mac, Some(MacAddr([7; 6])));
    assert_eq!(rig.decoder.health().skipped["A-MSDU subframes after the first"], 1);
}

#[test]
fn unreadable_wlan_frames_are_named() {
    let why = |control, flags, rest: &[u8]| reason(105, &wlan(control, flags, rest)).1;
    assert_eq!(why(0x80, 0, &[0; 40]), "802.11 management frame");
    assert_eq!(why(0xd4, 0, &[]), "802.11 control frame");
    assert_eq!(why(0x48, 1, &[]), "802.11 data frame without data");
    assert_eq!(why(0x88, 0x41, &[0; 40]), "802.11 protected frame");
    assert_eq!(why(0x08, 0x05, &snap(0x0800, &line4())), "802.11 fragment");
}

#[test]
fn nflog_pflog_and_pktap() {
    let value = |kind: u8, v: &[u8]| {
        let padding = vec![0; v.len().next_multiple_of(4) - v.len()];
        (cat(&[&[v.len() as u8 + 4, 0, kind, 0], v, &padding]), cat(&[&[0, v.len() as u8 + 4, 0, kind], v, &padding]))
    };
    let hardware = cat(&[&[0, 6, 0, 0], &CLIENT_MAC, &[0, 0]]);
    let (prefix, mac, ip) = (value(10, b"in\0"), value(8, &hardware), value(9, &line4()));
    let seen = carries(239, &[2, 0, 0, 5], &cat(&[&prefix.0, &mac.0, &ip.0]));
    assert_eq!(seen.src_mac, Some(MacAddr(CLIENT_MAC)));
    carries(239, &[2, 0, 0, 5], &cat(&[&prefix.1, &mac.1, &ip.1]));
    carries(117, &cat(&[&[61, 2], &[0; 62]]), &line4());
    carries(258, &cat(&[&[16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], &[0; 4]]), &eth(0x0800, &line4()));
}

#[test]
fn what_is_not_read_is_counted_by_name() {
    let (health, name) = reason(147, &[1, 2, 3]);
    assert_eq!(name, "link type 147");
    assert_eq!(health.get(Counter::LinkTypeUnknown), 1);
    assert_eq!(health.link_types["link type 147"], 1);
    assert_eq!(reason(195, &[1]).1, "link type 195 IEEE 802.15.4");
    let (health, name) = reason(ETHERNET, &eth(0x88cc, &[2, 7]));
    assert_eq!(name, "ethertype 0x88cc LLDP");
    assert_eq!((health.get(Counter::NotIp), health.link_types["Ethernet"]), (1, 1));
    assert_eq!(reason(ETHERNET, &eth(0x0806, &[0; 28])).1, "ethertype 0x0806 ARP");
    assert_eq!(reason(ETHERNET, &eth(38, &[0x42, 0x42, 3, 0, 0])).1, "LLC SAP 0x42 STP");
    assert_eq!(reason(ETHERNET, &[1, 2, 3]).1, "cut short: Ethernet header");
    let (health, name) = reason(RAW, &v4_between("192.0.2.1", "192.0.2.2", 89, &[0; 8]));
    assert_eq!((name.as_str(), health.get(Counter::OtherPackets)), ("ip protocol 89 OSPFIGP", 1));
}

#[test]
fn counts_survive_more_reasons_and_link_types_than_are_kept_at_hand() {
    let mut rig = Rig::default();
    for round in 0..3u16 {
        for kind in 0..20u16 {
            rig.feed(147 + kind % 12, &[0]);
            rig.feed(ETHERNET, &eth(0x7000 + kind, &[]));
        }
        assert_eq!(rig.count(Counter::Frames), u64::from(round + 1) * 40);
    }
    let health = rig.decoder.finish();
    assert_eq!(health.link_types.values().sum::<u64>(), 120);
    assert_eq!(health.skipped.values().sum::<u64>(), 120);
    assert_eq!(health.skipped["ethertype 0x7007"], 3);
    assert_eq!(rig.count(Counter::Frames), 0, "taken");
}

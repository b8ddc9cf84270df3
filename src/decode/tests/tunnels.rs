use super::*;

/// The line comes out of a tunnel over both outer IP versions, never the outside.
#[track_caller]
fn tunnelled(protocol: u8, payload: &[u8]) -> Seen {
    let mut last = None;
    for outer in [outer_eth(0x0800, &outer4(protocol, payload)), outer_eth(0x86dd, &outer6(protocol, payload))] {
        let mut rig = Rig::default();
        let seen = rig.feed(ETHERNET, &outer);
        assert_line(seen.as_ref());
        assert!(rig.count(Counter::TunnelsPeeled) >= 1);
        assert_eq!(rig.count(Counter::BadChecksum), 0);
        assert_eq!(rig.count(Counter::TcpPackets) + rig.count(Counter::UdpPackets), 1);
        last = seen;
    }
    last.unwrap()
}

fn gre(flags: u16, protocol: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    cat(&[&flags.to_be_bytes(), &protocol.to_be_bytes(), options, payload])
}

#[test]
fn gre_with_every_option_and_payload() {
    tunnelled(47, &gre(0, 0x0800, &[], &line4()));
    tunnelled(47, &gre(0x2000, 0x86dd, &[1; 4], &line6()));
    tunnelled(47, &gre(0xb000, 0x0800, &[1; 12], &line4()));
    let seen = tunnelled(47, &gre(0, 0x6558, &[], &eth(0x0800, &line4())));
    assert_eq!(seen.src_mac, Some(MacAddr(CLIENT_MAC)));
    tunnelled(47, &gre(0, 0x880b, &[], &cat(&[&[0xff, 3, 0, 0x21], &line4()])));
    tunnelled(47, &gre(0, 0x8847, &[], &cat(&[&[0, 1, 1, 9], &line6()])));
    tunnelled(47, &gre(0, 0x883e, &[0, 0, 0, 1], &line4()));
    tunnelled(47, &gre(0, 0x883e, &[], &line4()));
    let radio =
        cat(&[&[8, 1, 0, 0], &[2; 6], &CLIENT_MAC, &SERVER_MAC, &[0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &line4()]);
    tunnelled(47, &gre(0, 0x8240, &[], &radio));
    // PPTP: key and sequence number, with and without an acknowledgement.
    let ppp = cat(&[&[0xff, 3, 0, 0x21], &line4()]);
    tunnelled(47, &gre(0x3001, 0x880b, &[1; 8], &ppp));
    tunnelled(47, &gre(0x3081, 0x880b, &[1; 12], &ppp));
    assert_eq!(reason(RAW, &outer4(47, &gre(0x2081, 0x880b, &[1; 8], &[]))).1, "PPTP acknowledgement");
    assert_eq!(reason(RAW, &outer4(47, &gre(0x4000, 0x0800, &[1; 8], &line4()))).1, "GRE with source routing");
}

#[test]
fn erspan_of_every_type() {
    let frame = eth(0x0800, &line4());
    assert_eq!(tunnelled(47, &gre(0, 0x88be, &[], &frame)).tenant, Tenant::None);
    let two = [0x10, 30, 0x08, 77, 0, 0, 0, 9];
    for (flags, options) in [(0x1000, &[0, 0, 0, 5][..]), (0, &[])] {
        let seen = tunnelled(47, &gre(flags, 0x88be, options, &cat(&[&two, &frame])));
        assert_eq!((seen.tenant, seen.vlan), (Tenant::Erspan(77), Some(30)));
        assert_eq!(seen.src_mac, Some(MacAddr(CLIENT_MAC)));
    }
    let three = [0x20, 31, 0x08, 78, 0, 0, 0, 1, 0, 0, 0, 0];
    let seen = tunnelled(47, &gre(0x1000, 0x22eb, &[0; 4], &cat(&[&three, &frame])));
    assert_eq!((seen.tenant, seen.vlan), (Tenant::Erspan(78), Some(31)));
    let mut with_platform = three.to_vec();
    with_platform[11] = 1;
    tunnelled(47, &gre(0x1000, 0x22eb, &[0; 4], &cat(&[&with_platform, &[5; 8], &frame])));
    let mut of_ip = three.to_vec();
    of_ip[10] = 2 << 2;
    tunnelled(47, &gre(0x1000, 0x22eb, &[0; 4], &cat(&[&of_ip, &line6()])));
    // A tag still in the mirrored frame is the truer one.
    let tagged = eth(0x8100, &cat(&[&[0, 40, 8, 0], &line4()]));
    assert_eq!(tunnelled(47, &gre(0x1000, 0x88be, &[0; 4], &cat(&[&two, &tagged]))).vlan, Some(40));
}

#[test]
fn an_untagged_mirrored_frame_keeps_the_vlan_it_travelled_in_only_without_its_own() {
    let inner = gre(0, 0x6558, &[], &eth(0x8100, &cat(&[&[0, 40, 8, 0], &line4()])));
    let frame = outer_eth(0x8100, &cat(&[&[0, 9, 8, 0], &outer4(47, &inner)]));
    assert_eq!(decode(ETHERNET, &frame).unwrap().vlan, Some(40));
    let inner = gre(0, 0x6558, &[], &eth(0x0800, &line4()));
    let frame = outer_eth(0x8100, &cat(&[&[0, 9, 8, 0], &outer4(47, &inner)]));
    assert_eq!(decode(ETHERNET, &frame).unwrap().vlan, Some(9));
}

fn vxlan(id: u8, frame: &[u8]) -> Vec<u8> {
    udp(55555, 4789, &cat(&[&[8, 0, 0, 0, 0, 0, id, 0], frame]))
}

#[test]
fn vxlan_and_its_kin() {
    let frame = eth(0x86dd, &line6());
    assert_eq!(tunnelled(17, &vxlan(42, &frame)).tenant, Tenant::Vxlan(42));
    // Reserved bits do not hide a tunnel from its receiver, so they must not hide it from us.
    tunnelled(17, &udp(55555, 4789, &cat(&[&[0x0f, 1, 2, 3, 0, 0, 42, 9], &frame])));
    tunnelled(17, &udp(55555, 8472, &cat(&[&[0x88, 0, 0, 3, 0, 0, 42, 0], &frame])));
    let gpe = |next: u8, payload: &[u8]| udp(5, 4790, &cat(&[&[0x0c, 0, 0, next, 0, 0, 43, 0], payload]));
    assert_eq!(tunnelled(17, &gpe(1, &line4())).tenant, Tenant::Vxlan(43));
    tunnelled(17, &gpe(2, &line6()));
    tunnelled(17, &gpe(3, &frame));
    tunnelled(17, &gpe(4, &cat(&[&[0, 2, 2, 1, 0, 0, 0, 1], &line4()])));
}

#[test]
fn geneve_with_options() {
    let geneve = |first: u8, kind: u16, rest: &[u8]| {
        udp(5, 6081, &cat(&[&[first, 0], &kind.to_be_bytes(), &[0, 1, 0, 0], rest]))
    };
    assert_eq!(tunnelled(17, &geneve(0, 0x6558, &eth(0x0800, &line4()))).tenant, Tenant::Geneve(256));
    tunnelled(17, &geneve(2, 0x86dd, &cat(&[&[9; 8], &line6()])));
    tunnelled(17, &geneve(0, 0x0800, &line4()));
}

#[test]
fn ip_in_ip_in_all_four_ways() {
    tunnelled(4, &line4());
    tunnelled(41, &line6());
    tunnelled(137, &cat(&[&[0, 1, 1, 9], &line4()]));
    tunnelled(97, &cat(&[&[0x30, 0], &eth(0x0800, &line4())]));
}

#[test]
fn gtp_user_plane_with_extension_headers() {
    let gtp = |flags: u8, options: &[u8], ip: &[u8]| {
        let length = (options.len() + ip.len()) as u16;
        udp(2152, 2152, &cat(&[&[flags, 255], &length.to_be_bytes(), &[0, 0, 0, 1], options, ip]))
    };
    tunnelled(17, &gtp(0x30, &[], &line4()));
    tunnelled(17, &gtp(0x32, &[0, 1, 0, 0], &line6()));
    tunnelled(17, &gtp(0x34, &[0, 0, 0, 0x85, 1, 0, 9, 0x85, 1, 0, 9, 0], &line4()));
    // An echo request is no user's packet.
    let echo = udp(2152, 2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(decode(RAW, &outer4(17, &echo)).unwrap().ports(), (2152, 2152));
}

#[test]
fn teredo_l2tp_and_tzsp() {
    tunnelled(17, &udp(40000, 3544, &line6()));
    tunnelled(17, &udp(3544, 40000, &cat(&[&[0, 0, 1, 2, 3, 4, 5, 6], &line6()])));
    tunnelled(17, &udp(40000, 3544, &cat(&[&[0, 1, 0, 0], &[0; 9], &[0, 0, 1, 2, 3, 4, 5, 6], &line6()])));
    let ppp = cat(&[&[0xff, 3, 0, 0x21], &line4()]);
    tunnelled(17, &udp(1701, 1701, &cat(&[&[0, 2, 0, 1, 0, 2], &ppp])));
    let length = (ppp.len() as u16 + 12).to_be_bytes();
    tunnelled(17, &udp(1701, 1701, &cat(&[&[0x48, 2], &length, &[0, 1, 0, 2, 0, 1, 0, 1], &ppp])));
    tunnelled(17, &udp(5, 37008, &cat(&[&[1, 0, 0, 1, 0, 10, 1, 200, 1], &eth(0x0800, &line4())])));
}

#[test]
fn lisp_and_mpls_and_gre_in_udp() {
    for ip in [line4(), line6()] {
        tunnelled(17, &udp(40000, 4341, &cat(&[&[0xc0, 1, 2, 3, 0, 0, 0, 1], &ip])));
        tunnelled(17, &udp(40000, 6635, &cat(&[&[0, 1, 0, 64, 0, 2, 1, 64], &ip])));
        let kind = if ip[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] };
        tunnelled(17, &udp(40000, 4754, &cat(&[&[0, 0], &kind, &ip])));
        tunnelled(17, &udp(40000, 4754, &cat(&[&[0x20, 0], &kind, &[0, 0, 0, 7], &ip])));
    }
    tunnelled(17, &udp(40000, 4754, &cat(&[&[0, 0, 0x65, 0x58], &eth(0x0800, &line4())])));
    for port in [4341, 4754, 6635] {
        let seen = decode(RAW, &outer4(17, &udp(5, port, b"plain text of some service"))).unwrap();
        assert_eq!(seen.ports(), (5, port));
    }
}

#[test]
fn what_lies_behind_the_packet_in_udp_is_no_reason_to_leave_it_closed() {
    let mut summed4 = line4();
    let words = summed4[..20].chunks_exact(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])));
    let sum: u32 = words.sum();
    summed4[10..12].copy_from_slice(&(!(sum + (sum >> 16)) as u16).to_be_bytes());
    for behind in [&[0][..], &[0; 46], b"trailer"] {
        for ip in [summed4.clone(), line6()] {
            let v4 = ip[0] >> 4 == 4;
            let kind = if v4 { [0x08, 0x00] } else { [0x86, 0xdd] };
            for (port, header) in
                [(4341, &[0, 0, 0, 0, 0, 0, 0, 1][..]), (6635, &[0, 2, 1, 64]), (4754, &[0, 0, kind[0], kind[1]])]
            {
                let padded = udp(5, port, &cat(&[header, &ip, behind]));
                if v4 || behind.iter().all(|b| *b == 0) {
                    tunnelled(17, &padded);
                }
                // What only looks a little like a packet is none.
                let mut other = cat(&[header, &ip, behind]);
                other[header.len() + if v4 { 10 } else { 6 }] ^= 0x80;
                assert_eq!(decode(RAW, &outer4(17, &udp(5, port, &other))).unwrap().ports(), (5, port));
            }
        }
    }
}

#[test]
fn a_lisp_instance_keeps_equal_addresses_apart() {
    let tenant = |flags: u8, id: u8| {
        let lisp = udp(40000, 4341, &cat(&[&[flags, 1, 2, 3, 0, 1, id, 0xff], &line4()]));
        decode(RAW, &outer4(17, &lisp)).unwrap().tenant
    };
    assert_eq!(tenant(0x88, 2), Tenant::Lisp(0x0102));
    assert_eq!(tenant(0x08, 3), Tenant::Lisp(0x0103));
    // Without the bit they are locators' states.
    assert_eq!(tenant(0xc0, 2), Tenant::None);
}

#[test]
fn a_tunnel_port_without_the_tunnel_is_plain_udp() {
    for (port, text) in
        [(4789, &b"hello, this is no VXLAN"[..]), (6081, b"GET / HTTP/1.1"), (2152, b"0123456789abcdef")]
    {
        let seen = decode(RAW, &outer4(17, &udp(5, port, text))).unwrap();
        assert_eq!((seen.ports(), seen.payload.as_slice()), ((5, port), text));
    }
    // 3544, 1701 and 37008 answered by ordinary text.
    for port in [3544, 1701, 37008, 4790, 8472] {
        let seen = decode(RAW, &outer4(17, &udp(5, port, b"plain text of some service"))).unwrap();
        assert_eq!(seen.ports(), (5, port));
    }
}

#[test]
fn the_innermost_overlay_is_the_tenant() {
    let inner = outer_eth(0x0800, &outer4(17, &vxlan(7, &eth(0x0800, &line4()))));
    let frame = outer_eth(0x0800, &outer4(17, &vxlan(42, &inner)));
    assert_eq!(decode(ETHERNET, &frame).unwrap().tenant, Tenant::Vxlan(7));
    let plain_inside = outer_eth(0x0800, &outer4(17, &vxlan(42, &outer_eth(0x0800, &outer4(4, &line4())))));
    assert_eq!(decode(ETHERNET, &plain_inside).unwrap().tenant, Tenant::Vxlan(42));
    assert_eq!(Rig::with(TenantMode::None).feed(ETHERNET, &frame).unwrap().tenant, Tenant::None);
    assert_eq!(Rig::with(TenantMode::Vlan).feed(ETHERNET, &frame).unwrap().tenant, Tenant::Vxlan(7));
}

#[test]
fn nesting_is_opened_eight_deep_and_then_counted() {
    let nest = |depth: usize| (0..depth).fold(line4(), |inner, _| outer4(4, &inner));
    assert_line(decode(RAW, &nest(8)).as_ref());
    let (health, name) = reason(RAW, &nest(9));
    assert_eq!(name, "tunnels or tags nested too deep");
    assert_eq!((health.get(Counter::TunnelTooDeep), health.get(Counter::TunnelsPeeled)), (1, 8));
    let bomb = (0..60).fold(line4(), |inner, _| outer4(47, &gre(0, 0x0800, &[], &inner)));
    assert_eq!(reason(RAW, &bomb).1, "tunnels or tags nested too deep");
    // Layers that are no tunnels are bounded as well.
    let turtles = (0..1000).fold(eth(0x0800, &line4()), |inner, _| eth(0x88e7, &cat(&[&[0; 4], &inner])));
    assert_eq!(reason(ETHERNET, &turtles).1, "tunnels or tags nested too deep");
}

#[test]
fn a_packet_quoted_by_an_icmp_error_never_comes_out() {
    let quoted = cat(&[&[3, 3, 0, 0, 0, 0, 0, 0], &line4()]);
    for frame in [outer4(1, &quoted), outer6(58, &cat(&[&[1, 4, 0, 0, 0, 0, 0, 0], &line6()]))] {
        let mut rig = Rig::default();
        assert!(rig.feed(RAW, &frame).is_none());
        assert_eq!((rig.count(Counter::IcmpPackets), rig.count(Counter::TcpPackets)), (1, 0));
        assert!(rig.decoder.health().skipped.is_empty());
    }
}

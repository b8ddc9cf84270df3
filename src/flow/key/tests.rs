use std::net::IpAddr;

use super::*;
use crate::capture::FrameRef;
use crate::decode::TcpFlags;

fn packet(src: &str, src_port: u16, dst: &str, dst_port: u16, tcp: bool) -> Packet<'static> {
    let transport = if tcp {
        Transport::Tcp { src_port, dst_port, seq: 0, ack: 0, window: 0, flags: TcpFlags::default() }
    } else {
        Transport::Udp { src_port, dst_port }
    };
    Packet {
        at: FrameRef::default(),
        time: PacketTime::ZERO,
        tenant: Tenant::None,
        outer: None,
        vlan: None,
        src_mac: None,
        dst_mac: None,
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        ip_id: 0,
        transport,
        payload: &[],
        wire_payload_len: 0,
        wire_ip_len: 40,
    }
}

/// The published baseline of the Community ID specification.
#[test]
fn community_id_is_the_one_other_tools_print() {
    for (src, sport, dst, dport, tcp, id) in [
        ("128.232.110.120", 34855, "66.35.250.204", 80, true, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        ("192.168.1.52", 54585, "8.8.8.8", 53, false, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        (
            "2001:470:e5bf:dead:4957:2174:e82c:4887",
            63943,
            "2607:f8b0:400c:c03::1a",
            25,
            true,
            "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
        ),
    ] {
        let (there, way) = FlowKey::of(&packet(src, sport, dst, dport, tcp));
        let (back, way_back) = FlowKey::of(&packet(dst, dport, src, sport, tcp));
        assert_eq!(there.community_id(), id);
        assert_eq!(there, back);
        assert_eq!(way, way_back.reverse());
    }
}

#[test]
fn ends_are_told_apart_by_direction() {
    let (key, way) = FlowKey::of(&packet("198.51.100.7", 40000, "192.0.2.1", 3333, true));
    assert_eq!(key.source(way).to_string(), "198.51.100.7:40000");
    assert_eq!(key.destination(way).to_string(), "192.0.2.1:3333");
    assert_eq!(key.proto(), 6);
    assert!(key.is_tcp());
}

#[test]
fn a_packet_to_itself_has_a_key_too() {
    let (key, way) = FlowKey::of(&packet("192.0.2.1", 7, "192.0.2.1", 7, false));
    assert_eq!(key.source(way), key.destination(way));
}

#[test]
fn tenants_and_protocols_keep_equal_addresses_apart() {
    let base = packet("192.0.2.1", 1, "192.0.2.2", 2, true);
    let tenants =
        [Tenant::None, Tenant::Vlan(5), Tenant::Vxlan(5), Tenant::Geneve(5), Tenant::Erspan(5), Tenant::Lisp(5)];
    let hasher = FlowHasher::new();
    let mut keys = vec![FlowKey::of(&packet("192.0.2.1", 1, "192.0.2.2", 2, false)).0];
    keys.extend(tenants.map(|tenant| FlowKey::of(&Packet { tenant, ..base }).0));
    for (i, a) in keys.iter().enumerate() {
        for b in keys.iter().skip(i + 1) {
            assert_ne!(a, b);
            assert_ne!(hasher.flow(a), hasher.flow(b));
            assert_ne!(a.flow_id(PacketTime::ZERO), b.flow_id(PacketTime::ZERO));
        }
    }
}

#[test]
fn pair_hash_ignores_order_and_ports_but_not_tenant() {
    let h = FlowHasher::new();
    for (a, b) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2"), ("192.0.2.1", "2001:db8::2")] {
        let (a, b): (IpAddr, IpAddr) = (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(h.pair(Tenant::None, a, b), h.pair(Tenant::None, b, a));
        assert_ne!(h.pair(Tenant::None, a, b), h.pair(Tenant::Vlan(1), a, b));
        assert_eq!(h.pair(Tenant::None, a, b), h.clone().pair(Tenant::None, a, b));
    }
}

#[test]
fn flow_id_is_stable_and_exact_in_javascript() {
    let (key, _) = FlowKey::of(&packet("192.0.2.1", 1, "192.0.2.2", 2, true));
    let first = PacketTime::from_parts(1_700_000_000, 0);
    assert!(key.flow_id(first) < 1 << 53);
    assert_ne!(key.flow_id(first), key.flow_id(first.plus(std::time::Duration::from_nanos(1))));
    // Computed apart from this code: what was printed once must be printed for ever.
    assert_eq!(key.flow_id(first), 8_941_604_351_322_200);
}

#[test]
fn a_key_is_compact() {
    assert!(size_of::<FlowKey>() <= 48, "{}", size_of::<FlowKey>());
}

#[test]
fn ends_come_out_as_they_went_in() {
    for (src, dst) in [
        ("192.0.2.1", "198.51.100.7"),
        ("2001:db8::1", "2001:db8:ffff::2"),
        // A sender with an address of the other family: nonsense, and its own all the same.
        ("::1", "192.0.2.1"),
        ("255.255.255.255", "::"),
    ] {
        for (tenant, tcp) in [(Tenant::None, true), (Tenant::Vlan(4094), false), (Tenant::Geneve(0xff_ffff), true)] {
            let there = Packet { tenant, ..packet(src, 65535, dst, 1, tcp) };
            let (key, way) = FlowKey::of(&there);
            assert_eq!((key.source(way).ip(), key.source(way).port()), (there.src, 65535));
            assert_eq!((key.destination(way).ip(), key.destination(way).port()), (there.dst, 1));
            assert_eq!((key.tenant(), key.is_tcp()), (tenant, tcp));
        }
    }
    let (v4, _) = FlowKey::of(&packet("0.0.0.1", 1, "0.0.0.2", 1, true));
    let (v6, _) = FlowKey::of(&packet("::1", 1, "::2", 1, true));
    assert_ne!(v4, v6);
}

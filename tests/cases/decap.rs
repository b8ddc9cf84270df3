//! capture-decap: what stands between a frame and the conversation in it.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;

use crate::kit::capture::Capture;
use crate::kit::carriage::Carriage;
use crate::kit::dialogue::Side;
use crate::kit::file::{Format, write};
use crate::kit::mangle;
use crate::kit::wire::{self, GATEWAY, ether_type, ethernet, ipv4, proto};
use crate::said::{AUTHORIZE, AUTHORIZED, NOTIFY, SUBMIT, SUBMITTED, SUBSCRIBE, SUBSCRIBED, bitcoin, monero};
use crate::scene::{OUTER, Run, Scene, Words, run_bytes};

const POOL: &str = "198.51.100.5:3333";
const POOL_V6: &str = "[2001:db8:9::5]:3333";
const HOST_V6: &str = "2001:db8:5::5";

fn carried(carriage: &Carriage) -> Run {
    let mut scene = Scene::new();
    scene.carry("10.0.0.5", POOL, &bitcoin(), carriage);
    scene.run()
}

/// The inner conversation is found, whole, and nothing of the outer one is anywhere.
fn whole<'a>(run: &'a Run, host: &str) -> &'a Value {
    let flow = run.confirmed();
    assert_eq!((&flow["src_ip"], &flow["one_way"]), (&host.into(), &false.into()));
    assert_eq!((&flow["shares"]["accepted"], &flow["handshake_verified"]), (&1.into(), &true.into()));
    let out = String::from_utf8_lossy(&run.out);
    for outer in OUTER {
        assert!(!out.contains(&outer.to_string()), "{outer} is in the output");
        assert!(run.lists.values().all(|l| !l.contains(&outer.to_string())), "{outer} is in a list");
    }
    flow
}

fn plain_frame(packet: &[u8]) -> Vec<u8> {
    ethernet(GATEWAY, [2, 0x4d, 1, 2, 3, 4], ether_type(packet), packet)
}

/// An IPv4 packet between the tunnel's ends, in a frame.
fn outer(side: Side, protocol: u8, n: u32, body: &[u8]) -> Vec<u8> {
    let (a, b) = if side == Side::Client { (OUTER[0], OUTER[1]) } else { (OUTER[1], OUTER[0]) };
    plain_frame(&ipv4(a, b, protocol, n as u16, body))
}

fn outer_udp(port: (u16, u16), n: u32, body: &[u8]) -> Vec<u8> {
    let at = |i: usize, port| SocketAddr::new(OUTER[i].into(), port);
    plain_frame(&wire::udp(at(0, port.0), at(1, port.1), n as u16, body))
}

fn wrapped(wrap: impl FnMut(&[u8], Side, u32) -> Vec<u8>) -> Run {
    wrapped_for("10.0.0.5", POOL, wrap)
}

fn wrapped_for(client: &str, server: &str, mut wrap: impl FnMut(&[u8], Side, u32) -> Vec<u8>) -> Run {
    let mut scene = Scene::new();
    scene.wrapped(client, server, &bitcoin(), |packet, side, n| vec![wrap(packet, side, n)]);
    scene.run()
}

#[test]
fn cd01_a_vlan_for_each_direction_is_one_flow() {
    let run = carried(&Carriage::Vlan(vec![100], vec![200]));
    let flow = whole(&run, "10.0.0.5");
    assert_eq!(flow["vlans"], serde_json::json!([100, 200]));
    assert_eq!((run.count("flows"), run.of("miner_flow").len()), (1, 1));
    assert_eq!(run.blocked(), [POOL]);
}

#[test]
fn cd01_sibling_vlans_keep_equal_addresses_apart_on_request() {
    let mut scene = Scene::new();
    for vlan in [100, 200] {
        let carriage = Carriage::Vlan(vec![vlan], vec![vlan]);
        scene.carry("10.0.0.5:40000", POOL, &bitcoin(), &carriage);
    }
    let run = scene.run_with(&["--tenant", "vlan"]);
    let mut tenants: Vec<_> = run.miners().iter().map(|f| f["tenant"].as_str().unwrap().to_owned()).collect();
    tenants.sort();
    assert_eq!(tenants, ["vlan:100", "vlan:200"]);
}

#[test]
fn cd01_sibling_qinq_and_a_priority_tag() {
    whole(&carried(&Carriage::Vlan(vec![10, 100], vec![10, 200])), "10.0.0.5");
    whole(&carried(&Carriage::Vlan(vec![1, 2, 3], vec![1, 2, 3])), "10.0.0.5");
    whole(&carried(&Carriage::Vlan(vec![0x6000], vec![0x6000])), "10.0.0.5");
    // The double tag of old switches.
    let run = wrapped(|p, _, _| {
        let mut f = plain_frame(p);
        f.splice(12..12, [0x91, 0, 0, 7, 0x81, 0, 0, 100]);
        f
    });
    whole(&run, "10.0.0.5");
}

#[test]
fn cd03_vxlan_shows_the_inner_addresses_only() {
    let run = carried(&Carriage::Vxlan(42));
    let flow = whole(&run, "10.0.0.5");
    assert_eq!(flow["tenant"], "vxlan:42");
    assert_eq!(run.of("miner_host")[0]["tenant"], "vxlan:42");
    assert_eq!(run.blocked(), [POOL]);
}

#[test]
fn cd03_sibling_equal_addresses_in_two_networks_are_two_hosts() {
    let mut scene = Scene::new();
    scene.carry("10.0.0.5:40000", POOL, &bitcoin(), &Carriage::Vxlan(1));
    scene.carry("10.0.0.5:40000", POOL, &monero(), &Carriage::Vxlan(2));
    let run = scene.run();
    let hosts = run.of("miner_host");
    assert_eq!(hosts.iter().map(|h| &h["tenant"]).collect::<Vec<_>>(), ["vxlan:1", "vxlan:2"]);
    assert!(run.miners().iter().all(|f| f["verdict"] == "confirmed"), "{:#?}", run.miners());
}

#[test]
fn cd03_sibling_vxlan_of_one_direction_alarms_and_blocks_nothing() {
    let mut scene = Scene::new();
    let talk = scene.talk("10.0.0.5", POOL);
    let segments = mangle::one_way(scene.segments(&talk, &bitcoin()), Side::Client);
    scene.put(&talk, &segments, &Carriage::Vxlan(42));
    let run = scene.run();
    assert_eq!(run.attempt()["one_way"], true);
    assert_eq!(run.refused(POOL), ["one-way"]);
}

#[test]
fn cd03_sibling_geneve_with_options_and_without_ethernet() {
    let run = carried(&Carriage::Geneve(7));
    assert_eq!(whole(&run, "10.0.0.5")["tenant"], "geneve:7");
    // Many options, one of them critical; IP directly inside.
    let options =
        [&[0x01, 0x08, 0x01, 0x03][..], &[9; 12], &[0xff, 0xff, 0x85, 0x1f], &[8; 124], &[1, 1, 1, 0]].concat();
    let run = wrapped(|p, _, n| {
        let mut head = vec![(options.len() / 4) as u8, 0x40, 0x08, 0, 0, 0, 9, 0];
        head.extend_from_slice(&options);
        outer_udp((51_000, 6081), n, &[&head, p].concat())
    });
    assert_eq!(whole(&run, "10.0.0.5")["tenant"], "geneve:9");
}

#[test]
fn cd03_sibling_vxlan_in_gre_and_vxlan_in_ipv6() {
    let vxlan = |p: &[u8], n: u32| {
        let inner = [&[8, 0, 0, 0, 0, 0, 5, 0][..], &plain_frame(p)].concat();
        let (a, b) = ("10.9.0.1:50000".parse().unwrap(), "10.9.0.2:4789".parse().unwrap());
        wire::udp(a, b, n as u16, &inner)
    };
    let run = wrapped(|p, side, n| outer(side, proto::GRE, n, &[&[0, 0, 8, 0][..], &vxlan(p, n)].concat()));
    assert_eq!(whole(&run, "10.0.0.5")["tenant"], "vxlan:5");
    let run = wrapped(|p, _, n| {
        let (a, b) = ("[2001:db8:99::1]:50000".parse().unwrap(), "[2001:db8:99::2]:4789".parse().unwrap());
        plain_frame(&wire::udp(a, b, n as u16, &[&[8, 0, 0, 0, 0, 0, 6, 0][..], &plain_frame(p)].concat()))
    });
    assert_eq!(whole(&run, "10.0.0.5")["tenant"], "vxlan:6");
}

#[test]
fn cd05_erspan_ii_both_directions() {
    let run = carried(&Carriage::Erspan2(11));
    let flow = whole(&run, "10.0.0.5");
    assert_eq!(flow["tenant"], "erspan:11");
    let plain = carried(&Carriage::Plain);
    let counts = |f: &Value| (f["packets"].clone(), f["bytes"].clone());
    assert_eq!(counts(flow), counts(plain.confirmed()), "both directions are counted");
}

#[test]
fn cd05_sibling_erspan_iii_i_and_gre_of_every_kind() {
    assert_eq!(whole(&carried(&Carriage::Erspan3(12)), "10.0.0.5")["tenant"], "erspan:12");
    // Type I has no header of its own and no sequence number.
    let run =
        wrapped(|p, _, n| outer(Side::Client, proto::GRE, n, &[&[0, 0, 0x88, 0xbe][..], &plain_frame(p)].concat()));
    whole(&run, "10.0.0.5");
    // Type II from an exporter that leaves the sequence number out.
    let run = wrapped(|p, _, n| {
        let head = [0, 0, 0x88, 0xbe, 0x10, 0x64, 0x18, 0x0b, 0, 0, 0, 1];
        outer(Side::Client, proto::GRE, n, &[&head[..], &plain_frame(p)].concat())
    });
    whole(&run, "10.0.0.5");
    whole(&carried(&Carriage::Gre), "10.0.0.5");
    // A key alone; checksum, key and sequence; a whole frame.
    let run = wrapped(|p, side, n| outer(side, proto::GRE, n, &[&[0x20, 0, 8, 0, 0, 0, 0, 77][..], p].concat()));
    whole(&run, "10.0.0.5");
    let run = wrapped(|p, side, n| {
        let head = [&[0xb0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 77][..], &n.to_be_bytes()].concat();
        outer(side, proto::GRE, n, &[&head, p].concat())
    });
    whole(&run, "10.0.0.5");
    let run = wrapped(|p, side, n| outer(side, proto::GRE, n, &[&[0, 0, 0x65, 0x58][..], &plain_frame(p)].concat()));
    whole(&run, "10.0.0.5");
}

#[test]
fn cd_sibling_ip_in_ip_6in4_gtp_u_and_teredo() {
    whole(&carried(&Carriage::IpIp), "10.0.0.5");
    whole(&carried(&Carriage::GtpU(0x1234)), "10.0.0.5");
    let mut scene = Scene::new();
    scene.carry(HOST_V6, POOL_V6, &bitcoin(), &Carriage::SixInFour);
    whole(&scene.run(), HOST_V6);
    let run = wrapped_for(HOST_V6, POOL_V6, |p, _, n| outer_udp((50_000, 3544), n, p));
    whole(&run, HOST_V6);
    // With authentication and origin indication before it.
    let run = wrapped_for(HOST_V6, POOL_V6, |p, _, n| {
        let head = [&[0, 1, 0, 0][..], &[7; 8], &[0], &[0, 0], &[1; 6]].concat();
        outer_udp((3544, 50_000), n, &[&head, p].concat())
    });
    whole(&run, HOST_V6);
    // GTP-U with an extension header (a PDU session container) as 5G sends it.
    let run = wrapped(|p, _, n| {
        let mut head = vec![0x34, 0xff];
        head.extend_from_slice(&(p.len() as u16 + 8).to_be_bytes());
        head.extend_from_slice(&[0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0x10, 9, 0]);
        outer_udp((2152, 2152), n, &[&head, p].concat())
    });
    whole(&run, "10.0.0.5");
}

#[test]
fn cd_sibling_mpls_pseudowires_and_pppoe() {
    whole(&carried(&Carriage::Mpls), "10.0.0.5");
    whole(&carried(&Carriage::Pppoe), "10.0.0.5");
    let label = ((16_100_u32 << 12) | (1 << 8) | 64).to_be_bytes();
    for control in [&[0, 0, 0, 0][..], &[]] {
        let run =
            wrapped(|p, _, _| ethernet(GATEWAY, [2; 6], 0x8847, &[&label[..], control, &plain_frame(p)].concat()));
        whole(&run, "10.0.0.5");
    }
    let mut scene = Scene::new();
    scene.carry(HOST_V6, POOL_V6, &bitcoin(), &Carriage::Pppoe);
    whole(&scene.run(), HOST_V6);
    // PPPoE in a VLAN, as access networks have it.
    let run = wrapped(|p, _, _| {
        let mut head = vec![0x81, 0, 0, 35, 0x88, 0x64, 0x11, 0, 0, 9];
        head.extend_from_slice(&(p.len() as u16 + 2).to_be_bytes());
        head.extend_from_slice(&[0, 0x21]);
        [&GATEWAY[..], &[2; 6], &head, p].concat()
    });
    whole(&run, "10.0.0.5");
}

#[test]
fn cd_sibling_a_tunnel_in_a_tunnel_without_end_is_counted_and_let_be() {
    let mut scene = Scene::new();
    scene.wrapped("10.0.0.5", POOL, &bitcoin(), |p, side, n| {
        let mut packet = p.to_vec();
        for _ in 0..40 {
            packet = ipv4(OUTER[0], OUTER[1], proto::IPIP, n as u16, &packet);
        }
        vec![outer(side, proto::IPIP, n, &packet)]
    });
    let run = scene.run();
    run.silent();
    assert!(run.count("tunnel_too_deep") > 0);
    assert_eq!(run.warned("nest tunnels"), 1);
}

/// Changes every packet before it is framed.
fn changed(client: &str, server: &str, words: &Words, change: impl Fn(&mut Vec<u8>, Side, bool)) -> Scene {
    let mut scene = Scene::new();
    let talk = scene.talk(client, server);
    for s in scene.segments(&talk, words) {
        let mut packet = Capture::packet(&talk, &s);
        change(&mut packet, s.side, !s.payload.is_empty());
        scene.packet(s.at, &packet, s.side, talk.client.ip(), &Carriage::Plain);
    }
    scene
}

#[test]
fn cd07_total_length_zero() {
    let scene = changed("10.0.0.5", POOL, &bitcoin(), |packet, _, data| {
        if data {
            wire::zero_length(packet);
        }
    });
    let run = scene.run();
    whole(&run, "10.0.0.5");
    assert!(run.count("length_zero") > 0);
}

#[test]
fn cd07_sibling_ipv6_length_zero_and_segments_beyond_the_mtu() {
    let scene = changed(HOST_V6, POOL_V6, &bitcoin(), |packet, _, data| {
        if data {
            packet[4..6].fill(0);
        }
    });
    whole(&scene.run(), HOST_V6);
    // Receive offload: twenty kilobytes in one segment, the share among them.
    let mut scene = Scene::new();
    let mut talk = scene.talk("10.0.0.5", POOL);
    talk.mss = 60_000;
    let words = Words::new()
        .c(SUBSCRIBE)
        .s(SUBSCRIBED)
        .c(AUTHORIZE)
        .s([&[AUTHORIZED], &[NOTIFY; 50][..]].concat().concat())
        .c(SUBMIT)
        .s(SUBMITTED);
    let segments = scene.segments(&talk, &words);
    assert!(segments.iter().any(|s| s.payload.len() > 15_000));
    scene.put(&talk, &segments, &Carriage::Plain);
    assert_eq!(whole(&scene.run(), "10.0.0.5")["jobs"], 50);
}

#[test]
fn cd09_a_short_snaplen_counts_warns_and_claims_nothing() {
    let mut scene = Scene::new();
    // The frame has 66 bytes before the payload, so that 30 of it are left: up to "mining.subsc.
    let line = format!(r#"{{"id":1,"method":"mining.subscribe","params":["{}"]}}"#, "x".repeat(185)) + "\n";
    scene.play("10.0.0.5", POOL, &Words::new().c(line).s(SUBSCRIBED));
    let bytes = write(Format::USUAL, &scene.sorted(), 96);
    let cut = br#"{"id":1,"method":"mining.subsc"#;
    assert!(bytes.windows(cut.len() + 1).any(|w| w.starts_with(cut) && w[cut.len()] != b'r'));
    let run = run_bytes(&bytes, &[]);
    assert_eq!(run.count("flows"), 1);
    assert!(run.count("frames_truncated") > 0);
    assert_eq!(run.warned("truncated (snaplen 96)"), 1);
    run.silent();
    assert_eq!(run.code, 0, "a short snaplen is no damage");
}

#[test]
fn cd09_sibling_snaplens_from_nothing_to_all() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    for snaplen in [14, 34, 54, 60, 68, 96, 128, 160, 200, 256] {
        let run = run_bytes(&write(Format::USUAL, &scene.sorted(), snaplen), &[]);
        assert_eq!(run.count("frames"), scene.records.len() as u64);
        assert!(run.code <= 1, "{snaplen}: {}", run.err);
        assert!(run.count("frames_truncated") > 0, "{snaplen}");
        if snaplen >= 200 {
            // The requests fit, the jobs do not.
            assert_eq!(run.miners().len(), 1, "{snaplen}");
        }
    }
}

/// Puts one conversation, the data segments of which `cut` makes into other packets.
fn cut(client: &str, server: &str, words: &Words, cut: impl Fn(&[u8], u32) -> Vec<Vec<u8>>) -> Scene {
    let mut scene = Scene::new();
    let talk = scene.talk(client, server);
    for (s, n) in scene.segments(&talk, words).iter().zip(0..) {
        let packet = Capture::packet(&talk, s);
        let pieces = if s.payload.is_empty() { vec![packet] } else { cut(&packet, n) };
        for piece in pieces {
            scene.packet(s.at, &piece, s.side, talk.client.ip(), &Carriage::Plain);
        }
    }
    scene
}

#[test]
fn cd11_a_line_in_two_fragments() {
    let words = Words::new().c(SUBSCRIBE);
    let run = cut("10.0.0.5", POOL, &words, |p, n| wire::fragments(p, 48, n)).run();
    assert!(run.count("fragments") >= 2);
    assert_eq!(run.attempt()["stage"], "attempt");
    let run = cut("10.0.0.5", POOL, &bitcoin(), |p, n| wire::fragments(p, 48, n)).run();
    whole(&run, "10.0.0.5");
    assert_eq!(run.count("fragments_dropped"), 0);
}

#[test]
fn cd11_sibling_fragments_in_any_order_twice_and_in_ipv6() {
    let backwards = |p: &[u8], n: u32| {
        let mut all = wire::fragments(p, 24, n);
        all.reverse();
        all
    };
    whole(&cut("10.0.0.5", POOL, &bitcoin(), backwards).run(), "10.0.0.5");
    whole(&cut(HOST_V6, POOL_V6, &bitcoin(), backwards).run(), HOST_V6);
    let twice = |p: &[u8], n: u32| wire::fragments(p, 64, n).into_iter().flat_map(|f| [f.clone(), f]).collect();
    whole(&cut("10.0.0.5", POOL, &bitcoin(), twice).run(), "10.0.0.5");
    whole(&cut(HOST_V6, POOL_V6, &bitcoin(), twice).run(), HOST_V6);
}

#[test]
fn cd11_sibling_overlapping_fragments_are_dropped_in_ipv6_and_counted() {
    // RFC 5722: a datagram with overlapping fragments is to be discarded.
    let overlapping = |p: &[u8], n: u32| {
        let mut all = wire::fragments(p, 32, n);
        let mut again = all[0].clone();
        let last = again.len() - 1;
        again[last] ^= 1;
        all.insert(1, again);
        all
    };
    let run = cut(HOST_V6, POOL_V6, &bitcoin(), overlapping).run();
    run.silent();
    assert!(run.count("fragments_dropped") > 0);
    assert_eq!(run.warned("evasion is possible"), 1);
}

#[test]
fn cd11_sibling_fragments_without_end_stay_within_their_caps_and_are_counted() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    for n in 0..40_000_u32 {
        let from = Ipv4Addr::from(0x0a01_0000 + n % 5000);
        let piece = wire::ipv4_part(from, Ipv4Addr::new(198, 51, 100, 9), 6, n as u16, 0x2000, &[0; 800]);
        scene.frame(crate::kit::capture::WEEK + u64::from(n) * 10_000, 1, plain_frame(&piece));
    }
    let run = scene.run();
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    assert_eq!(run.count("fragments"), 40_000);
    assert!(run.count("fragments_dropped") > 10_000, "{}", run.count("fragments_dropped"));
}

#[test]
fn cd13_offloaded_checksums_are_accepted_and_counted() {
    let scene = changed("10.0.0.5", POOL, &bitcoin(), |packet, side, _| {
        if side == Side::Client {
            wire::zero_tcp_checksum(packet);
        }
    });
    let run = scene.run();
    let flow = whole(&run, "10.0.0.5");
    let client = scene.records.iter().filter(|r| r.data[26..30] == [10, 0, 0, 5]).count() as u64;
    assert!(client * 2 >= flow["packets"].as_u64().unwrap() - 2);
    assert_eq!(run.count("bad_checksum"), client);
    assert_eq!(run.warned("checksums are wrong"), 1);
}

#[test]
fn cd13_sibling_wrong_sums_everywhere_padding_and_a_frame_check_sequence() {
    let scene = changed("10.0.0.5", POOL, &bitcoin(), |packet, _, _| {
        packet[10] ^= 0x55;
        packet[36] ^= 0xaa;
    });
    whole(&scene.run(), "10.0.0.5");
    // Short frames padded with anything; longer ones end in four bytes of check sequence.
    let run = wrapped(|p, _, _| {
        let mut f = plain_frame(p);
        let n = f.len();
        f.resize(n.max(56), b'{');
        f.extend_from_slice(b"\n{\"x");
        f
    });
    let flow = whole(&run, "10.0.0.5");
    assert_eq!(run.count("json_invalid"), 0);
    assert_eq!(flow["bytes"], carried(&Carriage::Plain).confirmed()["bytes"]);
}

#[test]
fn cd_sibling_options_and_extension_headers_before_tcp() {
    // Record route and padding.
    let run = wrapped(|p, _, _| {
        let mut packet = p.to_vec();
        packet[0] = 0x48;
        let total = u16::try_from(p.len() + 12).unwrap();
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        packet.splice(20..20, [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        plain_frame(&packet)
    });
    whole(&run, "10.0.0.5");
    // Hop-by-hop, destination options, routing.
    let run = wrapped_for(HOST_V6, POOL_V6, |p, _, _| {
        let mut packet = p.to_vec();
        packet[6] = 0;
        let length = u16::try_from(p.len() - 40 + 8 + 16 + 24).unwrap();
        packet[4..6].copy_from_slice(&length.to_be_bytes());
        let mut headers = vec![60, 0, 1, 4, 0, 0, 0, 0];
        headers.extend_from_slice(&[43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        headers.extend_from_slice(&[6, 2, 0, 0, 0, 0, 0, 0]);
        headers.extend_from_slice(&[0; 16]);
        packet.splice(40..40, headers);
        plain_frame(&packet)
    });
    whole(&run, HOST_V6);
}

#[test]
fn cd_sibling_a_tag_inside_a_cooked_capture_and_frames_of_a_radio() {
    let mut scene = Scene::new();
    let talk = scene.talk("10.0.0.5", POOL);
    for s in scene.segments(&talk, &bitcoin()) {
        let packet = Capture::packet(&talk, &s);
        let mut f = Carriage::Sll.frame(&packet, s.side, talk.client.ip(), OUTER, 0);
        f.splice(14..16, [0x81, 0, 0, 35, 8, 0]);
        scene.frame(s.at, 113, f);
    }
    assert_eq!(whole(&scene.run(), "10.0.0.5")["vlans"], serde_json::json!([35]));
    // Radiotap, with a check sequence at the end of each frame that a flag announces.
    let mut scene = Scene::new();
    let talk = scene.talk("10.0.0.5", POOL);
    for s in scene.segments(&talk, &bitcoin()) {
        let packet = Capture::packet(&talk, &s);
        let inner = Carriage::Wifi.frame(&packet, s.side, talk.client.ip(), OUTER, u32::from(s.ip_id));
        scene.frame(s.at, 127, [&[0, 0, 9, 0, 2, 0, 0, 0, 0x10][..], &inner, b"FCS!"].concat());
    }
    whole(&scene.run(), "10.0.0.5");
}

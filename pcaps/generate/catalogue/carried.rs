//! Link layers, tunnels, file formats and what capture cards do. Numbers 60 to 99.

use std::net::IpAddr;

use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{Dialogue, SECOND, Side};
use super::super::dialogues::{bitcoin, cryptonote, ethproxy};
use super::super::file::Format;
use super::super::tcp::{self, End};
use super::super::{benign, wire};

/// Number, name, family, carriage, tenant, and what it shows.
type Row = (u8, &'static str, Family, Carriage, Option<&'static str>, &'static str);

/// The captures.
pub fn all() -> Vec<Product> {
    use Family::{V4, V6};
    let carriages: [Row; 19] = [
        (
            60,
            "vlan-per-direction",
            V4,
            Carriage::Vlan(vec![100], vec![200]),
            None,
            "the mirror tags each direction with another VLAN: one flow (CD01)",
        ),
        (61, "qinq", V4, Carriage::Vlan(vec![300, 42], vec![300, 42]), Some("vlan:300"), "two VLAN tags"),
        (62, "mpls", V4, Carriage::Mpls, None, "two MPLS labels"),
        (63, "pppoe", V6, Carriage::Pppoe, None, "a PPPoE session"),
        (64, "gre", V4, Carriage::Gre, None, "GRE with key and sequence number"),
        (65, "erspan-2", V4, Carriage::Erspan2(421), Some("erspan:421"), "ERSPAN type II, both directions (CD05)"),
        (66, "erspan-3", V4, Carriage::Erspan3(77), Some("erspan:77"), "ERSPAN type III"),
        (
            67,
            "vxlan",
            V4,
            Carriage::Vxlan(42),
            Some("vxlan:42"),
            "cloud traffic mirroring: VXLAN; the outer addresses 10.9.67.* belong in no output (CD03)",
        ),
        (68, "geneve", V6, Carriage::Geneve(5001), Some("geneve:5001"), "GENEVE with an option"),
        (69, "ip-in-ip", V4, Carriage::IpIp, None, "IPv4 in IPv4"),
        (70, "6in4", V6, Carriage::SixInFour, None, "IPv6 in IPv4"),
        (71, "gtp-u", V4, Carriage::GtpU(0x0a00_4711), None, "mobile user plane: GTP-U with sequence number"),
        (77, "linux-cooked-1", V4, Carriage::Sll, None, "Linux cooked capture, version 1"),
        (78, "linux-cooked-2", V6, Carriage::Sll2, None, "Linux cooked capture, version 2 (CF09)"),
        (79, "raw-ip", V4, Carriage::Raw, None, "bare IP packets"),
        (80, "bsd-null", V6, Carriage::Null, None, "BSD loopback"),
        (81, "ppp", V4, Carriage::Ppp, None, "PPP in HDLC-like framing"),
        (82, "wifi", V4, Carriage::Wifi, None, "802.11 data frames, not encrypted"),
        (88, "plain-padded", V4, Carriage::Plain, None, "short frames padded to 60 bytes; the padding is not payload"),
    ];
    let mut out = Vec::new();
    for (number, name, family, carriage, tenant, about) in carriages {
        let mut c = Capture::new(number.into(), name, about);
        let dialogue = cryptonote::brief(&mut c.rng, number);
        let mut talk = c.line(family, 11, 3333);
        talk.timestamps = number != 88;
        // Room for the outer headers.
        talk.mss = 1360;
        let flow = c.show(&talk, &dialogue, &carriage);
        flow.tenant = tenant.map(str::to_owned);
        if let Carriage::Vlan(client, server) = &carriage {
            flow.vlans = if client == server { vec![client[0]] } else { vec![client[0], server[0]] };
        }
        if number == 88 {
            for r in &mut c.records {
                // Padding that would be a mining message if anyone read it.
                let junk = br#"{"method":"x"}"#;
                let short = 60_usize.saturating_sub(r.data.len());
                r.data.extend_from_slice(&junk[..short.min(junk.len())]);
            }
        }
        out.extend(c.finish());
    }
    for part in [
        fragments(72, "fragments-v4", Family::V4),
        fragments(73, "fragments-v6", Family::V6),
        zero_length(),
        snapped(),
        zero_checksums(),
        two_link_types(),
        format(84, "pcap-nanoseconds", Format::Pcap { nanos: true, big_endian: false }, false),
        format(85, "pcap-big-endian", Format::Pcap { nanos: false, big_endian: true }, false),
        format(86, "pcap-big-endian-nanoseconds", Format::Pcap { nanos: true, big_endian: true }, false),
        format(87, "pcapng-gzip", Format::PcapNg, true),
        tenants_vlan(),
        tenants_vxlan(),
    ] {
        out.extend(part);
    }
    out
}

fn format(number: u8, name: &str, format: Format, gzip: bool) -> Vec<Product> {
    let mut c = Capture::new(number.into(), name, "file format");
    c.format = format;
    c.gzip = gzip;
    let dialogue = cryptonote::brief(&mut c.rng, number);
    let talk = c.line(Family::V4, 11, 3333);
    c.show(&talk, &dialogue, &Carriage::Plain);
    c.finish()
}

fn fragments(number: u8, name: &str, family: Family) -> Vec<Product> {
    let mut c = Capture::new(
        number.into(),
        name,
        "the miner's data come in fragments of 48 bytes; the login's arrive in reverse order (CD11)",
    );
    let dialogue = cryptonote::brief(&mut c.rng, number);
    let talk = c.line(family, 11, 3333);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let (mut count, mut whole) = (0_u64, 0_u64);
    for s in &segments {
        let packet = Capture::packet(&talk, s);
        if s.side == Side::Client && !s.payload.is_empty() {
            let mut parts = wire::fragments(&packet, 48, u32::from(s.ip_id));
            if whole == 0 {
                parts.reverse();
            }
            whole += 1;
            count += parts.len() as u64;
            for (i, part) in parts.iter().enumerate() {
                c.frame(s.at + i as u64 * 2000, part, s.side, talk.client.ip(), &Carriage::Plain);
            }
        } else {
            c.frame(s.at, &packet, s.side, talk.client.ip(), &Carriage::Plain);
        }
    }
    c.found(&talk, &dialogue);
    c.expect.health.insert("fragments".to_owned(), count);
    c.expect.health.insert("fragments_reassembled".to_owned(), whole);
    c.finish()
}

fn zero_length() -> Vec<Product> {
    let mut c =
        Capture::new(74, "tso-length-zero", "captured on the miner: its data segments have IPv4 total length 0 (CD07)");
    let dialogue = bitcoin::cpuminer(&mut c.rng, 74);
    let talk = c.line(Family::V4, 11, 3333);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let mut count = 0;
    for s in &segments {
        let mut packet = Capture::packet(&talk, s);
        if s.side == Side::Client && !s.payload.is_empty() {
            wire::zero_length(&mut packet);
            count += 1;
        }
        c.frame(s.at, &packet, s.side, talk.client.ip(), &Carriage::Plain);
    }
    c.found(&talk, &dialogue);
    c.expect.health.insert("length_zero".to_owned(), count);
    c.finish()
}

fn snapped() -> Vec<Product> {
    let mut c = Capture::new(
        75,
        "snaplen-96",
        "a snapshot length of 96 leaves 30 bytes of each segment: counted, said, no conviction (CD09), but what sizes and \
         times tell",
    );
    c.snaplen = 96;
    let dialogue = bitcoin::cpuminer(&mut c.rng, 75);
    let talk = c.line(Family::V4, 11, 3333);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &dialogue, "verdict_too_low");
    (flow.login, flow.wallet, flow.worker, flow.agent, flow.coin) = (None, None, None, None, None);
    (flow.stage, flow.handshake_verified) = (None, None);
    flow.dialect = vec!["encrypted".to_owned()];
    flow.verdict_at_least = None;
    flow.at_least("suspected").at_most("probable");
    let cut = c.records.iter().filter(|r| r.data.len() > 96).count() as u64;
    c.expect.health.insert("frames_truncated".to_owned(), cut);
    c.finish()
}

fn zero_checksums() -> Vec<Product> {
    let mut c =
        Capture::new(76, "zero-checksums", "checksum offload: every segment of the miner has TCP checksum 0 (CD13)");
    let dialogue = ethproxy::spelled(&mut c.rng, 76, ethproxy::Spacing::None);
    let talk = c.line(Family::V4, 11, 4444);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let mut count = 0;
    for s in &segments {
        let mut packet = Capture::packet(&talk, s);
        if s.side == Side::Client {
            wire::zero_tcp_checksum(&mut packet);
            count += 1;
        }
        c.frame(s.at, &packet, s.side, talk.client.ip(), &Carriage::Plain);
    }
    c.found(&talk, &dialogue);
    c.expect.health.insert("bad_checksum".to_owned(), count);
    c.finish()
}

fn two_link_types() -> Vec<Product> {
    let mut c = Capture::new(
        83,
        "pcapng-two-link-types",
        "one file, two interfaces: Ethernet in microseconds, Linux cooked 2 in nanoseconds; a miner on each (CF01)",
    );
    c.format = Format::PcapNg;
    for (host, carriage) in [(11, Carriage::Plain), (12, Carriage::Sll2)] {
        let dialogue = cryptonote::brief(&mut c.rng, host);
        let talk = c.line(Family::V4, host, 3333);
        c.show(&talk, &dialogue, &carriage);
    }
    c.finish()
}

fn tenants_vlan() -> Vec<Product> {
    let mut c = Capture::new(
        89,
        "tenants-vlan",
        "one address at two customers: on VLAN 10 it mines, on VLAN 20 it reads about mining (ID07)",
    );
    let dialogue = cryptonote::brief(&mut c.rng, 89);
    let talk = c.line(Family::V4, 5, 3333);
    let flow = c.show(&talk, &dialogue, &Carriage::Vlan(vec![10], vec![10]));
    flow.tenant = Some("vlan:10".to_owned());
    flow.vlans = vec![10];
    let page = benign::http::docs_page(&mut c.rng);
    let (client, server) = (c.inside(Family::V4, 5), c.second_pool());
    let talk = c.between(client, server, 80);
    let segments = tcp::play(&talk, &page, &mut c.rng);
    c.put(&talk, &segments, &Carriage::Vlan(vec![20], vec![20]));
    c.finish()
}

fn tenants_vxlan() -> Vec<Product> {
    let mut c = Capture::new(
        90,
        "tenants-vxlan",
        "the same addresses and ports in two VXLAN networks at the same time: two miners with a wallet each",
    );
    let mut talk = c.line(Family::V4, 5, 3333);
    talk.end = End::Fin(Side::Client);
    for (network, number) in [(7001, 90), (7002, 91)] {
        talk.isn = [c.rng.bits() as u32, c.rng.bits() as u32];
        talk.start += SECOND;
        let dialogue: Dialogue = cryptonote::brief(&mut c.rng, number);
        let flow = c.show(&talk, &dialogue, &Carriage::Vxlan(network));
        flow.tenant = Some(format!("vxlan:{network}"));
    }
    debug_assert!(matches!(talk.client.ip(), IpAddr::V4(_)));
    c.finish()
}

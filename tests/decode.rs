//! Every real capture through the decoder: it never panics, loses no frame without a count, and sees as many
//! innermost TCP and UDP packets in tunnels and odd link types as were counted with tshark.

// A test may give up where the file system does.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use minewatch::capture::{Frame, FrameRef, LinkType, SourceId};
use minewatch::decode::{DecodeOptions, Decoder};
use minewatch::health::{Counter, Health};
use minewatch::time::PacketTime;

fn captures() -> Option<PathBuf> {
    let dir = std::env::var_os("MINEWATCH_CAPTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"), PathBuf::from);
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: 0 captures, {} is not there", dir.display());
    None
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Just enough of pcap and pcapng for this test: stops at the first damage.
mod reader {
    pub(super) struct Record<'a> {
        pub(super) nanos: i64,
        pub(super) link: u16,
        pub(super) wire_len: u32,
        pub(super) data: &'a [u8],
    }

    #[derive(Clone, Copy)]
    struct Order {
        big: bool,
    }

    impl Order {
        fn u32(self, data: &[u8], at: usize) -> Option<u32> {
            let b = *data.get(at..)?.first_chunk()?;
            Some(if self.big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) })
        }

        fn u16(self, data: &[u8], at: usize) -> Option<u16> {
            let b = *data.get(at..)?.first_chunk()?;
            Some(if self.big { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) })
        }
    }

    pub(super) fn read<'a>(file: &'a [u8], mut each: impl FnMut(Record<'a>)) {
        let _damaged_or_done = match file.first_chunk() {
            Some([0x0a, 0x0d, 0x0d, 0x0a]) => pcapng(file, &mut each),
            _ => pcap(file, &mut each),
        };
    }

    fn pcap<'a>(file: &'a [u8], each: &mut impl FnMut(Record<'a>)) -> Option<()> {
        let (big, header, scale) = match *file.first_chunk()? {
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, 16, 1000),
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, 16, 1000),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, 16, 1),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, 16, 1),
            [0x34, 0xcd, 0xb2, 0xa1] => (false, 24, 1000),
            _ => return None,
        };
        let order = Order { big };
        let link = order.u32(file, 20)? as u16;
        let mut rest = file.get(24..)?;
        loop {
            let captured = order.u32(rest, 8)? as usize;
            each(Record {
                nanos: i64::from(order.u32(rest, 0)?) * 1_000_000_000 + i64::from(order.u32(rest, 4)?) * scale,
                link,
                wire_len: order.u32(rest, 12)?,
                data: rest.get(header..header + captured)?,
            });
            rest = rest.get(header + captured..)?;
        }
    }

    fn pcapng<'a>(file: &'a [u8], each: &mut impl FnMut(Record<'a>)) -> Option<()> {
        let mut order = Order { big: false };
        let mut links = Vec::new();
        let mut rest = file;
        loop {
            if rest.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
                order.big = rest.get(8..12)? == [0x1a, 0x2b, 0x3c, 0x4d];
                links.clear();
            }
            let length = order.u32(rest, 4)? as usize;
            let block = rest.get(..length).filter(|b| b.len() >= 12)?;
            match order.u32(block, 0)? {
                1 => links.push(order.u16(block, 8)?),
                3 => {
                    let wire_len = order.u32(block, 8)?;
                    let body = block.get(12..length - 4)?;
                    let data = body.get(..wire_len as usize).unwrap_or(body);
                    each(Record { nanos: 0, link: *links.first()?, wire_len, data });
                }
                6 => {
                    let captured = order.u32(block, 20)? as usize;
                    let micros = i64::from(order.u32(block, 12)?) << 32 | i64::from(order.u32(block, 16)?);
                    each(Record {
                        nanos: micros.saturating_mul(1000),
                        link: *links.get(order.u32(block, 8)? as usize)?,
                        wire_len: order.u32(block, 24)?,
                        data: block.get(28..28 + captured)?,
                    });
                }
                _ => {}
            }
            rest = rest.get(length..)?;
        }
    }
}

fn decode_file(path: &Path) -> Health {
    let file = fs::read(path).unwrap();
    let mut decoder = Decoder::new(DecodeOptions::default());
    let (mut number, mut packets) = (0, 0);
    reader::read(&file, |r| {
        number += 1;
        let frame = Frame {
            at: FrameRef { source: SourceId(0), number },
            time: PacketTime::from_nanos(r.nanos),
            link: LinkType(r.link),
            data: r.data,
            wire_len: r.wire_len,
        };
        if let Some(p) = decoder.decode(&frame) {
            packets += 1;
            assert!(p.payload.len() as u64 <= u64::from(p.wire_payload_len), "{} frame {number}", path.display());
            assert!(p.wire_payload_len < p.wire_ip_len, "{} frame {number}", path.display());
        }
    });
    let health = decoder.finish();
    assert_eq!(health.get(Counter::Frames), number);
    assert_eq!(health.get(Counter::TcpPackets) + health.get(Counter::UdpPackets), packets, "{}", path.display());
    health
}

/// Where each frame ended, by the promise that [`Decoder`] makes.
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

#[test]
fn no_frame_of_the_corpus_is_lost_without_a_count() {
    let Some(dir) = captures() else { return };
    let mut files = Vec::new();
    files_below(&dir, &mut files);
    let mut all = Health::default();
    for path in &files {
        let health = decode_file(path);
        assert_eq!(accounted(&health), health.get(Counter::Frames), "{}", path.display());
        all.merge(&health);
    }
    println!("{} files", files.len());
    for c in Counter::ALL.iter().filter(|c| all.get(**c) > 0) {
        println!("{:>10} {}", all.get(*c), c.name());
    }
    for (name, n) in all.link_types.iter().chain(&all.skipped) {
        println!("{n:>10} {name}");
    }
    assert!(all.get(Counter::TcpPackets) > 0);
}

/// Innermost TCP and UDP packets, as tshark 4.0 counts them (`frame.protocols`, quotes in ICMP errors left out).
#[rustfmt::skip]
const INNERMOST: &[(&str, u64, u64)] = &[
    ("aiengine/pcapfiles/gre_ssh.pcap", 136, 0),
    ("arkime/tests/pcap/mpls-basic.pcap", 19, 12),
    ("arkime/tests/pcap/twovlan.pcap", 6, 0),
    ("libpcap/tests/filter/http_PPI.pcap", 1, 2),
    ("libtrace/test/traces/vlan.pcap", 185, 15),
    ("mercury/unit_tests/pcaps/pppoe_double_vlan_tagging.pcap", 30, 0),
    ("mercury/unit_tests/pcaps/quic_ppp.pcap", 0, 14),
    ("ndpi/default/pcap/4in4tunnel.pcap", 0, 5),
    ("ndpi/default/pcap/BGP_redist.pcap", 2, 0),
    ("ndpi/default/pcap/rtmp.pcap", 60, 0),
    ("ocpp/capt.pcapng", 235, 25),
    ("packetnet/Test/CaptureFiles/80211_qos_data_frame_ipv4_tcp.pcap", 1, 0),
    ("packetnet/Test/CaptureFiles/linktype_null_capture.pcap", 2, 0),
    ("pcapplusplus/Tests/Packet++Test/PacketExamples/GrePackets.pcap", 1, 2),
    ("pcapplusplus/Tests/Packet++Test/PacketExamples/gtp.pcap", 1, 3),
    ("pcapplusplus/Tests/Pcap++Test/PcapExamples/ip6_fragments.pcap", 0, 4),
    ("peafowl/ip_fragmentation/6in6_inner.pcap", 0, 1),
    ("peafowl/tcp_resegment/http_ip_fragmented_out_of_order.pcap", 11, 0),
    ("suricata-verify/tests/bug-5633-gre-02/gre-sample.pcap", 22, 8),
    ("suricata-verify/tests/decode-nsh-type1/input.pcap", 0, 1),
    ("suricata-verify/tests/decode-sll2-01/input.pcap", 5, 0),
    ("suricata-verify/tests/vxlan-non-zero-reserved-fields/input.pcap", 10, 0),
    ("tcpdump/tests/bigtcp-ipv6-hbh.pcap", 1, 0),
    ("tcpdump/tests/gso-ipv4-vxlan-ipv6.pcap", 1, 0),
    ("tcpdump/tests/gso-ipv6-geneve-ipv6.pcap", 1, 0),
    ("tcpdump/tests/kday3.pcap", 8, 0),
    ("tcpdump/tests/macsec-short-valid.pcap", 0, 1),
    ("tcpdump/tests/wccp_redirect_gre.pcap", 1, 0),
    ("zeek/erspan.pcap", 106, 48),
    ("zeek/ipv6-http-atomic-frag.pcap", 36, 0),
    ("zeek/llc.pcap", 1333, 0),
    ("zeek/mixed-vlan-mpls.pcap", 47, 0),
    ("zeek/nflog-http.pcap", 13, 0),
    ("zeek/pppoe-over-qinq.pcap", 86, 0),
    ("zeek/radiotap.pcap", 0, 3),
    ("zeek/snap-tcp.pcap", 8, 0),
    ("zeek/tunnels/4in6.pcap", 1, 0),
    ("zeek/tunnels/geneve-many-options.pcap", 10, 0),
    ("zeek/tunnels/gre-aruba-amsdu.pcap", 1, 0),
    ("zeek/tunnels/gtp/gtp4_udp_2152_inside.pcap", 0, 1),
];

#[test]
fn tunnels_and_link_types_hold_what_tshark_finds_in_them() {
    let Some(dir) = captures() else { return };
    for (name, tcp, udp) in INNERMOST {
        let health = decode_file(&dir.join("benign").join(name));
        assert_eq!((health.get(Counter::TcpPackets), health.get(Counter::UdpPackets)), (*tcp, *udp), "{name}");
    }
}

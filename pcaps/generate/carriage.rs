//! Link layers and tunnels: what stands between the capture file and the packet.
//!
//! In: an IP packet and the side that sent it. Out: a frame and its link type. Formats after IEEE 802.1Q/ad, RFC 3032
//! (MPLS), 2516 (`PPPoE`), 2784/2890 (GRE), draft-foschiano-erspan (ERSPAN II, III), 7348 (VXLAN), 8926 (GENEVE), 2003
//! (IP in IP), 4213 (6in4), 3GPP TS 29.281 (GTP-U), and the link type pages of tcpdump.org (cooked v1, v2, raw, null).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::dialogue::Side;
use super::wire::{self, GATEWAY, ether_type, ethernet, ipv4, proto};

/// LINKTYPE_ETHERNET.
pub const ETHERNET: u16 = 1;
/// LINKTYPE_NULL.
pub const NULL: u16 = 0;
/// LINKTYPE_PPP.
pub const PPP: u16 = 9;
/// LINKTYPE_RAW.
pub const RAW: u16 = 101;
/// LINKTYPE_IEEE802_11.
pub const WIFI: u16 = 105;
/// LINKTYPE_LINUX_SLL.
pub const SLL: u16 = 113;
/// LINKTYPE_LINUX_SLL2.
pub const SLL2: u16 = 276;

/// How packets travel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Carriage {
    /// Ethernet.
    Plain,
    /// Ethernet with these tags, outermost first, for client and server; two tags are QinQ.
    Vlan(Vec<u16>, Vec<u16>),
    /// Ethernet with two MPLS labels.
    Mpls,
    /// `PPPoE` session.
    Pppoe,
    /// GRE with IP inside, with key and sequence number.
    Gre,
    /// ERSPAN type II with this session.
    Erspan2(u16),
    /// ERSPAN type III with this session.
    Erspan3(u16),
    /// VXLAN with this network.
    Vxlan(u32),
    /// GENEVE with this network and one option.
    Geneve(u32),
    /// IPv4 in IPv4.
    IpIp,
    /// IPv6 in IPv4.
    SixInFour,
    /// GTP-U with sequence number.
    GtpU(u32),
    /// Linux cooked capture, version 1.
    Sll,
    /// Linux cooked capture, version 2.
    Sll2,
    /// Bare IP.
    Raw,
    /// BSD loopback.
    Null,
    /// PPP in HDLC-like framing.
    Ppp,
    /// 802.11 data frames.
    Wifi,
}

impl Carriage {
    /// Link type of its frames.
    pub const fn link_type(&self) -> u16 {
        match self {
            Self::Sll => SLL,
            Self::Sll2 => SLL2,
            Self::Raw => RAW,
            Self::Null => NULL,
            Self::Ppp => PPP,
            Self::Wifi => WIFI,
            _ => ETHERNET,
        }
    }

    /// Wraps `packet`, sent by `side`, of the inside host `host`. `outer` are the tunnel's ends, the client's first;
    /// `n` counts packets.
    pub fn frame(&self, packet: &[u8], side: Side, host: IpAddr, outer: [Ipv4Addr; 2], n: u32) -> Vec<u8> {
        let inside = wire::mac(host);
        let (src, dst) = match side {
            Side::Client => (inside, GATEWAY),
            Side::Server => (GATEWAY, inside),
        };
        let kind = ether_type(packet);
        let plain = || ethernet(dst, src, kind, packet);
        let (from, to) = match side {
            Side::Client => (outer[0], outer[1]),
            Side::Server => (outer[1], outer[0]),
        };
        let id = n as u16;
        // Mirrors send both directions from the switch to the collector.
        let (switch, collector) = (outer[0], outer[1]);
        let over = |a: Ipv4Addr, b: Ipv4Addr, protocol: u8, body: &[u8]| {
            ethernet(GATEWAY, wire::mac(a.into()), 0x0800, &ipv4(a, b, protocol, id, body))
        };
        let over_udp = |a: Ipv4Addr, b: Ipv4Addr, ports: (u16, u16), body: &[u8]| {
            let datagram = wire::udp(SocketAddr::new(a.into(), ports.0), SocketAddr::new(b.into(), ports.1), id, body);
            ethernet(GATEWAY, wire::mac(a.into()), 0x0800, &datagram)
        };
        match self {
            Self::Plain => plain(),
            Self::Vlan(client, server) => {
                let tags = if side == Side::Client { client } else { server };
                let mut f = [dst, src].concat();
                for (i, tag) in tags.iter().enumerate() {
                    let kind: u16 = if i + 1 < tags.len() { 0x88a8 } else { 0x8100 };
                    f.extend_from_slice(&kind.to_be_bytes());
                    f.extend_from_slice(&tag.to_be_bytes());
                }
                f.extend_from_slice(&kind.to_be_bytes());
                f.extend_from_slice(packet);
                f
            }
            Self::Mpls => {
                let label = |label: u32, bottom: u32| ((label << 12) | (bottom << 8) | 63).to_be_bytes();
                ethernet(dst, src, 0x8847, &[&label(16_012, 0)[..], &label(24_003, 1), packet].concat())
            }
            Self::Pppoe => {
                let protocol: u16 = if kind == 0x0800 { 0x0021 } else { 0x0057 };
                let len = packet.len() as u16 + 2;
                let head = [0x11, 0, 0x0c, 0x21];
                ethernet(dst, src, 0x8864, &[&head[..], &len.to_be_bytes(), &protocol.to_be_bytes(), packet].concat())
            }
            Self::Gre => {
                let head = [&[0x30, 0][..], &kind.to_be_bytes(), &77_u32.to_be_bytes(), &n.to_be_bytes()].concat();
                over(from, to, proto::GRE, &[&head, packet].concat())
            }
            Self::Erspan2(session) => {
                let mut head = vec![0x10, 0, 0x88, 0xbe];
                head.extend_from_slice(&n.to_be_bytes());
                head.extend_from_slice(&0x1000_u16.to_be_bytes());
                head.extend_from_slice(&((3 << 11) | session).to_be_bytes());
                head.extend_from_slice(&17_u32.to_be_bytes());
                over(switch, collector, proto::GRE, &[head, plain()].concat())
            }
            Self::Erspan3(session) => {
                let mut head = vec![0x10, 0, 0x22, 0xeb];
                head.extend_from_slice(&n.to_be_bytes());
                head.extend_from_slice(&0x2000_u16.to_be_bytes());
                head.extend_from_slice(&session.to_be_bytes());
                head.extend_from_slice(&n.wrapping_mul(10_000).to_be_bytes());
                // Security group 0; Ethernet frame, hardware 0, microsecond stamps, no platform header.
                head.extend_from_slice(&[0, 0, 0, if side == Side::Client { 0x04 } else { 0x0c }]);
                over(switch, collector, proto::GRE, &[head, plain()].concat())
            }
            Self::Vxlan(network) => {
                let head = [&[8, 0, 0, 0][..], &(network << 8).to_be_bytes()].concat();
                over_udp(switch, collector, (49_152 + id % 1000, 4789), &[head, plain()].concat())
            }
            Self::Geneve(network) => {
                let mut head = vec![2, 0, 0x65, 0x58];
                head.extend_from_slice(&(network << 8).to_be_bytes());
                head.extend_from_slice(&[0x01, 0x02, 0x80, 0x01, 0, 0, 0, 5]);
                over_udp(switch, collector, (51_000, 6081), &[head, plain()].concat())
            }
            Self::IpIp => over(from, to, proto::IPIP, packet),
            Self::SixInFour => over(from, to, proto::SIT, packet),
            Self::GtpU(tunnel) => {
                let mut head = vec![0x32, 0xff];
                head.extend_from_slice(&(packet.len() as u16 + 4).to_be_bytes());
                head.extend_from_slice(&(tunnel + side.index() as u32).to_be_bytes());
                head.extend_from_slice(&id.to_be_bytes());
                head.extend_from_slice(&[0, 0]);
                over_udp(from, to, (2152, 2152), &[&head, packet].concat())
            }
            Self::Sll => {
                let direction: u16 = if side == Side::Client { 4 } else { 0 };
                let mut f = direction.to_be_bytes().to_vec();
                f.extend_from_slice(&[0, 1, 0, 6]);
                f.extend_from_slice(&src);
                f.extend_from_slice(&[0, 0]);
                f.extend_from_slice(&kind.to_be_bytes());
                f.extend_from_slice(packet);
                f
            }
            Self::Sll2 => {
                let mut f = kind.to_be_bytes().to_vec();
                f.extend_from_slice(&[0, 0, 0, 0, 0, 2, 0, 1, if side == Side::Client { 4 } else { 0 }, 6]);
                f.extend_from_slice(&src);
                f.extend_from_slice(&[0, 0]);
                f.extend_from_slice(packet);
                f
            }
            Self::Raw => packet.to_vec(),
            Self::Null => {
                let family: u32 = if kind == 0x0800 { 2 } else { 30 };
                [&family.to_le_bytes()[..], packet].concat()
            }
            Self::Ppp => {
                let protocol: u16 = if kind == 0x0800 { 0x0021 } else { 0x0057 };
                [&[0xff, 3][..], &protocol.to_be_bytes(), packet].concat()
            }
            Self::Wifi => {
                let station: [u8; 6] = inside;
                let access = [2, 0x4d, 0xaa, 0, 0, 9];
                let mut f = vec![0x08, if side == Side::Client { 0x01 } else { 0x02 }, 0, 0];
                for address in match side {
                    Side::Client => [access, station, GATEWAY],
                    Side::Server => [station, access, GATEWAY],
                } {
                    f.extend_from_slice(&address);
                }
                f.extend_from_slice(&((id % 4096) << 4).to_le_bytes());
                f.extend_from_slice(&[0xaa, 0xaa, 3, 0, 0, 0]);
                f.extend_from_slice(&kind.to_be_bytes());
                f.extend_from_slice(packet);
                f
            }
        }
    }
}

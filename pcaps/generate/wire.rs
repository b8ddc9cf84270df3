//! Headers with right lengths and checksums.
//!
//! In: addresses and payloads. Out: bytes of IPv4, IPv6, TCP, UDP, ICMP and Ethernet (RFC 791, 8200, 9293, 768, 792).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::tcp::Segment;

/// IP protocol numbers used here.
pub mod proto {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IPv4 in IP.
    pub const IPIP: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in IP.
    pub const SIT: u8 = 41;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// GRE.
    pub const GRE: u8 = 47;
}

/// RFC 1071 sum over 16-bit words, not yet complemented.
fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|w| (u32::from(w[0]) << 8) | w.get(1).map_or(0, |b| u32::from(*b))).sum()
}

fn fold(mut total: u32) -> u16 {
    while total >> 16 != 0 {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

fn pseudo(src: IpAddr, dst: IpAddr, protocol: u8, len: usize) -> u32 {
    let addresses = match (src, dst) {
        (IpAddr::V4(a), IpAddr::V4(b)) => sum(&a.octets()) + sum(&b.octets()),
        (IpAddr::V6(a), IpAddr::V6(b)) => sum(&a.octets()) + sum(&b.octets()),
        _ => panic!("one packet, one address family"),
    };
    addresses + u32::from(protocol) + len as u32
}

/// An IPv4 packet with the don't-fragment bit.
pub fn ipv4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    ipv4_part(src, dst, protocol, id, 0x4000, payload)
}

/// An IPv4 packet with the given flags and fragment offset field.
pub fn ipv4_part(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, id: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let mut p = vec![0x45, 0];
    p.extend_from_slice(&(20 + payload.len() as u16).to_be_bytes());
    p.extend_from_slice(&id.to_be_bytes());
    p.extend_from_slice(&flags.to_be_bytes());
    p.extend_from_slice(&[64, protocol, 0, 0]);
    p.extend_from_slice(&src.octets());
    p.extend_from_slice(&dst.octets());
    set_ipv4_checksum(&mut p);
    p.extend_from_slice(payload);
    p
}

fn set_ipv4_checksum(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let check = fold(sum(&packet[..20]));
    packet[10..12].copy_from_slice(&check.to_be_bytes());
}

/// Total length 0, as segmentation offload leaves it in a capture on the sending host.
pub fn zero_length(packet: &mut [u8]) {
    packet[2..4].fill(0);
    set_ipv4_checksum(packet);
}

/// An IPv6 packet.
pub fn ipv6(src: Ipv6Addr, dst: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut p = vec![0x60, 0, 0, 0];
    p.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    p.extend_from_slice(&[next, 64]);
    p.extend_from_slice(&src.octets());
    p.extend_from_slice(&dst.octets());
    p.extend_from_slice(payload);
    p
}

/// An IP packet of the addresses' family.
pub fn ip(src: IpAddr, dst: IpAddr, protocol: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    match (src, dst) {
        (IpAddr::V4(a), IpAddr::V4(b)) => ipv4(a, b, protocol, id, payload),
        (IpAddr::V6(a), IpAddr::V6(b)) => ipv6(a, b, protocol, payload),
        _ => panic!("one packet, one address family"),
    }
}

/// A segment as IP packet.
pub fn tcp(src: SocketAddr, dst: SocketAddr, s: &Segment) -> Vec<u8> {
    let mut t = Vec::with_capacity(20 + s.options.len() + s.payload.len());
    t.extend_from_slice(&src.port().to_be_bytes());
    t.extend_from_slice(&dst.port().to_be_bytes());
    t.extend_from_slice(&s.seq.to_be_bytes());
    t.extend_from_slice(&s.ack.to_be_bytes());
    t.push((((20 + s.options.len()) / 4) << 4) as u8);
    t.push(s.flags);
    t.extend_from_slice(&s.window.to_be_bytes());
    t.extend_from_slice(&[0; 4]);
    t.extend_from_slice(&s.options);
    t.extend_from_slice(&s.payload);
    let check = fold(pseudo(src.ip(), dst.ip(), proto::TCP, t.len()) + sum(&t));
    t[16..18].copy_from_slice(&check.to_be_bytes());
    ip(src.ip(), dst.ip(), proto::TCP, s.ip_id, &t)
}

/// Checksum 0 in a TCP packet without IP options or extension headers, as transmit offload leaves it.
pub fn zero_tcp_checksum(packet: &mut [u8]) {
    let at = if packet[0] >> 4 == 4 { 36 } else { 56 };
    packet[at..at + 2].fill(0);
}

/// A UDP datagram as IP packet.
pub fn udp(src: SocketAddr, dst: SocketAddr, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut u = Vec::with_capacity(8 + payload.len());
    u.extend_from_slice(&src.port().to_be_bytes());
    u.extend_from_slice(&dst.port().to_be_bytes());
    u.extend_from_slice(&(8 + payload.len() as u16).to_be_bytes());
    u.extend_from_slice(&[0, 0]);
    u.extend_from_slice(payload);
    let check = match fold(pseudo(src.ip(), dst.ip(), proto::UDP, u.len()) + sum(&u)) {
        0 => 0xffff,
        c => c,
    };
    u[6..8].copy_from_slice(&check.to_be_bytes());
    ip(src.ip(), dst.ip(), proto::UDP, id, &u)
}

/// ICMP destination unreachable (port) from `router`, quoting a whole IPv4 packet, as RFC 1812 has routers do.
pub fn unreachable(router: Ipv4Addr, quoted: &[u8], id: u16) -> Vec<u8> {
    let victim = Ipv4Addr::new(quoted[12], quoted[13], quoted[14], quoted[15]);
    let mut m = vec![3, 3, 0, 0, 0, 0, 0, 0];
    m.extend_from_slice(&quoted[..quoted.len().min(548)]);
    let check = fold(sum(&m));
    m[2..4].copy_from_slice(&check.to_be_bytes());
    ipv4(router, victim, proto::ICMP, id, &m)
}

/// Cuts an IP packet without options into fragments of at most `size` bytes of payload (a multiple of eight).
pub fn fragments(packet: &[u8], size: usize, id: u32) -> Vec<Vec<u8>> {
    let v4 = packet[0] >> 4 == 4;
    let (header, body) = packet.split_at(if v4 { 20 } else { 40 });
    let count = body.chunks(size).count();
    let pieces = body.chunks(size).enumerate();
    pieces
        .map(|(i, piece)| {
            let more = i + 1 < count;
            let offset = (i * size / 8) as u16;
            if v4 {
                let at = |n: usize| Ipv4Addr::new(header[n], header[n + 1], header[n + 2], header[n + 3]);
                let flags = offset | if more { 0x2000 } else { 0 };
                ipv4_part(at(12), at(16), header[9], id as u16, flags, piece)
            } else {
                let at = |n: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&header[n..n + 16]).unwrap());
                let mut p = vec![header[6], 0];
                p.extend_from_slice(&((offset << 3) | u16::from(more)).to_be_bytes());
                p.extend_from_slice(&id.to_be_bytes());
                p.extend_from_slice(piece);
                ipv6(at(8), at(24), proto::FRAGMENT, &p)
            }
        })
        .collect()
}

/// A locally administered Ethernet address made of the host's IP address.
pub fn mac(ip: IpAddr) -> [u8; 6] {
    let tail: [u8; 4] = match ip {
        IpAddr::V4(a) => a.octets(),
        IpAddr::V6(a) => {
            let o = a.octets();
            [o[4], o[5], o[14], o[15]]
        }
    };
    [2, 0x4d, tail[0], tail[1], tail[2], tail[3]]
}

/// The gateway's Ethernet address.
pub const GATEWAY: [u8; 6] = [2, 0x4d, 0, 0, 0, 1];

/// Ethernet type of an IP packet.
pub fn ether_type(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd }
}

/// An Ethernet frame, not padded.
pub fn ethernet(dst: [u8; 6], src: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut f = Vec::with_capacity(14 + payload.len());
    f.extend_from_slice(&dst);
    f.extend_from_slice(&src);
    f.extend_from_slice(&kind.to_be_bytes());
    f.extend_from_slice(payload);
    f
}

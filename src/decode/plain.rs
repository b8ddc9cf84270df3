//! The commonest frames of all in one step: Ethernet, perhaps one VLAN tag, IP and TCP or UDP, whole, without options of
//! IP, extension headers, fragments or tunnels.
//!
//! In: a frame. Out: the packet that the [walk](super::walk) would make of it, or `None`: then the walk says what it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::tally::Tally;
use super::transport::{self, Checked};
use super::{DecodeOptions, MacAddr, Packet, Tenant, TenantMode, Transport, tunnel};
use crate::capture::{Frame, LinkType};
use crate::health::Counter;

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const IPV6: usize = 40;
const TCP: usize = 20;
const UDP: usize = 8;

/// What an IP header says, and what follows it.
struct Ip<'f> {
    src: IpAddr,
    dst: IpAddr,
    id: u16,
    protocol: u8,
    len: u32,
    segment: &'f [u8],
}

/// The packet of a plain frame.
#[inline(always)]
#[allow(clippy::inline_always)] // see `Decoder::plain`
pub(super) fn packet<'f>(frame: &Frame<'f>, options: DecodeOptions, tally: &mut Tally) -> Option<Packet<'f>> {
    if frame.link != LinkType::ETHERNET {
        return None;
    }
    let (head, rest) = frame.data.split_first_chunk::<ETHERNET>()?;
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *head;
    let (vlan, ip) = match [t0, t1] {
        [0x08, 0x00] => (None, v4(rest)?),
        [0x86, 0xdd] => (None, v6(rest)?),
        [0x81, 0x00] if options.tenant != TenantMode::Vlan => {
            let ([i0, i1, t0, t1], rest) = rest.split_first_chunk::<4>()?;
            // Id 0 only carries a priority.
            let id = Some(u16::from_be_bytes([*i0, *i1]) & 0x0fff).filter(|id| *id != 0);
            match [*t0, *t1] {
                [0x08, 0x00] => (id, v4(rest)?),
                [0x86, 0xdd] => (id, v6(rest)?),
                _ => return None,
            }
        }
        _ => return None,
    };
    let (transport, payload, summed) = match ip.protocol {
        6 => {
            let (transport, offset) = transport::tcp_header(ip.segment.first_chunk::<TCP>()?);
            (transport, ip.segment.get(offset..).filter(|_| offset >= TCP)?, true)
        }
        _ => udp(ip.segment)?,
    };
    if summed {
        let weight = tally.sums.next(options.verify_checksums);
        if weight > 0 && transport::sum(ip.src, ip.dst, ip.protocol, ip.segment) == Checked::Wrong {
            tally.health.add_n(Counter::BadChecksum, weight);
        }
    }
    tally.health.add(if ip.protocol == 6 { Counter::TcpPackets } else { Counter::UdpPackets });
    Some(Packet {
        at: frame.at,
        time: frame.time,
        tenant: Tenant::None,
        outer: None,
        vlan,
        src_mac: Some(MacAddr([s0, s1, s2, s3, s4, s5])),
        dst_mac: Some(MacAddr([d0, d1, d2, d3, d4, d5])),
        src: ip.src,
        dst: ip.dst,
        ip_id: ip.id,
        transport,
        payload,
        wire_payload_len: payload.len() as u32,
        wire_ip_len: ip.len,
    })
}

#[inline]
fn v4(data: &[u8]) -> Option<Ip<'_>> {
    let [0x45, _, l0, l1, i0, i1, f0, f1, _, protocol @ (6 | 17), _, _, src @ .., a0, a1, a2, a3] =
        *data.first_chunk::<IPV4>()?
    else {
        return None;
    };
    // All but "do not fragment" and the reserved bit belongs to fragments.
    if u16::from_be_bytes([f0, f1]) & 0x3fff != 0 {
        return None;
    }
    let total = u16::from_be_bytes([l0, l1]);
    Some(Ip {
        src: IpAddr::V4(Ipv4Addr::from(src)),
        dst: IpAddr::V4(Ipv4Addr::new(a0, a1, a2, a3)),
        id: u16::from_be_bytes([i0, i1]),
        protocol,
        len: u32::from(total),
        segment: data.get(IPV4..usize::from(total))?,
    })
}

#[inline]
fn v6(data: &[u8]) -> Option<Ip<'_>> {
    let (head, rest) = data.split_first_chunk::<8>()?;
    let [0x60..=0x6f, _, _, _, l0, l1, protocol @ (6 | 17), _] = *head else { return None };
    let (src, dst) = (rest.first_chunk::<16>()?, rest.get(16..)?.first_chunk::<16>()?);
    let (src, dst) = (Ipv6Addr::from(*src), Ipv6Addr::from(*dst));
    let length = u16::from_be_bytes([l0, l1]);
    // No length means one of three things; a mapped address stands for another one.
    if length == 0 || src.to_ipv4_mapped().is_some() || dst.to_ipv4_mapped().is_some() {
        return None;
    }
    let len = u32::from(length) + IPV6 as u32;
    let segment = data.get(IPV6..len as usize)?;
    Some(Ip { src: IpAddr::V6(src), dst: IpAddr::V6(dst), id: 0, protocol, len, segment })
}

/// Header, payload, and whether the sender gave a checksum.
#[inline]
fn udp(segment: &[u8]) -> Option<(Transport, &[u8], bool)> {
    let ([s0, s1, d0, d1, l0, l1, c0, c1], payload) = segment.split_first_chunk::<UDP>()?;
    let (src_port, dst_port) = (u16::from_be_bytes([*s0, *s1]), u16::from_be_bytes([*d0, *d1]));
    if usize::from(u16::from_be_bytes([*l0, *l1])) != segment.len() || tunnel::is_opened_by(src_port, dst_port) {
        return None;
    }
    Some((Transport::Udp { src_port, dst_port }, payload, [*c0, *c1] != [0, 0]))
}

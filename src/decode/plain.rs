//! The commonest frame of all in one step: Ethernet, IPv4 and TCP, whole, without tags, options of IP or fragments.
//!
//! In: a frame. Out: the packet that the [walk](super::walk) would make of it, or `None`: then the walk says what it is.

use std::net::{IpAddr, Ipv4Addr};

use super::tally::Tally;
use super::transport::{self, Checked};
use super::{DecodeOptions, MacAddr, Packet, Tenant};
use crate::capture::{Frame, LinkType};
use crate::health::Counter;

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const TCP: usize = 20;

/// The packet of a plain frame.
#[inline]
pub(super) fn packet<'f>(frame: &Frame<'f>, options: DecodeOptions, tally: &mut Tally) -> Option<Packet<'f>> {
    if frame.link != LinkType::ETHERNET {
        return None;
    }
    let (head, ip) = frame.data.split_first_chunk::<ETHERNET>()?;
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, 0x08, 0x00] = *head else { return None };
    let [0x45, _, l0, l1, i0, i1, f0, f1, _, 6, _, _, src @ .., a0, a1, a2, a3] = *ip.first_chunk::<IPV4>()? else {
        return None;
    };
    // All but "do not fragment" and the reserved bit belongs to fragments.
    if u16::from_be_bytes([f0, f1]) & 0x3fff != 0 {
        return None;
    }
    let total = u16::from_be_bytes([l0, l1]);
    let segment = ip.get(IPV4..usize::from(total))?;
    let header = segment.first_chunk::<TCP>()?;
    let (transport, offset) = transport::tcp_header(header);
    let payload = segment.get(offset..).filter(|_| offset >= TCP)?;
    let (src, dst) = (Ipv4Addr::from(src), Ipv4Addr::new(a0, a1, a2, a3));
    if options.verify_checksums && transport::sum_v4(src, dst, 6, segment) == Checked::Wrong {
        tally.health.add(Counter::BadChecksum);
    }
    tally.health.add(Counter::TcpPackets);
    Some(Packet {
        at: frame.at,
        time: frame.time,
        tenant: Tenant::None,
        outer: None,
        vlan: None,
        src_mac: Some(MacAddr([s0, s1, s2, s3, s4, s5])),
        dst_mac: Some(MacAddr([d0, d1, d2, d3, d4, d5])),
        src: IpAddr::V4(src),
        dst: IpAddr::V4(dst),
        ip_id: u16::from_be_bytes([i0, i1]),
        transport,
        payload,
        wire_payload_len: payload.len() as u32,
        wire_ip_len: u32::from(total),
    })
}

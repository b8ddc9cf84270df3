//! TCP and UDP headers: the end of the walk.
//!
//! In: the payload of an IP packet. Out: its header, with the payload left in the walk, or the tunnel that a UDP port opened.

use std::net::IpAddr;

use super::checksum;
use super::tally::Skip;
use super::walk::{End, Next, Step, Walk};
use super::{TcpFlags, Transport, tunnel};
use crate::health::Counter;

/// RFC 9293 §3.1.
pub(super) fn tcp(w: &mut Walk<'_, '_>) -> Step {
    let Some(header) = w.data.first_chunk::<20>() else { return Err(Skip::Cut("TCP header")) };
    let (transport, offset) = tcp_header(header);
    if offset < 20 || offset > w.wire {
        return Err(Skip::Bad("TCP data offset"));
    }
    check(w);
    w.tally.health.add(Counter::TcpPackets);
    // A snaplen may cut the options off; the ports and numbers still count.
    w.data = w.data.get(offset..).unwrap_or_default();
    w.wire -= offset;
    Ok(Next::End(End::Packet(transport)))
}

/// What a TCP header says, and how long it says that it is.
#[inline]
pub(super) fn tcp_header(header: &[u8; 20]) -> (Transport, usize) {
    let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, u0, u1] = *header;
    let transport = Transport::Tcp {
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port: u16::from_be_bytes([d0, d1]),
        seq: u32::from_be_bytes([q0, q1, q2, q3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        window: u16::from_be_bytes([w0, w1]),
        flags: TcpFlags {
            fin: flags & 0x01 != 0,
            syn: flags & 0x02 != 0,
            rst: flags & 0x04 != 0,
            psh: flags & 0x08 != 0,
            ack: flags & 0x10 != 0,
            urgent: if flags & 0x20 == 0 { 0 } else { u16::from_be_bytes([u0, u1]) },
        },
    };
    (transport, usize::from(offset >> 4) * 4)
}

/// RFC 768.
pub(super) fn udp(w: &mut Walk<'_, '_>) -> Step {
    let Some([s0, s1, d0, d1, l0, l1, c0, c1]) = w.data.first_chunk::<8>() else { return Err(Skip::Cut("UDP header")) };
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    match length {
        // A jumbogram (RFC 2675 §4), or segmentation offload: up to the end of the packet.
        0 => {}
        1..=7 => return Err(Skip::Bad("UDP length")),
        _ if length < w.wire => w.bound(length),
        _ => {}
    }
    if [*c0, *c1] != [0, 0] {
        check(w);
    }
    let (src_port, dst_port) = (u16::from_be_bytes([*s0, *s1]), u16::from_be_bytes([*d0, *d1]));
    w.strip(8, "UDP header")?;
    if let Some(layer) = tunnel::over_udp(w, src_port, dst_port)? {
        return Ok(Next::Layer(layer));
    }
    w.tally.health.add(Counter::UdpPackets);
    Ok(Next::End(End::Packet(Transport::Udp { src_port, dst_port })))
}

/// Whether a checksum holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Checked {
    Right,
    Wrong,
}

/// Checks a whole segment between two addresses as they stand in the header.
#[inline]
pub(super) fn sum(src: IpAddr, dst: IpAddr, protocol: u8, segment: &[u8]) -> Checked {
    let addresses = match (src, dst) {
        (IpAddr::V4(s), IpAddr::V4(d)) => checksum::number(s.to_bits()) + checksum::number(d.to_bits()),
        (IpAddr::V6(s), IpAddr::V6(d)) => checksum::sum(&s.octets()) + checksum::sum(&d.octets()),
        _ => return Checked::Right,
    };
    let pseudo = addresses + checksum::number(u32::from(protocol)) + checksum::number(segment.len() as u32);
    if checksum::holds(pseudo + checksum::sum(segment)) { Checked::Right } else { Checked::Wrong }
}

/// Which segments are summed. A pass over all payloads takes as long as the rest of decoding, and what it tells is a
/// share: the first ones all, so that a small capture is judged exactly, then a sample that stands for the others.
#[derive(Debug, Default)]
pub(super) struct Sums {
    seen: u64,
}

impl Sums {
    const ALL: u64 = 16_384;
    const ONE_IN: u64 = 16;

    /// How many segments the next one stands for; 0 if it is not looked at.
    #[inline]
    pub(super) fn next(&mut self, wanted: bool) -> u64 {
        self.seen += 1;
        match self.seen {
            _ if !wanted => 0,
            n if n <= Self::ALL => 1,
            n if n.is_multiple_of(Self::ONE_IN) => Self::ONE_IN,
            _ => 0,
        }
    }
}

/// Counts a wrong checksum. Only a fully captured segment can be judged, and none is dropped for it: behind
/// checksum offload every outgoing packet looks wrong.
fn check(w: &mut Walk<'_, '_>) {
    if !w.head.checkable || w.data.len() != w.wire {
        return;
    }
    let weight = w.tally.sums.next(w.options.verify_checksums);
    if weight > 0 && sum(w.head.src, w.head.dst, w.head.protocol, w.data) == Checked::Wrong {
        w.tally.health.add_n(Counter::BadChecksum, weight);
    }
}

//! IPv4 and IPv6: lengths, fragments, extension headers, and which way the payload goes.
//!
//! In: an IP packet. Out: its transport (or a tunnel's next layer), or a fragment for the table.
//! Lengths are believed only as far as the captured bytes; what is missing shows as `wire` above `data.len()`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::tally::Skip;
use super::transport;
use super::walk::{End, Layer, Next, Step, Walk};
use crate::health::Counter;

/// Extension headers of one packet. RFC 8200 §4.1 lists six kinds, each at most once or twice.
const MAX_EXTENSIONS: usize = 10;

/// What the IP header says about its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// As sent, an IPv4-mapped address still mapped: checksums need it so.
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// IPv4 identification.
    pub(super) id: u16,
    pub(super) protocol: u8,
    /// Header and payload on the wire.
    pub(super) ip_len: u32,
    /// The pseudo-header is what the sender summed, and the payload was never cut in pieces.
    pub(super) checkable: bool,
}

impl Head {
    /// Before any IP header.
    pub(super) const NONE: Self = Self {
        src: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        dst: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        id: 0,
        protocol: 0,
        ip_len: 0,
        checkable: false,
    };
}

/// Which part of a datagram a fragment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part {
    pub(super) id: u32,
    /// In eights of bytes.
    pub(super) offset: u16,
    pub(super) more: bool,
}

pub(super) fn either(w: &mut Walk<'_, '_>) -> Step {
    match w.data.first().map(|b| b >> 4) {
        Some(4) => v4(w),
        Some(6) => v6(w),
        Some(_) => Err(Skip::Bad("IP version")),
        None => Err(Skip::Cut("IP header")),
    }
}

/// RFC 791.
pub(super) fn v4(w: &mut Walk<'_, '_>) -> Step {
    let Some(header) = w.data.first_chunk::<20>() else { return Err(Skip::Cut("IPv4 header")) };
    let [first, _, l0, l1, i0, i1, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let header = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header < 20 {
        return Err(Skip::Bad("IPv4 header"));
    }
    let total = match usize::from(u16::from_be_bytes([l0, l1])) {
        // Segmentation offload fills the length in after the capture point.
        0 => {
            w.tally.health.add(Counter::LengthZero);
            w.wire
        }
        // A receiver drops these, so nobody had this conversation.
        short if short < header => return Err(Skip::Bad("IPv4 total length")),
        total => total,
    };
    w.bound(total);
    w.strip(header, "IPv4 options")?;
    let id = u16::from_be_bytes([i0, i1]);
    w.enter(Head {
        src: Ipv4Addr::new(s0, s1, s2, s3).into(),
        dst: Ipv4Addr::new(d0, d1, d2, d3).into(),
        id,
        protocol,
        ip_len: u32::try_from(total).unwrap_or(u32::MAX),
        checkable: true,
    });
    let flags = u16::from_be_bytes([f0, f1]);
    let (more, offset) = (flags & 0x2000 != 0, flags & 0x1fff);
    if more || offset != 0 {
        return Ok(Next::End(End::Fragment(Part { id: u32::from(id), offset, more })));
    }
    upper(w)
}

/// RFC 8200 §3.
pub(super) fn v6(w: &mut Walk<'_, '_>) -> Step {
    let [first, _, _, _, l0, l1, protocol, _] = *w.take::<8>("IPv6 header")?;
    if first >> 4 != 6 {
        return Err(Skip::Bad("IPv6 header"));
    }
    let src = Ipv6Addr::from(*w.take::<16>("IPv6 header")?);
    let dst = Ipv6Addr::from(*w.take::<16>("IPv6 header")?);
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if length != 0 {
        w.bound(length);
    } else if let Some(jumbo) = jumbo_length(protocol, w.data) {
        w.bound(jumbo);
    } else if protocol != NO_NEXT_HEADER && w.wire > 0 {
        w.tally.health.add(Counter::LengthZero);
    }
    let ip_len = u32::try_from(w.wire.saturating_add(40)).unwrap_or(u32::MAX);
    w.enter(Head { src: src.into(), dst: dst.into(), id: 0, protocol, ip_len, checkable: true });
    upper(w)
}

/// The jumbo payload option (RFC 2675 §2), which Linux's BIG TCP writes first and alone.
fn jumbo_length(protocol: u8, data: &[u8]) -> Option<usize> {
    match (protocol, data) {
        (HOP_BY_HOP, [_, 0, 0xc2, 4, a, b, c, d, ..]) => {
            usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).ok().filter(|n| *n > 0xffff)
        }
        _ => None,
    }
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NO_NEXT_HEADER: u8 = 59;

/// The payload of an IP header: extension headers, then the protocol.
pub(super) fn upper(w: &mut Walk<'_, '_>) -> Step {
    let v6 = w.head.dst.is_ipv6();
    for _ in 0..MAX_EXTENSIONS {
        match w.head.protocol {
            6 => return transport::tcp(w),
            17 => return transport::udp(w),
            1 | 58 => return Err(Skip::Icmp),
            4 | 94 => return tunnel(w, Layer::Ipv4),
            41 => return tunnel(w, Layer::Ipv6),
            47 => return Ok(Next::Layer(Layer::Gre)),
            97 => {
                // EtherIP (RFC 3378): version 3 and reserved bits.
                let [0x30, _] = *w.take::<2>("EtherIP header")? else { return Err(Skip::Bad("EtherIP header")) };
                return tunnel(w, Layer::Ethernet);
            }
            137 => return tunnel(w, Layer::Mpls),
            143 if v6 => return tunnel(w, Layer::Ethernet),
            FRAGMENT if v6 => {
                let [next, _, o0, o1, i0, i1, i2, i3] = *w.take::<8>("IPv6 fragment header")?;
                w.head.protocol = next;
                let field = u16::from_be_bytes([o0, o1]);
                let (offset, more) = (field >> 3, field & 1 != 0);
                // A whole packet in one "fragment" is whole (RFC 6946).
                if more || offset != 0 {
                    let id = u32::from_be_bytes([i0, i1, i2, i3]);
                    return Ok(Next::End(End::Fragment(Part { id, offset, more })));
                }
            }
            AUTHENTICATION => {
                let [next, words] = *w.take::<2>("AH header")?;
                w.strip(usize::from(words) * 4 + 6, "AH header")?;
                w.head.protocol = next;
            }
            HOP_BY_HOP | ROUTING | 60 | 135 | 139 | 140 if v6 => {
                let [next, units] = *w.take::<2>("IPv6 extension header")?;
                if w.head.protocol == ROUTING {
                    final_destination(w.data, units, &mut w.head);
                }
                w.strip(usize::from(units) * 8 + 6, "IPv6 extension header")?;
                w.head.protocol = next;
            }
            other => return Err(Skip::IpProtocol(other)),
        }
    }
    Err(Skip::Bad("more than 10 IPv6 extension headers"))
}

fn tunnel(w: &mut Walk<'_, '_>, inner: Layer) -> Step {
    w.peel()?;
    Ok(Next::Layer(inner))
}

/// With segments left, the address in the header is only the next stop; answers come from the last one, and the
/// pseudo-header holds it (RFC 8200 §8.1). `data` starts after the first two bytes of the routing header.
fn final_destination(data: &[u8], units: u8, head: &mut Head) {
    let [kind, left, ..] = *data else { return };
    if left == 0 {
        return;
    }
    let at = match kind {
        // The last of a list of addresses in travel order.
        0 => usize::from(units / 2).saturating_sub(1) * 16 + 6,
        // One home address (RFC 6275 §6.4.1); a segment list in reverse order (RFC 8754 §2).
        2 | 4 => 6,
        _ => {
            head.checkable = false;
            return;
        }
    };
    match data.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        Some(address) if units >= 2 => head.dst = Ipv6Addr::from(*address).into(),
        _ => head.checkable = false,
    }
}

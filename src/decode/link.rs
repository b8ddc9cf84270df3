//! Link types: what a frame starts with, by its LINKTYPE_ value.
//!
//! In: a frame. Out: its first network layer, or the named reason why its link type is not read.
//! Source for all: <https://www.tcpdump.org/linktypes.html>.

use super::tally::Skip;
use super::walk::{Layer, Next, Step, Walk};
use super::{MacAddr, ppp, wlan};

/// Opens the link layer.
pub(super) fn open(w: &mut Walk<'_, '_>, kind: u16) -> Step {
    Ok(Next::Layer(match kind {
        1 => Layer::Ethernet,
        12 | 14 | 101 => Layer::Ip,
        228 => Layer::Ipv4,
        229 => Layer::Ipv6,
        0 | 108 => return loopback(w),
        113 => return cooked_v1(w),
        276 => return cooked_v2(w),
        9 => Layer::Ppp,
        10 => return fddi(w),
        50 => return ppp::serial(w),
        51 => Layer::Ethertype(0x8864),
        104 => return ppp::cisco_hdlc(w),
        // The HDLC address is replaced by the direction.
        166 => return strip(w, 2, "PPP direction", Layer::Ppp),
        204 => return strip(w, 1, "PPP direction", Layer::Ppp),
        105 => Layer::Wlan,
        119 => return wlan::prism(w),
        127 => return wlan::radiotap(w),
        163 => return wlan::avs(w),
        192 => return wlan::ppi(w),
        117 => return pflog(w),
        239 => return nflog(w),
        258 => return pktap(w),
        other => return Err(Skip::LinkType(other)),
    }))
}

fn strip(w: &mut Walk<'_, '_>, n: usize, what: &'static str, then: Layer) -> Step {
    w.strip(n, what)?;
    Ok(Next::Layer(then))
}

/// Four bytes of address family, in the byte order of the machine that captured (type 0) or of the network (108).
fn loopback(w: &mut Walk<'_, '_>) -> Step {
    let raw = *w.take::<4>("loopback header")?;
    // Some writers put an ethertype at the end.
    if let [_, _, 0x08, 0x00] | [_, _, 0x86, 0xdd] = raw {
        return Ok(Next::Layer(Layer::Ip));
    }
    let big = u32::from_be_bytes(raw);
    let family = if big > 0xffff { u32::from_le_bytes(raw) } else { big };
    Ok(Next::Layer(match family {
        2 => Layer::Ipv4,
        // AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS.
        10 | 23 | 24 | 28 | 30 => Layer::Ipv6,
        other => return Err(Skip::Family(other)),
    }))
}

/// FDDI: frame control, addresses, LLC.
fn fddi(w: &mut Walk<'_, '_>) -> Step {
    let [control] = *w.take::<1>("FDDI header")?;
    let dst = *w.take::<6>("FDDI header")?;
    let src = *w.take::<6>("FDDI header")?;
    // 01L1 in the upper half is an LLC frame (ISO 9314-2 §7.3.3); the rest is ring management.
    if control & 0xd0 != 0x50 {
        return Err(Skip::NoIp("FDDI management frame"));
    }
    (w.ctx.dst_mac, w.ctx.src_mac) = (Some(MacAddr(dst)), Some(MacAddr(src)));
    Ok(Next::Layer(Layer::Llc))
}

fn cooked_v1(w: &mut Walk<'_, '_>) -> Step {
    let [_, _, hardware @ .., p0, p1] = *w.take::<16>("Linux cooked header")?;
    let [h0, h1, l0, l1, address @ ..] = hardware;
    if u16::from_be_bytes([l0, l1]) == 6 {
        w.ctx.src_mac = Some(mac(address));
    }
    cooked(u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]))
}

fn cooked_v2(w: &mut Walk<'_, '_>) -> Step {
    let [p0, p1, _, _, _, _, _, _, h0, h1, _, length, address @ ..] = *w.take::<20>("Linux cooked v2 header")?;
    if length == 6 {
        w.ctx.src_mac = Some(mac(address));
    }
    cooked(u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]))
}

fn mac([m0, m1, m2, m3, m4, m5, ..]: [u8; 8]) -> MacAddr {
    MacAddr([m0, m1, m2, m3, m4, m5])
}

fn cooked(hardware: u16, protocol: u16) -> Step {
    Ok(Next::Layer(match (hardware, protocol) {
        (801, _) => Layer::Wlan,
        (802, _) => Layer::Link(119),
        (803, _) => Layer::Link(127),
        (824, _) => return Err(Skip::LinkType(253)),
        (_, 0x0004) => Layer::Llc,
        (_, 0x0009) => Layer::Ppp,
        (_, protocol) => Layer::Ethertype(protocol),
    }))
}

/// OpenBSD's packet filter log: a header that says its own length, padded to four bytes.
fn pflog(w: &mut Walk<'_, '_>) -> Step {
    let length = w.data.first().map_or(0, |n| usize::from(*n));
    w.strip(length.next_multiple_of(4), "pflog header")?;
    Ok(Next::Layer(Layer::Ip))
}

/// Linux netfilter log: type-length-values in the byte order of the machine that captured.
fn nflog(w: &mut Walk<'_, '_>) -> Step {
    const HARDWARE_ADDRESS: u16 = 8;
    const PAYLOAD: u16 = 9;
    let [_family, version, _, _] = *w.take::<4>("NFLOG header")?;
    if version != 0 {
        return Err(Skip::Bad("NFLOG version"));
    }
    let little = w.data.first_chunk::<4>().is_none_or(|[a, b, ..]| {
        let n = usize::from(u16::from_le_bytes([*a, *b]));
        (4..=w.wire).contains(&n)
    });
    let read = |b| if little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) };
    // Bounded by the bytes: each turn strips at least four.
    loop {
        let [l0, l1, t0, t1] = *w.take::<4>("NFLOG value")?;
        let Some(length) = usize::from(read([l0, l1])).checked_sub(4) else {
            return Err(Skip::Bad("NFLOG value length"));
        };
        match read([t0, t1]) {
            PAYLOAD => {
                // The captured payload ends where the value does; a longer packet shows in its own IP header.
                w.data = w.data.get(..length).unwrap_or(w.data);
                return Ok(Next::Layer(Layer::Ip));
            }
            HARDWARE_ADDRESS => {
                if let Some([0, 6, _, _, m0, m1, m2, m3, m4, m5, ..]) = w.data.get(..length) {
                    w.ctx.src_mac = Some(MacAddr([*m0, *m1, *m2, *m3, *m4, *m5]));
                }
            }
            _ => {}
        }
        w.strip(length.next_multiple_of(4), "NFLOG value")?;
    }
}

/// Apple's `pktap`: a header that says its own length and the link type of what follows.
fn pktap(w: &mut Walk<'_, '_>) -> Step {
    let [l0, l1, l2, l3, _, _, _, _, k0, k1, k2, k3] = *w.take::<12>("PKTAP header")?;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let Some(rest) = usize::try_from(length).ok().and_then(|n| n.checked_sub(12)) else {
        return Err(Skip::Bad("PKTAP length"));
    };
    w.strip(rest, "PKTAP header")?;
    match u16::try_from(u32::from_le_bytes([k0, k1, k2, k3])) {
        Ok(258) | Err(_) => Err(Skip::Bad("PKTAP link type")),
        Ok(kind) => Ok(Next::Layer(Layer::Link(kind))),
    }
}

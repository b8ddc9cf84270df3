//! Ethernet and what stands between it and IP: VLAN tags, LLC/SNAP, provider backbone, `MACsec` in the clear, VN-Tag.
//!
//! In: an Ethernet frame, or the payload of an ethertype. Out: the next layer inwards.

use super::tally::Skip;
use super::walk::{Layer, Next, Step, Walk, be16};
use super::{MacAddr, ppp};

/// Tags in one Ethernet layer. Two are standard, three are seen; switches pass on any number, and so does whoever hides.
const MAX_TAGS: u8 = 32;

/// An IEEE 802.3 frame without preamble.
pub(super) fn ethernet(w: &mut Walk<'_, '_>) -> Step {
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *w.take::<14>("Ethernet header")?;
    w.ctx.dst_mac = Some(MacAddr([d0, d1, d2, d3, d4, d5]));
    w.ctx.src_mac = Some(MacAddr([s0, s1, s2, s3, s4, s5]));
    w.ctx.tags = 0;
    let kind = u16::from_be_bytes([t0, t1]);
    if kind == 0x0800 {
        return super::ip::v4(w);
    }
    ethertype(w, kind)
}

/// The payload of an ethertype, or, up to 1500, an IEEE 802.3 length.
pub(super) fn ethertype(w: &mut Walk<'_, '_>, kind: u16) -> Step {
    Ok(Next::Layer(match kind {
        0x0800 => Layer::Ipv4,
        0x86dd => Layer::Ipv6,
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => return tag(w),
        0x8847 | 0x8848 => Layer::Mpls,
        0x8864 => return ppp::pppoe(w),
        0x880b => Layer::Ppp,
        0x6558 => Layer::Ethernet,
        0x894f => Layer::Nsh,
        // IEEE 802.1ah: the service tag, then the customer's whole frame.
        0x88e7 => return strip(w, 4, "PBB service tag", Layer::Ethernet),
        // IEEE 802.1BR port extender tag.
        0x893f => return strip_to_ethertype(w, 6, "E-Tag"),
        0x8926 => return strip_to_ethertype(w, 4, "VN-Tag"),
        // Cisco metadata (security group tag): version, length, option, value.
        0x8909 => return strip_to_ethertype(w, 6, "Cisco metadata"),
        0x88e5 => return macsec(w),
        0x8870 => Layer::Llc,
        length @ 0..=1500 => {
            if usize::from(length) < w.wire {
                w.bound(usize::from(length));
            }
            Layer::Llc
        }
        other => return Err(Skip::Ethertype(other)),
    }))
}

fn strip(w: &mut Walk<'_, '_>, n: usize, what: &'static str, then: Layer) -> Step {
    w.strip(n, what)?;
    Ok(Next::Layer(then))
}

/// Skips a tag that ends with the ethertype of what follows.
fn strip_to_ethertype(w: &mut Walk<'_, '_>, n: usize, what: &'static str) -> Step {
    w.strip(n, what)?;
    let kind = u16::from_be_bytes(*w.take::<2>(what)?);
    Ok(Next::Layer(Layer::Ethertype(kind)))
}

/// IEEE 802.1Q, 802.1ad and their forerunners. The outermost tag of an Ethernet layer is the one remembered.
fn tag(w: &mut Walk<'_, '_>) -> Step {
    if w.ctx.tags >= MAX_TAGS {
        return Err(Skip::TooDeep);
    }
    let [i0, i1, t0, t1] = *w.take::<4>("VLAN tag")?;
    let id = u16::from_be_bytes([i0, i1]) & 0x0fff;
    // Id 0 only carries a priority.
    if w.ctx.tags == 0 && id != 0 {
        w.ctx.vlan = Some(id);
    }
    w.ctx.tags += 1;
    Ok(Next::Layer(Layer::Ethertype(u16::from_be_bytes([t0, t1]))))
}

/// IEEE 802.1AE: readable only where it authenticates without encrypting.
fn macsec(w: &mut Walk<'_, '_>) -> Step {
    const ENCRYPTED_OR_CHANGED: u8 = 0x0c;
    const CHANNEL_ID: u8 = 0x20;
    let [control, ..] = *w.take::<6>("MACsec tag")?;
    if control & ENCRYPTED_OR_CHANGED != 0 {
        return Err(Skip::NoIp("MACsec encrypted"));
    }
    strip_to_ethertype(w, if control & CHANNEL_ID == 0 { 0 } else { 8 }, "MACsec tag")
}

/// IEEE 802.2 LLC, with SNAP.
pub(super) fn llc(w: &mut Walk<'_, '_>) -> Step {
    let [dsap, ssap, control] = *w.take::<3>("LLC header")?;
    match (dsap, ssap, control) {
        (0xaa, 0xaa, 0x03) => {
            let [o0, o1, o2, t0, t1] = *w.take::<5>("SNAP header")?;
            let kind = u16::from_be_bytes([t0, t1]);
            match (o0, o1, o2) {
                // RFC 1042, and 802.1H for bridges. A length here would be a loop, not a type.
                (0, 0, 0 | 0xf8) if kind > 1500 => Ok(Next::Layer(Layer::Ethertype(kind))),
                (0, 0, 0 | 0xf8) => Err(Skip::Bad("SNAP type")),
                (0, 0, 0x0c) => Err(Skip::NoIp("SNAP Cisco (CDP, VTP, PVST)")),
                (0x08, 0, 0x07) => Err(Skip::NoIp("SNAP AppleTalk")),
                _ => Err(Skip::NoIp("SNAP of a vendor")),
            }
        }
        (0x06, 0x06, 0x03) => Ok(Next::Layer(Layer::Ipv4)),
        _ => Err(Skip::LlcSap(dsap)),
    }
}

/// Whether an Ethernet frame with a familiar payload seems to start here. Pseudowires and ERSPAN do not say.
pub(super) fn looks_like_ethernet(data: &[u8]) -> bool {
    let version = data.get(14).map(|b| b >> 4);
    match be16(data, 12) {
        Some(0x0800) => version == Some(4),
        Some(0x86dd) => version == Some(6),
        Some(
            0x0806 | 0x8100 | 0x88a8 | 0x9100 | 0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x888e | 0x88cc | 0x8809 | 0x88e7
            | 0x9000,
        ) => true,
        // 802.3 with a spanning tree or SNAP header.
        Some(0..=1500) => matches!(data.get(14..16), Some([0x42, 0x42] | [0xaa, 0xaa])),
        _ => false,
    }
}

//! Tunnels over IP and UDP: GRE, ERSPAN, VXLAN, GENEVE, GTP-U, Teredo, L2TP, TZSP, LISP, MPLS and GRE in UDP, and NSH inside
//! them.
//!
//! In: the payload of an IP protocol or of a UDP port. Out: the layer inside, with the overlay's id as tenant.
//! A UDP port proves nothing: a payload whose tunnel header does not hold up is plain UDP.

use super::ether::looks_like_ethernet;
use super::tally::Skip;
use super::walk::{Layer, Next, Step, Walk, be16};
use super::{Tenant, checksum};

/// GRE (RFC 2784, RFC 2890), and PPTP's version 1 (RFC 2637 §4.1).
pub(super) fn gre(w: &mut Walk<'_, '_>) -> Step {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGEMENT: u16 = 0x0080;
    let [f0, f1, p0, p1] = *w.take::<4>("GRE header")?;
    let flags = u16::from_be_bytes([f0, f1]);
    let protocol = u16::from_be_bytes([p0, p1]);
    let version = flags & 0x0007;
    if version > 1 {
        return Err(Skip::Bad("GRE version"));
    }
    if flags & ROUTING != 0 {
        return Err(Skip::NoIp("GRE with source routing"));
    }
    w.peel()?;
    let mut options = 0;
    for (bit, size) in [(CHECKSUM, 4), (KEY, 4), (SEQUENCE, 4)] {
        options += if flags & bit == 0 { 0 } else { size };
    }
    if version == 1 {
        if flags & ACKNOWLEDGEMENT != 0 {
            options += 4;
        }
        if flags & SEQUENCE == 0 {
            return Err(Skip::NoIp("PPTP acknowledgement"));
        }
    }
    w.strip(options, "GRE header")?;
    Ok(Next::Layer(match protocol {
        0x0800 => Layer::Ipv4,
        0x88be => return erspan(w, flags & SEQUENCE != 0),
        0x22eb => return erspan_iii(w),
        // WCCP: version 2 puts a redirect header before the packet, version 1 does not.
        0x883e => {
            if w.data.first().is_some_and(|b| b >> 4 != 4) {
                w.strip(4, "WCCP redirect header")?;
            }
            Layer::Ipv4
        }
        // Aruba access points carry whole 802.11 frames, by radio and priority.
        0x8200..=0x8370 => Layer::Wlan,
        0 => return Err(Skip::NoIp("GRE keepalive")),
        kind @ 1..=1500 => return Err(Skip::Ethertype(kind)),
        kind => Layer::Ethertype(kind),
    }))
}

/// ERSPAN type I (no header) or II (eight bytes), draft-foschiano-erspan-03 §4. Type II should have a GRE sequence
/// number; exporters that leave it out are told by what follows.
fn erspan(w: &mut Walk<'_, '_>, sequence: bool) -> Step {
    let version = w.data.first().map_or(0, |b| b >> 4);
    let type_two =
        version == 1 && (sequence || !looks_like_ethernet(w.data) && w.data.get(8..).is_some_and(looks_like_ethernet));
    if type_two {
        let [vlan0, vlan1, session0, session1, ..] = *w.take::<8>("ERSPAN header")?;
        mirrored([vlan0, vlan1], [session0, session1], w);
    } else if version == 2 && sequence {
        return erspan_iii(w);
    }
    Ok(Next::Layer(Layer::Ethernet))
}

/// ERSPAN type III: twelve bytes and an optional platform header.
fn erspan_iii(w: &mut Walk<'_, '_>) -> Step {
    const PLATFORM_HEADER: u8 = 0x01;
    let [v0, v1, s0, s1, _, _, _, _, _, _, kind, flags] = *w.take::<12>("ERSPAN header")?;
    if v0 >> 4 != 2 {
        return Err(Skip::Bad("ERSPAN version"));
    }
    mirrored([v0, v1], [s0, s1], w);
    if flags & PLATFORM_HEADER != 0 {
        w.strip(8, "ERSPAN platform header")?;
    }
    Ok(Next::Layer(match kind >> 2 & 0x1f {
        0 => Layer::Ethernet,
        2 => Layer::Ip,
        _ => return Err(Skip::NoIp("ERSPAN frame of another kind")),
    }))
}

/// The mirrored frame may have lost its VLAN tag to the ERSPAN header; a tag still inside overrides it later.
fn mirrored(vlan: [u8; 2], session: [u8; 2], w: &mut Walk<'_, '_>) {
    let vlan = u16::from_be_bytes(vlan) & 0x0fff;
    if vlan != 0 {
        w.ctx.vlan = Some(vlan);
    }
    w.ctx.overlay = Tenant::Erspan(u16::from_be_bytes(session) & 0x03ff);
}

/// The network service header (RFC 8300 §2).
pub(super) fn nsh(w: &mut Walk<'_, '_>) -> Step {
    let [version, length, _, next] = *w.take::<4>("NSH")?;
    let words = usize::from(length & 0x3f);
    if version >> 6 != 0 || words < 2 {
        return Err(Skip::Bad("NSH"));
    }
    w.strip(words * 4 - 4, "NSH")?;
    match next_protocol(next) {
        Some(layer) => Ok(Next::Layer(layer)),
        None => Err(Skip::NoIp("NSH payload of another kind")),
    }
}

/// The numbers that NSH and VXLAN-GPE share.
fn next_protocol(n: u8) -> Option<Layer> {
    Some(match n {
        1 => Layer::Ipv4,
        2 => Layer::Ipv6,
        3 => Layer::Ethernet,
        4 => Layer::Nsh,
        5 => Layer::Mpls,
        _ => return None,
    })
}

/// Whether there may be a tunnel between these UDP ports.
#[inline]
pub(super) const fn is_opened_by(src: u16, dst: u16) -> bool {
    matches!(
        (src, dst),
        (_, 4789 | 8472 | 4790 | 6081 | 2152 | 37008 | 3544 | 1701 | 4341 | 4754 | 6635) | (2152 | 3544 | 1701, _)
    )
}

/// Opens the tunnel that a UDP port announces, if its header holds up; otherwise leaves `w` as it was.
pub(super) fn over_udp(w: &mut Walk<'_, '_>, src: u16, dst: u16) -> Result<Option<Layer>, Skip> {
    let opened = match (src, dst) {
        (_, 4789 | 8472) => vxlan(w.data, w.wire),
        (_, 4790) => vxlan_gpe(w.data),
        (_, 6081) => geneve(w.data),
        (_, 2152) | (2152, _) => gtp_u(w.data, w.wire),
        (_, 37008) => tzsp(w.data),
        (_, 3544) | (3544, _) => teredo(w.data, w.wire),
        (_, 1701) | (1701, _) => l2tp(w.data, w.wire),
        (_, 4341) => lisp(w.data, w.wire),
        (_, 4754) => gre_in_udp(w.data, w.wire),
        (_, 6635) => mpls_in_udp(w.data, w.wire),
        _ => return Ok(None),
    };
    let Some((header, layer, overlay)) = opened else { return Ok(None) };
    w.peel()?;
    w.strip(header, "tunnel header")?;
    if let Some(id) = overlay {
        w.ctx.overlay = id;
    }
    Ok(Some(layer))
}

/// Header length, what is inside, and the overlay's id.
type Opened = Option<(usize, Layer, Option<Tenant>)>;

fn id24(a: u8, b: u8, c: u8) -> u32 {
    u32::from_be_bytes([0, a, b, c])
}

/// VXLAN (RFC 7348 §5), with the group policy extension's bits allowed. A receiver ignores reserved bits, so bits set
/// there only raise the demand on what follows.
fn vxlan(data: &[u8], wire: usize) -> Opened {
    const ID_VALID: u8 = 0x08;
    const GROUP_POLICY: u8 = 0x80;
    let [flags, p0, p1, p2, v0, v1, v2, reserved] = *data.first_chunk::<8>()?;
    let policy_ok = flags & GROUP_POLICY != 0 || [p0, p1, p2] == [0; 3];
    let clean = flags & !GROUP_POLICY == ID_VALID && policy_ok && reserved == 0 && wire >= 8 + 14;
    let valid = clean || flags & ID_VALID != 0 && data.get(8..).is_some_and(looks_like_ethernet);
    valid.then(|| (8, Layer::Ethernet, Some(Tenant::Vxlan(id24(v0, v1, v2)))))
}

/// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe-12 §3).
fn vxlan_gpe(data: &[u8]) -> Opened {
    const ID_VALID: u8 = 0x08;
    const NEXT_PROTOCOL: u8 = 0x04;
    const VERSION_OR_OAM: u8 = 0x31;
    let [flags, p0, p1, next, v0, v1, v2, reserved] = *data.first_chunk::<8>()?;
    if flags & ID_VALID == 0 || flags & VERSION_OR_OAM != 0 || [p0, p1, reserved] != [0; 3] {
        return None;
    }
    let layer = if flags & NEXT_PROTOCOL == 0 { Layer::Ethernet } else { next_protocol(next)? };
    Some((8, layer, Some(Tenant::Vxlan(id24(v0, v1, v2)))))
}

/// GENEVE (RFC 8926 §3.4).
fn geneve(data: &[u8]) -> Opened {
    const VERSION: u8 = 0xc0;
    const RESERVED: u8 = 0x3f;
    let [first, second, t0, t1, v0, v1, v2, reserved] = *data.first_chunk::<8>()?;
    if first & VERSION != 0 || second & RESERVED != 0 || reserved != 0 {
        return None;
    }
    let kind = u16::from_be_bytes([t0, t1]);
    if !matches!(kind, 0x6558 | 0x0800 | 0x0806 | 0x86dd | 0x8847 | 0x8848 | 0x894f | 0x880b) {
        return None;
    }
    let header = 8 + usize::from(first & 0x3f) * 4;
    data.get(header..)?;
    Some((header, Layer::Ethertype(kind), Some(Tenant::Geneve(id24(v0, v1, v2)))))
}

/// GTP-U version 1, G-PDU only (3GPP TS 29.281 §5.1, §5.2).
fn gtp_u(data: &[u8], wire: usize) -> Opened {
    const ANY_OPTION: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    const G_PDU: u8 = 255;
    const MAX_EXTENSIONS: usize = 8;
    let [flags, kind, l0, l1, ..] = *data.first_chunk::<8>()?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if flags & 0xf0 != 0x30 || kind != G_PDU || length + 8 > wire {
        return None;
    }
    let mut header = 8;
    if flags & ANY_OPTION != 0 {
        header += 4;
        let mut next = if flags & EXTENSION == 0 { 0 } else { *data.get(11)? };
        for _ in 0..MAX_EXTENSIONS {
            if next == 0 {
                break;
            }
            let size = usize::from(*data.get(header)?) * 4;
            if size == 0 {
                return None;
            }
            header += size;
            next = *data.get(header - 1)?;
        }
        if next != 0 {
            return None;
        }
    }
    matches!(data.get(header)? >> 4, 4 | 6).then_some((header, Layer::Ip, None))
}

/// Teredo (RFC 4380 §5.1.1): IPv6, after an optional authentication and an optional origin indication.
fn teredo(data: &[u8], wire: usize) -> Opened {
    let mut header = 0;
    if let [0, 1, id, auth, ..] = data {
        header += 4 + usize::from(*id) + usize::from(*auth) + 9;
    }
    if let Some([0, 0, ..]) = data.get(header..) {
        header += 8;
    }
    let inner = data.get(header..)?;
    let length = usize::from(be16(inner, 4)?);
    (inner.first()? >> 4 == 6 && header + 40 + length <= wire).then_some((header, Layer::Ipv6, None))
}

/// L2TP version 2 data messages (RFC 2661 §3.1).
fn l2tp(data: &[u8], wire: usize) -> Opened {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    const RESERVED: u16 = 0x34f0;
    let flags = be16(data, 0)?;
    if flags & (CONTROL | RESERVED) != 0 || flags & 0x000f != 2 {
        return None;
    }
    let mut header = 6;
    if flags & LENGTH != 0 {
        if usize::from(be16(data, 2)?) > wire {
            return None;
        }
        header += 2;
    }
    if flags & SEQUENCE != 0 {
        header += 4;
    }
    if flags & OFFSET != 0 {
        header += 2 + usize::from(be16(data, header)?);
    }
    data.get(header..)?;
    Some((header, Layer::Ppp, None))
}

/// Whether that is an IP packet, to the byte; or one with something behind it, of which more is asked: that the header's
/// checksum holds, or, as IPv6 has none, that there is a known protocol inside, and nothing but zeros behind it.
fn is_ip(data: &[u8], wire: usize) -> bool {
    let length = match data.first().map(|b| b >> 4) {
        Some(4) => be16(data, 2).map(usize::from),
        Some(6) => be16(data, 4).map(|n| 40 + usize::from(n)),
        _ => None,
    };
    match length {
        Some(n) if n < wire => is_ip_for_sure(data, n),
        Some(n) => n == wire,
        None => false,
    }
}

fn is_ip_for_sure(data: &[u8], length: usize) -> bool {
    match *data {
        [first, ..] if first >> 4 == 4 => {
            let header = usize::from(first & 0x0f) * 4;
            (20..=length).contains(&header) && data.get(..header).is_some_and(|h| checksum::holds(checksum::sum(h)))
        }
        // Options, TCP, UDP, routing, fragment, ICMP.
        [_, _, _, _, _, _, 0 | 6 | 17 | 43 | 44 | 58, ..] => {
            data.get(length..).is_some_and(|behind| behind.iter().all(|b| *b == 0))
        }
        _ => false,
    }
}

/// LISP data (RFC 9300 §5): the instance id is what keeps equal addresses of several networks apart (§8).
fn lisp(data: &[u8], wire: usize) -> Opened {
    const HEADER: usize = 8;
    const INSTANCE_ID: u8 = 0x08;
    let [flags, _, _, _, i0, i1, i2, _] = *data.first_chunk::<HEADER>()?;
    let id = (flags & INSTANCE_ID != 0).then(|| Tenant::Lisp(id24(i0, i1, i2)));
    is_ip(data.get(HEADER..)?, wire.checked_sub(HEADER)?).then_some((HEADER, Layer::Ip, id))
}

/// GRE in UDP (RFC 8086 §3) with IP or Ethernet inside.
fn gre_in_udp(data: &[u8], wire: usize) -> Opened {
    let [flags, version, p0, p1] = *data.first_chunk::<4>()?;
    // Checksum, key and sequence number; nothing else is in use.
    if flags & 0x4f != 0 || version != 0 {
        return None;
    }
    let header = 4 + 4 * (flags >> 4).count_ones() as usize;
    let inner = data.get(header..)?;
    let fits = match u16::from_be_bytes([p0, p1]) {
        0x0800 | 0x86dd => is_ip(inner, wire.checked_sub(header)?),
        0x6558 => looks_like_ethernet(inner),
        _ => false,
    };
    fits.then_some((0, Layer::Gre, None))
}

/// MPLS in UDP (RFC 7510 §3) with IP inside.
fn mpls_in_udp(data: &[u8], wire: usize) -> Opened {
    const BOTTOM: u8 = 1;
    const LABELS: usize = 8;
    let labels =
        1 + data.chunks_exact(4).take(LABELS).position(|label| matches!(label, [_, _, b, _] if b & BOTTOM != 0))?;
    is_ip(data.get(4 * labels..)?, wire.checked_sub(4 * labels)?).then_some((0, Layer::Mpls, None))
}

/// TZSP version 1, received or to be sent: tagged fields up to an end tag.
fn tzsp(data: &[u8]) -> Opened {
    const PADDING: u8 = 0;
    const END: u8 = 1;
    let [1, 0 | 1, k0, k1] = *data.first_chunk::<4>()? else { return None };
    let layer = match u16::from_be_bytes([k0, k1]) {
        1 => Layer::Ethernet,
        18 => Layer::Wlan,
        119 => Layer::Link(119),
        127 => Layer::Link(163),
        _ => return None,
    };
    let mut at = 4;
    loop {
        match *data.get(at)? {
            END => return Some((at + 1, layer, None)),
            PADDING => at += 1,
            _ => at += 2 + usize::from(*data.get(at + 1)?),
        }
    }
}

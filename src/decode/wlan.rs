//! IEEE 802.11 data frames and the headers that capture tools put before them.
//!
//! In: a frame of link type 105, 119, 127, 163 or 192. Out: the LLC payload of a readable data frame, or the named
//! reason why there is none (management, control, protected, a fragment, bad FCS).

use super::MacAddr;
use super::tally::Skip;
use super::walk::{Layer, Next, Step, Walk, be32};

const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;
/// LLC/SNAP of an encapsulated ethertype, RFC 1042.
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];

/// An 802.11 frame without FCS (IEEE 802.11-2020 §9.2, §9.3.2).
pub(super) fn data_frame(w: &mut Walk<'_, '_>) -> Step {
    data_frame_aligned(w, false)
}

fn data_frame_aligned(w: &mut Walk<'_, '_>, header_padded: bool) -> Step {
    let [control, flags, _, _, a1 @ ..] = *w.take::<10>("802.11 header")?;
    match (control & 0x03, control >> 2 & 0x03) {
        (0, 0) => return Err(Skip::NoIp("802.11 management frame")),
        (0, 1) => return Err(Skip::NoIp("802.11 control frame")),
        (0, 2) => {}
        _ => return Err(Skip::NoIp("802.11 frame of no known kind")),
    }
    let subtype = control >> 4;
    if subtype & 0x04 != 0 {
        return Err(Skip::NoIp("802.11 data frame without data"));
    }
    let a2 = *w.take::<6>("802.11 header")?;
    let a3 = *w.take::<6>("802.11 header")?;
    let [sequence, _] = *w.take::<2>("802.11 header")?;
    let (destination, source) = match (flags & TO_DS != 0, flags & FROM_DS != 0) {
        (false, false) => (a1, a2),
        (false, true) => (a1, a3),
        (true, false) => (a3, a2),
        (true, true) => (a3, *w.take::<6>("802.11 fourth address")?),
    };
    w.ctx.dst_mac = Some(MacAddr(destination));
    w.ctx.src_mac = Some(MacAddr(source));
    w.ctx.tags = 0;
    let mut aggregate = false;
    let mut header = if flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS { 30 } else { 24 };
    if subtype & 0x08 != 0 {
        let [qos, _] = *w.take::<2>("802.11 QoS control")?;
        aggregate = qos & 0x80 != 0;
        header += 2;
        if flags & ORDER != 0 {
            w.strip(4, "802.11 HT control")?;
            header += 4;
        }
    }
    if header_padded {
        w.strip(header % 4, "802.11 header padding")?;
    }
    // Some drivers hand up decrypted frames with the bit still set.
    if flags & PROTECTED != 0 && !w.data.starts_with(&SNAP) {
        return Err(Skip::NoIp("802.11 protected frame"));
    }
    if flags & MORE_FRAGMENTS != 0 || sequence & 0x0f != 0 {
        return Err(Skip::NoIp("802.11 fragment"));
    }
    if aggregate {
        return first_subframe(w);
    }
    Ok(Next::Layer(Layer::Llc))
}

/// An A-MSDU (§9.3.2.2). A frame gives one packet, so the subframes after the first are counted by name.
fn first_subframe(w: &mut Walk<'_, '_>) -> Step {
    let destination = *w.take::<6>("A-MSDU subframe")?;
    let source = *w.take::<6>("A-MSDU subframe")?;
    let length = usize::from(u16::from_be_bytes(*w.take::<2>("A-MSDU subframe")?));
    w.ctx.dst_mac = Some(MacAddr(destination));
    w.ctx.src_mac = Some(MacAddr(source));
    // Subframes are padded to four bytes, their 14-byte header included.
    let next = length.saturating_add(14).next_multiple_of(4).saturating_sub(14);
    if w.data.get(next..).is_some_and(|rest| rest.len() > 14) {
        w.tally.remark(Skip::NoIp("A-MSDU subframes after the first"));
    }
    if length < w.wire {
        w.bound(length);
    }
    Ok(Next::Layer(Layer::Llc))
}

/// Radiotap, <https://www.radiotap.org>: only the flags field matters here.
pub(super) fn radiotap(w: &mut Walk<'_, '_>) -> Step {
    const HAS_TSFT: u32 = 1;
    const HAS_FLAGS: u32 = 1 << 1;
    const MORE_WORDS: u32 = 1 << 31;
    const FCS: u8 = 0x10;
    const DATA_PAD: u8 = 0x20;
    const BAD_FCS: u8 = 0x40;
    let Some([version, _, l0, l1, p0, p1, p2, p3]) = w.data.first_chunk() else {
        return Err(Skip::Cut("radiotap header"));
    };
    let length = usize::from(u16::from_le_bytes([*l0, *l1]));
    if *version != 0 || length < 8 {
        return Err(Skip::Bad("radiotap header"));
    }
    let present = u32::from_le_bytes([*p0, *p1, *p2, *p3]);
    let header = w.data.get(..length).ok_or(Skip::Cut("radiotap header"))?;
    let mut at = 8;
    let mut word = present;
    while word & MORE_WORDS != 0 {
        let Some(next) = header.get(at..).and_then(<[u8]>::first_chunk) else {
            return Err(Skip::Bad("radiotap header"));
        };
        word = u32::from_le_bytes(*next);
        at += 4;
    }
    if present & HAS_TSFT != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    let flags = if present & HAS_FLAGS == 0 { 0 } else { header.get(at).copied().unwrap_or(0) };
    w.strip(length, "radiotap header")?;
    if flags & BAD_FCS != 0 {
        return Err(Skip::NoIp("802.11 frame with a bad FCS"));
    }
    if flags & FCS != 0 {
        drop_fcs(w);
    }
    data_frame_aligned(w, flags & DATA_PAD != 0)
}

fn drop_fcs(w: &mut Walk<'_, '_>) {
    let wire = w.wire.saturating_sub(4);
    w.data = w.data.get(..wire).unwrap_or(w.data);
    w.wire = wire.max(w.data.len());
}

/// AVS: a magic number and its own length, big-endian.
pub(super) fn avs(w: &mut Walk<'_, '_>) -> Step {
    let length = be32(w.data, 4).ok_or(Skip::Cut("AVS header"))?;
    w.strip(length as usize, "AVS header")?;
    Ok(Next::Layer(Layer::Wlan))
}

/// Prism: a message code and its length, in the byte order of the machine that captured; or AVS, or nothing at all.
pub(super) fn prism(w: &mut Walk<'_, '_>) -> Step {
    const AVS_MAGIC: u32 = 0x8021_1000;
    const CODES: [u32; 2] = [0x41, 0x44];
    let code = be32(w.data, 0).ok_or(Skip::Cut("prism header"))?;
    let length = be32(w.data, 4).ok_or(Skip::Cut("prism header"))?;
    if code & 0xffff_fff0 == AVS_MAGIC {
        return avs(w);
    }
    let length = if CODES.contains(&code) {
        length
    } else if CODES.contains(&code.swap_bytes()) {
        length.swap_bytes()
    } else {
        return Ok(Next::Layer(Layer::Wlan));
    };
    w.strip(length as usize, "prism header")?;
    Ok(Next::Layer(Layer::Wlan))
}

/// Per-packet information: its own length and the link type of what follows, little-endian.
pub(super) fn ppi(w: &mut Walk<'_, '_>) -> Step {
    let [_version, _flags, l0, l1, k0, k1, k2, k3] = *w.take::<8>("PPI header")?;
    let Some(fields) = usize::from(u16::from_le_bytes([l0, l1])).checked_sub(8) else {
        return Err(Skip::Bad("PPI length"));
    };
    w.strip(fields, "PPI header")?;
    match u16::try_from(u32::from_le_bytes([k0, k1, k2, k3])) {
        Ok(192) | Err(_) => Err(Skip::Bad("PPI link type")),
        Ok(kind) => Ok(Next::Layer(Layer::Link(kind))),
    }
}

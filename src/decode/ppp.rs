//! PPP in its framings, and Cisco HDLC.
//!
//! In: a PPP frame, a `PPPoE` session packet, an HDLC frame. Out: the network protocol inside.

use super::tally::Skip;
use super::walk::{Layer, Next, Step, Walk};

/// PPP (RFC 1661), with or without the HDLC address and control bytes (RFC 1662).
pub(super) fn frame(w: &mut Walk<'_, '_>) -> Step {
    if let [0xff, 0x03, ..] = w.data {
        w.strip(2, "PPP header")?;
    }
    let [first] = *w.take::<1>("PPP protocol")?;
    // An odd first byte is a protocol compressed to one byte (RFC 1661 §6.5).
    let protocol = if first & 1 == 1 {
        u16::from(first)
    } else {
        let [second] = *w.take::<1>("PPP protocol")?;
        u16::from_be_bytes([first, second])
    };
    Ok(Next::Layer(match protocol {
        0x0021 => Layer::Ipv4,
        0x0057 => Layer::Ipv6,
        0x0281 | 0x0283 => Layer::Mpls,
        other => return Err(Skip::PppProtocol(other)),
    }))
}

/// `LINKTYPE_PPP_HDLC`: PPP in HDLC framing, or Cisco's by its address byte (RFC 1547 §4.3.1).
pub(super) fn serial(w: &mut Walk<'_, '_>) -> Step {
    match w.data.first() {
        Some(0x0f | 0x8f) => cisco_hdlc(w),
        _ => frame(w),
    }
}

/// Cisco HDLC: address, control, ethertype.
pub(super) fn cisco_hdlc(w: &mut Walk<'_, '_>) -> Step {
    let [_address, _control, t0, t1] = *w.take::<4>("Cisco HDLC header")?;
    match u16::from_be_bytes([t0, t1]) {
        0x8035 => Err(Skip::NoIp("Cisco HDLC keepalive")),
        length @ 0..=1500 => Err(Skip::Ethertype(length)),
        kind => Ok(Next::Layer(Layer::Ethertype(kind))),
    }
}

/// A `PPPoE` session packet (RFC 2516 §4).
pub(super) fn pppoe(w: &mut Walk<'_, '_>) -> Step {
    let [version, code, _, _, l0, l1] = *w.take::<6>("PPPoE header")?;
    if version != 0x11 || code != 0 {
        return Err(Skip::Bad("PPPoE header"));
    }
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if length < w.wire {
        w.bound(length);
    }
    Ok(Next::Layer(Layer::Ppp))
}

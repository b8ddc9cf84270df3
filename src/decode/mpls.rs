//! MPLS: labels off, then a guess at the payload, which no label names.
//!
//! In: a label stack (RFC 3032). Out: IP, or the Ethernet of a pseudowire (RFC 4385, RFC 4448).

use super::ether::looks_like_ethernet;
use super::tally::Skip;
use super::walk::{Layer, Next, Step, Walk, be16};

const MAX_LABELS: usize = 8;

pub(super) fn labels(w: &mut Walk<'_, '_>) -> Step {
    const BOTTOM: u8 = 1;
    for _ in 0..MAX_LABELS {
        let [_, _, third, _] = *w.take::<4>("MPLS label")?;
        if third & BOTTOM != 0 {
            return payload(w);
        }
    }
    Err(Skip::Bad("more than 8 MPLS labels"))
}

fn payload(w: &mut Walk<'_, '_>) -> Step {
    let Some(first) = w.data.first() else { return Err(Skip::Cut("MPLS payload")) };
    // A pseudowire without a control word starts with a MAC address, whose first nibble may be 4 or 6 as well.
    let ethernet = looks_like_ethernet(w.data);
    Ok(Next::Layer(match first >> 4 {
        4 if !ethernet || plausible_v4(w) => Layer::Ipv4,
        6 if !ethernet || plausible_v6(w) => Layer::Ipv6,
        0 if w.data.get(4..).is_some_and(looks_like_ethernet) => {
            w.strip(4, "pseudowire control word")?;
            Layer::Ethernet
        }
        _ if ethernet => Layer::Ethernet,
        1 => return Err(Skip::NoIp("MPLS associated channel")),
        _ => return Err(Skip::NoIp("MPLS payload of no known kind")),
    }))
}

fn plausible_v4(w: &Walk<'_, '_>) -> bool {
    w.data.first().is_some_and(|b| b & 0x0f >= 5) && be16(w.data, 2).is_some_and(|n| usize::from(n) <= w.wire)
}

fn plausible_v6(w: &Walk<'_, '_>) -> bool {
    be16(w.data, 4).is_some_and(|n| usize::from(n).saturating_add(40) <= w.wire)
}

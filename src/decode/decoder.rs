//! The decoder itself: one per worker, with its fragment table and its counters.
//!
//! In: [`Frame`]s in capture order. Out: at most one [`Packet`] each.

use super::fragment::{Fragment, Table};
use super::tally::{Skip, Tally};
use super::walk::{Context, End, Layer, Walk};
use super::{Packet, plain};
use crate::capture::Frame;
use crate::health::Health;

/// Datagrams that may be fragmented inside one another: a tunnel's outside, its inside, and one to spare.
const MAX_REASSEMBLIES: usize = 3;

/// Which identifier keeps equal addresses apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TenantMode {
    /// The innermost VXLAN, GENEVE or ERSPAN id. VLAN ids do not count: a mirror may deliver each direction of a
    /// connection with another one.
    #[default]
    Tunnel,
    /// The innermost tunnel id, or the VLAN id where there is no tunnel.
    Vlan,
    /// All addresses are one network.
    None,
}

/// How a [`Decoder`] works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodeOptions {
    /// What makes a packet's [`Tenant`](super::Tenant).
    pub tenant: TenantMode,
    /// Count wrong TCP and UDP checksums; costs a pass over each payload. No packet is ever dropped for one.
    pub verify_checksums: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { tenant: TenantMode::default(), verify_checksums: true }
    }
}

/// What became of a frame by itself.
#[derive(Debug)]
pub enum Begun<'f> {
    /// Its innermost packet.
    Packet(Packet<'f>),
    /// None, and that is counted.
    Nothing,
    /// A part of a datagram, for [`Decoder::assemble`].
    Part(Part<'f>),
}

/// A part of a datagram.
#[derive(Debug)]
pub struct Part<'f>(Fragment<'f>);

/// Turns frames into packets.
///
/// Every frame is accounted for: `frames` equals the sum of `tcp_packets`, `udp_packets`, `icmp_packets`,
/// `other_packets`, `not_ip`, `malformed`, `link_type_unknown`, `tunnel_too_deep` and of `fragments` less
/// `fragments_reassembled`.
#[derive(Debug, Default)]
pub struct Decoder {
    options: DecodeOptions,
    fragments: Table,
    /// Where a packet that came in fragments stands while it is looked at; one buffer for each nesting.
    whole: [Vec<u8>; MAX_REASSEMBLIES],
    tally: Tally,
}

impl Decoder {
    /// A decoder with nothing seen.
    pub fn new(options: DecodeOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// The innermost TCP or UDP packet of a frame, or of the datagram that the frame's fragment completed. `None` is
    /// counted, with its reason. A packet quoted by an ICMP error is never given out.
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Option<Packet<'a>> {
        match self.begin(frame) {
            Begun::Packet(packet) => Some(packet),
            Begun::Nothing => None,
            Begun::Part(part) => self.assemble(&part),
        }
    }

    /// As [`decode`](Self::decode), as far as the frame goes: what it gives is borrowed from the frame alone.
    pub fn begin<'f>(&mut self, frame: &Frame<'f>) -> Begun<'f> {
        match self.plain(frame) {
            Some(packet) => Begun::Packet(packet),
            None => self.walk(frame),
        }
    }

    /// The first half of [`begin`](Self::begin): all there is to do for the commonest frames. Where it gives nothing,
    /// [`walk`](Self::walk) must follow.
    #[inline(always)] // a packet is large: it is made where it is to lie
    #[allow(clippy::inline_always)]
    pub fn plain<'f>(&mut self, frame: &Frame<'f>) -> Option<Packet<'f>> {
        let Self { options, tally, .. } = self;
        tally.frame(frame.link.0, frame.data.len(), frame.wire_len);
        plain::packet(frame, *options, tally)
    }

    /// The second half: takes the frame apart header by header.
    #[inline(never)]
    pub fn walk<'f>(&mut self, frame: &Frame<'f>) -> Begun<'f> {
        let Self { options, tally, .. } = self;
        let ctx = Context::new(frame.at, frame.time);
        let mut walk = Walk::new(frame.data, frame.wire_len as usize, ctx, *options, tally);
        match walk.run(Layer::Link(frame.link.0)) {
            Ok(End::Packet(transport)) => Begun::Packet(walk.packet(transport)),
            Ok(End::Fragment(part)) => Begun::Part(Part(Fragment::new(&walk, part))),
            Err(why) => {
                walk.tally.skip(why);
                Begun::Nothing
            }
        }
    }

    /// Takes a part of a datagram; the packet in it, if it was the last that was missing.
    pub fn assemble(&mut self, part: &Part<'_>) -> Option<Packet<'_>> {
        let Self { options, fragments, whole, tally } = self;
        let mut buffers = whole.iter_mut();
        let mut done = fragments.insert(&part.0, &mut tally.health)?;
        let mut ctx = part.0.ctx;
        while let Some(buffer) = buffers.next() {
            *buffer = done.bytes;
            let mut walk = Walk::new(buffer, buffer.len(), ctx, *options, tally);
            walk.head = done.head;
            let fragment = match walk.run(Layer::Upper) {
                Ok(End::Packet(transport)) => return Some(walk.packet(transport)),
                Ok(End::Fragment(part)) => Fragment::new(&walk, part),
                Err(why) => {
                    walk.tally.skip(why);
                    return None;
                }
            };
            if buffers.len() == 0 {
                break;
            }
            done = fragments.insert(&fragment, &mut tally.health)?;
            ctx = fragment.ctx;
        }
        tally.skip(Skip::TooDeep);
        None
    }

    /// The counters so far.
    pub fn health(&self) -> Health {
        self.tally.snapshot()
    }

    /// The counters since the last call; they start again at zero.
    pub fn take_health(&mut self) -> Health {
        std::mem::take(&mut self.tally).snapshot()
    }

    /// The input is over: gives up the datagrams that miss a fragment, counts them, and takes the counters.
    pub fn finish(&mut self) -> Health {
        self.fragments.finish(&mut self.tally.health);
        self.take_health()
    }

    #[cfg(test)]
    pub(super) fn fragment_usage(&self) -> (usize, usize) {
        self.fragments.usage()
    }
}

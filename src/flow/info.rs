//! What is known of a flow besides its bytes: counts, times, where it was seen, and its handshake.

use std::net::IpAddr;

use super::handshake::Handshake;
use super::key::{BothWays, Direction};
use crate::address::is_private;
use crate::capture::Stamp;
use crate::decode::{MacAddr, Packet};

/// Counts of one direction. A mirror's second copies are not in it, retransmissions are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Packets.
    pub packets: u64,
    /// IP bytes on the wire.
    pub bytes: u64,
    /// Transport payload bytes on the wire.
    pub payload: u64,
}

impl Counts {
    pub(super) fn add(&mut self, packet: &Packet<'_>) {
        self.packets += 1;
        self.bytes += u64::from(packet.wire_ip_len);
        self.payload += u64::from(packet.wire_payload_len.max(packet.payload.len() as u32));
    }
}

/// The first few VLAN ids a flow was seen in (mirrors often use one for each direction).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct VlanSet {
    ids: [u16; 4],
    len: u8,
}

impl VlanSet {
    /// The ids in order of appearance, at most four.
    pub fn ids(&self) -> &[u16] {
        self.ids.get(..self.len as usize).unwrap_or(&[])
    }

    fn add(&mut self, id: u16) {
        if !self.ids().contains(&id)
            && let Some(place) = self.ids.get_mut(self.len as usize)
        {
            *place = id;
            self.len += 1;
        }
    }
}

/// The tunnels that one direction came in.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Carried {
    /// A packet was seen.
    seen: bool,
    /// Outer source and destination of the first packet, if it came in a tunnel.
    first: Option<Box<(IpAddr, IpAddr)>>,
    /// Later packets came another way.
    mixed: bool,
}

impl Carried {
    fn note(&mut self, outer: Option<(IpAddr, IpAddr)>) {
        if self.seen {
            self.mixed |= self.first.as_deref() != outer.as_ref();
        } else {
            (self.seen, self.first) = (true, outer.map(Box::new));
        }
    }

    /// Whether only somebody inside can have sent it: plain, or in a tunnel that a private address opened.
    fn is_ours(&self) -> bool {
        !self.mixed && self.first.as_ref().is_none_or(|outer| is_private(outer.0))
    }
}

/// What is known of a flow.
#[derive(Clone, Default, Debug)]
pub struct FlowInfo {
    /// First packet, the handshake's included.
    pub first: Stamp,
    /// Last packet: the latest time, and its frame.
    pub last: Stamp,
    /// Counts of each direction.
    pub counts: BothWays<Counts>,
    /// Tunnels of each direction.
    pub carried: BothWays<Carried>,
    /// VLANs.
    pub vlans: VlanSet,
    /// MAC address of the sender of each direction, as first seen.
    pub macs: BothWays<Option<MacAddr>>,
    /// The start was not captured.
    pub mid_stream: bool,
    /// It was let go before and looked worth another look: counts and proof begin here.
    pub second_look: bool,
    /// Proof of a real conversation.
    pub handshake: Handshake,
}

impl FlowInfo {
    /// The only direction seen, if the other never was.
    pub const fn one_way(&self) -> Option<Direction> {
        match (self.counts.lo_to_hi.packets, self.counts.hi_to_lo.packets) {
            (_, 0) => Some(Direction::LoToHi),
            (0, _) => Some(Direction::HiToLo),
            _ => None,
        }
    }

    /// Whether one host outside could have written both directions: they came in tunnels, and not from the two ends of
    /// one. Anyone may send a tunnel's packets past a sensor, with any addresses inside.
    pub fn may_be_one_writer(&self) -> bool {
        let (a, b) = (&self.carried.lo_to_hi, &self.carried.hi_to_lo);
        if a.is_ours() && b.is_ours() {
            return false;
        }
        match (a.first.as_deref(), b.first.as_deref()) {
            (Some(&(from, to)), Some(back)) => a.mixed || b.mixed || *back != (to, from),
            _ => true,
        }
    }

    /// Packets and IP bytes of both directions.
    pub const fn total(&self) -> Counts {
        let (a, b) = (&self.counts.lo_to_hi, &self.counts.hi_to_lo);
        Counts { packets: a.packets + b.packets, bytes: a.bytes + b.bytes, payload: a.payload + b.payload }
    }

    pub(super) fn count(&mut self, way: Direction, packet: &Packet<'_>) {
        self.counts.get_mut(way).add(packet);
        self.carried.get_mut(way).note(packet.outer);
        if packet.time >= self.last.time {
            self.last = packet.stamp();
        }
        if let Some(vlan) = packet.vlan {
            self.vlans.add(vlan);
        }
        let sender = self.macs.get_mut(way);
        if sender.is_none() {
            *sender = packet.src_mac;
        }
        // Where only one direction is mirrored, the receiver's address is in this one.
        let receiver = self.macs.get_mut(way.reverse());
        if receiver.is_none() {
            *receiver = packet.dst_mac;
        }
    }
}

//! Packets that change nothing but when their flow was last heard: most of all packets, and those for which a look-up has
//! to be everything.
//!
//! In: packets of any flow. Out: whether that was all, or where the flow is, for [`look`](FlowTable::packet_found).

use super::FlowTable;
use crate::decode::Packet;
use crate::flow::foresight::Sight;
use crate::flow::handshake::Header;
use crate::flow::slot::Class;
use crate::health::Health;

/// What is to be done with a packet whose flow was looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pass {
    /// Nothing more: it belongs to a flow that was let go.
    Done,
    /// It is to be looked at. The slot of its flow, if there is one.
    Look(Option<u32>),
}

impl<S> FlowTable<S> {
    /// Takes a packet as far as it goes without a look at it. What is not [`Pass::Done`] must go to
    /// [`packet_found`](Self::packet_found) next.
    #[inline]
    pub fn pass(&mut self, packet: &Packet<'_>, sight: &Sight, health: &mut Health) -> Pass {
        self.grant();
        self.lasts = None;
        if self.unswept {
            self.sweep(health);
        }
        let Sight { key, way, hash } = sight;
        let found = self.index.find(*hash, |i| self.slots.get(i as usize).is_some_and(|s| s.key == *key));
        let pace = self.limits.pace;
        let Some(number) = found else { return Pass::Look(None) };
        let Some(slot) = self.slots.get_mut(number as usize) else { return Pass::Look(None) };
        if slot.cold.is_some() || slot.syn_pending || slot.class == Class::Closed || slot.tempo.listener().is_some() {
            return Pass::Look(found);
        }
        let header = Header::of(packet);
        let plain = header.as_ref().is_some_and(|h| !(h.flags.syn || h.flags.fin || h.flags.rst));
        let alive = packet.time.since(slot.last) <= self.limits.idle_of(slot.class);
        let mut tempo = slot.tempo;
        if !plain || !alive || (self.limits.again)(packet.payload) || tempo.packet(packet, header.as_ref(), pace) {
            return Pass::Look(found);
        }
        slot.tempo = tempo;
        (slot.last, slot.heard) = (packet.time, self.now);
        slot.touched = true;
        *slot.seen.get_mut(*way) = true;
        Pass::Done
    }
}

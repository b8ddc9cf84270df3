//! Flows of the table that last, and who listens to them.
//!
//! In: packets of any flow. Out: [`Lasts`] for those that somebody may listen to, and the numbers of listeners whose flow is
//! over.

use super::FlowTable;
use crate::decode::Packet;
use crate::flow::handshake::Header;
use crate::flow::info::FlowInfo;
use crate::flow::key::Direction;
use crate::flow::lasting::{Lasts, Pace, Tempo};
use crate::flow::slot::Class;

impl<S> FlowTable<S> {
    /// The flow of the packet that was taken last, if it lasts and is slow, or is listened to.
    pub fn lasting(&self) -> Option<Lasts> {
        let (number, way) = self.lasts?;
        let slot = self.slots.get(number as usize)?;
        let cold = slot.cold.as_deref().map(|c| &c.info.handshake);
        let begun = slot.isn.lo_to_hi.is_some() || slot.isn.hi_to_lo.is_some();
        let opener = slot.proven.or_else(|| cold.and_then(|h| h.client)).or(begun.then_some(slot.origin));
        let verified = slot.proven.is_some() || cold.is_some_and(|h| h.verified);
        let both = slot.seen.lo_to_hi && slot.seen.hi_to_lo;
        Some(Lasts { slot: number, listener: slot.tempo.listener(), key: slot.key, way, opener, both, verified })
    }

    /// Somebody listens to a flow from now on, whose number is handed back with each of its packets, and when it is over;
    /// or nobody does any more. The slot must be that of a flow that goes on.
    pub fn set_listener(&mut self, slot: u32, listener: Option<u32>) {
        if let Some(slot) = self.slots.get_mut(slot as usize) {
            slot.tempo = listener.map_or(Tempo::default(), Tempo::taken_by);
        }
    }

    /// What is known of the flow in a slot, unless it was let go.
    pub fn peek(&self, slot: u32) -> Option<(&FlowInfo, &S)> {
        let cold = self.slots.get(slot as usize)?.cold.as_deref()?;
        Some((&cold.info, &cold.state))
    }

    /// Which flows are told of as lasting, from now on.
    pub const fn set_pace(&mut self, pace: Pace) {
        self.limits.pace = pace;
    }

    /// A flow that is listened to bears evidence, or no longer: it idles out later and is evicted last.
    pub fn keep_listening(&mut self, slot: u32, keep: bool) {
        let Some(place) = self.slots.get_mut(slot as usize) else { return };
        place.keep = keep || place.keep && place.cold.is_some();
        if place.class != Class::Closed {
            let class = place.open_class();
            self.reclass(slot, class);
        }
    }

    /// Whether [`next_ended`](Self::next_ended) or [`next_silent`](Self::next_silent) has something to tell.
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty() || !self.silent.is_empty()
    }

    /// The listener of a flow that is over and of which [`next_ended`](Self::next_ended) does not tell.
    pub fn next_silent(&mut self) -> Option<u32> {
        self.silent.pop_front()
    }

    /// Whether the packet's flow lasts.
    pub(super) fn listen(&mut self, number: u32, way: Direction, packet: &Packet<'_>, header: Option<&Header>) {
        let pace = self.limits.pace;
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        if slot.tempo.packet(packet, header, pace) {
            self.lasts = Some((number, way));
        }
    }
}

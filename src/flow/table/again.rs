//! Second looks: flows that were let go for what they said first.
//!
//! In: payloads of such flows that look promising. Out: now and then, an inspection that begins anew.

use super::FlowTable;
use crate::decode::Packet;
use crate::flow::info::FlowInfo;
use crate::flow::key::BothWays;
use crate::flow::slot::Cold;
use crate::health::{Counter, Health};

impl<S: Default> FlowTable<S> {
    /// A flow was let go for what it said first. Whoever talks long enough is bound to be heard again: the 8th and 32nd
    /// promising payload and every 64th from then on are looked at as a conversation picked up in the middle, and every
    /// fourth that has a miner's word in it; but each of those no more than once a minute: mining is slow, and what is fast
    /// would be looked at all the time.
    #[inline(never)]
    pub(super) fn look_again(&mut self, number: u32, packet: &Packet<'_>, health: &mut Health) -> bool {
        if !(self.limits.again)(packet.payload) {
            return false;
        }
        let Some(slot) = self.slots.get_mut(number as usize) else { return false };
        slot.glances = slot.glances.checked_add(1).unwrap_or(u8::MAX - 63);
        let word = |payload| (self.limits.telling)(payload);
        let due = match slot.glances {
            8 | 32 => {
                slot.looked.take(packet.time, true);
                true
            }
            n if n.is_multiple_of(64) && slot.looked.take(packet.time, true) => true,
            n => n.is_multiple_of(4) && word(packet.payload) && slot.looked.take(packet.time, false),
        };
        if !due || !slot.key.is_tcp() {
            return false;
        }
        health.add(Counter::SecondLooks);
        let stamp = packet.stamp();
        let proven = slot.proven;
        let mut info =
            FlowInfo { first: stamp, last: stamp, mid_stream: true, second_look: true, ..FlowInfo::default() };
        if let Some(client) = proven {
            info.handshake.resume(client);
        }
        let cold = Cold {
            info,
            recent: BothWays::default(),
            mirrored: false,
            streams: Some(BothWays::default()),
            state: S::default(),
        };
        slot.cold = Some(Box::new(cold));
        true
    }
}

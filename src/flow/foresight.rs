//! Memory fetched ahead of time: what the next packets will touch, before the first of them is looked at.
//!
//! In: some packets, by key and hash ([`Sight`]). Out: nothing but warm caches. With many flows each packet's state is
//! somewhere else in memory, and every step of its look-up waits for the one before. Here one step is taken for all
//! packets before the next one, so that the waits of many packets pass together. No result depends on it: a flow that is
//! met here may be gone when the packet's turn comes.

use super::key::{Direction, FlowHasher, FlowKey};
use super::slot::Cold;
use super::table::FlowTable;
use crate::decode::{Packet, Transport};
use crate::prefetch::fetch;

/// Packets looked at together, at most: enough that waits overlap, few enough that what was fetched is still there.
pub const TOGETHER: usize = 32;

/// A packet's flow, worked out once.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    pub(super) key: FlowKey,
    pub(super) way: Direction,
    pub(super) hash: u64,
}

impl Sight {
    pub(super) fn of(packet: &Packet<'_>, hasher: &FlowHasher) -> Self {
        let (key, way) = FlowKey::of(packet);
        Self { key, way, hash: hasher.flow(&key) }
    }
}

/// What a caller's state has in other places.
pub trait Foresee {
    /// Pointers to follow one after the other, at most.
    const STEPS: usize;

    /// Fetches what is `step` pointers away, where everything nearer was fetched before.
    fn foresee(&self, step: usize);
}

impl<S: Foresee> FlowTable<S> {
    /// Fetches what these packets will touch. `sights` gets one for each; those of UDP are not fetched.
    pub fn foresee(&self, packets: &[(Packet<'_>, u64)], sights: &mut Vec<Sight>) {
        sights.clear();
        for (packet, _) in packets {
            let sight = Sight::of(packet, self.hasher());
            self.index().fetch(sight.hash);
            if packet.payload.is_empty() {
                self.half_open().fetch(sight.hash);
            }
            sights.push(sight);
        }
        let mut near = [None; TOGETHER];
        for ((near, sight), (packet, _)) in near.iter_mut().zip(sights.iter()).zip(packets) {
            if matches!(packet.transport, Transport::Tcp { .. }) {
                *near = self.index().candidate(sight.hash).and_then(|number| self.slot(number));
                match near {
                    Some(slot) => fetch(*slot),
                    None => self.half_open().fetch_entry(sight.hash),
                }
            }
        }
        let mut states: [Option<&S>; TOGETHER] = [None; TOGETHER];
        for ((state, near), (packet, _)) in states.iter_mut().zip(&near).zip(packets) {
            let Some(cold) = near.and_then(|slot| slot.cold.as_deref()) else { continue };
            let Cold { info, recent, streams, state: of, .. } = cold;
            fetch(info);
            fetch(recent);
            fetch(streams);
            if !packet.payload.is_empty() {
                fetch(of);
                *state = Some(of);
            }
        }
        for step in 1..=S::STEPS {
            for state in states.iter().flatten() {
                state.foresee(step);
            }
        }
    }
}

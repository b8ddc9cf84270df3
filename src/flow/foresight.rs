//! Memory fetched ahead of time: what the next packets will touch, before the first of them is looked at.
//!
//! In: some packets, by key and hash ([`Sight`]). Out: nothing but warm caches. With many flows each packet's state is
//! somewhere else in memory, and every step of its look-up waits for the one before. Here one step is taken for all
//! packets before the next one: the loads do not depend on each other, so that the processor has many of them under way.
//! They are plain loads whose sum is given to a black box; no result depends on them, and what they saw may be gone when
//! the packet's turn comes.

use std::hint::black_box;

use super::key::{Direction, FlowHasher, FlowKey};
use super::slot::Cold;
use super::table::FlowTable;
use crate::decode::{Packet, Transport};

/// Packets looked at together, at most: enough that waits overlap, few enough that what was fetched is still there.
pub const TOGETHER: usize = 64;

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

/// What a caller's state has in other places: one step a pointer that has to be followed.
pub trait Foresee {
    /// Pointers to follow, at most.
    const STEPS: usize;

    /// Loads what is `step` pointers away, where everything nearer was loaded before; at step 0 the state itself.
    fn load(&self, step: usize) -> usize;
}

impl<S: Foresee> FlowTable<S> {
    /// Fetches what these packets will touch. `sights` gets one for each; those of UDP are not fetched.
    pub fn foresee(&self, packets: &[(Packet<'_>, u64)], sights: &mut Vec<Sight>) {
        let mut sum = 0_usize;
        sights.clear();
        for (packet, _) in packets {
            let sight = Sight::of(packet, self.hasher());
            sum = sum.wrapping_add(self.index().peek(sight.hash));
            sights.push(sight);
        }
        let mut near = [None; TOGETHER];
        for ((near, sight), (packet, _)) in near.iter_mut().zip(sights.iter()).zip(packets) {
            if !matches!(packet.transport, Transport::Tcp { .. }) {
                continue;
            }
            match self.index().candidate(sight.hash) {
                Some(number) => *near = self.slot(number),
                None => sum = sum.wrapping_add(self.half_open().peek(sight.hash)),
            }
            sum = sum.wrapping_add(near.map_or(0, |slot| slot.hash as usize));
        }
        let mut cold: [Option<&Cold<S>>; TOGETHER] = [None; TOGETHER];
        for ((cold, near), (packet, _)) in cold.iter_mut().zip(&near).zip(packets) {
            *cold = near.and_then(|slot| slot.cold.as_deref());
            let Some(cold) = cold else { continue };
            sum = sum.wrapping_add(cold.load());
            if !packet.payload.is_empty() {
                sum = sum.wrapping_add(cold.state.load(0));
            }
        }
        for step in 1..=S::STEPS {
            for (cold, (packet, _)) in cold.iter().zip(packets) {
                if let Some(cold) = cold
                    && !packet.payload.is_empty()
                {
                    sum = sum.wrapping_add(cold.state.load(step));
                }
            }
        }
        black_box(sum);
    }
}

//! Room in the table: who goes when it is full, and who has been silent for too long.
//!
//! In: the source of a flow to be, and how much time has passed. Out: flows that are over.

use super::FlowTable;
use crate::flow::slot::Class;
use crate::flow::sources::Source;
use crate::flow::touched::EndReason;
use crate::health::{Counter, Health};
use crate::time::Elapsed;

/// Flows looked at in one sweep of a class: bounds the stall of one packet.
const SWEEP_AT_MOST: usize = 1024;
/// Recently used flows passed over in search of one to evict, at most.
const EVICT_LOOKS: usize = 64;
/// Flows of a source over its quota looked at for one that may go.
const QUOTA_LOOKS: usize = 8;

impl<S> FlowTable<S> {
    /// Makes room for one more flow of `source`; false if it may have none.
    pub(super) fn make_room(&mut self, source: Source, health: &mut Health) -> bool {
        if self.sources.count(source) >= self.limits.per_source {
            let own = self.sources.oldest(source, &self.slots, QUOTA_LOOKS, |s| !s.keep);
            health.add(Counter::FlowsEvicted);
            let Some(own) = own else { return false };
            self.end(own, EndReason::Evicted, health);
        }
        // They cost the most, and whoever forges them does so without end.
        if self.unanswered.len() >= self.limits.unanswered()
            && let Some(old) = self.unused(Class::Unanswered)
        {
            health.add(Counter::FlowsEvicted);
            self.end(old, EndReason::Evicted, health);
        }
        if self.index.len() >= self.limits.max_flows {
            // Closed flows first, evidence last.
            let Some(victim) = Class::ALL.into_iter().find_map(|class| self.unused(class)) else { return false };
            health.add(Counter::FlowsEvicted);
            self.end(victim, EndReason::Evicted, health);
        }
        true
    }

    /// The longest unused flow of a class.
    fn unused(&mut self, class: Class) -> Option<u32> {
        for _ in 0..EVICT_LOOKS {
            let number = self.list(class).front()?;
            let slot = self.slots.get_mut(number as usize)?;
            if !slot.touched {
                return Some(number);
            }
            slot.touched = false;
            slot.queued = slot.heard;
            self.requeue(number, class);
        }
        self.list(class).front()
    }

    /// So much time has passed, by the packets of everybody: flows that were silent for too long end. A little late, so that
    /// packets slightly out of time order find the flow; the exact limit is applied, by its own packets, when one comes.
    pub fn tick(&mut self, now: Elapsed, health: &mut Health) {
        self.grant();
        self.now = self.now.max(now);
        self.sweep(health);
    }

    /// Ends what is over. With much of it, the rest waits for the next packets.
    pub(super) fn sweep(&mut self, health: &mut Health) {
        let now = self.now;
        self.unswept = false;
        for class in Class::ALL {
            let limit = self.limits.idle_of(class);
            let late = limit + limit / 4;
            let mut looks = 0;
            while let Some(number) = self.list(class).front() {
                let Some(slot) = self.slots.get_mut(number as usize) else { break };
                if now.since(slot.queued) <= late {
                    break;
                }
                if looks == SWEEP_AT_MOST {
                    self.unswept = true;
                    break;
                }
                looks += 1;
                if now.since(slot.heard) > late {
                    let reason = if class == Class::Closed { EndReason::Closed } else { EndReason::Idle };
                    self.end(number, reason, health);
                } else {
                    slot.queued = slot.heard;
                    slot.touched = false;
                    self.requeue(number, class);
                }
            }
        }
    }
}

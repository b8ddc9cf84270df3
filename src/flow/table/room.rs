//! Room in the table: who goes when it is full, and who has been silent for too long.
//!
//! In: the source of a flow to be, and packet time. Out: flows that are over.

use std::time::Duration;

use super::FlowTable;
use crate::flow::slot::Class;
use crate::flow::sources::Source;
use crate::flow::touched::EndReason;
use crate::health::{Counter, Health};
use crate::time::PacketTime;

/// How often idle flows are looked for, in packet time.
const SWEEP_EVERY: Duration = Duration::from_millis(250);
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
        if self.index.len() >= self.limits.max_flows {
            let Some(victim) = self.victim() else { return false };
            health.add(Counter::FlowsEvicted);
            self.end(victim, EndReason::Evicted, health);
        }
        true
    }

    /// Closed flows first, then the longest unused of the plain ones, evidence last.
    fn victim(&mut self) -> Option<u32> {
        for class in [Class::Closed, Class::Plain, Class::Kept] {
            for _ in 0..EVICT_LOOKS {
                let Some(number) = self.list(class).front() else { break };
                let Some(slot) = self.slots.get_mut(number as usize) else { break };
                if !slot.touched {
                    return Some(number);
                }
                slot.touched = false;
                slot.queued = slot.queued.max(slot.last);
                self.requeue(number, class);
            }
            if let Some(number) = self.list(class).front() {
                return Some(number);
            }
        }
        None
    }

    /// Ends flows that were silent for too long. A little late, so that packets slightly out of time order find the
    /// flow; the exact limit is applied when a packet comes.
    pub(super) fn sweep(&mut self, now: PacketTime, health: &mut Health) {
        if now < self.swept {
            // One timestamp from the future must not stop the sweeping for good.
            self.swept = now;
        }
        // One from days ahead ends no flow: nobody else's worker would see it.
        if now.since(self.swept) < SWEEP_EVERY || !self.time.see(now) {
            return;
        }
        let mut done = true;
        for class in [Class::Closed, Class::Plain, Class::Kept] {
            let limit = self.limits.idle_of(class);
            let late = limit + limit / 4;
            let mut looks = 0;
            while let Some(number) = self.list(class).front() {
                let Some(slot) = self.slots.get_mut(number as usize) else { break };
                if now.since(slot.queued) <= late {
                    break;
                }
                if looks == SWEEP_AT_MOST {
                    done = false;
                    break;
                }
                looks += 1;
                if now.since(slot.last) > late {
                    let reason = if class == Class::Closed { EndReason::Closed } else { EndReason::Idle };
                    self.end(number, reason, health);
                } else {
                    slot.queued = slot.last.max(slot.queued);
                    slot.touched = false;
                    self.requeue(number, class);
                }
            }
        }
        if done {
            self.swept = now;
        }
    }
}

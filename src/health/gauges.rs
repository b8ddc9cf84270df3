//! Counters that can be read while the run goes on.
//!
//! In: each thread's own [`Health`], at most once a second. Out: the sum. No packet waits for a lock: a thread takes the
//! lock of its own slot when it publishes, and nobody else holds it but for a copy. The clock that says when to publish
//! is the machine's, and nothing that is found depends on it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Health;

/// How often a thread publishes at the most.
const EVERY: Duration = Duration::from_secs(1);

/// The counters of a run under way.
#[derive(Debug, Default)]
pub struct Gauges(Mutex<Vec<Arc<Mutex<Health>>>>);

impl Gauges {
    /// A slot for one more thread.
    pub fn gauge(&self) -> Gauge {
        let slot = Arc::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&slot));
        Gauge { slot, due: None }
    }

    /// What all threads have counted, as of a second ago at the most.
    pub fn merged(&self) -> Health {
        let mut sum = Health::default();
        for slot in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            sum.merge(&slot.lock().unwrap_or_else(PoisonError::into_inner));
        }
        sum
    }
}

/// A thread's slot.
#[derive(Debug)]
pub struct Gauge {
    slot: Arc<Mutex<Health>>,
    due: Option<Instant>,
}

impl Gauge {
    /// Publishes if it is time to. `health` is asked only then.
    pub fn refresh(&mut self, health: impl FnOnce() -> Health) {
        let now = Instant::now();
        if self.due.is_none_or(|due| now >= due) {
            self.due = Some(now + EVERY);
            self.publish(health());
        }
    }

    /// Publishes now.
    pub fn publish(&self, health: Health) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Counter;
    use super::*;

    #[test]
    fn the_sum_is_of_the_latest_of_every_thread() {
        let gauges = Gauges::default();
        let (mut a, b) = (gauges.gauge(), gauges.gauge());
        let frames = |n| {
            let mut h = Health::default();
            h.add_n(Counter::Frames, n);
            h
        };
        a.refresh(|| frames(3));
        b.publish(frames(10));
        b.publish(frames(11));
        assert_eq!(gauges.merged().get(Counter::Frames), 14);
        // Within the same second nobody is asked.
        a.refresh(|| unreachable!());
    }
}

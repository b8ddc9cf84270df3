//! Shares of an interface's frames, each read by a thread of its own.
//!
//! In: rings, handed over by the thread that looks after the interface, whenever it is opened anew. Out: their frames,
//! and counters that the other thread reads. A ring that was replaced is read to its end first.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ring::Ring;
use super::{FRAMES, HOLD, TEND, clock, wait};
use crate::capture::{PacketSource, Step};
use crate::time::PacketTime;

/// Longest wait for a frame: what others found waits until it is known that no earlier frame is here.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);

/// What a reader is to go on with.
#[derive(Default)]
enum Next {
    /// What it has.
    #[default]
    Same,
    /// A new ring.
    Ring(Ring),
    /// Nothing, for now.
    Nothing,
}

/// What is between the two threads.
#[derive(Default)]
struct Slot {
    next: Mutex<Next>,
    /// Nobody reads any more.
    left: AtomicBool,
    frames: AtomicU64,
    kernel_drops: AtomicU64,
    /// Why its ring cannot be read any more.
    failure: Mutex<Option<String>>,
}

impl Slot {
    fn hand_over(&self, next: Next) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

/// The slots of one interface.
#[derive(Default)]
pub(super) struct Slots(Vec<Arc<Slot>>);

impl Slots {
    /// That many, and who reads them.
    pub(super) fn new(count: usize) -> (Self, Vec<Share>) {
        let slots: Vec<Arc<Slot>> = (0..count).map(|_| Arc::default()).collect();
        let shares = slots.iter().map(|s| Share::new(Arc::clone(s))).collect();
        (Self(slots), shares)
    }

    fn read(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.0.iter().filter(|s| !s.left.load(Ordering::Relaxed))
    }

    /// How many are read.
    pub(super) fn count(&self) -> usize {
        self.read().count()
    }

    /// Gives each a ring. One whose reader has just left closes its ring again.
    pub(super) fn open(&self, rings: Vec<Ring>) {
        for (slot, ring) in self.read().zip(rings) {
            slot.hand_over(Next::Ring(ring));
        }
    }

    /// Takes their rings away.
    pub(super) fn close(&self) {
        self.read().for_each(|slot| slot.hand_over(Next::Nothing));
    }

    /// Frames read.
    pub(super) fn frames(&self) -> u64 {
        self.0.iter().map(|s| s.frames.load(Ordering::Relaxed)).sum()
    }

    /// Frames that the kernel dropped.
    pub(super) fn kernel_drops(&self) -> u64 {
        self.0.iter().map(|s| s.kernel_drops.load(Ordering::Relaxed)).sum()
    }

    /// Why one of them cannot be read any more, told once.
    pub(super) fn failure(&self) -> Option<String> {
        self.read().find_map(|s| s.failure.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

/// A share of an interface's frames.
pub(super) struct Share {
    slot: Arc<Slot>,
    ring: Option<Ring>,
    frames: u64,
    /// Frames since the clock was asked.
    since: u32,
    tend_at: Instant,
    /// It was read.
    begun: bool,
    dry: bool,
    fruitless: bool,
    /// What had not come into sight when the last wait was over cannot be older.
    looked: PacketTime,
    /// The same, of the last look that found nothing.
    past: PacketTime,
}

impl Share {
    fn new(slot: Arc<Slot>) -> Self {
        let long_ago = PacketTime::ZERO;
        Self {
            slot,
            ring: None,
            frames: 0,
            since: 0,
            tend_at: Instant::now(),
            begun: false,
            dry: true,
            fruitless: false,
            looked: long_ago,
            past: long_ago,
        }
    }

    fn tend(&mut self) {
        self.since = 0;
        let at = Instant::now();
        if at < self.tend_at {
            return;
        }
        self.tend_at = at + TEND;
        self.count();
    }

    fn count(&mut self) {
        let Some(ring) = &mut self.ring else { return };
        let (kernel, _) = ring.drops();
        self.slot.frames.store(self.frames, Ordering::Relaxed);
        self.slot.kernel_drops.fetch_add(kernel, Ordering::Relaxed);
        if let Some(why) = &ring.failed {
            *self.slot.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
        }
    }

    /// Takes what was handed over.
    fn change(&mut self) {
        let next = std::mem::take(&mut *self.slot.next.lock().unwrap_or_else(PoisonError::into_inner));
        if matches!(next, Next::Same) {
            return;
        }
        self.count();
        // That of the old one is no news any more.
        *self.slot.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.ring = match next {
            Next::Ring(ring) => Some(ring.counting_from(self.frames)),
            Next::Same | Next::Nothing => None,
        };
    }
}

impl PacketSource for Share {
    fn next(&mut self) -> Step<'_> {
        self.since += 1;
        if std::mem::take(&mut self.dry) {
            self.begun = true;
            self.change();
            let handle = self.ring.as_ref().map(Ring::handle);
            self.fruitless = wait(handle.into_iter(), PATIENCE, self.fruitless);
            self.tend();
            self.looked = PacketTime::ZERO.plus(clock().saturating_sub(HOLD));
        } else if self.since >= FRAMES {
            self.tend();
        }
        if let Some(ring) = &mut self.ring {
            let step = ring.look();
            if matches!(step, Step::Frame(_)) {
                self.fruitless = false;
                self.frames += 1;
                return step;
            }
        }
        self.past = self.looked;
        self.dry = true;
        Step::Idle
    }

    fn ready(&mut self) -> bool {
        !self.dry
    }

    fn past(&self) -> PacketTime {
        self.past
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.slot.left.store(true, Ordering::Relaxed);
        self.change();
        self.count();
        // Were it closed, the others would get its frames: connections that they have never seen, while they end, too. One
        // that was never read must not keep its frames from them.
        if let Some(ring) = self.ring.take().filter(|_| self.begun) {
            self.slot.hand_over(Next::Ring(ring));
        }
    }
}

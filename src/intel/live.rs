//! The feeds in use: one set for all threads, replaced as a whole.
//!
//! In: an [`Intel`], and later ones. Out: the newest to whoever asks between two batches. Nobody waits on the packet
//! path: readers compare a number, and take the new set only when it changed.

use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Intel;

/// The feeds in use.
#[derive(Debug, Default)]
pub struct CurrentIntel {
    intel: RwLock<Intel>,
    generation: AtomicU64,
}

impl CurrentIntel {
    /// Begins with these.
    pub fn new(intel: Intel) -> Self {
        Self { intel: RwLock::new(intel), generation: AtomicU64::new(0) }
    }

    /// The newest.
    pub fn get(&self) -> Intel {
        // A writer that panicked left a whole set behind: it is only ever replaced.
        self.intel.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Changes with every [`CurrentIntel::replace`].
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Replaces the set.
    pub fn replace(&self, intel: Intel) {
        *self.intel.write().unwrap_or_else(std::sync::PoisonError::into_inner) = intel;
        self.generation.fetch_add(1, Ordering::Release);
    }
}

//! Tells, while a watch runs, what becomes of its interfaces and whether it is blind.
//!
//! In: what the reader and the workers publish. Out: sentences on standard error, each once; and the same as states, on
//! the board for those who ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Failure;
use super::replay::complain;
use super::session::Listener;
use crate::capture::live::{LinkState, LiveStatus};
use crate::health::{Gauges, Look, Port, Watchdog};
use crate::ledger::Alert;

/// How often counters are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Looks after a watch.
pub(super) struct Vigil {
    status: Arc<LiveStatus>,
    gauges: Arc<Gauges>,
    watchdog: Watchdog,
    begun: Instant,
    due: Duration,
    #[cfg(feature = "state")]
    shown: Option<Shown>,
}

/// Where others find it, and which feeds were shown there.
#[cfg(feature = "state")]
struct Shown {
    board: crate::serve::Board,
    intel: Arc<crate::intel::CurrentIntel>,
    generation: Option<u64>,
}

impl Vigil {
    pub(super) fn new(status: Arc<LiveStatus>, gauges: Arc<Gauges>) -> Self {
        Self {
            status,
            gauges,
            watchdog: Watchdog::default(),
            begun: Instant::now(),
            due: Duration::ZERO,
            #[cfg(feature = "state")]
            shown: None,
        }
    }

    /// Shows on a board, too, how things stand, and which feeds are in use.
    #[cfg(feature = "state")]
    pub(super) fn shown_on(mut self, board: crate::serve::Board, intel: &Arc<crate::intel::CurrentIntel>) -> Self {
        self.shown = Some(Shown { board, intel: Arc::clone(intel), generation: None });
        self
    }

    /// What there is to tell. May be called as often as you like.
    pub(super) fn look(&mut self) -> Vec<String> {
        let mut told = self.status.take_news();
        let at = self.begun.elapsed();
        if at >= self.due {
            self.due = at + EVERY;
            let interfaces = self.status.interfaces();
            let ports: Vec<_> = interfaces
                .iter()
                .map(|i| Port {
                    name: &i.name,
                    watched: i.state == LinkState::Watched,
                    frames: i.frames,
                    kernel_drops: i.kernel_drops,
                    interface_drops: i.interface_drops,
                })
                .collect();
            let health = self.gauges.merged();
            told.extend(self.watchdog.look(&Look { at, health: &health, ports: &ports }));
            #[cfg(feature = "state")]
            if let Some(shown) = &mut self.shown {
                shown.board.watched(interfaces, health, self.watchdog.states(), at);
                let generation = Some(shown.intel.generation());
                if shown.generation != generation {
                    shown.generation = generation;
                    shown.board.knows(shown.intel.get().lists());
                }
            }
        }
        told
    }
}

/// A listener with a vigil beside it.
pub(super) struct Vigilant<'a, L> {
    pub(super) listener: &'a mut L,
    pub(super) vigil: Vigil,
}

impl<L: Listener> Listener for Vigilant<'_, L> {
    fn alert(&mut self, alert: &Alert) -> Result<(), Failure> {
        self.listener.alert(alert)
    }

    fn progress(&mut self, frames: u64) {
        // Where nobody reads, nobody is told.
        drop(complain(&self.vigil.look()));
        self.listener.progress(frames);
    }
}

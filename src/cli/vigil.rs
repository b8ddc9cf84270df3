//! Tells, while a watch runs, what becomes of its interfaces and whether it is blind.
//!
//! In: what the reader and the workers publish. Out: sentences on standard error, each once; and the same as states, on
//! the board for those who ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Failure;
use super::replay::complain;
use super::session::Listener;
use crate::capture::live::{Interface, LinkState, LiveStatus};
use crate::health::{Gauges, Look, Port, Watchdog};
use crate::ledger::{Alert, FlowFinding};
use crate::notify::Notifier;
use crate::text::counted;

/// How often counters are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Looks after a watch.
pub(super) struct Vigil {
    status: Arc<LiveStatus>,
    gauges: Arc<Gauges>,
    watchdog: Watchdog,
    manager: Notifier,
    begun: Instant,
    due: Duration,
    /// The reader's turns when it was last told that it lives, and when.
    lived: Option<(u64, Duration)>,
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
    pub(super) fn new(status: Arc<LiveStatus>, gauges: Arc<Gauges>, manager: Notifier) -> Self {
        Self {
            status,
            gauges,
            watchdog: Watchdog::default(),
            manager,
            begun: Instant::now(),
            due: Duration::ZERO,
            lived: None,
            #[cfg(feature = "state")]
            shown: None,
        }
    }

    /// The last look.
    pub(super) fn end(&mut self) -> Vec<String> {
        self.manager.stopping();
        self.look()
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
            self.lives(at, &interfaces);
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

    /// Tells the service manager that it lives, as long as the reader does: who only tells that its clock ticks is
    /// restarted too late.
    fn lives(&mut self, at: Duration, interfaces: &[Interface]) {
        let Some(every) = self.manager.alive_every() else { return };
        let turns = self.status.turns();
        if self.lived.is_none_or(|(before, when)| turns != before && at.saturating_sub(when) >= every / 2) {
            self.lived = Some((turns, at));
            self.manager.alive();
            let watched = interfaces.iter().filter(|i| i.state == LinkState::Watched).count();
            let frames: u64 = interfaces.iter().map(|i| i.frames).sum();
            let drops: u64 = interfaces.iter().map(|i| i.kernel_drops).sum();
            self.manager.status(&format!(
                "{watched} of {} watched, {}, {drops} dropped",
                counted(interfaces.len(), "interface", "interfaces"),
                counted(frames, "frame", "frames")
            ));
        }
    }
}

/// A listener with a vigil beside it.
pub(super) struct Vigilant<'a, L> {
    pub(super) listener: &'a mut L,
    pub(super) vigil: Vigil,
    /// What is said when it begins.
    pub(super) greeting: String,
}

impl<L: Listener> Listener for Vigilant<'_, L> {
    fn begun(&mut self) {
        drop(complain(std::slice::from_ref(&self.greeting)));
        self.vigil.manager.ready();
    }

    fn alert(&mut self, alert: &Alert) -> Result<(), Failure> {
        self.listener.alert(alert)
    }

    fn tells_flows(&self) -> bool {
        self.listener.tells_flows()
    }

    fn flow(&mut self, flow: &FlowFinding) -> Result<(), Failure> {
        self.listener.flow(flow)
    }

    fn progress(&mut self, frames: u64) {
        // Where nobody reads, nobody is told.
        drop(complain(&self.vigil.look()));
        self.listener.progress(frames);
    }
}

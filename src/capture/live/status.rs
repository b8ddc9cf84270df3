//! What a watch knows of its interfaces while it runs.
//!
//! In: the reader thread, about once a second. Out: sentences to tell, once each, and the state and counters of every
//! interface, to anybody who holds the [`LiveStatus`].

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sentences that wait to be taken. An interface that flaps for hours must not fill the memory of a caller who does not
/// ask; the oldest go first and are counted.
const MAX_NEWS: usize = 64;

/// Whether frames can come from an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LinkState {
    /// It is open and up.
    #[default]
    Watched,
    /// It is open and was set down; it comes back by itself.
    Down,
    /// It is not there, or cannot be opened; it is tried again.
    Gone,
}

impl LinkState {
    /// Stable name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Watched => "watched",
            Self::Down => "down",
            Self::Gone => "gone",
        }
    }
}

/// An interface of a watch. Counters run from the start of the watch, over every time it was opened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Interface {
    /// As the operator named it.
    pub name: String,
    /// Whether frames can come.
    pub state: LinkState,
    /// Frames read.
    pub frames: u64,
    /// Frames that the kernel dropped because minewatch was too slow.
    pub kernel_drops: u64,
    /// Frames that the interface or its driver dropped.
    pub interface_drops: u64,
}

/// Shared between the reader and whoever tells the operator.
#[derive(Debug, Default)]
pub struct LiveStatus(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    turns: u64,
    news: VecDeque<String>,
    forgotten: u64,
    interfaces: Vec<Interface>,
}

impl LiveStatus {
    /// Sentences since the last call, oldest first.
    pub fn take_news(&self) -> Vec<String> {
        let mut inner = self.lock();
        let forgotten = std::mem::take(&mut inner.forgotten);
        let lost = (forgotten > 0).then(|| format!("{forgotten} earlier messages on interfaces were dropped"));
        lost.into_iter().chain(inner.news.drain(..)).collect()
    }

    /// The interfaces, in the order of their [`SourceId`](crate::capture::SourceId), as of a second ago at the most while
    /// frames are read.
    pub fn interfaces(&self) -> Vec<Interface> {
        self.lock().interfaces.clone()
    }

    /// How often the reader has looked after its interfaces: a number that stands still is a reader that hangs.
    pub fn turns(&self) -> u64 {
        self.lock().turns
    }

    pub(super) fn tell(&self, sentence: String) {
        let mut inner = self.lock();
        if inner.news.len() >= MAX_NEWS {
            inner.news.pop_front();
            inner.forgotten += 1;
        }
        inner.news.push_back(sentence);
    }

    pub(super) fn set(&self, interfaces: impl Iterator<Item = Interface>) {
        let mut inner = self.lock();
        inner.turns += 1;
        inner.interfaces.clear();
        inner.interfaces.extend(interfaces);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What is inside is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_does_not_ask_costs_no_memory_and_learns_that_he_missed_something() {
        let status = LiveStatus::default();
        for n in 0..MAX_NEWS + 3 {
            status.tell(n.to_string());
        }
        let told = status.take_news();
        assert_eq!(told.len(), MAX_NEWS + 1);
        assert_eq!(told.first().map(String::as_str), Some("3 earlier messages on interfaces were dropped"));
        assert_eq!(told.get(1).map(String::as_str), Some("3"));
        assert!(status.take_news().is_empty());
    }
}

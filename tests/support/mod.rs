//! What black-box tests of the program share: running it, reading what it printed, and telling all failures at once.

// Every test program takes a part of this.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc)]

pub(crate) mod corpus;
pub(crate) mod lists;
pub(crate) mod output;
pub(crate) mod places;
pub(crate) mod run;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Everything that is wrong, so that one run of a test tells all of it.
#[derive(Default)]
pub(crate) struct Failures(Vec<String>);

impl Failures {
    /// Notes that something is wrong with `of`.
    pub(crate) fn add(&mut self, of: impl Display, what: impl Display) {
        self.0.push(format!("{of}: {what}"));
    }

    /// Notes a value that is not as it should be.
    pub(crate) fn differ(&mut self, of: impl Display, field: &str, got: impl Display, wanted: impl Display) {
        self.0.push(format!("{of}: {field}: got {got}, wanted {wanted}"));
    }

    /// Takes over what another found.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Fails the test if anything is wrong.
    #[track_caller]
    pub(crate) fn report(self) {
        assert!(self.0.is_empty(), "{} expectations do not hold:\n  {}", self.0.len(), self.0.join("\n  "));
    }
}

/// Calls `job` for every item on two threads; results in the order of the items.
pub(crate) fn parallel<T: Sync, R: Send>(items: &[T], job: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(i) else { break };
                    let result = job(item);
                    done.lock().unwrap().push((i, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, r)| r).collect()
}

/// The project's captures.
pub(crate) fn pcaps() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("pcaps")
}

//! Signals: the end, and another look at the policy.
//!
//! In: SIGINT, SIGTERM, SIGHUP. Out: what the sender means. A terminal that closes sends the same SIGHUP as an operator
//! who changed the policy, so it is asked whether the terminal is still there: the report of a session over ssh must not
//! be lost with the line, and a service has no terminal.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failure;

/// What a signal means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sign {
    /// Come to an end.
    End,
    /// Read the policy again.
    Reload,
}

/// Signals as they come.
pub(super) struct Signals {
    int: Signal,
    hup: Signal,
    term: Signal,
    /// Whether somebody sat at a terminal when it began.
    attended: bool,
    /// Whether there is anything to read again.
    reloads: bool,
    /// SIGHUP was ignored from the start, as nohup(1) wants it.
    deaf: bool,
}

impl Signals {
    /// From now on. With `reloads`, SIGHUP means that, while the terminal is there or if there was none.
    pub(super) fn new(reloads: bool) -> Result<Self, Failure> {
        // To be asked before it is listened for.
        let deaf = ignores_hup();
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            int: listen(SignalKind::interrupt())?,
            hup: listen(SignalKind::hangup())?,
            term: listen(SignalKind::terminate())?,
            attended: at_a_terminal(),
            reloads,
            deaf,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Sign {
        tokio::select! {
            _ = self.int.recv() => Sign::End,
            _ = self.term.recv() => Sign::End,
            _ = self.hup.recv(), if !self.deaf => {
                if self.reloads && at_a_terminal() == self.attended { Sign::Reload } else { Sign::End }
            }
        }
    }
}

/// Source: `proc_pid_status(5)`.
fn ignores_hup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|l| l.strip_prefix("SigIgn:")).map(str::trim);
    ignored.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// A terminal that hung up is none any more.
fn at_a_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal()
}

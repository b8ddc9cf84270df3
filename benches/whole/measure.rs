//! What a process costs: CPU time of all its threads, time on the clock, peak memory.
//!
//! In: a command. Out: a [`Cost`], as the kernel accounts for it when the process ends (`wait4`).

use std::process::{Command, Stdio};
use std::time::Instant;

use wait4::Wait4;

/// What one run, or the best of several, has cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Seconds on processors, in the program and in the kernel.
    pub(crate) cpu: f64,
    /// Seconds on the clock.
    pub(crate) wall: f64,
    /// Most memory at once, in bytes.
    pub(crate) peak: u64,
}

impl Cost {
    /// The better of both in each respect: what else runs on a machine only ever adds.
    pub(crate) fn least(self, other: Self) -> Self {
        Self { cpu: self.cpu.min(other.cpu), wall: self.wall.min(other.wall), peak: self.peak.min(other.peak) }
    }
}

/// Runs it to its end, its output thrown away. `good` are the exit codes of success.
pub(crate) fn run(command: &mut Command, good: &[i32]) -> Result<Cost, String> {
    let what = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let child = command.spawn().map_err(|e| format!("{what}: {e}"))?;
    let used = child.wait4().map_err(|e| format!("{what}: {e}"))?;
    let wall = begun.elapsed().as_secs_f64();
    if !used.status.code().is_some_and(|code| good.contains(&code)) {
        return Err(format!("{what}: {}", used.status));
    }
    let cpu = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    Ok(Cost { cpu, wall, peak: used.rusage.maxrss })
}

//! The operator's policy file: what is blocked, what is allowed, whom to isolate, how the firewall is told.
//!
//! In: one TOML file of version 1 (`deploy/policy.toml` shows every key). Out: a [`Resolved`] whose every value was
//! checked, or a [`ConfigError`] with each wrong value, its line and what to write instead. Unknown keys are errors: a
//! key that is spelt wrong protects nobody. A key that is not there means its default, and so does an empty file but for
//! its version.
//!
//! ```text
//! text -> raw (as serde reads it) -> resolve (newtypes, one problem a wrong value) -> Resolved
//! ```

mod problem;
mod raw;
mod resolve;
mod watched;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

pub use problem::{ConfigError, Wrong};
pub use watched::Watched;

use crate::enforce::Choice;
pub use crate::firewall::{Isolation, QuietHours, QuietHoursError};
use crate::firewall::{Limits, Policy};
use crate::time::PacketTime;

/// Bytes of a policy file that are read.
const MAX_BYTES: u64 = 1 << 20;

/// A whole policy file.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Resolved {
    /// What is blocked, and what is never; which hosts are cut off.
    pub policy: Policy,
    /// How fast, and when not.
    pub limits: BlockLimits,
    /// How the firewall is told.
    pub applying: Applying,
    /// Files that say when blocks were found, each as `[COIN=]FILE`.
    pub block_feeds: Vec<String>,
    /// What can hardly be meant, as sentences with their lines.
    pub warnings: Vec<Wrong>,
}

/// How fast the block list may fill, and when nothing new is blocked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockLimits {
    /// New entries a minute.
    pub per_minute: u32,
    /// Everything is decided and reported, nothing written or changed.
    pub dry_run: bool,
    /// Times of day at which nothing new is blocked.
    pub quiet: QuietHours,
}

impl BlockLimits {
    /// Whether nothing new is to be blocked at that time; what is blocked already stays so.
    pub fn is_quiet(&self, now: PacketTime) -> bool {
        self.quiet.is_quiet(now)
    }

    /// For the block book.
    pub fn book(&self) -> Limits {
        Limits { per_minute: self.per_minute, quiet: self.quiet.clone() }
    }
}

impl Default for BlockLimits {
    fn default() -> Self {
        Self { per_minute: Limits::default().per_minute, dry_run: false, quiet: QuietHours::default() }
    }
}

/// How the kernel's firewall is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Applying {
    /// Which firewall.
    pub backend: Choice,
    /// How often what it holds is read back and compared.
    pub check_every: Duration,
}

impl Default for Applying {
    fn default() -> Self {
        Self { backend: Choice::Auto, check_every: Duration::from_secs(30) }
    }
}

/// Reads the policy file at `path`.
pub fn read(path: &Path) -> Result<Resolved, ConfigError> {
    resolve::resolve(path, &text(path)?)
}

/// Reads the policy in `text`, which stands at `path`.
pub fn parse(path: &Path, text: &str) -> Result<Resolved, ConfigError> {
    resolve::resolve(path, text)
}

fn text(path: &Path) -> Result<String, ConfigError> {
    let bytes =
        crate::file::read(path, MAX_BYTES).map_err(|source| ConfigError::Unread { path: path.to_owned(), source })?;
    String::from_utf8(bytes).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let line = raw::line_of(e.as_bytes(), good);
        let what = "here are bytes that are no text: save the file as UTF-8".to_owned();
        ConfigError::Wrong { path: path.to_owned(), wrong: vec![Wrong { line: Some(line), what }] }
    })
}

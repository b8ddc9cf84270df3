//! What is wrong with a feed, as a line a person can act on.

use std::fmt;
use std::path::PathBuf;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Loaded all the same.
    Warning,
    /// This entry, line or table was left out; the others were loaded.
    Error,
}

/// One thing that is wrong, with its place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// The file.
    pub list: String,
    /// Its line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// How bad it is.
    pub severity: Severity,
    /// A sentence with the remedy.
    pub what: String,
}

impl fmt::Display for Problem {
    /// `own.toml:12: error: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        match self.line {
            0 => write!(f, "{}: {severity}: {}", self.list, self.what),
            line => write!(f, "{}:{line}: {severity}: {}", self.list, self.what),
        }
    }
}

/// A feed that cannot be used at all. What was loaded before stays good.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read the feed {path}: {source}", path = super::shown(path))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Larger than any feed should be.
    #[error("the feed {path} has {bytes} bytes, more than the {limit} that a feed may have", path = super::shown(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Something else under the name of a feed: a login page, an empty download, a list in another format.
    #[error("{list} is no feed: {why}")]
    NotAFeed {
        /// The file.
        list: String,
        /// What it looks like and what to do.
        why: String,
    },
    /// Damaged so far that it would blind its reader.
    #[error("{list} is not used: {bad} of its {all} entries cannot be read, first {first}")]
    MostlyBad {
        /// The file.
        list: String,
        /// Entries left out.
        bad: usize,
        /// All entries.
        all: usize,
        /// The first problem.
        first: Box<Problem>,
    },
}

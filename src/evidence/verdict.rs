//! How sure we are of a host × endpoint.

use std::fmt;

use serde::Serialize;

/// From "seen" to "certain". Ordered: a later level implies the earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Worth a line in a report, never an alarm.
    Noted,
    /// Looks like mining; a person should look.
    Suspected,
    /// Mining by every sign seen, but the pool's half is missing or incomplete.
    Probable,
    /// The mining conversation itself was seen, in both directions.
    Confirmed,
}

impl Verdict {
    /// Name in outputs and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Noted => "noted",
            Self::Suspected => "suspected",
            Self::Probable => "probable",
            Self::Confirmed => "confirmed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

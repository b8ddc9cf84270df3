//! What can go wrong, as sentences with what to do. They travel over the enforcer's socket as they are.

use serde::{Deserialize, Serialize};

/// Why the kernel was not told, or not asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum EnforceError {
    /// A program is not there.
    #[error("{program} is not installed: install the package {package}")]
    NoProgram {
        /// Which.
        program: String,
        /// Debian's name of what brings it.
        package: String,
    },
    /// Rights are not there.
    #[error(
        "the right to change the firewall is missing ({}): run this as root, or give it to the program with setcap {}=ep \
         FILE", capabilities.join(", "), capabilities.join(",").to_ascii_lowercase()
    )]
    NoCapability {
        /// Which.
        capabilities: Vec<String>,
    },
    /// Somebody else tells it.
    #[error(
        "another minewatch watch --apply tells this machine's firewall already, and each would take away what the other one \
         cuts off: end that first"
    )]
    NotAlone,
    /// No firewall can be told anything.
    #[error("no firewall can be used here: {0}")]
    NoBackend(String),
    /// A program said no.
    #[error("{program} could not {doing}: {said}")]
    Refused {
        /// Which.
        program: String,
        /// What it was asked to do.
        doing: String,
        /// What it answered, one line.
        said: String,
    },
    /// A program did not come back.
    #[error("{program} did not {doing} within {secs} seconds and was ended")]
    TooSlow {
        /// Which.
        program: String,
        /// What it was asked to do.
        doing: String,
        /// How long it had.
        secs: u64,
    },
    /// A program said something that it should not.
    #[error("{program} printed something that is not understood: {said}")]
    Unreadable {
        /// Which.
        program: String,
        /// What, or why not.
        said: String,
    },
    /// The system refused.
    #[error("cannot {doing}: {said}")]
    System {
        /// What was tried.
        doing: String,
        /// Answer of the system.
        said: String,
    },
    /// More than any list has.
    #[error("{entries} {of} are too many, at most {most} are taken: nothing was changed")]
    TooMany {
        /// Of what.
        of: String,
        /// How many there were.
        entries: usize,
        /// How many there may be.
        most: usize,
    },
    /// The enforcer's messages are not what they should be.
    #[error("the message is none that the enforcer takes, nothing was changed: {0}")]
    Protocol(String),
    /// The enforcer is not there for the moment.
    #[error(
        "the enforcer is gone ({why}); the kernel keeps its entries until they expire; next attempt in {retry_secs} s"
    )]
    Gone {
        /// Why.
        why: String,
        /// Seconds until it is started again.
        retry_secs: u64,
    },
}

impl EnforceError {
    /// An error of the system.
    pub(super) fn system(doing: &str, e: &std::io::Error) -> Self {
        Self::System { doing: doing.to_owned(), said: e.to_string() }
    }
}

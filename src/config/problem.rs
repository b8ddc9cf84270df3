//! What is wrong with a policy file, as sentences with their lines.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::file::Unread;
use crate::text::printable;

/// One wrong value, or one that can hardly be meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// Its line, counted from 1, where there is one.
    pub line: Option<u32>,
    /// What is wrong and what to do.
    pub what: String,
}

impl Wrong {
    /// With the file's name and the line in front, as editors jump to it.
    pub fn at(&self, path: &Path) -> String {
        let line = self.line.map_or(String::new(), |l| format!(":{l}"));
        format!("{}{line}: {}", shown(path), printable(&self.what, 512))
    }
}

/// A policy file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{path}: the policy cannot be read: {source}", path = shown(path))]
    Unread {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: Unread,
    },
    /// Values in it are wrong.
    #[error("{}", Told(path, wrong))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// All of them, by line; at least one.
        wrong: Vec<Wrong>,
    },
}

impl ConfigError {
    /// Each on its own.
    pub fn sentences(&self) -> Vec<String> {
        match self {
            Self::Unread { .. } => vec![self.to_string()],
            Self::Wrong { path, wrong } => wrong.iter().map(|w| w.at(path)).collect(),
        }
    }
}

/// The first, and where the others are told.
struct Told<'a>(&'a Path, &'a [Wrong]);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, wrong) = self;
        if let Some(first) = wrong.first() {
            f.write_str(&first.at(path))?;
        }
        match wrong.len() {
            0 | 1 => Ok(()),
            n => write!(f, "; and {} more: minewatch check --policy {}", n - 1, shown(path)),
        }
    }
}

fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes(), 512).into_owned()
}

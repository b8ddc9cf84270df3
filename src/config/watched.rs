//! A policy file that may be changed while the program runs.

use std::path::{Path, PathBuf};

use super::{ConfigError, Resolved, parse, text};

/// The file, and the text that is in use.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    text: String,
}

impl Watched {
    /// Reads the file for the first time.
    pub fn open(path: &Path) -> Result<(Self, Resolved), ConfigError> {
        let text = text(path)?;
        let resolved = parse(path, &text)?;
        Ok((Self { path: path.to_owned(), text }, resolved))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it again: the whole new policy, `None` where it says what it said before, or a sentence for each thing that
    /// is wrong with it. Then the policy that is in use stays so, and the next call looks again.
    pub fn reload(&mut self) -> Result<Option<Resolved>, String> {
        let refused = |e: ConfigError| format!("{e}; the policy that was read before stays in use");
        let now = text(&self.path).map_err(refused)?;
        if now == self.text {
            return Ok(None);
        }
        let resolved = parse(&self.path, &now).map_err(refused)?;
        self.text = now;
        Ok(Some(resolved))
    }
}

//! A policy file that may be changed while the program runs.

use std::path::{Path, PathBuf};

use super::{ConfigError, Resolved, parse, text};

/// The file, and what of it is in use.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    whole: Option<Resolved>,
}

impl Watched {
    /// Reads the file for the first time.
    pub fn open(path: &Path) -> Result<(Self, Resolved), ConfigError> {
        let text = text(path)?;
        let resolved = parse(path, &text)?;
        Ok((Self { path: path.to_owned(), whole: None }, resolved))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it again: what `complete` makes of the new policy, `None` where neither the file nor what it is completed
    /// with says anything else than before, or a sentence about what is wrong. Then the policy that is in use stays so,
    /// and the next call looks again.
    pub fn reload(
        &mut self,
        complete: impl FnOnce(Resolved) -> Result<Resolved, String>,
    ) -> Result<Option<Resolved>, String> {
        let refused = |e: String| format!("{e}; the policy that was read before stays in use");
        let now = text(&self.path).map_err(|e| refused(e.to_string()))?;
        let resolved = parse(&self.path, &now).map_err(|e| refused(e.to_string()))?;
        let whole = complete(resolved).map_err(refused)?;
        if self.whole.as_ref() == Some(&whole) {
            return Ok(None);
        }
        self.whole = Some(whole.clone());
        Ok(Some(whole))
    }

    /// Remembers what is in use, so that [`Watched::reload`] knows what is new.
    pub fn in_use(&mut self, whole: &Resolved) {
        self.whole = Some(whole.clone());
    }
}

//! The feeds in use: one set for all threads, replaced as a whole, and the files whose change is a reason to.
//!
//! In: an [`Intel`], and later ones. Out: the newest to whoever asks between two batches. Nobody waits on the packet
//! path: readers compare a number, and take the new set only when it changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::{Intel, build};

/// The feeds in use.
#[derive(Debug, Default)]
pub struct CurrentIntel {
    intel: RwLock<Intel>,
    generation: AtomicU64,
}

impl CurrentIntel {
    /// Begins with these.
    pub fn new(intel: Intel) -> Self {
        Self { intel: RwLock::new(intel), generation: AtomicU64::new(0) }
    }

    /// The newest.
    pub fn get(&self) -> Intel {
        // A writer that panicked left a whole set behind: it is only ever replaced.
        self.intel.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Changes with every [`CurrentIntel::replace`].
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Replaces the set.
    pub fn replace(&self, intel: Intel) {
        *self.intel.write().unwrap_or_else(std::sync::PoisonError::into_inner) = intel;
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// Files that may be replaced while the program runs.
///
/// In: paths, as they were given. Out: whether what they lead to is another than before. A file is told from its
/// successor by when it was written, its size and its number, so that a rename with an old date counts, too.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    /// What was taken.
    taken: Vec<FileState>,
    /// What the look before saw.
    before: Vec<FileState>,
}

/// A file as a look sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FileState {
    path: PathBuf,
    /// None: it cannot be looked at, most likely because it is not there.
    is: Option<(Option<SystemTime>, u64, u64)>,
}

impl FileState {
    pub(super) fn of(path: &Path) -> Self {
        let is = fs::metadata(path).ok().map(|m| (m.modified().ok(), m.len(), m.ino()));
        Self { path: path.to_owned(), is }
    }

    pub(super) const fn is_there(&self) -> bool {
        self.is.is_some()
    }
}

impl Files {
    /// Remembers what is there now. To be called before the files are read: a change in between is then seen.
    pub fn new(paths: &[PathBuf]) -> Self {
        let taken = look(paths);
        Self { paths: paths.to_vec(), before: taken.clone(), taken }
    }

    /// Looks again. True once for each change, when two looks in a row agree on it: who writes a file in place needs a
    /// while, and half of it may read well.
    pub fn changed(&mut self) -> bool {
        let now = look(&self.paths);
        let settled = now == self.before;
        self.before = now;
        let changed = settled && self.before != self.taken;
        if changed {
            self.taken.clone_from(&self.before);
        }
        changed
    }
}

/// Every file that the paths lead to: of a folder, the feeds in it.
fn look(paths: &[PathBuf]) -> Vec<FileState> {
    let files = paths.iter().flat_map(|p| build::files(p).unwrap_or_else(|_| vec![p.clone()]));
    files.map(|f| FileState::of(&f)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_only_when_it_stands_still() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("own.toml");
        fs::write(&file, "a").unwrap();
        let mut files = Files::new(&[dir.path().to_owned()]);
        assert!(!files.changed());
        fs::write(&file, "ab").unwrap();
        assert!(!files.changed(), "it may be half written");
        fs::write(&file, "abc").unwrap();
        assert!(!files.changed(), "it was");
        assert!(files.changed());
        assert!(!files.changed(), "told already");
    }

    #[test]
    fn new_removed_and_renamed_files_are_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let same_day = |name: &str| {
            fs::write(path(name), "a").unwrap();
            let file = fs::File::options().write(true).open(path(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        };
        same_day("own.toml");
        let mut files = Files::new(&[dir.path().to_owned(), path("lone.mmdb")]);
        let mut settled = move || {
            let first = files.changed();
            assert!(!first);
            files.changed()
        };
        fs::write(path("notes.txt"), "no feed").unwrap();
        assert!(!settled());
        same_day("own.new");
        fs::rename(path("own.new"), path("own.toml")).unwrap();
        assert!(settled(), "equal in size and date, and yet another file");
        fs::write(path("more.toml"), "b").unwrap();
        assert!(settled());
        fs::remove_file(path("more.toml")).unwrap();
        assert!(settled());
        fs::write(path("lone.mmdb"), "c").unwrap();
        assert!(settled(), "missing at first");
    }
}

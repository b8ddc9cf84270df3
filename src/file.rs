//! Files that are either the old one or the new one, never half of one, and never somebody else's.
//!
//! In: a target, its new bytes, and who can tell whether what is there may go. Out: a file replaced by rename after its
//! bytes are on the disk, or why not, the old one untouched and nothing left lying about. Also reads files that must
//! have an end.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Why a file was not written. Nothing was changed.
#[derive(Debug)]
pub enum Unwritten {
    /// A symbolic link is at the target.
    Symlink(PathBuf),
    /// A folder, device or pipe is.
    NotAFile(PathBuf),
    /// Something that the caller does not know as his own is.
    NotOurs(PathBuf),
    /// The path has no file name.
    NoName(PathBuf),
    /// The system refused.
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
        /// What to do.
        remedy: &'static str,
    },
}

/// A complete file under a passing name. It removes itself unless it is committed.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    temp: PathBuf,
    done: bool,
}

impl Staged {
    /// Writes `bytes` beside `target`. `is_ours`: whether a file that is there may be replaced.
    pub fn new(
        target: PathBuf,
        bytes: &[u8],
        is_ours: impl FnOnce(&Path) -> io::Result<bool>,
    ) -> Result<Self, Unwritten> {
        let mode = match fs::symlink_metadata(&target) {
            Ok(m) if m.is_symlink() => return Err(Unwritten::Symlink(target)),
            Ok(m) if !m.is_file() => return Err(Unwritten::NotAFile(target)),
            // The operator's choice of who may read is kept; nobody but the owner needs to write.
            Ok(m) => match is_ours(&target) {
                Ok(true) => Some(m.permissions().mode() & 0o644 | 0o600),
                Ok(false) => return Err(Unwritten::NotOurs(target)),
                Err(e) => return Err(io_error("look into", &target, e, "check its permissions")),
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(io_error("look at", &target, e, "check the path and its permissions")),
        };
        let Some(name) = target.file_name().filter(|_| !target.as_os_str().as_encoded_bytes().ends_with(b"/")) else {
            return Err(Unwritten::NoName(target));
        };
        // In the same folder, since a rename cannot cross file systems.
        let mut temp_name = OsString::from(".");
        temp_name.push(name);
        temp_name.push(format!(".{}.tmp", std::process::id()));
        let temp = target.with_file_name(temp_name);
        let mut file = create(&temp, &target)?;
        let staged = Self { target, temp, done: false };
        file.write_all(bytes)
            .and_then(|()| mode.map_or(Ok(()), |m| file.set_permissions(fs::Permissions::from_mode(m))))
            .and_then(|()| file.sync_all())
            .map_err(|e| io_error("write", &staged.target, e, "the old list is untouched; is the disk full?"))?;
        Ok(staged)
    }

    /// Puts the file in its place.
    pub fn commit(mut self) -> Result<(), Unwritten> {
        fs::rename(&self.temp, &self.target)
            .map_err(|e| io_error("replace", &self.target, e, "the old list is untouched; check its permissions"))?;
        self.done = true;
        // The rename itself must survive a power cut. Some file systems cannot sync a folder; the file is in place.
        if let Ok(folder) = File::open(folder_of(&self.target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.temp);
        }
    }
}

/// Creates the temporary file, never opening one that is there: it may be a trap, or a run that was killed left it.
fn create(temp: &Path, target: &Path) -> Result<File, Unwritten> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o644).open(temp);
    open()
        .or_else(|e| {
            if e.kind() != io::ErrorKind::AlreadyExists {
                return Err(e);
            }
            // Removes a link itself, not what it points to.
            fs::remove_file(temp)?;
            open()
        })
        .map_err(|e| {
            let remedy = match e.kind() {
                io::ErrorKind::NotFound => "create its folder first",
                io::ErrorKind::PermissionDenied => "its folder must be writable for this user",
                _ => "check the path, its file system and free space",
            };
            io_error("write", target, e, remedy)
        })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn io_error(what: &'static str, path: &Path, source: io::Error, remedy: &'static str) -> Unwritten {
    Unwritten::Io { what, path: path.to_owned(), source, remedy }
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A folder, device or pipe: nobody may be at its other end, or it never ends.
    #[error("it is no ordinary file")]
    NotAFile,
    /// More than is allowed.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
}

/// The bytes of an ordinary file, `max` at the most. Nothing else is opened.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, Unread> {
    if !fs::metadata(path)?.is_file() {
        return Err(Unread::NotAFile);
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(Unread::NotAFile);
    }
    // Some files have no size until they are read (proc(5)), and one may grow meanwhile.
    let mut bytes = Vec::with_capacity(about.len().min(max) as usize);
    if about.len() > max || file.take(max.saturating_add(1)).read_to_end(&mut bytes)? as u64 > max {
        return Err(Unread::TooLarge(max));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ordinary_files_within_their_cap_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        fs::write(&file, "abc").unwrap();
        assert_eq!(read(&file, 3).unwrap(), b"abc");
        assert!(matches!(read(&file, 2), Err(Unread::TooLarge(2))));
        assert!(matches!(read(dir.path(), 9), Err(Unread::NotAFile)));
        assert!(matches!(read(Path::new("/dev/zero"), 9), Err(Unread::NotAFile)));
        assert!(matches!(read(&dir.path().join("b"), 9), Err(Unread::Io(_))));
        #[cfg(target_os = "linux")]
        assert!(matches!(read(Path::new("/proc/self/maps"), 9), Err(Unread::TooLarge(9))));
    }
}

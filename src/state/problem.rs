//! What can be wrong with a store, as sentences that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why something was not read or saved.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StateError {
    /// No database.
    #[error("{0} holds no database of minewatch: minewatch watch --state {0} makes one; or name another folder")]
    NotThere(PathBuf),
    /// A link at its place may lead where somebody else wants it to.
    #[error(
        "{0} is a symbolic link, and state is not kept behind one: put the file itself there, or name another folder"
    )]
    Symlink(PathBuf),
    /// A folder, device or pipe at its place.
    #[error("{0} is no ordinary file: move it away, or name another folder")]
    NotAFile(PathBuf),
    /// Not for this user, or a file system that takes no writes.
    #[error("{path} cannot be {what}: {why}; make it writable for this user, or name another folder")]
    NotWritable {
        /// Which.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Answer of the system.
        why: String,
    },
    /// No space.
    #[error("the disk of {0} is full: free some space; what is not saved is kept and tried again")]
    Full(PathBuf),
    /// Another program holds it.
    #[error("another program holds {0} for too long: end it, or try again")]
    Busy(PathBuf),
    /// Not a database, or not one of ours, or one with errors.
    #[error("{path} is damaged: {why}; minewatch watch moves it aside and begins anew")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Written by a version that knows more than this one.
    #[error("{path} is of a newer version of minewatch (its format is {found}, this version knows {known}): use that")]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// Something else.
    #[error("{path} cannot be {what}: {why}; check its file system")]
    Io {
        /// Which.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Answer of the system.
        why: String,
    },
}

impl StateError {
    /// Whether the file itself is the problem, so that only another one helps.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Newer { .. })
    }

    pub(super) fn io(path: &Path, what: &'static str, e: &io::Error) -> Self {
        let path = path.to_owned();
        match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable { path, what, why: e.to_string() }
            }
            _ => Self::Io { path, what, why: e.to_string() },
        }
    }

    pub(super) fn sqlite(path: &Path, what: &'static str, e: &rusqlite::Error) -> Self {
        let (path, why) = (path.to_owned(), e.to_string());
        match e.sqlite_error().map(|e| (e.code, e.extended_code)) {
            // The shared memory could not grow: no space, as far as anybody can tell.
            Some((ErrorCode::DiskFull, _) | (_, rusqlite::ffi::SQLITE_IOERR_SHMSIZE)) => Self::Full(path),
            Some((ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen, _)) => {
                Self::NotWritable { path, what, why }
            }
            Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => Self::Busy(path),
            Some((ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt, _)) => Self::Damaged { path, why },
            _ => Self::Io { path, what, why },
        }
    }
}

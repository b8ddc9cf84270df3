//! Gives minewatch's own folder, and what is in it, to the user who will write there.
//!
//! That user could have prepared links to files of others there, before: only ordinary files and sockets with one name
//! are given away, and through handles that do not open them, since the locks of `SQLite` end when a file that it has open
//! is closed.

use std::io;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, chownat, fstat, open, openat};

use super::user::{USUAL, User};

/// Gives it away if it is root's, as far as everything in it is minewatch's by name.
pub(super) fn hand_over(dir: &Path, user: &User) -> Result<(), String> {
    let said = |e: rustix::io::Errno| e.to_string();
    let dir = std::fs::canonicalize(dir).map_err(|e| e.to_string())?;
    let handle = open(&dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).map_err(said)?;
    let mut strange = None;
    for entry in std::fs::read_dir(&dir).map_err(|e| e.to_string())? {
        let name = entry.map_err(|e| e.to_string())?.file_name();
        if !name.as_encoded_bytes().starts_with(USUAL.as_bytes()) {
            strange.get_or_insert(name);
            continue;
        }
        // It may be gone by now.
        let Ok(file) = openat(&handle, &name, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty()) else { continue };
        let stat = fstat(&file).map_err(said)?;
        let ours = matches!(FileType::from_raw_mode(stat.st_mode), FileType::RegularFile | FileType::Socket);
        if ours && stat.st_nlink == 1 {
            give(&file, &stat, user).map_err(|e| e.to_string())?;
        }
    }
    let stat = fstat(&handle).map_err(said)?;
    match strange {
        // Somebody's home, or a folder of the system.
        Some(name) if stat.st_uid == 0 => Err(format!("{} is in it, which is not minewatch's", name.display())),
        _ => give(&handle, &stat, user).map_err(|e| e.to_string()),
    }
}

/// Only what is root's: whatever belongs to somebody else was an operator's decision.
fn give(handle: &OwnedFd, stat: &Stat, user: &User) -> io::Result<()> {
    if stat.st_uid != 0 {
        return Ok(());
    }
    Ok(chownat(handle, "", Some(user.uid()), Some(user.gid()), AtFlags::EMPTY_PATH)?)
}

//! The files: replaced whole or not at all, with a note beside each of where it came from.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hex;
use crate::file::{self, Unwritten};
use crate::intel::{build, feed, shown};

/// Bytes of a note.
const MAX_NOTE: u64 = 64 << 10;

/// What is known of the file beside it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    /// URL or path.
    pub(super) from: String,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    /// SHA-256 of what was fetched.
    pub(super) raw: String,
    /// SHA-256 of the file.
    pub(super) written: String,
    /// Its shared ranges were taken, too.
    #[serde(default)]
    pub(super) shared: bool,
}

/// The file that is in place.
pub(super) struct Stored {
    pub(super) entries: usize,
    /// Only where it belongs to this very file: one that was edited or damaged is fetched again.
    pub(super) meta: Option<Meta>,
}

/// The good file at `path`, if there is one.
pub(super) fn stored(path: &Path) -> Option<Stored> {
    let text = String::from_utf8(file::read(path, u64::MAX).ok()?).ok()?;
    let entries = feed::read("stored", &text, &mut |_| {}).ok()?.good;
    let written = hex(&Sha256::digest(text.as_bytes()));
    let meta = file::read(&meta_path(path), MAX_NOTE).ok().and_then(|m| serde_json::from_slice::<Meta>(&m).ok());
    Some(Stored { entries, meta: meta.filter(|m| m.written == written) })
}

fn meta_path(path: &Path) -> PathBuf {
    path.with_extension("meta.json")
}

pub(super) fn write_meta(path: &Path, meta: &Meta) -> Result<(), String> {
    let bytes = serde_json::to_vec_pretty(meta).map_err(|e| e.to_string())?;
    let is_note = |path: &Path| {
        Ok(file::read(path, MAX_NOTE).is_ok_and(|m| m.is_empty() || serde_json::from_slice::<Meta>(&m).is_ok()))
    };
    replace(&meta_path(path), &bytes, is_note, "no note of `feeds update`")
}

/// Puts the text of a feed at `path`, unless something else than a feed is there.
pub(super) fn write_feed(path: &Path, text: &str) -> Result<(), String> {
    let is_feed = |path: &Path| {
        let about = fs::metadata(path)?;
        Ok(about.len() == 0 || build::read(path).is_ok_and(|old| feed::is_feed(&old)))
    };
    replace(path, text.as_bytes(), is_feed, "no feed")
}

/// Makes the folder of a file, if it is not there.
pub(super) fn make_folder(path: &Path) -> Result<(), String> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder).map_err(|e| format!("cannot make the folder {}: {e}", shown(folder)))
}

/// Puts `bytes` at `path`: written beside it, brought to the disk, then renamed over what is the program's own.
fn replace(
    path: &Path,
    bytes: &[u8],
    is_ours: impl FnOnce(&Path) -> std::io::Result<bool>,
    other: &str,
) -> Result<(), String> {
    file::Staged::new(path.to_owned(), bytes, is_ours).and_then(file::Staged::commit).map_err(|why| match why {
        Unwritten::Symlink(at) => {
            format!("{} is a symbolic link, and nothing is written through one: name the file it points to", shown(&at))
        }
        Unwritten::NotAFile(at) => {
            format!("{} exists and is no ordinary file: name another file", shown(&at))
        }
        Unwritten::NotOurs(at) => {
            format!("{} exists and is {other}: it is left alone; name another file, or remove it first", shown(&at))
        }
        Unwritten::NoName(at) => format!("{} names no file: add a file name", shown(&at)),
        Unwritten::Io { what, path, source, remedy } => format!("cannot {what} {}: {source}; {remedy}", shown(&path)),
    })
}

//! The files: replaced whole or not at all, with a note beside each of where it came from.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hex;
use crate::intel::feed;

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
}

/// The file that is in place.
pub(super) struct Stored {
    pub(super) entries: usize,
    /// Only where it belongs to this very file: one that was edited or damaged is fetched again.
    pub(super) meta: Option<Meta>,
}

/// The good file at `path`, if there is one.
pub(super) fn stored(path: &Path) -> Option<Stored> {
    let text = fs::read_to_string(path).ok()?;
    let entries = feed::read("stored", &text, &mut |_| {}).ok()?.good;
    let written = hex(&Sha256::digest(text.as_bytes()));
    let meta = fs::read(meta_path(path)).ok().and_then(|m| serde_json::from_slice::<Meta>(&m).ok());
    Some(Stored { entries, meta: meta.filter(|m| m.written == written) })
}

fn meta_path(path: &Path) -> PathBuf {
    path.with_extension("meta.json")
}

pub(super) fn write_meta(path: &Path, meta: &Meta) -> Result<(), String> {
    let bytes = serde_json::to_vec_pretty(meta).map_err(|e| e.to_string())?;
    replace(&meta_path(path), &bytes)
}

/// Puts `bytes` at `path`: written beside it, brought to the disk, then renamed over it.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let fail = |what: &str, e: std::io::Error| format!("cannot {what} {}: {e}", path.display());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder).map_err(|e| format!("cannot make the folder {}: {e}", folder.display()))?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        // One that a crash left behind is ours: it has our number in its name.
        match fs::remove_file(&beside) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = fs::File::create_new(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        drop(fs::remove_file(&beside));
    }
    written.map_err(|e| fail("write", e))
}

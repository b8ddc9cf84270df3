//! Files that are either the old list or the new one, never half of one.
//!
//! In: where to, and rendered files. Out: files replaced by rename after their bytes are on the disk, or an error with
//! the path and what to do, the old files untouched and nothing left lying about.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::firewall::format::{OutFile, TITLES};
use crate::firewall::name::DomainName;

/// Where a list goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// Standard output, written `-`.
    Stdout,
    /// A file, and its neighbours with a suffix.
    File(PathBuf),
}

impl From<&Path> for Destination {
    fn from(p: &Path) -> Self {
        if p.as_os_str() == "-" { Self::Stdout } else { Self::File(p.to_owned()) }
    }
}

/// Why a list was not written. The old files are as they were.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A link at the target may lead where somebody else wants it to.
    #[error("{0} is a symbolic link, and a block list is not written through one: name the file it points to")]
    Symlink(PathBuf),
    /// A folder, device or pipe at the target.
    #[error("{0} exists and is no ordinary file: name another file, or - for standard output")]
    NotAFile(PathBuf),
    /// Something else is there, perhaps the capture itself.
    #[error("{0} exists and is no minewatch list: it is left alone; name another file, or remove it first")]
    NotAList(PathBuf),
    /// A path without a file name.
    #[error("{0} names no file: add a file name")]
    NoName(PathBuf),
    /// Two files cannot go down one pipe.
    #[error("this format is {0} files, and cannot go to standard output: name a file")]
    SeveralToStdout(usize),
    /// The system refused.
    #[error("cannot {what} {path}: {source}; {remedy}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Answer of the system.
        source: io::Error,
        /// What to do.
        remedy: &'static str,
    },
}

/// Tries whether a list could be written there, before hours of reading. Leaves nothing behind. `unsigned`: a list
/// without a line that says whose it is.
pub fn probe(to: &Destination, unsigned: bool) -> Result<(), WriteError> {
    match to {
        Destination::Stdout => Ok(()),
        Destination::File(base) => Staged::new(base.clone(), b"", unsigned).map(drop),
    }
}

/// What our lists begin with.
const SIGNATURES: &[&[u8]] = &[
    b"# minewatch ",
    b"! minewatch ",
    b"; minewatch ",
    b"{\"generator\":\"minewatch ",
    b"{\"type\":\"bundle\",\"objects\":[\n{\"type\":\"identity\",\"name\":\"minewatch\",",
    b"{\"Event\":{\"info\":\"minewatch block list\",",
    b"[\n{\"reason\":\"minewatch mining pool\",",
    b"[]\n",
    TITLES.as_bytes(),
];

/// How much of an existing file is looked at.
const HEAD: usize = 4_096;

fn is_signed(head: &[u8]) -> bool {
    SIGNATURES.iter().any(|s| head.starts_with(s))
}

/// Whether an existing file may be replaced: a list of ours, or nothing at all. A list without signature replaces only
/// what looks like one, too.
fn is_ours(path: &Path, unsigned: bool) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head.is_empty() || is_signed(&head) || (unsigned && is_bare(&head)))
}

/// Whether a file holds nothing but addresses, or names in base64, one a line.
fn is_bare(head: &[u8]) -> bool {
    // A file that goes on may be cut inside a line.
    let whole = if head.len() < HEAD { head.len() } else { head.iter().rposition(|b| *b == b'\n').unwrap_or(0) };
    let Some(Ok(text)) = head.get(..whole).map(std::str::from_utf8) else { return false };
    let is_name = |line: &str| {
        let bytes = STANDARD.decode(line).unwrap_or_default();
        std::str::from_utf8(&bytes).is_ok_and(|n| DomainName::parse(n).is_ok())
    };
    !text.is_empty() && text.lines().all(|line| line.parse::<std::net::IpAddr>().is_ok() || is_name(line))
}

/// Writes the files of one list. They are all complete on the disk before the first replaces its predecessor.
pub fn write_all(to: &Destination, files: &[OutFile]) -> Result<(), WriteError> {
    match to {
        Destination::Stdout => match files {
            [only] => to_stdout(&only.bytes),
            more => Err(WriteError::SeveralToStdout(more.len())),
        },
        Destination::File(base) => {
            let staged: Vec<Staged> =
                files.iter().map(|f| staged(with_suffix(base, f.suffix), &f.bytes)).collect::<Result<_, _>>()?;
            staged.into_iter().try_for_each(Staged::commit)
        }
    }
}

fn staged(target: PathBuf, bytes: &[u8]) -> Result<Staged, WriteError> {
    Staged::new(target, bytes, !is_signed(bytes))
}

fn to_stdout(bytes: &[u8]) -> Result<(), WriteError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|e| io_error("write to", Path::new("standard output"), e, "is its reader still there?"))
}

fn with_suffix(base: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(base);
    name.push(suffix);
    name.into()
}

/// A complete file under a passing name. It removes itself unless it is committed.
struct Staged {
    target: PathBuf,
    temp: PathBuf,
    done: bool,
}

impl Staged {
    fn new(target: PathBuf, bytes: &[u8], unsigned: bool) -> Result<Self, WriteError> {
        let mode = match fs::symlink_metadata(&target) {
            Ok(m) if m.is_symlink() => return Err(WriteError::Symlink(target)),
            Ok(m) if !m.is_file() => return Err(WriteError::NotAFile(target)),
            // The operator's choice of who may read is kept; nobody but the owner needs to write.
            Ok(m) => match is_ours(&target, unsigned) {
                Ok(true) => Some(m.permissions().mode() & 0o644 | 0o600),
                Ok(false) => return Err(WriteError::NotAList(target)),
                Err(e) => return Err(io_error("look into", &target, e, "check its permissions")),
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(io_error("look at", &target, e, "check the path and its permissions")),
        };
        let Some(name) = target.file_name().filter(|_| !target.as_os_str().as_encoded_bytes().ends_with(b"/")) else {
            return Err(WriteError::NoName(target));
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

    fn commit(mut self) -> Result<(), WriteError> {
        fs::rename(&self.temp, &self.target)
            .map_err(|e| io_error("replace", &self.target, e, "the old list is untouched; check its permissions"))?;
        self.done = true;
        // The rename itself must survive a power cut. Some file systems cannot sync a folder; the list is in place.
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
fn create(temp: &Path, target: &Path) -> Result<File, WriteError> {
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

fn io_error(what: &'static str, path: &Path, source: io::Error, remedy: &'static str) -> WriteError {
    WriteError::Io { what, path: path.to_owned(), source, remedy }
}

#[cfg(test)]
mod tests;

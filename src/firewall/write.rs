//! Files that are either the old list or the new one, never half of one.
//!
//! In: where to, and rendered files. Out: files replaced by rename after their bytes are on the disk, or an error with
//! the path and what to do, the old files untouched and nothing left lying about.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::file::{Staged, Unwritten};
use crate::firewall::format::{OutFile, SIGNATURE};
use crate::firewall::name::DomainName;

/// Where a list goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// Standard output, written `-`.
    Stdout,
    /// A file, and its neighbours with a suffix.
    File(PathBuf),
}

impl Destination {
    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File(path) => Some(path),
        }
    }
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
        Destination::File(base) => staged(base.clone(), b"", unsigned).map(drop),
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
    SIGNATURE.as_bytes(),
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
            let staged: Vec<Staged> = files
                .iter()
                .map(|f| staged(with_suffix(base, f.suffix), &f.bytes, !is_signed(&f.bytes)))
                .collect::<Result<_, _>>()?;
            Ok(staged.into_iter().try_for_each(Staged::commit)?)
        }
    }
}

fn staged(target: PathBuf, bytes: &[u8], unsigned: bool) -> Result<Staged, WriteError> {
    Ok(Staged::new(target, bytes, |path| is_ours(path, unsigned))?)
}

impl From<Unwritten> for WriteError {
    fn from(why: Unwritten) -> Self {
        match why {
            Unwritten::Symlink(path) => Self::Symlink(path),
            Unwritten::NotAFile(path) => Self::NotAFile(path),
            Unwritten::NotOurs(path) => Self::NotAList(path),
            Unwritten::NoName(path) => Self::NoName(path),
            Unwritten::Io { what, path, source, remedy } => Self::Io { what, path, source, remedy },
        }
    }
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

fn io_error(what: &'static str, path: &Path, source: io::Error, remedy: &'static str) -> WriteError {
    WriteError::Io { what, path: path.to_owned(), source, remedy }
}

#[cfg(test)]
mod tests;

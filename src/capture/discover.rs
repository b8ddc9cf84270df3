//! From the paths a user names to the files that may hold frames.
//!
//! In: paths; `-` is standard input, a folder stands for everything below it. Out: candidates in a fixed order, each
//! file once. Whether one is a capture is not known yet.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::Problems;
use super::{InputProblem, Severity, What};

/// How to get at a candidate's bytes.
pub(super) enum Access {
    /// A regular file; may be opened and closed again.
    File { path: PathBuf, len: u64 },
    /// Standard input, a named pipe or a device: what was read is gone.
    Stream(File),
}

/// Something that may hold frames.
pub(super) struct Candidate {
    pub(super) name: Arc<str>,
    pub(super) access: Access,
    /// Index in [`Found::folders`], if it was found in a folder rather than named.
    pub(super) folder: Option<usize>,
}

/// Everything found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) candidates: Vec<Candidate>,
    pub(super) folders: Vec<Arc<str>>,
    /// Devices, pipes and sockets inside folders, which are never read.
    pub(super) left_out: Vec<(usize, String)>,
    seen: HashMap<(u64, u64), Arc<str>>,
}

/// Looks up all `paths`.
pub(super) fn discover(paths: &[PathBuf], problems: &mut Problems) -> Found {
    let mut found = Found::default();
    for path in paths {
        if path.as_os_str() == "-" {
            found.standard_input(problems);
        } else {
            found.named(path, problems);
        }
    }
    found
}

impl Found {
    fn standard_input(&mut self, problems: &mut Problems) {
        let name: Arc<str> = Arc::from("standard input");
        // A duplicate of the descriptor, because `Stdin` reads ahead into a buffer of its own.
        let opened = io::stdin().as_fd().try_clone_to_owned().map(File::from);
        self.stream(name, opened, problems);
    }

    fn named(&mut self, path: &Path, problems: &mut Problems) {
        let name = name_of(path);
        match fs::metadata(path) {
            Err(e) => problems.push(InputProblem::of(&name, Severity::Error, unopened(&e))),
            Ok(m) if m.is_dir() => {
                self.folders.push(name);
                self.folder(path, self.folders.len() - 1, problems);
            }
            Ok(m) if m.is_file() => self.file(path, &m, None, problems),
            Ok(_) => self.stream(name, File::open(path), problems),
        }
    }

    fn stream(&mut self, name: Arc<str>, opened: io::Result<File>, problems: &mut Problems) {
        match opened.and_then(|f| Ok((f.metadata()?, f))) {
            Err(e) => problems.push(InputProblem::of(&name, Severity::Error, unopened(&e))),
            Ok((m, f)) => {
                if self.is_new(&name, &m, problems) {
                    self.candidates.push(Candidate { name, access: Access::Stream(f), folder: None });
                }
            }
        }
    }

    fn file(&mut self, path: &Path, m: &Metadata, folder: Option<usize>, problems: &mut Problems) {
        let name = name_of(path);
        if self.is_new(&name, m, problems) {
            let access = Access::File { path: path.to_owned(), len: m.len() };
            self.candidates.push(Candidate { name, access, folder });
        }
    }

    fn is_new(&mut self, name: &Arc<str>, m: &Metadata, problems: &mut Problems) -> bool {
        let first = self.seen.entry((m.dev(), m.ino())).or_insert_with(|| Arc::clone(name));
        if Arc::ptr_eq(first, name) {
            return true;
        }
        let what = What::Twice { first: Arc::clone(first) };
        problems.push(InputProblem::of(name, Severity::Note, what));
        false
    }

    /// Everything below `root`, in the order of names. A folder is entered once, so that links cannot make a circle.
    fn folder(&mut self, root: &Path, index: usize, problems: &mut Problems) {
        let mut entered = HashSet::new();
        let mut stack = vec![root.to_owned()];
        while let Some(path) = stack.pop() {
            let m = match fs::metadata(&path) {
                Ok(m) => m,
                // A link to nothing, or a file that was just rotated away.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => {
                    problems.push(InputProblem::of(&name_of(&path), Severity::Error, unopened(&e)));
                    continue;
                }
            };
            if m.is_file() {
                self.file(&path, &m, Some(index), problems);
            } else if !m.is_dir() {
                self.left_out.push((index, file_name(&path)));
            } else if entered.insert((m.dev(), m.ino())) {
                match fs::read_dir(&path).and_then(|d| d.map(|e| e.map(|e| e.path())).collect::<io::Result<Vec<_>>>()) {
                    Ok(mut entries) => {
                        entries.sort_unstable_by(|a, b| b.cmp(a));
                        stack.append(&mut entries);
                    }
                    Err(e) => problems.push(InputProblem::of(&name_of(&path), Severity::Error, unopened(&e))),
                }
            }
        }
    }
}

/// Why something could not be opened.
pub(super) fn unopened(e: &io::Error) -> What {
    if e.kind() == io::ErrorKind::NotFound { What::Missing } else { What::Unreadable { reason: e.to_string() } }
}

fn name_of(path: &Path) -> Arc<str> {
    Arc::from(path.to_string_lossy())
}

/// Last part of a path, for lists of examples.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.to_string_lossy(), |n| n.to_string_lossy()).into_owned()
}

/// Whether a name says that it is a capture, perhaps a packed one.
pub(super) fn calls_itself_capture(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = [".gz", ".zst"].iter().find_map(|e| name.strip_suffix(e)).unwrap_or(&name);
    [".pcap", ".pcapng", ".cap", ".dmp", ".ntar"].iter().any(|e| name.ends_with(e))
}

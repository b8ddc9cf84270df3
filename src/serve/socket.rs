//! A socket in the state folder that tells how the watch is.
//!
//! In: connections. Out: one JSON document for each, a [`Standing`], and the end of the connection; nothing is read of
//! whoever asks. One after the other, each with a time limit. Who may open the socket is a matter of the folder's and its
//! permissions.
//!
//! A socket needs a place on the disk. Where there is none, and when somebody removes it, it is tried again.

use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Board, Standing};
use crate::time::PacketTime;

/// Name of the socket in the state folder.
pub const FILE: &str = "minewatch.sock";
/// Longest time for one answer, for who asks a little more.
const ANSWER: Duration = Duration::from_secs(2);
const ASK: Duration = Duration::from_secs(5);
/// Longest wait for a connection before it is looked whether the socket is still there.
const TURN: Duration = Duration::from_millis(250);
/// How often that is looked.
const LOOK: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const MOST: u64 = 4 << 20;

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nothing is there, or nobody behind it.
    #[error(
        "no watch with --state {dir} runs: start one (systemctl start minewatch), or name the folder of the one that runs"
    )]
    NotRunning {
        /// The folder.
        dir: String,
    },
    /// Somebody else watches with it.
    #[error("another watch keeps its state in {dir}: end it first, or name another folder with --state")]
    Taken {
        /// The folder.
        dir: String,
    },
    /// It is another user's.
    #[error("{path} cannot be opened by this user: ask as root, or as the user of the watch")]
    NotAllowed {
        /// The socket.
        path: String,
    },
    /// No answer in time.
    #[error(
        "the watch at {path} does not answer: look at it with systemctl status minewatch, and start it again if it hangs"
    )]
    NoAnswer {
        /// The socket.
        path: String,
    },
    /// Something else answered, or another version.
    #[error("what the watch at {path} answers cannot be read ({why}): is it of another version?")]
    Odd {
        /// The socket.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The system refused.
    #[error("{path} cannot be asked: {source}")]
    Io {
        /// The socket.
        path: String,
        /// Answer of the system.
        source: io::Error,
    },
}

/// Asks the watch whose state is in a folder: the document, and its bytes.
///
/// # Errors
/// Nobody is there, nobody answers, or not what was expected.
pub fn ask(dir: &Path) -> Result<(Standing, Vec<u8>), AskError> {
    let path = dir.join(FILE);
    let at = || path.display().to_string();
    let mut stream = UnixStream::connect(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory => {
            AskError::NotRunning { dir: dir.display().to_string() }
        }
        io::ErrorKind::PermissionDenied => AskError::NotAllowed { path: at() },
        _ => AskError::Io { path: at(), source: e },
    })?;
    let mut bytes = Vec::new();
    let deadline = Instant::now() + ASK;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(AskError::NoAnswer { path: at() });
        }
        let mut chunk = [0; 16_384];
        let read = stream.set_read_timeout(Some(left)).and_then(|()| stream.read(&mut chunk));
        match read {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(chunk.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Err(AskError::NoAnswer { path: at() });
            }
            Err(source) => return Err(AskError::Io { path: at(), source }),
        }
        if bytes.len() as u64 > MOST {
            return Err(AskError::Odd { path: at(), why: format!("more than {MOST} bytes") });
        }
    }
    match serde_json::from_slice(&bytes) {
        Ok(standing) => Ok((standing, bytes)),
        Err(e) => Err(AskError::Odd { path: at(), why: e.to_string() }),
    }
}

/// The socket of a watch.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    open: Option<Open>,
    over: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Open {
    listener: UnixListener,
    /// Which file it is.
    is: (u64, u64),
}

impl Socket {
    /// Opens it in a folder, which is made if it is not there. A sentence, if that does not work now.
    ///
    /// # Errors
    /// Another watch answers there: two would overwrite each other's state.
    pub fn bind(dir: &Path) -> Result<(Self, Option<String>), AskError> {
        let path = dir.join(FILE);
        // Whoever saves something there will tell why it cannot be made.
        drop(std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir));
        let (open, said) = match bind(&path) {
            Ok(open) => (Some(open), None),
            Err(e) if e.kind() == io::ErrorKind::ResourceBusy => {
                return Err(AskError::Taken { dir: dir.display().to_string() });
            }
            Err(e) => {
                let said =
                    format!("minewatch status cannot ask this watch: {}: {e}; it is tried again", path.display());
                (None, Some(said))
            }
        };
        Ok((Self { path, open, over: Arc::default() }, said))
    }

    /// Answers from now on, until the [`Answering`] is dropped.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(self, board: Board) -> io::Result<Answering> {
        let over = Arc::clone(&self.over);
        let thread = std::thread::Builder::new().name("status".to_owned()).spawn(move || self.run(&board))?;
        Ok(Answering { over, thread: Some(thread) })
    }

    fn run(mut self, board: &Board) {
        let mut looked = Instant::now();
        while !self.over.load(Ordering::Relaxed) {
            self.wait();
            if let Some(Ok((stream, _))) = self.open.as_ref().map(|o| o.listener.accept()) {
                // Who went away does not want it any more.
                drop(answer(stream, board));
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look();
            }
        }
        if let Some(open) = &self.open
            && is(&self.path).is_ok_and(|now| now == open.is)
        {
            drop(std::fs::remove_file(&self.path));
        }
    }

    fn wait(&self) {
        let mut handles: Vec<_> = self.open.iter().map(|o| PollFd::new(&o.listener, PollFlags::IN)).collect();
        let turn = Timespec { tv_sec: 0, tv_nsec: TURN.subsec_nanos().into() };
        // Whatever it says, the next look tells.
        let _timeout_or_signal = poll(&mut handles, Some(&turn));
    }

    /// Opens it again if it is not there any more. One of another watch is left alone.
    fn look(&mut self) {
        let there = self.open.as_ref().is_some_and(|open| is(&self.path).is_ok_and(|now| now == open.is));
        if !there && let Ok(open) = bind(&self.path) {
            self.open = Some(open);
        }
    }
}

/// A socket that answers. When it is dropped, it is removed.
#[derive(Debug)]
pub struct Answering {
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A turn at the most, or the time limit of an answer.
            drop(thread.join());
        }
    }
}

fn bind(path: &Path) -> io::Result<Open> {
    if std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket()) {
        match UnixStream::connect(path) {
            Ok(_) => return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another watch answers there")),
            // Whoever left it is gone.
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                let why = "another user's watch is there, or left it: if none runs, remove it";
                return Err(io::Error::new(e.kind(), why));
            }
            Err(e) => return Err(e),
        }
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    listener.set_nonblocking(true)?;
    Ok(Open { listener, is: is(path)? })
}

fn is(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|m| (m.dev(), m.ino()))
}

fn answer(mut stream: UnixStream, board: &Board) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(ANSWER))?;
    let deadline = Instant::now() + ANSWER;
    let mut bytes = serde_json::to_vec(&board.standing(now()))?;
    bytes.push(b'\n');
    // The limit is of one write, and a reader may take a byte at a time.
    for chunk in bytes.chunks(65_536) {
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.write_all(chunk)?;
    }
    Ok(())
}

/// The time on the wall.
pub(super) fn now() -> PacketTime {
    let ns = jiff::Timestamp::now().as_nanosecond();
    PacketTime::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX))
}

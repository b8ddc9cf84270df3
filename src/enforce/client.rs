//! The other end of the socket: starts the enforcer, asks it, starts it again when it died.
//!
//! Calls wait for their answer, up to [`Options::patience`]: use them on a thread that may wait.

use std::ffi::OsString;
use std::io::{self, BufReader, BufWriter};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::applier::Applied;
use super::backend::Choice;
use super::held::Held;
use super::keeper::Kernel;
use super::problem::EnforceError;
use super::wanted::Wanted;
use super::wire::{Answer, MOST_ANSWER, Received, Request, receive, send};

/// How the enforcer is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program, which has the subcommand `enforcer`: this one.
    pub program: PathBuf,
    /// Which backend.
    pub backend: Choice,
    /// Whether documentation ranges may be blocked, which tests do.
    pub allow_documentation: bool,
    /// More arguments of the subcommand: which feeds say what is shared.
    pub more: Vec<OsString>,
    /// How long an answer may take before the enforcer is taken for dead.
    pub patience: Duration,
    /// How long to wait before it is started for a second time; doubled each time, up to a minute.
    pub back_off: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // Whatever became of the file meanwhile, this is what runs now.
            program: PathBuf::from("/proc/self/exe"),
            backend: Choice::Auto,
            allow_documentation: false,
            more: Vec::new(),
            patience: Duration::from_mins(3),
            back_off: Duration::from_secs(1),
        }
    }
}

/// Longest wait between two attempts to start the enforcer.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How often it is looked whether an enforcer that cannot be killed has ended, and how long to wait in between.
const PARTING: u32 = 200;
const LOOK: Duration = Duration::from_millis(10);

/// A running enforcer, or the wait for the next one. Dropping it ends the process and leaves the kernel's entries.
pub struct Enforcer {
    options: Options,
    state: State,
    backend: String,
    restarts: u64,
    wait: Duration,
}

enum State {
    Running(Running),
    Gone { why: String, again: Instant },
}

struct Running {
    child: Child,
    socket: UnixStream,
}

impl Enforcer {
    /// Starts it, and waits until it has found a backend.
    pub fn spawn(options: Options) -> Result<Self, EnforceError> {
        let (running, backend) = start(&options)?;
        let wait = options.back_off;
        Ok(Self { options, state: State::Running(running), backend, restarts: 0, wait })
    }

    /// Name of the backend in use.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        match &self.state {
            State::Running(running) => Some(running.child.id()),
            State::Gone { .. } => None,
        }
    }

    /// How often it had to be started again.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Makes the kernel hold `wanted` and nothing else of ours.
    pub fn apply(&mut self, wanted: &Wanted) -> Result<Applied, EnforceError> {
        match self.ask(&Request::Apply(wanted.into()))? {
            Answer::Applied(form) => Ok(form.into()),
            other => Err(unasked(&other)),
        }
    }

    /// Asks the kernel what it holds.
    pub fn read_back(&mut self) -> Result<Held, EnforceError> {
        match self.ask(&Request::ReadBack {})? {
            Answer::Held(form) => form.try_into(),
            other => Err(unasked(&other)),
        }
    }

    /// Takes everything of ours away; whether anything was there.
    pub fn remove(&mut self) -> Result<bool, EnforceError> {
        match self.ask(&Request::Remove {})? {
            Answer::Removed { had } => Ok(had),
            other => Err(unasked(&other)),
        }
    }

    /// Asks whether it is alive.
    pub fn ping(&mut self) -> Result<(), EnforceError> {
        match self.ask(&Request::Ping {})? {
            Answer::Pong { .. } => Ok(()),
            other => Err(unasked(&other)),
        }
    }

    fn ask(&mut self, request: &Request) -> Result<Answer, EnforceError> {
        if let State::Gone { why, again } = &self.state {
            let left = again.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Err(EnforceError::Gone { why: why.clone(), retry_secs: left.as_secs() + 1 });
            }
            self.restarts += 1;
            match start(&self.options) {
                Ok((running, backend)) => (self.state, self.backend) = (State::Running(running), backend),
                Err(e) => return Err(self.gone(&e.to_string())),
            }
        }
        let State::Running(running) = &mut self.state else { return Err(self.gone("it does not start")) };
        match running.ask(request) {
            Ok(Answer::Failed(why)) => Err(why),
            Ok(answer) => {
                self.wait = self.options.back_off;
                Ok(answer)
            }
            Err(e) => Err(self.gone(&e.to_string())),
        }
    }

    /// Ends what is left of it, and waits before the next attempt.
    fn gone(&mut self, why: &str) -> EnforceError {
        let again = Instant::now() + self.wait;
        let retry_secs = self.wait.as_secs();
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        self.state = State::Gone { why: why.to_owned(), again };
        EnforceError::Gone { why: why.to_owned(), retry_secs }
    }
}

impl Kernel for Enforcer {
    fn apply(&mut self, wanted: &Wanted) -> Result<Applied, EnforceError> {
        self.apply(wanted)
    }

    fn read_back(&mut self) -> Result<Held, EnforceError> {
        self.read_back()
    }

    fn remove(&mut self) -> Result<bool, EnforceError> {
        self.remove()
    }
}

fn start(options: &Options) -> Result<(Running, String), EnforceError> {
    let io = |e: &io::Error| EnforceError::system("start the enforcer", e);
    let (ours, theirs) = UnixStream::pair().map_err(|e| io(&e))?;
    ours.set_read_timeout(Some(options.patience)).map_err(|e| io(&e))?;
    ours.set_write_timeout(Some(options.patience)).map_err(|e| io(&e))?;
    let mut command = Command::new(&options.program);
    command.args(["enforcer", "--backend", options.backend.name()]);
    if options.allow_documentation {
        command.arg("--allow-documentation-ranges");
    }
    let child = command
        .args(&options.more)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        // Ctrl-C is for the parent, which tells us by closing the socket.
        .process_group(0)
        .spawn()
        .map_err(|e| io(&e))?;
    let mut running = Running { child, socket: ours };
    match running.ask(&Request::Ping {}) {
        Ok(Answer::Pong { backend }) => Ok((running, backend)),
        Ok(Answer::Failed(why)) => Err(why),
        Ok(other) => Err(unasked(&other)),
        Err(e) => Err(io(&e)),
    }
}

impl Running {
    fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        send(&mut BufWriter::new(&self.socket), request)?;
        // One answer to each request: nothing is left in this buffer.
        match receive(&mut BufReader::new(&self.socket), MOST_ANSWER)? {
            Received::Message(answer) => Ok(answer),
            Received::Odd(why) => Err(io::Error::new(io::ErrorKind::InvalidData, why)),
            Received::End => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        // What it has begun is one transaction, which a signal cannot cut in half.
        if self.child.kill().is_ok() {
            let _ = self.child.wait();
            return;
        }
        // It is root's, and we no longer are: it ends by itself, its socket being closed, unless a program hangs.
        for _ in 0..PARTING {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }
}

fn unasked(answer: &Answer) -> EnforceError {
    let mut said = format!("{answer:?}");
    said.truncate(80);
    EnforceError::Protocol(format!("the enforcer answered what nobody asked: {said}"))
}

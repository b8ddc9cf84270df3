//! Runs the program as a user does.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

/// After this a run counts as hanging and is ended. No capture of the tests takes a hundredth of it.
const HANGS: Duration = Duration::from_mins(1);

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit status; `None` when it was ended by a signal, or by us.
    pub(crate) code: Option<i32>,
    /// Whether it had to be ended.
    pub(crate) hung: bool,
    /// Standard output.
    pub(crate) stdout: Vec<u8>,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Run {
    /// Standard output as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("output that is not UTF-8")
    }
}

/// The program, with an environment that does not depend on who runs the tests.
pub(crate) fn program() -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_minewatch"));
    for variable in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "TERM", "RUST_BACKTRACE", "RUST_LOG"] {
        c.env_remove(variable);
    }
    c.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    c
}

/// Runs the program with arguments to its end.
pub(crate) fn minewatch<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    finish(program().args(args))
}

/// `minewatch replay --json FILES`.
pub(crate) fn replay_json<P: AsRef<Path>>(files: &[P], more: &[&str]) -> Run {
    finish(program().args(["replay", "--json"]).args(more).args(files.iter().map(|f| f.as_ref().as_os_str())))
}

/// Runs the program with `input` on its standard input.
pub(crate) fn with_input<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, input: &[u8]) -> Run {
    std::thread::scope(|s| {
        let (running, mut stdin) = Running::start(program().args(args));
        // It may stop reading early: that is its business, and shows in what it says.
        s.spawn(move || drop(stdin.write_all(input)));
        running.finish()
    })
}

/// Runs a prepared command to its end.
pub(crate) fn finish(command: &mut Command) -> Run {
    Running::of(command.spawn().unwrap()).finish()
}

/// A program that still runs, the lines of which can be waited for.
pub(crate) struct Running {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: JoinHandle<String>,
    seen: Vec<u8>,
    hung: bool,
}

impl Running {
    /// Starts it with a standard input that stays open.
    pub(crate) fn start(command: &mut Command) -> (Self, ChildStdin) {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        (Self::of(child), stdin)
    }

    fn of(mut child: Child) -> Self {
        let (tx, stdout) = mpsc::channel();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while out.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                if tx.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
        let mut err = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            drop(err.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self { child, stdout, stderr, seen: Vec::new(), hung: false }
    }

    /// The next line; `None` at the end of the output, or when nothing comes.
    pub(crate) fn line(&mut self) -> Option<String> {
        match self.stdout.recv_timeout(HANGS) {
            Ok(line) => {
                self.seen.extend(&line);
                Some(String::from_utf8(line).expect("output that is not UTF-8"))
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.hung = true;
                drop(self.child.kill());
                None
            }
        }
    }

    /// Reads the rest.
    pub(crate) fn finish(mut self) -> Run {
        loop {
            match self.stdout.recv_timeout(HANGS) {
                Ok(line) => self.seen.extend(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.hung = true;
                    drop(self.child.kill());
                }
            }
        }
        let code = self.child.wait().unwrap().code();
        Run { code, hung: self.hung, stdout: self.seen, stderr: self.stderr.join().unwrap() }
    }
}

/// Runs the program for a reader that goes away after `lines` lines of its output. Standard output is not kept.
pub(crate) fn impatient<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, lines: usize) -> Run {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = program();
    command.args(args).stdout(writer);
    let mut reader = BufReader::new(reader);
    let mut child = if lines == 0 {
        drop(reader);
        command.spawn().unwrap()
    } else {
        let child = command.spawn().unwrap();
        // The writing end of the tests has to go, or the pipe never ends.
        drop(command);
        for _ in 0..lines {
            reader.read_until(b'\n', &mut Vec::new()).unwrap();
        }
        drop(reader);
        child
    };
    let mut err = child.stderr.take().unwrap();
    let (tx, done) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(err.read_to_end(&mut bytes));
        drop(tx.send(String::from_utf8_lossy(&bytes).into_owned()));
    });
    let stderr = done.recv_timeout(HANGS);
    let hung = stderr.is_err();
    if hung {
        drop(child.kill());
    }
    let code = child.wait().unwrap().code();
    Run { code, hung, stdout: Vec::new(), stderr: stderr.unwrap_or_default() }
}

//! Running the firewall's own programs: never through a shell, never found by the caller's `PATH`, with a deadline.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};

use super::problem::EnforceError;

/// Where programs of the system are. Only root writes there.
const FOLDERS: &[&str] = &["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// How long a program may take. A hundred thousand entries take a second or two.
const DEADLINE: Duration = Duration::from_mins(1);
/// Most that is read of what a program prints.
const MOST_OUTPUT: u64 = 128 << 20;
/// Most that is kept of what it complains about.
const MOST_COMPLAINT: u64 = 64 << 10;

/// A program of the system.
pub(super) struct Program {
    /// Its name.
    pub(super) name: &'static str,
    /// Debian's package.
    pub(super) package: &'static str,
}

/// nftables.
pub(super) const NFT: Program = Program { name: "nft", package: "nftables" };
/// ipset.
pub(super) const IPSET: Program = Program { name: "ipset", package: "ipset" };
/// conntrack.
pub(super) const CONNTRACK: Program = Program { name: "conntrack", package: "conntrack" };

/// How a program ended, and what it printed.
pub(super) struct Ended {
    /// Exit status 0.
    pub(super) well: bool,
    /// Standard output.
    pub(super) printed: Vec<u8>,
    /// Standard error, made one line.
    pub(super) said: String,
}

impl Program {
    /// Where it is, if it is.
    pub(super) fn path(&self) -> Option<PathBuf> {
        FOLDERS.iter().map(|f| Path::new(f).join(self.name)).find(|p| p.is_file())
    }

    /// Runs it with `input` on its standard input.
    pub(super) fn run(&self, doing: &str, arguments: &[&str], input: &str) -> Result<Ended, EnforceError> {
        let Some(path) = self.path() else {
            return Err(EnforceError::NoProgram { program: self.name.to_owned(), package: self.package.to_owned() });
        };
        let io = |e: &std::io::Error| EnforceError::system(&format!("run {}", self.name), e);
        let stdin = if input.is_empty() { Stdio::null() } else { complete(input).map_err(|e| io(&e))?.into() };
        let mut child = Command::new(path)
            .args(arguments)
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", FOLDERS.join(":"))
            .current_dir("/")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| io(&e))?;
        let Some((well, printed, said)) = await_end(&mut child) else {
            let _ = child.kill();
            let _ = child.wait();
            let (program, doing) = (self.name.to_owned(), doing.to_owned());
            return Err(EnforceError::TooSlow { program, doing, secs: DEADLINE.as_secs() });
        };
        let said = String::from_utf8_lossy(&said).split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Ended { well, printed, said: crate::text::printable(&said, 512).into_owned() })
    }

    /// Runs it; anything but exit status 0 is an error.
    pub(super) fn must(&self, doing: &str, arguments: &[&str], input: &str) -> Result<Vec<u8>, EnforceError> {
        let ended = self.run(doing, arguments, input)?;
        if ended.well { Ok(ended.printed) } else { Err(self.refused(doing, ended.said)) }
    }

    /// The error for having said no.
    pub(super) fn refused(&self, doing: &str, said: String) -> EnforceError {
        EnforceError::Refused { program: self.name.to_owned(), doing: doing.to_owned(), said }
    }

    /// The error for having printed nonsense.
    pub(super) fn unreadable(&self, said: &str) -> EnforceError {
        EnforceError::Unreadable { program: self.name.to_owned(), said: crate::text::printable(said, 256).into_owned() }
    }
}

/// A file in memory that holds all of `input`. A pipe would end early when this process is killed, and half a script
/// can be a script: one that empties the sets and fills none.
fn complete(input: &str) -> std::io::Result<File> {
    let mut file = File::from(memfd_create("minewatch", MemfdFlags::CLOEXEC)?);
    file.write_all(input.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Waits until a program ends; nothing if it does not in time.
fn await_end(child: &mut Child) -> Option<(bool, Vec<u8>, Vec<u8>)> {
    let until = Instant::now() + DEADLINE;
    let (out, err) = (drain(child.stdout.take()?, MOST_OUTPUT), drain(child.stderr.take()?, MOST_COMPLAINT));
    let left = || until.saturating_duration_since(Instant::now());
    let printed = out.recv_timeout(left()).ok()?;
    let said = err.recv_timeout(left()).ok()?;
    Some((child.wait().ok()?.success(), printed, said))
}

/// Reads a pipe to its end, and keeps at most `most` bytes of it.
fn drain(mut pipe: impl Read + Send + 'static, most: u64) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.by_ref().take(most).read_to_end(&mut bytes);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        let _ = send.send(bytes);
    });
    receive
}

//! The programs that are compared, and the two loops that only read.
//!
//! In: a capture's path. Out: commands. Programs from elsewhere take part where they are installed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::MultiGzDecoder;

use crate::workload::Kind;

/// Verb of the loop through libpcap.
pub(crate) const COUNT: &str = "count";
/// Verb of the loop that only unpacks.
pub(crate) const INFLATE: &str = "inflate";

/// A program that reads a capture.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// As in the table.
    pub(crate) name: &'static str,
    path: PathBuf,
    before: Vec<&'static str>,
    after: Vec<&'static str>,
    /// Exit codes of success.
    pub(crate) good: &'static [i32],
    /// Whether it only reads: all others are told as multiples of it.
    pub(crate) loops: bool,
    /// Whether it is the one that this is about.
    pub(crate) ours: bool,
}

impl Program {
    fn new(name: &'static str, path: PathBuf, before: &[&'static str], after: &[&'static str]) -> Self {
        let (before, after) = (before.to_vec(), after.to_vec());
        Self { name, path, before, after, good: &[0], loops: false, ours: false }
    }

    fn this(name: &'static str, verb: &'static str) -> Self {
        let path = std::env::current_exe().unwrap_or_default();
        Self { loops: true, ..Self::new(name, path, &[verb], &[]) }
    }

    fn minewatch(name: &'static str, workers: &'static str) -> Self {
        let path = PathBuf::from(env!("CARGO_BIN_EXE_minewatch"));
        // 1: miners were found.
        Self { good: &[0, 1], ours: true, ..Self::new(name, path, &["replay", "--json", "--workers", workers], &[]) }
    }

    /// The command that reads `capture`.
    pub(crate) fn command(&self, capture: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.before).arg(capture).args(&self.after);
        command
    }
}

/// minewatch with one worker, or as many as two.
pub(crate) fn minewatch(most: usize) -> Vec<Program> {
    let one = Program::minewatch("minewatch", "1");
    if most == 1 { vec![one] } else { vec![one, Program::minewatch("minewatch, 2 workers", "2")] }
}

/// Everything that can read this kind of capture here.
pub(crate) fn all(kind: Kind) -> Vec<Program> {
    let mut list = if kind == Kind::Gz {
        vec![Program::this("zlib alone", INFLATE)]
    } else {
        vec![Program::this("libpcap, counting", COUNT)]
    };
    list.extend(minewatch(if kind == Kind::Mix { 2 } else { 1 }));
    // Nothing that goes through libpcap unpacks.
    if kind != Kind::Gz {
        if let Some(path) = find("tcpdump") {
            // As root it would become somebody else, who may not be allowed to read the file.
            let stay: &[_] = if rustix::process::getuid().is_root() { &["-Z", "root"] } else { &[] };
            let before = [stay, &["-w", "/dev/null", "-r"]].concat();
            list.push(Program::new("tcpdump -w /dev/null", path, &before, &[]));
        }
        if let Some(path) = find("ndpiReader") {
            list.push(Program::new("ndpiReader", path, &["-q", "-i"], &[]));
        }
    }
    list
}

/// What is not installed, in a sentence each.
pub(crate) fn absent() -> Vec<String> {
    [("tcpdump", "tcpdump"), ("ndpiReader", "libndpi-bin")]
        .into_iter()
        .filter(|(program, _)| find(program).is_none())
        .map(|(program, package)| format!("{program} is not installed (Debian: apt-get install {package})."))
        .collect()
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let more = ["/usr/sbin", "/usr/local/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|dir| dir.join(name)).find(|p| p.is_file())
}

/// Reads a capture through libpcap and counts.
pub(crate) fn count(path: &Path) -> Result<(), String> {
    let (mut packets, mut bytes) = (0_u64, 0_u64);
    let mut capture = pcap::Capture::from_file(path).map_err(|e| e.to_string())?;
    capture
        .for_each(None, |packet| {
            packets += 1;
            bytes += packet.data.len() as u64;
        })
        .map_err(|e| e.to_string())?;
    println!("{packets} packets, {bytes} bytes");
    Ok(())
}

/// Unpacks a file and counts.
pub(crate) fn inflate(path: &Path) -> Result<(), String> {
    let mut reader = MultiGzDecoder::new(std::io::BufReader::with_capacity(1 << 18, open(path)?));
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer).map_err(|e| e.to_string())? {
            0 => break,
            n => bytes += n,
        }
    }
    println!("{bytes} bytes");
    Ok(())
}

/// Opens a file, or says which one could not be.
pub(crate) fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|e| format!("{}: {e}", path.display()))
}

//! The captures: made once for each kind and size, and again when the generator would write something else.
//!
//! In: a kind, a size, a folder. Out: an [`Input`] in the page cache.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs::open;
use crate::workload::{self, Kind, Size, Tally};

/// Verb of the process that makes one.
pub(crate) const VERB: &str = "make";
const SEED: u64 = 1;
/// Packets that tell whether the generator has changed.
const BEGINNING: u64 = 5000;

/// A capture to be read.
pub(crate) struct Input {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What is in it.
    pub(crate) tally: Tally,
}

impl Input {
    /// Of a kind, at so many thousandths of its usual size.
    pub(crate) fn of(kind: Kind, thousandths: u64, folder: &Path) -> Result<Self, String> {
        Self::made(kind, thousandths, folder.join(format!("{}-{thousandths}.{}", kind.name(), kind.suffix())))
    }

    /// One packet.
    pub(crate) fn start(folder: &Path) -> Result<Self, String> {
        Self::made(Kind::Mix, 0, folder.join("one-packet.pcap"))
    }

    fn made(kind: Kind, thousandths: u64, path: PathBuf) -> Result<Self, String> {
        let me = std::env::current_exe().map_err(|e| e.to_string())?;
        let said = Command::new(me)
            .args([VERB, kind.name(), &thousandths.to_string()])
            .arg(&path)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| e.to_string())?;
        if !said.status.success() {
            return Err(format!("{}: could not be made", path.display()));
        }
        let tally = parse(&String::from_utf8_lossy(&said.stdout)).ok_or("the generator said nothing of its work")?;
        Ok(Self { path, tally })
    }

    /// Reads it once, so that the disk has no part in what follows.
    pub(crate) fn warm(&self) -> Result<(), String> {
        std::io::copy(&mut open(&self.path)?, &mut std::io::sink()).map(drop).map_err(|e| e.to_string())
    }
}

fn parse(line: &str) -> Option<Tally> {
    let mut numbers = line.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    Some(Tally { packets: next()?, bytes: next()?, flows: next()?, live: next()? })
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

/// Makes a capture, unless it is there, and says what is in it.
pub(crate) fn child(kind: &str, thousandths: &str, path: &Path) -> Result<(), String> {
    let kind = Kind::named(kind).ok_or("no such kind")?;
    let size = match thousandths.parse().map_err(|_| "no such size")? {
        0 => Size::packets(1),
        n => kind.size().scaled(n),
    };
    let beside = path.with_extension("made");
    let mark = format!("{:016x}", hash(&workload::bytes(kind, Size::packets(BEGINNING), SEED).0));
    if let Ok(known) = std::fs::read_to_string(&beside)
        && let Some(tally) = known.strip_prefix(&mark)
        && path.is_file()
    {
        println!("{tally}");
        return Ok(());
    }
    eprintln!("making {}", path.display());
    let t = workload::write(kind, path, size, SEED).map_err(|e| format!("{}: {e}", path.display()))?;
    let tally = format!("{} {} {} {}", t.packets, t.bytes, t.flows, t.live);
    std::fs::write(&beside, format!("{mark} {tally}")).map_err(|e| format!("{}: {e}", beside.display()))?;
    println!("{tally}");
    Ok(())
}

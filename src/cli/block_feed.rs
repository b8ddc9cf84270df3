//! `--block-feed`: when blocks of a coin arrived, from a node's log or a list of times.
//!
//! In: files as the command line names them. Out: blocks for the detectors: all that a file holds, then what is added to
//! it while a watch goes on, through the handle that was opened before rights were given up.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;
use rustix::fs::OFlags;

use super::Failure;
use crate::detect::Detect;
use crate::detect::feed::{self, MAX_LINE, Reader, Source};
use crate::text::printable;

/// Bytes of a feed that are taken at a time while a watch goes on.
const AT_ONCE: u64 = 1 << 20;
/// Sentences on lines that are none.
const MOST_PROBLEMS: usize = 3;

/// When blocks come.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "What cannot be read")]
pub(super) struct BlockFeeds {
    /// When blocks of a coin arrived, to tell miners whose traffic cannot be read: a log of monerod (level 1) or bitcoind,
    /// JSON lines or CSV of times; times without a zone are UTC. COIN=FILE where the file does not say which coin, as in
    /// XMR=blocks.csv. May be given several times
    #[arg(long = "block-feed", value_name = "[COIN=]FILE")]
    block_feed: Vec<Named>,
}

/// A file, and the coin whose blocks it tells of.
#[derive(Clone, Debug)]
struct Named {
    coin: Option<String>,
    path: PathBuf,
}

impl FromStr for Named {
    type Err = std::convert::Infallible;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let is_coin = |c: &str| (2..=12).contains(&c.len()) && c.bytes().all(|b| b.is_ascii_alphanumeric());
        Ok(match s.split_once('=') {
            Some((coin, file)) if is_coin(coin) => {
                Self { coin: Some(coin.to_ascii_uppercase()), path: PathBuf::from(file) }
            }
            _ => Self { coin: None, path: PathBuf::from(s) },
        })
    }
}

impl BlockFeeds {
    /// Gives the detectors what the files hold. Sentences on lines that are none.
    pub(super) fn load(&self, detect: &mut Detect) -> Result<Vec<String>, Failure> {
        let mut said = Vec::new();
        for named in &self.block_feed {
            let file = named.open()?;
            let name = named.name();
            let source = Source { file: &name, coin: named.coin.as_deref(), zone: 0 };
            let contents = feed::read(BufReader::new(file), &source)
                .with_context(|| format!("{} cannot be read", named.path.display()))?;
            let shown = contents.problems.iter().take(MOST_PROBLEMS);
            let told: Vec<_> = shown.map(|p| printable(&p.to_string(), 256).into_owned()).collect();
            if contents.feeds.is_empty() && !told.is_empty() {
                bail!("no block in a block feed: {}", told.join("; "));
            }
            if contents.feeds.is_empty() {
                said.push(format!("{name} holds no block yet"));
            }
            said.extend(told);
            for feed in &contents.feeds {
                detect.load(feed);
            }
        }
        Ok(said)
    }

    /// Opens the files, to give the detectors what is in them and what will be.
    #[cfg(feature = "live")]
    pub(super) fn follow(&self) -> Result<Tails, Failure> {
        let tails = self.block_feed.iter().map(|named| {
            let name = named.name();
            let source = Source { file: &name, coin: named.coin.as_deref(), zone: 0 };
            let (reader, file) = (Reader::new(&source), named.open()?);
            Ok(Tail { named: named.clone(), reader, file, half: Vec::new(), blocks: 0, told: 0, lost: false })
        });
        Ok(Tails(tails.collect::<Result<_, Failure>>()?))
    }
}

impl Named {
    fn open(&self) -> Result<File, Failure> {
        let path = &self.path;
        // A pipe would keep everything waiting, here already.
        let file = File::options()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
            .with_context(|| format!("{} cannot be opened", path.display()))?;
        if !file.metadata().is_ok_and(|m| m.is_file()) {
            bail!("{} is no file: a block feed is one", path.display());
        }
        Ok(file)
    }

    fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        printable(&*name.to_string_lossy(), 128).into_owned()
    }
}

/// Files that grow.
#[derive(Default)]
pub(super) struct Tails(Vec<Tail>);

struct Tail {
    named: Named,
    reader: Reader,
    file: File,
    half: Vec<u8>,
    blocks: u64,
    /// Problems that were told.
    told: usize,
    /// It was told that the file is gone.
    lost: bool,
}

impl Tails {
    /// Takes what was added since. What is to be said of it.
    pub(super) fn tick(&mut self, detect: &mut Detect) -> Vec<String> {
        let mut said = Vec::new();
        for tail in &mut self.0 {
            tail.follow(&mut said);
            // What cannot be read now may be at the next tick; a node that is gone tells nothing.
            let _gone = tail.read(detect);
            let (problems, _) = tail.reader.problems();
            let news = problems.iter().skip(tail.told).take(MOST_PROBLEMS.saturating_sub(tail.told));
            said.extend(news.map(|p| printable(&p.to_string(), 256).into_owned()));
            tail.told = problems.len();
        }
        said
    }

    /// The files: those that a sandbox must leave readable, to follow a log that is rotated.
    #[cfg(feature = "live")]
    pub(super) fn files(&self) -> impl Iterator<Item = &std::path::Path> {
        self.0.iter().map(|t| t.named.path.as_path())
    }

    /// What is known of each at the start.
    #[cfg(feature = "live")]
    pub(super) fn state(&self) -> Vec<String> {
        let say = |t: &Tail| match t.blocks {
            0 => format!("{} holds no block yet", t.named.name()),
            1 => format!("{}: 1 block so far", t.named.name()),
            n => format!("{}: {n} blocks so far", t.named.name()),
        };
        self.0.iter().map(say).collect()
    }
}

impl Tail {
    /// A log that was rotated, or emptied, is read from its beginning.
    fn follow(&mut self, said: &mut Vec<String>) {
        use std::io::{Seek, SeekFrom};
        let (Ok(open), Ok(position)) = (self.file.metadata(), self.file.stream_position()) else { return };
        let there = std::fs::metadata(&self.named.path).ok();
        if there.as_ref().is_some_and(|m| (m.dev(), m.ino()) != (open.dev(), open.ino())) {
            match self.named.open() {
                Ok(file) => {
                    (self.file, self.half, self.lost) = (file, Vec::new(), false);
                    said.push(format!("{} is another file now: it is read from its beginning", self.named.name()));
                }
                Err(e) if !std::mem::replace(&mut self.lost, true) => {
                    said.push(format!("{} is another file now, of which no block is read: {e:#}", self.named.name()));
                }
                Err(_) => {}
            }
        } else if open.len() < position && self.file.seek(SeekFrom::Start(0)).is_ok() {
            self.half = Vec::new();
            said.push(format!("{} became shorter: it is read from its beginning", self.named.name()));
        }
    }

    fn read(&mut self, detect: &mut Detect) -> io::Result<()> {
        (&mut self.file).take(AT_ONCE).read_to_end(&mut self.half)?;
        let mut lines = self.half.split_inclusive(|b| *b == b'\n').peekable();
        let mut rest = Vec::new();
        while let Some(line) = lines.next() {
            if lines.peek().is_none() && !line.ends_with(b"\n") {
                rest.extend_from_slice(line.get(..line.len().min(MAX_LINE + 1)).unwrap_or(line));
                break;
            }
            if let Some((chain, at)) = self.reader.line(line) {
                self.blocks += 1;
                detect.block(&chain, at);
            }
        }
        self.half = rest;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coin_may_stand_before_the_file() {
        let named = |s: &str| {
            let n: Named = s.parse().unwrap();
            (n.coin, n.path.display().to_string())
        };
        assert_eq!(named("xmr=blocks.csv"), (Some("XMR".to_owned()), "blocks.csv".to_owned()));
        assert_eq!(named("monerod.log"), (None, "monerod.log".to_owned()));
        assert_eq!(named("dir/a=b.log"), (None, "dir/a=b.log".to_owned()));
    }

    #[cfg(feature = "live")]
    #[test]
    fn a_log_that_grows_is_read_on_line_by_line() {
        use std::io::Write;

        use crate::detect::Chain;
        use crate::time::PacketTime;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blocks.csv");
        let mut log = File::create(&path).unwrap();
        writeln!(log, "1700000000").unwrap();
        let feeds = BlockFeeds { block_feed: vec![Named { coin: Some("XMR".to_owned()), path }] };
        let (mut tails, mut detect) = (feeds.follow().unwrap(), Detect::default());
        let chain = Chain { coin: "XMR".into(), source: "blocks.csv".into() };
        // One that is no news is not taken.
        let mut knows = |tails: &mut Tails, seconds: i64| {
            assert_eq!(tails.tick(&mut detect), [""; 0]);
            let before = detect.tally().blocks;
            detect.block(&chain, PacketTime::from_parts(seconds, 0));
            detect.tally().blocks > before
        };
        assert!(knows(&mut tails, 1_700_000_000));
        write!(log, "17000").unwrap();
        assert!(!knows(&mut tails, 1_700_000_100));
        writeln!(log, "00300").unwrap();
        assert!(knows(&mut tails, 1_700_000_300));
    }

    #[cfg(feature = "live")]
    #[test]
    fn a_log_that_is_rotated_or_emptied_is_read_on_and_nonsense_in_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blocks.csv");
        std::fs::write(&path, "1700000000\n1700000300\n").unwrap();
        let feeds = BlockFeeds { block_feed: vec![Named { coin: Some("XMR".to_owned()), path: path.clone() }] };
        let (mut tails, mut detect) = (feeds.follow().unwrap(), Detect::default());
        assert_eq!(tails.tick(&mut detect), [""; 0]);
        assert_eq!(tails.state(), ["blocks.csv: 2 blocks so far"]);
        std::fs::rename(&path, dir.path().join("blocks.csv.1")).unwrap();
        std::fs::write(&path, "1700000600\n1700000900\n1700001200\n").unwrap();
        assert_eq!(tails.tick(&mut detect), ["blocks.csv is another file now: it is read from its beginning"]);
        assert_eq!(tails.state(), ["blocks.csv: 5 blocks so far"]);
        std::fs::write(&path, "1700001500\nnonsense\n").unwrap();
        let said = tails.tick(&mut detect);
        assert_eq!(said[0], "blocks.csv became shorter: it is read from its beginning");
        assert!(said[1].contains("no time that can be read"), "{said:?}");
        assert_eq!((said.len(), tails.state()), (2, vec!["blocks.csv: 6 blocks so far".to_owned()]));
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let feeds = BlockFeeds { block_feed: vec![Named { coin: None, path }] };
        assert!(feeds.load(&mut Detect::default()).is_err_and(|e| format!("{e:?}").contains("is no file")));
    }

    #[test]
    fn a_feed_that_holds_nonsense_is_refused_and_an_empty_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let feeds = |text: &str| {
            let path = dir.path().join("feed.csv");
            std::fs::write(&path, text).unwrap();
            let feeds = BlockFeeds { block_feed: vec![Named { coin: Some("XMR".to_owned()), path }] };
            feeds.load(&mut Detect::default())
        };
        assert!(feeds("nonsense\n").is_err());
        assert_eq!(feeds("").unwrap(), ["feed.csv holds no block yet"]);
        assert_eq!(feeds("1700000000\n1700000120\n").unwrap(), [""; 0]);
        let missing = BlockFeeds { block_feed: vec![Named { coin: None, path: dir.path().join("none") }] };
        assert!(missing.load(&mut Detect::default()).is_err());
    }
}

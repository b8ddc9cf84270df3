//! `--block-feed`: when blocks of a coin arrived, from a node's log or a list of times.
//!
//! In: files as the command line names them. Out: blocks for the detectors: all that a file holds, then what is added to
//! it while a watch goes on, through the handle that was opened before rights were given up.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;

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
            Ok(Tail { reader: Reader::new(&source), file: named.open()?, half: Vec::new() })
        });
        Ok(Tails(tails.collect::<Result<_, Failure>>()?))
    }
}

impl Named {
    fn open(&self) -> Result<File, Failure> {
        let path = &self.path;
        let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
        // A pipe would keep everything waiting.
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
    reader: Reader,
    file: File,
    half: Vec<u8>,
}

impl Tails {
    /// Takes what was added since.
    pub(super) fn tick(&mut self, detect: &mut Detect) {
        for tail in &mut self.0 {
            // What cannot be read now may be at the next tick; a node that is gone tells nothing.
            let _gone = tail.read(detect);
        }
    }
}

impl Tail {
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
            tails.tick(&mut detect);
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

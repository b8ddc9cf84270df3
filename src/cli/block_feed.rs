//! `--block-feed`: when blocks of a coin arrived, from a node's log or a list of times.
//!
//! In: files as the command line and the policy name them. Out: blocks for the detectors: all that a file holds, then what is added to
//! it while a watch goes on, through the handle that was opened before rights were given up.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use rustix::fs::OFlags;

use super::Failure;
use crate::detect::Detect;
use crate::detect::feed::{self, Chain, MAX_LINE, Reader, Source};
use crate::text::printable;
use crate::time::PacketTime;

/// Bytes of a feed that are taken at a time while a watch goes on.
const AT_ONCE: u64 = 1 << 20;
/// Sentences on lines that are none.
const MOST_PROBLEMS: usize = 3;
/// The last blocks of a feed that is followed, by which it is judged.
const RECENT: usize = 256;
/// Clocks differ by less.
const AHEAD: Duration = Duration::from_mins(10);

/// When blocks come.
#[derive(Args, Clone, Debug, Default)]
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

/// What was read of all files.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// What is to be said of them.
    pub(super) said: Vec<String>,
    spans: Vec<Span>,
}

/// From when until when a feed tells of blocks.
#[derive(Debug)]
struct Span {
    chain: Chain,
    oldest: PacketTime,
    newest: PacketTime,
}

impl Loaded {
    /// What is to be said of feeds that hold no block of the time in which somebody was listened to.
    pub(super) fn of_other_times(&self, listened: Option<(PacketTime, PacketTime)>) -> Vec<String> {
        let Some((begin, end)) = listened else { return Vec::new() };
        let elsewhere = self.spans.iter().filter(|s| s.newest < begin || s.oldest > end);
        let say = |s: &Span| {
            let Chain { coin, source } = &s.chain;
            format!(
                "{source} tells of no block of {coin} in the time that was listened to ({begin} to {end}), but of {} to {}: \
                 it is of another day, or its times are in another zone",
                s.oldest, s.newest
            )
        };
        elsewhere.map(say).collect()
    }
}

/// How a block feed looks to who will use it.
pub(super) enum Look {
    /// As it should.
    Good(String),
    /// It can be used, but hardly as it is meant.
    Odd(String),
    /// It cannot be used.
    Bad(String),
}

impl BlockFeeds {
    /// With those that a policy file names.
    #[must_use]
    pub(super) fn and(&self, more: &[String]) -> Self {
        let Ok(more): Result<Vec<Named>, _> = more.iter().map(|m| m.parse()).collect();
        Self { block_feed: self.block_feed.iter().cloned().chain(more).collect() }
    }

    /// Gives the detectors what the files hold. Sentences on lines that are none.
    pub(super) fn load(&self, detect: &mut Detect) -> Result<Loaded, Failure> {
        let mut loaded = Loaded::default();
        for named in &self.block_feed {
            let (contents, told) = named.read()?;
            if contents.feeds.is_empty() {
                loaded.said.push(format!("{} holds no block yet", named.name()));
            }
            loaded.said.extend(told);
            for feed in &contents.feeds {
                loaded.said.extend(oddity(&feed.chain, &feed.blocks));
                if let (Some(oldest), Some(newest)) = (feed.blocks.first(), feed.blocks.last()) {
                    loaded.spans.push(Span { chain: feed.chain.clone(), oldest: *oldest, newest: *newest });
                }
                detect.load(feed);
            }
        }
        Ok(loaded)
    }

    /// What each of the files looks like at `now`, on the wall.
    pub(super) fn look(&self, now: PacketTime) -> Vec<Look> {
        let mut looks = Vec::new();
        for named in &self.block_feed {
            let (contents, told) = match named.read() {
                Ok(read) => read,
                Err(e) => {
                    looks.push(Look::Bad(format!("block feed {}: {}", named.name(), super::sentence(&e))));
                    continue;
                }
            };
            if contents.feeds.is_empty() {
                looks.push(Look::Odd(format!("block feed {} holds no block yet", named.name())));
            }
            for feed in &contents.feeds {
                let Chain { coin, source } = &feed.chain;
                let newest = feed.blocks.last().copied().unwrap_or_default();
                let age = now.since(newest);
                looks.push(Look::Good(format!(
                    "block feed {source}: {} blocks of {coin}, the newest of {newest} ({} ago)",
                    feed.blocks.len(),
                    spent(age)
                )));
                if age > patience(&feed.chain.coin) {
                    let why = "is its node running, and is its log written? Times without a zone are taken for UTC";
                    looks.push(Look::Odd(format!("{source} tells of no block for {}: {why}", spent(age))));
                } else if newest.since(now) > AHEAD {
                    looks.push(Look::Odd(format!(
                        "{source} tells of blocks that are to come: its times are in another zone, or a clock is wrong"
                    )));
                }
                looks.extend(oddity(&feed.chain, &feed.blocks).map(Look::Odd));
            }
            looks.extend(told.into_iter().map(Look::Odd));
        }
        looks
    }

    /// Opens the files, to give the detectors what is in them and what will be.
    #[cfg(feature = "live")]
    pub(super) fn follow(&self) -> Result<Tails, Failure> {
        let tails = self.block_feed.iter().map(|named| {
            let name = named.name();
            let source = Source { file: &name, coin: named.coin.as_deref(), zone: 0 };
            let (reader, file) = (Reader::new(&source), named.open()?);
            Ok(Tail {
                named: named.clone(),
                reader,
                file,
                half: Vec::new(),
                blocks: 0,
                recent: VecDeque::new(),
                told: 0,
                lost: false,
            })
        });
        let all = tails.collect::<Result<_, Failure>>()?;
        Ok(Tails {
            all,
            #[cfg(feature = "state")]
            board: None,
        })
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

    /// What is in it, and sentences on lines that are no block.
    fn read(&self) -> Result<(feed::Contents, Vec<String>), Failure> {
        let (file, name) = (self.open()?, self.name());
        let source = Source { file: &name, coin: self.coin.as_deref(), zone: 0 };
        let contents = feed::read(BufReader::new(file), &source)
            .with_context(|| format!("{} cannot be read", self.path.display()))?;
        let shown = contents.problems.iter().take(MOST_PROBLEMS);
        let told: Vec<_> = shown.map(|p| printable(&p.to_string(), 256).into_owned()).collect();
        if contents.feeds.is_empty() && !told.is_empty() {
            bail!("no block in a block feed: {}", told.join("; "));
        }
        Ok((contents, told))
    }

    fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        printable(&*name.to_string_lossy(), 128).into_owned()
    }
}

/// What is odd about blocks of a chain.
fn oddity(chain: &Chain, blocks: &[PacketTime]) -> Option<String> {
    let (usual, found) = (feed::usual_interval(&chain.coin)?, feed::interval(blocks)?);
    let Chain { coin, source } = chain;
    (found > 2 * usual || 2 * found < usual).then(|| {
        format!(
            "{source} tells of a block each {:.0} s on average, and {coin} has one each {:.0} s: are they another coin's?",
            found.as_secs_f64(),
            usual.as_secs_f64()
        )
    })
}

/// How long no block may be told of: by chance it takes thirty times the average once in 10^13 blocks.
fn patience(coin: &str) -> Duration {
    (30 * feed::usual_interval(coin).unwrap_or(Duration::from_mins(10))).max(Duration::from_hours(1))
}

/// A time of day, to a person.
fn spent(time: Duration) -> String {
    match time.as_secs() {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7_200 => format!("{} min", s / 60),
        s @ 7_200..172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}

/// Files that grow.
#[derive(Default)]
pub(super) struct Tails {
    all: Vec<Tail>,
    /// Where others see what they hold.
    #[cfg(all(feature = "live", feature = "state"))]
    board: Option<crate::serve::Board>,
}

struct Tail {
    named: Named,
    reader: Reader,
    file: File,
    half: Vec<u8>,
    blocks: u64,
    recent: VecDeque<(Chain, PacketTime)>,
    /// Problems that were told.
    told: usize,
    /// It was told that the file is gone.
    lost: bool,
}

impl Tails {
    /// Takes what was added since. What is to be said of it.
    pub(super) fn tick(&mut self, detect: &mut Detect) -> Vec<String> {
        let mut said = Vec::new();
        #[cfg(all(feature = "live", feature = "state"))]
        let before: u64 = self.all.iter().map(|t| t.blocks).sum();
        for tail in &mut self.all {
            tail.follow(&mut said);
            // What cannot be read now may be at the next tick; a node that is gone tells nothing.
            let _gone = tail.read(detect);
            let (problems, _) = tail.reader.problems();
            let news = problems.iter().skip(tail.told).take(MOST_PROBLEMS.saturating_sub(tail.told));
            said.extend(news.map(|p| printable(&p.to_string(), 256).into_owned()));
            tail.told = problems.len();
        }
        #[cfg(all(feature = "live", feature = "state"))]
        if self.all.iter().map(|t| t.blocks).sum::<u64>() != before {
            self.show();
        }
        said
    }

    /// Lets others see what the files hold, from now on.
    #[cfg(all(feature = "live", feature = "state"))]
    pub(super) fn show_on(&mut self, board: crate::serve::Board) {
        self.board = Some(board);
        self.show();
    }

    #[cfg(all(feature = "live", feature = "state"))]
    fn show(&self) {
        if let Some(board) = &self.board {
            board.blocks(self.all.iter().map(Tail::shown).collect());
        }
    }

    /// What is odd about the blocks so far.
    #[cfg(feature = "live")]
    pub(super) fn oddities(&self) -> Vec<String> {
        self.all.iter().flat_map(Tail::oddities).collect()
    }

    /// The files: those that a sandbox must leave readable, to follow a log that is rotated.
    #[cfg(feature = "live")]
    pub(super) fn files(&self) -> impl Iterator<Item = &std::path::Path> {
        self.all.iter().map(|t| t.named.path.as_path())
    }

    /// What is known of each at the start.
    #[cfg(feature = "live")]
    pub(super) fn state(&self) -> Vec<String> {
        let say = |t: &Tail| match t.blocks {
            0 => format!("{} holds no block yet", t.named.name()),
            1 => format!("{}: 1 block so far", t.named.name()),
            n => format!("{}: {n} blocks so far", t.named.name()),
        };
        self.all.iter().map(say).collect()
    }
}

impl Tail {
    /// The chains that it told of lately.
    #[cfg(feature = "live")]
    fn chains(&self) -> std::collections::BTreeSet<&Chain> {
        self.recent.iter().map(|(chain, _)| chain).collect()
    }

    #[cfg(feature = "live")]
    fn oddities(&self) -> Vec<String> {
        let of = |chain: &Chain| {
            let mut blocks: Vec<_> = self.recent.iter().filter(|(c, _)| c == chain).map(|(_, at)| *at).collect();
            blocks.sort_unstable();
            oddity(chain, &blocks)
        };
        self.chains().into_iter().filter_map(of).collect()
    }

    #[cfg(all(feature = "live", feature = "state"))]
    fn shown(&self) -> crate::serve::Blocks {
        let coins: Vec<_> = self.chains().into_iter().map(|c| c.coin.to_string()).collect();
        crate::serve::Blocks {
            name: self.named.name(),
            patience: coins.iter().map(|c| patience(c)).max().unwrap_or(Duration::MAX),
            coins,
            blocks: self.blocks,
            newest: self.recent.iter().map(|(_, at)| *at).max(),
        }
    }

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
                if self.recent.len() >= RECENT {
                    self.recent.pop_front();
                }
                self.recent.push_back((chain.clone(), at));
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

    /// Times of blocks in a row, `apart` seconds on average, as a list.
    fn list(from: i64, count: i64, apart: i64) -> String {
        let times: Vec<_> = (0..count).map(|n| (from + n * apart + (n * n) % 7 * apart / 20).to_string()).collect();
        times.join("\n") + "\n"
    }

    #[test]
    fn blocks_of_another_coin_or_another_day_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blocks.csv");
        let feeds = BlockFeeds { block_feed: vec![Named { coin: Some("XMR".to_owned()), path: path.clone() }] };
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            feeds.load(&mut Detect::default()).unwrap()
        };
        // Blocks by chance would be 83 s apart half of the time; these are as regular as half of those of 120 s.
        let right = load(&list(1_700_000_000, 100, 83));
        assert_eq!(right.said, [""; 0]);
        let at = |seconds: i64| PacketTime::from_parts(seconds, 0);
        assert_eq!(right.of_other_times(Some((at(1_700_000_500), at(1_700_000_600)))), [""; 0]);
        assert_eq!(right.of_other_times(None), [""; 0]);
        let other_day = right.of_other_times(Some((at(1_700_100_000), at(1_700_100_600))));
        assert!(other_day.len() == 1 && other_day[0].contains("another day"), "{other_day:?}");
        let wrong = load(&list(1_700_000_000, 100, 420)).said;
        assert!(wrong.len() == 1 && wrong[0].contains("another coin's"), "{wrong:?}");
        let few = load(&list(1_700_000_000, 20, 420)).said;
        assert_eq!(few, [""; 0]);
    }

    #[test]
    fn who_checks_a_feed_is_told_what_it_holds_and_how_old_that_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blocks.csv");
        let feeds = BlockFeeds { block_feed: vec![Named { coin: Some("XMR".to_owned()), path: path.clone() }] };
        let look = |text: &str, now: i64| {
            std::fs::write(&path, text).unwrap();
            let say = |l| match l {
                Look::Good(s) => format!("good: {s}"),
                Look::Odd(s) => format!("odd: {s}"),
                Look::Bad(s) => format!("bad: {s}"),
            };
            feeds.look(PacketTime::from_parts(now, 0)).into_iter().map(say).collect::<Vec<_>>()
        };
        let blocks = list(1_700_000_000, 40, 83);
        let good = look(&blocks, 1_700_003_600);
        assert_eq!(good.len(), 1, "{good:?}");
        assert!(good[0].starts_with("good: block feed blocks.csv: 40 blocks of XMR, the newest of 2023-11-14T23:07:"));
        let stale = look(&blocks, 1_700_090_000);
        assert!(stale[1].starts_with("odd: blocks.csv tells of no block for 24 h"), "{stale:?}");
        let ahead = look(&blocks, 1_699_990_000);
        assert!(ahead[1].contains("another zone"), "{ahead:?}");
        assert_eq!(look("", 0), ["odd: block feed blocks.csv holds no block yet"]);
        assert!(look("nonsense\n", 0)[0].starts_with("bad: block feed blocks.csv: no block in a block feed"));
    }

    #[cfg(feature = "live")]
    #[test]
    fn a_log_that_grows_is_read_on_line_by_line() {
        use std::io::Write;

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
            feeds.load(&mut Detect::default()).map(|l| l.said)
        };
        assert!(feeds("nonsense\n").is_err());
        assert_eq!(feeds("").unwrap(), ["feed.csv holds no block yet"]);
        assert_eq!(feeds("1700000000\n1700000120\n").unwrap(), [""; 0]);
        let missing = BlockFeeds { block_feed: vec![Named { coin: None, path: dir.path().join("none") }] };
        assert!(missing.load(&mut Detect::default()).is_err());
    }
}

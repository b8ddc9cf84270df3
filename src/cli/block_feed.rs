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
use crate::text::{counted, printable};
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
                    "block feed {source}: {} of {coin}, the newest of {newest} ({} ago)",
                    counted(feed.blocks.len(), "block", "blocks"),
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
            n => format!("{}: {} so far", t.named.name(), counted(n, "block", "blocks")),
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
mod tests;

//! When blocks of a chain arrived: read from a node's log or a list of times.
//!
//! In: lines, as a file has them or as a log grows ([`Reader::line`]). Out: chains with arrival times; lines that are
//! none are told with file and line.
//!
//! | what | line |
//! |---|---|
//! | `monerod` at log level 1, or `net.p2p.msg:INFO` | `2026-11-26 09:00:00.123 … Received NOTIFY_NEW_FLUFFY_BLOCK <hash> (height 3550000, 12 txes)` |
//! | `bitcoind` and its kin | `2026-11-26T09:00:00Z UpdateTip: new best=… height=925000 … date='2026-11-26T08:59:41Z' …` |
//! | JSON lines | `{"time": "2026-11-26T09:00:00.123Z", "coin": "XMR", "height": 3550000}` |
//! | CSV | `time,coin,height` in any order below a header, or a time first and then a coin or a height |
//!
//! Times are RFC 3339, or seconds, milli-, micro- or nanoseconds since the epoch, told apart by their size. A time
//! without a zone is UTC less [`Source::zone`]: `monerod` writes local time. A height counts when it is first heard of;
//! what a node logs while it catches up is left out where the line shows it (`date`).

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

pub use crate::rhythm::usual_interval;
use crate::time::PacketTime;

/// Bytes of a line that are read; a longer one is a bad line.
pub const MAX_LINE: usize = 64 * 1024;

/// Blocks of one chain that are read from a file: more than a year of Bitcoin, Monero or Zcash.
pub const MAX_BLOCKS: usize = 1 << 20;

/// Chains in one file.
pub const MAX_CHAINS: usize = 16;

/// Bad lines that are told; the rest is counted.
pub const MAX_PROBLEMS: usize = 20;

/// A tip that is older than this when its node logs it is the past being caught up.
const FRESH: i64 = 2 * 3_600 * 1_000_000_000;

/// A chain, as one feed tells of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Chain {
    /// The coin's ticker: `XMR`.
    pub coin: Arc<str>,
    /// Where its blocks are read: a file's name, or who is mined with in plain text.
    pub source: Arc<str>,
}

/// How far apart these times, in order, are on average, if there are enough of them to tell: by the median, which a gap
/// for want of a node does not change. Blocks are found by chance, so that half of the gaps are below 0.69 of the mean.
pub fn interval(blocks: &[PacketTime]) -> Option<Duration> {
    let mut gaps: Vec<_> = blocks.iter().zip(blocks.iter().skip(1)).map(|(a, b)| b.since(*a)).collect();
    if gaps.len() < 30 {
        return None;
    }
    let middle = gaps.len() / 2;
    let (_, median, _) = gaps.select_nth_unstable(middle);
    Some(median.div_f64(std::f64::consts::LN_2))
}

/// Blocks of a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Feed {
    /// Whose.
    pub chain: Chain,
    /// When they arrived, in order of time.
    pub blocks: Vec<PacketTime>,
}

/// Where lines come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Source<'a> {
    /// Name of the file, for problems and sentences.
    pub file: &'a str,
    /// The coin of lines that name none. Logs of `monerod` are XMR and those with `UpdateTip` BTC if this says nothing.
    pub coin: Option<&'a str>,
    /// Seconds east of UTC of times that name no zone.
    pub zone: i32,
}

/// A line that is no block and should be one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// In which file.
    pub file: Arc<str>,
    /// In which line, from 1 on.
    pub line: u64,
    /// Why.
    pub bad: Bad,
}

/// What is wrong with a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Bad {
    /// See the text.
    #[error("longer than {MAX_LINE} bytes")]
    Long,
    /// See the text.
    #[error("not UTF-8")]
    NotText,
    /// See the text.
    #[error("no time that can be read: RFC 3339, or a number of seconds or milliseconds since 1970")]
    NoTime,
    /// See the text.
    #[error("not a JSON object")]
    NotJson,
    /// See the text.
    #[error("names no coin, and none was given for the file")]
    NoCoin,
    /// See the text.
    #[error("a coin is up to 12 letters and digits")]
    OddCoin,
    /// See the text.
    #[error("more than {MAX_CHAINS} coins in one file")]
    ManyCoins,
    /// See the text.
    #[error("more than {MAX_BLOCKS} blocks of one coin")]
    ManyBlocks,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.bad)
    }
}

/// Which heights of a chain were heard of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heights {
    highest: Option<u64>,
    strays: u8,
}

impl Heights {
    /// Heights further from the highest than this are another chain's, or nonsense.
    const NEAR: u64 = 100;

    /// Believed against the rest when so many came one after the other.
    const STRAYS: u8 = 3;

    /// Whether a height is a block that has just come: above all before, which the very first cannot show.
    pub fn is_new(&mut self, height: u64) -> bool {
        self.hear(height) == Some(false)
    }

    /// Whether a height was not heard of, or is the first at all: for logs, which begin with a block.
    fn is_unheard(&mut self, height: u64) -> bool {
        self.hear(height).is_some()
    }

    /// Nothing for an old one, else whether it is the first.
    fn hear(&mut self, height: u64) -> Option<bool> {
        let Some(highest) = self.highest else {
            self.highest = Some(height);
            return Some(true);
        };
        if height.abs_diff(highest) > Self::NEAR {
            self.strays += 1;
            if self.strays == Self::STRAYS {
                *self = Self { highest: Some(height), strays: 0 };
            }
            return None;
        }
        self.strays = 0;
        if height <= highest {
            return None;
        }
        self.highest = Some(height);
        Some(false)
    }
}

/// What lines look like, once that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Kind {
    #[default]
    Unknown,
    /// Whatever is no block is something else that a node had to say.
    Log,
    /// Columns.
    Csv { time: usize, coin: Option<usize>, height: Option<usize> },
}

/// Reads lines one by one.
#[derive(Clone, Debug)]
pub struct Reader {
    file: Arc<str>,
    coin: Option<Arc<str>>,
    zone: i64,
    kind: Kind,
    lines: u64,
    chains: Vec<(Chain, Heights)>,
    problems: Vec<Problem>,
    untold: u64,
}

/// A line's content.
struct Entry<'a> {
    at: PacketTime,
    coin: Option<&'a str>,
    height: Option<u64>,
}

impl Reader {
    /// For lines of a source.
    pub fn new(source: &Source<'_>) -> Self {
        Self {
            file: source.file.into(),
            coin: source.coin.map(Into::into),
            zone: i64::from(source.zone).saturating_mul(1_000_000_000),
            kind: Kind::Unknown,
            lines: 0,
            chains: Vec::new(),
            problems: Vec::new(),
            untold: 0,
        }
    }

    /// Takes the next line, with or without its end; the block that it tells of, if any.
    pub fn line(&mut self, line: &[u8]) -> Option<(Chain, PacketTime)> {
        self.lines += 1;
        let found = if line.len() > MAX_LINE {
            Err(Bad::Long)
        } else {
            let read = std::str::from_utf8(line).map_err(|_| Bad::NotText);
            read.and_then(|text| self.read(text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')))
        };
        found.unwrap_or_else(|bad| {
            // A log holds all kinds of lines.
            if self.kind != Kind::Log {
                self.problem(bad);
            }
            None
        })
    }

    /// What was wrong so far, and how many more lines were that are not told.
    pub fn problems(&self) -> (&[Problem], u64) {
        (&self.problems, self.untold)
    }

    fn problem(&mut self, bad: Bad) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { file: Arc::clone(&self.file), line: self.lines, bad });
        } else {
            self.untold += 1;
        }
    }

    fn read(&mut self, text: &str) -> Result<Option<(Chain, PacketTime)>, Bad> {
        if text.is_empty() || text.starts_with('#') {
            return Ok(None);
        }
        if let Some((entry, coin)) = self.log(text)? {
            if self.kind != Kind::Log {
                self.kind = Kind::Log;
                self.problems.clear();
                self.untold = 0;
            }
            let Some(entry) = entry else { return Ok(None) };
            let own = self.coin.clone();
            return self.block(&Entry { coin: Some(own.as_deref().unwrap_or(coin)), ..entry });
        }
        if self.kind == Kind::Log {
            return Ok(None);
        }
        if text.starts_with('{') {
            let object: Map<String, Value> = serde_json::from_str(text).map_err(|_| Bad::NotJson)?;
            let entry = self.json(&object)?;
            return self.block(&entry);
        }
        let entry = self.csv(text)?;
        entry.map_or(Ok(None), |e| self.block(&e))
    }

    fn block(&mut self, entry: &Entry<'_>) -> Result<Option<(Chain, PacketTime)>, Bad> {
        let coin = entry.coin.or(self.coin.as_deref()).ok_or(Bad::NoCoin)?;
        if coin.is_empty() || coin.len() > 12 || !coin.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Bad::OddCoin);
        }
        let coin = coin.to_ascii_uppercase();
        let known = self.chains.iter().position(|(c, _)| *c.coin == *coin);
        if known.is_none() {
            if self.chains.len() >= MAX_CHAINS {
                return Err(Bad::ManyCoins);
            }
            let chain = Chain { coin: coin.into(), source: Arc::clone(&self.file) };
            self.chains.push((chain, Heights::default()));
        }
        let place = known.unwrap_or(self.chains.len() - 1);
        let Some((chain, heights)) = self.chains.get_mut(place) else { return Ok(None) };
        // Every peer tells of a block: the first counts.
        if entry.height.is_some_and(|h| !heights.is_unheard(h)) {
            return Ok(None);
        }
        Ok(Some((chain.clone(), entry.at)))
    }

    /// A line of a node's log that is about a block: what it tells if that is news, and the coin of such nodes.
    fn log<'a>(&self, text: &'a str) -> Result<Option<(Option<Entry<'a>>, &'static str)>, Bad> {
        if let Some((before, rest)) = text.split_once("UpdateTip: new best=") {
            let at = self.stamp(before).ok_or(Bad::NoTime)?;
            let height = number_behind(rest, "height=");
            let mined = rest.split_once("date=").and_then(|(_, date)| {
                let date = date.trim_start_matches('\'');
                self.stamp(date.get(..19).unwrap_or(date))
            });
            let stale = mined.is_some_and(|m| at.as_nanos().saturating_sub(m.as_nanos()) > FRESH);
            return Ok(Some(((!stale).then_some(Entry { at, coin: None, height }), "BTC")));
        }
        for word in ["NOTIFY_NEW_FLUFFY_BLOCK", "NOTIFY_NEW_BLOCK"] {
            let Some((before, rest)) = text.split_once(word) else { continue };
            // Only what is received; other lines hold the word too.
            if !before.ends_with("Received ") {
                return Ok(Some((None, "XMR")));
            }
            let at = self.stamp(before).ok_or(Bad::NoTime)?;
            return Ok(Some((Some(Entry { at, coin: None, height: number_behind(rest, "(height ") }), "XMR")));
        }
        Ok(None)
    }

    /// A time at the beginning of a text, in one word or two.
    fn stamp(&self, text: &str) -> Option<PacketTime> {
        let text = text.trim_start();
        let mut ends = text.match_indices(char::is_whitespace).map(|(i, _)| i).chain([text.len()]);
        let (one, two) = (ends.next()?, ends.next());
        let whole = two.and_then(|end| text.get(..end)).and_then(|t| self.time(t));
        whole.or_else(|| self.time(text.get(..one)?))
    }

    fn time(&self, text: &str) -> Option<PacketTime> {
        let text = text.trim();
        if text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return epoch(text);
        }
        let nanos = if let Ok(t) = text.parse::<jiff::Timestamp>() {
            t.as_nanosecond()
        } else {
            let local: jiff::civil::DateTime = text.parse().ok()?;
            // A day alone is no moment.
            if !text.contains(':') {
                return None;
            }
            local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_nanosecond() - i128::from(self.zone)
        };
        i64::try_from(nanos).ok().map(PacketTime::from_nanos)
    }

    fn json<'a>(&self, object: &'a Map<String, Value>) -> Result<Entry<'a>, Bad> {
        let time = TIME.iter().find_map(|name| object.get(*name)).ok_or(Bad::NoTime)?;
        let at = match time {
            Value::String(text) => self.time(text),
            Value::Number(n) => epoch(&n.to_string()),
            _ => None,
        };
        Ok(Entry {
            at: at.ok_or(Bad::NoTime)?,
            coin: COIN.iter().find_map(|name| object.get(*name)).and_then(Value::as_str),
            height: object.get(HEIGHT).and_then(Value::as_u64),
        })
    }

    /// Fields between commas, or semicolons; nothing for a header.
    fn csv<'a>(&mut self, text: &'a str) -> Result<Option<Entry<'a>>, Bad> {
        let fields: Vec<&str> = text.split([',', ';']).take(32).map(|f| f.trim().trim_matches('"')).collect();
        if self.kind == Kind::Unknown {
            let named = |names: &[&str]| fields.iter().position(|f| names.iter().any(|n| f.eq_ignore_ascii_case(n)));
            if let Some(time) = named(TIME) {
                self.kind = Kind::Csv { time, coin: named(COIN), height: named(&[HEIGHT]) };
                return Ok(None);
            }
        }
        let field = |i: usize| fields.get(i).copied();
        let (at, coin, height) = if let Kind::Csv { time, coin, height } = self.kind {
            (field(time).and_then(|t| self.time(t)), coin.and_then(field), height.and_then(field))
        } else {
            let rest = || fields.iter().skip(1).copied();
            let is_number = |f: &&str| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit());
            let at = field(0).and_then(|t| self.time(t));
            (at, rest().find(|f| !is_number(f) && !f.is_empty()), rest().find(is_number))
        };
        let at = at.ok_or(Bad::NoTime)?;
        let coin = coin.filter(|c| !c.is_empty());
        Ok(Some(Entry { at, coin, height: height.and_then(|h| h.parse().ok()) }))
    }
}

/// Names of the time, the coin and the height.
const TIME: &[&str] = &["time", "timestamp", "at", "ts", "t", "received", "seen"];
const COIN: &[&str] = &["coin", "ticker", "symbol", "chain"];
const HEIGHT: &str = "height";

/// Digits right behind a word.
fn number_behind(text: &str, word: &str) -> Option<u64> {
    let (_, rest) = text.split_once(word)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// A number since the epoch, of seconds or of less as its size tells: seconds end in the year 5138, milliseconds began
/// to be more in 1973.
fn epoch(text: &str) -> Option<PacketTime> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    let unit: i64 = match whole {
        100_000_000..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        100_000_000_000_000_000.. => 1,
        _ => return None,
    };
    let digits = part.get(..part.len().min(9))?;
    let part = if digits.is_empty() { 0 } else { digits.parse::<i64>().ok()? };
    let scale = 10i64.pow(digits.len() as u32);
    let nanos =
        whole.checked_mul(unit)?.checked_add((i128::from(part) * i128::from(unit) / i128::from(scale)) as i64)?;
    Some(PacketTime::from_nanos(nanos))
}

/// What a file holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Contents {
    /// The chains that it tells of.
    pub feeds: Vec<Feed>,
    /// Lines that are none, the first of them.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub untold: u64,
    /// Lines in all.
    pub lines: u64,
}

/// Reads a whole file. No block in it is no error; nothing but problems should be one to the caller.
pub fn read(mut input: impl BufRead, source: &Source<'_>) -> io::Result<Contents> {
    let mut reader = Reader::new(source);
    let mut feeds: Vec<Feed> = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = MAX_LINE as u64 + 1;
        if input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() > MAX_LINE && line.last() != Some(&b'\n') {
            input.skip_until(b'\n')?;
        }
        let Some((chain, at)) = reader.line(&line) else { continue };
        let place = feeds.iter().position(|f| f.chain == chain).unwrap_or(feeds.len());
        if place == feeds.len() {
            feeds.push(Feed { chain, blocks: Vec::new() });
        }
        let Some(feed) = feeds.get_mut(place) else { continue };
        if feed.blocks.len() >= MAX_BLOCKS {
            reader.problem(Bad::ManyBlocks);
        } else {
            feed.blocks.push(at);
        }
    }
    for feed in &mut feeds {
        feed.blocks.sort_unstable();
    }
    Ok(Contents { feeds, problems: reader.problems, untold: reader.untold, lines: reader.lines })
}

#[cfg(test)]
mod tests;

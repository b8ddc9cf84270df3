//! Reads feeds of format 1 (`pool-feeds/SOURCES.md`).
//!
//! In: the text of a file. Out: [`Item`]s, one at a time, and [`Problem`]s. A table is read on its own, so a file of
//! any size costs the memory of its largest table, and what is wrong costs a line or a table, never the file.

mod shared;
mod table;

use serde::de::DeserializeOwned;
use toml::Spanned;

use super::name::{self, NameError};
use super::net::Net;
use super::problem::{LoadError, Problem, Severity};
use super::raw::{RawElement, RawEntry, RawHeader, RawPool, RawShared, RawTable, RawWhole};
use super::words::{Confidence, Day, Role};
use crate::text::is_unsafe;
use shared::{Front, prefix};
use table::{Array, Tables, breaks};

/// The format that is understood.
pub(super) const VERSION: u32 = 1;
/// Days after which an entry is stale where the file does not say.
pub(super) const STALE_AFTER: u32 = 365;
/// Problems of a file that are kept; more are counted.
const MAX_PROBLEMS: usize = 1000;
/// Ports of one entry.
const MAX_PORTS: usize = 512;
/// Coins of one entry.
const MAX_COINS: usize = 64;
/// Bytes of a pool's name, a coin or a source.
const MAX_TEXT: usize = 300;

/// What stands at the top of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) date: Option<Day>,
    pub(super) stale_after: u32,
}

/// One entry: what a source says about some names and addresses.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) pool: &'a str,
    pub(super) coins: &'a [String],
    /// Where it is said.
    pub(super) role: Option<Role>,
    pub(super) plain: &'a [u16],
    pub(super) tls: &'a [u16],
    pub(super) source: &'a str,
    pub(super) confidence: Confidence,
    pub(super) first_seen: Option<Day>,
    pub(super) last_seen: Option<Day>,
    pub(super) expires: Option<Day>,
    pub(super) retired: Option<Day>,
    /// These and all below them, with their lines.
    pub(super) names: &'a [(String, u32)],
    /// Exactly these.
    pub(super) hosts: &'a [(String, u32)],
    pub(super) addresses: &'a [(Net, u32)],
    /// Its own line.
    pub(super) line: u32,
}

/// Ranges in which one address serves many.
#[derive(Debug)]
pub(super) struct SharedRanges<'a> {
    pub(super) name: &'a str,
    pub(super) last_seen: Option<Day>,
    pub(super) prefixes: &'a [(Net, u32)],
    pub(super) line: u32,
}

/// What a feed consists of.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Entry(Entry<'a>),
    Shared(SharedRanges<'a>),
}

/// What was found in a file.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) header: Header,
    pub(super) problems: Vec<Problem>,
    /// Problems that are not in the list any more.
    pub(super) more_problems: usize,
    /// Names, hosts, addresses and ranges handed out.
    pub(super) good: usize,
    /// Those left out.
    pub(super) bad: usize,
}

/// Reads the feed `list`, and hands every item to `take`.
pub(super) fn read(list: &str, text: &str, take: &mut dyn FnMut(Item<'_>)) -> Result<Outcome, LoadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let not_a_feed = |why: &str| LoadError::NotAFeed { list: list.to_owned(), why: why.to_owned() };
    match text.trim_start().chars().next() {
        None => return Err(not_a_feed("it is empty; is the download broken?")),
        Some('<') => return Err(not_a_feed("it is a web page, such as a login or an error; look at its address")),
        Some('{') => {
            return Err(not_a_feed(
                "it is JSON; convert it with `minewatch feeds import --from misp` or `--from stix`",
            ));
        }
        Some(_) => {}
    }
    let mut tables = Tables::new(text);
    let (head_line, head) = tables.head();
    // A line within such a string may look like a table.
    let strings = text.contains("\"\"\"") || text.contains("'''");
    let (header, whole) = match header(list, head_line, head) {
        Ok(header) if !strings => (header, None),
        // The same, written in another way.
        other => match toml::from_str::<RawWhole>(text) {
            Ok(whole) => {
                let (header, table) = whole.parts();
                (checked(list, header)?, Some(table))
            }
            Err(_) => (other?, None),
        },
    };
    let out = Outcome { header, problems: Vec::new(), more_problems: 0, good: 0, bad: 0 };
    let mut reader = Reader { list, take, fronts: Vec::new(), out };
    if let Some(whole) = whole {
        reader.rows(&Lines::new(1, text), whole);
    } else {
        for (line, table) in tables {
            reader.table(line, table);
        }
    }
    reader.fronts();
    let out = reader.out;
    if let Some(first) = out.problems.iter().find(|p| p.severity == Severity::Error)
        && out.bad > out.good
    {
        let (bad, all) = (out.bad, out.bad + out.good);
        return Err(LoadError::MostlyBad { list: list.to_owned(), bad, all, first: Box::new(first.clone()) });
    }
    Ok(out)
}

/// Whether a text is a feed, as far as its head tells, however damaged the rest is.
pub(super) fn is_feed(text: &str) -> bool {
    match read("", text, &mut |_| {}) {
        Ok(_) | Err(LoadError::MostlyBad { .. }) => true,
        Err(_) => false,
    }
}

/// The feed without the tables that are none of pools, and how many those were.
pub(super) fn pools_only(text: &str) -> (String, usize) {
    let mut tables = Tables::new(text);
    let mut kept = tables.head().1.to_owned();
    let mut dropped = 0;
    for (_, one) in tables {
        if table::is_pool(one) {
            kept.push_str(one);
        } else {
            dropped += 1;
        }
    }
    (kept, dropped)
}

fn header(list: &str, line: u32, text: &str) -> Result<Header, LoadError> {
    let raw: RawHeader = toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |s| line_of(text, s.start));
        let hint = if text.contains("version") {
            ""
        } else {
            "; a feed begins with `version = 1`. To convert a list in another format: `minewatch feeds import`"
        };
        let why = crate::text::explain_toml(e.message()) + hint;
        LoadError::NotAFeed { list: format!("{list}:{}", line + at), why }
    })?;
    checked(list, raw)
}

fn checked(list: &str, raw: RawHeader) -> Result<Header, LoadError> {
    let not_a_feed = |why: String| LoadError::NotAFeed { list: list.to_owned(), why };
    if raw.version != VERSION {
        let why = format!("its format is version {}, and this program reads version {VERSION}", raw.version);
        return Err(not_a_feed(why));
    }
    let date =
        raw.date.map(|d| d.parse()).transpose().map_err(|e: super::words::DayError| not_a_feed(e.to_string()))?;
    Ok(Header { date, stale_after: raw.stale_after_days.unwrap_or(STALE_AFTER) })
}

/// Line breaks before `at`.
fn line_of(text: &str, at: usize) -> u32 {
    breaks(text.as_bytes().get(..at.min(text.len())).unwrap_or_default())
}

/// Turns places in a table into lines of the file.
struct Lines {
    /// Of the table's first line.
    first: u32,
    breaks: Vec<usize>,
}

impl Lines {
    fn new(first: u32, chunk: &str) -> Self {
        Self { first, breaks: memchr::memchr_iter(b'\n', chunk.as_bytes()).collect() }
    }

    fn at(&self, place: usize) -> u32 {
        self.first.saturating_add(self.breaks.partition_point(|b| *b < place) as u32)
    }
}

struct Reader<'a, 't> {
    list: &'a str,
    take: &'t mut dyn FnMut(Item<'_>),
    /// Shared ranges, which are judged together.
    fronts: Vec<Front>,
    out: Outcome,
}

impl Reader<'_, '_> {
    fn problem(&mut self, line: u32, severity: Severity, what: String) {
        if self.out.problems.len() < MAX_PROBLEMS {
            self.out.problems.push(Problem { list: self.list.to_owned(), line, severity, what });
        } else {
            self.out.more_problems += 1;
        }
    }

    fn error(&mut self, line: u32, what: String) {
        self.out.bad += 1;
        self.problem(line, Severity::Error, what);
    }

    /// `more`: others that go with it.
    fn error_for(&mut self, line: u32, what: String, more: usize) {
        self.error(line, what);
        self.out.bad += more;
    }

    fn rows(&mut self, lines: &Lines, table: RawTable) {
        for pool in table.pool {
            let at = lines.at(pool.name.span().start);
            if self.is_named(lines, &pool, pool.entries.len()) {
                if pool.entries.is_empty() {
                    self.error(at, format!("{:?} has no `entries`", pool.name.get_ref()));
                }
                for entry in &pool.entries {
                    self.entry_or_problem(lines, &pool, entry);
                }
            }
        }
        for shared in table.shared {
            if let Some(mut front) = self.front(lines, &shared) {
                front.prefixes = self.all(lines, &shared.prefixes, prefix, |_| "");
                self.fronts.push(front);
            }
        }
    }

    fn table(&mut self, first: u32, text: &str) {
        let wrong = match toml::from_str::<RawTable>(text) {
            Ok(table) => return self.rows(&Lines::new(first, text), table),
            Err(e) => e,
        };
        let whole = |text: &str, e: &toml::de::Error| {
            let line = first.saturating_add(line_of(text, e.span().map_or(0, |s| s.start)));
            (line, format!("{}; the whole table was left out", crate::text::explain_toml(e.message())))
        };
        let Some(array) = Array::find(text) else {
            let (line, what) = whole(text, &wrong);
            return self.error_for(line, what, text.matches("\n[[").count());
        };
        let parts = array.parts();
        let others = parts.elements.len().saturating_sub(1);
        let table = match toml::from_str::<RawTable>(&parts.around) {
            Ok(table) => table,
            Err(e) => {
                let (line, what) = whole(&parts.around, &e);
                return self.error_for(line, what, others);
            }
        };
        let lines = Lines::new(first, text);
        match (table.pool.as_slice(), table.shared.as_slice()) {
            ([pool], []) if array.entries => {
                if !self.is_named(&lines, pool, parts.elements.len()) {
                    return;
                }
                self.elements(first, &parts.elements, "entry", |reader, lines, entry: &Spanned<RawEntry>| {
                    reader.entry_or_problem(lines, pool, entry);
                });
            }
            ([], [shared]) if !array.entries => {
                let Some(mut front) = self.front(&lines, shared) else { return };
                let prefixes = &mut front.prefixes;
                self.elements(first, &parts.elements, "block", |reader, lines, block: &Spanned<String>| {
                    prefixes.append(&mut reader.all(lines, std::slice::from_ref(block), prefix, |_| ""));
                });
                self.fronts.push(front);
            }
            _ => {
                let (line, what) = whole(text, &wrong);
                return self.error_for(line, what, others);
            }
        }
        if parts.cut_off {
            let last = first.saturating_add(breaks(text.trim_end().as_bytes()));
            self.error(last, "the array has no end: was the file cut off?".to_owned());
        }
    }

    /// Reads each element of an array on its own.
    fn elements<T: DeserializeOwned>(
        &mut self,
        first: u32,
        elements: &[table::Element<'_>],
        kind: &str,
        mut take: impl FnMut(&mut Self, &Lines, &Spanned<T>),
    ) {
        for element in elements {
            let line = first.saturating_add(element.line);
            let text = format!("e = {}", element.text);
            match toml::from_str::<RawElement<T>>(&text) {
                Ok(read) => {
                    take(self, &Lines::new(line, &text), &read.e);
                    if element.no_comma {
                        let last = line.saturating_add(breaks(text.as_bytes()));
                        self.problem(last, Severity::Warning, format!("a comma is missing behind this {kind}"));
                    }
                }
                Err(e) => {
                    let at = line.saturating_add(line_of(&text, e.span().map_or(0, |s| s.start)));
                    self.error(at, format!("{}; this {kind} was left out", crate::text::explain_toml(e.message())));
                }
            }
        }
    }

    /// Whether what stands above the entries of a pool can be used.
    fn is_named(&mut self, lines: &Lines, pool: &RawPool, entries: usize) -> bool {
        let name = lines.at(pool.name.span().start);
        let source = pool.source.as_ref().filter(|s| !s.get_ref().is_empty());
        let wrong = if let Err(why) = is_text(pool.name.get_ref()) {
            (name, format!("a pool's name {why}"))
        } else if let Some((source, why)) = source.and_then(|s| Some((s, is_text(s.get_ref()).err()?))) {
            (lines.at(source.span().start), format!("a source {why}"))
        } else if let Err(why) = are_coins(pool.coins.as_deref().unwrap_or_default()) {
            (name, why)
        } else {
            return true;
        };
        self.error_for(wrong.0, wrong.1 + "; the whole table was left out", entries.saturating_sub(1));
        false
    }

    fn entry_or_problem(&mut self, lines: &Lines, pool: &RawPool, entry: &Spanned<RawEntry>) {
        if let Err((line, what)) = self.entry(lines, pool, entry) {
            self.error(line, what + "; this entry was left out");
        }
    }

    fn entry(&mut self, lines: &Lines, pool: &RawPool, entry: &Spanned<RawEntry>) -> Result<(), (u32, String)> {
        let line = lines.at(entry.span().start);
        let raw = entry.get_ref();
        let fail = |what: String| (line, what);
        let day =
            |text: &Option<String>| text.as_deref().map(str::parse::<Day>).transpose().map_err(|e| fail(e.to_string()));
        let coins = raw.coins.as_ref().or(pool.coins.as_ref()).map_or(&[][..], Vec::as_slice);
        are_coins(coins).map_err(fail)?;
        let [plain, tls] = [&raw.plain, &raw.tls].map(|p| p.as_deref().unwrap_or_default());
        if plain.len() + tls.len() > MAX_PORTS || plain.contains(&0) || tls.contains(&0) {
            return Err(fail(format!("ports are 1 to 65535, {MAX_PORTS} at most")));
        }
        let above = pool.source.as_ref().map(|s| s.get_ref().as_str());
        let source = raw.source.as_deref().or(above).unwrap_or_default();
        if let Some(why) = is_text(source).err().filter(|_| !source.is_empty()) {
            return Err(fail(format!("a source {why}")));
        }
        let dates = [&raw.first_seen, &raw.last_seen, &raw.expires, &raw.retired].map(day);
        let [first_seen, last_seen, expires, retired] = dates;
        let (first_seen, last_seen, expires, retired) = (first_seen?, last_seen?, expires?, retired?);
        if raw.names.is_empty() && raw.hosts.is_empty() && raw.addresses.is_empty() {
            return Err(fail("an entry has `names`, `hosts` or `addresses`".to_owned()));
        }
        let names = self.all(lines, &raw.names, name::suffix, |e| match e {
            NameError::PublicSuffix(_) => "; put hosts below it into `hosts`",
            _ => "",
        });
        let hosts = self.all(lines, &raw.hosts, name::strict, |_| "");
        let addresses = self.all(lines, &raw.addresses, str::parse::<Net>, |_| "");
        if names.is_empty() && hosts.is_empty() && addresses.is_empty() {
            return Ok(());
        }
        self.out.good += names.len() + hosts.len() + addresses.len();
        (self.take)(Item::Entry(Entry {
            pool: pool.name.get_ref(),
            coins,
            role: raw.role.or(pool.role),
            plain,
            tls,
            source,
            confidence: raw.confidence.or(pool.confidence).unwrap_or_default(),
            first_seen,
            last_seen,
            expires,
            retired,
            names: &names,
            hosts: &hosts,
            addresses: &addresses,
            line,
        }));
        Ok(())
    }

    /// The values that can be read; the others become problems.
    fn all<T, E: ToString>(
        &mut self,
        lines: &Lines,
        values: &[Spanned<String>],
        read: impl Fn(&str) -> Result<T, E>,
        hint: impl Fn(&E) -> &'static str,
    ) -> Vec<(T, u32)> {
        let mut good = Vec::with_capacity(values.len());
        for value in values {
            let line = lines.at(value.span().start);
            match read(value.get_ref()) {
                Ok(v) => good.push((v, line)),
                Err(e) => self.error(line, e.to_string() + hint(&e)),
            }
        }
        good
    }

    /// Shared ranges without their blocks.
    fn front(&mut self, lines: &Lines, shared: &RawShared) -> Option<Front> {
        let line = lines.at(shared.name.span().start);
        let name = shared.name.get_ref();
        let last_seen = shared.last_seen.as_deref().map(str::parse::<Day>).transpose();
        let wrong = match (is_text(name).and_then(|()| is_text(&shared.source)), last_seen) {
            (Ok(()), Ok(last_seen)) => {
                return Some(Front { name: name.clone(), last_seen, prefixes: Vec::new(), line });
            }
            (Err(why), _) => format!("the name and source of shared ranges: each {why}"),
            (_, Err(e)) => e.to_string(),
        };
        self.error_for(line, wrong, shared.prefixes.len().saturating_sub(1));
        None
    }

    /// Hands out the shared ranges, unless they are more than any front has.
    fn fronts(&mut self) {
        let fronts = std::mem::take(&mut self.fronts);
        let blocks: usize = fronts.iter().map(|f| f.prefixes.len()).sum();
        if let Some(first) = fronts.first().filter(|_| shared::are_too_many(&fronts)) {
            let what = "its shared ranges are more than a sixteenth of all addresses, and what is shared is never \
                        blocked: all of them were left out";
            // One thing that is wrong: the pools beside them are as good as before.
            return self.error(first.line, what.to_owned());
        }
        self.out.good += blocks;
        for Front { name, last_seen, prefixes, line } in &fronts {
            let (last_seen, line) = (*last_seen, *line);
            (self.take)(Item::Shared(SharedRanges { name, last_seen, prefixes, line }));
        }
    }
}

fn are_coins(coins: &[String]) -> Result<(), String> {
    if coins.len() > MAX_COINS {
        return Err(format!("`coins` has at most {MAX_COINS} names"));
    }
    coins.iter().try_for_each(|c| is_text(c)).map_err(|why| format!("each of `coins` {why}"))
}

/// A text that may be shown: not empty, not endless, nothing that moves a cursor or cannot be seen.
fn is_text(text: &str) -> Result<(), String> {
    if let Some(c) = text.chars().find(|c| is_unsafe(*c)) {
        return Err(format!("has no control or invisible characters such as U+{:04X}", u32::from(c)));
    }
    if text.trim().is_empty() || text.len() > MAX_TEXT {
        return Err(format!("has 1 to {MAX_TEXT} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

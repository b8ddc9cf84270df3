//! Reads feeds of format 1 (`pool-feeds/SOURCES.md`).
//!
//! In: the text of a file. Out: [`Item`]s, one at a time, and [`Problem`]s. A table is read on its own, so a file of
//! any size costs the memory of its largest table, and what is wrong costs a line or a table, never the file.

use toml::Spanned;

use super::name::{self, NameError};
use super::net::Net;
use super::problem::{LoadError, Problem, Severity};
use super::raw::{RawEntry, RawHeader, RawPool, RawShared, RawTable};
use super::words::{Confidence, Day, Role};

/// The format that is understood.
pub(super) const VERSION: u32 = 1;
/// Days after which an entry is stale where the file does not say.
pub(super) const STALE_AFTER: u32 = 365;
/// Lines of one table that may be left out before the table is given up.
const MAX_BAD_LINES: usize = 50;
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
    pub(super) role: Role,
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
    let mut chunks = Chunks { rest: text, line: 1 };
    let (head_line, head) = chunks.head();
    let header = header(list, head_line, head)?;
    let mut reader =
        Reader { list, take, out: Outcome { header, problems: Vec::new(), more_problems: 0, good: 0, bad: 0 } };
    for (line, chunk) in chunks {
        reader.table(line, chunk);
    }
    let out = reader.out;
    if let Some(first) = out.problems.iter().find(|p| p.severity == Severity::Error)
        && out.bad > out.good
    {
        let (bad, all) = (out.bad, out.bad + out.good);
        return Err(LoadError::MostlyBad { list: list.to_owned(), bad, all, first: Box::new(first.clone()) });
    }
    Ok(out)
}

fn header(list: &str, line: u32, text: &str) -> Result<Header, LoadError> {
    let not_a_feed = |line: u32, why: String| LoadError::NotAFeed {
        list: if line == 0 { list.to_owned() } else { format!("{list}:{line}") },
        why,
    };
    let raw: RawHeader = toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |s| line_of(text, s.start));
        let hint = if text.contains("version") {
            ""
        } else {
            "; a feed begins with `version = 1`. To convert a list in another format: `minewatch feeds import`"
        };
        not_a_feed(line + at, super::raw::explain(e.message()) + hint)
    })?;
    if raw.version != VERSION {
        let why = format!("its format is version {}, and this program reads version {VERSION}", raw.version);
        return Err(not_a_feed(0, why));
    }
    let date =
        raw.date.map(|d| d.parse()).transpose().map_err(|e: super::words::DayError| not_a_feed(0, e.to_string()))?;
    Ok(Header { date, stale_after: raw.stale_after_days.unwrap_or(STALE_AFTER) })
}

/// The tables of a file: each from a line that begins with `[[` to the next.
struct Chunks<'a> {
    rest: &'a str,
    line: u32,
}

impl<'a> Chunks<'a> {
    /// Everything before the first table.
    fn head(&mut self) -> (u32, &'a str) {
        if self.rest.starts_with("[[") { (self.line, "") } else { self.cut() }
    }

    fn cut(&mut self) -> (u32, &'a str) {
        let end = memchr::memmem::find(self.rest.as_bytes().get(1..).unwrap_or_default(), b"\n[[")
            .map_or(self.rest.len(), |at| at + 2);
        let (chunk, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        let line = self.line;
        self.rest = rest;
        self.line = line.saturating_add(memchr::memchr_iter(b'\n', chunk.as_bytes()).count() as u32);
        (line, chunk)
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (u32, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() { None } else { Some(self.cut()) }
    }
}

/// Line breaks before `at`.
fn line_of(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().get(..at.min(text.len())).unwrap_or_default();
    memchr::memchr_iter(b'\n', before).count() as u32
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

    fn table(&mut self, first: u32, chunk: &str) {
        let mut text = std::borrow::Cow::Borrowed(chunk);
        for _ in 0..MAX_BAD_LINES {
            let e = match toml::from_str::<RawTable>(&text) {
                Ok(table) => {
                    let lines = Lines::new(first, &text);
                    for pool in table.pool {
                        self.pool(&lines, &pool);
                    }
                    for shared in table.shared {
                        self.shared(&lines, &shared);
                    }
                    return;
                }
                Err(e) => e,
            };
            let at = e.span().map_or(0, |s| s.start);
            let line = first.saturating_add(line_of(&text, at));
            // An entry on a line of its own can be left out alone.
            let start = text.get(..at).and_then(|t| t.rfind('\n')).map_or(0, |n| n + 1);
            let len = text.get(start..).map_or(0, |t| t.find('\n').unwrap_or(t.len()));
            let whole = text.get(start..start + len).unwrap_or_default();
            if !whole.trim_start().starts_with('{') {
                self.error(line, format!("{}; the whole table was left out", super::raw::explain(e.message())));
                return;
            }
            self.error(line, format!("{}; this entry was left out", super::raw::explain(e.message())));
            text.to_mut().replace_range(start..start + len, &" ".repeat(len));
        }
        self.error(first, format!("more than {MAX_BAD_LINES} lines are wrong; the whole table was left out"));
    }

    fn pool(&mut self, lines: &Lines, pool: &RawPool) {
        let at = lines.at(pool.name.span().start);
        if !is_text(pool.name.get_ref()) {
            return self.error(at, format!("a pool's name has 1 to {MAX_TEXT} printable characters"));
        }
        if pool.entries.is_empty() {
            return self.error(at, format!("{:?} has no `entries`", pool.name.get_ref()));
        }
        for entry in &pool.entries {
            if let Err((line, what)) = self.entry(lines, pool, entry) {
                self.error(line, what + "; this entry was left out");
            }
        }
    }

    fn entry(&mut self, lines: &Lines, pool: &RawPool, entry: &Spanned<RawEntry>) -> Result<(), (u32, String)> {
        let line = lines.at(entry.span().start);
        let raw = entry.get_ref();
        let fail = |what: String| (line, what);
        let day =
            |text: &Option<String>| text.as_deref().map(str::parse::<Day>).transpose().map_err(|e| fail(e.to_string()));
        let coins = raw.coins.as_ref().or(pool.coins.as_ref()).map_or(&[][..], Vec::as_slice);
        if coins.len() > MAX_COINS || !coins.iter().all(|c| is_text(c)) {
            return Err(fail(format!("`coins` has at most {MAX_COINS} short names")));
        }
        let [plain, tls] = [&raw.plain, &raw.tls].map(|p| p.as_deref().unwrap_or_default());
        if plain.len() + tls.len() > MAX_PORTS || plain.contains(&0) || tls.contains(&0) {
            return Err(fail(format!("ports are 1 to 65535, {MAX_PORTS} at most")));
        }
        let source = raw.source.as_deref().or(pool.source.as_deref()).unwrap_or_default();
        if !source.is_empty() && !is_text(source) {
            return Err(fail(format!("a source has at most {MAX_TEXT} printable characters")));
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
            role: raw.role.or(pool.role).unwrap_or_default(),
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

    fn shared(&mut self, lines: &Lines, shared: &RawShared) {
        let line = lines.at(shared.name.span().start);
        if !is_text(shared.name.get_ref()) || !is_text(&shared.source) {
            return self.error(line, format!("name and source have 1 to {MAX_TEXT} printable characters"));
        }
        let last_seen = match shared.last_seen.as_deref().map(str::parse::<Day>).transpose() {
            Ok(day) => day,
            Err(e) => return self.error(line, e.to_string()),
        };
        let prefixes = self.all(lines, &shared.prefixes, str::parse::<Net>, |_| "");
        self.out.good += prefixes.len();
        let name = shared.name.get_ref();
        (self.take)(Item::Shared(SharedRanges { name, last_seen, prefixes: &prefixes, line }));
    }
}

/// A text that may be shown: not empty, not endless, no control characters.
fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

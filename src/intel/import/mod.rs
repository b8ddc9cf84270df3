//! Lists in the formats of others, as a feed.
//!
//! In: the bytes of a list. Out: names, addresses and ports, what of it could not be read with its line, and the feed
//! as text: sorted, each once, one line an entry, so that two versions can be compared.

mod coinblocker;
mod csv;
mod hosts;
mod list;
mod misp;
mod render;
mod stix;
mod suricata;

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::name::{self, NameError};
use super::net::Net;
use super::problem::{Problem, Severity};
use super::words::{Confidence, Day, Role};

pub use render::render;

/// Problems that are kept.
const MAX_PROBLEMS: usize = 1000;
/// Widest block that is taken: IPv4, IPv6. A list that holds more would block half of the world.
const WIDEST: (u8, u8) = (8, 16);

/// A format to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `0.0.0.0 pool.example`
    Hosts,
    /// One name a line.
    Domains,
    /// One address, block or range a line.
    Ips,
    /// Columns, with or without a header.
    Csv,
    /// Events or attributes of MISP.
    Misp,
    /// A bundle of STIX 2.1 with indicators.
    Stix,
    /// A dataset of Suricata: base64 or plain, with or without reputation.
    Suricata,
    /// Lists in the manner of `CoinBlockerLists`: names, hosts lines, addresses and filter rules in one file.
    CoinBlocker,
}

/// Words of the command line.
pub const FORMATS: &[(&str, Format)] = &[
    ("hosts", Format::Hosts),
    ("domains", Format::Domains),
    ("ips", Format::Ips),
    ("csv", Format::Csv),
    ("misp", Format::Misp),
    ("stix", Format::Stix),
    ("suricata", Format::Suricata),
    ("coinblocker", Format::CoinBlocker),
];

/// What the list does not say.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the pool, or of the list, for entries without one.
    pub pool: String,
    /// Where it comes from.
    pub source: String,
    /// What its hosts are.
    pub role: Role,
    /// How sure it is.
    pub confidence: Confidence,
    /// Its date.
    pub date: Day,
}

/// What a list names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum What {
    /// A name and all below it.
    Name(String),
    /// A name alone.
    Host(String),
    /// An address or block.
    Address(Net),
}

/// What is said of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Said {
    /// Whose it is.
    pub pool: Option<String>,
    /// What is mined there.
    pub coins: Vec<String>,
    /// Ports for plain text, or whose encryption is not known.
    pub plain: Vec<u16>,
    /// Ports for TLS.
    pub tls: Vec<u16>,
    /// First seen.
    pub first_seen: Option<Day>,
    /// Last seen.
    pub last_seen: Option<Day>,
    /// Not to be believed behind this day.
    pub expires: Option<Day>,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Imported {
    /// Each once, in order.
    pub found: BTreeSet<(What, Said)>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Problems that are not in the list any more.
    pub more_problems: usize,
    /// Entries that the list itself marks as not for detection, or revoked.
    pub skipped: usize,
    /// URLs of single pages and files: their hosts serve more than that.
    pub urls: usize,
}

/// A list that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Login pages, errors, broken downloads.
    #[error("{0} is a web page, such as a login or an error, and no list: look at its address")]
    WebPage(String),
    /// No text.
    #[error("{0} is no UTF-8 text: is it compressed?")]
    NoText(String),
    /// Text in another encoding.
    #[error("{0} is UTF-16 text: save it as UTF-8")]
    Utf16(String),
    /// Nothing usable.
    #[error("{list} has nothing in it that can be used as {format}{first}")]
    Nothing {
        /// The list.
        list: String,
        /// The format it was read as.
        format: &'static str,
        /// The first problem.
        first: String,
    },
    /// No JSON, or not of this kind.
    #[error("{list} cannot be read as {format}: {why}")]
    Json {
        /// The list.
        list: String,
        /// The format it was read as.
        format: &'static str,
        /// What the parser says.
        why: String,
    },
}

/// Reads the list `list` as `format`.
pub fn import(format: Format, list: &str, bytes: &[u8]) -> Result<Imported, ImportError> {
    import_sparing(format, list, bytes, &|_| None)
}

/// The same without addresses that must never be blocked: `never` says why, if so.
pub fn import_sparing(
    format: Format,
    list: &str,
    bytes: &[u8],
    never: &dyn Fn(Net) -> Option<String>,
) -> Result<Imported, ImportError> {
    if super::is_utf16(bytes) {
        return Err(ImportError::Utf16(list.to_owned()));
    }
    // A letter of another encoding, in a comment most often, spoils its own line only.
    let text = String::from_utf8_lossy(bytes);
    if matches!(text, Cow::Owned(_)) && (bytes.contains(&0) || text.matches('\u{fffd}').count() > bytes.len() / 16) {
        return Err(ImportError::NoText(list.to_owned()));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.trim_start().starts_with('<') {
        return Err(ImportError::WebPage(list.to_owned()));
    }
    let mut out = Collector { list, never, out: Imported::default() };
    match format {
        Format::Hosts => hosts::read(text, &mut out),
        Format::Domains => list::domains(text, &mut out),
        Format::Ips => list::ips(text, &mut out),
        Format::Csv => csv::read(text, &mut out),
        Format::Misp => misp::read(text, &mut out)?,
        Format::Stix => stix::read(text, &mut out)?,
        Format::Suricata => suricata::read(text, &mut out),
        Format::CoinBlocker => coinblocker::read(text, &mut out),
    }
    let out = out.out;
    if out.found.is_empty() {
        let format = FORMATS.iter().find(|(_, f)| *f == format).map_or("", |(word, _)| word);
        let first = match out.problems.first() {
            Some(p) => format!("; first problem: {p}"),
            None if out.urls > 0 => "; URLs of single pages and files are left out".to_owned(),
            None => String::new(),
        };
        return Err(ImportError::Nothing { list: list.to_owned(), format, first });
    }
    Ok(out)
}

/// Takes what the readers find.
struct Collector<'a> {
    list: &'a str,
    never: &'a dyn Fn(Net) -> Option<String>,
    out: Imported,
}

impl Collector<'_> {
    fn error(&mut self, line: u32, what: impl Into<String>) {
        if self.out.problems.len() < MAX_PROBLEMS {
            let what = what.into() + "; left out";
            self.out.problems.push(Problem { list: self.list.to_owned(), line, severity: Severity::Error, what });
        } else {
            self.out.more_problems += 1;
        }
    }

    fn json_error(&self, format: &'static str, e: &serde_json::Error) -> ImportError {
        ImportError::Json { list: self.list.to_owned(), format, why: e.to_string() }
    }

    /// A name with all below it. What public suffixes hold is a host of its own.
    fn name(&mut self, line: u32, text: &str, said: Said) {
        let text = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
        match name::suffix(text) {
            Ok(name) => drop(self.out.found.insert((What::Name(name), said))),
            Err(NameError::Address(_)) => self.address(line, text, said),
            Err(e) => self.error(line, e.to_string()),
        }
    }

    fn host(&mut self, line: u32, text: &str, said: Said) {
        match name::strict(text) {
            Ok(name) => drop(self.out.found.insert((What::Host(name), said))),
            Err(e) => self.error(line, e.to_string()),
        }
    }

    /// An address, a block (host bits are cut), a range, or an address with a port.
    fn address(&mut self, line: u32, text: &str, mut said: Said) {
        if let Some((first, last)) = text.split_once('-') {
            return self.range(line, first.trim(), last.trim(), &said);
        }
        let text = match text.parse::<std::net::SocketAddr>() {
            Ok(with_port) => {
                if with_port.port() != 0 && !said.tls.contains(&with_port.port()) {
                    said.plain.push(with_port.port());
                }
                with_port.ip().to_string()
            }
            // `[2001:db8::7]`, its port told apart.
            Err(_) => text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text).to_owned(),
        };
        match Net::masked(&text) {
            Ok(net) => self.net(line, net, said),
            Err(e) => self.error(line, e.to_string()),
        }
    }

    fn net(&mut self, line: u32, net: Net, said: Said) {
        if net.len() < if net.first().is_ipv4() { WIDEST.0 } else { WIDEST.1 } {
            self.error(line, format!("{net} is wider than any list should be"));
        } else if let Some(why) = (self.never)(net) {
            self.error(line, format!("{net}: {why}"));
        } else {
            self.out.found.insert((What::Address(net), said));
        }
    }

    fn range(&mut self, line: u32, first: &str, last: &str, said: &Said) {
        match (first.parse::<Net>(), last.parse::<Net>()) {
            (Ok(a), Ok(b)) if a.is_host() && b.is_host() => match Net::covering(a.first(), b.first()) {
                Some(nets) if is_too_wide(a.first(), b.first()) => {
                    drop(nets);
                    self.error(line, format!("{first}-{last} is wider than any list should be"));
                }
                Some(nets) => nets.into_iter().for_each(|net| self.net(line, net, said.clone())),
                None => self.error(line, format!("{first}-{last} is no range: its end lies before its beginning")),
            },
            (Err(e), _) | (_, Err(e)) => self.error(line, e.to_string()),
            _ => self.error(line, format!("{first}-{last} is no range of addresses")),
        }
    }

    /// Whatever it is: a name, an address, a name or URL with a port.
    fn any(&mut self, line: u32, text: &str, mut said: Said) {
        let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let scheme = scheme.map(str::to_ascii_lowercase);
        // The slash of a block, or that of a path.
        let end = rest.find(['/', '?', '#']).filter(|_| Net::masked(rest).is_err()).unwrap_or(rest.len());
        let (host, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let is_page = matches!(scheme.as_deref(), None | Some("http" | "https" | "ftp"));
        if is_page && !matches!(path, "" | "/") {
            self.out.urls += 1;
            return;
        }
        // A login, as programs write it in front of a pool.
        let host = host.rsplit_once('@').filter(|_| scheme.is_some()).map_or(host, |(_, host)| host);
        let tls = scheme.is_some_and(|s| s.ends_with("ssl") || s.ends_with("tls") || matches!(&*s, "https" | "wss"));
        if looks_like_address(host) {
            match host.parse::<std::net::SocketAddr>() {
                Ok(at) if tls && at.port() != 0 => {
                    said.tls.push(at.port());
                    return self.address(line, &at.ip().to_string(), said);
                }
                _ => return self.address(line, host, said),
            }
        }
        match host.rsplit_once(':') {
            Some((host, port)) => match port.parse::<u16>() {
                Ok(port) if port != 0 => {
                    if tls {
                        said.tls.push(port);
                    } else {
                        said.plain.push(port);
                    }
                    self.name(line, host, said);
                }
                _ => self.error(line, format!("{:?} has no port behind its colon", short(text))),
            },
            None => self.name(line, host, said),
        }
    }
}

/// Whether a range holds more addresses than the widest block that is taken.
fn is_too_wide(first: std::net::IpAddr, last: std::net::IpAddr) -> bool {
    use std::net::IpAddr::{V4, V6};
    match (first, last) {
        (V4(a), V4(b)) => u32::from(b) - u32::from(a) >= 1 << (32 - WIDEST.0),
        (V6(a), V6(b)) => u128::from(b) - u128::from(a) >= 1 << (128 - u32::from(WIDEST.1)),
        _ => true,
    }
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Whether a text is meant as an address, right or wrong.
fn looks_like_address(text: &str) -> bool {
    text.starts_with('[')
        || text.matches(':').count() > 1
        || text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b':' | b'/' | b'-' | b' '))
}

/// Lines with their numbers, without comments: `#`, `;`, `//` and `!` at the beginning, the first three also behind
/// a blank.
fn lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    text.lines().zip(1u32..).filter_map(|(line, number)| {
        let line = line.trim();
        if line.starts_with(['#', ';', '!']) || line.starts_with("//") {
            return None;
        }
        let blank = |at: &usize| line.get(..*at).is_some_and(|before| before.ends_with([' ', '\t']));
        let cut =
            ["#", ";", "//"].iter().flat_map(|mark| line.match_indices(mark)).map(|(at, _)| at).filter(blank).min();
        let line = cut.and_then(|at| line.get(..at)).unwrap_or(line).trim();
        (!line.is_empty()).then_some((number, line))
    })
}

#[cfg(test)]
mod tests;

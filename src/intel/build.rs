//! From feeds to tables for look-ups.
//!
//! In: texts of feeds. Out: an [`Intel`] and what was wrong with them.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::facts::{END, FactsBuilder};
use super::feed::{self, Entry, Item, SharedRanges};
use super::names::NameTable;
use super::problem::{LoadError, Problem, Severity};
use super::ranges::{RangeBuilder, RangeTable};
use super::{Inner, Intel, ListInfo, PortUse, SHIPPED};
use crate::text::counted;

/// Bytes of one feed.
const MAX_FILE: u64 = 4 << 30;
/// Pools that make a port a usual one.
const USUAL: usize = 3;
/// Ports of other services: that pools use them too says nothing (IANA service names; alternatives in wide use).
const OTHERS: &[u16] = &[
    20, 21, 22, 23, 25, 53, 80, 81, 110, 123, 143, 389, 443, 445, 465, 587, 636, 853, 873, 993, 995, 1080, 1194, 1433,
    1521, 1883, 2049, 2181, 2375, 3000, 3128, 3306, 3389, 4000, 5000, 5001, 5060, 5061, 5222, 5432, 5601, 5672, 5900,
    5901, 6379, 6443, 6667, 8000, 8001, 8008, 8080, 8081, 8082, 8083, 8088, 8090, 8333, 8443, 8883, 8888, 9000, 9001,
    9042, 9090, 9092, 9100, 9200, 9443, 9999, 10000, 11211, 27017, 30303,
];

#[derive(Default)]
pub(super) struct Builder {
    lists: Vec<ListInfo>,
    facts: FactsBuilder,
    names: NameTable,
    addresses: RangeBuilder,
    shared: RangeBuilder,
    fronts: Vec<Box<str>>,
    problems: Vec<Problem>,
}

impl Builder {
    pub(super) fn with_shipped() -> Self {
        let mut builder = Self::default();
        for (name, text) in SHIPPED {
            // A test reads them; should one fail all the same, the others are of use.
            if let Err(e) = builder.add(name, true, text) {
                let what = e.to_string();
                builder.problems.push(Problem { list: (*name).to_owned(), line: 0, severity: Severity::Error, what });
            }
        }
        builder
    }

    /// Adds one feed. When it cannot be used, nothing of it stays that a look-up would find but what stood before the
    /// damage, and the caller gives up the builder.
    pub(super) fn add(&mut self, name: &str, shipped: bool, text: &str) -> Result<(), LoadError> {
        let list = u16::try_from(self.lists.len()).unwrap_or(u16::MAX);
        let mut info = ListInfo {
            name: name.to_owned(),
            shipped,
            date: None,
            stale_after: feed::STALE_AFTER,
            names: 0,
            addresses: 0,
            shared: 0,
            left_out: 0,
        };
        let out = feed::read(name, text, &mut |item| match item {
            Item::Entry(entry) => self.entry(&entry, list, &mut info),
            Item::Shared(shared) => self.front(&shared, &mut info),
        })?;
        info.date = out.header.date;
        info.stale_after = out.header.stale_after;
        info.left_out = out.bad;
        self.lists.push(info);
        self.problems.extend(out.problems);
        if out.more_problems > 0 {
            self.problems.push(Problem {
                list: name.to_owned(),
                line: 0,
                severity: Severity::Error,
                what: counted(out.more_problems, "more problem is not shown", "more problems are not shown"),
            });
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>, list: u16, info: &mut ListInfo) {
        if !entry.names.is_empty() || !entry.addresses.is_empty() {
            let fact = self.facts.fact(entry, list, false);
            for (name, _) in entry.names {
                let facts = &mut self.facts;
                self.names.upsert(name, |before| facts.link(before.unwrap_or(END), fact));
            }
            let link = self.facts.link(END, fact);
            for (net, _) in entry.addresses {
                self.addresses.add(*net, link);
            }
        }
        if !entry.hosts.is_empty() {
            let fact = self.facts.fact(entry, list, true);
            for (name, _) in entry.hosts {
                let facts = &mut self.facts;
                self.names.upsert(name, |before| facts.link(before.unwrap_or(END), fact));
            }
        }
        info.names += entry.names.len() + entry.hosts.len();
        info.addresses += entry.addresses.len();
    }

    fn front(&mut self, shared: &SharedRanges<'_>, info: &mut ListInfo) {
        let number = self.fronts.len() as u32;
        self.fronts.push(shared.name.into());
        for (net, _) in shared.prefixes {
            self.shared.add(*net, number);
        }
        info.shared += shared.prefixes.len();
    }

    pub(super) fn finish(mut self) -> (Intel, Vec<Problem>) {
        self.names.finish();
        let facts = &mut self.facts;
        let addresses = RangeTable::new(&mut self.addresses, |a, b| facts.join(a, b));
        let shared = RangeTable::new(&mut self.shared, |a, _| a);
        let ports = ports(&self.facts);
        let inner = Inner {
            lists: self.lists,
            facts: self.facts.facts,
            names: self.names,
            addresses,
            shared,
            fronts: self.fronts,
            ports,
        };
        (Intel(Arc::new(inner)), self.problems)
    }
}

/// Ports that several pools list, in order.
fn ports(facts: &FactsBuilder) -> Vec<PortUse> {
    let mut by_port: HashMap<u16, (HashSet<u32>, bool, bool)> = HashMap::new();
    let taking = facts.facts.all().iter().filter(|f| f.role().takes_miners());
    for fact in taking.filter(|f| f.retired.is_none()) {
        for (ports, tls) in [(&fact.plain, false), (&fact.tls, true)] {
            for port in ports {
                let known = by_port.entry(*port).or_default();
                known.0.insert(fact.pool);
                *(if tls { &mut known.2 } else { &mut known.1 }) = true;
            }
        }
    }
    let mut ports: Vec<PortUse> = by_port
        .into_iter()
        .filter(|(port, (pools, ..))| pools.len() >= USUAL && OTHERS.binary_search(port).is_err())
        .map(|(port, (pools, plain, tls))| PortUse { port, pools: pools.len() as u32, plain, tls })
        .collect();
    ports.sort_unstable_by_key(|p| p.port);
    ports
}

/// A file, or the feeds in a folder.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let fail = |source| LoadError::Read { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(fail)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(fail)? {
        let file = entry.map_err(fail)?.path();
        if file.extension().is_some_and(|e| e == "toml") && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let why = "the folder has no file that ends in .toml".to_owned();
        return Err(LoadError::NotAFeed { list: super::shown(path), why });
    }
    Ok(files)
}

/// The text of a feed.
pub(super) fn read(path: &Path) -> Result<String, LoadError> {
    let fail = |source| LoadError::Read { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(fail)?;
    let about = file.metadata().map_err(fail)?;
    let no_feed = |why: &str| LoadError::NotAFeed { list: super::shown(path), why: why.to_owned() };
    if is_device(about.file_type()) {
        return Err(no_feed("it is a device"));
    }
    let too_large = |bytes| LoadError::TooLarge { path: path.to_owned(), bytes, limit: MAX_FILE };
    if about.len() > MAX_FILE {
        return Err(too_large(about.len()));
    }
    let mut text = Vec::with_capacity(about.len() as usize);
    // A pipe has no size to look at.
    let bytes = file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(fail)? as u64;
    if bytes > MAX_FILE {
        return Err(too_large(bytes));
    }
    if super::is_utf16(&text) {
        return Err(no_feed("it is UTF-16 text: save it as UTF-8"));
    }
    // A parser makes many times their size of errors out of them.
    if memchr::memchr(0, &text).is_some() {
        return Err(no_feed("it holds NUL bytes, as no text does"));
    }
    String::from_utf8(text).map_err(|e| LoadError::NotAFeed {
        list: super::shown(path),
        why: format!("byte {} is no UTF-8 text; is it compressed?", e.utf8_error().valid_up_to()),
    })
}

/// What may go on for ever.
#[cfg(unix)]
fn is_device(kind: fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    kind.is_char_device() || kind.is_block_device()
}

#[cfg(not(unix))]
fn is_device(_: fs::FileType) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn devices_and_nul_bytes_are_no_feeds() {
        let said = |path: &Path| read(path).unwrap_err().to_string();
        assert_eq!(said(Path::new("/dev/zero")), "/dev/zero is no feed: it is a device");
        let file = std::env::temp_dir().join(format!("minewatch-nul-{}.toml", std::process::id()));
        fs::write(&file, "version = 1\n\0").unwrap();
        assert!(said(&file).ends_with("it holds NUL bytes, as no text does"));
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn ports_of_other_services_are_in_order() {
        assert!(OTHERS.is_sorted());
    }
}

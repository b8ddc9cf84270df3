//! What the world knows about pools: names, addresses and ports from feeds, and which addresses serve many.
//!
//! In: the feeds that are part of the program (`pool-feeds/`) and those of the operator, in the format that
//! `pool-feeds/SOURCES.md` describes. Out: an [`Intel`] that answers what a name or an address is known for. It never
//! changes; a reload makes a new one and swaps it.
//!
//! A match is a hint. What it may prove is decided in `evidence`: a name or address in a feed says whom a host talks
//! to, never that it mines.

mod build;
pub mod check;
mod clients;
mod facts;
mod feed;
mod fronts;
pub mod geo;
mod hosts;
pub mod import;
mod live;
mod matched;
mod name;
mod names;
mod net;
pub mod passive;
mod problem;
mod ranges;
mod raw;
pub mod resolvers;
pub mod update;
mod words;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::text::counted;
use build::Builder;

pub use clients::library as tls_library;
pub use fronts::Fronts;
pub use geo::{Country, Geo, Place};
pub use live::{CurrentIntel, Files};
pub use matched::{Listed, Match};
pub use net::{Net, NetError};
pub use passive::{LookUp, PassiveDns};
pub use problem::{LoadError, Problem, Severity};
pub use words::{Confidence, Day, DayError, Freshness, PortFit, Role};

/// Feeds that are part of the program: name and text.
const SHIPPED: &[(&str, &str)] = &[
    ("pools.toml", include_str!("../../pool-feeds/pools.toml")),
    ("webminers.toml", include_str!("../../pool-feeds/webminers.toml")),
    ("shared.toml", include_str!("../../pool-feeds/shared.toml")),
];

/// Ports on which much else than mining goes on, whatever pools list (5555: adb).
pub const fn is_common_port(port: u16) -> bool {
    matches!(port, 0..=1023 | 1194 | 1433 | 1521 | 1883 | 3306 | 3389 | 5000..=5432 | 5555 | 5900 | 6379 | 8000..=8100 | 8443 | 8883 | 8888 | 9000..=9100 | 9200 | 9418 | 27017)
}

/// All that is known, ready for look-ups. A clone is a pointer; look-ups take no lock and change nothing.
#[derive(Clone, Debug, Default)]
pub struct Intel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    lists: Vec<ListInfo>,
    facts: facts::Facts,
    names: names::NameTable,
    addresses: ranges::RangeTable,
    shared: ranges::RangeTable,
    /// Names of `shared`.
    fronts: Vec<Box<str>>,
    /// By port.
    ports: Vec<PortUse>,
}

/// A feed that was loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListInfo {
    /// File name, or path as it was given.
    pub name: String,
    /// Part of the program.
    pub shipped: bool,
    /// What it says its date is.
    pub date: Option<Day>,
    /// Days that an entry is good for without being seen again.
    pub stale_after: u32,
    /// Names and hosts.
    pub names: usize,
    /// Addresses and blocks.
    pub addresses: usize,
    /// Blocks of shared ranges.
    pub shared: usize,
    /// Entries left out.
    pub left_out: usize,
}

impl ListInfo {
    /// Whether it is older on `day` than it vouches for.
    pub fn is_stale(&self, day: Day) -> bool {
        self.date.is_some_and(|d| day.days_since(d) > i64::from(self.stale_after))
    }

    /// Everything in it.
    pub fn entries(&self) -> usize {
        self.names + self.addresses + self.shared
    }
}

/// A port that many pools use. Context, never evidence: anything may listen anywhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortUse {
    /// The port.
    pub port: u16,
    /// Pools that list it.
    pub pools: u32,
    /// Some for plain text.
    pub plain: bool,
    /// Some for TLS.
    pub tls: bool,
}

impl Intel {
    /// The feeds that are part of the program.
    pub fn shipped() -> Self {
        static SHIPPED: OnceLock<Intel> = OnceLock::new();
        // What is part of the program was read by its tests; a table that cannot be read is left out.
        SHIPPED.get_or_init(|| Builder::with_shipped().finish().0).clone()
    }

    /// The shipped feeds and those in `paths`: files, or folders with `*.toml` in them.
    pub fn load(paths: &[PathBuf]) -> Result<(Self, Vec<Problem>), LoadError> {
        Self::build(Builder::with_shipped(), paths)
    }

    /// Only the feeds in `paths`.
    pub fn load_only(paths: &[PathBuf]) -> Result<(Self, Vec<Problem>), LoadError> {
        Self::build(Builder::default(), paths)
    }

    fn build(mut builder: Builder, paths: &[PathBuf]) -> Result<(Self, Vec<Problem>), LoadError> {
        for path in paths {
            for file in build::files(path)? {
                // One at a time: they may be large.
                builder.add(&shown(&file), false, &build::read(&file)?)?;
            }
        }
        Ok(builder.finish())
    }

    /// Names and texts of the feeds that are part of the program.
    pub fn shipped_texts() -> Vec<(String, String)> {
        SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    /// Names and texts of the feeds in `paths`, as [`Self::load`] finds them.
    pub fn texts(paths: &[PathBuf]) -> Result<Vec<(String, String)>, LoadError> {
        let mut texts = Vec::new();
        for path in paths {
            for file in build::files(path)? {
                texts.push((shown(&file), build::read(&file)?));
            }
        }
        Ok(texts)
    }

    /// One feed from its text.
    pub fn from_text(list: &str, text: &str) -> Result<(Self, Vec<Problem>), LoadError> {
        let mut builder = Builder::default();
        builder.add(list, false, text)?;
        Ok(builder.finish())
    }

    /// What a host name is known for: what all lists together say of it and of the names above it. Upper and lower
    /// case, a final dot and names in other scripts are the same as in a feed. `port`: the one that is connected to, if it
    /// is known.
    pub fn name<'a>(&'a self, name: &str, port: Option<u16>) -> Option<Match<'a>> {
        let mut buf = [0; name::MAX_NAME];
        let host = name::canonical(name, &mut buf)?;
        let inner = &*self.0;
        matched::best(inner, inner.names.above(host).map(|(name, link)| (link, Listed::Name(name))), host, port)
    }

    /// What an address is known for: what all lists together say of it and of the blocks around it.
    pub fn address(&self, addr: IpAddr, port: Option<u16>) -> Option<Match<'_>> {
        let inner = &*self.0;
        matched::best(inner, inner.addresses.all(addr).map(|(link, net)| (link, Listed::Address(net))), "", port)
    }

    /// Whether a conversation with a known host on `port` may be mining. `tls`: what is spoken there is TLS; a port that
    /// is listed for plain text alone is then no sign where much else is done by TLS. Beyond the listed ports: those that
    /// pools use and nobody else does.
    pub fn mined_on(&self, port: u16, m: &Match<'_>, tls: bool) -> bool {
        let listed = if tls { m.port.fits_tls() } else { m.port.is_listed() };
        listed || (!is_common_port(port) && (m.port.is_listed() || self.port(port).is_some()))
    }

    /// Whether many pools use the port.
    pub fn port(&self, port: u16) -> Option<PortUse> {
        self.0.port(port)
    }

    /// Who serves many customers from this address, so that it must never be put on a list.
    pub fn shared(&self, addr: IpAddr) -> Option<&str> {
        let (front, _) = self.0.shared.get(addr)?;
        self.0.fronts.get(front as usize).map(|f| &**f)
    }

    /// What was loaded.
    pub fn lists(&self) -> &[ListInfo] {
        &self.0.lists
    }

    /// Names that are known.
    pub fn names(&self) -> usize {
        self.0.names.len()
    }

    /// Bytes that look-ups hold in memory.
    pub fn bytes(&self) -> usize {
        let i = &*self.0;
        i.facts.bytes() + i.names.bytes() + i.addresses.bytes() + i.shared.bytes()
    }

    /// Lists that have lost more than `percent` of what they had in `before`, or are gone: a reload that shows any is
    /// to be refused, loudly.
    pub fn shrunk_since(&self, before: &Self, percent: usize) -> Vec<String> {
        let now = |name: &str| self.lists().iter().find(|l| l.name == name).map_or(0, ListInfo::entries);
        before
            .lists()
            .iter()
            .filter_map(|old| {
                let (was, is) = (old.entries(), now(&old.name));
                let lost = was.saturating_sub(is);
                (lost * 100 > was * percent).then(|| {
                    format!(
                        "{} had {} and now has {is}: the one that was loaded before stays in use",
                        old.name,
                        counted(was, "entry", "entries")
                    )
                })
            })
            .collect()
    }
}

impl Inner {
    fn port(&self, port: u16) -> Option<PortUse> {
        let at = self.ports.binary_search_by_key(&port, |p| p.port).ok()?;
        self.ports.get(at).copied()
    }
}

/// Whether a text can be a host name with a dot in it; the error is a sentence.
pub fn check_name(text: &str) -> Result<(), String> {
    name::strict(text).map(drop).map_err(|e| e.to_string())
}

/// What the owner of a name registered: the last label of a public suffix and the one before it.
pub fn registrable(name: &str) -> Option<&str> {
    psl::domain_str(name)
}

/// Whether bytes begin as UTF-16 does: with its mark, or with a letter and a zero.
fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
        || matches!(bytes, [a, 0, b, 0, ..] | [0, a, 0, b, ..] if a.is_ascii_graphic() && *b != 0 && b.is_ascii())
}

/// A name for a path that a message may show.
fn shown(path: &Path) -> String {
    crate::text::printable(path.as_os_str().as_encoded_bytes(), 512).into_owned()
}

#[cfg(test)]
mod bench;
#[cfg(test)]
mod tests;

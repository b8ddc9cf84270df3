//! What a look-up gives: who, for which coins, in which role, and on whose word.
//!
//! In: a chain of facts about a name or an address. Out: a [`Match`] and its sentence.

use std::fmt::Write as _;

use super::facts::Fact;
use super::hosts;
use super::net::Net;
use super::words::{Confidence, Day, Freshness, PortFit, Role};
use super::{Inner, ListInfo};

/// Coins that a sentence names.
const COINS_SAID: usize = 6;

/// What a feed lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listed<'a> {
    /// This name and all below it.
    Name(&'a str),
    /// This name alone.
    Host(&'a str),
    /// This address or block.
    Address(Net),
}

/// A name or an address that a feed knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Match<'a> {
    /// The pool or service.
    pub pool: &'a str,
    /// What is mined there; with a listed port what is mined on it. Empty where no source says.
    pub coins: Vec<&'a str>,
    /// What the host is, by its name and port.
    pub role: Role,
    /// How the port fits.
    pub port: PortFit,
    /// The entry that matched.
    pub listed: Listed<'a>,
    /// The file that says so.
    pub list: &'a str,
    /// Where the file has it from. May be empty.
    pub source: &'a str,
    /// How sure that source is.
    pub confidence: Confidence,
    /// First seen, where it is known.
    pub first_seen: Option<Day>,
    /// Last seen, or the date of the list where the entry does not say.
    pub last_seen: Option<Day>,
    /// Not to be believed behind this day.
    pub expires: Option<Day>,
    /// Does not mine since this day.
    pub retired: Option<Day>,
    /// Days after `last_seen` that the list vouches for.
    pub stale_after: u32,
}

impl Match<'_> {
    /// Whether the entry can be believed on `day`. An entry without any date is.
    pub fn freshness(&self, day: Day) -> Freshness {
        if self.retired.is_some_and(|d| d <= day) {
            Freshness::Retired
        } else if self.expires.is_some_and(|d| d < day) {
            Freshness::Expired
        } else if self.last_seen.is_some_and(|d| day.days_since(d) > i64::from(self.stale_after)) {
            Freshness::Stale
        } else {
            Freshness::Current
        }
    }

    /// Why this matched, as a sentence without its full stop: who says what since when.
    ///
    /// `own.toml lists pool.example and all below it as Pool (XMR): port 3333 is a stratum port of it; reported by …,
    /// last seen 2026-07-24`
    pub fn why(&self, day: Day) -> String {
        let mut s = String::new();
        let _ = match self.listed {
            Listed::Name(name) => write!(s, "{} lists {name} and all below it as {}", self.list, self.pool),
            Listed::Host(name) => write!(s, "{} lists {name} as {}", self.list, self.pool),
            Listed::Address(net) => write!(s, "{} lists {net} as {}", self.list, self.pool),
        };
        if let Some((said, more)) = self.coins.split_at_checked(COINS_SAID).filter(|(_, more)| !more.is_empty()) {
            let _ = write!(s, " ({} and {} more)", said.join(", "), more.len());
        } else if !self.coins.is_empty() {
            let _ = write!(s, " ({})", self.coins.join(", "));
        }
        let _ = write!(s, ": {}", self.role_said());
        s.push_str(match self.port {
            PortFit::NotAsked => "",
            PortFit::Plain => ", the port is listed for plain text",
            PortFit::Tls => ", the port is listed for TLS",
            PortFit::PlainOrTls => ", the port is listed for plain text and TLS",
            PortFit::Unlisted => ", the port is none of those listed",
            PortFit::NoneListed => ", no ports are listed",
        });
        let _ = write!(s, "; {}", self.confidence.word());
        if !self.source.is_empty() {
            let _ = write!(s, " by {}", self.source);
        }
        if let Some(day) = self.last_seen {
            let _ = write!(s, ", last seen {day}");
        }
        match self.freshness(day) {
            Freshness::Current => {}
            Freshness::Stale => s.push_str(", which is stale"),
            Freshness::Expired => s.push_str(", expired"),
            Freshness::Retired => s.push_str(", retired since: it does not mine any more"),
        }
        if let (Freshness::Expired, Some(end)) = (self.freshness(day), self.expires) {
            let _ = write!(s, " on {end}");
        }
        s
    }

    fn role_said(&self) -> &'static str {
        match self.role {
            Role::Stratum => "a host that takes miners",
            Role::Proxy => "a host that takes miners for others",
            Role::WebMiner => "a host of mining in browsers",
            Role::P2p => "a node of the pool's own network",
            Role::Download => "a host that hands out mining programs",
            Role::Api => "an API, which is no mining",
            Role::Web => "a web site, which is no mining",
        }
    }
}

fn fit(fact: &Fact, port: Option<u16>) -> PortFit {
    let Some(port) = port else { return PortFit::NotAsked };
    match (fact.plain.binary_search(&port).is_ok(), fact.tls.binary_search(&port).is_ok()) {
        (true, true) => PortFit::PlainOrTls,
        (true, false) => PortFit::Plain,
        (false, true) => PortFit::Tls,
        _ if fact.plain.is_empty() && fact.tls.is_empty() => PortFit::NoneListed,
        _ => PortFit::Unlisted,
    }
}

/// The best of what is said about an address, or about `host` under the name that is listed.
pub(super) fn best<'a>(
    inner: &'a Inner,
    link: u32,
    host: &str,
    listed: Listed<'a>,
    port: Option<u16>,
) -> Option<Match<'a>> {
    let below = matches!(listed, Listed::Name(name) if name != host);
    let facts = || inner.facts.chain(link).filter(move |f| !(below && f.exact));
    // What still holds on any day goes before what ends; then the reader's own lists, the port, the surer source.
    let fact = facts().max_by_key(|f| {
        let own = inner.lists.get(usize::from(f.list)).is_some_and(|l| !l.shipped);
        let ends = f.expires.is_none();
        (f.retired.is_none(), ends, f.expires, own, fit(f, port).is_listed(), f.confidence, f.last_seen)
    })?;
    let same = || facts().filter(|f| f.pool == fact.pool);
    let plain = same().any(|f| matches!(fit(f, port), PortFit::Plain | PortFit::PlainOrTls));
    let tls = same().any(|f| matches!(fit(f, port), PortFit::Tls | PortFit::PlainOrTls));
    let port_fit = match (plain, tls) {
        (true, true) => PortFit::PlainOrTls,
        (true, false) => PortFit::Plain,
        (false, true) => PortFit::Tls,
        _ if same().any(|f| fit(f, port) == PortFit::Unlisted) => PortFit::Unlisted,
        _ => fit(fact, port),
    };
    let mut coins = Vec::new();
    for f in same().filter(|f| !port_fit.is_listed() || fit(f, port).is_listed()) {
        for coin in f.coins.iter().map(|c| inner.facts.word(*c)) {
            if !coins.contains(&coin) {
                coins.push(coin);
            }
        }
    }
    coins.sort_unstable();
    let usual = port.is_some_and(|p| inner.port(p).is_some());
    let (listed, role) = match listed {
        Listed::Name(name) if fact.exact => (Listed::Host(name), fact.role),
        Listed::Name(name) if matches!(fact.role, Role::Stratum | Role::Proxy) => {
            (listed, hosts::role(fact.role, host, name, port, port_fit.is_listed(), usual))
        }
        _ => (listed, fact.role),
    };
    let list: Option<&ListInfo> = inner.lists.get(usize::from(fact.list));
    Some(Match {
        pool: inner.facts.word(fact.pool),
        coins,
        role,
        port: port_fit,
        listed,
        list: list.map_or("", |l| &l.name),
        source: inner.facts.word(fact.source),
        confidence: fact.confidence,
        first_seen: fact.first_seen,
        last_seen: fact.last_seen.or(list.and_then(|l| l.date)),
        expires: fact.expires,
        retired: fact.retired,
        stale_after: list.map_or(super::feed::STALE_AFTER, |l| l.stale_after),
    })
}

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
    /// The entry is one of hosts that take miners, even where this host looks like a page of theirs.
    takes_miners: bool,
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

    /// Whether miners may be taken here by TLS although it looks like a web site: the port is listed for that. Pools put
    /// miners on port 443 of names that serve pages, too; a browser tells itself by its hello.
    pub fn may_take_miners_in_tls(&self) -> bool {
        self.takes_miners && self.port.fits_tls()
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
        _ if fact.has_ports() => PortFit::Unlisted,
        _ => PortFit::NoneListed,
    }
}

/// A fact with the entry through which it speaks of what is asked.
#[derive(Clone, Copy)]
struct Said<'a> {
    fact: &'a Fact,
    listed: Listed<'a>,
    /// How close the entry is; higher is closer.
    close: i32,
    /// Of the operator.
    own: bool,
    fit: PortFit,
}

impl Said<'_> {
    /// The operator's word on what it is, which goes before everything.
    fn overrides(&self) -> bool {
        self.own && self.fact.expires.is_none() && (self.fact.role.is_some() || self.fact.retired.is_some())
    }

    /// How much weight it has, whatever its place: an entry that holds nothing but a name changes nothing that another
    /// one says. Of the others what lasts goes before what ends, and that before what is over.
    fn weight(&self) -> u8 {
        match (self.fact.says_more(), self.fact.retired.is_some(), self.fact.expires.is_some()) {
            (true, false, false) => 4,
            (true, false, true) => 3,
            (true, true, _) => 2,
            (false, _, false) => 1,
            (false, _, true) => 0,
        }
    }
}

/// The port in the light of several facts: what any list lists is listed.
fn fit_of_all(said: &[Said<'_>]) -> PortFit {
    let any = |fits: fn(PortFit) -> bool| said.iter().any(|s| fits(s.fit));
    match (any(|f| matches!(f, PortFit::Plain | PortFit::PlainOrTls)), any(PortFit::fits_tls)) {
        (true, true) => PortFit::PlainOrTls,
        (true, false) => PortFit::Plain,
        (false, true) => PortFit::Tls,
        _ => {
            // An address without ports means all of them, unless a closer entry knows better. A name's page is apart.
            let closest = said.iter().map(|s| s.close).max();
            let means_all = |s: &Said<'_>| {
                s.fit == PortFit::NoneListed && Some(s.close) == closest && matches!(s.listed, Listed::Address(_))
            };
            if said.iter().any(|s| s.fit == PortFit::Unlisted) && !said.iter().any(means_all) {
                PortFit::Unlisted
            } else {
                said.first()
                    .map_or(PortFit::NotAsked, |s| if s.fit == PortFit::NotAsked { s.fit } else { PortFit::NoneListed })
            }
        }
    }
}

/// What all that is said about an address, or about `host`, comes to. `entries`: chains of facts with the names or blocks
/// that they stand at, closest first.
///
/// One fact decides whose it is and in which role; the ports and coins of the others count, too.
pub(super) fn best<'a>(
    inner: &'a Inner,
    entries: impl Iterator<Item = (u32, Listed<'a>)>,
    host: &str,
    port: Option<u16>,
) -> Option<Match<'a>> {
    let mut said: Vec<Said<'a>> = Vec::new();
    for ((link, listed), close) in entries.zip((i32::MIN..=0).rev()) {
        let below = matches!(listed, Listed::Name(name) if name != host);
        said.extend(inner.facts.chain(link).filter(|f| !(below && f.exact)).map(|fact| Said {
            fact,
            listed,
            close,
            own: inner.lists.get(usize::from(fact.list)).is_some_and(|l| !l.shipped),
            fit: fit(fact, port),
        }));
    }
    // A closer entry that names a role speaks for all below it, whatever ports are listed further up.
    let role_at = said.iter().filter(|s| s.fact.role.is_some() && s.fact.retired.is_none()).map(|s| s.close).max();
    let decider = *said.iter().max_by_key(|s| {
        let f = s.fact;
        let heard = role_at.is_none_or(|at| s.close >= at) || f.retired.is_some();
        let order = (s.overrides(), s.weight(), heard, f.expires);
        (order, s.fit.is_listed(), s.own, s.close, f.confidence, f.last_seen)
    })?;
    let fact = decider.fact;
    // What is over says nothing of what is not, and the ports of a page nothing of those of miners.
    said.retain(|s| {
        (fact.retired.is_some() || s.fact.retired.is_none()) && s.fact.role().takes_work() == fact.role().takes_work()
    });
    let port_fit = fit_of_all(&said);
    let mut coins = Vec::new();
    for s in said.iter().filter(|s| !port_fit.is_listed() || s.fit.is_listed()).filter(|s| s.fact.pool == fact.pool) {
        for coin in s.fact.coins.iter().map(|c| inner.facts.word(*c)) {
            if !coins.contains(&coin) {
                coins.push(coin);
            }
        }
    }
    coins.sort_unstable();
    let usual = port.is_some_and(|p| inner.port(p).is_some());
    let role = fact.role();
    let (listed, role) = match decider.listed {
        Listed::Name(name) if fact.exact => (Listed::Host(name), role),
        Listed::Name(name) if role.takes_miners() => {
            (decider.listed, hosts::role(role, host, name, port, port_fit.is_listed(), usual))
        }
        listed => (listed, role),
    };
    let list: Option<&ListInfo> = inner.lists.get(usize::from(fact.list));
    // As long as one of them still vouches for it.
    let lasts = said.iter().any(|s| s.fact.expires.is_none());
    let end = said.iter().filter_map(|s| s.fact.expires).max();
    Some(Match {
        pool: inner.facts.word(fact.pool),
        coins,
        role,
        takes_miners: fact.role().takes_miners(),
        port: port_fit,
        listed,
        list: list.map_or("", |l| &l.name),
        source: inner.facts.word(fact.source),
        confidence: fact.confidence,
        first_seen: fact.first_seen,
        last_seen: fact.last_seen.or(list.and_then(|l| l.date)),
        expires: end.filter(|_| !lasts),
        retired: fact.retired,
        stale_after: list.map_or(super::feed::STALE_AFTER, |l| l.stale_after),
    })
}

//! What feeds, passive DNS and databases of places add to what workers saw.
//!
//! In: look-ups, sightings and findings in packet order. Out: the same findings with names, pools and places, judged
//! again; contacts for the ledger. Everything here joins flows by packet time, right of the workers, so the number of
//! workers changes nothing.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::contact::{ContactKind, Sighting};
use super::finding::{FlowFinding, KnownPool, TlsSeen};
use super::identity::{Identities, Identity};
use super::{Alert, HostKey};
use crate::carrier::Host;
use crate::decode::{MacAddr, Tenant};
use crate::dialect::missing;
use crate::evidence::{Code, EvidenceLog, Stamp, judge};
use crate::intel::{Day, Freshness, Geo, Intel, LookUp, Match, PassiveDns, Role, registrable};
use crate::time::PacketTime;

/// Hosts known to answer look-ups, at most.
const MAX_RESOLVERS: usize = 65_536;
/// Names of strangers, of different owners, that make an address a shared one.
const SHARED_BY: usize = 8;
/// Names that a finding shows.
const MAX_NAMES: usize = 4;

/// Everything that is known beside the traffic of one flow.
#[derive(Default)]
pub struct Knowledge {
    /// The feeds.
    pub intel: Intel,
    /// Countries and networks.
    pub geo: Geo,
    dns: PassiveDns,
    resolvers: HashSet<(Tenant, IpAddr), foldhash::quality::RandomState>,
    /// Machines behind addresses.
    pub identities: Identities,
    /// Look-ups of names that are listed as retired.
    pub retired: u64,
}

impl Knowledge {
    /// With feeds and places.
    pub fn new(intel: Intel, geo: Geo) -> Self {
        Self { intel, geo, ..Self::default() }
    }

    /// Takes a look-up. What is told of it is that a client asked for a pool's name: resolvers that ask on somebody's
    /// behalf ask for referrals, or are found out when they answer ([`Knowledge::resolves`]).
    pub fn look_up(&mut self, l: &LookUp) -> Option<Sighting> {
        self.dns.learn(l);
        if l.answered && self.resolvers.len() < MAX_RESOLVERS {
            self.resolvers.insert((l.tenant, l.server.ip()));
        }
        if !l.recursion_desired {
            return None;
        }
        let day = Day::of(l.at.time);
        let mut names = std::iter::once(&l.name).chain(&l.aliases);
        let mut retired = 0;
        let known = names.find_map(|n| {
            let m = self.intel.name(n, None)?;
            retired += u64::from(!l.answered && m.freshness(day) == Freshness::Retired);
            Some((n, usable(m, day)?))
        });
        self.retired += retired;
        let (name, m) = known?;
        if l.answered && *name == l.name {
            // Told when it was asked.
            return None;
        }
        let answer = match l.addresses.as_slice() {
            [] => String::new(),
            [a] => format!(" ({})", a.ip),
            [a, rest @ ..] => format!(" ({} and {} more)", a.ip, rest.len()),
        };
        let alias = if *name == l.name { String::new() } else { format!(", which leads to {name}") };
        let text = format!("asked {} for {}{alias}{answer}: {}", l.server.ip(), l.name, m.why(day));
        Some(sighting(l.at, HostKey { tenant: l.tenant, ip: l.client.ip() }, &m, Code::NameInDns, text).named(&l.name))
    }

    /// Whether a host was seen to answer look-ups: its own are somebody else's.
    pub fn resolves(&self, host: HostKey) -> bool {
        self.resolvers.contains(&(host.tenant, host.ip))
    }

    /// The machine that had a host's address.
    pub fn holder(&self, host: HostKey, mac: Option<MacAddr>, at: PacketTime) -> Option<Identity> {
        self.identities.holder(host.tenant, host.ip, mac, at).cloned()
    }

    /// Adds to an alert by which name the pool was reached, and which machine mines.
    pub fn name_alert(&self, alert: &mut Alert) {
        let host = HostKey { tenant: alert.tenant, ip: alert.miner.ip() };
        alert.identity = self.holder(host, alert.miner_mac, alert.at.time);
        let (at, pool) = (alert.at.time, alert.pool);
        let names = self.dns.names(alert.tenant, pool.ip(), alert.miner.ip(), at, at);
        let known = names.iter().find(|k| self.intel.name(&k.name, Some(pool.port())).is_some());
        let asked = names.first().filter(|k| k.asked_by(alert.miner.ip()).is_some());
        alert.name = known.or(asked).map(|k| (*k.name).into());
    }

    /// Whether a client that began TLS as mining programs do had looked up a pool that is there, on a port of miners. If
    /// so, the finding is completed; else it is none.
    pub fn leads_to_a_pool(&self, f: &mut FlowFinding) -> bool {
        let (day, port) = (Day::of(f.first.time), f.pool.port());
        let asked = self.dns.names(f.tenant, f.pool.ip(), f.miner.ip(), f.first.time, f.last.time);
        let pool = asked.iter().filter(|k| k.asked_by(f.miner.ip()).is_some()).find_map(|k| {
            let mut all = std::iter::once(&*k.name).chain(k.aliases.iter().map(|a| &**a));
            all.find(|n| {
                let m = self.intel.name(n, Some(port)).and_then(|m| usable(m, day));
                m.is_some_and(|m| m.role.takes_miners() && self.intel.mined_on(port, &m, true))
            })
        });
        let Some(name) = pool else { return false };
        let mut log = EvidenceLog::from_vec(std::mem::take(&mut f.evidence));
        log.note(Code::TlsToPool, f.first, || {
            let to = f.pool;
            format!(
                "TLS to {to}, a port on which miners are taken, after it asked for {name}: what is said cannot be read"
            )
        });
        f.evidence = log.to_vec();
        self.enrich(f);
        true
    }

    /// Adds what is known to a finding, and judges it again.
    pub fn enrich(&self, f: &mut FlowFinding) {
        f.place = self.geo.place(f.pool.ip());
        let host = HostKey { tenant: f.tenant, ip: f.miner.ip() };
        f.identity = self.holder(host, f.miner_mac, f.first.time);
        // There the other end is whoever asked the rig: what he is known for accuses nobody.
        if f.is_inventory() {
            return;
        }
        let day = Day::of(f.first.time);
        f.shared_front = self.shared_front(f);
        let mut log = EvidenceLog::from_vec(std::mem::take(&mut f.evidence));
        let before = log.len();
        let mut best: Option<KnownPool> = None;
        let mut take = |m: &Match<'_>| {
            if best.as_ref().is_none_or(|b| m.role.takes_work() && !b.role.takes_work()) {
                best = Some(KnownPool::of(m, day));
            }
        };
        let mut names: Vec<Box<str>> = Vec::new();
        for name in sent(f) {
            if let Some(m) = self.intel.name(&name.0, Some(name.1)).and_then(|m| usable(m, day)) {
                // A pool's web site is no hint.
                if m.role.takes_work() {
                    log.note(Code::NameSent, f.first, || format!("the client named {}: {}", name.0, m.why(day)));
                }
                take(&m);
            }
            push(&mut names, &name.0);
        }
        // Behind a proxy the endpoint says nothing of the pool.
        if f.proxy_target().is_none() {
            let port = f.pool.port();
            for k in self.dns.names(f.tenant, f.pool.ip(), f.miner.ip(), f.first.time, f.last.time) {
                let mut all = std::iter::once(&*k.name).chain(k.aliases.iter().map(|a| &**a));
                let known = all.find_map(|n| usable(self.intel.name(n, Some(port))?, day));
                let asked = k.asked_by(f.miner.ip());
                if let Some(m) = &known {
                    if let Some(at) = asked.filter(|_| m.role.takes_work()) {
                        log.note(Code::NameInDns, at, || {
                            format!("asked DNS for {}, which is {}: {}", k.name, f.pool.ip(), m.why(day))
                        });
                    }
                    take(m);
                }
                if known.is_some() || asked.is_some() {
                    push(&mut names, &k.name);
                }
            }
            if let Some(m) = self.intel.address(f.pool.ip(), Some(port)).and_then(|m| usable(m, day)) {
                if m.role.takes_work() {
                    log.note(Code::AddressInFeed, f.first, || format!("{} is listed: {}", f.pool.ip(), m.why(day)));
                }
                take(&m);
            }
        }
        // What the server says of itself is no name that somebody used, but tells whose it is.
        let tls = f.tls.as_deref();
        for name in tls.into_iter().flat_map(TlsSeen::certificate_names) {
            if let Some(m) = self.intel.name(name, Some(f.pool.port())).and_then(|m| usable(m, day)) {
                take(&m);
            }
        }
        f.names = names;
        f.known = best;
        if log.len() != before
            && let Some(j) = judge(&log)
        {
            f.verdict = j.verdict;
            f.missing = missing(f.dialect, f.category, j.verdict, j.missing);
        }
        log.sort();
        f.evidence = log.to_vec();
    }

    /// Who shares an address with the pool: a listed front, or strangers that passive DNS has met.
    fn shared_front(&self, f: &FlowFinding) -> Option<Box<str>> {
        if let Some(front) = self.intel.shared(f.pool.ip()) {
            return Some(front.into());
        }
        let strangers = self.dns.strangers(f.tenant, f.pool.ip(), f.miner.ip());
        let owners: BTreeSet<_> = strangers.filter_map(registrable).collect();
        (owners.len() >= SHARED_BY).then(|| format!("{} unrelated names", owners.len()).into_boxed_str())
    }
}

/// A match that can still be believed.
fn usable(m: Match<'_>, day: Day) -> Option<Match<'_>> {
    matches!(m.freshness(day), Freshness::Current | Freshness::Stale).then_some(m)
}

/// Names that the client sent in the clear, with the port it meant.
fn sent(f: &FlowFinding) -> Vec<(Box<str>, u16)> {
    let mut out: Vec<(Box<str>, u16)> = Vec::new();
    if let Some(Some(target)) = f.proxy_target()
        && let Host::Name(name) = &target.host
    {
        out.push((name.to_ascii_lowercase().into_boxed_str(), target.port));
    }
    // What is said inside a tunnel is said to its other end.
    let port = f.proxy_target().flatten().map_or(f.pool.port(), |t| t.port);
    out.extend(f.sent.iter().map(|n| (n.clone(), port)));
    out
}

fn push(names: &mut Vec<Box<str>>, name: &str) {
    if names.len() < MAX_NAMES && !names.iter().any(|n| **n == *name) {
        names.push(name.into());
    }
}

/// What a match makes of a host.
const fn kind(role: Role) -> ContactKind {
    match role {
        Role::Stratum | Role::Proxy => ContactKind::Pool,
        Role::WebMiner => ContactKind::WebMiner,
        Role::P2p => ContactKind::PeerToPeer,
        Role::Download => ContactKind::Download,
        Role::Api | Role::Web => ContactKind::WebSite,
    }
}

/// A sighting of what a feed knows.
pub fn sighting(at: Stamp, host: HostKey, m: &Match<'_>, code: Code, text: String) -> Sighting {
    Sighting {
        at,
        host,
        mac: None,
        endpoint: None,
        name: None,
        pool: m.pool.into(),
        coins: m.coins.iter().map(|c| (*c).into()).collect(),
        kind: kind(m.role),
        code,
        text,
    }
}

impl Sighting {
    /// With the name that was used.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With the other end.
    #[must_use]
    pub fn at_endpoint(mut self, endpoint: SocketAddr) -> Self {
        self.endpoint = Some(endpoint);
        self
    }
}

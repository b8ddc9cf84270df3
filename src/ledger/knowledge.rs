//! What feeds, passive DNS and databases of places add to what workers saw.
//!
//! In: look-ups, sightings and findings in packet order. Out: the same findings with names, pools and places, judged
//! again; contacts for the ledger. Everything here joins flows by packet time, right of the workers, so the number of
//! workers changes nothing.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::contact::{ContactKind, Sighting};
use super::finding::{FlowFinding, KnownPool, NameClaim, TlsSeen};
use super::identity::{Identities, Identity};
use super::resolvers::Resolvers;
use super::{Alert, HostKey};
use crate::carrier::Host;
use crate::decode::{MacAddr, Tenant};
use crate::dialect::missing;
use crate::evidence::{Code, EvidenceLog, Stamp, judge};
use crate::intel::passive::Known;
use crate::intel::{Day, Freshness, Geo, Intel, LookUp, Match, PassiveDns, PortFit, Role, registrable};
use crate::time::PacketTime;

/// Names of strangers, of different owners, that make an address a shared one.
const SHARED_BY: usize = 8;
/// Hosts that must have asked for them.
const SHARED_AMONG: usize = 3;
/// Names that a finding shows.
const MAX_NAMES: usize = 4;
/// Names that a finding has reasons for.
const MAX_CLAIMS: usize = 8;

/// Everything that is known beside the traffic of one flow.
#[derive(Default)]
pub struct Knowledge {
    /// The feeds.
    pub intel: Intel,
    /// Countries and networks.
    pub geo: Geo,
    dns: PassiveDns,
    resolvers: Resolvers,
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
        let day = Day::of(l.at.time);
        let (mut known, mut pool, mut retired) = (None, false, 0);
        for name in std::iter::once(&l.name).chain(&l.aliases) {
            let Some(m) = self.intel.name(name, None) else { continue };
            let gone = !l.answered && m.freshness(day) == Freshness::Retired;
            let useful = usable(m, day);
            pool |= useful.as_ref().is_some_and(|m| m.role.takes_work());
            if known.is_none() {
                retired += u64::from(gone);
                known = useful.map(|m| (name, m));
            }
        }
        self.dns.learn(l, pool);
        let passed_on = self.resolvers.hear(l);
        if !l.recursion_desired || passed_on {
            return None;
        }
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

    /// Whether a host was seen to answer look-ups of several others: its own are theirs.
    pub fn resolves(&self, host: HostKey) -> bool {
        self.resolvers.serves_several(host)
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
        let names = self.names(alert.tenant, pool.ip(), alert.miner.ip(), at, at);
        let known = names.iter().find(|k| self.intel.name(&k.name, Some(pool.port())).is_some());
        alert.name = known.or(names.first()).map(|k| (*k.name).into());
        alert.claims = names.iter().take(MAX_CLAIMS).filter_map(|k| NameClaim::told(k, alert.miner.ip())).collect();
    }

    /// Whether a client that began TLS as mining programs do had looked up a pool that is there, on a port of miners. If
    /// so, the finding is completed; else it is none. Where an address serves many, a name that was sent says more.
    pub fn leads_to_a_pool(&self, f: &mut FlowFinding) -> bool {
        if f.tls.as_deref().is_some_and(|t| t.sni.is_some()) && self.intel.shared(f.pool.ip()).is_some() {
            return false;
        }
        let (day, port) = (Day::of(f.first.time), f.pool.port());
        let asked = self.dns.names(f.tenant, f.pool.ip(), f.miner.ip(), f.first.time, f.last.time);
        let pool = asked.iter().filter(|k| k.asked_by(f.miner.ip()).is_some()).find_map(|k| {
            let mut all = std::iter::once(&*k.name).chain(k.aliases.iter().map(|a| &**a));
            all.find(|n| {
                let m = self.intel.name(n, Some(port)).and_then(|m| usable(m, day));
                m.is_some_and(|m| {
                    m.may_take_miners_in_tls() || (m.role.takes_miners() && self.intel.mined_on(port, &m, true))
                })
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
        f.shared_front = self.intel.shared(f.pool.ip()).map(Into::into);
        f.crowd = self.crowd(f);
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
            let mut unknown = Vec::new();
            for k in self.names(f.tenant, f.pool.ip(), f.miner.ip(), f.first.time, f.last.time) {
                let mut all = std::iter::once(&*k.name).chain(k.aliases.iter().map(|a| &**a));
                let known = all.find_map(|n| Some((n, usable(self.intel.name(n, Some(port))?, day)?)));
                let Some((listed, m)) = known else {
                    unknown.push(k);
                    continue;
                };
                if let Some(at) = k.asked_by(f.miner.ip()).filter(|_| m.role.takes_work()) {
                    log.note(Code::NameInDns, at, || {
                        format!("asked DNS for {}, which is {}: {}", k.name, f.pool.ip(), m.why(day))
                    });
                }
                take(&m);
                push(&mut names, &k.name);
                // Whatever it was called on the way there.
                push(&mut names, listed);
            }
            for k in unknown {
                push(&mut names, &k.name);
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
        f.claims = self.claims(f, day);
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

    /// The names by which a client reached an address: those that it asked for, and where it was not heard to ask for
    /// any, those of pools that others found there.
    fn names(&self, tenant: Tenant, ip: IpAddr, client: IpAddr, first: PacketTime, last: PacketTime) -> Vec<&Known> {
        let mut names = self.dns.names(tenant, ip, client, first, last);
        if names.iter().any(|k| k.asked_by(client).is_some()) {
            names.retain(|k| k.asked_by(client).is_some());
        } else {
            names.retain(|k| self.intel.name(&k.name, None).is_some());
        }
        names
    }

    /// What speaks for each name of the pool. Behind a proxy its address tells nothing.
    fn claims(&self, f: &FlowFinding, day: Day) -> Vec<NameClaim> {
        let direct = f.proxy_target().is_none();
        let mut claims: Vec<NameClaim> = Vec::new();
        let mut claim = |name: &str, port: u16, told_by: Option<IpAddr>| {
            let sent = told_by.is_none();
            if let Some(known) = claims.iter_mut().find(|c| *c.name == *name) {
                known.sent |= sent;
                known.told_by = known.told_by.or(told_by);
            } else if claims.len() < MAX_CLAIMS {
                claims.push(NameClaim {
                    name: name.into(),
                    told_by,
                    sent,
                    host: direct && f.tls.is_none() && f.host.as_deref() == Some(name),
                    takes_miners: self.takes_miners(name, port, day),
                });
            }
        };
        for (name, port) in sent(f) {
            claim(&name, port, None);
        }
        // With requests for several hosts on one connection nobody can say which of them mines.
        let several = f.tls.is_none() && !f.sent.is_empty() && f.host.is_none();
        if direct && !several {
            let miner = f.miner.ip();
            for k in self.dns.names(f.tenant, f.pool.ip(), miner, f.first.time, f.last.time) {
                if let Some(server) = k.told_by(miner) {
                    claim(&k.name, f.pool.port(), Some(server));
                }
            }
        }
        claims
    }

    /// Whether a feed says that a host takes miners: by its name alone, or because the feed lists the port for it. That
    /// many pools use a port makes no web site a pool's host.
    fn takes_miners(&self, name: &str, port: u16, day: Day) -> bool {
        let takes = |m: &Match<'_>| matches!(m.role, Role::Stratum | Role::Proxy);
        let by_port = self.intel.name(name, Some(port)).and_then(|m| usable(m, day)).filter(takes);
        by_port.is_some_and(|m| {
            matches!(m.port, PortFit::Plain | PortFit::Tls | PortFit::PlainOrTls)
                || self.intel.name(name, None).as_ref().is_some_and(takes)
        })
    }

    /// Who else is met at the pool's address, if it is many: names of different owners that several others than the miner
    /// asked for before the conversation was over. One accomplice could ask for as many names as it likes.
    fn crowd(&self, f: &FlowFinding) -> Option<Box<str>> {
        let (mut owners, mut others) = (BTreeSet::new(), BTreeSet::new());
        for (name, who) in self.dns.strangers(f.tenant, f.pool.ip(), f.miner.ip(), f.last.time) {
            owners.extend(registrable(name));
            others.extend(who);
        }
        let many = owners.len() >= SHARED_BY && others.len() >= SHARED_AMONG;
        many.then(|| format!("{} unrelated names", owners.len()).into_boxed_str())
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

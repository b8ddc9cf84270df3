//! Per-host memory: who mines, where, since when, and what was already told.
//!
//! In: alerts and finished flows from the workers, in batches, in packet order. Out: hosts with their flows in a stable
//! order. The map is a `DashMap` because outputs read it while batches arrive; no guard is held across another call.

mod aside;
mod contact;
mod finding;
mod identity;
mod incident;
mod knowledge;
mod overheard;
mod resolvers;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use dashmap::DashMap;

use aside::Asides;
pub use aside::{Aside, Beside, OwnName};
pub use contact::{Contact, ContactKind, Sighting};
pub use finding::{FlowFinding, KnownPool, LikelyCoin, NameClaim, Names, TlsSeen, Work};
pub use identity::{Identities, Identity, Lease};
pub use incident::{Incident, IncidentKey, Incidents, Patience, Seen, State, Step};
pub use knowledge::{Knowledge, sighting};
pub use overheard::{Overheard, Overhearing, PlainJob, Tone, Unheard, what_was_heard};

use crate::carrier::Wrap;
use crate::decode::{MacAddr, Tenant};
use crate::dialect::{Category, Shares};
use crate::evidence::{Stamp, Verdict};

/// A host within its tenant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostKey {
    /// Overlay or VLAN.
    pub tenant: Tenant,
    /// Address.
    pub ip: IpAddr,
}

/// A level first reached by a host at an endpoint.
#[derive(Clone, Debug)]
pub struct Alert {
    /// When.
    pub at: Stamp,
    /// Who.
    pub tenant: Tenant,
    /// The miner's end.
    pub miner: SocketAddr,
    /// The miner's Ethernet address as captured.
    pub miner_mac: Option<MacAddr>,
    /// The pool's end.
    pub pool: SocketAddr,
    /// Dialect id.
    pub dialect: &'static str,
    /// What kind of mining.
    pub category: Category,
    /// What the conversation was unwrapped from, outermost first.
    pub wraps: Vec<Wrap>,
    /// The level.
    pub verdict: Verdict,
    /// The handshake was seen with matching numbers.
    pub verified: bool,
    /// The sentence of the evidence that made it.
    pub reason: String,
    /// Login as sent, if there was one yet.
    pub login: Option<Box<str>>,
    /// Names by which a resolver led the miner to the pool's address.
    pub claims: Vec<NameClaim>,
    /// The name by which the pool was reached.
    pub name: Option<Box<str>>,
    /// The machine that had the miner's address.
    pub identity: Option<Identity>,
}

impl Alert {
    /// What a flow that is judged already has to tell.
    pub fn of(f: &FlowFinding) -> Self {
        Self {
            at: f.last,
            tenant: f.tenant,
            miner: f.miner,
            miner_mac: f.miner_mac,
            pool: f.pool,
            dialect: f.dialect,
            category: f.category,
            wraps: f.wraps.clone(),
            verdict: f.verdict,
            verified: f.handshake_verified && !f.one_way,
            reason: f.evidence.last().map(|e| e.text.clone()).unwrap_or_default(),
            login: f.login.as_deref().map(Into::into),
            claims: f.claims.clone(),
            name: f.names.first().cloned(),
            identity: f.identity.clone(),
        }
    }

    /// The client that the sender's PROXY header names.
    pub fn source(&self) -> Option<SocketAddr> {
        self.wraps.iter().find_map(Wrap::source)
    }

    /// The wallet in its login.
    pub fn wallet(&self) -> Option<&str> {
        crate::wallet::recognise(self.login.as_deref()?).wallet.map(|w| w.text)
    }

    /// Whether it went through a proxy.
    pub fn is_proxied(&self) -> bool {
        self.wraps.iter().any(|w| w.proxy().is_some())
    }

    fn endpoint(&self) -> Endpoint {
        let inside = self.wraps.iter().rev().find_map(Wrap::proxy).flatten().map(ToString::to_string);
        // Who asks a rig has a new port each time.
        let port = if self.category == Category::Inventory { 0 } else { self.pool.port() };
        (SocketAddr::new(self.pool.ip(), port), inside, self.source().map(|s| s.ip()))
    }
}

/// Hosts, at most.
const MAX_HOSTS: usize = 65_536;
/// Flows kept for reports, at most; later ones are only counted.
const MAX_FLOWS: usize = 262_144;
/// Contacts kept, at most.
const MAX_CONTACTS: usize = 65_536;
/// Contacts of one host.
const MAX_CONTACTS_OF_ONE: usize = 256;
/// Share of both that findings without a verified handshake may fill: a forged packet makes such a one, and floods of
/// them must leave room for what is real.
const UNVERIFIED_SHARE: usize = 2;
/// Endpoints remembered of one host, for telling each level once.
const MAX_ENDPOINTS: usize = 4_096;

const fn cap(most: usize, verified: bool) -> usize {
    if verified { most } else { most / UNVERIFIED_SHARE }
}

/// What a level is told of: the pool, and behind a proxy or a load balancer the pool's name and the client.
type Endpoint = (SocketAddr, Option<String>, Option<IpAddr>);

/// Most lists here have one item for good, and an empty list makes room for four.
fn push_first<T>(list: &mut Vec<T>, item: T) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.push(item);
}

#[derive(Default)]
struct Host {
    told: BTreeMap<Endpoint, Verdict>,
    flows: Vec<FlowFinding>,
}

/// The ledger.
#[derive(Default)]
pub struct Ledger {
    hosts: DashMap<HostKey, Host, foldhash::quality::RandomState>,
    /// What hosts have to do with pools without mining. Apart from `hosts`: a flood of look-ups costs no miner its place.
    contacts: DashMap<HostKey, Vec<Contact>, foldhash::quality::RandomState>,
    contact_count: std::sync::atomic::AtomicUsize,
    asides: Asides,
    flows: std::sync::atomic::AtomicUsize,
    dropped: std::sync::atomic::AtomicU64,
}

impl Ledger {
    /// Takes an alert; gives it back when it says something new of this host and endpoint.
    pub fn alert(&self, alert: Alert) -> Option<Alert> {
        let key = HostKey { tenant: alert.tenant, ip: alert.miner.ip() };
        if !self.hosts.contains_key(&key) && self.hosts.len() >= cap(MAX_HOSTS, alert.verified) {
            return None;
        }
        let endpoint = alert.endpoint();
        let mut host = self.hosts.entry(key).or_default();
        if host.told.len() >= MAX_ENDPOINTS && !host.told.contains_key(&endpoint) {
            return None;
        }
        match host.told.get(&endpoint) {
            Some(level) if *level >= alert.verdict => None,
            _ => {
                host.told.insert(endpoint, alert.verdict);
                Some(alert)
            }
        }
    }

    /// Takes a finished flow.
    pub fn flow(&self, flow: FlowFinding) {
        use std::sync::atomic::Ordering::Relaxed;
        if !self.takes(&flow) {
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        let key = HostKey { tenant: flow.tenant, ip: flow.miner_ip() };
        self.flows.fetch_add(1, Relaxed);
        push_first(&mut self.hosts.entry(key).or_default().flows, flow);
    }

    /// Takes a finished flow of which less was told before, by the same number.
    pub fn flow_again(&self, flow: FlowFinding) {
        use std::sync::atomic::Ordering::Relaxed;
        let key = HostKey { tenant: flow.tenant, ip: flow.miner_ip() };
        if let Some(mut host) = self.hosts.get_mut(&key) {
            let before = host.flows.len();
            host.flows.retain(|f| f.flow_id != flow.flow_id);
            self.flows.fetch_sub(before - host.flows.len(), Relaxed);
        }
        self.flow(flow);
    }

    /// Whether there is room for a flow.
    pub fn takes(&self, flow: &FlowFinding) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        let key = HostKey { tenant: flow.tenant, ip: flow.miner_ip() };
        let verified = flow.handshake_verified && !flow.one_way;
        let room = self.hosts.len() < cap(MAX_HOSTS, verified) || self.hosts.contains_key(&key);
        room && self.flows.load(Relaxed) < cap(MAX_FLOWS, verified)
    }

    /// Takes a sighting.
    pub fn sighting(&self, s: Sighting) {
        use std::sync::atomic::Ordering::Relaxed;
        let full = self.contact_count.load(Relaxed) >= MAX_CONTACTS;
        if full && !self.contacts.contains_key(&s.host) {
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        let mut of = self.contacts.entry(s.host).or_default();
        if let Some(known) = of.iter_mut().find(|c| c.kind == s.kind && c.pool == s.pool) {
            known.add(s);
        } else if full || of.len() >= MAX_CONTACTS_OF_ONE {
            self.dropped.fetch_add(1, Relaxed);
        } else {
            self.contact_count.fetch_add(1, Relaxed);
            push_first(&mut of, Contact::new(s));
        }
    }

    /// Takes what was seen of a host beside mining.
    pub fn aside(&mut self, a: Aside) {
        self.asides.take(a);
    }

    /// Hosts of which what was seen beside was forgotten.
    pub const fn asides_forgotten(&self) -> u64 {
        self.asides.forgotten()
    }

    /// Takes the contacts out, by host, pool and kind. Look-ups of resolvers are left out: they are their clients'.
    pub fn take_contacts(&mut self, knowledge: &Knowledge) -> Vec<Contact> {
        let mut contacts: Vec<_> = std::mem::take(&mut self.contacts).into_iter().flat_map(|(_, list)| list).collect();
        for c in &mut contacts {
            c.identity = knowledge.holder(c.host, c.mac, c.first.time);
        }
        contacts.retain_mut(|c| !knowledge.resolves(c.host) || c.without_lookups());
        contacts.sort_by(|a, b| (a.host, &a.pool, a.kind).cmp(&(b.host, &b.pool, b.kind)));
        contacts
    }

    /// Forgets flows that ended before, and hosts of which nothing is left: they may be told of anew. For who runs for
    /// months.
    pub fn forget_before(&self, time: crate::time::PacketTime) {
        use std::sync::atomic::Ordering::Relaxed;
        let mut gone = 0;
        self.hosts.retain(|_, h| {
            let before = h.flows.len();
            h.flows.retain(|f| f.last.time >= time);
            gone += before - h.flows.len();
            // A host without flows may be one whose flows go on.
            before == 0 || !h.flows.is_empty()
        });
        self.flows.fetch_sub(gone, Relaxed);
        let mut gone = 0;
        self.contacts.retain(|_, list| {
            let before = list.len();
            list.retain(|c| c.last.time >= time);
            gone += before - list.len();
            !list.is_empty()
        });
        self.contact_count.fetch_sub(gone, Relaxed);
    }

    /// Flows that did not fit.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Every host that has flows, by tenant, address and machine; flows by first packet. Machines that had an address
    /// one after the other are hosts of their own.
    pub fn into_hosts(self) -> Vec<HostFinding> {
        let mut machines: BTreeMap<_, Vec<FlowFinding>> = BTreeMap::new();
        for (key, host) in self.hosts {
            for f in host.flows {
                machines.entry((key, f.identity.as_ref().map(|i| i.mac))).or_default().push(f);
            }
        }
        let finding = |((key, _), flows)| {
            let mut h = HostFinding::new(key, flows);
            self.asides.tell(&mut h);
            h
        };
        machines.into_iter().map(finding).collect()
    }
}

/// A host with its mining flows.
#[derive(Clone, Debug)]
pub struct HostFinding {
    /// Who.
    pub key: HostKey,
    /// Ethernet address, when all flows agree on one.
    pub mac: Option<MacAddr>,
    /// The machine that had the address, by the latest flow that knows.
    pub identity: Option<Identity>,
    /// What it calls itself on the local network.
    pub own_name: Option<OwnName>,
    /// The highest level of its flows.
    pub verdict: Verdict,
    /// First packet of its flows.
    pub first: Stamp,
    /// Last packet of its flows.
    pub last: Stamp,
    /// Shares of all flows.
    pub shares: Shares,
    /// Work of all flows.
    pub work: Work,
    /// The operator allows this host to mine: reported, never alarmed or blocked.
    pub allowed: bool,
    /// The flows, by first packet.
    pub flows: Vec<FlowFinding>,
}

impl HostFinding {
    fn new(key: HostKey, mut flows: Vec<FlowFinding>) -> Self {
        flows.sort_by_key(|f| (f.first, f.flow_id, f.last));
        let mut shares = Shares::default();
        for f in &flows {
            shares.submitted += f.shares.submitted;
            shares.accepted += f.shares.accepted;
            shares.rejected += f.shares.rejected;
        }
        let mac = flows.first().and_then(|f| f.miner_mac).filter(|m| flows.iter().all(|f| f.miner_mac == Some(*m)));
        let identity = flows.iter().rev().find_map(|f| f.identity.clone());
        Self {
            key,
            mac,
            identity,
            own_name: None,
            verdict: flows.iter().map(|f| f.verdict).max().unwrap_or(Verdict::Noted),
            first: flows.iter().map(|f| f.first).min().unwrap_or_default(),
            last: flows.iter().map(|f| f.last).max().unwrap_or_default(),
            shares,
            work: total_work(&flows),
            allowed: false,
            flows,
        }
    }

    /// Keeps the flows that `keep` wants; what is said of the host is said of these.
    pub fn retain(&mut self, keep: impl Fn(&FlowFinding) -> bool) {
        let flows = self.flows.drain(..).filter(keep).collect();
        let own_name = self.own_name.take();
        *self = Self { allowed: self.allowed, own_name, ..Self::new(self.key, flows) };
    }

    /// Takes over which flows are allowed: the host is when all are, and is judged by the others when not.
    pub fn settle(&mut self) {
        self.allowed = self.flows.iter().all(|f| f.allowed);
        self.verdict = self.alarming().map(|f| f.verdict).max().unwrap_or(Verdict::Noted);
    }

    /// The flows that the operator did not allow; all of them where all are allowed.
    pub fn alarming(&self) -> impl Iterator<Item = &FlowFinding> {
        self.flows.iter().filter(|f| self.allowed || !f.allowed)
    }

    /// The flow that says most: the first of the highest verdict and stage.
    pub fn strongest(&self) -> Option<&FlowFinding> {
        self.alarming().reduce(|best, f| if (f.verdict, f.stage) > (best.verdict, best.stage) { f } else { best })
    }
}

/// Work of all flows over the time in which at least one of them worked.
fn total_work(flows: &[FlowFinding]) -> Work {
    let mut total = Work::default();
    let mut end = None;
    let mut seconds = 0.0;
    for f in flows.iter().filter(|f| f.work.shares > 0) {
        total.shares += f.work.shares;
        total.hashes += f.work.hashes;
        let start = end.map_or(f.first.time, |e: crate::time::PacketTime| e.max(f.first.time));
        // Flows are in order of their start: only what lies behind the latest end so far is new time.
        let busy = f.last.time.since(start).as_secs_f64().min(f.work.seconds);
        seconds += busy;
        end = Some(end.map_or(f.last.time, |e| e.max(f.last.time)));
    }
    total.seconds = seconds;
    total
}

//! The gate: forgery, then policy, then never-block, last and for everything, names (`names`) and hosts (`isolate`)
//! included.
//!
//! In: candidates, the policy, the never-block gate, the packet time up to which was captured. Out: the list, hosts to
//! isolate, and every refusal with its reason. Pure and deterministic: the order of the candidates changes nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::decode::Tenant;
use crate::evidence::Verdict;
use crate::firewall::candidate::{BlockCandidate, Proto, Target, Who};
use crate::firewall::guard::NeverBlock;
use crate::firewall::isolate::{self, HostEntry, HostRefusal};
use crate::firewall::list::{BlockList, Entry, NameEntry, certainty};
use crate::firewall::name::DomainName;
use crate::firewall::policy::{Lives, Policy, Scope};
use crate::firewall::reason::Reason;
use crate::time::PacketTime;

/// Something that was not blocked, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What was asked for.
    pub target: Target,
    /// Why not.
    pub reason: Reason,
    /// Strongest verdict among the conversations refused for this reason.
    pub verdict: Verdict,
    /// Last packet among them.
    pub last_seen: PacketTime,
    /// Who talked to it, sorted.
    pub miners: Vec<Who>,
    /// Names in the list by which it was used: where names are blocked, it is out of reach all the same.
    pub names: Vec<DomainName>,
}

impl Refusal {
    /// The reason as a sentence, and what is blocked instead.
    pub fn text(&self) -> String {
        let names: Vec<_> = self.names.iter().map(DomainName::as_str).collect();
        match (names.as_slice(), &self.reason) {
            ([], Reason::SharedFront(_)) => format!("{}: {}", self.reason, instead_of(self.target, &self.miners)),
            ([], reason) => reason.to_string(),
            (names, reason) => format!("{reason}; lists of names hold {}", names.join(", ")),
        }
    }
}

/// What an operator can do where the address serves many customers, and no name of it is in a list. `miners`: who mines
/// there, as far as is known.
pub fn instead_of(target: Target, miners: &[Who]) -> String {
    let host = match miners {
        [Who { tenant: Tenant::None, miner }] => miner.to_string(),
        _ => "HOST".to_owned(),
    };
    let at = match (target.service, target.addr) {
        (Some(_), _) => target.for_everybody().to_string(),
        (None, IpAddr::V4(addr)) => format!("{addr}:PORT"),
        (None, IpAddr::V6(addr)) => format!("[{addr}]:PORT"),
    };
    format!(
        "isolate the host, or order what it has with the endpoint (minewatch block {host}@{at}), or the name if it is \
         the pool's own (minewatch block NAME)"
    )
}

/// A name that was not blocked, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameRefusal {
    /// What was asked for: ASCII without spaces and controls, which need not be a name.
    pub name: String,
    /// Why not.
    pub reason: Reason,
    /// Strongest verdict among the conversations refused for this reason.
    pub verdict: Verdict,
    /// Last packet among them.
    pub last_seen: PacketTime,
    /// Who used it, sorted.
    pub miners: Vec<Who>,
}

/// What came out of the gate.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Decision {
    /// What is blocked.
    pub list: BlockList,
    /// What is not, by target, then reason.
    pub refusals: Vec<Refusal>,
    /// Names that are not, by name, then reason.
    pub name_refusals: Vec<NameRefusal>,
    /// Hosts that are isolated, by address.
    pub hosts: Vec<HostEntry>,
    /// Hosts that are not, by address, then reason. Empty where the policy isolates none.
    pub host_refusals: Vec<HostRefusal>,
}

impl Decision {
    /// Refusals by the never-block gate.
    pub fn never_block_refused(&self) -> usize {
        self.reasons().filter(|r| r.is_never_block()).count()
    }

    /// Refusals, endpoints' and names'.
    pub fn refused(&self) -> usize {
        self.refusals.len() + self.name_refusals.len()
    }

    /// Names among those that the cap left out.
    pub fn capped_names(&self) -> usize {
        self.name_refusals.iter().filter(|r| matches!(r.reason, Reason::CapReached { .. })).count()
    }

    fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.refusals.iter().map(|r| &r.reason).chain(self.name_refusals.iter().map(|r| &r.reason))
    }

    /// Entries that the cap left out. Above zero it calls for an alarm: either the network is overrun, or someone
    /// fills the list.
    pub fn capped(&self) -> usize {
        self.reasons().filter(|r| matches!(r, Reason::CapReached { .. })).count()
    }
}

/// Decides which candidates are blocked. `now` is the time of the last packet captured.
pub fn decide(candidates: &[BlockCandidate<'_>], policy: &Policy, never: &NeverBlock, now: PacketTime) -> Decision {
    let used_by_allowed: BTreeSet<Target> = candidates
        .iter()
        // An allowed miner shields an endpoint only with the proof that blocking would need, or else anyone could
        // protect his pool by forging packets from an allowed host.
        .filter(|c| policy.allows(c) && forgery(c).is_none() && below_level(c, policy).is_none())
        .map(|c| target(c, policy.scope))
        .collect();
    // A front is a fact of the address, whichever conversation it was noticed in.
    let mut fronts: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for (addr, front) in candidates.iter().filter_map(|c| Some((c.addr.to_canonical(), c.shared_front?))) {
        let known = fronts.entry(addr).or_insert(front);
        *known = front.min(known);
    }
    let crowds = candidates.iter().filter_map(|c| Some((c.addr.to_canonical(), c.crowd?))).collect();
    // With proof here, too: a forged CONNECT must not protect a pool.
    let proxies = candidates
        .iter()
        .filter(|c| c.proxied && forgery(c).is_none() && below_level(c, policy).is_none())
        .map(|c| (c.addr.to_canonical(), c.port))
        .collect();
    let known = Known { fronts, crowds, proxies, used_by_allowed };

    let mut entries: BTreeMap<Target, Entry> = BTreeMap::new();
    let mut refusals = Refusals::default();
    for c in candidates {
        if let Some(reason) = refuse(c, policy, never, now, &known) {
            refusals.add(refused(c, policy.scope), reason, c.verdict, c.last_seen, &[who(c)]);
            continue;
        }
        let entry = Entry {
            target: target(c, policy.scope),
            ttl_secs: 0,
            expires: lives_from(c, policy, now).plus(policy.ttl.duration()),
            verdict: Some(c.verdict),
            last_seen: c.last_seen,
            miners: vec![who(c)],
        };
        merge(&mut entries, entry);
    }
    // A resolver answers all or none: what is blocked by its name is blocked for everybody.
    let by_name = policy.names && policy.scope != Scope::HostPair;
    let named = if by_name { names::decide(candidates, policy, never, now, &known) } else { names::Named::default() };
    let mut d = finish(entries, refusals, named.entries, named.refusals, policy, never, now);
    let listed: BTreeSet<Target> = d.list.entries().iter().map(|e| e.target).collect();
    d.refusals
        .retain(|r| !(r.reason.is_about_one_conversation() && listed.contains(&in_scope(r.target, policy.scope))));
    names::tell(&mut d, &named.used_at);
    (d.hosts, d.host_refusals) = isolate::decide(candidates, policy, never, now, &known.proxies);
    d
}

/// Passes entries that were decided earlier (saved state) through the never-block gate, the clock and the cap again.
/// Whatever an older version or another hand wrote there, nothing gets past this.
pub fn admit(saved: Vec<Entry>, policy: &Policy, never: &NeverBlock, now: PacketTime) -> Decision {
    admit_with_names(saved, Vec::new(), policy, never, now)
}

/// The same with names.
pub fn admit_with_names(
    saved: Vec<Entry>,
    names: Vec<NameEntry>,
    policy: &Policy,
    never: &NeverBlock,
    now: PacketTime,
) -> Decision {
    let mut entries = BTreeMap::new();
    for mut e in saved {
        e.target = e.target.canonical();
        e.miners.sort_unstable();
        e.miners.dedup();
        merge(&mut entries, e);
    }
    finish(entries, Refusals::default(), names::merged(names), names::Refusals::default(), policy, never, now)
}

/// The last gate. Every list there is comes from here.
fn finish(
    entries: BTreeMap<Target, Entry>,
    mut refusals: Refusals,
    named: BTreeMap<DomainName, NameEntry>,
    name_refusals: names::Refusals,
    policy: &Policy,
    never: &NeverBlock,
    now: PacketTime,
) -> Decision {
    let mut passed = Vec::with_capacity(entries.len());
    for mut e in entries.into_values() {
        e.ttl_secs = seconds_left(e.expires, policy, now);
        let reason = if e.ttl_secs == 0 { Some(Reason::Expired) } else { last_word(&e, policy, never) };
        match reason {
            Some(reason) => refusals.add(e.target, reason, certainty(e.verdict), e.last_seen, &e.miners),
            None => passed.push(e),
        }
    }
    if passed.len() > policy.max_entries.get() {
        passed.sort_unstable_by_key(|e| (Reverse(certainty(e.verdict)), Reverse(e.last_seen), e.target));
        for e in passed.split_off(policy.max_entries.get()) {
            let reason = Reason::CapReached { max: policy.max_entries.get() };
            refusals.add(e.target, reason, certainty(e.verdict), e.last_seen, &e.miners);
        }
    }
    let named = if policy.names { named } else { BTreeMap::new() };
    let (passed_names, name_refusals) = names::finish(named, name_refusals, policy, never, now);
    let list = BlockList::from_gate(passed, passed_names);
    Decision { list, refusals: refusals.into_sorted(), name_refusals, ..Decision::default() }
}

/// Never-block on an entry. Without a verdict it is an order.
fn last_word(e: &Entry, policy: &Policy, never: &NeverBlock) -> Option<Reason> {
    if e.verdict.is_some() { never.check_seen(e.target, policy) } else { never.check_target(e.target, policy) }
}

/// What all candidates together say about one of them.
struct Known<'a> {
    fronts: BTreeMap<IpAddr, &'a str>,
    crowds: BTreeMap<IpAddr, &'a str>,
    proxies: BTreeSet<(IpAddr, u16)>,
    used_by_allowed: BTreeSet<Target>,
}

/// The first reason against a candidate.
fn refuse(
    c: &BlockCandidate<'_>,
    policy: &Policy,
    never: &NeverBlock,
    now: PacketTime,
    known: &Known<'_>,
) -> Option<Reason> {
    if policy.allows(c) {
        return Some(Reason::AllowListed);
    }
    // Before what a better conversation could change: no conversation makes a proxy a pool.
    if c.proxied || known.proxies.contains(&(c.addr.to_canonical(), c.port)) {
        return Some(Reason::Proxy);
    }
    if let Some(reason) = forgery(c).or_else(|| below_level(c, policy)) {
        return Some(reason);
    }
    if seconds_left(lives_from(c, policy, now).plus(policy.ttl.duration()), policy, now) == 0 {
        return Some(Reason::Expired);
    }
    if c.port == 0 {
        // In every scope: a whole address, too, is blocked for what was seen at a port.
        return Some(Reason::UnspecifiedPort);
    }
    if let Some(reason) = never.check_seen(target(c, policy.scope), policy).or_else(|| no_pair(c, policy.scope)) {
        return Some(reason);
    }
    if let Some(region) = policy.spares(c) {
        return Some(Reason::SparedRegion(region));
    }
    let crowd = || known.crowds.get(&c.addr.to_canonical()).filter(|_| crowd_counts(c, policy.scope));
    if let Some(front) = known.fronts.get(&c.addr.to_canonical()).or_else(crowd) {
        return Some(Reason::SharedFront((*front).to_owned()));
    }
    known.used_by_allowed.contains(&target(c, policy.scope)).then_some(Reason::UsedByAllowedMiner)
}

/// Why a firewall could not tell this host from others by its address, where it has to.
fn no_pair(c: &BlockCandidate<'_>, scope: Scope) -> Option<Reason> {
    if scope != Scope::HostPair {
        None
    } else if c.tenant != Tenant::None {
        Some(Reason::OtherTenant)
    } else {
        c.source.map(|_| Reason::SpeaksForOthers)
    }
}

/// Whether look-ups that others made count: only where strangers would be hit, that is where the web is served, or when
/// the whole address is blocked. What else would they want on the pool's port?
fn crowd_counts(c: &BlockCandidate<'_>, scope: Scope) -> bool {
    scope == Scope::Address || matches!(c.port, 80 | 443 | 8000 | 8008 | 8080 | 8443 | 8888)
}

/// Whether an outsider could have made this conversation up.
pub(super) fn forgery(c: &BlockCandidate<'_>) -> Option<Reason> {
    if c.one_way {
        Some(Reason::OneWay)
    } else if !c.handshake_verified {
        Some(if c.proto == Proto::Udp { Reason::Datagrams } else { Reason::NoHandshake })
    } else if !c.client_data_acked {
        Some(Reason::DataNotAcknowledged)
    } else if !c.peer_replied {
        Some(Reason::NoPeerReply)
    } else if c.tunnelled {
        Some(Reason::Tunnelled)
    } else {
        None
    }
}

fn below_level(c: &BlockCandidate<'_>, policy: &Policy) -> Option<Reason> {
    (c.verdict < policy.least).then_some(Reason::BelowLevel { verdict: c.verdict, least: policy.least })
}

pub(super) fn lives_from(c: &BlockCandidate<'_>, policy: &Policy, now: PacketTime) -> PacketTime {
    match policy.lives {
        Lives::FromLastPacket => c.last_seen,
        Lives::FromNow => now,
    }
}

/// Whole seconds until `expires`, never more than the policy gives: saved state may claim anything.
fn seconds_left(expires: PacketTime, policy: &Policy, now: PacketTime) -> u64 {
    expires.since(now).min(Duration::from_secs(policy.ttl.as_secs())).as_secs()
}

pub(super) fn target(c: &BlockCandidate<'_>, scope: Scope) -> Target {
    let from = Some(c.miner.to_canonical());
    in_scope(Target { addr: c.addr.to_canonical(), service: Some((c.proto, c.port)), from }, scope)
}

/// What a refusal is about: never a whole address, for it names the port.
fn refused(c: &BlockCandidate<'_>, scope: Scope) -> Target {
    target(c, if scope == Scope::HostPair { scope } else { Scope::Endpoint })
}

fn in_scope(t: Target, scope: Scope) -> Target {
    match scope {
        Scope::Endpoint => t.for_everybody(),
        Scope::Address => Target { service: None, ..t.for_everybody() },
        Scope::HostPair => t,
    }
}

fn who(c: &BlockCandidate<'_>) -> Who {
    Who { tenant: c.tenant, miner: c.miner.to_canonical() }
}

fn merge(entries: &mut BTreeMap<Target, Entry>, e: Entry) {
    match entries.entry(e.target) {
        std::collections::btree_map::Entry::Vacant(v) => {
            v.insert(e);
        }
        std::collections::btree_map::Entry::Occupied(mut o) => {
            let known = o.get_mut();
            known.expires = known.expires.max(e.expires);
            known.verdict = known.verdict.max(e.verdict);
            known.last_seen = known.last_seen.max(e.last_seen);
            insert_sorted(&mut known.miners, &e.miners);
        }
    }
}

pub(super) fn insert_sorted<T: Ord + Copy>(into: &mut Vec<T>, more: &[T]) {
    for w in more {
        if let Err(at) = into.binary_search(w) {
            into.insert(at, *w);
        }
    }
}

#[derive(Default)]
struct Refusals(BTreeMap<(Target, Reason), Refusal>);

impl Refusals {
    fn add(&mut self, target: Target, reason: Reason, verdict: Verdict, last_seen: PacketTime, miners: &[Who]) {
        let r = self.0.entry((target, reason.clone())).or_insert(Refusal {
            target,
            reason,
            verdict,
            last_seen,
            miners: Vec::new(),
            names: Vec::new(),
        });
        r.verdict = r.verdict.max(verdict);
        r.last_seen = r.last_seen.max(last_seen);
        insert_sorted(&mut r.miners, miners);
    }

    fn into_sorted(self) -> Vec<Refusal> {
        self.0.into_values().collect()
    }
}

mod names;
#[cfg(test)]
mod tests;

//! Isolation: which hosts inside are cut off from everything but what they need to be cleaned.
//!
//! In: the same conversations that the gate weighs, the policy. Out: hosts, and every refusal with its reason. A host is
//! isolated for a conversation that nobody could have made up for it, and only if it is one machine of this network that
//! nobody else depends on.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::candidate::{BlockCandidate, Target};
use super::gate::{forgery, insert_sorted, lives_from, target};
use super::guard::NeverBlock;
use super::list::certainty;
use super::policy::{Policy, Scope, Ttl};
use super::prefix::Prefix;
use super::reason::Reason;
use crate::decode::Tenant;
use crate::evidence::Verdict;
use crate::time::PacketTime;

/// Hosts isolated at a time. More infected ones than this are no case for a firewall, or somebody makes them up.
pub(super) const MAX_HOSTS: usize = 256;
/// Hosts newly isolated a minute: whatever goes wrong, somebody can stop it before a site is offline.
pub(super) const PER_MINUTE: u32 = 10;
/// Pools told of one host.
pub(super) const MAX_POOLS: usize = 64;

/// Whether and how infected hosts inside are cut off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Isolation {
    /// Whether at all.
    pub enabled: bool,
    /// Weakest verdict for it.
    pub least: Verdict,
    /// For how long.
    pub ttl: Ttl,
    /// Networks that an isolated host may still talk to; no more than an enforcer takes.
    pub keep: Vec<Prefix>,
    /// Hosts that are never isolated.
    pub never: Vec<Prefix>,
}

impl Isolation {
    /// The networks by which this host stays connected, whatever it does: by name, or as one of those that others are
    /// managed from.
    pub fn spares(&self, host: IpAddr) -> Option<Prefix> {
        self.never.iter().chain(&self.keep).copied().find(|p| p.contains(host))
    }
}

impl Default for Isolation {
    fn default() -> Self {
        Self { enabled: false, least: Verdict::Confirmed, ttl: Ttl::DAY, keep: Vec::new(), never: Vec::new() }
    }
}

/// A host that is to be isolated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostEntry {
    /// Which.
    pub host: IpAddr,
    /// Life time left when the decision was made, in whole seconds, at least 1.
    pub ttl_secs: u64,
    /// When its life ends.
    pub expires: PacketTime,
    /// How sure the best conversation made us; `None` when an operator ordered it.
    pub verdict: Option<Verdict>,
    /// Last packet of any conversation that speaks for it.
    pub last_seen: PacketTime,
    /// Where it mined, sorted.
    pub pools: Vec<Target>,
}

/// A host that is not isolated, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostRefusal {
    /// Which.
    pub host: IpAddr,
    /// Why not.
    pub reason: Reason,
    /// Strongest verdict among the conversations refused for this reason.
    pub verdict: Verdict,
    /// Last packet among them.
    pub last_seen: PacketTime,
}

/// Refusals by host and reason.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<(IpAddr, Reason), HostRefusal>);

impl Refusals {
    pub(super) fn add(&mut self, host: IpAddr, reason: Reason, verdict: Verdict, last_seen: PacketTime) {
        let r = self.0.entry((host, reason.clone())).or_insert(HostRefusal { host, reason, verdict, last_seen });
        r.verdict = r.verdict.max(verdict);
        r.last_seen = r.last_seen.max(last_seen);
    }
}

/// Decides which hosts are isolated for these conversations. `proxies` are endpoints that are known to be some.
pub(super) fn decide(
    candidates: &[BlockCandidate<'_>],
    policy: &Policy,
    never: &NeverBlock,
    now: PacketTime,
    proxies: &BTreeSet<(IpAddr, u16)>,
) -> (Vec<HostEntry>, Vec<HostRefusal>) {
    if !policy.isolation.enabled {
        return (Vec::new(), Vec::new());
    }
    let mut refusals = Refusals::default();
    let proxies: BTreeSet<IpAddr> = proxies.iter().map(|(addr, _)| *addr).collect();
    // What it may do would be cut off as well. With proof, or else a forged packet would keep an infected host connected.
    let may_mine: BTreeSet<IpAddr> = candidates
        .iter()
        .filter(|c| policy.allows(c) && forgery(c).is_none() && c.verdict >= policy.isolation.least)
        .map(|c| c.miner.to_canonical())
        .collect();
    let mut entries: BTreeMap<IpAddr, HostEntry> = BTreeMap::new();
    for c in candidates {
        let host = c.miner.to_canonical();
        let expires = lives_from(c, policy, now).plus(policy.isolation.ttl.duration());
        let reason = if may_mine.contains(&host) {
            Some(Reason::AllowListed)
        } else if proxies.contains(&host) {
            Some(Reason::Proxy)
        } else {
            refuse(c, policy)
        };
        if let Some(reason) = reason {
            refusals.add(host, reason, c.verdict, c.last_seen);
            continue;
        }
        let e = HostEntry {
            host,
            ttl_secs: 0,
            expires,
            verdict: Some(c.verdict),
            last_seen: c.last_seen,
            pools: vec![target(c, Scope::Endpoint)],
        };
        merge(&mut entries, e);
    }
    finish(entries.into_values().collect(), refusals, policy, never, now)
}

/// Adds an entry to those that are there, each host once.
pub(super) fn merge(entries: &mut BTreeMap<IpAddr, HostEntry>, e: HostEntry) {
    match entries.entry(e.host) {
        Entry::Vacant(v) => {
            v.insert(e);
        }
        Entry::Occupied(mut o) => {
            let known = o.get_mut();
            known.expires = known.expires.max(e.expires);
            known.verdict = known.verdict.max(e.verdict);
            known.last_seen = known.last_seen.max(e.last_seen);
            insert_sorted(&mut known.pools, &e.pools);
            known.pools.truncate(MAX_POOLS);
        }
    }
}

/// Why this conversation is none to isolate its host for.
fn refuse(c: &BlockCandidate<'_>, policy: &Policy) -> Option<Reason> {
    let least = policy.isolation.least;
    if policy.allows(c) {
        Some(Reason::AllowListed)
    } else if let Some(reason) = forgery(c) {
        Some(reason)
    } else if c.verdict < least {
        Some(Reason::BelowLevel { verdict: c.verdict, least })
    } else if c.tenant != Tenant::None {
        Some(Reason::OtherTenant)
    } else if c.source.is_some() {
        Some(Reason::SpeaksForOthers)
    } else {
        None
    }
}

/// Why a host must not be isolated, whoever asks, if it must not.
pub(super) fn bars(host: IpAddr, policy: &Policy, never: &NeverBlock) -> Option<Reason> {
    never
        .check_inside(host, policy)
        // What may be blocked like anything outside is no host inside.
        .or_else(|| never.check(host, policy).is_none().then_some(Reason::NotInside))
        .or_else(|| policy.isolation.spares(host).map(Reason::SparedHost))
}

/// The last gate. Every host that is isolated has passed it.
pub(super) fn finish(
    entries: Vec<HostEntry>,
    mut refusals: Refusals,
    policy: &Policy,
    never: &NeverBlock,
    now: PacketTime,
) -> (Vec<HostEntry>, Vec<HostRefusal>) {
    let mut passed = Vec::with_capacity(entries.len());
    for mut e in entries {
        e.ttl_secs = e.expires.since(now).min(policy.isolation.ttl.duration()).as_secs();
        let reason = if e.ttl_secs == 0 { Some(Reason::Expired) } else { bars(e.host, policy, never) };
        match reason {
            Some(reason) => refusals.add(e.host, reason, certainty(e.verdict), e.last_seen),
            None => passed.push(e),
        }
    }
    if passed.len() > MAX_HOSTS {
        passed.sort_unstable_by_key(|e| {
            (e.verdict.is_some(), Reverse(certainty(e.verdict)), Reverse(e.last_seen), e.host)
        });
        for e in passed.split_off(MAX_HOSTS) {
            refusals.add(e.host, Reason::CapReached { max: MAX_HOSTS }, certainty(e.verdict), e.last_seen);
        }
    }
    passed.sort_unstable_by_key(|e| e.host);
    let isolated: BTreeSet<IpAddr> = passed.iter().map(|e| e.host).collect();
    let mut refusals: Vec<_> = refusals.0.into_values().collect();
    refusals.retain(|r| !(r.reason.is_about_one_conversation() && isolated.contains(&r.host)));
    (passed, refusals)
}

#[cfg(test)]
mod tests;

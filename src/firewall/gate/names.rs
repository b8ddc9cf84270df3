//! The gate for names.
//!
//! A client can say any name: in TLS, to a pool of its own; in HTTP, behind a front; in DNS, to a server of its own. So
//! a name gets into a list only where somebody else vouches for it: a feed that lists it as a host that takes miners, or
//! a resolver of the network that led this miner to the pool's address by that name. Where the address is a front's,
//! which serves strangers under theirs, the conversation itself must have been for that name and no other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Known, below_level, forgery, insert_sorted, lives_from, seconds_left, target, who};
use crate::evidence::Verdict;
use crate::firewall::candidate::{BlockCandidate, NameUse, Target, Who};
use crate::firewall::gate::{Decision, NameRefusal};
use crate::firewall::guard::NeverBlock;
use crate::firewall::list::{NameEntry, certainty};
use crate::firewall::name::DomainName;
use crate::firewall::policy::{Policy, Scope};
use crate::firewall::reason::Reason;
use crate::time::PacketTime;

/// What conversations say about names, before the last gate.
#[derive(Default)]
pub(super) struct Named {
    pub(super) entries: BTreeMap<DomainName, NameEntry>,
    pub(super) refusals: Refusals,
    /// Names by the endpoint that they were used at, a proxy's included.
    pub(super) used_at: BTreeMap<Target, BTreeSet<DomainName>>,
}

/// Takes the names of all candidates.
pub(super) fn decide(
    candidates: &[BlockCandidate<'_>],
    policy: &Policy,
    never: &NeverBlock,
    now: PacketTime,
    known: &Known<'_>,
) -> Named {
    let of_allowed: BTreeSet<DomainName> = candidates
        .iter()
        .filter(|c| policy.allows(c) && forgery(c).is_none() && below_level(c, policy).is_none())
        .flat_map(|c| c.names)
        .filter_map(|n| DomainName::parse(n.name).ok())
        .collect();
    let mut named = Named::default();
    for c in candidates {
        for n in c.names {
            let behind_proxy = c.proxied || known.proxies.contains(&(c.addr.to_canonical(), c.port));
            let name = match vouched(c, n, behind_proxy, policy, never, now, known) {
                // Whatever is below it is cut off, too.
                Ok(name) if of_allowed.iter().any(|a| a.is_or_is_below(&name)) => {
                    named.refusals.add(n.name, Reason::UsedByAllowedMiner, c.verdict, c.last_seen, &[who(c)]);
                    continue;
                }
                Ok(name) => name,
                Err(reason) => {
                    named.refusals.add(n.name, reason, c.verdict, c.last_seen, &[who(c)]);
                    continue;
                }
            };
            named.used_at.entry(target(c, Scope::Endpoint)).or_default().insert(name.clone());
            let entry = NameEntry {
                name,
                ttl_secs: 0,
                expires: lives_from(c, policy, now).plus(policy.ttl.duration()),
                verdict: Some(c.verdict),
                last_seen: c.last_seen,
                miners: vec![who(c)],
                endpoints: if behind_proxy { Vec::new() } else { vec![target(c, policy.scope)] },
            };
            merge(&mut named.entries, entry);
        }
    }
    named
}

/// The name, if somebody beside the client vouches for it in a conversation that would be good for an endpoint.
fn vouched(
    c: &BlockCandidate<'_>,
    n: &NameUse<'_>,
    behind_proxy: bool,
    policy: &Policy,
    never: &NeverBlock,
    now: PacketTime,
    known: &Known<'_>,
) -> Result<DomainName, Reason> {
    if policy.allows(c) {
        return Err(Reason::AllowListed);
    }
    if let Some(reason) = forgery(c).or_else(|| below_level(c, policy)) {
        return Err(reason);
    }
    if seconds_left(lives_from(c, policy, now).plus(policy.ttl.duration()), policy, now) == 0 {
        return Err(Reason::Expired);
    }
    let name = DomainName::parse(n.name).map_err(Reason::NotAName)?;
    // The address of a proxy says nothing of the pool behind it.
    let led_there = n.told_by.filter(|_| !behind_proxy);
    let protected = if behind_proxy { None } else { never.check(c.addr, policy) };
    // Names are how to block what is behind a front.
    let (front, protected) = match protected {
        Some(Reason::SharedFront(front)) => (Some(front), None),
        other => (None, other),
    };
    if n.takes_miners && (n.sent || led_there.is_some()) {
        // A pool's name, wherever it leads, unless somebody here answers to it.
        return match protected {
            Some(reason @ (Reason::OwnAddress | Reason::Gateway | Reason::Resolver | Reason::NeverBlockList(_))) => {
                Err(reason)
            }
            _ => Ok(name),
        };
    }
    let resolver = led_there.ok_or(Reason::NotVouched)?;
    if !never.believes(resolver, c.miner, policy)
        || [c.addr, c.miner].map(|a| a.to_canonical()).contains(&resolver.to_canonical())
    {
        return Err(Reason::UnknownResolver(resolver));
    }
    if let Some(reason) = protected {
        return Err(reason);
    }
    if c.names.iter().any(|other| other.sent && other.name != n.name) {
        return Err(Reason::NotMeant);
    }
    let addr = c.addr.to_canonical();
    let noticed = || known.fronts.get(&addr).or_else(|| known.crowds.get(&addr)).map(|front| (*front).to_owned());
    match front.or_else(noticed) {
        Some(front) if !n.host => Err(Reason::NameOnFront(front)),
        _ => Ok(name),
    }
}

/// The last gate. Every name in a list has passed it.
pub(super) fn finish(
    entries: BTreeMap<DomainName, NameEntry>,
    mut refusals: Refusals,
    policy: &Policy,
    never: &NeverBlock,
    now: PacketTime,
) -> (Vec<NameEntry>, Vec<NameRefusal>) {
    let mut passed = Vec::with_capacity(entries.len());
    for mut e in entries.into_values() {
        e.ttl_secs = seconds_left(e.expires, policy, now);
        let reason = if e.ttl_secs == 0 { Some(Reason::Expired) } else { never.check_name(&e.name, policy) };
        match reason {
            Some(reason) => refusals.add(e.name.as_str(), reason, certainty(e.verdict), e.last_seen, &e.miners),
            None => passed.push(e),
        }
    }
    let max = policy.max_entries.get();
    if passed.len() > max {
        passed.sort_unstable_by(|a, b| {
            let rank = |e: &NameEntry| (Reverse(certainty(e.verdict)), Reverse(e.last_seen));
            rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
        });
        for e in passed.split_off(max) {
            refusals.add(e.name.as_str(), Reason::CapReached { max }, certainty(e.verdict), e.last_seen, &e.miners);
        }
    }
    let listed: BTreeSet<&str> = passed.iter().map(|e| e.name.as_str()).collect();
    let mut refusals: Vec<_> = refusals.0.into_values().collect();
    refusals.retain(|r| !(r.reason.is_about_one_conversation() && listed.contains(r.name.as_str())));
    (passed, refusals)
}

/// Adds to the refusals of endpoints by which names in the list they were used.
pub(super) fn tell(d: &mut Decision, used_at: &BTreeMap<Target, BTreeSet<DomainName>>) {
    let listed: BTreeSet<&DomainName> = d.list.names().iter().map(|n| &n.name).collect();
    for r in &mut d.refusals {
        let names = used_at.get(&r.target).into_iter().flatten();
        r.names = names.filter(|n| listed.contains(n)).cloned().collect();
    }
}

/// Saved names, each once.
pub(super) fn merged(saved: Vec<NameEntry>) -> BTreeMap<DomainName, NameEntry> {
    let mut entries = BTreeMap::new();
    for mut e in saved {
        e.miners.sort_unstable();
        e.miners.dedup();
        e.endpoints.sort_unstable();
        e.endpoints.dedup();
        merge(&mut entries, e);
    }
    entries
}

fn merge(entries: &mut BTreeMap<DomainName, NameEntry>, e: NameEntry) {
    match entries.entry(e.name.clone()) {
        std::collections::btree_map::Entry::Vacant(v) => {
            v.insert(e);
        }
        std::collections::btree_map::Entry::Occupied(mut o) => {
            let known = o.get_mut();
            known.expires = known.expires.max(e.expires);
            known.verdict = known.verdict.max(e.verdict);
            known.last_seen = known.last_seen.max(e.last_seen);
            insert_sorted(&mut known.miners, &e.miners);
            insert_sorted(&mut known.endpoints, &e.endpoints);
        }
    }
}

/// Refusals by name and reason.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<(String, Reason), NameRefusal>);

impl Refusals {
    fn add(&mut self, name: &str, reason: Reason, verdict: Verdict, last_seen: PacketTime, miners: &[Who]) {
        let name = shown(name);
        let r = self.0.entry((name.clone(), reason.clone())).or_insert(NameRefusal {
            name,
            reason,
            verdict,
            last_seen,
            miners: Vec::new(),
        });
        r.verdict = r.verdict.max(verdict);
        r.last_seen = r.last_seen.max(last_seen);
        insert_sorted(&mut r.miners, miners);
    }
}

/// A peer chose the text: what no name has is not shown as it is.
fn shown(name: &str) -> String {
    name.chars().take(253).map(|c| if c.is_ascii_graphic() { c.to_ascii_lowercase() } else { '?' }).collect()
}

#[cfg(test)]
mod tests;

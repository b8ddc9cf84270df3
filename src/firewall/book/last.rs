//! The last gate of a book: which of its records are told to firewalls.
//!
//! In: the records that hold, the policy and the never-block gate of today. Out: a decision. Whatever another version,
//! policy or hand wrote into a book, nothing gets past this.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::{Discriminant, discriminant};

use super::{Origin, Record};
use crate::firewall::gate::{Decision, NameRefusal, Refusal, admit_with_names};
use crate::firewall::guard::NeverBlock;
use crate::firewall::isolate::{self, HostEntry, Isolation, MAX_HOSTS};
use crate::firewall::item::Item;
use crate::firewall::list::{Entry, NameEntry};
use crate::firewall::policy::{Policy, Ttl};
use crate::firewall::reason::Reason;
use crate::time::PacketTime;

/// Why something must not be blocked, whoever asks, if it must not.
pub(super) fn bars(item: &Item, policy: &Policy, never: &NeverBlock) -> Option<Reason> {
    match item {
        Item::Endpoint(t) => never.check_target(*t, policy),
        Item::Name(_) if !policy.names => Some(Reason::NamesOff),
        Item::Name(name) => never.check_name(name, policy),
        Item::Host(host) => isolate::bars(*host, policy, never),
    }
}

/// How many there are of such items at the most.
pub(super) fn most(item: &Item, policy: &Policy) -> usize {
    let max = policy.max_entries.get();
    if matches!(item, Item::Host(_)) { max.min(MAX_HOSTS) } else { max }
}

/// Why an entry is not wanted any more by a policy that changed since it was made.
fn unwanted(r: &Record, policy: &Policy) -> Option<Reason> {
    if r.origin == Origin::Manual {
        return None;
    }
    let least = match r.key {
        Item::Host(_) if !policy.isolation.enabled => return Some(Reason::IsolationOff),
        Item::Host(_) => policy.isolation.least,
        Item::Endpoint(_) | Item::Name(_) => policy.least,
    };
    let allowed = r.miners.iter().filter(|w| policy.allows_host(w.miner, None)).count();
    match allowed {
        0 if r.verdict < least => Some(Reason::BelowLevel { verdict: r.verdict, least }),
        0 => None,
        n if n == r.miners.len() => Some(Reason::AllowListed),
        _ => Some(Reason::UsedByAllowedMiner),
    }
}

/// A front that something was seen at. What one host has with it is for an operator to order.
fn front(r: &Record, never: &NeverBlock) -> Option<Reason> {
    r.key.endpoint().filter(|_| r.origin == Origin::Seen).and_then(|t| never.front(t.addr))
}

/// Passes records that hold through the gate.
pub(super) fn list(mut held: Vec<Record>, policy: &Policy, never: &NeverBlock, now: PacketTime) -> Decision {
    // Those first that a person wants, then the most certain, then those that were there before: what fills the list
    // pushes nothing out.
    let rank = |r: &Record| (Reverse(r.origin), Reverse(r.verdict), r.first);
    held.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.key.cmp(&b.key)));
    let mut kept = Kept::default();
    let mut refused = Decision::default();
    for r in held {
        let reason = unwanted(&r, policy).or_else(|| bars(&r.key, policy, never)).or_else(|| front(&r, never));
        match reason.or_else(|| kept.is_full_for(&r.key, policy)) {
            Some(reason) => refuse(&mut refused, r, reason),
            None => kept.add(r),
        }
    }
    // The gate cuts every life to the policy's, but here repeat offenders and orders live longer, within bounds that
    // were applied already.
    let isolation = Isolation { ttl: Ttl::MAX, ..policy.isolation.clone() };
    let long = Policy { ttl: Ttl::MAX, isolation, ..policy.clone() };
    let mut d = admit_with_names(kept.entries, kept.names, &long, never, now);
    let hosts = kept.hosts.into_values().collect();
    (d.hosts, d.host_refusals) = isolate::finish(hosts, isolate::Refusals::default(), &long, never, now);
    d.refusals.extend(refused.refusals);
    d.refusals.sort_by(|a, b| (a.target, &a.reason).cmp(&(b.target, &b.reason)));
    d.name_refusals.extend(refused.name_refusals);
    d.name_refusals.sort_by(|a, b| (&a.name, &a.reason).cmp(&(&b.name, &b.reason)));
    d.host_refusals.extend(refused.host_refusals);
    d.host_refusals.sort_by(|a, b| (a.host, &a.reason).cmp(&(b.host, &b.reason)));
    d
}

/// What is in the list so far.
#[derive(Default)]
struct Kept {
    items: BTreeSet<Item>,
    count: HashMap<Discriminant<Item>, usize>,
    entries: Vec<Entry>,
    names: Vec<NameEntry>,
    hosts: BTreeMap<std::net::IpAddr, HostEntry>,
}

impl Kept {
    fn is_full_for(&self, item: &Item, policy: &Policy) -> Option<Reason> {
        let max = most(item, policy);
        let there = self.count.get(&discriminant(item)).copied().unwrap_or_default();
        (there >= max && !self.items.contains(item)).then_some(Reason::CapReached { max })
    }

    fn add(&mut self, r: Record) {
        if self.items.insert(r.key.clone()) {
            *self.count.entry(discriminant(&r.key)).or_default() += 1;
        }
        let (ttl_secs, verdict) = (0, (r.origin == Origin::Seen).then_some(r.verdict));
        let Record { key, expires, last_seen, miners, endpoints, .. } = r;
        match key {
            Item::Endpoint(target) => {
                self.entries.push(Entry { target, ttl_secs, expires, verdict, last_seen, miners });
            }
            Item::Name(name) => {
                self.names.push(NameEntry { name, ttl_secs, expires, verdict, last_seen, miners, endpoints });
            }
            Item::Host(host) => {
                isolate::merge(
                    &mut self.hosts,
                    HostEntry { host, ttl_secs, expires, verdict, last_seen, pools: endpoints },
                );
            }
        }
    }
}

fn refuse(d: &mut Decision, r: Record, reason: Reason) {
    let Record { key, verdict, last_seen, miners, .. } = r;
    match key {
        Item::Endpoint(target) => {
            d.refusals.push(Refusal { target, reason, verdict, last_seen, miners, names: Vec::new() });
        }
        Item::Name(name) => {
            d.name_refusals.push(NameRefusal { name: name.to_string(), reason, verdict, last_seen, miners });
        }
        Item::Host(host) => d.host_refusals.push(isolate::HostRefusal { host, reason, verdict, last_seen }),
    }
}

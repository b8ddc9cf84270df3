//! What a watch says of entries that come and go, as sentences.
//!
//! In: items of the book with their records, and the claims of flows. Out: text.

use std::fmt::Display;
use std::net::IpAddr;

use crate::cli::remembered::{second, some};
use crate::firewall::{Changes, Item, Origin, Quiet, Record, Target};
use crate::ledger::FlowFinding;
use crate::text::printable;

/// Pools of a host in one sentence.
const MOST: usize = 3;

/// Whether a flow is one of those for which an item is blocked.
pub(super) fn concerns(f: &FlowFinding, item: &Item) -> bool {
    match item {
        Item::Endpoint(t) => is_at(f, *t),
        Item::Name(name) => f.claims.iter().any(|c| c.name.eq_ignore_ascii_case(name.as_str())),
        Item::Host(host) => f.miner.ip().to_canonical() == *host,
    }
}

/// Whether a flow goes to an endpoint.
fn is_at(f: &FlowFinding, target: Target) -> bool {
    target.from.is_none_or(|host| f.miner.ip().to_canonical() == host)
        && f.pool.ip().to_canonical() == target.addr
        && target.service.is_none_or(|(_, port)| port == f.pool.port())
}

/// Who used something, in brackets.
pub(super) fn used_by<'a>(flows: impl Iterator<Item = &'a FlowFinding>, item: &Item) -> String {
    if item.endpoint().is_some_and(|t| t.from.is_some()) {
        // Who does is in the name of it.
        return String::new();
    }
    let mut who: Vec<IpAddr> = flows.filter(|f| concerns(f, item)).map(|f| f.miner.ip()).collect();
    who.sort_unstable();
    who.dedup();
    match who.as_slice() {
        [] => String::new(),
        [one] => format!(" (used by {one})"),
        [one, rest @ ..] => format!(" (used by {one} and {} more)", rest.len()),
    }
}

/// Why a host is isolated, and until when.
pub(super) fn why_isolated(r: &Record) -> String {
    let until = second(r.expires);
    if r.origin == Origin::Manual {
        return format!("ordered by {} ({}), until {until}", printable(&r.by, 64), printable(&r.reason, 256));
    }
    let pools: Vec<_> = r.endpoints.iter().map(ToString::to_string).collect();
    format!("it mines at {} ({}), until {until}", some(&pools, MOST), r.verdict)
}

/// What becomes of something that is new in the book, where no kernel is told of it.
pub(super) fn is_new(item: &Item, who: &str, why: &str, dry: bool) -> String {
    match (item, dry) {
        (Item::Endpoint(t), true) => format!("would cut off {t}{who}"),
        (Item::Endpoint(t), false) => format!("to be cut off: {t}{who}"),
        (Item::Name(name), true) => format!("would block the name {name}{who}"),
        (Item::Name(name), false) => format!("the name {name}{who} is blocked in lists for resolvers"),
        (Item::Host(host), true) => format!("would isolate {host}: {why}"),
        (Item::Host(host), false) => format!("to be isolated: {host}: {why}"),
    }
}

/// What is over.
pub(super) fn is_over(item: &Item, dry: bool) -> String {
    match (item, dry) {
        (Item::Endpoint(t), true) => format!("would no longer cut off {t}"),
        (Item::Endpoint(t), false) => format!("no longer cut off: {t}"),
        (Item::Name(name), true) => format!("would no longer block the name {name}"),
        (Item::Name(name), false) => format!("no longer blocked: the name {name}"),
        (Item::Host(host), true) => format!("would no longer isolate {host}"),
        (Item::Host(host), false) => format!("no longer isolated: {host}"),
    }
}

/// What is not done to something, and why.
pub(super) fn is_not(what: &impl Display, done: &str, why: &impl Display, dry: bool) -> String {
    let not = if dry { "would not be" } else { "is not" };
    format!("{what} {not} {done}: {why}")
}

/// What holds from before, endpoints and hosts.
pub(super) fn from_before((held, isolated): (usize, usize), dry: bool) -> Vec<String> {
    let (entries, hosts) = if dry {
        (
            "block entries of before that a dry run holds in no firewall",
            "hosts of before that a dry run does not isolate",
        )
    } else {
        ("block entries that hold from before", "hosts that stay isolated from before")
    };
    [(held, entries), (isolated, hosts)]
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{what}: {n}"))
        .collect()
}

/// What quiet hours did.
pub(super) fn quiet(changes: &Changes, dry: bool) -> Option<&'static str> {
    Some(match (changes.quiet?, dry) {
        (Quiet::HoldsBack, true) => {
            "quiet hours: what is found is told, and nothing new would be blocked until they end"
        }
        (Quiet::HoldsBack, false) => "quiet hours: what is found is told, and nothing new is blocked until they end",
        (Quiet::Over, true) => "quiet hours are over: what they held back would be blocked if it still goes on",
        (Quiet::Over, false) => "quiet hours are over: what they held back is blocked if it still goes on",
    })
}

//! nftables: one table of our own, sets with a life time for each element, and chains that reject.
//!
//! The whole file is one transaction: sets are flushed and filled again, never deleted from, so that an element that
//! expired in between cannot fail it. Sets are plain, without intervals: nft merges neighbours in interval sets and
//! loses their life times.

use std::fmt::Write as _;

use crate::firewall::candidate::Target;
use crate::firewall::format::{Format, Meta, OutFile, RenderOptions, Rendered, Says, Warning, capped_ttl, with_header};
use crate::firewall::list::{BlockList, Entry};
use crate::firewall::policy::Ttl;

/// nftables, for `nft -f`.
pub(super) struct Nft;

const TABLE: &str = "inet minewatch";

/// Always all of them: a list in one scope empties what a list in the other has filled.
const SETS: &[(&str, &str)] = &[
    ("ep4", "ipv4_addr . inet_proto . inet_service"),
    ("ep6", "ipv6_addr . inet_proto . inet_service"),
    ("pool4", "ipv4_addr"),
    ("pool6", "ipv6_addr"),
    ("pair4", "ipv4_addr . ipv4_addr . inet_proto . inet_service"),
    ("pair6", "ipv6_addr . ipv6_addr . inet_proto . inet_service"),
];

/// TCP gets a reset, so that a miner's connection ends at once instead of hanging.
const RULES: &[&str] = &[
    "meta l4proto tcp ip daddr . meta l4proto . th dport @ep4 counter reject with tcp reset",
    "ip daddr . meta l4proto . th dport @ep4 counter reject",
    "meta l4proto tcp ip6 daddr . meta l4proto . th dport @ep6 counter reject with tcp reset",
    "ip6 daddr . meta l4proto . th dport @ep6 counter reject",
    "meta l4proto tcp ip daddr @pool4 counter reject with tcp reset",
    "ip daddr @pool4 counter reject",
    "meta l4proto tcp ip6 daddr @pool6 counter reject with tcp reset",
    "ip6 daddr @pool6 counter reject",
    "meta l4proto tcp ip saddr . ip daddr . meta l4proto . th dport @pair4 counter reject with tcp reset",
    "ip saddr . ip daddr . meta l4proto . th dport @pair4 counter reject",
    "meta l4proto tcp ip6 saddr . ip6 daddr . meta l4proto . th dport @pair6 counter reject with tcp reset",
    "ip6 saddr . ip6 daddr . meta l4proto . th dport @pair6 counter reject",
];

impl Format for Nft {
    fn id(&self) -> &'static str {
        "nft"
    }

    fn extension(&self) -> &'static str {
        "nft"
    }

    fn says(&self) -> Says {
        Says::PAIRS
    }

    fn counts_down(&self) -> bool {
        true
    }

    fn print(&self, list: &BlockList, meta: &Meta, options: &RenderOptions) -> Rendered {
        let mut body = format!("add table {TABLE}\n");
        for (name, kind) in SETS {
            let _ = writeln!(body, "add set {TABLE} {name} {{ type {kind}; flags timeout; }}");
        }
        for (name, _) in SETS {
            let _ = writeln!(body, "flush set {TABLE} {name}");
        }
        if !options.sets_only {
            chains(&mut body);
        }
        let mut shortened = 0;
        for (name, _) in SETS {
            elements(&mut body, name, list.entries().iter().filter(|e| set_of(e.target) == *name), &mut shortened);
        }
        let warnings = (shortened > 0).then_some(Warning::TtlCapped {
            format: "nft",
            longest: Ttl::MAX.as_secs(),
            entries: shortened,
        });
        let hooks = if options.sets_only {
            "rejects nothing by itself: use its sets ep4, ep6, pool4, pool6, pair4, pair6 in rules of your own"
        } else {
            "rejects forwarded and own traffic to these entries, on established connections too"
        };
        let notes = ["load: nft -f FILE", "unload: nft delete table inet minewatch", hooks];
        let bytes = with_header("nftables", list.entries().iter(), meta, &notes, &body);
        Rendered { files: vec![OutFile { suffix: "", bytes }], warnings: warnings.into_iter().collect() }
    }
}

/// Hooked before the usual filter priority, hence before any rule there that accepts established connections. Chains
/// are flushed first: `add rule` on a second load would double them.
fn chains(body: &mut String) {
    let _ = writeln!(body, "add chain {TABLE} mw_block");
    for hook in ["forward", "output"] {
        let _ = writeln!(
            body,
            "add chain {TABLE} mw_{hook} {{ type filter hook {hook} priority filter - 5; policy accept; }}"
        );
    }
    for chain in ["mw_forward", "mw_output", "mw_block"] {
        let _ = writeln!(body, "flush chain {TABLE} {chain}");
    }
    for rule in RULES {
        let _ = writeln!(body, "add rule {TABLE} mw_block {rule}");
    }
    for hook in ["forward", "output"] {
        let _ = writeln!(body, "add rule {TABLE} mw_{hook} jump mw_block");
    }
}

/// One statement a set, or none: an empty one is a syntax error.
fn elements<'a>(body: &mut String, set: &str, entries: impl Iterator<Item = &'a Entry>, shortened: &mut usize) {
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        return;
    }
    let _ = writeln!(body, "add element {TABLE} {set} {{");
    for e in entries {
        let ttl = capped_ttl(e, Ttl::MAX.as_secs(), shortened);
        body.push_str("    ");
        if let Some(from) = e.target.from {
            let _ = write!(body, "{from} . ");
        }
        let _ = match e.target.service {
            Some((proto, port)) => writeln!(body, "{} . {proto} . {port} timeout {ttl}s,", e.target.addr),
            None => writeln!(body, "{} timeout {ttl}s,", e.target.addr),
        };
    }
    body.push_str("}\n");
}

const fn set_of(t: Target) -> &'static str {
    match (t.addr.is_ipv4(), t.service.is_some(), t.from.is_some()) {
        (true, _, true) => "pair4",
        (false, _, true) => "pair6",
        (true, true, _) => "ep4",
        (false, true, _) => "ep6",
        (true, false, _) => "pool4",
        (false, false, _) => "pool6",
    }
}

//! nftables: a table of its own, replaced in one transaction.
//!
//! The table is not the one of block list files (`inet minewatch`), so that loading a file and `--apply` do not undo
//! each other. Sets that hold addresses are plain: nft merges neighbours in interval sets and loses their life times.
//! Elements are never deleted one by one, for one that expired in between would fail the whole transaction.

mod read;

use std::fmt::Write as _;

use rustix::thread::CapabilitySet;
use serde_json::Value;

use super::backend::{Backend, lacks};
use super::held::{Held, Rules};
use super::problem::EnforceError;
use super::program::NFT;
use super::wanted::Wanted;
use crate::firewall::Target;

/// Family and name, as nft takes them.
const TABLE: &str = "inet minewatch_live";
const FAMILY: &str = "inet";
const NAME: &str = "minewatch_live";

const SETS: &[(&str, &str)] = &[
    ("ep4", "type ipv4_addr . inet_proto . inet_service; flags timeout;"),
    ("ep6", "type ipv6_addr . inet_proto . inet_service; flags timeout;"),
    ("addr4", "type ipv4_addr; flags timeout;"),
    ("addr6", "type ipv6_addr; flags timeout;"),
    ("pair4", "type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags timeout;"),
    ("pair6", "type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags timeout;"),
    ("host4", "type ipv4_addr; flags timeout;"),
    ("host6", "type ipv6_addr; flags timeout;"),
    ("keep4", "type ipv4_addr . ipv4_addr; flags interval, timeout;"),
    ("keep6", "type ipv6_addr . ipv6_addr; flags interval, timeout;"),
];

const COUNTERS: &[&str] = &["blocked", "isolated"];

/// Chains and where they hang. Before the usual filter priority, hence before any rule there that accepts established
/// connections.
const CHAINS: &[(&str, &str)] = &[
    ("cut", ""),
    ("isolate", ""),
    ("from_host", ""),
    ("to_host", ""),
    ("forward", "{ type filter hook forward priority filter - 10; policy accept; }"),
    ("input", "{ type filter hook input priority filter - 10; policy accept; }"),
    ("output", "{ type filter hook output priority filter - 10; policy accept; }"),
];

/// Chain and rule. TCP gets a reset, so that a connection ends at once instead of hanging; both directions, so that
/// either end gets one when it next sends.
const RULES: &[(&str, &str)] = &[
    ("cut", "counter name blocked"),
    ("cut", "meta l4proto tcp reject with tcp reset"),
    ("cut", "reject"),
    ("isolate", "counter name isolated"),
    ("isolate", "meta l4proto tcp reject with tcp reset"),
    ("isolate", "reject"),
    ("from_host", "ip saddr . ip daddr @keep4 return"),
    ("from_host", "ip6 saddr . ip6 daddr @keep6 return"),
    ("from_host", "meta l4proto { tcp, udp } th dport 53 return"),
    ("from_host", "udp dport { 67, 547 } return"),
    // Without neighbour discovery an IPv6 host reaches not even its resolver (RFC 4861).
    ("from_host", NEIGHBOURS),
    ("from_host", "goto isolate"),
    ("to_host", "ip daddr . ip saddr @keep4 return"),
    ("to_host", "ip6 daddr . ip6 saddr @keep6 return"),
    ("to_host", "meta l4proto { tcp, udp } th sport 53 return"),
    ("to_host", "udp sport { 67, 547 } return"),
    ("to_host", "goto isolate"),
    ("forward", "ip daddr . meta l4proto . th dport @ep4 goto cut"),
    ("forward", "ip saddr . meta l4proto . th sport @ep4 goto cut"),
    ("forward", "ip daddr @addr4 goto cut"),
    ("forward", "ip saddr @addr4 goto cut"),
    ("forward", "ip6 daddr . meta l4proto . th dport @ep6 goto cut"),
    ("forward", "ip6 saddr . meta l4proto . th sport @ep6 goto cut"),
    ("forward", "ip6 daddr @addr6 goto cut"),
    ("forward", "ip6 saddr @addr6 goto cut"),
    ("forward", "ip saddr . ip daddr . meta l4proto . th dport @pair4 goto cut"),
    ("forward", "ip daddr . ip saddr . meta l4proto . th sport @pair4 goto cut"),
    ("forward", "ip6 saddr . ip6 daddr . meta l4proto . th dport @pair6 goto cut"),
    ("forward", "ip6 daddr . ip6 saddr . meta l4proto . th sport @pair6 goto cut"),
    ("forward", "ip saddr @host4 jump from_host"),
    ("forward", "ip daddr @host4 jump to_host"),
    ("forward", "ip6 saddr @host6 jump from_host"),
    ("forward", "ip6 daddr @host6 jump to_host"),
    // The resets that the rules below send to a socket of this machine come in here, with the pool's address.
    ("input", "tcp flags & rst == rst return"),
    // The pool's packets come here instead when this machine translated the miner's address.
    ("input", "ip saddr . meta l4proto . th sport @ep4 goto cut"),
    ("input", "ip saddr @addr4 goto cut"),
    ("input", "ip6 saddr . meta l4proto . th sport @ep6 goto cut"),
    ("input", "ip6 saddr @addr6 goto cut"),
    // A transparent proxy on this machine speaks with the host's address.
    ("input", "ip daddr . ip saddr . meta l4proto . th sport @pair4 goto cut"),
    ("input", "ip6 daddr . ip6 saddr . meta l4proto . th sport @pair6 goto cut"),
    ("input", "ip saddr . ip daddr . meta l4proto . th dport @pair4 goto cut"),
    ("input", "ip6 saddr . ip6 daddr . meta l4proto . th dport @pair6 goto cut"),
    ("input", "ip saddr @host4 jump from_host"),
    ("input", "ip6 saddr @host6 jump from_host"),
    // The resets that the rules above send to a pool leave through here.
    ("output", "tcp flags & rst == rst return"),
    ("output", "ip daddr . meta l4proto . th dport @ep4 goto cut"),
    ("output", "ip daddr @addr4 goto cut"),
    ("output", "ip6 daddr . meta l4proto . th dport @ep6 goto cut"),
    ("output", "ip6 daddr @addr6 goto cut"),
    ("output", "ip saddr . ip daddr . meta l4proto . th dport @pair4 goto cut"),
    ("output", "ip6 saddr . ip6 daddr . meta l4proto . th dport @pair6 goto cut"),
    ("output", "ip daddr . ip saddr . meta l4proto . th sport @pair4 goto cut"),
    ("output", "ip6 daddr . ip6 saddr . meta l4proto . th sport @pair6 goto cut"),
];

const NEIGHBOURS: &str =
    "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } return";

/// nftables, through the program `nft`.
#[derive(Default)]
pub struct Nftables {
    /// Chains and rules as the kernel told them right after they were put there. Versions of nft print them in
    /// different ways, and this one's own way is what it is compared with. They are always the same, and listing many
    /// entries takes longer than loading them, so that this is asked for once.
    ours: Option<Vec<Value>>,
}

impl Backend for Nftables {
    fn name(&self) -> &'static str {
        "nftables"
    }

    fn check(&self) -> Vec<EnforceError> {
        let right = lacks(&[(CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN")]);
        let program = NFT.must("list tables", &["list", "tables"], "").err();
        // Without the right the program only says the same in its own words.
        let program = program.filter(|e| right.is_none() || matches!(e, EnforceError::NoProgram { .. }));
        program.into_iter().chain(right).collect()
    }

    fn apply(&mut self, wanted: &Wanted) -> Result<(), EnforceError> {
        let script = script(&wanted.in_order());
        if let Err(e) = NFT.must("load the entries", &["-f", "-"], &script) {
            // Perhaps what is there has our name and another shape: an older version, or another hand. What does not
            // help changes nothing.
            let anew = format!("add table {TABLE}\ndelete table {TABLE}\n{script}");
            NFT.must("load the entries", &["-f", "-"], &anew).map_err(|_| e)?;
        }
        if self.ours.is_none() {
            self.ours = self.read()?.map(|found| found.rules);
        }
        Ok(())
    }

    fn read_back(&mut self) -> Result<Held, EnforceError> {
        let held = self.read()?.map(|found| found.held(self.ours.as_deref())).unwrap_or_default();
        if held.rules != Rules::Intact {
            // Perhaps it is nft that changed, and prints them in another way now: asked for again when they were put
            // there again.
            self.ours = None;
        }
        Ok(held)
    }

    fn remove(&mut self) -> Result<bool, EnforceError> {
        self.ours = None;
        if !self.is_there()? {
            return Ok(false);
        }
        // Adding what is there changes nothing, and deleting what has gone meanwhile is no error then.
        NFT.must("remove its table", &["-f", "-"], &format!("add table {TABLE}\ndelete table {TABLE}\n"))?;
        Ok(true)
    }
}

impl Nftables {
    fn read(&self) -> Result<Option<read::Found>, EnforceError> {
        // Asking for a table that is not there fails in the same way as any other failure.
        if !self.is_there()? {
            return Ok(None);
        }
        read::found(&NFT.must("list its table", &["-j", "list", "table", FAMILY, NAME], "")?).map(Some)
    }

    #[allow(clippy::unused_self)] // there is one kernel
    fn is_there(&self) -> Result<bool, EnforceError> {
        let tables = NFT.must("list tables", &["list", "tables"], "")?;
        Ok(String::from_utf8_lossy(&tables).lines().any(|l| l.trim() == format!("table {TABLE}")))
    }
}

/// How many rules a chain has.
fn rules_of(chain: &str) -> usize {
    RULES.iter().filter(|(c, _)| *c == chain).count()
}

/// Everything, as one transaction.
fn script(wanted: &Wanted) -> String {
    let mut s = format!("add table {TABLE}\n");
    // Adding what is there changes nothing; counters go on counting.
    for counter in COUNTERS {
        let _ = writeln!(s, "add counter {TABLE} {counter}");
    }
    for (set, kind) in SETS {
        let _ = writeln!(s, "add set {TABLE} {set} {{ {kind} }}\nflush set {TABLE} {set}");
    }
    for (chain, hook) in CHAINS {
        let _ = writeln!(s, "add chain {TABLE} {chain} {hook}");
    }
    // Of all chains, those that somebody else put there as well.
    let _ = writeln!(s, "flush table {TABLE}");
    for (chain, rule) in RULES {
        let _ = writeln!(s, "add rule {TABLE} {chain} {rule}");
    }
    let mut elements = Elements { script: s, open: "" };
    for b in &wanted.block {
        elements.add(set_of(b.target));
        if let Some(from) = b.target.from {
            let _ = write!(elements.script, "{from} . ");
        }
        let _ = match b.target.service {
            Some((proto, port)) => write!(elements.script, "{} . {proto} . {port}", b.target.addr),
            None => write!(elements.script, "{}", b.target.addr),
        };
        elements.lives(b.ttl_secs);
    }
    for i in &wanted.isolate {
        elements.add(if i.host.is_ipv4() { "host4" } else { "host6" });
        let _ = write!(elements.script, "{}", i.host);
        elements.lives(i.ttl_secs);
    }
    for (i, prefix) in wanted.isolate.iter().flat_map(|i| i.keep.iter().map(move |p| (i, p))) {
        elements.add(if i.host.is_ipv4() { "keep4" } else { "keep6" });
        let _ = write!(elements.script, "{} . {prefix}", i.host);
        elements.lives(i.ttl_secs);
    }
    elements.end()
}

/// Writes elements, many to a statement: an empty statement is a syntax error.
struct Elements {
    script: String,
    open: &'static str,
}

impl Elements {
    fn add(&mut self, set: &'static str) {
        if self.open != set {
            self.close();
            let _ = writeln!(self.script, "add element {TABLE} {set} {{");
            self.open = set;
        }
    }

    fn lives(&mut self, secs: u64) {
        let _ = writeln!(self.script, " timeout {secs}s,");
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.script.push_str("}\n");
            self.open = "";
        }
    }

    fn end(mut self) -> String {
        self.close();
        self.script
    }
}

const fn set_of(t: Target) -> &'static str {
    match (t.addr.is_ipv4(), t.service.is_some(), t.from.is_some()) {
        (true, _, true) => "pair4",
        (false, _, true) => "pair6",
        (true, true, _) => "ep4",
        (false, true, _) => "ep6",
        (true, false, _) => "addr4",
        (false, false, _) => "addr6",
    }
}

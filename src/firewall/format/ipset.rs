//! ipset: a restore file that fills new sets and swaps them in.
//!
//! `ipset restore` is no transaction: it stops at the first bad line and keeps what it has done. So the live sets are
//! touched by the swaps at the end only, and a run that failed half-way leaves them as they were. The parameters of
//! the sets are constants: `create … -exist` fails on a set of the same name with other ones, and so a second list
//! never meets that. A live set that somebody else made is the loader script's business.

use std::fmt::Write as _;

use crate::firewall::candidate::Target;
use crate::firewall::format::{Format, Meta, OutFile, RenderOptions, Rendered, Says, Warning, capped_ttl, with_header};
use crate::firewall::list::BlockList;

/// ipset, for `ipset restore`.
pub(super) struct Ipset;

/// Longest life time that ipset takes, in seconds (its limit is 2^32 milliseconds divided by two).
const LONGEST: u64 = 2_147_483;

/// Names leave room for `-new` within ipset's 31 characters. Always all of them, as for nft.
const SETS: &[(&str, &str)] = &[
    ("minewatch4", "hash:ip,port family inet"),
    ("minewatch6", "hash:ip,port family inet6"),
    ("minewatch-pool4", "hash:ip family inet"),
    ("minewatch-pool6", "hash:ip family inet6"),
    ("minewatch-pair4", "hash:ip,port,ip family inet"),
    ("minewatch-pair6", "hash:ip,port,ip family inet6"),
];

impl Format for Ipset {
    fn id(&self) -> &'static str {
        "ipset"
    }

    fn extension(&self) -> &'static str {
        "ipset"
    }

    fn says(&self) -> Says {
        Says::PAIRS
    }

    fn counts_down(&self) -> bool {
        true
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let mut body = String::new();
        for suffix in ["", "-new"] {
            for (name, kind) in SETS {
                let _ = writeln!(body, "create {name}{suffix} {kind} hashsize 1024 maxelem 131072 timeout 0 -exist");
            }
        }
        // What a failed run left behind.
        for (name, _) in SETS {
            let _ = writeln!(body, "flush {name}-new");
        }
        let mut shortened = 0;
        for e in list.entries() {
            let (set, ttl) = (set_of(e.target), capped_ttl(e, LONGEST, &mut shortened));
            let _ = match (e.target.service, e.target.from) {
                (Some((proto, port)), Some(from)) => {
                    writeln!(body, "add {set}-new {from},{proto}:{port},{} timeout {ttl}", e.target.addr)
                }
                (Some((proto, port)), None) => {
                    writeln!(body, "add {set}-new {},{proto}:{port} timeout {ttl}", e.target.addr)
                }
                (None, _) => writeln!(body, "add {set}-new {} timeout {ttl}", e.target.addr),
            };
        }
        for (name, _) in SETS {
            let _ = writeln!(body, "swap {name}-new {name}");
        }
        for (name, _) in SETS {
            let _ = writeln!(body, "destroy {name}-new");
        }
        let warnings =
            (shortened > 0).then_some(Warning::TtlCapped { format: "ipset", longest: LONGEST, entries: shortened });
        let notes = [
            "load: ipset restore -file FILE",
            "load and hook into iptables: load-blocklist.sh ipset FILE",
            "sets alone reject nothing: a rule must match minewatch4, minewatch6 (dst,dst), minewatch-pool4, \
             minewatch-pool6 (dst) and minewatch-pair4, minewatch-pair6 (src,dst,dst)",
        ];
        let bytes = with_header("ipset", list.entries().iter(), meta, &notes, &body);
        Rendered { files: vec![OutFile { suffix: "", bytes }], warnings: warnings.into_iter().collect() }
    }
}

const fn set_of(t: Target) -> &'static str {
    match (t.addr.is_ipv4(), t.service.is_some(), t.from.is_some()) {
        (true, _, true) => "minewatch-pair4",
        (false, _, true) => "minewatch-pair6",
        (true, true, _) => "minewatch4",
        (false, true, _) => "minewatch6",
        (true, false, _) => "minewatch-pool4",
        (false, false, _) => "minewatch-pool6",
    }
}

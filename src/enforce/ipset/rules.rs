//! Chains and jumps of iptables and ip6tables: what they should be, and what is there.
//!
//! Source: iptables-save(8), iptables-restore(8); ports and ICMPv6 types as in the nftables backend.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use crate::enforce::held::Hits;
use crate::enforce::problem::EnforceError;
use crate::enforce::program::Program;
use crate::enforce::wanted::Wanted;
use crate::firewall::Prefix;

/// Isolated hosts with what they may still talk to.
type Keep = BTreeSet<(IpAddr, Prefix)>;

/// One address family with its programs and words.
pub(super) struct Family {
    pub(super) save: Program,
    pub(super) restore: Program,
    digit: char,
    unreachable: &'static str,
    dhcp: u16,
}

pub(super) const FAMILIES: [Family; 2] = [
    Family {
        save: Program { name: "iptables-save", package: "iptables" },
        restore: Program { name: "iptables-restore", package: "iptables" },
        digit: '4',
        unreachable: "icmp-port-unreachable",
        dhcp: 67,
    },
    Family {
        save: Program { name: "ip6tables-save", package: "iptables" },
        restore: Program { name: "ip6tables-restore", package: "iptables" },
        digit: '6',
        unreachable: "icmp6-port-unreachable",
        dhcp: 547,
    },
];

pub(super) const SAVE: &[&str] = &["-c", "-t", "filter"];
/// Waits for the lock that other programs hold while they change rules, and takes counters that are given.
pub(super) const RESTORE: &[&str] = &["-w", "20", "-c", "--noflush"];

/// Chains of the kernel, and Docker's, with ours that is jumped to from there. Docker puts its own chains above others
/// when it starts, and promises to leave `DOCKER-USER` alone.
const HOOKS: &[(&str, &str)] = &[
    ("FORWARD", "MINEWATCH-LIVE-FWD"),
    ("INPUT", "MINEWATCH-LIVE-IN"),
    ("OUTPUT", "MINEWATCH-LIVE-OUT"),
    ("DOCKER-USER", "MINEWATCH-LIVE-FWD"),
];

/// Our chains, those that jump to others first: the order in which they can be removed.
const CHAINS: &[&str] = &[
    "MINEWATCH-LIVE-FWD",
    "MINEWATCH-LIVE-IN",
    "MINEWATCH-LIVE-OUT",
    "MINEWATCH-LIVE-FROM",
    "MINEWATCH-LIVE-TO",
    "MINEWATCH-LIVE-CUT",
    "MINEWATCH-LIVE-ISO",
];

impl Family {
    /// What hosts of this family keep.
    pub(super) fn keep(&self, wanted: &Wanted) -> Keep {
        let mine = wanted.isolate.iter().filter(|i| i.host.is_ipv4() == (self.digit == '4'));
        mine.flat_map(|i| i.keep.iter().map(|p| (i.host, *p))).collect()
    }
}

/// Our rules, without the beginning of the chains' names and those for what hosts keep. TCP gets a reset; both directions, so that either end gets
/// one when it next sends.
fn rules(f: &Family) -> Vec<String> {
    let Family { digit: d, unreachable, dhcp, .. } = f;
    let mut rules = vec![
        "CUT -p tcp -j REJECT --reject-with tcp-reset".to_owned(),
        format!("CUT -j REJECT --reject-with {unreachable}"),
        "ISO -p tcp -j REJECT --reject-with tcp-reset".to_owned(),
        format!("ISO -j REJECT --reject-with {unreachable}"),
    ];
    for (chain, port) in [("FROM", "dport"), ("TO", "sport")] {
        for (proto, number) in [("udp", 53), ("tcp", 53), ("udp", *dhcp)] {
            rules.push(format!("{chain} -p {proto} -m {proto} --{port} {number} -j RETURN"));
        }
        if *d == '6' && chain == "FROM" {
            // Without neighbour discovery an IPv6 host reaches not even its resolver (RFC 4861).
            for kind in 133..=136 {
                rules.push(format!("{chain} -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j RETURN"));
            }
        }
        rules.push(format!("{chain} -g MINEWATCH-LIVE-ISO"));
    }
    // The resets that these rules send to a pool leave through OUTPUT, and those to a socket of this machine come in.
    for chain in ["OUT", "IN"] {
        rules.push(format!("{chain} -p tcp -m tcp --tcp-flags RST RST -j RETURN"));
    }
    for (chain, ways) in [("FWD", &["dst", "src"][..]), ("IN", &["src"]), ("OUT", &["dst"])] {
        for way in ways {
            rules.push(format!("{chain} -m set --match-set mwlive-ep{d} {way},{way} -g MINEWATCH-LIVE-CUT"));
            rules.push(format!("{chain} -m set --match-set mwlive-addr{d} {way} -g MINEWATCH-LIVE-CUT"));
        }
    }
    // A transparent proxy on this machine speaks with the host's address, so that both directions are in all chains.
    for chain in ["FWD", "IN", "OUT"] {
        for ways in ["src,dst,dst", "dst,src,src"] {
            rules.push(format!("{chain} -m set --match-set mwlive-pair{d} {ways} -g MINEWATCH-LIVE-CUT"));
        }
    }
    for (chain, way, to) in [("FWD", "src", "FROM"), ("FWD", "dst", "TO"), ("IN", "src", "FROM")] {
        rules.push(format!("{chain} -m set --match-set mwlive-host{d} {way} -j MINEWATCH-LIVE-{to}"));
    }
    rules
}

/// What is there of ours.
pub(super) struct Now {
    /// Rules of our chains, as printed, without counters.
    pub(super) ours: Vec<String>,
    /// Packets that our rules rejected.
    pub(super) hits: Hits,
    /// What hosts keep.
    pub(super) kept: Keep,
    /// Our chains that are there.
    chains: Vec<&'static str>,
    /// Each hook that is there: how many jumps to us, and whether the first rule is one.
    hooks: Vec<(&'static str, &'static str, usize, bool)>,
    rules: usize,
}

/// Asks the kernel.
pub(super) fn read(f: &Family) -> Result<Now, EnforceError> {
    let saved = f.save.must("list its rules", SAVE, "")?;
    Ok(parse(&String::from_utf8_lossy(&saved), rules(f).len()))
}

/// Reads what `iptables-save -c` prints: `:CHAIN POLICY [0:0]`, then `[packets:bytes] -A CHAIN …`.
fn parse(saved: &str, rules: usize) -> Now {
    let declared: Vec<&str> = saved.lines().filter_map(|l| l.strip_prefix(':')?.split(' ').next()).collect();
    // A table that was never touched has its chains all the same.
    let is_there = |chain: &str| chain != "DOCKER-USER" || declared.contains(&chain);
    let mut now = Now {
        ours: Vec::new(),
        hits: Hits::default(),
        kept: Keep::new(),
        chains: CHAINS.iter().copied().filter(|c| declared.contains(c)).collect(),
        hooks: HOOKS.iter().filter(|(h, _)| is_there(h)).map(|(h, c)| (*h, *c, 0, false)).collect(),
        rules,
    };
    let mut seen: Vec<&str> = Vec::new();
    for line in saved.lines() {
        let Some((counters, rule)) = line.strip_prefix('[').and_then(|l| l.split_once("] ")) else { continue };
        let Some((chain, what)) = rule.strip_prefix("-A ").and_then(|r| r.split_once(' ')) else { continue };
        if let Some((_, ours, jumps, first)) = now.hooks.iter_mut().find(|(h, ..)| *h == chain) {
            if what.strip_prefix("-j ") == Some(*ours) {
                *jumps += 1;
                *first |= !seen.contains(&chain);
            }
            seen.push(chain);
        }
        if CHAINS.contains(&chain) {
            let packets: u64 = counters.split(':').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            if what.contains("-j REJECT") {
                let isolated = chain == "MINEWATCH-LIVE-ISO";
                *(if isolated { &mut now.hits.isolated } else { &mut now.hits.blocked }) += packets;
            }
            now.kept.extend(kept(chain, what));
            now.ours.push(rule.to_owned());
        }
    }
    now
}

/// `-s HOST -d PREFIX -j RETURN` in the chain for what hosts send.
fn kept(chain: &str, what: &str) -> Option<(IpAddr, Prefix)> {
    let (host, rest) = what.strip_prefix("-s ").filter(|_| chain == "MINEWATCH-LIVE-FROM")?.split_once(" -d ")?;
    let host: Prefix = host.parse().ok()?;
    Some((host.addr(), rest.strip_suffix(" -j RETURN")?.parse().ok()?))
}

impl Now {
    /// Whether every hook has one jump to us, at its top.
    pub(super) fn is_hooked(&self) -> bool {
        self.hooks.iter().all(|(_, _, jumps, first)| *jumps == 1 && *first)
    }

    /// Whether all chains and as many rules as there should be are there.
    pub(super) fn is_complete(&self) -> bool {
        self.chains.len() == CHAINS.len() && self.ours.len() == self.rules + 2 * self.kept.len()
    }

    /// Whether nothing of ours is there.
    pub(super) fn is_absent(&self) -> bool {
        self.chains.is_empty() && self.hooks.iter().all(|(_, _, jumps, _)| *jumps == 0)
    }
}

/// Refills our chains and puts one jump at the top of each hook, all or nothing.
pub(super) fn script(f: &Family, now: &Now, keep: &Keep) -> String {
    let mut s = "*filter\n".to_owned();
    for chain in CHAINS {
        let _ = writeln!(s, ":{chain} - [0:0]");
    }
    for (host, prefix) in keep {
        let _ = writeln!(s, "-A MINEWATCH-LIVE-FROM -s {host} -d {prefix} -j RETURN");
        let _ = writeln!(s, "-A MINEWATCH-LIVE-TO -s {prefix} -d {host} -j RETURN");
    }
    for rule in rules(f) {
        // Counters go on from where they were.
        let packets = match rule.split_once(" -j REJECT") {
            Some(("CUT", _)) => now.hits.blocked,
            Some(("ISO", _)) => now.hits.isolated,
            _ => 0,
        };
        let _ = writeln!(s, "[{packets}:0] -A MINEWATCH-LIVE-{rule}");
    }
    for (hook, chain, jumps, _) in &now.hooks {
        for _ in 0..*jumps {
            let _ = writeln!(s, "-D {hook} -j {chain}");
        }
        let _ = writeln!(s, "-I {hook} 1 -j {chain}");
    }
    s.push_str("COMMIT\n");
    s
}

/// Takes everything of ours away, all or nothing.
pub(super) fn removal(now: &Now) -> String {
    let mut s = "*filter\n".to_owned();
    for (hook, chain, jumps, _) in &now.hooks {
        for _ in 0..*jumps {
            let _ = writeln!(s, "-D {hook} -j {chain}");
        }
    }
    for verb in ["-F", "-X"] {
        for chain in &now.chains {
            let _ = writeln!(s, "{verb} {chain}");
        }
    }
    s.push_str("COMMIT\n");
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "# Generated by iptables-save\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n\
        :OUTPUT ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n:MINEWATCH-LIVE-FWD - [0:0]\n:MINEWATCH-LIVE-CUT - [0:0]\n\
        :MINEWATCH-LIVE-ISO - [0:0]\n[1:2] -A INPUT -j MINEWATCH-LIVE-IN\n[1:2] -A FORWARD -j DOCKER-USER\n\
        [1:2] -A FORWARD -j MINEWATCH-LIVE-FWD\n[9:9] -A MINEWATCH-LIVE-CUT -p tcp -j REJECT --reject-with tcp-reset\n\
        [2:9] -A MINEWATCH-LIVE-CUT -j REJECT --reject-with icmp-port-unreachable\n\
        [0:0] -A MINEWATCH-LIVE-FROM -s 10.0.0.5/32 -d 10.9.0.0/16 -j RETURN\n\
        [4:9] -A MINEWATCH-LIVE-ISO -j REJECT --reject-with icmp-port-unreachable\nCOMMIT\n";

    #[test]
    fn sees_jumps_where_they_are_and_counts_what_was_rejected() {
        let now = parse(SAVED, 36);
        assert_eq!(now.hits, Hits { blocked: 11, isolated: 4 });
        assert_eq!(
            now.hooks,
            [
                ("FORWARD", "MINEWATCH-LIVE-FWD", 1, false),
                ("INPUT", "MINEWATCH-LIVE-IN", 1, true),
                ("OUTPUT", "MINEWATCH-LIVE-OUT", 0, false),
                ("DOCKER-USER", "MINEWATCH-LIVE-FWD", 0, false)
            ]
        );
        assert_eq!(now.kept, [([10, 0, 0, 5].into(), "10.9.0.0/16".parse().unwrap())].into());
        assert!(!now.is_hooked() && !now.is_complete() && !now.is_absent());
        assert!(parse("", 36).is_absent());
        let alien = parse(":FORWARD ACCEPT [0:0]\n[0:0] -A FORWARD -j MINEWATCH\n:MINEWATCH - [0:0]\n", 36);
        assert!(alien.is_absent(), "the chains of block list files are not ours");
    }
}

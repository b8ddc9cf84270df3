//! What the kernel holds after a load, read back with the tools of each firewall.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use minewatch::firewall::{Decision, Proto, Target};

use super::Netns;

/// Target to seconds left, as a firewall tells it.
pub(crate) type Held = BTreeMap<Target, u64>;

pub(crate) fn wanted(d: &Decision) -> Held {
    d.list.entries().iter().map(|e| (e.target, e.ttl_secs)).collect()
}

fn proto(s: &str) -> Proto {
    if s == "tcp" { Proto::Tcp } else { Proto::Udp }
}

/// The life times that nft was told.
pub(crate) fn held_by_nft(ns: &Netns) -> Held {
    let mut held = Held::new();
    for set in ["ep4", "ep6", "pool4", "pool6"] {
        let json: serde_json::Value =
            serde_json::from_str(&ns.run(&format!("nft -j list set inet minewatch {set}"))).unwrap();
        let elements = json["nftables"][1]["set"]["elem"].as_array().cloned().unwrap_or_default();
        for e in elements.iter().map(|e| &e["elem"]) {
            let parts = e["val"]["concat"].as_array();
            let addr = parts.map_or(&e["val"], |p| &p[0]).as_str().unwrap().parse().unwrap();
            let service =
                parts.map(|p| (proto(p[1].as_str().unwrap()), u16::try_from(p[2].as_u64().unwrap()).unwrap()));
            held.insert(Target { addr, service, from: None }, e["timeout"].as_u64().unwrap());
        }
    }
    held
}

/// The life times that are left in ipset, which keeps no others.
pub(crate) fn held_by_ipset(ns: &Netns) -> Held {
    let save = ns.run("ipset save");
    save.lines()
        .filter_map(|l| l.strip_prefix("add minewatch"))
        .map(|l| {
            let words: Vec<&str> = l.split(' ').collect();
            let (addr, service) = match words[1].split_once(',') {
                None => (words[1], None),
                Some((a, s)) => {
                    let (p, port) = s.split_once(':').unwrap();
                    (a, Some((proto(p), port.parse().unwrap())))
                }
            };
            (Target { addr: addr.parse().unwrap(), service, from: None }, words[3].parse().unwrap())
        })
        .collect()
}

/// Rules of our chain, for both families, as iptables prints them.
pub(crate) fn held_by_iptables(ns: &Netns) -> BTreeSet<String> {
    let all = ns.run("iptables-save -t filter; ip6tables-save -t filter");
    all.lines().filter(|l| l.starts_with("-A MINEWATCH ")).map(str::to_owned).collect()
}

pub(crate) fn rules_in(file: &Path) -> BTreeSet<String> {
    let v6 = PathBuf::from(format!("{}.v6", file.display()));
    let text = fs::read_to_string(file).unwrap() + &fs::read_to_string(v6).unwrap();
    text.lines().filter(|l| l.starts_with("-A ")).map(str::to_owned).collect()
}

/// Some seconds of the lives pass between load and read-back.
pub(crate) fn assert_held(held: &Held, wanted: &Held) {
    assert_eq!(held.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    for (target, left) in held {
        let given = wanted[target];
        assert!(*left <= given && left + 600 > given, "{target}: {left} s left of {given}");
    }
}

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
    for set in ["ep4", "ep6", "pool4", "pool6", "pair4", "pair6"] {
        let json: serde_json::Value =
            serde_json::from_str(&ns.run(&format!("nft -j list set inet minewatch {set}"))).unwrap();
        let elements = json["nftables"][1]["set"]["elem"].as_array().cloned().unwrap_or_default();
        for e in elements.iter().map(|e| &e["elem"]) {
            let whole = [e["val"].clone()];
            let mut parts = e["val"]["concat"].as_array().map_or(&whole[..], Vec::as_slice);
            let mut address = || {
                let first = parts[0].as_str().unwrap().parse().unwrap();
                parts = &parts[1..];
                first
            };
            let from = set.starts_with("pair").then(&mut address);
            let addr = address();
            let service = (!parts.is_empty())
                .then(|| (proto(parts[0].as_str().unwrap()), u16::try_from(parts[1].as_u64().unwrap()).unwrap()));
            held.insert(Target { addr, service, from }, e["timeout"].as_u64().unwrap());
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
            let service = |s: &str| {
                let (p, port) = s.split_once(':').unwrap();
                Some((proto(p), port.parse().unwrap()))
            };
            let ip = |a: &str| a.parse().unwrap();
            let target = match words[1].split(',').collect::<Vec<_>>()[..] {
                [a] => Target { addr: ip(a), service: None, from: None },
                [a, s] => Target { addr: ip(a), service: service(s), from: None },
                [host, s, a] => Target { addr: ip(a), service: service(s), from: Some(ip(host)) },
                _ => panic!("{l}"),
            };
            (target, words[3].parse().unwrap())
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

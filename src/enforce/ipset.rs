//! ipset with iptables and ip6tables, where nftables is not to be had or not wanted.
//!
//! `ipset restore` is no transaction: it stops at the first bad line and keeps what it has done. So new sets are filled
//! beside the live ones and swapped in. Chains and jumps are one transaction for each family (`iptables-restore
//! --noflush`), and are only touched when they are not as they should be. What isolated hosts keep are rules: few kernels
//! have the set type for pairs of a host and a network.

mod read;
mod rules;

use std::fmt::Write as _;

use rustix::thread::CapabilitySet;

use super::backend::{Backend, lacks};
use super::held::{Held, Rules};
use super::problem::EnforceError;
use super::program::IPSET;
use super::wanted::{LONGEST_SECS, Wanted};
use crate::firewall::Target;

/// Names leave room for `-new` within ipset's 31 characters, and are not those of block list files. Parameters are
/// constants: a set that is there with other ones could not be swapped.
const SETS: &[(&str, &str)] = &[
    ("mwlive-ep4", "hash:ip,port family inet"),
    ("mwlive-ep6", "hash:ip,port family inet6"),
    ("mwlive-addr4", "hash:ip family inet"),
    ("mwlive-addr6", "hash:ip family inet6"),
    ("mwlive-pair4", "hash:ip,port,ip family inet"),
    ("mwlive-pair6", "hash:ip,port,ip family inet6"),
    ("mwlive-host4", "hash:ip family inet"),
    ("mwlive-host6", "hash:ip family inet6"),
];

/// ipset, through the programs `ipset`, `iptables-restore` and their IPv6 sisters.
#[derive(Default)]
pub struct Ipset {
    /// Our chains as the programs told them right after they were put there, for both families.
    ours: Option<[Vec<String>; 2]>,
}

impl Backend for Ipset {
    fn name(&self) -> &'static str {
        "ipset"
    }

    fn check(&self) -> Vec<EnforceError> {
        // The `set` match asks the kernel for its version over a raw socket, as old iptables does for everything.
        let rights = lacks(&[(CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"), (CapabilitySet::NET_RAW, "CAP_NET_RAW")]);
        let mut programs = vec![IPSET.must("list its sets", &["list", "-n"], "").err()];
        programs.extend(rules::FAMILIES.map(|f| f.save.must("list its rules", rules::SAVE, "").err()));
        programs.extend(rules::FAMILIES.map(|f| {
            f.restore.path().is_none().then(|| EnforceError::NoProgram {
                program: f.restore.name.to_owned(),
                package: f.restore.package.to_owned(),
            })
        }));
        let programs = programs.into_iter().flatten();
        let mut missing: Vec<_> =
            programs.filter(|e| rights.is_none() || matches!(e, EnforceError::NoProgram { .. })).collect();
        missing.extend(rights);
        missing
    }

    fn apply(&mut self, wanted: &Wanted) -> Result<(), EnforceError> {
        let wanted = wanted.in_order();
        IPSET.must("load the entries", &["restore"], &script(&wanted))?;
        let ours = self.ours.take();
        let mut put = [const { Vec::new() }; 2];
        for (i, (family, put)) in rules::FAMILIES.iter().zip(&mut put).enumerate() {
            let keep = family.keep(&wanted);
            let now = rules::read(family)?;
            let known = ours.as_ref().and_then(|o| o.get(i));
            *put = if now.is_hooked() && known == Some(&now.ours) && now.kept == keep {
                now.ours
            } else {
                let script = rules::script(family, &now, &keep);
                family.restore.must("put its rules in place", rules::RESTORE, &script)?;
                rules::read(family)?.ours
            };
        }
        self.ours = Some(put);
        Ok(())
    }

    fn read_back(&mut self) -> Result<Held, EnforceError> {
        let mut held = Held::default();
        let sets = existing()?;
        for (set, _) in SETS.iter().filter(|(set, _)| sets.iter().any(|s| s == set)) {
            let saved = IPSET.must("list a set", &["save", set], "")?;
            read::elements(set, &String::from_utf8_lossy(&saved), &mut held)?;
        }
        let (mut absent, mut intact) = (sets.is_empty(), sets.len() == SETS.len());
        for (i, family) in rules::FAMILIES.iter().enumerate() {
            let now = rules::read(family)?;
            let known = self.ours.as_ref().and_then(|o| o.get(i));
            absent &= now.is_absent();
            intact &= now.is_hooked() && known.map_or_else(|| now.is_complete(), |known| *known == now.ours);
            // Of a host whose isolation is over they have no effect.
            held.kept.extend(now.kept.iter().filter(|(host, _)| held.isolated.contains_key(host)));
            held.hits.blocked += now.hits.blocked;
            held.hits.isolated += now.hits.isolated;
        }
        held.rules = match (intact, absent) {
            (true, _) => Rules::Intact,
            (_, true) => Rules::Absent,
            _ => Rules::Changed,
        };
        Ok(held)
    }

    fn remove(&mut self) -> Result<bool, EnforceError> {
        self.ours = None;
        let mut had = false;
        for family in &rules::FAMILIES {
            let now = rules::read(family)?;
            if !now.is_absent() {
                had = true;
                family.restore.must("remove its rules", rules::RESTORE, &rules::removal(&now))?;
            }
        }
        for set in existing()? {
            had = true;
            IPSET.must("remove a set", &["destroy", &set], "")?;
        }
        Ok(had)
    }
}

/// Those of our sets that are there, half-made ones included.
fn existing() -> Result<Vec<String>, EnforceError> {
    let all = IPSET.must("list its sets", &["list", "-n"], "")?;
    let ours = |name: &str| SETS.iter().any(|(set, _)| *set == name.strip_suffix("-new").unwrap_or(name));
    Ok(String::from_utf8_lossy(&all).lines().map(str::trim).filter(|l| ours(l)).map(str::to_owned).collect())
}

/// All sets, filled anew and swapped in.
fn script(wanted: &Wanted) -> String {
    let mut s = String::new();
    for suffix in ["", "-new"] {
        for (set, kind) in SETS {
            let _ = writeln!(s, "create {set}{suffix} {kind} hashsize 1024 maxelem 131072 timeout 0 -exist");
        }
    }
    // What a run that was cut short left behind.
    for (set, _) in SETS {
        let _ = writeln!(s, "flush {set}-new");
    }
    for b in &wanted.block {
        let (set, ttl) = (set_of(b.target), b.ttl_secs.min(LONGEST_SECS));
        let _ = match (b.target.service, b.target.from) {
            (Some((proto, port)), Some(from)) => {
                writeln!(s, "add {set}-new {from},{proto}:{port},{} timeout {ttl}", b.target.addr)
            }
            (Some((proto, port)), None) => {
                writeln!(s, "add {set}-new {},{proto}:{port} timeout {ttl}", b.target.addr)
            }
            (None, _) => writeln!(s, "add {set}-new {} timeout {ttl}", b.target.addr),
        };
    }
    for i in &wanted.isolate {
        let (digit, ttl) = (if i.host.is_ipv4() { 4 } else { 6 }, i.ttl_secs.min(LONGEST_SECS));
        let _ = writeln!(s, "add mwlive-host{digit}-new {} timeout {ttl}", i.host);
    }
    for (set, _) in SETS {
        let _ = writeln!(s, "swap {set}-new {set}");
    }
    for (set, _) in SETS {
        let _ = writeln!(s, "destroy {set}-new");
    }
    s
}

const fn set_of(t: Target) -> &'static str {
    match (t.addr.is_ipv4(), t.service.is_some(), t.from.is_some()) {
        (true, _, true) => "mwlive-pair4",
        (false, _, true) => "mwlive-pair6",
        (true, true, _) => "mwlive-ep4",
        (false, true, _) => "mwlive-ep6",
        (true, false, _) => "mwlive-addr4",
        (false, false, _) => "mwlive-addr6",
    }
}

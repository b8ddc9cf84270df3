//! Reads block lists back, line by line: a line that is not understood is an error, so nothing can hide in a list.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|l| !l.starts_with('#') && !l.is_empty())
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is no address"))
}

fn socket(ip: &str, port: &str) -> Result<String, String> {
    let port = port.parse::<u16>().map_err(|_| format!("{port:?} is no port"))?;
    Ok(SocketAddr::new(address(ip)?, port).to_string())
}

/// Entries of an nftables list.
pub(crate) fn nft(text: &str) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    let mut inside = false;
    for line in lines(text) {
        if inside {
            if line == "}" {
                inside = false;
                continue;
            }
            let words: Vec<&str> = line.trim().trim_end_matches(',').split(' ').collect();
            match words.as_slice() {
                [ip, ".", "tcp", ".", port, "timeout", life] if lives(life) => found.insert(socket(ip, port)?),
                _ => return Err(format!("not understood: {line:?}")),
            };
        } else if line.starts_with("add element inet minewatch ") && line.ends_with(" {") {
            inside = true;
        } else {
            let known = ["add table inet minewatch", "add set inet minewatch ", "flush set inet minewatch "];
            let chains =
                ["add chain inet minewatch mw_", "flush chain inet minewatch mw_", "add rule inet minewatch mw_"];
            if !known.iter().chain(&chains).any(|k| line.starts_with(k)) {
                return Err(format!("not understood: {line:?}"));
            }
        }
    }
    if inside { Err("the list ends inside an element".to_owned()) } else { Ok(found) }
}

/// `86400s`, finite and not over.
fn lives(text: &str) -> bool {
    text.strip_suffix('s').and_then(|t| t.parse::<u64>().ok()).is_some_and(|t| t > 0)
}

/// Entries of an ipset list.
pub(crate) fn ipset(text: &str) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    for line in lines(text) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["add", _, entry, "timeout", life] if life.parse::<u32>().is_ok_and(|t| t > 0) => {
                let (ip, service) = entry.split_once(',').ok_or_else(|| format!("not understood: {line:?}"))?;
                let port = service.strip_prefix("tcp:").ok_or_else(|| format!("not understood: {line:?}"))?;
                found.insert(socket(ip, port)?);
            }
            ["create" | "flush" | "swap" | "destroy", name, ..] if name.starts_with("minewatch") => {}
            _ => return Err(format!("not understood: {line:?}")),
        }
    }
    Ok(found)
}

/// Entries of an iptables list and of its IPv6 half.
pub(crate) fn iptables(v4: &str, v6: &str) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    for (text, is_v4, whole) in [(v4, true, "/32"), (v6, false, "/128")] {
        for line in lines(text) {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["-A", "MINEWATCH", "-d", ip, "-p", "tcp", "-m", "tcp", "--dport", port, "-j", "REJECT", ..] => {
                    let ip = ip.strip_suffix(whole).ok_or_else(|| format!("not one address: {line:?}"))?;
                    if address(ip)?.is_ipv4() != is_v4 {
                        return Err(format!("in the wrong file: {line:?}"));
                    }
                    found.insert(socket(ip, port)?);
                }
                ["*filter" | "COMMIT"] | [":MINEWATCH", "-", "[0:0]"] => {}
                _ => return Err(format!("not understood: {line:?}")),
            }
        }
    }
    Ok(found)
}

/// Addresses of a plain list; ports are lost in it.
pub(crate) fn plain(text: &str) -> Result<BTreeSet<IpAddr>, String> {
    lines(text).map(address).collect()
}

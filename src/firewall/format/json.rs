//! JSON for programs of one's own: everything that is known of a list.

use serde::Serialize;

use super::{Format, Meta, RenderOptions, Rendered, Says};
use crate::evidence::Verdict;
use crate::firewall::candidate::Who;
use crate::firewall::list::BlockList;
use crate::time::PacketTime;

/// One object.
pub(super) struct Json;

#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<std::net::IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<std::net::IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    ttl: u64,
    expires: PacketTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    last_seen: PacketTime,
    miners: Vec<std::net::IpAddr>,
}

impl Format for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn extension(&self) -> &'static str {
        "json"
    }

    fn says(&self) -> Says {
        Says::ALL
    }

    fn counts_down(&self) -> bool {
        true
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let entries = list.entries().iter().map(|e| Row {
            address: Some(e.target.addr),
            protocol: e.target.service.map(|(proto, _)| proto.name()),
            port: e.target.service.map(|(_, port)| port),
            from: e.target.from,
            name: None,
            ttl: e.ttl_secs,
            expires: e.expires,
            verdict: e.verdict,
            last_seen: e.last_seen,
            miners: miners(&e.miners),
        });
        let names = list.names().iter().map(|n| Row {
            address: None,
            protocol: None,
            port: None,
            from: None,
            name: Some(n.name.as_str()),
            ttl: n.ttl_secs,
            expires: n.expires,
            verdict: n.verdict,
            last_seen: n.last_seen,
            miners: miners(&n.miners),
        });
        let head = format!(
            "{{\"generator\":\"minewatch {}\",\"captured_until\":\"{}\",\"refused\":{},\"never_block_refused\":{},\
             \"list_full\":{},\"entries\":[",
            env!("CARGO_PKG_VERSION"),
            meta.captured_until,
            meta.refused,
            meta.never_block_refused,
            meta.capped
        );
        Rendered::one(lines(&head, entries.chain(names), "]}"))
    }
}

/// Addresses of miners, each once.
pub(super) fn miners(all: &[Who]) -> Vec<std::net::IpAddr> {
    let mut ips: Vec<_> = all.iter().map(|w| w.miner).collect();
    ips.sort_unstable();
    ips.dedup();
    ips
}

/// Values of a list, one a line, between `head` and `foot`.
pub(super) fn lines<T: Serialize>(head: &str, values: impl Iterator<Item = T>, foot: &str) -> Vec<u8> {
    let mut out = head.as_bytes().to_vec();
    let mut separator = "\n";
    for value in values {
        // Typed values of a list are always JSON.
        if let Ok(json) = serde_json::to_vec(&value) {
            out.extend_from_slice(separator.as_bytes());
            out.extend(json);
            separator = ",\n";
        }
    }
    if separator != "\n" {
        out.push(b'\n');
    }
    out.extend_from_slice(foot.as_bytes());
    out.push(b'\n');
    out
}

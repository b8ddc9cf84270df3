//! STIX 2.1: a bundle of indicators (OASIS standard of 2021-06-10).
//!
//! Numbers are made from what an indicator says, so that a newer bundle renews it. Its validity ends later than it
//! begins, always: some readers break on a span of nothing.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::{Format, Meta, RenderOptions, Rendered, Says, millis, uuid};
use crate::firewall::candidate::Target;
use crate::firewall::list::BlockList;
use crate::time::PacketTime;

/// A bundle.
pub(super) struct Stix;

/// When the identity was made up.
const MADE: &str = "2026-11-01T00:00:00.000Z";

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Object {
    Identity {
        name: &'static str,
        spec_version: &'static str,
        id: String,
        created: &'static str,
        modified: &'static str,
        identity_class: &'static str,
    },
    Indicator {
        spec_version: &'static str,
        id: String,
        created_by_ref: String,
        created: String,
        modified: String,
        name: String,
        indicator_types: [&'static str; 1],
        pattern: String,
        pattern_type: &'static str,
        valid_from: String,
        valid_until: String,
        confidence: u8,
    },
}

impl Format for Stix {
    fn id(&self) -> &'static str {
        "stix"
    }

    fn extension(&self) -> &'static str {
        "stix.json"
    }

    fn says(&self) -> Says {
        Says::ENDPOINTS_AND_NAMES
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let author = format!("identity--{}", uuid::v5("identity"));
        let identity = Object::Identity {
            name: "minewatch",
            spec_version: "2.1",
            id: author.clone(),
            created: MADE,
            modified: MADE,
            identity_class: "system",
        };
        let now = meta.captured_until;
        let indicator = |pattern: String, what: String, last_seen: PacketTime, ttl: u64| Object::Indicator {
            spec_version: "2.1",
            id: format!("indicator--{}", uuid::v5(&pattern)),
            created_by_ref: author.clone(),
            created: millis(now),
            modified: millis(now),
            name: format!("Mining pool {what}"),
            indicator_types: ["malicious-activity"],
            pattern,
            pattern_type: "stix",
            valid_from: millis(last_seen.min(now)),
            valid_until: millis(now.plus(Duration::from_secs(ttl))),
            confidence: 90,
        };
        let entries =
            list.entries().iter().map(|e| indicator(endpoint(e.target), e.target.to_string(), e.last_seen, e.ttl_secs));
        let names = list.names().iter().map(|n| {
            indicator(format!("[domain-name:value = '{}']", n.name), n.name.to_string(), n.last_seen, n.ttl_secs)
        });
        let objects: Vec<Object> = std::iter::once(identity).chain(entries).chain(names).collect();
        let all: Vec<String> = objects.iter().filter_map(|o| serde_json::to_string(o).ok()).collect();
        let foot = format!("],\"id\":\"bundle--{}\"}}", uuid::v5(&all.concat()));
        Rendered::one(super::json::lines("{\"type\":\"bundle\",\"objects\":[", objects.iter(), &foot))
    }
}

/// STIX 2.1 part 9: a traffic object with the address as what it goes to.
fn endpoint(t: Target) -> String {
    let kind = match t.addr {
        IpAddr::V4(_) => "ipv4-addr",
        IpAddr::V6(_) => "ipv6-addr",
    };
    match t.service {
        None => format!("[{kind}:value = '{}']", t.addr),
        Some((proto, port)) => format!(
            "[network-traffic:dst_ref.type = '{kind}' AND network-traffic:dst_ref.value = '{}' AND \
             network-traffic:dst_port = {port} AND network-traffic:protocols[*] = '{proto}']",
            t.addr
        ),
    }
}

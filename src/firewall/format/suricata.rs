//! Suricata rules: established traffic to an endpoint, and look-ups and TLS for a name and all below it.
//!
//! `flow:established` keeps a single forged packet from an alert (tried). Rules drop where Suricata stands in line, and
//! alert where it only listens. No rule, no line: an empty file is one without rules.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::{Format, Header, Meta, RenderOptions, Rendered, Says, families, use_newer_by};
use crate::firewall::list::BlockList;

/// A rule file.
pub(super) struct Suricata;

/// The first of the rule numbers, from the range that is left for local rules (1,000,000 to 1,999,999). Names have two
/// rules each, so 300,000 are the most that a list can need.
const FIRST_SID: usize = 1_660_000;

impl Format for Suricata {
    fn id(&self) -> &'static str {
        "suricata"
    }

    fn extension(&self) -> &'static str {
        "rules"
    }

    fn says(&self) -> Says {
        Says::ALL
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let (mut body, mut sid) = (String::new(), FIRST_SID..);
        let mut tail = || format!("sid:{}; rev:1;)", sid.next().unwrap_or_default());
        for e in list.entries() {
            let written = |addr| match addr {
                IpAddr::V4(a) => a.to_string(),
                IpAddr::V6(a) => format!("[{a}]"),
            };
            let addr = written(e.target.addr);
            let from = e.target.from.map_or("$HOME_NET".to_owned(), written);
            let (proto, port, flow) = match e.target.service {
                Some((proto, port)) => (proto.name(), port.to_string(), "flow:established,to_server; "),
                // ICMP and the like have no established flows.
                None => ("ip", "any".to_owned(), "flow:to_server; "),
            };
            let _ = writeln!(
                body,
                "drop {proto} {from} any -> {addr} {port} (msg:\"minewatch mining pool\"; {flow}{}",
                tail()
            );
        }
        for n in list.names() {
            for (head, field) in [
                ("drop dns $HOME_NET any -> any any (msg:\"minewatch mining pool look-up\"; ", "dns.query"),
                (
                    "drop tls $HOME_NET any -> any any (msg:\"minewatch mining pool in TLS\"; flow:established,to_server; ",
                    "tls.sni",
                ),
            ] {
                let _ =
                    writeln!(body, "{head}{field}; dotprefix; content:\".{}\"; nocase; endswith; {}", n.name, tail());
            }
        }
        let lives = list.entries().iter().map(|e| e.ttl_secs).chain(list.names().iter().map(|n| n.ttl_secs));
        let expiry = use_newer_by(lives, meta);
        let mut notes = vec!["load: rule-files: [FILE] in suricata.yaml, then suricatasc -c reload-rules"];
        notes.extend(expiry.as_deref());
        let entries = Some(families(list.entries().iter()));
        let names = Some(list.names().len());
        Rendered::one(Header { title: "Suricata rules", sign: '#', entries, names, meta, notes: &notes }.above(&body))
    }
}

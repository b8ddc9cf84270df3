//! Cisco IOS: two named access lists, each replaced as a whole, each ending in an explicit permit.

use std::fmt::Write as _;

use super::{Format, Header, Meta, RenderOptions, Rendered, Says, families, use_newer_by};
use crate::firewall::list::{BlockList, Entry};

/// Lines for `configure terminal` or `copy FILE running-config`.
pub(super) struct Cisco;

impl Format for Cisco {
    fn id(&self) -> &'static str {
        "cisco"
    }

    fn extension(&self) -> &'static str {
        "cisco"
    }

    fn says(&self) -> Says {
        Says::PAIRS
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let mut body = String::new();
        acl(&mut body, "ip access-list extended MINEWATCH", "ip", list.v4());
        acl(&mut body, "ipv6 access-list MINEWATCH6", "ipv6", list.v6());
        let expiry = use_newer_by(list.entries().iter().map(|e| e.ttl_secs), meta);
        let mut notes = vec![
            "load: copy FILE running-config",
            "hook, once, on the interface inside: ip access-group MINEWATCH in, ipv6 traffic-filter MINEWATCH6 in",
        ];
        notes.extend(expiry.as_deref());
        let entries = Some(families(list.entries().iter()));
        let header = Header { title: "Cisco IOS", sign: '!', entries, names: None, meta, notes: &notes };
        Rendered::one(header.above(&body))
    }
}

fn acl(body: &mut String, name: &str, any: &str, entries: &[Entry]) {
    let _ = writeln!(body, "no {name}\n{name}");
    for e in entries {
        let addr = e.target.addr;
        let from = e.target.from.map_or("any".to_owned(), |from| format!("host {from}"));
        let _ = match e.target.service {
            Some((proto, port)) => writeln!(body, " deny {proto} {from} host {addr} eq {port}"),
            None => writeln!(body, " deny {any} {from} host {addr}"),
        };
    }
    let _ = writeln!(body, " permit {any} any any\nexit");
}

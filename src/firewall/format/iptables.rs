//! iptables and ip6tables: one file each that refills the chain `MINEWATCH` and touches nothing else.
//!
//! The file holds no jump into the chain: with `--noflush` each load would add one more. The jump is set once, by hand
//! or by the loader script.

use std::fmt::Write as _;
use std::time::Duration;

use crate::firewall::candidate::Proto;
use crate::firewall::format::{Format, Meta, OutFile, RenderOptions, Rendered, Says, Warning, with_header};
use crate::firewall::list::{BlockList, Entry};

/// iptables, for `iptables-restore --noflush` and its IPv6 sister.
pub(super) struct Iptables;

/// From here on a gateway notices the walk through the chain.
const MANY_RULES: usize = 1_000;

impl Format for Iptables {
    fn id(&self) -> &'static str {
        "iptables"
    }

    fn extension(&self) -> &'static str {
        "iptables"
    }

    fn says(&self) -> Says {
        Says::PAIRS
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let many = Some(list.v4().len().max(list.v6().len())).filter(|n| *n > MANY_RULES);
        let v4 = file("iptables", "/32", "icmp-port-unreachable", list.v4(), meta);
        let v6 = file("ip6tables", "/128", "icmp6-port-unreachable", list.v6(), meta);
        Rendered {
            files: vec![OutFile { suffix: "", bytes: v4 }, OutFile { suffix: ".v6", bytes: v6 }],
            warnings: many.map(|rules| Warning::ManyRules { rules }).into_iter().collect(),
        }
    }
}

fn file(tool: &str, host: &str, unreachable: &str, entries: &[Entry], meta: &Meta) -> Vec<u8> {
    let mut body = "*filter\n:MINEWATCH - [0:0]\n".to_owned();
    for e in entries {
        let from = e.target.from.map_or(String::new(), |from| format!("-s {from}{host} "));
        let to = format!("-A MINEWATCH {from}-d {}{host}", e.target.addr);
        let _ = match e.target.service {
            Some((Proto::Tcp, port)) => {
                writeln!(body, "{to} -p tcp -m tcp --dport {port} -j REJECT --reject-with tcp-reset")
            }
            Some((Proto::Udp, port)) => {
                writeln!(body, "{to} -p udp -m udp --dport {port} -j REJECT --reject-with {unreachable}")
            }
            None => writeln!(
                body,
                "{to} -p tcp -j REJECT --reject-with tcp-reset\n{to} -j REJECT --reject-with {unreachable}"
            ),
        };
    }
    body.push_str("COMMIT\n");

    let load = format!("load: {tool}-restore --noflush FILE");
    let hook = format!(
        "hook, once: for c in FORWARD OUTPUT; do {tool} -C $c -j MINEWATCH || {tool} -I $c 1 -j MINEWATCH; done"
    );
    let first = entries.iter().map(|e| e.ttl_secs).min();
    let expiry = match first {
        Some(secs) => {
            let until = meta.captured_until.plus(Duration::from_secs(secs));
            format!("{tool} knows no expiry: load a newer list, or an empty one, by {until}")
        }
        None => "blocks nothing".to_owned(),
    };
    let notes = [load.as_str(), hook.as_str(), "load and hook: load-blocklist.sh iptables FILE FILE.v6", &expiry];
    with_header(tool, entries.iter(), meta, &notes, &body)
}

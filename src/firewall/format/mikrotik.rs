//! `MikroTik` `RouterOS`: a script that refills two address lists, whose entries expire by themselves.
//!
//! An entry that is there already, or of the other family, would end the import: each is guarded. Entries with a life
//! time are dynamic, and are not written to the flash.

use std::fmt::Write as _;

use super::{
    Format, Meta, OutFile, RenderOptions, Rendered, Says, Warning, addresses, capped_ttl, use_newer_by, with_header,
};
use crate::firewall::list::BlockList;

/// A script for `/import`.
pub(super) struct Mikrotik;

/// 35w3d13h13m56s, the longest that `RouterOS` takes, in seconds.
const LONGEST: u64 = 21_474_836;
/// From here on small routers stall while they import.
const USUAL: usize = 10_000;

impl Format for Mikrotik {
    fn id(&self) -> &'static str {
        "mikrotik"
    }

    fn extension(&self) -> &'static str {
        "rsc"
    }

    fn says(&self) -> Says {
        Says::ADDRESSES
    }

    fn counts_down(&self) -> bool {
        true
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let entries = addresses(list);
        let (mut body, mut shortened) = (String::new(), 0);
        for (menu, name, v4) in [("ip", "minewatch", true), ("ipv6", "minewatch6", false)] {
            let _ = writeln!(
                body,
                "/{menu} firewall address-list\n:do {{ remove [find where list={name}] }} on-error={{}}"
            );
            for e in entries.iter().filter(|e| e.target.addr.is_ipv4() == v4) {
                let (ttl, len) = (capped_ttl(e, LONGEST, &mut shortened), if v4 { "" } else { "/128" });
                let _ = writeln!(
                    body,
                    ":do {{ add list={name} address={}{len} timeout={ttl}s comment=minewatch }} on-error={{}}",
                    e.target.addr
                );
            }
        }
        let expiry = use_newer_by(entries.iter().map(|e| e.ttl_secs), meta).is_some();
        let mut notes = vec![
            "load: /import file-name=FILE",
            "lists alone reject nothing: /ip firewall filter add chain=forward dst-address-list=minewatch action=reject",
            "                            /ipv6 firewall filter add chain=forward dst-address-list=minewatch6 action=reject",
        ];
        if expiry {
            notes.push("entries expire by themselves");
        }
        let bytes = with_header("MikroTik RouterOS", entries.iter().copied(), meta, &notes, &body);
        let mut warnings = Vec::new();
        if shortened > 0 {
            warnings.push(Warning::TtlCapped { format: "mikrotik", longest: LONGEST, entries: shortened });
        }
        if entries.len() > USUAL {
            warnings.push(Warning::ManyLines { format: "mikrotik", lines: entries.len(), usual: USUAL });
        }
        Rendered { files: vec![OutFile { suffix: "", bytes }], warnings }
    }
}

//! Zeek's intelligence framework: names, and whole addresses where the list has such.
//!
//! Columns are parted by tabs. Zeek skips what begins with `#` up to the line of fields. Endpoints cannot be said: a list
//! of those holds its names only.

use std::fmt::Write as _;

use super::{Format, Header, Meta, RenderOptions, Rendered, Says, families, use_newer_by};
use crate::firewall::list::{BlockList, known_as};

/// A file for `Intel::read_files`.
pub(super) struct Zeek;

impl Format for Zeek {
    fn id(&self) -> &'static str {
        "zeek"
    }

    fn extension(&self) -> &'static str {
        "intel"
    }

    fn says(&self) -> Says {
        Says::ADDRESSES_AND_NAMES
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let whole = || list.entries().iter().filter(|e| e.target.service.is_none());
        let mut body = String::new();
        for e in whole() {
            let _ = writeln!(body, "{}\tIntel::ADDR\tminewatch\t{}", e.target.addr, known_as(e.verdict));
        }
        for n in list.names() {
            let _ = writeln!(body, "{}\tIntel::DOMAIN\tminewatch\t{}", n.name, known_as(n.verdict));
        }
        let lives = whole().map(|e| e.ttl_secs).chain(list.names().iter().map(|n| n.ttl_secs));
        let expiry = use_newer_by(lives, meta);
        let mut notes = vec!["load: redef Intel::read_files += { \"FILE\" }"];
        notes.extend(expiry.as_deref());
        let (entries, names) = (Some(families(whole())), Some(list.names().len()));
        let header = Header { title: "Zeek", sign: '#', entries, names, meta, notes: &notes };
        let mut bytes = header.above(&body);
        // Behind the comments, of which it is none, and not a part of the body for the same reason.
        let below = bytes.len().saturating_sub(body.len());
        bytes.splice(below..below, *b"#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\n");
        Rendered::one(bytes)
    }
}

//! One address a line, for every firewall and feed reader that takes no more.
//!
//! Readers of such lists resolve a bare word as a host name, so a line is an address or a comment.

use std::fmt::Write as _;

use crate::firewall::format::{Format, Meta, OutFile, RenderOptions, Rendered, Says, use_newer_by, with_header};
use crate::firewall::list::BlockList;

/// Addresses only.
pub(super) struct Plain;

impl Format for Plain {
    fn id(&self) -> &'static str {
        "plain"
    }

    fn extension(&self) -> &'static str {
        "txt"
    }

    /// Endpoints by their whole addresses, as the header says.
    fn says(&self) -> Says {
        Says::ENDPOINTS
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let mut addresses: Vec<_> = list.entries().iter().collect();
        addresses.dedup_by_key(|e| e.target.addr);
        let mut body = String::new();
        for e in &addresses {
            let _ = writeln!(body, "{}", e.target.addr);
        }
        let expiry = use_newer_by(list.entries().iter().map(|e| e.ttl_secs), meta);
        let mut notes = Vec::new();
        if list.entries().iter().any(|e| e.target.service.is_some()) {
            notes.push("ports are lost in this format: whatever else runs at these addresses is blocked with them");
        }
        notes.push("load: one address a line, IPv4 first, for readers of such lists; a firewall has a format of its own, such as pf or ipset");
        notes.extend(expiry.as_deref());
        let bytes = with_header("addresses", addresses.iter().copied(), meta, &notes, &body);
        Rendered { files: vec![OutFile { suffix: "", bytes }], warnings: Vec::new() }
    }
}

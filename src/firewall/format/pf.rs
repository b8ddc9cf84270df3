//! pf: a table file for FreeBSD, OpenBSD, and the URL tables of `OPNsense` and pfSense.
//!
//! A bare word would be resolved as a host name at every refresh, so a line is an address or a comment.

use std::fmt::Write as _;

use super::{Format, Meta, RenderOptions, Rendered, Says, addresses, use_newer_by, with_header};
use crate::firewall::list::BlockList;

/// A pf table.
pub(super) struct Pf;

impl Format for Pf {
    fn id(&self) -> &'static str {
        "pf"
    }

    fn extension(&self) -> &'static str {
        "pf"
    }

    fn says(&self) -> Says {
        Says::ADDRESSES
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let entries = addresses(list);
        let mut body = String::new();
        for e in &entries {
            let _ = writeln!(body, "{}", e.target.addr);
        }
        let expiry = use_newer_by(entries.iter().map(|e| e.ttl_secs), meta);
        let mut notes = vec![
            "pf.conf: table <minewatch> persist file \"FILE\" and block return quick to <minewatch>",
            "load: pfctl -t minewatch -T replace -f FILE; OPNsense and pfSense: an alias of type URL Table (IPs)",
        ];
        notes.extend(expiry.as_deref());
        Rendered::one(with_header("pf table", entries.iter().copied(), meta, &notes, &body))
    }
}

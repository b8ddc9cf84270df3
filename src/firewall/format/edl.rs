//! An external list of addresses for Palo Alto (EDL), Fortinet and others: one a line, and nothing else.
//!
//! Readers differ in what they take for a comment, so there is none.

use std::fmt::Write as _;

use super::{Format, Meta, RenderOptions, Rendered, Says, Warning, addresses};
use crate::firewall::list::BlockList;

/// An external dynamic list.
pub(super) struct Edl;

/// What the smaller models take (Palo Alto's capacity table); what is behind it is ignored there.
const USUAL: usize = 50_000;

impl Format for Edl {
    fn id(&self) -> &'static str {
        "edl"
    }

    fn extension(&self) -> &'static str {
        "edl"
    }

    fn says(&self) -> Says {
        Says::ADDRESSES
    }

    fn is_bare(&self) -> bool {
        true
    }

    fn print(&self, list: &BlockList, _meta: &Meta, _options: &RenderOptions) -> Rendered {
        let entries = addresses(list);
        let mut body = String::new();
        for e in &entries {
            let _ = writeln!(body, "{}", e.target.addr);
        }
        let mut rendered = Rendered::one(body.into_bytes());
        if entries.len() > USUAL {
            rendered.warnings.push(Warning::ManyLines { format: "edl", lines: entries.len(), usual: USUAL });
        }
        rendered
    }
}

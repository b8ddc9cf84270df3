//! One name a line, for every resolver, filter and firewall that subscribes to lists of domains.

use std::fmt::Write as _;

use super::{Format, Meta, RenderOptions, Rendered, Says, names_file};
use crate::firewall::list::BlockList;

/// Names only.
pub(super) struct Domains;

impl Format for Domains {
    fn id(&self) -> &'static str {
        "domains"
    }

    fn extension(&self) -> &'static str {
        "domains"
    }

    fn says(&self) -> Says {
        Says::NAMES
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let mut body = String::new();
        for n in list.names() {
            let _ = writeln!(body, "{}", n.name);
        }
        names_file("names", '#', list, meta, &["load: one name a line"], &body)
    }
}

//! unbound: NXDOMAIN for a name and all below it.

use std::fmt::Write as _;

use super::{Format, Meta, RenderOptions, Rendered, Says, names_file};
use crate::firewall::list::BlockList;

/// unbound, a file for `include`.
pub(super) struct Unbound;

impl Format for Unbound {
    fn id(&self) -> &'static str {
        "unbound"
    }

    fn extension(&self) -> &'static str {
        "unbound.conf"
    }

    fn says(&self) -> Says {
        Says::NAMES
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        // A clause without anything in it is fine.
        let mut body = "server:\n".to_owned();
        for n in list.names() {
            let _ = writeln!(body, "    local-zone: \"{}.\" always_nxdomain", n.name);
        }
        let notes = ["load: copy to /etc/unbound/unbound.conf.d/minewatch.conf, then unbound-control reload"];
        names_file("unbound", '#', list, meta, &notes, &body)
    }
}

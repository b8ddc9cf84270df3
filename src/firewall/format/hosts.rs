//! A hosts file: one name without what is below it, which no hosts file can say.

use std::fmt::Write as _;

use super::{Format, Meta, RenderOptions, Rendered, Says, names_file};
use crate::firewall::list::BlockList;

/// Lines for `/etc/hosts` and its kin.
pub(super) struct Hosts;

impl Format for Hosts {
    fn id(&self) -> &'static str {
        "hosts"
    }

    fn extension(&self) -> &'static str {
        "hosts"
    }

    fn says(&self) -> Says {
        Says::NAMES
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let mut body = String::new();
        for n in list.names() {
            let _ = writeln!(body, "0.0.0.0 {0}\n:: {0}", n.name);
        }
        let notes = [
            "these names only, nothing below them: a resolver can do more (dnsmasq, unbound, rpz)",
            "load: dnsmasq --addn-hosts=FILE, or append to /etc/hosts",
        ];
        names_file("hosts", '#', list, meta, &notes, &body)
    }
}

//! dnsmasq: NXDOMAIN for a name and all below it, for every type of record.
//!
//! `local=/name/` rather than `address=/name/0.0.0.0`, which leaves IPv6 look-ups to be forwarded. Matches on label
//! boundaries (dnsmasq 2.90, tried).

use std::fmt::Write as _;

use super::{Format, Meta, RenderOptions, Rendered, Says, names_file};
use crate::firewall::list::BlockList;

/// dnsmasq, a file for `conf-file` or `conf-dir`.
pub(super) struct Dnsmasq;

impl Format for Dnsmasq {
    fn id(&self) -> &'static str {
        "dnsmasq"
    }

    fn extension(&self) -> &'static str {
        "dnsmasq.conf"
    }

    fn says(&self) -> Says {
        Says::NAMES
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let mut body = String::new();
        for n in list.names() {
            let _ = writeln!(body, "local=/{}/", n.name);
        }
        let notes = ["load: copy to /etc/dnsmasq.d/minewatch.conf, then restart dnsmasq"];
        names_file("dnsmasq", '#', list, meta, &notes, &body)
    }
}

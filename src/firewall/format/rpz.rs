//! A response policy zone, for BIND, Knot, `PowerDNS`, unbound and others: NXDOMAIN for a name and all below it.
//!
//! Owners are relative to the zone: with a final dot they would lie outside of it, and be ignored without a word. The
//! serial is the packet time in seconds, so that it rises from list to list and is the same for the same capture.

use std::fmt::Write as _;

use super::{Format, Meta, RenderOptions, Rendered, Says, Warning, names_file};
use crate::firewall::list::BlockList;
use crate::time::PacketTime;

/// A zone file.
pub(super) struct Rpz;

/// Room for a zone's name and what stands in front of an owner (RFC 1035 §2.3.4: 253 characters in all).
const LONGEST: usize = 253 - "*.".len() - ".".len() - 48;

impl Format for Rpz {
    fn id(&self) -> &'static str {
        "rpz"
    }

    fn extension(&self) -> &'static str {
        "rpz"
    }

    fn says(&self) -> Says {
        Says::NAMES
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let mut body = format!(
            "$TTL 300\n@ IN SOA localhost. hostmaster.localhost. {} 3600 600 86400 300\n@ IN NS localhost.\n",
            serial(meta.captured_until)
        );
        let mut too_long = 0;
        for n in list.names() {
            if n.name.as_str().len() > LONGEST {
                too_long += 1;
                continue;
            }
            let _ = writeln!(body, "{0} CNAME .\n*.{0} CNAME .", n.name);
        }
        let notes = [
            "load: zone \"minewatch.rpz\" { type primary; file \"FILE\"; }; and response-policy { zone \"minewatch.rpz\"; };",
            "then rndc reload minewatch.rpz; a zone of another name does, if it has at most 48 characters",
        ];
        let mut rendered = names_file("response policy zone", ';', list, meta, &notes, &body);
        if too_long > 0 {
            rendered.warnings.push(Warning::NamesTooLong { format: "rpz", names: too_long });
        }
        rendered
    }
}

/// Seconds since the epoch, modulo 2^32 as serials go (RFC 1982), and never 0.
fn serial(t: PacketTime) -> u32 {
    let seconds = t.as_nanos().div_euclid(1_000_000_000);
    u32::try_from(seconds.rem_euclid(1 << 32)).unwrap_or(1).max(1)
}

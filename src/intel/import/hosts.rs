//! Hosts files: an address that leads nowhere, then names.

use super::{Collector, Said, lines};

/// Names that every hosts file has for the machine itself.
const OWN: &[&str] = &["localhost", "localhost.localdomain", "local", "broadcasthost", "0.0.0.0"];

pub(super) fn read(text: &str, out: &mut Collector<'_>) {
    for (number, line) in lines(text) {
        let mut words = line.split_whitespace();
        let Some(address) = words.next() else { continue };
        // Zones belong to link-local addresses of the machine: `fe80::1%lo0 localhost`.
        let address = address.split_once('%').map_or(address, |(a, _)| a);
        if address.parse::<std::net::IpAddr>().is_err() {
            out.error(
                number,
                format!("{:?} is no address, and a line of a hosts file begins with one", super::short(address)),
            );
            continue;
        }
        for name in words.filter(|w| !OWN.contains(w) && !w.starts_with("ip6-")) {
            out.host(number, name, Said::default());
        }
    }
}

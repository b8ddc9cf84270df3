//! Connections that are open when their endpoint is cut off.
//!
//! The rules stand before those that accept established connections. But a flow table, in software or in a network
//! card, forwards established connections past all rules, and with it goes the entry of connection tracking that it
//! hangs on.
//!
//! In: what is cut off now and was not before. Out: how many connections were forgotten. Nothing here is an error: the
//! rules hold without it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::applier::Connections;
use super::problem::EnforceError;
use super::program::CONNTRACK;
use crate::firewall::{Proto, Target};

/// Most programs started for one change: each reads the whole table.
const MOST: usize = 256;

/// What to delete, as arguments of conntrack(8).
type Filter = Vec<String>;

/// Deletes what connection tracking knows of connections to `targets` and of `hosts`.
pub(super) fn forget(targets: &BTreeSet<Target>, hosts: &BTreeSet<IpAddr>) -> Connections {
    if targets.is_empty() && hosts.is_empty() {
        return Connections::NoneOpen;
    }
    match try_forget(targets, hosts) {
        Ok(0) => Connections::NoneOpen,
        Ok(ended) => Connections::Ended(ended),
        Err(why) => Connections::Unknown(why),
    }
}

fn try_forget(targets: &BTreeSet<Target>, hosts: &BTreeSet<IpAddr>) -> Result<usize, EnforceError> {
    let mut filters: BTreeSet<Filter> = BTreeSet::new();
    for (family, v4) in [("ipv4", true), ("ipv6", false)] {
        if !targets.iter().map(|t| t.addr).chain(hosts.iter().copied()).any(|a| a.is_ipv4() == v4) {
            continue;
        }
        let table = CONNTRACK.must("list connections", &["-L", "-f", family], "")?;
        let table = String::from_utf8_lossy(&table);
        filters.extend(table.lines().filter_map(|l| filter(l, family, targets, hosts)));
    }
    let mut ended = 0;
    for filter in filters.iter().take(MOST) {
        let arguments: Vec<&str> = std::iter::once("-D").chain(filter.iter().map(String::as_str)).collect();
        let done = CONNTRACK.run("end connections", &arguments, "")?;
        match deleted(&done.said) {
            Some(n) => ended += n,
            None => return Err(CONNTRACK.refused("end connections", done.said)),
        }
    }
    Ok(ended)
}

/// `conntrack v1.4.7 (conntrack-tools): 3 flow entries have been deleted.` None to delete is exit status 1, and none
/// is what there is when a connection ended by itself meanwhile.
fn deleted(said: &str) -> Option<usize> {
    let (before, _) = said.split_once(" flow entries have been deleted")?;
    before.rsplit(' ').next()?.parse().ok()
}

/// What would delete the connection of this line, if it is one to be deleted. The first addresses are the opener's
/// view; the second ones those of the answer, which come from the real server whoever translated what.
fn filter(line: &str, family: &str, targets: &BTreeSet<Target>, hosts: &BTreeSet<IpAddr>) -> Option<Filter> {
    let proto = line.split_whitespace().next()?;
    let values = |name: &'static str| line.split_whitespace().filter_map(move |w| w.strip_prefix(name));
    let (mut sources, mut ports) = (values("src="), values("sport=").skip(1));
    let client: IpAddr = sources.next()?.parse().ok()?;
    let server: IpAddr = sources.next()?.parse().ok()?;
    let words = |all: &[&str]| Some(["-f", family].iter().chain(all).map(|w| (*w).to_owned()).collect());
    let service = match proto {
        "tcp" => Some(Proto::Tcp),
        "udp" => Some(Proto::Udp),
        _ => None,
    };
    let port: Option<u16> = ports.next().and_then(|p| p.parse().ok());
    if let (Some(proto), Some(port)) = (service, port) {
        let target = Target { addr: server, service: Some((proto, port)), from: None };
        let (server, port) = (server.to_string(), port.to_string());
        let of_endpoint = ["-p", proto.name(), "--reply-src", &server, "--reply-port-src", &port];
        if targets.contains(&target) {
            return words(&of_endpoint);
        }
        if targets.contains(&Target { from: Some(client), ..target }) {
            return words(&[&of_endpoint[..], &["--orig-src", &client.to_string()]].concat());
        }
    }
    if targets.contains(&Target { addr: server, service: None, from: None }) || hosts.contains(&server) {
        return words(&["--reply-src", &server.to_string()]);
    }
    if hosts.contains(&client) {
        return words(&["--orig-src", &client.to_string()]);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "tcp      6 431999 ESTABLISHED src=192.0.2.2 dst=198.51.100.10 sport=40000 dport=3333 \
                        src=198.51.100.10 dst=203.0.113.1 sport=3333 dport=40000 [ASSURED] mark=0 use=1";

    fn target(port: Option<u16>) -> BTreeSet<Target> {
        [Target { addr: [198, 51, 100, 10].into(), service: port.map(|p| (Proto::Tcp, p)), from: None }].into()
    }

    #[test]
    fn the_connections_of_an_endpoint_are_found_by_where_answers_come_from() {
        let found = |targets: BTreeSet<Target>, hosts: &[IpAddr]| {
            filter(LINE, "ipv4", &targets, &hosts.iter().copied().collect()).map(|f| f.join(" "))
        };
        assert_eq!(
            found(target(Some(3333)), &[]).unwrap(),
            "-f ipv4 -p tcp --reply-src 198.51.100.10 --reply-port-src 3333"
        );
        assert_eq!(found(target(None), &[]).unwrap(), "-f ipv4 --reply-src 198.51.100.10");
        assert_eq!(found(target(Some(4444)), &[]), None);
        let of =
            |host: [u8; 4]| target(Some(3333)).into_iter().map(|t| Target { from: Some(host.into()), ..t }).collect();
        assert_eq!(
            found(of([192, 0, 2, 2]), &[]).unwrap(),
            "-f ipv4 -p tcp --reply-src 198.51.100.10 --reply-port-src 3333 --orig-src 192.0.2.2"
        );
        assert_eq!(found(of([192, 0, 2, 3]), &[]), None, "another host's");
        assert_eq!(found(BTreeSet::new(), &[[192, 0, 2, 2].into()]).unwrap(), "-f ipv4 --orig-src 192.0.2.2");
        assert_eq!(found(BTreeSet::new(), &[[192, 0, 2, 3].into()]), None);
        assert_eq!(filter("unknown 2 599 src=1.2.3.4", "ipv4", &target(None), &BTreeSet::new()), None);
    }

    #[test]
    fn reads_how_many_were_deleted() {
        assert_eq!(deleted("conntrack v1.4.7 (conntrack-tools): 3 flow entries have been deleted."), Some(3));
        assert_eq!(deleted("conntrack v1.4.7 (conntrack-tools): Operation failed: Operation not permitted"), None);
    }
}

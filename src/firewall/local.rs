//! What this machine itself lives on: addresses, broadcast addresses, next hops, resolvers.
//!
//! In: the kernel's tables as text and the resolver files. Out: [`LocalMachine`]. Each reader is a pure function over
//! text; a file that is missing or unreadable adds nothing, for the list must also work in a container without them.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that must stay reachable for this machine to work.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct LocalMachine {
    /// Own addresses and the broadcast addresses of their networks.
    pub(super) own: Vec<IpAddr>,
    /// Next hops of every route.
    pub(super) gateways: Vec<IpAddr>,
    /// Configured resolvers, with those behind a local stub.
    pub(super) resolvers: Vec<IpAddr>,
}

/// Places where resolvers are written: glibc's, and what stub resolvers forward to.
const RESOLVER_FILES: &[&str] = &[
    "/etc/resolv.conf",
    "/run/systemd/resolve/resolv.conf",
    "/run/NetworkManager/no-stub-resolv.conf",
    "/run/dnsmasq/resolv.conf",
];

impl LocalMachine {
    /// Reads this machine.
    pub(super) fn read() -> Self {
        let text = |path: &str| fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
        let mut own: Vec<IpAddr> = fib_trie(&text("/proc/net/fib_trie")).into_iter().map(IpAddr::V4).collect();
        own.extend(if_inet6(&text("/proc/net/if_inet6")).into_iter().map(IpAddr::V6));
        let mut gateways: Vec<IpAddr> = route4(&text("/proc/net/route")).into_iter().map(IpAddr::V4).collect();
        gateways.extend(route6(&text("/proc/net/ipv6_route")).into_iter().map(IpAddr::V6));
        let resolvers = RESOLVER_FILES.iter().flat_map(|f| resolv_conf(&text(f))).collect();
        Self { own, gateways, resolvers }
    }
}

/// Local and broadcast addresses out of `/proc/net/fib_trie`: a leaf line `|-- ADDRESS`, then its `/32 host LOCAL` or
/// `/32 link BROADCAST`.
fn fib_trie(text: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut leaf: Option<Ipv4Addr> = None;
    for line in text.lines().map(str::trim) {
        if let Some(addr) = line.strip_prefix("|-- ") {
            leaf = addr.parse().ok();
        } else if (line.ends_with("host LOCAL") || line.ends_with("link BROADCAST")) && line.starts_with("/32 ") {
            found.extend(leaf);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Addresses out of `/proc/net/if_inet6`: 32 hex digits at the start of each line.
fn if_inet6(text: &str) -> Vec<Ipv6Addr> {
    text.lines().filter_map(|l| hex6(l.split_ascii_whitespace().next()?)).collect()
}

/// Next hops out of `/proc/net/route`: the third column, an address in network order printed as a native number.
fn route4(text: &str) -> Vec<Ipv4Addr> {
    text.lines()
        .skip(1)
        .filter_map(|l| u32::from_str_radix(l.split_ascii_whitespace().nth(2)?, 16).ok())
        .filter(|n| *n != 0)
        .map(|n| Ipv4Addr::from(n.to_ne_bytes()))
        .collect()
}

/// Next hops out of `/proc/net/ipv6_route`: the fifth column.
fn route6(text: &str) -> Vec<Ipv6Addr> {
    text.lines().filter_map(|l| hex6(l.split_ascii_whitespace().nth(4)?)).filter(|a| !a.is_unspecified()).collect()
}

/// Resolvers out of a resolv.conf(5): `nameserver ADDRESS`, with or without a zone.
fn resolv_conf(text: &str) -> Vec<IpAddr> {
    text.lines()
        .filter_map(|l| {
            let mut words = l.split_ascii_whitespace();
            let addr = words.next().filter(|w| *w == "nameserver").and(words.next())?;
            addr.split('%').next()?.parse().ok()
        })
        .collect()
}

fn hex6(s: &str) -> Option<Ipv6Addr> {
    (s.len() == 32).then(|| u128::from_str_radix(s, 16).ok().map(Ipv6Addr::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_own_and_broadcast_addresses_but_not_networks() {
        let text = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 2
        +-- 192.0.2.0/30 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.2
              /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
Local:
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 192.0.2.2
              /32 host LOCAL
";
        assert_eq!(fib_trie(text), [Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 255)]);
    }

    #[test]
    fn finds_ipv6_addresses() {
        let text = "20010db8000000000000000000000002 04 40 00 82     eth0\n\
                    00000000000000000000000000000001 01 80 10 80       lo\nshort 01\n\n";
        assert_eq!(if_inet6(text), ["2001:db8::2".parse::<Ipv6Addr>().unwrap(), Ipv6Addr::LOCALHOST]);
    }

    #[test]
    fn finds_next_hops_in_either_byte_order() {
        let hop = u32::from_ne_bytes([192, 0, 2, 1]);
        let text = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n\
             eth0\t00000000\t{hop:08X}\t0003\t0\t0\t0\t00000000\n\
             eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\n"
        );
        assert_eq!(route4(&text), [Ipv4Addr::new(192, 0, 2, 1)]);
        let text = "20010db8000000000000000000000000 40 00000000000000000000000000000000 00 \
                    00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n\
                    00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                    20010db8000000000000000000000001 00000400 00000002 00000000 00000003     eth0\n";
        assert_eq!(route6(text), ["2001:db8::1".parse::<Ipv6Addr>().unwrap()]);
    }

    #[test]
    fn finds_resolvers_past_comments_options_and_zones() {
        let text = "# nameserver 192.0.2.1\n;nameserver 192.0.2.2\nsearch lan.example\nnameserver 192.0.2.53\n\
                    nameserver\tfe80::1%eth0\nnameserver dns.example\nnameservers 192.0.2.3\noptions edns0\nnameserver\n";
        let want: [IpAddr; 2] = ["192.0.2.53".parse().unwrap(), "fe80::1".parse().unwrap()];
        assert_eq!(resolv_conf(text), want);
    }

    #[test]
    fn the_machine_this_runs_on_knows_its_loopback() {
        if fs::metadata("/proc/net/fib_trie").is_err() {
            return;
        }
        // Whatever else it has, a reader that stopped understanding the kernel's text would find nothing at all.
        assert!(LocalMachine::read().own.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
}

//! A network to block things in.

use std::net::{IpAddr, SocketAddr};

use super::{Actor, Netns};

/// A miner's network, its gateway, and the world outside with a pool at two addresses and two ports.
pub(crate) struct World {
    pub(crate) inside: Netns,
    pub(crate) gateway: Netns,
    #[allow(dead_code)] // lists are loaded at the gateway
    pub(crate) outside: Netns,
    _servers: Actor,
}

pub(crate) fn ip(s: &str) -> IpAddr {
    s.parse().unwrap()
}

pub(crate) const POOLS: [(&str, &str); 2] = [("198.51.100.10", "198.51.100.11"), ("2001:db8:b::10", "2001:db8:b::11")];

impl World {
    pub(crate) fn new() -> Self {
        let (inside, gateway, outside) = (Netns::new(), Netns::new(), Netns::new());
        gateway.cable(
            ("in0", [ip("192.0.2.1"), ip("2001:db8:a::1")]),
            &inside,
            ("eth0", [ip("192.0.2.2"), ip("2001:db8:a::2")]),
        );
        gateway.cable(
            ("out0", [ip("198.51.100.1"), ip("2001:db8:b::1")]),
            &outside,
            ("eth0", [ip("198.51.100.10"), ip("2001:db8:b::10")]),
        );
        outside.address("eth0", ip("198.51.100.11"));
        outside.address("eth0", ip("2001:db8:b::11"));
        gateway.run("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
        inside.run("ip route add default via 192.0.2.1; ip -6 route add default via 2001:db8:a::1");
        outside.run("ip route add default via 198.51.100.1; ip -6 route add default via 2001:db8:b::1");
        let all: Vec<SocketAddr> = POOLS
            .iter()
            .flat_map(|(a, b)| [(ip(a), 3333), (ip(a), 4444), (ip(b), 3333)])
            .map(SocketAddr::from)
            .collect();
        let servers = outside.serve(&all);
        Self { inside, gateway, outside, _servers: servers }
    }
}

//! Addresses and names of those who talk.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::kit::rng::Rng;

/// The ends of the tunnel.
pub const TUNNEL: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(10, 9, 0, 1), Ipv4Addr::new(10, 9, 0, 2));
const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 53);

fn number(rng: &mut Rng, most: u32) -> u32 {
    rng.range(0, u64::from(most)) as u32
}

/// A client among `most`, with a port of its own choice.
pub fn client(rng: &mut Rng, most: u32) -> SocketAddr {
    let ip = Ipv4Addr::from(0x0a10_0000 + number(rng, most));
    SocketAddr::new(ip.into(), rng.range(32_768, 61_000) as u16)
}

/// A server among `most`.
pub fn server(rng: &mut Rng, most: u32, port: u16) -> SocketAddr {
    let ip = Ipv4Addr::from(0xc612_0000 + number(rng, most.min(0x2_0000)));
    SocketAddr::new(ip.into(), port)
}

/// The pool with this number.
pub fn pool(number: u64, port: u16) -> SocketAddr {
    let host = 1 + (number / 3 % 254) as u8;
    let ip = match number % 3 {
        0 => Ipv4Addr::new(198, 51, 100, host),
        1 => Ipv4Addr::new(203, 0, 113, host),
        _ => Ipv4Addr::new(192, 0, 2, host),
    };
    SocketAddr::new(ip.into(), port)
}

/// A client and a server, over IPv6 one time in ten.
pub fn pair(rng: &mut Rng, clients: u32, port: u16) -> (SocketAddr, SocketAddr) {
    let (client, server) = (client(rng, clients), server(rng, 4000, port));
    if rng.chance(0.1) { (six(client, 0), six(server, 0xffff)) } else { (client, server) }
}

fn six(of: SocketAddr, net: u16) -> SocketAddr {
    let IpAddr::V4(ip) = of.ip() else { return of };
    let [a, b, c, d] = ip.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    SocketAddr::new(Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, high, low).into(), of.port())
}

/// The resolver, as the client's address family has it.
pub fn resolver(client: SocketAddr) -> SocketAddr {
    let server = SocketAddr::new(RESOLVER.into(), 53);
    if client.is_ipv6() { six(server, 0) } else { server }
}

/// A name of a web site; some are asked for more often than others.
pub fn site(rng: &mut Rng) -> String {
    const HEADS: [&str; 6] = ["www", "cdn", "api", "static", "mail", "img"];
    let head = HEADS[rng.range(0, 6) as usize];
    let most = if rng.chance(0.7) { 300 } else { 30_000 };
    format!("{head}.site{}.example", rng.range(0, most))
}

//! Which addresses are of networks that nobody reaches from outside.
//!
//! In: addresses. Out: whether they are private, or shared by a provider's customers.

use std::net::{IpAddr, Ipv4Addr};

/// Whether an address is of a private network, of the link or of the machine itself (RFC 1918, RFC 3927, RFC 4193, RFC 4291
/// §2.5.6).
pub const fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}

/// Whether an address lies between a provider and its customers: 100.64.0.0/10 (RFC 6598).
const fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0xc0 == 64
}

/// Whether an address is of a network's inside, whatever network that is.
pub fn is_inside(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    is_private(ip) || matches!(ip, IpAddr::V4(a) if is_shared(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_shared_addresses() {
        for ip in ["10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.1.1", "127.0.0.1", "fd00::1", "fe80::1", "::1"] {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["100.64.0.1", "172.32.0.1", "192.0.2.1", "2001:db8::1", "::ffff:10.0.0.1"] {
            assert!(!is_private(ip.parse().unwrap()), "{ip}");
        }
        for (ip, shared) in
            [("100.64.0.0", true), ("100.127.255.255", true), ("100.128.0.0", false), ("10.64.0.1", false)]
        {
            assert_eq!(is_shared(ip.parse().unwrap()), shared, "{ip}");
        }
        for (ip, inside) in [("100.64.0.1", true), ("::ffff:10.0.0.1", true), ("203.0.113.1", false)] {
            assert_eq!(is_inside(ip.parse().unwrap()), inside, "{ip}");
        }
    }
}

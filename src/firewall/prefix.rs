//! Address prefixes as an operator writes them: strict, canonical, without names or zones.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address block. Host bits are always zero; an IPv4-mapped block is held as IPv4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Prefix {
    addr: IpAddr,
    len: u8,
}

/// Why a text is no prefix.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PrefixError {
    /// Not an address.
    #[error("{0:?} is not an IP address: write it in full, without leading zeros, names or zones")]
    Address(String),
    /// Not a length for that family.
    #[error("{0:?} is not a prefix length: 0 to 32 for IPv4, 0 to 128 for IPv6")]
    Length(String),
    /// Bits set behind the prefix; usually a slip in one of the two numbers.
    #[error("{given} has bits set behind the prefix: did you mean {meant}?")]
    HostBits {
        /// As written.
        given: String,
        /// The block that contains it.
        meant: Prefix,
    },
}

impl Prefix {
    /// A block in a table of this crate. Host bits must be zero.
    pub(super) const fn v4(a: u8, b: u8, c: u8, d: u8, len: u8) -> Self {
        Self { addr: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), len }
    }

    /// A block in a table of this crate; the last five groups are zero.
    pub(super) const fn v6(a: u16, b: u16, c: u16, len: u8) -> Self {
        Self { addr: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), len }
    }

    /// The single host `addr`.
    pub const fn host(addr: IpAddr) -> Self {
        let addr = addr.to_canonical();
        Self { addr, len: if addr.is_ipv4() { 32 } else { 128 } }
    }

    /// Its first address.
    pub const fn addr(&self) -> IpAddr {
        self.addr
    }

    /// How many leading bits all its addresses share.
    pub const fn bits(&self) -> u8 {
        self.len
    }

    /// Whether `addr` lies in the block. An IPv4-mapped address is compared as IPv4.
    pub fn contains(&self, addr: IpAddr) -> bool {
        match (self.addr, addr.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(a)) => mask4(a, self.len) == net,
            (IpAddr::V6(net), IpAddr::V6(a)) => mask6(a, self.len) == net,
            _ => false,
        }
    }
}

fn mask4(a: Ipv4Addr, len: u8) -> Ipv4Addr {
    let host = u32::MAX.checked_shr(u32::from(len)).unwrap_or(0);
    Ipv4Addr::from(u32::from(a) & !host)
}

fn mask6(a: Ipv6Addr, len: u8) -> Ipv6Addr {
    let host = u128::MAX.checked_shr(u32::from(len)).unwrap_or(0);
    Ipv6Addr::from(u128::from(a) & !host)
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (addr_text, len_text) = match s.split_once('/') {
            Some((a, l)) => (a, Some(l)),
            None => (s, None),
        };
        let given: IpAddr = addr_text.parse().map_err(|_| PrefixError::Address(s.to_owned()))?;
        let widest: u8 = if given.is_ipv4() { 32 } else { 128 };
        let given_len = match len_text {
            None => widest,
            Some(l) => Some(l)
                .filter(|l| !l.is_empty() && l.len() <= 3 && l.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|l| l.parse().ok())
                .filter(|n| *n <= widest)
                .ok_or_else(|| PrefixError::Length(l.to_owned()))?,
        };
        // ::ffff:192.0.2.0/120 and 192.0.2.0/24 are the same hosts.
        let (addr, len) = match given.to_canonical() {
            IpAddr::V4(a) if given.is_ipv6() && given_len >= 96 => (IpAddr::V4(a), given_len - 96),
            _ => (given, given_len),
        };
        let masked = match addr {
            IpAddr::V4(a) => IpAddr::V4(mask4(a, len)),
            IpAddr::V6(a) => IpAddr::V6(mask6(a, len)),
        };
        let prefix = Self { addr: masked, len };
        if masked == addr { Ok(prefix) } else { Err(PrefixError::HostBits { given: s.to_owned(), meant: prefix }) }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.len == if self.addr.is_ipv4() { 32 } else { 128 } {
            write!(f, "{}", self.addr)
        } else {
            write!(f, "{}/{}", self.addr, self.len)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(s: &str) -> Prefix {
        s.parse().unwrap()
    }

    #[test]
    fn reads_hosts_and_blocks_of_both_families() {
        for (text, shown) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ] {
            assert_eq!(p(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_what_firewalls_would_misread() {
        for bad in [
            "",
            "010.0.0.1",
            "10.1",
            "localhost",
            "fe80::1%eth0",
            "192.0.2.0/33",
            "192.0.2.0/",
            "::/129",
            "192.0.2.0/+8",
            "192.0.2.0/24/8",
            " 192.0.2.1",
            "192.0.2.0/0024",
        ] {
            assert!(bad.parse::<Prefix>().is_err(), "{bad}");
        }
        let e = "10.1.2.3/24".parse::<Prefix>().unwrap_err().to_string();
        assert_eq!(e, "10.1.2.3/24 has bits set behind the prefix: did you mean 10.1.2.0/24?");
    }

    #[test]
    fn contains_its_first_and_last_address_and_not_the_neighbours() {
        let net = p("198.51.100.64/26");
        for (a, inside) in [
            ("198.51.100.63", false),
            ("198.51.100.64", true),
            ("198.51.100.127", true),
            ("198.51.100.128", false),
            ("::ffff:198.51.100.65", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(net.contains(a.parse().unwrap()), inside, "{a}");
        }
        assert!(p("::/0").contains("2001:db8::1".parse().unwrap()));
        assert!(!p("::/0").contains("192.0.2.1".parse().unwrap()));
    }
}

//! Address blocks as feeds write them: strict, canonical, IPv4-mapped addresses as IPv4.
//!
//! In: text. Out: [`Net`]. The same rules as for block lists: no leading zeros, no names, no zones, no host bits.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address or a block of them. Host bits are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Net {
    /// Widest first within a family when sorted by start and length.
    addr: IpAddr,
    len: u8,
}

/// Why a text is no address block.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NetError {
    /// Not an address.
    #[error("{0:?} is not an IP address: write it in full, without port, name or zone")]
    Address(String),
    /// Some firewalls read such a number as octal and block another address.
    #[error("{0:?} has leading zeros, which some programs read as octal: write {1}")]
    LeadingZero(String, String),
    /// Not a length for that family.
    #[error("{0:?} is not a prefix length: 0 to 32 for IPv4, 0 to 128 for IPv6")]
    Length(String),
    /// Bits set behind the prefix; usually a slip in one of the two numbers.
    #[error("{given} has bits set behind the prefix: did you mean {meant}?")]
    HostBits {
        /// As written.
        given: String,
        /// The block that contains it.
        meant: Net,
    },
}

impl Net {
    /// The block of `len` bits around `addr`; a longer length than the family has is cut to it.
    pub fn around(addr: IpAddr, len: u8) -> Self {
        match addr {
            IpAddr::V4(a) => {
                let len = len.min(32);
                let host = u32::MAX.checked_shr(u32::from(len)).unwrap_or(0);
                Self { addr: Ipv4Addr::from(u32::from(a) & !host).into(), len }
            }
            IpAddr::V6(a) => {
                let len = len.min(128);
                let host = u128::MAX.checked_shr(u32::from(len)).unwrap_or(0);
                Self { addr: Ipv6Addr::from(u128::from(a) & !host).into(), len }
            }
        }
    }

    /// A single address, IPv4-mapped ones as IPv4.
    pub fn host(addr: IpAddr) -> Self {
        Self::around(addr.to_canonical(), 128)
    }

    /// Reads a block, and masks host bits where they are set.
    pub fn masked(s: &str) -> Result<Self, NetError> {
        match s.parse() {
            Err(NetError::HostBits { meant, .. }) => Ok(meant),
            other => other,
        }
    }

    /// The fewest blocks that are exactly the addresses from `first` to `last`; `None` if they are no range.
    pub fn covering(first: IpAddr, last: IpAddr) -> Option<Vec<Self>> {
        let (mut from, to, bits) = match (first, last) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(u32::from(a)), u128::from(u32::from(b)), 32u32),
            (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a), u128::from(b), 128),
            _ => return None,
        };
        let mut nets = Vec::new();
        while from <= to {
            // The largest block that begins here and does not reach beyond the end.
            let mut host = from.trailing_zeros().min(bits);
            while host > 0 && (u128::MAX >> (128 - host)) > to - from {
                host -= 1;
            }
            let addr: IpAddr =
                if bits == 32 { Ipv4Addr::from(from as u32).into() } else { Ipv6Addr::from(from).into() };
            nets.push(Self::around(addr, (bits - host) as u8));
            let size = 1u128.checked_shl(host).unwrap_or(0);
            match from.checked_add(size).filter(|_| size != 0) {
                Some(next) => from = next,
                None => break,
            }
        }
        (!nets.is_empty()).then_some(nets)
    }

    /// First address.
    pub fn first(self) -> IpAddr {
        self.addr
    }

    /// Last address.
    pub fn last(self) -> IpAddr {
        match self.addr {
            IpAddr::V4(a) => {
                Ipv4Addr::from(u32::from(a) | u32::MAX.checked_shr(u32::from(self.len)).unwrap_or(0)).into()
            }
            IpAddr::V6(a) => {
                Ipv6Addr::from(u128::from(a) | u128::MAX.checked_shr(u32::from(self.len)).unwrap_or(0)).into()
            }
        }
    }

    /// Bits of the prefix.
    #[allow(clippy::len_without_is_empty)] // a length in bits, no container
    pub fn len(self) -> u8 {
        self.len
    }

    /// Whether it is a single address.
    pub fn is_host(self) -> bool {
        self.len == if self.addr.is_ipv4() { 32 } else { 128 }
    }

    /// Whether `other` lies in it.
    pub fn holds(self, other: Self) -> bool {
        self.len <= other.len
            && self.addr.is_ipv4() == other.addr.is_ipv4()
            && Self::around(other.addr, self.len).addr == self.addr
    }
}

/// How many addresses blocks have together, of IPv4 and of IPv6; what lies in several counts once.
pub(super) fn addresses(nets: impl Iterator<Item = Net>) -> (u128, u128) {
    let mut nets: Vec<Net> = nets.collect();
    nets.sort_unstable();
    let (mut v4, mut v6, mut last) = (0u128, 0u128, None::<Net>);
    for net in nets {
        if last.is_some_and(|l| l.holds(net)) {
            continue;
        }
        let (sum, bits) = if net.addr.is_ipv4() { (&mut v4, 32) } else { (&mut v6, 128) };
        *sum = sum.saturating_add(1u128.checked_shl(bits - u32::from(net.len)).unwrap_or(u128::MAX));
        last = Some(net);
    }
    (v4, v6)
}

/// The address without leading zeros, if that is all that is wrong.
fn without_zeros(s: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = s.split('.');
    for octet in &mut octets {
        *octet = parts.next().filter(|p| !p.is_empty() && p.len() <= 4)?.parse().ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

impl FromStr for Net {
    type Err = NetError;

    /// `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
    fn from_str(s: &str) -> Result<Self, NetError> {
        let short = || s.chars().take(60).collect::<String>();
        let (text, len) = match s.split_once('/') {
            Some((a, l)) => (a, Some(l)),
            None => (s, None),
        };
        let given: IpAddr = text.parse().map_err(|_| match without_zeros(text) {
            Some(meant) => NetError::LeadingZero(short(), format!("{meant}, if that is what is meant")),
            None => NetError::Address(short()),
        })?;
        let widest: u8 = if given.is_ipv4() { 32 } else { 128 };
        let given_len = match len {
            None => widest,
            Some(l) => Some(l)
                .filter(|l| !l.is_empty() && l.len() <= 3 && l.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|l| l.parse().ok())
                .filter(|n| *n <= widest)
                .ok_or_else(|| NetError::Length(short()))?,
        };
        let (addr, len) = match given.to_canonical() {
            IpAddr::V4(a) if given.is_ipv6() && given_len >= 96 => (IpAddr::V4(a), given_len - 96),
            _ => (given, given_len),
        };
        let net = Self::around(addr, len);
        if net.addr == addr { Ok(net) } else { Err(NetError::HostBits { given: short(), meant: net }) }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_host() { write!(f, "{}", self.addr) } else { write!(f, "{}/{}", self.addr, self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_clean_and_says_what_is_not() {
        for (text, shown) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ] {
            assert_eq!(text.parse::<Net>().unwrap().to_string(), shown);
        }
        for bad in ["", "10.1", "localhost", "fe80::1%eth0", "192.0.2.0/33", "192.0.2.0/", "192.0.2.1:80", " 192.0.2.1"]
        {
            assert!(bad.parse::<Net>().is_err(), "{bad}");
        }
        let said = |s: &str| s.parse::<Net>().unwrap_err().to_string();
        assert!(said("010.010.010.010").contains("octal: write 10.10.10.10"), "{}", said("010.010.010.010"));
        assert_eq!(said("192.0.2.3/24"), "192.0.2.3/24 has bits set behind the prefix: did you mean 192.0.2.0/24?");
        assert_eq!(Net::masked("192.0.2.3/24").unwrap().to_string(), "192.0.2.0/24");
    }

    #[test]
    fn knows_its_ends_and_what_it_holds() {
        let net: Net = "2001:db8::/126".parse().unwrap();
        assert_eq!((net.first().to_string(), net.last().to_string()), ("2001:db8::".into(), "2001:db8::3".into()));
        let wide: Net = "192.0.2.0/24".parse().unwrap();
        assert!(wide.holds("192.0.2.128/25".parse().unwrap()) && wide.holds(wide));
        assert!(!wide.holds("192.0.3.0/25".parse().unwrap()) && !wide.holds("192.0.0.0/16".parse().unwrap()));
        assert!(!wide.holds("::/128".parse().unwrap()));
    }
}

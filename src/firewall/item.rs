//! What a block book is about: an endpoint, a name, or a host inside.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::firewall::candidate::Target;
use crate::firewall::name::DomainName;

/// Something that is blocked, or cut off.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Item {
    /// An endpoint or a whole address outside, or what one host has with an endpoint.
    Endpoint(Target),
    /// A name that resolvers do not answer, with all below it.
    Name(DomainName),
    /// A host inside that is isolated; never IPv4-mapped.
    Host(IpAddr),
}

impl Item {
    /// In the only spelling that the book has of it.
    #[must_use]
    pub(super) fn canonical(self) -> Self {
        match self {
            Self::Endpoint(t) => Self::Endpoint(t.canonical()),
            Self::Name(name) => Self::Name(name),
            Self::Host(host) => Self::Host(host.to_canonical()),
        }
    }

    /// The other things whose release is one of this, too: an address stands for all its ports and for the host that has
    /// it, an endpoint for what each host has with it, a name for all below it.
    pub fn wider(&self) -> Vec<Self> {
        let whole = |addr| Self::Endpoint(Target { addr, service: None, from: None });
        match self {
            Self::Endpoint(Target { service: None, .. }) => Vec::new(),
            Self::Endpoint(t) => {
                let pair = t.from.map(|host| [Self::Endpoint(t.for_everybody()), whole(host)]);
                pair.into_iter().flatten().chain([whole(t.addr)]).collect()
            }
            Self::Host(host) => vec![whole(*host)],
            Self::Name(name) => name.above().map(Self::Name).collect(),
        }
    }

    /// Whether a release of this is one of `other`, too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Endpoint(Target { addr, service: None, .. }), Self::Endpoint(of)) => {
                *addr == of.addr || Some(*addr) == of.from
            }
            (Self::Endpoint(Target { addr, service: None, .. }), Self::Host(of)) => addr == of,
            (Self::Endpoint(t), Self::Endpoint(of)) => t == of || *t == of.for_everybody(),
            (Self::Name(name), Self::Name(other)) => other.is_or_is_below(name),
            _ => self == other,
        }
    }

    /// The endpoint or address, if it is one.
    pub const fn endpoint(&self) -> Option<Target> {
        match self {
            Self::Endpoint(t) => Some(*t),
            Self::Name(_) | Self::Host(_) => None,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(t) => t.fmt(f),
            Self::Name(name) => name.fmt(f),
            Self::Host(host) => host.fmt(f),
        }
    }
}

/// Neither an address, an endpoint nor a name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{before}write ADDR, ADDR:PORT, ADDR:PORT/udp, HOST@ADDR:PORT or NAME, as in 198.51.100.7:3333, [2001:db8::7]:3333, \
     192.0.2.2@198.51.100.7:3333 or pool.example{why}"
)]
pub struct ItemError {
    before: &'static str,
    why: String,
}

impl FromStr for Item {
    type Err = ItemError;

    /// What can be blocked or released, as it is printed. An address is never a host.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if let Ok(target) = s.parse() {
            return Ok(Self::Endpoint(target));
        }
        let (mut before, mut why) = ("", String::new());
        let is_prefix = |(addr, bits): (&str, &str)| addr.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok();
        if s.split_once('/').is_some_and(is_prefix) {
            before = "a prefix cannot be ordered, only single addresses: ";
        } else if !s.contains([':', '/', '@']) {
            match DomainName::parse(s) {
                Ok(name) => return Ok(Self::Name(name)),
                Err(rule) => why = format!(" ({rule})"),
            }
        }
        Err(ItemError { before, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_written_as_they_are_printed() {
        for (text, shown) in [
            ("198.51.100.7", "198.51.100.7"),
            ("198.51.100.7:3333", "198.51.100.7:3333/tcp"),
            ("198.51.100.7:3333/tcp", "198.51.100.7:3333/tcp"),
            ("198.51.100.7:3333/udp", "198.51.100.7:3333/udp"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:3333", "[2001:db8::7]:3333/tcp"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("[::ffff:198.51.100.7]:1", "198.51.100.7:1/tcp"),
            ("192.0.2.2@198.51.100.7:3333", "192.0.2.2@198.51.100.7:3333/tcp"),
            ("::ffff:192.0.2.2@198.51.100.7:3333/udp", "192.0.2.2@198.51.100.7:3333/udp"),
            ("2001:db8:a::2@[2001:db8::7]:3333/tcp", "2001:db8:a::2@[2001:db8::7]:3333/tcp"),
            ("Pool.Example.", "pool.example"),
        ] {
            let item: Item = text.parse().unwrap();
            assert_eq!(item.to_string(), shown);
            assert_eq!(shown.parse(), Ok(item));
        }
        for bad in [
            "",
            "example",
            "198.51.100.7:",
            "198.51.100.7:70000",
            "198.51.100.7/tcp",
            "198.51.100.7:1/sctp",
            "1.2.3",
            "192.0.2.2@198.51.100.7",
            "@198.51.100.7:1",
            "192.0.2.2@",
            "192.0.2.2@192.0.2.3@198.51.100.7:1",
            "192.0.2.2:5@198.51.100.7:1",
            "host@pool.example",
        ] {
            assert!(bad.parse::<Item>().unwrap_err().to_string().starts_with("write ADDR"), "{bad}");
        }
    }

    #[test]
    fn a_prefix_is_no_order_and_is_told_what_is() {
        for prefix in ["198.51.100.7/24", "198.51.100.0/24", "2001:db8::/32"] {
            let said = prefix.parse::<Item>().unwrap_err().to_string();
            assert!(said.starts_with("a prefix cannot be ordered, only single addresses: write ADDR, "), "{said}");
        }
    }

    #[test]
    fn what_is_wider_covers_and_nothing_else_does() {
        let item = |s: &str| s.parse::<Item>().unwrap();
        let all = [
            item("198.51.100.7"),
            item("198.51.100.7:1"),
            item("198.51.100.7:1/udp"),
            item("198.51.100.8:1"),
            item("192.0.2.2@198.51.100.7:1"),
            item("192.0.2.3@198.51.100.7:1"),
            item("198.51.100.7@198.51.100.8:1"),
            item("192.0.2.2"),
            Item::Host([198, 51, 100, 7].into()),
            item("example.net"),
            item("pool.example.net"),
            item("eu.pool.example.net"),
            item("mypool.example.net"),
        ];
        for a in &all {
            for b in &all {
                assert_eq!(a.covers(b), a == b || b.wider().contains(a), "{a:?} {b:?}");
            }
        }
        assert_eq!(
            all.iter().map(|a| all.iter().filter(|b| a.covers(b)).count()).collect::<Vec<_>>(),
            [7, 3, 1, 2, 1, 1, 1, 2, 1, 4, 2, 1, 1]
        );
    }
}

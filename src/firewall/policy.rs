//! What the operator wants blocked, for how long, and what never.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::decode::MacAddr;
use crate::evidence::Verdict;
use crate::firewall::allow::{AllowedPool, AllowedWallet};
use crate::firewall::candidate::BlockCandidate;
use crate::firewall::isolate::Isolation;
use crate::firewall::name::ProtectedName;
use crate::firewall::prefix::{Prefix, PrefixError};
use crate::intel::Country;

/// How much of the pool is blocked.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Scope {
    /// Address, protocol and port: whatever else lives at the address stays reachable.
    #[default]
    Endpoint,
    /// The whole address.
    Address,
    /// Address, protocol and port, for the host that mines there only: nobody else is cut from them.
    HostPair,
}

/// From when on an entry lives.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Lives {
    /// From the last packet of the conversation.
    #[default]
    FromLastPacket,
    /// From the end of the capture: whoever replays an old one wants the list for now.
    FromNow,
}

/// An operator's setting that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not a scope.
    #[error(
        "{0:?} is not a scope: write endpoint (address, protocol, port), address (all of it) or host-pair (the endpoint, for \
         the host that mines there only)"
    )]
    Scope(String),
    /// Not a life time.
    #[error(
        "{0:?} is not a life time: write 1s to 3650d, as in 90s, 30m, 24h or 7d; a block without an end is not offered"
    )]
    Ttl(String),
    /// Too many entries, or none.
    #[error("{0} entries is out of range: 1 to {max}", max = MaxEntries::CEILING)]
    Entries(String),
    /// Neither a country nor a network.
    #[error("{0:?} is neither a country (two letters, as in DE) nor a network (its number, as in AS64500)")]
    Region(String),
    /// Not a host that could be allowed.
    #[error("{text:?} is no miner that could be allowed: write an address, a prefix or a MAC address ({source})")]
    AllowedMiner {
        /// As written.
        text: String,
        /// What was wrong with it as an address.
        source: PrefixError,
    },
}

impl FromStr for Scope {
    type Err = PolicyError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "endpoint" => Ok(Self::Endpoint),
            "address" => Ok(Self::Address),
            "host-pair" => Ok(Self::HostPair),
            _ => Err(PolicyError::Scope(s.to_owned())),
        }
    }
}

/// Life time of an entry in whole seconds: finite, at least one. Zero means *for ever* to nft and to ipset, so it
/// must not exist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ttl(u64);

impl Ttl {
    /// The default of the policy.
    pub const DAY: Self = Self(86_400);
    /// 30 days: how long what comes back again and again is blocked at the most, unless a policy says otherwise.
    pub const MONTH: Self = Self(30 * 86_400);
    /// Longest life time (3650 days), the largest that nft was seen to take in good order.
    pub const MAX: Self = Self(3650 * 86_400);

    /// Whole seconds, 1 to [`Ttl::MAX`].
    pub fn from_secs(secs: u64) -> Result<Self, PolicyError> {
        if (1..=Self::MAX.0).contains(&secs) { Ok(Self(secs)) } else { Err(PolicyError::Ttl(format!("{secs}s"))) }
    }

    /// In whole seconds.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Ttl {
    type Err = PolicyError;

    /// A number with `s`, `m`, `h` or `d`.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let bad = || PolicyError::Ttl(s.to_owned());
        let unit = s.chars().last().ok_or_else(bad)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(bad()),
        };
        let digits = s.strip_suffix(unit).filter(|d| d.bytes().all(|b| b.is_ascii_digit())).ok_or_else(bad)?;
        let n: u64 = digits.parse().map_err(|_| bad())?;
        Self::from_secs(n.checked_mul(seconds).ok_or_else(bad)?).map_err(|_| bad())
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            s if s % 86_400 == 0 => write!(f, "{}d", s / 86_400),
            s if s % 3_600 == 0 => write!(f, "{}h", s / 3_600),
            s if s % 60 == 0 => write!(f, "{}m", s / 60),
            s => write!(f, "{s}s"),
        }
    }
}

/// Most entries in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaxEntries(usize);

impl Default for MaxEntries {
    fn default() -> Self {
        Self(10_000)
    }
}

impl MaxEntries {
    /// Hard ceiling: our ipsets of 131,072 hold it, with room to spare.
    pub const CEILING: usize = 100_000;

    /// 1 to [`MaxEntries::CEILING`].
    pub fn new(n: usize) -> Result<Self, PolicyError> {
        if (1..=Self::CEILING).contains(&n) { Ok(Self(n)) } else { Err(PolicyError::Entries(n.to_string())) }
    }

    /// As a number.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl FromStr for MaxEntries {
    type Err = PolicyError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map_err(|_| PolicyError::Entries(s.to_owned())).and_then(Self::new)
    }
}

/// Where an address is, by the databases of places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Region {
    /// A country.
    Country(Country),
    /// The network that announces it, by its number (RFC 6793).
    Network(u32),
}

impl FromStr for Region {
    type Err = PolicyError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let bad = || PolicyError::Region(s.to_owned());
        // Before countries: no country has three letters, but a number may be missing.
        match s.get(..2).filter(|p| p.eq_ignore_ascii_case("as")).and_then(|_| s.get(2..)).filter(|n| !n.is_empty()) {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map(Self::Network).map_err(|_| bad())
            }
            Some(_) => Err(bad()),
            None => Country::parse(s).map(Self::Country).ok_or_else(bad),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Country(country) => f.write_str(country.as_str()),
            Self::Network(asn) => write!(f, "AS{asn}"),
        }
    }
}

/// A host that may mine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AllowedMiner {
    /// By address or block.
    Net(Prefix),
    /// By hardware address.
    Mac(MacAddr),
}

impl AllowedMiner {
    fn matches(&self, ip: IpAddr, mac: Option<MacAddr>) -> bool {
        match self {
            Self::Net(p) => p.contains(ip),
            Self::Mac(m) => mac == Some(*m),
        }
    }
}

impl FromStr for AllowedMiner {
    type Err = PolicyError;

    /// `10.0.0.5`, `10.0.0.0/24`, `02:00:00:00:00:05` or `02-00-00-00-00-05`.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if let Some(mac) = parse_mac(s) {
            return Ok(Self::Mac(mac));
        }
        s.parse().map(Self::Net).map_err(|source| PolicyError::AllowedMiner { text: s.to_owned(), source })
    }
}

fn parse_mac(s: &str) -> Option<MacAddr> {
    let separator = if s.contains('-') { '-' } else { ':' };
    let mut octets = [0; 6];
    let mut parts = s.split(separator);
    for octet in &mut octets {
        let part = parts.next().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *octet = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(MacAddr(octets))
}

/// What is blocked, how long, how much of it, and what never.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How much of a pool is blocked.
    pub scope: Scope,
    /// Weakest verdict that is blocked.
    pub least: Verdict,
    /// Life time of an entry.
    pub ttl: Ttl,
    /// Longest life of one that comes back again and again; below `ttl` it counts as that.
    pub max_ttl: Ttl,
    /// What it is counted from.
    pub lives: Lives,
    /// Whether names are blocked where a list can say them.
    pub names: bool,
    /// Lets the documentation ranges through (RFC 5737, 3849, 9637): tests and examples live there.
    pub allow_documentation: bool,
    /// The operator's own never-block list, for the pool side.
    pub never_block: Vec<Prefix>,
    /// Countries and networks in which nothing is blocked.
    pub never_block_in: Vec<Region>,
    /// The operator's own networks: nothing in them is blocked.
    pub home: Vec<Prefix>,
    /// The same for names. Each protects all below it, and itself from a block above it.
    pub never_block_names: Vec<ProtectedName>,
    /// Resolvers of the network, beside private addresses, those of this machine and the well-known public ones.
    pub trust_resolver: Vec<Prefix>,
    /// Hosts that may mine: reported as allowed, nothing is emitted for them.
    pub allow_miner: Vec<AllowedMiner>,
    /// Wallets and accounts for which anybody may mine.
    pub allow_wallet: Vec<AllowedWallet>,
    /// Pools at which anybody may mine.
    pub allow_pool: Vec<AllowedPool>,
    /// Load balancers whose PROXY headers are believed.
    pub trust_proxy: Vec<AllowedMiner>,
    /// Most entries in a list.
    pub max_entries: MaxEntries,
    /// Hosts inside that are cut off.
    pub isolation: Isolation,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            scope: Scope::default(),
            least: Verdict::Confirmed,
            ttl: Ttl::DAY,
            max_ttl: Ttl::MONTH,
            lives: Lives::default(),
            names: true,
            allow_documentation: false,
            never_block: Vec::new(),
            never_block_in: Vec::new(),
            home: Vec::new(),
            never_block_names: Vec::new(),
            trust_resolver: Vec::new(),
            allow_miner: Vec::new(),
            allow_wallet: Vec::new(),
            allow_pool: Vec::new(),
            trust_proxy: Vec::new(),
            max_entries: MaxEntries::default(),
            isolation: Isolation::default(),
        }
    }
}

impl Policy {
    /// Whether the operator lets this host mine, or this conversation go on.
    pub(super) fn allows(&self, c: &BlockCandidate<'_>) -> bool {
        c.allowed || self.allows_client(c.miner, c.miner_mac, c.source)
    }

    /// Whether the operator lets the host mine, or the client for which it speaks by its PROXY header.
    ///
    /// A PROXY header is the sender's own word. Any infected machine can write one that names an allowed miner, in front
    /// of a pool that skips such headers or behind a balancer that passes them on. So the header counts only when its
    /// sender is a balancer that the operator names, and only the outermost one, which the sender itself wrote: what
    /// comes behind it may be the client's. And the header has no word on hardware addresses.
    pub fn allows_client(&self, sender: IpAddr, mac: Option<MacAddr>, source: Option<IpAddr>) -> bool {
        let trusted = || self.trust_proxy.iter().any(|t| t.matches(sender, mac));
        self.allows_host(sender, mac) || source.is_some_and(|source| trusted() && self.allows_host(source, None))
    }

    /// The same for a host as such.
    pub fn allows_host(&self, ip: IpAddr, mac: Option<MacAddr>) -> bool {
        self.allow_miner.iter().any(|a| a.matches(ip, mac))
    }

    /// The operator's never-block entry that covers `addr`.
    pub(super) fn never_blocks(&self, addr: IpAddr) -> Option<Prefix> {
        self.never_block.iter().copied().find(|p| p.contains(addr))
    }

    /// The operator's own network that covers `addr`.
    pub fn is_home(&self, addr: IpAddr) -> Option<Prefix> {
        self.home.iter().copied().find(|p| p.contains(addr))
    }

    /// The country or network that the operator spares, if the pool is there.
    pub(super) fn spares(&self, c: &BlockCandidate<'_>) -> Option<Region> {
        self.never_block_in.iter().copied().find(|r| match r {
            Region::Country(country) => c.country == Some(*country),
            Region::Network(asn) => c.asn == Some(*asn),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_countries_or_numbers_of_networks() {
        for (text, shown) in [("de", "DE"), ("AS", "AS"), ("as64500", "AS64500"), ("AS4294967295", "AS4294967295")] {
            assert_eq!(text.parse::<Region>().unwrap().to_string(), shown);
        }
        for text in ["", "D", "DEU", "64500", "AS4294967296", "AS-1", "AS64500x", "1.2"] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
    }

    #[test]
    fn life_times_are_finite_and_whole() {
        for (text, secs) in
            [("1s", 1), ("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800), ("3650d", 315_360_000)]
        {
            assert_eq!(text.parse::<Ttl>().unwrap().as_secs(), secs, "{text}");
        }
        for bad in
            ["", "0s", "0", "3600", "-1s", "+1s", "1.5h", "h", "3651d", "99999999999999999999d", "1w", "1 h", "1µ"]
        {
            assert!(bad.parse::<Ttl>().is_err(), "{bad}");
        }
        assert_eq!(Ttl::DAY.to_string(), "1d");
        assert_eq!("5400s".parse::<Ttl>().unwrap().to_string(), "90m");
    }

    #[test]
    fn a_list_has_between_one_and_a_hundred_thousand_entries() {
        assert_eq!(Policy::default().max_entries.get(), 10_000);
        assert!(MaxEntries::new(0).is_err());
        assert!("many".parse::<MaxEntries>().is_err());
        assert_eq!("100000".parse::<MaxEntries>().unwrap().get(), 100_000);
        let e = MaxEntries::new(100_001).unwrap_err();
        assert_eq!(e.to_string(), "100001 entries is out of range: 1 to 100000");
    }

    #[test]
    fn allowed_miners_are_addresses_blocks_or_hardware_addresses() {
        assert_eq!("02:00:00:00:00:0a".parse(), Ok(AllowedMiner::Mac(MacAddr([2, 0, 0, 0, 0, 10]))));
        assert_eq!("02-00-00-00-00-0A".parse(), Ok(AllowedMiner::Mac(MacAddr([2, 0, 0, 0, 0, 10]))));
        assert_eq!("10.0.0.0/24".parse(), Ok(AllowedMiner::Net("10.0.0.0/24".parse().unwrap())));
        assert_eq!("2001:db8::5".parse(), Ok(AllowedMiner::Net("2001:db8::5".parse().unwrap())));
        for bad in ["miner.example", "02:00:00:00:00", "02:00:00:00:00:0a:0b", "2:0:0:0:0:a", "10.0.0.5/24"] {
            assert!(bad.parse::<AllowedMiner>().is_err(), "{bad}");
        }
    }

    #[test]
    fn scope_is_the_endpoint_unless_asked() {
        assert_eq!(Policy::default().scope, Scope::Endpoint);
        assert_eq!("address".parse(), Ok(Scope::Address));
        assert_eq!("host-pair".parse(), Ok(Scope::HostPair));
        assert!("subnet".parse::<Scope>().is_err());
    }
}

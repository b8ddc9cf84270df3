//! What must never be blocked, whatever was seen: the last gate, applied to everything, saved state included.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::firewall::candidate::Target;
use crate::firewall::local::LocalMachine;
use crate::firewall::name::{self, DomainName};
use crate::firewall::policy::Policy;
use crate::firewall::reason::Reason;
use crate::firewall::special::{DOCUMENTATION, PUBLIC_RESOLVERS, SPECIAL};
use crate::intel::Fronts;

/// The never-block gate.
#[derive(Clone, Default, Debug)]
pub struct NeverBlock {
    own: BTreeSet<IpAddr>,
    gateways: BTreeSet<IpAddr>,
    resolvers: BTreeSet<IpAddr>,
    /// Those that were met in captures only. Anybody inside can name one: they are spared, and not believed.
    met: BTreeSet<IpAddr>,
    /// Ranges in which one address serves many customers, as feeds list them.
    fronts: Fronts,
}

impl NeverBlock {
    /// Special-purpose ranges and public resolvers: the same on every machine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the addresses, broadcast addresses, next hops and resolvers of the machine this runs on. What cannot be
    /// read adds nothing.
    #[must_use]
    pub fn with_local_machine(self) -> Self {
        self.with_machine(LocalMachine::read())
    }

    #[cfg(test)]
    pub(super) fn with_own(mut self, own: impl IntoIterator<Item = IpAddr>) -> Self {
        self.own.extend(own);
        self
    }

    fn with_machine(mut self, machine: LocalMachine) -> Self {
        self.own.extend(machine.own.into_iter().map(|a| a.to_canonical()));
        self.gateways.extend(machine.gateways.into_iter().map(|a| a.to_canonical()));
        self.resolvers.extend(machine.resolvers.into_iter().map(|a| a.to_canonical()));
        self
    }

    /// Adds resolvers learned from traffic, such as DHCP option 6: they are spared, but whom they lead where is nobody's
    /// word.
    #[must_use]
    pub fn with_resolvers(mut self, resolvers: impl IntoIterator<Item = IpAddr>) -> Self {
        self.met.extend(resolvers.into_iter().map(|a| a.to_canonical()));
        self
    }

    /// Adds next hops learned elsewhere, such as DHCP option 3.
    #[must_use]
    pub fn with_gateways(mut self, gateways: impl IntoIterator<Item = IpAddr>) -> Self {
        self.gateways.extend(gateways.into_iter().map(|a| a.to_canonical()));
        self
    }

    /// With the shared ranges of the feeds in use, in place of those that it had.
    #[must_use]
    pub fn with_fronts(self, fronts: Fronts) -> Self {
        Self { fronts, ..self }
    }

    /// The same while it is in use; whether they are others than before.
    pub fn learn(&mut self, fronts: Fronts) -> bool {
        let is_new = !self.fronts.is_same(&fronts);
        self.fronts = fronts;
        is_new
    }

    /// Whether it is an address of this machine.
    pub fn is_own(&self, addr: IpAddr) -> bool {
        self.own.contains(&addr.to_canonical())
    }

    /// Whether a resolver belongs to the network, as far as is known, or is one of the well-known public ones. Any other
    /// could be a miner's accomplice, and say of any name that it leads to his pool.
    pub(super) fn believes(&self, resolver: IpAddr, miner: IpAddr, policy: &Policy) -> bool {
        let ip = resolver.to_canonical();
        let inside = match ip {
            IpAddr::V4(a) => {
                let [first, second, ..] = a.octets();
                // 100.64.0.0/10 (RFC 6598): between a provider and its customers.
                a.is_private() || a.is_loopback() || a.is_link_local() || (first == 100 && second & 0xc0 == 64)
            }
            IpAddr::V6(a) => {
                // Networks with IPv6 have global addresses inside: the miner's own link is.
                let link = |a: std::net::Ipv6Addr| a.to_bits() >> 64;
                let beside = matches!(miner.to_canonical(), IpAddr::V6(m) if link(m) == link(a));
                beside || a.is_unique_local() || a.is_loopback() || a.is_unicast_link_local()
            }
        };
        inside
            || self.resolvers.contains(&ip)
            || PUBLIC_RESOLVERS.iter().any(|(a, _)| *a == ip)
            || policy.trust_resolver.iter().any(|p| p.contains(ip))
    }

    /// Why a name must not be blocked, if it must not.
    #[allow(clippy::unused_self)] // one gate, whatever it looks at
    pub fn check_name(&self, name: &DomainName, policy: &Policy) -> Option<Reason> {
        name::never_block(name, policy)
    }

    /// Why `addr` must not be blocked, if it must not.
    pub fn check(&self, addr: IpAddr, policy: &Policy) -> Option<Reason> {
        let addr = addr.to_canonical();
        // Ranges before the rest: on a machine with private addresses "private" says more than "own".
        if let Some((_, name)) = SPECIAL.iter().find(|(p, _)| p.contains(addr)) {
            return Some(Reason::SpecialPurpose(name));
        }
        if self.own.contains(&addr) {
            return Some(Reason::OwnAddress);
        }
        if self.gateways.contains(&addr) {
            return Some(Reason::Gateway);
        }
        if self.resolvers.contains(&addr) || self.met.contains(&addr) {
            return Some(Reason::Resolver);
        }
        if let Some((_, who)) = PUBLIC_RESOLVERS.iter().find(|(a, _)| *a == addr) {
            return Some(Reason::PublicResolver(who));
        }
        if let Some(p) = policy.is_home(addr) {
            return Some(Reason::HomeNet(p));
        }
        if let Some(p) = policy.never_blocks(addr) {
            return Some(Reason::NeverBlockList(p));
        }
        if !policy.allow_documentation
            && let Some((_, name)) = DOCUMENTATION.iter().find(|(p, _)| p.contains(addr))
        {
            return Some(Reason::Documentation(name));
        }
        self.front(addr)
    }

    /// The reason that the address serves many customers, if feeds list it so.
    pub(super) fn front(&self, addr: IpAddr) -> Option<Reason> {
        let (name, range) = self.fronts.at(addr)?;
        Some(Reason::SharedFront(format!("{name}, {range}")))
    }

    /// Why nothing must be blocked at `target`, if nothing must. What one host has with a front's endpoint may be, by
    /// order: nobody else is kept from it.
    pub fn check_target(&self, target: Target, policy: &Policy) -> Option<Reason> {
        if matches!(target.service, Some((_, 0))) {
            return Some(Reason::UnspecifiedPort);
        }
        let of_pool = self.check(target.addr, policy).filter(|r| {
            if target.from.is_some() && matches!(r, Reason::SharedFront(_)) {
                return false;
            }
            // Anybody may send a DHCP message that names a pool as the resolver: it is spared as what it was named.
            let as_resolver = target.service.is_none_or(|(_, port)| matches!(port, 53 | 853 | 443));
            *r != Reason::Resolver || as_resolver || self.resolvers.contains(&target.addr.to_canonical())
        });
        of_pool.or_else(|| (!target.is_sound()).then_some(Reason::NoPair)).or_else(|| {
            let own = target.from.is_some_and(|host| self.is_own(host));
            own.then_some(Reason::OwnHost)
        })
    }

    /// The same of what was seen. Nobody ordered it, so a front is spared whoever is cut off from it.
    pub(super) fn check_seen(&self, target: Target, policy: &Policy) -> Option<Reason> {
        self.check_target(target, policy).or_else(|| self.front(target.addr))
    }

    /// Why the inside host `host` must not be isolated, if it must not: as [`Self::check`], but hosts live in private
    /// ranges and in networks of the operator's own.
    pub fn check_inside(&self, host: IpAddr, policy: &Policy) -> Option<Reason> {
        let host = host.to_canonical();
        let local = [
            (&self.own, Reason::OwnAddress),
            (&self.gateways, Reason::Gateway),
            (&self.resolvers, Reason::Resolver),
            (&self.met, Reason::Resolver),
        ];
        let local = local.into_iter().find(|(all, _)| all.contains(&host)).map(|(_, reason)| reason);
        let listed = || policy.never_blocks(host).map(Reason::NeverBlockList);
        local.or_else(listed).or_else(|| self.check(host, policy)).filter(|reason| !is_inside(reason))
    }
}

/// Whether the range that a reason names is one that inside hosts live in.
pub(super) fn is_inside(reason: &Reason) -> bool {
    match reason {
        Reason::HomeNet(_) => true,
        Reason::SpecialPurpose(name) => {
            ["private", "carrier-grade NAT", "unique local"].iter().any(|inside| name.starts_with(inside))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::Proto;

    fn code(never: &NeverBlock, policy: &Policy, addr: &str) -> Option<&'static str> {
        never.check(addr.parse().unwrap(), policy).map(|r| r.code())
    }

    /// Anybody may send a DHCP message that names a pool as the resolver.
    #[test]
    fn what_dhcp_named_is_spared_as_the_resolver_that_it_was_named() {
        let addr: IpAddr = "203.0.113.54".parse().unwrap();
        let never = NeverBlock::new().with_resolvers([addr]);
        let policy = Policy { allow_documentation: true, ..Policy::default() };
        let at = |port| {
            let target = Target { addr, service: Some((Proto::Tcp, port)), from: None };
            never.check_target(target, &policy).map(|r| r.code())
        };
        assert_eq!((at(53), at(853), at(3333)), (Some("resolver"), Some("resolver"), None));
        let whole = Target { addr, service: None, from: None };
        assert_eq!(never.check_target(whole, &policy).map(|r| r.code()), Some("resolver"));
    }

    #[test]
    fn the_first_and_last_address_of_every_special_range_is_refused_by_name() {
        let (never, policy) = (NeverBlock::new(), Policy { allow_documentation: true, ..Policy::default() });
        for (first, last, name) in [
            ("0.0.0.0", "0.255.255.255", "this network"),
            ("10.0.0.0", "10.255.255.255", "private"),
            ("100.64.0.0", "100.127.255.255", "carrier-grade NAT"),
            ("127.0.0.0", "127.255.255.255", "loopback"),
            ("169.254.0.0", "169.254.255.255", "link-local"),
            ("172.16.0.0", "172.31.255.255", "private"),
            ("192.0.0.0", "192.0.0.255", "IETF protocol assignments"),
            ("192.88.99.0", "192.88.99.255", "6to4 relay"),
            ("192.168.0.0", "192.168.255.255", "private"),
            ("198.18.0.0", "198.19.255.255", "benchmarking"),
            ("224.0.0.0", "239.255.255.255", "multicast"),
            ("240.0.0.0", "255.255.255.254", "reserved"),
            ("255.255.255.255", "255.255.255.255", "limited broadcast"),
            ("::", "::1", "unspecified"),
            ("64:ff9b::", "64:ff9b::ffff:ffff", "NAT64"),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local-use NAT64"),
            ("100::", "100::ffff:ffff:ffff:ffff", "discard-only"),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "IETF protocol assignments"),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4"),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local"),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
            ("::ffff:10.0.0.0", "::ffff:10.255.255.255", "private"),
        ] {
            for a in [first, last] {
                let why = never.check(a.parse().unwrap(), &policy).unwrap_or_else(|| panic!("{a} passed"));
                assert_eq!(why.code(), "special-purpose", "{a}");
                assert!(why.to_string().contains(name), "{a}: {why}");
            }
        }
    }

    #[test]
    fn the_neighbours_of_the_ranges_are_ordinary_addresses() {
        for a in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::",
            "2003::",
            "2a00::1",
        ] {
            assert_eq!(code(&NeverBlock::new(), &Policy::default(), a), None, "{a}");
        }
    }

    #[test]
    fn documentation_is_refused_until_the_switch_lifts_it_and_it_lifts_nothing_else() {
        let lifted = Policy { allow_documentation: true, ..Policy::default() };
        for a in
            ["192.0.2.0", "192.0.2.255", "198.51.100.7", "203.0.113.255", "2001:db8::", "3fff::1", "::ffff:192.0.2.1"]
        {
            assert_eq!(code(&NeverBlock::new(), &Policy::default(), a), Some("documentation"), "{a}");
            assert_eq!(code(&NeverBlock::new(), &lifted, a), None, "{a}");
        }
        assert_eq!(code(&NeverBlock::new(), &lifted, "10.0.0.1"), Some("special-purpose"));
        assert_eq!(code(&NeverBlock::new(), &lifted, "8.8.8.8"), Some("public-resolver"));
    }

    #[test]
    fn public_resolvers_are_refused_in_both_families() {
        for a in [
            "8.8.8.8",
            "8.8.4.4",
            "1.1.1.1",
            "1.0.0.1",
            "9.9.9.9",
            "149.112.112.112",
            "208.67.222.222",
            "208.67.220.220",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2620:fe::fe",
            "2620:119:35::35",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(code(&NeverBlock::new(), &Policy::default(), a), Some("public-resolver"), "{a}");
        }
    }

    #[test]
    fn this_machine_its_gateways_and_resolvers_are_refused_even_in_documentation_ranges() {
        let machine = LocalMachine {
            own: vec!["192.0.2.2".parse().unwrap(), "192.0.2.255".parse().unwrap(), "2001:db8::2".parse().unwrap()],
            gateways: vec!["192.0.2.1".parse().unwrap()],
            resolvers: vec!["203.0.113.53".parse().unwrap()],
        };
        let never = NeverBlock::new().with_machine(machine).with_resolvers(["::ffff:203.0.113.54".parse().unwrap()]);
        let policy = Policy { allow_documentation: true, ..Policy::default() };
        for (a, want) in [
            ("192.0.2.2", "own-address"),
            ("192.0.2.255", "own-address"),
            ("2001:db8::2", "own-address"),
            ("192.0.2.1", "gateway"),
            ("203.0.113.53", "resolver"),
            ("203.0.113.54", "resolver"),
        ] {
            assert_eq!(code(&never, &policy, a), Some(want), "{a}");
        }
        assert_eq!(code(&never, &policy, "192.0.2.3"), None);
    }

    #[test]
    fn the_operators_list_holds_for_hosts_and_blocks() {
        let policy = Policy {
            never_block: vec!["45.9.148.0/24".parse().unwrap(), "2a00::7".parse().unwrap()],
            ..Policy::default()
        };
        let why = NeverBlock::new().check("45.9.148.117".parse().unwrap(), &policy).unwrap();
        assert_eq!(why.to_string(), "the never-block list holds 45.9.148.0/24");
        assert_eq!(code(&NeverBlock::new(), &policy, "2a00::7"), Some("never-block-list"));
        assert_eq!(code(&NeverBlock::new(), &policy, "2a00::8"), None);
    }

    #[test]
    fn an_inside_host_may_be_private_but_not_this_machine_its_gateway_or_no_host_at_all() {
        let machine = LocalMachine {
            own: vec!["10.0.0.1".parse().unwrap()],
            gateways: vec!["10.0.0.254".parse().unwrap()],
            resolvers: vec!["10.0.0.53".parse().unwrap()],
        };
        let never = NeverBlock::new().with_machine(machine).with_resolvers(["10.0.0.54".parse().unwrap()]);
        let policy = Policy {
            never_block: vec!["10.0.0.9".parse().unwrap()],
            home: vec!["45.9.148.0/24".parse().unwrap()],
            ..Policy::default()
        };
        let code = |a: &str| never.check_inside(a.parse().unwrap(), &policy).map(|r| r.code());
        for a in ["10.0.0.5", "192.168.1.5", "172.16.0.5", "100.64.0.5", "fd00::5", "45.9.148.117"] {
            assert_eq!(code(a), None, "{a}");
        }
        for (a, why) in [
            ("10.0.0.1", "own-address"),
            ("10.0.0.254", "gateway"),
            ("10.0.0.53", "resolver"),
            ("10.0.0.54", "resolver"),
            ("10.0.0.9", "never-block-list"),
            ("0.0.0.0", "special-purpose"),
            ("127.0.0.1", "special-purpose"),
            ("fe80::1", "special-purpose"),
            ("224.0.0.1", "special-purpose"),
            ("255.255.255.255", "special-purpose"),
            ("8.8.8.8", "public-resolver"),
            ("192.0.2.5", "documentation"),
        ] {
            assert_eq!(code(a), Some(why), "{a}");
        }
    }
}

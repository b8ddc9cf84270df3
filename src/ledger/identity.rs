//! Which machine had an address, and when: addresses are lent, and yesterday's is somebody else's today.
//!
//! In: DHCP messages in packet order. Out: the [`Identity`] that held an address at a packet's time; routers and
//! resolvers that servers named, for the never-block gate. Names are the machines' own word: they are shown, and decide
//! nothing. Bounded; what does not fit is not learned.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::carrier::dhcp::{Dhcp, Kind};
use crate::decode::{MacAddr, Tenant};
use crate::time::PacketTime;

/// Addresses remembered.
const MAX_ADDRESSES: usize = 65_536;
/// Machines whose names are remembered.
const MAX_MACHINES: usize = 65_536;
/// Holders remembered of one address, the latest.
const MAX_HOLDERS: usize = 8;
/// A router is a neighbour: anybody may send a message that names any other address, to have it spared. Networks of public
/// addresses are rarely larger than this.
const NEAR: u32 = 20;
/// Routers and resolvers remembered.
const MAX_SERVERS: usize = 256;

/// A DHCP message and where it was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// When.
    pub at: PacketTime,
    /// Overlay or VLAN.
    pub tenant: Tenant,
    /// What it says.
    pub dhcp: Dhcp,
}

/// The machine behind an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Identity {
    /// Its hardware address.
    pub mac: MacAddr,
    /// How it calls itself; printable.
    pub hostname: Option<Box<str>>,
}

impl Identity {
    /// Its name, or else its hardware address.
    pub fn shown(&self) -> String {
        self.hostname.as_deref().map_or_else(|| self.mac.to_string(), str::to_owned)
    }
}

/// A machine that held an address for a time.
#[derive(Clone, Debug)]
struct Holder {
    identity: Identity,
    from: PacketTime,
    /// Until when it was granted.
    until: PacketTime,
    /// Somebody else got it, or it was given back.
    over: bool,
}

/// Who held which address.
#[derive(Default)]
pub struct Identities {
    holders: HashMap<(Tenant, Ipv4Addr), Vec<Holder>, foldhash::quality::RandomState>,
    names: HashMap<(Tenant, MacAddr), Box<str>, foldhash::quality::RandomState>,
    routers: BTreeSet<IpAddr>,
    resolvers: BTreeSet<IpAddr>,
}

impl Identities {
    /// Takes a message.
    pub fn learn(&mut self, l: &Lease) {
        let machine = (l.tenant, l.dhcp.mac);
        if let Some(name) = &l.dhcp.hostname
            && (self.names.len() < MAX_MACHINES || self.names.contains_key(&machine))
        {
            self.names.insert(machine, name.clone());
        }
        match (l.dhcp.kind, l.dhcp.address) {
            (Kind::Acknowledged, Some(address)) => {
                let near: Vec<_> = l.dhcp.routers.iter().copied().filter(|r| is_near(*r, address)).collect();
                remember(&mut self.routers, &near);
                remember(&mut self.resolvers, &l.dhcp.resolvers);
                self.granted(l, address);
            }
            (Kind::Released, Some(address)) => {
                let held = self.holders.get_mut(&(l.tenant, address)).and_then(|h| h.last_mut());
                if let Some(holder) = held.filter(|h| h.identity.mac == l.dhcp.mac && !h.over) {
                    (holder.until, holder.over) = (l.at, true);
                }
            }
            _ => {}
        }
    }

    fn granted(&mut self, l: &Lease, address: Ipv4Addr) {
        let key = (l.tenant, address);
        if self.holders.len() >= MAX_ADDRESSES && !self.holders.contains_key(&key) {
            return;
        }
        let hostname = self.names.get(&(l.tenant, l.dhcp.mac)).cloned();
        let life = l.dhcp.lease.map_or(Duration::MAX, |s| Duration::from_secs(u64::from(s)));
        let until = l.at.plus(life);
        let holders = self.holders.entry(key).or_default();
        match holders.last_mut() {
            Some(last) if last.identity.mac == l.dhcp.mac && !last.over => {
                last.until = last.until.max(until);
                last.identity.hostname = hostname.or(last.identity.hostname.take());
                return;
            }
            Some(last) if !last.over => (last.until, last.over) = (last.until.min(l.at), true),
            _ => {}
        }
        if holders.len() >= MAX_HOLDERS {
            holders.remove(0);
        }
        let identity = Identity { mac: l.dhcp.mac, hostname };
        holders.push(Holder { identity, from: l.at, until, over: false });
    }

    /// Who held an address. A grant that ran out still counts where frames bear the holder's hardware address: renewals
    /// need not have passed by here.
    pub fn holder(&self, tenant: Tenant, ip: IpAddr, mac: Option<MacAddr>, at: PacketTime) -> Option<&Identity> {
        let IpAddr::V4(ip) = ip.to_canonical() else { return None };
        let holders = self.holders.get(&(tenant, ip))?;
        let holder = holders.iter().rev().find(|h| h.from <= at)?;
        let still = !holder.over && mac == Some(holder.identity.mac);
        (at < holder.until || still).then_some(&holder.identity)
    }

    /// Next hops that servers named.
    pub fn routers(&self) -> impl Iterator<Item = IpAddr> {
        self.routers.iter().copied()
    }

    /// Resolvers that servers named.
    pub fn resolvers(&self) -> impl Iterator<Item = IpAddr> {
        self.resolvers.iter().copied()
    }
}

fn is_near(router: Ipv4Addr, address: Ipv4Addr) -> bool {
    router.is_private() || (router.to_bits() ^ address.to_bits()).leading_zeros() >= NEAR
}

fn remember(known: &mut BTreeSet<IpAddr>, more: &[Ipv4Addr]) {
    for ip in more {
        if known.len() < MAX_SERVERS {
            known.insert(IpAddr::V4(*ip));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xa]);
    const BOB: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xb]);
    const IP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 50);

    fn at(seconds: i64) -> PacketTime {
        PacketTime::from_parts(seconds, 0)
    }

    fn said(seconds: i64, kind: Kind, mac: MacAddr, name: Option<&str>, lease: Option<u32>) -> Lease {
        let address = (kind != Kind::Request).then_some(IP);
        let dhcp = Dhcp {
            kind,
            mac,
            address,
            hostname: name.map(Into::into),
            lease,
            routers: vec![Ipv4Addr::new(192, 0, 2, 1)],
            resolvers: vec![Ipv4Addr::new(192, 0, 2, 53)],
        };
        Lease { at: at(seconds), tenant: Tenant::None, dhcp }
    }

    fn who(i: &Identities, mac: Option<MacAddr>, seconds: i64) -> Option<String> {
        i.holder(Tenant::None, IP.into(), mac, at(seconds)).map(Identity::shown)
    }

    /// Whoever wants a pool spared names it as the router.
    #[test]
    fn a_router_is_a_neighbour() {
        let mut i = Identities::default();
        let mut lease = said(100, Kind::Acknowledged, ALICE, None, None);
        lease.dhcp.routers = ["192.0.2.1", "10.0.0.1", "198.51.100.10"].map(|r| r.parse().unwrap()).to_vec();
        i.learn(&lease);
        assert_eq!(i.routers().map(|r| r.to_string()).collect::<Vec<_>>(), ["10.0.0.1", "192.0.2.1"]);
    }

    #[test]
    fn an_address_is_somebody_elses_later() {
        let mut i = Identities::default();
        i.learn(&said(100, Kind::Acknowledged, ALICE, Some("alice-pc"), Some(3600)));
        i.learn(&said(200, Kind::Request, BOB, Some("bob-pc"), None));
        i.learn(&said(201, Kind::Acknowledged, BOB, None, Some(3600)));
        assert_eq!(who(&i, None, 99), None, "before anybody had it");
        assert_eq!(who(&i, None, 100).as_deref(), Some("alice-pc"));
        assert_eq!(who(&i, Some(ALICE), 200).as_deref(), Some("alice-pc"));
        assert_eq!(who(&i, None, 201).as_deref(), Some("bob-pc"), "named in the request only");
        assert_eq!(i.holder(Tenant::Vlan(7), IP.into(), None, at(150)), None);
    }

    #[test]
    fn a_grant_ends_unless_frames_say_otherwise() {
        let mut i = Identities::default();
        i.learn(&said(100, Kind::Acknowledged, ALICE, None, Some(60)));
        assert_eq!(who(&i, None, 159).as_deref(), Some("02:00:00:00:00:0a"));
        assert_eq!(who(&i, None, 160), None);
        assert_eq!(who(&i, Some(BOB), 160), None);
        assert!(who(&i, Some(ALICE), 9999).is_some());
        i.learn(&said(150, Kind::Acknowledged, ALICE, Some("alice-pc"), Some(60)));
        assert_eq!(who(&i, None, 209).as_deref(), Some("alice-pc"), "renewed");
        i.learn(&said(205, Kind::Released, ALICE, None, None));
        assert_eq!(who(&i, Some(ALICE), 206), None, "given back");
    }

    #[test]
    fn only_the_holder_gives_an_address_back() {
        let mut i = Identities::default();
        i.learn(&said(100, Kind::Acknowledged, ALICE, None, None));
        i.learn(&said(101, Kind::Released, BOB, None, None));
        assert!(who(&i, None, 1_000_000).is_some());
    }

    #[test]
    fn floods_fill_nothing_beyond_the_caps() {
        let mut known = Identities::default();
        for n in 0..200_000_u32 {
            let mut mac = [2, 0, 0, 0, 0, 0];
            mac[2..].copy_from_slice(&n.to_be_bytes());
            let mut l = said(100, Kind::Acknowledged, MacAddr(mac), Some("x"), Some(60));
            l.dhcp.address = Some(Ipv4Addr::from(0x0a00_0000 + n));
            l.dhcp.resolvers = vec![Ipv4Addr::from(0x0b00_0000 + n)];
            known.learn(&l);
            l.dhcp.address = Some(IP);
            known.learn(&l);
        }
        assert_eq!((known.holders.len(), known.names.len()), (MAX_ADDRESSES, MAX_MACHINES));
        assert!(known.holders.values().all(|h| h.len() <= MAX_HOLDERS));
        assert_eq!((known.resolvers().count(), known.routers().count()), (MAX_SERVERS, 1));
    }
}

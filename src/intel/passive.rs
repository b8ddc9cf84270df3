//! Passive DNS: by which names an address was reached, and how many names it serves.
//!
//! In: [`LookUp`]s in packet order, from all workers. Out: names for an endpoint ([`PassiveDns::names`]), and the word
//! that an address is shared by strangers ([`PassiveDns::strangers`]). Only answers to questions that were seen get
//! here, and of those only what leads from the question to an address. Bounded; the least recently taught goes first.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::capture::Stamp;
use crate::carrier::dns::Address;
use crate::decode::Tenant;
use crate::time::PacketTime;

/// A question, or an answer to a question that was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookUp {
    /// When and where it was seen.
    pub at: Stamp,
    /// Overlay or VLAN.
    pub tenant: Tenant,
    /// Who asked.
    pub client: SocketAddr,
    /// Who was asked.
    pub server: SocketAddr,
    /// It asks for the answer itself (a client), not for a referral (a resolver on somebody's behalf).
    pub recursion_desired: bool,
    /// It is the answer.
    pub answered: bool,
    /// The name asked for: lower case, no final dot.
    pub name: Box<str>,
    /// The names that it led to.
    pub aliases: Vec<Box<str>>,
    /// The addresses that it led to.
    pub addresses: Vec<Address>,
}

/// Addresses remembered.
const MAX_ADDRESSES: usize = 131_072;
/// Names remembered of an address.
const MAX_NAMES: usize = 16;
/// Aliases remembered of a name.
const MAX_ALIASES: usize = 4;
/// Bytes of names remembered.
const MAX_BYTES: usize = 72 << 20;
/// Addresses that one client alone may have had answers for: a flood of its questions pushes out its own only.
const MAX_OF_ONE: usize = 16_384;
/// Clients remembered of a name.
const MAX_CLIENTS: usize = 8;
/// A connection is made within the life of its answer, or a little later: programs keep answers longer than they should.
const GRACE: Duration = Duration::from_hours(1);

/// A name by which an address was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// As asked for.
    pub name: Arc<str>,
    /// What it led to on the way.
    pub aliases: Arc<[Box<str>]>,
    /// Who asked, when first, the latest last; at most eight.
    clients: Vec<(IpAddr, Stamp)>,
    /// First answer.
    pub first: Stamp,
    /// Last answer.
    pub last: PacketTime,
    /// Who gave it; IPv4 as mapped, which is shorter than an [`IpAddr`].
    server: Ipv6Addr,
    /// Until when the last answer holds.
    until: PacketTime,
    /// It, or what it led to, is a pool's: a flood of other names does not push it out.
    pool: bool,
}

impl Known {
    /// When a client was first told of it.
    pub fn asked_by(&self, client: IpAddr) -> Option<Stamp> {
        self.clients.iter().find(|(c, _)| *c == client).map(|(_, at)| *at)
    }

    /// Who said last that it leads there, to whomever, if a client was told so, too.
    pub fn told_by(&self, client: IpAddr) -> Option<IpAddr> {
        self.asked_by(client).map(|_| IpAddr::V6(self.server).to_canonical())
    }

    fn heard_by(&mut self, client: IpAddr, at: Stamp) {
        let known = self.clients.iter().position(|(c, _)| *c == client);
        let latest = known.map_or((client, at), |k| self.clients.remove(k));
        if self.clients.len() >= MAX_CLIENTS {
            self.clients.remove(0);
        }
        self.clients.push(latest);
    }

    /// The only one who asked, if there is one.
    fn alone(&self) -> Option<IpAddr> {
        let [(client, _)] = self.clients.as_slice() else { return None };
        Some(*client)
    }

    /// Bytes of it. Those that addresses of one answer share are counted for each.
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + MAX_CLIENTS * size_of::<(IpAddr, Stamp)>()
            + self.name.len()
            + self.aliases.iter().map(|a| a.len() + size_of::<Box<str>>()).sum::<usize>()
    }
}

struct Entry {
    names: Vec<Known>,
    taught: PacketTime,
    /// Whose questions brought it here.
    owner: IpAddr,
}

/// Addresses that one client brought.
#[derive(Default)]
struct Brought {
    count: usize,
    /// Oldest first; what is gone by now is still in it.
    order: VecDeque<IpAddr>,
}

/// The map.
#[derive(Default)]
pub struct PassiveDns {
    addresses: HashMap<(Tenant, IpAddr), Entry, foldhash::quality::RandomState>,
    order: VecDeque<(PacketTime, (Tenant, IpAddr))>,
    of: HashMap<(Tenant, IpAddr), Brought, foldhash::quality::RandomState>,
    bytes: usize,
    evicted: u64,
}

impl PassiveDns {
    /// Takes an answer; a question teaches nothing. `pool` is whether the name, or what it leads to, is a pool's.
    pub fn learn(&mut self, l: &LookUp, pool: bool) {
        if !l.answered || l.addresses.is_empty() {
            return;
        }
        let name: Arc<str> = Arc::from(&*l.name);
        // None is the rule, and costs no memory.
        let aliases: Arc<[Box<str>]> = match l.aliases.as_slice() {
            [] => Arc::default(),
            some => some.iter().take(MAX_ALIASES).cloned().collect(),
        };
        let (now, client) = (l.at.time, l.client.ip());
        let server = match l.server.ip() {
            IpAddr::V4(a) => a.to_ipv6_mapped(),
            IpAddr::V6(a) => a,
        };
        for a in &l.addresses {
            let key = (l.tenant, a.ip);
            self.make_room(&key, client);
            let entry = self.addresses.entry(key).or_insert_with(|| {
                let brought = self.of.entry((l.tenant, client)).or_default();
                brought.count += 1;
                brought.order.push_back(a.ip);
                Entry { names: Vec::new(), taught: now, owner: client }
            });
            if entry.names.is_empty() || entry.taught < now {
                entry.taught = now;
                self.order.push_back((now, key));
            }
            let until = now.plus(Duration::from_secs(a.ttl.into()));
            if let Some(k) = entry.names.iter_mut().find(|k| *k.name == *name) {
                k.heard_by(client, l.at);
                (k.last, k.until, k.server) = (now, k.until.max(until), server);
                k.pool |= pool;
                self.bytes = self.bytes.saturating_sub(k.bytes());
                k.aliases = Arc::clone(&aliases);
                self.bytes += k.bytes();
                continue;
            }
            if entry.names.len() >= MAX_NAMES
                && let Some(victim) = victim(&entry.names, client)
            {
                self.bytes = self.bytes.saturating_sub(entry.names.remove(victim).bytes());
            }
            let known = Known {
                name: Arc::clone(&name),
                aliases: Arc::clone(&aliases),
                clients: vec![(client, l.at)],
                first: l.at,
                last: now,
                server,
                until,
                pool,
            };
            self.bytes += known.bytes();
            if entry.names.is_empty() {
                // Most addresses have one name for good.
                entry.names.reserve_exact(1);
            }
            entry.names.push(known);
        }
    }

    fn make_room(&mut self, key: &(Tenant, IpAddr), client: IpAddr) {
        let known = self.addresses.contains_key(key);
        let owner = (key.0, client);
        while !known && self.of.get(&owner).is_some_and(|b| b.count >= MAX_OF_ONE) {
            let Some(old) = self.of.get_mut(&owner).and_then(|b| b.order.pop_front()) else { break };
            if self.addresses.get(&(key.0, old)).is_some_and(|e| e.owner == client) {
                self.remove((key.0, old));
            }
        }
        // What was taught again since has a later place in the queue.
        while (self.addresses.len() >= MAX_ADDRESSES && !known)
            || self.bytes > MAX_BYTES
            || self.order.len() > 4 * MAX_ADDRESSES
        {
            let Some((at, old)) = self.order.pop_front() else { break };
            if self.addresses.get(&old).is_some_and(|e| e.taught == at) {
                self.remove(old);
            }
        }
    }

    fn remove(&mut self, key: (Tenant, IpAddr)) {
        let Some(entry) = self.addresses.remove(&key) else { return };
        self.evicted += 1;
        self.bytes = self.bytes.saturating_sub(entry.names.iter().map(Known::bytes).sum());
        if let Some(brought) = self.of.get_mut(&(key.0, entry.owner)) {
            brought.count = brought.count.saturating_sub(1);
            if brought.count == 0 {
                self.of.remove(&(key.0, entry.owner));
            } else if brought.order.len() > 2 * brought.count + 64 {
                let (addresses, owner) = (&self.addresses, entry.owner);
                let mut seen = std::collections::HashSet::new();
                brought
                    .order
                    .retain(|ip| addresses.get(&(key.0, *ip)).is_some_and(|e| e.owner == owner) && seen.insert(*ip));
            }
        }
    }

    /// The names by which an address may have been reached in a conversation between two times, the likeliest first:
    /// those that the client itself asked for, then the most recent before its beginning.
    pub fn names(
        &self,
        tenant: Tenant,
        ip: IpAddr,
        client: IpAddr,
        first: PacketTime,
        last: PacketTime,
    ) -> Vec<&Known> {
        let Some(entry) = self.addresses.get(&(tenant, ip)) else { return Vec::new() };
        let mut names: Vec<_> =
            entry.names.iter().filter(|k| k.first.time <= last && k.until.plus(GRACE) >= first).collect();
        // `first` may be later than the last answer, or earlier, where the capture joined the conversation.
        names.sort_by_key(|k| {
            let own = k.asked_by(client).is_some();
            (!own, k.first.time > first, std::cmp::Reverse(k.last), Arc::clone(&k.name))
        });
        names
    }

    /// Names of no pool that others than `client` asked for, until `last`, with who they are: a client alone could
    /// make any address look shared.
    pub fn strangers(
        &self,
        tenant: Tenant,
        ip: IpAddr,
        client: IpAddr,
        last: PacketTime,
    ) -> impl Iterator<Item = (&str, impl Iterator<Item = IpAddr>)> {
        let names = self.addresses.get(&(tenant, ip)).map(|e| e.names.as_slice()).unwrap_or_default();
        let others = move |k: &Known| !k.pool && k.alone() != Some(client) && k.first.time <= last;
        let who = move |k: &Known| k.clients.iter().map(|(c, _)| *c).filter(|c| *c != client).collect::<Vec<_>>();
        names.iter().filter(move |k| others(k)).map(move |k| (&*k.name, who(k).into_iter()))
    }

    /// Addresses forgotten because there were too many.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// Which name of a full address goes: the oldest of the client that has most of them to itself, so that nobody alone
/// makes an address forget what others call it.
fn victim(names: &[Known], newcomer: IpAddr) -> Option<usize> {
    let alone = |who| names.iter().filter(|k| k.alone() == Some(who)).count() + usize::from(who == newcomer);
    let most = |k: &Known| k.alone().map_or(0, alone);
    (0..names.len()).min_by_key(|i| names.get(*i).map(|k| (k.pool, std::cmp::Reverse(most(k)), k.last)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameRef;

    fn at(seconds: i64) -> Stamp {
        Stamp { time: PacketTime::from_parts(seconds, 0), frame: FrameRef::default() }
    }

    fn answer(seconds: i64, client: &str, name: &str, ip: &str, ttl: u32) -> LookUp {
        LookUp {
            at: at(seconds),
            tenant: Tenant::None,
            client: SocketAddr::new(client.parse().unwrap(), 5000),
            server: "192.0.2.53:53".parse().unwrap(),
            recursion_desired: true,
            answered: true,
            name: name.into(),
            aliases: Vec::new(),
            addresses: vec![Address { ip: ip.parse().unwrap(), ttl }],
        }
    }

    fn names(dns: &PassiveDns, ip: &str, client: &str, first: i64, last: i64) -> Vec<String> {
        let (ip, client) = (ip.parse().unwrap(), client.parse().unwrap());
        dns.names(Tenant::None, ip, client, at(first).time, at(last).time).iter().map(|k| k.name.to_string()).collect()
    }

    const POOL: &str = "198.51.100.7";
    const A: &str = "192.0.2.1";
    const B: &str = "192.0.2.2";

    #[test]
    fn the_clients_own_question_comes_first_then_the_most_recent() {
        let mut dns = PassiveDns::default();
        dns.learn(&answer(10, A, "own.example", POOL, 60), false);
        dns.learn(&answer(20, B, "old.example", POOL, 60), false);
        dns.learn(&answer(30, B, "new.example", POOL, 60), false);
        assert_eq!(names(&dns, POOL, A, 40, 50), ["own.example", "new.example", "old.example"]);
        assert_eq!(names(&dns, POOL, "192.0.2.3", 25, 26), ["old.example", "own.example"]);
    }

    #[test]
    fn each_of_several_askers_is_remembered() {
        let mut dns = PassiveDns::default();
        let host = |n: i64| format!("192.0.2.{n}");
        for n in 1..=8 {
            dns.learn(&answer(n, &host(n), "pool.example", POOL, 60), false);
        }
        dns.learn(&answer(20, A, "pool.example", POOL, 60), false);
        let first = |dns: &PassiveDns, client: i64| {
            let client: IpAddr = host(client).parse().unwrap();
            let known = dns.names(Tenant::None, POOL.parse().unwrap(), client, at(30).time, at(40).time);
            known[0].asked_by(client).map(|s| s.time)
        };
        assert_eq!(first(&dns, 1), Some(at(1).time), "its first answer");
        assert_eq!(first(&dns, 5), Some(at(5).time));
        assert_eq!(first(&dns, 9), None);
        dns.learn(&answer(21, &host(9), "pool.example", POOL, 60), false);
        assert_eq!((first(&dns, 9), first(&dns, 2)), (Some(at(21).time), None), "the latest eight");
        assert!(first(&dns, 1).is_some(), "it asked again");
    }

    #[test]
    fn names_age_with_their_answers() {
        let mut dns = PassiveDns::default();
        dns.learn(&answer(10, A, "pool.example", POOL, 60), false);
        assert_eq!(names(&dns, POOL, A, 10 + 60 + 3600, 9999), ["pool.example"]);
        assert!(names(&dns, POOL, A, 10 + 61 + 3600, 9999).is_empty());
        assert!(names(&dns, POOL, A, 1, 9).is_empty(), "learned after the conversation");
        dns.learn(&answer(5000, A, "pool.example", POOL, 60), false);
        assert_eq!(names(&dns, POOL, A, 5100, 9999), ["pool.example"], "asked again");
    }

    #[test]
    fn questions_teach_nothing_and_tenants_are_apart() {
        let mut dns = PassiveDns::default();
        dns.learn(&LookUp { answered: false, ..answer(1, A, "a.example", POOL, 60) }, false);
        dns.learn(&LookUp { tenant: Tenant::Vxlan(7), ..answer(1, A, "b.example", POOL, 60) }, false);
        assert!(names(&dns, POOL, A, 1, 2).is_empty());
    }

    #[test]
    fn a_client_alone_makes_no_address_look_shared() {
        let mut dns = PassiveDns::default();
        for n in 0..30 {
            dns.learn(&answer(n, A, &format!("n{n}.example"), POOL, 60), false);
        }
        let strangers = |dns: &PassiveDns, client: &str| {
            dns.strangers(Tenant::None, POOL.parse().unwrap(), client.parse().unwrap(), at(9999).time).count()
        };
        assert_eq!((strangers(&dns, A), strangers(&dns, B)), (0, MAX_NAMES));
        dns.learn(&answer(40, B, "n29.example", POOL, 60), false);
        assert_eq!(strangers(&dns, A), 1);
    }

    #[test]
    fn several_clients_of_one_name_are_all_remembered() {
        let mut dns = PassiveDns::default();
        for (n, client) in [(1, A), (2, B), (3, A)] {
            dns.learn(&answer(n, client, "pool.example", POOL, 60), false);
        }
        let known = &dns.addresses[&(Tenant::None, POOL.parse().unwrap())].names[0];
        let asked = |who: &str| known.asked_by(who.parse().unwrap());
        assert_eq!((asked(A), asked(B), asked("192.0.2.3")), (Some(at(1)), Some(at(2)), None));
    }

    #[test]
    fn a_pools_name_is_not_pushed_out_by_others() {
        let mut dns = PassiveDns::default();
        dns.learn(&answer(1, A, "xmr.pool.example", POOL, 60), true);
        for n in 0..100 {
            dns.learn(&answer(2 + n, A, &format!("x{n}.example"), POOL, 60), false);
        }
        assert!(names(&dns, POOL, A, 1, 200).contains(&"xmr.pool.example".to_owned()));
    }

    #[test]
    fn what_is_said_after_the_conversation_makes_no_address_shared() {
        let mut dns = PassiveDns::default();
        dns.learn(&answer(50, B, "shop.example", POOL, 60), false);
        let count =
            |last| dns.strangers(Tenant::None, POOL.parse().unwrap(), A.parse().unwrap(), at(last).time).count();
        assert_eq!((count(49), count(50)), (0, 1));
    }

    #[test]
    fn nobody_alone_makes_an_address_forget_its_other_names() {
        let mut dns = PassiveDns::default();
        for n in 0..9 {
            dns.learn(&answer(n, B, &format!("shop{n}.example"), POOL, 60), false);
        }
        for n in 0..100 {
            dns.learn(&answer(20 + n, A, &format!("x{n}.example"), POOL, 60), false);
        }
        assert!(
            dns.strangers(Tenant::None, POOL.parse().unwrap(), A.parse().unwrap(), at(9999).time).count()
                >= MAX_NAMES / 2
        );
    }

    #[test]
    fn nobody_alone_makes_the_map_forget_what_others_asked() {
        let mut dns = PassiveDns::default();
        dns.learn(&answer(1, B, "pool.example", POOL, 60), false);
        for n in 0..2 * MAX_ADDRESSES as u32 {
            let ip = IpAddr::from(std::net::Ipv6Addr::from(u128::from(n))).to_string();
            dns.learn(&answer(2 + i64::from(n), A, "x.example", &ip, 60), false);
        }
        assert_eq!(names(&dns, POOL, B, 2, 3), ["pool.example"]);
        assert_eq!(dns.addresses.len(), MAX_OF_ONE + 1);
        let brought = &dns.of[&(Tenant::None, A.parse().unwrap())];
        assert!(brought.count == MAX_OF_ONE && brought.order.len() <= 2 * MAX_OF_ONE + 65);
    }

    #[test]
    fn long_names_are_bounded_too() {
        let mut dns = PassiveDns::default();
        let long = "\\255".repeat(250);
        for n in 0..100_000_u32 {
            let client = std::net::Ipv4Addr::from(0x0a00_0000 + n / 4096).to_string();
            let ip = std::net::Ipv4Addr::from(0xcb00_7100 + n).to_string();
            dns.learn(
                &LookUp {
                    aliases: (0..4).map(|k| format!("{n}{k}{long}").into()).collect(),
                    ..answer(n.into(), &client, &format!("{n}{long}"), &ip, 60)
                },
                false,
            );
        }
        assert!(dns.bytes <= MAX_BYTES + 8192 && dns.evicted() > 0);
        let held: usize = dns.addresses.values().flat_map(|e| &e.names).map(Known::bytes).sum();
        assert_eq!(held, dns.bytes);
    }

    #[test]
    fn memory_is_bounded_and_what_was_taught_again_stays() {
        const MOST: u32 = MAX_ADDRESSES as u32;
        let mut dns = PassiveDns::default();
        let v6 = |n: u32| IpAddr::from(std::net::Ipv6Addr::from(u128::from(n))).to_string();
        let client = |n: u32| format!("10.0.0.{}", n % 200);
        for n in 0..MOST {
            dns.learn(&answer(i64::from(n), &client(n), "x.example", &v6(n), 60), false);
        }
        dns.learn(&answer(i64::from(MOST), A, "x.example", &v6(0), 60), false);
        for n in MOST..MOST + 10 {
            dns.learn(&answer(i64::from(n) + 10, &client(n), "x.example", &v6(n), 60), false);
        }
        assert_eq!((dns.addresses.len(), dns.evicted()), (MAX_ADDRESSES, 10));
        assert!(dns.addresses.contains_key(&(Tenant::None, v6(0).parse().unwrap())));
        assert!(dns.order.len() <= 4 * MAX_ADDRESSES);
    }
}

//! Passive DNS: by which names an address was reached, and how many names it serves.
//!
//! In: [`LookUp`]s in packet order, from all workers. Out: names for an endpoint ([`PassiveDns::names`]), and the word
//! that an address is shared by strangers ([`PassiveDns::strangers`]). Only answers to questions that were seen get
//! here, and of those only what leads from the question to an address. Bounded; the least recently taught goes first.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
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
/// A connection is made within the life of its answer, or a little later: programs keep answers longer than they should.
const GRACE: Duration = Duration::from_hours(1);

/// A name by which an address was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// As asked for.
    pub name: Arc<str>,
    /// What it led to on the way.
    pub aliases: Arc<[Box<str>]>,
    /// Who asked last.
    pub client: IpAddr,
    /// Somebody else asked, too.
    pub others: bool,
    /// First answer.
    pub first: Stamp,
    /// Last answer.
    pub last: PacketTime,
    /// Until when the last answer holds.
    until: PacketTime,
}

#[derive(Default)]
struct Entry {
    names: Vec<Known>,
    taught: PacketTime,
}

/// The map.
#[derive(Default)]
pub struct PassiveDns {
    addresses: HashMap<(Tenant, IpAddr), Entry, foldhash::quality::RandomState>,
    order: VecDeque<(PacketTime, (Tenant, IpAddr))>,
    evicted: u64,
}

impl PassiveDns {
    /// Takes an answer; a question teaches nothing.
    pub fn learn(&mut self, l: &LookUp) {
        if !l.answered || l.addresses.is_empty() {
            return;
        }
        let name: Arc<str> = Arc::from(&*l.name);
        let aliases: Arc<[Box<str>]> = l.aliases.iter().take(MAX_ALIASES).cloned().collect();
        let (now, client) = (l.at.time, l.client.ip());
        for a in &l.addresses {
            let key = (l.tenant, a.ip);
            self.make_room(&key);
            let entry = self.addresses.entry(key).or_default();
            if entry.names.is_empty() || entry.taught < now {
                entry.taught = now;
                self.order.push_back((now, key));
            }
            let until = now.plus(Duration::from_secs(a.ttl.into()));
            if let Some(k) = entry.names.iter_mut().find(|k| *k.name == *name) {
                k.others |= k.client != client;
                (k.client, k.last, k.until) = (client, now, k.until.max(until));
                k.aliases = Arc::clone(&aliases);
                continue;
            }
            if entry.names.len() >= MAX_NAMES
                && let Some(oldest) = (0..entry.names.len()).min_by_key(|i| entry.names.get(*i).map(|k| k.last))
            {
                entry.names.remove(oldest);
            }
            entry.names.push(Known {
                name: Arc::clone(&name),
                aliases: Arc::clone(&aliases),
                client,
                others: false,
                first: l.at,
                last: now,
                until,
            });
        }
    }

    fn make_room(&mut self, key: &(Tenant, IpAddr)) {
        // What was taught again since has a later place in the queue.
        while (self.addresses.len() >= MAX_ADDRESSES && !self.addresses.contains_key(key))
            || self.order.len() > 4 * MAX_ADDRESSES
        {
            let Some((at, old)) = self.order.pop_front() else { break };
            if self.addresses.get(&old).is_some_and(|e| e.taught == at) {
                self.addresses.remove(&old);
                self.evicted += 1;
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
            (k.client != client, k.first.time > first, std::cmp::Reverse(k.last), Arc::clone(&k.name))
        });
        names
    }

    /// Names of an address that others than `client` asked for: a client alone could make any address look shared.
    pub fn strangers(&self, tenant: Tenant, ip: IpAddr, client: IpAddr) -> impl Iterator<Item = &str> {
        let names = self.addresses.get(&(tenant, ip)).map(|e| e.names.as_slice()).unwrap_or_default();
        names.iter().filter(move |k| k.others || k.client != client).map(|k| &*k.name)
    }

    /// Addresses forgotten because there were too many.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
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
        dns.learn(&answer(10, A, "own.example", POOL, 60));
        dns.learn(&answer(20, B, "old.example", POOL, 60));
        dns.learn(&answer(30, B, "new.example", POOL, 60));
        assert_eq!(names(&dns, POOL, A, 40, 50), ["own.example", "new.example", "old.example"]);
        assert_eq!(names(&dns, POOL, "192.0.2.3", 25, 26), ["old.example", "own.example"]);
    }

    #[test]
    fn names_age_with_their_answers() {
        let mut dns = PassiveDns::default();
        dns.learn(&answer(10, A, "pool.example", POOL, 60));
        assert_eq!(names(&dns, POOL, A, 10 + 60 + 3600, 9999), ["pool.example"]);
        assert!(names(&dns, POOL, A, 10 + 61 + 3600, 9999).is_empty());
        assert!(names(&dns, POOL, A, 1, 9).is_empty(), "learned after the conversation");
        dns.learn(&answer(5000, A, "pool.example", POOL, 60));
        assert_eq!(names(&dns, POOL, A, 5100, 9999), ["pool.example"], "asked again");
    }

    #[test]
    fn questions_teach_nothing_and_tenants_are_apart() {
        let mut dns = PassiveDns::default();
        dns.learn(&LookUp { answered: false, ..answer(1, A, "a.example", POOL, 60) });
        dns.learn(&LookUp { tenant: Tenant::Vxlan(7), ..answer(1, A, "b.example", POOL, 60) });
        assert!(names(&dns, POOL, A, 1, 2).is_empty());
    }

    #[test]
    fn a_client_alone_makes_no_address_look_shared() {
        let mut dns = PassiveDns::default();
        for n in 0..30 {
            dns.learn(&answer(n, A, &format!("n{n}.example"), POOL, 60));
        }
        let strangers = |dns: &PassiveDns, client: &str| {
            dns.strangers(Tenant::None, POOL.parse().unwrap(), client.parse().unwrap()).count()
        };
        assert_eq!((strangers(&dns, A), strangers(&dns, B)), (0, MAX_NAMES));
        dns.learn(&answer(40, B, "n29.example", POOL, 60));
        assert_eq!(strangers(&dns, A), 1);
    }

    #[test]
    fn memory_is_bounded_and_what_was_taught_again_stays() {
        let mut dns = PassiveDns::default();
        let v6 = |n: usize| IpAddr::from(std::net::Ipv6Addr::from(n as u128)).to_string();
        let second = |n: usize| i64::try_from(n).unwrap();
        for n in 0..MAX_ADDRESSES {
            dns.learn(&answer(second(n), A, "x.example", &v6(n), 60));
        }
        dns.learn(&answer(second(MAX_ADDRESSES), A, "x.example", &v6(0), 60));
        for n in MAX_ADDRESSES..MAX_ADDRESSES + 10 {
            dns.learn(&answer(second(n) + 10, A, "x.example", &v6(n), 60));
        }
        assert_eq!((dns.addresses.len(), dns.evicted()), (MAX_ADDRESSES, 10));
        assert!(dns.addresses.contains_key(&(Tenant::None, v6(0).parse().unwrap())));
        assert!(dns.order.len() <= 4 * MAX_ADDRESSES);
    }
}

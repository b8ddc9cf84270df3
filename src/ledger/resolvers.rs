//! Who asks DNS for others: whose look-ups are somebody else's.
//!
//! In: look-ups in packet order. Out: whether a question was passed on for a client that had just asked the same, and
//! whether a host serves several clients. An infected host that answers one question of an accomplice is no resolver.
//! Bounded; the oldest goes first.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Duration;

use super::HostKey;
use crate::decode::Tenant;
use crate::intel::LookUp;
use crate::time::PacketTime;

/// Hosts known to answer look-ups, at most.
const MAX_RESOLVERS: usize = 65_536;
/// Questions remembered that hosts were asked.
const MAX_ASKED: usize = 65_536;
/// A resolver passes a question on at once; what it fetches again later by itself, it does within the life of most answers.
const PASSED_ON: Duration = Duration::from_mins(5);
/// Who answers so many questions is a resolver, though a capture shows one of its clients only.
const MANY: u32 = 8;

/// A name that a host was asked for: its hash, with a secret seed. Two that meet by chance in 64 bits would say of one
/// look-up in 10^14 that it was passed on.
type Question = u64;
type Names<V> = HashMap<(Tenant, IpAddr), V, foldhash::quality::RandomState>;

/// Who answers.
#[derive(Default)]
pub(super) struct Resolvers {
    /// The first two clients of each, and how many questions it answered.
    clients: Names<(IpAddr, Option<IpAddr>, u32)>,
    seed: foldhash::quality::RandomState,
    /// Names that a host was asked for, and when last.
    asked: HashMap<Question, PacketTime, foldhash::fast::RandomState>,
    order: VecDeque<(PacketTime, Question)>,
}

impl Resolvers {
    /// Takes a look-up. Whether its client asks for somebody who asked it the same.
    pub(super) fn hear(&mut self, l: &LookUp) -> bool {
        let (server, client) = (l.server.ip(), l.client.ip());
        let at = l.at.time;
        if l.answered {
            self.answered((l.tenant, server), client);
        } else {
            self.remember(at, self.question(l.tenant, server, &l.name));
        }
        let own = self.question(l.tenant, client, &l.name);
        // Whoever answers renews what he was asked for once, to have it at hand when he is asked again.
        let answers = || self.clients.contains_key(&(l.tenant, client));
        let passed_on = self.asked.get(&own).is_some_and(|asked| at.since(*asked) <= PASSED_ON || answers());
        if passed_on && l.answered {
            // It follows where that leads, too.
            for alias in &l.aliases {
                self.remember(at, self.question(l.tenant, client, alias));
            }
        }
        passed_on
    }

    /// Whether a host answers more than one client, or one of them again and again; at whatever time.
    pub(super) fn serves_several(&self, host: HostKey) -> bool {
        let known = self.clients.get(&(host.tenant, host.ip));
        known.is_some_and(|(_, second, answers)| second.is_some() || *answers >= MANY)
    }

    fn question(&self, tenant: Tenant, asked: IpAddr, name: &str) -> Question {
        self.seed.hash_one((tenant, asked, name))
    }

    fn answered(&mut self, server: (Tenant, IpAddr), client: IpAddr) {
        let full = self.clients.len() >= MAX_RESOLVERS;
        match self.clients.get_mut(&server) {
            Some((first, second, answers)) => {
                if *first != client {
                    *second = second.or(Some(client));
                }
                *answers = answers.saturating_add(1);
            }
            None if full => {}
            None => drop(self.clients.insert(server, (client, None, 1))),
        }
    }

    fn remember(&mut self, at: PacketTime, question: Question) {
        if self.asked.insert(question, at) == Some(at) {
            return;
        }
        self.order.push_back((at, question));
        while self.order.len() > MAX_ASKED {
            let Some((at, old)) = self.order.pop_front() else { break };
            // Asked again since, it has a later place.
            if self.asked.get(&old) == Some(&at) {
                self.asked.remove(&old);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{FrameRef, Stamp};

    const A: &str = "192.0.2.1";
    const B: &str = "192.0.2.2";
    const HOME: &str = "192.0.2.53";
    const PUBLIC: &str = "198.51.100.53";

    fn look_up(seconds: i64, client: &str, server: &str, name: &str, answered: bool) -> LookUp {
        LookUp {
            at: Stamp { time: PacketTime::from_parts(seconds, 0), frame: FrameRef::default() },
            tenant: Tenant::None,
            client: format!("{client}:5000").parse().unwrap(),
            server: format!("{server}:53").parse().unwrap(),
            recursion_desired: true,
            answered,
            name: name.into(),
            aliases: Vec::new(),
            addresses: Vec::new(),
        }
    }

    fn serves(r: &Resolvers, ip: &str) -> bool {
        r.serves_several(HostKey { tenant: Tenant::None, ip: ip.parse().unwrap() })
    }

    #[test]
    fn what_was_just_asked_of_a_host_is_passed_on_by_it() {
        let mut r = Resolvers::default();
        assert!(!r.hear(&look_up(1, A, HOME, "pool.example", false)));
        assert!(r.hear(&look_up(1, HOME, PUBLIC, "pool.example", false)));
        assert!(!r.hear(&look_up(2, HOME, PUBLIC, "other.example", false)), "its own");
        assert!(!r.hear(&look_up(400, HOME, PUBLIC, "pool.example", false)), "long after");
        assert!(!serves(&r, HOME));
    }

    #[test]
    fn what_a_resolver_renews_by_itself_was_asked_for_by_its_clients() {
        let mut r = Resolvers::default();
        r.hear(&look_up(1, A, HOME, "pool.example", false));
        r.hear(&look_up(1, A, HOME, "pool.example", true));
        assert!(r.hear(&look_up(4_000, HOME, PUBLIC, "pool.example", false)));
        assert!(!r.hear(&look_up(4_000, HOME, PUBLIC, "other.example", false)), "its own");
        assert!(!serves(&r, HOME), "one answer to an accomplice");
        // It answers that one client all day, before or after its own look-ups.
        for n in 0..i64::from(MANY) {
            r.hear(&look_up(5_000 + n, A, HOME, &format!("x{n}.example"), true));
        }
        assert!(serves(&r, HOME));
    }

    #[test]
    fn where_it_leads_is_passed_on_too() {
        let mut r = Resolvers::default();
        r.hear(&look_up(1, A, HOME, "cdn.example", false));
        let led = LookUp { aliases: vec!["pool.example".into()], ..look_up(2, HOME, PUBLIC, "cdn.example", true) };
        assert!(r.hear(&led));
        assert!(r.hear(&look_up(2, HOME, PUBLIC, "pool.example", false)));
        assert!(!r.hear(&look_up(2, A, PUBLIC, "pool.example", false)), "somebody else");
    }

    #[test]
    fn one_client_makes_no_resolver() {
        let mut r = Resolvers::default();
        for client in [A, A] {
            r.hear(&look_up(1, client, HOME, "x.example", true));
        }
        assert!(!serves(&r, HOME));
        r.hear(&look_up(2, B, HOME, "x.example", true));
        assert!(serves(&r, HOME) && !serves(&r, PUBLIC));
    }

    #[test]
    fn a_flood_of_questions_is_bounded() {
        let mut r = Resolvers::default();
        for n in 0..300_000 {
            r.hear(&look_up(n, A, HOME, &format!("x{n}.example"), false));
            r.hear(&look_up(n, A, HOME, "again.example", false));
        }
        assert!(r.asked.len() <= MAX_ASKED && r.order.len() <= MAX_ASKED);
    }
}

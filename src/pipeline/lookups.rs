//! DNS look-ups of one worker: questions that wait for their answer.
//!
//! In: DNS messages with who sent them to whom. Out: [`LookUp`]s. An answer counts only if it comes back to who asked,
//! from whom was asked, with the same identification, name and type: an outsider cannot teach names by sending answers
//! that nobody asked for. Bounded; times are packet times.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::capture::Stamp;
use crate::carrier::dns::{self, Dns};
use crate::decode::{Packet, Tenant, Transport};
use crate::health::{Counter, Health};
use crate::intel::LookUp;
use crate::time::{Elapsed, PacketTime};

/// Questions that wait, at most.
const MAX_WAITING: usize = 16_384;
/// Of one asker: a flood of its questions pushes out its own only.
const MAX_OF_ONE: u32 = 2_048;
/// Resolvers answer within seconds, or not at all.
const PATIENCE: Duration = Duration::from_secs(15);

/// Packets are not always in order of time, and it passes by everybody's packets: what is too old is forgotten later than
/// it ceases to count.
const SLACK: Duration = Duration::from_secs(10);

/// What an answer must agree with.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Asked {
    tenant: Tenant,
    client: SocketAddr,
    server: SocketAddr,
    id: u16,
    /// Hash of name and type.
    question: u64,
}

/// Questions that wait for an answer.
#[derive(Default)]
pub(super) struct LookUps {
    waiting: HashMap<Asked, Waiting, foldhash::quality::RandomState>,
    order: VecDeque<(Elapsed, Asked)>,
    of: HashMap<(Tenant, IpAddr), u32, foldhash::quality::RandomState>,
    now: Elapsed,
}

struct Waiting {
    /// By its own packet.
    at: PacketTime,
    /// By everybody's.
    since: Elapsed,
    asker: IpAddr,
}

/// Who says a message to whom.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub(super) at: Stamp,
    pub(super) tenant: Tenant,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

/// The DNS datagram in a packet, if its ports say that it is one.
pub(super) fn datagram<'a>(packet: &Packet<'a>) -> Option<(Said, &'a [u8])> {
    let Transport::Udp { src_port, dst_port } = packet.transport else { return None };
    if src_port != dns::PORT && dst_port != dns::PORT {
        return None;
    }
    let said = Said {
        at: packet.stamp(),
        tenant: packet.tenant,
        from: SocketAddr::new(packet.src, src_port),
        to: SocketAddr::new(packet.dst, dst_port),
    };
    Some((said, packet.payload))
}

impl LookUps {
    /// Takes a message; gives what is to be told: a question, or an answer to a question that was seen.
    pub(super) fn message(&mut self, said: Said, bytes: &[u8], health: &mut Health) -> Option<LookUp> {
        let dns = dns::read(bytes)?;
        health.add(Counter::DnsMessages);
        let question = hash(&dns);
        let (client, server) = if dns.reply { (said.to, said.from) } else { (said.from, said.to) };
        let key = Asked { tenant: said.tenant, client, server, id: dns.id, question };
        if dns.reply {
            let asked = self.waiting.remove(&key);
            if let Some(asked) = &asked {
                self.free(said.tenant, asked.asker);
            }
            if asked.is_none_or(|w| said.at.time.since(w.at) > PATIENCE) {
                health.add(Counter::DnsUnasked);
                return None;
            }
        } else {
            self.wait(key, said.at.time, client.ip(), health);
        }
        Some(LookUp {
            at: said.at,
            tenant: said.tenant,
            client,
            server,
            recursion_desired: dns.recursion_desired,
            answered: dns.reply,
            name: dns.name,
            aliases: dns.aliases,
            addresses: dns.addresses,
        })
    }

    fn wait(&mut self, key: Asked, now: PacketTime, asker: IpAddr, health: &mut Health) {
        if let Some(w) = self.waiting.get_mut(&key) {
            // Asked again, as clients do that heard nothing.
            (w.at, w.since) = (now, self.now);
            return;
        }
        let of = self.of.entry((key.tenant, asker)).or_default();
        if *of >= MAX_OF_ONE {
            health.add(Counter::DnsForgotten);
            return;
        }
        *of += 1;
        while self.waiting.len() >= MAX_WAITING && self.drop_oldest() {
            health.add(Counter::DnsForgotten);
        }
        // What is answered stays in the queue until it is old: it must not outgrow what waits without bound.
        while self.order.len() >= 2 * MAX_WAITING && self.drop_oldest() {}
        self.order.push_back((self.now, key.clone()));
        self.waiting.insert(key, Waiting { at: now, since: self.now, asker });
    }

    fn free(&mut self, tenant: Tenant, asker: IpAddr) {
        if let Some(n) = self.of.get_mut(&(tenant, asker)) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                self.of.remove(&(tenant, asker));
            }
        }
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((since, key)) = self.order.pop_front() else { return false };
        match self.waiting.get(&key) {
            // Asked again since.
            Some(w) if w.since != since => self.order.push_back((w.since, key)),
            Some(w) => {
                let asker = w.asker;
                self.waiting.remove(&key);
                self.free(key.tenant, asker);
            }
            // Answered since.
            None => {}
        }
        true
    }

    /// So much time has passed: what nobody will answer any more is forgotten.
    pub(super) fn tick(&mut self, now: Elapsed) {
        self.now = self.now.max(now);
        while self.order.front().is_some_and(|(since, _)| self.now.since(*since) > PATIENCE + SLACK) {
            self.drop_oldest();
        }
    }
}

/// Both sides of a look-up hash their question in the same worker and run.
fn hash(dns: &Dns) -> u64 {
    use std::sync::OnceLock;
    static SEED: OnceLock<foldhash::quality::RandomState> = OnceLock::new();
    SEED.get_or_init(foldhash::quality::RandomState::default).hash_one((&*dns.name, dns.qtype))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameRef;

    const CLIENT: &str = "192.0.2.1:5000";
    const SERVER: &str = "198.51.100.53:53";

    fn said(seconds: i64, from: &str, to: &str) -> Said {
        let at = Stamp { time: PacketTime::from_parts(seconds, 0), frame: FrameRef::default() };
        Said { at, tenant: Tenant::None, from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    /// A question or its answer for pool.example with that identification.
    fn dns(id: u8, reply: bool) -> Vec<u8> {
        let flags = if reply { 0x81 } else { 0x01 };
        let mut m = vec![0, id, flags, 0, 0, 1, 0, u8::from(reply), 0, 0, 0, 0];
        m.extend(b"\x04pool\x07example\0\0\x01\0\x01");
        if reply {
            m.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xcb\0\x71\x07");
        }
        m
    }

    #[test]
    fn an_answer_counts_once_and_only_to_who_asked_whom() {
        let (mut l, mut h) = (LookUps::default(), Health::default());
        assert!(!l.message(said(1, CLIENT, SERVER), &dns(7, false), &mut h).unwrap().answered);
        for (from, to, id) in [(SERVER, "192.0.2.1:5001", 7), ("198.51.100.54:53", CLIENT, 7), (SERVER, CLIENT, 8)] {
            assert_eq!(l.message(said(1, from, to), &dns(id, true), &mut h), None);
        }
        let other = Said { tenant: Tenant::Vxlan(1), ..said(1, SERVER, CLIENT) };
        assert_eq!(l.message(other, &dns(7, true), &mut h), None);
        let answer = l.message(said(2, SERVER, CLIENT), &dns(7, true), &mut h).unwrap();
        assert_eq!((answer.client, answer.answered), (CLIENT.parse().unwrap(), true));
        assert_eq!(answer.addresses.len(), 1);
        assert_eq!(l.message(said(2, SERVER, CLIENT), &dns(7, true), &mut h), None, "a second answer");
        assert_eq!(h.get(Counter::DnsUnasked), 5);
    }

    #[test]
    fn nobody_waits_for_ever() {
        let (mut l, mut h) = (LookUps::default(), Health::default());
        l.message(said(1, CLIENT, SERVER), &dns(7, false), &mut h);
        assert_eq!(l.message(said(17, SERVER, CLIENT), &dns(7, true), &mut h), None);
        assert!(l.waiting.is_empty() && l.of.is_empty());
        l.message(said(17, CLIENT, SERVER), &dns(8, false), &mut h);
        l.tick(Elapsed::after(Duration::from_secs(25)));
        assert_eq!(l.waiting.len(), 1);
        l.tick(Elapsed::after(Duration::from_secs(26)));
        assert!(l.waiting.is_empty() && l.order.is_empty() && l.of.is_empty());
    }

    #[test]
    fn a_question_asked_again_waits_from_then_on() {
        let (mut l, mut h) = (LookUps::default(), Health::default());
        for at in [1, 11, 21, 31] {
            l.tick(Elapsed::after(Duration::from_secs(at)));
            l.message(said(at.cast_signed(), CLIENT, SERVER), &dns(7, false), &mut h);
        }
        assert_eq!((l.waiting.len(), l.of.len(), l.order.len()), (1, 1, 1));
        assert!(l.message(said(40, SERVER, CLIENT), &dns(7, true), &mut h).is_some());
        assert!(l.waiting.is_empty() && l.of.is_empty());
    }

    /// How much time has passed is told, and not for anybody's stamp to say.
    #[test]
    fn a_stranger_that_is_ahead_in_time_makes_nobody_forget() {
        let (mut l, mut h) = (LookUps::default(), Health::default());
        l.message(said(1, CLIENT, SERVER), &dns(7, false), &mut h);
        for _ in 0..1_000 {
            l.message(said(30_000, "192.0.2.2:5000", SERVER), &dns(7, false), &mut h);
        }
        assert!(l.message(said(2, SERVER, CLIENT), &dns(7, true), &mut h).is_some());
    }

    #[test]
    fn a_flood_of_questions_pushes_out_its_own() {
        let (mut l, mut h) = (LookUps::default(), Health::default());
        l.message(said(1, CLIENT, SERVER), &dns(7, false), &mut h);
        for n in 0..200_000_u32 {
            let from = format!("192.0.2.66:{}", 1024 + n % 60_000);
            l.message(said(1, &from, SERVER), &dns((n / 60_000) as u8, false), &mut h);
        }
        assert!(l.waiting.len() <= MAX_OF_ONE as usize + 1 && l.order.len() <= 2 * MAX_WAITING + 1);
        assert!(l.message(said(2, SERVER, CLIENT), &dns(7, true), &mut h).is_some());
        assert!(h.get(Counter::DnsForgotten) > 0);
    }

    #[test]
    fn many_askers_cannot_fill_the_memory() {
        let (mut l, mut h) = (LookUps::default(), Health::default());
        for n in 0..100_000_u32 {
            let from = format!("{}:4000", std::net::Ipv4Addr::from(0x0a00_0000 + n));
            l.message(said(1, &from, SERVER), &dns(7, false), &mut h);
        }
        assert_eq!(l.waiting.len(), MAX_WAITING);
        assert_eq!(l.of.len(), MAX_WAITING);
    }
}

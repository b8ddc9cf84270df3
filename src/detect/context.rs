//! Who else visits an address, what became of it, and what else is known of a flow.
//!
//! In: visits of inside hosts to addresses, as they are judged, and [`Facts`] of a flow. Out: a small weight with its
//! words. All of it is easily so of harmless flows too, so that it sorts suspects rather than makes them: no more than
//! [`MOST`] in all, and the caller uses it with other witnesses only.
//!
//! `MineShark` (NDSS 2025) ranks addresses the same way: few inside visitors within two hours, and nothing of which 90 %
//! of the visits were harmless. Of its risky addresses 98 % lie below that, of the benign ones 2 %.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::time::PacketTime;

use super::Party;

/// Cap of what context weighs, for and against.
pub const MOST: f32 = 1.0;

/// Visitors are "of late" so long.
const LATE: Duration = Duration::from_hours(2);

/// Visitors told apart; more is "many".
const VISITORS: usize = 8;

/// Few of them.
const FEW: usize = 3;

/// Visits before a share of them says anything.
const ENOUGH: u32 = 10;

/// The cipher suites of a client hello that OpenSSL 1.1.1 and 3 send by default, as JA4 hashes them (taken from its own
/// `s_client`). `XMRig` sends them, with no name and no ALPN unless told otherwise; so do `curl` and every script.
const OPENSSL: &str = "e8f1e7e78f70";

/// By what name an address was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Named {
    /// It cannot be told: no handshake was seen.
    #[default]
    Unknown,
    /// By none, though one is usual there (TLS without a server name, no DNS answer led there).
    Nothing,
    /// One that sounds like a pool.
    PoolLike,
    /// Any other. Speaks for nothing: names are free to choose.
    Other,
}

/// What is known of a flow beside its beats.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// When its first packet was seen.
    pub since: PacketTime,
    /// Application messages in both directions; none if they were not counted.
    pub messages: u64,
    /// By what name it was reached.
    pub named: Named,
    /// JA4 of its client hello.
    pub ja4: Option<&'a str>,
}

/// A visit to an address, judged.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// As in [`super::Party`].
    pub tenant: u32,
    /// Who.
    pub inside: IpAddr,
    /// To whom.
    pub server: SocketAddr,
    /// When it was judged.
    pub at: PacketTime,
    /// Whether its shape spoke against mining, or rather for it.
    pub harmless: bool,
}

/// What is kept of an address: 300 bytes.
#[derive(Clone, Debug)]
struct Address {
    visitors: [Option<(IpAddr, PacketTime)>; VISITORS],
    /// Until when there are more of them than are told apart.
    many_until: PacketTime,
    visits: u32,
    harmless: u32,
    last: PacketTime,
}

/// Visits to addresses, the idle ones forgotten first.
#[derive(Debug, Default)]
pub struct Visits {
    addresses: HashMap<(u32, IpAddr), Address, foldhash::quality::RandomState>,
    /// Addresses forgotten for want of room.
    pub evicted: u64,
}

impl Visits {
    /// An inside host has a long flow to that address at `at`.
    pub fn see(&mut self, tenant: u32, inside: IpAddr, server: IpAddr, at: PacketTime, cap: usize) {
        self.address(tenant, server, at, cap).see(inside, at);
    }

    /// A visit was judged.
    pub fn judged(&mut self, visit: &Visit, cap: usize) {
        let address = self.address(visit.tenant, visit.server.ip(), visit.at, cap);
        address.see(visit.inside, visit.at);
        if address.visits == u32::MAX / 2 {
            address.visits /= 2;
            address.harmless /= 2;
        }
        address.visits += 1;
        address.harmless += u32::from(visit.harmless);
    }

    fn address(&mut self, tenant: u32, server: IpAddr, at: PacketTime, cap: usize) -> &mut Address {
        let key = (tenant, server);
        if self.addresses.len() >= cap.max(2) && !self.addresses.contains_key(&key) {
            self.evict();
        }
        self.addresses.entry(key).or_insert_with(|| Address {
            visitors: [None; VISITORS],
            many_until: PacketTime::from_nanos(i64::MIN),
            visits: 0,
            harmless: 0,
            last: at,
        })
    }

    /// The half that was idle longest goes: seldom, and cheap per address.
    fn evict(&mut self) {
        let mut ages: Vec<_> = self.addresses.iter().map(|(k, a)| (a.last, *k)).collect();
        ages.sort_unstable();
        for (_, key) in ages.iter().take(ages.len().div_ceil(2)) {
            self.addresses.remove(key);
            self.evicted += 1;
        }
    }

    /// Visitors of late, judged visits and the harmless of them.
    fn of(&self, party: &Party, now: PacketTime) -> Option<(usize, u32, u32)> {
        let a = self.addresses.get(&(party.tenant, party.server.ip()))?;
        let late = a.visitors.iter().flatten().filter(|(_, at)| now.since(*at) <= LATE).count();
        let visitors = if a.many_until >= now { VISITORS + 1 } else { late };
        Some((visitors, a.visits, a.harmless))
    }

    /// The weight of context and its words: visitors, judged visits with the harmless ones, and the rest.
    pub fn weigh(&self, party: &Party, facts: &Facts<'_>, now: PacketTime) -> Weighed {
        let (visitors, visits, harmless) = self.of(party, now).unwrap_or((1, 0, 0));
        let mut weight = 0.0;
        let mut words = Vec::new();
        let mut say = |w: f32, text| {
            weight += w;
            words.push(text);
        };
        match facts.named {
            Named::PoolLike => say(0.5, "a name like a pool's"),
            Named::Nothing => say(0.2, "no name"),
            Named::Unknown | Named::Other => {}
        }
        let age = now.since(facts.since).as_secs_f64();
        if age >= 3_600.0 && facts.messages > 0 && facts.messages as f64 / age <= 0.5 {
            say(0.2, "open for hours with little said");
        }
        if facts.ja4.is_some_and(is_plain_openssl) {
            say(0.2, "the client hello of a bare OpenSSL");
        }
        if visitors <= FEW {
            weight += 0.2;
        }
        let judged = visits >= ENOUGH;
        if judged {
            weight += if f64::from(harmless) >= 0.9 * f64::from(visits) { -MOST } else { 0.3 };
        }
        Weighed {
            weight: weight.clamp(-MOST, MOST),
            visitors: visitors as u32,
            visits: judged.then_some((visits, harmless)),
            words,
        }
    }
}

/// See [`Visits::weigh`].
#[derive(Clone, PartialEq, Debug)]
pub struct Weighed {
    /// Decimal logarithm of the likelihood ratio.
    pub weight: f32,
    /// Inside hosts that visited the address of late; nine stands for more than eight.
    pub visitors: u32,
    /// Judged visits and the harmless of them, once there are enough.
    pub visits: Option<(u32, u32)>,
    /// The rest, for the sentence.
    pub words: Vec<&'static str>,
}

impl Address {
    fn see(&mut self, inside: IpAddr, at: PacketTime) {
        self.last = self.last.max(at);
        if let Some(known) = self.visitors.iter_mut().flatten().find(|(who, _)| *who == inside) {
            known.1 = known.1.max(at);
            return;
        }
        let Some(oldest) = self.visitors.iter_mut().min_by_key(|v| v.map_or((0, PacketTime::ZERO), |(_, t)| (1, t)))
        else {
            return;
        };
        if let Some((_, t)) = oldest
            && at.since(*t) <= LATE
        {
            self.many_until = self.many_until.max(t.plus(LATE));
        }
        *oldest = Some((inside, at));
    }
}

/// JA4 of a hello with OpenSSL's default cipher suites and no ALPN.
fn is_plain_openssl(ja4: &str) -> bool {
    let mut parts = ja4.split('_');
    parts.next().is_some_and(|a| a.ends_with("00")) && parts.next() == Some(OPENSSL)
}

#[cfg(test)]
mod tests;

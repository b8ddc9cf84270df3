//! Relay: an inside host that is pushed to from outside and passes it on at once to other inside hosts, as xmrig-proxy
//! and p2pool do with jobs.
//!
//! In: beats of flows whose server is an inside host that has such flows of its own. Out: the bet on the echo, with the
//! rates at which the hosts send requests in and the relay sends them on.
//!
//! Each unforeseen push that the relay receives is a trial for each host that it feeds: is that pushed to within half a
//! second? Timers on both sides count for nothing, as in [`together`](super::together). Chat servers and message
//! brokers pass pushes on too, and every web application passes requests on: an echo makes no miner, and requests alone
//! are not even a trial.
//!
//! Needs eyes on traffic between inside hosts. At most `FED` hosts a relay are followed.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use crate::rhythm::{Beat, BeatKind};
use crate::time::PacketTime;

use super::Party;
use super::bet::{self, Peak};
use super::pulse::{Pulse, Push};

/// A push is passed on this soon; a little early too, as segments of one message are timed by their first.
const ECHO: Duration = Duration::from_millis(500);
const EARLY: Duration = Duration::from_millis(50);

/// Share of pushes that a relay passes on to a host that it feeds.
const HITS: f32 = 0.8;

/// Pushes from several upstream flows this close are one.
const APART: Duration = Duration::from_millis(1_500);

/// Flows of a relay that are followed.
const FED: usize = 16;

/// Pushes that wait for their echo.
const WAITING: usize = 16;

/// Requests each way before their rates are told.
const ENOUGH: u32 = 20;

/// A flow that a relay feeds.
#[derive(Clone, Copy, Debug)]
struct Fed {
    flow: u64,
    host: IpAddr,
    share: f32,
    capital: f32,
    peak: Peak,
    hits: u32,
    trials: u32,
}

/// A host that is pushed to and is talked to.
#[derive(Clone, Debug, Default)]
struct Candidate {
    fed: Vec<Fed>,
    tried: u32,
    waiting: VecDeque<PacketTime>,
    last: Option<PacketTime>,
    peak: Peak,
    /// Requests in and out, from when on to when.
    down: u32,
    up: u32,
    since: Option<(PacketTime, PacketTime)>,
}

/// In which roles an address was seen.
#[derive(Debug, Default)]
struct Role {
    as_inside: usize,
    as_server: usize,
    candidate: Option<Box<Candidate>>,
}

/// All hosts that may be relays. Holds at most two addresses for each flow that is followed.
#[derive(Debug, Default)]
pub struct Relays {
    roles: HashMap<(u32, IpAddr), Role, foldhash::quality::RandomState>,
    /// Candidates with pushes that wait for their echo, by the oldest.
    due: VecDeque<(PacketTime, (u32, IpAddr))>,
}

/// How it stands with a relay, or with one flow that it feeds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Standing {
    /// Who relays.
    pub relay: IpAddr,
    /// Hosts that it feeds beyond doubt, the best one at least.
    pub hosts: u32,
    /// Pushes passed on, of so many: to the one flow, or to the one that is fed best.
    pub echoes: u32,
    /// See above.
    pub pushes: u32,
    /// Requests a minute, in and out.
    pub shares: Option<(f32, f32)>,
    /// Capital now (log10).
    pub capital: f32,
    /// What may be quoted (log10 of a probability).
    pub bound: f32,
}

impl Relays {
    /// Flows that an address has as inside host.
    pub fn flows_of(&self, tenant: u32, inside: IpAddr) -> usize {
        self.roles.get(&(tenant, inside)).map_or(0, |r| r.as_inside)
    }

    /// A flow is followed from now on.
    pub fn add(&mut self, party: &Party) {
        let (inside, server) = ends(party);
        self.roles.entry(inside).or_default().as_inside += 1;
        self.roles.entry(server).or_default().as_server += 1;
        for end in [inside, server] {
            if let Some(role) = self.roles.get_mut(&end)
                && role.as_inside > 0
                && role.as_server > 0
            {
                role.candidate.get_or_insert_default();
            }
        }
    }

    /// A flow is not followed any more.
    pub fn remove(&mut self, party: &Party) {
        let (inside, server) = ends(party);
        for (end, is_inside) in [(inside, true), (server, false)] {
            let Some(role) = self.roles.get_mut(&end) else { continue };
            let count = if is_inside { &mut role.as_inside } else { &mut role.as_server };
            *count = count.saturating_sub(1);
            if role.as_inside == 0 && role.as_server == 0 {
                self.roles.remove(&end);
            } else if role.as_inside == 0 || role.as_server == 0 {
                role.candidate = None;
            } else if let Some(candidate) = &mut role.candidate {
                candidate.fed.retain(|f| f.flow != party.flow);
            }
        }
    }

    /// A beat of a flow, with what its push was if it is one.
    pub fn beat(&mut self, party: &Party, beat: Beat, push: Option<Push>) {
        let (inside, server) = ends(party);
        if let Some(candidate) = self.candidate(inside) {
            match beat.kind {
                BeatKind::Share { .. } => candidate.request(beat.at, true),
                _ if push == Some(Push::Unforeseen) && candidate.is_due(beat.at) => {
                    self.due.push_back((beat.at, inside));
                }
                _ => {}
            }
        }
        if let Some(candidate) = self.candidate(server) {
            match beat.kind {
                BeatKind::Share { .. } => candidate.request(beat.at, false),
                _ => candidate.feeds(party),
            }
        }
    }

    fn candidate(&mut self, host: (u32, IpAddr)) -> Option<&mut Candidate> {
        self.roles.get_mut(&host)?.candidate.as_deref_mut()
    }

    /// Judges the pushes whose echo must be there by `now`.
    pub fn settle<'a>(&mut self, now: PacketTime, pulse: impl Fn(u64) -> Option<&'a Pulse>) {
        while let Some((at, host)) = self.due.front().copied().filter(|(at, _)| now.since(*at) > ECHO + EARLY) {
            self.due.pop_front();
            if let Some(candidate) = self.candidate(host) {
                candidate.settle(at, &pulse);
            }
        }
    }

    /// Forgets what waits: the clock was set.
    pub fn clear(&mut self) {
        self.due.clear();
        for role in self.roles.values_mut() {
            if let Some(candidate) = &mut role.candidate {
                candidate.waiting.clear();
                candidate.last = None;
            }
        }
    }

    /// How it stands with the relay that a flow leads to, or comes from.
    pub fn standing(&self, party: &Party) -> Option<Standing> {
        let (inside, server) = ends(party);
        let candidate = |host| self.roles.get(&host).and_then(|r: &Role| r.candidate.as_deref());
        let fed = candidate(server).and_then(|c| c.standing(server.1, Some(party.flow)));
        fed.or_else(|| candidate(inside).and_then(|c| c.standing(inside.1, None)))
    }
}

fn ends(party: &Party) -> ((u32, IpAddr), (u32, IpAddr)) {
    ((party.tenant, party.inside), (party.tenant, party.server.ip()))
}

impl Candidate {
    fn request(&mut self, at: PacketTime, up: bool) {
        let count = if up { &mut self.up } else { &mut self.down };
        *count = count.saturating_add(1);
        let (first, last) = self.since.unwrap_or((at, at));
        self.since = Some((first, last.max(at)));
    }

    /// Notes a push that was received; whether it is a trial of its own.
    fn is_due(&mut self, at: PacketTime) -> bool {
        if self.last.is_some_and(|last| at.since(last) < APART) || self.waiting.len() >= WAITING {
            return false;
        }
        self.last = Some(at);
        self.waiting.push_back(at);
        true
    }

    fn feeds(&mut self, party: &Party) {
        if self.fed.iter().any(|f| f.flow == party.flow) {
            return;
        }
        if self.fed.len() >= FED {
            let Some(loser) = self.fed.iter().position(|f| f.capital < 0.0) else { return };
            self.fed.remove(loser);
        }
        self.tried = self.tried.saturating_add(1);
        let k = f64::from(self.tried);
        self.fed.push(Fed {
            flow: party.flow,
            host: party.inside,
            share: -((k * (k + 1.0)).log10() as f32),
            capital: 0.0,
            peak: Peak::default(),
            hits: 0,
            trials: 0,
        });
    }

    fn settle<'a>(&mut self, at: PacketTime, pulse: &impl Fn(u64) -> Option<&'a Pulse>) {
        self.waiting.retain(|w| *w != at);
        for fed in &mut self.fed {
            let Some(pulse) = pulse(fed.flow) else { continue };
            // It must have been there before, or it was chosen for this.
            if pulse.first() >= at {
                continue;
            }
            let echoed = pulse.latest().any(|t| t.since(at) <= ECHO && at.since(t) <= EARLY);
            let (hit, miss) = bet::stakes(HITS, pulse.chance(at, ECHO + EARLY));
            fed.capital += if echoed { hit } else { miss };
            fed.peak.see(fed.capital + fed.share);
            fed.hits += u32::from(echoed);
            fed.trials += 1;
        }
        self.peak.see(self.total());
    }

    fn total(&self) -> f32 {
        bet::sum(self.fed.iter().map(|f| f.capital + f.share))
    }

    fn standing(&self, relay: IpAddr, flow: Option<u64>) -> Option<Standing> {
        let total = |f: &&Fed| f.capital + f.share;
        let best = match flow {
            Some(flow) => self.fed.iter().find(|f| f.flow == flow)?,
            None => self.fed.iter().max_by(|a, b| total(a).total_cmp(&total(b)))?,
        };
        let mut hosts: Vec<_> =
            self.fed.iter().filter(|f| f.flow == best.flow || f.capital >= 2.0).map(|f| f.host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let minutes = self.since.map_or(0.0, |(first, last)| last.since(first).as_secs_f32() / 60.0);
        let told = self.up >= ENOUGH && self.down >= ENOUGH && minutes > 0.0;
        Some(Standing {
            relay,
            hosts: hosts.len() as u32,
            echoes: best.hits,
            pushes: best.trials,
            shares: told.then(|| (self.down as f32 / minutes, self.up as f32 / minutes)),
            capital: if flow.is_some() { total(&best) } else { self.total() },
            bound: if flow.is_some() { best.peak } else { self.peak }.bound(),
        })
    }
}

#[cfg(test)]
mod tests;

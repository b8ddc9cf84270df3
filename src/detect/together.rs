//! Co-notification: hosts that have nothing to do with each other are pushed to at the same moments, again and again.
//!
//! In: unforeseen pushes ([`Pulse`]) of all flows. Out: for one flow, the bet on the hosts whose
//! pushes keep coming with its own. No block feed is needed: a gateway has one clock.
//!
//! Timers count for nothing here, even if they run in phase on every host since the power came back or the clocks were
//! set: what a timer or a clock grid foresees is no trial and no hit. What remains is news, and news that reaches
//! several hosts from *one* service is what any broadcast does: that weighs little. From different services it takes
//! something in the world that both are told of, such as a block; unless they are told nothing else ([`Standing::twins`]),
//! as by a broadcast that comes from several addresses, or by nodes. Pools also repeat a job on timers of their own.
//!
//! Cost: a push looks at its own eight mates, and at no more than `NEIGHBOURS` others that were pushed to at that
//! moment, of which it tries `TRIED` as mates when there is room. Each mate tried is paid for: the k-th gets
//! 1/(k(k+1)) of the stake.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::time::PacketTime;

use super::Party;
use super::bet::{self, Peak};
use super::pulse::{Grids, Pulse, QUIET};

/// Pushes this close came together. Miners of one pool get a new job within 0.93 s of each other in nine of ten cases;
/// half of them within 0.2 s.
const CLOSE: Duration = Duration::from_millis(800);

/// Share of a miner's unforeseen pushes that another has too. Half to all on public Monero captures: a pool also sends
/// a new job to one miner alone, with a new difficulty.
const HITS: f32 = 0.6;

/// Chance is never taken to be less here, so that three coincidences are not enough: the world holds up and lets go of
/// pushes in more ways than are foreseen.
const RARE: f32 = 0.03;

/// Mates of one flow, and how many of them at most from its own service.
const MATES: usize = 8;
const OF_OWN_SERVICE: usize = 2;

/// Others that are looked at for a push, and mates that are tried for it.
const NEIGHBOURS: usize = 64;
const TRIED: usize = 8;

/// Pushes that wait until all that may have come with them is there.
const WAITING: usize = 4_096;

/// Unforeseen pushes kept of a flow.
const KEPT: usize = 8;

/// A service: an address stands for its neighbours, as large services answer from many.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Service(IpAddr);

impl Service {
    /// The /24 or /48 around an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4((u32::from(v4) & 0xffff_ff00).into()),
            IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & (u128::MAX << 80)).into()),
        })
    }
}

/// The pushes of one flow that no timer surely foresaw.
#[derive(Clone, Debug, Default)]
pub struct News {
    latest: VecDeque<PacketTime>,
    count: u32,
    /// Time that was looked at, and up to when.
    counted: Duration,
    until: Option<PacketTime>,
}

impl News {
    /// Any push: time goes on.
    pub fn pass(&mut self, at: PacketTime) {
        if let Some(until) = self.until {
            self.counted = self.counted.saturating_add(at.since(until).min(QUIET));
        }
        self.until = Some(self.until.map_or(at, |u| u.max(at)));
    }

    /// One that is unforeseen, or may be.
    pub fn add(&mut self, at: PacketTime) {
        if self.latest.len() == KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back(at);
        self.count = self.count.saturating_add(1);
    }

    fn near(&self, at: PacketTime) -> bool {
        self.latest.iter().any(|t| t.since(at) <= CLOSE && at.since(*t) <= CLOSE)
    }

    /// At most so probable is it that a moment picked at random has such a push near it: by the whole life of the flow,
    /// or by its last pushes if they came thicker.
    fn chance(&self) -> f32 {
        let width = 2.0 * CLOSE.as_secs_f32();
        let life = (self.count as f32 + 1.0) * width / (self.counted.as_secs_f32() + 30.0);
        let (Some(first), Some(until)) = (self.latest.front(), self.until) else { return life.min(1.0) };
        let near = self.latest.len() as f32 * width / until.since(*first).as_secs_f32().max(60.0);
        life.max(near).min(1.0)
    }
}

/// Another flow whose pushes may come with this one's.
#[derive(Clone, Copy, Debug)]
struct Mate {
    flow: u64,
    inside: (u32, IpAddr),
    service: Service,
    own_service: bool,
    /// Part of the stake that it got (log10), and what became of it.
    share: f32,
    capital: f32,
    hits: u32,
    trials: u32,
    chance: f32,
    /// Pushes of any kind, and those that came with any of the mate's.
    all: u32,
    alike: u32,
    /// How the moments lie that they had in common.
    grids: Grids,
}

impl Mate {
    /// Hardly any push came without the mate's. True until the contrary was seen.
    fn is_twin(&self) -> bool {
        let apart = self.all.saturating_sub(self.alike);
        apart < 2 || apart * 5 < self.all
    }

    /// Capital that counts: nothing if all they have in common is a clock.
    fn worth(&self) -> f32 {
        let clock = self.grids.are_kept(3.3, 0.6);
        self.share + if clock { self.capital.min(0.0) } else { self.capital }
    }
}

/// The mates of one flow.
#[derive(Clone, Debug, Default)]
pub struct Mates {
    held: Vec<Mate>,
    tried: u32,
    elsewhere: Peak,
    own: Peak,
}

/// How it stands between a flow and its mates.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Standing {
    /// Inside hosts, this one too.
    pub hosts: u32,
    /// Services that they talk to.
    pub services: u32,
    /// Of the best mate: pushes that came together, trials, and the share that chance gives.
    pub times: u32,
    /// See above.
    pub pushes: u32,
    /// See above.
    pub chance: f32,
    /// Capital now (log10).
    pub capital: f32,
    /// What may be quoted (log10 of a probability).
    pub bound: f32,
    /// Both are told the same and nothing else.
    pub twins: bool,
}

impl Mates {
    fn capital(&self, own_service: bool) -> f32 {
        let part = self.held.iter().filter(|m| m.own_service == own_service).map(Mate::worth);
        bet::sum(part)
    }

    /// How it stands with mates of other services, or of the flow's own.
    pub fn standing(&self, own_service: bool, service: Service) -> Option<Standing> {
        let held = || self.held.iter().filter(|m| m.own_service == own_service);
        let best = held().max_by(|a, b| a.worth().total_cmp(&b.worth()))?;
        // Those that do not stand out by themselves are bystanders.
        let proven = || held().filter(|m| m.flow == best.flow || m.capital >= 2.0);
        let mut hosts: Vec<_> = proven().map(|m| m.inside).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let mut services: Vec<_> = proven().map(|m| m.service).chain([service]).collect();
        services.sort_unstable();
        services.dedup();
        Some(Standing {
            hosts: hosts.len() as u32 + 1,
            services: services.len() as u32,
            times: best.hits,
            pushes: best.trials,
            chance: best.chance / best.trials.max(1) as f32,
            capital: self.capital(own_service),
            bound: if own_service { self.own } else { self.elsewhere }.bound(),
            twins: best.is_twin(),
        })
    }
}

/// A push that waits for those that come with it.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    at: PacketTime,
    flow: u64,
    inside: (u32, IpAddr),
    service: Service,
    /// Unforeseen.
    news: bool,
    done: bool,
}

/// What [`Together`] asks of the table of flows.
pub trait Flows {
    /// The pushes of a flow that is still there, and the news among them.
    fn pushes(&self, flow: u64) -> Option<(&Pulse, &News)>;
    /// Its mates.
    fn mates(&mut self, flow: u64) -> Option<&mut Mates>;
}

/// Unforeseen pushes of the last moments, of all flows.
#[derive(Clone, Debug, Default)]
pub struct Together {
    waiting: VecDeque<Waiting>,
    /// Pushes that were dropped as too many came at once.
    pub dropped: u64,
}

impl Together {
    /// Takes a push, `news` if it is unforeseen. One that is older than the newest is put in its place.
    pub fn add(&mut self, party: &Party, at: PacketTime, news: bool) {
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        let new = Waiting {
            at,
            flow: party.flow,
            inside: (party.tenant, party.inside),
            service: Service::of(party.server.ip()),
            news,
            done: false,
        };
        let place = self.waiting.iter().rposition(|w| (w.at, w.flow) <= (at, party.flow)).map_or(0, |i| i + 1);
        self.waiting.insert(place, new);
    }

    /// Judges the pushes whose company is complete at `now`.
    pub fn settle(&mut self, now: PacketTime, flows: &mut impl Flows) {
        let complete = |w: &Waiting| now.since(w.at) > CLOSE;
        while let Some(i) =
            self.waiting.iter().position(|w| !w.done).filter(|i| self.waiting.get(*i).is_some_and(complete))
        {
            let Some(one) = self.waiting.get_mut(i) else { break };
            one.done = true;
            let one = *one;
            self.judge(i, &one, flows);
        }
        while self.waiting.front().is_some_and(|w| w.done && now.since(w.at) > 3 * CLOSE) {
            self.waiting.pop_front();
        }
    }

    /// Forgets what waits: the clock was set.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    fn judge(&self, place: usize, one: &Waiting, flows: &mut impl Flows) {
        let Some(mates) = flows.mates(one.flow) else { return };
        let mut held = std::mem::take(&mut mates.held);
        held.retain_mut(|mate| {
            let Some((pulse, news)) = flows.pushes(mate.flow) else { return false };
            // A mate that has not been heard of for long may be gone: no trial.
            if news.until.is_none_or(|u| one.at.since(u) > QUIET / 2) {
                return true;
            }
            mate.all += 1;
            mate.alike += u32::from(pulse.is_near(one.at, 2 * CLOSE));
            if !one.news {
                return true;
            }
            let chance = news.chance().max(RARE);
            let (hit, miss) = bet::stakes(HITS, chance);
            let near = news.near(one.at);
            mate.capital += if near { hit } else { miss };
            mate.hits += u32::from(near);
            if near {
                mate.grids.add(one.at);
            }
            mate.trials += 1;
            mate.chance += chance;
            true
        });
        let Some(mates) = flows.mates(one.flow) else { return };
        mates.held = held;
        if !one.news {
            return;
        }
        mates.meet(one, &self.company(place, one));
        let (elsewhere, own) = (mates.capital(false), mates.capital(true));
        mates.elsewhere.see(elsewhere);
        mates.own.see(own);
    }

    /// Others that had news at that moment: those of other services before those of one's own, nearest first.
    fn company(&self, place: usize, one: &Waiting) -> Vec<Waiting> {
        let close = |w: &&Waiting| one.at.since(w.at) <= CLOSE && w.at.since(one.at) <= CLOSE;
        let before = self.waiting.iter().take(place).rev().take(NEIGHBOURS / 2).take_while(close);
        let behind = self.waiting.iter().skip(place + 1).take(NEIGHBOURS / 2).take_while(close);
        let mut all: Vec<_> = before.chain(behind).filter(|w| w.news && w.inside != one.inside).copied().collect();
        let distance = |w: &Waiting| w.at.since(one.at).max(one.at.since(w.at));
        all.sort_by_key(|w| (w.service == one.service, distance(w), w.flow));
        all
    }
}

impl Mates {
    /// Tries those who came along as mates. Theirs is not counted as a hit: they were chosen for it.
    fn meet(&mut self, one: &Waiting, company: &[Waiting]) {
        let mut tried = 0;
        for other in company {
            if tried == TRIED {
                break;
            }
            if self.held.iter().any(|m| m.flow == other.flow) {
                continue;
            }
            let own_service = other.service == one.service;
            let room =
                if own_service { self.held.iter().filter(|m| m.own_service).count() < OF_OWN_SERVICE } else { true };
            // Who has lost more than was staked makes room; who came last goes last.
            let loser = |m: &Mate| m.trials > 0 && m.capital < 0.0 && (room || m.own_service);
            if !room || self.held.len() == MATES {
                let Some(out) = self.held.iter().position(loser) else { continue };
                self.held.remove(out);
            }
            tried += 1;
            self.tried = self.tried.saturating_add(1);
            let k = f64::from(self.tried);
            self.held.push(Mate {
                flow: other.flow,
                inside: other.inside,
                service: other.service,
                own_service,
                share: -((k * (k + 1.0)).log10() as f32),
                capital: 0.0,
                hits: 0,
                trials: 0,
                chance: 0.0,
                all: 0,
                alike: 0,
                grids: Grids::default(),
            });
        }
    }
}

#[cfg(test)]
mod tests;

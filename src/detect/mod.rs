//! What only several flows together, or a flow and the world's clock, can tell of mining.
//!
//! In: the [`Beat`]s of long-lived, slow flows in packet time with the [`Party`] they belong to, block arrivals of
//! chains ([`feed`]), and visits to addresses. Out: for one flow, the [`Saying`]s of the witnesses that could judge:
//!
//! * [`phase`]: pushes come when blocks of a chain do;
//! * [`together`]: hosts that have nothing to do with each other are pushed to at the same moments;
//! * [`relay`]: a host passes on at once what it was pushed;
//! * [`context`]: who else visits that address, and what became of it. Weighs little and never alone.
//!
//! The first three bet against chance ([`bet`]): the quoted bound holds however often one looks, and the price of
//! every search (clock offset, chain, partner) is paid in it. They speak once chance is ruled out by [`SPEAKS`].
//!
//! # Order and bounds
//!
//! Beats are taken in packet time. One that is more than a second older than the youngest is not asked who came with
//! it (counted in [`Tally::late`]); one more than an hour older means that the clock was set, or another capture
//! began. Same beats in the same order, same sayings.
//!
//! Every table is bounded, see [`Limits`]; when flows are too many, those go first that were idle longest, and last
//! those that something was said of. One inside host may hold no more than a sixteenth of them.

pub mod bet;
pub mod context;
pub mod feed;
pub mod phase;
pub mod pulse;
pub mod relay;
mod said;
mod table;
pub mod together;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::rhythm::{Beat, BeatKind};
use crate::time::PacketTime;

pub use context::{Facts, Named, Visit};
pub use feed::{Chain, Feed};
pub use said::{Saying, Seen};

use feed::Heights;
use phase::{Blocks, Track};
use pulse::Push;
use table::{Flow, Table};
use together::{Service, Together};

/// Chance is ruled out this far (log10) before a bet is told of: one flow in ten thousand by chance, once in its life.
pub const SPEAKS: f32 = 4.0;

/// The same for block phase, whose chance is the best known: blocks come at random whatever flows do.
pub const PHASE_SPEAKS: f32 = 3.0;

/// Weight of a bet that is won, whatever it won: a node or a wallet is told of blocks too ...
const BLOCK_PHASE: f32 = 4.0;

/// ... but of nothing else.
const ONLY_BLOCKS: f32 = 1.0;

/// Pushed together with hosts of other services: something in the world tells them. There is more in it than mining, so
/// that shape and company alone make no suspect.
const TOGETHER: f32 = 1.9;

/// Pushed together with hosts of the same service, or with twins: any broadcast does that. Too little to call a clock.
const BROADCAST: f32 = 0.3;

/// Chance above which what comes together is a stream rather than news: more often than every half minute. Chains that
/// are this fast tell more wallets and pages than miners, and so do tickers.
const FREQUENT: f32 = 0.055;

/// Brokers and chat servers pass things on too.
const RELAY: f32 = 2.0;

/// Behind the youngest beat by more, one is late.
const LATE: Duration = Duration::from_secs(1);

/// By more than this, the clock was set.
const SET: Duration = Duration::from_hours(1);

/// Whose flow it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Party {
    /// Number of the flow, unique while it lives.
    pub flow: u64,
    /// Number that keeps equal addresses of different networks apart.
    pub tenant: u32,
    /// Who is suspected to mine.
    pub inside: IpAddr,
    /// Who is suspected to be the pool. May be an inside host itself: a relay.
    pub server: SocketAddr,
}

/// How much may be kept. The defaults hold some 100 MiB when all is full.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Flows with beats: 1.5 KB each.
    pub flows: usize,
    /// Chains with a block feed: 500 bytes for each flow that is pushed to.
    pub chains: usize,
    /// Blocks of a chain that are remembered: three months of Monero.
    pub blocks: usize,
    /// Addresses whose visits are counted: 400 bytes each.
    pub addresses: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { flows: 16_384, chains: 8, blocks: 65_536, addresses: 16_384 }
    }
}

/// What did not fit or was not used.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Flows that were forgotten for want of room.
    pub evicted: u64,
    /// Flows that were not taken: their host has too many.
    pub refused: u64,
    /// Beats that came too late to be asked who came with them.
    pub late: u64,
    /// Unforeseen pushes dropped as too many came at once.
    pub crowded: u64,
    /// Blocks dropped: older than the last of the chain, or too soon behind it, or of one chain too many.
    pub blocks: u64,
    /// Addresses forgotten for want of room.
    pub addresses: u64,
}

/// A chain with a feed.
#[derive(Debug)]
struct Fed {
    chain: Chain,
    blocks: Blocks,
    heights: Heights,
}

/// All detectors of several flows.
#[derive(Debug, Default)]
pub struct Detect {
    limits: Limits,
    flows: Table,
    chains: Vec<Fed>,
    together: Together,
    relays: relay::Relays,
    visits: context::Visits,
    youngest: Option<PacketTime>,
    tally: Tally,
}

impl Detect {
    /// With room for so much.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes every block of a feed that was read from a file.
    pub fn load(&mut self, feed: &Feed) {
        for at in &feed.blocks {
            self.block(&feed.chain, *at);
        }
    }

    /// A block of that chain arrived. Blocks come in order of time, before or after the beats around them.
    pub fn block(&mut self, chain: &Chain, at: PacketTime) {
        let cap = self.limits.blocks;
        let taken = self.chain(chain).is_some_and(|c| c.blocks.add(at, cap));
        self.tally.blocks += u64::from(!taken);
    }

    /// A plain-text pool pushed a job of that height: the first sight of a height is a block of that chain.
    pub fn job(&mut self, chain: &Chain, height: u64, at: PacketTime) {
        if self.chain(chain).is_some_and(|c| c.heights.is_new(height)) {
            self.block(chain, at);
        }
    }

    fn chain(&mut self, chain: &Chain) -> Option<&mut Fed> {
        if let Some(i) = self.chains.iter().position(|c| c.chain == *chain) {
            return self.chains.get_mut(i);
        }
        if self.chains.len() >= self.limits.chains {
            return None;
        }
        self.chains.push(Fed { chain: chain.clone(), blocks: Blocks::default(), heights: Heights::default() });
        self.chains.last_mut()
    }

    /// A flow's rhythm told a beat.
    pub fn beat(&mut self, party: &Party, beat: Beat) {
        let late = self.is_late(beat.at);
        if !self.follow(party, beat.at) {
            return;
        }
        let Some(flow) = self.flows.get_mut(party.flow) else { return };
        flow.last = flow.last.max(beat.at);
        let push = match beat.kind {
            BeatKind::Share { .. } => None,
            BeatKind::Push { .. } | BeatKind::Block { .. } => {
                flow.advance(&self.chains, beat.at);
                let push = flow.pulse.push(beat.at);
                flow.news.pass(beat.at);
                if matches!(push, Push::Unforeseen | Push::Doubtful) {
                    flow.news.add(beat.at);
                }
                Some(push)
            }
        };
        if late {
            self.tally.late += 1;
            return;
        }
        if push.is_some_and(|p| p != Push::Same) {
            self.together.add(party, beat.at, push == Some(Push::Unforeseen));
        }
        self.relays.beat(party, beat, push);
        self.settle(beat.at);
    }

    /// Whether a beat comes too late for company. Turns the clock.
    fn is_late(&mut self, at: PacketTime) -> bool {
        let youngest = self.youngest.unwrap_or(at);
        if youngest.since(at) > SET {
            self.together.clear();
            self.relays.clear();
            self.youngest = Some(at);
            return false;
        }
        self.youngest = Some(youngest.max(at));
        youngest.since(at) > LATE
    }

    /// Makes sure that a flow is in the table; false if it may not be.
    fn follow(&mut self, party: &Party, at: PacketTime) -> bool {
        if self.flows.get(party.flow).is_some() {
            return true;
        }
        if self.relays.flows_of(party.tenant, party.inside) >= (self.limits.flows / 16).max(1) {
            self.tally.refused += 1;
            return false;
        }
        if self.flows.len() >= self.limits.flows {
            for gone in self.flows.evict() {
                self.relays.remove(&gone);
                self.tally.evicted += 1;
            }
        }
        self.flows.insert(Flow::new(*party, at));
        self.relays.add(party);
        self.visits.see(party.tenant, party.inside, party.server.ip(), at, self.limits.addresses);
        true
    }

    /// Judges what waited for company.
    fn settle(&mut self, now: PacketTime) {
        // A late beat may still come.
        let Some(now) = now.as_nanos().checked_sub(LATE.as_nanos() as i64).map(PacketTime::from_nanos) else { return };
        self.together.settle(now, &mut self.flows);
        let flows = &self.flows;
        self.relays.settle(now, |flow| flows.get(flow).map(|f| &f.pulse));
    }

    /// Somebody's flow to an address ended, or lasted long enough to be judged harmless or risky.
    pub fn visit(&mut self, visit: &Visit) {
        self.visits.judged(visit, self.limits.addresses);
    }

    /// The flow is over: what was kept of it may go.
    pub fn end(&mut self, flow: u64) {
        if let Some(gone) = self.flows.remove(flow) {
            self.relays.remove(&gone.party);
        }
    }

    /// What did not fit or was not used so far.
    pub fn tally(&self) -> Tally {
        Tally { crowded: self.together.dropped, addresses: self.visits.evicted, ..self.tally }
    }

    /// What the witnesses say of a flow at `now`; `facts` is what is known of it beside its beats. `now` is no earlier
    /// than the flow's last beat.
    pub fn judge(&mut self, party: &Party, facts: &Facts<'_>, now: PacketTime) -> Vec<Saying> {
        let mut said = Vec::new();
        if let Some(flow) = self.flows.get_mut(party.flow) {
            flow.advance(&self.chains, now);
            let phase = flow.block_phase(&self.chains);
            let only_blocks =
                phase.as_ref().is_some_and(|s| matches!(s.seen, Seen::BlockPhase { only_blocks: true, .. }));
            said.extend(phase);
            said.extend(flow.pushed_together(only_blocks));
            said.extend(self.relays.standing(party).and_then(relayed));
            flow.bears |= !said.is_empty();
        }
        said.extend(self.in_context(party, facts, now));
        said
    }

    fn in_context(&self, party: &Party, facts: &Facts<'_>, now: PacketTime) -> Option<Saying> {
        let context::Weighed { weight, visitors, visits, words } = self.visits.weigh(party, facts, now);
        (weight != 0.0).then_some(Saying { seen: Seen::Context { visitors, visits, words }, weight })
    }
}

fn relayed(s: relay::Standing) -> Option<Saying> {
    let relay::Standing { relay, hosts, echoes, pushes, shares, capital, bound } = s;
    let seen = Seen::Relay { relay, hosts, echoes, pushes, shares, bound };
    (capital >= SPEAKS).then(|| Saying { seen, weight: capital.min(RELAY) })
}

impl Flow {
    /// Judges the blocks that can be by `now`. To be done before a push is taken, lest it pushes out what they need.
    fn advance(&mut self, chains: &[Fed], now: PacketTime) {
        if self.pulse.count() == 0 {
            return;
        }
        for (i, chain) in chains.iter().enumerate() {
            if self.tracks.len() == i {
                self.tracks.push(Track::new(&chain.blocks, &self.pulse));
            }
            if let Some(track) = self.tracks.get_mut(i) {
                track.advance(&chain.blocks, &self.pulse, now);
            }
        }
    }

    /// The chain that fits best, all that were tried having been paid for.
    fn block_phase(&self, chains: &[Fed]) -> Option<Saying> {
        let price = (chains.len().max(1) as f32).log10();
        let standings = self.tracks.iter().zip(chains).filter_map(|(t, c)| Some((t.standing(&c.blocks)?, &c.chain)));
        let (s, chain) = standings.max_by(|a, b| a.0.capital.total_cmp(&b.0.capital))?;
        let capital = s.capital - price;
        let seen = Seen::BlockPhase {
            chain: chain.clone(),
            hits: s.hits,
            blocks: s.blocks,
            chance: s.chance,
            offset: s.offset,
            bound: (s.bound + price).min(0.0),
            only_blocks: s.only_blocks,
            minehunter: s.minehunter,
        };
        let most = if s.only_blocks { ONLY_BLOCKS } else { BLOCK_PHASE };
        (capital >= PHASE_SPEAKS).then(|| Saying { seen, weight: capital.min(most) })
    }

    /// Hosts of other services, or else of the same. Whoever is told of blocks only has others told of them as company.
    fn pushed_together(&self, only_blocks: bool) -> Option<Saying> {
        let service = Service::of(self.party.server.ip());
        [false, true].into_iter().find_map(|own| {
            let s = self.mates.standing(own, service).filter(|s| s.capital >= SPEAKS)?;
            let together::Standing { hosts, services, times, pushes, chance, capital, bound, twins } = s;
            let twins = twins || only_blocks || chance > FREQUENT;
            let seen = Seen::PushedTogether { hosts, services, times, pushes, chance, bound, twins };
            Some(Saying { seen, weight: capital.min(if own || twins { BROADCAST } else { TOGETHER }) })
        })
    }
}

#[cfg(test)]
mod tests;

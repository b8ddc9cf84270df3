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
//! every search (clock offset, chain, partner) is paid in it.
//!
//! # Order and bounds
//!
//! Beats are taken in packet time; what comes later than a second after a younger beat is used by no detector of
//! several flows. Same beats in the same order, same sayings. Every table is bounded, see [`Limits`]; what was idle
//! longest goes first.

pub mod bet;
pub mod context;
pub mod feed;
pub mod phase;
pub mod relay;
mod said;
pub mod together;

use std::net::{IpAddr, SocketAddr};

use crate::rhythm::Beat;
use crate::time::PacketTime;

pub use context::{Facts, Named, Visit};
pub use feed::{Chain, Feed};
pub use said::{Saying, Seen};

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

/// How much may be kept. The defaults hold about 64 MiB when all is full.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Flows with beats.
    pub flows: usize,
    /// Chains with a block feed, each of which costs some 300 bytes a flow.
    pub chains: usize,
    /// Blocks of a chain that are remembered.
    pub blocks: usize,
    /// Addresses whose visits are counted.
    pub addresses: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { flows: 16_384, chains: 8, blocks: 4_096, addresses: 16_384 }
    }
}

/// All detectors of several flows.
#[derive(Debug, Default)]
pub struct Detect {
    limits: Limits,
}

impl Detect {
    /// With room for so much.
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Takes every block of a feed that was read from a file.
    pub fn load(&mut self, feed: &Feed) {
        for at in &feed.blocks {
            self.block(&feed.chain, *at);
        }
    }

    /// A block of that chain arrived. Blocks come in order of time, before or after the beats around them.
    pub fn block(&mut self, chain: &Chain, at: PacketTime) {
        let _ = (chain, at, self.limits);
    }

    /// A plain-text pool pushed a job of that height: the first sight of a height is a block of that chain.
    pub fn job(&mut self, chain: &Chain, height: u64, at: PacketTime) {
        let _ = (chain, height, at, self.limits);
    }

    /// A flow's rhythm told a beat.
    pub fn beat(&mut self, party: &Party, beat: Beat) {
        let _ = (party, beat, self.limits);
    }

    /// Somebody's flow to an address ended, or lasted long enough to be judged harmless or risky.
    pub fn visit(&mut self, visit: &Visit) {
        let _ = (visit, self.limits);
    }

    /// The flow is over: what was kept of it may go.
    pub fn end(&mut self, flow: u64) {
        let _ = (flow, self.limits);
    }

    /// What the witnesses say of a flow at `now`; `facts` is what is known of it beside its beats.
    pub fn judge(&mut self, party: &Party, facts: &Facts, now: PacketTime) -> Vec<Saying> {
        let _ = (party, facts, now, self.limits);
        Vec::new()
    }
}

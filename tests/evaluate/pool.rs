//! Pools: when they push jobs and how large, how they set difficulty, how fast they answer.

use crate::chain::{Chains, Coin, Set};
use crate::dialect::{Dialect, Sizes};
use crate::random::Random;

/// What starts the refresh timer of a pool again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Restart {
    /// Every new block, for all connections at once.
    Block,
    /// Every job sent on the connection, retargets included.
    Connection,
    /// Nothing: it ticks beside the blocks.
    Never,
}

/// How a pool sets the difficulty of a miner.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Vardiff {
    Fixed,
    /// Towards a gap of `target` seconds between shares, looked at every `every` seconds once there are `least` shares
    /// to judge by, by at most `clip` at once, left alone within `band` (cryptonote pools, Miningcore). With few shares
    /// chance alone would change it all the time; on public traces one early job in twelve is no block.
    Window {
        target: f64,
        every: f64,
        clip: f64,
        least: u32,
        band: f64,
    },
    /// By powers of two after 72 shares or 240 s (ckpool).
    Doubling {
        target: f64,
    },
}

#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) coin: Coin,
    pub(crate) dialect: Dialect,
    pub(crate) sizes: Sizes,
    /// Seconds until an unchanged job is sent again.
    pub(crate) timer: Option<f64>,
    pub(crate) restart: Restart,
    /// Standard deviation of the timer.
    pub(crate) timer_jitter: f64,
    /// How often it asks its node for a new block; 0 where the node tells.
    poll: f64,
    /// Median delay of a block to this pool.
    delay: f64,
    /// Part of blocks that it never announces (found in quick succession, or overtaken).
    miss: f64,
    /// Seconds that it takes to tell all its miners.
    pub(crate) fan_out: f64,
    pub(crate) vardiff: Vardiff,
    /// Median seconds that it takes to answer, beside the network.
    pub(crate) think: f64,
    /// Part of messages that come late because a segment was lost.
    pub(crate) lost: f64,
}

/// A job for all miners of a pool.
#[derive(Clone, Copy)]
pub(crate) struct Push {
    pub(crate) at: f64,
    pub(crate) size: u32,
    pub(crate) block: bool,
}

/// Refresh timers: those of the tuning pools are the ones measured on public traces and seen in source; those of the
/// test pools are others, but for the ones that most of the world uses.
const TUNING_TIMERS: [Option<f64>; 8] =
    [Some(22.0), Some(30.3), Some(55.0), Some(60.0), Some(120.0), Some(124.0), Some(10.0), None];
const TEST_TIMERS: [Option<f64>; 12] = [
    Some(15.0),
    Some(20.0),
    Some(25.0),
    Some(30.0),
    Some(37.0),
    Some(45.0),
    Some(50.0),
    Some(66.0),
    Some(90.0),
    Some(128.0),
    Some(28.5),
    None,
];

impl Pool {
    /// Some pool of this coin and dialect.
    pub(crate) fn draw(random: &mut Random, set: Set, coin: Coin, dialect: Dialect) -> Self {
        let timer = match set {
            Set::Tuning => random.pick(&TUNING_TIMERS),
            Set::Test => random.pick(&TEST_TIMERS),
        };
        // A timer far above the block interval never rings; Kaspa pools throttle instead.
        let timer = if coin == Coin::Kaspa { None } else { timer };
        let restart = match random.int(0, 9) {
            0..=5 => Restart::Block,
            6..=8 => Restart::Connection,
            _ => Restart::Never,
        };
        let target = match set {
            Set::Tuning => random.pick(&[30.0, 10.0, 12.0, 15.0, 60.0]),
            Set::Test => random.pick(&[30.0, 8.0, 20.0, 5.0, 3.0, 40.0, 90.0]),
        };
        let vardiff = match random.int(0, 9) {
            0..=1 => Vardiff::Fixed,
            2..=7 => Vardiff::Window {
                target,
                every: random.range(15.0, 120.0),
                clip: random.pick(&[2.0, 4.0, 1.5]),
                least: random.pick(&[8, 16, 30]),
                band: random.pick(&[0.3, 0.3, 0.5]),
            },
            _ => Vardiff::Doubling { target: target.min(12.0) },
        };
        Self {
            coin,
            dialect,
            sizes: dialect.sizes(random),
            timer,
            restart,
            timer_jitter: random.log_range(0.002, 0.08),
            poll: random.pick(&[0.0, 0.0, 0.12, 0.5, 1.0]),
            delay: random.log_range(0.1, 1.5),
            miss: random.range(0.0, 0.05),
            fan_out: random.log_range(0.01, 0.6),
            vardiff,
            think: random.log_range(0.005, 0.2),
            lost: random.log_range(0.001, 0.03),
        }
    }

    /// When the pool learns of blocks.
    pub(crate) fn heights(&self, random: &mut Random, chains: &Chains) -> Vec<f64> {
        let mut heard = Vec::new();
        let phase = random.unit() * self.poll;
        // A pool of a chain that is faster than a push makes sense throttles.
        let least = if self.coin == Coin::Kaspa { random.pick(&[0.4, 1.0, 2.0]) } else { 0.0 };
        for block in chains.blocks(self.coin) {
            if random.chance(self.miss) {
                continue;
            }
            let mut at = block + random.log_normal(self.delay, 0.5).min(10.0);
            if self.poll > 0.0 {
                at = ((at - phase) / self.poll).ceil() * self.poll + phase;
            }
            if heard.last().is_none_or(|last| at > last + least) {
                heard.push(at);
            }
        }
        heard
    }

    /// The jobs of all its connections, where the timer is not each connection's own: then the blocks only.
    pub(crate) fn pushes(&self, random: &mut Random, chains: &Chains) -> Vec<Push> {
        let heights = self.heights(random, chains);
        let mut pushes: Vec<Push> =
            heights.iter().map(|at| Push { at: *at, size: self.sizes.job(random, true), block: true }).collect();
        if let Some(timer) = self.timer {
            match self.restart {
                Restart::Connection => {}
                Restart::Never => {
                    let mut at = random.unit() * timer;
                    while at < chains.end {
                        pushes.push(Push { at, size: self.sizes.job(random, false), block: false });
                        at += timer + random.normal() * self.timer_jitter;
                    }
                }
                Restart::Block => {
                    let ends = heights.iter().skip(1).copied().chain([chains.end]);
                    for (from, to) in heights.iter().zip(ends) {
                        let mut at = from + timer + random.normal() * self.timer_jitter;
                        while at < to {
                            pushes.push(Push { at, size: self.sizes.job(random, false), block: false });
                            at += timer + random.normal() * self.timer_jitter;
                        }
                    }
                }
            }
        }
        pushes.sort_by(|a, b| a.at.total_cmp(&b.at));
        pushes
    }
}

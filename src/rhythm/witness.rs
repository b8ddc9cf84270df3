//! What a witness says: a fact, its weight, and the sentence for a person.

use std::fmt;

/// Who speaks. The first seven look at one flow alone, the others (`detect`) at several or at the world around it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum WitnessKind {
    /// Constant-size requests, each answered at once by a constant-size reply.
    SteadyExchange,
    /// Constant-size messages from the pool's side that nobody asked for.
    SteadyPushes,
    /// Request, reply and push are as long as those of a mining dialect.
    KnownSizes,
    /// Requests that arrive like a Poisson process, piecewise.
    MemorylessShares,
    /// Pushes on a timer that something restarts.
    JobTimer,
    /// What restarts it comes at the rate of a coin's blocks.
    BlockClock,
    /// The message sizes of Stratum V2 over Noise.
    NoiseSizes,
    /// Pushes come when blocks of a chain do (a feed says when).
    BlockPhase,
    /// Several inside hosts get their pushes together.
    PushedTogether,
    /// An inside host passes on what it was just pushed.
    Relay,
    /// Few inside hosts talk to that address.
    FewVisitors,
}

/// What was seen, with the numbers that its sentence needs. Times in seconds, sizes in bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fact {
    /// See [`WitnessKind::SteadyExchange`].
    SteadyExchange {
        /// Exchanges seen.
        count: u32,
        /// Of the request.
        request: u32,
        /// Of the reply.
        reply: u32,
        /// Typical time to the reply.
        delay: f32,
    },
    /// See [`WitnessKind::SteadyPushes`].
    SteadyPushes {
        /// Pushes seen.
        count: u32,
        /// Their size.
        size: u32,
    },
    /// See [`WitnessKind::KnownSizes`].
    KnownSizes {
        /// Its name.
        dialect: &'static str,
        /// Of the request.
        request: u32,
        /// Of the reply.
        reply: u32,
        /// Of the push.
        push: u32,
    },
    /// See [`WitnessKind::MemorylessShares`].
    MemorylessShares {
        /// Gaps tested.
        gaps: u32,
        /// Their mean.
        mean: f32,
    },
    /// See [`WitnessKind::JobTimer`].
    JobTimer {
        /// The timer.
        period: f32,
        /// Pushes when it ran out.
        full: u32,
        /// Pushes before.
        early: u32,
    },
    /// See [`WitnessKind::BlockClock`].
    BlockClock {
        /// Restarts seen.
        blocks: u32,
        /// Estimated time between blocks.
        interval: f32,
        /// Lower end of its 90 % confidence interval.
        low: f32,
        /// Upper end.
        high: f32,
    },
    /// See [`WitnessKind::NoiseSizes`].
    NoiseSizes {
        /// Messages of a size that Stratum V2 has.
        fitting: u32,
        /// Messages in all.
        messages: u32,
    },
    /// See [`WitnessKind::BlockPhase`].
    BlockPhase {
        /// Blocks that a push came with.
        hits: u32,
        /// Blocks in all.
        blocks: u32,
        /// Share of hits that chance would give, 0 to 1.
        chance: f32,
    },
    /// See [`WitnessKind::PushedTogether`].
    PushedTogether {
        /// Inside hosts.
        hosts: u32,
        /// Times that they were.
        times: u32,
    },
    /// See [`WitnessKind::Relay`].
    Relay {
        /// Inside hosts that are fed.
        hosts: u32,
        /// Times that they were.
        times: u32,
    },
    /// See [`WitnessKind::FewVisitors`].
    FewVisitors {
        /// Inside hosts.
        hosts: u32,
    },
}

/// One witness.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Witness {
    /// What it saw.
    pub fact: Fact,
    /// Decimal logarithm of its likelihood ratio, mining against everything else.
    pub weight: f32,
}

impl Witness {
    /// Who speaks.
    pub fn kind(&self) -> WitnessKind {
        match self.fact {
            Fact::SteadyExchange { .. } => WitnessKind::SteadyExchange,
            Fact::SteadyPushes { .. } => WitnessKind::SteadyPushes,
            Fact::KnownSizes { .. } => WitnessKind::KnownSizes,
            Fact::MemorylessShares { .. } => WitnessKind::MemorylessShares,
            Fact::JobTimer { .. } => WitnessKind::JobTimer,
            Fact::BlockClock { .. } => WitnessKind::BlockClock,
            Fact::NoiseSizes { .. } => WitnessKind::NoiseSizes,
            Fact::BlockPhase { .. } => WitnessKind::BlockPhase,
            Fact::PushedTogether { .. } => WitnessKind::PushedTogether,
            Fact::Relay { .. } => WitnessKind::Relay,
            Fact::FewVisitors { .. } => WitnessKind::FewVisitors,
        }
    }
}

impl fmt::Display for Witness {
    /// The sentence that a person can check.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fact {
            Fact::SteadyExchange { count, request, reply, delay } => write!(
                f,
                "the last {count} requests had about {request} bytes, each answered within {delay:.1} s by about {reply}"
            ),
            Fact::SteadyPushes { count, size } => {
                write!(f, "{count} messages of about {size} bytes from the far end that nobody asked for")
            }
            Fact::KnownSizes { dialect, request, reply, push } => write!(
                f,
                "{request}, {reply} and {push} bytes fit a share, its reply and a job of {dialect}, with what encryption adds"
            ),
            Fact::MemorylessShares { gaps, mean } => {
                write!(
                    f,
                    "requests come at random moments, as shares are found (the last {gaps} gaps, {mean:.1} s on average)"
                )
            }
            Fact::JobTimer { period, full, early } => write!(
                f,
                "the far end sends every {period:.1} s ({full} times), and began anew before that {early} times, as when a \
                 block is found"
            ),
            Fact::BlockClock { blocks, interval, low, high } => write!(
                f,
                "it began anew every {interval:.0} s on average ({low:.0} to {high:.0} s, {blocks} times), as a coin's blocks do"
            ),
            Fact::NoiseSizes { fitting, messages } => {
                write!(f, "{fitting} of {messages} messages have a size of Stratum V2 over Noise")
            }
            Fact::BlockPhase { hits, blocks, chance } => write!(
                f,
                "a push came with {hits} of {blocks} blocks, {:.1} expected by chance",
                chance * blocks as f32
            ),
            Fact::PushedTogether { hosts, times } => {
                write!(f, "{hosts} inside hosts were pushed to at the same moment, {times} times")
            }
            Fact::Relay { hosts, times } => {
                write!(f, "passed on what it was pushed to {hosts} inside hosts, {times} times")
            }
            Fact::FewVisitors { hosts } => write!(f, "only {hosts} inside hosts talk to that address"),
        }
    }
}

/// At most [`Witnesses::MAX`] witnesses, in place.
#[derive(Clone, Copy, Default, Debug)]
pub struct Witnesses {
    held: [Option<Witness>; Self::MAX],
}

impl Witnesses {
    /// There are no more than this many that look at one flow.
    pub const MAX: usize = 8;

    /// Adds one; a ninth is dropped.
    pub fn push(&mut self, w: Witness) {
        if let Some(free) = self.held.iter_mut().find(|h| h.is_none()) {
            *free = Some(w);
        }
    }

    /// In the order they were heard.
    pub fn iter(&self) -> impl Iterator<Item = &Witness> {
        self.held.iter().flatten()
    }
}

/// A coin, or several that timing cannot tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Coin {
    /// As exchanges write it: `XMR`.
    pub symbol: &'static str,
    /// Seconds between blocks.
    pub interval: u32,
}

/// How well a coin fits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CoinFit {
    /// Which.
    pub coin: Coin,
    /// Its likelihood among all that were tried, 0 to 1.
    pub likelihood: f32,
}

/// Coins that fit, likeliest first.
#[derive(Clone, Copy, Default, Debug)]
pub struct Coins {
    held: [Option<CoinFit>; Self::MAX],
    len: usize,
}

impl Coins {
    /// More than this many is the same as not knowing.
    pub const MAX: usize = 8;

    /// Adds one that fits worse than all before; dropped when full.
    pub fn push(&mut self, fit: CoinFit) {
        if let Some(free) = self.held.get_mut(self.len) {
            *free = Some(fit);
            self.len += 1;
        }
    }

    /// Likeliest first.
    pub fn iter(&self) -> impl Iterator<Item = &CoinFit> {
        self.held.iter().flatten()
    }
}

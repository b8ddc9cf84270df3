//! What two programs say to each other, when, and the truth about it.
//!
//! In: lines from a dialect's generator. Out: a [`Dialogue`]: turns in time order with a [`Truth`], independent of the
//! network that carries it.

use super::rng::Rng;

/// One second in the unit of all times here.
pub const SECOND: u64 = 1_000_000_000;
/// One millisecond.
pub const MILLI: u64 = 1_000_000;

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The one that opened the connection: the miner.
    Client,
    /// The pool.
    Server,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// 0 for the client, 1 for the server.
    pub const fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }
}

/// Bytes that one side hands to its kernel in one write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turn {
    /// Nanoseconds since the connection was open.
    pub at: u64,
    /// Who speaks.
    pub side: Side,
    /// What is said.
    pub bytes: Vec<u8>,
}

/// How far the conversation came. The words are those of the `stage` field in the JSON output.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Stage {
    /// A login or subscription without a job.
    #[default]
    Attempt,
    /// Login answered and a job delivered.
    Session,
    /// At least one share accepted.
    Accepted,
}

impl Stage {
    /// As printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Session => "session",
            Self::Accepted => "accepted",
        }
    }
}

/// What is true of a dialogue, known because it was made so.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Truth {
    /// Dialect id of the JSON output; empty for a dialogue that is not mining.
    pub dialect: &'static str,
    /// Coin, where the wallet alone tells it.
    pub coin: Option<&'static str>,
    /// How far it came.
    pub stage: Stage,
    /// Login as sent.
    pub login: Option<String>,
    /// Address part of the login.
    pub wallet: Option<String>,
    /// Worker part of the login.
    pub worker: Option<String>,
    /// Program's name for itself.
    pub agent: Option<String>,
    /// Shares sent.
    pub submitted: u64,
    /// Shares the pool took.
    pub accepted: u64,
    /// Shares the pool refused.
    pub rejected: u64,
    /// Jobs handed out (login replies included).
    pub jobs: u64,
    /// Hashes (or solutions) that the accepted shares stand for, by their difficulty.
    pub work: f64,
}

impl Truth {
    /// Truth of a dialogue in `dialect` by `login`, split into `wallet` and `worker`.
    pub fn of(dialect: &'static str, coin: Option<&'static str>, wallet: &str, worker: &str) -> Self {
        let login = if worker.is_empty() { wallet.to_owned() } else { format!("{wallet}.{worker}") };
        Self {
            dialect,
            coin,
            login: Some(login),
            wallet: Some(wallet.to_owned()),
            worker: (!worker.is_empty()).then(|| worker.to_owned()),
            ..Self::default()
        }
    }

    /// The login as sent, or nothing.
    pub fn login(&self) -> &str {
        self.login.as_deref().unwrap_or_default()
    }
}

/// A whole conversation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Dialogue {
    /// In time order.
    pub turns: Vec<Turn>,
    /// What it is.
    pub truth: Truth,
}

impl Dialogue {
    /// An empty dialogue with its truth.
    pub fn new(truth: Truth) -> Self {
        Self { turns: Vec::new(), truth }
    }

    /// The client says `text` at `at`.
    pub fn client(&mut self, at: u64, text: impl Into<Vec<u8>>) {
        self.turns.push(Turn { at, side: Side::Client, bytes: text.into() });
    }

    /// The server says `text` at `at`.
    pub fn server(&mut self, at: u64, text: impl Into<Vec<u8>>) {
        self.turns.push(Turn { at, side: Side::Server, bytes: text.into() });
    }

    /// A job was handed out.
    pub fn job(&mut self) {
        self.truth.jobs += 1;
        self.truth.stage = self.truth.stage.max(Stage::Session);
    }

    /// A share worth `work` hashes was sent, and taken or refused.
    pub fn share(&mut self, accepted: bool, work: f64) {
        self.truth.submitted += 1;
        if accepted {
            self.truth.accepted += 1;
            self.truth.work += work;
            self.truth.stage = Stage::Accepted;
        } else {
            self.truth.rejected += 1;
        }
    }

    /// Puts the turns in time order; equal times keep the order in which they were said.
    #[must_use]
    pub fn done(mut self) -> Self {
        self.turns.sort_by_key(|t| t.at);
        self
    }

    /// Everything that one side says, as one stream.
    pub fn stream(&self, side: Side) -> Vec<u8> {
        self.turns.iter().filter(|t| t.side == side).flat_map(|t| t.bytes.iter().copied()).collect()
    }

    /// When the last word is said.
    pub fn length(&self) -> u64 {
        self.turns.last().map_or(0, |t| t.at)
    }

    /// The same words, joined and split again at random places, so that segments begin and end inside messages and
    /// hold several of them. Turns of one side less than `join` nanoseconds apart are joined first.
    #[must_use]
    pub fn recut(&self, rng: &mut Rng, join: u64) -> Self {
        let mut joined: Vec<Turn> = Vec::new();
        for turn in &self.turns {
            match joined.last_mut() {
                Some(last) if last.side == turn.side && turn.at - last.at < join => {
                    last.bytes.extend_from_slice(&turn.bytes);
                }
                _ => joined.push(turn.clone()),
            }
        }
        let mut turns = Vec::new();
        for turn in joined {
            let (mut rest, mut at) = (&turn.bytes[..], turn.at);
            while !rest.is_empty() {
                let n = (rng.range(1, 2 + rest.len() as u64) as usize).min(rest.len());
                turns.push(Turn { at, side: turn.side, bytes: rest[..n].to_vec() });
                rest = &rest[n..];
                at += rng.range(2, 9) * MILLI;
            }
        }
        Self { turns, truth: self.truth.clone() }.done()
    }
}

/// Something that happens while mining.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The pool hands out a job; `clean` when a block was found.
    Job {
        /// Older jobs are void.
        clean: bool,
    },
    /// The miner finds a share, and the pool takes it or not.
    Share {
        /// Taken.
        ok: bool,
    },
}

/// How a mining hour goes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Length in seconds.
    pub seconds: u64,
    /// Mean seconds between blocks of the chain.
    pub block: f64,
    /// Seconds between refreshed jobs, if the pool refreshes.
    pub refresh: Option<u64>,
    /// Mean seconds between shares.
    pub share: f64,
    /// Every so many shares one is refused; 0 for never.
    pub refuse: u64,
}

/// Shares at exponential intervals (but two at least), jobs on blocks and refreshes, in time order and at least 400 ms
/// apart, so that a share's job is never younger than the reply to it.
pub fn events(rng: &mut Rng, pace: Pace) -> Vec<(u64, Event)> {
    let nanos = |s: f64| (s * SECOND as f64) as u64;
    let end = pace.seconds * SECOND;
    let mut all = Vec::new();
    let mut at = nanos(rng.exponential(pace.block));
    while at < end {
        all.push((at, Event::Job { clean: true }));
        at += nanos(rng.exponential(pace.block).clamp(7.0, 4.0 * pace.block));
    }
    if let Some(refresh) = pace.refresh {
        let mut at = refresh * SECOND;
        while at < end {
            all.push((at + rng.range(0, 900) * MILLI, Event::Job { clean: false }));
            at += refresh * SECOND;
        }
    }
    let (mut at, mut n) = (nanos(rng.exponential(pace.share)), 0_u64);
    while at < end {
        n += 1;
        all.push((at, Event::Share { ok: pace.refuse == 0 || n % pace.refuse != 0 }));
        at += nanos(rng.exponential(pace.share));
    }
    // Chance may leave a short session without any; a capture that shows shares must have some.
    for at in [end / 10 * 6, end / 10 * 8].into_iter().skip(n.min(2) as usize) {
        all.push((at, Event::Share { ok: true }));
    }
    all.sort_by_key(|e| e.0);
    let mut last = SECOND;
    for (at, _) in &mut all {
        *at = (*at).max(last + 400 * MILLI);
        last = *at;
    }
    all
}

/// How long a pool takes to answer: 20 to 150 ms.
pub fn reply(rng: &mut Rng) -> u64 {
    rng.range(20_000, 150_000) * 1000
}

//! Flows to judge, each with what is true of it.

use crate::benign::Class;
use crate::chain::{Chains, Coin, Set};
use crate::dialect::{Dialect, MINED};
use crate::evasion::Evasion;
use crate::miner::{Miner, Serving};
use crate::random::Random;
use crate::tape::{Event, Framing};

/// A mining flow.
pub(crate) struct Mining {
    pub(crate) coin: Coin,
    pub(crate) dialect: Dialect,
    pub(crate) framing: Framing,
    pub(crate) evasion: Evasion,
    /// Seconds of the pool's timer.
    pub(crate) timer: Option<f64>,
    /// One after another; most miners stay connected.
    pub(crate) connections: Vec<Vec<Event>>,
    /// Block times as a node that is no pool's heard of them.
    pub(crate) feed: Vec<f64>,
    /// When its first message is seen, in the time of the feed and of all messages.
    pub(crate) start: f64,
}

/// A flow that is not mining.
pub(crate) struct Benign {
    pub(crate) seconds: f64,
    pub(crate) events: Vec<Event>,
    /// Monero's blocks of that time, for detectors that want a feed.
    pub(crate) feed: Vec<f64>,
}

/// How long mining flows are looked at: the longest delay in the report.
pub(crate) const WATCHED: f64 = 3600.0;
/// What passes before a flow may begin, so that blocks and timers are under way.
const BEFORE: f64 = 1500.0;

/// A mining flow of these kinds. A third is picked up in its middle, as a tap that was just connected would.
pub(crate) fn mining(
    seed: u64,
    number: u64,
    set: Set,
    (coin, dialect): (Coin, Dialect),
    framing: Framing,
    evasion: Evasion,
) -> Mining {
    // The same pools whatever the evasion, so that rows of the matrix can be compared.
    let random = &mut Random::of(seed, &format!("{}{}", coin.ticker(), dialect.name()), number);
    let end = BEFORE + WATCHED * 1.02;
    let chains = Chains::new(seed, number ^ 0x5eed, end);
    let serving = Serving::new(random, set, &chains, (coin, dialect));
    let middle = random.chance(1.0 / 3.0);
    let start = BEFORE - random.unit() * 300.0;
    let connections = match evasion {
        Evasion::Reconnecting(seconds) => {
            let mut from = start;
            let next = || {
                let to = from + f64::from(seconds) * random.range(0.5, 1.5);
                let one = conversation(random, &serving, from, to, framing, evasion, false);
                from = to + random.range(1.0, 10.0);
                (from < start + WATCHED).then_some(one)
            };
            std::iter::from_fn(next).collect()
        }
        _ => vec![conversation(random, &serving, start, start + WATCHED, framing, evasion, middle)],
    };
    let feed = chains.feed(coin, random);
    let timer = serving.pool.timer;
    let start = connections.iter().flatten().next().map_or(start, |e| e.at);
    Mining { coin, dialect, framing, evasion, timer, connections, feed, start }
}

impl Mining {
    /// All messages between the two addresses.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.connections.iter().flatten()
    }
}

/// What one connection looks like on the wire, or several after one another.
pub(crate) fn conversation(
    random: &mut Random,
    serving: &Serving,
    start: f64,
    end: f64,
    framing: Framing,
    evasion: Evasion,
    middle: bool,
) -> Vec<Event> {
    // Begun well before it is seen, so that vardiff has settled or has not.
    let earlier = if middle { random.range(60.0, 1200.0) } else { 0.0 };
    let miner =
        Miner { pool: &serving.pool, pushes: &serving.pushes, start: start - earlier, end, work: evasion.work() };
    let said = miner.run(random);
    let mut events = evasion.apply(random, &said, framing, serving.pool.dialect);
    events.retain(|e| e.at >= start && e.at < end);
    events
}

/// A benign flow, the `number`th of all.
pub(crate) fn benign(seed: u64, number: u64, class: &'static Class) -> Benign {
    let random = &mut Random::of(seed, class.name, number);
    // From two minutes to six hours: most long flows are minutes long.
    let seconds = random.log_range(120.0, 21_600.0);
    let chains = Chains::new(seed, number ^ 0x00be_9119, seconds);
    let events = class.flow(random, &chains, seconds);
    let feed = chains.feed(Coin::Monero, random);
    Benign { seconds, events, feed }
}

/// What coins and dialects are in this set: some are kept from tuning.
pub(crate) fn mined(set: Set) -> Vec<(Coin, Dialect)> {
    let tuned = |coin: Coin| {
        matches!(coin, Coin::Monero | Coin::Bitcoin | Coin::Litecoin | Coin::Zcash | Coin::EthereumClassic)
    };
    MINED.iter().copied().filter(|(coin, _)| set == Set::Test || tuned(*coin)).collect()
}

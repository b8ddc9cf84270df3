//! All judges on all flows of a set.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::baseline::{MineHunter, Nemea, Shape, Vesely};
use crate::benign::Class;
use crate::chain::{Coin, Set};
use crate::dialect::Dialect;
use crate::evasion::Evasion;
use crate::figures::Delays;
use crate::judge::{Ours, Verdict, judged};
use crate::tape::{Event, Framing};
use crate::world::{self, Benign, Mining};

/// Rules of others, in the order of columns.
pub(crate) const OTHERS: [&str; 5] = ["MineHunter, with feed", "NEMEA", "Veselý 8/9", "Veselý 9/9", "shape alone"];

/// What came of the flows of one kind.
#[derive(Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) suspected: Delays,
    pub(crate) probable: Delays,
    pub(crate) others: [Delays; OTHERS.len()],
    /// Flows of which a coin was named, and rightly.
    pub(crate) named: u32,
    pub(crate) right: u32,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: &Self) {
        self.suspected.extend(&other.suspected);
        self.probable.extend(&other.probable);
        self.named += other.named;
        self.right += other.right;
        for (mine, theirs) in self.others.iter_mut().zip(&other.others) {
            mine.extend(theirs);
        }
    }
}

/// `f` of each number below `count`, on all processors, in the order of the numbers.
pub(crate) fn each<T: Send>(count: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mine = || {
            let n = next.fetch_add(1, Ordering::Relaxed);
            (n < count).then(|| (n, f(n)))
        };
        std::iter::from_fn(mine).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(count.max(1));
    let mut all: Vec<(usize, T)> = std::thread::scope(|s| {
        let running: Vec<_> = (0..threads).map(|_| s.spawn(work)).collect();
        running.into_iter().flat_map(|r| r.join().expect("a judge panicked")).collect()
    });
    all.sort_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, t)| t).collect()
}

fn earliest(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut all = Verdict::default();
    for v in verdicts {
        all.suspected = all.suspected.or(v.suspected);
        all.probable = all.probable.or(v.probable);
        all.coin = v.coin.or(all.coin);
        if all.reasons.is_empty() {
            all.reasons = v.reasons;
        }
    }
    all
}

/// Each connection is judged for itself, as the detector of single flows must.
pub(crate) fn ours(flow: &Mining) -> Verdict {
    earliest(flow.connections.iter().map(|c| judged(Ours::default(), c)))
}

fn others(events: &[Event], feed: &[f64], wanted: bool) -> [Option<f64>; OTHERS.len()] {
    if !wanted {
        return [None; OTHERS.len()];
    }
    [
        judged(MineHunter::new(feed), events),
        judged(Nemea::default(), events),
        judged(Vesely::new(8), events),
        judged(Vesely::new(9), events),
        judged(Shape::default(), events),
    ]
    .map(|v| v.suspected)
}

/// What is judged of one mining flow.
fn mined(flow: &Mining, with_others: bool) -> Outcome {
    let mut out = Outcome::default();
    let verdict = ours(flow);
    let delay = |at: Option<f64>| at.map(|at| at - flow.start);
    out.suspected.push(delay(verdict.suspected));
    out.probable.push(delay(verdict.probable));
    if let Some((symbol, interval)) = &verdict.coin {
        out.named = 1;
        out.right = u32::from(flow.coin.is_named_by(symbol, *interval));
    }
    let events: Vec<Event> = flow.events().copied().collect();
    for (delays, at) in out.others.iter_mut().zip(others(&events, &flow.feed, with_others)) {
        delays.push(delay(at));
    }
    out
}

/// `count` mining flows of one kind, in all framings by turns or in one.
pub(crate) fn mining(
    seed: u64,
    set: Set,
    pair: (Coin, Dialect),
    framing: Option<Framing>,
    evasion: Evasion,
    count: usize,
    with_others: bool,
) -> Outcome {
    let outcomes = each(count, |n| {
        let framing = framing.unwrap_or(Framing::ALL[n % Framing::ALL.len()]);
        mined(&world::mining(seed, n as u64, set, pair, framing, evasion), with_others)
    });
    sum(&outcomes)
}

pub(crate) fn sum(outcomes: &[Outcome]) -> Outcome {
    outcomes.iter().fold(Outcome::default(), |mut all, one| {
        all.add(one);
        all
    })
}

/// What came of a class of benign flows.
#[derive(Clone, Default)]
pub(crate) struct Harmless {
    pub(crate) name: &'static str,
    /// As in [`Class`].
    pub(crate) known: bool,
    pub(crate) twin: bool,
    pub(crate) flows: u64,
    pub(crate) hours: f64,
    pub(crate) messages: u64,
    pub(crate) suspected: u64,
    pub(crate) probable: u64,
    pub(crate) others: [u64; OTHERS.len()],
    /// Number of a flow with an alarm and what was said of it.
    pub(crate) examples: Vec<(u64, Vec<String>)>,
}

fn harmless(flow: &Benign, number: u64, with_others: bool) -> Harmless {
    let verdict = judged(Ours::default(), &flow.events);
    let others = others(&flow.events, &flow.feed, with_others);
    Harmless {
        flows: 1,
        hours: flow.seconds / 3600.0,
        messages: flow.events.len() as u64,
        suspected: u64::from(verdict.suspected.is_some()),
        probable: u64::from(verdict.probable.is_some()),
        others: others.map(|o| u64::from(o.is_some())),
        examples: verdict.suspected.map(|_| (number, verdict.reasons)).into_iter().collect(),
        ..Harmless::default()
    }
}

impl Harmless {
    /// Examples that are kept of each class.
    const EXAMPLES: usize = 3;

    pub(crate) fn add(&mut self, other: &Self) {
        self.flows += other.flows;
        self.hours += other.hours;
        self.messages += other.messages;
        self.suspected += other.suspected;
        self.probable += other.probable;
        for (mine, theirs) in self.others.iter_mut().zip(other.others) {
            *mine += theirs;
        }
        let room = Self::EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
    }
}

/// At least `count` benign flows, as many of each class of the set.
pub(crate) fn benign(seed: u64, set: Set, count: usize, with_others: bool) -> Vec<Harmless> {
    let classes: Vec<&'static Class> = Class::of(set).collect();
    let all = each(count.div_ceil(classes.len()) * classes.len(), |n| {
        let (class, number) = (classes[n % classes.len()], (n / classes.len()) as u64);
        harmless(&world::benign(seed, number, class), number, with_others)
    });
    let row = |c: &&Class| Harmless { name: c.name, known: c.tuning, twin: c.twin, ..Harmless::default() };
    let mut table: Vec<Harmless> = classes.iter().map(row).collect();
    for (n, one) in all.iter().enumerate() {
        table[n % classes.len()].add(one);
    }
    table
}

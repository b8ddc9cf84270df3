//! Block phase on real captures: with the blocks that other captures saw, and with the same blocks at other times.
//!
//! In: the beats of real mining flows, payload-blind. What restarts the job timer of one flow stands for the blocks that a
//! feed would tell another. Out: how often the witness speaks of flows of the same hours, and how often of the same flows
//! when those blocks are shifted in a circle, so that nothing but chance can make them meet.

use std::fmt::Write as _;

use minewatch::detect::{Chain, Detect, Facts, Limits, Party, Seen};
use minewatch::rhythm::{Beat, BeatKind};
use minewatch::time::PacketTime;

use crate::figures::{Delays, minutes, percent, upper_bound};
use crate::trial::each;

/// A flow that mines one coin, with what it looks like to detectors of several flows.
pub(crate) struct Beating {
    pub(crate) party: Party,
    pub(crate) beats: Vec<Beat>,
}

/// Two flows have enough in common from here on, seconds.
const LONG: f64 = 1800.0;
/// Circular shifts of each.
const SHIFTS: u32 = 20;

/// Seconds of an hour that both were there.
struct Common {
    from: f64,
    to: f64,
}

fn seconds(at: PacketTime) -> f64 {
    at.as_nanos() as f64 / 1e9
}

impl Beating {
    fn blocks(&self) -> impl Iterator<Item = f64> {
        self.beats.iter().filter(|b| matches!(b.kind, BeatKind::Block { .. })).map(|b| seconds(b.at))
    }

    fn in_common(&self, other: &Self) -> Option<Common> {
        let ends = |b: &Self| Some((seconds(b.beats.first()?.at), seconds(b.beats.last()?.at)));
        let ((a, b), (c, d)) = (ends(self)?, ends(other)?);
        let (from, to) = (a.max(c), b.min(d));
        (to - from >= LONG).then_some(Common { from, to })
    }

    /// Seconds until block phase speaks, with blocks at these times.
    fn phase(&self, within: &Common, mut blocks: Vec<f64>) -> Option<f64> {
        blocks.sort_by(f64::total_cmp);
        let mut blocks = blocks.into_iter().peekable();
        let chain = Chain { coin: "XMR".into(), source: "another capture".into() };
        let mut detect = Detect::new(Limits::default());
        for beat in &self.beats {
            let at = seconds(beat.at);
            if !(within.from..=within.to).contains(&at) {
                continue;
            }
            while let Some(block) = blocks.next_if(|b| *b <= at) {
                detect.block(&chain, PacketTime::from_nanos((block * 1e9) as i64));
            }
            detect.beat(&self.party, *beat);
            let said = detect.judge(&self.party, &Facts::default(), beat.at);
            if said.iter().any(|s| matches!(s.seen, Seen::BlockPhase { .. })) {
                return Some(at - within.from);
            }
        }
        None
    }
}

/// The same blocks, later by `shift` of the time in common, what falls off the end put in front.
fn shifted(blocks: &[f64], within: &Common, shift: f64) -> Vec<f64> {
    let span = within.to - within.from;
    blocks.iter().map(|b| within.from + (b - within.from + shift * span).rem_euclid(span)).collect()
}

/// A section of the report.
pub(crate) fn report(flows: &[Beating]) -> String {
    let mut pairs = Vec::new();
    for (a, feed) in flows.iter().enumerate() {
        for (b, flow) in flows.iter().enumerate() {
            if let Some(within) = feed.in_common(flow) {
                let blocks = feed.blocks().filter(|at| (within.from..=within.to).contains(at)).collect::<Vec<_>>();
                if blocks.len() >= 8 {
                    pairs.push((flow, a == b, within, blocks));
                }
            }
        }
    }
    let told = each(pairs.len(), |n| {
        let (flow, own, within, blocks) = &pairs[n];
        let real = (!own).then(|| flow.phase(within, blocks.clone()));
        let by_chance = (1..=SHIFTS)
            .filter(|k| flow.phase(within, shifted(blocks, within, f64::from(*k) / f64::from(SHIFTS + 1))).is_some());
        (real, by_chance.count() as u64)
    });
    let (mut real, mut by_chance) = (Delays::default(), 0);
    for (delay, chance) in told {
        if let Some(delay) = delay {
            real.push(delay);
        }
        by_chance += chance;
    }
    let nulls = pairs.len() as u64 * u64::from(SHIFTS);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\nBlock phase, of Monero flows with half an hour and more in common: the blocks of one are what restarts its \
         timer (nine in ten are). Of {} pairs of flows of the same hours it spoke of {}, after {} on average (median); of \
         {nulls} with the blocks of another or their own shifted in a circle it spoke of {by_chance}, at most {:.2} % \
         (95 %).",
        real.flows(),
        percent(real.recall_by(f64::INFINITY)),
        minutes(real.quantile(0.5)),
        upper_bound(nulls, by_chance) * 100.0
    );
    out
}

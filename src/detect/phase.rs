//! Block phase: a flow is pushed to when blocks of a chain arrive.
//!
//! In: block arrivals of one chain ([`Blocks`]) and the [`Pulse`] of a flow. Out: [`Track::standing`]: hits, blocks,
//! clock offset, and a bet against chance that may be looked at after every block.
//!
//! A block is hit when a push lies in [-0.7, +0.8] s of it, once shifted by the offset between the feed's clock and the
//! gateway's: all offsets up to ±19.5 s are bet on at once, a quarter of the stake on none, and the search has thereby
//! paid. Chance is the share of time that lies near a push ([`Pulse::chance`]), so that no push train, be it a timer,
//! bursts or a Poisson process, is hit more often by moments that know nothing of it.
//!
//! What it cannot tell is a miner from a node, a wallet or a block explorer: they too are told of blocks. The shape of
//! the flow must; and most pools repeat their job on a timer when no block comes, which nobody does who only tells of
//! blocks ([`Standing::only_blocks`]).
//!
//! Also: the score of `MineHunter` (ACSAC 2021) by its published code, as a second figure.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::PacketTime;

use super::bet::{self, Peak};
use super::pulse::{Pulse, QUIET};

/// A push may be this much before the block, as feeds are late too, and this much behind it.
const BEFORE: f32 = 0.7;
const BEHIND: f32 = 0.8;

/// Share of blocks that a miner's pushes come with. Measured 0.88 to 0.96 on public Monero captures; staked lower, as
/// little is lost on who hits more, and who hits two of three still wins.
const HITS: f32 = 0.8;

/// Offsets that are tried lie so far apart: half a window, so that none falls between.
const STEP: f32 = 0.75;

/// How many: ±19.5 s.
const OFFSETS: usize = 53;
const NONE: usize = OFFSETS / 2;

/// All pushes that may belong to a block are there when this has passed.
const SETTLED: Duration = Duration::from_secs(21);

/// A block that follows sooner on another is dropped, as `MineHunter` does.
pub const BLOCK_GAP: Duration = Duration::from_secs(10);

/// A block so far ahead of the next one that is told has a wrong time.
const STRAY: Duration = Duration::from_hours(1);

/// Arrivals of a chain's blocks, in order of time, the oldest dropped beyond a cap.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    times: VecDeque<PacketTime>,
    /// Number of the first that is kept.
    base: u64,
    whole: u64,
    seen: u64,
}

impl Blocks {
    /// Takes a block; false when it is dropped, being no later than the last, or too soon behind it.
    pub fn add(&mut self, at: PacketTime, cap: usize) -> bool {
        self.seen += 1;
        self.whole += u64::from(at.as_nanos() % 1_000_000_000 == 0);
        // One line with a time far ahead must not keep out all that come after it.
        let ahead = |last: &PacketTime| last.since(at) > STRAY && self.times.iter().nth_back(1).is_none_or(|t| *t < at);
        if self.times.back().is_some_and(ahead) {
            self.times.pop_back();
        }
        if self.times.back().is_some_and(|last| at.since(*last) < BLOCK_GAP) {
            return false;
        }
        if self.times.len() >= cap.max(1) {
            self.times.pop_front();
            self.base += 1;
        }
        self.times.push_back(at);
        true
    }

    /// Seconds by which the feed's stamps may be early: most logs have whole seconds.
    fn coarse(&self) -> f32 {
        if self.whole * 2 > self.seen { 1.0 } else { 0.0 }
    }

    /// Whether a block is near a push, once that is moved by the offset.
    fn is_near(&self, push: PacketTime, offset: f32) -> bool {
        let moved = PacketTime::from_nanos(push.as_nanos().saturating_sub((offset * 1e9) as i64));
        let behind = self.times.partition_point(|t| *t <= moved);
        let early = self.times.get(behind).is_some_and(|t| t.since(moved) < BLOCK_GAP / 2);
        // Blocks that came too soon behind one were dropped.
        early
            || behind
                .checked_sub(1)
                .and_then(|i| self.times.get(i))
                .is_some_and(|t| moved.since(*t) < BLOCK_GAP * 5 / 4)
    }

    /// Number of the first block at `at` or later.
    fn from(&self, at: PacketTime) -> u64 {
        self.base + self.times.partition_point(|t| *t < at) as u64
    }

    fn get(&self, number: u64) -> Option<PacketTime> {
        self.times.get(usize::try_from(number.checked_sub(self.base)?).ok()?).copied()
    }
}

/// What a flow and a chain have to do with each other.
#[derive(Clone, Debug)]
pub struct Track {
    /// Number of the block that is judged next.
    next: u64,
    capital: [f32; OFFSETS],
    hits: [u16; OFFSETS],
    blocks: u32,
    /// Sum of the chances of hitting them.
    chance: f32,
    peak: Peak,
    /// Pushes up to this number were looked at, and so many of so many were far from any block.
    looked: u64,
    far: u32,
    pushes: u32,
    hunter: Hunter,
}

/// How it stands.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Standing {
    /// Blocks that a push came with, at the offset that fits best.
    pub hits: u32,
    /// Blocks in all.
    pub blocks: u32,
    /// Share of hits that chance gives.
    pub chance: f32,
    /// That offset, in seconds; positive when pushes come later than the feed says.
    pub offset: f32,
    /// Capital now (log10).
    pub capital: f32,
    /// What may be quoted (log10 of a probability).
    pub bound: f32,
    /// Hardly any push came without a block. True until the contrary was seen.
    pub only_blocks: bool,
    /// `MineHunter`'s score.
    pub minehunter: Option<f32>,
}

/// Share of the stake that an offset gets (log10). Pools tell their miners up to a second later than a node hears, if
/// clocks agree, which most do.
fn share(offset: usize) -> f32 {
    let share: f32 = match offset.abs_diff(NONE) {
        0 => 0.4,
        1 => 0.1,
        2 if offset > NONE => 0.1,
        _ => 0.3 / (OFFSETS - 4) as f32,
    };
    share.log10()
}

impl Track {
    /// For a flow from its first push on.
    pub fn new(blocks: &Blocks, pulse: &Pulse) -> Self {
        Self {
            next: blocks.from(pulse.first().plus(SETTLED)),
            capital: [0.0; OFFSETS],
            hits: [0; OFFSETS],
            blocks: 0,
            chance: 0.0,
            peak: Peak::default(),
            looked: pulse.count(),
            far: 0,
            pushes: 0,
            hunter: Hunter::new(blocks, pulse),
        }
    }

    /// Judges the blocks that can be by `now`.
    pub fn advance(&mut self, blocks: &Blocks, pulse: &Pulse, now: PacketTime) {
        self.next = self.next.max(blocks.base);
        while let Some(block) = blocks.get(self.next) {
            if block.plus(SETTLED) > now {
                break;
            }
            // In the middle of a long silence it is not known yet whether the flow goes on.
            if pulse.last().is_none_or(|last| block.since(last) > QUIET / 2) {
                break;
            }
            self.next += 1;
            if knows(pulse, block) {
                self.judge(block, blocks.coarse(), pulse);
            }
        }
        self.look(blocks, pulse, now);
        self.hunter.advance(blocks, pulse, now);
    }

    /// Looks at pushes once all blocks around them are known: is there one at all?
    fn look(&mut self, blocks: &Blocks, pulse: &Pulse, now: PacketTime) {
        if self.blocks == 0 {
            self.looked = pulse.count();
            return;
        }
        let offset = offset(self.best().0);
        let (mut looked, mut far, mut all) = (self.looked, 0, 0);
        for (number, t) in pulse.numbered().take_while(|(n, _)| *n >= self.looked) {
            if t.plus(SETTLED) > now {
                continue;
            }
            looked = looked.max(number + 1);
            all += 1;
            far += u32::from(!blocks.is_near(t, offset));
        }
        (self.looked, self.far, self.pushes) = (looked, self.far.saturating_add(far), self.pushes.saturating_add(all));
    }

    /// The offset that fits best, by its number, with the capital there.
    fn best(&self) -> (usize, f32) {
        let capital = self.capital.iter().enumerate().map(|(i, c)| (i, c + share(i)));
        capital.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((NONE, 0.0))
    }

    fn judge(&mut self, block: PacketTime, coarse: f32, pulse: &Pulse) {
        let width = Duration::from_secs_f32(BEFORE + BEHIND + coarse);
        let chance = pulse.chance(block, width);
        let (hit, miss) = bet::stakes(HITS, chance);
        if hit <= 0.0 {
            return;
        }
        let mask = hit_at(block, coarse, pulse);
        for (i, (capital, hits)) in self.capital.iter_mut().zip(&mut self.hits).enumerate() {
            if mask >> i & 1 == 1 {
                *capital += hit;
                *hits = hits.saturating_add(1);
            } else {
                *capital += miss;
            }
        }
        self.blocks += 1;
        self.chance += chance;
        self.peak.see(self.total());
    }

    fn total(&self) -> f32 {
        bet::sum(self.capital.iter().enumerate().map(|(i, c)| c + share(i)))
    }

    /// How it stands; nothing before the first block.
    pub fn standing(&self, blocks: &Blocks) -> Option<Standing> {
        if self.blocks == 0 {
            return None;
        }
        let (best, _) = self.best();
        Some(Standing {
            hits: u32::from(self.hits.get(best).copied()?),
            blocks: self.blocks,
            chance: self.chance / self.blocks as f32,
            offset: offset(best),
            capital: self.total(),
            bound: self.peak.bound(),
            only_blocks: self.far < 2 || self.far * 10 < self.pushes,
            minehunter: self.hunter.score(blocks),
        })
    }
}

/// Whether the flow was there when the block came, and all that matters of it is still kept.
fn knows(pulse: &Pulse, block: PacketTime) -> bool {
    let early = PacketTime::from_nanos(block.as_nanos().saturating_sub(SETTLED.as_nanos() as i64));
    if !pulse.reaches_back_to(early) {
        return false;
    }
    let half = QUIET / 2;
    pulse.latest().any(|t| t.since(block) <= half && block.since(t) <= half)
}

/// At which offsets a push comes with the block: a bit for each.
fn hit_at(block: PacketTime, coarse: f32, pulse: &Pulse) -> u64 {
    let mut mask = 0u64;
    for t in pulse.latest() {
        let delay = t.as_nanos().saturating_sub(block.as_nanos()) as f32 / 1e9;
        if delay < -SETTLED.as_secs_f32() {
            break;
        }
        if delay > SETTLED.as_secs_f32() {
            continue;
        }
        for i in 0..OFFSETS {
            let from_it = delay - offset(i);
            mask |= u64::from((-BEFORE..=BEHIND + coarse).contains(&from_it)) << i;
        }
    }
    mask
}

/// Seconds that the i-th offset stands for.
fn offset(i: usize) -> f32 {
    (i as f32 - NONE as f32) * STEP
}

/// `MineHunter`'s score, interval by interval between blocks, over one hour after the other from the feed's start, in
/// whole seconds as published: flows above 0.6 at the end of an hour are suspected. Pushes stand for its "frames above
/// 66 bytes".
#[derive(Clone, Debug)]
struct Hunter {
    /// Number of the block that ends the open interval.
    closes: u64,
    /// Pushes that are told apart already.
    taken: u64,
    /// Pushes in the open interval, and the seconds from its block to the first.
    pushes: u32,
    first: i64,
    score: f32,
    listed: bool,
    hour: i64,
    /// Number of the first block in the hour.
    hour_from: u64,
    last_hour: Option<f32>,
}

const HOUR: i64 = 3_600;

fn seconds(t: PacketTime) -> i64 {
    t.as_nanos().div_euclid(1_000_000_000)
}

impl Hunter {
    fn new(blocks: &Blocks, pulse: &Pulse) -> Self {
        let closes = blocks.from(pulse.first()).max(1);
        let mut new = Self {
            closes,
            taken: 0,
            pushes: 0,
            first: 0,
            score: 0.0,
            listed: false,
            hour: 0,
            hour_from: 0,
            last_hour: None,
        };
        if let Some(block) = blocks.get(closes.saturating_sub(1)) {
            new.hour = seconds(block).div_euclid(HOUR);
            // The feed's first block ends no interval.
            new.hour_from = blocks.from(PacketTime::from_parts(new.hour * HOUR, 0)).max(1);
        }
        new
    }

    fn advance(&mut self, blocks: &Blocks, pulse: &Pulse, now: PacketTime) {
        self.closes = self.closes.max(blocks.base + 1);
        let settled = PacketTime::from_nanos(now.as_nanos().saturating_sub(SETTLED.as_nanos() as i64));
        while let Some((opened, closed)) = self.interval(blocks) {
            if closed > settled {
                break;
            }
            self.take(pulse, opened, seconds(closed), true);
            self.close(blocks, opened, closed);
        }
        if let Some(opened) = self.closes.checked_sub(1).and_then(|n| blocks.get(n)) {
            self.take(pulse, opened, seconds(settled), false);
        }
    }

    fn interval(&self, blocks: &Blocks) -> Option<(PacketTime, PacketTime)> {
        Some((blocks.get(self.closes.checked_sub(1)?)?, blocks.get(self.closes)?))
    }

    /// Counts pushes before the second `end` into the open interval, and those within it if it is the interval's last:
    /// they open the next one as well.
    fn take(&mut self, pulse: &Pulse, opened: PacketTime, end: i64, last: bool) {
        let mut taken = self.taken;
        for (number, t) in pulse.numbered().take_while(|(n, _)| *n >= self.taken) {
            let second = seconds(t);
            if second < end {
                taken = taken.max(number + 1);
            }
            if second < seconds(opened) || second > end || (second == end && !last) {
                continue;
            }
            let delay = second - seconds(opened);
            self.first = if self.pushes == 0 { delay } else { self.first.min(delay) };
            self.pushes = self.pushes.saturating_add(1);
        }
        self.taken = taken;
    }

    fn close(&mut self, blocks: &Blocks, opened: PacketTime, closed: PacketTime) {
        let hour = seconds(closed).div_euclid(HOUR);
        if hour != self.hour {
            self.last_hour = self.mean(blocks).or(self.last_hour);
            (self.score, self.listed, self.hour) = (0.0, false, hour);
            self.hour_from = self.closes;
        }
        if self.pushes > 0 {
            let n = (seconds(closed) - seconds(opened)).max(1) as f32;
            let d = self.first.max(0) as f32;
            let confidence = ((n - d - 1.0).max(0.0) / n).powf(self.pushes as f32);
            self.score += confidence * (1.0 - d / n);
            self.listed = true;
        } else if self.listed {
            self.score -= 1.0;
        }
        (self.pushes, self.first) = (0, 0);
        self.closes += 1;
    }

    /// Of the last hour, else of this one.
    fn score(&self, blocks: &Blocks) -> Option<f32> {
        self.last_hour.or_else(|| self.mean(blocks))
    }

    /// Score a block; nothing while they are few, as at a feed's start.
    fn mean(&self, blocks: &Blocks) -> Option<f32> {
        let count = self.closes.saturating_sub(self.hour_from.max(blocks.base));
        (count >= 10).then(|| self.score / count as f32)
    }
}

#[cfg(test)]
mod tests;

//! What is kept of a flow: the last exchanges and the last pushes, sorted out as they come; and what the witnesses
//! make of them.
//!
//! Messages that follow each other at once in one direction are one burst (a message cut into records, or several in
//! a moment). A burst from the pool's side within [`ANSWER`] of a request is its reply, any other a push.

use super::ring::{List, Ring};
use super::shape::{self, Class};
use super::witness::{Coins, Fact, Witness, Witnesses};
use super::{Beat, BeatKind, Message, Way, blocks, shares, timer};

/// Pieces of one burst are no further apart, milliseconds.
const PIECES: u32 = 40;
/// A reply comes within, milliseconds (public pools: median 190, 99 % within 1000).
const ANSWER: u32 = 3000;
/// Exchanges kept.
const EXCHANGES: usize = 73;
/// Pushes kept.
const PUSHES: usize = 97;
/// No reply.
const UNANSWERED: u16 = u16::MAX;

/// A request and what answered it.
#[derive(Clone, Copy, Default, Debug)]
struct Exchange {
    at: u32,
    request: u16,
    reply: u16,
    /// Milliseconds, or [`UNANSWERED`].
    delay: u16,
}

/// A message that nobody asked for.
#[derive(Clone, Copy, Default, Debug)]
struct Push {
    at: u32,
    size: u16,
    /// A request followed within a second: an answer to it, if that is the rule.
    answered: bool,
}

/// Messages in one direction, still coming.
#[derive(Clone, Copy, Debug)]
struct Burst {
    way: Way,
    at: u32,
    last: u32,
    size: u32,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Record {
    exchanges: Ring<Exchange, EXCHANGES>,
    pushes: Ring<Push, PUSHES>,
    open: Option<Burst>,
    last: u32,
    /// What replies and pushes are known to look like, where those differ.
    reply: Option<Class>,
    push: Option<Class>,
    /// From when on a gap between pushes is a whole timer, milliseconds; zero where there is none.
    whole: u32,
    last_push: u32,
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            exchanges: Ring::new(),
            pushes: Ring::new(),
            open: None,
            last: 0,
            reply: None,
            push: None,
            whole: 0,
            last_push: 0,
        }
    }

    /// Takes a message at `now` milliseconds.
    pub(super) fn message(&mut self, now: u32, m: Message) -> Option<Beat> {
        if m.size == 0 {
            return None;
        }
        // Captures step backwards; what is kept does not.
        let now = if (now.wrapping_sub(self.last) as i32) < 0 { self.last } else { now };
        self.last = now;
        if let Some(open) = &mut self.open
            && open.way == m.way
            && now.wrapping_sub(open.last) <= PIECES
        {
            open.last = now;
            open.size = open.size.saturating_add(m.size);
            return None;
        }
        self.close();
        self.open = Some(Burst { way: m.way, at: now, last: now, size: m.size });
        self.beat(now, m)
    }

    /// What a burst that starts with `m` looks like.
    fn beat(&mut self, now: u32, m: Message) -> Option<Beat> {
        let size = u16::try_from(m.size).ok()?;
        let again = |seen: usize| seen >= 2;
        match m.way {
            Way::Up => {
                let like = self.exchanges.iter().rev().take(8).filter(|e| e.request.abs_diff(size) <= 8).count();
                again(like).then_some(Beat { at: m.at, kind: BeatKind::Share { size: m.size } })
            }
            Way::Down => {
                if self.answers(now, size).is_some() {
                    return None;
                }
                let like = self.pushes.iter().rev().take(8).filter(|p| p.size.abs_diff(size) <= 8).count();
                let known = self.push.is_some_and(|c| c.holds(size));
                if !(known || again(like)) {
                    return None;
                }
                let early = self.whole != 0 && now.wrapping_sub(self.last_push) < self.whole;
                self.last_push = now;
                let kind = if early { BeatKind::Block { size: m.size } } else { BeatKind::Push { size: m.size } };
                Some(Beat { at: m.at, kind })
            }
        }
    }

    /// The request that a burst from the pool's side would be the reply to: its age.
    fn answers(&mut self, now: u32, size: u16) -> Option<&mut Exchange> {
        if let (Some(reply), Some(push)) = (self.reply, self.push)
            && push.holds(size)
            && !reply.holds(size)
        {
            return None;
        }
        // The oldest that still waits, of those that were sent in a row.
        self.exchanges
            .recent_mut()
            .take(4)
            .take_while(|e| e.delay == UNANSWERED && now.wrapping_sub(e.at) <= ANSWER)
            .last()
    }

    /// Ends a burst that `now` shows to be over.
    pub(super) fn settle(&mut self, now: u32) {
        if self.open.is_some_and(|b| now.wrapping_sub(b.last) > PIECES && now.wrapping_sub(b.last) < u32::MAX / 2) {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some(burst) = self.open.take() else { return };
        let size = u16::try_from(burst.size).unwrap_or(u16::MAX);
        match burst.way {
            Way::Up => {
                if let Some(push) = self.pushes.recent_mut().next()
                    && burst.at.wrapping_sub(push.at) <= 1000
                {
                    push.answered = true;
                }
                self.exchanges.push(Exchange { at: burst.at, request: size, reply: 0, delay: UNANSWERED });
            }
            Way::Down => {
                if let Some(e) = self.answers(burst.at, size) {
                    e.reply = size;
                    e.delay = burst.at.wrapping_sub(e.at).min(u32::from(UNANSWERED - 1)) as u16;
                } else {
                    self.pushes.push(Push { at: burst.at, size, answered: false });
                }
            }
        }
    }

    /// What the witnesses say.
    pub(super) fn testify(&mut self, witnesses: &mut Witnesses, coins: &mut Coins) {
        self.exchanges_testify(witnesses);
        self.pushes_testify(witnesses, coins);
    }

    fn exchanges_testify(&mut self, witnesses: &mut Witnesses) {
        let answered = self.exchanges.iter().filter(|e| e.delay != UNANSWERED);
        let all = answered.clone().count() as u16;
        let request = shape::commonest(answered.clone().map(|e| e.request));
        let mut steady = false;
        if let Some(request) = request {
            let with_it = answered.clone().filter(|e| request.holds(e.request));
            if let Some(reply) = shape::commonest(with_it.clone().map(|e| e.reply)) {
                let weight = shape::exchange_weight(reply.count, all, request.size, reply.size);
                let mut delays = List::<EXCHANGES>::new();
                with_it.filter(|e| reply.holds(e.reply)).for_each(|e| delays.push(f32::from(e.delay) / 1000.0));
                delays.as_mut_slice().sort_by(f32::total_cmp);
                let delay = delays.as_slice().get(delays.as_slice().len() / 2).copied().unwrap_or(0.0);
                if weight > 0.0 {
                    steady = true;
                    witnesses.push(Witness {
                        fact: Fact::SteadyExchange {
                            count: u32::from(reply.count),
                            request: u32::from(request.size),
                            reply: u32::from(reply.size),
                            delay,
                        },
                        weight,
                    });
                    self.reply = Some(reply);
                }
            }
        }
        // Requests of the commonest size, or all of them where sizes say nothing.
        let request = request.filter(|_| steady);
        let mut gaps = List::<EXCHANGES>::new();
        let mut before = None;
        for e in self.exchanges.iter().filter(|e| request.is_none_or(|r| r.holds(e.request))) {
            if let Some(b) = before {
                gaps.push(e.at.wrapping_sub(b) as f32 / 1000.0);
            }
            before = Some(e.at);
        }
        if let Some(a) = shares::judge(gaps.as_slice()) {
            witnesses.push(Witness { fact: Fact::MemorylessShares { gaps: a.gaps, mean: a.mean }, weight: a.weight });
        }
    }

    fn pushes_testify(&mut self, witnesses: &mut Witnesses, coins: &mut Coins) {
        let all = self.pushes.len() as u16;
        let class = shape::commonest(self.pushes.iter().map(|p| p.size));
        let Some(class) = class else { return };
        let answered = self.pushes.iter().filter(|p| class.holds(p.size) && p.answered).count() as u16;
        // The other side answers: an exchange from the other end, which is no job.
        if answered * 5 > class.count * 3 && class.count > 4 {
            return;
        }
        let weight = shape::push_weight(class.count, all, class.size);
        if weight > 0.0 {
            witnesses.push(Witness {
                fact: Fact::SteadyPushes { count: u32::from(class.count), size: u32::from(class.size) },
                weight,
            });
            self.push = Some(class);
        }
        let only = Some(class).filter(|_| weight > 0.0);
        let mut gaps = List::<{ timer::MOST }>::new();
        let mut before = None;
        for p in self.pushes.iter().filter(|p| only.is_none_or(|c| c.holds(p.size))) {
            if let Some(b) = before {
                gaps.push(p.at.wrapping_sub(b) as f32 / 1000.0);
            }
            before = Some(p.at);
        }
        self.whole = 0;
        let Some(t) = timer::judge(gaps.as_slice()) else { return };
        if t.full < 2 || t.early < 2 || t.weight < 0.3 {
            return;
        }
        self.whole = (t.whole * 1000.0) as u32;
        witnesses.push(Witness {
            fact: Fact::JobTimer { period: t.period, full: t.full, early: t.early },
            weight: t.weight,
        });
        if t.weight < 0.8 {
            return;
        }
        if let Some(clock) = blocks::clock(&t) {
            let (fits, weight) = blocks::coins(&t);
            *coins = fits;
            if weight > 0.0 {
                witnesses.push(Witness {
                    fact: Fact::BlockClock {
                        blocks: clock.blocks,
                        interval: clock.interval,
                        low: clock.low,
                        high: clock.high,
                    },
                    weight,
                });
            }
        }
    }
}

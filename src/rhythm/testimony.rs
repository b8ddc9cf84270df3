//! What the witnesses make of the record of one flow.

use super::alive::Alive;
use super::mingle::{self, Asked};
use super::record::{EXCHANGES, Exchange, PUSHES, Push, Record, UNANSWERED};
use super::ring::List;
use super::shape::{self, Class};
use super::stat::ramp;
use super::timer::OFTEN;
use super::timer::{self, JobTimer};
use super::witness::{Coins, Fact, Witness, Witnesses};
use super::{blocks, shares};

/// Seconds between pushes.
type Gaps = List<{ timer::MOST }>;

/// Seconds without a push, at least, after which the last ones are forgotten.
const OLD: f32 = 1800.0;

/// From here on (decimal logarithm) pushes and requests are one conversation, and no push is a job.
const DEPENDENT: f32 = 1.0;

/// Pushes come by chance, or nothing speaks much against it (decimal logarithm).
const BY_CHANCE: f32 = -0.3;

/// Fewer pushes without a timer do not tell the rate of a coin; of several coins that may be meant, twice as many do not.
const RATED: usize = 8;

/// Coins of the dialects that sizes speak.
#[derive(Default)]
struct Spoken {
    coins: [&'static str; 8],
    len: usize,
}

impl Spoken {
    fn add(&mut self, coins: &[&'static str]) {
        for coin in coins {
            if let Some(slot) = self.coins.get_mut(self.len) {
                *slot = coin;
                self.len += 1;
            }
        }
    }

    fn as_slice(&self) -> &[&'static str] {
        self.coins.get(..self.len).unwrap_or_default()
    }
}

/// Jobs are nearly all that a pool sends unasked: sizes say less of those that are some of many.
const ALONE: ((f32, f32), (f32, f32)) = ((0.2, 0.0), (0.5, 1.0));
/// What a pool sends beside its jobs, and when, takes a while to be seen: seconds, and what sizes weigh until then.
const YOUNG: ((f32, f32), (f32, f32)) = ((90.0, 0.2), (180.0, 1.0));
/// From this size on jobs carry branches, of which there are more and fewer, or none.
const BRANCHES: u16 = 500;
/// So few whole gaps among all are hardly ever those of a pool's timer.
const RARE: f32 = 0.25;
/// Requests are on a timer (decimal logarithm of the likelihood ratio).
const TIMED: f32 = -3.0;
/// So many pushes make a stream.
const STREAM: usize = 24;
/// So many exchanges are few.
const FEW: usize = 12;

/// How pushes come, and how many of them are not those of a heartbeat.
struct Pace<'a> {
    gaps: &'a [f32],
    off_beat: Option<usize>,
}

/// A constant request with its constant reply.
#[derive(Clone, Copy, Debug)]
struct Steady {
    request: Class,
    reply: Class,
    /// Median, seconds.
    delay: f32,
    weight: f32,
}

/// Pushes that may be jobs.
struct Jobs {
    /// Their size, where they have one.
    class: Option<Class>,
    weight: f32,
    /// What is left of the weight if nothing restarts their timer.
    beat: f32,
    gaps: Gaps,
    /// There are others beside those of that size.
    mixed: bool,
    /// Those of that size among all.
    share: f32,
    /// Others have a size of their own.
    other_kind: bool,
}

/// What a record says.
#[derive(Default)]
pub(super) struct Testimony {
    pub witnesses: Witnesses,
    pub coins: Coins,
    /// What replies and jobs look like, and how long after another job a job is not early (seconds): by these the next
    /// messages are sorted out.
    pub reply: Option<Class>,
    pub push: Option<Class>,
    pub whole: Option<f32>,
}

impl Record {
    /// What the witnesses say.
    pub(super) fn testify(&self) -> Testimony {
        let mut said = Testimony::default();
        let (exchange, arrivals) = self.requests(&mut said);
        let jobs = self.jobs(exchange, arrivals);
        let push = jobs.as_ref().and_then(|j| j.class);
        let keepalive = exchange.zip(push).and_then(|(x, push)| self.alive(&x.request, &x.reply, &push, arrivals));
        if let Some(a) = arrivals.filter(|_| keepalive.is_none()) {
            said.witnesses
                .push(Witness { fact: Fact::MemorylessShares { gaps: a.gaps, mean: a.mean }, weight: a.weight });
        }
        let Some(mut jobs) = jobs else { return said };
        let timer = self.timer(&jobs);
        if timer.is_none() || jobs.beat <= 0.0 {
            jobs.weight *= jobs.beat;
        }
        if let Some(class) = jobs.class.filter(|_| jobs.weight > 0.0) {
            said.witnesses.push(Witness {
                fact: Fact::SteadyPushes { count: u32::from(class.count), size: u32::from(class.size) },
                weight: jobs.weight,
            });
            said.push = Some(class);
        }
        let chance = if timer.is_none() { by_chance(jobs.gaps.as_slice()) } else { None };
        let dialect = self.dialect(exchange, keepalive, &jobs, chance.as_ref(), &mut said);
        let spoken = dialect.as_slice();
        if let [_] = spoken {
            said.coins = blocks::spoken(spoken);
        }
        let Some(timer) = timer else {
            if let Some(all) = chance {
                pace(&all, spoken, &mut said);
            }
            return said;
        };
        said.whole = Some(timer.whole);
        let (coins, weight) = blocks::coins(&timer, spoken, said.push);
        // What restarts it more often or less than the blocks of any chain is something else, or more than one thing.
        let other = if timer.early >= 4 { weight.clamp(-1.0, 0.0) } else { 0.0 };
        said.witnesses.push(Witness {
            fact: Fact::JobTimer { period: timer.period, full: timer.full, early: timer.early },
            weight: timer.weight + other,
        });
        let Some(clock) = blocks::clock(&timer) else { return said };
        if timer.weight >= 1.5 && clock.blocks >= 6 {
            said.coins = coins;
        }
        if weight > 0.0 {
            said.witnesses.push(clock.witness(weight));
        }
        said
    }

    /// What is asked and answered, and when.
    fn requests(&self, said: &mut Testimony) -> (Option<Steady>, Option<shares::Arrivals>) {
        let mut exchange = self.exchange(None);
        let mut arrivals = self.arrivals(exchange);
        // The commonest may be a keepalive or a report of the hash rate, on a timer; shares are what else there is.
        if arrivals.is_none_or(|a| a.weight < 0.3)
            && let Some(first) = exchange
            && let Some(second) = self.exchange(Some(first.request))
            && let Some(found) = self.arrivals(Some(second))
            && found.weight - 0.3 > arrivals.map_or(0.0, |a| a.weight)
        {
            exchange = Some(second);
            arrivals = Some(shares::Arrivals { weight: found.weight - 0.3, ..found });
        }
        if let Some(x) = exchange {
            said.witnesses.push(Witness {
                fact: Fact::SteadyExchange {
                    count: u32::from(x.reply.count),
                    request: u32::from(x.request.size),
                    reply: u32::from(x.reply.size),
                    delay: x.delay,
                },
                weight: x.weight,
            });
            said.reply = Some(x.reply);
        }
        (exchange, arrivals)
    }

    /// How the requests of an exchange arrive, or all of them where there is none.
    fn arrivals(&self, exchange: Option<Steady>) -> Option<shares::Arrivals> {
        let of_it = |e: &&Exchange| exchange.is_none_or(|x| x.request.holds(e.request));
        let gaps: List<EXCHANGES> = gaps(self.exchanges.iter().filter(of_it).map(|e| e.at));
        let mut a = shares::judge(gaps.as_slice())?;
        if a.mean < 1.0 {
            // Whoever asks each second is a program that asks: no pool lets a miner do so.
            a.weight = a.weight.min(0.0);
        } else if a.mean < 3.0 {
            // Vardiff aims at three seconds at least; programs ask as often.
            a.weight *= ramp(a.mean, (1.0, 0.3), (3.0, 1.0)).max(if a.weight < 0.0 { 1.0 } else { 0.0 });
        } else if a.mean > 300.0 {
            // Public traces: 5 to 101 s. Rarer shares there are, but much else is rare.
            a.weight -= 0.4;
        }
        Some(a)
    }

    /// The exchange that comes again, but for one.
    fn exchange(&self, but: Option<Class>) -> Option<Steady> {
        let wanted = |e: &&Exchange| e.delay != UNANSWERED && !but.is_some_and(|b| b.holds(e.request));
        let answered = self.exchanges.iter().filter(wanted);
        let all = answered.clone().count() as u16;
        let request = shape::commonest(&answered.clone().map(|e| e.request))?;
        let with_it = answered.clone().filter(|e| request.holds(e.request));
        let reply = shape::commonest(&with_it.clone().map(|e| e.reply))?;
        let mut delays = List::<EXCHANGES>::new();
        with_it.filter(|e| reply.holds(e.reply)).for_each(|e| delays.push(f32::from(e.delay) / 1000.0));
        // How soon anything at all comes from the other side.
        let first = self.exchanges.iter().next()?.at;
        let span = self.last.wrapping_sub(first) as f32 / 1000.0;
        let pushes = self.pushes.iter().filter(|p| p.at.wrapping_sub(first) < u32::MAX / 2).count();
        let rate = (usize::from(all) + pushes) as f32 / span.max(1.0);
        let chance = delays.as_slice().iter().map(|d| 1.0 - (-rate * d).exp()).sum::<f32>() / f32::from(reply.count);
        delays.as_mut_slice().sort_by(f32::total_cmp);
        let delay = delays.as_slice().get(delays.as_slice().len() / 2).copied()?;
        let weight = shape::exchange_weight(reply.count, all, &request, &reply, chance, self.acks.size);
        (weight > 0.0).then_some(Steady { request, reply, delay, weight })
    }

    /// What is pushed; nothing where the other side answers it: an exchange from the other end is no job.
    fn jobs(&self, exchange: Option<Steady>, arrivals: Option<shares::Arrivals>) -> Option<Jobs> {
        let all = self.pushes.len() as u16;
        let class = shape::commonest(&self.pushes.iter().map(|p| p.size));
        let of_it = |p: &&Push| class.is_none_or(|c| c.holds(p.size));
        let count = self.pushes.iter().filter(of_it).count();
        let answered = self.pushes.iter().filter(of_it).filter(|p| p.answered).count();
        if count > 3 && answered * 5 > count * 3 {
            return None;
        }
        let gaps: Gaps = gaps(self.pushes.iter().filter(of_it).map(|p| p.at));
        // Whoever stopped pushing long ago says nothing of today.
        let mean = gaps.as_slice().iter().sum::<f32>() / gaps.as_slice().len().max(1) as f32;
        let newest = self.pushes.iter().next_back().map_or(self.last, |p| p.at);
        if self.last.wrapping_sub(newest) as f32 / 1000.0 > (10.0 * mean).max(OLD) {
            return None;
        }
        let mut jobs = Jobs {
            class,
            weight: 0.0,
            beat: 1.0,
            gaps,
            mixed: usize::from(all) > count + 1,
            share: count as f32 / f32::from(all.max(1)),
            other_kind: false,
        };
        let share = |e: &Exchange| exchange.is_none_or(|x| x.request.holds(e.request));
        let requests = self.exchanges.iter().map(|e| Asked { at: e.at, share: share(e) });
        let dependence = mingle::dependence(requests, self.pushes.iter().filter(of_it).map(|p| p.at));
        // Two timers may seem to know of each other.
        if dependence > DEPENDENT && arrivals.is_none_or(|a| a.weight > TIMED) {
            return None;
        }
        if let Some(class) = &mut jobs.class {
            // A login is answered by the first job, in a wrapping of 20 to 60 bytes.
            let login = u16::from((16..=80).contains(&self.first_reply.saturating_sub(class.size)));
            if let Some(x) = exchange
                && class.is_like(&x.reply)
            {
                // Late replies, and those to requests that went unseen, look like pushes.
                class.count = class.count.saturating_sub(x.reply.count / 8 + 2);
            }
            // A plain heartbeat is what a third of pools push, and most of all else that has a timer.
            jobs.beat = match timer::off_beat(jobs.gaps.as_slice()) {
                // No pool renews its jobs that often.
                Some(_) if mean < OFTEN => 0.0,
                Some(_) => 0.5,
                None => 1.0,
            };
            jobs.weight = shape::push_weight(class.count + login, all + login, class, mean);
            jobs.other_kind = self.has_other_kind(class);
            if class.size < BRANCHES && jobs.other_kind {
                jobs.weight *= 0.2;
            }
            if exchange.is_some_and(|x| shape::is_no_job(class, &x.request, &x.reply)) {
                jobs.weight *= 0.4;
            }
        }
        Some(jobs)
    }

    /// The coins of the dialects that sizes speak, where that is clear.
    fn dialect(
        &self,
        exchange: Option<Steady>,
        keepalive: Option<Alive>,
        jobs: &Jobs,
        chance: Option<&JobTimer>,
        said: &mut Testimony,
    ) -> Spoken {
        let mut spoken = Spoken::default();
        let Some(push) = said.push else { return spoken };
        let pace = Pace { gaps: jobs.gaps.as_slice(), off_beat: timer::off_beat(jobs.gaps.as_slice()) };
        let mean = pace.gaps.iter().sum::<f32>() / pace.gaps.len().max(1) as f32;
        let streaming = pace.gaps.len() >= STREAM && mean <= shape::STREAMING && pace.off_beat.is_none() && !jobs.mixed;
        let other_kind = jobs.other_kind;
        let pile = timer::largest_pile(pace.gaps);
        let young = ramp(self.last as f32 / 1000.0, YOUNG.0, YOUNG.1);
        let mut best: Option<(f32, &str, Class, Class)> = None;
        let mut try_all = |request: Class, reply: Class, less: f32| {
            let worth =
                request.worth.min(reply.worth).min(push.worth).powi(2) * ramp(jobs.share, ALONE.0, ALONE.1) * young;
            let streams = streaming && shape::is_stream(&request, &reply, &push, self.acks.size);
            let alive = keepalive.map(|how| if how == Alive::Idle { &shape::IDLE } else { &shape::KEEPALIVE });
            let own = alive.or(streams.then_some(&shape::STREAM));
            let others = shape::dialects(&request, &reply, &push, self.acks.size);
            for dialect in others.filter(|_| keepalive.is_none()).chain(own) {
                // A chain whose blocks are due has some, whatever timer there is beside it.
                let rare = blocks::refuted(pace.gaps, pace.off_beat, dialect.coins);
                let other = chance.filter(|_| !dialect.coins.is_empty());
                let other = other.map_or(0.0, |c| blocks::of_spoken(c, dialect.coins).clamp(-1.0, 0.0));
                let often = if jobs.share >= 0.6 && push.worth >= 1.0 && !dialect.coins.is_empty() {
                    blocks::hurried(pace.gaps, pile, dialect.coins)
                } else {
                    0.0
                };
                let refuted = rare.min(other).min(often);
                let worth = if other_kind && !dialect.coins.contains(&"BTC") { 0.2 * worth } else { worth };
                let beaten = if pace.off_beat == Some(0) { 0.4 } else { 1.0 };
                let weight = (dialect.weight * beaten + refuted - less).max(0.0) * worth;
                if best.is_none_or(|(b, ..)| weight > b) {
                    best = Some((weight, dialect.name, request, reply));
                }
                if (dialect.weight - less) * worth >= 0.15 && refuted > -1.0 {
                    spoken.add(dialect.coins);
                }
            }
        };
        if let Some(x) = exchange.filter(|x| x.weight > 0.4 || keepalive.is_some()) {
            try_all(x.request, x.reply, 0.0);
        } else if exchange.is_none() && self.exchanges.len() <= FEW {
            // A share now and then comes before anything comes again.
            for e in self.exchanges.iter().rev().filter(|e| e.delay != UNANSWERED).take(8) {
                try_all(Class::of(e.request), Class::of(e.reply), 0.4);
            }
        }
        if let Some((weight, dialect, request, reply)) = best {
            let (request, reply) = (u32::from(request.size), u32::from(reply.size));
            said.witnesses.push(Witness {
                fact: Fact::KnownSizes { dialect, request, reply, push: u32::from(push.size) },
                weight,
            });
        }
        spoken
    }

    /// The timer of pushes, if it is clear that there is one and that something restarts it.
    fn timer(&self, jobs: &Jobs) -> Option<JobTimer> {
        if jobs.weight <= 0.0 && jobs.class.is_some_and(|c| c.worth >= 1.0) {
            // Of one size, and that is not a job's.
            return None;
        }
        let of_it = |p: &Push| jobs.class.is_none_or(|c| c.holds(p.size));
        let only = timer::judge(jobs.gaps.as_slice()).filter(|t| !self.are_two_kinds(t, of_it));
        // Jobs for a new block may differ from others (without transactions, to be sent sooner): then all pushes
        // together are the clock. No pool pushes all its kinds more often than that; people who type do.
        let every = if jobs.mixed {
            let gaps: Gaps = gaps(self.pushes.iter().map(|p| p.at));
            timer::judge(gaps.as_slice())
                .filter(|t| t.period >= 8.0 && self.is_renewed(t) && !self.are_two_kinds(t, |_| true))
        } else {
            None
        };
        let mut t = match (only, every) {
            (Some(a), Some(b)) if b.weight > a.weight => b,
            (a, b) => a.or(b)?,
        };
        // Two were tried. And what is kept is looked at anew, again and again: chance has as many tries as it was
        // filled.
        t.weight -= if jobs.mixed { 0.3 } else { 0.0 };
        t.weight += ramp(jobs.share, (0.2, -2.0), (0.6, 0.0));
        t.weight -= (1.0 + self.pushed as f32 / PUSHES as f32).log10();
        // Pools renew jobs more often than blocks come, or about as often: two thirds of the gaps are whole on average.
        // A pile of few is what chance makes at the end of any spread.
        let short = jobs.class.is_none_or(|c| c.size < BRANCHES);
        let whole = t.full as f32 / (t.full + t.early).max(1) as f32;
        t.weight += (4.0 * whole * whole).log10().min(0.0) * if whole < RARE && short { 2.0 } else { 1.0 };
        // Nor does any pool wait that long, or renew jobs each second.
        t.weight -= ramp(t.period, (150.0, 0.0), (240.0, 1.5)) + ramp(t.period, (1.0, 1.5), (4.0, 0.0));
        // Few restarts do if there are many beats for them to stand out from.
        let few = t.early >= 2 && t.full >= 3 * t.early && t.weight >= 2.0 && t.period >= OFTEN;
        let clear = few || t.full >= 3 && t.early >= 4 && t.weight >= if t.full == 3 { 1.5 } else { 0.9 };
        clear.then_some(t)
    }
}

/// Pushes that come by chance, as if each began a timer anew.
fn by_chance(gaps: &[f32]) -> Option<JobTimer> {
    if gaps.len() < RATED || shares::judge(gaps).is_none_or(|a| a.weight < BY_CHANCE) {
        return None;
    }
    let exposure = gaps.iter().sum();
    Some(JobTimer { period: 0.0, whole: 0.0, full: 0, early: gaps.len() as u32, exposure, weight: 0.0 })
}

/// Pushes that come by chance, as blocks do, may come as often as those of a coin that the sizes name.
fn pace(all: &JobTimer, spoken: &[&str], said: &mut Testimony) {
    // Of several coins one is met sooner.
    let least = if let [_] = spoken { RATED } else { 2 * RATED };
    let Some(clock) = blocks::clock(all).filter(|c| !spoken.is_empty() && c.blocks as usize >= least) else { return };
    said.coins = blocks::coins(all, spoken, said.push).0;
    // That there is no timer is no sign of anything.
    let weight = blocks::of_spoken(all, spoken).min(0.9);
    if weight > 0.0 {
        said.witnesses.push(clock.witness(weight));
    }
}

/// Seconds between times in milliseconds.
fn gaps<const N: usize>(times: impl Iterator<Item = u32>) -> List<N> {
    let mut gaps = List::new();
    let mut before = None;
    for at in times {
        if let Some(b) = before {
            gaps.push(at.wrapping_sub(b) as f32 / 1000.0);
        }
        before = Some(at);
    }
    gaps
}

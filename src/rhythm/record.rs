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
/// The same where both sides are seen to send most of their messages in pieces.
const FAR_PIECES: u32 = 520;
/// From this part of 255 on they are.
const MOSTLY: u8 = 110;
/// What each piece has of framing: between a TLS record's length field and its whole.
const FRAMING: u32 = 20;
/// A reply comes within, milliseconds (public pools: median 190, 99 % within 1000).
const ANSWER: u32 = 3000;
/// Exchanges kept.
const EXCHANGES: usize = 73;
/// Pushes kept.
const PUSHES: usize = 97;
/// Smaller pushes are changes of difficulty, heartbeats and the like.
const SMALLEST_PUSH: u16 = 150;
/// Smaller ones ask for nothing: pings and acknowledgements. No share has less than 62 bytes.
const SMALLEST_REQUEST: u32 = 60;
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

/// What the burst is that a direction sent last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Burst {
    Request,
    /// To the request at that time.
    Reply(u32),
    Push,
    /// One more reply to several requests in one, or a small push.
    Another,
}

/// One direction.
#[derive(Clone, Copy, Debug)]
struct Side {
    burst: Burst,
    /// When its last piece came.
    last: u32,
    /// How often a message follows another within [`FAR_PIECES`]: part of 255, of the last sixteen or so.
    pieces: u8,
}

/// Small messages of one size both ways: what acknowledges packets inside a tunnel that carries each by itself, and
/// says nothing itself.
#[derive(Clone, Copy, Default, Debug)]
struct Acks {
    up: u16,
    down: u16,
    /// Theirs, zero where there are none.
    size: u16,
    /// Size and how often it was seen up and down.
    sizes: [(u8, u16, u16); 4],
}

impl Acks {
    /// No acknowledgement in a tunnel is larger: 52 bytes of IPv4 and TCP with a time stamp, filled up to 64, in
    /// WireGuard's 32; a little more in others'.
    const LARGEST: u32 = 116;
    /// Smaller ones are pings of some protocol, and no tunnel is around.
    const SMALLEST: u32 = 64;

    /// Counts a message, and tells whether it is an acknowledgement.
    fn is_one(&mut self, m: Message) -> bool {
        let up = m.way == Way::Up;
        if self.up.max(self.down) >= 2000 {
            (self.up, self.down) = (self.up / 2, self.down / 2);
            self.sizes.iter_mut().for_each(|s| (s.1, s.2) = (s.1 / 2, s.2 / 2));
        }
        if up {
            self.up += 1
        } else {
            self.down += 1
        }
        if m.size > Self::LARGEST {
            return false;
        }
        let size = m.size as u8;
        // The rarest gives way to a new one.
        let found = self.sizes.iter().position(|s| s.0 == size);
        let rarest = self.sizes.iter().enumerate().min_by_key(|(_, s)| s.1 + s.2).map(|(at, _)| at);
        let Some(slot) = found.or(rarest).and_then(|at| self.sizes.get_mut(at)) else { return false };
        if slot.0 != size {
            *slot = (size, 0, 0);
        }
        if up {
            slot.1 += 1
        } else {
            slot.2 += 1
        }
        // One in six messages of either way, and eight of each.
        let is_one = slot.1 >= 8 && slot.2 >= 8 && slot.1 * 6 >= self.up && slot.2 * 6 >= self.down;
        if is_one && m.size >= Self::SMALLEST {
            self.size = m.size as u16;
        }
        is_one
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Record {
    exchanges: Ring<Exchange, EXCHANGES>,
    pushes: Ring<Push, PUSHES>,
    up: Option<Side>,
    down: Option<Side>,
    last: u32,
    /// What replies and pushes are known to look like, where those differ.
    reply: Option<Class>,
    push: Option<Class>,
    /// From when on a gap between pushes is a whole timer, milliseconds; zero where there is none.
    whole: u32,
    last_push: u32,
    /// Size of the reply to the first request, zero before.
    first_reply: u16,
    /// Replies that may still come to what was asked last, and when that was.
    owed: u8,
    asked: u32,
    /// Pushes in all, kept or not.
    pushed: u32,
    acks: Acks,
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            exchanges: Ring::new(),
            pushes: Ring::new(),
            up: None,
            down: None,
            last: 0,
            reply: None,
            push: None,
            whole: 0,
            last_push: 0,
            first_reply: 0,
            owed: 0,
            asked: 0,
            pushed: 0,
            acks: Acks::default(),
        }
    }

    /// Takes a message at `now` milliseconds.
    pub(super) fn message(&mut self, now: u32, m: Message) -> Option<Beat> {
        if m.size == 0 || self.acks.is_one(m) {
            return None;
        }
        // Captures step backwards; what is kept does not.
        let now = if (now.wrapping_sub(self.last) as i32) < 0 { self.last } else { now };
        self.last = now;
        if m.way == Way::Up && m.size >= SMALLEST_REQUEST {
            let before = if now.wrapping_sub(self.asked) <= ANSWER { self.owed } else { 0 };
            self.owed = before.saturating_add(1);
            self.asked = now;
        }
        if self.continues(now, m) {
            return None;
        }
        if m.way == Way::Up && m.size < SMALLEST_REQUEST && !self.is_cut() {
            self.answer(now);
            return None;
        }
        let beat = self.beat(now, m);
        self.opens(now, m);
        beat
    }

    /// Both sides send most of their messages in pieces.
    fn is_cut(&self) -> bool {
        let cut = |side: Option<Side>| side.is_some_and(|s| s.pieces >= MOSTLY);
        cut(self.up) && cut(self.down)
    }

    /// Adds a piece to the burst that it belongs to, if there is one.
    fn continues(&mut self, now: u32, m: Message) -> bool {
        let apart = if self.is_cut() { FAR_PIECES } else { PIECES };
        let side = match m.way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        };
        let Some(side) = side else { return false };
        let passed = now.wrapping_sub(side.last);
        let pieces = u16::from(side.pieces) * 15 + if passed <= FAR_PIECES { 255 } else { 0 };
        side.pieces = (pieces / 16) as u8;
        side.last = now;
        if passed > apart {
            return false;
        }
        let more = u16::try_from(m.size.saturating_sub(FRAMING)).unwrap_or(u16::MAX);
        let size = match side.burst {
            Burst::Request => self.exchanges.recent_mut().next().map(|e| &mut e.request),
            Burst::Reply(to) => self.exchanges.recent_mut().take(8).find(|e| e.at == to).map(|e| &mut e.reply),
            Burst::Push => self.pushes.recent_mut().next().map(|p| &mut p.size),
            Burst::Another => None,
        };
        if let Some(size) = size {
            *size = size.saturating_add(more);
        }
        true
    }

    /// Takes the first message of a burst.
    fn opens(&mut self, now: u32, m: Message) {
        let size = u16::try_from(m.size).unwrap_or(u16::MAX);
        let burst = match m.way {
            Way::Up => {
                self.answer(now);
                self.exchanges.push(Exchange { at: now, request: size, reply: 0, delay: UNANSWERED });
                Burst::Request
            }
            Way::Down => {
                let owed = self.owed > 0 && now.wrapping_sub(self.asked) <= ANSWER;
                if let Some(e) = self.answers(now, size) {
                    e.reply = size;
                    e.delay = now.wrapping_sub(e.at).min(u32::from(UNANSWERED - 1)) as u16;
                    let to = e.at;
                    if self.first_reply == 0 {
                        self.first_reply = size;
                    }
                    self.owed = self.owed.saturating_sub(1);
                    Burst::Reply(to)
                } else if owed && !self.push.is_some_and(|p| p.holds(size)) {
                    // Two requests in a moment are one burst with two replies.
                    self.owed = self.owed.saturating_sub(1);
                    Burst::Another
                } else if size < SMALLEST_PUSH {
                    Burst::Another
                } else {
                    self.pushed = self.pushed.saturating_add(1);
                    self.pushes.push(Push { at: now, size, answered: false });
                    Burst::Push
                }
            }
        };
        let side = match m.way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        };
        let pieces = side.map_or(0, |s| s.pieces);
        *side = Some(Side { burst, last: now, pieces });
    }

    /// The last push may have been answered by what goes up at `now`.
    fn answer(&mut self, now: u32) {
        if let Some(push) = self.pushes.recent_mut().next()
            && now.wrapping_sub(push.at) <= 1000
        {
            push.answered = true;
        }
    }

    /// What a burst that starts with `m` looks like.
    fn beat(&mut self, now: u32, m: Message) -> Option<Beat> {
        let size = u16::try_from(m.size).ok()?;
        match m.way {
            Way::Up => {
                let like = self.exchanges.iter().rev().take(8).filter(|e| e.request.abs_diff(size) <= 8).count();
                (like >= 2).then_some(Beat { at: m.at, kind: BeatKind::Share { size: m.size } })
            }
            Way::Down => {
                if self.answers(now, size).is_some() {
                    return None;
                }
                let like = self.pushes.iter().rev().take(8).filter(|p| p.size.abs_diff(size) <= 8).count();
                if like < 2 && !self.push.is_some_and(|c| c.holds(size)) {
                    return None;
                }
                let early = self.whole != 0 && now.wrapping_sub(self.last_push) < self.whole;
                self.last_push = now;
                let kind = if early { BeatKind::Block { size: m.size } } else { BeatKind::Push { size: m.size } };
                Some(Beat { at: m.at, kind })
            }
        }
    }

    /// The request that a burst from the pool's side would be the reply to.
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

    /// What the witnesses say.
    pub(super) fn testify(&mut self, witnesses: &mut Witnesses, coins: &mut Coins) {
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
            witnesses.push(Witness {
                fact: Fact::SteadyExchange {
                    count: u32::from(x.reply.count),
                    request: u32::from(x.request.size),
                    reply: u32::from(x.reply.size),
                    delay: x.delay,
                },
                weight: x.weight,
            });
        }
        self.reply = exchange.map(|x| x.reply);
        if let Some(a) = arrivals {
            witnesses.push(Witness { fact: Fact::MemorylessShares { gaps: a.gaps, mean: a.mean }, weight: a.weight });
        }
        self.pushes_testify(exchange, witnesses, coins);
    }

    /// How the requests of an exchange arrive, or all of them where there is none.
    fn arrivals(&self, exchange: Option<Steady>) -> Option<shares::Arrivals> {
        let mut a = shares::judge(self.request_gaps(exchange.map(|x| x.request)).as_slice())?;
        if a.mean < 1.0 {
            // Whoever asks each second is a program that asks: no pool lets a miner do so.
            a.weight = a.weight.min(0.0);
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
        let request = shape::commonest(answered.clone().map(|e| e.request))?;
        let with_it = answered.clone().filter(|e| request.holds(e.request));
        let reply = shape::commonest(with_it.clone().map(|e| e.reply))?;
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
        let weight = shape::exchange_weight(reply.count, all, &request, &reply, chance);
        (weight > 0.0).then_some(Steady { request, reply, delay, weight })
    }

    /// Gaps in seconds between requests of a class, or between all of them where sizes say nothing.
    fn request_gaps(&self, class: Option<Class>) -> List<EXCHANGES> {
        gaps(self.exchanges.iter().filter(|e| class.is_none_or(|r| r.holds(e.request))).map(|e| e.at))
    }

    fn pushes_testify(&mut self, exchange: Option<Steady>, witnesses: &mut Witnesses, coins: &mut Coins) {
        let all = self.pushes.len() as u16;
        let class = shape::commonest(self.pushes.iter().map(|p| p.size));
        (self.whole, self.push) = (0, None);
        let of_it = |p: &&Push| class.is_none_or(|c| c.holds(p.size));
        let count = self.pushes.iter().filter(of_it).count();
        let answered = self.pushes.iter().filter(of_it).filter(|p| p.answered).count();
        // The other side answers: an exchange from the other end, which is no job.
        if answered * 5 > count * 3 && count > 3 {
            return;
        }
        let gaps: List<{ timer::MOST }> = gaps(self.pushes.iter().filter(of_it).map(|p| p.at));
        let mut weight = 0.0;
        if let Some(mut class) = class {
            // A login is answered by the first job, in a wrapping of 20 to 60 bytes.
            let login = u16::from((16..=80).contains(&self.first_reply.saturating_sub(class.size)));
            if let Some(x) = exchange
                && class.is_like(&x.reply)
            {
                // Late replies, and those to requests that went unseen, look like pushes.
                class.count = class.count.saturating_sub(x.reply.count / 8 + 2);
            }
            let mean = gaps.as_slice().iter().sum::<f32>() / gaps.as_slice().len().max(1) as f32;
            weight = shape::push_weight(class.count + login, all + login, &class, mean);
            if timer::is_heartbeat(gaps.as_slice()) {
                weight *= 0.5;
            }
            if weight > 0.0 {
                witnesses.push(Witness {
                    fact: Fact::SteadyPushes { count: u32::from(class.count), size: u32::from(class.size) },
                    weight,
                });
                self.push = Some(class);
            }
        }
        let dialect = match (exchange, self.push) {
            (Some(x), Some(p)) if x.weight > 0.4 => shape::dialect(&x.request, &x.reply, &p, self.acks.size)
                .map(|d| (d, d.weight * x.request.worth.min(x.reply.worth).min(p.worth).powi(2), x, p)),
            _ => None,
        };
        if let Some((d, weight, x, p)) = dialect {
            witnesses.push(Witness {
                fact: Fact::KnownSizes {
                    dialect: d.name,
                    request: u32::from(x.request.size),
                    reply: u32::from(x.reply.size),
                    push: u32::from(p.size),
                },
                weight,
            });
        }
        let spoken = dialect.filter(|(_, w, ..)| *w >= 0.5).map_or(&[][..], |(d, ..)| d.coins);
        if let [_] = spoken {
            *coins = blocks::spoken(spoken);
        }
        if weight <= 0.0 && class.is_some_and(|c| c.worth >= 1.0) {
            // Of one size, and that is not a job's.
            return;
        }
        // Jobs for a new block may differ from others (without transactions, to be sent sooner): then all pushes together
        // are the clock.
        let mixed = usize::from(all) > count + 1;
        let every: List<{ timer::MOST }> = self::gaps(self.pushes.iter().map(|p| p.at));
        let every = if mixed { timer::judge(every.as_slice()) } else { None };
        // No pool pushes all its kinds of jobs more often; people who type do.
        let every = every.filter(|t| t.period >= 8.0);
        let only = timer::judge(gaps.as_slice());
        let (Some(mut t), tries) = (match (only, every) {
            (Some(a), Some(b)) if b.weight > a.weight => (Some(b), 0.3),
            (Some(a), _) => (Some(a), if mixed { 0.3 } else { 0.0 }),
            (None, b) => (b, 0.3),
        }) else {
            return;
        };
        t.weight -= tries;
        // What is kept is looked at anew, again and again: chance has as many tries as it was filled.
        t.weight -= (1.0 + self.pushed as f32 / PUSHES as f32).log10();
        if t.full < 2 || t.early < 2 || t.full * 8 < t.full + t.early || t.weight < 0.9 {
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
            let (fits, weight) = blocks::coins(&t, spoken);
            if t.weight >= 1.5 && clock.blocks >= 6 {
                *coins = fits;
            }
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

/// A constant request with its constant reply.
#[derive(Clone, Copy, Debug)]
struct Steady {
    request: Class,
    reply: Class,
    /// Median, seconds.
    delay: f32,
    weight: f32,
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

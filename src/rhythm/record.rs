//! What is kept of a flow: the last exchanges and the last pushes, sorted out as they come.
//!
//! Messages that follow each other at once in one direction are one burst (a message cut into records, or several in
//! a moment). A burst from the pool's side within [`ANSWER`] of a request is its reply, any other a push.

use super::acks::Acks;
use super::ring::Ring;
use super::shape::Class;
use super::{Beat, BeatKind, Message, Way};

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
pub(super) const EXCHANGES: usize = 73;
/// Pushes kept.
pub(super) const PUSHES: usize = 97;
/// Smaller pushes are changes of difficulty, heartbeats and the like.
const SMALLEST_PUSH: u16 = 150;
/// Smaller ones ask for nothing: pings and acknowledgements. No share has less than 62 bytes.
const SMALLEST_REQUEST: u32 = 60;
/// No reply.
pub(super) const UNANSWERED: u16 = u16::MAX;

/// A request and what answered it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Exchange {
    pub at: u32,
    pub request: u16,
    pub reply: u16,
    /// Milliseconds, or [`UNANSWERED`].
    pub delay: u16,
}

/// A message that nobody asked for.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Push {
    pub at: u32,
    pub size: u16,
    /// A request followed within a second: an answer to it, if that is the rule.
    pub answered: bool,
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

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) exchanges: Ring<Exchange, EXCHANGES>,
    pub(super) pushes: Ring<Push, PUSHES>,
    up: Option<Side>,
    down: Option<Side>,
    pub(super) last: u32,
    /// What replies and pushes are known to look like, where those differ.
    reply: Option<Class>,
    push: Option<Class>,
    /// From when on a gap between pushes is a whole timer, milliseconds; zero where there is none.
    whole: u32,
    last_push: u32,
    /// Size of the reply to the first request, zero before.
    pub(super) first_reply: u16,
    /// Replies that may still come to what was asked last, and when that was.
    owed: u8,
    asked: u32,
    /// Pushes in all, kept or not.
    pub(super) pushed: u32,
    pub(super) acks: Acks,
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

    /// How to tell replies from jobs from now on, and how soon (seconds) a job is an early one.
    pub(super) fn learn(&mut self, reply: Option<Class>, push: Option<Class>, whole: Option<f32>) {
        (self.reply, self.push) = (reply, push);
        self.whole = whole.map_or(0, |w| (w * 1000.0) as u32);
    }

    /// Takes a message at `now` milliseconds.
    pub(super) fn message(&mut self, now: u32, m: Message) -> Option<Beat> {
        if m.size == 0 || self.acks.is_one(m) {
            return None;
        }
        // Captures step backwards; what is kept does not.
        let now = if now.wrapping_sub(self.last) > u32::MAX / 2 { self.last } else { now };
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
            // What follows at once is no piece of what went before.
            if let Some(up) = &mut self.up {
                up.last = now.wrapping_sub(PIECES + 1);
            }
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
        let grows = match side.burst {
            Burst::Request => self.exchanges.recent_mut().next().map(|e| &mut e.request),
            Burst::Reply(to) => self.exchanges.recent_mut().take(8).find(|e| e.at == to).map(|e| &mut e.reply),
            Burst::Push => self.pushes.recent_mut().next().map(|p| &mut p.size),
            Burst::Another => None,
        };
        if let Some(size) = grows {
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
        let sender = match m.way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        };
        let pieces = sender.map_or(0, |s| s.pieces);
        *sender = Some(Side { burst, last: now, pieces });
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
}

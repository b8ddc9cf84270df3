//! An open connection under Noise: what the sizes of its frames tell, and when they tell enough.
//!
//! In: how much each side said, and when. Out: evidence by the levels that the parent module argues for. What is counted
//! (jobs, shares, answers) is held back until the rule for `confirmed` holds: until then it may be something else's.
//!
//! A frame is 22 bytes of header and payload with 16 of tag (sv2-spec 04.6.1): 38 more than its message. Turns count,
//! not segments: what one side says until the other speaks, or is silent for half a second.

use std::time::Duration;

use super::super::frames::Ends;
use super::super::{Conversation, Role};
use super::sketch::Sketch;
use crate::evidence::{Code, Stamp};

/// The smallest request to open a channel (no user identity), and room for eight of the largest.
const OPEN: std::ops::RangeInclusive<u64> = 79..=8 * 336;
/// Smallest answer with work: a channel, a job and a previous hash, at least 83 + 83 + 86.
const OPENED: u64 = 252;
/// `SubmitSharesStandard`.
const SHARE: u64 = 62;
/// `SubmitSharesExtended` with 0 to 32 bytes of extranonce.
const SHARE_EXTENDED: std::ops::RangeInclusive<u64> = 63..=95;
/// `UpdateChannel`.
const UPDATE_CHANNEL: u64 = 78;
/// `SubmitShares.Success`. The error `stale-share` has the same size: a stale share counts as accepted.
const SHARES_SUCCESS: u64 = 58;
/// `SubmitShares.Error` with the error codes of the specification (13 to 26 letters).
const SHARES_ERROR: std::ops::RangeInclusive<u64> = 59..=73;
/// `NewMiningJob`, for the next block and for this one.
const JOBS: [u64; 2] = [83, 87];
/// `SetNewPrevHash` and `SetTarget`.
const PREV_HASH: u64 = 86;
const SET_TARGET: u64 = 74;
/// Anything of this size may hold a `NewExtendedMiningJob`: 20 bytes and a coinbase transaction, which with one output
/// and the witness commitment has 133 without its extranonce.
const EXTENDED_JOB: u64 = 180;
/// What a job for the next block and its previous hash are longer than a job for this one, in units of a hash: the
/// time is left out (4), the other message comes with it (86).
const NEXT_BLOCK: usize = (PREV_HASH as usize - 4) % HASH;
/// A hash of the path that an extended job carries: jobs of a channel differ by a multiple of it.
const HASH: usize = 32;
/// Silence that ends a message when its sender goes on speaking, and after which nobody was asked.
const PAUSE: Duration = Duration::from_millis(500);
/// Shares waiting for an answer, remembered.
const OUTSTANDING: u64 = 4096;

/// Shares that `confirmed` takes.
const SHARES_NEEDED: u64 = 8;
/// Answers to shares, alone and of exactly the right size. The reference pool answers every tenth share.
const ANSWERS_NEEDED: u32 = 2;
/// Jobs that nobody asked for, on a standard channel, where each has one of six sizes; and on an extended one, where
/// only the remainder of its size is known, to a sixteenth.
const PUSHES_NEEDED: [u32; 2] = [3, 6];
/// Turns told apart for each that was not, of both sides, and of those of the pool that nobody asked for. Other messages
/// are rare: channels closed, more of them opened.
const TOLD_FOR_UNTOLD: u32 = 4;
/// From the first share to the last.
const SPAN_NEEDED: f64 = 20.0;
/// Least variation (standard deviation by mean) of the times between shares. Chance makes it 1; a clock or a program
/// that asks when it was answered makes it small. Of eight genuine shares in a row one in two hundred has less.
const IRREGULAR: f64 = 0.3;

/// Bytes of one direction.
#[derive(Default)]
struct End {
    /// Said in this turn.
    rest: u64,
    /// Said in the turn before, and not told apart: half a frame, perhaps.
    old: u64,
    /// The turn began out of silence.
    unasked: bool,
    /// A part of the turn is missing.
    torn: bool,
    last: Option<Stamp>,
    sketch: Sketch,
}

/// Something counted and not yet told.
#[derive(Clone, Copy, Default)]
struct Held {
    count: u64,
    first: Option<Stamp>,
}

impl Held {
    fn add(&mut self, count: u64, at: Stamp) {
        self.count = self.count.saturating_add(count).min(OUTSTANDING);
        self.first.get_or_insert(at);
    }

    /// Tells it, as if it were seen now for the first time.
    fn tell(&mut self, mut each: impl FnMut(Stamp)) {
        let Self { count, first } = std::mem::take(self);
        for _ in 0..count {
            each(first.unwrap_or_default());
        }
    }
}

/// Times between shares: how many, their mean and the sum of squares about it (Welford).
#[derive(Clone, Copy, Default)]
struct Gaps {
    first: Option<Stamp>,
    last: Option<Stamp>,
    count: f64,
    mean: f64,
    squares: f64,
}

impl Gaps {
    fn share(&mut self, at: Stamp) {
        self.first.get_or_insert(at);
        if let Some(last) = self.last.replace(at) {
            let gap = at.time.since(last.time).as_secs_f64();
            self.count += 1.0;
            let off = gap - self.mean;
            self.mean += off / self.count;
            self.squares += off * (gap - self.mean);
        }
    }

    fn are_by_chance(&self) -> bool {
        let span = self.first.zip(self.last).map_or(0.0, |(a, b)| b.time.since(a.time).as_secs_f64());
        let deviation = (self.squares / self.count.max(1.0)).sqrt();
        span >= SPAN_NEEDED && deviation >= IRREGULAR * self.mean
    }
}

/// How far the channel is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Channel {
    Unasked,
    /// Asked for, and so many bytes came since.
    Asked(u64),
    /// Enough came for a channel and a job; what else comes at once belongs to it.
    Answering,
    Open,
}

/// What was recognised of a turn of the pool.
#[derive(Clone, Copy)]
enum Said {
    Answers { job: bool },
    Error,
    Job,
    Other,
}

/// An open connection.
pub(super) struct Sizes {
    /// The handshake was answered as implementations do, not as an older text has it.
    usual: bool,
    speaker: Role,
    ends: Ends<End>,
    channel: Channel,
    /// Size of this connection's shares; a candidate and how often it was seen.
    share: Option<u64>,
    candidate: (u64, u64),
    outstanding: u64,
    told: u32,
    untold: u32,
    answers: u32,
    refusals: u32,
    pushes: u32,
    /// Turns of the pool out of silence that were not told apart.
    strange: u32,
    /// Extended jobs by the remainder of their size.
    remainders: [u16; HASH],
    gaps: Gaps,
    jobs: Held,
    submitted: Held,
    accepted: Held,
    rejected: Held,
    confirmed: bool,
}

impl Sizes {
    /// After a handshake and an accepted connection; the miner speaks next.
    pub(super) fn new(usual: bool) -> Self {
        Self {
            usual,
            speaker: Role::Miner,
            ends: Ends { miner: End::default(), pool: End::default() },
            channel: Channel::Unasked,
            share: None,
            candidate: (0, 0),
            outstanding: 0,
            told: 0,
            untold: 0,
            answers: 0,
            refusals: 0,
            pushes: 0,
            strange: 0,
            remainders: [0; HASH],
            gaps: Gaps::default(),
            jobs: Held::default(),
            submitted: Held::default(),
            accepted: Held::default(),
            rejected: Held::default(),
            confirmed: false,
        }
    }

    /// The next bytes of a side.
    pub(super) fn data(&mut self, role: Role, bytes: &[u8], at: Stamp, c: &mut Conversation) {
        c.spoke(at);
        let silent = |e: &End| e.last.is_none_or(|l| at.time.since(l.time) >= PAUSE);
        let (here, there) = (silent(self.ends.get(role)), silent(self.ends.get(role.other())));
        if self.speaker != role {
            self.tell_apart(role.other(), at, c);
            self.speaker = role;
        } else if here && self.is_open() {
            self.tell_apart(role, at, c);
        }
        let end = self.ends.get_mut(role);
        if end.rest == 0 {
            end.unasked = here && there;
        }
        end.rest = end.rest.saturating_add(bytes.len() as u64);
        end.last = Some(at);
        end.sketch.push(bytes);
        if let Channel::Asked(came) = self.channel
            && role == Role::Pool
        {
            let came = came.saturating_add(bytes.len() as u64);
            self.channel = Channel::Asked(came);
            if came >= OPENED {
                self.channel = Channel::Answering;
                self.jobs.add(1, at);
            }
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.channel, Channel::Answering | Channel::Open)
    }

    /// Bytes of a side are missing: what is left of its turn may have any size.
    pub(super) fn gap(&mut self, role: Role) {
        let end = self.ends.get_mut(role);
        (end.rest, end.old, end.torn) = (0, 0, true);
    }

    /// A side says no more for now.
    pub(super) fn tell_apart(&mut self, role: Role, now: Stamp, c: &mut Conversation) {
        let &End { rest, old, last, unasked, .. } = self.ends.get(role);
        let at = last.unwrap_or(now);
        if rest == 0 {
            return;
        }
        let end = self.ends.get_mut(role);
        (end.rest, end.old) = (0, 0);
        if std::mem::take(&mut end.torn) {
            return;
        }
        match (role, self.channel) {
            // What is no request to open a channel is one for extensions, or of another of the protocols.
            (Role::Miner, Channel::Unasked) if OPEN.contains(&rest) => self.channel = Channel::Asked(0),
            (_, Channel::Unasked | Channel::Asked(_)) => {}
            (Role::Pool, Channel::Answering) => self.channel = Channel::Open,
            _ if self.turn(role, rest, unasked, at) => self.told = self.told.saturating_add(1),
            // Halves of a frame, parted by a word of the other side.
            _ if old > 0 && self.turn(role, rest.saturating_add(old), unasked, at) => {
                self.told = self.told.saturating_add(1);
                self.untold = self.untold.saturating_sub(1);
            }
            _ => {
                self.ends.get_mut(role).old = rest;
                self.untold = self.untold.saturating_add(1);
                self.strange = self.strange.saturating_add(u32::from(unasked && role == Role::Pool));
            }
        }
        self.tell(at, c);
    }

    /// Frames of either side; whether all of them are known now.
    fn turn(&mut self, role: Role, len: u64, unasked: bool, at: Stamp) -> bool {
        match role {
            Role::Miner => self.requests(len, at),
            Role::Pool => self.pushes(len, unasked, at),
        }
    }

    /// Frames of the miner; whether all of them are known now.
    fn requests(&mut self, rest: u64, at: Stamp) -> bool {
        let shares = match self.share {
            Some(size) => (0..=2).find_map(|updates| {
                let shares = rest.checked_sub(updates * UPDATE_CHANNEL)?;
                (shares % size == 0).then_some(shares / size)
            }),
            // Below the smallest request for a channel nothing else has these sizes.
            None if rest == SHARE || (SHARE_EXTENDED.contains(&rest) && rest < UPDATE_CHANNEL) => {
                self.share = Some(rest);
                Some(1)
            }
            None if SHARE_EXTENDED.contains(&rest) => {
                let (size, times) = self.candidate;
                self.candidate = if size == rest { (rest, times + 1) } else { (rest, 1) };
                if self.candidate.1 == 3 {
                    self.share = Some(rest);
                    Some(3)
                } else {
                    Some(0)
                }
            }
            None => None,
        };
        let count = shares.unwrap_or(0);
        if count > 0 {
            self.submitted.add(count, at);
            self.gaps.share(at);
            self.outstanding = self.outstanding.saturating_add(count).min(OUTSTANDING);
        }
        shares.is_some()
    }

    /// Frames of the pool; whether all of them are known now.
    fn pushes(&mut self, rest: u64, unasked: bool, at: Stamp) -> bool {
        let said = self.said(rest);
        match said {
            // An answer is for all shares up to it.
            Some(Said::Answers { job }) => {
                self.accepted.add(std::mem::take(&mut self.outstanding), at);
                self.answers = self.answers.saturating_add(u32::from(rest == SHARES_SUCCESS));
                if job {
                    self.jobs.add(1, at);
                }
            }
            Some(Said::Error) => {
                self.rejected.add(1, at);
                self.refusals = self.refusals.saturating_add(1);
                self.outstanding -= 1;
            }
            Some(Said::Job) => {
                self.jobs.add(1, at);
                if unasked && self.share.is_some() {
                    self.pushes = self.pushes.saturating_add(1);
                    if let Some(n) = self.remainders.get_mut(rest as usize % HASH) {
                        *n = n.saturating_add(1);
                    }
                }
            }
            Some(Said::Other) | None => {}
        }
        said.is_some()
    }

    fn said(&self, rest: u64) -> Option<Said> {
        let whole = rest.is_multiple_of(SHARES_SUCCESS) && (1..=self.outstanding).contains(&(rest / SHARES_SUCCESS));
        if whole {
            return Some(Said::Answers { job: false });
        }
        if self.outstanding > 0 && SHARES_ERROR.contains(&rest) {
            return Some(Said::Error);
        }
        let behind = rest.checked_sub(SHARES_SUCCESS).filter(|_| self.outstanding > 0);
        if self.share == Some(SHARE) && behind.is_some_and(is_standard_job) {
            return Some(Said::Answers { job: true });
        }
        if (self.share != Some(SHARE) && rest >= EXTENDED_JOB) || (!self.is_extended() && is_standard_job(rest)) {
            return Some(Said::Job);
        }
        // An answer to a share that was not seen is no job, and no part of what comes next.
        let answer = rest.is_multiple_of(SHARES_SUCCESS) && rest < EXTENDED_JOB;
        (rest == PREV_HASH || rest == SET_TARGET || answer).then_some(Said::Other)
    }

    /// Until the first share nothing tells which kind of channel it is.
    fn is_extended(&self) -> bool {
        self.share.is_some_and(|s| s != SHARE)
    }

    /// Whether extended jobs are as long as those of one channel are: by hashes more or less, for this block or the
    /// next. One of eight need not be.
    fn jobs_are_alike(&self) -> bool {
        let at = |i: usize| u32::from(self.remainders.get(i % HASH).copied().unwrap_or(0));
        let most = (0..HASH).map(|i| at(i) + at(i + NEXT_BLOCK)).max().unwrap_or(0);
        !self.is_extended() || most * 8 >= self.pushes * 7
    }

    /// Whether this can only be mining: see the parent module.
    fn is_enough(&self) -> bool {
        self.usual
            && self.share.is_some()
            && self.submitted.count >= SHARES_NEEDED
            && self.answers >= ANSWERS_NEEDED
            && self.refusals <= self.answers
            && self.pushes >= if self.is_extended() { PUSHES_NEEDED[1] } else { PUSHES_NEEDED[0] }
            && self.told >= self.untold.saturating_mul(TOLD_FOR_UNTOLD)
            && self.pushes >= self.strange.saturating_mul(TOLD_FOR_UNTOLD)
            && self.jobs_are_alike()
            && self.gaps.are_by_chance()
            && self.ends.miner.sketch.is_random()
            && self.ends.pool.sketch.is_random()
    }

    /// Tells what was counted, once it is known to be what it looks like.
    fn tell(&mut self, at: Stamp, c: &mut Conversation) {
        if self.answers > 0 && !c.evidence.has(Code::PoolReply) {
            c.replied(at, "answered a share with exactly 58 bytes, after a channel and its job by their sizes");
        }
        self.confirmed = self.confirmed || self.is_enough();
        if !self.confirmed {
            return;
        }
        self.jobs.tell(|at| c.job(at, None, None, "jobs by the sizes of their frames, unasked"));
        self.submitted.tell(|at| {
            c.submitted(at, None);
        });
        self.accepted.tell(|at| c.accepted(at, 0.0));
        self.rejected.tell(|at| c.rejected(at, "a frame of the size of an error"));
    }
}

fn is_standard_job(len: u64) -> bool {
    JOBS.iter().any(|j| [0, PREV_HASH, SET_TARGET].iter().any(|more| len == j + more))
}

//! Which dialect a flow speaks.
//!
//! In: the raw messages of one flow, in the order they were completed. Out: the [`Conversation`] as read by the
//! dialect that explains them best. Every dialect probes every message until one is certain; the messages so far are
//! kept (bounded) and read again when the leader changes, so that nothing depends on the order of [`DIALECTS`].

use super::program::style::Watch;
use super::{Carrier, Conversation, DIALECTS, Dialect, HttpMeta, Message, Probe, Role, Session, json};
use crate::evidence::Code;
use crate::evidence::Stamp;
use crate::flow::Direction;
use crate::prefetch::fetch;

/// Bytes of messages kept for a change of leader.
const HELD_BYTES: usize = 16 * 1024;
/// Messages kept for a change of leader.
const HELD_MESSAGES: usize = 48;
/// Score from which a dialect may lead without being certain: a lone generic message is not enough.
const LEAD: u8 = 2;
/// Messages after which an unchallenged leader is settled.
const SETTLE: u32 = 64;

/// The longest message read: a line at its cap, or the kept part of an HTTP body.
const MAX_MESSAGE: usize = 1 << 20;

/// Parsers of a worker, reused for every message.
pub struct Scratch {
    parser: json::Parser,
    replay: json::Parser,
    carried: Carried,
    /// What a dialect records in while it only contends for a flow: hardly any records anything then, so none is kept.
    blank: Box<Conversation>,
}

impl Default for Scratch {
    fn default() -> Self {
        let parser = || json::Parser::new(MAX_MESSAGE);
        Self { parser: parser(), replay: parser(), carried: Carried::default(), blank: Box::default() }
    }
}

impl Scratch {
    /// Lends a conversation in which nothing is recorded, to whoever may have nothing to record. What was is put to
    /// `kept`.
    pub fn lend<T>(&mut self, kept: &mut Option<Box<Conversation>>, f: impl FnOnce(&mut Conversation) -> T) -> T {
        if let Some(c) = kept {
            return f(c);
        }
        let done = f(&mut self.blank);
        if !self.blank.is_blank() {
            *kept = Some(std::mem::take(&mut self.blank));
        }
        done
    }
}

/// The dialects of each carrier, with their places in [`DIALECTS`].
struct Carried {
    lines: Vec<(usize, &'static dyn Dialect)>,
    http: Vec<(usize, &'static dyn Dialect)>,
    websocket: Vec<(usize, &'static dyn Dialect)>,
}

impl Default for Carried {
    fn default() -> Self {
        let by = |carrier| DIALECTS.iter().copied().enumerate().filter(|(_, d)| d.carried_by(carrier)).collect();
        Self { lines: by(Carrier::Lines), http: by(Carrier::Http), websocket: by(Carrier::WebSocket) }
    }
}

impl Carried {
    fn by(&self, carrier: Carrier) -> &[(usize, &'static dyn Dialect)] {
        match carrier {
            Carrier::Lines => &self.lines,
            Carrier::Http => &self.http,
            Carrier::WebSocket => &self.websocket,
        }
    }
}

/// Dialects that a contest has room for.
const MOST: usize = 64;
const _: () = assert!(DIALECTS.len() <= MOST, "a contest has a bit for each dialect");

/// Messages read of one batch.
const MAX_BATCH: usize = 64;

/// Where a message comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Which way it went.
    pub from: Direction,
    /// Frame and time of its last byte.
    pub stamp: Stamp,
    /// What carried it.
    pub carrier: Carrier,
    /// HTTP context, if any.
    pub http: Option<&'a HttpMeta>,
}

/// What the flow needs further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// Keep feeding.
    Undecided,
    /// A dialect leads or is certain.
    Mining,
    /// Not mining, as far as one can tell.
    GiveUp,
}

struct Held {
    from: Direction,
    carrier: Carrier,
    stamp: Stamp,
    len: usize,
    http: Option<Box<HttpMeta>>,
}

struct Active {
    dialect: &'static dyn Dialect,
    session: Box<dyn Session>,
    conversation: Conversation,
    miner: Direction,
    writing: Watch,
    /// Not all of the conversation was seen yet that takes both ends.
    in_doubt: bool,
}

/// Candidates of a flow that is not settled yet.
struct Contest {
    scores: [u8; MOST],
    out: u64,
    votes: [Option<Direction>; MOST],
    held: Vec<Held>,
    bytes: Vec<u8>,
    messages: u32,
    /// The first dialect that was certain of the miner.
    claimed: Option<usize>,
    /// The pool answered in it, as far as one can tell.
    agreed: bool,
}

/// Decides and reads one flow.
pub struct Arbiter {
    /// Who opened the connection, if that was seen: only that side can be the miner.
    opener: Option<Direction>,
    /// Messages without a leader after which the flow is somebody else's protocol.
    patience: u32,
    contest: Option<Box<Contest>>,
    active: Option<Box<Active>>,
    /// What each end said, as long as there is doubt: an echo says it again.
    said: Option<Box<Heard>>,
}

/// What was heard of both.
#[derive(Default)]
struct Heard {
    up: Said,
    down: Said,
}

impl Heard {
    fn of(&mut self, way: Direction) -> &mut Said {
        match way {
            Direction::LoToHi => &mut self.up,
            Direction::HiToLo => &mut self.down,
        }
    }
}

/// Hashes of the latest messages of one end.
#[derive(Default)]
struct Said {
    hashes: Vec<u64>,
    next: usize,
}

impl Said {
    /// Messages remembered; an echo has fewer under way.
    const CAP: usize = 512;

    fn add(&mut self, hash: u64) {
        match self.hashes.get_mut(self.next) {
            Some(slot) => *slot = hash,
            None => self.hashes.push(hash),
        }
        self.next = (self.next + 1) % Self::CAP;
    }
}

impl Arbiter {
    /// For a flow whose opener is known or not, to be given up after `patience` messages without a leader.
    pub fn new(opener: Option<Direction>, patience: u32) -> Self {
        Self { opener, patience, contest: None, active: None, said: None }
    }

    /// Fetches what is `step` pointers away: the conversation, then what a dialect keeps of it.
    pub fn foresee(&self, step: usize) {
        match (step, &self.active, &self.contest) {
            (1, Some(active), _) => fetch(&**active),
            (1, None, Some(contest)) => fetch(&**contest),
            (2, Some(active), _) => fetch(&*active.session),
            _ => {}
        }
    }

    /// The leading dialect.
    pub fn dialect(&self) -> Option<&'static dyn Dialect> {
        self.active.as_ref().map(|a| a.dialect)
    }

    /// The facts so far.
    pub fn conversation(&self) -> Option<&Conversation> {
        self.active.as_ref().map(|a| &a.conversation)
    }

    /// The facts so far, to add what the flow knows.
    pub fn conversation_mut(&mut self) -> Option<&mut Conversation> {
        self.active.as_mut().map(|a| &mut a.conversation)
    }

    /// The direction in which the miner sends.
    pub fn miner(&self) -> Option<Direction> {
        self.active.as_ref().map(|a| a.miner)
    }

    fn interest(&self) -> Interest {
        if self.active.is_some() { Interest::Mining } else { Interest::Undecided }
    }

    /// Whether the other end said the very same before: whoever does that understands nothing of it.
    fn is_echo(&mut self, raw: &[u8], from: Direction) -> bool {
        use std::hash::BuildHasher;
        if self.active.as_ref().is_some_and(|a| !a.in_doubt) {
            self.said = None;
            return false;
        }
        let text = raw.trim_ascii();
        // Stands for an HTTP message without a body.
        if text == b"{}" {
            return false;
        }
        let hash = foldhash::quality::FixedState::with_seed(0).hash_one(text);
        let said = self.said.get_or_insert_default();
        if said.of(from.reverse()).hashes.contains(&hash) {
            return true;
        }
        said.of(from).add(hash);
        false
    }

    /// Reads one message, or a JSON-RPC batch of them. `Err` when it is no JSON.
    pub fn message(
        &mut self,
        raw: &[u8],
        from: Origin<'_>,
        scratch: &mut Scratch,
    ) -> Result<Interest, json::JsonError> {
        if self.is_echo(raw, from.from) {
            return Ok(self.interest());
        }
        let root = scratch.parser.parse(raw)?.root();
        if let Some(batch) = root.as_array() {
            let parts: Vec<_> = batch.filter(|v| v.is_object()).take(MAX_BATCH).map(json::Value::span).collect();
            let mut interest = self.interest();
            for part in parts {
                interest = self.message(raw.get(part).unwrap_or_default(), from, scratch)?;
            }
            return Ok(interest);
        }
        let Some(rpc) = root.rpc() else { return Ok(self.interest()) };
        let Origin { from, stamp, carrier, http } = from;
        let m = Message { from, stamp, rpc: &rpc, carrier, http };
        if self.contest.is_none()
            && let Some(active) = &mut self.active
        {
            active.read(&m);
            return Ok(Interest::Mining);
        }
        let contest = self.contest.get_or_insert_with(|| Box::new(Contest::new()));
        let held = contest.hold(raw, &m);
        let certain = contest.probe(&m, scratch.carried.by(carrier), self.opener);
        let leader = match certain {
            Some(at) => Some(at),
            None => contest.leader(),
        };
        let Some(leader) = leader else {
            // A dialect that was certain of the miner keeps what it read, whatever the miner said since.
            let claimed = contest.claimed.and_then(|at| DIALECTS.get(at)).map(|d| d.id());
            if let Some(active) = self.active.as_mut().filter(|a| claimed == Some(a.dialect.id())) {
                active.read(&m);
                if contest.messages >= SETTLE {
                    self.contest = None;
                }
                return Ok(Interest::Mining);
            }
            return Ok(if contest.messages >= self.patience { Interest::GiveUp } else { Interest::Undecided });
        };
        let (Some(&dialect), Some(Some(miner))) = (DIALECTS.get(leader), contest.votes.get(leader)) else {
            return Ok(Interest::Undecided);
        };
        match &mut self.active {
            Some(active) if active.dialect.id() == dialect.id() && active.miner == *miner => active.read(&m),
            _ => {
                let mut active = Box::new(Active {
                    dialect,
                    session: dialect.open(),
                    conversation: Conversation::default(),
                    miner: *miner,
                    writing: Watch::default(),
                    in_doubt: true,
                });
                contest.replay(&mut active, &mut scratch.replay);
                if !held {
                    active.read(&m);
                }
                self.active = Some(active);
            }
        }
        // What the miner says may be a decoy that the pool ignores: the pool's word settles it.
        let pool_spoke = certain.is_some() && m.from != *miner;
        if pool_spoke || (contest.agreed && contest.claimed == Some(leader)) || contest.messages >= SETTLE {
            self.contest = None;
        }
        Ok(Interest::Mining)
    }
}

impl Active {
    fn read(&mut self, m: &Message<'_>) {
        let role = if m.from == self.miner { Role::Miner } else { Role::Pool };
        self.conversation.spoke(m.stamp);
        if self.in_doubt && self.dialect.probe(m) == Probe::Certain(role.other()) {
            let who = if role == Role::Miner { "client" } else { "server" };
            self.conversation.evidence.note(Code::BothParts, m.stamp, || {
                format!("the {who} also spoke the other end's part, as a recording or an echo does")
            });
        }
        self.session.message(role, m, &mut self.conversation);
        self.in_doubt &= !self.conversation.is_whole();
        if role == Role::Miner
            && let Some(style) = self.writing.message(m)
        {
            self.conversation.written(m.stamp, style);
        }
    }
}

impl Contest {
    fn new() -> Self {
        Self {
            scores: [0; MOST],
            out: 0,
            votes: [None; MOST],
            held: Vec::new(),
            bytes: Vec::new(),
            messages: 0,
            claimed: None,
            agreed: false,
        }
    }

    /// Keeps the message if there is room; whether there was.
    fn hold(&mut self, raw: &[u8], m: &Message<'_>) -> bool {
        self.messages = self.messages.saturating_add(1);
        let room = self.held.len() < HELD_MESSAGES && self.bytes.len().saturating_add(raw.len()) <= HELD_BYTES;
        if room {
            self.bytes.extend_from_slice(raw);
            self.held.push(Held {
                from: m.from,
                carrier: m.carrier,
                stamp: m.stamp,
                len: raw.len(),
                http: m.http.cloned().map(Box::new),
            });
        }
        room
    }

    /// Lets every dialect judge the message; the one that is certain, if any.
    fn probe(
        &mut self,
        m: &Message<'_>,
        dialects: &[(usize, &'static dyn Dialect)],
        opener: Option<Direction>,
    ) -> Option<usize> {
        let mut certain: Option<usize> = None;
        for &(at, dialect) in dialects {
            let bit = 1u64.checked_shl(at as u32).unwrap_or(0);
            let (role, weight, sure) = match dialect.probe(m) {
                // Whatever was said before, a decoy perhaps, this is the real thing.
                Probe::Certain(role) => (role, 8, true),
                _ if self.out & bit != 0 => continue,
                Probe::Unsure(role, weight) => (role, weight, false),
                Probe::Neutral => continue,
                Probe::NotForUs => {
                    self.out |= bit;
                    if let Some(s) = self.scores.get_mut(at) {
                        *s = 0;
                    }
                    continue;
                }
            };
            let miner = if role == Role::Miner { m.from } else { m.from.reverse() };
            if opener.is_some_and(|o| (o == miner) != dialect.miner_opens()) {
                continue;
            }
            // The miner's certain word, and an answer of the pool that fits it: settled.
            self.agreed |= role == Role::Pool && !sure && self.claimed == Some(at);
            if sure && role == Role::Miner {
                self.claimed.get_or_insert(at);
            }
            let (Some(score), Some(vote)) = (self.scores.get_mut(at), self.votes.get_mut(at)) else { continue };
            *score = score.saturating_add(weight);
            if sure || vote.is_none() {
                *vote = Some(miner);
            }
            if sure && certain.is_none_or(|best| self.scores.get(best) < self.scores.get(at)) {
                certain = Some(at);
            }
        }
        certain
    }

    /// The best-scored dialect still in; ties go to the earlier name.
    fn leader(&self) -> Option<usize> {
        let mut best: Option<(u8, usize)> = None;
        for (at, &score) in self.scores.iter().enumerate() {
            if score >= LEAD && best.is_none_or(|(s, _)| score > s) {
                best = Some((score, at));
            }
        }
        best.map(|(_, at)| at)
    }

    fn replay(&self, active: &mut Active, parser: &mut json::Parser) {
        let mut rest = self.bytes.as_slice();
        for held in &self.held {
            let Some((raw, tail)) = rest.split_at_checked(held.len) else { return };
            rest = tail;
            if let Some(rpc) = parser.parse(raw).ok().and_then(json::Doc::rpc) {
                active.read(&Message {
                    from: held.from,
                    stamp: held.stamp,
                    rpc: &rpc,
                    carrier: held.carrier,
                    http: held.http.as_deref(),
                });
            }
        }
    }
}

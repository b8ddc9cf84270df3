//! Who reads a flow, and what it makes of it: the dialects that contend for it, then the one that is certain.
//!
//! In: the bytes of both directions and what comes out of their layers. Out: a [`Conversation`], levels as they are
//! reached, and the word that a flow is of no interest. Works on one direction only, and from the middle of a stream.

mod asked;
mod streams;
mod wraps;

use std::borrow::Cow;

use asked::Asked;
use wraps::Unwrapped;

use super::around::{Around, Unread};
use super::inspection::Tools;
use crate::capture::Stamp;
use crate::carrier::http::HttpMeta;
use crate::carrier::peel::Piece;
use crate::carrier::{First, Wrap, first_bytes};
use crate::dialect::{Arbiter, Carrier, Category, Conversation, Interest, Origin, Probe, StreamDialect, StreamSession};
use crate::evidence::{Verdict, judge};
use crate::flow::{BothWays, Direction, FlowInfo};
use crate::health::{Counter, Health};
use crate::prefetch::fetch;
use crate::wallet::Coin;

/// Raw pieces looked at before a stream that is nothing known is let go.
const LOOKS: u8 = 6;
/// The same for a stream picked up in the middle: the next line must begin within these.
const LOOKS_MID_STREAM: u8 = 24;
/// The same while a stream dialect is interested: room for a Stratum V2 opening in segments of one byte. The dialects
/// themselves give up long before on anything that is not theirs.
const LOOKS_CONTENDED: u16 = 2_000;
/// Messages without a dialect before a flow is let go.
const PATIENCE: u32 = 24;
/// The same on a second look, of which there may be many.
const PATIENCE_AGAIN: u32 = 4;
/// Lines without JSON before a flow without a dialect is let go.
const JUNK_LINES: u32 = 32;
/// Stands for an HTTP message without JSON.
const NO_BODY: &[u8] = b"{}";
/// HTTP messages without JSON before a flow without a dialect is let go.
const HTTP_LOOKS: u32 = 8;

/// A stream dialect reading a flow, or contending for it.
struct Stream {
    dialect: &'static dyn StreamDialect,
    session: Box<dyn StreamSession>,
    /// `None` until something was recorded: always there once the dialect is certain.
    conversation: Option<Box<Conversation>>,
    miner: Option<Direction>,
}

/// What is read of a flow.
#[derive(Default)]
pub(super) struct Reader {
    arbiter: Option<Arbiter>,
    /// Stream dialects that may read the flow; the one that does, alone, once it is certain.
    streams: Vec<Stream>,
    settled: bool,
    /// What it read leaves no doubt: nobody else reads the flow any more.
    convinced: bool,
    begun: BothWays<bool>,
    /// What was asked for over HTTP.
    asked: Asked,
    /// The request that opened a WebSocket.
    upgrade: Option<Box<HttpMeta>>,
    /// Only where something was unwrapped.
    unwrapped: Option<Box<Unwrapped>>,
    /// A direction is inside a tunnel: stream dialects read what comes out of it.
    inside: BothWays<bool>,
    /// A direction's beginning was not seen.
    late: BothWays<bool>,
    tls: BothWays<bool>,
    /// Something that began as JSON could not be read.
    unread: BothWays<bool>,
    /// A direction said something whole that is no JSON, and something that is.
    strange: BothWays<bool>,
    spoke: BothWays<bool>,
    looks: u16,
    junk: u32,
    told: Option<Verdict>,
    lines_known: usize,
    /// Names and certificates; only where there are any.
    around: Option<Box<Around>>,
    /// Holes in the streams.
    pub(super) gaps: u64,
    give_up: bool,
}

/// What is reported as the dialect of a conversation that cannot be read.
pub(super) const ENCRYPTED: &str = "encrypted";

/// The dialect that reads a flow, and what it knows.
pub(super) struct Reading<'a> {
    pub(super) dialect: &'static str,
    pub(super) category: Category,
    pub(super) coins: &'static [Coin],
    pub(super) miner: Direction,
    pub(super) conversation: &'a Conversation,
}

impl Reader {
    /// Whether the flow may be let go.
    pub(super) fn is_done(&self) -> bool {
        self.give_up
    }

    /// Fetches what is `step` pointers away.
    pub(super) fn foresee(&self, step: usize) {
        if let Some(arbiter) = &self.arbiter {
            arbiter.foresee(step);
        }
        match (step, self.streams.first()) {
            (1, Some(stream)) => fetch(stream),
            (2, Some(stream)) => {
                fetch(&*stream.session);
                if let Some(conversation) = &stream.conversation {
                    fetch(&**conversation);
                }
            }
            _ => {}
        }
    }

    /// Whether it bears evidence, so that it should be evicted last.
    pub(super) fn bears_evidence(&self) -> bool {
        self.told.is_some()
    }

    /// The level that was told last.
    pub(super) const fn level(&self) -> Option<Verdict> {
        self.told
    }

    /// Who reads the flow, if anyone does.
    pub(super) fn reading(&self) -> Option<Reading<'_>> {
        if let Some(s) = self.stream_reader() {
            return Some(Reading {
                dialect: s.dialect.id(),
                category: s.dialect.category(),
                coins: s.dialect.coins(),
                miner: s.miner?,
                conversation: s.conversation.as_deref()?,
            });
        }
        if let Some(Unread { miner, conversation }) = self.encrypted() {
            return Some(Reading {
                dialect: ENCRYPTED,
                category: Category::Pool,
                coins: &[],
                miner: *miner,
                conversation,
            });
        }
        let arbiter = self.arbiter.as_ref()?;
        let dialect = arbiter.dialect()?;
        Some(Reading {
            dialect: dialect.id(),
            category: dialect.category(),
            coins: dialect.coins(),
            miner: arbiter.miner()?,
            conversation: arbiter.conversation()?,
        })
    }

    /// What is known of the conversation, if anyone reads it.
    fn conversation(&self) -> Option<&Conversation> {
        if let Some(s) = self.stream_reader() {
            return s.conversation.as_deref().filter(|_| s.miner.is_some());
        }
        if let Some(unread) = self.encrypted() {
            return Some(&unread.conversation);
        }
        self.arbiter.as_ref()?.conversation()
    }

    /// Its facts, to add what the flow knows.
    pub(super) fn conversation_mut(&mut self) -> Option<&mut Conversation> {
        if self.stream_reader().is_some() {
            return self.streams.first_mut().and_then(|s| s.conversation.as_deref_mut());
        }
        if self.encrypted().is_some() {
            return self.around.as_mut()?.unread.as_mut().map(|u| &mut u.conversation);
        }
        self.arbiter.as_mut()?.conversation_mut()
    }

    /// The conversation that cannot be read, unless messages say as much: a hello may be a decoy before them.
    fn encrypted(&self) -> Option<&Unread> {
        let unread = self.around.as_ref()?.unread.as_deref()?;
        let said = |c: &Conversation| judge(&c.evidence).map(|j| j.verdict);
        let messages = self.arbiter.as_ref().and_then(Arbiter::conversation).and_then(said);
        (messages < said(&unread.conversation)).then_some(unread)
    }

    /// What only counts of a conversation that goes on.
    pub(super) fn ripen(&mut self, info: &FlowInfo, tools: &Tools<'_>) {
        if let Some(around) = self.around.as_mut().filter(|a| a.waits()) {
            around.ripen(info.first.time, tools);
        }
    }

    /// The flow is let go unread, but what its client looked up may say where it leads.
    pub(super) fn unnamed(&mut self, tools: &Tools<'_>) -> bool {
        self.unwrapped.is_none() && self.reading().is_none() && self.around.as_mut().is_some_and(|a| a.unnamed(tools))
    }

    /// Whether the other end than the miner's answered, and never in JSON, in which the dialect is spoken.
    pub(super) fn answered_otherwise(&self, miner: Direction) -> bool {
        let pool = miner.reverse();
        self.stream_reader().is_none() && *self.strange.get(pool) && !*self.spoke.get(pool)
    }

    /// What was said around the conversation.
    pub(super) fn around(&self) -> Option<&Around> {
        self.around.as_deref()
    }

    /// Bytes of half messages held.
    pub(super) fn held(&self) -> usize {
        self.around.as_ref().map_or(0, |a| a.held())
    }

    /// What went by is neither of a known protocol nor in the clear.
    pub(super) fn is_opaque(&self) -> bool {
        self.reading().is_none() && (self.looks > 0 || self.tls.lo_to_hi || self.tls.hi_to_lo)
    }

    /// The stream dialect that reads the flow, unless messages in it say more than it does: a few bytes of a stream may
    /// be a decoy before them.
    fn stream_reader(&self) -> Option<&Stream> {
        let stream = self.streams.first().filter(|_| self.settled)?;
        if self.arbiter.is_none() {
            return Some(stream);
        }
        let said = |c: &Conversation| judge(&c.evidence).map(|j| j.verdict);
        let messages = self.arbiter.as_ref().and_then(Arbiter::conversation).and_then(said);
        (messages <= said(stream.conversation.as_deref()?)).then_some(stream)
    }

    /// Whether a dialect of messages reads the flow already.
    pub(super) fn expects_messages(&self) -> bool {
        self.arbiter.as_ref().is_some_and(|a| a.dialect().is_some())
    }

    /// A direction said something that could not be read.
    pub(super) fn missed(&mut self, way: Direction, missed: bool) {
        *self.unread.get_mut(way) |= missed;
    }

    /// Of a connection seen from its beginning and in both directions, it is known who said nothing.
    pub(super) fn weigh(&mut self, info: &FlowInfo, at: Stamp) {
        if info.handshake.verified
            && info.one_way().is_none()
            && self.gaps == 0
            && self.reading().is_some_and(|r| r.category != Category::Inventory && !self.unread.get(r.miner))
            && let Some(c) = self.conversation_mut()
        {
            c.heard(at);
        }
    }

    /// What a hole means to whoever reads the stream.
    pub(super) fn gap(&mut self, way: Direction, missing: u64, tools: &mut Tools<'_>) {
        if let Some(around) = &mut self.around {
            around.gap(way, tools);
        }
        self.gaps = self.gaps.saturating_add(1);
        self.asked.gap();
        self.streams.retain_mut(|s| s.session.gap(way, missing) != Probe::NotForUs || self.settled);
        if self.is_peeled() {
            *self.late.get_mut(way) |= !self.begun.get(way);
        }
    }

    /// A direction is over.
    pub(super) fn end(&mut self, way: Direction, stamp: Stamp) {
        if self.settled
            && let Some(s) = self.streams.first_mut()
        {
            s.session.end(way, stamp, s.conversation.get_or_insert_default());
        }
    }

    /// HTTP messages went by in a direction: the web, if nobody reads them.
    pub(super) fn heard_http(&mut self, messages: u32) {
        if messages >= HTTP_LOOKS && self.reading().is_none() {
            self.give_up = true;
        }
    }

    /// A new level that was reached since the last call.
    pub(super) fn new_level(&mut self) -> Option<Verdict> {
        let log = &self.conversation()?.evidence;
        if log.len() == self.lines_known {
            return None;
        }
        let (known, judged) = (log.len(), judge(log));
        self.lines_known = known;
        let verdict = judged?.verdict;
        if verdict < Verdict::Suspected || self.told.is_some_and(|t| t >= verdict) {
            return None;
        }
        self.told = Some(verdict);
        Some(verdict)
    }

    /// Whether a tunnel was met: stream dialects read what comes out of it.
    pub(super) fn is_inside(&self) -> bool {
        self.inside.lo_to_hi || self.inside.hi_to_lo
    }

    /// Whether anybody reads what comes out of the layers.
    pub(super) fn is_peeled(&self) -> bool {
        !self.convinced || self.is_inside()
    }

    pub(super) fn piece(
        &mut self,
        info: &FlowInfo,
        way: Direction,
        piece: Piece<'_>,
        tools: &mut Tools<'_>,
        health: &mut Health,
    ) {
        match piece {
            Piece::Inside(bytes) => {
                *self.inside.get_mut(way) = true;
                if !self.begun.get(way) {
                    // A hole before it was the handshake's.
                    *self.late.get_mut(way) = false;
                }
                self.stream_data(info, way, bytes, tools, health);
            }
            // A stream dialect reads the flow.
            _ if self.convinced && !matches!(piece, Piece::Wrapped(_)) => {}
            Piece::Line(line) => {
                if first_bytes(line) == First::Lines {
                    self.message(info, way, line, Carrier::Lines, None, tools, health);
                } else {
                    *self.strange.get_mut(way) |= !begins_http(line);
                    self.count_junk();
                }
            }
            Piece::Message(message) => {
                if first_bytes(message) == First::Lines {
                    let upgrade = self.upgrade.take();
                    self.message(info, way, message, Carrier::WebSocket, upgrade.as_deref(), tools, health);
                    self.upgrade = upgrade;
                } else {
                    *self.strange.get_mut(way) = true;
                    self.count_junk();
                }
            }
            Piece::Http(meta, body) => {
                if !meta.response {
                    self.asked.request(meta.path.as_deref());
                    self.around.get_or_insert_default().http(way, meta, tools);
                }
                let json = first_bytes(body) == First::Lines;
                let asked = if meta.response { self.asked.answer() } else { None };
                let meta = &match asked.filter(|_| json) {
                    Some(path) => Cow::Owned(HttpMeta { answers: Some(path.into()), ..meta.clone() }),
                    None => Cow::Borrowed(meta),
                };
                let body = if json { body } else { NO_BODY };
                *self.strange.get_mut(way) |= !json;
                if self.message(info, way, body, Carrier::Http, Some(meta), tools, health).is_none() {
                    self.message(info, way, NO_BODY, Carrier::Http, Some(meta), tools, health);
                }
                if !meta.response && meta.websocket {
                    self.upgrade = Some(Box::new(HttpMeta::clone(meta)));
                }
            }
            Piece::Wrapped(wrap) => {
                if let Wrap::Socks(Some(target)) | Wrap::Connect(Some(target)) = &wrap {
                    self.around.get_or_insert_default().proxied(way, target, tools);
                }
                self.wrapped(way, wrap);
            }
            Piece::Raw(bytes) => {
                *self.strange.get_mut(way) |= first_bytes(bytes) != First::Lines && !begins_http(bytes);
                self.looks = self.looks.saturating_add(1);
                let limit = match (self.streams.is_empty(), info.mid_stream) {
                    (false, _) => LOOKS_CONTENDED,
                    (true, true) => u16::from(LOOKS_MID_STREAM),
                    (true, false) => u16::from(LOOKS),
                };
                if self.looks >= limit && self.reading().is_none() {
                    self.give_up = true;
                }
            }
            Piece::Tls(bytes) => {
                *self.tls.get_mut(way) = true;
                *self.strange.get_mut(way) = true;
                let around = self.around.get_or_insert_default();
                around.set_through(self.unwrapped.as_ref().map_or(&[], |u| &u.wraps));
                let read = around.tls(way, bytes, tools);
                let waits = around.waits();
                if read && !waits && self.reading().is_none() && self.streams.is_empty() {
                    self.give_up = true;
                }
            }
        }
    }

    /// Hands a message to the arbiter; `None` when it is no JSON.
    #[allow(clippy::too_many_arguments)] // one call for three carriers
    fn message(
        &mut self,
        info: &FlowInfo,
        from: Direction,
        raw: &[u8],
        carrier: Carrier,
        http: Option<&HttpMeta>,
        tools: &mut Tools<'_>,
        health: &mut Health,
    ) -> Option<()> {
        let patience = if info.second_look { PATIENCE_AGAIN } else { PATIENCE };
        let opener = info.handshake.client;
        let arbiter = self.arbiter.get_or_insert_with(|| Arbiter::new(opener, patience));
        let read = arbiter.message(raw, Origin { from, stamp: tools.stamp, carrier, http }, tools.scratch);
        *self.spoke.get_mut(from) |= read.is_ok() && raw != NO_BODY;
        match read {
            Ok(Interest::Mining) => health.add(Counter::MiningMessages),
            Ok(Interest::Undecided) => {}
            Ok(Interest::GiveUp) => self.give_up = self.streams.is_empty(),
            Err(_) => {
                health.add(Counter::JsonInvalid);
                *self.unread.get_mut(from) = true;
                self.count_junk();
                return None;
            }
        }
        Some(())
    }

    fn count_junk(&mut self) {
        self.junk = self.junk.saturating_add(1);
        if self.junk >= JUNK_LINES && self.reading().is_none() && self.streams.is_empty() {
            self.give_up = true;
        }
    }
}

/// Whether this is an answer in HTTP, or may have become one: not all of it came.
fn begins_http(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/") || b"HTTP/".starts_with(bytes)
}

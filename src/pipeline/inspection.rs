//! What a worker keeps of a flow under inspection: the carrier it recognised and the dialect that reads it.
//!
//! In: stream items of both directions. Out: a [`Conversation`](crate::dialect::Conversation), alerts as levels are
//! reached, and the word that a flow is of no interest. Works on one direction only, and from the middle of a stream.

use memchr::memchr;

use crate::capture::Stamp;
use crate::carrier::http::Http;
use crate::carrier::lines::Lines;
use crate::carrier::{First, MAX_PROXY, after_proxy_line, first_bytes};
use crate::dialect::{Arbiter, Carrier, Interest, Scratch};
use crate::evidence::{Verdict, judge};
use crate::flow::{BothWays, Direction, FlowInfo, Item};
use crate::health::{Counter, Health};

/// Pieces looked at before a stream that begins with something else is let go.
const LOOKS: u8 = 6;
/// The same for a stream picked up in the middle: the next line must begin within these.
const LOOKS_MID_STREAM: u8 = 24;
/// Messages without a dialect before a flow is let go.
const PATIENCE: u32 = 24;
/// The same on a second look, of which there may be many.
const PATIENCE_AGAIN: u32 = 4;
/// Lines without JSON before a flow without a dialect is let go.
const JUNK_LINES: u32 = 32;
/// HTTP messages without JSON before a flow without a dialect is let go.
const HTTP_LOOKS: u32 = 8;
/// First bytes kept while they are too few to tell: the longest is a PROXY line and what follows it.
const HEAD: usize = MAX_PROXY + 16;

/// What a flow turned out to be.
#[derive(Default, Debug)]
enum Kind {
    #[default]
    Unknown,
    Lines(Box<BothWays<Lines>>),
    Http(Box<BothWays<Http>>),
}

/// A flow's inspection.
#[derive(Default)]
pub(super) struct Inspection {
    kind: Kind,
    head: BothWays<Vec<u8>>,
    arbiter: Option<Arbiter>,
    looks: u8,
    junk: u32,
    told: Option<Verdict>,
    lines_known: usize,
    /// Holes in the streams.
    pub(super) gaps: u64,
    give_up: bool,
}

/// What a worker lends to every inspection.
pub(super) struct Tools<'a> {
    pub(super) scratch: &'a mut Scratch,
    pub(super) stamp: Stamp,
}

impl Inspection {
    /// Whether the flow may be let go.
    pub(super) fn is_done(&self) -> bool {
        self.give_up
    }

    /// Whether it bears evidence, so that it should be evicted last.
    pub(super) fn bears_evidence(&self) -> bool {
        self.told.is_some()
    }

    /// The arbiter, once a carrier was recognised.
    pub(super) fn arbiter(&self) -> Option<&Arbiter> {
        self.arbiter.as_ref()
    }

    /// The arbiter, to finish.
    pub(super) fn arbiter_mut(&mut self) -> Option<&mut Arbiter> {
        self.arbiter.as_mut()
    }

    /// The next stream item of a direction.
    pub(super) fn item(
        &mut self,
        info: &FlowInfo,
        way: Direction,
        item: Item<'_>,
        tools: &mut Tools<'_>,
        health: &mut Health,
    ) {
        if self.give_up {
            return;
        }
        match item {
            Item::Data(data) => self.data(info, way, data, tools, health),
            Item::Gap(missing) => {
                self.gaps = self.gaps.saturating_add(1);
                match &mut self.kind {
                    Kind::Unknown => self.head.get_mut(way).clear(),
                    Kind::Lines(lines) => lines.get_mut(way).gap(),
                    Kind::Http(http) => http.get_mut(way).gap(missing),
                }
            }
            Item::End => self.end(way, tools, health),
        }
    }

    /// A new level that was reached since the last call.
    pub(super) fn new_level(&mut self) -> Option<Verdict> {
        let log = &self.arbiter.as_ref()?.conversation()?.evidence;
        let known = log.lines().count();
        if known == self.lines_known {
            return None;
        }
        self.lines_known = known;
        let verdict = judge(log)?.verdict;
        if verdict < Verdict::Suspected || self.told.is_some_and(|t| t >= verdict) {
            return None;
        }
        self.told = Some(verdict);
        Some(verdict)
    }

    fn data(&mut self, info: &FlowInfo, way: Direction, data: &[u8], tools: &mut Tools<'_>, health: &mut Health) {
        if !matches!(self.kind, Kind::Unknown) {
            return self.carried(way, data, tools, health);
        }
        let head = self.head.get_mut(way);
        if head.is_empty() {
            // The usual case: nothing held, nothing copied.
            return match first_bytes(data) {
                First::Short if data.len() <= HEAD => head.extend_from_slice(data),
                first => self.decide(first, info, way, data, tools, health),
            };
        }
        head.extend_from_slice(data);
        let whole = std::mem::take(head);
        match first_bytes(&whole) {
            First::Short if whole.len() <= HEAD => *self.head.get_mut(way) = whole,
            first => self.decide(first, info, way, &whole, tools, health),
        }
    }

    /// The first bytes of a direction are known.
    fn decide(
        &mut self,
        first: First,
        info: &FlowInfo,
        way: Direction,
        data: &[u8],
        tools: &mut Tools<'_>,
        health: &mut Health,
    ) {
        let data = after_proxy_line(data);
        let carrier = match first {
            First::Lines => Carrier::Lines,
            First::Http => Carrier::Http,
            First::Short | First::Other => {
                self.looks = self.looks.saturating_add(1);
                let limit = if info.mid_stream { LOOKS_MID_STREAM } else { LOOKS };
                if let Some(line) = next_line(data).filter(|_| info.mid_stream) {
                    self.open(Carrier::Lines, info);
                    return self.carried(way, line, tools, health);
                }
                self.give_up = self.looks >= limit;
                return;
            }
        };
        self.open(carrier, info);
        self.carried(way, data, tools, health);
    }

    fn open(&mut self, carrier: Carrier, info: &FlowInfo) {
        self.kind = match carrier {
            Carrier::Lines => Kind::Lines(Box::default()),
            Carrier::Http => Kind::Http(Box::default()),
        };
        let patience = if info.second_look { PATIENCE_AGAIN } else { PATIENCE };
        self.arbiter = Some(Arbiter::new(carrier, info.handshake.client, patience));
    }

    /// Data for the carrier that was recognised.
    fn carried(&mut self, way: Direction, data: &[u8], tools: &mut Tools<'_>, health: &mut Health) {
        let Self { kind, arbiter: Some(arbiter), junk, give_up, .. } = self else { return };
        let mut reader = Reader { arbiter, junk, give_up, way, tools, health };
        match kind {
            Kind::Unknown => {}
            Kind::Lines(lines) => {
                let lines = lines.get_mut(way);
                lines.data(data, |line| reader.line(line));
                reader.health.add_n(Counter::LinesTooLong, lines.take_too_long());
            }
            Kind::Http(http) => {
                let http = http.get_mut(way);
                http.data(data, |meta, body| reader.http(meta, body));
                if http.messages() >= HTTP_LOOKS && reader.arbiter.dialect().is_none() {
                    *reader.give_up = true;
                }
            }
        }
    }

    fn end(&mut self, way: Direction, tools: &mut Tools<'_>, health: &mut Health) {
        let Self { kind, arbiter: Some(arbiter), junk, give_up, .. } = self else { return };
        let mut reader = Reader { arbiter, junk, give_up, way, tools, health };
        match kind {
            Kind::Unknown => {}
            Kind::Lines(lines) => lines.get_mut(way).end(|line| reader.line(line)),
            Kind::Http(http) => http.get_mut(way).end(|meta, body| reader.http(meta, body)),
        }
    }
}

/// Hands messages to the arbiter.
struct Reader<'r, 't> {
    arbiter: &'r mut Arbiter,
    junk: &'r mut u32,
    give_up: &'r mut bool,
    way: Direction,
    tools: &'r mut Tools<'t>,
    health: &'r mut Health,
}

impl Reader<'_, '_> {
    fn line(&mut self, line: &[u8]) {
        if first_bytes(line) != First::Lines {
            self.count_junk();
            return;
        }
        match self.arbiter.message(line, self.way, self.tools.stamp, None, self.tools.scratch) {
            Ok(Interest::Mining) => self.health.add(Counter::MiningMessages),
            Ok(Interest::Undecided) => {}
            Ok(Interest::GiveUp) => *self.give_up = true,
            Err(_) => {
                self.health.add(Counter::JsonInvalid);
                self.count_junk();
            }
        }
    }

    fn http(&mut self, meta: &crate::dialect::HttpMeta, body: &[u8]) {
        let body = if first_bytes(body) == First::Lines { body } else { b"{}" };
        let stamp = self.tools.stamp;
        let read = match self.arbiter.message(body, self.way, stamp, Some(meta), self.tools.scratch) {
            Err(_) => self.arbiter.message(b"{}", self.way, stamp, Some(meta), self.tools.scratch),
            ok => ok,
        };
        match read {
            Ok(Interest::Mining) => self.health.add(Counter::MiningMessages),
            Ok(Interest::GiveUp) => *self.give_up = true,
            Ok(Interest::Undecided) | Err(_) => {}
        }
    }

    fn count_junk(&mut self) {
        *self.junk = self.junk.saturating_add(1);
        if *self.junk >= JUNK_LINES && self.arbiter.dialect().is_none() {
            *self.give_up = true;
        }
    }
}

/// What follows the rest of an object at the beginning of `data`: where a stream of objects that was picked up in the
/// middle makes sense again. Text that quotes objects between other lines does not look like that.
fn next_line(data: &[u8]) -> Option<&[u8]> {
    let (rest, next) = data.split_at_checked(memchr(b'\n', data)? + 1)?;
    let ends = rest.iter().rfind(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0)) == Some(&b'}');
    let is_object = |line: &[u8]| matches!(first_bytes(line), First::Lines | First::Short);
    (ends && first_bytes(next) == First::Lines && next.split(|b| *b == b'\n').all(is_object)).then_some(next)
}

//! A place in the flow table: a small hot part touched by every packet, and a boxed rest that a let-go flow lacks.

use super::dedup::Recent;
use super::info::FlowInfo;
use super::key::{BothWays, Direction, FlowKey};
use super::lasting::Tempo;
use super::list::{Linked, Links};
use super::pending::Budget;
use super::sources::Source;
use super::stream::Reassembler;
use crate::time::{Elapsed, PacketTime};

/// List by age within a [`Class`].
pub(super) const BY_AGE: u8 = 0;
/// List of one source's flows.
pub(super) const BY_SOURCE: u8 = 1;

/// How dear a flow is: each class has its own timeout and its turn in eviction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// Closed by FIN or RST; lingers to take in late packets. Evicted first.
    Closed,
    /// Anything else.
    Plain,
    /// Bears evidence, and one end has said nothing: anybody can send that to anybody, as often as he likes.
    Unanswered,
    /// Bears evidence. Evicted last.
    Kept,
}

impl Class {
    /// In the order in which they are evicted.
    pub(super) const ALL: [Self; 4] = [Self::Closed, Self::Plain, Self::Unanswered, Self::Kept];
}

/// The part that every packet of the flow touches: two cache lines, aligned such that processors fetch both at once.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Slot<S> {
    pub(super) key: FlowKey,
    pub(super) hash: u64,
    /// By its own packets.
    pub(super) last: PacketTime,
    /// The same by everybody's.
    pub(super) heard: Elapsed,
    /// When it was last put at the end of its list.
    pub(super) queued: Elapsed,
    /// `None` once let go.
    pub(super) cold: Option<Box<Cold<S>>>,
    pub(super) by_age: Links,
    pub(super) by_source: Links,
    pub(super) isn: BothWays<Option<u32>>,
    pub(super) fin: BothWays<bool>,
    pub(super) seen: BothWays<bool>,
    pub(super) class: Class,
    /// Kept, also while closed.
    pub(super) keep: bool,
    /// Whose flow it is, by the quota.
    pub(super) origin: Direction,
    /// Had a packet since it was last put at the end of its list.
    pub(super) touched: bool,
    /// A SYN with another number was seen: the next data may belong to a new connection.
    pub(super) syn_pending: bool,
    /// The client, when the handshake was verified before the flow was let go.
    pub(super) proven: Option<Direction>,
    /// Payloads since it was let go that looked worth a look.
    pub(super) glances: u8,
    /// When it was looked at again.
    pub(super) looked: Looked,
    /// How fast it is, or who listens to it.
    pub(super) tempo: Tempo,
}

/// The minutes of 2^36 ns in which a flow was looked at again last, four bits each: in its turn, and for a miner's word.
/// They come round after a quarter of an hour, so that a look may be missed for a minute then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked(u8);

impl Looked {
    fn minute(at: PacketTime) -> u8 {
        (at.as_nanos() >> 36) as u8 & 0xf
    }

    /// Not near that time.
    pub(super) fn not_at(at: PacketTime) -> Self {
        let other = Self::minute(at) ^ 8;
        Self(other << 4 | other)
    }

    /// Whether it is the first look of its minute, in its turn or not; it is taken then.
    pub(super) fn take(&mut self, at: PacketTime, in_turn: bool) -> bool {
        let shift = if in_turn { 0 } else { 4 };
        let (now, last) = (Self::minute(at), self.0 >> shift & 0xf);
        self.0 = self.0 & !(0xf << shift) | now << shift;
        now != last
    }
}

/// Two cache lines, whatever the state.
const _: () = assert!(size_of::<Slot<()>>() == 128);

impl<S> Slot<S> {
    /// Who is charged.
    pub(super) fn source(&self) -> Source {
        (self.key.tenant(), self.key.source(self.origin).ip())
    }

    /// The class it has when it is not closed.
    pub(super) const fn open_class(&self) -> Class {
        match (self.keep, self.seen.lo_to_hi && self.seen.hi_to_lo) {
            (true, true) => Class::Kept,
            (true, false) => Class::Unanswered,
            (false, _) => Class::Plain,
        }
    }
}

/// The part that only an inspected flow has.
#[derive(Debug)]
pub(super) struct Cold<S> {
    pub(super) info: FlowInfo,
    pub(super) recent: BothWays<Recent>,
    /// Copies of its packets were seen.
    pub(super) mirrored: bool,
    /// `None` when nobody wants the bytes (any more).
    pub(super) streams: Option<BothWays<Reassembler>>,
    pub(super) state: S,
}

impl<S> Cold<S> {
    /// Frees in the table's budget what the streams hold; they are dropped or finished next.
    pub(super) fn give_back(&self, budget: &mut Budget) {
        if let Some(streams) = &self.streams {
            streams.lo_to_hi.give_back(budget);
            streams.hi_to_lo.give_back(budget);
        }
    }
}

impl<S> Linked<BY_AGE> for Slot<S> {
    fn links(&self) -> Links {
        self.by_age
    }
    fn links_mut(&mut self) -> &mut Links {
        &mut self.by_age
    }
}

impl<S> Linked<BY_SOURCE> for Slot<S> {
    fn links(&self) -> Links {
        self.by_source
    }
    fn links_mut(&mut self) -> &mut Links {
        &mut self.by_source
    }
}

//! What a worker is told of time, and what it tells.
//!
//! In: nothing. Out: the types that go between a worker and whoever is right of it.

use crate::detect::Party;
use crate::intel::LookUp;
use crate::ledger::{Alert, Aside, FlowFinding, Lease, Overheard, PlainJob, Sighting, Unheard};
use crate::rhythm::Beat;
use crate::time::Elapsed;

/// What a worker found out, with its place in the order of all.
#[derive(Debug)]
pub struct Event {
    /// The order of events, which is that of the frames that told them over the whole run.
    pub order: u64,
    /// Its place among those of the same order, which several workers may have: zero, but for what time has ended.
    pub rank: u64,
    /// What.
    pub what: What,
}

impl Event {
    /// One that a frame tells itself.
    pub(super) const fn new(order: u64, what: What) -> Self {
        Self { order, rank: 0, what }
    }
}

/// Kinds of events.
#[derive(Debug)]
pub enum What {
    /// A level was reached.
    Alert(Box<Alert>),
    /// A mining flow is over.
    Flow(Box<FlowFinding>),
    /// A mining flow as it stands, while it goes on: its level is new, or what was proven of it, or a minute is over.
    Claim(Box<FlowFinding>),
    /// TLS as mining programs begin it, with a host of which nothing is known here: mining only if its client looked up
    /// a pool that is there.
    Unnamed(Box<FlowFinding>),
    /// Something that a feed knows was met.
    Sighting(Box<Sighting>),
    /// Somebody asked DNS, or was answered.
    LookUp(Box<LookUp>),
    /// A machine asked for an address, got one, or gave it back.
    Lease(Box<Lease>),
    /// Something of a host beside mining.
    Aside(Box<Aside>),
    /// A message of a flow that is listened to, like a job's or a share's.
    Beat(Box<(Party, Beat)>),
    /// A flow that is listened to, as it stands, or at its end.
    Overheard(Box<Overheard>),
    /// A pool handed out work in the clear, at a height that it did not name before.
    Job(Box<PlainJob>),
    /// It is over, or nobody listens to it any more, and there is nothing to be said of it.
    Unheard(Box<Unheard>),
}

/// So much time has passed, between two packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tick {
    /// Packets that come before, of those it comes with.
    pub behind: usize,
    /// The number of the frame that told it.
    pub order: u64,
    /// How much.
    pub now: Elapsed,
}

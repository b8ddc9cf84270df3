//! Conversations: who talks to whom, whether they really do, and the bytes of each direction in order.
//!
//! In: [`Packet`](crate::decode::Packet)s of one worker. Out: a [`Touched`] flow per packet worth a look, whose
//! [`feed`](Touched::feed) gives stream [`Item`]s; a [`Handshake`] as proof for the forgery gate; and [`Ended`]
//! flows with their state, so that nothing found is lost when a flow closes, idles out or is evicted.
//!
//! ```text
//! Packet ─► FlowKey ─► FlowTable ── no payload yet ─► half-open table (SYN facts, fixed size)
//!                          │
//!                          └─ payload ─► slot ─► Touched ─► Reassembler x 2 ─► Data | Gap | End
//! ```
//!
//! Everything here is bounded: flows, flows of one source, half-open entries, buffered segments and bytes of a
//! direction, buffered bytes of the table. Nothing depends on the seed of the hash.

mod dedup;
mod foresight;
mod half_open;
mod handshake;
mod index;
mod info;
mod key;
mod lasting;
mod limits;
mod list;
mod messages;
mod pending;
mod seq;
mod slot;
mod sources;
mod stream;
mod table;
mod touched;
mod tunnel;

pub use foresight::{Foresee, Sight, TOGETHER};
pub use half_open::HalfOpen;
pub use handshake::Handshake;
pub use info::{Counts, FlowInfo, VlanSet};
pub use key::{BothWays, Direction, FlowHasher, FlowKey};
pub use lasting::{Lasts, Listener, Pace, likely_opener};
pub use limits::Limits;
pub use messages::Sent;
pub use pending::Budget;
pub use stream::{Context, Item, Reassembler, Segment};
pub use table::{FlowTable, Pass};
pub use touched::{EndReason, Ended, Touched};
pub use tunnel::is_tunnelled;

//! The rooms put together: reader, workers, and the channels between them and the ledger.
//!
//! In: a [`PacketSource`](crate::capture::PacketSource). Out: [`Batch`]es of events in packet order, and the counters.
//!
//! ```text
//! reader thread: next frame -> decode -> deal by tenant and address pair -> workers (own flows, no locks) -> batches
//! ```
//!
//! With one worker the reader does its work itself: no copy, no channel per packet. So does each of several readers, of
//! an interface whose frames the kernel deals. Replay waits for a slow ledger and loses nothing.

mod around;
mod asides;
mod deal;
mod end;
mod event;
mod finding;
mod hellos;
mod inspection;
mod listening;
mod lookups;
mod merge;
mod news;
mod notice;
mod reader;
mod run;
mod span;
mod worker;

pub use event::{Event, Tick, What};
pub use merge::{Batch, Merger};
pub use run::{Ended, RunOptions, run};
pub use span::Times;
pub use worker::Worker;

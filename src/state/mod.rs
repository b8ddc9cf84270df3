//! What is remembered on disk: block entries, an operator's orders, hosts and incidents.
//!
//! In: what the block book and the incidents say has changed. Out: the same after a restart, every value parsed again:
//! nothing that a file claims gets further than a typed value can carry it, and block entries pass the never-block gate
//! once more whenever a list is made of them.
//!
//! ```text
//! Book, Incidents -> Keepsake -> Store -> DIR/minewatch.db (SQLite, WAL)
//! minewatch block, release --------^  (other processes, at the same time)
//! ```
//!
//! A database that is damaged, or of a newer version, is moved aside and never written to. Where nothing can be saved,
//! everything else goes on, and [`Keepsake::health`] says what is not saved.

mod batch;
mod keepsake;
mod open;
mod problem;
mod rows;
mod schema;
mod store;

pub use batch::Batch;
pub use keepsake::Keepsake;
pub use open::Opened;
pub use problem::StateError;
pub use store::{Health, HostKeyRow, HostRow, Loaded, Store};

/// Where the unit keeps its state.
pub const DEFAULT_DIR: &str = "/var/lib/minewatch";
/// The database in that folder.
pub const FILE: &str = "minewatch.db";

#[cfg(test)]
mod tests;

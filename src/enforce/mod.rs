//! What the kernel's firewall is told, and whether it still holds it.
//!
//! In: a [`Wanted`] set of typed entries, each with a life time. Out: what the kernel [`Held`] when it was read back,
//! what the last gate refused, and errors as sentences. Nothing here decides what to block; that is the work of
//! [`crate::firewall`].
//!
//! ```text
//! Keeper (what should be there, when to look) -> Enforcer (other end of a socket)
//!                                                   | length + JSON, typed messages only
//!                                     serve -> Applier: last gate -> Backend -> nft, or ipset and iptables
//!                                                                -> conntrack
//! ```
//!
//! Everything that needs privileges is in a process of its own ([`serve`]), which keeps `CAP_NET_ADMIN` and nothing
//! else. When it goes away, entries stay and end with their life times.

mod alone;
mod applier;
mod backend;
mod client;
mod confine;
mod conntrack;
mod gate;
mod held;
mod ipset;
mod keeper;
mod nftables;
mod problem;
mod program;
mod server;
mod wanted;
mod wire;

pub use alone::is_told;
pub use applier::{Applied, Applier, Connections, Refused};
pub use backend::{Backend, Check, Choice, Removed, check_all, choose, remove_all};
pub use client::{Enforcer, Options};
pub use gate::Gate;
pub use held::{Drift, Held, Hits, Rules};
pub use ipset::Ipset;
pub use keeper::{Keeper, Kernel, Status, Tick};
pub use nftables::Nftables;
pub use problem::EnforceError;
pub use server::{ServeError, serve};
pub use wanted::{Block, Isolated, LONGEST_SECS, Wanted};

//! What a running watch tells others: how it is, and what is blocked.
//!
//! In: what the watch puts on its [`Board`] a few times a second. Out: one JSON document for each connection to a socket
//! in the state folder ([`Socket`], which `minewatch status` asks), and over HTTP block lists, metrics and health
//! ([`Listener`]). Whoever asks is answered from the board, by threads of their own: neither packets nor findings wait for
//! them, and they need no file, so that a full disk silences nobody.
//!
//! Open both before rights are given up, and start them afterwards.

mod board;
#[cfg(feature = "serve")]
mod http;
#[cfg(feature = "serve")]
mod metrics;
mod socket;
mod standing;

pub use board::{Blocks, Board, Kept, Listed, Lists};
#[cfg(feature = "serve")]
pub use http::{Listener, ServeError};
#[cfg(feature = "serve")]
pub use metrics::metrics;
pub use socket::{Answering, AskError, FILE, Socket, ask};
pub use standing::{BlockFeed, Cuts, Feed, Firewall, Fold, Incidents, Interface, Serving, Standing, State, Trouble};

#[cfg(test)]
mod tests;

//! When blocks of a chain arrived: read from a node's log or a list of times.

use std::sync::Arc;

use crate::time::PacketTime;

/// A chain, as one feed tells of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Chain {
    /// The coin's ticker: `XMR`.
    pub coin: Arc<str>,
    /// Where its blocks are read: a file's name, or who is mined with in plain text.
    pub source: Arc<str>,
}

/// Blocks of a chain.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Whose.
    pub chain: Chain,
    /// When they arrived, in order of time.
    pub blocks: Vec<PacketTime>,
}

//! Nodes of cryptocurrencies among themselves: told by what they say, never by their port.
//!
//! In: the first bytes of a direction of a TCP stream ([`Opening`]), or a UDP datagram ([`datagram`]). Out: a [`Peer`].
//! A node keeps a chain or serves a wallet; it is no miner, and what it says is no mining.
//!
//! Not told: Bitcoin's encrypted transport (BIP 324), Ethereum's `RLPx` and discovery v5, which are made to look like
//! random bytes, and networks that speak inside TLS.

mod bitcoin;
mod discovery;
mod levin;

pub use discovery::datagram;

use super::look::Look;

/// Bytes of a message that are held, at most.
const MAX_HELD: usize = 1536;

/// What a message says of who sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The network by its best known coin: `Bitcoin`.
    pub network: &'static str,
    /// Tickers of the coins that it may be.
    pub coins: &'static [&'static str],
    /// The message, as in "it sent …". What the peer chose of it is not yet safe to show.
    pub said: String,
}

/// What a reader makes of the bytes so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// More bytes are needed.
    More,
    /// A node.
    Peer(Box<Peer>),
    /// None that is known.
    No,
}

/// Whether bytes may begin a message of a node. Cheap: most streams are told apart by their first byte.
pub fn begins(bytes: &[u8]) -> Look {
    match (bitcoin::begins(bytes), levin::begins(bytes)) {
        (Look::Yes, _) | (_, Look::Yes) => Look::Yes,
        (Look::Short, _) | (_, Look::Short) => Look::Short,
        _ => Look::No,
    }
}

/// The first message of a direction.
#[derive(Default, Debug)]
pub struct Opening {
    held: Vec<u8>,
}

impl Opening {
    /// Stream data in order, from the beginning of a message.
    pub fn push(&mut self, bytes: &[u8]) -> Step {
        if self.held.is_empty() {
            let step = read(bytes);
            if step == Step::More {
                self.hold(bytes);
            }
            return step;
        }
        self.hold(bytes);
        let step = read(&self.held);
        if step != Step::More {
            self.held = Vec::new();
        }
        step
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = MAX_HELD.saturating_sub(self.held.len());
        self.held.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.held.capacity()
    }
}

/// Reads a message from its beginning. Never asks for more than [`MAX_HELD`] bytes.
fn read(bytes: &[u8]) -> Step {
    match begins(bytes) {
        Look::No => Step::No,
        Look::Short => Step::More,
        Look::Yes if levin::begins(bytes) == Look::Yes => levin::read(bytes),
        Look::Yes => bitcoin::read(bytes),
    }
}

/// Whether `bytes` begins with `word`, as far as it goes.
fn prefix(bytes: &[u8], word: &[u8]) -> Look {
    if bytes.starts_with(word) {
        Look::Yes
    } else if word.starts_with(bytes) {
        Look::Short
    } else {
        Look::No
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;

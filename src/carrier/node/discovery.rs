//! Ethereum's node discovery, version 4 (ethereum/devp2p `discv4.md`): hash, signature, type, RLP.
//!
//! In: a UDP datagram. Out: a [`Peer`]. The hash over all that follows makes it certain. Networks of other coins use the
//! same protocol, and nothing in it says which.

use sha3::{Digest as _, Keccak256};

use super::Peer;

/// Bytes before the type: hash and signature.
const BEFORE: usize = 32 + 65;
/// The longest datagram.
const LONGEST: usize = 1280;

/// Reads a datagram. The hash is computed only where type and length fit: of random datagrams one in thousands.
pub fn datagram(bytes: &[u8]) -> Option<Peer> {
    let (hash, signed) = bytes.split_first_chunk::<32>()?;
    let [kind, data @ ..] = bytes.get(BEFORE..)? else { return None };
    let word = match kind {
        1 => "Ping",
        2 => "Pong",
        3 => "FindNode",
        4 => "Neighbors",
        5 => "ENRRequest",
        6 => "ENRResponse",
        _ => return None,
    };
    // More data than the list says is to be ignored, as later versions may add some.
    if bytes.len() > LONGEST || list(data)? > data.len() || Keccak256::digest(signed).as_slice() != hash {
        return None;
    }
    Some(Peer {
        network: "Ethereum or a relative",
        coins: &[],
        said: format!("a {word} of node discovery, whose hash is right"),
    })
}

/// Length of the RLP list at the start, with its header.
fn list(data: &[u8]) -> Option<usize> {
    match *data {
        [n @ 0xc0..=0xf7, ..] => Some(1 + usize::from(n - 0xc0)),
        [0xf8, n, ..] => Some(2 + usize::from(n)),
        [0xf9, a, b, ..] => Some(3 + usize::from(u16::from_be_bytes([a, b]))),
        _ => None,
    }
}

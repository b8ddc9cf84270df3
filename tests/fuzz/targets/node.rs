//! The first message of a node. First byte: how it is cut into segments. The same bytes are read as a datagram, too.
//!
//! Promises: segments make no difference; what is held is bounded, and nothing once it is decided; a full buffer decides.

use minewatch::carrier::look::Look;
use minewatch::carrier::node::{self, Opening, Step};

use super::{Bytes, pieces};

/// Bytes that may be held; twice, since vectors double.
const MOST: usize = 1536;

/// Reads it.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let Some(cuts) = bytes.u8() else { return };
    let stream = bytes.0;
    let whole = read(stream, 0);
    assert_eq!(read(stream, cuts), whole, "segments change what is read");
    assert!(stream.len() < MOST || whole != Step::More, "waits without end");
    assert!(matches!(whole, Step::No) || stream.is_empty() || node::begins(stream) != Look::No);
    if let Some(peer) = node::datagram(stream) {
        assert!(stream.len() > 98 && !peer.network.is_empty());
    }
}

fn read(stream: &[u8], cuts: u8) -> Step {
    let mut opening = Opening::default();
    for piece in pieces(stream, cuts) {
        let step = opening.push(piece);
        assert!(opening.held() <= 2 * MOST, "{} bytes held", opening.held());
        if step != Step::More {
            assert_eq!(opening.held(), 0, "held after the end");
            return step;
        }
    }
    Step::More
}

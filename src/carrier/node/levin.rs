//! Levin: what nodes of Monero and other coins of the CryptoNote family speak (monero
//! `contrib/epee/include/net/levin_base.h`, commands in `src/p2p/p2p_protocol_defs.h` and
//! `src/cryptonote_protocol/cryptonote_protocol_defs.h`).
//!
//! In: bytes from the beginning of a message. Out: a [`Step`]. The network is told by the identification in a
//! handshake; coins that do not change the rest of the protocol change that.

use super::{Peer, Step, prefix, u32_at, u64_at};
use crate::carrier::look::Look;

/// The signature, as it is on the wire.
const SIGNATURE: [u8; 8] = [0x01, 0x21, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01];
/// Signature, length, whether an answer is wanted, command, return code, flags, version.
const HEADER: usize = 33;
/// The longest message (`LEVIN_DEFAULT_MAX_PACKET_SIZE`).
const LONGEST: u64 = 100_000_000;
/// Request, response, beginning and end of a fragmented one.
const FLAGS: u32 = 0x0f;
const HANDSHAKE: u32 = 1001;
/// Bytes of a handshake in which its network is looked for: in a request it is the first section's.
const LOOKED_AT: usize = 512;
/// A field of 16 bytes in the portable storage: its name, the type of a string, its length in two bits' shift.
const NETWORK_ID: &[u8] = b"\x0anetwork_id\x0a\x40";

/// Monero's main network, and its networks for tests (monero `src/cryptonote_config.h`).
const MONERO: [u8; 15] = [0x12, 0x30, 0xf1, 0x71, 0x61, 0x04, 0x41, 0x61, 0x17, 0x31, 0x00, 0x82, 0x16, 0xa1, 0xa1];

/// Whether bytes may begin a message.
pub(super) fn begins(bytes: &[u8]) -> Look {
    prefix(bytes, &SIGNATURE)
}

const fn command(number: u32) -> Option<&'static str> {
    Some(match number {
        HANDSHAKE => "handshake",
        1002 => "timed sync",
        1003 => "ping",
        1007 => "support flags",
        2001 => "new block",
        2002 => "new transactions",
        2003 | 2004 => "blocks",
        2006 | 2007 => "chain",
        2008 | 2009 => "new fluffy block",
        2010 => "pool complement",
        _ => return None,
    })
}

/// Reads a message.
pub(super) fn read(bytes: &[u8]) -> Step {
    if bytes.len() < HEADER {
        return Step::More;
    }
    let (len, wants) = (u64_at(bytes, 8), bytes.get(16).copied());
    let [number, flags, version] = [17, 25, 29].map(|at| u32_at(bytes, at).unwrap_or(0));
    let fits =
        len.is_some_and(|l| l <= LONGEST) && wants.is_some_and(|w| w <= 1) && flags & !FLAGS == 0 && version == 1;
    let Some(word) = command(number).filter(|_| fits) else { return Step::No };
    let body = bytes.get(HEADER..).unwrap_or_default();
    // Whatever comes behind: where segments end must decide nothing.
    let most = len.and_then(|l| usize::try_from(l).ok()).unwrap_or(usize::MAX).min(LOOKED_AT);
    let looked_at = body.get(..most).unwrap_or(body);
    let id = memchr::memmem::find(looked_at, NETWORK_ID).filter(|_| number == HANDSHAKE);
    let id = id.and_then(|at| looked_at.get(at + NETWORK_ID.len()..)?.first_chunk::<16>());
    if number == HANDSHAKE && id.is_none() && body.len() < most {
        return Step::More;
    }
    let (network, coins): (_, &[&str]) = match id {
        Some([rest @ .., 0x10]) if *rest == MONERO => ("Monero", &["XMR"]),
        Some([rest @ .., 0x11 | 0x12]) if *rest == MONERO => ("Monero testnet", &[]),
        Some(_) => ("a coin of the CryptoNote family", &[]),
        None => ("Monero or a coin of its family", &[]),
    };
    Step::Peer(Box::new(Peer { network, coins, said: format!("a Levin message ({word})") }))
}

//! Bitcoin's messages and those of coins made from it: magic, command, length, checksum (bitcoin `src/protocol.h`).
//!
//! In: bytes from the beginning of a message. Out: a [`Step`]. A `version` message whose checksum is right is one
//! whatever its magic; other messages are believed of networks that are known.

use sha2::{Digest as _, Sha256};

use super::{Peer, Step, prefix, u32_at};
use crate::carrier::look::Look;

/// Magic, command, length, checksum.
const HEADER: usize = 24;
/// The command with which each side begins.
const VERSION: &[u8] = b"version\0\0\0\0\0";
/// Lengths of its payload, with an empty name and with the longest that nodes accept (bitcoin `src/net.h`,
/// `MAX_SUBVERSION_LENGTH`) and room for what coins add.
const VERSION_LEN: std::ops::RangeInclusive<usize> = 85..=1024;
/// Where its sender's name is: after version, services, time, two addresses and a nonce.
const NAME_AT: usize = 80;
/// Versions of the protocol whose `version` message had no checksum in its header (bitcoin `src/net.cpp` until 0.6.0,
/// February 2012).
const WITHOUT_CHECKSUM: std::ops::RangeInclusive<u32> = 10_000..=60_000;
/// The longest message (bitcoin `src/net.h`, `MAX_PROTOCOL_MESSAGE_LENGTH` is 4 MB; coins of larger blocks take more).
const LONGEST: u32 = 32 << 20;
/// Payloads whose checksum is computed.
const CHECKED: usize = 1024;

/// Messages that nodes send unasked or in answer, from the middle of a stream.
const COMMANDS: &[&str] = &[
    "addr",
    "addrv2",
    "block",
    "cmpctblock",
    "feefilter",
    "getaddr",
    "getdata",
    "getheaders",
    "headers",
    "inv",
    "mempool",
    "notfound",
    "ping",
    "pong",
    "sendaddrv2",
    "sendcmpct",
    "sendheaders",
    "tx",
    "verack",
    "wtxidrelay",
];

/// Networks by their magic: `pchMessageStart` of each coin's `chainparams.cpp`. Coins that were made from others often
/// keep it.
const NETWORKS: &[([u8; 4], &str, &[&str])] = &[
    ([0xf9, 0xbe, 0xb4, 0xd9], "Bitcoin", &["BTC"]),
    ([0x0b, 0x11, 0x09, 0x07], "Bitcoin testnet", &[]),
    ([0x1c, 0x16, 0x3f, 0x28], "Bitcoin testnet", &[]),
    ([0x0a, 0x03, 0xcf, 0x40], "Bitcoin testnet", &[]),
    ([0xe3, 0xe1, 0xf3, 0xe8], "Bitcoin Cash", &["BCH", "BSV", "XEC"]),
    ([0xfb, 0xc0, 0xb6, 0xdb], "Litecoin", &["LTC", "MONA"]),
    ([0xc0, 0xc0, 0xc0, 0xc0], "Dogecoin", &["DOGE"]),
    ([0xbf, 0x0c, 0x6b, 0xbd], "Dash", &["DASH"]),
    ([0x24, 0xe9, 0x27, 0x64], "Zcash", &["ZEC"]),
    ([0xe3, 0xd9, 0xfe, 0xf1], "Firo", &["FIRO"]),
    ([0x52, 0x41, 0x56, 0x4e], "Ravencoin", &["RVN"]),
    ([0xfa, 0xbf, 0xb5, 0xda], "Vertcoin", &["VTC"]),
];

fn network(bytes: &[u8]) -> Option<(&'static str, &'static [&'static str])> {
    NETWORKS.iter().find(|(magic, ..)| bytes.starts_with(magic)).map(|(_, name, coins)| (*name, *coins))
}

/// Whether bytes may begin a message.
pub(super) fn begins(bytes: &[u8]) -> Look {
    if bytes.get(4..).is_some_and(|rest| rest.starts_with(VERSION)) {
        return Look::Yes;
    }
    let looks = || NETWORKS.iter().map(|(magic, ..)| prefix(bytes, magic));
    if looks().any(|l| l == Look::Yes) {
        return if bytes.len() < HEADER || command(bytes).is_some() { Look::Yes } else { Look::No };
    }
    if looks().any(|l| l == Look::Short) { Look::Short } else { Look::No }
}

/// The command: letters and digits, then zeros.
fn command(bytes: &[u8]) -> Option<&str> {
    let field = bytes.get(4..16)?;
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    let (word, zeros) = field.split_at_checked(end)?;
    let word = str::from_utf8(word).ok()?;
    let known = word == "version" || COMMANDS.contains(&word);
    (known && zeros.iter().all(|b| *b == 0)).then_some(word)
}

/// Reads a message.
pub(super) fn read(bytes: &[u8]) -> Step {
    if bytes.len() < HEADER {
        return Step::More;
    }
    let (Some(word), Some(len)) = (command(bytes), u32_at(bytes, 16)) else { return Step::No };
    let known = network(bytes);
    let payload = bytes.get(HEADER..).unwrap_or_default();
    let whole = len as usize;
    if len > LONGEST || (word == "version" && !VERSION_LEN.contains(&whole)) {
        return Step::No;
    }
    if let Some((network, coins)) = known
        && word == "version"
        && u32_at(bytes, 20).is_some_and(|v| WITHOUT_CHECKSUM.contains(&v))
    {
        let said = "a `version` message of before 2012".to_owned();
        return Step::Peer(Box::new(Peer { network, coins, said }));
    }
    if whole <= CHECKED {
        let Some(payload) = payload.get(..whole) else { return Step::More };
        let sum = Sha256::digest(Sha256::digest(payload));
        if sum.get(..4) != bytes.get(20..HEADER) {
            return Step::No;
        }
    } else if known.is_none() {
        return Step::No;
    }
    let (network, coins) = known.unwrap_or(("an unknown coin made from Bitcoin", &[]));
    let named = if word == "version" { name(payload) } else { None };
    let said = named.map_or_else(|| format!("a `{word}` message"), |n| format!("a `version` message as {n}"));
    Step::Peer(Box::new(Peer { network, coins, said }))
}

/// What the sender calls itself, such as `/Satoshi:28.0.0/`.
fn name(payload: &[u8]) -> Option<String> {
    let len = usize::from(*payload.get(NAME_AT)?);
    let name = payload.get(NAME_AT + 1..)?.get(..len)?;
    (1..0xfd).contains(&len).then(|| String::from_utf8_lossy(name).into_owned())
}

//! How much of the world a list may call shared.
//!
//! In: blocks. Out: whether they can be meant. What is shared is never blocked, so that a list that names everything
//! would switch blocking off.

use crate::intel::net::{Net, NetError, addresses};
use crate::intel::words::Day;

/// Widest block that may be called shared: IPv4, IPv6.
const WIDEST: (u8, u8) = (8, 19);
/// Addresses that all blocks of a list may have together: a sixteenth of IPv4, and of `2000::/3`.
const MOST: (u128, u128) = (1 << 28, 1 << 121);

/// Shared ranges of a table.
pub(super) struct Front {
    pub(super) name: String,
    pub(super) last_seen: Option<Day>,
    pub(super) prefixes: Vec<(Net, u32)>,
    pub(super) line: u32,
}

/// A block of shared addresses.
pub(super) fn prefix(text: &str) -> Result<Net, String> {
    let net: Net = text.parse().map_err(|e: NetError| e.to_string())?;
    let (v4, v6) = WIDEST;
    if net.len() < if net.first().is_ipv4() { v4 } else { v6 } {
        return Err(format!(
            "{net} is too wide to be shared addresses, which are never blocked: at least /{v4} for IPv4, /{v6} for IPv6"
        ));
    }
    Ok(net)
}

/// Whether all of them together are more than any front has.
pub(super) fn are_too_many(fronts: &[Front]) -> bool {
    let (v4, v6) = addresses(fronts.iter().flat_map(|f| &f.prefixes).map(|(net, _)| *net));
    v4 > MOST.0 || v6 > MOST.1
}

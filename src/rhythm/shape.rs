//! Do messages of one size come again: requests with their replies, and pushes that nobody asked for?

use super::stat::ramp;

/// Sizes that are one: numbers in a message grow by a digit now and then.
const SPREAD: u16 = 8;

/// A size that comes again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Class {
    /// In the middle.
    pub size: u16,
    /// Messages that have it.
    pub count: u16,
}

impl Class {
    pub(super) fn holds(&self, size: u16) -> bool {
        self.size.abs_diff(size) <= SPREAD
    }
}

/// The commonest size; the one seen first among equals.
pub(super) fn commonest(sizes: impl Iterator<Item = u16> + Clone) -> Option<Class> {
    let mut best: Option<Class> = None;
    for size in sizes.clone() {
        if best.is_some_and(|b| b.size == size) {
            continue;
        }
        let count = sizes.clone().filter(|s| s.abs_diff(size) <= SPREAD).count() as u16;
        if best.is_none_or(|b| count > b.count) {
            best = Some(Class { size, count });
        }
    }
    best
}

/// Weight of `steady` exchanges of one size of request and reply among `all` that were answered.
///
/// Of public mining flows of ten minutes or more 92 % have eight such, of 320 benign flows of a minute or more at most
/// 2.2 % (Tor cells, PostgreSQL, resolvers, LDAP): 0.92 / 0.022 is 10^1.6. Fewer say less; where most exchanges have
/// other sizes, what is steady is a part of something else.
pub(super) fn exchange_weight(steady: u16, all: u16, request: u16, reply: u16) -> f32 {
    if steady < 4 || all == 0 {
        return 0.0;
    }
    let share = f32::from(steady) / f32::from(all);
    let weight = ramp(f32::from(steady), (3.0, 0.6), (8.0, 1.6)) * ramp(share, (0.2, 0.0), (0.6, 1.0));
    // Requests of shares are longer than what they are answered by, in every dialect without padding: 69 to 235
    // bytes, up to 30 of TLS on top, against 25 to 100. Of steady benign exchanges about half are that way round.
    let dialect = (90..=330).contains(&request) && (20..=140).contains(&reply) && request > reply;
    weight + if dialect && weight > 0.8 { 0.3 } else { 0.0 }
}

/// Weight of `steady` pushes of one size among `all` that nobody asked for.
///
/// 94 % of public mining flows against at most 2.2 % of benign ones have six: 10^1.6. Jobs have 150 to 1500 bytes in
/// every dialect; smaller ones are heartbeats, larger ones pieces of downloads.
pub(super) fn push_weight(steady: u16, all: u16, size: u16) -> f32 {
    if steady < 3 || all == 0 || !(120..=2100).contains(&size) {
        return 0.0;
    }
    let share = f32::from(steady) / f32::from(all);
    ramp(f32::from(steady), (2.0, 0.2), (7.0, 1.6)) * ramp(share, (0.2, 0.0), (0.6, 1.0))
}

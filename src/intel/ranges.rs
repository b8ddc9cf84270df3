//! Address blocks by their ends: which of millions of listed blocks holds this address most closely.
//!
//! In: blocks with a number each. Out: number and length of the longest block that holds an address, and of those around
//! it. Blocks in each other are cut into ranges that do not overlap, so that a look-up is one search; only a block that
//! lies in another costs a second one.

use std::net::IpAddr;

use super::net::Net;

/// Nothing is listed from here on.
pub(super) const NOTHING: u32 = u32::MAX;
/// Set in a number: the block lies in another. Numbers are below it; so many would not fit into memory.
const NESTED: u32 = 1 << 31;

/// Ranges of one family, each from its start to the next one's.
#[derive(Debug)]
struct Family<A> {
    starts: Vec<A>,
    numbers: Vec<u32>,
    lens: Vec<u8>,
    /// For the first 16 bits of an address: ranges that start below them.
    index: Vec<u32>,
    /// Blocks that lie in others, in order of start and length, with length and number of the next one around.
    around: Vec<(A, u8, u8, u32)>,
}

impl<A> Default for Family<A> {
    fn default() -> Self {
        Self { starts: Vec::new(), numbers: Vec::new(), lens: Vec::new(), index: Vec::new(), around: Vec::new() }
    }
}

/// An address as a number.
trait Number: Copy + Ord {
    fn top(self) -> usize;
    fn after(self) -> Option<Self>;
    fn end(self, len: u8) -> Self;
}

impl Number for u32 {
    fn top(self) -> usize {
        (self >> 16) as usize
    }
    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn end(self, len: u8) -> Self {
        self | u32::MAX.checked_shr(u32::from(len)).unwrap_or(0)
    }
}

impl Number for u128 {
    fn top(self) -> usize {
        (self >> 112) as usize
    }
    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn end(self, len: u8) -> Self {
        self | u128::MAX.checked_shr(u32::from(len)).unwrap_or(0)
    }
}

impl<A: Number> Family<A> {
    /// `blocks` in order of start, then length.
    fn new(blocks: &[(A, u8, u32)]) -> Self {
        let mut family = Self::default();
        let mut open: Vec<(A, u8, u32)> = Vec::new();
        for &(start, len, number) in blocks {
            family.close(&mut open, Some(start));
            let mut number = number & !NESTED;
            if let Some(&(_, outer, around)) = open.last() {
                family.around.push((start, len, outer, around));
                number |= NESTED;
            }
            open.push((start.end(len), len, number));
            family.from(start, number, len);
        }
        family.close(&mut open, None);
        family.starts.shrink_to_fit();
        family.numbers.shrink_to_fit();
        family.lens.shrink_to_fit();
        family.around.shrink_to_fit();
        if !family.starts.is_empty() {
            let mut at = 0;
            family.index = (0..=0x1_0000)
                .map(|top| {
                    while family.starts.get(at).is_some_and(|s| s.top() < top) {
                        at += 1;
                    }
                    at as u32
                })
                .collect();
        }
        family
    }

    /// Ends the open blocks that end before `start`: behind each, the one around it goes on.
    fn close(&mut self, open: &mut Vec<(A, u8, u32)>, start: Option<A>) {
        while let Some((end, ..)) = open.last().copied()
            && start.is_none_or(|s| end < s)
        {
            open.pop();
            if let Some(next) = end.after() {
                let (len, number) = open.last().map_or((0, NOTHING), |(_, len, number)| (*len, *number));
                self.from(next, number, len);
            }
        }
    }

    /// From `start` on, `number` holds.
    fn from(&mut self, start: A, number: u32, len: u8) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.numbers.pop();
            self.lens.pop();
        }
        if self.numbers.last().copied().unwrap_or(NOTHING) == number && self.lens.last().copied().unwrap_or(0) == len {
            return;
        }
        self.starts.push(start);
        self.numbers.push(number);
        self.lens.push(len);
    }

    fn get(&self, addr: A) -> Option<(u32, u8)> {
        let low = *self.index.get(addr.top())? as usize;
        let high = *self.index.get(addr.top() + 1)? as usize;
        let within = self.starts.get(low..high)?.partition_point(|s| *s <= addr);
        let at = (low + within).checked_sub(1)?;
        let number = *self.numbers.get(at)?;
        if number == NOTHING { None } else { Some((number, *self.lens.get(at)?)) }
    }

    fn bytes(&self) -> usize {
        self.starts.capacity() * size_of::<A>()
            + self.numbers.capacity() * 4
            + self.lens.capacity()
            + self.index.len() * 4
            + self.around.capacity() * size_of::<(A, u8, u8, u32)>()
    }

    /// The block around the one of `len` bits that starts at `start`.
    fn outer(&self, start: A, len: u8) -> Option<(u32, u8)> {
        let at = self.around.binary_search_by_key(&(start, len), |(start, len, ..)| (*start, *len)).ok()?;
        self.around.get(at).map(|(_, _, len, number)| (*number, *len))
    }
}

/// The table for both families.
#[derive(Debug, Default)]
pub(super) struct RangeTable {
    v4: Family<u32>,
    v6: Family<u128>,
}

impl RangeTable {
    /// Blocks with their numbers; `join` makes one number of those of a block that is there twice.
    pub(super) fn new(blocks: &mut RangeBuilder, mut join: impl FnMut(u32, u32) -> u32) -> Self {
        fn sorted<A: Number>(blocks: &mut Vec<(A, u8, u32)>, join: &mut dyn FnMut(u32, u32) -> u32) -> Family<A> {
            blocks.sort_by_key(|(start, len, _)| (*start, *len));
            blocks.dedup_by(|b, a| {
                let same = (a.0, a.1) == (b.0, b.1);
                if same {
                    a.2 = join(a.2, b.2);
                }
                same
            });
            let family = Family::new(blocks);
            *blocks = Vec::new();
            family
        }
        Self { v4: sorted(&mut blocks.v4, &mut join), v6: sorted(&mut blocks.v6, &mut join) }
    }

    /// The number of the smallest block around `addr`, and that block.
    pub(super) fn get(&self, addr: IpAddr) -> Option<(u32, Net)> {
        self.all(addr).next()
    }

    /// The blocks around `addr`, each with its number, smallest first.
    pub(super) fn all(&self, addr: IpAddr) -> impl Iterator<Item = (u32, Net)> {
        let addr = addr.to_canonical();
        let mut found = match addr {
            IpAddr::V4(a) => self.v4.get(u32::from(a)),
            IpAddr::V6(a) => self.v6.get(u128::from(a)),
        };
        std::iter::from_fn(move || {
            let (number, len) = found?;
            let net = Net::around(addr, len);
            found = (number & NESTED != 0)
                .then(|| match net.first() {
                    IpAddr::V4(a) => self.v4.outer(a.into(), len),
                    IpAddr::V6(a) => self.v6.outer(a.into(), len),
                })
                .flatten();
            Some((number & !NESTED, net))
        })
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes()
    }
}

/// Blocks on their way into a table.
#[derive(Debug, Default)]
pub(super) struct RangeBuilder {
    v4: Vec<(u32, u8, u32)>,
    v6: Vec<(u128, u8, u32)>,
}

impl RangeBuilder {
    pub(super) fn add(&mut self, net: Net, number: u32) {
        match net.first() {
            IpAddr::V4(a) => self.v4.push((a.into(), net.len(), number)),
            IpAddr::V6(a) => self.v6.push((a.into(), net.len(), number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(blocks: &[&str]) -> RangeTable {
        let mut builder = RangeBuilder::default();
        for (i, b) in blocks.iter().enumerate() {
            builder.add(b.parse().unwrap(), i as u32);
        }
        RangeTable::new(&mut builder, |a, _| a)
    }

    fn get(t: &RangeTable, addr: &str) -> Option<String> {
        t.get(addr.parse().unwrap()).map(|(n, net)| format!("{n} {net}"))
    }

    #[test]
    fn the_longest_block_wins_in_both_families() {
        let t = table(&["0.0.0.0/0", "192.0.2.0/24", "192.0.2.7", "255.255.255.255", "2001:db8::/32", "2001:db8::1"]);
        for (addr, want) in [
            ("0.0.0.0", "0 0.0.0.0/0"),
            ("192.0.2.6", "1 192.0.2.0/24"),
            ("192.0.2.7", "2 192.0.2.7"),
            ("::ffff:192.0.2.7", "2 192.0.2.7"),
            ("192.0.2.8", "1 192.0.2.0/24"),
            ("192.0.3.0", "0 0.0.0.0/0"),
            ("255.255.255.255", "3 255.255.255.255"),
            ("2001:db8::1", "5 2001:db8::1"),
            ("2001:db8::2", "4 2001:db8::/32"),
        ] {
            assert_eq!(get(&t, addr).as_deref(), Some(want), "{addr}");
        }
        assert_eq!(get(&t, "2001:db9::"), None);
        assert_eq!(get(&t, "::"), None);
        assert_eq!(get(&RangeTable::default(), "192.0.2.1"), None);
    }

    #[test]
    fn neighbours_stay_two_blocks() {
        let t = table(&["192.0.2.0/25", "192.0.2.128/25"]);
        assert_eq!(get(&t, "192.0.2.127").as_deref(), Some("0 192.0.2.0/25"));
        assert_eq!(get(&t, "192.0.2.128").as_deref(), Some("1 192.0.2.128/25"));
    }

    proptest! {
        #[test]
        fn it_agrees_with_looking_at_every_block(
            v4 in prop::collection::vec((any::<u16>(), 0u8..=32), 0..60),
            v6 in prop::collection::vec((any::<u16>(), 0u8..=128), 0..20),
            asked in prop::collection::vec(any::<u16>(), 1..60),
        ) {
            // Addresses in a small space, so that blocks lie in each other.
            let a4 = |x: u16| IpAddr::from([(x >> 12) as u8, 0, (x >> 8 & 15) as u8, x as u8]);
            let a6 = |x: u16| IpAddr::from([x >> 12, 0, 0, 0, 0, 0, x >> 8 & 15, x & 255]);
            let mut blocks: Vec<Net> = v4.iter().map(|(x, len)| Net::around(a4(*x), *len)).collect();
            blocks.extend(v6.iter().map(|(x, len)| Net::around(a6(*x), *len)));
            let mut builder = RangeBuilder::default();
            for (i, b) in blocks.iter().enumerate() {
                builder.add(*b, i as u32);
            }
            let t = RangeTable::new(&mut builder, |a, _| a);
            for addr in asked.iter().flat_map(|x| [a4(*x), a6(*x)]) {
                let host = Net::around(addr, 128);
                let want = blocks.iter().enumerate().filter(|(_, b)| b.holds(host)).max_by_key(|(i, b)| (b.len(), usize::MAX - i));
                prop_assert_eq!(t.get(addr.to_canonical()).map(|(n, net)| (n as usize, net)), want.map(|(i, b)| (i, *b)));
                let mut all: Vec<Net> = blocks.iter().copied().filter(|b| b.holds(host)).collect();
                all.sort_by_key(|b| std::cmp::Reverse(b.len()));
                all.dedup();
                prop_assert_eq!(t.all(addr).map(|(_, net)| net).collect::<Vec<_>>(), all);
            }
        }
    }
}

//! The pcapng file: sections of either byte order, interfaces each with link type and clock, packet blocks old and new.
//!
//! In: the bytes at the start of the window. Out: a frame, or what is missing, or what is wrong.
//!
//! Facts: draft-ietf-opsawg-pcapng. What was dropped while the file was written is added up, from statistics and from
//! packets. Comments and all other options are passed over, as are blocks of other types. A
//! block whose two length fields disagree ends the reading: nothing says where the next one starts.

use super::bytes::{Fields, Flaw, MAX_RECORD, Parsed, RawFrame};
use super::{Dropped, LinkType, MAX_FRAME, What};
use crate::time::PacketTime;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Of a packet: how many were lost between it and the one before.
const OPTION_DROPCOUNT: u16 = 4;
/// Of statistics: what the interface dropped so far, and what the system did.
const OPTION_IFDROP: u16 = 5;
const OPTION_OSDROP: u16 = 7;
const OPTION_TSRESOL: u16 = 9;
const OPTION_TSOFFSET: u16 = 14;

/// More interfaces than this in one section are not kept; their packets count as of an unknown interface.
const MAX_INTERFACES: usize = 65_536;

/// How an interface counts time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ticks {
    /// Nanoseconds a tick.
    Nanos(u64),
    /// Ticks a nanosecond.
    PerNano(u64),
    /// Ticks a second, as a power of two.
    Binary(u32),
}

impl Ticks {
    fn from_tsresol(v: u8) -> Self {
        let exponent = u32::from(v & 0x7f);
        if v & 0x80 != 0 {
            return Self::Binary(exponent);
        }
        if exponent <= 9 {
            Self::Nanos(10u64.pow(9 - exponent))
        } else {
            10u64.checked_pow(exponent - 9).map_or(Self::Nanos(0), Self::PerNano)
        }
    }

    #[inline]
    fn nanos(self, ticks: u64) -> i64 {
        let n = match self {
            Self::Nanos(n) => ticks.saturating_mul(n),
            Self::PerNano(n) => ticks / n,
            Self::Binary(bits) => {
                // No overflow: the product stays below 2^94.
                let n = (u128::from(ticks) * 1_000_000_000).checked_shr(bits).unwrap_or(0);
                u64::try_from(n).unwrap_or(u64::MAX)
            }
        };
        i64::try_from(n).unwrap_or(i64::MAX)
    }
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    ticks: Ticks,
    offset_nanos: i64,
    /// By its statistics.
    dropped: Dropped,
    /// By its packets.
    missed: u64,
}

impl Interface {
    fn dropped(&self) -> Dropped {
        Dropped { kernel: self.dropped.kernel.max(self.missed), ..self.dropped }
    }
}

/// The options between two places of a block: each code, with where its value is and how long.
fn options<'f>(f: &'f Fields<'_>, mut at: usize, end: usize) -> impl Iterator<Item = (u16, usize, usize)> + 'f {
    std::iter::from_fn(move || {
        if at + 4 > end {
            return None;
        }
        let (code, len) = (f.u16(at), usize::from(f.u16(at + 2)));
        let value = at + 4;
        at = value + len.next_multiple_of(4);
        (code != 0 && value + len <= end).then_some((code, value, len))
    })
}

/// Parser of one pcapng file.
pub(super) struct Ng {
    big: bool,
    in_section: bool,
    interfaces: Vec<Interface>,
    /// Time of the last packet that had one, for simple packet blocks.
    last_time: PacketTime,
    untimed: bool,
    /// In sections before this one.
    dropped: Dropped,
}

impl Ng {
    /// A parser, if these first four bytes open a section.
    pub(super) fn detect(magic: [u8; 4]) -> Option<Self> {
        (u32::from_be_bytes(magic) == SECTION).then_some(Self {
            big: false,
            in_section: false,
            interfaces: Vec::new(),
            last_time: PacketTime::ZERO,
            untimed: false,
            dropped: Dropped::default(),
        })
    }

    /// What the bytes at the start of the window belong to, for a sentence about a cut.
    pub(super) fn place(&self) -> &'static str {
        if self.in_section { "a block" } else { "the file header" }
    }

    /// Whether packets without a time were seen.
    pub(super) fn untimed(&self) -> bool {
        self.untimed
    }

    /// Frames that are missing, as far as the file says.
    pub(super) fn dropped(&self) -> Dropped {
        self.interfaces.iter().map(Interface::dropped).fold(self.dropped, Dropped::and)
    }

    #[inline]
    pub(super) fn parse(&mut self, buf: &[u8]) -> Parsed {
        let Some(head) = buf.get(..12) else { return Parsed::More(12) };
        let mut f = Fields { buf: head, big: self.big };
        let kind = f.u32(0);
        if kind == SECTION {
            f.big = match head.last_chunk::<4>() {
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => true,
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => false,
                _ => return Parsed::Bad(What::Block { why: "the section header has no byte-order mark" }),
            };
        }
        let length = f.u32(4) as usize;
        if length < 12 || !length.is_multiple_of(4) {
            return Parsed::Bad(What::Block { why: "its length is impossible" });
        }
        let is_packet = matches!(kind, ENHANCED_PACKET | OLD_PACKET | SIMPLE_PACKET);
        if length > MAX_RECORD {
            return match kind {
                SECTION | INTERFACE => Parsed::Bad(What::Block { why: "a header block cannot be that long" }),
                _ if is_packet => Parsed::Flaw(length as u64, Flaw::PacketTooLong),
                _ => Parsed::Pass(length as u64),
            };
        }
        let Some(block) = buf.get(..length) else { return Parsed::More(length) };
        f.buf = block;
        if f.u32(length - 4) as usize != length {
            return Parsed::Bad(What::Block { why: "its two length fields disagree" });
        }
        match kind {
            ENHANCED_PACKET => self.packet(f, f.u32(8) as usize, 12, 28),
            OLD_PACKET => self.old_packet(f),
            SIMPLE_PACKET => self.simple_packet(f),
            INTERFACE => self.interface(f),
            STATISTICS => self.statistics(f),
            SECTION => self.section(f),
            _ => Parsed::Pass(length as u64),
        }
    }

    /// The enhanced packet block, and the old one, which differs in the width of the interface number only.
    #[inline]
    fn packet(&mut self, f: Fields<'_>, interface: usize, time_at: usize, data_at: usize) -> Parsed {
        let total = f.buf.len();
        let captured = f.u32(time_at + 8);
        let data_len = captured as usize;
        if total < data_at + 4 || data_len > total - data_at - 4 {
            return Parsed::Flaw(total as u64, Flaw::PacketOutsideBlock);
        }
        let Some(i) = self.interfaces.get_mut(interface) else {
            return Parsed::Flaw(total as u64, Flaw::UnknownInterface);
        };
        if data_len > MAX_FRAME {
            return Parsed::Flaw(total as u64, Flaw::PacketTooLong);
        }
        let data_end = data_at + data_len.next_multiple_of(4);
        if total > data_end + 4 && f.u32(0) == ENHANCED_PACKET {
            let missed = options(&f, data_end, total - 4).find(|o| matches!(o, (OPTION_DROPCOUNT, _, 8)));
            i.missed = i.missed.saturating_add(missed.map_or(0, |(_, at, _)| f.u64(at)));
        }
        let ticks = (u64::from(f.u32(time_at)) << 32) | u64::from(f.u32(time_at + 4));
        let time = PacketTime::from_nanos(i.ticks.nanos(ticks).saturating_add(i.offset_nanos));
        self.last_time = time;
        let wire_len = f.u32(time_at + 12).max(captured);
        Parsed::Frame(RawFrame { time, link: i.link, wire_len, data_at, data_len, total })
    }

    /// The old packet block says how many were lost before it in its header, or 65,535.
    fn old_packet(&mut self, f: Fields<'_>) -> Parsed {
        let (interface, missed) = (f.u16(8) as usize, f.u16(10));
        if let Some(i) = self.interfaces.get_mut(interface).filter(|_| missed != u16::MAX) {
            i.missed = i.missed.saturating_add(missed.into());
        }
        self.packet(f, interface, 12, 28)
    }

    /// A simple packet block: interface 0, no time, and no captured length but the least of what bounds it.
    fn simple_packet(&mut self, f: Fields<'_>) -> Parsed {
        let total = f.buf.len();
        let Some(room) = total.checked_sub(16) else {
            return Parsed::Flaw(total as u64, Flaw::PacketOutsideBlock);
        };
        let Some(i) = self.interfaces.first() else { return Parsed::Flaw(total as u64, Flaw::UnknownInterface) };
        let wire_len = f.u32(8);
        let cut = if i.snaplen == 0 { u32::MAX } else { i.snaplen };
        let data_len = room.min(wire_len.min(cut) as usize);
        if data_len > MAX_FRAME {
            return Parsed::Flaw(total as u64, Flaw::PacketTooLong);
        }
        self.untimed = true;
        Parsed::Frame(RawFrame { time: self.last_time, link: i.link, wire_len, data_at: 12, data_len, total })
    }

    fn interface(&mut self, f: Fields<'_>) -> Parsed {
        let total = f.buf.len();
        if total < 20 {
            return Parsed::Bad(What::Block { why: "the interface description is too short" });
        }
        let mut i = Interface {
            link: LinkType(f.u16(8)),
            snaplen: f.u32(12),
            ticks: Ticks::Nanos(1000),
            offset_nanos: 0,
            dropped: Dropped::default(),
            missed: 0,
        };
        for option in options(&f, 16, total - 4) {
            match option {
                (OPTION_TSRESOL, at, 1) => i.ticks = Ticks::from_tsresol(f.buf.get(at).copied().unwrap_or(6)),
                (OPTION_TSOFFSET, at, 8) => i.offset_nanos = f.i64(at).saturating_mul(1_000_000_000),
                _ => {}
            }
        }
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(i);
        }
        Parsed::Pass(total as u64)
    }

    /// Counters of an interface, from the beginning of the capture on.
    fn statistics(&mut self, f: Fields<'_>) -> Parsed {
        let total = f.buf.len();
        if let Some(i) = self.interfaces.get_mut(f.u32(8) as usize).filter(|_| total >= 24) {
            for option in options(&f, 20, total - 4) {
                match option {
                    (OPTION_IFDROP, at, 8) => i.dropped.interface = i.dropped.interface.max(f.u64(at)),
                    (OPTION_OSDROP, at, 8) => i.dropped.kernel = i.dropped.kernel.max(f.u64(at)),
                    _ => {}
                }
            }
        }
        Parsed::Pass(total as u64)
    }

    /// A new section: its own byte order and interfaces. Its length is not needed, the blocks say their own.
    fn section(&mut self, f: Fields<'_>) -> Parsed {
        let total = f.buf.len();
        if total < 28 {
            return Parsed::Bad(What::Block { why: "the section header is too short" });
        }
        let (major, minor) = (f.u16(12), f.u16(14));
        if major != 1 {
            return Parsed::Bad(What::Version { major, minor });
        }
        self.big = f.big;
        self.in_section = true;
        self.dropped = self.dropped();
        self.interfaces.clear();
        Parsed::Pass(total as u64)
    }
}

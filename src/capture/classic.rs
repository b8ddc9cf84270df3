//! The classic pcap file, in every byte order and resolution, and its modified variants.
//!
//! In: the bytes at the start of the window. Out: a frame, or what is missing, or what is wrong.
//!
//! Facts: pcap-savefile(5) and libpcap's `sf-pcap.c` for the format, the 24-byte record header of the modified magic
//! and the length fields swapped by versions before 2.4; Wireshark's `wiretap/libpcap.c` for the Ixia and AIX forms.

use super::bytes::{Fields, Flaw, Parsed, RawFrame};
use super::{LinkType, MAX_FRAME, What};
use crate::time::PacketTime;

const FILE_HEADER: usize = 24;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Variant {
    Micros,
    Nanos,
    /// Record headers are longer by interface index, protocol and packet type (Kuznetzov's patch, old `SuSE` and
    /// Red Hat).
    LongRecords,
    /// Ixia `lcap`: the file header is longer by the size of all records.
    Ixia,
}

fn variant(magic: u32) -> Option<Variant> {
    Some(match magic {
        0xa1b2_c3d4 => Variant::Micros,
        0xa1b2_3c4d => Variant::Nanos,
        0xa1b2_cd34 => Variant::LongRecords,
        0x1c00_01ac | 0x1c00_01ab => Variant::Ixia,
        _ => return None,
    })
}

/// In which order a record gives its two lengths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    /// Version 2.3 was written both ways; the captured length cannot be the larger.
    Either,
}

/// Parser of one classic pcap file.
pub(super) struct Classic {
    big: bool,
    nanos_per_tick: i64,
    record_header: usize,
    link: LinkType,
    lengths: Lengths,
    started: bool,
}

impl Classic {
    /// A parser, if these first four bytes are a pcap magic.
    pub(super) fn detect(magic: [u8; 4]) -> Option<Self> {
        let big = variant(u32::from_be_bytes(magic)).is_some();
        (big || variant(u32::from_le_bytes(magic)).is_some()).then_some(Self {
            big,
            nanos_per_tick: 1000,
            record_header: 16,
            link: LinkType::NULL,
            lengths: Lengths::CapturedFirst,
            started: false,
        })
    }

    /// What the bytes at the start of the window belong to, for a sentence about a cut.
    pub(super) fn place(&self) -> &'static str {
        if self.started { "a packet" } else { "the file header" }
    }

    #[inline]
    pub(super) fn parse(&mut self, buf: &[u8]) -> Parsed {
        if !self.started {
            return match self.file_header(buf) {
                Ok(n) => Parsed::Pass(n),
                Err(p) => p,
            };
        }
        let Some(header) = buf.get(..self.record_header) else { return Parsed::More(self.record_header) };
        let f = Fields { buf: header, big: self.big };
        let (mut captured, mut wire) = (f.u32(8), f.u32(12));
        match self.lengths {
            Lengths::WireFirst => std::mem::swap(&mut captured, &mut wire),
            Lengths::Either if captured > wire => std::mem::swap(&mut captured, &mut wire),
            Lengths::CapturedFirst | Lengths::Either => {}
        }
        let data_len = captured as usize;
        if data_len > MAX_FRAME {
            return Parsed::Bad(What::FrameTooLong { length: captured });
        }
        let total = self.record_header + data_len;
        if buf.len() < total {
            return Parsed::More(total);
        }
        if data_len == 0
            && let Some(other) = self.empty_record(buf, header)
        {
            return other;
        }
        let nanos = i64::from(f.u32(4)).saturating_mul(self.nanos_per_tick);
        Parsed::Frame(RawFrame {
            time: PacketTime::from_parts(i64::from(f.u32(0)), nanos),
            link: self.link,
            wire_len: wire.max(captured),
            data_at: self.record_header,
            data_len,
            total,
        })
    }

    /// A record without data is where two kinds of damage look like packets: the zeros of a disk that was full or a
    /// file that was allocated ahead, and the header of a second file appended with `cat` (its snaplen and link type
    /// would be taken for a time, everything after for rubbish).
    #[cold]
    fn empty_record(&mut self, buf: &[u8], header: &[u8]) -> Option<Parsed> {
        if header.iter().all(|b| *b == 0) {
            return Some(Parsed::Bad(What::Zeros));
        }
        let mut joined = Self::detect(buf.first_chunk().copied()?)?;
        if (Fields { buf, big: joined.big }).u16(4) != 2 {
            return None;
        }
        match joined.file_header(buf) {
            Ok(n) => {
                *self = joined;
                Some(Parsed::Flaw(n, Flaw::Joined))
            }
            Err(more @ Parsed::More(_)) => Some(more),
            Err(_) => None,
        }
    }

    fn file_header(&mut self, buf: &[u8]) -> Result<u64, Parsed> {
        if buf.len() < FILE_HEADER {
            return Err(Parsed::More(FILE_HEADER));
        }
        let f = Fields { buf, big: self.big };
        let Some(variant) = variant(f.u32(0)) else { return Err(Parsed::Bad(What::Version { major: 0, minor: 0 })) };
        let header = FILE_HEADER + if variant == Variant::Ixia { 4 } else { 0 };
        if buf.len() < header {
            return Err(Parsed::More(header));
        }
        let (major, minor) = (f.u16(4), f.u16(6));
        self.lengths = match (major, minor) {
            (2, 0..=2) | (543, _) => Lengths::WireFirst,
            (2, 3) => Lengths::Either,
            (2, _) => Lengths::CapturedFirst,
            _ => return Err(Parsed::Bad(What::Version { major, minor })),
        };
        // The upper half holds the length of the frame check sequence and reserved bits.
        self.link = LinkType((f.u32(20) & 0xffff) as u16);
        self.nanos_per_tick = if variant == Variant::Nanos { 1 } else { 1000 };
        self.record_header = if variant == Variant::LongRecords { 24 } else { 16 };
        if let ((2, 2), Some(link)) = ((major, minor), aix_link(self.link)) {
            (self.link, self.nanos_per_tick, self.lengths) = (link, 1, Lengths::CapturedFirst);
        }
        self.started = true;
        Ok(header as u64)
    }
}

/// AIX writes version 2.2, interface types of RFC 1573 for link types, and nanoseconds.
fn aix_link(written: LinkType) -> Option<LinkType> {
    Some(match written.0 {
        6 => LinkType::ETHERNET,
        9 => LinkType::IEEE802_5,
        15 => LinkType::FDDI,
        24 => LinkType::NULL,
        _ => return None,
    })
}

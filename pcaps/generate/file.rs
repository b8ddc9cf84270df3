//! Capture files: pcap in its four forms, pcapng, either in gzip.
//!
//! In: [`Record`]s. Out: the bytes of a file (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng).

use std::io::Write as _;

/// One captured frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Nanoseconds since the epoch.
    pub at: u64,
    /// LINKTYPE_ number; a pcapng file gets one interface for each.
    pub link: u16,
    /// Bytes on the wire; the file keeps at most the snapshot length of them.
    pub data: Vec<u8>,
}

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// pcap.
    Pcap {
        /// Nanosecond stamps.
        nanos: bool,
        /// Most significant byte first.
        big_endian: bool,
    },
    /// pcapng, little-endian, nanosecond stamps on the second interface.
    PcapNg,
}

impl Format {
    /// What tcpdump writes.
    pub const USUAL: Self = Self::Pcap { nanos: false, big_endian: false };

    /// File name suffix.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Pcap { .. } => "pcap",
            Self::PcapNg => "pcapng",
        }
    }
}

struct Writer {
    out: Vec<u8>,
    big_endian: bool,
}

impl Writer {
    fn u16(&mut self, v: u16) {
        self.out.extend_from_slice(&if self.big_endian { v.to_be_bytes() } else { v.to_le_bytes() });
    }

    fn u32(&mut self, v: u32) {
        self.out.extend_from_slice(&if self.big_endian { v.to_be_bytes() } else { v.to_le_bytes() });
    }
}

/// The file, with frames cut to `snaplen`.
pub fn write(format: Format, records: &[Record], snaplen: u32) -> Vec<u8> {
    match format {
        Format::Pcap { nanos, big_endian } => pcap(records, snaplen, nanos, big_endian),
        Format::PcapNg => pcapng(records, snaplen),
    }
}

fn kept(record: &Record, snaplen: u32) -> &[u8] {
    &record.data[..record.data.len().min(snaplen as usize)]
}

fn pcap(records: &[Record], snaplen: u32, nanos: bool, big_endian: bool) -> Vec<u8> {
    let mut w = Writer { out: Vec::new(), big_endian };
    w.u32(if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
    w.u16(2);
    w.u16(4);
    w.u32(0);
    w.u32(0);
    w.u32(snaplen);
    w.u32(records.first().map_or(1, |r| u32::from(r.link)));
    for r in records {
        let data = kept(r, snaplen);
        w.u32((r.at / 1_000_000_000) as u32);
        w.u32((r.at % 1_000_000_000) as u32 / if nanos { 1 } else { 1000 });
        w.u32(data.len() as u32);
        w.u32(r.data.len() as u32);
        w.out.extend_from_slice(data);
    }
    w.out
}

fn pcapng(records: &[Record], snaplen: u32) -> Vec<u8> {
    let mut w = Writer { out: Vec::new(), big_endian: false };
    let block = |w: &mut Writer, kind: u32, body: &[u8]| {
        let len = 12 + body.len().next_multiple_of(4);
        w.u32(kind);
        w.u32(len as u32);
        w.out.extend_from_slice(body);
        w.out.resize(w.out.len() + len - 12 - body.len(), 0);
        w.u32(len as u32);
    };
    let mut section = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    section.extend_from_slice(&[1, 0, 0, 0]);
    section.extend_from_slice(&u64::MAX.to_le_bytes());
    block(&mut w, 0x0a0d_0d0a, &section);
    let mut links: Vec<u16> = Vec::new();
    for r in records {
        let interface = links.iter().position(|l| *l == r.link).unwrap_or_else(|| {
            links.push(r.link);
            let mut body = u32::from(r.link).to_le_bytes().to_vec();
            body.extend_from_slice(&snaplen.to_le_bytes());
            let resolution = if links.len() == 2 { 9 } else { 6 };
            body.extend_from_slice(&[9, 0, 1, 0, resolution, 0, 0, 0, 0, 0, 0, 0]);
            block(&mut w, 1, &body);
            links.len() - 1
        });
        let stamp = if interface == 1 { r.at } else { r.at / 1000 };
        let data = kept(r, snaplen);
        let mut body = (interface as u32).to_le_bytes().to_vec();
        body.extend_from_slice(&((stamp >> 32) as u32).to_le_bytes());
        body.extend_from_slice(&(stamp as u32).to_le_bytes());
        body.extend_from_slice(&(data.len() as u32).to_le_bytes());
        body.extend_from_slice(&(r.data.len() as u32).to_le_bytes());
        body.extend_from_slice(data);
        block(&mut w, 6, &body);
    }
    w.out
}

/// The same in gzip, without name or time.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

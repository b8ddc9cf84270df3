//! A capture file that is written frame by frame.
//!
//! In: frames in order of time. Out: pcap with microseconds, pcapng with microseconds and one interface, or pcap in
//! gzip. The bytes are those of [`crate::kit::file`], which wants all frames at once.

use std::io::{self, BufWriter, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::kit::file::{Format, Record, write};

/// How it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// pcap.
    Pcap,
    /// pcapng.
    PcapNg,
    /// pcap in gzip.
    Gzip,
}

enum Way<W: Write> {
    Plain(BufWriter<W>),
    Gzip(GzEncoder<BufWriter<W>>),
}

/// Where frames go.
pub struct Sink<W: Write> {
    way: Way<W>,
    form: Form,
    bytes: u64,
    head: Vec<u8>,
}

const SNAPLEN: u32 = 262_144;

impl<W: Write> Sink<W> {
    /// Writes the file's header.
    pub fn new(to: W, form: Form) -> io::Result<Self> {
        let buffer = BufWriter::with_capacity(1 << 20, to);
        let way = match form {
            Form::Gzip => Way::Gzip(GzEncoder::new(buffer, Compression::fast())),
            _ => Way::Plain(buffer),
        };
        let mut sink = Self { way, form, bytes: 0, head: Vec::new() };
        // An interface of pcapng comes with its first frame, so the header is what a file of one frame begins with.
        let header = match form {
            Form::PcapNg => {
                let one = [Record { at: 0, link: 1, data: Vec::new() }];
                let whole = write(Format::PcapNg, &one, SNAPLEN);
                whole[..whole.len() - 32].to_vec()
            }
            _ => write(Format::USUAL, &[], SNAPLEN),
        };
        sink.put(&header)?;
        Ok(sink)
    }

    /// Bytes so far, before compression.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        match &mut self.way {
            Way::Plain(w) => w.write_all(bytes),
            Way::Gzip(w) => w.write_all(bytes),
        }
    }

    /// Writes a frame that was seen `at` nanoseconds after the epoch.
    pub fn frame(&mut self, at: u64, data: &[u8]) -> io::Result<()> {
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        let len = data.len() as u32;
        let micros = at / 1000;
        if self.form == Form::PcapNg {
            let total = 32 + len.next_multiple_of(4);
            for word in [6, total, 0, (micros >> 32) as u32, micros as u32, len, len] {
                head.extend_from_slice(&word.to_le_bytes());
            }
            self.put(&head)?;
            self.put(data)?;
            self.put(&[0; 4][..data.len().next_multiple_of(4) - data.len()])?;
            self.put(&total.to_le_bytes())?;
        } else {
            for word in [(micros / 1_000_000) as u32, (micros % 1_000_000) as u32, len, len] {
                head.extend_from_slice(&word.to_le_bytes());
            }
            self.put(&head)?;
            self.put(data)?;
        }
        self.head = head;
        Ok(())
    }

    /// Writes what is held back.
    pub fn finish(self) -> io::Result<()> {
        match self.way {
            Way::Plain(mut w) => w.flush(),
            Way::Gzip(w) => w.finish()?.flush(),
        }
    }
}

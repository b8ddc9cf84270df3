//! Builders of capture files, and readers that deliver them in unkind ways.

mod damage;
mod formats;
mod merge;
mod props;

use std::io::{self, Read, Write};
use std::path::PathBuf;

use super::{Frame, InputProblem, Inputs, Lent, LinkType, Options, PacketSource, Severity, Step};

pub(super) const MICROS: u32 = 0xa1b2_c3d4;

/// A frame as a test compares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Got {
    pub(super) source: u32,
    pub(super) number: u64,
    pub(super) nanos: i64,
    pub(super) link: u16,
    pub(super) data: Vec<u8>,
    pub(super) wire: u32,
}

pub(super) fn drain(inputs: &mut Inputs) -> Vec<Got> {
    let mut all = Vec::new();
    while let Step::Frame(f) = inputs.next() {
        all.push(got(&f));
    }
    assert!(matches!(inputs.next(), Step::End), "the end is the end");
    all
}

/// The same, so many at once.
pub(super) fn drain_lent(inputs: &mut Inputs, most: usize) -> Vec<Got> {
    let mut all = Vec::new();
    loop {
        let mut lent = Vec::new();
        match PacketSource::lend(inputs, most, &mut lent) {
            Lent::Frames => assert!((1..=most).contains(&lent.len())),
            Lent::Idle => assert!(lent.is_empty()),
            Lent::End => break,
        }
        all.extend(lent.iter().map(got));
    }
    all
}

pub(super) fn got(f: &Frame<'_>) -> Got {
    Got {
        source: f.at.source.0,
        number: f.at.number,
        nanos: f.time.as_nanos(),
        link: f.link.0,
        data: f.data.to_vec(),
        wire: f.wire_len,
    }
}

/// Reads bytes as a pipe called `x`: however many frames are asked for at once, they are the same.
pub(super) fn read(bytes: impl Into<Vec<u8>>) -> (Vec<Got>, Vec<InputProblem>) {
    let bytes = bytes.into();
    let one = read_from(io::Cursor::new(bytes.clone()));
    for most in [1, 3, 64] {
        assert_eq!(read_by(io::Cursor::new(bytes.clone()), |inputs| drain_lent(inputs, most)), one);
    }
    one
}

pub(super) fn read_from(reader: impl Read + Send + 'static) -> (Vec<Got>, Vec<InputProblem>) {
    read_by(reader, drain)
}

fn read_by(
    reader: impl Read + Send + 'static,
    drain: impl FnOnce(&mut Inputs) -> Vec<Got>,
) -> (Vec<Got>, Vec<InputProblem>) {
    match Inputs::from_reader("x", reader, Options::default()) {
        Ok(mut inputs) => (drain(&mut inputs), inputs.problems().to_vec()),
        Err(super::CaptureError::NothingToRead { problems }) => (Vec::new(), problems),
        Err(e) => panic!("{e}"),
    }
}

pub(super) fn sentences(problems: &[InputProblem]) -> Vec<String> {
    let tag = |p: &InputProblem| if p.severity == Severity::Error { "error" } else { "note" };
    problems.iter().map(|p| format!("{}: {p}", tag(p))).collect()
}

/// Gives at most `chunk` bytes a read.
pub(super) struct Drip(pub(super) io::Cursor<Vec<u8>>, pub(super) usize);

impl Read for Drip {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = buf.len().min(self.1.max(1));
        self.0.read(&mut buf[..n])
    }
}

/// Writes integers in one byte order.
#[derive(Clone)]
pub(super) struct Out {
    pub(super) bytes: Vec<u8>,
    pub(super) big: bool,
}

impl Out {
    pub(super) fn new(big: bool) -> Self {
        Self { bytes: Vec::new(), big }
    }

    pub(super) fn u16(mut self, v: u16) -> Self {
        self.bytes.extend(if self.big { v.to_be_bytes() } else { v.to_le_bytes() });
        self
    }

    pub(super) fn u32(mut self, v: u32) -> Self {
        self.bytes.extend(if self.big { v.to_be_bytes() } else { v.to_le_bytes() });
        self
    }

    pub(super) fn raw(mut self, b: &[u8]) -> Self {
        self.bytes.extend_from_slice(b);
        self
    }

    // Classic pcap.

    pub(super) fn header(self, magic: u32, version: (u16, u16), network: u32) -> Self {
        self.u32(magic).u16(version.0).u16(version.1).u32(0).u32(0).u32(65_535).u32(network)
    }

    pub(super) fn record(self, sec: u32, ticks: u32, data: &[u8]) -> Self {
        let len = data.len() as u32;
        self.u32(sec).u32(ticks).u32(len).u32(len).raw(data)
    }

    // pcapng.

    pub(super) fn block(self, kind: u32, body: &[u8]) -> Self {
        let pad = body.len().next_multiple_of(4) - body.len();
        let len = (12 + body.len() + pad) as u32;
        self.u32(kind).u32(len).raw(body).raw(&[0; 3][..pad]).u32(len)
    }

    fn body(&self) -> Self {
        Self::new(self.big)
    }

    pub(super) fn section(self) -> Self {
        let body = self.body().u32(0x1a2b_3c4d).u16(1).u16(0).u32(u32::MAX).u32(u32::MAX).bytes;
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn interface(self, link: LinkType, snaplen: u32, options: &[(u16, &[u8])]) -> Self {
        let mut body = self.body().u16(link.0).u16(0).u32(snaplen);
        for (code, value) in options {
            let pad = value.len().next_multiple_of(4) - value.len();
            body = body.u16(*code).u16(value.len() as u16).raw(value).raw(&[0; 3][..pad]);
        }
        let body = body.u32(0).bytes;
        self.block(1, &body)
    }

    pub(super) fn enhanced(self, interface: u32, ticks: u64, data: &[u8]) -> Self {
        let len = data.len() as u32;
        let body = self.body().u32(interface).u32((ticks >> 32) as u32).u32(ticks as u32).u32(len).u32(len).raw(data);
        let body = body.bytes;
        self.block(6, &body)
    }
}

/// A little-endian classic file of Ethernet frames, one a second from `from`, with these bytes.
pub(super) fn classic(from: u32, frames: &[&[u8]]) -> Vec<u8> {
    let mut out = Out::new(false).header(MICROS, (2, 4), 1);
    for (data, i) in frames.iter().zip(0..) {
        out = out.record(from + i, 0, data);
    }
    out.bytes
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    e.write_all(bytes).unwrap();
    e.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A folder with files in it.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

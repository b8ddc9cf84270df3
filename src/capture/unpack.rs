//! Raw bytes of an input, unpacked on the way if they are gzip or zstd.
//!
//! In: a file, a pipe or any reader. Out: plain bytes by `read()`, which returns what is there rather than waiting to
//! fill the caller's buffer, and an error once a compressed stream grows out of all proportion.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::GzDecoder;

use super::{Options, Packing, What};

/// Where the bytes come from.
pub(super) enum Raw {
    File(File),
    Reader(Box<dyn Read + Send>),
}

/// A raw input that counts what was read from it.
pub(super) struct Counted {
    raw: Raw,
    own: u64,
    run: Arc<AtomicU64>,
}

impl Counted {
    /// Counts into `run` as well, which all inputs of a run share.
    pub(super) fn new(raw: Raw, run: Arc<AtomicU64>) -> Self {
        Self { raw, own: 0, run }
    }
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = match &mut self.raw {
            Raw::File(f) => f.read(buf)?,
            Raw::Reader(r) => r.read(buf)?,
        };
        self.own = self.own.saturating_add(n as u64);
        self.run.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// What was read to find out the format, and the rest.
type Rest = Chain<Cursor<Vec<u8>>, Counted>;

enum Decoder {
    Gzip(Box<Members>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Rest>>>),
}

/// The members of a gzip file, one behind the other (RFC 1952 section 2.2), and how many packed bytes there were when they
/// were over. Tapes and other things with blocks fill up what is left of the last one with zeros, which `gzip -d` passes
/// over, too.
struct Members(Option<GzDecoder<BufReader<Rest>>>, u64);

impl Members {
    fn packed_bytes(&self) -> u64 {
        self.0.as_ref().map_or(self.1, |d| d.get_ref().get_ref().get_ref().1.own)
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let n = member.read(buf)?;
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            self.1 = self.packed_bytes();
            let Some(mut rest) = self.0.take().map(GzDecoder::into_inner) else { break };
            match rest.fill_buf()?.first() {
                None => {}
                Some(0) => padding(&mut rest)?,
                Some(_) => self.0 = Some(GzDecoder::new(rest)),
            }
        }
        Ok(0)
    }
}

/// Reads what is left, which must be zeros.
fn padding(rest: &mut impl BufRead) -> io::Result<()> {
    loop {
        let some = rest.fill_buf()?;
        if some.is_empty() {
            return Ok(());
        }
        if some.iter().any(|b| *b != 0) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "neither gzip nor padding"));
        }
        let n = some.len();
        rest.consume(n);
    }
}

/// A compressed input.
pub(super) struct Unpacker {
    decoder: Decoder,
    out: u64,
    free: u64,
    ratio: u64,
}

/// Output asked of a decoder at once. A decoder that finds damage gives nothing of that call, so this is what is lost.
const CHUNK: usize = 32 * 1024;

/// The plain bytes of an input.
pub(super) enum Bytes {
    Plain(Counted),
    Packed(Unpacker),
}

/// The compression that these first bytes announce. A zstd stream may open with a skippable frame.
pub(super) fn packing(magic: [u8; 4]) -> Option<Packing> {
    match magic {
        [0x1f, 0x8b, 8, _] => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Packing::Zstd),
        _ => None,
    }
}

impl Bytes {
    /// Unpacks `rest`, of which `start` was read already.
    pub(super) fn unpack(packing: Packing, start: Vec<u8>, rest: Counted, options: &Options) -> io::Result<Self> {
        let rest = Cursor::new(start).chain(rest);
        let decoder = match packing {
            Packing::Gzip => Decoder::Gzip(Box::new(Members(Some(GzDecoder::new(BufReader::new(rest))), 0))),
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(rest)?;
                decoder.window_log_max(options.zstd_window_log)?;
                Decoder::Zstd(Box::new(decoder))
            }
        };
        Ok(Self::Packed(Unpacker { decoder, out: 0, free: options.unpack_free, ratio: options.unpack_ratio }))
    }

    /// How the input is packed.
    pub(super) fn packing(&self) -> Option<Packing> {
        match self {
            Self::Plain(_) => None,
            Self::Packed(u) => Some(u.packing()),
        }
    }

    /// What a failed read means.
    pub(super) fn explain(&self, e: &io::Error) -> What {
        match self {
            Self::Packed(u) if e.raw_os_error().is_none() => {
                let packing = u.packing();
                if let Some(inner) = e.get_ref()
                    && inner.is::<TooLarge>()
                {
                    What::UnpacksTooLarge { packing, ratio: u.ratio }
                } else if e.kind() == io::ErrorKind::UnexpectedEof {
                    What::PackedCut(packing)
                } else {
                    What::PackedDamaged(packing)
                }
            }
            _ => What::ReadFailed { reason: e.to_string() },
        }
    }
}

impl Read for Bytes {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(r) => r.read(buf),
            Self::Packed(u) => u.read(buf),
        }
    }
}

impl Unpacker {
    fn packing(&self) -> Packing {
        match self.decoder {
            Decoder::Gzip(_) => Packing::Gzip,
            Decoder::Zstd(_) => Packing::Zstd,
        }
    }

    fn packed_bytes(&self) -> u64 {
        match &self.decoder {
            Decoder::Gzip(d) => d.packed_bytes(),
            Decoder::Zstd(d) => d.get_ref().get_ref().get_ref().1.own,
        }
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.out > self.free && self.out / self.ratio.max(1) > self.packed_bytes() {
            return Err(io::Error::other(TooLarge));
        }
        let room = buf.len().min(CHUNK);
        let buf = buf.get_mut(..room).unwrap_or_default();
        let n = match &mut self.decoder {
            Decoder::Gzip(d) => d.read(buf)?,
            Decoder::Zstd(d) => d.read(buf)?,
        };
        self.out = self.out.saturating_add(n as u64);
        Ok(n)
    }
}

/// Carries the reason through `io::Error`.
#[derive(Debug, thiserror::Error)]
#[error("unpacks too large")]
struct TooLarge;

/// What a file that is no capture looks like, and the way out, for the first bytes that people do hand in.
pub(super) fn looks_like(start: &[u8]) -> Option<&'static str> {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"\x1f\x8b", "gzip inside another compression: unpack it once and try again"),
        (b"\x28\xb5\x2f\xfd", "zstd inside another compression: unpack it once and try again"),
        (b"\xfd7zXZ\0", "an xz archive: pipe it in with xz -dc FILE | minewatch replay -"),
        (b"BZh", "a bzip2 archive: pipe it in with bzip2 -dc FILE | minewatch replay -"),
        (b"\x04\x22\x4d\x18", "an lz4 archive: pipe it in with lz4 -dc FILE | minewatch replay -"),
        (b"PK\x03\x04", "a zip archive: unpack it first"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
        (b"snoop\0\0\0", "a Solaris snoop file: convert it with editcap -F pcap"),
        (b"GMBU", "a Microsoft Network Monitor file: convert it with editcap -F pcap"),
        (b"RTSS", "a Microsoft Network Monitor file: convert it with editcap -F pcap"),
        (b"XCP\0", "a NetXRay file: convert it with editcap -F pcap"),
    ];
    if start.get(257..262).is_some_and(|b| b == b"ustar") {
        return Some("a tar archive: unpack it first");
    }
    KNOWN.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, text)| *text)
}

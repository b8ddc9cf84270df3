//! What can be wrong with an input, and the sentence a person gets about it.
//!
//! In: a finding of the readers. Out: an [`InputProblem`] that prints as one sentence with input, place and remedy.
//! Text from a capture is never part of it; the input's name comes from the command line or a folder and is printed
//! as it is, so a sink must escape it.

use crate::text::counted;
use std::fmt;
use std::sync::Arc;

/// Whether a problem makes the run's result incomplete.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Worth saying; nothing that was asked for is missing.
    Note,
    /// Something that was asked for could not be read: the run ends with exit code 2.
    Error,
}

/// A place in an input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Offset {
    /// Bytes from the start.
    pub at: u64,
    /// The start is that of the data inside the gzip or zstd stream, not of the file.
    pub unpacked: bool,
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}{}", self.at, if self.unpacked { " of the unpacked data" } else { "" })
    }
}

/// A compression that is unpacked on the way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Packing {
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// zstd (RFC 8878), any number of frames.
    Zstd,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum What {
    /// There is no such file or folder.
    Missing,
    /// It exists and cannot be opened or listed.
    Unreadable {
        /// The system's reason.
        reason: String,
    },
    /// It was there at the start of the run and cannot be opened any more.
    Gone {
        /// The system's reason.
        reason: String,
    },
    /// Reading failed midway (disk, network file system).
    ReadFailed {
        /// The system's reason.
        reason: String,
    },
    /// Zero bytes.
    Empty,
    /// Not a capture format that is read here.
    NotACapture {
        /// What it looks like instead, with what to do about it.
        looks_like: Option<&'static str>,
    },
    /// A pcap or pcapng of a version that does not exist.
    Version {
        /// Major version found.
        major: u16,
        /// Minor version found.
        minor: u16,
    },
    /// The input ends inside something.
    Cut {
        /// What it ends inside of.
        place: &'static str,
        /// Bytes of it that are there.
        have: u64,
        /// Bytes it should have, as far as is known.
        need: u64,
    },
    /// A frame longer than any capture program writes ([`MAX_FRAME`](super::MAX_FRAME)): its header is damaged.
    FrameTooLong {
        /// The captured length it claims.
        length: u32,
    },
    /// Nothing but zeros where a packet should start.
    Zeros,
    /// A pcapng block that contradicts itself.
    Block {
        /// What about it.
        why: &'static str,
    },
    /// The compressed stream ends early.
    PackedCut(Packing),
    /// The compressed stream is damaged.
    PackedDamaged(Packing),
    /// Unpacking was stopped: more came out than any capture packs into so few bytes.
    UnpacksTooLarge {
        /// How the input is packed.
        packing: Packing,
        /// Times its size that were allowed.
        ratio: u64,
    },
    /// Packets of interfaces that the file does not describe were left out.
    UnknownInterface {
        /// How many packets.
        packets: u64,
    },
    /// Packets with a length that does not fit their block were left out.
    PacketOutsideBlock {
        /// How many packets.
        packets: u64,
    },
    /// Packets longer than [`MAX_FRAME`](super::MAX_FRAME) were left out; the rest of the file is intact.
    PacketTooLong {
        /// How many packets.
        packets: u64,
    },
    /// Files appended to one another were read as one.
    Joined {
        /// How many file headers were found after the first.
        more: u64,
    },
    /// Some packets carry no time and got that of the packet before.
    Untimed,
    /// Files in a folder that are no captures were left out.
    FolderSkipped {
        /// How many files.
        files: u64,
        /// The names of the first few.
        examples: Vec<String>,
    },
    /// A folder without a single capture.
    FolderWithoutCaptures,
    /// The same file was named before under this name; it is read once.
    Twice {
        /// The earlier name.
        first: Arc<str>,
    },
    /// More captures overlap in time than may be open at once; the rest was read after others ended.
    TooManyOpen {
        /// The most that are open at once.
        limit: usize,
    },
}

/// One problem of one input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputProblem {
    /// Whether the result is incomplete because of it.
    pub severity: Severity,
    /// The input's name: the path as given or found, or `standard input`.
    pub source: Arc<str>,
    /// Where in the input, if it is at one place.
    pub offset: Option<Offset>,
    /// Frames of this input that were read all the same, if reading ended here.
    pub frames_before: Option<u64>,
    /// What it is.
    pub what: What,
}

impl InputProblem {
    /// A problem of an input as a whole.
    pub(super) fn of(source: &Arc<str>, severity: Severity, what: What) -> Self {
        Self { severity, source: Arc::clone(source), offset: None, frames_before: None, what }
    }
}

impl fmt::Display for InputProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.what.sentence(self.offset))?;
        match self.frames_before {
            None => Ok(()),
            Some(0) => f.write_str("; no packet before it"),
            Some(n) => write!(f, "; the {} read", counted(n, "packet before it was", "packets before it were")),
        }
    }
}

/// `1 packet`, `2 packets`.
fn count(n: u64, what: &str) -> String {
    counted(n, what, &format!("{what}s"))
}

impl What {
    fn sentence(&self, offset: Option<Offset>) -> String {
        let place = offset.map_or_else(String::new, |o| format!(" {o}"));
        match self {
            Self::Missing => "no such file or folder".to_owned(),
            Self::Unreadable { reason } => format!("cannot be opened ({reason})"),
            Self::Gone { reason } => format!("cannot be opened any more ({reason}); none of it was read"),
            Self::ReadFailed { reason } => format!("reading failed{place} ({reason})"),
            Self::Empty => "is empty: not even a file header was written".to_owned(),
            Self::NotACapture { looks_like: Some(what) } => format!("is not a capture but {what}"),
            Self::NotACapture { looks_like: None } => {
                "is not a capture (pcap or pcapng, plain or in gzip or zstd)".to_owned()
            }
            Self::Version { major, minor } => {
                format!("the file header{place} is of version {major}.{minor}, which is not known")
            }
            Self::Cut { place: inside, have, need } => format!(
                "cut off inside {inside} that starts{place} ({have} of {need} bytes are there): the capture was \
                 stopped hard or is still being written"
            ),
            Self::FrameTooLong { length } => {
                format!(
                    "damaged{place}: a packet header claims {}, so nothing after it can be trusted",
                    counted(*length, "byte", "bytes")
                )
            }
            Self::Zeros => format!("nothing but zeros{place}: the disk was full, or the file was allocated ahead"),
            Self::Block { why } => format!("damaged{place}: a block cannot be read because {why}"),
            Self::PackedCut(p) => format!("the {p} stream ends early{place}: the copy is incomplete"),
            Self::PackedDamaged(p) => format!("the {p} stream is damaged{place}: copy the file again"),
            Self::UnpacksTooLarge { packing, ratio } => format!(
                "unpacking was stopped{place}: it grows to more than {ratio} times its size, as no capture does. If it \
                 is one, unpack it with {packing} -dc and pipe it in"
            ),
            Self::UnknownInterface { packets } => {
                format!("{} of no described interface left out, the first{place}", count(*packets, "packet"))
            }
            Self::PacketOutsideBlock { packets } => {
                format!("{} longer than the block around it left out, the first{place}", count(*packets, "packet"))
            }
            Self::PacketTooLong { packets } => {
                let n = count(*packets, "packet");
                format!("{n} longer than {} bytes left out, the first{place}", super::MAX_FRAME)
            }
            Self::Joined { more } => {
                format!("{} appended to it, the first{place}, read as well", count(*more, "more capture"))
            }
            Self::Untimed => "some packets carry no time; they got the time of the packet before them".to_owned(),
            Self::FolderSkipped { files, examples } => {
                let more = if *files > examples.len() as u64 { ", …" } else { "" };
                let verb = if *files == 1 { "holds" } else { "hold" };
                format!("left out {} that {verb} no capture: {}{more}", count(*files, "file"), examples.join(", "))
            }
            Self::FolderWithoutCaptures => "no capture in this folder".to_owned(),
            Self::Twice { first } => format!("is the same file as {first}; it is read once"),
            Self::TooManyOpen { limit } => format!(
                "this and others had to wait, because more than {limit} captures overlap in time: their packets come \
                 late. Join some with mergecap first"
            ),
        }
    }
}

/// The list of problems of a run, bounded.
#[derive(Default)]
pub(super) struct Problems {
    list: Vec<InputProblem>,
    omitted: u64,
    errors: u64,
    dropped: Dropped,
}

/// Frames that a capture file says were dropped while it was written.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Dropped {
    /// By the system that captured.
    pub kernel: u64,
    /// By the interface.
    pub interface: u64,
}

impl Dropped {
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            kernel: self.kernel.saturating_add(other.kernel),
            interface: self.interface.saturating_add(other.interface),
        }
    }
}

impl Problems {
    /// Problems kept; more are only counted. Notes get half, so that they cannot crowd out an error.
    pub(super) const MAX: usize = 1000;

    pub(super) fn push(&mut self, p: InputProblem) {
        let is_error = p.severity == Severity::Error;
        self.errors += u64::from(is_error);
        if self.list.len() < if is_error { Self::MAX } else { Self::MAX / 2 } {
            self.list.push(p);
        } else {
            self.omitted += 1;
        }
    }

    /// An input lacks frames.
    pub(super) fn lose(&mut self, dropped: Dropped) {
        self.dropped = self.dropped.and(dropped);
    }

    pub(super) fn dropped(&self) -> Dropped {
        self.dropped
    }

    pub(super) fn list(&self) -> &[InputProblem] {
        &self.list
    }

    pub(super) fn into_list(self) -> Vec<InputProblem> {
        self.list
    }

    pub(super) fn omitted(&self) -> u64 {
        self.omitted
    }

    pub(super) fn errors(&self) -> u64 {
        self.errors
    }
}

/// Why a run has nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// No path was given.
    #[error("no input: name a capture file, a folder, or - for standard input")]
    NoInput,
    /// Not one input is a capture that can be opened. Each problem says why.
    #[error("nothing to read: {}", sentences(.problems))]
    NothingToRead {
        /// What is wrong with each input.
        problems: Vec<InputProblem>,
    },
}

fn sentences(problems: &[InputProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

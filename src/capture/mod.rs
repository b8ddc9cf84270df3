//! Where frames come from: capture files of every kind, standard input, folders, and (feature `live`) interfaces.
//!
//! In: paths. Out: [`Frame`]s in time order, borrowed from the reader's buffer, and a report of every damaged input.
//!
//! ```text
//! paths -> discover -> inputs (merge by packet time) -> source -> unpack (gzip, zstd) -> window -> classic | ng
//! ```
//!
//! [`Inputs`] is the door; everything behind it is private. A parser (`classic`, `ng`) is a pure function of the
//! bytes in the window, so that the way the bytes arrive (one read, many, a pipe, a compressed stream) cannot change
//! what is read.

mod bytes;
mod classic;
mod discover;
mod inputs;
mod link;
#[cfg(feature = "live")]
pub mod live;
mod ng;
mod problem;
mod source;
mod unpack;
mod window;

pub use inputs::{Inputs, Options};
pub use link::LinkType;
pub use problem::{CaptureError, Dropped, InputProblem, Offset, Packing, Severity, What};

use crate::time::PacketTime;

/// Longest frame accepted, in bytes: the largest snaplen of libpcap and Wireshark (256 KiB) and room for a
/// pseudo-header in front. A longer one is taken for damage, whatever the file says its snaplen is.
pub const MAX_FRAME: usize = 256 * 1024 + 4096;

/// Index of an input (file, pipe or interface) within one run, in the order of first packet time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SourceId(pub u32);

/// Where a frame stands: its input, and its number in there, counted from 1 as Wireshark does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FrameRef {
    /// Which input.
    pub source: SourceId,
    /// Number within that input, from 1.
    pub number: u64,
}

/// When and where something was seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Stamp {
    /// Capture time.
    pub time: PacketTime,
    /// Frame.
    pub frame: FrameRef,
}

/// A captured frame, borrowed from the reader.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Where it stands.
    pub at: FrameRef,
    /// When it was captured.
    pub time: PacketTime,
    /// How to read its first bytes.
    pub link: LinkType,
    /// Captured bytes.
    pub data: &'a [u8],
    /// Length on the wire; larger than `data` when a snaplen cut it. Some writers give less than was captured: then
    /// it is `data`'s length.
    pub wire_len: u32,
}

/// What a source answers when asked for the next frame.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A frame, borrowed until the next call.
    Frame(Frame<'a>),
    /// Nothing within the source's own time limit; ask again. Files never give this.
    Idle,
    /// No more frames, now or later.
    End,
}

/// What a source answers when asked for some frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lent {
    /// There is at least one.
    Frames,
    /// As [`Step::Idle`].
    Idle,
    /// As [`Step::End`].
    End,
}

/// Anything frames come from, one at a time and borrowed, or several.
pub trait PacketSource {
    /// The next frame. May block; never returns a frame after [`Step::End`].
    fn next(&mut self) -> Step<'_>;

    /// Puts the next frames to `out`, in order, at most `most` and those only that can be had without waiting once the
    /// first is there. Who sees several at once can fetch from memory what they need while looking at others. A source
    /// that cannot lend several lends one.
    fn lend<'s>(&'s mut self, most: usize, out: &mut Vec<Frame<'s>>) -> Lent {
        let _ = most;
        match self.next() {
            Step::Frame(frame) => {
                out.push(frame);
                Lent::Frames
            }
            Step::Idle => Lent::Idle,
            Step::End => Lent::End,
        }
    }

    /// Whether [`next`](Self::next) can answer without waiting for a slow peer. Batches are flushed before a call
    /// that may block, so that what arrived is reported while the pipe is silent.
    fn ready(&mut self) -> bool;

    /// Sources that must be read beside this one, each by a thread of its own: together they give each frame once. What
    /// is to be looked at together comes from one of them: both directions of a connection, fragments, what is in
    /// tunnels. Given out once.
    fn take_shares(&mut self) -> Vec<Box<dyn PacketSource + Send>> {
        Vec::new()
    }

    /// Of a source with shares: no earlier frame than this comes any more. Moves on while no frame comes at all.
    fn past(&self) -> PacketTime {
        PacketTime::ZERO
    }
}

#[cfg(test)]
mod tests;

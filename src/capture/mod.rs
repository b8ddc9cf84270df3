//! Where frames come from: capture files of every kind, standard input, folders, and (feature `live`) interfaces.
//!
//! In: paths. Out: [`Frame`]s in time order, borrowed from the reader's buffer, and a report of every damaged input.

use crate::time::PacketTime;

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

/// A link-layer header type as registered by tcpdump.org (LINKTYPE_ values).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkType(pub u16);

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
    /// Length on the wire; larger than `data` when a snaplen cut it.
    pub wire_len: u32,
}

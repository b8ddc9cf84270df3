//! A ring of the kernel's, as libpcap opened it.
//!
//! In: an interface's name and options. Out: its frames, borrowed from the ring, and how many were dropped.

use std::time::Duration;

use pcap::{Active, Capture, PacketHeader, Precision};

use super::{LiveError, LiveOptions};
use crate::capture::{Frame, FrameRef, LinkType, SourceId, Step};
use crate::time::PacketTime;

/// A frame that is stamped more than so much before the ring was whole came after the clock was set back, not before.
const STALE: Duration = Duration::from_secs(2);

/// An open ring.
pub(super) struct Ring {
    id: SourceId,
    handle: Capture<Active>,
    /// Timestamps of the handle carry nanoseconds, not microseconds.
    nanos: bool,
    link: LinkType,
    /// Frames before this came while the rings of a group were being opened, and may be in several of them. `None` once
    /// a later one was seen.
    whole: Option<PacketTime>,
    /// That one, until it is given out.
    first: Option<(PacketTime, u32)>,
    data: Vec<u8>,
    /// Frames read.
    frames: u64,
    /// The last look found nothing.
    pub(super) empty: bool,
    /// Why it cannot be read any more.
    pub(super) failed: Option<String>,
    /// What the handle said last of its drops.
    drops: (u32, u32),
}

impl Ring {
    /// Opens an interface. `real`: it is one, and no pseudo-interface.
    pub(super) fn open(
        id: SourceId,
        name: &str,
        options: &LiveOptions,
        (timeout, buffer): (i32, u32),
        real: bool,
    ) -> Result<Self, LiveError> {
        let failed = |source| LiveError::Open { name: name.to_owned(), source };
        // Packet sockets offer nanoseconds, libpcap's other sources (nflog, usbmon) do not, and pcap cannot be asked.
        let nanos = real || name == "any";
        // Timestamps are the kernel's, libpcap's default: those of an adapter's own clock would need one that is kept in
        // step. Block entries expire by the time of this machine, the frames of several interfaces are put in order by
        // their times, and a finding is looked up in other logs.
        let mut handle = Capture::from_device(name)
            .map_err(failed)?
            .promisc(true)
            .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(buffer).unwrap_or(i32::MAX))
            .timeout(timeout)
            .immediate_mode(false)
            .precision(if nanos { Precision::Nano } else { Precision::Micro })
            .open()
            .map_err(failed)?;
        if let Some(filter) = &options.filter {
            let bad = |source| LiveError::Filter { filter: filter.clone(), source };
            handle.filter(filter, true).map_err(bad)?;
        }
        let dlt = LinkType(u16::try_from(handle.get_datalink().0).unwrap_or(u16::MAX));
        Ok(Self {
            id,
            handle: handle.setnonblock().map_err(failed)?,
            nanos,
            link: link_type_of(dlt),
            whole: None,
            first: None,
            data: Vec::new(),
            frames: 0,
            empty: true,
            failed: None,
            drops: (0, 0),
        })
    }

    pub(super) const fn handle(&self) -> &Capture<Active> {
        &self.handle
    }

    pub(super) const fn link(&self) -> LinkType {
        self.link
    }

    /// Goes on with the numbers of another.
    pub(super) const fn counting_from(mut self, frames: u64) -> Self {
        self.frames = frames;
        self
    }

    /// Gives out no frame that is older.
    pub(super) const fn begin_at(&mut self, whole: PacketTime) {
        self.whole = Some(whole);
    }

    /// The next frame, borrowed.
    #[inline]
    pub(super) fn look(&mut self) -> Step<'_> {
        if self.whole.is_some() {
            self.pass_over();
        }
        if self.failed.is_some() || self.whole.is_some() {
            self.empty = true;
            return Step::Idle;
        }
        let (time, data, wire_len) = if let Some((time, wire_len)) = self.first.take() {
            (time, self.data.as_slice(), wire_len)
        } else {
            match self.handle.next_packet() {
                Ok(packet) => (time(self.nanos, packet.header), packet.data, packet.header.len),
                Err(e) => {
                    self.empty = true;
                    if e != pcap::Error::TimeoutExpired {
                        self.failed = Some(e.to_string());
                    }
                    return Step::Idle;
                }
            }
        };
        self.empty = false;
        self.frames += 1;
        let at = FrameRef { source: self.id, number: self.frames };
        Step::Frame(Frame { at, time, link: self.link, data, wire_len })
    }

    /// Passes over what is too old.
    fn pass_over(&mut self) {
        while let Some(whole) = self.whole {
            match self.handle.next_packet() {
                Ok(packet) => {
                    let time = time(self.nanos, packet.header);
                    if time >= whole || whole.since(time) >= STALE {
                        self.data.extend_from_slice(packet.data);
                        self.first = Some((time, packet.header.len));
                        self.whole = None;
                    }
                }
                Err(pcap::Error::TimeoutExpired) => return,
                Err(e) => {
                    self.failed = Some(e.to_string());
                    return;
                }
            }
        }
    }

    /// Frames dropped since the last call: by the kernel, by the interface.
    pub(super) fn drops(&mut self) -> (u64, u64) {
        let Ok(stats) = self.handle.stats() else { return (0, 0) };
        // They wrap; and libpcap takes back what an interface had dropped when it is gone.
        let more = |now: u32, last: u32| Some(now.wrapping_sub(last)).filter(|d| *d < 1 << 31).unwrap_or(0);
        let (kernel, interface) = (more(stats.dropped, self.drops.0), more(stats.if_dropped, self.drops.1));
        self.drops = (stats.dropped, stats.if_dropped);
        (u64::from(kernel), u64::from(interface))
    }
}

fn time(nanos: bool, header: &PacketHeader) -> PacketTime {
    let ts = header.ts;
    PacketTime::from_parts(ts.tv_sec, if nanos { ts.tv_usec } else { ts.tv_usec.saturating_mul(1000) })
}

/// libpcap's DLT numbers are the LINKTYPE numbers but for raw IP (12 on Linux).
fn link_type_of(dlt: LinkType) -> LinkType {
    if dlt.0 == 12 { LinkType(101) } else { dlt }
}

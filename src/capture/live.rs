//! Frames from an interface, through libpcap.
//!
//! In: an interface name. Out: frames as they come, and drop counters. Buffered mode with a timeout instead of immediate
//! mode: the kernel hands over batches and drops less. The handle does not block: libpcap's own wait has no end on a
//! silent interface, and what was found must be told and a signal obeyed there, too.

use pcap::{Active, Capture, Device};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Frame, FrameRef, LinkType, PacketSource, SourceId, Step};
use crate::health::{Counter, Health};
use crate::time::PacketTime;

/// Milliseconds after which a batch that is not full is handed over.
const TIMEOUT: i32 = 100;
/// Longest wait for a frame before the caller gets a turn.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// Kernel ring, in bytes.
const RING: i32 = 64 << 20;

/// Why an interface cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No such interface.
    #[error("no interface is called {name:?}: there are {there}")]
    NoInterface {
        /// As given.
        name: String,
        /// The interfaces there are.
        there: String,
    },
    /// libpcap refused.
    #[error("cannot watch {name}: {source}{}", remedy(.source))]
    Open {
        /// The interface.
        name: String,
        /// Answer of libpcap.
        source: pcap::Error,
    },
    /// The filter is none.
    #[error("{filter:?} is no capture filter: {source}")]
    Filter {
        /// As given.
        filter: String,
        /// Answer of libpcap.
        source: pcap::Error,
    },
}

fn remedy(e: &pcap::Error) -> &'static str {
    if e.to_string().contains("permitted") {
        "; capturing needs root or CAP_NET_RAW (setcap cap_net_raw=ep on the program)"
    } else {
        ""
    }
}

/// An interface.
pub struct Live {
    handle: Capture<Active>,
    /// The ring was empty: wait before the next look.
    dry: bool,
    link: LinkType,
    number: u64,
    over: Option<String>,
}

impl Live {
    /// Opens an interface in promiscuous mode.
    ///
    /// # Errors
    /// No such interface, no permission, a bad filter.
    pub fn open(name: &str, filter: Option<&str>) -> Result<Self, LiveError> {
        let failed = |source| LiveError::Open { name: name.to_owned(), source };
        if let Ok(devices) = Device::list()
            && !devices.iter().any(|d| d.name == name)
        {
            let there = devices.into_iter().map(|d| d.name).collect::<Vec<_>>().join(", ");
            return Err(LiveError::NoInterface { name: name.to_owned(), there });
        }
        let mut handle = Capture::from_device(name)
            .map_err(failed)?
            .promisc(true)
            .snaplen(256 * 1024)
            .buffer_size(RING)
            .timeout(TIMEOUT)
            .immediate_mode(false)
            .open()
            .map_err(failed)?;
        if let Some(filter) = filter {
            handle.filter(filter, true).map_err(|source| LiveError::Filter { filter: filter.to_owned(), source })?;
        }
        let link = LinkType(u16::try_from(handle.get_datalink().0).unwrap_or(u16::MAX));
        let handle = handle.setnonblock().map_err(failed)?;
        Ok(Self { handle, dry: false, link: link_type_of(link), number: 0, over: None })
    }

    /// Drops so far: by the kernel, by the interface.
    pub fn drops(&mut self, health: &mut Health) {
        if let Ok(stats) = self.handle.stats() {
            health.add_n(Counter::KernelDrops, u64::from(stats.dropped));
            health.add_n(Counter::InterfaceDrops, u64::from(stats.if_dropped));
        }
    }

    /// Why it ended, if it did.
    pub fn over(&self) -> Option<&str> {
        self.over.as_deref()
    }
}

/// libpcap's DLT numbers are the LINKTYPE numbers but for raw IP (12 on Linux).
fn link_type_of(dlt: LinkType) -> LinkType {
    if dlt.0 == 12 { LinkType(101) } else { dlt }
}

impl PacketSource for Live {
    fn next(&mut self) -> Step<'_> {
        if std::mem::take(&mut self.dry) {
            // Whatever it says, the next look tells.
            let _timeout_or_signal = poll(&mut [PollFd::new(&self.handle, PollFlags::IN)], Some(&PATIENCE));
        }
        match self.handle.next_packet() {
            Ok(packet) => {
                self.number += 1;
                let ts = packet.header.ts;
                Step::Frame(Frame {
                    at: FrameRef { source: SourceId(0), number: self.number },
                    time: PacketTime::from_parts(ts.tv_sec, ts.tv_usec.saturating_mul(1000)),
                    link: self.link,
                    data: packet.data,
                    wire_len: packet.header.len,
                })
            }
            Err(pcap::Error::TimeoutExpired) => {
                self.dry = true;
                Step::Idle
            }
            Err(e) => {
                self.over = Some(e.to_string());
                Step::End
            }
        }
    }

    fn ready(&mut self) -> bool {
        !self.dry
    }
}

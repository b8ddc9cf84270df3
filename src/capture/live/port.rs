//! One interface of a watch: opened, lost, found again.
//!
//! In: a name and options. Out: its frames; every change of its state as one sentence.

use std::time::{Duration, Instant};

use pcap::{Active, Capture, Device, Precision};

use super::links::Links;
use super::status::{Interface, LinkState, LiveStatus};
use super::{LiveError, LiveOptions};
use crate::capture::{Frame, FrameRef, LinkType, SourceId, Step};
use crate::text::printable;
use crate::time::PacketTime;

/// Shortest and longest wait before an interface that could not be opened is tried again.
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_mins(1);

/// A frame that was taken out of its ring and waits for its turn.
#[derive(Clone, Copy)]
struct Head {
    time: PacketTime,
    wire_len: u32,
}

/// An interface.
pub(super) struct Port {
    id: SourceId,
    name: String,
    handle: Option<Capture<Active>>,
    /// Timestamps of the handle carry nanoseconds, not microseconds.
    nanos: bool,
    link: LinkType,
    /// Of the interface that is open, and what it is called now. Unknown for pseudo-interfaces such as `any`.
    index: Option<u32>,
    called: String,
    state: LinkState,
    /// Since when it is not watched.
    since: Instant,
    /// The last look found nothing.
    pub(super) empty: bool,
    /// Why the handle cannot be read any more.
    pub(super) failed: Option<String>,
    retry_at: Instant,
    wait: Duration,
    /// It was there and up when last looked for.
    there: bool,
    /// Why it could not be opened, as told last.
    refused: Option<String>,
    frames: u64,
    kernel_drops: u64,
    interface_drops: u64,
    /// What the handle said last of its drops.
    drops: (u32, u32),
    head: Option<Head>,
    data: Vec<u8>,
    /// Time of the last look that found nothing.
    looked: PacketTime,
}

impl Port {
    /// Opens it for the first time.
    pub(super) fn open(
        id: SourceId,
        name: &str,
        options: &LiveOptions,
        timeout: i32,
        links: &mut Links,
    ) -> Result<Self, LiveError> {
        if let Ok(devices) = Device::list()
            && !devices.iter().any(|d| d.name == name)
        {
            let there = devices.into_iter().map(|d| d.name).collect::<Vec<_>>().join(", ");
            return Err(LiveError::NoInterface { name: name.to_owned(), there });
        }
        let now = Instant::now();
        let mut port = Self {
            id,
            name: name.to_owned(),
            handle: None,
            nanos: false,
            link: LinkType(0),
            index: None,
            called: name.to_owned(),
            state: LinkState::Gone,
            since: now,
            empty: true,
            failed: None,
            retry_at: now,
            wait: SOON,
            there: true,
            refused: None,
            frames: 0,
            kernel_drops: 0,
            interface_drops: 0,
            drops: (0, 0),
            head: None,
            data: Vec::new(),
            looked: PacketTime::ZERO,
        };
        port.begin(options, timeout, links)?;
        Ok(port)
    }

    fn begin(&mut self, options: &LiveOptions, timeout: i32, links: &mut Links) -> Result<(), LiveError> {
        let failed = |source| LiveError::Open { name: self.name.clone(), source };
        let link = links.named(&self.name);
        // Packet sockets offer nanoseconds, libpcap's other sources (nflog, usbmon) do not, and pcap cannot be asked.
        let nanos = link.is_some() || self.name == "any";
        let mut handle = Capture::from_device(self.name.as_str())
            .map_err(failed)?
            .promisc(true)
            .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.buffer).unwrap_or(i32::MAX))
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
        self.handle = Some(handle.setnonblock().map_err(failed)?);
        self.nanos = nanos;
        self.link = link_type_of(dlt);
        self.index = link.map(|l| l.index);
        self.called.clone_from(&self.name);
        self.state = LinkState::Watched;
        self.drops = (0, 0);
        self.failed = None;
        self.refused = None;
        self.wait = SOON;
        Ok(())
    }

    pub(super) const fn handle(&self) -> Option<&Capture<Active>> {
        self.handle.as_ref()
    }

    pub(super) const fn state(&self) -> LinkState {
        self.state
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its state and counters.
    pub(super) fn interface(&self) -> Interface {
        Interface {
            name: self.name.clone(),
            state: self.state,
            frames: self.frames,
            kernel_drops: self.kernel_drops,
            interface_drops: self.interface_drops,
        }
    }

    /// The next frame of its ring, borrowed from there.
    #[inline]
    pub(super) fn look(&mut self) -> Step<'_> {
        let Some(handle) = self.handle.as_mut().filter(|_| self.failed.is_none()) else {
            self.empty = true;
            return Step::Idle;
        };
        match handle.next_packet() {
            Ok(packet) => {
                self.frames += 1;
                self.empty = false;
                let ts = packet.header.ts;
                let nanos = if self.nanos { ts.tv_usec } else { ts.tv_usec.saturating_mul(1000) };
                Step::Frame(Frame {
                    at: FrameRef { source: self.id, number: self.frames },
                    time: PacketTime::from_parts(ts.tv_sec, nanos),
                    link: self.link,
                    data: packet.data,
                    wire_len: packet.header.len,
                })
            }
            Err(e) => {
                self.empty = true;
                if e != pcap::Error::TimeoutExpired {
                    self.failed = Some(e.to_string());
                }
                Step::Idle
            }
        }
    }

    /// Takes a frame out of the ring, if none waits. A ring that was empty is not looked at again within `patience`.
    pub(super) fn fill(&mut self, now: PacketTime, patience: Duration) {
        let rested = self.looked > now || now.since(self.looked) >= patience;
        if self.head.is_some() || (self.empty && !rested) {
            return;
        }
        let mut data = std::mem::take(&mut self.data);
        self.head = match self.look() {
            Step::Frame(f) => {
                data.clear();
                data.extend_from_slice(f.data);
                Some(Head { time: f.time, wire_len: f.wire_len })
            }
            Step::Idle | Step::End => None,
        };
        self.data = data;
        if self.head.is_none() {
            self.looked = now;
        }
    }

    /// Time of the frame that waits.
    pub(super) fn head(&self) -> Option<PacketTime> {
        self.head.map(|h| h.time)
    }

    /// Whether no frame can come from here any more that is older than `time`, if frames are in sight `hold` after they
    /// passed.
    pub(super) fn is_past(&self, time: PacketTime, hold: Duration) -> bool {
        self.head.is_some() || self.handle.is_none() || self.looked >= time.plus(hold)
    }

    /// The frame that waited.
    pub(super) fn take(&mut self) -> Step<'_> {
        let Some(head) = self.head.take() else { return Step::Idle };
        Step::Frame(Frame {
            at: FrameRef { source: self.id, number: self.frames },
            time: head.time,
            link: self.link,
            data: &self.data,
            wire_len: head.wire_len,
        })
    }

    /// Reads the drop counters.
    pub(super) fn count(&mut self) {
        let Some(Ok(stats)) = self.handle.as_mut().map(Capture::stats) else { return };
        // They wrap; and libpcap takes back what an interface had dropped when it is gone.
        let more = |now: u32, last: u32| Some(now.wrapping_sub(last)).filter(|d| *d < 1 << 31).unwrap_or(0);
        self.kernel_drops += u64::from(more(stats.dropped, self.drops.0));
        self.interface_drops += u64::from(more(stats.if_dropped, self.drops.1));
        self.drops = (stats.dropped, stats.if_dropped);
    }

    /// Looks after it: notices that it is gone, down, renamed or back.
    pub(super) fn tend(
        &mut self,
        now: Instant,
        options: &LiveOptions,
        timeout: i32,
        links: &mut Links,
        status: &LiveStatus,
    ) {
        self.count();
        if self.handle.is_some() {
            self.check(now, links, status);
        }
        if self.handle.is_none() {
            self.seek(now, options, timeout, links, status);
        }
    }

    fn check(&mut self, now: Instant, links: &mut Links, status: &LiveStatus) {
        let name = &self.name;
        if let Some(index) = self.index {
            match links.numbered(index) {
                // What still lies in its ring is read first.
                None if !self.empty => {}
                None => {
                    status.tell(format!("{name} is gone: it was removed; looked for every second until it is back"));
                    return self.lose(now);
                }
                Some(link) => {
                    if link.name != self.called {
                        if self.empty && link.name != *name && links.named(name).is_some() {
                            status.tell(format!("{name} is another interface now, and that one is watched"));
                            return self.lose(now);
                        }
                        let called = printable(&link.name, 64);
                        status.tell(format!("{name} is called {called} now; it is watched on, under its old name"));
                        self.called.clone_from(&link.name);
                    }
                    match (self.state, link.up) {
                        (LinkState::Watched, false) => {
                            status.tell(format!("{name} is down: nothing is seen of it until it is up again"));
                            self.state = LinkState::Down;
                            self.since = now;
                        }
                        (LinkState::Down, true) => {
                            let seconds = now.duration_since(self.since).as_secs();
                            status.tell(format!("{name} is up again after {seconds} s"));
                            self.state = LinkState::Watched;
                        }
                        _ => {}
                    }
                }
            }
        }
        if let Some(why) = &self.failed {
            let why = printable(why, 256);
            status.tell(format!("{name} cannot be read any more: {why}; it is opened again as soon as possible"));
            self.lose(now);
        }
    }

    fn lose(&mut self, now: Instant) {
        self.handle = None;
        self.failed = None;
        self.empty = true;
        if self.state == LinkState::Watched {
            self.since = now;
        }
        self.state = LinkState::Gone;
        self.wait = SOON;
        self.retry_at = now;
        self.there = false;
    }

    fn seek(&mut self, now: Instant, options: &LiveOptions, timeout: i32, links: &mut Links, status: &LiveStatus) {
        if self.index.is_some() {
            let there = links.named(&self.name).is_some_and(|l| l.up);
            // As soon as it appears it is worth a try, however long the wait has grown.
            let appeared = there && !std::mem::replace(&mut self.there, there);
            self.there = there;
            if !there || (!appeared && now < self.retry_at) {
                return;
            }
        } else if now < self.retry_at {
            return;
        }
        let index = self.index;
        match self.begin(options, timeout, links) {
            Ok(()) => {
                let seconds = now.duration_since(self.since).as_secs();
                status.tell(format!("{} is back and watched again; it was not for {seconds} s", self.name));
            }
            Err(e) => {
                self.handle = None;
                self.index = index;
                self.retry_at = now + self.wait;
                self.wait = (self.wait * 2).min(LATE);
                let why = e.to_string();
                if self.refused.as_ref() != Some(&why) {
                    status.tell(format!("{}; tried again at least once a minute", printable(&why, 512)));
                    self.refused = Some(why);
                }
            }
        }
    }
}

/// libpcap's DLT numbers are the LINKTYPE numbers but for raw IP (12 on Linux).
fn link_type_of(dlt: LinkType) -> LinkType {
    if dlt.0 == 12 { LinkType(101) } else { dlt }
}

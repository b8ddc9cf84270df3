//! One interface of a watch: opened, lost, found again.
//!
//! In: a name and options. Out: its frames; every change of its state as one sentence. With shares, it opens a ring for
//! each of them, too, and has all their frames dealt to these.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture, Device};

use super::deal;
use super::group::Group;
use super::links::Links;
use super::ring::Ring;
use super::share::Slots;
use super::status::{Interface, LinkState, LiveStatus};
use super::{LiveError, LiveOptions};
use crate::capture::{Frame, FrameRef, LinkType, SourceId, Step};
use crate::text::printable;
use crate::time::PacketTime;

/// Shortest and longest wait before an interface that could not be opened is tried again.
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_mins(1);
/// Bytes of a ring, at the least: room for frames of the largest snaplen.
const LEAST_BUFFER: u32 = 1 << 20;
/// A frame is not under way within the kernel for longer.
const ON_ITS_WAY: Duration = Duration::from_millis(1);

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
    ring: Option<Ring>,
    /// Those who read shares of its frames.
    slots: Slots,
    link: LinkType,
    /// Of the interface that is open, and what it is called now. Unknown for pseudo-interfaces such as `any`.
    index: Option<u32>,
    called: String,
    state: LinkState,
    /// Since when it is not watched.
    since: Instant,
    retry_at: Instant,
    wait: Duration,
    /// It was there and up when last looked for.
    there: bool,
    /// Why it could not be opened, as told last.
    refused: Option<String>,
    frames: u64,
    kernel_drops: u64,
    interface_drops: u64,
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
            ring: None,
            slots: Slots::default(),
            link: LinkType(0),
            index: None,
            called: name.to_owned(),
            state: LinkState::Gone,
            since: now,
            retry_at: now,
            wait: SOON,
            there: true,
            refused: None,
            frames: 0,
            kernel_drops: 0,
            interface_drops: 0,
            head: None,
            data: Vec::new(),
            looked: PacketTime::ZERO,
        };
        port.begin(options, timeout, links)?;
        Ok(port)
    }

    fn begin(&mut self, options: &LiveOptions, timeout: i32, links: &mut Links) -> Result<(), LiveError> {
        let link = links.named(&self.name);
        let others = self.slots.count();
        // An interface has as much memory as it was given, however many share it. What comes in tunnels is all the first's.
        let (first, each) = match others {
            0 => (options.buffer, 0),
            n => (options.buffer / 2, options.buffer / 2 / u32::try_from(n).unwrap_or(u32::MAX)),
        };
        let open = |buffer: u32| {
            let buffer = buffer.max(LEAST_BUFFER);
            Ring::open(self.id, &self.name, options, (timeout, buffer), link.is_some())
        };
        let mut ring = open(first)?.counting_from(self.frames);
        let mut more = (0..others).map(|_| open(each)).collect::<Result<Vec<_>, _>>()?;
        if !more.is_empty() {
            group(&mut ring, &mut more).map_err(|e| LiveError::Group { name: self.name.clone(), source: e })?;
        }
        self.link = ring.link();
        self.ring = Some(ring);
        self.slots.open(more);
        self.index = link.map(|l| l.index);
        self.called.clone_from(&self.name);
        self.state = LinkState::Watched;
        self.refused = None;
        self.wait = SOON;
        Ok(())
    }

    /// Opens it anew with a share for each of `slots`, if its frames can be dealt.
    pub(super) fn split(
        &mut self,
        slots: Slots,
        options: &LiveOptions,
        timeout: i32,
        links: &mut Links,
    ) -> Result<bool, LiveError> {
        if self.link != LinkType::ETHERNET {
            return Ok(false);
        }
        self.slots = slots;
        let split = self.begin(options, timeout, links);
        if split.is_err() {
            self.slots = Slots::default();
        }
        split.map(|()| true)
    }

    pub(super) fn handle(&self) -> Option<&Capture<Active>> {
        self.ring.as_ref().map(Ring::handle)
    }

    /// Whether the last look found nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.ring.as_ref().is_none_or(|r| r.empty)
    }

    /// Whether it cannot be read any more.
    pub(super) fn has_failed(&self) -> bool {
        self.ring.as_ref().is_some_and(|r| r.failed.is_some())
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
            frames: self.frames + self.slots.frames(),
            kernel_drops: self.kernel_drops + self.slots.kernel_drops(),
            interface_drops: self.interface_drops,
        }
    }

    /// The next frame of its ring, borrowed from there.
    #[inline]
    pub(super) fn look(&mut self) -> Step<'_> {
        let Some(ring) = &mut self.ring else { return Step::Idle };
        let step = ring.look();
        if let Step::Frame(frame) = &step {
            self.frames = frame.at.number;
        }
        step
    }

    /// Takes a frame out of the ring, if none waits. A ring that was empty is not looked at again within `patience`.
    pub(super) fn fill(&mut self, now: PacketTime, patience: Duration) {
        let rested = self.looked > now || now.since(self.looked) >= patience;
        if self.head.is_some() || (self.is_empty() && !rested) {
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
        self.head.is_some() || self.ring.is_none() || self.looked >= time.plus(hold)
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
        let Some((kernel, interface)) = self.ring.as_mut().map(Ring::drops) else { return };
        self.kernel_drops += kernel;
        // Every ring of the interface says the same of it.
        self.interface_drops += interface;
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
        if self.ring.is_some() {
            self.check(now, links, status);
        }
        if self.ring.is_none() {
            self.seek(now, options, timeout, links, status);
        }
    }

    fn check(&mut self, now: Instant, links: &mut Links, status: &LiveStatus) {
        let name = &self.name;
        if let Some(index) = self.index {
            match links.numbered(index) {
                // What still lies in its ring is read first.
                None if !self.is_empty() => {}
                None => {
                    status.tell(format!("{name} is gone: it was removed; looked for every second until it is back"));
                    return self.lose(now);
                }
                Some(link) => {
                    if link.name != self.called {
                        if self.is_empty() && link.name != *name && links.named(name).is_some() {
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
        let failed = self.ring.as_mut().and_then(|r| r.failed.take()).or_else(|| self.slots.failure());
        if let Some(why) = failed {
            let why = printable(&why, 256);
            status.tell(format!("{name} cannot be read any more: {why}; it is opened again as soon as possible"));
            self.lose(now);
        }
    }

    fn lose(&mut self, now: Instant) {
        self.ring = None;
        self.slots.close();
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

/// Makes rings of one interface a group; its frames are dealt to them from now on.
fn group(first: &mut Ring, more: &mut [Ring]) -> io::Result<()> {
    // Whoever does not know it cannot aim all of his frames at one ring.
    let secret = RandomState::new().hash_one(0) as u32;
    let group = Group::new(first.handle().as_fd(), &deal::program(secret))?;
    for ring in &*more {
        group.join(ring.handle().as_fd())?;
    }
    // Until now each had all frames. One that is being dealt at this moment is stamped when it arrives in its ring.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let whole = PacketTime::ZERO.plus(since_epoch + ON_ITS_WAY);
    for ring in std::iter::once(first).chain(more) {
        ring.begin_at(whole);
    }
    Ok(())
}

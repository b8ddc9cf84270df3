//! Frames from interfaces, through libpcap.
//!
//! In: names of interfaces. Out: frames as they come, those of several interfaces in the order of their times, and
//! through a [`LiveStatus`] what becomes of the interfaces meanwhile. Once opened, a watch has no end: an interface that
//! goes away is waited for.
//!
//! Buffered mode with a timeout instead of immediate mode: the kernel hands over batches and drops less. The handles do
//! not block: libpcap's own wait has no end on a silent interface, and what was found must be told and a signal obeyed
//! there, too.
//!
//! One interface may be read by several threads, each with a ring and a share of the frames.

mod deal;
mod group;
mod links;
mod port;
mod ring;
mod share;
mod status;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::links::Links;
use self::port::Port;
use self::share::{Share, Slots};
pub use self::status::{Interface, LinkState, LiveStatus};
use super::{PacketSource, SourceId, Step};
use crate::health::{Counter, Health};
use crate::text::printable;
use crate::time::PacketTime;

/// Milliseconds after which the kernel hands over a batch that is not full.
const TIMEOUT: i32 = 100;
/// The same with several rings: each frame waits so long for an earlier one in another of them.
const TIMEOUT_OF_SEVERAL: i32 = 20;
/// After this long a frame that passed is in sight, with several rings: their timeout and some slack.
const HOLD: Duration = Duration::from_millis(30);
/// An empty ring among several is looked at again after this long.
const RELOOK: Duration = Duration::from_millis(5);
/// Longest wait for a frame before the caller gets a turn.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often interfaces are looked after.
const TEND: Duration = Duration::from_secs(1);
/// Frames after which the clock is asked whether it is time to.
const FRAMES: u32 = 1024;

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
    /// The kernel refused to share its frames out.
    #[error("the frames of {name} cannot be shared out to several threads: {source}")]
    Group {
        /// The interface.
        name: String,
        /// Answer of the kernel.
        source: std::io::Error,
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
        "; capturing needs root or CAP_NET_RAW (setcap cap_net_raw=ep on the program, with --apply cap_net_raw,cap_net_admin=ep)"
    } else {
        ""
    }
}

/// How to capture.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// What to capture, in the syntax of pcap-filter(7).
    pub filter: Option<String>,
    /// Bytes of a frame that are captured, at the most.
    pub snaplen: u32,
    /// Bytes of the kernel's ring, for each interface.
    pub buffer: u32,
    /// Threads that share the frames of a single interface. Frames of several are read by one, in the order of their
    /// times: a tap gives each direction to an interface of its own.
    pub readers: usize,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self { filter: None, snaplen: 256 * 1024, buffer: 64 << 20, readers: 1 }
    }
}

/// Interfaces.
pub struct Live {
    ports: Vec<Port>,
    options: LiveOptions,
    links: Links,
    status: Arc<LiveStatus>,
    /// Nothing is in sight: wait before the next look.
    dry: bool,
    /// The last wait ended early and nothing was there all the same.
    fruitless: bool,
    /// Frames since the clock was asked.
    frames: u32,
    tend_at: Instant,
    /// For threads that read beside this one.
    shares: Vec<Share>,
    timeout: i32,
    /// What had not come into sight when the last wait was over cannot be older; and the same of the last look that found
    /// nothing.
    looked: PacketTime,
    past: PacketTime,
}

impl Live {
    /// Opens interfaces in promiscuous mode. Their [`SourceId`]s are their places in `names`.
    ///
    /// # Errors
    /// No such interface, no permission, a bad filter.
    pub fn open(names: &[String], options: LiveOptions) -> Result<Self, LiveError> {
        let mut links = Links::new();
        let timeout = if names.len() > 1 { TIMEOUT_OF_SEVERAL } else { TIMEOUT };
        let ports = (0..)
            .zip(names)
            .map(|(i, name)| Port::open(SourceId(i), name, &options, timeout, &mut links))
            .collect::<Result<Vec<_>, _>>()?;
        let mut live = Self {
            ports,
            options,
            links,
            status: Arc::default(),
            dry: false,
            fruitless: false,
            frames: 0,
            tend_at: Instant::now() + TEND,
            shares: Vec::new(),
            timeout,
            looked: PacketTime::ZERO,
            past: PacketTime::ZERO,
        };
        live.split();
        live.status.set(live.ports.iter().map(Port::interface));
        Ok(live)
    }

    /// Shares the frames of a single interface out. Where that cannot be, one thread reads them all, and deals them.
    fn split(&mut self) {
        let [port] = self.ports.as_mut_slice() else { return };
        let more = self.options.readers.saturating_sub(1);
        if more == 0 {
            return;
        }
        let (slots, shares) = Slots::new(more);
        match port.split(slots, &self.options, TIMEOUT_OF_SEVERAL, &mut self.links) {
            Ok(true) => {
                self.timeout = TIMEOUT_OF_SEVERAL;
                self.shares = shares;
            }
            Ok(false) => {}
            Err(e) => self.status.tell(format!("{}; one thread reads them all", printable(&e.to_string(), 512))),
        }
    }

    /// What becomes of the interfaces, to be asked while frames are read elsewhere.
    pub fn status(&self) -> Arc<LiveStatus> {
        Arc::clone(&self.status)
    }

    /// Adds the drops so far: by the kernel, by the interfaces.
    pub fn drops(&mut self, health: &mut Health) {
        for port in &mut self.ports {
            port.count();
            let i = port.interface();
            health.add_n(Counter::KernelDrops, i.kernel_drops);
            health.add_n(Counter::InterfaceDrops, i.interface_drops);
        }
    }

    /// Interfaces that are not watched now, though they should be, each as a sentence.
    pub fn missing(&self) -> Vec<String> {
        let missing = self.ports.iter().filter(|p| p.state() != LinkState::Watched);
        missing.map(|p| format!("{} was {} at the end", p.name(), p.state().name())).collect()
    }

    /// Waits for frames where none is in sight.
    fn wait(&mut self) {
        let waiting = self.ports.iter().any(|p| p.head().is_some());
        let patience = match (waiting, self.timeout == TIMEOUT_OF_SEVERAL) {
            (true, _) => RELOOK,
            (false, true) if self.ports.len() == 1 => share::PATIENCE,
            (false, _) => PATIENCE,
        };
        let empty = self.ports.iter().filter(|p| p.head().is_none());
        self.fruitless = wait(empty.filter_map(Port::handle), patience, self.fruitless);
    }

    fn tend(&mut self) {
        let now = Instant::now();
        self.frames = 0;
        if now < self.tend_at && !self.ports.iter().any(Port::has_failed) {
            return;
        }
        self.tend_at = now + TEND;
        for port in &mut self.ports {
            port.tend(now, &self.options, self.timeout, &mut self.links, &self.status);
        }
        self.status.set(self.ports.iter().map(Port::interface));
    }

    /// Which interface's frame is next. A tap gives each direction of a connection to an interface of its own, and an
    /// answer must not be read before its question: the earliest frame goes first, and only when no other interface can
    /// show an earlier one any more. The clock decides nothing else.
    fn earliest(&mut self) -> Option<usize> {
        let now = PacketTime::ZERO.plus(clock());
        for port in &mut self.ports {
            port.fill(now, RELOOK);
        }
        let heads = self.ports.iter().enumerate().filter_map(|(i, p)| Some((p.head()?, i)));
        let (time, first) = heads.min()?;
        // A clock that was set back makes nobody wait.
        (time > now || self.ports.iter().all(|p| p.is_past(time, HOLD))).then_some(first)
    }
}

/// Time since the epoch, by the clock that stamps frames.
fn clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Waits until a handle has something, for `patience` at the most. Whether one says that it has, which the next look must
/// bear out: if it was `fruitless`, this rests first.
fn wait<'a>(handles: impl Iterator<Item = &'a Capture<Active>>, patience: Duration, fruitless: bool) -> bool {
    if fruitless {
        // A handle that is always ready and never has anything must not keep a processor busy.
        let _timeout_or_signal = poll(&mut [], Some(&timespec(Duration::from_millis(10))));
    }
    let mut handles: Vec<_> = handles.map(|h| PollFd::new(h, PollFlags::IN)).collect();
    poll(&mut handles, Some(&timespec(patience))).is_ok_and(|n| n > 0)
}

fn timespec(d: Duration) -> Timespec {
    Timespec { tv_sec: 0, tv_nsec: d.subsec_nanos().into() }
}

impl PacketSource for Live {
    fn next(&mut self) -> Step<'_> {
        self.frames += 1;
        if std::mem::take(&mut self.dry) {
            self.wait();
            self.tend();
            self.looked = PacketTime::ZERO.plus(clock().saturating_sub(HOLD));
        } else if self.frames >= FRAMES {
            self.tend();
        }
        if self.ports.len() > 1 {
            if let Some(port) = self.earliest().and_then(|i| self.ports.get_mut(i)) {
                self.fruitless = false;
                return port.take();
            }
        } else if let Some(port) = self.ports.first_mut() {
            let step = port.look();
            if matches!(step, Step::Frame(_)) {
                self.fruitless = false;
                return step;
            }
        }
        self.past = self.looked;
        self.dry = true;
        Step::Idle
    }

    fn ready(&mut self) -> bool {
        !self.dry
    }

    fn take_shares(&mut self) -> Vec<Box<dyn PacketSource + Send>> {
        self.shares.drain(..).map(|s| -> Box<dyn PacketSource + Send> { Box::new(s) }).collect()
    }

    fn past(&self) -> PacketTime {
        self.past
    }
}

//! The loop from frames to events: one thread's, or several of them side by side.
//!
//! In: frames. Out: batches of events. Both directions of a flow and its tunnels' inside meet in one worker. A source
//! that comes in shares sees to that itself; each share is read, decoded and worked on by one thread. Of any other source
//! the packets are dealt ([`deal`](super::deal)), if there is more than one worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::deal::{Dealer, deal};
use super::event::Tick;
use super::merge::Batch;
use super::span::{Span, Times};
use super::worker::Worker;
use crate::capture::{Frame, Lent, PacketSource};
use crate::decode::{Begun, DecodeOptions, Decoder, Packet};
use crate::flow::{Limits, TOGETHER};
use crate::health::{Gauge, Gauges, Health};
use crate::intel::CurrentIntel;
use crate::time::{Clock, PacketTime};

/// Events are sent on no later than after so many frames, or when so many wait, or when there is nothing to read: whoever
/// takes them is woken each time, which costs more than the work on some hundred frames.
const FRAMES_UNSENT: usize = 4096;
const EVENTS_UNSENT: usize = 256;
/// Others wait for the word of a thread that found nothing no longer than this, in packet time.
const WORD: Duration = Duration::from_millis(10);

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Worker threads; 1 runs in the reader's. A source that comes in shares has as many as there are of those.
    pub workers: usize,
    /// Frames a batch.
    pub batch: usize,
    /// Caps of all flow tables together.
    pub limits: Limits,
    /// How to decode.
    pub decode: DecodeOptions,
    /// What names and addresses are known for. May be replaced while the run goes on.
    pub intel: Arc<CurrentIntel>,
    /// Whether findings are told on the way, too ([`What::Claim`](super::What::Claim)): for who acts while it goes on.
    pub claims: bool,
    /// Payloads, names and ports are looked at by nobody: flows are listened to, and nothing else.
    pub blind: bool,
    /// Where counters can be read while the run goes on.
    pub gauges: Option<Arc<Gauges>>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            workers: 1,
            batch: 512,
            limits: Limits::default(),
            decode: DecodeOptions::default(),
            intel: Arc::default(),
            claims: false,
            blind: false,
            gauges: None,
        }
    }
}

/// A run that is over.
#[derive(Debug)]
pub struct Ended<S> {
    /// The source, with its problems.
    pub source: S,
    /// Counters of everyone.
    pub health: Health,
    /// When it was captured.
    pub times: Times,
}

/// Reads the source to its end, or until `stop`. Blocks; call it from a thread of its own.
pub fn run<S: PacketSource>(
    mut source: S,
    options: &RunOptions,
    stop: &AtomicBool,
    frames: &AtomicU64,
    out: &mpsc::Sender<Batch>,
) -> Ended<S> {
    let post = Post { options, stop, frames, out };
    let shares = source.take_shares();
    let (health, times) = if !shares.is_empty() {
        side_by_side(&mut source, shares, post)
    } else if options.workers <= 1 {
        post.read(&mut source, (0, 1), options.limits, None)
    } else {
        deal(&mut source, post)
    };
    Ended { source, health, times }
}

/// What every thread of a run needs.
#[derive(Clone, Copy)]
pub(super) struct Post<'a> {
    pub(super) options: &'a RunOptions,
    pub(super) stop: &'a AtomicBool,
    pub(super) frames: &'a AtomicU64,
    pub(super) out: &'a mpsc::Sender<Batch>,
}

/// Each share with a thread and a worker of its own. What comes in tunnels comes to the source itself, which may be all
/// there is: it is dealt to as many workers more, who cost nothing where there are no tunnels.
fn side_by_side(
    source: &mut impl PacketSource,
    shares: Vec<Box<dyn PacketSource + Send>>,
    post: Post<'_>,
) -> (Health, Times) {
    let readers = shares.len() + 1;
    let of = 2 * readers;
    let limits = share(post.options.limits, readers);
    thread::scope(|scope| {
        let dealer = Dealer::start(scope, post, limits, readers, of);
        let mut handles = Vec::with_capacity(readers);
        for (i, mut share) in (1..).zip(shares) {
            let read = move || post.read(share.as_mut(), (i, of), limits, None);
            match thread::Builder::new().name(format!("reader-{i}")).spawn_scoped(scope, read) {
                Ok(handle) => handles.push(handle),
                // A share that nobody reads goes to the others, who must not wait for it.
                Err(_) => post.send(Batch { from: (i, of), upto: u64::MAX, events: Vec::new() }),
            }
        }
        let (mut health, mut times) = post.read(source, (0, of), limits, Some(dealer));
        for (more, last) in handles.into_iter().filter_map(|h| h.join().ok()) {
            health.merge(&more);
            times = times.or(last);
        }
        (health, times)
    })
}

impl Post<'_> {
    pub(super) fn send(&self, batch: Batch) {
        // A receiver that is gone wants no more findings.
        drop(self.out.blocking_send(batch));
    }

    /// Reads a source, or a share of one, and does all the work on its frames in this thread: no copy, no channel per
    /// packet; but what came in tunnels is for the `dealer`, if there is one. The order of events is that of the frames;
    /// with others beside it, that of their times.
    fn read<S: PacketSource + ?Sized>(
        &self,
        source: &mut S,
        (from, of): (usize, usize),
        limits: Limits,
        dealer: Option<Dealer<'_>>,
    ) -> (Health, Times) {
        let Self { options, stop, frames, .. } = self;
        let mut dealer = dealer.filter(Dealer::has_workers);
        let mut decoder = Decoder::new(options.decode);
        let mut worker = Worker::new(limits).telling_claims(options.claims).payload_blind(options.blind);
        let mut feeds = Feeds::new(&options.intel, &mut worker);
        let mut gauge = options.gauges.as_deref().map(Gauges::gauge);
        let mut stamps = Stamps { clock: Clock::default(), span: Span::new() };
        let (mut order, mut told, mut in_batch, mut unsent, mut idle) = (0u64, 0u64, 0usize, 0usize, false);
        // Allocated once: large blocks, taken again and again, make the allocator tidy up each time.
        let mut frames_kept: Vec<Frame<'static>> = Vec::with_capacity(TOGETHER);
        let mut packets_kept = Vec::with_capacity(TOGETHER);
        let place = |time: PacketTime| u64::try_from(time.as_nanos()).unwrap_or(0);
        loop {
            let nothing = std::mem::take(&mut idle) || !source.ready();
            if in_batch >= options.batch || nothing {
                frames.fetch_add(in_batch as u64, Ordering::Relaxed);
                unsent += std::mem::take(&mut in_batch);
                let enough = nothing || unsent >= FRAMES_UNSENT || worker.events() >= EVENTS_UNSENT;
                if of > 1 {
                    order = order.max(place(source.past()));
                }
                let due = of > 1 && order - told >= WORD.as_nanos() as u64;
                if due || (enough && worker.events() > 0) {
                    unsent = 0;
                    self.send(Batch { from: (from, of), upto: order, events: worker.take_events() });
                }
                if let Some(dealer) = &mut dealer
                    && (due || dealer.has_packets())
                {
                    dealer.flush(order);
                }
                if due {
                    told = order;
                }
                feeds.refresh(&mut worker);
                show(&mut gauge, || {
                    let mut health = decoder.health();
                    health.merge(worker.health());
                    health
                });
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            let mut lent = emptied(std::mem::take(&mut frames_kept));
            match source.lend(TOGETHER.min(options.batch.max(1)), &mut lent) {
                Lent::Frames => {
                    in_batch += lent.len();
                    // Frames that come from several processors may be stamped a little out of order.
                    let number = |time| {
                        order = if of > 1 { order.max(place(time)) } else { order + 1 };
                        order
                    };
                    let to = (&mut worker, dealer.as_mut());
                    together(&lent, &mut decoder, to, &mut stamps, number, &mut packets_kept);
                }
                Lent::Idle => idle = true,
                Lent::End => break,
            }
            frames_kept = emptied(lent);
        }
        worker.finish(order);
        self.send(Batch { from: (from, of), upto: u64::MAX, events: worker.take_events() });
        let mut health = decoder.finish();
        health.merge(worker.health());
        if let Some(dealer) = dealer {
            health.merge(&dealer.finish(order));
        }
        (health, stamps.span.times())
    }
}

/// What the stamps of frames say.
struct Stamps {
    clock: Clock,
    span: Span,
}

/// The memory of a list, for another one whose items are as large: the borrows in its items were over.
fn emptied<A, B>(mut list: Vec<A>) -> Vec<B> {
    list.clear();
    list.into_iter().filter_map(|_| None).collect()
}

/// Takes frames that were lent together. `kept` is the memory of a list.
fn together(
    frames: &[Frame<'_>],
    decoder: &mut Decoder,
    (worker, mut dealer): (&mut Worker, Option<&mut Dealer<'_>>),
    stamps: &mut Stamps,
    mut number: impl FnMut(PacketTime) -> u64,
    kept: &mut Vec<(Packet<'static>, u64)>,
) {
    let mut packets = emptied(std::mem::take(kept));
    let mut ticks = Vec::new();
    for frame in frames {
        let order = number(frame.time);
        if let Some(now) = stamps.clock.see(frame.time) {
            ticks.push(Tick { behind: packets.len(), order, now });
            if let Some(dealer) = &mut dealer {
                dealer.tick(now, order);
            }
        }
        if let Some(packet) = decoder.plain(frame) {
            // Looked at where it lies, or it would be copied there.
            packets.push((packet, order));
            stamps.span.see(frame.time, packets.last().map(|(packet, _)| packet));
            continue;
        }
        match decoder.walk(frame) {
            Begun::Packet(packet) => {
                stamps.span.see(frame.time, Some(&packet));
                match &mut dealer {
                    Some(dealer) if packet.outer.is_some() => dealer.push(&packet, order),
                    _ => packets.push((packet, order)),
                }
            }
            Begun::Nothing => stamps.span.see(frame.time, None),
            // What it completes lies in the decoder and has to be looked at before the next one.
            Begun::Part(part) => {
                worker.packets(&packets, &ticks);
                packets.clear();
                ticks.clear();
                let packet = decoder.assemble(&part);
                stamps.span.see(frame.time, packet.as_ref());
                match (packet, &mut dealer) {
                    (Some(packet), Some(dealer)) if packet.outer.is_some() => dealer.push(&packet, order),
                    (Some(packet), _) => worker.packet(&packet, order),
                    (None, _) => {}
                }
            }
        }
    }
    worker.packets(&packets, &ticks);
    *kept = emptied(packets);
}

/// Lets others read the counters, if anybody wants to and it is time to.
pub(super) fn show(gauge: &mut Option<Gauge>, health: impl FnOnce() -> Health) {
    if let Some(gauge) = gauge {
        gauge.refresh(health);
    }
}

/// The feeds that a worker uses.
pub(super) struct Feeds<'a> {
    current: &'a CurrentIntel,
    generation: u64,
}

impl<'a> Feeds<'a> {
    pub(super) fn new(current: &'a CurrentIntel, worker: &mut Worker) -> Self {
        let generation = current.generation();
        worker.set_intel(current.get());
        Self { current, generation }
    }

    pub(super) fn refresh(&mut self, worker: &mut Worker) {
        if self.current.generation() != self.generation {
            *self = Self::new(self.current, worker);
        }
    }
}

/// A worker's share of the caps. Sources and flows spread evenly enough by hash; the quota of one source stays whole,
/// because all flows of a pair of addresses meet in one worker.
pub(super) fn share(limits: Limits, n: usize) -> Limits {
    Limits {
        max_flows: (limits.max_flows / n).max(1024),
        half_open: (limits.half_open / n).max(1024),
        buffered: limits.buffered / n,
        listeners: (limits.listeners / n).max(1024),
        ..limits
    }
}

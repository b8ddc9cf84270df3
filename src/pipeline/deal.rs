//! One reader that deals packets to workers.
//!
//! In: frames. Out: batches of events, of every worker for every parcel. Both directions of a flow and its tunnels' inside
//! meet in one worker, because frames are dealt by tenant and unordered address pair of the innermost packet, after
//! fragments were put together. How much time has passed is told to all of them at the same frame.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tokio::sync::mpsc;

use super::event::Tick;
use super::merge::Batch;
use super::run::{Feeds, Post, share, show};
use super::span::{Span, Times};
use super::worker::Worker;
use crate::capture::{PacketSource, Step};
use crate::decode::{Decoder, Packet};
use crate::flow::{FlowHasher, Limits};
use crate::health::{Gauge, Gauges, Health};
use crate::intel::CurrentIntel;
use crate::time::{Clock, Elapsed};

/// Batches waiting for a worker.
const QUEUE: usize = 8;
/// A worker that nobody sends anything shows after this long what it has counted last.
const SILENCE: Duration = Duration::from_secs(1);

/// Packets on their way to a worker: their payloads lie one behind the other in `bytes`.
#[derive(Default)]
struct Parcel {
    packets: Vec<(Packet<'static>, u64, usize, usize)>,
    ticks: Vec<Tick>,
    bytes: Vec<u8>,
}

impl Parcel {
    fn push(&mut self, p: &Packet<'_>, order: u64) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(p.payload);
        self.packets.push((p.with_payload(&[]), order, from, self.bytes.len()));
    }
}

/// With the place in the order up to which it goes.
enum Work {
    Parcel(u64, Parcel),
    Finish(u64),
}

/// Workers, and the packets on their way to them.
pub(super) struct Dealer<'scope> {
    queues: Vec<Sender<Work>>,
    handles: Vec<ScopedJoinHandle<'scope, Health>>,
    parcels: Vec<Parcel>,
    empties: Receiver<Parcel>,
    hasher: FlowHasher,
}

impl<'scope> Dealer<'scope> {
    /// Starts workers: those from `first` on of `of` who send batches.
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        post: Post<'_>,
        limits: Limits,
        first: usize,
        of: usize,
    ) -> Self {
        let count = of.saturating_sub(first);
        let (empty_tx, empties) = bounded::<Parcel>(count * (QUEUE + 2));
        let (mut queues, mut handles) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for i in first..of {
            let (tx, rx) = bounded(QUEUE);
            let (out, empties) = (post.out.clone(), empty_tx.clone());
            let current = Arc::clone(&post.options.intel);
            let (claims, blind) = (post.options.claims, post.options.blind);
            let gauge = post.options.gauges.as_deref().map(Gauges::gauge);
            let work = move || serve(&rx, (i, of), (limits, claims, blind), &current, gauge, &out, &empties);
            let started = thread::Builder::new().name(format!("worker-{i}")).spawn_scoped(scope, work);
            let Ok(handle) = started else {
                // Fewer threads than asked for: the ones there are share the flows, and nobody waits for the others.
                (i..of).for_each(|i| post.send(Batch { from: (i, of), upto: u64::MAX, events: Vec::new() }));
                break;
            };
            queues.push(tx);
            handles.push(handle);
        }
        let parcels = queues.iter().map(|_| Parcel::default()).collect();
        Self { queues, handles, parcels, empties, hasher: FlowHasher::new() }
    }

    /// Whether there are workers.
    pub(super) fn has_workers(&self) -> bool {
        !self.queues.is_empty()
    }

    /// Whether packets wait for [`flush`](Self::flush).
    pub(super) fn has_packets(&self) -> bool {
        self.parcels.iter().any(|p| !p.packets.is_empty())
    }

    /// Puts a packet into its worker's parcel.
    pub(super) fn push(&mut self, packet: &Packet<'_>, order: u64) {
        let count = self.queues.len().max(1) as u64;
        let to = self.hasher.pair(packet.tenant, packet.src, packet.dst) % count;
        if let Some(parcel) = self.parcels.get_mut(to as usize) {
            parcel.push(packet, order);
        }
    }

    /// So much time has passed, for every worker.
    pub(super) fn tick(&mut self, now: Elapsed, order: u64) {
        for Parcel { packets, ticks, .. } in &mut self.parcels {
            ticks.push(Tick { behind: packets.len(), order, now });
        }
    }

    /// Sends every worker its parcel; the next ones have nothing from before `upto`.
    pub(super) fn flush(&mut self, upto: u64) {
        for (parcel, queue) in self.parcels.iter_mut().zip(&self.queues) {
            let full = std::mem::replace(parcel, self.empties.try_recv().unwrap_or_default());
            drop(queue.send(Work::Parcel(upto, full)));
        }
    }

    /// The input is over at `order`. The counters of all workers.
    pub(super) fn finish(mut self, order: u64) -> Health {
        if self.has_packets() {
            self.flush(order);
        }
        for queue in self.queues {
            drop(queue.send(Work::Finish(order)));
        }
        let mut health = Health::default();
        for handle in self.handles {
            if let Ok(h) = handle.join() {
                health.merge(&h);
            }
        }
        health
    }
}

/// Reads a source and deals its packets to as many workers as the options say.
pub(super) fn deal<S: PacketSource>(source: &mut S, post: Post<'_>) -> (Health, Times) {
    let Post { options, stop, frames, .. } = post;
    let mut decoder = Decoder::new(options.decode);
    let mut gauge = options.gauges.as_deref().map(Gauges::gauge);
    let (mut clock, mut span) = (Clock::default(), Span::new());
    let health = thread::scope(|scope| {
        let limits = share(options.limits, options.workers);
        let mut dealer = Dealer::start(scope, post, limits, 0, options.workers);
        // Even numbers are frames, and what time passes before one is between two of them, in whichever worker.
        let (mut order, mut in_batch) = (0u64, 0usize);
        while dealer.has_workers() {
            if in_batch >= options.batch || (in_batch > 0 && !source.ready()) {
                frames.store(order / 2, Ordering::Relaxed);
                dealer.flush(order);
                show(&mut gauge, || decoder.health());
                in_batch = 0;
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            match source.next() {
                Step::Frame(frame) => {
                    order += 2;
                    in_batch += 1;
                    if let Some(now) = clock.see(frame.time) {
                        dealer.tick(now, order - 1);
                    }
                    let packet = decoder.decode(&frame);
                    span.see(frame.time, packet.as_ref());
                    if let Some(packet) = packet {
                        dealer.push(&packet, order);
                    }
                }
                Step::Idle => {
                    show(&mut gauge, || decoder.health());
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
                Step::End => break,
            }
        }
        dealer.finish(order)
    });
    let mut all = decoder.finish();
    all.merge(&health);
    (all, span.times())
}

/// A worker thread. It answers every parcel, so that nobody waits for it.
fn serve(
    rx: &Receiver<Work>,
    from: (usize, usize),
    (limits, claims, blind): (Limits, bool, bool),
    current: &Arc<CurrentIntel>,
    mut gauge: Option<Gauge>,
    out: &mpsc::Sender<Batch>,
    empties: &Sender<Parcel>,
) -> Health {
    let mut worker = Worker::new(limits).telling_claims(claims).payload_blind(blind);
    let mut feeds = Feeds::new(current, &mut worker);
    loop {
        let work = match rx.recv_timeout(SILENCE) {
            Ok(work) => work,
            Err(RecvTimeoutError::Timeout) => {
                show(&mut gauge, || worker.health().clone());
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        feeds.refresh(&mut worker);
        let upto = match work {
            Work::Parcel(upto, mut parcel) => {
                let whole = |(packet, order, from, to): &(Packet<'_>, u64, usize, usize)| {
                    (packet.with_payload(parcel.bytes.get(*from..*to).unwrap_or_default()), *order)
                };
                let packets: Vec<_> = parcel.packets.iter().map(whole).collect();
                worker.packets(&packets, &parcel.ticks);
                drop(packets);
                parcel.packets.clear();
                parcel.ticks.clear();
                parcel.bytes.clear();
                drop(empties.try_send(parcel));
                upto
            }
            Work::Finish(order) => {
                worker.finish(order);
                u64::MAX
            }
        };
        drop(out.blocking_send(Batch { from, upto, events: worker.take_events() }));
        show(&mut gauge, || worker.health().clone());
    }
    worker.health().clone()
}

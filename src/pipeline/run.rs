//! The reader's loop, alone or with several workers.
//!
//! In: frames. Out: batches of events. Both directions of a flow and its tunnels' inside meet in one worker, because
//! frames are dealt by tenant and unordered address pair of the innermost packet, after fragments were put together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tokio::sync::mpsc;

use super::worker::{Event, Worker};
use crate::capture::{Frame, Lent, PacketSource, Step};
use crate::decode::{Begun, DecodeOptions, Decoder, Packet};
use crate::flow::{FlowHasher, Limits, TOGETHER};
use crate::health::{Gauge, Gauges, Health};
use crate::intel::CurrentIntel;
use crate::time::PacketTime;

/// Batches waiting for a worker.
const QUEUE: usize = 8;
/// A worker that nobody sends anything shows after this long what it has counted last.
const SILENCE: Duration = Duration::from_secs(1);

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Worker threads; 1 runs in the reader's.
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
            gauges: None,
        }
    }
}

/// Events of one worker for one batch of frames. Every worker answers every batch.
#[derive(Debug)]
pub struct Batch {
    /// Number of the batch.
    pub number: u64,
    /// What was found in it.
    pub events: Vec<Event>,
}

/// Puts the batches of several workers back into packet order.
pub struct Merger {
    workers: usize,
    next: u64,
    pending: BTreeMap<u64, (usize, Vec<Event>)>,
}

impl Merger {
    /// For that many workers.
    pub fn new(workers: usize) -> Self {
        Self { workers: workers.max(1), next: 0, pending: BTreeMap::new() }
    }

    /// Takes a batch; gives out the events that no earlier frame can precede any more.
    pub fn push(&mut self, batch: Batch) -> Vec<Event> {
        let entry = self.pending.entry(batch.number).or_default();
        entry.0 += 1;
        entry.1.extend(batch.events);
        let mut out = Vec::new();
        while self.pending.get(&self.next).is_some_and(|(n, _)| *n >= self.workers) {
            if let Some((_, mut events)) = self.pending.remove(&self.next) {
                events.sort_by_key(|e| e.order);
                out.append(&mut events);
            }
            self.next += 1;
        }
        out
    }
}

/// A run that is over.
#[derive(Debug)]
pub struct Ended<S> {
    /// The source, with its problems.
    pub source: S,
    /// Counters of everyone.
    pub health: Health,
    /// The latest packet time.
    pub until: PacketTime,
}

/// Reads the source to its end, or until `stop`. Blocks; call it from a thread of its own.
pub fn run<S: PacketSource>(
    mut source: S,
    options: &RunOptions,
    stop: &AtomicBool,
    frames: &AtomicU64,
    out: &mpsc::Sender<Batch>,
) -> Ended<S> {
    let (health, until) = if options.workers <= 1 {
        alone(&mut source, options, stop, frames, out)
    } else {
        with_workers(&mut source, options, stop, frames, out)
    };
    Ended { source, health, until }
}

fn alone<S: PacketSource>(
    source: &mut S,
    options: &RunOptions,
    stop: &AtomicBool,
    frames: &AtomicU64,
    out: &mpsc::Sender<Batch>,
) -> (Health, PacketTime) {
    let mut decoder = Decoder::new(options.decode);
    let mut worker = Worker::new(options.limits).telling_claims(options.claims);
    let mut feeds = Feeds::new(&options.intel, &mut worker);
    let mut gauge = options.gauges.as_deref().map(Gauges::gauge);
    let mut until = PacketTime::ZERO;
    let (mut order, mut number, mut in_batch) = (0u64, 0u64, 0usize);
    let send = |worker: &mut Worker, number: &mut u64| {
        if worker.has_events() {
            // A receiver that is gone wants no more findings.
            drop(out.blocking_send(Batch { number: *number, events: worker.take_events() }));
            *number += 1;
        }
    };
    // Allocated once: large blocks, taken again and again, make the allocator tidy up each time.
    let mut frames_kept: Vec<Frame<'static>> = Vec::with_capacity(TOGETHER);
    let mut packets_kept = Vec::with_capacity(TOGETHER);
    loop {
        if in_batch >= options.batch || !source.ready() {
            frames.store(order, Ordering::Relaxed);
            send(&mut worker, &mut number);
            feeds.refresh(&mut worker);
            show(&mut gauge, || {
                let mut health = decoder.health();
                health.merge(worker.health());
                health
            });
            in_batch = 0;
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        let mut lent = emptied(std::mem::take(&mut frames_kept));
        match source.lend(TOGETHER.min(options.batch.max(1)), &mut lent) {
            Lent::Frames => {
                in_batch += lent.len();
                until = lent.iter().map(|f| f.time).fold(until, PacketTime::max);
                together(&lent, &mut decoder, &mut worker, &mut order, &mut packets_kept);
            }
            Lent::Idle => in_batch = options.batch,
            Lent::End => break,
        }
        frames_kept = emptied(lent);
    }
    worker.finish(order);
    send(&mut worker, &mut number);
    let mut health = decoder.finish();
    health.merge(worker.health());
    (health, until)
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
    worker: &mut Worker,
    order: &mut u64,
    kept: &mut Vec<(Packet<'static>, u64)>,
) {
    let mut packets = emptied(std::mem::take(kept));
    for frame in frames {
        *order += 1;
        match decoder.begin(frame) {
            Begun::Packet(packet) => packets.push((packet, *order)),
            Begun::Nothing => {}
            // What it completes lies in the decoder and has to be looked at before the next one.
            Begun::Part(part) => {
                worker.packets(&packets);
                packets.clear();
                if let Some(packet) = decoder.assemble(&part) {
                    worker.packet(&packet, *order);
                }
            }
        }
    }
    worker.packets(&packets);
    *kept = emptied(packets);
}

/// Lets others read the counters, if anybody wants to and it is time to.
fn show(gauge: &mut Option<Gauge>, health: impl FnOnce() -> Health) {
    if let Some(gauge) = gauge {
        gauge.refresh(health);
    }
}

/// Packets on their way to a worker: their payloads lie one behind the other in `bytes`.
#[derive(Default)]
struct Parcel {
    packets: Vec<(Packet<'static>, u64, usize, usize)>,
    bytes: Vec<u8>,
}

impl Parcel {
    fn push(&mut self, p: &Packet<'_>, order: u64) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(p.payload);
        let detached = Packet {
            at: p.at,
            time: p.time,
            tenant: p.tenant,
            outer: p.outer,
            vlan: p.vlan,
            src_mac: p.src_mac,
            dst_mac: p.dst_mac,
            src: p.src,
            dst: p.dst,
            ip_id: p.ip_id,
            transport: p.transport,
            payload: &[],
            wire_payload_len: p.wire_payload_len,
            wire_ip_len: p.wire_ip_len,
        };
        self.packets.push((detached, order, from, self.bytes.len()));
    }
}

enum Work {
    Parcel(u64, Parcel),
    Finish(u64, u64),
}

fn with_workers<S: PacketSource>(
    source: &mut S,
    options: &RunOptions,
    stop: &AtomicBool,
    frames: &AtomicU64,
    out: &mpsc::Sender<Batch>,
) -> (Health, PacketTime) {
    let n = options.workers;
    let limits = share(options.limits, n);
    let mut decoder = Decoder::new(options.decode);
    let hasher = FlowHasher::new();
    let mut gauge = options.gauges.as_deref().map(Gauges::gauge);
    let mut until = PacketTime::ZERO;
    let mut health = Health::default();
    thread::scope(|scope| {
        let (empty_tx, empty_rx) = bounded::<Parcel>(n * (QUEUE + 2));
        let mut queues: Vec<Sender<Work>> = Vec::with_capacity(n);
        let mut handles = Vec::with_capacity(n);
        for i in 0..n {
            let (tx, rx) = bounded(QUEUE);
            let (out, empties) = (out.clone(), empty_tx.clone());
            let current = Arc::clone(&options.intel);
            let claims = options.claims;
            let gauge = options.gauges.as_deref().map(Gauges::gauge);
            let work = move || serve(&rx, (limits, claims), &current, gauge, &out, &empties);
            match thread::Builder::new().name(format!("worker-{i}")).spawn_scoped(scope, work) {
                Ok(handle) => {
                    queues.push(tx);
                    handles.push(handle);
                }
                // Fewer threads than asked for: the ones there are share the flows.
                Err(_) if i > 0 => break,
                Err(_) => return,
            }
        }
        let count = queues.len() as u64;
        let mut parcels: Vec<Parcel> = queues.iter().map(|_| Parcel::default()).collect();
        let (mut order, mut number, mut in_batch) = (0u64, 0u64, 0usize);
        let flush = |parcels: &mut Vec<Parcel>, number: &mut u64| {
            for (parcel, queue) in parcels.iter_mut().zip(&queues) {
                let full = std::mem::replace(parcel, empty_rx.try_recv().unwrap_or_default());
                drop(queue.send(Work::Parcel(*number, full)));
            }
            *number += 1;
        };
        loop {
            if in_batch >= options.batch || (in_batch > 0 && !source.ready()) {
                frames.store(order, Ordering::Relaxed);
                flush(&mut parcels, &mut number);
                show(&mut gauge, || decoder.health());
                in_batch = 0;
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            match source.next() {
                Step::Frame(frame) => {
                    order += 1;
                    in_batch += 1;
                    until = until.max(frame.time);
                    if let Some(packet) = decoder.decode(&frame) {
                        let to = hasher.pair(packet.tenant, packet.src, packet.dst) % count;
                        if let Some(parcel) = parcels.get_mut(to as usize) {
                            parcel.push(&packet, order);
                        }
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
        if in_batch > 0 {
            flush(&mut parcels, &mut number);
        }
        for queue in &queues {
            drop(queue.send(Work::Finish(number, order)));
        }
        drop(queues);
        for handle in handles {
            if let Ok(h) = handle.join() {
                health.merge(&h);
            }
        }
    });
    let mut all = decoder.finish();
    all.merge(&health);
    (all, until)
}

/// The feeds that a worker uses.
struct Feeds<'a> {
    current: &'a CurrentIntel,
    generation: u64,
}

impl<'a> Feeds<'a> {
    fn new(current: &'a CurrentIntel, worker: &mut Worker) -> Self {
        let generation = current.generation();
        worker.set_intel(current.get());
        Self { current, generation }
    }

    fn refresh(&mut self, worker: &mut Worker) {
        if self.current.generation() != self.generation {
            *self = Self::new(self.current, worker);
        }
    }
}

/// A worker thread.
fn serve(
    rx: &Receiver<Work>,
    (limits, claims): (Limits, bool),
    current: &Arc<CurrentIntel>,
    mut gauge: Option<Gauge>,
    out: &mpsc::Sender<Batch>,
    empties: &Sender<Parcel>,
) -> Health {
    let mut worker = Worker::new(limits).telling_claims(claims);
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
        let number = match work {
            Work::Parcel(number, mut parcel) => {
                for (packet, order, from, to) in parcel.packets.drain(..) {
                    let payload = parcel.bytes.get(from..to).unwrap_or_default();
                    worker.packet(&Packet { payload, ..packet }, order);
                }
                parcel.bytes.clear();
                drop(empties.try_send(parcel));
                number
            }
            Work::Finish(number, order) => {
                worker.finish(order);
                number
            }
        };
        drop(out.blocking_send(Batch { number, events: worker.take_events() }));
        show(&mut gauge, || worker.health().clone());
    }
    worker.health().clone()
}

/// A worker's share of the caps. Sources and flows spread evenly enough by hash; the quota of one source stays whole,
/// because all flows of a pair of addresses meet in one worker.
fn share(limits: Limits, n: usize) -> Limits {
    Limits {
        max_flows: (limits.max_flows / n).max(1024),
        half_open: (limits.half_open / n).max(1024),
        buffered: limits.buffered / n,
        ..limits
    }
}

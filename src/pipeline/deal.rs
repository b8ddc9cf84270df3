//! One reader that deals packets to workers.
//!
//! In: frames. Out: batches of events, of every worker for every parcel. Both directions of a flow and its tunnels' inside
//! meet in one worker, because frames are dealt by tenant and unordered address pair of the innermost packet, after
//! fragments were put together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tokio::sync::mpsc;

use super::merge::Batch;
use super::run::{Feeds, Post, share, show};
use super::worker::Worker;
use crate::capture::{PacketSource, Step};
use crate::decode::{Decoder, Packet};
use crate::flow::{FlowHasher, Limits};
use crate::health::{Gauge, Gauges, Health};
use crate::intel::CurrentIntel;
use crate::time::PacketTime;

/// Batches waiting for a worker.
const QUEUE: usize = 8;
/// A worker that nobody sends anything shows after this long what it has counted last.
const SILENCE: Duration = Duration::from_secs(1);

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

/// With the place in the order up to which it goes.
enum Work {
    Parcel(u64, Parcel),
    Finish(u64),
}

/// Reads a source and deals its packets to as many workers as the options say.
pub(super) fn deal<S: PacketSource>(source: &mut S, post: Post<'_>) -> (Health, PacketTime) {
    let Post { options, stop, frames, out } = post;
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
            let work = move || serve(&rx, (i, n), (limits, claims), &current, gauge, &out, &empties);
            match thread::Builder::new().name(format!("worker-{i}")).spawn_scoped(scope, work) {
                Ok(handle) => {
                    queues.push(tx);
                    handles.push(handle);
                }
                Err(_) if i == 0 => return,
                // Fewer threads than asked for: the ones there are share the flows, and nobody waits for the others.
                Err(_) => {
                    (i..n).for_each(|i| post.send(Batch { from: (i, n), upto: u64::MAX, events: Vec::new() }));
                    break;
                }
            }
        }
        let count = queues.len() as u64;
        let mut parcels: Vec<Parcel> = queues.iter().map(|_| Parcel::default()).collect();
        let (mut order, mut in_batch) = (0u64, 0usize);
        let flush = |parcels: &mut Vec<Parcel>, order: u64| {
            for (parcel, queue) in parcels.iter_mut().zip(&queues) {
                let full = std::mem::replace(parcel, empty_rx.try_recv().unwrap_or_default());
                drop(queue.send(Work::Parcel(order, full)));
            }
        };
        loop {
            if in_batch >= options.batch || (in_batch > 0 && !source.ready()) {
                frames.store(order, Ordering::Relaxed);
                flush(&mut parcels, order);
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
            flush(&mut parcels, order);
        }
        for queue in &queues {
            drop(queue.send(Work::Finish(order)));
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

/// A worker thread. It answers every parcel, so that nobody waits for it.
fn serve(
    rx: &Receiver<Work>,
    from: (usize, usize),
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
        let upto = match work {
            Work::Parcel(upto, mut parcel) => {
                for (packet, order, from, to) in parcel.packets.drain(..) {
                    let payload = parcel.bytes.get(from..to).unwrap_or_default();
                    worker.packet(&Packet { payload, ..packet }, order);
                }
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

//! A worker on the bench: dialogues go in as segments, the finding comes out.

use std::net::SocketAddr;
use std::time::Duration;

use minewatch::capture::{FrameRef, SourceId};
use minewatch::carrier::Wrap;
use minewatch::decode::{Packet, TcpFlags, Tenant, Transport};
use minewatch::evidence::Verdict;
use minewatch::flow::Limits;
use minewatch::health::Counter;
use minewatch::ledger::FlowFinding;
use minewatch::pipeline::{What, Worker};
use minewatch::time::PacketTime;

use crate::kit::dialogue::{Dialogue, SECOND, Side, Turn};
use crate::kit::rng::Rng;

/// What the sensor sees of a dialogue that is otherwise whole, from SYN to FIN.
#[derive(Clone, Default)]
pub(crate) struct Sight {
    /// Bytes in a segment; `None`: a segment is a write.
    pub(crate) step: Option<usize>,
    /// Only this side.
    pub(crate) only: Option<Side>,
    /// Numbers of the data segments that the sensor misses, over both sides.
    pub(crate) missed: Vec<usize>,
    /// Everything before this data segment is missed, the handshake as well.
    pub(crate) from: usize,
}

/// What came out.
pub(crate) struct Outcome {
    pub(crate) finding: Option<FlowFinding>,
    /// The highest level told on the way or at the end.
    pub(crate) level: Option<Verdict>,
}

/// Everything in a finding that a wrapping must not change.
pub(crate) fn facts(f: &FlowFinding) -> String {
    format!(
        "{} {} {:?} {:?} shares {:?} jobs {} login {:?} wallet {:?} worker {:?} agent {:?} coin {:?} difficulty {:?}",
        f.dialect,
        f.verdict,
        f.stage,
        f.category,
        f.shares,
        f.jobs,
        f.login,
        f.wallet,
        f.worker,
        f.agent,
        f.coin,
        f.difficulty
    )
}

/// The same without what a hole costs by itself: behind one, a direction is read late, and answers may come before what
/// they answer.
pub(crate) fn outline(f: &FlowFinding) -> String {
    format!(
        "{} {} {} shares jobs {} login {:?} agent {:?} coin {:?}",
        f.dialect, f.verdict, f.shares.submitted, f.jobs, f.login, f.agent, f.coin
    )
}

/// The wrappings of a finding, as text.
pub(crate) fn wraps(f: &FlowFinding) -> Vec<String> {
    let text = |w: &Wrap| match w {
        Wrap::Socks(Some(t)) | Wrap::Connect(Some(t)) | Wrap::Http(Some(t)) => format!("{} {t}", w.kind()),
        Wrap::Proxy(Some(s)) => format!("{} {s}", w.kind()),
        _ => w.kind().to_owned(),
    };
    f.wraps.iter().map(text).collect()
}

struct Line {
    worker: Worker,
    order: u64,
    next: [u32; 2],
    now: u64,
}

impl Line {
    fn send(&mut self, side: Side, flags: TcpFlags, payload: &[u8], seen: bool) {
        let ends: [SocketAddr; 2] = [([192, 0, 2, 1], 40_000).into(), ([198, 51, 100, 2], 3333).into()];
        let (from, to) = (ends[side.index()], ends[side.other().index()]);
        let (seq, ack) = (self.next[side.index()], self.next[side.other().index()]);
        let more = payload.len() as u32 + u32::from(flags.syn || flags.fin);
        self.next[side.index()] = seq.wrapping_add(more);
        self.order += 1;
        self.now += 50_000;
        if !seen {
            return;
        }
        let packet = Packet {
            at: FrameRef { source: SourceId(0), number: self.order },
            time: PacketTime::ZERO.plus(Duration::from_nanos(1_772_409_600 * SECOND + self.now)),
            tenant: Tenant::None,
            outer: None,
            vlan: None,
            src_mac: None,
            dst_mac: None,
            src: from.ip(),
            dst: to.ip(),
            ip_id: self.order as u16,
            transport: Transport::Tcp {
                src_port: from.port(),
                dst_port: to.port(),
                seq,
                ack: if flags.ack { ack } else { 0 },
                window: 65_000,
                flags,
            },
            payload,
            wire_payload_len: payload.len() as u32,
            wire_ip_len: payload.len() as u32 + 40,
        };
        self.worker.packet(&packet, self.order);
    }
}

/// A dialogue through a worker of its own.
pub(crate) fn run(dialogue: &Dialogue, sight: &Sight) -> Outcome {
    let mut line = Line { worker: Worker::new(Limits::default()), order: 0, next: [7_000, 9_000_000], now: 0 };
    let seen = |side: Side| sight.only.is_none_or(|s| s == side);
    let ack = TcpFlags { ack: true, ..TcpFlags::default() };
    let (syn, both) = (TcpFlags { syn: true, ..TcpFlags::default() }, TcpFlags { syn: true, ..ack });
    for (side, flags) in [(Side::Client, syn), (Side::Server, both), (Side::Client, ack)] {
        line.send(side, flags, b"", seen(side) && sight.from == 0);
    }
    let mut n = 0;
    for turn in &dialogue.turns {
        line.now = line.now.max(turn.at);
        for part in turn.bytes.chunks(sight.step.unwrap_or(usize::MAX)) {
            line.send(turn.side, ack, part, seen(turn.side) && n >= sight.from && !sight.missed.contains(&n));
            n += 1;
        }
    }
    for side in [Side::Client, Side::Server, Side::Client] {
        line.send(side, TcpFlags { fin: true, ..ack }, b"", seen(side));
    }
    line.worker.finish(line.order);
    assert_eq!(line.worker.health().get(Counter::WorkerPanics), 0, "a panic was caught");
    let (mut finding, mut level) = (None, None);
    for event in line.worker.take_events() {
        match event.what {
            What::Alert(a) => level = level.max(Some(a.verdict)),
            What::Flow(f) => {
                level = level.max(Some(f.verdict));
                finding = Some(*f);
            }
            _ => {}
        }
    }
    Outcome { finding, level }
}

/// The same words in the same order, joined and split again at random places: segments begin and end inside messages,
/// and hold the end of a handshake and what follows it.
pub(crate) fn recut(dialogue: &Dialogue, rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::new(dialogue.truth.clone());
    for turn in &dialogue.turns {
        match d.turns.last_mut() {
            Some(last) if last.side == turn.side => last.bytes.extend_from_slice(&turn.bytes),
            _ => d.turns.push(turn.clone()),
        }
    }
    let mut split = Vec::new();
    for turn in d.turns {
        let mut rest = &turn.bytes[..];
        while !rest.is_empty() {
            let n = (rng.range(1, 2 + rest.len() as u64) as usize).min(rest.len());
            split.push(Turn { at: turn.at, side: turn.side, bytes: rest[..n].to_vec() });
            rest = &rest[n..];
        }
    }
    d.turns = split;
    d
}

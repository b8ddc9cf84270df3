//! A worker on the bench, and ways to cut what two programs say into segments.
//!
//! In: dialogues. Out: what a user would be told.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use minewatch::capture::{FrameRef, SourceId};
use minewatch::decode::{Packet, TcpFlags, Tenant, Transport};
use minewatch::flow::Limits;
use minewatch::health::Counter;
use minewatch::ledger::FlowFinding;
use minewatch::pipeline::{What, Worker};
use minewatch::time::PacketTime;

use crate::kit::dialogue::{Dialogue, MILLI, SECOND, Turn};
use crate::kit::rng::Rng;
use crate::kit::tcp::{Conversation, Segment, flag, play};

/// A way to cut a dialogue.
pub(crate) type Cut = fn(&Dialogue) -> Dialogue;

/// Every way: as written, all that one side says before the other speaks as one, in small pieces, in single bytes.
pub(crate) const CUTS: [(&str, Cut); 6] = [
    ("as written", Dialogue::clone),
    ("turns as one", |d| cut_by(d, |_, n| n)),
    ("single bytes", |d| cut_by(d, |_, _| 1)),
    ("seven bytes", |d| cut_by(d, |_, _| 7)),
    ("across frames", |d| cut_by(d, |_, _| 61)),
    ("at random", |d| cut_by(d, |rng, n| rng.range(1, n as u64 + 1) as usize)),
];

/// Joins what one side says within a second, and cuts it into pieces a hundred microseconds apart.
fn cut_by(d: &Dialogue, size: fn(&mut Rng, usize) -> usize) -> Dialogue {
    let mut joined: Vec<Turn> = Vec::new();
    for turn in &d.turns {
        match joined.last_mut() {
            Some(last) if last.side == turn.side && turn.at - last.at < SECOND => last.bytes.extend(&turn.bytes),
            _ => joined.push(turn.clone()),
        }
    }
    let (mut rng, mut turns) = (Rng::new(5), Vec::new());
    for Turn { mut at, side, bytes } in joined {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(size(&mut rng, rest.len()).clamp(1, rest.len()));
            turns.push(Turn { at, side, bytes: piece.to_vec() });
            rest = behind;
            // All of a turn is there before the answer to it.
            at += MILLI / 20;
        }
    }
    Dialogue { turns, truth: d.truth.clone() }.done()
}

fn talk(n: usize) -> Conversation {
    let client = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 31_000 + n as u16);
    let server = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)), 3336);
    Conversation::new(client, server, 1_772_409_600 * SECOND, &mut Rng::new(n as u64))
}

/// What is found in these, each a connection of its own.
pub(crate) fn findings(all: &[Dialogue]) -> Vec<FlowFinding> {
    let mut segments = Vec::new();
    for (n, d) in all.iter().enumerate() {
        let talk = talk(n);
        let played = play(&talk, d, &mut Rng::new(1));
        segments.extend(played.into_iter().map(|s| (talk.address(s.side), talk.address(s.side.other()), s)));
    }
    feed(&segments)
}

/// The same of one whose handshake was not captured.
pub(crate) fn findings_mid_stream(d: &Dialogue) -> Vec<FlowFinding> {
    let talk = talk(0);
    let played = play(&talk, d, &mut Rng::new(1)).into_iter().skip(3);
    feed(&played.map(|s| (talk.address(s.side), talk.address(s.side.other()), s)).collect::<Vec<_>>())
}

fn feed(segments: &[(SocketAddr, SocketAddr, Segment)]) -> Vec<FlowFinding> {
    let mut worker = Worker::new(Limits::default());
    let mut sorted: Vec<_> = segments.iter().collect();
    sorted.sort_by_key(|(.., s)| s.at);
    let mut order = 0;
    for (from, to, s) in sorted {
        order += 1;
        let bit = |b: u8| s.flags & b != 0;
        let flags = TcpFlags {
            syn: bit(flag::SYN),
            ack: bit(flag::ACK),
            fin: bit(flag::FIN),
            rst: bit(flag::RST),
            psh: bit(flag::PSH),
            urgent: 0,
        };
        let transport = Transport::Tcp {
            src_port: from.port(),
            dst_port: to.port(),
            seq: s.seq,
            ack: s.ack,
            window: 65_000,
            flags,
        };
        let len = s.payload.len() as u32;
        let packet = Packet {
            at: FrameRef { source: SourceId(0), number: order },
            time: PacketTime::ZERO.plus(Duration::from_nanos(s.at)),
            tenant: Tenant::None,
            outer: None,
            vlan: None,
            src_mac: None,
            dst_mac: None,
            src: from.ip(),
            dst: to.ip(),
            ip_id: s.ip_id,
            transport,
            payload: &s.payload,
            wire_payload_len: len,
            wire_ip_len: len + 40,
        };
        worker.packet(&packet, order);
    }
    worker.finish(order);
    assert_eq!(worker.health().get(Counter::WorkerPanics), 0, "a panic was caught");
    let flow = |what| match what {
        What::Flow(f) => Some(*f),
        _ => None,
    };
    worker.take_events().into_iter().filter_map(|e| flow(e.what)).collect()
}

/// The evidence in one line.
pub(crate) fn said(f: &FlowFinding) -> String {
    f.evidence.iter().map(|e| e.text.as_str()).collect::<Vec<_>>().join("; ")
}

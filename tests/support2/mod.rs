//! A worker on the bench: dialogues go in as segments, findings and counters come out.
//!
//! In: dialogues of the kit, whole, cut, damaged or rewritten. Out: what a user would be told of them. Packets are made
//! without link layer and checksums, so that tens of thousands of conversations take seconds.

// Every user takes a part of it, and none of its input comes from a network.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc)]

pub mod deviate;
pub mod inside;
pub mod json;
pub mod lookalikes;
pub mod messages;

use std::net::SocketAddr;
use std::time::Duration;

use minewatch::capture::{FrameRef, SourceId};
use minewatch::decode::{Packet, TcpFlags, Tenant, Transport};
use minewatch::evidence::{Code, Family, Verdict};
use minewatch::flow::Limits;
use minewatch::health::{Counter, Health};
use minewatch::intel::Intel;
use minewatch::ledger::{Alert, FlowFinding, Overhearing, Sighting};
use minewatch::pipeline::{What, Worker};
use minewatch::time::PacketTime;

use crate::kit::dialogue::{Dialogue, SECOND, Side, Turn};
use crate::kit::rng::Rng;
use crate::kit::tcp::{Conversation, Segment, flag, play};

/// When everything here begins: 2 March 2026, 00:00 UTC.
pub const START: u64 = 1_772_409_600 * SECOND;

/// What came out.
pub struct Run {
    /// Mining flows, in the order in which they ended.
    pub findings: Vec<FlowFinding>,
    /// Levels reached while they ran.
    pub alerts: Vec<Alert>,
    /// What feeds knew of what was met.
    pub sightings: Vec<Sighting>,
    /// The worker's counters.
    pub health: Health,
}

impl Run {
    /// The highest level that anything here reached, at its end or on the way.
    pub fn level(&self) -> Option<Verdict> {
        let ends = self.findings.iter().map(|f| f.verdict);
        ends.chain(self.alerts.iter().map(|a| a.verdict)).max()
    }

    /// The only finding there may be, if any.
    pub fn only(&self, name: &str) -> Option<&FlowFinding> {
        assert!(self.findings.len() <= 1, "{name}: {} findings", self.findings.len());
        self.findings.first()
    }

    /// The finding that there must be.
    pub fn one(&self, name: &str) -> &FlowFinding {
        self.only(name).unwrap_or_else(|| panic!("{name}: nothing found"))
    }
}

fn is_greeting(code: Code) -> bool {
    code.family() == Family::Unread
}

/// A worker that is fed by hand.
pub struct Bench {
    worker: Worker,
    order: u64,
}

impl Bench {
    /// With the limits of a user.
    pub fn new() -> Self {
        Self::with(Limits::default())
    }

    /// With other limits.
    pub fn with(limits: Limits) -> Self {
        Self { worker: Worker::new(limits), order: 0 }
    }

    /// With feeds.
    pub fn knowing(intel: &Intel) -> Self {
        let mut bench = Self::new();
        bench.worker.set_intel(intel.clone());
        bench
    }

    /// The counters so far.
    pub fn health(&self) -> &Health {
        self.worker.health()
    }

    /// Bytes held of half messages.
    pub fn held(&self) -> usize {
        self.worker.held()
    }

    /// One segment.
    pub fn segment(&mut self, talk: &Conversation, s: &Segment) {
        self.part(talk, s, &s.payload, s.seq);
    }

    /// One segment with another payload.
    pub fn part(&mut self, talk: &Conversation, s: &Segment, payload: &[u8], seq: u32) {
        let (from, to) = (talk.address(s.side), talk.address(s.side.other()));
        let bit = |b: u8| s.flags & b != 0;
        let flags = TcpFlags {
            syn: bit(flag::SYN),
            ack: bit(flag::ACK),
            fin: bit(flag::FIN),
            rst: bit(flag::RST),
            psh: bit(flag::PSH),
            urgent: 0,
        };
        self.raw(s.at, from, to, (seq, s.ack), flags, payload, s.ip_id);
    }

    /// One packet from its parts; `numbers` are sequence and acknowledgement.
    #[allow(clippy::too_many_arguments)]
    pub fn raw(
        &mut self,
        at: u64,
        from: SocketAddr,
        to: SocketAddr,
        numbers: (u32, u32),
        flags: TcpFlags,
        payload: &[u8],
        ip_id: u16,
    ) {
        self.order += 1;
        let packet = Packet {
            at: FrameRef { source: SourceId(0), number: self.order },
            time: PacketTime::ZERO.plus(Duration::from_nanos(at)),
            tenant: Tenant::None,
            outer: None,
            vlan: None,
            src_mac: None,
            dst_mac: None,
            src: from.ip(),
            dst: to.ip(),
            ip_id,
            transport: Transport::Tcp {
                src_port: from.port(),
                dst_port: to.port(),
                seq: numbers.0,
                ack: numbers.1,
                window: 65_000,
                flags,
            },
            payload,
            wire_payload_len: payload.len() as u32,
            wire_ip_len: payload.len() as u32 + 40,
        };
        self.worker.packet(&packet, self.order);
    }

    /// A whole conversation.
    pub fn all(&mut self, talk: &Conversation, segments: &[Segment]) {
        for s in segments {
            self.segment(talk, s);
        }
    }

    /// The capture is over. A panic that was caught on the way fails the test here.
    pub fn end(mut self, name: &str) -> Run {
        self.worker.finish(self.order);
        let health = self.worker.health().clone();
        let mut run = Run { findings: Vec::new(), alerts: Vec::new(), sightings: Vec::new(), health };
        assert_eq!(run.health.get(Counter::WorkerPanics), 0, "{name}: a panic was caught");
        for event in self.worker.take_events() {
            match event.what {
                What::Alert(a) => run.alerts.push(*a),
                What::Flow(f) => run.findings.push(*f),
                What::Sighting(s) => run.sightings.push(*s),
                // What sizes and times alone say has tests of its own.
                What::Overheard(heard) if heard.over && heard.finding.evidence.iter().any(|e| is_greeting(e.code)) => {
                    run.findings.push(Overhearing::default().weigh(*heard));
                }
                _ => {}
            }
        }
        run
    }
}

/// A connection between documentation addresses; `n` makes it another client.
pub fn line(n: u16, port: u16) -> Conversation {
    let client = SocketAddr::new([192, 0, 2, 1].into(), 20_000 + n);
    Conversation::new(client, SocketAddr::new([198, 51, 100, 2].into(), port), START, &mut Rng::new(u64::from(n) + 5))
}

/// The segments of a dialogue over [`line`].
pub fn segments(talk: &Conversation, dialogue: &Dialogue) -> Vec<Segment> {
    play(talk, dialogue, &mut Rng::new(2))
}

/// A dialogue through a worker of its own, from SYN to FIN.
pub fn whole(name: &str, dialogue: &Dialogue) -> Run {
    let talk = line(0, 3333);
    let mut bench = Bench::new();
    bench.all(&talk, &segments(&talk, dialogue));
    bench.end(name)
}

/// Some segments of a conversation through a worker of their own.
pub fn some<'s>(name: &str, talk: &Conversation, segments: impl IntoIterator<Item = &'s Segment>) -> Run {
    let mut bench = Bench::new();
    for s in segments {
        bench.segment(talk, s);
    }
    bench.end(name)
}

/// The beginning of a dialogue and, after it, at most two turns of each shape (side, method or kind of reply): all that
/// it can say, in few bytes.
pub fn short(dialogue: &Dialogue) -> Dialogue {
    inside::as_lines(dialogue, shortened)
}

fn shortened(dialogue: &Dialogue) -> Dialogue {
    let mut seen = std::collections::HashMap::<(usize, String), u32>::new();
    let mut kept = dialogue.clone();
    kept.turns = dialogue
        .turns
        .iter()
        .enumerate()
        .filter(|(i, t)| {
            let n = seen.entry((t.side.index(), shape(t))).or_default();
            *n += 1;
            *i < 6 || *n <= 2
        })
        .map(|(_, t)| t.clone())
        .collect();
    kept
}

/// Method name, or the keys, of every line in a turn.
fn shape(turn: &Turn) -> String {
    let text = String::from_utf8_lossy(&turn.bytes);
    let mut shape = String::new();
    for line in text.lines().filter(|l| l.contains('{')) {
        match line.split_once("\"method\"") {
            Some((_, rest)) => shape += rest.split('"').nth(1).unwrap_or_default(),
            None => shape.extend(
                line.split('"')
                    .filter(|w| w.len() < 20 && w.bytes().all(|b| b.is_ascii_lowercase() || b"_-".contains(&b))),
            ),
        }
        shape.push('\n');
    }
    shape
}

/// Dialect names that are right for a dialogue.
pub fn is_dialect(dialogue: &Dialogue, found: &str) -> bool {
    // Plain Ethash stratum has no name of its own on the wire; the kit calls it by its nearest relative.
    let plain = dialogue.truth.agent.as_deref() == Some("PhoenixMiner/5.5c");
    found == dialogue.truth.dialect || (plain && found == "ethereum-stratum")
}

/// Dialect names that are right for what is left of a dialogue.
pub fn may_be(dialogue: &Dialogue, found: &str) -> bool {
    // XMRig speaks KawPow's messages behind a CryptoNote login, which alone tells them apart; and KawPow's shares are
    // plain Ethash stratum's to the last byte, until a job comes.
    let kawpow = |t: &Turn| String::from_utf8_lossy(&t.bytes).contains("mining.submit");
    let behind_login = dialogue.truth.dialect == "cryptonote" && of_side(dialogue, Side::Client).any(kawpow);
    is_dialect(dialogue, found) || (behind_login && matches!(found, "kawpow" | "ethereum-stratum"))
}

/// Turns of one side.
pub fn of_side(dialogue: &Dialogue, side: Side) -> impl Iterator<Item = &Turn> {
    dialogue.turns.iter().filter(move |t| t.side == side)
}

//! A conversation under way: its next packet, and when.
//!
//! In: who talks and what is said ([`Turn`]s). Out: IP packets one by one: handshake with the usual options, segments of
//! at most the MSS with timestamps, acknowledgements for every second of them, teardown; or plain datagrams.

use std::net::SocketAddr;
use std::rc::Rc;

use super::stuff::{Piece, Stuff};
use crate::kit::dialogue::{Dialogue, MILLI, Side};
use crate::kit::rng::Rng;
use crate::kit::tcp::{Segment, flag};
use crate::kit::wire;

/// Largest payload of a segment beside 12 bytes of timestamps.
const MSS: usize = 1428;
/// Between two segments of one turn, in nanoseconds: a gigabit line.
const BACK_TO_BACK: u64 = 12_000;

/// What is said in one turn.
#[derive(Clone, Debug)]
pub enum Say {
    /// These bytes.
    Words(Rc<[u8]>),
    /// A piece of noise or text.
    Stuff(Piece),
    /// A TLS record of application data around it.
    Record(Piece),
    /// A QUIC packet with short header (RFC 9000 §17.3): the fixed bit is set.
    Short(Piece),
}

impl Say {
    /// Bytes.
    pub fn words(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Words(Rc::from(bytes.into()))
    }

    /// A short head, and what follows it.
    fn parts<'a>(&'a self, stuff: &'a Stuff) -> ([u8; 5], usize, &'a [u8]) {
        match self {
            Self::Words(bytes) => ([0; 5], 0, bytes),
            Self::Stuff(piece) => ([0; 5], 0, stuff.bytes(*piece)),
            Self::Record(piece) => {
                let [high, low] = (piece.len as u16).to_be_bytes();
                ([23, 3, 3, high, low], 5, stuff.bytes(*piece))
            }
            Self::Short(piece) => {
                let body = stuff.bytes(*piece);
                ([0x40 | body[0] & 0x3f, 0, 0, 0, 0], 1, body)
            }
        }
    }

    /// Bytes `from..` of it, at most `most`; whether that is the rest.
    fn put(&self, stuff: &Stuff, from: usize, most: usize, out: &mut Vec<u8>) -> bool {
        let (head, head_len, body) = self.parts(stuff);
        let to = (head_len + body.len()).min(from + most);
        if from < head_len {
            out.extend_from_slice(&head[from..head_len.min(to)]);
        }
        if to > head_len {
            out.extend_from_slice(&body[from.saturating_sub(head_len)..to - head_len]);
        }
        to == head_len + body.len()
    }
}

/// What one side says at once.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Nanoseconds after the turn before.
    pub wait: u64,
    /// Who speaks.
    pub side: Side,
    /// What.
    pub say: Say,
}

impl Turn {
    /// The client speaks.
    pub const fn up(wait: u64, say: Say) -> Self {
        Self { wait, side: Side::Client, say }
    }

    /// The server speaks.
    pub const fn down(wait: u64, say: Say) -> Self {
        Self { wait, side: Side::Server, say }
    }
}

/// A dialogue as turns, so many times faster and with no pause longer than `longest` nanoseconds.
pub fn turns(dialogue: &Dialogue, faster: u64, longest: u64) -> Rc<[Turn]> {
    let mut before = 0;
    let turn = |t: &crate::kit::dialogue::Turn| {
        let wait = ((t.at - before) / faster).min(longest);
        before = t.at;
        Turn { wait, side: t.side, say: Say::words(t.bytes.clone()) }
    };
    dialogue.turns.iter().map(turn).collect()
}

/// An IP packet and who sent it.
pub struct Packet {
    /// Who.
    pub side: Side,
    /// From the IP header on.
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Syn,
    SynAck,
    Established,
    /// Turns, and after the last of them the client closes.
    Talk,
    /// This side acknowledges what it heard.
    Acknowledge(Side),
    FinBack,
    LastAck,
    /// A SYN that nobody answers.
    Knock,
    /// A SYN that is refused, and the refusal.
    Ask,
    Refuse,
    /// Segments still to be sent, last first; the one before the first of them never comes.
    Backwards(u32),
    Datagrams,
}

/// One conversation.
pub struct Flow {
    /// Who opened it.
    pub client: SocketAddr,
    server: SocketAddr,
    turns: Rc<[Turn]>,
    /// How often the turns are taken.
    rounds: u32,
    turn: usize,
    offset: usize,
    phase: Phase,
    sequence: [u32; 2],
    ids: [u16; 2],
    clocks: [u32; 2],
    unacknowledged: u8,
    rtt: u64,
    reset: bool,
    backwards: u32,
}

impl Flow {
    fn new(ends: (SocketAddr, SocketAddr), turns: Rc<[Turn]>, phase: Phase, rng: &mut Rng) -> Self {
        let (a, b) = (rng.bits(), rng.bits());
        Self {
            client: ends.0,
            server: ends.1,
            turns,
            rounds: 1,
            turn: 0,
            offset: 0,
            phase,
            sequence: [a as u32, (a >> 32) as u32],
            ids: [b as u16, (b >> 16) as u16],
            clocks: [(b >> 32) as u32, (b >> 24) as u32],
            unacknowledged: 0,
            rtt: rng.range(2_000, 40_000) * 1000,
            reset: rng.chance(0.05),
            backwards: 0,
        }
    }

    /// A TCP connection that is opened, used and closed.
    pub fn tcp(ends: (SocketAddr, SocketAddr), turns: Rc<[Turn]>, rng: &mut Rng) -> Self {
        Self::new(ends, turns, Phase::Syn, rng)
    }

    /// The same, with the turns taken so many times.
    pub fn repeated(ends: (SocketAddr, SocketAddr), turns: Rc<[Turn]>, rounds: u32, rng: &mut Rng) -> Self {
        Self { rounds, ..Self::new(ends, turns, Phase::Syn, rng) }
    }

    /// A turn is a datagram.
    pub fn udp(ends: (SocketAddr, SocketAddr), turns: Rc<[Turn]>, rng: &mut Rng) -> Self {
        Self::new(ends, turns, Phase::Datagrams, rng)
    }

    /// A SYN without answer.
    pub fn knock(ends: (SocketAddr, SocketAddr), rng: &mut Rng) -> Self {
        Self::new(ends, Rc::new([]), Phase::Knock, rng)
    }

    /// A SYN and a reset.
    pub fn refused(ends: (SocketAddr, SocketAddr), rng: &mut Rng) -> Self {
        let mut flow = Self::new(ends, Rc::new([]), Phase::Ask, rng);
        // RFC 9293 §3.10.7.1: a reset in answer to a SYN has sequence number 0.
        flow.sequence[1] = 0;
        flow
    }

    /// A handshake, then `segments` segments from the client, the last of them first, and never the very first one.
    pub fn backwards(ends: (SocketAddr, SocketAddr), turns: Rc<[Turn]>, segments: u32, rng: &mut Rng) -> Self {
        Self { backwards: segments, ..Self::new(ends, turns, Phase::Syn, rng) }
    }

    const fn ends(&self, side: Side) -> (SocketAddr, SocketAddr) {
        match side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        }
    }

    fn packet(&mut self, side: Side, flags: u8, payload: Vec<u8>) -> Packet {
        let at = self.sequence[side.index()];
        let moved = payload.len() as u32 + u32::from(flags & (flag::SYN | flag::FIN) != 0);
        self.sequence[side.index()] = at.wrapping_add(moved);
        self.segment(side, at, flags, payload)
    }

    fn segment(&mut self, side: Side, seq: u32, flags: u8, payload: Vec<u8>) -> Packet {
        let (me, other) = (side.index(), side.other().index());
        self.clocks[me] = self.clocks[me].wrapping_add(1);
        let acknowledges = flags & flag::ACK != 0;
        let mut options = Vec::with_capacity(20);
        if flags & flag::SYN != 0 {
            options.extend_from_slice(&[2, 4, 5, 0xb4, 4, 2]);
        } else {
            options.extend_from_slice(&[1, 1]);
        }
        options.extend_from_slice(&[8, 10]);
        options.extend_from_slice(&self.clocks[me].to_be_bytes());
        options.extend_from_slice(&if acknowledges { self.clocks[other] } else { 0 }.to_be_bytes());
        if flags & flag::SYN != 0 {
            options.extend_from_slice(&[1, 3, 3, 7]);
        }
        let segment = Segment {
            at: 0,
            side,
            seq,
            ack: if acknowledges { self.sequence[other] } else { 0 },
            flags,
            options,
            window: if flags & flag::SYN == 0 { 501 } else { 64_240 },
            payload,
            ip_id: self.next_id(side),
        };
        let (from, to) = self.ends(side);
        Packet { side, bytes: wire::tcp(from, to, &segment) }
    }

    fn next_id(&mut self, side: Side) -> u16 {
        let id = &mut self.ids[side.index()];
        *id = id.wrapping_add(1);
        *id
    }

    /// The turn that is next, if any.
    fn current(&self) -> Option<&Turn> {
        self.turns.get(self.turn)
    }

    /// The turn at hand is over: on to the next one.
    fn turned(&mut self) {
        self.offset = 0;
        self.turn += 1;
        if self.turn == self.turns.len() && self.rounds > 1 {
            self.rounds -= 1;
            self.turn = 0;
        }
    }

    fn pause(&self) -> u64 {
        self.current().map_or(MILLI / 2, |t| t.wait.max(BACK_TO_BACK))
    }

    /// The next packet, and how many nanoseconds later the one after it comes.
    pub fn step(&mut self, stuff: &Stuff) -> (Packet, Option<u64>) {
        use Side::{Client, Server};
        let (side, flags, then, wait) = match self.phase {
            Phase::Datagrams => return self.datagram(stuff),
            Phase::Talk if self.current().is_some() => return self.talk(stuff),
            Phase::Backwards(left) => return self.backward(left, stuff),
            Phase::Syn => (Client, flag::SYN, Some(Phase::SynAck), self.rtt),
            Phase::SynAck => (Server, flag::SYN | flag::ACK, Some(Phase::Established), MILLI / 5),
            Phase::Established => {
                let then = if self.backwards > 0 { Phase::Backwards(self.backwards) } else { Phase::Talk };
                (Client, flag::ACK, Some(then), self.pause())
            }
            Phase::Acknowledge(side) => {
                let wait = if self.offset == 0 { self.pause() } else { BACK_TO_BACK };
                (side, flag::ACK, Some(Phase::Talk), wait)
            }
            Phase::Talk if self.reset => (Client, flag::RST | flag::ACK, None, 0),
            Phase::Talk => (Client, flag::FIN | flag::ACK, Some(Phase::FinBack), self.rtt),
            Phase::FinBack => (Server, flag::FIN | flag::ACK, Some(Phase::LastAck), MILLI / 5),
            Phase::LastAck => (Client, flag::ACK, None, 0),
            Phase::Knock => (Client, flag::SYN, None, 0),
            Phase::Ask => (Client, flag::SYN, Some(Phase::Refuse), self.rtt),
            Phase::Refuse => (Server, flag::RST | flag::ACK, None, 0),
        };
        let packet = self.packet(side, flags, Vec::new());
        if let Some(then) = then {
            self.phase = then;
        }
        (packet, then.map(|_| wait))
    }

    fn talk(&mut self, stuff: &Stuff) -> (Packet, Option<u64>) {
        let turns = Rc::clone(&self.turns);
        let turn = &turns[self.turn];
        let mut payload = Vec::with_capacity(MSS);
        let last = turn.say.put(stuff, self.offset, MSS, &mut payload);
        self.offset += payload.len();
        let packet = self.packet(turn.side, if last { flag::ACK | flag::PSH } else { flag::ACK }, payload);
        self.unacknowledged += 1;
        if last {
            self.turned();
        }
        if last || self.unacknowledged == 2 {
            self.unacknowledged = 0;
            // Words of the other side, said soon, carry the acknowledgement.
            let answered = last && self.current().is_some_and(|t| t.side != turn.side && t.wait < 40 * MILLI);
            if answered {
                return (packet, Some(self.pause()));
            }
            self.phase = Phase::Acknowledge(turn.side.other());
        }
        (packet, Some(BACK_TO_BACK))
    }

    fn backward(&mut self, left: u32, stuff: &Stuff) -> (Packet, Option<u64>) {
        let say = &self.turns[left as usize % self.turns.len()].say;
        let mut payload = Vec::with_capacity(MSS);
        say.put(stuff, 0, MSS, &mut payload);
        let seq = self.sequence[0].wrapping_add(left * MSS as u32);
        let packet = self.segment(Side::Client, seq, flag::ACK | flag::PSH, payload);
        self.phase = Phase::Backwards(left - 1);
        (packet, (left > 1).then_some(BACK_TO_BACK * 8))
    }

    fn datagram(&mut self, stuff: &Stuff) -> (Packet, Option<u64>) {
        let turns = Rc::clone(&self.turns);
        let turn = &turns[self.turn];
        let mut payload = Vec::with_capacity(1500);
        turn.say.put(stuff, 0, usize::MAX / 2, &mut payload);
        self.turned();
        let (from, to) = self.ends(turn.side);
        let bytes = wire::udp(from, to, self.next_id(turn.side), &payload);
        (Packet { side: turn.side, bytes }, self.current().map(|t| t.wait.max(1000)))
    }
}

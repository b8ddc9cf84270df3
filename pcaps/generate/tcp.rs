//! A dialogue as TCP segments, as a sensor beside the client sees them.
//!
//! In: a [`Dialogue`] and a [`Conversation`]. Out: [`Segment`]s in time order: handshake with the usual options,
//! segments of at most the MSS, acknowledgements (piggy-backed, every second segment, or delayed 40 ms), teardown.
//! The server hears the client half a round trip later, so its acknowledgements lag; the client hears at once.

use std::net::{IpAddr, SocketAddr};

use super::dialogue::{Dialogue, MILLI, Side};
use super::rng::Rng;

/// TCP flag bits.
pub mod flag {
    /// No more data.
    pub const FIN: u8 = 1;
    /// Synchronise.
    pub const SYN: u8 = 2;
    /// Reset.
    pub const RST: u8 = 4;
    /// Push.
    pub const PSH: u8 = 8;
    /// Acknowledgement.
    pub const ACK: u8 = 16;
}

/// A segment, not yet a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Nanoseconds since the epoch.
    pub at: u64,
    /// Who sent it.
    pub side: Side,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Flag bits.
    pub flags: u8,
    /// Options, padded to four bytes.
    pub options: Vec<u8>,
    /// Window as sent.
    pub window: u16,
    /// Payload.
    pub payload: Vec<u8>,
    /// IPv4 identification: one more with every packet of a host.
    pub ip_id: u16,
}

/// How the payload is cut into segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Segments of the MSS.
    Mss,
    /// Segments of so many bytes, a few milliseconds apart, for one side; the other one as usual.
    Every(Side, usize),
}

/// How it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// This side closes first.
    Fin(Side),
    /// This side resets.
    Reset(Side),
    /// The capture ends before the conversation.
    Open,
}

/// Everything about a connection but the words.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Who connects.
    pub client: SocketAddr,
    /// To whom.
    pub server: SocketAddr,
    /// When the SYN is sent, nanoseconds since the epoch.
    pub start: u64,
    /// Round trip beyond the sensor, in nanoseconds.
    pub rtt: u64,
    /// First sequence numbers of client and server.
    pub isn: [u32; 2],
    /// Largest payload of a segment.
    pub mss: usize,
    /// RFC 7323 timestamps, as on everything but Windows.
    pub timestamps: bool,
    /// How the payload is cut.
    pub cut: Cut,
    /// How it ends.
    pub end: End,
    /// Data segments (counted over both sides) that get lost beyond the sensor and are sent again 210 ms later.
    pub resend: Vec<usize>,
}

impl Conversation {
    /// A plain connection with plausible numbers.
    pub fn new(client: SocketAddr, server: SocketAddr, start: u64, rng: &mut Rng) -> Self {
        Self {
            client,
            server,
            start,
            rtt: rng.range(8_000, 18_000) * 1000,
            isn: [rng.bits() as u32 & 0x7fff_ffff, rng.bits() as u32 & 0x7fff_ffff],
            mss: if matches!(client.ip(), IpAddr::V4(_)) { 1460 } else { 1440 },
            timestamps: true,
            cut: Cut::Mss,
            end: End::Fin(Side::Client),
            resend: Vec::new(),
        }
    }

    /// The end a side speaks from.
    pub const fn address(&self, side: Side) -> SocketAddr {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }
}

struct Peer {
    next: u32,
    /// What it has heard, as (time, acknowledgement number).
    heard: Vec<(u64, u32)>,
    /// Last acknowledgement number sent.
    acked: u32,
    /// When a delayed acknowledgement falls due.
    due: Option<u64>,
    unacked: u32,
    ip_id: u16,
    clock: u32,
    last_clock: u32,
}

struct Play<'a> {
    talk: &'a Conversation,
    peers: [Peer; 2],
    out: Vec<Segment>,
    /// Delay gathered by retransmissions: everything later moves by it.
    slip: u64,
    sent: usize,
}

impl Play<'_> {
    fn hears(&self, side: Side, now: u64) -> u32 {
        let peer = &self.peers[side.index()];
        peer.heard.iter().rev().find(|(at, _)| *at <= now).map_or(peer.acked, |(_, ack)| *ack)
    }

    fn send(&mut self, at: u64, side: Side, flags: u8, payload: &[u8]) {
        let ack = if flags & flag::ACK == 0 { 0 } else { self.hears(side, at) };
        let clock = self.peers[side.index()].clock.wrapping_add((at.saturating_sub(self.talk.start) / MILLI) as u32);
        let echo = if flags & flag::ACK == 0 { 0 } else { self.peers[side.other().index()].last_clock };
        let mut options = Vec::new();
        if flags & flag::SYN != 0 {
            let mss = if matches!(self.talk.client.ip(), IpAddr::V4(_)) { 1460_u16 } else { 1440 };
            options.extend_from_slice(&[2, 4]);
            options.extend_from_slice(&mss.to_be_bytes());
            if !self.talk.timestamps {
                options.extend_from_slice(&[1, 3, 3, 8, 1, 1, 4, 2]);
            }
        }
        if self.talk.timestamps {
            options.extend_from_slice(if flags & flag::SYN == 0 { &[1, 1, 8, 10] } else { &[4, 2, 8, 10] });
            options.extend_from_slice(&clock.to_be_bytes());
            options.extend_from_slice(&echo.to_be_bytes());
            if flags & flag::SYN != 0 {
                options.extend_from_slice(&[1, 3, 3, 7]);
            }
        }
        let peer = &mut self.peers[side.index()];
        peer.last_clock = clock;
        let segment = Segment {
            at,
            side,
            seq: peer.next,
            ack,
            flags,
            options,
            window: if flags & flag::SYN == 0 { 501 } else { 64_240 },
            payload: payload.to_vec(),
            ip_id: peer.ip_id,
        };
        peer.ip_id = peer.ip_id.wrapping_add(1);
        let extra = u32::from(flags & (flag::SYN | flag::FIN) != 0);
        peer.next = peer.next.wrapping_add(payload.len() as u32 + extra);
        peer.acked = ack;
        let settled = self.hears(side, u64::MAX) == ack;
        let peer = &mut self.peers[side.index()];
        if settled {
            peer.due = None;
            peer.unacked = 0;
        }
        let next = peer.next;
        let moved = extra != 0 || !payload.is_empty();
        self.out.push(segment);
        if moved {
            let travel = match side {
                Side::Client => self.talk.rtt,
                Side::Server => MILLI / 5,
            };
            let other = &mut self.peers[side.other().index()];
            other.heard.push((at + travel, next));
            if !payload.is_empty() {
                other.unacked += 1;
                let soon = if other.unacked >= 2 { at + travel } else { at + travel + 40 * MILLI };
                other.due = Some(other.due.map_or(soon, |d| d.min(soon)).max(at + travel));
            }
        }
    }

    /// Sends acknowledgements that fall due before `now`.
    fn settle(&mut self, now: u64) {
        while let Some((due, side)) = [Side::Client, Side::Server]
            .into_iter()
            .filter_map(|s| self.peers[s.index()].due.map(|due| (due, s)))
            .min_by_key(|(due, s)| (*due, s.index()))
            .filter(|(due, _)| *due < now)
        {
            self.peers[side.index()].due = None;
            self.peers[side.index()].unacked = 0;
            if self.hears(side, due) != self.peers[side.index()].acked {
                self.send(due, side, flag::ACK, &[]);
            }
        }
    }

    fn data(&mut self, at: u64, side: Side, payload: &[u8], last: bool) {
        let at = at + self.slip;
        self.settle(at);
        let flags = if last { flag::ACK | flag::PSH } else { flag::ACK };
        let number = self.sent;
        self.sent += 1;
        if self.talk.resend.contains(&number) {
            // The first copy passes the sensor and dies; nothing is heard until the second.
            let peer = &self.peers[side.index()];
            let (next, ip_id, acked) = (peer.next, peer.ip_id, peer.acked);
            let (heard, due, unacked) = {
                let other = &self.peers[side.other().index()];
                (other.heard.len(), other.due, other.unacked)
            };
            self.send(at, side, flags, payload);
            let other = &mut self.peers[side.other().index()];
            other.heard.truncate(heard);
            (other.due, other.unacked) = (due, unacked);
            let peer = &mut self.peers[side.index()];
            peer.next = next;
            peer.ip_id = ip_id.wrapping_add(1);
            peer.acked = peer.acked.max(acked);
            self.slip += 210 * MILLI;
            self.settle(at + 210 * MILLI);
            self.send(at + 210 * MILLI, side, flags, payload);
        } else {
            self.send(at, side, flags, payload);
        }
    }
}

/// Plays the dialogue over the connection.
pub fn play(talk: &Conversation, dialogue: &Dialogue, rng: &mut Rng) -> Vec<Segment> {
    let mut peer = |isn: u32| Peer {
        next: isn,
        heard: Vec::new(),
        acked: 0,
        due: None,
        unacked: 0,
        ip_id: rng.bits() as u16,
        clock: rng.bits() as u32 >> 2,
        last_clock: 0,
    };
    let peers = [peer(talk.isn[0]), peer(talk.isn[1])];
    let mut p = Play { talk, peers, out: Vec::new(), slip: 0, sent: 0 };
    p.send(talk.start, Side::Client, flag::SYN, &[]);
    p.send(talk.start + talk.rtt, Side::Server, flag::SYN | flag::ACK, &[]);
    let open = talk.start + talk.rtt + MILLI / 5;
    p.send(open, Side::Client, flag::ACK, &[]);
    let room = talk.mss - if talk.timestamps { 12 } else { 0 };
    for turn in &dialogue.turns {
        let (size, gap) = match talk.cut {
            Cut::Every(side, n) if side == turn.side => (n, 3 * MILLI),
            _ => (room, 15_000),
        };
        // A slow cut must not be overtaken by the answer.
        let busy = p.out.last().map_or(0, |s| s.at).saturating_sub(p.slip);
        let start = (open + turn.at).max(busy + 20_000);
        let count = turn.bytes.chunks(size).count();
        for (i, chunk) in turn.bytes.chunks(size).enumerate() {
            p.data(start + i as u64 * gap, turn.side, chunk, i + 1 == count || size < room);
        }
    }
    let done = p.out.last().map_or(open, |s| s.at) + 800 * MILLI;
    p.settle(done);
    match talk.end {
        End::Fin(side) => {
            let far = talk.rtt + MILLI;
            p.send(done, side, flag::FIN | flag::ACK, &[]);
            p.send(done + far, side.other(), flag::FIN | flag::ACK, &[]);
            p.send(done + 2 * far, side, flag::ACK, &[]);
        }
        End::Reset(side) => p.send(done, side, flag::RST | flag::ACK, &[]),
        End::Open => {}
    }
    p.out.sort_by_key(|s| s.at);
    p.out
}

/// SYNs that nobody answers, at the intervals of Linux.
pub fn knock(talk: &Conversation, times: usize, rng: &mut Rng) -> Vec<Segment> {
    let whole = play(talk, &Dialogue::default(), rng);
    let mut out = Vec::new();
    let mut at = talk.start;
    for n in 0..times {
        let mut syn = whole[0].clone();
        syn.at = at;
        syn.ip_id = syn.ip_id.wrapping_add(n as u16);
        out.push(syn);
        at += (1_000 * MILLI) << n;
    }
    out
}

//! Proof that two hosts really talk: what the forgery gate of the block list asks for.
//!
//! In: the TCP headers of one flow, in capture order. Out: [`Handshake`]. A lone forged segment, a SYN-ACK with a
//! wrong number or a reset proves nothing. Who can forge both directions past the sensor with matching numbers can
//! forge this proof as well; no passive observer can tell.

use super::key::{BothWays, Direction};
use super::seq::{at_or_soon_after, distance, near};
use crate::decode::{Packet, TcpFlags, Transport};

/// The TCP header fields that flows look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) seq: u32,
    /// Only with the ACK flag.
    pub(super) ack: Option<u32>,
    pub(super) flags: TcpFlags,
    /// Payload length on the wire.
    pub(super) len: u32,
}

impl Header {
    /// `None` for UDP.
    pub(super) fn of(packet: &Packet<'_>) -> Option<Self> {
        let Transport::Tcp { seq, ack, flags, .. } = packet.transport else { return None };
        let len = packet.wire_payload_len.max(packet.payload.len() as u32);
        Some(Self { seq, ack: flags.ack.then_some(ack), flags, len })
    }

    /// Sequence number of the first payload byte.
    pub(super) const fn data_seq(&self) -> u32 {
        self.seq.wrapping_add(self.flags.syn as u32)
    }
}

/// What the half-open table remembered of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proven {
    pub(super) client: Direction,
    pub(super) client_isn: Option<u32>,
    pub(super) server_isn: Option<u32>,
    pub(super) verified: bool,
}

/// How far a conversation is proven to be real (RFC 9293 section 3.5).
#[derive(Clone, Copy, Default, Debug)]
pub struct Handshake {
    /// Direction of the end that sent the SYN; unknown when the start was not captured.
    pub client: Option<Direction>,
    /// A SYN was seen.
    pub syn_seen: bool,
    /// A SYN-ACK was seen that answers that SYN (or any, where the SYN is missing).
    pub syn_ack_seen: bool,
    /// SYN, SYN-ACK and ACK were seen with matching numbers.
    pub verified: bool,
    /// Rounds in which each end acknowledged exactly what the other had newly sent: the proof that is left for flows
    /// picked up in their middle. Saturates.
    pub exchanges: u16,
    ways: BothWays<Way>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Way {
    isn: Option<u32>,
    /// Sequence number of the first byte known.
    base: Option<u32>,
    /// One past the last byte sent.
    sent: u32,
    /// The peer's last acknowledgement, believable or not.
    heard: Option<u32>,
    /// Some of the data was acknowledged.
    acked: bool,
    /// Something was sent since the last exact acknowledgement.
    open: bool,
    /// Exactly acknowledged in this round.
    round: bool,
}

impl Way {
    fn opened(&mut self, isn: u32) {
        self.isn = Some(isn);
        self.base = Some(isn.wrapping_add(1));
        self.sent = isn.wrapping_add(1);
    }

    fn sends(&mut self, seq: u32, len: u32) {
        let end = seq.wrapping_add(len);
        if self.base.is_none() {
            (self.base, self.sent) = (Some(seq), seq);
        }
        if !near(end, self.sent) {
            // Lost track: believe the new place only where the peer acknowledges near it.
            if !self.heard.is_some_and(|ack| near(ack, end)) {
                return;
            }
            (self.base, self.sent) = (Some(seq), seq);
        }
        if distance(end, self.sent) > 0 {
            self.sent = end;
            self.open = true;
        }
    }

    fn hears(&mut self, ack: u32) {
        self.heard = Some(ack);
        let Some(base) = self.base else { return };
        if distance(ack, base) > 0 && distance(self.sent, ack) >= 0 {
            self.acked = true;
            if ack == self.sent && self.open {
                self.open = false;
                self.round = true;
            }
        }
    }
}

impl Handshake {
    /// Whether the peer acknowledged data of this direction, within what was really sent.
    pub const fn data_acked(&self, way: Direction) -> bool {
        self.ways.get(way).acked
    }

    /// Whether the server acknowledged data of the client; false while the client is unknown.
    pub const fn client_data_acked(&self) -> bool {
        match self.client {
            Some(way) => self.data_acked(way),
            None => false,
        }
    }

    /// Initial sequence number of a direction.
    pub(super) const fn isn(&self, way: Direction) -> Option<u32> {
        self.ways.get(way).isn
    }

    /// Whether a header of this direction stands where the stream is, as far as that is known.
    pub(super) fn is_plausible(&self, way: Direction, seq: u32) -> bool {
        let w = self.ways.get(way);
        w.base.is_none() || near(seq, w.sent)
    }

    /// Starts from what the half-open table knew.
    pub(super) fn open(&mut self, proven: &Proven) {
        self.client = Some(proven.client);
        self.verified = proven.verified;
        if let Some(isn) = proven.client_isn {
            self.syn_seen = true;
            self.ways.get_mut(proven.client).opened(isn);
        }
        if let Some(isn) = proven.server_isn {
            self.syn_ack_seen = true;
            self.ways.get_mut(proven.client.reverse()).opened(isn);
        }
    }

    /// Goes on with a flow whose handshake was verified before it was let go. What is acknowledged has to be seen anew.
    pub(super) fn resume(&mut self, client: Direction) {
        self.client = Some(client);
        (self.syn_seen, self.syn_ack_seen, self.verified) = (true, true, true);
    }

    /// Takes the next header.
    pub(super) fn packet(&mut self, way: Direction, header: &Header) {
        let Header { seq, ack, flags, len } = *header;
        if flags.rst {
            return;
        }
        if flags.syn {
            match ack {
                None => self.syn(way, seq),
                Some(ack) => self.syn_ack(way, seq, ack),
            }
        }
        if len > 0 {
            self.ways.get_mut(way).sends(header.data_seq(), len);
        }
        let Some(ack) = ack.filter(|_| !flags.syn) else { return };
        self.verify(way, seq, ack);
        self.ways.get_mut(way.reverse()).hears(ack);
        if self.ways.lo_to_hi.round && self.ways.hi_to_lo.round {
            self.exchanges = self.exchanges.saturating_add(1);
            self.ways.lo_to_hi.round = false;
            self.ways.hi_to_lo.round = false;
        }
    }

    fn syn(&mut self, way: Direction, seq: u32) {
        if self.client.is_none() && self.ways.get(way).base.is_none() {
            self.client = Some(way);
            self.syn_seen = true;
            self.ways.get_mut(way).opened(seq);
        }
    }

    fn syn_ack(&mut self, way: Direction, seq: u32, ack: u32) {
        let client = self.ways.get(way.reverse());
        // With data on the SYN (RFC 7413) the server may acknowledge all of it, or none.
        let answers =
            client.isn.is_none_or(|isn| at_or_soon_after(ack, isn.wrapping_add(1)) && distance(client.sent, ack) >= 0);
        if self.client != Some(way) && answers && self.ways.get(way).base.is_none() {
            self.client = Some(way.reverse());
            self.syn_ack_seen = true;
            self.ways.get_mut(way).opened(seq);
        }
    }

    fn verify(&mut self, way: Direction, seq: u32, ack: u32) {
        if self.verified || self.client != Some(way) || !self.syn_seen || !self.syn_ack_seen {
            return;
        }
        let server = self.ways.get(way.reverse());
        if let (Some(client), Some(isn)) = (self.ways.get(way).isn, server.isn) {
            self.verified = at_or_soon_after(seq, client.wrapping_add(1))
                && at_or_soon_after(ack, isn.wrapping_add(1))
                && distance(server.sent, ack) >= 0;
        }
    }
}

//! Hellos of QUIC connections of one worker.
//!
//! In: UDP datagrams. Out: the client's hello of a connection, once. A hello takes one datagram, or a few; until then
//! what there is of it is kept, bounded, and only for connections that began with an Initial packet.

use std::collections::{HashMap, VecDeque};

use crate::carrier::quic::{self, QuicReader};
use crate::carrier::tls::{ClientHello, Step};
use crate::flow::FlowKey;
use crate::health::{Counter, Health};
use crate::time::PacketTime;

/// Hellos that are being collected.
const MAX_OPEN: usize = 1024;

/// The least that a client's datagram with an Initial packet has (RFC 9000 §14.1).
const LEAST: usize = 1200;
/// Connections begun in a second of packet time that are looked at: keys cost as much as tens of other packets, and
/// anybody can make a worker compute them.
const PER_SECOND: u32 = 16_384;

/// Hellos that are not complete.
#[derive(Default)]
pub(super) struct Hellos {
    open: HashMap<FlowKey, QuicReader, foldhash::quality::RandomState>,
    order: VecDeque<FlowKey>,
    /// The second, and how many were begun in it.
    begun: (i64, u32),
}

impl Hellos {
    /// Takes a datagram.
    pub(super) fn datagram(
        &mut self,
        key: FlowKey,
        at: PacketTime,
        payload: &[u8],
        health: &mut Health,
    ) -> Option<Box<ClientHello>> {
        if payload.len() < LEAST || !quic::looks_initial(payload) {
            return None;
        }
        if let Some(reader) = self.open.get_mut(&key) {
            let step = reader.datagram(payload);
            if !matches!(step, Step::More) {
                self.open.remove(&key);
            }
            return client(step);
        }
        let second = at.as_nanos().div_euclid(1_000_000_000);
        if self.begun.0 != second {
            self.begun = (second, 0);
        }
        self.begun.1 += 1;
        if self.begun.1 > PER_SECOND {
            self.begun.1 = PER_SECOND + 1;
            health.add(Counter::QuicPassed);
            return None;
        }
        let mut reader = QuicReader::new();
        match reader.datagram(payload) {
            Step::More => {
                while self.open.len() >= MAX_OPEN || self.order.len() >= 4 * MAX_OPEN {
                    let Some(old) = self.order.pop_front() else { break };
                    self.open.remove(&old);
                }
                self.open.insert(key, reader);
                self.order.push_back(key);
                None
            }
            step => client(step),
        }
    }
}

fn client(step: Step) -> Option<Box<ClientHello>> {
    match step {
        Step::Client(hello) => Some(hello),
        _ => None,
    }
}

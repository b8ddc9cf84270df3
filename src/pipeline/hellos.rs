//! Hellos of QUIC connections of one worker.
//!
//! In: UDP datagrams. Out: the client's hello of a connection, once. A hello takes one datagram, or a few; until then
//! what there is of it is kept, bounded, and only for connections that began with an Initial packet.

use std::collections::{HashMap, VecDeque};

use crate::carrier::quic::{self, QuicReader};
use crate::carrier::tls::{ClientHello, Step};
use crate::flow::FlowKey;

/// Hellos that are being collected.
const MAX_OPEN: usize = 1024;

/// Hellos that are not complete.
#[derive(Default)]
pub(super) struct Hellos {
    open: HashMap<FlowKey, QuicReader, foldhash::quality::RandomState>,
    order: VecDeque<FlowKey>,
}

impl Hellos {
    /// Takes a datagram.
    pub(super) fn datagram(&mut self, key: FlowKey, payload: &[u8]) -> Option<Box<ClientHello>> {
        if !quic::looks_initial(payload) {
            return None;
        }
        if let Some(reader) = self.open.get_mut(&key) {
            let step = reader.datagram(payload);
            if !matches!(step, Step::More) {
                self.open.remove(&key);
            }
            return client(step);
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

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameRef;
    use crate::decode::{Packet, Tenant, Transport};

    fn key(n: u16) -> FlowKey {
        let packet = Packet {
            at: FrameRef::default(),
            time: PacketTime::ZERO,
            tenant: Tenant::None,
            outer: None,
            vlan: None,
            src_mac: None,
            dst_mac: None,
            src: [192, 0, 2, 1].into(),
            dst: [198, 51, 100, 2].into(),
            ip_id: 0,
            transport: Transport::Udp { src_port: n, dst_port: 443 },
            payload: &[],
            wire_payload_len: 0,
            wire_ip_len: 0,
        };
        FlowKey::of(&packet).0
    }

    /// An Initial packet that was made with no key.
    fn forged(len: usize) -> Vec<u8> {
        let mut p = vec![0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x44, 0x80];
        p.resize(len, 0xa5);
        p
    }

    #[test]
    fn forged_openings_cost_a_bounded_number_of_keys_each_second() {
        let (mut hellos, mut health) = (Hellos::default(), Health::default());
        let (payload, second) = (forged(1200), PacketTime::from_parts(7, 0));
        for n in 0..PER_SECOND + 100 {
            assert!(hellos.datagram(key(n as u16), second, &payload, &mut health).is_none());
        }
        assert_eq!(health.get(Counter::QuicPassed), 100);
        assert!(hellos.open.len() <= MAX_OPEN && hellos.order.len() <= 4 * MAX_OPEN);
        hellos.datagram(key(65_000), PacketTime::from_parts(8, 0), &payload, &mut health);
        assert_eq!(health.get(Counter::QuicPassed), 100);
    }

    #[test]
    fn what_no_client_may_send_costs_nothing() {
        let (mut hellos, mut health) = (Hellos::default(), Health::default());
        hellos.datagram(key(1), PacketTime::ZERO, &forged(1199), &mut health);
        assert!(hellos.open.is_empty() && hellos.begun == (0, 0));
    }
}

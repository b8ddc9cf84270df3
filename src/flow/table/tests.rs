use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::*;
use crate::capture::SourceId;
use crate::capture::Stamp;
use crate::decode::{MacAddr, TcpFlags, Tenant, Transport};
use crate::flow::Item;

/// What a worker would keep: the bytes of each direction, gaps as `<n>`.
#[derive(Default, Debug)]
struct Kept {
    text: BothWays<String>,
}

fn note(state: &mut Kept, _: &FlowInfo, way: Direction, item: Item<'_>) {
    let text = state.text.get_mut(way);
    match item {
        Item::Data(d) => text.push_str(&String::from_utf8_lossy(d)),
        Item::Gap(n) => write!(text, "<{n}>").unwrap(),
        Item::End => text.push('.'),
    }
}

/// A network on which packets are made by hand.
struct Wire {
    table: FlowTable<Kept>,
    health: Health,
    now: PacketTime,
    /// By everybody's packets.
    passed: Duration,
    frame: u64,
    id: u16,
    ended: Vec<(Ended<Kept>, EndReason)>,
}

/// One end talking to the other.
#[derive(Clone, Copy)]
struct Talk {
    src: IpAddr,
    src_port: u16,
    dst: IpAddr,
    dst_port: u16,
}

const fn ip(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const MINER: Talk = Talk { src: ip(192, 0, 2, 10), src_port: 40000, dst: ip(203, 0, 113, 5), dst_port: 3333 };

impl Talk {
    const fn back(self) -> Self {
        Self { src: self.dst, src_port: self.dst_port, dst: self.src, dst_port: self.src_port }
    }

    const fn at_port(self, src_port: u16) -> Self {
        Self { src_port, ..self }
    }

    fn by(self, n: u32) -> Self {
        Self { src: IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n)), ..self }
    }

    fn way(self) -> Direction {
        if (self.src, self.src_port) <= (self.dst, self.dst_port) { Direction::LoToHi } else { Direction::HiToLo }
    }
}

fn flags(text: &str) -> TcpFlags {
    TcpFlags {
        syn: text.contains('S'),
        ack: text.contains('A'),
        fin: text.contains('F'),
        rst: text.contains('R'),
        psh: text.contains('P'),
        urgent: 0,
    }
}

impl Wire {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self {
            table: FlowTable::new(limits, FlowHasher::new()),
            health: Health::default(),
            now: PacketTime::from_parts(1_700_000_000, 0),
            passed: Duration::ZERO,
            frame: 0,
            id: 0,
            ended: Vec::new(),
        }
    }

    fn packet(&mut self, talk: Talk, flag: &str, seq: u32, ack: u32, payload: &'static [u8]) -> Packet<'static> {
        self.now = self.now.plus(Duration::from_millis(1));
        self.frame += 1;
        self.id = self.id.wrapping_add(1).max(1);
        Packet {
            at: FrameRef { source: SourceId(0), number: self.frame },
            time: self.now,
            tenant: Tenant::None,
            outer: None,
            vlan: None,
            src_mac: None,
            dst_mac: None,
            src: talk.src,
            dst: talk.dst,
            ip_id: self.id,
            transport: Transport::Tcp {
                src_port: talk.src_port,
                dst_port: talk.dst_port,
                seq,
                ack,
                window: 512,
                flags: flags(flag),
            },
            payload,
            wire_payload_len: payload.len() as u32,
            wire_ip_len: payload.len() as u32 + 40,
        }
    }

    /// Gives the packet to the table and feeds the streams, as a worker does. True if a flow was looked at.
    fn take(&mut self, packet: &Packet<'_>) -> bool {
        let touched = match self.table.packet(packet, &mut self.health) {
            Some(mut flow) => {
                flow.feed(packet, &mut self.health, note);
                true
            }
            None => false,
        };
        self.take_ended();
        touched
    }

    fn take_ended(&mut self) {
        while let Some(mut e) = self.table.next_ended() {
            e.finish(&mut self.health, note);
            let reason = e.reason;
            self.ended.push((e, reason));
        }
    }

    fn send(&mut self, talk: Talk, flag: &str, seq: u32, ack: u32, payload: &'static [u8]) -> bool {
        let packet = self.packet(talk, flag, seq, ack, payload);
        self.take(&packet)
    }

    fn handshake(&mut self, talk: Talk, isn: u32, server_isn: u32) {
        assert!(!self.send(talk, "S", isn, 0, b""));
        assert!(!self.send(talk.back(), "SA", server_isn, isn.wrapping_add(1), b""));
        assert!(!self.send(talk, "A", isn.wrapping_add(1), server_isn.wrapping_add(1), b""));
    }

    /// Time passes, of which others' packets tell.
    fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.pass(seconds);
    }

    fn pass(&mut self, seconds: u64) {
        self.passed += Duration::from_secs(seconds);
        self.table.tick(Elapsed::after(self.passed), &mut self.health);
        self.take_ended();
    }

    fn drain(&mut self) -> Vec<Ended<Kept>> {
        let mut all: Vec<_> = self.table.drain(&mut self.health).collect();
        for e in &mut all {
            e.finish(&mut self.health, note);
        }
        all
    }

    fn only(&mut self) -> Ended<Kept> {
        let mut all = self.drain();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn count(&self, c: Counter) -> u64 {
        self.health.get(c)
    }
}

const SUBSCRIBE: &[u8] = b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n";
const RESULT: &[u8] = b"{\"id\":1,\"result\":[[],\"f0\",4],\"error\":null}\n";
const SUBMIT: &[u8] = b"{\"id\":4,\"method\":\"mining.submit\",\"params\":[]}\n";

mod conversations;
mod forgeries;
mod pressure;

#[test]
fn the_hot_part_of_a_flow_is_two_cache_lines() {
    assert!(size_of::<Slot<Kept>>() <= 128, "{}", size_of::<Slot<Kept>>());
}

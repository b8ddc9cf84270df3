//! The same traffic gives the same flows, however it is dealt to workers and whatever the seed of the hash.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)] // allowed in tests; these are helpers of one

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use minewatch::capture::{FrameRef, SourceId};
use minewatch::decode::{Packet, TcpFlags, Tenant, Transport};
use minewatch::flow::{Direction, Ended, FlowHasher, FlowTable, Item, Limits};
use minewatch::health::{Counter, Health};
use minewatch::time::{Clock, PacketTime};

/// Everything a user could read of a flow.
type Story = (u64, String, u64, u64, bool, bool, u16, String);

#[derive(Default)]
struct Text(String);

fn read(ended: &mut Ended<Text>, health: &mut Health) -> Story {
    ended.finish(health, note);
    let (info, total) = (&ended.info, ended.info.total());
    (
        ended.key.flow_id(info.first.time),
        ended.key.community_id(),
        total.packets,
        total.bytes,
        info.mid_stream,
        info.handshake.verified && info.handshake.client_data_acked(),
        info.handshake.exchanges,
        std::mem::take(&mut ended.state.0),
    )
}

fn note(text: &mut Text, _: &minewatch::flow::FlowInfo, way: Direction, item: Item<'_>) {
    match item {
        Item::Data(d) => write!(text.0, "{way:?} {}", String::from_utf8_lossy(d)),
        Item::Gap(n) => write!(text.0, "{way:?} <{n}>"),
        Item::End => writeln!(text.0, "END"),
    }
    .unwrap();
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// 300 conversations in random interleaving with losses, repetitions, copies, resets and long silences.
fn traffic() -> Vec<Packet<'static>> {
    const LINE: &[u8] = b"{\"id\":4,\"method\":\"mining.submit\",\"params\":[]}\n";
    const REPLY: &[u8] = b"{\"id\":4,\"result\":true,\"error\":null}\n";
    let mut dice = Dice(42);
    let mut packets = Vec::new();
    let mut step = vec![0_u32; 300];
    let mut numbers: Vec<(u32, u32)> =
        (0..300_u32).map(|i| (i.wrapping_mul(77_777_777), i.wrapping_mul(99_999_999))).collect();
    let mut time = PacketTime::from_parts(1_700_000_000, 0);
    for id in 1..40_000_u16 {
        let n = dice.roll(300) as usize;
        time = time.plus(Duration::from_micros(dice.roll(if id % 5000 == 0 { 900_000_000 } else { 40_000 })));
        let (c, s) = numbers[n];
        let mut flags = TcpFlags { ack: true, ..TcpFlags::default() };
        let (up, seq, ack, payload): (bool, u32, u32, &'static [u8]) = match step[n] {
            0 => {
                flags = TcpFlags { syn: true, ..TcpFlags::default() };
                (true, c, 0, b"")
            }
            1 => {
                flags.syn = true;
                (false, s, c.wrapping_add(1), b"")
            }
            2 => {
                numbers[n] = (c.wrapping_add(1), s.wrapping_add(1));
                (true, c.wrapping_add(1), s.wrapping_add(1), b"")
            }
            k if k > 60 => {
                flags.rst = k % 2 == 0;
                flags.fin = !flags.rst;
                numbers[n] = (c.wrapping_mul(3), s.wrapping_mul(5));
                step[n] = u32::MAX;
                (true, c, s, b"")
            }
            k if k % 2 == 1 => {
                numbers[n].0 = c.wrapping_add(LINE.len() as u32);
                (true, c, s, LINE)
            }
            _ => {
                numbers[n].1 = s.wrapping_add(REPLY.len() as u32);
                (false, s, c, REPLY)
            }
        };
        step[n] = step[n].wrapping_add(1);
        let miner = (IpAddr::V4(Ipv4Addr::new(198, 51, 100, (n % 50) as u8)), 40_000 + n as u16);
        let pool = (IpAddr::V4(Ipv4Addr::new(203, 0, 113, (n % 7) as u8)), 3333);
        let (src, dst) = if up { (miner, pool) } else { (pool, miner) };
        let packet = Packet {
            at: FrameRef { source: SourceId(0), number: packets.len() as u64 + 1 },
            time,
            tenant: if n.is_multiple_of(3) { Tenant::Vxlan(7) } else { Tenant::None },
            outer: None,
            vlan: None,
            src_mac: None,
            dst_mac: None,
            src: src.0,
            dst: dst.0,
            ip_id: id,
            transport: Transport::Tcp { src_port: src.1, dst_port: dst.1, seq, ack, window: 1, flags },
            payload,
            wire_payload_len: payload.len() as u32,
            wire_ip_len: payload.len() as u32 + 40,
        };
        match dice.roll(20) {
            0 => {}
            1 => packets.extend([packet, packet]),
            _ => packets.push(packet),
        }
    }
    packets
}

fn replay(packets: &[Packet<'_>], workers: u64) -> (Vec<Story>, Health) {
    let hasher = FlowHasher::new();
    let mut tables: Vec<FlowTable<Text>> =
        (0..workers).map(|_| FlowTable::new(Limits::default(), hasher.clone())).collect();
    let mut health = Health::default();
    let mut stories = Vec::new();
    let mut clock = Clock::default();
    for packet in packets {
        if let Some(now) = clock.see(packet.time) {
            for table in &mut tables {
                table.tick(now, &mut health);
                while let Some(mut ended) = table.next_ended() {
                    stories.push(read(&mut ended, &mut health));
                }
            }
        }
        let table = &mut tables[(hasher.pair(packet.tenant, packet.src, packet.dst) % workers) as usize];
        if let Some(mut flow) = table.packet(packet, &mut health) {
            flow.feed(packet, &mut health, note);
        }
        while let Some(mut ended) = table.next_ended() {
            stories.push(read(&mut ended, &mut health));
        }
    }
    for table in &mut tables {
        for mut ended in table.drain(&mut health).collect::<Vec<_>>() {
            stories.push(read(&mut ended, &mut health));
        }
        assert_eq!(table.buffered(), 0);
    }
    stories.sort();
    (stories, health)
}

#[test]
fn flows_do_not_depend_on_the_number_of_workers_nor_on_the_seed() {
    let packets = traffic();
    let (stories, health) = replay(&packets, 1);
    assert!(stories.len() > 600, "{}", stories.len());
    assert!(stories.iter().filter(|s| s.5).count() > 200);
    assert!(stories.iter().any(|s| s.7.contains('<')));
    for c in [Counter::Duplicates, Counter::ReassemblyGaps, Counter::MidStreamFlows, Counter::OneWayFlows] {
        assert!(health.get(c) > 0, "{}", c.name());
    }
    for workers in [1, 2, 3, 8] {
        let (again, counts) = replay(&packets, workers);
        assert!(stories == again, "{workers} workers: other flows");
        for &c in Counter::ALL {
            assert_eq!(counts.get(c), health.get(c), "{workers} workers: {}", c.name());
        }
    }
}

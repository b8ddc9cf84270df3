//! Very many flows, openings and segments out of order: tables and budgets hold, and the steady miner is not pushed out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use minewatch::capture::{FrameRef, SourceId};
use minewatch::decode::{Packet, TcpFlags, Tenant, Transport};
use minewatch::flow::{FlowHasher, FlowTable, Item, Limits};
use minewatch::health::{Counter, Health};
use minewatch::time::PacketTime;

use crate::Neighbour;
use crate::support2::{Bench, START};

const ACK: TcpFlags = TcpFlags { syn: false, ack: true, fin: false, rst: false, psh: true, urgent: 0 };
const SYN: TcpFlags = TcpFlags { syn: true, ack: false, fin: false, rst: false, psh: false, urgent: 0 };

/// A flow of one packet with payload, from a random source.
fn stray(bench: &mut Bench, at: u64, n: u32, source: Ipv4Addr, payload: &[u8]) {
    let from = SocketAddr::new(source.into(), 1024 + (n % 60_000) as u16);
    let to = SocketAddr::new(Ipv4Addr::new(203, 0, 113, (n / 60_000) as u8).into(), 80);
    bench.raw(at, from, to, (n.wrapping_mul(2_654_435_761), 7), ACK, payload, n as u16);
}

fn source(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 | (n.wrapping_mul(2_654_435_761) >> 8))
}

#[test]
fn a_hundred_thousand_flows_do_not_push_out_the_steady_miner() {
    const FLOWS: u32 = 100_000;
    let limits = Limits { max_flows: 10_000, per_source: 5_000, ..Limits::default() };
    let payloads: [&[u8]; 4] = [
        b"{\"id\":1,\"method\":\"ping\"}\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
        b"\x16\x03\x01",
        b"{\"a",
    ];
    // From everywhere, from one stranger, and from the miner's own address.
    for (whose, from) in
        [("many", None), ("one", Some(Ipv4Addr::new(10, 1, 1, 1))), ("his own", Some(Ipv4Addr::new(192, 0, 2, 1)))]
    {
        let mut neighbour = Neighbour::new();
        let mut bench = Bench::with(limits);
        for n in 0..FLOWS {
            neighbour.speak(&mut bench, n as usize, FLOWS as usize);
            let at = neighbour.now();
            stray(&mut bench, at, n, from.unwrap_or_else(|| source(n)), payloads[n as usize % 4]);
            let (made, evicted) = (bench.health().get(Counter::Flows), bench.health().get(Counter::FlowsEvicted));
            assert!(made - evicted.min(made) <= 10_000, "{whose}: {made} flows, {evicted} evicted");
        }
        neighbour.speak(&mut bench, 1, 1);
        let run = bench.end(whose);
        neighbour.is_found(&run.findings);
        assert!(run.health.get(Counter::FlowsEvicted) > 80_000, "{whose}: {}", run.health.get(Counter::FlowsEvicted));
    }
}

#[test]
fn a_flood_of_opened_connections_makes_no_flow() {
    const SYNS: u32 = 500_000;
    let mut neighbour = Neighbour::new();
    let mut bench = Bench::new();
    for n in 0..SYNS {
        // He connects before, as miners do that stay for weeks.
        neighbour.speak(&mut bench, 20 + n as usize, 20 + SYNS as usize);
        let from = SocketAddr::new(source(n).into(), (n % 64_000) as u16 + 1024);
        let to = SocketAddr::new(Ipv4Addr::new(198, 51, 100, 2).into(), 3333);
        bench.raw(neighbour.now(), from, to, (n, 0), SYN, b"", n as u16);
    }
    neighbour.speak(&mut bench, 1, 1);
    let run = bench.end("SYN flood");
    neighbour.is_found(&run.findings);
    assert_eq!(run.health.get(Counter::Flows), 1);
    assert!(run.health.get(Counter::HalfOpenEvicted) > 0);
}

fn packet(n: u64, from: SocketAddr, to: SocketAddr, seq: u32, payload: &[u8]) -> Packet<'_> {
    Packet {
        at: FrameRef { source: SourceId(0), number: n },
        time: PacketTime::ZERO.plus(Duration::from_nanos(START + n * 1000)),
        tenant: Tenant::None,
        outer: None,
        vlan: None,
        src_mac: None,
        dst_mac: None,
        src: from.ip(),
        dst: to.ip(),
        ip_id: n as u16,
        transport: Transport::Tcp { src_port: from.port(), dst_port: to.port(), seq, ack: 1, window: 1, flags: ACK },
        payload,
        wire_payload_len: payload.len() as u32,
        wire_ip_len: payload.len() as u32 + 40,
    }
}

#[test]
fn out_of_order_floods_stay_within_the_budget() {
    const BUDGET: usize = 1 << 20;
    let limits = Limits { buffered: BUDGET, ..Limits::default() };
    let mut table: FlowTable<u64> = FlowTable::new(limits, FlowHasher::new());
    let mut health = Health::default();
    let payload = [b'x'; 1400];
    let to = SocketAddr::new(IpAddr::from([198, 51, 100, 2]), 3333);
    let (mut n, mut most) = (0, 0);
    for flow in 0..3000_u32 {
        let from = SocketAddr::new(source(flow).into(), 4000);
        // The first byte, then everything but what comes next: a hole that never closes, then ever smaller pieces.
        for part in 0..80_u32 {
            let (seq, len) = match part {
                0 => (0, 10),
                p if p % 2 == 1 => (p * 3000, 1400),
                p => (p * 3000 + 1500, 1),
            };
            n += 1;
            let p = packet(n, from, to, seq, &payload[..len]);
            if let Some(mut touched) = table.packet(&p, &mut health) {
                touched.feed(&p, &mut health, |bytes, _, _, item| {
                    if let Item::Data(d) = item {
                        *bytes += d.len() as u64;
                    }
                });
            }
            while table.next_ended().is_some() {}
            most = most.max(table.buffered());
            assert!(table.buffered() <= BUDGET, "{} bytes buffered", table.buffered());
        }
    }
    assert!(most > BUDGET / 2, "the budget was never in danger: {most}");
    assert!(health.get(Counter::ReassemblyCapped) > 0);
    let left = table.drain(&mut health).count();
    assert_eq!((left, table.buffered()), (3000, 0), "all is given back");
}

#[test]
fn out_of_order_floods_do_not_blind_the_worker() {
    let limits = Limits { buffered: 1 << 20, ..Limits::default() };
    let mut neighbour = Neighbour::new();
    let mut bench = Bench::with(limits);
    let payload = [b'{'; 1400];
    let to = SocketAddr::new(IpAddr::from([198, 51, 100, 2]), 3333);
    for n in 0..100_000_u32 {
        neighbour.speak(&mut bench, n as usize, 100_000);
        let from = SocketAddr::new(source(n / 50).into(), 4000);
        bench.raw(neighbour.now(), from, to, ((n % 50) * 4000, 1), ACK, &payload, n as u16);
    }
    neighbour.speak(&mut bench, 1, 1);
    let run = bench.end("bombs");
    neighbour.is_found(&run.findings);
    assert!(run.health.get(Counter::ReassemblyCapped) > 0);
}

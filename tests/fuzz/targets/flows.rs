//! TCP and UDP packets to flows, in a table with tiny caps. Operations of eight bytes and a payload.
//!
//! Promises: no cap is exceeded; every flow that was made is handed back once, released or still there; whatever a
//! stream gives out was sent in that flow and direction; a handshake counts as verified only if both ends spoke.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use minewatch::capture::{FrameRef, SourceId};
use minewatch::decode::{Packet, TcpFlags, Tenant, Transport};
use minewatch::flow::{BothWays, Direction, Ended, FlowHasher, FlowInfo, FlowKey, FlowTable, Item, Limits, Pace};
use minewatch::health::{Counter, Health};
use minewatch::time::{Clock, PacketTime};

use super::Bytes;

const LIMITS: Limits = Limits {
    max_flows: 4,
    per_source: 3,
    half_open: 4,
    buffered: 1024,
    idle: Duration::from_mins(1),
    idle_kept: Duration::from_mins(10),
    idle_closed: Duration::from_secs(10),
    udp: |p| p.payload.first() == Some(&b'{'),
    again: |payload| payload.starts_with(b"{"),
    telling: |payload| payload.ends_with(b"}"),
    pace: Pace::SLOW,
    listeners: 2,
};

/// Payloads by flow and direction, as sent.
type Sent = HashMap<(FlowKey, Direction), Vec<Vec<u8>>>;

/// What a flow gave out: data, bytes in all and ends of each direction.
#[derive(Default, Debug)]
struct Got {
    data: Vec<(Direction, Vec<u8>)>,
    position: BothWays<u64>,
    ends: Vec<Direction>,
}

fn note(got: &mut Got, _: &FlowInfo, way: Direction, item: Item<'_>) {
    assert!(!got.ends.contains(&way), "an item after the end");
    match item {
        Item::Data(d) => {
            *got.position.get_mut(way) += d.len() as u64;
            got.data.push((way, d.to_vec()));
        }
        Item::Gap(n) => *got.position.get_mut(way) += n,
        Item::End => got.ends.push(way),
    }
}

/// Runs the operations.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut table: FlowTable<Got> = FlowTable::new(LIMITS, FlowHasher::new());
    let mut health = Health::default();
    let mut sent = Sent::new();
    let (mut over, mut released, mut number) = (0, 0, 0);
    let (mut time, mut clock) = (PacketTime::from_parts(1_700_000_000, 0), Clock::default());
    // An urgent byte has a number and is not given out.
    let mut urgent = 0;
    while let Some(packet) = packet(&mut bytes, &mut number, &mut time) {
        let (key, way) = FlowKey::of(&packet.0);
        if let Transport::Tcp { flags, .. } = packet.0.transport {
            urgent += u64::from(flags.urgent > 0);
        }
        sent.entry((key, way)).or_default().push(packet.0.payload.to_vec());
        if let Some(now) = clock.see(packet.0.time) {
            table.tick(now, &mut health);
        }
        if let Some(mut touched) = table.packet(&packet.0, &mut health) {
            assert_eq!((*touched.key(), touched.direction()), (key, way));
            touched.feed(&packet.0, &mut health, note);
            for way in Direction::BOTH {
                let (acknowledged, given) = (touched.acknowledged(way), *touched.state().position.get(way));
                assert!(
                    acknowledged <= given + urgent,
                    "{acknowledged} bytes acknowledged of {given}, {urgent} urgent"
                );
            }
            proven(touched.info(), &key, &sent);
            let got = std::mem::take(&mut touched.state().data);
            really_sent(&got, &key, &sent);
            match packet.1 {
                1 => touched.keep(true),
                2 => touched.keep(false),
                3 => touched.stop_streams(),
                4 => {
                    touched.release();
                    released += 1;
                }
                _ => {}
            }
        }
        while let Some(ended) = table.next_ended() {
            over += 1;
            check(ended, &sent, &mut health);
        }
        assert!(table.len() <= LIMITS.max_flows, "{} flows", table.len());
        assert!(table.half_open().len() <= LIMITS.half_open, "{} half-open", table.half_open().len());
        assert!(table.buffered() <= LIMITS.buffered, "{} bytes held", table.buffered());
    }
    for ended in table.drain(&mut health).collect::<Vec<_>>() {
        over += 1;
        check(ended, &sent, &mut health);
    }
    assert!(table.is_empty() && table.buffered() == 0, "something stays in an empty table");
    assert_eq!(over + released, health.get(Counter::Flows), "a flow was lost, or reported twice");
}

fn check(mut ended: Ended<Got>, sent: &Sent, health: &mut Health) {
    ended.finish(health, note);
    really_sent(&ended.state.data, &ended.key, sent);
    proven(&ended.info, &ended.key, sent);
    let info = &ended.info;
    assert!(info.total().packets > 0, "a flow of nothing");
    assert!(info.total().bytes >= info.total().payload);
}

fn really_sent(got: &[(Direction, Vec<u8>)], key: &FlowKey, sent: &Sent) {
    for (way, data) in got {
        let known =
            sent.get(&(*key, *way)).is_some_and(|all| all.iter().any(|p| p.windows(data.len()).any(|w| w == data)));
        assert!(known, "{data:?} was never sent that way");
    }
}

fn proven(info: &FlowInfo, key: &FlowKey, sent: &Sent) {
    let both = Direction::BOTH.iter().all(|way| sent.contains_key(&(*key, *way)));
    let shake = &info.handshake;
    assert!(!shake.verified || (both && shake.syn_seen && shake.syn_ack_seen && shake.client.is_some()), "{shake:?}");
    assert!(both || !(shake.client_data_acked() || shake.exchanges > 0), "an answer that nobody gave: {shake:?}");
}

/// The next packet, and what the caller does with its flow.
fn packet<'a>(bytes: &mut Bytes<'a>, number: &mut u64, time: &mut PacketTime) -> Option<(Packet<'a>, u8)> {
    let (who, bits, pause) = (bytes.u8()?, bytes.u8()?, bytes.u8()?);
    let (seq, ack, len) = (bytes.u16()?, bytes.u16()?, bytes.u8()?);
    let payload = bytes.take(usize::from(len));
    *number += 1;
    *time = time.plus(Duration::from_millis(u64::from(pause).pow(2) * if pause > 250 { 20 } else { 1 }));
    let up = who & 1 == 0;
    let port = 40_000 + u16::from(who >> 1 & 7);
    let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1 + (who >> 4 & 1)));
    let server = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
    // Offsets from a number of each direction; the top bit takes them far away.
    let place =
        |base: u32, at: u16| base.wrapping_add(if at & 0x8000 == 0 { u32::from(at) } else { u32::from(at) << 15 });
    let (mine, theirs) = if up { (u32::MAX - 300, 5000) } else { (5000, u32::MAX - 300) };
    let (src, dst, src_port, dst_port) = if up { (client, server, port, 3333) } else { (server, client, 3333, port) };
    let transport = if who & 32 != 0 {
        Transport::Udp { src_port, dst_port }
    } else {
        let flags = TcpFlags {
            syn: bits & 1 != 0,
            ack: bits & 2 != 0,
            fin: bits & 4 != 0,
            rst: bits & 8 != 0,
            psh: bits & 16 != 0,
            urgent: u16::from(bits & 32 != 0),
        };
        let (seq, ack) = (place(mine, seq), place(theirs, ack));
        Transport::Tcp { src_port, dst_port, seq, ack, window: 1000, flags }
    };
    let wire_payload_len = payload.len() as u32 + if who & 64 != 0 { 10 } else { 0 };
    let packet = Packet {
        at: FrameRef { source: SourceId(0), number: *number },
        time: *time,
        tenant: if who & 128 != 0 { Tenant::Vxlan(7) } else { Tenant::None },
        outer: None,
        vlan: None,
        src_mac: None,
        dst_mac: None,
        src,
        dst,
        ip_id: seq,
        transport,
        payload,
        wire_payload_len,
        wire_ip_len: wire_payload_len + 40,
    };
    Some((packet, bits >> 5))
}

//! Ordinary and awkward conversations: what a user reads of them.

use super::*;
use crate::flow::Pace;
use crate::flow::table::Pass;

#[test]
fn a_full_conversation_is_proven_counted_and_closed() {
    let mut w = Wire::new();
    w.handshake(MINER, 1000, 5000);
    assert!(w.send(MINER, "PA", 1001, 5001, SUBSCRIBE));
    let c = 1001 + SUBSCRIBE.len() as u32;
    assert!(w.send(MINER.back(), "PA", 5001, c, RESULT));
    let s = 5001 + RESULT.len() as u32;
    w.send(MINER, "FA", c, s, b"");
    w.send(MINER.back(), "FA", s, c + 1, b"");
    w.send(MINER, "A", c + 1, s + 1, b"");
    w.wait(20);
    w.send(MINER.at_port(40001), "PA", 1, 1, b"other");
    let (flow, reason) = w.ended.remove(0);
    assert_eq!(reason, EndReason::Closed);
    let hs = flow.info.handshake;
    assert!(hs.verified && hs.syn_seen && hs.syn_ack_seen && hs.client_data_acked());
    assert!(hs.data_acked(MINER.back().way()));
    assert_eq!(hs.client, Some(MINER.way()));
    assert_eq!(hs.exchanges, 1);
    assert!(!flow.info.mid_stream && flow.info.one_way().is_none());
    assert_eq!(flow.info.first.frame.number, 1);
    assert_eq!(flow.info.last.frame.number, 8);
    let total = flow.info.total();
    assert_eq!(total.packets, 8);
    assert_eq!(total.payload, (SUBSCRIBE.len() + RESULT.len()) as u64);
    assert_eq!(total.bytes, 8 * 40 + total.payload);
    assert_eq!(flow.state.text.get(MINER.way()).as_bytes(), [SUBSCRIBE, b"."].concat());
    assert_eq!(flow.state.text.get(MINER.back().way()).as_bytes(), [RESULT, b"."].concat());
    assert_eq!(w.count(Counter::MidStreamFlows), 1);
}

#[test]
fn a_server_that_speaks_first_is_still_the_server() {
    let mut w = Wire::new();
    w.send(MINER, "S", 1000, 0, b"");
    w.send(MINER.back(), "SA", 5000, 1001, b"");
    assert!(w.send(MINER.back(), "PA", 5001, 1001, RESULT));
    w.send(MINER, "A", 1001, 5001 + RESULT.len() as u32, b"");
    let flow = w.only();
    assert_eq!(flow.info.handshake.client, Some(MINER.way()));
    assert!(flow.info.handshake.verified);
    assert!(!flow.info.handshake.client_data_acked());
    assert!(flow.info.handshake.data_acked(MINER.back().way()));
}

/// A byte that only a reader of packets sees must not break the line for him.
#[test]
fn an_urgent_byte_is_none_of_the_stream() {
    let mut w = Wire::new();
    w.handshake(MINER, 1000, 5000);
    let mut p = w.packet(MINER, "PA", 1001, 5001, b"{\"id!\":1}");
    if let Transport::Tcp { flags, .. } = &mut p.transport {
        flags.urgent = 5;
    }
    assert!(w.take(&p));
    w.send(MINER, "PA", 1010, 5001, b"\n");
    // Where the pointer leads behind the segment, the byte is in a later one.
    let mut p = w.packet(MINER, "PA", 1011, 5001, b"ab");
    if let Transport::Tcp { flags, .. } = &mut p.transport {
        flags.urgent = 3;
    }
    assert!(w.take(&p));
    assert_eq!(w.only().state.text.get(MINER.way()), "{\"id\":1}\nab.");
}

/// FN13: a message in three segments, the second one retransmitted.
#[test]
fn fn13_a_message_split_over_segments_is_whole() {
    let mut w = Wire::new();
    w.handshake(MINER, u32::MAX - 20, 5000);
    let parts: [&'static [u8]; 3] = [b"{\"id\":1,\"method\":\"mining.sub", b"scribe\",\"par", b"ams\":[]}\n"];
    let mut seq = u32::MAX - 19;
    let mut sent = Vec::new();
    for part in parts {
        sent.push((seq, part));
        seq = seq.wrapping_add(part.len() as u32);
    }
    for i in [0, 2, 1, 1] {
        let (seq, part) = sent[i];
        w.send(MINER, "PA", seq, 5001, part);
    }
    let flow = w.only();
    assert_eq!(flow.state.text.get(MINER.way()).as_bytes(), [SUBSCRIBE, b"."].concat());
}

/// FS03: four minutes between shares, in an old capture.
#[test]
fn fs03_minutes_between_shares_are_one_flow() {
    let mut w = Wire::new();
    w.now = PacketTime::from_parts(1_560_000_000, 0);
    w.handshake(MINER, 0, 0);
    let mut seq = 1;
    for _ in 0..5 {
        w.send(MINER, "PA", seq, 1, SUBMIT);
        seq += SUBMIT.len() as u32;
        w.wait(240);
    }
    assert!(w.ended.is_empty());
    assert_eq!(w.only().info.total().packets, 8);
}

/// FS05: the capture starts in the middle, the server talks first. Roles are the protocol's to tell.
#[test]
fn fs05_mid_stream_the_client_is_unknown_but_the_exchange_counts() {
    let mut w = Wire::new();
    let (mut c, mut s) = (70_000_u32, u32::MAX - 10);
    for _ in 0..3 {
        w.send(MINER.back(), "PA", s, c, RESULT);
        s = s.wrapping_add(RESULT.len() as u32);
        w.send(MINER, "PA", c, s, SUBMIT);
        c += SUBMIT.len() as u32;
    }
    let flow = w.only();
    assert_eq!(flow.info.handshake.client, None);
    assert!(flow.info.mid_stream && !flow.info.handshake.verified);
    assert!(flow.info.handshake.data_acked(MINER.way()));
    assert_eq!(flow.info.handshake.exchanges, 2);
    assert_eq!(w.count(Counter::MidStreamFlows), 1);
}

/// FS07: only the upload is mirrored.
#[test]
fn fs07_one_direction_alone_is_read_and_marked() {
    let mut w = Wire::new();
    w.send(MINER, "S", 1000, 0, b"");
    w.send(MINER, "A", 1001, 5001, b"");
    w.send(MINER, "PA", 1001, 5001, SUBSCRIBE);
    // A segment that the mirror lost: one more later, and the stream goes on behind the hole.
    let seq = 1001 + SUBSCRIBE.len() as u32;
    w.send(MINER, "PA", seq + 100, 5301, SUBMIT);
    w.wait(1);
    w.send(MINER, "PA", seq + 100 + SUBMIT.len() as u32, 5401, SUBMIT);
    let flow = w.only();
    assert_eq!(flow.info.one_way(), Some(MINER.way()));
    assert_eq!(flow.info.handshake.client, Some(MINER.way()));
    assert!(!flow.info.handshake.verified && !flow.info.handshake.client_data_acked());
    let text = [SUBSCRIBE, b"<100>", SUBMIT, SUBMIT, b"."].concat();
    assert_eq!(flow.state.text.get(MINER.way()).as_bytes(), text);
    assert_eq!(w.count(Counter::OneWayFlows), 1);
    assert_eq!(w.count(Counter::MidStreamFlows), 0);
}

#[test]
fn the_download_alone_knows_the_client_from_the_syn_ack() {
    let mut w = Wire::new();
    w.send(MINER.back(), "SA", 5000, 1001, b"");
    w.send(MINER.back(), "PA", 5001, 1050, RESULT);
    let flow = w.only();
    assert_eq!(flow.info.handshake.client, Some(MINER.way()));
    assert!(!flow.info.handshake.verified && flow.info.handshake.syn_ack_seen && !flow.info.handshake.syn_seen);
    assert_eq!(flow.info.one_way(), Some(MINER.back().way()));
}

/// FS09: every packet twice, half a millisecond apart; with and without IPv4 identification.
#[test]
fn fs09_a_mirrors_second_copies_count_once() {
    for with_id in [true, false] {
        let mut w = Wire::new();
        let mut seq = 1001;
        let mut script: Vec<Packet<'_>> = vec![
            w.packet(MINER, "S", 1000, 0, b""),
            w.packet(MINER.back(), "SA", 5000, 1001, b""),
            w.packet(MINER, "A", 1001, 5001, b""),
        ];
        for _ in 0..3 {
            script.push(w.packet(MINER, "PA", seq, 5001, SUBMIT));
            seq += SUBMIT.len() as u32;
            script.push(w.packet(MINER.back(), "A", 5001, seq, b""));
        }
        for mut p in script.iter().copied() {
            if !with_id {
                p.ip_id = 0;
            }
            w.take(&p);
            p.at.number += 1000;
            p.time = p.time.plus(Duration::from_micros(500));
            w.take(&p);
        }
        let flow = w.only();
        assert_eq!(flow.info.total().packets, 9, "identification: {with_id}");
        assert_eq!(flow.info.total().payload, 3 * SUBMIT.len() as u64);
        assert_eq!(w.count(Counter::Duplicates), 9);
        assert_eq!(flow.state.text.get(MINER.way()).matches("submit").count(), 3);
    }
}

#[test]
fn a_copy_comes_within_fifty_milliseconds() {
    for (delay, packets) in [(0, 1), (40, 1), (60, 2)] {
        let mut w = Wire::new();
        let mut p = w.packet(MINER, "PA", 1, 1, SUBMIT);
        w.take(&p);
        p.time = p.time.plus(Duration::from_millis(delay));
        w.take(&p);
        assert_eq!(w.only().info.total().packets, packets, "after {delay} ms");
    }
}

/// As macOS acknowledges after a loss, and refuses late data: at once, with identification 0.
#[test]
fn repeated_acknowledgements_and_resets_are_packets_of_their_own() {
    let mut w = Wire::new();
    w.send(MINER, "PA", 1, 1, SUBMIT);
    for flag in ["A", "A", "A", "A", "R", "R", "R"] {
        let mut p = w.packet(MINER.back(), flag, 1, 1, b"");
        p.ip_id = 0;
        w.take(&p);
    }
    assert_eq!(w.only().info.total().packets, 8);
    assert_eq!(w.count(Counter::Duplicates), 0);
}

#[test]
fn a_retransmission_is_a_packet_and_no_copy() {
    let mut w = Wire::new();
    w.send(MINER, "PA", 1, 1, SUBMIT);
    w.send(MINER, "PA", 1, 1, SUBMIT);
    let flow = w.only();
    assert_eq!(flow.info.total().packets, 2);
    assert_eq!(w.count(Counter::Duplicates), 0);
    assert_eq!(flow.state.text.get(MINER.way()).matches("submit").count(), 1);
}

#[test]
fn data_on_the_syn_is_read() {
    let mut w = Wire::new();
    assert!(w.send(MINER, "S", 1000, 0, SUBSCRIBE));
    let c = 1001 + SUBSCRIBE.len() as u32;
    w.send(MINER.back(), "SA", 5000, c, b"");
    w.send(MINER.back(), "PA", 5001, c, RESULT);
    w.send(MINER, "A", c, 5001 + RESULT.len() as u32, b"");
    let flow = w.only();
    assert!(flow.info.handshake.verified && flow.info.handshake.client_data_acked());
    assert_eq!(flow.state.text.get(MINER.way()).as_bytes(), [SUBSCRIBE, b"."].concat());
    assert_eq!(flow.info.total().packets, 4);
}

#[test]
fn a_reused_port_is_a_new_flow_after_a_close_and_after_a_lost_close() {
    for closed in [true, false] {
        let mut w = Wire::new();
        w.handshake(MINER, 1000, 5000);
        w.send(MINER, "PA", 1001, 5001, SUBSCRIBE);
        let c = 1001 + SUBSCRIBE.len() as u32;
        if closed {
            w.send(MINER.back(), "RA", 5001, c, b"");
        }
        w.wait(5);
        w.handshake(MINER, 90_000_000, 80_000_000);
        w.send(MINER, "PA", 90_000_001, 80_000_001, SUBMIT);
        assert_eq!(w.ended.len(), 1);
        let (old, reason) = w.ended.remove(0);
        assert_eq!(reason, EndReason::Replaced);
        assert_eq!(old.info.total().packets, if closed { 5 } else { 4 });
        let new = w.only();
        assert!(new.info.handshake.verified);
        assert_eq!(new.info.total().packets, 4);
        assert_eq!(new.state.text.get(MINER.way()).as_bytes(), [SUBMIT, b"."].concat());
        assert_ne!(old.key.flow_id(old.info.first.time), new.key.flow_id(new.info.first.time));
    }
}

#[test]
fn silence_ends_a_flow_exactly_at_its_limit_whatever_else_is_in_the_table() {
    for busy in [true, false] {
        for (gap, flows) in [(599, 1), (601, 2)] {
            let mut w = Wire::new();
            w.send(MINER, "PA", 1, 1, SUBMIT);
            for _ in 0..gap {
                w.wait(1);
                if busy {
                    w.send(MINER.at_port(1), "PA", 1, 1, b"noise");
                }
            }
            w.send(MINER, "PA", 1 + SUBMIT.len() as u32, 1, SUBMIT);
            let total = w.ended.len() + w.drain().len() - usize::from(busy);
            assert_eq!(total, flows, "busy {busy}, silent {gap} s");
        }
    }
}

#[test]
fn stamps_end_nobody_elses_flow_and_time_that_passes_does() {
    let mut w = Wire::new();
    w.send(MINER, "PA", 1, 1, SUBMIT);
    for n in 0..1_000 {
        let mut stray = w.packet(MINER.at_port(1), "PA", 1 + 5 * n, 1, b"bulk!");
        stray.time = stray.time.plus(Duration::from_hours(3));
        w.take(&stray);
        w.table.tick(Elapsed::after(Duration::from_millis(u64::from(n))), &mut w.health);
    }
    assert_eq!(w.table.len(), 2);
    // A clock that was set back keeps no flow for ever, either.
    w.now = PacketTime::from_parts(1_600_000_000, 0);
    w.send(MINER.at_port(2), "PA", 1, 1, b"noise");
    w.pass(700);
    assert_eq!(w.table.len(), 3, "a little late");
    w.pass(60);
    assert!(w.table.is_empty());
    assert!(w.ended.iter().all(|(_, reason)| *reason == EndReason::Idle));
}

#[test]
fn evidence_stays_longer() {
    let mut w = Wire::new();
    let p = w.packet(MINER, "PA", 1, 1, SUBMIT);
    w.table.packet(&p, &mut w.health).unwrap().keep(true);
    w.wait(3500);
    w.send(MINER.at_port(1), "PA", 1, 1, b"noise");
    assert_eq!(w.table.len(), 2);
    w.wait(3500);
    w.send(MINER.at_port(1), "PA", 6, 1, b"noise");
    assert!(w.ended.iter().any(|(e, reason)| *reason == EndReason::Idle && e.key == FlowKey::of(&p).0));
}

#[test]
fn a_let_go_flow_keeps_nothing_and_says_nothing() {
    let mut w = Wire::new();
    w.handshake(MINER, 0, 0);
    let p = w.packet(MINER, "PA", 1, 1, SUBMIT);
    w.table.packet(&p, &mut w.health).unwrap().release();
    for i in 0..10 {
        assert!(!w.send(MINER, "PA", 100 + i * 10, 1, b"0123456789"));
    }
    assert_eq!(w.table.len(), 1);
    // A new connection on the same ports is looked at again.
    w.send(MINER, "FA", 200, 1, b"");
    w.send(MINER.back(), "FA", 1, 201, b"");
    w.handshake(MINER, 7000, 9000);
    assert!(w.send(MINER, "PA", 7001, 9001, SUBMIT));
    assert_eq!(w.drain().len(), 1);
    assert!(w.ended.is_empty());
}

#[test]
fn a_let_go_flow_gives_its_buffers_back() {
    let mut w = Wire::new();
    w.handshake(MINER, 0, 0);
    w.send(MINER, "PA", 100, 1, SUBMIT);
    assert!(w.table.buffered() > 0);
    let p = w.packet(MINER, "PA", 200, 1, SUBMIT);
    w.table.packet(&p, &mut w.health).unwrap().release();
    w.send(MINER, "PA", 300, 1, SUBMIT);
    assert_eq!(w.table.buffered(), 0);
}

#[test]
fn without_streams_counts_and_proof_go_on() {
    let mut w = Wire::new();
    w.handshake(MINER, 0, 0);
    let p = w.packet(MINER, "PA", 1, 1, SUBMIT);
    w.table.packet(&p, &mut w.health).unwrap().stop_streams();
    w.send(MINER.back(), "PA", 1, 1 + SUBMIT.len() as u32, RESULT);
    let flow = w.only();
    assert_eq!(flow.info.total().packets, 5);
    assert!(flow.info.handshake.client_data_acked());
    assert_eq!(*flow.state.text.get(MINER.back().way()), "");
}

#[test]
fn a_panic_while_reading_costs_that_flow_alone() {
    let mut w = Wire::new();
    w.send(MINER.at_port(1), "PA", 1, 1, SUBMIT);
    let p = w.packet(MINER, "PA", 1, 1, SUBMIT);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut flow = w.table.packet(&p, &mut w.health).unwrap();
        flow.feed(&p, &mut Health::default(), |_, _, _, _| panic!("on purpose"));
    }));
    assert!(caught.is_err());
    assert!(!w.send(MINER, "PA", 1 + SUBMIT.len() as u32, 1, SUBMIT));
    assert_eq!(w.drain().len(), 1);
}

#[test]
fn time_may_step_backwards() {
    let mut w = Wire::new();
    w.handshake(MINER, 0, 0);
    w.send(MINER, "PA", 1, 1, SUBMIT);
    let late = w.now;
    w.now = PacketTime::from_nanos(i64::MIN);
    w.send(MINER, "PA", 1 + SUBMIT.len() as u32, 1, SUBMIT);
    w.now = PacketTime::from_nanos(5);
    w.send(MINER.at_port(1), "PA", 1, 1, SUBMIT);
    assert!(w.ended.is_empty());
    let flow = w.drain().remove(0);
    assert_eq!(flow.info.last.time, late);
}

#[test]
fn vlans_and_macs_are_noted() {
    let mut w = Wire::new();
    let (a, b) = (MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
    for (i, vlan) in [10, 20, 10, 30, 40, 50].into_iter().enumerate() {
        let mut p = w.packet(MINER, "PA", 1 + i as u32, 1, b"xy");
        (p.vlan, p.src_mac, p.dst_mac) = (Some(vlan), Some(a), Some(b));
        w.take(&p);
    }
    let flow = w.only();
    assert_eq!(flow.info.vlans.ids(), [10, 20, 30, 40]);
    assert_eq!(*flow.info.macs.get(MINER.way()), Some(a));
    assert_eq!(*flow.info.macs.get(MINER.back().way()), Some(b));
}

#[test]
fn udp_gets_state_only_where_the_filter_says_so() {
    let udp = |dst_port| {
        let mut w = Wire::new();
        let p = w.packet(MINER, "", 0, 0, b"datagram");
        Packet { transport: Transport::Udp { src_port: 40000, dst_port }, ..p }
    };
    let wants = |p: &Packet<'_>| matches!(p.transport, Transport::Udp { dst_port: 53, .. });
    let mut w = Wire::with(Limits { udp: wants, ..Limits::default() });
    assert!(w.take(&udp(53)));
    assert!(!w.take(&udp(5353)));
    assert!(!Wire::new().take(&udp(53)));
    assert_eq!(w.only().info.total().packets, 1);
}

#[test]
fn flows_left_at_the_end_come_in_the_order_of_their_first_frames_whatever_the_seed() {
    let run = || {
        let mut w = Wire::new();
        for n in 0..500_u32 {
            w.handshake(MINER.by(n * 7919 % 500), n, n);
        }
        for n in (0..500_u32).rev() {
            w.send(MINER.by(n * 7919 % 500), "PA", n + 1, n + 1, SUBMIT);
        }
        w.drain().into_iter().map(|e| (e.info.first, e.key)).collect::<Vec<_>>()
    };
    let order = run();
    assert!(order.is_sorted_by_key(|(first, _): &(Stamp, FlowKey)| first.frame));
    assert_eq!(order, run());
}

/// The numbers of the promising payloads that are looked at, in a flow that was let go and sends one every so often.
fn second_looks(payload: &'static [u8], payloads: u32, every: Duration) -> Vec<u32> {
    let mut w = Wire::new();
    w.handshake(MINER, 1000, 5000);
    let first = w.packet(MINER, "PA", 1001, 5001, b"HELO box\r\n");
    w.table.packet(&first, &mut w.health).unwrap().release();
    let mut seq = 1011;
    let mut looked = Vec::new();
    for n in 1..=payloads {
        if w.send(MINER, "PA", seq, 5001, payload) {
            looked.push(n);
            let p = w.packet(MINER, "A", seq + payload.len() as u32, 5001, b"");
            w.table.packet(&p, &mut w.health).unwrap().release();
        }
        seq += payload.len() as u32;
        assert!(!w.send(MINER, "PA", seq, 5001, b"plain"), "only promising payloads count");
        seq += 5;
        w.now = w.now.plus(every);
    }
    assert_eq!(w.count(Counter::SecondLooks), looked.len() as u64);
    looked
}

#[test]
fn a_flow_that_was_let_go_is_looked_at_again_when_it_talks_json() {
    // As slow as miners talk, and four times a second: then once a minute.
    assert_eq!(second_looks(RESULT, 330, Duration::from_secs(10)), [8, 32, 64, 128, 192, 256, 320]);
    let fast = second_looks(RESULT, 2_000, Duration::from_millis(250));
    assert_eq!(fast.get(..2), Some(&[8, 32][..]));
    assert!((8..=10).contains(&fast.len()), "{fast:?}");
    // A miner that said other things first is not waited for.
    assert_eq!(second_looks(SUBMIT, 8, Duration::from_millis(250)), [4, 8]);
    let slow = second_looks(SUBMIT, 200, Duration::from_secs(10));
    assert!(slow.len() > 20 && slow.iter().all(|n| n % 4 == 0), "{slow:?}");
}

#[test]
fn what_passes_keeps_its_flow_alive() {
    let mut w = Wire::new();
    // Nobody wants to listen.
    w.table.set_pace(Pace::of(Duration::from_hours(24), 0));
    w.handshake(MINER, 1000, 5000);
    let first = w.packet(MINER, "PA", 1001, 5001, b"HELO box\r\n");
    w.table.packet(&first, &mut w.health).unwrap().release();
    for n in 0..10 {
        w.wait(500);
        let p = w.packet(MINER, "PA", 1011 + n, 5001, b"x");
        let sight = w.table.sight(&p);
        assert_eq!(w.table.pass(&p, &sight, &mut w.health), Pass::Done);
        assert_eq!(w.table.len(), 1);
    }
    // Whatever may change more is looked at.
    for (flag, payload) in [("S", &b""[..]), ("FA", b""), ("RA", b""), ("PA", b"{\"id\":1}")] {
        let p = w.packet(MINER, flag, 1021, 5001, payload);
        let sight = w.table.sight(&p);
        assert!(matches!(w.table.pass(&p, &sight, &mut w.health), Pass::Look(Some(_))), "{flag}");
    }
    // One that comes too late is of another flow.
    w.wait(601);
    let p = w.packet(MINER, "PA", 1021, 5001, b"x");
    let sight = w.table.sight(&p);
    assert!(matches!(w.table.pass(&p, &sight, &mut w.health), Pass::Look(Some(_))));
}

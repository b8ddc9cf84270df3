//! Floods and full tables: what is lost, in which order, and that it is counted.

use super::*;

/// FS01: five million SYNs from random sources within a minute, and one steady miner.
#[test]
fn fs01_a_syn_flood_costs_a_fixed_table_and_the_miner_stays() {
    let mut w = Wire::new();
    w.handshake(MINER, 1000, 5000);
    let mut c = 1001;
    let mut sent = 0;
    let mut at_cap = 0;
    let mut x = 0x9e37_79b9_u32;
    let flood = w.packet(MINER, "S", 0, 0, b"");
    for i in 0..5_000_000_u32 {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut p = flood;
        p.src = IpAddr::V4(Ipv4Addr::from_bits(x));
        p.time = flood.time.plus(Duration::from_micros(u64::from(i) * 12));
        w.table.packet(&p, &mut w.health);
        if i % 500_000 == 0 {
            w.now = p.time;
            w.send(MINER, "PA", c, 5001, SUBMIT);
            c += SUBMIT.len() as u32;
            w.send(MINER.back(), "A", 5001, c, b"");
            sent += 1;
        }
        if i == 200_000 {
            at_cap = w.table.half_open().bytes();
        }
    }
    assert_eq!(w.table.half_open().len(), 65_536);
    assert_eq!(w.table.half_open().bytes(), at_cap);
    assert!(at_cap <= 8 << 20, "{at_cap}");
    assert!(w.count(Counter::HalfOpenEvicted) > 4_000_000);
    assert_eq!(w.table.len(), 1);
    assert_eq!(w.count(Counter::Flows), 1);
    let flow = w.only();
    assert_eq!(flow.state.text.get(MINER.way()).matches("submit").count(), sent);
    assert!(flow.info.handshake.verified && flow.info.handshake.client_data_acked());
}

#[test]
fn a_completed_handshake_outlives_a_flood_of_unanswered_ones() {
    let mut w = Wire::with(Limits { half_open: 64, ..Limits::default() });
    w.handshake(MINER, 1000, 5000);
    for n in 0..10_000 {
        w.send(MINER.by(n), "S", n, 0, b"");
    }
    w.send(MINER, "PA", 1001, 5001, SUBSCRIBE);
    assert!(w.only().info.handshake.verified);
}

#[test]
fn silent_completed_handshakes_do_not_keep_new_ones_from_completing() {
    let mut w = Wire::with(Limits { half_open: 64, ..Limits::default() });
    for n in 0..1000 {
        w.handshake(MINER.by(n), n, n);
    }
    w.send(MINER, "S", 1000, 0, b"");
    w.send(MINER.by(5000), "S", 1, 0, b"");
    w.send(MINER.back(), "SA", 5000, 1001, b"");
    w.send(MINER.by(5001), "S", 1, 0, b"");
    w.send(MINER, "A", 1001, 5001, b"");
    w.send(MINER, "PA", 1001, 5001, SUBSCRIBE);
    assert!(w.only().info.handshake.verified);
    assert_eq!(w.table.half_open().len(), 63);
}

#[test]
fn an_old_unanswered_syn_is_overwritten_without_alarm() {
    let mut w = Wire::with(Limits { half_open: 64, ..Limits::default() });
    for n in 0..640 {
        w.send(MINER.by(n), "S", n, 0, b"");
        w.wait(2);
    }
    assert_eq!(w.count(Counter::HalfOpenEvicted), 0);
    assert_eq!(w.table.half_open().len(), 64);
}

#[test]
fn a_full_table_loses_closed_flows_first_then_idle_ones_and_evidence_last() {
    let mut w = Wire::with(Limits { max_flows: 4, ..Limits::default() });
    let talk = |n| MINER.by(n);
    for n in 0..4 {
        let p = w.packet(talk(n), "PA", 1, 1, SUBMIT);
        let mut flow = w.table.packet(&p, &mut w.health).unwrap();
        if n == 0 {
            flow.keep(true);
        }
    }
    // 1 is idle, 2 is used again, 3 is closed.
    w.send(talk(2), "PA", 100, 1, SUBMIT);
    w.send(talk(3), "R", 1 + SUBMIT.len() as u32, 0, b"");
    for n in 4..9 {
        w.send(talk(n), "PA", 1, 1, SUBMIT);
        assert!(w.table.len() <= 4);
    }
    let order: Vec<u32> = w
        .ended
        .iter()
        .map(|(e, reason)| {
            assert_eq!(*reason, EndReason::Evicted);
            let IpAddr::V4(v4) = e.key.source(Direction::LoToHi).ip() else { unreachable!() };
            v4.to_bits() - 0x0a00_0000
        })
        .collect();
    assert_eq!(order, [3, 1, 2, 4, 5]);
    assert_eq!(w.count(Counter::FlowsEvicted), 5);
    assert!(w.drain().iter().any(|e| e.key.source(Direction::LoToHi).ip() == talk(0).src));
}

#[test]
fn one_flooder_evicts_only_his_own_flows() {
    let mut w = Wire::with(Limits { max_flows: 100, per_source: 20, ..Limits::default() });
    for n in 0..50 {
        w.send(MINER.by(n), "PA", 1, 1, SUBMIT);
    }
    for port in 0..5000 {
        w.send(MINER.at_port(port), "PA", 1, 1, b"flood");
    }
    assert_eq!(w.table.len(), 70);
    assert_eq!(w.ended.len(), 4980);
    assert!(w.ended.iter().all(|(e, _)| e.key.source(MINER.way()).ip() == MINER.src));
    assert_eq!(w.count(Counter::FlowsEvicted), 4980);
}

#[test]
fn a_flooder_whose_flows_all_bear_evidence_gets_no_more() {
    let mut w = Wire::with(Limits { per_source: 5, ..Limits::default() });
    for port in 0..10 {
        let p = w.packet(MINER.at_port(port), "PA", 1, 1, SUBMIT);
        if let Some(mut flow) = w.table.packet(&p, &mut w.health) {
            flow.keep(true);
        }
    }
    assert_eq!(w.table.len(), 5);
    assert_eq!(w.count(Counter::FlowsEvicted), 5);
    assert_eq!(w.drain().len(), 5);
}

#[test]
fn evidence_that_nobody_answers_has_an_eighth_of_the_table_and_evicts_no_conversation() {
    let mut w = Wire::with(Limits { max_flows: 16_384, ..Limits::default() });
    let keep = |w: &mut Wire, talk: Talk| {
        let p = w.packet(talk, "PA", 1, 1, SUBMIT);
        w.table.packet(&p, &mut w.health).unwrap().keep(true);
        w.take_ended();
    };
    // One is answered before it bears evidence, the other one after.
    for n in [0, 1] {
        w.send(MINER.by(n).back(), "PA", 1, 1, RESULT);
        keep(&mut w, MINER.by(n));
    }
    keep(&mut w, MINER.by(2));
    w.send(MINER.by(2).back(), "PA", 1, 1, RESULT);
    for n in 10..20_000 {
        keep(&mut w, MINER.by(n));
    }
    assert_eq!(w.table.len(), 2_048 + 3);
    assert_eq!(w.count(Counter::FlowsEvicted), w.ended.len() as u64);
    let miner = |e: &Ended<Kept>| e.key.source(Direction::LoToHi).ip();
    let left = w.drain();
    assert!((0..3).all(|n| left.iter().any(|e| miner(e) == MINER.by(n).src)));
}

#[test]
fn buffers_of_all_flows_share_one_budget() {
    let mut w = Wire::with(Limits { buffered: 10_000, ..Limits::default() });
    for n in 0..1000 {
        let talk = MINER.by(n);
        w.handshake(talk, 0, 0);
        w.send(talk, "PA", 100, 1, SUBMIT);
        assert!(w.table.buffered() <= 10_000);
    }
    assert!(w.count(Counter::ReassemblyCapped) > 0);
    for e in &w.drain() {
        assert!(e.state.text.get(MINER.way()).contains("submit"));
    }
    assert_eq!(w.table.buffered(), 0);
}

#[test]
fn a_drained_table_is_empty_and_usable() {
    let mut w = Wire::new();
    for round in 0..3 {
        for n in 0..100 {
            w.send(MINER.by(n), "PA", 1, 1, SUBMIT);
        }
        assert_eq!(w.drain().len(), 100, "round {round}");
        assert!(w.table.is_empty());
        assert_eq!(w.table.sources.len(), 0);
        assert!(w.table.slots.len() <= 100);
    }
}

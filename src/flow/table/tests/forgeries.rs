//! What someone who only injects packets cannot get: proof of a conversation, or the end of a real one.

use super::*;

/// SF05: a lone segment with a subscribe proves nothing, in either direction.
#[test]
fn sf05_a_lone_forged_segment_proves_nothing() {
    for talk in [MINER, MINER.back()] {
        let mut w = Wire::new();
        w.send(talk, "PA", 1, 1, SUBSCRIBE);
        let flow = w.only();
        let hs = flow.info.handshake;
        assert!(!hs.verified && !hs.client_data_acked() && !hs.data_acked(talk.way()));
        assert_eq!(hs.exchanges, 0);
        assert!(flow.info.one_way().is_some());
    }
}

#[test]
fn a_syn_ack_or_ack_with_a_wrong_number_proves_nothing() {
    for (synack, ack) in [(1002, 5001), (1000, 5001), (77, 5001), (1001, 5002), (1001, 5000), (1001, 0)] {
        let mut w = Wire::new();
        w.send(MINER, "S", 1000, 0, b"");
        w.send(MINER.back(), "SA", 5000, synack, b"");
        w.send(MINER, "A", 1001, ack, b"");
        w.send(MINER, "PA", 1001, ack, SUBSCRIBE);
        let hs = w.only().info.handshake;
        assert!(!hs.verified, "SYN-ACK {synack}, ACK {ack}");
        assert!(!hs.client_data_acked());
    }
}

#[test]
fn a_reset_acknowledges_nothing() {
    let mut w = Wire::new();
    w.send(MINER, "S", 1000, 0, b"");
    w.send(MINER, "PA", 1001, 1, SUBSCRIBE);
    w.send(MINER.back(), "RA", 0, 1001 + SUBSCRIBE.len() as u32, b"");
    let hs = w.only().info.handshake;
    assert!(!hs.verified && !hs.client_data_acked());
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_proves_nothing() {
    let mut w = Wire::new();
    w.handshake(MINER, 1000, 5000);
    w.send(MINER, "PA", 1001, 5001, SUBSCRIBE);
    let sent = 1001 + SUBSCRIBE.len() as u32;
    for ack in [1001, sent + 1, sent + 5000, 0, 0x9000_0000] {
        w.send(MINER.back(), "A", 5001, ack, b"");
    }
    let hs = w.only().info.handshake;
    assert!(hs.verified && !hs.client_data_acked());
}

#[test]
fn a_forged_syn_does_not_end_a_real_conversation() {
    let mut w = Wire::new();
    w.handshake(MINER, 1000, 5000);
    let mut c = 1001;
    for i in 0..5 {
        w.send(MINER, "PA", c, 5001, SUBMIT);
        c += SUBMIT.len() as u32;
        w.send(MINER.back(), "A", 5001, c, b"");
        w.send(MINER, "S", 0x4000_0000 + i, 0, b"");
        w.send(MINER.back(), "SA", 0x5000_0000 + i, 99, b"");
        w.send(MINER, "PA", 0x4000_0001 + i, 0x5000_0001, b"forged");
    }
    assert!(w.ended.is_empty());
    let flow = w.only();
    assert!(flow.info.handshake.verified && flow.info.handshake.client_data_acked());
    assert_eq!(flow.state.text.get(MINER.way()).matches("submit").count(), 5);
    assert!(!flow.state.text.get(MINER.way()).contains("forged"));
}

#[test]
fn a_forged_reset_or_fin_does_not_end_a_real_conversation() {
    for flag in ["R", "RA", "FA"] {
        let mut w = Wire::new();
        w.handshake(MINER, 1000, 5000);
        let mut c = 1001;
        for _ in 0..4 {
            w.send(MINER, "PA", c, 5001, SUBMIT);
            c += SUBMIT.len() as u32;
            w.send(MINER, flag, c, 5001, b"");
            w.wait(5);
            w.send(MINER, "PA", c, 5001, SUBMIT);
            c += SUBMIT.len() as u32;
            w.send(MINER.back(), "A", 5001, c, b"");
            w.wait(60);
        }
        assert!(w.ended.is_empty());
        assert_eq!(w.only().state.text.get(MINER.way()).matches("submit").count(), 8);
    }
}

#[test]
fn a_forged_second_syn_does_not_take_the_proof_from_a_completed_handshake() {
    let mut w = Wire::new();
    w.handshake(MINER, 1000, 5000);
    w.send(MINER, "S", 777_777_777, 0, b"");
    w.send(MINER, "PA", 1001, 5001, SUBSCRIBE);
    assert!(w.only().info.handshake.verified);
}

#[test]
fn forged_data_between_handshake_and_first_data_takes_neither_bytes_nor_proof() {
    let mut w = Wire::new();
    w.send(MINER, "S", 1000, 0, b"");
    w.send(MINER.back(), "SA", 5000, 1001, b"");
    w.send(MINER, "PA", 0x7000_0000, 5001, b"forged");
    w.send(MINER, "A", 1001, 5001, b"");
    w.send(MINER.back(), "PA", 0x6000_0000, 1001, b"forged");
    w.send(MINER, "PA", 1001, 5001, SUBSCRIBE);
    w.send(MINER.back(), "PA", 5001, 1001 + SUBSCRIBE.len() as u32, RESULT);
    assert_eq!(w.ended.len(), 1);
    let flow = w.only();
    assert!(flow.info.handshake.verified && flow.info.handshake.client_data_acked());
    assert_eq!(flow.state.text.get(MINER.way()).as_bytes(), [SUBSCRIBE, b"."].concat());
    assert_eq!(flow.state.text.get(MINER.back().way()).as_bytes(), [RESULT, b"."].concat());
}

#[test]
fn mid_stream_a_wild_segment_first_does_not_hide_the_rest_for_long() {
    let mut w = Wire::new();
    w.send(MINER, "PA", 0x7000_0000, 5001, b"forged");
    let mut c = 1001;
    for _ in 0..5 {
        w.send(MINER, "PA", c, 5001, SUBMIT);
        c += SUBMIT.len() as u32;
        w.send(MINER.back(), "A", 5001, c, b"");
    }
    let flow = w.only();
    assert_eq!(flow.state.text.get(MINER.way()).matches("submit").count(), 4);
    assert!(flow.info.handshake.data_acked(MINER.way()));
}

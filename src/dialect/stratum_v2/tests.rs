use super::super::stream::bench::{CALLED, OPENER, Seen, converse};
use super::*;

/// Genuine sessions and strangers are in `tests/sv2.rs`; here is what these cannot show.
fn setup(extra: usize) -> Vec<u8> {
    let mut payload = vec![0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    payload.resize(payload.len() + extra, 0);
    [&[0, 0, 0, payload.len() as u8, 0, 0][..], &payload].concat()
}

#[test]
fn a_connection_request_has_to_fit_its_frame_to_the_byte() {
    let answer = [0, 0, 1, 6, 0, 0, 2, 0, 0, 0, 0, 0];
    for (extra, found) in [(0, true), (1, false), (9, false)] {
        for step in [1, 100] {
            let out = converse(&StratumV2, &[(OPENER, &setup(extra)), (CALLED, &answer)], step, Seen::Handshake);
            assert_eq!(out.miner.is_some(), found, "{extra} {step}");
        }
    }
}

#[test]
fn a_job_answered_by_nobody_does_not_make_a_session_of_zeros() {
    for n in [6, 22, 64, 500] {
        let out = converse(&StratumV2, &[(OPENER, &vec![0; n]), (CALLED, &vec![0; n])], 100, Seen::Handshake);
        assert_eq!(out.miner, None, "{n}");
        let out = converse(&StratumV2, &[(OPENER, &vec![0; n]), (CALLED, &vec![0; n])], 100, Seen::MidStream);
        assert_eq!(out.miner, None, "{n}");
    }
}

#[test]
fn bytes_behind_the_key_before_the_answer_end_it() {
    let random: Vec<u8> = (0..65_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let out = converse(&StratumV2, &[(OPENER, &random), (CALLED, &[1; 10])], 13, Seen::Handshake);
    assert_eq!((out.miner, out.alive), (None, false));
}

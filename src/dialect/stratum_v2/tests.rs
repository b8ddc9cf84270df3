mod measure;

use super::super::stream::bench::{CALLED, OPENER, Seen, converse};
use super::sizes::Sizes;
use super::*;
use crate::dialect::Role;
use crate::evidence::{Verdict, judge};
use crate::time::PacketTime;
use std::time::Duration;

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

/// A session by its sizes; every `split`th share in two halves with a job between them.
fn by_sizes(split: usize) -> Conversation {
    let noise: Vec<u8> = (0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    let (mut sizes, mut c, mut at, mut from) = (Sizes::new(true), Conversation::default(), 0, 0);
    let mut say = |role, len: usize, pause: u64, c: &mut Conversation| {
        at += pause;
        let stamp = Stamp { time: PacketTime::ZERO.plus(Duration::from_millis(at)), ..Stamp::default() };
        from = (from + 631) % 3000;
        sizes.data(role, &noise[from..from + len], stamp, c);
    };
    say(Role::Miner, 100, 40, &mut c);
    say(Role::Pool, 300, 40, &mut c);
    for n in 1..20 {
        say(Role::Miner, if n % split == 0 { 30 } else { 62 }, 1000 + 700 * (n as u64 * 7 % 11), &mut c);
        if n % split == 0 {
            say(Role::Pool, 87, 1, &mut c);
            say(Role::Miner, 32, 1, &mut c);
        }
        say(Role::Pool, 58, 40, &mut c);
        if n % 2 == 0 {
            say(Role::Pool, 83 + 86, 800, &mut c);
        }
    }
    c
}

#[test]
fn halves_of_a_share_parted_by_a_job_are_one_share() {
    let whole = by_sizes(100);
    // The last turn is told apart by the next one.
    assert_eq!((whole.shares.submitted, whole.shares.accepted, whole.jobs), (19, 18, 10), "{:?}", whole.shares);
    let halves = by_sizes(5);
    assert_eq!((halves.shares.submitted, halves.shares.accepted), (19, 18), "{:?}", halves.shares);
    assert_eq!(halves.jobs, 13, "three more between halves");
    assert_eq!(judge(&halves.evidence).unwrap().verdict, Verdict::Confirmed);
}

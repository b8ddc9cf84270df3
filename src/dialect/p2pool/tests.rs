use super::super::stream::bench::{CALLED, OPENER, Outcome, Seen, converse};
use super::*;
use crate::evidence::Verdict;

fn message(id: u8, n: usize, fill: u8) -> Vec<u8> {
    [vec![id], vec![fill; n]].concat()
}

fn solution(top: u64) -> Vec<u8> {
    let mut s = message(1, 40, 0xa7);
    s.splice(25..33, top.to_le_bytes());
    s
}

/// Largest hash that has the work.
const PAID: u64 = u64::MAX / DIFFICULTY;

fn talk(top: u64, first: [crate::flow::Direction; 2], step: usize) -> Outcome {
    let (challenge, mine, theirs) = (message(0, 16, 0x51), solution(top), solution(u64::MAX));
    let other = message(0, 16, 0x52);
    let block = [&[4_u8][..], &900_u32.to_le_bytes(), &[3; 900]].concat();
    let turns = [
        (first[0], &challenge[..]),
        (first[1], &other),
        (OPENER, &mine),
        (CALLED, &theirs),
        (OPENER, &[3; 33]),
        (CALLED, &block),
    ];
    converse(&P2Pool, &turns, step, Seen::Handshake)
}

#[test]
fn a_handshake_and_a_block_are_confirmed_whoever_speaks_first_and_however_it_is_cut() {
    for first in [[OPENER, CALLED], [CALLED, OPENER]] {
        for step in [1, 5, 17, 60, 2000] {
            let out = talk(PAID, first, step);
            assert_eq!((out.miner, out.verdict()), (Some(OPENER), Some(Verdict::Confirmed)), "{first:?} {step}");
            assert_eq!(out.conversation.jobs, 1);
        }
    }
}

#[test]
fn without_the_work_that_the_opener_owes_it_is_something_else() {
    for step in [1, 17, 2000] {
        let out = talk(PAID + 1, [OPENER, CALLED], step);
        assert_eq!((out.miner, out.alive), (None, false), "{step}");
    }
}

#[test]
fn one_end_is_enough_to_suspect() {
    let (challenge, mine) = (message(0, 16, 0x51), solution(PAID));
    let port = [2, 0x01, 0x94, 0, 0];
    let out = converse(&P2Pool, &[(OPENER, &challenge), (OPENER, &mine), (OPENER, &port)], 7, Seen::Handshake);
    assert_eq!(out.verdict(), Some(Verdict::Suspected));
    let answer = [&solution(u64::MAX)[..], &port, &[3; 33]].concat();
    let out = converse(&P2Pool, &[(CALLED, &challenge), (CALLED, &answer)], 7, Seen::Handshake);
    assert_eq!(out.verdict(), Some(Verdict::Suspected));
}

#[test]
fn other_protocols_that_begin_with_zero_do_not_start_or_end_soon() {
    // NetBIOS session, DNS over TCP, gRPC-like, a Minecraft ping.
    let smb = [&[0, 0, 0, 0x54][..], b"\xfeSMB", &[0; 80]].concat();
    for first in [
        &smb[..],
        b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\0\0\x01\0\x01",
        b"\0\0\0\0\x17hello, hello and hello",
        &[0; 64],
    ] {
        let out = converse(&P2Pool, &[(OPENER, first), (CALLED, first)], 2000, Seen::Handshake);
        assert_eq!(out.miner, None);
        assert!(!out.alive, "{first:?}");
    }
}

#[test]
fn whoever_asks_for_the_very_same_is_an_echo() {
    let opening = [message(0, 16, 0x51), solution(PAID)].concat();
    let out = converse(&P2Pool, &[(OPENER, &opening), (CALLED, &opening)], 2000, Seen::Handshake);
    assert_eq!((out.miner, out.alive), (None, false));
}

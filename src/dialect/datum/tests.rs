use super::super::stream::bench::{CALLED, OPENER, Outcome, Seen, converse};
use super::*;
use crate::evidence::Verdict;

fn greeting(clear: u32, len: usize) -> Vec<u8> {
    [&(clear ^ MASK).to_le_bytes()[..], &vec![0xc3; len]].concat()
}

/// Command 1, sealed, signed.
const FLAGS: u32 = 1 << 27 | 1 << 25 | 1 << 24;
/// 433 bytes.
const LEN: u32 = 0x1b1;

fn talk(greeting: &[u8], step: usize) -> Outcome {
    converse(&Datum, &[(OPENER, greeting), (CALLED, &[0x5a; 300]), (OPENER, &[1; 90])], step, Seen::Handshake)
}

#[test]
fn a_greeting_of_the_announced_length_is_probable_once_answered_and_never_more() {
    for step in [1, 3, 100, 2000] {
        let out = talk(&greeting(FLAGS | LEN, LEN as usize), step);
        assert_eq!((out.miner, out.verdict()), (Some(OPENER), Some(Verdict::Probable)), "{step}");
    }
    let alone = converse(&Datum, &[(OPENER, &greeting(FLAGS | LEN, LEN as usize))], 50, Seen::Handshake);
    assert_eq!(alone.verdict(), Some(Verdict::Suspected));
}

#[test]
fn another_length_is_something_else() {
    for len in [432, 434, 0, 2000] {
        assert_eq!(talk(&greeting(FLAGS | LEN, len), 2000).miner, None, "{len}");
    }
    assert_eq!(talk(&greeting(FLAGS | 0x64, 0x64), 2000).miner, None, "too short for its keys");
}

#[test]
fn every_bit_of_the_header_counts() {
    let good = FLAGS | LEN;
    for bit in (0..32).filter(|b| *b != 24) {
        assert_eq!(talk(&greeting(good ^ (1 << bit), LEN as usize), 2000).miner, None, "bit {bit}");
    }
}

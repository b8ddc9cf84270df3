use super::super::stream::bench::{CALLED, OPENER, Outcome, Seen, converse};
use super::*;
use crate::evidence::Verdict;

fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], body].concat()
}

fn hello() -> Vec<u8> {
    frame(&[&[128, 1, 0, 0, 2, 3, 4][..], b"barn", b"aleo1", &[b'q'; 58]].concat())
}

fn talk(hello: &[u8], step: usize) -> Outcome {
    let ack = frame(&[&[0, 1][..], &[7; 32], &[1, 0, 0, 0], b"signature"].concat());
    let job = frame(&[&[1][..], &[9; 48]].concat());
    let share = frame(&[&[129][..], &[1, 0, 0, 0], &[9; 8], &[5; 200]].concat());
    let turns = [(OPENER, hello), (CALLED, &ack), (CALLED, &job), (OPENER, &share), (OPENER, &frame(&[131]))];
    converse(&AleoZkWork, &turns, step, Seen::Handshake)
}

#[test]
fn a_session_is_read_however_it_is_cut() {
    for step in [1, 4, 30, 2000] {
        let out = talk(&hello(), step);
        assert_eq!((out.miner, out.verdict()), (Some(OPENER), Some(Verdict::Confirmed)), "{step}");
        assert_eq!((out.conversation.jobs, out.conversation.shares.submitted), (1, 1));
        assert_eq!(out.conversation.worker.as_deref(), Some("barn"));
        assert!(out.conversation.login.is_some_and(|l| l.starts_with("aleo1")));
    }
}

#[test]
fn what_is_no_connect_ends_it() {
    let mut binary = hello();
    for (i, b) in binary.iter_mut().enumerate() {
        *b = if i > 10 { 0x90 } else { *b };
    }
    let mut other = hello();
    if let Some(kind) = other.get_mut(4) {
        *kind = 127;
    }
    for bad in [binary, other, b"\x10\0\0\0hello, world....".to_vec(), b"GET / HTTP/1.1\r\n".to_vec()] {
        assert_eq!(talk(&bad, 2000).miner, None);
    }
}

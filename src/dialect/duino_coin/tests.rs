use super::super::stream::bench::{CALLED, OPENER, Outcome, Seen, converse};
use super::*;
use crate::evidence::Verdict;

const JOB: &[u8] = b"da39a3ee5e6b4b0d3255bfef95601890afd80709,2fd4e1c67a2d28fced849ee1bb76e7391b93eb12,2000\n";

fn talk(step: usize, job: &[u8]) -> Outcome {
    let turns = [
        (CALLED, &b"3.0"[..]),
        (OPENER, b"JOB,alice,LOW,None"),
        (CALLED, job),
        (OPENER, b"104729,312345.6,Official PC Miner 4.3,barn,,2811"),
        (CALLED, b"GOOD\n"),
        (OPENER, b"JOB,alice,LOW,None"),
        (CALLED, job),
        (OPENER, b"7,0,Official PC Miner 4.3,barn,,2811"),
        (CALLED, b"BAD,Incorrect result\n"),
    ];
    converse(&DuinoCoin, &turns, step, Seen::Handshake)
}

#[test]
fn jobs_and_results_are_read_with_and_without_line_ends() {
    for step in [1, 2, 7, 500] {
        let out = talk(step, JOB);
        assert_eq!((out.miner, out.verdict()), (Some(OPENER), Some(Verdict::Confirmed)), "{step}");
        let (c, s) = (&out.conversation, out.conversation.shares);
        assert_eq!((c.jobs, s.submitted, s.accepted, s.rejected), (2, 2, 1, 1), "{step}");
        assert_eq!((c.login.as_deref(), c.worker.as_deref()), (Some("alice"), Some("barn")));
        assert!((c.work - 100_000.0).abs() < 1.0, "{}", c.work);
    }
}

#[test]
fn a_question_alone_is_no_mining() {
    let out = converse(&DuinoCoin, &[(CALLED, b"3.0\n"), (OPENER, b"JOB,alice,LOW,None\n")], 500, Seen::Handshake);
    assert_eq!(out.miner, None);
}

#[test]
fn jobs_of_another_shape_are_not_taken() {
    for job in [
        &b"da39a3ee,2fd4e1c6,2000\n"[..],
        b"da39a3ee5e6b4b0d3255bfef95601890afd80709,2fd4e1c67a2d28fced849ee1bb76e7391b93eb12,many\n",
        b"da39a3ee5e6b4b0d3255bfef95601890afd80709,2fd4e1c67a2d28fced849ee1bb76e7391b93eb12,1,2\n",
        b"550 no such job\n",
    ] {
        assert_eq!(talk(500, job).miner, None);
    }
}

#[test]
fn other_servers_that_greet_with_a_number_are_left() {
    for (server, client) in [
        (&b"1.0\n"[..], &b"USER alice\r\nPASS secret\r\nLIST\r\nSTAT\r\nQUIT\r\n"[..]),
        (b"2.5\n", b"\x00\xff\xfe\xfd"),
        (b"220 mail.example ESMTP\r\n", b"EHLO host.example\r\n"),
    ] {
        let out = converse(&DuinoCoin, &[(CALLED, server), (OPENER, client)], 500, Seen::Handshake);
        assert_eq!((out.miner, out.alive), (None, false));
    }
}

use super::super::stream::bench::{CALLED, OPENER, Outcome, Seen, converse};
use super::*;
use crate::evidence::Verdict;

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[MAGIC, kind][..], &(body.len() as u16 + 4).to_le_bytes(), body].concat()
}

const CAPS: &[u8] = b"{\"id\":\"caps\",\"method\":\"agent.get_capabilities\",\"params\":[\"verrol\"]}\n";

fn notify() -> Vec<u8> {
    let (h, c) = ("ab".repeat(32), "cd".repeat(60));
    format!("{{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"7\",\"{h}\",\"{c}\",\"{c}\",[\"{h}\"],\"20000000\",\"17021c4a\",\"69a4d2c0\",true]}}\n").into_bytes()
}

fn answer(status: u32) -> Vec<u8> {
    frame(0x10, &[&[1, 0][..], &status.to_le_bytes()].concat())
}

fn session(step: usize) -> Outcome {
    let (register, difficulty) = (frame(0x01, b"\x01\0cgminer/4.10\0rig1\0"), frame(0x05, &[16, 1, 0, 1, 0]));
    let share = frame(0x02, &[0x0a; 11]);
    let turns = [
        (OPENER, CAPS),
        (CALLED, b"{\"id\":\"caps\",\"result\":{\"capabilities\":[\"verrol\"]}}\n"),
        (OPENER, b"{\"id\":\"auth\",\"method\":\"mining.authorize\",\"params\":[\"farm\",\"\"]}\n"),
        (CALLED, b"{\"id\":\"auth\",\"result\":true,\"error\":null}\n"),
        (CALLED, &notify()),
        (OPENER, &register),
        (CALLED, &difficulty),
        (OPENER, &share),
        (CALLED, &answer(ACCEPTED[0])),
        (OPENER, &share),
        (CALLED, &answer(23)),
    ];
    converse(&BtcAgent, &turns, step, Seen::Handshake)
}

#[test]
fn lines_and_frames_are_read_however_they_are_cut() {
    for step in [1, 3, 50, 4000] {
        let out = session(step);
        assert_eq!((out.miner, out.verdict()), (Some(OPENER), Some(Verdict::Confirmed)), "{step}");
        let (c, s) = (&out.conversation, out.conversation.shares);
        assert_eq!((c.jobs, s.submitted, s.accepted, s.rejected), (1, 2, 1, 1), "{step}");
        assert_eq!((c.login.as_deref(), c.worker.as_deref()), (Some("farm"), Some("rig1")));
        assert!(c.difficulty.is_some_and(|d| (d - 65_536.0).abs() < 0.1));
    }
}

#[test]
fn a_frame_in_the_middle_of_a_stream_tells_who_is_who() {
    let (share, difficulty) = (frame(0x13, &[1; 19]), frame(0x05, &[16, 1, 0, 1, 0]));
    for turns in [[(OPENER, &share), (CALLED, &difficulty)], [(CALLED, &difficulty), (OPENER, &share)]] {
        let turns = turns.map(|(from, bytes)| (from, &bytes[..]));
        let out = converse(&BtcAgent, &turns, 4000, Seen::MidStream);
        assert_eq!((out.miner, out.verdict()), (Some(OPENER), Some(Verdict::Probable)));
    }
}

#[test]
fn plain_stratum_and_other_lines_are_left_to_others() {
    for line in [
        &b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.11.1\"]}\n"[..],
        b"{\"id\":1,\"method\":\"agent.get_capabilities\",\"params\":[]}\n",
        b"{\"id\":1,\"method\":\"agent.list\",\"params\":[\"all\"]}\n",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}\n",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0",
        b"\x7f\x01\x0c\0\x01\0no nul here",
    ] {
        for step in [1, 4000] {
            let out = converse(&BtcAgent, &[(OPENER, line), (CALLED, b"{}\n")], step, Seen::Handshake);
            assert_eq!(out.miner, None, "{}", String::from_utf8_lossy(line));
        }
    }
}

use super::super::stream::bench::{CALLED, OPENER, Outcome, Seen, converse};
use super::*;
use crate::evidence::Verdict;

const SUMMARY: &str = "{\"STATUS\":[{\"STATUS\":\"S\",\"When\":1772409600,\"Code\":11,\"Msg\":\"Summary\",\"Description\":\"cgminer 4.11.1\"}],\"SUMMARY\":[{\"Elapsed\":1,\"MHS av\":13512345.5}],\"id\":1}\0";
const TEXT_SUMMARY: &str =
    "STATUS=S,When=1772409600,Code=11,Msg=Summary,Description=sgminer 5.1.0|SUMMARY,Elapsed=1,MHS av=17.1|\0";

fn talk(question: &str, answer: &str, step: usize) -> Outcome {
    converse(&CgminerApi, &[(OPENER, question.as_bytes()), (CALLED, answer.as_bytes())], step, Seen::Handshake)
}

#[test]
fn a_rig_that_answers_is_suspected_and_no_more() {
    let pools = "{\"STATUS\":[{\"When\":1,\"STATUS\":\"S\",\"Msg\":\"1 Pool(s)\",\"Code\":7,\"Description\":\"bmminer 2.0.0\"}],\"POOLS\":[{\"POOL\":0,\"URL\":\"stratum+tcp://pool.example:3333\",\"User\":\"1BoatSLRHtKNngkdXEeobR76b53LETtpyT.rig\"}],\"id\":1}\0";
    for (question, answer) in [
        (r#"{"command":"summary","parameter":""}"#, SUMMARY),
        ("{ \"parameter\" : null, \"command\" : \"summary+pools\" }\n", SUMMARY),
        (r#"{"command":"pools"}"#, pools),
        ("summary|", TEXT_SUMMARY),
        ("summary|0\n", TEXT_SUMMARY),
    ] {
        for step in [1, 10, 4000] {
            let out = talk(question, answer, step);
            assert_eq!((out.miner, out.verdict()), (Some(CALLED), Some(Verdict::Suspected)), "{question} {step}");
            assert!(out.conversation.agent.is_some(), "{question}");
            let pool = out.conversation.reported_pool.as_ref().map(ToString::to_string);
            assert_eq!(pool.as_deref(), (answer == pools).then_some("pool.example:3333"), "{question} {step}");
            let told = out.conversation.evidence.lines().find(|e| e.code == Code::KnownProgram).unwrap();
            assert!(told.text.starts_with("the rig calls itself"), "{}", told.text);
        }
    }
    let rate = talk("{\"command\":\"summary\"}", SUMMARY, 4000).conversation.reported_hashrate;
    assert!(rate.is_some_and(|r| (r - 13_512_345.5e6).abs() < 1.0), "{rate:?}");
}

#[test]
fn a_question_alone_is_noted() {
    for answer in ["", "ERR\r\n", "HTTP/1.0 400 Bad Request\r\n\r\n", "{\"error\":\"what?\"}"] {
        let out = talk(r#"{"command":"summary"}"#, answer, 4000);
        assert_eq!(out.verdict(), Some(Verdict::Noted), "{answer}");
    }
}

#[test]
fn an_answer_without_its_question_is_suspected() {
    for answer in [SUMMARY, TEXT_SUMMARY] {
        let out = converse(&CgminerApi, &[(CALLED, answer.as_bytes())], 4000, Seen::MidStream);
        assert_eq!((out.miner, out.verdict()), (Some(CALLED), Some(Verdict::Suspected)));
    }
}

#[test]
fn services_with_like_words_are_left() {
    for (question, answer) in [
        ("stats\r\n", "STAT pid 812\r\nEND\r\n"),
        ("version\r\n", "VERSION 1.6.32\r\n"),
        ("{\"command\":[\"get_property\",\"volume\"]}\n", "{\"data\":50,\"error\":\"success\"}\n"),
        ("{\"command\":\"open_door\"}\n", "{\"STATUS\":\"ok\"}\n"),
        ("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n", "{\"id\":1,\"result\":true}\n"),
        ("config get maxmemory\r\n", "*2\r\n"),
        ("version|all", "1.0"),
    ] {
        for step in [1, 4000] {
            let out = talk(question, answer, step);
            assert_eq!(out.verdict().filter(|v| *v > Verdict::Noted), None, "{question}");
            assert!(!out.conversation.evidence.has(Code::RigAnswered), "{question}");
        }
    }
}

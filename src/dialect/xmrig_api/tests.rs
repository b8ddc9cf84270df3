use super::super::HttpMeta;
use super::super::json::Parser;
use super::super::rig_http::RigHttp;
use super::*;
use crate::evidence::{Stamp, Verdict, judge};
use crate::flow::Direction;

fn get(path: &str) -> HttpMeta {
    HttpMeta { path: Some(path.to_owned()), ..HttpMeta::default() }
}

fn ok() -> HttpMeta {
    HttpMeta { response: true, status: 200, ..HttpMeta::default() }
}

fn read(dialect: &dyn Dialect, messages: &[(HttpMeta, &str)]) -> (Vec<Probe>, Conversation) {
    let (mut probes, mut c, mut session) = (Vec::new(), Conversation::default(), dialect.open());
    for (meta, body) in messages {
        let mut parser = Parser::new(4096);
        let rpc = parser.parse(body.as_bytes()).unwrap().rpc().unwrap();
        let (role, from) =
            if meta.response { (Role::Miner, Direction::HiToLo) } else { (Role::Pool, Direction::LoToHi) };
        let m = Message { from, stamp: Stamp::default(), rpc: &rpc, carrier: Carrier::Http, http: Some(meta) };
        probes.push(dialect.probe(&m));
        session.message(role, &m, &mut c);
    }
    (probes, c)
}

const SUMMARY: &str = r#"{"worker_id":"barn","algo":"rx/0","connection":{"pool":"pool.example:443"},"ua":"XMRig/6.26.0","hashrate":{"total":[8123.4,null,null]}}"#;

#[test]
fn an_answer_is_suspected_a_question_noted() {
    let (probes, c) = read(&XmrigApi, &[(get("/2/summary?x=1"), "{}")]);
    assert_eq!(probes, [Probe::Unsure(Role::Pool, 3)]);
    assert_eq!(judge(&c.evidence).unwrap().verdict, Verdict::Noted);
    let (probes, c) = read(&XmrigApi, &[(get("/1/summary"), "{}"), (ok(), SUMMARY)]);
    assert_eq!(probes.last(), Some(&Probe::Certain(Role::Miner)));
    assert_eq!(judge(&c.evidence).unwrap().verdict, Verdict::Suspected);
    assert_eq!((c.worker.as_deref(), c.agent.as_deref()), (Some("barn"), Some("XMRig/6.26.0")));
    let config = r#"{"autosave":true,"cpu":{"enabled":true},"donate-level":1,"pools":[{"url":"pool.example:443"}]}"#;
    let (probes, c) = read(&XmrigApi, &[(ok(), config)]);
    assert_eq!(probes, [Probe::Certain(Role::Miner)]);
    let says = "its configuration (pool pool.example:443)";
    assert!(c.evidence.lines().any(|e| e.text.ends_with(says)));
    assert!(c.reported_pool.is_some());
}

#[test]
fn other_answers_and_paths_are_not_its() {
    for body in [
        "{}",
        r#"{"hashrate":{"total":[1]}}"#,
        r#"{"worker_id":1,"hashrate":5,"connection":{"pool":"db"}}"#,
        r#"{"connection":{"pool":"postgres"},"version":"1"}"#,
        r#"{"pools":[],"donate-level":1}"#,
    ] {
        assert_eq!(read(&XmrigApi, &[(ok(), body)]).0, [Probe::Neutral], "{body}");
        assert_eq!(read(&RigHttp, &[(ok(), body)]).0, [Probe::Neutral], "{body}");
    }
    for path in ["/", "/summary", "/api/1/summary", "/1/summary/x", "/v1/config"] {
        assert_eq!(read(&XmrigApi, &[(get(path), "{}")]).0, [Probe::Neutral], "{path}");
    }
}

#[test]
fn other_programs_are_told_by_their_answers_alone() {
    for body in [
        r#"{"accepted_count":6,"algorithm":"kawpow","gpus":[],"hashrate":1,"name":"t-rex","version":"0.26.8"}"#,
        r#"{"Software":"lolMiner 1.88","Session":{"Uptime":5},"Algorithms":[]}"#,
    ] {
        let (probes, c) = read(&RigHttp, &[(get("/summary"), "{}"), (ok(), body)]);
        assert_eq!(probes, [Probe::Neutral, Probe::Certain(Role::Miner)], "{body}");
        assert_eq!(judge(&c.evidence).unwrap().verdict, Verdict::Suspected, "{body}");
    }
}

/// A configuration that malware fetches, an example in a documentation: a web server that hands it out is no rig.
#[test]
fn a_file_that_looks_like_an_answer_makes_no_rig() {
    let config = r#"{"autosave":true,"cpu":{"enabled":true},"donate-level":1,"pools":[{"url":"pool.example:443"}]}"#;
    let trex = r#"{"accepted_count":6,"algorithm":"kawpow","gpus":[],"hashrate":1,"name":"t-rex","version":"0.26.8"}"#;
    let to = |path: &str| HttpMeta { answers: Some(path.to_owned()), ..ok() };
    let no = [Probe::Neutral];
    assert_eq!(read(&XmrigApi, &[(to("/.x/config.json"), config)]).0, no);
    assert_eq!(read(&XmrigApi, &[(to("/doc/api/1/summary.json"), SUMMARY)]).0, no);
    assert_eq!(read(&RigHttp, &[(to("/examples/t.json"), trex)]).0, no);
    let yes = [Probe::Certain(Role::Miner)];
    assert_eq!(read(&XmrigApi, &[(to("/2/config?x"), config)]).0, yes);
    assert_eq!(read(&RigHttp, &[(to("/summary?x"), trex)]).0, yes);
}

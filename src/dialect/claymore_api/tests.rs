use super::super::json::Parser;
use super::*;
use crate::evidence::{Stamp, Verdict, judge};
use crate::flow::Direction;

fn read(lines: &[(Role, &str)]) -> (Vec<Probe>, Conversation) {
    let (mut probes, mut c, mut session) = (Vec::new(), Conversation::default(), ClaymoreApi.open());
    for (role, line) in lines {
        let mut parser = Parser::new(4096);
        let rpc = parser.parse(line.as_bytes()).unwrap().rpc().unwrap();
        let from = if *role == Role::Miner { Direction::HiToLo } else { Direction::LoToHi };
        let m = Message { from, stamp: Stamp::default(), rpc: &rpc, carrier: Carrier::Lines, http: None };
        probes.push(ClaymoreApi.probe(&m));
        session.message(*role, &m, &mut c);
    }
    (probes, c)
}

const ASK: &str = r#"{"id":0,"jsonrpc":"2.0","method":"miner_getstat1"}"#;
const STAT: &str = r#"{"id":0,"result":["9.3 - ETH","21","182724;51;0","30502;30457","0;0;0","off;off","53;71","etc.pool.example:4444","0;0;0;0"],"error":null}"#;

#[test]
fn an_answer_is_suspected_a_question_noted() {
    let (probes, c) = read(&[(Role::Pool, ASK)]);
    assert_eq!(probes, [Probe::Certain(Role::Pool)]);
    assert_eq!(judge(&c.evidence).unwrap().verdict, Verdict::Noted);
    let (probes, c) = read(&[(Role::Pool, ASK), (Role::Miner, STAT)]);
    assert_eq!(probes.last(), Some(&Probe::Unsure(Role::Miner, 4)));
    assert_eq!(judge(&c.evidence).unwrap().verdict, Verdict::Suspected);
    assert!(c.reported_hashrate.is_some_and(|r| (r - 182_724_000.0).abs() < 1.0));
}

#[test]
fn a_nodes_own_miner_methods_are_not_its() {
    for line in [
        r#"{"id":1,"method":"miner_start","params":[1]}"#,
        r#"{"id":1,"method":"miner_setEtherbase","params":["0x0"]}"#,
        r#"{"id":1,"method":"mining.subscribe","params":[]}"#,
    ] {
        assert_eq!(read(&[(Role::Pool, line)]).0, [Probe::NotForUs], "{line}");
    }
    for line in [r#"{"id":1,"result":["a","b","c"]}"#, r#"{"id":1,"result":["1","2","3;4;5"]}"#, r#"{"result":true}"#] {
        assert_eq!(read(&[(Role::Miner, line)]).0, [Probe::Neutral], "{line}");
    }
}

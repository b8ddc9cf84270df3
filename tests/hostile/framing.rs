//! Who is accused of what he did not do: servers that answer something else, echoes, recordings, proxies.

use minewatch::evidence::{Code, Verdict};
use minewatch::ledger::FlowFinding;

use crate::kit::dialogue::{Dialogue, MILLI};
use crate::support2::whole;

pub(crate) const SUBSCRIBE: &str = "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.10\"]}\n";
const SUBSCRIBED: &str = "{\"id\":1,\"result\":[[[\"mining.notify\",\"ae68\"]],\"08000002\",4],\"error\":null}\n";
const SHARE: &str =
    "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"u.w\",\"bf\",\"00000001\",\"504e86ed\",\"b2957c02\"]}\n";
const TAKEN: &str = "{\"id\":4,\"result\":true,\"error\":null}\n";
const UNKNOWN: &str = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601,\"message\":\"unknown method\"},\"id\":1}\n";

pub(crate) fn job() -> String {
    let hash = "4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000";
    format!(
        r#"{{"id":null,"method":"mining.notify","params":["bf","{hash}","01000000","ffff",["{hash}"],"20000000","1b0404cb","504e86ed",true]}}"#
    ) + "\n"
}

/// A dialogue of turns: what the client says begins with `>`.
pub(crate) fn turns(said: &[(char, &str)]) -> Dialogue {
    let mut d = Dialogue::default();
    for (n, (who, text)) in (1..).zip(said) {
        if *who == '>' {
            d.client(n * 10 * MILLI, text.as_bytes());
        } else {
            d.server(n * 10 * MILLI, text.as_bytes());
        }
    }
    d.done()
}

fn level(name: &str, d: &Dialogue) -> (Option<Verdict>, Option<FlowFinding>) {
    let run = whole(name, d);
    (run.level(), run.only(name).cloned())
}

#[test]
fn an_echo_is_no_pool() {
    let job = job();
    let all = [SUBSCRIBE, SUBSCRIBED, &job, SHARE, TAKEN];
    let said: Vec<(char, &str)> = all.into_iter().flat_map(|l| [('>', l), ('<', l)]).collect();
    let (level, found) = level("echo", &turns(&said));
    // A program's name is the client's own, and was said before.
    assert!(level < Some(Verdict::Confirmed), "{level:?}");
    let found = found.unwrap();
    assert_eq!(found.verdict, Verdict::Suspected);
    assert!(!found.peer_replied, "nothing that the gate would pass");
}

#[test]
fn binary_echoes_are_no_pools() {
    let p2pool = [&[0; 17][..], &[1], &[0; 40]].concat();
    let later = [&[6, 6][..], &[5, 200, 0, 0, 0], &[7; 200]].concat();
    let words = format!("{},{},5\n", "a".repeat(40), "b".repeat(40));
    let job = job();
    let said: [(&str, Vec<&[u8]>); 3] = [
        ("p2pool", vec![&p2pool, &later]),
        ("duino", vec![b"JOB,user\n", words.as_bytes(), b"1,2,x\n", b"GOOD\n"]),
        (
            "btcagent",
            vec![
                b"{\"id\":1,\"method\":\"agent.get_capabilities\",\"params\":[\"verrol\"]}\n",
                b"\x7f\x02\x0f\0aaaaaaaaaaa",
                job.as_bytes(),
                b"\x7f\x05\x09\0\x01\x01\0aa",
                b"\x7f\x10\x0a\0aa\x07\x14\x2d\x6b",
            ],
        ),
    ];
    for (name, messages) in said {
        let mut d = Dialogue::default();
        for (n, m) in (1..).zip(messages) {
            d.client(n * 10 * MILLI, m);
            d.server(n * 10 * MILLI + MILLI, m);
        }
        let (level, found) = level(name, &d.done());
        assert!(level < Some(Verdict::Confirmed), "{name}: {level:?}");
        assert!(!found.is_some_and(|f| f.peer_replied), "{name}: nothing that the gate would pass");
    }
}

#[test]
fn servers_of_something_else_that_answer_are_no_pools() {
    let object = "{\"jsonrpc\":\"2.0\",\"result\":{\"help\":\"a b c\"},\"id\":4}\n";
    let other = format!("{{\"id\":4,\"method\":\"address.unsubscribe\",\"params\":[]}}\n{SHARE}");
    let as_double = other.replacen("\"id\":4", "\"id\":4.0", 1);
    let both = format!("{TAKEN}{}", UNKNOWN.replace("\"id\":1", "\"id\":4"));
    let large = |text: &str, id: &str| text.replace("\"id\":4", &format!("\"id\":{id}"));
    let rounded = (
        large(&other, "9007199254740992").replacen("9007199254740992", "9007199254740993", 1),
        large(&both, "9007199254740992"),
    );
    for (name, share, answer) in [
        ("any result", SHARE, object),
        ("the answer to another request with its id", &other, &both),
        ("the same, written otherwise", &as_double, &both),
        ("the same for a server of doubles", &rounded.0, &rounded.1),
    ] {
        let d = turns(&[('>', SUBSCRIBE), ('<', UNKNOWN), ('>', share), ('<', answer)]);
        let (level, found) = level(name, &d);
        assert!(level < Some(Verdict::Confirmed), "{name}: {level:?}");
        assert!(!found.unwrap().peer_replied, "{name}");
    }
}

fn post(target: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: h.example\r\nUser-Agent: cgminer/3.1\r\nX-Mining-Extensions: longpoll\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn an_interface_over_http_is_no_pool() {
    let share = post("/", &format!(r#"{{"id":1,"method":"getwork","params":["{}"]}}"#, "00".repeat(128)));
    for answer in [
        r#"{"result":{"items":[]},"page":1}"#,
        r#"{"error":"not found"}"#,
        r#"{"result":[1,2]}"#,
        r#"{"error":{"code":-32601,"message":"?"},"id":1}"#,
    ] {
        let (level, found) = level(answer, &turns(&[('>', &share), ('<', &ok(answer))]));
        assert!(level < Some(Verdict::Confirmed), "{answer}: {level:?}");
        assert!(!found.unwrap().peer_replied, "{answer}");
    }
    // A node does answer so.
    let taken = r#"{"id":1,"result":true,"error":null}"#;
    assert_eq!(level(taken, &turns(&[('>', &share), ('<', &ok(taken))])).0, Some(Verdict::Confirmed));
}

#[test]
fn a_proxy_that_forwards_requests_is_no_pool() {
    let asked = post("http://pool.example:8332/", r#"{"id":1,"method":"getwork","params":[]}"#);
    let work =
        format!(r#"{{"id":1,"error":null,"result":{{"data":"{}","target":"{}"}}}}"#, "00".repeat(128), "f".repeat(64));
    let (level, found) = level("forward", &turns(&[('>', &asked), ('<', &ok(&work))]));
    let found = found.unwrap();
    assert_eq!(level, Some(Verdict::Confirmed));
    assert_eq!(found.pool_name(), Some("pool.example:8332".to_owned()));
    assert!(found.proxy_target().is_some(), "the gate refuses it");
}

#[test]
fn a_server_that_speaks_unasked_frames_nobody() {
    let words = format!("{}{}", "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[1024]}\n", job());
    for asked in ["GET / HTTP/1.1\r\nHost: h.example\r\n\r\n", "hello\n", "{\"hello\":1}\n"] {
        let (level, found) = level(asked, &turns(&[('>', asked), ('<', &words), ('<', &words)]));
        assert_eq!(level, Some(Verdict::Suspected), "{asked}");
        assert!(found.unwrap().evidence.iter().any(|e| e.code == Code::NoRequest));
    }
    // Who asks afterwards is a miner.
    let d = turns(&[('<', &words), ('>', SUBSCRIBE), ('<', SUBSCRIBED)]);
    let (level, found) = level("pushed on accept", &d);
    assert_eq!(level, Some(Verdict::Confirmed));
    assert!(found.unwrap().evidence.iter().all(|e| e.code != Code::NoRequest));
}

#[test]
fn a_recording_that_is_sent_somewhere_is_only_suspected() {
    let all = [SUBSCRIBE, SUBSCRIBED, &job(), SHARE, TAKEN].concat();
    for d in [turns(&[('>', &all), ('<', "ok\n")]), turns(&[('>', "get log\n"), ('<', &all)]), turns(&[('>', &all)])] {
        assert_eq!(level("recording", &d).0, Some(Verdict::Suspected));
    }
}

#[test]
fn a_question_that_brings_its_answer_along_makes_no_rig_of_an_echo() {
    let said =
        r#"{"command":"version","STATUS":[{"STATUS":"S","When":1,"Code":22,"Msg":"x","Description":"cgminer 4.11"}]}"#;
    assert!(level("rig echo", &turns(&[('>', said), ('<', said)])).0 < Some(Verdict::Suspected));
}

#[test]
fn a_socket_that_refuses_a_site_key_of_something_else_is_no_pool() {
    let auth = "{\"type\":\"auth\",\"params\":{\"site_key\":\"k\",\"type\":\"user\"}}\n";
    let error = "{\"type\":\"error\",\"params\":{\"error\":\"session expired\"}}\n";
    assert_eq!(level("site key", &turns(&[('>', auth), ('<', error)])).0, Some(Verdict::Suspected));
}

//! Lines composed as each family writes them, and as others write what looks like it.

use proptest::prelude::*;

use super::*;
use crate::dialect::json::Parser;
use crate::evidence::Stamp;
use crate::flow::Direction;

/// The style of a miner that sends these lines.
fn of(lines: &[&str]) -> Option<&'static str> {
    let mut watch = Watch::default();
    let mut found = None;
    for line in lines {
        let mut parser = Parser::new(1 << 20);
        let rpc = parser.parse(line.as_bytes()).unwrap().rpc().unwrap();
        let m = Message {
            from: Direction::LoToHi,
            stamp: Stamp::default(),
            rpc: &rpc,
            carrier: Carrier::Lines,
            http: None,
        };
        if let Some(style) = watch.message(&m) {
            assert!(found.is_none(), "told twice");
            found = Some(style.name);
        }
    }
    found
}

const XMRIG_LOGIN: &str = r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"w","pass":"x","agent":"","rigid":"r","algo":["rx/0","cn/r"]}}"#;
const STAK_LOGIN: &str =
    r#"{"method":"login","params":{"login":"w","pass":"x","rigid":"","agent":"xmr-stak/2.10.8"},"id":1}"#;
const STAK_SUBMIT: &str =
    r#"{"method":"submit","params":{"id":"1","job_id":"2","nonce":"98024001","result":"00ff"},"id":1}"#;

#[test]
fn each_family_is_told_by_its_lines() {
    assert_eq!(of(&[XMRIG_LOGIN]), Some("XMRig"));
    assert_eq!(of(&[STAK_LOGIN, STAK_SUBMIT, STAK_SUBMIT]), Some("xmr-stak"));
    assert_eq!(
        of(&[
            r#"{"method":"login","params":{"login":"w","pass":"x","agent":"a"},"id":1}"#,
            r#"{"method":"submit","params":{"id":"1","job_id":"2","nonce":"9","result":"0","backend":"cpu","hashcount":7,"hashcount_total":9,"algo":"cn/r"},"id":1}"#
        ]),
        Some("xmr-stak")
    );
    assert_eq!(
        of(&[r#"{"method": "mining.submit", "params": ["u", "j", "00000001", "6650f00a", "9f3300c7"], "id":4}"#]),
        Some("cpuminer")
    );
    assert_eq!(
        of(&[r#"{"method": "submit", "params": {"id": "1", "job_id": "2", "nonce": "9", "result": "0"}, "id":11}"#]),
        Some("cpuminer")
    );
    assert_eq!(of(&[r#"{"method": "getjob", "params": {"id": "1"}, "id":1}"#]), Some("cpuminer"));
    let subscribe = r#"{"id": 7, "method": "mining.subscribe", "params": ["cgminer/4.11.1"]}"#;
    let authorize = r#"{"id": 31, "method": "mining.authorize", "params": ["u", "x"]}"#;
    assert_eq!(of(&[subscribe, authorize]), Some("cgminer"), "the counter is shared by its pools");
    assert_eq!(
        of(&[
            r#"{"id": 0, "method": "mining.subscribe", "params": []}"#,
            r#"{"id": 1, "method": "mining.authorize", "params": ["u", "x"]}"#,
            r#"{"params": ["u", "j", "01", "6650f00a", "9f3300c7"], "id": 2, "method": "mining.submit"}"#
        ]),
        Some("cgminer")
    );
    assert_eq!(
        of(&[
            r#"{"id": 0, "method": "mining.subscribe", "params": ["bfgminer/5.2.0"]}"#,
            r#"{"id": "auth", "method": "mining.authorize", "params": ["u", "x"]}"#
        ]),
        Some("BFGMiner")
    );
    assert_eq!(
        of(&[r#"{"params": ["274d-13"], "id": "txlist274d-13", "method": "mining.get_transactions"}"#]),
        Some("BFGMiner")
    );
    for rpc in ["", r#""jsonrpc": "2.0", "#] {
        let configure = format!(
            r#"{{{rpc}"id": 1, "method": "mining.configure", "params": [["version-rolling"], {{"version-rolling.mask": "ffffffff"}}]}}"#
        );
        let subscribe =
            format!(r#"{{{rpc}"id": 2, "method": "mining.subscribe", "params": ["bitaxe/BM1370/v2.9.0"]}}"#);
        assert_eq!(of(&[&configure, &subscribe]), Some("ESP-Miner"));
        assert_eq!(of(&[&subscribe]), None);
    }
    assert_eq!(
        of(&[
            r#"{"id":1,"method":"eth_submitLogin","params":["0x00","X"],"worker":"rig"}"#,
            r#"{"id":5,"method":"eth_getWork","params":[]}"#
        ]),
        Some("ethminer")
    );
    assert_eq!(
        of(&[
            r#"{"id":1,"method":"mining.subscribe","params":["ethminer 0.19.0","EthereumStratum/1.0.0"]}"#,
            r#"{"id":2,"method":"mining.extranonce.subscribe","params":[]}"#,
            r#"{"id":3,"method":"mining.authorize","params":["u","x"]}"#,
            r#"{"id":41,"method":"mining.submit","params":["u","c31e77d0","41c27705d9ae"]}"#
        ]),
        Some("ethminer")
    );
    let hmac = "0f".repeat(32);
    let rented =
        format!(r#"{{"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.11.1", 1760000000000, "{hmac}"]}}"#);
    assert_eq!(of(&[&rented]), Some("NiceHash"), "whatever it calls itself");
}

#[test]
fn uncertain_styles_are_marked() {
    assert_eq!(
        of(&[
            r#"{"worker": "eth1.0", "jsonrpc": "2.0", "params": ["0x00", "x"], "id": 2, "method": "eth_submitLogin"}"#
        ]),
        Some("Claymore?")
    );
    assert_eq!(
        of(&[
            r#"{"id":1,"method":"mining.subscribe","params":["EWBF 0.3.4b",null,"pool.example","3333"]}"#,
            r#"{"id":2,"method":"mining.authorize","params":["u","x"]}"#,
            r#"{"id":100,"method":"mining.submit","params":["u","j","a9cc405a","00","fd"]}"#
        ]),
        Some("EWBF?")
    );
    assert_eq!(
        of(&[
            r#"{"id": 2, "method": "mining.authorize", "params": ["u","password"]}"#,
            r#"{"id": 4, "method": "mining.submit", "params": ["u","j","61ed7c58","00","fd"]}"#
        ]),
        Some("nheqminer?")
    );
    assert_eq!(
        of(&[
            r#"{"id": 1, "method": "mining.subscribe", "params": ["NerdMinerV2/V1.8.0"]}"#,
            r#"{"params": ["u", "x"], "id": 2, "method": "mining.authorize"}"#,
            r#"{"id": 3, "method": "mining.suggest_difficulty", "params": [0.00015]}"#
        ]),
        Some("NerdMiner?")
    );
}

/// What a JSON library writes by default, what small programs copied, and single openings that many share.
#[test]
fn ambiguous_lines_are_nobodys() {
    let subscribe = r#"{"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.11.1"]}"#;
    for lines in [
        &[subscribe][..],
        &[subscribe, r#"{"id": 2, "method": "mining.authorize", "params": ["u", "x"]}"#],
        // A counter of its own, and a message that the capture lost.
        &[subscribe, r#"{"id": 3, "method": "mining.authorize", "params": ["u", "x"]}"#],
        // The protocol's first description.
        &[
            subscribe,
            r#"{"params": ["u", "x"], "id": 2, "method": "mining.authorize"}"#,
            r#"{"params": ["u", "j", "01", "6650f00a", "9f3300c7"], "id": 4, "method": "mining.submit"}"#,
        ],
        // Python's json module.
        &[r#"{"id": 2, "method": "mining.submit", "params": ["u", "j", "01", "6650f00a", "9f3300c7"]}"#],
        &[r#"{"method": "login", "params": {"login": "w", "pass": "x", "agent": "xmr/1.0"}, "id": 1}"#],
        // JavaScript's.
        &[r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"w","pass":"x","agent":"a"}}"#],
        &[r#"{"method":"login","params":{"login":"w","pass":"x","agent":"a"},"id":1,"jsonrpc":"2.0"}"#],
        // XMRig's members, with spaces or in another order.
        &[&XMRIG_LOGIN.replace(':', ": ")],
        &[r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"pass":"x","login":"w","agent":"","algo":["rx/0"]}}"#],
        &[&XMRIG_LOGIN.replace(r#""id":1,"#, r#""id":2,"#)],
        &[STAK_LOGIN],
        &[STAK_SUBMIT],
        &[STAK_LOGIN, &STAK_SUBMIT.replace(r#""id":1}"#, r#""id":2}"#)],
        &[r#"{"id":5,"method":"eth_getWork","params":[]}"#],
        &[r#"{"id":"auth","method":"mining.authorize","params":["u","x"]}"#],
        // No id, no style: a record about a request.
        &[r#"{"method": "mining.submit", "params": ["u", "j"]}"#],
    ] {
        assert_eq!(of(lines), None, "{lines:#?}");
    }
}

#[test]
fn only_the_first_messages_are_looked_at() {
    let filler = r#"{"id":9,"method":"mining.noop"}"#;
    let mut lines = vec![filler; usize::from(WATCHED)];
    lines.push(XMRIG_LOGIN);
    assert_eq!(of(&lines), None);
    assert_eq!(of(&lines[1..]), Some("XMRig"));
}

#[test]
fn the_agent_is_held_against_the_style() {
    assert_eq!(XMRIG.told(Some("XMRig/6.26.0 (Linux x86_64)")), "the client writes as XMRig does");
    assert_eq!(XMRIG.told(None), "the client names no program, but writes as XMRig does");
    assert_eq!(
        XMRIG.told(Some("xmr-stak/2.10.8")),
        "the client calls itself xmr-stak, but writes as XMRig does: the agent may be forged"
    );
    // Nobody knows how this one writes.
    assert_eq!(
        XMRIG.told(Some("SRBMiner-MULTI/3.6.9")),
        "the client calls itself SRBMiner-MULTI/3.6.9, and writes as XMRig does"
    );
    assert!(XMRIG.told(Some("a\u{1b}[2Jb")).chars().all(|c| !c.is_control()));
}

#[test]
fn programs_of_styles_are_named_as_in_the_feed() {
    for program in STYLES.iter().flat_map(|s| s.programs) {
        let agent = program.split(" (").next().unwrap();
        assert_eq!(name(&format!("{agent}/1.0")), Some(*program));
    }
    let mut names: Vec<_> = STYLES.iter().map(|s| s.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), STYLES.len());
}

#[test]
fn a_skeleton_keeps_keys_and_spaces_only() {
    for (message, form) in [
        (
            r#"{"id": 1, "method":"a\"b\\","params": ["x", null, {"y": 1}]}"#,
            r#"{"id": 0, "method":"","params": ["", n]}"#,
        ),
        (r#"{"p":{"a":[1,2,3],"b":{"c":-1.5e3},"d":true}}"#, r#"{"p":{"a":[],"b":{},"d":t}}"#),
        ("{\n\t\"a\" :[] }", r#"{~~"a" :[] }"#),
        (r#"{"a":[[1],[2],[3]],"é":0}"#, r#"{"a":[[],[]],"é":0}"#),
        ("{}", "{}"),
    ] {
        assert_eq!(skeleton(message.as_bytes()), form, "{message}");
    }
    let long = format!(r#"{{"params":[{}]}}"#, vec!["\"ab\""; 9000].join(","));
    assert_eq!(skeleton(long.as_bytes()), r#"{"params":["",""]}"#);
}

proptest! {
    #[test]
    fn any_bytes_give_a_short_skeleton(bytes in prop::collection::vec(any::<u8>(), 0..600),
                                       text in "[\\[\\]{}:,\" a0\\\\]{0,400}") {
        for raw in [&bytes[..], text.as_bytes()] {
            prop_assert!(skeleton(raw).len() <= SKELETON + 32);
        }
    }
}

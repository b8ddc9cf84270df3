use super::super::trial::{MINER, POOL, hear, lines, outcome, probe};
use super::super::{Arbiter, Carrier, Interest, Origin, Scratch};
use super::*;
use crate::evidence::{Stamp, Verdict};
use crate::flow::Direction;

fn blob() -> String {
    "10".repeat(76)
}

fn login(members: &str) -> String {
    format!(r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{{members}}}}}"#)
}

fn submit(members: &str) -> String {
    let hash = "0f".repeat(32);
    format!(
        r#"{{"id":2,"method":"submit","params":{{"id":"s","job_id":"j1","nonce":"3b0a1f00","result":"{hash}"{members}}}}}"#
    )
}

const RIG: &str = r#""login":"rig","pass":"x","agent":"XMRig/6.26.0","algo":["rx/0"]"#;
const OK: &str = r#"{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#;

fn answer(job: &str) -> String {
    format!(r#"{{"id":1,"jsonrpc":"2.0","error":null,"result":{{"id":"s","job":{job},"status":"OK"}}}}"#)
}

fn job() -> String {
    format!(r#"{{"blob":"{}","job_id":"j1","target":"b88d0600","algo":"rx/0","height":5}}"#, blob())
}

fn heard(messages: &[(Direction, &str)]) -> Arbiter {
    hear(Carrier::Lines, None, messages)
}

fn has(arbiter: &Arbiter, code: Code) -> bool {
    arbiter.conversation().unwrap().evidence.has(code)
}

#[test]
fn further_keys_of_a_share_change_nothing() {
    let extra = format!(r#","sig":"{}","commitment":"{}","algo":"rx/0""#, "ab".repeat(64), "cd".repeat(32));
    let arbiter = heard(&[(MINER, &login(RIG)), (POOL, &answer(&job())), (MINER, &submit(&extra)), (POOL, OK)]);
    assert_eq!(outcome(&arbiter), (Some("cryptonote"), Some(Verdict::Confirmed)));
    assert_eq!(arbiter.conversation().unwrap().shares.accepted, 1);
}

#[test]
fn a_proxy_is_one_flow_for_many_rigs() {
    let direct = heard(&[(MINER, &login(RIG)), (POOL, &answer(&job())), (MINER, &submit(""))]);
    let nonces =
        heard(&[(MINER, &login(RIG)), (POOL, &answer(&job())), (MINER, &submit(r#","workerNonce":7,"poolNonce":9"#))]);
    let named = heard(&[(MINER, &login(&RIG.replace("XMRig/6.26.0", "xmrig-proxy/6.22.0")))]);
    // The first of a kind keeps its text, and the rig's own writing comes before the proxy's nonces.
    let written = |a: &Arbiter| {
        let lines = &a.conversation().unwrap().evidence;
        lines.lines().find(|e| e.code == Code::WritingStyle).map_or(0, |e| e.count)
    };
    assert!(written(&nonces) > written(&direct));
    let shared = |a: &Arbiter| a.conversation().unwrap().evidence.lines().any(|e| e.text.contains("many rigs"));
    assert!(shared(&named) && !shared(&direct));
}

#[test]
fn a_donation_is_told_from_a_hash_for_a_user_name() {
    let hash = "5a".repeat(32);
    let members = format!(
        r#""login":"{hash}","pass":"x","agent":"","diff":30000,"height":5,"seed_hash":"{hash}","url":"pool.example:3333""#
    );
    let arbiter = heard(&[(MINER, &login(&members))]);
    assert!(has(&arbiter, Code::DonationLogin));
    let told = &arbiter.conversation().unwrap().evidence;
    assert!(told.lines().any(|e| e.text.contains("pool.example:3333")));

    let stranger = format!(r#""login":"{hash}","pass":"x","agent":"Backup/2.0""#);
    let arbiter = heard(&[(MINER, &login(&stranger))]);
    assert_eq!(outcome(&arbiter).1, Some(Verdict::Noted));
}

#[test]
fn self_select_miners_make_their_own_blocks() {
    let own = format!(
        r#"{{"id":2,"method":"block_template","params":{{"id":"s","job_id":"j1","blob":"{}","height":5,"difficulty":9,"prev_hash":"{}","seed_hash":"{}"}}}}"#,
        blob(),
        "0b".repeat(32),
        "0c".repeat(32)
    );
    let open = r#"{"job_id":"j1","pool_wallet":"4pool","extra_nonce":"aabbccdd","target":"b88d0600"}"#;
    let arbiter = heard(&[
        (MINER, &login(&format!(r#"{RIG},"mode":"self-select""#))),
        (POOL, &answer(open)),
        (MINER, &own),
        (POOL, OK),
    ]);
    assert_eq!(outcome(&arbiter), (Some("cryptonote"), Some(Verdict::Confirmed)));
    assert_eq!(lines(&[(MINER, &own)]), (Some("cryptonote"), Some(Verdict::Suspected)));
}

#[test]
fn kawpow_after_a_cryptonote_login() {
    let agreed = r#"{"id":1,"error":null,"result":{"id":"s","algo":"kawpow","extra_nonce":"ab01","status":"OK"}}"#;
    let target =
        format!(r#"{{"id":null,"method":"mining.set_target","params":["{}{}"]}}"#, "0".repeat(8), "f".repeat(56));
    let h = "0d".repeat(32);
    let notify =
        format!(r#"{{"id":null,"method":"mining.notify","params":["k1","{h}","{h}","{h}",true,77,"1b00aa"]}}"#);
    let share =
        format!(r#"{{"id":2,"method":"mining.submit","params":["rig","k1","0x{}","0x{h}","0x{h}"]}}"#, "0e".repeat(8));
    let arbiter = heard(&[
        (MINER, &login(RIG)),
        (POOL, agreed),
        (POOL, &target),
        (POOL, &notify),
        (MINER, &share),
        (POOL, r#"{"id":2,"error":null,"result":true}"#),
    ]);
    assert_eq!(outcome(&arbiter), (Some("cryptonote"), Some(Verdict::Confirmed)));
    let c = arbiter.conversation().unwrap();
    assert_eq!((c.jobs, c.shares.accepted, c.height), (1, 1, Some(77)));
    assert!((c.work / 4_294_967_296.0 - 1.0).abs() < 1e-6, "{}", c.work);
}

#[test]
fn a_benchmark_tells_the_rate_of_the_job_at_hand() {
    let arbiter = heard(&[
        (MINER, &login(&format!(r#"{RIG},"algo-perf":{{"rx/0":5400.5,"cn/r":120}},"algo-min-time":60"#))),
        (POOL, &answer(&job())),
    ]);
    assert_eq!(arbiter.conversation().unwrap().reported_hashrate, Some(5400.5));
}

#[test]
fn tari_numbers_its_jobs_and_nonces() {
    let login = r#"{"id":"1","jsonrpc":"2.0","method":"login","params":{"login":"tari","pass":"x","agent":"SRBMiner-MULTI/2.6"}}"#;
    let job = format!(r#"{{"blob":"{}","job_id":7,"target":"ffff000000000000","height":9}}"#, "0a".repeat(32));
    let answer = format!(r#"{{"id":"1","result":{{"id":"s","job":{job},"status":"OK"}}}}"#);
    let share = format!(
        r#"{{"id":"2","method":"submit","params":{{"id":"s","job_id":7,"nonce":991,"hash":"{}"}}}}"#,
        "0b".repeat(32)
    );
    let arbiter =
        heard(&[(MINER, login), (POOL, &answer), (MINER, &share), (POOL, r#"{"id":"2","result":{"status":"OK"}}"#)]);
    assert_eq!(outcome(&arbiter), (Some("cryptonote"), Some(Verdict::Confirmed)));
    assert_eq!(arbiter.conversation().unwrap().weighed, 1);
}

#[test]
fn other_services_jobs_and_templates_are_not_it() {
    for text in [
        r#"{"method":"job","params":{"blob":"00ff","job_id":4,"target":"prod"}}"#,
        r#"{"method":"block_template","params":{"name":"footer"}}"#,
        r#"{"method":"submit","params":{"id":1,"job_id":2,"nonce":"x"}}"#,
        r#"{"method":"mining.submit","params":["a","b","c","d","e"]}"#,
        r#"{"method":"login","params":{"user":"bob"}}"#,
    ] {
        assert_eq!(probe(&CryptoNote, text), Probe::NotForUs, "{text}");
    }
}

#[test]
fn a_miner_is_not_forgotten_for_what_it_says_afterwards() {
    let mut arbiter = heard(&[(MINER, &login(RIG))]);
    let mut scratch = Scratch::default();
    let from = Origin { from: MINER, stamp: Stamp::default(), carrier: Carrier::Lines, http: None };
    // Words that are no dialect's, more than a flow without one may say.
    for _ in 0..100 {
        let interest = arbiter.message(br#"{"id":9,"method":"a_word","params":[]}"#, from, &mut scratch).unwrap();
        assert_eq!(interest, Interest::Mining);
    }
    let pool = Origin { from: POOL, ..from };
    arbiter.message(answer(&job()).as_bytes(), pool, &mut scratch).unwrap();
    assert_eq!(outcome(&arbiter), (Some("cryptonote"), Some(Verdict::Confirmed)));
}

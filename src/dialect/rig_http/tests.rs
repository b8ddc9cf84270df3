use super::super::HttpMeta;
use super::super::json::Parser;
use super::*;
use crate::evidence::{Stamp, Verdict, judge};
use crate::flow::Direction;

const TREX: &str = r#"{"accepted_count":44,"active_pool":{"retries":0,"url":"stratum+tcp://pool.example:4553","user":"DMb"},"algorithm":"kawpow","gpus":[{"device_id":0,"hashrate":3059637}],"hashrate":24300920,"name":"t-rex","version":"0.26.8"}"#;
const LOL: &str = r#"{"Software":"lolMiner 1.0 a2","Mining":{"Coin":"ZEL","Algorithm":"ZelHash"},"Stratum":{"Current_Pool":"pool.example:2001","Current_User":"t1c"},"Session":{"Startup":1591527060,"Uptime":10,"Performance_Summary":6.7},"GPUs":[]}"#;
const LOL_NEW: &str = r#"{"Software":"lolMiner 1.76","Session":{"Startup":1591527060,"Uptime":10},"Num_Workers":1,"Workers":[{"Index":0}],"Num_Algorithms":1,"Algorithms":[{"Algorithm":"Etchash","Pool":"pool.example:4444","User":"0x","Total_Performance":94.1,"Performance_Unit":"Mh/s"}]}"#;
const NB: &str = r#"{"miner":{"devices":[{"id":0,"hashrate_raw":1499}],"total_hashrate":"2989","total_hashrate_raw":2989},"start_time":1532482659,"stratum":{"accepted_shares":99,"url":"pool.example:3859","user":"bm.t"},"version":"39.5"}"#;
const GM: &str = r#"{"miner":"GMiner 2.70","uptime":34505,"server":"pool.example:4444","user":"0x.1","algorithm":"Ethash","devices":[{"gpu_id":0,"bus_id":"0000:01:00.0","speed":72131151},{"gpu_id":1,"bus_id":"0000:02:00.0","speed":1}],"speed_unit":"H/s"}"#;
const GM_OLD: &str = r#"{"uptime":376,"server":"stratum://pool.example:20595","user":"a.RIG-2","devices":[{"gpu_id":0,"cuda_id":0,"bus_id":"0000:01:00.0","speed":17}]}"#;
const ANT: &str = r#"{"STATUS":[{"STATUS":"S","Msg":"summary"}],"INFO":{"miner_version":"uart_trans.1.3","type":"Antminer S21"},"SUMMARY":[{"elapsed":3817,"rate_5s":206238.69,"rate_unit":"GH/s"}]}"#;
const ANT_SELF: &str = r#"{"minertype":"Antminer S17+ (vnish 2.0.3)","nettype":"DHCP","macaddr":"56:86:4D:32:D2:EF"}"#;
const ANT_CONF: &str = r#"{"pools":[{"url":"stratum+tcp://pool.example:3333","user":"a.S17","pass":"hidden-word"}],"api-listen":true,"bitmain-freq":"565"}"#;

const ALL: [(&str, &str, Option<f64>); 9] = [
    (TREX, "t-rex 0.26.8", Some(24_300_920.0)),
    (LOL, "lolMiner 1.0 a2", None),
    (LOL_NEW, "lolMiner 1.76", None),
    (NB, "NBMiner 39.5", Some(2989.0)),
    (GM, "GMiner 2.70", Some(72_131_152.0)),
    (GM_OLD, "GMiner", None),
    (ANT, "Antminer S21", Some(206_238.69e9)),
    (ANT_SELF, "Antminer S17+ (vnish 2.0.3)", None),
    (ANT_CONF, "Antminer", None),
];

fn read(response: bool, path: Option<&str>, body: &str) -> (Probe, Conversation) {
    let meta = HttpMeta { response, path: path.map(str::to_owned), ..HttpMeta::default() };
    let (mut c, mut parser) = (Conversation::default(), Parser::new(4096));
    let rpc = parser.parse(body.as_bytes()).unwrap().rpc().unwrap();
    let (role, from) = if response { (Role::Miner, Direction::HiToLo) } else { (Role::Pool, Direction::LoToHi) };
    let m = Message { from, stamp: Stamp::default(), rpc: &rpc, carrier: Carrier::Http, http: Some(&meta) };
    RigHttp.open().message(role, &m, &mut c);
    (RigHttp.probe(&m), c)
}

#[test]
fn every_answer_names_its_program_and_is_suspected() {
    for (body, program, rate) in ALL {
        let (probe, mut c) = read(true, None, body);
        assert_eq!(probe, Probe::Certain(Role::Miner), "{body}");
        assert_eq!((c.agent.as_deref(), c.reported_hashrate), (Some(program), rate));
        // Even with the request that goes before it, and whatever name the program has.
        c.evidence.note(Code::RigAsked, Stamp::default(), String::new);
        assert_eq!(judge(&c.evidence).unwrap().verdict, Verdict::Suspected, "{body}");
        assert_eq!((c.login, c.password), (None, None), "{body}");
        assert!(!c.evidence.lines().any(|e| e.text.contains("hidden-word")), "{body}");
    }
}

#[test]
fn an_answer_without_one_of_its_keys_is_anybodys() {
    for (body, without) in [
        (TREX, "accepted_count"),
        (TREX, "gpus"),
        (TREX, "algorithm"),
        (TREX, "name"),
        (LOL, "Session"),
        (LOL, "Mining"),
        (LOL_NEW, "Algorithms"),
        (NB, "total_hashrate_raw"),
        (NB, "url"),
        (NB, "version"),
        (GM, "speed"),
        (GM, "server"),
        (GM_OLD, "bus_id"),
        (ANT, "STATUS"),
        (ANT, "INFO"),
        (ANT_SELF, "macaddr"),
        (ANT_CONF, "bitmain-freq"),
        (ANT_CONF, "pools"),
    ] {
        let body = body.replacen(&format!("\"{without}\":"), "\"other\":", 9);
        assert_eq!(read(true, None, &body).0, Probe::Neutral, "{without}");
    }
}

#[test]
fn answers_of_other_programs_are_not_a_rigs() {
    for body in [
        "{}",
        r#"{"name":"t-rex","version":"1.0","tiles":["a"]}"#,
        r#"{"Software":"nginx","Session":{"Uptime":1},"Mining":{"Algorithm":"apriori"}}"#,
        r#"{"miner":{"devices":[]},"stratum":{"url":"ntp.example"},"version":"2"}"#,
        r#"{"devices":[{"gpu_id":0,"speed":1400}],"server":"render-3","user":"erin"}"#,
        r#"{"INFO":{"type":"Router"},"STATUS":"S","STATS":[{}]}"#,
        r#"{"pools":[{"url":"a","user":"b"}],"name":"db"}"#,
        r#"{"minertype":"Goldshell-KD6","macaddr":"02:00:00:00:00:01"}"#,
        r#"{"status":"ok","uptime":5,"hashrate":0}"#,
    ] {
        assert_eq!(read(true, None, body).0, Probe::Neutral, "{body}");
    }
    // A request with such a body is a request.
    assert_eq!(read(false, Some("/report"), TREX).0, Probe::Neutral);
}

#[test]
fn asking_for_a_devices_settings_is_noted_and_asking_for_a_summary_is_nothing() {
    let (probe, c) = read(false, Some("/cgi-bin/get_miner_conf.cgi?_=1"), "{}");
    assert_eq!(probe, Probe::Unsure(Role::Pool, 3));
    assert_eq!(judge(&c.evidence).unwrap().verdict, Verdict::Noted);
    for path in ["/summary", "/stat", "/api/v1/status", "/cgi-bin/stats.cgi", "/cgi-bin/luci", "/docs/summary"] {
        assert_eq!(read(false, Some(path), "{}").0, Probe::Neutral, "{path}");
    }
}

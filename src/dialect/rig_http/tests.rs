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

const SRB: &str = r#"{"rig_name":"barn-7","miner_version":"2.4.9","mining_time":512,"total_cpu_workers":1,"algorithms":[{"id":0,"name":"randomx","pool":{"pool":"pool.example:3333","difficulty":120000,"time_connected":"2026-03-01","uptime":500,"latency":31},"shares":{"total":4,"accepted":4,"rejected":0,"avg_find_time":30},"hashrate":{"cpu":{"total":4200.5,"thread0":525.1},"gpu":{"total":0}}}]}"#;
const BZ: &str = r#"{"method":"fullstatus","bzminer_version":"v100.45","rig_name":"barn-8","uptime_s":10,"pools":[{"id":0,"algorithm":"kaspa","status":1,"current_url":"stratum+tcp://pool.example:5555","valid_solutions":3}],"devices":[{"name":"card","vendor":1,"hashrate":[0.25]}]}"#;
const NANO: &str = r#"{"Algorithms":[{"Ethash":{"CurrentPool":"pool.example:3333","GPU 0":{"Accepted":3,"Denied":0,"Hashrate":"3.490708e+07"},"ReconnectionCount":0,"Total":{"Accepted":3,"Denied":0,"Hashrate":"3.490708e+07"}}}],"Devices":[{"GPU 0":{"Name":"card","Platform":"CUDA","Pci":"09:00.0"}}],"WorkTime":20}"#;
const RIGEL: &str = r#"{"name":"rigel","version":"1.21.1","algorithm":"kawpow","uptime":77,"hashrate":{"kawpow":29876543},"pool_hashrate":{"kawpow":1},"solution_stat":{"kawpow":{"accepted":5,"rejected":0,"invalid":0}},"pools":{"kawpow":[{"state":"connected","connection_details":{"hostname":"pool.example","port":4444,"username":"hidden-word"}}]},"devices":[{"id":0,"name":"card"}]}"#;
const AXE: &str = r#"{"power":14.7,"temp":58.1,"hashRate":512.5,"bestDiff":"4.2M","sharesAccepted":44,"sharesRejected":1,"uptimeSeconds":900,"ASICModel":"BM1366","stratumURL":"pool.example","stratumPort":21496,"stratumUser":"hidden-word","version":"v2.4.1","hostname":"bitaxe"}"#;

const ALL: [(&str, &str, Option<f64>); 14] = [
    (SRB, "SRBMiner-MULTI 2.4.9", Some(4200.5)),
    (BZ, "BzMiner v100.45", None),
    (NANO, "nanominer", Some(3.490_708e7)),
    (RIGEL, "Rigel 1.21.1", Some(29_876_543.0)),
    (AXE, "AxeOS v2.4.1 (BM1366)", Some(512.5e9)),
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
        (SRB, "rig_name"),
        (SRB, "shares"),
        (SRB, "algorithms"),
        (BZ, "bzminer_version"),
        (BZ, "pools"),
        (NANO, "WorkTime"),
        (NANO, "CurrentPool"),
        (NANO, "Total"),
        (RIGEL, "solution_stat"),
        (RIGEL, "devices"),
        (AXE, "ASICModel"),
        (AXE, "version"),
        (AXE, "uptimeSeconds"),
        (AXE, "sharesAccepted"),
        (AXE, "stratumURL"),
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
        r#"{"Algorithms":[{"sort":{"Total":3}}],"Devices":[],"WorkTime":20}"#,
        r#"{"algorithm":"aes","version":"1","devices":[],"hashrate":{"aes":1},"pools":{}}"#,
        r#"{"miner_version":"2","rig_name":"drill-2","algorithms":[{"name":"route"}]}"#,
    ] {
        assert_eq!(read(true, None, body).0, Probe::Neutral, "{body}");
    }
    // The pool is named whole, where the page tells its parts.
    for body in [RIGEL, AXE] {
        let (_, c) = read(true, None, body);
        assert!(c.evidence.lines().any(|e| e.text.contains("(pool pool.example:")), "{body}");
    }
    for path in ["/status", "/stats", "/api/system/info"] {
        assert_eq!(read(false, Some(path), "{}").0, Probe::Neutral, "{path}");
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

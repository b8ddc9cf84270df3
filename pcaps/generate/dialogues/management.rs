//! What is asked of rigs, and what they answer: nothing of it is mining, all of it tells that a rig stands there.
//!
//! The one that opens the connection asks; the rig is the server. Message forms after the project's protocol notes,
//! sections 3.4 and 12.

use super::super::dialogue::{Dialogue, MILLI, SECOND, Truth, reply};
use super::super::rng::Rng;

fn truth(dialect: &'static str, agent: Option<&str>) -> Truth {
    Truth { dialect, agent: agent.map(str::to_owned), ..Truth::default() }
}

/// cgminer's interface, in JSON: the answer ends with NUL.
pub fn cgminer_json(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::new(truth("cgminer-api", Some("cgminer 4.11.1")));
    d.client(MILLI, r#"{"command":"summary","parameter":""}"#);
    d.server(
        reply(rng),
        "{\"STATUS\":[{\"STATUS\":\"S\",\"When\":1772409600,\"Code\":11,\"Msg\":\"Summary\",\"Description\":\"cgminer 4.11.1\"}],\"SUMMARY\":[{\"Elapsed\":86400,\"MHS av\":13512345.67,\"MHS 5s\":13498765.43,\"Found Blocks\":0,\"Getworks\":2881,\"Accepted\":5120,\"Rejected\":7,\"Hardware Errors\":12,\"Utility\":3.55,\"Discarded\":5762,\"Best Share\":98765432}],\"id\":1}\0",
    );
    d
}

/// The same as text.
pub fn cgminer_text(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::new(truth("cgminer-api", Some("bmminer 2.0.0")));
    d.client(MILLI, "summary|");
    d.server(
        reply(rng),
        "STATUS=S,When=1772409660,Code=11,Msg=Summary,Description=bmminer 2.0.0|SUMMARY,Elapsed=90000,GHS 5s=13512.34,GHS av=13498.76,Found Blocks=0,Accepted=5341,Rejected=9|\0",
    );
    d
}

/// Claymore's, over lines.
pub fn claymore(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::new(truth("claymore-api", None));
    for n in 0..4_u64 {
        let at = n * 30 * SECOND + MILLI;
        d.client(at, "{\"id\":0,\"jsonrpc\":\"2.0\",\"method\":\"miner_getstat1\"}\n");
        let answer = format!(
            "{{\"id\":0,\"jsonrpc\":\"2.0\",\"result\":[\"ethminer 0.19.0\",\"{}\",\"182724;{};0\",\"30502;30457;30297;30481;30479;30505\",\"0;0;0\",\"off;off;off\",\"53;71;57;67;61;72;55;70;59;71;61;70\",\"etc.pool.example:4444\",\"0;0;0;0\"]}}\n",
            21 + n,
            51 + n
        );
        d.server(at + reply(rng), answer);
    }
    d
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: rig.example\r\nUser-Agent: curl/8.10.1\r\nAccept: */*\r\n\r\n")
}

/// A page asked for, and this answer.
fn summary(d: &mut Dialogue, rng: &mut Rng, path: &str, body: &str) {
    d.client(MILLI, get(path));
    d.server(
        reply(rng),
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
    );
}

/// `XMRig`'s over HTTP.
pub fn xmrig(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::new(truth("xmrig-api", Some("XMRig/6.26.0 (Linux x86_64) libuv/1.51.0 gcc/13.2.1")));
    summary(
        &mut d,
        rng,
        "/2/summary",
        r#"{"id":"8d1c2f00a1b2c3d4","worker_id":"barn-3","uptime":86411,"restricted":true,"resources":{"memory":{"free":12884901888,"total":33554432000,"resident_set_memory":2453667840},"load_average":[15.9,15.8,15.9],"hardware_concurrency":16},"features":["api","asm","http","tls"],"results":{"diff_current":240007,"shares_good":312,"shares_total":313,"avg_time":276,"hashes_total":74882184},"algo":"rx/0","connection":{"pool":"pool.example:443","ip":"198.51.100.213","uptime":86400,"ping":23,"failures":0,"algo":"rx/0","diff":240007,"accepted":312,"rejected":1},"version":"6.26.0","kind":"miner","ua":"XMRig/6.26.0 (Linux x86_64) libuv/1.51.0 gcc/13.2.1","donate_level":1,"hashrate":{"total":[8123.4,8119.9,8120.2],"highest":8301.7},"hugepages":[1184,1184]}"#,
    );
    d
}

/// T-Rex's over HTTP.
pub fn trex(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::new(truth("rig-http", Some("t-rex 0.26.8")));
    summary(
        &mut d,
        rng,
        "/summary",
        r#"{"accepted_count":312,"active_pool":{"difficulty":"8.59 G","ping":31,"retries":0,"url":"stratum+tcp://pool.example:4444","user":"alice","worker":"barn-4"},"algorithm":"kawpow","api":"4.3","description":"T-Rex NVIDIA GPU miner","gpu_total":1,"gpus":[{"device_id":0,"fan_speed":66,"gpu_id":0,"hashrate":29876543,"name":"RTX 3070","power":141,"temperature":61}],"hashrate":29876543,"name":"t-rex","os":"linux","rejected_count":1,"sharerate":2.1,"solved_count":0,"success":1,"ts":1772409600,"uptime":8888,"version":"0.26.8"}"#,
    );
    d
}

/// lolMiner's over HTTP.
pub fn lolminer(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::new(truth("rig-http", Some("lolMiner 1.42")));
    summary(
        &mut d,
        rng,
        "/",
        r#"{"Software":"lolMiner 1.42","Mining":{"Algorithm":"Autolykos V2"},"Session":{"Startup":1772401234,"Startup_String":"2026-03-01_21-40-34","Uptime":8366,"Last_Update":1772409600,"Active_GPUs":1,"Performance_Summary":171.2,"Performance_Unit":"mh/s","Accepted":201,"Submitted":202,"TotalPower":120.1},"Stratum":{"Current_Pool":"pool.example:3100","Current_User":"alice.barn-5","Average_Latency":33.0},"GPUs":[{"Index":0,"Name":"RX 6800","Performance":171.2,"Consumption (W)":120.1}]}"#,
    );
    d
}

/// Questions that nobody answers as a rig would: a scan.
pub fn scans() -> Vec<(u16, Dialogue)> {
    let refused = "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found";
    let one = |question: &str, answer: Option<&str>| {
        let mut d = Dialogue::new(Truth::default());
        d.client(MILLI, question);
        if let Some(answer) = answer {
            d.server(60 * MILLI, answer);
        }
        d
    };
    vec![
        (4028, one(r#"{"command":"summary"}"#, None)),
        (4028, one("version|", Some("ERR unknown command\r\n"))),
        (3333, one("{\"id\":0,\"jsonrpc\":\"2.0\",\"method\":\"miner_getstat1\"}\n", None)),
        (8080, one(&get("/1/summary"), Some(refused))),
        (11211, one("stats\r\n", Some("STAT pid 812\r\nSTAT uptime 86400\r\nEND\r\n"))),
        (
            9999,
            one(
                "{\"command\":[\"get_property\",\"volume\"]}\n",
                Some("{\"data\":50.0,\"request_id\":0,\"error\":\"success\"}\n"),
            ),
        ),
    ]
}

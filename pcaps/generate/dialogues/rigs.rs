//! Web pages of mining programs and devices, asked by whoever looks after them. Nothing of it is mining.
//!
//! The one that opens the connection asks; the rig is the server. Keys and shapes after the sources that
//! `src/dialect/rig_http.rs` names; names, addresses and figures are invented.

use super::super::dialogue::{Dialogue, MILLI, SECOND, Truth, reply};
use super::super::rng::Rng;

fn about(agent: &str) -> Dialogue {
    Dialogue::new(Truth { dialect: "rig-http", agent: Some(agent.to_owned()), ..Truth::default() })
}

/// A page every half minute on one connection, as dashboards ask; `body` is told how often it was asked.
fn polled(mut d: Dialogue, path: &str, rng: &mut Rng, body: impl Fn(u64) -> String) -> Dialogue {
    for n in 0..3 {
        let at = n * 30 * SECOND + MILLI;
        d.client(
            at,
            format!("GET {path} HTTP/1.1\r\nHost: rig.example\r\nUser-Agent: curl/8.10.1\r\nAccept: */*\r\n\r\n"),
        );
        d.server(at + reply(rng), ok("application/json", &body(n)));
    }
    d
}

fn ok(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// T-Rex.
pub fn trex(rng: &mut Rng) -> Dialogue {
    polled(about("t-rex 0.26.8"), "/summary", rng, |n| {
        format!(
            r#"{{"accepted_count":{},"active_pool":{{"difficulty":"4.29 G","last_submit_ts":1772409590,"ping":33,"proxy":"","retries":0,"url":"stratum+tcp://pool.example:4444","user":"alice","worker":"barn-4"}},"algorithm":"kawpow","api":"4.5","build_date":"Nov 10 2026 18:13:23","coin":"","description":"T-Rex NVIDIA GPU miner","driver":"570.86","gpu_total":1,"gpus":[{{"device_id":0,"efficiency":"259kH/W","fan_speed":68,"gpu_id":0,"gpu_user_id":0,"hashrate":{},"hashrate_day":0,"hashrate_hour":0,"hashrate_minute":0,"intensity":22,"name":"RTX 3070","power":141,"temperature":61,"vendor":"MSI"}}],"hashrate":{},"name":"t-rex","os":"linux","rejected_count":1,"solved_count":0,"success":1,"ts":1772409600,"uptime":{},"version":"0.26.8"}}"#,
            312 + n,
            29_876_543 + n,
            29_876_543 + n,
            8888 + 30 * n
        )
    })
}

/// lolMiner in its later form, indented.
pub fn lolminer(rng: &mut Rng) -> Dialogue {
    polled(about("lolMiner 1.76"), "/summary", rng, |n| {
        format!(
            r#"{{
    "Software": "lolMiner 1.76",
    "Session": {{
        "Startup": 1772401234,
        "Startup_String": "2026-03-01_21-40-34",
        "Uptime": {},
        "Last_Update": 1772409600
    }},
    "Num_Workers": 1,
    "Workers": [
        {{
            "Index": 0,
            "Name": "Radeon RX 6800",
            "Power": 120.1,
            "Core_Temp": 55,
            "PCIE_Address": "3:0"
        }}
    ],
    "Num_Algorithms": 1,
    "Algorithms": [
        {{
            "Algorithm": "Etchash",
            "Pool": "pool.example:3100",
            "User": "alice",
            "Worker": "barn-5",
            "Performance_Unit": "Mh/s",
            "Total_Performance": 64.2,
            "Total_Accepted": {},
            "Total_Rejected": 1,
            "Worker_Performance": [64.2]
        }}
    ]
}}"#,
            8366 + 30 * n,
            201 + n
        )
    })
}

/// `NBMiner`.
pub fn nbminer(rng: &mut Rng) -> Dialogue {
    polled(about("NBMiner 39.5"), "/api/v1/status", rng, |n| {
        format!(
            r#"{{"miner":{{"devices":[{{"accepted_shares":{0},"core_clock":1545,"core_utilization":100,"fan":61,"hashrate":"60.22 M","hashrate2":"0.000 ","hashrate2_raw":0,"hashrate_raw":60220145.9,"id":0,"info":"GeForce RTX 3060 Ti","invalid_shares":0,"mem_clock":8000,"mem_utilization":100,"pci_bus_id":1,"power":121,"rejected_shares":0,"temperature":57}}],"total_hashrate":"60.22 M","total_hashrate2":"0.000 ","total_hashrate2_raw":0,"total_hashrate_raw":60220145.9,"total_power_consume":121}},"reboot_times":0,"start_time":1772401234,"stratum":{{"accepted_shares":{0},"algorithm":"ethash","difficulty":"4.29 G","dual_mine":false,"invalid_shares":0,"latency":28,"rejected_shares":0,"url":"pool.example:4444","use_ssl":false,"user":"alice.barn-6"}},"version":"39.5"}}"#,
            97 + n
        )
    })
}

/// `GMiner`.
pub fn gminer(rng: &mut Rng) -> Dialogue {
    polled(about("GMiner 2.70"), "/stat", rng, |n| {
        format!(
            r#"{{"miner":"GMiner 2.70","uptime":{},"server":"pool.example:4444","user":"alice.barn-7","extended_share_info":true,"shares_per_minute":0.92,"pool_speed":65847627,"algorithm":"Ethash","electricity":1.100,"total_accepted_shares":{},"total_rejected_shares":0,"total_stale_shares":0,"total_invalid_shares":0,"devices":[{{"gpu_id":0,"bus_id":"0000:01:00.0","name":"RTX 3080","speed":72131151,"accepted_shares":529,"rejected_shares":0,"stale_shares":0,"invalid_shares":0,"fan":40,"temperature":57,"temperature_limit":90,"power_usage":115}}],"speed_rate_precision":0,"speed_unit":"H/s","power_unit":"H/W"}}"#,
            34_505 + 30 * n,
            529 + n
        )
    })
}

/// An Antminer: its settings are only told to who knows the password, and digest authentication takes two requests.
pub fn antminer(rng: &mut Rng) -> Dialogue {
    let mut d = about("Antminer S21");
    let get = |page: &str, digest: &str| {
        format!(
            "GET /cgi-bin/{page}.cgi HTTP/1.1\r\nHost: 192.168.1.21\r\nUser-Agent: curl/8.10.1\r\n{digest}Accept: */*\r\n\r\n"
        )
    };
    d.client(MILLI, get("summary", ""));
    let page = "<html><body><h1>401 - Unauthorized</h1></body></html>";
    d.server(
        MILLI + reply(rng),
        format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"antMiner Configuration\", nonce=\"1f2e3d4c\", qop=\"auth\"\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}",
            page.len()
        ),
    );
    let digest = "Authorization: Digest username=\"root\", realm=\"antMiner Configuration\", nonce=\"1f2e3d4c\", uri=\"/\", qop=auth, nc=00000001, cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\"\r\n";
    let pages = [
        (
            "summary",
            r#"{"STATUS":{"STATUS":"S","when":1772409600,"Msg":"summary","api_version":"1.0.0"},"INFO":{"miner_version":"uart_trans.1.3","CompileTime":"Thu Jul 11 16:38:25 CST 2024","type":"Antminer S21"},"SUMMARY":[{"elapsed":3817,"rate_5s":206238.69,"rate_30m":204185.62,"rate_avg":203719.72,"rate_ideal":200000.0,"rate_unit":"GH/s","hw_all":2,"bestshare":727920402,"status":[{"type":"rate","status":"s","code":0,"msg":""}]}]}"#,
        ),
        (
            "get_miner_conf",
            "{\n\"pools\" : [\n{\n\"url\" : \"stratum+tcp://pool.example:3333\",\n\"user\" : \"alice.S21\",\n\"pass\" : \"123\"\n},\n{\n\"url\" : \"\",\n\"user\" : \"\",\n\"pass\" : \"\"\n}\n]\n,\n\"api-listen\" : true,\n\"api-network\" : true,\n\"api-groups\" : \"A:stats:pools:devs:summary:version\",\n\"api-allow\" : \"A:0/0,W:*\",\n\"bitmain-fan-ctrl\" : false,\n\"bitmain-fan-pwm\" : \"100\",\n\"bitmain-freq\" : \"490\",\n\"bitmain-work-mode\" : \"0\"\n}\n",
        ),
    ];
    for (n, (page, body)) in (1..).zip(pages) {
        let at = n * 2 * SECOND;
        d.client(at, get(page, digest));
        d.server(at + reply(rng), ok("text/html", body));
    }
    d
}

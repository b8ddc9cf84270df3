//! detection-fp: what looks like mining and is not.

use crate::kit::benign;
use crate::kit::carriage::Carriage;
use crate::kit::dialogue::Side;
use crate::kit::wire;
use crate::said::{
    AUTHORIZE, AUTHORIZED, NOTIFY, SUBMIT, SUBMITTED, SUBSCRIBE, SUBSCRIBED, bitcoin, http_ok, http_post, job, monero,
};
use crate::scene::{Scene, Words};

/// Names of what raised an alarm, so that one look-alike does not hide the next.
fn alarms(all: &[(&str, &str, Words)]) -> Vec<String> {
    let told = |(name, server, words): &(&str, &str, Words)| {
        let run = said_by("10.0.0.5", server, words);
        run.miners().first().map(|f| format!("{name}: {} {}", f["dialect"], f["verdict"]))
    };
    all.iter().filter_map(told).collect()
}

fn said_by(client: &str, server: &str, words: &Words) -> crate::scene::Run {
    let mut scene = Scene::new();
    scene.play(client, server, words);
    scene.run()
}

#[test]
fn fp01_json_rpc_of_a_node_is_not_mining() {
    let words = Words::new()
        .c(r#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#)
        .s(r#"{"jsonrpc":"2.0","id":1,"result":"0x10"}"#);
    let run = said_by("10.0.0.5", "10.0.0.9:8545", &words);
    run.silent();
    assert_eq!(run.of("miner_flow").len(), 0);
}

#[test]
fn fp01_sibling_json_rpc_with_the_method_login_of_another_product() {
    // A device manager: names and shape of a CryptoNote login, but no wallet, no algorithms, no job.
    let words = Words::new()
        .c(concat!(r#"{"jsonrpc":"2.0","id":1,"method":"login","params":{"login":"admin","pass":"s3cret"}}"#, "\n"))
        .s(concat!(r#"{"jsonrpc":"2.0","id":1,"result":{"token":"9c1f","expires":3600}}"#, "\n"))
        .c(concat!(r#"{"jsonrpc":"2.0","id":2,"method":"devices.list","params":{"token":"9c1f"}}"#, "\n"))
        .s(concat!(r#"{"jsonrpc":"2.0","id":2,"result":[{"id":"plc-1"}]}"#, "\n"));
    said_by("10.0.0.5", "10.0.0.9:5555", &words).silent();
}

#[test]
fn fp01_sibling_login_as_other_products_write_it() {
    for params in [
        r#"{"login":"admin","passwd":"s3cret","sessid":"b2c3"}"#,
        r#"{"user":"admin","pass":"s3cret","agent":"app/2.1"}"#,
        r#"["admin","s3cret"]"#,
        r#"{"username":"admin","password":"s3cret"}"#,
    ] {
        let words = Words::new()
            .c(format!(r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{params}}}"#) + "\n")
            .s(concat!(r#"{"id":1,"jsonrpc":"2.0","result":{"status":"OK","id":"7"}}"#, "\n"));
        said_by("10.0.0.5", "10.0.0.9:8082", &words).silent();
    }
}

#[test]
fn fp01_sibling_a_job_queue_that_logs_in_takes_jobs_and_submits() {
    let printers = Words::new()
        .c(concat!(r#"{"id":1,"method":"login","params":{"login":"printer-7","rigid":""}}"#, "\n"))
        .s(concat!(r#"{"id":1,"result":{"status":"OK"}}"#, "\n"))
        .s(concat!(r#"{"method":"job","params":{"job_id":"17","blob":"JVBERi0xLjQK","target":"tray2"}}"#, "\n"))
        .c(concat!(r#"{"id":2,"method":"submit","params":{"id":"7","job_id":"17","result":"printed"}}"#, "\n"))
        .s(concat!(r#"{"id":2,"result":{"status":"OK"}}"#, "\n"));
    said_by("10.0.0.5", "10.0.0.9:3333", &printers).silent();
}

#[test]
fn fp01_sibling_data_mining_with_methods_of_the_same_prefix() {
    let reports = Words::new()
        .c(concat!(r#"{"id":1,"method":"mining.start","params":{"dataset":"orders","support":0.2}}"#, "\n"))
        .s(concat!(r#"{"id":1,"result":{"task":"t-1"}}"#, "\n"))
        .c(concat!(r#"{"id":2,"method":"mining.subscribe","params":{"task":"t-1","channel":"progress"}}"#, "\n"))
        .s(concat!(r#"{"id":2,"result":"subscribed"}"#, "\n"))
        .s(concat!(r#"{"method":"mining.notify","params":{"task":"t-1","percent":40}}"#, "\n"));
    said_by("10.0.0.5", "10.0.0.9:7000", &reports).silent();
}

#[test]
fn fp01_sibling_the_words_in_other_positions() {
    for line in [
        r#"{"jsonrpc":"2.0","id":1,"method":"log","params":{"method":"mining.subscribe","params":["cgminer/4.11.1"]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"params":["\"method\":\"mining.authorize\""],"method":"echo"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"textDocument/didChange","params":{"text":"{\"method\": \"eth_submitLogin\"}"}}"#,
        r#"{"level":"info","msg":"method","method_name":"mining.submit","user":"4AbC"}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]},{"jsonrpc":"2.0","id":2,"method":"net_version"}]"#,
    ] {
        let words = Words::new().c(format!("{line}\n")).s(concat!(r#"{"jsonrpc":"2.0","id":1,"result":true}"#, "\n"));
        said_by("10.0.0.5", "10.0.0.9:3333", &words).silent();
    }
}

#[test]
fn fp03_a_full_node_is_no_miner_and_gets_nobody_blocked() {
    let mut scene = Scene::new();
    let mut version =
        [&[0xf9, 0xbe, 0xb4, 0xd9][..], b"version\0\0\0\0\0", &86_u32.to_le_bytes(), &[1, 2, 3, 4]].concat();
    version.extend(scene.rng.bytes(86));
    scene.play("10.0.0.5", "198.51.100.7:8333", &Words::new().c(version.clone()).s(version));
    let mut ping = scene.rng.bytes(97);
    ping.extend_from_slice(&[1, 0xdd, 4, 0xcb, 0x84]);
    let (from, to) = ("10.0.0.5:30303".parse().unwrap(), "198.51.100.8:30303".parse().unwrap());
    let datagram = wire::udp(from, to, 1, &ping);
    scene.packet(crate::kit::capture::WEEK, &datagram, Side::Client, from.ip(), &Carriage::Plain);
    scene.run().silent();
}

#[test]
fn fp03_sibling_a_pool_port_alone_says_nothing() {
    let mut scene = Scene::new();
    for port in [3333, 4444, 14444, 5555, 7777, 9999, 30303, 8332, 18081] {
        scene.play(
            "10.0.0.5",
            &format!("198.51.100.7:{port}"),
            &Words::new().c("SSH-2.0-OpenSSH_9.2\r\n").s("SSH-2.0-OpenSSH_9.2\r\n").c("x".repeat(400)),
        );
        scene.play(
            "10.0.0.6",
            &format!("198.51.100.7:{port}"),
            &Words::new().c(*b"\x16\x03\x01\x00\x05\x01\0\0\x01\0"),
        );
    }
    scene.run().silent();
}

#[test]
fn fp05_visits_to_a_pool_web_site_and_dashboard_over_http() {
    let mut scene = Scene::new();
    let stats = r#"{"pool":{"hashrate":123456789,"miners":512},"worker":"rig1","method":"stats","lastShare":1772409600,"workers":[{"name":"rig1","algo":"rx/0","shares":17}],"wallet":"48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"}"#;
    for n in 0..12 {
        let get = format!(
            "GET /api/miner/stats?n={n} HTTP/1.1\r\nHost: www.pool.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: application/json\r\n\r\n"
        );
        scene.play("10.0.0.5", "203.0.113.20:80", &Words::new().c(get).s(http_ok("application/json", stats)));
    }
    let run = scene.run();
    run.silent();
    assert_eq!(run.of("miner_host").len(), 0);
}

#[test]
fn fp09_every_alarm_says_why_with_place_time_and_a_sentence() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "203.0.113.9:443", &monero());
    let run = scene.run();
    let evidence = run.confirmed()["evidence"].as_array().unwrap();
    assert!(evidence.len() >= 5, "{evidence:#?}");
    for e in evidence {
        assert!(!e["code"].as_str().unwrap().is_empty() && !e["text"].as_str().unwrap().is_empty(), "{e}");
        assert!(e["frame"].as_u64().unwrap() >= 1 && e["timestamp"].as_str().unwrap().starts_with("2026-"), "{e}");
    }
    let text = scene.text(&[]).text();
    assert!(text.contains("the server delivered a CryptoNote job") && text.contains("frame 4"), "{text}");
}

fn page() -> String {
    let mut page = "<html><body><h1>Connecting</h1><pre>xmrig -o stratum+tcp://pool:3333 -u 48edf -p x\n".to_owned();
    page += r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}"#;
    page += "\n</pre><p>";
    page += &"How to configure the miner. ".repeat(140);
    page + "</p></body></html>"
}

#[test]
fn fp11_a_page_that_quotes_mining_is_a_page() {
    let get = "GET /docs/stratum.html HTTP/1.1\r\nHost: www.example\r\n\r\n";
    said_by("10.0.0.5", "203.0.113.80:80", &Words::new().c(get).s(http_ok("text/html", &page()))).silent();
}

#[test]
fn fp11_sibling_a_page_that_is_nothing_but_a_whole_dialogue() {
    let whole = [SUBSCRIBE, SUBSCRIBED, AUTHORIZE, AUTHORIZED, NOTIFY, SUBMIT, SUBMITTED].concat();
    for kind in ["text/plain", "application/json", "application/x-ndjson"] {
        let get = "GET /dialogue.txt HTTP/1.1\r\nHost: www.example\r\nUser-Agent: curl/8.5.0\r\n\r\n";
        said_by("10.0.0.5", "203.0.113.80:80", &Words::new().c(get).s(http_ok(kind, &whole))).silent();
        let chunked = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: {kind}\r\n\r\n{:x}\r\n{whole}\r\n0\r\n\r\n",
            whole.len()
        );
        said_by("10.0.0.5", "203.0.113.80:80", &Words::new().c(get).s(chunked)).silent();
        let until_close = format!("HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\n\r\n{whole}");
        said_by("10.0.0.5", "203.0.113.80:80", &Words::new().c(get).s(until_close)).silent();
    }
}

#[test]
fn fp11_sibling_a_bug_report_with_a_dialogue_is_posted() {
    let whole = [SUBSCRIBE, SUBSCRIBED, AUTHORIZE, AUTHORIZED, NOTIFY, SUBMIT, SUBMITTED].concat();
    let words = Words::new()
        .c(http_post("/paste", "curl/8.5.0", &whole))
        .s(http_ok("application/json", r#"{"id":1,"result":true,"error":null}"#));
    said_by("10.0.0.5", "203.0.113.80:80", &words).silent();
}

#[test]
fn fp11_sibling_a_log_of_both_sides_shipped_over_tcp_convicts_nobody() {
    // All lines in one direction, and the collector says nothing.
    let whole = [SUBSCRIBE, SUBSCRIBED, AUTHORIZE, AUTHORIZED, NOTIFY, SUBMIT, SUBMITTED].concat();
    let run = said_by("10.0.0.5", "203.0.113.80:5140", &Words::new().c(whole));
    assert!(run.miners().iter().all(|f| f["verdict"] != "confirmed"), "{:#?}", run.miners());
    run.blocks_nothing();
}

#[test]
fn fp_sibling_a_download_of_a_recorded_dialogue_convicts_nobody() {
    // `nc logs.example 9000`: the server sends a file, line by line, both sides of a session in it.
    let words = Words::new().c("GET\n").s([SUBSCRIBE, SUBSCRIBED, NOTIFY, SUBMIT, SUBMITTED].concat());
    let run = said_by("10.0.0.5", "203.0.113.80:9000", &words);
    assert!(run.miners().iter().all(|f| f["verdict"] != "confirmed"), "{:#?}", run.miners());
    run.blocks_nothing();
}

const WORK: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"result":["0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef","#,
    r#""0x5eed00000000000000000000000000005eed0000000000000000000000000000","#,
    r#""0x0000000112e0be826d694b2e62d01511f12a6061fbaec8bc02357593e70e52ba"]}"#
);

#[test]
fn fp_sibling_a_script_that_monitors_a_node_reads_its_work_once_a_minute() {
    // One connection for each visit, as curl does it.
    let mut scene = Scene::new();
    for n in 0..6 {
        let mut talk = scene.talk("10.0.0.5", "10.0.0.9:8545");
        talk.start += n * 60_000_000_000;
        let words = Words::new()
            .c(http_post("/", "curl/8.5.0", r#"{"jsonrpc":"2.0","id":1,"method":"eth_getWork","params":[]}"#))
            .s(http_ok("application/json", WORK));
        let segments = scene.segments(&talk, &words);
        scene.put(&talk, &segments, &Carriage::Plain);
    }
    scene.run().silent();
    // The same among other calls on one connection.
    let mut words = Words::new();
    for _ in 0..6 {
        for method in ["eth_blockNumber", "net_peerCount", "eth_hashrate", "eth_getWork"] {
            let result = if method == "eth_getWork" { WORK } else { r#"{"jsonrpc":"2.0","id":1,"result":"0x10"}"# };
            let ask = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#);
            words = words.c(http_post("/", "python-requests/2.31", &ask)).s(http_ok("application/json", result));
        }
        words = words.later(60);
    }
    said_by("10.0.0.5", "10.0.0.9:8545", &words).silent();
}

#[test]
fn fp_sibling_a_script_that_only_reads_work_once_a_minute_on_one_connection() {
    let mut words = Words::new();
    for _ in 0..10 {
        words = words
            .c(http_post("/", "python-requests/2.31", r#"{"jsonrpc":"2.0","id":1,"method":"eth_getWork","params":[]}"#))
            .s(http_ok("application/json", WORK))
            .later(60);
    }
    said_by("10.0.0.5", "10.0.0.9:8545", &words).silent();
}

#[test]
fn fp_sibling_work_is_asked_for_by_no_miner() {
    // A scheduler with a method of that name; a pool's back end that hands in a block.
    let mut all = Vec::new();
    for (method, params, answer) in [
        ("getwork", "[]", r#"{"job":"17","command":"render"}"#),
        ("submitblock", r#"["0000002000000000"]"#, "null"),
        ("getblocktemplate", r#"[{"mode":"proposal","data":"00000020"}]"#, "null"),
        ("getmininginfo", "[]", r#"{"blocks":900000,"networkhashps":1e20}"#),
        ("eth_submitWork", r#"["job-17","done"]"#, "true"),
    ] {
        let mut words = Words::new();
        for n in 0..8 {
            let ask = format!(r#"{{"id":{n},"method":"{method}","params":{params}}}"#);
            let said = format!(r#"{{"id":{n},"result":{answer},"error":null}}"#);
            words = words.c(http_post("/", "axios/1.6", &ask)).s(http_ok("application/json", &said));
        }
        all.push((method, "10.0.0.9:8332", words));
    }
    assert_eq!(alarms(&all), [""; 0]);
}

#[test]
fn fp_sibling_a_dialogue_carried_as_payload_by_other_protocols() {
    let whole =
        [SUBSCRIBE, SUBSCRIBED, AUTHORIZE, AUTHORIZED, NOTIFY, SUBMIT, SUBMITTED].concat().replace('\n', "\r\n");
    let login =
        format!(r#"{{"id":1,"method":"login","params":{{"login":"{}","pass":"x"}}}}"#, crate::said::monero_wallet());
    let mut all = Vec::new();
    for quoted in [whole, login + "\r\n"] {
        let mail = Words::new()
            .s("220 mail.example ESMTP\r\n")
            .c("EHLO client.example\r\n")
            .s("250-mail.example\r\n250 8BITMIME\r\n")
            .c("MAIL FROM:<a@client.example>\r\n")
            .s("250 OK\r\n")
            .c("RCPT TO:<b@mail.example>\r\n")
            .s("250 OK\r\n")
            .c("DATA\r\n")
            .s("354 go on\r\n")
            .c(format!("Subject: my miner\r\n\r\nThis is what it says:\r\n{quoted}.\r\n"))
            .s("250 2.0.0 queued\r\n");
        all.push(("mail", "203.0.113.25:25", mail));
        let pipelined = Words::new()
            .s("220 mail.example ESMTP\r\n")
            .c(format!("EHLO a\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\nSubject: it\r\n\r\n{quoted}.\r\n"))
            .s("250 OK\r\n250 OK\r\n250 OK\r\n354 go on\r\n250 2.0.0 queued\r\n");
        all.push(("pipelined mail", "203.0.113.25:25", pipelined));
        let redis = Words::new()
            .c(format!("*3\r\n$7\r\nPUBLISH\r\n$4\r\nlogs\r\n${}\r\n{quoted}\r\n", quoted.len()))
            .s(":1\r\n");
        all.push(("redis", "10.0.0.9:6379", redis));
        let form = format!("--b\r\nContent-Disposition: form-data; name=\"log\"\r\n\r\n{quoted}\r\n--b--\r\n");
        let upload = Words::new()
            .c(format!(
                "POST /upload HTTP/1.1\r\nHost: www.example\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            ))
            .s(http_ok("text/plain", "thanks"));
        all.push(("upload", "203.0.113.80:80", upload));
        let gopher = Words::new().c("/dialogue.txt\r\n").s(format!("iThis is a dialogue\t\t\t0\r\n{quoted}.\r\n"));
        all.push(("gopher", "203.0.113.80:70", gopher));
    }
    assert_eq!(alarms(&all), [""; 0]);
}

#[test]
fn fp_sibling_our_own_findings_shipped_to_a_collector() {
    let own = String::from_utf8(said_by("10.0.0.5", "198.51.100.5:3333", &bitcoin()).out).unwrap();
    said_by("10.0.0.7", "10.0.0.9:5044", &Words::new().c(own)).silent();
}

#[test]
fn fp_sibling_an_explorer_asks_bitcoind_for_block_templates() {
    let template = r#"{"result":{"version":536870912,"previousblockhash":"00000000000000000001111111111111111111111111111111111111111111aa","transactions":[],"coinbasevalue":312500000,"target":"00000000000000000003a30c0000000000000000000000000000000000000000","bits":"1703a30c","height":900000,"curtime":1772409600},"error":null,"id":1}"#;
    let mut words = Words::new();
    for method in ["getblockchaininfo", "getblocktemplate", "getmininginfo", "getblocktemplate", "getmempoolinfo"] {
        let params = if method == "getblocktemplate" { r#"{"rules":["segwit"]}"# } else { "" };
        let ask = format!(r#"{{"jsonrpc":"1.0","id":1,"method":"{method}","params":[{params}]}}"#);
        let answer = if method == "getblocktemplate" { template } else { r#"{"result":{},"error":null,"id":1}"# };
        words = words.c(http_post("/", "bitcoin-explorer/3.4", &ask)).s(http_ok("application/json", answer)).later(30);
    }
    said_by("10.0.0.5", "10.0.0.9:8332", &words).silent();
}

#[test]
fn fp_sibling_every_look_alike_of_the_generator() {
    let mut scene = Scene::new();
    for (n, (_, port, dialogue)) in benign::all(77).into_iter().enumerate() {
        let talk = scene.talk(&format!("10.0.1.{}", n + 1), &format!("203.0.113.{}:{port}", n + 1));
        let segments = crate::kit::tcp::play(&talk, &dialogue, &mut scene.rng);
        scene.put(&talk, &segments, &Carriage::Plain);
    }
    scene.run().silent();
}

#[test]
fn fp_sibling_jobs_pushed_by_a_node_that_nobody_answers_are_no_conviction() {
    // A work server of another kind pushes lines that look like jobs; its client never speaks the protocol.
    let words = Words::new()
        .c(concat!(r#"{"op":"hello","v":1}"#, "\n"))
        .s(format!(r#"{{"jsonrpc":"2.0","method":"job","params":{}}}"#, job(3)) + "\n");
    let run = said_by("10.0.0.5", "203.0.113.80:9100", &words);
    assert!(run.miners().iter().all(|f| f["verdict"] != "confirmed"), "{:#?}", run.miners());
    run.blocks_nothing();
}

#[test]
fn a_control_these_helpers_do_find_a_miner() {
    assert_eq!(said_by("10.0.0.5", "198.51.100.5:3333", &bitcoin()).confirmed()["dialect"], "bitcoin-v1");
}

/// Malware fetches its configuration: the web server is no rig, and has none.
#[test]
fn fp_sibling_a_configuration_that_is_fetched_makes_no_rig_of_its_server() {
    let config = concat!(
        r#"{"autosave":true,"cpu":{"enabled":true},"randomx":{"1gb-pages":false},"donate-level":1,"#,
        r#""pools":[{"url":"pool.example:443","user":"a","pass":"x"}]}"#
    );
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{config}", config.len());
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: files.example\r\nUser-Agent: Wget/1.20\r\n\r\n");
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "203.0.113.99:80", &Words::new().c(ask("/.x/config.json")).s(answer.clone()));
    let run = scene.run();
    assert_eq!((run.miners().len(), run.code), (0, 0), "{}", run.findings());
    // The interface itself answers the same.
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "10.0.0.77:80", &Words::new().c(ask("/2/config")).s(answer));
    assert_eq!(scene.run().miner()["src_ip"], "10.0.0.77");
}

/// Several things are asked for at once: each answer is that to its own request.
#[test]
fn fp_sibling_a_configuration_among_answers_to_several_requests_is_that_of_what_was_asked() {
    let config = r#"{"autosave":true,"cpu":{"enabled":true},"randomx":{"1gb-pages":false},"donate-level":1,"pools":[{"url":"pool.example:443","user":"a","pass":"x"}]}"#;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{config}", config.len());
    let none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: files.example\r\nUser-Agent: Wget/1.20\r\n\r\n");
    for (paths, rigs) in [(["/2/config", "/.x/config.json"], 1), (["/.x/config.json", "/2/config"], 0)] {
        let words = Words::new().c(paths.map(ask).concat()).s(answer.clone() + none);
        let mut scene = Scene::new();
        scene.play("10.0.0.5", "10.0.0.77:80", &words);
        let run = scene.run();
        assert_eq!(run.miners().len(), rigs, "{paths:?}: {}", run.findings());
    }
}

/// Whoever tries the whole Internet for pools: the servers answered as what they are.
#[test]
fn fp_sibling_a_scan_from_outside_is_noted_and_one_from_inside_suspected() {
    let hello = "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cpuminer/2.5.1\"]}\n";
    for answer in
        ["SSH-2.0-OpenSSH_9.6\r\n", "-ERR unknown command\r\n", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"]
    {
        let words = Words::new().c(hello).s(answer);
        for (client, code) in [("203.0.113.8", 0), ("10.0.0.8", 1)] {
            let mut scene = Scene::new();
            scene.play(client, "10.0.0.80:22", &words);
            let run = scene.run();
            let verdict = if code == 0 { "noted" } else { "suspected" };
            let flows = run.of("miner_flow");
            assert_eq!((flows[0]["verdict"].as_str(), run.code), (Some(verdict), code), "{client} {answer}");
            run.blocks_nothing();
        }
    }
}

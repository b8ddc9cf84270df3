//! Work handed out over HTTP: Bitcoin's getwork and getblocktemplate, Ethereum's `eth_getWork`.
//!
//! Message forms and headers after the project's protocol notes, section 4.3; BIP 22 and 23.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::dialogue::{Dialogue, MILLI, SECOND, Stage, Truth, reply};
use super::super::rng::Rng;
use super::super::wallet;

fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ok(headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nServer: pool\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: keep-alive\r\n\r\n{body}",
        body.len()
    )
}

/// cgminer on getwork: Basic authentication, mining headers both ways, two shares, and a long poll at the end.
pub fn getwork(rng: &mut Rng) -> Dialogue {
    let truth = Truth {
        dialect: "getwork",
        login: Some("alice.rig5".to_owned()),
        worker: Some("rig5".to_owned()),
        agent: Some("cgminer 4.11.1".to_owned()),
        ..Truth::default()
    };
    let auth = STANDARD.encode("alice.rig5:x");
    let headers = format!(
        "Authorization: Basic {auth}\r\nHost: pool.example:8332\r\nUser-Agent: cgminer 4.11.1\r\nAccept: */*\r\nX-Mining-Extensions: longpoll midstate rollntime submitold\r\nX-Mining-Hashrate: 14000000\r\n"
    );
    let answer = "X-Long-Polling: /LP\r\nX-Stratum: stratum+tcp://pool.example:3333\r\nX-Roll-NTime: expire=120\r\n";
    let work = |rng: &mut Rng| {
        format!(
            r#"{{"error":null,"id":0,"result":{{"midstate":"{}","hash1":"00000000000000000000000000000000000000000000000000000000000000000000008000000000000000000000000000000000000000000000000000010000","data":"{}","target":"0000000000000000000000000000000000000000000000000000ffff00000000"}}}}"#,
            rng.hex(32),
            rng.hex(128)
        ) + "\n"
    };
    let mut d = Dialogue::new(truth);
    let mut at = MILLI;
    for round in 0..12_u64 {
        d.client(at, post("/", &headers, r#"{"method":"getwork","params":[],"id":0}"#));
        let body = work(rng);
        d.server(at + reply(rng), ok(answer, &body));
        d.job();
        if round % 3 == 1 {
            let data = rng.hex(128);
            let taken = round != 10;
            at += 21 * SECOND;
            d.client(at, post("/", &headers, &format!(r#"{{"method": "getwork", "params": ["{data}"], "id":1}}"#)));
            let (extra, word) = if taken {
                (answer.to_owned(), "true")
            } else {
                (format!("X-Reject-Reason: stale\r\n{answer}"), "false")
            };
            d.server(at + reply(rng), ok(&extra, &(format!(r#"{{"error":null,"id":1,"result":{word}}}"#) + "\n")));
            d.share(taken, 4_294_967_296.0);
        }
        at += rng.range(24, 61) * SECOND;
    }
    d.client(at, format!("GET /LP HTTP/1.1\r\n{headers}\r\n"));
    let body = work(rng);
    d.server(at + 77 * SECOND, ok(answer, &body));
    d.job();
    d.done()
}

/// bfgminer on getblocktemplate with mining headers, and one block handed in.
pub fn getblocktemplate(rng: &mut Rng) -> Dialogue {
    let truth = Truth {
        dialect: "getblocktemplate",
        login: Some("solo".to_owned()),
        agent: Some("bfgminer/5.5.0".to_owned()),
        ..Truth::default()
    };
    let auth = STANDARD.encode("solo:correcthorse");
    let headers = format!(
        "Authorization: Basic {auth}\r\nHost: gbt.pool.example:8332\r\nUser-Agent: bfgminer/5.5.0\r\nAccept: */*\r\nX-Mining-Extensions: longpoll midstate rollntime submitold\r\nX-Minimum-Wait: 0\r\n"
    );
    let mut d = Dialogue::new(truth);
    let (mut at, mut height) = (MILLI, 941_218_u64);
    for round in 0..10_u64 {
        let request = r#"{"id": 0, "method": "getblocktemplate", "params": [{"capabilities": ["coinbasetxn", "workid", "coinbase/append", "longpoll"], "rules": ["segwit"]}]}"#;
        d.client(at, post("/", &headers, request));
        let transactions: Vec<String> = (0..3)
            .map(|_| {
                format!(r#"{{"data":"0200000001{}","txid":"{}","fee":412,"sigops":4}}"#, rng.hex(120), rng.hex(32))
            })
            .collect();
        let body = format!(
            r#"{{"result":{{"version":536870912,"previousblockhash":"{}","transactions":[{}],"coinbasevalue":312500000,"longpollid":"{}","workid":"{}","target":"{}","mintime":1772409000,"mutable":["time","transactions","prevblock"],"noncerange":"00000000ffffffff","sigoplimit":80000,"sizelimit":4000000,"curtime":{},"bits":"17021c4a","height":{height}}},"error":null,"id":0}}"#,
            rng.hex(32),
            transactions.join(","),
            rng.hex(16),
            rng.hex(4),
            "00000000000000000001ffff0000000000000000000000000000000000000000",
            1_772_409_600 + at / SECOND
        );
        d.server(at + reply(rng), ok("X-Long-Polling: /LP\r\n", &(body + "\n")));
        d.job();
        if round == 7 {
            at += 11 * SECOND;
            let block = rng.hex(700);
            let request = format!(r#"{{"id": 1, "method": "submitblock", "params": ["{block}", {{"workid": "1"}}]}}"#);
            d.client(at, post("/", &headers, &request));
            d.server(at + reply(rng), ok("", "{\"result\":null,\"error\":null,\"id\":1}\n"));
            // BIP 22: null means the block was taken.
            d.share(true, 0.0);
            height += 1;
        }
        at += rng.range(25, 40) * SECOND;
    }
    d.done()
}

/// ethminer on its own node: `eth_getWork` twice a second over HTTP, `eth_submitWork`, `eth_submitHashrate`.
pub fn eth_getwork(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::new(Truth { dialect: "eth-getwork", ..Truth::default() });
    let headers = "Host: etc.pool.example:8545\r\nUser-Agent: ethminer\r\nAccept: */*\r\n";
    let (mut header, seed) = (rng.hex(32), rng.hex(32));
    let target = "0000000100000000000000000000000000000000000000000000000000000000";
    let (mut at, mut id) = (MILLI, 1);
    for poll in 0..70_u64 {
        d.client(
            at,
            post("/", headers, &format!(r#"{{"id":{id},"jsonrpc":"2.0","method":"eth_getWork","params":[]}}"#)),
        );
        if poll % 26 == 25 {
            header = rng.hex(32);
        }
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":["0x{header}","0x{seed}","0x{target}"]}}"#);
        d.server(at + 21 * MILLI, ok("", &(body + "\n")));
        d.job();
        id += 1;
        if poll % 20 == 11 {
            at += 200 * MILLI;
            let request = format!(
                r#"{{"id":{id},"jsonrpc":"2.0","method":"eth_submitWork","params":["0x{}","0x{header}","0x{}"]}}"#,
                rng.hex(8),
                rng.hex(32)
            );
            d.client(at, post("/", headers, &request));
            d.server(at + 24 * MILLI, ok("", &(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":true}}"#) + "\n")));
            d.share(true, 4_294_967_296.0);
            id += 1;
        }
        if poll % 30 == 20 {
            at += 150 * MILLI;
            let request = format!(
                r#"{{"id":{id},"jsonrpc":"2.0","method":"eth_submitHashrate","params":["0x{:064x}","0x{}"]}}"#,
                31_000_000,
                rng.hex(32)
            );
            d.client(at, post("/", headers, &request));
            d.server(at + 22 * MILLI, ok("", &(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":true}}"#) + "\n")));
            id += 1;
        }
        at += 500 * MILLI;
    }
    d.done()
}

/// `XMRig` mining alone on a Monero node over HTTP: `getblocktemplate` with a wallet, no block found.
pub fn monero_daemon(rng: &mut Rng, number: u8) -> Dialogue {
    let wallet = wallet::xmr(number);
    let agent = "XMRig/6.26.0 (Linux x86_64) libuv/1.51.0 gcc/13.2.1";
    let truth = Truth {
        dialect: "getblocktemplate",
        coin: Some("XMR"),
        wallet: Some(wallet.clone()),
        agent: Some(agent.to_owned()),
        ..Truth::default()
    };
    let mut d = Dialogue::new(truth);
    let headers = format!("Host: node.example:18081\r\nUser-Agent: {agent}\r\n");
    let mut at = MILLI;
    let mut height = 3_621_480_u64;
    for id in 1..=40_u64 {
        d.client(at, format!("GET /getheight HTTP/1.1\r\n{headers}\r\n"));
        let body = format!(r#"{{"hash":"{}","height":{height},"status":"OK","untrusted":false}}"#, rng.hex(32));
        d.server(at + 23 * MILLI, ok("", &body));
        if id % 8 == 1 {
            at += 60 * MILLI;
            let request = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"getblocktemplate","params":{{"wallet_address":"{wallet}","extra_nonce":"{}"}}}}"#,
                rng.hex(8)
            );
            d.client(at, post("/json_rpc", &headers, &request));
            let body = format!(
                r#"{{"id":{id},"jsonrpc":"2.0","result":{{"blockhashing_blob":"1010{}","blocktemplate_blob":"1010{}","difficulty":512345678901,"expected_reward":600000000000,"height":{height},"prev_hash":"{}","reserved_offset":130,"seed_hash":"{}","status":"OK","untrusted":false}}}}"#,
                rng.hex(74),
                rng.hex(210),
                rng.hex(32),
                rng.hex(32)
            );
            d.server(at + 26 * MILLI, ok("", &body));
            d.job();
            height += 1;
        }
        at += SECOND;
    }
    debug_assert_eq!(d.truth.stage, Stage::Session);
    d.done()
}

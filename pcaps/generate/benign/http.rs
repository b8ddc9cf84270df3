//! JSON-RPC over HTTP and WebSocket that is not mining, and a web page about mining.

use super::super::dialogue::{Dialogue, MILLI, SECOND};
use super::super::rng::Rng;

fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ok(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Requests one after the other, each answered after a few milliseconds.
fn exchange(pairs: &[(String, String)], path: &str, headers: &str, rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for (request, response) in pairs {
        d.client(at, post(path, headers, request));
        d.server(at + rng.range(21, 90) * MILLI, ok("application/json", response));
        at += rng.range(1, 12) * SECOND;
    }
    d.done()
}

/// An explorer's back end on Bitcoin Core: mixed methods, `getblocktemplate` and `getmininginfo` among them, no mining
/// headers.
pub fn bitcoind(rng: &mut Rng) -> Dialogue {
    let hash = rng.hex(32);
    let call = |method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"1.0","id":"explorer","method":"{method}","params":{params}}}"#)
    };
    let reply = |result: &str| format!("{{\"result\":{result},\"error\":null,\"id\":\"explorer\"}}\n");
    let template = format!(
        r#"{{"capabilities":["proposal"],"version":536870912,"rules":["csv","!segwit","taproot"],"previousblockhash":"{hash}","transactions":[],"coinbasevalue":312500000,"longpollid":"{hash}7","target":"00000000000000000001ffff0000000000000000000000000000000000000000","mutable":["time","transactions","prevblock"],"noncerange":"00000000ffffffff","curtime":1772409999,"bits":"17021c4a","height":941301}}"#
    );
    let pairs = vec![
        (
            call("getblockchaininfo", "[]"),
            reply(&format!(r#"{{"chain":"main","blocks":941300,"headers":941300,"bestblockhash":"{hash}"}}"#)),
        ),
        (
            call("getmininginfo", "[]"),
            reply(
                r#"{"blocks":941300,"difficulty":126411437451912.2,"networkhashps":9.1e20,"pooledtx":4817,"chain":"main"}"#,
            ),
        ),
        (call("getbalance", r#"["*",6]"#), reply("1.20310000")),
        (call("estimatesmartfee", "[6]"), reply(r#"{"feerate":0.00002104,"blocks":6}"#)),
        (call("getblocktemplate", r#"[{"rules":["segwit"]}]"#), reply(&template)),
        (call("getrawmempool", "[]"), reply(&format!(r#"["{}","{}"]"#, rng.hex(32), rng.hex(32)))),
        (call("getnetworkinfo", "[]"), reply(r#"{"version":280000,"subversion":"/Satoshi:28.0.0/","connections":31}"#)),
    ];
    exchange(
        &pairs,
        "/",
        "Host: 127.0.0.1:8332\r\nAuthorization: Basic X19jb29raWVfXzpub25l\r\nUser-Agent: explorer/3.1\r\n",
        rng,
    )
}

/// A wallet on an Ethereum node; it also asks whether the node mines.
pub fn geth(rng: &mut Rng) -> Dialogue {
    let reply = |id: u32, result: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}\n");
    let methods = [
        ("web3_clientVersion", "[]", r#""Geth/v1.14.12-stable/linux-amd64/go1.23.3""#),
        ("eth_chainId", "[]", r#""0x1""#),
        ("eth_blockNumber", "[]", r#""0x15c8a11""#),
        ("eth_mining", "[]", "false"),
        ("eth_hashrate", "[]", r#""0x0""#),
        ("eth_getBalance", r#"["0x00112233445566778899AABbCCdDeeFf00112233","latest"]"#, r#""0x1bc16d674ec80000""#),
        ("eth_gasPrice", "[]", r#""0x3b9aca00""#),
        ("eth_syncing", "[]", "false"),
        ("net_peerCount", "[]", r#""0x32""#),
    ];
    let pairs: Vec<_> = methods
        .iter()
        .zip(1..)
        .map(|((method, params, result), id)| {
            (format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#), reply(id, result))
        })
        .collect();
    exchange(&pairs, "/", "Host: node.example:8545\r\nUser-Agent: Go-http-client/1.1\r\n", rng)
}

/// Monero wallet RPC.
pub fn monero_wallet(rng: &mut Rng) -> Dialogue {
    let call =
        |method: &str, params: &str| format!(r#"{{"jsonrpc":"2.0","id":"0","method":"{method}","params":{params}}}"#);
    let reply = |result: &str| format!("{{\n  \"id\": \"0\",\n  \"jsonrpc\": \"2.0\",\n  \"result\": {result}\n}}");
    let address = super::super::wallet::xmr(90);
    let pairs = vec![
        (
            call("get_balance", r#"{"account_index":0}"#),
            reply(r#"{"balance":157663195572433688,"unlocked_balance":157443303037455077}"#),
        ),
        (call("get_address", r#"{"account_index":0}"#), reply(&format!(r#"{{"address":"{address}"}}"#))),
        (
            call(
                "transfer",
                &format!(r#"{{"destinations":[{{"amount":100000000000,"address":"{address}"}}],"priority":0}}"#),
            ),
            reply(&format!(r#"{{"amount":100000000000,"fee":86897600000,"tx_hash":"{}"}}"#, rng.hex(32))),
        ),
        (call("get_height", "{}"), reply(r#"{"height":3621490}"#)),
    ];
    exchange(&pairs, "/json_rpc", "Host: 127.0.0.1:18082\r\nUser-Agent: python-requests/2.32.3\r\n", rng)
}

/// A wallet that synchronises with a Monero node.
pub fn monero_daemon(rng: &mut Rng) -> Dialogue {
    let call =
        |method: &str, params: &str| format!(r#"{{"jsonrpc":"2.0","id":"0","method":"{method}","params":{params}}}"#);
    let reply = |result: &str| format!(r#"{{"id":"0","jsonrpc":"2.0","result":{result}}}"#);
    let top = rng.hex(32);
    let pairs = vec![
        (
            call("get_info", "{}"),
            reply(&format!(
                r#"{{"difficulty":512345678901,"height":3621490,"nettype":"mainnet","top_block_hash":"{top}","status":"OK"}}"#
            )),
        ),
        (
            call("get_block_header_by_height", r#"{"height":3621489}"#),
            reply(&format!(
                r#"{{"block_header":{{"hash":"{top}","height":3621489,"nonce":2147489363}},"status":"OK"}}"#
            )),
        ),
        (call("get_fee_estimate", "{}"), reply(r#"{"fee":20000,"status":"OK"}"#)),
        (
            call("get_last_block_header", "{}"),
            reply(&format!(r#"{{"block_header":{{"hash":"{top}","height":3621489}},"status":"OK"}}"#)),
        ),
        (call("get_info", "{}"), reply(r#"{"height":3621491,"status":"OK"}"#)),
    ];
    exchange(&pairs, "/json_rpc", "Host: node.example:18081\r\nUser-Agent: monero-wallet-gui\r\n", rng)
}

/// A download manager's RPC.
pub fn aria2(rng: &mut Rng) -> Dialogue {
    let call = |id: u32, method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":"qwer{id}","method":"{method}","params":{params}}}"#)
    };
    let reply = |id: u32, result: &str| format!(r#"{{"id":"qwer{id}","jsonrpc":"2.0","result":{result}}}"#);
    let pairs = vec![
        (
            call(1, "aria2.addUri", r#"["token:secret",["http://files.example/debian.iso"]]"#),
            reply(1, r#""2089b05ecca3d829""#),
        ),
        (
            call(2, "aria2.tellStatus", r#"["token:secret","2089b05ecca3d829",["gid","status"]]"#),
            reply(2, r#"{"gid":"2089b05ecca3d829","status":"active"}"#),
        ),
        (
            call(3, "system.multicall", r#"[[{"methodName":"aria2.getGlobalStat","params":["token:secret"]}]]"#),
            reply(3, r#"[[{"numActive":"1","downloadSpeed":"21846"}]]"#),
        ),
    ];
    exchange(&pairs, "/jsonrpc", "Host: nas.example:6800\r\n", rng)
}

/// A camera's login: the method is called `global.login`, its answer has an `id` and a `result`.
pub fn camera(rng: &mut Rng) -> Dialogue {
    let pairs = vec![
        (
            r#"{"method":"global.login","params":{"userName":"admin","password":"","clientType":"Web3.0","loginType":"Direct"},"id":2,"session":0}"#.to_owned(),
            r#"{"error":{"code":268632079,"message":"Component error: login challenge!"},"id":2,"params":{"encryption":"Default","random":"1107219562","realm":"Login to 5H04F1EYAZ"},"result":false,"session":1583205263}"#.to_owned(),
        ),
        (
            format!(r#"{{"method":"global.login","params":{{"userName":"admin","password":"{}","clientType":"Web3.0","authorityType":"Default"}},"id":3,"session":1583205263}}"#, rng.hex(16)),
            r#"{"id":3,"params":{"keepAliveInterval":60},"result":true,"session":1583205263}"#.to_owned(),
        ),
        (
            r#"{"method":"global.keepAlive","params":{"timeout":300,"active":false},"id":4,"session":1583205263}"#.to_owned(),
            r#"{"id":4,"params":{"timeout":60},"result":true,"session":1583205263}"#.to_owned(),
        ),
    ];
    exchange(&pairs, "/RPC2_Login", "Host: camera.example\r\n", rng)
}

/// A documentation page that quotes pool addresses, program names and whole Stratum lines (FP11).
pub fn docs_page(rng: &mut Rng) -> Dialogue {
    let mut page = String::from(
        "<!doctype html>\n<html><head><title>Stratum for beginners</title></head><body>\n<h1>How a miner talks to its pool</h1>\n<p>Point xmrig or cgminer at <code>stratum+tcp://pool.example:3333</code>. The first lines are:</p>\n<pre>\n",
    );
    page += "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.11.1\"]}\n{\"id\":1,\"result\":[[[\"mining.notify\",\"ae68\"]],\"08000002\",4],\"error\":null}\n{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"slush.miner1\",\"password\"]}\n{\"id\":2,\"result\":true,\"error\":null}\n";
    page += "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"WALLET\",\"pass\":\"x\",\"agent\":\"XMRig/6.22.2\"}}\n</pre>\n";
    while page.len() < 4000 {
        page += "<p>Difficulty decides how often a share is found; the pool moves it so that a line is sent every few seconds.</p>\n";
    }
    page += "</body></html>\n";
    let mut d = Dialogue::default();
    d.client(MILLI, "GET /docs/mining/stratum.html HTTP/1.1\r\nHost: docs.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: text/html\r\n\r\n");
    d.server(MILLI + rng.range(20, 60) * MILLI, ok("text/html; charset=utf-8", &page));
    let comment = "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n";
    d.client(
        2 * SECOND,
        format!(
            "POST /comments HTTP/1.1\r\nHost: docs.example\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{comment}",
            comment.len()
        ),
    );
    d.server(2 * SECOND + 40 * MILLI, ok("text/plain", "thanks\n"));
    d.done()
}

/// A WebSocket text frame (RFC 6455); client frames are masked.
fn frame(text: &str, mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = u8::from(mask.is_some()) << 7;
    let mut f = vec![0x81];
    if text.len() < 126 {
        f.push(masked | text.len() as u8);
    } else {
        f.push(masked | 0x7e);
        f.extend_from_slice(&(text.len() as u16).to_be_bytes());
    }
    if let Some(key) = mask {
        f.extend_from_slice(&key);
        f.extend(text.bytes().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
    } else {
        f.extend_from_slice(text.as_bytes());
    }
    f
}

/// Meteor's DDP over WebSocket: a method called `login`, many subscriptions.
pub fn meteor(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.client(MILLI, "GET /websocket HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    d.server(40 * MILLI, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    let talk = [
        (true, r#"{"msg":"connect","version":"1","support":["1","pre2","pre1"]}"#),
        (false, r#"{"msg":"connected","session":"Qw8sPq3k"}"#),
        (
            true,
            r#"{"msg":"method","method":"login","params":[{"user":{"username":"erin"},"password":{"digest":"d34db33f","algorithm":"sha-256"}}],"id":"1"}"#,
        ),
        (
            false,
            r#"{"msg":"result","id":"1","result":{"id":"ozRm","token":"tok-9","tokenExpires":{"$date":1780000000000}}}"#,
        ),
        (true, r#"{"msg":"sub","id":"4","name":"stream-room-messages","params":["GENERAL",false]}"#),
        (false, r#"{"msg":"ready","subs":["4"]}"#),
        (
            false,
            r#"{"msg":"changed","collection":"stream-room-messages","id":"id","fields":{"eventName":"GENERAL","args":[{"msg":"lunch?"}]}}"#,
        ),
        (true, r#"{"msg":"ping"}"#),
        (false, r#"{"msg":"pong"}"#),
    ];
    let mut at = 100 * MILLI;
    for (client, text) in talk {
        if client {
            let key = [rng.bits() as u8, rng.bits() as u8, rng.bits() as u8, rng.bits() as u8];
            d.client(at, frame(text, Some(key)));
        } else {
            d.server(at, frame(text, None));
        }
        at += rng.range(40, 900) * MILLI;
    }
    d.done()
}

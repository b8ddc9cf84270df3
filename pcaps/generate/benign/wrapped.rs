//! What else travels in the wrappings of mining, and what only looks like one of them.

use super::super::deflate::{Deflate, gzip};
use super::super::dialogue::{Dialogue, MILLI, SECOND, Side};
use super::super::rng::Rng;
use super::super::websocket::{frame, raw_frame, upgrade, upgrade_with};
use super::super::wrappings::{Answer, behind, connect, socks5, tls};
use super::http;

/// Every dialogue, as (name, usual server port, dialogue).
pub fn all(seed: u64) -> Vec<(&'static str, u16, Dialogue)> {
    let mut root = Rng::new(seed ^ 0x5774_a99e);
    let mut list = Vec::new();
    let mut add = |name, port, make: &dyn Fn(&mut Rng) -> Dialogue| list.push((name, port, make(&mut root.fork())));
    add("socks-web", 1080, &|r| behind(&socks5("docs.example", 80, true), &http::docs_page(r)));
    add("socks-node-rpc", 1080, &|r| behind(&socks5("node.example", 8545, false), &http::geth(r)));
    add("connect-tls", 3128, &|r| behind(&connect("www.example:443", Answer::Usual), &tls("www.example", 9, r)));
    add("connect-refused", 3128, &refused);
    add("chat", 80, &chat);
    add("chargers", 9000, &chargers);
    add("notebook", 8888, &notebook);
    add("stomp", 15674, &stomp);
    add("graphql", 4000, &graphql);
    add("node-events", 8546, &node_events);
    add("http2", 80, &http2);
    add("grpc", 50051, &grpc);
    add("log-shipping-gzip", 12201, &logs);
    list
}

/// A proxy that lets nobody through.
fn refused(_: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.client(
        MILLI,
        "CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example:3333\r\nUser-Agent: cpuminer/2.5.1\r\n\r\n",
    );
    d.server(40 * MILLI, "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\nConnection: close\r\n\r\nforbidden\n");
    d
}

/// Words over a WebSocket: `>` from the client, `<` from the server; the mark is cut off.
fn socket(path: &str, packed: bool, talk: &[&str], rng: &mut Rng) -> Dialogue {
    let extension = if packed { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let (request, answer) = upgrade_with(path, "app.example", "dGhlIHNhbXBsZSBub25jZQ==", extension, extension);
    let mut packers = [Deflate::default(), Deflate::default()];
    let mut d = Dialogue::default();
    let mut at = 90 * MILLI;
    for line in talk {
        let (mark, text) = line.split_at(1);
        let side = if mark == ">" { Side::Client } else { Side::Server };
        let mask = (side == Side::Client).then(|| (rng.bits() as u32).to_be_bytes());
        let bytes = if packed {
            raw_frame(0xc1, &packers[side.index()].message(text.as_bytes(), true), mask)
        } else {
            frame(text.as_bytes(), mask)
        };
        if side == Side::Client {
            d.client(at, bytes);
        } else {
            d.server(at, bytes);
        }
        at += rng.range(40, 4000) * MILLI;
    }
    behind(&vec![(Side::Client, request), (Side::Server, answer)], &d)
}

/// JSON-RPC of a chat: a login and a keepalive by their usual names.
fn chat(rng: &mut Rng) -> Dialogue {
    let talk = [
        r#">{"jsonrpc":"2.0","id":1,"method":"login","params":{"user":"erin","pass":"x","client":"web/2.1"}}"#,
        r#"<{"jsonrpc":"2.0","id":1,"result":{"id":"u-17","status":"OK","rooms":["general","mining"]}}"#,
        r#">{"jsonrpc":"2.0","id":2,"method":"subscribe","params":["general"]}"#,
        r#"<{"jsonrpc":"2.0","id":2,"result":true}"#,
        r#"<{"jsonrpc":"2.0","method":"message","params":{"room":"general","text":"job for you: {\"method\":\"mining.notify\"}"}}"#,
        r#">{"jsonrpc":"2.0","id":3,"method":"submit","params":{"room":"general","text":"done"}}"#,
        r#"<{"jsonrpc":"2.0","id":3,"result":{"status":"OK"}}"#,
        r#">{"jsonrpc":"2.0","id":4,"method":"keepalived","params":{}}"#,
        r#"<{"jsonrpc":"2.0","id":4,"result":{"status":"KEEPALIVED"}}"#,
    ];
    socket("/chat", false, &talk, rng)
}

/// OCPP 1.6: arrays of a number, an id, an action and an object.
fn chargers(rng: &mut Rng) -> Dialogue {
    let mut talk = vec![
        r#">[2,"1","BootNotification",{"chargePointVendor":"Example","chargePointModel":"C1","firmwareVersion":"1.4"}]"#.to_owned(),
        r#"<[3,"1",{"status":"Accepted","currentTime":"2026-03-02T10:00:00Z","interval":300}]"#.to_owned(),
        r#">[2,"2","Authorize",{"idTag":"04A1B2C3"}]"#.to_owned(),
        r#"<[3,"2",{"idTagInfo":{"status":"Accepted"}}]"#.to_owned(),
    ];
    for n in 3..9 {
        talk.push(format!(
            r#">[2,"{n}","MeterValues",{{"connectorId":1,"meterValue":[{{"timestamp":"2026-03-02T10:0{n}:00Z","sampledValue":[{{"value":"{}"}}]}}]}}]"#,
            1000 + n * 37
        ));
        talk.push(format!(r#"<[3,"{n}",{{}}]"#));
    }
    let talk: Vec<&str> = talk.iter().map(String::as_str).collect();
    socket("/ocpp/CP-17", false, &talk, rng)
}

/// A notebook's kernel channel, packed.
fn notebook(rng: &mut Rng) -> Dialogue {
    let header = |kind: &str, rng: &mut Rng| {
        format!(
            r#""header":{{"msg_id":"{}","msg_type":"{kind}","username":"erin","session":"{}","version":"5.3"}},"parent_header":{{}},"metadata":{{}}"#,
            rng.hex(8),
            rng.hex(8)
        )
    };
    let mut talk = Vec::new();
    for n in 0..5 {
        talk.push(format!(
            r#">{{{},"content":{{"code":"pool.submit(job, {n})","silent":false}},"channel":"shell"}}"#,
            header("execute_request", rng)
        ));
        talk.push(format!(
            r#"<{{{},"content":{{"execution_state":"busy"}},"channel":"iopub"}}"#,
            header("status", rng)
        ));
        talk.push(format!(
            r#"<{{{},"content":{{"status":"ok","execution_count":{n}}},"channel":"shell"}}"#,
            header("execute_reply", rng)
        ));
    }
    let talk: Vec<&str> = talk.iter().map(String::as_str).collect();
    socket("/api/kernels/0b1c/channels", true, &talk, rng)
}

/// STOMP 1.2: no JSON but in bodies.
fn stomp(rng: &mut Rng) -> Dialogue {
    let talk = [
        ">CONNECT\naccept-version:1.2\nlogin:erin\npasscode:x\nhost:/\n\n\0",
        "<CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n\0",
        ">SUBSCRIBE\nid:sub-0\ndestination:/topic/jobs\n\n\0",
        "<MESSAGE\nsubscription:sub-0\nmessage-id:7\ndestination:/topic/jobs\ncontent-type:application/json\n\n{\"method\":\"job\",\"params\":{\"job_id\":\"17\"}}\0",
        ">\n",
        "<\n",
        "<MESSAGE\nsubscription:sub-0\nmessage-id:8\ndestination:/topic/jobs\n\n{\"method\":\"mining.notify\",\"params\":[\"1f\"]}\n\0",
    ];
    socket("/stomp", false, &talk, rng)
}

/// graphql-transport-ws.
fn graphql(rng: &mut Rng) -> Dialogue {
    let talk = [
        r#">{"type":"connection_init","payload":{"token":"eyJhbGciOi"}}"#,
        r#"<{"type":"connection_ack"}"#,
        r#">{"id":"1","type":"subscribe","payload":{"query":"subscription { blockMined { height hash difficulty } }"}}"#,
        r#"<{"id":"1","type":"next","payload":{"data":{"blockMined":{"height":912000,"hash":"00000000000000000001","difficulty":1.2e14}}}}"#,
        r#"<{"id":"1","type":"next","payload":{"data":{"blockMined":{"height":912001,"hash":"00000000000000000002","difficulty":1.2e14}}}}"#,
        r#"<{"type":"ping"}"#,
        r#">{"type":"pong"}"#,
        r#">{"id":"1","type":"complete"}"#,
    ];
    socket("/graphql", true, &talk, rng)
}

/// An Ethereum node's subscriptions.
fn node_events(rng: &mut Rng) -> Dialogue {
    let mut talk = vec![
        r#">{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#.to_owned(),
        r#"<{"jsonrpc":"2.0","id":1,"result":"0x9cef478923ff08bf67fde6c64013158d"}"#.to_owned(),
    ];
    for n in 0..6 {
        talk.push(format!(
            r#"<{{"jsonrpc":"2.0","method":"eth_subscription","params":{{"subscription":"0x9cef478923ff08bf67fde6c64013158d","result":{{"number":"0x{:x}","hash":"0x{}","difficulty":"0x0","miner":"0x{}"}}}}}}"#,
            22_000_000 + n,
            rng.hex(32),
            rng.hex(20)
        ));
    }
    let talk: Vec<&str> = talk.iter().map(String::as_str).collect();
    socket("/", false, &talk, rng)
}

/// An HTTP/2 frame (RFC 9113 §4.1).
fn h2(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), body].concat()
}

/// HTTP/2 with prior knowledge: JSON in DATA frames.
fn http2(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let settings = h2(4, 0, 0, &[0, 3, 0, 0, 0, 100]);
    d.client(MILLI, [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat());
    d.server(30 * MILLI, [settings, h2(4, 1, 0, &[])].concat());
    let mut at = 50 * MILLI;
    for n in 0..6_u32 {
        let headers = [&[0x83, 0x86, 0x44][..], &rng.bytes(30)].concat();
        let body = format!(r#"{{"id":{n},"jsonrpc":"2.0","method":"eth_getWork","params":[]}}"#);
        d.client(at, [h2(1, 4, 2 * n + 1, &headers), h2(0, 1, 2 * n + 1, body.as_bytes())].concat());
        let answer = format!(r#"{{"id":{n},"jsonrpc":"2.0","result":null}}"#);
        d.server(at + 40 * MILLI, [h2(1, 4, 2 * n + 1, &[0x88]), h2(0, 1, 2 * n + 1, answer.as_bytes())].concat());
        at += rng.range(1, 9) * SECOND;
    }
    d
}

/// gRPC: length-prefixed messages in DATA frames.
fn grpc(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let settings = h2(4, 0, 0, &[]);
    d.client(MILLI, [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat());
    d.server(30 * MILLI, settings);
    let mut at = 50 * MILLI;
    for n in 0..8_u32 {
        let message = |rng: &mut Rng| {
            let body = rng.bytes(64);
            [&[0][..], &(body.len() as u32).to_be_bytes(), &body].concat()
        };
        let (up, down) = (message(rng), message(rng));
        d.client(at, [h2(1, 4, 2 * n + 1, &rng.bytes(40)), h2(0, 1, 2 * n + 1, &up)].concat());
        d.server(at + 20 * MILLI, [h2(1, 4, 2 * n + 1, &[0x88]), h2(0, 0, 2 * n + 1, &down)].concat());
        at += rng.range(200, 3000) * MILLI;
    }
    d
}

/// Logs as gzip members from the first byte on, with lines about mining.
fn logs(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for n in 0..10 {
        let lines: Vec<String> = (0..5)
            .map(|i| {
                format!(
                    r#"{{"time":"2026-03-02T10:{n:02}:{i:02}Z","level":"info","method":"mining.submit","msg":"proxy said {}"}}"#,
                    rng.hex(4)
                )
            })
            .collect();
        let lines = lines.join("\n") + "\n";
        d.client(at, gzip(lines.as_bytes()));
        at += rng.range(1, 20) * SECOND;
    }
    d
}

/// The upgrade alone.
pub fn opened() -> Dialogue {
    let (request, answer) = upgrade("/", "app.example", "dGhlIHNhbXBsZSBub25jZQ==");
    behind(&vec![(Side::Client, request), (Side::Server, answer)], &Dialogue::default())
}

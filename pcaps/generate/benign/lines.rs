//! JSON on a bare TCP line that is not mining: the nearest misses.

use super::super::dialogue::{Dialogue, MILLI, SECOND};
use super::super::rng::Rng;

/// Lines in turn: `>` from the client, `<` from the server; the mark is cut off and a line feed added.
fn lines(talk: &[&str], step: (u64, u64), rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for line in talk {
        let (mark, text) = line.split_at(1);
        if mark == ">" {
            d.client(at, format!("{text}\n"));
        } else {
            d.server(at, format!("{text}\n"));
        }
        at += rng.range(step.0, step.1) * MILLI;
    }
    d.done()
}

/// Plain JSON-RPC of an Ethereum node without HTTP (FP01).
pub fn rpc_over_tcp(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":1,"result":"0x10"}"#,
            r#">{"jsonrpc":"2.0","id":2,"method":"echo","params":["login","submit","job"]}"#,
            r#"<{"jsonrpc":"2.0","id":2,"result":["login","submit","job"]}"#,
            r#">{"jsonrpc":"2.0","id":3,"method":"eth_chainId","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":3,"result":"0x1"}"#,
        ],
        (30, 2000),
        rng,
    )
}

/// Electrum: the same framing as Stratum, subscriptions and unsolicited notifications.
pub fn electrum(rng: &mut Rng) -> Dialogue {
    let header = rng.hex(80);
    let hash = rng.hex(32);
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":0,"method":"server.version","params":["electrum/4.5.8","1.4"]}"#,
            r#"<{"id":0,"jsonrpc":"2.0","result":["ElectrumX 1.16.0","1.4"]}"#,
            r#">{"jsonrpc":"2.0","id":1,"method":"blockchain.headers.subscribe","params":[]}"#,
            &format!(r#"<{{"id":1,"jsonrpc":"2.0","result":{{"height":941301,"hex":"{header}"}}}}"#),
            &format!(r#">{{"jsonrpc":"2.0","id":2,"method":"blockchain.scripthash.subscribe","params":["{hash}"]}}"#),
            r#"<{"id":2,"jsonrpc":"2.0","result":null}"#,
            r#">{"jsonrpc":"2.0","id":3,"method":"mempool.get_fee_histogram","params":[]}"#,
            r#"<{"id":3,"jsonrpc":"2.0","result":[[12,128812],[4,92524],[2,6478638]]}"#,
            &format!(
                r#"<{{"jsonrpc":"2.0","method":"blockchain.headers.subscribe","params":[{{"height":941302,"hex":"{header}"}}]}}"#
            ),
            r#">{"jsonrpc":"2.0","id":4,"method":"server.ping","params":[]}"#,
            r#"<{"id":4,"jsonrpc":"2.0","result":null}"#,
        ],
        (40, 9000),
        rng,
    )
}

/// A telephone system's login: the method is called `login`, with login, password and session.
pub fn verto(rng: &mut Rng) -> Dialogue {
    let session = format!("{}-{}-4{}-a{}-{}", rng.hex(4), rng.hex(2), &rng.hex(2)[1..], &rng.hex(2)[1..], rng.hex(6));
    lines(
        &[
            &format!(
                r#">{{"jsonrpc":"2.0","method":"login","params":{{"login":"1008@pbx.example","passwd":"1234","loginParams":{{}},"userVariables":{{}},"sessid":"{session}"}},"id":3}}"#
            ),
            &format!(r#"<{{"jsonrpc":"2.0","id":3,"result":{{"message":"logged in","sessid":"{session}"}}}}"#),
            r#"<{"jsonrpc":"2.0","id":7231,"method":"verto.clientReady","params":{"reattached_sessions":[]}}"#,
            &format!(
                r#">{{"jsonrpc":"2.0","method":"verto.subscribe","params":{{"eventChannel":["presence"],"sessid":"{session}"}},"id":4}}"#
            ),
            r#"<{"jsonrpc":"2.0","id":4,"result":{"subscribedChannels":["presence"]}}"#,
            r#">{"jsonrpc":"2.0","method":"echo","params":{},"id":5}"#,
            r#"<{"jsonrpc":"2.0","id":5,"result":{}}"#,
        ],
        (40, 1500),
        rng,
    )
}

/// A media player: JSON-RPC without line ends.
pub fn kodi(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for (request, response) in [
        (r#"{"jsonrpc":"2.0","method":"JSONRPC.Ping","id":1}"#, r#"{"id":1,"jsonrpc":"2.0","result":"pong"}"#),
        (
            r#"{"jsonrpc":"2.0","method":"Player.GetActivePlayers","params":{},"id":2}"#,
            r#"{"id":2,"jsonrpc":"2.0","result":[{"playerid":1,"type":"video"}]}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"Player.PlayPause","params":{"playerid":1},"id":3}"#,
            r#"{"id":3,"jsonrpc":"2.0","result":{"speed":0}}{"jsonrpc":"2.0","method":"Player.OnPause","params":{"data":{"player":{"playerid":1,"speed":0}},"sender":"xbmc"}}"#,
        ),
    ] {
        d.client(at, request);
        d.server(at + rng.range(21, 60) * MILLI, response);
        at += rng.range(2, 20) * SECOND;
    }
    d.done()
}

/// An editor and its language server over TCP: `Content-Length` framing.
pub fn language_server(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let framed = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let mut at = MILLI;
    for (client, body) in [
        (
            true,
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":4711,"rootUri":"file:///src/miner","capabilities":{}}}"#,
        ),
        (
            false,
            r#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":{"hoverProvider":true},"serverInfo":{"name":"rust-analyzer"}}}"#,
        ),
        (true, r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#),
        (
            true,
            r#"{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///src/miner/a.py","languageId":"python","version":1,"text":"s.send('{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\\n')\n"}}}"#,
        ),
        (
            false,
            r#"{"jsonrpc":"2.0","method":"textDocument/publishDiagnostics","params":{"uri":"file:///src/miner/a.py","diagnostics":[]}}"#,
        ),
        (true, r#"{"jsonrpc":"2.0","id":2,"method":"shutdown"}"#),
        (false, r#"{"jsonrpc":"2.0","id":2,"result":null}"#),
    ] {
        if client {
            d.client(at, framed(body));
        } else {
            d.server(at, framed(body));
        }
        at += rng.range(30, 700) * MILLI;
    }
    d.done()
}

/// A log shipper: one JSON object a line, one direction, some of the messages about mining.
pub fn log_shipping(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for n in 0..30_u32 {
        let message = match n % 5 {
            0 => r"blocked stratum+tcp://pool.example:3333 (rule XMRig)".to_owned(),
            1 => r#"payload was {\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.11.1\"]}"#.to_owned(),
            2 => r#"{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"w.1\",\"4b9e\",\"00000001\",\"6650f00a\",\"9f3300c7\"]}"#.to_owned(),
            3 => r"login accepted for job 7Qk1, blob and target present".to_owned(),
            _ => format!("request {} done in {} ms", rng.hex(4), rng.range(2, 400)),
        };
        d.client(
            at,
            format!(
                "{{\"@timestamp\":\"2026-03-05T10:{:02}:{:02}.000Z\",\"id\":{n},\"level\":\"info\",\"method\":\"POST\",\"params\":[],\"message\":\"{message}\"}}\n",
                n / 2,
                n * 2 % 60
            ),
        );
        at += rng.range(1, 30) * SECOND;
    }
    d.done()
}

/// Container logs of a pool operator's own test rig, forwarded as nested objects and strings: the mining message is
/// never the top object. The collector acknowledges each.
pub fn container_log(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    let inner = [
        r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}"#,
        r#"{"id":2,"method":"mining.authorize","params":["demo.1","x"]}"#,
        r#"{"id":4,"method":"mining.submit","params":["demo.1","1f","00000001","6650f00a","9f3300c7"]}"#,
        r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"demo","pass":"x","agent":"XMRig/6.22.2"}}"#,
    ];
    for (n, object) in inner.iter().cycle().take(12).enumerate() {
        let quoted = object.replace('"', "\\\"");
        let line = if n % 2 == 0 {
            format!(
                r#"{{"log":"{quoted}\n","stream":"stdout","time":"2026-03-05T11:00:{n:02}Z","kubernetes":{{"pod_name":"stratum-test-0"}}}}"#
            )
        } else {
            format!(r#"{{"time":1772708{n:03},"record":{object},"kubernetes":{{"pod_name":"stratum-test-0"}}}}"#)
        };
        d.client(at, line + "\n");
        d.server(at + 25 * MILLI, format!("{{\"ack\":\"{}\"}}\n", rng.hex(8)));
        at += rng.range(1, 9) * SECOND;
    }
    d.done()
}

/// A chat on a port that pools like: people paste whole Stratum lines, and answer as a pool would.
pub fn chat_paste(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"type":"join","room":"mining-help","nick":"dave"}"#,
            r#"<{"type":"joined","room":"mining-help","members":["dave","erin"]}"#,
            r#">{"type":"say","room":"mining-help","text":"my rig sends {\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.12.1\"]} and then nothing"}"#,
            r#"<{"type":"said","nick":"erin","text":"{\"id\":1,\"result\":[[[\"mining.notify\",\"ae\"]],\"08000002\",4],\"error\":null} should come back"}"#,
            r#">{"type":"say","room":"mining-help","text":"mining.authorize fails with error 24, wallet bc1qqqgjyv6y24n80zye42aueh0wluqpzg3ndy2ehs"}"#,
            r#"<{"type":"said","nick":"erin","text":"ask the pool"}"#,
        ],
        (300, 9000),
        rng,
    )
}

/// A tool server for assistants: JSON-RPC lines with `initialize` and `tools/list`, on a port that pools like.
pub fn context_server(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"editor","version":"1.9"}}}"#,
            r#"<{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"tickets","version":"0.3"}}}"#,
            r#">{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#">{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#,
            r#"<{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"submit","description":"submit a job","inputSchema":{"type":"object"}}]}}"#,
            r#">{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"submit","arguments":{"job_id":"77","result":"done"}}}"#,
            r#"<{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"OK"}]}}"#,
        ],
        (40, 4000),
        rng,
    )
}

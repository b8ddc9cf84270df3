//! Framings of their own, some with mining text inside.

use crate::kit::dialogue::{Dialogue, MILLI, SECOND};
use crate::kit::rng::Rng;

pub(super) fn zabbix_agent(_: &mut Rng) -> Dialogue {
    let framed = |body: &str| [&b"ZBXD\x01"[..], &(body.len() as u64).to_le_bytes(), body.as_bytes()].concat();
    let mut d = Dialogue::default();
    d.client(MILLI, framed(r#"{"request":"active checks","host":"rig-17"}"#));
    d.server(
        40 * MILLI,
        framed(r#"{"response":"success","data":[{"key":"miner.hashrate","delay":60},{"key":"job","delay":5}]}"#),
    );
    d.client(
        SECOND,
        framed(r#"{"request":"agent data","data":[{"host":"rig-17","key":"miner.hashrate","value":"94000000"}]}"#),
    );
    d.server(SECOND + 40 * MILLI, framed(r#"{"response":"success","info":"processed: 1; failed: 0"}"#));
    d
}

pub(super) fn mpd(_: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.server(20 * MILLI, "OK MPD 0.23.5\n");
    d.client(60 * MILLI, "status\n");
    d.server(90 * MILLI, "volume: 71\nstate: play\nOK\n");
    d.client(SECOND, "subscribe jobs\n");
    d.server(SECOND + 30 * MILLI, "OK\n");
    d.client(2 * SECOND, "sendmessage jobs \"{\\\"method\\\":\\\"job\\\"}\"\n");
    d.server(2 * SECOND + 30 * MILLI, "OK\n");
    d
}

/// Bodies on a line of their own, in a write of their own.
pub(super) fn beanstalkd(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    for n in 0..10_u64 {
        let at = n * 2 * SECOND;
        let body = format!(
            r#"{{"method":"job","params":{{"blob":"{}","job_id":"{n}","target":"cafe"}},"id":{n}}}"#,
            rng.hex(64)
        );
        d.client(at, format!("put 0 0 60 {}\r\n", body.len()));
        d.client(at + MILLI, format!("{body}\r\n"));
        d.server(at + 30 * MILLI, format!("INSERTED {n}\r\n"));
    }
    d
}

/// Messages about Stratum on a bus: each on a line of its own after its header.
pub(super) fn nats(_: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.server(20 * MILLI, "INFO {\"server_id\":\"N1\",\"version\":\"2.11.0\",\"max_payload\":1048576}\r\n");
    d.client(30 * MILLI, "CONNECT {\"verbose\":false,\"name\":\"pool-monitor\"}\r\nPING\r\n");
    d.server(50 * MILLI, "PONG\r\n");
    d.client(60 * MILLI, "SUB stratum.> 1\r\n");
    let body = r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}"#;
    for n in 1..12_u64 {
        d.server(n * SECOND, format!("MSG stratum.in 1 {}\r\n{body}\r\n", body.len()));
        d.client(n * SECOND + 50 * MILLI, "PING\r\n");
        d.server(n * SECOND + 70 * MILLI, "PONG\r\n");
    }
    d
}

/// A tutorial sent over a bare connection: it quotes a whole session, line by line.
pub(super) fn text_file(_: &mut Rng) -> Dialogue {
    let mut text =
        String::from("Stratum for beginners\n=====================\n\nThe miner opens a connection and says\n\n");
    for _ in 0..6 {
        text += concat!(
            "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.11.1\"]}\n",
            "\nand the pool answers\n\n",
            "{\"id\":1,\"result\":[[[\"mining.notify\",\"ae68\"]],\"08000002\",4],\"error\":null}\n",
            "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"bc1qqqgjyv6y24n80zye42aueh0wluqpzg3ndy2ehs.1\",\"x\"]}\n",
            "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"w.1\",\"1f\",\"00000001\",\"6650f00a\",\"9f3300c7\"]}\n",
            "\nThen it waits. Work is found by chance, and chance is measured by difficulty: the higher it is, the longer\n",
            "the wait between two lines. A pool moves it so that every miner sends a line every few seconds.\n\n",
        );
    }
    let mut d = Dialogue::default();
    d.client(MILLI, text);
    d
}

/// The same as an article, with a few commands before it.
pub(super) fn news(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.server(20 * MILLI, "200 news.example ready\r\n");
    d.client(40 * MILLI, "ARTICLE 17\r\n");
    let Dialogue { turns, .. } = text_file(rng);
    let text = String::from_utf8_lossy(&turns[0].bytes).replace('\n', "\r\n");
    d.server(80 * MILLI, format!("220 17 <a@news.example>\r\nSubject: stratum\r\n\r\n{text}.\r\n"));
    d.client(SECOND, "QUIT\r\n");
    d.server(SECOND + 20 * MILLI, "205 bye\r\n");
    d
}

/// NUL between messages, mining text inside.
pub(super) fn gelf(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    for n in 0..20_u64 {
        d.client(
            n * SECOND,
            format!(
                "{{\"version\":\"1.1\",\"host\":\"ids\",\"short_message\":\"{{\\\"id\\\":1,\\\"method\\\":\\\"mining.subscribe\\\",\\\"params\\\":[]}}\",\"_id\":\"{}\",\"_method\":\"mining.notify\"}}\0",
                rng.hex(8)
            ),
        );
    }
    d
}

/// The management interface of a miner, polled by its owner: who asks does not mine, and this is no pool.
pub(super) fn management(_: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    for n in 0..6_u64 {
        let at = n * 5 * SECOND;
        d.client(at, "{\"command\":\"summary+pools\"}");
        d.server(
            at + 30 * MILLI,
            concat!(
                "{\"STATUS\":[{\"STATUS\":\"S\",\"When\":1772409600,\"Code\":11,\"Msg\":\"Summary\",\"Description\":\"cgminer 4.12.1\"}],",
                "\"SUMMARY\":[{\"Elapsed\":77,\"MHS av\":94000000.0,\"Accepted\":71,\"Rejected\":1}],",
                "\"POOLS\":[{\"POOL\":0,\"URL\":\"stratum+tcp://pool.example:3333\",\"User\":\"w.1\"}],\"id\":1}\0"
            ),
        );
    }
    d
}

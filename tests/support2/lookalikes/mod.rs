//! More traffic that only looks like mining: what a careful adversary of this project would show it.
//!
//! In: a seed. Out: dialogues with an empty truth, beside those of the kit. Most use the very words of a mining dialect
//! (`login`, `submit`, `job`, `getwork`, `subscribe`) for something else; the others carry mining text where it means
//! nothing.

mod http;
mod lines;
mod other;

use crate::kit::dialogue::{Dialogue, MILLI, SECOND};
use crate::kit::rng::Rng;

type Make = fn(&mut Rng) -> Dialogue;

/// Every look-alike by name.
pub fn all(seed: u64) -> Vec<(&'static str, Dialogue)> {
    let mut root = Rng::new(seed ^ 0x5eed);
    let list: [(&'static str, Make); 48] = [
        ("job-queue", lines::job_queue),
        ("job-queue-digests", lines::job_queue_digests),
        ("job-queue-getjob", lines::job_queue_getjob),
        ("ci-runner", lines::ci_runner),
        ("ci-runner-results", lines::ci_runner_results),
        ("chat-bot", lines::chat_bot),
        ("device-hello", lines::device_hello),
        ("device-login-rpc", lines::device_login_rpc),
        ("ubus", lines::ubus),
        ("tool-server-login", lines::tool_server),
        ("substrate-rpc", lines::substrate),
        ("solana-rpc", lines::solana),
        ("lightning-rpc", lines::lightning),
        ("task-rpc-over-lines", lines::task_rpc),
        ("account-rpc-over-lines", lines::account_rpc),
        ("geth-ipc-getwork-once", lines::geth_ipc),
        ("geth-ipc-hashes", lines::geth_hashes),
        ("geth-http-getwork-once", http::geth_http_once),
        ("bitcoind-template-poller", http::template_poller),
        ("getwork-of-a-crew-planner", http::getwork_other),
        ("getwork-of-a-crew-planner-positional", http::getwork_positional),
        ("rpc-request-log", lines::request_log),
        ("chess-engine", lines::chess),
        ("data-mining", lines::data_mining),
        ("game-server", lines::game_server),
        ("keepalived-control", lines::keepalived),
        ("zabbix-api", http::zabbix_api),
        ("zabbix-agent", other::zabbix_agent),
        ("transmission", http::transmission),
        ("electrum-server", lines::electrum_server),
        ("mpd", other::mpd),
        ("beanstalkd", other::beanstalkd),
        ("nats", other::nats),
        ("home-assistant", lines::home_assistant),
        ("salt-events", lines::salt),
        ("gelf", other::gelf),
        ("elastic-bulk", http::elastic_bulk),
        ("elastic-documents", http::elastic_documents),
        ("docker-registry", http::registry),
        ("webhook", http::webhook),
        ("rig-telemetry", lines::telemetry),
        ("rig-dashboard", http::dashboard),
        ("miner-management", other::management),
        ("text-file", other::text_file),
        ("news-article", other::news),
        ("long-polling-app", http::long_polling),
        ("status-replies", lines::status_replies),
        ("pool-statistics-api", http::pool_api),
    ];
    list.into_iter().map(|(name, make)| (name, make(&mut root.fork()))).collect()
}

/// Lines in turn: `>` from the client, `<` from the server; the mark is cut off and a line feed added.
fn lines(talk: &[&str], rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for line in talk {
        let (mark, text) = line.split_at(1);
        if mark == ">" {
            d.client(at, format!("{text}\n"));
        } else {
            d.server(at, format!("{text}\n"));
        }
        at += rng.range(40, 4000) * MILLI;
    }
    d
}

/// Requests and responses over one HTTP connection; `headers` of the request end with a line end.
fn http(pairs: &[(String, String)], path: &str, headers: &str, rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for (request, response) in pairs {
        d.client(
            at,
            format!(
                "POST {path} HTTP/1.1\r\nHost: api.example\r\n{headers}Content-Length: {}\r\n\r\n{request}",
                request.len()
            ),
        );
        d.server(at + rng.range(21, 90) * MILLI, ok("", response));
        at += rng.range(1, 12) * SECOND;
    }
    d
}

fn ok(headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: api.example\r\n{headers}\r\n")
}

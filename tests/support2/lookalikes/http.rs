//! HTTP that is not mining: nodes, planners, collectors, dashboards.

use super::{get, http, ok};
use crate::kit::dialogue::{Dialogue, MILLI, SECOND};
use crate::kit::rng::Rng;
use crate::kit::wallet;

/// A monitoring script asks a node for work, once a visit.
pub(super) fn geth_http_once(rng: &mut Rng) -> Dialogue {
    let (a, b) = (rng.hex(32), rng.hex(32));
    let pairs = [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_getWork","params":[]}"#.to_owned(),
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"result":["0x{a}","0x{b}","0x0000000112e0be826d694b2e62d01511f12a6061fbaec8bc02357593e70e52ba"]}}"#
            ),
        ),
        (
            r#"{"jsonrpc":"2.0","id":2,"method":"eth_hashrate","params":[]}"#.to_owned(),
            r#"{"jsonrpc":"2.0","id":2,"result":"0x0"}"#.to_owned(),
        ),
    ];
    http(&pairs, "/", "User-Agent: node-exporter/1.8\r\n", rng)
}

/// An explorer asks for a template every few seconds to show the next block.
pub(super) fn template_poller(rng: &mut Rng) -> Dialogue {
    let pairs: Vec<_> = (0..20)
        .map(|n| {
            let request = r#"{"jsonrpc":"1.0","id":"explorer","method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#;
            let response = format!(
                r#"{{"result":{{"version":536870912,"previousblockhash":"{}","transactions":[],"coinbasevalue":312500000,"target":"00000000000000000001ffff0000000000000000000000000000000000000000","curtime":1772409999,"bits":"17021c4a","height":{}}},"error":null,"id":"explorer"}}"#,
                rng.hex(32),
                941_301 + n
            );
            (request.to_owned(), response)
        })
        .collect();
    http(&pairs, "/", "Authorization: Basic X19jb29raWVfXzpub25l\r\nUser-Agent: mempool/v3.1\r\n", rng)
}

/// A planner whose method is called `getwork`.
pub(super) fn getwork_other(rng: &mut Rng) -> Dialogue {
    let pairs: Vec<_> = (0..12)
        .map(|n| {
            (
                format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"getwork","params":{{"crew":"night"}}}}"#),
                format!(r#"{{"jsonrpc":"2.0","id":{n},"result":{{"order":"A-{n}","target":"hall 3"}}}}"#),
            )
        })
        .collect();
    http(&pairs, "/rpc", "User-Agent: crew-app/2.0\r\n", rng)
}

/// The same without parameters.
pub(super) fn getwork_positional(rng: &mut Rng) -> Dialogue {
    let pairs: Vec<_> = (0..12)
        .map(|n| {
            (
                format!(r#"{{"id":{n},"method":"getwork","params":[]}}"#),
                format!(r#"{{"id":{n},"error":null,"result":{{"data":"order {n}","target":"hall 3"}}}}"#),
            )
        })
        .collect();
    http(&pairs, "/rpc", "User-Agent: crew-app/2.0\r\n", rng)
}

pub(super) fn zabbix_api(rng: &mut Rng) -> Dialogue {
    let pairs = [
        (
            r#"{"jsonrpc":"2.0","method":"user.login","params":{"username":"Admin","password":"zabbix"},"id":1}"#,
            r#"{"jsonrpc":"2.0","result":"0424bd59b807674191e7d77572075f33","id":1}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"host.get","params":{"output":["hostid"]},"auth":"0424bd59b807674191e7d77572075f33","id":2}"#,
            r#"{"jsonrpc":"2.0","result":[{"hostid":"10160"}],"id":2}"#,
        ),
    ]
    .map(|(a, b)| (a.to_owned(), b.to_owned()));
    http(&pairs, "/api_jsonrpc.php", "", rng)
}

pub(super) fn transmission(rng: &mut Rng) -> Dialogue {
    let pairs = [
        (
            r#"{"method":"session-get","arguments":{},"tag":1}"#,
            r#"{"arguments":{"version":"4.0.6"},"result":"success","tag":1}"#,
        ),
        (
            r#"{"method":"torrent-add","arguments":{"metainfo":"ZDg6"},"tag":2}"#,
            r#"{"arguments":{"torrent-added":{"hashString":"2089b05ecca3d829","id":1}},"result":"success","tag":2}"#,
        ),
    ]
    .map(|(a, b)| (a.to_owned(), b.to_owned()));
    http(&pairs, "/transmission/rpc", "X-Transmission-Session-Id: k\r\n", rng)
}

/// Whole Stratum messages as documents, among action lines.
pub(super) fn elastic_bulk(rng: &mut Rng) -> Dialogue {
    let pairs: Vec<_> = (0..6)
        .map(|n| {
            let body = concat!(
                "{\"index\":{\"_index\":\"stratum\"}}\n",
                "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.11.1\"]}\n",
                "{\"index\":{\"_index\":\"stratum\"}}\n",
                "{\"method\":\"getwork\",\"params\":[],\"id\":0}\n",
                "{\"index\":{\"_index\":\"stratum\"}}\n",
                "{\"id\":4,\"jsonrpc\":\"2.0\",\"method\":\"eth_submitWork\",\"params\":[\"0x00\",\"0x00\",\"0x00\"]}\n",
            );
            (body.to_owned(), format!(r#"{{"took":{n},"errors":false,"items":[]}}"#))
        })
        .collect();
    http(&pairs, "/_bulk", "Content-Type: application/x-ndjson\r\n", rng)
}

/// One document a request, with mining text in its fields.
pub(super) fn elastic_documents(rng: &mut Rng) -> Dialogue {
    let pairs: Vec<_> = (0..6)
        .map(|n| {
            (
                format!(
                    r#"{{"@timestamp":"2026-03-05T10:00:00Z","rpc":{{"method":"getwork","params":[],"id":{n}}},"message":"{{\"method\":\"eth_submitWork\"}}","wallet":"{}"}}"#,
                    wallet::xmr(80)
                ),
                format!(r#"{{"_id":"{}","result":"created"}}"#, rng.hex(8)),
            )
        })
        .collect();
    http(&pairs, "/stratum/_doc", "", rng)
}

pub(super) fn registry(rng: &mut Rng) -> Dialogue {
    let (a, b) = (rng.hex(32), rng.hex(76));
    let mut d = Dialogue::default();
    d.client(MILLI, get("/v2/tools/xmrig/manifests/6.22.2", "User-Agent: docker/27.3\r\n"));
    d.server(
        40 * MILLI,
        ok("Docker-Distribution-Api-Version: registry/2.0\r\n", &format!(
            r#"{{"schemaVersion":2,"config":{{"digest":"sha256:{a}","size":1470}},"layers":[{{"digest":"sha256:{a}"}}],"job":{{"blob":"{b}","job_id":"1","target":"amd64"}}}}"#
        )),
    );
    d.client(SECOND, get(&format!("/v2/tools/xmrig/blobs/sha256:{a}"), "User-Agent: docker/27.3\r\n"));
    d.server(SECOND + 40 * MILLI, [ok("", "").into_bytes(), rng.bytes(900)].concat());
    d
}

/// A webhook whose text quotes a whole session.
pub(super) fn webhook(rng: &mut Rng) -> Dialogue {
    let pairs = [(
        format!(
            r#"{{"action":"created","comment":{{"id":{},"body":"it sends {{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.11.1\"]}} to stratum+tcp://pool.example:3333\n{{\"method\":\"getwork\",\"params\":[],\"id\":0}}"}},"repository":{{"full_name":"example/miner"}}}}"#,
            rng.range(1, 1000)
        ),
        r#"{"ok":true,"result":{"job":"queued"}}"#.to_owned(),
    )];
    http(&pairs, "/hooks", "X-Hub-Signature-256: sha256=00\r\nUser-Agent: Hookshot/1\r\n", rng)
}

/// The web page of a home miner, opened by its owner.
pub(super) fn dashboard(_: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    for n in 0..12_u64 {
        d.client(n * 5 * SECOND, get("/api/system/info", "User-Agent: Mozilla/5.0\r\n"));
        d.server(
            n * 5 * SECOND + 40 * MILLI,
            ok("", &format!(
                r#"{{"power":11.7,"hashRate":501.2,"bestDiff":"4.29G","stratumURL":"pool.example","stratumPort":3333,"stratumUser":"{}.bitaxe","sharesAccepted":{n},"sharesRejected":0,"ASICModel":"BM1370"}}"#,
                wallet::btc_bech32(82)
            )),
        );
    }
    d
}

/// A chat over HTTP with a header of its own invention.
pub(super) fn long_polling(_: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    for n in 0..8_u64 {
        d.client(n * 30 * SECOND, get("/updates", "X-Long-Polling: 1\r\nUser-Agent: Mozilla/5.0\r\n"));
        d.server(
            n * 30 * SECOND + 25 * SECOND,
            ok("X-Reject-Reason: none\r\n", r#"{"id":1,"result":{"messages":[]},"error":null}"#),
        );
    }
    d
}

/// A pool's web interface.
pub(super) fn pool_api(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    for n in 0..6_u64 {
        d.client(n * SECOND, get("/api/miner/stats", "User-Agent: Mozilla/5.0\r\n"));
        d.server(
            n * SECOND + 40 * MILLI,
            ok("", &format!(
                r#"{{"result":{{"hashrate":94000000,"height":941301,"difficulty":512345678901,"job":{{"target":"b88d0600","blob":"{}"}},"workers":[{{"name":"rig1","wallet":"{}"}}]}},"error":null,"id":0}}"#,
                rng.hex(4),
                wallet::xmr(83)
            )),
        );
    }
    d
}

//! JSON lines that are not mining: queues, logins, nodes and other namespaces.

use super::lines;
use crate::kit::dialogue::{Dialogue, MILLI, SECOND};
use crate::kit::rng::Rng;
use crate::kit::wallet;

/// Work for print servers: a method called `job`, with a blob.
pub(super) fn job_queue(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"method":"subscribe","params":{"queue":"print"},"id":1}"#,
            r#"<{"id":1,"result":{"status":"OK"}}"#,
            r#"<{"method":"job","params":{"blob":"JVBERi0xLjcKJeLjz9MK","job_id":"71","target":"printer-3"}}"#,
            r#">{"method":"submit","params":{"job_id":"71","result":"printed"},"id":2}"#,
            r#"<{"id":2,"result":{"status":"OK"}}"#,
            r#"<{"method":"job","params":{"blob":"JVBERi0xLjcKJeLjz9MK","job_id":"72","target":"printer-1"}}"#,
            r#">{"method":"submit","params":{"job_id":"72","result":"jammed"},"id":3}"#,
            r#"<{"id":3,"error":{"code":-1,"message":"Invalid job id"}}"#,
        ],
        rng,
    )
}

/// The same by digests: a blob is a SHA-512 in hex, a target the number of a device in hex.
pub(super) fn job_queue_digests(rng: &mut Rng) -> Dialogue {
    let (a, b) = (rng.hex(64), rng.hex(64));
    lines(
        &[
            r#">{"id":1,"method":"attach","params":{"name":"builder-2"}}"#,
            r#"<{"id":1,"result":"ok"}"#,
            &format!(r#"<{{"method":"job","params":{{"blob":"{a}","job_id":"8f01","target":"deadbeef"}}}}"#),
            r#">{"id":2,"method":"done","params":{"job_id":"8f01"}}"#,
            r#"<{"id":2,"result":"ok"}"#,
            &format!(r#"<{{"method":"job","params":{{"blob":"{b}","job_id":"8f02","target":"deadbeef"}}}}"#),
            r#">{"id":3,"method":"done","params":{"job_id":"8f02"}}"#,
            r#"<{"id":3,"result":"ok"}"#,
        ],
        rng,
    )
}

/// A queue that is polled.
pub(super) fn job_queue_getjob(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    for n in 0..10_u64 {
        d.client(
            n * SECOND,
            format!("{{\"id\":{n},\"method\":\"getjob\",\"params\":{{\"id\":\"{}\"}}}}\n", rng.hex(4)),
        );
        d.server(
            n * SECOND + 30 * MILLI,
            format!("{{\"id\":{n},\"error\":null,\"result\":{{\"status\":\"OK\",\"job\":null}}}}\n"),
        );
    }
    d
}

/// A build machine reports for work with login, pass and agent, and is given some.
pub(super) fn ci_runner(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"runner-7","pass":"t0ken","agent":"build-runner/17.5.0 (linux amd64)"}}"#,
            r#"<{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"s-1","status":"OK"}}"#,
            r#"<{"jsonrpc":"2.0","method":"job","params":{"job_id":"4711","script":["make test"],"target":"linux"}}"#,
            r#">{"id":2,"jsonrpc":"2.0","method":"submit","params":{"id":"s-1","job_id":"4711","exit":0,"result":"passed"}}"#,
            r#"<{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#,
            r#">{"id":3,"jsonrpc":"2.0","method":"keepalived","params":{"id":"s-1"}}"#,
            r#"<{"id":3,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#,
        ],
        rng,
    )
}

/// The same, and the result is the SHA-256 of the artefact, with a nonce against replays.
pub(super) fn ci_runner_results(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    for n in 0..8_u64 {
        d.server(
            n * 20 * SECOND,
            format!("{{\"method\":\"job\",\"params\":{{\"job_id\":\"{n}\",\"commit\":\"{}\"}}}}\n", rng.hex(20)),
        );
        d.client(
            n * 20 * SECOND + 9 * SECOND,
            format!(
                "{{\"id\":{n},\"method\":\"submit\",\"params\":{{\"job_id\":\"{n}\",\"nonce\":\"{}\",\"result\":\"{}\"}}}}\n",
                rng.hex(6),
                rng.hex(32)
            ),
        );
        d.server(
            n * 20 * SECOND + 9 * SECOND + 30 * MILLI,
            format!("{{\"id\":{n},\"error\":null,\"result\":{{\"status\":\"OK\"}}}}\n"),
        );
    }
    d
}

/// Verbs of Stratum without their namespace.
pub(super) fn chat_bot(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"id":1,"method":"authorize","params":["bot","hunter2"]}"#,
            r#"<{"id":1,"result":true,"error":null}"#,
            r#">{"id":2,"method":"subscribe","params":["room/42"]}"#,
            r#"<{"id":2,"result":[["notify","room/42"],"08000002",4],"error":null}"#,
            r#"<{"id":null,"method":"notify","params":["42","hello","bot",true]}"#,
            r#">{"id":3,"method":"submit","params":["bot","42","hello yourself"]}"#,
            r#"<{"id":3,"result":true,"error":null}"#,
            r#"<{"id":null,"method":"set_difficulty","params":[3]}"#,
        ],
        rng,
    )
}

/// A meter says hello.
pub(super) fn device_hello(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"login":"meter-0017","pass":"1234","fw":"2.1","uptime":77}"#,
            r#"<{"result":"OK","id":1,"interval":60}"#,
            r#">{"id":1,"power":213.4,"job_id":"","nonce":"00aa11bb"}"#,
            r#"<{"result":"OK","id":2}"#,
            r#">{"id":2,"power":214.0,"nonce":"00aa11bc"}"#,
            r#"<{"result":"OK","id":3}"#,
        ],
        rng,
    )
}

/// A device says hello by JSON-RPC, with the member names of a miner's login.
pub(super) fn device_login_rpc(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"id":1,"method":"login","params":{"login":"gate-4","pass":"x"}}"#,
            r#"<{"id":1,"result":{"id":"gate-4","status":"OK"},"error":null}"#,
            r#">{"id":2,"method":"report","params":{"open":true}}"#,
            r#"<{"id":2,"result":{"status":"OK"},"error":null}"#,
            r#">{"id":3,"method":"report","params":{"open":false}}"#,
            r#"<{"id":3,"result":{"status":"OK"},"error":null}"#,
        ],
        rng,
    )
}

/// A router's message bus.
pub(super) fn ubus(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":1,"method":"call","params":["00000000000000000000000000000000","session","login",{"username":"root","password":"x"}]}"#,
            r#"<{"jsonrpc":"2.0","id":1,"result":[0,{"ubus_rpc_session":"c1ed6c7b025d0caca723a816fa61b668","timeout":300}]}"#,
            r#">{"jsonrpc":"2.0","id":2,"method":"call","params":["c1ed6c7b025d0caca723a816fa61b668","system","info",{}]}"#,
            r#"<{"jsonrpc":"2.0","id":2,"result":[0,{"uptime":77031,"load":[0,0,0]}]}"#,
            r#">{"jsonrpc":"2.0","id":3,"method":"list","params":["c1ed6c7b025d0caca723a816fa61b668","*"]}"#,
            r#"<{"jsonrpc":"2.0","id":3,"result":["session","c1ed6c7b025d0cac"]}"#,
        ],
        rng,
    )
}

/// A tool server whose tools log in to a pool for reasons of its own: everything is an argument.
pub(super) fn tool_server(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"XMRig/6.22.2","version":"1"}}}"#,
            r#"<{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"stratum-tools","version":"0.3"}}}"#,
            r#">{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"login","arguments":{"login":"demo","pass":"x","agent":"XMRig/6.22.2"}}}"#,
            r#"<{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"{\"id\":1,\"result\":{\"status\":\"OK\"}}"}]}}"#,
            r#">{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"send","arguments":{"method":"mining.subscribe","params":["cgminer/4.11.1"]}}}"#,
            r#"<{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"mining.notify"}],"isError":false}}"#,
        ],
        rng,
    )
}

pub(super) fn substrate(rng: &mut Rng) -> Dialogue {
    let hash = rng.hex(32);
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":1,"result":"k9f2"}"#,
            &format!(
                r#"<{{"jsonrpc":"2.0","method":"chain_newHead","params":{{"subscription":"k9f2","result":{{"number":"0x15","parentHash":"0x{hash}"}}}}}}"#
            ),
            &format!(r#">{{"jsonrpc":"2.0","id":2,"method":"author_submitExtrinsic","params":["0x{hash}"]}}"#),
            &format!(r#"<{{"jsonrpc":"2.0","id":2,"result":"0x{hash}"}}"#),
            r#">{"jsonrpc":"2.0","id":3,"method":"author_submitAndWatchExtrinsic","params":["0x00"]}"#,
            r#"<{"jsonrpc":"2.0","id":3,"error":{"code":1010,"message":"Invalid Transaction"}}"#,
        ],
        rng,
    )
}

pub(super) fn solana(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":1,"method":"getBlockHeight"}"#,
            r#"<{"jsonrpc":"2.0","result":233,"id":1}"#,
            r#">{"jsonrpc":"2.0","id":2,"method":"slotSubscribe"}"#,
            r#"<{"jsonrpc":"2.0","result":0,"id":2}"#,
            r#"<{"jsonrpc":"2.0","method":"slotNotification","params":{"result":{"parent":75,"root":44,"slot":76},"subscription":0}}"#,
            r#">{"jsonrpc":"2.0","id":3,"method":"getBlockTemplate","params":[]}"#,
            r#"<{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":3}"#,
        ],
        rng,
    )
}

pub(super) fn lightning(rng: &mut Rng) -> Dialogue {
    let (a, b, c) = (rng.hex(32), rng.hex(32), rng.hex(33));
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":"cli:getinfo#1","method":"getinfo","params":[]}"#,
            &format!(r#"<{{"jsonrpc":"2.0","id":"cli:getinfo#1","result":{{"id":"{c}","blockheight":941301}}}}"#),
            r#">{"jsonrpc":"2.0","id":"cli:pay#2","method":"pay","params":["lnbc1"]}"#,
            &format!(
                r#"<{{"jsonrpc":"2.0","id":"cli:pay#2","result":{{"payment_hash":"{a}","payment_preimage":"{b}","status":"complete"}}}}"#
            ),
            r#">{"jsonrpc":"2.0","id":"cli:txs#3","method":"listtxids","params":[]}"#,
            &format!(r#"<{{"jsonrpc":"2.0","id":"cli:txs#3","result":["{a}","{b}","{a}"]}}"#),
        ],
        rng,
    )
}

/// Tasks for office workers: the verbs of `EthProxy` behind another prefix.
pub(super) fn task_rpc(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":1,"method":"task_getWork","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":1,"result":["call the customer","order the parts","go home"]}"#,
            r#">{"jsonrpc":"2.0","id":2,"method":"task_submitWork","params":["done","done","no"]}"#,
            r#"<{"jsonrpc":"2.0","id":2,"result":true}"#,
            r#">{"jsonrpc":"2.0","id":3,"method":"task_getWork","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":3,"result":[]}"#,
            r#">{"jsonrpc":"2.0","id":4,"method":"task_getWork","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":4,"result":[]}"#,
        ],
        rng,
    )
}

/// A login by the same verb as `EthProxy`'s.
pub(super) fn account_rpc(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":1,"method":"user_submitLogin","params":["alice","correct horse"]}"#,
            r#"<{"jsonrpc":"2.0","id":1,"result":true}"#,
            r#">{"jsonrpc":"2.0","id":2,"method":"user_profile","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":2,"result":{"name":"Alice"}}"#,
            r#">{"jsonrpc":"2.0","id":3,"method":"user_logout","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":3,"result":true}"#,
        ],
        rng,
    )
}

/// A node's console over a forwarded socket: work is asked for once, among other things, and first of all.
pub(super) fn geth_ipc(rng: &mut Rng) -> Dialogue {
    let (a, b) = (rng.hex(32), rng.hex(32));
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":1,"method":"eth_getWork","params":[]}"#,
            &format!(
                r#"<{{"jsonrpc":"2.0","id":1,"result":["0x{a}","0x{b}","0x0000000112e0be826d694b2e62d01511f12a6061fbaec8bc02357593e70e52ba","0x15c8a11"]}}"#
            ),
            r#">{"jsonrpc":"2.0","id":2,"method":"eth_blockNumber","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":2,"result":"0x15c8a11"}"#,
            r#">{"jsonrpc":"2.0","id":3,"method":"eth_mining","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":3,"result":false}"#,
        ],
        rng,
    )
}

/// A node tells of pending transactions: lists of hashes, as work is a list of hashes.
pub(super) fn geth_hashes(rng: &mut Rng) -> Dialogue {
    let mut d = lines(
        &[
            r#">{"jsonrpc":"2.0","id":1,"method":"eth_newPendingTransactionFilter","params":[]}"#,
            r#"<{"jsonrpc":"2.0","id":1,"result":"0x1f"}"#,
        ],
        rng,
    );
    for n in 2..20_u64 {
        d.client(
            n * 3 * SECOND,
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{n},\"method\":\"eth_getFilterChanges\",\"params\":[\"0x1f\"]}}\n"),
        );
        let hashes: Vec<String> = (0..2 + n % 5).map(|_| format!("\"0x{}\"", rng.hex(32))).collect();
        d.server(
            n * 3 * SECOND + 40 * MILLI,
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{n},\"result\":[{}]}}\n", hashes.join(",")),
        );
    }
    d
}

/// A pool's own request log on its way to a collector: method names as a column, nothing that could be answered.
pub(super) fn request_log(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for n in 0..40_u32 {
        let method = ["mining.subscribe", "mining.authorize", "mining.submit", "login", "eth_getWork"][n as usize % 5];
        d.client(
            at,
            format!(
                "{{\"ts\":\"2026-03-05T10:00:{:02}Z\",\"level\":\"info\",\"method\":\"{method}\",\"duration_ms\":{},\"worker\":\"w{n}\"}}\n",
                n % 60,
                rng.range(1, 9)
            ),
        );
        at += rng.range(20, 900) * MILLI;
    }
    d
}

/// Squares are hexadecimal.
pub(super) fn chess(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"id":1,"method":"best","params":["startpos"]}"#,
            r#"<{"id":1,"result":[["e2e4","e7e5","g1f3"],"e4",30],"error":null}"#,
            r#">{"id":2,"method":"best","params":["e4"]}"#,
            r#"<{"id":2,"result":[["c7c5"],"c5",28],"error":null}"#,
            r#">{"id":3,"method":"opening","params":["c5"]}"#,
            r#"<{"id":3,"result":["Sicilian","b20"],"error":null}"#,
        ],
        rng,
    )
}

/// The other kind of mining.
pub(super) fn data_mining(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"id":1,"method":"mining.subscribe","params":{"dataset":"orders","interval":60}}"#,
            r#"<{"id":1,"result":{"subscription":"s1"}}"#,
            r#">{"id":2,"method":"mining.submit","params":{"dataset":"orders","model":"apriori"}}"#,
            r#"<{"id":2,"result":{"run":17}}"#,
            r#"<{"method":"mining.notify","params":{"run":17,"rules":204}}"#,
            r#">{"id":3,"method":"mining.status","params":{"run":17}}"#,
            r#"<{"id":3,"result":{"state":"done"}}"#,
        ],
        rng,
    )
}

/// Messages to the client in a namespace of that name.
pub(super) fn game_server(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"id":1,"method":"join","params":["arena"]}"#,
            r#"<{"id":1,"result":true,"error":null}"#,
            r#"<{"id":null,"method":"client.show_message","params":["welcome"]}"#,
            r#"<{"id":null,"method":"client.ping","params":[]}"#,
            r#"<{"id":null,"method":"client.show_message","params":["round 1"]}"#,
            r#"<{"id":null,"method":"client.reconnect","params":["arena2.example",7777,3]}"#,
        ],
        rng,
    )
}

/// Control of the routing daemon of that name.
pub(super) fn keepalived(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#">{"id":1,"method":"keepalived","params":{"id":"vrrp1","state":"MASTER"}}"#,
            r#"<{"id":1,"result":{"status":"OK"}}"#,
            r#">{"id":2,"method":"keepalived","params":{"id":"vrrp1","state":"BACKUP"}}"#,
            r#"<{"id":2,"result":{"status":"OK"}}"#,
            r#">{"id":3,"method":"keepalived","params":{"id":"vrrp2","state":"MASTER"}}"#,
            r#"<{"id":3,"result":{"status":"OK"}}"#,
        ],
        rng,
    )
}

/// The server's side of Electrum, with many subscriptions and lists of hashes.
pub(super) fn electrum_server(rng: &mut Rng) -> Dialogue {
    let hash = rng.hex(32);
    let list = [rng.hex(32), rng.hex(32), rng.hex(32)].map(|h| format!("\"{h}\"")).join(",");
    lines(
        &[
            r#">{"jsonrpc":"2.0","id":0,"method":"server.version","params":["electrum/4.5.8","1.4"]}"#,
            r#"<{"id":0,"jsonrpc":"2.0","result":["ElectrumX 1.16.0","1.4"]}"#,
            r#">{"jsonrpc":"2.0","id":1,"method":"server.peers.subscribe","params":[]}"#,
            r#"<{"id":1,"jsonrpc":"2.0","result":[["192.0.2.77","electrum.example",["v1.4","s50002"]]]}"#,
            &format!(
                r#">{{"jsonrpc":"2.0","id":2,"method":"blockchain.transaction.get_merkle","params":["{hash}",941300]}}"#
            ),
            &format!(r#"<{{"id":2,"jsonrpc":"2.0","result":{{"block_height":941300,"merkle":[{list}],"pos":7}}}}"#),
            r#">{"jsonrpc":"2.0","id":3,"method":"blockchain.block.hashes","params":[1,3]}"#,
            &format!(r#"<{{"id":3,"jsonrpc":"2.0","result":[{list}]}}"#),
            &format!(r#"<{{"jsonrpc":"2.0","method":"blockchain.scripthash.subscribe","params":["{hash}","{hash}"]}}"#),
        ],
        rng,
    )
}

pub(super) fn home_assistant(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#"<{"type":"auth_required","ha_version":"2026.2.1"}"#,
            r#">{"type":"auth","access_token":"eyJhbGciOi"}"#,
            r#"<{"type":"auth_ok","ha_version":"2026.2.1"}"#,
            r#">{"id":1,"type":"subscribe_events","event_type":"state_changed"}"#,
            r#"<{"id":1,"type":"result","success":true,"result":null}"#,
            r#"<{"id":1,"type":"event","event":{"data":{"entity_id":"sensor.miner_hashrate","new_state":{"state":"94.1"}}}}"#,
            r#">{"id":2,"type":"call_service","domain":"switch","service":"turn_off","target":{"entity_id":"switch.rig"}}"#,
            r#"<{"id":2,"type":"result","success":true,"result":{"context":{"id":"01h"}}}"#,
        ],
        rng,
    )
}

pub(super) fn salt(rng: &mut Rng) -> Dialogue {
    lines(
        &[
            r#"<{"tag":"salt/job/20260305100000000000/new","data":{"jid":"20260305100000000000","fun":"cmd.run","arg":["pkill xmrig"],"tgt":"web*"}}"#,
            r#">{"tag":"salt/job/20260305100000000000/ret/web1","data":{"jid":"20260305100000000000","id":"web1","return":"","retcode":1}}"#,
            r#"<{"tag":"salt/job/20260305100100000000/new","data":{"jid":"20260305100100000000","fun":"test.ping"}}"#,
            r#">{"tag":"salt/job/20260305100100000000/ret/web1","data":{"id":"web1","return":true,"success":true}}"#,
            r#">{"method":"login","params":{"eauth":"pam","username":"saltdev","password":"x"},"id":1}"#,
            r#"<{"id":1,"result":{"token":"6d1b722e","perms":[".*"]}}"#,
        ],
        rng,
    )
}

/// A farm's own monitoring: rates, wallets and workers, told to a dashboard.
pub(super) fn telemetry(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let address = wallet::xmr(81);
    for n in 0..30_u64 {
        d.client(
            n * 10 * SECOND,
            format!(
                "{{\"id\":{n},\"name\":\"rig1\",\"hashrate\":[{},0,0],\"wallet\":\"{address}\",\"agent\":\"XMRig/6.22.2\",\"algo\":[\"rx/0\"],\"shares\":{{\"accepted\":{n},\"rejected\":0}},\"pool\":\"pool.example:3333\"}}\n",
                rng.range(5000, 6000)
            ),
        );
        d.server(n * 10 * SECOND + 25 * MILLI, "{\"status\":\"OK\"}\n");
    }
    d
}

/// A server that says OK, and little else.
pub(super) fn status_replies(_: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    for n in 0..40_u64 {
        d.client(n * SECOND, format!("{{\"id\":{n},\"method\":\"set\",\"params\":{{\"id\":\"a\",\"v\":{n}}}}}\n"));
        d.server(n * SECOND + 25 * MILLI, format!("{{\"id\":{n},\"error\":null,\"result\":{{\"status\":\"OK\"}}}}\n"));
    }
    d
}

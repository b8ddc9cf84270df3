//! What miners, pools and others say, as the cases have it.

use super::scene::Words;

pub(crate) const SUBSCRIBE: &str = concat!(r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}"#, "\n");
pub(crate) const SUBSCRIBED: &str =
    concat!(r#"{"id":1,"result":[[["mining.notify","ae"]],"08000002",4],"error":null}"#, "\n");
pub(crate) const AUTHORIZE: &str =
    concat!(r#"{"id":2,"method":"mining.authorize","params":["DGcoinAddr.rig1","x"]}"#, "\n");
pub(crate) const AUTHORIZED: &str = concat!(r#"{"id":2,"result":true,"error":null}"#, "\n");
pub(crate) const DIFFICULTY: &str = concat!(r#"{"id":null,"method":"mining.set_difficulty","params":[16]}"#, "\n");
pub(crate) const NOTIFY: &str = concat!(
    r#"{"id":null,"method":"mining.notify","params":["bf","4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000","#,
    r#""01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff20020862062f503253482f04b8864e5008","#,
    r#""072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000",[],"#,
    r#""00000002","1c2ac4af","504e86b9",false]}"#,
    "\n"
);
pub(crate) const SUBMIT: &str = concat!(
    r#"{"id":4,"method":"mining.submit","params":["DGcoinAddr.rig1","bf","00000001","504e86ed","b2957c02"]}"#,
    "\n"
);
pub(crate) const SUBMITTED: &str = concat!(r#"{"id":4,"result":true,"error":null}"#, "\n");

/// Handshake, one job, one accepted share.
pub(crate) fn bitcoin() -> Words {
    Words::new()
        .c(SUBSCRIBE)
        .s(SUBSCRIBED)
        .c(AUTHORIZE)
        .s([AUTHORIZED, DIFFICULTY].concat())
        .s(NOTIFY)
        .later(9)
        .c(SUBMIT)
        .s(SUBMITTED)
}

/// 95 characters that begin with 4, as a Monero address does.
pub(crate) fn monero_wallet() -> String {
    crate::kit::wallet::xmr(7)
}

pub(crate) fn job(id: u32) -> String {
    let blob = format!("1010{id:0148}");
    format!(
        r#"{{"blob":"{blob}","job_id":"{id:08x}","target":"b88d0600","algo":"rx/0","height":3100000,"seed_hash":"{:064}"}}"#,
        1
    )
}

/// A login with these JSON strings (escaped already), answered by a job; a push; an accepted share.
pub(crate) fn monero_with(login: &str, pass: &str, agent: &str) -> Words {
    let agent = if agent.is_empty() { String::new() } else { format!(r#","agent":"{agent}""#) };
    monero_logged_in(&format!(
        r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{login}","pass":"{pass}"{agent},"algo":["rx/0"]}}}}"#
    ))
}

/// The same with any line as login.
pub(crate) fn monero_logged_in(line: &str) -> Words {
    Words::new()
        .c(format!("{line}\n"))
        .s(format!(
            r#"{{"id":1,"jsonrpc":"2.0","error":null,"result":{{"id":"s-1","job":{},"status":"OK"}}}}"#,
            job(1)
        ) + "\n")
        .later(20)
        .s(format!(r#"{{"jsonrpc":"2.0","method":"job","params":{}}}"#, job(2)) + "\n")
        .later(20)
        .c(format!(
            r#"{{"id":2,"jsonrpc":"2.0","method":"submit","params":{{"id":"s-1","job_id":"00000002","nonce":"d0030040","result":"{:064x}"}}}}"#,
            0xabcd
        ) + "\n")
        .s(concat!(r#"{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#, "\n"))
}

pub(crate) fn monero() -> Words {
    monero_with(&monero_wallet(), "x", "XMRig/6.21.0")
}

/// A request and its response over HTTP, with the length that the body has.
pub(crate) fn http_post(path: &str, agent: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: node.example\r\nUser-Agent: {agent}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn http_ok(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

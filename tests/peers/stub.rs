//! The two ends of a mining session: what a miner says and what a pool answers, without any mining.
//!
//! Both are roles that copies of the test program play inside a namespace. A miner speaks over a TCP connection, or
//! over standard input and output of a client program that somebody else wrote.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::netns::say;
use crate::sv2;

/// A Monero address that belongs to nobody: the keys of `wallet::xmr` in the generator of the captures.
pub(crate) const WALLET: &str =
    "41fKEWZKKwK2BDNSgrTE9j3X8QQ5Bnbbs4s3SMTX7y416CxUJqrTLW97YsWGEBnhxH8tnYDcX85QRAEhaAzrTSrZ87mTnkQ";
/// A user name at a Bitcoin pool.
pub(crate) const USER: &str = "somebody.rig7";
/// What the miners call themselves.
pub(crate) const XMRIG: &str = "XMRig/6.21.0 (Linux x86_64) libuv/1.44.2 gcc/11.2.0";
pub(crate) const CGMINER: &str = "cgminer/4.12.1";
/// How the wrong share is recognised; the pool refuses it.
const WRONG: &str = "deadbeef";
/// What a PROXY protocol header of version 2 begins with.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// A safety net for a peer that never answers.
const NEVER: Duration = Duration::from_mins(1);

/// The roles of this module: a pool, a miner, and the end of a capture.
pub(crate) fn play(role: &str, rest: &str) -> String {
    match role {
        "pool" => pool(rest),
        "mine" => mine(rest),
        "mark" => {
            let (to, mark) = rest.split_once(' ').unwrap();
            let from = if to.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
            std::net::UdpSocket::bind(from).unwrap().send_to(mark.as_bytes(), to).unwrap();
            "MARKED".to_owned()
        }
        other => panic!("no such role: {other}"),
    }
}

/// `ADDRESS…`: listens there until its owner is gone; says `CLOSED` for every session that is over.
fn pool(rest: &str) -> String {
    for at in rest.split(' ') {
        let listener = TcpListener::bind(at).unwrap();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    // Whoever only looks whether somebody listens does not count.
                    if serve(connection) > 0 {
                        say("CLOSED");
                    }
                });
            }
        });
    }
    say("READY");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    std::process::exit(0);
}

/// One session of a pool; how many messages it had.
fn serve(connection: TcpStream) -> usize {
    connection.set_read_timeout(Some(NEVER)).unwrap();
    let mut writer = connection.try_clone().unwrap();
    let mut reader = BufReader::new(connection);
    skip_proxy_header(&mut reader);
    if writer.local_addr().unwrap().port() == sv2::PORT {
        return sv2::serve(reader, writer);
    }
    let mut said = 0;
    for line in reader.lines().map_while(Result::ok) {
        let Ok(message) = serde_json::from_str(&line) else { break };
        // In one write, as pools do: push and answer may share a segment.
        let mut text = Vec::new();
        for answer in answers(&message) {
            writeln!(text, "{answer}").unwrap();
        }
        if writer.write_all(&text).is_err() {
            break;
        }
        said += 1;
    }
    said
}

/// A load balancer may say first for whom it speaks.
fn skip_proxy_header(reader: &mut BufReader<TcpStream>) {
    let first = reader.fill_buf().unwrap_or_default();
    if first.starts_with(b"PROXY ") {
        reader.read_line(&mut String::new()).unwrap();
    } else if first.starts_with(V2) {
        let mut head = [0; 16];
        reader.read_exact(&mut head).unwrap();
        let mut rest = vec![0; usize::from(u16::from_be_bytes([head[14], head[15]]))];
        reader.read_exact(&mut rest).unwrap();
    }
}

fn answers(m: &Value) -> Vec<Value> {
    let id = &m["id"];
    let good = !m["params"].to_string().contains(WRONG);
    match m["method"].as_str().unwrap_or_default() {
        "login" => {
            let result = json!({"id": "session1", "job": job("job1"), "extensions": ["algo"], "status": "OK"});
            vec![json!({"id": id, "jsonrpc": "2.0", "error": null, "result": result})]
        }
        "submit" if good => vec![
            json!({"id": id, "jsonrpc": "2.0", "error": null, "result": {"status": "OK"}}),
            json!({"jsonrpc": "2.0", "method": "job", "params": job("job2")}),
        ],
        "submit" => {
            let error = json!({"code": -1, "message": "Low difficulty share"});
            vec![json!({"id": id, "jsonrpc": "2.0", "error": error})]
        }
        "mining.subscribe" => {
            let names = [["mining.set_difficulty", "1"], ["mining.notify", "1"]];
            vec![
                json!({"id": id, "result": [names, "08000002", 4], "error": null}),
                json!({"id": null, "method": "mining.set_difficulty", "params": [512]}),
                notify(),
            ]
        }
        "mining.submit" if !good => {
            vec![json!({"id": id, "result": null, "error": [23, "Low difficulty share", null]})]
        }
        _ => vec![json!({"id": id, "result": true, "error": null})],
    }
}

fn job(id: &str) -> Value {
    let blob = format!("1010{}00000000{}07", "9a".repeat(37), "5c".repeat(33));
    json!({
        "blob": blob, "job_id": id, "target": "b88d0600", "id": "session1", "algo": "rx/0", "height": 3_000_000,
        "seed_hash": "7e".repeat(32),
    })
}

fn notify() -> Value {
    let coinbase = format!("01000000010{}ffffffff2003a02507", "0".repeat(63));
    let params = json!([
        "job1",
        "4d".repeat(32),
        coinbase,
        "0d2f6e6f64655374726174756d2f00000000",
        ["a1".repeat(32)],
        "20000000",
        "1d00ffff",
        "6553f100",
        true,
    ]);
    json!({"id": null, "method": "mining.notify", "params": params})
}

/// What a miner asks, in order, each after the answer to the one before: three shares, the last of which is wrong.
fn requests(dialect: &str) -> Vec<Value> {
    let nonces = ["0a0b0c01", "0a0b0c02", WRONG];
    let mut all = match dialect {
        "cryptonote" => {
            let params = json!({"login": WALLET, "pass": "x", "agent": XMRIG, "algo": ["rx/0", "cn/r"]});
            vec![json!({"id": 1, "jsonrpc": "2.0", "method": "login", "params": params})]
        }
        "bitcoin-v1" => vec![
            json!({"id": 1, "method": "mining.subscribe", "params": [CGMINER]}),
            json!({"id": 2, "method": "mining.authorize", "params": [USER, "x"]}),
        ],
        other => panic!("no such dialect: {other}"),
    };
    for nonce in nonces {
        let id = all.len() + 1;
        all.push(if dialect == "cryptonote" {
            let params = json!({"id": "session1", "job_id": "job1", "nonce": nonce, "result": "3b".repeat(32)});
            json!({"id": id, "jsonrpc": "2.0", "method": "submit", "params": params})
        } else {
            json!({"id": id, "method": "mining.submit", "params": [USER, "job1", "00000001", "6553f100", nonce]})
        });
    }
    all
}

/// A whole session. `DIALECT tcp ADDRESS`: over a connection; `DIALECT held ADDRESS`: over one that says `HALF` before
/// its last two shares and waits for a word; `DIALECT named RESOLV NAME:PORT`: to a name, which is looked up as
/// resolv.conf(5) in the file RESOLV says; `DIALECT connect PROXY ADDRESS`: over one that an HTTP proxy makes; `DIALECT run COMMAND`: through a program that leaves with its input; `DIALECT cut COMMAND`: through one
/// that has to be ended.
fn mine(rest: &str) -> String {
    let (dialect, way) = rest.split_once(' ').unwrap();
    match way.split_once(' ').unwrap() {
        ("tcp", to) => over_tcp(dialect, to, None, usize::MAX),
        ("held", to) => over_tcp(dialect, to, None, requests(dialect).len() - 2),
        ("named", both) => {
            let (resolv, to) = both.split_once(' ').unwrap();
            // Mounts of a namespace of `ip netns exec` are its own.
            let status = Command::new("mount").args(["--bind", resolv, "/etc/resolv.conf"]).status().unwrap();
            assert!(status.success());
            over_tcp(dialect, to, None, usize::MAX);
        }
        ("connect", both) => {
            let (proxy, to) = both.split_once(' ').unwrap();
            over_tcp(dialect, proxy, Some(to), usize::MAX);
        }
        (end @ ("run" | "cut"), command) => {
            // The time limit is a safety net: whoever is that slow hangs.
            let mut child = Command::new("sh")
                .args(["-c", &format!("exec timeout {} {command}", NEVER.as_secs())])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            let mut reader = BufReader::new(child.stdout.take().unwrap());
            converse(dialect, &mut reader, &mut stdin, usize::MAX);
            drop(stdin);
            if end == "cut" {
                Command::new("kill").arg(child.id().to_string()).status().unwrap();
            }
            child.wait().unwrap();
        }
        (other, _) => panic!("no such way: {other}"),
    }
    "DONE".to_owned()
}

fn over_tcp(dialect: &str, to: &str, asked: Option<&str>, wait_before: usize) {
    let connection = TcpStream::connect(to).unwrap();
    connection.set_read_timeout(Some(NEVER)).unwrap();
    let (mut reader, mut writer) = (BufReader::new(connection.try_clone().unwrap()), &connection);
    if let Some(target) = asked {
        write!(writer, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").unwrap();
        let head: Vec<String> = reader.by_ref().lines().map(Result::unwrap).take_while(|l| !l.is_empty()).collect();
        assert!(head[0].contains(" 200 "), "{head:?}");
    }
    if dialect == "stratum-v2" {
        sv2::converse(&mut reader, writer);
    } else {
        converse(dialect, &mut reader, &mut writer, wait_before);
    }
    connection.shutdown(Shutdown::Write).unwrap();
    let _ = reader.read_to_end(&mut Vec::new());
}

/// Before request number `wait_before` somebody has to say that it goes on.
fn converse(dialect: &str, reader: &mut impl BufRead, writer: &mut impl Write, wait_before: usize) {
    for (n, request) in requests(dialect).into_iter().enumerate() {
        if n == wait_before {
            say("HALF");
            std::io::stdin().read_line(&mut String::new()).unwrap();
        }
        writer.write_all(format!("{request}\n").as_bytes()).unwrap();
        loop {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).unwrap() > 0, "the other end left");
            let answer: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
            if answer["id"] == request["id"] {
                break;
            }
        }
    }
}

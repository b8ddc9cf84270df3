//! The two ends of a mining session over a real connection.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::netns::say;

/// A safety net for a peer that never answers.
const NEVER: Duration = Duration::from_secs(30);
/// A work template that nobody works on.
pub(crate) const JOB: &str = r#"{"id":null,"method":"mining.notify","params":["bf","4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000","01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff20020862062f503253482f04b8864e5008","072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000",[],"00000002","1c2ac4af","504e86b9",false]}"#;

/// Takes miners at these addresses, until dropped.
pub(crate) fn pool(at: &str) -> String {
    let listeners: Vec<_> =
        at.split(' ').map(|at| TcpListener::bind(at.parse::<SocketAddr>().unwrap()).unwrap()).collect();
    say("READY");
    std::thread::scope(|scope| {
        for listener in listeners {
            scope.spawn(move || {
                for connection in listener.incoming().flatten() {
                    std::thread::spawn(move || serve(connection));
                }
            });
        }
    });
    "OVER".to_owned()
}

fn serve(mut connection: TcpStream) {
    let lines = BufReader::new(connection.try_clone().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let asked: Value = serde_json::from_str(&line).unwrap();
        let result = match asked["method"].as_str().unwrap() {
            "mining.subscribe" => json!([[["mining.notify", "ae6812eb4cd7735a302a8a9dd95cf71f"]], "08000002", 4]),
            _ => json!(true),
        };
        let mut said = format!("{}\n", json!({ "id": asked["id"], "result": result, "error": null }));
        if asked["method"] == "mining.authorize" {
            let difficulty = json!({ "id": null, "method": "mining.set_difficulty", "params": [1024] });
            said = format!("{said}{difficulty}\n{JOB}\n");
        }
        if connection.write_all(said.as_bytes()).is_err() {
            return;
        }
    }
}

/// Begins a session, then submits a share at each line and says what came of it.
pub(crate) fn mine(to: &str) -> String {
    let mut miner = match Miner::begin(None, to.parse().unwrap()) {
        Ok(miner) => miner,
        Err(e) => return format!("CUT {:?}", e.kind()),
    };
    say("MINING");
    for _ in std::io::stdin().lines() {
        match miner.share() {
            Ok(()) => say("SHARE"),
            Err(e) => say(&format!("CUT {:?}", e.kind())),
        }
    }
    "OVER".to_owned()
}

/// A miner that has begun.
pub(crate) struct Miner {
    connection: TcpStream,
    lines: Lines<BufReader<TcpStream>>,
    id: u64,
}

/// Whose wallet it is makes no difference.
const USER: &str = "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy.rig1";

impl Miner {
    /// Connects, from one of several addresses if it matters, and asks for work.
    pub(crate) fn begin(from: Option<IpAddr>, to: SocketAddr) -> std::io::Result<Self> {
        let connection = match from {
            None => TcpStream::connect_timeout(&to, NEVER)?,
            Some(from) => connect_from(from, to)?,
        };
        connection.set_read_timeout(Some(NEVER))?;
        let lines = BufReader::new(connection.try_clone()?).lines();
        let mut miner = Self { connection, lines, id: 0 };
        miner.call("mining.subscribe", &json!(["cgminer/4.11.1"]))?;
        miner.call("mining.authorize", &json!([USER, "x"]))?;
        Ok(miner)
    }

    /// Submits a share, and waits for the answer.
    pub(crate) fn share(&mut self) -> std::io::Result<()> {
        self.call("mining.submit", &json!([USER, "bf", "00000001", "504e86ed", "b2957c02"]))
    }

    fn call(&mut self, method: &str, params: &Value) -> std::io::Result<()> {
        self.id += 1;
        let said = format!("{}\n", json!({ "id": self.id, "method": method, "params": params }));
        (&self.connection).write_all(said.as_bytes())?;
        loop {
            let line = self.lines.next().ok_or(std::io::ErrorKind::UnexpectedEof)??;
            let answer: Value = serde_json::from_str(&line)?;
            if answer["id"] == self.id {
                return Ok(());
            }
        }
    }
}

fn connect_from(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket(family, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddr::from((from, 0)))?;
    connect(&socket, &to)?;
    Ok(TcpStream::from(socket))
}

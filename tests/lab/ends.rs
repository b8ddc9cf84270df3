//! The two ends of a mining session over a real connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::netns::say;

/// A safety net for a peer that never answers.
const NEVER: Duration = Duration::from_secs(30);
/// A work template that nobody works on.
const JOB: &str = r#"{"id":null,"method":"mining.notify","params":["bf","4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000","01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff20020862062f503253482f04b8864e5008","072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000",[],"00000002","1c2ac4af","504e86b9",false]}"#;

/// Takes miners at one address, until dropped.
pub(crate) fn pool(at: &str) -> String {
    let listener = TcpListener::bind(at.parse::<SocketAddr>().unwrap()).unwrap();
    say("READY");
    for connection in listener.incoming().flatten() {
        std::thread::spawn(move || serve(connection));
    }
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
    let connection = match TcpStream::connect_timeout(&to.parse().unwrap(), NEVER) {
        Ok(connection) => connection,
        Err(e) => return format!("CUT {:?}", e.kind()),
    };
    connection.set_read_timeout(Some(NEVER)).unwrap();
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
    let mut id = 0;
    let mut call = |method: &str, params: Value| {
        id += 1;
        (&connection).write_all(format!("{}\n", json!({ "id": id, "method": method, "params": params })).as_bytes())?;
        loop {
            let line = lines.next().ok_or(std::io::ErrorKind::UnexpectedEof)??;
            let answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == id {
                return std::io::Result::Ok(());
            }
        }
    };
    let user = "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy.rig1";
    let begun =
        call("mining.subscribe", json!(["cgminer/4.11.1"])).and_then(|()| call("mining.authorize", json!([user, "x"])));
    if let Err(e) = begun {
        return format!("CUT {:?}", e.kind());
    }
    say("MINING");
    for _ in std::io::stdin().lines() {
        match call("mining.submit", json!([user, "bf", "00000001", "504e86ed", "b2957c02"])) {
            Ok(()) => say("SHARE"),
            Err(e) => say(&format!("CUT {:?}", e.kind())),
        }
    }
    "OVER".to_owned()
}

//! A queue of build jobs over JSON lines: the words of several mining protocols, and none of their meaning.

use super::super::dialogue::{Dialogue, MILLI};
use super::super::rng::Rng;

/// Workers that subscribe, take jobs with headers and targets, and submit results.
pub fn build_queue(rng: &mut Rng) -> Dialogue {
    let hash = rng.hex(32);
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for line in [
        r#">{"id":1,"method":"subscribe","params":["builder/2.1",null,"queue.example","3333"]}"#.to_owned(),
        r#"<{"id":1,"result":"result"}"#.to_owned(),
        r#"<{"id":null,"method":"set_extranonce","params":["a1"]}"#.to_owned(),
        r#">{"id":2,"method":"authorize","params":["ci.rig1","x"]}"#.to_owned(),
        r#"<{"id":2,"result":[true,"queue/1.0.0"],"error":null}"#.to_owned(),
        format!(r#"<{{"id":null,"method":"notify","params":["17",["{hash}"],1760000000000]}}"#),
        format!(
            r#"<{{"id":null,"method":"job","params":[{{"jobId":"1","fromGroup":0,"toGroup":3,"headerBlob":"{hash}"}}]}}"#
        ),
        format!(
            r#">{{"id":3,"method":"submit","params":{{"jobId":"1","fromGroup":0,"toGroup":3,"nonce":"{hash}","worker":"ci.rig1"}}}}"#
        ),
        r#"<{"id":3,"method":"submit_result","result":true,"error":null}"#.to_owned(),
        format!(r#"<{{"id":4,"result":[null,"{}",6],"error":null}}"#, rng.hex(2)),
        format!(r#"<{{"id":5,"result":["session","{hash}",32,"{}"]}}"#, rng.hex(8)),
        r#"<{"id":null,"method":"print","params":[0,"done"]}"#.to_owned(),
        r#">{"id":6,"method":"pong"}"#.to_owned(),
        r#"<{"id":6,"result":[true]}"#.to_owned(),
    ] {
        let (mark, text) = line.split_at(1);
        if mark == ">" {
            d.client(at, format!("{text}\n"));
        } else {
            d.server(at, format!("{text}\n"));
        }
        at += rng.range(40, 4000) * MILLI;
    }
    d.done()
}

//! `EthProxy`: Ethereum's getwork over a bare TCP line.
//!
//! Message forms, sizes and timing after the project's protocol notes, section 6 (D8).

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Truth, events, reply};
use super::super::rng::Rng;
use super::super::wallet;

/// A target of 256 bits whose expected work is 2^256 / target = this many hashes.
pub const WORK: f64 = 4_294_967_296.0;
/// The target for [`WORK`]: 2^224.
const TARGET: &str = "0x0000000100000000000000000000000000000000000000000000000000000000";

/// How the login line is written: the ways that fixed-string rules miss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spacing {
    /// `"method":"eth_submitLogin"`.
    None,
    /// Two spaces and a tab after the colon.
    Wide,
    /// `params` before `method`.
    ParamsFirst,
    /// An empty line and a space before the brace.
    LeadingBlank,
    /// `worker` as first key.
    WorkerFirst,
}

impl Spacing {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Wide, Self::ParamsFirst, Self::LeadingBlank, Self::WorkerFirst];

    fn login(self, login: &str) -> String {
        match self {
            Self::None => format!(r#"{{"id":1,"jsonrpc":"2.0","method":"eth_submitLogin","params":["{login}","x"]}}"#),
            Self::Wide => format!(
                "{{\"id\":  1,\"jsonrpc\":  \"2.0\",\"method\":  \t\"eth_submitLogin\",  \"params\":\t[\"{login}\", \"x\"]}}"
            ),
            Self::ParamsFirst => {
                format!(r#"{{"params": ["{login}", "x"], "id": 1, "jsonrpc": "2.0", "method": "eth_submitLogin"}}"#)
            }
            Self::LeadingBlank => format!(
                "\r\n {{\"id\": 1, \"jsonrpc\": \"2.0\", \"method\": \"eth_submitLogin\", \"params\": [\"{login}\", \"x\"]}}"
            ),
            Self::WorkerFirst => format!(
                r#"{{"worker": "eth1.0", "jsonrpc": "2.0", "params": ["{login}", "x"], "id": 1, "method": "eth_submitLogin"}}"#
            ),
        }
    }
}

/// A dual miner that polls for work every 10 seconds, reports its rate every 20, and is pushed jobs with id 0.
pub fn polling(rng: &mut Rng, number: u8) -> Dialogue {
    let address = wallet::eth(number);
    let mut truth = Truth::of("ethproxy", None, &address, "worker1");
    truth.login = Some(format!("{address}/worker1"));
    let pace = Pace { seconds: 600, block: 13.0, refresh: None, share: 45.0, refuse: 7 };
    mine(rng, truth, Spacing::WorkerFirst, pace, Some(10))
}

/// The login in another spelling, then a short session without polling.
pub fn spelled(rng: &mut Rng, number: u8, spacing: Spacing) -> Dialogue {
    let truth = Truth::of("ethproxy", None, &wallet::eth_checksummed(number), "rig");
    mine(rng, truth, spacing, Pace { seconds: 180, block: 13.0, refresh: None, share: 30.0, refuse: 0 }, None)
}

fn mine(rng: &mut Rng, truth: Truth, spacing: Spacing, pace: Pace, poll: Option<u64>) -> Dialogue {
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let seed = rng.hex(32);
    let header = |rng: &mut Rng| format!("0x{}", rng.hex(32));
    let work = |id: u32, header: &str, seed: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":["{header}","0x{seed}","{TARGET}"]}}"#) + "\n"
    };
    let mut current = header(rng);
    d.client(MILLI, spacing.login(&login) + "\n");
    d.server(MILLI + reply(rng), concat!(r#"{"jsonrpc":"2.0","id":1,"result":true}"#, "\n"));
    d.client(
        200 * MILLI,
        concat!(r#"{"worker": "", "jsonrpc": "2.0", "params": [], "id": 3, "method": "eth_getWork"}"#, "\n"),
    );
    d.server(200 * MILLI + reply(rng), work(3, &current, &seed));
    d.job();
    let rate = format!("0x{:064x}", (WORK / pace.share) as u64);
    let identity = rng.hex(32);
    let mut timeline: Vec<(u64, Option<Event>)> = events(rng, pace).into_iter().map(|(at, e)| (at, Some(e))).collect();
    if let Some(every) = poll {
        timeline.extend((1..pace.seconds / every).map(|n| (n * every * SECOND + 217 * MILLI, None)));
        timeline.sort_by_key(|e| e.0);
    }
    let mut polls = 0;
    for (at, event) in timeline {
        match event {
            Some(Event::Job { .. }) => {
                current = header(rng);
                d.server(at, work(0, &current, &seed));
                d.job();
            }
            Some(Event::Share { ok }) => {
                let (nonce, mix) = (rng.hex(8), rng.hex(32));
                d.client(
                    at,
                    format!(
                        r#"{{"id":4,"worker":"eth1.0","jsonrpc":"2.0","method":"eth_submitWork","params":["0x{nonce}","{current}","0x{mix}"]}}"#
                    ) + "\n",
                );
                d.server(at + reply(rng), format!(r#"{{"jsonrpc":"2.0","id":4,"result":{ok}}}"#) + "\n");
                d.share(ok, WORK);
            }
            None => {
                polls += 1;
                d.client(
                    at,
                    concat!(
                        r#"{"worker": "", "jsonrpc": "2.0", "params": [], "id": 3, "method": "eth_getWork"}"#,
                        "\n"
                    ),
                );
                d.server(at + reply(rng), work(3, &current, &seed));
                d.job();
                if polls % 2 == 0 {
                    d.client(
                        at + 3 * MILLI,
                        format!(
                            r#"{{"id":6,"worker":"eth1.0","jsonrpc":"2.0","method":"eth_submitHashrate","params":["{rate}","0x{identity}"]}}"#
                        ) + "\n",
                    );
                    d.server(at + 155 * MILLI, concat!(r#"{"jsonrpc":"2.0","id":6,"result":true}"#, "\n"));
                }
            }
        }
    }
    d.done()
}

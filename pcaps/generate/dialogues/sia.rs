//! Sia: Bitcoin's words with times and nonces of eight bytes, and jobs of a whole header.

use super::super::dialogue::{Dialogue, MILLI, Pace, SECOND, Truth, reply};
use super::super::rng::{Rng, hex};
use super::hour::{Words, answer, mine};

const DIFFICULTY: u32 = 1024;
/// 2^212: a share takes 2^44 hashes.
const TARGET: &str = "0000000000100000000000000000000000000000000000000000000000000000";

struct Sia {
    login: String,
    job: u64,
    whole_header: bool,
}

impl Words for Sia {
    fn job(&mut self, rng: &mut Rng, at: u64, clean: bool) -> String {
        self.job += 1;
        let (job, parent) = (self.job, format!("00000000000000{}", rng.hex(25)));
        let time = hex(&(1_772_409_600 + at / SECOND).to_le_bytes());
        if self.whole_header {
            let root = rng.hex(32);
            return format!(
                r#"{{"id":6,"jsonrpc":"2.0","method":"mining.notify","params":["{job}","0x{parent}0000000000000000{time}{root}","0x{TARGET}"]}}"#
            );
        }
        let branches: Vec<String> = (0..3).map(|_| format!(r#""{}""#, rng.hex(32))).collect();
        format!(
            r#"{{"id":null,"method":"mining.notify","params":["{job}","{parent}","0000000000000000","0100000000000000{}",[{}],"","1a08645a","{time}",{clean}]}}"#,
            rng.hex(24),
            branches.join(",")
        )
    }

    fn share(&mut self, rng: &mut Rng, id: u64, at: u64) -> String {
        let (login, job) = (&self.login, self.job);
        let time = hex(&(1_772_409_600 + at / SECOND).to_le_bytes());
        if self.whole_header {
            format!(
                r#"{{"id":{id},"method":"mining.submit","params":["{login}","{job}","0x{}{time}{}"]}}"#,
                rng.hex(40),
                rng.hex(32)
            )
        } else {
            format!(
                r#"{{"id":{id},"method":"mining.submit","params":["{login}","{job}","{}","{time}","{}"]}}"#,
                rng.hex(4),
                rng.hex(8)
            )
        }
    }

    fn answer(&self, id: u64, ok: bool) -> String {
        match (self.whole_header, ok) {
            (false, _) => answer(id, ok),
            (true, true) => format!(r#"{{"id":{id},"jsonrpc":"2.0","result":true}}"#),
            (true, false) => format!(
                r#"{{"id":{id},"jsonrpc":"2.0","result":null,"data":null,"error":{{"code":21,"message":"Job not found (=stale)"}}}}"#
            ),
        }
    }

    fn work(&self) -> f64 {
        if self.whole_header { 17_592_186_044_416.0 } else { f64::from(DIFFICULTY) * 4_294_967_296.0 }
    }
}

fn session(rng: &mut Rng, login: Truth, whole_header: bool) -> Dialogue {
    let (user, agent) = (login.login().to_owned(), login.agent.clone().unwrap_or_default());
    let mut d = Dialogue::new(login);
    let mut words = Sia { login: user.clone(), job: rng.range(40, 1700), whole_header };
    d.client(MILLI, format!(r#"{{"id":1,"method":"mining.subscribe","params":["{agent}"]}}"#) + "\n");
    let subscribed = if whole_header {
        r#"{"id":1,"jsonrpc":"2.0","result":true}"#.to_owned()
    } else {
        let n = rng.hex(4);
        format!(
            r#"{{"id":1,"result":[[["mining.set_difficulty","{n}1"],["mining.notify","{n}2"]],"{n}",4],"error":null}}"#
        )
    };
    d.server(MILLI + reply(rng), subscribed + "\n");
    d.client(200 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{user}","x"]}}"#) + "\n");
    let measure = if whole_header {
        String::new()
    } else {
        format!(r#"{{"id":null,"method":"mining.set_difficulty","params":[{DIFFICULTY}]}}"#) + "\n"
    };
    let job = words.job(rng, 0, true);
    d.server(260 * MILLI, format!("{}\n{measure}{job}\n", r#"{"id":2,"result":true,"error":null}"#));
    d.job();
    let pace = Pace { seconds: 900, block: 600.0, refresh: Some(40), share: 50.0, refuse: 7 };
    mine(&mut d, rng, pace, 4, &mut words);
    d.done()
}

/// As gominer at a pool after siamining.com's description. The address is not known to the project.
pub fn siamining(rng: &mut Rng, number: u8) -> Dialogue {
    let address: Vec<u8> = (0..38).map(|i| if i == 0 { number } else { i }).collect();
    let mut truth = Truth::of("sia", Some("SC"), &hex(&address), "example");
    truth.wallet = None;
    truth.agent = Some("gominer".to_owned());
    session(rng, truth, false)
}

/// As at BTC.com's pool: a header of 80 bytes and the target in every job, an account as login.
pub fn whole_header(rng: &mut Rng) -> Dialogue {
    let mut truth = Truth::of("sia", Some("SC"), "siafarm", "a3");
    truth.wallet = None;
    truth.agent = Some("sgminer/4.4.2".to_owned());
    session(rng, truth, true)
}

//! Eaglesong (CKB), Kadena and Xelis: short shares, which differ in the size of their nonces.

use super::super::dialogue::{Dialogue, MILLI, Pace, Truth, reply};
use super::super::rng::{Rng, hex};
use super::super::wallet;
use super::hour::{Words, mine};

/// 2^212: a share takes 2^44 hashes.
const TARGET: &str = "0000000000100000000000000000000000000000000000000000000000000000";
const TWO_44: f64 = 17_592_186_044_416.0;

/// What differs.
#[derive(Clone, Copy, PartialEq)]
enum Which {
    Eaglesong,
    Kadena,
    Xelis,
}

struct Short {
    which: Which,
    login: String,
    job: u64,
    height: u64,
}

const XELIS_DIFFICULTY: u32 = 60_000;

impl Words for Short {
    fn job(&mut self, rng: &mut Rng, at: u64, clean: bool) -> String {
        self.job += 1;
        self.height += u64::from(clean);
        let job = self.job;
        let params = match self.which {
            Which::Eaglesong => {
                format!(r#""{job:x}","{}",{},"{}",{clean}"#, rng.hex(32), self.height, rng.hex(32))
            }
            Which::Kadena => format!(r#""{job:x}","{}",{clean}"#, rng.hex(286)),
            Which::Xelis => {
                let time = 1_772_409_600_000 + at / MILLI;
                format!(r#""{job:016x}","{time:x}","{}","xel/v3",{clean}"#, rng.hex(32))
            }
        };
        format!(r#"{{"id":null,"method":"mining.notify","params":[{params}]}}"#)
    }

    fn share(&mut self, rng: &mut Rng, id: u64, _at: u64) -> String {
        let (job, nonce) = match self.which {
            Which::Eaglesong => (format!("{:x}", self.job), rng.hex(12)),
            Which::Kadena => (format!("{:x}", self.job), rng.hex(5)),
            Which::Xelis => (format!("{:016x}", self.job), rng.hex(8)),
        };
        format!(r#"{{"id":{id},"method":"mining.submit","params":["{}","{job}","{nonce}"]}}"#, self.login)
    }

    fn work(&self) -> f64 {
        if self.which == Which::Xelis { f64::from(XELIS_DIFFICULTY) } else { TWO_44 }
    }
}

/// From authorization on. The wallet is in `login`.
fn session(d: &mut Dialogue, rng: &mut Rng, which: Which, opening: [String; 3], login: &str, pace: Pace) {
    let [subscribe, answer, authorize] = opening;
    let mut words = Short {
        which,
        login: login.to_owned(),
        job: rng.range(0x1000, 0x9000),
        height: 15_000_000 + rng.range(0, 999),
    };
    d.client(MILLI, subscribe + "\n");
    d.server(MILLI + reply(rng), answer + "\n");
    d.client(200 * MILLI, authorize + "\n");
    let measure = if which == Which::Xelis {
        format!(r#"{{"id":null,"method":"mining.set_difficulty","params":[{XELIS_DIFFICULTY}]}}"#)
    } else {
        format!(r#"{{"id":null,"method":"mining.set_target","params":["{TARGET}"]}}"#)
    };
    let job = words.job(rng, 0, true);
    d.server(260 * MILLI, format!("{}\n{measure}\n{job}\n", r#"{"id":2,"result":true,"error":null}"#));
    d.job();
    mine(d, rng, pace, 102, &mut words);
}

/// A CKB machine.
pub fn eaglesong(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("eaglesong", Some("CKB"), &wallet::ckb(number), "k7");
    truth.agent = Some("ckbminer-v1.0.0".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let opening = [
        r#"{"id":1,"method":"mining.subscribe","params":["ckbminer-v1.0.0",null]}"#.to_owned(),
        format!(r#"{{"id":1,"result":[null,"{}",12],"error":null}}"#, rng.hex(4)),
        format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#),
    ];
    let pace = Pace { seconds: 600, block: 10.0, refresh: None, share: 30.0, refuse: 6 };
    session(&mut d, rng, Which::Eaglesong, opening, &login, pace);
    d.done()
}

/// A Kadena machine: the login is a key.
pub fn kadena(rng: &mut Rng, number: u8) -> Dialogue {
    let key: Vec<u8> = (0..32).map(|i| if i == 0 { number } else { i }).collect();
    let mut truth = Truth::of("kadena", Some("KDA"), &format!("k:{}", hex(&key)), "worker1");
    truth.agent = Some("kdaminer-v1.0.0".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let opening = [
        r#"{"id":1,"method":"mining.subscribe","params":["kdaminer-v1.0.0",null]}"#.to_owned(),
        format!(r#"{{"id":1,"result":[null,"{}",5],"error":null}}"#, rng.hex(3)),
        format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#),
    ];
    let pace = Pace { seconds: 240, block: 8.0, refresh: None, share: 15.0, refuse: 7 };
    session(&mut d, rng, Which::Kadena, opening, &login, pace);
    d.done()
}

/// A Xelis miner: worker apart from the address, pings, a line to be printed.
pub fn xelis(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("xelis", Some("XEL"), &wallet::xel(number), "");
    truth.worker = Some("cpu3".to_owned());
    truth.agent = Some("tnn-miner/0.4.2".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let opening = [
        r#"{"id":1,"method":"mining.subscribe","params":["tnn-miner/0.4.2",["xel/v3"]]}"#.to_owned(),
        format!(r#"{{"id":1,"result":["{}","{}",32,"{}"]}}"#, rng.hex(8), rng.hex(32), rng.hex(32)),
        format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","cpu3","x"]}}"#),
    ];
    d.server(150 * MILLI, concat!(r#"{"id":null,"method":"mining.print","params":[0,"Welcome"]}"#, "\n"));
    for n in 1..4 {
        d.server(n * 60_000 * MILLI, format!(r#"{{"id":{n},"method":"mining.ping"}}"#) + "\n");
        d.client(n * 60_000 * MILLI + 90 * MILLI, format!(r#"{{"id":{n},"method":"mining.pong"}}"#) + "\n");
    }
    let pace = Pace { seconds: 300, block: 15.0, refresh: None, share: 20.0, refuse: 6 };
    session(&mut d, rng, Which::Xelis, opening, &login, pace);
    d.done()
}

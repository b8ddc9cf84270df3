//! Bitcoin Stratum version 1, as different programs speak it.
//!
//! Message forms and sizes after the project's protocol notes, section 4.1; version rolling after BIP 310.

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Truth, events, reply};
use super::super::rng::Rng;
use super::super::wallet;

const TWO_32: f64 = 4_294_967_296.0;
/// Block time stamps start here: Monday 2 March 2026, 00:00 UTC.
const NTIME: u64 = 1_772_409_600;

/// One round of pool state.
struct Pool {
    extranonce: String,
    job: u64,
    height: u32,
    prev: String,
    branches: usize,
    nbits: &'static str,
}

impl Pool {
    fn new(rng: &mut Rng, branches: usize, nbits: &'static str) -> Self {
        Self {
            extranonce: rng.hex(4),
            job: rng.range(0x4000, 0x9000),
            height: 940_000 + rng.range(0, 900) as u32,
            prev: rng.hex(32),
            branches,
            nbits,
        }
    }

    fn notify(&mut self, rng: &mut Rng, at: u64, clean: bool) -> String {
        self.job += 1;
        if clean {
            self.height += 1;
            self.prev = rng.hex(24) + "0000000000000000";
        }
        let height = &super::super::rng::hex(&self.height.to_le_bytes())[..6];
        let coinb1 = format!(
            "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff3503{height}04{}08",
            rng.hex(4)
        );
        let coinb2 =
            format!("0d2f706f6f6c2e6578616d706c652fffffffff02{}1976a914{}88ac00000000", rng.hex(8), rng.hex(20));
        let branches: Vec<String> = (0..self.branches).map(|_| format!(r#""{}""#, rng.hex(32))).collect();
        format!(
            r#"{{"id":null,"method":"mining.notify","params":["{:x}","{}","{coinb1}","{coinb2}",[{}],"20000000","{}","{:08x}",{clean}]}}"#,
            self.job,
            self.prev,
            branches.join(","),
            self.nbits,
            NTIME + at / SECOND
        ) + "\n"
    }

    fn subscribed(&self, id: &str) -> String {
        format!(
            r#"{{"id":{id},"result":[[["mining.set_difficulty","{0}1"],["mining.notify","{0}2"]],"{0}",4],"error":null}}"#,
            self.extranonce
        ) + "\n"
    }
}

fn set_difficulty(difficulty: u64) -> String {
    format!(r#"{{"id":null,"method":"mining.set_difficulty","params":[{difficulty}]}}"#) + "\n"
}

fn result(id: &str, ok: bool) -> String {
    if ok {
        format!(r#"{{"id":{id},"result":true,"error":null}}"#) + "\n"
    } else {
        format!(r#"{{"id":{id},"result":null,"error":[23,"Low difficulty share",null]}}"#) + "\n"
    }
}

/// cgminer on a farm's machine: subscribe, authorize, merged burst, difficulty raised once, one refused share.
pub fn cgminer(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("bitcoin-v1", Some("BTC"), &wallet::btc_bech32(number), "rig1");
    truth.agent = Some("cgminer/4.12.1".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut pool = Pool::new(rng, 10, "17021c4a");
    let mut difficulty = 65_536;
    d.client(MILLI, concat!(r#"{"id": 0, "method": "mining.subscribe", "params": ["cgminer/4.12.1"]}"#, "\n"));
    d.server(MILLI + reply(rng), pool.subscribed("0"));
    let at = 300 * MILLI;
    d.client(at, format!(r#"{{"params": ["{login}", "x"], "id": 1, "method": "mining.authorize"}}"#) + "\n");
    let burst = result("1", true) + &set_difficulty(difficulty) + &pool.notify(rng, at, true);
    d.server(at + reply(rng), burst);
    d.job();
    let (mut id, mut shares) = (2, 0);
    let pace = Pace { seconds: 1500, block: 600.0, refresh: Some(30), share: 60.0, refuse: 8 };
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { clean } => {
                let mut line = pool.notify(rng, at, clean);
                if shares > 10 && difficulty == 65_536 {
                    difficulty = 131_072;
                    line = set_difficulty(difficulty) + &line;
                }
                d.server(at, line);
                d.job();
            }
            Event::Share { ok } => {
                shares += 1;
                let (en2, nonce) = (format!("{shares:08x}"), rng.hex(4));
                d.client(
                    at,
                    format!(
                        r#"{{"params": ["{login}", "{:x}", "{en2}", "{:08x}", "{nonce}"], "id": {id}, "method": "mining.submit"}}"#,
                        pool.job,
                        NTIME + at / SECOND
                    ) + "\n",
                );
                d.server(at + reply(rng), result(&id.to_string(), ok));
                d.share(ok, difficulty as f64 * TWO_32);
                id += 1;
            }
        }
    }
    d.done()
}

/// bfgminer: string ids, `mining.get_transactions` after every job, answered by an error.
pub fn bfgminer(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("bitcoin-v1", None, &wallet::btc_p2pkh(number), "bfg");
    truth.agent = Some("bfgminer/5.5.0".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut pool = Pool::new(rng, 8, "17021c4a");
    d.client(MILLI, concat!(r#"{"id": 0, "method": "mining.subscribe", "params": ["bfgminer/5.5.0"]}"#, "\n"));
    d.server(MILLI + reply(rng), pool.subscribed("0"));
    let at = 260 * MILLI;
    d.client(
        at,
        format!(r#"{{"params": ["{login}", "x"], "id": "auth", "method": "mining.authorize"}}"#)
            + "\n"
            + r#"{"id": "xnsub", "method": "mining.extranonce.subscribe", "params": []}"#
            + "\n",
    );
    let burst = result(r#""auth""#, true) + &set_difficulty(2048) + &pool.notify(rng, at, true);
    d.server(at + reply(rng), burst);
    d.job();
    let mut id = 1;
    let pace = Pace { seconds: 900, block: 600.0, refresh: Some(45), share: 55.0, refuse: 0 };
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { clean } => {
                d.server(at, pool.notify(rng, at, clean));
                d.job();
                let job = pool.job;
                d.client(
                    at + 40 * MILLI,
                    format!(r#"{{"params": ["{job:x}"], "id": "txlist{job:x}", "method": "mining.get_transactions"}}"#)
                        + "\n",
                );
                d.server(
                    at + 40 * MILLI + reply(rng),
                    format!(
                        r#"{{"id":"txlist{job:x}","result":null,"error":[20,"Unsupported request","mining.get_transactions"]}}"#
                    ) + "\n",
                );
            }
            Event::Share { ok } => {
                let (en2, nonce) = (rng.hex(4), rng.hex(4));
                d.client(
                    at,
                    format!(
                        r#"{{"params": ["{login}", "{:x}", "{en2}", "{:08x}", "{nonce}"], "id": {id}, "method": "mining.submit"}}"#,
                        pool.job,
                        NTIME + at / SECOND
                    ) + "\n",
                );
                d.server(at + reply(rng), result(&id.to_string(), ok));
                d.share(ok, 2048.0 * TWO_32);
                id += 1;
            }
        }
    }
    d.done()
}

/// cpuminer on scrypt: fixed ids, every share with id 4, a Litecoin address. The scrypt convention counts 2^16 hashes
/// per unit of difficulty.
pub fn cpuminer(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("bitcoin-v1", Some("LTC"), &wallet::ltc(number), "cpu");
    truth.agent = Some("cpuminer/2.5.1".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut pool = Pool::new(rng, 6, "1932a5f1");
    d.client(MILLI, concat!(r#"{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}"#, "\n"));
    let burst = pool.subscribed("1") + &set_difficulty(16);
    d.server(MILLI + reply(rng), burst);
    let at = 240 * MILLI;
    d.client(at, format!(r#"{{"id": 2, "method": "mining.authorize", "params": ["{login}", "x"]}}"#) + "\n");
    let burst = result("2", true) + &pool.notify(rng, at, true);
    d.server(at + reply(rng), burst);
    d.job();
    let pace = Pace { seconds: 1200, block: 150.0, refresh: Some(60), share: 70.0, refuse: 0 };
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { clean } => {
                d.server(at, pool.notify(rng, at, clean));
                d.job();
            }
            Event::Share { ok } => {
                let (en2, nonce) = (rng.hex(4), rng.hex(4));
                d.client(
                    at,
                    format!(
                        r#"{{"method": "mining.submit", "params": ["{login}", "{:x}", "{en2}", "{:08x}", "{nonce}"], "id":4}}"#,
                        pool.job,
                        NTIME + at / SECOND
                    ) + "\n",
                );
                d.server(at + reply(rng), result("4", ok));
                d.share(ok, 16.0 * 65_536.0);
            }
        }
    }
    d.done()
}

/// A Bitaxe: `mining.configure`, pipelined opening, `mining.suggest_difficulty`, version bits as sixth value.
pub fn bitaxe(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("bitcoin-v1", Some("BTC"), &wallet::btc_bech32(number), "bitaxe");
    truth.agent = Some("bitaxe/BM1370/v2.9.0".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut pool = Pool::new(rng, 9, "17021c4a");
    d.client(
        MILLI,
        concat!(
            r#"{"id": 1, "method": "mining.configure", "params": [["version-rolling"], {"version-rolling.mask": "ffffffff"}]}"#,
            "\n"
        ),
    );
    d.client(
        3 * MILLI,
        concat!(r#"{"id": 2, "method": "mining.subscribe", "params": ["bitaxe/BM1370/v2.9.0"]}"#, "\n"),
    );
    d.client(5 * MILLI, format!(r#"{{"id": 3, "method": "mining.authorize", "params": ["{login}", "x"]}}"#) + "\n");
    d.client(7 * MILLI, concat!(r#"{"id": 4, "method": "mining.suggest_difficulty", "params": [1000]}"#, "\n"));
    let burst =
        concat!(r#"{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#, "\n")
            .to_owned()
            + concat!(r#"{"id":null,"method":"mining.set_version_mask","params":["1fffe000"]}"#, "\n")
            + &pool.subscribed("2");
    d.server(60 * MILLI, burst);
    let burst = result("3", true) + &set_difficulty(1000) + &pool.notify(rng, 0, true);
    d.server(72 * MILLI, burst);
    d.job();
    let mut id = 5;
    let pace = Pace { seconds: 1200, block: 600.0, refresh: Some(30), share: 40.0, refuse: 0 };
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { clean } => {
                d.server(at, pool.notify(rng, at, clean));
                d.job();
            }
            Event::Share { ok } => {
                let (en2, nonce) = (rng.hex(4), rng.hex(4));
                let bits = (rng.bits() as u32) & 0x1fff_e000;
                d.client(
                    at,
                    format!(
                        r#"{{"id": {id}, "method": "mining.submit", "params": ["{login}", "{:x}", "{en2}", "{:08x}", "{nonce}", "{bits:08x}"]}}"#,
                        pool.job,
                        NTIME + at / SECOND
                    ) + "\n",
                );
                d.server(at + reply(rng), result(&id.to_string(), ok));
                d.share(ok, 1000.0 * TWO_32);
                id += 1;
            }
        }
    }
    d.done()
}

/// ccminer with everything a pool may push: extranonce change, version query, a message, and at last a redirect.
pub fn ccminer(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("bitcoin-v1", None, &wallet::doge(number), "gpu0");
    truth.agent = Some("ccminer/2.3.1".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut pool = Pool::new(rng, 4, "1a01cd2d");
    d.client(MILLI, concat!(r#"{"id": 1, "method": "mining.subscribe", "params": ["ccminer/2.3.1"]}"#, "\n"));
    d.server(MILLI + reply(rng), pool.subscribed("1"));
    d.client(220 * MILLI, concat!(r#"{"id": 3, "method": "mining.extranonce.subscribe", "params": []}"#, "\n"));
    d.client(
        221 * MILLI,
        format!(r#"{{"id": 2, "method": "mining.authorize", "params": ["{login}", "c=DOGE"]}}"#) + "\n",
    );
    let burst = result("3", true) + &result("2", true) + &set_difficulty(32) + &pool.notify(rng, 0, true);
    d.server(300 * MILLI, burst);
    d.job();
    d.server(900 * MILLI, concat!(r#"{"id":77,"method":"client.get_version","params":[]}"#, "\n"));
    d.client(910 * MILLI, concat!(r#"{"id": 77, "result": "ccminer/2.3.1", "error": null}"#, "\n"));
    let mut shares = 0;
    let pace = Pace { seconds: 780, block: 60.0, refresh: None, share: 38.0, refuse: 6 };
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { clean } => {
                d.server(at, pool.notify(rng, at, clean));
                d.job();
            }
            Event::Share { ok } => {
                shares += 1;
                if shares == 5 {
                    pool.extranonce = rng.hex(4);
                    let line =
                        format!(r#"{{"id":null,"method":"mining.set_extranonce","params":["{}",4]}}"#, pool.extranonce);
                    let line = line + "\n" + &pool.notify(rng, at, true);
                    d.server(at - 200 * MILLI, line);
                    d.job();
                }
                let (en2, nonce) = (rng.hex(4), rng.hex(4));
                d.client(
                    at,
                    format!(
                        r#"{{"method": "mining.submit", "params": ["{login}", "{:x}", "{en2}", "{:08x}", "{nonce}"], "id":4}}"#,
                        pool.job,
                        NTIME + at / SECOND
                    ) + "\n",
                );
                d.server(at + reply(rng), result("4", ok));
                d.share(ok, 32.0 * TWO_32);
            }
        }
    }
    let end = 790 * SECOND;
    d.server(
        end,
        concat!(
            r#"{"id":null,"method":"client.show_message","params":["maintenance, moving you to another node"]}"#,
            "\n"
        ),
    );
    d.server(
        end + 30 * MILLI,
        concat!(r#"{"id":null,"method":"client.reconnect","params":["stratum2.pool.example",3333,5]}"#, "\n"),
    );
    d.done()
}

/// A pool that does not know the worker: subscribed, not authorised, no job.
pub fn unauthorised(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("bitcoin-v1", Some("BTC"), &wallet::btc_bech32(number), "old");
    truth.agent = Some("cgminer/4.11.1".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    d.client(MILLI, concat!(r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}"#, "\n"));
    d.server(MILLI + reply(rng), concat!(r#"{"id":1,"result":null,"error":[20,"Pool is closed",null]}"#, "\n"));
    d.client(400 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    d.server(
        400 * MILLI + reply(rng),
        concat!(r#"{"id":2,"result":false,"error":[24,"Unauthorized worker",null]}"#, "\n"),
    );
    d.done()
}

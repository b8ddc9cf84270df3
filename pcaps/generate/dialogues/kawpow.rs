//! `KawPow` as kawpowminer speaks it: targets, jobs with a height.

use super::super::dialogue::{Dialogue, MILLI, Pace, Truth, reply};
use super::super::rng::Rng;
use super::super::wallet;
use super::hour::{Words, mine};

/// 2^224: a share takes 2^32 hashes.
const TARGET: &str = "0000000100000000000000000000000000000000000000000000000000000000";

struct KawPow {
    login: String,
    seed: String,
    job: String,
    header: String,
    height: u64,
}

impl Words for KawPow {
    fn job(&mut self, rng: &mut Rng, _at: u64, clean: bool) -> String {
        self.height += u64::from(clean);
        (self.job, self.header) = (rng.hex(2), rng.hex(32));
        format!(
            r#"{{"id":null,"method":"mining.notify","params":["{}","{}","{}","{TARGET}",{clean},{},"1b00d3a5"]}}"#,
            self.job, self.header, self.seed, self.height
        )
    }

    fn share(&mut self, rng: &mut Rng, id: u64, _at: u64) -> String {
        format!(
            r#"{{"id":{id},"method":"mining.submit","params":["{}","{}","0x{}","0x{}","0x{}"]}}"#,
            self.login,
            self.job,
            rng.hex(8),
            self.header,
            rng.hex(32)
        )
    }

    fn work(&self) -> f64 {
        4_294_967_296.0
    }
}

/// Ravencoin at a pool of its own.
pub fn ravencoin(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("kawpow", Some("RVN"), &wallet::rvn(number), "rig1");
    truth.agent = Some("kawpowminer/1.2.4".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut words = KawPow {
        login: login.clone(),
        seed: rng.hex(32),
        job: String::new(),
        header: String::new(),
        height: 4_100_000 + rng.range(0, 9000),
    };
    d.client(
        MILLI,
        concat!(
            r#"{"id":1,"method":"mining.subscribe","params":["kawpowminer/1.2.4",null,"pool.example","3838"]}"#,
            "\n"
        ),
    );
    d.server(MILLI + reply(rng), format!(r#"{{"id":1,"result":[null,"{}"],"error":null}}"#, rng.hex(2)) + "\n");
    d.client(200 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    let burst = concat!(r#"{"id":2,"result":true,"error":null}"#, "\n").to_owned()
        + &format!(r#"{{"id":null,"method":"mining.set_target","params":["{TARGET}"]}}"#)
        + "\n"
        + &words.job(rng, 0, true)
        + "\n";
    d.server(260 * MILLI, burst);
    d.job();
    let pace = Pace { seconds: 900, block: 60.0, refresh: Some(90), share: 45.0, refuse: 7 };
    mine(&mut d, rng, pace, 5, &mut words);
    d.done()
}

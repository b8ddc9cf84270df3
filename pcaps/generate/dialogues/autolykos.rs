//! Autolykos (Ergo): the job with a decimal target, and the older one of four values.

use super::super::dialogue::{Dialogue, MILLI, Pace, SECOND, Truth, reply};
use super::super::rng::Rng;
use super::super::wallet;
use super::hour::{Words, mine};

/// 2^224: a share takes 2^32 hashes.
const DECIMAL: &str = "26959946667150639794667015087019630673637144422540572481103610249216";
const TARGET: &str = "0000000100000000000000000000000000000000000000000000000000000000";

struct Autolykos {
    login: String,
    job: u64,
    height: u64,
    short: bool,
}

impl Words for Autolykos {
    fn job(&mut self, rng: &mut Rng, _at: u64, clean: bool) -> String {
        self.height += u64::from(clean);
        self.job += 1;
        let (job, height, message) = (self.job, self.height, rng.hex(32));
        if self.short {
            format!(r#"{{"id":null,"method":"mining.notify","params":["{job}","{message}",{height},{clean}]}}"#)
        } else {
            format!(
                r#"{{"id":null,"method":"mining.notify","params":["{job:x}",{height},"{message}","","",2,"{DECIMAL}","",{clean}]}}"#
            )
        }
    }

    fn share(&mut self, rng: &mut Rng, id: u64, at: u64) -> String {
        let (login, job) = (&self.login, self.job);
        if self.short {
            format!(r#"{{"id":{id},"method":"mining.submit","params":["{login}","{job}","{}"]}}"#, rng.hex(4))
        } else {
            let time = 1_772_409_600 + at / SECOND;
            let en2 = rng.hex(6);
            format!(
                r#"{{"id":{id},"method":"mining.submit","params":["{login}","{job:x}","{en2}","{time:08x}","a31f{en2}"]}}"#
            )
        }
    }

    fn work(&self) -> f64 {
        4_294_967_296.0
    }
}

fn session(rng: &mut Rng, number: u8, agent: &str, short: bool) -> Dialogue {
    let mut truth = Truth::of("autolykos", Some("ERG"), &wallet::erg(number), "rig4");
    truth.agent = Some(agent.to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut words =
        Autolykos { login: login.clone(), job: rng.range(0x20, 0x900), height: 1_640_000 + rng.range(0, 9000), short };
    d.client(MILLI, format!(r#"{{"id":1,"method":"mining.subscribe","params":["{agent}"]}}"#) + "\n");
    let id = if short { r#""mining.subscribe""# } else { "1" };
    let session = rng.hex(4);
    d.server(
        MILLI + reply(rng),
        format!(
            r#"{{"id":{id},"result":[[["mining.set_difficulty","{session}"],["mining.notify","{session}"]],"a31f",6],"error":null}}"#
        ) + "\n",
    );
    d.client(200 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    let measure = if short {
        format!(r#"{{"id":null,"method":"mining.set_target","params":["{TARGET}"]}}"#)
    } else {
        r#"{"id":null,"method":"mining.set_difficulty","params":[1]}"#.to_owned()
    };
    let job = words.job(rng, 0, true);
    d.server(260 * MILLI, format!("{}\n{measure}\n{job}\n", r#"{"id":2,"result":true,"error":null}"#));
    d.job();
    let pace = Pace { seconds: 1200, block: 120.0, refresh: Some(60), share: 60.0, refuse: 6 };
    mine(&mut d, rng, pace, 100, &mut words);
    d.done()
}

/// As lolMiner at a miningcore pool: the difficulty stays 1, the target in the job rules.
pub fn decimal(rng: &mut Rng, number: u8) -> Dialogue {
    session(rng, number, "lolMiner 1.76", false)
}

/// The older form, with `mining.set_target` and a method's name as id of the first answer.
pub fn target(rng: &mut Rng, number: u8) -> Dialogue {
    session(rng, number, "ergminer-v1.0.0", true)
}

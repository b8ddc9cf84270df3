//! Equihash over Stratum (ZIP 301): targets instead of difficulties, shares of 2.8 kB.

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Truth, events, reply};
use super::super::rng::Rng;
use super::super::wallet;

/// Solutions that one share stands for: 2^256 / target.
const WORK: f64 = 8192.0;
/// 2^243.
const TARGET: &str = "0008000000000000000000000000000000000000000000000000000000000000";

/// A Zcash miner as ZIP 301 describes it.
pub fn zcash(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("equihash", Some("ZEC"), &wallet::zec(number), "rig1");
    truth.agent = Some("ewbf/0.6".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let nonce_1 = rng.hex(4);
    let mut job = rng.range(0xa0, 0xf000);
    let notify = |rng: &mut Rng, job: u64, at: u64, clean: bool| {
        let time = super::super::rng::hex(&(1_772_409_600 + (at / SECOND) as u32).to_le_bytes());
        format!(
            r#"{{"id":null,"method":"mining.notify","params":["{job:x}","04000000","{}","{}","{}","{time}","f4b0011c",{clean}]}}"#,
            rng.hex(32),
            rng.hex(32),
            rng.hex(32)
        ) + "\n"
    };
    d.client(
        MILLI,
        concat!(r#"{"id":1,"method":"mining.subscribe","params":["ewbf/0.6",null,"pool.example","3333"]}"#, "\n"),
    );
    d.server(MILLI + reply(rng), format!(r#"{{"id":1,"result":[null,"{nonce_1}"],"error":null}}"#) + "\n");
    d.client(200 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    let burst = concat!(r#"{"id":2,"result":true,"error":null}"#, "\n").to_owned()
        + &format!(r#"{{"id":null,"method":"mining.set_target","params":["{TARGET}"]}}"#)
        + "\n"
        + &notify(rng, job, 0, true);
    d.server(266 * MILLI, burst);
    d.job();
    let mut id = 3;
    let pace = Pace { seconds: 1500, block: 75.0, refresh: Some(120), share: 100.0, refuse: 7 };
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { clean } => {
                job += 1;
                d.server(at, notify(rng, job, at, clean));
                d.job();
            }
            Event::Share { ok } => {
                let time = super::super::rng::hex(&(1_772_409_600 + (at / SECOND) as u32).to_le_bytes());
                d.client(
                    at,
                    format!(
                        r#"{{"id":{id},"method":"mining.submit","params":["{login}","{job:x}","{time}","{}","fd4005{}"]}}"#,
                        rng.hex(28),
                        rng.hex(1344)
                    ) + "\n",
                );
                d.server(
                    at + reply(rng),
                    if ok {
                        format!(r#"{{"id":{id},"result":true,"error":null}}"#)
                    } else {
                        format!(r#"{{"id":{id},"result":null,"error":[21,"Stale share",null]}}"#)
                    } + "\n",
                );
                d.share(ok, WORK);
                id += 1;
            }
        }
    }
    d.done()
}

//! Alephium: sixteen chains' templates a job; a pool that speaks first, and one with the usual opening.

use super::super::dialogue::{Dialogue, MILLI, Pace, Truth, reply};
use super::super::rng::Rng;
use super::super::wallet;
use super::hour::{Words, answer, mine};

struct Alephium {
    worker: String,
    job: u64,
    /// Bytes of a header.
    header: usize,
    /// The answer to a share is a message with a method.
    by_method: bool,
}

const DIFFICULTY: u32 = 64;

impl Words for Alephium {
    fn job(&mut self, rng: &mut Rng, _at: u64, _clean: bool) -> String {
        self.job += 1;
        let templates: Vec<String> = (0..16)
            .map(|chain| {
                format!(
                    r#"{{"jobId":"{:08x}","fromGroup":{},"toGroup":{},"headerBlob":"0700000000{}","txsBlob":"0100000080004b6f{}","targetBlob":"1d{}"}}"#,
                    self.job,
                    chain / 4,
                    chain % 4,
                    rng.hex(self.header),
                    rng.hex(self.header / 4),
                    "00ffff"
                )
            })
            .collect();
        format!(r#"{{"id":null,"method":"mining.notify","params":[{}]}}"#, templates.join(","))
    }

    fn share(&mut self, rng: &mut Rng, id: u64, _at: u64) -> String {
        let (from, to) = (rng.range(0, 4), rng.range(0, 4));
        format!(
            r#"{{"id":{id},"method":"mining.submit","params":{{"jobId":"{:08x}","fromGroup":{from},"toGroup":{to},"nonce":"ab01{}","worker":"{}"}}}}"#,
            self.job,
            rng.hex(22),
            self.worker
        )
    }

    fn answer(&self, id: u64, ok: bool) -> String {
        match (self.by_method, ok) {
            (false, _) => answer(id, ok),
            (true, true) => format!(r#"{{"id":{id},"method":"mining.submit_result","result":true,"error":null}}"#),
            (true, false) => format!(
                r#"{{"id":{id},"method":"mining.submit_result","result":null,"error":[21,"Job not found",null]}}"#
            ),
        }
    }

    fn work(&self) -> f64 {
        f64::from(DIFFICULTY) * 17_179_869_184.0
    }
}

/// The coin's own pool: difficulty and jobs as soon as it accepts, no subscription, the address in every share.
pub fn server_first(rng: &mut Rng, number: u8, header: usize) -> Dialogue {
    let truth = Truth::of("alephium", Some("ALPH"), &wallet::alph(number), "");
    let mut words = Alephium { worker: truth.login().to_owned(), job: 0x4000, header, by_method: true };
    let mut d = Dialogue::new(truth);
    d.server(30 * MILLI, format!(r#"{{"id":null,"method":"mining.set_difficulty","params":[{DIFFICULTY}]}}"#) + "\n");
    d.server(900 * MILLI, words.job(rng, 0, true) + "\n");
    d.job();
    let pace = Pace { seconds: 40, block: 16.0, refresh: None, share: 4.0, refuse: 6 };
    mine(&mut d, rng, pace, 1, &mut words);
    d.done()
}

/// A miningcore pool: a placeholder answers the subscription; the miner reports its hashrate.
pub fn miningcore(rng: &mut Rng, number: u8, header: usize) -> Dialogue {
    let mut truth = Truth::of("alephium", Some("ALPH"), &wallet::alph(number), "rig6");
    truth.agent = Some("bzminer/21.0".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut words = Alephium { worker: login.clone(), job: 0x10, header, by_method: false };
    d.client(MILLI, concat!(r#"{"id":1,"method":"mining.subscribe","params":["bzminer/21.0"]}"#, "\n"));
    d.server(MILLI + reply(rng), concat!(r#"{"id":1,"result":"result","error":null}"#, "\n"));
    d.client(200 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    let burst = concat!(
        r#"{"id":2,"result":true,"error":null}"#,
        "\n",
        r#"{"id":null,"method":"mining.set_extranonce","params":["ab01"]}"#,
        "\n"
    )
    .to_owned()
        + &format!(r#"{{"id":null,"method":"mining.set_difficulty","params":[{DIFFICULTY}]}}"#)
        + "\n"
        + &words.job(rng, 0, true)
        + "\n";
    d.server(260 * MILLI, burst);
    d.job();
    d.client(
        20_000 * MILLI,
        concat!(r#"{"id":90,"method":"alph_submitHashrate","params":["0x3b9aca00","0x01"]}"#, "\n"),
    );
    d.server(20_080 * MILLI, concat!(r#"{"id":90,"result":true,"error":null}"#, "\n"));
    let pace = Pace { seconds: 60, block: 30.0, refresh: None, share: 6.0, refuse: 0 };
    mine(&mut d, rng, pace, 3, &mut words);
    d.done()
}

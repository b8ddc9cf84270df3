//! Conflux (Octopus): the subscription is the login; answers are arrays.

use super::super::dialogue::{Dialogue, MILLI, Pace, Truth, reply};
use super::super::rng::Rng;
use super::super::wallet;
use super::hour::{Words, mine};

struct Conflux {
    login: String,
    pushes: u64,
    height: u64,
    hash: String,
}

impl Words for Conflux {
    fn job(&mut self, rng: &mut Rng, _at: u64, clean: bool) -> String {
        self.height += u64::from(clean);
        self.pushes += 1;
        self.hash = rng.hex(32);
        // 2^224 without its leading zeros: a share takes 2^32 hashes.
        format!(
            r#"{{"id":{},"jsonrpc":"2.0","method":"mining.notify","params":["{}","{}","0x{}","0x100000000000000000000000000000000000000000000000000000000"]}}"#,
            self.pushes,
            &self.hash[..16],
            self.height,
            self.hash
        )
    }

    fn share(&mut self, rng: &mut Rng, id: u64, _at: u64) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"mining.submit","params":["{}","{}","0x{}","0x{}"]}}"#,
            self.login,
            &self.hash[..16],
            rng.hex(8),
            self.hash
        )
    }

    fn answer(&self, id: u64, ok: bool) -> String {
        let result = if ok { "[true]" } else { r#"[false,"Incorrect Nonce!"]"# };
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
    }

    fn work(&self) -> f64 {
        4_294_967_296.0
    }
}

/// A miner at a pool.
pub fn octopus(rng: &mut Rng, number: u8) -> Dialogue {
    let truth = Truth::of("conflux", Some("CFX"), &wallet::cfx(number), "rig5");
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut words =
        Conflux { login: login.clone(), pushes: 0, height: 140_000_000 + rng.range(0, 9000), hash: String::new() };
    d.client(
        MILLI,
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"mining.subscribe","params":["{login}",""]}}"#) + "\n",
    );
    d.server(MILLI + reply(rng), concat!(r#"{"jsonrpc":"2.0","id":1,"result":true}"#, "\n"));
    d.server(300 * MILLI, words.job(rng, 0, true) + "\n");
    d.job();
    let pace = Pace { seconds: 300, block: 4.0, refresh: None, share: 20.0, refuse: 5 };
    mine(&mut d, rng, pace, 100, &mut words);
    d.done()
}

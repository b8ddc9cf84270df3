//! Kaspa and a relative: jobs as numbers, and as one text for `BzMiner`.

use super::super::dialogue::{Dialogue, MILLI, Pace, Truth, reply};
use super::super::rng::Rng;
use super::super::wallet;
use super::hour::{Words, mine};

struct Kaspa {
    login: String,
    job: u64,
    /// Header and time as one text.
    big: bool,
}

const DIFFICULTY: u32 = 4;

impl Words for Kaspa {
    fn job(&mut self, rng: &mut Rng, at: u64, _clean: bool) -> String {
        self.job += 1;
        let (job, time) = (self.job, 1_772_409_600_000 + at / MILLI);
        let params = if self.big {
            format!(r#""{job}","{}{}""#, rng.hex(32), super::super::rng::hex(&time.to_le_bytes()))
        } else {
            format!(r#""{job}",[{},{},{},{}],{time}"#, rng.bits(), rng.bits(), rng.bits(), rng.bits())
        };
        format!(r#"{{"id":{job},"jsonrpc":"2.0","method":"mining.notify","params":[{params}]}}"#)
    }

    fn share(&mut self, rng: &mut Rng, id: u64, _at: u64) -> String {
        format!(
            r#"{{"id":{id},"method":"mining.submit","params":["{}","{}","0x{}"]}}"#,
            self.login,
            self.job,
            rng.hex(8)
        )
    }

    fn work(&self) -> f64 {
        f64::from(DIFFICULTY) * 4_294_967_296.0
    }
}

const PACE: Pace = Pace { seconds: 300, block: 4.0, refresh: None, share: 12.0, refuse: 9 };

/// lolMiner at the usual bridge: the answer names another protocol, the extranonce comes without the prefix.
pub fn bridge(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("kaspa", Some("KAS"), &wallet::kaspa("kaspa", number), "rig1");
    truth.agent = Some("lolMiner 1.76".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut words = Kaspa { login: login.clone(), job: 0, big: false };
    d.client(MILLI, concat!(r#"{"id":1,"method":"mining.subscribe","params":["lolMiner 1.76"]}"#, "\n"));
    d.server(
        MILLI + reply(rng),
        concat!(r#"{"id":1,"jsonrpc":"2.0","result":[true,"EthereumStratum/1.0.0"],"error":null}"#, "\n"),
    );
    d.client(200 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    d.server(
        250 * MILLI,
        format!(
            "{}\n{}\n",
            r#"{"id":2,"jsonrpc":"2.0","result":true,"error":null}"#,
            r#"{"id":null,"jsonrpc":"2.0","method":"set_extranonce","params":["3b1f"]}"#
        ),
    );
    let difficulty =
        format!(r#"{{"id":null,"jsonrpc":"2.0","method":"mining.set_difficulty","params":[{DIFFICULTY}]}}"#);
    d.server(400 * MILLI, format!("{difficulty}\n{}\n", words.job(rng, 0, true)));
    d.job();
    mine(&mut d, rng, PACE, 3, &mut words);
    d.done()
}

/// `BzMiner` for Karlsen, which names the other protocol itself.
pub fn bzminer(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("kaspa", Some("KLS"), &wallet::kaspa("karlsen", number), "bz2");
    truth.agent = Some("BzMiner/v12.1.1".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut words = Kaspa { login: login.clone(), job: 70, big: true };
    d.client(
        MILLI,
        concat!(r#"{"id":1,"method":"mining.subscribe","params":["BzMiner/v12.1.1","EthereumStratum/1.0.0"]}"#, "\n"),
    );
    d.server(MILLI + reply(rng), concat!(r#"{"id":1,"result":[true,"EthereumStratum/1.0.0"],"error":null}"#, "\n"));
    d.client(200 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    let burst = concat!(
        r#"{"id":2,"result":true,"error":null}"#,
        "\n",
        r#"{"jsonrpc":"2.0","method":"mining.set_extranonce","params":["5772",6],"id":null}"#,
        "\n"
    )
    .to_owned()
        + &format!(r#"{{"id":null,"jsonrpc":"2.0","method":"mining.set_difficulty","params":[{DIFFICULTY}]}}"#)
        + "\n"
        + &words.job(rng, 0, true)
        + "\n";
    d.server(260 * MILLI, burst);
    d.job();
    mine(&mut d, rng, PACE, 3, &mut words);
    d.done()
}

//! Aeternity (a cycle of 42 edges) and Aleo (a proof): shares that carry more than a nonce.

use super::super::dialogue::{Dialogue, MILLI, Pace, Truth, reply};
use super::super::rng::Rng;
use super::super::wallet;
use super::hour::{Words, mine};

/// 2^243: a share takes 2^13 solutions.
const TARGET: &str = "0008000000000000000000000000000000000000000000000000000000000000";

struct Aeternity {
    login: String,
    job: String,
}

impl Words for Aeternity {
    fn job(&mut self, rng: &mut Rng, _at: u64, clean: bool) -> String {
        self.job = rng.hex(4);
        format!(r#"{{"id":null,"method":"mining.notify","params":["{}",5,"{}",{clean}]}}"#, self.job, rng.hex(32))
    }

    fn share(&mut self, rng: &mut Rng, id: u64, _at: u64) -> String {
        let mut edges: Vec<u64> = (0..42).map(|_| rng.range(0, 1 << 29)).collect();
        edges.sort_unstable();
        let edges: Vec<String> = edges.iter().map(u64::to_string).collect();
        format!(
            r#"{{"id":{id},"method":"mining.submit","params":["{}","{}","{}",[{}]]}}"#,
            self.login,
            self.job,
            rng.hex(5),
            edges.join(",")
        )
    }

    fn work(&self) -> f64 {
        8192.0
    }
}

/// Aeternity after its `STRATUM.md`. Its addresses are not known to the project: only the login is expected.
pub fn aeternity(rng: &mut Rng, number: u8) -> Dialogue {
    let account = format!("ak_{}", bs58_text(number));
    let mut truth = Truth::of("aeternity", Some("AE"), &account, "rig8");
    truth.wallet = None;
    truth.agent = Some("cuckoominer/0.3".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let mut words = Aeternity { login: login.clone(), job: String::new() };
    d.client(
        MILLI,
        concat!(r#"{"id":1,"method":"mining.subscribe","params":["cuckoominer/0.3",null,"pool.example",9999]}"#, "\n"),
    );
    let session = rng.hex(4);
    d.server(MILLI + reply(rng), format!(r#"{{"id":1,"result":["{session}","080000"],"error":null}}"#) + "\n");
    d.client(200 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    let burst = concat!(r#"{"id":2,"result":true,"error":null}"#, "\n").to_owned()
        + &format!(r#"{{"id":null,"method":"mining.set_target","params":["{TARGET}"]}}"#)
        + "\n"
        + &words.job(rng, 0, true)
        + "\n";
    d.server(260 * MILLI, burst);
    d.job();
    let pace = Pace { seconds: 900, block: 180.0, refresh: Some(60), share: 50.0, refuse: 6 };
    mine(&mut d, rng, pace, 4, &mut words);
    d.done()
}

fn bs58_text(number: u8) -> String {
    bs58::encode([&[number][..], &(1..32).collect::<Vec<u8>>()].concat()).with_check().into_string()
}

struct Aleo {
    login: String,
    pool: String,
    job: u64,
    first_version: bool,
}

impl Words for Aleo {
    fn job(&mut self, rng: &mut Rng, _at: u64, clean: bool) -> String {
        self.job += 1;
        let params = if self.first_version {
            let hashes: Vec<String> = (0..5).map(|_| format!(r#""{}""#, rng.hex(32))).collect();
            hashes.join(",")
        } else {
            format!(r#""{}","{}""#, rng.hex(32), self.pool)
        };
        format!(r#"{{"id":null,"method":"mining.notify","params":["{:x}",{params},{clean}]}}"#, self.job)
    }

    fn share(&mut self, rng: &mut Rng, id: u64, _at: u64) -> String {
        let proof = if self.first_version {
            format!(r#""{}","{}""#, rng.hex(32), rng.hex(771))
        } else {
            format!(r#""{}","{}","{}""#, rng.hex(8), rng.hex(48), rng.hex(81))
        };
        format!(r#"{{"id":{id},"method":"mining.submit","params":["{}","{:x}",{proof}]}}"#, self.login, self.job)
    }

    fn work(&self) -> f64 {
        1_048_576.0
    }
}

fn aleo(rng: &mut Rng, number: u8, first_version: bool) -> Dialogue {
    let mut truth = Truth::of("aleo", Some("ALEO"), &wallet::aleo(number), "prover2");
    truth.agent = Some("aleo-prover/0.9".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let pool = wallet::aleo(255);
    let version = if first_version { 1 } else { 2 };
    d.client(
        MILLI,
        format!(
            r#"{{"id":1,"method":"mining.subscribe","params":["aleo-prover/0.9","AleoStratum/{version}.0.0",null]}}"#
        ) + "\n",
    );
    let result = if first_version { "[null,null]".to_owned() } else { format!(r#"["{}",null,"{pool}"]"#, rng.hex(4)) };
    d.server(MILLI + reply(rng), format!(r#"{{"id":1,"result":{result},"error":null}}"#) + "\n");
    d.client(200 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    // 2^20 proofs a share, as a bound of 2^44 or as a count.
    let target = if first_version { 1_u64 << 44 } else { 1 << 20 };
    let mut words = Aleo { login, pool, job: rng.range(1, 900), first_version };
    let job = words.job(rng, 0, true);
    d.server(
        260 * MILLI,
        format!(
            "{}\n{}\n{job}\n",
            r#"{"id":2,"result":true,"error":null}"#,
            format_args!(r#"{{"id":null,"method":"mining.set_target","params":[{target}]}}"#)
        ),
    );
    d.job();
    let pace = Pace { seconds: 240, block: 20.0, refresh: None, share: 15.0, refuse: 6 };
    mine(&mut d, rng, pace, 3, &mut words);
    d.done()
}

/// The specification's first version: hashes of a tree, a proof.
pub fn aleo_1(rng: &mut Rng, number: u8) -> Dialogue {
    aleo(rng, number, true)
}

/// Its second: an epoch challenge, a commitment and a proof.
pub fn aleo_2(rng: &mut Rng, number: u8) -> Dialogue {
    aleo(rng, number, false)
}

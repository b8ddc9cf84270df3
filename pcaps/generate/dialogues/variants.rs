//! What programs and pools made of the `CryptoNote` login dialect.
//!
//! Message forms after the project's protocol notes, sections 3.2 and 3.5.

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Truth, events, reply};
use super::super::rng::{Rng, hex};
use super::super::wallet;

const TWO_32: f64 = 4_294_967_296.0;
const XMRIG: &str = "XMRig/6.26.0 (Linux x86_64) libuv/1.51.0 gcc/13.2.1";

/// How a session differs from the usual one.
struct Variant<'a> {
    agent: &'a str,
    /// Request ids are strings.
    string_ids: bool,
    /// Members of the login behind the agent, with their leading comma.
    login: String,
    /// Members of every share, with their leading comma.
    share: fn(&mut Rng) -> String,
    job: fn(&mut Rng, &str, u64) -> String,
    /// What the miner sends for a job, if anything.
    answer: Option<fn(&mut Rng, &str, u64) -> String>,
    /// Hashes a share.
    work: f64,
    /// A share's `nonce` and hash.
    proof: fn(&mut Rng) -> String,
    ok: &'a str,
    refusal: &'a str,
    pace: Pace,
}

fn usual<'a>() -> Variant<'a> {
    Variant {
        agent: XMRIG,
        string_ids: false,
        login: r#","algo":["rx/0","rx/wow","cn/r"]"#.to_owned(),
        share: |_| String::new(),
        job: |rng, id, height| {
            let (a, b, seed) = (rng.hex(37), rng.hex(33), rng.hex(32));
            format!(
                r#"{{"blob":"1010{a}00000000{b}","job_id":"{id}","target":"b88d0600","algo":"rx/0","height":{height},"seed_hash":"{seed}"}}"#
            )
        },
        answer: None,
        work: TWO_32 / f64::from(0x0006_8db8),
        proof: |rng| format!(r#""nonce":"{}","result":"{}""#, rng.hex(4), rng.hex(32)),
        ok: r#"{"status":"OK"}"#,
        refusal: "Low difficulty share",
        pace: Pace { seconds: 900, block: 120.0, refresh: None, share: 45.0, refuse: 9 },
    }
}

fn mine(rng: &mut Rng, mut truth: Truth, v: &Variant<'_>) -> Dialogue {
    truth.agent = Some(v.agent.to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let id = |n: u64| if v.string_ids { format!("\"{n}\"") } else { n.to_string() };
    let (mut job, mut height) = (if v.string_ids { "40".to_owned() } else { rng.hex(4) }, 3_621_400);
    d.client(
        MILLI,
        format!(
            r#"{{"id":{},"jsonrpc":"2.0","method":"login","params":{{"login":"{login}","pass":"x","agent":"{}"{}}}}}"#,
            id(1),
            v.agent,
            v.login
        ) + "\n",
    );
    let session = rng.hex(4);
    let body = (v.job)(rng, &job, height);
    let at = MILLI + reply(rng);
    d.server(
        at,
        format!(
            r#"{{"id":{},"jsonrpc":"2.0","result":{{"id":"{session}","job":{body},"extensions":["algo","keepalive"],"status":"OK"}}}}"#,
            id(1)
        ) + "\n",
    );
    d.job();
    let mut n = 2;
    let own = |d: &mut Dialogue, rng: &mut Rng, at: u64, job: &str, height: u64, n: &mut u64| {
        if let Some(answer) = v.answer {
            let members = answer(rng, job, height);
            d.client(
                at,
                format!(
                    r#"{{"id":{},"jsonrpc":"2.0","method":"block_template","params":{{"id":"{session}","job_id":"{job}",{members}}}}}"#,
                    id(*n)
                ) + "\n",
            );
            d.server(
                at + reply(rng),
                format!(r#"{{"id":{},"jsonrpc":"2.0","error":null,"result":{{"status":"OK"}}}}"#, id(*n)) + "\n",
            );
            *n += 1;
        }
    };
    own(&mut d, rng, at + 30 * MILLI, &job, height, &mut n);
    for (at, event) in events(rng, v.pace) {
        match event {
            Event::Job { .. } => {
                height += 1;
                job = if v.string_ids { (41 + n).to_string() } else { rng.hex(4) };
                let body = (v.job)(rng, &job, height);
                d.server(at, format!(r#"{{"jsonrpc":"2.0","method":"job","params":{body}}}"#) + "\n");
                d.job();
                own(&mut d, rng, at + 30 * MILLI, &job, height, &mut n);
            }
            Event::Share { ok } => {
                let (proof, more) = ((v.proof)(rng), (v.share)(rng));
                let job = if v.string_ids { job.clone() } else { format!("\"{job}\"") };
                d.client(
                    at,
                    format!(
                        r#"{{"id":{},"jsonrpc":"2.0","method":"submit","params":{{"id":"{session}","job_id":{job},{proof}{more}}}}}"#,
                        id(n)
                    ) + "\n",
                );
                let answer = if ok {
                    format!(r#""error":null,"result":{}"#, v.ok)
                } else {
                    format!(r#""error":{{"code":-1,"message":"{}"}}"#, v.refusal)
                };
                d.server(at + reply(rng), format!(r#"{{"id":{},"jsonrpc":"2.0",{answer}}}"#, id(n)) + "\n");
                d.share(ok, v.work);
                n += 1;
            }
        }
    }
    d.done()
}

/// Self-select: the pool names its wallet, the miner sends the blocks it makes.
pub fn self_select(rng: &mut Rng, number: u8) -> Dialogue {
    let variant = Variant {
        login: r#","mode":"self-select","algo":["rx/0"]"#.to_owned(),
        job: |rng, id, height| {
            format!(
                r#"{{"job_id":"{id}","pool_wallet":"{}","extra_nonce":"{}","target":"b88d0600","algo":"rx/0","height":{height}}}"#,
                wallet::xmr(200),
                rng.hex(8)
            )
        },
        answer: Some(|rng, _, height| {
            format!(
                r#""blob":"1010{}","height":{height},"difficulty":512345678901,"prev_hash":"{}","seed_hash":"{}","next_seed_hash":"""#,
                rng.hex(174),
                rng.hex(32),
                rng.hex(32)
            )
        }),
        pace: Pace { seconds: 600, block: 100.0, refresh: None, share: 40.0, refuse: 0 },
        ..usual()
    };
    mine(rng, Truth::of("cryptonote", Some("XMR"), &wallet::xmr(number), "own"), &variant)
}

/// MoneroOcean's benchmark in the login, and the pool's choice of an algorithm.
pub fn benchmark(rng: &mut Rng, number: u8) -> Dialogue {
    let variant = Variant {
        login: r#","algo":["rx/0","cn/r","ghostrider"],"algo-perf":{"rx/0":5432.1,"cn/r":310,"ghostrider":2100.5},"algo-min-time":60"#.to_owned(),
        share: |_| r#","algo":"rx/0""#.to_owned(),
        ..usual()
    };
    mine(rng, Truth::of("cryptonote", Some("XMR"), &wallet::xmr(number), "mo"), &variant)
}

/// xmr-node-proxy in front of many rigs: its shares carry two more nonces; some coins want a signature.
pub fn proxy(rng: &mut Rng, number: u8) -> Dialogue {
    let variant = Variant {
        agent: "xmr-node-proxy/0.24.0",
        login: String::new(),
        share: |rng| {
            let (worker, pool) = (rng.range(0, 1 << 32), rng.range(0, 1 << 32));
            format!(
                r#","workerNonce":{worker},"poolNonce":{pool},"sig":"{}","commitment":"{}""#,
                rng.hex(64),
                rng.hex(32)
            )
        },
        pace: Pace { share: 9.0, seconds: 300, ..usual().pace },
        ..usual()
    };
    mine(rng, Truth::of("cryptonote", Some("XMR"), &wallet::xmr(number), "farm"), &variant)
}

/// A rig on p2pool's local port: any name will do for a login, p2pool pays its own wallet.
pub fn p2pool(rng: &mut Rng, _: u8) -> Dialogue {
    let truth = Truth { dialect: "cryptonote", login: Some("rig7+50000".to_owned()), ..Truth::default() };
    mine(rng, truth, &Variant { refusal: "Stale share", ..usual() })
}

/// Tari: string ids, numbered jobs of a header's hash, numbers for nonces.
pub fn tari(rng: &mut Rng, _: u8) -> Dialogue {
    let truth = Truth { dialect: "cryptonote", login: Some("tari-solo".to_owned()), ..Truth::default() };
    let variant = Variant {
        agent: "SRBMiner-MULTI/2.6.9",
        string_ids: true,
        login: String::new(),
        job: |rng, id, height| {
            // 2^64 / 2^40: 16,777,216 hashes a share.
            let target = hex(&(1_u64 << 40).to_le_bytes());
            format!(r#"{{"job_id":{id},"blob":"{}","target":"{target}","height":{height}}}"#, rng.hex(32))
        },
        work: 16_777_216.0,
        proof: |rng| format!(r#""nonce":{},"hash":"{}""#, rng.bits() >> 1, rng.hex(32)),
        ..usual()
    };
    mine(rng, truth, &variant)
}

/// `XMRig` mining kawpow at an algorithm switching pool: a `CryptoNote` login, then `mining.*`.
pub fn kawpow(rng: &mut Rng, number: u8) -> Dialogue {
    // The wallet is paid in Monero, which is not what is mined.
    let mut truth = Truth::of("cryptonote", None, &wallet::xmr(number), "gpu");
    truth.agent = Some(XMRIG.to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    d.client(
        MILLI,
        format!(
            r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{login}","pass":"x~kawpow","agent":"{XMRIG}","algo":["kawpow"]}}}}"#
        ) + "\n",
    );
    let at = MILLI + reply(rng);
    let notify = |rng: &mut Rng, id: u64, height: u64| {
        let (header, seed) = (rng.hex(32), rng.hex(32));
        let target = format!("{:08x}{}", 4, "0".repeat(56));
        format!(
            r#"{{"id":null,"method":"mining.notify","params":["{id:x}","{header}","{seed}","{target}",true,{height},"1b00a1b2"]}}"#
        ) + "\n"
    };
    let (mut id, mut height) = (0x51, 3_700_100);
    let first = notify(rng, id, height);
    d.server(
        at,
        format!(
            "{{\"id\":1,\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{{\"id\":\"{}\",\"algo\":\"kawpow\",\"extra_nonce\":\"ab01\",\"extra_nonce2_size\":6,\"extensions\":[\"algo\"],\"status\":\"OK\"}}}}\n{{\"id\":null,\"method\":\"mining.set_target\",\"params\":[\"{:08x}{}\"]}}\n{first}",
            rng.hex(4),
            4,
            "0".repeat(56)
        ),
    );
    d.job();
    let mut n = 2;
    for (at, event) in events(rng, Pace { seconds: 700, block: 60.0, refresh: None, share: 35.0, refuse: 7 }) {
        match event {
            Event::Job { .. } => {
                (id, height) = (id + 1, height + 1);
                let next = notify(rng, id, height);
                d.server(at, next);
                d.job();
            }
            Event::Share { ok } => {
                let (nonce, header, mix) = (rng.hex(8), rng.hex(32), rng.hex(32));
                d.client(
                    at,
                    format!(
                        r#"{{"id":{n},"jsonrpc":"2.0","method":"mining.submit","params":["{login}","{id:x}","0x{nonce}","0x{header}","0x{mix}"]}}"#
                    ) + "\n",
                );
                let answer = if ok {
                    r#""result":true,"error":null"#
                } else {
                    r#""result":null,"error":[23,"Low difficulty share"]"#
                };
                d.server(at + reply(rng), format!(r#"{{"id":{n},"jsonrpc":"2.0",{answer}}}"#) + "\n");
                // 2^256 / (4 · 2^224)
                d.share(ok, TWO_32 / 4.0);
                n += 1;
            }
        }
    }
    debug_assert!(d.length() > 100 * SECOND);
    d.done()
}

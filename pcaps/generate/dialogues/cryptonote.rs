//! `CryptoNote` login dialect (Monero and relatives), as different programs speak it.
//!
//! Message forms and sizes after the project's protocol notes, section 3.

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Stage, Truth, events, reply};
use super::super::rng::Rng;
use super::super::wallet;

const TWO_32: f64 = 4_294_967_296.0;

/// Which program's habits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `id,jsonrpc,method,params`, no spaces, counting ids.
    Xmrig,
    /// `method,params,id`, no `jsonrpc`, every id 1.
    XmrStak,
    /// Spaces and CRLF, `getjob`.
    Ccminer,
    /// Method first, ids from 4.
    NiceHash,
}

struct Rig<'a> {
    style: Style,
    pass: &'a str,
    agent: &'a str,
    /// Further members of the login object, with their leading comma.
    extra: &'a str,
    algo: Option<&'a str>,
    difficulty: u64,
    pace: Pace,
    keepalive: bool,
}

/// `XMRig` with its list of algorithms, keepalives when idle and two refused shares.
pub fn xmrig(rng: &mut Rng, number: u8) -> Dialogue {
    let truth = Truth::of("cryptonote", Some("XMR"), &wallet::xmr(number), "rig1");
    let rig = Rig {
        style: Style::Xmrig,
        pass: "x",
        agent: "XMRig/6.26.0 (Linux x86_64) libuv/1.51.0 gcc/13.2.1",
        extra: r#","algo":["rx/0","rx/wow","rx/arq","rx/graft","cn/r","cn/half","cn-pico","argon2/chukwav2","ghostrider"]"#,
        algo: Some("rx/0"),
        difficulty: 240_000,
        pace: Pace { seconds: 2700, block: 120.0, refresh: None, share: 110.0, refuse: 9 },
        keepalive: true,
    };
    mine(rng, truth, &rig)
}

/// The shortest complete session: login, one job, two shares. For captures that cut it into single bytes.
pub fn brief(rng: &mut Rng, number: u8) -> Dialogue {
    let truth = Truth::of("cryptonote", Some("XMR"), &wallet::xmr(number), "w");
    let rig = Rig {
        style: Style::Xmrig,
        pass: "x",
        agent: "XMRig/6.22.2",
        extra: "",
        algo: Some("rx/0"),
        difficulty: 20_000,
        pace: Pace { seconds: 26, block: 1000.0, refresh: None, share: 9.0, refuse: 0 },
        keepalive: false,
    };
    mine(rng, truth, &rig)
}

/// xmr-stak: `method` before `params` before `id`, every share with id 1.
pub fn xmr_stak(rng: &mut Rng, number: u8) -> Dialogue {
    let truth = Truth::of("cryptonote", Some("XMR"), &wallet::xmr(number), "");
    let rig = Rig {
        style: Style::XmrStak,
        pass: "office-7",
        agent: "xmr-stak/2.10.8/b5c2a4e/master/lin/nvidia-cpu/20",
        extra: "",
        algo: None,
        difficulty: 30_000,
        pace: Pace { seconds: 2400, block: 120.0, refresh: None, share: 140.0, refuse: 0 },
        keepalive: false,
    };
    mine(rng, truth, &rig)
}

/// ccminer's `CryptoNote` mode: spaces after colons, CRLF, and `getjob` now and then.
pub fn ccminer(rng: &mut Rng, number: u8) -> Dialogue {
    let truth = Truth::of("cryptonote", Some("XMR"), &wallet::xmr(number), "gtx");
    let rig = Rig {
        style: Style::Ccminer,
        pass: "x",
        agent: "ccminer/2.3.1",
        extra: "",
        algo: None,
        difficulty: 25_000,
        pace: Pace { seconds: 1800, block: 120.0, refresh: None, share: 100.0, refuse: 0 },
        keepalive: false,
    };
    mine(rng, truth, &rig)
}

/// A marketplace's client: method first, ids from 4, another worker separator.
pub fn nicehash(rng: &mut Rng, number: u8) -> Dialogue {
    let address = wallet::xmr(number);
    let mut truth = Truth::of("cryptonote", Some("XMR"), &address, "order81");
    truth.login = Some(format!("{address}+order81"));
    let rig = Rig {
        style: Style::NiceHash,
        pass: "d=200000",
        agent: "NiceHash/1.0.0",
        extra: "",
        algo: Some("rx/0"),
        difficulty: 200_000,
        pace: Pace { seconds: 1500, block: 120.0, refresh: Some(240), share: 40.0, refuse: 0 },
        keepalive: false,
    };
    mine(rng, truth, &rig)
}

/// A dropped miner behind a private proxy: blank agent, a label instead of a wallet.
pub fn unnamed(rng: &mut Rng, label: &str) -> Dialogue {
    let truth = Truth { dialect: "cryptonote", login: Some(label.to_owned()), ..Truth::default() };
    let rig = Rig {
        style: Style::Xmrig,
        pass: "x",
        agent: "",
        extra: r#","rigid":"","algo":["rx/0"]"#,
        algo: Some("rx/0"),
        difficulty: 100_001,
        pace: Pace { seconds: 2100, block: 120.0, refresh: None, share: 130.0, refuse: 0 },
        keepalive: true,
    };
    mine(rng, truth, &rig)
}

/// The minute that `XMRig` gives to its author: the login is 64 hex digits, no wallet.
pub fn donation(rng: &mut Rng) -> Dialogue {
    let truth = Truth { dialect: "cryptonote", login: Some(rng.hex(32)), ..Truth::default() };
    let rig = Rig {
        style: Style::Xmrig,
        pass: "x",
        agent: "XMRig/6.26.0 (Windows NT 10.0; Win64; x64) libuv/1.51.0 msvc/2022",
        extra: r#","algo":["rx/0"],"diff":30000,"height":3621407"#,
        algo: Some("rx/0"),
        difficulty: 30_000,
        pace: Pace { seconds: 58, block: 120.0, refresh: Some(31), share: 14.0, refuse: 0 },
        keepalive: false,
    };
    mine(rng, truth, &rig)
}

/// A pool that refuses the address: the login is answered by an error and the line goes down.
pub fn refused(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("cryptonote", Some("XMR"), &wallet::xmr(number), "rig9");
    truth.agent = Some("XMRig/6.22.2".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    d.client(
        MILLI,
        format!(
            r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{login}","pass":"x","agent":"XMRig/6.22.2","algo":["rx/0"]}}}}"#
        ) + "\n",
    );
    d.server(
        MILLI + reply(rng),
        concat!(r#"{"id":1,"jsonrpc":"2.0","error":{"code":-1,"message":"IP Address currently banned"}}"#, "\n"),
    );
    d.done()
}

/// A login that nobody answers.
pub fn unanswered(number: u8) -> Dialogue {
    let mut truth = Truth::of("cryptonote", Some("XMR"), &wallet::xmr(number), "rig4");
    truth.agent = Some("XMRig/6.22.2".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    d.client(
        MILLI,
        format!(
            r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{login}","pass":"x","agent":"XMRig/6.22.2","algo":["rx/0"]}}}}"#
        ) + "\n",
    );
    d
}

/// One whole conversation whose agent is `agent`, written into JSON as `agent_json`: for hostile strings.
pub fn with_agent(rng: &mut Rng, number: u8, agent: &str, agent_json: &str) -> Dialogue {
    let truth = Truth::of("cryptonote", Some("XMR"), &wallet::xmr(number), "rig1");
    let rig = Rig {
        style: Style::Xmrig,
        pass: "x",
        agent: agent_json,
        extra: "",
        algo: Some("rx/0"),
        difficulty: 50_000,
        pace: Pace { seconds: 400, block: 120.0, refresh: None, share: 45.0, refuse: 0 },
        keepalive: false,
    };
    let mut d = mine(rng, truth, &rig);
    d.truth.agent = Some(agent.to_owned());
    d
}

fn job(rng: &mut Rng, rig: &Rig, id: &str, height: u64) -> String {
    let blob = format!("1010{}00000000{}", rng.hex(37), rng.hex(33));
    let target = super::super::rng::hex(&((TWO_32 / rig.difficulty as f64) as u32).to_le_bytes());
    let seed = super::super::rng::hex(&Rng::new(height >> 11).bytes(32));
    match (rig.style, rig.algo) {
        (Style::Ccminer | Style::XmrStak, _) => {
            format!(r#"{{"blob":"{blob}","job_id":"{id}","target":"{target}","height":{height}}}"#)
        }
        (_, Some(algo)) => format!(
            r#"{{"blob":"{blob}","job_id":"{id}","target":"{target}","algo":"{algo}","height":{height},"seed_hash":"{seed}"}}"#
        ),
        (_, None) => {
            format!(r#"{{"blob":"{blob}","job_id":"{id}","target":"{target}","height":{height},"seed_hash":"{seed}"}}"#)
        }
    }
}

fn mine(rng: &mut Rng, mut truth: Truth, rig: &Rig) -> Dialogue {
    if !rig.agent.is_empty() {
        truth.agent = Some(rig.agent.to_owned());
    }
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let session = rng.hex(4);
    let mut height = 3_621_400 + rng.range(0, 90);
    let mut job_id = rng.hex(4);
    let work = f64::from((TWO_32 / rig.difficulty as f64) as u32);
    let work = TWO_32 / work;

    let Rig { pass, agent, extra, .. } = rig;
    d.client(
        MILLI,
        match rig.style {
            Style::Xmrig => format!(
                r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{login}","pass":"{pass}","agent":"{agent}"{extra}}}}}"#
            ) + "\n",
            Style::XmrStak => format!(
                r#"{{"method":"login","params":{{"login":"{login}","pass":"{pass}","rigid":"","agent":"{agent}"}},"id":1}}"#
            ) + "\n",
            Style::Ccminer => format!(
                r#"{{"method": "login", "params": {{"login": "{login}", "pass": "{pass}", "agent": "{agent}"}}, "id": 1}}"#
            ) + "\r\n",
            Style::NiceHash => format!(
                r#"{{"method":"login","params":{{"login":"{login}","pass":"{pass}","agent":"{agent}"}},"id":4,"jsonrpc":"2.0"}}"#
            ) + "\n",
        },
    );
    let first = job(rng, rig, &job_id, height);
    let login_id = if rig.style == Style::NiceHash { 4 } else { 1 };
    d.server(
        MILLI + reply(rng),
        format!(
            r#"{{"id":{login_id},"jsonrpc":"2.0","error":null,"result":{{"id":"{session}","job":{first},"extensions":["algo","nicehash","connect","keepalive"],"status":"OK"}}}}"#
        ) + "\n",
    );
    d.job();

    let mut id = if rig.style == Style::NiceHash { 5 } else { 2 };
    let mut last_sent = MILLI;
    for (at, event) in events(rng, rig.pace) {
        while rig.keepalive && at > last_sent + 61 * SECOND {
            last_sent += 60 * SECOND;
            d.client(
                last_sent,
                format!(r#"{{"id":{id},"jsonrpc":"2.0","method":"keepalived","params":{{"id":"{session}"}}}}"#) + "\n",
            );
            d.server(
                last_sent + reply(rng),
                format!(r#"{{"id":{id},"jsonrpc":"2.0","error":null,"result":{{"status":"KEEPALIVED"}}}}"#) + "\n",
            );
            id += 1;
        }
        match event {
            Event::Job { clean } => {
                height += u64::from(clean);
                job_id = rng.hex(4);
                let body = job(rng, rig, &job_id, height);
                d.server(at, format!(r#"{{"jsonrpc":"2.0","method":"job","params":{body}}}"#) + "\n");
                d.job();
                if rig.style == Style::Ccminer {
                    d.client(
                        at + 150 * MILLI,
                        format!(r#"{{"method": "getjob", "params": {{"id": "{session}"}}, "id":100}}"#) + "\r\n",
                    );
                    d.server(
                        at + 150 * MILLI + reply(rng),
                        format!(r#"{{"id":100,"jsonrpc":"2.0","error":null,"result":{body}}}"#) + "\n",
                    );
                    d.job();
                    last_sent = at;
                }
            }
            Event::Share { ok } => {
                let nonce = rng.hex(4);
                let mut hash = rng.bytes(32);
                let top = (rng.bits() as u32) % (TWO_32 / rig.difficulty as f64) as u32;
                hash[28..].copy_from_slice(&top.to_le_bytes());
                let hash = super::super::rng::hex(&hash);
                let share_id = if rig.style == Style::XmrStak { 1 } else { id };
                let share = match rig.style {
                    Style::Xmrig => {
                        let algo = rig.algo.map(|a| format!(r#","algo":"{a}""#)).unwrap_or_default();
                        format!(
                            r#"{{"id":{share_id},"jsonrpc":"2.0","method":"submit","params":{{"id":"{session}","job_id":"{job_id}","nonce":"{nonce}","result":"{hash}"{algo}}}}}"#
                        ) + "\n"
                    }
                    Style::Ccminer => {
                        format!(
                            r#"{{"method": "submit", "params": {{"id": "{session}", "job_id": "{job_id}", "nonce": "{nonce}", "result": "{hash}"}}, "id":{share_id}}}"#
                        ) + "\r\n"
                    }
                    Style::XmrStak | Style::NiceHash => {
                        format!(
                            r#"{{"method":"submit","params":{{"id":"{session}","job_id":"{job_id}","nonce":"{nonce}","result":"{hash}"}},"id":{share_id}}}"#
                        ) + "\n"
                    }
                };
                d.client(at, share);
                last_sent = at;
                id += 1;
                d.server(
                    at + reply(rng),
                    if ok {
                        format!(r#"{{"id":{share_id},"jsonrpc":"2.0","error":null,"result":{{"status":"OK"}}}}"#)
                    } else {
                        format!(
                            r#"{{"id":{share_id},"jsonrpc":"2.0","error":{{"code":-1,"message":"Low difficulty share"}}}}"#
                        )
                    } + "\n",
                );
                d.share(ok, work);
            }
        }
    }
    debug_assert!(d.truth.stage >= Stage::Session);
    d.done()
}

//! Ethash over Stratum: `EthereumStratum/1.0.0` (`NiceHash`), the plain five-value form, and `EthereumStratum/2.0.0`
//! (EIP-1571).
//!
//! Message forms and sizes after the project's protocol notes, section 6 (D9, D10).

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Truth, events, reply};
use super::super::rng::Rng;
use super::super::wallet;

const TWO_32: f64 = 4_294_967_296.0;

/// `EthereumStratum/1.0.0`: extranonce, fractional difficulty, four values in a job, three in a share.
pub fn version_1(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("ethereum-stratum-1", None, &wallet::eth(number), "rig1");
    truth.agent = Some("ethminer/0.19.0".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let seed = rng.hex(32);
    let notify = |rng: &mut Rng, job: &str, clean: bool| {
        format!(r#"{{"id":null,"method":"mining.notify","params":["{job}","{seed}","{}",{clean}]}}"#, rng.hex(32))
            + "\n"
    };
    d.client(
        MILLI,
        concat!(r#"{"id":1,"method":"mining.subscribe","params":["ethminer/0.19.0","EthereumStratum/1.0.0"]}"#, "\n"),
    );
    d.server(
        MILLI + reply(rng),
        format!(
            r#"{{"id":1,"result":[["mining.notify","{}","EthereumStratum/1.0.0"],"{}"],"error":null}}"#,
            rng.hex(2),
            rng.hex(2)
        ) + "\n",
    );
    d.client(210 * MILLI, concat!(r#"{"id":2,"method":"mining.extranonce.subscribe","params":[]}"#, "\n"));
    d.client(211 * MILLI, format!(r#"{{"id":3,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    d.server(260 * MILLI, concat!(r#"{"id":2,"result":true,"error":null}"#, "\n"));
    let mut job = rng.hex(4);
    let burst = concat!(r#"{"id":3,"result":true,"error":null}"#, "\n").to_owned()
        + concat!(r#"{"id":null,"method":"mining.set_difficulty","params":[0.5]}"#, "\n")
        + &notify(rng, &job, true);
    d.server(275 * MILLI, burst);
    d.job();
    let mut id = 4;
    let pace = Pace { seconds: 1200, block: 13.0, refresh: None, share: 75.0, refuse: 6 };
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { clean } => {
                job = rng.hex(4);
                d.server(at, notify(rng, &job, clean));
                d.job();
            }
            Event::Share { ok } => {
                d.client(
                    at,
                    format!(r#"{{"id":{id},"method":"mining.submit","params":["{login}","{job}","{}"]}}"#, rng.hex(6))
                        + "\n",
                );
                d.server(
                    at + reply(rng),
                    if ok {
                        format!(r#"{{"id":{id},"result":true,"error":null}}"#)
                    } else {
                        format!(r#"{{"id":{id},"result":false,"error":[21,"Job not found",null]}}"#)
                    } + "\n",
                );
                d.share(ok, 0.5 * TWO_32);
                id += 1;
            }
        }
    }
    d.done()
}

/// Plain form: subscription without a version, five values with `0x` in job and share.
pub fn plain(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("ethereum-stratum-1", None, &wallet::eth(number), "rig2");
    truth.agent = Some("PhoenixMiner/5.5c".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let seed = rng.hex(32);
    let target = "0x00000002000000000000000000000000000000000000000000000000000000ff";
    let notify = |job: &str, header: &str, clean: bool| {
        format!(
            r#"{{"id":null,"method":"mining.notify","params":["{job}","0x{header}","0x{seed}","{target}",{clean}]}}"#
        ) + "\n"
    };
    let (mut job, mut header) = (rng.hex(4), rng.hex(32));
    d.client(MILLI, concat!(r#"{"id":1,"method":"mining.subscribe","params":["PhoenixMiner/5.5c"]}"#, "\n"));
    d.server(MILLI + reply(rng), concat!(r#"{"id":1,"result":true,"error":null}"#, "\n"));
    d.client(
        200 * MILLI,
        format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"],"worker":"rig2"}}"#) + "\n",
    );
    d.server(
        255 * MILLI,
        concat!(r#"{"id":2,"result":true,"error":null}"#, "\n").to_owned() + &notify(&job, &header, true),
    );
    d.job();
    let mut id = 3;
    let pace = Pace { seconds: 900, block: 13.0, refresh: None, share: 60.0, refuse: 0 };
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { clean } => {
                (job, header) = (rng.hex(4), rng.hex(32));
                d.server(at, notify(&job, &header, clean));
                d.job();
            }
            Event::Share { ok } => {
                d.client(
                    at,
                    format!(
                        r#"{{"id":{id},"method":"mining.submit","params":["{login}","{job}","0x{}","0x{header}","0x{}"]}}"#,
                        rng.hex(8),
                        rng.hex(32)
                    ) + "\n",
                );
                d.server(at + reply(rng), format!(r#"{{"id":{id},"result":{ok},"error":null}}"#) + "\n");
                d.share(ok, TWO_32 / 2.0);
                id += 1;
            }
        }
    }
    d.done()
}

/// `EthereumStratum/2.0.0`: hello, session and worker ids, `mining.set`, `mining.noop` and `mining.bye`.
pub fn version_2(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("ethereum-stratum-2", None, &wallet::eth(number), "rig3");
    truth.agent = Some("ethminer-0.19".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    let (session, worker) = (format!("s-{}", rng.hex(2)), format!("w-{}", rng.hex(2)));
    d.client(
        MILLI,
        concat!(
            r#"{"id":0,"method":"mining.hello","params":{"agent":"ethminer-0.19","host":"eu1.pool.example","port":"d05","proto":"EthereumStratum/2.0.0"}}"#,
            "\n"
        ),
    );
    d.server(
        MILLI + reply(rng),
        concat!(
            r#"{"id":0,"result":{"proto":"EthereumStratum/2.0.0","encoding":"plain","resume":"0","timeout":"12c","maxerrors":"5","node":"geth/v1.9"}}"#,
            "\n"
        ),
    );
    d.client(210 * MILLI, concat!(r#"{"id":1,"method":"mining.subscribe"}"#, "\n"));
    d.server(260 * MILLI, format!(r#"{{"id":1,"result":"{session}"}}"#) + "\n");
    d.client(300 * MILLI, format!(r#"{{"id":2,"method":"mining.authorize","params":["{login}","x"]}}"#) + "\n");
    let mut job = rng.hex(4);
    let notify = |rng: &mut Rng, job: &str, height: u64, clean: bool| {
        format!(
            r#"{{"method":"mining.notify","params":["{job}","{height:x}","{}","{}"]}}"#,
            rng.hex(32),
            u8::from(clean)
        ) + "\n"
    };
    let mut height = 22_841_000;
    let burst = format!(r#"{{"id":2,"result":"{worker}"}}"#)
        + "\n"
        + r#"{"method":"mining.set","params":{"epoch":"1d7","target":"0000000100000000000000000000000000000000000000000000000000000000","algo":"ethash","extranonce":"5e1"}}"#
        + "\n"
        + &notify(rng, &job, height, true);
    d.server(355 * MILLI, burst);
    d.job();
    let mut id = 40;
    let pace = Pace { seconds: 1200, block: 13.0, refresh: None, share: 80.0, refuse: 5 };
    let mut last_rate = 0;
    for (at, event) in events(rng, pace) {
        if at > last_rate + 180 * SECOND {
            last_rate = at;
            d.client(
                at - 100 * MILLI,
                format!(r#"{{"method":"mining.hashrate","params":["3333333","{worker}"]}}"#) + "\n",
            );
            d.client(at - 90 * MILLI, format!(r#"{{"id":{id},"method":"mining.noop"}}"#) + "\n");
            id += 1;
        }
        match event {
            Event::Job { clean } => {
                height += u64::from(clean);
                job = rng.hex(4);
                d.server(at, notify(rng, &job, height, clean));
                d.job();
            }
            Event::Share { ok } => {
                d.client(
                    at,
                    format!(r#"{{"id":{id},"method":"mining.submit","params":["{job}","{}","{worker}"]}}"#, rng.hex(6))
                        + "\n",
                );
                d.server(
                    at + reply(rng),
                    if ok {
                        format!(r#"{{"id":{id},"result":true}}"#)
                    } else {
                        format!(r#"{{"id":{id},"error":{{"code":406,"message":"Bad nonce"}}}}"#)
                    } + "\n",
                );
                d.share(ok, TWO_32);
                id += 1;
            }
        }
    }
    d.client(pace.seconds * SECOND + SECOND, concat!(r#"{"id":90,"method":"mining.bye"}"#, "\n"));
    d.done()
}

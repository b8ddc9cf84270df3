//! Mining protocols with framing of their own: p2pool's side chain, BTCAgent, DATUM, Duino-Coin, Aleo.
//!
//! Message forms after the project's protocol notes, sections 3.6, 4.2, 5.3, 9 and 11.

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Truth, events, reply};
use super::super::rng::Rng;

/// Two peers of the p2pool side chain: handshake, blocks asked for and broadcast, lists of peers.
pub fn p2pool(rng: &mut Rng, _: u8) -> Dialogue {
    let mut d = Dialogue::new(Truth { dialect: "p2pool", coin: Some("XMR"), ..Truth::default() });
    let challenge = |rng: &mut Rng| [vec![0], rng.bytes(16)].concat();
    let block = |rng: &mut Rng, id: u8, n: usize| {
        let mut b = vec![id];
        b.extend((n as u32).to_le_bytes());
        b.extend(rng.bytes(n));
        b
    };
    d.client(MILLI, challenge(rng));
    d.server(14 * MILLI, challenge(rng));
    // Who connected owes work: the last eight bytes of its hash, a number, times 10000 fit in 64 bits.
    let mut solution = [vec![1], rng.bytes(40)].concat();
    (solution[31], solution[32]) = (3, 0);
    d.client(44 * MILLI, solution);
    let mut answer = [vec![1], rng.bytes(40)].concat();
    answer[32] |= 0x40;
    let listen = |port: i32| [vec![2], port.to_le_bytes().to_vec()].concat();
    answer.extend(listen(37_889));
    answer.extend([vec![3], vec![0; 32]].concat());
    d.server(66 * MILLI, answer);
    d.client(70 * MILLI, [listen(37_889), [vec![3], vec![0; 32]].concat()].concat());
    d.server(120 * MILLI, block(rng, 4, 2_700));
    d.job();
    d.client(124 * MILLI, block(rng, 4, 2_700));
    let mut at = SECOND;
    for n in 0..6_u64 {
        at += rng.range(9, 40) * SECOND;
        d.client(at, vec![6]);
        let peers: Vec<u8> = [vec![7, 3], rng.bytes(3 * 19)].concat();
        d.server(at + reply(rng), peers);
        at += rng.range(2, 9) * SECOND;
        if n % 3 == 2 {
            d.client(at, block(rng, 8, 900));
        } else {
            d.server(at, block(rng, if n % 2 == 0 { 8 } else { 5 }, 1_400));
            d.job();
            d.client(at + 90 * MILLI, [vec![9], rng.bytes(32)].concat());
        }
    }
    d.done()
}

/// BTCAgent for three rigs: JSON opening, registrations, difficulties, shares with and without version bits.
pub fn btcagent(rng: &mut Rng, _: u8) -> Dialogue {
    let truth = Truth {
        dialect: "btcagent",
        login: Some("examplefarm".to_owned()),
        agent: Some("btccom-agent/2.0.0-mu".to_owned()),
        worker: Some("rig1".to_owned()),
        ..Truth::default()
    };
    let mut d = Dialogue::new(truth);
    let frame = |kind: u8, body: &[u8]| {
        let mut f = vec![0x7f, kind];
        f.extend((body.len() as u16 + 4).to_le_bytes());
        f.extend(body);
        f
    };
    let caps = |id: &str| {
        format!("{{\"id\":\"{id}\",\"method\":\"agent.get_capabilities\",\"params\":[\"verrol\",\"subres\"]}}\n")
    };
    let have = |id: &str| format!("{{\"id\":\"{id}\",\"result\":{{\"capabilities\":[\"verrol\",\"subres\"]}}}}\n");
    d.client(MILLI, caps("conn_test"));
    d.server(60 * MILLI, have("conn_test"));
    let opening = [
        caps("caps"),
        "{\"id\":\"conf\",\"method\":\"mining.configure\",\"params\":[[\"version-rolling\"],{\"version-rolling.mask\":\"ffffffff\",\"version-rolling.min-bit-count\":0}]}\n".to_owned(),
        "{\"id\":\"sub\",\"method\":\"mining.subscribe\",\"params\":[\"btccom-agent/2.0.0-mu\"]}\n".to_owned(),
        "{\"id\":\"auth\",\"method\":\"mining.authorize\",\"params\":[\"examplefarm\",\"\"]}\n".to_owned(),
    ];
    d.client(70 * MILLI, opening.concat());
    let notify = |rng: &mut Rng, id: u32| {
        format!(
            "{{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"{id}\",\"{}\",\"{}\",\"{}\",[\"{}\",\"{}\"],\"20000000\",\"17021c4a\",\"69a4d2c0\",true]}}\n",
            rng.hex(32),
            rng.hex(50),
            rng.hex(70),
            rng.hex(32),
            rng.hex(32)
        )
    };
    let answers = [
        have("caps"),
        "{\"id\":\"conf\",\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"1fffe000\"},\"error\":null}\n".to_owned(),
        "{\"id\":\"sub\",\"result\":[[[\"mining.set_difficulty\",\"01ab34cd\"],[\"mining.notify\",\"01ab34cd\"]],\"01ab34cd\",8],\"error\":null}\n".to_owned(),
        "{\"id\":\"auth\",\"result\":true,\"error\":null}\n".to_owned(),
        "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[16384]}\n".to_owned(),
        notify(rng, 1),
    ];
    d.server(150 * MILLI, answers.concat());
    d.job();
    let mut register = Vec::new();
    for rig in 1..=3_u16 {
        let body = [&rig.to_le_bytes()[..], b"cgminer/4.10.0\0rig", rig.to_string().as_bytes(), b"\0"].concat();
        register.extend(frame(0x01, &body));
    }
    d.client(900 * MILLI, register);
    // 2^16 for all three.
    d.server(990 * MILLI, frame(0x05, &[16, 3, 0, 1, 0, 2, 0, 3, 0]));
    let (mut job, mut index) = (1_u32, 0_u16);
    for (at, event) in events(rng, Pace { seconds: 900, block: 500.0, refresh: Some(90), share: 12.0, refuse: 12 }) {
        match event {
            Event::Job { .. } => {
                job += 1;
                d.server(at, notify(rng, job));
                d.job();
            }
            Event::Share { ok } => {
                let rig = 1 + index % 3;
                let mut body = vec![job as u8];
                body.extend(rig.to_le_bytes());
                body.extend(rng.bytes(8));
                // Every other one with version bits.
                let kind = if index % 2 == 0 { 0x02 } else { 0x12 };
                if kind == 0x12 {
                    body.extend(0x1fff_e000_u32.to_le_bytes());
                }
                d.client(at, frame(kind, &body));
                let status: u32 = if ok { 1_798_084_231 } else { 23 };
                let answer = [&index.to_le_bytes()[..], &status.to_le_bytes()].concat();
                d.server(at + reply(rng), frame(0x10, &answer));
                d.share(ok, 65_536.0 * 4_294_967_296.0);
                index += 1;
            }
        }
    }
    d.client(901 * SECOND, frame(0x04, &[2, 0]));
    d.done()
}

/// DATUM: the greeting under its fixed mask, and traffic that nobody without the keys can read.
pub fn datum(rng: &mut Rng, _: u8) -> Dialogue {
    let mut d = Dialogue::new(Truth { dialect: "datum", coin: Some("BTC"), ..Truth::default() });
    let sealed = 380 + rng.range(1, 200) as u32;
    // Command 1, sealed to the pool's key, signed.
    let header = (sealed | 1 << 24 | 1 << 25 | 1 << 27) ^ 0xdc87_1829;
    d.client(MILLI, [header.to_le_bytes().to_vec(), rng.bytes(sealed as usize)].concat());
    d.server(130 * MILLI, rng.bytes(312));
    let mut at = SECOND;
    for _ in 0..20 {
        at += rng.range(3, 30) * SECOND;
        let n = rng.range(120, 700) as usize;
        d.client(at, rng.bytes(n));
        d.server(at + reply(rng), rng.bytes(70));
    }
    d.done()
}

/// Duino-Coin: version, message of the day, jobs and results; no line ends from the client.
pub fn duino(rng: &mut Rng, _: u8) -> Dialogue {
    let truth = Truth {
        dialect: "duino-coin",
        login: Some("alice".to_owned()),
        agent: Some("Official PC Miner 4.3".to_owned()),
        worker: Some("barn".to_owned()),
        ..Truth::default()
    };
    let mut d = Dialogue::new(truth);
    d.server(30 * MILLI, "3.0\n");
    d.client(60 * MILLI, "MOTD");
    d.server(95 * MILLI, "Be kind to your rigs. And to each other.\n");
    let (mut at, difficulty) = (SECOND, 2_000_u64);
    for n in 0..30_u64 {
        d.client(at, "JOB,alice,LOW,None");
        d.server(at + reply(rng), format!("{},{},{difficulty}\n", rng.hex(20), rng.hex(20)));
        d.job();
        at += rng.range(700, 1500) * MILLI;
        let result = rng.range(1, difficulty * 100);
        d.client(at, format!("{result},312345.6,Official PC Miner 4.3,barn,,2811"));
        let ok = n % 11 != 7;
        d.server(at + reply(rng), if ok { "GOOD\n" } else { "BAD,Incorrect result\n" });
        d.share(ok, difficulty as f64 * 50.0);
        at += rng.range(200, 400) * MILLI;
    }
    d.done()
}

/// Aleo by zk.work's program: connect, acknowledge, jobs, solutions, pings.
pub fn aleo(rng: &mut Rng, number: u8) -> Dialogue {
    let wallet = format!("aleo1{}", "q".repeat(57) + &number.to_string());
    let truth = Truth {
        dialect: "aleo-zkwork",
        coin: Some("ALEO"),
        login: Some(wallet.clone()),
        worker: Some("barn".to_owned()),
        ..Truth::default()
    };
    let mut d = Dialogue::new(truth);
    let frame = |body: &[u8]| [&(body.len() as u32).to_le_bytes()[..], body].concat();
    d.client(MILLI, frame(&[&[128, 1, 0, 0, 2, 3, 4][..], b"barn", wallet.as_bytes()].concat()));
    d.server(
        50 * MILLI,
        frame(&[&[0, 1][..], &rng.bytes(32), &7_u32.to_le_bytes(), b"a-signature-of-the-pool"].concat()),
    );
    let job = |rng: &mut Rng, id: u64| {
        frame(&[&[1][..], &id.to_le_bytes(), &0x0000_00ff_ffff_ffff_u64.to_le_bytes(), &rng.bytes(32)].concat())
    };
    let mut id = 1;
    d.server(60 * MILLI, job(rng, id));
    d.job();
    for (at, event) in events(rng, Pace { seconds: 600, block: 60.0, refresh: Some(20), share: 1e9, refuse: 0 }) {
        if let Event::Job { .. } = event {
            id += 1;
            d.server(at, job(rng, id));
            d.job();
        } else {
            d.client(at, frame(&[131]));
            d.server(at + reply(rng), frame(&[3]));
        }
    }
    d.done()
}

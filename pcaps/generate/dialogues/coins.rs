//! Dialects of one coin each: Beam and Iron Fish over lines, Chia over HTTP.
//!
//! Message forms after the project's protocol notes, sections 9 (D19, D20) and 11 (D26).

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Truth, events, reply};
use super::super::rng::Rng;

const TWO_32: f64 = 4_294_967_296.0;

/// Beam: everything at the top level, shares of 104 bytes, a packed difficulty.
pub fn beam(rng: &mut Rng, _: u8) -> Dialogue {
    let address = rng.hex(33);
    let mut truth = Truth { dialect: "beam", coin: Some("BEAM"), login: Some(address.clone()), ..Truth::default() };
    truth.worker = Some("rx580".to_owned());
    let mut d = Dialogue::new(truth);
    d.client(MILLI, format!(r#"{{"method":"login","api_key":"{address}.rx580","id":"login","jsonrpc":"2.0"}}"#) + "\n");
    let at = MILLI + reply(rng);
    d.server(
        at,
        concat!(
            r#"{"jsonrpc":"2.0","code":0,"description":"Login successful","forkheight":321321,"id":"login","method":"result","nonceprefix":"0a0b0c"}"#,
            "\n"
        ),
    );
    let mut id = 1000 + rng.range(0, 9000);
    let mut height = 3_000_100;
    // Exponent 9, mantissa 1.25: 640 solutions a share.
    let job = |rng: &mut Rng, id: u64, height: u64| {
        format!(
            r#"{{"jsonrpc":"2.0","difficulty":155189248,"height":{height},"id":"{id}","input":"{}","method":"job"}}"#,
            rng.hex(32)
        ) + "\n"
    };
    let first = job(rng, id, height);
    d.server(at + 4 * MILLI, first);
    d.job();
    let pace = Pace { seconds: 900, block: 60.0, refresh: None, share: 31.0, refuse: 8 };
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { clean } => {
                d.server(at, format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"cancel"}}"#) + "\n");
                (id, height) = (id + 1, height + u64::from(clean));
                let next = job(rng, id, height);
                d.server(at + 2 * MILLI, next);
                d.job();
            }
            Event::Share { ok } => {
                let (nonce, output) = (rng.hex(8), rng.hex(104));
                d.client(
                    at,
                    format!(
                        r#"{{"method":"solution","id":"{id}","nonce":"{nonce}","output":"{output}","jsonrpc":"2.0"}}"#
                    ) + "\n",
                );
                let (code, word) = if ok { (1, "accepted") } else { (3, "expired") };
                d.server(
                    at + reply(rng),
                    format!(
                        r#"{{"jsonrpc":"2.0","code":{code},"description":"{word}","id":"{id}","method":"result"}}"#
                    ) + "\n",
                );
                d.share(ok, 640.0);
            }
        }
    }
    d.done()
}

/// Iron Fish: members in `body`, shares answered by a message.
pub fn iron_fish(rng: &mut Rng, _: u8) -> Dialogue {
    let address = rng.hex(32);
    let mut truth = Truth { dialect: "ironfish", coin: Some("IRON"), login: Some(address.clone()), ..Truth::default() };
    (truth.worker, truth.agent) = (Some("rig1".to_owned()), Some("ironfish-cli/2.8.1".to_owned()));
    let mut d = Dialogue::new(truth);
    d.client(
        MILLI,
        format!(
            r#"{{"id":0,"method":"mining.subscribe","body":{{"version":3,"agent":"ironfish-cli/2.8.1","publicAddress":"{address}","name":"rig1"}}}}"#
        ) + "\n",
    );
    let (mut id, mut request) = (0, 5);
    let target = format!("{:08x}{}", 0x0000_0010, "0".repeat(56));
    let notify = |rng: &mut Rng, id: u64, request: u64| {
        format!(
            r#"{{"id":{id},"method":"mining.notify","body":{{"miningRequestId":{request},"header":"{}"}}}}"#,
            rng.hex(180)
        ) + "\n"
    };
    let at = MILLI + reply(rng);
    let first = notify(rng, 2, request);
    d.server(
        at,
        format!(
            "{{\"id\":0,\"method\":\"mining.subscribed\",\"body\":{{\"clientId\":7,\"xn\":\"ab01\"}}}}\n{{\"id\":1,\"method\":\"mining.set_target\",\"body\":{{\"target\":\"{target}\"}}}}\n{first}"
        ),
    );
    d.job();
    let pace = Pace { seconds: 1200, block: 60.0, refresh: None, share: 40.0, refuse: 9 };
    for (said, (at, event)) in (3..).zip(events(rng, pace)) {
        match event {
            Event::Job { .. } => {
                request += 1;
                let next = notify(rng, said, request);
                d.server(at, next);
                d.job();
            }
            Event::Share { ok } => {
                id += 1;
                let randomness = rng.hex(8);
                d.client(
                    at,
                    format!(
                        r#"{{"id":{id},"method":"mining.submit","body":{{"miningRequestId":{request},"randomness":"{randomness}"}}}}"#
                    ) + "\n",
                );
                let body = if ok {
                    format!(r#"{{"id":{id},"result":true}}"#)
                } else {
                    format!(r#"{{"id":{id},"result":false,"message":"Stale work"}}"#)
                };
                d.server(
                    at + reply(rng),
                    format!(r#"{{"id":{said},"method":"mining.submitted","body":{body}}}"#) + "\n",
                );
                // 2^256 / (16 · 2^224)
                d.share(ok, TWO_32 / 16.0);
            }
        }
    }
    d.done()
}

/// A Chia farmer whose TLS is taken off before the sensor: pool information, registration, partial proofs.
pub fn chia(rng: &mut Rng, _: u8) -> Dialogue {
    let launcher = format!("0x{}", rng.hex(32));
    let agent = "Chia Blockchain v.2.4.4";
    let mut truth = Truth { dialect: "chia", coin: Some("XCH"), login: Some(launcher.clone()), ..Truth::default() };
    truth.agent = Some(agent.to_owned());
    let mut d = Dialogue::new(truth);
    let headers = format!("Host: pool.example\r\nUser-Agent: {agent}\r\nAccept: */*\r\n");
    let ok = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let post = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let (key, signature) = (rng.hex(48), rng.hex(96));
    d.client(MILLI, format!("GET /pool_info HTTP/1.1\r\n{headers}\r\n"));
    let info = format!(
        r#"{{"description":"an invented pool","fee":"0.01","logo_url":"http://pool.example/logo.svg","minimum_difficulty":1,"name":"Pool","protocol_version":1,"relative_lock_height":32,"target_puzzle_hash":"0x{}","authentication_token_timeout":5}}"#,
        rng.hex(32)
    );
    d.server(40 * MILLI, ok(&info));
    let token = 5_908_032;
    d.client(
        300 * MILLI,
        post(
            "/farmer",
            &format!(
                r#"{{"payload":{{"launcher_id":"{launcher}","authentication_token":{token},"authentication_public_key":"0x{key}","payout_instructions":"{}","suggested_difficulty":null}},"signature":"0x{signature}"}}"#,
                rng.hex(32)
            ),
        ),
    );
    d.server(360 * MILLI, ok(r#"{"welcome_message":"Welcome"}"#));
    d.client(
        700 * MILLI,
        format!(
            "GET /farmer?launcher_id={launcher}&authentication_token={token}&signature=0x{signature} HTTP/1.1\r\n{headers}\r\n"
        ),
    );
    d.server(
        760 * MILLI,
        ok(&format!(
            r#"{{"authentication_public_key":"0x{key}","payout_instructions":"ab","current_difficulty":10,"current_points":0}}"#
        )),
    );
    let mut at = 30 * SECOND;
    for n in 0..12 {
        let body = format!(
            r#"{{"payload":{{"launcher_id":"{launcher}","authentication_token":{token},"proof_of_space":{{"challenge":"0x{}","pool_contract_puzzle_hash":"0x{}","plot_public_key":"0x{}","pool_public_key":null,"size":32,"proof":"0x{}"}},"sp_hash":"0x{}","end_of_sub_slot":false,"harvester_id":"0x{}"}},"aggregate_signature":"0x{}"}}"#,
            rng.hex(32),
            rng.hex(32),
            rng.hex(48),
            rng.hex(256),
            rng.hex(32),
            "0b".repeat(32),
            rng.hex(96)
        );
        d.client(at, post("/partial", &body));
        let taken = n % 6 != 4;
        let answer = if taken {
            r#"{"new_difficulty":10}"#.to_owned()
        } else {
            r#"{"error_code":2,"error_message":"Received partial in 31 seconds"}"#.to_owned()
        };
        d.server(at + reply(rng), ok(&answer));
        d.share(taken, 0.0);
        at += rng.range(60, 400) * SECOND;
    }
    d.done()
}

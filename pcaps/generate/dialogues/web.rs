//! Miners over WebSocket: web miners of two families, Nimiq, DERO, Qubic; and talk of other pages that looks like it.
//!
//! Message forms after the project's protocol notes, section 10 (D21, D23, D24, D27).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Stage, Truth, events, reply};
use super::super::rng::Rng;
use super::super::wallet;
use super::super::websocket::{Framing, wrap, wrap_with};

const TWO_32: f64 = 4_294_967_296.0;
const BROWSER: &str = "Origin: http://video.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n";
const PACE: Pace = Pace { seconds: 420, block: 90.0, refresh: Some(60), share: 14.0, refuse: 11 };

/// Coinhive's messages with a wallet for a site key, as lines: what a bridge or the WebSocket carries.
pub fn coinhive_lines(rng: &mut Rng, number: u8) -> Dialogue {
    let site = wallet::xmr(number);
    let truth = Truth {
        dialect: "coinhive",
        coin: Some("XMR"),
        login: Some(site.clone()),
        wallet: Some(site),
        ..Truth::default()
    };
    coinhive(rng, truth)
}

/// The same from a page, with a site's own key (FN15).
pub fn coinhive_page(rng: &mut Rng, _: u8) -> Dialogue {
    let key: String = rng.bytes(32).iter().map(|b| char::from(b'A' + b % 26)).collect();
    let lines = coinhive(rng, Truth { dialect: "coinhive", login: Some(key), ..Truth::default() });
    wrap_with(&lines, rng, "/proxy", "ws.video.example", Framing::Plain, BROWSER)
}

fn coinhive(rng: &mut Rng, truth: Truth) -> Dialogue {
    let site = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    d.client(
        MILLI,
        format!(
            r#"{{"type":"auth","params":{{"version":7,"site_key":"{site}","type":"anonymous","user":null,"goal":0}}}}"#
        ) + "\n",
    );
    let at = MILLI + reply(rng);
    d.server(at, "{\"type\":\"authed\",\"params\":{\"token\":\"\",\"hashes\":0}}\n");
    let mut id = rng.hex(8);
    let job = |rng: &mut Rng, id: &str| {
        let (a, b) = (rng.hex(37), rng.hex(33));
        format!(
            r#"{{"type":"job","params":{{"job_id":"{id}","blob":"1010{a}00000000{b}","target":"ffffff00","algo":"cn/half"}}}}"#
        ) + "\n"
    };
    let first = job(rng, &id);
    d.server(at + 2 * MILLI, first);
    d.job();
    let mut hashes = 0;
    for (at, event) in events(rng, PACE) {
        match event {
            Event::Job { .. } => {
                id = rng.hex(8);
                let next = job(rng, &id);
                d.server(at, next);
                d.job();
            }
            Event::Share { ok } => {
                let (nonce, result) = (rng.hex(4), rng.hex(32));
                d.client(
                    at,
                    format!(
                        r#"{{"type":"submit","params":{{"version":7,"job_id":"{id}","nonce":"{nonce}","result":"{result}"}}}}"#
                    ) + "\n",
                );
                hashes += 256 * u64::from(ok);
                d.server(
                    at + reply(rng),
                    if ok {
                        format!(r#"{{"type":"hash_accepted","params":{{"hashes":{hashes}}}}}"#)
                    } else {
                        r#"{"type":"error","params":{"error":"invalid_share"}}"#.to_owned()
                    } + "\n",
                );
                d.share(ok, TWO_32 / 16_777_215.0);
            }
        }
    }
    d.done()
}

/// webminerpool from a page, both directions packed.
pub fn webminerpool(rng: &mut Rng, number: u8) -> Dialogue {
    let lines = webminerpool_lines(rng, number);
    wrap_with(&lines, rng, "/", "cdn.game.example:8181", Framing::Deflate, BROWSER)
}

/// The same, not packed.
pub fn webminerpool_plain(rng: &mut Rng, number: u8) -> Dialogue {
    let lines = webminerpool_lines(rng, number);
    wrap_with(&lines, rng, "/", "cdn.game.example:8181", Framing::Plain, BROWSER)
}

fn webminerpool_lines(rng: &mut Rng, number: u8) -> Dialogue {
    let login = wallet::xmr(number);
    let truth = Truth {
        dialect: "webminerpool",
        coin: Some("XMR"),
        login: Some(login.clone()),
        wallet: Some(login.clone()),
        ..Truth::default()
    };
    let mut d = Dialogue::new(truth);
    d.client(
        MILLI,
        format!(
            r#"{{"identifier":"handshake","pool":"pool.example","login":"{login}","password":"x","userid":"","version":8}}"#
        ) + "\n",
    );
    let mut id = rng.hex(6);
    let job = |rng: &mut Rng, id: &str| {
        let (a, b) = (rng.hex(37), rng.hex(33));
        format!(
            r#"{{"identifier":"job","job_id":"{id}","algo":"cn","variant":1,"height":0,"blob":"1010{a}00000000{b}","target":"711b0d00"}}"#
        ) + "\n"
    };
    let first = job(rng, &id);
    d.server(MILLI + reply(rng), first);
    d.job();
    let pace = Pace { refuse: 0, ..PACE };
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { .. } => {
                id = rng.hex(6);
                let next = job(rng, &id);
                d.server(at, next);
                d.job();
            }
            Event::Share { ok } => {
                let (nonce, result) = (rng.hex(4), rng.hex(32));
                d.client(
                    at,
                    format!(r#"{{"identifier":"solved","job_id":"{id}","nonce":"{nonce}","result":"{result}"}}"#)
                        + "\n",
                );
                d.server(at + reply(rng), "{\"identifier\":\"hashsolved\"}\n");
                d.share(ok, TWO_32 / f64::from(0x000d_1b71));
            }
        }
    }
    d.done()
}

/// A Nimiq nano client, messages in fragments. Shares are not answered.
pub fn nimiq(rng: &mut Rng, number: u8) -> Dialogue {
    let address = wallet::nim(number);
    let mut truth = Truth {
        dialect: "nimiq",
        coin: Some("NIM"),
        login: Some(address.clone()),
        wallet: Some(address.clone()),
        ..Truth::default()
    };
    truth.worker = Some("office-pc".to_owned());
    let b64 = |rng: &mut Rng, n| STANDARD.encode(rng.bytes(n));
    let mut d = Dialogue::new(truth);
    let genesis = b64(rng, 32);
    d.client(
        MILLI,
        format!(
            r#"{{"message":"register","mode":"nano","address":"{address}","deviceId":{},"deviceName":"office-pc","deviceData":null,"genesisHash":"{genesis}"}}"#,
            rng.range(1, 1 << 32)
        ) + "\n",
    );
    let at = MILLI + reply(rng);
    let extra = b64(rng, 30);
    d.server(
        at,
        format!(
            "{{\"message\":\"registered\"}}\n{{\"message\":\"settings\",\"address\":\"{}\",\"extraData\":\"{extra}\",\"targetCompact\":520159232,\"nonce\":{}}}\n",
            wallet::nim(number.wrapping_add(1)),
            rng.range(1, 1 << 50)
        ),
    );
    let mut height = 1_204_300;
    let block = |rng: &mut Rng, height: u64| {
        let (body, accounts, previous) = (b64(rng, 32), b64(rng, 32), b64(rng, 146));
        format!(
            r#"{{"message":"new-block","bodyHash":"{body}","accountsHash":"{accounts}","previousBlock":"{previous}","height":{height}}}"#
        ) + "\n"
    };
    let first = block(rng, height);
    d.server(at + 5 * MILLI, first);
    d.job();
    let pace = Pace { seconds: 600, block: 60.0, refresh: None, share: 20.0, refuse: 0 };
    for (n, (at, event)) in events(rng, pace).into_iter().enumerate() {
        match event {
            Event::Job { .. } => {
                height += 1;
                let next = block(rng, height);
                d.server(at, next);
                d.job();
            }
            Event::Share { .. } => {
                d.client(at, format!(r#"{{"message":"share","nonce":{}}}"#, rng.range(0, 1 << 32)) + "\n");
                d.truth.submitted += 1;
            }
        }
        if n % 12 == 7 {
            d.server(
                at + 200 * MILLI,
                "{\"message\":\"balance\",\"balance\":1200,\"confirmedBalance\":900,\"payoutRequestActive\":false}\n",
            );
        }
    }
    debug_assert_eq!(d.truth.stage, Stage::Session);
    wrap(&d.done(), rng, "/", "pool.nimiq.example:8444", Framing::Fragments)
}

/// DERO on somebody's node: jobs pushed twice a second, shares answered by the counters in them.
pub fn dero(rng: &mut Rng, number: u8) -> Dialogue {
    let wallet = wallet::dero(number);
    let mut truth = Truth::of("dero", Some("DERO"), &wallet, "laptop");
    truth.stage = Stage::Attempt;
    let path = format!("/ws/{}", truth.login());
    let mut d = Dialogue::new(truth);
    let (mut height, mut at) = (5_804_100, 150 * MILLI);
    let (mut taken, mut refused) = (0, 0);
    let (mut blob, mut n) = (rng.hex(48), 0);
    while at < 40 * SECOND {
        let job = format!("{}.0.notified", 1_772_400_000_000 + at / MILLI);
        d.server(
            at,
            format!(
                r#"{{"jobid":"{job}","blocktemplate_blob":"","blockhashing_blob":"{blob}","difficulty":"90000","difficultyuint64":90000,"height":{height},"prev_hash":"{}","epochmilli":0,"blocks":0,"miniblocks":{taken},"rejected":{refused},"lasterror":"","status":"OK"}}"#,
                &blob[..64]
            ) + "\n",
        );
        d.job();
        if n % 36 == 35 {
            (height, blob) = (height + 1, rng.hex(48));
        }
        if n % 8 == 5 {
            let ok = n % 40 != 37;
            d.client(at + 200 * MILLI, format!(r#"{{"jobid":"{job}","mbl_blob":"{}"}}"#, rng.hex(48)) + "\n");
            d.share(ok, 90_000.0);
            (taken, refused) = if ok { (taken + 1, refused) } else { (taken, refused + 1) };
        }
        n += 1;
        at += 480 * MILLI + rng.range(0, 40) * MILLI;
    }
    wrap(&d.done(), rng, &path, "node.example:10100", Framing::Plain)
}

/// A Qubic client: host and path are known, its messages are not; these carry an identity, as its settings do.
pub fn qubic(rng: &mut Rng, number: u8) -> Dialogue {
    let identity: String = (0..60_u8).map(|i| char::from(b'A' + i.wrapping_mul(7).wrapping_add(number) % 26)).collect();
    let truth = Truth {
        dialect: "qubic",
        coin: Some("QUBIC"),
        login: Some(identity.clone()),
        wallet: Some(identity.clone()),
        ..Truth::default()
    };
    let mut d = Dialogue::new(truth);
    d.client(
        MILLI,
        format!(
            r#"{{"alias":"rig8","qubicAddress":"{identity}","trainer":{{"cpu":true,"gpu":false,"cpuThreads":8}}}}"#
        ) + "\n",
    );
    d.server(MILLI + reply(rng), "{\"status\":\"ok\"}\n");
    wrap(&d.done(), rng, "/ws", "wps.qubic.li", Framing::Plain)
}

/// Other pages: a captcha's site key, a subscription by identifier, messages called `register`, a room named in the path.
pub fn others(rng: &mut Rng, which: u8) -> Dialogue {
    let talk: &[(bool, &str)] = match which {
        0 => &[
            (true, r#"{"type":"auth","params":{"site_key":"6LcExample","action":"login"}}"#),
            (false, r#"{"type":"authed","params":{"token":"tok","user":7}}"#),
            (false, r#"{"type":"job","params":{"job_id":91,"state":"running","target":"staging"}}"#),
            (true, r#"{"type":"submit","params":{"form":"profile","job_id":91}}"#),
        ],
        1 => &[
            (true, r#"{"command":"subscribe","identifier":"{\"channel\":\"ChatChannel\"}"}"#),
            (false, r#"{"identifier":"{\"channel\":\"ChatChannel\"}","type":"confirm_subscription"}"#),
            (true, r#"{"identifier":"handshake","version":8,"login":"erin"}"#),
            (false, r#"{"identifier":"job","job_id":"7","blob":"deadbeef"}"#),
        ],
        2 => &[
            (true, r#"{"message":"register","address":"1 Main Street","deviceId":4,"name":"Erin"}"#),
            (false, r#"{"message":"registered"}"#),
            (false, r#"{"message":"settings","theme":"dark","target":5}"#),
            (true, r#"{"message":"share","url":"http://photo.example/1"}"#),
        ],
        _ => &[
            (true, r#"{"jobid":"5","status":"wait"}"#),
            (false, r#"{"jobid":"5","height":200,"difficulty":"easy","blocks":3,"rejected":0}"#),
            (true, r#"{"method":"job","id":"5","input":"camera","difficulty":"easy"}"#),
            (false, r#"{"method":"result","id":"5","code":0,"description":"done"}"#),
        ],
    };
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for (client, text) in talk {
        if *client {
            d.client(at, format!("{text}\n"));
        } else {
            d.server(at, format!("{text}\n"));
        }
        at += rng.range(40, 900) * MILLI;
    }
    let path = if which > 2 { "/ws/room-5" } else { "/socket" };
    wrap_with(&d.done(), rng, path, "app.example", Framing::Plain, BROWSER)
}

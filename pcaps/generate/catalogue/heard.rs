//! Miners that nobody can read, told by sizes and times, and what goes on beside them for as long. Numbers 300 to 303.

use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{Dialogue, MILLI, SECOND, Side};
use super::super::expect::Flow;
use super::super::heard::{self, Said};
use super::super::tcp::{self, Conversation};
use super::super::tls::{self, Answer};
use super::super::wire;
use Family::{V4, V6};

/// Forty minutes.
const LENGTH: f64 = 2_400.0;

/// The captures.
pub fn all() -> Vec<Product> {
    [in_tls(), jobs_only(), in_wireguard(), others()].into_iter().flatten().collect()
}

fn dialogue(c: &mut Capture, hello: &[u8], said: &[Said]) -> Dialogue {
    let opening = tls::conversation(hello, &Answer::Tls13, 0, &mut c.rng);
    heard::in_tls(opening, said, &mut c.rng)
}

fn play(c: &mut Capture, talk: &Conversation, hello: &[u8], said: &[Said]) {
    let dialogue = dialogue(c, hello, said);
    let segments = tcp::play(talk, &dialogue, &mut c.rng);
    c.put(talk, &segments, &Carriage::Plain);
}

fn found<'a>(c: &'a mut Capture, talk: &Conversation, codes: &[&str]) -> &'a mut Flow {
    c.expect.flows.push(Flow {
        miner: talk.client.ip().to_string(),
        miner_port: talk.client.port(),
        pool: talk.server.ip().to_string(),
        pool_port: talk.server.port(),
        dialect: vec!["encrypted".to_owned()],
        required: true,
        one_way: Some(false),
        evidence: codes.iter().map(|c| (*c).to_owned()).collect(),
        ..Flow::default()
    });
    let flow = c.expect.flows.last_mut().unwrap();
    flow.at_least("suspected").at_most("probable");
    flow
}

fn in_tls() -> Vec<Product> {
    let about = "a miner in TLS at an unknown host, for forty minutes: suspected by sizes and times alone; beside it a push \
                 service, a program that polls and a sensor that reports by chance, which are nothing";
    let mut c = Capture::new(300, "heard-in-tls", about);
    let talk = c.line(V4, 11, 443);
    let said = heard::mining(LENGTH, 60.0, 25.0, &mut c.rng);
    play(&mut c, &talk, &tls::openssl(Some("cdn.files.example")), &said);
    found(&mut c, &talk, &["miner-tls", "steady-exchange", "steady-pushes"]).handshake_verified = Some(true);
    c.refuse(&talk.server.to_string(), "verdict_too_low");
    beside(&mut c, V4);
    c.finish()
}

/// What lasts as long and mines nothing.
fn beside(c: &mut Capture, family: Family) {
    let other = c.second_pool();
    let all =
        [heard::push_service(LENGTH, &mut c.rng), heard::poller(LENGTH, &mut c.rng), heard::sensor(LENGTH, &mut c.rng)];
    for (host, said) in (21..).zip(all) {
        let client = c.inside(family, host);
        let server = if family == V4 { other } else { c.pool(family) };
        let talk = c.between(client, server, 443);
        play(c, &talk, &tls::openssl(Some("push.phones.example")), &said);
    }
}

fn jobs_only() -> Vec<Product> {
    let about = "a slow miner in TLS that never finds a share, picked up in the middle: suspected by its jobs alone, which \
                 come on a timer that blocks restart";
    let mut c = Capture::new(301, "heard-jobs-only", about);
    let talk = c.line(V6, 11, 9200);
    let said = heard::mining(LENGTH, 60.0, 0.0, &mut c.rng);
    let dialogue = dialogue(&mut c, &tls::openssl(None), &said);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let late: Vec<_> = segments.into_iter().filter(|s| s.at > talk.start + 20 * SECOND).collect();
    c.put(&talk, &late, &Carriage::Plain);
    let flow = found(&mut c, &talk, &["steady-pushes", "job-timer"]);
    (flow.mid_stream, flow.handshake_verified) = (Some(true), Some(false));
    c.refuse(&talk.server.to_string(), "no_handshake");
    c.finish()
}

fn in_wireguard() -> Vec<Product> {
    let about =
        "a miner alone in a WireGuard tunnel: suspected by sizes and times; nothing that goes over UDP is blocked";
    let mut c = Capture::new(302, "heard-in-wireguard", about);
    let talk = c.line(V4, 11, 51_820);
    let said = heard::mining(LENGTH, 60.0, 25.0, &mut c.rng);
    for (n, (at, side, datagram)) in heard::in_wireguard(&said, &mut c.rng).into_iter().enumerate() {
        let packet = wire::udp(talk.address(side), talk.address(side.other()), n as u16, &datagram);
        c.frame(talk.start + at, &packet, side, talk.client.ip(), &Carriage::Plain);
    }
    found(&mut c, &talk, &["steady-exchange", "steady-pushes", "known-sizes"]);
    c.refuse(&talk.server.to_string(), "datagrams");
    c.finish()
}

fn others() -> Vec<Product> {
    let about =
        "forty minutes of a push service, a program that polls and a sensor in TLS, and of a tunnel in use: nothing";
    let mut c = Capture::new(303, "heard-others", about);
    beside(&mut c, V6);
    let talk = c.line(V4, 31, 51_820);
    let mut at = 0;
    for n in 0..400_u16 {
        at += c.rng.range(5, 9_000) * MILLI;
        let side = if c.rng.chance(0.4) { Side::Client } else { Side::Server };
        let mut datagram = vec![4, 0, 0, 0, 9, 9, 9, 9];
        let size = c.rng.range(1, 30) as usize * 16;
        datagram.extend(c.rng.bytes(size + 24));
        let packet = wire::udp(talk.address(side), talk.address(side.other()), n, &datagram);
        c.frame(talk.start + at, &packet, side, talk.client.ip(), &Carriage::Plain);
    }
    c.expect.health.insert("rhythms".to_owned(), 4);
    c.finish()
}

//! Protocols with framing of their own, and the management of rigs. Numbers 200 to 219.

use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{Dialogue, MILLI, SECOND, Side, Stage, Truth};
use super::super::dialogues::{binary, management, stratum2};
use super::super::expect::Flow;
use super::super::mangle;
use super::super::rng::Rng;
use super::super::tcp::{self, Cut, End};

type Make = fn(&mut Rng, u8) -> Dialogue;
pub(super) type Asked = fn(&mut Rng) -> Dialogue;

/// The captures.
pub fn all() -> Vec<Product> {
    use Family::{V4, V6};
    let whole: [(u8, &str, Family, u16, Make, &str); 8] = [
        (
            200,
            "stratum-v2-noise-v4",
            V4,
            3336,
            stratum2::device,
            "Stratum V2 under Noise: a device on a standard channel",
        ),
        (
            201,
            "stratum-v2-noise-v6",
            V6,
            34254,
            stratum2::proxy,
            "Stratum V2 under Noise: a proxy on an extended channel, segments of 170 bytes",
        ),
        (202, "stratum-v2-clear-v4", V4, 34250, stratum2::clear, "Stratum V2 in the clear: every message can be read"),
        (
            204,
            "datum-v4",
            V4,
            28915,
            binary::datum,
            "DATUM: only the greeting can be told; jobs and shares cannot be seen",
        ),
        (
            205,
            "btcagent-v6",
            V6,
            1800,
            binary::btcagent,
            "BTCAgent: three rigs behind one connection, frames among lines",
        ),
        (207, "p2pool-v6", V6, 37889, binary::p2pool, "two peers of the p2pool side chain"),
        (209, "duino-coin-v4", V4, 2813, binary::duino, "Duino-Coin: the server speaks first"),
        (210, "aleo-zkwork-v6", V6, 10003, binary::aleo, "Aleo by zk.work's program: binary, shares unanswered"),
    ];
    let mut out = Vec::new();
    for (number, name, family, port, make, about) in whole {
        let mut c = Capture::new(number.into(), name, about);
        let dialogue = make(&mut c.rng, number);
        let mut talk = c.line(family, 11, port);
        if number == 201 {
            talk.cut = Cut::Every(Side::Server, 170);
        }
        c.show(&talk, &dialogue, &Carriage::Plain);
        out.extend(c.finish());
    }
    for captures in [clear_mid_stream(), btcagent_mid_stream(), p2pool_one_way(), managed(), scans(), strangers()] {
        out.extend(captures);
    }
    out
}

fn clear_mid_stream() -> Vec<Product> {
    let about = "Stratum V2 in the clear from the middle: the first packet is a job of the pool";
    let mut c = Capture::new(203, "stratum-v2-mid-stream", about);
    let dialogue = stratum2::clear(&mut c.rng, 203);
    let mut talk = c.line(Family::V6, 11, 34250);
    talk.end = End::Open;
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let segments = mangle::from_message(segments, 120, &[0, 0x80, 0x15]);
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &dialogue, "no_handshake");
    (flow.login, flow.worker, flow.agent) = (None, None, None);
    flow.mid_stream = Some(true);
    flow.stage(Stage::Accepted).at_least("confirmed");
    c.finish()
}

fn btcagent_mid_stream() -> Vec<Product> {
    let about = "BTCAgent from the middle: the first packet is a share in a binary frame; the opening is not seen";
    let mut c = Capture::new(206, "btcagent-mid-stream", about);
    let dialogue = binary::btcagent(&mut c.rng, 206);
    let mut talk = c.line(Family::V4, 11, 1800);
    talk.end = End::Open;
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let segments = mangle::from_message(segments, 120, &[0x7f, 0x02]);
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &dialogue, "no_handshake");
    (flow.login, flow.worker, flow.agent) = (None, None, None);
    flow.mid_stream = Some(true);
    flow.stage(Stage::Accepted).at_least("confirmed");
    c.finish()
}

fn p2pool_one_way() -> Vec<Product> {
    let about =
        "only what the peer inside sends to the p2pool side chain: its proof of work tells, the other is not seen";
    let mut c = Capture::new(208, "p2pool-one-way", about);
    let dialogue = binary::p2pool(&mut c.rng, 208);
    let talk = c.line(Family::V4, 11, 37888);
    let segments = mangle::one_way(tcp::play(&talk, &dialogue, &mut c.rng), Side::Client);
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &dialogue, "one_way");
    flow.one_way = Some(true);
    flow.stage(Stage::Attempt).at_least("suspected").at_most("probable");
    c.finish()
}

/// Interfaces of rigs that are no web pages.
fn managed() -> Vec<Product> {
    let list: [(u8, &str, Family, u16, Asked, &str); 4] = [
        (211, "rig-cgminer-json", Family::V4, 4028, management::cgminer_json, "cgminer's interface in JSON"),
        (212, "rig-cgminer-text", Family::V6, 4028, management::cgminer_text, "cgminer's interface as text"),
        (
            213,
            "rig-claymore",
            Family::V4,
            3333,
            management::claymore,
            "Claymore's interface on the port that pools like",
        ),
        (214, "rig-xmrig-http", Family::V6, 18080, management::xmrig, "XMRig's interface over HTTP"),
    ];
    stations(&list)
}

/// A station inside asks its rigs: inventory, suspected and no more. Who asks is no pool: nothing to block, and nothing to
/// refuse. A rig is capture number, name, addresses, port, dialogue, and what it is.
pub(super) fn stations(rigs: &[(u8, &str, Family, u16, Asked, &str)]) -> Vec<Product> {
    let mut out = Vec::new();
    for &(number, name, family, port, make, about) in rigs {
        let mut c =
            Capture::new(number.into(), name, &format!("{about}: a station asks, the rig answers; nothing here mines"));
        let dialogue = make(&mut c.rng);
        let (station, rig) = (c.inside(family, 5), c.inside(family, 11));
        let talk = c.between(station, rig, port);
        let segments = tcp::play(&talk, &dialogue, &mut c.rng);
        c.put(&talk, &segments, &Carriage::Plain);
        let mut flow = Flow {
            miner: talk.server.ip().to_string(),
            miner_port: talk.server.port(),
            pool: talk.client.ip().to_string(),
            pool_port: talk.client.port(),
            dialect: vec![dialogue.truth.dialect.to_owned()],
            required: true,
            agent: dialogue.truth.agent.clone(),
            one_way: Some(false),
            mid_stream: Some(false),
            handshake_verified: Some(true),
            ..Flow::default()
        };
        flow.stage(Stage::Attempt).at_least("suspected").at_most("suspected");
        c.expect.flows.push(flow);
        out.extend(c.finish());
    }
    out
}

fn scans() -> Vec<Product> {
    let about = "questions for rigs that nobody answers as a rig: a scan from outside, and services with like words";
    let mut c = Capture::new(215, "benign-rig-scan", about);
    for (n, (port, dialogue)) in management::scans().into_iter().enumerate() {
        let (outside, inside) = (c.pool(Family::V4), c.inside(Family::V4, 11 + n as u8));
        let talk = c.between(outside, inside, port);
        let segments = tcp::play(&talk, &dialogue, &mut c.rng);
        c.put(&talk, &segments, &Carriage::Plain);
    }
    c.finish()
}

/// Openings of 64 bytes and the like by protocols that do not mine.
fn strangers() -> Vec<Product> {
    let about = "binary protocols that open as Stratum V2, p2pool or DATUM do, or nearly: Bitcoin v2, Lightning, libp2p, others";
    let mut c = Capture::new(216, "benign-binary-openings", about);
    let lists: [(u16, &[(Side, usize)]); 6] = [
        // BIP 324 without garbage, and with.
        (8333, &[(C, 64), (S, 64), (C, 36), (S, 36), (C, 146), (S, 170), (C, 44), (S, 600)]),
        (8333, &[(C, 64), (S, 234), (C, 162), (S, 150), (C, 44), (S, 300), (C, 62), (S, 58)]),
        // BOLT 8.
        (9735, &[(C, 50), (S, 50), (C, 66), (S, 58), (C, 58), (S, 90)]),
        // libp2p.
        (4001, &[(C, 34), (S, 234), (C, 200), (S, 44), (C, 90), (S, 300)]),
        // The other way round.
        (3336, &[(S, 64), (C, 234), (S, 100), (C, 44), (S, 120), (C, 400)]),
        // p2pool's sizes without its proof of work.
        (37889, &[(C, 17), (S, 17), (C, 41), (S, 41), (C, 38), (S, 2000)]),
    ];
    for (n, (port, turns)) in lists.into_iter().enumerate() {
        let mut d = Dialogue::new(Truth::default());
        let mut at = MILLI;
        for (side, size) in turns {
            let mut bytes = c.rng.bytes(*size);
            if port == 37889 {
                bytes[0] = match size {
                    17 => 0,
                    41 => 1,
                    _ => 3,
                };
                bytes[size.min(&41) - 9] |= 0x80;
            }
            match side {
                Side::Client => d.client(at, bytes),
                Side::Server => d.server(at, bytes),
            }
            at += SECOND / 16;
        }
        let talk = c.line(Family::V4, 11 + n as u8, port);
        let segments = tcp::play(&talk, &d, &mut c.rng);
        c.put(&talk, &segments, &Carriage::Plain);
    }
    c.finish()
}

const C: Side = Side::Client;
const S: Side = Side::Server;

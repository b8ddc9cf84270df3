//! The smaller coins' dialects of JSON lines. Numbers 160 to 179.

use super::super::benign::queue;
use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{Dialogue, Side, Stage};
use super::super::dialogues::{alephium, autolykos, conflux, kaspa, kawpow, nonces, proofs, sia};
use super::super::expect::Shares;
use super::super::mangle;
use super::super::rng::Rng;
use super::super::tcp::{self, End};

type Make = fn(&mut Rng, u8) -> Dialogue;

/// The captures.
pub fn all() -> Vec<Product> {
    use Family::{V4, V6};
    let whole: [(u8, &str, Family, u16, Make, &str); 16] = [
        (160, "kawpow-v4", V4, 3838, kawpow::ravencoin, "kawpowminer on Ravencoin: a target, jobs with a height"),
        (162, "autolykos-v4", V4, 1180, autolykos::decimal, "Ergo: Bitcoin's opening, a decimal target in the job"),
        (163, "autolykos-target-v6", V6, 8888, autolykos::target, "Ergo's older form: a target, jobs of four values"),
        (164, "kaspa-v4", V4, 5555, kaspa::bridge, "Kaspa at the usual bridge: jobs as numbers, set_extranonce"),
        (
            165,
            "kaspa-bzminer-v6",
            V6,
            3112,
            kaspa::bzminer,
            "Karlsen by BzMiner: both ends call it EthereumStratum/1.0.0, which it is not",
        ),
        (
            166,
            "alephium-v4",
            V4,
            20032,
            |r, n| alephium::server_first(r, n, 220),
            "Alephium's own pool speaks first; no subscription; shares answered by a method",
        ),
        (
            167,
            "alephium-miningcore-v6",
            V6,
            20032,
            |r, n| alephium::miningcore(r, n, 220),
            "Alephium with the usual opening",
        ),
        (168, "conflux-v4", V4, 32525, conflux::octopus, "Conflux: the subscription is the login, answers are arrays"),
        (170, "eaglesong-v4", V4, 6464, nonces::eaglesong, "CKB: a nonce of twelve bytes left to the miner"),
        (171, "kadena-v6", V6, 1917, nonces::kadena, "Kadena: jobs of one header, a key as login"),
        (172, "xelis-v4", V4, 3333, nonces::xelis, "Xelis: algorithms in the subscription, worker apart, pings"),
        (173, "aeternity-v6", V6, 9999, proofs::aeternity, "Aeternity: shares with a cycle of 42 edges"),
        (174, "aleo-v4", V4, 4400, proofs::aleo_2, "Aleo, second version of the specification"),
        (175, "sia-v6", V6, 3333, sia::siamining, "Sia: Bitcoin's words, times and nonces of eight bytes"),
        (176, "sia-header-v4", V4, 3333, |r, _| sia::whole_header(r), "Sia as at BTC.com's pool: jobs of a header"),
        (177, "aleo-1-v6", V6, 4400, proofs::aleo_1, "Aleo, first version: hashes of a tree, long proofs"),
    ];
    let mut out = Vec::new();
    for (number, name, family, port, make, about) in whole {
        let mut c = Capture::new(number.into(), name, about);
        let dialogue = make(&mut c.rng, number);
        let mut talk = c.line(family, 11, port);
        talk.timestamps = number % 4 != 3;
        talk.end = match number % 3 {
            0 => End::Open,
            1 => End::Fin(Side::Client),
            _ => End::Reset(Side::Client),
        };
        c.gzip = true;
        c.show(&talk, &dialogue, &Carriage::Plain);
        out.extend(c.finish());
    }
    out.extend(begins_with_job());
    out.extend(one_way(169, "conflux-one-way-v6", Family::V6, 32525, conflux::octopus, "Conflux"));
    out.extend(one_way(178, "kaspa-one-way-v4", Family::V4, 5555, kaspa::bridge, "Kaspa"));
    out.extend(nothing());
    out
}

fn begins_with_job() -> Vec<Product> {
    let mut c = Capture::new(
        161,
        "kawpow-mid-stream-v6",
        "the sensor starts in the middle of a KawPow session, at a job; the login is in every share",
    );
    let dialogue = kawpow::ravencoin(&mut c.rng, 161);
    let mut talk = c.line(Family::V6, 11, 6060);
    talk.end = End::Open;
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let segments = mangle::from_message(segments, 120, br#"{"id":null,"method":"mining.notify""#);
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &dialogue, "no_handshake");
    flow.agent = None;
    flow.mid_stream = Some(true);
    flow.stage(Stage::Accepted).at_least("confirmed");
    c.finish()
}

fn one_way(number: u8, name: &str, family: Family, port: u16, make: Make, coin: &str) -> Vec<Product> {
    let mut c = Capture::new(number.into(), name, &format!("{coin}: only what the miner sends is mirrored (FS07)"));
    let dialogue = make(&mut c.rng, number);
    let talk = c.line(family, 11, port);
    let segments = mangle::one_way(tcp::play(&talk, &dialogue, &mut c.rng), Side::Client);
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &dialogue, "one_way");
    flow.one_way = Some(true);
    let submitted = dialogue.truth.submitted;
    flow.shares = Some(Shares { submitted, accepted: 0, rejected: 0 });
    flow.stage(Stage::Attempt).at_least("suspected").at_most("probable");
    c.finish()
}

fn nothing() -> Vec<Product> {
    let mut c = Capture::new(179, "benign-build-queue", "a queue of build jobs in the words of mining: nothing mines");
    let dialogue = queue::build_queue(&mut c.rng);
    let talk = c.line(Family::V4, 11, 3333);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    c.put(&talk, &segments, &Carriage::Plain);
    c.finish()
}

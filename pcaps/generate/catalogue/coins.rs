//! Dialects of one coin, miners over WebSocket, and variants of the `CryptoNote` login. Numbers 180 to 199.

use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{Dialogue, Side, Stage};
use super::super::dialogues::{coins, grin, variants, web};
use super::super::expect::Shares;
use super::super::mangle;
use super::super::rng::Rng;
use super::super::tcp::{self, End};

type Make = fn(&mut Rng, u8) -> Dialogue;

/// The captures.
pub fn all() -> Vec<Product> {
    use Family::{V4, V6};
    let plain: [(u8, &str, Family, u16, Make, &str); 17] = [
        (180, "grin-v4", V4, 3416, grin::grin, "Grin: string ids, replies that repeat the method, shares of 42 edges"),
        (181, "epic-v6", V6, 3416, grin::epic, "Epic: jobs name their algorithm, shares an object by algorithm"),
        (182, "beam-v4", V4, 3333, coins::beam, "Beam with TLS taken off: members at the top level, packed difficulty"),
        (183, "ironfish-v6", V6, 9034, coins::iron_fish, "Iron Fish: members in body, shares answered by messages"),
        (
            184,
            "nimiq-websocket-v4",
            V4,
            8444,
            web::nimiq,
            "Nimiq nano client: messages in fragments between pings, shares that nobody answers",
        ),
        (
            185,
            "coinhive-websocket-v4",
            V4,
            80,
            web::coinhive_page,
            "a page's miner over the site's own host, masked frames in the clear (FN15)",
        ),
        (186, "coinhive-lines-v6", V6, 8892, web::coinhive_lines, "the same words as lines, a wallet for a site key"),
        (
            187,
            "webminerpool-websocket-v6",
            V6,
            8181,
            web::webminerpool,
            "webminerpool from a page, both directions packed by permessage-deflate",
        ),
        (
            188,
            "dero-websocket-v4",
            V4,
            10100,
            web::dero,
            "DERO: wallet and worker in the path, the node pushes jobs, its counters answer shares",
        ),
        (
            189,
            "qubic-websocket-v6",
            V6,
            80,
            web::qubic,
            "a Qubic client, known by host, path and identity alone: too little to block",
        ),
        (190, "chia-http-v4", V4, 80, coins::chia, "a Chia farmer with TLS taken off: registration, partial proofs"),
        (
            191,
            "cryptonote-self-select-v6",
            V6,
            3333,
            variants::self_select,
            "self-select: the pool names its wallet, the miner sends its own blocks",
        ),
        (
            192,
            "cryptonote-kawpow-v4",
            V4,
            10128,
            variants::kawpow,
            "XMRig mining kawpow: a CryptoNote login, then mining.notify and mining.submit",
        ),
        (
            193,
            "cryptonote-benchmark-v6",
            V6,
            10001,
            variants::benchmark,
            "a login with rates by algorithm, as algorithm switching pools want it",
        ),
        (
            194,
            "cryptonote-tari-v4",
            V4,
            18143,
            variants::tari,
            "Tari: string ids, numbered jobs, numbers for nonces, no wallet",
        ),
        (
            195,
            "cryptonote-proxy-v6",
            V6,
            4444,
            variants::proxy,
            "a proxy for many rigs: two more nonces, signature and commitment in every share",
        ),
        (196, "cryptonote-p2pool-v4", V4, 3333, variants::p2pool, "p2pool's port for rigs: a name and a difficulty"),
    ];
    let mut out = Vec::new();
    for (number, name, family, port, make, about) in plain {
        let mut c = Capture::new(number.into(), name, about);
        c.gzip = true;
        let dialogue = make(&mut c.rng, number);
        let mut talk = c.line(family, 11, port);
        talk.end = match number % 3 {
            0 => End::Open,
            1 => End::Fin(Side::Client),
            _ => End::Reset(Side::Client),
        };
        let flow = c.show(&talk, &dialogue, &Carriage::Plain);
        // Shares came without a job: a farmer's work is the chain's.
        if number == 190 {
            flow.hashrate_between = None;
        }
        // The host that takes miners, says the feed, whatever port it is asked on.
        if number == 189 {
            c.noted(talk.client.ip(), ("Qubic.li", "pool"), &["name-sent"], &["wps.qubic.li"]);
        }
        out.extend(c.finish());
    }
    out.extend(mid_stream());
    out.extend(one_way());
    out.extend(other_sockets());
    out
}

fn mid_stream() -> Vec<Product> {
    let mut c = Capture::new(
        197,
        "coinhive-mid-stream",
        "the sensor starts in the middle of a page's mining, at a job: no upgrade and no site key is seen",
    );
    let dialogue = web::coinhive_page(&mut c.rng, 197);
    let mut talk = c.line(Family::V4, 11, 80);
    talk.end = End::Open;
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    // A text frame with two bytes of length, unmasked: the pool's jobs are the only ones of that size.
    let segments = mangle::from_message(segments, 100, &[0x81, 126]);
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &dialogue, "no_handshake");
    flow.login = None;
    flow.mid_stream = Some(true);
    flow.stage(Stage::Accepted).at_least("confirmed");
    c.finish()
}

fn one_way() -> Vec<Product> {
    let mut c = Capture::new(198, "grin-one-way", "only what a Grin miner sends is mirrored");
    let dialogue = grin::grin(&mut c.rng, 198);
    let talk = c.line(Family::V6, 11, 3416);
    let segments = mangle::one_way(tcp::play(&talk, &dialogue, &mut c.rng), Side::Client);
    c.put(&talk, &segments, &Carriage::Plain);
    let submitted = dialogue.truth.submitted;
    let flow = c.found_in_part(&talk, &dialogue, "one_way");
    flow.one_way = Some(true);
    flow.at_least("suspected").at_most("probable");
    flow.shares = Some(Shares { submitted, accepted: 0, rejected: 0 });
    flow.stage(Stage::Attempt);
    c.finish()
}

fn other_sockets() -> Vec<Product> {
    let mut c = Capture::new(
        199,
        "benign-websockets",
        "pages whose messages use a miner's words: a captcha's site key, a channel's identifier, settings, a room",
    );
    for which in 0..4 {
        let dialogue = web::others(&mut c.rng, which);
        let talk = c.line(Family::V4, 11 + which, 80);
        let segments = tcp::play(&talk, &dialogue, &mut c.rng);
        c.put(&talk, &segments, &Carriage::Plain);
    }
    c.finish()
}

//! What TCP, bad networks and bad sensors do to a conversation. Numbers 40 to 59.

use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{MILLI, SECOND, Side, Stage};
use super::super::dialogues::{bitcoin, cryptonote, equihash};
use super::super::expect::Shares;
use super::super::mangle;
use super::super::tcp::{self, Cut, End};

/// The captures.
pub fn all() -> Vec<Product> {
    [
        one_byte(),
        three_segments(),
        mid_message(),
        begins_with_job(Family::V4),
        begins_with_share(),
        one_way(46, "one-way-client", Side::Client),
        one_way(47, "one-way-server", Side::Server),
        retransmitted(),
        reordered(),
        mirrored(),
        lossy(),
        overlapping(),
        wrapped(),
        rotated(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn one_byte() -> Vec<Product> {
    let mut c = Capture::new(40, "split-one-byte", "the miner sends every byte in a segment of its own");
    let dialogue = cryptonote::brief(&mut c.rng, 40);
    let mut talk = c.line(Family::V4, 11, 3333);
    talk.cut = Cut::Every(Side::Client, 1);
    c.show(&talk, &dialogue, &Carriage::Plain);
    c.gzip = true;
    c.finish()
}

fn three_segments() -> Vec<Product> {
    let mut c = Capture::new(41, "split-small-segments", "the pool's lines come in segments of 40 bytes (FN13)");
    let dialogue = cryptonote::brief(&mut c.rng, 41);
    let mut talk = c.line(Family::V6, 11, 3333);
    talk.cut = Cut::Every(Side::Server, 40);
    c.show(&talk, &dialogue, &Carriage::Plain);
    c.finish()
}

fn mid_message() -> Vec<Product> {
    let mut c =
        Capture::new(42, "split-mid-message", "segments that begin and end inside messages and hold several of them");
    let dialogue = bitcoin::cpuminer(&mut c.rng, 42);
    let cut = dialogue.recut(&mut c.rng, 400 * MILLI);
    let talk = c.line(Family::V4, 11, 3333);
    c.show(&talk, &cut, &Carriage::Plain);
    c.finish()
}

fn begins_with_job(family: Family) -> Vec<Product> {
    let mut c = Capture::new(
        43,
        "mid-stream-job",
        "the sensor starts in the middle; the first packet is the pool's mining.notify: the miner is the other end (FS05)",
    );
    let dialogue = bitcoin::cgminer(&mut c.rng, 43);
    let mut talk = c.line(family, 11, 3333);
    talk.end = End::Open;
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let segments = mangle::from_message(segments, 120, br#"{"id":null,"method":"mining.notify""#);
    c.put(&talk, &segments, &Carriage::Plain);
    let login = dialogue.truth.login.clone();
    let flow = c.found_in_part(&talk, &dialogue, "no_handshake");
    // Subscription and authorization were not seen; the login is in every share.
    flow.agent = None;
    flow.login = login;
    flow.mid_stream = Some(true);
    flow.stage(Stage::Accepted).at_least("confirmed");
    c.finish()
}

fn begins_with_share() -> Vec<Product> {
    let mut c = Capture::new(
        45,
        "mid-stream-share",
        "the sensor starts in the middle of a CryptoNote session, at a share; no login is seen",
    );
    let dialogue = cryptonote::xmrig(&mut c.rng, 45);
    let mut talk = c.line(Family::V6, 11, 443);
    talk.end = End::Open;
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let segments: Vec<_> = {
        let start = talk.start + 300 * SECOND;
        let holds = |p: &[u8]| p.windows(18).any(|w| w == br#""method":"submit","#);
        let first = segments.iter().position(|s| s.at > start && holds(&s.payload)).unwrap();
        segments.into_iter().skip(first).collect()
    };
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &dialogue, "no_handshake");
    (flow.login, flow.wallet, flow.worker, flow.agent, flow.coin) = (None, None, None, None, None);
    flow.mid_stream = Some(true);
    flow.stage(Stage::Accepted).at_least("confirmed");
    c.finish()
}

fn one_way(number: u8, name: &str, side: Side) -> Vec<Product> {
    let about = match side {
        Side::Client => "only what the miner sends is mirrored (FS07)",
        Side::Server => "only what the pool sends is mirrored",
    };
    let mut c = Capture::new(number.into(), name, about);
    let dialogue = bitcoin::bfgminer(&mut c.rng, number);
    let talk = c.line(Family::V4, 11, 3333);
    let segments = mangle::one_way(tcp::play(&talk, &dialogue, &mut c.rng), side);
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &dialogue, "one_way");
    flow.one_way = Some(true);
    flow.at_least("suspected").at_most("probable");
    match side {
        Side::Client => {
            let submitted = dialogue.truth.submitted;
            flow.shares = Some(Shares { submitted, accepted: 0, rejected: 0 });
            flow.stage(Stage::Attempt);
        }
        Side::Server => {
            // Jobs are seen; who asked for them, and whether a `true` was a share's, is not.
            flow.stage = None;
            (flow.login, flow.wallet, flow.worker, flow.agent, flow.coin) = (None, None, None, None, None);
        }
    }
    c.finish()
}

fn retransmitted() -> Vec<Product> {
    let mut c = Capture::new(
        48,
        "retransmissions",
        "every ninth data segment is lost beyond the sensor and sent again: shares count once",
    );
    let dialogue = cryptonote::xmrig(&mut c.rng, 48);
    let mut talk = c.line(Family::V4, 11, 3333);
    talk.resend = (0..200).step_by(9).collect();
    c.show(&talk, &dialogue, &Carriage::Plain);
    c.finish()
}

fn reordered() -> Vec<Product> {
    let mut c = Capture::new(49, "reordered", "shares of 2.8 kB whose segments arrive in the wrong order");
    let dialogue = equihash::zcash(&mut c.rng, 49);
    let talk = c.line(Family::V4, 11, 3333);
    let segments = mangle::reordered(tcp::play(&talk, &dialogue, &mut c.rng), 2);
    c.put(&talk, &segments, &Carriage::Plain);
    c.found(&talk, &dialogue);
    c.finish()
}

fn mirrored() -> Vec<Product> {
    let mut c = Capture::new(
        50,
        "mirrored-twice",
        "each packet twice within a millisecond, as an ingress and egress mirror shows it (FS09)",
    );
    let dialogue = cryptonote::nicehash(&mut c.rng, 50);
    let talk = c.line(Family::V4, 11, 3333);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let whole = segments.len() as u64;
    c.put(&talk, &mangle::mirrored(segments), &Carriage::Plain);
    c.found(&talk, &dialogue);
    c.expect.health.insert("duplicate_packets".to_owned(), whole);
    c.finish()
}

fn lossy() -> Vec<Product> {
    let mut c = Capture::new(
        51,
        "lost-by-sensor",
        "the sensor misses some segments that did arrive: gaps, then the next whole line counts again",
    );
    let dialogue = cryptonote::xmrig(&mut c.rng, 51);
    let talk = c.line(Family::V4, 11, 3333);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let segments = mangle::missed(segments, Side::Server, &[4, 5, 12]);
    let segments = mangle::missed(segments, Side::Client, &[6]);
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found(&talk, &dialogue);
    flow.shares = None;
    flow.hashrate_between = None;
    c.expect.health_at_least.insert("reassembly_gaps".to_owned(), 3);
    c.finish()
}

fn overlapping() -> Vec<Product> {
    let mut c =
        Capture::new(52, "overlapping", "segments that begin inside what was already sent, with the same bytes");
    let dialogue = bitcoin::cpuminer(&mut c.rng, 52);
    let talk = c.line(Family::V4, 11, 3333);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let segments = mangle::overlapping(segments, &[4, 9, 10, 15, 22, 23]);
    c.put(&talk, &segments, &Carriage::Plain);
    c.found(&talk, &dialogue);
    c.expect.health.insert("overlap_conflicts".to_owned(), 0);
    c.finish()
}

fn wrapped() -> Vec<Product> {
    let mut c =
        Capture::new(53, "sequence-wrap", "sequence numbers of both sides pass 2^32 in the middle of the session");
    let dialogue = cryptonote::xmr_stak(&mut c.rng, 53);
    let mut talk = c.line(Family::V4, 11, 3333);
    talk.isn = [u32::MAX - 900, u32::MAX - 2500];
    c.show(&talk, &dialogue, &Carriage::Plain);
    c.finish()
}

fn rotated() -> Vec<Product> {
    let mut c = Capture::new(
        54,
        "rotated",
        "a set of rotated files: handshake in the first, login in the second, shares in the third; one flow (CF11)",
    );
    let dialogue = cryptonote::xmrig(&mut c.rng, 54);
    let talk = c.line(Family::V4, 11, 3333);
    c.show(&talk, &dialogue, &Carriage::Plain);
    let first_share = c.records.iter().position(|r| r.data.windows(18).any(|w| w == br#""method":"submit","#)).unwrap();
    let end = c.records.len();
    c.finish_parts(&[("rotated-0".to_owned(), 3), ("rotated-1".to_owned(), first_share), ("rotated-2".to_owned(), end)])
}

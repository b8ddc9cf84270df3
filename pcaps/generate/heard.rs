//! Long conversations that nobody can read: mining inside TLS and WireGuard, and what else goes on for as long.
//!
//! In: a length and a source of chance. Out: who sends how many bytes when. Sizes and times of the miners are those of
//! XMRig and a pool for Monero: 378 bytes a job, 184 a share, 64 a reply, blocks every two minutes on average, a job at
//! the latest a minute after the one before.

use super::build::record;
use super::dialogue::{Dialogue, MILLI, SECOND, Side};
use super::rng::Rng;

/// A message: when, whose, and how many bytes before encryption.
pub type Said = (u64, Side, usize);

/// What TLS 1.3 adds to what is inside a record: the type and a tag (RFC 8446 §5.2).
const SEALED: usize = 17;
/// Bytes of a job, a share and its reply.
const JOB: usize = 378;
const SHARE: usize = 184;
const REPLY: usize = 64;

fn seconds(s: f64) -> u64 {
    (s * SECOND as f64) as u64
}

/// A pool's jobs: on a timer of `timer` seconds that each block restarts.
fn jobs(length: f64, timer: f64, block: f64, rng: &mut Rng, blocks: &mut Vec<u64>) -> Vec<Said> {
    let (mut at, mut next_block) = (1.0, rng.exponential(block));
    let mut said = vec![(seconds(at), Side::Server, JOB)];
    while at < length {
        at = if next_block < at + timer { next_block } else { at + timer };
        if at >= next_block {
            blocks.push(seconds(at));
            next_block += rng.exponential(block).max(1.0);
        }
        said.push((seconds(at) + rng.range(0, 300) * MILLI, Side::Server, JOB));
    }
    said
}

/// Mining Monero, with a share every `mean` seconds on average; none if that is zero.
pub fn mining(length: f64, timer: f64, mean: f64, rng: &mut Rng) -> Vec<Said> {
    mining_of(length, timer, mean, rng, &mut Vec::new())
}

/// The same, with the times at which blocks were found.
pub fn mining_of(length: f64, timer: f64, mean: f64, rng: &mut Rng, blocks: &mut Vec<u64>) -> Vec<Said> {
    let mut said = jobs(length, timer, 120.0, rng, blocks);
    let mut at = 3.0;
    while at < length && mean > 0.0 {
        at += rng.exponential(mean);
        if at > length {
            break;
        }
        said.push((seconds(at), Side::Client, SHARE));
        said.push((seconds(at) + rng.range(150, 260) * MILLI, Side::Server, REPLY));
    }
    said.sort_by_key(|s| s.0);
    said
}

/// A push service: kept alive on a timer, with news of any size now and then.
pub fn push_service(length: f64, rng: &mut Rng) -> Vec<Said> {
    let mut said = Vec::new();
    let mut at = 5.0;
    while at < length {
        said.push((seconds(at), Side::Server, 24));
        said.push((seconds(at) + 40 * MILLI, Side::Client, 24));
        at += 60.0;
    }
    let mut at = 17.0;
    while at < length {
        said.push((seconds(at), Side::Server, rng.range(180, 1400) as usize));
        said.push((seconds(at) + 60 * MILLI, Side::Client, 31));
        at += rng.exponential(150.0);
    }
    said.sort_by_key(|s| s.0);
    said
}

/// A program that asks the same thing every thirty seconds.
pub fn poller(length: f64, rng: &mut Rng) -> Vec<Said> {
    let mut said = Vec::new();
    let mut at = 2.0;
    while at < length {
        said.push((seconds(at), Side::Client, 213));
        said.push((seconds(at) + rng.range(60, 90) * MILLI, Side::Server, 88));
        at += 30.0;
    }
    said
}

/// A sensor that reports what happens when it happens: by chance, always as many bytes, answered at once.
pub fn sensor(length: f64, rng: &mut Rng) -> Vec<Said> {
    let mut said = Vec::new();
    let mut at = 2.0;
    while at < length {
        said.push((seconds(at), Side::Client, 196));
        said.push((seconds(at) + rng.range(20, 40) * MILLI, Side::Server, 12));
        at += rng.exponential(25.0);
    }
    said
}

/// The same in records of TLS 1.3, behind what was said before.
pub fn in_tls(mut opening: Dialogue, said: &[Said], rng: &mut Rng) -> Dialogue {
    for (at, side, size) in said {
        let sealed = record(23, &rng.bytes(size + SEALED));
        match side {
            Side::Client => opening.client(*at, sealed),
            Side::Server => opening.server(*at, sealed),
        }
    }
    opening.done()
}

/// Datagrams of WireGuard: each segment of TCP inside with its acknowledgement, padded to 16 bytes.
pub fn in_wireguard(said: &[Said], rng: &mut Rng) -> Vec<(u64, Side, Vec<u8>)> {
    // IPv4 and TCP with timestamps.
    const HEADERS: usize = 20 + 32;
    let mut counter = [0_u64; 2];
    let mut datagram = |side: Side, inside: usize, rng: &mut Rng| {
        let mut d = vec![4, 0, 0, 0, 7, 7, 7, side.index() as u8];
        d.extend(counter[side.index()].to_le_bytes());
        counter[side.index()] += 1;
        d.extend(rng.bytes(inside.next_multiple_of(16) + 16));
        d
    };
    let mut out = Vec::new();
    for (at, side, size) in said {
        out.push((*at, *side, datagram(*side, HEADERS + size, rng)));
        out.push((at + 40 * MILLI, side.other(), datagram(side.other(), HEADERS, rng)));
    }
    out.sort_by_key(|d| d.0);
    out
}

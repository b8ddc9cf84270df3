//! Stratum V2: under Noise as bytes of the right sizes, and in the clear.
//!
//! Sizes and layouts after sv2-spec 03 to 08; the project's protocol notes, section 5. What is encrypted is random here:
//! only its length can be seen on the wire.

use super::super::dialogue::{Dialogue, Event, MILLI, Pace, SECOND, Truth, events, reply};
use super::super::rng::Rng;

/// Header and two tags of an encrypted frame.
const FRAME: usize = 38;
/// Hashes per share at the target of the dialogues in the clear (difficulty 65 536).
const WORK: f64 = 281_474_976_710_656.0;

const PACE: Pace = Pace { seconds: 900, block: 400.0, refresh: Some(60), share: 14.0, refuse: 0 };

fn opened(rng: &mut Rng, d: &mut Dialogue) {
    d.client(MILLI, rng.bytes(64));
    d.server(40 * MILLI, rng.bytes(234));
    d.client(80 * MILLI, rng.bytes(FRAME + 61));
    d.server(120 * MILLI, rng.bytes(FRAME + 6));
}

/// A device on a standard channel.
pub fn device(rng: &mut Rng, _: u8) -> Dialogue {
    let mut d = Dialogue::new(Truth { dialect: "stratum-v2", coin: Some("BTC"), ..Truth::default() });
    opened(rng, &mut d);
    d.client(160 * MILLI, rng.bytes(FRAME + 52));
    // Channel with 4 bytes of prefix, a future job, the previous hash.
    d.server(210 * MILLI, rng.bytes(FRAME + 49));
    d.server(211 * MILLI, rng.bytes(FRAME + 45));
    d.server(212 * MILLI, rng.bytes(FRAME + 48));
    d.job();
    session(rng, d, 24, |_| 49)
}

/// A proxy on an extended channel, 8 bytes of extranonce in each share.
pub fn proxy(rng: &mut Rng, _: u8) -> Dialogue {
    let mut d = Dialogue::new(Truth { dialect: "stratum-v2", coin: Some("BTC"), ..Truth::default() });
    opened(rng, &mut d);
    d.client(160 * MILLI, rng.bytes(FRAME + 60));
    d.server(210 * MILLI, rng.bytes(FRAME + 51));
    d.server(211 * MILLI, rng.bytes(FRAME + 19 + 12 * 32 + 168));
    d.server(212 * MILLI, rng.bytes(FRAME + 48));
    d.job();
    session(rng, d, 33, |rng| 23 + rng.range(9, 13) as usize * 32 + 168)
}

fn session(rng: &mut Rng, mut d: Dialogue, share: usize, job: fn(&mut Rng) -> usize) -> Dialogue {
    for (at, event) in events(rng, PACE) {
        match event {
            Event::Job { .. } => {
                let n = job(rng);
                d.server(at, rng.bytes(FRAME + n));
                d.job();
            }
            Event::Share { .. } => {
                d.client(at, rng.bytes(FRAME + share));
                d.server(at + reply(rng), rng.bytes(FRAME + 20));
                d.share(true, 0.0);
            }
        }
    }
    d.done()
}

fn frame(kind: u8, channel: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0, if channel { 0x80 } else { 0 }, kind];
    out.extend(&(payload.len() as u32).to_le_bytes()[..3]);
    out.extend(payload);
    out
}

fn text(s: &str) -> Vec<u8> {
    let mut out = vec![s.len() as u8];
    out.extend(s.as_bytes());
    out
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// A device in the clear, as behind a farm's own TLS or in a test network.
pub fn clear(rng: &mut Rng, number: u8) -> Dialogue {
    let user = format!("alice.rig{number}");
    let truth = Truth {
        dialect: "stratum-v2",
        coin: Some("BTC"),
        login: Some(user.clone()),
        worker: Some(format!("rig{number}")),
        agent: Some("Example Asics EX-21 fw-7".to_owned()),
        ..Truth::default()
    };
    let mut d = Dialogue::new(truth);
    let mut setup = vec![0, 2, 0, 2, 0, 1, 0, 0, 0];
    setup.extend(text("pool.example"));
    setup.extend(34_250_u16.to_le_bytes());
    for s in ["Example Asics", "EX-21", "fw-7", "0001"] {
        setup.extend(text(s));
    }
    d.client(MILLI, frame(0x00, false, &setup));
    d.server(40 * MILLI, frame(0x01, false, &[2, 0, 0, 0, 0, 0]));
    let mut open = words(&[1]);
    open.extend(text(&user));
    open.extend(1.0e14_f32.to_le_bytes());
    open.extend([0xff; 32]);
    d.client(80 * MILLI, frame(0x10, false, &open));
    let mut target = [0_u8; 32];
    (target[24], target[25]) = (0xff, 0xff);
    let mut channel = words(&[1, 1]);
    channel.extend(target);
    channel.extend([4, 1, 2, 3, 4]);
    channel.extend(words(&[0]));
    d.server(120 * MILLI, frame(0x11, false, &channel));
    let mut id = 1;
    let mut job = words(&[1, id]);
    job.extend([0]);
    job.extend(words(&[0x2000_0000]));
    job.extend(rng.bytes(32));
    d.server(121 * MILLI, frame(0x15, true, &job));
    d.job();
    let mut hash = words(&[1, id]);
    hash.extend(rng.bytes(32));
    hash.extend(words(&[1_772_409_600, 0x1702_1c4a]));
    d.server(122 * MILLI, frame(0x20, true, &hash));
    let pace = Pace { refuse: 9, ..PACE };
    let mut sequence = 0;
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { .. } => {
                id += 1;
                let mut job = words(&[1, id]);
                job.push(1);
                job.extend(words(&[1_772_409_600 + (at / SECOND) as u32, 0x2000_0000]));
                job.extend(rng.bytes(32));
                d.server(at, frame(0x15, true, &job));
                d.job();
            }
            Event::Share { ok } => {
                let share = words(&[1, sequence, id, rng.bits() as u32, 1_772_409_700, 0x2000_0000]);
                d.client(at, frame(0x1a, true, &share));
                let mut answer = words(&[1, sequence]);
                if ok {
                    answer.extend(words(&[1]));
                    answer.extend(65_536_u64.to_le_bytes());
                    d.server(at + reply(rng), frame(0x1c, true, &answer));
                } else {
                    answer.extend(text("stale-share"));
                    d.server(at + reply(rng), frame(0x1d, true, &answer));
                }
                d.share(ok, WORK);
                sequence += 1;
            }
        }
    }
    d.done()
}

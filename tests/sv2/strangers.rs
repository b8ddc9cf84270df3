//! Conversations that open like Stratum V2, or nearly, and are something else.
//!
//! In: random numbers. Out: dialogues in which nothing mines. Sizes are those of the protocols' specifications; content
//! is random, as under encryption.

use crate::kit::dialogue::{Dialogue, MILLI, Side, Truth};
use crate::kit::rng::Rng;

type Make = fn(&mut Rng) -> Dialogue;

/// Every stranger.
pub(crate) const ALL: [(&str, Make); 17] = [
    // BOLT 8: acts of 50, 50 and 66 bytes, then messages of 18 + 16 and more.
    ("Lightning", |r| sizes(r, &[(C, 50), (S, 50), (C, 66), (S, 58), (C, 58), (S, 90)])),
    // libp2p: Noise XX with two bytes of length before 32, 96 + payload, 64 + payload.
    ("libp2p", |r| sizes(r, &[(C, 34), (S, 234), (C, 200), (S, 44), (C, 90), (S, 300)])),
    // WireGuard's Noise IK over a TCP bridge: 148, 92.
    ("WireGuard", |r| sizes(r, &[(C, 148), (S, 92), (C, 112), (S, 96), (C, 128), (S, 1400)])),
    ("WireGuard with a length", |r| sizes(r, &[(C, 150), (S, 94), (C, 34), (S, 98), (C, 130), (S, 1402)])),
    // BIP 324: 64 bytes of key and garbage, both ways, terminators, version packets.
    ("Bitcoin v2", |r| {
        let (a, b) = (r.range(0, 200) as usize, r.range(0, 200) as usize);
        sizes(r, &[(C, 64 + a), (S, 64 + b + 16 + 20), (C, 16 + 20 + 126), (S, 126 + 24), (C, 44), (S, 300)])
    }),
    ("Bitcoin v2 without garbage", |r| {
        sizes(r, &[(C, 64), (S, 64), (C, 36), (S, 36), (C, 146), (S, 170), (C, 44), (S, 600)])
    }),
    // The reply is right by chance, what follows is not.
    ("the first two turns right", |r| {
        let (a, b) = (r.range(1, 1500) as usize, 45 + r.range(0, 1500) as usize);
        sizes(r, &[(C, 64), (S, 234), (C, a), (S, b), (C, 100), (S, 400), (C, 62), (S, 58)])
    }),
    ("the older answer right", |r| {
        let (a, b) = (r.range(1, 1500) as usize, r.range(1, 44) as usize);
        sizes(r, &[(C, 64), (S, 170), (C, a), (S, b), (C, 100), (S, 400), (C, 62), (S, 58)])
    }),
    // All sizes right, the wrong way round.
    ("the server opens", |r| sizes(r, &[(S, 64), (C, 234), (S, 100), (C, 44), (S, 120), (C, 400), (S, 62), (C, 58)])),
    ("sizes right, in text", |r| {
        let mut d = sizes(r, &[(C, 64), (S, 234), (C, 100), (S, 44), (C, 120), (S, 400), (C, 62), (S, 58)]);
        for t in &mut d.turns {
            t.bytes.iter_mut().for_each(|b| *b = b'a' + *b % 26);
        }
        d
    }),
    ("sizes right, hexadecimal", |r| {
        let mut d = sizes(r, &[(C, 64), (S, 234), (C, 100), (S, 44), (C, 120), (S, 400), (C, 62), (S, 58)]);
        for t in &mut d.turns {
            t.bytes.iter_mut().for_each(|b| *b = b"0123456789abcdef"[usize::from(*b & 15)]);
        }
        d
    }),
    ("sizes right, little in them", |r| {
        let mut d = sizes(r, &[(C, 64), (S, 234), (C, 100), (S, 44), (C, 120), (S, 400), (C, 62), (S, 58)]);
        for t in &mut d.turns {
            t.bytes.iter_mut().for_each(|b| *b &= 0x11);
        }
        d
    }),
    ("signal-like keys", |r| {
        let (a, b) = (r.range(60, 2000) as usize, r.range(60, 2000) as usize);
        sizes(r, &[(C, 64), (S, 96), (C, a), (S, b), (C, 44), (S, 44)])
    }),
    // TLS records of these sizes.
    ("TLS", |r| {
        let mut d = sizes(r, &[(C, 64), (S, 234), (C, 100), (S, 44), (C, 120), (S, 400)]);
        for t in &mut d.turns {
            let n = t.bytes.len() as u16 - 5;
            t.bytes[..5].copy_from_slice(&[0x16, 3, 3, (n >> 8) as u8, n as u8]);
            // A ClientHello's session and extensions are no random bytes throughout.
            t.bytes.iter_mut().skip(5).step_by(2).for_each(|b| *b = 0);
        }
        d
    }),
    ("SSH", |r| {
        let mut d = sizes(r, &[(S, 40), (C, 64), (S, 234), (C, 100), (S, 44), (C, 120), (S, 400)]);
        d.turns[0].bytes = b"SSH-2.0-OpenSSH_9.9p1 Debian-3\r\n".to_vec();
        d.turns[1].bytes = b"SSH-2.0-OpenSSH_9.9\r\n".to_vec();
        d
    }),
    // obfs4: everything is padded to random lengths.
    ("obfs4-like", |r| {
        let mut turns = vec![(C, 64 + r.range(0, 8100) as usize), (S, 96 + r.range(0, 8000) as usize)];
        for _ in 0..8 {
            turns.push((C, r.range(1, 1449) as usize));
            turns.push((S, r.range(1, 1449) as usize));
        }
        sizes(r, &turns)
    }),
    ("a long text question", |r| {
        let mut d = sizes(r, &[(C, 64), (S, 234), (C, 64), (S, 234)]);
        for t in &mut d.turns {
            let n = t.bytes.len();
            t.bytes = b"What is known of this, and who said so? ".repeat(7)[..n].to_vec();
        }
        d
    }),
];

const C: Side = Side::Client;
const S: Side = Side::Server;

fn sizes(rng: &mut Rng, turns: &[(Side, usize)]) -> Dialogue {
    let mut d = Dialogue::new(Truth::default());
    let mut at = MILLI;
    for (side, n) in turns {
        let bytes = rng.bytes(*n);
        match side {
            Side::Client => d.client(at, bytes),
            Side::Server => d.server(at, bytes),
        }
        at += rng.range(20, 90) * MILLI;
    }
    d
}

/// 64 random bytes, and replies of random sizes.
pub(crate) fn random(rng: &mut Rng) -> Dialogue {
    let mut turns = vec![(C, 64)];
    for i in 0..rng.range(1, 12) {
        turns.push((if i % 2 == 0 { S } else { C }, rng.range(1, 1500) as usize));
    }
    sizes(rng, &turns)
}

//! Captures in which nothing mines. Numbers 120 to 159.

use std::net::SocketAddr;

use super::super::benign;
use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{SECOND, Side};
use super::super::tcp;
use super::super::wire;

/// The captures: one for each benign dialogue, and discovery of Ethereum nodes over UDP.
pub fn all() -> Vec<Product> {
    let mut out = Vec::new();
    for (i, (name, port, dialogue)) in benign::all(7).into_iter().enumerate() {
        let family = if i % 4 == 3 { Family::V6 } else { Family::V4 };
        let about = format!("{name}: nothing here mines");
        let mut c = Capture::new(120 + i as u16, &format!("benign-{name}"), &about);
        let talk = c.line(family, 11, port);
        let segments = tcp::play(&talk, &dialogue, &mut c.rng);
        c.put(&talk, &segments, &Carriage::Plain);
        let node = match name {
            "bitcoin-peer" => Some("Bitcoin"),
            "monero-peer" => Some("Monero or a coin of its family"),
            _ => None,
        };
        if let Some(network) = node {
            c.noted(talk.client.ip(), (network, "node"), &["node-p2p"], &[]);
        }
        out.extend(c.finish());
    }
    out.extend(discovery());
    out
}

/// FP03: node discovery on UDP 30303, and SYNs to ports that pools like.
fn discovery() -> Vec<Product> {
    let mut c = Capture::new(
        158,
        "benign-ports",
        "pings of Ethereum node discovery on UDP 30303, and connections without a word to ports that pools like (FP03)",
    );
    let (client, server) = (c.inside(Family::V4, 11), c.pool(Family::V4));
    let start = c.start();
    for n in 0..6_u64 {
        // hash, signature, type 1, then an RLP list with version, both endpoints and expiry.
        let mut ping = c.rng.bytes(97);
        ping.extend_from_slice(&[0x01, 0xde, 0x04, 0xcb, 0x84]);
        ping.extend_from_slice(&[10, 20, 158, 11, 0x82, 0x76, 0x5f, 0x82, 0x76, 0x5f, 0xc9, 0x84, 198, 51, 100, 158]);
        ping.extend_from_slice(&[0x82, 0x76, 0x5f, 0x80, 0x84, 0x69, 0xa5, 0x10, 0]);
        let (a, b) = (SocketAddr::new(client, 30303), SocketAddr::new(server, 30303));
        let packet = wire::udp(a, b, n as u16, &ping);
        c.frame(start + n * 10 * SECOND, &packet, Side::Client, client, &Carriage::Plain);
    }
    for port in [3333, 4444, 5555, 14444, 30303] {
        let talk = c.line(Family::V4, 12, port);
        let segments = tcp::play(&talk, &super::super::dialogue::Dialogue::default(), &mut c.rng);
        c.put(&talk, &segments, &Carriage::Plain);
    }
    c.finish()
}

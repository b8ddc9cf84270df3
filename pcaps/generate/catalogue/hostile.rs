//! Forgery, relays and strings meant for whoever reads them. Numbers 100 to 119.

use std::net::{IpAddr, Ipv4Addr};

use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{Dialogue, MILLI, SECOND, Side, Stage};
use super::super::dialogues::{bitcoin, cryptonote, oddities};
use super::super::tcp::{self, Segment, flag};
use super::super::wire;

/// The captures.
pub fn all() -> Vec<Product> {
    [forged(), relay(), hostile_strings(), odd_json(), quoted_in_icmp(), wallet_reused()]
        .into_iter()
        .flatten()
        .collect()
}

/// SF05: a lone segment, from inside to a victim, and from the victim to inside.
fn forged() -> Vec<Product> {
    let mut c = Capture::new(
        100,
        "forged-segment",
        "lone forged segments with a subscription, no handshake, no answer: nothing may be blocked (SF05)",
    );
    let victim = c.second_pool();
    let inside = c.inside(Family::V4, 5);
    let line = concat!(r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}"#, "\n");
    for (client, server, port) in [(inside, victim, 3333), (victim, inside, 3334)] {
        let talk = c.between(client, server, port);
        let lone = Segment {
            at: talk.start,
            side: Side::Client,
            seq: talk.isn[0],
            ack: talk.isn[1],
            flags: flag::PSH | flag::ACK,
            options: Vec::new(),
            window: 8192,
            payload: line.as_bytes().to_vec(),
            ip_id: 1,
        };
        c.put(&talk, &[lone], &Carriage::Plain);
        let mut said = Dialogue::default();
        said.truth.dialect = "bitcoin-v1";
        let flow = c.found_in_part(&talk, &said, "no_handshake");
        flow.required = false;
        flow.verdict_at_least = None;
        flow.at_most("probable");
        (flow.stage, flow.one_way, flow.mid_stream) = (Some(Stage::Attempt.name().to_owned()), None, None);
    }
    c.expect.refused.clear();
    c.finish()
}

/// FN11: two workers and their relay inside, and the relay's own way out.
fn relay() -> Vec<Product> {
    let mut c = Capture::new(
        101,
        "relay-inside",
        "two workers mine at a relay inside, the relay at a pool outside: private addresses are never blocked, the pool is (FN11)",
    );
    let relay = c.inside(Family::V4, 99);
    for host in [5, 6] {
        let dialogue = cryptonote::unnamed(&mut c.rng, if host == 5 { "hall-a" } else { "hall-b" });
        let client = c.inside(Family::V4, host);
        let talk = c.between(client, relay, 3333);
        c.show(&talk, &dialogue, &Carriage::Plain);
        c.refuse(&talk.server.to_string(), "private_address");
    }
    let dialogue = cryptonote::nicehash(&mut c.rng, 101);
    let talk = c.line(Family::V4, 99, 443);
    c.show(&talk, &dialogue, &Carriage::Plain);
    c.finish()
}

/// SE01 and SE03.
fn hostile_strings() -> Vec<Product> {
    let mut c = Capture::new(
        102,
        "hostile-strings",
        "agents that carry terminal escapes, line feeds, quotes, firewall commands, a formula and a bidirectional override (SE01, SE03, SE05)",
    );
    let agents = [
        ("x\u{1b}]0;pwn\u{7}\nALERT none", r"x\u001b]0;pwn\u0007\nALERT none"),
        (
            "x\" }\ndelete table inet victim\nadd element inet minewatch block { 192.0.2.1 }",
            r#"x\" }\ndelete table inet victim\nadd element inet minewatch block { 192.0.2.1 }"#,
        ),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ("\u{202e}gpj.renim\u{9b}2J<script>alert(1)</script>", r"\u202egpj.renim\u009b2J<script>alert(1)<\/script>"),
    ];
    for (i, (agent, json)) in agents.into_iter().enumerate() {
        let dialogue = cryptonote::with_agent(&mut c.rng, 102 + i as u8, agent, json);
        let talk = c.line(Family::V4, 11 + i as u8, 3333);
        c.show(&talk, &dialogue, &Carriage::Plain);
    }
    c.finish()
}

fn odd_json() -> Vec<Product> {
    let mut c = Capture::new(
        103,
        "json-oddities",
        "duplicate keys, escaped method names, byte order mark, null and huge ids, CRLF, blank lines, NUL, a line of 10 kB, 4000 brackets; of duplicate keys the last counts (SE07)",
    );
    let dialogue = oddities::odd_json(&mut c.rng, 103);
    let talk = c.line(Family::V4, 11, 3333);
    c.show(&talk, &dialogue, &Carriage::Plain);
    c.finish()
}

fn quoted_in_icmp() -> Vec<Product> {
    let mut c = Capture::new(
        104,
        "icmp-quotes",
        "ICMP errors that quote mining segments, of this flow and of one that never was: no further flow, no reversed one",
    );
    let dialogue = bitcoin::cpuminer(&mut c.rng, 104);
    let talk = c.line(Family::V4, 11, 3333);
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    c.put(&talk, &segments, &Carriage::Plain);
    c.found(&talk, &dialogue);
    let router = Ipv4Addr::new(203, 0, 113, 104);
    let mut ghost = talk.clone();
    ghost.client.set_ip(c.inside(Family::V4, 12));
    let mut count = 0;
    for s in segments.iter().filter(|s| s.side == Side::Client && !s.payload.is_empty()).take(6) {
        for who in [&talk, &ghost] {
            let quote = wire::unreachable(router, &Capture::packet(who, s), 7 + count as u16);
            c.frame(s.at + 12 * MILLI, &quote, Side::Server, who.client.ip(), &Carriage::Plain);
            count += 1;
        }
    }
    c.expect.health.insert("icmp_packets".to_owned(), count);
    c.finish()
}

/// One host, one pool, three connections: a miner that is restarted.
fn wallet_reused() -> Vec<Product> {
    let mut c = Capture::new(
        105,
        "restarts",
        "one miner connects three times, twice dropped by the pool; a second program on the host mines elsewhere",
    );
    let (pool, other) = (c.pool(Family::V4), c.second_pool());
    for n in 0..3 {
        let dialogue = cryptonote::brief(&mut c.rng, 105);
        let client: IpAddr = c.inside(Family::V4, 11);
        let mut talk = c.between(client, pool, 3333);
        talk.start += n * 90 * SECOND;
        talk.end = if n < 2 { tcp::End::Reset(Side::Server) } else { tcp::End::Open };
        c.show(&talk, &dialogue, &Carriage::Plain);
    }
    let dialogue = bitcoin::cpuminer(&mut c.rng, 106);
    let client = c.inside(Family::V4, 11);
    let talk = c.between(client, other, 3333);
    c.show(&talk, &dialogue, &Carriage::Plain);
    c.finish()
}

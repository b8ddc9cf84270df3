//! Cutting off in the kernel: what is wanted is what real firewalls hold, what is cut off is cut off at both ends,
//! nothing else is touched, and no accident leaves a kernel that is neither old nor new.
//!
//! Needs root and the tools; without them the tests say so and are skipped.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "enforce/accidents.rs"]
mod accidents;
#[path = "enforce/cuts.rs"]
mod cuts;
#[path = "enforce/holds.rs"]
mod holds;
#[allow(dead_code)] // lists are for other tests
mod netns;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use minewatch::enforce::{Applier, Block, Choice, Gate, Isolated, Wanted, choose};
use minewatch::firewall::{Proto, Target};
use netns::{Netns, available, play, say};

/// Backends, with what they need.
const BACKENDS: [(Choice, &[&str]); 2] =
    [(Choice::Nftables, &["nft"]), (Choice::Ipset, &["ipset", "iptables", "ip6tables"])];

/// The program that users run.
const MINEWATCH: &str = env!("CARGO_BIN_EXE_minewatch");

const HOUR: u64 = 3_600;

/// Runs a test for each backend that is there.
fn with_each(test: impl Fn(Choice)) {
    for (choice, tools) in BACKENDS {
        if available(tools) {
            test(choice);
        }
    }
}

fn applier(ns: &Netns, choice: Choice) -> Applier {
    Applier::new(Gate::new(true), ns.within(|| choose(choice)).unwrap())
}

fn ip(s: &str) -> IpAddr {
    s.parse().unwrap()
}

fn endpoint(addr: &str, proto: Proto, port: u16) -> Target {
    Target { addr: ip(addr), service: Some((proto, port)), from: None }
}

/// What one host has with an endpoint.
fn pair(host: &str, addr: &str, proto: Proto, port: u16) -> Target {
    Target { from: Some(ip(host)), ..endpoint(addr, proto, port) }
}

fn block(target: Target) -> Wanted {
    Wanted { block: vec![Block { target, ttl_secs: HOUR }], isolate: Vec::new() }
}

fn isolate(host: &str, keep: &[&str]) -> Isolated {
    Isolated { host: ip(host), ttl_secs: HOUR, keep: keep.iter().map(|p| p.parse().unwrap()).collect() }
}

/// Everything that can be wanted, in both families.
fn everything() -> Wanted {
    let targets = [
        endpoint("198.51.100.10", Proto::Tcp, 3333),
        endpoint("198.51.100.10", Proto::Udp, 3333),
        endpoint("198.51.100.11", Proto::Tcp, 65_535),
        Target { addr: ip("203.0.113.7"), service: None, from: None },
        endpoint("2001:db8:b::10", Proto::Tcp, 3333),
        Target { addr: ip("2001:db8:b::12"), service: None, from: None },
        pair("10.77.0.7", "198.51.100.10", Proto::Tcp, 3333),
        pair("10.77.0.7", "198.51.100.12", Proto::Udp, 3333),
        pair("fd00::7", "2001:db8:b::12", Proto::Tcp, 443),
    ];
    let block = targets.iter().zip(1..).map(|(target, n)| Block { target: *target, ttl_secs: n * HOUR });
    Wanted {
        block: block.collect(),
        isolate: vec![
            isolate("10.77.0.5", &["10.9.0.0/16", "192.168.9.7", "10.9.3.0/24"]),
            isolate("10.77.0.6", &[]),
            isolate("fd00::5", &["fd09::/32", "10.9.0.0/16"]),
        ],
    }
}

/// Not a test of its own: the other tests start copies of this program that play a server or a client.
#[test]
#[ignore = "a role in the other tests"]
fn role() {
    play(|role, rest| match role {
        "pool" => pool(rest.parse().unwrap()),
        "answer" => answer(rest.parse().unwrap()),
        "ask" => ask(rest.parse().unwrap()),
        other => panic!("no such role: {other}"),
    });
}

/// Accepts one connection; at each line sends something over it, and says what comes back.
fn pool(at: SocketAddr) -> String {
    let listener = TcpListener::bind(at).unwrap();
    say("READY");
    let (mut connection, _) = listener.accept().unwrap();
    say("ACCEPTED");
    for _ in std::io::stdin().lines() {
        let sent = connection.write_all(b"job").and_then(|()| connection.read_exact(&mut [0]));
        say(&sent.map_or_else(|e| format!("CUT {:?}", e.kind()), |()| "PONG".to_owned()));
    }
    "OVER".to_owned()
}

/// Answers datagrams.
fn answer(at: SocketAddr) -> String {
    let socket = UdpSocket::bind(at).unwrap();
    say("READY");
    let mut buffer = [0; 64];
    while let Ok((n, from)) = socket.recv_from(&mut buffer) {
        let _ = socket.send_to(&buffer[..n], from);
    }
    "OVER".to_owned()
}

/// Sends a datagram at each line, and says what comes back.
fn ask(to: SocketAddr) -> String {
    let any: IpAddr = if to.is_ipv4() { ip("0.0.0.0") } else { ip("::") };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    say("READY");
    for _ in std::io::stdin().lines() {
        let asked = socket.send(b"name?").and_then(|_| socket.recv(&mut [0; 64]));
        say(&asked.map_or_else(|e| format!("CUT {:?}", e.kind()), |_| "PONG".to_owned()));
    }
    "OVER".to_owned()
}

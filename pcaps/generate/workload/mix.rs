//! What an office says to the world: names, TLS, QUIC, HTTP, copies and back-ups, JSON, and a few miners.
//!
//! The shares are of connections, not of bytes: most connections are small, and a few carry most of the bytes.

use std::rc::Rc;

use super::flow::{Flow, Say, Turn};
use super::sessions::{Miners, Rpc};
use super::stuff::{LONGEST, Piece, Stuff};
use super::{Arrival, Traffic, places};
use crate::kit::build::{V1, record, records, server_hello, vec16};
use crate::kit::dialogue::MILLI;
use crate::kit::dns::{self, Data, Outcome};
use crate::kit::rng::Rng;
use crate::kit::tls;
use crate::kit::web::BROWSER;

const CLIENTS: u32 = 20_000;
const MICRO: u64 = 1000;
/// How much faster than in life miners mine: seconds of traffic are to hold shares.
const HASTE: u64 = 50;

/// Parts of a thousand connections.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    dns: u64,
    quic: u64,
    http: u64,
    bulk: u64,
    json: u64,
    miners: u64,
    // The rest is TLS.
}

/// As in an office.
pub const USUAL: Shares = Shares { dns: 380, quic: 120, http: 100, bulk: 30, json: 10, miners: 5 };
/// As where browsers do not need TCP any more.
pub const QUIC: Shares = Shares { dns: 250, quic: 550, http: 20, bulk: 10, json: 5, miners: 5 };

/// The traffic.
pub struct Office {
    shares: Shares,
    miners: Miners,
    rpc: Rpc,
}

impl Office {
    /// With these shares.
    pub fn new(seed: u64, shares: Shares) -> Self {
        Self { shares, miners: Miners::paced(seed, HASTE), rpc: Rpc::new(seed) }
    }
}

impl Traffic for Office {
    fn arrive(&mut self, rng: &mut Rng, stuff: &Stuff) -> Arrival {
        let pause = rng.range(200, 3000) * MICRO;
        let mut die = rng.range(0, 1000);
        let mut falls = |share: u64| {
            let hit = die < share;
            die = die.wrapping_sub(share);
            hit
        };
        let s = self.shares;
        if falls(s.dns) {
            let name = places::site(rng);
            return Arrival::one(look_up(&name, places::pair(rng, CLIENTS, 0), rng), pause);
        }
        let flow = if falls(s.quic) {
            quic(rng)
        } else if falls(s.http) {
            http(rng)
        } else if falls(s.bulk) {
            bulk(rng)
        } else if falls(s.json) {
            self.rpc.session(2, 20, rng)
        } else if falls(s.miners) {
            return Arrival { pause, ..self.miners.arrive(rng, stuff) };
        } else {
            encrypted(rng)
        };
        Arrival::one(flow, pause)
    }
}

/// At least `least`, and every doubling with this probability: a heavy tail, without a platform's `powf`.
fn heavy(rng: &mut Rng, least: u64, doubling: f64, most: u64) -> u64 {
    let mut size = least;
    while size < most && rng.chance(doubling) {
        size *= 2;
    }
    rng.range(size, 2 * size).min(most)
}

/// A look-up of the server's address and its answer.
pub fn look_up(name: &str, (client, server): (std::net::SocketAddr, std::net::SocketAddr), rng: &mut Rng) -> Flow {
    let kind = dns::kind_of(server.ip());
    let id = rng.bits() as u16;
    let record = [dns::record(name, Data::Address(server.ip()))];
    let words = Rc::new([
        Turn::up(0, Say::words(dns::question(id, name, kind, true))),
        Turn::down(9 * MILLI, Say::words(dns::answer(id, name, kind, true, Outcome::Whole, &record))),
    ]);
    Flow::udp((client, places::resolver(client)), words, rng)
}

/// So many bytes one way, in pieces with `say` around each.
fn pour(out: &mut Vec<Turn>, rng: &mut Rng, up: bool, mut bytes: u64, piece: u64, say: impl Fn(&mut Rng, u64) -> Say) {
    while bytes > 0 {
        let len = bytes.min(piece);
        let wait = rng.range(20, 120) * MICRO;
        let say = say(rng, len);
        out.push(if up { Turn::up(wait, say) } else { Turn::down(wait, say) });
        bytes -= len;
    }
}

fn sealed(rng: &mut Rng, len: u64) -> Say {
    Say::Record(Piece::noise(rng, len))
}

/// A browser's visit over TLS 1.3.
fn encrypted(rng: &mut Rng) -> Flow {
    let name = places::site(rng);
    let hello = server_hello(0x0303, 0x1302, &[(43, vec![3, 4]), (51, [&[0, 0x1d][..], &vec16(&[6; 32])].concat())]);
    let flight = [records(&hello, 16_000), record(20, &[1])].concat();
    let mut t = vec![
        Turn::up(MILLI, Say::words(records(&tls::browser(&name), 16_000))),
        Turn::down(20 * MILLI, Say::words(flight)),
        Turn::down(MICRO, sealed(rng, 2800)),
        Turn::up(2 * MILLI, Say::words(record(20, &[1]))),
        Turn::up(MICRO, sealed(rng, 69)),
    ];
    for _ in 0..rng.range(1, 5) {
        let (up, down) = (heavy(rng, 150, 0.45, 200_000), heavy(rng, 1500, 0.6, 10_000_000));
        pour(&mut t, rng, true, up, 16_000, sealed);
        pour(&mut t, rng, false, down, 16_000, sealed);
    }
    Flow::tcp(places::pair(rng, CLIENTS, 443), t.into(), rng)
}

/// The same over QUIC: hello in sealed Initial packets, then what nobody can read.
fn quic(rng: &mut Rng) -> Flow {
    let name = places::site(rng);
    let initials = tls::initials(V1, &name, rng);
    let mut t: Vec<Turn> = initials.into_iter().map(|i| Turn::up(20 * MICRO, Say::words(i))).collect();
    // A long header of type Handshake (RFC 9000 §17.2.4), version 1, and noise.
    let handshake = [&[0xe3, 0, 0, 0, 1, 8][..], &rng.bytes(8), &[0, 0x44, 0x90], &rng.bytes(1168)].concat();
    t.push(Turn::down(20 * MILLI, Say::words(handshake)));
    let mut left = heavy(rng, 4000, 0.6, 8_000_000) / 1200;
    while left > 0 {
        let burst = left.min(rng.range(2, 12));
        for _ in 0..burst {
            t.push(Turn::down(rng.range(12, 90) * MICRO, Say::Short(Piece::noise(rng, 1200))));
        }
        t.push(Turn::up(30 * MICRO, Say::Short(Piece::noise(rng, 36))));
        left -= burst;
    }
    Flow::udp(places::pair(rng, CLIENTS, 443), t.into(), rng)
}

/// Requests of a browser, one after the other, answered with text.
fn http(rng: &mut Rng) -> Flow {
    let mut t = Vec::new();
    let name = places::site(rng);
    for _ in 0..rng.range(1, 6) {
        let path = rng.hex(6);
        let request =
            format!("GET /{path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: {BROWSER}\r\nAccept: text/html\r\n\r\n");
        t.push(Turn::up(MILLI, Say::words(request)));
        let len = heavy(rng, 1200, 0.55, 4_000_000);
        let kind = ["text/html", "application/json", "text/css"][rng.range(0, 3) as usize];
        let head = format!("HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\n\r\n");
        t.push(Turn::down(18 * MILLI, Say::words(head)));
        pour(&mut t, rng, false, len, LONGEST as u64, |rng, len| Say::Stuff(Piece::text(rng, len)));
    }
    let port = if rng.chance(0.8) { 80 } else { 8080 };
    Flow::tcp(places::pair(rng, CLIENTS, port), t.into(), rng)
}

/// Copies and back-ups that no detector can read.
fn bulk(rng: &mut Rng) -> Flow {
    let port = [22, 445, 873, 9000][rng.range(0, 4) as usize];
    let mut t = Vec::new();
    if port == 22 {
        t.push(Turn::down(MILLI, Say::words(*b"SSH-2.0-OpenSSH_10.0\r\n")));
        t.push(Turn::up(MILLI, Say::words(*b"SSH-2.0-OpenSSH_10.0\r\n")));
    }
    let (up, len) = (rng.chance(0.5), heavy(rng, 5000, 0.66, 20_000_000));
    pour(&mut t, rng, up, len, LONGEST as u64, |rng, len| Say::Stuff(Piece::noise(rng, len)));
    Flow::tcp(places::pair(rng, CLIENTS, port), t.into(), rng)
}

//! What somebody outside makes up to have an innocent server cut off.

use std::net::SocketAddrV4;

use crate::ends::JOB;
use crate::netns::world::POOLS;
use crate::raw::{Way, Wire, mac};
use crate::watch::{Lab, Watch, held, lab, mines_until_cut};

/// A web server, as far as anybody inside is concerned.
const INNOCENT: &str = "198.51.100.10:3333";
/// Where nothing listens.
const NOBODY: &str = "192.0.2.2:50123";
const SUBSCRIBE: &[u8] = b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.11.1\"]}\n";
const AUTHORIZE: &[u8] =
    b"{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy.rig1\",\"x\"]}\n";
const SUBSCRIBED: &[u8] = b"{\"id\":1,\"result\":[[[\"mining.notify\",\"ae6812eb4cd7735a302a8a9dd95cf71f\"]],\"08000002\",4],\"error\":null}\n";
const AUTHORIZED: &[u8] = b"{\"id\":2,\"result\":true,\"error\":null}\n{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[1024]}\n";

/// Somebody on the gateway's outer network.
struct Outsider {
    wire: Wire,
    /// What reaches the host inside, and so has passed the gateway.
    passed: Wire,
    /// As the innocent server.
    pool: Way,
    /// As the host inside.
    miner: Way,
}

impl Outsider {
    fn of(lab: &Lab) -> Self {
        let macs = (mac(&lab.world.outside, "eth0"), mac(&lab.world.gateway, "out0"));
        let (pool, miner): (SocketAddrV4, SocketAddrV4) = (INNOCENT.parse().unwrap(), NOBODY.parse().unwrap());
        Self {
            wire: Wire::open_in(&lab.world.outside, "eth0"),
            passed: Wire::open_in(&lab.world.inside, "eth0").taking("tcp src port 3333 and greater 300"),
            pool: Way { macs, from: pool, to: miner },
            miner: Way { macs, from: miner, to: pool },
        }
    }

    /// Both sides of a session, number by number, if he may; else the server's alone.
    fn plays_a_session(&mut self, both: bool, handshake: bool) {
        for (miner, frame) in session(self.miner, self.pool, handshake) {
            if !miner || both {
                self.wire.send(&frame);
            }
        }
        self.arrived(self.miner.from.port());
        // The next session is another.
        self.miner.from.set_port(self.miner.from.port() + 1);
        self.pool.to = self.miner.from;
    }

    /// Waits for the job, which is the longest.
    fn arrived(&mut self, port: u16) {
        while self.passed.receive()[36..38] != port.to_be_bytes() {}
    }
}

/// The frames of a session until it has work, and whether they are the miner's.
pub(crate) fn session(miner: Way, pool: Way, handshake: bool) -> Vec<(bool, Vec<u8>)> {
    let (mut up, mut down) = (1000_u32, 5000_u32);
    let job = format!("{JOB}\n");
    let opening: [(bool, &str, &[u8]); 3] = [(true, "S", b""), (false, "SA", b""), (true, "A", b"")];
    let talk =
        [(true, SUBSCRIBE), (false, SUBSCRIBED), (true, AUTHORIZE), (false, AUTHORIZED), (false, job.as_bytes())];
    let talk = talk.map(|(miner, said)| (miner, "PA", said)).into_iter().chain([(true, "A", &b""[..])]);
    let all = opening.into_iter().filter(|_| handshake).chain(talk);
    let frame = |(from_miner, flags, said): (bool, &str, &[u8])| {
        let (way, numbers) = if from_miner { (miner, (up, down)) } else { (pool, (down, up)) };
        let end = if from_miner { &mut up } else { &mut down };
        *end += u32::try_from(said.len()).unwrap() + u32::from(flags.contains('S'));
        (from_miner, way.tcp(flags, numbers, said))
    };
    all.map(frame).collect()
}

/// A real miner is cut off, and what was made up before has had no effect.
fn nothing_came_of_it(lab: &Lab, mut watch: Watch) -> String {
    let (_pool, at) = lab.pool(POOLS[0].1);
    let mut miner = lab.mines(at);
    watch.says(&format!("cut off {at}/tcp"));
    mines_until_cut(&mut miner);
    let innocent = INNOCENT.parse().unwrap();
    assert!(!held(&lab.world.gateway, innocent));
    assert_eq!(lab.world.inside.connect(innocent).unwrap().ping(), "PONG");
    let said = watch.ends();
    assert_eq!(lab.entries(), [format!("{} {}", at.ip(), at.port())], "{said}");
    said
}

#[test]
fn a_handshake_that_an_outsider_made_up_cuts_nobody_off() {
    let Some(lab) = lab() else { return };
    let watch = lab.watch(&["--apply"]);
    let mut outsider = Outsider::of(&lab);
    for both in [false, true] {
        outsider.plays_a_session(both, true);
    }
    nothing_came_of_it(&lab, watch);
}

#[test]
fn answers_to_a_connection_that_never_was_cut_nobody_off() {
    let Some(lab) = lab() else { return };
    let watch = lab.watch(&["--apply"]);
    Outsider::of(&lab).plays_a_session(false, false);
    nothing_came_of_it(&lab, watch);
}

/// Who sees the traffic outside knows its numbers, too.
#[test]
fn answers_put_into_the_connection_of_another_cut_nobody_off() {
    let Some(lab) = lab() else { return };
    let watch = lab.watch(&["--apply"]);
    let mut outsider = Outsider::of(&lab);
    let mut tap = Wire::open_in(&lab.world.outside, "eth0").taking("tcp dst port 3333 and tcp[tcpflags] = tcp-ack");
    let innocent = lab.world.inside.connect(INNOCENT.parse().unwrap()).unwrap();
    let ack = tap.receive();
    let headers = etherparse::SlicedPacket::from_ethernet(&ack).unwrap();
    let Some(etherparse::TransportSlice::Tcp(tcp)) = headers.transport else { panic!("{ack:?}") };
    let port = tcp.source_port();
    outsider.pool.to.set_port(port);
    let (mut seq, ack) = (tcp.acknowledgment_number(), tcp.sequence_number());
    let job = format!("{JOB}\n");
    for said in [SUBSCRIBED, AUTHORIZED, job.as_bytes()] {
        outsider.wire.send(&outsider.pool.tcp("PA", (seq, ack), said));
        seq += u32::try_from(said.len()).unwrap();
    }
    outsider.arrived(port);
    nothing_came_of_it(&lab, watch);
    drop(innocent);
}

/// The name of a pool leads to the innocent server, says an answer that came before the resolver's.
#[test]
fn a_name_that_an_outsider_leads_astray_cuts_nobody_off() {
    let Some(lab) = lab() else { return };
    let feed = lab.state().join("feed.toml");
    let text = "version = 1\ndate = \"2026-11-26\"\n[[pool]]\nname = \"Pool\"\nentries = [{ names = [\"pool.example\"], coins \
                = [\"XMR\"], plain = [3333, 7777], confidence = \"confirmed\", source = \"the lab\", last_seen = \
                \"2026-11-26\" }]\n";
    std::fs::write(&feed, text).unwrap();
    let watch = lab.watch(&["--apply", "--json", "--feeds", feed.to_str().unwrap()]);
    let mut outsider = Outsider::of(&lab);
    let resolver: SocketAddrV4 = "198.51.100.53:53".parse().unwrap();
    let asks: SocketAddrV4 = "192.0.2.2:50053".parse().unwrap();
    let up = Way { macs: (mac(&lab.world.inside, "eth0"), mac(&lab.world.gateway, "in0")), from: asks, to: resolver };
    Wire::open_in(&lab.world.inside, "eth0").send(&up.udp(&dns(None)));
    let down = Way { macs: outsider.pool.macs, from: resolver, to: asks };
    outsider.wire.send(&down.udp(&dns(Some([198, 51, 100, 10]))));
    // What the victim then says to the innocent server.
    assert_eq!(lab.world.inside.connect(INNOCENT.parse().unwrap()).unwrap().ping(), "PONG");
    let said = nothing_came_of_it(&lab, watch);
    assert!(said.contains("pool.example"), "it was believed as far as to be told: {said}");
}

/// A question for an address of `stratum.pool.example`, and an answer (RFC 1035 §4).
fn dns(answer: Option<[u8; 4]>) -> Vec<u8> {
    let answers = u8::from(answer.is_some());
    let mut m = vec![0x12, 0x34, if answer.is_some() { 0x81 } else { 0x01 }, 0, 0, 1, 0, answers, 0, 0, 0, 0];
    m.extend(b"\x07stratum\x04pool\x07example\0\0\x01\0\x01");
    if let Some(addr) = answer {
        m.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        m.extend(addr);
    }
    m
}

//! Mining sessions, and what looks like them and is none.
//!
//! Every session is one of the project's own dialogues ([`crate::kit::dialogues`], [`crate::kit::benign`]), made with a
//! few seeds and shared by those who speak it.

use std::rc::Rc;

use super::flow::{Flow, Turn, turns};
use super::stuff::Stuff;
use super::{Arrival, Traffic, mix, places};
use crate::kit::dialogue::{MILLI, SECOND};
use crate::kit::rng::Rng;
use crate::kit::{benign, dialogues};

/// What most pools speak, by the beginning of a dialogue's name.
const SPOKEN: [&str; 22] = [
    "cryptonote-xmrig",
    "cryptonote-brief",
    "cryptonote-ccminer",
    "cryptonote-nicehash",
    "bitcoin-cgminer",
    "bitcoin-bfgminer",
    "bitcoin-cpuminer",
    "bitcoin-bitaxe",
    "bitcoin-ccminer",
    "ethproxy-",
    "ethereum-stratum-",
    "equihash-",
    "kawpow-",
    "autolykos-",
    "kaspa-",
    "alephium-",
    "conflux",
    "eaglesong",
    "kadena",
    "xelis",
    "ironfish",
    "beam",
];
/// Ports that pools like.
const PORTS: [u16; 8] = [3333, 4444, 5555, 7777, 8008, 9999, 14_444, 3032];
/// Dialogues of each kind.
const SEEDS: u64 = 4;
const MINERS: u32 = 60_000;

/// Miners that come one after the other and stay.
pub struct Miners {
    spoken: Vec<Rc<[Turn]>>,
    so_far: u64,
    pause: u64,
}

impl Miners {
    /// As fast as in life; a new one every two milliseconds.
    pub fn new(seed: u64) -> Self {
        Self::paced(seed, 1)
    }

    /// So many times faster than in life.
    pub fn paced(seed: u64, faster: u64) -> Self {
        let all = (0..SEEDS).flat_map(|n| dialogues::all(seed.wrapping_mul(SEEDS).wrapping_add(n)));
        let spoken = all
            .filter(|(name, ..)| SPOKEN.iter().any(|s| name.starts_with(s)))
            .map(|(_, _, dialogue)| turns(&dialogue, faster, 600 * SECOND))
            .collect();
        Self { spoken, so_far: 0, pause: 2 * MILLI }
    }
}

impl Traffic for Miners {
    fn arrive(&mut self, rng: &mut Rng, _: &Stuff) -> Arrival {
        self.so_far += 1;
        let words = Rc::clone(&self.spoken[(self.so_far % self.spoken.len() as u64) as usize]);
        let number = rng.range(0, 600);
        let ends = (places::client(rng, MINERS), places::pool(number, PORTS[rng.range(0, 8) as usize]));
        let name = format!("pool{number}.example");
        // One in eight looked up the pool just now; miners stay for weeks.
        let mut flows = vec![(12 * MILLI, Flow::tcp(ends, words, rng))];
        if self.so_far.is_multiple_of(8) {
            flows.push((0, mix::look_up(&name, ends, rng)));
        }
        Arrival { flows, pause: self.pause }
    }
}

/// What is said in JSON and is no mining.
const READ: [&str; 14] = [
    "bitcoind-rpc",
    "geth-rpc",
    "monero-wallet-rpc",
    "monero-daemon-rpc",
    "kodi",
    "aria2",
    "rpc-over-tcp",
    "electrum",
    "verto-login",
    "language-server",
    "log-shipping",
    "container-log",
    "chat-paste",
    "context-server",
];

/// Sessions of that.
pub struct Rpc(Vec<Rc<[Turn]>>);

impl Rpc {
    /// In many variants.
    pub fn new(seed: u64) -> Self {
        let all = (0..SEEDS).flat_map(|n| benign::all(seed.wrapping_mul(SEEDS).wrapping_add(n)));
        let spoken = all
            .filter(|(name, ..)| READ.contains(name))
            .map(|(_, _, dialogue)| turns(&dialogue, 100, 20 * MILLI))
            .collect();
        Self(spoken)
    }

    /// One, that goes over the same things `least` times to `most` times.
    pub fn session(&self, least: u64, most: u64, rng: &mut Rng) -> Flow {
        let words = Rc::clone(&self.0[rng.range(0, self.0.len() as u64) as usize]);
        let port = PORTS[rng.range(0, 8) as usize];
        let ends = (places::client(rng, 20_000), places::server(rng, 4000, port));
        Flow::repeated(ends, words, rng.range(least, most) as u32, rng)
    }
}

impl Traffic for Rpc {
    fn arrive(&mut self, rng: &mut Rng, _: &Stuff) -> Arrival {
        Arrival::one(self.session(5, 200, rng), 5 * MILLI)
    }
}

//! Traffic made to hurt: a flood of SYNs, and connections with holes that never fill.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use super::flow::{Flow, Say, Turn};
use super::sessions::Miners;
use super::stuff::{LONGEST, Piece, Stuff};
use super::{Arrival, Traffic, places};
use crate::kit::rng::Rng;

/// SYNs from invented sources to one server, and a mining session after every 20,000th.
pub struct Flood {
    miners: Miners,
    so_far: u64,
}

impl Flood {
    /// The traffic.
    pub fn new(seed: u64) -> Self {
        Self { miners: Miners::paced(seed, 200), so_far: 0 }
    }
}

impl Traffic for Flood {
    fn arrive(&mut self, rng: &mut Rng, stuff: &Stuff) -> Arrival {
        const PAUSE: u64 = 1000;
        self.so_far += 1;
        if self.so_far % 20_000 == 1 {
            return Arrival { pause: PAUSE, ..self.miners.arrive(rng, stuff) };
        }
        // Anywhere in 10.128.0.0/9.
        let source = Ipv4Addr::from(0x0a80_0000 | (rng.bits() as u32 & 0x007f_ffff));
        let client = SocketAddr::new(source.into(), rng.range(1024, 65_535) as u16);
        Arrival::one(Flow::knock((client, places::pool(7, 443)), rng), PAUSE)
    }
}

/// Connections whose first byte never comes, and everything after it, last segment first. A few mine, so that giving up
/// on all of them is no way out.
pub struct Holes {
    miners: Miners,
    so_far: u64,
}

impl Holes {
    /// The traffic.
    pub fn new(seed: u64) -> Self {
        Self { miners: Miners::paced(seed, 50), so_far: 0 }
    }
}

impl Traffic for Holes {
    fn arrive(&mut self, rng: &mut Rng, stuff: &Stuff) -> Arrival {
        self.so_far += 1;
        // 100 µs between segments of one: two thousand are at it at once.
        let pause = 10_000;
        if self.so_far % 500 == 1 {
            return Arrival { pause, ..self.miners.arrive(rng, stuff) };
        }
        let words: Rc<[Turn]> = (0..4).map(|_| Turn::up(0, Say::Stuff(Piece::text(rng, LONGEST as u64)))).collect();
        let ends = (places::client(rng, 60_000), places::server(rng, 4000, 3333));
        let segments = rng.range(150, 250) as u32;
        Arrival::one(Flow::backwards(ends, words, segments, rng), pause)
    }
}

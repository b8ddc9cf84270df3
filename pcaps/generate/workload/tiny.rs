//! Conversations of a few small packets, each between others than the last: what fills tables and nothing else.

use std::rc::Rc;

use super::flow::{Flow, Say, Turn};
use super::mix::look_up;
use super::stuff::{Piece, Stuff};
use super::{Arrival, Traffic, places};
use crate::kit::dialogue::MILLI;
use crate::kit::rng::Rng;

const CLIENTS: u32 = 60_000;
const SERVERS: u32 = 0x2_0000;
const PORTS: [u16; 10] = [80, 443, 22, 23, 3333, 8080, 445, 53, 123, 6881];

/// The traffic.
pub struct Crowd;

fn noise(rng: &mut Rng, len: u64) -> Say {
    Say::Stuff(Piece::noise(rng, len))
}

impl Traffic for Crowd {
    fn arrive(&mut self, rng: &mut Rng, _: &Stuff) -> Arrival {
        let port = PORTS[rng.range(0, 10) as usize];
        let ends = (places::client(rng, CLIENTS), places::server(rng, SERVERS, port));
        let flow = match rng.range(0, 100) {
            0..20 => Flow::knock(ends, rng),
            20..35 => Flow::refused(ends, rng),
            35..60 => {
                let len = rng.range(6, 64);
                let words = Rc::new([Turn::up(MILLI, noise(rng, len)), Turn::down(9 * MILLI, noise(rng, len))]);
                Flow::tcp(ends, words, rng)
            }
            60..85 => look_up(&places::site(rng), ends, rng),
            _ => {
                let len = rng.range(16, 60);
                let say = |rng: &mut Rng, n| {
                    let words = noise(rng, len);
                    if n % 2 == 0 { Turn::up(5 * MILLI, words) } else { Turn::down(5 * MILLI, words) }
                };
                let words = (0..rng.range(1, 5)).map(|n| say(rng, n)).collect();
                Flow::udp(ends, words, rng)
            }
        };
        Arrival::one(flow, rng.range(5_000, 30_000))
    }
}

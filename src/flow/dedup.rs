//! Tells a mirror's second copy of a packet (ingress and egress port) from a retransmission.
//!
//! A copy has everything in common with its original, the IPv4 identification included, and follows within
//! milliseconds. Where that identification is 0 or there is none, the first payload bytes stand in for it. Bare
//! acknowledgements and resets without identification, which hosts repeat in earnest, are copies only in flows of
//! which something else was copied. Counting is all that depends on this: a stream takes each byte once anyway.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

use crate::decode::{Packet, Transport};

/// About 50 ms in units of 2^20 ns.
const WINDOW: u16 = 48;
/// Payload bytes compared where there is no identification.
const HEAD: usize = 64;

/// Packets remembered.
const MARKS: usize = 6;

/// The last few packets of one direction: prints (0: none yet) and times.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Recent {
    prints: [u32; MARKS],
    /// The lower bits say enough: they come round after more than a minute.
    times: [u16; MARKS],
    at: u8,
}

impl Recent {
    /// Whether this packet is a copy of one of the last few; remembers it if not.
    pub(super) fn repeats(&mut self, packet: &Packet<'_>) -> bool {
        let print = print(packet);
        let time = (packet.time.as_nanos() >> 20) as u16;
        // The copy's clock may run a little behind that of the original.
        let close = |t: u16| time.wrapping_sub(t).cast_signed().unsigned_abs() <= WINDOW;
        if self.prints.iter().zip(self.times).any(|(p, t)| *p == print && close(t)) {
            return true;
        }
        let at = usize::from(self.at);
        if let (Some(p), Some(t)) = (self.prints.get_mut(at), self.times.get_mut(at)) {
            (*p, *t) = (print, time);
        }
        self.at = (self.at + 1) % MARKS as u8;
        false
    }
}

/// Whether two such packets cannot both be meant.
pub(super) const fn is_telling(packet: &Packet<'_>) -> bool {
    let control = match packet.transport {
        Transport::Tcp { flags, .. } => flags.syn || flags.fin,
        Transport::Udp { .. } => true,
    };
    packet.ip_id != 0 || packet.wire_payload_len > 0 || control
}

/// Not seeded: two runs must count the same.
fn print(packet: &Packet<'_>) -> u32 {
    let (a, b) = match packet.transport {
        Transport::Tcp { seq, ack, window, flags, .. } => {
            let bits = [flags.syn, flags.ack, flags.fin, flags.rst, flags.psh];
            let bits = bits.iter().fold(0_u64, |all, &bit| all << 1 | u64::from(bit));
            (u64::from(seq) << 32 | u64::from(ack), u64::from(window) << 8 | bits)
        }
        Transport::Udp { .. } => (0, 0),
    };
    let rest = u64::from(packet.wire_payload_len) << 40 ^ u64::from(packet.ip_id) << 24 ^ b;
    let mixed = mix(a ^ 0x243f_6a88_85a3_08d3, rest ^ 0x1319_8a2e_0370_7344);
    if packet.ip_id != 0 {
        return mixed as u32 | 1;
    }
    let mut hasher = FixedState::with_seed(mixed).build_hasher();
    hasher.write(packet.payload.get(..HEAD).unwrap_or(packet.payload));
    hasher.finish() as u32 | 1
}

/// Both halves of the product: each bit of it depends on many of both numbers.
const fn mix(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    product as u64 ^ (product >> 64) as u64
}

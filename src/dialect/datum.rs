//! DATUM: the protocol between a miner's own template maker and the OCEAN pool.
//!
//! Source of the protocol facts: `datum_gateway`'s `src/datum_protocol.c` and `.h`. In: bytes of both directions. Out:
//! evidence. Only the first header can be read: four bytes under a fixed XOR mask, which say how long the sealed
//! greeting behind them is. All later ones are under a key of the session, so that jobs and shares are not visible:
//! `suspected` for the greeting, `probable` when it was answered, never more.

use super::frames::u32_at;
use super::{Conversation, Probe, Role, Start, StreamDialect, StreamSession};
use crate::evidence::Stamp;
use crate::flow::Direction;
use crate::wallet::Coin;

/// The mask of the first header.
const MASK: u32 = 0xdc87_1829;
/// Length of the greeting: keys, versions and 1 to 200 bytes of padding, sealed.
const GREETING: std::ops::RangeInclusive<u32> = 200..=1_000;
/// Command of the greeting.
const HELLO: u32 = 1;
/// Answer needed before it counts: a sealed answer is longer than any error text.
const ANSWER: usize = 64;

/// The dialect.
pub(super) struct Datum;

impl StreamDialect for Datum {
    fn id(&self) -> &'static str {
        "datum"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Btc]
    }

    fn starts(&self, start: Start<'_>) -> bool {
        let short = start.bytes.len() < 4;
        let begins = start.bytes.get(2).is_none_or(|b| *b == 0x87) && start.bytes.get(1).is_none_or(|b| b ^ 0x18 <= 3);
        start.opener != Some(false)
            && !start.mid_stream
            && begins
            && (short || length(start.bytes).is_some_and(|len| start.bytes.len() <= 4 + len))
    }

    fn open(&self) -> Box<dyn StreamSession> {
        Box::<State>::default()
    }
}

/// Bytes behind the header: reserved bits clear, sealed to the pool's key, for no channel yet, command 1.
fn length(header: &[u8]) -> Option<usize> {
    let clear = u32_at(header, 0)? ^ MASK;
    let len = clear & 0x3f_ffff;
    let fits = clear >> 27 == HELLO && clear & 0x0400_0000 == 0 && clear & 0x0200_0000 != 0 && clear & 0x00c0_0000 == 0;
    (fits && GREETING.contains(&len)).then_some(len as usize)
}

#[derive(Default)]
struct State {
    client: Option<Direction>,
    header: [u8; 4],
    sent: usize,
    answered: usize,
    certain: bool,
}

impl StreamSession for State {
    fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        let role = if *self.client.get_or_insert(from) == from { Role::Miner } else { Role::Pool };
        c.spoke(at);
        if self.certain {
            if role == Role::Pool {
                self.answered = self.answered.saturating_add(bytes.len());
                if self.answered >= ANSWER {
                    c.replied(at, "answered the greeting with a message of binary data");
                }
            }
            return Probe::Certain(role);
        }
        if role == Role::Pool {
            // Nothing is answered before the greeting is whole.
            return Probe::NotForUs;
        }
        for (to, b) in self.header.iter_mut().skip(self.sent).zip(bytes) {
            *to = *b;
        }
        self.sent = self.sent.saturating_add(bytes.len());
        if self.sent < 4 {
            return Probe::Unsure(role, 1);
        }
        let Some(len) = length(&self.header) else { return Probe::NotForUs };
        match self.sent.cmp(&(4 + len)) {
            std::cmp::Ordering::Less => Probe::Unsure(role, 1),
            std::cmp::Ordering::Greater => Probe::NotForUs,
            std::cmp::Ordering::Equal => {
                self.certain = true;
                c.asked(
                    at,
                    &format!("a DATUM greeting: a masked header and exactly the {len} bytes that it announces"),
                );
                Probe::Certain(role)
            }
        }
    }

    fn gap(&mut self, from: Direction, _missing: u64) -> Probe {
        let role = if self.client == Some(from) { Role::Miner } else { Role::Pool };
        if self.certain { Probe::Certain(role) } else { Probe::NotForUs }
    }
}

#[cfg(test)]
mod tests;

//! Duino-Coin: words with commas over TCP; the server speaks first.
//!
//! Source of the protocol facts: duino-coin `PC_Miner.py`, `AVR_Miner.py`. In: bytes of both directions. Out: facts and
//! evidence. The server says its version; the client asks `JOB,user,difficulty,key` and gets `last hash, expected hash,
//! difficulty`; it sends `result,hashrate,program,rig,,id` and gets `GOOD`, `BAD,reason` or `BLOCK`. Older clients send no line ends: a
//! message ends there or when the other side speaks.

use super::frames::Ends;
use super::{Conversation, Probe, Role, Start, StreamDialect, StreamSession};
use crate::evidence::Stamp;
use crate::flow::Direction;
use crate::text::printable;

/// Longest message; a rig's report has about 100 bytes.
const LONGEST: usize = 512;
/// Messages that say nothing, before it is somebody else's protocol.
const PATIENCE: u32 = 4;
/// Nonces tried for a difficulty: `100 * difficulty + 1` at the most, half of that on average (DERIVED).
const HASHES: f64 = 50.0;

/// The dialect.
pub(super) struct DuinoCoin;

impl StreamDialect for DuinoCoin {
    fn id(&self) -> &'static str {
        "duino-coin"
    }

    fn starts(&self, start: Start<'_>) -> bool {
        let client =
            |b: &[u8]| b"JOB,".starts_with(b.get(..4).unwrap_or(b)) || b"MOTD".starts_with(b.get(..4).unwrap_or(b));
        match start.opener {
            Some(true) => client(start.bytes),
            Some(false) => is_version_or_part(start.bytes),
            None if start.mid_stream => client(start.bytes) || middle(start.bytes).is_some(),
            None => client(start.bytes) || is_version_or_part(start.bytes),
        }
    }

    fn open(&self) -> Box<dyn StreamSession> {
        Box::<State>::default()
    }

    fn open_at(&self, start: Start<'_>) -> Box<dyn StreamSession> {
        let middle = middle(start.bytes).filter(|_| start.mid_stream);
        let client = b"JMOT".contains(start.bytes.first().unwrap_or(&b'J')) || middle == Some(Role::Miner);
        let reading = Reading { late: middle.is_some(), ..Reading::default() };
        Box::new(State { server_first: !client, reading, ..State::default() })
    }
}

/// `3.0`, `4.3`, with or without a line end, or their beginning.
fn is_version_or_part(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_end();
    text.len() <= 5
        && text.iter().enumerate().all(|(i, b)| if i == 1 { *b == b'.' } else { b.is_ascii_digit() })
        && !text.is_empty()
}

/// Who sends such a thing in the middle of a session: a miner its result, the server a job.
fn middle(bytes: &[u8]) -> Option<Role> {
    let text = std::str::from_utf8(bytes.get(..bytes.len().min(LONGEST))?).ok()?.trim_ascii_end();
    if job(text).is_some() {
        return Some(Role::Pool);
    }
    let named = share(text).is_some_and(|s| s.rate.is_some() && !s.program.is_empty());
    named.then_some(Role::Miner)
}

fn is_version(text: &str) -> bool {
    text.len() >= 3 && is_version_or_part(text.as_bytes())
}

/// `JOB,user[,difficulty[,key]]`: the user's name.
fn job_request(text: &str) -> Option<&str> {
    let mut parts = text.strip_prefix("JOB,")?.split(',');
    let user = parts.next()?;
    let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (parts.count() <= 3 && !user.is_empty() && user.len() <= 64 && user.bytes().all(name)).then_some(user)
}

/// Two SHA-1 sums (or, from old servers, of XXH64) and a difficulty.
fn job(text: &str) -> Option<(&str, f64)> {
    let mut parts = text.split(',');
    let (last, expected, difficulty) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_hexdigit());
    let hashes = hex(last, 40) && (hex(expected, 40) || hex(expected, 16));
    let difficulty = difficulty.parse::<u32>().ok().filter(|_| parts.next().is_none() && hashes)?;
    Some((last, f64::from(difficulty)))
}

struct Share<'a> {
    rate: Option<f64>,
    program: &'a str,
    rig: &'a str,
}

/// `result,hashrate[,program[,rig[,…]]]`.
fn share(text: &str) -> Option<Share<'_>> {
    let mut parts = text.split(',');
    parts.next()?.parse::<u64>().ok()?;
    let rate = parts.next()?;
    let known = rate.is_empty() || rate.parse::<f64>().is_ok();
    let (program, rig) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    known.then_some(Share { rate: rate.parse().ok(), program, rig })
}

#[derive(Default)]
struct State {
    server_first: bool,
    miner: Option<Direction>,
    speaker: Option<Role>,
    text: Ends<Vec<u8>>,
    since: Ends<Stamp>,
    reading: Reading,
}

#[derive(Default)]
struct Reading {
    certain: bool,
    asked: bool,
    /// The request for the first job seen was not seen.
    late: bool,
    open: Option<f64>,
    strange: u32,
}

impl StreamSession for State {
    fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        let miner = *self.miner.get_or_insert(if self.server_first { from.reverse() } else { from });
        let role = if miner == from { Role::Miner } else { Role::Pool };
        if self.speaker.replace(role).is_some_and(|s| s != role) {
            self.flush(role.other(), c);
        }
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let text = self.text.get_mut(role);
            let room = LONGEST.saturating_sub(text.len());
            text.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
            *self.since.get_mut(role) = at;
            let binary = part.iter().any(|b| *b < b' ' && !b.is_ascii_whitespace());
            if text.len() >= LONGEST || binary {
                self.reading.strange = PATIENCE;
            }
            // A job is whole with its digits only when its line ends; everything else may be judged at once.
            if part.ends_with(b"\n") {
                self.flush(role, c);
            }
        }
        match (self.reading.certain, self.reading.strange >= PATIENCE) {
            (true, _) => Probe::Certain(role),
            (false, true) => Probe::NotForUs,
            (false, false) => Probe::Unsure(role, 1),
        }
    }

    fn gap(&mut self, from: Direction, _missing: u64) -> Probe {
        let role = if self.miner == Some(from) { Role::Miner } else { Role::Pool };
        self.text.get_mut(role).clear();
        if self.reading.certain { Probe::Certain(role) } else { Probe::NotForUs }
    }

    fn end(&mut self, from: Direction, _at: Stamp, c: &mut Conversation) {
        let role = if self.miner == Some(from) { Role::Miner } else { Role::Pool };
        self.flush(role, c);
    }
}

impl State {
    /// What one side said is over: a message.
    fn flush(&mut self, role: Role, c: &mut Conversation) {
        let bytes = std::mem::take(self.text.get_mut(role));
        let at = *self.since.get(role);
        match std::str::from_utf8(&bytes).map(str::trim) {
            Ok("") => {}
            Ok(text) => self.reading.message(role, text, at, c),
            Err(_) => self.reading.strange = PATIENCE,
        }
        // Keeps the buffer.
        let text = self.text.get_mut(role);
        *text = bytes;
        text.clear();
    }
}

impl Reading {
    fn message(&mut self, role: Role, text: &str, at: Stamp, c: &mut Conversation) {
        c.spoke(at);
        match role {
            Role::Miner => {
                if let Some(user) = job_request(text) {
                    self.asked = true;
                    c.polled(at, "a Duino-Coin job request");
                    c.login(at, user);
                } else if let Some(s) = share(text).filter(|_| self.certain) {
                    c.asked(at, "a Duino-Coin result");
                    self.open = Some(c.submitted(at, None));
                    c.agent(at, s.program);
                    c.worker(s.rig);
                    c.reported_hashrate = s.rate.filter(|r| r.is_finite() && *r > 0.0).or(c.reported_hashrate);
                } else if job(text).is_some() {
                    // The server's words: an echo would make a job of them.
                    (self.strange, self.asked) = (PATIENCE, false);
                } else if text != "MOTD" {
                    // A miner asks for a job before it says anything else.
                    self.strange += if self.asked || self.late { 1 } else { PATIENCE };
                }
            }
            Role::Pool => {
                if let Some((last, difficulty)) = job(text).filter(|_| self.asked || self.certain) {
                    self.certain = true;
                    c.difficulty(at, difficulty, difficulty * HASHES);
                    c.job(at, Some(last), None, "a Duino-Coin job");
                } else if let Some(work) = self.open
                    && let verdict @ ("GOOD" | "BLOCK" | "BAD") = text.split(',').next().unwrap_or("")
                {
                    self.open = None;
                    match verdict {
                        "BAD" => c.rejected(at, printable(text, 80).as_ref()),
                        _ => c.accepted(at, work),
                    }
                } else if !is_version(text) {
                    // The message of the day may say anything.
                    self.strange += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

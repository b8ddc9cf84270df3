//! `BTCAgent` (btccom): one connection for a whole farm, binary frames among JSON lines.
//!
//! Sources of the protocol facts: btcagent `ExMessage.go`, `UpSessionBTC.go`, `Const.go`, `StratumStatus.go`. In: bytes
//! of both directions. Out: facts and evidence. The agent opens with `agent.get_capabilities`, subscribes and authorizes
//! in plain stratum, and speaks of its rigs in frames: `7F`, command, length (u16, header included), body.

use super::frames::{Cut, Ends, Frames, View, u16_at, u32_at};
use super::json::{Parser, Value};
use super::shape::{is_hex, text};
use super::stratum::Stratum;
use super::{Carrier, Conversation, Message, Probe, Role, Start, StreamDialect, StreamSession};
use crate::evidence::Stamp;
use crate::flow::Direction;
use crate::wallet::Coin;

/// The byte that no JSON line begins with.
const MAGIC: u8 = 0x7f;
/// Longest line kept: large jobs are of 2 kB.
const LINE: usize = 32 * 1024;
/// Hashes behind a share of difficulty 1.
const DIFFICULTY_1: f64 = 4_294_967_296.0;
/// Answers of the pool that say yes: accepted, accepted stale, solved, solved stale, not verified yet.
const ACCEPTED: [u32; 5] = [1_798_084_231, 950_395_421, 1_422_486_894, 1_713_984_938, 1_835_617_709];

/// The dialect.
pub(super) struct BtcAgent;

impl StreamDialect for BtcAgent {
    fn id(&self) -> &'static str {
        "btcagent"
    }

    fn coins(&self) -> &'static [Coin] {
        &[Coin::Btc, Coin::Bch]
    }

    fn starts(&self, start: Start<'_>) -> bool {
        match start.bytes {
            [MAGIC, ..] => cut(View { bytes: start.bytes, seen: 0, count: 0 }) != Cut::Bad,
            // Its first line names the agent at once; of a shorter beginning the session decides.
            [b'{', ..] => start.bytes.len() < 60 || start.bytes.windows(6).take(300).any(|w| w == b"agent."),
            _ => false,
        }
    }

    fn open(&self) -> Box<dyn StreamSession> {
        Box::new(State::default())
    }
}

/// Who sends a command, and how long its frame is at least and at most.
fn command(kind: u8) -> Option<(Role, usize, usize)> {
    Some(match kind {
        // Session, agent and worker, both ending in NUL.
        0x01 => (Role::Miner, 8, 600),
        0x02 => (Role::Miner, 15, 15),
        0x03 | 0x12 => (Role::Miner, 19, 19),
        0x13 => (Role::Miner, 23, 23),
        0x04 => (Role::Miner, 6, 6),
        // Exponent, count, sessions.
        0x05 => (Role::Pool, 7, usize::from(u16::MAX)),
        0x10 => (Role::Pool, 10, 10),
        // Nonce prefixes of the Ethereum agent.
        0x21 => (Role::Miner, 6, 64),
        0x22 => (Role::Pool, 8, 64),
        _ => return None,
    })
}

fn cut(v: View<'_>) -> Cut {
    match v.bytes {
        [MAGIC] => Cut::More,
        [MAGIC, kind, ..] => {
            let Some((_, least, most)) = command(*kind) else { return Cut::Bad };
            match u16_at(v.bytes, 2).map(usize::from) {
                Some(len) if (least..=most).contains(&len) => Cut::Frame(len),
                Some(_) => Cut::Bad,
                None => Cut::More,
            }
        }
        _ => {
            let end = v.bytes.get(v.seen..).and_then(|new| memchr::memchr(b'\n', new));
            end.map_or(Cut::More, |at| Cut::Frame(v.seen + at + 1))
        }
    }
}

struct State {
    ends: Ends<Frames>,
    miner: Option<Direction>,
    reading: Reading,
    parser: Parser,
}

impl Default for State {
    fn default() -> Self {
        Self {
            ends: Ends { miner: Frames::new(LINE), pool: Frames::new(LINE) },
            miner: None,
            reading: Reading::default(),
            parser: Parser::new(LINE),
        }
    }
}

#[derive(Default)]
struct Reading {
    stratum: Stratum,
    certain: bool,
    /// Something else was said.
    foreign: bool,
    /// The agent says what only the pool says: who answers so may be its echo.
    both: bool,
    /// Frames in order, to know which share an answer is for.
    open: u64,
}

impl StreamSession for State {
    fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        // Who opens is the agent; in the middle of a stream the command tells.
        let pool = match bytes {
            [MAGIC, kind, ..] => command(*kind).is_some_and(|(role, ..)| role == Role::Pool),
            _ => false,
        };
        let miner = *self.miner.get_or_insert(if pool { from.reverse() } else { from });
        let role = if miner == from { Role::Miner } else { Role::Pool };
        let Self { ends, reading, parser, .. } = self;
        let frames = ends.get_mut(role);
        c.spoke(at);
        frames.feed(bytes, cut, |frame, _| {
            if frame.first() == Some(&MAGIC) {
                reading.frame(role, frame, at, c);
            } else if let Ok(doc) = parser.parse(frame)
                && let Some(rpc) = doc.rpc()
            {
                let m = Message { from, stamp: at, rpc: &rpc, carrier: Carrier::Lines, http: None };
                reading.line(role, &m, c);
            }
        });
        let bad = frames.is_bad();
        match (reading.certain, reading.foreign || bad) {
            (true, _) => Probe::Certain(role),
            (false, true) => Probe::NotForUs,
            (false, false) => Probe::Unsure(role, 1),
        }
    }

    fn gap(&mut self, from: Direction, _missing: u64) -> Probe {
        let role = if self.miner == Some(from) { Role::Miner } else { Role::Pool };
        if !self.reading.certain {
            return Probe::NotForUs;
        }
        // Begins again at what comes next: a frame, or the end of a line that is no JSON.
        *self.ends.get_mut(role) = Frames::new(LINE);
        Probe::Certain(role)
    }
}

impl Reading {
    fn frame(&mut self, role: Role, frame: &[u8], at: Stamp, c: &mut Conversation) {
        let Some((sender, ..)) = frame.get(1).and_then(|kind| command(*kind)) else { return };
        self.both |= role == Role::Miner && sender == Role::Pool;
        if sender != role {
            self.foreign = true;
        }
        if sender != role || (self.both && role == Role::Pool) {
            return;
        }
        let body = frame.get(4..).unwrap_or_default();
        match frame.get(1) {
            Some(0x01) => {
                let Some((agent, worker)) = registration(body) else {
                    self.foreign |= !self.certain;
                    return;
                };
                c.asked(at, "a BTCAgent frame that registers a rig");
                c.agent(at, agent);
                c.worker(worker);
            }
            Some(0x02 | 0x03 | 0x12 | 0x13) => {
                c.asked(at, "a BTCAgent share");
                c.submitted(at, None);
                self.open = self.open.saturating_add(1);
            }
            Some(0x04 | 0x21) => c.asked(at, "a BTCAgent frame"),
            Some(0x05) => {
                let exponent = body.first().copied().unwrap_or(0);
                let count = u16_at(body, 1).map_or(0, usize::from);
                if exponent > 63 || body.len() != 3 + 2 * count {
                    self.foreign |= !self.certain;
                    return;
                }
                let difficulty = f64::powi(2.0, i32::from(exponent));
                c.replied(at, "set the difficulty of rigs in a BTCAgent frame");
                c.difficulty(at, difficulty, difficulty * DIFFICULTY_1);
            }
            Some(0x10) => {
                c.replied(at, "answered a share in a BTCAgent frame");
                // Without its request, which may be older than the capture, an answer counts nothing.
                if self.open > 0 {
                    self.open -= 1;
                    match u32_at(body, 2) {
                        Some(status) if ACCEPTED.contains(&status) => {
                            let work = c.difficulty.map_or(0.0, |d| d * DIFFICULTY_1);
                            c.accepted(at, work);
                        }
                        Some(status) => c.rejected(at, &format!("status {status}")),
                        None => {}
                    }
                }
            }
            _ => c.replied(at, "answered with a BTCAgent frame"),
        }
        self.certain = true;
    }

    fn line(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        self.both |= role == Role::Miner && (m.method() == Some("mining.notify") || m.rpc.result.is_some());
        if role == Role::Pool {
            if self.both {
                return;
            }
            match m.method() {
                Some("mining.notify") if is_notify(m) => {
                    let id = text(m.param(0));
                    c.replied(m.stamp, "pushed a job");
                    c.job(m.stamp, id.as_deref(), None, "a Bitcoin job");
                }
                Some("mining.set_difficulty") => {
                    if let Some(d) = m.param(0).and_then(Value::as_f64) {
                        c.replied(m.stamp, "set a difficulty");
                        c.difficulty(m.stamp, d, d * DIFFICULTY_1);
                    }
                }
                Some(_) => Stratum::push(m, c),
                None => self.stratum.reply(m, c),
            }
            return;
        }
        if m.method() == Some("agent.get_capabilities") {
            c.asked(m.stamp, "agent.get_capabilities");
            self.certain |= m.texts().any(|s| s == "verrol" || s == "subres");
        } else {
            self.certain |= m.method() == Some("mining.subscribe")
                && text(m.param(0)).is_some_and(|agent| agent.starts_with("btccom-agent"));
            self.stratum.request(m, c);
        }
        self.foreign |= !self.certain;
    }
}

/// Session (u16), agent, NUL, worker, NUL.
fn registration(body: &[u8]) -> Option<(&str, &str)> {
    let (agent, worker) = std::str::from_utf8(body.get(2..)?.strip_suffix(&[0])?).ok()?.split_once('\0')?;
    (!worker.contains('\0')).then_some((agent, worker))
}

/// `[job, previous hash, coinbase 1, coinbase 2, branches, version, bits, time, clean]`.
fn is_notify(m: &Message<'_>) -> bool {
    m.params() >= 9
        && is_hex(m.param(1), 64)
        && m.param(4).is_some_and(Value::is_array)
        && (5..=7).all(|i| is_hex(m.param(i), 8))
}

#[cfg(test)]
mod tests;

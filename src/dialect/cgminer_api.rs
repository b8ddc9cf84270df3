//! The management interface of cgminer and its relatives (bfgminer, sgminer, bmminer, btminer, `TeamRedMiner`).
//!
//! Source of the protocol facts: cgminer `API-README`. In: bytes of both directions. Out: inventory evidence: somebody
//! asked (`noted`: it may be a scan), a rig answered (`suspected`). A connection is one request, `{"command":"summary"}` or
//! `summary|`, and one answer, JSON or `STATUS=S,When=…|`, ended by NUL. Read as a stream, since neither has a line end.
//! The port (4028) says nothing. Discovery by multicast (`cgm-FTW-`) is UDP, which is not followed.

use super::json::{Parser, Value};
use super::{Category, Conversation, Probe, Role, Start, StreamDialect, StreamSession};
use crate::evidence::{Code, Stamp};
use crate::flow::Direction;
use crate::text::printable;

/// Longest request kept.
const REQUEST: usize = 512;
/// Bytes kept of an answer; its status comes first.
const ANSWER: usize = 16 * 1024;
/// The status in the text form.
const TEXT: &[u8] = b"STATUS=";
/// Questions that rigs answer; those that change something too.
const COMMANDS: [&str; 22] = [
    "summary",
    "devs",
    "edevs",
    "pools",
    "stats",
    "estats",
    "devdetails",
    "config",
    "version",
    "coin",
    "notify",
    "lcd",
    "check",
    "usbstats",
    "privileged",
    "asccount",
    "gpucount",
    "switchpool",
    "addpool",
    "enablepool",
    "disablepool",
    "restart",
];

/// The dialect.
pub(super) struct CgminerApi;

impl StreamDialect for CgminerApi {
    fn id(&self) -> &'static str {
        "cgminer-api"
    }

    fn category(&self) -> Category {
        Category::Inventory
    }

    fn miner_opens(&self) -> bool {
        false
    }

    fn starts(&self, start: Start<'_>) -> bool {
        let bytes = start.bytes.trim_ascii_start();
        let asks = is_request_or_part(bytes) && start.bytes.len() <= REQUEST;
        match start.opener {
            Some(true) => asks,
            Some(false) => is_answer_or_part(bytes),
            None => asks || (bytes.len() > TEXT.len() && is_answer_or_part(bytes)),
        }
    }

    fn open(&self) -> Box<dyn StreamSession> {
        Box::<State>::default()
    }

    fn open_at(&self, start: Start<'_>) -> Box<dyn StreamSession> {
        let bytes = start.bytes.trim_ascii_start();
        let answer = start.opener == Some(false) || (start.opener.is_none() && !is_request_or_part(bytes));
        Box::new(State { rig_first: answer, ..State::default() })
    }
}

/// A JSON object with a command near its beginning, a command word, or the beginning of either.
fn is_request_or_part(bytes: &[u8]) -> bool {
    if bytes.first() == Some(&b'{') {
        return bytes.len() < 48 || bytes.windows(9).take(40).any(|w| w == b"\"command\"");
    }
    let word = bytes.split(|b| matches!(b, b'|' | b'+' | b'\n' | b'\r' | 0)).next().unwrap_or_default();
    let whole = word.len() < bytes.len();
    !word.is_empty()
        && COMMANDS.iter().any(|c| if whole { c.as_bytes() == word } else { c.as_bytes().starts_with(word) })
}

fn is_answer_or_part(bytes: &[u8]) -> bool {
    let n = bytes.len().min(TEXT.len());
    bytes.get(..n) == TEXT.get(..n) || bytes.first() == Some(&b'{')
}

#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // independent facts
struct State {
    /// The first who speaks is the rig.
    rig_first: bool,
    asker: Option<Direction>,
    request: Vec<u8>,
    answer: Vec<u8>,
    asked: bool,
    /// Whoever would ask said something.
    spoke: bool,
    /// The answer was read or is none.
    judged: bool,
    certain: bool,
}

impl StreamSession for State {
    fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe {
        let asker = *self.asker.get_or_insert(if self.rig_first { from.reverse() } else { from });
        // The rig is the miner, whoever asks has the pool's place.
        let role = if asker == from { Role::Pool } else { Role::Miner };
        let alive = match role {
            Role::Pool => self.asks(bytes, at, c),
            Role::Miner => self.answers(bytes, at, c),
        };
        if self.certain {
            Probe::Certain(role)
        } else if alive {
            Probe::Unsure(role, 1)
        } else {
            Probe::NotForUs
        }
    }

    fn gap(&mut self, from: Direction, _missing: u64) -> Probe {
        let role = if self.asker == Some(from) { Role::Pool } else { Role::Miner };
        self.judged = true;
        if self.certain { Probe::Certain(role) } else { Probe::NotForUs }
    }

    fn end(&mut self, from: Direction, at: Stamp, c: &mut Conversation) {
        if self.asker != Some(from) && !self.judged {
            self.details(at, c);
        }
    }
}

impl State {
    /// Bytes of whoever asks; whether it may still be one.
    fn asks(&mut self, bytes: &[u8], at: Stamp, c: &mut Conversation) -> bool {
        if self.asked {
            return true;
        }
        self.spoke = true;
        let room = REQUEST.saturating_sub(self.request.len());
        self.request.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        let text = self.request.trim_ascii();
        if text.first() == Some(&b'{') {
            let may_be = is_request_or_part(text) && self.request.len() < REQUEST;
            if text.last() == Some(&b'}')
                && let Some(command) = json_command(text)
            {
                self.ask(&command, at, c);
                return self.asked;
            }
            return may_be;
        }
        // Words alone are said to many services; the bar is this one's.
        if let Some(bar) = text.iter().position(|b| *b == b'|')
            && let Some(command) = text.get(..bar).and_then(|c| std::str::from_utf8(c).ok())
        {
            let command = command.to_owned();
            self.ask(&command, at, c);
            return self.asked;
        }
        is_request_or_part(text)
    }

    fn ask(&mut self, command: &str, at: Stamp, c: &mut Conversation) {
        if command.split('+').all(|part| COMMANDS.contains(&part)) {
            (self.asked, self.certain) = (true, true);
            c.spoke(at);
            c.evidence.note(Code::RigAsked, at, || format!("somebody sent the rig command {}", printable(command, 40)));
            self.request = Vec::new();
        }
    }

    /// Bytes of the rig; whether they may still be an answer.
    fn answers(&mut self, bytes: &[u8], at: Stamp, c: &mut Conversation) -> bool {
        if self.judged {
            return self.certain;
        }
        if self.spoke && !self.asked {
            // An answer to something else.
            self.judged = true;
            return self.certain;
        }
        let first = self.answer.is_empty();
        let room = ANSWER.saturating_sub(self.answer.len());
        let new = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        let seen = self.answer.len();
        self.answer.extend_from_slice(new);
        if first && !is_answer_or_part(&self.answer) {
            self.judged = true;
            return self.certain;
        }
        let answered = c.evidence.has(Code::RigAnswered);
        // The status ends with the first brace or bar; judged once, when that comes.
        if !answered
            && let Some(end) = new.iter().position(|b| matches!(b, b'}' | b'|'))
            && let Some(head) = self.answer.get(..=seen + end)
        {
            let Some(program) = status(head) else {
                self.judged = true;
                return self.certain;
            };
            self.certain = true;
            c.spoke(at);
            c.evidence.note(Code::RigAnswered, at, || {
                format!("a rig answered with its status ({})", printable(&program, 60))
            });
            c.agent(at, &program);
        }
        if self.answer.len() >= ANSWER || new.contains(&0) {
            self.details(at, c);
        }
        !self.judged || self.certain
    }

    /// What a whole JSON answer tells beyond its status. Nothing of it is evidence.
    fn details(&mut self, at: Stamp, c: &mut Conversation) {
        self.judged = true;
        let answer = std::mem::take(&mut self.answer);
        if !c.evidence.has(Code::RigAnswered) {
            return;
        }
        c.spoke(at);
        let mut parser = Parser::new(ANSWER);
        let Ok(doc) = parser.parse(&answer) else { return };
        let first = |key| doc.root().get(key).and_then(|list| list.index(0));
        if let Some(summary) = first("SUMMARY") {
            let unit = |key, factor| summary.get(key).and_then(Value::as_f64).map(|n| n * factor);
            let rate = unit("MHS av", 1e6).or_else(|| unit("GHS av", 1e9)).or_else(|| unit("KHS av", 1e3));
            c.reported_hashrate = rate.filter(|r| r.is_finite() && *r > 0.0);
        }
        if let Some(url) = first("POOLS").and_then(|p| p.get("URL")?.as_str()) {
            c.reported_pool(&url);
        }
        if let Some(user) = first("POOLS").and_then(|p| p.get("User")?.as_str()) {
            // What the rig is set to is no login that was sent, and no evidence.
            c.login = Some(user.into_owned()).filter(|u| u.len() <= REQUEST);
        }
    }
}

fn json_command(text: &[u8]) -> Option<String> {
    let mut parser = Parser::new(REQUEST);
    let doc = parser.parse(text).ok()?;
    // A question that brings its answer along is for an echo.
    doc.root().get("STATUS").is_none().then_some(())?;
    Some(doc.root().get("command")?.as_str()?.into_owned())
}

/// The program that a status names, if it is one: `{"STATUS":"S","When":…,"Code":…,"Msg":…,"Description":…}` as the first
/// inner object, or the same as text.
fn status(head: &[u8]) -> Option<String> {
    if let Some(text) = head.strip_prefix(TEXT) {
        let text = std::str::from_utf8(text.strip_suffix(b"|")?).ok()?;
        let mut fields = text.split(',');
        let letter = fields.next().filter(|l| matches!(*l, "S" | "I" | "W" | "E" | "F"));
        let when = fields.next()?.strip_prefix("When=")?.parse::<u64>();
        let code = fields.next()?.strip_prefix("Code=")?.parse::<u32>();
        let program = fields.filter_map(|f| f.strip_prefix("Description=")).next_back();
        return (letter.is_some() && when.is_ok() && code.is_ok()).then(|| program.unwrap_or("").to_owned());
    }
    let inner = head.get(head.iter().rposition(|b| *b == b'{')?..)?;
    let mut parser = Parser::new(ANSWER);
    let root = parser.parse(inner).ok()?.root();
    let letter = root.get("STATUS")?.as_str().filter(|l| matches!(l.as_ref(), "S" | "I" | "W" | "E" | "F"));
    let fits = letter.is_some()
        && root.get("When").is_some_and(|v| v.as_u64().is_some())
        && root.get("Code").is_some_and(|v| v.as_u64().is_some())
        && root.get("Msg").is_some();
    let program = root.get("Description").and_then(Value::as_str).unwrap_or_default();
    fits.then(|| program.into_owned())
}

#[cfg(test)]
mod tests;

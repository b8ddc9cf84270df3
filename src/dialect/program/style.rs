//! Writing styles: how a program spells its messages, whatever it calls itself.
//!
//! In: the first messages of a miner. Out: the [`Style`] they are written in, if only one program and its forks are
//! known to write so. Order of keys, spaces, ids and their habits tell; line ends do not (the same programs send LF and
//! CRLF). One opening line is hardly ever enough: dozens of small programs copied cgminer's subscribe, and a JSON library
//! with its defaults writes many of these lines by chance. So a style needs a spelling that no library makes, or two
//! messages that agree.
//!
//! Sources: xmrig/xmrig `Client.cpp`, `JsonRequest.cpp` · fireice-uk/xmr-stak `jpsock.cpp` · ckolivas/cgminer and
//! luke-jr/bfgminer `util.c`, and the captures of nesfit and jsiwek · pooler/cpuminer, tpruvot/cpuminer-multi,
//! JayDDee/cpuminer-opt, tpruvot/ccminer `util.c*`, `cpu-miner.c`, `ccminer.cpp` · bitaxeorg/ESP-Miner `stratum_api.c` ·
//! ethereum-mining/ethminer `EthStratumClient.cpp` · nicehash/Specifications · BitMaker-hub/NerdMiner_v2 `stratum.cpp` ·
//! btccom/btcpool `StratumMessageEth.cc` · nDPI's captures.

use super::name;
use crate::dialect::json::Value;
use crate::dialect::shape::{is_hex, text};
use crate::dialect::{Carrier, Message};
use crate::text::printable;

/// Messages of a miner looked at: openings and the first shares.
const WATCHED: u8 = 12;
/// Bytes of a [`skeleton`] kept. The longest that a rule knows has 130.
const SKELETON: usize = 256;
/// How far cgminer's counter, shared by all its pools, must jump between two messages of one connection. A client with a
/// counter of its own jumps by one, or by a little more where the capture lost messages.
const SHARED_COUNTER: u64 = 3;

/// How a program and its forks write.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dialect) struct Style {
    /// Name in outputs; ends in `?` when it is not certain that nobody else writes so.
    pub(in crate::dialect) name: &'static str,
    /// Programs that write so, as `pool-feeds/programs.toml` names them.
    programs: &'static [&'static str],
}

static XMRIG: Style = Style { name: "XMRig", programs: &["XMRig", "XMRigCC", "xmrig-proxy"] };
static XMR_STAK: Style = Style { name: "xmr-stak", programs: &["xmr-stak"] };
static CPUMINER: Style =
    Style { name: "cpuminer", programs: &["cpuminer", "cpuminer-multi", "cpuminer-opt", "ccminer"] };
static CGMINER: Style =
    Style { name: "cgminer", programs: &["cgminer", "sgminer", "bmminer (Antminer)", "btminer (Whatsminer)"] };
static BFGMINER: Style = Style { name: "BFGMiner", programs: &["BFGMiner"] };
static ESP_MINER: Style = Style { name: "ESP-Miner", programs: &["ESP-Miner"] };
static ETHMINER: Style = Style { name: "ethminer", programs: &["ethminer", "kawpowminer"] };
static NICEHASH: Style = Style { name: "NiceHash", programs: &["NiceHash"] };
static CLAYMORE: Style = Style { name: "Claymore?", programs: &["Claymore", "PhoenixMiner"] };
static EWBF: Style = Style { name: "EWBF?", programs: &["EWBF"] };
static NHEQMINER: Style = Style { name: "nheqminer?", programs: &["nheqminer"] };
static NERDMINER: Style = Style { name: "NerdMiner?", programs: &["NerdMiner"] };

/// Every style.
static STYLES: &[&Style] = &[
    &XMRIG, &XMR_STAK, &CPUMINER, &CGMINER, &BFGMINER, &ESP_MINER, &ETHMINER, &NICEHASH, &CLAYMORE, &EWBF, &NHEQMINER,
    &NERDMINER,
];

impl Style {
    /// Whether it is evidence.
    pub(in crate::dialect) fn is_certain(&self) -> bool {
        !self.name.ends_with('?')
    }

    /// What it says beside the agent that the client sent.
    pub(in crate::dialect) fn told(&self, agent: Option<&str>) -> String {
        let style = self.name;
        let Some(agent) = agent else { return format!("the client names no program, but writes as {style} does") };
        let program = name(agent);
        let known = |p: &str| STYLES.iter().any(|s| s.is_certain() && s.programs.contains(&p));
        match program {
            Some(p) if self.programs.contains(&p) && p != style => {
                format!("the client writes as {style} does, and so does {p}")
            }
            Some(p) if self.programs.contains(&p) => format!("the client writes as {style} does"),
            Some(p) if known(p) => {
                format!("the client calls itself {p}, but writes as {style} does: the agent may be forged")
            }
            _ => format!("the client calls itself {}, and writes as {style} does", printable(agent, 80)),
        }
    }
}

/// Whether a program is known to write in the style of that name: its own, or that of the program it was made from.
pub(super) fn is_of(style: &str, program: &str) -> bool {
    STYLES.iter().any(|s| s.name == style && s.programs.contains(&program))
}

/// Watches the first messages of a miner.
#[derive(Default)]
pub(in crate::dialect) struct Watch {
    seen: u8,
    /// Id of a subscribe that has just been sent, with spaces and the id first.
    just_subscribed: Option<u64>,
    /// What was sent before.
    before: Before,
}

/// Openings that a later message completes to a style.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // independent facts
struct Before {
    /// xmr-stak's login.
    stak_login: bool,
    /// ESP-Miner's version mask.
    esp_mask: bool,
    /// ethminer's login to an ethproxy pool.
    eth_login: bool,
    /// A subscribe with spaces, id 1.
    spaced_subscribe: bool,
    /// A subscribe without spaces, id 1.
    tight_subscribe: bool,
    /// The same with a session, a host and a port.
    tight_subscribe_host: bool,
    /// An authorize with spaces, the id first.
    spaced_authorize: bool,
    /// An authorize without spaces, id 2.
    tight_authorize_2: bool,
    /// An authorize without spaces, id 3.
    tight_authorize_3: bool,
    /// nheqminer's authorize: spaces between members, none between parameters.
    nheq_authorize: bool,
    /// The authorize of the protocol's first description, after a subscribe with id 1.
    first_authorize: bool,
}

impl Watch {
    /// The next message of the miner; its style, once.
    pub(in crate::dialect) fn message(&mut self, m: &Message<'_>) -> Option<&'static Style> {
        if self.seen >= WATCHED || m.carrier == Carrier::Http || m.rpc.repeated {
            return None;
        }
        let method = m.method()?;
        self.seen = self.seen.saturating_add(1);
        let form = skeleton(m.rpc.root.raw());
        let found = match m.rpc.id.map(|id| (id.as_u64(), id)) {
            Some((Some(id), _)) => self.numbered(method, id, &form, m),
            Some((None, id)) => lettered(method, &text(Some(id))?, &form),
            None => None,
        };
        if found.is_some() {
            self.seen = WATCHED;
        }
        found
    }

    /// A message with a number for an id.
    fn numbered(&mut self, method: &str, id: u64, form: &str, m: &Message<'_>) -> Option<&'static Style> {
        let just_subscribed = self.just_subscribed.take();
        let b = &mut self.before;
        match (method, form) {
            // Neither cJSON, jansson nor any default leaves out one space of four.
            (
                "mining.submit",
                r#"{"method": "", "params": [""], "id":0}"# | r#"{"method": "", "params": ["", ""], "id":0}"#,
            )
            | ("getjob", r#"{"method": "", "params": {"id": ""}, "id":0}"#)
            | ("submit", r#"{"method": "", "params": {"id": "", "job_id": "", "nonce": "", "result": ""}, "id":0}"#) => {
                return Some(&CPUMINER);
            }
            ("login", _) if id == 1 && is_xmrig_login(form) => return Some(&XMRIG),
            (
                "login",
                r#"{"method":"","params":{"login":"","pass":"","agent":""},"id":0}"#
                | r#"{"method":"","params":{"login":"","pass":"","rigid":"","agent":""},"id":0}"#,
            ) => b.stak_login = id == 1,
            ("submit", _) if id == 1 && b.stak_login && is_stak_submit(form) => return Some(&XMR_STAK),
            ("mining.configure", _) => b.esp_mask = id == 1 && is_esp_form(form) && has_esp_mask(m),
            ("mining.subscribe", _) => {
                if text(m.param(0)).is_some()
                    && m.param(1).is_some_and(|v| v.as_u64().is_some())
                    && is_hex(m.param(2), 64)
                {
                    return Some(&NICEHASH);
                }
                if id == 2 && b.esp_mask && is_esp_form(form) {
                    return Some(&ESP_MINER);
                }
                let spaced = form.starts_with(r#"{"id": 0, "method": "", "params": ["#);
                self.just_subscribed = spaced.then_some(id);
                b.spaced_subscribe = spaced && id == 1;
                b.tight_subscribe = id == 1 && is_tight(form);
                b.tight_subscribe_host = b.tight_subscribe && m.params() == 4 && m.param(1).is_some_and(Value::is_null);
            }
            ("mining.authorize", r#"{"id": 0, "method": "", "params": ["", ""]}"#) => {
                if just_subscribed.is_some_and(|s| id.saturating_sub(s) >= SHARED_COUNTER) {
                    return Some(&CGMINER);
                }
                b.spaced_authorize = true;
            }
            ("mining.authorize", r#"{"id": 0, "method": "", "params": ["",""]}"#) => b.nheq_authorize = id == 2,
            ("mining.authorize", r#"{"params": ["", ""], "id": 0, "method": ""}"#) => {
                b.first_authorize = id == 2 && b.spaced_subscribe;
            }
            ("mining.authorize", _) => {
                b.tight_authorize_2 = id == 2 && is_tight(form);
                b.tight_authorize_3 = id == 3 && is_tight(form);
            }
            ("mining.submit", r#"{"params": ["", ""], "id": 0, "method": ""}"#) if b.spaced_authorize => {
                return Some(&CGMINER);
            }
            ("mining.submit", r#"{"id": 0, "method": "", "params": ["",""]}"#) if b.nheq_authorize && id == 4 => {
                return Some(&NHEQMINER);
            }
            // One id a graphics card.
            ("mining.submit", _)
                if (40..168).contains(&id) && b.tight_subscribe && b.tight_authorize_3 && is_tight(form) =>
            {
                return Some(&ETHMINER);
            }
            ("mining.submit", _) if id >= 100 && b.tight_subscribe_host && b.tight_authorize_2 && is_tight(form) => {
                return Some(&EWBF);
            }
            ("mining.suggest_difficulty", r#"{"id": 0, "method": "", "params": [0]}"#)
                if b.first_authorize && id == 3 =>
            {
                return Some(&NERDMINER);
            }
            ("eth_submitLogin", r#"{"worker": "", "jsonrpc": "", "params": ["", ""], "id": 0, "method": ""}"#) => {
                return (id == 2).then_some(&CLAYMORE);
            }
            ("eth_submitLogin", _) => b.eth_login = id == 1 && is_tight(form),
            ("eth_getWork", r#"{"id":0,"method":"","params":[]}"#) if id == 5 && b.eth_login => return Some(&ETHMINER),
            _ => {}
        }
        None
    }
}

/// A message with a word for an id.
fn lettered(method: &str, id: &str, form: &str) -> Option<&'static Style> {
    match (method, id, form) {
        ("mining.authorize", "auth", r#"{"id": "", "method": "", "params": ["", ""]}"#)
        | ("mining.extranonce.subscribe", "xnsub", r#"{"id": "", "method": "", "params": []}"#) => Some(&BFGMINER),
        ("mining.get_transactions", _, r#"{"params": [""], "id": "", "method": ""}"#) if id.starts_with("txlist") => {
            Some(&BFGMINER)
        }
        _ => None,
    }
}

/// The algorithms are `XMRig`'s own extension, and what comes before them is always in this order.
fn is_xmrig_login(form: &str) -> bool {
    form.starts_with(r#"{"id":0,"jsonrpc":"","method":"","params":{"login":"","pass":"","agent":"""#)
        && form.contains(r#","algo":[]"#)
        && form.ends_with("}}")
        && !form.contains(' ')
}

/// Extensions of a pool add members behind these.
fn is_stak_submit(form: &str) -> bool {
    form.starts_with(r#"{"method":"","params":{"id":"","job_id":"","nonce":"","result":"""#)
        && form.ends_with(r#"},"id":0}"#)
        && !form.contains(' ')
}

/// With spaces, the id before the method; `jsonrpc` before both since 2024.
fn is_esp_form(form: &str) -> bool {
    let rest = form.strip_prefix('{').unwrap_or_default();
    let rest = rest.strip_prefix(r#""jsonrpc": "", "#).unwrap_or(rest);
    rest.starts_with(r#""id": 0, "method": "", "params": ["#)
}

/// Every bit of the version, and nothing else asked for.
fn has_esp_mask(m: &Message<'_>) -> bool {
    m.param(0).is_some_and(|names| names.len() == 1)
        && m.param(1)
            .is_some_and(|o| o.len() == 1 && o.get("version-rolling.mask").is_some_and(|v| v.is_str("ffffffff")))
}

/// Without spaces, members in alphabetical order.
fn is_tight(form: &str) -> bool {
    let rest = form.strip_prefix(r#"{"id":0,"#).unwrap_or_default();
    let rest = rest.strip_prefix(r#""jsonrpc":"","#).unwrap_or(rest);
    rest.starts_with(r#""method":"","params":["#) && !form.contains(' ')
}

/// The message without its contents: keys and spaces as they came, `""` for every string, `0` for every number, the
/// first letter of `true`, `false` and `null`. Of an array in the message the first two elements are kept, of anything
/// deeper the brackets. `raw` is an object that was parsed.
fn skeleton(raw: &[u8]) -> String {
    let mut out = String::with_capacity(96);
    // Of the outer two levels: whether it is an object, and its commas so far.
    let mut levels = [(false, 0_u8); 2];
    let mut depth = 0_usize;
    let mut key = false;
    let mut at = 0;
    while let Some(&b) = raw.get(at).filter(|_| out.len() < SKELETON) {
        at += 1;
        match b {
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => {
                if let Some((object, commas)) = depth.checked_sub(1).and_then(|d| levels.get_mut(d)) {
                    *commas = commas.saturating_add(1);
                    key = *object;
                }
            }
            _ => {}
        }
        let shown = match (depth, levels) {
            (0 | 1, _) => true,
            (2, [_, (object, commas)]) => object || commas < 2,
            _ => false,
        };
        let from = at;
        match b {
            b'"' => {
                at = end_of_string(raw, at);
                if shown {
                    let text = if key { raw.get(from..at.saturating_sub(1)).unwrap_or_default() } else { &[] };
                    out.push('"');
                    out.push_str(str::from_utf8(text.get(..text.len().min(24)).unwrap_or_default()).unwrap_or("?"));
                    out.push('"');
                }
                key = false;
                continue;
            }
            b'{' | b'[' => {
                if let Some(level) = levels.get_mut(depth) {
                    *level = (b == b'{', 0);
                }
                depth = depth.saturating_add(1);
                key = b == b'{';
            }
            b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => {
                while raw.get(at).is_some_and(|c| !matches!(c, b',' | b'}' | b']') && !c.is_ascii_whitespace()) {
                    at += 1;
                }
            }
        }
        if shown {
            out.push(match b {
                b'0'..=b'9' | b'-' => '0',
                // No program is known to use these between members.
                b'\t' | b'\r' | b'\n' => '~',
                _ => char::from(b),
            });
        }
    }
    out
}

/// Just after the closing quote of a string whose first byte is at `at`.
fn end_of_string(raw: &[u8], mut at: usize) -> usize {
    loop {
        let Some(step) = raw.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) else { return raw.len() };
        at += step;
        match raw.get(at) {
            Some(b'\\') => at += 2,
            _ => return at + 1,
        }
    }
}

#[cfg(test)]
mod tests;

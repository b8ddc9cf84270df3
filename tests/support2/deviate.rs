//! The same dialogue, said in another way: every deviation that mining programs show or could hide behind.
//!
//! In: a dialogue. Out: one with the same meaning. The list is the deviation table of the project's protocol notes,
//! section 2, and what a peer could add to it. Lines (and bodies of HTTP messages) that are no JSON stay as they are.

use minewatch::dialect::Carrier;

use super::inside::{as_lines, carrier};
use super::json::{Json, Style};
use super::{Rng, short};
use crate::kit::dialogue::{Dialogue, MILLI, SECOND, Side, Turn};

/// A way to say it.
pub struct Way {
    /// What is different.
    pub name: &'static str,
    /// The part of a dialogue that is said this way: all of it, or less where a way makes it very long.
    pub of: fn(&Dialogue) -> Dialogue,
    /// Says it.
    pub say: fn(&Dialogue) -> Dialogue,
    /// What carries dialogues that can be said this way.
    pub over: &'static [Carrier],
    /// Whether all that can be known of the dialogue can still be known: shares, jobs, login. If not, it must be found.
    pub exact: bool,
}

impl Way {
    /// Whether a dialogue can be said this way.
    pub fn takes(&self, d: &Dialogue) -> bool {
        carrier(d).is_some_and(|c| self.over.contains(&c))
    }
}

const ANY: &[Carrier] = &[Carrier::Lines, Carrier::Http, Carrier::WebSocket];

const fn exact(name: &'static str, say: fn(&Dialogue) -> Dialogue) -> Way {
    Way { name, of: Dialogue::clone, say, over: ANY, exact: true }
}

/// One that is about the ends of lines, which messages in a WebSocket have not.
const fn of_lines(name: &'static str, say: fn(&Dialogue) -> Dialogue) -> Way {
    Way { name, of: Dialogue::clone, say, over: &[Carrier::Lines, Carrier::Http], exact: true }
}

const fn exact_of(of: fn(&Dialogue) -> Dialogue, name: &'static str, say: fn(&Dialogue) -> Dialogue) -> Way {
    Way { name, of, say, over: ANY, exact: true }
}

const fn loose(name: &'static str, say: fn(&Dialogue) -> Dialogue) -> Way {
    Way { name, of: Dialogue::clone, say, over: ANY, exact: false }
}

/// Every way.
pub const WAYS: &[Way] = &[
    exact("no spaces", |d| written(d, Style::default())),
    exact("spaces everywhere", |d| written(d, Style { gap: " ", after: " " })),
    exact("tabs", |d| written(d, Style { gap: "\t", after: " \t" })),
    of_lines("line feeds between values", |d| written(d, Style { gap: "\n", after: "\r\n  " })),
    exact("CRLF", |d| lines(d, |_, _| {}, |_, j| j.write(Style::default()) + "\r\n")),
    exact("no jsonrpc", |d| changed(d, |_, j| remove(j, "jsonrpc"))),
    exact("jsonrpc added", |d| {
        changed(d, |_, j| {
            remove(j, "jsonrpc");
            insert(j, 0, "jsonrpc", Json::text("2.0"));
        })
    }),
    exact("ids as strings", |d| ids(d, |_, id| number(id).map(Json::Text))),
    exact("large ids", |d| ids(d, |_, id| number(id)?.parse::<u64>().ok().map(large))),
    exact("negative ids", |d| {
        ids(d, |_, id| number(id)?.parse::<u64>().ok().map(|n| Json::Word(format!("-{}", n + 1))))
    }),
    exact("reply ids of the other type", |d| {
        ids(d, |side, id| match id {
            Json::Word(n) if side == Side::Server && n != "null" => Some(Json::Text(n.clone())),
            Json::Text(s) if side == Side::Server && s.parse::<u64>().is_ok() => Some(Json::Word(s.clone())),
            _ => None,
        })
    }),
    exact("pushes with id null", |d| {
        changed(d, |side, j| {
            if side == Side::Server && j.get("method").is_some() {
                remove(j, "id");
                insert(j, 0, "id", Json::word("null"));
            }
        })
    }),
    exact("pushes without id", |d| {
        changed(d, |side, j| {
            if side == Side::Server && j.get("method").is_some() {
                remove(j, "id");
            }
        })
    }),
    // Nothing tells any more which share a reply answers.
    loose("all ids null", |d| ids(d, |_, _| Some(Json::word("null")))),
    exact("method last", |d| ordered(d, &["params", "id", "result", "error", "jsonrpc", "worker", "method"])),
    exact("method first", |d| ordered(d, &["method", "params", "error", "result", "id", "jsonrpc"])),
    exact("keys in reverse, inside as well", |d| changed(d, |_, j| reverse(j))),
    exact("unknown keys before", |d| changed(d, |_, j| extra(j, 0))),
    exact("unknown keys behind", |d| changed(d, |_, j| extra(j, usize::MAX))),
    exact("error absent", |d| {
        changed(d, |_, j| {
            if j.get("error") == Some(&Json::word("null")) {
                remove(j, "error");
            }
        })
    }),
    exact("error null before the result", |d| {
        changed(d, |_, j| {
            if j.get("result").is_some() && j.get("error").is_none() {
                insert(j, 0, "error", Json::word("null"));
            }
        })
    }),
    exact("upper-case hex", |d| hex(d, |s| *s = s.to_ascii_uppercase())),
    exact("lower-case hex", |d| hex(d, |s| *s = s.to_ascii_lowercase())),
    exact("without 0x", |d| {
        ethash(d, |s| {
            if s.len() != 42 && s.starts_with("0x") && s.bytes().skip(2).all(|b| b.is_ascii_hexdigit()) {
                s.drain(..2);
            }
        })
    }),
    exact("with 0x", |d| {
        ethash(d, |s| {
            if s.len() >= 12 && s.bytes().all(|b| b.is_ascii_hexdigit()) {
                s.insert_str(0, "0x");
            }
        })
    }),
    exact("NUL before the line end", |d| lines(d, |_, _| {}, |_, j| j.write(Style::default()) + "\0\n")),
    exact("NUL after the line end", |d| lines(d, |_, _| {}, |_, j| j.write(Style::default()) + "\n\0")),
    exact("a byte order mark first", |d| before_all(d, "\u{feff}")),
    exact("a byte order mark on every line", |d| {
        lines(d, |_, _| {}, |_, j| "\u{feff}".to_owned() + &j.write(Style::default()) + "\n")
    }),
    exact("blank lines and spaces before", |d| {
        lines(d, |_, _| {}, |_, j| "\r\n \n\t  ".to_owned() + &j.write(Style::default()) + "\n")
    }),
    exact("escapes in method names", |d| {
        changed(d, |_, j| {
            if let Some(Json::Text(m)) = j.get_mut("method") {
                *m = m.replacen('m', "\\u006d", 1).replacen('o', "\\u006F", 1).replacen('_', "\\u005f", 1);
            }
        })
    }),
    exact("escapes everywhere", |d| changed(d, |_, j| escape(j))),
    exact("decoys before the keys", |d| changed(d, |_, j| decoy(j, 0))),
    exact("every key twice", |d| {
        changed(d, |_, j| {
            let Some(members) = j.members() else { return };
            *members = members.iter().flat_map(|m| [m.clone(), m.clone()]).collect();
        })
    }),
    exact("several messages in a segment", |d| joined(d, 250 * MILLI)),
    exact("messages in halves", |d| cut(d, |_, n| n / 2 + 1, MILLI)),
    exact_of(short, "seven bytes a segment", |d| cut(d, |_, _| 7, MILLI)),
    exact_of(short, "single bytes", |d| cut(d, |_, _| 1, MILLI)),
    exact_of(brief, "single bytes, one a second", |d| cut(d, |_, _| 1, SECOND)),
    exact("segments at random", |d| cut(&joined(d, 250 * MILLI), |rng, n| rng.range(1, n as u64 + 1) as usize, MILLI)),
    of_lines("objects without line ends", |d| {
        joined(&lines(d, |_, _| {}, |_, j| j.write(Style::default())), 250 * MILLI)
    }),
    exact("a PROXY line first", |d| before_client(d, "PROXY TCP4 192.0.2.9 198.51.100.2 50123 3333\r\n")),
];

fn large(n: u64) -> Json {
    Json::Word((u128::from(n) + (1 << 64)).to_string())
}

fn number(id: &Json) -> Option<String> {
    match id {
        Json::Word(n) if n != "null" => Some(n.clone()),
        _ => None,
    }
}

/// Rewrites every JSON line or HTTP body: `change` the value, then `write` it with its line end.
fn lines(d: &Dialogue, change: impl FnMut(Side, &mut Json), write: impl FnMut(Side, &Json) -> String) -> Dialogue {
    as_lines(d, |d| rewritten(d, change, write))
}

fn rewritten(
    d: &Dialogue,
    mut change: impl FnMut(Side, &mut Json),
    mut write: impl FnMut(Side, &Json) -> String,
) -> Dialogue {
    let mut out = d.clone();
    for turn in &mut out.turns {
        let text = String::from_utf8_lossy(&turn.bytes).into_owned();
        let http = ["POST ", "GET ", "HTTP/1."].iter().any(|w| text.starts_with(w));
        let mut rewritten = |text: &str| {
            let mut json = Json::read(text.trim_matches(TRIM))?;
            change(turn.side, &mut json);
            Some(write(turn.side, &json))
        };
        let Some((head, body)) = text.split_once("\r\n\r\n").filter(|_| http) else {
            let each = text.split_inclusive('\n').map(|line| rewritten(line).unwrap_or_else(|| line.to_owned()));
            turn.bytes = each.collect::<String>().into_bytes();
            continue;
        };
        if let Some(body) = rewritten(body) {
            let length = format!("Content-Length: {}", body.len());
            let fields = head.split("\r\n").map(|f| if f.starts_with("Content-Length:") { &length } else { f });
            turn.bytes = [&fields.collect::<Vec<_>>().join("\r\n"), "\r\n\r\n", &body].concat().into_bytes();
        }
    }
    out
}

const TRIM: [char; 6] = ['\u{feff}', '\0', '\r', '\n', ' ', '\t'];

fn changed(d: &Dialogue, change: impl FnMut(Side, &mut Json)) -> Dialogue {
    lines(d, change, |_, j| j.write(Style { gap: "", after: " " }) + "\n")
}

fn written(d: &Dialogue, style: Style) -> Dialogue {
    lines(d, |_, _| {}, |_, j| j.write(style) + "\n")
}

fn remove(j: &mut Json, key: &str) {
    if let Some(members) = j.members() {
        members.retain(|(k, _)| k != key);
    }
}

fn insert(j: &mut Json, at: usize, key: &str, value: Json) {
    if let Some(members) = j.members() {
        members.insert(at.min(members.len()), (key.to_owned(), value));
    }
}

fn ids(d: &Dialogue, mut change: impl FnMut(Side, &Json) -> Option<Json>) -> Dialogue {
    changed(d, |side, j| {
        if let Some(id) = j.get_mut("id")
            && let Some(new) = change(side, id)
        {
            *id = new;
        }
    })
}

fn ordered(d: &Dialogue, order: &[&str]) -> Dialogue {
    changed(d, |_, j| {
        // Repeated keys have a meaning by their order.
        if let Some(members) = j.members().filter(|m| !repeats(m)) {
            members.sort_by_key(|(k, _)| order.iter().position(|o| o == k).unwrap_or(1));
        }
    })
}

fn repeats(members: &[(String, Json)]) -> bool {
    let plain = |k: &String| k.replace("\\u006d", "m");
    let mut names: Vec<_> = members.iter().map(|(k, _)| plain(k)).collect();
    names.sort();
    names.dedup();
    names.len() < members.len()
}

fn reverse(j: &mut Json) {
    match j {
        Json::Word(_) | Json::Text(_) => {}
        Json::List(items) => items.iter_mut().for_each(reverse),
        Json::Map(members) => {
            if !repeats(members) {
                members.reverse();
            }
            for (_, value) in members {
                reverse(value);
            }
        }
    }
}

/// Keys that real programs add, keys of other protocols, and deep ones, in the message and in named parameters.
fn extra(j: &mut Json, at: usize) {
    let more = [
        ("algo-perf", r#"{"cn/r":450.5,"rx/0":1200,"nested":[[[{"a":[{}]}]]]}"#),
        ("algo-min-time", "0"),
        ("x-note", r#""{\"method\":\"login\",\"params\":[]}""#),
        ("type", r#""auth""#),
        ("", "null"),
    ];
    for (key, value) in more {
        // One that the message has itself would be another message.
        if j.get(key).is_some() {
            continue;
        }
        let value = Json::read(value).unwrap();
        insert(j, at, key, value.clone());
        if let Some(params @ Json::Map(_)) = j.get_mut("params") {
            insert(params, at, key, value);
        }
    }
}

fn hex(d: &Dialogue, change: fn(&mut String)) -> Dialogue {
    changed(d, |_, j| {
        j.each_text(&mut |s| {
            let digits = s.strip_prefix("0x").unwrap_or(s);
            let is_hex = digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            // Case is the checksum of an Ethereum address, and a donation login is not a number.
            let is_login = s.len() == 42 && s.starts_with("0x") || d.truth.login.as_ref() == Some(s);
            if is_hex && !is_login {
                let digits = s.split_off(s.len() - digits.len());
                let mut digits = digits;
                change(&mut digits);
                s.push_str(&digits);
            }
        });
    })
}

/// Where the prefix is a matter of taste.
fn ethash(d: &Dialogue, mut change: impl FnMut(&mut String)) -> Dialogue {
    if !matches!(d.truth.dialect, "ethproxy" | "ethereum-stratum-1") {
        return d.clone();
    }
    changed(d, |_, j| j.each_text(&mut change))
}

fn escape(j: &mut Json) {
    let all = |s: &str| s.bytes().map(|b| format!("\\u{b:04x}")).collect::<Vec<_>>().concat();
    j.each_text(&mut |s| {
        if !s.contains('\\') && s.is_ascii() && s.len() < 500 {
            *s = all(s);
        }
    });
    if let Some(members) = j.members() {
        for (key, _) in members.iter_mut().filter(|(k, _)| !k.contains('\\')) {
            *key = all(key);
        }
    }
}

/// Members of the same names that come first and mean something else: what the receiver takes is the last.
fn decoy(j: &mut Json, at: usize) {
    for (key, value) in [("method", r#""ping""#), ("params", r#"{"a":1}"#), ("id", r#""zz""#), ("result", "7")] {
        if j.get(key).is_some() {
            insert(j, at, key, Json::read(value).unwrap());
        }
    }
}

fn before_all(d: &Dialogue, text: &str) -> Dialogue {
    let mut out = d.clone();
    for side in [Side::Client, Side::Server] {
        if let Some(first) = out.turns.iter_mut().find(|t| t.side == side && t.bytes.starts_with(b"{")) {
            first.bytes.splice(..0, text.bytes());
        }
    }
    out
}

fn before_client(d: &Dialogue, text: &str) -> Dialogue {
    let mut out = d.clone();
    if let Some(first) = out.turns.iter_mut().find(|t| t.side == Side::Client) {
        first.bytes.splice(..0, text.bytes());
    }
    out
}

/// Turns of one side in a row, less than `within` apart, in one write.
pub fn joined(d: &Dialogue, within: u64) -> Dialogue {
    let mut out = Dialogue { turns: Vec::new(), truth: d.truth.clone() };
    for turn in &d.turns {
        match out.turns.last_mut() {
            Some(last) if last.side == turn.side && turn.at - last.at < within => {
                last.bytes.extend_from_slice(&turn.bytes);
            }
            _ => out.turns.push(turn.clone()),
        }
    }
    out
}

/// Every turn in pieces, `gap` apart; nobody speaks before the other has finished.
pub fn cut(d: &Dialogue, mut size: impl FnMut(&mut Rng, usize) -> usize, gap: u64) -> Dialogue {
    let mut out = Dialogue { turns: Vec::new(), truth: d.truth.clone() };
    let (mut free, mut rng) = (0, Rng::new(3));
    for turn in &d.turns {
        let (mut at, mut rest) = (turn.at.max(free), &turn.bytes[..]);
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(size(&mut rng, turn.bytes.len()).clamp(1, rest.len()));
            out.turns.push(Turn { at, side: turn.side, bytes: piece.to_vec() });
            at += gap;
            rest = tail;
        }
        free = at;
    }
    out
}

/// Not more than the first ten turns, and no long ones.
fn brief(d: &Dialogue) -> Dialogue {
    as_lines(d, |d| {
        let mut out = d.clone();
        out.turns.retain(|t| t.bytes.len() < 1000);
        out.turns.truncate(10);
        out
    })
}

//! STIX 2.1: indicators of a bundle whose pattern names hosts and addresses (OASIS STIX 2.1 §4.7 and §9).

use serde_json::Value;

use super::csv::day;
use super::{Collector, ImportError, Said};

pub(super) fn read(text: &str, out: &mut Collector<'_>) -> Result<(), ImportError> {
    let json: Value = serde_json::from_str(text).map_err(|e| out.json_error("stix", &e))?;
    let one = std::slice::from_ref(&json);
    let objects = json.get("objects").and_then(Value::as_array).or(json.as_array()).map_or(one, Vec::as_slice);
    for object in objects {
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        if text("type") != Some("indicator") {
            continue;
        }
        if object.get("revoked").and_then(Value::as_bool) == Some(true) {
            out.out.skipped += 1;
            continue;
        }
        let Some(pattern) = text("pattern").filter(|_| matches!(text("pattern_type"), None | Some("stix"))) else {
            out.error(0, format!("{} has no STIX pattern", super::short(text("id").unwrap_or("an indicator"))));
            continue;
        };
        let said = Said {
            first_seen: text("valid_from").and_then(day),
            expires: text("valid_until").and_then(day),
            ..Said::default()
        };
        if let Err(why) = indicator(pattern, &said, out) {
            out.error(0, format!("the pattern {:?} {why}", super::short(pattern)));
        }
    }
    Ok(())
}

/// A comparison of a pattern: path, values.
type Comparison = (String, Vec<String>);

/// What stands between two brackets: comparisons, joined by OR, or by AND.
#[derive(Default)]
struct Observation {
    comparisons: Vec<Comparison>,
    and: bool,
    or: bool,
}

fn indicator(pattern: &str, said: &Said, out: &mut Collector<'_>) -> Result<(), &'static str> {
    let observations = observations(pattern)?;
    let mut taken = false;
    for o in &observations {
        let mut said = said.clone();
        let ports = o.comparisons.iter().filter(|(path, _)| !o.or && path == "network-traffic:dst_port");
        let ports = ports.flat_map(|(_, values)| values).filter_map(|v| v.parse::<u16>().ok());
        said.plain.extend(ports.filter(|p| *p != 0));
        for (path, value) in o.comparisons.iter().flat_map(|(path, values)| values.iter().map(move |v| (path, v))) {
            match path.as_str() {
                "domain-name:value" => out.name(0, value, said.clone()),
                "ipv4-addr:value" | "ipv6-addr:value" => out.address(0, value, said.clone()),
                "url:value" | "network-traffic:dst_ref.value" => out.any(0, value, said.clone()),
                _ => continue,
            }
            taken = true;
        }
    }
    if taken { Ok(()) } else { Err("names no host and no address") }
}

/// Reads `[a = 'x' OR b ISSUBSET 'y'] OR [c = 'z']`. What a list cannot say is refused: that two things come together,
/// or one after the other. An endpoint's address and port are one thing.
fn observations(pattern: &str) -> Result<Vec<Observation>, &'static str> {
    let mut found: Vec<Observation> = Vec::new();
    let mut inside = false;
    let mut tokens = tokens(pattern)?.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Mark('[') => {
                found.push(Observation::default());
                inside = true;
            }
            Token::Mark(']') => inside = false,
            Token::Mark(_) => {}
            Token::Word(w) if w == "OR" => {
                if let Some(o) = found.last_mut().filter(|_| inside) {
                    o.or = true;
                }
            }
            Token::Word(w) if w == "AND" && inside => {
                if let Some(o) = found.last_mut() {
                    o.and = true;
                }
            }
            Token::Word(w) if matches!(w.as_str(), "AND" | "FOLLOWEDBY") => return Err(TOGETHER),
            Token::Word(path) if path.contains(':') && inside => {
                match tokens.next() {
                    Some(Token::Word(op)) if matches!(op.as_str(), "=" | "==" | "ISSUBSET" | "IN") => {}
                    _ => return Err("compares in a way that no list can hold"),
                }
                let mut values = Vec::new();
                while let Some(token) = tokens.peek() {
                    match token {
                        Token::Mark(']' | '[') => break,
                        Token::Word(w) if !w.bytes().all(|b| b.is_ascii_digit()) => break,
                        _ => {}
                    }
                    if let Some(Token::Text(v) | Token::Word(v)) = tokens.next() {
                        values.push(v);
                    }
                }
                if let Some(o) = found.last_mut() {
                    o.comparisons.push((path, values));
                }
            }
            _ => return Err("says more than a list can hold"),
        }
    }
    let endpoint = ["dst_ref.type", "dst_ref.value", "dst_port", "protocols[*]"];
    let is_endpoint = |(path, _): &Comparison| {
        path.strip_prefix("network-traffic:").is_some_and(|p| endpoint.contains(&p) || p.starts_with("protocols"))
    };
    if found.iter().any(|o| o.and && (o.or || !o.comparisons.iter().all(is_endpoint))) {
        return Err(TOGETHER);
    }
    Ok(found)
}

const TOGETHER: &str = "names things that come together, and a list can only hold each of them alone";

enum Token {
    Word(String),
    Text(String),
    /// A bracket or a comma.
    Mark(char),
}

fn tokens(pattern: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => {}
            '[' | ']' | '(' | ')' | ',' => tokens.push(Token::Mark(c)),
            '\'' => {
                let mut text = String::new();
                loop {
                    match chars.next() {
                        None => return Err("has a quote without an end"),
                        Some('\'') => break,
                        Some('\\') => text.extend(chars.next()),
                        Some(c) => text.push(c),
                    }
                }
                tokens.push(Token::Text(text));
            }
            _ => {
                let mut word = String::from(c);
                while let Some(c) = chars.peek().copied() {
                    // An index of a path: `network-traffic:protocols[*]`.
                    let index = c == '[' && word.contains(':');
                    let same = !" \t\r\n[](),'".contains(c) && (c == '=') == word.ends_with(['=', '!', '<', '>']);
                    if !index && !same {
                        break;
                    }
                    word.push(c);
                    chars.next();
                    if index {
                        word.extend(std::iter::from_fn(|| chars.next_if(|c| *c != ']')));
                        word.extend(chars.next());
                    }
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

//! What was imported, as the text of a feed.

use std::fmt::Write as _;

use super::{Imported, Options, Said, What};
use crate::intel::words::{Confidence, Role};
use crate::text::{counted, is_unsafe};

/// Entries of one table: readers take a feed table by table.
const TABLE: usize = 10_000;

/// The feed. The same list gives the same text.
pub fn render(imported: &Imported, options: &Options) -> String {
    let mut s = String::new();
    let _ = writeln!(
        s,
        "# {}, imported from {}.\n",
        counted(imported.found.len(), "entry", "entries"),
        comment(&options.source)
    );
    let _ = writeln!(s, "version = 1\ndate = \"{}\"", options.date);
    let mut rows: Vec<(&str, &What, &Said)> =
        imported.found.iter().map(|(what, said)| (pool(said, options), what, said)).collect();
    // Pools together; within one the order of the set.
    rows.sort_by_key(|(pool, ..)| *pool);
    for same in rows.chunk_by(|a, b| a.0 == b.0) {
        for table in same.chunks(TABLE) {
            let Some((pool, ..)) = table.first() else { continue };
            let _ = write!(s, "\n[[pool]]\nname = {}\n", quoted(pool));
            if options.role != Role::default() {
                let _ = writeln!(s, "role = \"{}\"", options.role);
            }
            let _ = writeln!(s, "source = {}", quoted(&options.source));
            if options.confidence != Confidence::default() {
                let _ = writeln!(s, "confidence = \"{}\"", options.confidence.word());
            }
            s.push_str("entries = [\n");
            for (_, what, said) in table {
                entry(&mut s, what, said);
            }
            s.push_str("]\n");
        }
    }
    s
}

/// Whose an entry is, as far as it can be shown.
fn pool<'a>(said: &'a Said, options: &'a Options) -> &'a str {
    let shows = |name: &&str| name.chars().any(|c| !is_unsafe(c) && !c.is_whitespace());
    said.pool.as_deref().into_iter().chain([options.pool.as_str()]).find(shows).unwrap_or("imported")
}

fn entry(s: &mut String, what: &What, said: &Said) {
    let _ = match what {
        // Names and addresses were read strictly: they hold no quotes.
        What::Name(name) => write!(s, "    {{ names = [\"{name}\"]"),
        What::Host(name) => write!(s, "    {{ hosts = [\"{name}\"]"),
        What::Address(net) => write!(s, "    {{ addresses = [\"{net}\"]"),
    };
    if !said.coins.is_empty() {
        let coins: Vec<String> = said.coins.iter().map(|c| quoted(c)).collect();
        let _ = write!(s, ", coins = [{}]", coins.join(", "));
    }
    for (key, ports) in [("plain", &said.plain), ("tls", &said.tls)] {
        if !ports.is_empty() {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            let _ = write!(s, ", {key} = [{}]", ports.join(", "));
        }
    }
    let days = [("first_seen", said.first_seen), ("last_seen", said.last_seen), ("expires", said.expires)];
    for (key, day) in days {
        if let Some(day) = day {
            let _ = write!(s, ", {key} = \"{day}\"");
        }
    }
    s.push_str(" },\n");
}

/// A TOML string; what cannot be seen and what would make it too long is left out.
fn quoted(text: &str) -> String {
    let text: String = text.chars().filter(|c| !is_unsafe(*c)).take(70).collect();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text that ends no comment.
fn comment(text: &str) -> String {
    text.chars().filter(|c| !is_unsafe(*c)).take(200).collect()
}

//! The shipped feed: it parses, is in order, and every example is what its row says.

use std::collections::HashSet;

use super::*;

/// A row in full, strict: an unknown key is a mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    kind: Kind,
    prefix: Option<String>,
    exact: Option<String>,
    contains: Option<String>,
    suffix: Option<String>,
    glob: Option<String>,
    #[allow(dead_code)] // that it is one of the known ones is the test
    category: Category,
    status: Status,
    source: String,
    source_date: Option<String>,
    example: Option<String>,
    seen: Vec<String>,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    version: u32,
    date: String,
    program: Vec<Row>,
}

impl Row {
    fn pattern(&self) -> Pattern {
        let given = [
            self.prefix.clone().map(Pattern::Prefix),
            self.exact.clone().map(Pattern::Exact),
            self.contains.clone().map(Pattern::Contains),
            self.suffix.clone().map(Pattern::Suffix),
            self.glob.clone().map(Pattern::Glob),
        ];
        let mut given = given.into_iter().flatten();
        let pattern = given.next().unwrap_or_else(|| panic!("{}: no pattern", self.name));
        assert!(given.next().is_none(), "{}: two patterns", self.name);
        pattern
    }
}

/// Whether `text` is what the glob says, as its meaning is written down in the feed.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|n| glob(rest, &text[n..])),
        Some((b'#', rest)) => {
            let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
            (1..=digits).any(|n| glob(rest, &text[n..]))
        }
        Some((c, rest)) => text.first().is_some_and(|t| t.eq_ignore_ascii_case(c)) && glob(rest, &text[1..]),
    }
}

fn fits(pattern: &Pattern, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    match pattern {
        Pattern::Prefix(p) => text.starts_with(&p.to_ascii_lowercase()),
        Pattern::Exact(p) => text == p.to_ascii_lowercase(),
        Pattern::Contains(p) => text.contains(&p.to_ascii_lowercase()),
        Pattern::Suffix(p) => format!(".{text}").ends_with(&format!(".{}", p.to_ascii_lowercase())),
        Pattern::Glob(p) => glob(p.as_bytes(), text.as_bytes()),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
}

fn strict() -> Strict {
    toml::from_str(SHIPPED).unwrap_or_else(|e| panic!("programs.toml: {e}"))
}

#[test]
fn the_shipped_feed_is_read_strictly_and_leniently() {
    let feed = strict();
    assert!(feed.version == VERSION && is_date(&feed.date), "{} {}", feed.version, feed.date);
    let table = Table::read(SHIPPED).unwrap();
    let agents = feed.program.iter().filter(|r| matches!(r.kind, Kind::Agent | Kind::UserAgent)).count();
    assert_eq!(table.heads.len() + table.parts.len(), agents);
    assert_eq!(table.hosts.len(), feed.program.iter().filter(|r| r.kind == Kind::Host).count());
    let parts = table.parts.iter().map(|(part, _)| part.needle().len());
    assert!(table.heads.iter().map(|(text, _)| text.len()).chain(parts).all(|len| len <= HEAD));
}

#[test]
fn every_row_is_complete_and_in_its_place() {
    let feed = strict();
    let mut seen = HashSet::new();
    let mut last: Option<(Kind, String, String)> = None;
    for row in &feed.program {
        let pattern = row.pattern();
        let text = match &pattern {
            Pattern::Prefix(t) | Pattern::Exact(t) | Pattern::Contains(t) | Pattern::Suffix(t) | Pattern::Glob(t) => t,
        };
        let place = (row.kind, row.name.to_lowercase(), text.to_lowercase());
        assert!(last.as_ref() < Some(&place), "{place:?} stands after {last:?}");
        assert!(seen.insert((row.kind as u8, format!("{pattern:?}").to_lowercase())), "{place:?} twice");
        let texts = [Some(&row.name), Some(&row.source), row.example.as_ref(), row.note.as_ref(), Some(text)];
        for t in texts.into_iter().flatten().chain(&row.seen) {
            assert!(!t.trim().is_empty() && t.is_ascii() && t.bytes().all(|b| b >= b' '), "{place:?}: {t:?}");
        }
        assert!(row.source_date.as_deref().is_none_or(is_date), "{place:?}");
        assert!(!row.seen.is_empty(), "{place:?}");
        last = Some(place);
    }
}

#[test]
fn every_example_is_what_its_row_names() {
    let table = Table::read(SHIPPED).unwrap();
    for row in strict().program {
        let example = row.example.as_deref().unwrap_or_else(|| panic!("{}: no example", row.name));
        assert!(fits(&row.pattern(), example), "{} {example}", row.name);
        let found = match row.kind {
            Kind::Agent | Kind::UserAgent => table.agent(example),
            Kind::Host => table.host(example),
            _ => continue,
        };
        assert_eq!(found.map(|p| p.name.as_str()), Some(row.name.as_str()), "{example}");
        if row.status == Status::Unverified {
            assert!(!found.unwrap().is_evidence(), "{example} is only expected");
        }
    }
}

#[test]
fn a_feed_that_cannot_be_read_gives_no_table() {
    for text in ["", "version = 1", "version = 2\nprogram = []", "[[program]]\nname = 3", "version = 1\n[[program]]"] {
        assert!(Table::read(text).is_none(), "{text}");
    }
    assert!(Table::default().agent("XMRig/6").is_none());
    assert!(Table::default().host("nicehash.com").is_none());
}

#[test]
fn hosts_end_at_a_label() {
    let name = |host| table().host(host).map(|p| p.name.as_str());
    assert_eq!(name("randomxmonero.auto.NiceHash.com."), Some("NiceHash"));
    assert_eq!(name("nicehash.com"), Some("NiceHash"));
    assert_eq!(name("evilnicehash.com"), None);
    assert_eq!(name("donate.v2.xmrig.com"), Some("XMRig donation"));
    assert_eq!(name("x.donate.v2.xmrig.com"), None);
    assert_eq!(name(""), None);
}

/// Against the plain way: every beginning, the longest first.
#[test]
fn the_longest_beginning_is_found() {
    let table = table();
    let plain = |agent: &str| {
        let lower = agent.to_ascii_lowercase();
        let fits = |(text, p): &&(String, Program)| match p.pattern {
            Pattern::Exact(_) => lower == *text,
            _ => lower.starts_with(text.as_str()),
        };
        table.heads.iter().filter(fits).max_by_key(|(text, _)| text.len()).map(|(text, _)| text.clone())
    };
    let mut met = 0;
    for (text, _) in &table.heads {
        let shorter = text.get(..text.len() - 1).unwrap_or_default();
        for agent in [text.clone(), format!("{text}/1.2"), format!("{text}~"), format!("{text}!"), shorter.to_owned()] {
            let found = table.head(agent.to_ascii_lowercase().as_bytes(), agent.len());
            let text_of = |p: &Program| match &p.pattern {
                Pattern::Prefix(t) | Pattern::Exact(t) => t.to_ascii_lowercase(),
                _ => String::new(),
            };
            assert_eq!(found.map(text_of), plain(&agent), "{agent}");
            met += usize::from(found.is_some());
        }
    }
    assert!(met > table.heads.len());
}

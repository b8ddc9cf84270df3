//! What is wrong, or soon will be, with a feed that can be read.
//!
//! In: a feed, the day, and who knows addresses that must never be blocked. Out: [`Problem`]s in the order of lines.

use std::collections::HashMap;

use super::feed::{self, Entry, Item, SharedRanges};
use super::net::Net;
use super::problem::{LoadError, Problem, Severity};
use super::words::Day;
use super::{Intel, ListInfo};
use crate::text::counted;

/// Widest block that a pool may have: anything wider is somebody's whole network.
const WIDEST: (u8, u8) = (16, 32);

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// In order of lines.
    pub problems: Vec<Problem>,
    /// What the list holds.
    pub entries: usize,
}

/// Checks the feed `list`. `never` says why an address block must never be blocked, if so.
pub fn check(list: &str, text: &str, today: Day, never: &dyn Fn(Net) -> Option<String>) -> Result<Checked, LoadError> {
    let fronts = Intel::shipped();
    let mut checker =
        Lint { list, today, never, fronts: &fronts, problems: Vec::new(), seen: Vec::new(), stale: Vec::new() };
    let out = feed::read(list, text, &mut |item| match item {
        Item::Entry(entry) => checker.entry(&entry),
        Item::Shared(shared) => checker.shared(&shared),
    })?;
    checker.dates(out.header.date, out.header.stale_after);
    checker.together();
    let mut problems = out.problems;
    problems.append(&mut checker.problems);
    problems.sort();
    problems.sort_by_key(|p| p.line);
    if out.more_problems > 0 {
        let what = counted(out.more_problems, "more problem is not shown", "more problems are not shown");
        problems.push(Problem { list: list.to_owned(), line: 0, severity: Severity::Error, what });
    }
    Ok(Checked { problems, entries: out.good })
}

/// A key of the feed with what is said of it.
struct Seen {
    key: Key,
    line: u32,
    pool: String,
    /// Everything but dates and confidence.
    said: String,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Debug)]
enum Key {
    /// Labels from the right, so that what lies below follows.
    Name(Vec<String>),
    Host(Vec<String>),
    Net(Net),
    Shared(Net),
}

struct Lint<'a> {
    list: &'a str,
    today: Day,
    never: &'a dyn Fn(Net) -> Option<String>,
    fronts: &'a Intel,
    problems: Vec<Problem>,
    seen: Vec<Seen>,
    /// Line, last seen, expires.
    stale: Vec<(u32, Option<Day>, Option<Day>)>,
}

impl Lint<'_> {
    fn say(&mut self, line: u32, severity: Severity, what: String) {
        self.problems.push(Problem { list: self.list.to_owned(), line, severity, what });
    }

    fn entry(&mut self, e: &Entry<'_>) {
        if e.source.is_empty() {
            self.say(e.line, Severity::Warning, "no `source`: nobody can check it or ask for its removal".to_owned());
        }
        if let (Some(first), Some(last)) = (e.first_seen, e.last_seen)
            && first > last
        {
            self.say(e.line, Severity::Error, format!("first seen on {first}, behind the last time on {last}"));
        }
        for (what, day) in [("first_seen", e.first_seen), ("last_seen", e.last_seen), ("retired", e.retired)] {
            if let Some(day) = day.filter(|d| d.days_since(self.today) > 1) {
                self.say(e.line, Severity::Error, format!("`{what}` is {day}, which is still to come"));
            }
        }
        if e.retired.is_none() {
            self.stale.push((e.line, e.last_seen, e.expires));
        }
        let said =
            format!("{} {:?} {:?} {:?} {:?} {}", e.pool, e.coins, e.role.unwrap_or_default(), e.plain, e.tls, e.source);
        let mut see = |key, line| {
            self.seen.push(Seen { key, line, pool: e.pool.to_owned(), said: said.clone() });
        };
        for (name, line) in e.names {
            see(Key::Name(reversed(name)), *line);
        }
        for (name, line) in e.hosts {
            see(Key::Host(reversed(name)), *line);
        }
        for (net, line) in e.addresses {
            see(Key::Net(*net), *line);
        }
        for (net, line) in e.addresses {
            self.address(*net, *line);
        }
    }

    fn address(&mut self, net: Net, line: u32) {
        if let Some(why) = (self.never)(net) {
            self.say(line, Severity::Error, format!("{net}: {why}; take it out"));
        } else if net.len() < if net.first().is_ipv4() { WIDEST.0 } else { WIDEST.1 } {
            let what = format!(
                "{net} is a whole network: list the hosts, or blocks of at least /{} and /{}",
                WIDEST.0, WIDEST.1
            );
            self.say(line, Severity::Error, what);
        } else if let Some(who) = self.fronts.shared(net.first()).or_else(|| self.fronts.shared(net.last())) {
            let what = format!("{net} belongs to {who} and serves many customers: list the pool's name instead");
            self.say(line, Severity::Warning, what);
        }
    }

    fn shared(&mut self, s: &SharedRanges<'_>) {
        self.stale.push((s.line, s.last_seen, None));
        for (net, line) in s.prefixes {
            self.seen.push(Seen { key: Key::Shared(*net), line: *line, pool: s.name.to_owned(), said: String::new() });
        }
    }

    fn dates(&mut self, date: Option<Day>, stale_after: u32) {
        if date.is_none() {
            self.say(0, Severity::Warning, "no `date`: nobody can tell how old it is".to_owned());
        }
        let today = self.today;
        for (line, seen, expires) in std::mem::take(&mut self.stale) {
            if let Some(end) = expires.filter(|e| *e < today) {
                self.say(line, Severity::Warning, format!("expired on {end}: take it out, or see whether it still is"));
            } else if let Some(last) = seen.or(date).filter(|d| today.days_since(*d) > i64::from(stale_after)) {
                let what = format!("last seen {last}, more than {stale_after} days ago: look whether it still is");
                self.say(line, Severity::Warning, what);
            }
        }
    }

    /// What stands twice, and what lies in each other.
    fn together(&mut self) {
        let mut seen = std::mem::take(&mut self.seen);
        seen.sort_by(|a, b| (&a.key, a.line).cmp(&(&b.key, b.line)));
        let mut same: HashMap<&str, u32> = HashMap::new();
        // Those that hold what comes next, widest first.
        let mut around: Vec<&Seen> = Vec::new();
        for (i, s) in seen.iter().enumerate() {
            let before = i.checked_sub(1).and_then(|b| seen.get(b)).filter(|b| b.key == s.key);
            if before.is_none() {
                same.clear();
            }
            while around.last().is_some_and(|a| !holds(&a.key, &s.key)) {
                around.pop();
            }
            let what = if let Some(line) = same.get(s.said.as_str()) {
                Some(format!("{} stands in line {line} already, from the same source: take one out", shown(&s.key)))
            } else if let Some(other) = before.filter(|b| b.pool != s.pool) {
                Some(format!("{} is {} in line {}: two names for one pool?", shown(&s.key), other.pool, other.line))
            } else {
                around
                    .last()
                    .filter(|a| a.key != s.key && (a.pool != s.pool || a.said == s.said))
                    .map(|a| format!("{} lies within {} of {} (line {})", shown(&s.key), shown(&a.key), a.pool, a.line))
            };
            same.entry(&s.said).or_insert(s.line);
            if before.is_none() {
                around.push(s);
            }
            if let Some(what) = what {
                self.problems.push(Problem {
                    list: self.list.to_owned(),
                    line: s.line,
                    severity: Severity::Warning,
                    what,
                });
            }
        }
    }
}

fn reversed(name: &str) -> Vec<String> {
    name.rsplit('.').map(str::to_owned).collect()
}

/// Whether `a` covers `b`.
fn holds(a: &Key, b: &Key) -> bool {
    match (a, b) {
        (Key::Name(a), Key::Name(b)) => b.starts_with(a),
        (Key::Net(a), Key::Net(b)) | (Key::Shared(a), Key::Shared(b)) => a.holds(*b),
        _ => a == b,
    }
}

fn shown(key: &Key) -> String {
    match key {
        Key::Name(labels) | Key::Host(labels) => labels.iter().rev().map(String::as_str).collect::<Vec<_>>().join("."),
        Key::Net(net) | Key::Shared(net) => net.to_string(),
    }
}

/// How much of a list is behind its time.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Age {
    /// Things said, each counted once however many names it is said of.
    pub facts: usize,
    /// Last seen too long ago.
    pub stale: usize,
    /// Past their end.
    pub expired: usize,
    /// Known not to mine any more.
    pub retired: usize,
}

/// The age of each list on `day`, in the order of [`Intel::lists`].
pub fn ages(intel: &Intel, day: Day) -> Vec<(&ListInfo, Age)> {
    let mut ages: Vec<(&ListInfo, Age)> = intel.lists().iter().map(|l| (l, Age::default())).collect();
    for fact in intel.0.facts.all() {
        let Some((list, age)) = ages.get_mut(usize::from(fact.list)) else { continue };
        age.facts += 1;
        if fact.retired.is_some_and(|d| d <= day) {
            age.retired += 1;
        } else if fact.expires.is_some_and(|d| d < day) {
            age.expired += 1;
        } else if fact.last_seen.or(list.date).is_some_and(|d| day.days_since(d) > i64::from(list.stale_after)) {
            age.stale += 1;
        }
    }
    ages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let never =
            |net: Net| (net.first() == "10.0.0.1".parse::<std::net::IpAddr>().unwrap()).then(|| "private".to_owned());
        let text = format!(
            "version = 1\ndate = \"2026-11-20\"\n[[pool]]\nname = \"Pool\"\nsource = \"desk\"\nentries = [\n{text}\n]\n"
        );
        let checked = check("own.toml", &text, "2026-11-26".parse().unwrap(), &never).unwrap();
        checked.problems.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn finds(text: &str, wanted: &[&str]) {
        let said = said(text);
        assert_eq!(said.len(), wanted.len(), "{said:#?}");
        for (s, w) in said.iter().zip(wanted) {
            assert!(s.starts_with("own.toml:") && s.contains(w), "{s} does not say {w}");
        }
    }

    #[test]
    fn a_clean_feed_is_clean() {
        finds(
            "{ names = [\"pool.example\"], plain = [3333] },\n{ names = [\"pool.example\"], plain = [4444], coins = [\"XMR\"] },\n\
             { names = [\"eu.pool.example\"], tls = [443] }, { addresses = [\"198.51.100.0/24\", \"2001:db8::/48\"] }",
            &[],
        );
    }

    #[test]
    fn what_stands_twice_or_within_is_told_with_both_lines() {
        finds(
            "{ names = [\"a.example\"] },\n{ names = [\"a.example\"], last_seen = \"2026-11-01\" }",
            &[":8: warning: a.example stands in line 7"],
        );
        finds(
            "{ names = [\"a.example\"] },\n{ names = [\"eu.a.example\"] }",
            &[":8: warning: eu.a.example lies within a.example of Pool (line 7)"],
        );
        finds(
            "{ addresses = [\"198.51.100.0/24\"] },\n{ addresses = [\"198.51.100.7\"] }",
            &["198.51.100.7 lies within 198.51.100.0/24"],
        );
        finds("{ names = [\"xa.example\"] },\n{ names = [\"a.example\"] }", &[]);
    }

    #[test]
    fn addresses_that_must_not_be_blocked_are_errors() {
        finds("{ addresses = [\"10.0.0.1\"] }", &["error: 10.0.0.1: private; take it out"]);
        finds("{ addresses = [\"198.0.0.0/8\"] }", &["error: 198.0.0.0/8 is a whole network"]);
        finds("{ addresses = [\"104.21.80.4\"] }", &["warning: 104.21.80.4 belongs to Cloudflare"]);
    }

    #[test]
    fn dates_are_looked_at() {
        finds("{ names = [\"a.example\"], last_seen = \"2024-01-01\" }", &["last seen 2024-01-01"]);
        finds("{ names = [\"a.example\"], last_seen = \"2024-01-01\", retired = \"2025-01-01\" }", &[]);
        finds("{ names = [\"a.example\"], expires = \"2026-11-25\" }", &["expired on 2026-11-25"]);
        finds("{ names = [\"a.example\"], last_seen = \"2027-11-25\" }", &["still to come"]);
        finds(
            "{ names = [\"a.example\"], first_seen = \"2026-11-03\", last_seen = \"2026-11-02\" }",
            &["first seen on 2026-11-03"],
        );
    }

    #[test]
    fn the_shipped_feeds_have_no_errors() {
        for (name, text) in super::super::SHIPPED {
            let checked = check(name, text, "2026-11-26".parse().unwrap(), &|_| None).unwrap();
            let errors: Vec<_> = checked.problems.iter().filter(|p| p.severity == Severity::Error).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }
}

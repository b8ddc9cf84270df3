//! What sources say, each thing once: names and addresses point here.
//!
//! In: entries of feeds. Out: [`Fact`]s by number, and chains of them, so that many sources may speak of one name and
//! a million names of one list share a single fact.

use std::collections::HashMap;

use super::feed::Entry;
use super::words::{Confidence, Day, Role};

/// No further link of a chain.
pub(super) const END: u32 = u32::MAX;
/// Facts of one name that are kept; an address or name about which more is said is nobody's single pool.
const MAX_FACTS: usize = 256;

/// What one source says in one line.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Fact {
    pub(super) pool: u32,
    /// Which file.
    pub(super) list: u16,
    pub(super) source: u32,
    /// Where the entry says.
    pub(super) role: Option<Role>,
    pub(super) confidence: Confidence,
    /// The name itself and none below it.
    pub(super) exact: bool,
    pub(super) coins: Box<[u32]>,
    pub(super) plain: Box<[u16]>,
    pub(super) tls: Box<[u16]>,
    pub(super) first_seen: Option<Day>,
    pub(super) last_seen: Option<Day>,
    pub(super) expires: Option<Day>,
    pub(super) retired: Option<Day>,
}

impl Fact {
    /// What its hosts are, said or not.
    pub(super) fn role(&self) -> Role {
        self.role.unwrap_or_default()
    }

    /// Whether it lists ports.
    pub(super) fn has_ports(&self) -> bool {
        !self.plain.is_empty() || !self.tls.is_empty()
    }

    /// Whether it names more than a name or an address.
    pub(super) fn says_more(&self) -> bool {
        self.role.is_some() || self.retired.is_some() || self.has_ports() || !self.coins.is_empty()
    }
}

/// Facts, their words and their chains.
#[derive(Debug, Default)]
pub(super) struct Facts {
    words: Vec<Box<str>>,
    said: Vec<Fact>,
    /// A fact and the link before it.
    links: Vec<(u32, u32)>,
}

impl Facts {
    pub(super) fn word(&self, number: u32) -> &str {
        self.words.get(number as usize).map_or("", |w| w)
    }

    pub(super) fn all(&self) -> &[Fact] {
        &self.said
    }

    /// The facts of a chain.
    pub(super) fn chain(&self, mut link: u32) -> impl Iterator<Item = &Fact> {
        std::iter::from_fn(move || {
            let (fact, before) = *self.links.get(link as usize)?;
            link = before;
            self.said.get(fact as usize)
        })
    }

    /// Bytes held, near enough.
    pub(super) fn bytes(&self) -> usize {
        let lists = |f: &Fact| f.coins.len() * 4 + (f.plain.len() + f.tls.len()) * 2;
        self.words.iter().map(|w| w.len() + size_of::<Box<str>>()).sum::<usize>()
            + self.said.iter().map(|f| size_of::<Fact>() + lists(f)).sum::<usize>()
            + self.links.len() * 8
    }
}

/// Facts while they come in.
#[derive(Debug, Default)]
pub(super) struct FactsBuilder {
    pub(super) facts: Facts,
    words: HashMap<Box<str>, u32>,
    numbers: HashMap<Fact, u32>,
    links: HashMap<(u32, u32), u32>,
}

impl FactsBuilder {
    pub(super) fn word(&mut self, text: &str) -> u32 {
        if let Some(number) = self.words.get(text) {
            return *number;
        }
        let number = self.facts.words.len() as u32;
        self.facts.words.push(text.into());
        self.words.insert(text.into(), number);
        number
    }

    /// The number of what an entry says.
    pub(super) fn fact(&mut self, entry: &Entry<'_>, list: u16, exact: bool) -> u32 {
        let sorted = |ports: &[u16]| {
            let mut ports = ports.to_vec();
            ports.sort_unstable();
            ports.dedup();
            ports.into_boxed_slice()
        };
        let fact = Fact {
            pool: self.word(entry.pool),
            list,
            source: self.word(entry.source),
            role: entry.role,
            confidence: entry.confidence,
            exact,
            coins: entry.coins.iter().map(|c| self.word(c)).collect(),
            plain: sorted(entry.plain),
            tls: sorted(entry.tls),
            first_seen: entry.first_seen,
            last_seen: entry.last_seen,
            expires: entry.expires,
            retired: entry.retired,
        };
        if let Some(number) = self.numbers.get(&fact) {
            return *number;
        }
        let number = self.facts.said.len() as u32;
        self.facts.said.push(fact.clone());
        self.numbers.insert(fact, number);
        number
    }

    /// The chain `before` with `fact` added, unless it says so already.
    pub(super) fn link(&mut self, before: u32, fact: u32) -> u32 {
        let (mut at, mut len) = (before, 0);
        while let Some((known, next)) = self.facts.links.get(at as usize) {
            len += 1;
            if *known == fact || len >= MAX_FACTS {
                return before;
            }
            at = *next;
        }
        *self.links.entry((before, fact)).or_insert_with(|| {
            self.facts.links.push((fact, before));
            self.facts.links.len() as u32 - 1
        })
    }

    /// Both chains as one.
    pub(super) fn join(&mut self, mut a: u32, mut b: u32) -> u32 {
        while let Some((fact, before)) = self.facts.links.get(b as usize).copied() {
            a = self.link(a, fact);
            b = before;
        }
        a
    }
}

//! The table of programs, read once from `pool-feeds/programs.toml`.
//!
//! In: the text of the feed, part of the binary. Out: look-ups bounded by the longest pattern. A feed that does not
//! parse gives an empty table at run time; that the shipped one parses and agrees with its own examples is a test.

use std::sync::OnceLock;

use memchr::memmem::Finder;
use serde::Deserialize;

/// The shipped feed.
const SHIPPED: &str = include_str!("../../../pool-feeds/programs.toml");
/// Format of the feed that is understood.
const VERSION: u32 = 1;
/// Bytes at the beginning of an agent that are looked at. The longest known pattern has 31.
const HEAD: usize = 64;
/// Bytes of an agent in which a part is searched for.
const SEARCHED: usize = 256;

/// What an identifier identifies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Of a login, subscribe or hello.
    Agent,
    /// Of HTTP requests only.
    UserAgent,
    /// Name of a host.
    Host,
    /// Path of a download.
    #[serde(rename = "file")]
    Filename,
    /// Line of an HTTP header.
    Header,
    /// Part of a text protocol's line.
    Text,
    /// Asked of a management interface.
    Request,
    /// TCP port of a management interface.
    Port,
}

/// What kind of thing it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Category {
    Miner,
    Proxy,
    Asic,
    Webminer,
    Marketplace,
    Donation,
    Os,
    Management,
    Download,
    Web,
    ApiClient,
    Probe,
    Dropper,
    Malware,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Verified,
    Unverified,
}

/// What the text must look like, in lower case.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Pattern {
    /// It begins so.
    Prefix(String),
    /// It is this.
    Exact(String),
    /// It has this in it.
    Contains(String),
    /// It is this host, or one below it.
    Suffix(String),
    /// `*` stands for any characters, `#` for digits.
    Glob(String),
}

/// One row.
#[derive(Debug, Deserialize)]
pub(super) struct Program {
    pub(super) name: String,
    kind: Kind,
    #[serde(flatten)]
    pattern: Pattern,
    pub(super) category: Category,
    status: Status,
    source: String,
}

impl Program {
    /// What a host or a download of it says.
    pub(super) fn belongs(&'static self) -> super::Belongs {
        let manages_rigs = matches!(self.category, Category::Os | Category::Management);
        super::Belongs { name: &self.name, manages_rigs, source: &self.source }
    }

    /// Whether calling oneself so is evidence of mining.
    pub(super) fn is_evidence(&self) -> bool {
        use Category::{Asic, Marketplace, Miner, Proxy, Webminer};
        self.status == Status::Verified && matches!(self.category, Miner | Proxy | Asic | Webminer | Marketplace)
    }
}

#[derive(Deserialize)]
struct Feed {
    version: u32,
    program: Vec<Program>,
}

/// Look-ups by kind.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Agents known by their beginning or as a whole, in order of the pattern.
    heads: Vec<(String, Program)>,
    /// Agents known by a part.
    parts: Vec<(Finder<'static>, Program)>,
    hosts: Vec<(String, Program)>,
    files: Vec<FileName>,
}

/// A name of a file.
#[derive(Debug)]
struct FileName {
    text: String,
    /// What every text that fits has in it: hardly any path has, and looking for it is cheap.
    needle: Finder<'static>,
    program: Program,
}

/// The shipped table; an empty one if it cannot be read.
pub(super) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::read(SHIPPED).unwrap_or_default())
}

impl Table {
    fn read(text: &str) -> Option<Self> {
        let feed: Feed = toml::from_str(text).ok()?;
        if feed.version != VERSION {
            return None;
        }
        let mut table = Self::default();
        for p in feed.program {
            let (Pattern::Prefix(text)
            | Pattern::Exact(text)
            | Pattern::Contains(text)
            | Pattern::Suffix(text)
            | Pattern::Glob(text)) = &p.pattern;
            let text = text.to_ascii_lowercase();
            match (p.kind, &p.pattern) {
                (Kind::Agent | Kind::UserAgent, Pattern::Prefix(_) | Pattern::Exact(_)) => table.heads.push((text, p)),
                (Kind::Agent | Kind::UserAgent, Pattern::Contains(_)) => {
                    table.parts.push((Finder::new(&text).into_owned(), p));
                }
                (Kind::Host, _) => table.hosts.push((text, p)),
                (Kind::Filename, _) => {
                    let needle = match p.pattern {
                        Pattern::Glob(_) => super::glob::longest(&text),
                        _ => text.as_str(),
                    };
                    let needle = Finder::new(needle).into_owned();
                    table.files.push(FileName { text, needle, program: p });
                }
                // Of use to whoever reads headers and management traffic.
                _ => {}
            }
        }
        table.heads.sort_by(|a, b| a.0.cmp(&b.0));
        Some(table)
    }

    /// The program that an agent string or user agent names.
    pub(super) fn agent(&self, agent: &str) -> Option<&Program> {
        let agent = agent.trim_start();
        let mut lower = [0; HEAD];
        let len = agent.len().min(HEAD);
        for (to, from) in lower.iter_mut().zip(agent.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        self.head(lower.get(..len).unwrap_or_default(), agent.len()).or_else(|| {
            let searched = agent.as_bytes().get(..agent.len().min(SEARCHED))?.to_ascii_lowercase();
            self.parts.iter().find(|(part, _)| part.find(&searched).is_some()).map(|(_, p)| p)
        })
    }

    /// The longest of the known beginnings that an agent of `whole` bytes has, of which these are the first.
    fn head(&self, lower: &[u8], whole: usize) -> Option<&Program> {
        let fits = |n: usize, p: &Program| match p.pattern {
            Pattern::Exact(_) => whole == n,
            _ => true,
        };
        let mut upto = lower.len();
        while let Some(part) = lower.get(..upto).filter(|part| !part.is_empty()) {
            // Whatever part begins with stands before it, and the longest such text last.
            let before = self.heads.get(..self.heads.partition_point(|(text, _)| text.as_bytes() <= part))?;
            let (text, _) = before.last()?;
            let common = text.bytes().zip(part).take_while(|(a, b)| a == *b).count();
            if common < text.len() {
                upto = common;
                continue;
            }
            let same = before.iter().rev().take_while(|(other, _)| other == text);
            if let Some((_, program)) = same.into_iter().find(|(_, p)| fits(common, p)) {
                return Some(program);
            }
            upto = common.saturating_sub(1);
        }
        None
    }

    /// What the path of a request asks for. Names that are only expected are as good: a download is never more than a hint.
    pub(super) fn file(&self, path: &str) -> Option<&Program> {
        let path = path.as_bytes().get(..path.len().min(SEARCHED))?.to_ascii_lowercase();
        let fits = |FileName { text, program, .. }: &&FileName| match program.pattern {
            Pattern::Glob(_) => super::glob::fits(text, &path),
            Pattern::Contains(_) => true,
            Pattern::Suffix(_) => path.ends_with(text.as_bytes()),
            Pattern::Prefix(_) => path.starts_with(text.as_bytes()),
            Pattern::Exact(_) => path == text.as_bytes(),
        };
        self.files.iter().filter(|f| f.needle.find(&path).is_some()).find(fits).map(|f| &f.program)
    }

    /// What a host is known for. Names end at label boundaries.
    pub(super) fn host(&self, host: &str) -> Option<&Program> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let known = |(text, p): &(String, Program)| match p.pattern {
            Pattern::Suffix(_) => {
                host.strip_suffix(text.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            _ => host == *text,
        };
        self.hosts.iter().find(|row| known(row)).map(|(_, p)| p)
    }
}

#[cfg(test)]
mod tests;

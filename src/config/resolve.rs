//! From a file as it was read to checked values. Every wrong value is told, not only the first.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;

use super::problem::{ConfigError, Wrong};
use super::raw::{Number, Raw, RawAllow, RawApply, RawBlock, RawIsolate, RawListen, RawNetwork, Word, Words, line_of};
use super::{Applying, BlockLimits, Isolation, QuietHours, Resolved};
use crate::enforce::Choice;
use crate::evidence::Verdict;
use crate::firewall::{AllowedMiner, AllowedPool, Policy, Prefix, Ttl};
use crate::text::explain_toml;

/// The format that is understood.
const VERSION: i64 = 1;
/// New entries a minute, at most: as many as a list ever has.
const MOST_PER_MINUTE: u32 = 100_000;
/// Networks that an isolated host may keep, as the enforcer has it.
const MOST_KEPT: usize = 64;
/// Block feeds, each of which is looked at several times a second.
const MOST_FEEDS: usize = 64;
/// Wrong values that are told; who has more has another problem.
const MOST_WRONG: usize = 100;
/// Bounds of the time between two looks at the firewall, in seconds: below, reading back never ends; above, a flushed
/// ruleset goes unnoticed.
const CHECK_EVERY: std::ops::RangeInclusive<u64> = 1..=3_600;

pub(super) fn resolve(path: &Path, text: &str) -> Result<Resolved, ConfigError> {
    let fail = |wrong| ConfigError::Wrong { path: path.to_owned(), wrong };
    let mut reader = Reader { text, wrong: Vec::new(), warnings: Vec::new() };
    let raw: Raw = toml::from_str(text).map_err(|e| {
        let line = e.span().map(|s| line_of(text.as_bytes(), s.start));
        fail(vec![Wrong { line, what: in_plain_words(&explain_toml(e.message())) }])
    })?;
    // Another version may mean anything by its keys.
    reader.version(raw.version.as_ref()).map_err(|w| fail(vec![w]))?;
    let mut policy = Policy::default();
    let limits = reader.block(raw.block, &mut policy);
    reader.network(raw.network, &mut policy);
    reader.allow(raw.allow, &mut policy);
    policy.isolation = reader.isolate(raw.isolate);
    let applying = reader.apply(raw.apply);
    let block_feeds = reader.listen(raw.listen);
    let Reader { mut wrong, warnings, .. } = reader;
    if wrong.is_empty() {
        return Ok(Resolved { policy, limits, applying, block_feeds, warnings });
    }
    wrong.sort_by_key(|w| w.line);
    wrong.truncate(MOST_WRONG);
    Err(fail(wrong))
}

/// What the parser says of types, in the words of the file.
fn in_plain_words(said: &str) -> String {
    let words = [
        ("expected a string", "expected a word in quotes, as in \"1d\""),
        ("expected a sequence", "expected a list, as in [\"10.0.0.5\"]"),
        ("expected a boolean", "expected true or false"),
        (" as i128, expected i64", ", expected a smaller number"),
        ("expected i64", "expected a number without quotes"),
    ];
    words.iter().fold(said.to_owned(), |said, (theirs, ours)| said.replace(theirs, ours))
}

/// A verdict from which on something is done.
struct Level(Verdict);

impl FromStr for Level {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "suspected" => Ok(Self(Verdict::Suspected)),
            "probable" => Ok(Self(Verdict::Probable)),
            "confirmed" => Ok(Self(Verdict::Confirmed)),
            _ => Err(format!("{s:?} is no verdict to act on: write suspected, probable or confirmed")),
        }
    }
}

struct Backend(Choice);

impl FromStr for Backend {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let all = [Choice::Auto, Choice::Nftables, Choice::Ipset];
        all.into_iter()
            .find(|c| c.name() == s)
            .map(Self)
            .ok_or_else(|| format!("{s:?} is no firewall that can be told: write auto, nftables or ipset"))
    }
}

struct Interval(Duration);

impl FromStr for Interval {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let ttl = s.parse::<Ttl>().ok().filter(|t| CHECK_EVERY.contains(&t.as_secs()));
        ttl.map(|t| Self(t.duration())).ok_or_else(|| format!("{s:?} is no interval: write 1s to 1h, as in 30s or 5m"))
    }
}

struct Reader<'a> {
    text: &'a str,
    wrong: Vec<Wrong>,
    warnings: Vec<Wrong>,
}

impl Reader<'_> {
    fn line<T>(&self, at: &Spanned<T>) -> u32 {
        line_of(self.text.as_bytes(), at.span().start)
    }

    fn is_wrong<T>(&mut self, key: &str, at: &Spanned<T>, why: impl Display) {
        let line = Some(self.line(at));
        self.wrong.push(Wrong { line, what: format!("`{key}`: {why}") });
    }

    fn warn<T>(&mut self, key: &str, at: &Spanned<T>, why: &str) {
        let line = Some(self.line(at));
        self.warnings.push(Wrong { line, what: format!("`{key}`: {why}") });
    }

    fn one<T: FromStr<Err: Display>>(&mut self, key: &str, given: Word) -> Option<T> {
        let given = given?;
        match given.get_ref().parse() {
            Ok(value) => Some(value),
            Err(e) => {
                self.is_wrong(key, &given, e);
                None
            }
        }
    }

    fn all<T: FromStr<Err: Display>>(&mut self, key: &str, given: Words) -> Vec<T> {
        given.into_iter().filter_map(|one| self.one(key, Some(one))).collect()
    }

    fn number<T: FromStr<Err: Display>>(&mut self, key: &str, given: Number) -> Option<T> {
        let given = given?;
        match given.get_ref().to_string().parse() {
            Ok(value) => Some(value),
            Err(e) => {
                self.is_wrong(key, &given, e);
                None
            }
        }
    }

    fn version(&self, given: Option<&Spanned<i64>>) -> Result<(), Wrong> {
        match given {
            Some(v) if *v.get_ref() == VERSION => Ok(()),
            Some(v) => {
                let what = format!("it is of version {}, and this program reads version {VERSION}", v.get_ref());
                Err(Wrong { line: Some(self.line(v)), what })
            }
            None => {
                let what = "it does not say its version: a policy begins with `version = 1`".to_owned();
                Err(Wrong { line: None, what })
            }
        }
    }

    fn block(&mut self, raw: RawBlock, policy: &mut Policy) -> BlockLimits {
        let mut limits = BlockLimits::default();
        if let Some(Level(least)) = self.one("block.least", raw.least) {
            policy.least = least;
        }
        set(&mut policy.scope, self.one("block.scope", raw.scope));
        set(&mut policy.names, raw.names);
        // What is not given does not contradict what is.
        let ttl_given = raw.ttl.is_some();
        set(&mut policy.ttl, self.one("block.ttl", raw.ttl));
        match raw.max_ttl.clone() {
            Some(given) => {
                if let Some(max_ttl) = self.one::<Ttl>("block.max_ttl", raw.max_ttl) {
                    policy.max_ttl = max_ttl;
                    if max_ttl < policy.ttl && ttl_given {
                        let why = format!("{max_ttl} is less than `block.ttl`, which is {}", policy.ttl);
                        self.is_wrong("block.max_ttl", &given, why);
                    }
                    policy.ttl = policy.ttl.min(max_ttl);
                }
            }
            None => policy.max_ttl = policy.max_ttl.max(policy.ttl),
        }
        set(&mut policy.max_entries, self.number("block.max_entries", raw.max_entries));
        if let Some(given) = raw.per_minute {
            match u32::try_from(*given.get_ref()).ok().filter(|n| (1..=MOST_PER_MINUTE).contains(n)) {
                Some(n) => limits.per_minute = n,
                None => self.is_wrong(
                    "block.per_minute",
                    &given,
                    format!("{} entries a minute are out of range: 1 to {MOST_PER_MINUTE}", given.get_ref()),
                ),
            }
        }
        limits.dry_run = raw.dry_run.unwrap_or(false);
        limits.quiet = QuietHours::new(self.all("block.quiet_hours", raw.quiet_hours));
        self.warn_of_everything(
            "block.never.addresses",
            &raw.never.addresses,
            "nothing of this family is ever blocked",
        );
        policy.never_block = self.all("block.never.addresses", raw.never.addresses);
        policy.never_block_names = self.all("block.never.names", raw.never.names);
        policy.never_block_in = self.all("block.never.in", raw.never.within);
        limits
    }

    fn network(&mut self, raw: RawNetwork, policy: &mut Policy) {
        self.warn_of_everything("network.home", &raw.home, "nothing of this family is ever blocked");
        policy.home = self.all("network.home", raw.home);
        self.warn_of_everything("network.resolvers", &raw.resolvers, "any server is believed what it says of names");
        policy.trust_resolver = self.all("network.resolvers", raw.resolvers);
    }

    fn allow(&mut self, raw: RawAllow, policy: &mut Policy) {
        self.warn_of_everything("allow.miners", &raw.miners, "every host of this family may mine");
        self.warn_of_everything("allow.segments", &raw.segments, "every host of this family may mine");
        self.warn_of_everything("allow.pools", &raw.pools, "everybody may mine at any address of this family");
        self.warn_of_everything("allow.trust_proxy", &raw.trust_proxy, "any host may speak for any other");
        policy.allow_miner = self.all("allow.miners", raw.miners);
        let segments = self.all::<Prefix>("allow.segments", raw.segments);
        policy.allow_miner.extend(segments.into_iter().map(AllowedMiner::Net));
        policy.allow_wallet = self.all("allow.wallets", raw.wallets);
        policy.allow_pool = self.all::<AllowedPool>("allow.pools", raw.pools);
        policy.trust_proxy = self.all("allow.trust_proxy", raw.trust_proxy);
    }

    fn isolate(&mut self, raw: RawIsolate) -> Isolation {
        let mut isolation = Isolation { enabled: raw.enabled.unwrap_or(false), ..Isolation::default() };
        if let Some(Level(least)) = self.one("isolate.least", raw.least) {
            isolation.least = least;
        }
        set(&mut isolation.ttl, self.one("isolate.ttl", raw.ttl));
        for given in &raw.keep {
            if is_everything(given) {
                self.is_wrong("isolate.keep", given, "a host that keeps every network is not isolated");
            }
        }
        if let Some(given) = raw.keep.get(MOST_KEPT) {
            let why = format!("{} networks are too many, at most {MOST_KEPT} are taken", raw.keep.len());
            self.is_wrong("isolate.keep", given, why);
        }
        isolation.keep = self.all("isolate.keep", raw.keep);
        self.warn_of_everything("isolate.never", &raw.never, "no host of this family is ever isolated");
        isolation.never = self.all("isolate.never", raw.never);
        isolation
    }

    fn apply(&mut self, raw: RawApply) -> Applying {
        let mut applying = Applying::default();
        if let Some(Backend(backend)) = self.one("apply.backend", raw.backend) {
            applying.backend = backend;
        }
        if let Some(Interval(every)) = self.one("apply.check_every", raw.check_every) {
            applying.check_every = every;
        }
        applying
    }

    fn listen(&mut self, raw: RawListen) -> Vec<String> {
        if let Some(given) = raw.block_feeds.get(MOST_FEEDS) {
            let why = format!("{} files are too many, at most {MOST_FEEDS} are taken", raw.block_feeds.len());
            self.is_wrong("listen.block_feeds", given, why);
        }
        for given in raw.block_feeds.iter().filter(|g| g.get_ref().trim().is_empty() || g.get_ref().ends_with('=')) {
            self.is_wrong("listen.block_feeds", given, "a file is missing: write \"FILE\" or \"COIN=FILE\"");
        }
        raw.block_feeds.into_iter().map(Spanned::into_inner).collect()
    }

    /// A prefix of no length is more often a slip than a wish.
    fn warn_of_everything(&mut self, key: &str, given: &Words, means: &str) {
        for one in given.iter().filter(|g| is_everything(g)) {
            self.warn(key, one, &format!("{} holds every address: {means}", one.get_ref()));
        }
    }
}

fn is_everything(given: &Spanned<String>) -> bool {
    given.get_ref().parse::<Prefix>().is_ok_and(|p| p.bits() == 0)
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}

//! The policy file as serde reads it: unknown keys are errors, and words keep their places.

use serde::Deserialize;
use toml::Spanned;

/// A word with its place.
pub(super) type Word = Option<Spanned<String>>;
/// Words with their places.
pub(super) type Words = Vec<Spanned<String>>;
/// A number with its place, of any size: what is out of range gets a sentence of its own.
pub(super) type Number = Option<Spanned<i64>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) version: Number,
    #[serde(default)]
    pub(super) block: RawBlock,
    #[serde(default)]
    pub(super) network: RawNetwork,
    #[serde(default)]
    pub(super) allow: RawAllow,
    #[serde(default)]
    pub(super) isolate: RawIsolate,
    #[serde(default)]
    pub(super) apply: RawApply,
    #[serde(default)]
    pub(super) listen: RawListen,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBlock {
    pub(super) least: Word,
    pub(super) scope: Word,
    pub(super) names: Option<bool>,
    pub(super) ttl: Word,
    pub(super) max_ttl: Word,
    pub(super) max_entries: Number,
    pub(super) per_minute: Number,
    pub(super) dry_run: Option<bool>,
    #[serde(default)]
    pub(super) quiet_hours: Words,
    #[serde(default)]
    pub(super) never: RawNever,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNever {
    #[serde(default)]
    pub(super) addresses: Words,
    #[serde(default)]
    pub(super) names: Words,
    #[serde(default, rename = "in")]
    pub(super) within: Words,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetwork {
    #[serde(default)]
    pub(super) home: Words,
    #[serde(default)]
    pub(super) resolvers: Words,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAllow {
    #[serde(default)]
    pub(super) miners: Words,
    #[serde(default)]
    pub(super) segments: Words,
    #[serde(default)]
    pub(super) wallets: Words,
    #[serde(default)]
    pub(super) pools: Words,
    #[serde(default)]
    pub(super) trust_proxy: Words,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIsolate {
    pub(super) enabled: Option<bool>,
    pub(super) least: Word,
    pub(super) ttl: Word,
    #[serde(default)]
    pub(super) keep: Words,
    #[serde(default)]
    pub(super) never: Words,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawApply {
    pub(super) backend: Word,
    pub(super) check_every: Word,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListen {
    #[serde(default)]
    pub(super) block_feeds: Words,
}

/// The line, counted from 1, of the place `at`.
pub(super) fn line_of(text: &[u8], at: usize) -> u32 {
    let before = text.get(..at.min(text.len())).unwrap_or_default();
    (memchr::memchr_iter(b'\n', before).count() as u32).saturating_add(1)
}

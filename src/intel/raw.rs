//! The feed format as serde reads it: unknown keys are errors, with a suggestion.

use serde::Deserialize;
use toml::Spanned;

use super::words::{Confidence, Role};

/// Above the first table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHeader {
    pub(super) version: u32,
    pub(super) date: Option<String>,
    pub(super) stale_after_days: Option<u32>,
    /// For readers of the file.
    #[allow(dead_code)]
    title: Option<String>,
    /// For readers of the file.
    #[allow(dead_code)]
    licence: Option<String>,
    /// For readers of the file.
    #[allow(dead_code)]
    url: Option<String>,
}

/// A whole file, however it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWhole {
    version: u32,
    date: Option<String>,
    stale_after_days: Option<u32>,
    title: Option<String>,
    licence: Option<String>,
    url: Option<String>,
    #[serde(default)]
    pool: Vec<RawPool>,
    #[serde(default)]
    shared: Vec<RawShared>,
}

impl RawWhole {
    pub(super) fn parts(self) -> (RawHeader, RawTable) {
        let Self { version, date, stale_after_days, title, licence, url, pool, shared } = self;
        (RawHeader { version, date, stale_after_days, title, licence, url }, RawTable { pool, shared })
    }
}

/// One element of an array, on its own.
#[derive(Deserialize)]
#[serde(bound = "T: serde::de::DeserializeOwned")]
pub(super) struct RawElement<T> {
    pub(super) e: Spanned<T>,
}

/// One table, whatever its kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTable {
    #[serde(default)]
    pub(super) pool: Vec<RawPool>,
    #[serde(default)]
    pub(super) shared: Vec<RawShared>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPool {
    pub(super) name: Spanned<String>,
    pub(super) coins: Option<Vec<String>>,
    pub(super) role: Option<Role>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Confidence>,
    #[serde(default)]
    pub(super) entries: Vec<Spanned<RawEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEntry {
    #[serde(default)]
    pub(super) names: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) hosts: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) addresses: Vec<Spanned<String>>,
    pub(super) coins: Option<Vec<String>>,
    pub(super) plain: Option<Vec<u16>>,
    pub(super) tls: Option<Vec<u16>>,
    pub(super) role: Option<Role>,
    pub(super) source: Option<String>,
    pub(super) confidence: Option<Confidence>,
    pub(super) first_seen: Option<String>,
    pub(super) last_seen: Option<String>,
    pub(super) expires: Option<String>,
    pub(super) retired: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawShared {
    pub(super) name: Spanned<String>,
    /// For readers of the file.
    #[allow(dead_code)]
    kind: Option<String>,
    pub(super) source: String,
    pub(super) last_seen: Option<String>,
    pub(super) prefixes: Vec<Spanned<String>>,
}

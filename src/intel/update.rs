//! Keeps feeds fresh without ever going blind.
//!
//! In: a configuration that names feeds, their places and what vouches for them. Out: files in a folder that
//! `--feeds` can read, each replaced whole or not at all, and for each feed what became of it. Whatever goes wrong,
//! the last good file stays, and the caller is told.

mod config;
mod fetch;
mod store;

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::feed::{self, Item};
use super::import::{self, Format};
use super::net::Net;
use super::words::Day;
use crate::text::counted;

pub use config::{Config, ConfigError, Place, Plan};
use store::{Meta, Stored};

/// What became of a feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// A newer one is in place.
    Updated {
        /// Entries it has.
        entries: usize,
        /// Entries of the one before, if there was one.
        before: Option<usize>,
        /// Entries that could not be read.
        left_out: usize,
        /// Tables of shared ranges that were not taken: nobody but the operator says what is never blocked.
        unshared: usize,
    },
    /// The one in place is the newest.
    Unchanged {
        /// Entries it has.
        entries: usize,
    },
    /// Something is wrong; what was there stays.
    Kept {
        /// What is wrong and what to do.
        why: String,
        /// Entries of the one that stays, if there is one.
        entries: Option<usize>,
    },
}

/// A feed with what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Updated {
    /// Its name in the configuration.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What became of it.
    pub state: State,
}

/// Brings every feed of `config` up to date. `accept_shrink`: take lists that lost more than their share. `never` says of a
/// block why it must never be blocked, if so: lists of others hold resolvers and private addresses by mistake.
pub fn update(config: &Config, today: Day, accept_shrink: bool, never: &dyn Fn(Net) -> Option<String>) -> Vec<Updated> {
    config
        .feeds
        .iter()
        .map(|plan| {
            let path = plan.path(&config.folder);
            let stored = store::stored(&path);
            let entries = stored.as_ref().map(|s| s.entries);
            let state = one(plan, &path, stored, today, accept_shrink, never);
            let state = state.unwrap_or_else(|why| State::Kept { why, entries });
            Updated { name: plan.name.clone(), path, state }
        })
        .collect()
}

fn one(
    plan: &Plan,
    path: &Path,
    stored: Option<Stored>,
    today: Day,
    accept_shrink: bool,
    never: &dyn Fn(Net) -> Option<String>,
) -> Result<State, String> {
    let from = plan.place.to_string();
    let known = stored.as_ref().and_then(|s| s.meta.clone()).filter(|m| m.from == from && m.shared == plan.shared);
    let fetched = match fetch::get(plan, known.as_ref())? {
        fetch::Got::Same => {
            let entries = stored.map_or(0, |s| s.entries);
            return Ok(State::Unchanged { entries });
        }
        fetch::Got::New(fetched) => fetched,
    };
    let raw = hex(&Sha256::digest(&fetched.bytes));
    vouched(plan, &fetched, &raw)?;
    if let (Some(old), Some(meta)) = (&stored, &known)
        && meta.raw == raw
    {
        // The same bytes again: nothing to write but what to ask next time.
        store::write_meta(path, &Meta { etag: fetched.etag, last_modified: fetched.last_modified, ..meta.clone() })?;
        return Ok(State::Unchanged { entries: old.entries });
    }
    let (text, left_out) = as_feed(plan, &fetched.bytes, today, never)?;
    let (text, unshared) = if plan.shared { (text, 0) } else { feed::pools_only(&text) };
    let mut shared = false;
    let read = feed::read(&plan.name, &text, &mut |item| shared |= matches!(item, Item::Shared(_)));
    let read = read.map_err(|e| e.to_string())?;
    if shared && !plan.shared {
        return Err(format!(
            "{from} has shared ranges in a form that cannot be taken out: it is not used unless its configuration says \
             `shared = true`"
        ));
    }
    if read.good == 0 {
        return Err(format!("{from} has no entry in it"));
    }
    let before = stored.as_ref().map(|s| s.entries);
    if let Some(was) = before {
        let lost = was.saturating_sub(read.good);
        if lost * 100 > was * usize::from(plan.max_loss_percent) && !accept_shrink {
            return Err(format!(
                "{from} has {} and had {was}: it lost more than {} %, which looks like a broken source. If that \
                 is meant, run it again with --accept-shrink",
                counted(read.good, "entry", "entries"),
                plan.max_loss_percent
            ));
        }
    }
    let written = hex(&Sha256::digest(text.as_bytes()));
    store::make_folder(path)?;
    store::write_feed(path, &text)?;
    let meta =
        Meta { from, etag: fetched.etag, last_modified: fetched.last_modified, raw, written, shared: plan.shared };
    store::write_meta(path, &meta)?;
    Ok(State::Updated { entries: read.good, before, left_out: read.bad + left_out, unshared })
}

/// Puts the text of a feed at `path`, whole or not at all; only a feed, an empty file or nothing may be there before.
/// The error is a sentence.
pub fn write_feed(path: &Path, text: &str) -> Result<(), String> {
    store::write_feed(path, text)
}

/// Checksum and signature, where the configuration asks for them.
fn vouched(plan: &Plan, fetched: &fetch::Fetched, sha256: &str) -> Result<(), String> {
    let wanted = match (&plan.sha256, &fetched.checksum) {
        (Some(sum), _) => Some(sum.clone()),
        (None, Some(text)) => {
            // As sha256sum writes it: the sum, then the file's name.
            let sum = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            Some(config::checksum(&sum).map_err(|_| "its checksum file holds no SHA-256 in hexadecimal".to_owned())?)
        }
        (None, None) => None,
    };
    if let Some(wanted) = wanted
        && wanted != sha256
    {
        return Err(format!(
            "its SHA-256 is {sha256}, and {wanted} was asked for: it was changed on its way or at its source"
        ));
    }
    match (&plan.minisign, &fetched.signature) {
        (Some(key), Some(signature)) => fetch::signed(key, signature, &fetched.bytes),
        (Some(_), None) => Err("it has no signature".to_owned()),
        (None, _) => Ok(()),
    }
}

/// The feed that the bytes are, or become; and how many entries were left out on the way.
fn as_feed(
    plan: &Plan,
    bytes: &[u8],
    today: Day,
    never: &dyn Fn(Net) -> Option<String>,
) -> Result<(String, usize), String> {
    let Some(format) = plan.format else {
        if super::is_utf16(bytes) {
            return Err("it is UTF-16 text, and a feed is UTF-8".to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8 text: is it compressed?".to_owned())?;
        return Ok((text.to_owned(), 0));
    };
    let imported = import::import_sparing(format, &plan.name, bytes, never).map_err(|e| e.to_string())?;
    let bad = imported.problems.len() + imported.more_problems;
    if bad > imported.found.len() {
        let first = imported.problems.first().map_or(String::new(), ToString::to_string);
        return Err(format!("{bad} of its lines cannot be read, more than can; first {first}"));
    }
    let options = import::Options {
        pool: plan.pool.clone(),
        source: plan.place.to_string(),
        role: plan.role,
        confidence: plan.confidence,
        date: today,
    };
    Ok((import::render(&imported, &options), bad))
}

/// The format behind a word of the configuration.
fn format(word: &str) -> Option<Format> {
    import::FORMATS.iter().find(|(w, _)| *w == word).map(|(_, f)| *f)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

#[cfg(test)]
mod tests;

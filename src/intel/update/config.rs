//! What to fetch, from where, and what vouches for it.
//!
//! In: a TOML file. Out: a [`Config`] whose every value was checked; unknown keys are errors.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::intel::import::Format;
use crate::intel::words::{Confidence, Role};

/// Share of its entries that a list may lose at once where the configuration does not say.
const MAX_LOSS: u8 = 50;
/// Bytes of a configuration.
const MAX_CONFIG: u64 = 1 << 20;
const MEGABYTES: u32 = 64;
const SECONDS: u32 = 60;

/// All feeds.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the files go.
    pub folder: PathBuf,
    /// What to fetch.
    pub feeds: Vec<Plan>,
}

/// One feed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its file is `NAME.toml`.
    pub name: String,
    /// Where it comes from.
    pub place: Place,
    /// What it is converted from.
    pub(super) format: Option<Format>,
    pub(super) sha256: Option<String>,
    pub(super) sha256_url: Option<String>,
    pub(super) minisign: Option<String>,
    pub(super) max_bytes: u64,
    #[cfg_attr(not(feature = "update"), allow(dead_code))] // files wait for nobody
    pub(super) seconds: u32,
    pub(super) max_loss_percent: u8,
    /// Its shared ranges are taken, too.
    pub(super) shared: bool,
    pub(super) pool: String,
    pub(super) role: Role,
    pub(super) confidence: Confidence,
}

impl Plan {
    /// Whether something else than the way it comes vouches for it.
    #[cfg_attr(not(feature = "update"), allow(dead_code))] // nothing is fetched
    pub(super) fn is_vouched(&self) -> bool {
        self.sha256.is_some() || self.minisign.is_some()
    }

    /// Its file in `folder`.
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.toml", self.name))
    }
}

/// Where a feed comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Over the network.
    Url(String),
    /// From a file, such as one that something else mirrors.
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(&crate::text::printable(url, 512)),
            Self::File(path) => f.write_str(&crate::intel::shown(path)),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}", path = crate::intel::shown(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is wrong.
    #[error("{path}{line}: {why}", path = crate::intel::shown(path), line = line.map_or(String::new(), |l| format!(":{l}")))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Its line, where it is known.
        line: Option<u32>,
        /// What is wrong and what to do.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u32,
    folder: PathBuf,
    max_loss_percent: Option<u8>,
    #[serde(default)]
    feed: Vec<RawPlan>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    name: toml::Spanned<String>,
    url: Option<String>,
    file: Option<PathBuf>,
    format: Option<String>,
    sha256: Option<String>,
    sha256_url: Option<String>,
    minisign: Option<String>,
    max_megabytes: Option<u32>,
    timeout_seconds: Option<u32>,
    max_loss_percent: Option<u8>,
    #[serde(default)]
    shared: bool,
    pool: Option<String>,
    role: Option<Role>,
    confidence: Option<Confidence>,
}

impl Config {
    /// Reads the configuration at `path`; relative paths in it begin at its folder.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let fail = |source| ConfigError::Read { path: path.to_owned(), source };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(fail)?;
        if file.take(MAX_CONFIG + 1).read_to_string(&mut text).map_err(fail)? as u64 > MAX_CONFIG {
            let why = format!("it has more than {MAX_CONFIG} bytes");
            return Err(ConfigError::Wrong { path: path.to_owned(), line: None, why });
        }
        Self::parse(path, &text)
    }

    /// The configuration in `text`, which stands at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let line = |at: usize| text.get(..at).map(|t| t.matches('\n').count() as u32 + 1);
        let wrong = |line, why: String| ConfigError::Wrong { path: path.to_owned(), line, why };
        let raw: Raw = toml::from_str(text)
            .map_err(|e| wrong(e.span().and_then(|s| line(s.start)), crate::text::explain_toml(e.message())))?;
        if raw.version != 1 {
            return Err(wrong(None, format!("version {} is not known, only 1 is", raw.version)));
        }
        let base = path.parent().unwrap_or_else(|| Path::new(""));
        let mut feeds: Vec<Plan> = Vec::new();
        for plan in raw.feed {
            let at = line(plan.name.span().start);
            let plan = resolve(plan, base, raw.max_loss_percent).map_err(|why| wrong(at, why))?;
            if feeds.iter().any(|f| f.name == plan.name) {
                return Err(wrong(at, format!("two feeds are called {:?}", plan.name)));
            }
            feeds.push(plan);
        }
        if feeds.is_empty() {
            return Err(wrong(None, "it names no [[feed]]".to_owned()));
        }
        Ok(Self { folder: base.join(raw.folder), feeds })
    }
}

fn resolve(raw: RawPlan, base: &Path, loss: Option<u8>) -> Result<Plan, String> {
    let name = raw.name.into_inner();
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
        return Err(format!(
            "{name:?} is no name for a feed: lower-case letters, digits, - and _, since it names a file"
        ));
    }
    let vouched = raw.sha256.is_some() || raw.minisign.is_some();
    let place = match (raw.url, raw.file) {
        (Some(url), None) => {
            secure(&url, vouched)?;
            Place::Url(url)
        }
        (None, Some(file)) => Place::File(base.join(file)),
        _ => return Err(format!("{name:?} has either `url` or `file`")),
    };
    if let Some(url) = &raw.sha256_url {
        // What vouches must not come the way that it is to vouch for.
        secure(url, false)?;
    }
    let format = raw.format.as_deref().unwrap_or("feed");
    let converted = super::format(format);
    if converted.is_none() && format != "feed" {
        let known: Vec<&str> = crate::intel::import::FORMATS.iter().map(|(w, _)| *w).collect();
        return Err(format!("{format:?} is no format; there are feed, {}", known.join(", ")));
    }
    let max_loss_percent = raw.max_loss_percent.or(loss).unwrap_or(MAX_LOSS);
    if max_loss_percent > 100 {
        return Err("`max_loss_percent` is 0 to 100".to_owned());
    }
    let (megabytes, seconds) = (raw.max_megabytes.unwrap_or(MEGABYTES), raw.timeout_seconds.unwrap_or(SECONDS));
    if !(1..=4096).contains(&megabytes) || !(1..=3600).contains(&seconds) {
        return Err("`max_megabytes` is 1 to 4096, `timeout_seconds` 1 to 3600".to_owned());
    }
    Ok(Plan {
        sha256: raw.sha256.as_deref().map(checksum).transpose()?,
        sha256_url: raw.sha256_url,
        minisign: raw.minisign,
        max_bytes: u64::from(megabytes) << 20,
        seconds,
        max_loss_percent,
        shared: raw.shared,
        pool: raw.pool.unwrap_or_else(|| name.clone()),
        role: raw.role.unwrap_or_default(),
        confidence: raw.confidence.unwrap_or_default(),
        name,
        place,
        format: converted,
    })
}

/// A SHA-256 in hexadecimal.
pub(super) fn checksum(text: &str) -> Result<String, String> {
    let sum = text.trim().to_ascii_lowercase();
    if sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(sum)
    } else {
        Err("`sha256` has 64 hexadecimal digits".to_owned())
    }
}

/// Whether a URL may be asked: HTTPS, or what is vouched for by other means, or this machine itself.
pub(super) fn secure(url: &str, vouched: bool) -> Result<(), String> {
    if url.starts_with("https://") {
        return Ok(());
    }
    let Some(rest) = url.strip_prefix("http://") else {
        return Err(format!("{url:?} begins with neither https:// nor http://"));
    };
    let host = rest.split('/').next().unwrap_or_default();
    // `user@host` would hide the host behind a friendly name.
    let own = !host.contains('@')
        && (host.starts_with("127.") || host.starts_with("[::1]"))
        && host.split(':').next().is_some_and(|h| h.starts_with('[') || h.parse::<std::net::Ipv4Addr>().is_ok());
    if vouched || own {
        Ok(())
    } else {
        Err(format!("{url:?} can be changed by anybody on its way: use https://, or give `sha256` or `minisign`"))
    }
}

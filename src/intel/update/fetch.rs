//! Gets bytes: from a file, or by HTTP with caps on size and time, asking only for what is newer.

use super::config::{Place, Plan};
use super::store::Meta;

/// Bytes of a checksum or signature file.
#[cfg(feature = "update")]
const MAX_SMALL: u64 = 16 << 10;

/// What was fetched.
pub(super) struct Fetched {
    pub(super) bytes: Vec<u8>,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    /// Of `sha256_url`.
    pub(super) checksum: Option<String>,
    /// Of a signed feed.
    pub(super) signature: Option<String>,
}

pub(super) enum Got {
    /// Nothing newer than what `Meta` describes.
    #[cfg_attr(not(feature = "update"), allow(dead_code))] // only servers know
    Same,
    New(Fetched),
}

/// Gets a feed and what vouches for it.
pub(super) fn get(plan: &Plan, known: Option<&Meta>) -> Result<Got, String> {
    match &plan.place {
        Place::File(path) => file(plan, path).map(Got::New),
        Place::Url(url) => http(plan, url, known),
    }
}

fn file(plan: &Plan, path: &std::path::Path) -> Result<Fetched, String> {
    let read = |path: &std::path::Path| {
        let fail = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
        let about = std::fs::metadata(path).map_err(fail)?;
        // Nobody may be there to write into a pipe, and a device has no end.
        if !about.is_file() {
            return Err(format!("{} is no file", path.display()));
        }
        if about.len() > plan.max_bytes {
            return Err(format!("{} has {} bytes, and {} are allowed", path.display(), about.len(), plan.max_bytes));
        }
        std::fs::read(path).map_err(fail)
    };
    let signature = match &plan.minisign {
        Some(_) => {
            let mut name = path.as_os_str().to_owned();
            name.push(".minisig");
            Some(String::from_utf8_lossy(&read(name.as_ref())?).into_owned())
        }
        None => None,
    };
    let checksum = match &plan.sha256_url {
        Some(url) => Some(small(plan, url)?),
        None => None,
    };
    Ok(Fetched { bytes: read(path)?, etag: None, last_modified: None, checksum, signature })
}

#[cfg(not(feature = "update"))]
fn http(_: &Plan, url: &str, _: Option<&Meta>) -> Result<Got, String> {
    Err(format!(
        "{url}: this program was built without the feature `update`; fetch the list by other means and use `file`"
    ))
}

#[cfg(not(feature = "update"))]
fn small(_: &Plan, url: &str) -> Result<String, String> {
    Err(format!("{url}: this program was built without the feature `update`"))
}

#[cfg(not(feature = "update"))]
pub(super) fn signed(_: &str, _: &str, _: &[u8]) -> Result<(), String> {
    Err("this program was built without the feature `update`, and cannot check signatures".to_owned())
}

/// Whether `signature` is one of `bytes` by the holder of `key` (minisign).
#[cfg(feature = "update")]
pub(super) fn signed(key: &str, signature: &str, bytes: &[u8]) -> Result<(), String> {
    let key = minisign_verify::PublicKey::from_base64(key.trim()).map_err(|_| {
        "`minisign` is no public key: it is the second line of a .pub file, and begins with RW".to_owned()
    })?;
    let signature = minisign_verify::Signature::decode(signature)
        .map_err(|_| "its signature is none of minisign; is there an error page in its place?".to_owned())?;
    key.verify(bytes, &signature, false)
        .map_err(|_| "its signature does not fit: it was changed, or signed with another key".to_owned())
}

#[cfg(feature = "update")]
fn agent(plan: &Plan, url: &str) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(std::time::Duration::from_secs(plan.seconds.into())))
        .max_redirects(5)
        // A redirect must not leave what protects the way.
        .https_only(url.starts_with("https://"))
        .http_status_as_error(false)
        .max_response_header_size(64 << 10)
        .user_agent(concat!("minewatch/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

#[cfg(feature = "update")]
fn http(plan: &Plan, url: &str, known: Option<&Meta>) -> Result<Got, String> {
    let mut request = agent(plan, url).get(url);
    if let Some(known) = known {
        if let Some(etag) = &known.etag {
            request = request.header("If-None-Match", etag);
        }
        if let Some(date) = &known.last_modified {
            request = request.header("If-Modified-Since", date);
        }
    }
    let mut response = request.call().map_err(|e| format!("{url}: {}", said(&e, plan)))?;
    match response.status().as_u16() {
        200 => {}
        304 if known.is_some() => return Ok(Got::Same),
        status => return Err(format!("{url}: the server says {}", meaning(status))),
    }
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        (value.len() <= 256).then(|| value.to_owned())
    };
    let (etag, last_modified) = (header("etag"), header("last-modified"));
    let promised = response.body().content_length();
    if promised.is_some_and(|n| n > plan.max_bytes) {
        return Err(format!("{url}: {}", said(&ureq::Error::BodyExceedsLimit(plan.max_bytes), plan)));
    }
    let bytes = response
        .body_mut()
        .with_config()
        .limit(plan.max_bytes)
        .read_to_vec()
        .map_err(|e| format!("{url}: {}", said(&e, plan)))?;
    if promised.is_some_and(|n| n != bytes.len() as u64) {
        return Err(format!("{url}: the connection ended before the list did"));
    }
    let checksum = plan.sha256_url.as_deref().map(|url| small(plan, url)).transpose()?;
    let signature = plan.minisign.as_ref().map(|_| small(plan, &format!("{url}.minisig"))).transpose()?;
    Ok(Got::New(Fetched { bytes, etag, last_modified, checksum, signature }))
}

/// A file that vouches.
#[cfg(feature = "update")]
fn small(plan: &Plan, url: &str) -> Result<String, String> {
    let fail = |e: &ureq::Error| format!("{url}: {}", said(e, plan));
    let mut response = agent(plan, url).get(url).call().map_err(|e| fail(&e))?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(format!("{url}: the server says {}", meaning(status)));
    }
    response.body_mut().with_config().limit(MAX_SMALL).read_to_string().map_err(|e| fail(&e))
}

#[cfg(feature = "update")]
fn said(e: &ureq::Error, plan: &Plan) -> String {
    match e {
        ureq::Error::Timeout(_) => format!("no answer within {} seconds (`timeout_seconds`)", plan.seconds),
        ureq::Error::BodyExceedsLimit(_) => {
            format!("larger than {} MiB; if that is meant, raise `max_megabytes`", plan.max_bytes >> 20)
        }
        ureq::Error::HostNotFound => "its host has no address: is its name right, and DNS reachable?".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(feature = "update")]
fn meaning(status: u16) -> String {
    match status {
        401 | 403 => format!("{status}: it wants a login, or does not want us"),
        404 | 410 => format!("{status}: the list is gone; look for its new place"),
        429 => format!("{status}: too often; ask less"),
        500..=599 => format!("{status}: it has a problem of its own; try later"),
        _ => format!("{status}, which is no list"),
    }
}

//! Gets bytes: from a file, or by HTTP with caps on size and time, asking only for what is newer.

use super::config::{Place, Plan};
use super::store::Meta;
use crate::file::{self, Unread};

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
        Place::File(path) => from_file(plan, path).map(Got::New),
        Place::Url(url) => http(plan, url, known),
    }
}

fn from_file(plan: &Plan, path: &std::path::Path) -> Result<Fetched, String> {
    let read = |path: &std::path::Path| {
        let shown = crate::intel::shown(path);
        // Nobody may be there to write into a pipe, and a device has no end.
        file::read(path, plan.max_bytes).map_err(|e| match e {
            Unread::TooLarge(max) => {
                format!("{shown}: larger than {} MiB; if that is meant, raise `max_megabytes`", max >> 20)
            }
            e => format!("cannot read {shown}: {e}"),
        })
    };
    let signature = match &plan.minisign {
        Some(_) => {
            let mut name = path.as_os_str().to_owned();
            name.push(".minisig");
            let signature = read(name.as_ref()).map_err(|e| format!("its signature is missing: {e}"))?;
            Some(String::from_utf8_lossy(&signature).into_owned())
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

/// Redirects that are followed.
#[cfg(feature = "update")]
const MAX_REDIRECTS: usize = 5;

/// Asks `url`, and follows where that leads as long as each place may be asked as the first may. `vouched`: what comes
/// is vouched for by other means than its way.
#[cfg(feature = "update")]
fn ask(
    plan: &Plan,
    url: &str,
    headers: &[(&str, &str)],
    vouched: bool,
) -> Result<ureq::http::Response<ureq::Body>, String> {
    let start = std::time::Instant::now();
    let time = std::time::Duration::from_secs(plan.seconds.into());
    let mut at = url.to_owned();
    for _ in 0..=MAX_REDIRECTS {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(time.saturating_sub(start.elapsed())))
            .max_redirects(0)
            .http_status_as_error(false)
            .max_response_header_size(64 << 10)
            .user_agent(concat!("minewatch/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let request = headers.iter().fold(agent.get(&at), |r, (name, value)| r.header(*name, *value));
        let response = request.call().map_err(|e| format!("{at}: {}", said(&e, plan)))?;
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(response);
        }
        let to = response.headers().get("location").and_then(|l| l.to_str().ok()).unwrap_or_default();
        let next = resolve(&at, to);
        may_follow(&at, &next, vouched).map_err(|why| format!("{at} leads to {next:?}: {why}"))?;
        at = next;
    }
    Err(format!("{url}: it leads from place to place, more than {MAX_REDIRECTS} times"))
}

/// Whether a redirect may be followed: as the first place may be asked, and never away from HTTPS.
#[cfg(feature = "update")]
fn may_follow(from: &str, to: &str, vouched: bool) -> Result<(), String> {
    if from.starts_with("https://") && !to.starts_with("https://") {
        return Err("from https:// only https:// is followed".to_owned());
    }
    super::config::secure(to, vouched)
}

/// Where a `Location` leads that was met at `base` (RFC 3986 §5.2, without dots in paths).
#[cfg(feature = "update")]
fn resolve(base: &str, to: &str) -> String {
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let path = rest.get(host.len()..).unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if to.split_once(':').is_some_and(|(s, _)| word(s)) {
        to.to_owned()
    } else if to.starts_with("//") {
        format!("{scheme}:{to}")
    } else if to.starts_with('/') {
        format!("{scheme}://{host}{to}")
    } else if to.starts_with('?') {
        format!("{scheme}://{host}{path}{to}")
    } else {
        let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("/");
        format!("{scheme}://{host}{folder}{to}")
    }
}

#[cfg(feature = "update")]
fn http(plan: &Plan, url: &str, known: Option<&Meta>) -> Result<Got, String> {
    let mut headers = Vec::new();
    if let Some(known) = known {
        if let Some(etag) = &known.etag {
            headers.push(("If-None-Match", etag.as_str()));
        }
        if let Some(date) = &known.last_modified {
            headers.push(("If-Modified-Since", date.as_str()));
        }
    }
    let mut response = ask(plan, url, &headers, plan.is_vouched())?;
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
    let signature = match &plan.minisign {
        // The key vouches for it, however it comes.
        Some(_) => Some(vouching(plan, &format!("{url}.minisig"), true, "signature")?),
        None => None,
    };
    Ok(Got::New(Fetched { bytes, etag, last_modified, checksum, signature }))
}

/// The checksum. What vouches must not come the way that it is to vouch for.
#[cfg(feature = "update")]
fn small(plan: &Plan, url: &str) -> Result<String, String> {
    vouching(plan, url, false, "checksum")
}

/// A file that vouches.
#[cfg(feature = "update")]
fn vouching(plan: &Plan, url: &str, vouched: bool, what: &str) -> Result<String, String> {
    let mut response = ask(plan, url, &[], vouched)?;
    match response.status().as_u16() {
        200 => {}
        404 | 410 => {
            return Err(format!("{url}: its {what} is missing (the server says {})", response.status().as_u16()));
        }
        status => return Err(format!("{url}: the server says {}", meaning(status))),
    }
    let read = response.body_mut().with_config().limit(MAX_SMALL).read_to_string();
    read.map_err(|e| format!("{url}: {}", said(&e, plan)))
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

#[cfg(all(test, feature = "update"))]
mod tests {
    use super::*;

    #[test]
    fn redirects_obey_the_rules_of_the_first_place() {
        for (from, to, vouched, ok) in [
            ("https://f.example/a", "https://g.example/a", false, true),
            ("https://f.example/a", "http://f.example/a", false, false),
            ("https://f.example/a", "http://f.example/a", true, false),
            ("https://f.example/a", "http://127.0.0.1/a", true, false),
            ("https://f.example/a", "file:///etc/passwd", true, false),
            ("http://127.0.0.1/a", "http://127.0.0.1:81/b", false, true),
            ("http://127.0.0.1/a", "http://f.example/b", false, false),
            ("http://127.0.0.1/a", "https://f.example/b", false, true),
            ("http://f.example/a", "http://g.example/b", true, true),
        ] {
            assert_eq!(may_follow(from, to, vouched).is_ok(), ok, "{from} to {to}");
        }
    }

    #[test]
    fn places_are_told_from_where_they_were_met() {
        let base = "https://f.example:8443/lists/a.toml?x=/y";
        for (to, at) in [
            ("https://g.example/b", "https://g.example/b"),
            ("//g.example/b", "https://g.example/b"),
            ("/b", "https://f.example:8443/b"),
            ("b", "https://f.example:8443/lists/b"),
            ("?b", "https://f.example:8443/lists/a.toml?b"),
            ("b?u=http://x", "https://f.example:8443/lists/b?u=http://x"),
        ] {
            assert_eq!(resolve(base, to), at, "{to}");
        }
        assert_eq!(resolve("https://f.example", "b"), "https://f.example/b");
    }
}

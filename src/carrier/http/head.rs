//! A header block of HTTP/1, read.
//!
//! In: the bytes of a start line and its fields. Out: [`Head`]: what the message says around its body ([`HttpMeta`]), how
//! the body is framed, and whether the message went through a proxy.

use base64::Engine;

use super::Next;
use crate::carrier::target::Target;

/// Header fields looked at.
const MAX_FIELDS: usize = 64;
/// Header values kept to this many bytes.
const MAX_VALUE: usize = 256;

/// Fields that only getwork miners send (cgminer, bfgminer and cpuminer `util.c`), as they are named in evidence.
const MINER_FIELDS: [&str; 3] = ["X-Mining-Extensions", "X-Mining-Hashrate", "X-Minimum-Wait"];
/// Fields that their servers send.
const SERVER_FIELDS: [&str; 4] = ["X-Stratum", "X-Long-Polling", "X-Roll-NTime", "X-Reject-Reason"];

/// Fields of requests that only proxies add.
const FORWARDED: [&str; 2] = ["Forwarded", "X-Forwarded-For"];

/// What an HTTP message says around its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpMeta {
    /// A response (else a request).
    pub response: bool,
    /// Status code of a response.
    pub status: u16,
    /// The mining header field that it carries, if one.
    pub mining_header: Option<&'static str>,
    /// User-Agent of a request, capped.
    pub user_agent: Option<String>,
    /// Path of a request, with its query, capped.
    pub path: Option<String>,
    /// Of an answer that has a body to be read: the path that was asked for last, where that was seen.
    pub answers: Option<String>,
    /// Host of a request, capped.
    pub host: Option<String>,
    /// User name of HTTP Basic authentication, capped.
    pub user: Option<String>,
    /// The request asks for a WebSocket, or the response agrees to one.
    pub websocket: bool,
    /// The message is on its way to or from a proxy: its target is a whole URI (RFC 9112 §3.2.2), or somebody on the way
    /// added a field that says so (`Via`, RFC 9110 §7.6.3; `Forwarded`, RFC 7239; `X-Forwarded-For`).
    pub proxied: bool,
    /// Whom a proxied request is for, where it can be read.
    pub target: Option<Target>,
}

/// How a body is packed.
#[derive(Default, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    #[default]
    Identity,
    Gzip,
    Deflate,
    /// One that is not opened.
    Other,
}

/// What a header block says.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // facts that do not depend on each other
pub(super) struct Head {
    pub(super) meta: HttpMeta,
    /// A CONNECT.
    pub(super) connect: bool,
    /// Its destination, if that can be read.
    pub(super) destination: Option<Target>,
    /// The reason of a response speaks of a connection.
    pub(super) established: bool,
    pub(super) get: bool,
    /// The body is JSON.
    pub(super) json: bool,
    /// There are no fields.
    pub(super) bare: bool,
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    /// Asks for a WebSocket, or agrees to one.
    pub(super) upgrade: bool,
    /// Names what is upgraded to.
    pub(super) named: bool,
    /// The same as `upgrade` for permessage-deflate.
    pub(super) deflate: bool,
    pub(super) encoding: Encoding,
}

impl Head {
    /// `None` for what is no header block after all.
    pub(super) fn read(raw: &[u8]) -> Option<Self> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut head = Self::default();
        let fields: &[httparse::Header<'_>] = if raw.starts_with(b"HTTP/1.") {
            let mut r = httparse::Response::new(&mut fields);
            r.parse(raw).ok().filter(httparse::Status::is_complete)?;
            head.meta.response = true;
            head.meta.status = r.code.unwrap_or(0);
            head.established = r.reason.is_some_and(|reason| reason.to_ascii_lowercase().contains("connect"));
            r.headers
        } else {
            let mut r = httparse::Request::new(&mut fields);
            r.parse(raw).ok().filter(httparse::Status::is_complete)?;
            head.start(r.method?, r.path?);
            r.headers
        };
        head.bare = fields.is_empty();
        for f in fields {
            head.field(f.name, f.value);
        }
        let meta = &mut head.meta;
        if meta.proxied && !meta.response && meta.target.is_none() {
            // A proxy passes on the name that it was asked for.
            meta.target = meta.host.as_deref().and_then(|host| Target::parse_origin(host, 80));
        }
        Some(head)
    }

    /// Method and target of a request.
    fn start(&mut self, method: &str, target: &str) {
        if method == "CONNECT" {
            self.connect = true;
            self.destination = Target::parse_authority(target);
        }
        self.get = method == "GET";
        let mut path = target;
        if let Some((authority, behind)) = absolute(target) {
            self.meta.proxied = true;
            self.meta.target = authority;
            path = behind;
        }
        self.meta.path = Some(value(path.as_bytes()));
    }

    fn field(&mut self, name: &str, field: &[u8]) {
        let meta = &mut self.meta;
        let mining: &[&'static str] = if meta.response { &SERVER_FIELDS } else { &MINER_FIELDS };
        if name.eq_ignore_ascii_case("content-length") {
            self.length = std::str::from_utf8(field).ok().and_then(|v| v.trim().parse::<u64>().ok());
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.chunked = field.to_ascii_lowercase().ends_with(b"chunked");
        } else if name.eq_ignore_ascii_case("content-encoding") {
            self.encoding = match field.to_ascii_lowercase().as_slice() {
                b"gzip" | b"x-gzip" => Encoding::Gzip,
                b"deflate" => Encoding::Deflate,
                b"identity" => Encoding::Identity,
                _ => Encoding::Other,
            };
        } else if name.eq_ignore_ascii_case("content-type") {
            // No proxy grants a tunnel in JSON: the grant itself was lost.
            self.json = mentions(field, b"json");
        } else if name.eq_ignore_ascii_case("upgrade") {
            // A list, of which the server takes what it knows (RFC 9110 §7.8).
            self.upgrade = field.split(|b| *b == b',').any(|p| p.trim_ascii().eq_ignore_ascii_case(b"websocket"));
            self.named = true;
        } else if name.eq_ignore_ascii_case("sec-websocket-extensions") {
            // Offers are a list, and may be spread over fields (RFC 6455 §9.1).
            self.deflate |= mentions(field, b"permessage-deflate");
        } else if name.eq_ignore_ascii_case("host") {
            meta.host = Some(value(field));
        } else if name.eq_ignore_ascii_case("user-agent") {
            meta.user_agent = Some(value(field));
        } else if name.eq_ignore_ascii_case("authorization") {
            meta.user = basic_user(field);
        } else if name.eq_ignore_ascii_case("via")
            || (!meta.response && FORWARDED.iter().any(|f| name.eq_ignore_ascii_case(f)))
        {
            meta.proxied = true;
        } else if let Some(field) = mining.iter().find(|m| m.eq_ignore_ascii_case(name)) {
            meta.mining_header.get_or_insert(field);
        }
    }
}

/// The authority of a request target that is a whole URI, and its path; the inner `None` when the authority cannot be
/// read.
fn absolute(target: &str) -> Option<(Option<Target>, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    let port = ["http", "ws"]
        .iter()
        .map(|s| (s, 80))
        .chain(["https", "wss"].iter().map(|s| (s, 443)))
        .find_map(|(s, port)| scheme.eq_ignore_ascii_case(s).then_some(port))?;
    let (authority, path) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    let host = authority.rsplit('@').next().unwrap_or_default();
    Some((Target::parse_origin(host, port), if path.is_empty() { "/" } else { path }))
}

/// `METHOD target HTTP/1.x` or `HTTP/1.x status …` (RFC 9112 §3, §4).
pub(super) fn is_start_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let version = line.len().checked_sub(8).and_then(|at| line.get(at..));
    line.starts_with(b"HTTP/1.") || version.is_some_and(|v| v.starts_with(b"HTTP/1."))
}

/// Whether a first line may be a start line that was damaged.
pub(super) fn mentions_http(line: &[u8]) -> bool {
    line.windows(3).any(|w| [&b"HTT"[..], b"TTP", b"/1."].iter().any(|part| w.eq_ignore_ascii_case(part)))
}

/// Whether a field's value holds `word`, in any case.
fn mentions(value: &[u8], word: &[u8]) -> bool {
    value.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word))
}

/// What a connection turns into behind a header block the rest of which was not seen.
pub(super) fn cut_short(head: &[u8]) -> Option<Next> {
    if let Some(rest) = head.strip_prefix(b"CONNECT ") {
        let authority = rest.split(|b| *b == b' ').next().filter(|a| a.len() < rest.len());
        return Some(Next::Tunnel(authority.and_then(|a| Target::parse_authority(std::str::from_utf8(a).ok()?))));
    }
    let agreed = head.starts_with(b"HTTP/1.1 101") || mentions(head, b"\r\nupgrade: websocket\r\n");
    agreed.then_some(Next::WebSocket { deflate: true, torn: true })
}

fn value(raw: &[u8]) -> String {
    let raw = raw.get(..MAX_VALUE).unwrap_or(raw);
    String::from_utf8_lossy(raw).trim().to_owned()
}

/// `Basic base64(user:password)` (RFC 7617); the password is not kept.
fn basic_user(raw: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(raw).ok()?.trim();
    let (scheme, code) = text.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case("basic ") || code.len() > 2 * MAX_VALUE {
        return None;
    }
    let plain = base64::engine::general_purpose::STANDARD.decode(code.trim()).ok()?;
    let user = plain.split(|b| *b == b':').next()?;
    (!user.is_empty()).then(|| value(user))
}

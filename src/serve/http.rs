//! Block lists, metrics and health over HTTP/1.1, for firewalls that pull, for Prometheus and for load balancers.
//!
//! In: connections. Out: what is on the board. Only GET and HEAD; nothing that is sent changes anything. Everything that a
//! stranger could make grow or wait has a bound: connections, those of one address, time, header and body. No TLS: put a
//! proxy in front of it where others can listen.
//!
//! A list is rendered when it is asked for first, and kept as bytes until it is another one: its `ETag` is the checksum of
//! these bytes, so that it is the same after a restart if they are.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Board, Listed, metrics, socket};
use crate::address::is_private;
use crate::firewall::{BlockList, FORMATS, Format, Meta, Prefix, RenderOptions, Scope};
use crate::text::printable;
use crate::time::PacketTime;

/// Connections at a time.
const CONNECTIONS: usize = 64;
/// Connections of one address at a time.
pub(super) const OF_ONE: usize = 16;
/// Connections of addresses that are not served, at a time: they are told so.
const STRANGERS: usize = 4;
/// Most bytes of a request's header.
const MOST: usize = 16 * 1024;
/// After an error of accepting, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For a request's header, and between two requests.
    pub(super) header: Duration,
    /// For a connection. A list of a hundred thousand entries on a slow line takes a while.
    pub(super) longest: Duration,
    /// The same for a stranger.
    pub(super) stranger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header: Duration::from_secs(10), longest: Duration::from_mins(2), stranger: Duration::from_secs(2) }
    }
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot serve at {at}: {source}{}", remedy(.source))]
    Bind {
        /// As given.
        at: SocketAddr,
        /// Answer of the system.
        source: io::Error,
    },
    /// No thread or event loop.
    #[error("cannot start to serve: {0}")]
    Start(#[from] io::Error),
}

fn remedy(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::PermissionDenied => "; ports below 1024 need root or CAP_NET_BIND_SERVICE",
        io::ErrorKind::AddrInUse => "; another program listens there",
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
        _ => "",
    }
}

/// A port that is open, and not answered yet.
#[derive(Debug)]
pub struct Listener {
    open: std::net::TcpListener,
    at: SocketAddr,
    to: Vec<Prefix>,
    pub(super) limits: Limits,
}

impl Listener {
    /// Opens it. Served is who is in one of `to`; if that is empty, loopback and private addresses.
    ///
    /// # Errors
    /// The address cannot be had.
    pub fn bind(at: SocketAddr, to: Vec<Prefix>) -> Result<Self, ServeError> {
        let open = || {
            let listener = std::net::TcpListener::bind(at)?;
            listener.set_nonblocking(true)?;
            let at = listener.local_addr()?;
            Ok((listener, at))
        };
        let (open, at) = open().map_err(|source| ServeError::Bind { at, source })?;
        Ok(Self { open, at, to, limits: Limits::default() })
    }

    /// Where, with the port that was taken.
    pub const fn address(&self) -> SocketAddr {
        self.at
    }

    /// What the operator should know of the choice of address.
    pub fn warning(&self) -> Option<String> {
        let ip = self.at.ip().to_canonical();
        let at = self.at;
        if is_private(ip) {
            return None;
        }
        let whom = if self.to.is_empty() { "loopback and private addresses" } else { "those of --serve-to" };
        Some(format!(
            "{at} can be reached from elsewhere, without encryption: only {whom} are served; serve at a loopback or private \
             address, or behind a proxy that speaks TLS"
        ))
    }

    /// Answers from now on, from a thread of its own.
    ///
    /// # Errors
    /// No thread or no event loop can be started.
    pub fn start(self, board: Board) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        board.serves(self.at);
        let desk = Arc::new(Desk { board, to: self.to, shelf: Mutex::default() });
        let listener = self.open;
        let limits = self.limits;
        let work = move || runtime.block_on(accept(listener, desk, limits));
        std::thread::Builder::new().name("serve".to_owned()).spawn(work)?;
        Ok(())
    }
}

async fn accept(listener: std::net::TcpListener, desk: Arc<Desk>, limits: Limits) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let (seats, strangers) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Semaphore::new(STRANGERS)));
    let peers = Arc::<Mutex<BTreeMap<IpAddr, usize>>>::default();
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let peer = peer.ip().to_canonical();
        let served = desk.serves(peer);
        let room = if served { &seats } else { &strangers };
        let seat = Arc::clone(room).try_acquire_owned().ok().and_then(|permit| Seat::take(permit, &peers, peer));
        desk.board.served(|s| match (&seat, served) {
            (_, false) => s.strangers += 1,
            (None, true) => s.crowded += 1,
            (Some(_), true) => {}
        });
        if let Some(seat) = seat {
            tokio::spawn(converse(stream, Arc::clone(&desk), served, limits, seat));
        }
    }
}

/// Room for a connection, given back when it is over.
struct Seat {
    peers: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    peer: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    fn take(permit: OwnedSemaphorePermit, peers: &Arc<Mutex<BTreeMap<IpAddr, usize>>>, peer: IpAddr) -> Option<Self> {
        let mut sitting = peers.lock().unwrap_or_else(PoisonError::into_inner);
        let n = sitting.entry(peer).or_default();
        if *n >= OF_ONE {
            return None;
        }
        *n += 1;
        Some(Self { peers: Arc::clone(peers), peer, _permit: permit })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut sitting = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = sitting.get_mut(&self.peer) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                sitting.remove(&self.peer);
            }
        }
    }
}

async fn converse(stream: TcpStream, desk: Arc<Desk>, served: bool, limits: Limits, seat: Seat) {
    let longest = if served { limits.longest } else { limits.stranger };
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = desk.answer(&request, served);
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header.min(longest))
        .max_buf_size(MOST)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever breaks off, sends nonsense or is too slow was no customer.
    drop(tokio::time::timeout(longest, connection).await);
    drop(seat);
}

type Answer = Response<Full<Bytes>>;

/// A list as bytes.
#[derive(Clone)]
struct Copy {
    number: u64,
    at: PacketTime,
    files: Vec<File>,
}

#[derive(Clone)]
struct File {
    suffix: &'static str,
    bytes: Bytes,
    etag: String,
}

struct Desk {
    board: Board,
    to: Vec<Prefix>,
    /// The latest of every format that was asked for.
    shelf: Mutex<BTreeMap<&'static str, Copy>>,
}

impl Desk {
    fn serves(&self, peer: IpAddr) -> bool {
        if self.to.is_empty() { is_private(peer) } else { self.to.iter().any(|p| p.contains(peer)) }
    }

    fn answer(&self, request: &Request<Incoming>, served: bool) -> Answer {
        let body = !request.body().is_end_stream();
        self.board.served(|s| s.requests += 1);
        let mut answer = if !served {
            text(StatusCode::FORBIDDEN, "your address is not served: see --serve-to\n")
        } else if request.method() != Method::GET && request.method() != Method::HEAD {
            with(text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n"), ALLOW, "GET, HEAD")
        } else if body {
            text(StatusCode::PAYLOAD_TOO_LARGE, "send no body\n")
        } else {
            self.find(request.uri().path(), request.headers())
        };
        if body || !served {
            // Nobody reads what is left of it.
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    fn find(&self, path: &str, headers: &HeaderMap) -> Answer {
        match path {
            "/" => text(
                StatusCode::OK,
                "minewatch\n/lists/   block lists\n/metrics  for Prometheus\n/health   200 or 503\n",
            ),
            "/lists" | "/lists/" => self.index(),
            "/metrics" => with(
                text(StatusCode::OK, metrics(&self.board.standing(socket::now()), &self.board.health())),
                CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            ),
            "/health" => self.health(),
            _ => match path.strip_prefix("/lists/") {
                Some(name) => self.list(name, headers),
                None => text(StatusCode::NOT_FOUND, "there are /lists/, /metrics and /health\n"),
            },
        }
    }

    fn health(&self) -> Answer {
        let standing = self.board.standing(socket::now());
        if standing.well {
            return text(StatusCode::OK, "well\n");
        }
        let mut said = String::new();
        for line in &standing.wrong {
            let _ = writeln!(said, "{}", printable(line, 1_024));
        }
        text(StatusCode::SERVICE_UNAVAILABLE, said)
    }

    fn index(&self) -> Answer {
        let scope = self.board.lists().map_or(Scope::Endpoint, |l| l.scope);
        let mut lines = String::new();
        for format in FORMATS {
            // Which files there are does not depend on what is in them.
            for file in render(*format, &BlockList::default(), &empty()) {
                let says = format.says();
                let what = [
                    (says.endpoints, "ports"),
                    (says.addresses, "addresses"),
                    (says.names, "names"),
                    (says.pairs, "pairs"),
                ];
                let what: Vec<_> = what.iter().filter_map(|(says, what)| says.then_some(*what)).collect();
                let name = format!("/lists/{}{}", format.id(), file.suffix);
                let refused = format.is_unfit(scope).map_or(String::new(), |why| format!("; only with {}", why.fit()));
                let _ = writeln!(lines, "{name:<32} {}{refused}", what.join(", "));
            }
        }
        text(StatusCode::OK, lines)
    }

    fn list(&self, name: &str, headers: &HeaderMap) -> Answer {
        if self.board.is_dry_run() {
            // Whoever fetches it would block, and a dry run changes nothing.
            return text(
                StatusCode::SERVICE_UNAVAILABLE,
                "this watch is a dry run, which changes no firewall: start it without --dry-run to serve lists\n",
            );
        }
        let Some(lists) = self.board.lists() else {
            // A firewall keeps what it has.
            return with(text(StatusCode::SERVICE_UNAVAILABLE, "there is no list yet\n"), RETRY_AFTER, "1");
        };
        let formats = FORMATS.iter().copied().filter(|f| name.starts_with(f.id()));
        for format in formats {
            let listed = if format.counts_down() { &lists.fresh } else { &lists.still };
            let copy = self.copy(format, listed);
            let Some(file) = copy.files.iter().find(|f| name.strip_prefix(format.id()) == Some(f.suffix)) else {
                continue;
            };
            if let Some(unfit) = format.is_unfit(lists.scope) {
                let (id, fit) = (format.id(), unfit.fit());
                return text(
                    StatusCode::CONFLICT,
                    format!("{id} {unfit}: watch with {fit} if that is what you want\n"),
                );
            }
            return file.answer(format, copy.at, headers, Timestamp::now());
        }
        text(StatusCode::NOT_FOUND, "there is no such format: /lists/ says which there are\n")
    }

    fn copy(&self, format: &'static dyn Format, listed: &Listed) -> Copy {
        let mut latest = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        match latest.get(format.id()) {
            Some(copy) if copy.number == listed.number => copy.clone(),
            _ => {
                let files = render(format, &listed.decision.list, &Meta::of(&listed.decision, listed.at));
                let copy = Copy { number: listed.number, at: listed.at, files };
                latest.insert(format.id(), copy.clone());
                copy
            }
        }
    }
}

fn render(format: &dyn Format, list: &BlockList, meta: &Meta) -> Vec<File> {
    let files = format.render(list, meta, &RenderOptions::default()).files.into_iter();
    let file = |f: crate::firewall::OutFile| {
        let mut etag = String::from("\"");
        for byte in Sha256::digest(&f.bytes).iter().take(16) {
            let _ = write!(etag, "{byte:02x}");
        }
        etag.push('"');
        File { suffix: f.suffix, bytes: f.bytes.into(), etag }
    };
    files.map(file).collect()
}

const fn empty() -> Meta {
    Meta { captured_until: PacketTime::ZERO, refused: 0, never_block_refused: 0, capped: 0, pairs_left_out: 0 }
}

impl File {
    fn answer(&self, format: &dyn Format, at: PacketTime, asked: &HeaderMap, now: Timestamp) -> Answer {
        // A second list within the same second would look unchanged to who goes by the time alone.
        let second = at.as_nanos().div_euclid(1_000_000_000);
        let modified = Timestamp::from_second(second).ok().filter(|t| t.as_second() < now.as_second());
        let mut answer = if self.is_known(asked, modified) {
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            answer
        } else {
            let answer = with(bytes(StatusCode::OK, self.bytes.clone()), CONTENT_TYPE, content_type(format));
            with(answer, X_CONTENT_TYPE_OPTIONS, "nosniff")
        };
        // To be asked about each time: what is blocked may not be blocked any more.
        answer = with(answer, CACHE_CONTROL, "private, no-cache");
        answer = with(answer, ETAG, &self.etag);
        match modified.and_then(|t| DateTimePrinter::new().timestamp_to_rfc9110_string(&t).ok()) {
            Some(date) => with(answer, LAST_MODIFIED, &date),
            None => answer,
        }
    }

    /// Whether the client has it already. RFC 9110, section 13.2.2: by the tag if it names one, else by the time.
    fn is_known(&self, asked: &HeaderMap, modified: Option<Timestamp>) -> bool {
        let mut tags = asked.get_all(IF_NONE_MATCH).iter().peekable();
        if tags.peek().is_some() {
            let of = |line: &HeaderValue| {
                let tags = line.to_str().unwrap_or_default().split(',').map(str::trim);
                tags.into_iter().any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == self.etag)
            };
            return tags.any(of);
        }
        let since = asked.get(IF_MODIFIED_SINCE).and_then(|v| v.to_str().ok());
        let since = since.and_then(|v| DateTimeParser::new().parse_timestamp(v).ok());
        matches!((since, modified), (Some(since), Some(modified)) if modified.as_second() <= since.as_second())
    }
}

fn content_type(format: &dyn Format) -> &'static str {
    match format.extension().rsplit('.').next() {
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let answer = with(bytes(status, text.into()), CONTENT_TYPE, "text/plain; charset=utf-8");
    with(with(answer, X_CONTENT_TYPE_OPTIONS, "nosniff"), CACHE_CONTROL, "no-store")
}

fn bytes(status: StatusCode, bytes: Bytes) -> Answer {
    let length = bytes.len();
    let mut answer = Response::new(Full::new(bytes));
    *answer.status_mut() = status;
    // The same for HEAD, whose body is not sent.
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    answer
}

fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

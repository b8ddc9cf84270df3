//! What is said around a conversation: names in TLS, QUIC and HTTP, certificates, downloads, listed addresses.
//!
//! In: hellos, HTTP heads and ends of flows. Out: [`Sighting`]s, and the conversation that cannot be read but goes on
//! with a host that takes miners ([`Around::unread`]). Nothing here is mining by itself: what it may prove is decided in
//! `evidence`.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::inspection::Tools;
use crate::carrier::http::HttpMeta;
use crate::carrier::tls::{Certificate, ClientHello, ServerSide, Step, TlsReader};
use crate::carrier::{Host, Target, Wrap};
use crate::dialect::{self, Conversation};
use crate::evidence::Code;
use crate::flow::{BothWays, Direction};
use crate::intel::{Match, PortFit, Role, is_common_port, tls_library};
use crate::ledger::{ContactKind, TlsSeen};
use crate::text::printable;
use crate::time::PacketTime;

/// Names that a client sent, remembered of one flow.
const MAX_SENT: usize = 4;
/// HTTP requests of one flow whose names are looked up: a proxy's client asks for many.
const MAX_REQUESTS: u8 = 32;
/// Alternative names kept of a certificate.
const MAX_SANS: usize = 8;
/// Segments of one side in TLS after which the other is not waited for: one direction only is captured, or it says
/// nothing that can be read.
const ONE_SIDE: u8 = 32;
/// No page that loads something from a pool's port keeps the connection for this long.
const NO_PAGE: Duration = Duration::from_mins(10);
/// Bytes of a path that a sentence shows.
const PATH_SHOWN: usize = 96;

/// A conversation with a host that takes miners, which cannot be read.
pub(super) struct Unread {
    pub(super) miner: Direction,
    pub(super) conversation: Conversation,
}

/// The host that all HTTP requests of a flow are for. One request for another, or for none, and there is no such host:
/// any of them may be the one that mines.
#[derive(Default)]
enum OnlyHost {
    #[default]
    Unasked,
    Is(Box<str>),
    None,
}

impl OnlyHost {
    fn take(&mut self, host: Option<&str>) {
        let name = host.map(|h| host_and_port(h, 0).0.to_ascii_lowercase());
        let next = match (&*self, name) {
            (Self::Unasked, Some(name)) => Self::Is(name.into()),
            (Self::Is(known), Some(name)) if **known == *name => return,
            _ => Self::None,
        };
        *self = next;
    }
}

/// What is known around a flow.
#[derive(Default)]
pub(super) struct Around {
    readers: BothWays<Option<TlsReader>>,
    /// A direction has nothing more to say in the clear.
    done: BothWays<bool>,
    /// Segments of TLS behind what can be read.
    behind: u8,
    /// The conversation goes through a proxy.
    proxied: bool,
    /// The port that the innermost proxy was asked for, if that is known.
    target_port: Option<u16>,
    client: Option<Direction>,
    hello: Option<Box<ClientHello>>,
    server: Option<Box<ServerSide>>,
    pub(super) unread: Option<Box<Unread>>,
    /// The same, of a client that offers to speak the web's protocols: a page loads whatever it likes, so it counts only
    /// if the conversation goes on for as long as no page's does.
    web: Option<&'static str>,
    /// What a proxy was asked for: what follows is said to that.
    target: Option<Box<Target>>,
    sent: Vec<Box<str>>,
    host: OnlyHost,
    requests: u8,
}

impl Around {
    /// Bytes of a direction that is TLS. `true` when nothing more can be read of the flow.
    pub(super) fn tls(&mut self, way: Direction, bytes: &[u8], tools: &mut Tools<'_>) -> bool {
        if *self.done.get(way) {
            self.behind = self.behind.saturating_add(1);
        } else {
            let step = self.readers.get_mut(way).get_or_insert_with(TlsReader::new).push(bytes);
            self.step(way, step, tools);
        }
        (self.done.lo_to_hi && self.done.hi_to_lo) || self.behind >= ONE_SIDE
    }

    /// The conversation goes through these layers, of which the innermost proxy decides.
    pub(super) fn set_through(&mut self, wraps: &[Wrap]) {
        let target = wraps.iter().rev().find_map(Wrap::proxy);
        self.proxied = target.is_some();
        self.target_port = target.flatten().map(|t| t.port);
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, way: Direction, tools: &mut Tools<'_>) {
        if let Some(reader) = self.readers.get_mut(way) {
            let step = reader.gap();
            self.step(way, step, tools);
        }
    }

    fn step(&mut self, way: Direction, step: Step, tools: &mut Tools<'_>) {
        match step {
            Step::More => return,
            Step::Client(hello) => {
                self.client = Some(way);
                self.client_hello(way, hello, tools);
            }
            Step::Server(server) => {
                self.client.get_or_insert(way.reverse());
                self.server_side(way.reverse(), server, tools);
            }
            Step::NotTls | Step::Enough => {}
        }
        *self.done.get_mut(way) = true;
        *self.readers.get_mut(way) = None;
    }

    fn client_hello(&mut self, client: Direction, hello: Box<ClientHello>, tools: &mut Tools<'_>) {
        let server = tools.key.destination(client);
        let port = self.port(server);
        tools.hello(client, hello.sni.as_deref(), port, false);
        let known = hello.sni.as_deref().and_then(|name| Some((name, tools.name(name, port)?)));
        if let Some((name, m)) = &known {
            let text = format!("named {name} in TLS to {}: {}", self.shown(server), m.why(tools.day()));
            tools.tell(client, self.endpoint(server), m, Code::NameSent, text, Some(name));
        } else if let Some(name) = hello.sni.as_deref() {
            tools.program_host(client, server, name, "TLS");
        }
        if let Some(name) = hello.sni.as_deref() {
            self.remember(name);
        }
        // What looks like a pool's page may take miners on the same port; a browser would have said what it speaks.
        let bare = hello.ja4.has_no_alpn();
        let fits = |m: &Match<'_>| {
            (m.role.takes_miners() && port.is_some_and(|p| tools.mined_on(p, m)))
                || (bare && m.may_take_miners_in_tls())
        };
        let how = if known.is_some_and(|(_, m)| fits(&m)) {
            Some("under that name")
        } else if self.target_name().and_then(|n| tools.name(&n, port)).is_some_and(|m| fits(&m)) {
            Some("by the name that the proxy was asked for")
        } else {
            None
        };
        let web = hello.alpn.iter().any(|p| matches!(&**p, "h2" | "http/1.1" | "http/1.0"));
        self.hello = Some(hello);
        if let Some(how) = how {
            if web {
                self.web = port.filter(|p| !is_common_port(*p)).map(|_| how);
            } else {
                self.unread(client, tools, how);
            }
        } else if self.is_listed(server, tools) {
            // The address alone says little, the hello may say more.
            self.unread_listed(client, tools);
        }
    }

    /// The name that a proxy was asked for.
    fn target_name(&self) -> Option<String> {
        match self.target.as_ref().map(|t| &t.host) {
            Some(Host::Name(name)) => Some(name.to_ascii_lowercase()),
            _ => None,
        }
    }

    /// Whether it is waited for how long the conversation goes on.
    pub(super) const fn waits(&self) -> bool {
        self.web.is_some()
    }

    /// The conversation goes on since then.
    pub(super) fn ripen(&mut self, since: PacketTime, tools: &Tools<'_>) {
        if let (Some(how), Some(client)) = (self.web, self.client)
            && tools.stamp.time.since(since) >= NO_PAGE
        {
            self.web = None;
            self.unread(client, tools, how);
        }
    }

    /// The address itself takes miners on that port, whatever name is used.
    fn is_listed(&self, server: SocketAddr, tools: &Tools<'_>) -> bool {
        let Some(port) = self.port(server) else { return false };
        let fits = |m: &Match<'_>| m.port == PortFit::NoneListed || tools.mined_on(port, m);
        self.address(server)
            .and_then(|ip| tools.intel.address(ip, Some(port)))
            .is_some_and(|m| tools.usable(&m) && m.role.takes_miners() && fits(&m))
    }

    fn server_side(&mut self, client: Direction, mut server: Box<ServerSide>, tools: &mut Tools<'_>) {
        let at = tools.key.destination(client);
        let port = self.port(at);
        if let Some(c) = &server.certificate
            && let Some((name, m)) = names_of(c).find_map(|n| Some((n, tools.name(n, port)?)))
        {
            let shown = self.shown(at);
            let text = format!("{shown} showed a certificate for {name} ({}): {}", issued(c), m.why(tools.day()));
            let known = m.role.takes_miners() && port.is_some_and(|p| tools.mined_on(p, &m));
            tools.tell(client, self.endpoint(at), &m, Code::PoolCertificate, text.clone(), Some(name));
            // Anybody can show a certificate for any name: without the client's word, the address must say so, too.
            if known && self.unread.is_none() && self.is_listed(at, tools) {
                self.unread(client, tools, "with its certificate, at an address of it");
            }
            if let Some(u) = &mut self.unread {
                u.conversation.evidence.note(Code::PoolCertificate, tools.stamp, || text);
            }
        }
        if let Some(c) = &mut server.certificate {
            c.sans.truncate(MAX_SANS);
            c.sans.shrink_to_fit();
        }
        self.server = Some(server);
    }

    /// TLS with a host that takes miners, on a port of miners.
    fn unread(&mut self, client: Direction, tools: &Tools<'_>, how: &str) {
        let server = self.shown(tools.key.destination(client));
        let mut conversation = Conversation::default();
        conversation.evidence.note(Code::TlsToPool, tools.stamp, || {
            format!("TLS to {server}, a port on which miners are taken, {how}: what is said cannot be read")
        });
        self.note_hello(&mut conversation, tools);
        self.unread = Some(Box::new(Unread { miner: client, conversation }));
    }

    /// TLS with an address that is listed, without a name that says so.
    fn unread_listed(&mut self, client: Direction, tools: &Tools<'_>) {
        let mut conversation = Conversation::default();
        self.note_hello(&mut conversation, tools);
        if !conversation.evidence.is_empty() {
            self.unread = Some(Box::new(Unread { miner: client, conversation }));
        }
    }

    /// The flow is let go: TLS as mining programs begin it, with a host of which nothing is known yet, whatever name was
    /// sent. What its client looked up may tell, and only who sees all flows knows that.
    pub(super) fn unnamed(&mut self, tools: &Tools<'_>) -> bool {
        let bare = self.hello.as_deref().is_some_and(|h| h.ja4.has_no_alpn());
        let (Some(client), true, false) = (self.client, bare && self.unread.is_none(), self.proxied) else {
            return false;
        };
        let mut conversation = Conversation::default();
        self.note_hello(&mut conversation, tools);
        self.unread = Some(Box::new(Unread { miner: client, conversation }));
        true
    }

    /// Whether the server answered in TLS.
    pub(super) const fn server_answered(&self) -> bool {
        self.server.is_some()
    }

    /// Browsers and their like offer protocols; a program that leaves its library's defaults alone offers none.
    fn note_hello(&self, conversation: &mut Conversation, tools: &Tools<'_>) {
        let Some(hello) = self.hello.as_deref().filter(|h| h.ja4.has_no_alpn()) else { return };
        let library = tls_library(hello.ja4.as_str());
        conversation.evidence.note(Code::MinerTls, tools.stamp, || {
            let by = library.map_or(String::new(), |l| format!(", as {l} does by itself"));
            let name = if hello.ja4.has_no_sni() { " and names no server" } else { "" };
            format!("the TLS hello offers no protocol inside{name}{by} (JA4 {}), as mining programs' do", hello.ja4)
        });
    }

    /// A hello over QUIC: a web site's, as no miner speaks it. Its name is worth a line all the same.
    pub(super) fn quic(client: Direction, hello: &ClientHello, tools: &mut Tools<'_>) {
        let server = tools.key.destination(client);
        tools.hello(client, hello.sni.as_deref(), Some(server.port()), true);
        let Some(name) = hello.sni.as_deref() else { return };
        if let Some(m) = tools.name(name, Some(server.port())) {
            let text = format!("named {name} in QUIC to {server}: {}", m.why(tools.day()));
            tools.tell(client, Some(server), &m, Code::NameSent, text, Some(name));
        } else {
            tools.program_host(client, server, name, "QUIC");
        }
    }

    /// A proxy was asked to connect its client to a host.
    pub(super) fn proxied(&mut self, client: Direction, target: &Target, tools: &mut Tools<'_>) {
        if self.target.as_deref() == Some(target) || self.requests >= MAX_REQUESTS {
            return;
        }
        self.requests += 1;
        self.target = Some(Box::new(target.clone()));
        let proxy = tools.key.destination(client);
        let intel = tools.intel;
        let (known, code, name) = match &target.host {
            Host::Name(name) => {
                let name = name.to_ascii_lowercase();
                (tools.name(&name, Some(target.port)), Code::NameSent, Some(name))
            }
            Host::Ip(ip) => {
                let known = intel.address(*ip, Some(target.port)).filter(|m| tools.usable(m));
                (known, Code::AddressInFeed, None)
            }
        };
        if let Some(m) = known {
            let text = format!("asked the proxy {proxy} for {target}: {}", m.why(tools.day()));
            // The proxy is no endpoint of the pool.
            tools.tell(client, None, &m, code, text, name.as_deref());
        } else if let Some(name) = name {
            tools.program_host(client, proxy, &name, "a request to a proxy");
        }
    }

    /// The port that is spoken to, behind a proxy if there is one and it was understood.
    fn port(&self, server: SocketAddr) -> Option<u16> {
        match &self.target {
            Some(target) => Some(target.port),
            None if self.proxied => self.target_port,
            None => Some(server.port()),
        }
    }

    /// The address that is spoken to, where it is known.
    fn address(&self, server: SocketAddr) -> Option<IpAddr> {
        match self.target.as_ref().map(|t| &t.host) {
            Some(Host::Ip(ip)) => Some(*ip),
            None if !self.proxied => Some(server.ip()),
            _ => None,
        }
    }

    /// The pool's endpoint, unless it is a proxy's.
    fn endpoint(&self, server: SocketAddr) -> Option<SocketAddr> {
        (self.target.is_none() && !self.proxied).then_some(server)
    }

    fn shown(&self, server: SocketAddr) -> String {
        self.target.as_ref().map_or_else(|| server.to_string(), |t| format!("{t} through {server}"))
    }

    /// An HTTP head.
    pub(super) fn http(&mut self, way: Direction, meta: &HttpMeta, tools: &mut Tools<'_>) {
        if meta.response {
            return;
        }
        self.host.take(meta.host.as_deref());
        if self.requests >= MAX_REQUESTS {
            return;
        }
        self.requests += 1;
        let server = tools.key.destination(way);
        let lower = meta.host.as_deref().map(str::to_ascii_lowercase);
        let host = lower.as_deref().map(|h| host_and_port(h, self.port(server).unwrap_or(0)));
        // What could not be resolved must not reach a report.
        let named = |(name, _): &(&str, u16)| matches!(Host::parse(name.as_bytes()), Some(Host::Name(_)));
        if let Some((name, port)) = host.filter(named) {
            if let Some(m) = tools.name(name, Some(port)) {
                let text = format!("asked http://{}: {}", shown(name, meta), m.why(tools.day()));
                let code = if m.role == Role::WebMiner { Code::WebMinerScript } else { Code::NameSent };
                tools.tell(way, self.endpoint(server), &m, code, text, Some(name));
            } else {
                tools.program_host(way, server, name, "HTTP");
            }
            self.remember(name);
        }
        if let Some(path) = meta.path.as_deref()
            && let Some(found) = dialect::downloaded(path)
        {
            let asked = shown(host.map_or("?", |(name, _)| name), meta);
            let text = format!("asked http://{asked}, a download of {}", found.name);
            let name = host.filter(named).map(|(name, _)| name);
            tools.tell_of(way, Some(server), found.name, ContactKind::Download, Code::ProgramDownload, text, name);
        }
    }

    fn remember(&mut self, name: &str) {
        if self.sent.len() < MAX_SENT && !self.sent.iter().any(|n| **n == *name) {
            self.sent.push(name.into());
        }
    }

    /// The host that every HTTP request of the conversation was for.
    pub(super) fn host(&self) -> Option<&str> {
        match &self.host {
            OnlyHost::Is(name) => Some(name),
            OnlyHost::Unasked | OnlyHost::None => None,
        }
    }

    /// Names that the client sent.
    pub(super) fn sent(&self) -> &[Box<str>] {
        &self.sent
    }

    /// What TLS showed.
    pub(super) fn seen(&self) -> Option<Box<TlsSeen>> {
        let (hello, server) = (self.hello.as_deref(), self.server.as_deref());
        if hello.is_none() && server.is_none() {
            return None;
        }
        let certificate = server.and_then(|s| s.certificate.as_ref());
        Some(Box::new(TlsSeen {
            sni: hello.and_then(|h| h.sni.clone()),
            ja4: hello.map(|h| h.ja4.to_string()),
            alpn: hello.map(|h| h.alpn.clone()).unwrap_or_default(),
            ech: hello.is_some_and(|h| h.ech),
            version: server.map(|s| s.version).or(hello.map(|h| h.version)).map(|v| v.to_string()),
            subject: certificate.and_then(|c| c.subject_cn.clone()),
            sans: certificate.map(|c| c.sans.clone()).unwrap_or_default(),
            issuer: certificate.map(|c| c.issuer.clone()),
            fingerprint: certificate.map(|c| hex(&c.fingerprint)),
            self_signed: certificate.is_some_and(|c| c.self_signed),
        }))
    }

    /// Bytes of half messages held.
    pub(super) fn held(&self) -> usize {
        Direction::BOTH.into_iter().filter_map(|way| self.readers.get(way).as_ref()).map(TlsReader::held).sum()
    }

    /// The flow is over or let go; data went both ways. Tells of what its addresses and ports are listed for.
    pub(super) fn close(client: Option<Direction>, opaque: bool, tools: &mut Tools<'_>) {
        for way in Direction::BOTH.into_iter().filter(|way| client.is_none_or(|c| c == *way)) {
            let server = tools.key.destination(way);
            let intel = tools.intel;
            if let Some(m) = intel.address(server.ip(), Some(server.port())).filter(|m| tools.usable(m)) {
                let text = format!("exchanged data with {server}: {}", m.why(tools.day()));
                tools.tell(way, Some(server), &m, Code::AddressInFeed, text, None);
            } else if opaque
                && client.is_some()
                && let Some(port) =
                    intel.port(server.port()).filter(|p| p.pools >= MANY_POOLS && !is_common_port(p.port))
            {
                let text = format!(
                    "exchanged data with {server} that cannot be read; {} pools use port {}",
                    port.pools, port.port
                );
                let pool = format!("port {}", port.port);
                tools.tell_of(way, Some(server), &pool, ContactKind::Pool, Code::PoolPort, text, None);
            }
        }
    }
}

/// Pools that make a port one of miners.
const MANY_POOLS: u32 = 8;

fn names_of(c: &Certificate) -> impl Iterator<Item = &str> {
    c.subject_cn.iter().chain(&c.sans).map(|n| n.strip_prefix("*.").unwrap_or(n))
}

fn issued(c: &Certificate) -> String {
    if c.self_signed { "self-signed".to_owned() } else { format!("issued by {}", c.issuer) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut s, b| {
        // Writing to a String does not fail.
        let _ = write!(s, "{b:02x}");
        s
    })
}

/// The name in a Host field, and its port (RFC 9110 §7.2).
fn host_and_port(host: &str, default: u16) -> (&str, u16) {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(':') => (name, port.parse().unwrap_or(default)),
        _ => (host, default),
    }
}

fn shown(name: &str, meta: &HttpMeta) -> String {
    let path = meta.path.as_deref().unwrap_or("/");
    format!("{}{}", printable(name, PATH_SHOWN), printable(path, PATH_SHOWN))
}

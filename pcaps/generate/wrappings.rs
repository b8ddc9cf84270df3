//! What mining travels in: proxies, the PROXY protocol, WebSocket, gzip, batches, and the ways of HTTP.
//!
//! In: a dialogue as it is said on a bare line. Out: the same dialogue in its wrapping; the truth stays the same.
//! Formats after RFC 1928 and 1929 (SOCKS5), the two SOCKS memos (4, 4A), RFC 9110 §9.3.6 (CONNECT), haproxy's
//! `proxy-protocol.txt`, RFC 6455 and 7692 (WebSocket), RFC 9112 §7.1 (chunks), RFC 1952 (gzip).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::deflate::{Deflate, gzip};
use super::dialogue::{Dialogue, MILLI, Side, Turn};
use super::rng::Rng;
use super::websocket;

/// Words of a handshake, in order.
pub type Words = Vec<(Side, Vec<u8>)>;

/// Time between two words of a handshake.
const STEP: u64 = 30 * MILLI;

/// The dialogue behind a handshake, every word of which waits for the one before.
pub fn behind(words: &Words, inner: &Dialogue) -> Dialogue {
    let mut d = Dialogue::new(inner.truth.clone());
    for (n, (side, bytes)) in words.iter().enumerate() {
        d.turns.push(Turn { at: MILLI + n as u64 * STEP, side: *side, bytes: bytes.clone() });
    }
    let shift = words.len() as u64 * STEP;
    d.turns.extend(inner.turns.iter().map(|t| Turn { at: t.at + shift, ..t.clone() }));
    d
}

/// The dialogue behind a handshake that nobody waits for: the client's words and its first message are one write, and
/// so are the server's answers.
pub fn at_once(words: &Words, inner: &Dialogue) -> Dialogue {
    let mut d = behind(words, inner);
    let handshake: Vec<Turn> = d.turns.drain(..words.len()).collect();
    let of = |side: Side| -> Vec<u8> {
        handshake.iter().filter(|t| t.side == side).flat_map(|t| t.bytes.iter().copied()).collect()
    };
    let shift = words.len() as u64 * STEP;
    let mut first = of(Side::Client);
    if let Some(turn) = d.turns.first_mut().filter(|t| t.side == Side::Client) {
        first.extend_from_slice(&turn.bytes);
        d.turns.remove(0);
    }
    let answers = of(Side::Server);
    if !answers.is_empty() {
        d.turns.insert(0, Turn { at: shift, side: Side::Server, bytes: answers });
    }
    d.turns.insert(0, Turn { at: MILLI, side: Side::Client, bytes: first });
    d
}

/// How a proxy answers CONNECT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// HTTP/1.1 200.
    Usual,
    /// HTTP/1.0 200, with a field or two.
    Old,
    /// 407 with a page first; the client asks again with a password.
    AuthenticationFirst,
    /// 200 with a length of zero, which RFC 9110 forbids and clients ignore.
    ZeroLength,
}

/// HTTP CONNECT to `authority`.
pub fn connect(authority: &str, answer: Answer) -> Words {
    let request = |more: &str| {
        format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: curl/8.9.1\r\n{more}\r\n")
            .into_bytes()
    };
    let ok = b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec();
    let (client, server) = (Side::Client, Side::Server);
    match answer {
        Answer::Usual => vec![(client, request("")), (server, ok)],
        Answer::Old => vec![
            (client, format!("CONNECT {authority} HTTP/1.0\r\n\r\n").into_bytes()),
            (server, b"HTTP/1.0 200 Connection established\r\nProxy-agent: tiny/1.11\r\n\r\n".to_vec()),
        ],
        Answer::AuthenticationFirst => {
            let page = "<html><body>Proxy authentication required</body></html>\n";
            let refusal = format!(
                "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: keep-alive\r\n\r\n{page}",
                page.len()
            );
            let password = STANDARD.encode("alice:secret");
            vec![
                (client, request("")),
                (server, refusal.into_bytes()),
                (client, request(&format!("Proxy-Authorization: Basic {password}\r\n"))),
                (server, ok),
            ]
        }
        Answer::ZeroLength => {
            vec![(client, request("")), (server, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec())]
        }
    }
}

/// How a proxy that passes on requests is noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forward {
    /// Every request names a whole URI.
    Absolute,
    /// A field that an earlier proxy added to every request.
    Request(&'static str),
    /// `Via` in every response.
    Response,
}

/// HTTP through a proxy that passes on requests for `authority`.
pub fn forwarded(inner: &Dialogue, authority: &str, how: Forward) -> Dialogue {
    let mut d = inner.clone();
    for turn in &mut d.turns {
        let Ok(text) = std::str::from_utf8(&turn.bytes) else { continue };
        let start = |words: &[&str]| words.iter().any(|w| text.starts_with(w));
        let changed = match (turn.side, how) {
            (Side::Client, Forward::Absolute) if start(&["POST /", "GET /"]) => {
                text.replacen(" /", &format!(" http://{authority}/"), 1)
            }
            (Side::Client, Forward::Request(field)) if start(&["POST /", "GET /"]) => {
                text.replacen("\r\n", &format!("\r\nHost: {authority}\r\n{field}\r\n"), 1)
            }
            (Side::Server, Forward::Response) if start(&["HTTP/1.1 "]) => {
                text.replacen("\r\n", "\r\nVia: 1.1 proxy.example (squid/6.13)\r\n", 1)
            }
            _ => continue,
        };
        turn.bytes = changed.into_bytes();
    }
    d
}

/// SOCKS4 to an address.
pub fn socks4(address: Ipv4Addr, port: u16) -> Words {
    let request = [&[4, 1][..], &port.to_be_bytes(), &address.octets(), b"miner\0"].concat();
    vec![(Side::Client, request), (Side::Server, [&[0, 0x5a][..], &port.to_be_bytes(), &address.octets()].concat())]
}

/// SOCKS4A to a name.
pub fn socks4a(host: &str, port: u16) -> Words {
    let request = [&[4, 1][..], &port.to_be_bytes(), &[0, 0, 0, 1], b"\0", host.as_bytes(), b"\0"].concat();
    vec![(Side::Client, request), (Side::Server, vec![0, 0x5a, 0, 0, 0, 0, 0, 0])]
}

/// The target of a SOCKS5 request in its wire form.
fn target(host: &str, port: u16) -> Vec<u8> {
    let host = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => [&[1][..], &ip.octets()].concat(),
        Ok(IpAddr::V6(ip)) => [&[4][..], &ip.octets()].concat(),
        Err(_) => [&[3, host.len() as u8][..], host.as_bytes()].concat(),
    };
    [&host[..], &port.to_be_bytes()].concat()
}

/// SOCKS5 to a name or an address, with user name and password if `password`.
pub fn socks5(host: &str, port: u16, password: bool) -> Words {
    let (client, server) = (Side::Client, Side::Server);
    let mut words: Words = if password {
        vec![
            (client, vec![5, 2, 0, 2]),
            (server, vec![5, 2]),
            (client, b"\x01\x05alice\x06secret".to_vec()),
            (server, vec![1, 0]),
        ]
    } else {
        vec![(client, vec![5, 1, 0]), (server, vec![5, 0])]
    };
    words.push((client, [&[5, 1, 0][..], &target(host, port)].concat()));
    // The proxy's own address of the connection out.
    words.push((server, [&[5, 0, 0][..], &target("192.0.2.80", 51_312)].concat()));
    words
}

/// A PROXY protocol line for a connection from `source` to `balancer`.
pub fn proxy_v1(source: SocketAddr, balancer: SocketAddr) -> Words {
    let kind = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let line = format!("PROXY {kind} {} {} {} {}\r\n", source.ip(), balancer.ip(), source.port(), balancer.port())
        .into_bytes();
    vec![(Side::Client, line)]
}

/// The same in version 2, with TLVs of an ALPN and a checksum that nobody looks at.
pub fn proxy_v2(source: SocketAddr, balancer: SocketAddr) -> Words {
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let tlvs = b"\x01\x00\x02h2\x03\x00\x04\x1a\x2b\x3c\x4d";
    let ports = [source.port().to_be_bytes(), balancer.port().to_be_bytes()].concat();
    let body = [octets(source.ip()), octets(balancer.ip()), ports, tlvs.to_vec()].concat();
    let family = if source.is_ipv4() { 0x11 } else { 0x21 };
    let head = [&b"\r\n\r\n\0\r\nQUIT\n\x21"[..], &[family], &(body.len() as u16).to_be_bytes()].concat();
    vec![(Side::Client, [head, body].concat())]
}

/// How WebSocket messages are packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// permessage-deflate; messages refer to those before.
    Takeover,
    /// permessage-deflate; every message stands alone.
    NoTakeover,
}

/// A WebSocket's habits.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // habits that do not depend on each other
pub struct WebSocket {
    /// Binary frames instead of text.
    pub binary: bool,
    /// Messages in up to three fragments.
    pub fragments: bool,
    /// Pings and pongs between messages, and between fragments.
    pub pings: bool,
    /// Packing.
    pub packing: Packing,
    /// The line end stays in the message, and what one write held is one message: how bridges to TCP do it.
    pub bridge: bool,
    /// Who serves it.
    pub host: &'static str,
}

impl WebSocket {
    /// A text frame a line, as web miners do it.
    pub const USUAL: Self = Self {
        binary: false,
        fragments: false,
        pings: false,
        packing: Packing::Plain,
        bridge: false,
        host: "ws.pool.example",
    };
}

/// The lines that a side has finished with this write; in `held` what is not finished.
fn lines(held: &mut Vec<u8>, bytes: &[u8]) -> Vec<Vec<u8>> {
    held.extend_from_slice(bytes);
    let mut all: Vec<Vec<u8>> = held.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    *held = all.pop().unwrap_or_default();
    all.retain(|l| l.iter().any(|b| !b.is_ascii_whitespace()));
    all
}

/// The dialogue's lines as WebSocket messages, behind the upgrade.
pub fn websocket(inner: &Dialogue, how: WebSocket, rng: &mut Rng) -> Dialogue {
    let key = STANDARD.encode(rng.bytes(16));
    let field = |value: &str| format!("Sec-WebSocket-Extensions: {value}\r\n");
    let (asks, answers) = match how.packing {
        Packing::Plain => (String::new(), String::new()),
        Packing::Takeover => (field("permessage-deflate; client_max_window_bits"), field("permessage-deflate")),
        Packing::NoTakeover => (
            field("x-webkit-deflate-frame, permessage-deflate; client_no_context_takeover"),
            field("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        ),
    };
    let (request, answer) = websocket::upgrade_with("/proxy", how.host, &key, &asks, &answers);
    let mut d = Dialogue::new(inner.truth.clone());
    let mut held = [Vec::new(), Vec::new()];
    let mut packers = [Deflate::default(), Deflate::default()];
    let mut count = 0_u32;
    for turn in &inner.turns {
        let side = turn.side;
        let messages = if how.bridge { vec![turn.bytes.clone()] } else { lines(&mut held[side.index()], &turn.bytes) };
        let mut bytes = Vec::new();
        for text in messages {
            let text = if how.bridge { &text[..] } else { text.strip_suffix(b"\r").unwrap_or(&text) };
            count += 1;
            let mut mask = || (side == Side::Client).then(|| (rng.bits() as u32).to_be_bytes());
            if how.pings && count.is_multiple_of(3) {
                bytes.extend(websocket::raw_frame(0x89, b"7", mask()));
            }
            let packed = how.packing != Packing::Plain;
            let payload = match how.packing {
                Packing::Plain => text.to_vec(),
                packing => packers[side.index()].message(text, packing == Packing::Takeover),
            };
            let first = if how.binary { 2 } else { 1 } | u8::from(packed) << 6;
            let parts =
                if how.fragments { payload.chunks(payload.len() / 3 + 1).collect() } else { vec![&payload[..]] };
            let last = parts.len().saturating_sub(1);
            for (i, part) in parts.into_iter().enumerate() {
                let opcode = if i == 0 { first } else { 0 };
                bytes.extend(websocket::raw_frame(opcode | u8::from(i == last) << 7, part, mask()));
                if how.pings && i == 0 && count.is_multiple_of(5) {
                    bytes.extend(websocket::raw_frame(0x8a, b"", mask()));
                }
            }
        }
        if !bytes.is_empty() {
            d.turns.push(Turn { at: turn.at, side, bytes });
        }
    }
    behind(&vec![(Side::Client, request), (Side::Server, answer)], &d)
}

/// EthereumStratum/2.0.0 that agrees on gzip in the answer to `mining.hello`: every later write is a member of its own.
pub fn gzip_agreed(inner: &Dialogue) -> Dialogue {
    let mut d = inner.clone();
    let mut agreed = false;
    for turn in &mut d.turns {
        if agreed {
            turn.bytes = gzip(&turn.bytes);
        } else if turn.side == Side::Server {
            let text = String::from_utf8(turn.bytes.clone()).unwrap();
            assert!(text.contains(r#""encoding":"plain""#), "no answer to mining.hello: {text}");
            turn.bytes = text.replace(r#""encoding":"plain""#, r#""encoding":"gzip""#).into_bytes();
            agreed = true;
        }
    }
    d
}

/// What a client says and is answered within the first 400 milliseconds, in one array each; pushes stay lines.
pub fn batched(inner: &Dialogue) -> Dialogue {
    const OPENING: u64 = 400 * MILLI;
    let opening = |side: Side| -> Vec<String> {
        let turns = inner.turns.iter().filter(|t| t.at < OPENING && t.side == side);
        let text: Vec<u8> = turns.flat_map(|t| t.bytes.iter().copied()).collect();
        String::from_utf8(text).unwrap().lines().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect()
    };
    let mut d = Dialogue::new(inner.truth.clone());
    d.client(MILLI, format!("[{}]\n", opening(Side::Client).join(",")));
    let (pushes, answers): (Vec<_>, Vec<_>) =
        opening(Side::Server).into_iter().partition(|l| l.contains(r#""id":null"#) || !l.contains(r#""id""#));
    let pushes: String = pushes.into_iter().map(|l| l + "\n").collect();
    d.server(OPENING - MILLI, format!("[{}]\n{pushes}", answers.join(",")));
    d.turns.extend(inner.turns.iter().filter(|t| t.at >= OPENING).cloned());
    d
}

/// Every write that is whole JSON lines as one array.
pub fn arrays(inner: &Dialogue) -> Dialogue {
    let mut d = inner.clone();
    for turn in &mut d.turns {
        let text = String::from_utf8_lossy(&turn.bytes).into_owned();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        let all = lines.iter().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok_and(|v| v.is_object()));
        if all && text.ends_with('\n') {
            turn.bytes = format!("[{}]\n", lines.join(",")).into_bytes();
        }
    }
    d
}

/// Head and body of an HTTP message that is one write.
fn parts(message: &[u8]) -> Option<(String, Vec<u8>)> {
    let at = message.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8(message[..at + 2].to_vec()).ok()?;
    Some((head, message[at + 4..].to_vec()))
}

/// The head without the fields that frame the body.
fn unframed(head: &str) -> String {
    head.split_inclusive("\r\n").filter(|l| !l.starts_with("Content-Length:")).collect()
}

fn every_message(inner: &Dialogue, change: impl Fn(String, Vec<u8>) -> Vec<u8>) -> Dialogue {
    let mut d = inner.clone();
    for turn in &mut d.turns {
        if let Some((head, body)) = parts(&turn.bytes).filter(|(_, body)| !body.is_empty()) {
            turn.bytes = change(unframed(&head), body);
        }
    }
    d
}

/// HTTP bodies in chunks of 1 to 60 bytes, with extensions and a trailer.
pub fn chunked(inner: &Dialogue) -> Dialogue {
    every_message(inner, |head, body| {
        let mut out = format!("{head}Transfer-Encoding: chunked\r\nTrailer: X-Checked\r\n\r\n").into_bytes();
        let (mut rest, mut size) = (&body[..], 1);
        while !rest.is_empty() {
            let (chunk, more) = rest.split_at(size.min(rest.len()));
            let extension = if size % 2 == 0 { ";part=1" } else { "" };
            out.extend(format!("{:X}{extension}\r\n", chunk.len()).into_bytes());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
            (rest, size) = (more, (size + 19) % 61 + 1);
        }
        out.extend_from_slice(b"0\r\nX-Checked: yes\r\n\r\n");
        out
    })
}

/// HTTP bodies in gzip.
pub fn gzip_bodies(inner: &Dialogue) -> Dialogue {
    every_message(inner, |head, body| {
        let body = gzip(&body);
        let head = format!("{head}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), &body].concat()
    })
}

/// HTTP requests sent two at a time without waiting, and answered so.
pub fn pipelined(inner: &Dialogue) -> Dialogue {
    let of = |side: Side| -> Vec<&Turn> { inner.turns.iter().filter(|t| t.side == side).collect() };
    let (requests, answers) = (of(Side::Client), of(Side::Server));
    let mut d = Dialogue::new(inner.truth.clone());
    for (requests, answers) in requests.chunks(2).zip(answers.chunks(2)) {
        let join = |turns: &[&Turn]| turns.iter().flat_map(|t| t.bytes.iter().copied()).collect::<Vec<u8>>();
        d.client(requests[0].at, join(requests));
        d.server(answers[answers.len() - 1].at.max(requests[0].at + STEP), join(answers));
    }
    d.done()
}

/// A TLS record.
pub fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, if kind == 22 { 1 } else { 3 }][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

/// A `ClientHello` for `name`, in its record.
pub fn client_hello(name: &str, rng: &mut Rng) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let server_name = sized(&[&[0][..], &sized(name.as_bytes())].concat());
    let extensions = [
        [&[0, 0][..], &sized(&server_name)].concat(),
        [&[0, 43][..], &sized(&[4, 3, 4, 3, 3])].concat(),
        [&[0, 10][..], &sized(&sized(&[0, 29, 0, 23]))].concat(),
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &rng.bytes(32),
        &[32],
        &rng.bytes(32),
        &sized(&[0x13, 1, 0x13, 2, 0xc0, 0x2f]),
        &[1, 0],
        &sized(&extensions),
    ]
    .concat();
    let length = (body.len() as u32).to_be_bytes();
    record(22, &[&[1][..], &length[1..], &body].concat())
}

/// A TLS conversation of `rounds` requests and answers.
pub fn tls(name: &str, rounds: u32, rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.client(MILLI, client_hello(name, rng));
    let hello = record(22, &[&[2, 0, 0, 90, 3, 3][..], &rng.bytes(88)].concat());
    d.server(40 * MILLI, [hello, record(20, &[1]), record(23, &rng.bytes(900))].concat());
    d.client(60 * MILLI, [record(20, &[1]), record(23, &rng.bytes(53))].concat());
    let mut at = 80 * MILLI;
    for _ in 0..rounds {
        let (up, down) = (rng.range(90, 260) as usize, rng.range(60, 400) as usize);
        d.client(at, record(23, &rng.bytes(up)));
        d.server(at + 35 * MILLI, record(23, &rng.bytes(down)));
        at += rng.range(500, 9000) * MILLI;
    }
    d
}

//! Mining in its wrappings, and what else travels in them. Numbers 220 to 240.

use std::net::{IpAddr, SocketAddr};

use super::super::benign;
use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{Dialogue, MILLI, SECOND, Side, Stage};
use super::super::dialogues::{bitcoin, cryptonote, ethproxy, ethstratum, getwork};
use super::super::expect::Wrapped;
use super::super::mangle;
use super::super::tcp::{self, Conversation, Cut, End};
use super::super::wrappings::{
    Answer, Forward, Packing, WebSocket, Words, at_once, batched, behind, chunked, client_hello, connect, forwarded,
    gzip_agreed, gzip_bodies, pipelined, proxy_v1, proxy_v2, socks4, socks4a, socks5, tls, websocket,
};
use Family::{V4, V6};

/// The captures.
pub fn all() -> Vec<Product> {
    [
        connects(),
        old_socks(),
        socks(),
        exact(),
        pipelined_socks(),
        sockets(),
        packed_sockets(),
        late_socket(),
        one_way(228, "wrapped-websocket-one-way-client", V4, Side::Client),
        one_way(229, "wrapped-websocket-one-way-server", V6, Side::Server),
        chains(),
        proxy_protocol(),
        batches(),
        gzip_stream(),
        http_bodies(),
        tls_to_plain(),
        lost_handshakes(),
        http_proxies(),
        benign_set(237, "benign-tunnels", "SOCKS and CONNECT in everyday use", |_, port| matches!(port, 1080 | 3128)),
        benign_set(238, "benign-websocket", "WebSockets in everyday use", |name, _| {
            ["chat", "chargers", "notebook", "stomp", "graphql", "node-events"].contains(&name)
        }),
        benign_set(239, "benign-http2-gzip", "HTTP/2 with prior knowledge, gRPC, logs in gzip", |name, _| {
            ["http2", "grpc", "log-shipping-gzip"].contains(&name)
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A proxy of the network itself.
fn proxy(c: &Capture, family: Family) -> IpAddr {
    c.inside(family, 200)
}

/// A connection from host `host` to a proxy inside.
fn to_proxy(c: &mut Capture, family: Family, host: u8, port: u16) -> Conversation {
    let (client, server) = (c.inside(family, host), proxy(c, family));
    c.between(client, server, port)
}

/// Plays a dialogue through a proxy: found, and the proxy is never blocked.
fn through(c: &mut Capture, talk: &Conversation, dialogue: &Dialogue, wrapped: &[Wrapped]) {
    c.show(talk, dialogue, &Carriage::Plain).wrapped = wrapped.to_vec();
    let private = matches!(talk.server.ip(), IpAddr::V4(ip) if ip.is_private());
    c.refuse(&talk.server.to_string(), if private { "private_address" } else { "proxy" });
}

/// A mining dialogue that is short enough to be there several times.
fn brief(c: &mut Capture, host: u8) -> Dialogue {
    cryptonote::brief(&mut c.rng, host)
}

fn connects() -> Vec<Product> {
    let mut c = Capture::new(
        220,
        "wrapped-connect",
        "HTTP CONNECT in five forms: usual, after a 407, answered with HTTP/1.0, answered with a length, to an IPv6 address; the proxy is never blocked",
    );
    let forms = [
        (V4, "pool.example:3333", Answer::Usual),
        (V4, "pool.example:3333", Answer::AuthenticationFirst),
        (V4, "192.0.2.77:14444", Answer::Old),
        (V4, "pool.example:443", Answer::ZeroLength),
        (V6, "[2001:db8:aaaa::53]:3333", Answer::Usual),
    ];
    for (i, (family, target, answer)) in forms.into_iter().enumerate() {
        let host = 11 + i as u8;
        let inner = if i == 1 { bitcoin::ccminer(&mut c.rng, host) } else { brief(&mut c, host) };
        let talk = to_proxy(&mut c, family, host, 3128);
        through(&mut c, &talk, &behind(&connect(target, answer), &inner), &[Wrapped::to("connect", target)]);
    }
    c.finish()
}

fn old_socks() -> Vec<Product> {
    let mut c = Capture::new(221, "wrapped-socks4", "SOCKS4 to an address, SOCKS4A to a name");
    let words: [(Words, &str); 2] = [
        (socks4([192, 0, 2, 77].into(), 3333), "192.0.2.77:3333"),
        (socks4a("pool.example", 5555), "pool.example:5555"),
    ];
    for (i, (words, target)) in words.into_iter().enumerate() {
        let inner = brief(&mut c, 11 + i as u8);
        let talk = to_proxy(&mut c, V4, 11 + i as u8, 1080);
        through(&mut c, &talk, &behind(&words, &inner), &[Wrapped::to("socks", target)]);
    }
    c.finish()
}

fn socks() -> Vec<Product> {
    let mut c = Capture::new(
        222,
        "wrapped-socks5",
        "SOCKS5 to a name, an IPv4 and an IPv6 address, with user name and password, over IPv4 and IPv6",
    );
    let forms = [
        (V4, "pool.example", 3333, false, "pool.example:3333"),
        (V4, "192.0.2.77", 443, false, "192.0.2.77:443"),
        (V6, "2001:db8:aaaa::53", 3333, false, "[2001:db8:aaaa::53]:3333"),
        (V4, "pool.example", 3333, true, "pool.example:3333"),
    ];
    for (i, (family, host, port, password, target)) in forms.into_iter().enumerate() {
        let n = 11 + i as u8;
        let inner = if password { ethproxy::spelled(&mut c.rng, n, ethproxy::Spacing::None) } else { brief(&mut c, n) };
        let talk = to_proxy(&mut c, family, n, 1080);
        through(&mut c, &talk, &behind(&socks5(host, port, password), &inner), &[Wrapped::to("socks", target)]);
    }
    c.finish()
}

/// FN09 to the byte, through a proxy on the Internet.
fn exact() -> Vec<Product> {
    let mut c = Capture::new(
        223,
        "wrapped-socks5-public",
        "cgminer through a SOCKS5 proxy on the Internet: the target is named, the proxy not blocked (FN09)",
    );
    let inner = bitcoin::unauthorised(&mut c.rng, 11);
    let (client, server) = (c.inside(V4, 11), c.second_pool());
    let attempt = c.between(client, server, 1080);
    let words: Words = vec![
        (Side::Client, b"\x05\x01\x00".to_vec()),
        (Side::Server, b"\x05\x00".to_vec()),
        (Side::Client, b"\x05\x01\x00\x03\x0cpool.example\x0d\x05".to_vec()),
        (Side::Server, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec()),
    ];
    let target = [Wrapped::to("socks", "pool.example:3333")];
    c.show(&attempt, &behind(&words, &inner), &Carriage::Plain).wrapped = target.to_vec();
    // A session as well: without the gate it would be blocked.
    let inner = bitcoin::ccminer(&mut c.rng, 12);
    let (client, server) = (c.inside(V4, 12), c.pool(V4));
    let talk = c.between(client, server, 1080);
    through(&mut c, &talk, &behind(&words, &inner), &target);
    c.finish()
}

fn pipelined_socks() -> Vec<Product> {
    let mut c = Capture::new(
        224,
        "wrapped-socks-at-once",
        "clients that do not wait for the proxy: greeting, request and login in one segment; one sends every byte alone",
    );
    let words: [(Words, &str); 3] = [
        (socks5("pool.example", 3333, false), "pool.example:3333"),
        (socks5("192.0.2.77", 3333, true), "192.0.2.77:3333"),
        (socks4a("pool.example", 3333), "pool.example:3333"),
    ];
    for (i, (words, target)) in words.into_iter().enumerate() {
        let inner = brief(&mut c, 11 + i as u8);
        let talk = to_proxy(&mut c, V4, 11 + i as u8, 9050);
        through(&mut c, &talk, &at_once(&words, &inner), &[Wrapped::to("socks", target)]);
    }
    let words = socks5("pool.example", 3333, false);
    let inner = bitcoin::unauthorised(&mut c.rng, 14);
    let mut talk = to_proxy(&mut c, V4, 14, 9051);
    talk.cut = Cut::Every(Side::Client, 1);
    c.show(&talk, &behind(&words, &inner), &Carriage::Plain).wrapped = vec![Wrapped::to("socks", "pool.example:3333")];
    c.gzip = true;
    c.finish()
}

/// A dialogue over WebSocket, in its usual expectation.
fn socket(c: &mut Capture, talk: &Conversation, inner: &Dialogue, how: WebSocket) {
    let dialogue = websocket(inner, how, &mut c.rng);
    c.show(talk, &dialogue, &Carriage::Plain).wrapped = vec![Wrapped::plain("websocket")];
}

fn sockets() -> Vec<Product> {
    let mut c = Capture::new(
        225,
        "wrapped-websocket",
        "CryptoNote and Bitcoin Stratum over WebSocket: text, fragments with pings between them, binary frames, a bridge that keeps line ends",
    );
    let usual = WebSocket::USUAL;
    let habits = [
        usual,
        WebSocket { fragments: true, pings: true, ..usual },
        WebSocket { binary: true, ..usual },
        WebSocket { binary: true, bridge: true, ..usual },
    ];
    for (i, how) in habits.into_iter().enumerate() {
        let host = 11 + i as u8;
        let inner = if how.binary { bitcoin::ccminer(&mut c.rng, host) } else { brief(&mut c, host) };
        let talk = c.line(if i == 1 { V6 } else { V4 }, host, 80 + i as u16);
        socket(&mut c, &talk, &inner, how);
    }
    c.finish()
}

fn packed_sockets() -> Vec<Product> {
    let mut c = Capture::new(
        226,
        "wrapped-websocket-deflate",
        "permessage-deflate with and without context takeover, whole and in fragments",
    );
    let usual = WebSocket::USUAL;
    let habits = [
        WebSocket { packing: Packing::Takeover, ..usual },
        WebSocket { packing: Packing::NoTakeover, ..usual },
        WebSocket { packing: Packing::Takeover, fragments: true, pings: true, ..usual },
    ];
    for (i, how) in habits.into_iter().enumerate() {
        let host = 11 + i as u8;
        let inner = if i == 0 { bitcoin::ccminer(&mut c.rng, host) } else { brief(&mut c, host) };
        let talk = c.line(if i == 1 { V6 } else { V4 }, host, 8080 + i as u16);
        socket(&mut c, &talk, &inner, how);
    }
    c.finish()
}

fn late_socket() -> Vec<Product> {
    let mut c = Capture::new(
        227,
        "wrapped-websocket-mid-stream",
        "the sensor starts in the middle of a WebSocket that carries CryptoNote shares",
    );
    let inner = cryptonote::xmr_stak(&mut c.rng, 227);
    let dialogue = websocket(&inner, WebSocket { pings: true, ..WebSocket::USUAL }, &mut c.rng);
    let mut talk = c.line(V4, 11, 443);
    talk.end = End::Open;
    let segments = tcp::play(&talk, &dialogue, &mut c.rng);
    let start = talk.start + 300 * SECOND;
    let segments: Vec<_> = segments.into_iter().skip_while(|s| s.at < start).collect();
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &inner, "no_handshake");
    (flow.agent, flow.login, flow.wallet, flow.coin) = (None, None, None, None);
    flow.mid_stream = Some(true);
    flow.wrapped = vec![Wrapped::plain("websocket")];
    flow.stage(Stage::Accepted).at_least("confirmed");
    c.finish()
}

fn one_way(number: u8, name: &str, family: Family, side: Side) -> Vec<Product> {
    let about = "one direction of CryptoNote over WebSocket, in fragments, packed: alerts, never a list entry";
    let mut c = Capture::new(number.into(), name, about);
    let inner = cryptonote::brief(&mut c.rng, number);
    let how = WebSocket { packing: Packing::Takeover, fragments: true, ..WebSocket::USUAL };
    let dialogue = websocket(&inner, how, &mut c.rng);
    let talk = c.line(family, 11, 80);
    let segments = mangle::one_way(tcp::play(&talk, &dialogue, &mut c.rng), side);
    c.put(&talk, &segments, &Carriage::Plain);
    let flow = c.found_in_part(&talk, &inner, "one_way");
    flow.one_way = Some(true);
    flow.handshake_verified = Some(false);
    flow.wrapped = vec![Wrapped::plain("websocket")];
    flow.stage = None;
    flow.at_least("suspected").at_most("probable");
    if side == Side::Server {
        (flow.login, flow.wallet, flow.worker, flow.agent, flow.coin) = (None, None, None, None, None);
    }
    c.finish()
}

fn chains() -> Vec<Product> {
    let mut c = Capture::new(
        230,
        "wrapped-chains",
        "CONNECT then WebSocket then CryptoNote; SOCKS5 then Bitcoin Stratum; SOCKS5 then CONNECT; PROXY then SOCKS5 then packed WebSocket",
    );
    let balancer = SocketAddr::new(proxy(&c, V4), 1080);
    let source: SocketAddr = "192.0.2.33:50123".parse().unwrap();
    let (cn, btc) = (brief(&mut c, 11), bitcoin::ccminer(&mut c.rng, 12));
    let (nested, packed) = (brief(&mut c, 13), brief(&mut c, 14));
    let busy = WebSocket { fragments: true, pings: true, ..WebSocket::USUAL };
    let socket = websocket(&cn, busy, &mut c.rng);
    let packed = websocket(&packed, WebSocket { packing: Packing::Takeover, ..busy }, &mut c.rng);
    let of = Wrapped::to;
    let chains: [(u16, Dialogue, Vec<Wrapped>); 4] = [
        (
            3128,
            behind(&connect("ws.pool.example:80", Answer::AuthenticationFirst), &socket),
            vec![of("connect", "ws.pool.example:80"), Wrapped::plain("websocket")],
        ),
        (1080, behind(&socks5("pool.example", 3333, true), &btc), vec![of("socks", "pool.example:3333")]),
        (
            1080,
            behind(
                &socks5("proxy.example", 8080, false),
                &behind(&connect("[2001:db8:aaaa::53]:3333", Answer::Old), &nested),
            ),
            vec![of("socks", "proxy.example:8080"), of("connect", "[2001:db8:aaaa::53]:3333")],
        ),
        (
            1080,
            behind(&proxy_v2(source, balancer), &behind(&socks5("ws.pool.example", 80, false), &packed)),
            vec![Wrapped::of("192.0.2.33:50123"), of("socks", "ws.pool.example:80"), Wrapped::plain("websocket")],
        ),
    ];
    for (i, (port, dialogue, wrapped)) in chains.into_iter().enumerate() {
        let talk = to_proxy(&mut c, V4, 11 + i as u8, port);
        through(&mut c, &talk, &dialogue, &wrapped);
    }
    c.finish()
}

fn proxy_protocol() -> Vec<Product> {
    let mut c = Capture::new(
        231,
        "wrapped-proxy-protocol",
        "a load balancer's PROXY header, version 1 and 2, before Stratum and before getwork",
    );
    let v4: SocketAddr = "192.0.2.33:50123".parse().unwrap();
    let v6: SocketAddr = "[2001:db8:cccc::33]:50124".parse().unwrap();
    let sets: [(Words, SocketAddr); 4] = [
        (proxy_v1(v4, "192.0.2.80:3333".parse().unwrap()), v4),
        (proxy_v2(v6, "[2001:db8:cccc::80]:3333".parse().unwrap()), v6),
        (proxy_v1(v6, "[2001:db8:cccc::80]:8332".parse().unwrap()), v6),
        (proxy_v2(v4, "192.0.2.80:3333".parse().unwrap()), v4),
    ];
    for (i, (words, source)) in sets.into_iter().enumerate() {
        let host = 11 + i as u8;
        let inner = if i == 2 { getwork::getwork(&mut c.rng) } else { brief(&mut c, host) };
        let dialogue = if i == 3 { at_once(&words, &inner) } else { behind(&words, &inner) };
        let talk = c.line(if i == 1 { V6 } else { V4 }, host, if i == 2 { 8332 } else { 3333 });
        c.show(&talk, &dialogue, &Carriage::Plain).wrapped = vec![Wrapped::of(&source.to_string())];
    }
    c.finish()
}

fn batches() -> Vec<Product> {
    let mut c = Capture::new(
        232,
        "wrapped-batches",
        "JSON-RPC batches: subscribe and authorize in one array, their replies in another; a login alone in one",
    );
    for host in [11, 12] {
        let inner = if host == 11 { bitcoin::ccminer(&mut c.rng, host) } else { brief(&mut c, host) };
        let talk = c.line(if host == 11 { V4 } else { V6 }, host, 3333);
        c.show(&talk, &batched(&inner), &Carriage::Plain);
    }
    c.finish()
}

fn gzip_stream() -> Vec<Product> {
    let mut c = Capture::new(
        233,
        "wrapped-gzip",
        "EthereumStratum/2.0.0 that agrees on gzip: a member a write in both directions after the answer to mining.hello",
    );
    let dialogue = gzip_agreed(&ethstratum::version_2(&mut c.rng, 233));
    let talk = c.line(V4, 11, 3333);
    c.show(&talk, &dialogue, &Carriage::Plain).wrapped = vec![Wrapped::plain("gzip")];
    c.finish()
}

fn http_bodies() -> Vec<Product> {
    let mut c = Capture::new(
        234,
        "wrapped-http",
        "getwork in chunks with extensions and a trailer, in gzip bodies, and two requests at a time",
    );
    let changes: [fn(&Dialogue) -> Dialogue; 3] = [chunked, gzip_bodies, pipelined];
    for (i, change) in changes.into_iter().enumerate() {
        let inner = getwork::getwork(&mut c.rng);
        let talk = c.line(if i == 1 { V6 } else { V4 }, 11 + i as u8, 8332 + i as u16);
        c.show(&talk, &change(&inner), &Carriage::Plain);
    }
    c.gzip = true;
    c.finish()
}

fn tls_to_plain() -> Vec<Product> {
    let mut c = Capture::new(
        235,
        "tls-to-plain-port",
        "a TLS hello that a plain Stratum server answers with parse errors, and a port that speaks both: the plain flow is found, what is inside TLS is not read",
    );
    let mut knock = Dialogue::default();
    knock.client(MILLI, client_hello("pool.example", &mut c.rng));
    for n in 0..3 {
        let error = concat!(r#"{"id":null,"result":null,"error":[20,"Parse error: not a JSON",null]}"#, "\n");
        knock.server(40 * MILLI + n * 3 * MILLI, error);
    }
    let mut talk = c.line(V4, 11, 3333);
    talk.end = End::Fin(Side::Server);
    let segments = tcp::play(&talk, &knock, &mut c.rng);
    c.put(&talk, &segments, &Carriage::Plain);
    c.noted(talk.client.ip(), ("port 3333", "pool"), &["pool-port"], &[]);

    let inner = brief(&mut c, 12);
    let talk = c.line(V4, 12, 443);
    c.show(&talk, &inner, &Carriage::Plain);
    let secret = tls("pool.example", 12, &mut c.rng);
    let talk = c.line(V4, 13, 443);
    let segments = tcp::play(&talk, &secret, &mut c.rng);
    c.put(&talk, &segments, &Carriage::Plain);
    c.finish()
}

fn lost_handshakes() -> Vec<Product> {
    let mut c = Capture::new(
        236,
        "wrapped-lost-handshake",
        "the sensor misses a part of the wrapping's handshake: the greeting, the grant, the upgrade's answer",
    );
    let usual = WebSocket::USUAL;
    let inner: Vec<Dialogue> = (11..15).map(|host| brief(&mut c, host)).collect();
    let socket = websocket(&inner[3], usual, &mut c.rng);
    let sets = [
        (
            1080,
            behind(&socks5("pool.example", 3333, false), &inner[0]),
            Side::Client,
            "socks",
            Some("pool.example:3333"),
        ),
        (
            1080,
            behind(&socks5("pool.example", 3333, false), &inner[1]),
            Side::Server,
            "socks",
            Some("pool.example:3333"),
        ),
        (
            3128,
            behind(&connect("pool.example:3333", Answer::Usual), &inner[2]),
            Side::Server,
            "connect",
            Some("pool.example:3333"),
        ),
        (80, socket, Side::Server, "websocket", None),
    ];
    for (i, (port, dialogue, side, kind, target)) in sets.into_iter().enumerate() {
        let host = 11 + i as u8;
        let talk = if kind == "websocket" { c.line(V4, host, port) } else { to_proxy(&mut c, V4, host, port) };
        let segments = mangle::missed(tcp::play(&talk, &dialogue, &mut c.rng), side, &[0]);
        c.put(&talk, &segments, &Carriage::Plain);
        let flow = c.found(&talk, &dialogue);
        flow.shares = None;
        flow.hashrate_between = None;
        flow.wrapped = vec![target.map_or_else(|| Wrapped::plain(kind), |t| Wrapped::to(kind, t))];
        if kind != "websocket" {
            c.refuse(&talk.server.to_string(), "private_address");
        }
    }
    c.expect.health_at_least.insert("reassembly_gaps".to_owned(), 4);
    c.finish()
}

fn http_proxies() -> Vec<Product> {
    let mut c = Capture::new(
        240,
        "wrapped-http-proxy",
        "getwork and a web socket through a public HTTP proxy that passes on requests: whole URIs, fields of proxies; the proxy is never blocked",
    );
    let pool = "pool.example:8332";
    let usual = Forward::Absolute;
    let inner = brief(&mut c, 12);
    let socket = websocket(&inner, WebSocket::USUAL, &mut c.rng);
    let work = getwork::getwork(&mut c.rng);
    let http = |target| Wrapped { kind: "http-proxy".to_owned(), target, source: None };
    let named = || http(Some(pool.to_owned()));
    let sets = [
        (V4, forwarded(&work, pool, usual), vec![named()]),
        (
            V6,
            forwarded(&socket, "ws.pool.example", usual),
            vec![http(Some("ws.pool.example:80".to_owned())), Wrapped::plain("websocket")],
        ),
        (V4, forwarded(&work, pool, Forward::Request("X-Forwarded-For: 192.0.2.33")), vec![named()]),
        (V4, forwarded(&work, pool, Forward::Response), vec![http(None)]),
    ];
    for (i, (family, dialogue, wrapped)) in sets.into_iter().enumerate() {
        // Each has a proxy of its own: one that is noticed is refused in whichever flow.
        let talk = c.line(family, 11 + i as u8, 8080 + i as u16);
        c.show(&talk, &dialogue, &Carriage::Plain).wrapped = wrapped;
        c.refuse(&talk.server.to_string(), "proxy");
    }
    c.gzip = true;
    c.finish()
}

fn benign_set(number: u8, name: &str, about: &str, takes: fn(&str, u16) -> bool) -> Vec<Product> {
    let mut c = Capture::new(number.into(), name, &format!("{about}: nothing here mines"));
    let dialogues = benign::wrapped::all(number.into());
    for (i, (_, port, dialogue)) in dialogues.into_iter().filter(|(name, port, _)| takes(name, *port)).enumerate() {
        let talk = c.line(if i % 3 == 2 { V6 } else { V4 }, 11 + i as u8, port);
        let segments = tcp::play(&talk, &dialogue, &mut c.rng);
        c.put(&talk, &segments, &Carriage::Plain);
    }
    c.finish()
}

//! Pools, their web sites, programs and rigs' management met in TLS, QUIC and HTTP. Numbers 263 to 282.

use std::net::SocketAddr;

use serde_json::json;

use super::super::build::{V1, V2};
use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{Dialogue, MILLI, SECOND, Side};
use super::super::dialogues::cryptonote;
use super::super::expect::{Flow, Wrapped};
use super::super::mangle;
use super::super::tcp::{self, Conversation};
use super::super::tls::{self, Answer};
use super::super::web;
use super::super::wire;
use super::super::wrappings::{self, behind, connect};
use super::names::{HASHDIG, XMR, before, look_up, resolve};
use Family::{V4, V6};

const SITE: (&str, &str) = ("Hashdig", "web-site");

/// The captures.
pub fn all() -> Vec<Product> {
    [
        site_over_tls(),
        site_over_quic(),
        site_over_http(),
        web_miner(),
        download(),
        telemetry(),
        look_alikes(),
        ageing(),
        opaque(),
        by_name(),
        by_address(),
        by_certificate(),
        on_the_web_port(),
        by_look_up(),
        look_up_of_another(),
        by_look_up_under_another_name(),
        through_proxy(),
        encrypted_through_proxy(),
        clear_at_listed_address(),
        tls_to_unknown(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn with_feed(number: u16, name: &str, about: &str) -> Capture {
    let mut c = Capture::new(number, name, about);
    c.with_feed();
    c
}

/// Plays what is no mining.
fn play(c: &mut Capture, talk: &Conversation, dialogue: &Dialogue) {
    let segments = tcp::play(talk, dialogue, &mut c.rng);
    c.put(talk, &segments, &Carriage::Plain);
}

/// A conversation in TLS.
fn speak_tls(c: &mut Capture, talk: &Conversation, hello: &[u8], answer: &Answer) {
    let dialogue = tls::conversation(hello, answer, 6, &mut c.rng);
    play(c, talk, &dialogue);
}

fn site_over_tls() -> Vec<Product> {
    let about = "a browser looks a pool's web site up and reads it over TLS: noted as a web site";
    let mut c = with_feed(263, "known-site-tls", about);
    let name = "www.hashdig.example";
    let talk = c.line(V4, 11, 443);
    before(&mut c, &talk, name);
    speak_tls(&mut c, &talk, &tls::browser(name), &Answer::Tls13);
    c.noted(talk.client.ip(), SITE, &["name-in-dns", "name-sent"], &[name]);
    c.finish()
}

fn site_over_quic() -> Vec<Product> {
    let about = "a pool's web site over QUIC, versions 1 and 2, the hello in two datagrams in the wrong order";
    let mut c = with_feed(264, "known-site-quic", about);
    for (host, version, name) in [(11, V1, "hashdig.example"), (12, V2, "api.hashdig.example")] {
        let client = SocketAddr::new(c.inside(V6, host), 50_000 + u16::from(host));
        let server = SocketAddr::new(c.pool(V6), 443);
        let at = c.start() + u64::from(host) * SECOND;
        let datagrams = tls::initials(version, name, &mut c.rng);
        for (n, datagram) in datagrams.iter().enumerate() {
            let packet = wire::udp(client, server, n as u16, datagram);
            c.frame(at + n as u64 * MILLI, &packet, Side::Client, client.ip(), &Carriage::Plain);
        }
        c.noted(client.ip(), SITE, &["name-sent"], &[name]);
    }
    c.finish()
}

fn site_over_http() -> Vec<Product> {
    let about = "a pool's pages and its API over plain HTTP";
    let mut c = with_feed(265, "known-site-http", about);
    for (host, name) in [(11, "hashdig.example"), (12, "API.hashdig.example:80")] {
        let dialogue = web::visit(name, &["/", "/api/stats?address=4A"], web::BROWSER, &mut c.rng);
        let talk = c.line(V4, host, 80);
        play(&mut c, &talk, &dialogue);
    }
    let [first, second] = [11, 12].map(|host| c.inside(V4, host));
    c.noted(first, SITE, &["name-sent"], &["hashdig.example"]);
    c.noted(second, SITE, &["name-sent"], &["api.hashdig.example"]);
    c.finish()
}

fn web_miner() -> Vec<Product> {
    let about = "a page's mining script is fetched in clear, another over TLS: noted as a web miner";
    let mut c = with_feed(266, "known-web-miner", about);
    let name = "script.pagedig.example";
    let dialogue = web::visit(name, &["/dig.js"], web::BROWSER, &mut c.rng);
    let talk = c.line(V6, 11, 80);
    play(&mut c, &talk, &dialogue);
    c.noted(talk.client.ip(), ("Pagedig", "web-miner"), &["web-miner-script"], &[name]);
    let talk = c.line(V6, 12, 443);
    speak_tls(&mut c, &talk, &tls::browser(name), &Answer::Tls13);
    c.noted(talk.client.ip(), ("Pagedig", "web-miner"), &["name-sent"], &[name]);
    c.finish()
}

fn download() -> Vec<Product> {
    let about =
        "known mining programs and an installer are fetched from hosts that nobody lists, beside other programs";
    let mut c = with_feed(267, "known-download", about);
    let mirror = "mirror.example";
    for (host, path, agent, program) in [
        (11, "/pub/xmrig-6.22.2-linux-static-x64.tar.gz", "curl/8.9.1", Some("XMRig")),
        (12, "/a/setup_c3pool_miner.sh", "Wget/1.24.5", Some("C3Pool set-up")),
        (13, "/pub/linux-6.18.2.tar.xz", "curl/8.9.1", None),
        (14, "/docs/xmrig/index.html", web::BROWSER, None),
        (15, "/pub/determiner-1.2.tar.gz", "curl/8.9.1", None),
    ] {
        let dialogue = web::download(mirror, path, agent, 3000, &mut c.rng);
        let talk = c.line(V4, host, 80);
        play(&mut c, &talk, &dialogue);
        if let Some(program) = program {
            c.noted(talk.client.ip(), (program, "download"), &["program-download"], &[mirror]);
        }
    }
    c.finish()
}

/// The name is a real one: programs' hosts are known to the program, not to a feed.
fn telemetry() -> Vec<Product> {
    let about = "a rig's operating system reports to its maker: noted as inventory";
    let mut c = with_feed(268, "known-telemetry", about);
    let name = "api.hiveos.farm";
    let talk = c.line(V6, 11, 443);
    speak_tls(&mut c, &talk, &tls::openssl(Some(name)), &Answer::Tls13);
    c.noted(talk.client.ip(), ("Hive OS", "inventory"), &["name-sent"], &[name]);
    c.finish()
}

fn look_alikes() -> Vec<Product> {
    let about = "names that hold a pool's name and are others', in DNS, TLS, QUIC, HTTP and a certificate: silence";
    let mut c = with_feed(269, "known-look-alikes", about);
    let names = [
        "evilhashdig.example",
        "hashdig.example.evil.example",
        "xmr-hashdig.example",
        "hashdig.example-mirror.example",
        "www.hashdigs.example",
        "hashdig",
    ];
    let start = c.start();
    let pool = c.pool(V4);
    for (n, name) in (0..).zip(names) {
        let client = c.inside(V4, 11 + n);
        let l = look_up(&mut c, client, name, &[pool]);
        resolve(&mut c, start + u64::from(n) * SECOND, &l);
        let talk = c.line(V4, 11 + n, 14_433);
        speak_tls(&mut c, &talk, &tls::browser(name), &Answer::Tls13);
        let talk = c.line(V4, 11 + n, 80);
        let dialogue = web::visit(name, &[&format!("/?from={XMR}")], web::BROWSER, &mut c.rng);
        play(&mut c, &talk, &dialogue);
        let datagrams = tls::initials(V1, name, &mut c.rng);
        let (client, server) = (SocketAddr::new(client, 50_000), SocketAddr::new(pool, 443));
        for datagram in &datagrams {
            let packet = wire::udp(client, server, 7, datagram);
            c.frame(start + u64::from(n) * SECOND + 500 * MILLI, &packet, Side::Client, client.ip(), &Carriage::Plain);
        }
    }
    let der = tls::certificate(&names[..5], "Example Authority", &mut c.rng);
    let talk = c.line(V4, 30, 14_433);
    speak_tls(&mut c, &talk, &tls::openssl(None), &Answer::Tls12(der));
    c.gzip = true;
    c.finish()
}

fn ageing() -> Vec<Product> {
    let about = "a pool that is closed, an entry that has expired, and one that nobody has seen for years: only the last \
                 is still believed";
    let mut c = with_feed(270, "known-ageing", about);
    for (host, name) in [(11, "eu.closedpit.example"), (12, "eu.leasedpit.example"), (13, "eu.oldpit.example")] {
        let talk = c.line(V6, host, 14_433);
        before(&mut c, &talk, name);
        speak_tls(&mut c, &talk, &tls::openssl(Some(name)), &Answer::Tls13);
        if host == 13 {
            c.noted(talk.client.ip(), ("Oldpit", "pool"), &["name-in-dns", "name-sent"], &[name]);
            encrypted(&mut c, &talk, Some(name)).named(&[name], Some(("Oldpit", "stratum")));
        }
    }
    c.finish()
}

/// The finding of TLS with a host that takes miners: never more than suspected.
fn encrypted<'a>(c: &'a mut Capture, talk: &Conversation, sni: Option<&str>) -> &'a mut Flow {
    c.refuse(&talk.server.to_string(), "verdict_too_low");
    let mut flow = Flow {
        miner: talk.client.ip().to_string(),
        miner_port: talk.client.port(),
        pool: talk.server.ip().to_string(),
        pool_port: talk.server.port(),
        dialect: vec!["encrypted".to_owned()],
        required: true,
        one_way: Some(false),
        mid_stream: Some(false),
        handshake_verified: Some(true),
        ..Flow::default()
    };
    flow.tls.insert("sni".to_owned(), sni.map_or(json!(null), |n| json!(n)));
    flow.at_least("suspected").at_most("suspected");
    c.expect.flows.push(flow);
    c.expect.flows.last_mut().unwrap()
}

fn opaque() -> Vec<Product> {
    let about = "what cannot be read, both ways on a port that many pools use: noted; the same without an answer, on \
                 another port, or in a protocol that can be read: silence";
    let mut c = with_feed(271, "known-opaque-port", about);
    let noise = |c: &mut Capture, answered: bool| {
        let mut d = Dialogue::default();
        for n in 0..8 {
            // Never the first byte of a text, a TLS record or another protocol that is known.
            d.client(MILLI + n * SECOND, [vec![0xf3], c.rng.bytes(150)].concat());
            if answered {
                d.server(30 * MILLI + n * SECOND, [vec![0xf3], c.rng.bytes(300)].concat());
            }
        }
        d
    };
    for (host, port, answered) in [(11, 3333, true), (12, 3333, false), (13, 8080, true), (14, 40_123, true)] {
        let dialogue = noise(&mut c, answered);
        let talk = c.line(V4, host, port);
        play(&mut c, &talk, &dialogue);
    }
    let first = c.inside(V4, 11);
    c.noted(first, ("port 3333", "pool"), &["pool-port"], &[]);
    let talk = c.line(V4, 15, 3333);
    let dialogue = web::visit("tracker.example", &["/announce"], web::BROWSER, &mut c.rng);
    play(&mut c, &talk, &dialogue);
    c.finish()
}

fn by_name() -> Vec<Product> {
    let about = "TLS to a listed pool under its name: suspected, as nobody can read it; of a browser, only if it goes on \
                 for longer than any page's would";
    let mut c = with_feed(272, "encrypted-by-name", about);
    let name = "tls.hashdig.example";
    for (host, hello, rounds) in
        [(11, tls::openssl(Some(name)), 6), (12, tls::browser(name), 6), (13, tls::browser(name), 240)]
    {
        let talk = c.line(V4, host, 14_433);
        before(&mut c, &talk, name);
        let dialogue = tls::conversation(&hello, &Answer::Tls13, rounds, &mut c.rng);
        play(&mut c, &talk, &dialogue);
        let codes: &[&str] = match host {
            11 => &["tls-to-pool", "miner-tls", "name-sent", "name-in-dns"],
            _ => &["tls-to-pool", "name-sent", "name-in-dns"],
        };
        if host != 12 {
            encrypted(&mut c, &talk, Some(name)).named(&[name], Some(("Hashdig", "stratum"))).by(codes);
        }
        c.noted(talk.client.ip(), HASHDIG, &["name-sent", "name-in-dns"], &[name]);
    }
    c.finish()
}

fn by_address() -> Vec<Product> {
    let about = "a hello as miners send it, without a name, to a listed address: no more than noted by that alone, \
                 suspected if the host looked up a listed name for it; a browser's hello there is noted";
    let mut c = with_feed(273, "encrypted-by-address", about);
    let orecart = Some(("Orecart", "stratum"));
    for host in [11, 12, 13] {
        let talk = c.line(if host == 12 { V4 } else { V6 }, host, 14_443);
        if host == 12 {
            before(&mut c, &talk, XMR);
            c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]);
        }
        let hello = if host == 13 { tls::browser("cdn.news.example") } else { tls::openssl(None) };
        speak_tls(&mut c, &talk, &hello, &Answer::Tls13);
        if host == 13 {
            c.noted(talk.client.ip(), ("Orecart", "pool"), &["address-in-feed"], &[]);
            continue;
        }
        let flow = encrypted(&mut c, &talk, None);
        flow.by(&["miner-tls", "address-in-feed"]);
        if host == 11 {
            flow.at_least("noted").at_most("noted").named(&[], orecart);
        }
    }
    c.finish()
}

/// Anybody can show a certificate for any name.
fn by_certificate() -> Vec<Product> {
    let about = "TLS 1.2 without a name, answered with a pool's certificate: noted at an address that nobody lists, \
                 suspected at a listed one";
    let mut c = with_feed(274, "encrypted-by-certificate", about);
    let names = ["hashdig.example", "*.hashdig.example"];
    let der = tls::certificate(&names, "Example Authority", &mut c.rng);
    let answer = Answer::Tls12(der);
    let talk = c.line(V4, 11, 14_433);
    speak_tls(&mut c, &talk, &tls::openssl(None), &answer);
    c.noted(talk.client.ip(), HASHDIG, &["pool-certificate"], &["hashdig.example"]);
    let talk = c.line(V6, 12, 14_433);
    speak_tls(&mut c, &talk, &tls::openssl(None), &answer);
    let flow = encrypted(&mut c, &talk, None);
    flow.named(&[], Some(("Hashdig", "stratum"))).by(&["miner-tls", "pool-certificate", "address-in-feed"]);
    for (member, value) in [
        ("subject", json!(names[0])),
        ("sans", json!(names)),
        ("issuer", json!("Example Authority")),
        ("version", json!("TLS 1.2")),
    ] {
        flow.tls.insert(member.to_owned(), value);
    }
    c.noted(talk.client.ip(), HASHDIG, &["pool-certificate"], &["hashdig.example"]);
    c.finish()
}

fn on_the_web_port() -> Vec<Product> {
    let about = "a pool that takes miners on 443: its page is a web site there for a browser, and for a program that \
                 offers no protocol a pool; its other hosts take miners";
    let mut c = with_feed(275, "encrypted-web-port", about);
    for (host, name) in [(11, "deepshaft.example"), (12, "www.deepshaft.example")] {
        let talk = c.line(V6, host, 443);
        speak_tls(&mut c, &talk, &tls::browser(name), &Answer::Tls13);
        c.noted(talk.client.ip(), ("Deepshaft", "web-site"), &["name-sent"], &[name]);
    }
    for (host, name, role, kind) in
        [(13, "eu.deepshaft.example", "stratum", "pool"), (14, "deepshaft.example", "web", "web-site")]
    {
        let talk = c.line(V6, host, 443);
        speak_tls(&mut c, &talk, &tls::openssl(Some(name)), &Answer::Tls13);
        encrypted(&mut c, &talk, Some(name)).named(&[name], Some(("Deepshaft", role)));
        c.noted(talk.client.ip(), ("Deepshaft", kind), &["name-sent"], &[name]);
    }
    c.finish()
}

fn by_look_up() -> Vec<Product> {
    let about = "a host looks a listed pool up, then speaks TLS without a name to its address, on the pool's port for \
                 TLS: suspected, though no feed lists the address";
    let mut c = with_feed(276, "encrypted-by-look-up", about);
    let talk = c.line(V4, 11, 14_433);
    before(&mut c, &talk, XMR);
    speak_tls(&mut c, &talk, &tls::openssl(None), &Answer::Tls13);
    let flow = encrypted(&mut c, &talk, None);
    flow.named(&[XMR], Some(("Hashdig", "stratum"))).by(&["tls-to-pool", "miner-tls", "name-in-dns"]);
    c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]);
    c.finish()
}

fn by_look_up_under_another_name() -> Vec<Product> {
    let about = "after a look-up of a listed pool, TLS to its address under a name that has nothing to do with it: \
                 suspected; through a proxy that was asked for the pool, without a name: likewise";
    let mut c = with_feed(282, "encrypted-under-another-name", about);
    let talk = c.line(V4, 11, 14_433);
    before(&mut c, &talk, XMR);
    speak_tls(&mut c, &talk, &tls::openssl(Some("www.news.example")), &Answer::Tls13);
    let flow = encrypted(&mut c, &talk, Some("www.news.example"));
    flow.by(&["tls-to-pool", "miner-tls", "name-in-dns"]);
    c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]);

    let target = format!("{XMR}:14433");
    let inner = tls::conversation(&tls::openssl(None), &Answer::Tls13, 6, &mut c.rng);
    let talk = c.line(V6, 12, 3128);
    play(&mut c, &talk, &behind(&connect(&target, wrappings::Answer::Usual), &inner));
    let flow = encrypted(&mut c, &talk, None);
    flow.named(&[XMR], Some(("Hashdig", "stratum"))).by(&["tls-to-pool", "miner-tls", "name-sent"]);
    flow.wrapped = vec![Wrapped::to("connect", &target)];
    c.refuse(&talk.server.to_string(), "proxy");
    c.noted(talk.client.ip(), HASHDIG, &["name-sent"], &[XMR]);
    let proxy = talk.server.to_string();
    c.expect.refused.retain(|r| r.endpoint != proxy || r.reason == "proxy");
    c.finish()
}

fn look_up_of_another() -> Vec<Product> {
    let about = "TLS to an address that another host has looked up as a pool's; after a look-up, but on a port that no \
                 pool uses, or as a browser speaks it: noted for the look-up at the most";
    let mut c = with_feed(281, "encrypted-not-by-look-up", about);
    let asks = c.line(V4, 11, 14_433);
    before(&mut c, &asks, XMR);
    c.noted(asks.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]);
    let talk = c.line(V4, 12, 14_433);
    speak_tls(&mut c, &talk, &tls::openssl(None), &Answer::Tls13);
    for (host, port, hello) in [(13, 39_999, tls::openssl(None)), (14, 14_433, tls::browser("cdn.news.example"))] {
        let talk = c.line(V4, host, port);
        before(&mut c, &talk, XMR);
        speak_tls(&mut c, &talk, &hello, &Answer::Tls13);
        c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]);
    }
    c.finish()
}

fn through_proxy() -> Vec<Product> {
    let about =
        "a miner asks a public proxy for a listed pool by its name: the name is the pool's, the address the proxy's";
    let mut c = with_feed(277, "known-through-proxy", about);
    let inner = cryptonote::brief(&mut c.rng, 77);
    let talk = c.line(V6, 11, 3128);
    let target = format!("{XMR}:4777");
    let dialogue = behind(&connect(&target, wrappings::Answer::Usual), &inner);
    let flow = c.show(&talk, &dialogue, &Carriage::Plain);
    flow.wrapped = vec![Wrapped::to("connect", &target)];
    flow.named(&[XMR], Some(("Hashdig", "stratum"))).by(&["name-sent"]);
    c.refuse(&talk.server.to_string(), "proxy");
    c.noted(talk.client.ip(), HASHDIG, &["name-sent"], &[XMR]);
    c.finish()
}

/// The proxy's port says nothing of what is behind it.
fn encrypted_through_proxy() -> Vec<Product> {
    let about = "TLS through a proxy: to a pool's port for TLS, suspected; to its web site and to another of its hosts \
                 on the port of web sites, noted as that";
    let mut c = with_feed(280, "encrypted-through-proxy", about);
    for (host, name, port) in
        [(11, "tls.hashdig.example", 14_433), (12, "www.hashdig.example", 443), (13, "eu.hashdig.example", 443)]
    {
        let target = format!("{name}:{port}");
        let mines = port != 443;
        let hello = if mines { tls::openssl(Some(name)) } else { tls::browser(name) };
        let inner = tls::conversation(&hello, &Answer::Tls13, 6, &mut c.rng);
        let talk = c.line(V4, host, 3128);
        play(&mut c, &talk, &behind(&connect(&target, wrappings::Answer::Usual), &inner));
        if mines {
            let flow = encrypted(&mut c, &talk, Some(name));
            flow.named(&[name], Some(("Hashdig", "stratum"))).by(&["tls-to-pool", "name-sent"]);
            flow.wrapped = vec![Wrapped::to("connect", &target)];
            c.refuse(&talk.server.to_string(), "proxy");
        }
        c.noted(talk.client.ip(), if mines { HASHDIG } else { SITE }, &["name-sent"], &[name]);
    }
    c.expect.refused.retain(|r| r.reason == "proxy");
    c.finish()
}

fn clear_at_listed_address() -> Vec<Product> {
    let about = "mining in clear at a listed address; the same, seen from the pool's side only: nobody is noted for it";
    let mut c = with_feed(278, "known-clear-address", about);
    let orecart = Some(("Orecart", "stratum"));
    let dialogue = cryptonote::brief(&mut c.rng, 78);
    let talk = c.line(V4, 11, 4444);
    c.show(&talk, &dialogue, &Carriage::Plain).named(&[], orecart).by(&["address-in-feed"]);
    // Bytes to a listed address that never answers: no conversation.
    let mut d = Dialogue::default();
    d.client(MILLI, [vec![0xf3], c.rng.bytes(90)].concat());
    let talk = c.line(V4, 12, 4444);
    let segments = mangle::one_way(tcp::play(&talk, &d, &mut c.rng), Side::Client);
    c.put(&talk, &segments, &Carriage::Plain);
    c.finish()
}

fn tls_to_unknown() -> Vec<Product> {
    let about = "hellos as miners send them to hosts that nobody lists, with a certificate that signed itself: silence";
    let mut c = with_feed(279, "known-tls-elsewhere", about);
    let der = tls::certificate(&["gateway.example"], "gateway.example", &mut c.rng);
    for (host, port, hello, answer) in [
        (11, 8883, tls::openssl(None), Answer::Tls12(der)),
        (12, 443, tls::openssl(None), Answer::Tls13),
        (13, 443, tls::openssl(Some("api.news.example")), Answer::Tls13),
        (14, 443, tls::browser("pools.news.example"), Answer::Tls13),
    ] {
        let talk = c.line(V6, host, port);
        speak_tls(&mut c, &talk, &hello, &answer);
    }
    c.finish()
}

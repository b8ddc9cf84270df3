//! Names in DNS: who asked for a pool, who only passed it on, and who shares its address. Numbers 250 to 262 and 283.

use std::net::{IpAddr, SocketAddr};

use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{MILLI, SECOND, Side, Stage};
use super::super::dialogues::{bitcoin, cryptonote};
use super::super::dns::{self, Data, LookUp, Outcome, kind, record};
use super::super::expect::Shares;
use super::super::mangle;
use super::super::tcp::{self, Conversation, Cut, End};
use super::super::wire;
use Family::{V4, V6};

/// The pool of most captures, as the feed names it, and a host of it.
pub const HASHDIG: (&str, &str) = ("Hashdig", "pool");
/// A host of it that takes miners.
pub const XMR: &str = "xmr.hashdig.example";
/// What the feed says of both.
pub const STRATUM: Option<(&str, &str)> = Some(("Hashdig", "stratum"));

/// The captures.
pub fn all() -> Vec<Product> {
    [
        then_mining(),
        chain(),
        look_up_only(),
        over_tcp(),
        resolvers(),
        forged(),
        shared_front(),
        strangers(),
        accomplices(),
        no_strangers(),
        mid_stream(),
        one_way(),
        vlan(),
        vxlan(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A look-up of addresses by a host at the resolver inside.
pub fn look_up(c: &mut Capture, client: IpAddr, name: &str, addresses: &[IpAddr]) -> LookUp {
    let family = if client.is_ipv4() { V4 } else { V6 };
    let resolver = c.inside(family, 53);
    LookUp {
        client: SocketAddr::new(client, c.rng.range(32_768, 61_000) as u16),
        server: SocketAddr::new(resolver, 53),
        id: c.rng.bits() as u16,
        name: name.to_owned(),
        kind: addresses.first().map_or(kind::A, |ip| dns::kind_of(*ip)),
        recursive: true,
        outcome: if addresses.is_empty() { Outcome::NoSuchName } else { Outcome::Whole },
        records: addresses.iter().map(|ip| record(name, Data::Address(*ip))).collect(),
    }
}

/// The question alone, over UDP.
pub fn asks(c: &mut Capture, at: u64, l: &LookUp, carriage: &Carriage) {
    let id = c.rng.bits() as u16;
    let packet = wire::udp(l.client, l.server, id, &l.question());
    c.frame(at, &packet, Side::Client, l.client.ip(), carriage);
}

/// The answer alone.
pub fn answers(c: &mut Capture, at: u64, l: &LookUp, carriage: &Carriage) {
    let id = c.rng.bits() as u16;
    let packet = wire::udp(l.server, l.client, id, &l.answer());
    c.frame(at, &packet, Side::Server, l.client.ip(), carriage);
}

/// A whole look-up over UDP.
pub fn resolve_over(c: &mut Capture, at: u64, l: &LookUp, carriage: &Carriage) {
    asks(c, at, l, carriage);
    answers(c, at + 12 * MILLI, l, carriage);
}

/// The same over Ethernet.
pub fn resolve(c: &mut Capture, at: u64, l: &LookUp) {
    resolve_over(c, at, l, &Carriage::Plain);
}

/// The client of a connection looks its server up just before it connects.
pub fn before(c: &mut Capture, talk: &Conversation, name: &str) {
    let l = look_up(c, talk.client.ip(), name, &[talk.server.ip()]);
    resolve(c, talk.start - 40 * MILLI, &l);
}

/// A capture that is replayed with the feed.
pub fn with_feed(number: u16, name: &str, about: &str) -> Capture {
    let mut c = Capture::new(number, name, about);
    c.with_feed();
    c
}

fn then_mining() -> Vec<Product> {
    let mut c = with_feed(250, "names-then-mining", "a miner looks a listed pool up, then mines there in clear");
    let dialogue = cryptonote::brief(&mut c.rng, 50);
    let talk = c.line(V4, 11, 4777);
    before(&mut c, &talk, XMR);
    c.show(&talk, &dialogue, &Carriage::Plain).named(&[XMR], STRATUM).by(&["name-in-dns"]);
    c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]);
    c.finish()
}

/// Malware calls its pool by a name of its own, which is an alias for the pool's.
fn chain() -> Vec<Product> {
    let about =
        "the name that a miner looks up is an alias of an alias of a listed pool's; then it mines there, over IPv6";
    let mut c = with_feed(251, "names-chain", about);
    let dialogue = bitcoin::ccminer(&mut c.rng, 51);
    let talk = c.line(V6, 11, 4777);
    let pool = talk.server.ip();
    let mut l = look_up(&mut c, talk.client.ip(), "update.rigs.example", &[pool]);
    // In no order: whoever reads them has to look for the next.
    l.records = vec![
        record("eu.hashdig.example", Data::Address(pool)),
        record("gw.rigs.example", Data::Alias("eu.hashdig.example")),
        record("update.rigs.example", Data::Alias("gw.rigs.example")),
    ];
    resolve(&mut c, talk.start - 40 * MILLI, &l);
    c.show(&talk, &dialogue, &Carriage::Plain)
        .named(&["update.rigs.example", "eu.hashdig.example"], STRATUM)
        .by(&["name-in-dns"]);
    c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &["update.rigs.example"]);
    c.finish()
}

fn look_up_only() -> Vec<Product> {
    let about = "hosts look pools up and do no more: for both kinds of address and the service record, for a host that \
                 does not exist, with an answer that never comes; noted, and nothing else";
    let mut c = with_feed(252, "names-look-up-only", about);
    let start = c.start();
    let (v4, v6) = (c.pool(V4), c.pool(V6));
    let [first, second, third] = [11, 12, 13].map(|host| c.inside(V4, host));
    for (n, addresses) in [[v4], [v6]].iter().enumerate() {
        let l = look_up(&mut c, first, XMR, addresses);
        resolve(&mut c, start + n as u64 * MILLI, &l);
    }
    let mut l = look_up(&mut c, first, XMR, &[v4]);
    (l.kind, l.records) = (kind::HTTPS, vec![record(XMR, Data::Service(vec![v4, v6]))]);
    resolve(&mut c, start + 2 * MILLI, &l);
    c.noted(first, HASHDIG, &["name-in-dns"], &[XMR]);
    let l = look_up(&mut c, second, "gone.hashdig.example", &[]);
    resolve(&mut c, start + SECOND, &l);
    c.noted(second, HASHDIG, &["name-in-dns"], &["gone.hashdig.example"]);
    let l = look_up(&mut c, third, "eu.deepshaft.example", &[v4]);
    asks(&mut c, start + 2 * SECOND, &l, &Carriage::Plain);
    c.noted(third, ("Deepshaft", "pool"), &["name-in-dns"], &["eu.deepshaft.example"]);
    c.finish()
}

fn over_tcp() -> Vec<Product> {
    let about = "an answer that does not fit, then the same question over TCP, in segments of eleven bytes; noted";
    let mut c = with_feed(253, "names-over-tcp", about);
    let (client, pool) = (c.inside(V6, 11), c.pool(V6));
    let mut l = look_up(&mut c, client, "update.rigs.example", &[pool]);
    (l.outcome, l.records) = (Outcome::Truncated, Vec::new());
    let start = c.start();
    resolve(&mut c, start, &l);
    l.outcome = Outcome::Whole;
    l.records = vec![record("update.rigs.example", Data::Alias(XMR)), record(XMR, Data::Address(pool))];
    let other = look_up(&mut c, client, "news.example", &[pool]);
    let mut talk = c.between(client, l.server.ip(), 53);
    talk.start = start + 30 * MILLI;
    talk.cut = Cut::Every(Side::Server, 11);
    let segments = tcp::play(&talk, &dns::over_tcp(&[other, l]), &mut c.rng);
    c.put(&talk, &segments, &Carriage::Plain);
    c.noted(client, HASHDIG, &["name-in-dns"], &["update.rigs.example"]);
    c.finish()
}

fn resolvers() -> Vec<Product> {
    let about = "two clients ask the resolver inside, which asks servers outside on their behalf, once for a referral \
                 and once as a forwarder: it is the clients who are noted";
    let mut c = with_feed(254, "names-resolver", about);
    let (upstream, pool, start) = (c.second_pool(), c.pool(V4), c.start());
    for (host, name, recursive) in [(11, XMR, false), (12, "eu.hashdig.example", true)] {
        let client = c.inside(V4, host);
        let asked = look_up(&mut c, client, name, &[pool]);
        let mut passed_on = look_up(&mut c, asked.server.ip(), name, &[pool]);
        passed_on.server = SocketAddr::new(upstream, 53);
        passed_on.recursive = recursive;
        let at = start + u64::from(host) * SECOND;
        asks(&mut c, at, &asked, &Carriage::Plain);
        resolve(&mut c, at + MILLI, &passed_on);
        answers(&mut c, at + 15 * MILLI, &asked, &Carriage::Plain);
        c.noted(client, HASHDIG, &["name-in-dns"], &[name]);
    }
    c.finish()
}

fn forged() -> Vec<Product> {
    let about = "answers that nobody asked for, to other ports, from others, with wrong numbers, twice, and with records \
                 for names that were not asked for: nothing is noted, no name is learned, the pool is not taken for a \
                 shared address, and is blocked";
    let mut c = with_feed(255, "names-forged", about);
    let dialogue = cryptonote::brief(&mut c.rng, 55);
    let talk = c.line(V4, 11, 4777);
    let (victim, pool, at) = (talk.client.ip(), talk.server.ip(), talk.start - SECOND);
    let mut unasked = 0;
    let mut forge = |c: &mut Capture, l: &LookUp| {
        unasked += 1;
        answers(c, at + unasked * MILLI, l, &Carriage::Plain);
    };
    // Names of strangers for the pool's address, so that it looks shared.
    for n in 0..12 {
        let client = c.inside(V4, 100 + n);
        let l = look_up(&mut c, client, &format!("www.shop{n}.example"), &[pool]);
        forge(&mut c, &l);
    }
    // A pool's name for a host that asked for something else.
    let other = c.second_pool();
    let asked = look_up(&mut c, victim, "www.news.example", &[other]);
    asks(&mut c, at, &asked, &Carriage::Plain);
    let lie = LookUp { name: XMR.to_owned(), records: vec![record(XMR, Data::Address(other))], ..asked.clone() };
    let truth_from_elsewhere = LookUp { server: SocketAddr::new(other, 53), ..asked.clone() };
    let to_another_port = LookUp { client: SocketAddr::new(victim, asked.client.port() ^ 1), ..asked.clone() };
    let with_another_number = LookUp { id: asked.id ^ 1, ..asked.clone() };
    for l in [lie, truth_from_elsewhere, to_another_port, with_another_number] {
        forge(&mut c, &l);
    }
    let mut answer = asked.clone();
    answer.records.push(record(XMR, Data::Address(pool)));
    answers(&mut c, at + 30 * MILLI, &answer, &Carriage::Plain);
    // Once more: nobody waits for it now.
    answers(&mut c, at + 40 * MILLI, &asked, &Carriage::Plain);
    unasked += 1;
    c.expect.health.insert("dns_unasked".to_owned(), unasked);
    c.show(&talk, &dialogue, &Carriage::Plain).named(&[], None);
    c.finish()
}

fn shared_front() -> Vec<Product> {
    let about = "pools behind a listed front of many customers, IPv4 and IPv6: found, and the address is not blocked";
    let mut c = with_feed(256, "names-shared-front", about);
    for (family, host) in [(V4, 11), (V6, 12)] {
        let dialogue = cryptonote::brief(&mut c.rng, host);
        let talk = c.line(family, host, 4777);
        before(&mut c, &talk, XMR);
        let flow = c.show(&talk, &dialogue, &Carriage::Plain).named(&[XMR], STRATUM);
        flow.shared_front = Some("Front Example".to_owned());
        c.refuse(&talk.server.to_string(), "shared_front");
        c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]);
    }
    c.finish()
}

fn strangers() -> Vec<Product> {
    let about = "three other hosts found eight names of different owners at the pool's address: where the web is served, \
                 it is not blocked; on a port of miners it is";
    let mut c = with_feed(257, "names-strangers", about);
    let dialogue = bitcoin::ccminer(&mut c.rng, 57);
    let mut first = None;
    for (host, port) in [(11, 443), (12, 4777)] {
        let talk = c.line(V4, host, port);
        before(&mut c, &talk, "pool.deepshaft.example");
        let start = *first.get_or_insert(talk.start);
        let flow = c.show(&talk, &dialogue, &Carriage::Plain).named(&[], Some(("Deepshaft", "stratum")));
        flow.names = None;
        flow.shared_front = Some("8 unrelated names".to_owned());
        if port == 443 {
            c.refuse(&talk.server.to_string(), "shared_front");
            for n in 0..8 {
                let client = c.inside(V4, 100 + n % 3);
                let l = look_up(&mut c, client, &format!("www.shop{n}.example"), &[talk.server.ip()]);
                resolve(&mut c, start - SECOND + u64::from(n) * 100 * MILLI, &l);
            }
        }
        c.noted(talk.client.ip(), ("Deepshaft", "pool"), &["name-in-dns"], &["pool.deepshaft.example"]);
    }
    c.finish()
}

fn accomplices() -> Vec<Product> {
    let about = "an accomplice asks for eight names of different owners and is told the pool's address: it is blocked, \
                 and nobody says that the pool is one of them";
    let mut c = with_feed(283, "names-accomplice", about);
    let dialogue = bitcoin::ccminer(&mut c.rng, 58);
    let talk = c.line(V4, 11, 443);
    before(&mut c, &talk, "pool.deepshaft.example");
    for n in 0..8_u8 {
        let client = c.inside(V4, 100);
        let l = look_up(&mut c, client, &format!("www.shop{n}.example"), &[talk.server.ip()]);
        resolve(&mut c, talk.start - SECOND + u64::from(n) * 100 * MILLI, &l);
    }
    c.show(&talk, &dialogue, &Carriage::Plain).named(&["pool.deepshaft.example"], Some(("Deepshaft", "stratum")));
    c.noted(talk.client.ip(), ("Deepshaft", "pool"), &["name-in-dns"], &["pool.deepshaft.example"]);
    c.finish()
}

fn no_strangers() -> Vec<Product> {
    let about = "twelve names of different owners at the pool's address, all asked for by the miner itself, and twelve \
                 of one owner, asked for by others: that is no shared address, and it is blocked";
    let mut c = with_feed(258, "names-no-strangers", about);
    let dialogue = cryptonote::brief(&mut c.rng, 58);
    let talk = c.line(V4, 11, 4777);
    for n in 0..12 {
        let own = look_up(&mut c, talk.client.ip(), &format!("www.shop{n}.example"), &[talk.server.ip()]);
        resolve(&mut c, talk.start - 30 * SECOND + u64::from(n) * SECOND, &own);
        let client = c.inside(V4, 100 + n);
        let other = look_up(&mut c, client, &format!("n{n}.rigs.example"), &[talk.server.ip()]);
        resolve(&mut c, talk.start - 29_500 * MILLI + u64::from(n) * SECOND, &other);
    }
    c.show(&talk, &dialogue, &Carriage::Plain);
    c.finish()
}

fn mid_stream() -> Vec<Product> {
    let about = "the sensor starts in the middle of a session; ten minutes later the miner looks the pool up again";
    let mut c = with_feed(259, "names-mid-stream", about);
    let dialogue = cryptonote::xmrig(&mut c.rng, 59);
    let mut talk = c.line(V6, 11, 4777);
    talk.end = End::Open;
    let segments =
        mangle::from_message(tcp::play(&talk, &dialogue, &mut c.rng), 300, br#"{"jsonrpc":"2.0","method":"job""#);
    c.put(&talk, &segments, &Carriage::Plain);
    let l = look_up(&mut c, talk.client.ip(), XMR, &[talk.server.ip()]);
    resolve(&mut c, talk.start + 900 * SECOND, &l);
    let flow = c.found_in_part(&talk, &dialogue, "no_handshake");
    (flow.login, flow.wallet, flow.worker, flow.agent, flow.coin) = (None, None, None, None, None);
    flow.mid_stream = Some(true);
    flow.named(&[XMR], STRATUM).by(&["name-in-dns"]).stage(Stage::Accepted).at_least("confirmed");
    c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]);
    c.finish()
}

fn one_way() -> Vec<Product> {
    let about = "only what the hosts inside send is mirrored: a question without its answer, and a miner's half; what \
                 the pool's address is called is not known";
    let mut c = with_feed(260, "names-one-way", about);
    let dialogue = bitcoin::bfgminer(&mut c.rng, 60);
    let talk = c.line(V4, 11, 4777);
    let l = look_up(&mut c, talk.client.ip(), XMR, &[talk.server.ip()]);
    asks(&mut c, talk.start - 40 * MILLI, &l, &Carriage::Plain);
    let segments = mangle::one_way(tcp::play(&talk, &dialogue, &mut c.rng), Side::Client);
    c.put(&talk, &segments, &Carriage::Plain);
    let submitted = dialogue.truth.submitted;
    let flow = c.found_in_part(&talk, &dialogue, "one_way");
    flow.one_way = Some(true);
    flow.shares = Some(Shares { submitted, accepted: 0, rejected: 0 });
    flow.named(&[], None).stage(Stage::Attempt).at_least("suspected").at_most("probable");
    c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]);
    c.finish()
}

fn vlan() -> Vec<Product> {
    let about = "look-up and mining in a VLAN, over IPv6";
    let mut c = with_feed(261, "names-vlan", about);
    let carriage = Carriage::Vlan(vec![30], vec![30]);
    let dialogue = cryptonote::brief(&mut c.rng, 61);
    let talk = c.line(V6, 11, 4777);
    let l = look_up(&mut c, talk.client.ip(), XMR, &[talk.server.ip()]);
    resolve_over(&mut c, talk.start - 40 * MILLI, &l, &carriage);
    let flow = c.show(&talk, &dialogue, &carriage).named(&[XMR], STRATUM).by(&["name-in-dns"]);
    flow.tenant = Some("vlan:30".to_owned());
    flow.vlans = vec![30];
    c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]).tenant = Some("vlan:30".to_owned());
    c.finish()
}

fn vxlan() -> Vec<Product> {
    let about = "the same addresses in two VXLAN networks: what one calls the pool, the other does not know";
    let mut c = with_feed(262, "names-vxlan", about);
    let mut talk = c.line(V4, 5, 4777);
    talk.end = End::Fin(Side::Client);
    for (network, name) in [(7101, XMR), (7102, "build.rigs.example")] {
        let carriage = Carriage::Vxlan(network);
        talk.isn = [c.rng.bits() as u32, c.rng.bits() as u32];
        talk.start += SECOND;
        let l = look_up(&mut c, talk.client.ip(), name, &[talk.server.ip()]);
        resolve_over(&mut c, talk.start - 40 * MILLI, &l, &carriage);
        let dialogue = cryptonote::brief(&mut c.rng, (network % 100) as u8);
        let flow = c.show(&talk, &dialogue, &carriage);
        flow.named(&[name], if name == XMR { STRATUM } else { None });
        flow.tenant = Some(format!("vxlan:{network}"));
    }
    c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]).tenant = Some("vxlan:7101".to_owned());
    c.finish()
}

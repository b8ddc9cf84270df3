//! Look-ups in all their forms, name services of the local network, encrypted resolvers, nodes of cryptocurrencies, and
//! plain text that turns into TLS. Numbers 290 to 297.

use std::net::{IpAddr, SocketAddr};

use sha3::{Digest as _, Keccak256};

use super::super::benign::{other, shapes};
use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{Dialogue, MILLI, SECOND, Side};
use super::super::dialogues::cryptonote;
use super::super::dns::{self, Data, LookUp, Outcome, kind, record};
use super::super::tcp::{self, Conversation, Cut};
use super::super::tls::{self, Answer};
use super::super::wire;
use super::names::{HASHDIG, STRATUM, XMR, answers, asks, look_up, resolve, with_feed};
use Family::{V4, V6};

/// The captures.
pub fn all() -> Vec<Product> {
    [truncated(), any(), pipelined(), asked_again(), local(), nodes(), encrypted(), starttls()]
        .into_iter()
        .flatten()
        .collect()
}

fn play(c: &mut Capture, talk: &Conversation, dialogue: &Dialogue) {
    let segments = tcp::play(talk, dialogue, &mut c.rng);
    c.put(talk, &segments, &Carriage::Plain);
}

/// Look-ups over one TCP connection that ends before `talk` begins.
fn over_tcp(c: &mut Capture, talk: &Conversation, server: SocketAddr, dialogue: &Dialogue, cut: Cut) {
    let mut dns = c.between(talk.client.ip(), server.ip(), 53);
    dns.start = talk.start - SECOND;
    dns.cut = cut;
    play(c, &dns, dialogue);
}

/// Mining with a pool that goes by a name which a look-up before it told.
fn mines(c: &mut Capture, talk: &Conversation) {
    let dialogue = cryptonote::brief(&mut c.rng, 90);
    c.show(talk, &dialogue, &Carriage::Plain).named(&[XMR], STRATUM).by(&["name-in-dns"]);
    c.noted(talk.client.ip(), HASHDIG, &["name-in-dns"], &[XMR]);
}

fn truncated() -> Vec<Product> {
    let about = "an answer that does not fit, then the same over TCP in segments of nine bytes, then mining: as much is \
                 known as from one plain answer";
    let mut c = with_feed(290, "names-truncated", about);
    for family in [V4, V6] {
        let talk = c.line(family, 11, 4777);
        let whole = look_up(&mut c, talk.client.ip(), XMR, &[talk.server.ip()]);
        let cut = LookUp { outcome: Outcome::Truncated, records: Vec::new(), ..whole.clone() };
        resolve(&mut c, talk.start - 2 * SECOND, &cut);
        over_tcp(&mut c, &talk, whole.server, &dns::over_tcp(&[whole]), Cut::Every(Side::Server, 9));
        mines(&mut c, &talk);
    }
    c.expect.health.insert("dns_unasked".to_owned(), 0);
    c.finish()
}

fn any() -> Vec<Product> {
    let about = "a question for all records, answered with addresses of both kinds and a service record whose hint is the \
                 address that is then mined at";
    let mut c = with_feed(291, "names-any", about);
    let talk = c.line(V6, 11, 4777);
    let v4 = c.pool(V4);
    let mut l = look_up(&mut c, talk.client.ip(), XMR, &[v4]);
    l.kind = kind::ANY;
    l.records.push(record(XMR, Data::Service(vec![v4, talk.server.ip()])));
    resolve(&mut c, talk.start - SECOND, &l);
    mines(&mut c, &talk);
    c.finish()
}

fn pipelined() -> Vec<Product> {
    let about = "two questions in one segment, answered over the same connection in the other order, then mining";
    let mut c = with_feed(292, "names-pipelined", about);
    let talk = c.line(V4, 11, 4777);
    let elsewhere = c.second_pool();
    let pool = look_up(&mut c, talk.client.ip(), XMR, &[talk.server.ip()]);
    let news = look_up(&mut c, talk.client.ip(), "www.news.example", &[elsewhere]);
    let framed = |m: Vec<u8>| [&(m.len() as u16).to_be_bytes()[..], &m].concat();
    let mut d = Dialogue::default();
    d.client(MILLI, [framed(pool.question()), framed(news.question())].concat());
    d.server(14 * MILLI, framed(news.answer()));
    d.server(30 * MILLI, framed(pool.answer()));
    over_tcp(&mut c, &talk, pool.server, &d, Cut::Mss);
    mines(&mut c, &talk);
    c.finish()
}

fn asked_again() -> Vec<Product> {
    let about = "the first two questions are lost, the third is answered; then mining";
    let mut c = with_feed(293, "names-asked-again", about);
    let talk = c.line(V4, 11, 4777);
    let l = look_up(&mut c, talk.client.ip(), XMR, &[talk.server.ip()]);
    for n in 0..3 {
        asks(&mut c, talk.start - (12 - 5 * n) * SECOND, &l, &Carriage::Plain);
    }
    answers(&mut c, talk.start - SECOND, &l, &Carriage::Plain);
    mines(&mut c, &talk);
    c.expect.health.insert("dns_unasked".to_owned(), 0);
    c.finish()
}

/// A response of a name service of the local network: each name with its address.
fn announcement(records: &[(&str, IpAddr)]) -> Vec<u8> {
    let mut m = vec![0, 0, 0x84, 0, 0, 0, 0, records.len() as u8, 0, 0, 0, 0];
    for (name, ip) in records {
        // Class IN with the bit that tells caches to forget what they had (RFC 6762 §10.2).
        m.extend(dns::resource(name, &Data::Address(*ip), 0x8001, 120));
    }
    m
}

fn local() -> Vec<Product> {
    let about = "multicast DNS and LLMNR: hosts name themselves, ask for a pool by its name, and somebody answers with the \
                 names of pools and of strangers: no look-up, no name of the pool, no shared address; a rig says what it is \
                 called";
    let mut c = with_feed(294, "names-local", about);
    let dialogue = cryptonote::brief(&mut c.rng, 94);
    let talk = c.line(V4, 11, 4777);
    let (miner, liar) = (talk.client.ip(), c.inside(V4, 66));
    let group = SocketAddr::from(([224, 0, 0, 251], 5353));
    let mut said = 0;
    let mut say = |c: &mut Capture, from: SocketAddr, to: SocketAddr, message: &[u8]| {
        said += 1;
        let packet = wire::udp(from, to, said as u16, message);
        c.frame(talk.start - 10 * SECOND + said * 50 * MILLI, &packet, Side::Client, from.ip(), &Carriage::Plain);
    };
    let mdns = |ip: IpAddr| SocketAddr::new(ip, 5353);
    say(&mut c, mdns(miner), group, &dns::question(0, XMR, kind::A, false));
    say(&mut c, mdns(miner), group, &dns::question(0, "rig-7.local", kind::A, false));
    say(&mut c, mdns(miner), group, &announcement(&[("Rig-7.local", miner)]));
    say(&mut c, mdns(liar), group, &announcement(&[(XMR, talk.server.ip()), ("rig-8.local", miner)]));
    for n in 0..12 {
        let name = format!("www.shop{n}.example");
        say(&mut c, mdns(liar), group, &announcement(&[(&name, talk.server.ip())]));
    }
    let llmnr = SocketAddr::from(([224, 0, 0, 252], 5355));
    say(&mut c, SocketAddr::new(miner, 50_001), llmnr, &dns::question(7, "xmr", kind::A, false));
    let answer = announcement(&[("laptop", liar)]);
    say(&mut c, SocketAddr::new(liar, 5355), SocketAddr::new(miner, 50_001), &answer);
    c.expect.health.insert("local_dns_messages".to_owned(), said);
    c.expect.health.insert("dns_messages".to_owned(), 0);
    c.show(&talk, &dialogue, &Carriage::Plain).named(&[], None);
    c.finish()
}

/// A datagram of Ethereum's node discovery whose hash is right; nobody checks the signature.
fn discovery(c: &mut Capture, kind: u8) -> Vec<u8> {
    let mut signed = c.rng.bytes(65);
    signed.push(kind);
    // Version 4, both endpoints, an expiry.
    signed.extend([0xd9, 0x04, 0xcb, 0x84, 10, 0, 0, 1, 0x82, 0x76, 0x5f, 0x82, 0x76, 0x5f]);
    signed.extend([0xc9, 0x84, 10, 0, 0, 2, 0x82, 0x76, 0x5f, 0x80, 0x84, 0x69]);
    [&Keccak256::digest(&signed)[..], &signed].concat()
}

fn nodes() -> Vec<Product> {
    let about = "nodes of Bitcoin, Monero and Ethereum with peers outside, called and calling, one of them on a host that \
                 mines as well: noted as nodes, and the miner's finding is that of its mining alone (FP03)";
    let mut c = with_feed(295, "nodes-beside-a-miner", about);
    let node = |c: &mut Capture, host: IpAddr, network: &str| {
        c.noted(host, (network, "node"), &["node-p2p"], &[]);
    };
    let [bitcoin, monero] = [other::bitcoin_peer(&mut c.rng), shapes::levin_of_monero(&mut c.rng)];
    let talk = c.line(V4, 11, 8333);
    play(&mut c, &talk, &bitcoin);
    node(&mut c, talk.client.ip(), "Bitcoin");
    // Called from outside: it is the node inside that is told of.
    let (inside, outside) = (c.inside(V4, 12), c.second_pool());
    let talk = c.between(outside, inside, 18_080);
    play(&mut c, &talk, &monero);
    node(&mut c, inside, "Monero");
    // On any port, in small segments, and of no side that is inside: who called.
    let mut talk = c.line(V6, 13, 40_000);
    talk.cut = Cut::Every(Side::Client, 40);
    play(&mut c, &talk, &bitcoin);
    node(&mut c, talk.client.ip(), "Bitcoin");
    // It mines, and keeps a node.
    let dialogue = cryptonote::brief(&mut c.rng, 95);
    let talk = c.line(V4, 14, 4777);
    c.show(&talk, &dialogue, &Carriage::Plain).without(&["node-p2p"]);
    let peer = c.between(talk.client.ip(), outside, 18_080);
    play(&mut c, &peer, &monero);
    node(&mut c, talk.client.ip(), "Monero");
    let (us, them) = (SocketAddr::new(c.inside(V4, 15), 30_303), SocketAddr::new(outside, 30_303));
    for n in 0..6 {
        let start = c.start() + n * 10 * SECOND;
        let (ping, pong) = (discovery(&mut c, 1), discovery(&mut c, 2));
        let id = n as u16;
        c.frame(start, &wire::udp(us, them, id, &ping), Side::Client, us.ip(), &Carriage::Plain);
        c.frame(start + 40 * MILLI, &wire::udp(them, us, id, &pong), Side::Server, us.ip(), &Carriage::Plain);
    }
    node(&mut c, us.ip(), "Ethereum or a relative");
    c.finish()
}

fn encrypted() -> Vec<Product> {
    let about = "hosts that ask encrypted resolvers, by DNS over TLS and HTTPS: of the two that mine it is said beside the \
                 finding, of the one that does not, nothing";
    let mut c = with_feed(296, "names-encrypted", about);
    let resolver = c.second_pool();
    let asked = |c: &mut Capture, host: u8, port: u16, hello: Vec<u8>, after: bool| {
        let client = c.inside(V4, host);
        let mut talk = c.between(client, resolver, port);
        talk.start += if after { 200 * SECOND } else { 0 };
        let dialogue = tls::conversation(&hello, &Answer::Tls13, 3, &mut c.rng);
        play(c, &talk, &dialogue);
    };
    asked(&mut c, 11, 853, tls::openssl(None), false);
    asked(&mut c, 12, 443, tls::browser("dns.google"), true);
    asked(&mut c, 13, 443, tls::browser("mozilla.cloudflare-dns.com"), false);
    asked(&mut c, 14, 443, tls::browser("www.google.example"), false);
    for host in [11, 12, 14] {
        let dialogue = cryptonote::brief(&mut c.rng, host);
        let talk = c.line(V4, host, 4777);
        let flow = c.show(&talk, &dialogue, &Carriage::Plain).named(&[], None);
        if host == 14 {
            flow.without(&["encrypted-dns"]);
        } else {
            flow.by(&["encrypted-dns"]);
        }
    }
    c.finish()
}

/// What is said in clear, and by whom.
type Lines<'a> = &'a [(Side, &'a [u8])];

fn starttls() -> Vec<Product> {
    let about = "mail, chat, directory and databases that begin in clear and go on in TLS: nothing here mines";
    let mut c = Capture::new(297, "benign-starttls", about);
    let ldap = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    let ldap_ok = b"\x30\x24\x02\x01\x01\x78\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20037";
    // Protocol 10 with the capability of TLS, and the request for it (MySQL `COM_SSLRequest`).
    let greeting =
        [&[0x4a, 0, 0, 0, 10][..], b"8.0.36\0", &[7, 0, 0, 0], &[0x41; 8], &[0, 0xff, 0xff], &[0; 48]].concat();
    let request = [&[0x20, 0, 0, 1, 0x85, 0xae, 0xff, 0, 0, 0, 0, 1, 0xff][..], &[0; 23]].concat();
    let (c_, s_) = (Side::Client, Side::Server);
    let all: [(u16, Lines<'_>); 6] = [
        (
            587,
            &[
                (s_, b"220 mail.example ESMTP\r\n"),
                (c_, b"EHLO client.example\r\n"),
                (s_, b"250-mail.example\r\n250-SIZE 1000000\r\n250 STARTTLS\r\n"),
                (c_, b"STARTTLS\r\n"),
                (s_, b"220 go ahead\r\n"),
            ],
        ),
        (
            143,
            &[
                (s_, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
                (c_, b"a1 STARTTLS\r\n"),
                (s_, b"a1 OK begin TLS\r\n"),
            ],
        ),
        (
            5222,
            &[
                (c_, b"<?xml version='1.0'?><stream:stream to='chat.example' xmlns='jabber:client' version='1.0'>"),
                (s_, b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
                (c_, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
                (s_, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            ],
        ),
        (389, &[(c_, ldap), (s_, ldap_ok)]),
        (5432, &[(c_, &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]), (s_, b"S")]),
        (3306, &[(s_, &greeting), (c_, &request)]),
    ];
    for (n, (port, lines)) in all.into_iter().enumerate() {
        let talk = c.line(if n % 2 == 0 { V4 } else { V6 }, 11 + n as u8, port);
        let mut d = Dialogue::default();
        let mut at = MILLI;
        for (side, line) in lines {
            match side {
                Side::Client => d.client(at, *line),
                Side::Server => d.server(at, *line),
            }
            at += 20 * MILLI;
        }
        let inside = tls::conversation(&tls::openssl(Some("service.example")), &Answer::Tls13, 12, &mut c.rng);
        for turn in inside.turns {
            match turn.side {
                Side::Client => d.client(at + turn.at, turn.bytes),
                Side::Server => d.server(at + turn.at, turn.bytes),
            }
        }
        play(&mut c, &talk, &d);
    }
    c.finish()
}

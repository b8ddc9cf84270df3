//! One capture: its hosts, its hours, its frames, and what should be found in it.
//!
//! In: conversations and dialogues. Out: [`Product`]: files by name. A capture's number decides its addresses and its
//! time, so that all captures replayed together are one invented fortnight in which nothing collides:
//! miners live in `10.20.N.0/24` (even N), `192.168.N.0/24` (odd) and `2001:db8:N::/48`, pools at `198.51.100.N`,
//! `203.0.113.N` and `2001:db8:ffff:N::53`, tunnels end at `10.9.N.1` and `10.9.N.2`. From 256 on, with M = N - 255,
//! the IPv4 addresses are `10.21.M.0/24`, `172.16.M.0/24`, `203.0.113.M` and `203.0.113.(40+M)`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::carriage::Carriage;
use super::dialogue::{Dialogue, SECOND, Side, Stage};
use super::expect::{Contact, Expect, Flow, Refused, Shares};
use super::file::{Format, Record, gzip, write};
use super::rng::Rng;
use super::tcp::{Conversation, Segment};
use super::wire;

/// Monday 2 March 2026, 00:00 UTC.
pub const WEEK: u64 = 1_772_409_600 * SECOND;

/// IP version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A finished file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Product {
    /// File name.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// A capture in the making.
pub struct Capture {
    number: u16,
    name: String,
    /// Random numbers of this capture, seeded by its name.
    pub rng: Rng,
    /// Frames so far, in any order.
    pub records: Vec<Record>,
    /// Expected findings.
    pub expect: Expect,
    /// How the file is written.
    pub format: Format,
    /// In gzip.
    pub gzip: bool,
    /// Snapshot length.
    pub snaplen: u32,
    frames: u32,
    ports: u16,
}

impl Capture {
    /// An empty capture.
    pub fn new(number: u16, name: &str, about: &str) -> Self {
        let mut rng = Rng::named(name);
        Self {
            number,
            name: name.to_owned(),
            ports: 33_000 + rng.range(0, 20_000) as u16,
            rng,
            records: Vec::new(),
            expect: Expect { about: about.to_owned(), ..Expect::default() },
            format: Format::USUAL,
            gzip: false,
            snaplen: 262_144,
            frames: 0,
        }
    }

    /// When it begins: 55 minutes after the one before, somewhere within ten minutes.
    pub fn start(&self) -> u64 {
        WEEK + u64::from(self.number) * 55 * 60 * SECOND + Rng::named(&self.name).range(0, 600 * SECOND)
    }

    /// Whether it has one of the later addresses, and its number among those of its kind.
    fn place(&self) -> (bool, u8) {
        match u8::try_from(self.number) {
            Ok(n) => (false, n),
            Err(_) => (true, (self.number - 255) as u8),
        }
    }

    /// A host inside.
    pub fn inside(&self, family: Family, host: u8) -> IpAddr {
        let (late, n) = self.place();
        match (family, late, self.number.is_multiple_of(2)) {
            (Family::V4, false, true) => Ipv4Addr::new(10, 20, n, host).into(),
            (Family::V4, false, false) => Ipv4Addr::new(192, 168, n, host).into(),
            (Family::V4, true, true) => Ipv4Addr::new(10, 21, n, host).into(),
            (Family::V4, true, false) => Ipv4Addr::new(172, 16, n, host).into(),
            (Family::V6, ..) => Ipv6Addr::new(0x2001, 0xdb8, self.number, 0, 0, 0, 0, u16::from(host) | 0x1000).into(),
        }
    }

    /// The pool.
    pub fn pool(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => match self.place() {
                (false, n) => Ipv4Addr::new(198, 51, 100, n).into(),
                (true, n) => Ipv4Addr::new(203, 0, 113, n).into(),
            },
            Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0xffff, self.number, 0, 0, 0, 0x53).into(),
        }
    }

    /// Another pool.
    pub fn second_pool(&self) -> IpAddr {
        match self.place() {
            (false, n) => Ipv4Addr::new(203, 0, 113, n).into(),
            (true, n) => Ipv4Addr::new(203, 0, 113, 40 + n).into(),
        }
    }

    /// A connection from an inside host to the pool.
    pub fn line(&mut self, family: Family, host: u8, port: u16) -> Conversation {
        let (client, server) = (self.inside(family, host), self.pool(family));
        self.between(client, server, port)
    }

    /// A connection between two hosts, a fraction of a second to a minute after the capture's start.
    pub fn between(&mut self, client: IpAddr, server: IpAddr, port: u16) -> Conversation {
        self.ports += 2;
        let start = self.start() + u64::from(self.ports % 1000 / 2) * SECOND / 7;
        Conversation::new(SocketAddr::new(client, self.ports), SocketAddr::new(server, port), start, &mut self.rng)
    }

    /// Packets of segments.
    pub fn packet(talk: &Conversation, segment: &Segment) -> Vec<u8> {
        wire::tcp(talk.address(segment.side), talk.address(segment.side.other()), segment)
    }

    /// Puts one frame into the file.
    pub fn frame(&mut self, at: u64, packet: &[u8], side: Side, host: IpAddr, carriage: &Carriage) {
        let (late, n) = self.place();
        let outer = [1, 2].map(|end| Ipv4Addr::new(10, 9, n, end + if late { 10 } else { 0 }));
        self.frames += 1;
        let data = carriage.frame(packet, side, host, outer, self.frames);
        self.records.push(Record { at, link: carriage.link_type(), data });
    }

    /// Puts a conversation into the file.
    pub fn put(&mut self, talk: &Conversation, segments: &[Segment], carriage: &Carriage) {
        for s in segments {
            self.frame(s.at, &Self::packet(talk, s), s.side, talk.client.ip(), carriage);
        }
    }

    /// Plays a dialogue over a connection, whole, and expects it to be found.
    pub fn show(&mut self, talk: &Conversation, dialogue: &Dialogue, carriage: &Carriage) -> &mut Flow {
        let segments = super::tcp::play(talk, dialogue, &mut self.rng);
        self.put(talk, &segments, carriage);
        self.found(talk, dialogue)
    }

    /// Expects a mining flow, seen whole: `confirmed` and blocked if a job was delivered, else an attempt.
    pub fn found(&mut self, talk: &Conversation, dialogue: &Dialogue) -> &mut Flow {
        let truth = &dialogue.truth;
        let dialect = match truth.agent.as_deref() {
            // The plain form has no name of its own on the wire.
            Some("PhoenixMiner/5.5c") => vec!["ethereum-stratum-1".to_owned(), "ethereum-stratum".to_owned()],
            _ => vec![truth.dialect.to_owned()],
        };
        let seconds = dialogue.length() as f64 / SECOND as f64;
        let rate = truth.work / seconds;
        let mut flow = Flow {
            miner: talk.client.ip().to_string(),
            miner_port: talk.client.port(),
            pool: talk.server.ip().to_string(),
            pool_port: talk.server.port(),
            dialect,
            required: true,
            coin: truth.coin.map(str::to_owned),
            login: truth.login.clone(),
            wallet: truth.wallet.clone(),
            worker: truth.worker.clone(),
            agent: truth.agent.clone(),
            shares: Some(Shares { submitted: truth.submitted, accepted: truth.accepted, rejected: truth.rejected }),
            hashrate_between: (truth.accepted >= 5 && truth.work > 0.0)
                .then(|| [(rate * 0.4).round(), (rate * 2.5).round()]),
            one_way: Some(false),
            mid_stream: Some(false),
            handshake_verified: Some(true),
            ..Flow::default()
        };
        flow.stage(truth.stage);
        let endpoint = talk.server.to_string();
        if truth.stage == Stage::Attempt {
            flow.at_least("suspected").at_most("probable");
            self.refuse(&endpoint, "verdict_too_low");
        } else {
            flow.at_least("confirmed");
            if !self.expect.blocked.contains(&endpoint) {
                self.expect.blocked.push(endpoint);
            }
        }
        self.expect.flows.push(flow);
        self.expect.flows.last_mut().unwrap()
    }

    /// Expects a flow that was seen in part: shares and rate are not those of the dialogue.
    pub fn found_in_part(&mut self, talk: &Conversation, dialogue: &Dialogue, reason: &str) -> &mut Flow {
        self.found(talk, dialogue);
        let endpoint = talk.server.to_string();
        self.expect.blocked.retain(|e| *e != endpoint);
        self.refuse(&endpoint, reason);
        let flow = self.expect.flows.last_mut().unwrap();
        flow.shares = None;
        flow.hashrate_between = None;
        flow.handshake_verified = Some(false);
        flow
    }

    /// Is to be replayed with the feed of the captures.
    pub fn with_feed(&mut self) {
        self.expect.options = vec!["--feeds".to_owned(), "pcaps/feed.toml".to_owned()];
    }

    /// Expects that a host has met a pool, by these codes and names, and that this is noted.
    pub fn noted(&mut self, host: IpAddr, pool: (&str, &str), codes: &[&str], names: &[&str]) -> &mut Contact {
        let sorted = |list: &[&str]| {
            let mut list: Vec<String> = list.iter().map(|s| (*s).to_owned()).collect();
            list.sort();
            list
        };
        self.expect.contacts.push(Contact {
            host: host.to_string(),
            tenant: None,
            pool: pool.0.to_owned(),
            kind: pool.1.to_owned(),
            codes: sorted(codes),
            names: sorted(names),
        });
        self.expect.contacts.last_mut().unwrap()
    }

    /// Expects an endpoint to be refused.
    pub fn refuse(&mut self, endpoint: &str, reason: &str) {
        let refused = Refused { endpoint: endpoint.to_owned(), reason: reason.to_owned() };
        self.expect.blocked.retain(|e| e != endpoint);
        if !self.expect.refused.contains(&refused) {
            self.expect.refused.push(refused);
        }
    }

    /// The files: the capture and its expected findings.
    pub fn finish(self) -> Vec<Product> {
        let name = self.name.clone();
        let end = self.records.len();
        self.finish_parts(&[(name, end)])
    }

    /// The files of a rotated set: each part's name and the number of frames up to its end.
    pub fn finish_parts(mut self, parts: &[(String, usize)]) -> Vec<Product> {
        self.records.sort_by_key(|r| r.at);
        self.expect.frames = self.records.len() as u64;
        let mut products = Vec::new();
        let mut from = 0;
        for (name, to) in parts {
            let bytes = write(self.format, &self.records[from..*to], self.snaplen);
            from = *to;
            let suffix = self.format.suffix();
            let (name, bytes) = if self.gzip {
                (format!("{name}.{suffix}.gz"), gzip(&bytes))
            } else {
                (format!("{name}.{suffix}"), bytes)
            };
            self.expect.files.push(name.clone());
            products.push(Product { name, bytes });
        }
        products
            .push(Product { name: format!("{}.expect.json", self.name), bytes: self.expect.to_text().into_bytes() });
        products
    }
}

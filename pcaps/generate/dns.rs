//! DNS messages (RFC 1035, 3596, 6891, 9460), and look-ups as hosts and resolvers make them.
//!
//! In: names and records. Out: bytes of messages.

use std::net::{IpAddr, SocketAddr};

use super::dialogue::{Dialogue, MILLI};

/// Types of records.
pub mod kind {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Another name.
    pub const CNAME: u16 = 5;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// Service binding for HTTPS.
    pub const HTTPS: u16 = 65;
    /// Everything (RFC 1035 §3.2.3).
    pub const ANY: u16 = 255;
}

/// The data of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Data {
    /// An address.
    Address(IpAddr),
    /// Another name for the owner.
    Alias(&'static str),
    /// A service at the owner itself, with ALPN `h2` and hints of its addresses.
    Service(Vec<IpAddr>),
}

/// A record of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Whose it is.
    pub owner: String,
    /// Its data.
    pub data: Data,
}

/// A record.
pub fn record(owner: &str, data: Data) -> Record {
    Record { owner: owner.to_owned(), data }
}

/// What an answer says beside its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// All of it.
    Whole,
    /// It does not fit: ask over TCP.
    Truncated,
    /// There is no such name.
    NoSuchName,
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
}

fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    [id, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect()
}

fn put_question(out: &mut Vec<u8>, name: &str, kind: u16) {
    put_name(out, name);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
}

/// A question with an EDNS record. `recursive`: the asker wants the answer itself.
pub fn question(id: u16, name: &str, kind: u16, recursive: bool) -> Vec<u8> {
    let mut out = header(id, if recursive { 0x0100 } else { 0 }, [1, 0, 0, 1]);
    put_question(&mut out, name, kind);
    out.extend_from_slice(&[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
    out
}

/// The answer. Owners equal to the name asked for are compressed.
pub fn answer(id: u16, name: &str, kind: u16, recursive: bool, outcome: Outcome, records: &[Record]) -> Vec<u8> {
    let flags = 0x8080
        | if recursive { 0x0100 } else { 0 }
        | match outcome {
            Outcome::Whole => 0,
            Outcome::Truncated => 0x0200,
            Outcome::NoSuchName => 3,
        };
    let mut out = header(id, flags, [1, records.len() as u16, 0, 0]);
    put_question(&mut out, name, kind);
    for r in records {
        if r.owner == name {
            out.extend_from_slice(&[0xc0, 12]);
        } else {
            put_name(&mut out, &r.owner);
        }
        put_resource(&mut out, &r.data, 1, 300);
    }
    out
}

/// Type, class, time to live and data of a record.
fn put_resource(out: &mut Vec<u8>, data: &Data, class: u16, ttl: u32) {
    let (kind, data) = encode(data);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&class.to_be_bytes());
    out.extend_from_slice(&ttl.to_be_bytes());
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(&data);
}

/// A record with its owner written out.
pub fn resource(owner: &str, data: &Data, class: u16, ttl: u32) -> Vec<u8> {
    let mut out = Vec::new();
    put_name(&mut out, owner);
    put_resource(&mut out, data, class, ttl);
    out
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

fn encode(data: &Data) -> (u16, Vec<u8>) {
    match data {
        Data::Address(ip) => (kind_of(*ip), octets(*ip)),
        Data::Alias(to) => {
            let mut out = Vec::new();
            put_name(&mut out, to);
            (kind::CNAME, out)
        }
        Data::Service(hints) => {
            // Priority 1, the owner itself; then parameters in order of their keys: alpn, ipv4hint, ipv6hint.
            let mut out = vec![0, 1, 0, 0, 1, 0, 3, 2, b'h', b'2'];
            for (key, v4) in [(4_u16, true), (6, false)] {
                let list: Vec<u8> = hints.iter().filter(|ip| ip.is_ipv4() == v4).flat_map(|ip| octets(*ip)).collect();
                if !list.is_empty() {
                    out.extend_from_slice(&key.to_be_bytes());
                    out.extend_from_slice(&(list.len() as u16).to_be_bytes());
                    out.extend_from_slice(&list);
                }
            }
            (kind::HTTPS, out)
        }
    }
}

/// The type that asks for addresses of this family.
pub const fn kind_of(ip: IpAddr) -> u16 {
    match ip {
        IpAddr::V4(_) => kind::A,
        IpAddr::V6(_) => kind::AAAA,
    }
}

/// A question and its answer.
#[derive(Clone, Debug)]
pub struct LookUp {
    /// Who asks.
    pub client: SocketAddr,
    /// Who is asked.
    pub server: SocketAddr,
    /// Identification.
    pub id: u16,
    /// The name asked for.
    pub name: String,
    /// The type asked for.
    pub kind: u16,
    /// The asker wants the answer itself.
    pub recursive: bool,
    /// How it ends.
    pub outcome: Outcome,
    /// What is answered.
    pub records: Vec<Record>,
}

impl LookUp {
    /// The question's bytes.
    pub fn question(&self) -> Vec<u8> {
        question(self.id, &self.name, self.kind, self.recursive)
    }

    /// The answer's bytes.
    pub fn answer(&self) -> Vec<u8> {
        answer(self.id, &self.name, self.kind, self.recursive, self.outcome, &self.records)
    }
}

/// Look-ups one after the other over one TCP connection, each message behind its length.
pub fn over_tcp(lookups: &[LookUp]) -> Dialogue {
    let framed = |message: Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let mut d = Dialogue::default();
    for (l, n) in lookups.iter().zip(0..) {
        d.client(MILLI + n * 40 * MILLI, framed(l.question()));
        d.server(MILLI + (n * 40 + 14) * MILLI, framed(l.answer()));
    }
    d
}

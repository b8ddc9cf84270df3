//! DNS messages: what was asked, and which addresses the answer gives for it.
//!
//! In: the payload of a UDP datagram, or a direction of a TCP stream ([`Framed`]). Out: [`Dns`]. Only records that lie
//! on the chain from the question to its addresses count (CNAME, SVCB and HTTPS in alias mode, RFC 1034 §3.6.2 and RFC
//! 9460 §2.4): whatever else a server adds teaches nothing. Whether somebody asked is the caller's to know.

pub mod local;

use std::fmt::Write;
use std::net::IpAddr;

use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::{Message, Name, ParsedName, Record, ToName};
use domain::rdata::AllRecordData;
use domain::rdata::svcb::value::{Ipv4Hint, Ipv6Hint};

/// Unicast DNS.
pub const PORT: u16 = 53;

/// Records of an answer that are looked at.
const MAX_RECORDS: usize = 128;
/// Names on the way from the question to an address.
const MAX_ALIASES: usize = 16;
/// Addresses kept of an answer.
const MAX_ADDRESSES: usize = 64;
/// A DNS message over TCP is never longer (RFC 1035 §4.2.2); more than this is no look-up's answer.
const MAX_FRAMED: usize = 16 * 1024;

/// An address in an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Seconds for which it may be remembered: the least on the way to it.
    pub ttl: u32,
}

/// A question, or an answer with its question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dns {
    /// Identification.
    pub id: u16,
    /// It answers.
    pub reply: bool,
    /// The asker wants the answer itself, not a referral: resolvers that ask on somebody's behalf do not set it.
    pub recursion_desired: bool,
    /// The name asked for: lower case, ASCII, no final dot, other bytes as `\ddd` (RFC 1035 §5.1).
    pub name: Box<str>,
    /// The type asked for.
    pub qtype: u16,
    /// The other names that it led to.
    pub aliases: Vec<Box<str>>,
    /// The addresses that it led to.
    pub addresses: Vec<Address>,
}

type Wire<'a> = ParsedName<&'a [u8]>;

/// Reads a message. `None` when it is no DNS, asks not exactly one question (nobody sends more, and no answer could be
/// matched to it), or is a reply that says nothing but an error.
pub fn read(bytes: &[u8]) -> Option<Dns> {
    let message = Message::from_octets(bytes).ok()?;
    let header = message.header();
    let question = message.sole_question().ok()?;
    if header.opcode().to_int() != 0 || question.qclass() != Class::IN {
        return None;
    }
    let mut dns = Dns {
        id: header.id(),
        reply: header.qr(),
        recursion_desired: header.rd(),
        name: text(question.qname()),
        qtype: question.qtype().to_int(),
        aliases: Vec::new(),
        addresses: Vec::new(),
    };
    if dns.reply && header.rcode() == Rcode::NOERROR {
        follow(&message, question.qname(), &mut dns);
    }
    Some(dns)
}

/// Whether a message begins as a look-up does: a header with the opcode of queries and one question.
pub fn begins(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, flags, _, 0, 1, _, _, _, _, _, _, ..] if flags & 0x78 == 0)
}

type Found<'a> = Record<Wire<'a>, AllRecordData<&'a [u8], Wire<'a>>>;

/// The answer section as far as it can be read. A record that cannot ends it: where the next begins is not certain.
fn records<'a>(message: &Message<&'a [u8]>) -> Vec<Found<'a>> {
    let Ok(section) = message.answer() else { return Vec::new() };
    let wanted = |t: Rtype| matches!(t, Rtype::A | Rtype::AAAA | Rtype::CNAME | Rtype::SVCB | Rtype::HTTPS);
    section
        .take(MAX_RECORDS)
        .map_while(Result::ok)
        .filter(|r| wanted(r.rtype()))
        .filter_map(|r| r.to_any_record::<AllRecordData<_, _>>().ok())
        .collect()
}

/// Follows the chain. Records may come in any order, so each step looks through all of them; a loop ends since a name
/// is followed once.
fn follow(message: &Message<&[u8]>, asked: &Wire<'_>, dns: &mut Dns) {
    let records = records(message);
    if records.is_empty() {
        return;
    }
    let mut chain: Vec<(Name<Vec<u8>>, u32)> = vec![(asked.to_name(), u32::MAX)];
    let mut at = 0;
    while let Some((name, ttl)) = chain.get(at).cloned() {
        at += 1;
        for r in records.iter().filter(|r| r.owner().name_eq(&name)) {
            let ttl = ttl.min(r.ttl().as_secs());
            let mut alias = |to: &Wire<'_>| {
                if chain.len() <= MAX_ALIASES && !chain.iter().any(|(n, _)| n.name_eq(to)) {
                    chain.push((to.to_name(), ttl));
                }
            };
            match r.data() {
                AllRecordData::A(a) => add(dns, IpAddr::V4(a.addr()), ttl),
                AllRecordData::Aaaa(a) => add(dns, IpAddr::V6(a.addr()), ttl),
                AllRecordData::Cname(c) => alias(c.cname()),
                AllRecordData::Svcb(s) => service(s, ttl, dns, &mut alias),
                AllRecordData::Https(s) => service(s, ttl, dns, &mut alias),
                _ => {}
            }
        }
    }
    dns.aliases = chain.iter().skip(1).map(|(n, _)| text(n)).collect();
}

/// RFC 9460: where the service is, and hints of its addresses.
fn service<'a, V>(
    s: &domain::rdata::svcb::SvcbRdata<V, &'a [u8], Wire<'a>>,
    ttl: u32,
    dns: &mut Dns,
    alias: &mut impl FnMut(&Wire<'a>),
) {
    // "." means the owner itself (§2.5), or, in alias mode, that there is no such service.
    if !s.target().is_root() {
        alias(s.target());
    }
    if s.is_alias() {
        return;
    }
    if let Some(hint) = s.params().first::<Ipv4Hint<_>>() {
        hint.iter().take(MAX_ADDRESSES).for_each(|a| add(dns, IpAddr::V4(a), ttl));
    }
    if let Some(hint) = s.params().first::<Ipv6Hint<_>>() {
        hint.iter().take(MAX_ADDRESSES).for_each(|a| add(dns, IpAddr::V6(a), ttl));
    }
}

fn add(dns: &mut Dns, ip: IpAddr, ttl: u32) {
    let ip = ip.to_canonical();
    if dns.addresses.len() < MAX_ADDRESSES && !dns.addresses.iter().any(|a| a.ip == ip) {
        dns.addresses.push(Address { ip, ttl });
    }
}

fn text(name: &impl ToName) -> Box<str> {
    let mut text = String::with_capacity(usize::from(name.compose_len()));
    for label in name.iter_labels().take_while(|label| !label.is_root()) {
        if !text.is_empty() {
            text.push('.');
        }
        let plain = label.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        match std::str::from_utf8(label.as_slice()) {
            Ok(label) if plain => text.push_str(label),
            // As the library escapes the others.
            _ => drop(write!(text, "{label}")),
        }
    }
    if text.is_empty() {
        text.push('.');
    }
    text.make_ascii_lowercase();
    text.into_boxed_str()
}

/// DNS messages in a TCP stream: each with its length before it (RFC 1035 §4.2.2).
#[derive(Default, Debug)]
pub struct Framed {
    held: Vec<u8>,
    /// Bytes of a message that is not wanted, or of one whose beginning is missing.
    skip: usize,
    lost: bool,
}

impl Framed {
    /// Stream data in order; `each` gets whole messages.
    pub fn data(&mut self, mut data: &[u8], mut each: impl FnMut(&[u8])) {
        if self.lost {
            return;
        }
        while !data.is_empty() {
            if self.skip > 0 {
                let n = self.skip.min(data.len());
                self.skip -= n;
                data = data.get(n..).unwrap_or_default();
                continue;
            }
            let whole = match self.held.as_slice() {
                [a, b, ..] => 2 + usize::from(u16::from_be_bytes([*a, *b])),
                _ => 2,
            };
            let n = (whole - self.held.len()).min(data.len());
            let (head, rest) = data.split_at(n);
            self.held.extend_from_slice(head);
            data = rest;
            match self.held.as_slice() {
                [a, b] => {
                    let len = usize::from(u16::from_be_bytes([*a, *b]));
                    if !(12..=MAX_FRAMED).contains(&len) {
                        self.skip = len;
                        self.held.clear();
                    }
                }
                [_, _, message @ ..] if self.held.len() == whole => {
                    each(message);
                    // A whole one is rarely followed by another: nothing is held for it.
                    self.held = Vec::new();
                }
                _ => {}
            }
        }
    }

    /// Bytes are missing, or it is no DNS: there is no telling where the next message begins.
    pub fn give_up(&mut self) {
        self.held = Vec::new();
        self.lost = true;
    }

    /// Whether nothing more can be read.
    pub const fn is_lost(&self) -> bool {
        self.lost
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.held.capacity()
    }
}

#[cfg(test)]
mod tests;

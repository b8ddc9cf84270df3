//! DHCP for IPv4: which machine holds an address, and how it calls itself.
//!
//! In: the payload of a UDP datagram between the ports 67 and 68. Out: [`Dhcp`]: a client's request, or a server's
//! acknowledgement (RFC 2131 §2, options of RFC 2132). Offers bind nobody and are left out. Nothing in it is
//! authenticated: it is the machines' own word.

use std::net::Ipv4Addr;

use crate::decode::MacAddr;
use crate::text::printable;

/// The port of servers and relays.
pub const SERVER_PORT: u16 = 67;
/// The port of clients.
pub const CLIENT_PORT: u16 = 68;

/// Routers and resolvers kept of a message.
const MAX_SERVERS: usize = 8;
/// Bytes of a name (RFC 1035 §2.3.4: 63 of a label, and a domain behind it).
const MAX_NAME: usize = 255;
/// A name as it is shown.
const NAME_SHOWN: usize = 64;
/// Marks the options (RFC 2131 §3).
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Length of what lies before the options' mark.
const FIXED: usize = 236;

/// What a message says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A client asks for its address, or for its settings.
    Request,
    /// A server grants them.
    Acknowledged,
    /// A client gives its address back.
    Released,
}

/// A message that binds a machine to an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dhcp {
    /// What it says.
    pub kind: Kind,
    /// The client's hardware address.
    pub mac: MacAddr,
    /// The address granted, or that the client has.
    pub address: Option<Ipv4Addr>,
    /// How the client calls itself, made printable (options 12 and 81).
    pub hostname: Option<Box<str>>,
    /// For how many seconds the address is granted (option 51).
    pub lease: Option<u32>,
    /// Next hops (option 3).
    pub routers: Vec<Ipv4Addr>,
    /// Resolvers (option 6).
    pub resolvers: Vec<Ipv4Addr>,
}

/// Reads a message. `None` when it is none of these, or not for Ethernet.
pub fn read(bytes: &[u8]) -> Option<Dhcp> {
    let fixed = bytes.get(..FIXED)?;
    let [op, 1, 6, ..] = *fixed else { return None };
    let options = bytes.get(FIXED..)?.strip_prefix(&COOKIE)?;
    let address = |at: usize| fixed.get(at..at + 4).and_then(ipv4).filter(|a| !a.is_unspecified());
    let (client, yours) = (address(12), address(16));
    let mac = MacAddr(fixed.get(28..34)?.try_into().ok()?);
    let mut d = Dhcp {
        kind: Kind::Request,
        mac,
        address: None,
        hostname: None,
        lease: None,
        routers: Vec::new(),
        resolvers: Vec::new(),
    };
    let (mut message, mut full) = (None, None);
    walk(options, |code, value| match (code, value) {
        (53, [t]) => message = Some(*t),
        (12, _) => d.hostname = name(value),
        // Flags and two results come first; the name is in the wire format of DNS when bit 2 is set (RFC 4702 §2.1).
        (81, [flags, _, _, rest @ ..]) => full = if flags & 4 == 0 { name(rest) } else { labels(rest) },
        (51, _) => d.lease = value.try_into().ok().map(u32::from_be_bytes),
        (3, _) => d.routers = servers(value),
        (6, _) => d.resolvers = servers(value),
        _ => {}
    });
    d.hostname = d.hostname.or(full);
    (d.kind, d.address) = match (op, message?) {
        (1, 3 | 8) => (Kind::Request, client),
        (1, 7) => (Kind::Released, Some(client?)),
        (2, 5) => (Kind::Acknowledged, yours.or(client)),
        _ => return None,
    };
    Some(d)
}

/// Hands out options until the end, or until one is cut off.
fn walk<'a>(mut options: &'a [u8], mut each: impl FnMut(u8, &'a [u8])) {
    loop {
        match options {
            [0, rest @ ..] => options = rest,
            [code @ 1..=254, length, rest @ ..] => {
                let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else { return };
                each(*code, value);
                options = rest;
            }
            _ => return,
        }
    }
}

fn ipv4(bytes: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)
}

fn servers(value: &[u8]) -> Vec<Ipv4Addr> {
    value.chunks_exact(4).filter_map(ipv4).filter(|a| !a.is_unspecified()).take(MAX_SERVERS).collect()
}

/// A name as text; clients add a NUL now and then.
fn name(value: &[u8]) -> Option<Box<str>> {
    let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
    let text = value.get(..end.min(MAX_NAME))?.trim_ascii();
    (!text.is_empty()).then(|| printable(text, NAME_SHOWN).into())
}

/// A name in labels, without compression (RFC 4702 §2.3.1).
fn labels(mut value: &[u8]) -> Option<Box<str>> {
    let mut text = Vec::new();
    while let [length @ 1..=63, rest @ ..] = value {
        let (label, rest) = rest.split_at_checked(usize::from(*length))?;
        if !text.is_empty() {
            text.push(b'.');
        }
        text.extend_from_slice(label);
        value = rest;
    }
    name(&text)
}

#[cfg(test)]
mod tests;

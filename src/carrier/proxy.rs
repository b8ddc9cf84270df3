//! The PROXY protocol header that a load balancer puts before a connection's own bytes.
//!
//! In: the first bytes of one direction. Out: the addresses of the connection behind the balancer, and the bytes after
//! the header. Versions 1 and 2 as in haproxy's `doc/proxy-protocol.txt` (sections 2.1 and 2.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::look::Look;
use super::target::decimal_port;

/// The longest version 1 line with its CRLF (section 2.1).
const MAX_LINE: usize = 107;
/// What begins version 2 (section 2.2).
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The fixed part of version 2.
const FIXED: usize = 16;
/// Addresses and TLVs of version 2 skipped at the most; senders stay far below.
const MAX_LENGTH: usize = 2048;
/// Two IPv6 addresses and two ports.
const MAX_ADDRESSES: usize = 36;

/// Where reading stands after some data.
#[derive(PartialEq, Eq, Debug)]
pub enum Step<'d> {
    /// The header goes on.
    More,
    /// This is no PROXY header.
    Lost,
    /// The header is complete.
    Done {
        /// The client's end as the balancer saw it; `None` where the header says nothing of it.
        source: Option<SocketAddr>,
        /// The balancer's end that the client connected to.
        destination: Option<SocketAddr>,
        /// What follows the header in the same data.
        rest: &'d [u8],
    },
}

/// Whether the first bytes of a direction begin a PROXY header.
pub fn starts(data: &[u8]) -> Look {
    match data.first() {
        None => Look::Short,
        Some(b'P') => line_starts(data),
        Some(_) => fixed_starts(data),
    }
}

fn line_starts(data: &[u8]) -> Look {
    let mut look = Look::No;
    for word in [&b"PROXY TCP4 "[..], b"PROXY TCP6 ", b"PROXY UNKNOWN ", b"PROXY UNKNOWN\r\n"] {
        if data.starts_with(word) {
            return Look::Yes;
        }
        if word.starts_with(data) {
            look = Look::Short;
        }
    }
    look
}

fn fixed_starts(data: &[u8]) -> Look {
    let signed = data.iter().zip(SIGNATURE).all(|(a, b)| a == b);
    let version = data.get(12).is_none_or(|b| matches!(b, 0x20 | 0x21));
    let family = data.get(13).is_none_or(|b| matches!(b, 0 | 0x11 | 0x12 | 0x21 | 0x22 | 0x31 | 0x32));
    if !(signed && version && family) {
        return Look::No;
    }
    match data.get(14..FIXED).and_then(|b| <[u8; 2]>::try_from(b).ok()) {
        None => Look::Short,
        Some(length) if usize::from(u16::from_be_bytes(length)) <= MAX_LENGTH => Look::Yes,
        Some(_) => Look::No,
    }
}

/// The reader of one direction.
#[derive(Default, Debug)]
pub struct Proxy {
    head: Vec<u8>,
    state: State,
}

#[derive(Default, Debug)]
enum State {
    #[default]
    Head,
    /// Bytes of version 2 left to skip, and what was read before them.
    Skip(usize, Ends),
    Done,
    Lost,
}

type Ends = Option<(SocketAddr, SocketAddr)>;

impl Proxy {
    /// Stream data in order, from the first byte. After `Done` everything is rest.
    pub fn data<'d>(&mut self, mut data: &'d [u8]) -> Step<'d> {
        loop {
            match self.state {
                State::Head => {
                    let Some((&b, rest)) = data.split_first() else { return Step::More };
                    data = rest;
                    self.head.push(b);
                    self.read_head();
                }
                State::Skip(left, ends) => {
                    let n = left.min(data.len());
                    data = data.get(n..).unwrap_or_default();
                    if n < left {
                        self.state = State::Skip(left - n, ends);
                        return Step::More;
                    }
                    self.head = Vec::new();
                    self.state = State::Done;
                    return Step::Done { source: ends.map(|e| e.0), destination: ends.map(|e| e.1), rest: data };
                }
                State::Done => return Step::Done { source: None, destination: None, rest: data },
                State::Lost => return Step::Lost,
            }
        }
    }

    /// Bytes are missing: a header with a hole says nothing.
    pub fn gap(&mut self) {
        if !matches!(self.state, State::Done) {
            self.head = Vec::new();
            self.state = State::Lost;
        }
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.head.capacity()
    }

    /// Looks at the head after each byte of it: at most [`MAX_LINE`] times.
    fn read_head(&mut self) {
        let next = match (self.head.first(), starts(&self.head)) {
            (_, Look::No) => Some(State::Lost),
            (_, Look::Short) => None,
            (Some(b'P'), Look::Yes) => self.read_line(),
            (_, Look::Yes) => self.read_fixed(),
        };
        if let Some(next) = next {
            if matches!(next, State::Lost) {
                self.head = Vec::new();
            }
            self.state = next;
        }
    }

    fn read_line(&self) -> Option<State> {
        if let Some(line) = self.head.strip_suffix(b"\r\n") {
            return Some(line_ends(line).map_or(State::Lost, |ends| State::Skip(0, ends)));
        }
        let over = self.head.len() >= MAX_LINE || self.head.ends_with(b"\n");
        over.then_some(State::Lost)
    }

    fn read_fixed(&self) -> Option<State> {
        let mut fixed = self.head.iter().skip(12).copied();
        let (command, family, high, low) = (fixed.next()?, fixed.next()?, fixed.next()?, fixed.next()?);
        let length = usize::from(u16::from_be_bytes([high, low]));
        // LOCAL is the balancer's own health check: its addresses say nothing (section 2.2).
        let (needed, read) = match (command, family) {
            (0x20, _) | (_, 0) => (0, false),
            (_, 0x11) => (12, true),
            (_, 0x21) => (MAX_ADDRESSES, true),
            (_, 0x12) => (12, false),
            (_, 0x22) => (MAX_ADDRESSES, false),
            // UNIX sockets: two paths of 108 bytes.
            _ => (216, false),
        };
        if length < needed {
            return Some(State::Lost);
        }
        if !read {
            return Some(State::Skip(length, None));
        }
        let block = self.head.get(FIXED..).filter(|b| b.len() >= needed)?;
        let ends = if needed == 12 { v4_ends(block) } else { v6_ends(block) };
        Some(State::Skip(length - needed, ends))
    }
}

/// The addresses of a version 1 line without its CRLF; outer `None` when it is damaged.
fn line_ends(line: &[u8]) -> Option<Ends> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("PROXY ")?;
    let mut words = text.split(' ');
    let v4 = match words.next()? {
        // Whatever follows must be ignored.
        "UNKNOWN" => return Some(None),
        "TCP4" => true,
        "TCP6" => false,
        _ => return None,
    };
    // The standard parsers refuse leading zeros in IPv4 octets, as section 2.1 asks.
    let ip = |word: &str| -> Option<IpAddr> {
        if v4 { word.parse::<Ipv4Addr>().ok().map(Into::into) } else { word.parse::<Ipv6Addr>().ok().map(Into::into) }
    };
    let (from, to) = (ip(words.next()?)?, ip(words.next()?)?);
    let (from_port, to_port) = (decimal_port(words.next()?)?, decimal_port(words.next()?)?);
    words.next().is_none().then_some(Some((SocketAddr::new(from, from_port), SocketAddr::new(to, to_port))))
}

fn v4_ends(block: &[u8]) -> Ends {
    let (from, rest) = block.split_first_chunk::<4>()?;
    let (to, rest) = rest.split_first_chunk::<4>()?;
    ports(rest, (*from).into(), (*to).into())
}

fn v6_ends(block: &[u8]) -> Ends {
    let (from, rest) = block.split_first_chunk::<16>()?;
    let (to, rest) = rest.split_first_chunk::<16>()?;
    ports(rest, (*from).into(), (*to).into())
}

fn ports(rest: &[u8], from: IpAddr, to: IpAddr) -> Ends {
    let (from_port, rest) = rest.split_first_chunk::<2>()?;
    let (to_port, _) = rest.split_first_chunk::<2>()?;
    Some((SocketAddr::new(from, u16::from_be_bytes(*from_port)), SocketAddr::new(to, u16::from_be_bytes(*to_port))))
}

#[cfg(test)]
mod tests;

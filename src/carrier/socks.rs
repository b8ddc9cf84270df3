//! One direction of a SOCKS 4, 4a or 5 handshake.
//!
//! In: the first bytes of one direction. Out: the target that the client asks for, and the bytes after the handshake:
//! the tunnelled stream. SOCKS5 is RFC 1928, its user name and password RFC 1929 (both are skipped, never kept);
//! SOCKS4 and 4a are the two memos by Y.-D. Lee, "SOCKS" and "SOCKS 4A". Each direction is read alone: what the server
//! chose shows in what the client sends next.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::look::Look;
use super::target::{Host, MAX_NAME, Target};

/// The user id of SOCKS4 skipped at the most.
const MAX_USER: usize = 255;
/// Authentication methods in a greeting that is believed at sight. Clients offer one to three.
const MAX_METHODS: u8 = 16;

/// Where reading stands after some data.
#[derive(PartialEq, Eq, Debug)]
pub enum Step<'d> {
    /// The handshake goes on.
    More,
    /// No SOCKS, a refusal, or a method or command that leads to no TCP stream.
    Lost,
    /// The handshake of this direction is complete.
    Done {
        /// Where the client wants to go; `None` from servers, and for names that no resolver would take.
        target: Option<Target>,
        /// What follows the handshake in the same data.
        rest: &'d [u8],
    },
}

/// Whether `data` is how a client begins: strict enough to try on any stream.
pub fn client_hello(data: &[u8]) -> Look {
    match *data {
        [] => Look::Short,
        [4, ref rest @ ..] => request4_hello(rest),
        [5, ref rest @ ..] => greeting_hello(rest),
        _ => Look::No,
    }
}

/// SOCKS5 without its first byte: count, methods, and what a client that does not wait sends after them.
fn greeting_hello(data: &[u8]) -> Look {
    let Some((&count, rest)) = data.split_first() else { return Look::Short };
    if !(1..=MAX_METHODS).contains(&count) {
        return Look::No;
    }
    let methods = rest.get(..usize::from(count)).unwrap_or(rest);
    // Assigned (IANA "SOCKS Methods") or private, and none twice.
    let known = methods.iter().all(|m| matches!(m, 0..=9 | 0x80..=0xfe));
    let distinct = methods.iter().enumerate().all(|(i, m)| !methods.iter().skip(i + 1).any(|n| n == m));
    if !known || !distinct {
        return Look::No;
    }
    if methods.len() < usize::from(count) {
        return Look::Short;
    }
    let after = rest.get(methods.len()..).unwrap_or_default();
    let plausible = match *after {
        [] => true,
        [1, ..] => methods.contains(&1) || methods.contains(&2),
        [5] => true,
        [5, command, ref tail @ ..] => {
            matches!(command, 1..=3)
                && tail.first().is_none_or(|b| *b == 0)
                && tail.get(1).is_none_or(|b| matches!(b, 1 | 3 | 4))
        }
        _ => false,
    };
    if plausible { Look::Yes } else { Look::No }
}

/// SOCKS4 without its first byte.
fn request4_hello(data: &[u8]) -> Look {
    let command = data.first().is_none_or(|b| *b == 1);
    let port = data.get(1..3).is_none_or(|p| p != [0, 0]);
    let ip = data.get(3..7).is_none_or(|ip| ip != [0; 4]);
    if !(command && port && ip) {
        return Look::No;
    }
    let (Some(ip), Some(tail)) = (data.get(3..7), data.get(7..)) else { return Look::Short };
    let by_name = matches!(ip, [0, 0, 0, _]);
    let mut words = tail.splitn(3, |b| *b == 0);
    let user = words.next().unwrap_or_default();
    if user.len() > MAX_USER || user.iter().any(|b| matches!(b, 0..0x20 | 0x7f)) {
        return Look::No;
    }
    let Some(name) = words.next() else { return Look::Short };
    if !by_name {
        return Look::Yes;
    }
    match (Host::parse(name), words.next()) {
        (Some(_), Some(_)) => Look::Yes,
        (None, Some(_)) => Look::No,
        (parsed, None) if parsed.is_some() || name.is_empty() => Look::Short,
        _ => Look::No,
    }
}

/// Whether `data` is how a server begins: strict enough to try on any stream.
pub fn server_hello(data: &[u8]) -> Look {
    match *data {
        [] | [5 | 0] => Look::Short,
        // The choice, then nothing before the client spoke again, unless capture or kernel joined segments.
        [5, 0] => Look::Yes,
        [5, 0, 5, ref rest @ ..] => {
            let status = rest.first().is_none_or(|b| *b <= 8);
            let reserved = rest.get(1).is_none_or(|b| *b == 0);
            let kind = rest.get(2).is_none_or(|b| matches!(b, 1 | 3 | 4));
            if status && reserved && kind { Look::Yes } else { Look::No }
        }
        [5, 1 | 2] | [5, 1 | 2, 1, ..] => Look::Yes,
        [5, 0x80..=0xff] => Look::Yes,
        [0, 0x5a..=0x5d, ref rest @ ..] if rest.len() < 6 => Look::Short,
        // Only a granted request is followed by anything.
        [0, code @ 0x5a..=0x5d, ref rest @ ..] if code == 0x5a || rest.len() == 6 => Look::Yes,
        _ => Look::No,
    }
}

/// Whether `data` is how a client goes on whose greeting was not seen: a whole SOCKS5 request that opens a connection.
pub fn is_request(data: &[u8]) -> bool {
    let [5, 1, 0, kind @ (1 | 3 | 4), rest @ ..] = data else { return false };
    match (kind, rest) {
        (1, rest) => rest.len() >= 6,
        (4, rest) => rest.len() >= 18,
        (_, &[n, ref rest @ ..]) => {
            let n = usize::from(n);
            rest.len() >= n + 2 && rest.get(..n).and_then(Host::parse).is_some()
        }
        _ => false,
    }
}

/// Whether `data` is how a server goes on whose choice was not seen: a whole SOCKS5 answer to a request.
pub fn is_reply(data: &[u8]) -> bool {
    let [5, 0, 0, kind @ (1 | 3 | 4), rest @ ..] = data else { return false };
    match (kind, rest) {
        (1, rest) => rest.len() >= 6,
        (4, rest) => rest.len() >= 18,
        (_, &[n, ref rest @ ..]) => rest.len() >= usize::from(n) + 2,
        _ => false,
    }
}

/// The reader of one direction.
#[derive(Debug)]
pub struct Socks {
    state: State,
    /// Bytes that the state still reads.
    left: usize,
    /// What the state has read, where it keeps it: at most a name and a port.
    piece: Vec<u8>,
    /// The greeting offered a user name and password.
    password: bool,
    port: u16,
    address: Ipv4Addr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    ClientVersion,
    MethodCount,
    Methods,
    /// A sub-negotiation or the request follows.
    AfterGreeting,
    UserLength,
    User,
    PasswordLength,
    Password,
    RequestVersion,
    /// Command, reserved byte, address type.
    Request,
    NameLength,
    /// Name and port.
    Name,
    /// Address and port.
    Address,
    /// Command, port, address.
    Request4,
    /// Up to its NUL.
    User4,
    /// Up to its NUL.
    Name4,
    ServerVersion,
    Method,
    /// Version, status.
    AuthStatus,
    /// Version, status, reserved byte, address type.
    Reply,
    BoundLength,
    /// Bound address and port: nothing that the client's direction does not say better.
    Bound,
    /// Status, port, address.
    Reply4,
    Done,
    Lost,
}

/// What a finished piece leads to.
enum Next {
    Read(State, usize),
    Done(Option<Target>),
    Lost,
}

impl Socks {
    /// Reads what a client sends, from its first byte.
    pub fn client() -> Self {
        Self {
            state: State::ClientVersion,
            left: 1,
            piece: Vec::new(),
            password: false,
            port: 0,
            address: Ipv4Addr::UNSPECIFIED,
        }
    }

    /// Reads what a server sends, from its first byte.
    pub fn server() -> Self {
        Self { state: State::ServerVersion, ..Self::client() }
    }

    /// Reads what a client sends from its request on.
    pub fn client_late() -> Self {
        Self { state: State::AfterGreeting, ..Self::client() }
    }

    /// Reads what a server sends from its answer to the request on.
    pub fn server_late() -> Self {
        Self { state: State::Reply, left: 4, ..Self::client() }
    }

    /// Stream data in order. After `Done` everything is rest.
    pub fn data<'d>(&mut self, mut data: &'d [u8]) -> Step<'d> {
        loop {
            match self.state {
                State::Done => return Step::Done { target: None, rest: data },
                State::Lost => return Step::Lost,
                _ => {}
            }
            let Some((&b, rest)) = data.split_first() else { return Step::More };
            data = rest;
            if !self.push(b) {
                continue;
            }
            let next = self.complete();
            self.piece.clear();
            match next {
                Next::Read(state, left) => (self.state, self.left) = (state, left),
                Next::Lost => self.lose(),
                Next::Done(target) => {
                    self.state = State::Done;
                    self.piece = Vec::new();
                    return Step::Done { target, rest: data };
                }
            }
        }
    }

    /// Bytes are missing: a handshake with a hole leads nowhere.
    pub fn gap(&mut self) {
        if self.state != State::Done {
            self.lose();
        }
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.piece.capacity()
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        self.piece = Vec::new();
    }

    /// Whether `b` finishes the piece.
    fn push(&mut self, b: u8) -> bool {
        let terminated = matches!(self.state, State::User4 | State::Name4);
        if terminated && b == 0 {
            return true;
        }
        match self.state {
            State::Methods => self.password |= b == 2,
            // Who authenticates is between client and proxy.
            State::User | State::Password | State::User4 | State::Bound => {}
            _ => self.piece.push(b),
        }
        self.left = self.left.saturating_sub(1);
        if terminated && self.left == 0 {
            self.lose();
            return false;
        }
        self.left == 0
    }

    fn complete(&mut self) -> Next {
        let piece = std::mem::take(&mut self.piece);
        let next = match self.state {
            State::Request4 | State::User4 | State::Name4 => self.request4(&piece),
            State::Request | State::NameLength | State::Name | State::Address => request(self.state, &piece),
            State::ServerVersion
            | State::Method
            | State::AuthStatus
            | State::Reply
            | State::BoundLength
            | State::Bound
            | State::Reply4 => answer(self.state, &piece),
            _ => self.greeting(&piece),
        };
        self.piece = piece;
        next
    }

    /// RFC 1928 §3 and RFC 1929 §2, from the client.
    fn greeting(&self, piece: &[u8]) -> Next {
        match (self.state, piece) {
            (State::ClientVersion, [4]) => Next::Read(State::Request4, 7),
            (State::ClientVersion, [5]) => Next::Read(State::MethodCount, 1),
            (State::MethodCount, &[n @ 1..=255]) => Next::Read(State::Methods, n.into()),
            (State::Methods, _) => Next::Read(State::AfterGreeting, 1),
            (State::AfterGreeting, [1]) if self.password => Next::Read(State::UserLength, 1),
            (State::AfterGreeting | State::RequestVersion, [5]) => Next::Read(State::Request, 3),
            (State::UserLength, &[n @ 1..=255]) => Next::Read(State::User, n.into()),
            (State::UserLength | State::User, _) => Next::Read(State::PasswordLength, 1),
            (State::PasswordLength, &[n @ 1..=255]) => Next::Read(State::Password, n.into()),
            (State::PasswordLength | State::Password, _) => Next::Read(State::RequestVersion, 1),
            _ => Next::Lost,
        }
    }

    fn request4(&mut self, piece: &[u8]) -> Next {
        match (self.state, piece) {
            (State::Request4, &[1, high, low, a, b, c, d]) => {
                self.port = u16::from_be_bytes([high, low]);
                self.address = Ipv4Addr::new(a, b, c, d);
                Next::Read(State::User4, MAX_USER + 1)
            }
            // SOCKS 4A: an address 0.0.0.x that cannot be says that a name follows.
            (State::User4, _) => match self.address.octets() {
                [0, 0, 0, 1..=255] => Next::Read(State::Name4, MAX_NAME + 1),
                _ => done(Some(Host::Ip(self.address.into())), self.port),
            },
            (State::Name4, name) => done(Host::parse(name), self.port),
            _ => Next::Lost,
        }
    }
}

/// RFC 1928 §4. Only CONNECT leads to a stream on this connection.
fn request(state: State, piece: &[u8]) -> Next {
    match (state, piece) {
        (State::Request, [1, _, 1]) => Next::Read(State::Address, 4 + 2),
        (State::Request, [1, _, 4]) => Next::Read(State::Address, 16 + 2),
        (State::Request, [1, _, 3]) => Next::Read(State::NameLength, 1),
        (State::NameLength, &[n @ 1..=255]) => Next::Read(State::Name, usize::from(n) + 2),
        (State::Name | State::Address, _) => {
            let Some((host, port)) = piece.split_last_chunk::<2>() else { return Next::Lost };
            let host = if state == State::Name { Host::parse(host) } else { address(host).map(Host::Ip) };
            done(host, u16::from_be_bytes(*port))
        }
        _ => Next::Lost,
    }
}

/// What a server says: RFC 1928 §3 and §6, RFC 1929 §2, and the reply of SOCKS4.
fn answer(state: State, piece: &[u8]) -> Next {
    match (state, piece) {
        (State::ServerVersion, [5]) => Next::Read(State::Method, 1),
        (State::ServerVersion, [0]) => Next::Read(State::Reply4, 7),
        (State::Method, [0]) => Next::Read(State::Reply, 4),
        (State::Method, [2]) => Next::Read(State::AuthStatus, 2),
        (State::AuthStatus, [_, 0]) => Next::Read(State::Reply, 4),
        (State::Reply, [5, 0, _, 1]) => Next::Read(State::Bound, 4 + 2),
        (State::Reply, [5, 0, _, 4]) => Next::Read(State::Bound, 16 + 2),
        (State::Reply, [5, 0, _, 3]) => Next::Read(State::BoundLength, 1),
        (State::BoundLength, &[n]) => Next::Read(State::Bound, usize::from(n) + 2),
        (State::Bound, _) | (State::Reply4, [0x5a, ..]) => Next::Done(None),
        _ => Next::Lost,
    }
}

/// A target without a port is none that a proxy could connect to.
fn done(host: Option<Host>, port: u16) -> Next {
    match host {
        _ if port == 0 => Next::Lost,
        host => Next::Done(host.map(|host| Target { host, port })),
    }
}

fn address(raw: &[u8]) -> Option<IpAddr> {
    match raw.len() {
        4 => <[u8; 4]>::try_from(raw).ok().map(|b| Ipv4Addr::from(b).into()),
        _ => <[u8; 16]>::try_from(raw).ok().map(|b| Ipv6Addr::from(b).into()),
    }
}

#[cfg(test)]
mod tests;

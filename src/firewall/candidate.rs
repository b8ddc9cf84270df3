//! What the gate is asked about: a host × endpoint of the ledger with the facts that the gate weighs.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::decode::{MacAddr, Tenant};
use crate::evidence::Verdict;
use crate::intel::Country;
use crate::time::PacketTime;

/// Transport protocol of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Proto {
    /// Lower-case name, as every firewall spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a firewall is told to reject: one endpoint, a whole address, or what one host has with an endpoint. Orders
/// numerically, IPv4 first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Target {
    /// Pool side address, never IPv4-mapped.
    pub addr: IpAddr,
    /// Protocol and port; `None` is every protocol and port of the address.
    pub service: Option<(Proto, u16)>,
    /// The only host that is cut off from the endpoint, never IPv4-mapped; `None` is everybody.
    pub from: Option<IpAddr>,
}

impl Target {
    /// The same for everybody.
    #[must_use]
    pub const fn for_everybody(self) -> Self {
        Self { from: None, ..self }
    }

    /// In the only spelling of its addresses.
    #[must_use]
    pub(crate) fn canonical(self) -> Self {
        Self { addr: self.addr.to_canonical(), from: self.from.map(|host| host.to_canonical()), ..self }
    }

    /// Whether it is a pair of a host and an endpoint that packets can have, if it is one: both of one family, a port, and
    /// a host that can send.
    pub fn is_sound(&self) -> bool {
        let can_send = |host: IpAddr| {
            // 0.0.0.0/8 and 240.0.0.0/4 are no addresses of hosts (RFC 6890).
            let none = matches!(host, IpAddr::V4(a) if matches!(a.octets(), [0 | 240.., ..]));
            !(none || host.is_unspecified() || host.is_loopback() || host.is_multicast())
        };
        self.from.is_none_or(|host| {
            let host = host.to_canonical();
            let pool = self.addr.to_canonical();
            self.service.is_some() && host.is_ipv4() == pool.is_ipv4() && host != pool && can_send(host)
        })
    }
}

impl fmt::Display for Target {
    /// `ADDR`, `ADDR:PORT/PROTO`, or `HOST@ADDR:PORT/PROTO` for what one host has with it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = self.from {
            write!(f, "{host}@")?;
        }
        match (self.addr, self.service) {
            (IpAddr::V4(a), Some((proto, port))) => write!(f, "{a}:{port}/{proto}"),
            (IpAddr::V6(a), Some((proto, port))) => write!(f, "[{a}]:{port}/{proto}"),
            (a, None) => write!(f, "{a}"),
        }
    }
}

/// Not an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "write ADDR, ADDR:PORT, ADDR:PORT/udp or HOST@ADDR:PORT, as in 198.51.100.7:3333, [2001:db8::7]:3333 or \
     192.0.2.2@198.51.100.7:3333"
)]
pub struct TargetError;

impl FromStr for Target {
    type Err = TargetError;

    /// `ADDR`, `ADDR:PORT` or `ADDR:PORT/udp`; IPv6 addresses with a port in brackets. `HOST@` before an endpoint is for
    /// that host only.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if let Some((host, endpoint)) = s.split_once('@') {
            let host: IpAddr = host.parse().map_err(|_| TargetError)?;
            let of: Self = endpoint.parse()?;
            let pair = Self { from: Some(host.to_canonical()), ..of };
            return if of.from.is_none() && pair.service.is_some() { Ok(pair) } else { Err(TargetError) };
        }
        if let Ok(addr) = s.parse::<IpAddr>() {
            return Ok(Self { addr: addr.to_canonical(), service: None, from: None });
        }
        let (endpoint, proto) = match s.split_once('/') {
            None => (s, Proto::Tcp),
            Some((endpoint, "tcp")) => (endpoint, Proto::Tcp),
            Some((endpoint, "udp")) => (endpoint, Proto::Udp),
            Some(_) => return Err(TargetError),
        };
        let endpoint: SocketAddr = endpoint.parse().map_err(|_| TargetError)?;
        Ok(Self { addr: endpoint.ip().to_canonical(), service: Some((proto, endpoint.port())), from: None })
    }
}

/// A miner: the host behind an entry or a refusal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Who {
    /// Overlay or VLAN it lives in.
    pub tenant: Tenant,
    /// Its address.
    pub miner: IpAddr,
}

/// A name by which a miner may have reached a pool, and who says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameUse<'a> {
    /// As asked for, or as sent: any text.
    pub name: &'a str,
    /// The resolver that told this miner that the name leads to the endpoint's address.
    pub told_by: Option<IpAddr>,
    /// The client sent it in the conversation: in TLS or HTTP, or to the proxy.
    pub sent: bool,
    /// Every plain HTTP request of the conversation was for it.
    pub host: bool,
    /// A feed lists it as a host that takes miners.
    pub takes_miners: bool,
}

/// One host that talked to one endpoint, and what was proven about the conversation.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts, each with its own refusal
pub struct BlockCandidate<'a> {
    /// Pool side address.
    pub addr: IpAddr,
    /// Pool side protocol.
    pub proto: Proto,
    /// Pool side port.
    pub port: u16,
    /// Overlay or VLAN of the conversation.
    pub tenant: Tenant,
    /// Who mines.
    pub miner: IpAddr,
    /// The miner's hardware address, if it was seen.
    pub miner_mac: Option<MacAddr>,
    /// The client that the miner's PROXY header names: a load balancer's word for whom it speaks.
    pub source: Option<IpAddr>,
    /// The operator allows the conversation, by its wallet or its pool ([`Policy::allows_talk`]).
    ///
    /// [`Policy::allows_talk`]: crate::firewall::Policy::allows_talk
    pub allowed: bool,
    /// How sure we are.
    pub verdict: Verdict,
    /// The handshake was seen with matching numbers: for TCP its SYN, SYN-ACK and ACK. Plain UDP has none, so a UDP
    /// endpoint passes only where the protocol above brings its own proof of return path.
    pub handshake_verified: bool,
    /// The peer acknowledged data of the client.
    pub client_data_acked: bool,
    /// The peer answered with something that its protocol allows at that place.
    pub peer_replied: bool,
    /// Only one direction was captured.
    pub one_way: bool,
    /// It came in a tunnel that one host outside could have written alone.
    pub tunnelled: bool,
    /// The endpoint is a proxy: the conversation with the pool went on inside SOCKS or CONNECT.
    pub proxied: bool,
    /// Name of the shared front (CDN, anycast, proxy service) that the address belongs to, from the shipped ranges.
    pub shared_front: Option<&'a str>,
    /// Others seem to be served from the address, too, by their look-ups, which can be made up: counts where the web is
    /// served, and for whole addresses.
    pub crowd: Option<&'a str>,
    /// Country of the address, where a database says it.
    pub country: Option<Country>,
    /// Network that announces it, where a database says it.
    pub asn: Option<u32>,
    /// Names by which the pool may have been reached.
    pub names: &'a [NameUse<'a>],
    /// Last packet of the conversation; an entry lives from here.
    pub last_seen: PacketTime,
}

//! What passes by of hosts beside mining: nodes of cryptocurrencies, hosts' own names, encrypted resolvers.
//!
//! In: first bytes of streams, datagrams, hellos. Out: sightings of kind `node`, and [`Aside`]s. None of it is mining, none
//! of it is evidence in a flow that mines, and nothing here teaches passive DNS.

use std::net::SocketAddr;

use super::inspection::Tools;
use crate::address::is_inside;
use crate::carrier::dns::local::{self, By};
use crate::carrier::look::Look;
use crate::carrier::node::{self, Opening, Peer, Step};
use crate::decode::{Packet, Transport};
use crate::evidence::Code;
use crate::flow::{BothWays, Direction, FlowInfo};
use crate::health::{Counter, Health};
use crate::intel::resolvers;
use crate::ledger::{Aside, Beside, ContactKind, HostKey, OwnName, Sighting};
use crate::text::printable;

/// Beginnings of pieces looked at in a direction that was picked up in the middle, or whose first message was damaged:
/// a message begins with some segment.
const MOST_LOOKS: u8 = 16;
/// DNS over TLS (RFC 7858 §3.1) and over QUIC (RFC 9250 §4.1.1).
const ENCRYPTED_DNS_PORT: u16 = 853;
/// Bytes shown of what a peer calls itself.
const SHOWN: usize = 64;

/// What is known of the ends of a stream as nodes.
#[derive(Default)]
pub(super) struct Nodes {
    looks: BothWays<u8>,
    /// Where a message began.
    open: Option<Box<BothWays<Opening>>>,
}

impl Nodes {
    /// The next bytes of a direction.
    pub(super) fn data(&mut self, info: &FlowInfo, way: Direction, bytes: &[u8], tools: &mut Tools<'_>) {
        let looks = self.looks.get_mut(way);
        if *looks >= MOST_LOOKS {
            return;
        }
        let collecting = self.open.as_ref().is_some_and(|o| o.get(way).held() > 0);
        if !collecting && node::begins(bytes) == Look::No {
            // From the beginning, a node speaks as one at once.
            *looks = if info.mid_stream { *looks + 1 } else { MOST_LOOKS };
            return;
        }
        match self.open.get_or_insert_default().get_mut(way).push(bytes) {
            Step::More => return,
            Step::No => *looks += 1,
            Step::Peer(peer) => {
                *looks = MOST_LOOKS;
                let opener = info.handshake.client;
                tools.node(way, opener, &peer);
            }
        }
        if let Some(open) = &self.open
            && open.lo_to_hi.held() + open.hi_to_lo.held() == 0
        {
            self.open = None;
        }
    }

    /// Bytes are missing: where the next message begins is not known.
    pub(super) fn gap(&mut self, way: Direction) {
        if let Some(open) = &mut self.open {
            *open.get_mut(way) = Opening::default();
        }
    }

    /// Bytes held of messages.
    pub(super) fn held(&self) -> usize {
        self.open.as_ref().map_or(0, |o| o.lo_to_hi.held() + o.hi_to_lo.held())
    }
}

impl Tools<'_> {
    /// A direction speaks as a node. Of two ends that do, those inside are told of; where none is, who opened the
    /// connection: a node has peers all over the world, and they are nobody's concern.
    pub(super) fn node(&mut self, from: Direction, opener: Option<Direction>, peer: &Peer) {
        let (own, other) = (self.key.source(from), self.key.destination(from));
        let called = opener == Some(from.reverse());
        if !is_inside(own.ip()) && (is_inside(other.ip()) || called) {
            return;
        }
        let text = format!(
            "speaks to {other} as a node or wallet of {} does ({}): no mining",
            peer.network,
            printable(&peer.said, SHOWN)
        );
        self.noticed.push(Sighting {
            at: self.stamp,
            host: HostKey { tenant: self.key.tenant(), ip: own.ip() },
            mac: None,
            endpoint: Some(other),
            name: None,
            pool: peer.network.into(),
            coins: peer.coins.iter().map(|c| (*c).into()).collect(),
            kind: ContactKind::Node,
            code: Code::NodeP2p,
            text,
        });
    }

    /// A client's hello, over TLS or QUIC: it may be to a resolver.
    pub(super) fn hello(&mut self, client: Direction, name: Option<&str>, port: Option<u16>, quic: bool) {
        let server = self.key.destination(client);
        let operator = match name {
            Some(name) => resolvers::by_name(name),
            None => resolvers::by_address(server.ip()),
        };
        let dedicated = port == Some(ENCRYPTED_DNS_PORT);
        if operator.is_none() && !dedicated {
            return;
        }
        let how = match (dedicated, quic) {
            (true, false) => "DNS over TLS",
            (true, true) => "DNS over QUIC",
            (false, _) => "DNS over HTTPS",
        };
        let text = resolver_text(server, name, operator, how);
        self.asides.push(Aside {
            at: self.stamp,
            host: HostKey { tenant: self.key.tenant(), ip: self.key.source(client).ip() },
            what: Beside::EncryptedDns(text.into()),
        });
    }
}

fn resolver_text(server: SocketAddr, name: Option<&str>, operator: Option<&str>, how: &str) -> String {
    let who = match (name, operator) {
        (Some(name), Some(operator)) => format!("{} of {operator}, {server}", printable(name, SHOWN)),
        (Some(name), None) => format!("{}, {server}", printable(name, SHOWN)),
        (None, Some(operator)) => format!("{server} of {operator}"),
        (None, None) => server.to_string(),
    };
    format!("asked an encrypted resolver ({who}) by {how}, so its look-ups cannot be seen")
}

/// Whether a packet is of a name service of the local network, by its ports and what is in it. Puts the sender's own name
/// to `out`, if it says it.
pub(super) fn local_name(packet: &Packet<'_>, out: &mut Vec<Aside>, health: &mut Health) -> bool {
    let Transport::Udp { src_port, dst_port } = packet.transport else { return false };
    let Some(by) = By::of(src_port, dst_port) else { return false };
    let Some(said) = local::read(packet.payload, by, packet.src, src_port) else { return false };
    health.add(Counter::LocalDnsMessages);
    out.extend(said.own_name.map(|name| Aside {
        at: packet.stamp(),
        host: HostKey { tenant: packet.tenant, ip: packet.src },
        what: Beside::Name(OwnName { name, by: said.by.name() }),
    }));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_is_what_no_router_of_the_internet_knows() {
        for ip in ["10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "fd00::1", "fe80::1"] {
            assert!(is_inside(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["192.0.2.1", "100.128.0.1", "172.32.0.1", "2001:db8::1"] {
            assert!(!is_inside(ip.parse().unwrap()), "{ip}");
        }
        assert!(is_inside("::ffff:10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_resolver_is_named_as_far_as_it_is_known() {
        let at = "192.0.2.53:853".parse().unwrap();
        assert_eq!(
            resolver_text(at, Some("dns.google"), Some("Google"), "DNS over TLS"),
            "asked an encrypted resolver (dns.google of Google, 192.0.2.53:853) by DNS over TLS, so its look-ups cannot be \
             seen"
        );
        assert!(resolver_text(at, None, None, "DNS over TLS").contains("(192.0.2.53:853)"));
    }
}

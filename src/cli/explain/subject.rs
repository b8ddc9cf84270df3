//! What an explanation is asked about.
//!
//! In: an argument. Out: [`Subject`], which knows the flows that it takes part in: as miner, as client behind a load
//! balancer, as pool, as a proxy's destination, or as the pool that a rig names.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::carrier::{Host, Target};
use crate::decode::MacAddr;
use crate::firewall::AllowedMiner;
use crate::ledger::{Contact, FlowFinding};

/// A miner or a pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Subject {
    /// By address.
    Ip(IpAddr),
    /// By address and port.
    Endpoint(SocketAddr),
    /// By hardware address.
    Mac(MacAddr),
    /// By name, and by port if one is given.
    Name(String, Option<u16>),
}

/// An argument that is none of these.
#[derive(Debug, thiserror::Error)]
#[error("write an address, address:port, a MAC address, or a name that a proxy was asked for")]
pub(super) struct SubjectError;

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        if let Ok(ip) = text.parse() {
            return Ok(Self::Ip(ip));
        }
        if let Ok(endpoint) = text.parse() {
            return Ok(Self::Endpoint(endpoint));
        }
        if let Ok(AllowedMiner::Mac(mac)) = text.parse() {
            return Ok(Self::Mac(mac));
        }
        let (host, port) = match Target::parse_authority(text) {
            Some(Target { host, port }) => (Some(host), Some(port)),
            None => (Host::parse(text.as_bytes()), None),
        };
        match host {
            Some(Host::Name(name)) => Ok(Self::Name(name, port)),
            _ => Err(SubjectError),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Endpoint(endpoint) => endpoint.fmt(f),
            Self::Mac(mac) => mac.fmt(f),
            Self::Name(name, None) => f.write_str(name),
            Self::Name(name, Some(port)) => write!(f, "{name}:{port}"),
        }
    }
}

impl Subject {
    /// How it is written in packets.
    pub(super) fn spellings(&self) -> Vec<Vec<u8>> {
        let octets = |ip: &IpAddr| match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        match self {
            Self::Ip(ip) => vec![octets(ip)],
            Self::Endpoint(at) => vec![octets(&at.ip())],
            Self::Mac(mac) => vec![mac.0.to_vec()],
            // As text, and as labels of the DNS (RFC 1035 section 3.1).
            Self::Name(name, _) => {
                let bare = name.trim_end_matches('.');
                let labels = bare.split('.').flat_map(|l| [&[l.len() as u8][..], l.as_bytes()].concat());
                vec![bare.as_bytes().to_vec(), labels.collect()]
            }
        }
    }

    /// Whether it takes part in the flow.
    pub(super) fn takes_part_in(&self, flow: &FlowFinding) -> bool {
        let ends = [Some(flow.miner), Some(flow.pool), flow.source()];
        let targets = flow.wraps.iter().filter_map(|w| w.proxy().flatten()).chain(&flow.reported_pool);
        ends.into_iter().flatten().any(|end| self.is_at(end))
            || targets.into_iter().any(|t| self.is_target(t))
            || self.is_named(flow)
            || matches!(self, Self::Mac(mac) if flow.miner_mac == Some(*mac))
    }

    /// Whether it is an end of a contact, or a name in it.
    pub(super) fn takes_part_in_contact(&self, c: &Contact) -> bool {
        let bare = |n: &str| n.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::Ip(ip) => c.host.ip == *ip || c.endpoints.iter().any(|e| e.ip() == *ip),
            Self::Endpoint(endpoint) => c.endpoints.contains(endpoint),
            Self::Mac(mac) => c.mac == Some(*mac),
            Self::Name(name, _) => c.names.iter().any(|n| bare(n) == bare(name)),
        }
    }

    fn is_named(&self, flow: &FlowFinding) -> bool {
        let bare = |n: &str| n.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::Name(name, port) => {
                port.is_none_or(|p| p == flow.pool.port()) && flow.names.iter().any(|n| bare(n) == bare(name))
            }
            _ => false,
        }
    }

    /// Whether this is its address.
    pub(super) fn is_at(&self, end: SocketAddr) -> bool {
        match self {
            Self::Ip(ip) => end.ip() == *ip,
            Self::Endpoint(endpoint) => end == *endpoint,
            Self::Mac(_) | Self::Name(..) => false,
        }
    }

    fn is_target(&self, target: &Target) -> bool {
        match (&target.host, self) {
            (Host::Ip(ip), _) => self.is_at(SocketAddr::new(*ip, target.port)),
            (Host::Name(known), Self::Name(name, port)) => {
                let bare = |n: &str| n.trim_end_matches('.').to_ascii_lowercase();
                bare(known) == bare(name) && port.is_none_or(|p| p == target.port)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_address_endpoint_hardware_address_or_name() {
        for text in ["192.0.2.7", "2001:db8::7", "192.0.2.7:3333", "[2001:db8::7]:3333", "02:00:00:00:00:0a"] {
            assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
        }
        assert_eq!("pool.example".parse::<Subject>().unwrap(), Subject::Name("pool.example".to_owned(), None));
        let named: Subject = "pool.example:3333".parse().unwrap();
        assert_eq!(named, Subject::Name("pool.example".to_owned(), Some(3333)));
        for bad in ["", "some host", "192.0.2.0/24", "http://pool.example/", "pool.example:0"] {
            assert!(bad.parse::<Subject>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_compared_as_the_dns_does() {
        let target = Target::parse_authority("Pool.Example.:3333").unwrap();
        let is = |text: &str| text.parse::<Subject>().unwrap().is_target(&target);
        assert!(is("pool.example") && is("POOL.example.:3333"));
        assert!(!is("pool.example:3334") && !is("xpool.example") && !is("192.0.2.1"));
        let address = Target::parse_authority("192.0.2.9:3333").unwrap();
        assert!("192.0.2.9".parse::<Subject>().unwrap().is_target(&address));
        assert!(!"192.0.2.9:1".parse::<Subject>().unwrap().is_target(&address));
    }
}

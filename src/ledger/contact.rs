//! What hosts have to do with known pools without a mining conversation that could be read: look-ups, visits, downloads.
//!
//! In: [`Sighting`]s. Out: [`Contact`]s, one a host, pool and kind. They are never more than `noted`: whom a host talks
//! to says nothing of what it says.

use std::net::{IpAddr, SocketAddr};

use super::{HostKey, Identity};
use crate::decode::MacAddr;
use crate::evidence::{Code, Evidence, EvidenceLog, Stamp};

/// What a host met.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContactKind {
    /// A host that takes miners.
    Pool,
    /// Mining in web pages.
    WebMiner,
    /// A mining program or its installer.
    Download,
    /// What rigs report to, or are managed by.
    Inventory,
    /// A node of a pool's own network.
    PeerToPeer,
    /// A pool's web site or API: no mining.
    WebSite,
    /// The host speaks to nodes of a cryptocurrency as one of them, or as a wallet: no mining.
    Node,
}

impl ContactKind {
    /// Name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::WebMiner => "web-miner",
            Self::Download => "download",
            Self::Inventory => "inventory",
            Self::PeerToPeer => "peer-to-peer",
            Self::WebSite => "web-site",
            Self::Node => "node",
        }
    }
}

/// One thing that was seen.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// When and where.
    pub at: Stamp,
    /// Who.
    pub host: HostKey,
    /// Its Ethernet address as captured.
    pub mac: Option<MacAddr>,
    /// The other end, unless it was only asked for.
    pub endpoint: Option<SocketAddr>,
    /// The name it went by.
    pub name: Option<Box<str>>,
    /// Whose it is.
    pub pool: Box<str>,
    /// What is mined there.
    pub coins: Vec<Box<str>>,
    /// What it is.
    pub kind: ContactKind,
    /// What kind of evidence.
    pub code: Code,
    /// A sentence a person can check.
    pub text: String,
}

/// A host and a pool.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Who.
    pub host: HostKey,
    /// Its Ethernet address, while all sightings agree on one.
    pub mac: Option<MacAddr>,
    /// The machine that had the host's address at first.
    pub identity: Option<Identity>,
    /// The pool.
    pub pool: Box<str>,
    /// What it is.
    pub kind: ContactKind,
    /// What is mined there.
    pub coins: Vec<Box<str>>,
    /// Names that were used, in order of appearance, at most 16.
    pub names: Vec<Box<str>>,
    /// Other ends, likewise.
    pub endpoints: Vec<SocketAddr>,
    /// First sighting.
    pub first: Stamp,
    /// Last sighting.
    pub last: Stamp,
    evidence: EvidenceLog,
}

/// Names, endpoints and coins kept of a contact.
const MAX_OF_EACH: usize = 16;

impl Contact {
    pub(super) fn new(s: Sighting) -> Self {
        let mut contact = Self {
            host: s.host,
            mac: s.mac,
            identity: None,
            pool: s.pool.clone(),
            kind: s.kind,
            coins: Vec::new(),
            names: Vec::new(),
            endpoints: Vec::new(),
            first: s.at,
            last: s.at,
            evidence: EvidenceLog::default(),
        };
        contact.add(s);
        contact
    }

    pub(super) fn add(&mut self, s: Sighting) {
        if self.mac != s.mac {
            self.mac = None;
        }
        self.first = self.first.min(s.at);
        self.last = self.last.max(s.at);
        keep(&mut self.names, s.name);
        keep(&mut self.endpoints, s.endpoint);
        s.coins.into_iter().for_each(|c| keep(&mut self.coins, Some(c)));
        self.evidence.note(s.code, s.at, || s.text);
    }

    /// Forgets what a look-up said: the host asks for others. Whether anything is left.
    pub(super) fn without_lookups(&mut self) -> bool {
        self.evidence.withdraw(Code::NameInDns);
        !self.evidence.is_empty()
    }

    /// The evidence in time order.
    pub fn evidence(&self) -> Vec<Evidence> {
        let mut log = self.evidence.clone();
        log.sort();
        log.to_vec()
    }

    /// Address of the host.
    pub const fn ip(&self) -> IpAddr {
        self.host.ip
    }
}

fn keep<T: PartialEq>(list: &mut Vec<T>, value: Option<T>) {
    if let Some(value) = value
        && list.len() < MAX_OF_EACH
        && !list.contains(&value)
    {
        list.push(value);
    }
}

//! Why a frame gave no packet, counted without a map lookup or an allocation per frame.
//!
//! In: a [`Skip`] per frame that gave none, the link type of each frame. Out: a [`Health`].

use std::fmt;

use super::names;
use super::transport::Sums;
use crate::capture::LinkType;
use crate::health::{Counter, Health};

/// Why the walk ended without a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Skip {
    LinkType(u16),
    Ethertype(u16),
    /// IEEE 802.2 destination SAP.
    LlcSap(u8),
    PppProtocol(u16),
    /// Address family of a null/loopback frame.
    Family(u32),
    IpProtocol(u8),
    /// No IP in it, or none that can be read.
    NoIp(&'static str),
    /// A header that the capture, or the sender, cut short.
    Cut(&'static str),
    /// A header that contradicts itself.
    Bad(&'static str),
    Icmp,
    TooDeep,
}

impl Skip {
    fn counter(self) -> Counter {
        match self {
            Self::LinkType(_) => Counter::LinkTypeUnknown,
            Self::Ethertype(_) | Self::LlcSap(_) | Self::PppProtocol(_) | Self::Family(_) | Self::NoIp(_) => {
                Counter::NotIp
            }
            Self::IpProtocol(_) => Counter::OtherPackets,
            Self::Cut(_) | Self::Bad(_) => Counter::Malformed,
            Self::Icmp => Counter::IcmpPackets,
            Self::TooDeep => Counter::TunnelTooDeep,
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::LinkType(n) => {
                write!(f, "link type {n}")?;
                LinkType(n).known_name()
            }
            Self::Ethertype(n) => {
                write!(f, "ethertype {n:#06x}")?;
                names::ethertype(n)
            }
            Self::LlcSap(n) => {
                write!(f, "LLC SAP {n:#04x}")?;
                names::llc_sap(n)
            }
            Self::PppProtocol(n) => {
                write!(f, "PPP protocol {n:#06x}")?;
                names::ppp_protocol(n)
            }
            Self::IpProtocol(n) => {
                write!(f, "ip protocol {n}")?;
                names::ip_protocol(n)
            }
            Self::Family(n) => return write!(f, "address family {n}"),
            Self::NoIp(what) => return f.write_str(what),
            Self::Cut(what) => return write!(f, "cut short: {what}"),
            Self::Bad(what) => return write!(f, "malformed: {what}"),
            Self::Icmp => return f.write_str("ICMP"),
            Self::TooDeep => return f.write_str("tunnels or tags nested too deep"),
        };
        name.map_or(Ok(()), |n| write!(f, " {n}"))
    }
}

/// Counts by key for the few keys that are common at a time; a full set is handed on and started again.
#[derive(Debug)]
struct Recent<K> {
    slots: [Option<(K, u64)>; 8],
}

impl<K: Copy + PartialEq> Recent<K> {
    fn add(&mut self, key: K, mut spill: impl FnMut(K, u64)) {
        for slot in &mut self.slots {
            match slot {
                Some((k, n)) if *k == key => return *n += 1,
                Some(_) => {}
                None => return *slot = Some((key, 1)),
            }
        }
        self.drain(&mut spill);
        self.slots = [None; 8];
        if let Some(first) = self.slots.first_mut() {
            *first = Some((key, 1));
        }
    }

    fn drain(&self, mut spill: impl FnMut(K, u64)) {
        for (key, n) in self.slots.iter().flatten() {
            spill(*key, *n);
        }
    }
}

/// A decoder's counters.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) health: Health,
    pub(super) sums: Sums,
    skips: Recent<Skip>,
    links: Recent<u16>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            health: Health::default(),
            sums: Sums::default(),
            skips: Recent { slots: [None; 8] },
            links: Recent { slots: [None; 8] },
        }
    }
}

impl Tally {
    pub(super) fn frame(&mut self, link: u16, captured: usize, wire: u32) {
        self.health.add(Counter::Frames);
        self.health.add_n(Counter::Bytes, captured as u64);
        if (wire as usize) > captured {
            self.health.add(Counter::FramesTruncated);
            self.health.snaplen = self.health.snaplen.max(captured as u32);
        }
        let health = &mut self.health;
        self.links.add(link, |k, n| add_link(health, k, n));
    }

    /// A frame gave no packet.
    pub(super) fn skip(&mut self, why: Skip) {
        self.health.add(why.counter());
        self.remark(why);
    }

    /// Names something that was left out of a frame which is counted elsewhere.
    pub(super) fn remark(&mut self, why: Skip) {
        if why != Skip::Icmp {
            let health = &mut self.health;
            self.skips.add(why, |k, n| add_skip(health, k, n));
        }
    }

    /// All counters so far.
    pub(super) fn snapshot(&self) -> Health {
        let mut health = self.health.clone();
        self.links.drain(|k, n| add_link(&mut health, k, n));
        self.skips.drain(|k, n| add_skip(&mut health, k, n));
        health
    }
}

fn add_link(health: &mut Health, link: u16, n: u64) {
    match LinkType(link).known_name() {
        Some(name) => health.link_type(name, n),
        None => health.link_type(&Skip::LinkType(link).to_string(), n),
    }
}

fn add_skip(health: &mut Health, why: Skip, n: u64) {
    // `Health::skip` counts one; the count of a busy reason goes in through a merge.
    let mut part = Health::default();
    part.skipped.insert(why.to_string(), n);
    health.merge(&part);
}

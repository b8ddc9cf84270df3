//! How findings leave: one file an output.
//!
//! In: the [`Report`]. Out: text for people, JSON lines for machines. Everything a peer chose is escaped for where it
//! goes; nothing here decides anything.

pub mod contacts;
pub mod json;
pub mod table;
mod words;

use crate::capture::FrameRef;
use crate::firewall::Decision;
use crate::health::{Counter, Health};
use crate::ledger::{Contact, HostFinding};
use crate::text::counted;

/// All that a run found.
pub struct Report {
    /// Hosts by tenant and address.
    pub hosts: Vec<HostFinding>,
    /// What hosts have to do with known pools without a mining conversation, by host and pool.
    pub contacts: Vec<Contact>,
    /// Pools and relays inside the network.
    pub relays: Vec<Relay>,
    /// What the gate let through and what it refused, when a block list was asked for.
    pub blocks: Option<Decision>,
    /// Counters.
    pub health: Health,
    /// Names of the inputs, by source id.
    pub sources: Vec<String>,
    /// Damaged inputs, as sentences.
    pub problems: Vec<String>,
    /// Remarks on inputs that are no errors.
    pub notes: Vec<String>,
    /// Findings that did not fit the ledger.
    pub dropped: u64,
}

/// A host inside the network that hands out work.
pub struct Relay {
    /// Its end.
    pub pool: std::net::SocketAddr,
    /// Overlay or VLAN.
    pub tenant: crate::decode::Tenant,
    /// How many hosts mine there.
    pub miners: usize,
    /// How many of them are outside.
    pub outside: usize,
    /// Whether it mines elsewhere itself.
    pub mines: bool,
    /// It is a proxy: the pool is behind it.
    pub proxy: bool,
}

impl Report {
    /// The input a frame came from, when there is more than one.
    pub fn source_of(&self, frame: FrameRef) -> Option<&str> {
        (self.sources.len() > 1).then(|| self.sources.get(frame.source.0 as usize).map(String::as_str)).flatten()
    }
}

/// Frames that never carry a connection: address resolution, spanning tree, link discovery, routing. By their reasons.
const CONTROL: [&str; 9] = [
    "ethertype 0x0806",
    "ethertype 0x8035",
    "ethertype 0x88cc",
    "ethertype 0x8809",
    "LLC SAP 0x42",
    "ip protocol 2 ",
    "ip protocol 89",
    "ip protocol 103",
    "ip protocol 112",
];

/// What is said when much of the capture could not be read.
fn unread(h: &crate::health::Health) -> Option<String> {
    let strange = h.skipped.iter().filter(|(why, _)| !CONTROL.iter().any(|known| why.starts_with(known)));
    let of_link_type = h.get(Counter::LinkTypeUnknown);
    let all = strange.clone().map(|(_, n)| n).sum::<u64>().saturating_sub(of_link_type);
    let share = all.saturating_mul(100).checked_div(h.get(Counter::Frames))?;
    let (why, _) = strange.max_by_key(|(_, n)| **n)?;
    (share >= 20).then(|| {
        format!(
            "{share}% of the frames hold nothing that can be read (most of all: {why}): who mines in them was not seen. Look \
             at how they were captured"
        )
    })
}

/// What the counters say is wrong with the capture, as sentences; each kind once, and only past a threshold.
pub fn warnings(r: &Report) -> Vec<String> {
    let h = &r.health;
    let mut out = Vec::new();
    if r.dropped > 0 {
        out.push(format!(
            "{} in this report: the network is overrun, or somebody forges miners",
            counted(r.dropped, "finding did not fit and is not", "findings did not fit and are not")
        ));
    }
    let percent = |part: u64, whole: u64| part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    let frames = h.get(Counter::Frames);
    let flows = h.get(Counter::Flows);
    let one_way = percent(h.get(Counter::OneWayFlows), flows);
    if one_way >= 25 {
        out.push(format!(
            "one-way {one_way}%: of most flows only one direction was captured. Mirror both directions of the port: \
             what is seen one-way is never blocked"
        ));
    }
    let truncated = h.get(Counter::FramesTruncated);
    if truncated > 0 {
        let share = percent(truncated, frames).max(1);
        out.push(format!(
            "{share}% of the frames are truncated (snaplen {}): payload is missing. Capture with snaplen 0",
            h.snaplen
        ));
    }
    let skipped = h.get(Counter::LinkTypeUnknown);
    if skipped > 0 {
        out.push(format!(
            "{} a link type that is not decoded: see \"skipped\"",
            counted(skipped, "frame has", "frames have")
        ));
    }
    out.extend(unread(h));
    if h.get(Counter::TunnelTooDeep) > 0 {
        let n = h.get(Counter::TunnelTooDeep);
        let what = counted(n, "frame nests", "frames nest");
        out.push(format!("{what} tunnels or tags too deeply to open: what is inside was not seen"));
    }
    let unheard = h.get(Counter::RhythmsRefused);
    if unheard > 0 {
        out.push(format!(
            "{} there was no room to listen to a connection that cannot be read: miners that encrypt may be missed. Too \
             many last for long, or somebody keeps many open",
            counted(unheard, "time", "times")
        ));
    }
    let fragments = h.get(Counter::FragmentsDropped);
    if fragments > 0 {
        out.push(format!(
            "{} could not be put together: evasion is possible there",
            counted(fragments, "IP fragment", "IP fragments")
        ));
    }
    let bad = percent(h.get(Counter::BadChecksum), h.get(Counter::TcpPackets) + h.get(Counter::UdpPackets));
    if bad >= 10 {
        out.push(format!("{bad}% of the checksums are wrong: usual when captured on a host that offloads them"));
    }
    for (c, [one, many], what) in [
        (Counter::FlowsEvicted, ["flow was", "flows were"], "evicted because the flow table was full"),
        (Counter::WorkerPanics, ["packet", "packets"], "made a worker fail: please report it with the capture"),
        (Counter::KernelDrops, ["frame was", "frames were"], "dropped by the kernel: minewatch did not see it all"),
        (
            Counter::InterfaceDrops,
            ["frame was", "frames were"],
            "dropped by the interface: minewatch did not see it all",
        ),
        (Counter::EventsDropped, ["finding was", "findings were"], "dropped because the queue was full"),
    ] {
        if h.get(c) > 0 {
            out.push(format!("{} {what}", counted(h.get(c), one, many)));
        }
    }
    out
}

//! Counters of everything that was seen, skipped, cut or evicted: the answer to "did it look at my traffic at all?".
//!
//! In: increments from every room left of the ledger, each worker with its own set. Out: one merged [`Health`] for
//! the report. A parse failure on network bytes is a counter here, never an error.

mod gauges;
mod watchdog;

use std::collections::BTreeMap;

pub use gauges::{Gauge, Gauges};
pub use watchdog::{Look, Port, State, Trouble, Watchdog};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// What is counted. The text of each is its name in the JSON `health` object.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
        pub enum Counter { $($(#[doc = $doc])+ $name,)+ }

        impl Counter {
            /// Every counter, in report order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Stable name in outputs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What is counted, as a sentence.
            pub fn help(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

counters! {
    /// Frames read from captures or interfaces.
    Frames = "frames",
    /// Captured bytes of those frames.
    Bytes = "bytes",
    /// Frames whose captured length was below their length on the wire.
    FramesTruncated = "frames_truncated",
    /// Frames of a link type that is not decoded (named in `skipped`).
    LinkTypeUnknown = "link_type_unknown",
    /// Frames that carry no IP (named in `skipped`).
    NotIp = "not_ip",
    /// Headers cut short or contradicting themselves.
    Malformed = "malformed",
    /// Tunnels or VLAN tags nested deeper than the bound; the rest was not opened.
    TunnelTooDeep = "tunnel_too_deep",
    /// Tunnel headers peeled off.
    TunnelsPeeled = "tunnels_peeled",
    /// IP fragments seen.
    Fragments = "fragments",
    /// Datagrams put together from fragments.
    FragmentsReassembled = "fragments_reassembled",
    /// Fragments given up: timed out, evicted, overlapping or over the cap. Evasion is possible.
    FragmentsDropped = "fragments_dropped",
    /// TCP or UDP checksums that did not match (usual with offload; the packet was used all the same).
    BadChecksum = "bad_checksum",
    /// IPv4 total length 0 (TSO): the captured length was used.
    LengthZero = "length_zero",
    /// Transport packets by kind.
    TcpPackets = "tcp_packets",
    /// UDP datagrams.
    UdpPackets = "udp_packets",
    /// ICMP and ICMPv6 messages (packets quoted inside are never a flow).
    IcmpPackets = "icmp_packets",
    /// Other IP protocols.
    OtherPackets = "other_packets",
    /// Flows that got state.
    Flows = "flows",
    /// TCP flows of which only one direction was ever seen, among those with payload.
    OneWayFlows = "one_way_flows",
    /// Flows whose start was not captured.
    MidStreamFlows = "mid_stream_flows",
    /// Flows let go that were looked at again because they talked differently later.
    SecondLooks = "second_looks",
    /// Flows evicted because a table was full.
    FlowsEvicted = "flows_evicted",
    /// Half-open entries overwritten because the table was full: handshake proof was lost.
    HalfOpenEvicted = "half_open_evicted",
    /// Packets seen twice (ingress and egress mirror).
    Duplicates = "duplicate_packets",
    /// Holes in a stream that were never filled.
    ReassemblyGaps = "reassembly_gaps",
    /// Bytes missing in those holes.
    ReassemblyGapBytes = "reassembly_gap_bytes",
    /// Retransmissions whose bytes differ from what was seen first.
    OverlapConflicts = "overlap_conflicts",
    /// Segments dropped because a reassembly cap was reached.
    ReassemblyCapped = "reassembly_capped",
    /// TCP segments far outside the window of their stream: ignored, so that a forged one cannot derail it.
    WildSegments = "wild_segments",
    /// Lines longer than the dialect limit; skipped to the next line.
    LinesTooLong = "lines_too_long",
    /// Lines that start like JSON and are not.
    JsonInvalid = "json_invalid",
    /// Mining messages understood.
    MiningMessages = "mining_messages",
    /// DNS messages read.
    DnsMessages = "dns_messages",
    /// DNS answers to questions that were not seen: they teach nothing.
    DnsUnasked = "dns_unasked",
    /// DNS questions forgotten before their answer, because too many waited.
    DnsForgotten = "dns_forgotten",
    /// DHCP requests and acknowledgements read.
    DhcpMessages = "dhcp_messages",
    /// Messages of multicast DNS and LLMNR: never taken for look-ups.
    LocalDnsMessages = "local_dns_messages",
    /// Hosts whose own name, or use of an encrypted resolver, was forgotten because too many are known.
    AsidesForgotten = "asides_forgotten",
    /// Beginnings of QUIC that were passed over, because too many came in one second.
    QuicPassed = "quic_passed",
    /// Names and addresses met that a feed lists as retired: they do not mine any more, and are nothing but counted.
    RetiredMatches = "retired_matches",
    /// Feeds that are older than they vouch for; feeds and databases whose newer version was refused.
    StaleFeeds = "stale_feeds",
    /// Flows listened to, because they last, are slow, and cannot be read.
    Rhythms = "rhythms",
    /// The same that found the table full: another one was given up for it, or it was passed over.
    RhythmsRefused = "rhythms_refused",
    /// Messages of such flows that came in bursts and were not heard.
    RhythmBursts = "rhythm_bursts",
    /// Flows, messages and addresses that detectors of several flows forgot or passed over for want of room.
    BeatsForgotten = "beats_forgotten",
    /// Messages that came too late to be compared with other flows'.
    BeatsLate = "beats_late",
    /// Panics caught in a worker; each cost one flow.
    WorkerPanics = "worker_panics",
    /// Findings dropped because a live queue was full.
    EventsDropped = "events_dropped",
    /// Frames dropped by the kernel (live capture).
    KernelDrops = "kernel_drops",
    /// Frames dropped by the interface (live capture).
    InterfaceDrops = "interface_drops",
}

/// A worker's counters, and the merged ones at the end.
#[derive(Clone, Debug)]
pub struct Health {
    counts: [u64; Counter::ALL.len()],
    /// Longest captured length among truncated frames: the capture's snaplen.
    pub snaplen: u32,
    /// Frames by link type name.
    pub link_types: BTreeMap<String, u64>,
    /// Frames not decoded to TCP or UDP, by reason. Bounded to [`Health::MAX_REASONS`] reasons.
    pub skipped: BTreeMap<String, u64>,
}

impl Default for Health {
    fn default() -> Self {
        Self { counts: [0; Counter::ALL.len()], snaplen: 0, link_types: BTreeMap::new(), skipped: BTreeMap::new() }
    }
}

impl Health {
    /// More distinct skip reasons than this are counted together as `other`.
    pub const MAX_REASONS: usize = 64;

    /// One more.
    pub fn add(&mut self, c: Counter) {
        self.add_n(c, 1);
    }

    /// `n` more.
    pub fn add_n(&mut self, c: Counter, n: u64) {
        if let Some(slot) = self.counts.get_mut(c as usize) {
            *slot = slot.saturating_add(n);
        }
    }

    /// Current value.
    pub fn get(&self, c: Counter) -> u64 {
        self.counts.get(c as usize).copied().unwrap_or(0)
    }

    /// Current value, which begins at 0 again.
    pub(crate) fn take(&mut self, c: Counter) -> u64 {
        self.counts.get_mut(c as usize).map(std::mem::take).unwrap_or_default()
    }

    /// Counts a frame that was not decoded, by a reason a person can act on.
    pub fn skip(&mut self, reason: &str) {
        Self::tally(&mut self.skipped, reason, 1);
    }

    /// Counts frames of a link type.
    pub fn link_type(&mut self, name: &str, n: u64) {
        Self::tally(&mut self.link_types, name, n);
    }

    /// Adds another worker's counters.
    pub fn merge(&mut self, other: &Self) {
        for &c in Counter::ALL {
            self.add_n(c, other.get(c));
        }
        self.snaplen = self.snaplen.max(other.snaplen);
        for (k, v) in &other.link_types {
            Self::tally(&mut self.link_types, k, *v);
        }
        for (k, v) in &other.skipped {
            Self::tally(&mut self.skipped, k, *v);
        }
    }

    fn tally(map: &mut BTreeMap<String, u64>, key: &str, n: u64) {
        if let Some(v) = map.get_mut(key) {
            *v += n;
        } else if map.len() < Self::MAX_REASONS {
            map.insert(key.to_owned(), n);
        } else {
            *map.entry("other".to_owned()).or_default() += n;
        }
    }
}

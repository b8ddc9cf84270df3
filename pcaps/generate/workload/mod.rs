//! Traffic for measuring: captures of any size, the same for the same seed.
//!
//! In: a [`Kind`], a [`Size`] and a seed. Out: a capture file, written as it is made (only the conversations under way
//! are in memory), and a [`Tally`] of what is in it. Lengths and checksums are right, time never goes back.
//!
//! Clients live in `10.0.0.0/8` and `2001:db8::/32`, servers in 198.18.0.0/15 (RFC 2544), pools in the documentation
//! ranges of RFC 5737.
//!
//! ```text
//! Kind -> Traffic (who begins to talk when) -> Flow (the next packet of each) -> Carriage -> Sink (pcap, pcapng, gzip)
//! ```

// None of its input comes from a network, and not every user writes every kind.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, unreachable_pub)]

mod flow;
mod hostile;
mod mix;
mod output;
mod places;
mod sessions;
mod stuff;
mod tiny;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::Path;

use crate::kit::capture::WEEK;
use crate::kit::carriage::Carriage;
use crate::kit::rng::Rng;
use flow::Flow;
use output::{Form, Sink};
use stuff::Stuff;

/// What kind of traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An office: TLS, QUIC, HTTP, DNS, bulk, and a few miners.
    Mix,
    /// Thousands of mining sessions at once, in many dialects.
    Stratum,
    /// JSON-RPC and JSON lines that are no mining, on ports that pools like.
    Json,
    /// Flows of a few small packets each: scans, refusals, one-shot requests, DNS, datagrams.
    Tiny,
    /// The mix inside VXLAN.
    Vxlan,
    /// The mix as pcapng.
    PcapNg,
    /// The mix in gzip.
    Gz,
    /// The mix with most of its connections over QUIC.
    Quic,
    /// SYNs from everywhere, and a few mining sessions among them.
    SynFlood,
    /// Connections that never send the first byte they owe, and everything after it backwards.
    OutOfOrder,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Mix,
        Self::Stratum,
        Self::Json,
        Self::Tiny,
        Self::Vxlan,
        Self::PcapNg,
        Self::Gz,
        Self::Quic,
        Self::SynFlood,
        Self::OutOfOrder,
    ];

    /// As on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::Stratum => "stratum",
            Self::Json => "json",
            Self::Tiny => "tiny",
            Self::Vxlan => "vxlan",
            Self::PcapNg => "pcapng",
            Self::Gz => "gz",
            Self::Quic => "quic",
            Self::SynFlood => "syn-flood",
            Self::OutOfOrder => "out-of-order",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }

    /// File name suffix.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::PcapNg => "pcapng",
            Self::Gz => "pcap.gz",
            _ => "pcap",
        }
    }

    /// The size that is usual: 300 MB, or a million flows.
    pub fn size(self) -> Size {
        let bytes = Size { bytes: 300_000_000, ..Size::UNBOUNDED };
        match self {
            // 10,000 sessions, and a look-up for every eighth.
            Self::Stratum => Size { flows: 11_250, ..bytes },
            Self::Tiny => Size { flows: 1_000_000, ..Size::UNBOUNDED },
            Self::SynFlood => Size::packets(1_000_000),
            _ => bytes,
        }
    }

    const fn form(self) -> Form {
        match self {
            Self::PcapNg => Form::PcapNg,
            Self::Gz => Form::Gzip,
            _ => Form::Pcap,
        }
    }

    const fn carriage(self) -> Carriage {
        if matches!(self, Self::Vxlan) { Carriage::Vxlan(77) } else { Carriage::Plain }
    }

    fn traffic(self, seed: u64) -> Box<dyn Traffic> {
        match self {
            Self::Mix | Self::Vxlan | Self::PcapNg | Self::Gz => Box::new(mix::Office::new(seed, mix::USUAL)),
            Self::Quic => Box::new(mix::Office::new(seed, mix::QUIC)),
            Self::Stratum => Box::new(sessions::Miners::new(seed)),
            Self::Json => Box::new(sessions::Rpc::new(seed)),
            Self::Tiny => Box::new(tiny::Crowd),
            Self::SynFlood => Box::new(hostile::Flood::new(seed)),
            Self::OutOfOrder => Box::new(hostile::Holes::new(seed)),
        }
    }
}

/// Where a workload ends: at whichever comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Bytes of the file, before compression.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Conversations begun; those under way are played to their end.
    pub flows: u64,
}

impl Size {
    /// Without end.
    pub const UNBOUNDED: Self = Self { bytes: u64::MAX, packets: u64::MAX, flows: u64::MAX };

    /// So many packets.
    pub const fn packets(packets: u64) -> Self {
        Self { packets, ..Self::UNBOUNDED }
    }

    /// Of all that is bounded, so many thousandths.
    #[must_use]
    pub const fn scaled(self, thousandths: u64) -> Self {
        const fn part(n: u64, of: u64) -> u64 {
            if n == u64::MAX { n } else { n * of / 1000 }
        }
        let Self { bytes, packets, flows } = self;
        Self { bytes: part(bytes, thousandths), packets: part(packets, thousandths), flows: part(flows, thousandths) }
    }
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Packets.
    pub packets: u64,
    /// Bytes of the file, before compression.
    pub bytes: u64,
    /// Conversations begun.
    pub flows: u64,
    /// Most conversations under way at once.
    pub live: u64,
}

/// Who begins to talk, and when.
trait Traffic {
    /// What begins now; how long until more does.
    fn arrive(&mut self, rng: &mut Rng, stuff: &Stuff) -> Arrival;
}

/// Conversations that belong together.
struct Arrival {
    /// Each begins so many nanoseconds from now.
    flows: Vec<(u64, Flow)>,
    /// Nanoseconds until the next ones.
    pause: u64,
}

impl Arrival {
    fn one(flow: Flow, pause: u64) -> Self {
        Self { flows: vec![(0, flow)], pause }
    }
}

/// Conversations under way, by when their next packet is due. Equal times keep the order in which they were put in.
#[derive(Default)]
struct Agenda {
    due: BinaryHeap<Reverse<(u64, u64, usize)>>,
    flows: Vec<Option<Flow>>,
    free: Vec<usize>,
    order: u64,
    live: u64,
}

impl Agenda {
    fn next_at(&self) -> Option<u64> {
        self.due.peek().map(|Reverse((at, ..))| *at)
    }

    fn put_off(&mut self, at: u64, place: usize) {
        self.order += 1;
        self.due.push(Reverse((at, self.order, place)));
    }

    fn begin(&mut self, at: u64, flow: Flow) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.flows.push(None);
            self.flows.len() - 1
        });
        self.flows[place] = Some(flow);
        self.live += 1;
        self.put_off(at, place);
    }

    fn end(&mut self, place: usize) {
        self.flows[place] = None;
        self.free.push(place);
        self.live -= 1;
    }
}

/// The bytes of a small workload.
pub fn bytes(kind: Kind, size: Size, seed: u64) -> (Vec<u8>, Tally) {
    let mut bytes = Vec::new();
    let mut sink = Sink::new(&mut bytes, kind.form()).unwrap();
    let tally = make(kind, size, seed, &mut sink).unwrap();
    sink.finish().unwrap();
    (bytes, tally)
}

/// Writes a workload to `path`.
pub fn write(kind: Kind, path: &Path, size: Size, seed: u64) -> io::Result<Tally> {
    let file = std::fs::File::create(path)?;
    let mut sink = Sink::new(file, kind.form())?;
    let tally = make(kind, size, seed, &mut sink)?;
    sink.finish()?;
    Ok(tally)
}

fn make<W: io::Write>(kind: Kind, size: Size, seed: u64, sink: &mut Sink<W>) -> io::Result<Tally> {
    let mut rng = Rng::new(seed ^ 0x6d69_6e65);
    let stuff = Stuff::new(&mut rng.fork());
    let mut traffic = kind.traffic(seed);
    let carriage = kind.carriage();
    let tunnel = [places::TUNNEL.0, places::TUNNEL.1];
    let (mut agenda, mut tally) = (Agenda::default(), Tally::default());
    let mut arrival = Some(WEEK);
    loop {
        if let Some(now) = arrival.filter(|at| agenda.next_at().is_none_or(|due| due >= *at)) {
            let more = traffic.arrive(&mut rng, &stuff);
            for (after, flow) in more.flows {
                tally.flows += 1;
                agenda.begin(now + after, flow);
            }
            tally.live = tally.live.max(agenda.live);
            arrival = (tally.flows < size.flows).then_some(now + more.pause);
            continue;
        }
        let Some(Reverse((at, _, place))) = agenda.due.pop() else { break };
        let flow = agenda.flows[place].as_mut().unwrap();
        let (packet, next) = flow.step(&stuff);
        let (from, host) = (packet.side, flow.client.ip());
        let frame = carriage.frame(&packet.bytes, from, host, tunnel, tally.packets as u32);
        sink.frame(at, &frame)?;
        tally.packets += 1;
        tally.bytes = sink.bytes();
        match next {
            Some(wait) => agenda.put_off(at + wait, place),
            None => agenda.end(place),
        }
        if tally.packets >= size.packets || tally.bytes >= size.bytes {
            break;
        }
    }
    Ok(tally)
}

/// `KIND FILE [--bytes N] [--packets N] [--flows N] [--seed N]`: writes it and says what it is.
pub fn command(arguments: &[String]) -> Result<(), String> {
    let mut words = Vec::new();
    let (mut bounds, mut seed) = ([None; 3], 1);
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let mut value = || {
            let text = rest.next().ok_or(format!("{word} needs a number"))?;
            text.replace('_', "").parse::<u64>().map_err(|_| format!("{word} needs a number, not {text}"))
        };
        match word.as_str() {
            "--bytes" => bounds[0] = Some(value()?),
            "--packets" => bounds[1] = Some(value()?),
            "--flows" => bounds[2] = Some(value()?),
            "--seed" => seed = value()?,
            _ => words.push(word),
        }
    }
    let [kind, path] = words[..] else {
        return Err(format!("say a kind ({}) and a file", Kind::ALL.map(Kind::name).join(", ")));
    };
    let kind = Kind::named(kind).ok_or(format!("{kind} is not one of {}", Kind::ALL.map(Kind::name).join(", ")))?;
    // Whoever says one bound means that one alone.
    let size = match bounds {
        [None, None, None] => kind.size(),
        [bytes, packets, flows] => Size {
            bytes: bytes.unwrap_or(u64::MAX),
            packets: packets.unwrap_or(u64::MAX),
            flows: flows.unwrap_or(u64::MAX),
        },
    };
    let tally = write(kind, Path::new(path), size, seed).map_err(|e| format!("{path}: {e}"))?;
    println!("packets {} bytes {} flows {} live {}", tally.packets, tally.bytes, tally.flows, tally.live);
    Ok(())
}

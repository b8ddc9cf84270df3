//! Every flow of a capture with what the readers say of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use minewatch::capture::{Inputs, Options, Step as Next};
use minewatch::carrier::quic::{QuicReader, looks_initial};
use minewatch::carrier::tls::{ClientHello, ServerSide, Step, TlsReader};
use minewatch::decode::{DecodeOptions, Decoder, Transport};
use minewatch::flow::{Direction, FlowHasher, FlowTable, Item, Limits};
use minewatch::health::Health;

/// Bytes of a direction kept for the other parsers.
const MAX_KEPT: usize = 80_000;

/// What one end of a flow sent.
#[derive(Default)]
pub(crate) struct Side {
    tls: Option<TlsReader>,
    quic: Option<QuicReader>,
    /// The beginning of the stream up to its first hole.
    pub(crate) bytes: Vec<u8>,
    hole: bool,
    pub(crate) client: Option<ClientHello>,
    pub(crate) server: Option<ServerSide>,
    pub(crate) not_tls: bool,
    pub(crate) malformed: bool,
    /// Datagrams that look like Initial packets, and those that no key fitted.
    pub(crate) initials: u32,
    pub(crate) refused: u32,
}

impl Side {
    fn data(&mut self, data: &[u8]) {
        if !self.hole && self.bytes.len() < MAX_KEPT {
            self.bytes.extend_from_slice(data);
        }
        let step = self.tls.get_or_insert_default().push(data);
        self.step(step);
    }

    fn gap(&mut self) {
        self.hole = true;
        let step = self.tls.get_or_insert_default().gap();
        self.step(step);
    }

    fn end(&mut self) {
        if let Some(reader) = &mut self.tls {
            let step = reader.end();
            self.malformed |= reader.malformed();
            self.step(step);
        }
        if let Some(reader) = &self.quic {
            self.malformed |= reader.malformed();
            self.refused = reader.refused();
        }
    }

    fn datagram(&mut self, data: &[u8]) {
        let initial = looks_initial(data);
        self.initials += u32::from(initial);
        // As a worker would: a reader begins with what looks like one.
        if initial || self.quic.is_some() {
            let step = self.quic.get_or_insert_default().datagram(data);
            self.step(step);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Client(hello) => self.client = Some(*hello),
            Step::Server(side) => self.server = Some(*side),
            Step::NotTls => self.not_tls = true,
            Step::More | Step::Enough => {}
        }
    }
}

/// Who sent it to whom. Several connections may have the same ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Way {
    pub(crate) udp: bool,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
}

/// A capture, read.
#[derive(Default)]
pub(crate) struct Capture {
    pub(crate) file: PathBuf,
    /// In the order in which the flows began.
    pub(crate) sides: BTreeMap<Way, Vec<Side>>,
}

#[derive(Default)]
struct Flow([Side; 2]);

impl Flow {
    fn side(&mut self, way: Direction) -> &mut Side {
        let [a, b] = &mut self.0;
        if way == Direction::LoToHi { a } else { b }
    }

    fn item(&mut self, way: Direction, item: Item<'_>) {
        match item {
            Item::Data(data) => self.side(way).data(data),
            Item::Gap(_) => self.side(way).gap(),
            Item::End => {}
        }
    }
}

/// Reads a capture as the program does.
pub(crate) fn read(path: &Path) -> Capture {
    let mut capture = Capture { file: path.to_owned(), ..Capture::default() };
    let Ok(mut inputs) = Inputs::open(&[path.to_owned()], Options::default()) else { return capture };
    let mut decoder = Decoder::new(DecodeOptions::default());
    let limits = Limits { udp: |packet| looks_initial(packet.payload), ..Limits::default() };
    let mut table: FlowTable<Flow> = FlowTable::new(limits, FlowHasher::new());
    let mut health = Health::default();
    let mut ended = Vec::new();
    while let Next::Frame(frame) = inputs.next() {
        let Some(packet) = decoder.decode(&frame) else { continue };
        let udp = matches!(packet.transport, Transport::Udp { .. });
        if let Some(mut flow) = table.packet(&packet, &mut health) {
            let way = flow.direction();
            // A copy is no matter to the reader; and two packets with one long token look like copies.
            if udp {
                flow.state().side(way).datagram(packet.payload);
            }
            flow.feed(&packet, &mut health, |flow, _, way, item| flow.item(way, item));
        }
        while let Some(flow) = table.next_ended() {
            ended.push(flow);
        }
    }
    ended.extend(table.drain(&mut health));
    ended.sort_by_key(|f| (f.info.first.time, f.info.first.frame.number));
    for mut flow in ended {
        flow.finish(&mut health, |flow, _, way, item| flow.item(way, item));
        let udp = !flow.key.is_tcp();
        for (mut side, way) in flow.state.0.into_iter().zip(Direction::BOTH) {
            side.end();
            let way = Way { udp, from: flow.key.source(way), to: flow.key.destination(way) };
            capture.sides.entry(way).or_default().push(side);
        }
    }
    capture
}

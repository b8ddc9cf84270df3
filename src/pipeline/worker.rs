//! One worker: owns its flows, takes no lock, is a pure function of packets and their timestamps.
//!
//! In: packets in capture order. Out: [`Event`]s. A panic costs the flow whose packet caused it, and a count.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::around::Around;
use super::asides;
use super::event::{Event, Tick, What};
use super::finding::finding;
use super::hellos::Hellos;
use super::inspection::{Inspection, Tools};
use super::listening::{Ears, Listening};
use super::lookups::{self, LookUps};
use super::news::{alert, claim, job};
use crate::carrier::{dhcp, node};
use crate::decode::{Packet, Transport};
use crate::dialect::Scratch;
use crate::flow::{
    Direction, Ended, FlowHasher, FlowInfo, FlowKey, FlowTable, Limits, Pace, Pass, Sight, TOGETHER, is_tunnelled,
};
use crate::health::{Counter, Health};
use crate::intel::Intel;
use crate::ledger::{Aside, Lease, Sighting};
use crate::time::{Elapsed, PacketTime};

/// A worker.
pub struct Worker {
    table: FlowTable<Inspection>,
    scratch: Scratch,
    health: Health,
    /// What the inspections count while the table counts in `health`; moved over after each packet, made only once.
    counted: Health,
    events: Vec<Event>,
    sights: Vec<Sight>,
    intel: Intel,
    lookups: LookUps,
    hellos: Hellos,
    listening: Listening,
    noticed: Vec<Sighting>,
    retired: Cell<u64>,
    claims: bool,
    asides: Vec<Aside>,
    /// Bytes of half messages that all flows hold, and the most they may.
    held: usize,
    most_held: usize,
    most_heard: usize,
}

/// A flow that holds less may go on holding it when the budget is used up: ordinary messages cut in two are smaller.
/// When twice the budget is used up, none may.
const SMALL: usize = 16 * 1024;

impl Worker {
    /// With its share of the limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            table: FlowTable::new(Limits { udp: tunnelled, ..limits }, FlowHasher::new()),
            scratch: Scratch::default(),
            health: Health::default(),
            counted: Health::default(),
            events: Vec::new(),
            sights: Vec::with_capacity(TOGETHER),
            intel: Intel::default(),
            lookups: LookUps::default(),
            hellos: Hellos::default(),
            listening: Listening::new(limits.listeners, false),
            noticed: Vec::new(),
            retired: Cell::new(0),
            claims: false,
            asides: Vec::new(),
            held: 0,
            most_held: limits.buffered,
            most_heard: limits.listeners,
        }
    }

    /// Whether findings are told on the way.
    #[must_use]
    pub fn telling_claims(mut self, claims: bool) -> Self {
        self.claims = claims;
        self
    }

    /// Whether nobody looks at payloads, names and ports: every flow is listened to, and nothing else is done with it.
    #[must_use]
    pub fn payload_blind(mut self, blind: bool) -> Self {
        if blind {
            self.table.set_pace(Pace::ANY);
            self.listening = Listening::new(self.most_heard, blind);
        }
        self
    }

    /// What names and addresses are known for, from now on. Without it nothing is known.
    pub fn set_intel(&mut self, intel: Intel) {
        self.intel = intel;
    }

    /// Takes packets, each with the number of its frame over the whole run, and what time passes between them. Better many
    /// at once: what they need is fetched from memory for all of them together.
    pub fn packets(&mut self, packets: &[(Packet<'_>, u64)], ticks: &[Tick]) {
        let mut ticks = ticks.iter().peekable();
        let mut number = 0;
        for part in packets.chunks(TOGETHER) {
            let mut sights = std::mem::take(&mut self.sights);
            self.table.foresee(part, &mut sights);
            for ((packet, order), sight) in part.iter().zip(&sights) {
                while let Some(tick) = ticks.next_if(|t| t.behind <= number) {
                    self.tick(tick.now, tick.order);
                }
                number += 1;
                self.packet_seen(packet, *order, sight);
            }
            self.sights = sights;
        }
        for tick in ticks {
            self.tick(tick.now, tick.order);
        }
    }

    /// So much time has passed, as the frame with that number tells: what is old is over.
    pub fn tick(&mut self, now: Elapsed, order: u64) {
        self.lookups.tick(now);
        self.table.tick(now, &mut self.health);
        if self.table.has_ended() {
            self.expired(order);
        }
    }

    /// Reports flows that time has ended, by when they began: whose table they were in makes no difference.
    fn expired(&mut self, order: u64) {
        let before = self.events.len();
        let rank = |events: &mut [Event], from: usize, began: PacketTime| {
            let began = u64::try_from(began.as_nanos()).unwrap_or(0);
            events.iter_mut().skip(from).for_each(|e| e.rank = began);
        };
        while let Some(ended) = self.table.next_ended() {
            let (from, began) = (self.events.len(), ended.info.first.time);
            self.over(ended, order);
            rank(&mut self.events, from, began);
        }
        while let Some(number) = self.table.next_silent() {
            let (from, began) = (self.events.len(), self.listening.began(number));
            self.listening.over(number, order, &mut self.events);
            rank(&mut self.events, from, began);
        }
        if let Some(new) = self.events.get_mut(before..) {
            new.sort_by_key(|e| e.rank);
        }
    }

    /// Takes a packet; `order` is its frame's number over the whole run.
    pub fn packet(&mut self, packet: &Packet<'_>, order: u64) {
        self.packet_seen(packet, order, &self.table.sight(packet));
    }

    #[inline]
    fn packet_seen(&mut self, packet: &Packet<'_>, order: u64, sight: &Sight) {
        let datagram = matches!(packet.transport, Transport::Udp { .. }) && !tunnelled(packet);
        if datagram {
            if !self.listening.is_blind() {
                self.look_into(order, |worker| worker.datagram(packet, order));
            }
            return;
        }
        match self.table.pass(packet, sight, &mut self.health) {
            Pass::Look(found) => self.look_into(order, |worker| {
                worker.look(packet, order, sight, found);
                worker.listen(packet, order);
            }),
            Pass::Done if self.table.has_ended() => self.ends(order),
            Pass::Done => {}
        }
    }

    /// Looks at a packet. The flow under it is let go while unwinding, so nothing half-changed stays behind.
    fn look_into(&mut self, order: u64, look: impl FnOnce(&mut Self)) {
        let look = AssertUnwindSafe(|| look(self));
        if catch_unwind(look).is_err() {
            self.health.add(Counter::WorkerPanics);
            self.scratch = Scratch::default();
            self.noticed.clear();
            self.asides.clear();
        }
        if self.table.has_ended() {
            self.ends(order);
        }
        self.health.add_n(Counter::RetiredMatches, self.retired.take());
    }

    /// Flows that are over.
    fn ends(&mut self, order: u64) {
        while let Some(ended) = self.table.next_ended() {
            self.over(ended, order);
        }
        while let Some(number) = self.table.next_silent() {
            self.listening.over(number, order, &mut self.events);
        }
    }

    /// A flow that lasts is listened to.
    #[inline]
    fn listen(&mut self, packet: &Packet<'_>, order: u64) {
        let Some(lasts) = self.table.lasting() else { return };
        let Self { table, events, health, listening, .. } = self;
        listening.packet(packet, &lasts, &mut Ears { table, events, health, order });
    }

    /// The input is over: every flow is reported.
    pub fn finish(&mut self, order: u64) {
        // What a worker panicked over while it ended flows is over, too.
        self.ends(order);
        // Flows that were let go have no order of their own.
        let heard = self.listening.all();
        for number in self.table.by_first_frame() {
            self.table.flush(number, &mut self.health);
            while let Some(ended) = self.table.next_ended() {
                self.over(ended, order);
            }
        }
        while self.table.next_silent().is_some() {}
        for number in heard {
            self.listening.over(number, order, &mut self.events);
        }
        self.health.add_n(Counter::RetiredMatches, self.retired.take());
    }

    /// Events since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// How many events there are.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// The counters.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Bytes of half messages that all flows hold.
    pub const fn held(&self) -> usize {
        self.held
    }

    /// DNS, discovery of nodes and the openings of QUIC; nothing else of UDP is read.
    fn datagram(&mut self, packet: &Packet<'_>, order: u64) {
        if let Some((said, payload)) = lookups::datagram(packet) {
            if let Some(l) = self.lookups.message(said, payload, &mut self.health) {
                self.events.push(Event::new(order, What::LookUp(Box::new(l))));
            }
            return;
        }
        if let Some(lease) = lease(packet, &mut self.health) {
            self.events.push(Event::new(order, What::Lease(Box::new(lease))));
            return;
        }
        let (key, way) = FlowKey::of(packet);
        let mac = |w: Direction| if w == way { packet.src_mac } else { packet.dst_mac };
        if asides::local_name(packet, &mut self.asides, &mut self.health) {
            tell(&mut self.noticed, &mut self.asides, &mut self.events, order, key, mac);
            return;
        }
        let peer = node::datagram(packet.payload);
        let hello = match peer {
            Some(_) => None,
            None => self.hellos.datagram(key, packet.time, packet.payload, &mut self.health),
        };
        if peer.is_none() && hello.is_none() {
            return;
        }
        let Self { scratch, intel, noticed, asides, retired, .. } = self;
        let mut tools = Tools {
            scratch,
            stamp: packet.stamp(),
            key,
            intel,
            noticed,
            asides,
            lookups: &mut self.lookups,
            asked: &mut Vec::new(),
            retired,
        };
        if let Some(peer) = peer {
            tools.node(way, None, &peer);
        }
        if let Some(hello) = hello {
            Around::quic(way, &hello, &mut tools);
        }
        tell(noticed, asides, &mut self.events, order, key, mac);
    }

    fn look(&mut self, packet: &Packet<'_>, order: u64, sight: &Sight, found: Option<u32>) {
        let Self {
            table,
            scratch,
            health,
            counted,
            events,
            held,
            most_held,
            intel,
            noticed,
            asides,
            lookups,
            retired,
            claims,
            listening,
            ..
        } = self;
        let Some(mut flow) = table.packet_found(packet, sight, found, health) else { return };
        if listening.is_blind() || !flow.key().is_tcp() {
            // Nothing of it can be read, or is to be.
            if flow.is_new() && !flow.key().is_tcp() {
                listening.opens(*flow.key(), packet.stamp());
            }
            return flow.release();
        }
        let key = *flow.key();
        let mut asked = Vec::new();
        let stamp = packet.stamp();
        let mut tools = Tools { scratch, stamp, key, intel, noticed, asides, lookups, asked: &mut asked, retired };
        let mut heard = false;
        flow.feed(packet, health, |inspection, info, way, item| {
            heard = true;
            inspection.item(info, way, item, &mut tools, counted);
        });
        if !heard && *held <= *most_held {
            // Nothing to be learned from an acknowledgement.
            return;
        }
        settle(counted, health);
        let over = flow.is_over();
        let (info, inspection) = flow.parts();
        inspection.reader.ripen(info, &tools);
        // Most connections are short. What there was to learn of one that ended is not kept until its late packets came.
        let done = inspection.is_done() || (over && inspection.reader.reading().is_none());
        if done {
            close(info, inspection, &mut tools);
            let info = info.clone();
            if inspection.reader.unnamed(&tools)
                && let Some(f) = finding(key, &info, inspection)
            {
                events.push(Event::new(order, What::Unnamed(Box::new(f))));
            }
        }
        events.extend(asked.into_iter().map(|l| Event::new(order, What::LookUp(Box::new(l)))));
        tell(noticed, asides, events, order, key, |w| *info.macs.get(w));
        let holds = inspection.held();
        *held = held.saturating_sub(inspection.accounted).saturating_add(holds);
        inspection.accounted = holds;
        let spared = if *held > most_held.saturating_mul(2) { 0 } else { SMALL };
        if *held > *most_held && holds > spared {
            // Somebody sends halves of messages only. Mining flows come back by the second look.
            *held = held.saturating_sub(holds);
            health.add(Counter::ReassemblyCapped);
            flow.release_unproven();
            return;
        }
        if done {
            *held = held.saturating_sub(holds);
            // Behind a proxy the endpoint is not the pool's, and that would be forgotten.
            if inspection.reader.wraps().is_empty() {
                flow.release();
            } else {
                flow.release_unproven();
            }
            return;
        }
        inspection.reader.weigh(info, packet.stamp());
        events.extend(job(inspection, packet).map(|j| Event::new(order, What::Job(Box::new(j)))));
        if let Some(verdict) = inspection.reader.new_level() {
            let alert = alert(key, info, inspection, verdict, packet.stamp());
            events.extend(alert.map(|a| Event::new(order, What::Alert(Box::new(a)))));
            let keep = inspection.reader.bears_evidence();
            flow.keep(keep);
        }
        if *claims {
            let (info, inspection) = flow.parts();
            if let Some(f) = claim(key, info, inspection) {
                events.push(Event::new(order, What::Claim(Box::new(f))));
            }
        }
    }

    fn over(&mut self, mut ended: Ended<Inspection>, order: u64) {
        self.held = self.held.saturating_sub(ended.state.accounted);
        let Self { scratch, health, counted, events, intel, noticed, asides, lookups, retired, listening, .. } = self;
        let key = ended.key;
        let mut asked = Vec::new();
        let stamp = ended.info.last;
        let mut tools = Tools { scratch, stamp, key, intel, noticed, asides, lookups, asked: &mut asked, retired };
        ended.finish(health, |inspection, info, way, item| inspection.item(info, way, item, &mut tools, counted));
        settle(counted, health);
        close(&ended.info, &ended.state, &mut tools);
        let unnamed = ended.state.reader.unnamed(&tools);
        let macs = ended.info.macs;
        events.extend(asked.into_iter().map(|l| Event::new(order, What::LookUp(Box::new(l)))));
        tell(noticed, asides, events, order, key, |w| *macs.get(w));
        ended.state.reader.weigh(&ended.info, ended.info.last);
        let mut found = finding(key, &ended.info, &ended.state).map(Box::new);
        if let Some(number) = ended.listener {
            if unnamed && let Some(f) = found.take() {
                events.push(Event::new(order, What::Unnamed(f)));
            }
            found = listening.over_with(number, &ended.info, found, order, events);
        }
        if let Some(f) = found {
            let what = if unnamed { What::Unnamed } else { What::Flow };
            events.push(Event::new(order, what(f)));
        }
    }
}

/// Data of a tunnel over UDP that may carry one conversation.
fn tunnelled(packet: &Packet<'_>) -> bool {
    matches!(packet.transport, Transport::Udp { .. }) && is_tunnelled(packet.payload, packet.wire_payload_len)
}

/// The DHCP message in a packet, if its ports say that it is one.
fn lease(packet: &Packet<'_>, health: &mut Health) -> Option<Lease> {
    let Transport::Udp { src_port, dst_port } = packet.transport else { return None };
    // Relays speak from the server's port to it (RFC 1542 §4).
    if !matches!((src_port, dst_port), (dhcp::CLIENT_PORT | dhcp::SERVER_PORT, dhcp::CLIENT_PORT | dhcp::SERVER_PORT)) {
        return None;
    }
    let dhcp = dhcp::read(packet.payload)?;
    health.add(Counter::DhcpMessages);
    Some(Lease { at: packet.time, tenant: packet.tenant, dhcp })
}

/// What the ends of a flow are listed for. Of a conversation that is read, the ledger knows.
fn close(info: &FlowInfo, inspection: &Inspection, tools: &mut Tools<'_>) {
    let both = info.counts.lo_to_hi.payload > 0 && info.counts.hi_to_lo.payload > 0;
    if both && inspection.reader.reading().is_none() {
        Around::close(info.handshake.client, inspection.reader.is_opaque(), tools);
    }
}

/// Sightings and what is beside them to events, with the address of whose they are.
fn tell(
    noticed: &mut Vec<Sighting>,
    asides: &mut Vec<Aside>,
    events: &mut Vec<Event>,
    order: u64,
    key: FlowKey,
    mac: impl Fn(Direction) -> Option<crate::decode::MacAddr>,
) {
    for mut s in noticed.drain(..) {
        let client = Direction::BOTH.into_iter().find(|w| key.source(*w).ip() == s.host.ip);
        s.mac = client.and_then(&mac);
        events.push(Event::new(order, What::Sighting(Box::new(s))));
    }
    events.extend(asides.drain(..).map(|a| Event::new(order, What::Aside(Box::new(a)))));
}

/// Moves over what the inspections counted.
fn settle(counted: &mut Health, health: &mut Health) {
    for c in [
        Counter::LinesTooLong,
        Counter::JsonInvalid,
        Counter::MiningMessages,
        Counter::DnsMessages,
        Counter::DnsUnasked,
        Counter::DnsForgotten,
    ] {
        health.add_n(c, counted.take(c));
    }
}

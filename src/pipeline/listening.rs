//! Flows that nobody can read, listened to: their messages go to [`Rhythm`], and what it says goes right.
//!
//! In: packets of flows that last and are slow. Out: [`What::Beat`]s in packet order, and [`What::Overheard`] when there
//! is something new to be said of a flow, once a minute while there is anything, and at its end. What it comes to is
//! decided right of the workers, who know other flows, too.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::event::{Event, What};
use super::finding::overheard;
use super::inspection::Inspection;
use super::reader::ENCRYPTED;
use crate::address::is_private;
use crate::capture::Stamp;
use crate::decode::{Packet, Tenant};
use crate::detect::Party;
use crate::flow::{Direction, FlowInfo, FlowKey, FlowTable, Lasts, Listener, Sent, likely_opener};
use crate::health::{Counter, Health};
use crate::ledger::{FlowFinding, Overheard, Tone, Unheard};
use crate::rhythm::{Beat, Message, Reading, Rhythm, Standing, Way};
use crate::time::PacketTime;

/// How often a flow that goes on is told of, whatever is new of it.
const AGAIN: Duration = Duration::from_mins(1);
/// Messages of a flow that are heard in [`WINDOW`]; more are a burst of something else in it.
const BURST: u32 = 600;
/// The same that make it no slow flow any more.
const FAST: u32 = 6_000;
/// Time in which messages are counted.
const WINDOW: Duration = Duration::from_secs(30);
/// Silence after which a flow may be given up for another one.
const QUIET: Duration = Duration::from_mins(5);
/// A flow of so many messages over such a time was heard well enough to be called harmless.
const ENOUGH: u64 = 20;
const LONG: Duration = Duration::from_mins(5);
/// One host may have this part of all of them.
const SHARE_OF_ONE: usize = 8;
/// Flows looked at for one that may go.
const LOOKS: usize = 16;

/// Everybody a worker listens to.
pub(super) struct Listening {
    heard: Vec<Option<Box<Heard>>>,
    free: Vec<u32>,
    most: usize,
    /// Flows of each inside host that are listened to.
    of_host: HashMap<(u32, IpAddr), usize, foldhash::quality::RandomState>,
    /// First packets of flows of which nothing else is kept until they last.
    opened: HashMap<FlowKey, Stamp, foldhash::quality::RandomState>,
    in_order: VecDeque<(FlowKey, Stamp)>,
    /// Where one that may go was looked for last.
    hand: usize,
    /// Lines are messages, too, and what is in them is not looked at.
    blind: bool,
}

/// A flow that is listened to.
struct Heard {
    slot: u32,
    key: FlowKey,
    miner: Direction,
    party: Party,
    listener: Listener,
    rhythm: Rhythm,
    reading: Reading,
    messages: u64,
    window: PacketTime,
    in_window: u32,
    told: Option<(Standing, PacketTime)>,
}

/// What listening costs a flow, all of it in one place: the promise of the table of bounds.
const _: () = assert!(size_of::<Heard>() <= 4096);

/// Whether a dialect reads the flow, which has said more than sizes do. Not where the pool is a machine inside: it may be
/// one that passes on what it is pushed in a conversation that cannot be read.
fn says_enough(lasts: &Lasts, table: &FlowTable<Inspection>) -> bool {
    let reading = table.peek(lasts.slot).and_then(|(_, i)| i.reader.reading());
    reading.is_some_and(|r| r.dialect != ENCRYPTED && !is_private(lasts.key.destination(r.miner).ip()))
}

/// Everything that a packet of a flow needs.
pub(super) struct Ears<'a> {
    pub(super) table: &'a mut FlowTable<Inspection>,
    pub(super) events: &'a mut Vec<Event>,
    pub(super) health: &'a mut Health,
    pub(super) order: u64,
}

impl Listening {
    pub(super) fn new(most: usize, blind: bool) -> Self {
        Self {
            heard: Vec::new(),
            free: Vec::new(),
            most,
            of_host: HashMap::default(),
            opened: HashMap::default(),
            in_order: VecDeque::new(),
            hand: 0,
            blind,
        }
    }

    /// Whether payloads are not to be looked at.
    pub(super) const fn is_blind(&self) -> bool {
        self.blind
    }

    /// The first packet of a flow over UDP, which may last.
    pub(super) fn opens(&mut self, key: FlowKey, first: Stamp) {
        self.opened.insert(key, first);
        self.in_order.push_back((key, first));
        while self.opened.len() > self.most || self.in_order.len() > 2 * self.most {
            let Some((key, first)) = self.in_order.pop_front() else { break };
            if let Entry::Occupied(e) = self.opened.entry(key)
                && *e.get() == first
            {
                e.remove();
            }
        }
    }

    /// A packet of a flow that lasts.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, lasts: &Lasts, ears: &mut Ears<'_>) {
        let number = match lasts.listener {
            Some(number) => number,
            None if says_enough(lasts, ears.table) => return,
            None => match self.begin(packet, lasts, ears) {
                Some(number) => number,
                None => return,
            },
        };
        let Some(heard) = self.heard.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let Heard { listener, rhythm, miner, messages, window, in_window, .. } = &mut **heard;
        let mut beats = Beats::default();
        listener.packet(packet, lasts.way, |sent| {
            if sent.at.since(*window) > WINDOW {
                (*window, *in_window) = (sent.at, 0);
            }
            *in_window = in_window.saturating_add(1);
            if *in_window > BURST {
                ears.health.add(Counter::RhythmBursts);
                return;
            }
            *messages += 1;
            beats.push(rhythm.message(message(sent, *miner)));
        });
        beats.tell(heard.party, ears);
        if heard.in_window > FAST && heard.reading.level == Standing::Silent {
            self.give_up(number, ears);
            return;
        }
        if !heard.rhythm.is_due() {
            return;
        }
        if says_enough(lasts, ears.table) {
            self.give_up(number, ears);
            return;
        }
        if !heard.takes_part() {
            return;
        }
        heard.reading = heard.rhythm.judge(packet.time);
        let level = heard.reading.level;
        let news = heard.told.is_none_or(|(told, at)| level > told || packet.time.since(at) >= AGAIN);
        if heard.reading.witnesses.iter().next().is_some() && news {
            heard.told = Some((level, packet.time));
            ears.table.keep_listening(heard.slot, level > Standing::Silent);
            let cold = ears.table.peek(heard.slot);
            let read = cold.and_then(|(_, i)| i.reader.reading()).map(|r| r.dialect);
            match (read, cold) {
                (Some(ENCRYPTED), Some((info, inspection))) => {
                    let base = super::finding::finding(heard.key, info, inspection);
                    heard.tell(base, packet.stamp(), false, ears.order, ears.events);
                }
                // Who can be read has said more than sizes do.
                (Some(_), _) => {}
                (None, _) => heard.tell(None, packet.stamp(), false, ears.order, ears.events),
            }
        }
    }

    /// When the flow that has this number began.
    pub(super) fn began(&self, number: u32) -> PacketTime {
        let heard = self.heard.get(number as usize).and_then(Option::as_ref);
        heard.map_or(PacketTime::ZERO, |h| h.listener.info().first.time)
    }

    /// A flow is over, of which nothing else is known.
    pub(super) fn over(&mut self, number: u32, order: u64, events: &mut Vec<Event>) {
        if let Some(mut heard) = self.take(number) {
            heard.finish(order, events);
            let at = heard.listener.info().last;
            heard.tell(None, at, true, order, events);
        }
    }

    /// A flow is over of which this is to be reported, if anything. What is left to report: nothing, if what was heard is
    /// reported with it.
    pub(super) fn over_with(
        &mut self,
        number: u32,
        info: &FlowInfo,
        found: Option<Box<FlowFinding>>,
        order: u64,
        events: &mut Vec<Event>,
    ) -> Option<Box<FlowFinding>> {
        let Some(mut heard) = self.take(number) else { return found };
        heard.finish(order, events);
        let read = found.as_ref().is_some_and(|f| f.dialect != ENCRYPTED);
        if read || heard.reading.witnesses.iter().next().is_none() {
            events.push(Event::new(order, heard.unheard(read)));
            return found;
        }
        heard.tell(found.map(|f| *f), info.last, true, order, events);
        None
    }

    /// The numbers of all, in the order of their first frames.
    pub(super) fn all(&self) -> Vec<u32> {
        let mut all: Vec<_> = self
            .heard
            .iter()
            .zip(0..)
            .filter_map(|(h, n)| h.as_ref().map(|h| (h.listener.info().first.frame, h.key, n)))
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(.., n)| n).collect()
    }

    fn take(&mut self, number: u32) -> Option<Box<Heard>> {
        let heard = self.heard.get_mut(number as usize)?.take()?;
        self.free.push(number);
        if let Entry::Occupied(mut of) = self.of_host.entry((heard.party.tenant, heard.party.inside)) {
            *of.get_mut() -= 1;
            if *of.get() == 0 {
                of.remove();
            }
        }
        Some(heard)
    }

    fn give_up(&mut self, number: u32, ears: &mut Ears<'_>) {
        if let Some(heard) = self.take(number) {
            ears.table.set_listener(heard.slot, None);
            ears.events.push(Event::new(ears.order, heard.unheard(false)));
        }
    }

    fn begin(&mut self, packet: &Packet<'_>, lasts: &Lasts, ears: &mut Ears<'_>) -> Option<u32> {
        if !(lasts.both || self.blind) {
            // One end alone can fill any table.
            return None;
        }
        let miner = lasts.opener.unwrap_or_else(|| likely_opener(&lasts.key));
        let host = (tenant(lasts.key.tenant()), lasts.key.source(miner).ip());
        if self.of_host.get(&host).is_some_and(|n| *n >= (self.most / SHARE_OF_ONE).max(1)) {
            ears.health.add(Counter::RhythmsRefused);
            return None;
        }
        if self.heard.len() - self.free.len() >= self.most {
            ears.health.add(Counter::RhythmsRefused);
            let number = self.quiet(packet.time)?;
            self.give_up(number, ears);
        }
        *self.of_host.entry(host).or_default() += 1;
        let first = self.opened.remove(&lasts.key);
        let heard = Box::new(Heard {
            slot: lasts.slot,
            key: lasts.key,
            miner,
            party: Party {
                flow: lasts.key.flow_id(first.map_or(packet.time, |f| f.time)),
                tenant: host.0,
                inside: host.1,
                server: lasts.key.destination(miner),
            },
            listener: Listener::new(packet, first, lasts, self.blind),
            rhythm: Rhythm::new(packet.time),
            reading: Reading::default(),
            messages: 0,
            window: packet.time,
            in_window: 0,
            told: None,
        });
        ears.health.add(Counter::Rhythms);
        let number = if let Some(number) = self.free.pop() {
            if let Some(place) = self.heard.get_mut(number as usize) {
                *place = Some(heard);
            }
            number
        } else {
            self.heard.push(Some(heard));
            self.heard.len() as u32 - 1
        };
        ears.table.set_listener(lasts.slot, Some(number));
        Some(number)
    }

    /// One that was silent for long, and of which nothing is said.
    fn quiet(&mut self, now: PacketTime) -> Option<u32> {
        for _ in 0..LOOKS {
            self.hand = (self.hand + 1) % self.heard.len().max(1);
            let Some(Some(heard)) = self.heard.get(self.hand) else { continue };
            if heard.reading.level == Standing::Silent && now.since(heard.listener.info().last.time) > QUIET {
                return Some(self.hand as u32);
            }
        }
        None
    }
}

impl Heard {
    /// The last of its messages.
    fn finish(&mut self, order: u64, events: &mut Vec<Event>) {
        let Self { listener, rhythm, miner, messages, .. } = self;
        let mut beats = Beats::default();
        listener.finish(|sent| {
            *messages += 1;
            beats.push(rhythm.message(message(sent, *miner)));
        });
        beats.to(self.party, order, events);
        self.reading = self.rhythm.judge(self.listener.info().last.time);
        if !self.takes_part() {
            self.reading = Reading::default();
        }
    }

    /// Whether the end that would mine was there: anybody can send anything to any address, and one that acknowledged
    /// nothing, or over UDP said nothing, may not even exist.
    fn takes_part(&self) -> bool {
        let own = self.listener.info().counts.get(self.miner);
        if self.key.is_tcp() { own.packets > 0 } else { own.payload > 0 }
    }

    /// It is over, and there is nothing to be said of it: somebody reads it and has, or it was quiet.
    fn unheard(&self, read: bool) -> What {
        let (tenant, miner) = (self.key.tenant(), self.key.source(self.miner));
        let FlowInfo { first, last, .. } = self.listener.info();
        let long = self.messages >= ENOUGH && last.time.since(first.time) >= LONG;
        let harmless = if read { Some(false) } else { long.then_some(true) };
        What::Unheard(Box::new(Unheard { party: self.party, tenant, miner, at: last.time, harmless }))
    }

    /// Tells what was heard of the flow, of which `base` is known besides.
    fn tell(&self, base: Option<FlowFinding>, at: Stamp, over: bool, order: u64, events: &mut Vec<Event>) {
        let what = if self.reading.witnesses.iter().next().is_none() {
            self.unheard(false)
        } else {
            let base = base.unwrap_or_else(|| overheard(self.key, self.listener.info(), self.miner));
            let Reading { witnesses, coins, level, .. } = self.reading;
            let tone = Tone { witnesses, level, coins, messages: self.messages };
            What::Overheard(Box::new(Overheard { finding: base, party: self.party, tone, at, over }))
        };
        if over || matches!(what, What::Overheard(_)) {
            events.push(Event::new(order, what));
        }
    }
}

/// Beats of one packet: as many as messages end with it, hardly ever more than two.
#[derive(Default)]
struct Beats {
    first: [Option<Beat>; 4],
    rest: Vec<Beat>,
}

impl Beats {
    fn push(&mut self, beat: Option<Beat>) {
        let Some(beat) = beat else { return };
        match self.first.iter_mut().find(|b| b.is_none()) {
            Some(free) => *free = Some(beat),
            None => self.rest.push(beat),
        }
    }

    fn tell(self, party: Party, ears: &mut Ears<'_>) {
        self.to(party, ears.order, ears.events);
    }

    fn to(self, party: Party, order: u64, events: &mut Vec<Event>) {
        let all = self.first.into_iter().flatten().chain(self.rest);
        events.extend(all.map(|beat| Event::new(order, What::Beat(Box::new((party, beat))))));
    }
}

fn message(sent: Sent, miner: Direction) -> Message {
    let way = if sent.way == miner { Way::Up } else { Way::Down };
    Message { at: sent.at, way, size: sent.size }
}

/// A number of its own for each network.
fn tenant(tenant: Tenant) -> u32 {
    let (kind, id) = match tenant {
        Tenant::None => (0, 0),
        Tenant::Vlan(id) => (1, u32::from(id)),
        // Identifiers have 24 bits (RFC 7348 §5, RFC 8926 §3.4, RFC 9300 §5).
        Tenant::Vxlan(id) => (2, id),
        Tenant::Geneve(id) => (3, id),
        Tenant::Erspan(id) => (4, u32::from(id)),
        Tenant::Lisp(id) => (5, id),
    };
    kind << 24 | id & 0x00ff_ffff
}

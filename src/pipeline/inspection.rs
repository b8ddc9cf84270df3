//! What a worker keeps of a flow under inspection: the layers of each direction, and who reads what is inside.
//!
//! In: stream items of both directions. Out: what [`Reader`] makes of them, and what is held of half messages.

use std::cell::Cell;

use super::asides::Nodes;
use super::lookups::{LookUps, Said};
use super::reader::Reader;
use crate::capture::Stamp;
use crate::carrier::dns::{self, Framed};
use crate::carrier::peel::{Beside, Peel, Piece};
use crate::dialect::Scratch;
use crate::evidence::Verdict;
use crate::flow::{BothWays, Direction, FlowInfo, FlowKey, Foresee, Item};
use crate::health::{Counter, Health};
use crate::intel::{Intel, LookUp};
use crate::ledger::{Aside, Sighting};
use crate::time::PacketTime;

/// A flow's inspection. It lies in one piece: every pointer followed is a wait, and each packet is of another flow.
#[derive(Default)]
pub(super) struct Inspection {
    peels: BothWays<Option<Peel>>,
    left: BothWays<Left>,
    pub(super) reader: Reader,
    /// DNS over TCP.
    dns: Option<Box<BothWays<Framed>>>,
    nodes: Nodes,
    /// Bytes of it that the worker has accounted for.
    pub(super) accounted: usize,
    /// What was told of it last, while it goes on.
    pub(super) claimed: Option<Claimed>,
    /// The height of the work that was told of last.
    pub(super) height: Option<u64>,
}

/// What decides whether a flow that goes on is told of again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Claimed {
    pub(super) verdict: Verdict,
    /// What the forgery gate would ask for is there.
    pub(super) proven: bool,
    pub(super) at: PacketTime,
}

/// How a direction's layers were left: what others need of them, without a look into them.
#[derive(Clone, Copy, Default)]
struct Left {
    beside: Option<Beside>,
    held: usize,
}

impl Left {
    fn of(peel: &Peel) -> Self {
        Self { beside: Some(peel.beside()), held: peel.held() }
    }
}

/// What a worker lends to every inspection.
pub(super) struct Tools<'a> {
    pub(super) scratch: &'a mut Scratch,
    pub(super) stamp: Stamp,
    pub(super) key: FlowKey,
    pub(super) intel: &'a Intel,
    /// What is told of names and addresses.
    pub(super) noticed: &'a mut Vec<Sighting>,
    pub(super) lookups: &'a mut LookUps,
    /// What is told of hosts beside.
    pub(super) asides: &'a mut Vec<Aside>,
    /// What was asked of DNS over TCP.
    pub(super) asked: &'a mut Vec<LookUp>,
    /// Met, and listed as retired.
    pub(super) retired: &'a Cell<u64>,
}

impl Foresee for Inspection {
    const STEPS: usize = 2;

    fn foresee(&self, step: usize) {
        if step == 1 {
            for peel in Direction::BOTH.into_iter().filter_map(|way| self.peels.get(way).as_ref()) {
                peel.foresee();
            }
        }
        self.reader.foresee(step);
    }
}

impl Inspection {
    /// Bytes of half messages held.
    pub(super) fn held(&self) -> usize {
        self.left.lo_to_hi.held
            + self.left.hi_to_lo.held
            + self.reader.held()
            + self.nodes.held()
            + self.dns.as_ref().map_or(0, |d| d.lo_to_hi.held() + d.hi_to_lo.held())
    }

    /// Whether the flow may be let go. A client asks several things over one connection (RFC 7766 §6.2.1).
    pub(super) fn is_done(&self) -> bool {
        self.reader.is_done() && self.dns.as_ref().is_none_or(|d| d.lo_to_hi.is_lost() || d.hi_to_lo.is_lost())
    }

    /// The next stream item of a direction.
    pub(super) fn item(
        &mut self,
        info: &FlowInfo,
        way: Direction,
        item: Item<'_>,
        tools: &mut Tools<'_>,
        health: &mut Health,
    ) {
        if self.reader.is_done() {
            match item {
                Item::Data(data) => self.dns(way, data, tools, health),
                Item::Gap(_) => self.dns_gap(way),
                Item::End => {}
            }
            return;
        }
        match item {
            Item::Data(data) => {
                self.dns(way, data, tools, health);
                self.nodes.data(info, way, data, tools);
                if !self.reader.is_inside() {
                    self.reader.stream_data(info, way, data, tools, health);
                }
                self.peel(info, way, tools, health, |peel, out| peel.data(data, out));
            }
            Item::Gap(missing) => {
                self.dns_gap(way);
                self.nodes.gap(way);
                self.reader.gap(way, missing, tools);
                if self.reader.is_peeled() {
                    let opener = info.handshake.client.map(|o| o == way);
                    let peel = self.peels.get_mut(way).get_or_insert_with(|| Peel::new(true, opener));
                    peel.gap(missing);
                    *self.left.get_mut(way) = Left::of(peel);
                }
            }
            Item::End => {
                self.peel(info, way, tools, health, |peel, out| peel.end(out));
                self.reader.end(way, tools.stamp);
            }
        }
    }

    /// Reads DNS where its port says that it is spoken. Whatever else it may be is looked for all the same.
    fn dns(&mut self, way: Direction, data: &[u8], tools: &mut Tools<'_>, health: &mut Health) {
        let (from, to) = (tools.key.source(way), tools.key.destination(way));
        if from.port() != dns::PORT && to.port() != dns::PORT {
            return;
        }
        let said = Said { at: tools.stamp, tenant: tools.key.tenant(), from, to };
        let dns = self.dns.get_or_insert_default().get_mut(way);
        let mut strange = false;
        dns.data(data, |message| {
            strange |= !dns::begins(message);
            if !strange {
                tools.asked.extend(tools.lookups.message(said, message, health));
            }
        });
        if strange {
            dns.give_up();
        }
    }

    fn dns_gap(&mut self, way: Direction) {
        if let Some(dns) = &mut self.dns {
            dns.get_mut(way).give_up();
        }
    }

    /// Runs the layers of a direction and lets what comes out be read, if anybody does.
    fn peel(
        &mut self,
        info: &FlowInfo,
        way: Direction,
        tools: &mut Tools<'_>,
        health: &mut Health,
        run: impl FnOnce(&mut Peel, &mut dyn FnMut(Piece<'_>)),
    ) {
        let Self { peels, left, reader, .. } = self;
        if reader.is_peeled() {
            let opener = info.handshake.client.map(|o| o == way);
            let peel = peels.get_mut(way).get_or_insert_with(|| Peel::new(info.mid_stream, opener));
            peel.set_beside(left.get(way.reverse()).beside);
            peel.set_expected(reader.expects_messages());
            run(peel, &mut |piece| reader.piece(info, way, piece, tools, health));
            let too_long = peel.take_too_long();
            health.add_n(Counter::LinesTooLong, too_long);
            reader.missed(way, too_long > 0 || peel.is_lost());
            reader.heard_http(peel.http_messages());
            *left.get_mut(way) = Left::of(peel);
        }
        if !reader.is_peeled() && (peels.lo_to_hi.is_some() || peels.hi_to_lo.is_some()) {
            (*peels, *left) = Default::default();
        }
    }
}

//! The flows that are followed.

use std::collections::HashMap;

use crate::time::PacketTime;

use super::Party;
use super::phase::Track;
use super::pulse::Pulse;
use super::together::{Flows, Mates, News};

/// What is kept of one flow.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) party: Party,
    pub(super) pulse: Pulse,
    pub(super) news: News,
    pub(super) mates: Mates,
    /// One for each chain.
    pub(super) tracks: Vec<Track>,
    pub(super) last: PacketTime,
    /// Something was said of it.
    pub(super) bears: bool,
}

impl Flow {
    pub(super) fn new(party: Party, at: PacketTime) -> Self {
        Self {
            party,
            pulse: Pulse::default(),
            news: News::default(),
            mates: Mates::default(),
            tracks: Vec::new(),
            last: at,
            bears: false,
        }
    }
}

/// Flows by their number.
#[derive(Debug, Default)]
pub(super) struct Table {
    flows: HashMap<u64, Box<Flow>, foldhash::fast::RandomState>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.flows.len()
    }

    pub(super) fn get(&self, flow: u64) -> Option<&Flow> {
        self.flows.get(&flow).map(|f| &**f)
    }

    pub(super) fn get_mut(&mut self, flow: u64) -> Option<&mut Flow> {
        self.flows.get_mut(&flow).map(|f| &mut **f)
    }

    pub(super) fn insert(&mut self, flow: Flow) {
        self.flows.insert(flow.party.flow, Box::new(flow));
    }

    pub(super) fn remove(&mut self, flow: u64) -> Option<Box<Flow>> {
        self.flows.remove(&flow)
    }

    /// Makes room: an eighth of the flows go, first those that nothing was said of, the longest idle before others.
    /// So many at once, as finding them means looking at all.
    pub(super) fn evict(&mut self) -> Vec<Party> {
        let mut order: Vec<_> = self.flows.values().map(|f| (f.bears, f.last, f.party)).collect();
        order.sort_unstable();
        order.truncate(order.len().div_ceil(8));
        for (_, _, party) in &order {
            self.flows.remove(&party.flow);
        }
        order.into_iter().map(|(_, _, party)| party).collect()
    }
}

impl Flows for Table {
    fn pushes(&self, flow: u64) -> Option<(&Pulse, &News)> {
        self.get(flow).map(|f| (&f.pulse, &f.news))
    }

    fn mates(&mut self, flow: u64) -> Option<&mut Mates> {
        self.get_mut(flow).map(|f| &mut f.mates)
    }
}

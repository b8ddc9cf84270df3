//! What several threads found, back in one order.
//!
//! In: batches of each thread, in its own order. Out: events, once none that is earlier can come. Which thread was faster
//! makes no difference.

use std::collections::BTreeMap;

use super::event::Event;

/// What one thread tells, now and then.
#[derive(Debug)]
pub struct Batch {
    /// Which thread, and how many there are: the same in every batch.
    pub from: (usize, usize),
    /// No later batch of this thread has an event before this place in the order.
    pub upto: u64,
    /// What was found.
    pub events: Vec<Event>,
}

/// Puts the batches of several threads into one order.
#[derive(Debug, Default)]
pub struct Merger {
    upto: Vec<u64>,
    /// Events that an earlier one may still precede, by place, rank there, thread, and how many came before.
    waiting: BTreeMap<(u64, u64, usize, u64), Event>,
    taken: u64,
}

impl Merger {
    /// Takes a batch; gives out the events that none can precede any more.
    pub fn push(&mut self, batch: Batch) -> Vec<Event> {
        let (from, of) = batch.from;
        if of <= 1 {
            return batch.events;
        }
        if self.upto.len() < of {
            self.upto.resize(of, 0);
        }
        if let Some(upto) = self.upto.get_mut(from) {
            *upto = batch.upto.max(*upto);
        }
        for event in batch.events {
            self.taken += 1;
            self.waiting.insert((event.order, event.rank, from, self.taken), event);
        }
        let safe = self.upto.iter().copied().min().unwrap_or(u64::MAX);
        let later = self.waiting.split_off(&(safe.saturating_add(1), 0, 0, 0));
        std::mem::replace(&mut self.waiting, later).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::Stamp;
    use crate::decode::Tenant;
    use crate::intel::LookUp;
    use crate::pipeline::What;

    fn event(order: u64, name: &str) -> Event {
        let nobody = "192.0.2.1:53".parse().unwrap();
        let what = What::LookUp(Box::new(LookUp {
            at: Stamp::default(),
            tenant: Tenant::None,
            client: nobody,
            server: nobody,
            recursion_desired: true,
            answered: false,
            name: name.into(),
            aliases: Vec::new(),
            addresses: Vec::new(),
        }));
        Event::new(order, what)
    }

    fn seen(events: Vec<Event>) -> Vec<(u64, String)> {
        events
            .into_iter()
            .map(|e| match e.what {
                What::LookUp(l) => (e.order, l.name.into()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn an_event_waits_for_the_thread_that_lags() {
        let mut merger = Merger::default();
        let said = merger.push(Batch { from: (0, 2), upto: 90, events: vec![event(20, "b"), event(80, "d")] });
        assert_eq!(seen(said), []);
        let said = merger.push(Batch { from: (1, 2), upto: 30, events: vec![event(10, "a"), event(30, "c")] });
        assert_eq!(seen(said), [(10, "a".to_owned()), (20, "b".to_owned()), (30, "c".to_owned())]);
        let said = merger.push(Batch { from: (1, 2), upto: u64::MAX, events: Vec::new() });
        assert_eq!(seen(said), [(80, "d".to_owned())]);
        let said = merger.push(Batch { from: (0, 2), upto: u64::MAX, events: vec![event(90, "e")] });
        assert_eq!(seen(said), [(90, "e".to_owned())]);
    }

    #[test]
    fn what_time_has_ended_comes_by_its_rank_whoever_found_it() {
        let ranked = |rank: u64, name: &str| Event { rank, ..event(7, name) };
        let mut merger = Merger::default();
        merger.push(Batch { from: (0, 2), upto: u64::MAX, events: vec![ranked(1, "a"), ranked(9, "d")] });
        let said = merger.push(Batch { from: (1, 2), upto: u64::MAX, events: vec![ranked(2, "b"), ranked(5, "c")] });
        let names: Vec<_> = seen(said).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_events_whoever_is_faster(
            // Gaps between events, and who found each.
            events in prop::collection::vec((0..3_u64, 0..3_usize), 0..60),
            // Whose turn it is, and how many events he tells.
            turns in prop::collection::vec((0..3_usize, 0..6_usize), 0..60),
        ) {
            let mut order = 1;
            let mut found: [Vec<(u64, String)>; 3] = Default::default();
            for (n, (gap, who)) in events.iter().enumerate() {
                order += gap;
                found[*who].push((order, n.to_string()));
            }
            let mut all: Vec<_> = (0..3).flat_map(|who| found[who].iter().map(move |e| (e.0, who, e.1.clone()))).collect();
            all.sort_by_key(|e| (e.0, e.1));
            let mut merger = Merger::default();
            let mut out = Vec::new();
            let mut told = [0_usize; 3];
            let rest = (0..3).map(|who| (who, usize::MAX));
            for (who, n) in turns.into_iter().chain(rest) {
                let list = &found[who];
                let to = list.len().min(told[who].saturating_add(n));
                let events: Vec<_> = list[told[who]..to].iter().map(|(o, name)| event(*o, name)).collect();
                // Everything before what it finds next.
                let upto = list.get(to).map_or(u64::MAX, |e| e.0.saturating_sub(1));
                told[who] = to;
                out.extend(seen(merger.push(Batch { from: (who, 3), upto, events })));
            }
            prop_assert_eq!(out, all.into_iter().map(|(o, _, name)| (o, name)).collect::<Vec<_>>());
        }
    }
}

//! Worlds of flows whose pushes are made up, and what is said of them.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

/// Random numbers that are the same on every machine.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            dice.even();
        }
        dice
    }

    /// From 0 to 1.
    pub(super) fn even(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exponential.
    pub(super) fn gap(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.even()).ln()
    }

    /// Moments of a Poisson process in `[0, end)`.
    pub(super) fn poisson(&mut self, mean: f64, end: f64) -> Vec<f64> {
        let mut t = 0.0;
        std::iter::from_fn(|| {
            t += self.gap(mean);
            (t < end).then_some(t)
        })
        .collect()
    }

    /// Jobs of a pool: at every block, late by a little, and when nothing came for `timer`.
    pub(super) fn jobs(&mut self, blocks: &[f64], timer: f64, end: f64) -> Vec<f64> {
        let mut jobs = Vec::new();
        let mut t = self.even() * timer.min(60.0);
        let mut blocks = blocks.iter().map(|b| b + self.gap(0.2)).collect::<Vec<_>>();
        blocks.sort_by(f64::total_cmp);
        let mut blocks = blocks.into_iter().peekable();
        while t < end {
            jobs.push(t);
            t = match blocks.peek() {
                Some(b) if *b < t + timer => *b,
                _ => t + timer,
            };
            while blocks.next_if(|b| *b <= t).is_some() {}
        }
        jobs
    }

    /// A timer that keeps time to within `jitter`.
    pub(super) fn timer(&mut self, from: f64, period: f64, jitter: f64, end: f64) -> Vec<f64> {
        let count = ((end - from) / period) as usize;
        (0..count).map(|i| from + i as f64 * period + jitter * self.even()).collect()
    }

    /// Bursts of talk: each push is answered by another soon, three times out of four.
    pub(super) fn talk(&mut self, mean: f64, end: f64) -> Vec<f64> {
        let mut all = Vec::new();
        for start in self.poisson(mean, end) {
            let mut t = start;
            all.push(t);
            while self.even() < 0.75 {
                t += self.gap(5.0);
                all.push(t);
            }
        }
        all.retain(|t| *t < end);
        all.sort_by(f64::total_cmp);
        all
    }
}

const HOUR: f64 = 3_600.0;
const START: i64 = 1_700_000_000;

pub(super) fn at(seconds: f64) -> PacketTime {
    PacketTime::from_parts(START, (seconds * 1e9) as i64)
}

pub(super) fn party(flow: u64, service: u8) -> Party {
    let inside = Ipv4Addr::from(0x0a00_0000 + flow as u32);
    Party { flow, tenant: 0, inside: inside.into(), server: (Ipv4Addr::new(198, 18, service, 7), 443).into() }
}

pub(super) fn push(seconds: f64) -> Beat {
    Beat { at: at(seconds), kind: BeatKind::Push { size: 400 } }
}

/// Plays flows, and tells what was said of each at the end.
pub(super) fn play(detect: &mut Detect, flows: &[(Party, Vec<f64>)]) -> Vec<Vec<Saying>> {
    let mut beats: Vec<(f64, usize)> =
        flows.iter().enumerate().flat_map(|(i, (_, times))| times.iter().map(move |t| (*t, i))).collect();
    beats.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (t, i) in &beats {
        detect.beat(&flows[*i].0, push(*t));
    }
    let end = beats.last().map_or(0.0, |b| b.0);
    flows.iter().map(|(party, _)| detect.judge(party, &Facts::default(), at(end))).collect()
}

pub(super) fn bets(said: &[Saying]) -> Vec<&Saying> {
    said.iter().filter(|s| !matches!(s.seen, Seen::Context { .. })).collect()
}

#[test]
fn the_sentences_can_be_followed() {
    let chain = Chain { coin: "XMR".into(), source: "blocks.log".into() };
    let phase = Seen::BlockPhase {
        chain,
        hits: 11,
        blocks: 12,
        chance: 0.05,
        offset: -12.75,
        bound: -9.3,
        only_blocks: true,
        minehunter: Some(0.812),
    };
    let together =
        Seen::PushedTogether { hosts: 3, services: 2, times: 9, pushes: 10, chance: 0.02, bound: -6.7, twins: false };
    let broadcast =
        Seen::PushedTogether { hosts: 3, services: 1, times: 9, pushes: 10, chance: 0.02, bound: -6.7, twins: true };
    let relay = Seen::Relay {
        relay: Ipv4Addr::new(192, 0, 2, 5).into(),
        hosts: 4,
        echoes: 9,
        pushes: 9,
        shares: Some((12.0, 11.5)),
        bound: -8.0,
    };
    let context = Seen::Context { visitors: 1, visits: Some((12, 2)), words: vec!["no name"] };
    let told: Vec<_> = [phase, together, broadcast, relay, context]
        .into_iter()
        .map(|seen| Saying { seen, weight: 1.0 }.to_string())
        .collect();
    assert_eq!(
        told,
        [
            "a push came with 11 of 12 XMR blocks (0.6 expected by chance, odds below 1 in 1e9), 13 s earlier than the feed says, \
             and hardly anything else was pushed, as to a node or a wallet; MineHunter's score 0.81",
            "9 of 10 unforeseen pushes came at the same moment as another host's (0.2 expected by chance, odds below 1 in 1e6): 3 \
             hosts, 2 services",
            "9 of 10 unforeseen pushes came at the same moment as another host's (0.2 expected by chance, odds below 1 in 1e6): 3 \
             hosts, 1 service; anything that is sent to many at once does that, too",
            "192.0.2.5 passed on 9 of 9 pushes at once to 4 inside hosts (odds below 1 in 1e8); they send it 12.0 requests a \
             minute, it sends on 11.5",
            "no other host inside talks to that address, 2 of 12 visits to it came to nothing, no name",
        ]
    );
}

#[test]
fn jobs_of_a_known_miner_are_a_feed_for_the_unknown() {
    let mut dice = Dice::new(1);
    let blocks = dice.poisson(120.0, HOUR);
    let hidden = dice.jobs(&blocks, 60.0, HOUR);
    let chain = Chain { coin: "XMR".into(), source: "jobs of 192.0.2.5".into() };
    let mut detect = Detect::default();
    for (height, block) in (3_000_000..).zip(&blocks) {
        // Every job names the height, not only the first of it.
        detect.job(&chain, height, at(*block));
        detect.job(&chain, height, at(block + 1.0));
    }
    let said = play(&mut detect, &[(party(1, 1), hidden)]);
    let [Saying { seen: Seen::BlockPhase { hits, blocks: judged, .. }, weight }] = bets(&said[0])[..] else {
        panic!("{said:?}");
    };
    assert!(*hits > 20 && hits + 5 >= *judged && *weight > 3.9, "{said:?}");
}

#[test]
fn a_feed_of_another_chain_says_nothing_and_costs_its_price() {
    let mut dice = Dice::new(2);
    let blocks = dice.poisson(120.0, HOUR);
    let hidden = dice.jobs(&blocks, 60.0, HOUR);
    let others: Vec<_> = (0..7).map(|_| dice.poisson(120.0, HOUR)).collect();
    let mut detect = Detect::default();
    for (i, other) in others.iter().chain([&blocks]).enumerate() {
        let chain = Chain { coin: format!("C{i}").into(), source: "file".into() };
        for b in other {
            detect.block(&chain, at(*b));
        }
    }
    let said = play(&mut detect, &[(party(1, 1), hidden)]);
    let [Saying { seen: Seen::BlockPhase { chain, .. }, .. }] = bets(&said[0])[..] else { panic!("{said:?}") };
    assert_eq!(&*chain.coin, "C7");
}

#[test]
fn tables_stay_within_their_limits() {
    let limits = Limits { flows: 64, chains: 2, blocks: 16, addresses: 32 };
    let mut detect = Detect::new(limits);
    for i in 0..1_000u64 {
        detect.beat(&party(i, (i % 200) as u8), push(i as f64));
        detect.block(&Chain { coin: format!("C{}", i % 5).into(), source: "f".into() }, at(i as f64 * 100.0));
    }
    assert!(detect.flows.len() <= 64);
    assert_eq!(detect.chains.len(), 2);
    let tally = detect.tally();
    assert!(tally.evicted >= 900 && tally.blocks >= 600 && tally.addresses > 0, "{tally:?}");
    // One host may not push out the others.
    let mut detect = Detect::new(limits);
    for i in 0..100 {
        detect.beat(&Party { flow: i, ..party(1, i as u8) }, push(i as f64));
    }
    assert_eq!((detect.flows.len(), detect.tally().refused), (4, 96));
}

#[test]
fn what_was_said_of_stays_longest() {
    let mut dice = Dice::new(3);
    let blocks = dice.poisson(120.0, HOUR);
    let mut detect = Detect::new(Limits { flows: 16, ..Limits::default() });
    let chain = Chain { coin: "XMR".into(), source: "f".into() };
    for b in &blocks {
        detect.block(&chain, at(*b));
    }
    let miner = party(1, 1);
    assert!(!bets(&play(&mut detect, &[(miner, dice.jobs(&blocks, 60.0, HOUR))])[0]).is_empty());
    for i in 2..200 {
        detect.beat(&party(i, 2), push(HOUR + i as f64));
    }
    assert!(!bets(&detect.judge(&miner, &Facts::default(), at(HOUR + 300.0))).is_empty());
}

#[test]
fn an_ended_flow_leaves_nothing() {
    let mut detect = Detect::default();
    let relayed = Party { server: (party(1, 1).inside, 3333).into(), ..party(2, 1) };
    for (i, p) in [party(1, 1), relayed].iter().enumerate() {
        detect.beat(p, push(i as f64));
    }
    detect.end(1);
    detect.end(2);
    detect.end(3);
    assert_eq!(detect.flows.len(), 0);
    assert_eq!(detect.relays.flows_of(0, party(1, 1).inside), 0);
}

proptest! {
    /// Whatever times and ends come, nothing breaks, and no bound is above certainty.
    #[test]
    fn any_beats_are_taken(
        beats in proptest::collection::vec((0u64..6, 0u8..3, any::<i64>(), 0u8..4), 0..200),
        near in any::<bool>(),
    ) {
        let mut detect = Detect::new(Limits { flows: 4, chains: 2, blocks: 8, addresses: 2 });
        let chain = Chain { coin: "XMR".into(), source: "f".into() };
        for (flow, service, time, kind) in beats {
            let time = PacketTime::from_nanos(if near { time % 100_000_000_000 } else { time });
            let mut p = party(flow, service);
            if flow % 2 == 0 {
                p.server = (party(flow + 1, 0).inside, 1).into();
            }
            match kind {
                0 => detect.block(&chain, time),
                1 => detect.beat(&p, Beat { at: time, kind: BeatKind::Share { size: 200 } }),
                2 => detect.beat(&p, Beat { at: time, kind: BeatKind::Push { size: 400 } }),
                _ => detect.end(flow),
            }
            for s in detect.judge(&p, &Facts::default(), time) {
                prop_assert!(s.weight.is_finite());
                if let Seen::BlockPhase { bound, .. } | Seen::PushedTogether { bound, .. } | Seen::Relay { bound, .. } =
                    s.seen
                {
                    prop_assert!(bound <= 0.0);
                }
            }
        }
    }
}

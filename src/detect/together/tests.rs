use super::super::tests::{Dice, at, bets, party, play};
use super::super::{Detect, Saying, Seen};
use super::*;

const HOUR: f64 = 3_600.0;

/// Worlds that were tried more often than this: a hundred seeds of each were silent.
const SEEDS: std::ops::Range<u64> = 0..3;

/// What is said of hosts that all talk to services of their own.
fn said(trains: Vec<Vec<f64>>) -> Vec<Vec<Saying>> {
    let flows: Vec<_> = trains.into_iter().enumerate().map(|(i, t)| (party(i as u64 + 1, i as u8), t)).collect();
    play(&mut Detect::default(), &flows)
}

fn nobody(world: &str, trains: Vec<Vec<f64>>) {
    for (i, s) in said(trains).iter().enumerate() {
        assert!(bets(s).is_empty(), "{world}: flow {i}: {}", s[0]);
    }
}

#[test]
fn miners_of_different_pools_are_found_among_others() {
    let mut dice = Dice::new(1);
    let blocks = dice.poisson(120.0, 1.5 * HOUR);
    let mut trains: Vec<_> = [30.0, 55.0, 90.0].map(|timer| dice.jobs(&blocks, timer, 1.5 * HOUR)).into();
    for _ in 0..20 {
        trains.push(dice.poisson(45.0, 1.5 * HOUR));
        trains.push(dice.talk(300.0, 1.5 * HOUR));
    }
    let said = said(trains);
    for (i, s) in said.iter().enumerate() {
        let [Saying { seen: Seen::PushedTogether { hosts, services, times, pushes, .. }, weight }] = bets(s)[..] else {
            assert!(i > 2, "miner {i} was not found: {s:?}");
            continue;
        };
        assert!(i < 3, "flow {i} is no miner: {}", s[0]);
        assert_eq!((*hosts, *services), (3, 3), "{}", s[0]);
        assert!(*weight > 1.8 && *times * 10 > *pushes * 6, "{}", s[0]);
    }
}

#[test]
fn from_one_service_it_is_a_broadcast_and_weighs_little() {
    let mut dice = Dice::new(2);
    let news = dice.poisson(100.0, 2.0 * HOUR);
    let flows: Vec<_> = (1..30).map(|i| (party(i, 9), news.iter().map(|t| t + 0.3 * dice.even()).collect())).collect();
    for s in play(&mut Detect::default(), &flows) {
        let [Saying { weight, .. }] = bets(&s)[..] else { panic!("{s:?}") };
        assert!(*weight < 1.0, "{}", s[0]);
        assert!(s[0].to_string().ends_with("anything that is sent to many at once does that, too"), "{}", s[0]);
    }
}

/// The same from addresses far apart, which is one broadcast all the same: nothing else is ever pushed.
#[test]
fn a_broadcast_from_many_addresses_is_one_still() {
    let mut dice = Dice::new(5);
    let news = dice.poisson(100.0, 2.0 * HOUR);
    let trains = (0..12).map(|_| news.iter().map(|t| t + 0.3 * dice.even()).collect()).collect();
    for s in said(trains) {
        let [Saying { weight, .. }] = bets(&s)[..] else { panic!("{s:?}") };
        assert!(*weight < 1.0, "{}", s[0]);
    }
}

#[test]
fn clocks_that_agree_are_no_company() {
    for seed in SEEDS {
        clocks_that_agree(&mut Dice::new(seed));
    }
}

fn clocks_that_agree(dice: &mut Dice) {
    let hosts = || 0..30;
    nobody("heartbeats at :00", hosts().map(|_| dice.timer(0.0, 60.0, 0.2, 6.0 * HOUR)).collect());
    nobody("heartbeats at :00, sloppy", hosts().map(|_| dice.timer(0.0, 60.0, 1.5, 6.0 * HOUR)).collect());
    let left_out = |dice: &mut Dice, period, share: f64| -> Vec<f64> {
        let all = dice.timer(0.0, period, 0.3, 6.0 * HOUR);
        all.into_iter().filter(|_| dice.even() < share).collect()
    };
    nobody("jobs at :00, some left out", hosts().map(|_| left_out(dice, 60.0, 0.6)).collect());
    nobody("seldom, at full ten seconds", hosts().map(|_| left_out(dice, 10.0, 0.15)).collect());
    nobody("seldom, at full five seconds", hosts().map(|_| left_out(dice, 5.0, 0.05)).collect());
    nobody("seldom, at full quarters of the minute", hosts().map(|_| left_out(dice, 15.0, 0.2)).collect());
    nobody("seldom, at every twelfth second", hosts().map(|_| left_out(dice, 12.0, 0.15)).collect());
    let firmware = |dice: &mut Dice| {
        let mut both = dice.timer(3.0, 30.0, 0.1, 6.0 * HOUR);
        both.extend(dice.timer(3.0, 47.0, 0.1, 6.0 * HOUR));
        both.sort_by(f64::total_cmp);
        both
    };
    nobody("two timers, switched on together", hosts().map(|_| firmware(dice)).collect());
}

#[test]
fn chance_is_no_company() {
    for seed in SEEDS {
        let mut dice = Dice::new(100 + seed);
        let trains = (0..60).map(|i| match i % 4 {
            0 => dice.poisson(20.0, 4.0 * HOUR),
            1 => dice.poisson(120.0, 4.0 * HOUR),
            2 => dice.talk(600.0, 4.0 * HOUR),
            _ => {
                let (from, period) = (dice.even() * 60.0, 20.0 + dice.even() * 40.0);
                dice.timer(from, period, 0.3, 4.0 * HOUR)
            }
        });
        nobody("chance", trains.collect());
    }
}

/// A line that stalls hands over what waited to all at once.
#[test]
fn a_line_that_stalls_makes_no_company() {
    for seed in SEEDS {
        a_line_that_stalls(&mut Dice::new(seed));
    }
}

fn a_line_that_stalls(dice: &mut Dice) {
    let stalls = dice.poisson(400.0, 4.0 * HOUR);
    let held = |t: f64| stalls.iter().find(|s| t >= **s && t < **s + 8.0).map_or(t, |s| s + 8.0);
    let trains = (0..40).map(|i| {
        let from = dice.even() * 60.0;
        let period = [15.0, 20.0, 25.0, 30.0, 45.0, 60.0][i % 6];
        dice.timer(from, period, 0.1, 4.0 * HOUR).into_iter().map(held).collect()
    });
    nobody("stalls", trains.collect());
}

#[test]
fn what_waits_and_what_is_tried_is_bounded() {
    let mut together = Together::default();
    for i in 0..10_000u64 {
        together.add(&party(i, (i % 250) as u8), at(0.0), true);
    }
    assert_eq!(together.waiting.len(), WAITING);
    assert_eq!(together.dropped, 10_000 - WAITING as u64);
    let one = together.waiting[2_000];
    let company = together.company(2_000, &one);
    assert_eq!(company.len(), NEIGHBOURS);
    let mut mates = Mates::default();
    mates.meet(&one, &company);
    assert_eq!(mates.held.len(), TRIED.min(MATES));
    mates.meet(&one, &company[TRIED..]);
    assert_eq!(mates.held.len(), MATES, "those who have not lost keep their place");
}

#[test]
fn every_mate_tried_has_its_price() {
    // All shares together are no more than the stake, however many are tried.
    let all: f64 = (1..100_000).map(|k| 1.0 / (f64::from(k) * (f64::from(k) + 1.0))).sum();
    assert!(all < 1.0);
}

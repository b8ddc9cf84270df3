use super::super::tests::{Dice, at, bets, party, play, push};
use super::super::{Detect, Facts, Saying, Seen};
use super::*;

const HOUR: f64 = 3_600.0;

/// A relay at 10.0.0.1 with one flow outwards and several that it feeds.
fn world(hosts: u64, up: Vec<f64>, mut down: impl FnMut() -> Vec<f64>) -> Vec<(Party, Vec<f64>)> {
    let relay = party(1, 1);
    let fed = (2..2 + hosts).map(|i| Party { server: (relay.inside, 3333).into(), ..party(i, 0) });
    [(relay, up)].into_iter().chain(fed.map(|p| (p, down()))).collect()
}

fn relayed(said: &[Saying]) -> Option<&Saying> {
    said.iter().find(|s| matches!(s.seen, Seen::Relay { .. }))
}

#[test]
fn jobs_passed_on_at_once_show_a_relay_and_whom_it_feeds() {
    let mut dice = Dice::new(1);
    let blocks = dice.poisson(120.0, HOUR);
    let up = dice.jobs(&blocks, 60.0, HOUR);
    let jobs = up.clone();
    let mut flows = world(5, up, || jobs.iter().map(|t| t + 0.002 + 0.02 * dice.even()).collect());
    // A visitor of its web page.
    let mut other = Dice::new(2);
    flows.push((Party { server: (party(1, 1).inside, 443).into(), ..party(50, 0) }, other.poisson(60.0, HOUR)));
    let said = play(&mut Detect::default(), &flows);
    let Some(Saying { seen: Seen::Relay { hosts, relay, echoes, pushes, .. }, weight }) = relayed(&said[0]) else {
        panic!("{said:?}");
    };
    assert_eq!((*hosts, *relay), (5, party(1, 1).inside));
    assert!(*weight < 2.1 && echoes * 10 > pushes * 9, "{}", said[0][0]);
    for s in &said[1..6] {
        assert!(relayed(s).is_some(), "{s:?}");
    }
    assert!(relayed(&said[6]).is_none(), "{:?}", said[6]);
}

#[test]
fn timers_on_both_sides_are_no_echo() {
    let mut dice = Dice::new(3);
    let up = dice.timer(0.0, 30.0, 0.1, 6.0 * HOUR);
    let flows = world(8, up, || dice.timer(0.1, 30.0, 0.1, 6.0 * HOUR));
    assert!(play(&mut Detect::default(), &flows).iter().all(|s| bets(s).is_empty()));
}

#[test]
fn a_server_that_is_also_a_client_is_no_relay() {
    for seed in 0..5 {
        let mut dice = Dice::new(10 + seed);
        let up = dice.poisson(40.0, 4.0 * HOUR);
        let flows = world(12, up, || dice.talk(200.0, 4.0 * HOUR));
        assert!(play(&mut Detect::default(), &flows).iter().all(|s| relayed(s).is_none()));
    }
}

#[test]
fn rates_are_told_once_there_are_enough_requests() {
    let mut dice = Dice::new(4);
    let blocks = dice.poisson(120.0, HOUR);
    let up = dice.jobs(&blocks, 60.0, HOUR);
    let flows = world(2, up.clone(), || up.iter().map(|t| t + 0.01).collect());
    let mut detect = Detect::default();
    for (p, _) in &flows {
        detect.beat(p, push(0.0));
    }
    let mut t = 0.0;
    for i in 0..200 {
        t += 10.0;
        let share = |t| Beat { at: at(t), kind: BeatKind::Share { size: 200 } };
        detect.beat(&flows[1 + i % 2].0, share(t));
        detect.beat(&flows[0].0, share(t + 0.01));
    }
    let moved: Vec<_> = flows.iter().map(|(p, ts)| (*p, ts.iter().map(|x| x + t + 1.0).collect())).collect();
    play(&mut detect, &moved);
    let said = detect.judge(&flows[0].0, &Facts::default(), at(t + HOUR));
    let Some(Saying { seen: Seen::Relay { shares: Some((down, up)), .. }, .. }) = relayed(&said) else {
        panic!("{said:?}");
    };
    assert!((down - 6.0).abs() < 0.2 && (up - 6.0).abs() < 0.2, "{down} {up}");
}

#[test]
fn a_relay_follows_no_more_than_it_may() {
    let mut relays = Relays::default();
    let relay = party(1, 1);
    relays.add(&relay);
    for i in 2..200 {
        let p = Party { server: (relay.inside, 1).into(), ..party(i, 0) };
        relays.add(&p);
        relays.beat(&p, push(1.0), Some(Push::Unforeseen));
    }
    for i in 0..100 {
        relays.beat(&relay, push(f64::from(i) * 2.0), Some(Push::Unforeseen));
    }
    let candidate = relays.candidate((0, relay.inside)).unwrap();
    assert_eq!((candidate.fed.len(), candidate.waiting.len()), (FED, WAITING));
}

//! What a user gets of the detector of single flows: invented flows, by chance but always the same.

use proptest::prelude::*;

use super::*;

/// Chance with a seed (xorshift64*).
struct Chance(u64);

impl Chance {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Seconds until something that happens each `mean` seconds.
    fn exp(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Times up to `end` of what happens each `mean` seconds, without memory.
    fn moments(&mut self, mean: f64, end: f64) -> Vec<f64> {
        let mut at = 0.0;
        std::iter::from_fn(|| {
            at += self.exp(mean);
            (at < end).then_some(at)
        })
        .collect()
    }
}

/// Seconds, direction, bytes.
type Flow = Vec<(f64, Way, u32)>;

fn time(at: f64) -> PacketTime {
    PacketTime::from_nanos(1_700_000_000_000_000_000 + (at * 1e9) as i64)
}

/// When the flow was first suspected, and the last reading.
fn watch(flow: &mut Flow) -> (Option<f64>, Reading) {
    flow.sort_by(|a, b| a.0.total_cmp(&b.0));
    let first = flow.first().map_or(0.0, |m| m.0);
    let mut rhythm = Rhythm::new(time(first));
    let (mut found, mut last) = (None, Reading::default());
    for &(at, way, size) in flow.iter() {
        rhythm.message(Message { at: time(at), way, size });
        if rhythm.is_due() {
            last = rhythm.judge(time(at));
            if last.level != Standing::Silent && found.is_none() {
                found = Some(at - first);
            }
        }
    }
    (found, last)
}

/// A job at once, with each of `blocks`, and when there was none for `period`.
fn jobs(period: f64, blocks: &[f64], end: f64) -> Vec<f64> {
    let mut all = Vec::new();
    let mut last = 0.0;
    for block in blocks.iter().copied().chain([end]) {
        while last + period < block {
            last += period;
            all.push(last);
        }
        last = block;
        all.push(block);
    }
    all
}

fn miner(chance: &mut Chance, sizes: [u32; 3], share: f64, period: f64, end: f64) -> Flow {
    let blocks = chance.moments(120.0, end);
    let mut flow: Flow = jobs(period, &blocks, end).into_iter().map(|at| (at, Way::Down, sizes[2])).collect();
    for at in chance.moments(share, end) {
        flow.push((at, Way::Up, sizes[0]));
        flow.push((at + 0.1 + chance.unit() * 0.1, Way::Down, sizes[1]));
    }
    flow
}

/// How many of 20 flows are suspected before `within` seconds.
fn suspected(within: f64, mut make: impl FnMut(&mut Chance) -> Flow) -> usize {
    let one = |seed: u64| watch(&mut make(&mut Chance(seed * 0x9e37_79b9 + 1))).0;
    (1..=20).filter_map(one).filter(|at| *at <= within).count()
}

fn witness(reading: &Reading, kind: WitnessKind) -> Option<&Witness> {
    reading.witnesses.iter().find(|w| w.kind() == kind)
}

const XMR: [u32; 3] = [185 + 22, 65 + 22, 378 + 22];

#[test]
fn a_miner_in_tls_is_suspected_in_minutes_with_reasons_and_a_coin() {
    assert!(suspected(600.0, |c| miner(c, XMR, 12.0, 124.0, 1800.0)) >= 19);
    let (_, reading) = watch(&mut miner(&mut Chance(7), XMR, 12.0, 124.0, 3600.0));
    assert_eq!(reading.level, Standing::ProbableEligible);
    for kind in [
        WitnessKind::SteadyExchange,
        WitnessKind::SteadyPushes,
        WitnessKind::KnownSizes,
        WitnessKind::MemorylessShares,
        WitnessKind::JobTimer,
        WitnessKind::BlockClock,
    ] {
        let found = witness(&reading, kind).unwrap_or_else(|| panic!("no {kind:?} in {reading:?}"));
        assert!(found.weight > 0.0 && !found.to_string().is_empty(), "{found}");
    }
    let coin = reading.coins.iter().next().expect("a coin");
    assert_eq!((coin.coin.symbol, coin.coin.interval), ("XMR", 120));
    assert!(coin.likelihood > 0.8);
}

#[test]
fn it_is_found_without_knowing_its_sizes() {
    // A timer that blocks restart is enough, with steady sizes of any kind.
    assert!(suspected(1800.0, |c| miner(c, [700, 500, 900], 12.0, 60.0, 1800.0)) >= 17);
}

#[test]
fn jobs_alone_are_enough() {
    let only_jobs = |c: &mut Chance| {
        let blocks = c.moments(120.0, 1800.0);
        jobs(30.3, &blocks, 1800.0).into_iter().map(|at| (at, Way::Down, 406)).collect()
    };
    assert!(suspected(900.0, only_jobs) >= 14);
    assert!(suspected(1800.0, only_jobs) >= 19);
}

#[test]
fn pieces_padding_and_reports_of_the_hash_rate_do_not_hide_it() {
    let cut = |c: &mut Chance| {
        let whole = miner(c, XMR, 15.0, 60.0, 2400.0);
        let parts = |(at, way, size): (f64, Way, u32)| {
            let first = 20 + (c.unit() * f64::from(size - 40)) as u32;
            [(at, way, first), (at + 0.02 + 0.07 * c.unit(), way, size - first + 22)]
        };
        whole.into_iter().flat_map(parts).collect()
    };
    assert!(suspected(2400.0, cut) >= 16);
    let filled = |c: &mut Chance| {
        let whole = miner(c, [185, 65, 378], 12.0, 124.0, 1800.0);
        whole.into_iter().map(|(at, way, size)| (at, way, size.div_ceil(128) * 128 + 22)).collect()
    };
    assert!(suspected(900.0, filled) >= 17);
    let reporting = |c: &mut Chance| {
        let mut flow = miner(c, [222, 40, 243], 20.0, 30.0, 2400.0);
        for n in 0..240 {
            flow.push((f64::from(n) * 10.0, Way::Up, 148));
            flow.push((f64::from(n) * 10.0 + 0.1, Way::Down, 40));
        }
        flow
    };
    assert!(suspected(2400.0, reporting) >= 16);
}

#[test]
fn what_only_looks_like_it_stays_silent() {
    let end = 7200.0;
    let ask = |at: f64, request: u32, reply: u32| [(at, Way::Up, request), (at + 0.05, Way::Down, reply)];
    // Telemetry that arrives like shares, of a share's size.
    let telemetry = |c: &mut Chance| c.moments(12.0, end).into_iter().flat_map(|at| ask(at, 207, 87)).collect();
    // The same with pushes by chance that have no dialect's sizes.
    let remote_calls = |c: &mut Chance| {
        let mut flow: Flow = c.moments(12.0, end).into_iter().flat_map(|at| ask(at, 300, 250)).collect();
        flow.extend(c.moments(60.0, end).into_iter().map(|at| (at, Way::Down, 420)));
        flow
    };
    // Polling on a timer with a server that sends its settings on another.
    let polling = |c: &mut Chance| {
        let mut flow: Flow = (0..600).flat_map(|n| ask(f64::from(n) * 12.0 + c.unit(), 207, 87)).collect();
        flow.extend((0..120).map(|n| (f64::from(n) * 60.0, Way::Down, 400)));
        flow
    };
    // A heartbeat and independent news of the same size: nothing restarts it.
    let beside = |c: &mut Chance| {
        let mut flow: Flow = (0..240).map(|n| (f64::from(n) * 30.0, Way::Down, 406)).collect();
        flow.extend(c.moments(120.0, end).into_iter().map(|at| (at, Way::Down, 406)));
        flow
    };
    // News alone, on no timer.
    let ticker = |c: &mut Chance| c.moments(25.0, end).into_iter().map(|at| (at, Way::Down, 300)).collect();
    // Pushes that are answered.
    let answered = |c: &mut Chance| {
        let blocks = c.moments(120.0, end);
        let all = jobs(30.0, &blocks, end).into_iter();
        all.flat_map(|at| [(at, Way::Down, 406), (at + 0.05, Way::Up, 40)]).collect()
    };
    // Cells, both ways, by chance.
    let cells = |c: &mut Chance| {
        let mut flow: Flow = c.moments(5.0, end).into_iter().map(|at| (at, Way::Up, 536)).collect();
        flow.extend(c.moments(5.0, end).into_iter().map(|at| (at, Way::Down, 536)));
        flow
    };
    assert_eq!(suspected(end, telemetry), 0);
    assert_eq!(suspected(end, remote_calls), 0);
    assert_eq!(suspected(end, polling), 0);
    assert_eq!(suspected(end, beside), 0);
    assert_eq!(suspected(end, ticker), 0);
    assert_eq!(suspected(end, answered), 0);
    assert_eq!(suspected(end, cells), 0);
}

#[test]
fn stratum_v2_is_known_by_its_handshake_and_frames() {
    let mut chance = Chance(3);
    let mut flow: Flow = vec![(0.0, Way::Up, 64), (0.1, Way::Down, 234), (0.2, Way::Up, 144), (0.3, Way::Down, 46)];
    flow.extend(jobs(30.0, &chance.moments(600.0, 600.0), 600.0).into_iter().map(|at| (at + 1.0, Way::Down, 87)));
    let (found, reading) = watch(&mut flow);
    assert!(found.is_some_and(|at| at < 300.0), "{reading:?}");
    assert!(witness(&reading, WitnessKind::NoiseSizes).is_some());
    // Without the handshake jobs of that size alone say nothing.
    assert_eq!(watch(&mut flow.split_off(4)).0, None);
}

#[test]
fn what_was_suspected_stays_so_until_it_is_refuted() {
    let mut flow = miner(&mut Chance(5), XMR, 12.0, 124.0, 1200.0);
    // Then no more jobs are seen, and shares come slowly.
    flow.extend((0..20).flat_map(|n| {
        let at = 1300.0 + f64::from(n) * 50.0;
        [(at, Way::Up, XMR[0]), (at + 0.1, Way::Down, XMR[1])]
    }));
    assert_ne!(watch(&mut flow).1.level, Standing::Silent);
    // Then it is something else.
    flow.extend((0..400).map(|n| (3000.0 + f64::from(n) * 5.0, Way::Up, 90 + (n % 7) * 100)));
    assert_eq!(watch(&mut flow).1.level, Standing::Silent);
}

#[test]
fn beats_tell_jobs_shares_and_blocks() {
    let mut flow = miner(&mut Chance(9), XMR, 12.0, 60.0, 3600.0);
    flow.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut rhythm = Rhythm::new(time(0.0));
    let (mut shares, mut pushes, mut blocks) = (0, 0, 0);
    for (at, way, size) in flow.iter().copied() {
        let beat = rhythm.message(Message { at: time(at), way, size });
        match beat.map(|b| (b.at == time(at), b.kind)) {
            Some((true, BeatKind::Share { size })) if size == XMR[0] => shares += 1,
            Some((true, BeatKind::Push { size })) if size == XMR[2] => pushes += 1,
            Some((true, BeatKind::Block { size })) if size == XMR[2] => blocks += 1,
            None => {}
            other => panic!("{other:?} of {way:?} {size}"),
        }
        if rhythm.is_due() {
            rhythm.judge(time(at));
        }
    }
    let sent = |size: u32| flow.iter().filter(|m| m.2 == size).count();
    assert!(shares + 4 >= sent(XMR[0]), "{shares} of {}", sent(XMR[0]));
    assert!(pushes + blocks + 8 >= sent(XMR[2]) && blocks > 10, "{pushes} and {blocks} of {}", sent(XMR[2]));
}

#[test]
fn one_direction_is_judged_by_what_is_seen() {
    // Only the pool's side: jobs are still jobs.
    let down = |c: &mut Chance| miner(c, XMR, 15.0, 30.0, 3600.0).into_iter().filter(|m| m.1 == Way::Down).collect();
    assert!(suspected(3600.0, down) >= 10);
    // Only the miner's: shares alone could be anybody's telemetry.
    let up = |c: &mut Chance| miner(c, XMR, 15.0, 30.0, 3600.0).into_iter().filter(|m| m.1 == Way::Up).collect();
    assert_eq!(suspected(3600.0, up), 0);
}

fn any_size() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), Just(62), Just(u32::MAX), 0..70_000_u32, Just(185), Just(65), Just(378)]
}

proptest! {
    #[test]
    fn no_sequence_of_messages_breaks_it(
        messages in prop::collection::vec((any::<i64>(), any::<bool>(), any_size(), 0..3_u8), 0..400),
    ) {
        let mut at = 0_i64;
        let mut rhythm = Rhythm::new(PacketTime::ZERO);
        for (jump, up, size, how) in messages {
            // Anything at all, steps back, and steps that flows have.
            at = match how {
                0 => jump,
                1 => at.wrapping_sub(jump % 10_000_000_000),
                _ => at.wrapping_add((jump % 100_000_000_000).abs()),
            };
            let m = Message { at: PacketTime::from_nanos(at), way: if up { Way::Up } else { Way::Down }, size };
            rhythm.message(m);
            if rhythm.is_due() {
                let r = rhythm.judge(m.at);
                prop_assert!(r.score.is_finite(), "{r:?}");
                prop_assert!(r.witnesses.iter().all(|w| w.weight.is_finite() && !w.to_string().is_empty()), "{r:?}");
                let sum: f32 = r.coins.iter().map(|c| c.likelihood).sum();
                prop_assert!((0.0..1.001).contains(&sum), "{r:?}");
            }
        }
    }
}

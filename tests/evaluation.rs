//! Encrypted mining is found in time, and long flows that look like it are not taken for it: a small part of what
//! `cargo run --release --example evaluate` judges, small enough for every change.
//!
//! Also: that the simulator is what it says, and that published rules beside ours are their authors' rules.

#![allow(dead_code)] // the report and the dump, which the example alone writes
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // modules of a test, which clippy does not see

#[path = "evaluate/baseline.rs"]
mod baseline;
#[path = "evaluate/benign/mod.rs"]
mod benign;
#[path = "evaluate/chain.rs"]
mod chain;
#[path = "evaluate/dialect.rs"]
mod dialect;
#[path = "evaluate/dump.rs"]
mod dump;
#[path = "evaluate/evasion.rs"]
mod evasion;
#[path = "evaluate/figures.rs"]
mod figures;
#[path = "evaluate/gateway.rs"]
mod gateway;
#[path = "evaluate/judge.rs"]
mod judge;
#[path = "evaluate/miner.rs"]
mod miner;
#[path = "evaluate/pool.rs"]
mod pool;
#[path = "evaluate/random.rs"]
mod random;
#[path = "evaluate/recorded.rs"]
mod recorded;
#[path = "evaluate/tape.rs"]
mod tape;
#[path = "evaluate/trial.rs"]
mod trial;
#[path = "evaluate/world.rs"]
mod world;

use baseline::{MineHunter, Shape};
use chain::{Chains, Coin, Set};
use dialect::MINED;
use evasion::Evasion;
use judge::{Judge, judged};
use miner::{Miner, Serving, What, Work};
use random::Random;
use tape::{Event, Framing, Tape};

/// Neither the seed that detectors are tuned on nor that of the report.
const SEED: u64 = 40_507;

/// Mean of gaps and their standard deviation by it: 1 where nothing is remembered, 0 for a timer.
fn gaps(at: &[f64]) -> (f64, f64) {
    let gaps: Vec<f64> = at.windows(2).map(|p| p[1] - p[0]).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    (mean, variance.sqrt() / mean)
}

#[test]
fn the_same_seed_makes_the_same_flows() {
    let flow = |seed, number| {
        let m = world::mining(seed, number, Set::Test, MINED[0], Framing::Tls13, Evasion::Together(evasion::MUCH));
        let b = world::benign(seed, number, &benign::CLASSES[3]);
        (m.connections, b.events)
    };
    assert_eq!(flow(SEED, 3), flow(SEED, 3));
    assert_ne!(flow(SEED, 3), flow(SEED, 4));
    assert_ne!(flow(SEED, 3), flow(SEED + 1, 3));
}

#[test]
fn blocks_are_found_without_memory_at_the_rate_of_the_coin() {
    let chains = Chains::new(SEED, 0, 1e6);
    for coin in [Coin::Monero, Coin::Litecoin, Coin::Zcash, Coin::EthereumClassic] {
        let (mean, spread) = gaps(chains.blocks(coin));
        assert!((mean / coin.interval() - 1.0).abs() < 0.1, "{coin:?}: {mean}");
        assert!((spread - 1.0).abs() < 0.06, "{coin:?}: {spread}");
    }
}

#[test]
fn jobs_come_when_the_timer_runs_out_or_a_block_restarts_it() {
    let chains = Chains::new(SEED, 1, 20_000.0);
    let mut found = 0;
    for number in 0..40 {
        let random = &mut Random::of(SEED, "pool", number);
        let serving = Serving::new(random, Set::Test, &chains, MINED[0]);
        let (Some(timer), pool::Restart::Block) = (serving.pool.timer, serving.pool.restart) else { continue };
        found += 1;
        let slack = 6.0 * serving.pool.timer_jitter;
        for pair in serving.pushes.windows(2) {
            let gap = pair[1].at - pair[0].at;
            assert!(gap < timer + slack, "{gap} with a timer of {timer}");
            assert!(pair[1].block || gap > timer - slack, "{gap} with a timer of {timer}");
        }
    }
    assert!(found > 10);
}

#[test]
fn shares_are_found_without_memory_and_vardiff_brings_them_to_its_target() {
    let chains = Chains::new(SEED, 2, 40_000.0);
    let random = &mut Random::of(SEED, "shares", 0);
    let mut serving = Serving::new(random, Set::Test, &chains, MINED[0]);
    serving.pool.vardiff = pool::Vardiff::Window { target: 30.0, every: 60.0, clip: 2.0, least: 8, band: 0.3 };
    let miner = Miner { pool: &serving.pool, pushes: &serving.pushes, start: 0.0, end: 40_000.0, work: Work::Usual };
    let said = miner.run(random);
    let of = |what| said.iter().filter(move |s| s.what == what);
    let late: Vec<f64> = of(What::Share).map(|s| s.at).filter(|at| *at > 10_000.0).collect();
    let (mean, spread) = gaps(&late);
    assert!((15.0..60.0).contains(&mean), "{mean}");
    assert!((0.8..1.5).contains(&spread), "{spread}");
    // Jobs sooner than the timer wants are blocks, mostly: on public traces eleven of twelve.
    let jobs = of(What::Job).count();
    let pushes = serving.pushes.len();
    assert!(jobs.abs_diff(pushes) * 4 < pushes, "{jobs} jobs on the connection, {pushes} of the pool");
    assert!(of(What::Answer).count().abs_diff(of(What::Share).count()) < 3);
}

#[test]
fn framings_add_what_their_specifications_say() {
    assert_eq!(Framing::Plain.wrap(true, 185), 185);
    assert_eq!(Framing::Tls12.wrap(true, 185), 214);
    assert_eq!(Framing::Tls13.wrap(true, 185), 207);
    // A block cipher's record: initialisation vector, then content and MAC and padding in blocks.
    assert_eq!((Framing::Tls12Cbc.wrap(true, 185) - 5) % 16, 0);
    assert_eq!(Framing::WebSocketTls13.wrap(true, 60) - Framing::WebSocketTls13.wrap(false, 60), 4);
}

#[test]
fn evasions_do_what_they_are_called() {
    let flow = |evasion| world::mining(SEED, 7, Set::Test, MINED[0], Framing::Plain, evasion);
    let plain = flow(Evasion::None);
    assert!(flow(Evasion::Blocks(128)).events().all(|e| e.size % 128 == 0));
    assert!(flow(Evasion::Splitting).events().count() > 2 * plain.events().count());
    assert!(flow(Evasion::Reconnecting(300)).connections.len() > 5);
    assert!(flow(Evasion::NoShares).events().filter(|e| e.up).count() < plain.events().filter(|e| e.up).count());
    assert!(flow(Evasion::Tor).events().all(|e| e.size == 536));
}

#[test]
fn sets_differ_in_coins_and_kinds_of_traffic() {
    let count = |set| (world::mined(set).len(), benign::Class::of(set).count());
    let ((mined, kinds), (all, every)) = (count(Set::Tuning), count(Set::Test));
    assert!(mined < all && kinds < every && kinds >= 15, "{mined} {all} {kinds} {every}");
}

#[test]
fn mine_hunter_sees_pushes_that_come_with_blocks_and_no_others() {
    let chains = Chains::new(SEED, 3, 9000.0);
    let blocks = chains.blocks(Coin::Monero);
    let told = |late: f64| {
        let mut tape = Tape::default();
        blocks.iter().filter(|at| **at > 0.0).for_each(|at| tape.down(at + late, 378));
        let events = tape.finish(9000.0);
        let mut judge = MineHunter::new(blocks);
        for e in &events {
            judge.message(e);
        }
        (judge.verdict(9000.0).suspected.is_some(), judge.first.unwrap())
    };
    let (suspected, score) = told(0.4);
    assert!(suspected && score > 0.8, "{score}");
    let (suspected, score) = told(57.0);
    assert!(!suspected && score < 0.3, "{score}");
}

#[test]
fn shape_alone_asks_for_eight_exchanges_or_six_pushes() {
    let exchanges = |n: u32| {
        let mut tape = Tape::default();
        for i in 0..n {
            tape.ask(f64::from(i) * 5.0, 185 + i % 3, 0.2, 64);
        }
        judged(Shape::default(), &tape.finish(1e9)).suspected
    };
    assert_eq!((exchanges(7), exchanges(8)), (None, Some(35.2)));
    let pushes = |n: u32, size: u32| {
        let events: Vec<Event> =
            (0..n).map(|i| Event { at: f64::from(i) * 10.0, up: false, size: size + i % 2 }).collect();
        judged(Shape::default(), &events).suspected
    };
    assert_eq!((pushes(5, 378), pushes(6, 378), pushes(6, 100)), (None, Some(50.0), None));
}

#[test]
fn bounds_are_those_of_clopper_and_pearson() {
    // Exact for none: 1 - 0.05^(1/n). The other from tables.
    let none = figures::upper_bound(10_000, 0);
    assert!((none - (1.0 - 0.05f64.powf(1e-4))).abs() < 1e-8, "{none}");
    let three = figures::upper_bound(100, 3);
    assert!((three - 0.0757).abs() < 2e-4, "{three}");
    assert!((figures::lower_bound(50, 50) - 0.05f64.powf(0.02)).abs() < 1e-6);
}

#[test]
fn what_is_dumped_can_be_judged_as_if_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let flows = dump::write(folder.path(), SEED, Set::Tuning, 1).unwrap();
    assert!(flows > 100);
    let report = recorded::report(folder.path()).unwrap();
    assert!(report.contains("| as recorded | all | "), "{report}");
    assert!(report.contains("benign: "), "{report}");
}

/// Mining flows of each kind here; one more changes no other.
const EACH: usize = 12;

#[test]
fn miners_in_any_framing_are_suspected_in_time() {
    let mut all = trial::Outcome::default();
    for pair in world::mined(Set::Test) {
        all.add(&trial::mining(SEED, Set::Test, pair, None, Evasion::None, EACH, false));
    }
    let (quarter, hour) = (all.suspected.recall_by(900.0), all.suspected.recall_by(3600.0));
    let median = all.suspected.quantile(0.5).unwrap();
    // Slower than they were: heartbeats that may be jobs have to wait for a block, and sizes weigh after a while.
    assert!(quarter >= 0.8, "found within a quarter of an hour: {quarter:.3}");
    assert!(hour >= 0.93, "found within an hour: {hour:.3}");
    assert!(median <= 330.0, "median delay: {median:.0} s");
}

#[test]
fn monero_is_named_where_timing_allows() {
    let o = trial::mining(SEED, Set::Test, MINED[0], None, Evasion::None, 40, false);
    let right = f64::from(o.right) / f64::from(o.named.max(1));
    assert!(o.named >= 20, "named at all: {}", o.named);
    assert!(right >= 0.9, "rightly: {right:.2} of {}", o.named);
}

#[test]
fn long_flows_that_look_like_mining_are_not_taken_for_it() {
    let table = trial::benign(SEED, Set::Test, 520, false);
    let loud: Vec<_> = table.iter().filter(|r| !r.twin && r.suspected > 0).map(|r| (r.name, &r.examples)).collect();
    assert!(loud.is_empty(), "{loud:#?}");
}

#[test]
fn with_block_times_monero_is_probable_within_half_an_hour_and_wallets_are_not() {
    let told = gateway::judge(SEED, Set::Test, 4);
    let monero = told.monero_probable();
    let part = monero.recall_by(1800.0);
    assert!(part >= 0.8, "probable within half an hour: {part:.2} of {}", monero.flows());
    let benign = told.benign_probable().found_by(f64::INFINITY);
    assert_eq!(benign, 0, "{:#?}", told.said_of_benign().collect::<Vec<_>>());
}

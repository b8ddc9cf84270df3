use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

fn stamp(seconds: i64) -> PacketTime {
    PacketTime::from_parts(1_700_000_000 + seconds, 0)
}

/// Seconds that have passed when stamps of these seconds were seen.
fn passed(stamps: impl IntoIterator<Item = i64>) -> f64 {
    let mut clock = Clock::default();
    let told = stamps.into_iter().filter_map(|s| clock.see(stamp(s))).last();
    told.unwrap_or_default().since(Elapsed::ZERO).as_secs_f64()
}

/// Within a step of it.
fn about(seconds: i64) -> impl Fn(f64) -> bool {
    move |is| (is - seconds as f64).abs() <= 0.27
}

#[track_caller]
fn assert_passed(stamps: impl IntoIterator<Item = i64>, seconds: i64) {
    let is = passed(stamps);
    assert!(about(seconds)(is), "{is} s instead of {seconds} s");
}

#[test]
fn it_runs_as_the_stamps_do() {
    assert_passed(0..=HOUR, HOUR);
    assert_passed((0..=HOUR).step_by(90), HOUR);
    assert_passed([5], 0);
    // Frames of several processors are a little out of order.
    assert_passed((0..=HOUR).map(|s| s ^ 1), HOUR);
}

#[test]
fn a_host_with_a_wrong_clock_moves_nothing_however_much_it_sends() {
    for off in [-400 * DAY, -3 * HOUR, -20 * MINUTE, 11 * MINUTE, 20 * MINUTE, 3 * HOUR, 3 * DAY] {
        for bulk in [1, 3, 64, 1_000] {
            let each = |s: i64| std::iter::once(s).chain((0..bulk).map(move |_| s + off));
            assert_passed((0..=HOUR).step_by(10).flat_map(each), HOUR);
        }
    }
    // Nearer ones are told no further apart than a silence would be.
    assert_passed((0..=HOUR).flat_map(|s| [s, s + 9 * MINUTE]), HOUR + 2 * MINUTE);
}

#[test]
fn stamps_at_random_hold_up_nothing() {
    let strays = (1..100_000_i64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()) >> 32);
    let mut strays = strays.map(|s| s % (1_000 * DAY));
    let stamps = (0..HOUR).flat_map(|s| [s, strays.next().unwrap(), strays.next().unwrap()]);
    let is = passed(stamps);
    assert!((0.9 * HOUR as f64..=HOUR as f64 + 120.0).contains(&is), "{is}");
}

#[test]
fn after_a_silence_it_goes_on() {
    // How long it was, nobody knows: a few minutes at most are counted.
    assert_passed((0..=HOUR).chain(DAY..=DAY + HOUR), 2 * HOUR);
    assert_passed((0..=HOUR).chain(HOUR + 5 * MINUTE..=2 * HOUR), HOUR + 2 * MINUTE + 55 * MINUTE);
    // Files one behind the other, in any order.
    let files = [400 * DAY, 0, 30 * DAY, -30 * DAY, 500 * DAY, 2 * DAY, 3 * DAY, 4 * DAY, 5 * DAY, 6 * DAY];
    assert_passed(files.into_iter().flat_map(|f| f..=f + HOUR), 10 * HOUR);
    // A clock is set back by an hour, and by a minute.
    assert_passed((0..=2 * HOUR).chain(HOUR..=3 * HOUR), 4 * HOUR);
    assert_passed((0..=2 * HOUR).chain(2 * HOUR - 60..=3 * HOUR), 3 * HOUR);
}

#[test]
fn a_course_that_lags_catches_up_with_what_others_told() {
    // One sensor of two is silent for some minutes, and is the only one afterwards.
    let both = (0..=HOUR).flat_map(|s| [s, s + DAY]);
    let one = (HOUR..=HOUR + 5 * MINUTE).map(|s| s + DAY);
    let other = HOUR + 5 * MINUTE..=2 * HOUR;
    assert_passed(both.chain(one).chain(other), 2 * HOUR);
}

#[test]
fn no_stamp_is_too_strange() {
    let mut clock = Clock::default();
    for at in [i64::MAX, i64::MIN, 0, i64::MIN, i64::MAX, -1, 1] {
        clock.see(PacketTime::from_nanos(at));
    }
    assert!(clock.see(PacketTime::from_nanos(SECOND)).is_some());
}

proptest! {
    /// Clocks of three sensors that are right but for where they begin: none of them makes time run faster, and one of them
    /// is enough for it to run.
    #[test]
    fn time_runs_as_clocks_do_wherever_they_stand(
        offs in prop::array::uniform3(-10_i64..10),
        turns in prop::collection::vec((0..3_usize, 0..20_i64), 1..500),
    ) {
        let (mut clock, mut real, mut last) = (Clock::default(), 0, Elapsed::ZERO);
        for (who, wait) in turns {
            real += wait;
            if let Some(now) = clock.see(stamp(real + offs[who] * 15 * MINUTE)) {
                prop_assert!(now > last);
                last = now;
            }
        }
        prop_assert!(last <= Elapsed::after(Duration::from_secs(real.cast_unsigned())), "{last:?} after {real} s");
    }
}

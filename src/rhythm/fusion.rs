//! Witnesses together: caps per family, explicit ignorance, and what the sum allows to be said.
//!
//! Weights are decimal logarithms of likelihood ratios. A witness that is not there weighs nothing: that is its
//! ignorance. Within a family witnesses see the same thing in several ways, so their sum is capped by what the family
//! as a whole was measured or can be to tell.

use super::stat::ramp;
use super::timer::OFTEN;
use super::witness::{Fact, Witness, WitnessKind};

/// What encrypted traffic alone allows to be said of a flow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub enum Standing {
    /// Nothing.
    #[default]
    Silent,
    /// Shape and time together: `suspected`.
    Suspected,
    /// An independent clock agrees as well: `probable`, if nothing outside speaks against it.
    ProbableEligible,
}

/// The alarm budget: odds of 1 to 2000 against a flow that is not mining. A likelihood ratio exceeds 2000 with
/// probability of at most 1/2000 whenever one looks (Ville's inequality), so long as the weights are honest ones.
pub const SUSPECT: f32 = 3.3;
/// For the next level.
pub const PROBABLE: f32 = 5.0;
/// An interval between blocks counts as a clock of its own from here on: when it is that of a coin whose dialect the sizes
/// speak. Any rate fits some coin.
const CLOCK: f32 = 0.5;
/// Once suspected a flow stays so down to here: silence of a witness is no refutation.
pub const KEEP: f32 = 1.0;

/// What a witness is a witness of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Shape,
    Sizes,
    Arrivals,
    Timer,
    Clock,
    Together,
    Context,
}

/// Families with the most that each may add.
const CAPS: [(Family, f32); 7] = [
    // Steady exchanges and steady pushes go together in benign protocols too: the flows that have one of them are not
    // independent of those that have the other.
    (Family::Shape, 1.8),
    (Family::Sizes, 2.3),
    // Things that arrive by chance do exist: telemetry, many users behind one gateway. One in twenty, not fewer.
    (Family::Arrivals, 1.3),
    // A keepalive after a time without data, restarted by data, is the same mechanism: rare with one size for both.
    (Family::Timer, 2.6),
    // Chains are many, and few counts tell them from any other rate.
    (Family::Clock, 3.5),
    (Family::Together, 3.5),
    (Family::Context, 1.0),
];

/// What constant sizes and chance arrivals add together at most, and the same of flows that have had both for long:
/// telemetry, orders and receipts have both, too.
const BOTH: (f32, f32) = (2.9, 3.1);

/// The most that a family says against: requests on a timer are some miners' too (keepalives without shares, shares
/// held back: one in fifteen), and most of the others'.
const FLOOR: f32 = -1.2;

fn family(kind: WitnessKind) -> Family {
    match kind {
        WitnessKind::SteadyExchange | WitnessKind::SteadyPushes | WitnessKind::NoiseSizes => Family::Shape,
        WitnessKind::KnownSizes => Family::Sizes,
        WitnessKind::MemorylessShares => Family::Arrivals,
        WitnessKind::JobTimer => Family::Timer,
        WitnessKind::BlockClock | WitnessKind::BlockPhase => Family::Clock,
        WitnessKind::PushedTogether | WitnessKind::Relay => Family::Together,
        WitnessKind::FewVisitors => Family::Context,
    }
}

/// Fused score (decimal logarithm of the odds) of any witnesses, those of one flow and those of `detect`, and the
/// standing it allows.
pub fn fuse<'a>(witnesses: impl IntoIterator<Item = &'a Witness>) -> (f32, Standing) {
    let mut sums = CAPS.map(|(f, _)| (f, 0.0_f32));
    let (mut exchange, mut pushes, mut noise) = (0.0_f32, 0.0_f32, 0.0_f32);
    // It is a timer most of the time, and none of seconds: without any shape it takes that.
    let mut beats = false;
    let (mut by_luck_long, mut pushes_long) = (0.0_f32, 0.0_f32);
    for w in witnesses {
        let of = family(w.kind());
        for (f, sum) in &mut sums {
            if *f == of {
                *sum += w.weight;
            }
        }
        match w.fact {
            Fact::SteadyExchange { .. } => exchange = w.weight,
            Fact::SteadyPushes { count, .. } => {
                pushes = w.weight;
                // Those of one size to the byte, or nearly.
                pushes_long = if pushes > 0.9 { ramp(count as f32, (8.0, 0.0), (20.0, 1.0)) } else { 0.0 };
            }
            Fact::MemorylessShares { gaps, .. } => by_luck_long = ramp(gaps as f32, (30.0, 0.0), (60.0, 1.0)),
            Fact::NoiseSizes { .. } => noise = w.weight,
            Fact::JobTimer { full, early, period } => beats = full >= early && period >= OFTEN,
            _ => {}
        }
    }
    let mut score = 0.0;
    let part = |of: Family| {
        let cap = CAPS.iter().find(|(f, _)| *f == of).map_or(0.0, |(_, c)| *c);
        // The size recogniser of one protocol knows more than that sizes come again.
        let cap = if of == Family::Shape && noise > 0.0 { cap.max(noise) } else { cap };
        sums.iter().find(|(f, _)| *f == of).map_or(0.0, |(_, s)| s.clamp(FLOOR, cap))
    };
    for (f, _) in CAPS {
        score += part(f);
    }
    // Whoever asks the same again and again does so by chance more often than others do.
    if noise <= 0.0 {
        let both = ramp(by_luck_long * pushes_long, (0.0, BOTH.0), (1.0, BOTH.1));
        score -= (part(Family::Shape) + part(Family::Arrivals) - both).max(0.0);
    }
    let (shape, arrivals, timer) = (part(Family::Shape), part(Family::Arrivals), part(Family::Timer));
    let sizes = part(Family::Sizes);
    let (clock, together) = (part(Family::Clock), part(Family::Together));
    // Shape alone is silent, and so is time alone unless both directions have their own: requests by luck are found
    // in telemetry too, so they need pushes that nobody asked for beside them.
    let two = (exchange > 0.5 && pushes > 0.3 && arrivals > 0.5)
        || (shape > 0.5 && timer > 1.5)
        || (arrivals > 0.5 && timer > 1.3 && (shape > 0.2 || beats))
        // The coin that the sizes name has blocks as often.
        || (shape > 0.5 && sizes > 0.9 && clock > 0.5)
        // Signs of life as a miner sends them, of its sizes.
        || (exchange > 0.5 && pushes > 0.7 && sizes > 1.6)
        || noise > 2.0
        || (shape > 0.5 && (clock > 2.0 || together > 2.0));
    // Who else is there and what an address is called sorts suspects and makes none: so it may be of any long flow.
    let without = score - part(Family::Context).max(0.0);
    let level = if !two || without < SUSPECT {
        Standing::Silent
    } else if score >= PROBABLE
        && (clock >= CLOCK || together > 1.0)
        && (shape > 0.5 && (timer > 0.8 || arrivals > 0.5))
    {
        Standing::ProbableEligible
    } else {
        Standing::Suspected
    };
    (score, level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(weight: f32) -> Witness {
        Witness { fact: Fact::SteadyExchange { count: 70, request: 207, reply: 87, delay: 0.2 }, weight }
    }

    fn pushes(weight: f32) -> Witness {
        Witness { fact: Fact::SteadyPushes { count: 90, size: 400 }, weight }
    }

    fn arrivals(weight: f32) -> Witness {
        Witness { fact: Fact::MemorylessShares { gaps: 72, mean: 12.0 }, weight }
    }

    fn timer(weight: f32) -> Witness {
        Witness { fact: Fact::JobTimer { period: 30.0, full: 40, early: 10 }, weight }
    }

    fn phase(weight: f32) -> Witness {
        Witness { fact: Fact::BlockPhase { hits: 9, blocks: 10, chance: 0.1 }, weight }
    }

    #[test]
    fn one_family_is_never_enough() {
        for lone in [exchange(9.0), pushes(9.0), arrivals(9.0), timer(9.0), phase(9.0)] {
            assert_eq!(fuse([&lone]).1, Standing::Silent, "{lone}");
        }
        // Two that see the same thing are one.
        assert_eq!(fuse([&exchange(9.0), &pushes(9.0)]).1, Standing::Silent);
        // Nobody says nothing.
        assert_eq!(fuse([]), (0.0, Standing::Silent));
    }

    #[test]
    fn shape_and_timer_are_suspected_and_a_clock_makes_it_probable() {
        assert_eq!(fuse([&pushes(1.0), &timer(9.0)]).1, Standing::Suspected);
        assert_eq!(fuse([&pushes(1.0), &timer(9.0), &phase(3.0)]).1, Standing::ProbableEligible);
    }

    #[test]
    fn few_visitors_make_no_suspect() {
        let long = [exchange(9.0), pushes(1.0), arrivals(9.0)];
        let context = Witness { fact: Fact::FewVisitors { hosts: 1 }, weight: 1.0 };
        assert_eq!(fuse(long.iter().chain([&context])).1, Standing::Silent);
        // Sizes of a dialect do.
        let fact = Fact::KnownSizes { dialect: "CryptoNote", request: 207, reply: 87, push: 400 };
        assert_eq!(fuse(long.iter().chain([&Witness { fact, weight: 1.2 }])).1, Standing::Suspected);
    }

    #[test]
    fn requests_on_a_timer_speak_against_but_not_without_limit() {
        let with = fuse([&pushes(1.0), &timer(9.0), &exchange(1.3), &arrivals(-90.0)]);
        let without = fuse([&pushes(1.0), &timer(9.0), &exchange(1.3)]);
        assert!(with.0 < without.0 && with.0 > 0.0, "{with:?} {without:?}");
    }
}

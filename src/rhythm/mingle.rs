//! Do requests and pushes know of each other?
//!
//! A pool sends jobs when its timer or a chain wants it, a miner sends shares when it was lucky: two streams of which
//! neither causes the other. Turns of a game, orders and their reports, notices that are answered look the same in
//! sizes, but one follows from the other. Three ways in which it may, each against chance; times in milliseconds.

use super::ring::List;
use super::stat::LOG10_E;

/// Fewer of either say nothing.
const LEAST: usize = 4;
/// What comes so soon after a request may be a change of difficulty with a new job, of which a miner's share is the cause.
const AT_ONCE: u32 = 500;
/// Most requests and pushes looked at.
const MOST: usize = 96;

/// An answer comes within.
const ANSWER: u32 = 1000;

/// A request.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub at: u32,
    /// Of the kind that may be shares.
    pub share: bool,
}

/// What was seen where both were kept.
#[derive(Default)]
struct Seen {
    requests: usize,
    shares: usize,
    pushes: usize,
    /// Pushes that a request followed at once.
    answered: usize,
    /// Neighbours of different kind and of the same.
    turns: usize,
    repeats: usize,
}

/// Decimal logarithm: how much better dependence explains both streams than independence does; zero where it does not.
pub(super) fn dependence(
    requests: impl Iterator<Item = Asked> + Clone,
    pushes: impl Iterator<Item = u32> + Clone,
) -> f32 {
    let (Some(first), Some(other)) = (requests.clone().next(), pushes.clone().next()) else { return 0.0 };
    let is_before = |a: u32, b: u32| a.wrapping_sub(b) > u32::MAX / 2;
    let from = if is_before(first.at, other) { other } else { first.at };
    let mut asked = requests.skip_while(|r| is_before(r.at, from)).peekable();
    let mut told = pushes.skip_while(|at| is_before(*at, from)).peekable();
    let mut seen = Seen::default();
    let mut lags = List::<MOST>::new();
    let (mut was_push, mut last_share, mut unanswered, mut last) = (None, None::<u32>, None::<u32>, from);
    loop {
        let push = match (asked.peek(), told.peek()) {
            (None, None) => break,
            (Some(_), None) => false,
            (None, Some(_)) => true,
            (Some(a), Some(&p)) => !is_before(a.at, p),
        };
        if push {
            let Some(at) = told.next() else { break };
            seen.pushes += 1;
            (last, unanswered) = (at, Some(at));
            if let Some(lag) = last_share.map(|share| at.wrapping_sub(share)).filter(|lag| *lag > AT_ONCE) {
                lags.push(lag as f32 / 1000.0);
            }
        } else {
            let Some(request) = asked.next() else { break };
            seen.requests += 1;
            last = request.at;
            let soon = unanswered.take().is_some_and(|at| request.at.wrapping_sub(at) <= ANSWER);
            seen.answered += usize::from(soon);
            if !request.share {
                continue;
            }
            seen.shares += 1;
            last_share = Some(request.at);
        }
        match was_push.replace(push) {
            Some(before) if before == push => seen.repeats += 1,
            Some(_) => seen.turns += 1,
            None => {}
        }
    }
    if seen.shares < LEAST || seen.pushes < LEAST {
        return 0.0;
    }
    let seconds = (f64::from(last.wrapping_sub(from)) / 1000.0).max(1.0);
    let per_second = |count: usize| count as f64 / seconds;
    let best = by_turns(seen.turns, seen.repeats)
        .max(answers(seen.answered, seen.pushes, per_second(seen.requests)))
        .max(soon_after(lags.as_slice(), per_second(seen.shares)));
    // Three were tried.
    ((best - 3.0_f64.ln()) * LOG10_E).max(0.0) as f32
}

/// They take turns nineteen times in twenty. Streams that know nothing of each other take turns at every other message,
/// at most two times in three if one is a timer.
fn by_turns(turns: usize, repeats: usize) -> f64 {
    turns as f64 * (0.95_f64 / 0.65).ln() + repeats as f64 * (0.05_f64 / 0.35).ln()
}

/// A push is followed by a request within a second more often than by chance.
fn answers(answered: usize, pushes: usize, rate: f64) -> f64 {
    let chance = (1.0 - (-rate).exp()).clamp(0.02, 0.95);
    let (yes, no) = (answered as f64, (pushes - answered) as f64);
    let likelihood = |p: f64| yes * p.ln() + no * (1.0 - p).ln();
    [0.3, 0.5, 0.9].into_iter().filter(|p| *p > chance).map(likelihood).fold(f64::NEG_INFINITY, f64::max)
        - likelihood(chance)
}

/// A push follows a request sooner than chance has it: parts of all waits that are shorter crowd at zero.
fn soon_after(lags: &[f32], rate: f64) -> f64 {
    let parts = lags.iter().map(|lag| (1.0 - (-rate * f64::from(*lag)).exp()).clamp(1e-3, 1.0));
    let sum: f64 = parts.map(f64::ln).sum();
    [0.25_f64, 0.5].into_iter().map(|k| lags.len() as f64 * k.ln() + (k - 1.0) * sum).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiples of the golden ratio: spread evenly, in no order.
    fn uneven(count: u32, mean: f64, seed: f64) -> Vec<u32> {
        let gap = |n: u32| -mean * (1.0 - (f64::from(n) * 0.618_034 + f64::from(n * n) * seed).fract()).ln();
        let times = (1..=count).scan(0.0, |at, n| {
            *at += gap(n);
            Some((*at * 1000.0) as u32)
        });
        times.collect()
    }

    fn told(requests: &[u32], pushes: &[u32]) -> f32 {
        dependence(requests.iter().map(|&at| Asked { at, share: true }), pushes.iter().copied())
    }

    #[test]
    fn shares_and_jobs_know_nothing_of_each_other() {
        let (shares, jobs) = (uneven(60, 12.0, 0.414_21), uneven(40, 18.0, 0.732_05));
        assert!(told(&shares, &jobs) < 0.3, "{}", told(&shares, &jobs));
        let timer: Vec<u32> = (1..40).map(|n| n * 20_000).collect();
        assert!(told(&shares, &timer) < 0.3, "{}", told(&shares, &timer));
    }

    #[test]
    fn turns_answers_and_what_is_caused_are_told() {
        let moves = uneven(20, 40.0, 0.414_21);
        let turns: Vec<u32> = moves.iter().zip(moves.iter().skip(1)).map(|(a, b)| a / 2 + b / 2).collect();
        assert!(told(&moves, &turns) > 1.0, "{}", told(&moves, &turns));
        let answered: Vec<u32> = moves.iter().map(|at| at - 300.min(*at)).collect();
        assert!(told(&moves, &answered) > 1.0, "{}", told(&moves, &answered));
        let fills: Vec<u32> = moves.iter().map(|at| at + 2000).collect();
        assert!(told(&moves, &fills) > 1.0, "{}", told(&moves, &fills));
    }

    #[test]
    fn few_say_nothing() {
        assert!(told(&[1000, 9000, 20_000], &[5000, 15_000, 25_000]).abs() < 1e-6);
        assert!(told(&[], &[]).abs() < 1e-6);
    }
}

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

/// When pushes came.
#[derive(Clone, Copy)]
pub(super) struct Pushed {
    pub at: u32,
    /// A request followed within a second.
    pub answered: bool,
}

/// Decimal logarithm: how much better dependence explains both streams than independence does; zero where it does not.
pub(super) fn dependence(
    requests: impl Iterator<Item = u32> + Clone,
    pushes: impl Iterator<Item = Pushed> + Clone,
) -> f32 {
    // Where both were kept.
    let (Some(first), Some(other)) = (requests.clone().next(), pushes.clone().next()) else { return 0.0 };
    let from = if other.at.wrapping_sub(first) < u32::MAX / 2 { other.at } else { first };
    let later = move |at: u32| at.wrapping_sub(from) < u32::MAX / 2;
    let (mut asked, mut told) = (requests.filter(|at| later(*at)).peekable(), pushes.filter(|p| later(p.at)).peekable());
    let (mut requests, mut pushes, mut answered) = (0_usize, 0_usize, 0_usize);
    let (mut turns, mut repeats) = (0_usize, 0_usize);
    let mut lags = List::<MOST>::new();
    // Whether the last was a push, when the last request was, and when anything was.
    let (mut before, mut last_request, mut last) = (None, None::<u32>, from);
    loop {
        let is_push = match (asked.peek(), told.peek()) {
            (None, None) => break,
            (Some(_), None) => false,
            (None, Some(_)) => true,
            (Some(a), Some(p)) => a.wrapping_sub(p.at) < u32::MAX / 2,
        };
        if is_push {
            let Some(push) = told.next() else { break };
            pushes += 1;
            answered += usize::from(push.answered);
            last = push.at;
            if let Some(request) = last_request
                && push.at.wrapping_sub(request) > AT_ONCE
            {
                lags.push(push.at.wrapping_sub(request) as f32 / 1000.0);
            }
        } else {
            let Some(at) = asked.next() else { break };
            requests += 1;
            (last, last_request) = (at, Some(at));
        }
        match before {
            Some(was) if was == is_push => repeats += 1,
            Some(_) => turns += 1,
            None => {}
        }
        before = Some(is_push);
    }
    if requests < LEAST || pushes < LEAST {
        return 0.0;
    }
    let rate = requests as f64 / (f64::from(last.wrapping_sub(from)) / 1000.0).max(1.0);
    let best = by_turns(turns, repeats).max(answers(answered, pushes, rate)).max(soon_after(lags.as_slice(), rate));
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
    let logs: f64 = parts.map(f64::ln).sum();
    [0.25_f64, 0.5].into_iter().map(|k| lags.len() as f64 * k.ln() + (k - 1.0) * logs).fold(0.0, f64::max)
}

//! Signs of life of a miner that has nothing to say.
//!
//! `XMRig` asks `keepalived` a minute after whatever it received last: jobs and answers begin that minute anew
//! (`Client::startTimeout`, called for each line). So a flow of jobs alone has requests a minute after a push, or after
//! the reply to the last such request, and never at any other time. Few programs count from what they receive, and few
//! of those a minute, with messages of these sizes.

use super::record::{Record, UNANSWERED};
use super::shape::{self, Class};
use super::shares::Arrivals;

/// A minute, milliseconds, as programs have it that look at their clock now and then, and an answer's way there and back.
const MINUTE: std::ops::RangeInclusive<u32> = 59_500..=62_000;
/// Seconds between signs of life, on average, where nothing begins the minute anew.
const EACH_MINUTE: std::ops::Range<f32> = 58.0..90.0;

/// How signs of life come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Alive {
    /// Each minute or so, whatever else is said.
    Timed,
    /// A minute after whatever came last, pushes too.
    Idle,
}

/// When requests of one size came.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Silences {
    /// A minute after the last push.
    after_push: usize,
    /// A minute after the last reply.
    after_reply: usize,
    /// At other times.
    others: usize,
}

impl Record {
    /// All that is asked, by these requests with their replies beside these pushes, are signs of life as miners send them.
    pub(super) fn alive(
        &self,
        request: &Class,
        reply: &Class,
        push: &Class,
        arrivals: Option<Arrivals>,
    ) -> Option<Alive> {
        if !shape::is_keepalive(request, reply, push, self.acks.size) {
            return None;
        }
        let Silences { after_push, after_reply, others } = self.silences(request);
        if after_push >= 2 && after_push + after_reply >= 4 * others {
            return Some(Alive::Idle);
        }
        let timed = arrivals.is_some_and(|a| a.weight < 0.0 && EACH_MINUTE.contains(&a.mean));
        timed.then_some(Alive::Timed)
    }

    fn silences(&self, request: &Class) -> Silences {
        let is_before = |a: u32, b: u32| a.wrapping_sub(b) > u32::MAX / 2;
        let mut pushes = self.pushes.iter().map(|p| p.at).peekable();
        let (mut told, mut replied) = (None::<u32>, None::<u32>);
        let mut seen = Silences::default();
        for e in self.exchanges.iter() {
            while let Some(at) = pushes.next_if(|at| is_before(*at, e.at)) {
                told = Some(at);
            }
            if request.holds(e.request) {
                let since = |at: Option<u32>| at.map(|at| e.at.wrapping_sub(at));
                let (count, silence) = match (since(told), since(replied)) {
                    (Some(push), reply) if reply.is_none_or(|r| push < r) => (&mut seen.after_push, Some(push)),
                    (_, reply) => (&mut seen.after_reply, reply),
                };
                match silence {
                    Some(silence) if MINUTE.contains(&silence) => *count += 1,
                    Some(_) => seen.others += 1,
                    // What came before it was not seen.
                    None => {}
                }
            }
            if e.delay != UNANSWERED {
                replied = Some(e.at.wrapping_add(u32::from(e.delay)));
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Message, Way};
    use super::*;
    use crate::time::PacketTime;

    /// What a record says after messages at these seconds.
    fn seen(messages: &[(f64, Way, u32)]) -> Silences {
        let mut record = Record::new();
        for &(at, way, size) in messages {
            let at = PacketTime::from_nanos((at * 1e9) as i64);
            record.message((at.as_nanos() / 1_000_000) as u32, Message { at, way, size });
        }
        record.silences(&Class::of(120))
    }

    #[test]
    fn jobs_and_answers_begin_the_minute_anew() {
        let job = |at: f64| (at, Way::Down, 400);
        let asks = |at: f64| [(at, Way::Up, 120), (at + 0.1, Way::Down, 96)];
        let mut all = vec![job(10.0), job(40.0)];
        all.extend(asks(100.2));
        all.extend(asks(160.6));
        all.push(job(200.0));
        all.extend(asks(260.3));
        assert_eq!(seen(&all), Silences { after_push: 2, after_reply: 1, others: 0 });
    }

    #[test]
    fn a_timer_of_its_own_is_another() {
        let mut all = vec![(10.0, Way::Down, 400)];
        for n in 1..5 {
            let at = f64::from(n) * 60.0;
            all.extend([(at, Way::Up, 120), (at + 0.1, Way::Down, 96), (at + 25.0, Way::Down, 400)]);
        }
        assert_eq!(seen(&all), Silences { after_push: 0, after_reply: 0, others: 4 });
    }
}

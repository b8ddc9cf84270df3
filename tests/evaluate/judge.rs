//! What judges a flow: the project's detector, and others in the same harness.

use minewatch::rhythm::{Message, Rhythm, Standing, Way};
use minewatch::time::PacketTime;

use crate::tape::Event;

/// When the worlds of the simulator begin: any date will do.
const EPOCH: i64 = 1_790_000_000;

/// What a judge has said of a flow so far. Times in seconds of the world.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// When it first said `suspected` or more.
    pub(crate) suspected: Option<f64>,
    /// When it first said that it may be `probable`.
    pub(crate) probable: Option<f64>,
    /// Which coin it took for the likeliest when it last named one, with the seconds between its blocks.
    pub(crate) coin: Option<(String, f64)>,
    /// Why, at the first alarm.
    pub(crate) reasons: Vec<String>,
}

/// Whoever looks at the messages of one flow in their order.
pub(crate) trait Judge {
    fn message(&mut self, event: &Event);
    /// What has been said, when the flow was last seen at `end`.
    fn verdict(&mut self, end: f64) -> Verdict;
}

/// Packet time of a second of the world.
pub(crate) fn packet_time(at: f64) -> PacketTime {
    PacketTime::from_nanos(EPOCH * 1_000_000_000 + (at * 1e9) as i64)
}

/// As the detector takes it.
pub(crate) fn message(event: &Event) -> Message {
    Message { at: packet_time(event.at), way: if event.up { Way::Up } else { Way::Down }, size: event.size }
}

/// The project's own detector of single flows, without a feed and without any other flow.
#[derive(Default)]
pub(crate) struct Ours {
    rhythm: Option<Rhythm>,
    verdict: Verdict,
}

impl Ours {
    fn look(&mut self, at: f64) {
        let Some(rhythm) = &mut self.rhythm else { return };
        let reading = rhythm.judge(packet_time(at));
        if reading.level >= Standing::Suspected && self.verdict.suspected.is_none() {
            self.verdict.suspected = Some(at);
            self.verdict.reasons = reading.witnesses.iter().map(|w| format!("{w} [{:+.1}]", w.weight)).collect();
        }
        if reading.level >= Standing::ProbableEligible && self.verdict.probable.is_none() {
            self.verdict.probable = Some(at);
        }
        if let Some(fit) = reading.coins.iter().next() {
            self.verdict.coin = Some((fit.coin.symbol.to_owned(), f64::from(fit.coin.interval)));
        }
    }
}

impl Judge for Ours {
    fn message(&mut self, event: &Event) {
        let rhythm = self.rhythm.get_or_insert_with(|| Rhythm::new(packet_time(event.at)));
        rhythm.message(message(event));
        if rhythm.is_due() {
            self.look(event.at);
        }
    }

    fn verdict(&mut self, end: f64) -> Verdict {
        self.look(end);
        self.verdict.clone()
    }
}

/// `judge` on a whole flow.
pub(crate) fn judged(mut judge: impl Judge, events: &[Event]) -> Verdict {
    for e in events {
        judge.message(e);
    }
    judge.verdict(events.last().map_or(0.0, |e| e.at))
}

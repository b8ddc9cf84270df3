//! Published rules, re-implemented to be judged beside ours: no machine learning, no block list, as their papers and
//! code state them.
//!
//! They count packets, where we count messages. Packets are made of messages here: segments of at most 1448 octets in
//! frames with 66 octets of Ethernet, IPv4 and TCP headers, and an acknowledgement for what is not answered at once.

use std::collections::VecDeque;

use crate::judge::{Judge, Verdict};
use crate::tape::Event;

const HEADERS: u32 = 66;
const SEGMENT: u32 = 1448;

/// `MineHunter` (Zhang et al., ACSAC 2021): correlation of a flow's packets with block arrivals, decided each hour.
pub(crate) struct MineHunter {
    /// Whole seconds, none within ten of the one before.
    blocks: Vec<i64>,
    next: usize,
    seen: Option<(u32, i64)>,
    score: Option<f64>,
    counted: u32,
    window: Option<f64>,
    verdict: Verdict,
    /// The score at the end of the first window.
    pub(crate) first: Option<f64>,
}

impl MineHunter {
    const WINDOW: f64 = 3600.0;
    const SUSPECT: f64 = 0.6;

    pub(crate) fn new(feed: &[f64]) -> Self {
        let mut blocks: Vec<i64> = Vec::new();
        for at in feed.iter().map(|at| at.floor() as i64) {
            if blocks.last().is_none_or(|last| at - last >= 10) {
                blocks.push(at);
            }
        }
        Self {
            blocks,
            next: 0,
            seen: None,
            score: None,
            counted: 0,
            window: None,
            verdict: Verdict::default(),
            first: None,
        }
    }

    /// Closes block intervals that end before `at`.
    fn advance(&mut self, at: f64) {
        while let Some(pair) = self.blocks.get(self.next..).and_then(|b| b.first_chunk::<2>()) {
            let [from, to] = *pair;
            if to as f64 > at {
                break;
            }
            self.next += 1;
            // Intervals that began before the flow was seen count for nobody.
            if self.window.is_none_or(|w| (from as f64) < w - 1.0) {
                self.seen = None;
                continue;
            }
            self.counted += 1;
            let n = (to - from) as f64;
            let now = self.seen.take().map(|(packets, first)| {
                let d = (first - from).max(0) as f64;
                let early = ((n - d - 1.0) / n).max(0.0);
                early.powf(f64::from(packets)) * (1.0 - d / n)
            });
            self.score = match (self.score, now) {
                (Some(score), Some(sim)) => Some(score + sim),
                (Some(score), None) => Some(score - 1.0),
                (None, sim) => sim,
            };
        }
    }

    fn end_of_window(&mut self, at: f64) {
        let Some(window) = self.window else { return };
        if at < window + Self::WINDOW {
            return;
        }
        self.advance(window + Self::WINDOW);
        let score = self.score.take().unwrap_or(0.0) / f64::from(self.counted.max(1));
        self.first.get_or_insert(score);
        if score > Self::SUSPECT && self.verdict.suspected.is_none() {
            self.verdict.suspected = Some(window + Self::WINDOW);
        }
        self.counted = 0;
        self.window = Some(window + Self::WINDOW);
    }
}

impl Judge for MineHunter {
    fn message(&mut self, event: &Event) {
        self.window.get_or_insert(event.at);
        while self.window.is_some_and(|w| event.at >= w + Self::WINDOW) {
            self.end_of_window(event.at);
        }
        self.advance(event.at);
        if !event.up {
            let packets = event.size.div_ceil(SEGMENT);
            let (sum, _) = self.seen.get_or_insert((0, event.at.floor() as i64));
            *sum += packets;
        }
    }

    fn verdict(&mut self, end: f64) -> Verdict {
        // A flow watched for an hour less a minute is given the minute.
        if self.window.is_some_and(|w| end - w > Self::WINDOW - 300.0) {
            self.end_of_window(end + 300.0);
        }
        self.verdict.clone()
    }
}

/// What flow exporters tell of the packets from a client: records cut after 300 s, or 30 s of silence.
#[derive(Default)]
struct Records {
    first: Option<f64>,
    record: Option<Record>,
    packets: u32,
    octets: u64,
    closed: u32,
    pushed: u32,
    with_syn: u32,
}

struct Record {
    from: f64,
    last: f64,
    data: bool,
}

impl Records {
    fn packet(&mut self, at: f64, octets: u32, data: bool) {
        let new = self.first.is_none();
        self.first.get_or_insert(at);
        if self.record.as_ref().is_some_and(|r| at - r.from > 300.0 || at - r.last > 30.0) {
            self.close();
        }
        if new {
            self.with_syn += 1;
        }
        let record = self.record.get_or_insert(Record { from: at, last: at, data: false });
        record.last = at;
        record.data |= data;
        self.packets += 1;
        self.octets += u64::from(octets);
    }

    fn close(&mut self) {
        if let Some(record) = self.record.take() {
            self.closed += 1;
            self.pushed += u32::from(record.data);
        }
    }

    fn message(&mut self, event: &Event) {
        if event.up {
            let mut left = event.size;
            while left > 0 {
                let part = left.min(SEGMENT);
                self.packet(event.at, part + HEADERS - 14, true);
                left -= part;
            }
        } else {
            for _ in 0..event.size.div_ceil(2 * SEGMENT) {
                self.packet(event.at + 0.04, HEADERS - 14, false);
            }
        }
    }

    /// Seconds, octets a packet, packets a record, packets a minute, part of records with data.
    fn figures(&self, now: f64) -> (f64, f64, f64, f64, f64) {
        let seconds = self.first.map_or(0.0, |f| now - f);
        let packets = f64::from(self.packets.max(1));
        let records = f64::from(self.closed.max(1));
        let pushed = f64::from(self.pushed) / records;
        (seconds, self.octets as f64 / packets, packets / records, packets / (seconds / 60.0).max(0.1), pushed)
    }
}

/// The rules of NEMEA's miner detector, before its active probe: seven points.
#[derive(Default)]
pub(crate) struct Nemea {
    records: Records,
    looked: f64,
    verdict: Verdict,
}

impl Nemea {
    fn look(&mut self, now: f64) {
        let (seconds, per_packet, per_record, per_minute, pushed) = self.records.figures(now);
        let mut points = 0;
        points += if pushed >= 0.8 { 2 } else { 0 };
        points += if (50.0..=130.0).contains(&per_packet) { 2 } else { 0 };
        points += u32::from(!(10.0..=20.0).contains(&per_record));
        points += if (8.0..=30.0).contains(&per_minute) { 2 } else { 0 };
        points += if seconds > 300.0 { 3 } else { 0 };
        if points >= 7 && self.records.closed > 0 && self.verdict.suspected.is_none() {
            self.verdict.suspected = Some(now);
        }
    }
}

impl Judge for Nemea {
    fn message(&mut self, event: &Event) {
        self.records.message(event);
        if event.at - self.looked >= 20.0 {
            self.looked = event.at;
            self.look(event.at);
        }
    }

    fn verdict(&mut self, end: f64) -> Verdict {
        self.records.close();
        self.look(end);
        self.verdict.clone()
    }
}

/// The nine indicators of Veselý and Žádník, each a ninth; how many of them are needed is the caller's.
pub(crate) struct Vesely {
    records: Records,
    needed: u32,
    looked: f64,
    verdict: Verdict,
}

impl Vesely {
    pub(crate) fn new(needed: u32) -> Self {
        Self { records: Records::default(), needed, looked: 0.0, verdict: Verdict::default() }
    }

    fn look(&mut self, now: f64) {
        let (seconds, per_packet, per_record, per_minute, pushed) = self.records.figures(now);
        let syn = f64::from(self.records.with_syn) / f64::from(self.records.closed.max(1));
        let indicators = [
            (35.0..=80.0).contains(&per_packet) || (105.0..=110.0).contains(&per_packet),
            !(5.0..=40.0).contains(&per_record),
            (2.0..=8.0).contains(&per_minute) || (40.0..=5300.0).contains(&per_minute),
            seconds > 300.0,
            pushed > 0.9,
            syn < 0.05,
            // No resets and no ends while a flow lasts; clients have the higher port.
            true,
            true,
            true,
        ];
        if indicators.iter().filter(|i| **i).count() >= self.needed as usize && self.verdict.suspected.is_none() {
            self.verdict.suspected = Some(now);
        }
    }
}

impl Judge for Vesely {
    fn message(&mut self, event: &Event) {
        self.records.message(event);
        if event.at - self.looked >= 20.0 {
            self.looked = event.at;
            self.look(event.at);
        }
    }

    fn verdict(&mut self, end: f64) -> Verdict {
        self.records.close();
        self.look(end);
        self.verdict.clone()
    }
}

/// Shape alone, the raw rules that were tried first: eight like requests each answered within 3 s by like replies over
/// 20 s, or six like pushes of 150 to 1300 octets that nobody asked for over 45 s; like is within 8 octets.
#[derive(Default)]
pub(crate) struct Shape {
    asked: VecDeque<Event>,
    exchanges: VecDeque<(f64, u32, u32)>,
    pushes: VecDeque<(f64, u32, u32)>,
    verdict: Verdict,
}

impl Shape {
    const KEPT: usize = 48;
    const LIKE: u32 = 8;

    /// Keeps `new`; whether it and those like it are at least so many, over so many seconds.
    fn alike(kept: &mut VecDeque<(f64, u32, u32)>, new: (f64, u32, u32), needed: usize, seconds: f64) -> bool {
        kept.push_back(new);
        if kept.len() > Self::KEPT {
            kept.pop_front();
        }
        // Those that may be in one range with it; all ranges that it is in are tried then.
        let near = |(_, a, b): &&(f64, u32, u32)| a.abs_diff(new.1) <= Self::LIKE && b.abs_diff(new.2) <= Self::LIKE;
        let near: Vec<_> = kept.iter().filter(near).collect();
        let long = |of: &[&(f64, u32, u32)]| of.len() >= needed && of.first().is_some_and(|f| new.0 - f.0 >= seconds);
        long(&near)
            && near.iter().filter(|(_, a, _)| *a <= new.1).any(|(_, low, _)| {
                near.iter().filter(|(_, _, b)| *b <= new.2).any(|(_, _, least)| {
                    let like = |(_, a, b): &&&(f64, u32, u32)| {
                        (*low..=low + Self::LIKE).contains(a) && (*least..=least + Self::LIKE).contains(b)
                    };
                    long(&near.iter().filter(like).copied().collect::<Vec<_>>())
                })
            })
    }
}

impl Judge for Shape {
    fn message(&mut self, event: &Event) {
        if self.verdict.suspected.is_some() {
            return;
        }
        while self.asked.front().is_some_and(|a| event.at - a.at > 3.0) {
            self.asked.pop_front();
        }
        let alarm = if event.up {
            self.asked.push_back(*event);
            false
        } else if let Some(request) = self.asked.pop_front() {
            Self::alike(&mut self.exchanges, (event.at, request.size, event.size), 8, 20.0)
        } else {
            (150..=1300).contains(&event.size) && Self::alike(&mut self.pushes, (event.at, event.size, 0), 6, 45.0)
        };
        if alarm {
            self.verdict.suspected = Some(event.at);
        }
    }

    fn verdict(&mut self, _end: f64) -> Verdict {
        self.verdict.clone()
    }
}

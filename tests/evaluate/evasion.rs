//! What a miner who does not want to be seen may do to its messages.

use crate::dialect::Dialect;
use crate::miner::{Said, What, Work};
use crate::random::Random;
use crate::tape::{Event, Framing, Tape, sort};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Evasion {
    None,
    /// Every message filled up to a multiple of this.
    Blocks(u32),
    /// Up to so many octets more, each time anew.
    RandomPadding(u32),
    /// Messages of any size, both ways, so many an hour.
    Dummies(u32),
    /// Each message in some parts; how far apart, each flow has its own, up to half a second.
    Splitting,
    /// Shares held back and sent together each so many seconds.
    Batching(u32),
    /// Each share up to so many seconds late.
    DelayedShares(u32),
    /// Each job up to so many seconds late.
    JitteredJobs(u32),
    /// A share each half hour.
    FewShares,
    NoShares,
    /// The upstream side of a proxy for so many miners.
    Proxy(u32),
    /// Padding, dummies and splitting at once, of this strength.
    Together(Strength),
    /// A new connection each so many seconds.
    Reconnecting(u32),
    /// Alone in a tunnel that carries each packet by itself, acknowledgements too (`WireGuard`'s sizes).
    WireGuard,
    /// The same with somebody browsing in the same tunnel.
    WireGuardBrowsing,
    /// Alone in a proxy over SSH: sizes rounded to 16.
    SshSocks,
    /// A proxy over SSH with somebody browsing through it.
    SshSocksBrowsing,
    /// Cells of 514 octets in TLS, with the seconds that three relays take.
    Tor,
    /// A message of the same size each second, each way, whatever there is to say.
    ConstantRate,
}

/// How much of everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Strength {
    /// Octets of random padding, at most.
    padding: u32,
    /// Dummy messages an hour, each way.
    dummies: u32,
    /// Parts of a message, at most.
    parts: u32,
}

/// About a third more messages, and each in two parts.
pub(crate) const SOME: Strength = Strength { padding: 64, dummies: 60, parts: 2 };
/// More dummies than messages.
pub(crate) const MUCH: Strength = Strength { padding: 150, dummies: 360, parts: 4 };

impl Evasion {
    pub(crate) const MATRIX: [Self; 26] = [
        Self::None,
        Self::Blocks(128),
        Self::Blocks(512),
        Self::RandomPadding(64),
        Self::RandomPadding(400),
        Self::Dummies(120),
        Self::Dummies(900),
        Self::Splitting,
        Self::Batching(30),
        Self::Batching(120),
        Self::DelayedShares(30),
        Self::JitteredJobs(3),
        Self::JitteredJobs(20),
        Self::FewShares,
        Self::NoShares,
        Self::Proxy(20),
        Self::Proxy(200),
        Self::Together(SOME),
        Self::Together(MUCH),
        Self::Reconnecting(300),
        Self::WireGuard,
        Self::WireGuardBrowsing,
        Self::SshSocks,
        Self::SshSocksBrowsing,
        Self::Tor,
        Self::ConstantRate,
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::None => "none (TLS)".into(),
            Self::Blocks(n) => format!("padding to blocks of {n}"),
            Self::RandomPadding(n) => format!("random padding, 0 to {n} octets"),
            Self::Dummies(n) => format!("dummy messages, {n} an hour each way"),
            Self::Splitting => "each message in 2 to 4 parts".into(),
            Self::Batching(n) => format!("shares sent together each {n} s"),
            Self::DelayedShares(n) => format!("shares 0 to {n} s late"),
            Self::JitteredJobs(n) => format!("jobs 0 to {n} s late"),
            Self::FewShares => "a share each half hour".into(),
            Self::NoShares => "no shares: job push only".into(),
            Self::Proxy(n) => format!("proxy for {n} miners"),
            Self::Together(Strength { padding, dummies, parts }) => {
                format!("padding to {padding}, {dummies} dummies an hour and up to {parts} parts together")
            }
            Self::Reconnecting(n) => format!("new connection each {n} s"),
            Self::WireGuard => "WireGuard, alone".into(),
            Self::WireGuardBrowsing => "WireGuard with browsing".into(),
            Self::SshSocks => "SOCKS over SSH, alone".into(),
            Self::SshSocksBrowsing => "SOCKS over SSH with browsing".into(),
            Self::Tor => "Tor".into(),
            Self::ConstantRate => "traffic shaped to a constant rate".into(),
        }
    }

    pub(crate) fn work(self) -> Work {
        match self {
            Self::FewShares => Work::Rare(1800.0),
            Self::NoShares => Work::None,
            Self::Proxy(n) => Work::Proxy(n),
            _ => Work::Usual,
        }
    }

    /// What goes over the wire, given what miner and pool said.
    pub(crate) fn apply(self, random: &mut Random, said: &[Said], framing: Framing, dialect: Dialect) -> Vec<Event> {
        let mut said = said.to_vec();
        match self {
            Self::Batching(n) => batch(&mut said, f64::from(n)),
            Self::DelayedShares(n) => delay(random, &mut said, What::Share, f64::from(n)),
            Self::JitteredJobs(n) => delay(random, &mut said, What::Job, f64::from(n)),
            _ => {}
        }
        let mut events: Vec<Event> = said.iter().map(|s| Event { at: s.at, up: s.up, size: s.size }).collect();
        let (start, end) = (first(&events), last(&events));
        match self {
            Self::Blocks(n) => pad_to(&mut events, n),
            Self::RandomPadding(n) => {
                for e in &mut events {
                    e.size += random.int(0, n);
                }
            }
            Self::Dummies(n) => dummies(random, &mut events, 3600.0 / f64::from(n)),
            Self::Splitting => events = split(random, &events, 4),
            Self::Together(Strength { padding, dummies: hourly, parts }) => {
                for e in &mut events {
                    e.size += random.int(0, padding);
                }
                dummies(random, &mut events, 3600.0 / f64::from(hourly));
                events = split(random, &events, parts);
            }
            _ => {}
        }
        sort(&mut events);
        match self {
            Self::WireGuard => tunnel(&events, framing, None),
            Self::WireGuardBrowsing => {
                let other = browsing(random, start, end);
                tunnel(&events, framing, Some(&other))
            }
            Self::SshSocks | Self::SshSocksBrowsing => {
                if self == Self::SshSocksBrowsing {
                    events.extend(browsing(random, start, end));
                    sort(&mut events);
                }
                // Length and padding length, at least four octets of padding to a multiple of 16, and a tag of 16
                // (RFC 4253 section 6); 9 octets of channel header (RFC 4254 section 5.2).
                for e in &mut events {
                    e.size = 4 + (e.size + 9 + 1 + 4).div_ceil(16) * 16 + 16;
                }
                events
            }
            Self::Tor => tor(random, &events, framing),
            Self::ConstantRate => constant_rate(start, end, framing),
            _ => {
                let mut out =
                    if dialect == Dialect::StratumV2 { Vec::new() } else { framing.greet(random, start, 0.06) };
                let shift = if out.is_empty() { 0.0 } else { (last(&out) - start).max(0.0) + 0.002 };
                if dialect != Dialect::StratumV2 {
                    framing.over(&mut events);
                }
                // The greeting waits for the handshake; all else is minutes away from it.
                for (e, s) in events.iter_mut().zip(&said) {
                    if s.what == What::Greeting {
                        e.at += shift;
                    }
                }
                out.append(&mut events);
                sort(&mut out);
                out
            }
        }
    }
}

fn first(events: &[Event]) -> f64 {
    events.first().map_or(0.0, |e| e.at)
}

fn last(events: &[Event]) -> f64 {
    events.last().map_or(0.0, |e| e.at)
}

fn delay(random: &mut Random, said: &mut [Said], what: What, most: f64) {
    // An answer comes after its share, however late that was: the answers move along.
    let mut shifts: Vec<(f64, f64)> = Vec::new();
    for s in said.iter_mut() {
        if s.what == what {
            let shift = random.unit() * most;
            shifts.push((s.at, shift));
            s.at += shift;
        } else if what == What::Share && s.what == What::Answer {
            // The latest share that this may answer.
            if let Some((_, shift)) = shifts.iter().rev().find(|(at, _)| *at < s.at) {
                s.at += shift;
            }
        }
    }
    said.sort_by(|a, b| a.at.total_cmp(&b.at));
}

fn batch(said: &mut Vec<Said>, period: f64) {
    let mut out: Vec<Said> = said.iter().copied().filter(|s| !matches!(s.what, What::Share | What::Answer)).collect();
    for what in [What::Share, What::Answer] {
        let mut batch: Option<Said> = None;
        for s in said.iter().filter(|s| s.what == what) {
            let late = if what == What::Answer { 0.2 } else { 0.0 };
            let due = (s.at / period).ceil() * period + late;
            match &mut batch {
                Some(b) if (b.at - due).abs() < 1e-6 => b.size += s.size,
                _ => out.extend(batch.replace(Said { at: due, ..*s })),
            }
        }
        out.extend(batch);
    }
    out.sort_by(|a, b| a.at.total_cmp(&b.at));
    *said = out;
}

fn pad_to(events: &mut [Event], block: u32) {
    for e in events {
        e.size = e.size.div_ceil(block) * block;
    }
}

fn dummies(random: &mut Random, events: &mut Vec<Event>, mean: f64) {
    let (start, end) = (first(events), last(events));
    for up in [true, false] {
        let mut at = start + random.exp(mean);
        while at < end {
            events.push(Event { at, up, size: random.int(40, 600) });
            at += random.exp(mean);
        }
    }
    sort(events);
}

fn split(random: &mut Random, events: &[Event], most: u32) -> Vec<Event> {
    let mut out = Vec::new();
    let apart = random.log_range(0.001, 0.5);
    for e in events {
        let parts = random.int(2, most);
        let (mut left, mut at) = (e.size, e.at);
        for part in (1..=parts).rev() {
            let most = left.saturating_sub(part - 1).max(1);
            let size = if part == 1 { left } else { random.int(1, most.min(left * 2 / part).max(1)) };
            out.push(Event { at, up: e.up, size });
            left = left.saturating_sub(size);
            at += random.range(0.5, 1.0) * apart;
            if left == 0 {
                break;
            }
        }
    }
    sort(&mut out);
    out
}

/// Somebody who reads pages: visits in sessions, each some requests and much that comes back.
pub(crate) fn browsing(random: &mut Random, start: f64, end: f64) -> Vec<Event> {
    let mut tape = Tape::default();
    let mut at = start + random.exp(200.0);
    while at < end {
        for _ in 0..random.int(1, 12) {
            let mut request = at;
            for _ in 0..random.int(2, 25) {
                request += random.exp(0.12);
                let mut back = tape.ask(request, random.int(80, 900), random.range(0.02, 0.3), random.int(200, 1400));
                let kilo_octets = random.pareto(2.0, 1.1).min(400.0);
                for _ in 0..(kilo_octets / 12.0) as u32 {
                    back += random.exp(0.01);
                    tape.down(back, 14_000);
                }
            }
            at = request + random.log_normal(18.0, 1.0);
        }
        at += random.exp(400.0);
    }
    tape.finish(end)
}

/// Each packet by itself: segments of at most 1360 octets in `WireGuard`'s sizes (32 octets more, inner packets filled up
/// to 16), as they are handed on when packets are taken apart: less an acknowledgement's size, which that learns; and without
/// what only acknowledges or keeps the tunnel alive.
fn tunnel(events: &[Event], framing: Framing, other: Option<&[Event]>) -> Vec<Event> {
    let sized = |inner: u32| inner.div_ceil(16) * 16 + 32;
    let bare = sized(52);
    let mut tape = Tape::default();
    let mut events = events.to_vec();
    framing.over(&mut events);
    events.extend(other.unwrap_or_default());
    sort(&mut events);
    for e in &events {
        let mut left = e.size;
        let mut at = e.at;
        while left > 0 {
            let part = left.min(1360);
            let size = sized(part + 52);
            if size > bare + 16 {
                tape.say(at, e.up, size - bare);
            }
            left -= part;
            at += 0.0002;
        }
    }
    tape.finish(last(&events))
}

/// Cells of 514 octets, some in one record; three relays add their delays; padding cells now and then.
fn tor(random: &mut Random, events: &[Event], framing: Framing) -> Vec<Event> {
    let mut tape = Tape::default();
    let slow = random.range(0.1, 0.5);
    let mut inner = events.to_vec();
    framing.over(&mut inner);
    for e in &inner {
        let cells = e.size.div_ceil(498);
        let late = if e.up { 0.0 } else { random.log_normal(slow, 0.5) };
        for n in 0..cells {
            let at = e.at + late + f64::from(n) * 0.001;
            let size = Framing::Tls13.wrap(e.up, 514);
            tape.say(at, e.up, size);
        }
    }
    let (start, end) = (first(events), last(events));
    for up in [true, false] {
        let mut at = start;
        while at < end {
            at += random.range(1.5, 9.5);
            if random.chance(0.5) {
                let size = Framing::Tls13.wrap(up, 514);
                tape.say(at, up, size);
            }
        }
    }
    tape.finish(end)
}

fn constant_rate(start: f64, end: f64, framing: Framing) -> Vec<Event> {
    let mut tape = Tape::default();
    let mut at = start;
    while at < end {
        tape.up(at, framing.wrap(true, 512));
        tape.down(at + 0.1, framing.wrap(false, 512));
        at += 1.0;
    }
    tape.finish(end)
}

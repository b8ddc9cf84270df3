//! When a watch is blind, and when it sees again.
//!
//! In: now and then, the counters so far. Out: what is wrong, told once as a sentence when it begins and once when it is
//! over, and as states that can be listed. A pure function of what it was shown; the time is the caller's.

use std::fmt;
use std::time::Duration;

use super::{Counter, Health};

/// A frame passes an interface that works more often than this, if only a broadcast.
const IDLE: Duration = Duration::from_mins(1);
/// With less than its least traffic for so long, and nothing lost of that, a loss counts as over.
const CALM: Duration = Duration::from_mins(1);
/// One whole, in parts per million.
const WHOLE: u64 = 1_000_000;

/// What an interface has done so far.
#[derive(Clone, Copy, Debug)]
pub struct Port<'a> {
    /// Its name.
    pub name: &'a str,
    /// Frames can come from it: it is neither down nor gone, which is told elsewhere.
    pub watched: bool,
    /// Frames read.
    pub frames: u64,
    /// Frames dropped by the kernel.
    pub kernel_drops: u64,
    /// Frames dropped by the interface.
    pub interface_drops: u64,
}

/// What a watch has counted so far.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Time since some fixed moment, by a clock that is never set.
    pub at: Duration,
    /// Counters of decoder and workers.
    pub health: &'a Health,
    /// The interfaces, always in the same order.
    pub ports: &'a [Port<'a>],
}

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trouble {
    /// More than 0.1 % of an interface's frames dropped by the kernel.
    KernelDrops,
    /// More than 0.1 % of an interface's frames dropped by itself.
    InterfaceDrops,
    /// No frame from an interface for a minute.
    Idle,
    /// Of more than half of the flows one direction is missing.
    OneWay,
    /// More than 5 % of the frames are cut.
    Truncated,
    /// More than 20 % of the frames cannot be decoded.
    Undecoded,
    /// More than 10 % of the checksums are wrong.
    BadChecksums,
    /// Frames, and no TCP among them.
    Blind,
}

impl Trouble {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::KernelDrops,
        Self::InterfaceDrops,
        Self::Idle,
        Self::OneWay,
        Self::Truncated,
        Self::Undecoded,
        Self::BadChecksums,
        Self::Blind,
    ];

    /// Whether miners may be missed, or not be blocked, because of it.
    pub const fn blinds(self) -> bool {
        !matches!(self, Self::BadChecksums)
    }

    /// Stable name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KernelDrops => "kernel_drops",
            Self::InterfaceDrops => "interface_drops",
            Self::Idle => "idle",
            Self::OneWay => "one_way",
            Self::Truncated => "truncated",
            Self::Undecoded => "undecoded",
            Self::BadChecksums => "bad_checksums",
            Self::Blind => "blind",
        }
    }
}

/// Something that is wrong now. It prints as what is wrong and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// What.
    pub trouble: Trouble,
    /// The interface, where it is one interface's.
    pub interface: Option<String>,
    /// When it was noticed, on the clock of [`Look::at`].
    pub since: Duration,
    /// How much of the whole it was when last looked at, in parts per million. Nothing says it of an idle interface.
    pub share: u64,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.interface {
            write!(f, "{name}: ")?;
        }
        let share = Share(self.share);
        match self.trouble {
            Trouble::KernelDrops => write!(
                f,
                "the kernel drops {share} of the frames, because they are not read fast enough: miners may be missed. \
                 Give a larger --buffer, more --workers, or a --filter without bulk traffic"
            ),
            Trouble::InterfaceDrops => write!(
                f,
                "the interface drops {share} of the frames: miners may be missed. Give it larger rings (ethtool -G), or \
                 mirror less to it"
            ),
            Trouble::Idle => f.write_str(
                "no frame for a minute: check the cable, the mirror session, and the --filter if there is one",
            ),
            Trouble::OneWay => write!(
                f,
                "of {share} of the flows only one direction is seen: what is seen one-way is never blocked. Mirror both \
                 directions; where each comes on an interface of its own, watch both (-i twice)"
            ),
            Trouble::Truncated => write!(
                f,
                "{share} of the frames are cut: payload is missing. Raise --snaplen, and the snaplen of the mirror if it \
                 cuts (ERSPAN and cloud mirrors can)"
            ),
            Trouble::Undecoded => write!(
                f,
                "{share} of the frames cannot be decoded: see \"skipped\" in the report. Mirror Ethernet, VLANs, or a \
                 tunnel that the README lists"
            ),
            Trouble::BadChecksums => write!(
                f,
                "{share} of the checksums are wrong: usual for what this machine sends itself (offload), and used all \
                 the same; on a mirror port look for a damaged link"
            ),
            Trouble::Blind => f.write_str(
                "frames come, but no TCP is among them: this looks like an ordinary switch port, which shows broadcasts \
                 only. Set up a mirror (SPAN) to it, or watch on the gateway",
            ),
        }
    }
}

/// Parts per million as a percentage.
struct Share(u64);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ppm @ 10_000.. => write!(f, "{} %", ppm / 10_000),
            ppm => write!(f, "{}.{:02} %", ppm / 10_000, ppm % 10_000 / 100),
        }
    }
}

/// When a share is too large.
struct Rule {
    /// Beyond this it begins.
    begins: u64,
    /// At or below this it is over.
    ends: u64,
    /// Judged at the earliest after this long...
    window: Duration,
    /// ...and this much.
    least: u64,
    /// Whether too little to judge and nothing wrong in it means that it is over.
    calms: bool,
}

const fn rule(trouble: Trouble) -> Rule {
    let (begins, ends, seconds, least, calms) = match trouble {
        Trouble::KernelDrops | Trouble::InterfaceDrops => (1_000, 200, 5, 500, true),
        Trouble::OneWay => (500_000, 400_000, 60, 50, false),
        Trouble::Truncated => (50_000, 20_000, 10, 200, false),
        Trouble::Undecoded => (200_000, 100_000, 10, 200, false),
        Trouble::BadChecksums => (100_000, 50_000, 10, 200, false),
        // All of them begin it, and one TCP packet ends it.
        Trouble::Blind | Trouble::Idle => (WHOLE - 1, WHOLE - 1, 120, 50, false),
    };
    Rule { begins, ends, window: Duration::from_secs(seconds), least, calms }
}

/// Troubles of the whole watch.
const OVERALL: [Trouble; 5] =
    [Trouble::OneWay, Trouble::Truncated, Trouble::Undecoded, Trouble::BadChecksums, Trouble::Blind];

/// What a trouble is and of how much, so far.
fn measure(trouble: Trouble, h: &Health) -> (u64, u64) {
    let (frames, tcp) = (h.get(Counter::Frames), h.get(Counter::TcpPackets));
    match trouble {
        Trouble::OneWay => (h.get(Counter::OneWayFlows), h.get(Counter::Flows)),
        Trouble::Truncated => (h.get(Counter::FramesTruncated), frames),
        Trouble::Undecoded => {
            let undecoded = [Counter::LinkTypeUnknown, Counter::Malformed, Counter::TunnelTooDeep];
            (undecoded.into_iter().map(|c| h.get(c)).sum(), frames)
        }
        Trouble::BadChecksums => (h.get(Counter::BadChecksum), tcp + h.get(Counter::UdpPackets)),
        // Slots are read one after the other: TCP may be ahead of the frames, never far.
        Trouble::Blind => (frames.saturating_sub(tcp), frames),
        Trouble::KernelDrops | Trouble::InterfaceDrops | Trouble::Idle => (0, 0),
    }
}

/// Where a rule stands.
#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    /// Part, whole and time when it was judged last.
    base: (u64, u64, Duration),
    /// Since when it is wrong, and how much.
    wrong: Option<(Duration, u64)>,
}

impl Meter {
    /// Whether something began (`true`) or is over (`false`) with this.
    fn judge(&mut self, rule: &Rule, part: u64, whole: u64, at: Duration) -> Option<bool> {
        let (old_part, old_whole, from) = self.base;
        let (more, of) = (part.saturating_sub(old_part), whole.saturating_sub(old_whole));
        let passed = at.saturating_sub(from);
        if passed < rule.window {
            return None;
        }
        if of < rule.least {
            let calm = rule.calms && more == 0 && passed >= CALM;
            return (calm && self.wrong.take().is_some()).then_some(false);
        }
        self.base = (part, whole, at);
        let share = (u128::from(more) * u128::from(WHOLE) / u128::from(of)).min(WHOLE.into()) as u64;
        match &mut self.wrong {
            None if share > rule.begins => {
                self.wrong = Some((at, share));
                Some(true)
            }
            Some(_) if share <= rule.ends => {
                self.wrong = None;
                Some(false)
            }
            Some((_, now)) => {
                *now = share;
                None
            }
            None => None,
        }
    }
}

/// An interface's meters.
#[derive(Clone, Debug, Default)]
struct Watched {
    name: String,
    kernel: Meter,
    interface: Meter,
    /// Frames, and when there were more last.
    frames: u64,
    moved: Duration,
    idle: Option<Duration>,
}

impl Watched {
    fn look(&mut self, port: &Port<'_>, at: Duration, told: &mut Vec<String>) {
        let name = port.name;
        let seen = port.frames + port.kernel_drops + port.interface_drops;
        for (trouble, meter, drops, over) in [
            (Trouble::KernelDrops, &mut self.kernel, port.kernel_drops, "the kernel drops no more frames"),
            (Trouble::InterfaceDrops, &mut self.interface, port.interface_drops, "the interface drops no more frames"),
        ] {
            match meter.judge(&rule(trouble), drops, seen, at) {
                Some(true) => told.extend(state(trouble, Some(name), meter.wrong).map(|s| s.to_string())),
                Some(false) => told.push(format!("{name}: {over}")),
                None => {}
            }
        }
        if seen != self.frames || !port.watched {
            self.frames = seen;
            self.moved = at;
            if self.idle.take().is_some() && port.watched {
                told.push(format!("{name}: frames come again"));
            }
        } else if self.idle.is_none() && at.saturating_sub(self.moved) >= IDLE {
            self.idle = Some(at);
            told.extend(state(Trouble::Idle, Some(name), Some((at, 0))).map(|s| s.to_string()));
        }
    }
}

fn state(trouble: Trouble, interface: Option<&str>, wrong: Option<(Duration, u64)>) -> Option<State> {
    let (since, share) = wrong?;
    Some(State { trouble, interface: interface.map(str::to_owned), since, share })
}

/// Watches the watch.
#[derive(Debug, Default)]
pub struct Watchdog {
    overall: [Meter; OVERALL.len()],
    ports: Vec<Watched>,
}

impl Watchdog {
    /// Takes what was counted so far; gives what began and what is over, as sentences.
    pub fn look(&mut self, look: &Look<'_>) -> Vec<String> {
        let mut told = Vec::new();
        for (trouble, meter) in OVERALL.into_iter().zip(&mut self.overall) {
            let (part, whole) = measure(trouble, look.health);
            match meter.judge(&rule(trouble), part, whole, look.at) {
                Some(true) => told.extend(state(trouble, None, meter.wrong).map(|s| s.to_string())),
                Some(false) => told.push(over(trouble).to_owned()),
                None => {}
            }
        }
        for (i, port) in look.ports.iter().enumerate() {
            if self.ports.len() == i {
                self.ports.push(Watched { name: port.name.to_owned(), moved: look.at, ..Watched::default() });
            }
            if let Some(watched) = self.ports.get_mut(i) {
                watched.look(port, look.at, &mut told);
            }
        }
        told
    }

    /// What is wrong now.
    pub fn states(&self) -> Vec<State> {
        let overall = OVERALL.into_iter().zip(&self.overall).filter_map(|(t, m)| state(t, None, m.wrong));
        let ports = self.ports.iter().flat_map(|p| {
            let name = Some(p.name.as_str());
            [
                state(Trouble::KernelDrops, name, p.kernel.wrong),
                state(Trouble::InterfaceDrops, name, p.interface.wrong),
                state(Trouble::Idle, name, p.idle.map(|since| (since, 0))),
            ]
        });
        overall.chain(ports.flatten()).collect()
    }
}

const fn over(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::OneWay => "both directions of most flows are seen now",
        Trouble::Truncated => "frames are whole again",
        Trouble::Undecoded => "frames can be decoded again",
        Trouble::BadChecksums => "checksums are right again",
        Trouble::Blind => "TCP is seen now",
        Trouble::KernelDrops | Trouble::InterfaceDrops | Trouble::Idle => "frames are seen again",
    }
}

#[cfg(test)]
mod tests;

//! Incidents: the story of one host at one pool over time.
//!
//! In: what findings say, which pools were cut off, and the time. Out: [`Incident`]s and every step from one state to
//! another. Pure: the same course gives the same story.
//!
//! ```text
//! finding -> open -> contained (its pool was cut off) -> quiet (no traffic) -> closed (a day later)
//!             ^----------- traffic again: reopened, and counted -----------------------'
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Alert, FlowFinding, HostKey};
use crate::dialect::Shares;
use crate::evidence::Verdict;
use crate::time::PacketTime;

/// Incidents kept; of more, those that are over longest give way, and where none is over, new ones are counted only.
const MAX_INCIDENTS: usize = 65_536;
/// So many that are over give way at a time.
const GIVE_WAY: usize = 1_024;
/// Share of them that findings without a verified handshake may fill: anybody can send forged packets.
const UNVERIFIED_SHARE: usize = 2;
/// Names kept of one pool.
const MAX_NAMES: usize = 8;
/// Flows at a time whose shares are kept apart; of more, the oldest are added up for good.
const MAX_FLOWS: usize = 32;
/// Connections that are cut say their last words for this long.
const LAST_WORDS: Duration = Duration::from_mins(1);

/// Which host, at which pool. Orders by host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IncidentKey {
    /// The host.
    pub host: HostKey,
    /// The pool's end. Port 0 where who asks a rig has a new port each time.
    pub pool: SocketAddr,
}

/// How an incident stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It mines.
    Open,
    /// Its pool was cut off, and nothing was seen since.
    Contained,
    /// Nothing was seen for a while.
    Quiet,
    /// Nothing was seen for long.
    Closed,
}

impl State {
    /// Name in outputs and on the disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Contained => "contained",
            Self::Quiet => "quiet",
            Self::Closed => "closed",
        }
    }

    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Open, Self::Contained, Self::Quiet, Self::Closed].into_iter().find(|s| s.name() == name)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is said of a host at a pool.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which.
    pub key: IncidentKey,
    /// First packet.
    pub first: PacketTime,
    /// Last packet.
    pub last: PacketTime,
    /// How sure we are.
    pub verdict: Verdict,
    /// Whether both directions were seen with a handshake.
    pub verified: bool,
    /// Dialect id.
    pub dialect: String,
    /// Coin, where known.
    pub coin: Option<String>,
    /// Wallet, where one was sent: any text.
    pub wallet: Option<String>,
    /// Names by which the pool was reached.
    pub names: Vec<String>,
    /// The flow that it comes from, with its shares so far. Alerts have none.
    pub flow: Option<(u64, Shares)>,
}

impl Seen {
    /// From a flow.
    pub fn of(f: &FlowFinding) -> Self {
        let port = if f.is_inventory() { 0 } else { f.pool.port() };
        Self {
            key: IncidentKey {
                host: HostKey { tenant: f.tenant, ip: f.miner_ip() },
                pool: SocketAddr::new(f.pool.ip(), port),
            },
            first: f.first.time,
            last: f.last.time,
            verdict: f.verdict,
            verified: f.handshake_verified && !f.one_way,
            dialect: f.dialect.to_owned(),
            coin: f.coin.map(|(coin, _)| coin.ticker().to_owned()),
            wallet: f.wallet.clone(),
            names: f.names.iter().map(ToString::to_string).collect(),
            flow: Some((f.flow_id, f.shares)),
        }
    }

    /// From an alert.
    pub fn of_alert(a: &Alert) -> Self {
        let (pool, ..) = a.endpoint();
        Self {
            key: IncidentKey { host: HostKey { tenant: a.tenant, ip: a.miner.ip() }, pool },
            first: a.at.time,
            last: a.at.time,
            verdict: a.verdict,
            verified: a.verified,
            dialect: a.dialect.to_owned(),
            coin: None,
            wallet: None,
            names: a.name.iter().map(ToString::to_string).collect(),
            flow: None,
        }
    }
}

/// A host's story at one pool.
#[derive(Clone, PartialEq, Debug)]
pub struct Incident {
    /// Which.
    pub key: IncidentKey,
    /// First packet.
    pub opened: PacketTime,
    /// Last packet.
    pub last_seen: PacketTime,
    /// The highest level so far.
    pub verdict: Verdict,
    /// Dialect id.
    pub dialect: String,
    /// Coin, where known.
    pub coin: Option<String>,
    /// Wallet as sent: any text.
    pub wallet: Option<String>,
    /// Names by which the pool was reached, as they came.
    pub names: Vec<String>,
    /// Shares of all its flows.
    pub shares: Shares,
    /// How it stands.
    pub state: State,
    /// When its pool was cut off, since it opened last.
    pub contained: Option<PacketTime>,
    /// How often it came back.
    pub reopened: u32,
}

/// A step from one state to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Which incident.
    pub key: IncidentKey,
    /// What it was before; `None` for a new one.
    pub from: Option<State>,
    /// What it is.
    pub to: State,
    /// When.
    pub at: PacketTime,
}

/// After how much silence an incident is what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Quiet.
    pub quiet: Duration,
    /// Closed.
    pub closed: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { quiet: Duration::from_mins(30), closed: Duration::from_hours(24) }
    }
}

#[derive(Clone, Debug)]
struct Slot {
    incident: Incident,
    /// Shares of flows that are added up for good.
    settled: Shares,
    /// Shares of single flows: one may be told of several times, each time with more.
    flows: Vec<(u64, Shares)>,
}

/// All incidents.
#[derive(Clone, Default, Debug)]
pub struct Incidents {
    slots: BTreeMap<IncidentKey, Slot>,
    patience: Patience,
    touched: BTreeSet<IncidentKey>,
    dropped: u64,
    /// Nothing is over that could give way, as far as was looked.
    stuck: bool,
}

impl Incidents {
    /// None yet.
    pub fn new(patience: Patience) -> Self {
        Self { patience, ..Self::default() }
    }

    /// Takes what was seen; the step that follows from it, if one does. What is less than suspected opens nothing.
    pub fn see(&mut self, s: Seen) -> Option<Step> {
        if let Some(slot) = self.slots.get_mut(&s.key) {
            self.touched.insert(s.key);
            return slot.see(s);
        }
        if s.verdict < Verdict::Suspected || !self.has_room(s.verified) {
            return None;
        }
        let (key, at) = (s.key, s.first);
        let incident = Incident {
            key,
            opened: s.first,
            last_seen: s.last,
            verdict: s.verdict,
            dialect: s.dialect.clone(),
            coin: None,
            wallet: None,
            names: Vec::new(),
            shares: Shares::default(),
            state: State::Open,
            contained: None,
            reopened: 0,
        };
        let mut slot = Slot { incident, settled: Shares::default(), flows: Vec::new() };
        slot.see(s);
        self.slots.insert(key, slot);
        self.touched.insert(key);
        Some(Step { key, from: None, to: State::Open, at })
    }

    /// Tells that pools or hosts were cut off at `at`: those for which `is_cut` says so. To be called for what a firewall took
    /// anew, once: an incident whose traffic goes on after that is open again and stays so.
    pub fn contain(&mut self, is_cut: impl Fn(&IncidentKey) -> bool, at: PacketTime) -> Vec<Step> {
        let mut steps = Vec::new();
        for (key, slot) in &mut self.slots {
            let i = &mut slot.incident;
            if i.state == State::Open && is_cut(key) {
                i.contained = Some(at);
                steps.push(i.go(State::Contained, at));
                self.touched.insert(*key);
            }
        }
        steps
    }

    /// Tells the time: what was silent for long goes quiet, or is closed.
    pub fn tick(&mut self, now: PacketTime) -> Vec<Step> {
        let mut steps = Vec::new();
        for (key, slot) in &mut self.slots {
            let i = &mut slot.incident;
            let silent = now.since(i.last_seen);
            let to = match i.state {
                State::Closed => continue,
                _ if silent >= self.patience.closed => State::Closed,
                State::Open | State::Contained if silent >= self.patience.quiet => State::Quiet,
                _ => continue,
            };
            steps.push(i.go(to, now));
            self.touched.insert(*key);
            self.stuck = false;
        }
        steps
    }

    /// Takes what was saved. What is known already stays as it is.
    pub fn load(&mut self, saved: impl IntoIterator<Item = Incident>) {
        for incident in saved {
            if self.slots.len() >= MAX_INCIDENTS {
                self.dropped += 1;
                continue;
            }
            let settled = incident.shares;
            self.slots.entry(incident.key).or_insert(Slot { incident, settled, flows: Vec::new() });
        }
    }

    /// All of them, by host and pool.
    pub fn iter(&self) -> impl Iterator<Item = &Incident> {
        self.slots.values().map(|s| &s.incident)
    }

    /// The incident of that host and pool.
    pub fn get(&self, key: &IncidentKey) -> Option<&Incident> {
        self.slots.get(key).map(|s| &s.incident)
    }

    /// Those that changed since this was last called; `None` for one that gave way.
    pub fn take_touched(&mut self) -> Vec<(IncidentKey, Option<Incident>)> {
        let touched = std::mem::take(&mut self.touched);
        touched.into_iter().map(|k| (k, self.get(&k).cloned())).collect()
    }

    /// Marks all as changed, for a disk that has none of them.
    pub fn touch_all(&mut self) {
        self.touched.extend(self.slots.keys());
    }

    /// How many did not fit.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn has_room(&mut self, verified: bool) -> bool {
        let most = if verified { MAX_INCIDENTS } else { MAX_INCIDENTS / UNVERIFIED_SHARE };
        if self.slots.len() < most {
            return true;
        }
        if !self.stuck {
            // Many at once: whoever floods us must not make us look through all of them for each that he opens.
            let over = self.slots.values().map(|s| &s.incident).filter(|i| i.state >= State::Quiet);
            let mut over: Vec<_> = over.map(|i| (i.state != State::Closed, i.last_seen, i.key)).collect();
            over.sort_unstable();
            self.stuck = over.is_empty();
            for (.., key) in over.into_iter().take(GIVE_WAY) {
                self.slots.remove(&key);
                self.touched.insert(key);
            }
            if self.slots.len() < most {
                return true;
            }
        }
        self.dropped += 1;
        false
    }
}

impl Slot {
    fn see(&mut self, s: Seen) -> Option<Step> {
        let i = &mut self.incident;
        if s.verdict > i.verdict {
            i.dialect = s.dialect;
        }
        i.verdict = i.verdict.max(s.verdict);
        i.coin = s.coin.or(i.coin.take());
        i.wallet = s.wallet.or(i.wallet.take());
        for name in s.names {
            if i.names.len() < MAX_NAMES && !i.names.contains(&name) {
                i.names.push(name);
            }
        }
        if let Some((flow, shares)) = s.flow {
            match self.flows.iter_mut().find(|(id, _)| *id == flow) {
                Some((_, known)) => *known = shares,
                None => self.flows.push((flow, shares)),
            }
            if self.flows.len() > MAX_FLOWS {
                let (_, oldest) = self.flows.remove(0);
                self.settled = sum(self.settled, oldest);
            }
            i.shares = self.flows.iter().fold(self.settled, |all, (_, one)| sum(all, *one));
        }
        i.opened = i.opened.min(s.first);
        if s.last <= i.last_seen {
            return None;
        }
        i.last_seen = s.last;
        let back = match i.state {
            State::Open => false,
            State::Contained => i.contained.is_none_or(|at| s.last.since(at) > LAST_WORDS),
            State::Quiet | State::Closed => true,
        };
        back.then(|| {
            i.reopened = i.reopened.saturating_add(1);
            i.contained = None;
            i.go(State::Open, s.last)
        })
    }
}

impl Incident {
    fn go(&mut self, to: State, at: PacketTime) -> Step {
        let from = std::mem::replace(&mut self.state, to);
        Step { key: self.key, from: Some(from), to, at }
    }
}

fn sum(a: Shares, b: Shares) -> Shares {
    Shares {
        submitted: a.submitted.saturating_add(b.submitted),
        accepted: a.accepted.saturating_add(b.accepted),
        rejected: a.rejected.saturating_add(b.rejected),
    }
}

#[cfg(test)]
mod tests;
